// SPDX-License-Identifier: BSD-2-Clause
#include "main/rights.h"

#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/child.h"

/* ---- what is allowed ---- */

static const struct espnic_ike_child_conf *find_child(const struct espnic_store *s, const char *conn, const char *child)
{
	const struct espnic_store_conn *c = conn ? espnic_store_find_conn(s, conn) : NULL;
	uint32_t i;

	for (i = 0; c && i < c->c.conn->n_children; i++)
		if (!strcmp(c->c.conn->children[i].name, child))
			return &c->c.conn->children[i];
	return NULL;
}

/* One side of an SA: what "dynamic" stands for there. */
struct side {
	const struct espnic_rights *r;
	const struct espnic_ike_conn *conn;
	const struct espnic_ike_addr *addr;
	bool virtual; /* or a virtual address, */
	bool own; /* which a peer gave us, or which is out of a pool */
};

/* Is @ts the one address, or a virtual one? */
static bool dynamic(const struct side *side, const struct espnic_ike_ts *ts)
{
	struct espnic_ike_addr a = { .family = ts->family };
	const struct espnic_ike_pool_conf *pool;
	unsigned int i;

	memcpy(a.bytes, ts->from, sizeof(a.bytes));
	if (memcmp(ts->from, ts->to, ts->family == 4 ? 4 : 16) != 0)
		return false;
	if (espnic_ike_addr_equal(side->addr, &a))
		return true;
	if (!side->virtual)
		return false;
	if (side->own)
		return espnic_vips_has(side->r->vips, side->conn->name, &a);
	for (i = 0; i < side->conn->n_pools; i++) {
		pool = espnic_store_find_pool(side->r->store, side->conn->pools[i]);
		if (pool && espnic_ike_pool_has(pool, &a))
			return true;
	}
	return false;
}

/* Is @ts part of @of? */
static bool within(const struct espnic_ike_ts *ts, const struct espnic_ike_ts *of, const struct side *side)
{
	size_t n = ts->family == 4 ? 4 : 16;

	if ((!of->dynamic && of->family != ts->family) || (of->proto && of->proto != ts->proto))
		return false;
	/* OPAQUE, from above to, is part of what allows every port */
	if (of->port_from > ts->port_from && ts->port_from <= ts->port_to)
		return false;
	if (of->port_to < ts->port_to && ts->port_from <= ts->port_to)
		return false;
	return of->dynamic ? dynamic(side, ts) : memcmp(ts->from, of->from, n) >= 0 && memcmp(ts->to, of->to, n) <= 0;
}

static bool all_within(const struct espnic_ike_ts *ts, unsigned int n, const struct espnic_ike_ts *of, unsigned int n_of,
		       const struct side *side)
{
	unsigned int i, j;

	for (i = 0; i < n; i++) {
		for (j = 0; j < n_of && !within(&ts[i], &of[j], side); j++)
			;
		if (j == n_of)
			return false;
	}
	return true;
}

static bool allowed_peer(const struct espnic_ike_conn *conn, const struct espnic_ike_addr *remote)
{
	uint8_t i;

	for (i = 0; i < conn->n_remote; i++)
		if (espnic_ike_net_has(&conn->remote[i], remote))
			return true;
	return !conn->n_remote;
}

static bool offered(const struct espnic_ike_child_conf *c, const struct espnic_ike_alg *encr)
{
	unsigned int i, j;

	for (i = 0; i < c->n_proposals; i++)
		for (j = 0; j < c->proposals[i].n; j++)
			if (c->proposals[i].t[j].type == ESPNIC_IKE_ENCR && c->proposals[i].t[j].id == encr->id &&
			    c->proposals[i].t[j].key_bits == (encr->key_attr ? encr->key_bits : 0))
				return true;
	return false;
}

