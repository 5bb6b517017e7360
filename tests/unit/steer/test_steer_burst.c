// SPDX-License-Identifier: BSD-2-Clause
/*
 * A burst means what its frames mean one by one: two equal worlds are given the same frames, one in bursts,
 * the other singly. Bytes, verdicts, counters and the tables' own counts must agree, also where a fragment stands
 * before or behind the one that decides it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

enum {
	FRAMES = 150,			/* more than are worked on at once */
	ROUNDS = 60,
	POLICY_IDS = 1000,
	UDP = ESPNIC_IPPROTO_UDP, ESP = ESPNIC_IPPROTO_ESP, AH = ESPNIC_IPPROTO_AH,
	TCP = ESPNIC_IPPROTO_TCP,
};

static struct world whole, single;
static uint64_t seed;

static uint32_t below(uint32_t n)
{
	/* xorshift64 (Marsaglia: "Xorshift RNGs") */
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)((seed >> 32) * n >> 32);
}

/* Few ids and offsets, so that fragments of one packet meet within a burst, in any order. */
static struct spec random_spec(void)
{
	static const uint8_t protos[] = { UDP, UDP, UDP, TCP, ESP, AH, 1 };
	static const uint16_t ports[] = { 53, 54, 4500, 10000, 500 };
	struct spec s = {
		.v = below(2) ? 4 : 6, .net = (uint8_t)(1 + below(NETS - 1)),
		.proto = protos[below(sizeof(protos))], .vlans = (uint8_t)(below(8) ? 0 : 1 + below(3)),
		.sport = ports[below(5)], .dport = ports[below(5)], .len = (uint16_t)(8 * below(20)),
	};

	if (!below(20))
		s.v = 0;
	s.word = below(3) ? (below(2) ? spi_in(s.net, s.v) : spi_out(s.net, s.v)) : below(2) ? 0x9999 : 0;
	if (!below(30)) {
		s.len = 1;
		s.word = 0xff;
	}
	if (!below(2)) {
		s.id = (uint16_t)below(3);
		s.mf = below(2);
		s.frag = (uint16_t)(below(2) ? 0 : 64);
	}
	return s;
}

static bool has_peer(const struct world *w, uint8_t net, uint8_t v)
{
	return v && w->peer_out[net][v == 6];
}

/* The same frame for both worlds. */
static void make(struct frame *a, struct frame *b, bool from_host)
{
	struct spec s = random_spec();

	frame_make(a, &s, from_host);
	frame_make(b, &s, from_host);
	/* IPv6 alone tells which fragment a protected packet is in: of IPv4 whole ones are protected. */
	if (!from_host && below(2) && has_peer(&whole, s.net, s.v) && !s.mf && !s.frag && s.vlans <= 2) {
		frame_protect(&whole, a, s.net, s.v);
		frame_protect(&single, b, s.net, s.v);
	}
	/* Sometimes cut or changed. */
	if (!below(16) && a->f.len > L2_PLAIN)
		a->f.len = b->f.len = L2_PLAIN + below(a->f.len - L2_PLAIN);
	if (!below(16)) {
		uint32_t at = a->f.off + L2_PLAIN + below(60);

		a->buf[at] ^= 1;
		b->buf[at] ^= 1;
	}
	if (from_host && !below(6)) {
		a->f.flags = ESPNIC_FRAME_CRYPTO;
		a->f.sa_handle = handle_out(below(2) ? NET_CRYPTO : s.net, s.v ? s.v : 4);
		a->f.esp_offset = a->l3 + (s.v == 6 ? 40 : 20);
		b->f.flags = a->f.flags;
		b->f.sa_handle = a->f.sa_handle;
		b->f.esp_offset = a->f.esp_offset;
	}
	if (from_host && !below(12)) {
		memset(a->buf + a->f.off, 0, 6);
		memset(b->buf + b->f.off, 0, 6);
	}
}

static void expect_same_frame(const struct espnic_frame *a, const struct espnic_frame *b)
{
	assert_int_equal(a->flags, b->flags);
	if (a->flags & ESPNIC_FRAME_DROP) {
		assert_int_equal(a->counter, b->counter);
		return;
	}
	assert_int_equal(a->off, b->off);
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->buf + a->off, b->buf + b->off, a->len);
	assert_int_equal(a->sa_handle, b->sa_handle);
	assert_int_equal(a->seq, b->seq);
	assert_int_equal(a->ipsec_status, b->ipsec_status);
}

static void expect_same_worlds(void)
{
	for (int i = 0; i < ESPNIC_COUNTER_COUNT; i++)
		assert_int_equal(whole.counters.v[i], single.counters.v[i]);
	assert_int_equal(whole.sa_events, single.sa_events);
	assert_int_equal(whole.policy_events, single.policy_events);
	for (uint32_t id = 1; id <= POLICY_IDS; id++) {
		struct espnic_spd_policy *a = espnic_spd_by_id(whole.steer.spd, id);
		struct espnic_spd_policy *b = espnic_spd_by_id(single.steer.spd, id);

		assert_int_equal(!!a, !!b);
		if (!a)
			continue;
		assert_int_equal(a->packets, b->packets);
		assert_int_equal(a->bytes, b->bytes);
		assert_int_equal(a->no_sa, b->no_sa);
	}
}

static void run(bool from_host)
{
	static struct frame a[FRAMES], b[FRAMES];
	static struct espnic_frame burst[FRAMES];
	void (*steer)(struct espnic_steer_thread *, struct espnic_frame *, unsigned int) =
		from_host ? espnic_steer_tx : espnic_steer_rx;
	unsigned int kinds = 0;

	seed = 9 + from_host;
	world_init(&whole, true, NULL);
	world_init(&single, true, NULL);
	for (int round = 0; round < ROUNDS; round++) {
		unsigned int n = 1 + below(FRAMES);

		for (unsigned int i = 0; i < n; i++) {
			make(&a[i], &b[i], from_host);
			burst[i] = a[i].f;
		}
		steer(&whole.thread, burst, n);
		for (unsigned int i = 0; i < n; i++) {
			steer(&single.thread, &b[i].f, 1);
			expect_same_frame(&burst[i], &b[i].f);
		}
		expect_same_worlds();
	}
	/* What was compared is worth it: most of what can become of a frame did. */
	for (int i = 0; i < ESPNIC_COUNTER_COUNT; i++)
		kinds += whole.counters.v[i] != 0;
	assert_in_range(kinds, from_host ? 12 : 14, ESPNIC_COUNTER_COUNT);
	world_free(&whole);
	world_free(&single);
}

static void test_tx(void **state)
{
	(void)state;
	run(true);
}

static void test_rx(void **state)
{
	(void)state;
	run(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tx),
		cmocka_unit_test(test_rx),
	};

	return cmocka_run_group_tests_name("steer_burst", tests, NULL, NULL);
}
