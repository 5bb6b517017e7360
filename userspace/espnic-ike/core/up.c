// SPDX-License-Identifier: BSD-2-Clause
/*
 * What begins and ends connections: the user, a packet, a peer that went away. And who may have how many (RFC 7296 2.4).
 */
#include <stdlib.h>
#include <string.h>

#include "sa.h"

enum {
	GRACE_MS = 30000,		/* for an SA past its hard limit to be closed in peace */
};

/* ------------------------------------------------------------------ by identity */

bool espnic_ike_sa_known(struct espnic_ike_sa *sa)
{
	return espnic_ike_table_add(&sa->ike->by_peer, &sa->by_peer, espnic_ike_id_hash(sa->ike, sa->remote_id));
}

/* One that is up between the same two; NULL. */
static struct espnic_ike_sa *same_peer(struct espnic_ike_sa *sa, const struct espnic_ike_id *remote)
{
	struct espnic_ike_node *n = espnic_ike_table_find(&sa->ike->by_peer, espnic_ike_id_hash(sa->ike, remote));

	for (; n; n = espnic_ike_table_next(n)) {
		struct espnic_ike_sa *o = espnic_ike_of(n, struct espnic_ike_sa, by_peer);

		if (o != sa && o->state == ESPNIC_IKE_ST_UP && !o->want_delete && espnic_ike_id_same(o->remote_id, remote) &&
		    espnic_ike_id_same(o->local_id, sa->local_id))
			return o;
	}
	return NULL;
}

bool espnic_ike_first_contact(struct espnic_ike_sa *sa)
{
	return !same_peer(sa, &sa->conn->auth_remote.id);
}

/* The peer has begun anew, and knows nothing of what was. */
static void end_before(struct espnic_ike_sa *sa)
{
	struct espnic_ike_sa *old;

	while ((old = same_peer(sa, sa->remote_id)))
		espnic_ike_sa_down(old, "initial_contact the peer has begun anew");
}

bool espnic_ike_may_be_up(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m)
{
	sa->contact = sa->conn->unique != ESPNIC_IKE_UNIQUE_NEVER && espnic_ike_notify(m, ESPNIC_IKE_N_INITIAL_CONTACT);
	/* An address of a pool is the peer's again, and what is protected to it with it. */
	if (sa->contact && sa->conn->n_pools)
		end_before(sa);
	return sa->contact || sa->conn->unique != ESPNIC_IKE_UNIQUE_KEEP || !same_peer(sa, sa->remote_id);
}

void espnic_ike_sa_times(struct espnic_ike_sa *sa)
{
	const struct espnic_ike_conn *conn = sa->conn;
	struct espnic_ike *ike = sa->ike;

	sa->since = sa->last_in = ike->now;
	sa->rekey_at = espnic_ike_after_ms(ike, conn->rekey_ms, conn->rand_ms);
	sa->over_at = conn->rekey_ms && conn->over_ms ? ike->now + conn->rekey_ms + conn->over_ms : ESPNIC_IKE_NEVER;
	sa->alive_at = espnic_ike_after_ms(ike, conn->dpd_ms, 0);
}

void espnic_ike_sa_up(struct espnic_ike_sa *sa)
{
	struct espnic_ike *ike = sa->ike;
	char local[64], remote[64];
	struct espnic_ike_sa *old;

	espnic_ike_half_open(sa, false);
	sa->state = ESPNIC_IKE_ST_UP;
	/* Only now: the new child has the policies. */
	if (sa->contact)
		end_before(sa);
	if (sa->conn->unique == ESPNIC_IKE_UNIQUE_REPLACE)
		while ((old = same_peer(sa, sa->remote_id))) {
			old->want_delete = true;
			espnic_ike_sa_touch(old);
		}
	if (!espnic_ike_sa_known(sa)) {
		ike->count.no_memory++;
		espnic_ike_sa_end(sa);
		return;
	}
	espnic_ike_sa_times(sa);
	sa->told = true;
	ike->count.ike_up++;
	espnic_ike_event_sa(sa, ESPNIC_IKE_EV_IKE_UP,
			    espnic_ike_say(ike, "role=%s local_id=%s remote_id=%s encr=%s prf=%s ke=%s nat=%s ppk=%s",
					   sa->initiator ? "initiator" : "responder",
					   espnic_ike_id_text(sa->local_id, local, sizeof(local)),
					   espnic_ike_id_text(sa->remote_id, remote, sizeof(remote)), sa->suite.encr->name,
					   sa->suite.prf->name, sa->suite.ke->name,
					   sa->nat_local ? sa->nat_remote ? "both" : "local" : sa->nat_remote ? "remote" : "no",
					   sa->ppk == ESPNIC_IKE_PPK_USED ? "yes" : "no"));
	espnic_ike_sa_touch(sa);
}

