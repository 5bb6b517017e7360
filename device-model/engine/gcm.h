/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GCM (SP 800-38D) over the engine's own AES and GHASH; constant time in key,
 * data and tag. Works in place; the context is the caller's.
 */
#ifndef ESPNIC_ENGINE_GCM_H
#define ESPNIC_ENGINE_GCM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/aes.h"
#include "engine/ghash.h"

enum {
	ESPNIC_GCM_NONCE = 12,		/* bytes: the length RFC 4106 uses */
	ESPNIC_GCM_TAG = 16,		/* bytes: the full tag */
};

struct espnic_gcm {
	struct espnic_aes aes;
	struct espnic_ghash_key ghash;
};

/* GMAC under way: a message that comes in pieces. */
struct espnic_gmac {
	struct espnic_ghash y;
	uint8_t j0[ESPNIC_AES_BLOCK];
	uint8_t pending[ESPNIC_GHASH_BLOCK];
	uint64_t len;			/* bytes so far; below a block of them are pending */
};

/* False: @len is not 16, 24 or 32 bytes. */
bool espnic_gcm_init(struct espnic_gcm *gcm, const uint8_t *key, size_t len);

/*
 * GCM-AE_K(IV, P, A), section 7.1: encrypts @len bytes at @data in place and
 * writes @tag_len (<= 16) bytes of tag. Any @iv_len > 0.
 */
void espnic_gcm_seal(const struct espnic_gcm *gcm, const uint8_t *iv, size_t iv_len,
		     const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len,
		     uint8_t *tag, size_t tag_len);

/*
 * GCM-AD_K(IV, C, A, T), section 7.2: true and @data decrypted in place, or
 * false and @data as it was: the tag is judged before a byte is decrypted.
 */
bool espnic_gcm_open(const struct espnic_gcm *gcm, const uint8_t *iv, size_t iv_len,
		     const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len,
		     const uint8_t *tag, size_t tag_len);

/* GMAC (section 3; RFC 4543): the tag of a message that is all AAD. Any @iv_len > 0. */
void espnic_gmac_start(const struct espnic_gcm *gcm, struct espnic_gmac *mac, const uint8_t *iv,
		       size_t iv_len);
void espnic_gmac_update(const struct espnic_gcm *gcm, struct espnic_gmac *mac,
			const uint8_t *data, size_t len);
/* Writes the full tag and wipes @mac. */
void espnic_gmac_final(const struct espnic_gcm *gcm, struct espnic_gmac *mac,
		       uint8_t tag[ESPNIC_GCM_TAG]);

#endif
