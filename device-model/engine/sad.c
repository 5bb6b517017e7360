// SPDX-License-Identifier: BSD-2-Clause
#include "engine/sad.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/ip.h"
#include "engine/selector.h"
#include "engine/spd.h"
#include "espnic_regs.h"

/*
 * Outbound SAs stand in three chains, so that each kind of template finds its SAs
 * without walking those of other peers or other reqids.
 */
enum chain {
	CHAIN_SPI = 0,			/* inbound, the only one */
	CHAIN_DADDR_REQID = 0,		/* outbound: the usual template */
	CHAIN_DADDR = 1,		/* outbound: reqid 0 */
	CHAIN_REQID = 2,		/* outbound: tunnel to any address */
	CHAINS_OUT = 3,
};

struct espnic_sad {
	uint32_t capacity;
	uint32_t count;
	uint32_t mask;			/* of the bucket arrays */
	uint64_t age;
	struct espnic_sad_entry **in;
	struct espnic_sad_entry **out[CHAINS_OUT];
	struct espnic_sad_entry entries[]; /* capacity + 1: index 0 is never used */
};

static const uint8_t any_addr[16];

/* Fibonacci hashing: spreads the consecutive numbers that SPIs and reqids often are. */
static uint32_t mix(uint32_t v)
{
	v *= 0x9e3779b1u;
	return v ^ v >> 15;
}

static uint32_t mix_addr(const uint8_t addr[16])
{
	uint32_t h = 0;

	for (int i = 0; i < 16; i += 4)
		h = mix(h ^ espnic_get32(addr + i));
	return h;
}

struct espnic_sad *espnic_sad_new(uint32_t capacity)
{
	struct espnic_sad *sad;
	uint32_t buckets = 1;

	if (!capacity || capacity > ESPNIC_SA_INDEX_MASK)
		return NULL;
	while (buckets < capacity)
		buckets <<= 1;
	sad = calloc(1, sizeof(*sad) + ((size_t)capacity + 1) * sizeof(sad->entries[0]));
	if (!sad)
		return NULL;
	sad->capacity = capacity;
	sad->mask = buckets - 1;
	sad->in = calloc(buckets, sizeof(*sad->in));
	for (int c = 0; c < CHAINS_OUT; c++)
		sad->out[c] = calloc(buckets, sizeof(*sad->in));
	if (!sad->in || !sad->out[CHAIN_DADDR_REQID] || !sad->out[CHAIN_DADDR] ||
	    !sad->out[CHAIN_REQID]) {
		espnic_sad_free(sad);
		return NULL;
	}
	return sad;
}

void espnic_sad_free(struct espnic_sad *sad)
{
	if (!sad)
		return;
	free(sad->in);
	for (int c = 0; c < CHAINS_OUT; c++)
		free(sad->out[c]);
	free(sad);
}

/* The outbound chain of kind @c for that destination and reqid. */
static struct espnic_sad_entry **bucket_out(struct espnic_sad *sad, enum chain c,
					    const uint8_t daddr[16], uint32_t reqid)
{
	uint32_t h = 0;

	if (c != CHAIN_REQID)
		h = mix_addr(daddr);
	if (c != CHAIN_DADDR)
		h = mix(h ^ reqid);
	return &sad->out[c][h & sad->mask];
}

static void link_entry(struct espnic_sad_entry **bucket, struct espnic_sad_entry *e, enum chain c)
{
	e->chain[c].next = *bucket;
	e->chain[c].prev = bucket;
	if (*bucket)
		(*bucket)->chain[c].prev = &e->chain[c].next;
	*bucket = e;
}

static void unlink_entry(struct espnic_sad_entry *e, enum chain c)
{
	*e->chain[c].prev = e->chain[c].next;
	if (e->chain[c].next)
		e->chain[c].next->chain[c].prev = e->chain[c].prev;
}

int espnic_sad_insert(struct espnic_sad *sad, const struct espnic_sad_entry *e,
		      struct espnic_sad_entry **slot)
{
	uint32_t index = e->handle & ESPNIC_SA_INDEX_MASK;
	struct espnic_sad_entry *n;

