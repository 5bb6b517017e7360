// SPDX-License-Identifier: BSD-2-Clause
#include "kernel/route.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel/rtnl.h"

enum {
	MESSAGE = 1024,
	SWEPT = 256, /* at once */
};

static void put_addr(struct nlmsghdr *msg, uint16_t type, const struct espnic_addr *a)
{
	if (a->family)
		mnl_attr_put(msg, type, espnic_addr_bits(a->family) / 8, a->bytes);
}

int espnic_own_route_set(const struct espnic_own_route *r, bool add)
{
	_Alignas(8) char buf[MESSAGE];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct rtmsg *rt;

	msg->nlmsg_type = add ? RTM_NEWROUTE : RTM_DELROUTE;
	msg->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_REPLACE : 0);
	rt = mnl_nlmsg_put_extra_header(msg, sizeof(*rt));
	memset(rt, 0, sizeof(*rt));
	rt->rtm_family = r->dst.addr.family;
	rt->rtm_dst_len = r->dst.len;
	rt->rtm_protocol = ESPNIC_RTNL_OURS;
	rt->rtm_type = r->ifindex ? RTN_UNICAST : RTN_THROW;
	rt->rtm_scope = r->ifindex && !r->via.family ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	mnl_attr_put_u32(msg, RTA_TABLE, ESPNIC_ROUTE_TABLE);
	if (r->dst.len)
		put_addr(msg, RTA_DST, &r->dst.addr);
	put_addr(msg, RTA_PREFSRC, &r->src);
	put_addr(msg, RTA_GATEWAY, &r->via);
	if (r->ifindex)
		mnl_attr_put_u32(msg, RTA_OIF, r->ifindex);
	return espnic_rtnl(msg);
}

int espnic_own_rule_set(int family, bool add)
{
	_Alignas(8) char buf[MESSAGE];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct fib_rule_hdr *rule;
	int rc;

	msg->nlmsg_type = add ? RTM_NEWRULE : RTM_DELRULE;
	msg->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_EXCL : 0);
	rule = mnl_nlmsg_put_extra_header(msg, sizeof(*rule));
	memset(rule, 0, sizeof(*rule));
	rule->family = (uint8_t)family;
	rule->action = FR_ACT_TO_TBL;
	mnl_attr_put_u32(msg, FRA_TABLE, ESPNIC_ROUTE_TABLE);
	mnl_attr_put_u32(msg, FRA_PRIORITY, ESPNIC_ROUTE_RULE);
	mnl_attr_put_u8(msg, FRA_PROTOCOL, ESPNIC_RTNL_OURS);
	rc = espnic_rtnl(msg);
	return add && rc == -EEXIST ? 0 : rc;
}

/* ---- what was left ---- */

struct swept {
	struct espnic_own_route v[SWEPT];
	unsigned int n;
};

static int take(const struct nlmsghdr *msg, void *ctx)
{
	const struct rtmsg *rt = mnl_nlmsg_get_payload(msg);
	struct espnic_own_route r = { .dst.len = 0 };
	struct swept *s = ctx;
	const struct nlattr *a;
	uint32_t table = 0;

	if (mnl_nlmsg_get_payload_len(msg) < sizeof(*rt) || rt->rtm_protocol != ESPNIC_RTNL_OURS || s->n == SWEPT)
		return MNL_CB_OK;
	r.dst.addr.family = rt->rtm_family;
	r.dst.len = rt->rtm_dst_len;
	mnl_attr_for_each(a, msg, sizeof(*rt)) {
		uint16_t len = mnl_attr_get_payload_len(a);

		if (mnl_attr_get_type(a) == RTA_TABLE && len == sizeof(uint32_t))
			table = mnl_attr_get_u32(a);
		else if (mnl_attr_get_type(a) == RTA_OIF && len == sizeof(uint32_t))
			r.ifindex = mnl_attr_get_u32(a);
		else if (mnl_attr_get_type(a) == RTA_DST && len == espnic_addr_bits(rt->rtm_family) / 8)
			memcpy(r.dst.addr.bytes, mnl_attr_get_payload(a), len);
	}
	/* a type that is none of ours would not be found by ours */
	if (rt->rtm_type == RTN_THROW)
		r.ifindex = 0;
	if (table == ESPNIC_ROUTE_TABLE)
		s->v[s->n++] = r;
	return MNL_CB_OK;
}

static int sweep(int family)
{
	_Alignas(8) char buf[MESSAGE];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct swept s = { .n = 0 };
	struct rtmsg *rt;
	int rc;

	msg->nlmsg_type = RTM_GETROUTE;
	msg->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	rt = mnl_nlmsg_put_extra_header(msg, sizeof(*rt));
	memset(rt, 0, sizeof(*rt));
	rt->rtm_family = (uint8_t)family;
	rc = espnic_rtnl_dump(msg, take, &s);
	for (unsigned int i = 0; i < s.n && !rc; i++)
		rc = espnic_own_route_set(&s.v[i], false);
	return rc ? rc : (int)s.n;
}

int espnic_own_routes_sweep(void)
{
	static const int families[] = { AF_INET, AF_INET6 };
	int rc = 0;

	for (unsigned int i = 0; i < 2 && rc >= 0; i++) {
		while ((rc = sweep(families[i])) == SWEPT)
			;
		if (rc >= 0)
			rc = espnic_own_rule_set(families[i], false);
		/* there was none, or no such family */
		if (rc == -ENOENT || rc == -EAFNOSUPPORT)
			rc = 0;
	}
	return rc < 0 ? rc : 0;
}
