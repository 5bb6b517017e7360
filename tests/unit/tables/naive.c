// SPDX-License-Identifier: BSD-2-Clause
#include "naive.h"

#include <string.h>

static int bit(const uint8_t *a, unsigned int n)
{
	return a[n / 8] >> (7 - n % 8) & 1;
}

static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
	for (unsigned int i = 0; i < bits; i++)
		if (bit(a, i) != bit(b, i))
			return false;
	return true;
}

static bool has_ports(uint8_t proto)
{
	return proto && strchr("\x06\x11\x88\x84\x21\x01\x3a", proto);
}

enum espnic_selector_result naive_selector(const struct espnic_selector *s, const struct espnic_flow *f)
{
	const uint16_t min[] = { s->sport_min, s->dport_min }, max[] = { s->sport_max, s->dport_max };
	const uint16_t port[] = { f->sport, f->dport };
	bool hidden = f->family == 6 && (f->flags & ESPNIC_FLOW_NONFIRST) &&
		      (f->proto == 0 || f->proto == 43 || f->proto == 44 || f->proto == 60);
	bool shown = f->flags & ESPNIC_FLOW_PORTS;
	bool unknown = false;

	if (s->family && s->family != f->family)
		return ESPNIC_SELECTOR_NO;
	if (s->family && !(same_prefix(s->src, f->src, s->src_prefix) &&
			   same_prefix(s->dst, f->dst, s->dst_prefix)))
		return ESPNIC_SELECTOR_NO;
	if (s->proto == ESPNIC_PROTO_OPAQUE && !hidden)
		return ESPNIC_SELECTOR_NO;
	if (s->proto && s->proto != ESPNIC_PROTO_OPAQUE && s->proto != f->proto) {
		if (!hidden)
			return ESPNIC_SELECTOR_NO;
		unknown = true;
	}
	for (int i = 0; i < 2; i++) {
		if (min[i] == 0 && max[i] == 65535)
			continue;
		if (min[i] == 65535 && max[i] == 0) {
			if (shown)
				return ESPNIC_SELECTOR_NO;
		} else if (shown) {
			if (port[i] < min[i] || port[i] > max[i])
				return ESPNIC_SELECTOR_NO;
		} else if (has_ports(f->proto) || hidden) {
			unknown = true;
		} else {
			return ESPNIC_SELECTOR_NO;
		}
	}
	return unknown ? ESPNIC_SELECTOR_UNKNOWN : ESPNIC_SELECTOR_YES;
}

int naive_spd_lookup(const struct naive_policy *v, unsigned int dir, const struct espnic_flow *f,
		     bool *ambiguous)
{
	int best = -1;

	for (int i = 0; i < NAIVE_MAX; i++) {
		const struct naive_policy *n = &v[i], *b = &v[best < 0 ? 0 : best];

		if (!n->there || n->p.dir != dir || naive_selector(&n->p.sel, f) == ESPNIC_SELECTOR_NO)
			continue;
		if (best < 0 || n->p.priority < b->p.priority ||
		    (n->p.priority == b->p.priority && n->order < b->order))
			best = i;
	}
	*ambiguous = best >= 0 && naive_selector(&v[best].p.sel, f) == ESPNIC_SELECTOR_UNKNOWN;
	return best;
}

static bool zero(const uint8_t *a)
{
	for (int i = 0; i < 16; i++)
		if (a[i])
			return false;
	return true;
}

static bool naive_fits(const struct espnic_sad_entry *e, const struct espnic_spd_policy *p,
		       const struct espnic_flow *f)
{
	const struct espnic_spd_template *t = &p->tmpl;

	if (e->mode != t->mode || e->ip_proto != t->ip_proto)
		return false;
	if (t->reqid && e->reqid != t->reqid)
		return false;
	if (t->spi && e->spi != t->spi)
		return false;
	if (t->mode == ESPNIC_MODE_TRANSPORT)
		return e->family == f->family && same_prefix(e->daddr, f->dst, 128) &&
		       (zero(e->saddr) || same_prefix(e->saddr, f->src, 128));
	return e->family == t->family && (zero(t->daddr) || same_prefix(e->daddr, t->daddr, 128)) &&
	       (zero(t->saddr) || same_prefix(e->saddr, t->saddr, 128));
}

int naive_sad_choose(const struct naive_sa *v, const struct espnic_spd_policy *p,
		     const struct espnic_flow *f)
{
	int best = -1;

	for (int i = 0; i < NAIVE_MAX; i++) {
		const struct naive_sa *n = &v[i], *b = &v[best < 0 ? 0 : best];

		if (!n->there || n->e.dir != ESPNIC_DIR_OUT || n->e.offload != ESPNIC_OFFLOAD_PACKET ||
		    !naive_fits(&n->e, p, f))
			continue;
		if (n->e.has_sel && naive_selector(&n->e.sel, f) != ESPNIC_SELECTOR_YES)
			continue;
		if (best < 0 || (b->e.dying && !n->e.dying) ||
		    (b->e.dying == n->e.dying && n->order > b->order))
			best = i;
	}
	return best;
}

uint32_t naive_random(uint64_t *state, uint32_t below)
{
	/* splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators") */
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (uint32_t)((z ^ z >> 31) % below);
}
