// SPDX-License-Identifier: BSD-2-Clause
/* The SA table. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "naive.h"

static const uint8_t addr_a[16] = { 192, 0, 2, 1 }, addr_b[16] = { 192, 0, 2, 2 };
static const uint8_t addr_c[16] = { 192, 0, 2, 3 };

static struct espnic_sad *sad;

/* A packet from addr_b. */
static struct espnic_sad_entry *find(uint32_t spi, uint8_t ip_proto, uint8_t family, const uint8_t *daddr)
{
	const struct espnic_sad_key key = { .spi = spi, .ip_proto = ip_proto, .family = family,
					    .daddr = daddr, .saddr = addr_b };

	return espnic_sad_find(sad, &key);
}

static struct espnic_sad_entry in_sa(uint32_t handle, uint32_t spi)
{
	struct espnic_sad_entry e = {
		.handle = handle, .spi = spi, .dir = ESPNIC_DIR_IN, .ip_proto = 50, .family = 4,
	};

	memcpy(e.saddr, addr_b, 16);
	memcpy(e.daddr, addr_a, 16);
	return e;
}

static struct espnic_sad_entry out_sa(uint32_t handle, uint32_t reqid)
{
	struct espnic_sad_entry e = {
		.handle = handle, .spi = 0x1000 + handle, .reqid = reqid, .dir = ESPNIC_DIR_OUT,
		.offload = ESPNIC_OFFLOAD_PACKET, .mode = ESPNIC_MODE_TRANSPORT, .ip_proto = 50,
		.family = 4,
	};

	memcpy(e.saddr, addr_a, 16);
	memcpy(e.daddr, addr_b, 16);
	return e;
}

static struct espnic_flow flow_ab(void)
{
	struct espnic_flow f = { .family = 4, .proto = 17, .flags = ESPNIC_FLOW_PORTS,
				 .sport = 1000, .dport = 2000 };

	memcpy(f.src, addr_a, 16);
	memcpy(f.dst, addr_b, 16);
	return f;
}

static struct espnic_spd_policy protect(void)
{
	return (struct espnic_spd_policy){
		.id = 1, .dir = ESPNIC_SPD_OUT, .action = ESPNIC_SPD_PROTECT,
		.tmpl = { .mode = ESPNIC_MODE_TRANSPORT, .ip_proto = 50 },
	};
}

static int setup(void **state)
{
	(void)state;
	sad = espnic_sad_new(100);
	return sad ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	espnic_sad_free(sad);
	return 0;
}

static void test_handles(void **state)
{
	struct espnic_sad_entry e = in_sa(5 << 20 | 7, 0x100), *slot;

	(void)state;
	assert_int_equal(espnic_sad_insert(sad, &e, &slot), 0);
	assert_ptr_equal(espnic_sad_by_handle(sad, 5 << 20 | 7), slot);
	assert_null(espnic_sad_by_handle(sad, 6 << 20 | 7));
	assert_null(espnic_sad_by_handle(sad, 7));
	assert_null(espnic_sad_by_handle(sad, 5 << 20 | 8));
	assert_null(espnic_sad_by_handle(sad, 0));
	assert_null(espnic_sad_by_handle(sad, UINT32_MAX));

	e = in_sa(6 << 20 | 7, 0x101);
	assert_int_equal(espnic_sad_insert(sad, &e, NULL), -EEXIST);
	e.handle = 101;
	assert_int_equal(espnic_sad_insert(sad, &e, NULL), -EINVAL);
	e.handle = 3 << 20;
	assert_int_equal(espnic_sad_insert(sad, &e, NULL), -EINVAL);
	e.handle = 100;
	assert_int_equal(espnic_sad_insert(sad, &e, NULL), 0);
	assert_int_equal(espnic_sad_count(sad), 2);

	espnic_sad_remove(sad, slot);
	assert_null(espnic_sad_by_handle(sad, 5 << 20 | 7));
	assert_int_equal(espnic_sad_count(sad), 1);
	assert_int_equal(espnic_sad_next(sad, NULL)->handle, 100);
	assert_null(espnic_sad_next(sad, espnic_sad_next(sad, NULL)));
}

