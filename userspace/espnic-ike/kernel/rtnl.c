// SPDX-License-Identifier: BSD-2-Clause
#include "kernel/rtnl.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>

enum { ANSWER = 32768 }; /* what a dump's datagrams have at most (netlink_dump()) */

static int ask(struct nlmsghdr *msg, mnl_cb_t each, void *ctx)
{
	_Alignas(8) char buf[ANSWER];
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	uint32_t seq = (uint32_t)time(NULL);
	ssize_t len;
	int rc = -1;

	msg->nlmsg_seq = seq;
	errno = 0;
	if (nl && mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) >= 0 && mnl_socket_sendto(nl, msg, msg->nlmsg_len) >= 0) {
		do {
			len = mnl_socket_recvfrom(nl, buf, sizeof(buf));
			/* an error, or an acknowledgement's, becomes errno */
			rc = len < 0 ? -1 : mnl_cb_run(buf, (size_t)len, seq, mnl_socket_get_portid(nl), each, ctx);
		} while (rc > MNL_CB_STOP);
	}
	rc = rc < 0 ? -(errno ? errno : EIO) : 0;
	if (nl)
		mnl_socket_close(nl);
	return rc;
}

int espnic_rtnl(struct nlmsghdr *msg)
{
	return ask(msg, NULL, NULL);
}

int espnic_rtnl_dump(struct nlmsghdr *msg, mnl_cb_t each, void *ctx)
{
	return ask(msg, each, ctx);
}
