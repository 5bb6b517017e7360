// SPDX-License-Identifier: BSD-2-Clause
/*
 * Child SAs: what is offered and chosen (RFC 7296 2.9, 2.17), their keys, and their way into the kernel and out of it.
 */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "vip.h"

enum {
	SPI_FIRST = 256,		/* RFC 4303 2.1: those below are reserved */
	SPIS_MAX = 3,			/* tries to find one that the kernel has no SA of */
	AGAIN_MS = 2000, AGAIN_SPREAD_MS = 1000,
};

static const char LOST[] = "lost the peer does not know it";

/* ------------------------------------------------------------------ coming, being found, going */

static uint64_t out_hash(const struct espnic_ike *ike, const struct espnic_ike_addr *remote, uint32_t spi)
{
	uint8_t key[16 + 4];
	struct espnic_ike_wr w = espnic_ike_wr(key, sizeof(key));

	espnic_ike_wr_bytes(&w, remote->bytes, sizeof(remote->bytes));
	espnic_ike_wr_be(&w, spi, 4);
	return espnic_ike_hash(ike, key, sizeof(key));
}

struct espnic_ike_child *espnic_ike_child_by_in(struct espnic_ike *ike, uint32_t spi)
{
	struct espnic_ike_node *n = spi ? espnic_ike_table_find(&ike->child_in, spi) : NULL;

	return n ? espnic_ike_of(n, struct espnic_ike_child, by_in) : NULL;
}

struct espnic_ike_child *espnic_ike_child_by_out(struct espnic_ike_sa *sa, uint32_t spi)
{
	struct espnic_ike_node *n = espnic_ike_table_find(&sa->ike->child_out, out_hash(sa->ike, &sa->remote.addr, spi));

	for (; n; n = espnic_ike_table_next(n)) {
		struct espnic_ike_child *c = espnic_ike_of(n, struct espnic_ike_child, by_out);

		if (c->sa == sa && c->spi_out == spi)
			return c;
	}
	return NULL;
}

struct espnic_ike_child *espnic_ike_child_to(struct espnic_ike *ike, const struct espnic_ike_addr *remote, uint32_t spi)
{
	struct espnic_ike_node *n = espnic_ike_table_find(&ike->child_out, out_hash(ike, remote, spi));

	for (; n; n = espnic_ike_table_next(n)) {
		struct espnic_ike_child *c = espnic_ike_of(n, struct espnic_ike_child, by_out);

		if (c->spi_out == spi && espnic_ike_addr_equal(&c->sa->remote.addr, remote))
			return c;
	}
	return NULL;
}

static bool draw_spi(struct espnic_ike *ike, uint32_t *spi)
{
	do {
		if (!espnic_ike_random(&ike->crypto, spi, sizeof(*spi)))
			return false;
	} while (*spi < SPI_FIRST || espnic_ike_child_by_in(ike, *spi));
	return true;
}

struct espnic_ike_child *espnic_ike_child_new(struct espnic_ike_sa *sa, struct espnic_ike_conn *conn,
					      const struct espnic_ike_child_conf *conf)
{
	struct espnic_ike *ike = sa->ike;
	struct espnic_ike_child *c, **at = &sa->children;

	if (sa->n_children >= ESPNIC_IKE_CHILDREN)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c || !draw_spi(ike, &c->spi_in) || !espnic_ike_table_add(&ike->child_in, &c->by_in, c->spi_in)) {
		free(c);
		return NULL;
	}
	c->sa = sa;
	c->conn = conn;
	espnic_ike_conn_get(conn);
	c->conf = conf;
	c->id = ++ike->last_child ? ike->last_child : ++ike->last_child;
	c->mode = conf->mode;
	c->reqid = conf->reqid ? conf->reqid : ike->set.reqid_base + ike->last_reqid++ % ike->set.reqids;
	c->rekey_at = c->life_at = ESPNIC_IKE_NEVER;
	while (*at)
		at = &(*at)->next;
	*at = c;
	sa->n_children++;
	ike->count.children++;
	return c;
}

