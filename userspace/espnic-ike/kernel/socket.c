// SPDX-License-Identifier: BSD-2-Clause
/* Requests and replies on a netlink socket, with the kernel's own words about what it did. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "kernel/xfrm.h"

enum socket_limits {
	REPLY_BYTES = 65536, /* of one datagram; the kernel fills dumps up to 32 KiB */
	ANSWER_SECONDS = 10, /* a kernel that says nothing for so long has a fault */
};

struct nl_socket {
	struct mnl_socket *nl;
	uint32_t seq;
	unsigned int port;
	_Alignas(8) char buf[REPLY_BYTES];
};

/* Where the text of an acknowledgement stands (NETLINK_EXT_ACK), cut to ESPNIC_XFRM_TEXT. */
static void extack(const struct nlmsghdr *msg, const struct nlmsgerr *e, char *text)
{
	size_t skip = sizeof(*e), len;
	const struct nlattr *a;

	text[0] = 0;
	if (!(msg->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	/* Unless capped, the request stands between the error and what belongs to it. */
	if (!(msg->nlmsg_flags & NLM_F_CAPPED))
		skip += MNL_ALIGN(e->msg.nlmsg_len) - sizeof(e->msg);
	if (skip > mnl_nlmsg_get_payload_len(msg))
		return;
	mnl_attr_for_each(a, msg, (unsigned int)skip) {
		if (mnl_attr_get_type(a) != NLMSGERR_ATTR_MSG)
			continue;
		len = strnlen(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
		snprintf(text, ESPNIC_XFRM_TEXT, "%.*s", (int)len, (char *)mnl_attr_get_payload(a));
	}
}

/* One message of the reply; 1: go on, 0: that was the last, -errno: the kernel refused. */
static int one_message(const struct nlmsghdr *msg, bool dump, espnic_xfrm_each *each, void *ctx,
		       char *text, bool *changed)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(msg);
	int rc;

	*changed |= (msg->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
	switch (msg->nlmsg_type) {
	case NLMSG_ERROR:
		if (mnl_nlmsg_get_payload_len(msg) < sizeof(*e))
			return -EBADMSG;
		extack(msg, e, text);
		return e->error > 0 ? -EBADMSG : e->error;
	case NLMSG_DONE:
		if (dump && mnl_nlmsg_get_payload_len(msg) >= sizeof(rc)) {
			memcpy(&rc, e, sizeof(rc));
			return rc > 0 ? 0 : rc;
		}
		return 0;
	case NLMSG_NOOP:
		return 1;
	case NLMSG_OVERRUN:
		return -ENOBUFS;
	default:
		rc = each ? each(msg, ctx) : 0;
		return rc ? rc : 1;
	}
}

static int receive(struct nl_socket *s, bool dump, espnic_xfrm_each *each, void *ctx, char *text,
		   bool *changed)
{
	struct nlmsghdr *msg;
	ssize_t len;
	int left, rc = 1;

	while (rc == 1) {
		len = mnl_socket_recvfrom(s->nl, s->buf, sizeof(s->buf));
		if (len < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		left = (int)len;
		for (msg = (void *)s->buf; rc == 1 && mnl_nlmsg_ok(msg, left);
		     msg = mnl_nlmsg_next(msg, &left)) {
			/* what is left of a request given up earlier */
			if (!mnl_nlmsg_seq_ok(msg, s->seq) || !mnl_nlmsg_portid_ok(msg, s->port))
				continue;
			rc = one_message(msg, dump, each, ctx, text, changed);
		}
		/* dumps have keys in them */
		explicit_bzero(s->buf, (size_t)len);
	}
	return rc;
}

static int talk(void *ctx, struct nlmsghdr *req, espnic_xfrm_each *each, void *each_ctx, char *text)
{
	struct nl_socket *s = ctx;
	bool changed = false;
	int rc;

	text[0] = 0;
	s->seq++;
	req->nlmsg_seq = s->seq;
	req->nlmsg_flags |= NLM_F_REQUEST;
	/* A reply ends a question; what asks nothing is acknowledged. */
	if (!each)
		req->nlmsg_flags |= NLM_F_ACK;
	if (mnl_socket_sendto(s->nl, req, req->nlmsg_len) < 0)
		return -errno;
	rc = receive(s, (req->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP, each, each_ctx, text, &changed);
	if (!rc && changed)
		return -EINTR;
	return rc;
}

static void close_socket(void *ctx)
{
	struct nl_socket *s = ctx;

	mnl_socket_close(s->nl);
	explicit_bzero(s->buf, sizeof(s->buf));
	free(s);
}

static const struct espnic_xfrm_ops socket_ops = { .talk = talk, .close = close_socket };

static int setup(struct nl_socket *s)
{
	const struct timeval wait = { .tv_sec = ANSWER_SECONDS };
	int one = 1;

	if (mnl_socket_bind(s->nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_setsockopt(s->nl, NETLINK_EXT_ACK, &one, sizeof(one)) < 0 ||
	    mnl_socket_setsockopt(s->nl, NETLINK_CAP_ACK, &one, sizeof(one)) < 0 ||
	    setsockopt(mnl_socket_get_fd(s->nl), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0)
		return -errno;
	s->port = mnl_socket_get_portid(s->nl);
	return 0;
}

int espnic_xfrm_open(struct espnic_xfrm *x, char *text)
{
	struct nl_socket *s = calloc(1, sizeof(*s));
	int rc = -ENOMEM;

	if (s) {
		s->nl = mnl_socket_open2(NETLINK_XFRM, SOCK_CLOEXEC);
		rc = s->nl ? setup(s) : -errno;
	}
	if (rc) {
		snprintf(text, ESPNIC_XFRM_TEXT, "no netlink to the kernel's IPsec: %s", strerror(-rc));
		if (s && s->nl)
			mnl_socket_close(s->nl);
		free(s);
		return rc;
	}
	x->ops = &socket_ops;
	x->ctx = s;
	return 0;
}

void espnic_xfrm_close(struct espnic_xfrm *x)
{
	if (x->ops)
		x->ops->close(x->ctx);
	x->ops = NULL;
}
