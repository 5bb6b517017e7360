// SPDX-License-Identifier: BSD-2-Clause
/* The hash index, and the hash: against libcrypto's, and a list that is searched from end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "engine/hindex.h"
#include "naive.h"

enum { CAPACITY = 300, WORDS = 8 };

static uint64_t libcrypto_siphash(const uint64_t key[2], const uint64_t *m, unsigned int n)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	unsigned int c = 1, d = 3;
	size_t size = 8, len;
	uint64_t out = 0;
	OSSL_PARAM params[] = {
		OSSL_PARAM_uint(OSSL_MAC_PARAM_C_ROUNDS, &c),
		OSSL_PARAM_uint(OSSL_MAC_PARAM_D_ROUNDS, &d),
		OSSL_PARAM_size_t(OSSL_MAC_PARAM_SIZE, &size),
		OSSL_PARAM_END,
	};

	assert_int_equal(EVP_MAC_CTX_set_params(ctx, params), 1);
	assert_int_equal(EVP_MAC_init(ctx, (const uint8_t *)key, 16, NULL), 1);
	assert_int_equal(EVP_MAC_update(ctx, (const uint8_t *)m, 8 * n), 1);
	assert_int_equal(EVP_MAC_final(ctx, (uint8_t *)&out, &len, sizeof(out)), 1);
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return out;
}

static void test_siphash(void **state)
{
	uint64_t s = 3, key[2], m[WORDS];

	(void)state;
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 2; i++)
			key[i] = (uint64_t)naive_random(&s, UINT32_MAX) << 32 | naive_random(&s, UINT32_MAX);
		for (int i = 0; i < WORDS; i++)
			m[i] = (uint64_t)naive_random(&s, UINT32_MAX) << 32 | naive_random(&s, UINT32_MAX);
		for (unsigned int n = 0; n <= WORDS; n++)
			assert_int_equal(espnic_siphash(key, m, n), libcrypto_siphash(key, m, n));
	}
}

/* Two tables never agree on what collides. */
static void test_secret(void **state)
{
	struct espnic_hindex a, b;
	uint64_t w = 1;

	(void)state;
	assert_int_equal(espnic_hindex_init(&a, CAPACITY), 0);
	assert_int_equal(espnic_hindex_init(&b, CAPACITY), 0);
	assert_int_not_equal(espnic_hindex_hash(&a, &w, 1), espnic_hindex_hash(&b, &w, 1));
	espnic_hindex_free(&a);
	espnic_hindex_free(&b);
}

static void expect_candidates(const struct espnic_hindex *ix, const uint64_t *hash, const bool *there, uint64_t h)
{
	struct espnic_hcursor c = espnic_hindex_find(ix, h);
	bool got[CAPACITY + 1] = { false };
	uint32_t id;

	while ((id = espnic_hindex_next(&c))) {
		assert_in_range(id, 1, CAPACITY);
		assert_false(got[id]);
		got[id] = true;
		assert_true(there[id]);
		assert_int_equal((uint32_t)hash[id], (uint32_t)h);
	}
	for (id = 1; id <= CAPACITY; id++)
		if (there[id] && hash[id] == h)
			assert_true(got[id]);
}

/* @buckets: into how many all is crowded; 1: the worst that could happen. */
static void against_list(uint32_t buckets)
{
	uint64_t hash[CAPACITY + 1] = { 0 }, s = buckets;
	bool there[CAPACITY + 1] = { false };
	struct espnic_hindex ix;

	assert_int_equal(espnic_hindex_init(&ix, CAPACITY), 0);
	for (int step = 0; step < 20000; step++) {
		uint32_t id = 1 + naive_random(&s, CAPACITY);

		if (there[id]) {
			espnic_hindex_remove(&ix, hash[id], id);
			there[id] = false;
		} else {
			hash[id] = (uint64_t)(UINT32_MAX / buckets * naive_random(&s, buckets)) << 32 |
				   naive_random(&s, 50);
			espnic_hindex_insert(&ix, hash[id], id);
			there[id] = true;
		}
		expect_candidates(&ix, hash, there, hash[id]);
		expect_candidates(&ix, hash, there, hash[1 + naive_random(&s, CAPACITY)]);
	}
	espnic_hindex_clear(&ix);
	for (uint32_t id = 1; id <= CAPACITY; id++) {
		struct espnic_hcursor c = espnic_hindex_find(&ix, hash[id]);

		assert_int_equal(espnic_hindex_next(&c), 0);
	}
	espnic_hindex_free(&ix);
}

static void test_against_list(void **state)
{
	(void)state;
	against_list(1);
	against_list(3);
	against_list(60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_siphash),
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_against_list),
	};

	return cmocka_run_group_tests_name("hindex", tests, NULL, NULL);
}
