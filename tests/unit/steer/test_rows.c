// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rows of the table of docs/architecture.md that need tables of their own: multicast, ICMP by type and
 * code, policies to forward, the choice among SAs, ESP in UDP of any ports, frames without addresses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nic/espudp.h"
#include "nic/ether.h"
#include "world.h"

enum { ICMP = ESPNIC_IPPROTO_ICMP, ICMP6 = ESPNIC_IPPROTO_ICMPV6, UDP = ESPNIC_IPPROTO_UDP, IGMP = 2,
       TCP = ESPNIC_IPPROTO_TCP, SPI = 0x4321 };

#define TX(name) ESPNIC_COUNTER_TX_##name
#define RX(name) ESPNIC_COUNTER_RX_##name

static const uint8_t us4[16] = { 10, 0, 0, 1 }, them4[16] = { 10, 0, 0, 2 };
static const uint8_t us6[16] = { 0xfd, [15] = 1 }, them6[16] = { 0xfd, [15] = 2 };
static const uint8_t group4[16] = { 224, 0, 0, 22 }, group6[16] = { 0xff, 2, [15] = 0x16 };
static const uint8_t gate_us[16] = { 192, 0, 2, 1 }, gate_them[16] = { 192, 0, 2, 2 };

static struct world w;
static struct frame f;
static uint32_t next_id;

static int start(void **state)
{
	(void)state;
	next_id = 0;
	world_init(&w, false, NULL);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	world_free(&w);
	return 0;
}

/* A frame with an IP packet of @proto whose upper part begins with @upper. */
static void packet(const uint8_t *src, const uint8_t *dst, bool v6, uint8_t proto, uint64_t upper,
		   unsigned int tags)
{
	uint8_t p[200] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
	uint32_t l3 = 14 + 4 * tags, len = l3 + (v6 ? 40 : 20) + 64;
	uint8_t *ip = p + l3;

	for (unsigned int i = 0; i < tags; i++)
		espnic_put16(p + 12 + 4 * i, i + 1 < tags ? ESPNIC_ETHERTYPE_QINQ
							  : ESPNIC_ETHERTYPE_VLAN);
	espnic_put16(ip - 2, v6 ? ESPNIC_ETHERTYPE_IPV6 : ESPNIC_ETHERTYPE_IPV4);
	if (v6) {
		ip[0] = 0x60;
		espnic_put16(ip + ESPNIC_IPV6_LEN, 64);
		ip[ESPNIC_IPV6_NEXT] = proto;
		memcpy(ip + ESPNIC_IPV6_SRC, src, 16);
		memcpy(ip + ESPNIC_IPV6_DST, dst, 16);
		espnic_put64(ip + 40, upper);
	} else {
		ip[0] = 0x45;
		espnic_put16(ip + ESPNIC_IPV4_LEN, 84);
		ip[ESPNIC_IPV4_TTL] = 64;
		ip[ESPNIC_IPV4_PROTO] = proto;
		memcpy(ip + ESPNIC_IPV4_SRC, src, 4);
		memcpy(ip + ESPNIC_IPV4_DST, dst, 4);
		espnic_ipv4_csum(ip);
		espnic_put64(ip + 20, upper);
	}
	frame_from(&f, p, len);
}

/* The frame goes out, or comes in, and is counted under @counter and nothing else. */
static void expect(bool out, uint32_t counter)
{
	uint64_t before = w.counters.v[counter], sum = counters_sum(&w);

	if (out)
		espnic_steer_tx(&w.thread, &f.f, 1);
	else
		espnic_steer_rx(&w.thread, &f.f, 1);
	if (w.counters.v[counter] != before + 1 || counters_sum(&w) != sum + 1) {
		for (uint32_t i = 0; i < ESPNIC_COUNTER_COUNT; i++)
			if (w.counters.v[i])
				print_message("counter %u: %u\n", i, (unsigned int)w.counters.v[i]);
		fail_msg("not under counter %u", counter);
	}
}