void espnic_ike_give_up(struct espnic_ike_sa *sa)
{
	while (sa->children)
		espnic_ike_child_end(sa->children, NULL);
	espnic_ike_exchange_free(&sa->mine);
	sa->state = ESPNIC_IKE_ST_UP;
	sa->want_delete = true;
	sa->over_at = sa->ike->now + GRACE_MS;
	espnic_ike_sa_touch(sa);
}

/* ------------------------------------------------------------------ beginning */

static void complain(struct espnic_ike *ike, const char *conn, const char *child, const char *text)
{
	struct espnic_ike_event *e = &espnic_ike_act(ike, ESPNIC_IKE_ACT_EVENT)->event;

	*e = (struct espnic_ike_event){ .kind = ESPNIC_IKE_EV_CHILD_FAILED, .conn = conn, .child = child, .text = text };
}

static struct espnic_ike_conn *find_conn(struct espnic_ike *ike, const char *name)
{
	for (size_t i = 0; i < ike->n_conns; i++)
		if (strcmp(ike->conns[i]->name, name) == 0)
			return ike->conns[i];
	return NULL;
}

/* An SA of @conn that lives, or comes to life; NULL. */
static struct espnic_ike_sa *find_sa(struct espnic_ike *ike, const struct espnic_ike_conn *conn)
{
	struct espnic_ike_sa *sa = ike->first;

	while (sa && (sa->conn != conn || sa->want_delete || sa->half_open ||
		      (sa->state != ESPNIC_IKE_ST_UP && sa->state != ESPNIC_IKE_ST_INIT_SENT && sa->state != ESPNIC_IKE_ST_MID_SENT &&
		       sa->state != ESPNIC_IKE_ST_AUTH_SENT)))
		sa = sa->next;
	return sa;
}

static bool begin(struct espnic_ike_sa *sa, const struct espnic_ike_addr *local)
{
	const struct espnic_ike_conn *conn = sa->conn;

	sa->state = ESPNIC_IKE_ST_INIT_SENT;
	sa->remote.addr = conn->remote[0].addr;
	sa->remote.port = conn->remote_port ? conn->remote_port : ESPNIC_IKE_PORT;
	sa->local.addr = local->family ? *local : conn->local[0].addr;
	sa->local.port = conn->local_port ? conn->local_port : ESPNIC_IKE_PORT;
	sa->natt = sa->local.port == ESPNIC_IKE_PORT_NATT;
	sa->suite.ke = espnic_ike_alg(ESPNIC_IKE_KE, espnic_ike_first_ke(conn->proposals, conn->n_proposals), 0);
	sa->mine = espnic_ike_exchange_new(ESPNIC_IKE_REQ_INIT);
	return sa->mine && espnic_ike_nonce_draw(sa->ike, &sa->mine->ni);
}

/* A new SA for @conn, that has not sent anything yet. NULL: and that was told. */
static struct espnic_ike_sa *new_sa(struct espnic_ike *ike, struct espnic_ike_conn *conn, const struct espnic_ike_addr *local)
{
	struct espnic_ike_sa *sa;

