// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every bare transform of every body against libcrypto: random keys, each length from 0 to 2048,
 * each alignment from 0 to 63, in place, MACs in pieces; wrong tags; keys of wrong lengths.
 */
#include "support.h"

#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>

#include "engine/aes.h"
#include "engine/transform.h"

enum { LEN_MAX = 2048, AAD_MAX = 300, KEY_MAX = 200, ALIGNMENTS = 64, GUARD = 0xa5 };

static const char *const names[] = { "ref", "fast" };

/* One case, and what libcrypto makes of it. */
struct sample {
	uint8_t key[KEY_MAX], iv[16], aad[AAD_MAX], plain[LEN_MAX], cipher[LEN_MAX];
	uint8_t tag[EVP_MAX_MD_SIZE];
	size_t key_len, iv_len, aad_len, len, tag_len;
};

/* Text with room to lie at any alignment, and guards around it. */
struct place {
	_Alignas(ALIGNMENTS) uint8_t bytes[ALIGNMENTS + LEN_MAX + ALIGNMENTS];
	uint8_t *data;
};

static void place_set(struct place *p, const uint8_t *text, size_t len, size_t align)
{
	memset(p->bytes, GUARD, sizeof(p->bytes));
	p->data = p->bytes + align;
	memcpy(p->data, text, len);
}

static void assert_guards(const struct place *p, size_t len)
{
	for (const uint8_t *b = p->bytes; b < p->data; b++)
		assert_int_equal(*b, GUARD);
	for (const uint8_t *b = p->data + len; b < p->bytes + sizeof(p->bytes); b++)
		assert_int_equal(*b, GUARD);
}

static void *key_room(size_t size)
{
	void *key = aligned_alloc(ESPNIC_CACHE_LINE, (size + ESPNIC_CACHE_LINE - 1) /
						     ESPNIC_CACHE_LINE * ESPNIC_CACHE_LINE);

	assert_non_null(key);
	return key;
}

/* ---------------------------------------------------------------- libcrypto */

static const EVP_CIPHER *aes(const EVP_CIPHER *a128, const EVP_CIPHER *a192, const EVP_CIPHER *a256,
			     size_t key_len)
{
	return key_len == 16 ? a128 : key_len == 24 ? a192 : a256;
}

static const EVP_CIPHER *evp_cipher(enum espnic_alg alg, size_t n)
{
	switch (alg) {
	case ESPNIC_ALG_AES_GCM:
		return aes(EVP_aes_128_gcm(), EVP_aes_192_gcm(), EVP_aes_256_gcm(), n);
	case ESPNIC_ALG_AES_CCM:
		return aes(EVP_aes_128_ccm(), EVP_aes_192_ccm(), EVP_aes_256_ccm(), n);
	case ESPNIC_ALG_CHACHA20_POLY1305:
		return EVP_chacha20_poly1305();
	case ESPNIC_ALG_AES_CBC:
		return aes(EVP_aes_128_cbc(), EVP_aes_192_cbc(), EVP_aes_256_cbc(), n);
	case ESPNIC_ALG_AES_CTR:
		return aes(EVP_aes_128_ctr(), EVP_aes_192_ctr(), EVP_aes_256_ctr(), n);
	default:
		return EVP_des_ede3_cbc();
	}
}

static void oracle_cipher(enum espnic_alg alg, struct sample *s)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	assert_true(EVP_EncryptInit_ex(ctx, evp_cipher(alg, s->key_len), NULL, s->key, s->iv));
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	assert_true(EVP_EncryptUpdate(ctx, s->cipher, &n, s->plain, (int)s->len));
	EVP_CIPHER_CTX_free(ctx);
}