static void test_inbound(void **state)
{
	struct espnic_sad_entry e = in_sa(1, 0x100), *slot;
	uint8_t v6[16] = { 0x20, 1 };

	(void)state;
	assert_int_equal(espnic_sad_insert(sad, &e, &slot), 0);
	assert_ptr_equal(find(0x100, 50, 4, addr_a), slot);
	assert_null(find(0x101, 50, 4, addr_a));
	assert_null(find(0x100, 51, 4, addr_a));
	assert_null(find(0x100, 50, 6, addr_a));
	assert_null(find(0x100, 50, 4, addr_b));

	e.handle = 2;
	assert_int_equal(espnic_sad_insert(sad, &e, NULL), -EEXIST);
	memcpy(e.daddr, addr_c, 16);
	assert_int_equal(espnic_sad_insert(sad, &e, NULL), 0);
	e.handle = 3;
	e.family = 6;
	memcpy(e.daddr, v6, 16);
	assert_int_equal(espnic_sad_insert(sad, &e, NULL), 0);
	assert_int_equal(find(0x100, 50, 4, addr_c)->handle, 2);
	assert_int_equal(find(0x100, 50, 6, v6)->handle, 3);

	/* An outbound SA of that SPI is another matter. */
	e = out_sa(4, 1);
	e.spi = 0x100;
	memcpy(e.daddr, addr_a, 16);
	assert_int_equal(espnic_sad_insert(sad, &e, NULL), 0);
	assert_ptr_equal(find(0x100, 50, 4, addr_a), slot);
}

static void add_in(uint32_t handle, enum espnic_sad_match match, const uint8_t *daddr, const uint8_t *saddr,
		   int want)
{
	struct espnic_sad_entry e = in_sa(handle, 0x100);

	e.match = (uint8_t)match;
	memcpy(e.daddr, daddr, 16);
	memcpy(e.saddr, saddr, 16);
	assert_int_equal(espnic_sad_insert(sad, &e, NULL), want);
}

static void expect_in(const uint8_t *daddr, const uint8_t *saddr, uint32_t handle)
{
	const struct espnic_sad_key key = { .spi = 0x100, .ip_proto = 50, .family = 4, .daddr = daddr, .saddr = saddr };
	struct espnic_sad_entry *e = espnic_sad_find(sad, &key);

	if ((e ? e->handle : 0) != handle)
		fail_msg("found %u, expected %u", e ? e->handle : 0, handle);
}

/* RFC 4301 section 4.1: the longest match, whatever came first. */
static void test_longest_match(void **state)
{
	static const uint8_t group[16] = { 232, 1, 1, 1 }, none[16];

	(void)state;
	add_in(1, ESPNIC_SAD_SPI, none, none, 0);
	expect_in(group, addr_a, 1);
	add_in(2, ESPNIC_SAD_SPI_DST, group, none, 0);
	expect_in(group, addr_a, 2);
	expect_in(addr_c, addr_a, 1);
	/* Several senders to one group, each with an SA of its own under the same SPI. */
	add_in(3, ESPNIC_SAD_SPI_DST_SRC, group, addr_a, 0);
	add_in(4, ESPNIC_SAD_SPI_DST_SRC, group, addr_b, 0);
	expect_in(group, addr_a, 3);
	expect_in(group, addr_b, 4);
	expect_in(group, addr_c, 2);
	expect_in(addr_c, addr_b, 1);

	add_in(5, ESPNIC_SAD_SPI, group, addr_a, -EEXIST);
	add_in(5, ESPNIC_SAD_SPI_DST, group, addr_a, -EEXIST);
	add_in(5, ESPNIC_SAD_SPI_DST_SRC, group, addr_a, -EEXIST);
	add_in(5, ESPNIC_SAD_SPI_DST_SRC, group, none, -EINVAL);
	add_in(5, ESPNIC_SAD_MATCHES, group, addr_a, -EINVAL);

	espnic_sad_remove(sad, espnic_sad_by_handle(sad, 2));
	expect_in(group, addr_c, 1);
	espnic_sad_remove(sad, espnic_sad_by_handle(sad, 3));
	espnic_sad_remove(sad, espnic_sad_by_handle(sad, 1));
	expect_in(group, addr_a, 0);
	expect_in(group, addr_b, 4);
}

