// SPDX-License-Identifier: BSD-2-Clause
#include "engine/prim/cbc.h"

#include <string.h>

#include "engine/prim/xor.h"

/* C_j = CIPH_K(P_j + C_(j-1)): each block waits for the one before. */
void espnic_cbc_encrypt(const struct espnic_aes *aes, const uint8_t iv[ESPNIC_AES_BLOCK],
			uint8_t *data, size_t len)
{
	const uint8_t *last = iv;

	for (; len >= ESPNIC_AES_BLOCK; len -= ESPNIC_AES_BLOCK) {
		espnic_xor(data, last, ESPNIC_AES_BLOCK);
		espnic_aes_encrypt(aes, data, 1);
		last = data;
		data += ESPNIC_AES_BLOCK;
	}
}

/* P_j = CIPH^-1_K(C_j) + C_(j-1): as many blocks at once as a pass of AES holds. */
void espnic_cbc_decrypt(const struct espnic_aes *aes, const uint8_t iv[ESPNIC_AES_BLOCK],
			uint8_t *data, size_t len)
{
	/* The block before those in work, and these as they came. */
	uint8_t cipher[ESPNIC_AES_BLOCK * (1 + ESPNIC_AES_PARALLEL)];

	memcpy(cipher, iv, ESPNIC_AES_BLOCK);
	while (len >= ESPNIC_AES_BLOCK) {
		size_t n = len / ESPNIC_AES_BLOCK;
		size_t bytes;

		if (n > ESPNIC_AES_PARALLEL)
			n = ESPNIC_AES_PARALLEL;
		bytes = n * ESPNIC_AES_BLOCK;
		memcpy(cipher + ESPNIC_AES_BLOCK, data, bytes);
		espnic_aes_decrypt(aes, data, n);
		espnic_xor(data, cipher, bytes);
		memmove(cipher, cipher + bytes, ESPNIC_AES_BLOCK);
		data += bytes;
		len -= bytes;
	}
}
