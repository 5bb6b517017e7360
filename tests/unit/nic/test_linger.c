// SPDX-License-Identifier: BSD-2-Clause
/* When a queue looks by itself, and when it wants doorbells. Time is the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nic/linger.h"

enum { US = 1000, MS = 1000000 };

static void few_frames_want_doorbells(void **state)
{
	struct espnic_linger l = { 0 };
	uint64_t now = 5 * (uint64_t)MS;

	(void)state;
	assert_int_equal(espnic_linger_wait(&l, now), 0);
	for (int i = 0; i < 1000; i++) {
		espnic_linger_took(&l, 1, now);
		assert_int_equal(espnic_linger_wait(&l, now), 0);
		now += 150 * US;	/* seven in a window */
	}
}

static void load_is_looked_at(void **state)
{
	struct espnic_linger l = { 0 };
	uint64_t now = 5 * (uint64_t)MS;
	unsigned int asked = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		espnic_linger_took(&l, 1, now);
		asked += !espnic_linger_wait(&l, now);
		now += 100 * US;
	}
	assert_int_equal(asked, 7);
	/* It ends with the load, and not before. */
	now -= 100 * US;
	assert_true(espnic_linger_wait(&l, now + MS));
	assert_int_equal(espnic_linger_wait(&l, now + 2 * MS), 0);
	espnic_linger_took(&l, 1, now + 3 * MS);
	assert_int_equal(espnic_linger_wait(&l, now + 3 * MS), 0);
}

static void one_large_burst_is_load(void **state)
{
	static const uint32_t sizes[] = { 8, 44, 65536, UINT32_MAX };

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct espnic_linger l = { 0 };

		espnic_linger_took(&l, 7, 9 * (uint64_t)MS);
		assert_false(espnic_linger_wait(&l, 9 * (uint64_t)MS));
		espnic_linger_took(&l, sizes[i], 9 * (uint64_t)MS);
		assert_true(espnic_linger_wait(&l, 9 * (uint64_t)MS));
		espnic_linger_took(&l, UINT32_MAX, 9 * (uint64_t)MS);
		assert_true(espnic_linger_wait(&l, 9 * (uint64_t)MS));
	}
}

/* A clock that begins anywhere. */
static void any_time(void **state)
{
	struct espnic_linger l = { 0 };

	(void)state;
	espnic_linger_took(&l, 7, 3);
	assert_false(espnic_linger_wait(&l, 3));
	espnic_linger_took(&l, 1, 4);
	assert_true(espnic_linger_wait(&l, 4));
	espnic_linger_took(&l, 1, UINT64_MAX / 2);
	assert_false(espnic_linger_wait(&l, UINT64_MAX / 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_frames_want_doorbells),
		cmocka_unit_test(load_is_looked_at),
		cmocka_unit_test(one_large_burst_is_load),
		cmocka_unit_test(any_time),
	};

	return cmocka_run_group_tests_name("linger", tests, NULL, NULL);
}