	if (!index || index > sad->capacity)
		return -EINVAL;
	n = &sad->entries[index];
	if (n->handle)
		return -EEXIST;
	if (e->dir == ESPNIC_DIR_IN &&
	    espnic_sad_lookup_in(sad, e->spi, e->ip_proto, e->family, e->daddr))
		return -EEXIST;
	*n = *e;
	n->age = ++sad->age;
	if (n->dir == ESPNIC_DIR_IN)
		link_entry(&sad->in[mix(n->spi) & sad->mask], n, CHAIN_SPI);
	for (int c = 0; n->dir == ESPNIC_DIR_OUT && c < CHAINS_OUT; c++)
		link_entry(bucket_out(sad, c, n->daddr, n->reqid), n, c);
	sad->count++;
	if (slot)
		*slot = n;
	return 0;
}

void espnic_sad_remove(struct espnic_sad *sad, struct espnic_sad_entry *e)
{
	int chains = e->dir == ESPNIC_DIR_IN ? 1 : CHAINS_OUT;

	for (int c = 0; c < chains; c++)
		unlink_entry(e, c);
	memset(e, 0, sizeof(*e));
	sad->count--;
}

struct espnic_sad_entry *espnic_sad_by_handle(struct espnic_sad *sad, uint32_t handle)
{
	uint32_t index = handle & ESPNIC_SA_INDEX_MASK;

	if (!index || index > sad->capacity || sad->entries[index].handle != handle)
		return NULL;
	return &sad->entries[index];
}

struct espnic_sad_entry *espnic_sad_lookup_in(struct espnic_sad *sad, uint32_t spi,
					      uint8_t ip_proto, uint8_t family,
					      const uint8_t daddr[16])
{
	struct espnic_sad_entry *e;

	for (e = sad->in[mix(spi) & sad->mask]; e; e = e->chain[CHAIN_SPI].next)
		if (e->spi == spi && e->ip_proto == ip_proto && e->family == family &&
		    !memcmp(e->daddr, daddr, sizeof(e->daddr)))
			return e;
	return NULL;
}

/* Whether @a is to be taken rather than @b (NULL: nothing yet). */
static bool better(const struct espnic_sad_entry *a, const struct espnic_sad_entry *b)
{
	if (!b)
		return true;
	if (a->dying != b->dying)
		return !a->dying;
	return a->age > b->age;
}

static bool usable(const struct espnic_sad_entry *e, const struct espnic_spd_policy *p,
		   const struct espnic_flow *flow)
{
	return e->dir == ESPNIC_DIR_OUT && e->offload == ESPNIC_OFFLOAD_PACKET &&
	       espnic_spd_template_fits(p, e, flow) &&
	       (!e->has_sel || espnic_selector_match(&e->sel, flow));
}

static struct espnic_sad_entry *choose_in_chain(struct espnic_sad_entry *e, enum chain chain,
						const struct espnic_spd_policy *p,
						const struct espnic_flow *flow)
{
	struct espnic_sad_entry *best = NULL;

	for (; e; e = e->chain[chain].next)
		if (better(e, best) && usable(e, p, flow))
			best = e;
	return best;
}

struct espnic_sad_entry *espnic_sad_choose(struct espnic_sad *sad,
					   const struct espnic_spd_policy *p,
					   const struct espnic_flow *flow)
{
	const struct espnic_spd_template *t = &p->tmpl;
	struct espnic_sad_entry *e = NULL, *best = NULL;
	const uint8_t *daddr = t->mode == ESPNIC_MODE_TUNNEL ? t->daddr : flow->dst;
	enum chain chain = CHAINS_OUT;

	if (memcmp(daddr, any_addr, sizeof(any_addr)) != 0)
		chain = t->reqid ? CHAIN_DADDR_REQID : CHAIN_DADDR;
	else if (t->reqid)
		chain = CHAIN_REQID;
	if (chain != CHAINS_OUT)
		return choose_in_chain(*bucket_out(sad, chain, daddr, t->reqid), chain, p, flow);
	while ((e = espnic_sad_next(sad, e)))
		if (better(e, best) && usable(e, p, flow))
			best = e;
	return best;
}

uint32_t espnic_sad_count(const struct espnic_sad *sad)
{
	return sad->count;
}

struct espnic_sad_entry *espnic_sad_next(struct espnic_sad *sad, const struct espnic_sad_entry *prev)
{
	size_t i = prev ? (size_t)(prev - sad->entries) + 1 : 1;

	for (; i <= sad->capacity; i++)
		if (sad->entries[i].handle)
			return &sad->entries[i];
	return NULL;
}
