// SPDX-License-Identifier: BSD-2-Clause
/*
 * Steering under arbitrary frames, in both directions, with SAs and policies in
 * place. An input is a series of frames: one byte of how, two of length, the bytes.
 *
 * What must hold whatever comes:
 * - to the wire, no packet leaves in clear that a PROTECT or DISCARD policy surely covers;
 * - from the wire, none is delivered in clear that one covers, and nothing
 *   is delivered as decapsulated that its policy did not want from its SA;
 * - a frame that is not the engine's is delivered as it came, or not at all;
 * - each IP frame is counted exactly once, and a dropped one has its reason.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/ip.h"
#include "engine/sad.h"
#include "engine/spd.h"
#include "nic/frame.h"
#include "nic/dormant.h"
#include "nic/espudp.h"
#include "nic/peer.h"
#include "nic/steer.h"
#include "suites.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(cond) do {							\
	if (!(cond)) {								\
		fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);	\
		abort();							\
	}									\
} while (0)

enum net { TRANSPORT, TUNNEL, PORTS, UDP_ENCAP, CRYPTO, NETS };

enum how {
	HOW_OUT,		/* from the host */
	HOW_IN,			/* from the wire */
	/* from the wire: the bytes are the inner packet, protected by the peer */
	HOW_SEALED,
	HOW_CRYPTO,		/* from the host, for crypto offload */
	HOW_MASK = 3,
	/* the bytes are an IP packet: EtherType and addresses are made to fit */
	HOW_ADDRESSES = 4,
	/* sealed: the last byte is changed; from the host: it counts on protection */
	HOW_SPOIL = 8,
	HOW_PROTECT = HOW_SPOIL,
	HOW_NET_SHIFT = 4,	/* the rest of the byte: which net */
};

enum { FRAMES_MAX = 16, SPI = 0x1000, HANDLE = 0x00100000, POLICIES = 64, DNS = 53 };

/* Of suites[]: all ways in which the engine makes an IV, pads to a block, and authenticates; crypto offload has AEADs. */
static const uint8_t suite_of[NETS] = {
	[TRANSPORT] = 0,	/* AES-GCM */
	[TUNNEL] = 4,		/* AES-CBC, HMAC-SHA2-256 */
	[PORTS] = 3,		/* ChaCha20-Poly1305 */
	[UDP_ENCAP] = 5,	/* AES-CTR, AES-XCBC */
	[CRYPTO] = 2,		/* AES-CCM */
};

static const struct espnic_engine_ops *engine;
static struct espnic_engine_thread *peer_thread;
static struct espnic_sa *peer[NETS];
static struct espnic_steer steer;
static struct espnic_steer_thread thread;
static struct espnic_counters counters;
/*
 * A first fragment of host-made ESP has passed: the later ones, which look like any UDP, may as
 * well.
 */
static bool host_esp_fragment;

static void host_addr(uint8_t a[16])
{
	memcpy(a, (uint8_t[16]){ 10, 0, 0, 1 }, 16);
}

static void net_addr(uint8_t a[16], int net)
{
	memcpy(a, (uint8_t[16]){ 10, 0, (uint8_t)(net + 1), 2 }, 16);
}

static void outer_addr(uint8_t a[16], bool host)
{
	memcpy(a, (uint8_t[16]){ 192, 0, 2, host ? 1 : 2 }, 16);
}

static bool is_tunnel(int net)
{
	return net == TUNNEL || net == PORTS;
}

static struct espnic_sa *new_sa(int net, bool out, bool crypto, bool sender)
{
	struct espnic_sa_params p;
	struct espnic_sa *sa;

	espnic_sa_params_init(&p);
	p.spi = (uint32_t)(SPI + 2 * net + out);
	p.dir = sender ? ESPNIC_DIR_OUT : ESPNIC_DIR_IN;
	p.offload = crypto ? ESPNIC_OFFLOAD_CRYPTO : ESPNIC_OFFLOAD_PACKET;
	suite_params(&suites[suite_of[net]], &p);
	if (is_tunnel(net)) {
		p.mode = ESPNIC_MODE_TUNNEL;
		p.tunnel.family = ESPNIC_IPV4;
		outer_addr(p.tunnel.src, out);
		outer_addr(p.tunnel.dst, !out);
	}
	p.udp_encap = net == UDP_ENCAP;
	p.udp_sport = p.udp_dport = 4500;
	CHECK(engine->sa_add(&p, &sa, NULL) == ESPNIC_OK);
	return sa;
}

