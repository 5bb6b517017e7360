/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What IKE computes with keys: PRF and prf+ (RFC 7296 2.13), the keys of an IKE SA and of a child (2.14, 2.17, 2.18),
 * encrypted payloads (3.14, RFC 5282), key exchanges (RFC 3526, 5903, 8031). All of it by libcrypto.
 *
 * A struct espnic_ike_crypto keeps fetched algorithms and contexts, for those cost more than what is done with them.
 * One thread.
 */
#ifndef ESPNIC_IKE_CRYPTO_H
#define ESPNIC_IKE_CRYPTO_H

#include <openssl/types.h>

#include "arena.h"
#include "proposal.h"

enum espnic_ike_crypto_sizes {
	ESPNIC_IKE_CACHED = 16,		/* ciphers, and MACs, at most in use */
	ESPNIC_IKE_SHARED_MAX = 512,	/* bytes of a shared secret: modp4096 */
	ESPNIC_IKE_SK_IV_MAX = 16,
};

struct espnic_ike_crypto {
	struct espnic_ike_arena arena;
	struct {
		const struct espnic_ike_alg *alg;
		EVP_CIPHER *cipher;
		EVP_CIPHER_CTX *ctx;
	} cipher[ESPNIC_IKE_CACHED];
	struct {
		const char *digest;
		EVP_MAC_CTX *ctx;
	} mac[ESPNIC_IKE_CACHED];
	EVP_MAC *hmac;
	EVP_MD *sha1, *sha256;
	void (*random)(void *ctx, uint8_t *out, size_t len);
	void *random_ctx;
};

/* 0; -ENOMEM; -ENOSYS: libcrypto lacks HMAC or SHA. */
int espnic_ike_crypto_init(struct espnic_ike_crypto *c);
void espnic_ike_crypto_free(struct espnic_ike_crypto *c);
/* False: libcrypto has no random numbers. */
bool espnic_ike_random(struct espnic_ike_crypto *c, void *out, size_t len);
/* @alg's hash (PRF or INTEG) as HMAC of all chunks; @out has alg->out bytes. */
bool espnic_ike_hmac(struct espnic_ike_crypto *c, const struct espnic_ike_alg *alg, const uint8_t *key, size_t key_len,
		     const struct espnic_ike_chunk *data, unsigned int n, uint8_t *out);
/* prf+(@key, @seed[0] | @seed[1] | ...) to @len bytes, at most 255 times the PRF's. */
bool espnic_ike_prf_plus(struct espnic_ike_crypto *c, const struct espnic_ike_alg *prf, const uint8_t *key, size_t key_len,
			 const struct espnic_ike_chunk *seed, unsigned int n, uint8_t *out, size_t len);

/* ------------------------------------------------------------------ keys of an IKE SA */

/* In the arena; the keys follow, one behind the other. */
struct espnic_ike_keys {
	uint16_t size;			/* of the whole block */
	uint8_t d, a, e, p;		/* bytes of SK_d, SK_a*, SK_e*, SK_p* */
	uint8_t bytes[];		/* SK_d, ai, ar, ei, er, pi, pr: RFC 7296 2.14 */
};

enum espnic_ike_side { ESPNIC_IKE_I, ESPNIC_IKE_R };

static inline const uint8_t *espnic_ike_sk_d(const struct espnic_ike_keys *k)
{
	return k->bytes;
}

static inline const uint8_t *espnic_ike_sk_a(const struct espnic_ike_keys *k, enum espnic_ike_side side)
{
	return k->bytes + k->d + side * k->a;
}

static inline const uint8_t *espnic_ike_sk_e(const struct espnic_ike_keys *k, enum espnic_ike_side side)
{
	return k->bytes + k->d + 2 * k->a + side * k->e;
}

static inline const uint8_t *espnic_ike_sk_p(const struct espnic_ike_keys *k, enum espnic_ike_side side)
{
	return k->bytes + k->d + 2 * k->a + 2 * k->e + side * k->p;
}

/* Shared secrets in the order they were agreed on: of the key exchange, and of each additional one (RFC 9370). */
struct espnic_ike_secrets {
	unsigned int n;
	struct espnic_ike_chunk v[1 + ESPNIC_IKE_ADDKES];
};

/*
 * The keys of a new IKE SA. @old NULL: of IKE_SA_INIT; else of a rekey, or of the same SA after one more key exchange: SKEYSEED is then
 * prf(SK_d (old), SK(0) | Ni | Nr | SK(1) | ...) by @old_prf (2.18, RFC 9370 2.2.2 and 2.2.4). NULL: without memory.
 */