/* Why the child may not be put in; NULL: it may. */
static const char *forbidden(const struct espnic_rights *r, const struct espnic_ike_kernel_op *op)
{
	const struct espnic_store_conn *conn = op->conn ? espnic_store_find_conn(r->store, op->conn) : NULL;
	const struct espnic_ike_child_conf *c = op->conf;
	bool tunnel = op->mode == ESPNIC_IKE_TUNNEL;
	struct side local = { .r = r, .addr = &op->local.addr, .own = true }, remote = { .r = r, .addr = &op->remote.addr };

	if (!conn || !c)
		return "no such child is configured";
	local.conn = remote.conn = conn->c.conn;
	local.virtual = tunnel && conn->c.conn->n_vips;
	remote.virtual = tunnel && conn->c.conn->n_pools;
	if (!allowed_peer(conn->c.conn, &op->remote.addr))
		return "a peer outside of the configured ones";
	if (op->mode != c->mode)
		return "another mode than the configured one";
	if (op->reqid != c->reqid && op->reqid >> ESPNIC_REQID_SHIFT != ESPNIC_REQID_OURS)
		return "a reqid that is not ours";
	if (!op->n_local || !op->n_remote || !all_within(op->ts_local, op->n_local, c->local, c->n_local, &local) ||
	    !all_within(op->ts_remote, op->n_remote, c->remote, c->n_remote, &remote))
		return "selectors outside of the configured ones";
	if (!op->encr || !op->encr_in || !op->encr_out || (op->integ && (!op->integ_in || !op->integ_out)))
		return "an SA without keys";
	/* authenticated by itself, or by another */
	if (!op->encr->icv && !op->integ)
		return "an SA without authentication";
	return offered(c, op->encr) ? NULL : "an algorithm that is not configured";
}

/* ---- the kernel ---- */

static void fail(struct espnic_child_result *result, const char *why)
{
	result->status = ESPNIC_IKE_KERNEL_FAILED;
	snprintf(result->text, sizeof(result->text), "%s", why);
}

/* The device of the offload, made ready for it: IKE passes it. */
static bool device(const struct espnic_rights *r, const struct espnic_ike_kernel_op *op, uint32_t *ifindex,
		   struct espnic_child_result *result)
{
	enum espnic_ike_offload want = op->conf->offload;

	*ifindex = r->standing->device_of(op->conf, &op->local.addr, &op->remote.addr);
	if (!*ifindex || (want != ESPNIC_IKE_OFFLOAD_PACKET && want != ESPNIC_IKE_OFFLOAD_AUTO))
		return true;
	/* with auto, a device that can't is found out when the child is put in, and told then */
	return !espnic_standing_device(r->standing, *ifindex, result->text) || want == ESPNIC_IKE_OFFLOAD_AUTO;
}

/* The routes of @sa come, or go; it is up without them, too, for programs that name the address. */
static void route(const struct espnic_rights *r, struct espnic_sa *sa, bool add)
{
	const char *why;

	if (sa->routed == add)
		return;
	sa->routed = add;
	why = espnic_routes_set(r->routes, r->vips, sa, add);
	if (why)
		espnic_log_note(r->log, "route", "conn=%s child=%s: %s", sa->conn, sa->child, why);
}

static void done(const struct espnic_rights *r, struct espnic_sa *sa, const struct espnic_ike_kernel_op *op, uint32_t ifindex,
		 const struct espnic_child_result *result)
{
	if (op->kind != ESPNIC_IKE_KERNEL_INSTALL_IN) {
		sa->spi_out = op->spi_out;
		/* new ones, or those of the child before */
		sa->policies = true;
	}
	sa->offload = result->offload;
	sa->ifindex = result->offload == ESPNIC_IKE_OFFLOAD_NO ? 0 : ifindex;
	if (!sa->ifindex || !if_indextoname(sa->ifindex, sa->device))
		sa->device[0] = 0;
	espnic_sas_note(sa, result->text);
	espnic_sas_inherit(r->sas, sa);
	if (sa->policies)
		route(r, sa, true);
}

