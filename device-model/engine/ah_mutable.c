// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the ICV of AH sees of the headers in front of it: RFC 4302 section 3.3.3.1.
 * What routers may change is zero; what they change in a way that the sender
 * can foresee is what it will be at the receiver.
 */
#include <string.h>

#include "engine/ah.h"

enum {
	IPV4_OPT_EOL = 0,
	IPV4_OPT_NOP = 1,
	IPV4_OPT_SEC = 130,
	IPV4_OPT_ESEC = 133,
	IPV4_OPT_CIPSO = 134,
	IPV4_OPT_ROUTER_ALERT = 148,
	IPV4_OPT_SDB = 149,
	IPV4_OPT_LSRR = 131,
	IPV4_OPT_SSRR = 137,
	IPV4_OPT_HEAD = 2,		/* bytes: type and length */
	IPV4_ROUTE_POINTER = 2,		/* offset: counts from 1, of the next address */
	IPV4_ROUTE_FIRST = 4,
	IPV4_ADDR = 4,

	IPV6_VERSION_BITS = 0xf0,
	IPV6_ADDR = 16,
	IPV6_EXT_UNIT = 8,		/* bytes */
	IPV6_OPTIONS = 2,		/* offset of the first option in its header */
	IPV6_OPT_PAD1 = 0,
	IPV6_OPT_HEAD = 2,
	IPV6_OPT_MUTABLE = 0x20,	/* RFC 8200 section 4.2: data may change on the way */
	IPV6_ROUTE_TYPE = 2,		/* offsets in a routing header */
	IPV6_ROUTE_LEFT = 3,
	IPV6_ROUTE_ADDRS = 8,
	IPV6_ROUTE_0 = 0,		/* RFC 2460 section 4.4 */
	IPV6_ROUTE_2 = 2,		/* RFC 6275 section 6.4 */
};

/* Appendix A1: the options that no router changes. All others, unknown ones too, count as zeros. */
static bool ipv4_option_stays(uint8_t type)
{
	switch (type) {
	case IPV4_OPT_SEC:
	case IPV4_OPT_ESEC:
	case IPV4_OPT_CIPSO:
	case IPV4_OPT_ROUTER_ALERT:
	case IPV4_OPT_SDB:
		return true;
	default:
		return false;
	}
}

/* Section 3.3.3.1.1: with source routing the sender foresees the last hop's destination. */
static bool foresee_ipv4_route(uint8_t *p, const uint8_t *opt, uint32_t len, bool apply)
{
	uint32_t pointer;

	if (len < IPV4_OPT_HEAD + 1)
		return false;
	pointer = opt[IPV4_ROUTE_POINTER];
	/* RFC 791 section 3.1: the first address is where the smallest legal pointer points. */
	if (pointer < IPV4_ROUTE_FIRST)
		return false;
	if (pointer > len)
		return true;
	if (pointer - 1 + IPV4_ADDR > len)
		return false;
	if (apply)
		memcpy(p + ESPNIC_IPV4_DST, opt + len - IPV4_ADDR, IPV4_ADDR);
	return true;
}

static bool ipv4_options(uint8_t *p, uint32_t head_len, bool sender, bool apply)
{
	uint32_t off = ESPNIC_IPV4_HLEN;

	while (off < head_len && p[off] != IPV4_OPT_EOL) {
		uint8_t type = p[off];
		uint32_t len;

		if (type == IPV4_OPT_NOP) {
			off++;
			continue;
		}
		if (head_len - off < IPV4_OPT_HEAD)
			return false;
		len = p[off + 1];
		if (len < IPV4_OPT_HEAD || len > head_len - off)
			return false;
		if (sender && (type == IPV4_OPT_LSRR || type == IPV4_OPT_SSRR) &&
		    !foresee_ipv4_route(p, p + off, len, apply))
			return false;
		if (apply && !ipv4_option_stays(type))
			memset(p + off, 0, len);
		off += len;
	}
	return true;
}