struct espnic_ike_keys *espnic_ike_derive(struct espnic_ike_crypto *c, const struct espnic_ike_suite *suite,
					  const struct espnic_ike_keys *old, const struct espnic_ike_alg *old_prf,
					  const struct espnic_ike_secrets *secrets, struct espnic_ike_chunk ni,
					  struct espnic_ike_chunk nr, uint64_t spi_i, uint64_t spi_r);
void espnic_ike_keys_free(struct espnic_ike_crypto *c, struct espnic_ike_keys *k);
/* The same with others in the place of SK_d, SK_pi and SK_pr, one behind the other at @mixed. NULL: without memory. */
struct espnic_ike_keys *espnic_ike_keys_mixed(struct espnic_ike_crypto *c, const struct espnic_ike_keys *k, const uint8_t *mixed);

/* The keys of a child, in the arena. */
struct espnic_ike_child_keys {
	uint8_t encr[2][ESPNIC_IKE_ENCR_KEY];	/* by the side that sends */
	uint8_t integ[2][ESPNIC_IKE_INTEG_KEY];
};

/* RFC 7296 2.17, RFC 9370 2.2.4; @secrets of none: without a key exchange of its own. NULL: without memory. */
struct espnic_ike_child_keys *espnic_ike_derive_child(struct espnic_ike_crypto *c, const struct espnic_ike_suite *suite,
						      const struct espnic_ike_keys *ike, const struct espnic_ike_alg *prf,
						      const struct espnic_ike_secrets *secrets, struct espnic_ike_chunk ni,
						      struct espnic_ike_chunk nr);
void espnic_ike_child_keys_free(struct espnic_ike_crypto *c, struct espnic_ike_child_keys *k);

/* ------------------------------------------------------------------ SK */

/*
 * Encrypts and authenticates a message: @w holds all of it up to where the IV goes (header, SK or SKF header, with
 * their lengths still to be set), and is given IV, ciphertext of @plain, padding and ICV. @counter never
 * comes twice with these keys. False: no room, or libcrypto failed.
 */
bool espnic_ike_seal(struct espnic_ike_crypto *c, const struct espnic_ike_suite *suite, const struct espnic_ike_keys *k,
		     enum espnic_ike_side from, struct espnic_ike_wr *w, size_t sk_at, const uint8_t *plain, size_t len,
		     uint64_t counter);
/*
 * Checks and decrypts the SK of the @len bytes at @p, in place. Returns the length of the payloads inside, which begin at *@inner,
 * or -EBADMSG: forged, or too short to be one.
 */
int espnic_ike_open(struct espnic_ike_crypto *c, const struct espnic_ike_suite *suite, const struct espnic_ike_keys *k,
		    enum espnic_ike_side from, uint8_t *p, size_t len, const struct espnic_ike_sk *sk, const uint8_t **inner);
/* Bytes of a message with @len bytes of payloads inside of SK (or of SKF). */
size_t espnic_ike_sealed_size(const struct espnic_ike_suite *suite, size_t len, bool fragment);

/* ------------------------------------------------------------------ key exchange */

/* One side's, between its two messages. */
struct espnic_ike_ke {
	const struct espnic_ike_alg *alg;
	EVP_PKEY *key;
};

struct espnic_ike_ke_value {
	size_t len;
	uint8_t bytes[ESPNIC_IKE_KE_MAX];
};

struct espnic_ike_shared {
	size_t len;
	uint8_t bytes[ESPNIC_IKE_SHARED_MAX];
};

/* Begins: @ours is what to send. False: libcrypto lacks it, or is without memory. */
bool espnic_ike_ke_start(struct espnic_ike_ke *ke, const struct espnic_ike_alg *alg, struct espnic_ike_ke_value *ours);
/* Ends: the shared secret with @theirs, to be wiped. False: @theirs is no public value of this group (RFC 6989). */
bool espnic_ike_ke_finish(struct espnic_ike_ke *ke, struct espnic_ike_chunk theirs, struct espnic_ike_shared *shared);
/* Both at once, for a responder. */
bool espnic_ike_ke_respond(const struct espnic_ike_alg *alg, struct espnic_ike_chunk theirs, struct espnic_ike_ke_value *ours,
			   struct espnic_ike_shared *shared);
void espnic_ike_ke_free(struct espnic_ike_ke *ke);

#endif
