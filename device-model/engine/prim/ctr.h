/* SPDX-License-Identifier: BSD-2-Clause */
/* AES in counter mode (SP 800-38A section 6.5; RFC 3686), in place. */
#ifndef ESPNIC_ENGINE_PRIM_CTR_H
#define ESPNIC_ENGINE_PRIM_CTR_H

#include "engine/aes.h"

/*
 * XORs the key stream whose first counter block is @first into @len bytes; encrypts and
 * decrypts. The whole block counts (SP 800-38A appendix B.1 with m = 128). RFC 3686's block,
 * nonce | IV | counter from 1, can't overflow its own 32 bits: that would take 64 GiB.
 */
void espnic_ctr(const struct espnic_aes *aes, const uint8_t first[ESPNIC_AES_BLOCK],
		uint8_t *data, size_t len);

#endif
