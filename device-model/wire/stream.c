// SPDX-License-Identifier: BSD-2-Clause
/*
 * QEMU's stream netdev over a unix socket: each frame behind its length, four
 * bytes, big endian. One peer at a time; a peer that goes is a carrier lost,
 * and the next one is connected to (quietly, again and again) or accepted.
 */
#include "wire/kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/ip.h"
#include "espnic_regs.h"

enum stream_limits {
	LEN_SIZE = 4,			/* bytes of the length before a frame */
	/* bytes: a frame this much too long is skipped, a longer one is no frame */
	LEN_SLACK = 512,
	LEN_MAX = ESPNIC_MAX_FRAME + LEN_SLACK,
	RX_SIZE = 256 * 1024,		/* bytes read at once at most: some 170 full frames */
	SOCKET_SIZE = 1024 * 1024,	/* bytes asked of the kernel for the socket's queue */
	SEND_BATCH = 64,		/* frames of one sendmsg() */
	/* between attempts to connect, and before the next accept after garbage */
	RETRY_MS = 200,
};

struct stream {
	struct espnic_wire wire;
	bool listening;
	struct sockaddr_un addr;
	int listen_fd;			/* -1 when connecting */
	int kick_fd;			/* eventfd: a sender left something in `pending` */

	/* The peer, -1: none. Written by the receiving thread under tx_lock. */
	_Atomic int fd;
	_Atomic bool up;

	pthread_mutex_t tx_lock;
	/* The rest of a frame the socket took in part; tx_lock. */
	uint8_t pending[LEN_SIZE + ESPNIC_MAX_FRAME];
	uint32_t pending_off, pending_end;
	_Atomic bool has_pending;

	/* Of the receiving thread alone. */
	uint8_t *rx;
	uint32_t rx_off, rx_end;
	uint64_t retry_at;		/* espnic_wire_now_ms() */
};

static struct stream *to_stream(struct espnic_wire *w)
{
	return (struct stream *)w;
}

static void peer_set(struct stream *s, int fd)
{
	int size = SOCKET_SIZE;

	/* Best effort: the kernel gives what its own limit allows. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	s->rx_off = 0;
	s->rx_end = 0;
	pthread_mutex_lock(&s->tx_lock);
	atomic_store(&s->fd, fd);
	atomic_store(&s->up, true);
	pthread_mutex_unlock(&s->tx_lock);
}

static void peer_lose(struct stream *s)
{
	int fd;

	pthread_mutex_lock(&s->tx_lock);
	fd = atomic_exchange(&s->fd, -1);
	atomic_store(&s->up, false);
	s->pending_off = 0;
	s->pending_end = 0;
	atomic_store(&s->has_pending, false);
	pthread_mutex_unlock(&s->tx_lock);
	/*
	 * wait_writable() may still poll this number: at worst it waits for something else up to
	 * its timeout.
	 */
	if (fd >= 0)
		close(fd);
	s->rx_off = 0;
	s->rx_end = 0;
}

/* The peer does not speak the protocol: away with it, but not to meet it again at full speed. */
static void peer_refuse(struct stream *s, uint32_t len)
{
	fprintf(stderr,
		"espnic-device: wire stream:%s: frame length %u is not 1 to %d, connection "
		"dropped\n",
		s->addr.sun_path, len, LEN_MAX);
	peer_lose(s);
	s->retry_at = espnic_wire_now_ms() + RETRY_MS;
}

