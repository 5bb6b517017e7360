// SPDX-License-Identifier: BSD-2-Clause
/* Host to wire: each row of the table of docs/architecture.md, with a real engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nic/ether.h"
#include "world.h"

#define C(name) ESPNIC_COUNTER_TX_##name
enum { NOTHING = ESPNIC_COUNTER_COUNT, BOTH = 46, TCP = ESPNIC_IPPROTO_TCP, UDP = ESPNIC_IPPROTO_UDP,
       ESP = ESPNIC_IPPROTO_ESP, AH = ESPNIC_IPPROTO_AH, IGMP = 2 };

enum want { SAME, GONE, SEALED };

struct tx_case {
	const char *name;
	struct spec s;
	uint32_t counter;
	enum want want;
};

static const struct tx_case cases[] = {
	{ "not IP", { .v = 0, .len = 46 }, NOTHING, SAME },
	{ "not IP, two tags", { .v = 0, .vlans = 2, .len = 46 }, NOTHING, SAME },
	{ "no policy", { .v = BOTH, .net = NET_NONE, .proto = TCP, .len = 100 }, C(BYPASS), SAME },
	{ "bypass", { .v = BOTH, .net = NET_BYPASS, .proto = UDP, .len = 100 }, C(BYPASS), SAME },
	{ "bypass, VLAN", { .v = BOTH, .net = NET_BYPASS, .vlans = 1, .proto = UDP, .len = 100 }, C(BYPASS), SAME },
	{ "bypass, bytes behind", { .v = BOTH, .net = NET_BYPASS, .proto = UDP, .len = 1, .trailing = 17 }, C(BYPASS), SAME },
	{ "bypass, fragment", { .v = BOTH, .net = NET_BYPASS, .proto = UDP, .len = 64, .frag = 64 }, C(BYPASS), SAME },
	{ "discard", { .v = BOTH, .net = NET_DISCARD, .proto = TCP, .len = 100 }, C(DROP_DISCARD), GONE },
	{ "discard, two tags", { .v = BOTH, .net = NET_DISCARD, .vlans = 2, .proto = TCP, .len = 9 }, C(DROP_DISCARD), GONE },
	{ "being deleted", { .v = BOTH, .net = NET_DELETED, .proto = TCP, .len = 100 }, C(DROP_DISCARD), GONE },
	{ "transport, TCP", { .v = BOTH, .net = NET_TRANSPORT, .proto = TCP, .len = 100 }, C(PROTECTED), SEALED },
	{ "transport, UDP", { .v = BOTH, .net = NET_TRANSPORT, .proto = UDP, .len = 1 }, C(PROTECTED), SEALED },
	{ "transport, no payload", { .v = BOTH, .net = NET_TRANSPORT, .proto = IGMP, .len = 0 }, C(PROTECTED), SEALED },
	{ "transport, unknown protocol", { .v = BOTH, .net = NET_TRANSPORT, .proto = 253, .len = 3 }, C(PROTECTED), SEALED },
	{ "transport, VLAN", { .v = BOTH, .net = NET_TRANSPORT, .vlans = 1, .proto = TCP, .len = 7 }, C(PROTECTED), SEALED },
	{ "transport, two tags", { .v = BOTH, .net = NET_TRANSPORT, .vlans = 2, .proto = TCP, .len = 7 }, C(PROTECTED), SEALED },
	{ "transport, bytes behind", { .v = BOTH, .net = NET_TRANSPORT, .proto = UDP, .len = 2, .trailing = 16 }, C(PROTECTED), SEALED },
	{ "transport, jumbo", { .v = BOTH, .net = NET_TRANSPORT, .proto = UDP, .len = 9000 }, C(PROTECTED), SEALED },
	{ "transport, over the largest", { .v = BOTH, .net = NET_TRANSPORT, .proto = UDP, .len = 9550 }, C(DROP_MTU), GONE },
	{ "IKE is by policy", { .v = BOTH, .net = NET_TRANSPORT, .proto = UDP, .sport = 500, .dport = 500, .len = 64 }, C(PROTECTED), SEALED },
	{ "IKE over 4500 is by policy", { .v = BOTH, .net = NET_TRANSPORT, .proto = UDP, .sport = 4500, .dport = 4500, .len = 64 }, C(PROTECTED), SEALED },
	{ "keepalive is by policy", { .v = BOTH, .net = NET_TRANSPORT, .proto = UDP, .sport = 4500, .dport = 4500, .len = 1, .word = 0xff }, C(PROTECTED), SEALED },
	{ "NAT-T port, too short for ESP", { .v = BOTH, .net = NET_TRANSPORT, .proto = UDP, .dport = 4500, .len = 7, .word = 1 }, C(PROTECTED), SEALED },
	{ "ESP-like, another port", { .v = BOTH, .net = NET_TRANSPORT, .proto = UDP, .sport = 4501, .dport = 4499, .len = 64, .word = 1 }, C(PROTECTED), SEALED },
	{ "fragment in transport mode", { .v = BOTH, .net = NET_TRANSPORT, .proto = UDP, .len = 64, .frag = 64 }, C(DROP_FRAGMENT), GONE },
	{ "first fragment in transport mode", { .v = BOTH, .net = NET_TRANSPORT, .proto = UDP, .len = 64, .mf = true }, C(DROP_FRAGMENT), GONE },
	{ "no SA", { .v = BOTH, .net = NET_NO_SA, .proto = TCP, .len = 100 }, C(DROP_NO_SA), GONE },
	{ "tunnel", { .v = BOTH, .net = NET_TUNNEL, .proto = TCP, .len = 100 }, C(PROTECTED), SEALED },
	{ "tunnel, VLAN", { .v = BOTH, .net = NET_TUNNEL, .vlans = 1, .proto = TCP, .len = 100 }, C(PROTECTED), SEALED },
	{ "tunnel, bytes behind", { .v = BOTH, .net = NET_TUNNEL, .proto = UDP, .len = 2, .trailing = 16 }, C(PROTECTED), SEALED },
	{ "tunnel, first fragment", { .v = BOTH, .net = NET_TUNNEL, .proto = UDP, .len = 64, .mf = true, .id = 1 }, C(PROTECTED), SEALED },
	{ "tunnel, later fragment", { .v = BOTH, .net = NET_TUNNEL, .proto = UDP, .len = 64, .frag = 72, .id = 1 }, C(PROTECTED), SEALED },
	{ "tunnel over IPv6", { .v = BOTH, .net = NET_TUNNEL6, .proto = TCP, .len = 100 }, C(PROTECTED), SEALED },
	{ "tunnel over IPv6, two tags", { .v = BOTH, .net = NET_TUNNEL6, .vlans = 2, .proto = TCP, .len = 100 }, C(PROTECTED), SEALED },
	{ "ports, the one bypassed", { .v = BOTH, .net = NET_PORTS, .proto = UDP, .dport = 53, .len = 100 }, C(BYPASS), SAME },
	{ "ports, another", { .v = BOTH, .net = NET_PORTS, .proto = UDP, .dport = 54, .len = 100 }, C(PROTECTED), SEALED },
	{ "ports, another protocol", { .v = BOTH, .net = NET_PORTS, .proto = TCP, .dport = 53, .len = 100 }, C(PROTECTED), SEALED },
	{ "UDP encapsulation", { .v = BOTH, .net = NET_UDP, .proto = TCP, .len = 100 }, C(PROTECTED), SEALED },
	{ "UDP encapsulation, other ports", { .v = BOTH, .net = NET_UDP_PORT, .proto = TCP, .len = 100 }, C(PROTECTED), SEALED },
	{ "lifetime, the last", { .v = BOTH, .net = NET_LIFE, .proto = TCP, .len = 100 }, C(PROTECTED), SEALED },
	{ "lifetime, over", { .v = BOTH, .net = NET_LIFE, .proto = TCP, .len = 100 }, C(DROP_LIFETIME), GONE },
	{ "sequence used up", { .v = BOTH, .net = NET_SEQ, .proto = TCP, .len = 100 }, C(DROP_SEQ), GONE },
	{ "SA's MTU", { .v = BOTH, .net = NET_MTU, .proto = TCP, .len = 200 }, C(PROTECTED), SEALED },
	{ "over the SA's MTU", { .v = BOTH, .net = NET_MTU, .proto = TCP, .len = 301 }, C(DROP_MTU), GONE },
	{ "SA's selector", { .v = BOTH, .net = NET_SELECTOR, .proto = TCP, .len = 10 }, C(PROTECTED), SEALED },
	{ "outside the SA's selector", { .v = BOTH, .net = NET_SELECTOR, .proto = UDP, .len = 10 }, C(DROP_SELECTOR), GONE },
	{ "host's ESP", { .v = BOTH, .net = NET_TRANSPORT, .proto = ESP, .len = 100, .word = 0x1234 }, C(HOST_ESP), SAME },
	{ "host's ESP, VLAN", { .v = BOTH, .net = NET_TRANSPORT, .vlans = 1, .proto = ESP, .len = 100, .word = 9 }, C(HOST_ESP), SAME },
	{ "host's ESP, first fragment", { .v = BOTH, .net = NET_TRANSPORT, .proto = ESP, .len = 64, .mf = true }, C(HOST_ESP), SAME },
	{ "host's ESP, later fragment", { .v = BOTH, .net = NET_TRANSPORT, .proto = ESP, .len = 64, .frag = 64 }, C(HOST_ESP), SAME },
	{ "host's AH", { .v = BOTH, .net = NET_DISCARD, .proto = AH, .len = 100 }, C(HOST_ESP), SAME },
	{ "host's ESP in UDP", { .v = BOTH, .net = NET_TRANSPORT, .proto = UDP, .sport = 4500, .dport = 4500, .len = 64, .word = 0x1234 }, C(HOST_ESP), SAME },
	{ "host's ESP in UDP, to a NAT", { .v = BOTH, .net = NET_TRANSPORT, .proto = UDP, .sport = 4500, .dport = 61000, .len = 64, .word = 1 }, C(HOST_ESP), SAME },
	{ "host's ESP in UDP, from a NAT", { .v = BOTH, .net = NET_TRANSPORT, .proto = UDP, .sport = 1, .dport = 4500, .len = 64, .word = 1 }, C(HOST_ESP), SAME },
};

static void check_counter(struct world *w, uint32_t counter, uint64_t sum_before, uint64_t before)
{
	if (counter == NOTHING) {
		assert_int_equal(counters_sum(w), sum_before);
		return;
	}
	assert_int_equal(atomic_load(&w->counters.v[counter]), before + 1);
	assert_int_equal(counters_sum(w), sum_before + 1);
}

static uint64_t counted(struct world *w, uint32_t counter)
{
	return counter == NOTHING ? 0 : atomic_load(&w->counters.v[counter]);
}

static void check_sealed(struct world *w, struct frame *f, const struct spec *s)
{
	const uint8_t *p = f->buf + f->f.off;
	bool tunnel_l2 = s->net == NET_TUNNEL;
	uint8_t version = p[f->l3] >> 4;

	assert_int_equal(f->f.flags & ESPNIC_FRAME_DROP, 0);
	if (tunnel_l2)
		assert_memory_equal(p, ((uint8_t[]){ 2, 0xaa, 0, 0, 0, 2, 2, 0xaa, 0, 0, 0, 1 }), 12);
	else
		assert_memory_equal(p, f->sent, 12);
	/* Tags stay, the EtherType follows the outer family. */
	assert_memory_equal(p + 12, f->sent + 12, f->l3 - 12 - 2);
	assert_int_equal(version, s->net == NET_TUNNEL6 ? 6 :
			 s->net == NET_TUNNEL || s->net == NET_PORTS || s->net == NET_PORTS_SA ? 4 : s->v);
	assert_int_equal(espnic_get16(p + f->l3 - 2), version == 4 ? ESPNIC_ETHERTYPE_IPV4 : ESPNIC_ETHERTYPE_IPV6);
	frame_open(w, f, s->net, s->v, f);
}

