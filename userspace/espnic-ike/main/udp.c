// SPDX-License-Identifier: BSD-2-Clause
#include "main/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/udp.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	MARKER = 4, /* bytes of zeros in front of IKE on the NAT-T port */
	NATT = 2, /* bits of a socket's number */
	IPV6 = 1,
	RECEIVE_BUFFER = 4 << 20, /* bytes: a burst of first messages */
	KEEPALIVE = 0xff, /* RFC 3948 section 2.3 */
};

/* linux/in.h and netinet/in.h exclude one another; these are the former's. */
#ifndef IP_XFRM_POLICY
#define IP_XFRM_POLICY 17
#endif
#ifndef IPV6_XFRM_POLICY
#define IPV6_XFRM_POLICY 35
#endif

static bool set(int fd, int level, int option, int value)
{
	return !setsockopt(fd, level, option, &value, sizeof(value));
}

/* Whatever policies there are, this socket's packets pass in clear. */
static bool bypass_policies(int fd, bool v6)
{
	struct xfrm_userpolicy_info p = { .action = XFRM_POLICY_ALLOW, .sel.family = v6 ? AF_INET6 : AF_INET };
	unsigned int dir;

	p.lft.soft_byte_limit = p.lft.hard_byte_limit = XFRM_INF;
	p.lft.soft_packet_limit = p.lft.hard_packet_limit = XFRM_INF;
	for (dir = XFRM_POLICY_IN; dir <= XFRM_POLICY_OUT; dir++) {
		p.dir = (uint8_t)dir;
		if (setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_XFRM_POLICY : IP_XFRM_POLICY, &p, sizeof(p)))
			return false;
	}
	return true;
}

static bool options(int fd, bool natt, bool v6, bool bypass)
{
	/* more than the limit of ordinary users where it can be had */
	if (!set(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER))
		set(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	if (v6 && (!set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) || !set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)))
		return false;
	/* IKE has fragments of its own; the DF bit would only lose what the path can't take */
	if (!v6 && (!set(fd, IPPROTO_IP, IP_PKTINFO, 1) || !set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)))
		return false;
	/*
	 * What a device has decrypted already (crypto offload) is ESP to Linux behind GRO alone: else the socket's own policy, which
	 * knows of no SA, is asked of a packet that a tunnel's has protected, and drops it. IKE is never put together there.
	 */
	if (natt && (!set(fd, IPPROTO_UDP, UDP_ENCAP, UDP_ENCAP_ESPINUDP) || !set(fd, IPPROTO_UDP, UDP_GRO, 1)))
		return false;
	return !bypass || bypass_policies(fd, v6);
}

static bool bind_any(int fd, uint16_t port, bool v6)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 b = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	return v6 ? !bind(fd, (struct sockaddr *)&b, sizeof(b)) : !bind(fd, (struct sockaddr *)&a, sizeof(a));
}

int espnic_udp_open(struct espnic_udp *u, uint16_t port, uint16_t natt, bool bypass, char err[ESPNIC_IKE_TEXT])
{
	int i;

	*u = (struct espnic_udp){ .fd = { -1, -1, -1, -1 }, .port = { port, natt } };
	for (i = 0; i < ESPNIC_UDP_SOCKETS; i++) {
		bool v6 = i & IPV6;
		uint16_t at = u->port[i / NATT];

		u->fd[i] = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (u->fd[i] < 0 && errno == EAFNOSUPPORT)
			continue;
		if (u->fd[i] >= 0 && options(u->fd[i], i & NATT, v6, bypass) && bind_any(u->fd[i], at, v6))
			continue;
		snprintf(err, ESPNIC_IKE_TEXT, "UDP port %u of IPv%d: %s", at, v6 ? 6 : 4, strerror(errno));
		espnic_udp_close(u);
		return -1;
	}
	return 0;
}

void espnic_udp_close(struct espnic_udp *u)
{
	int i;

	for (i = 0; i < ESPNIC_UDP_SOCKETS; i++) {
		if (u->fd[i] >= 0)
			close(u->fd[i]);
		u->fd[i] = -1;
	}
}

/* ---- one datagram ---- */

union any_address {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo))];
};

static void from_sockaddr(struct espnic_ike_endpoint *e, const union any_address *a)
{
	bool v6 = a->sa.sa_family == AF_INET6;

	memset(e, 0, sizeof(*e));
	e->addr.family = v6 ? 6 : 4;
	e->port = ntohs(v6 ? a->v6.sin6_port : a->v4.sin_port);
	if (v6)
		memcpy(e->addr.bytes, &a->v6.sin6_addr, 16);
	else
		memcpy(e->addr.bytes, &a->v4.sin_addr, 4);
}