static void test_emptied_in_one_pass(void **state)
{
	struct espnic_sad_entry *e = NULL;
	uint32_t n = 0;

	(void)state;
	for (uint32_t h = 1; h <= 100; h += 3)
		add_in(h, ESPNIC_SAD_SPI_DST_SRC, (const uint8_t[16]){ 232, 0, 0, (uint8_t)h }, addr_a, 0);
	while ((e = espnic_sad_next(sad, e))) {
		espnic_sad_remove(sad, e);
		n++;
	}
	assert_int_equal(n, 34);
	assert_int_equal(espnic_sad_count(sad), 0);
	expect_in((const uint8_t[16]){ 232, 0, 0, 1 }, addr_a, 0);
}

static void expect_choice(const struct espnic_spd_policy *p, const struct espnic_flow *f, uint32_t handle)
{
	struct espnic_sad_entry *e = espnic_sad_choose(sad, p, f);

	if ((e ? e->handle : 0) != handle)
		fail_msg("chose %u, expected %u", e ? e->handle : 0, handle);
}

static void test_choice_order(void **state)
{
	struct espnic_spd_policy p = protect();
	struct espnic_flow f = flow_ab();
	struct espnic_sad_entry e;

	(void)state;
	expect_choice(&p, &f, 0);
	for (uint32_t h = 1; h <= 3; h++) {
		e = out_sa(h, 9);
		assert_int_equal(espnic_sad_insert(sad, &e, NULL), 0);
	}
	for (uint32_t reqid = 0; reqid <= 9; reqid += 9) {
		p.tmpl.reqid = reqid;
		expect_choice(&p, &f, 3);
		espnic_sad_by_handle(sad, 3)->dying = true;
		expect_choice(&p, &f, 2);
		espnic_sad_by_handle(sad, 2)->dying = true;
		espnic_sad_by_handle(sad, 1)->dying = true;
		expect_choice(&p, &f, 3);
		for (uint32_t h = 1; h <= 3; h++)
			espnic_sad_by_handle(sad, h)->dying = false;
	}
	/* The newest by insertion, not by slot. */
	espnic_sad_remove(sad, espnic_sad_by_handle(sad, 1));
	e = out_sa(1, 9);
	assert_int_equal(espnic_sad_insert(sad, &e, NULL), 0);
	expect_choice(&p, &f, 1);
}

static void test_choice_template(void **state)
{
	struct espnic_spd_policy p = protect(), t;
	struct espnic_flow f = flow_ab(), g;
	struct espnic_sad_entry e = out_sa(1, 9);

	(void)state;
	assert_int_equal(espnic_sad_insert(sad, &e, NULL), 0);
	t = p, t.tmpl.reqid = 8;
	expect_choice(&t, &f, 0);
	t = p, t.tmpl.spi = 0x1001;
	expect_choice(&t, &f, 1);
	t = p, t.tmpl.spi = 0x1002;
	expect_choice(&t, &f, 0);
	t = p, t.tmpl.mode = ESPNIC_MODE_TUNNEL, t.tmpl.family = 4;
	expect_choice(&t, &f, 0);
	t = p, t.tmpl.ip_proto = 51;
	expect_choice(&t, &f, 0);
	g = f, memcpy(g.src, addr_c, 16);
	expect_choice(&p, &g, 0);
	g = f, memcpy(g.dst, addr_c, 16);
	expect_choice(&p, &g, 0);

	/* An SA without a source serves any. */
	e = out_sa(2, 9);
	memset(e.saddr, 0, 16);
	assert_int_equal(espnic_sad_insert(sad, &e, NULL), 0);
	g = f, memcpy(g.src, addr_c, 16);
	expect_choice(&p, &g, 2);

	/* Neither crypto offload nor inbound, however new. */
	e = out_sa(3, 9);
	e.offload = ESPNIC_OFFLOAD_CRYPTO;
	assert_int_equal(espnic_sad_insert(sad, &e, NULL), 0);
	e = out_sa(4, 9);
	e.dir = ESPNIC_DIR_IN;
	assert_int_equal(espnic_sad_insert(sad, &e, NULL), 0);
	expect_choice(&p, &f, 2);
}

