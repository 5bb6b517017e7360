/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Triple DES (SP 800-67, over DES of FIPS 46-3) in CBC mode (RFC 2451), in place. Legacy. The
 * S-boxes are computed, not looked up: constant time.
 */
#ifndef ESPNIC_ENGINE_PRIM_DES3_H
#define ESPNIC_ENGINE_PRIM_DES3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ESPNIC_DES_BLOCK = 8,		/* bytes */
	ESPNIC_DES3_KEY = 24,		/* bytes, parity bits and all */
	ESPNIC_DES_ROUNDS = 16,
};

/* The 48 bits of a round's key, by the S-box they go to: see des3.c. */
struct espnic_des_round_key {
	uint32_t first4, last2;
};

struct espnic_des3 {
	struct espnic_des_round_key round_key[3][ESPNIC_DES_ROUNDS];
};

/* False: @len is not 24. Parity bits are not looked at; weak keys are the caller's to refuse. */
bool espnic_des3_init(struct espnic_des3 *des, const uint8_t *key, size_t len);

/* @len is a multiple of ESPNIC_DES_BLOCK; @iv is not changed. */
void espnic_des3_cbc_encrypt(const struct espnic_des3 *des, const uint8_t iv[ESPNIC_DES_BLOCK],
			     uint8_t *data, size_t len);
void espnic_des3_cbc_decrypt(const struct espnic_des3 *des, const uint8_t iv[ESPNIC_DES_BLOCK],
			     uint8_t *data, size_t len);

#endif
