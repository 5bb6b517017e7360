// SPDX-License-Identifier: BSD-2-Clause
/* SHA-1 (FIPS 180-4 section 6.1). */
#include "engine/ip.h"
#include "engine/prim/hash.h"
#include "engine/wipe.h"

enum { SHA1_ROUNDS = 80 };

static uint32_t rotl(uint32_t x, int n)
{
	return x << n | x >> (32 - n);
}

/* f_t and K_t of sections 4.1.1 and 4.2.1. */
static uint32_t mix(int t, uint32_t b, uint32_t c, uint32_t d)
{
	switch (t / 20) {
	case 0:
		return ((b & c) ^ (~b & d)) + 0x5a827999;
	case 1:
		return (b ^ c ^ d) + 0x6ed9eba1;
	case 2:
		return ((b & c) ^ (b & d) ^ (c & d)) + 0x8f1bbcdc;
	default:
		return (b ^ c ^ d) + 0xca62c1d6;
	}
}

static void sha1_compress(union espnic_hash_state *state, const uint8_t *block)
{
	uint32_t *h = state->w32;
	uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
	uint32_t w[SHA1_ROUNDS];

	for (int t = 0; t < 16; t++)
		w[t] = espnic_get32(block + 4 * t);
	for (int t = 16; t < SHA1_ROUNDS; t++)
		w[t] = rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
	for (int t = 0; t < SHA1_ROUNDS; t++) {
		uint32_t sum = rotl(a, 5) + mix(t, b, c, d) + e + w[t];

		e = d;
		d = c;
		c = rotl(b, 30);
		b = a;
		a = sum;
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
	h[4] += e;
	espnic_wipe(w, sizeof(w));
}

const struct espnic_hash_alg espnic_sha1 = {
	.block = 64,
	.digest = 20,
	.first.w32 = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 },
	.compress = sha1_compress,
};