static void test_choice_tunnel(void **state)
{
	struct espnic_spd_policy p = protect(), t;
	struct espnic_flow f = { .family = 6, .proto = 17 };
	struct espnic_sad_entry e = out_sa(1, 9);

	(void)state;
	e.mode = ESPNIC_MODE_TUNNEL;
	assert_int_equal(espnic_sad_insert(sad, &e, NULL), 0);
	p.tmpl.mode = ESPNIC_MODE_TUNNEL;
	p.tmpl.family = 4;
	t = p, memcpy(t.tmpl.saddr, addr_a, 16), memcpy(t.tmpl.daddr, addr_b, 16);
	expect_choice(&t, &f, 1);		/* an IPv6 packet in an IPv4 tunnel */
	t.tmpl.reqid = 9;
	expect_choice(&t, &f, 1);
	memcpy(t.tmpl.saddr, addr_c, 16);
	expect_choice(&t, &f, 0);
	expect_choice(&p, &f, 1);		/* any addresses, any reqid */
	p.tmpl.reqid = 9;
	expect_choice(&p, &f, 1);
	p.tmpl.family = 6;
	expect_choice(&p, &f, 0);
}

static void test_choice_selector(void **state)
{
	struct espnic_spd_policy p = protect();
	struct espnic_flow f = flow_ab();
	struct espnic_sad_entry e = out_sa(1, 9);

	(void)state;
	assert_int_equal(espnic_sad_insert(sad, &e, NULL), 0);
	e = out_sa(2, 9);
	e.has_sel = true;
	e.sel = (struct espnic_selector){ .proto = 17, .sport_max = 65535, .dport_min = 2000, .dport_max = 2000 };
	assert_int_equal(espnic_sad_insert(sad, &e, NULL), 0);
	expect_choice(&p, &f, 2);
	f.dport = 2001;
	expect_choice(&p, &f, 1);
	f.dport = 2000;
	f.flags = ESPNIC_FLOW_NONFIRST | ESPNIC_FLOW_FRAGMENT;
	expect_choice(&p, &f, 1);		/* not surely inside */
}

static void random_addr(uint64_t *s, uint8_t out[16], bool may_be_any)
{
	memset(out, 0, 16);
	if (may_be_any && !naive_random(s, 4))
		return;
	out[0] = 10;
	out[3] = (uint8_t)(1 + naive_random(s, 3));
}

static void random_sa(uint64_t *s, struct espnic_sad_entry *e, uint32_t index)
{
	memset(e, 0, sizeof(*e));
	e->handle = (naive_random(s, 4095) + 1) << 20 | index;
	e->spi = 0x100 + naive_random(s, 6);
	e->reqid = naive_random(s, 3);
	e->dir = naive_random(s, 3) ? ESPNIC_DIR_OUT : ESPNIC_DIR_IN;
	e->match = (uint8_t)naive_random(s, ESPNIC_SAD_MATCHES);
	e->offload = naive_random(s, 8) ? ESPNIC_OFFLOAD_PACKET : ESPNIC_OFFLOAD_CRYPTO;
	e->mode = naive_random(s, 2) ? ESPNIC_MODE_TUNNEL : ESPNIC_MODE_TRANSPORT;
	e->ip_proto = 50;
	e->family = naive_random(s, 5) ? 4 : 6;
	random_addr(s, e->saddr, true);
	random_addr(s, e->daddr, false);
	e->dying = !naive_random(s, 3);
	e->has_sel = !naive_random(s, 3);
	e->sel = (struct espnic_selector){ .proto = naive_random(s, 2) ? 17 : 0, .sport_max = 65535,
					   .dport_max = (uint16_t)(naive_random(s, 2) ? 65535 : 2) };
}

