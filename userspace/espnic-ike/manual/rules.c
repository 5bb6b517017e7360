// SPDX-License-Identifier: BSD-2-Clause
/*
 * What Linux refuses or, worse, takes and then does without a word (xfrm_state.c, xfrm_user.c and
 * xfrm_device.c of 7.2), said before any call is made, with the line to look at. What one driver alone
 * refuses is left to the driver, whose words are passed on.
 */
#include <stdlib.h>
#include <string.h>

#include "manual/manual.h"

#define FAIL(node, ...) espnic_conf_fail(err, node, __VA_ARGS__)

/* ---- a state by itself ---- */

static int check_addresses(const struct espnic_manual_state *s, struct espnic_conf_error *err)
{
	const struct espnic_xfrm_sa *sa = &s->sa;

	if (sa->src.family != sa->dst.family)
		return FAIL(s->node, "'src' and 'dst' are of two families");
	if (espnic_addr_is_any(&sa->dst))
		return FAIL(s->node, "'dst' must be an address (of a group, if many receive)");
	if (espnic_addr_is_multicast(&sa->src))
		return FAIL(s->node, "'src' can't be a multicast address");
	if (sa->sel.src.addr.family && sa->sel.dst.addr.family &&
	    sa->sel.src.addr.family != sa->sel.dst.addr.family)
		return FAIL(s->node, "'selector_src' and 'selector_dst' are of two families");
	if (sa->dir == XFRM_SA_DIR_OUT && sa->mode == XFRM_MODE_TUNNEL && espnic_addr_is_any(&sa->src))
		return FAIL(s->node, "a tunnel out needs an address in 'src'");
	return 0;
}

static int check_direction(const struct espnic_manual_state *s, struct espnic_conf_error *err)
{
	const struct espnic_xfrm_sa *sa = &s->sa;

	if (sa->dir == XFRM_SA_DIR_OUT && sa->replay_window)
		return FAIL(s->node, "a replay window is of inbound states");
	if (sa->dir == XFRM_SA_DIR_IN && sa->extra_flags)
		return FAIL(s->node, "sequence_may_wrap is of outbound states");
	if (sa->dir == XFRM_SA_DIR_IN && sa->flags & XFRM_STATE_ESN && !sa->replay_window)
		return FAIL(s->node, "extended sequence numbers need a replay window");
	if (sa->dir == XFRM_SA_DIR_IN && sa->nat_keepalive)
		return FAIL(s->node, "nat_keepalive is of outbound states");
	if (sa->nat_keepalive && !sa->encap_type)
		return FAIL(s->node, "nat_keepalive is of UDP encapsulation");
	/* Only one sender's numbers can be followed (RFC 4303 section 3.4.3). */
	if (espnic_addr_is_multicast(&sa->dst) && sa->dir == XFRM_SA_DIR_IN && sa->replay_window &&
	    espnic_addr_is_any(&sa->src))
		return FAIL(s->node, "a multicast state of any sender can't check replays: set replay_window = 0");
	return 0;
}

static int check_numbers(const struct espnic_manual_state *s, struct espnic_conf_error *err)
{
	const struct espnic_xfrm_sa *sa = &s->sa;
	uint64_t last = sa->flags & XFRM_STATE_ESN ? UINT64_MAX : UINT32_MAX;

	if (sa->oseq >= last || sa->iseq >= last)
		return FAIL(s->node, "no numbers are left above this 'sequence'");
	if (sa->extra_flags & XFRM_SA_XFLAG_OSEQ_MAY_WRAP && s->counter)
		return FAIL(s->node, "sequence_may_wrap gives away a cipher that counts: its numbers never come again");
	return 0;
}

static int check_limits(const struct espnic_manual_state *s, struct espnic_conf_error *err)
{
	const struct espnic_xfrm_life *l = &s->sa.life;

	if (l->hard_bytes && l->soft_bytes >= l->hard_bytes)
		return FAIL(s->node, "rekey_bytes must be below life_bytes");
	if (l->hard_packets && l->soft_packets >= l->hard_packets)
		return FAIL(s->node, "rekey_packets must be below life_packets");
	if (l->hard_seconds && l->soft_seconds >= l->hard_seconds)
		return FAIL(s->node, "rekey_time must be below life_time");
	return 0;
}