/* Gets a peer if one can be had now. */
static void peer_try(struct stream *s)
{
	uint64_t now = espnic_wire_now_ms();
	int fd;

	if (now < s->retry_at)
		return;
	if (s->listening) {
		fd = accept4(s->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			peer_set(s, fd);
		else if (errno != EAGAIN)
			s->retry_at = now + RETRY_MS;
		return;
	}
	s->retry_at = now + RETRY_MS;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	/*
	 * Connecting a unix socket never waits: it works, or EAGAIN says the peer's backlog is
	 * full.
	 */
	if (connect(fd, (struct sockaddr *)&s->addr, sizeof(s->addr))) {
		close(fd);
		return;
	}
	peer_set(s, fd);
}

/* Binds to the path; takes over a socket file that nobody listens on any more. */
static int listen_open(struct stream *s, char *err, size_t err_len)
{
	const char *path = s->addr.sun_path;
	int probe;

	probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	s->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (probe < 0 || s->listen_fd < 0) {
		snprintf(err, err_len, "wire stream: cannot make a socket: %s", strerror(errno));
		if (probe >= 0)
			close(probe);
		return -1;
	}
	if (connect(probe, (struct sockaddr *)&s->addr, sizeof(s->addr)) == 0 || errno == EAGAIN) {
		close(probe);
		snprintf(err, err_len, "wire stream: socket %s is in use", path);
		return -1;
	}
	if (errno == ECONNREFUSED)
		unlink(path);
	close(probe);
	if (bind(s->listen_fd, (struct sockaddr *)&s->addr, sizeof(s->addr)) ||
	    listen(s->listen_fd, 1)) {
		snprintf(err, err_len, "wire stream: cannot listen on %s: %s", path,
			 strerror(errno));
		return -1;
	}
	return 0;
}

static void stream_close(struct espnic_wire *w)
{
	struct stream *s = to_stream(w);

	peer_lose(s);
	if (s->listen_fd >= 0) {
		close(s->listen_fd);
		unlink(s->addr.sun_path);
	}
	if (s->kick_fd >= 0)
		close(s->kick_fd);
	pthread_mutex_destroy(&s->tx_lock);
	free(s->rx);
	free(s);
}

static bool parse_arg(struct stream *s, const char *arg, char *err, size_t err_len)
{
	size_t len;

	if (!strncmp(arg, "listen:", 7)) {
		s->listening = true;
		arg += 7;
	} else if (!strncmp(arg, "connect:", 8)) {
		arg += 8;
	} else {
		snprintf(err, err_len, "wire stream: \"%s\" is not connect:PATH or listen:PATH",
			 arg);
		return false;
	}
	len = strlen(arg);
	if (!len || len >= sizeof(s->addr.sun_path)) {
		snprintf(err, err_len, "wire stream: the path must have 1 to %zu bytes",
			 sizeof(s->addr.sun_path) - 1);
		return false;
	}
	s->addr.sun_family = AF_UNIX;
	memcpy(s->addr.sun_path, arg, len + 1);
	return true;
}

static struct espnic_wire *stream_open(const char *arg, char *err, size_t err_len)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s) {
		snprintf(err, err_len, "wire stream: out of memory");
		return NULL;
	}
	s->wire.ops = &espnic_wire_stream_ops;
	s->listen_fd = -1;
	s->kick_fd = -1;
	atomic_init(&s->fd, -1);
	pthread_mutex_init(&s->tx_lock, NULL);
	if (!parse_arg(s, arg, err, err_len))
		goto fail;
	s->rx = malloc(RX_SIZE);
	s->kick_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (!s->rx || s->kick_fd < 0) {
		snprintf(err, err_len, "wire stream: %s", strerror(errno));
		goto fail;
	}
	if (s->listening && listen_open(s, err, err_len)) {
		/* The file, if any, is another's. */
		if (s->listen_fd >= 0)
			close(s->listen_fd);
		s->listen_fd = -1;
		goto fail;
	}
	peer_try(s);
	return &s->wire;
fail:
	stream_close(&s->wire);
	return NULL;
}

/*
 * A sender found the peer gone. The receiving thread closes: it may still be reading what
 * the peer sent before it went. Under tx_lock.
 */
static void peer_gone(struct stream *s)
{
	atomic_store(&s->up, false);
	(void)shutdown(atomic_load(&s->fd), SHUT_RDWR);
}

