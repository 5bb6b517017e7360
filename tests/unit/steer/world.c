// SPDX-License-Identifier: BSD-2-Clause
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "nic/dormant.h"
#include "nic/espudp.h"
#include "nic/ether.h"
#include "nic/peer.h"

enum {
	SA_SLOTS = 4 * NETS,
	POLICIES = 1000,
	GENERATION = 0x00100000,
	SA_MTU = 300,
	TCP_HLEN = 20,
};

static const uint8_t host_mac[6] = { 2, 0, 0, 0, 0, 1 };
static const uint8_t peer_mac[6] = { 2, 0, 0, 0, 0, 2 };
static const uint8_t hop_src[6] = { 2, 0xaa, 0, 0, 0, 1 };
static const uint8_t hop_dst[6] = { 2, 0xaa, 0, 0, 0, 2 };

static uint32_t slot(uint8_t net, uint8_t v, bool in)
{
	return 4u * net + (v == 6 ? 2 : 0) + in;
}

uint32_t handle_out(uint8_t net, uint8_t v)
{
	return GENERATION | slot(net, v, false);
}

uint32_t handle_in(uint8_t net, uint8_t v)
{
	return GENERATION | slot(net, v, true);
}

uint32_t spi_out(uint8_t net, uint8_t v)
{
	return OUTER_SPI + slot(net, v, false);
}

uint32_t spi_in(uint8_t net, uint8_t v)
{
	return INNER_SPI + slot(net, v, true);
}

uint32_t policy_id(uint8_t net, uint8_t v, enum espnic_spd_dir dir)
{
	return 8u * net + (v == 6 ? 4 : 0) + dir;
}

/* Both families of a net have the same tunnel: the reqid tells their SAs apart. */
static uint32_t reqid(uint8_t net, uint8_t v)
{
	return 2u * net + (v == 6);
}

static void host_addr(uint8_t *a, uint8_t v)
{
	memset(a, 0, 16);
	if (v == 4)
		memcpy(a, (uint8_t[]){ 10, 0, 0, 1 }, 4);
	else
		memcpy(a, (uint8_t[16]){ 0xfd, [15] = 1 }, 16);
}

static void peer_addr(uint8_t *a, uint8_t v, uint8_t net)
{
	memset(a, 0, 16);
	if (v == 4)
		memcpy(a, (uint8_t[]){ 10, 0, net, 2 }, 4);
	else
		memcpy(a, (uint8_t[16]){ 0xfd, [7] = net, [15] = 2 }, 16);
}

/*
 * Addresses on the wire of a tunnel of that family. Each net has its own, for its SPIs are looked
 * up with them.
 */
static void outer_addr(uint8_t *a, uint8_t family, uint8_t net, bool host)
{
	memset(a, 0, 16);
	if (family == 4)
		memcpy(a, (uint8_t[]){ 192, 0, net, host ? 1 : 2 }, 4);
	else
		memcpy(a, (uint8_t[16]){ 0x20, 0x01, 0x0d, 0xb8, [7] = net, [15] = host ? 1 : 2 },
		       16);
}

static bool is_tunnel(uint8_t net)
{
	return net == NET_TUNNEL || net == NET_TUNNEL6 || net == NET_PORTS || net == NET_PORTS_SA;
}

static uint8_t outer_family(uint8_t net)
{
	return net == NET_TUNNEL6 ? 6 : 4;
}

static bool has_sa(uint8_t net)
{
	switch (net) {
	case NET_NONE:
	case NET_BYPASS:
	case NET_DISCARD:
	case NET_NO_SA:
	case NET_FWD:
	case NET_FWD_DISCARD:
		return false;
	default:
		return true;
	}
}

static bool is_crypto(uint8_t net)
{
	return net == NET_CRYPTO || net == NET_CRYPTO_UDP;
}

