// SPDX-License-Identifier: BSD-2-Clause
#include "kernel/child.h"

#include <errno.h>
#include <linux/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel/commit.h"

enum {
	BLOCKS = 2, /* under one policy: see put_blocks() */
	DIRECTIONS = 3,
	OPS = 2 + ESPNIC_CHILD_SELECTORS * DIRECTIONS * (1 + BLOCKS),
};

/* One operation as what the kernel is to be told. */
struct work {
	const struct espnic_ike_kernel_op *op;
	enum espnic_child_policy what;
	bool policies_alone; /* a trap or a shunt: there are no states */
	enum espnic_xfrm_offload offload;
	uint32_t ifindex;
	struct espnic_xfrm_sa in, out;
	struct espnic_xfrm_selector sel[ESPNIC_CHILD_SELECTORS];
	int n_sel;
	struct espnic_xfrm_policy policy[ESPNIC_CHILD_SELECTORS * DIRECTIONS * (1 + BLOCKS)];
	unsigned int n_policies;
	struct espnic_xfrm_op ops[OPS];
	unsigned int n_ops;
};

struct espnic_addr espnic_child_addr(const struct espnic_ike_addr *from)
{
	struct espnic_addr to = { .family = from->family == 4 ? AF_INET : from->family == 6 ? AF_INET6 : 0 };

	memcpy(to.bytes, from->bytes, sizeof(to.bytes));
	return to;
}

static struct espnic_xfrm_mark mark(struct espnic_ike_mark m)
{
	return (struct espnic_xfrm_mark){ m.value, m.mask };
}

/* ---- states ---- */

static void put_key(struct espnic_xfrm_key *key, const struct espnic_ike_alg *alg, const uint8_t *bytes, unsigned int len)
{
	snprintf(key->alg, sizeof(key->alg), "%s", alg->xfrm);
	key->icv_bits = (uint16_t)(alg->icv * 8);
	key->len = (uint16_t)len;
	if (bytes)
		memcpy(key->bytes, bytes, len);
}

static void put_keys(struct espnic_xfrm_sa *sa, const struct espnic_ike_kernel_op *op, const uint8_t *encr,
		     const uint8_t *integ)
{
	if (!op->encr)
		return;
	put_key(op->integ ? &sa->enc : &sa->aead, op->encr, encr, op->encr->key_bits / 8U + op->encr->salt);
	if (op->integ)
		put_key(&sa->auth, op->integ, integ, op->integ->out);
}

/* What both directions have in common. */
static void put_common(struct work *w, struct espnic_xfrm_sa *sa, const struct espnic_ike_endpoint *src,
		       const struct espnic_ike_endpoint *dst)
{
	const struct espnic_ike_kernel_op *op = w->op;

	sa->src = espnic_child_addr(&src->addr);
	sa->dst = espnic_child_addr(&dst->addr);
	sa->proto = IPPROTO_ESP;
	sa->mode = op->mode == ESPNIC_IKE_TUNNEL ? XFRM_MODE_TUNNEL : XFRM_MODE_TRANSPORT;
	sa->reqid = op->reqid;
	sa->cpu = ESPNIC_XFRM_NO_CPU;
	sa->flags = (uint8_t)((op->esn ? XFRM_STATE_ESN : 0) | (op->conf->copy_ecn ? 0 : XFRM_STATE_NOECN) |
			      (op->mode == ESPNIC_IKE_TUNNEL ? XFRM_STATE_AF_UNSPEC : 0));
	if (op->encap) {
		sa->encap_type = UDP_ENCAP_ESPINUDP;
		sa->encap_sport = src->port;
		sa->encap_dport = dst->port;
	}
	sa->life.soft_bytes = op->soft_bytes;
	sa->life.hard_bytes = op->conf->life_bytes;
	sa->life.soft_packets = op->soft_packets;
	sa->life.hard_packets = op->conf->life_packets;
	sa->offload = w->offload;
	sa->ifindex = w->offload ? w->ifindex : 0;
}

static void put_in(struct work *w)
{
	const struct espnic_ike_kernel_op *op = w->op;
	struct espnic_xfrm_sa *sa = &w->in;

	put_common(w, sa, &op->remote, &op->local);
	sa->dir = XFRM_SA_DIR_IN;
	sa->spi = op->spi_in;
	sa->replay_window = op->conf->replay_window;
	sa->mark = mark(op->conf->mark_in);
	sa->set_mark = mark(op->conf->set_mark_in);
	sa->if_id = op->conf->if_id_in;
	if (op->conf->copy_dscp & 2)
		sa->flags |= XFRM_STATE_DECAP_DSCP;
	put_keys(sa, op, op->encr_in, op->integ_in);
}

