// SPDX-License-Identifier: BSD-2-Clause
#include "engine/spd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/sad.h"
#include "engine/selector.h"

enum { SPD_CAPACITY_MAX = 65535 };	/* slot numbers are 16 bits */

/*
 * What a packet is compared with, ready to use: masked addresses as words. Kept apart
 * from the policies, in matching order, so that a lookup reads memory in one direction.
 */
struct match {
	uint64_t src[2], src_mask[2];	/* byte order of the wire, as loaded */
	uint64_t dst[2], dst_mask[2];
	uint16_t sport_min, sport_max;
	uint16_t dport_min, dport_max;
	uint16_t slot;			/* index into policies */
	uint8_t family;			/* ESPNIC_IP_ANY: any */
	uint8_t proto;			/* ESPNIC_PROTO_ANY: any */
	bool ports;			/* one of the ranges is not 0..65535 */
};

struct ordered {
	uint32_t count;
	struct match *v;		/* capacity of the table */
};

struct espnic_spd {
	uint32_t capacity;
	uint32_t count;
	struct ordered dir[ESPNIC_SPD_DIRS];
	struct espnic_spd_policy policies[]; /* capacity + 1: id 0 is never used */
};

static const uint8_t any_addr[16];

struct espnic_spd *espnic_spd_new(uint32_t capacity)
{
	struct espnic_spd *spd;

	if (!capacity || capacity > SPD_CAPACITY_MAX)
		return NULL;
	spd = calloc(1, sizeof(*spd) + ((size_t)capacity + 1) * sizeof(spd->policies[0]));
	if (!spd)
		return NULL;
	spd->capacity = capacity;
	for (int d = 0; d < ESPNIC_SPD_DIRS; d++) {
		spd->dir[d].v = calloc(capacity, sizeof(spd->dir[d].v[0]));
		if (!spd->dir[d].v) {
			espnic_spd_free(spd);
			return NULL;
		}
	}
	return spd;
}

void espnic_spd_free(struct espnic_spd *spd)
{
	if (!spd)
		return;
	for (int d = 0; d < ESPNIC_SPD_DIRS; d++)
		free(spd->dir[d].v);
	free(spd);
}

static void set_prefix(uint64_t addr[2], uint64_t mask[2], const uint8_t *from, unsigned int bits)
{
	uint8_t m[16] = { 0 };

	memset(m, 0xff, bits / 8);
	if (bits % 8)
		m[bits / 8] = (uint8_t)(0xff << (8 - bits % 8));
	memcpy(mask, m, sizeof(m));
	memcpy(addr, from, 16);
	addr[0] &= mask[0];
	addr[1] &= mask[1];
}

static void set_match(struct match *m, const struct espnic_spd_policy *p)
{
	const struct espnic_selector *s = &p->sel;
	bool any = s->family == ESPNIC_IP_ANY;

	memset(m, 0, sizeof(*m));
	set_prefix(m->src, m->src_mask, s->src, any ? 0 : s->src_prefix);
	set_prefix(m->dst, m->dst_mask, s->dst, any ? 0 : s->dst_prefix);
	m->sport_min = s->sport_min;
	m->sport_max = s->sport_max;
	m->dport_min = s->dport_min;
	m->dport_max = s->dport_max;
	m->slot = (uint16_t)p->id;
	m->family = s->family;
	m->proto = s->proto;
	m->ports = s->sport_min || s->sport_max != ESPNIC_PORT_MAX ||
		   s->dport_min || s->dport_max != ESPNIC_PORT_MAX;
}

int espnic_spd_insert(struct espnic_spd *spd, const struct espnic_spd_policy *p)
{
	struct espnic_spd_policy *n;
	struct ordered *o;
	uint32_t at;

	if (!p->id || p->id > spd->capacity || p->dir >= ESPNIC_SPD_DIRS ||
	    p->sel.src_prefix > 128 || p->sel.dst_prefix > 128)
		return -EINVAL;
	n = &spd->policies[p->id];
	if (n->id)
		return -EEXIST;
	n->id = p->id;
	n->priority = p->priority;
	n->dir = p->dir;
	n->action = p->action;
	n->discard = p->discard;
	n->sel = p->sel;
	n->tmpl = p->tmpl;
	atomic_store(&n->packets, 0);
	atomic_store(&n->bytes, 0);
	atomic_store(&n->no_sa, 0);

	/* Behind all of the same priority: insertion order. */
	o = &spd->dir[p->dir];
	for (at = o->count; at > 0; at--)
		if (spd->policies[o->v[at - 1].slot].priority <= p->priority)
			break;
	memmove(&o->v[at + 1], &o->v[at], (o->count - at) * sizeof(o->v[0]));
	set_match(&o->v[at], n);
	o->count++;
	spd->count++;
	return 0;
}

void espnic_spd_remove(struct espnic_spd *spd, struct espnic_spd_policy *p)
{
	struct ordered *o = &spd->dir[p->dir];
	uint32_t at = 0;

	while (at < o->count && o->v[at].slot != p->id)
		at++;
	if (at < o->count) {
		o->count--;
		memmove(&o->v[at], &o->v[at + 1], (o->count - at) * sizeof(o->v[0]));
		spd->count--;
	}
	p->id = 0;
}

void espnic_spd_clear(struct espnic_spd *spd)
{
	for (int d = 0; d < ESPNIC_SPD_DIRS; d++)
		spd->dir[d].count = 0;
	for (uint32_t i = 0; i <= spd->capacity; i++)
		spd->policies[i].id = 0;
	spd->count = 0;
}