static void oracle_aead(enum espnic_alg alg, struct sample *s)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t nothing[1];
	int n;

	assert_true(EVP_EncryptInit_ex(ctx, evp_cipher(alg, s->key_len), NULL, NULL, NULL));
	assert_true(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)s->iv_len, NULL));
	if (alg == ESPNIC_ALG_AES_CCM)
		assert_true(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)s->tag_len, NULL));
	assert_true(EVP_EncryptInit_ex(ctx, NULL, NULL, s->key, s->iv));
	if (alg == ESPNIC_ALG_AES_CCM)
		assert_true(EVP_EncryptUpdate(ctx, NULL, &n, NULL, (int)s->len));
	if (s->aad_len)
		assert_true(EVP_EncryptUpdate(ctx, NULL, &n, s->aad, (int)s->aad_len));
	/* CCM makes its tag here, so also of nothing. */
	if (s->len || alg == ESPNIC_ALG_AES_CCM)
		assert_true(EVP_EncryptUpdate(ctx, s->cipher, &n, s->len ? s->plain : nothing,
					      (int)s->len));
	assert_true(EVP_EncryptFinal_ex(ctx, nothing, &n));
	assert_true(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, (int)s->tag_len, s->tag));
	EVP_CIPHER_CTX_free(ctx);
}

/* RFC 3566 section 4, on libcrypto's AES: it has no XCBC of its own. */
static void oracle_xcbc(struct sample *s)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t k[3][16], e[16] = { 0 };
	size_t blocks = s->len ? (s->len + 15) / 16 : 1;
	int n;

	EVP_EncryptInit_ex(ctx, EVP_aes_128_ecb(), NULL, s->key, NULL);
	for (int i = 0; i < 3; i++) {
		memset(k[i], i + 1, 16);
		EVP_EncryptUpdate(ctx, k[i], &n, k[i], 16);
	}
	EVP_EncryptInit_ex(ctx, EVP_aes_128_ecb(), NULL, k[0], NULL);
	for (size_t b = 0; b < blocks; b++) {
		size_t left = s->len - 16 * b;
		uint8_t m[16] = { 0 };

		memcpy(m, s->plain + 16 * b, left < 16 ? left : 16);
		if (left < 16)
			m[left] = 0x80;
		for (int i = 0; i < 16; i++) {
			e[i] ^= m[i];
			if (b + 1 == blocks)
				e[i] ^= k[left < 16 ? 2 : 1][i];
		}
		EVP_EncryptUpdate(ctx, e, &n, e, 16);
	}
	memcpy(s->tag, e, 16);
	EVP_CIPHER_CTX_free(ctx);
}

static void oracle_mac(enum espnic_alg alg, struct sample *s)
{
	static const char *const digests[ESPNIC_ALGS] = {
		[ESPNIC_ALG_HMAC_MD5] = "MD5", [ESPNIC_ALG_HMAC_SHA1] = "SHA1",
		[ESPNIC_ALG_HMAC_SHA256] = "SHA256", [ESPNIC_ALG_HMAC_SHA384] = "SHA384",
		[ESPNIC_ALG_HMAC_SHA512] = "SHA512",
	};
	const EVP_CIPHER *aes_mode = alg == ESPNIC_ALG_AES_GMAC ?
		evp_cipher(ESPNIC_ALG_AES_GCM, s->key_len) : evp_cipher(ESPNIC_ALG_AES_CBC, s->key_len);
	OSSL_PARAM params[4], *p = params;
	EVP_MAC_CTX *ctx;
	EVP_MAC *mac;
	size_t n;

	if (alg == ESPNIC_ALG_AES_XCBC) {
		oracle_xcbc(s);
		return;
	}
	mac = EVP_MAC_fetch(NULL, digests[alg] ? "HMAC" : alg == ESPNIC_ALG_AES_GMAC ? "GMAC" : "CMAC",
			    NULL);
	ctx = EVP_MAC_CTX_new(mac);
	if (digests[alg])
		*p++ = OSSL_PARAM_construct_utf8_string("digest", (char *)digests[alg], 0);
	else
		*p++ = OSSL_PARAM_construct_utf8_string("cipher",
							(char *)EVP_CIPHER_get0_name(aes_mode), 0);
	if (alg == ESPNIC_ALG_AES_GMAC)
		*p++ = OSSL_PARAM_construct_octet_string("iv", s->iv, s->iv_len);
	*p = OSSL_PARAM_construct_end();
	assert_true(EVP_MAC_init(ctx, s->key, s->key_len, params));
	assert_true(EVP_MAC_update(ctx, s->plain, s->len));
	assert_true(EVP_MAC_final(ctx, s->tag, &n, sizeof(s->tag)));
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
}

