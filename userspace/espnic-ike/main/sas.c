// SPDX-License-Identifier: BSD-2-Clause
#include "main/sas.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 64 };

static struct espnic_sa **bucket(const struct espnic_sas *s, uint32_t child_id)
{
	/* the core counts them up, so that the low bits spread */
	return &s->bucket[child_id & (s->room - 1)];
}

struct espnic_sa *espnic_sas_find(const struct espnic_sas *s, uint32_t child_id)
{
	struct espnic_sa *sa = s->room ? *bucket(s, child_id) : NULL;

	while (sa && sa->child_id != child_id)
		sa = sa->next;
	return sa;
}

/* FNV-1a. */
static uint32_t mix(uint32_t hash, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	while (n--)
		hash = (hash ^ *p++) * 16777619;
	return hash;
}

static uint32_t mix_ts(uint32_t hash, const struct espnic_ike_ts *ts, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		uint32_t rest[] = { ts[i].family, ts[i].proto, ts[i].port_from, ts[i].port_to };

		hash = mix(mix(mix(hash, ts[i].from, sizeof(ts[i].from)), ts[i].to, sizeof(ts[i].to)), rest, sizeof(rest));
	}
	return hash;
}

static struct espnic_sa **alike(const struct espnic_sas *s, const struct espnic_sa *sa)
{
	uint32_t hash = mix_ts(2166136261u, sa->ts, (unsigned int)sa->n_local + sa->n_remote);

	return &s->by_ts[(hash ^ hash >> 16) & (s->room - 1)];
}

/* Those with a reqid, which is a child's own unless its configuration gives one to all. */
static struct espnic_sa **of_reqid(const struct espnic_sas *s, uint32_t reqid)
{
	return &s->by_reqid[reqid & (s->room - 1)];
}

static void put(struct espnic_sas *s, struct espnic_sa *sa)
{
	struct espnic_sa **by_id = bucket(s, sa->child_id), **by_ts = alike(s, sa), **by_reqid = of_reqid(s, sa->reqid);

	sa->next = *by_id;
	*by_id = sa;
	sa->alike = *by_ts;
	sa->alike_at = by_ts;
	if (sa->alike)
		sa->alike->alike_at = &sa->alike;
	*by_ts = sa;
	sa->next_of_reqid = *by_reqid;
	*by_reqid = sa;
}

static void take(struct espnic_sas *s, struct espnic_sa *sa)
{
	struct espnic_sa **at;

	for (at = bucket(s, sa->child_id); *at != sa;)
		at = &(*at)->next;
	*at = sa->next;
	*sa->alike_at = sa->alike;
	if (sa->alike)
		sa->alike->alike_at = sa->alike_at;
	for (at = of_reqid(s, sa->reqid); *at != sa;)
		at = &(*at)->next_of_reqid;
	*at = sa->next_of_reqid;
}

static void free_buckets(struct espnic_sas *s)
{
	free(s->bucket);
	free(s->by_ts);
	free(s->by_reqid);
}

static bool grow(struct espnic_sas *s)
{
	struct espnic_sas more = *s;
	struct espnic_sa *sa, *next;
	uint32_t i;

	more.room = s->room ? 2 * s->room : FIRST_ROOM;
	more.bucket = calloc(more.room, sizeof(struct espnic_sa *));
	more.by_ts = calloc(more.room, sizeof(struct espnic_sa *));
	more.by_reqid = calloc(more.room, sizeof(struct espnic_sa *));
	if (!more.bucket || !more.by_ts || !more.by_reqid) {
		free_buckets(&more);
		return false;
	}
	for (i = 0; i < s->room; i++) {
		for (sa = s->bucket[i]; sa; sa = next) {
			next = sa->next;
			put(&more, sa);
		}
	}
	free_buckets(s);
	*s = more;
	return true;
}

static struct espnic_sa_conf *get_conf(struct espnic_sas *s, const struct espnic_ike_child_conf *conf)
{
	struct espnic_sa_conf *c = s->confs;

