/* SPDX-License-Identifier: BSD-2-Clause */
/* AES-CCM (SP 800-38C, RFC 3610; in ESP RFC 4309), in place; the context is an expanded AES key. */
#ifndef ESPNIC_ENGINE_PRIM_CCM_H
#define ESPNIC_ENGINE_PRIM_CCM_H

#include "engine/aes.h"

enum {
	ESPNIC_CCM_NONCE_MIN = 7,	/* bytes: SP 800-38C appendix A.1 */
	ESPNIC_CCM_NONCE_MAX = 13,
	ESPNIC_CCM_TAG_MIN = 4,		/* bytes: 4, 6, ... 16 */
	ESPNIC_CCM_TAG_MAX = 16,
};

/*
 * Encrypts @len bytes at @data in place and writes @tag_len bytes of tag. @len must be below
 * 2^(8 (15 - @nonce_len)) and @aad_len below 2^32 (section A.2.2).
 */
void espnic_ccm_seal(const struct espnic_aes *aes, const uint8_t *nonce, size_t nonce_len,
		     const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len,
		     uint8_t *tag, size_t tag_len);

/* True and @data decrypted in place, or false and @data as it was. */
bool espnic_ccm_open(const struct espnic_aes *aes, const uint8_t *nonce, size_t nonce_len,
		     const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len,
		     const uint8_t *tag, size_t tag_len);

#endif
