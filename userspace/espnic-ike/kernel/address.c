// SPDX-License-Identifier: BSD-2-Clause
#include "kernel/address.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel/rtnl.h"

enum {
	MESSAGE = 1024,
	SWEPT = 256, /* at once */
};

static void build(struct nlmsghdr *msg, uint32_t ifindex, const struct espnic_ike_addr *addr, bool add)
{
	size_t len = addr->family == 4 ? 4 : 16;
	struct ifaddrmsg *ifa;

	msg->nlmsg_type = add ? RTM_NEWADDR : RTM_DELADDR;
	msg->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_EXCL : 0);
	ifa = mnl_nlmsg_put_extra_header(msg, sizeof(*ifa));
	memset(ifa, 0, sizeof(*ifa));
	ifa->ifa_family = addr->family == 4 ? AF_INET : AF_INET6;
	ifa->ifa_prefixlen = (uint8_t)(8 * len);
	ifa->ifa_flags = addr->family == 6 && add ? IFA_F_NODAD : 0;
	ifa->ifa_scope = RT_SCOPE_UNIVERSE;
	ifa->ifa_index = ifindex;
	mnl_attr_put(msg, IFA_LOCAL, len, addr->bytes);
	mnl_attr_put(msg, IFA_ADDRESS, len, addr->bytes);
	mnl_attr_put_u8(msg, IFA_PROTO, ESPNIC_RTNL_OURS);
}

int espnic_address_set(uint32_t ifindex, const struct espnic_ike_addr *addr, bool add)
{
	_Alignas(8) char buf[MESSAGE];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);

	build(msg, ifindex, addr, add);
	return espnic_rtnl(msg);
}

/* ---- what was left ---- */

struct swept {
	struct {
		uint32_t ifindex;
		struct espnic_ike_addr addr;
	} v[SWEPT];
	unsigned int n;
};

static int take(const struct nlmsghdr *msg, void *ctx)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(msg);
	struct espnic_ike_addr addr = { 0 };
	struct swept *s = ctx;
	const struct nlattr *a;
	bool ours = false;

	if (mnl_nlmsg_get_payload_len(msg) < sizeof(*ifa) || s->n == SWEPT)
		return MNL_CB_OK;
	addr.family = ifa->ifa_family == AF_INET ? 4 : 6;
	mnl_attr_for_each(a, msg, sizeof(*ifa)) {
		uint16_t len = mnl_attr_get_payload_len(a);

		if (mnl_attr_get_type(a) == IFA_PROTO && len == 1)
			ours = mnl_attr_get_u8(a) == ESPNIC_RTNL_OURS;
		else if (mnl_attr_get_type(a) == IFA_ADDRESS && len <= sizeof(addr.bytes))
			memcpy(addr.bytes, mnl_attr_get_payload(a), len);
	}
	if (ours) {
		s->v[s->n].ifindex = ifa->ifa_index;
		s->v[s->n++].addr = addr;
	}
	return MNL_CB_OK;
}

int espnic_addresses_sweep(void)
{
	_Alignas(8) char buf[MESSAGE];
	struct ifaddrmsg *ifa;
	struct nlmsghdr *msg;
	struct swept s;
	int rc;

	do {
		s.n = 0;
		msg = mnl_nlmsg_put_header(buf);
		msg->nlmsg_type = RTM_GETADDR;
		msg->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
		ifa = mnl_nlmsg_put_extra_header(msg, sizeof(*ifa));
		memset(ifa, 0, sizeof(*ifa));
		rc = espnic_rtnl_dump(msg, take, &s);
		for (unsigned int i = 0; i < s.n && !rc; i++)
			rc = espnic_address_set(s.v[i].ifindex, &s.v[i].addr, false);
	} while (!rc && s.n == SWEPT);
	return rc;
}