static int check_encapsulation(const struct espnic_manual_state *s, struct espnic_conf_error *err)
{
	const struct espnic_xfrm_sa *sa = &s->sa;

	if (!sa->encap_type)
		return 0;
	if (sa->proto != IPPROTO_ESP)
		return FAIL(s->node, "UDP encapsulation is of ESP alone (RFC 3948)");
	if (!sa->encap_sport || !sa->encap_dport)
		return FAIL(s->node, "UDP encapsulation needs both encap_sport and encap_dport");
	return 0;
}

static int check_padding(const struct espnic_manual_state *s, struct espnic_conf_error *err)
{
	const struct espnic_xfrm_sa *sa = &s->sa;

	if (sa->tfc_pad && (sa->proto != IPPROTO_ESP || sa->mode != XFRM_MODE_TUNNEL))
		return FAIL(s->node, "tfc_padding is of ESP tunnels");
	return 0;
}

static int check_offload(const struct espnic_manual_state *s, struct espnic_conf_error *err)
{
	const struct espnic_xfrm_sa *sa = &s->sa;

	if (sa->offload == ESPNIC_XFRM_SOFTWARE)
		return 0;
	if (sa->proto != IPPROTO_ESP)
		return FAIL(s->node, "AH can't be offloaded");
	if (sa->tfc_pad)
		return FAIL(s->node, "tfc_padding can't be offloaded");
	if (sa->dir == XFRM_SA_DIR_IN && sa->if_id)
		return FAIL(s->node, "an inbound state with an if_id can't be offloaded");
	if (sa->offload == ESPNIC_XFRM_PACKET && (sa->mark.mask || sa->set_mark.mask || sa->if_id))
		return FAIL(s->node, "a device knows no marks and no if_id: they can't be packet-offloaded");
	if (sa->offload == ESPNIC_XFRM_PACKET && sa->cpu != ESPNIC_XFRM_NO_CPU)
		return FAIL(s->node, "a state of one CPU can't be packet-offloaded");
	return 0;
}

static int check_state(const struct espnic_manual_state *s, struct espnic_conf_error *err)
{
	return check_addresses(s, err) || check_direction(s, err) || check_numbers(s, err) ||
			       check_limits(s, err) || check_encapsulation(s, err) ||
			       check_padding(s, err) || check_offload(s, err) ?
		       -1 :
		       0;
}

/* ---- a policy by itself ---- */

static int check_policy(const struct espnic_manual_policy *s, struct espnic_conf_error *err)
{
	const struct espnic_xfrm_policy *p = &s->policy;

	if (p->action == XFRM_POLICY_BLOCK && p->n_tmpls)
		return FAIL(s->node, "a policy that blocks has no templates");
	if (p->offload == ESPNIC_XFRM_SOFTWARE)
		return 0;
	if (p->n_tmpls > 1)
		return FAIL(s->node, "packet offload takes one template");
	if (p->n_tmpls && p->tmpl[0].optional)
		return FAIL(s->node, "a template of level use can't be offloaded");
	if (p->n_tmpls && p->tmpl[0].proto != IPPROTO_ESP)
		return FAIL(s->node, "AH can't be offloaded");
	if (p->mark.mask || p->if_id)
		return FAIL(s->node, "a device knows no marks and no if_id: they can't be packet-offloaded");
	return 0;
}

/* ---- what goes with what ---- */

/* May the kernel choose @s for @t? By what both name; addresses too, where the template has them. */
static bool serves(const struct espnic_xfrm_policy *p, const struct espnic_xfrm_tmpl *t,
		   const struct espnic_xfrm_sa *s)
{
	if ((p->dir == XFRM_POLICY_OUT) != (s->dir == XFRM_SA_DIR_OUT))
		return false;
	if (t->proto != s->proto || t->mode != s->mode || t->reqid != s->reqid ||
	    (t->spi && t->spi != s->spi))
		return false;
	if (t->dst.family && !espnic_addr_is_any(&t->dst) && !espnic_addr_equal(&t->dst, &s->dst))
		return false;
	return !t->src.family || espnic_addr_is_any(&t->src) || espnic_addr_equal(&t->src, &s->src);
}

/*
 * Linux looks for a state of a template among those of the policy's own device, or among those
 * without packet offload: one here and one there meet never, and packets are dropped.
 */
static int check_pair(const struct espnic_manual_policy *p, const struct espnic_manual_state *s,
		      struct espnic_conf_error *err)
{
	bool p_packet = p->policy.offload == ESPNIC_XFRM_PACKET;
	bool s_packet = s->sa.offload == ESPNIC_XFRM_PACKET;

