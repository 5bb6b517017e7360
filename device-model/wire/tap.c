// SPDX-License-Identifier: BSD-2-Clause
/*
 * A TAP interface of the host: its own network stack is the other end of the wire.
 */
#include "wire/kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "espnic_regs.h"

enum tap_limits {
	RX_SLOTS = 64,			/* frames of one recv */
	/* One byte more than a frame may have: a read that fills it was a longer one. */
	RX_SLOT = ESPNIC_MAX_FRAME + 1,
	LINK_MS = 100,			/* the interface's flags are asked for no more often */
};

struct tap {
	struct espnic_wire wire;
	int fd;
	int ctl_fd;			/* any socket: interface ioctls need one */
	char name[IFNAMSIZ];
	_Atomic uint64_t link_at;	/* espnic_wire_now_ms() of the last look */
	_Atomic bool link;
	uint8_t rx[RX_SLOTS][RX_SLOT];
};

static struct tap *to_tap(struct espnic_wire *w)
{
	return (struct tap *)w;
}

static void tap_free(struct tap *t)
{
	if (t->fd >= 0)
		close(t->fd);
	if (t->ctl_fd >= 0)
		close(t->ctl_fd);
	free(t);
}

static void tap_close(struct espnic_wire *w)
{
	tap_free(to_tap(w));
}

static struct espnic_wire *tap_open(const char *arg, char *err, size_t err_len)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	struct tap *t;

	if (!*arg || strlen(arg) >= IFNAMSIZ) {
		snprintf(err, err_len, "wire tap: an interface name has 1 to %d bytes",
			 IFNAMSIZ - 1);
		return NULL;
	}
	t = calloc(1, sizeof(*t));
	if (!t) {
		snprintf(err, err_len, "wire tap: out of memory");
		return NULL;
	}
	t->wire.ops = &espnic_wire_tap_ops;
	t->ctl_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	t->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (t->fd < 0 || t->ctl_fd < 0) {
		snprintf(err, err_len, "wire tap: cannot open /dev/net/tun: %s", strerror(errno));
		tap_free(t);
		return NULL;
	}
	memcpy(ifr.ifr_name, arg, strlen(arg) + 1);
	if (ioctl(t->fd, TUNSETIFF, &ifr)) {
		snprintf(err, err_len, "wire tap: cannot use interface %s: %s", arg,
			 strerror(errno));
		tap_free(t);
		return NULL;
	}
	memcpy(t->name, ifr.ifr_name, IFNAMSIZ);
	return &t->wire;
}

static bool tap_link_up(struct espnic_wire *w)
{
	struct tap *t = to_tap(w);
	uint64_t now = espnic_wire_now_ms();
	struct ifreq ifr = { 0 };

	if (now - atomic_load(&t->link_at) >= LINK_MS) {
		memcpy(ifr.ifr_name, t->name, IFNAMSIZ);
		atomic_store(&t->link,
			     !ioctl(t->ctl_fd, SIOCGIFFLAGS, &ifr) && (ifr.ifr_flags & IFF_UP));
		atomic_store(&t->link_at, now);
	}
	return atomic_load(&t->link);
}

static int tap_send(struct espnic_wire *w, const struct espnic_wire_frame *frames, unsigned int n)
{
	struct tap *t = to_tap(w);
	unsigned int i;

	for (i = 0; i < n; i++) {
		ssize_t r;

		do {
			r = write(t->fd, frames[i].data, frames[i].len);
		} while (r < 0 && errno == EINTR);
		if (r >= 0)
			continue;
		/* EIO: the interface is down. */
		if (errno != EAGAIN && !i)
			return -ENOLINK;
		break;
	}
	return (int)i;
}

static void tap_wait_writable(struct espnic_wire *w, int timeout_ms)
{
	struct pollfd p = { .fd = to_tap(w)->fd, .events = POLLOUT };

	(void)poll(&p, 1, timeout_ms);
}

static int tap_recv(struct espnic_wire *w, struct espnic_wire_frame *frames, unsigned int n)
{
	struct tap *t = to_tap(w);
	unsigned int got = 0;

	/* The kernel gives one frame a read. Skipped ones count too, so that the loop ends. */
	for (unsigned int i = 0; i < n && i < RX_SLOTS; i++) {
		ssize_t r = read(t->fd, t->rx[got], RX_SLOT);

		if (r < 0)
			break;
		if (r == 0 || r > (ssize_t)ESPNIC_MAX_FRAME) {
			espnic_wire_skip(w, 1);
			continue;
		}
		frames[got].data = t->rx[got];
		frames[got++].len = (uint32_t)r;
	}
	return (int)got;
}

static void tap_wait_readable(struct espnic_wire *w, int wake_fd, int timeout_ms)
{
	struct tap *t = to_tap(w);
	struct pollfd p[2] = {
		{ .fd = t->fd, .events = POLLIN },
		{ .fd = wake_fd, .events = POLLIN },
	};

	/* A TAP that is down reports an error at once, again and again. */
	if (poll(p, 2, timeout_ms) > 0 && !(p[0].revents & POLLIN) &&
	    (p[0].revents & (POLLERR | POLLHUP)))
		espnic_wire_sleep(wake_fd,
				  timeout_ms < 0 || timeout_ms > LINK_MS ? LINK_MS : timeout_ms);
}

const struct espnic_wire_ops espnic_wire_tap_ops = {
	.name = "tap",
	.open = tap_open,
	.close = tap_close,
	.send = tap_send,
	.wait_writable = tap_wait_writable,
	.recv = tap_recv,
	.wait_readable = tap_wait_readable,
	.link_up = tap_link_up,
};
