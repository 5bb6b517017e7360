// SPDX-License-Identifier: BSD-2-Clause
#include "nic/dormant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "espnic_regs.h"

enum { BUCKETS = 1024 }; /* a power of two; twins are few, and soon awake or gone */

struct node {
	struct espnic_sad_entry e;
	struct node *next, **prev; /* inbound: in the bucket of its SPI */
};

struct espnic_dormant {
	uint32_t capacity;
	uint32_t count;
	struct node *bucket[BUCKETS];
	struct node *slot[]; /* capacity + 1: index 0 is never used */
};

struct espnic_dormant *espnic_dormant_new(uint32_t capacity)
{
	struct espnic_dormant *d;

	if (!capacity || capacity > ESPNIC_SA_INDEX_MASK)
		return NULL;
	d = calloc(1, sizeof(*d) + ((size_t)capacity + 1) * sizeof(d->slot[0]));
	if (d)
		d->capacity = capacity;
	return d;
}

void espnic_dormant_free(struct espnic_dormant *d)
{
	if (!d)
		return;
	for (uint32_t i = 1; i <= d->capacity; i++)
		free(d->slot[i]);
	free(d);
}

static struct node *const *bucket(const struct espnic_dormant *d, uint32_t spi)
{
	return &d->bucket[(spi ^ spi >> 16) & (BUCKETS - 1)];
}

static struct node *find(const struct espnic_dormant *d, uint32_t handle)
{
	uint32_t index = handle & ESPNIC_SA_INDEX_MASK;

	if (!index || index > d->capacity || !d->slot[index] || d->slot[index]->e.handle != handle)
		return NULL;
	return d->slot[index];
}

int espnic_dormant_add(struct espnic_dormant *d, const struct espnic_sad_entry *e)
{
	uint32_t index = e->handle & ESPNIC_SA_INDEX_MASK;
	struct node *n, **head;

	if (!index || index > d->capacity)
		return -EINVAL;
	if (d->slot[index])
		return -EEXIST;
	n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->e = *e;
	if (e->dir == ESPNIC_DIR_IN) {
		head = (struct node **)bucket(d, e->spi);
		n->next = *head;
		n->prev = head;
		if (n->next)
			n->next->prev = &n->next;
		*head = n;
	}
	d->slot[index] = n;
	d->count++;
	return 0;
}

void espnic_dormant_remove(struct espnic_dormant *d, uint32_t handle)
{
	struct node *n = find(d, handle);

	if (!n)
		return;
	if (n->prev)
		*n->prev = n->next;
	if (n->next)
		n->next->prev = n->prev;
	d->slot[handle & ESPNIC_SA_INDEX_MASK] = NULL;
	d->count--;
	free(n);
}

struct espnic_sad_entry *espnic_dormant_by_handle(struct espnic_dormant *d, uint32_t handle)
{
	struct node *n = find(d, handle);

	return n ? &n->e : NULL;
}

const struct espnic_sad_entry *espnic_dormant_lookup_in(const struct espnic_dormant *d,
							uint32_t spi, uint8_t ip_proto,
							uint8_t family, const uint8_t daddr[16])
{
	if (!d->count)
		return NULL;
	for (const struct node *n = *bucket(d, spi); n; n = n->next)
		if (n->e.spi == spi && n->e.ip_proto == ip_proto && n->e.family == family &&
		    !memcmp(n->e.daddr, daddr, sizeof(n->e.daddr)))
			return &n->e;
	return NULL;
}

struct espnic_sad_entry *espnic_dormant_any(struct espnic_dormant *d)
{
	for (uint32_t i = 1; d->count && i <= d->capacity; i++)
		if (d->slot[i])
			return &d->slot[i]->e;
	return NULL;
}

uint32_t espnic_dormant_count(const struct espnic_dormant *d)
{
	return d->count;
}
