/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF") over whole words: what the
 * tables hash with. Who does not know the key cannot choose what collides.
 */
#ifndef ESPNIC_ENGINE_SIPHASH_H
#define ESPNIC_ENGINE_SIPHASH_H

#include <stdint.h>

static inline uint64_t espnic_rotl64(uint64_t v, unsigned int n)
{
	return v << n | v >> (64 - n);
}

static inline void espnic_sipround(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = espnic_rotl64(v[1], 13) ^ v[0];
	v[0] = espnic_rotl64(v[0], 32);
	v[2] += v[3];
	v[3] = espnic_rotl64(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = espnic_rotl64(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = espnic_rotl64(v[1], 17) ^ v[2];
	v[2] = espnic_rotl64(v[2], 32);
}

/* The hash of the @n words at @m (little endian, as bytes) under @key. */
static inline uint64_t espnic_siphash(const uint64_t key[2], const uint64_t *m, unsigned int n)
{
	uint64_t v[4] = {
		key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
		key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573,
	};
	const uint64_t last = (uint64_t)(8 * n) << 56;

	for (unsigned int i = 0; i < n; i++) {
		v[3] ^= m[i];
		espnic_sipround(v);
		v[0] ^= m[i];
	}
	v[3] ^= last;
	espnic_sipround(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		espnic_sipround(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif
