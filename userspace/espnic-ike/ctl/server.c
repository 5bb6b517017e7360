// SPDX-License-Identifier: BSD-2-Clause
#include "ctl/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	LENGTH = 4, /* bytes in front of a packet */
	EVENTS = 16, /* of epoll at a time */
	LISTEN_BACKLOG = 8,
	WORD = 64, /* bytes of an event's name that can be asked for, more than any has */
	WANTED = 8, /* events one client may ask for */
};

struct client {
	int fd; /* -1: free */
	uint8_t head[LENGTH];
	uint8_t *packet; /* NULL: the length comes first */
	size_t have, want;
	uint8_t *out; /* not yet taken by the client */
	size_t out_len, out_sent;
	char events[WANTED][WORD];
	unsigned int n_events;
};

struct espnic_ctl_server {
	struct espnic_ctl *ctl;
	int epoll, listener;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct client client[ESPNIC_CTL_CLIENTS];
};

static void drop(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	/* a request may have had a secret in it */
	if (c->packet)
		explicit_bzero(c->packet, c->want);
	free(c->packet);
	free(c->out);
	memset(c, 0, sizeof(*c));
	c->fd = -1;
}

/* ---- sending ---- */

static void watch(struct espnic_ctl_server *s, struct client *c, int op)
{
	struct epoll_event ev = { .events = EPOLLIN | (c->out_len ? EPOLLOUT : 0), .data.ptr = c };

	if (epoll_ctl(s->epoll, op, c->fd, &ev))
		drop(c);
}

static void flush_client(struct espnic_ctl_server *s, struct client *c)
{
	ssize_t n;

	while (c->fd >= 0 && c->out_sent < c->out_len) {
		n = send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n < 0) {
			drop(c);
			return;
		}
		c->out_sent += (size_t)n;
	}
	if (c->out_sent == c->out_len)
		c->out_len = c->out_sent = 0;
	watch(s, c, EPOLL_CTL_MOD);
}

/* Queue what @w has, and free it; a client that does not read goes. */
static void queue_packet(struct client *c, struct espnic_vici_writer *w)
{
	uint8_t *more;

	if (!espnic_vici_finish(w)) {
		drop(c);
		return;
	}
	more = c->out_len - c->out_sent + w->len > ESPNIC_CTL_BACKLOG ? NULL : realloc(c->out, c->out_len + w->len);
	if (more) {
		c->out = more;
		memcpy(c->out + c->out_len, w->data, w->len);
		c->out_len += w->len;
	} else {
		drop(c);
	}
	free(w->data);
}

static void event(void *ctx, const char *name, struct espnic_vici_writer *w)
{
	struct client *c = ctx;
	unsigned int i;

	for (i = 0; c->fd >= 0 && i < c->n_events; i++) {
		if (!strcmp(c->events[i], name)) {
			queue_packet(c, w);
			return;
		}
	}
	free(w->data);
}

static void answer(struct client *c, enum espnic_vici_packet type)
{
	struct espnic_vici_writer w;

	espnic_vici_begin(&w, type, NULL);
	queue_packet(c, &w);
}

/* ---- packets ---- */

static void subscribe(struct client *c, const char *name, size_t len, bool on)
{
	unsigned int i;

	if (!espnic_ctl_event_known(name, len) || len >= WORD) {
		answer(c, ESPNIC_VICI_EVENT_UNKNOWN);
		return;
	}
	for (i = 0; i < c->n_events; i++)
		if (strlen(c->events[i]) == len && !memcmp(c->events[i], name, len))
			break;
	if (on && i == c->n_events && i < WANTED)
		snprintf(c->events[c->n_events++], WORD, "%.*s", (int)len, name);
	else if (!on && i < c->n_events)
		memmove(c->events[i], c->events[i + 1], (--c->n_events - i) * sizeof(c->events[0]));
	answer(c, ESPNIC_VICI_EVENT_CONFIRM);
}

static void request(struct espnic_ctl_server *s, struct client *c, const char *name, size_t len, const uint8_t *message,
		    size_t message_len)
{
	struct espnic_ctl_call call = {
		.ctl = s->ctl, .message = message, .len = message_len, .event = event, .ctx = c
	};
	struct espnic_vici_writer w;

	espnic_vici_begin(&w, ESPNIC_VICI_CMD_RESPONSE, NULL);
	if (espnic_ctl_command(&call, name, len, &w)) {
		if (c->fd >= 0)
			queue_packet(c, &w);
		else
			free(w.data);
		return;
	}
	free(w.data);
	answer(c, ESPNIC_VICI_CMD_UNKNOWN);
}

/* A whole packet. False: it is none of those a client sends. */
static bool packet(struct espnic_ctl_server *s, struct client *c)
{
	const uint8_t *p = c->packet;
	size_t len;

	if (c->want < 2 || c->want - 2 < p[1])
		return false;
	len = p[1];
	switch (p[0]) {
	case ESPNIC_VICI_CMD_REQUEST:
		request(s, c, (const char *)p + 2, len, p + 2 + len, c->want - 2 - len);
		return true;
	case ESPNIC_VICI_EVENT_REGISTER:
	case ESPNIC_VICI_EVENT_UNREGISTER:
		subscribe(c, (const char *)p + 2, len, p[0] == ESPNIC_VICI_EVENT_REGISTER);
		return true;
	default:
		return false;
	}
}

