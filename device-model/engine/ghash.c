// SPDX-License-Identifier: BSD-2-Clause
/*
 * A block is read as a big-endian 128-bit number. GCM counts bits from the left
 * (SP 800-38D section 6.3), so the coefficient of x^i stands at bit 127 - i: the
 * numbers are the polynomials bit-reversed, and a product of two of them is the
 * reversed product shifted right by one.
 */
#include "engine/ghash.h"

#include <string.h>

#include "engine/ip.h"

/*
 * Low 64 bits of the carry-less product. Each operand is cut into four words of
 * every fourth bit. In a product of two of these, a bit place gets at most 16
 * ones, and those from the place before are 4 lower: sums of up to 15 stay in
 * their own hole, and 16 can only come up at the topmost places, where the
 * carry falls off the word.
 */
static uint64_t clmul_lo(uint64_t x, uint64_t y)
{
	const uint64_t m0 = 0x1111111111111111, m1 = m0 << 1, m2 = m0 << 2, m3 = m0 << 3;
	uint64_t x0 = x & m0, x1 = x & m1, x2 = x & m2, x3 = x & m3;
	uint64_t y0 = y & m0, y1 = y & m1, y2 = y & m2, y3 = y & m3;
	uint64_t z0 = (x0 * y0) ^ (x1 * y3) ^ (x2 * y2) ^ (x3 * y1);
	uint64_t z1 = (x0 * y1) ^ (x1 * y0) ^ (x2 * y3) ^ (x3 * y2);
	uint64_t z2 = (x0 * y2) ^ (x1 * y1) ^ (x2 * y0) ^ (x3 * y3);
	uint64_t z3 = (x0 * y3) ^ (x1 * y2) ^ (x2 * y1) ^ (x3 * y0);

	return (z0 & m0) | (z1 & m1) | (z2 & m2) | (z3 & m3);
}

/* Reverses the order of the 64 bits. */
static uint64_t reverse(uint64_t x)
{
	x = (x & 0x5555555555555555) << 1 | (x >> 1 & 0x5555555555555555);
	x = (x & 0x3333333333333333) << 2 | (x >> 2 & 0x3333333333333333);
	x = (x & 0x0f0f0f0f0f0f0f0f) << 4 | (x >> 4 & 0x0f0f0f0f0f0f0f0f);
	x = (x & 0x00ff00ff00ff00ff) << 8 | (x >> 8 & 0x00ff00ff00ff00ff);
	x = (x & 0x0000ffff0000ffff) << 16 | (x >> 16 & 0x0000ffff0000ffff);
	return x << 32 | x >> 32;
}

/* Y = Y * H in GF(2^128). */
static void multiply(const struct espnic_ghash_key *h, struct espnic_ghash *y)
{
	uint64_t hi = y->hi, lo = y->lo;
	uint64_t hi_rev = reverse(hi), lo_rev = reverse(lo);

	/*
	 * Karatsuba: three products of 64 bits each. The high half of a product is
	 * the low half of the reversed operands' product, reversed, one bit lower.
	 */
	uint64_t l0 = clmul_lo(lo, h->lo);
	uint64_t h0 = clmul_lo(hi, h->hi);
	uint64_t m0 = clmul_lo(hi ^ lo, h->mid) ^ l0 ^ h0;
	uint64_t l1 = clmul_lo(lo_rev, h->lo_rev);
	uint64_t h1 = clmul_lo(hi_rev, h->hi_rev);
	uint64_t m1 = clmul_lo(hi_rev ^ lo_rev, h->mid_rev) ^ l1 ^ h1;

	l1 = reverse(l1) >> 1;
	h1 = reverse(h1) >> 1;
	m1 = reverse(m1) >> 1;

	/* 255 bits in v3..v0, moved left by one to put x^0 at bit 255. */
	uint64_t v0 = l0, v1 = l1 ^ m0, v2 = h0 ^ m1, v3 = h1;

	v3 = v3 << 1 | v2 >> 63;
	v2 = v2 << 1 | v1 >> 63;
	v1 = v1 << 1 | v0 >> 63;
	v0 = v0 << 1;

	/* x^128 = 1 + x + x^2 + x^7: fold x^192.. and then x^128.. down. */
	v2 ^= v0 ^ v0 >> 1 ^ v0 >> 2 ^ v0 >> 7;
	v1 ^= v0 << 63 ^ v0 << 62 ^ v0 << 57;
	v3 ^= v1 ^ v1 >> 1 ^ v1 >> 2 ^ v1 >> 7;
	v2 ^= v1 << 63 ^ v1 << 62 ^ v1 << 57;

	y->hi = v3;
	y->lo = v2;
}

void espnic_ghash_init(struct espnic_ghash_key *key, const uint8_t h[ESPNIC_GHASH_BLOCK])
{
	key->hi = espnic_get64(h);
	key->lo = espnic_get64(h + 8);
	key->mid = key->hi ^ key->lo;
	key->hi_rev = reverse(key->hi);
	key->lo_rev = reverse(key->lo);
	key->mid_rev = key->hi_rev ^ key->lo_rev;
}

static void add_block(const struct espnic_ghash_key *key, struct espnic_ghash *y,
		      const uint8_t block[ESPNIC_GHASH_BLOCK])
{
	y->hi ^= espnic_get64(block);
	y->lo ^= espnic_get64(block + 8);
	multiply(key, y);
}

void espnic_ghash_update(const struct espnic_ghash_key *key, struct espnic_ghash *y,
			 const uint8_t *data, size_t len)
{
	for (; len >= ESPNIC_GHASH_BLOCK; len -= ESPNIC_GHASH_BLOCK) {
		add_block(key, y, data);
		data += ESPNIC_GHASH_BLOCK;
	}
	if (len > 0) {
		uint8_t last[ESPNIC_GHASH_BLOCK] = { 0 };

		memcpy(last, data, len);
		add_block(key, y, last);
	}
}

void espnic_ghash_lengths(const struct espnic_ghash_key *key, struct espnic_ghash *y,
			  uint64_t a_len, uint64_t c_len)
{
	y->hi ^= a_len * 8;
	y->lo ^= c_len * 8;
	multiply(key, y);
}

void espnic_ghash_final(const struct espnic_ghash *y, uint8_t out[ESPNIC_GHASH_BLOCK])
{
	espnic_put64(out, y->hi);
	espnic_put64(out + 8, y->lo);
}
