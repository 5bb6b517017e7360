// SPDX-License-Identifier: BSD-2-Clause
#include "kernel/bypass.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/commit.h"

enum {
	WHOLE = 0xffff, /* mask of a port */
	ND_FIRST = 133, ND_LAST = 137, /* RFC 4861 section 4: router and neighbour discovery, redirect */
	FAMILIES = 2,
	DIRECTIONS = 2,
	PORTS = 2,
	POLICIES = DIRECTIONS * (FAMILIES * PORTS + ND_LAST - ND_FIRST + 1),
};

struct plan {
	struct espnic_xfrm_policy policy[POLICIES];
	struct espnic_xfrm_op op[POLICIES];
	unsigned int n;
};

static struct espnic_xfrm_selector *add(struct plan *p, uint32_t ifindex, int family, unsigned int dir, uint8_t proto, bool on)
{
	struct espnic_xfrm_policy *policy = &p->policy[p->n];

	policy->sel.src.addr.family = policy->sel.dst.addr.family = (uint8_t)family;
	policy->sel.proto = proto;
	/* Linux knows policies by their selectors: each device has its own */
	policy->sel.ifindex = ifindex;
	policy->dir = (uint8_t)dir;
	policy->action = XFRM_POLICY_ALLOW;
	policy->priority = ESPNIC_BYPASS_PRIORITY;
	policy->offload = ESPNIC_XFRM_PACKET;
	policy->ifindex = ifindex;
	p->op[p->n++] = (struct espnic_xfrm_op){ .kind = on ? ESPNIC_XFRM_SET_POLICY : ESPNIC_XFRM_DEL_POLICY, .policy = policy };
	return &policy->sel;
}

static void plan(struct plan *p, uint32_t ifindex, const uint16_t ports[2], bool on)
{
	static const uint8_t families[FAMILIES] = { AF_INET, AF_INET6 };
	struct espnic_xfrm_selector *sel;
	unsigned int i, type, dir;

	for (dir = XFRM_POLICY_IN; dir <= XFRM_POLICY_OUT; dir++) {
		for (i = 0; i < FAMILIES * PORTS; i++) {
			sel = add(p, ifindex, families[i / PORTS], dir, IPPROTO_UDP, on);
			/* our own port; the peer's may be anything behind a NAT */
			if (dir == XFRM_POLICY_IN) {
				sel->dport = ports[i % PORTS];
				sel->dport_mask = WHOLE;
			} else {
				sel->sport = ports[i % PORTS];
				sel->sport_mask = WHOLE;
			}
		}
		for (type = ND_FIRST; type <= ND_LAST; type++) {
			sel = add(p, ifindex, AF_INET6, dir, IPPROTO_ICMPV6, on);
			sel->sport = (uint16_t)type;
			sel->sport_mask = WHOLE;
		}
	}
}

int espnic_bypass(const struct espnic_xfrm *x, uint32_t ifindex, const uint16_t ports[2], bool on, char *text)
{
	struct plan *p = calloc(1, sizeof(*p));
	int rc;

	text[0] = 0;
	if (!p)
		return -ENOMEM;
	plan(p, ifindex, ports, on);
	rc = espnic_xfrm_commit(x, p->op, p->n, text);
	free(p);
	return rc;
}
