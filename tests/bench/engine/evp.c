// SPDX-License-Identifier: BSD-2-Clause
/* OpenSSL's EVP, as `openssl speed -evp ... -aead` calls it: a context for each key, an IV for each packet. */
#include "bench.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

struct evp_key {
	EVP_CIPHER_CTX *enc, *dec;
	EVP_MAC_CTX *mac;		/* NULL: an AEAD */
};

struct evp_state {
	const struct bench_case *c;
	struct bench_buf *pool;
	struct evp_key *keys;
	uint64_t bad;
};

static const char *cipher_name(const struct bench_transform *t)
{
	switch (t->enc) {
	case ESPNIC_ENC_AES_GCM:
		return t->enc_key_len == 16 ? "AES-128-GCM" : "AES-256-GCM";
	case ESPNIC_ENC_CHACHA20_POLY1305:
		return "ChaCha20-Poly1305";
	case ESPNIC_ENC_AES_CBC:
		return t->enc_key_len == 16 ? "AES-128-CBC" : "AES-256-CBC";
	case ESPNIC_ENC_AES_CTR:
		return t->enc_key_len == 16 ? "AES-128-CTR" : "AES-256-CTR";
	default:
		return NULL;
	}
}

static const char *digest_name(enum espnic_auth auth)
{
	switch (auth) {
	case ESPNIC_AUTH_HMAC_SHA1_96:
		return "SHA1";
	case ESPNIC_AUTH_HMAC_SHA256_128:
		return "SHA256";
	case ESPNIC_AUTH_HMAC_SHA512_256:
		return "SHA512";
	default:
		return NULL;
	}
}

static void must(bool good)
{
	if (!good)
		bench_die("libcrypto refused a call");
}

static void key_start(struct evp_key *k, const struct bench_transform *t, uint32_t sa,
		      const EVP_CIPHER *cipher, EVP_MAC *hmac)
{
	uint8_t key[ESPNIC_KEY_MAX];

	bench_key(sa, 0, key, t->enc_key_len);
	k->enc = EVP_CIPHER_CTX_new();
	k->dec = EVP_CIPHER_CTX_new();
	must(k->enc && k->dec && EVP_EncryptInit_ex2(k->enc, cipher, key, NULL, NULL) &&
	     EVP_DecryptInit_ex2(k->dec, cipher, key, NULL, NULL));
	EVP_CIPHER_CTX_set_padding(k->enc, 0);
	EVP_CIPHER_CTX_set_padding(k->dec, 0);
	if (hmac) {
		OSSL_PARAM params[2] = {
			OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
							 (char *)digest_name(t->auth), 0),
			OSSL_PARAM_construct_end(),
		};

		bench_key(sa, 1, key, t->auth_key_len);
		k->mac = EVP_MAC_CTX_new(hmac);
		must(k->mac && EVP_MAC_init(k->mac, key, t->auth_key_len, params));
	}
}

static void *evp_start(const struct bench_case *c)
{
	const struct bench_transform *t = c->transform;
	struct evp_state *s;
	EVP_CIPHER *cipher;
	EVP_MAC *hmac = NULL;

	if (!cipher_name(t) || (t->auth != ESPNIC_AUTH_NONE && !digest_name(t->auth)))
		return NULL;
	cipher = EVP_CIPHER_fetch(NULL, cipher_name(t), NULL);
	must(cipher);
	if (t->auth != ESPNIC_AUTH_NONE) {
		hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
		must(hmac);
	}
	s = bench_alloc(sizeof(*s));
	s->c = c;
	s->pool = bench_pool(c);
	s->keys = bench_alloc(sizeof(*s->keys) * c->sas);
	for (uint32_t sa = 0; sa < c->sas; sa++)
		key_start(&s->keys[sa], t, sa, cipher, hmac);
	EVP_CIPHER_free(cipher);
	EVP_MAC_free(hmac);
	return s;
}

static void mac(struct evp_state *s, struct evp_key *k, const struct bench_buf *b, uint8_t *tag)
{
	size_t len;

	(void)s;
	must(EVP_MAC_init(k->mac, NULL, 0, NULL) &&
	     EVP_MAC_update(k->mac, b->aad, sizeof(b->aad)) &&
	     EVP_MAC_update(k->mac, b->data, b->len) &&
	     EVP_MAC_final(k->mac, tag, &len, EVP_MAX_MD_SIZE));
}

static void evp_encrypt(void *state, unsigned int first, unsigned int n)
{
	struct evp_state *s = state;
	int len;

	for (unsigned int i = first; i < first + n; i++) {
		struct bench_buf *b = &s->pool[i];
		struct evp_key *k;
		uint8_t tag[EVP_MAX_MD_SIZE];

		b->sa = bench_sa[i];
		k = &s->keys[b->sa];
		must(EVP_EncryptInit_ex2(k->enc, NULL, NULL, b->iv, NULL));
		if (!k->mac)
			must(EVP_EncryptUpdate(k->enc, NULL, &len, b->aad, sizeof(b->aad)));
		must(EVP_EncryptUpdate(k->enc, b->data, &len, b->data, (int)b->len) &&
		     EVP_EncryptFinal_ex(k->enc, b->data + len, &len));
		if (!k->mac) {
			must(EVP_CIPHER_CTX_ctrl(k->enc, EVP_CTRL_AEAD_GET_TAG,
						 s->c->transform->icv_len, b->tag));
		} else {
			mac(s, k, b, tag);
			for (unsigned int j = 0; j < s->c->transform->icv_len; j++)
				b->tag[j] = tag[j];
		}
	}
}

static void evp_decrypt(void *state, unsigned int first, unsigned int n)
{
	struct evp_state *s = state;
	int len;

	for (unsigned int i = first; i < first + n; i++) {
		struct bench_buf *b = &s->pool[i];
		struct evp_key *k = &s->keys[b->sa];
		uint8_t tag[EVP_MAX_MD_SIZE];

		if (k->mac) {
			mac(s, k, b, tag);
			s->bad += CRYPTO_memcmp(tag, b->tag, s->c->transform->icv_len) != 0;
		}
		must(EVP_DecryptInit_ex2(k->dec, NULL, NULL, b->iv, NULL));
		if (!k->mac)
			must(EVP_DecryptUpdate(k->dec, NULL, &len, b->aad, sizeof(b->aad)));
		must(EVP_DecryptUpdate(k->dec, b->data, &len, b->data, (int)b->len));
		if (!k->mac)
			must(EVP_CIPHER_CTX_ctrl(k->dec, EVP_CTRL_AEAD_SET_TAG,
						 s->c->transform->icv_len, b->tag));
		s->bad += EVP_DecryptFinal_ex(k->dec, b->data + len, &len) != 1;
	}
}

static bool evp_check(void *state)
{
	struct evp_state *s = state;

	return s->bad == 0 && bench_pool_check(s->c, s->pool);
}

static void evp_stop(void *state)
{
	struct evp_state *s = state;

	for (uint32_t sa = 0; sa < s->c->sas; sa++) {
		EVP_CIPHER_CTX_free(s->keys[sa].enc);
		EVP_CIPHER_CTX_free(s->keys[sa].dec);
		EVP_MAC_CTX_free(s->keys[sa].mac);
	}
	free(s->keys);
	bench_pool_free(s->pool);
	free(s);
}

const struct bench_subject bench_evp = {
	.name = "openssl",
	.start = evp_start,
	.encrypt = evp_encrypt,
	.decrypt = evp_decrypt,
	.check = evp_check,
	.stop = evp_stop,
};