static void run_case(struct world *w, const struct tx_case *c, uint8_t v, uint32_t flags)
{
	static struct frame f;
	struct spec s = c->s;
	uint64_t before = counted(w, c->counter), sum = counters_sum(w);

	s.v = v;
	print_message("%s, v%u\n", c->name, v);
	frame_make(&f, &s, true);
	f.f.flags = flags;
	espnic_steer_tx(&w->thread, &f.f, 1);
	check_counter(w, c->counter, sum, before);
	switch (c->want) {
	case SAME:
		assert_int_equal(f.f.flags, 0);
		assert_int_equal(f.f.len, f.sent_len);
		assert_memory_equal(f.buf + f.f.off, f.sent, f.sent_len);
		break;
	case GONE:
		assert_int_equal(f.f.flags, ESPNIC_FRAME_DROP);
		assert_int_equal(f.f.counter, c->counter);
		break;
	case SEALED:
		check_sealed(w, &f, &s);
		break;
	}
}

static void test_table(void **state)
{
	static struct world w;

	(void)state;
	world_init(&w, true, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct tx_case *c = &cases[i];

		if (c->s.v != BOTH) {
			run_case(&w, c, c->s.v, 0);
			continue;
		}
		run_case(&w, c, 4, 0);
		run_case(&w, c, 6, 0);
	}
	world_free(&w);
}

