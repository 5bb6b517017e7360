// SPDX-License-Identifier: BSD-2-Clause
/*
 * PRF, prf+ and the keys made with them: RFC 7296 2.13, 2.14, 2.17, 2.18.
 */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "crypto.h"

enum {
	SEEDS = 3 + ESPNIC_IKE_ADDKES,	/* secrets and nonces */
	PRF_PLUS_ROUNDS = 255,		/* RFC 7296 2.13: the counter is one octet */
	SPIS = 16,
};

int espnic_ike_crypto_init(struct espnic_ike_crypto *c)
{
	memset(c, 0, sizeof(*c));
	c->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	c->sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	c->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (c->hmac && c->sha1 && c->sha256)
		return 0;
	espnic_ike_crypto_free(c);
	return -ENOSYS;
}

void espnic_ike_crypto_free(struct espnic_ike_crypto *c)
{
	for (unsigned int i = 0; i < ESPNIC_IKE_CACHED; i++) {
		EVP_CIPHER_CTX_free(c->cipher[i].ctx);
		EVP_CIPHER_free(c->cipher[i].cipher);
		EVP_MAC_CTX_free(c->mac[i].ctx);
	}
	EVP_MAC_free(c->hmac);
	EVP_MD_free(c->sha1);
	EVP_MD_free(c->sha256);
	espnic_ike_arena_free(&c->arena);
	memset(c, 0, sizeof(*c));
}

bool espnic_ike_random(struct espnic_ike_crypto *c, void *out, size_t len)
{
	if (c->random) {
		c->random(c->random_ctx, out, len);
		return true;
	}
	return RAND_bytes(out, (int)len) == 1;
}

static EVP_MAC_CTX *mac_ctx(struct espnic_ike_crypto *c, const char *digest)
{
	for (unsigned int i = 0; i < ESPNIC_IKE_CACHED; i++) {
		OSSL_PARAM params[2] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)digest, 0),
					 OSSL_PARAM_construct_end() };

		if (c->mac[i].ctx && strcmp(c->mac[i].digest, digest) == 0)
			return c->mac[i].ctx;
		if (c->mac[i].ctx)
			continue;
		c->mac[i].ctx = EVP_MAC_CTX_new(c->hmac);
		if (c->mac[i].ctx && EVP_MAC_CTX_set_params(c->mac[i].ctx, params) == 1) {
			c->mac[i].digest = digest;
			return c->mac[i].ctx;
		}
		EVP_MAC_CTX_free(c->mac[i].ctx);
		c->mac[i].ctx = NULL;
		return NULL;
	}
	return NULL;
}

bool espnic_ike_hmac(struct espnic_ike_crypto *c, const struct espnic_ike_alg *alg, const uint8_t *key, size_t key_len,
		     const struct espnic_ike_chunk *data, unsigned int n, uint8_t *out)
{
	EVP_MAC_CTX *ctx = mac_ctx(c, alg->ossl);
	size_t len;

	if (!ctx || EVP_MAC_init(ctx, key, key_len, NULL) != 1)
		return false;
	for (unsigned int i = 0; i < n; i++)
		if (data[i].len && EVP_MAC_update(ctx, data[i].p, data[i].len) != 1)
			return false;
	return EVP_MAC_final(ctx, out, &len, alg->out) == 1;
}

bool espnic_ike_prf_plus(struct espnic_ike_crypto *c, const struct espnic_ike_alg *prf, const uint8_t *key, size_t key_len,
			 const struct espnic_ike_chunk *seed, unsigned int n, uint8_t *out, size_t len)
{
	struct espnic_ike_chunk in[SEEDS + 2];
	uint8_t t[ESPNIC_IKE_MAC], round = 0;
	bool ok = n <= SEEDS && len <= (size_t)PRF_PLUS_ROUNDS * prf->out;

	while (ok && len) {
		size_t part = len < prf->out ? len : prf->out;

		in[0] = (struct espnic_ike_chunk){ t, round ? prf->out : 0u };
		for (unsigned int i = 0; i < n; i++)
			in[1 + i] = seed[i];
		round++;
		in[1 + n] = (struct espnic_ike_chunk){ &round, 1 };
		ok = espnic_ike_hmac(c, prf, key, key_len, in, n + 2, t);
		if (ok)
			memcpy(out, t, part);
		out += part;
		len -= part;
	}
	OPENSSL_cleanse(t, sizeof(t));
	return ok;
}

static uint8_t encr_bytes(const struct espnic_ike_alg *encr)
{
	return (uint8_t)(encr->key_bits / 8 + encr->salt);
}

/* The first secret, the nonces, the other secrets. Returns how many chunks. */
static unsigned int secrets_and_nonces(struct espnic_ike_chunk in[SEEDS], const struct espnic_ike_secrets *secrets,
				       struct espnic_ike_chunk ni, struct espnic_ike_chunk nr)
{
	unsigned int n = 0;

	if (secrets->n)
		in[n++] = secrets->v[0];
	in[n++] = ni;
	in[n++] = nr;
	for (unsigned int i = 1; i < secrets->n; i++)
		in[n++] = secrets->v[i];
	return n;
}