	/* one that differs in its padding alone is kept twice */
	while (c && memcmp((const void *)&c->conf, (const void *)conf, sizeof(*conf)) != 0)
		c = c->next;
	if (!c) {
		c = calloc(1, sizeof(*c));
		if (!c)
			return NULL;
		c->conf = *conf;
		c->next = s->confs;
		s->confs = c;
	}
	c->refs++;
	return c;
}

static void put_conf(struct espnic_sas *s, struct espnic_sa_conf *c)
{
	struct espnic_sa_conf **at = &s->confs;

	if (--c->refs)
		return;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	free(c);
}

static void copy_name(char out[ESPNIC_IKE_NAME], const char *name)
{
	size_t len = strnlen(name, ESPNIC_IKE_NAME - 1);

	memcpy(out, name, len);
	out[len] = 0;
}

struct espnic_sa *espnic_sas_add(struct espnic_sas *s, const struct espnic_ike_kernel_op *op)
{
	struct espnic_sa *sa;

	if (!op->child_id || espnic_sas_find(s, op->child_id) || (s->n == s->room && !grow(s)))
		return NULL;
	sa = calloc(1, sizeof(*sa));
	if (sa)
		sa->ts = calloc(op->n_local + op->n_remote, sizeof(*sa->ts));
	if (sa && sa->ts)
		sa->conf = get_conf(s, op->conf);
	if (!sa || !sa->conf) {
		if (sa)
			free(sa->ts);
		free(sa);
		return NULL;
	}
	sa->child_id = op->child_id;
	sa->ike_id = op->ike_id;
	copy_name(sa->conn, op->conn);
	copy_name(sa->child, op->conf->name);
	sa->reqid = op->reqid;
	sa->spi_in = op->spi_in;
	sa->mode = op->mode;
	sa->encap = op->encap;
	sa->local = op->local;
	sa->remote = op->remote;
	memcpy(sa->ts, op->ts_local, op->n_local * sizeof(*sa->ts));
	memcpy(sa->ts + op->n_local, op->ts_remote, op->n_remote * sizeof(*sa->ts));
	sa->n_local = (uint8_t)op->n_local;
	sa->n_remote = (uint8_t)op->n_remote;
	put(s, sa);
	s->n++;
	return sa;
}

static void free_sa(struct espnic_sas *s, struct espnic_sa *sa)
{
	put_conf(s, sa->conf);
	free(sa->ts);
	free(sa->note);
	free(sa->moved);
	free(sa);
}

void espnic_sas_del(struct espnic_sas *s, struct espnic_sa *sa)
{
	take(s, sa);
	s->n--;
	free_sa(s, sa);
}

void espnic_sas_note(struct espnic_sa *sa, const char *text)
{
	free(sa->note);
	sa->note = text && *text ? strdup(text) : NULL;
}

void espnic_sas_moved(struct espnic_sa *sa, const char *text)
{
	free(sa->moved);
	sa->moved = strdup(text);
}

static bool same_ends(const struct espnic_sa *a, const struct espnic_sa *b)
{
	return espnic_ike_addr_equal(&a->local.addr, &b->local.addr) && a->local.port == b->local.port &&
	       espnic_ike_addr_equal(&a->remote.addr, &b->remote.addr) && a->remote.port == b->remote.port && a->encap == b->encap;
}

void espnic_sas_inherit(const struct espnic_sas *s, struct espnic_sa *sa)
{
	const struct espnic_sa *o;

	for (o = *of_reqid(s, sa->reqid); o && !sa->moved; o = o->next_of_reqid)
		if (o != sa && o->moved && o->reqid == sa->reqid && o->ike_id == sa->ike_id && !strcmp(o->child, sa->child) && !same_ends(o, sa))
			espnic_sas_moved(sa, o->moved);
}

void espnic_sas_each(struct espnic_sas *s, void (*each)(void *ctx, struct espnic_sa *sa), void *ctx)
{
	struct espnic_sa *sa, *next;
	uint32_t i;

	for (i = 0; i < s->room; i++) {
		for (sa = s->bucket[i]; sa; sa = next) {
			next = sa->next;
			each(ctx, sa);
		}
	}
}

