/* SPDX-License-Identifier: BSD-2-Clause */
/* Private keys, which never leave the process with the rights, by the number that SHA-256 of their public half is. One thread. */
#ifndef ESPNIC_IKE_MAIN_CREDS_H
#define ESPNIC_IKE_MAIN_CREDS_H

#include "core/ike.h"

enum espnic_keys_limits {
	ESPNIC_KEYS = 1024,
	ESPNIC_KEY_NAME = 2 * ESPNIC_IKE_KEYID + 1, /* a number in hexadecimal, with its end */
};

struct espnic_keys {
	unsigned int n;
	struct {
		void *key; /* EVP_PKEY, owned */
		uint8_t keyid[ESPNIC_IKE_KEYID];
	} v[ESPNIC_KEYS];
};

/* The EVP_PKEY of that number; NULL. */
void *espnic_keys_find(const struct espnic_keys *k, const uint8_t keyid[ESPNIC_IKE_KEYID]);
/*
 * Take the unencrypted key in @len bytes at @p, PEM or DER; @name is written. -1 with @err written: it is none, of a kind that is not
 * supported, or one too many.
 */
int espnic_keys_load(struct espnic_keys *k, const uint8_t *p, size_t len, char name[ESPNIC_KEY_NAME], char err[ESPNIC_IKE_TEXT]);
/* False: there is none of that name. */
bool espnic_keys_unload(struct espnic_keys *k, const char *name);
void espnic_keys_name(const struct espnic_keys *k, unsigned int i, char name[ESPNIC_KEY_NAME]);
void espnic_keys_clear(struct espnic_keys *k);

#endif