/* Sends what is pending. True: nothing is left of it. Under tx_lock, with a peer. */
static bool pending_flush(struct stream *s)
{
	while (s->pending_off < s->pending_end) {
		ssize_t n = send(atomic_load(&s->fd), s->pending + s->pending_off,
				 s->pending_end - s->pending_off, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			if (errno != EAGAIN && errno != ENOBUFS)
				peer_gone(s);
			return false;
		}
		s->pending_off += (uint32_t)n;
	}
	atomic_store(&s->has_pending, false);
	return true;
}

/*
 * Keeps what the socket did not take of frame @f, of whose length and bytes @sent have gone. Under
 * tx_lock.
 */
static void pending_keep(struct stream *s, const uint8_t *len, const struct espnic_wire_frame *f,
			 size_t sent)
{
	uint64_t one = 1;
	ssize_t n;

	memcpy(s->pending, len, LEN_SIZE);
	memcpy(s->pending + LEN_SIZE, f->data, f->len);
	s->pending_off = (uint32_t)sent;
	s->pending_end = LEN_SIZE + f->len;
	atomic_store(&s->has_pending, true);
	/*
	 * No later send may come: the receiving thread sees it through. EAGAIN: it knows already.
	 */
	n = write(s->kick_fd, &one, sizeof(one));
	(void)n;
}

/*
 * One sendmsg() of at most SEND_BATCH frames. How many it took; fewer: no more can go now. Under
 * tx_lock.
 */
static unsigned int send_batch(struct stream *s, const struct espnic_wire_frame *frames,
			       unsigned int n)
{
	uint8_t len[SEND_BATCH][LEN_SIZE];
	struct iovec iov[2 * SEND_BATCH];
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 * n };
	size_t left;
	ssize_t sent;
	unsigned int i;

	for (i = 0; i < n; i++) {
		espnic_put32(len[i], frames[i].len);
		iov[2 * i] = (struct iovec){ len[i], LEN_SIZE };
		iov[2 * i + 1] = (struct iovec){ (void *)frames[i].data, frames[i].len };
	}
	do {
		sent = sendmsg(atomic_load(&s->fd), &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0) {
		if (errno != EAGAIN && errno != ENOBUFS)
			peer_gone(s);
		return 0;
	}
	left = (size_t)sent;
	for (i = 0; i < n && left >= LEN_SIZE + frames[i].len; i++)
		left -= LEN_SIZE + frames[i].len;
	if (i < n && left) {
		pending_keep(s, len[i], &frames[i], left);
		i++;
	}
	return i;
}

static int stream_send(struct espnic_wire *w, const struct espnic_wire_frame *frames,
		       unsigned int n)
{
	struct stream *s = to_stream(w);
	unsigned int done = 0;
	bool up;

	pthread_mutex_lock(&s->tx_lock);
	while (done < n && atomic_load(&s->up)) {
		unsigned int batch = n - done < SEND_BATCH ? n - done : SEND_BATCH;
		unsigned int taken;

		if (!pending_flush(s))
			break;
		taken = send_batch(s, frames + done, batch);
		done += taken;
		if (taken < batch)
			break;
	}
	up = atomic_load(&s->up);
	pthread_mutex_unlock(&s->tx_lock);
	return done || up ? (int)done : -ENOLINK;
}

static void stream_wait_writable(struct espnic_wire *w, int timeout_ms)
{
	struct stream *s = to_stream(w);
	struct pollfd p = { .fd = atomic_load(&s->fd), .events = POLLOUT };

	(void)poll(&p, 1, timeout_ms);
}

enum rx_head { RX_MORE, RX_FRAME, RX_BAD };

/* What stands at the front of the receive buffer; *len: of the frame. */
static enum rx_head rx_head(const struct stream *s, uint32_t *len)
{
	uint32_t have = s->rx_end - s->rx_off;

	if (have < LEN_SIZE)
		return RX_MORE;
	*len = espnic_get32(s->rx + s->rx_off);
	if (*len == 0 || *len > LEN_MAX)
		return RX_BAD;
	return have - LEN_SIZE < *len ? RX_MORE : RX_FRAME;
}