/* ---------------------------------------------------------------- the bodies */

static void try_aead(struct espnic_engine_thread *t, const struct espnic_aead_ops *ops,
		     const struct sample *s, size_t align)
{
	void *key = key_room(ops->key_size);
	static struct place p;
	uint8_t tag[16];

	assert_true(ops->expand(key, s->key, s->key_len));
	place_set(&p, s->plain, s->len, align);
	ops->seal(t, key, s->iv, s->iv_len, s->aad, s->aad_len, p.data, s->len, tag, s->tag_len);
	assert_memory_equal(p.data, s->cipher, s->len);
	assert_memory_equal(tag, s->tag, s->tag_len);
	assert_guards(&p, s->len);
	assert_true(ops->open(t, key, s->iv, s->iv_len, s->aad, s->aad_len, p.data, s->len, tag,
			      s->tag_len));
	assert_memory_equal(p.data, s->plain, s->len);
	assert_guards(&p, s->len);

	place_set(&p, s->cipher, s->len, align);
	tag[chance() % s->tag_len] ^= (uint8_t)(1u << chance() % 8);
	assert_false(ops->open(t, key, s->iv, s->iv_len, s->aad, s->aad_len, p.data, s->len, tag,
			       s->tag_len));
	assert_memory_equal(p.data, s->cipher, s->len);
	assert_guards(&p, s->len);
	free(key);
}

static void try_cipher(struct espnic_engine_thread *t, const struct espnic_cipher_ops *ops,
		       const struct sample *s, size_t align)
{
	void *key = key_room(ops->key_size);
	static struct place p;
	uint8_t iv[ESPNIC_CIPHER_IV_MAX];

	assert_true(ops->expand(key, s->key, s->key_len));
	memcpy(iv, s->iv, sizeof(iv));
	place_set(&p, s->plain, s->len, align);
	ops->encrypt(t, key, iv, p.data, s->len);
	assert_memory_equal(p.data, s->cipher, s->len);
	assert_guards(&p, s->len);
	ops->decrypt(t, key, iv, p.data, s->len);
	assert_memory_equal(p.data, s->plain, s->len);
	assert_guards(&p, s->len);
	assert_memory_equal(iv, s->iv, sizeof(iv));
	free(key);
}

static void try_mac(struct espnic_engine_thread *t, const struct espnic_mac_ops *ops,
		    const struct sample *s, size_t align)
{
	void *key = key_room(ops->key_size);
	static struct place p;
	uint8_t tag[ESPNIC_MAC_TAG_MAX + 1];

	assert_true(ops->expand(key, s->key, s->key_len));
	place_set(&p, s->plain, s->len, align);
	/* Whole, then in pieces, some of them empty. */
	for (int whole = 1; whole >= 0; whole--) {
		size_t tag_len = whole ? ops->tag_max : 4 + chance() % (ops->tag_max - 3u);
		struct espnic_mac_state state;
		size_t done = 0;

		ops->start(t, key, &state, s->iv_len ? s->iv : NULL, s->iv_len);
		while (done < s->len || (!whole && chance() % 4)) {
			size_t n = whole ? s->len : chance() % 200;

			if (n > s->len - done)
				n = s->len - done;
			ops->update(t, key, &state, p.data + done, n);
			done += n;
		}
		memset(tag, GUARD, sizeof(tag));
		ops->final(t, key, &state, tag, tag_len);
		assert_memory_equal(tag, s->tag, tag_len);
		assert_int_equal(tag[tag_len], GUARD);
	}
	free(key);
}

