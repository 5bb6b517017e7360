// SPDX-License-Identifier: BSD-2-Clause
/*
 * Pools of virtual addresses, and who has which: a peer gets the one it had before, if nobody else needed it meanwhile.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vip.h"

enum {
	LEASES_MAX = 1 << 20,		/* of one pool: of a greater one (IPv6) the rest is not given out */
};

/* ------------------------------------------------------------------ addresses */

static size_t bytes_of(const struct espnic_ike_addr *a)
{
	return a->family == 4 ? 4 : 16;
}

/* @base and @offset more. */
static struct espnic_ike_addr plus(const struct espnic_ike_addr *base, uint64_t offset)
{
	struct espnic_ike_addr a = *base;

	for (size_t i = bytes_of(base); i-- > 0 && offset; offset >>= 8) {
		offset += a.bytes[i];
		a.bytes[i] = (uint8_t)offset;
	}
	return a;
}

/* How far @a is behind @base; UINT64_MAX: too far for a number, or not behind it. */
static uint64_t minus(const struct espnic_ike_addr *a, const struct espnic_ike_addr *base)
{
	size_t n = bytes_of(base), high = n > 8 ? n - 8 : 0;
	uint64_t to = 0, from = 0;

	if (a->family != base->family || memcmp(a->bytes, base->bytes, n) < 0 || memcmp(a->bytes, base->bytes, high) != 0)
		return UINT64_MAX;
	for (size_t i = high; i < n; i++) {
		to = to << 8 | a->bytes[i];
		from = from << 8 | base->bytes[i];
	}
	return to - from;
}

static uint64_t size_of(const struct espnic_ike_pool_conf *c)
{
	uint64_t last = minus(&c->to, &c->from);

	return last < LEASES_MAX ? last + 1 : LEASES_MAX;
}

bool espnic_ike_pool_has(const struct espnic_ike_pool_conf *conf, const struct espnic_ike_addr *addr)
{
	return minus(addr, &conf->from) < size_of(conf);
}

/* ------------------------------------------------------------------ leases */

static struct espnic_ike_lease *by_id(struct espnic_ike *ike, struct espnic_ike_pool *p, const struct espnic_ike_id *id)
{
	struct espnic_ike_node *n = espnic_ike_table_find(&p->by_id, espnic_ike_id_hash(ike, id));

	for (; n; n = espnic_ike_table_next(n)) {
		struct espnic_ike_lease *l = espnic_ike_of(n, struct espnic_ike_lease, by_id);

		if (!l->online && espnic_ike_id_same(l->id, id))
			return l;
	}
	return NULL;
}

static struct espnic_ike_lease *by_offset(struct espnic_ike_pool *p, uint64_t offset)
{
	struct espnic_ike_node *n = espnic_ike_table_find(&p->by_offset, offset);

	return n ? espnic_ike_of(n, struct espnic_ike_lease, by_offset) : NULL;
}

/* Those that are offline are in the order in which they became so. */
static void line_up(struct espnic_ike_lease *l)
{
	struct espnic_ike_pool *p = l->pool;

	l->online = false;
	p->online--;
	l->prev = p->last;
	l->next = NULL;
	*(p->last ? &p->last->next : &p->first) = l;
	p->last = l;
}

static void leave_line(struct espnic_ike_lease *l)
{
	struct espnic_ike_pool *p = l->pool;

	*(l->prev ? &l->prev->next : &p->first) = l->next;
	*(l->next ? &l->next->prev : &p->last) = l->prev;
	l->online = true;
	p->online++;
}

/* One that nobody had before. NULL: no memory. */
static struct espnic_ike_lease *new_lease(struct espnic_ike *ike, struct espnic_ike_pool *p, const struct espnic_ike_id *id,
					  uint64_t offset)
{
	struct espnic_ike_lease *l = calloc(1, sizeof(*l));

	if (l)
		l->id = espnic_ike_id_dup(id);
	if (!l || !l->id || !espnic_ike_table_add(&p->by_offset, &l->by_offset, offset)) {
		free(l ? l->id : NULL);
		free(l);
		return NULL;
	}
	if (!espnic_ike_table_add(&p->by_id, &l->by_id, espnic_ike_id_hash(ike, id))) {
		espnic_ike_table_del(&p->by_offset, &l->by_offset);
		free(l->id);
		free(l);
		return NULL;
	}
	l->pool = p;
	l->offset = offset;
	l->online = true;
	p->online++;
	p->leases++;
	return l;
}

/* One that somebody else had, and gave back. False: no memory, and it is still the other's. */
static bool give(struct espnic_ike *ike, struct espnic_ike_lease *l, const struct espnic_ike_id *id)
{
	struct espnic_ike_id *copy = espnic_ike_id_dup(id);
	struct espnic_ike_table *t = &l->pool->by_id;

	if (!copy)
		return false;
	espnic_ike_table_del(t, &l->by_id);
	espnic_ike_table_add(t, &l->by_id, espnic_ike_id_hash(ike, id));	/* there is room: it was in it */
	free(l->id);
	l->id = copy;
	leave_line(l);
	return true;
}

