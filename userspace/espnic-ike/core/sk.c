// SPDX-License-Identifier: BSD-2-Clause
/*
 * Encrypted payloads: RFC 7296 3.14, RFC 5282 (AEAD), RFC 7383 (fragments are sealed one by one).
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "crypto.h"

enum {
	NONCE = 12,			/* salt and explicit IV */
	SK_HEADER = ESPNIC_IKE_GENERIC,
	SKF_HEADER = ESPNIC_IKE_GENERIC + 4,
	PAD_MAX = 16,
};

static EVP_CIPHER_CTX *cipher_ctx(struct espnic_ike_crypto *c, const struct espnic_ike_alg *alg)
{
	for (unsigned int i = 0; i < ESPNIC_IKE_CACHED; i++) {
		if (c->cipher[i].alg == alg)
			return c->cipher[i].ctx;
		if (c->cipher[i].alg)
			continue;
		c->cipher[i].cipher = EVP_CIPHER_fetch(NULL, alg->ossl, NULL);
		c->cipher[i].ctx = EVP_CIPHER_CTX_new();
		if (c->cipher[i].cipher && c->cipher[i].ctx &&
		    EVP_CipherInit_ex2(c->cipher[i].ctx, c->cipher[i].cipher, NULL, NULL, 1, NULL) == 1) {
			c->cipher[i].alg = alg;
			return c->cipher[i].ctx;
		}
		EVP_CIPHER_free(c->cipher[i].cipher);
		EVP_CIPHER_CTX_free(c->cipher[i].ctx);
		c->cipher[i].cipher = NULL;
		c->cipher[i].ctx = NULL;
		return NULL;
	}
	return NULL;
}

static bool aead(const struct espnic_ike_suite *s)
{
	return s->encr->icv != 0;
}

static size_t icv_len(const struct espnic_ike_suite *s)
{
	return aead(s) ? s->encr->icv : s->integ->icv;
}

/* Bytes of padding in front of the pad length. */
static size_t padding(const struct espnic_ike_suite *s, size_t len)
{
	return (s->encr->block - (len + 1) % s->encr->block) % s->encr->block;
}

size_t espnic_ike_sealed_size(const struct espnic_ike_suite *s, size_t len, bool fragment)
{
	return ESPNIC_IKE_HEADER + (fragment ? SKF_HEADER : SK_HEADER) + s->encr->iv + len + padding(s, len) + 1 + icv_len(s);
}

/* One AEAD operation in place; @icv is made, or checked. */
static bool aead_crypt(struct espnic_ike_crypto *c, const struct espnic_ike_alg *alg, bool seal, const uint8_t *key,
		       const uint8_t *iv, const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len, uint8_t *icv)
{
	EVP_CIPHER_CTX *ctx = cipher_ctx(c, alg);
	uint8_t nonce[NONCE];
	int n;

	if (!ctx)
		return false;
	memcpy(nonce, key + alg->key_bits / 8, alg->salt);
	memcpy(nonce + alg->salt, iv, alg->iv);
	if (EVP_CipherInit_ex2(ctx, NULL, key, nonce, seal, NULL) != 1 ||
	    (!seal && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, alg->icv, icv) != 1) ||
	    EVP_CipherUpdate(ctx, NULL, &n, aad, (int)aad_len) != 1 ||
	    EVP_CipherUpdate(ctx, data, &n, data, (int)len) != 1 || EVP_CipherFinal_ex(ctx, data + len, &n) != 1)
		return false;
	return !seal || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, alg->icv, icv) == 1;
}

static bool cbc_crypt(struct espnic_ike_crypto *c, const struct espnic_ike_alg *alg, bool seal, const uint8_t *key,
		      const uint8_t *iv, uint8_t *data, size_t len)
{
	EVP_CIPHER_CTX *ctx = cipher_ctx(c, alg);
	int n;

	return ctx && EVP_CipherInit_ex2(ctx, NULL, key, iv, seal, NULL) == 1 && EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
	       EVP_CipherUpdate(ctx, data, &n, data, (int)len) == 1 && n == (int)len;
}

