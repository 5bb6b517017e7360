// SPDX-License-Identifier: BSD-2-Clause
/* The policy table. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "naive.h"

static struct espnic_spd *spd;

static const uint8_t addr_a[16] = { 192, 0, 2, 1 }, addr_b[16] = { 192, 0, 2, 2 };

static int setup(void **state)
{
	(void)state;
	spd = espnic_spd_new(NAIVE_MAX - 1);
	return spd ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	espnic_spd_free(spd);
	return 0;
}

static struct espnic_spd_policy policy(uint32_t id, uint32_t priority, enum espnic_spd_dir dir,
				       enum espnic_spd_action action)
{
	return (struct espnic_spd_policy){
		.id = id, .priority = priority, .dir = dir, .action = action,
		.sel = { .sport_max = 65535, .dport_max = 65535 },
	};
}

static void add(struct espnic_spd_policy p)
{
	assert_int_equal(espnic_spd_insert(spd, &p), 0);
}

static struct espnic_flow tcp(uint16_t dport)
{
	struct espnic_flow f = { .family = 4, .proto = 6, .flags = ESPNIC_FLOW_PORTS,
				 .sport = 40000, .dport = dport };

	memcpy(f.src, addr_b, 16);
	memcpy(f.dst, addr_a, 16);
	return f;
}

static void expect(enum espnic_spd_dir dir, const struct espnic_flow *f, enum espnic_spd_result result,
		   uint32_t id)
{
	struct espnic_spd_policy *p = (void *)-1;

	assert_int_equal(espnic_spd_lookup(spd, dir, f, &p), result);
	assert_int_equal(p ? p->id : 0, id);
}

static void test_order(void **state)
{
	struct espnic_flow f = tcp(80);

	(void)state;
	expect(ESPNIC_SPD_OUT, &f, ESPNIC_SPD_NONE, 0);
	add(policy(1, 500, ESPNIC_SPD_OUT, ESPNIC_SPD_BYPASS));
	expect(ESPNIC_SPD_OUT, &f, ESPNIC_SPD_MATCH, 1);
	expect(ESPNIC_SPD_IN, &f, ESPNIC_SPD_NONE, 0);
	expect(ESPNIC_SPD_FWD, &f, ESPNIC_SPD_NONE, 0);
	add(policy(2, 500, ESPNIC_SPD_OUT, ESPNIC_SPD_BYPASS));
	expect(ESPNIC_SPD_OUT, &f, ESPNIC_SPD_MATCH, 1);
	add(policy(3, 499, ESPNIC_SPD_OUT, ESPNIC_SPD_BYPASS));
	expect(ESPNIC_SPD_OUT, &f, ESPNIC_SPD_MATCH, 3);
	add(policy(4, 0, ESPNIC_SPD_OUT, ESPNIC_SPD_BYPASS));
	add(policy(5, UINT32_MAX, ESPNIC_SPD_OUT, ESPNIC_SPD_BYPASS));
	expect(ESPNIC_SPD_OUT, &f, ESPNIC_SPD_MATCH, 4);
	espnic_spd_remove(spd, espnic_spd_by_id(spd, 4));
	espnic_spd_remove(spd, espnic_spd_by_id(spd, 3));
	espnic_spd_remove(spd, espnic_spd_by_id(spd, 1));
	expect(ESPNIC_SPD_OUT, &f, ESPNIC_SPD_MATCH, 2);
	/* Added again it stands behind its equals. */
	add(policy(1, 500, ESPNIC_SPD_OUT, ESPNIC_SPD_BYPASS));
	expect(ESPNIC_SPD_OUT, &f, ESPNIC_SPD_MATCH, 2);
	assert_int_equal(espnic_spd_count(spd), 3);
	espnic_spd_clear(spd);
	assert_int_equal(espnic_spd_count(spd), 0);
	assert_null(espnic_spd_by_id(spd, 2));
	expect(ESPNIC_SPD_OUT, &f, ESPNIC_SPD_NONE, 0);
}

