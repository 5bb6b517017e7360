// SPDX-License-Identifier: BSD-2-Clause
/* The hash index, and the hash: against libcrypto's long numbers, and a list that is searched from end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/bn.h>

#include "engine/hindex.h"
#include "naive.h"

enum { CAPACITY = 300 };

static uint64_t random64(uint64_t *s)
{
	return (uint64_t)naive_random(s, UINT32_MAX) << 32 | naive_random(s, UINT32_MAX);
}

/* The same by libcrypto's long numbers: the sum, its upper half of 128 bits, stirred. */
static uint64_t long_hash(const struct espnic_keyhash *key, const uint64_t *w, unsigned int n)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *sum = BN_lebin2bn((const uint8_t *)&key->b, sizeof(key->b), NULL), *a = NULL, *x = NULL;
	uint64_t half[2];

	for (unsigned int i = 0; i < n; i++) {
		a = BN_lebin2bn((const uint8_t *)&key->a[i], sizeof(key->a[i]), a);
		x = BN_lebin2bn((const uint8_t *)&w[i], sizeof(w[i]), x);
		assert_int_equal(BN_mul(a, a, x, ctx), 1);
		assert_int_equal(BN_add(sum, sum, a), 1);
	}
	BN_mask_bits(sum, 128);
	assert_int_equal(BN_bn2lebinpad(sum, (uint8_t *)half, sizeof(half)), sizeof(half));
	BN_free(sum);
	BN_free(a);
	BN_free(x);
	BN_CTX_free(ctx);
	return espnic_keyhash_stir(half[1]);
}

static void test_keyhash(void **state)
{
	struct espnic_keyhash key;
	uint64_t s = 3, w[ESPNIC_KEYHASH_WORDS];

	(void)state;
	for (int round = 0; round < 100; round++) {
		for (size_t i = 0; i < sizeof(key) / sizeof(s); i++) {
			uint64_t v = round ? random64(&s) : UINT64_MAX;

			memcpy((uint8_t *)&key + i * sizeof(v), &v, sizeof(v));
		}
		for (int i = 0; i < ESPNIC_KEYHASH_WORDS; i++)
			w[i] = round ? random64(&s) : UINT64_MAX;
		for (unsigned int n = 0; n <= ESPNIC_KEYHASH_WORDS; n++)
			assert_true(espnic_keyhash(&key, w, n) == long_hash(&key, w, n));
	}
}

/* Stirring can be undone: so no two sums become one. */
static void test_stir(void **state)
{
	uint64_t s = 5, odd = espnic_keyhash_stir(1), back = 1;

	(void)state;
	/* What 1 is multiplied by, but for the last shift; its inverse by Newton's steps. */
	odd ^= odd >> 32;
	for (int i = 0; i < 6; i++)
		back *= 2 - odd * back;
	for (int i = 0; i < 1000; i++) {
		uint64_t v = random64(&s), h = espnic_keyhash_stir(v);

		h = (h ^ h >> 32) * back;
		assert_true((h ^ h >> 32) == v);
	}
}

/* Inputs at equal steps, of any length of step, are spread as if drawn at random: few find their bucket full. */
static void test_spread(void **state)
{
	enum { MANY = 40000, KEYS = 20 };
	uint32_t *in = calloc(MANY, sizeof(*in));

	(void)state;
	assert_non_null(in);
	for (unsigned int shift = 0; shift <= 48; shift += 4) {
		uint32_t full = 0;

		for (int k = 0; k < KEYS; k++) {
			struct espnic_hindex ix;

			assert_int_equal(espnic_hindex_init(&ix, MANY), 0);
			memset(in, 0, MANY * sizeof(*in));
			for (uint64_t i = 0; i < MANY; i++) {
				uint64_t w[2] = { i << shift, 7 }, h = espnic_hindex_hash(&ix, w, 2);

				full += ++in[(h >> 32) * ix.buckets >> 32] > ESPNIC_HINDEX_SLOTS;
			}
			espnic_hindex_free(&ix);
		}
		/* At random 2.1 % are: of four expected in a bucket, those beyond the seventh. */
		assert_true(full < KEYS * MANY / 40);
	}
	free(in);
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
		cmocka_unit_test(test_keyhash),
		cmocka_unit_test(test_stir),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_against_list),
	};

	return cmocka_run_group_tests_name("hindex", tests, NULL, NULL);
}
