/* SPDX-License-Identifier: BSD-2-Clause */
/* Which bare transforms there are, and which of them a body has. */
#ifndef ESPNIC_ENGINE_TRANSFORM_H
#define ESPNIC_ENGINE_TRANSFORM_H

#include "engine/aead.h"
#include "engine/cipher.h"
#include "engine/mac.h"

/* The `alg` of CONTRACTS.md, in its order. */
enum espnic_alg {
	ESPNIC_ALG_AES_GCM,
	ESPNIC_ALG_AES_CCM,
	ESPNIC_ALG_CHACHA20_POLY1305,
	ESPNIC_ALG_AES_GMAC,		/* a MAC that takes a nonce */
	ESPNIC_ALG_AES_CBC,
	ESPNIC_ALG_AES_CTR,
	ESPNIC_ALG_3DES_CBC,
	ESPNIC_ALG_HMAC_MD5,
	ESPNIC_ALG_HMAC_SHA1,
	ESPNIC_ALG_HMAC_SHA256,
	ESPNIC_ALG_HMAC_SHA384,
	ESPNIC_ALG_HMAC_SHA512,
	ESPNIC_ALG_AES_XCBC,
	ESPNIC_ALG_AES_CMAC,
	ESPNIC_ALGS
};

/* One of the three, as the alg's kind is; or none: the body lacks the alg. */
struct espnic_transform {
	const struct espnic_aead_ops *aead;
	const struct espnic_cipher_ops *cipher;
	const struct espnic_mac_ops *mac;
};

/* The bare transforms of one body. */
struct espnic_transforms {
	const char *body;

	/* NULL, or a constant text that says why this machine cannot run the body. */
	const char *(*unavailable)(void);

	/* NULL: of holds; else what holds on this machine, known once unavailable() said NULL. */
	const struct espnic_transforms *(*chosen)(void);

	struct espnic_transform of[ESPNIC_ALGS];
};

extern const struct espnic_transforms espnic_transforms_ref;
extern const struct espnic_transforms espnic_transforms_fast;
extern const struct espnic_transforms espnic_transforms_rtl;	/* none: its cipher is within its pipeline */

/* The word of CONTRACTS.md for @alg, and the alg of a word, ESPNIC_ALGS for an unknown one. */
const char *espnic_alg_name(enum espnic_alg alg);
enum espnic_alg espnic_alg_find(const char *name);

/* The nonce an AEAD or GMAC takes, in bytes; other algs have none here: 0. */
void espnic_alg_nonce(enum espnic_alg alg, size_t *min, size_t *max);

/* Bytes of the full tag, 0 for a cipher; and whether a tag may be cut to @len bytes. */
size_t espnic_alg_tag_max(enum espnic_alg alg);
bool espnic_alg_tag_ok(enum espnic_alg alg, uint64_t len);

/*
 * The bare transforms of the body called @name (as for espnic_engine_get()), or
 * NULL and in *@why (may be NULL) the reason.
 */
const struct espnic_transforms *espnic_transforms_get(const char *name, const char **why);

#endif
