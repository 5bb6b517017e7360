// SPDX-License-Identifier: BSD-2-Clause
#include "engine/selector.h"

#include <string.h>

#include "engine/ip.h"

bool espnic_proto_has_ports(uint8_t proto)
{
	switch (proto) {
	case ESPNIC_IPPROTO_TCP:
	case ESPNIC_IPPROTO_UDP:
	case ESPNIC_IPPROTO_UDPLITE:
	case ESPNIC_IPPROTO_SCTP:
	case ESPNIC_IPPROTO_DCCP:
	case ESPNIC_IPPROTO_ICMP:
	case ESPNIC_IPPROTO_ICMPV6:
		return true;
	default:
		return false;
	}
}

bool espnic_flow_proto_hidden(const struct espnic_flow *f)
{
	if (f->family != ESPNIC_IPV6 || !(f->flags & ESPNIC_FLOW_NONFIRST))
		return false;
	switch (f->proto) {
	case ESPNIC_IPPROTO_HOPOPTS:
	case ESPNIC_IPPROTO_ROUTING:
	case ESPNIC_IPPROTO_FRAGMENT:
	case ESPNIC_IPPROTO_DSTOPTS:
		return true;
	default:
		return false;
	}
}

bool espnic_prefix_match(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
	unsigned int bytes = bits / 8, rest = bits % 8;

	if (memcmp(a, b, bytes) != 0)
		return false;
	return !rest || !((a[bytes] ^ b[bytes]) >> (8 - rest));
}

/* One port of @f, which @f shows, or has and does not show (@hidden), or has not. */
static enum espnic_selector_result check_port(uint16_t min, uint16_t max, uint16_t port,
					      bool shown, bool hidden)
{
	if (espnic_ports_any(min, max))
		return ESPNIC_SELECTOR_YES;
	if (espnic_ports_opaque(min, max))
		return shown ? ESPNIC_SELECTOR_NO : ESPNIC_SELECTOR_YES;
	if (!shown)
		return hidden ? ESPNIC_SELECTOR_UNKNOWN : ESPNIC_SELECTOR_NO;
	return port >= min && port <= max ? ESPNIC_SELECTOR_YES : ESPNIC_SELECTOR_NO;
}

enum espnic_selector_result espnic_selector_check_upper(const struct espnic_selector *s,
							const struct espnic_flow *f)
{
	bool no_proto = espnic_flow_proto_hidden(f);
	bool shown = f->flags & ESPNIC_FLOW_PORTS;
	bool hidden = !shown && (no_proto || espnic_proto_has_ports(f->proto));
	bool unknown = false;
	enum espnic_selector_result sport, dport;

	if (s->proto == ESPNIC_PROTO_OPAQUE) {
		if (!no_proto)
			return ESPNIC_SELECTOR_NO;
	} else if (s->proto != ESPNIC_PROTO_ANY && s->proto != f->proto) {
		if (!no_proto)
			return ESPNIC_SELECTOR_NO;
		unknown = true;
	}
	sport = check_port(s->sport_min, s->sport_max, f->sport, shown, hidden);
	dport = check_port(s->dport_min, s->dport_max, f->dport, shown, hidden);
	if (sport == ESPNIC_SELECTOR_NO || dport == ESPNIC_SELECTOR_NO)
		return ESPNIC_SELECTOR_NO;
	unknown |= sport == ESPNIC_SELECTOR_UNKNOWN || dport == ESPNIC_SELECTOR_UNKNOWN;
	return unknown ? ESPNIC_SELECTOR_UNKNOWN : ESPNIC_SELECTOR_YES;
}

enum espnic_selector_result espnic_selector_check(const struct espnic_selector *s,
						  const struct espnic_flow *f)
{
	if (s->family != ESPNIC_IP_ANY) {
		if (s->family != f->family ||
		    !espnic_prefix_match(s->src, f->src, s->src_prefix) ||
		    !espnic_prefix_match(s->dst, f->dst, s->dst_prefix))
			return ESPNIC_SELECTOR_NO;
	}
	return espnic_selector_check_upper(s, f);
}

bool espnic_selector_match(const struct espnic_selector *s, const struct espnic_flow *f)
{
	return espnic_selector_check(s, f) == ESPNIC_SELECTOR_YES;
}