/* What becomes of a case of the table if the host counts on its protection. */
static struct tx_case counted_on(struct tx_case c)
{
	switch (c.counter) {
	case NOTHING:
	case C(BYPASS):
		c.counter = C(DROP_CLEAR);
		c.want = GONE;
		break;
	case C(HOST_ESP): /* is then protected once more */
		c.want = c.s.net == NET_TRANSPORT && !c.s.mf && !c.s.frag ? SEALED : GONE;
		c.counter = c.want == SEALED ? C(PROTECTED) :
			    c.s.net == NET_TRANSPORT ? C(DROP_FRAGMENT) : C(DROP_DISCARD);
		break;
	default:
		break;
	}
	return c;
}

static void test_counted_on(void **state)
{
	static struct world w;

	(void)state;
	world_init(&w, true, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tx_case c = counted_on(cases[i]);

		run_case(&w, &c, c.s.v == BOTH ? 4 : c.s.v, ESPNIC_FRAME_PROTECT);
		if (c.s.v == BOTH)
			run_case(&w, &c, 6, ESPNIC_FRAME_PROTECT);
	}
	world_free(&w);
}

/* Without any policy what does not parse passes, but not if the host counts on its protection. */
static void test_counted_on_unjudged(void **state)
{
	static const struct spec s = { .v = 4, .net = NET_NONE, .proto = TCP, .len = 10 };
	static struct world w;
	static struct frame f;

	(void)state;
	world_init(&w, false, NULL);
	for (int i = 0; i < 2; i++) {
		frame_make(&f, &s, true);
		f.f.len = f.l3 + 10;
		f.f.flags = i ? ESPNIC_FRAME_PROTECT : 0;
		espnic_steer_tx(&w.thread, &f.f, 1);
		assert_int_equal(f.f.flags, i ? ESPNIC_FRAME_DROP : 0);
		if (i)
			assert_int_equal(f.f.counter, C(DROP_MALFORMED));
	}
	world_free(&w);
}