static struct espnic_spd_policy *policy(enum espnic_spd_dir dir, enum espnic_spd_action action,
					uint32_t priority, uint8_t proto)
{
	struct espnic_spd_policy p = {
		.id = ++next_id, .priority = priority, .dir = (uint8_t)dir, .action = (uint8_t)action,
		.sel = { .proto = proto, .sport_max = ESPNIC_PORT_MAX, .dport_max = ESPNIC_PORT_MAX },
		.tmpl = { .mode = ESPNIC_MODE_TRANSPORT, .ip_proto = ESPNIC_IPPROTO_ESP },
	};

	assert_int_equal(espnic_spd_insert(w.steer.spd, &p), 0);
	return espnic_spd_by_id(w.steer.spd, next_id);
}

/* The same with ports (ICMP: types and codes). */
static void ported(enum espnic_spd_dir dir, enum espnic_spd_action action, uint8_t proto,
		   uint16_t smin, uint16_t smax, uint16_t dmin, uint16_t dmax)
{
	struct espnic_spd_policy p = {
		.id = ++next_id, .priority = 1, .dir = (uint8_t)dir, .action = (uint8_t)action,
		.sel = { .proto = proto, .sport_min = smin, .sport_max = smax, .dport_min = dmin,
			 .dport_max = dmax },
	};

	assert_int_equal(espnic_spd_insert(w.steer.spd, &p), 0);
}

/* An SA between the gates (tunnel) or us and them. @params may be NULL. */
static struct espnic_sad_entry *sa(uint32_t handle, bool out, bool tunnel, uint32_t reqid,
				   const struct espnic_sad_entry *more)
{
	struct espnic_sad_entry e = more ? *more : (struct espnic_sad_entry){ 0 }, *slot;
	struct espnic_sa_params p;

	espnic_sa_params_init(&p);
	p.spi = SPI + handle;
	p.dir = out ? ESPNIC_DIR_OUT : ESPNIC_DIR_IN;
	p.offload = (enum espnic_sa_offload)e.offload;
	p.mode = tunnel ? ESPNIC_MODE_TUNNEL : ESPNIC_MODE_TRANSPORT;
	p.enc = ESPNIC_ENC_AES_GCM;
	p.enc_key_len = 16;
	p.salt_len = 4;
	p.udp_encap = e.udp_encap;
	p.udp_sport = e.udp_sport;
	p.udp_dport = e.udp_dport;
	p.tunnel.family = 4;
	memcpy(p.tunnel.src, out ? gate_us : gate_them, 16);
	memcpy(p.tunnel.dst, out ? gate_them : gate_us, 16);
	e.handle = handle;
	e.spi = p.spi;
	e.reqid = reqid;
	e.dir = (uint8_t)p.dir;
	e.mode = (uint8_t)p.mode;
	e.ip_proto = ESPNIC_IPPROTO_ESP;
	e.family = 4;
	memcpy(e.saddr, tunnel ? p.tunnel.src : out ? us4 : them4, 16);
	memcpy(e.daddr, tunnel ? p.tunnel.dst : out ? them4 : us4, 16);
	assert_int_equal(w.engine->sa_add(&p, &e.sa, NULL), ESPNIC_OK);
	assert_int_equal(espnic_sad_insert(w.steer.sad, &e, &slot), 0);
	assert_int_equal(espnic_espudp_add(w.steer.espudp, slot), 0);
	return slot;
}

/* ---- multicast ---- */

