// SPDX-License-Identifier: BSD-2-Clause
/* Wire to host: each row of the table of docs/architecture.md, with a real engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nic/ether.h"
#include "world.h"

#define C(name) ESPNIC_COUNTER_RX_##name
enum { NOTHING = ESPNIC_COUNTER_COUNT, BOTH = 46, TCP = ESPNIC_IPPROTO_TCP, UDP = ESPNIC_IPPROTO_UDP,
       ESP = ESPNIC_IPPROTO_ESP, AH = ESPNIC_IPPROTO_AH, NONE = ESPNIC_IPPROTO_NONE };
/* In spec.word: the SPI of the host's inbound SA of that net. */
#define KNOWN 0xfffffffeu

enum want {
	SAME,		/* delivered as it came */
	GONE,
	OPENED,		/* the clear inner packet */
	PLACE,		/* decrypted in place */
	FAILED,		/* delivered as it came, with a failure status */
};

struct rx_case {
	const char *name;
	struct spec s;
	uint8_t sa;		/* net whose SA the peer sends it through, 0: in clear */
	uint32_t counter;
	enum want want;
	uint8_t behind;		/* bytes behind the IP packet on the wire */
	uint8_t flip;		/* the how manieth byte from the end of the packet is changed, 0: none */
};

static const struct rx_case cases[] = {
	{ "not IP", { .v = 0, .len = 46 }, 0, NOTHING, SAME, 0, 0 },
	{ "not IP, VLAN", { .v = 0, .vlans = 1, .len = 46 }, 0, NOTHING, SAME, 0, 0 },
	{ "clear, no policy", { .v = BOTH, .net = NET_NONE, .proto = TCP, .len = 100 }, 0, C(BYPASS), SAME, 0, 0 },
	{ "clear, no policy, padded", { .v = BOTH, .net = NET_NONE, .proto = UDP, .len = 1 }, 0, C(BYPASS), SAME, 17, 0 },
	{ "clear, bypass, two tags", { .v = BOTH, .net = NET_BYPASS, .vlans = 2, .proto = TCP, .len = 1 }, 0, C(BYPASS), SAME, 0, 0 },
	{ "clear, bypass, later fragment", { .v = BOTH, .net = NET_BYPASS, .proto = UDP, .len = 64, .frag = 64 }, 0, C(BYPASS), SAME, 0, 0 },
	{ "clear, discard", { .v = BOTH, .net = NET_DISCARD, .proto = TCP, .len = 100 }, 0, C(DROP_DISCARD), GONE, 0, 0 },
	{ "clear, discard to forward alone", { .v = BOTH, .net = NET_FWD_DISCARD, .proto = TCP, .len = 9 }, 0, C(BYPASS), SAME, 0, 0 },
	{ "spoofed: transport", { .v = BOTH, .net = NET_TRANSPORT, .proto = TCP, .len = 100 }, 0, C(DROP_CLEAR), GONE, 0, 0 },
	{ "spoofed: tunnel", { .v = BOTH, .net = NET_TUNNEL, .proto = UDP, .len = 100 }, 0, C(DROP_CLEAR), GONE, 0, 0 },
	{ "spoofed: VLAN", { .v = BOTH, .net = NET_TUNNEL, .vlans = 1, .proto = UDP, .len = 100 }, 0, C(DROP_CLEAR), GONE, 0, 0 },
	{ "spoofed: no SA", { .v = BOTH, .net = NET_NO_SA, .proto = UDP, .len = 100 }, 0, C(DROP_CLEAR), GONE, 0, 0 },
	{ "spoofed: being deleted", { .v = BOTH, .net = NET_DELETED, .proto = UDP, .len = 100 }, 0, C(DROP_CLEAR), GONE, 0, 0 },
	{ "spoofed: to forward", { .v = BOTH, .net = NET_FWD, .proto = UDP, .len = 100 }, 0, C(DROP_CLEAR), GONE, 0, 0 },
	{ "spoofed: first fragment", { .v = BOTH, .net = NET_TUNNEL, .proto = UDP, .len = 64, .mf = true }, 0, C(DROP_CLEAR), GONE, 0, 0 },
	{ "spoofed: later fragment", { .v = BOTH, .net = NET_TUNNEL, .proto = UDP, .len = 64, .frag = 64 }, 0, C(DROP_CLEAR), GONE, 0, 0 },
	{ "spoofed: from the NAT-T port", { .v = BOTH, .net = NET_TRANSPORT, .proto = UDP, .sport = 4500, .dport = 54, .len = 64, .word = 1 }, 0, C(DROP_CLEAR), GONE, 0, 0 },
	{ "spoofed: one byte from the NAT-T port", { .v = BOTH, .net = NET_TRANSPORT, .proto = UDP, .sport = 4500, .dport = 54, .len = 1, .word = 0xff }, 0, C(DROP_CLEAR), GONE, 0, 0 },
	{ "spoofed: SPI of an SA in UDP to any port", { .v = BOTH, .net = NET_UDP, .proto = UDP, .sport = 4500, .dport = 54, .len = 64, .word = KNOWN }, 0, C(DROP_CLEAR), GONE, 0, 0 },
	{ "IKE is by policy: protect", { .v = BOTH, .net = NET_TRANSPORT, .proto = UDP, .sport = 500, .dport = 500, .len = 64 }, 0, C(DROP_CLEAR), GONE, 0, 0 },
	{ "IKE over 4500 is by policy: protect", { .v = BOTH, .net = NET_TRANSPORT, .proto = UDP, .sport = 4500, .dport = 4500, .len = 64 }, 0, C(DROP_CLEAR), GONE, 0, 0 },
	{ "IKE over 4500 is by policy: bypass", { .v = BOTH, .net = NET_BYPASS, .proto = UDP, .sport = 4500, .dport = 4500, .len = 64 }, 0, C(BYPASS), SAME, 0, 0 },
	{ "ports, the one bypassed", { .v = BOTH, .net = NET_PORTS, .proto = UDP, .sport = 53, .len = 64 }, 0, C(BYPASS), SAME, 0, 0 },
	{ "ports, another", { .v = BOTH, .net = NET_PORTS, .proto = UDP, .sport = 54, .len = 64 }, 0, C(DROP_CLEAR), GONE, 0, 0 },
	{ "keepalive", { .v = BOTH, .net = NET_TRANSPORT, .proto = UDP, .sport = 4500, .dport = 4500, .len = 1, .word = 0xff }, 0, C(KEEPALIVE), SAME, 0, 0 },
	{ "keepalive, padded", { .v = BOTH, .net = NET_UDP, .proto = UDP, .sport = 61000, .dport = 4500, .len = 1, .word = 0xff }, 0, C(KEEPALIVE), SAME, 17, 0 },
	{ "not quite a keepalive", { .v = BOTH, .net = NET_TRANSPORT, .proto = UDP, .sport = 4500, .dport = 4500, .len = 1, .word = 0xfe }, 0, C(DROP_CLEAR), GONE, 0, 0 },
	{ "ESP of an unknown SPI", { .v = BOTH, .net = NET_TRANSPORT, .proto = ESP, .len = 64, .word = 0x9999 }, 0, C(UNKNOWN_SPI), SAME, 0, 0 },
	{ "ESP of an unknown SPI, VLAN", { .v = BOTH, .net = NET_TRANSPORT, .vlans = 1, .proto = ESP, .len = 64, .word = 0x9999 }, 0, C(UNKNOWN_SPI), SAME, 0, 0 },
	{ "ESP of another destination's SPI", { .v = 4, .net = NET_TRANSPORT, .proto = ESP, .len = 64, .word = INNER_SPI + 4 * NET_TUNNEL + 1 }, 0, C(UNKNOWN_SPI), SAME, 0, 0 },
	{ "AH", { .v = BOTH, .net = NET_TRANSPORT, .proto = AH, .len = 64, .word = 0x9999 }, 0, C(UNKNOWN_SPI), SAME, 0, 0 },
	{ "AH with an SPI of ESP", { .v = BOTH, .net = NET_TRANSPORT, .proto = AH, .len = 64, .word = KNOWN }, 0, C(UNKNOWN_SPI), SAME, 0, 0 },
	{ "ESP in UDP of an unknown SPI", { .v = BOTH, .net = NET_TRANSPORT, .proto = UDP, .sport = 1, .dport = 4500, .len = 64, .word = 0x9999 }, 0, C(UNKNOWN_SPI), SAME, 0, 0 },
	{ "ESP too short for its header", { .v = BOTH, .net = NET_TRANSPORT, .proto = ESP, .len = 7, .word = KNOWN }, 0, C(DROP_MALFORMED), GONE, 0, 0 },
	{ "ESP, nothing behind its header", { .v = BOTH, .net = NET_TRANSPORT, .proto = ESP, .len = 8, .word = KNOWN }, 0, C(DROP_MALFORMED), GONE, 0, 0 },
	{ "ESP, rubbish", { .v = BOTH, .net = NET_TRANSPORT, .proto = ESP, .len = 64, .word = KNOWN }, 0, C(DROP_INTEGRITY), GONE, 0, 0 },
	{ "ESP in UDP, rubbish", { .v = BOTH, .net = NET_UDP, .proto = UDP, .sport = 4500, .dport = 4500, .len = 64, .word = KNOWN }, 0, C(DROP_INTEGRITY), GONE, 0, 0 },
	{ "ESP in UDP, peer's port changed", { .v = BOTH, .net = NET_UDP, .proto = UDP, .sport = 61000, .dport = 4500, .len = 64, .word = KNOWN }, 0, C(DROP_INTEGRITY), GONE, 0, 0 },
	{ "ESP in UDP of other ports, rubbish", { .v = BOTH, .net = NET_UDP_PORT, .proto = UDP, .sport = 1, .dport = 10000, .len = 64, .word = KNOWN }, 0, C(DROP_INTEGRITY), GONE, 0, 0 },
	{ "ESP in UDP of a plain SA", { .v = BOTH, .net = NET_TRANSPORT, .proto = UDP, .sport = 4500, .dport = 4500, .len = 64, .word = KNOWN }, 0, C(DROP_ENGINE), GONE, 0, 0 },
	{ "plain ESP of an SA in UDP", { .v = BOTH, .net = NET_UDP, .proto = ESP, .len = 64, .word = KNOWN }, 0, C(DROP_ENGINE), GONE, 0, 0 },
	{ "ESP first fragment, unknown SPI", { .v = BOTH, .net = NET_NONE, .proto = ESP, .len = 64, .mf = true, .id = 1, .word = 0x9999 }, 0, C(UNKNOWN_SPI), SAME, 0, 0 },
	{ "ESP later fragment, unknown SPI", { .v = BOTH, .net = NET_NONE, .proto = ESP, .len = 64, .frag = 64, .id = 1 }, 0, C(UNKNOWN_SPI), SAME, 0, 0 },
	{ "ESP first fragment, known SPI", { .v = BOTH, .net = NET_TRANSPORT, .proto = ESP, .len = 64, .mf = true, .id = 2, .word = KNOWN }, 0, C(DROP_FRAGMENT), GONE, 0, 0 },
	{ "ESP later fragment, known SPI", { .v = BOTH, .net = NET_TRANSPORT, .proto = ESP, .len = 64, .frag = 64, .id = 2 }, 0, C(DROP_FRAGMENT), GONE, 0, 0 },
	{ "crypto's first fragment, known SPI", { .v = BOTH, .net = NET_CRYPTO, .proto = ESP, .len = 64, .mf = true, .id = 3, .word = KNOWN }, 0, C(DROP_FRAGMENT), GONE, 0, 0 },
	{ "ESP in UDP first fragment, known SPI", { .v = BOTH, .net = NET_CRYPTO_UDP, .proto = UDP, .dport = 4500, .len = 64, .mf = true, .id = 4, .word = KNOWN }, 0, C(DROP_FRAGMENT), GONE, 0, 0 },
	{ "its later fragment", { .v = BOTH, .net = NET_CRYPTO_UDP, .proto = UDP, .len = 64, .frag = 72, .id = 4 }, 0, C(DROP_FRAGMENT), GONE, 0, 0 },
	{ "transport", { .v = BOTH, .net = NET_TRANSPORT, .proto = TCP, .len = 100 }, NET_TRANSPORT, C(UNPROTECTED), OPENED, 0, 0 },
	{ "transport, padded", { .v = BOTH, .net = NET_TRANSPORT, .proto = UDP, .len = 1 }, NET_TRANSPORT, C(UNPROTECTED), OPENED, 18, 0 },
	{ "transport, two tags", { .v = BOTH, .net = NET_TRANSPORT, .vlans = 2, .proto = TCP, .len = 1 }, NET_TRANSPORT, C(UNPROTECTED), OPENED, 0, 0 },
	{ "transport, bad ICV", { .v = BOTH, .net = NET_TRANSPORT, .proto = TCP, .len = 100 }, NET_TRANSPORT, C(DROP_INTEGRITY), GONE, 0, 1 },
	{ "transport, bad text", { .v = BOTH, .net = NET_TRANSPORT, .proto = TCP, .len = 100 }, NET_TRANSPORT, C(DROP_INTEGRITY), GONE, 0, 30 },
	{ "transport, dummy", { .v = BOTH, .net = NET_TRANSPORT, .proto = NONE, .len = 30 }, NET_TRANSPORT, C(DUMMY), GONE, 0, 0 },
	{ "tunnel", { .v = BOTH, .net = NET_TUNNEL, .proto = TCP, .len = 100 }, NET_TUNNEL, C(UNPROTECTED), OPENED, 0, 0 },
	{ "tunnel, VLAN", { .v = BOTH, .net = NET_TUNNEL, .vlans = 1, .proto = TCP, .len = 100 }, NET_TUNNEL, C(UNPROTECTED), OPENED, 0, 0 },
	{ "tunnel, later fragment", { .v = BOTH, .net = NET_TUNNEL, .proto = UDP, .len = 64, .frag = 64 }, NET_TUNNEL, C(UNPROTECTED), OPENED, 0, 0 },
	{ "tunnel over IPv6", { .v = BOTH, .net = NET_TUNNEL6, .proto = TCP, .len = 100 }, NET_TUNNEL6, C(UNPROTECTED), OPENED, 0, 0 },
	{ "tunnel over IPv6, two tags", { .v = BOTH, .net = NET_TUNNEL6, .vlans = 2, .proto = TCP, .len = 100 }, NET_TUNNEL6, C(UNPROTECTED), OPENED, 0, 0 },
	{ "tunnel, inner packet of another policy", { .v = BOTH, .net = NET_TRANSPORT, .proto = TCP, .len = 100 }, NET_TUNNEL, C(DROP_SELECTOR), GONE, 0, 0 },
	{ "tunnel, inner packet of bypass", { .v = BOTH, .net = NET_BYPASS, .proto = TCP, .len = 100 }, NET_TUNNEL, C(DROP_SELECTOR), GONE, 0, 0 },
	{ "tunnel, inner packet of no policy", { .v = BOTH, .net = NET_NONE, .proto = TCP, .len = 100 }, NET_TUNNEL, C(DROP_SELECTOR), GONE, 0, 0 },
	{ "transport, policy of another reqid", { .v = BOTH, .net = NET_OTHER_SA, .proto = TCP, .len = 100 }, NET_OTHER_SA, C(DROP_SELECTOR), GONE, 0, 0 },
	{ "transport, policy being deleted", { .v = BOTH, .net = NET_DELETED, .proto = TCP, .len = 100 }, NET_DELETED, C(DROP_SELECTOR), GONE, 0, 0 },
	{ "ports, protected", { .v = BOTH, .net = NET_PORTS, .proto = UDP, .sport = 54, .len = 64 }, NET_PORTS, C(UNPROTECTED), OPENED, 0, 0 },
	{ "ports, should have come in clear", { .v = BOTH, .net = NET_PORTS, .proto = UDP, .sport = 53, .len = 64 }, NET_PORTS, C(DROP_SELECTOR), GONE, 0, 0 },
	{ "ports, should not have come", { .v = BOTH, .net = NET_PORTS_SA, .proto = UDP, .sport = 54, .len = 64 }, NET_PORTS_SA, C(DROP_SELECTOR), GONE, 0, 0 },
	{ "UDP encapsulation", { .v = BOTH, .net = NET_UDP, .proto = TCP, .len = 100 }, NET_UDP, C(UNPROTECTED), OPENED, 0, 0 },
	{ "UDP encapsulation, other ports", { .v = BOTH, .net = NET_UDP_PORT, .proto = TCP, .len = 100 }, NET_UDP_PORT, C(UNPROTECTED), OPENED, 0, 0 },
	{ "SA's selector", { .v = BOTH, .net = NET_SELECTOR, .proto = TCP, .len = 100 }, NET_SELECTOR, C(UNPROTECTED), OPENED, 0, 0 },
	{ "outside the SA's selector", { .v = BOTH, .net = NET_SELECTOR, .proto = UDP, .len = 100 }, NET_SELECTOR, C(DROP_SELECTOR), GONE, 0, 0 },
	{ "crypto", { .v = BOTH, .net = NET_CRYPTO, .proto = TCP, .len = 100 }, NET_CRYPTO, C(CRYPTO), PLACE, 0, 0 },
	{ "crypto, padded, VLAN", { .v = BOTH, .net = NET_CRYPTO, .vlans = 1, .proto = UDP, .len = 1 }, NET_CRYPTO, C(CRYPTO), PLACE, 9, 0 },
	{ "crypto in UDP", { .v = BOTH, .net = NET_CRYPTO_UDP, .proto = TCP, .len = 100 }, NET_CRYPTO_UDP, C(CRYPTO), PLACE, 0, 0 },
	{ "crypto, bad ICV", { .v = BOTH, .net = NET_CRYPTO, .proto = TCP, .len = 100 }, NET_CRYPTO, C(CRYPTO_FAILED), FAILED, 0, 1 },
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

/* The frame is the clear one @sent, under the L2 header it came with. */
static void check_opened(const struct frame *f, const struct frame *sent, const struct spec *s, uint8_t sa)
{
	const uint8_t *p = f->buf + f->f.off;
	uint32_t len = sent->sent_len - s->trailing;

	assert_int_equal(f->f.flags, ESPNIC_FRAME_IPSEC | ESPNIC_FRAME_DECAP);
	assert_int_equal(f->f.sa_handle, handle_in(sa, s->v));
	assert_int_equal(f->f.ipsec_status, ESPNIC_IPSEC_STATUS_OK);
	assert_true(f->f.seq > 0);
	assert_int_equal(f->f.len, len);
	assert_memory_equal(p, sent->sent, len);
}

/* Decrypted in place: headers as they came, the clear upper packet of @sent behind the IV. */
static void check_place(const struct frame *f, const struct frame *sent, const struct spec *s, uint8_t sa)
{
	uint32_t ip_len = s->v == 4 ? ESPNIC_IPV4_HLEN : ESPNIC_IPV6_HLEN;
	uint32_t esp = f->l3 + ip_len + (sa == NET_CRYPTO_UDP ? ESPNIC_UDP_HLEN : 0);
	const uint8_t *p = f->buf + f->f.off;

	assert_int_equal(f->f.flags, ESPNIC_FRAME_IPSEC);
	assert_int_equal(f->f.sa_handle, handle_in(sa, s->v));
	assert_int_equal(f->f.ipsec_status, ESPNIC_IPSEC_STATUS_OK);
	assert_int_equal(f->f.seq, espnic_get32(p + esp + 4));
	assert_int_equal(f->f.len, f->sent_len);
	assert_memory_equal(p, f->sent, esp + 16);
	assert_memory_equal(p + esp + 16, sent->sent + sent->l3 + ip_len, sent->sent_len - sent->l3 - ip_len);
}

static void run_case(struct world *w, const struct rx_case *c, uint8_t v)
{
	static struct frame f, sent;
	struct spec s = c->s;
	uint64_t before = counted(w, c->counter), sum = counters_sum(w);

	s.v = v;
	if (s.word == KNOWN)
		s.word = spi_in(s.net, v);
	print_message("%s, v%u\n", c->name, v);
	frame_make(&f, &s, false);
	sent = f;
	if (c->sa)
		frame_protect(w, &f, c->sa, v);
	if (c->flip)
		f.buf[f.f.off + f.f.len - c->flip] ^= 0x10;
	f.f.len += c->behind;
	memcpy(f.sent, f.buf + f.f.off, f.f.len);
	f.sent_len = f.f.len;
	espnic_steer_rx(&w->thread, &f.f, 1);
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
	case OPENED:
		check_opened(&f, &sent, &s, c->sa);
		break;
	case PLACE:
		check_place(&f, &sent, &s, c->sa);
		break;
	case FAILED:
		assert_int_equal(f.f.flags, ESPNIC_FRAME_IPSEC);
		assert_int_equal(f.f.sa_handle, handle_in(c->sa, v));
		assert_int_equal(f.f.ipsec_status, ESPNIC_IPSEC_STATUS_INTEGRITY);
		assert_int_equal(f.f.len, f.sent_len);
		assert_memory_equal(f.buf + f.f.off, f.sent, f.sent_len);
		break;
	}
}

