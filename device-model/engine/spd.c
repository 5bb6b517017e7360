// SPDX-License-Identifier: BSD-2-Clause
#include "engine/spd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/classify.h"
#include "engine/sad.h"
#include "engine/selector.h"

enum {
	BURST = 32,			/* lookups side by side */
	/* Lengths of a side up to which a burst looks ahead: more do not fit the stack, and are rare. */
	BURST_LENGTHS = 8,
};

struct espnic_spd {
	uint32_t capacity;
	uint32_t count;
	uint64_t age;
	struct espnic_prefixes prefixes;
	struct espnic_classifier view[ESPNIC_SPD_VIEWS];
	struct espnic_spd_policy *policies;	/* capacity + 1: id 0 is never used */
};

static const uint8_t any_addr[16];

static size_t policies_bytes(const struct espnic_spd *spd)
{
	return ((size_t)spd->capacity + 1) * sizeof(spd->policies[0]);
}

struct espnic_spd *espnic_spd_new(uint32_t capacity)
{
	struct espnic_spd *spd;
	int err;

	if (!capacity || capacity > ESPNIC_SPD_CAPACITY_MAX)
		return NULL;
	spd = calloc(1, sizeof(*spd));
	if (!spd)
		return NULL;
	spd->capacity = capacity;
	spd->policies = espnic_table_alloc(policies_bytes(spd));
	/* Two prefixes a policy at the most. */
	err = espnic_prefixes_init(&spd->prefixes, 2 * capacity);
	for (int v = 0; v < ESPNIC_SPD_VIEWS && !err; v++)
		err = espnic_classifier_init(&spd->view[v], v, spd->policies, capacity);
	if (err || !spd->policies) {
		espnic_spd_free(spd);
		return NULL;
	}
	return spd;
}

void espnic_spd_free(struct espnic_spd *spd)
{
	if (!spd)
		return;
	espnic_prefixes_free(&spd->prefixes);
	for (int v = 0; v < ESPNIC_SPD_VIEWS; v++)
		espnic_classifier_free(&spd->view[v]);
	espnic_table_free(spd->policies, policies_bytes(spd));
	free(spd);
}

static bool range_ok(uint16_t min, uint16_t max)
{
	return min <= max || espnic_ports_opaque(min, max);
}

static bool acceptable(const struct espnic_spd *spd, const struct espnic_spd_policy *p)
{
	const struct espnic_selector *s = &p->sel;
	unsigned int bits = s->family == ESPNIC_IPV4 ? 32 : 128;

	return p->id && p->id <= spd->capacity && p->dir < ESPNIC_SPD_DIRS &&
	       (s->family == ESPNIC_IP_ANY || s->family == ESPNIC_IPV4 ||
		s->family == ESPNIC_IPV6) &&
	       (s->family == ESPNIC_IP_ANY || (s->src_prefix <= bits && s->dst_prefix <= bits)) &&
	       range_ok(s->sport_min, s->sport_max) && range_ok(s->dport_min, s->dport_max);
}

int espnic_spd_insert(struct espnic_spd *spd, const struct espnic_spd_policy *p)
{
	struct espnic_prefixes *ps = &spd->prefixes;
	const struct espnic_selector *s = &p->sel;
	struct espnic_spd_policy *n;

	if (!acceptable(spd, p))
		return -EINVAL;
	n = &spd->policies[p->id];
	if (n->id)
		return -EEXIST;
	n->id = p->id;
	n->priority = p->priority;
	n->dir = p->dir;
	n->action = p->action;
	n->discard = p->discard;
	n->sel = *s;
	n->tmpl = p->tmpl;
	atomic_store(&n->packets, 0);
	atomic_store(&n->bytes, 0);
	atomic_store(&n->no_sa, 0);

	n->age = ++spd->age;
	n->shake = (uint32_t)espnic_hindex_hash(&ps->index, &n->age, 1);
	n->src_id = 0;
	n->dst_id = 0;
	if (s->family != ESPNIC_IP_ANY) {
		n->src_id = espnic_prefix_get(ps, p->dir, s->family, ESPNIC_SIDE_SRC, s->src,
					      s->src_prefix);
		n->dst_id = espnic_prefix_get(ps, p->dir, s->family, ESPNIC_SIDE_DST, s->dst,
					      s->dst_prefix);
		espnic_pair_get(ps, n->src_id, n->dst_id);
	}
	for (int v = 0; v < ESPNIC_SPD_VIEWS; v++)
		espnic_classifier_insert(&spd->view[v], n);
	spd->count++;
	return 0;
}