bool espnic_sas_same_ts(const struct espnic_ike_ts *a, const struct espnic_ike_ts *b, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (a[i].family != b[i].family || a[i].proto != b[i].proto || a[i].dynamic != b[i].dynamic ||
		    a[i].port_from != b[i].port_from || a[i].port_to != b[i].port_to ||
		    memcmp(a[i].from, b[i].from, sizeof(a[i].from)) != 0 || memcmp(a[i].to, b[i].to, sizeof(a[i].to)) != 0)
			return false;
	return true;
}

static bool same_selectors(const struct espnic_sa *a, const struct espnic_sa *b)
{
	return a->n_local == b->n_local && a->n_remote == b->n_remote &&
	       espnic_sas_same_ts(a->ts, b->ts, (unsigned int)a->n_local + a->n_remote);
}

static bool same_mark(struct espnic_ike_mark a, struct espnic_ike_mark b)
{
	return a.value == b.value && a.mask == b.mask;
}

/* Linux knows policies by their selector, mark and interface. */
static bool same_policies(const struct espnic_sa *a, const struct espnic_sa *b)
{
	const struct espnic_ike_child_conf *x = &a->conf->conf, *y = &b->conf->conf;

	return same_selectors(a, b) && same_mark(x->mark_in, y->mark_in) && same_mark(x->mark_out, y->mark_out) &&
	       x->if_id_in == y->if_id_in && x->if_id_out == y->if_id_out;
}

struct espnic_sa *espnic_sas_other(const struct espnic_sas *s, const struct espnic_sa *sa)
{
	struct espnic_sa *o = *alike(s, sa);

	while (o && (o == sa || !o->policies || o->lost || !same_policies(o, sa)))
		o = o->alike;
	return o;
}

bool espnic_sas_stale(const struct espnic_sas *s, const struct espnic_ike_kernel_op *op)
{
	const struct espnic_sa *o = s->room ? *of_reqid(s, op->reqid) : NULL;

	for (; o; o = o->next_of_reqid)
		if (o->child_id != op->child_id && o->policies && o->reqid == op->reqid && o->n_local == op->n_local &&
		    o->n_remote == op->n_remote && espnic_sas_same_ts(o->ts, op->ts_local, o->n_local) &&
		    espnic_sas_same_ts(o->ts + o->n_local, op->ts_remote, o->n_remote) &&
		    (o->lost || !espnic_ike_addr_equal(&o->local.addr, &op->local.addr) ||
		     !espnic_ike_addr_equal(&o->remote.addr, &op->remote.addr)))
			return true;
	return false;
}

bool espnic_sas_up(const struct espnic_sas *s, const char *conn, const char *child)
{
	const struct espnic_sa *sa;
	uint32_t i;

	for (i = 0; i < s->room; i++)
		for (sa = s->bucket[i]; sa; sa = sa->next)
			if (sa->policies && !strcmp(sa->conn, conn) && !strcmp(sa->child, child))
				return true;
	return false;
}

struct espnic_ike_kernel_op espnic_sas_op(const struct espnic_sa *sa, enum espnic_ike_kernel_kind kind)
{
	return (struct espnic_ike_kernel_op){
		.kind = kind, .ike_id = sa->ike_id, .child_id = sa->child_id, .conn = sa->conn, .conf = &sa->conf->conf,
		.reqid = sa->reqid, .spi_in = sa->spi_in, .spi_out = sa->spi_out, .mode = sa->mode, .encap = sa->encap,
		.policies = sa->policies, .local = sa->local, .remote = sa->remote, .ts_local = sa->ts,
		.ts_remote = sa->ts + sa->n_local, .n_local = sa->n_local, .n_remote = sa->n_remote,
	};
}

void espnic_sas_free(struct espnic_sas *s)
{
	struct espnic_sa *sa, *next;
	uint32_t i;

	for (i = 0; i < s->room; i++) {
		for (sa = s->bucket[i]; sa; sa = next) {
			next = sa->next;
			free_sa(s, sa);
		}
	}
	free_buckets(s);
	memset(s, 0, sizeof(*s));
}
