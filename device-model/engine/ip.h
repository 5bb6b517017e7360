/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IP headers, read and written: IPv4 (RFC 791), IPv6 and its extension headers
 * (RFC 8200), UDP (RFC 768) as far as ESP needs them.
 */
#ifndef ESPNIC_ENGINE_IP_H
#define ESPNIC_ENGINE_IP_H

#include <string.h>

#include "engine/engine.h"

enum espnic_ip_proto {
	ESPNIC_IPPROTO_HOPOPTS = 0,
	ESPNIC_IPPROTO_ICMP = 1,
	ESPNIC_IPPROTO_IPIP = 4,
	ESPNIC_IPPROTO_TCP = 6,
	ESPNIC_IPPROTO_UDP = 17,
	ESPNIC_IPPROTO_DCCP = 33,
	ESPNIC_IPPROTO_IPV6 = 41,
	ESPNIC_IPPROTO_ROUTING = 43,
	ESPNIC_IPPROTO_FRAGMENT = 44,
	ESPNIC_IPPROTO_ESP = 50,
	ESPNIC_IPPROTO_AH = 51,
	ESPNIC_IPPROTO_ICMPV6 = 58,
	ESPNIC_IPPROTO_NONE = 59,
	ESPNIC_IPPROTO_DSTOPTS = 60,
	ESPNIC_IPPROTO_SCTP = 132,
	ESPNIC_IPPROTO_UDPLITE = 136,
};

enum espnic_ip_sizes {		/* bytes */
	ESPNIC_IPV4_HLEN = 20,
	ESPNIC_IPV6_HLEN = 40,
	ESPNIC_UDP_HLEN = 8,
	ESPNIC_ESP_HLEN = 8,	/* SPI and sequence number */
	ESPNIC_IP_LEN_MAX = 65535,
};

enum espnic_ip_offsets {
	ESPNIC_IPV4_TOS = 1,
	ESPNIC_IPV4_LEN = 2,
	ESPNIC_IPV4_ID = 4,
	ESPNIC_IPV4_FRAG = 6,
	ESPNIC_IPV4_TTL = 8,
	ESPNIC_IPV4_PROTO = 9,
	ESPNIC_IPV4_CSUM = 10,
	ESPNIC_IPV4_SRC = 12,
	ESPNIC_IPV4_DST = 16,
	ESPNIC_IPV6_LEN = 4,
	ESPNIC_IPV6_NEXT = 6,
	ESPNIC_IPV6_HOPS = 7,
	ESPNIC_IPV6_SRC = 8,
	ESPNIC_IPV6_DST = 24,
	ESPNIC_UDP_LEN = 4,
	ESPNIC_UDP_CSUM = 6,
	ESPNIC_ESP_SEQ = 4,
	ESPNIC_AH_SPI = 4,
};

enum espnic_ip_bits {
	ESPNIC_IPV4_DF = 0x4000,
	ESPNIC_IPV4_MF = 0x2000,
	ESPNIC_IPV4_OFFSET = 0x1fff,	/* in units of 8 bytes */
	ESPNIC_IPV6_MF = 0x0001,
	ESPNIC_IPV6_OFFSET = 0xfff8,
};

enum espnic_ecn {			/* RFC 3168 section 5 */
	ESPNIC_ECN_NOT_ECT = 0,
	ESPNIC_ECN_ECT1 = 1,
	ESPNIC_ECN_ECT0 = 2,
	ESPNIC_ECN_CE = 3,
	ESPNIC_ECN_MASK = 3,
};

/*
 * Unaligned big-endian access, one access each: what was written by bytes is read back late as a word, for
 * the CPU passes a value on before it is in the cache only to a load that one store covers.
 */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ESPNIC_BE(bits, v) __builtin_bswap##bits(v)
#else
#define ESPNIC_BE(bits, v) (v)
#endif

static inline uint16_t espnic_get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return ESPNIC_BE(16, v);
}

static inline uint32_t espnic_get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return ESPNIC_BE(32, v);
}

static inline uint64_t espnic_get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return ESPNIC_BE(64, v);
}

static inline void espnic_put16(uint8_t *p, uint16_t v)
{
	v = ESPNIC_BE(16, v);
	memcpy(p, &v, sizeof(v));
}