static struct espnic_ike_kernel_op *kernel_op(struct espnic_ike_child *c, enum espnic_ike_kernel_kind kind)
{
	struct espnic_ike_kernel_op *op = &espnic_ike_act(c->sa->ike, ESPNIC_IKE_ACT_KERNEL)->kernel;

	*op = (struct espnic_ike_kernel_op){
		.kind = kind, .token = (uint64_t)c->id << 32 | c->spi_in, .ike_id = c->sa->id, .child_id = c->id,
		.conn = c->conn->name, .conf = c->conf, .reqid = c->reqid, .seq = c->seq, .spi_in = c->spi_in,
		.spi_out = c->spi_out, .mode = c->mode, .esn = c->suite.esn, .encap = c->encap, .initiator = c->initiator,
		.local = c->sa->local, .remote = c->sa->remote, .was_local = c->sa->local, .was_remote = c->sa->remote,
		.encr = c->suite.encr, .integ = c->suite.integ, .ts_local = c->ts, .ts_remote = c->ts + c->n_local,
		.n_local = c->n_local, .n_remote = c->n_remote,
	};
	return op;
}

void espnic_ike_child_lost(struct espnic_ike_child *old)
{
	struct espnic_ike_child *c = espnic_ike_child_new(old->sa, old->conn, old->conf);

	if (!c) {
		old->sa->ike->count.no_memory++;
		espnic_ike_child_end(old, LOST);
		return;
	}
	c->reqid = old->reqid;
	c->instead = old->spi_in;
	old->state = ESPNIC_IKE_CHILD_REKEYED;
	espnic_ike_sa_touch(old->sa);
}

/* @c is up, or won't be: there is nothing more that the lost one's policies are kept for. */
static void end_lost(struct espnic_ike_child *c)
{
	struct espnic_ike_child *old = espnic_ike_child_by_in(c->sa->ike, c->instead);

	c->instead = 0;
	if (old && old->sa == c->sa)
		espnic_ike_child_end(old, LOST);
}

void espnic_ike_child_end(struct espnic_ike_child *c, const char *why)
{
	struct espnic_ike_sa *sa = c->sa;
	struct espnic_ike *ike = sa->ike;
	struct espnic_ike_child **at = &sa->children;

	end_lost(c);
	if (c->in_kernel)
		kernel_op(c, ESPNIC_IKE_KERNEL_DELETE)->policies = c->policies;
	if (c->told) {
		ike->count.child_down++;
		espnic_ike_event_child(c, ESPNIC_IKE_EV_CHILD_DOWN, why);
	}
	espnic_ike_table_del(&ike->child_in, &c->by_in);
	if (c->spi_out)
		espnic_ike_table_del(&ike->child_out, &c->by_out);
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	sa->n_children--;
	ike->count.children--;
	c->next = ike->child_graves;
	ike->child_graves = c;
}

void espnic_ike_child_free(struct espnic_ike_child *c)
{
	espnic_ike_child_keys_free(&c->sa->ike->crypto, c->keys);
	espnic_ike_conn_put(c->conn);
	free(c->ts);
	free(c->offload_text);
	free(c);
}

const struct espnic_ike_child_conf *espnic_ike_child_conf(const struct espnic_ike_conn *conn, const char *name)
{
	for (uint32_t i = 0; i < conn->n_children; i++)
		if (strcmp(conn->children[i].name, name) == 0)
			return &conn->children[i];
	return NULL;
}

/* ------------------------------------------------------------------ selectors and suite */

static bool set_ts(struct espnic_ike_child *c, const struct espnic_ike_ts_set *local, const struct espnic_ike_ts_set *remote)
{
	struct espnic_ike_ts *ts = malloc((local->n + remote->n) * sizeof(*ts));

	if (!ts)
		return false;
	memcpy(ts, local->v, local->n * sizeof(*ts));
	memcpy(ts + local->n, remote->v, remote->n * sizeof(*ts));
	free(c->ts);
	c->ts = ts;
	c->n_local = (uint8_t)local->n;
	c->n_remote = (uint8_t)remote->n;
	return true;
}