static void random_query(uint64_t *s, struct espnic_spd_policy *p, struct espnic_flow *f)
{
	memset(p, 0, sizeof(*p));
	p->tmpl.mode = naive_random(s, 2) ? ESPNIC_MODE_TUNNEL : ESPNIC_MODE_TRANSPORT;
	p->tmpl.ip_proto = 50;
	p->tmpl.family = naive_random(s, 5) ? 4 : 6;
	p->tmpl.reqid = naive_random(s, 3);
	p->tmpl.spi = naive_random(s, 3) ? 0 : 0x100 + naive_random(s, 6);
	random_addr(s, p->tmpl.saddr, true);
	random_addr(s, p->tmpl.daddr, true);
	memset(f, 0, sizeof(*f));
	f->family = naive_random(s, 5) ? 4 : 6;
	f->proto = naive_random(s, 2) ? 17 : 6;
	f->flags = naive_random(s, 4) ? ESPNIC_FLOW_PORTS : ESPNIC_FLOW_NONFIRST;
	f->sport = (uint16_t)naive_random(s, 4);
	f->dport = (uint16_t)naive_random(s, 4);
	random_addr(s, f->src, false);
	random_addr(s, f->dst, false);
}

/* The slot of the inbound SA with exactly this match, or -1. */
static int naive_in(const struct naive_sa *v, enum espnic_sad_match match, const struct espnic_sad_key *k)
{
	for (int i = 0; i < NAIVE_MAX; i++) {
		const struct espnic_sad_entry *e = &v[i].e;

		if (!v[i].there || e->dir != ESPNIC_DIR_IN || e->match != match || e->spi != k->spi ||
		    e->family != k->family || e->ip_proto != k->ip_proto)
			continue;
		if (match == ESPNIC_SAD_SPI ||
		    (!memcmp(e->daddr, k->daddr, 16) &&
		     (match == ESPNIC_SAD_SPI_DST || !memcmp(e->saddr, k->saddr, 16))))
			return i;
	}
	return -1;
}

static uint32_t naive_find(const struct naive_sa *v, const struct espnic_sad_key *k)
{
	int i = naive_in(v, ESPNIC_SAD_SPI_DST_SRC, k);

	if (i < 0)
		i = naive_in(v, ESPNIC_SAD_SPI_DST, k);
	if (i < 0)
		i = naive_in(v, ESPNIC_SAD_SPI, k);
	return i < 0 ? 0 : v[i].e.handle;
}

/* 0 or what insert must answer. */
static int naive_refusal(const struct naive_sa *v, const struct espnic_sad_entry *e)
{
	static const uint8_t none[16];
	const struct espnic_sad_key k = { .spi = e->spi, .ip_proto = e->ip_proto, .family = e->family,
					  .daddr = e->daddr, .saddr = e->saddr };

	if (e->dir != ESPNIC_DIR_IN)
		return 0;
	if (e->match == ESPNIC_SAD_SPI_DST_SRC && !memcmp(e->saddr, none, 16))
		return -EINVAL;
	return naive_in(v, e->match, &k) < 0 ? 0 : -EEXIST;
}

enum { QUERIES = 70 };		/* more than are worked on side by side */

/* @e becomes @like, as far as a lookup sees, or that but for one piece, which @e keeps or has otherwise. */
static void almost(uint64_t *s, struct espnic_sad_entry *e, const struct espnic_sad_entry *like)
{
	const struct espnic_sad_entry own = *e;

	*e = *like;
	switch (naive_random(s, 8)) {
	case 0:
		e->spi = own.spi;
		break;
	case 1:
		memcpy(e->daddr, own.daddr, sizeof(e->daddr));
		break;
	case 2:
		memcpy(e->saddr, own.saddr, sizeof(e->saddr));
		break;
	case 3:
		e->family = own.family;
		break;
	case 4:
		e->ip_proto ^= 1;		/* 50 is ESP, 51 AH */
		break;
	default:
		break;
	}
}

