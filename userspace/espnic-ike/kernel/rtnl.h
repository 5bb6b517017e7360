/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests to NETLINK_ROUTE, each by a socket of its own: they are few. */
#ifndef ESPNIC_IKE_KERNEL_RTNL_H
#define ESPNIC_IKE_KERNEL_RTNL_H

#include <libmnl/libmnl.h>

/* By which what is ours is known to the next daemon, too: the protocol of routes, rules and addresses; as ESPNIC_REQID_OURS. */
enum { ESPNIC_RTNL_OURS = 0x65 };

/* Send @msg, which asks for no answer but the acknowledgement (NLM_F_ACK), and wait for that. 0, or -errno. */
int espnic_rtnl(struct nlmsghdr *msg);
/* Send @msg, a dump (NLM_F_DUMP), and hand each message of the answer to @each. 0, or -errno. */
int espnic_rtnl_dump(struct nlmsghdr *msg, mnl_cb_t each, void *ctx);

#endif
