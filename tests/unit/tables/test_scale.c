// SPDX-License-Identifier: BSD-2-Clause
/*
 * Full tables of kinds that occur and of kinds that somebody would choose to hurt: 100,000 policies
 * against a list in order of rank, half of them replaced meanwhile; 200,000 SAs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "naive.h"

enum {
	POLICIES = 100000,
	SAS = 200000,
	LOOKUPS = 50, 			/* of each kind of policies: each looks at all of them here */
	BURST = 50,
};

static uint64_t seed;

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* ---- kinds of policies; a flow that is likely to meet one ---- */

/* Hosts: a pair of addresses each, and a net here and there. */
static void kind_hosts(struct espnic_selector *s, uint32_t n)
{
	s->family = ESPNIC_IPV4;
	s->src_prefix = s->dst_prefix = 32;
	put32(s->src, 0x0a000001);
	put32(s->dst, 0x0b000000 + n / 2);
	if (n % 1000 == 0)
		s->dst_prefix = 16;
}

/* Everything nested in everything. */
static void kind_nested(struct espnic_selector *s, uint32_t n)
{
	s->family = ESPNIC_IPV6;
	s->src_prefix = (uint8_t)(n % 129);
	s->dst_prefix = (uint8_t)(n / 129 % 129);
	s->proto = n / (129 * 129) ? 17 : 0;
	memset(s->src, 0x55, 16);
	memset(s->dst, 0xaa, 16);
}

/* All the same, but for their rank: the one that decides is at one end. */
static void kind_equal(struct espnic_selector *s, uint32_t n)
{
	(void)n;
	s->proto = 6;
}

/* Port ranges over the middle of the space, so that no smaller block holds them. */
static void kind_ranges(struct espnic_selector *s, uint32_t n)
{
	s->proto = n % 2 ? 6 : 17;
	s->dport_min = (uint16_t)(32767 - naive_random(&seed, 3000));
	s->dport_max = (uint16_t)(32768 + naive_random(&seed, 3000));
}

static void kind_ports(struct espnic_selector *s, uint32_t n)
{
	s->proto = n & 1 ? 6 : 17;
	s->dport_min = s->dport_max = (uint16_t)(n >> 1);
}

/* A bit of all, of all shapes. */
static void kind_mixed(struct espnic_selector *s, uint32_t n)
{
	static const uint8_t plens[] = { 0, 8, 12, 16, 24, 27, 32 };

	s->family = n % 5 ? ESPNIC_IPV4 : n % 10 ? ESPNIC_IPV6 : ESPNIC_IP_ANY;
	s->src_prefix = plens[naive_random(&seed, sizeof(plens))];
	s->dst_prefix = plens[naive_random(&seed, sizeof(plens))];
	put32(s->src, 0x0a000000 | naive_random(&seed, 1 << 24));
	put32(s->dst, 0x0a000000 | naive_random(&seed, 1 << 24));
	s->proto = (uint8_t)(naive_random(&seed, 3) ? 0 : naive_random(&seed, 256));
	if (!naive_random(&seed, 3)) {
		s->sport_min = (uint16_t)naive_random(&seed, 65536);
		s->sport_max = (uint16_t)(s->sport_min + naive_random(&seed, 65536u - s->sport_min));
	}
	if (!naive_random(&seed, 8)) {
		s->dport_min = 65535;
		s->dport_max = 0;
	}
}

typedef void (*kind_fn)(struct espnic_selector *, uint32_t);

static struct espnic_spd_policy make(kind_fn kind, uint32_t id)
{
	struct espnic_spd_policy p = { .id = id, .sel = { .sport_max = 65535, .dport_max = 65535 } };

	p.priority = naive_random(&seed, 1000);
	p.dir = (uint8_t)(naive_random(&seed, 50) ? ESPNIC_SPD_OUT : ESPNIC_SPD_IN);
	kind(&p.sel, id - 1);
	return p;
}

static struct espnic_flow near(kind_fn kind)
{
	static const uint8_t flags[] = {
		ESPNIC_FLOW_PORTS, ESPNIC_FLOW_PORTS, ESPNIC_FLOW_PORTS, ESPNIC_FLOW_PORTS,
		ESPNIC_FLOW_FRAGMENT | ESPNIC_FLOW_NONFIRST, 0,
	};
	struct espnic_spd_policy p = make(kind, 1 + naive_random(&seed, POLICIES));
	struct espnic_flow f = { .family = p.sel.family ? p.sel.family : 4, .proto = p.sel.proto };