static void configured(const struct espnic_ike_sa *sa, const struct espnic_ike_child_conf *conf, struct espnic_ike_ts_set *local,
		       struct espnic_ike_ts_set *remote)
{
	struct espnic_ike_net net[ESPNIC_IKE_VIPS];
	unsigned int n = espnic_ike_vip_nets(sa, conf->mode, true, net);

	espnic_ike_ts_resolve(local, conf->local, conf->n_local, net, n);
	n = espnic_ike_vip_nets(sa, conf->mode, false, net);
	espnic_ike_ts_resolve(remote, conf->remote, conf->n_remote, net, n);
}

void espnic_ike_child_offer(struct espnic_ike_child *c, struct espnic_ike_wr *w, enum espnic_ike_choice what)
{
	const struct espnic_ike_child_conf *conf = c->conf;
	struct espnic_ike_ts_set local, remote;

	c->initiator = true;
	configured(c->sa, conf, &local, &remote);
	espnic_ike_offer_write(w, conf->proposals, conf->n_proposals, what, c->spi_in, 4);
	espnic_ike_ts_write(w, ESPNIC_IKE_P_TSI, local.v, local.n);
	espnic_ike_ts_write(w, ESPNIC_IKE_P_TSR, remote.v, remote.n);
	if (conf->mode == ESPNIC_IKE_TRANSPORT)
		espnic_ike_wr_notify(w, ESPNIC_IKE_N_USE_TRANSPORT_MODE, NULL, 0);
}

/* The one address that all of @set are of. False: there are more. */
static bool one_address(const struct espnic_ike_ts_set *set, struct espnic_ike_addr *a)
{
	for (unsigned int i = 0; i < set->n; i++)
		if (set->v[i].family != set->v[0].family || memcmp(set->v[i].from, set->v[0].from, sizeof(a->bytes)) != 0 ||
		    memcmp(set->v[i].to, set->v[0].from, sizeof(a->bytes)) != 0)
			return false;
	if (!set->n)
		return false;
	a->family = set->v[0].family;
	memcpy(a->bytes, set->v[0].from, sizeof(a->bytes));
	return true;
}

static void set_address(struct espnic_ike_ts_set *set, const struct espnic_ike_addr *a)
{
	for (unsigned int i = 0; i < set->n; i++) {
		memcpy(set->v[i].from, a->bytes, sizeof(a->bytes));
		memcpy(set->v[i].to, a->bytes, sizeof(a->bytes));
	}
}

/*
 * RFC 7296 2.23.1: in transport mode a host behind a NAT has another address for its peer than for itself. @set gets the one that our
 * packets have, @said is the one that the peer knows; family 0: it is the same.
 */
static void through_nat(struct espnic_ike_ts_set *set, bool nat, const struct espnic_ike_addr *ours, struct espnic_ike_addr *said)
{
	if (nat && one_address(set, said) && said->family == ours->family)
		set_address(set, ours);
	else
		said->family = 0;
}

static void write_said(struct espnic_ike_wr *w, enum espnic_ike_payload type, const struct espnic_ike_ts *ts, unsigned int n,
		       const struct espnic_ike_addr *said)
{
	struct espnic_ike_ts_set set = { .n = n };

	memcpy(set.v, ts, n * sizeof(*ts));
	if (said->family)
		set_address(&set, said);
	espnic_ike_ts_write(w, type, set.v, set.n);
}

void espnic_ike_child_answer(struct espnic_ike_child *c, struct espnic_ike_wr *w, enum espnic_ike_choice what)
{
	espnic_ike_suite_write(w, &c->suite, ESPNIC_IKE_PROTO_ESP, what, c->spi_in, 4);
	write_said(w, ESPNIC_IKE_P_TSI, c->ts + c->n_local, c->n_remote, &c->said_remote);
	write_said(w, ESPNIC_IKE_P_TSR, c->ts, c->n_local, &c->said_local);
	if (c->mode == ESPNIC_IKE_TRANSPORT)
		espnic_ike_wr_notify(w, ESPNIC_IKE_N_USE_TRANSPORT_MODE, NULL, 0);
}