/* One packet after another of the same thread: what a later fragment gets depends on what came before. */
struct step {
	const char *name;
	struct spec s;
	uint32_t counter;
	bool reset;		/* before this step the thread forgets */
};

#define FIRST(n, i, port, first_word) { .v = BOTH, .net = (n), .proto = UDP, .dport = (port), .len = 64, .mf = true, \
					.id = (i), .word = (first_word) }
#define LATER(n, p, i) { .v = BOTH, .net = (n), .proto = (p), .len = 64, .frag = 72, .id = (i) }

static const struct step steps[] = {
	{ "later one alone", LATER(NET_PORTS, UDP, 1), C(DROP_FRAGMENT), false },
	{ "first, bypassed", FIRST(NET_PORTS, 1, 53, 0), C(BYPASS), false },
	{ "its later one", LATER(NET_PORTS, UDP, 1), C(BYPASS), false },
	{ "its last one", LATER(NET_PORTS, UDP, 1), C(BYPASS), false },
	{ "later one of another id", LATER(NET_PORTS, UDP, 2), C(DROP_FRAGMENT), false },
	{ "first, protected", FIRST(NET_PORTS, 2, 54, 0), C(PROTECTED), false },
	{ "its later one", LATER(NET_PORTS, UDP, 2), C(PROTECTED), false },
	{ "the id again, bypassed", FIRST(NET_PORTS, 2, 53, 0), C(BYPASS), false },
	{ "its later one", LATER(NET_PORTS, UDP, 2), C(BYPASS), false },
	{ "the id again, protected", FIRST(NET_PORTS, 2, 55, 0), C(PROTECTED), false },
	{ "its later one", LATER(NET_PORTS, UDP, 2), C(PROTECTED), false },
	{ "after a reset", LATER(NET_PORTS, UDP, 2), C(DROP_FRAGMENT), true },
	{ "another protocol is sure", LATER(NET_PORTS, TCP, 2), C(PROTECTED), false },
	{ "host's ESP in UDP, first", FIRST(NET_PORTS, 4, 4500, 1), C(HOST_ESP), false },
	{ "its later one", LATER(NET_PORTS, UDP, 4), C(HOST_ESP), false },
	{ "the id again", FIRST(NET_PORTS, 4, 54, 0), C(PROTECTED), false },
	{ "its later one", LATER(NET_PORTS, UDP, 4), C(PROTECTED), false },
	{ "discard but for a port: later one alone", LATER(NET_PORTS_SA, UDP, 9), C(DROP_FRAGMENT), false },
	{ "first, discarded", FIRST(NET_PORTS_SA, 9, 54, 0), C(DROP_DISCARD), false },
	{ "its later one", LATER(NET_PORTS_SA, UDP, 9), C(DROP_DISCARD), false },
	{ "first, protected", FIRST(NET_PORTS_SA, 10, 53, 0), C(PROTECTED), false },
	{ "its later one", LATER(NET_PORTS_SA, UDP, 10), C(PROTECTED), false },
};

static void test_fragments(void **state)
{
	static struct world w;
	static struct frame f;

	(void)state;
	world_init(&w, true, NULL);
	for (uint8_t v = 4; v <= 6; v += 2) {
		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
			uint64_t before = counted(&w, steps[i].counter), sum = counters_sum(&w);
			struct spec s = steps[i].s;

			s.v = v;
			print_message("%s, v%u\n", steps[i].name, v);
			if (steps[i].reset)
				espnic_steer_thread_reset(&w.thread);
			frame_make(&f, &s, true);
			espnic_steer_tx(&w.thread, &f.f, 1);
			check_counter(&w, steps[i].counter, sum, before);
			if (steps[i].counter == C(PROTECTED))
				check_sealed(&w, &f, &s);
		}
	}
	world_free(&w);
}