	memcpy(f.src, p.sel.src, 16);
	memcpy(f.dst, p.sel.dst, 16);
	if (f.family == ESPNIC_IPV4) {
		memset(f.src + 4, 0, 12);
		memset(f.dst + 4, 0, 12);
	}
	f.flags = flags[naive_random(&seed, sizeof(flags))];
	if (!naive_random(&seed, 4))
		f.proto = naive_random(&seed, 2) ? 17 : 60;
	if (!naive_random(&seed, 4))
		f.dst[naive_random(&seed, f.family == 4 ? 4 : 16)] ^= (uint8_t)(1 << naive_random(&seed, 8));
	f.sport = (uint16_t)(p.sel.sport_min + naive_random(&seed, 3));
	f.dport = (uint16_t)naive_random(&seed, 65536);
	if (naive_random(&seed, 2))
		f.dport = (uint16_t)(p.sel.dport_min + naive_random(&seed, 3));
	return f;
}

/* ---- against a list ---- */

struct listed {
	struct espnic_spd_policy p;
	uint64_t order;
};

static int by_rank(const void *a, const void *b)
{
	const struct listed *x = *(struct listed *const *)a, *y = *(struct listed *const *)b;

	if (x->p.priority != y->p.priority)
		return x->p.priority < y->p.priority ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static uint32_t list_lookup(struct listed *const *v, enum espnic_spd_dir dir, const struct espnic_flow *f,
			    enum espnic_spd_result *r)
{
	for (uint32_t i = 0; i < POLICIES; i++) {
		enum espnic_selector_result got;

		if (v[i]->p.dir != dir)
			continue;
		got = espnic_selector_check(&v[i]->p.sel, f);
		if (got == ESPNIC_SELECTOR_NO)
			continue;
		*r = got == ESPNIC_SELECTOR_YES ? ESPNIC_SPD_MATCH : ESPNIC_SPD_AMBIGUOUS;
		return v[i]->p.id;
	}
	*r = ESPNIC_SPD_NONE;
	return 0;
}

static void compare(const struct espnic_spd *spd, struct listed *const *sorted, kind_fn kind)
{
	struct espnic_spd_policy *p, *burst[BURST];
	enum espnic_spd_result want, r, results[BURST];
	const struct espnic_flow *flows[BURST];
	struct espnic_flow f[BURST];

	for (int n = 0; n < LOOKUPS; n += BURST) {
		for (int i = 0; i < BURST; i++) {
			f[i] = near(kind);
			flows[i] = &f[i];
		}
		espnic_spd_lookup_burst(spd, ESPNIC_SPD_OUT, flows, burst, results, BURST);
		for (int i = 0; i < BURST; i++) {
			uint32_t id = list_lookup(sorted, ESPNIC_SPD_OUT, &f[i], &want);

			r = espnic_spd_lookup(spd, ESPNIC_SPD_OUT, &f[i], &p);
			assert_int_equal(r, want);
			assert_int_equal(p ? p->id : 0, id);
			assert_int_equal(results[i], want);
			assert_ptr_equal(burst[i], p);
		}
	}
}

static void policies_of(kind_fn kind)
{
	struct listed *v = calloc(POLICIES, sizeof(*v)), **sorted = calloc(POLICIES, sizeof(*sorted));
	struct espnic_spd *spd = espnic_spd_new(POLICIES);
	uint64_t order = 0;

	assert_non_null(v);
	assert_non_null(sorted);
	assert_non_null(spd);
	seed = 11;
	for (uint32_t i = 0; i < POLICIES; i++) {
		v[i] = (struct listed){ .p = make(kind, i + 1), .order = ++order };
		sorted[i] = &v[i];
		assert_int_equal(espnic_spd_insert(spd, &v[i].p), 0);
	}
	for (int round = 0; round < 2; round++) {
		qsort(sorted, POLICIES, sizeof(sorted[0]), by_rank);
		compare(spd, sorted, kind);
		for (uint32_t n = 0; n < POLICIES / 2; n++) {
			uint32_t i = naive_random(&seed, POLICIES);

			espnic_spd_remove(spd, espnic_spd_by_id(spd, i + 1));
			v[i] = (struct listed){ .p = make(kind, i + 1), .order = ++order };
			assert_int_equal(espnic_spd_insert(spd, &v[i].p), 0);
		}
	}
	/* Nothing of it stays behind. */
	for (uint32_t i = 0; i < POLICIES; i++)
		espnic_spd_remove(spd, espnic_spd_by_id(spd, i + 1));
	for (int n = 0; n < LOOKUPS; n++) {
		struct espnic_flow f = near(kind);
		struct espnic_spd_policy *p;

		assert_int_equal(espnic_spd_lookup(spd, ESPNIC_SPD_OUT, &f, &p), ESPNIC_SPD_NONE);
	}
	assert_int_equal(espnic_spd_count(spd), 0);
	espnic_spd_free(spd);
	free(sorted);
	free(v);
}

static void test_hosts(void **state)
{
	(void)state;
	policies_of(kind_hosts);
}

static void test_nested(void **state)
{
	(void)state;
	policies_of(kind_nested);
}

static void test_equal(void **state)
{
	(void)state;
	policies_of(kind_equal);
}

static void test_ranges(void **state)
{
	(void)state;
	policies_of(kind_ranges);
}

static void test_ports(void **state)
{
	(void)state;
	policies_of(kind_ports);
}

static void test_mixed(void **state)
{
	(void)state;
	policies_of(kind_mixed);
}

/* ---- SAs ---- */

/* SPIs one after the other, as many hand them out, of all kinds of match. */
static struct espnic_sad_entry sa_of(uint32_t index)
{
	struct espnic_sad_entry e = {
		.handle = 1 << 20 | index, .spi = 0x1000 + index / 4, .ip_proto = 50, .family = index % 8 < 4 ? 4 : 6,
		.dir = ESPNIC_DIR_IN, .match = ESPNIC_SAD_SPI_DST,
	};

	put32(e.daddr, 0x0a000001 + index % 2);
	put32(e.saddr, 0x0b000000 + index);
	if (index % 4 >= 2)
		e.match = index % 4 == 2 ? ESPNIC_SAD_SPI : ESPNIC_SAD_SPI_DST_SRC;
	return e;
}

static void expect_all(struct espnic_sad *sad, const bool *there)
{
	for (uint32_t i = 1; i <= SAS; i++) {
		struct espnic_sad_entry e = sa_of(i), *got, *burst;
		const struct espnic_sad_key k = { .spi = e.spi, .ip_proto = 50, .family = e.family,
						  .daddr = e.daddr, .saddr = e.saddr };

		got = espnic_sad_find(sad, &k);
		espnic_sad_find_burst(sad, &k, &burst, 1);
		assert_ptr_equal(got, burst);
		/* Where a shorter match is, it takes what a longer one has left. */
		if (there[i])
			assert_true(got && (got->handle == e.handle || got->match == ESPNIC_SAD_SPI_DST_SRC ||
					    e.match == ESPNIC_SAD_SPI));
		else
			assert_true(!got || got->handle != e.handle);
	}
}

static void test_sas(void **state)
{
	struct espnic_sad *sad = espnic_sad_new(SAS);
	bool *there = calloc(SAS + 1, sizeof(*there));

	(void)state;
	assert_non_null(sad);
	assert_non_null(there);
	seed = 5;
	for (uint32_t i = 1; i <= SAS; i++) {
		struct espnic_sad_entry e = sa_of(i);

		assert_int_equal(espnic_sad_insert(sad, &e, NULL), 0);
		there[i] = true;
	}
	expect_all(sad, there);
	for (uint32_t n = 0; n < 2 * SAS; n++) {
		uint32_t i = 1 + naive_random(&seed, SAS);
		struct espnic_sad_entry e = sa_of(i);

		if (there[i])
			espnic_sad_remove(sad, espnic_sad_by_handle(sad, e.handle));
		else
			assert_int_equal(espnic_sad_insert(sad, &e, NULL), 0);
		there[i] = !there[i];
	}
	expect_all(sad, there);
	espnic_sad_free(sad);
	free(there);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_sas),
	};

	return cmocka_run_group_tests_name("scale", tests, NULL, NULL);
}
