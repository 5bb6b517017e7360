/* SPDX-License-Identifier: BSD-2-Clause */
/* The outer header of tunnel mode (RFC 4301 section 5.1.2), for every way out. */
#ifndef ESPNIC_ENGINE_TUNNEL_H
#define ESPNIC_ENGINE_TUNNEL_H

#include <string.h>

#include "engine/ip.h"
#include "engine/sa.h"

enum espnic_tunnel_bits {
	ESPNIC_IPV4_VERSION_IHL = 0x45,	/* no options */
	ESPNIC_IPV6_VERSION = 0x60000000,
	ESPNIC_DSCP_SHIFT = 2,		/* in TOS or traffic class */
};

/* What the header takes from its packet. */
struct espnic_outer {
	uint32_t total;			/* bytes of the protected packet */
	uint16_t id;			/* IPv4 identification */
	uint8_t proto;			/* of what comes behind */
	uint8_t tos;			/* the inner packet's TOS or traffic class */
	bool df;			/* IPv4 */
};

/* Whether the outer IPv4 header of @sa says "don't fragment" over an inner packet that does, or not. */
static inline bool espnic_tunnel_df(const struct espnic_sa *sa, bool inner)
{
	return sa->df == ESPNIC_DF_SET || (sa->df == ESPNIC_DF_COPY && inner);
}

/*
 * The outer IPv4 header, by words that are summed as they are written: reading back what was written byte
 * by byte makes the CPU wait.
 */
static inline void espnic_tunnel_ipv4(const struct espnic_sa *sa, const struct espnic_outer *o, uint8_t tos,
				      uint8_t *ip)
{
	uint32_t first = (uint32_t)tos << 16 | o->total;
	/* The identification: RFC 6864 section 4.1, of no meaning where DF is set. */
	uint32_t second = (uint32_t)o->id << 16 | (o->df ? ESPNIC_IPV4_DF : 0);
	uint32_t third = (uint32_t)o->proto << 16;
	uint64_t sum = (uint64_t)sa->tunnel_sum + first + second + third;

	sum = (sum & UINT16_MAX) + (sum >> 16 & UINT16_MAX) + (sum >> 32);
	third |= (uint32_t)sa->ttl << 24 | espnic_csum_fold((uint32_t)sum);
	espnic_put32(ip, first | (uint32_t)ESPNIC_IPV4_VERSION_IHL << 24);
	espnic_put32(ip + ESPNIC_IPV4_ID, second);
	espnic_put32(ip + ESPNIC_IPV4_TTL, third);
	memcpy(ip + ESPNIC_IPV4_SRC, sa->tunnel_src, 4);
	memcpy(ip + ESPNIC_IPV4_DST, sa->tunnel_dst, 4);
}

/* Writes the whole header of the SA's family at @ip. RFC 6040 section 4.1: its ECN. */
static inline void espnic_tunnel_header(const struct espnic_sa *sa, const struct espnic_outer *o, uint8_t *ip)
{
	uint8_t tos = (uint8_t)((o->tos & sa->tos_keep) | sa->tos_set);

	if (sa->info.outer_family == ESPNIC_IPV4) {
		espnic_tunnel_ipv4(sa, o, tos, ip);
		return;
	}
	espnic_put32(ip, ESPNIC_IPV6_VERSION | (uint32_t)tos << 20);
	espnic_put16(ip + ESPNIC_IPV6_LEN, (uint16_t)(o->total - ESPNIC_IPV6_HLEN));
	ip[ESPNIC_IPV6_NEXT] = o->proto;
	ip[ESPNIC_IPV6_HOPS] = sa->ttl;
	memcpy(ip + ESPNIC_IPV6_SRC, sa->tunnel_src, 16);
	memcpy(ip + ESPNIC_IPV6_DST, sa->tunnel_dst, 16);
}

#endif