/* The SA of @net for inner family @v from host (@out) or to it. */
static void sa_params(struct espnic_sa_params *p, uint8_t net, uint8_t v, bool out)
{
	espnic_sa_params_init(p);
	p->spi = out ? spi_out(net, v) : spi_in(net, v);
	p->enc = ESPNIC_ENC_AES_GCM;
	p->auth = ESPNIC_AUTH_NONE;
	p->enc_key_len = 16;
	memset(p->enc_key, (int)(p->spi & 0xff), 16);
	p->salt_len = 4;
	p->icv_len = 16;
	if (is_tunnel(net)) {
		p->mode = ESPNIC_MODE_TUNNEL;
		p->tunnel.family = outer_family(net);
		outer_addr(p->tunnel.src, p->tunnel.family, net, out);
		outer_addr(p->tunnel.dst, p->tunnel.family, net, !out);
	}
	if (net == NET_UDP || net == NET_UDP_PORT || net == NET_CRYPTO_UDP) {
		p->udp_encap = true;
		p->udp_sport = net == NET_UDP_PORT ? 10000 : 4500;
		p->udp_dport = p->udp_sport;
	}
}

/* One of the four ends of an SA pair. */
static struct espnic_sa *sa_end(const struct espnic_engine_ops *engine, uint8_t net, uint8_t v,
				bool out, bool sender)
{
	struct espnic_sa_params p;
	struct espnic_sa *sa;
	const char *why;
	bool host = out == sender;

	sa_params(&p, net, v, out);
	/* The peer does not know how the host makes its packets. */
	p.offload = host && is_crypto(net) ? ESPNIC_OFFLOAD_CRYPTO : ESPNIC_OFFLOAD_PACKET;
	p.dir = sender ? ESPNIC_DIR_OUT : ESPNIC_DIR_IN;
	if (!sender)
		p.replay_window = 64;
	/* Limits are of the host's end alone. */
	if (out && sender) {
		if (net == NET_LIFE)
			p.hard_packets = 1;
		if (net == NET_SEQ)
			p.seq = UINT32_MAX;
		if (net == NET_MTU)
			p.mtu = SA_MTU;
	}
	if (net == NET_SELECTOR && host) {
		p.has_sel = true;
		p.sel = (struct espnic_selector){ .proto = ESPNIC_IPPROTO_TCP,
						  .sport_max = ESPNIC_PORT_MAX,
						  .dport_max = ESPNIC_PORT_MAX };
	}
	assert_int_equal(engine->sa_add(&p, &sa, &why), ESPNIC_OK);
	return sa;
}

static void add_sa(struct world *w, uint8_t net, uint8_t v, bool out)
{
	struct espnic_sad_entry e = {
		.handle = out ? handle_out(net, v) : handle_in(net, v),
		.spi = out ? spi_out(net, v) : spi_in(net, v),
		.reqid = reqid(net == NET_OTHER_SA && !out ? NETS : net, v),
		.dir = out ? ESPNIC_DIR_OUT : ESPNIC_DIR_IN,
		.offload = is_crypto(net) ? ESPNIC_OFFLOAD_CRYPTO : ESPNIC_OFFLOAD_PACKET,
		.mode = is_tunnel(net) ? ESPNIC_MODE_TUNNEL : ESPNIC_MODE_TRANSPORT,
		.ip_proto = ESPNIC_IPPROTO_ESP,
		.family = is_tunnel(net) ? outer_family(net) : v,
		.udp_encap = net == NET_UDP || net == NET_UDP_PORT || net == NET_CRYPTO_UDP,
		.has_l2 = net == NET_TUNNEL && out,
	};

	e.udp_sport = e.udp_encap ? (net == NET_UDP_PORT ? 10000 : 4500) : 0;
	e.udp_dport = e.udp_sport;
	memcpy(e.dst_mac, hop_dst, 6);
	memcpy(e.src_mac, hop_src, 6);
	if (is_tunnel(net)) {
		outer_addr(e.saddr, e.family, net, out);
		outer_addr(e.daddr, e.family, net, !out);
	} else if (out) {
		host_addr(e.saddr, v);
		peer_addr(e.daddr, v, net);
	} else {
		peer_addr(e.saddr, v, net);
		host_addr(e.daddr, v);
	}
	e.sa = sa_end(w->engine, net, v, out, out);
	assert_int_equal(espnic_sad_insert(w->steer.sad, &e, NULL), 0);
}

