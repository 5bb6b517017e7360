/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host with policies and SAs of every kind, and its peer, for steering tests.
 *
 * A packet belongs to a net, and the net says what the tables hold for it: between
 * 10.0.0.1 and 10.0.NET.2, or fd00::1 and fd00:0:0:NET::2, host first.
 */
#ifndef ESPNIC_TESTS_STEER_WORLD_H
#define ESPNIC_TESTS_STEER_WORLD_H

#include "engine/ip.h"
#include "engine/sad.h"
#include "engine/spd.h"
#include "nic/pcap.h"
#include "nic/steer.h"

enum net {
	NET_NONE = 1,		/* no policy */
	NET_BYPASS,
	NET_DISCARD,
	NET_TRANSPORT,		/* PROTECT, transport, packet offload */
	NET_NO_SA,		/* PROTECT, transport, but there is no SA */
	NET_TUNNEL,		/* PROTECT, tunnel over IPv4, L2 addresses in the SA */
	NET_TUNNEL6,		/* PROTECT, tunnel over IPv6 */
	/* UDP port 53 either side BYPASS, the rest PROTECT by tunnel over IPv4 */
	NET_PORTS,
	NET_UDP,		/* PROTECT, transport, UDP encapsulation by ports 4500 */
	NET_UDP_PORT,		/* the same by ports 10000 */
	NET_LIFE,		/* PROTECT, transport; the SA passes one packet */
	NET_SEQ,		/* PROTECT, transport; the sequence numbers are used up */
	NET_MTU,		/* PROTECT, transport; at most 300 bytes */
	NET_SELECTOR,		/* PROTECT, transport; the engine's SA has a selector for TCP */
	NET_DELETED,		/* PROTECT being deleted */
	NET_CRYPTO,		/* BYPASS; crypto offload SAs */
	NET_CRYPTO_UDP,		/* BYPASS; crypto offload SAs, UDP encapsulation by ports 4500 */
	NET_FWD,		/* PROTECT forwarded packets, BYPASS in */
	NET_FWD_DISCARD,	/* DISCARD forwarded packets, none in */
	NET_OTHER_SA,		/* PROTECT, transport; but the inbound SA's reqid is another's */
	/* PROTECT by tunnel over IPv4, of UDP port 53 alone, both directions; all else DISCARD */
	NET_PORTS_SA,
	NETS
};

enum { L2_PLAIN = 14, OUTER_SPI = 0x1000, INNER_SPI = 0x2000 };

/* What stands in one packet. Addresses follow from the net and who sends it. */
struct spec {
	uint8_t v;		/* 4 or 6; 0: not IP */
	uint8_t net;
	uint8_t proto;
	uint8_t vlans;
	uint16_t sport, dport;	/* TCP, UDP */
	/* bytes behind the transport header (of other protocols: behind the IP header) */
	uint16_t len;
	uint32_t word;		/* the first four bytes of these */
	uint16_t frag;		/* fragment offset, bytes */
	bool mf;		/* more fragments */
	uint16_t id;
	uint8_t trailing;	/* bytes behind the IP packet */
};

struct frame {
	uint8_t buf[ESPNIC_FRAME_BUF];
	struct espnic_frame f;
	uint8_t sent[ESPNIC_FRAME_BUF];	/* what was put in */
	uint32_t sent_len;
	uint32_t l3;
};

struct world {
	const struct espnic_engine_ops *engine;
	struct espnic_engine_thread *peer_thread;
	struct espnic_steer steer;
	struct espnic_steer_thread thread;
	struct espnic_counters counters;
	/*
	 * By net and family (0: IPv4, 1: IPv6): the peer's ends of the host's SAs, for the engine
	 * alone.
	 */
	struct espnic_sa *peer_in[NETS][2], *peer_out[NETS][2];
	uint32_t last_sa_event, sa_events;
	uint32_t last_policy_event, policy_events;
};

/* With an empty SPD and SAD, or the nets above; @pcap may be NULL. Asserts. */
void world_init(struct world *w, bool nets, struct espnic_pcap *pcap);
void world_free(struct world *w);

/* Of NET's SA of that family: the handle in the host's SAD. */
uint32_t handle_out(uint8_t net, uint8_t v);
uint32_t handle_in(uint8_t net, uint8_t v);
uint32_t spi_out(uint8_t net, uint8_t v);
uint32_t spi_in(uint8_t net, uint8_t v);
/* Of NET's policy (the one of PROTECT if it has several). */
uint32_t policy_id(uint8_t net, uint8_t v, enum espnic_spd_dir dir);

/* Makes the frame: from the host, or from the peer. */
void frame_make(struct frame *f, const struct spec *s, bool from_host);
/* From the bytes @p. */
void frame_from(struct frame *f, const uint8_t *p, uint32_t len);
/* The peer's engine puts the IP packet in @f into ESP by its outbound SA of that net. */
void frame_protect(struct world *w, struct frame *f, uint8_t net, uint8_t v);

/*
 * The frame becomes what a host makes for crypto offload: ESP by hand, in clear, and the
 * descriptor's fields.
 */
void frame_host_esp(struct frame *f, uint8_t net, uint8_t v, uint32_t seq);
/*
 * The peer takes the ESP packet in @f out of the SA of that net; it must be the IP packet sent in
 * @want.
 */
void frame_open(struct world *w, struct frame *f, uint8_t net, uint8_t v, const struct frame *want);

/* Sum of all counters. */
uint64_t counters_sum(const struct world *w);

#endif