static void compare_burst(uint64_t *s, const struct naive_sa *v)
{
	static struct espnic_sad_entry e[QUERIES];
	struct espnic_sad_entry *got[QUERIES];
	struct espnic_sad_key k[QUERIES];

	for (int i = 0; i < QUERIES; i++) {
		random_sa(s, &e[i], 1);
		/* Trains: the key in front once more, or all but a piece of it. */
		if (i && naive_random(s, 2))
			almost(s, &e[i], &e[i - 1]);
		k[i] = (struct espnic_sad_key){ .spi = e[i].spi, .ip_proto = e[i].ip_proto, .family = e[i].family,
						.daddr = e[i].daddr, .saddr = e[i].saddr };
	}
	espnic_sad_find_burst(sad, k, got, QUERIES);
	for (int i = 0; i < QUERIES; i++) {
		uint32_t want = naive_find(v, &k[i]);

		assert_int_equal(got[i] ? got[i]->handle : 0, want);
		assert_ptr_equal(espnic_sad_find(sad, &k[i]), got[i]);
	}
}

static void compare_choices(uint64_t *s, const struct naive_sa *v)
{
	static struct espnic_spd_policy p[QUERIES];
	static struct espnic_flow f[QUERIES];
	const struct espnic_spd_policy *policies[QUERIES];
	const struct espnic_flow *flows[QUERIES];
	struct espnic_sad_entry *got[QUERIES];

	for (int i = 0; i < QUERIES; i++) {
		random_query(s, &p[i], &f[i]);
		policies[i] = &p[i];
		flows[i] = &f[i];
	}
	espnic_sad_choose_burst(sad, policies, flows, got, QUERIES);
	for (int i = 0; i < QUERIES; i++) {
		int want = naive_sad_choose(v, &p[i], &f[i]);

		assert_int_equal(got[i] ? got[i]->handle : 0, want < 0 ? 0 : v[want].e.handle);
	}
}

static void test_against_naive(void **state)
{
	static struct naive_sa v[NAIVE_MAX];
	uint64_t s = 1, order = 0;
	uint32_t found = 0;

	(void)state;
	for (int step = 0; step < 20000; step++) {
		uint32_t index = 1 + naive_random(&s, 60);
		struct naive_sa *n = &v[index];
		struct espnic_spd_policy p;
		struct espnic_sad_entry e, *got;
		struct espnic_flow f;
		int want;

		if (n->there) {
			espnic_sad_remove(sad, espnic_sad_by_handle(sad, n->e.handle));
			n->there = false;
		} else {
			random_sa(&s, &e, index);
			want = naive_refusal(v, &e);
			assert_int_equal(espnic_sad_insert(sad, &e, NULL), want);
			if (!want)
				*n = (struct naive_sa){ .e = e, .order = ++order, .there = true };
		}
		for (int i = 0; i < 4; i++) {
			random_query(&s, &p, &f);
			want = naive_sad_choose(v, &p, &f);
			got = espnic_sad_choose(sad, &p, &f);
			assert_int_equal(got ? got->handle : 0, want < 0 ? 0 : v[want].e.handle);
			found += want >= 0;
		}
		if (step % 8 == 0)
			compare_burst(&s, v);
		if (step % 8 == 4)
			compare_choices(&s, v);
	}
	assert_in_range(found, 10000, 70000);	/* neither all nor nothing: the queries are worth it */
}

/* What a million SAs take, indices and all, with 320 bytes left for the engine's part of each. */
static void test_size(void **state)
{
	struct espnic_sad *big = espnic_sad_new(1000000);

	(void)state;
	assert_non_null(big);
	assert_in_range(espnic_sad_bytes(big), 1, 192 * 1000000ull);
	espnic_sad_free(big);
	assert_null(espnic_sad_new(0));
	assert_null(espnic_sad_new(1 << 20));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_handles, setup, teardown),
		cmocka_unit_test_setup_teardown(test_inbound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_longest_match, setup, teardown),
		cmocka_unit_test_setup_teardown(test_emptied_in_one_pass, setup, teardown),
		cmocka_unit_test_setup_teardown(test_choice_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_choice_template, setup, teardown),
		cmocka_unit_test_setup_teardown(test_choice_tunnel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_choice_selector, setup, teardown),
		cmocka_unit_test_setup_teardown(test_against_naive, setup, teardown),
		cmocka_unit_test(test_size),
	};

	return cmocka_run_group_tests_name("sad", tests, NULL, NULL);
}