/* The first by one queue, the others by another: one packet all the same. */
static void test_fragments_of_two_queues(void **state)
{
	struct espnic_counters counters = { 0 };
	struct espnic_steer_thread second;
	static struct world w;
	static struct frame f;
	struct spec s;

	(void)state;
	world_init(&w, true, NULL);
	assert_int_equal(espnic_steer_thread_init(&second, &w.steer, &counters), 0);
	s = (struct spec)FIRST(NET_PORTS, 1, 53, 0);
	s.v = 4;
	frame_make(&f, &s, true);
	espnic_steer_tx(&w.thread, &f.f, 1);
	assert_int_equal(f.f.flags, 0);
	s = (struct spec)LATER(NET_PORTS, UDP, 1);
	s.v = 4;
	frame_make(&f, &s, true);
	espnic_steer_tx(&second, &f.f, 1);
	assert_int_equal(f.f.counter, C(DROP_FRAGMENT));
	espnic_steer_thread_share(&second, &w.thread);
	frame_make(&f, &s, true);
	espnic_steer_tx(&second, &f.f, 1);
	assert_int_equal(f.f.flags, 0);
	assert_int_equal(counters.v[C(BYPASS)], 1);
	espnic_steer_thread_free(&second);
	world_free(&w);
}

/* A transport header too short for ports where ports decide: of a whole packet, and of a first fragment. */
static void test_no_ports(void **state)
{
	static const struct spec s = { .v = 4, .net = NET_PORTS, .proto = UDP, .dport = 53, .len = 20 };
	static struct world w;
	static struct frame f;

	(void)state;
	world_init(&w, true, NULL);
	for (int mf = 0; mf <= 1; mf++) {
		uint8_t *ip = f.buf + ESPNIC_FRAME_HEADROOM + L2_PLAIN;

		frame_make(&f, &s, true);
		espnic_put16(ip + ESPNIC_IPV4_LEN, ESPNIC_IPV4_HLEN + 3);
		espnic_put16(ip + ESPNIC_IPV4_FRAG, mf ? ESPNIC_IPV4_MF : 0);
		espnic_steer_tx(&w.thread, &f.f, 1);
		assert_int_equal(f.f.flags, ESPNIC_FRAME_DROP);
		assert_int_equal(f.f.counter, C(DROP_MALFORMED));
	}
	world_free(&w);
}

/* A first fragment's policy that is gone decides nothing any more. */
static void test_fragment_policy_gone(void **state)
{
	static const struct spec first = { .v = 4, .net = NET_PORTS_SA, .proto = UDP, .dport = 54, .len = 64, .mf = true };
	static const struct spec later = { .v = 4, .net = NET_PORTS_SA, .proto = UDP, .len = 64, .frag = 72 };
	static struct world w;
	static struct frame f;
	struct espnic_spd_policy *p;

	(void)state;
	world_init(&w, true, NULL);
	frame_make(&f, &first, true);
	espnic_steer_tx(&w.thread, &f.f, 1);
	assert_int_equal(f.f.counter, C(DROP_DISCARD));
	p = espnic_spd_by_id(w.steer.spd, policy_id(NET_PORTS_SA, 4, ESPNIC_SPD_OUT));
	assert_non_null(p);
	espnic_spd_remove(w.steer.spd, p);
	frame_make(&f, &later, true);
	espnic_steer_tx(&w.thread, &f.f, 1);
	assert_int_equal(f.f.counter, C(DROP_FRAGMENT));
	world_free(&w);
}

static void crypto_frame(struct frame *f, uint8_t net, uint8_t v, uint32_t seq, uint8_t vlans)
{
	struct spec s = { .v = v, .net = net, .vlans = vlans, .proto = TCP, .len = 77 };

	frame_make(f, &s, true);
	frame_host_esp(f, net, v, seq);
}

static void test_crypto(void **state)
{
	static struct world w;
	static struct frame f, clear;

	(void)state;
	world_init(&w, true, NULL);
	for (uint8_t v = 4; v <= 6; v += 2) {
		for (uint8_t net = NET_CRYPTO; net <= NET_CRYPTO_UDP; net++) {
			for (uint8_t vlans = 0; vlans <= 2; vlans++) {
				struct spec s = { .v = v, .net = net, .vlans = vlans, .proto = TCP, .len = 77 };

				frame_make(&clear, &s, true);
				crypto_frame(&f, net, v, 5 + vlans, vlans);
				espnic_steer_tx(&w.thread, &f.f, 1);
				assert_int_equal(f.f.flags & ESPNIC_FRAME_DROP, 0);
				assert_int_equal(f.f.len, f.sent_len);
				assert_int_equal(f.f.off, ESPNIC_FRAME_HEADROOM);
				frame_open(&w, &f, net, v, &clear);
			}
		}
	}
	assert_int_equal(counted(&w, C(CRYPTO)), 12);
	assert_int_equal(counters_sum(&w), 12);
	world_free(&w);
}