/* Section 3.3.3.1.2: options say themselves whether their data may change. */
static bool ipv6_options(uint8_t *ext, uint32_t len, bool apply)
{
	uint32_t off = IPV6_OPTIONS;

	while (off < len) {
		uint8_t type = ext[off];
		uint32_t data;

		if (type == IPV6_OPT_PAD1) {
			off++;
			continue;
		}
		if (len - off < IPV6_OPT_HEAD)
			return false;
		data = ext[off + 1];
		off += IPV6_OPT_HEAD;
		if (data > len - off)
			return false;
		if (apply && type & IPV6_OPT_MUTABLE)
			memset(ext + off, 0, data);
		off += data;
	}
	return true;
}

/*
 * Section 3.3.3.1.2: the routing header as the receiver will see it. Each hop on the way
 * puts the destination in the place of the next address, and that in its.
 */
static bool foresee_ipv6_route(uint8_t *p, uint8_t *ext, uint32_t len, bool apply)
{
	uint32_t n = (len - IPV6_ROUTE_ADDRS) / IPV6_ADDR;
	uint32_t left = ext[IPV6_ROUTE_LEFT];
	uint8_t *next, last[IPV6_ADDR];

	if (ext[IPV6_ROUTE_TYPE] != IPV6_ROUTE_0 && ext[IPV6_ROUTE_TYPE] != IPV6_ROUTE_2)
		return true;
	if (left > n || (len - IPV6_ROUTE_ADDRS) % IPV6_ADDR)
		return false;
	if (left == 0 || !apply)
		return true;
	next = ext + IPV6_ROUTE_ADDRS + (n - left) * IPV6_ADDR;
	memcpy(last, next + (left - 1) * IPV6_ADDR, IPV6_ADDR);
	memmove(next + IPV6_ADDR, next, (left - 1) * IPV6_ADDR);
	memcpy(next, p + ESPNIC_IPV6_DST, IPV6_ADDR);
	memcpy(p + ESPNIC_IPV6_DST, last, IPV6_ADDR);
	ext[IPV6_ROUTE_LEFT] = 0;
	return true;
}

static bool ipv6_extensions(uint8_t *p, uint32_t head_len, bool sender, bool apply)
{
	uint8_t type = p[ESPNIC_IPV6_NEXT];
	uint32_t off = ESPNIC_IPV6_HLEN;

	while (off < head_len) {
		uint8_t *ext = p + off;
		uint32_t len = IPV6_EXT_UNIT;
		bool good = true;

		if (type != ESPNIC_IPPROTO_FRAGMENT)
			len += ext[1] * (uint32_t)IPV6_EXT_UNIT;
		if (type == ESPNIC_IPPROTO_HOPOPTS || type == ESPNIC_IPPROTO_DSTOPTS)
			good = ipv6_options(ext, len, apply);
		else if (type == ESPNIC_IPPROTO_ROUTING && sender)
			good = foresee_ipv6_route(p, ext, len, apply);
		if (!good)
			return false;
		type = ext[0];
		off += len;
	}
	return true;
}

static bool walk(uint8_t *p, uint32_t head_len, bool sender, bool apply)
{
	if (p[0] >> 4 == ESPNIC_IPV4) {
		if (apply) {
			p[ESPNIC_IPV4_TOS] = 0;
			espnic_put16(p + ESPNIC_IPV4_FRAG, 0);
			p[ESPNIC_IPV4_TTL] = 0;
			espnic_put16(p + ESPNIC_IPV4_CSUM, 0);
		}
		return ipv4_options(p, head_len, sender, apply);
	}
	if (apply) {
		/* Traffic class and flow label. */
		espnic_put32(p, (uint32_t)(p[0] & IPV6_VERSION_BITS) << 24);
		p[ESPNIC_IPV6_HOPS] = 0;
	}
	return ipv6_extensions(p, head_len, sender, apply);
}

bool espnic_ah_headers_sound(const uint8_t *p, uint32_t head_len, bool sender)
{
	return walk((uint8_t *)p, head_len, sender, false);
}

void espnic_ah_mask(uint8_t *p, uint32_t head_len, bool sender)
{
	walk(p, head_len, sender, true);
}