static void add_sa(int net, bool out)
{
	struct espnic_sad_entry e = {
		.handle = (uint32_t)(HANDLE + 2 * net + out + 1),
		.spi = (uint32_t)(SPI + 2 * net + out),
		.reqid = (uint32_t)net + 1,
		.dir = out ? ESPNIC_DIR_OUT : ESPNIC_DIR_IN,
		.offload = net == CRYPTO ? ESPNIC_OFFLOAD_CRYPTO : ESPNIC_OFFLOAD_PACKET,
		.mode = is_tunnel(net) ? ESPNIC_MODE_TUNNEL : ESPNIC_MODE_TRANSPORT,
		.ip_proto = ESPNIC_IPPROTO_ESP,
		.family = ESPNIC_IPV4,
		.udp_encap = net == UDP_ENCAP,
		.udp_sport = 4500,
		.udp_dport = 4500,
		.sa = new_sa(net, out, net == CRYPTO, out),
	};

	if (is_tunnel(net)) {
		outer_addr(e.saddr, out);
		outer_addr(e.daddr, !out);
	} else {
		host_addr(out ? e.saddr : e.daddr);
		net_addr(out ? e.daddr : e.saddr, net);
	}
	CHECK(espnic_sad_insert(steer.sad, &e, NULL) == 0);
}

static void add_policy(uint32_t id, int net, enum espnic_spd_dir dir, enum espnic_spd_action action,
		       uint16_t port)
{
	bool out = dir == ESPNIC_SPD_OUT;
	struct espnic_spd_policy p = {
		.id = id,
		.priority = port ? 1 : 2,
		.dir = (uint8_t)dir,
		.action = (uint8_t)action,
		.sel = { .family = ESPNIC_IPV4,
			 .src_prefix = out ? 0 : 24,
			 .dst_prefix = out ? 24 : 0,
			 .sport_max = ESPNIC_PORT_MAX,
			 .dport_max = ESPNIC_PORT_MAX },
		.tmpl = { .mode = is_tunnel(net) ? ESPNIC_MODE_TUNNEL : ESPNIC_MODE_TRANSPORT,
			  .ip_proto = ESPNIC_IPPROTO_ESP,
			  .family = ESPNIC_IPV4,
			  .reqid = (uint32_t)net + 1 },
	};

	net_addr(out ? p.sel.dst : p.sel.src, net);
	if (port) {
		p.sel.proto = ESPNIC_IPPROTO_UDP;
		*(out ? &p.sel.dport_min : &p.sel.sport_min) = port;
		*(out ? &p.sel.dport_max : &p.sel.sport_max) = port;
	}
	if (is_tunnel(net)) {
		outer_addr(p.tmpl.saddr, out);
		outer_addr(p.tmpl.daddr, !out);
	}
	CHECK(espnic_spd_insert(steer.spd, &p) == 0);
}

static void on_event(void *ctx, uint32_t what)
{
	(void)ctx;
	(void)what;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	uint32_t id = 1;
	const char *why;

	(void)argc;
	(void)argv;
	engine = espnic_engine_get("ref", &why);
	CHECK(engine);
	peer_thread = engine->thread_new();
	steer.engine = engine;
	steer.sad = espnic_sad_new(2 * NETS + 1);
	steer.dormant = espnic_dormant_new(2 * NETS + 1);
	steer.espudp = espnic_espudp_new();
	steer.peers = espnic_peers_new(2 * NETS + 1);
	steer.spd = espnic_spd_new(POLICIES);
	steer.sa_event = on_event;
	steer.policy_event = on_event;
	CHECK(peer_thread && steer.sad && steer.dormant && steer.espudp && steer.peers && steer.spd);
	CHECK(espnic_steer_thread_init(&thread, &steer, &counters) == 0);
	for (int net = 0; net < NETS; net++) {
		add_sa(net, true);
		add_sa(net, false);
		peer[net] = new_sa(net, false, false, true);
		if (net == CRYPTO)
			continue;
		if (net == PORTS) {
			add_policy(id++, net, ESPNIC_SPD_OUT, ESPNIC_SPD_BYPASS, DNS);
			add_policy(id++, net, ESPNIC_SPD_IN, ESPNIC_SPD_BYPASS, DNS);
		}
		add_policy(id++, net, ESPNIC_SPD_OUT, ESPNIC_SPD_PROTECT, 0);
		add_policy(id++, net, ESPNIC_SPD_IN, ESPNIC_SPD_PROTECT, 0);
	}
	add_policy(id++, NETS, ESPNIC_SPD_OUT, ESPNIC_SPD_DISCARD, 0);
	add_policy(id++, NETS, ESPNIC_SPD_IN, ESPNIC_SPD_DISCARD, 0);
	return 0;
}

/* Reads the IP packet of the frame. False: it is not IP, or none that can be read. */
static bool read_flow(const struct espnic_frame *f, struct espnic_flow *flow, const uint8_t **ip)
{
	uint32_t l3;

	if (espnic_frame_l3(f->buf + f->off, f->len, &l3) != ESPNIC_L3_IP)
		return false;
	*ip = f->buf + f->off + l3;
	return espnic_flow_parse(*ip, f->len - l3, flow);
}

