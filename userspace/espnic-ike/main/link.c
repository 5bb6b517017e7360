// SPDX-License-Identifier: BSD-2-Clause
#include "main/link.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct espnic_link_message {
	struct espnic_link_message *next;
	size_t len;
	uint8_t bytes[];
};

/* True: it is gone, or the link is dead. */
static bool try(struct espnic_link *l, const uint8_t *message, size_t len)
{
	ssize_t n;

	do
		n = send(l->fd, message, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN)
		l->dead = true;
	return n >= 0 || l->dead;
}

void espnic_link_send(struct espnic_link *l, const uint8_t *message, size_t len)
{
	struct espnic_link_message *m;

	if (l->dead || !len) {
		l->dead = true;
		return;
	}
	if (!l->first && try(l, message, len))
		return;
	m = l->waiting + len > ESPNIC_LINK_BACKLOG ? NULL : malloc(sizeof(*m) + len);
	if (!m) {
		l->dead = true;
		return;
	}
	m->next = NULL;
	m->len = len;
	memcpy(m->bytes, message, len);
	if (l->last)
		l->last->next = m;
	else
		l->first = m;
	l->last = m;
	l->waiting += len;
}

static void drop_first(struct espnic_link *l)
{
	struct espnic_link_message *m = l->first;

	l->first = m->next;
	if (!l->first)
		l->last = NULL;
	l->waiting -= m->len;
	/* it may have had keys in it */
	explicit_bzero(m->bytes, m->len);
	free(m);
}

void espnic_link_flush(struct espnic_link *l)
{
	while (l->first && !l->dead && try(l, l->first->bytes, l->first->len))
		drop_first(l);
}

size_t espnic_link_receive(struct espnic_link *l, uint8_t *buf, size_t room)
{
	ssize_t n;

	if (l->dead)
		return 0;
	do
		n = recv(l->fd, buf, room, MSG_DONTWAIT | MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n > 0 && (size_t)n <= room)
		return (size_t)n;
	if (n >= 0 || errno != EAGAIN)
		l->dead = true;
	return 0;
}

short espnic_link_events(const struct espnic_link *l)
{
	return l->first ? POLLIN | POLLOUT : POLLIN;
}

void espnic_link_drop(struct espnic_link *l)
{
	while (l->first)
		drop_first(l);
}
