/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hashes of HMAC: all of Merkle and Damgard's form, so that only the compression of a block
 * and the first state differ. Additions, rotations and logic of words: constant time.
 */
#ifndef ESPNIC_ENGINE_PRIM_HASH_H
#define ESPNIC_ENGINE_PRIM_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ESPNIC_HASH_BLOCK_MAX = 128,	/* bytes: SHA-384 and SHA-512 */
	ESPNIC_HASH_DIGEST_MAX = 64,	/* bytes: SHA-512 */
	ESPNIC_HASH_WORDS = 8,
};

/* The chaining value: eight words of 32 or 64 bits, MD5 four and SHA-1 five. */
union espnic_hash_state {
	uint32_t w32[ESPNIC_HASH_WORDS];
	uint64_t w64[ESPNIC_HASH_WORDS];
};

/* One hash function. */
struct espnic_hash_alg {
	uint8_t block;			/* bytes: 64 or 128 */
	uint8_t digest;			/* bytes */
	bool little_endian;		/* MD5 */
	union espnic_hash_state first;

	/* Takes one block into @state. */
	void (*compress)(union espnic_hash_state *state, const uint8_t *block);
};

extern const struct espnic_hash_alg espnic_md5;		/* RFC 1321 */
extern const struct espnic_hash_alg espnic_sha1;	/* FIPS 180-4 section 6.1 */
extern const struct espnic_hash_alg espnic_sha256;	/* section 6.2 */
extern const struct espnic_hash_alg espnic_sha384;	/* section 6.5 */
extern const struct espnic_hash_alg espnic_sha512;	/* section 6.4 */

/* A message under way; the caller's. */
struct espnic_hash {
	union espnic_hash_state state;
	uint8_t pending[ESPNIC_HASH_BLOCK_MAX];	/* the rest of the message, below a block */
	uint64_t len;				/* bytes so far */
};

void espnic_hash_start(const struct espnic_hash_alg *alg, struct espnic_hash *h);

/* Goes on from a chaining value that @blocks blocks have led to. */
void espnic_hash_resume(const struct espnic_hash_alg *alg, struct espnic_hash *h,
			const union espnic_hash_state *state, uint64_t blocks);

void espnic_hash_update(const struct espnic_hash_alg *alg, struct espnic_hash *h,
			const uint8_t *data, size_t len);

/* Writes the digest and wipes @h. */
void espnic_hash_final(const struct espnic_hash_alg *alg, struct espnic_hash *h, uint8_t *digest);

#endif
