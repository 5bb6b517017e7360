// SPDX-License-Identifier: BSD-2-Clause
#include "engine/ip.h"

#include <string.h>

enum {
	IPV4_IHL_MASK = 0x0f,
	IPV6_EXT_UNIT = 8,		/* bytes: RFC 8200 section 4.2 */
	IPV6_FRAG_INFO = 2,		/* offset of the offset and M flag in a fragment header */
	IPV6_FRAG_ID = 4,
	PORTS_LEN = 4,
	ICMP_TYPE_CODE_LEN = 2,
};

static bool base_ipv4(const uint8_t *p, uint32_t len, struct espnic_ip *ip)
{
	uint32_t hlen, total, frag;

	if (len < ESPNIC_IPV4_HLEN)
		return false;
	hlen = (p[0] & IPV4_IHL_MASK) * 4u;
	total = espnic_get16(p + ESPNIC_IPV4_LEN);
	if (hlen < ESPNIC_IPV4_HLEN || total < hlen || total > len)
		return false;

	frag = espnic_get16(p + ESPNIC_IPV4_FRAG);
	ip->family = ESPNIC_IPV4;
	ip->proto = p[ESPNIC_IPV4_PROTO];
	ip->tos = p[ESPNIC_IPV4_TOS];
	ip->df = frag & ESPNIC_IPV4_DF;
	ip->nonfirst = frag & ESPNIC_IPV4_OFFSET;
	ip->fragment = ip->nonfirst || frag & ESPNIC_IPV4_MF;
	ip->frag_id = espnic_get16(p + ESPNIC_IPV4_ID);
	ip->len = total;
	ip->upper_off = hlen;
	ip->next_off = ESPNIC_IPV4_PROTO;
	return true;
}

static bool base_ipv6(const uint8_t *p, uint32_t len, struct espnic_ip *ip)
{
	if (len < ESPNIC_IPV6_HLEN)
		return false;
	ip->len = ESPNIC_IPV6_HLEN + espnic_get16(p + ESPNIC_IPV6_LEN);
	if (ip->len > len)
		return false;
	ip->family = ESPNIC_IPV6;
	ip->proto = p[ESPNIC_IPV6_NEXT];
	ip->tos = (uint8_t)(espnic_get16(p) >> 4);
	/* Routers do not fragment IPv6. */
	ip->df = true;
	ip->nonfirst = false;
	ip->fragment = false;
	ip->frag_id = 0;
	ip->upper_off = ESPNIC_IPV6_HLEN;
	ip->next_off = ESPNIC_IPV6_NEXT;
	return true;
}

bool espnic_ip_base(const uint8_t *p, uint32_t len, struct espnic_ip *ip)
{
	bool good = false;

	if (len > 0 && p[0] >> 4 == ESPNIC_IPV4)
		good = base_ipv4(p, len, ip);
	else if (len > 0 && p[0] >> 4 == ESPNIC_IPV6)
		good = base_ipv6(p, len, ip);
	if (!good)
		return false;
	ip->esp_off = ip->upper_off;
	ip->esp_next_off = ip->next_off;
	ip->esp_next = ip->proto;
	return true;
}

/* One extension header at @off: its length and what a fragment header says. 0: it does not fit. */
static uint32_t ipv6_ext_len(const uint8_t *p, uint32_t off, uint8_t type, struct espnic_ip *ip)
{
	uint32_t len = IPV6_EXT_UNIT;

	if (ip->len - off < IPV6_EXT_UNIT)
		return 0;
	if (type == ESPNIC_IPPROTO_FRAGMENT) {
		uint32_t info = espnic_get16(p + off + IPV6_FRAG_INFO);

		ip->nonfirst = info & ESPNIC_IPV6_OFFSET;
		ip->fragment |= ip->nonfirst || info & ESPNIC_IPV6_MF;
		ip->frag_id = espnic_get32(p + off + IPV6_FRAG_ID);
	} else {
		len += p[off + 1] * (uint32_t)IPV6_EXT_UNIT;
	}
	return ip->len - off < len ? 0 : len;
}