/* What a descriptor may get wrong, or a hostile host say. */
struct bad_crypto {
	const char *name;
	uint8_t made_for, named;	/* nets: of the packet, of the handle */
	uint32_t handle_xor;
	int32_t esp_offset;		/* added */
	uint32_t spi_xor;
	uint8_t proto;			/* of the IP header, if not 0 */
	uint32_t cut;			/* bytes off the end of the frame */
	bool inbound;			/* the handle of the inbound SA */
	uint32_t counter;
};

static const struct bad_crypto bad_cryptos[] = {
	{ "unknown handle", NET_CRYPTO, NET_NONE, 0, 0, 0, 0, 0, false, C(DROP_HANDLE) },
	{ "another generation", NET_CRYPTO, NET_CRYPTO, 0x00200000, 0, 0, 0, 0, false, C(DROP_HANDLE) },
	{ "inbound SA", NET_CRYPTO, NET_CRYPTO, 0, 0, 0, 0, 0, true, C(DROP_HANDLE) },
	{ "SA of packet offload", NET_CRYPTO, NET_TRANSPORT, 0, 0, 0, 0, 0, false, C(DROP_HANDLE) },
	{ "another SPI", NET_CRYPTO, NET_CRYPTO, 0, 0, 1, 0, 0, false, C(DROP_HANDLE) },
	{ "offset off by one", NET_CRYPTO, NET_CRYPTO, 0, 1, 0, 0, 0, false, C(DROP_MALFORMED) },
	{ "offset far away", NET_CRYPTO, NET_CRYPTO, 0, 1 << 30, 0, 0, 0, false, C(DROP_MALFORMED) },
	{ "offset negative", NET_CRYPTO, NET_CRYPTO, 0, -1000, 0, 0, 0, false, C(DROP_MALFORMED) },
	{ "in UDP, SA without", NET_CRYPTO_UDP, NET_CRYPTO, 0, 0, 0, 0, 0, false, C(DROP_MALFORMED) },
	{ "not in UDP, SA with", NET_CRYPTO, NET_CRYPTO_UDP, 0, 0, 0, 0, 0, false, C(DROP_MALFORMED) },
	{ "TCP that says it is ESP", NET_CRYPTO, NET_CRYPTO, 0, 0, 0, TCP, 0, false, C(DROP_MALFORMED) },
	{ "AH", NET_CRYPTO, NET_CRYPTO, 0, 0, 0, AH, 0, false, C(DROP_MALFORMED) },
	{ "cut", NET_CRYPTO, NET_CRYPTO, 0, 0, 0, 0, 1, false, C(DROP_MALFORMED) },
};

static void test_bad_crypto(void **state)
{
	static struct world w;
	static struct frame f;

	(void)state;
	world_init(&w, true, NULL);
	for (size_t i = 0; i < sizeof(bad_cryptos) / sizeof(bad_cryptos[0]); i++) {
		const struct bad_crypto *c = &bad_cryptos[i];

		for (uint8_t v = 4; v <= 6; v += 2) {
			uint64_t before = counted(&w, c->counter), sum = counters_sum(&w);
			uint8_t *p = f.buf + ESPNIC_FRAME_HEADROOM;

			print_message("%s, v%u\n", c->name, v);
			crypto_frame(&f, c->made_for, v, 1, 0);
			f.f.sa_handle = (c->inbound ? handle_in(c->named, v) : handle_out(c->named, v)) ^ c->handle_xor;
			if (c->inbound)
				espnic_put32(p + f.f.esp_offset, spi_in(c->named, v));
			p[f.f.esp_offset + 3] ^= (uint8_t)c->spi_xor;
			f.f.esp_offset += (uint32_t)c->esp_offset;
			f.f.len -= c->cut;
			if (c->proto)
				p[f.l3 + (v == 4 ? ESPNIC_IPV4_PROTO : ESPNIC_IPV6_NEXT)] = c->proto;
			espnic_steer_tx(&w.thread, &f.f, 1);
			check_counter(&w, c->counter, sum, before);
			assert_int_equal(f.f.flags & ESPNIC_FRAME_DROP, ESPNIC_FRAME_DROP);
		}
	}
	world_free(&w);
}

/* The flag on a frame that is not IP. */
static void test_crypto_not_ip(void **state)
{
	static const struct spec s = { .v = 0, .len = 46 };
	static struct world w;
	static struct frame f;

	(void)state;
	world_init(&w, true, NULL);
	frame_make(&f, &s, true);
	f.f.flags = ESPNIC_FRAME_CRYPTO;
	f.f.sa_handle = handle_out(NET_CRYPTO, 4);
	espnic_steer_tx(&w.thread, &f.f, 1);
	assert_int_equal(f.f.flags & ESPNIC_FRAME_DROP, ESPNIC_FRAME_DROP);
	assert_int_equal(f.f.counter, C(DROP_MALFORMED));
	world_free(&w);
}

