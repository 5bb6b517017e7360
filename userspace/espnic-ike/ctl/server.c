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
	uint64_t ticket; /* of the request that is answered later; 0: none */
};

struct espnic_ctl_server {
	struct espnic_ctl *ctl;
	int epoll, listener;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	uint64_t last_ticket;
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
	/* requests are answered in their order: the next one waits in the socket */
	struct epoll_event ev = { .events = (c->ticket ? 0 : EPOLLIN) | (c->out_len ? EPOLLOUT : 0), .data.ptr = c };

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

static void queue_bytes(struct client *c, const uint8_t *data, size_t len)
{
	uint8_t *more = c->out_len - c->out_sent + len > ESPNIC_CTL_BACKLOG ? NULL : realloc(c->out, c->out_len + len);

	/* a client that does not read goes */
	if (!more) {
		drop(c);
		return;
	}
	c->out = more;
	memcpy(c->out + c->out_len, data, len);
	c->out_len += len;
}

/* Queue what @w has, and free it. */
static void queue_packet(struct client *c, struct espnic_vici_writer *w)
{
	if (!espnic_vici_finish(w)) {
		drop(c);
		return;
	}
	queue_bytes(c, w->data, w->len);
	free(w->data);
}

static bool wants(const struct client *c, const char *name)
{
	unsigned int i;

	for (i = 0; c->fd >= 0 && i < c->n_events; i++)
		if (!strcmp(c->events[i], name))
			return true;
	return false;
}

bool espnic_ctl_heard(const struct espnic_ctl_server *s, uint64_t ticket, const char *name)
{
	int i;

	for (i = 0; i < ESPNIC_CTL_CLIENTS; i++)
		if ((!ticket || s->client[i].ticket == ticket) && wants(&s->client[i], name))
			return true;
	return false;
}

void espnic_ctl_tell(struct espnic_ctl_server *s, uint64_t ticket, const char *name, struct espnic_vici_writer *w)
{
	struct client *c;

	if (!espnic_vici_finish(w))
		return;
	for (c = s->client; c < s->client + ESPNIC_CTL_CLIENTS; c++) {
		if ((ticket && c->ticket != ticket) || !wants(c, name))
			continue;
		queue_bytes(c, w->data, w->len);
		if (c->fd >= 0)
			flush_client(s, c);
	}
	free(w->data);
}

void espnic_ctl_done(struct espnic_ctl_server *s, uint64_t ticket, struct espnic_vici_writer *w)
{
	struct client *c = s->client;

	while (c < s->client + ESPNIC_CTL_CLIENTS && (c->fd < 0 || c->ticket != ticket))
		c++;
	if (!ticket || c == s->client + ESPNIC_CTL_CLIENTS) {
		free(w->data);
		return;
	}
	c->ticket = 0;
	queue_packet(c, w);
	if (c->fd >= 0)
		flush_client(s, c);
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

/* A request under way: whose it is. */
struct asking {
	struct espnic_ctl_server *server;
	struct client *client;
};

static void event_to(void *ctx, const char *name, struct espnic_vici_writer *w)
{
	struct asking *a = ctx;

	if (wants(a->client, name))
		queue_packet(a->client, w);
	else
		free(w->data);
}

static uint64_t later(void *ctx)
{
	struct asking *a = ctx;

	a->client->ticket = ++a->server->last_ticket;
	return a->client->ticket;
}

static void request(struct espnic_ctl_server *s, struct client *c, const char *name, size_t len, const uint8_t *message,
		    size_t message_len)
{
	struct asking asking = { s, c };
	struct espnic_ctl_call call = { .ctl = s->ctl, .message = message, .len = message_len, .event = event_to, .later = later,
					.ctx = &asking };
	uint64_t before = s->last_ticket;
	struct espnic_vici_writer w;

	espnic_vici_begin(&w, ESPNIC_VICI_CMD_RESPONSE, NULL);
	if (espnic_ctl_command(&call, name, len, &w)) {
		/* one with a ticket is answered by espnic_ctl_done(), or has been already */
		if (c->fd >= 0 && s->last_ticket == before)
			queue_packet(c, &w);
		else
			free(w.data);
		return;
	}
	free(w.data);
	answer(c, ESPNIC_VICI_CMD_UNKNOWN);
}

/* A whole packet. False: it is none of those a client sends. */
static bool packet(struct espnic_ctl_server *s, struct client *c, const uint8_t *p, size_t whole)
{
	size_t len;

	if (whole < 2 || whole - 2 < p[1])
		return false;
	len = p[1];
	switch (p[0]) {
	case ESPNIC_VICI_CMD_REQUEST:
		request(s, c, (const char *)p + 2, len, p + 2 + len, whole - 2 - len);
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
	uint8_t *p = c->packet;
	size_t len = c->want;
	bool ok;

	/* what is told while it is worked on may find no room, and drop the client: not what it sent along with it */
	c->packet = NULL;
	c->have = 0;
	c->want = LENGTH;
	ok = packet(s, c, p, len);
	explicit_bzero(p, len);
	free(p);
	return ok || c->fd < 0;
}

static void receive(struct espnic_ctl_server *s, struct client *c)
{
	ssize_t n;

	while (c->fd >= 0 && !c->ticket) {
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

/* One that waits for an answer and is gone: what it asked for goes on without it. */
static void hear(struct espnic_ctl_server *s, struct client *c, uint32_t events)
{
	if (c->ticket && events & (EPOLLHUP | EPOLLERR))
		drop(c);
	else
		receive(s, c);
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
			hear(s, c, ev[i].events);
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