/* What a peer offers for a child. */
struct asked {
	struct espnic_ike_offer offer;
	struct espnic_ike_ts_set ts_i, ts_r;
	struct espnic_ike_addr said_i, said_r;	/* of what was found to fit, as in struct espnic_ike_child */
	bool transport;
};

static bool read_asked(struct asked *a, const struct espnic_ike_msg *m)
{
	a->transport = espnic_ike_notify(m, ESPNIC_IKE_N_USE_TRANSPORT_MODE);
	return espnic_ike_offer_read(&a->offer, m->sa) && espnic_ike_ts_read(&a->ts_i, m->ts_i) && espnic_ike_ts_read(&a->ts_r, m->ts_r);
}

static bool good_spi(uint64_t spi)
{
	return spi >= SPI_FIRST && spi <= UINT32_MAX;
}

/* Can @conf be what is asked for? 0, or the notify that says why not. */
static uint16_t fits(const struct espnic_ike_sa *sa, const struct espnic_ike_child_conf *conf, struct asked *a,
		     enum espnic_ike_choice what, unsigned int ke_hint, struct espnic_ike_suite *suite,
		     struct espnic_ike_ts_set *local, struct espnic_ike_ts_set *remote)
{
	struct espnic_ike_ts_set our_local, our_remote, ts_i = a->ts_i, ts_r = a->ts_r;
	bool transport = conf->mode == ESPNIC_IKE_TRANSPORT;

	configured(sa, conf, &our_local, &our_remote);
	through_nat(&ts_i, transport && sa->nat_remote, &sa->remote.addr, &a->said_i);
	through_nat(&ts_r, transport && sa->nat_local, &sa->local.addr, &a->said_r);
	if (!espnic_ike_ts_narrow(local, &our_local, &ts_r) || !espnic_ike_ts_narrow(remote, &our_remote, &ts_i))
		return ESPNIC_IKE_N_TS_UNACCEPTABLE;
	if ((transport && !a->transport) ||
	    !espnic_ike_choose(suite, conf->proposals, conf->n_proposals, &a->offer, what, ke_hint) || !good_spi(suite->spi))
		return ESPNIC_IKE_N_NO_PROPOSAL_CHOSEN;
	return 0;
}

static struct espnic_ike_child *make_chosen(struct espnic_ike_sa *sa, struct espnic_ike_conn *conn,
					    const struct espnic_ike_child_conf *conf, const struct espnic_ike_suite *suite,
					    const struct espnic_ike_ts_set *local, const struct espnic_ike_ts_set *remote)
{
	struct espnic_ike_child *c = espnic_ike_child_new(sa, conn, conf);

	if (!c)
		return NULL;
	c->suite = *suite;
	c->spi_out = (uint32_t)suite->spi;
	if (espnic_ike_child_by_out(sa, c->spi_out) || !set_ts(c, local, remote) ||
	    !espnic_ike_table_add(&sa->ike->child_out, &c->by_out, out_hash(sa->ike, &sa->remote.addr, c->spi_out))) {
		c->spi_out = 0;
		espnic_ike_child_end(c, NULL);
		return NULL;
	}
	return c;
}

/* The first of @conn's children that fits. NULL: *@notify says why none does. @like: the only one that may. */
static struct espnic_ike_child *select_of(struct espnic_ike_sa *sa, struct espnic_ike_conn *conn, struct asked *a, unsigned int ke_hint,
					  enum espnic_ike_choice what, const struct espnic_ike_child *like, uint16_t *notify)
{
	struct espnic_ike_ts_set local, remote;
	struct espnic_ike_suite suite;
	struct espnic_ike_child *c;
	uint16_t no;

	for (uint32_t i = 0; i < conn->n_children; i++) {
		const struct espnic_ike_child_conf *conf = &conn->children[i];

		if (like && like->conf != conf)
			continue;
		no = fits(sa, conf, a, what, ke_hint, &suite, &local, &remote);
		if (no == ESPNIC_IKE_N_NO_PROPOSAL_CHOSEN)
			*notify = no;
		if (no)
			continue;
		*notify = ESPNIC_IKE_N_NO_ADDITIONAL_SAS;
		c = make_chosen(sa, conn, conf, &suite, &local, &remote);
		if (c && like)
			c->reqid = like->reqid;
		if (c) {
			c->said_local = a->said_r;
			c->said_remote = a->said_i;
		}
		return c;
	}
	return NULL;
}