static bool skeyseed(struct espnic_ike_crypto *c, const struct espnic_ike_alg *prf, const struct espnic_ike_keys *old,
		     const struct espnic_ike_alg *old_prf, const struct espnic_ike_secrets *secrets, struct espnic_ike_chunk ni,
		     struct espnic_ike_chunk nr, uint8_t *out)
{
	uint8_t nonces[2 * ESPNIC_IKE_NONCE_MAX];
	struct espnic_ike_chunk in[SEEDS];
	unsigned int n;

	if (old) {
		n = secrets_and_nonces(in, secrets, ni, nr);
		return espnic_ike_hmac(c, old_prf, espnic_ike_sk_d(old), old->d, in, n, out);
	}
	memcpy(nonces, ni.p, ni.len);
	memcpy(nonces + ni.len, nr.p, nr.len);
	return espnic_ike_hmac(c, prf, nonces, ni.len + nr.len, secrets->v, 1, out);
}

struct espnic_ike_keys *espnic_ike_derive(struct espnic_ike_crypto *c, const struct espnic_ike_suite *suite,
					  const struct espnic_ike_keys *old, const struct espnic_ike_alg *old_prf,
					  const struct espnic_ike_secrets *secrets, struct espnic_ike_chunk ni,
					  struct espnic_ike_chunk nr, uint64_t spi_i, uint64_t spi_r)
{
	uint8_t d = (uint8_t)suite->prf->out, a = suite->integ ? (uint8_t)suite->integ->out : 0, e = encr_bytes(suite->encr);
	size_t len = d + 2u * a + 2u * e + 2u * d, size = sizeof(struct espnic_ike_keys) + len;
	struct espnic_ike_keys *k = espnic_ike_arena_get(&c->arena, size);
	uint8_t seed[ESPNIC_IKE_MAC], spis[SPIS];
	struct espnic_ike_wr w = espnic_ike_wr(spis, sizeof(spis));
	struct espnic_ike_chunk in[3] = { ni, nr, { spis, sizeof(spis) } };
	const struct espnic_ike_alg *seed_prf = old ? old_prf : suite->prf;

	if (!k)
		return NULL;
	k->size = (uint16_t)size;
	k->d = d;
	k->a = a;
	k->e = e;
	k->p = d;
	espnic_ike_wr_be(&w, spi_i, 8);
	espnic_ike_wr_be(&w, spi_r, 8);
	/* The seed is as long as the old PRF's output, the keys are the new one's (2.18). */
	if (!skeyseed(c, suite->prf, old, old_prf, secrets, ni, nr, seed) ||
	    !espnic_ike_prf_plus(c, suite->prf, seed, seed_prf->out, in, 3, k->bytes, len)) {
		espnic_ike_keys_free(c, k);
		k = NULL;
	}
	OPENSSL_cleanse(seed, sizeof(seed));
	return k;
}

void espnic_ike_keys_free(struct espnic_ike_crypto *c, struct espnic_ike_keys *k)
{
	if (k)
		espnic_ike_arena_put(&c->arena, k, k->size);
}

struct espnic_ike_keys *espnic_ike_keys_mixed(struct espnic_ike_crypto *c, const struct espnic_ike_keys *k, const uint8_t *mixed)
{
	struct espnic_ike_keys *out = espnic_ike_arena_get(&c->arena, k->size);

	if (!out)
		return NULL;
	memcpy(out, k, k->size);
	memcpy(out->bytes, mixed, k->d);
	/* SK_pi and SK_pr stand side by side in both */
	memcpy((uint8_t *)espnic_ike_sk_p(out, ESPNIC_IKE_I), mixed + k->d, 2u * k->p);
	return out;
}

struct espnic_ike_child_keys *espnic_ike_derive_child(struct espnic_ike_crypto *c, const struct espnic_ike_suite *suite,
						      const struct espnic_ike_keys *ike, const struct espnic_ike_alg *prf,
						      const struct espnic_ike_secrets *secrets, struct espnic_ike_chunk ni,
						      struct espnic_ike_chunk nr)
{
	struct espnic_ike_child_keys *k = espnic_ike_arena_get(&c->arena, sizeof(*k));
	size_t e = encr_bytes(suite->encr), a = suite->integ ? suite->integ->out : 0;
	uint8_t all[sizeof(*k)];
	struct espnic_ike_chunk in[SEEDS];
	unsigned int n = secrets_and_nonces(in, secrets, ni, nr);
	bool ok;

	if (!k)
		return NULL;
	/* From initiator to responder first, and encryption before integrity. */
	ok = espnic_ike_prf_plus(c, prf, espnic_ike_sk_d(ike), ike->d, in, n, all, 2 * (e + a));
	for (unsigned int side = 0; ok && side < 2; side++) {
		memcpy(k->encr[side], all + side * (e + a), e);
		memcpy(k->integ[side], all + side * (e + a) + e, a);
	}
	OPENSSL_cleanse(all, sizeof(all));
	if (ok)
		return k;
	espnic_ike_child_keys_free(c, k);
	return NULL;
}

void espnic_ike_child_keys_free(struct espnic_ike_crypto *c, struct espnic_ike_child_keys *k)
{
	espnic_ike_arena_put(&c->arena, k, sizeof(*k));
}