static void test_table(void **state)
{
	static struct world w;

	(void)state;
	world_init(&w, true, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct rx_case *c = &cases[i];

		if (c->s.v != BOTH) {
			run_case(&w, c, c->s.v);
			continue;
		}
		run_case(&w, c, 4);
		run_case(&w, c, 6);
	}
	world_free(&w);
}

/* Packets one after another; what one gets depends on those before it. */
struct step {
	const char *name;
	struct spec s;
	uint8_t sa;
	uint32_t counter;
	bool reset;
};

#define FIRST(n, i, port) { .v = BOTH, .net = (n), .proto = UDP, .sport = (port), .len = 64, .mf = true, .id = (i) }
#define LATER(n, i) { .v = BOTH, .net = (n), .proto = UDP, .len = 64, .frag = 72, .id = (i) }

#define ESP_FIRST(n, i, spi) { .v = BOTH, .net = (n), .proto = ESP, .len = 64, .mf = true, .id = (i), .word = (spi) }
#define ESP_LATER(n, i) { .v = BOTH, .net = (n), .proto = ESP, .len = 64, .frag = 64, .id = (i) }

static const struct step steps[] = {
	{ "later one alone", LATER(NET_PORTS, 1), 0, C(DROP_FRAGMENT), false },
	{ "first, bypassed", FIRST(NET_PORTS, 1, 53), 0, C(BYPASS), false },
	{ "its later one", LATER(NET_PORTS, 1), 0, C(BYPASS), false },
	{ "the id again, spoofed", FIRST(NET_PORTS, 1, 54), 0, C(DROP_CLEAR), false },
	{ "its later one", LATER(NET_PORTS, 1), 0, C(DROP_CLEAR), false },
	{ "first, bypassed", FIRST(NET_PORTS, 2, 53), 0, C(BYPASS), false },
	{ "later one out of a tunnel is another packet", LATER(NET_PORTS, 2), NET_PORTS, C(DROP_FRAGMENT), false },
	{ "after a reset", LATER(NET_PORTS, 2), 0, C(DROP_FRAGMENT), true },
	{ "tunnel: later one alone", LATER(NET_PORTS_SA, 3), NET_PORTS_SA, C(DROP_FRAGMENT), false },
	{ "tunnel: first that no policy wants", FIRST(NET_PORTS_SA, 3, 54), NET_PORTS_SA, C(DROP_SELECTOR), false },
	{ "tunnel: its later one", LATER(NET_PORTS_SA, 3), NET_PORTS_SA, C(DROP_FRAGMENT), false },
	{ "tunnel: first", FIRST(NET_PORTS_SA, 3, 53), NET_PORTS_SA, C(UNPROTECTED), false },
	{ "tunnel: its later one", LATER(NET_PORTS_SA, 3), NET_PORTS_SA, C(UNPROTECTED), false },
	{ "in clear it is another packet", LATER(NET_PORTS_SA, 3), 0, C(DROP_FRAGMENT), false },
	{ "ESP in UDP, unknown SPI, first", { .v = BOTH, .net = NET_PORTS, .proto = UDP, .dport = 4500, .len = 64, .word = 7, .mf = true, .id = 9 }, 0, C(UNKNOWN_SPI), false },
	{ "its later one", LATER(NET_PORTS, 9), 0, C(UNKNOWN_SPI), false },
	/* Whether or not a policy covers the outer addresses: of ESP, the SPI decides, which the first has. */
	{ "ESP where no policy is: later one alone", ESP_LATER(NET_CRYPTO, 10), 0, C(UNKNOWN_SPI), false },
	{ "ESP where no policy is: first of a known SA", ESP_FIRST(NET_CRYPTO, 10, KNOWN), 0, C(DROP_FRAGMENT), false },
	{ "its later one", ESP_LATER(NET_CRYPTO, 10), 0, C(DROP_FRAGMENT), false },
	{ "ESP where a policy is: later one alone", ESP_LATER(NET_TRANSPORT, 11), 0, C(UNKNOWN_SPI), false },
	{ "ESP where a policy is: first of a known SA", ESP_FIRST(NET_TRANSPORT, 11, KNOWN), 0, C(DROP_FRAGMENT), false },
	{ "its later one", ESP_LATER(NET_TRANSPORT, 11), 0, C(DROP_FRAGMENT), false },
	{ "ESP of software: first", ESP_FIRST(NET_TRANSPORT, 12, 0x9999), 0, C(UNKNOWN_SPI), false },
	{ "its later one", ESP_LATER(NET_TRANSPORT, 12), 0, C(UNKNOWN_SPI), false },
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
			if (s.word == KNOWN)
				s.word = spi_in(s.net, v);
			print_message("%s, v%u\n", steps[i].name, v);
			if (steps[i].reset)
				espnic_steer_thread_reset(&w.thread);
			frame_make(&f, &s, false);
			if (steps[i].sa)
				frame_protect(&w, &f, steps[i].sa, v);
			espnic_steer_rx(&w.thread, &f.f, 1);
			check_counter(&w, steps[i].counter, sum, before);
		}
	}
	world_free(&w);
}

