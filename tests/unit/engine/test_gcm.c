// SPDX-License-Identifier: BSD-2-Clause
/* AES-GCM of both bodies. The GCM specification's own cases are in tests/vectors. */
#include "support.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/gcm.h"

enum { LEN_MAX = 2048, AAD_MAX = 64, IV_MAX = 64 };

static const char *const names[] = { "ref", "fast" };

static const struct espnic_aead_ops *body_gcm(const char *name)
{
	return espnic_transforms_get(name, NULL)->of[ESPNIC_ALG_AES_GCM].aead;
}

static void *expanded(const struct espnic_aead_ops *aead, const uint8_t *key, size_t len)
{
	void *k = aligned_alloc(ESPNIC_CACHE_LINE, (aead->key_size + ESPNIC_CACHE_LINE - 1) /
						   ESPNIC_CACHE_LINE * ESPNIC_CACHE_LINE);

	assert_non_null(k);
	assert_true(aead->expand(k, key, len));
	return k;
}

struct message {
	uint8_t key[32], iv[IV_MAX], aad[AAD_MAX], plain[LEN_MAX], cipher[LEN_MAX], tag[16];
	size_t key_len, iv_len, aad_len, len;
};

/* What libcrypto makes of it. */
static void oracle(struct message *m)
{
	const EVP_CIPHER *cipher = m->key_len == 16 ? EVP_aes_128_gcm() :
				   m->key_len == 24 ? EVP_aes_192_gcm() : EVP_aes_256_gcm();
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t rest[16];
	int n;

	assert_true(EVP_EncryptInit_ex(ctx, cipher, NULL, NULL, NULL));
	assert_true(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_IVLEN, (int)m->iv_len, NULL));
	assert_true(EVP_EncryptInit_ex(ctx, NULL, NULL, m->key, m->iv));
	if (m->aad_len)
		assert_true(EVP_EncryptUpdate(ctx, NULL, &n, m->aad, (int)m->aad_len));
	if (m->len)
		assert_true(EVP_EncryptUpdate(ctx, m->cipher, &n, m->plain, (int)m->len));
	assert_true(EVP_EncryptFinal_ex(ctx, rest, &n));
	assert_true(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, 16, m->tag));
	EVP_CIPHER_CTX_free(ctx);
}

static void compare(const struct espnic_aead_ops *aead, struct espnic_engine_thread *t,
		    const struct message *m, size_t tag_len)
{
	void *key = expanded(aead, m->key, m->key_len);
	uint8_t data[LEN_MAX], tag[16], bad[16];

	memcpy(data, m->plain, m->len);
	aead->seal(t, key, m->iv, m->iv_len, m->aad, m->aad_len, data, m->len, tag, tag_len);
	assert_memory_equal(data, m->cipher, m->len);
	assert_memory_equal(tag, m->tag, tag_len);
	assert_true(aead->open(t, key, m->iv, m->iv_len, m->aad, m->aad_len, data, m->len, tag,
			       tag_len));
	assert_memory_equal(data, m->plain, m->len);

	/* A wrong tag, in any bit: the ciphertext stays. */
	memcpy(data, m->cipher, m->len);
	memcpy(bad, m->tag, 16);
	bad[chance() % tag_len] ^= (uint8_t)(1u << chance() % 8);
	assert_false(aead->open(t, key, m->iv, m->iv_len, m->aad, m->aad_len, data, m->len, bad,
				tag_len));
	assert_memory_equal(data, m->cipher, m->len);
	free(key);
}