static void test_ids(void **state)
{
	struct espnic_spd_policy p = policy(0, 1, ESPNIC_SPD_IN, ESPNIC_SPD_BYPASS);

	(void)state;
	assert_int_equal(espnic_spd_insert(spd, &p), -EINVAL);
	p.id = NAIVE_MAX;
	assert_int_equal(espnic_spd_insert(spd, &p), -EINVAL);
	p.id = NAIVE_MAX - 1;
	assert_int_equal(espnic_spd_insert(spd, &p), 0);
	assert_int_equal(espnic_spd_insert(spd, &p), -EEXIST);
	p.id = 1;
	p.dir = ESPNIC_SPD_DIRS;
	assert_int_equal(espnic_spd_insert(spd, &p), -EINVAL);
	p = policy(1, 1, ESPNIC_SPD_IN, ESPNIC_SPD_BYPASS);
	p.sel.family = 4;
	p.sel.src_prefix = 33;
	assert_int_equal(espnic_spd_insert(spd, &p), -EINVAL);
	p.sel.src_prefix = 32;
	p.sel.dport_min = 9;
	p.sel.dport_max = 8;
	assert_int_equal(espnic_spd_insert(spd, &p), -EINVAL);
	p.sel.dport_max = 9;
	p.sel.family = 5;
	assert_int_equal(espnic_spd_insert(spd, &p), -EINVAL);
	assert_int_equal(espnic_spd_count(spd), 1);
	assert_null(espnic_spd_by_id(spd, 0));
	assert_null(espnic_spd_by_id(spd, 1));
	assert_null(espnic_spd_by_id(spd, UINT32_MAX));
	assert_non_null(espnic_spd_by_id(spd, NAIVE_MAX - 1));
}

static void test_discard_and_counters(void **state)
{
	struct espnic_spd_policy *p;

	(void)state;
	add(policy(1, 1, ESPNIC_SPD_OUT, ESPNIC_SPD_PROTECT));
	p = espnic_spd_by_id(spd, 1);
	assert_int_equal(espnic_spd_action(p), ESPNIC_SPD_PROTECT);
	p->discard = true;
	assert_int_equal(espnic_spd_action(p), ESPNIC_SPD_DISCARD);
	espnic_spd_count_packet(p, 100);
	espnic_spd_count_packet(p, 50);
	assert_int_equal(p->packets, 2);
	assert_int_equal(p->bytes, 150);
	espnic_spd_remove(spd, p);
	add(policy(1, 1, ESPNIC_SPD_OUT, ESPNIC_SPD_PROTECT));
	assert_int_equal(espnic_spd_by_id(spd, 1)->packets, 0);
	assert_false(espnic_spd_by_id(spd, 1)->discard);
}

static void test_fragments(void **state)
{
	struct espnic_spd_policy p = policy(1, 10, ESPNIC_SPD_OUT, ESPNIC_SPD_PROTECT);
	struct espnic_flow f = tcp(80), later = tcp(0), udp;

	(void)state;
	later.flags = ESPNIC_FLOW_FRAGMENT | ESPNIC_FLOW_NONFIRST;
	p.sel.proto = 6;
	p.sel.dport_min = p.sel.dport_max = 80;
	add(p);
	add(policy(2, 20, ESPNIC_SPD_OUT, ESPNIC_SPD_BYPASS));
	expect(ESPNIC_SPD_OUT, &f, ESPNIC_SPD_MATCH, 1);
	expect(ESPNIC_SPD_OUT, &later, ESPNIC_SPD_AMBIGUOUS, 1);
	udp = later, udp.proto = 17;
	expect(ESPNIC_SPD_OUT, &udp, ESPNIC_SPD_MATCH, 2);
	/* A sure match before it decides. */
	add(policy(3, 5, ESPNIC_SPD_OUT, ESPNIC_SPD_PROTECT));
	expect(ESPNIC_SPD_OUT, &later, ESPNIC_SPD_MATCH, 3);
}

static struct espnic_sad_entry sa_in(uint8_t mode)
{
	struct espnic_sad_entry e = { .handle = 1, .spi = 0x100, .reqid = 7, .dir = ESPNIC_DIR_IN,
				      .mode = mode, .ip_proto = 50, .family = 4 };

	memcpy(e.saddr, addr_b, 16);
	memcpy(e.daddr, addr_a, 16);
	return e;
}

static struct espnic_spd_policy protect_in(uint32_t id, uint32_t priority, enum espnic_spd_dir dir)
{
	struct espnic_spd_policy p = policy(id, priority, dir, ESPNIC_SPD_PROTECT);

