// SPDX-License-Identifier: BSD-2-Clause
/*
 * Framing. The stream has no message boundaries: a 16-byte header that says how long the message
 * is, then its body. Descriptors ride with the bytes of the header. The socket is not blocking, so
 * that a client which stops in the middle of a message can't hold the bus thread.
 */
#include "vfio-user/vfu.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

void espnic_vfu_rx_reset(struct espnic_vfu_rx *rx)
{
	for (unsigned int i = 0; i < rx->nfds; i++)
		if (rx->fds[i] >= 0)
			close(rx->fds[i]);
	rx->nfds = 0;
	rx->have = 0;
}

/* Take over the descriptors of @msg. False if they are more than a message may have. */
static bool take_fds(struct espnic_vfu_rx *rx, struct msghdr *msg)
{
	bool fits = !(msg->msg_flags & MSG_CTRUNC);

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (rx->nfds < ESPNIC_VFU_MAX_FDS) {
				rx->fds[rx->nfds++] = fd;
			} else {
				close(fd);
				fits = false;
			}
		}
	}
	return fits;
}

/* One recvmsg of up to @len bytes to @buf. Bytes taken; 0: none now; negative: end or error. */
static ssize_t recv_some(struct espnic_vfu *vfu, void *buf, size_t len, bool want_fds)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * ESPNIC_VFU_MAX_FDS)];
		struct cmsghdr align;
	} ctl;
	struct iovec iov = { .iov_base = buf, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (want_fds) {
		msg.msg_control = ctl.buf;
		msg.msg_controllen = sizeof(ctl.buf);
	}
	do {
		n = recvmsg(vfu->conn, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	/*
	 * Without room for them the kernel has closed descriptors that came with a body, and says
	 * so.
	 */
	if (!want_fds && (msg.msg_flags & MSG_CTRUNC)) {
		vfu->why = "file descriptors outside of a message header";
		return -EPROTO;
	}
	if (want_fds && !take_fds(&vfu->rx, &msg)) {
		vfu->why = "too many file descriptors in a message";
		return -EPROTO;
	}
	return n;
}

int espnic_vfu_recv(struct espnic_vfu *vfu)
{
	struct espnic_vfu_rx *rx = &vfu->rx;
	ssize_t n;

	while (rx->have < sizeof(rx->hdr)) {
		n = recv_some(vfu, (uint8_t *)&rx->hdr + rx->have, sizeof(rx->hdr) - rx->have,
			      true);
		if (n <= 0)
			return (int)n;
		rx->have += (size_t)n;
	}
	if (rx->hdr.size < sizeof(rx->hdr) ||
	    rx->hdr.size > sizeof(rx->hdr) + ESPNIC_VFU_MAX_BODY) {
		/* Where the next message begins is not known any more. */
		vfu->why = "impossible size in a message header";
		return -EPROTO;
	}
	while (rx->have < rx->hdr.size) {
		n = recv_some(vfu, rx->body + (rx->have - sizeof(rx->hdr)), rx->hdr.size - rx->have,
			      false);
		if (n <= 0)
			return (int)n;
		rx->have += (size_t)n;
	}
	return 1;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Wait until the client reads, the server is stopped, or @end (now_ms). */
static int wait_writable(struct espnic_vfu *vfu, int64_t end)
{
	struct pollfd p[] = {
		{ .fd = vfu->conn, .events = POLLOUT },
		{ .fd = vfu->stop_fd, .events = POLLIN },
	};
	int64_t left = end - now_ms();

	if (left <= 0 || poll(p, 2, (int)left) == 0) {
		vfu->why = "it does not read its messages";
		return -ETIMEDOUT;
	}
	return p[1].revents ? -ECANCELED : 0;
}

int espnic_vfu_send(struct espnic_vfu *vfu, uint16_t id, uint16_t cmd, uint32_t flags,
		    uint32_t error, size_t len)
{
	struct espnic_vfu_header hdr = {
		.id = id,
		.cmd = cmd,
		.size = (uint32_t)(sizeof(hdr) + len),
		.flags = flags,
		.error = error,
	};
	int64_t end = 0;
	size_t sent = 0;

	memcpy(vfu->tx, &hdr, sizeof(hdr));
	while (sent < hdr.size) {
		ssize_t n = send(vfu->conn, vfu->tx + sent, hdr.size - sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0) {
			sent += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		if (!end)
			end = now_ms() + ESPNIC_VFU_SEND_TIMEOUT_MS;
		n = wait_writable(vfu, end);
		if (n)
			return (int)n;
	}
	return 0;
}