static void install(const struct espnic_rights *r, const struct espnic_ike_kernel_op *op, struct espnic_child_result *result)
{
	const char *why = forbidden(r, op);
	uint32_t ifindex = 0;
	struct espnic_sa *sa;

	if (why) {
		espnic_log_note(r->log, "refused", "conn=%s child=%s: %s", op->conn ? op->conn : "", op->conf ? op->conf->name : "", why);
		fail(result, why);
		return;
	}
	sa = op->kind == ESPNIC_IKE_KERNEL_INSTALL_OUT ? espnic_sas_find(r->sas, op->child_id) : espnic_sas_add(r->sas, op);
	if (!sa || sa->spi_in != op->spi_in) {
		fail(result, sa ? "a child of another SPI" : "no such child, one that is there, or no memory");
		return;
	}
	result->status = ESPNIC_IKE_KERNEL_OK;
	if (r->xfrm && device(r, op, &ifindex, result))
		espnic_child_run(r->xfrm, op, ifindex, result);
	else if (r->xfrm)
		result->status = ESPNIC_IKE_KERNEL_FAILED;
	if (result->status == ESPNIC_IKE_KERNEL_OK)
		done(r, sa, op, ifindex, result);
	else if (op->kind != ESPNIC_IKE_KERNEL_INSTALL_OUT)
		espnic_sas_del(r->sas, sa);
}

/* Are the selectors of @sa those of its trap, whose policies then are the same ones? */
static bool same_as_trap(const struct espnic_sa *sa, const struct espnic_trap *t)
{
	return t && sa->n_local == t->conf.n_local && sa->n_remote == t->conf.n_remote &&
	       espnic_sas_same_ts(sa->ts, t->ts_local, sa->n_local) &&
	       espnic_sas_same_ts(sa->ts + sa->n_local, t->ts_remote, sa->n_remote);
}

/*
 * The policies of @sa, as its own: one that had the same (of another IKE SA, or a double of it) has ended, and they named its peer, or Linux has
 * them still as @sa put them in.
 */
static void keep_policies(const struct espnic_rights *r, struct espnic_sa *sa)
{
	struct espnic_ike_kernel_op op = espnic_sas_op(sa, ESPNIC_IKE_KERNEL_INSTALL);
	struct espnic_child_result result = { .status = ESPNIC_IKE_KERNEL_OK };
	struct espnic_ike_child_conf conf = *op.conf;

	/* as it got, whatever it asked for */
	conf.offload = sa->offload;
	op.conf = &conf;
	sa->kept = true;
	if (r->xfrm)
		espnic_child_policies(r->xfrm, &op, sa->ifindex, ESPNIC_CHILD_PROTECT, &result);
	if (result.status != ESPNIC_IKE_KERNEL_OK)
		espnic_log_note(r->log, "kernel", "conn=%s child=%s: its policies: %s", sa->conn, sa->child, result.text);
}

void espnic_rights_forget(const struct espnic_rights *r, struct espnic_sa *sa, bool policies)
{
	struct espnic_trap *t = espnic_standing_find(r->standing, sa->conn, sa->child);
	struct espnic_ike_kernel_op op = espnic_sas_op(sa, ESPNIC_IKE_KERNEL_DELETE);
	bool trapped = same_as_trap(sa, t);
	struct espnic_sa *other = espnic_sas_other(r->sas, sa);
	struct espnic_child_result result = { .status = ESPNIC_IKE_KERNEL_OK };

	/* Those of a device that forgot them are nobody's but for the blocks underneath, unless another has taken over. */
	policies = policies || sa->kept || (sa->lost && sa->policies && !other);
	op.policies = policies && !trapped && !other;
	if (r->xfrm)
		espnic_child_run(r->xfrm, &op, sa->ifindex, &result);
	if (result.status != ESPNIC_IKE_KERNEL_OK)
		espnic_log_note(r->log, "kernel", "conn=%s child=%s: %s", sa->conn, sa->child, result.text);
	route(r, sa, false);
	espnic_sas_del(r->sas, sa);
	/* in place, so that nothing gets out in between */
	if (policies && other)
		keep_policies(r, other);
	else if (policies && trapped && espnic_standing_put(r->standing, t))
		espnic_log_note(r->log, "kernel", "conn=%s child=%s: its trap: %s", t->conn, t->conf.name, t->note);
}

static void query(const struct espnic_rights *r, const struct espnic_sa *sa, struct espnic_child_result *result)
{
	struct espnic_ike_kernel_op op = espnic_sas_op(sa, ESPNIC_IKE_KERNEL_QUERY);

	result->status = ESPNIC_IKE_KERNEL_OK;
	if (r->xfrm)
		espnic_child_run(r->xfrm, &op, sa->ifindex, result);
	result->offload = sa->offload;
}

/* ---- other addresses ---- */