static void add_policy(struct world *w, uint8_t net, uint8_t v, enum espnic_spd_dir dir,
		       enum espnic_spd_action action, uint16_t udp_port)
{
	bool out = dir == ESPNIC_SPD_OUT;
	struct espnic_spd_policy p = {
		/* The narrow one comes first, with ids of its own. */
		.id = policy_id(net, v, dir) + (udp_port ? POLICIES / 2 : 0),
		.priority = udp_port ? 10 : 20,
		.dir = (uint8_t)dir,
		.action = (uint8_t)action,
		.discard = net == NET_DELETED,
		.sel = { .family = v, .sport_max = ESPNIC_PORT_MAX, .dport_max = ESPNIC_PORT_MAX },
		.tmpl = { .mode = is_tunnel(net) ? ESPNIC_MODE_TUNNEL : ESPNIC_MODE_TRANSPORT,
			  .ip_proto = ESPNIC_IPPROTO_ESP, .reqid = reqid(net, v) },
	};
	struct espnic_selector *s = &p.sel;

	if (udp_port) {
		s->proto = ESPNIC_IPPROTO_UDP;
		*(out ? &s->dport_min : &s->sport_min) = udp_port;
		*(out ? &s->dport_max : &s->sport_max) = udp_port;
	}
	host_addr(out ? s->src : s->dst, v);
	peer_addr(out ? s->dst : s->src, v, net);
	s->src_prefix = v == 4 ? 32 : 128;
	s->dst_prefix = s->src_prefix;
	if (is_tunnel(net)) {
		p.tmpl.family = outer_family(net);
		outer_addr(p.tmpl.saddr, p.tmpl.family, net, out);
		outer_addr(p.tmpl.daddr, p.tmpl.family, net, !out);
	}
	assert_int_equal(espnic_spd_insert(w->steer.spd, &p), 0);
}

static void add_policies(struct world *w, uint8_t net, uint8_t v)
{
	enum espnic_spd_action action = ESPNIC_SPD_PROTECT;

	switch (net) {
	case NET_NONE:
		return;
	case NET_FWD_DISCARD:
		add_policy(w, net, v, ESPNIC_SPD_FWD, ESPNIC_SPD_DISCARD, 0);
		return;
	case NET_FWD:
		add_policy(w, net, v, ESPNIC_SPD_FWD, ESPNIC_SPD_PROTECT, 0);
		add_policy(w, net, v, ESPNIC_SPD_IN, ESPNIC_SPD_BYPASS, 0);
		return;
	case NET_PORTS:
		add_policy(w, net, v, ESPNIC_SPD_OUT, ESPNIC_SPD_BYPASS, 53);
		add_policy(w, net, v, ESPNIC_SPD_IN, ESPNIC_SPD_BYPASS, 53);
		break;
	case NET_PORTS_SA:
		add_policy(w, net, v, ESPNIC_SPD_OUT, ESPNIC_SPD_PROTECT, 53);
		add_policy(w, net, v, ESPNIC_SPD_IN, ESPNIC_SPD_PROTECT, 53);
		action = ESPNIC_SPD_DISCARD;
		break;
	case NET_DISCARD:
		action = ESPNIC_SPD_DISCARD;
		break;
	case NET_BYPASS:
	case NET_CRYPTO:
	case NET_CRYPTO_UDP:
		action = ESPNIC_SPD_BYPASS;
		break;
	default:
		break;
	}
	add_policy(w, net, v, ESPNIC_SPD_OUT, action, 0);
	add_policy(w, net, v, ESPNIC_SPD_IN, action, 0);
}

static void on_sa_event(void *ctx, uint32_t handle)
{
	struct world *w = ctx;

	w->last_sa_event = handle;
	w->sa_events++;
}

static void on_policy_event(void *ctx, uint32_t id)
{
	struct world *w = ctx;

	w->last_policy_event = id;
	w->policy_events++;
}

