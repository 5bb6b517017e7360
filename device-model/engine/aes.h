/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES (FIPS 197), encryption direction, bitsliced: four blocks at once in eight
 * 64-bit words. No branch and no address depends on key or data, so it is
 * constant time wherever the machine's integer logic and shifts are.
 */
#ifndef ESPNIC_ENGINE_AES_H
#define ESPNIC_ENGINE_AES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ESPNIC_AES_BLOCK = 16,		/* bytes */
	ESPNIC_AES_ROUNDS_MAX = 14,	/* FIPS 197 figure 4: Nr of AES-256 */
	ESPNIC_AES_SLICES = 8,		/* one word a bit of a byte */
	ESPNIC_AES_PARALLEL = 4,	/* blocks in one pass */
};

/* An expanded key; the caller owns it and wipes it. */
struct espnic_aes {
	uint64_t round_key[ESPNIC_AES_ROUNDS_MAX + 1][ESPNIC_AES_SLICES];
	uint32_t rounds;
};

/* KeyExpansion() of the @len bytes (16, 24 or 32) at @key. False: another length. */
bool espnic_aes_init(struct espnic_aes *aes, const uint8_t *key, size_t len);

/* Cipher() of four blocks, in place. */
void espnic_aes_encrypt4(const struct espnic_aes *aes, uint8_t blocks[64]);

/*
 * CTR (SP 800-38A section 6.5) with inc_32 (SP 800-38D section 6.2), in place:
 * XORs the key stream whose first counter block is @first into @len bytes.
 */
void espnic_aes_ctr32(const struct espnic_aes *aes, const uint8_t first[ESPNIC_AES_BLOCK],
		      uint8_t *data, size_t len);

#endif
