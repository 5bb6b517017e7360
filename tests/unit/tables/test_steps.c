// SPDX-License-Identifier: BSD-2-Clause
/*
 * How much of the SPD a lookup reads, on sets of policies that somebody would choose to make it slow: steps are
 * counted, no time is taken. From 1,000 to 100,000 policies of a kind they may grow with the logarithm alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The table once more, with every piece that a lookup reads counted. */
static uint64_t steps;
#define ESPNIC_TOUCH(p, n) ((void)(p), (void)(n), (void)steps++)
#include "engine/hindex.c"
#include "engine/prefix.c"
#include "engine/classify.c"
#include "engine/spd.c"

#include "naive.h"

enum {
	FEW = 1000,
	MANY = 100000,
	LOOKUPS = 2000,
	DOUBLINGS = 7,			/* log2(MANY / FEW), rounded up */
	STEPS_A_DOUBLING = 12,		/* a level of a treap is 1.4 levels of a balanced tree; two nodes a level */
};

static uint64_t seed;

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* ---- kinds of policies, and packets that none or the last of them matches ---- */

static void hosts(struct espnic_selector *s, uint32_t n)
{
	s->family = ESPNIC_IPV4;
	s->src_prefix = s->dst_prefix = 32;
	put32(s->src, 0x0a000001);
	put32(s->dst, 0x0b000000 + n);
}

/* Each prefix within the one before, on both sides: 33 by 33 pairs of lengths, again and again. */
static void overlapping(struct espnic_selector *s, uint32_t n)
{
	s->family = ESPNIC_IPV4;
	s->src_prefix = (uint8_t)(n % 33);
	s->dst_prefix = (uint8_t)(n / 33 % 33);
	put32(s->src, 0x0a0a0a0a);
	put32(s->dst, 0x0b0b0b0b);
	s->proto = 6;
}

/* Anybody to anybody, each one port or a block of them. */
static void wildcards(struct espnic_selector *s, uint32_t n)
{
	uint16_t port = (uint16_t)(n * 40503u);

	s->proto = n % 2 ? 6 : 17;
	s->dport_min = n % 3 ? port : port & 0xff00;
	s->dport_max = n % 3 ? port : port | 0xff;
}

/* Ranges over the middle, of one side: all in one cell. The first ones in rank are the shortest. */
static void straddling(struct espnic_selector *s, uint32_t n)
{
	s->proto = 6;
	s->dport_min = (uint16_t)(32767 - n % 30000);
	s->dport_max = (uint16_t)(32768 + (n / 3) % 30000);
}

/* The same of sources, and the longest come first. */
static void straddling_back(struct espnic_selector *s, uint32_t n)
{
	s->proto = 17;
	s->sport_min = (uint16_t)(2000 + n % 30000);
	s->sport_max = (uint16_t)(63000 - (n / 7) % 30000);
}

static void equal(struct espnic_selector *s, uint32_t n)
{
	(void)n;
	s->proto = 6;
	s->dport_min = s->dport_max = 443;
}

typedef void (*kind_fn)(struct espnic_selector *, uint32_t);

static struct espnic_spd *filled(kind_fn kind, uint32_t n, bool backwards)
{
	struct espnic_spd *spd = espnic_spd_new(n);

	assert_non_null(spd);
	for (uint32_t i = 0; i < n; i++) {
		struct espnic_spd_policy p = {
			.id = i + 1, .priority = backwards ? n - i : i, .dir = ESPNIC_SPD_OUT,
			.sel = { .sport_max = ESPNIC_PORT_MAX, .dport_max = ESPNIC_PORT_MAX },
		};

		kind(&p.sel, i);
		assert_int_equal(espnic_spd_insert(spd, &p), 0);
	}
	return spd;
}

/* The most steps a lookup takes; packets of all ports, to addresses that are covered. */
static uint64_t worst(kind_fn kind, uint32_t n, bool backwards)
{
	struct espnic_spd *spd = filled(kind, n, backwards);
	uint64_t most = 0;

	seed = 21;
	for (int i = 0; i < LOOKUPS; i++) {
		struct espnic_selector s = { .sport_max = 0 };
		struct espnic_flow f = { .family = ESPNIC_IPV4, .flags = ESPNIC_FLOW_PORTS };
		struct espnic_spd_policy *p;

		kind(&s, naive_random(&seed, n));
		f.proto = s.proto ? s.proto : 6;
		memcpy(f.src, s.src, 4);
		memcpy(f.dst, s.dst, 4);
		f.sport = (uint16_t)naive_random(&seed, 65536);
		f.dport = (uint16_t)naive_random(&seed, 65536);
		/* Some show no ports, though others of their kind are there to be looked at. */
		if (i % 16 == 0) {
			f.proto = 89;
			f.flags = 0;
		}
		steps = 0;
		espnic_spd_lookup(spd, ESPNIC_SPD_OUT, &f, &p);
		if (steps > most)
			most = steps;
	}
	espnic_spd_free(spd);
	return most;
}

static void test_growth(void **state)
{
	static const struct {
		const char *name;
		kind_fn kind;
	} kinds[] = {
		{ "hosts", hosts }, { "overlapping", overlapping }, { "wildcards", wildcards },
		{ "straddling", straddling }, { "straddling back", straddling_back }, { "equal", equal },
	};

	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		for (int backwards = 0; backwards < 2; backwards++) {
			/* All shapes of the kind are there among the few: 1,089 of the overlapping ones. */
			uint64_t few = worst(kinds[k].kind, 2 * FEW, backwards);
			uint64_t many = worst(kinds[k].kind, MANY, backwards);

			print_message("%s%s: %u steps, then %u\n", kinds[k].name,
				      backwards ? ", last first" : "", (unsigned int)few, (unsigned int)many);
			if (many > few + DOUBLINGS * STEPS_A_DOUBLING)
				fail_msg("%s: from %u steps to %u", kinds[k].name, (unsigned int)few,
					 (unsigned int)many);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_growth),
	};

	return cmocka_run_group_tests_name("steps", tests, NULL, NULL);
}