	if (p_packet && !s_packet)
		return FAIL(p->node, "packet-offloaded, but its state '%s' (line %u) is not: no packet would pass",
			    s->node->name, s->node->line);
	if (!p_packet && s_packet)
		return FAIL(p->node, "not packet-offloaded, but its state '%s' (line %u) is: no packet would pass",
			    s->node->name, s->node->line);
	if (p_packet && strcmp(p->device, s->device) != 0)
		return FAIL(p->node, "offloaded to %s, but its state '%s' (line %u) to %s: no packet would pass",
			    p->device, s->node->name, s->node->line, s->device);
	return 0;
}

/* States by reqid, so that a policy finds its own without going through all. */
static int by_reqid(const void *a, const void *b)
{
	const struct espnic_manual_state *const *x = a, *const *y = b;

	return (*x)->sa.reqid < (*y)->sa.reqid ? -1 : (*x)->sa.reqid > (*y)->sa.reqid;
}

static int check_policy_states(const struct espnic_manual_policy *p,
			       const struct espnic_manual_state **order, unsigned int n,
			       struct espnic_conf_error *err)
{
	const struct espnic_xfrm_tmpl *t;
	unsigned int i, lo, hi, mid;

	for (i = 0; i < p->policy.n_tmpls; i++) {
		t = &p->policy.tmpl[i];
		for (lo = 0, hi = n; lo < hi;) {
			mid = (lo + hi) / 2;
			if (order[mid]->sa.reqid < t->reqid)
				lo = mid + 1;
			else
				hi = mid;
		}
		for (; lo < n && order[lo]->sa.reqid == t->reqid; lo++)
			if (serves(&p->policy, t, &order[lo]->sa) && check_pair(p, order[lo], err))
				return -1;
	}
	return 0;
}

static int check_pairs(const struct espnic_manual *m, struct espnic_conf_error *err)
{
	const struct espnic_manual_state **order = calloc(m->n_states + 1, sizeof(struct espnic_manual_state *));
	unsigned int i;
	int rc = 0;

	if (!order)
		return FAIL(espnic_conf_root(m->conf), "out of memory");
	for (i = 0; i < m->n_states; i++)
		order[i] = &m->states[i];
	qsort(order, m->n_states, sizeof(struct espnic_manual_state *), by_reqid);
	for (i = 0; i < m->n_policies && !rc; i++)
		rc = check_policy_states(&m->policies[i], order, m->n_states, err);
	free(order);
	return rc;
}

/* ---- what may be there once ---- */

/* Lines break ties, so that of two the later one is told. */
static int by_line(const struct espnic_conf_node *a, const struct espnic_conf_node *b)
{
	return a->line < b->line ? -1 : a->line > b->line;
}

/* The kernel finds a state by these. */
static int by_identity(const void *a, const void *b)
{
	const struct espnic_manual_state *s = *(const struct espnic_manual_state *const *)a;
	const struct espnic_manual_state *t = *(const struct espnic_manual_state *const *)b;
	const struct espnic_xfrm_sa *x = &s->sa, *y = &t->sa;
	int rc;

	if (x->spi != y->spi)
		return x->spi < y->spi ? -1 : 1;
	if (x->proto != y->proto)
		return x->proto - y->proto;
	rc = memcmp(&x->dst, &y->dst, sizeof(x->dst));
	if (!rc)
		rc = memcmp(&x->mark, &y->mark, sizeof(x->mark));
	return rc ? rc : by_line(s->node, t->node);
}

static const struct espnic_xfrm_key *counting_key(const struct espnic_xfrm_sa *sa)
{
	return sa->aead.alg[0] ? &sa->aead : &sa->enc;
}

static int compare_keys(const struct espnic_manual_state *x, const struct espnic_manual_state *y)
{
	const struct espnic_xfrm_key *k = counting_key(&x->sa), *l = counting_key(&y->sa);

	if (x->counter != y->counter || x->sa.dir != y->sa.dir)
		return x->counter != y->counter ? x->counter - y->counter : x->sa.dir - y->sa.dir;
	/* Of our own keys, both of this file: nobody learns by how long it takes. */
	return k->len != l->len ? k->len - l->len : memcmp(k->bytes, l->bytes, k->len);
}

static int by_key(const void *a, const void *b)
{
	const struct espnic_manual_state *x = *(const struct espnic_manual_state *const *)a;
	const struct espnic_manual_state *y = *(const struct espnic_manual_state *const *)b;
	int rc = compare_keys(x, y);

	return rc ? rc : by_line(x->node, y->node);
}