/* The window: a burst with the same packet twice, then one left of the window (64). */
static void test_replay(void **state)
{
	enum { N = 100 };
	static const struct spec s = { .v = 4, .net = NET_TRANSPORT, .proto = TCP, .len = 10 };
	static struct world w;
	static struct frame f[N], again, old;
	struct espnic_frame pair[2];

	(void)state;
	world_init(&w, true, NULL);
	for (int i = 0; i < N; i++) {
		frame_make(&f[i], &s, false);
		frame_protect(&w, &f[i], NET_TRANSPORT, 4);
	}
	frame_from(&again, f[1].sent, f[1].sent_len);
	frame_from(&old, f[2].sent, f[2].sent_len);
	pair[0] = f[1].f;
	pair[1] = again.f;
	espnic_steer_rx(&w.thread, pair, 2);
	assert_int_equal(pair[0].flags & ESPNIC_FRAME_DROP, 0);
	assert_int_equal(pair[0].seq, 2);
	assert_int_equal(pair[1].counter, C(DROP_REPLAY));
	espnic_steer_rx(&w.thread, &f[N - 1].f, 1);
	assert_int_equal(f[N - 1].f.flags & ESPNIC_FRAME_DROP, 0);
	espnic_steer_rx(&w.thread, &old.f, 1);
	assert_int_equal(old.f.counter, C(DROP_TOO_OLD));
	world_free(&w);
}