static void put_out(struct work *w)
{
	const struct espnic_ike_kernel_op *op = w->op;
	struct espnic_xfrm_sa *sa = &w->out;

	put_common(w, sa, &op->local, &op->remote);
	sa->dir = XFRM_SA_DIR_OUT;
	sa->spi = op->spi_out;
	/* answers the acquire that asked for it, if there was one */
	sa->seq = op->seq;
	sa->mark = mark(op->conf->mark_out);
	sa->set_mark = mark(op->conf->set_mark_out);
	sa->if_id = op->conf->if_id_out;
	if (!op->conf->copy_df)
		sa->flags |= XFRM_STATE_NOPMTUDISC;
	if (!(op->conf->copy_dscp & 1))
		sa->extra_flags |= XFRM_SA_XFLAG_DONT_ENCAP_DSCP;
	put_keys(sa, op, op->encr_out, op->integ_out);
}

/* ---- policies ---- */

/* The narrower, the sooner; a protocol, and each side's port, count like a bit. */
static uint32_t priority(const struct work *w, const struct espnic_xfrm_selector *s)
{
	static const uint32_t base[] = { [ESPNIC_CHILD_PROTECT] = ESPNIC_CHILD_PRIORITY,
					 [ESPNIC_CHILD_PASS] = ESPNIC_CHILD_PASS_PRIORITY,
					 [ESPNIC_CHILD_DROP] = ESPNIC_CHILD_DROP_PRIORITY };

	if (w->op->conf->priority)
		return w->op->conf->priority;
	return base[w->what] - 8U * (s->src.len + s->dst.len) - (s->proto ? 4 : 0) - (s->sport_mask ? 2 : 0) -
	       (s->dport_mask ? 2 : 0);
}

static void swap_sides(struct espnic_xfrm_selector *s)
{
	const struct espnic_xfrm_selector was = *s;

	s->src = was.dst;
	s->dst = was.src;
	/* type and code of ICMP are of the packet, not of a side */
	if (s->proto == IPPROTO_ICMP || s->proto == IPPROTO_ICMPV6)
		return;
	s->sport = was.dport;
	s->sport_mask = was.dport_mask;
	s->dport = was.sport;
	s->dport_mask = was.sport_mask;
}

/*
 * Linux takes offloaded policies out when their device goes down. What stands underneath has the same selector, and
 * Linux knows policies by selector and mark: two of the marks 0/1 and 1/1 are others, and meet every packet.
 */
static void put_blocks(struct work *w, const struct espnic_xfrm_policy *of)
{
	struct espnic_xfrm_policy *b;
	uint32_t bit;

	for (bit = 0; bit < BLOCKS; bit++) {
		b = &w->policy[w->n_policies++];
		b->sel = of->sel;
		b->dir = of->dir;
		b->action = XFRM_POLICY_BLOCK;
		b->priority = ESPNIC_CHILD_BLOCK_PRIORITY;
		b->mark = (struct espnic_xfrm_mark){ bit, 1 };
	}
}

static void put_policy(struct work *w, const struct espnic_xfrm_selector *sel, uint8_t dir)
{
	const struct espnic_ike_kernel_op *op = w->op;
	struct espnic_xfrm_policy *p = &w->policy[w->n_policies++];
	bool out = dir == XFRM_POLICY_OUT;
	struct espnic_xfrm_tmpl *t = &p->tmpl[0];

	p->sel = *sel;
	if (!out)
		swap_sides(&p->sel);
	p->dir = dir;
	p->action = w->what == ESPNIC_CHILD_DROP ? XFRM_POLICY_BLOCK : XFRM_POLICY_ALLOW;
	p->priority = priority(w, &p->sel);
	p->mark = mark(out ? op->conf->mark_out : op->conf->mark_in);
	p->if_id = out ? op->conf->if_id_out : op->conf->if_id_in;
	/* What is forwarded has been opened by the device, and is only checked here: Linux needs no offload for it. */
	if (w->offload == ESPNIC_XFRM_PACKET && dir != XFRM_POLICY_FWD) {
		p->offload = ESPNIC_XFRM_PACKET;
		p->ifindex = w->ifindex;
	}
	/* what passes needs nothing underneath */
	if (p->offload && w->what != ESPNIC_CHILD_PASS)
		put_blocks(w, p);
	if (w->what != ESPNIC_CHILD_PROTECT)
		return;
	p->n_tmpls = 1;
	t->proto = IPPROTO_ESP;
	t->mode = op->mode == ESPNIC_IKE_TUNNEL ? XFRM_MODE_TUNNEL : XFRM_MODE_TRANSPORT;
	t->reqid = op->reqid;
	t->src = espnic_child_addr(out ? &op->local.addr : &op->remote.addr);
	t->dst = espnic_child_addr(out ? &op->remote.addr : &op->local.addr);
	t->family = t->dst.family;
}