void world_init(struct world *w, bool nets, struct espnic_pcap *pcap)
{
	const char *why;

	memset(w, 0, sizeof(*w));
	w->engine = espnic_engine_get("ref", &why);
	assert_non_null(w->engine);
	w->peer_thread = w->engine->thread_new();
	assert_non_null(w->peer_thread);
	w->steer.engine = w->engine;
	pthread_rwlock_init(&w->steer.lock, NULL);
	w->steer.sad = espnic_sad_new(SA_SLOTS);
	w->steer.dormant = espnic_dormant_new(SA_SLOTS);
	w->steer.espudp = espnic_espudp_new();
	w->steer.peers = espnic_peers_new(SA_SLOTS);
	w->steer.spd = espnic_spd_new(POLICIES);
	assert_non_null(w->steer.sad);
	assert_non_null(w->steer.dormant);
	assert_non_null(w->steer.espudp);
	assert_non_null(w->steer.peers);
	assert_non_null(w->steer.spd);
	w->steer.pcap = pcap;
	w->steer.sa_event = on_sa_event;
	w->steer.policy_event = on_policy_event;
	w->steer.event_ctx = w;
	assert_int_equal(espnic_steer_thread_init(&w->thread, &w->steer, &w->counters), 0);
	for (uint8_t net = 1; nets && net < NETS; net++) {
		for (uint8_t v = 4; v <= 6; v += 2) {
			add_policies(w, net, v);
			if (!has_sa(net))
				continue;
			add_sa(w, net, v, true);
			add_sa(w, net, v, false);
			w->peer_in[net][v == 6] = sa_end(w->engine, net, v, true, false);
			w->peer_out[net][v == 6] = sa_end(w->engine, net, v, false, true);
		}
	}
}

void world_free(struct world *w)
{
	struct espnic_sad_entry *e = NULL;

	while ((e = espnic_dormant_any(w->steer.dormant))) {
		w->engine->sa_del(e->sa);
		espnic_dormant_remove(w->steer.dormant, e->handle);
	}
	while ((e = espnic_sad_next(w->steer.sad, e)))
		w->engine->sa_del(e->sa);
	for (int net = 0; net < NETS; net++) {
		for (int i = 0; i < 2; i++) {
			w->engine->sa_del(w->peer_in[net][i]);
			w->engine->sa_del(w->peer_out[net][i]);
		}
	}
	espnic_steer_thread_free(&w->thread);
	espnic_dormant_free(w->steer.dormant);
	espnic_espudp_free(w->steer.espudp);
	espnic_peers_free(w->steer.peers);
	espnic_sad_free(w->steer.sad);
	espnic_spd_free(w->steer.spd);
	w->engine->thread_free(w->peer_thread);
	pthread_rwlock_destroy(&w->steer.lock);
}

/* Writes the IP header of @s with @payload bytes behind it; returns its length. */
static uint32_t put_ip(uint8_t *p, const struct spec *s, uint32_t payload, bool from_host)
{
	bool fragment = s->frag || s->mf;
	uint8_t src[16], dst[16];
	uint32_t len;

	host_addr(from_host ? src : dst, s->v);
	peer_addr(from_host ? dst : src, s->v, s->net);
	if (s->v == 4) {
		memset(p, 0, ESPNIC_IPV4_HLEN);
		p[0] = 0x45;
		espnic_put16(p + ESPNIC_IPV4_LEN, (uint16_t)(ESPNIC_IPV4_HLEN + payload));
		espnic_put16(p + ESPNIC_IPV4_ID, s->id);
		espnic_put16(p + ESPNIC_IPV4_FRAG,
			     (uint16_t)((s->mf ? ESPNIC_IPV4_MF : 0) | s->frag / 8));
		p[ESPNIC_IPV4_TTL] = 64;
		p[ESPNIC_IPV4_PROTO] = s->proto;
		memcpy(p + ESPNIC_IPV4_SRC, src, 4);
		memcpy(p + ESPNIC_IPV4_DST, dst, 4);
		espnic_ipv4_csum(p);
		return ESPNIC_IPV4_HLEN;
	}
	len = ESPNIC_IPV6_HLEN + (fragment ? 8 : 0);
	memset(p, 0, len);
	p[0] = 0x60;
	espnic_put16(p + ESPNIC_IPV6_LEN, (uint16_t)(len - ESPNIC_IPV6_HLEN + payload));
	p[ESPNIC_IPV6_NEXT] = fragment ? ESPNIC_IPPROTO_FRAGMENT : s->proto;
	p[ESPNIC_IPV6_HOPS] = 64;
	memcpy(p + ESPNIC_IPV6_SRC, src, 16);
	memcpy(p + ESPNIC_IPV6_DST, dst, 16);
	if (fragment) {
		p[ESPNIC_IPV6_HLEN] = s->proto;
		espnic_put16(p + ESPNIC_IPV6_HLEN + 2,
			     (uint16_t)(s->frag | (s->mf ? ESPNIC_IPV6_MF : 0)));
		espnic_put32(p + ESPNIC_IPV6_HLEN + 4, s->id);
	}
	return len;
}