struct espnic_ike_child *espnic_ike_child_select(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m,
						 enum espnic_ike_choice what, const struct espnic_ike_child *like,
						 uint16_t *notify)
{
	struct espnic_ike *ike = sa->ike;
	struct espnic_ike_child *c;
	struct asked a;

	*notify = ESPNIC_IKE_N_INVALID_SYNTAX;
	if (!read_asked(&a, m))
		return NULL;
	*notify = ESPNIC_IKE_N_TS_UNACCEPTABLE;
	c = select_of(sa, like ? like->conn : sa->conn, &a, m->ke_group, what, like, notify);
	for (size_t i = 0; i < ike->n_conns && !like && !c && *notify != ESPNIC_IKE_N_NO_ADDITIONAL_SAS; i++)
		if (ike->conns[i] != sa->conn && espnic_ike_conn_serves(sa, ike->conns[i]))
			c = select_of(sa, ike->conns[i], &a, m->ke_group, what, NULL, notify);
	if (c || *notify == ESPNIC_IKE_N_NO_ADDITIONAL_SAS)
		return c;
	ike->count.ts_unacceptable += *notify == ESPNIC_IKE_N_TS_UNACCEPTABLE;
	ike->count.no_proposal += *notify == ESPNIC_IKE_N_NO_PROPOSAL_CHOSEN;
	espnic_ike_event_peer(ike, sa, &sa->remote, espnic_ike_say(ike, "child_refused %s", espnic_ike_notify_name(*notify)));
	return NULL;
}

bool espnic_ike_child_accept(struct espnic_ike_child *c, const struct espnic_ike_msg *m, enum espnic_ike_choice what)
{
	const struct espnic_ike_child_conf *conf = c->conf;
	struct espnic_ike_ts_set local, remote;
	struct asked a;

	if (!read_asked(&a, m) || !espnic_ike_accept(&c->suite, conf->proposals, conf->n_proposals, &a.offer, what) ||
	    !good_spi(c->suite.spi) || espnic_ike_child_by_out(c->sa, (uint32_t)c->suite.spi))
		return false;
	c->spi_out = (uint32_t)c->suite.spi;
	if (!espnic_ike_table_add(&c->sa->ike->child_out, &c->by_out, out_hash(c->sa->ike, &c->sa->remote.addr, c->spi_out))) {
		c->spi_out = 0;
		return false;
	}
	configured(c->sa, conf, &local, &remote);
	/* Of what was offered before the address was known, that counts which it is. */
	if (c->sa->vips && c->sa->vips->own && conf->mode == ESPNIC_IKE_TUNNEL) {
		struct espnic_ike_ts_set asked = a.ts_i;

		if (!espnic_ike_ts_narrow(&a.ts_i, &local, &asked))
			return false;
	}
	return a.transport == (conf->mode == ESPNIC_IKE_TRANSPORT) && espnic_ike_ts_within(&a.ts_i, &local) &&
	       espnic_ike_ts_within(&a.ts_r, &remote) && set_ts(c, &a.ts_i, &a.ts_r);
}

/* ------------------------------------------------------------------ into the kernel */

static uint64_t less(struct espnic_ike *ike, uint64_t base, uint64_t spread)
{
	uint64_t r = 0;

	if (spread > base)
		spread = base;
	if (spread && espnic_ike_random(&ike->crypto, &r, sizeof(r)))
		r %= spread + 1;
	return base - r;
}

static void give_keys(struct espnic_ike_child *c, struct espnic_ike_kernel_op *op)
{
	enum espnic_ike_side own = c->initiator ? ESPNIC_IKE_I : ESPNIC_IKE_R;
	const struct espnic_ike_child_conf *conf = c->conf;

	op->encr_out = c->keys->encr[own];
	op->encr_in = c->keys->encr[!own];
	op->integ_out = c->keys->integ[own];
	op->integ_in = c->keys->integ[!own];
	op->soft_bytes = less(c->sa->ike, conf->rekey_bytes, conf->rand_bytes);
	op->soft_packets = less(c->sa->ike, conf->rekey_packets, conf->rand_packets);
	c->op = true;
	c->in_kernel = true;
}