/*
 * Walks the extension headers. Hop-by-hop options stand right behind the IPv6
 * header or nowhere (RFC 8200 section 4.1). Behind a fragment header with an
 * offset come bytes from the middle of a packet: the walk ends there.
 */
static bool walk_ipv6(const uint8_t *p, struct espnic_ip *ip)
{
	while (ip->proto == ESPNIC_IPPROTO_HOPOPTS || ip->proto == ESPNIC_IPPROTO_ROUTING ||
	       ip->proto == ESPNIC_IPPROTO_FRAGMENT || ip->proto == ESPNIC_IPPROTO_DSTOPTS) {
		uint32_t off = ip->upper_off;
		uint8_t type = ip->proto;
		uint32_t ext = ipv6_ext_len(p, off, type, ip);

		if (ext == 0 || (type == ESPNIC_IPPROTO_HOPOPTS && off != ESPNIC_IPV6_HLEN))
			return false;
		ip->next_off = off;
		ip->proto = p[off];
		ip->upper_off = off + ext;
		if (type != ESPNIC_IPPROTO_DSTOPTS) {
			ip->esp_off = ip->upper_off;
			ip->esp_next_off = ip->next_off;
			ip->esp_next = ip->proto;
		}
		if (ip->nonfirst)
			break;
	}
	return true;
}

bool espnic_ip_parse(const uint8_t *p, uint32_t len, struct espnic_ip *ip)
{
	if (!espnic_ip_base(p, len, ip))
		return false;
	return ip->family == ESPNIC_IPV4 || walk_ipv6(p, ip);
}

/* Ports, or what selectors see in their place (RFC 4301 section 4.4.1.1): ICMP type and code. */
static void read_ports(const uint8_t *p, const struct espnic_ip *ip, struct espnic_flow *f)
{
	const uint8_t *upper = p + ip->upper_off;
	uint32_t room = ip->len - ip->upper_off;

	switch (ip->proto) {
	case ESPNIC_IPPROTO_TCP:
	case ESPNIC_IPPROTO_UDP:
	case ESPNIC_IPPROTO_UDPLITE:
	case ESPNIC_IPPROTO_SCTP:
	case ESPNIC_IPPROTO_DCCP:
		if (room < PORTS_LEN)
			return;
		f->sport = espnic_get16(upper);
		f->dport = espnic_get16(upper + 2);
		break;
	case ESPNIC_IPPROTO_ICMP:
	case ESPNIC_IPPROTO_ICMPV6:
		if (room < ICMP_TYPE_CODE_LEN)
			return;
		f->sport = upper[0];
		f->dport = upper[1];
		break;
	default:
		return;
	}
	f->flags |= ESPNIC_FLOW_PORTS;
}

bool espnic_flow_parse(const uint8_t *p, uint32_t len, struct espnic_flow *f)
{
	struct espnic_ip ip;

	if (!espnic_ip_parse(p, len, &ip))
		return false;
	memset(f, 0, sizeof(*f));
	f->family = ip.family;
	f->proto = ip.proto;
	f->frag_id = ip.frag_id;
	f->ip_len = ip.len;
	f->upper_off = ip.upper_off;
	if (ip.fragment)
		f->flags |= ESPNIC_FLOW_FRAGMENT;
	if (ip.nonfirst)
		f->flags |= ESPNIC_FLOW_NONFIRST;
	if (ip.family == ESPNIC_IPV4) {
		memcpy(f->src, p + ESPNIC_IPV4_SRC, 4);
		memcpy(f->dst, p + ESPNIC_IPV4_DST, 4);
	} else {
		memcpy(f->src, p + ESPNIC_IPV6_SRC, 16);
		memcpy(f->dst, p + ESPNIC_IPV6_DST, 16);
	}
	if (!ip.nonfirst)
		read_ports(p, &ip, f);
	return true;
}

