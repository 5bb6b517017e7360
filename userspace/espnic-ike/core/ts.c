// SPDX-License-Identifier: BSD-2-Clause
#include "ts.h"

#include <string.h>

enum {
	TS_IPV4 = 7, TS_IPV6 = 8,	/* RFC 7296 3.13.1 */
	TS_FIXED = 8,			/* bytes in front of the addresses */
};

static size_t bytes_of(unsigned int family)
{
	return family == 4 ? 4 : 16;
}

static bool opaque(const struct espnic_ike_ts *t)
{
	return t->port_from == 65535 && t->port_to == 0;
}

static bool read_one(struct espnic_ike_ts *t, struct espnic_ike_rd *r, bool *skip)
{
	unsigned int type = (unsigned int)espnic_ike_rd_be(r, 1);
	struct espnic_ike_rd body = { 0 };
	const uint8_t *from, *to;
	size_t size, len;

	memset(t, 0, sizeof(*t));
	t->proto = (uint8_t)espnic_ike_rd_be(r, 1);
	size = espnic_ike_rd_be(r, 2);
	if (r->bad || size < 4)
		return false;
	body.left = size - 4;
	body.p = espnic_ike_rd_bytes(r, body.left);
	*skip = type != TS_IPV4 && type != TS_IPV6;
	if (r->bad || *skip)
		return !r->bad;
	t->family = type == TS_IPV4 ? 4 : 6;
	len = bytes_of(t->family);
	t->port_from = (uint16_t)espnic_ike_rd_be(&body, 2);
	t->port_to = (uint16_t)espnic_ike_rd_be(&body, 2);
	from = espnic_ike_rd_bytes(&body, len);
	to = espnic_ike_rd_bytes(&body, len);
	if (body.bad || body.left || memcmp(from, to, len) > 0 || (t->port_from > t->port_to && !opaque(t)))
		return false;
	memcpy(t->from, from, len);
	memcpy(t->to, to, len);
	return true;
}

bool espnic_ike_ts_read(struct espnic_ike_ts_set *set, struct espnic_ike_chunk body)
{
	struct espnic_ike_rd r = espnic_ike_rd(body.p, body.len);
	unsigned int count = (unsigned int)espnic_ike_rd_be(&r, 1);

	set->n = 0;
	espnic_ike_rd_be(&r, 3);
	for (unsigned int i = 0; i < count; i++) {
		struct espnic_ike_ts t;
		bool skip;

		if (!read_one(&t, &r, &skip))
			return false;
		if (!skip && set->n < ESPNIC_IKE_TS)
			set->v[set->n++] = t;
	}
	return count && !r.bad && !r.left;
}

void espnic_ike_ts_write(struct espnic_ike_wr *w, enum espnic_ike_payload type, const struct espnic_ike_ts *v, unsigned int n)
{
	size_t at = espnic_ike_wr_begin(w, type);

	espnic_ike_wr_be(w, n, 1);
	espnic_ike_wr_be(w, 0, 3);
	for (unsigned int i = 0; i < n; i++) {
		size_t len = bytes_of(v[i].family);

		espnic_ike_wr_be(w, v[i].family == 4 ? TS_IPV4 : TS_IPV6, 1);
		espnic_ike_wr_be(w, v[i].proto, 1);
		espnic_ike_wr_be(w, TS_FIXED + 2 * len, 2);
		espnic_ike_wr_be(w, v[i].port_from, 2);
		espnic_ike_wr_be(w, v[i].port_to, 2);
		espnic_ike_wr_bytes(w, v[i].from, len);
		espnic_ike_wr_bytes(w, v[i].to, len);
	}
	espnic_ike_wr_end(w, at);
}

static void spread(struct espnic_ike_ts *ts, const struct espnic_ike_net *net)
{
	ts->dynamic = false;
	ts->family = net->addr.family;
	memcpy(ts->from, net->addr.bytes, sizeof(ts->from));
	memcpy(ts->to, net->addr.bytes, sizeof(ts->to));
	for (size_t i = net->prefix; i < 8 * bytes_of(ts->family); i++)
		ts->to[i / 8] |= (uint8_t)(0x80 >> i % 8);
}