static void test_multicast(void **state)
{
	(void)state;
	for (unsigned int tags = 0; tags < 3; tags++) {
		packet(us4, group4, false, IGMP, 0x22, tags);
		expect(true, TX(BYPASS));
		packet(us6, group6, true, ICMP6, 0x8f00ull << 48, tags);
		expect(true, TX(BYPASS));
		packet(them4, group4, false, IGMP, 0x11, tags);
		expect(false, RX(BYPASS));
	}
	policy(ESPNIC_SPD_OUT, ESPNIC_SPD_PROTECT, 10, 0);
	policy(ESPNIC_SPD_IN, ESPNIC_SPD_PROTECT, 10, 0);
	for (unsigned int tags = 0; tags < 3; tags++) {
		packet(us4, group4, false, IGMP, 0x22, tags);
		expect(true, TX(DROP_NO_SA));
		packet(us6, group6, true, ICMP6, 0x8f00ull << 48, tags);
		expect(true, TX(DROP_NO_SA));
		packet(them4, group4, false, IGMP, 0x11, tags);
		expect(false, RX(DROP_CLEAR));
		packet(them6, group6, true, ICMP6, 0x8200ull << 48, tags);
		expect(false, RX(DROP_CLEAR));
	}
	policy(ESPNIC_SPD_OUT, ESPNIC_SPD_BYPASS, 5, IGMP);
	policy(ESPNIC_SPD_IN, ESPNIC_SPD_DISCARD, 5, IGMP);
	packet(us4, group4, false, IGMP, 0x22, 0);
	expect(true, TX(BYPASS));
	packet(them4, group4, false, IGMP, 0x11, 0);
	expect(false, RX(DROP_DISCARD));
	packet(us4, group4, false, UDP, 0, 0);
	expect(true, TX(DROP_NO_SA));
}

/* ---- ICMP by type and code ---- */

static uint64_t icmp(uint8_t type, uint8_t code)
{
	return (uint64_t)type << 56 | (uint64_t)code << 48;
}

static void test_icmp(void **state)
{
	(void)state;
	/* Neighbour discovery, and "unreachable" of codes 3 and 4, in clear; the rest protected. */
	for (int dir = ESPNIC_SPD_IN; dir <= ESPNIC_SPD_OUT; dir++) {
		ported((enum espnic_spd_dir)dir, ESPNIC_SPD_BYPASS, ICMP6, 133, 137, 0, 65535);
		ported((enum espnic_spd_dir)dir, ESPNIC_SPD_BYPASS, ICMP, 3, 3, 3, 4);
		policy((enum espnic_spd_dir)dir, ESPNIC_SPD_PROTECT, 10, 0);
	}
	for (unsigned int type = 0; type < 256; type++) {
		bool nd = type >= 133 && type <= 137;

		packet(us6, them6, true, ICMP6, icmp((uint8_t)type, 0), 0);
		expect(true, nd ? TX(BYPASS) : TX(DROP_NO_SA));
		packet(them6, us6, true, ICMP6, icmp((uint8_t)type, 9), 0);
		expect(false, nd ? RX(BYPASS) : RX(DROP_CLEAR));
		packet(us4, them4, false, ICMP, icmp(3, (uint8_t)type), 0);
		expect(true, type == 3 || type == 4 ? TX(BYPASS) : TX(DROP_NO_SA));
		/* Type and protocol of the other family say nothing here. */
		packet(us4, them4, false, ICMP, icmp((uint8_t)type, 0), 0);
		expect(true, TX(DROP_NO_SA));
	}
	/* A later fragment does not show them. */
	packet(them6, us6, true, ESPNIC_IPPROTO_FRAGMENT, (uint64_t)ICMP6 << 56 | 64ull << 32 | 7, 0);
	expect(false, RX(DROP_FRAGMENT));
	packet(us6, them6, true, ESPNIC_IPPROTO_FRAGMENT, (uint64_t)ICMP6 << 56 | 64ull << 32 | 7, 0);
	expect(true, TX(DROP_FRAGMENT));
}

/* ---- policies to forward ---- */