/* The address it was sent to. */
static void to_local(struct espnic_ike_addr *local, struct msghdr *msg)
{
	struct in6_pktinfo v6;
	struct in_pktinfo v4;
	struct cmsghdr *c;

	memset(local, 0, sizeof(*local));
	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&v4, CMSG_DATA(c), sizeof(v4));
			local->family = 4;
			memcpy(local->bytes, &v4.ipi_addr, 4);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&v6, CMSG_DATA(c), sizeof(v6));
			local->family = 6;
			memcpy(local->bytes, &v6.ipi6_addr, 16);
		}
	}
}

bool espnic_udp_receive(const struct espnic_udp *u, int which, uint8_t *buf, size_t room, struct espnic_ike_input *in)
{
	static const uint8_t marker[MARKER];
	size_t skip = which & NATT ? MARKER : 0;
	union any_address from;
	union control control;
	struct iovec iov = { buf, room };
	struct msghdr msg = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = &control, .msg_controllen = sizeof(control) };
	ssize_t len = recvmsg(u->fd[which], &msg, MSG_DONTWAIT);

	if (len < 0)
		return false;
	*in = (struct espnic_ike_input){ .kind = ESPNIC_IKE_IN_TIMER };
	/* ESP on this port is the kernel's; what of it comes here, no state has opened */
	if ((size_t)len <= skip || memcmp(buf, marker, skip) != 0)
		return true;
	in->kind = ESPNIC_IKE_IN_DATAGRAM;
	from_sockaddr(&in->datagram.remote, &from);
	to_local(&in->datagram.local.addr, &msg);
	in->datagram.local.port = u->port[which / NATT];
	in->datagram.natt = which & NATT;
	in->datagram.data = buf + skip;
	in->datagram.len = (size_t)len - skip;
	return true;
}

static socklen_t to_sockaddr(union any_address *a, const struct espnic_ike_endpoint *e)
{
	memset(a, 0, sizeof(*a));
	if (e->addr.family == 6) {
		a->v6.sin6_family = AF_INET6;
		a->v6.sin6_port = htons(e->port);
		memcpy(&a->v6.sin6_addr, e->addr.bytes, 16);
		return sizeof(a->v6);
	}
	a->v4.sin_family = AF_INET;
	a->v4.sin_port = htons(e->port);
	memcpy(&a->v4.sin_addr, e->addr.bytes, 4);
	return sizeof(a->v4);
}

/* The address it is to come from. */
static void from_local(struct msghdr *msg, const struct espnic_ike_addr *local)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	struct in6_pktinfo v6 = { 0 };
	struct in_pktinfo v4 = { 0 };

	if (local->family == 6) {
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(v6));
		memcpy(&v6.ipi6_addr, local->bytes, 16);
		memcpy(CMSG_DATA(c), &v6, sizeof(v6));
		msg->msg_controllen = CMSG_SPACE(sizeof(v6));
		return;
	}
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(v4));
	memcpy(&v4.ipi_spec_dst, local->bytes, 4);
	memcpy(CMSG_DATA(c), &v4, sizeof(v4));
	msg->msg_controllen = CMSG_SPACE(sizeof(v4));
}

void espnic_udp_send(const struct espnic_udp *u, const struct espnic_ike_action *a)
{
	static const uint8_t marker[MARKER], alive = KEEPALIVE;
	bool keepalive = a->kind == ESPNIC_IKE_ACT_KEEPALIVE;
	int which = (a->send.natt || keepalive ? NATT : 0) | (a->send.remote.addr.family == 6 ? IPV6 : 0);
	union any_address to;
	union control control = { 0 };
	struct iovec iov[2] = { { (void *)(uintptr_t)marker, a->send.natt && !keepalive ? MARKER : 0 },
				{ (void *)(uintptr_t)(keepalive ? &alive : a->send.data), keepalive ? 1 : a->send.len } };
	struct msghdr msg = { .msg_name = &to, .msg_iov = iov, .msg_iovlen = 2, .msg_control = &control,
			      .msg_controllen = sizeof(control) };

	if (u->fd[which] < 0)
		return;
	msg.msg_namelen = to_sockaddr(&to, &a->send.remote);
	from_local(&msg, &a->send.local.addr);
	while (sendmsg(u->fd[which], &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}