struct espnic_ike_lease *espnic_ike_lease_take(struct espnic_ike *ike, struct espnic_ike_pool *p, const struct espnic_ike_id *id,
					       const struct espnic_ike_addr *wish)
{
	uint64_t size = size_of(&p->conf), offset = minus(wish, &p->conf.from);
	struct espnic_ike_lease *l = by_id(ike, p, id);

	if (l) {
		leave_line(l);
		return l;
	}
	/* No wish takes away what another may come back for. */
	if (offset < size && !by_offset(p, offset))
		return new_lease(ike, p, id, offset);
	while (p->next < size && by_offset(p, p->next))
		p->next++;
	if (p->next < size)
		return new_lease(ike, p, id, p->next++);
	l = p->first;
	return l && give(ike, l, id) ? l : NULL;
}

void espnic_ike_lease_back(struct espnic_ike_lease *l)
{
	if (l)
		line_up(l);
}

struct espnic_ike_addr espnic_ike_lease_addr(const struct espnic_ike_lease *l)
{
	return plus(&l->pool->conf.from, l->offset);
}

/* ------------------------------------------------------------------ pools */

struct espnic_ike_pool *espnic_ike_pool_find(const struct espnic_ike *ike, const char *name)
{
	struct espnic_ike_pool *p = ike->pools;

	while (p && strcmp(p->conf.name, name) != 0)
		p = p->next_pool;
	return p;
}

static void forget_leases(struct espnic_ike_pool *p)
{
	while (p->first) {
		struct espnic_ike_lease *l = p->first;

		p->first = l->next;
		free(l->id);
		free(l);
	}
	p->last = NULL;
	espnic_ike_table_free(&p->by_id);
	espnic_ike_table_free(&p->by_offset);
	memset(&p->by_id, 0, sizeof(p->by_id));
	memset(&p->by_offset, 0, sizeof(p->by_offset));
	p->next = p->leases = 0;
}

static const char *check(const struct espnic_ike_pool_conf *c)
{
	if (!*c->name || !memchr(c->name, 0, sizeof(c->name)))
		return "a name of 1 to 63 bytes is needed";
	if (!espnic_ike_vip_good(&c->from) || c->to.family != c->from.family || memcmp(c->from.bytes, c->to.bytes, bytes_of(&c->from)) > 0)
		return "its addresses are no range of unicast addresses";
	return c->n_dns > ESPNIC_IKE_DNS ? "too many DNS servers" : NULL;
}

int espnic_ike_pool_load(struct espnic_ike *ike, const struct espnic_ike_pool_conf *conf, char err[ESPNIC_IKE_TEXT])
{
	const char *why = check(conf);
	struct espnic_ike_pool *p = why ? NULL : espnic_ike_pool_find(ike, conf->name);
	bool same = p && espnic_ike_addr_equal(&p->conf.from, &conf->from) && espnic_ike_addr_equal(&p->conf.to, &conf->to);

	if (p && !same && p->online)
		why = "it has other addresses, and some of those before are in use";
	if (why) {
		snprintf(err, ESPNIC_IKE_TEXT, "pool `%.63s': %s", conf->name, why);
		return -EINVAL;
	}
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p) {
			snprintf(err, ESPNIC_IKE_TEXT, "no memory");
			return -ENOMEM;
		}
		p->next_pool = ike->pools;
		ike->pools = p;
	}
	if (!same)
		forget_leases(p);
	p->conf = *conf;
	return 0;
}

int espnic_ike_pool_unload(struct espnic_ike *ike, const char *name)
{
	struct espnic_ike_pool **at = &ike->pools, *p;

	while (*at && strcmp((*at)->conf.name, name) != 0)
		at = &(*at)->next_pool;
	p = *at;
	if (!p)
		return -ENOENT;
	if (p->online)
		return -EBUSY;
	*at = p->next_pool;
	forget_leases(p);
	free(p);
	return 0;
}

bool espnic_ike_pool_info(const struct espnic_ike *ike, const char *name, struct espnic_ike_pool_info *info)
{
	const struct espnic_ike_pool *p = espnic_ike_pool_find(ike, name);

	if (p)
		*info = (struct espnic_ike_pool_info){ (uint32_t)size_of(&p->conf), p->online, p->leases - p->online };
	return p;
}

void espnic_ike_pools_free(struct espnic_ike *ike)
{
	while (ike->pools) {
		struct espnic_ike_pool *p = ike->pools;

		ike->pools = p->next_pool;
		forget_leases(p);
		free(p);
	}
}