/* Writes transport header and payload; returns their length. */
static uint32_t put_upper(uint8_t *p, const struct spec *s)
{
	uint32_t head = 0;

	if (!s->frag && s->proto == ESPNIC_IPPROTO_UDP)
		head = ESPNIC_UDP_HLEN;
	else if (!s->frag && s->proto == ESPNIC_IPPROTO_TCP)
		head = TCP_HLEN;
	if (head) {
		memset(p, 0, head);
		espnic_put16(p, s->sport);
		espnic_put16(p + 2, s->dport);
		if (head == ESPNIC_UDP_HLEN)
			espnic_put16(p + 4, (uint16_t)(head + s->len));
		else
			p[12] = TCP_HLEN / 4 << 4;
	}
	for (uint32_t i = 0; i < s->len; i++)
		p[head + i] = (uint8_t)(i * 7 + 1);
	if (s->len >= 4)
		espnic_put32(p + head, s->word);
	else if (s->len)
		p[head] = (uint8_t)s->word;
	return head + s->len;
}

void frame_from(struct frame *f, const uint8_t *p, uint32_t len)
{
	memset(f->buf, 0xa5, sizeof(f->buf));
	memcpy(f->buf + ESPNIC_FRAME_HEADROOM, p, len);
	memcpy(f->sent, p, len);
	f->sent_len = len;
	f->f = (struct espnic_frame){ .buf = f->buf, .off = ESPNIC_FRAME_HEADROOM, .len = len };
}

void frame_make(struct frame *f, const struct spec *s, bool from_host)
{
	static uint8_t p[ESPNIC_FRAME_BUF], upper[ESPNIC_FRAME_BUF];
	uint32_t off = 12, len;

	memcpy(p, from_host ? peer_mac : host_mac, 6);
	memcpy(p + 6, from_host ? host_mac : peer_mac, 6);
	for (int i = 0; i < s->vlans; i++) {
		espnic_put16(p + off,
			     i + 1 < s->vlans ? ESPNIC_ETHERTYPE_QINQ : ESPNIC_ETHERTYPE_VLAN);
		espnic_put16(p + off + 2, (uint16_t)(100 + i));
		off += 4;
	}
	espnic_put16(p + off, s->v == 4   ? ESPNIC_ETHERTYPE_IPV4
			      : s->v == 6 ? ESPNIC_ETHERTYPE_IPV6
					  : 0x0806);
	off += 2;
	f->l3 = off;
	len = put_upper(upper, s);
	if (s->v)
		off += put_ip(p + off, s, len, from_host);
	memcpy(p + off, upper, len);
	memset(p + off + len, 0, s->trailing);
	frame_from(f, p, off + len + s->trailing);
	f->l3 = L2_PLAIN + 4u * s->vlans;
}

void frame_protect(struct world *w, struct frame *f, uint8_t net, uint8_t v)
{
	static uint8_t p[ESPNIC_FRAME_BUF];
	struct espnic_pkt pkt = {
		.data = p + ESPNIC_FRAME_HEADROOM,
		.len = f->f.len - f->l3,
		.headroom = ESPNIC_FRAME_HEADROOM,
		.tailroom = sizeof(p) - ESPNIC_FRAME_HEADROOM - (f->f.len - f->l3),
		.sa = w->peer_out[net][v == 6],
	};
	uint8_t l2[22];

	memcpy(l2, f->sent, f->l3);
	memcpy(pkt.data, f->sent + f->l3, pkt.len);
	w->engine->protect(w->peer_thread, &pkt, 1);
	assert_int_equal(pkt.verdict, ESPNIC_OK);
	memcpy(pkt.data - f->l3, l2, f->l3);
	espnic_put16(pkt.data - 2,
		     pkt.data[0] >> 4 == 4 ? ESPNIC_ETHERTYPE_IPV4 : ESPNIC_ETHERTYPE_IPV6);
	frame_from(f, pkt.data - f->l3, pkt.len + f->l3);
}

