/* SPDX-License-Identifier: BSD-2-Clause */
/* Poly1305 (RFC 8439 section 2.5), constant time where the 32-bit multiplication is. */
#ifndef ESPNIC_ENGINE_PRIM_POLY1305_H
#define ESPNIC_ENGINE_PRIM_POLY1305_H

#include <stddef.h>
#include <stdint.h>

enum {
	ESPNIC_POLY1305_KEY = 32,	/* bytes: r, then s */
	ESPNIC_POLY1305_BLOCK = 16,
	ESPNIC_POLY1305_TAG = 16,
	ESPNIC_POLY1305_LIMBS = 5,	/* of 26 bits */
};

struct espnic_poly1305 {
	uint32_t r[ESPNIC_POLY1305_LIMBS];
	uint32_t h[ESPNIC_POLY1305_LIMBS];	/* the accumulator, below 2^130 + a bit */
	uint8_t s[ESPNIC_POLY1305_TAG];
};

/* A key is for one message only. */
void espnic_poly1305_start(struct espnic_poly1305 *p, const uint8_t key[ESPNIC_POLY1305_KEY]);

/* @len bytes, of which the last block is filled up with zeros: RFC 8439 section 2.8 pads so. */
void espnic_poly1305_padded(struct espnic_poly1305 *p, const uint8_t *data, size_t len);

/* Writes the tag and wipes @p. */
void espnic_poly1305_final(struct espnic_poly1305 *p, uint8_t tag[ESPNIC_POLY1305_TAG]);

#endif