uint32_t espnic_spd_count(const struct espnic_spd *spd)
{
	return spd->count;
}

struct espnic_spd_policy *espnic_spd_by_id(struct espnic_spd *spd, uint32_t id)
{
	if (!id || id > spd->capacity || !spd->policies[id].id)
		return NULL;
	return &spd->policies[id];
}

/* The flow as words, loaded once for all comparisons. */
struct words {
	uint64_t src[2], dst[2];
	bool ports;			/* sport and dport are there */
	bool wants_ports;		/* they should be, and are not seen */
	bool hidden;			/* the protocol itself is not seen */
};

static void load_words(struct words *w, const struct espnic_flow *f)
{
	memcpy(w->src, f->src, sizeof(w->src));
	memcpy(w->dst, f->dst, sizeof(w->dst));
	w->ports = f->flags & ESPNIC_FLOW_PORTS;
	w->hidden = espnic_flow_proto_hidden(f);
	w->wants_ports = !w->ports && (w->hidden || espnic_proto_has_ports(f->proto));
}

/* As espnic_selector_check(), on prepared data. */
static inline enum espnic_selector_result check(const struct match *m, const struct words *w,
						const struct espnic_flow *f)
{
	enum espnic_selector_result sure = ESPNIC_SELECTOR_YES;

	if (((w->dst[0] ^ m->dst[0]) & m->dst_mask[0]) | ((w->dst[1] ^ m->dst[1]) & m->dst_mask[1]) |
	    ((w->src[0] ^ m->src[0]) & m->src_mask[0]) | ((w->src[1] ^ m->src[1]) & m->src_mask[1]))
		return ESPNIC_SELECTOR_NO;
	if (m->family != ESPNIC_IP_ANY && m->family != f->family)
		return ESPNIC_SELECTOR_NO;
	if (m->proto != ESPNIC_PROTO_ANY && m->proto != f->proto) {
		if (!w->hidden)
			return ESPNIC_SELECTOR_NO;
		sure = ESPNIC_SELECTOR_UNKNOWN;
	}
	if (!m->ports)
		return sure;
	if (!w->ports)
		return w->wants_ports ? ESPNIC_SELECTOR_UNKNOWN : ESPNIC_SELECTOR_NO;
	if (f->sport < m->sport_min || f->sport > m->sport_max ||
	    f->dport < m->dport_min || f->dport > m->dport_max)
		return ESPNIC_SELECTOR_NO;
	return sure;
}

enum espnic_spd_result espnic_spd_lookup(const struct espnic_spd *spd, enum espnic_spd_dir dir,
					 const struct espnic_flow *flow,
					 struct espnic_spd_policy **policy)
{
	const struct ordered *o = &spd->dir[dir];
	struct words w;

	load_words(&w, flow);
	for (uint32_t i = 0; i < o->count; i++) {
		enum espnic_selector_result r = check(&o->v[i], &w, flow);

		if (r == ESPNIC_SELECTOR_NO)
			continue;
		/* The counters are the caller's to write; order and selectors are const here. */
		*policy = (struct espnic_spd_policy *)&spd->policies[o->v[i].slot];
		return r == ESPNIC_SELECTOR_YES ? ESPNIC_SPD_MATCH : ESPNIC_SPD_AMBIGUOUS;
	}
	*policy = NULL;
	return ESPNIC_SPD_NONE;
}

static bool addr_fits(const uint8_t *want, const uint8_t *have)
{
	return !memcmp(want, any_addr, sizeof(any_addr)) || !memcmp(want, have, sizeof(any_addr));
}

bool espnic_spd_template_fits(const struct espnic_spd_policy *p, const struct espnic_sad_entry *e,
			      const struct espnic_flow *flow)
{
	const struct espnic_spd_template *t = &p->tmpl;

	if (t->mode != e->mode || t->ip_proto != e->ip_proto ||
	    (t->reqid && t->reqid != e->reqid) || (t->spi && t->spi != e->spi))
		return false;
	if (t->mode == ESPNIC_MODE_TUNNEL)
		return t->family == e->family && addr_fits(t->saddr, e->saddr) &&
		       addr_fits(t->daddr, e->daddr);
	/* The SA may leave its source open; its destination it always has. */
	return e->family == flow->family && addr_fits(e->saddr, flow->src) &&
	       !memcmp(e->daddr, flow->dst, sizeof(e->daddr));
}

enum espnic_spd_result espnic_spd_check_inbound(const struct espnic_spd *spd,
						const struct espnic_flow *flow,
						const struct espnic_sad_entry *e,
						struct espnic_spd_policy **policy)
{
	static const enum espnic_spd_dir dirs[] = { ESPNIC_SPD_IN, ESPNIC_SPD_FWD };
	enum espnic_spd_result result = ESPNIC_SPD_NONE;
	struct espnic_spd_policy *p;

	*policy = NULL;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		enum espnic_spd_result r = espnic_spd_lookup(spd, dirs[i], flow, &p);

		if (r == ESPNIC_SPD_NONE)
			continue;
		if (r == ESPNIC_SPD_MATCH) {
			if (espnic_spd_action(p) != ESPNIC_SPD_PROTECT ||
			    !espnic_spd_template_fits(p, e, flow))
				continue;
			*policy = p;
			return ESPNIC_SPD_MATCH;
		}
		if (result == ESPNIC_SPD_NONE) {
			*policy = p;
			result = ESPNIC_SPD_AMBIGUOUS;
		}
	}
	return result;
}