/* Each length of data from 0 to 2048; nonce, AAD, key and tag lengths by chance. */
static void against_libcrypto(void **state)
{
	static const size_t tag_lens[] = { 4, 8, 12, 13, 14, 15, 16 };
	static struct message m;

	(void)state;
	for (m.len = 0; m.len <= LEN_MAX; m.len++) {
		size_t tag_len = tag_lens[chance() % ARRAY_SIZE(tag_lens)];

		m.key_len = 16 + 8 * (chance() % 3);
		m.iv_len = chance() % 4 ? 12 : 1 + chance() % IV_MAX;
		m.aad_len = chance() % (AAD_MAX + 1);
		chance_bytes(m.key, sizeof(m.key));
		chance_bytes(m.iv, sizeof(m.iv));
		chance_bytes(m.aad, sizeof(m.aad));
		chance_bytes(m.plain, m.len);
		oracle(&m);
		for (unsigned int i = 0; body(i); i++)
			compare(body_gcm(names[i]), body_thread(i), &m, tag_len);
	}
}

/* Every bit of tag, ciphertext, AAD and nonce is under the tag. */
static void every_bit_counts(void **state)
{
	static struct message m = { .key_len = 16, .iv_len = 12, .aad_len = 12, .len = 40 };

	(void)state;
	oracle(&m);
	for (unsigned int i = 0; body(i); i++) {
		const struct espnic_aead_ops *aead = body_gcm(names[i]);
		uint8_t *parts[] = { m.tag, m.cipher, m.aad, m.iv };
		size_t lens[] = { 16, m.len, m.aad_len, m.iv_len };
		void *key = expanded(aead, m.key, m.key_len);

		for (size_t p = 0; p < ARRAY_SIZE(parts); p++) {
			for (size_t bit = 0; bit < lens[p] * 8; bit++) {
				uint8_t data[LEN_MAX];

				parts[p][bit / 8] ^= (uint8_t)(1u << bit % 8);
				memcpy(data, m.cipher, m.len);
				assert_false(aead->open(body_thread(i), key, m.iv, m.iv_len, m.aad,
							m.aad_len, data, m.len, m.tag, 16));
				assert_memory_equal(data, m.cipher, m.len);
				parts[p][bit / 8] ^= (uint8_t)(1u << bit % 8);
			}
		}
		free(key);
	}
}

/*
 * Data flush against pages that cannot be touched, behind and in front: libipsec-mb is assembly
 * that no sanitizer sees.
 */
static void guard_pages(void **state)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *map = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t key[32] = { 1 }, iv[12] = { 2 }, aad[12] = { 3 }, tag[16];

	(void)state;
	assert_true(map != MAP_FAILED);
	assert_int_equal(mprotect(map, page, PROT_NONE), 0);
	assert_int_equal(mprotect(map + 2 * page, page, PROT_NONE), 0);
	for (unsigned int i = 0; body(i); i++) {
		const struct espnic_aead_ops *aead = body_gcm(names[i]);

		for (size_t len = 0; len <= LEN_MAX; len += len < 300 ? 1 : 61) {
			uint8_t *places[] = { map + page, map + 2 * page - len };
			void *k = expanded(aead, key, 16 + 8 * (len % 3));

			for (size_t p = 0; p < ARRAY_SIZE(places); p++) {
				aead->seal(body_thread(i), k, iv, 12, aad, 12, places[p], len, tag, 16);
				assert_true(aead->open(body_thread(i), k, iv, 12, aad, 12, places[p],
						       len, tag, 16));
				tag[0] ^= 1;
				assert_false(aead->open(body_thread(i), k, iv, 12, aad, 12, places[p],
							len, tag, 16));
			}
			free(k);
		}
	}
	munmap(map, 3 * page);
}

static void key_lengths(void **state)
{
	uint8_t key[64] = { 0 };

	(void)state;
	for (unsigned int i = 0; body(i); i++) {
		const struct espnic_aead_ops *aead = body_gcm(names[i]);
		void *k = expanded(aead, key, 16);

		for (size_t len = 0; len <= sizeof(key); len++)
			assert_int_equal(aead->expand(k, key, len),
					 len == 16 || len == 24 || len == 32);
		free(k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(against_libcrypto),
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(guard_pages),
		cmocka_unit_test(key_lengths),
	};

	return cmocka_run_group_tests_name("engine/gcm", tests, NULL, NULL);
}
