// SPDX-License-Identifier: BSD-2-Clause
#include "support.h"

#include <stdlib.h>

#include "engine/replay.h"

#define E(n) ((uint64_t)(n) << 32)	/* epoch */

static void window_make(struct espnic_window *w, uint32_t size, uint64_t top)
{
	uint64_t *seen = calloc(1, espnic_window_bytes(size) + 1);

	assert_non_null(seen);
	espnic_window_init(w, size, top, seen);
}

/* With nobody else about, the guess is what infer and check say together. */
static void same_guess(const struct espnic_window *w, uint32_t low)
{
	for (unsigned int esn = 0; esn < 2; esn++) {
		uint64_t seq = 0, guess = 0;
		bool good = espnic_window_infer(w, esn, low, &seq) == ESPNIC_OK &&
			    espnic_window_check(w, seq) == ESPNIC_OK;

		assert_int_equal(espnic_window_guess(w, esn, low, &guess), good);
		if (good)
			assert_true(guess == seq);
	}
}

/* RFC 4303 A2.2: high half by window size, top and low half. */
static void inference(void **state)
{
	static const struct {
		uint32_t size;
		uint64_t top;
		uint32_t low;
		enum espnic_verdict verdict;
		uint64_t seq;
	} cases[] = {
		/* Case A: the window within one epoch. */
		{ 64, 1000, 1001, ESPNIC_OK, 1001 },
		{ 64, 1000, 937, ESPNIC_OK, 937 },
		{ 64, 1000, 936, ESPNIC_OK, E(1) + 936 },
		{ 64, 1000, 0, ESPNIC_OK, E(1) },
		{ 64, 63, 0, ESPNIC_OK, 0 },
		{ 64, 63, 0xffffffff, ESPNIC_OK, 0xffffffff },
		{ 1, 5, 5, ESPNIC_OK, 5 },
		{ 1, 5, 4, ESPNIC_OK, E(1) + 4 },
		{ 64, 0xffffffff, 0, ESPNIC_OK, E(1) },
		{ 64, E(7) + 0xffffffff, 3, ESPNIC_OK, E(8) + 3 },
		{ 64, E(7) + 0xffffffff, 0xffffffc0, ESPNIC_OK, E(7) + 0xffffffc0 },
		{ 64, E(7) + 0xffffffff, 0xffffffbf, ESPNIC_OK, E(8) + 0xffffffbf },
		/* Case B: it begins in the epoch before. */
		{ 64, E(1), 0xffffffff, ESPNIC_OK, 0xffffffff },
		{ 64, E(1), 0xffffffc1, ESPNIC_OK, 0xffffffc1 },
		{ 64, E(1), 0xffffffc0, ESPNIC_OK, E(1) + 0xffffffc0 },
		{ 64, E(1) + 62, 0xffffffff, ESPNIC_OK, 0xffffffff },
		{ 64, E(1) + 62, 0, ESPNIC_OK, E(1) },
		{ 64, E(1) + 62, 70, ESPNIC_OK, E(1) + 70 },
		{ 4096, E(9) + 100, 0xfffff065, ESPNIC_OK, E(8) + 0xfffff065 },
		{ 4096, E(9) + 100, 0xfffff064, ESPNIC_OK, E(9) + 0xfffff064 },
		/* There is no epoch before the first, and none after the last. */
		{ 64, 0, 1, ESPNIC_OK, 1 },
		{ 64, 0, 0xffffffff, ESPNIC_OK, 0xffffffff },
		{ 64, 10, 0xfffffff0, ESPNIC_OK, 0xfffffff0 },
		{ 64, E(0xffffffff) + 1000, 936, ESPNIC_TOO_OLD, 936 },
		{ 64, E(0xffffffff) + 1000, 937, ESPNIC_OK, E(0xffffffff) + 937 },
		{ 64, E(0xffffffff) + 1000, 0xffffffff, ESPNIC_OK, UINT64_MAX },
		/* No window: half the space each way. */
		{ 0, 1000, 900, ESPNIC_OK, 900 },
		{ 0, 0x90000000, 0x10000000, ESPNIC_OK, E(1) + 0x10000000 },
		{ 0, 0x90000000, 0x10000001, ESPNIC_OK, 0x10000001 },
		{ 0, E(1) + 5, 0xfffffff0, ESPNIC_OK, 0xfffffff0 },
		{ 0, E(1) + 5, 0x80000005, ESPNIC_OK, E(1) + 0x80000005 },
		{ 0, E(1) + 5, 0x80000006, ESPNIC_OK, 0x80000006 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct espnic_window w;
		uint64_t seq;

		window_make(&w, cases[i].size, cases[i].top);
		assert_verdict(espnic_window_infer(&w, true, cases[i].low, &seq), cases[i].verdict);
		if (seq != cases[i].seq)
			fail_msg("case %zu: %llx, not %llx", i, (unsigned long long)seq,
				 (unsigned long long)cases[i].seq);
		assert_verdict(espnic_window_infer(&w, false, cases[i].low, &seq), ESPNIC_OK);
		assert_int_equal(seq, cases[i].low);
		same_guess(&w, cases[i].low);
		free(w.seen);
	}
}

/* Edges of windows of all kinds of sizes, at tops around word and epoch borders. */
static void edges(void **state)
{
	static const uint32_t sizes[] = { 1, 2, 31, 32, 33, 63, 64, 65, 100, 128, 4095, 4096 };
	static const uint64_t tops[] = { 5000, 4096, 8191, E(1), E(1) + 63, E(3) - 1, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes) * ARRAY_SIZE(tops); i++) {
		uint64_t top = tops[i / ARRAY_SIZE(sizes)];
		uint32_t size = sizes[i % ARRAY_SIZE(sizes)];
		struct espnic_window w;

		window_make(&w, size, top);
		assert_verdict(espnic_window_check(&w, top), ESPNIC_REPLAY);
		assert_verdict(espnic_window_check(&w, top - size), ESPNIC_TOO_OLD);
		if (top - 1 >= size)
			assert_verdict(espnic_window_check(&w, 1), ESPNIC_TOO_OLD);
		/* All of it but the top is unseen; taken once, each is seen. */
		for (uint64_t n = top - size + 1; n < top; n++) {
			assert_verdict(espnic_window_check(&w, n), ESPNIC_OK);
			espnic_window_accept(&w, n);
			assert_verdict(espnic_window_check(&w, n), ESPNIC_REPLAY);
		}
		if (top != UINT64_MAX) {
			uint64_t next;

			/* Whoever counts on it takes the step unjudged. */
			assert_verdict(espnic_window_check(&w, top + 1), ESPNIC_OK);
			assert_verdict(espnic_window_infer(&w, true, (uint32_t)top + 1, &next), ESPNIC_OK);
			assert_true(next == top + 1);
		}
		assert_int_equal(w.top, top);
		for (uint32_t n = 0; n < 2 * size; n++)
			same_guess(&w, (uint32_t)top - n);
		same_guess(&w, 0);
		same_guess(&w, (uint32_t)top + 1);
		free(w.seen);
	}
}