static void test_events(void **state)
{
	static const struct spec no_sa = { .v = 4, .net = NET_NO_SA, .proto = TCP, .len = 1 };
	static const struct spec life = { .v = 6, .net = NET_LIFE, .proto = TCP, .len = 1 };
	static struct world w;
	static struct frame f;
	struct espnic_spd_policy *p;

	(void)state;
	world_init(&w, true, NULL);
	frame_make(&f, &no_sa, true);
	espnic_steer_tx(&w.thread, &f.f, 1);
	assert_int_equal(w.policy_events, 1);
	assert_int_equal(w.last_policy_event, policy_id(NET_NO_SA, 4, ESPNIC_SPD_OUT));
	p = espnic_spd_by_id(w.steer.spd, w.last_policy_event);
	assert_int_equal(atomic_load(&p->packets), 1);
	assert_int_equal(atomic_load(&p->bytes), 41);
	assert_int_equal(atomic_load(&p->no_sa), 1);
	assert_int_equal(w.sa_events, 0);
	for (int i = 0; i < 2; i++) {
		frame_make(&f, &life, true);
		espnic_steer_tx(&w.thread, &f.f, 1);
	}
	assert_true(w.sa_events >= 1);
	assert_int_equal(w.last_sa_event, handle_out(NET_LIFE, 6));
	world_free(&w);
}

/*
 * Every length of every kind of frame, at the very end of its buffer, so that
 * the sanitizer sees a read behind it.
 */
static void cut_frame(struct world *w, const struct frame *f, uint32_t len, uint32_t want)
{
	uint8_t *buf = malloc(ESPNIC_FRAME_BUF);
	struct espnic_frame cut = { .buf = buf, .off = ESPNIC_FRAME_BUF - len, .len = len };

	memcpy(buf + cut.off, f->sent, len);
	espnic_steer_tx(&w->thread, &cut, 1);
	assert_int_equal(cut.flags, want == NOTHING || want == C(BYPASS) ? 0 : ESPNIC_FRAME_DROP);
	if (cut.flags)
		assert_int_equal(cut.counter, want);
	free(buf);
}

static void test_truncated(void **state)
{
	static const struct spec specs[] = {
		{ .v = 4, .net = NET_TRANSPORT, .proto = TCP, .len = 40 },
		{ .v = 6, .net = NET_TRANSPORT, .proto = UDP, .len = 40 },
		{ .v = 4, .net = NET_BYPASS, .vlans = 1, .proto = UDP, .len = 40 },
		{ .v = 6, .net = NET_NONE, .vlans = 2, .proto = UDP, .len = 40 },
		{ .v = 4, .net = NET_NONE, .proto = UDP, .sport = 4500, .dport = 4500, .word = 1, .len = 40 },
		{ .v = 6, .net = NET_NONE, .proto = UDP, .frag = 1000, .len = 40 },
		{ .v = 4, .net = NET_NONE, .proto = ESP, .len = 40 },
		{ .v = 6, .net = NET_NONE, .proto = AH, .len = 40 },
	};
	static struct world with, without;
	static struct frame f;

	(void)state;
	world_init(&with, true, NULL);
	world_init(&without, false, NULL);
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		frame_make(&f, &specs[i], true);
		for (uint32_t len = 0; len < f.sent_len; len++) {
			bool l2 = len >= f.l3;

			cut_frame(&with, &f, len, l2 ? C(DROP_MALFORMED) : C(DROP_LENGTH));
			cut_frame(&without, &f, len, l2 ? C(BYPASS) : C(DROP_LENGTH));
		}
	}
	assert_int_equal(atomic_load(&with.counters.v[C(BYPASS)]), 0);
	world_free(&with);
	world_free(&without);
}

/* Headers that lie. */
struct lie {
	const char *name;
	uint8_t v, vlans;
	uint32_t at;		/* from the L3 header, or the frame's start with l2 */
	bool l2;
	uint8_t value;
};

static const struct lie lies[] = {
	{ "IPv4 that says version 6", 4, 0, 0, false, 0x65 },
	{ "IPv4 of version 0", 4, 0, 0, false, 0x05 },
	{ "IPv4 header of 16 bytes", 4, 0, 0, false, 0x44 },
	{ "IPv4 header past the packet", 4, 0, 0, false, 0x4f },
	{ "IPv4 length past the frame", 4, 0, 2, false, 0xff },
	{ "IPv6 that says version 4", 6, 0, 0, false, 0x45 },
	{ "IPv6 length past the frame", 6, 0, 4, false, 0xff },
	{ "IPv6 hop-by-hop past the packet", 6, 0, 6, false, 0 },
	{ "EtherType of the other family", 4, 0, 12, true, 0x86 },
	{ "three tags", 4, 2, 20, true, 0x81 },
};