static size_t some_key_len(enum espnic_alg alg)
{
	switch (alg) {
	case ESPNIC_ALG_CHACHA20_POLY1305:
		return 32;
	case ESPNIC_ALG_3DES_CBC:
		return 24;
	case ESPNIC_ALG_AES_XCBC:
		return 16;
	case ESPNIC_ALG_HMAC_MD5:
	case ESPNIC_ALG_HMAC_SHA1:
	case ESPNIC_ALG_HMAC_SHA256:
	case ESPNIC_ALG_HMAC_SHA384:
	case ESPNIC_ALG_HMAC_SHA512:
		return 1 + chance() % KEY_MAX;
	default:
		return 16 + 8 * (chance() % 3);
	}
}

static void fill(enum espnic_alg alg, struct sample *s, size_t len)
{
	s->key_len = some_key_len(alg);
	s->aad_len = chance() % (AAD_MAX + 1);
	s->iv_len = alg == ESPNIC_ALG_AES_CCM ? 7 + chance() % 7 : 12;
	s->tag_len = alg == ESPNIC_ALG_AES_CCM ? 4 + 2 * (chance() % 7) : 16;
	s->len = len;
	chance_bytes(s->key, sizeof(s->key));
	chance_bytes(s->iv, sizeof(s->iv));
	chance_bytes(s->aad, sizeof(s->aad));
	chance_bytes(s->plain, len);
	/* A counter about to overflow into its higher words. */
	if (alg == ESPNIC_ALG_AES_CTR && chance() % 4 == 0)
		memset(s->iv + chance() % 12, 0xff, 4);
	if (alg == ESPNIC_ALG_AES_CTR && chance() % 4 == 0)
		memset(s->iv + 4, 0xff, 12);
}

/* One case in all bodies. */
static void try_all(enum espnic_alg alg, size_t len, size_t align)
{
	static struct sample s;

	fill(alg, &s, len);
	for (unsigned int i = 0; body(i); i++) {
		const struct espnic_transform *of = &espnic_transforms_get(names[i], NULL)->of[alg];

		if (of->cipher)
			s.len -= s.len % of->cipher->block;
		if (of->mac && !of->mac->iv_len)
			s.iv_len = 0;
		if (i == 0 && of->aead)
			oracle_aead(alg, &s);
		else if (i == 0 && of->cipher)
			oracle_cipher(alg, &s);
		else if (i == 0)
			oracle_mac(alg, &s);
		if (of->aead)
			try_aead(body_thread(i), of->aead, &s, align);
		if (of->cipher)
			try_cipher(body_thread(i), of->cipher, &s, align);
		if (of->mac)
			try_mac(body_thread(i), of->mac, &s, align);
	}
}

static void against_libcrypto(void **state)
{
	enum espnic_alg alg = *(enum espnic_alg *)*state;

	for (size_t len = 0; len <= LEN_MAX; len++)
		try_all(alg, len, chance() % ALIGNMENTS);
	for (size_t align = 0; align < ALIGNMENTS; align++)
		for (int i = 0; i < 4; i++)
			try_all(alg, chance() % 400, align);
}