static void put_policies(struct work *w)
{
	int i;

	for (i = 0; i < w->n_sel; i++) {
		put_policy(w, &w->sel[i], XFRM_POLICY_IN);
		if (w->op->mode == ESPNIC_IKE_TUNNEL || w->what != ESPNIC_CHILD_PROTECT)
			put_policy(w, &w->sel[i], XFRM_POLICY_FWD);
		put_policy(w, &w->sel[i], XFRM_POLICY_OUT);
	}
}

/* ---- transactions ---- */

static void change_sa(struct work *w, enum espnic_xfrm_op_kind kind, const struct espnic_xfrm_sa *sa)
{
	w->ops[w->n_ops++] = (struct espnic_xfrm_op){ .kind = kind, .sa = sa };
}

/* Blocks go in before, and out after, what they stand under. */
static void change_policies(struct work *w, enum espnic_xfrm_op_kind kind)
{
	unsigned int i, pass;

	for (pass = 0; pass < 2; pass++)
		for (i = 0; i < w->n_policies; i++)
			if ((w->policy[i].priority == ESPNIC_CHILD_BLOCK_PRIORITY) == (pass == (kind == ESPNIC_XFRM_DEL_POLICY)))
				w->ops[w->n_ops++] = (struct espnic_xfrm_op){ .kind = kind, .policy = &w->policy[i] };
}

static void plan(struct work *w)
{
	bool states = !w->policies_alone;
	bool in = states && (w->op->kind == ESPNIC_IKE_KERNEL_INSTALL || w->op->kind == ESPNIC_IKE_KERNEL_INSTALL_IN);
	bool out = states && (w->op->kind == ESPNIC_IKE_KERNEL_INSTALL || w->op->kind == ESPNIC_IKE_KERNEL_INSTALL_OUT);

	put_in(w);
	put_out(w);
	if (w->n_sel)
		put_policies(w);
	if (w->op->kind == ESPNIC_IKE_KERNEL_DELETE) {
		change_policies(w, ESPNIC_XFRM_DEL_POLICY);
		if (states && w->op->spi_out)
			change_sa(w, ESPNIC_XFRM_DEL_SA, &w->out);
		if (states)
			change_sa(w, ESPNIC_XFRM_DEL_SA, &w->in);
		return;
	}
	if (in)
		change_sa(w, ESPNIC_XFRM_ADD_SA, &w->in);
	if (out)
		change_sa(w, ESPNIC_XFRM_ADD_SA, &w->out);
	/* a trap of these selectors may stand there: it is replaced */
	change_policies(w, ESPNIC_XFRM_SET_POLICY);
}

static int attempt(const struct espnic_xfrm *x, struct work *w, enum espnic_xfrm_offload offload, char *text)
{
	w->offload = offload;
	memset(&w->in, 0, sizeof(w->in));
	memset(&w->out, 0, sizeof(w->out));
	memset(w->policy, 0, sizeof(w->policy));
	w->n_policies = 0;
	w->n_ops = 0;
	plan(w);
	return espnic_xfrm_commit(x, w->ops, w->n_ops, text);
}

/* The outbound state of a rekeying takes what the inbound one was given: they have one policy. */
static enum espnic_xfrm_offload of_inbound(const struct espnic_xfrm *x, struct work *w)
{
	struct espnic_xfrm_sa which = { .spi = w->op->spi_in, .proto = IPPROTO_ESP }, have;
	enum espnic_xfrm_offload got = ESPNIC_XFRM_SOFTWARE;
	char text[ESPNIC_XFRM_TEXT];

	which.dst = espnic_child_addr(&w->op->local.addr);
	which.mark = mark(w->op->conf->mark_in);
	if (!espnic_xfrm_read_sa(x, &which, &have, text))
		got = have.offload;
	explicit_bzero(&have, sizeof(have));
	return got;
}