void espnic_spd_remove(struct espnic_spd *spd, struct espnic_spd_policy *p)
{
	for (int v = 0; v < ESPNIC_SPD_VIEWS; v++)
		espnic_classifier_remove(&spd->view[v], p);
	if (p->sel.family != ESPNIC_IP_ANY) {
		espnic_pair_put(&spd->prefixes, p->src_id, p->dst_id);
		espnic_prefix_put(&spd->prefixes, p->src_id);
		espnic_prefix_put(&spd->prefixes, p->dst_id);
	}
	p->id = 0;
	spd->count--;
}

void espnic_spd_clear(struct espnic_spd *spd)
{
	for (int v = 0; v < ESPNIC_SPD_VIEWS; v++)
		espnic_classifier_clear(&spd->view[v]);
	espnic_prefixes_clear(&spd->prefixes);
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

/* ---- lookup ---- */

static enum espnic_spd_view view_of(const struct espnic_flow *f)
{
	if (espnic_flow_proto_hidden(f))
		return ESPNIC_SPD_NO_PROTO;
	if (!(f->flags & ESPNIC_FLOW_PORTS) && espnic_proto_has_ports(f->proto))
		return ESPNIC_SPD_NO_PORTS;
	return ESPNIC_SPD_SEEN;
}

static const uint8_t *side_addr(const struct espnic_flow *f, enum espnic_side side)
{
	return side == ESPNIC_SIDE_SRC ? f->src : f->dst;
}

static void query_init(struct espnic_query *q, const struct espnic_spd *spd,
		       enum espnic_spd_dir dir, const struct espnic_flow *f)
{
	q->prefixes = &spd->prefixes;
	q->flow = f;
	q->dir = dir;
	q->n_hashes = 0;
	memset(q->pair, ESPNIC_PAIR_UNASKED, sizeof(q->pair));
	for (int s = 0; s < ESPNIC_SIDES; s++)
		q->lengths[s] = espnic_prefix_lengths(&spd->prefixes, dir, f->family, s);
}

/* What the policy found says of the packet. */
static enum espnic_spd_result result_of(const struct espnic_spd *spd, const struct espnic_flow *f,
					uint32_t id, struct espnic_spd_policy **policy)
{
	*policy = NULL;
	if (!id)
		return ESPNIC_SPD_NONE;
	*policy = &spd->policies[id];
	return espnic_selector_check_upper(&spd->policies[id].sel, f) == ESPNIC_SELECTOR_YES ?
		       ESPNIC_SPD_MATCH : ESPNIC_SPD_AMBIGUOUS;
}

enum espnic_spd_result espnic_spd_lookup(const struct espnic_spd *spd, enum espnic_spd_dir dir,
					 const struct espnic_flow *flow,
					 struct espnic_spd_policy **policy)
{
	const struct espnic_prefixes *ps = &spd->prefixes;
	uint32_t ids[ESPNIC_SIDES][ESPNIC_PREFIX_LENGTHS];
	struct espnic_query q;

	query_init(&q, spd, dir, flow);
	for (int s = 0; s < ESPNIC_SIDES; s++) {
		const uint8_t *addr = side_addr(flow, s);

		for (unsigned int i = 0; i < q.lengths[s]->n; i++) {
			uint8_t len = q.lengths[s]->len[i];

			ids[s][i] = espnic_prefix_find(ps, dir, flow->family, s, addr, len,
				espnic_prefix_hash(ps, dir, flow->family, s, addr, len));
		}
		q.ids[s] = ids[s];
	}
	return result_of(spd, flow, espnic_classify(&spd->view[view_of(flow)], &q), policy);
}

/* One of a burst: the query, and what it stands on. */
struct ahead {
	struct espnic_query q;
	uint64_t hash[ESPNIC_SIDES][BURST_LENGTHS];
	uint32_t ids[ESPNIC_SIDES][BURST_LENGTHS];
};

static void ahead_fetch(const struct espnic_spd *spd, struct ahead *a)
{
	const struct espnic_flow *f = a->q.flow;

	for (int s = 0; s < ESPNIC_SIDES; s++)
		for (unsigned int i = 0; i < a->q.lengths[s]->n; i++) {
			a->hash[s][i] = espnic_prefix_hash(&spd->prefixes, a->q.dir, f->family, s,
							   side_addr(f, s), a->q.lengths[s]->len[i]);
			espnic_hindex_prefetch(&spd->prefixes.index, a->hash[s][i]);
		}
}

static void ahead_cover(const struct espnic_spd *spd, struct ahead *a)
{
	const struct espnic_flow *f = a->q.flow;

	for (int s = 0; s < ESPNIC_SIDES; s++) {
		for (unsigned int i = 0; i < a->q.lengths[s]->n; i++)
			a->ids[s][i] = espnic_prefix_find(&spd->prefixes, a->q.dir, f->family, s,
							  side_addr(f, s), a->q.lengths[s]->len[i],
							  a->hash[s][i]);
		a->q.ids[s] = a->ids[s];
	}
	espnic_classify_prefetch(&spd->view[view_of(f)], &a->q);
}

/* Three passes: fetch the prefixes; read them and fetch the cells; classify. */
static void lookup_some(const struct espnic_spd *spd, enum espnic_spd_dir dir,
			const struct espnic_flow *const *flows,
			struct espnic_spd_policy **policies, enum espnic_spd_result *results,
			unsigned int n)
{
	struct ahead v[BURST];
	bool deep[BURST];

	for (unsigned int i = 0; i < n; i++) {
		query_init(&v[i].q, spd, dir, flows[i]);
		deep[i] = v[i].q.lengths[ESPNIC_SIDE_SRC]->n > BURST_LENGTHS ||
			  v[i].q.lengths[ESPNIC_SIDE_DST]->n > BURST_LENGTHS;
		if (!deep[i])
			ahead_fetch(spd, &v[i]);
	}
	for (unsigned int i = 0; i < n; i++)
		if (!deep[i])
			ahead_cover(spd, &v[i]);
	for (unsigned int i = 0; i < n; i++) {
		const struct espnic_flow *f = flows[i];

		if (deep[i])
			results[i] = espnic_spd_lookup(spd, dir, f, &policies[i]);
		else
			results[i] = result_of(spd, f,
					       espnic_classify(&spd->view[view_of(f)], &v[i].q),
					       &policies[i]);
	}
}

void espnic_spd_lookup_burst(const struct espnic_spd *spd, enum espnic_spd_dir dir,
			     const struct espnic_flow *const *flows,
			     struct espnic_spd_policy **policies,
			     enum espnic_spd_result *results, unsigned int n)
{
	while (n) {
		unsigned int some = n < BURST ? n : BURST;

		lookup_some(spd, dir, flows, policies, results, some);
		flows += some;
		policies += some;
		results += some;
		n -= some;
	}
}

/* ---- inbound ---- */

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

/*
 * What the first match @p (@r) in one direction says of a packet that came out of @e. True: it may pass,
 * and no other direction need be asked.
 */
static bool inbound_judge(enum espnic_spd_result r, struct espnic_spd_policy *p,
			  const struct espnic_flow *flow, const struct espnic_sad_entry *e,
			  struct espnic_spd_policy **policy, enum espnic_spd_result *result)
{
	if (r == ESPNIC_SPD_MATCH) {
		if (espnic_spd_action(p) != ESPNIC_SPD_PROTECT ||
		    !espnic_spd_template_fits(p, e, flow))
			return false;
		*policy = p;
		*result = ESPNIC_SPD_MATCH;
		return true;
	}
	if (r == ESPNIC_SPD_AMBIGUOUS && *result == ESPNIC_SPD_NONE) {
		*policy = p;
		*result = ESPNIC_SPD_AMBIGUOUS;
	}
	return false;
}

enum espnic_spd_result espnic_spd_check_inbound(const struct espnic_spd *spd,
						const struct espnic_flow *flow,
						const struct espnic_sad_entry *e,
						struct espnic_spd_policy **policy)
{
	enum espnic_spd_result result;

	espnic_spd_check_inbound_burst(spd, &flow, &e, policy, &result, 1);
	return result;
}

static void check_some(const struct espnic_spd *spd, const struct espnic_flow *const *flows,
		       const struct espnic_sad_entry *const *sas,
		       struct espnic_spd_policy **policies, enum espnic_spd_result *results,
		       unsigned int n)
{
	const struct espnic_flow *open[BURST];
	struct espnic_spd_policy *p[BURST];
	enum espnic_spd_result r[BURST];
	unsigned int at[BURST], n_open = 0;

	lookup_some(spd, ESPNIC_SPD_IN, flows, p, r, n);
	for (unsigned int i = 0; i < n; i++) {
		policies[i] = NULL;
		results[i] = ESPNIC_SPD_NONE;
		if (inbound_judge(r[i], p[i], flows[i], sas[i], &policies[i], &results[i]))
			continue;
		at[n_open] = i;
		open[n_open++] = flows[i];
	}
	lookup_some(spd, ESPNIC_SPD_FWD, open, p, r, n_open);
	for (unsigned int i = 0; i < n_open; i++)
		inbound_judge(r[i], p[i], open[i], sas[at[i]], &policies[at[i]], &results[at[i]]);
}

void espnic_spd_check_inbound_burst(const struct espnic_spd *spd,
				    const struct espnic_flow *const *flows,
				    const struct espnic_sad_entry *const *sas,
				    struct espnic_spd_policy **policies,
				    enum espnic_spd_result *results, unsigned int n)
{
	while (n) {
		unsigned int some = n < BURST ? n : BURST;

		check_some(spd, flows, sas, policies, results, some);
		flows += some;
		sas += some;
		policies += some;
		results += some;
		n -= some;
	}
}
