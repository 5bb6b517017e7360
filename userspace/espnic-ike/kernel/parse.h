/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel tells without being asked: the messages of NETLINK_XFRM's and NETLINK_ROUTE's groups. */
#ifndef ESPNIC_IKE_KERNEL_PARSE_H
#define ESPNIC_IKE_KERNEL_PARSE_H

#include "kernel/xfrm.h"

enum espnic_kernel_event_kind {
	ESPNIC_KERNEL_NOTHING, /* a message that is of no interest */
	ESPNIC_KERNEL_ACQUIRE, /* a packet met a policy that has no state */
	ESPNIC_KERNEL_EXPIRE, /* a state's soft limit, or its hard one, by which it is gone */
	ESPNIC_KERNEL_MAPPING, /* a NAT has a new mapping for the peer of a state */
	ESPNIC_KERNEL_POLICY, /* somebody, maybe ourselves, has put in a policy */
	ESPNIC_KERNEL_LINK, /* an interface is up, down or gone */
	ESPNIC_KERNEL_ADDRESS, /* the host has a new address, or one less */
};

struct espnic_kernel_event {
	enum espnic_kernel_event_kind kind;
	union {
		struct {
			struct espnic_xfrm_policy policy;
			struct espnic_xfrm_selector sel; /* of the packet */
			struct espnic_addr src, dst; /* of the SA to make */
			uint8_t proto;
			uint32_t seq; /* to be given in the state that answers */
			uint32_t reqid; /* of the policy's first template */
		} acquire;
		struct {
			struct espnic_xfrm_sa sa; /* without keys */
			bool hard;
		} expire;
		struct {
			struct espnic_addr dst, new_src;
			uint32_t spi, reqid;
			uint16_t new_sport;
		} mapping;
		struct {
			uint32_t ifindex;
			bool up, gone;
			char name[16];
		} link;
		struct {
			struct espnic_addr addr;
			uint32_t ifindex;
			bool gone;
		} address;
	};
};

/* Read one message of NETLINK_XFRM. False if it is malformed. Nothing past its length is read. */
bool espnic_kernel_xfrm_event(const struct nlmsghdr *msg, struct espnic_kernel_event *out);
/* The same of NETLINK_ROUTE. */
bool espnic_kernel_route_event(const struct nlmsghdr *msg, struct espnic_kernel_event *out);

#endif