/* Takes frames out of the receive buffer. */
static int rx_parse(struct stream *s, struct espnic_wire_frame *frames, unsigned int n)
{
	unsigned int got = 0;

	while (got < n) {
		uint32_t len;
		enum rx_head head = rx_head(s, &len);

		if (head == RX_BAD && !got)
			peer_refuse(s, len);
		if (head != RX_FRAME)
			break;
		if (len > ESPNIC_MAX_FRAME) {
			espnic_wire_skip(&s->wire, 1);
		} else {
			frames[got].data = s->rx + s->rx_off + LEN_SIZE;
			frames[got++].len = len;
		}
		s->rx_off += LEN_SIZE + len;
	}
	return (int)got;
}

static int stream_recv(struct espnic_wire *w, struct espnic_wire_frame *frames, unsigned int n)
{
	struct stream *s = to_stream(w);
	ssize_t got;
	int parsed;

	if (atomic_load(&s->fd) < 0)
		peer_try(s);
	if (atomic_load(&s->fd) < 0)
		return 0;
	if (atomic_load(&s->has_pending)) {
		pthread_mutex_lock(&s->tx_lock);
		(void)pending_flush(s);
		pthread_mutex_unlock(&s->tx_lock);
	}

	parsed = rx_parse(s, frames, n);
	if (parsed || atomic_load(&s->fd) < 0)
		return parsed;
	memmove(s->rx, s->rx + s->rx_off, s->rx_end - s->rx_off);
	s->rx_end -= s->rx_off;
	s->rx_off = 0;
	got = recv(atomic_load(&s->fd), s->rx + s->rx_end, RX_SIZE - s->rx_end, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got <= 0) {
		peer_lose(s);
		return 0;
	}
	s->rx_end += (uint32_t)got;
	return rx_parse(s, frames, n);
}

static void stream_wait_readable(struct espnic_wire *w, int wake_fd, int timeout_ms)
{
	enum { PEER, KICK, WAKE, FDS };
	struct stream *s = to_stream(w);
	int fd = atomic_load(&s->fd);
	struct pollfd p[FDS] = {
		[PEER] = { .fd = fd, .events = POLLIN },
		[KICK] = { .fd = s->kick_fd, .events = POLLIN },
		[WAKE] = { .fd = wake_fd, .events = POLLIN },
	};
	uint64_t now, kicks;
	uint32_t len;

	if (fd >= 0) {
		if (rx_head(s, &len) != RX_MORE)
			return;
		if (atomic_load(&s->has_pending))
			p[PEER].events |= POLLOUT;
	} else {
		now = espnic_wire_now_ms();
		if (now >= s->retry_at)
			p[PEER].fd = s->listen_fd;
		/*
		 * Before retry_at nobody is looked for; then a connecting wire must try by itself.
		 */
		if (now >= s->retry_at && !s->listening)
			return;
		if (now < s->retry_at &&
		    (timeout_ms < 0 || s->retry_at - now < (uint64_t)timeout_ms))
			timeout_ms = (int)(s->retry_at - now);
	}
	if (poll(p, FDS, timeout_ms) <= 0)
		return;
	if (p[KICK].revents & POLLIN) {
		ssize_t n = read(s->kick_fd, &kicks, sizeof(kicks));
		(void)n;
	}
	if (p[PEER].revents & POLLOUT) {
		pthread_mutex_lock(&s->tx_lock);
		(void)pending_flush(s);
		pthread_mutex_unlock(&s->tx_lock);
	}
}

static bool stream_link_up(struct espnic_wire *w)
{
	return atomic_load(&to_stream(w)->up);
}

const struct espnic_wire_ops espnic_wire_stream_ops = {
	.name = "stream",
	.open = stream_open,
	.close = stream_close,
	.send = stream_send,
	.wait_writable = stream_wait_writable,
	.recv = stream_recv,
	.wait_readable = stream_wait_readable,
	.link_up = stream_link_up,
};