static void cut_frame(struct world *w, const struct frame *f, uint32_t len, uint32_t want)
{
	uint8_t *buf = malloc(ESPNIC_FRAME_BUF);
	struct espnic_frame cut = { .buf = buf, .off = ESPNIC_FRAME_BUF - len, .len = len };

	memcpy(buf + cut.off, f->sent, len);
	espnic_steer_rx(&w->thread, &cut, 1);
	assert_int_equal(cut.flags, want == C(BYPASS) ? 0 : ESPNIC_FRAME_DROP);
	if (cut.flags)
		assert_int_equal(cut.counter, want);
	free(buf);
}

static void test_truncated(void **state)
{
	static const struct rx_case specs[] = {
		{ "TCP", { .v = 4, .net = NET_TRANSPORT, .proto = TCP, .len = 40 }, 0, 0, 0, 0, 0 },
		{ "UDP, VLAN", { .v = 6, .net = NET_NONE, .vlans = 1, .proto = UDP, .len = 40 }, 0, 0, 0, 0, 0 },
		{ "fragment", { .v = 6, .net = NET_NONE, .vlans = 2, .proto = UDP, .frag = 64, .len = 40 }, 0, 0, 0, 0, 0 },
		{ "transport", { .v = 4, .net = NET_TRANSPORT, .proto = TCP, .len = 40 }, NET_TRANSPORT, 0, 0, 0, 0 },
		{ "transport", { .v = 6, .net = NET_TRANSPORT, .proto = TCP, .len = 40 }, NET_TRANSPORT, 0, 0, 0, 0 },
		{ "tunnel", { .v = 6, .net = NET_TUNNEL, .proto = TCP, .len = 40 }, NET_TUNNEL, 0, 0, 0, 0 },
		{ "UDP encapsulation", { .v = 4, .net = NET_UDP, .proto = TCP, .len = 40 }, NET_UDP, 0, 0, 0, 0 },
		{ "crypto", { .v = 6, .net = NET_CRYPTO, .proto = TCP, .len = 40 }, NET_CRYPTO, 0, 0, 0, 0 },
	};
	static struct world with, without;
	static struct frame f;

	(void)state;
	world_init(&with, true, NULL);
	world_init(&without, false, NULL);
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		frame_make(&f, &specs[i].s, false);
		if (specs[i].sa)
			frame_protect(&with, &f, specs[i].sa, specs[i].s.v);
		for (uint32_t len = 0; len < f.sent_len; len++) {
			bool l2 = len >= f.l3;

			cut_frame(&with, &f, len, l2 ? C(DROP_MALFORMED) : C(DROP_RUNT));
			cut_frame(&without, &f, len, l2 ? C(BYPASS) : C(DROP_RUNT));
		}
	}
	world_free(&with);
	world_free(&without);
}

