// SPDX-License-Identifier: BSD-2-Clause
/* SHA-256 (FIPS 180-4 section 6.2). */
#include "engine/ip.h"
#include "engine/prim/hash.h"
#include "engine/wipe.h"

enum { ROUNDS = 64 };

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes: section 4.2.2. */
static const uint32_t k[ROUNDS] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
	0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
	0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
	0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
	0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotr(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

static void sha256_compress(union espnic_hash_state *state, const uint8_t *block)
{
	uint32_t v[ESPNIC_HASH_WORDS], w[ROUNDS];

	for (int t = 0; t < 16; t++)
		w[t] = espnic_get32(block + 4 * t);
	for (int t = 16; t < ROUNDS; t++) {
		uint32_t x = w[t - 2], y = w[t - 15];
		uint32_t sigma1 = rotr(x, 17) ^ rotr(x, 19) ^ x >> 10;
		uint32_t sigma0 = rotr(y, 7) ^ rotr(y, 18) ^ y >> 3;

		w[t] = sigma1 + w[t - 7] + sigma0 + w[t - 16];
	}
	/* v[0] to v[7] are the standard's a to h. */
	for (int i = 0; i < ESPNIC_HASH_WORDS; i++)
		v[i] = state->w32[i];
	for (int t = 0; t < ROUNDS; t++) {
		uint32_t sum1 = rotr(v[4], 6) ^ rotr(v[4], 11) ^ rotr(v[4], 25);
		uint32_t ch = (v[4] & v[5]) ^ (~v[4] & v[6]);
		uint32_t t1 = v[7] + sum1 + ch + k[t] + w[t];
		uint32_t sum0 = rotr(v[0], 2) ^ rotr(v[0], 13) ^ rotr(v[0], 22);
		uint32_t maj = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);

		for (int i = ESPNIC_HASH_WORDS - 1; i > 0; i--)
			v[i] = v[i - 1];
		v[4] += t1;
		v[0] = t1 + sum0 + maj;
	}
	for (int i = 0; i < ESPNIC_HASH_WORDS; i++)
		state->w32[i] += v[i];
	espnic_wipe(w, sizeof(w));
	espnic_wipe(v, sizeof(v));
}

const struct espnic_hash_alg espnic_sha256 = {
	.block = 64,
	.digest = 32,
	.first.w32 = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
	},
	.compress = sha256_compress,
};
