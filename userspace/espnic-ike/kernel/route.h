/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Routes of the daemon's own: in a table of their own, with a rule before all but the host's local one, as IKE daemons have it, and known by
 * their protocol (kernel/rtnl.h). All need CAP_NET_ADMIN and return 0, or -errno.
 */
#ifndef ESPNIC_IKE_KERNEL_ROUTE_H
#define ESPNIC_IKE_KERNEL_ROUTE_H

#include "kernel/xfrm.h"

enum {
	ESPNIC_ROUTE_TABLE = 220,	/* strongSwan's, too, which users look into */
	ESPNIC_ROUTE_RULE = 220,	/* preference of the rule */
};

struct espnic_own_route {
	struct espnic_prefix dst;
	/* Family 0 in both, ifindex 0: packets to @dst are none of this table's. */
	struct espnic_addr src, via;	/* via: the next hop; family 0: on the link */
	uint32_t ifindex;
};

/* One that is there already is as wanted afterwards (@add). */
int espnic_own_route_set(const struct espnic_own_route *r, bool add);
/* The rule that leads to the table, for AF_INET or AF_INET6; one that is there is taken as it is. */
int espnic_own_rule_set(int family, bool add);
/* All that a daemon before this one has left. */
int espnic_own_routes_sweep(void);

#endif