/* ESP packets whose IP header says a length up to their own: the engine's to judge, never delivered. */
static void test_shortened(void **state)
{
	static const uint8_t nets[] = { NET_TRANSPORT, NET_TUNNEL, NET_UDP };
	static struct world w;
	static struct frame f;

	(void)state;
	world_init(&w, true, NULL);
	for (size_t i = 0; i < sizeof(nets); i++) {
		struct spec s = { .v = 4, .net = nets[i], .proto = TCP, .len = 40 };
		uint32_t full;

		frame_make(&f, &s, false);
		frame_protect(&w, &f, nets[i], 4);
		full = f.sent_len - L2_PLAIN;
		for (uint32_t len = ESPNIC_IPV4_HLEN; len < full; len++) {
			uint8_t *buf = malloc(ESPNIC_FRAME_BUF);
			struct espnic_frame cut = { .buf = buf, .off = ESPNIC_FRAME_BUF - L2_PLAIN - len,
						    .len = L2_PLAIN + len };
			uint8_t *ip = buf + cut.off + L2_PLAIN;

			memcpy(buf + cut.off, f.sent, cut.len);
			espnic_put16(ip + ESPNIC_IPV4_LEN, (uint16_t)len);
			espnic_ipv4_csum(ip);
			espnic_steer_rx(&w.thread, &cut, 1);
			assert_int_equal(cut.flags, ESPNIC_FRAME_DROP);
			assert_true(cut.counter == C(DROP_MALFORMED) || cut.counter == C(DROP_INTEGRITY) ||
				    /* UDP too short for ESP inside is a clear packet of a PROTECT policy. */
				    (nets[i] == NET_UDP && cut.counter == C(DROP_CLEAR)));
			free(buf);
		}
	}
	world_free(&w);
}