static void start(void **state)
{
	struct espnic_window w;

	(void)state;
	window_make(&w, 64, 0);
	/* Numbers begin at 1. */
	assert_verdict(espnic_window_check(&w, 0), ESPNIC_REPLAY);
	assert_verdict(espnic_window_check(&w, 1), ESPNIC_OK);
	espnic_window_accept(&w, 40);
	assert_verdict(espnic_window_check(&w, 0), ESPNIC_REPLAY);
	assert_verdict(espnic_window_check(&w, 1), ESPNIC_OK);
	assert_verdict(espnic_window_check(&w, 40), ESPNIC_REPLAY);
	espnic_window_accept(&w, 65);
	assert_verdict(espnic_window_check(&w, 1), ESPNIC_TOO_OLD);
	assert_verdict(espnic_window_check(&w, 2), ESPNIC_OK);
	free(w.seen);

	/* 0 was never sent, though nothing up to 5 was seen. */
	window_make(&w, 64, 5);
	assert_verdict(espnic_window_check(&w, 0), ESPNIC_REPLAY);
	assert_verdict(espnic_window_check(&w, 1), ESPNIC_OK);
	free(w.seen);

	/* Without a window nothing is a replay, and the top still moves. */
	window_make(&w, 0, 0);
	espnic_window_accept(&w, 7);
	espnic_window_accept(&w, 3);
	assert_int_equal(w.top, 7);
	assert_verdict(espnic_window_check(&w, 7), ESPNIC_OK);
	espnic_window_step(&w);
	assert_int_equal(w.top, 8);
	free(w.seen);
}

