// SPDX-License-Identifier: BSD-2-Clause
/*
 * A plug that joins transmit to receive: what is sent comes back, in order,
 * through a bounded ring of bytes.
 */
#include "wire/kinds.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "espnic_regs.h"

enum loopback_limits {
	/* bytes: more than two full TX rings of small frames, 200 of the largest */
	RING_SIZE = 2 * 1024 * 1024,
	RECORD_ALIGN = 8,		/* bytes */
	RECORD_HEAD = 8,		/* bytes in front of each frame: its length */
};

/* A record's length that says: the rest of the ring is unused, go on at its start. */
#define RECORD_WRAP UINT32_MAX

struct loopback {
	struct espnic_wire wire;
	int readable_fd;		/* eventfd: the ring was filled while the receiver slept */
	pthread_mutex_t lock;		/* guards all below */
	pthread_cond_t room;
	/* bytes written and released since the start; the place is modulo RING_SIZE */
	uint64_t head, tail;
	uint64_t taken;			/* bytes given to the receiver, released by its next call */
	bool sleeping;			/* the receiver waits on readable_fd */
	uint8_t *ring;
};

static struct loopback *to_loopback(struct espnic_wire *w)
{
	return (struct loopback *)w;
}

static uint32_t record_size(uint32_t len)
{
	return (RECORD_HEAD + len + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
}

static void loopback_free(struct loopback *l)
{
	if (l->readable_fd >= 0)
		close(l->readable_fd);
	pthread_cond_destroy(&l->room);
	pthread_mutex_destroy(&l->lock);
	free(l->ring);
	free(l);
}

static void loopback_close(struct espnic_wire *w)
{
	loopback_free(to_loopback(w));
}

static struct espnic_wire *loopback_open(const char *arg, char *err, size_t err_len)
{
	pthread_condattr_t attr;
	struct loopback *l;

	if (*arg) {
		snprintf(err, err_len, "wire loopback: takes no argument, not \"%s\"", arg);
		return NULL;
	}
	l = calloc(1, sizeof(*l));
	if (!l) {
		snprintf(err, err_len, "wire loopback: out of memory");
		return NULL;
	}
	l->wire.ops = &espnic_wire_loopback_ops;
	pthread_mutex_init(&l->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&l->room, &attr);
	pthread_condattr_destroy(&attr);
	l->readable_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	l->ring = malloc(RING_SIZE);
	if (l->readable_fd < 0 || !l->ring) {
		snprintf(err, err_len, "wire loopback: %s", strerror(errno));
		loopback_free(l);
		return NULL;
	}
	return &l->wire;
}

/* Where a record of @size bytes may be written; NULL: no room. Under lock. */
static uint8_t *record_place(struct loopback *l, uint32_t size)
{
	uint64_t at = l->head % RING_SIZE;
	uint64_t skip = RING_SIZE - at < size ? RING_SIZE - at : 0;

	if (RING_SIZE - (l->head - l->tail) < skip + size)
		return NULL;
	if (skip) {
		/* Sizes are multiples of RECORD_ALIGN, so a length always fits there. */
		uint32_t wrap = RECORD_WRAP;

		memcpy(l->ring + at, &wrap, sizeof(wrap));
		l->head += skip;
		at = 0;
	}
	l->head += size;
	return l->ring + at;
}

static int loopback_send(struct espnic_wire *w, const struct espnic_wire_frame *frames,
			 unsigned int n)
{
	struct loopback *l = to_loopback(w);
	unsigned int i;
	bool wake;

	pthread_mutex_lock(&l->lock);
	for (i = 0; i < n; i++) {
		uint8_t *at = record_place(l, record_size(frames[i].len));

		if (!at)
			break;
		memcpy(at, &frames[i].len, sizeof(frames[i].len));
		memcpy(at + RECORD_HEAD, frames[i].data, frames[i].len);
	}
	wake = i && l->sleeping;
	if (wake)
		l->sleeping = false;
	pthread_mutex_unlock(&l->lock);
	if (wake) {
		uint64_t one = 1;
		ssize_t r = write(l->readable_fd, &one, sizeof(one));
		(void)r;
	}
	return (int)i;
}

static bool has_room(const struct loopback *l)
{
	/* Twice the largest record: one may be skipped at the end of the ring. */
	return RING_SIZE - (l->head - l->tail) >= 2 * (uint64_t)record_size(ESPNIC_MAX_FRAME);
}

static void loopback_wait_writable(struct espnic_wire *w, int timeout_ms)
{
	struct loopback *l = to_loopback(w);
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&l->lock);
	while (!has_room(l) && !pthread_cond_timedwait(&l->room, &l->lock, &until))
		;
	pthread_mutex_unlock(&l->lock);
}

static int loopback_recv(struct espnic_wire *w, struct espnic_wire_frame *frames, unsigned int n)
{
	struct loopback *l = to_loopback(w);
	unsigned int got = 0;

	pthread_mutex_lock(&l->lock);
	if (l->tail != l->taken) {
		l->tail = l->taken;
		pthread_cond_broadcast(&l->room);
	}
	while (got < n && l->taken != l->head) {
		uint64_t at = l->taken % RING_SIZE;
		uint32_t len;

		memcpy(&len, l->ring + at, sizeof(len));
		if (len == RECORD_WRAP) {
			l->taken += RING_SIZE - at;
			continue;
		}
		frames[got].data = l->ring + at + RECORD_HEAD;
		frames[got++].len = len;
		l->taken += record_size(len);
	}
	pthread_mutex_unlock(&l->lock);
	return (int)got;
}

static void loopback_wait_readable(struct espnic_wire *w, int wake_fd, int timeout_ms)
{
	struct loopback *l = to_loopback(w);
	struct pollfd p[2] = {
		{ .fd = l->readable_fd, .events = POLLIN },
		{ .fd = wake_fd, .events = POLLIN },
	};
	uint64_t kicks;
	ssize_t r;
	bool empty;

	pthread_mutex_lock(&l->lock);
	empty = l->taken == l->head;
	l->sleeping = empty;
	pthread_mutex_unlock(&l->lock);
	if (!empty)
		return;
	(void)poll(p, 2, timeout_ms);
	pthread_mutex_lock(&l->lock);
	l->sleeping = false;
	pthread_mutex_unlock(&l->lock);
	r = read(l->readable_fd, &kicks, sizeof(kicks));
	(void)r;
}

static bool loopback_link_up(struct espnic_wire *w)
{
	(void)w;
	return true;
}

const struct espnic_wire_ops espnic_wire_loopback_ops = {
	.name = "loopback",
	.open = loopback_open,
	.close = loopback_close,
	.send = loopback_send,
	.wait_writable = loopback_wait_writable,
	.recv = loopback_recv,
	.wait_readable = loopback_wait_readable,
	.link_up = loopback_link_up,
};
