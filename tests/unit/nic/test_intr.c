// SPDX-License-Identifier: BSD-2-Clause
/* When an interrupt is due. Time is a parameter: nothing here waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "nic/intr.h"

enum { US = 1000 };

static struct espnic_intr i;

static void moderate(uint32_t usecs, uint32_t frames)
{
	espnic_intr_init(&i);
	atomic_store(&i.usecs, usecs);
	atomic_store(&i.frames, frames);
}

static void only_the_armed_one(void **state)
{
	(void)state;
	moderate(0, 0);
	assert_false(espnic_intr_written(&i, 0, 5, 5, 0));
	assert_true(espnic_intr_written(&i, 5, 6, 5, 0));
	assert_false(espnic_intr_written(&i, 6, 9, 5, 0));
	assert_false(espnic_intr_written(&i, 9, 9, 9, 0));
	/* Indices wrap. */
	assert_true(espnic_intr_written(&i, 0xfffffffe, 2, 0, 0));
	assert_true(espnic_intr_written(&i, 0xfffffffe, 2, 0xffffffff, 0));
	assert_false(espnic_intr_written(&i, 0xfffffffe, 2, 2, 0));
	assert_false(espnic_intr_due(&i, UINT64_MAX));
}

static void held_back_by_time(void **state)
{
	(void)state;
	moderate(50, 0);
	assert_false(espnic_intr_written(&i, 0, 1, 0, 100 * US));
	assert_true(i.pending);
	assert_false(espnic_intr_due(&i, 149 * US));
	assert_false(espnic_intr_written(&i, 1, 100, 0, 149 * US));
	assert_true(espnic_intr_due(&i, 150 * US));
	assert_false(espnic_intr_due(&i, 500 * US));
	/* Or by the next completion after that time. */
	assert_false(espnic_intr_written(&i, 100, 101, 100, 600 * US));
	assert_true(espnic_intr_written(&i, 101, 102, 100, 650 * US));
	assert_false(i.pending);
}

static void held_back_by_count(void **state)
{
	(void)state;
	moderate(1000, 8);
	assert_false(espnic_intr_written(&i, 0, 7, 0, 0));
	assert_true(espnic_intr_written(&i, 7, 8, 0, 0));
	/* Counted from the armed one, which may not be the first of its burst. */
	assert_false(espnic_intr_written(&i, 8, 17, 10, 0));
	assert_true(espnic_intr_written(&i, 17, 18, 10, 0));
	/* All at once. */
	assert_true(espnic_intr_written(&i, 18, 30, 18, 0));
}

static void count_alone_is_bounded(void **state)
{
	(void)state;
	moderate(0, 8);
	assert_false(espnic_intr_written(&i, 0, 1, 0, 0));
	assert_false(espnic_intr_due(&i, (uint64_t)ESPNIC_INTR_USECS_MAX * US - 1));
	assert_true(espnic_intr_due(&i, (uint64_t)ESPNIC_INTR_USECS_MAX * US));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_armed_one),
		cmocka_unit_test(held_back_by_time),
		cmocka_unit_test(held_back_by_count),
		cmocka_unit_test(count_alone_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
