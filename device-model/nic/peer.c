// SPDX-License-Identifier: BSD-2-Clause
#include "nic/peer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "espnic_regs.h"

struct peer {
	uint32_t handle; /* 0: nothing seen */
	uint8_t addr[16];
	uint16_t port;
	bool moved; /* not told yet */
	uint64_t seq; /* highest number seen; the RX thread's alone */
};

struct espnic_peers {
	uint32_t capacity;
	/* For addr, port and moved, which two threads use; the RX thread alone changes the first two. */
	pthread_mutex_t lock;
	struct peer peer[]; /* capacity + 1: index 0 is never used */
};

static const uint8_t any_addr[16];

struct espnic_peers *espnic_peers_new(uint32_t capacity)
{
	struct espnic_peers *p =
		calloc(1, sizeof(*p) + ((size_t)capacity + 1) * sizeof(p->peer[0]));

	if (!p)
		return NULL;
	p->capacity = capacity;
	pthread_mutex_init(&p->lock, NULL);
	return p;
}

void espnic_peers_free(struct espnic_peers *p)
{
	if (!p)
		return;
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static struct peer *find(struct espnic_peers *p, uint32_t handle)
{
	uint32_t index = handle & ESPNIC_SA_INDEX_MASK;

	return index && index <= p->capacity ? &p->peer[index] : NULL;
}

/* Whether the SA itself names that place; it may leave its source open. */
static bool is_own(const struct espnic_sad_entry *e, const uint8_t addr[16], uint16_t port)
{
	return port == e->udp_sport && (!memcmp(e->saddr, addr, sizeof(e->saddr)) ||
					!memcmp(e->saddr, any_addr, sizeof(any_addr)));
}

bool espnic_peer_seen(struct espnic_peers *p, const struct espnic_sad_entry *e,
		      const uint8_t addr[16], uint16_t port, uint64_t seq)
{
	struct peer *n = find(p, e->handle);
	bool first, moved;

	if (!n)
		return false;
	first = n->handle != e->handle;
	if (!first && seq <= n->seq)
		return false;
	n->seq = seq;
	if (!first && port == n->port && !memcmp(addr, n->addr, sizeof(n->addr)))
		return false;
	moved = !first || !is_own(e, addr, port);
	pthread_mutex_lock(&p->lock);
	n->handle = e->handle;
	memcpy(n->addr, addr, sizeof(n->addr));
	n->port = port;
	n->moved |= moved;
	pthread_mutex_unlock(&p->lock);
	return moved;
}

bool espnic_peer_get(struct espnic_peers *p, uint32_t handle, uint8_t addr[16], uint16_t *port)
{
	struct peer *n = find(p, handle);
	bool known = false;

	pthread_mutex_lock(&p->lock);
	if (n && n->handle == handle) {
		known = true;
		memcpy(addr, n->addr, sizeof(n->addr));
		*port = n->port;
	}
	pthread_mutex_unlock(&p->lock);
	return known;
}

bool espnic_peer_moved(struct espnic_peers *p, uint32_t handle, bool take)
{
	struct peer *n = find(p, handle);
	bool moved = false;

	pthread_mutex_lock(&p->lock);
	if (n && n->handle == handle) {
		moved = n->moved;
		if (take)
			n->moved = false;
	}
	pthread_mutex_unlock(&p->lock);
	return moved;
}

void espnic_peer_forget(struct espnic_peers *p, uint32_t handle)
{
	struct peer *n = find(p, handle);

	pthread_mutex_lock(&p->lock);
	if (n)
		memset(n, 0, sizeof(*n));
	pthread_mutex_unlock(&p->lock);
}