static int automatic(const struct espnic_xfrm *x, struct work *w, char *text)
{
	char why[ESPNIC_XFRM_TEXT] = "no device of that address can offload";
	enum espnic_xfrm_offload type;
	int rc = -EOPNOTSUPP;

	if (w->op->kind == ESPNIC_IKE_KERNEL_INSTALL_OUT)
		return attempt(x, w, of_inbound(x, w), text);
	for (type = ESPNIC_XFRM_PACKET; w->ifindex && type > ESPNIC_XFRM_SOFTWARE; type--) {
		rc = attempt(x, w, type, text);
		/* another SA's SPI is no reason to do with less */
		if (!rc || rc == -EEXIST)
			break;
		snprintf(why, sizeof(why), "%s", text);
	}
	if (rc && rc != -EEXIST)
		rc = attempt(x, w, ESPNIC_XFRM_SOFTWARE, text);
	if (!rc && w->offload != ESPNIC_XFRM_PACKET)
		snprintf(text, ESPNIC_XFRM_TEXT, "%s", why);
	return rc;
}

static int install(const struct espnic_xfrm *x, struct work *w, char *text)
{
	switch (w->op->conf->offload) {
	case ESPNIC_IKE_OFFLOAD_NO:
		return attempt(x, w, ESPNIC_XFRM_SOFTWARE, text);
	case ESPNIC_IKE_OFFLOAD_AUTO:
		return automatic(x, w, text);
	default:
		break;
	}
	if (!w->ifindex) {
		snprintf(text, ESPNIC_XFRM_TEXT, "no device to offload to");
		return -ENODEV;
	}
	return attempt(x, w, w->op->conf->offload == ESPNIC_IKE_OFFLOAD_PACKET ? ESPNIC_XFRM_PACKET : ESPNIC_XFRM_CRYPTO, text);
}

static int run(const struct espnic_xfrm *x, struct work *w, char *text)
{
	const struct espnic_ike_kernel_op *op = w->op;

	switch (op->kind) {
	case ESPNIC_IKE_KERNEL_INSTALL:
	case ESPNIC_IKE_KERNEL_INSTALL_IN:
	case ESPNIC_IKE_KERNEL_INSTALL_OUT:
		return install(x, w, text);
	case ESPNIC_IKE_KERNEL_DELETE:
		/* blocks may stand there whatever was asked for; those that don't are fine */
		return attempt(x, w, op->conf->offload == ESPNIC_IKE_OFFLOAD_NO ? ESPNIC_XFRM_SOFTWARE : ESPNIC_XFRM_PACKET, text);
	default:
		snprintf(text, ESPNIC_XFRM_TEXT, "this kernel operation is not supported");
		return -EOPNOTSUPP;
	}
}

/* QUERY: how long nothing came in by this child. */
static int query(const struct espnic_xfrm *x, const struct espnic_ike_kernel_op *op, struct espnic_child_result *out)
{
	struct espnic_child_count n;
	uint64_t now = (uint64_t)time(NULL);
	int rc = espnic_child_count(x, op->spi_in, &op->local.addr, op->conf->mark_in, &n, out->text);

	if (!rc)
		out->idle_ms = now > n.used_seconds ? (now - n.used_seconds) * 1000 : 0;
	return rc;
}

static void run_work(const struct espnic_xfrm *x, const struct espnic_ike_kernel_op *op, uint32_t ifindex,
		     enum espnic_child_policy what, bool policies_alone, struct espnic_child_result *out)
{
	static const enum espnic_ike_offload given[] = { ESPNIC_IKE_OFFLOAD_NO, ESPNIC_IKE_OFFLOAD_CRYPTO,
							 ESPNIC_IKE_OFFLOAD_PACKET };
	struct work *w = calloc(1, sizeof(*w));
	int rc = -ENOMEM;

	memset(out, 0, sizeof(*out));
	if (w && op->kind == ESPNIC_IKE_KERNEL_QUERY) {
		rc = query(x, op, out);
	} else if (w) {
		w->op = op;
		w->what = what;
		w->policies_alone = policies_alone;
		w->ifindex = ifindex;
		rc = 0;
		if (policies_alone || (op->policies && op->conf->policies && op->kind != ESPNIC_IKE_KERNEL_INSTALL_IN)) {
			w->n_sel = espnic_child_selectors(op->ts_local, op->n_local, op->ts_remote, op->n_remote, w->sel,
							  out->text);
			rc = w->n_sel < 0 ? -EINVAL : 0;
		}
		if (!rc)
			rc = run(x, w, out->text);
		out->offload = given[w->offload];
		explicit_bzero(w, sizeof(*w));
	}
	free(w);
	out->status = !rc ? ESPNIC_IKE_KERNEL_OK : rc == -EEXIST ? ESPNIC_IKE_KERNEL_EXISTS : ESPNIC_IKE_KERNEL_FAILED;
}

