/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES-CMAC (SP 800-38B; in ESP and AH RFC 4494) and AES-XCBC-MAC (RFC 3566): a CBC-MAC whose last
 * block is masked by one key if it is whole and by another if it was padded. They differ in where
 * the three keys come from.
 */
#ifndef ESPNIC_ENGINE_PRIM_CMAC_H
#define ESPNIC_ENGINE_PRIM_CMAC_H

#include "engine/aes.h"

struct espnic_cmac_key {
	struct espnic_aes aes;
	uint8_t whole[ESPNIC_AES_BLOCK];	/* CMAC: K1; XCBC: K2 */
	uint8_t padded[ESPNIC_AES_BLOCK];	/* CMAC: K2; XCBC: K3 */
};

struct espnic_cmac {
	uint8_t y[ESPNIC_AES_BLOCK];		/* the MAC of all blocks but the pending one */
	uint8_t block[ESPNIC_AES_BLOCK];	/* pending: only final() knows if it is the last */
	uint32_t used;				/* bytes of it */
};

/* SP 800-38B section 6.1. False: @len is not 16, 24 or 32 bytes. */
bool espnic_cmac_init(struct espnic_cmac_key *key, const uint8_t *raw, size_t len);
/* RFC 3566 section 4. False: @len is not 16 bytes. */
bool espnic_xcbc_init(struct espnic_cmac_key *key, const uint8_t *raw, size_t len);

/* SP 800-38B section 6.2: zeroes @mac; then message bytes in pieces; then the tag. */
void espnic_cmac_start(struct espnic_cmac *mac);
void espnic_cmac_update(const struct espnic_cmac_key *key, struct espnic_cmac *mac,
			const uint8_t *data, size_t len);
void espnic_cmac_final(const struct espnic_cmac_key *key, struct espnic_cmac *mac,
		       uint8_t tag[ESPNIC_AES_BLOCK]);

#endif