/* The child that has the policies of the selectors of @c; NULL. */
static struct espnic_ike_child *policy_owner(const struct espnic_ike_child *c)
{
	for (struct espnic_ike_child *o = c->sa->children; o; o = o->next)
		if (o != c && o->policies && o->reqid == c->reqid && o->n_local == c->n_local && o->n_remote == c->n_remote &&
		    memcmp(o->ts, c->ts, (c->n_local + c->n_remote) * sizeof(*c->ts)) == 0)
			return o;
	return NULL;
}

/* @c has the policies now: those there are already, or new ones. True: they are new. */
static bool take_policies(struct espnic_ike_child *c)
{
	struct espnic_ike_child *owner = policy_owner(c);

	c->policies_of = owner ? owner->spi_in : 0;
	if (owner)
		owner->policies = false;
	c->policies = true;
	return !owner;
}

/* The kernel did not take @c: policies it took over belong to whom they were, or go. */
static void give_back_policies(struct espnic_ike_child *c)
{
	struct espnic_ike_child *owner = espnic_ike_child_by_in(c->sa->ike, c->policies_of);

	if (c->policies && owner)
		owner->policies = true;
	if (c->policies && (owner || !c->policies_of))
		c->policies = false;
}

void espnic_ike_child_unlink_out(struct espnic_ike_child *c)
{
	if (c->spi_out)
		espnic_ike_table_del(&c->sa->ike->child_out, &c->by_out);
}

void espnic_ike_child_link_out(struct espnic_ike_child *c)
{
	struct espnic_ike *ike = c->sa->ike;

	if (c->spi_out)
		espnic_ike_table_add(&ike->child_out, &c->by_out, out_hash(ike, &c->sa->remote.addr, c->spi_out));
}

void espnic_ike_child_move(struct espnic_ike_child *c, const struct espnic_ike_endpoint *local,
			   const struct espnic_ike_endpoint *remote)
{
	struct espnic_ike_kernel_op *op = kernel_op(c, ESPNIC_IKE_KERNEL_MIGRATE);

	op->token = (uint64_t)~c->id << 32 | c->spi_in;
	op->was_local = *local;
	op->was_remote = *remote;
	op->policies = c->policies;
}

bool espnic_ike_child_install(struct espnic_ike_child *c, const struct espnic_ike_exchange_state *x,
			      const struct espnic_ike_secrets *secrets, enum espnic_ike_kernel_kind kind)
{
	struct espnic_ike_sa *sa = c->sa;
	struct espnic_ike_chunk ni = { x->ni.bytes, x->ni.len }, nr = { x->nr.bytes, x->nr.len };
	struct espnic_ike_kernel_op *op;
	bool fresh = false;

	c->encap = sa->nat_local || sa->nat_remote;
	c->keys = espnic_ike_derive_child(&sa->ike->crypto, &c->suite, sa->keys, sa->suite.prf, secrets, ni, nr);
	if (!c->keys)
		return false;
	c->state = ESPNIC_IKE_CHILD_INSTALLING;
	if (kind == ESPNIC_IKE_KERNEL_INSTALL) {
		fresh = take_policies(c);
		c->out_kernel = true;
	}
	op = kernel_op(c, kind);
	op->policies = fresh;
	give_keys(c, op);
	return true;
}

void espnic_ike_child_install_out(struct espnic_ike_child *c)
{
	struct espnic_ike_kernel_op *op;
	bool fresh;

	if (c->out_kernel || c->op || !c->keys)
		return;
	c->out_kernel = true;
	fresh = take_policies(c);
	op = kernel_op(c, ESPNIC_IKE_KERNEL_INSTALL_OUT);
	op->policies = fresh;
	give_keys(c, op);
	espnic_ike_child_up(c);
}