/* Why @sa, which is to be as @to, can't be moved there; NULL: it may, and @m has its devices. */
static const char *not_moved(const struct espnic_rights *r, const struct espnic_sa *sa, const struct espnic_ike_kernel_op *to,
			     struct espnic_child_move *m, struct espnic_child_result *result)
{
	const struct espnic_store_conn *conn = espnic_store_find_conn(r->store, sa->conn);
	bool same = espnic_ike_addr_equal(&sa->local.addr, &to->local.addr) && espnic_ike_addr_equal(&sa->remote.addr, &to->remote.addr);

	if (sa->lost)
		return "its device was down";
	if (!conn || !allowed_peer(conn->c.conn, &to->remote.addr))
		return "a peer outside of the configured ones";
	if (sa->mode == ESPNIC_IKE_TRANSPORT && !same)
		return "the selectors of transport mode are its addresses";
	if (sa->offload == ESPNIC_IKE_OFFLOAD_NO)
		return NULL;
	m->was_ifindex = sa->ifindex;
	m->ifindex = r->standing->device_of(to->conf, &to->local.addr, &to->remote.addr);
	if (!m->ifindex)
		return "no device to offload to at the new addresses";
	if (r->xfrm && sa->offload == ESPNIC_IKE_OFFLOAD_PACKET && espnic_standing_device(r->standing, m->ifindex, result->text))
		return result->text;
	return NULL;
}

/* As it stands here, not as it is said to stand, with the addresses, ports and encapsulation that it is to have. FAILED: it is made anew. */
static void move(const struct espnic_rights *r, struct espnic_sa *sa, const struct espnic_ike_kernel_op *op, struct espnic_child_result *result)
{
	struct espnic_child_move m = { .was = espnic_sas_op(sa, ESPNIC_IKE_KERNEL_MIGRATE), .offload = sa->offload };
	char text[ESPNIC_XFRM_TEXT + 32];
	const char *why;

	m.to = m.was;
	m.to.local = op->local;
	m.to.remote = op->remote;
	m.to.encap = op->encap;
	why = not_moved(r, sa, &m.to, &m, result);
	result->status = why ? ESPNIC_IKE_KERNEL_FAILED : ESPNIC_IKE_KERNEL_OK;
	if (!why && r->xfrm) {
		espnic_child_move(r->xfrm, &m, result);
		why = result->text;
	} else if (why && why != result->text) {
		snprintf(result->text, sizeof(result->text), "%s", why);
	}
	result->offload = sa->offload;
	if (result->status != ESPNIC_IKE_KERNEL_OK) {
		snprintf(text, sizeof(text), "made anew: %s", why);
		espnic_sas_moved(sa, text);
		return;
	}
	route(r, sa, false);
	sa->local = op->local;
	sa->remote = op->remote;
	sa->encap = op->encap;
	route(r, sa, true);
	sa->ifindex = m.ifindex;
	if (!sa->ifindex || !if_indextoname(sa->ifindex, sa->device))
		sa->device[0] = 0;
	espnic_sas_moved(sa, "with its keys and numbers");
}

static size_t kernel(const struct espnic_rights *r, struct espnic_ipc *m, uint8_t *reply)
{
	struct espnic_child_result result = { .status = ESPNIC_IKE_KERNEL_FAILED };
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_KERNEL };
	struct espnic_ike_kernel_op *op = &m->kernel;
	struct espnic_sa *sa = espnic_sas_find(r->sas, op->child_id);
	char text[ESPNIC_IKE_TEXT];

	op->conf = find_child(r->store, op->conn, m->child);
	op->policies = op->policies || (op->kind != ESPNIC_IKE_KERNEL_DELETE && espnic_sas_stale(r->sas, op));
	switch (op->kind) {
	case ESPNIC_IKE_KERNEL_INSTALL:
	case ESPNIC_IKE_KERNEL_INSTALL_IN:
	case ESPNIC_IKE_KERNEL_INSTALL_OUT:
		install(r, op, &result);
		break;
	case ESPNIC_IKE_KERNEL_DELETE:
		/* what it did not put in it can't take out; and what failed to come in is gone already */
		if (sa)
			espnic_rights_forget(r, sa, op->policies);
		return 0;
	case ESPNIC_IKE_KERNEL_QUERY:
		if (sa)
			query(r, sa, &result);
		else
			fail(&result, "no such child");
		break;
	case ESPNIC_IKE_KERNEL_MIGRATE:
		if (sa && sa->spi_in == op->spi_in)
			move(r, sa, op, &result);
		else
			fail(&result, "no such child");
		break;
	default:
		fail(&result, "this kernel operation is not supported");
	}
	snprintf(text, sizeof(text), "%.*s", ESPNIC_IKE_TEXT - 1, result.text);
	in.kernel.token = op->token;
	in.kernel.status = result.status;
	in.kernel.offload = result.offload;
	in.kernel.idle_ms = result.idle_ms;
	in.kernel.text = text[0] ? text : NULL;
	return espnic_ipc_put_done(reply, &in);
}