/* What the peer sends through @handle's SA comes in. */
static void from_tunnel(const struct espnic_sad_entry *e, const uint8_t *src, const uint8_t *dst)
{
	static uint8_t room[1024];
	struct espnic_sa_params p;
	struct espnic_pkt pkt = { .data = room + 200, .headroom = 200, .tailroom = 600, .len = 84 };

	packet(src, dst, false, TCP, 0x1122334455667788, 0);
	espnic_sa_params_init(&p);
	p.spi = e->spi;
	p.mode = ESPNIC_MODE_TUNNEL;
	p.enc = ESPNIC_ENC_AES_GCM;
	p.enc_key_len = 16;
	p.salt_len = 4;
	p.tunnel.family = 4;
	memcpy(p.tunnel.src, gate_them, 16);
	memcpy(p.tunnel.dst, gate_us, 16);
	assert_int_equal(w.engine->sa_add(&p, &pkt.sa, NULL), ESPNIC_OK);
	memcpy(pkt.data, f.sent + 14, 84);
	w.engine->protect(w.peer_thread, &pkt, 1);
	assert_int_equal(pkt.verdict, ESPNIC_OK);
	memcpy(pkt.data - 14, f.sent, 14);
	frame_from(&f, pkt.data - 14, pkt.len + 14);
	w.engine->sa_del(pkt.sa);
}

static void test_forward(void **state)
{
	static const uint8_t net[16] = { 10, 9, 9, 9 };
	const struct espnic_sad_entry *e = sa(1, false, true, 7, NULL);
	struct espnic_spd_policy *p;

	(void)state;
	from_tunnel(e, net, us4);
	expect(false, RX(DROP_SELECTOR));
	/* Any of both directions may want it; each by its own template. */
	p = policy(ESPNIC_SPD_FWD, ESPNIC_SPD_PROTECT, 10, 0);
	p->tmpl.mode = ESPNIC_MODE_TUNNEL;
	p->tmpl.family = 4;
	p->tmpl.reqid = 7;
	from_tunnel(e, net, us4);
	expect(false, RX(UNPROTECTED));
	policy(ESPNIC_SPD_IN, ESPNIC_SPD_BYPASS, 10, 0);
	from_tunnel(e, net, us4);
	expect(false, RX(UNPROTECTED));
	p->tmpl.reqid = 8;
	from_tunnel(e, net, us4);
	expect(false, RX(DROP_SELECTOR));
	p->tmpl.reqid = 7;
	p->tmpl.spi = SPI;
	from_tunnel(e, net, us4);
	expect(false, RX(DROP_SELECTOR));
	p->tmpl.spi = SPI + 1;
	memcpy(p->tmpl.saddr, us4, 16);
	from_tunnel(e, net, us4);
	expect(false, RX(DROP_SELECTOR));
	memcpy(p->tmpl.saddr, gate_them, 16);
	from_tunnel(e, net, us4);
	expect(false, RX(UNPROTECTED));
	p->discard = true;
	from_tunnel(e, net, us4);
	expect(false, RX(DROP_SELECTOR));
	/* In clear the same is spoofed: nobody can tell here that it is not to be forwarded, whatever there is for IN. */
	packet(net, us4, false, TCP, 0, 0);
	expect(false, RX(DROP_CLEAR));
	policy(ESPNIC_SPD_FWD, ESPNIC_SPD_BYPASS, 5, 0);
	packet(net, us4, false, TCP, 0, 0);
	expect(false, RX(BYPASS));
}

/* ---- the choice among SAs ---- */

/* The SA that the packet leaves by. */
static uint32_t chosen(uint8_t proto)
{
	packet(us4, them4, false, proto, 0x0001000200400000, 0);
	expect(true, TX(PROTECTED));
	return espnic_get32(f.buf + f.f.off + 14 + 20) - SPI;
}

