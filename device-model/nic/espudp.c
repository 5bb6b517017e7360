// SPDX-License-Identifier: BSD-2-Clause
#include "nic/espudp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nic/steer_impl.h"

enum { BUCKETS = 1024 }; /* a power of two */

struct node {
	uint32_t handle;
	uint32_t spi;
	uint8_t family;
	uint8_t daddr[16];
	uint16_t sport, dport;
	struct node *next;
};

struct espnic_espudp {
	uint32_t count;
	struct node *bucket[BUCKETS];
};

struct espnic_espudp *espnic_espudp_new(void)
{
	return calloc(1, sizeof(struct espnic_espudp));
}

void espnic_espudp_free(struct espnic_espudp *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; i < BUCKETS; i++) {
		while (t->bucket[i]) {
			struct node *n = t->bucket[i];

			t->bucket[i] = n->next;
			free(n);
		}
	}
	free(t);
}

static bool concerns(const struct espnic_sad_entry *e)
{
	return e->dir == ESPNIC_DIR_OUT && e->offload == ESPNIC_OFFLOAD_CRYPTO && e->udp_encap &&
	       e->udp_sport != ESPNIC_NATT_PORT && e->udp_dport != ESPNIC_NATT_PORT;
}

static uint32_t bucket_of(uint32_t spi)
{
	return (spi ^ spi >> 16) & (BUCKETS - 1);
}

int espnic_espudp_add(struct espnic_espudp *t, const struct espnic_sad_entry *e)
{
	struct node *n;

	if (!concerns(e))
		return 0;
	n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->handle = e->handle;
	n->spi = e->spi;
	n->family = e->family;
	memcpy(n->daddr, e->daddr, sizeof(n->daddr));
	n->sport = e->udp_sport;
	n->dport = e->udp_dport;
	n->next = t->bucket[bucket_of(e->spi)];
	t->bucket[bucket_of(e->spi)] = n;
	t->count++;
	return 0;
}

void espnic_espudp_remove(struct espnic_espudp *t, const struct espnic_sad_entry *e)
{
	struct node **p = &t->bucket[bucket_of(e->spi)], *n;

	if (!concerns(e))
		return;
	while (*p && (*p)->handle != e->handle)
		p = &(*p)->next;
	n = *p;
	if (!n)
		return;
	*p = n->next;
	t->count--;
	free(n);
}

bool espnic_espudp_is(const struct espnic_espudp *t, const struct espnic_flow *flow, uint32_t spi)
{
	if (!t->count)
		return false;
	for (const struct node *n = t->bucket[bucket_of(spi)]; n; n = n->next)
		if (n->spi == spi && n->sport == flow->sport && n->dport == flow->dport &&
		    n->family == flow->family && !memcmp(n->daddr, flow->dst, sizeof(n->daddr)))
			return true;
	return false;
}