void espnic_ike_child_up(struct espnic_ike_child *c)
{
	struct espnic_ike *ike = c->sa->ike;
	struct espnic_ike_child *old = espnic_ike_child_by_in(ike, c->replaces);

	c->state = ESPNIC_IKE_CHILD_INSTALLED;
	c->since = ike->now;
	c->rekey_at = espnic_ike_after_ms(ike, c->conf->rekey_ms, c->conf->rand_ms);
	c->life_at = espnic_ike_after_ms(ike, c->conf->life_ms, 0);
	c->told = true;
	ike->count.child_up++;
	espnic_ike_event_child(c, c->replaces ? ESPNIC_IKE_EV_CHILD_REKEYED : ESPNIC_IKE_EV_CHILD_UP,
			       espnic_ike_say(ike, "spi_in=%08x spi_out=%08x encr=%s mode=%s", c->spi_in, c->spi_out,
					      c->suite.encr->name, c->mode == ESPNIC_IKE_TUNNEL ? "tunnel" : "transport"))->old_id =
		old ? old->id : 0;
	if (old && old->sa == c->sa && c->initiator) {
		old->state = ESPNIC_IKE_CHILD_REKEYED;
		old->rekey_at = ESPNIC_IKE_NEVER;
		old->want_delete = true;
	}
	end_lost(c);
	espnic_ike_sa_touch(c->sa);
}

void espnic_ike_child_failed(struct espnic_ike_child *c, const struct espnic_ike_notify *error)
{
	struct espnic_ike *ike = c->sa->ike;
	const char *text = "refused without a word";

	if (error) {
		text = espnic_ike_say(ike, "refused by %s (%u)", espnic_ike_notify_name(error->type), error->type);
		ike->count.ts_unacceptable += error->type == ESPNIC_IKE_N_TS_UNACCEPTABLE;
		ike->count.no_proposal += error->type == ESPNIC_IKE_N_NO_PROPOSAL_CHOSEN;
	}
	espnic_ike_event_child(c, ESPNIC_IKE_EV_CHILD_FAILED, text);
	espnic_ike_child_end(c, NULL);
}

void espnic_ike_child_refused(struct espnic_ike_child *c, const char *why)
{
	espnic_ike_event_child(c, ESPNIC_IKE_EV_CHILD_FAILED, why);
	c->want_delete = true;
	espnic_ike_sa_touch(c->sa);
}

/* ------------------------------------------------------------------ the kernel's answers */

static void installed(struct espnic_ike_child *c, const struct espnic_ike_input *in)
{
	bool first = c->state == ESPNIC_IKE_CHILD_INSTALLING;

	c->offload = in->kernel.offload;
	free(c->offload_text);
	c->offload_text = in->kernel.text ? strdup(in->kernel.text) : NULL;
	if (c->out_kernel) {
		espnic_ike_child_keys_free(&c->sa->ike->crypto, c->keys);
		c->keys = NULL;
	}
	if (first && c->out_kernel && !c->want_delete)
		espnic_ike_child_up(c);
}

static void rekey_soon(struct espnic_ike_child *old)
{
	if (old && old->state == ESPNIC_IKE_CHILD_INSTALLED && !old->want_delete && old->rekey_at == ESPNIC_IKE_NEVER)
		old->rekey_at = espnic_ike_after_ms(old->sa->ike, AGAIN_MS + AGAIN_SPREAD_MS, AGAIN_SPREAD_MS);
}

void espnic_ike_child_not_replaced(struct espnic_ike_child *old)
{
	if (old && old->conf->rekey_ms)
		rekey_soon(old);
}

/* The initiator's: the peer knows its SPI, so another child is made, a little later. */
static void again(struct espnic_ike_child *c)
{
	struct espnic_ike_child *old = espnic_ike_child_by_in(c->sa->ike, c->replaces), *fresh;
	uint64_t at = espnic_ike_after_ms(c->sa->ike, AGAIN_MS + AGAIN_SPREAD_MS, AGAIN_SPREAD_MS);

	if (old) {
		old->rekey_at = at;
		return;
	}
	fresh = espnic_ike_child_new(c->sa, c->conn, c->conf);
	if (!fresh)
		return;
	fresh->seq = c->seq;
	fresh->spis = c->spis + 1;
	fresh->rekey_at = at;
}

