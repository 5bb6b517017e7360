/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tables hash with, over whole words under a secret of their own: the upper half of
 * b + a[0] * w[0] + a[1] * w[1] + ... mod 2^128, a and b drawn at random (Dietzfelbinger: "Universal hashing and k-wise
 * independent random variables via integer arithmetic without primes", theorem 3), and then stirred.
 *
 * Whoever does not know a and b, and chooses inputs (SPIs, say) to collide, does no better than with inputs drawn at
 * random: any two different inputs of one length have two independent, uniform hashes, so the keys expected beside a given one
 * in its bucket are its fair share whatever they are. A hash is never shown, so nothing is learnt from one to choose
 * by. It takes a quarter of the time of a SipHash, whose stronger promise (of what is shown) nobody here needs.
 *
 * The sum alone would put SPIs 1, 2, 3, ... at equal steps, which for some a are clusters. Stirring is one-to-one, so
 * that all said above stays true, and not linear.
 */
#ifndef ESPNIC_ENGINE_KEYHASH_H
#define ESPNIC_ENGINE_KEYHASH_H

#include <stdint.h>

enum { ESPNIC_KEYHASH_WORDS = 5 };	/* of the longest input */

/* gcc and clang have it on all machines of 64 bits. */
typedef unsigned __int128 espnic_u128;

struct espnic_keyhash {			/* all of it uniform and secret */
	espnic_u128 a[ESPNIC_KEYHASH_WORDS];
	espnic_u128 b;
};

/* A bijection of 64 bits. */
static inline uint64_t espnic_keyhash_stir(uint64_t h)
{
	const uint64_t odd = 0x9e3779b97f4a7c15;	/* 2^64 over the golden ratio */

	h ^= h >> 32;
	h *= odd;
	return h ^ h >> 32;
}

/*
 * The hash of the @n <= ESPNIC_KEYHASH_WORDS words at @w. Inputs of different lengths must differ in a word that both
 * have.
 */
static inline uint64_t espnic_keyhash(const struct espnic_keyhash *key, const uint64_t *w, unsigned int n)
{
	espnic_u128 sum = key->b;

	for (unsigned int i = 0; i < n; i++)
		sum += key->a[i] * w[i];
	return espnic_keyhash_stir((uint64_t)(sum >> 64));
}

#endif