void frame_host_esp(struct frame *f, uint8_t net, uint8_t v, uint32_t seq)
{
	enum { IV_LEN = 8, ICV_LEN = 16, TRAILER = 2 };
	bool udp = net == NET_CRYPTO_UDP;
	uint32_t ip_len = v == 4 ? ESPNIC_IPV4_HLEN : ESPNIC_IPV6_HLEN;
	uint32_t clear_len = f->sent_len - f->l3 - ip_len;
	uint8_t clear[2048], *p = f->sent, *ip = p + f->l3, *esp = ip + ip_len;
	uint8_t proto = ip[v == 4 ? ESPNIC_IPV4_PROTO : ESPNIC_IPV6_NEXT];
	uint32_t pad, len;

	assert_true(clear_len <= sizeof(clear));
	memcpy(clear, esp, clear_len);
	pad = -(clear_len + TRAILER) % 4;
	len = ESPNIC_ESP_HLEN + IV_LEN + clear_len + pad + TRAILER + ICV_LEN;
	if (udp) {
		espnic_put16(esp, 4500);
		espnic_put16(esp + 2, 4500);
		espnic_put16(esp + 4, (uint16_t)(ESPNIC_UDP_HLEN + len));
		espnic_put16(esp + 6, 0);
		esp += ESPNIC_UDP_HLEN;
	}
	f->f.esp_offset = (uint32_t)(esp - p);
	espnic_put32(esp, spi_out(net, v));
	espnic_put32(esp + 4, seq);
	espnic_put64(esp + 8, seq);
	memcpy(esp + 16, clear, clear_len);
	for (uint32_t i = 0; i < pad; i++)
		esp[16 + clear_len + i] = (uint8_t)(i + 1);
	esp[16 + clear_len + pad] = (uint8_t)pad;
	esp[16 + clear_len + pad + 1] = proto;
	memset(esp + len - ICV_LEN, 0, ICV_LEN);
	ip[v == 4 ? ESPNIC_IPV4_PROTO : ESPNIC_IPV6_NEXT] =
		udp ? ESPNIC_IPPROTO_UDP : ESPNIC_IPPROTO_ESP;
	len += (uint32_t)(esp - ip);
	if (v == 4) {
		espnic_put16(ip + ESPNIC_IPV4_LEN, (uint16_t)len);
		espnic_ipv4_csum(ip);
	} else {
		espnic_put16(ip + ESPNIC_IPV6_LEN, (uint16_t)(len - ESPNIC_IPV6_HLEN));
	}
	f->sent_len = f->l3 + len;
	memcpy(f->buf + ESPNIC_FRAME_HEADROOM, f->sent, f->sent_len);
	f->f.len = f->sent_len;
	f->f.flags = ESPNIC_FRAME_CRYPTO;
	f->f.sa_handle = handle_out(net, v);
}

void frame_open(struct world *w, struct frame *f, uint8_t net, uint8_t v, const struct frame *want)
{
	static uint8_t p[ESPNIC_FRAME_BUF];
	uint32_t ip_len =
		espnic_get16(want->sent + want->l3 + (v == 4 ? ESPNIC_IPV4_LEN : ESPNIC_IPV6_LEN)) +
		(v == 4 ? 0 : ESPNIC_IPV6_HLEN);
	struct espnic_pkt pkt = {
		.data = p,
		.len = f->f.len - f->l3,
		.sa = w->peer_in[net][v == 6],
	};

	memcpy(p, f->buf + f->f.off + f->l3, pkt.len);
	w->engine->unprotect(w->peer_thread, &pkt, 1);
	assert_string_equal(espnic_verdict_name(pkt.verdict), "ok");
	assert_int_equal(pkt.len, ip_len);
	assert_memory_equal(pkt.data, want->sent + want->l3, ip_len);
}

uint64_t counters_sum(const struct world *w)
{
	uint64_t sum = 0;

	for (int i = 0; i < ESPNIC_COUNTER_COUNT; i++)
		sum += atomic_load(&w->counters.v[i]);
	return sum;
}