void espnic_child_run(const struct espnic_xfrm *x, const struct espnic_ike_kernel_op *op, uint32_t ifindex,
		      struct espnic_child_result *out)
{
	run_work(x, op, ifindex, ESPNIC_CHILD_PROTECT, false, out);
}

/* ---- other addresses ---- */

static enum espnic_xfrm_offload kept(enum espnic_ike_offload has)
{
	return has == ESPNIC_IKE_OFFLOAD_PACKET ? ESPNIC_XFRM_PACKET : has == ESPNIC_IKE_OFFLOAD_CRYPTO ? ESPNIC_XFRM_CRYPTO : ESPNIC_XFRM_SOFTWARE;
}

static bool same_addresses(const struct espnic_ike_kernel_op *a, const struct espnic_ike_kernel_op *b)
{
	return espnic_ike_addr_equal(&a->local.addr, &b->local.addr) && espnic_ike_addr_equal(&a->remote.addr, &b->remote.addr);
}

/* Inbound first: what the peer sends to the new address is not lost while the rest follows. */
static int plan_move(struct work *was, struct work *to, char *text)
{
	put_in(was);
	put_out(was);
	put_in(to);
	put_out(to);
	/* templates have addresses and no ports */
	if (to->op->policies && to->op->conf->policies && !same_addresses(was->op, to->op)) {
		to->n_sel = espnic_child_selectors(to->op->ts_local, to->op->n_local, to->op->ts_remote, to->op->n_remote, to->sel, text);
		if (to->n_sel < 0)
			return -EINVAL;
		put_policies(to);
	}
	to->ops[to->n_ops++] = (struct espnic_xfrm_op){ .kind = ESPNIC_XFRM_MOVE_SA, .was = &was->in, .sa = &to->in };
	if (to->op->spi_out)
		to->ops[to->n_ops++] = (struct espnic_xfrm_op){ .kind = ESPNIC_XFRM_MOVE_SA, .was = &was->out, .sa = &to->out };
	change_policies(to, ESPNIC_XFRM_SET_POLICY);
	return 0;
}

void espnic_child_move(const struct espnic_xfrm *x, const struct espnic_child_move *m, struct espnic_child_result *out)
{
	struct work *was = calloc(1, sizeof(*was)), *to = calloc(1, sizeof(*to));
	int rc = -ENOMEM;

	memset(out, 0, sizeof(*out));
	if (was && to) {
		was->op = &m->was;
		was->offload = kept(m->offload);
		was->ifindex = m->was_ifindex;
		to->op = &m->to;
		to->offload = kept(m->offload);
		to->ifindex = m->ifindex;
		rc = plan_move(was, to, out->text);
		if (!rc)
			rc = espnic_xfrm_commit(x, to->ops, to->n_ops, out->text);
	}
	free(was);
	free(to);
	out->offload = m->offload;
	out->status = rc ? ESPNIC_IKE_KERNEL_FAILED : ESPNIC_IKE_KERNEL_OK;
}

void espnic_child_policies(const struct espnic_xfrm *x, const struct espnic_ike_kernel_op *op, uint32_t ifindex,
			   enum espnic_child_policy what, struct espnic_child_result *out)
{
	run_work(x, op, ifindex, what, true, out);
}

int espnic_child_count(const struct espnic_xfrm *x, uint32_t spi, const struct espnic_ike_addr *dst, struct espnic_ike_mark m,
		       struct espnic_child_count *out, char *text)
{
	struct espnic_xfrm_sa which = { .spi = spi, .proto = IPPROTO_ESP, .dst = espnic_child_addr(dst), .mark = mark(m) }, have;
	int rc = espnic_xfrm_read_sa(x, &which, &have, text);

	memset(out, 0, sizeof(*out));
	if (!rc)
		*out = (struct espnic_child_count){ .bytes = have.bytes, .packets = have.packets, .used_seconds = have.used_seconds,
						    .replayed = have.replay_dropped, .out_of_window = have.window_dropped,
						    .not_authentic = have.integrity_failed, .offload = have.offload,
						    .ifindex = have.ifindex };
	explicit_bzero(&have, sizeof(have));
	return rc;
}