static void test_choice(void **state)
{
	struct espnic_spd_policy *p = policy(ESPNIC_SPD_OUT, ESPNIC_SPD_PROTECT, 10, 0);
	struct espnic_sad_entry udp_only = { .has_sel = true, .sel = {
		.proto = UDP, .sport_max = ESPNIC_PORT_MAX, .dport_max = ESPNIC_PORT_MAX } };
	struct espnic_sad_entry crypto = { .offload = ESPNIC_OFFLOAD_CRYPTO };
	struct espnic_sad_entry *e[8];

	(void)state;
	p->tmpl.reqid = 7;
	packet(us4, them4, false, TCP, 0, 0);
	expect(true, TX(DROP_NO_SA));
	e[1] = sa(1, true, false, 7, NULL);
	assert_int_equal(chosen(TCP), 1);
	e[2] = sa(2, true, false, 7, NULL);		/* newer */
	assert_int_equal(chosen(TCP), 2);
	sa(3, true, false, 8, NULL);			/* another reqid's */
	sa(4, true, true, 7, NULL);			/* a tunnel */
	sa(5, true, false, 7, &crypto);			/* the host's own */
	assert_int_equal(chosen(TCP), 2);
	e[6] = sa(6, true, false, 7, &udp_only);
	assert_int_equal(chosen(TCP), 2);
	assert_int_equal(chosen(UDP), 6);
	e[2]->dying = true;
	e[6]->dying = true;
	assert_int_equal(chosen(TCP), 1);
	assert_int_equal(chosen(UDP), 1);
	e[1]->dying = true;				/* all are: the newest again */
	assert_int_equal(chosen(TCP), 2);
	assert_int_equal(chosen(UDP), 6);
	p->tmpl.spi = SPI + 1;
	assert_int_equal(chosen(TCP), 1);
	p->tmpl.spi = SPI + 6;
	packet(us4, them4, false, TCP, 0, 0);
	expect(true, TX(DROP_NO_SA));
	p->tmpl.spi = 0;
	p->tmpl.reqid = 0;				/* any: 3 is the only one not dying */
	assert_int_equal(chosen(TCP), 3);
	packet(us4, us4, false, TCP, 0, 0);		/* the packet's own addresses count */
	expect(true, TX(DROP_NO_SA));
}

/* ---- the host's own ESP in UDP ---- */

static uint64_t udp(uint16_t sport, uint16_t dport)
{
	return (uint64_t)sport << 48 | (uint64_t)dport << 32 | 64 << 16;
}

static void esp_in_udp(const uint8_t *dst, uint16_t sport, uint16_t dport, uint32_t spi)
{
	packet(us4, dst, false, UDP, udp(sport, dport), 0);
	espnic_put32(f.buf + f.f.off + 14 + 20 + 8, spi);
}

static void test_espudp(void **state)
{
	struct espnic_sad_entry ports = { .offload = ESPNIC_OFFLOAD_CRYPTO, .udp_encap = true,
					  .udp_sport = 10000, .udp_dport = 20000 };
	struct espnic_sad_entry in_device = { .udp_encap = true, .udp_sport = 10000,
					      .udp_dport = 20000 };
	struct espnic_sad_entry *e, *other;

	(void)state;
	policy(ESPNIC_SPD_OUT, ESPNIC_SPD_DISCARD, 10, 0);
	esp_in_udp(them4, 10000, 20000, SPI + 1);
	expect(true, TX(DROP_DISCARD));
	e = sa(1, true, false, 7, &ports);
	other = sa(2, true, false, 7, &ports);
	sa(3, true, false, 7, &in_device);
	esp_in_udp(them4, 10000, 20000, SPI + 1);
	expect(true, TX(HOST_ESP));
	esp_in_udp(them4, 10000, 20000, SPI + 2);
	expect(true, TX(HOST_ESP));
	/* All of it must fit. */
	esp_in_udp(them4, 10000, 20000, SPI + 3);	/* no packet of the host's */
	expect(true, TX(DROP_DISCARD));
	esp_in_udp(them4, 10000, 20000, SPI + 4);
	expect(true, TX(DROP_DISCARD));
	esp_in_udp(them4, 10000, 20001, SPI + 1);
	expect(true, TX(DROP_DISCARD));
	esp_in_udp(them4, 20000, 10000, SPI + 1);
	expect(true, TX(DROP_DISCARD));
	esp_in_udp(us4, 10000, 20000, SPI + 1);
	expect(true, TX(DROP_DISCARD));
	esp_in_udp(them4, 10000, 20000, 0);		/* IKE */
	expect(true, TX(DROP_DISCARD));
	espnic_espudp_remove(w.steer.espudp, e);
	esp_in_udp(them4, 10000, 20000, SPI + 1);
	expect(true, TX(DROP_DISCARD));
	esp_in_udp(them4, 10000, 20000, SPI + 2);
	expect(true, TX(HOST_ESP));
	espnic_espudp_remove(w.steer.espudp, other);
	espnic_espudp_remove(w.steer.espudp, other);	/* not there */
	esp_in_udp(them4, 10000, 20000, SPI + 2);
	expect(true, TX(DROP_DISCARD));
}