/* Written apart from steering on purpose: may a packet that looks like this pass as ESP? */
static bool looks_protected(const struct espnic_flow *flow, const uint8_t *ip, bool out)
{
	const uint8_t *udp = ip + flow->upper_off;

	if (flow->proto == ESPNIC_IPPROTO_ESP || flow->proto == ESPNIC_IPPROTO_AH)
		return true;
	if (flow->flags & ESPNIC_FLOW_NONFIRST)
		return host_esp_fragment;
	if (flow->proto != ESPNIC_IPPROTO_UDP || !(flow->flags & ESPNIC_FLOW_PORTS))
		return false;
	if (flow->dport != 4500 && !(out && flow->sport == 4500))
		return false;
	if (flow->ip_len - flow->upper_off >= 16)
		return espnic_get32(udp + 8) != 0;
	return !out && flow->ip_len - flow->upper_off == 9 && udp[8] == 0xff;
}

static bool surely_covered(enum espnic_spd_dir dir, const struct espnic_flow *flow)
{
	struct espnic_spd_policy *p;

	return espnic_spd_lookup(steer.spd, dir, flow, &p) == ESPNIC_SPD_MATCH &&
	       espnic_spd_action(p) != ESPNIC_SPD_BYPASS;
}

static uint64_t sum(void)
{
	uint64_t s = 0;

	for (int i = 0; i < ESPNIC_COUNTER_COUNT; i++)
		s += atomic_load(&counters.v[i]);
	return s;
}

static uint64_t count_of(enum espnic_counter c)
{
	return atomic_load(&counters.v[c]);
}

static void check_counted(const struct espnic_frame *f, uint64_t before, enum espnic_l3_kind kind)
{
	uint64_t counted = sum() - before;

	CHECK(f->off <= ESPNIC_FRAME_BUF && f->len <= ESPNIC_FRAME_BUF - f->off);
	CHECK(counted == 1 ||
	      (counted == 0 && kind == ESPNIC_L3_OTHER && !(f->flags & ESPNIC_FRAME_DROP)));
	if (f->flags & ESPNIC_FRAME_DROP)
		CHECK(f->counter < ESPNIC_COUNTER_COUNT && count_of(f->counter) > 0);
}

static void run_out(struct espnic_frame *f)
{
	uint64_t before = sum(), host_esp = count_of(ESPNIC_COUNTER_TX_HOST_ESP);
	struct espnic_flow flow;
	const uint8_t *ip;
	uint32_t l3;
	enum espnic_l3_kind kind = espnic_frame_l3(f->buf + f->off, f->len, &l3);
	bool protect = f->flags & ESPNIC_FRAME_PROTECT;
	uint64_t protected = count_of(ESPNIC_COUNTER_TX_PROTECTED);

	espnic_steer_tx(&thread, f, 1);
	check_counted(f, before, kind);
	if (f->flags & ESPNIC_FRAME_DROP)
		return;
	CHECK(!protect || count_of(ESPNIC_COUNTER_TX_PROTECTED) == protected + 1);
	if (!read_flow(f, &flow, &ip))
		return;
	CHECK(!surely_covered(ESPNIC_SPD_OUT, &flow) || looks_protected(&flow, ip, true));
	if (count_of(ESPNIC_COUNTER_TX_HOST_ESP) > host_esp && flow.flags & ESPNIC_FLOW_FRAGMENT)
		host_esp_fragment = true;
}

static void run_in(struct espnic_frame *f)
{
	static uint8_t came[ESPNIC_FRAME_BUF];
	uint64_t before = sum();
	struct espnic_spd_policy *p;
	struct espnic_sad_entry *e;
	struct espnic_flow flow;
	uint32_t len = f->len, l3;
	const uint8_t *ip;
	enum espnic_l3_kind kind = espnic_frame_l3(f->buf + f->off, f->len, &l3);

	memcpy(came, f->buf + f->off, len);
	espnic_steer_rx(&thread, f, 1);
	check_counted(f, before, kind);
	if (f->flags & ESPNIC_FRAME_DROP)
		return;
	if (!(f->flags & ESPNIC_FRAME_IPSEC) || f->ipsec_status != ESPNIC_IPSEC_STATUS_OK) {
		CHECK(f->len == len && !memcmp(came, f->buf + f->off, len));
		if (read_flow(f, &flow, &ip) && !(f->flags & ESPNIC_FRAME_IPSEC))
			CHECK(!surely_covered(ESPNIC_SPD_IN, &flow) ||
			      looks_protected(&flow, ip, false));
		return;
	}
	e = espnic_sad_by_handle(steer.sad, f->sa_handle);
	CHECK(e && e->dir == ESPNIC_DIR_IN);
	if (f->flags & ESPNIC_FRAME_DECAP) {
		CHECK(e->offload == ESPNIC_OFFLOAD_PACKET && read_flow(f, &flow, &ip));
		CHECK(espnic_spd_check_inbound(steer.spd, &flow, e, &p) != ESPNIC_SPD_NONE);
	}
}