/* The ICV of encrypt-then-MAC: of all in front of it. */
static bool mac(struct espnic_ike_crypto *c, const struct espnic_ike_alg *integ, const uint8_t *key, const uint8_t *p,
		size_t len, uint8_t out[ESPNIC_IKE_MAC])
{
	struct espnic_ike_chunk all = { p, len };

	return espnic_ike_hmac(c, integ, key, integ->out, &all, 1, out);
}

bool espnic_ike_seal(struct espnic_ike_crypto *c, const struct espnic_ike_suite *s, const struct espnic_ike_keys *k,
		     enum espnic_ike_side from, struct espnic_ike_wr *w, size_t sk_at, const uint8_t *plain, size_t len,
		     uint64_t counter)
{
	static const uint8_t zeros[PAD_MAX];
	size_t pad = padding(s, len), icv = icv_len(s), iv_at = w->len, data_at = iv_at + s->encr->iv, aad_len = iv_at;
	uint8_t tag[ESPNIC_IKE_MAC] = { 0 };

	if (s->encr->iv <= 8) {
		espnic_ike_wr_be(w, counter, s->encr->iv);
	} else {
		uint8_t iv[ESPNIC_IKE_SK_IV_MAX];

		if (!espnic_ike_random(c, iv, s->encr->iv))
			return false;
		espnic_ike_wr_bytes(w, iv, s->encr->iv);
	}
	espnic_ike_wr_bytes(w, plain, len);
	espnic_ike_wr_bytes(w, zeros, pad);
	espnic_ike_wr_be(w, pad, 1);
	espnic_ike_wr_bytes(w, tag, icv);
	if (w->full)
		return false;
	/* Lengths are under the ICV. */
	espnic_ike_wr_patch(w, sk_at + 2, w->len - sk_at, 2);
	espnic_ike_wr_patch(w, ESPNIC_IKE_LENGTH_AT, w->len, 4);
	len += pad + 1;
	if (aead(s))
		return aead_crypt(c, s->encr, true, espnic_ike_sk_e(k, from), w->p + iv_at, w->p, aad_len, w->p + data_at, len,
				  w->p + data_at + len);
	if (!cbc_crypt(c, s->encr, true, espnic_ike_sk_e(k, from), w->p + iv_at, w->p + data_at, len) ||
	    !mac(c, s->integ, espnic_ike_sk_a(k, from), w->p, data_at + len, tag))
		return false;
	memcpy(w->p + data_at + len, tag, icv);
	return true;
}

int espnic_ike_open(struct espnic_ike_crypto *c, const struct espnic_ike_suite *s, const struct espnic_ike_keys *k,
		    enum espnic_ike_side from, uint8_t *p, size_t len, const struct espnic_ike_sk *sk, const uint8_t **inner)
{
	size_t icv = icv_len(s), iv = s->encr->iv, body;
	uint8_t *data = p + sk->at + iv, tag[ESPNIC_IKE_MAC];

	if (sk->at + sk->len != len || sk->len < iv + icv + 1 || (sk->len - iv - icv) % s->encr->block)
		return -EBADMSG;
	body = sk->len - iv - icv;
	if (aead(s)) {
		if (!aead_crypt(c, s->encr, false, espnic_ike_sk_e(k, from), p + sk->at, p, sk->at, data, body, data + body))
			return -EBADMSG;
	} else if (!mac(c, s->integ, espnic_ike_sk_a(k, from), p, len - icv, tag) ||
		   CRYPTO_memcmp(tag, data + body, icv) != 0 ||
		   !cbc_crypt(c, s->encr, false, espnic_ike_sk_e(k, from), p + sk->at, data, body)) {
		return -EBADMSG;
	}
	*inner = data;
	/* The sender's padding is any (3.14), but must be there. */
	if (data[body - 1] + 1u > body)
		return -EBADMSG;
	return (int)(body - data[body - 1] - 1);
}