static inline void espnic_put32(uint8_t *p, uint32_t v)
{
	v = ESPNIC_BE(32, v);
	memcpy(p, &v, sizeof(v));
}

static inline void espnic_put64(uint8_t *p, uint64_t v)
{
	v = ESPNIC_BE(64, v);
	memcpy(p, &v, sizeof(v));
}

/* What espnic_ip_parse() found. Offsets are from the IP header, in bytes. */
struct espnic_ip {
	uint8_t family;		/* ESPNIC_IPV4 or ESPNIC_IPV6 */
	uint8_t proto;		/* of what stands at upper_off */
	uint8_t tos;		/* TOS or traffic class: DSCP << 2 | ECN */
	bool fragment;		/* more follow, or offset != 0; not an atomic one (RFC 6946) */
	bool nonfirst;		/* offset != 0 */
	bool df;		/* may not be fragmented on its way; IPv6: always */
	uint32_t frag_id;
	uint32_t len;		/* bytes of the whole packet by its header, <= what was given */
	uint32_t upper_off;	/* behind IPv4 options, or all IPv6 extension headers known here */
	uint32_t next_off;	/* of the byte that holds proto */
	/*
	 * Where ESP goes in transport mode (RFC 4303 section 3.1.1): behind the IPv4
	 * header, or the last hop-by-hop, routing or fragment header; and the place of
	 * the next-header byte that names what stands there now, with its value.
	 */
	uint32_t esp_off;
	uint32_t esp_next_off;
	uint8_t esp_next;
};

/*
 * Reads the headers of the packet at @p of @len bytes (bytes past the IP length
 * are ignored). True and *@ip filled in, or false: not a whole IPv4 or IPv6
 * packet, or its extension headers do not fit in it. Every loop is bounded by @len.
 */
bool espnic_ip_parse(const uint8_t *p, uint32_t len, struct espnic_ip *ip);

/*
 * The same from the IPv4 or IPv6 header alone: of extension headers nothing is
 * read, and all offsets point behind the IPv6 header.
 */
bool espnic_ip_base(const uint8_t *p, uint32_t len, struct espnic_ip *ip);

/*
 * What selectors look at, of the clear packet at @p. False: malformed, as for
 * espnic_ip_parse(). A transport header cut short leaves ESPNIC_FLOW_PORTS unset.
 */
bool espnic_flow_parse(const uint8_t *p, uint32_t len, struct espnic_flow *f);

/*
 * The payload of the UDP packet at @p, whose headers are @ip (its proto is UDP):
 * offset from the IP header and length, both by the UDP length. False: that lies.
 */
bool espnic_udp_payload(const uint8_t *p, const struct espnic_ip *ip, uint32_t *off, uint32_t *len);

/* What espnic_esp_find() found. */
struct espnic_esp_loc {
	uint8_t proto;		/* ESPNIC_IPPROTO_ESP or ESPNIC_IPPROTO_AH */
	bool udp;		/* in UDP (RFC 3948): ESP at the start of the UDP payload */
	uint32_t off;		/* of the ESP or AH header, from the IP header */
	uint32_t len;		/* bytes from there to the end of the IP (UDP) payload */
	uint32_t spi;
	uint32_t seq;		/* low half */
};

/*
 * Looks for an ESP or AH header in the packet at @p: what steering needs for its
 * SAD lookup. False: malformed, a fragment, or neither of them. For UDP, any
 * packet whose payload holds 8 bytes or more and does not begin with the
 * non-ESP marker (RFC 3948 section 2.2) is found, whatever its ports: the
 * caller judges these.
 */
bool espnic_esp_find(const uint8_t *p, uint32_t len, struct espnic_esp_loc *loc);

/* Internet checksum (RFC 1071): adds @len bytes at @p to the running @sum. */
uint32_t espnic_csum_add(uint32_t sum, const uint8_t *p, uint32_t len);
/* Folds and complements a running sum to the value that goes into the header. */
static inline uint16_t espnic_csum_fold(uint32_t sum)
{
	sum = (sum & UINT16_MAX) + (sum >> 16);
	/* The carry of that. */
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Writes the header checksum of the IPv4 header at @p. */
void espnic_ipv4_csum(uint8_t *p);

/* Writes TOS or traffic class into the header at @p; IPv4: adjusts the checksum by RFC 1624. */
void espnic_ip_set_tos(uint8_t *p, uint8_t tos);

#endif