static void not_installed(struct espnic_ike_child *c, const struct espnic_ike_input *in)
{
	struct espnic_ike *ike = c->sa->ike;
	/* INSTALL and INSTALL_IN leave nothing behind; INSTALL_OUT leaves the inbound SA. */
	bool exists = in->kernel.status == ESPNIC_IKE_KERNEL_EXISTS && c->state == ESPNIC_IKE_CHILD_INSTALLING;

	give_back_policies(c);
	c->in_kernel = c->state != ESPNIC_IKE_CHILD_INSTALLING || c->policies;
	espnic_ike_child_refused(c, espnic_ike_say(ike, "kernel %s", in->kernel.text ? in->kernel.text : "refused it"));
	if (exists && c->spis < SPIS_MAX)
		again(c);
	else
		rekey_soon(espnic_ike_child_by_in(ike, c->replaces));
}

/* The responder's: nobody has been told its SPI, and no key is made of it. False: no random numbers, or no memory. */
static bool other_spi(struct espnic_ike_child *c, struct espnic_ike_exchange_state *x)
{
	struct espnic_ike *ike = c->sa->ike;
	struct espnic_ike_exchange_state *mine = c->sa->mine;
	struct espnic_ike_kernel_op *op;
	uint32_t old = c->spi_in;

	if (c->spis++ == SPIS_MAX || !draw_spi(ike, &c->spi_in))
		return false;
	espnic_ike_table_del(&ike->child_in, &c->by_in);
	espnic_ike_table_add(&ike->child_in, &c->by_in, c->spi_in);	/* there is room: it was in it */
	x->child = c->spi_in;
	if (mine && mine->rival == old && mine->kind == ESPNIC_IKE_REQ_CHILD)
		mine->rival = c->spi_in;
	op = kernel_op(c, c->out_kernel ? ESPNIC_IKE_KERNEL_INSTALL : ESPNIC_IKE_KERNEL_INSTALL_IN);
	op->policies = c->policies && !c->policies_of;
	give_keys(c, op);
	return true;
}

void espnic_ike_child_kernel_result(struct espnic_ike *ike, const struct espnic_ike_input *in)
{
	struct espnic_ike_child *c = espnic_ike_child_by_in(ike, (uint32_t)in->kernel.token);
	bool ok = in->kernel.status == ESPNIC_IKE_KERNEL_OK;
	struct espnic_ike_exchange_state *x;
	struct espnic_ike_sa *sa;

	if (c && (uint32_t)~c->id == in->kernel.token >> 32 && !ok) {
		espnic_ike_event_child(c, ESPNIC_IKE_EV_NOTE, espnic_ike_say(ike, "not_moved %s", in->kernel.text ? in->kernel.text : ""));
		c->want_rekey = true;
		espnic_ike_sa_touch(c->sa);
	}
	if (!c || c->id != in->kernel.token >> 32 || !c->op)
		return;
	sa = c->sa;
	c->op = false;
	x = sa->theirs;
	if (x && x->wait == ESPNIC_IKE_WAIT_KERNEL && x->child == c->spi_in) {
		struct espnic_ike_child *made = ok ? c : NULL;

		if (in->kernel.status == ESPNIC_IKE_KERNEL_EXISTS && other_spi(c, x))
			return;

		if (!ok) {
			espnic_ike_event_child(c, ESPNIC_IKE_EV_CHILD_FAILED,
					       espnic_ike_say(ike, "kernel %s", in->kernel.text ? in->kernel.text : "refused it"));
			give_back_policies(c);
			c->in_kernel = c->policies;
			espnic_ike_child_end(c, NULL);
		}
		if (sa->state == ESPNIC_IKE_ST_INIT_DONE)
			espnic_ike_auth_child_done(sa, made);
		else
			espnic_ike_create_done(sa, made);
		if (!made || sa->state == ESPNIC_IKE_ST_DEAD)
			return;
	}
	if (ok)
		installed(c, in);
	else
		not_installed(c, in);
	espnic_ike_sa_touch(sa);
}
