/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GHASH (SP 800-38D section 6.4), constant time: the carry-less products are
 * made of integer multiplications of words with holes for the carries. Needs a
 * machine whose 64-bit multiplication takes the same time for all operands, as
 * today's 64-bit machines do.
 */
#ifndef ESPNIC_ENGINE_GHASH_H
#define ESPNIC_ENGINE_GHASH_H

#include <stddef.h>
#include <stdint.h>

enum { ESPNIC_GHASH_BLOCK = 16 };	/* bytes */

/* The hash subkey H, its bit-reversed halves, and the sums Karatsuba's method needs. */
struct espnic_ghash_key {
	uint64_t hi, lo, mid;
	uint64_t hi_rev, lo_rev, mid_rev;
};

/* The running value Y; starts as zero. */
struct espnic_ghash {
	uint64_t hi, lo;
};

void espnic_ghash_init(struct espnic_ghash_key *key, const uint8_t h[ESPNIC_GHASH_BLOCK]);

/* Hashes @len bytes at @data, the last block padded with zeros. */
void espnic_ghash_update(const struct espnic_ghash_key *key, struct espnic_ghash *y,
			 const uint8_t *data, size_t len);

/* Hashes the block of the two lengths, given in bytes: [len(A)]64 || [len(C)]64 in bits. */
void espnic_ghash_lengths(const struct espnic_ghash_key *key, struct espnic_ghash *y,
			  uint64_t a_len, uint64_t c_len);

void espnic_ghash_final(const struct espnic_ghash *y, uint8_t out[ESPNIC_GHASH_BLOCK]);

#endif