static void test_lies(void **state)
{
	static struct world w;
	static struct frame f;

	(void)state;
	world_init(&w, true, NULL);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		const struct lie *c = &lies[i];
		struct spec s = { .v = c->v, .vlans = c->vlans, .net = NET_NONE, .proto = TCP, .len = 6 };
		uint8_t *at = f.buf + ESPNIC_FRAME_HEADROOM;

		print_message("%s\n", c->name);
		frame_make(&f, &s, true);
		at[c->l2 ? c->at : f.l3 + c->at] = c->value;
		if (c->l2)
			at[c->at + 1] = c->value == 0x86 ? 0xdd : 0x00;
		espnic_steer_tx(&w.thread, &f.f, 1);
		assert_int_equal(f.f.flags, ESPNIC_FRAME_DROP);
		assert_int_equal(f.f.counter, C(DROP_MALFORMED));
	}
	world_free(&w);
}

/* Less room in front than protection needs: refused, or right; never in front of the buffer. */
static void test_headroom(void **state)
{
	static const uint8_t nets[] = { NET_TRANSPORT, NET_TUNNEL, NET_TUNNEL6, NET_UDP };
	static struct world w;
	static struct frame f;
	unsigned int refused = 0;

	(void)state;
	world_init(&w, true, NULL);
	for (size_t i = 0; i < sizeof(nets); i++) {
		for (uint32_t off = 0; off < ESPNIC_FRAME_HEADROOM; off++) {
			struct spec s = { .v = 4, .net = nets[i], .vlans = 2, .proto = TCP, .len = 20 };

			frame_make(&f, &s, true);
			memmove(f.buf + off, f.sent, f.sent_len);
			f.f.off = off;
			espnic_steer_tx(&w.thread, &f.f, 1);
			if (f.f.flags & ESPNIC_FRAME_DROP) {
				assert_int_equal(f.f.counter, C(DROP_MTU));
				refused++;
				continue;
			}
			assert_true(f.f.off < off);
			check_sealed(&w, &f, &s);
		}
	}
	/* ESP and IV; with a new IPv4 or IPv6 header; with a UDP header. */
	assert_int_equal(refused, 16 + 36 + 56 + 24);
	world_free(&w);
}

/* Frames of all kinds in one call, more than a burst: each as if it were alone, in their order. */
static void test_burst(void **state)
{
	enum { N = 200 };
	static const uint8_t nets[] = { NET_TUNNEL, NET_NONE, NET_TRANSPORT, NET_DISCARD, NET_TUNNEL6, NET_UDP, NET_CRYPTO };
	static struct world w;
	struct frame *f = calloc(N, sizeof(*f)), *clear = calloc(N, sizeof(*clear));
	struct espnic_frame *frames = calloc(N, sizeof(*frames));

	(void)state;
	assert_true(f && clear && frames);
	world_init(&w, true, NULL);
	for (unsigned int i = 0; i < N; i++) {
		uint8_t net = nets[i % 7], v = i % 2 ? 4 : 6;
		struct spec s = { .v = v, .net = net, .proto = TCP, .len = (uint16_t)(i * 5) };

		frame_make(&clear[i], &s, true);
		frame_make(&f[i], &s, true);
		if (net == NET_CRYPTO)
			frame_host_esp(&f[i], net, v, i + 1);
		frames[i] = f[i].f;
	}
	espnic_steer_tx(&w.thread, frames, N);
	for (unsigned int i = 0; i < N; i++) {
		uint8_t net = nets[i % 7], v = i % 2 ? 4 : 6;

		f[i].f = frames[i];
		assert_int_equal(!!(frames[i].flags & ESPNIC_FRAME_DROP), net == NET_DISCARD);
		if (net == NET_NONE)
			assert_memory_equal(f[i].buf + f[i].f.off, f[i].sent, f[i].sent_len);
		else if (net != NET_DISCARD)
			frame_open(&w, &f[i], net, v, &clear[i]);
	}
	assert_int_equal(counters_sum(&w), N);
	world_free(&w);
	free(f);
	free(clear);
	free(frames);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_counted_on),
		cmocka_unit_test(test_counted_on_unjudged),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_fragments_of_two_queues),
		cmocka_unit_test(test_no_ports),
		cmocka_unit_test(test_fragment_policy_gone),
		cmocka_unit_test(test_crypto),
		cmocka_unit_test(test_bad_crypto),
		cmocka_unit_test(test_crypto_not_ip),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_headroom),
		cmocka_unit_test(test_burst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
