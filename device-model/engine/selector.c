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

static bool any_port(uint16_t min, uint16_t max)
{
	return min == 0 && max == ESPNIC_PORT_MAX;
}

enum espnic_selector_result espnic_selector_check(const struct espnic_selector *s,
						  const struct espnic_flow *f)
{
	enum espnic_selector_result sure = ESPNIC_SELECTOR_YES;

	if (s->family != ESPNIC_IP_ANY) {
		if (s->family != f->family ||
		    !espnic_prefix_match(s->src, f->src, s->src_prefix) ||
		    !espnic_prefix_match(s->dst, f->dst, s->dst_prefix))
			return ESPNIC_SELECTOR_NO;
	}
	if (s->proto != ESPNIC_PROTO_ANY && s->proto != f->proto) {
		if (!espnic_flow_proto_hidden(f))
			return ESPNIC_SELECTOR_NO;
		sure = ESPNIC_SELECTOR_UNKNOWN;
	}
	if (any_port(s->sport_min, s->sport_max) && any_port(s->dport_min, s->dport_max))
		return sure;
	if (!(f->flags & ESPNIC_FLOW_PORTS)) {
		if (espnic_proto_has_ports(f->proto) || espnic_flow_proto_hidden(f))
			return ESPNIC_SELECTOR_UNKNOWN;
		return ESPNIC_SELECTOR_NO;
	}
	if (f->sport < s->sport_min || f->sport > s->sport_max ||
	    f->dport < s->dport_min || f->dport > s->dport_max)
		return ESPNIC_SELECTOR_NO;
	return sure;
}

bool espnic_selector_match(const struct espnic_selector *s, const struct espnic_flow *f)
{
	return espnic_selector_check(s, f) == ESPNIC_SELECTOR_YES;
}