	p.tmpl = (struct espnic_spd_template){ .mode = ESPNIC_MODE_TUNNEL, .ip_proto = 50, .family = 4, .reqid = 7 };
	memcpy(p.tmpl.saddr, addr_b, 16);
	memcpy(p.tmpl.daddr, addr_a, 16);
	return p;
}

static void expect_inbound(const struct espnic_flow *f, const struct espnic_sad_entry *e,
			   enum espnic_spd_result result, uint32_t id)
{
	struct espnic_spd_policy *p = (void *)-1;

	assert_int_equal(espnic_spd_check_inbound(spd, f, e, &p), result);
	assert_int_equal(p ? p->id : 0, id);
}

static void test_inbound(void **state)
{
	struct espnic_sad_entry e = sa_in(ESPNIC_MODE_TUNNEL), other;
	struct espnic_flow f = tcp(80), later = tcp(0);
	struct espnic_spd_policy p;

	(void)state;
	later.flags = ESPNIC_FLOW_NONFIRST;
	expect_inbound(&f, &e, ESPNIC_SPD_NONE, 0);
	add(protect_in(1, 10, ESPNIC_SPD_OUT));
	expect_inbound(&f, &e, ESPNIC_SPD_NONE, 0);
	add(protect_in(2, 10, ESPNIC_SPD_FWD));
	expect_inbound(&f, &e, ESPNIC_SPD_MATCH, 2);
	add(protect_in(3, 10, ESPNIC_SPD_IN));
	expect_inbound(&f, &e, ESPNIC_SPD_MATCH, 3);

	other = e, other.reqid = 8;
	expect_inbound(&f, &other, ESPNIC_SPD_NONE, 0);
	other = e, other.mode = ESPNIC_MODE_TRANSPORT;
	expect_inbound(&f, &other, ESPNIC_SPD_NONE, 0);
	other = e, other.saddr[3] = 99;
	expect_inbound(&f, &other, ESPNIC_SPD_NONE, 0);
	other = e, other.family = 6;
	expect_inbound(&f, &other, ESPNIC_SPD_NONE, 0);

	/* The first match of a direction decides it: BYPASS means that it should have come in clear. */
	p = policy(4, 5, ESPNIC_SPD_IN, ESPNIC_SPD_BYPASS);
	p.sel.proto = 6;
	add(p);
	expect_inbound(&f, &e, ESPNIC_SPD_MATCH, 2);
	espnic_spd_by_id(spd, 2)->discard = true;
	expect_inbound(&f, &e, ESPNIC_SPD_NONE, 0);

	/* Ports decide and are not there. */
	p = protect_in(5, 1, ESPNIC_SPD_IN);
	p.sel.proto = 6;
	p.sel.dport_min = p.sel.dport_max = 80;
	add(p);
	expect_inbound(&f, &e, ESPNIC_SPD_MATCH, 5);
	expect_inbound(&later, &e, ESPNIC_SPD_AMBIGUOUS, 5);
	espnic_spd_by_id(spd, 2)->discard = false;
	expect_inbound(&later, &e, ESPNIC_SPD_MATCH, 2);
}

static void test_inbound_transport(void **state)
{
	struct espnic_sad_entry e = sa_in(ESPNIC_MODE_TRANSPORT);
	struct espnic_spd_policy p = policy(1, 10, ESPNIC_SPD_IN, ESPNIC_SPD_PROTECT);
	struct espnic_flow f = tcp(80);

	(void)state;
	p.tmpl = (struct espnic_spd_template){ .mode = ESPNIC_MODE_TRANSPORT, .ip_proto = 50 };
	add(p);
	expect_inbound(&f, &e, ESPNIC_SPD_MATCH, 1);
	f.src[3] = 77;				/* not the SA's peer */
	expect_inbound(&f, &e, ESPNIC_SPD_NONE, 0);
	memset(e.saddr, 0, 16);			/* an SA of any peer */
	expect_inbound(&f, &e, ESPNIC_SPD_MATCH, 1);
}

