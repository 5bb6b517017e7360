// SPDX-License-Identifier: BSD-2-Clause
#include "kernel/watch.h"

#include <errno.h>
#include <ifaddrs.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
	EVENT_BYTES = 65536,
	EVENT_BUFFER = 8 << 20, /* of the socket: a burst of expiries */
};

static struct mnl_socket *subscribe(int bus, const unsigned int *groups, unsigned int n)
{
	struct mnl_socket *nl = mnl_socket_open2(bus, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int bytes = EVENT_BUFFER;
	unsigned int i;
	bool ok = nl && mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) >= 0;

	for (i = 0; i < n && ok; i++)
		ok = mnl_socket_setsockopt(nl, NETLINK_ADD_MEMBERSHIP, (void *)(uintptr_t)&groups[i], sizeof(int)) >= 0;
	if (!ok) {
		if (nl)
			mnl_socket_close(nl);
		return NULL;
	}
	setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	return nl;
}

int espnic_watch_open(struct espnic_watch *w, char *err)
{
	static const unsigned int xfrm[] = { XFRMNLGRP_ACQUIRE, XFRMNLGRP_EXPIRE, XFRMNLGRP_MAPPING, XFRMNLGRP_POLICY };
	static const unsigned int route[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR };
	int i;

	w->nl[ESPNIC_WATCH_XFRM] = subscribe(NETLINK_XFRM, xfrm, sizeof(xfrm) / sizeof(xfrm[0]));
	w->nl[ESPNIC_WATCH_ROUTE] = subscribe(NETLINK_ROUTE, route, sizeof(route) / sizeof(route[0]));
	for (i = 0; i < ESPNIC_WATCH_SOCKETS; i++) {
		if (!w->nl[i]) {
			snprintf(err, ESPNIC_XFRM_TEXT, "the kernel's messages can't be had: %s", strerror(errno));
			espnic_watch_close(w);
			return -1;
		}
		w->fd[i] = mnl_socket_get_fd(w->nl[i]);
	}
	return 0;
}

void espnic_watch_close(struct espnic_watch *w)
{
	int i;

	for (i = 0; i < ESPNIC_WATCH_SOCKETS; i++) {
		if (w->nl[i])
			mnl_socket_close(w->nl[i]);
		w->nl[i] = NULL;
		w->fd[i] = -1;
	}
}

bool espnic_watch_read(struct espnic_watch *w, enum espnic_watch_socket which,
		       void (*each)(void *ctx, const struct espnic_kernel_event *e), void *ctx)
{
	_Alignas(8) static char buf[EVENT_BYTES];
	struct espnic_kernel_event e;
	const struct nlmsghdr *msg;
	ssize_t len;
	int left;

	while ((len = mnl_socket_recvfrom(w->nl[which], buf, sizeof(buf))) > 0) {
		left = (int)len;
		for (msg = (void *)buf; mnl_nlmsg_ok(msg, left); msg = mnl_nlmsg_next(msg, &left)) {
			bool ok = which == ESPNIC_WATCH_XFRM ? espnic_kernel_xfrm_event(msg, &e) :
							       espnic_kernel_route_event(msg, &e);

			if (ok && e.kind != ESPNIC_KERNEL_NOTHING)
				each(ctx, &e);
		}
		explicit_bzero(buf, (size_t)len);
	}
	return len >= 0 || errno == EAGAIN || errno == EINTR;
}

/* ---- routes ---- */

static int take_route(const struct nlmsghdr *msg, void *ctx)
{
	const struct rtmsg *rt = mnl_nlmsg_get_payload(msg);
	struct espnic_route *out = ctx;
	size_t bytes = rt->rtm_family == AF_INET ? 4 : 16;
	const struct nlattr *a;

	if (mnl_nlmsg_get_payload_len(msg) < sizeof(*rt))
		return MNL_CB_ERROR;
	mnl_attr_for_each(a, msg, sizeof(*rt)) {
		if (mnl_attr_get_type(a) == RTA_OIF && mnl_attr_get_payload_len(a) == sizeof(uint32_t)) {
			out->ifindex = mnl_attr_get_u32(a);
		} else if (mnl_attr_get_type(a) == RTA_PREFSRC && mnl_attr_get_payload_len(a) == bytes) {
			out->local.family = rt->rtm_family == AF_INET ? 4 : 6;
			memcpy(out->local.bytes, mnl_attr_get_payload(a), bytes);
		} else if (mnl_attr_get_type(a) == RTA_GATEWAY && mnl_attr_get_payload_len(a) == bytes) {
			out->via.family = rt->rtm_family == AF_INET ? 4 : 6;
			memcpy(out->via.bytes, mnl_attr_get_payload(a), bytes);
		}
	}
	return MNL_CB_STOP;
}

bool espnic_route(const struct espnic_ike_addr *remote, const struct espnic_ike_addr *local, struct espnic_route *out)
{
	_Alignas(8) char buf[4096];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	uint8_t bytes = remote->family == 4 ? 4 : 16;
	struct rtmsg *rt;
	ssize_t len = -1;

	memset(out, 0, sizeof(*out));
	msg->nlmsg_type = RTM_GETROUTE;
	msg->nlmsg_flags = NLM_F_REQUEST;
	rt = mnl_nlmsg_put_extra_header(msg, sizeof(*rt));
	rt->rtm_family = remote->family == 4 ? AF_INET : AF_INET6;
	rt->rtm_dst_len = (uint8_t)(bytes * 8);
	mnl_attr_put(msg, RTA_DST, bytes, remote->bytes);
	if (local && local->family == remote->family) {
		rt->rtm_src_len = (uint8_t)(bytes * 8);
		mnl_attr_put(msg, RTA_SRC, bytes, local->bytes);
		out->local = *local;
	}
	if (nl && remote->family && mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) >= 0 &&
	    mnl_socket_sendto(nl, msg, msg->nlmsg_len) >= 0)
		len = mnl_socket_recvfrom(nl, buf, sizeof(buf));
	if (len > 0 && mnl_cb_run(buf, (size_t)len, 0, mnl_socket_get_portid(nl), take_route, out) < 0)
		len = -1;
	if (nl)
		mnl_socket_close(nl);
	return len > 0 && out->ifindex && out->local.family;
}

static bool has(const struct sockaddr *have, const struct espnic_ike_addr *addr)
{
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;

	if (!have)
		return false;
	if (addr->family == 4 && have->sa_family == AF_INET) {
		memcpy(&v4, have, sizeof(v4));
		return !memcmp(&v4.sin_addr, addr->bytes, sizeof(v4.sin_addr));
	}
	if (addr->family == 6 && have->sa_family == AF_INET6) {
		memcpy(&v6, have, sizeof(v6));
		return !memcmp(&v6.sin6_addr, addr->bytes, sizeof(v6.sin6_addr));
	}
	return false;
}

uint32_t espnic_owner(const struct espnic_ike_addr *addr)
{
	struct ifaddrs *all = NULL, *a;
	uint32_t found = 0;

	if (getifaddrs(&all))
		return 0;
	for (a = all; a && !found; a = a->ifa_next)
		if (has(a->ifa_addr, addr))
			found = if_nametoindex(a->ifa_name);
	freeifaddrs(all);
	return found;
}