static int check_once(const struct espnic_manual *m, struct espnic_conf_error *err)
{
	const struct espnic_manual_state **v = calloc(m->n_states + 1, sizeof(struct espnic_manual_state *));
	unsigned int i;
	int rc = 0;

	if (!v)
		return FAIL(espnic_conf_root(m->conf), "out of memory");
	for (i = 0; i < m->n_states; i++)
		v[i] = &m->states[i];
	qsort(v, m->n_states, sizeof(struct espnic_manual_state *), by_identity);
	for (i = 1; i < m->n_states && !rc; i++)
		if (espnic_xfrm_same_sa(&v[i - 1]->sa, &v[i]->sa))
			rc = FAIL(v[i]->node, "the same state as '%s' (line %u)", v[i - 1]->node->name,
				  v[i - 1]->node->line);
	qsort(v, m->n_states, sizeof(struct espnic_manual_state *), by_key);
	for (i = 1; i < m->n_states && !rc; i++)
		if (v[i]->counter && v[i]->sa.dir == XFRM_SA_DIR_OUT && !compare_keys(v[i - 1], v[i]))
			rc = FAIL(v[i]->node, "the same key as '%s' (line %u): both would send the same numbers under it",
				  v[i - 1]->node->name, v[i - 1]->node->line);
	free(v);
	return rc;
}

static int compare_selectors(const struct espnic_xfrm_selector *x, const struct espnic_xfrm_selector *y)
{
	const uint32_t p[] = { x->proto, x->sport, x->sport_mask, x->dport, x->dport_mask, x->ifindex };
	const uint32_t q[] = { y->proto, y->sport, y->sport_mask, y->dport, y->dport_mask, y->ifindex };
	int rc = memcmp(&x->src, &y->src, sizeof(x->src));

	if (!rc)
		rc = memcmp(&x->dst, &y->dst, sizeof(x->dst));
	return rc ? rc : memcmp(p, q, sizeof(p));
}

static int by_selector(const void *a, const void *b)
{
	const struct espnic_manual_policy *s = *(const struct espnic_manual_policy *const *)a;
	const struct espnic_manual_policy *t = *(const struct espnic_manual_policy *const *)b;
	const struct espnic_xfrm_policy *x = &s->policy, *y = &t->policy;
	int rc = compare_selectors(&x->sel, &y->sel);

	if (!rc)
		rc = x->dir - y->dir;
	if (!rc)
		rc = memcmp(&x->mark, &y->mark, sizeof(x->mark));
	if (!rc && x->if_id != y->if_id)
		rc = x->if_id < y->if_id ? -1 : 1;
	return rc ? rc : by_line(s->node, t->node);
}

static int check_policies_once(const struct espnic_manual *m, struct espnic_conf_error *err)
{
	const struct espnic_manual_policy **v =
		calloc(m->n_policies + 1, sizeof(struct espnic_manual_policy *));
	unsigned int i;
	int rc = 0;

	if (!v)
		return FAIL(espnic_conf_root(m->conf), "out of memory");
	for (i = 0; i < m->n_policies; i++)
		v[i] = &m->policies[i];
	qsort(v, m->n_policies, sizeof(struct espnic_manual_policy *), by_selector);
	for (i = 1; i < m->n_policies && !rc; i++)
		if (espnic_xfrm_same_policy(&v[i - 1]->policy, &v[i]->policy))
			rc = FAIL(v[i]->node, "the selector of '%s' (line %u): Linux has one policy of each, whatever its priority",
				  v[i - 1]->node->name, v[i - 1]->node->line);
	free(v);
	return rc;
}

/* A key that others can read is no key. */
static int check_modes(const struct espnic_manual *m, struct espnic_conf_error *err)
{
	const struct espnic_conf_node *n;
	unsigned int i;

	for (i = 0; i < m->n_states; i++)
		for (n = m->states[i].node->first; n; n = n->next)
			if (n->value && !n->unset && n->mode & 077 &&
			    (!strcmp(n->name, "key") || !strcmp(n->name, "auth_key")))
				return FAIL(n, "others may read or write this file (mode %04o): chmod 600 it", n->mode);
	return 0;
}

int espnic_manual_check(const struct espnic_manual *m, struct espnic_conf_error *err)
{
	unsigned int i;

	for (i = 0; i < m->n_states; i++)
		if (check_state(&m->states[i], err))
			return -1;
	for (i = 0; i < m->n_policies; i++)
		if (check_policy(&m->policies[i], err))
			return -1;
	return check_modes(m, err) || check_once(m, err) || check_policies_once(m, err) ||
			       check_pairs(m, err) ?
		       -1 :
		       0;
}