static void test_burst(void **state)
{
	enum { N = 200 };
	static const uint8_t nets[] = { NET_TUNNEL, NET_NONE, NET_TRANSPORT, NET_DISCARD, NET_TUNNEL6, NET_UDP, NET_CRYPTO };
	static struct world w;
	struct frame *f = calloc(N, sizeof(*f)), *sent = calloc(N, sizeof(*sent));
	struct espnic_frame *frames = calloc(N, sizeof(*frames));

	(void)state;
	assert_true(f && sent && frames);
	world_init(&w, true, NULL);
	for (unsigned int i = 0; i < N; i++) {
		uint8_t net = nets[i % 7];
		struct spec s = { .v = i % 2 ? 4 : 6, .net = net, .proto = TCP, .len = (uint16_t)(i * 5) };

		frame_make(&f[i], &s, false);
		sent[i] = f[i];
		if (net != NET_NONE && net != NET_DISCARD)
			frame_protect(&w, &f[i], net, s.v);
		frames[i] = f[i].f;
	}
	espnic_steer_rx(&w.thread, frames, N);
	for (unsigned int i = 0; i < N; i++) {
		uint8_t net = nets[i % 7];
		struct spec s = { .v = i % 2 ? 4 : 6, .net = net };

		f[i].f = frames[i];
		if (net == NET_DISCARD)
			assert_int_equal(frames[i].flags, ESPNIC_FRAME_DROP);
		else if (net == NET_NONE)
			assert_memory_equal(f[i].buf + f[i].f.off, f[i].sent, f[i].sent_len);
		else if (net == NET_CRYPTO)
			check_place(&f[i], &sent[i], &s, net);
		else
			check_opened(&f[i], &sent[i], &s, net);
	}
	assert_int_equal(counters_sum(&w), N);
	world_free(&w);
	free(f);
	free(sent);
	free(frames);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_shortened),
		cmocka_unit_test(test_burst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
