// SPDX-License-Identifier: BSD-2-Clause
/* Numbers are five limbs of 26 bits: products of two and sums of five fit in 64 bits. */
#include "engine/prim/poly1305.h"

#include <string.h>

#include "engine/prim/le.h"
#include "engine/wipe.h"

enum {
	LIMB_BITS = 26,
	LIMB_MASK = (1 << LIMB_BITS) - 1,
	LIMB_HIGH_BIT = 1 << 24,	/* 2^128 in the top limb: 128 - 4 * 26 */
	WRAP = 5,			/* 2^130 = 5 modulo p = 2^130 - 5 */
};

/* 128 bits into limbs. Limb i begins at bit 26 i: byte 0, 3, 6, 9 and 12 and a rest. */
static void to_limbs(uint32_t limb[ESPNIC_POLY1305_LIMBS], const uint8_t b[16])
{
	limb[0] = espnic_get_le32(b) & LIMB_MASK;
	limb[1] = espnic_get_le32(b + 3) >> 2 & LIMB_MASK;
	limb[2] = espnic_get_le32(b + 6) >> 4 & LIMB_MASK;
	limb[3] = espnic_get_le32(b + 9) >> 6 & LIMB_MASK;
	limb[4] = espnic_get_le32(b + 12) >> 8;
}

void espnic_poly1305_start(struct espnic_poly1305 *p, const uint8_t key[ESPNIC_POLY1305_KEY])
{
	uint8_t r[16];

	/* clamp(r), section 2.5: the top four bits of every fourth byte, the low two of the next. */
	memcpy(r, key, sizeof(r));
	for (int i = 3; i < 16; i += 4)
		r[i] &= 0x0f;
	for (int i = 4; i < 16; i += 4)
		r[i] &= 0xfc;
	to_limbs(p->r, r);
	memset(p->h, 0, sizeof(p->h));
	memcpy(p->s, key + 16, sizeof(p->s));
	espnic_wipe(r, sizeof(r));
}

/* h = h r mod p, up to a small multiple of p. */
static void multiply(struct espnic_poly1305 *p)
{
	const uint32_t *h = p->h, *r = p->r;
	uint64_t d[ESPNIC_POLY1305_LIMBS] = { 0 };
	uint64_t carry = 0;

	for (int i = 0; i < ESPNIC_POLY1305_LIMBS; i++) {
		for (int j = 0; j < ESPNIC_POLY1305_LIMBS; j++) {
			uint64_t product = (uint64_t)h[i] * r[j];

			if (i + j < ESPNIC_POLY1305_LIMBS)
				d[i + j] += product;
			else
				d[i + j - ESPNIC_POLY1305_LIMBS] += WRAP * product;
		}
	}
	for (int i = 0; i < ESPNIC_POLY1305_LIMBS; i++) {
		d[i] += carry;
		carry = d[i] >> LIMB_BITS;
		p->h[i] = (uint32_t)d[i] & LIMB_MASK;
	}
	/* The carry is below 2^33, WRAP of it below 2^36: another step down the first limbs. */
	carry = p->h[0] + WRAP * carry;
	p->h[0] = (uint32_t)carry & LIMB_MASK;
	p->h[1] += (uint32_t)(carry >> LIMB_BITS);
}

static void add_block(struct espnic_poly1305 *p, const uint8_t block[ESPNIC_POLY1305_BLOCK])
{
	uint32_t m[ESPNIC_POLY1305_LIMBS];

	to_limbs(m, block);
	m[4] |= LIMB_HIGH_BIT;
	for (int i = 0; i < ESPNIC_POLY1305_LIMBS; i++)
		p->h[i] += m[i];
	multiply(p);
}

void espnic_poly1305_padded(struct espnic_poly1305 *p, const uint8_t *data, size_t len)
{
	for (; len >= ESPNIC_POLY1305_BLOCK; len -= ESPNIC_POLY1305_BLOCK) {
		add_block(p, data);
		data += ESPNIC_POLY1305_BLOCK;
	}
	if (len > 0) {
		uint8_t last[ESPNIC_POLY1305_BLOCK] = { 0 };

		memcpy(last, data, len);
		add_block(p, last);
		espnic_wipe(last, sizeof(last));
	}
}

/* Carries @h through, the top one back in at the bottom. */
static void carry_through(uint32_t h[ESPNIC_POLY1305_LIMBS])
{
	uint32_t carry = 0;

	for (int i = 0; i < ESPNIC_POLY1305_LIMBS; i++) {
		h[i] += carry;
		carry = h[i] >> LIMB_BITS;
		h[i] &= LIMB_MASK;
	}
	h[0] += WRAP * carry;
}

void espnic_poly1305_final(struct espnic_poly1305 *p, uint8_t tag[ESPNIC_POLY1305_TAG])
{
	uint32_t minus_p[ESPNIC_POLY1305_LIMBS];
	uint32_t carry = WRAP, take, words[4];
	uint64_t sum = 0;

	/* Twice: the first leaves at most a carry out of limb 0. */
	carry_through(p->h);
	carry_through(p->h);

	/* h - p = h + 5 - 2^130: where that does not carry out, h is below p already. */
	for (int i = 0; i < ESPNIC_POLY1305_LIMBS; i++) {
		minus_p[i] = p->h[i] + carry;
		carry = minus_p[i] >> LIMB_BITS;
		minus_p[i] &= LIMB_MASK;
	}
	take = 0 - carry;
	for (int i = 0; i < ESPNIC_POLY1305_LIMBS; i++)
		p->h[i] = (p->h[i] & ~take) | (minus_p[i] & take);

	/* (h + s) mod 2^128, in words of 32 bits. */
	words[0] = p->h[0] | p->h[1] << 26;
	words[1] = p->h[1] >> 6 | p->h[2] << 20;
	words[2] = p->h[2] >> 12 | p->h[3] << 14;
	words[3] = p->h[3] >> 18 | p->h[4] << 8;
	for (int i = 0; i < 4; i++) {
		sum += (uint64_t)words[i] + espnic_get_le32(p->s + 4 * i);
		espnic_put_le32(tag + 4 * i, (uint32_t)sum);
		sum >>= 32;
	}
	espnic_wipe(minus_p, sizeof(minus_p));
	espnic_wipe(words, sizeof(words));
	espnic_wipe(p, sizeof(*p));
}