bool espnic_udp_payload(const uint8_t *p, const struct espnic_ip *ip, uint32_t *off, uint32_t *len)
{
	uint32_t room = ip->len - ip->upper_off;
	uint32_t udp_len;

	if (room < ESPNIC_UDP_HLEN)
		return false;
	udp_len = espnic_get16(p + ip->upper_off + ESPNIC_UDP_LEN);
	if (udp_len < ESPNIC_UDP_HLEN || udp_len > room)
		return false;
	*off = ip->upper_off + ESPNIC_UDP_HLEN;
	*len = udp_len - ESPNIC_UDP_HLEN;
	return true;
}

bool espnic_esp_find(const uint8_t *p, uint32_t len, struct espnic_esp_loc *loc)
{
	struct espnic_ip ip;
	uint32_t spi_off = 0;

	if (!espnic_ip_parse(p, len, &ip) || ip.fragment)
		return false;
	loc->udp = ip.proto == ESPNIC_IPPROTO_UDP;
	loc->off = ip.upper_off;
	loc->len = ip.len - ip.upper_off;
	switch (ip.proto) {
	case ESPNIC_IPPROTO_UDP:
		if (!espnic_udp_payload(p, &ip, &loc->off, &loc->len))
			return false;
		loc->proto = ESPNIC_IPPROTO_ESP;
		break;
	case ESPNIC_IPPROTO_ESP:
		loc->proto = ESPNIC_IPPROTO_ESP;
		break;
	case ESPNIC_IPPROTO_AH:
		loc->proto = ESPNIC_IPPROTO_AH;
		spi_off = ESPNIC_AH_SPI;
		break;
	default:
		return false;
	}
	if (loc->len < spi_off + ESPNIC_ESP_HLEN)
		return false;
	loc->spi = espnic_get32(p + loc->off + spi_off);
	loc->seq = espnic_get32(p + loc->off + spi_off + 4);
	/* The non-ESP marker (RFC 3948 section 2.2): IKE. */
	return !loc->udp || loc->spi != 0;
}

uint32_t espnic_csum_add(uint32_t sum, const uint8_t *p, uint32_t len)
{
	uint64_t wide = sum;

	for (; len >= 2; len -= 2) {
		wide += espnic_get16(p);
		p += 2;
	}
	if (len)
		wide += (uint32_t)p[0] << 8;
	while (wide >> 32)
		wide = (wide & UINT32_MAX) + (wide >> 32);
	return (uint32_t)wide;
}

void espnic_ipv4_csum(uint8_t *p)
{
	uint32_t words = p[0] & IPV4_IHL_MASK;
	uint64_t sum = 0;
	uint16_t csum;

	espnic_put16(p + ESPNIC_IPV4_CSUM, 0);
	/* In the machine's own byte order, which the sum does not care about: RFC 1071 section 2 (B). */
	for (uint32_t i = 0; i < words; i++) {
		uint32_t word;

		memcpy(&word, p + i * sizeof(word), sizeof(word));
		sum += word;
	}
	csum = espnic_csum_fold((uint32_t)(sum & UINT16_MAX) + (uint32_t)(sum >> 16 & UINT16_MAX) +
				(uint32_t)(sum >> 32));
	memcpy(p + ESPNIC_IPV4_CSUM, &csum, sizeof(csum));
}

void espnic_ip_set_tos(uint8_t *p, uint8_t tos)
{
	uint16_t old = espnic_get16(p);

	if (p[0] >> 4 == ESPNIC_IPV4) {
		uint32_t sum;

		p[ESPNIC_IPV4_TOS] = tos;
		/* RFC 1624 equation 3: HC' = ~(~HC + ~m + m'). */
		sum = (uint16_t)~espnic_get16(p + ESPNIC_IPV4_CSUM);
		sum += (uint16_t)~old;
		sum += espnic_get16(p);
		espnic_put16(p + ESPNIC_IPV4_CSUM, espnic_csum_fold(sum));
	} else {
		espnic_put16(p, (uint16_t)((old & 0xf00f) | tos << 4));
	}
}