static void random_selector(uint64_t *s, struct espnic_selector *sel)
{
	static const uint8_t plens[] = { 0, 1, 8, 23, 24, 31, 32, 64, 65, 127, 128 };

	memset(sel, 0, sizeof(*sel));
	sel->family = (uint8_t)(naive_random(s, 3) ? (naive_random(s, 2) ? 4 : 6) : 0);
	if (sel->family) {
		sel->src_prefix = plens[naive_random(s, sel->family == 4 ? 7 : 11)];
		sel->dst_prefix = plens[naive_random(s, sel->family == 4 ? 7 : 11)];
		sel->src[0] = sel->dst[0] = 10;
		sel->src[2] = (uint8_t)naive_random(s, 2);
		sel->src[3] = (uint8_t)naive_random(s, 4);
		sel->dst[3] = (uint8_t)naive_random(s, 4);
		if (sel->family == 6) {
			sel->src[8] = (uint8_t)(naive_random(s, 2) << 7);
			sel->dst[15] = (uint8_t)naive_random(s, 4);
		}
	}
	sel->proto = (uint8_t)(naive_random(s, 2) ? 0 : naive_random(s, 2) ? 6 : 17);
	if (!naive_random(s, 12))
		sel->proto = ESPNIC_PROTO_OPAQUE;
	sel->sport_max = sel->dport_max = 65535;
	if (!naive_random(s, 3)) {
		sel->dport_min = (uint16_t)naive_random(s, 4);
		sel->dport_max = (uint16_t)(sel->dport_min + naive_random(s, 3));
	}
	if (!naive_random(s, 6)) {
		sel->sport_min = 65535;		/* opaque */
		sel->sport_max = 0;
	}
}

static void random_flow(uint64_t *s, struct espnic_flow *f)
{
	static const uint8_t protos[] = { 6, 17, 6, 17, 1, 58, 89, 60, 44 };
	struct espnic_selector like;

	random_selector(s, &like);
	memset(f, 0, sizeof(*f));
	f->family = like.family ? like.family : 4;
	f->proto = protos[naive_random(s, sizeof(protos))];
	f->flags = (uint8_t)naive_random(s, 8);
	f->sport = (uint16_t)naive_random(s, 5);
	f->dport = (uint16_t)naive_random(s, 5);
	memcpy(f->src, like.src, 16);
	memcpy(f->dst, like.dst, 16);
	f->src[3] ^= (uint8_t)naive_random(s, 2);
}

/* A burst finds what lookups find. */
static void expect_same(enum espnic_spd_dir dir, const struct espnic_flow *flows, unsigned int n)
{
	const struct espnic_flow *f[4];
	struct espnic_spd_policy *got[4], *want;
	enum espnic_spd_result r[4];

	for (unsigned int i = 0; i < n; i++)
		f[i] = &flows[i];
	espnic_spd_lookup_burst(spd, dir, f, got, r, n);
	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(r[i], espnic_spd_lookup(spd, dir, &flows[i], &want));
		assert_ptr_equal(got[i], want);
	}
}

static void test_against_naive(void **state)
{
	static struct naive_policy v[NAIVE_MAX];
	struct espnic_flow flows[4];
	uint32_t seen[3] = { 0 };
	uint64_t s = 7, order = 0;

	(void)state;
	for (int step = 0; step < 8000; step++) {
		uint32_t id = 1 + naive_random(&s, 30 + naive_random(&s, 200));
		struct naive_policy *n = &v[id];

		if (n->there) {
			espnic_spd_remove(spd, espnic_spd_by_id(spd, id));
			n->there = false;
		} else {
			memset(n, 0, sizeof(*n));
			n->p.id = id;
			n->p.priority = naive_random(&s, 6);
			n->p.dir = (uint8_t)naive_random(&s, ESPNIC_SPD_DIRS);
			n->p.action = (uint8_t)naive_random(&s, 3);
			random_selector(&s, &n->p.sel);
			assert_int_equal(espnic_spd_insert(spd, &n->p), 0);
			n->there = true;
			n->order = ++order;
		}
		for (int i = 0; i < 4; i++) {
			enum espnic_spd_dir dir = naive_random(&s, ESPNIC_SPD_DIRS);
			enum espnic_spd_result r;
			struct espnic_spd_policy *p;
			struct espnic_flow f;
			bool ambiguous;
			int want;

			random_flow(&s, &f);
			want = naive_spd_lookup(v, dir, &f, &ambiguous);
			r = espnic_spd_lookup(spd, dir, &f, &p);
			assert_int_equal(r, want < 0 ? ESPNIC_SPD_NONE :
					 ambiguous ? ESPNIC_SPD_AMBIGUOUS : ESPNIC_SPD_MATCH);
			assert_int_equal(p ? p->id : 0, want < 0 ? 0 : v[want].p.id);
			seen[r]++;
			flows[i] = f;
			expect_same(dir, flows, i + 1);
		}
	}
	for (int r = 0; r < 3; r++)
		assert_in_range(seen[r], 100, 31900);
}

