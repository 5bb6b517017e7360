/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random SAs and packets for programs that run bursts through two bodies side by side. Each such program is one file, and has the one state
 * of chance below, set anew at the begin of each round.
 */
#ifndef TESTS_ENGINE_BURSTS_H
#define TESTS_ENGINE_BURSTS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/ip.h"

static uint64_t rng;

/* 0 to @n - 1. */
static inline uint32_t below(uint32_t n)
{
	/* splitmix64 */
	uint64_t z = rng += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (uint32_t)((z ^ z >> 31) % n);
}

static inline void fill(uint8_t *p, uint32_t n)
{
	while (n--)
		*p++ = (uint8_t)below(256);
}

/* Mostly none. */
static inline void random_limits(struct espnic_sa_params *p)
{
	if (below(6))
		return;
	p->soft_packets = below(20);
	p->hard_packets = 10 + below(60);
	p->soft_bytes = below(2000);
	p->hard_bytes = below(2) ? 0 : 5000 + below(50000);
}

/* ESN or not, and a number to begin with: a small one, or one short of 2^32. */
static inline void random_seq(struct espnic_sa_params *p)
{
	p->esn = below(2);
	p->seq = below(3) ? below(1000) : UINT32_MAX - below(40);
	if (p->esn && !below(3))
		p->seq += (uint64_t)below(5) << 32;
}

/* Protocol and ports of a selector that many packets fit. */
static inline void random_upper(struct espnic_selector *s)
{
	s->proto = below(2) ? ESPNIC_IPPROTO_UDP : 0;
	s->sport_max = s->dport_max = ESPNIC_PORT_MAX;
	if (!below(3))
		s->dport_max = 40000;
}

/* Hop-by-hop or destination options at the begin of the payload of the IPv6 packet @p, if there is room for them; then UDP. */
static inline void random_options(uint8_t *p, uint32_t payload)
{
	static const uint8_t options[] = { ESPNIC_IPPROTO_UDP, 0, 1, 4, 0, 0, 0, 0 };

	if (payload < 2 * sizeof(options))
		return;
	p[ESPNIC_IPV6_NEXT] = below(2) ? ESPNIC_IPPROTO_HOPOPTS : ESPNIC_IPPROTO_DSTOPTS;
	memcpy(p + ESPNIC_IPV6_HLEN, options, sizeof(options));
}

/* What a wire may do to a packet: change a bit or a byte, cut it. */
static inline void spoil(uint8_t *p, uint32_t *len)
{
	switch (below(12)) {
	case 0:
		if (*len)
			p[below(*len)] ^= (uint8_t)(1 << below(8));
		break;
	case 1:
		*len = below(*len + 1);
		break;
	case 2:
		if (*len > ESPNIC_IPV6_HLEN)
			p[ESPNIC_IPV6_HLEN + below(*len - ESPNIC_IPV6_HLEN)] = (uint8_t)below(256);
		break;
	default:
		break;
	}
}

/* A packet of @len bytes in a slot of @size, behind @room bytes of it. */
static inline void set_pkt(struct espnic_pkt *pkt, uint8_t *slot, uint32_t size, uint32_t room, uint32_t len, struct espnic_sa *sa)
{
	/* Flags of whatever the packet was before: they say nothing, and do not stay. */
	*pkt = (struct espnic_pkt){
		.data = slot + room, .len = len, .headroom = room, .tailroom = size - room - len, .sa = sa,
		.flags = ESPNIC_PKT_EVENT | ESPNIC_PKT_DUMMY,
	};
}

/* What a body says of an SA. */
struct told {
	struct espnic_sa_state state;
	struct espnic_sa_window window;
};

/* Asks for it, which takes its events; the window alone if @window. */
static inline void ask_sa(const struct espnic_engine_ops *ops, struct espnic_sa *sa, bool window, struct told *told)
{
	memset(told, 0, sizeof(*told));
	ops->sa_query(sa, &told->state);
	if (window)
		ops->sa_window(sa, &told->window);
}

static inline bool same_told(const struct told *a, const struct told *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

#endif