/* Makes the IP packet at @ip one of @net. */
static void fit(uint8_t *ip, uint32_t len, int net, bool out)
{
	uint8_t host[16], other[16];

	if (len < ESPNIC_IPV4_HLEN || ip[0] >> 4 != ESPNIC_IPV4)
		return;
	host_addr(host);
	net_addr(other, net);
	memcpy(ip + ESPNIC_IPV4_SRC, out ? host : other, 4);
	memcpy(ip + ESPNIC_IPV4_DST, out ? other : host, 4);
	if (espnic_get16(ip + ESPNIC_IPV4_LEN) > len)
		espnic_put16(ip + ESPNIC_IPV4_LEN, (uint16_t)len);
}

/* The IP packet in @f through the peer's SA. False: the peer's engine does not want it. */
static bool seal(struct espnic_frame *f, int net, bool spoil)
{
	struct espnic_pkt pkt = {
		.data = f->buf + f->off + ESPNIC_ETHER_HLEN,
		.len = f->len - ESPNIC_ETHER_HLEN,
		.headroom = f->off,
		.tailroom = ESPNIC_FRAME_BUF - f->off - f->len,
		.sa = peer[net],
	};
	uint8_t l2[ESPNIC_ETHER_HLEN];

	memcpy(l2, f->buf + f->off, sizeof(l2));
	engine->protect(peer_thread, &pkt, 1);
	if (pkt.verdict != ESPNIC_OK)
		return false;
	espnic_frame_put_l2(pkt.data, l2, sizeof(l2));
	pkt.data[pkt.len - 1] ^= spoil;
	/* As the NIC would have received it: with all its headroom. */
	f->len = pkt.len + ESPNIC_ETHER_HLEN;
	f->off = ESPNIC_FRAME_HEADROOM;
	memmove(f->buf + f->off, pkt.data - ESPNIC_ETHER_HLEN, f->len);
	return true;
}

static void run_frame(uint8_t how, const uint8_t *data, uint32_t len)
{
	static uint8_t buf[ESPNIC_FRAME_BUF];
	struct espnic_frame f = { .buf = buf, .off = ESPNIC_FRAME_HEADROOM, .len = len };
	int net = (how >> HOW_NET_SHIFT) % (NETS + 2);
	bool out = (how & HOW_MASK) == HOW_OUT || (how & HOW_MASK) == HOW_CRYPTO;

	if (how & HOW_ADDRESSES || (how & HOW_MASK) == HOW_SEALED) {
		if (len + ESPNIC_ETHER_HLEN > ESPNIC_MAX_FRAME || !len)
			return;
		memset(buf + f.off, 2, ESPNIC_ETHER_HLEN);
		memcpy(buf + f.off + ESPNIC_ETHER_HLEN, data, len);
		fit(buf + f.off + ESPNIC_ETHER_HLEN, len, net, out);
		espnic_frame_put_l2(buf + f.off + ESPNIC_ETHER_HLEN, buf + f.off,
				    ESPNIC_ETHER_HLEN);
		f.len += ESPNIC_ETHER_HLEN;
	} else {
		memcpy(buf + f.off, data, len);
	}
	switch (how & HOW_MASK) {
	case HOW_SEALED:
		if (net < NETS && seal(&f, net, how & HOW_SPOIL))
			run_in(&f);
		break;
	case HOW_IN:
		run_in(&f);
		break;
	case HOW_CRYPTO:
		f.flags = ESPNIC_FRAME_CRYPTO;
		f.sa_handle = (uint32_t)(HANDLE + 2 * net + 1 + 1);
		f.esp_offset = len > 1 ? data[len - 1] : 0;
		run_out(&f);
		break;
	default:
		if (how & HOW_PROTECT)
			f.flags = ESPNIC_FRAME_PROTECT;
		run_out(&f);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	host_esp_fragment = false;
	espnic_steer_thread_reset(&thread);
	for (int i = 0; i < FRAMES_MAX && size >= 3; i++) {
		uint8_t how = data[0];
		uint32_t len = espnic_get16(data + 1);

		data += 3;
		size -= 3;
		if (len > size)
			len = (uint32_t)size;
		if (len > ESPNIC_MAX_FRAME)
			len = ESPNIC_MAX_FRAME;
		run_frame(how, data, len);
		data += len;
		size -= len;
	}
	return 0;
}
