/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES (FIPS 197), bitsliced: four blocks at once in eight 64-bit words, or more in as many
 * vectors of such words. No branch and no address depends on key or data, so it is constant
 * time wherever the machine's integer logic and shifts are.
 */
#ifndef ESPNIC_ENGINE_AES_H
#define ESPNIC_ENGINE_AES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A vector of two words is what every 64-bit machine with GCC or clang has registers for. */
#if defined(__GNUC__) && !defined(ESPNIC_PLAIN_C)
#define ESPNIC_AES_VECTORS
#endif

enum {
	ESPNIC_AES_BLOCK = 16,		/* bytes */
	ESPNIC_AES_ROUNDS_MAX = 14,	/* FIPS 197 figure 4: Nr of AES-256 */
	ESPNIC_AES_SLICES = 8,		/* one word a bit of a byte */
#ifdef ESPNIC_AES_VECTORS
	ESPNIC_AES_LANES = 2,		/* words of a slice */
#else
	ESPNIC_AES_LANES = 1,
#endif
	ESPNIC_AES_PARALLEL = 4 * ESPNIC_AES_LANES,	/* blocks in one pass */
};

/* An expanded key; the caller owns it and wipes it. */
struct espnic_aes {
	uint64_t round_key[ESPNIC_AES_ROUNDS_MAX + 1][ESPNIC_AES_SLICES];
	uint32_t rounds;
};

/* KeyExpansion() of the @len bytes (16, 24 or 32) at @key. False: another length. */
bool espnic_aes_init(struct espnic_aes *aes, const uint8_t *key, size_t len);

/* Cipher() of each of @n blocks, in place. Quickest in multiples of ESPNIC_AES_PARALLEL. */
void espnic_aes_encrypt(const struct espnic_aes *aes, uint8_t *blocks, size_t n);

/* InvCipher() of each of @n blocks, in place. */
void espnic_aes_decrypt(const struct espnic_aes *aes, uint8_t *blocks, size_t n);

/*
 * CTR (SP 800-38A section 6.5) with inc_32 (SP 800-38D section 6.2), in place:
 * XORs the key stream whose first counter block is @first into @len bytes.
 */
void espnic_aes_ctr32(const struct espnic_aes *aes, const uint8_t first[ESPNIC_AES_BLOCK],
		      uint8_t *data, size_t len);

#endif
