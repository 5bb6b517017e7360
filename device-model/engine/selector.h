/* SPDX-License-Identifier: BSD-2-Clause */
/* Traffic selectors (RFC 4301 section 4.4.1.1) against the flow of one packet. */
#ifndef ESPNIC_ENGINE_SELECTOR_H
#define ESPNIC_ENGINE_SELECTOR_H

#include "engine/engine.h"

enum espnic_selector_result {
	ESPNIC_SELECTOR_NO,		/* the packet is not for it */
	ESPNIC_SELECTOR_YES,
	/*
	 * All that can be seen fits, but ports (or ICMP type and code, or the protocol
	 * behind IPv6 extension headers) decide, and this packet does not show them: a
	 * non-first fragment, or a transport header cut short.
	 */
	ESPNIC_SELECTOR_UNKNOWN,
};

/*
 * OPAQUE (RFC 4301 section 4.4.1.1): only packets that do not show the field: the protocol behind
 * a chain of extension headers that goes on in another fragment; ports in a later fragment, or of a
 * protocol that has none. As a port range it is written as IKEv2 does, 65535..0 (RFC 7296 section
 * 3.13.1). ANY takes those too.
 */
static inline bool espnic_ports_opaque(uint16_t min, uint16_t max)
{
	return min == ESPNIC_PORT_MAX && max == 0;
}

static inline bool espnic_ports_any(uint16_t min, uint16_t max)
{
	return min == 0 && max == ESPNIC_PORT_MAX;
}

/* Whether packets of @proto have what the port ranges are about: ports, or type and code. */
bool espnic_proto_has_ports(uint8_t proto);

/*
 * Whether the protocol of @f is hidden: a non-first IPv6 fragment whose next
 * header is an extension header (the chain goes on in the first fragment).
 */
bool espnic_flow_proto_hidden(const struct espnic_flow *f);

/* @s against @f, three-valued. Both host order; no side effects, any thread. */
enum espnic_selector_result espnic_selector_check(const struct espnic_selector *s,
						  const struct espnic_flow *f);

/* The same of protocol and ports alone: family and addresses are known to fit. */
enum espnic_selector_result espnic_selector_check_upper(const struct espnic_selector *s,
							const struct espnic_flow *f);

/* Whether @f surely fits @s: UNKNOWN counts as no. */
bool espnic_selector_match(const struct espnic_selector *s, const struct espnic_flow *f);

/* Whether the first @bits bits of @a and @b are equal; both have (@bits + 7) / 8 bytes or more. */
bool espnic_prefix_match(const uint8_t *a, const uint8_t *b, unsigned int bits);

#endif