static void raise(void **state)
{
	static const uint32_t sizes[] = { 1, 32, 33, 64, 4096 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct espnic_window w;

		window_make(&w, sizes[i], 10);
		espnic_window_raise(&w, 5);
		assert_int_equal(w.top, 10);
		espnic_window_raise(&w, 10000);
		for (uint32_t back = 0; back < sizes[i]; back++)
			assert_verdict(espnic_window_check(&w, 10000 - back), ESPNIC_REPLAY);
		espnic_window_accept(&w, 10002);
		assert_verdict(espnic_window_check(&w, 10002), ESPNIC_REPLAY);
		if (sizes[i] > 2) {
			assert_verdict(espnic_window_check(&w, 10001), ESPNIC_OK);
			assert_verdict(espnic_window_check(&w, 10000), ESPNIC_REPLAY);
		}
		free(w.seen);
	}
}

/* Random arrivals against a list of all numbers ever seen. */
static void against_list(void **state)
{
	static const uint32_t sizes[] = { 1, 7, 32, 33, 64, 100, 4096 };
	enum { SPAN = 40000 };
	static bool seen[SPAN];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t base = E(1) - SPAN / 2, top = base + 1;
		struct espnic_window w;

		memset(seen, 0, sizeof(seen));
		window_make(&w, sizes[i], top);
		seen[1] = true;
		while (top < base + SPAN - 10000) {
			uint32_t jump = chance() % 100 == 0 ? chance() % 9000 : chance() % 4;
			uint64_t n = chance() % 3 ? top + jump : top - chance() % (2 * sizes[i]);
			enum espnic_verdict want = ESPNIC_OK;

			if (n < base)
				continue;
			if (n <= top && top - n >= sizes[i])
				want = ESPNIC_TOO_OLD;
			else if (n <= top && seen[n - base])
				want = ESPNIC_REPLAY;
			assert_verdict(espnic_window_check(&w, n), want);
			same_guess(&w, (uint32_t)n);
			if (want != ESPNIC_OK)
				continue;
			if (n == top + 1 && chance() % 2)
				espnic_window_step(&w);
			else
				espnic_window_accept(&w, n);
			seen[n - base] = true;
			if (n > top)
				top = n;
			assert_int_equal(w.top, top);
		}
		free(w.seen);
	}
}

/* Heir and old with random histories: what either refuses, the joined window refuses, and nothing else. */
static void joined(void **state)
{
	static const uint32_t sizes[] = { 32, 33, 64, 100, 4096 };

	(void)state;
	for (int round = 0; round < 200; round++) {
		uint32_t size[2] = { sizes[chance() % 5], sizes[chance() % 5] };
		struct espnic_sa_window read;
		struct espnic_window w[2], before;
		uint64_t top;

		for (int i = 0; i < 2; i++) {
			window_make(&w[i], size[i], chance() % 9000);
			for (int n = 0; n < 500; n++) {
				uint64_t seq = w[i].top + chance() % 5;

				if (espnic_window_check(&w[i], seq) == ESPNIC_OK)
					espnic_window_accept(&w[i], seq);
			}
		}
		window_make(&before, size[0], 0);
		memcpy(before.seen, w[0].seen, espnic_window_bytes(size[0]));
		before.top = w[0].top;
		top = w[0].top > w[1].top ? w[0].top : w[1].top;
		espnic_window_join(&w[0], &w[1]);
		espnic_window_read(&w[0], &read);
		assert_int_equal(read.top, top);
		assert_int_equal(read.size, size[0]);
		for (uint64_t seq = 1; seq <= top + 2; seq++) {
			bool want = espnic_window_check(&before, seq) == ESPNIC_OK &&
				    espnic_window_check(&w[1], seq) == ESPNIC_OK &&
				    (seq > top || top - seq < size[0]);

			assert_int_equal(espnic_window_check(&w[0], seq) == ESPNIC_OK, want);
			if (seq <= top && top - seq < size[0])
				assert_int_equal(!(read.bitmap[(top - seq) / 64] >> (top - seq) % 64 & 1), want);
		}
		free(w[0].seen);
		free(w[1].seen);
		free(before.seen);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inference),
		cmocka_unit_test(edges),
		cmocka_unit_test(start),
		cmocka_unit_test(raise),
		cmocka_unit_test(against_list),
		cmocka_unit_test(joined),
	};

	return cmocka_run_group_tests_name("engine/replay", tests, NULL, NULL);
}