/* ---- receiving ---- */

/* The length is there: room for what it promises. */
static bool open_packet(struct client *c)
{
	c->want = (size_t)c->head[0] << 24 | (size_t)c->head[1] << 16 | (size_t)c->head[2] << 8 | c->head[3];
	c->have = 0;
	if (!c->want || c->want > ESPNIC_VICI_PACKET)
		return false;
	c->packet = malloc(c->want);
	return c->packet;
}

static bool close_packet(struct espnic_ctl_server *s, struct client *c)
{
	bool ok = packet(s, c);

	/* an answer that found no room has dropped the client */
	if (c->fd < 0)
		return true;
	explicit_bzero(c->packet, c->want);
	free(c->packet);
	c->packet = NULL;
	c->have = 0;
	c->want = LENGTH;
	return ok;
}

static void receive(struct espnic_ctl_server *s, struct client *c)
{
	ssize_t n;

	while (c->fd >= 0) {
		uint8_t *to = c->packet ? c->packet : c->head;

		n = recv(c->fd, to + c->have, c->want - c->have, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0) {
			drop(c);
			return;
		}
		c->have += (size_t)n;
		if (c->have < c->want)
			continue;
		if (c->packet ? !close_packet(s, c) : !open_packet(c)) {
			drop(c);
			return;
		}
	}
	if (c->fd >= 0)
		flush_client(s, c);
}

/* ---- clients ---- */

static bool may(int fd)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) && (who.uid == 0 || who.uid == geteuid());
}

static void welcome(struct espnic_ctl_server *s)
{
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), i;
	struct client *c = NULL;

	if (fd < 0)
		return;
	for (i = 0; i < ESPNIC_CTL_CLIENTS && !c; i++)
		if (s->client[i].fd < 0)
			c = &s->client[i];
	if (!c || !may(fd)) {
		close(fd);
		return;
	}
	c->fd = fd;
	c->want = LENGTH;
	watch(s, c, EPOLL_CTL_ADD);
}

void espnic_ctl_work(struct espnic_ctl_server *s)
{
	struct epoll_event ev[EVENTS];
	int n = epoll_wait(s->epoll, ev, EVENTS, 0), i;

	for (i = 0; i < n; i++) {
		struct client *c = ev[i].data.ptr;

		if (!c) {
			welcome(s);
			continue;
		}
		if (c->fd >= 0 && ev[i].events & EPOLLOUT)
			flush_client(s, c);
		if (c->fd >= 0 && ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			receive(s, c);
	}
}

int espnic_ctl_fd(const struct espnic_ctl_server *s)
{
	return s->epoll;
}

/* ---- the socket ---- */

/* Does somebody listen at @a? */
static bool alive(const struct sockaddr_un *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && !connect(fd, (const struct sockaddr *)a, sizeof(*a));

	if (fd >= 0)
		close(fd);
	return yes;
}

static const char *listen_at(struct espnic_ctl_server *s, const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct epoll_event ev = { .events = EPOLLIN };
	mode_t mask;
	int rc;

	if (strlen(path) >= sizeof(a.sun_path))
		return "the path is too long for a socket";
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (alive(&a))
		return "another daemon listens there";
	unlink(path);
	/* made so that nobody else can connect, not even before a chmod */
	mask = umask(0177);
	rc = bind(s->listener, (struct sockaddr *)&a, sizeof(a));
	umask(mask);
	if (rc || listen(s->listener, LISTEN_BACKLOG) || epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listener, &ev))
		return strerror(errno);
	snprintf(s->path, sizeof(s->path), "%s", path);
	return NULL;
}

struct espnic_ctl_server *espnic_ctl_listen(const char *path, struct espnic_ctl *ctl, struct espnic_conf_error *err)
{
	struct espnic_ctl_server *s = calloc(1, sizeof(*s));
	const char *why = "out of memory";
	int i;

	if (s) {
		s->ctl = ctl;
		for (i = 0; i < ESPNIC_CTL_CLIENTS; i++)
			s->client[i].fd = -1;
		s->epoll = epoll_create1(EPOLL_CLOEXEC);
		s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		why = s->epoll < 0 || s->listener < 0 ? strerror(errno) : listen_at(s, path);
	}
	if (!why)
		return s;
	snprintf(err->text, sizeof(err->text), "%.300s: %.200s", path, why);
	espnic_ctl_close(s);
	return NULL;
}

void espnic_ctl_close(struct espnic_ctl_server *s)
{
	int i;

	if (!s)
		return;
	for (i = 0; i < ESPNIC_CTL_CLIENTS; i++)
		drop(&s->client[i]);
	if (s->listener >= 0)
		close(s->listener);
	if (s->epoll >= 0)
		close(s->epoll);
	if (s->path[0])
		unlink(s->path);
	free(s);
}
