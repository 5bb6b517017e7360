// SPDX-License-Identifier: BSD-2-Clause
/* MD5 (RFC 1321): broken as a hash, and only here for HMAC-MD5-96 of old peers. */
#include "engine/prim/hash.h"
#include "engine/prim/le.h"

/* T[i] = floor(2^32 |sin(i)|), i in radians: section 3.4. */
static const uint32_t md5_t[64] = {
	0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a,
	0xa8304613, 0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be,
	0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340,
	0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
	0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8,
	0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c,
	0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa,
	0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
	0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92,
	0xffeff47d, 0x85845dd1, 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1,
	0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static const uint8_t md5_shift[4][4] = {
	{ 7, 12, 17, 22 }, { 5, 9, 14, 20 }, { 4, 11, 16, 23 }, { 6, 10, 15, 21 },
};

static uint32_t rotl(uint32_t x, int n)
{
	return x << n | x >> (32 - n);
}

/* The functions F, G, H and I of section 3.4, and which word of the block a step takes. */
static uint32_t mix(int round, uint32_t b, uint32_t c, uint32_t d)
{
	switch (round) {
	case 0:
		return (b & c) | (~b & d);
	case 1:
		return (b & d) | (c & ~d);
	case 2:
		return b ^ c ^ d;
	default:
		return c ^ (b | ~d);
	}
}

static int word_of(int round, int i)
{
	static const uint8_t first[4] = { 0, 1, 5, 0 }, step[4] = { 1, 5, 3, 7 };

	return (first[round] + step[round] * i) % 16;
}

static void md5_compress(union espnic_hash_state *state, const uint8_t *block)
{
	uint32_t *h = state->w32;
	uint32_t a = h[0], b = h[1], c = h[2], d = h[3];

	for (int i = 0; i < 64; i++) {
		int round = i / 16;
		uint32_t x = espnic_get_le32(block + 4 * word_of(round, i % 16));
		uint32_t sum = a + mix(round, b, c, d) + x + md5_t[i];

		a = d;
		d = c;
		c = b;
		b += rotl(sum, md5_shift[round][i % 4]);
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
}

const struct espnic_hash_alg espnic_md5 = {
	.block = 64,
	.digest = 16,
	.little_endian = true,
	.first.w32 = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 },
	.compress = md5_compress,
};
