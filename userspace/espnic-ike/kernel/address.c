// SPDX-License-Identifier: BSD-2-Clause
#include "kernel/address.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { MESSAGE = 1024 };

static void build(struct nlmsghdr *msg, uint32_t ifindex, const struct espnic_ike_addr *addr, bool add)
{
	size_t len = addr->family == 4 ? 4 : 16;
	struct ifaddrmsg *ifa;

	msg->nlmsg_type = add ? RTM_NEWADDR : RTM_DELADDR;
	msg->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_EXCL : 0);
	msg->nlmsg_seq = (uint32_t)time(NULL);
	ifa = mnl_nlmsg_put_extra_header(msg, sizeof(*ifa));
	memset(ifa, 0, sizeof(*ifa));
	ifa->ifa_family = addr->family == 4 ? AF_INET : AF_INET6;
	ifa->ifa_prefixlen = (uint8_t)(8 * len);
	ifa->ifa_flags = addr->family == 6 && add ? IFA_F_NODAD : 0;
	ifa->ifa_scope = RT_SCOPE_UNIVERSE;
	ifa->ifa_index = ifindex;
	mnl_attr_put(msg, IFA_LOCAL, len, addr->bytes);
	mnl_attr_put(msg, IFA_ADDRESS, len, addr->bytes);
}

int espnic_address_set(uint32_t ifindex, const struct espnic_ike_addr *addr, bool add)
{
	_Alignas(8) char buf[MESSAGE];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	uint32_t seq;
	ssize_t len = -1;
	int rc = 0;

	build(msg, ifindex, addr, add);
	seq = msg->nlmsg_seq;
	errno = 0;
	if (nl && mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) >= 0 && mnl_socket_sendto(nl, msg, msg->nlmsg_len) >= 0)
		len = mnl_socket_recvfrom(nl, buf, sizeof(buf));
	/* the acknowledgement's error becomes errno */
	if (len < 0 || mnl_cb_run(buf, (size_t)len, seq, mnl_socket_get_portid(nl), NULL, NULL) < 0)
		rc = errno ? -errno : -EIO;
	if (nl)
		mnl_socket_close(nl);
	return rc;
}