/* ---- frames without addresses ---- */

static void blank(bool src_too)
{
	memset(f.buf + f.f.off, 0, src_too ? 12 : 6);
}

static uint64_t sent(const struct espnic_sad_entry *e)
{
	struct espnic_sa_state st;

	w.engine->sa_query(e->sa, &st);
	return st.seq;
}

static void test_blank(void **state)
{
	static const uint8_t hop[6] = { 2, 9, 9, 9, 9, 9 }, own[6] = { 2, 8, 8, 8, 8, 8 };
	struct espnic_sad_entry *tunnel, *transport;
	struct espnic_spd_policy *p;

	(void)state;
	packet(us4, them4, false, TCP, 0, 0);
	blank(true);
	expect(true, TX(DROP_L2));
	packet(us4, them4, false, ESPNIC_IPPROTO_ESP, 0x1234ull << 32, 2);
	blank(false);
	expect(true, TX(DROP_L2));
	p = policy(ESPNIC_SPD_OUT, ESPNIC_SPD_PROTECT, 10, TCP);
	packet(us4, them4, false, TCP, 0, 0);
	blank(true);
	expect(true, TX(DROP_NO_SA));
	transport = sa(1, true, false, 7, NULL);
	packet(us4, them4, false, TCP, 0, 0);
	blank(true);
	expect(true, TX(DROP_L2));
	assert_int_equal(sent(transport), 0);

	p->tmpl.mode = ESPNIC_MODE_TUNNEL;
	p->tmpl.family = 4;
	tunnel = sa(2, true, true, 7, NULL);
	for (unsigned int tags = 0; tags < 3; tags++) {
		packet(us4, them4, false, TCP, 0, tags);
		blank(tags & 1);
		expect(true, TX(DROP_L2));
	}
	assert_int_equal(sent(tunnel), 0);
	/* It has addresses: they may be anybody's. */
	packet(us4, them4, false, TCP, 0, 0);
	memset(f.buf + f.f.off + 6, 0, 6);
	expect(true, TX(PROTECTED));
	/* Now the next hop is known. */
	tunnel->has_l2 = true;
	memcpy(tunnel->dst_mac, hop, 6);
	memcpy(tunnel->src_mac, own, 6);
	packet(us4, them4, false, TCP, 0, 1);
	blank(true);
	expect(true, TX(PROTECTED));
	assert_memory_equal(f.buf + f.f.off, hop, 6);
	assert_memory_equal(f.buf + f.f.off + 6, own, 6);
	assert_int_equal(sent(tunnel), 2);
	/* Not what policies say to drop, nor what is not IP. */
	packet(us4, them4, false, UDP, 0, 0);
	blank(true);
	policy(ESPNIC_SPD_OUT, ESPNIC_SPD_DISCARD, 20, UDP);
	expect(true, TX(DROP_DISCARD));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, start, stop)
		T(test_multicast), T(test_icmp), T(test_forward),
		T(test_choice),	   T(test_espudp), T(test_blank),
	};

	return cmocka_run_group_tests_name("rows", tests, NULL, NULL);
}