static void inbound_policies(uint64_t *s)
{
	for (uint32_t id = 1; id <= 8; id++) {
		struct espnic_spd_policy p = {
			.id = id, .priority = naive_random(s, 6),
			.dir = naive_random(s, 2) ? ESPNIC_SPD_IN : ESPNIC_SPD_FWD,
			.action = naive_random(s, 4) ? ESPNIC_SPD_PROTECT : (uint8_t)naive_random(s, 2),
			.tmpl = { .mode = ESPNIC_MODE_TUNNEL, .ip_proto = 50, .family = 4,
				  .reqid = naive_random(s, 3) },
		};

		random_selector(s, &p.sel);
		assert_int_equal(espnic_spd_insert(spd, &p), 0);
	}
}

/* What came out of an SA, asked for in bursts and singly, against what lookups in both directions say. */
static void test_inbound_burst(void **state)
{
	enum { N = 70 };	/* more than are worked on side by side */
	static struct espnic_flow flows[N];
	struct espnic_sad_entry sa[2] = {
		{ .mode = ESPNIC_MODE_TUNNEL, .ip_proto = 50, .family = 4, .reqid = 1 },
		{ .mode = ESPNIC_MODE_TUNNEL, .ip_proto = 50, .family = 4, .reqid = 2 },
	};
	const struct espnic_sad_entry *sas[N];
	const struct espnic_flow *f[N];
	struct espnic_spd_policy *got[N];
	enum espnic_spd_result r[N];
	uint32_t seen[3] = { 0 };
	uint64_t s = 3;

	(void)state;
	for (int round = 0; round < 200; round++) {
		espnic_spd_clear(spd);
		inbound_policies(&s);
		for (int i = 0; i < N; i++) {
			random_flow(&s, &flows[i]);
			f[i] = &flows[i];
			sas[i] = &sa[naive_random(&s, 2)];
		}
		espnic_spd_check_inbound_burst(spd, f, sas, got, r, N);
		for (int i = 0; i < N; i++) {
			enum espnic_spd_result want = ESPNIC_SPD_NONE;
			struct espnic_spd_policy *p, *decides = NULL, *one;

			for (int d = 0; d < 2 && want != ESPNIC_SPD_MATCH; d++) {
				enum espnic_spd_dir dir = d ? ESPNIC_SPD_FWD : ESPNIC_SPD_IN;
				enum espnic_spd_result now = espnic_spd_lookup(spd, dir, f[i], &p);

				if (now == ESPNIC_SPD_MATCH && p->action == ESPNIC_SPD_PROTECT &&
				    (!p->tmpl.reqid || p->tmpl.reqid == sas[i]->reqid)) {
					want = ESPNIC_SPD_MATCH;
					decides = p;
				} else if (now == ESPNIC_SPD_AMBIGUOUS && want == ESPNIC_SPD_NONE) {
					want = ESPNIC_SPD_AMBIGUOUS;
					decides = p;
				}
			}
			assert_int_equal(r[i], want);
			assert_ptr_equal(got[i], decides);
			assert_int_equal(espnic_spd_check_inbound(spd, f[i], sas[i], &one), want);
			assert_ptr_equal(one, decides);
			seen[want]++;
		}
	}
	for (int i = 0; i < 3; i++)
		assert_in_range(seen[i], 100, 200 * N);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ids, setup, teardown),
		cmocka_unit_test_setup_teardown(test_discard_and_counters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fragments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_inbound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_inbound_transport, setup, teardown),
		cmocka_unit_test_setup_teardown(test_against_naive, setup, teardown),
		cmocka_unit_test_setup_teardown(test_inbound_burst, setup, teardown),
	};

	return cmocka_run_group_tests_name("spd", tests, NULL, NULL);
}
