// SPDX-License-Identifier: BSD-2-Clause
#include "main/routes.h"

#include <errno.h>
#include <string.h>

#include "kernel/child.h"
#include "kernel/watch.h"

static bool has(const struct espnic_prefix *p, const struct espnic_addr *a)
{
	unsigned int whole = p->len / 8, rest = p->len % 8;

	return p->addr.family == a->family && !memcmp(p->addr.bytes, a->bytes, whole) &&
	       (!rest || !((p->addr.bytes[whole] ^ a->bytes[whole]) >> (8 - rest)));
}

static bool same(const struct espnic_own_route *a, const struct espnic_own_route *b)
{
	return a->dst.len == b->dst.len && !a->ifindex == !b->ifindex && espnic_addr_equal(&a->dst.addr, &b->dst.addr) &&
	       espnic_addr_equal(&a->src, &b->src);
}

/* Is there one of @family left? Then there is its rule. */
static bool any(const struct espnic_routes *s, int family)
{
	for (unsigned int i = 0; i < s->n; i++)
		if (s->v[i].route.dst.addr.family == family)
			return true;
	return false;
}

static int put(struct espnic_routes *s, const struct espnic_own_route *r)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; i < s->n && !same(&s->v[i].route, r); i++)
		;
	if (i == ESPNIC_ROUTES)
		return -ENOSPC;
	/* one that we have may have gone with its interface, or lead another way by now */
	if (s->kernel && !any(s, r->dst.addr.family))
		rc = espnic_own_rule_set(r->dst.addr.family, true);
	if (s->kernel && !rc)
		rc = espnic_own_route_set(r, true);
	if (rc)
		return rc;
	if (i == s->n)
		s->v[s->n++].users = 0;
	s->v[i].route = *r;
	s->v[i].users++;
	return 0;
}

static int take(struct espnic_routes *s, unsigned int i)
{
	struct espnic_own_route gone = s->v[i].route;
	int rc = 0;

	s->v[i] = s->v[--s->n];
	if (s->kernel)
		rc = espnic_own_route_set(&gone, false);
	if (s->kernel && !any(s, gone.dst.addr.family))
		espnic_own_rule_set(gone.dst.addr.family, false);
	/* Linux took it out with its interface or address */
	return rc == -ESRCH || rc == -ENODEV ? 0 : rc;
}

static int drop(struct espnic_routes *s, const struct espnic_own_route *r)
{
	unsigned int i;

	for (i = 0; i < s->n && !same(&s->v[i].route, r); i++)
		;
	/* one that could not come can't go */
	return i == s->n || --s->v[i].users ? 0 : take(s, i);
}

static int one(struct espnic_routes *s, const struct espnic_own_route *r, bool add)
{
	return add ? put(s, r) : drop(s, r);
}

/* The route of one selector; and, where that leads past the peer, one that leaves the peer out. */
static int selector(struct espnic_routes *s, const struct espnic_xfrm_selector *sel, const struct espnic_sa *sa, const struct espnic_route *way,
		    bool add)
{
	struct espnic_own_route r = { .dst = sel->dst, .src = sel->src.addr, .ifindex = way->ifindex };
	struct espnic_own_route past = { .dst.addr = espnic_child_addr(&sa->remote.addr) };
	int rc = 0;

	/* of another family the next hop is none that a route could have */
	r.via = espnic_child_addr(&way->via);
	if (r.via.family != r.dst.addr.family)
		r.via.family = 0;
	past.dst.len = (uint8_t)espnic_addr_bits(past.dst.addr.family);
	if (has(&sel->dst, &past.dst.addr))
		rc = one(s, &past, add);
	return rc ? rc : one(s, &r, add);
}

const char *espnic_routes_set(struct espnic_routes *s, struct espnic_vips *vips, const struct espnic_sa *sa, bool add)
{
	struct espnic_xfrm_selector sel[ESPNIC_CHILD_SELECTORS];
	struct espnic_route way = { .ifindex = 1 }; /* of a kernel that is left alone */
	char text[ESPNIC_XFRM_TEXT];
	const char *why = NULL;
	int n, rc;

	if (sa->mode != ESPNIC_IKE_TUNNEL || !espnic_vips_any(vips, sa->conn))
		return NULL;
	n = espnic_child_selectors(sa->ts, sa->n_local, sa->ts + sa->n_local, sa->n_remote, sel, text);
	if (n < 0)
		return "its selectors are more than routes are made for";
	if (add && s->kernel && !espnic_route(&sa->remote.addr, &sa->local.addr, &way))
		return "no way to the peer";
	for (int i = 0; i < n; i++) {
		struct espnic_ike_addr vip = { .family = sel[i].src.addr.family == AF_INET ? 4 : 6 };

		memcpy(vip.bytes, sel[i].src.addr.bytes, sizeof(vip.bytes));
		if (sel[i].src.len != espnic_addr_bits(sel[i].src.addr.family) || !espnic_vips_has(vips, sa->conn, &vip))
			continue;
		if (add)
			espnic_vips_again(vips, sa->conn, &vip, way.ifindex);
		rc = selector(s, &sel[i], sa, &way, add);
		why = rc ? strerror(-rc) : why;
	}
	return why;
}

void espnic_routes_end(struct espnic_routes *s)
{
	while (s->n)
		take(s, s->n - 1);
}