void espnic_ike_ts_resolve(struct espnic_ike_ts_set *set, const struct espnic_ike_ts *conf, unsigned int n,
			   const struct espnic_ike_net *nets, unsigned int n_nets)
{
	set->n = 0;
	for (unsigned int i = 0; i < n; i++) {
		unsigned int times = conf[i].dynamic ? n_nets : 1;

		for (unsigned int j = 0; j < times && set->n < ESPNIC_IKE_TS; j++) {
			set->v[set->n] = conf[i];
			if (conf[i].dynamic)
				spread(&set->v[set->n], &nets[j]);
			set->n++;
		}
	}
}

static bool any_port(const struct espnic_ike_ts *t)
{
	return t->port_from == 0 && t->port_to == 65535;
}

static bool cut_ports(struct espnic_ike_ts *out, const struct espnic_ike_ts *a, const struct espnic_ike_ts *b)
{
	if (opaque(a) || opaque(b)) {
		/* OPAQUE is a kind of "any", and of nothing narrower. */
		const struct espnic_ike_ts *other = opaque(a) ? b : a;

		out->port_from = 65535;
		out->port_to = 0;
		return opaque(other) || any_port(other);
	}
	out->port_from = a->port_from > b->port_from ? a->port_from : b->port_from;
	out->port_to = a->port_to < b->port_to ? a->port_to : b->port_to;
	return out->port_from <= out->port_to;
}

static bool cut(struct espnic_ike_ts *out, const struct espnic_ike_ts *a, const struct espnic_ike_ts *b)
{
	size_t len = bytes_of(a->family);

	memset(out, 0, sizeof(*out));
	if (a->family != b->family || (a->proto && b->proto && a->proto != b->proto) || !cut_ports(out, a, b))
		return false;
	out->family = a->family;
	out->proto = a->proto ? a->proto : b->proto;
	memcpy(out->from, memcmp(a->from, b->from, len) > 0 ? a->from : b->from, len);
	memcpy(out->to, memcmp(a->to, b->to, len) < 0 ? a->to : b->to, len);
	return memcmp(out->from, out->to, len) <= 0;
}

static bool covers(const struct espnic_ike_ts *outer, const struct espnic_ike_ts *inner)
{
	struct espnic_ike_ts both;

	return cut(&both, outer, inner) && both.proto == inner->proto && both.port_from == inner->port_from &&
	       both.port_to == inner->port_to && memcmp(both.from, inner->from, sizeof(both.from)) == 0 &&
	       memcmp(both.to, inner->to, sizeof(both.to)) == 0;
}

bool espnic_ike_ts_within(const struct espnic_ike_ts_set *inner, const struct espnic_ike_ts_set *outer)
{
	for (unsigned int i = 0; i < inner->n; i++) {
		unsigned int j = 0;

		while (j < outer->n && !covers(&outer->v[j], &inner->v[i]))
			j++;
		if (j == outer->n)
			return false;
	}
	return true;
}

static void add(struct espnic_ike_ts_set *set, const struct espnic_ike_ts *t)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < set->n; i++)
		if (covers(&set->v[i], t))
			return;
	for (unsigned int i = 0; i < set->n; i++)
		if (!covers(t, &set->v[i]))
			set->v[kept++] = set->v[i];
	set->n = kept;
	if (set->n < ESPNIC_IKE_TS)
		set->v[set->n++] = *t;
}

bool espnic_ike_ts_narrow(struct espnic_ike_ts_set *out, const struct espnic_ike_ts_set *a, const struct espnic_ike_ts_set *b)
{
	struct espnic_ike_ts t;

	out->n = 0;
	for (unsigned int i = 0; i < a->n; i++)
		for (unsigned int j = 0; j < b->n; j++)
			if (cut(&t, &a->v[i], &b->v[j]))
				add(out, &t);
	return out->n > 0;
}