/* ---- keys ---- */

static int mac(const struct espnic_rights *r, const struct espnic_ike_key_op *op, uint8_t *out, const char **why)
{
	const struct espnic_secret *psk = espnic_store_psk(r->store, op->local, op->remote);

	*why = psk ? "the MAC can't be computed" : "no secret of these identities";
	return psk ? espnic_ike_psk_mac(op->prf, psk->bytes, psk->len, op->octets, op->len, out) : -1;
}

static int sign(const struct espnic_rights *r, const struct espnic_ike_key_op *op, uint8_t *out, const char **why)
{
	void *key = r->keys ? espnic_keys_find(r->keys, op->keyid) : NULL;

	*why = key ? "the key can't sign that way" : "no private key to this certificate or public key";
	return key ? espnic_ike_sign(key, op->scheme, op->octets, op->len, out) : -1;
}

static int mix(const struct espnic_rights *r, const struct espnic_ike_key_op *op, uint8_t *out, const char **why)
{
	const struct espnic_secret *ppk = espnic_store_ppk(r->store, op->ppk_id);

	*why = ppk ? "the PPK can't be used" : "no PPK of this identity";
	return ppk ? espnic_ike_ppk_mix(op->prf, ppk->bytes, ppk->len, op->sk, out) : -1;
}

static size_t key(const struct espnic_rights *r, const struct espnic_ike_key_op *op, uint8_t *reply)
{
	static int (*const does[])(const struct espnic_rights *r, const struct espnic_ike_key_op *op, uint8_t *out, const char **why) = {
		[ESPNIC_IKE_KEY_PSK] = mac, [ESPNIC_IKE_KEY_SIGN] = sign, [ESPNIC_IKE_KEY_PPK] = mix,
	};
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_KEY };
	uint8_t out[ESPNIC_IKE_SIGNATURE];	/* the longest of them */
	size_t len;
	int n;

	in.key.token = op->token;
	n = does[op->kind](r, op, out, &in.key.text);
	if (n > 0) {
		in.key.ok = true;
		in.key.data = out;
		in.key.len = (size_t)n;
		in.key.text = NULL;
	}
	len = espnic_ipc_put_done(reply, &in);
	explicit_bzero(out, sizeof(out));
	return len;
}

/* ---- virtual addresses ---- */

static void address(const struct espnic_rights *r, const struct espnic_ike_address_op *op)
{
	const struct espnic_store_conn *conn = espnic_store_find_conn(r->store, op->conn);
	const char *why = "none is configured";
	char text[INET6_ADDRSTRLEN];

	/* what has come may go, whatever the configuration is by then */
	if (!op->add || (conn && conn->c.conn->n_vips))
		why = espnic_vips_set(r->vips, op);
	if (why)
		espnic_log_note(r->log, "address", "conn=%s %s: %s", op->conn, espnic_ike_addr_text(&op->addr, text, sizeof(text)), why);
}

int espnic_rights_handle(const struct espnic_rights *r, struct espnic_ipc *m, uint8_t *reply)
{
	switch (m->type) {
	case ESPNIC_IPC_KERNEL:
		return (int)kernel(r, m, reply);
	case ESPNIC_IPC_KEY:
		return (int)key(r, &m->key, reply);
	case ESPNIC_IPC_ADDRESS:
		address(r, &m->address);
		return 0;
	case ESPNIC_IPC_EVENT:
		espnic_log_event(r->log, &m->event);
		if (r->event)
			r->event(r->ctx, &m->event);
		return 0;
	default:
		return -1;
	}
}