/* AAD whose length CCM writes in two and in six bytes; GHASH and Poly1305 take any. */
static void long_aad(void **state)
{
	static const size_t lens[] = { 0xfeff, 0xff00, 0xffff, 0x10000, 70001 };
	static uint8_t aad[70001];

	(void)state;
	chance_bytes(aad, sizeof(aad));
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		struct espnic_aes key;
		EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
		uint8_t raw[16] = { 1 }, nonce[11] = { 2 }, data[40] = { 3 }, want[40], tag[16], t[16];
		const struct espnic_aead_ops *ccm =
			espnic_transforms_get("ref", NULL)->of[ESPNIC_ALG_AES_CCM].aead;
		int n;

		EVP_EncryptInit_ex(ctx, EVP_aes_128_ccm(), NULL, NULL, NULL);
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, 11, NULL);
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, NULL);
		EVP_EncryptInit_ex(ctx, NULL, NULL, raw, nonce);
		EVP_EncryptUpdate(ctx, NULL, &n, NULL, 40);
		EVP_EncryptUpdate(ctx, NULL, &n, aad, (int)lens[i]);
		EVP_EncryptUpdate(ctx, want, &n, data, 40);
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, t);
		EVP_CIPHER_CTX_free(ctx);

		assert_int_equal(ccm->key_size, sizeof(key));
		assert_true(ccm->expand(&key, raw, 16));
		ccm->seal(NULL, &key, nonce, 11, aad, lens[i], data, 40, tag, 16);
		assert_memory_equal(data, want, 40);
		assert_memory_equal(tag, t, 16);
	}
}

/* Which key lengths each alg takes, from 0 to 200. */
static void key_lengths(void **state)
{
	static const uint8_t raw[KEY_MAX] = { 1 };

	(void)state;
	for (unsigned int i = 0; body(i); i++) {
		for (unsigned int alg = 0; alg < ESPNIC_ALGS; alg++) {
			const struct espnic_transform *of =
				&espnic_transforms_get(names[i], NULL)->of[alg];
			bool (*expand)(void *, const uint8_t *, size_t) =
				of->aead ? of->aead->expand : of->cipher ? of->cipher->expand :
				of->mac ? of->mac->expand : NULL;
			void *key;

			if (!expand)
				continue;
			key = key_room(of->aead ? of->aead->key_size :
				       of->cipher ? of->cipher->key_size : of->mac->key_size);
			for (size_t len = 0; len <= KEY_MAX; len++) {
				bool want = len == 16 || len == 24 || len == 32;

				if (alg == ESPNIC_ALG_CHACHA20_POLY1305)
					want = len == 32;
				else if (alg == ESPNIC_ALG_3DES_CBC)
					want = len == 24;
				else if (alg == ESPNIC_ALG_AES_XCBC)
					want = len == 16;
				else if (alg >= ESPNIC_ALG_HMAC_MD5 && alg <= ESPNIC_ALG_HMAC_SHA512)
					want = true;
				assert_int_equal(expand(key, raw, len), want);
			}
			free(key);
		}
	}
}

/* Names and algs are a bijection, and ref lacks nothing. */
static void names_and_table(void **state)
{
	(void)state;
	for (unsigned int alg = 0; alg < ESPNIC_ALGS; alg++) {
		const struct espnic_transform *of = &espnic_transforms_get("ref", NULL)->of[alg];

		assert_int_equal(espnic_alg_find(espnic_alg_name((enum espnic_alg)alg)), alg);
		assert_int_equal(!!of->aead + !!of->cipher + !!of->mac, 1);
	}
	assert_int_equal(espnic_alg_find("rot13"), ESPNIC_ALGS);
	assert_int_equal(espnic_alg_find(""), ESPNIC_ALGS);
}

int main(void)
{
	static enum espnic_alg algs[ESPNIC_ALGS];
	struct CMUnitTest tests[ESPNIC_ALGS + 3] = {
		cmocka_unit_test(names_and_table),
		cmocka_unit_test(key_lengths),
		cmocka_unit_test(long_aad),
	};

	for (unsigned int i = 0; i < ESPNIC_ALGS; i++) {
		algs[i] = (enum espnic_alg)i;
		tests[3 + i] = (struct CMUnitTest){
			.name = espnic_alg_name(algs[i]),
			.test_func = against_libcrypto,
			.initial_state = &algs[i],
		};
	}
	return cmocka_run_group_tests_name("engine/transforms", tests, NULL, NULL);
}