	if (!conn->n_remote || !espnic_ike_net_one(&conn->remote[0])) {
		complain(ike, conn->name, NULL, "no_remote the connection names no one address to begin with");
		return NULL;
	}
	if (!local->family && (!conn->n_local || !espnic_ike_net_one(&conn->local[0]))) {
		complain(ike, conn->name, NULL, "no_local our own address towards the peer is not known");
		return NULL;
	}
	if (conn->ppk_required && conn->ppk_id.type == ESPNIC_IKE_ID_ANY) {
		complain(ike, conn->name, NULL, "no_ppk ppk_required is set, and there is no ppk_id to begin with");
		return NULL;
	}
	sa = espnic_ike_sa_new(ike, conn, true, 0);
	if (sa && begin(sa, local))
		return sa;
	ike->count.no_memory++;
	if (sa)
		espnic_ike_sa_end(sa);
	return NULL;
}

void espnic_ike_plan(struct espnic_ike_sa *sa, struct espnic_ike_conn *conn, const struct espnic_ike_child_conf *conf, uint32_t seq)
{
	struct espnic_ike_child *c;

	for (c = sa->children; c; c = c->next)
		if (c->conf == conf && c->state <= ESPNIC_IKE_CHILD_INSTALLED && !c->want_delete && !c->replaces)
			break;
	if (c && (c->state != ESPNIC_IKE_CHILD_INSTALLED || seq || c->successor)) {
		complain(sa->ike, conn->name, conf->name, "there_already it is, or is being made");
		return;
	}
	c = espnic_ike_child_new(sa, conn, conf);
	if (!c) {
		sa->ike->count.no_memory++;
		complain(sa->ike, conn->name, conf->name, "no_memory or too many children");
		return;
	}
	c->seq = seq;
	espnic_ike_sa_touch(sa);
}

void espnic_ike_initiate(struct espnic_ike *ike, const char *name, const char *child, const struct espnic_ike_addr *local,
			 uint32_t seq)
{
	struct espnic_ike_conn *conn = find_conn(ike, name);
	struct espnic_ike_sa *sa;

	if (!conn || (child && !espnic_ike_child_conf(conn, child))) {
		complain(ike, name, child, "unknown no such connection or child");
		return;
	}
	sa = find_sa(ike, conn);
	if (!sa) {
		sa = new_sa(ike, conn, local);
		if (!sa)
			return;
	}
	for (uint32_t i = 0; i < conn->n_children; i++) {
		const struct espnic_ike_child_conf *conf = &conn->children[i];

		if (child ? strcmp(conf->name, child) == 0 : conf->start == ESPNIC_IKE_START)
			espnic_ike_plan(sa, conn, conf, seq);
	}
	if (sa->state != ESPNIC_IKE_ST_INIT_SENT || sa->request)
		return;
	if (sa->children) {
		espnic_ike_init_send(sa);
		return;
	}
	complain(ike, name, NULL, "no_child none of the connection is to be started");
	espnic_ike_sa_end(sa);
}

void espnic_ike_again(struct espnic_ike_sa *sa)
{
	bool connecting = sa->state != ESPNIC_IKE_ST_UP;
	struct espnic_ike_conn *conn = sa->conn;
	struct espnic_ike *ike = sa->ike;
	struct espnic_ike_sa *fresh = NULL;

	if (!conn || find_conn(ike, conn->name) != conn)
		return;		/* there was none, it was unloaded, or is another now */
	if (connecting && conn->keyingtries && sa->tries + 1 >= conn->keyingtries)
		return;
	for (struct espnic_ike_child *c = sa->children; c; c = c->next) {
		if (!(connecting ? !c->want_delete : c->told && c->conf->dpd == ESPNIC_IKE_START))
			continue;
		if (!fresh)
			fresh = new_sa(ike, conn, &sa->local.addr);
		if (!fresh)
			return;
		espnic_ike_plan(fresh, c->conn, c->conf, c->seq);
	}
	if (!fresh)
		return;
	fresh->tries = connecting ? sa->tries + 1 : 0;
	if (fresh->children)
		espnic_ike_init_send(fresh);
	else
		espnic_ike_sa_end(fresh);
}
