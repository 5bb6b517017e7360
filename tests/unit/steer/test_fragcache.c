// SPDX-License-Identifier: BSD-2-Clause
/* The fragment cache alone: bounds, age, what makes two packets the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "nic/fragcache.h"

enum { V = 42, W = 43 };

static struct espnic_flow flow(uint8_t family, uint8_t proto, uint8_t host, uint32_t id)
{
	return (struct espnic_flow){ .family = family, .proto = proto, .src = { 10, host }, .dst = { 10, 1 }, .frag_id = id };
}

struct same_case {
	const char *name;
	struct espnic_flow a, b;
	uint32_t scope_a, scope_b;
	bool same;
};

static void test_key(void **state)
{
	const struct same_case cases[] = {
		{ "the same", flow(4, 17, 1, 7), flow(4, 17, 1, 7), 0, 0, true },
		{ "another id", flow(4, 17, 1, 7), flow(4, 17, 1, 8), 0, 0, false },
		{ "another source", flow(4, 17, 1, 7), flow(4, 17, 2, 7), 0, 0, false },
		{ "another family", flow(4, 17, 1, 7), flow(6, 17, 1, 7), 0, 0, false },
		{ "IPv4: another protocol", flow(4, 17, 1, 7), flow(4, 6, 1, 7), 0, 0, false },
		{ "IPv6: the protocol does not count", flow(6, 17, 1, 7), flow(6, 60, 1, 7), 0, 0, true },
		{ "out of another SA", flow(4, 17, 1, 7), flow(4, 17, 1, 7), 0, 0x100001, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct espnic_fragcache *c = espnic_fragcache_new();
		uint32_t v = 0;

		print_message("%s\n", cases[i].name);
		espnic_fragcache_put(c, cases[i].scope_a, &cases[i].a, 1, V);
		assert_int_equal(espnic_fragcache_get(c, cases[i].scope_b, &cases[i].b, 1, &v), cases[i].same);
		assert_int_equal(v, cases[i].same ? V : 0);
		espnic_fragcache_free(c);
	}
}

static void test_age(void **state)
{
	struct espnic_fragcache *c = espnic_fragcache_new();
	struct espnic_flow f = flow(4, 17, 1, 1);
	uint32_t v;

	(void)state;
	espnic_fragcache_put(c, 0, &f, 1000, V);
	assert_true(espnic_fragcache_get(c, 0, &f, 1000 + ESPNIC_FRAGCACHE_MS, &v));
	assert_false(espnic_fragcache_get(c, 0, &f, 1001 + ESPNIC_FRAGCACHE_MS, &v));
	/* The id used again: the newer verdict holds, from its own time on. */
	espnic_fragcache_put(c, 0, &f, 50000, W);
	assert_true(espnic_fragcache_get(c, 0, &f, 50000 + ESPNIC_FRAGCACHE_MS, &v));
	assert_int_equal(v, W);
	/* A clock at its start. */
	espnic_fragcache_put(c, 0, &f, 0, V);
	assert_true(espnic_fragcache_get(c, 0, &f, 0, &v));
	assert_int_equal(v, V);
	espnic_fragcache_clear(c);
	assert_false(espnic_fragcache_get(c, 0, &f, 0, &v));
	espnic_fragcache_free(c);
}

/* However many packets: no more are known than fit, the newest always, the oldest of a set never instead of a newer. */
static void test_bound(void **state)
{
	enum { ROOM = ESPNIC_FRAGCACHE_SETS * ESPNIC_FRAGCACHE_WAYS, N = 100 * ROOM };
	struct espnic_fragcache *c = espnic_fragcache_new();
	unsigned int known = 0;
	struct espnic_flow f;
	uint32_t v;

	(void)state;
	for (uint32_t i = 0; i < N; i++) {
		f = flow(4, 17, 1, i);
		espnic_fragcache_put(c, 0, &f, 1, i);
		assert_true(espnic_fragcache_get(c, 0, &f, 1, &v));
		assert_int_equal(v, i);
	}
	for (uint32_t i = 0; i < N; i++) {
		f = flow(4, 17, 1, i);
		if (espnic_fragcache_get(c, 0, &f, 1, &v)) {
			assert_int_equal(v, i);
			/* Consecutive ids spread well enough that the newest quarter is there. */
			known++;
		} else {
			assert_true(i < N - ROOM / 4);
		}
	}
	assert_true(known <= ROOM);
	assert_true(known >= ROOM / 2);
	espnic_fragcache_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_age),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
