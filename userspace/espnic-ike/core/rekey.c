// SPDX-License-Identifier: BSD-2-Clause
/*
 * A new IKE SA in the place of one, both roles: RFC 7296 1.3.2, 2.18, and both sides at once (2.8.2, 2.25.2).
 */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "sa.h"

enum {
	RETRY_MS = 5000, RETRY_SPREAD_MS = 3000,
	GRACE_MS = 30000,		/* how long the one replaced waits for its deletion by the peer */
	SPI_IKE = 8,
};

void espnic_ike_inherit(struct espnic_ike_sa *to, struct espnic_ike_sa *from)
{
	struct espnic_ike_child **at = &to->children;

	espnic_ike_pending_drop(from);
	while (*at)
		at = &(*at)->next;
	*at = from->children;
	for (struct espnic_ike_child *c = from->children; c; c = c->next)
		c->sa = to;
	to->n_children += from->n_children;
	from->children = NULL;
	from->n_children = 0;
	to->vips = from->vips;
	from->vips = NULL;
	espnic_ike_table_del(&from->ike->by_peer, &from->by_peer);
	to->told = from->told;
	from->told = false;
	espnic_ike_event_sa(to, ESPNIC_IKE_EV_IKE_REKEYED, NULL)->old_id = from->id;
	from->rekey_at = from->alive_at = ESPNIC_IKE_NEVER;
	espnic_ike_sa_touch(to);
	espnic_ike_sa_touch(from);
}

/* The peer has to delete it; if it does not, it goes without. */
static void retire(struct espnic_ike_sa *sa)
{
	sa->state = ESPNIC_IKE_ST_REKEYED;
	sa->over_at = sa->ike->now + GRACE_MS;
}

/* A new SA like @old, with keys of its own. NULL: no memory. */
static struct espnic_ike_sa *make_new(struct espnic_ike_sa *old, bool initiator, uint64_t own_spi,
				      const struct espnic_ike_suite *suite, const struct espnic_ike_exchange_state *x,
				      const struct espnic_ike_secrets *secrets)
{
	struct espnic_ike *ike = old->ike;
	struct espnic_ike_chunk ni = { x->ni.bytes, x->ni.len }, nr = { x->nr.bytes, x->nr.len };
	struct espnic_ike_sa *sa = espnic_ike_sa_new(ike, old->conn, initiator, own_spi);

	if (!sa)
		return NULL;
	*(initiator ? &sa->spi_r : &sa->spi_i) = suite->spi;
	sa->suite = *suite;
	sa->local = old->local;
	sa->remote = old->remote;
	sa->natt = old->natt;
	sa->nat_local = old->nat_local;
	sa->nat_remote = old->nat_remote;
	sa->peer_fragments = old->peer_fragments;
	sa->peer_hashes = old->peer_hashes;
	sa->ppk = old->ppk;
	sa->mobike = old->mobike;
	sa->leads = old->leads;
	sa->homeless = old->homeless;
	sa->was_local = old->was_local;
	sa->was_remote = old->was_remote;
	sa->local_id = espnic_ike_id_dup(old->local_id);
	sa->remote_id = espnic_ike_id_dup(old->remote_id);
	sa->keys = espnic_ike_derive(&ike->crypto, suite, old->keys, old->suite.prf,
				     secrets, ni, nr, sa->spi_i, sa->spi_r);
	sa->state = ESPNIC_IKE_ST_UP;
	if (!sa->local_id || !sa->remote_id || !sa->keys || !espnic_ike_sa_known(sa)) {
		espnic_ike_sa_end(sa);
		return NULL;
	}
	espnic_ike_sa_times(sa);
	espnic_ike_log_keys(sa);
	return sa;
}

/* ------------------------------------------------------------------ responder */

static void refuse(struct espnic_ike_sa *sa, enum espnic_ike_notify_type type)
{
	bool followed = sa->theirs->chain;

	espnic_ike_respond_notify(sa, followed ? ESPNIC_IKE_FOLLOWUP_KE : ESPNIC_IKE_CREATE_CHILD_SA, type, NULL, 0);
}

/* 2.25.2: may the peer replace the SA just now? */
static bool may_rekey(const struct espnic_ike_sa *sa)
{
	if (sa->want_delete || (sa->mine && sa->mine->kind != ESPNIC_IKE_REQ_REKEY && sa->mine->kind != ESPNIC_IKE_REQ_ALIVE) ||
	    sa->was_remote.addr.family)
		return false;
	return !sa->mine || !sa->mine->rival;
}

static void write_answer(struct espnic_ike_sa *sa, struct espnic_ike_wr *w, const struct espnic_ike_suite *suite, uint64_t spi)
{
	struct espnic_ike_exchange_state *x = sa->theirs;
	struct espnic_ike_ke_value v = { .len = x->ke_ours.len };

	memcpy(v.bytes, x->ke_ours.p, x->ke_ours.len);
	espnic_ike_suite_write(w, suite, ESPNIC_IKE_PROTO_IKE, ESPNIC_IKE_WITH_KE, spi, SPI_IKE);
	espnic_ike_wr_payload(w, ESPNIC_IKE_P_NONCE, x->nr.bytes, x->nr.len);
	espnic_ike_write_ke(w, suite->ke, &v);
}

static void answer(struct espnic_ike_sa *sa, struct espnic_ike_sa *fresh)
{
	struct espnic_ike_exchange_state *x = sa->theirs;
	struct espnic_ike_wr w = espnic_ike_writer(sa->ike);

	if (sa->mine && sa->mine->kind == ESPNIC_IKE_REQ_REKEY) {
		sa->mine->rival = fresh->id;
		sa->mine->rival_nonce = *espnic_ike_lower(&x->ni, &x->nr);
		sa->ike->count.collisions++;
	}
	if (x->chain) {
		espnic_ike_followup_answer(sa, x, false);
	} else {
		write_answer(sa, &w, &fresh->suite, fresh->spi_r);
		espnic_ike_respond(sa, ESPNIC_IKE_CREATE_CHILD_SA, &w);
	}
	if (sa->state == ESPNIC_IKE_ST_DEAD || (sa->mine && sa->mine->kind == ESPNIC_IKE_REQ_REKEY))
		return;
	espnic_ike_inherit(fresh, sa);
	retire(sa);
}

static void make_and_answer(struct espnic_ike_sa *sa, const struct espnic_ike_suite *suite, const struct espnic_ike_secrets *secrets)
{
	struct espnic_ike_sa *fresh = make_new(sa, false, sa->theirs->new_spi, suite, sa->theirs, secrets);

	if (fresh) {
		answer(sa, fresh);
		return;
	}
	sa->ike->count.no_memory++;
	refuse(sa, ESPNIC_IKE_N_TEMPORARY_FAILURE);
}

/* The answer that is only the first: more key exchanges come. */
static void answer_first(struct espnic_ike_sa *sa, const struct espnic_ike_suite *suite, struct espnic_ike_shared *shared)
{
	struct espnic_ike_exchange_state *x = sa->theirs;
	struct espnic_ike_wr w = espnic_ike_writer(sa->ike);
	struct espnic_ike_chain *chain = espnic_ike_chain_new(sa->ike, suite, shared);

	if (!chain) {
		sa->ike->count.no_memory++;
		refuse(sa, ESPNIC_IKE_N_TEMPORARY_FAILURE);
		return;
	}
	x->chain = chain;
	x->kind = ESPNIC_IKE_REQ_REKEY;
	write_answer(sa, &w, suite, x->new_spi);
	espnic_ike_write_link(&w, chain);
	espnic_ike_pending_set(sa);
	espnic_ike_respond(sa, ESPNIC_IKE_CREATE_CHILD_SA, &w);
}

void espnic_ike_rekey_finish(struct espnic_ike_sa *sa)
{
	if (may_rekey(sa))
		make_and_answer(sa, &sa->theirs->chain->suite, &sa->theirs->chain->secrets);
	else
		refuse(sa, ESPNIC_IKE_N_TEMPORARY_FAILURE);
}

void espnic_ike_rekey_request(struct espnic_ike_sa *sa, struct espnic_ike_msg *m)
{
	struct espnic_ike_exchange_state *x = sa->theirs;
	const struct espnic_ike_conn *conn = sa->conn;
	struct espnic_ike_shared shared;
	struct espnic_ike_suite suite;
	struct espnic_ike_offer offer;
	struct espnic_ike_secrets secrets;
	unsigned int at = 0;

	if (!may_rekey(sa)) {
		refuse(sa, ESPNIC_IKE_N_TEMPORARY_FAILURE);
		return;
	}
	if (!espnic_ike_offer_read(&offer, m->sa) ||
	    !espnic_ike_choose(&suite, conn->proposals, conn->n_proposals, &offer, ESPNIC_IKE_WITH_KE, m->ke_group) || !suite.spi) {
		sa->ike->count.no_proposal++;
		refuse(sa, ESPNIC_IKE_N_NO_PROPOSAL_CHOSEN);
		return;
	}
	if (!espnic_ike_create_ke(sa, m, suite.ke, &shared))
		return;
	if (!espnic_ike_nonce_take(&x->ni, m->nonce) || !espnic_ike_nonce_draw(sa->ike, &x->nr) || !espnic_ike_spi_draw(sa->ike, &x->new_spi)) {
		refuse(sa, ESPNIC_IKE_N_TEMPORARY_FAILURE);
	} else if (espnic_ike_next_addke(&suite, &at)) {
		answer_first(sa, &suite, &shared);
	} else {
		secrets = espnic_ike_secret(&shared);
		make_and_answer(sa, &suite, &secrets);
	}
	OPENSSL_cleanse(&shared, sizeof(shared));
}

/* ------------------------------------------------------------------ initiator */

void espnic_ike_rekey_send(struct espnic_ike_sa *sa)
{
	const struct espnic_ike_conn *conn = sa->conn;
	struct espnic_ike_wr w = espnic_ike_writer(sa->ike);
	struct espnic_ike_exchange_state *x = sa->mine;
	struct espnic_ike_ke_value ke;

	sa->want_rekey = false;
	if (!x)
		x = sa->mine = espnic_ike_exchange_new(ESPNIC_IKE_REQ_REKEY);
	if (x && !x->ke.alg)
		x->ke.alg = sa->suite.ke;
	if (!x || (!x->ni.len && !espnic_ike_nonce_draw(sa->ike, &x->ni)) ||
	    (!x->new_spi && !espnic_ike_spi_draw(sa->ike, &x->new_spi)) ||
	    !espnic_ike_ke_start(&x->ke, x->ke.alg, &ke)) {
		espnic_ike_exchange_free(&sa->mine);
		sa->rekey_at = espnic_ike_after_ms(sa->ike, RETRY_MS + RETRY_SPREAD_MS, RETRY_SPREAD_MS);
		return;
	}
	x->init_tries++;
	espnic_ike_offer_write(&w, conn->proposals, conn->n_proposals, ESPNIC_IKE_WITH_KE, x->new_spi, SPI_IKE);
	espnic_ike_wr_payload(&w, ESPNIC_IKE_P_NONCE, x->ni.bytes, x->ni.len);
	espnic_ike_write_ke(&w, x->ke.alg, &ke);
	espnic_ike_ask(sa, ESPNIC_IKE_CREATE_CHILD_SA, &w);
}

/* The peer's own rekey stands in for ours, which came to nothing. */
static bool adopt_rival(struct espnic_ike_sa *sa)
{
	struct espnic_ike_sa *rival = sa->mine->rival ? espnic_ike_sa_by_id(sa->ike, (uint32_t)sa->mine->rival) : NULL;

	if (!rival)
		return false;
	espnic_ike_inherit(rival, sa);
	retire(sa);
	return true;
}

static void rekey_refused(struct espnic_ike_sa *sa, const struct espnic_ike_notify *error)
{
	struct espnic_ike_exchange_state *x = sa->mine;

	if (error && error->type == ESPNIC_IKE_N_INVALID_KE_PAYLOAD && error->data.len == 2 && !x->chain && x->init_tries < ESPNIC_IKE_INIT_TRIES) {
		unsigned int id = (unsigned int)error->data.p[0] << 8 | error->data.p[1];

		if (espnic_ike_has_ke(sa->conn->proposals, sa->conn->n_proposals, id)) {
			espnic_ike_ke_free(&x->ke);
			x->ke.alg = espnic_ike_alg(ESPNIC_IKE_KE, id, 0);
			espnic_ike_rekey_send(sa);
			return;
		}
	}
	if (!adopt_rival(sa)) {
		sa->rekey_at = espnic_ike_after_ms(sa->ike, RETRY_MS + RETRY_SPREAD_MS, RETRY_SPREAD_MS);
		espnic_ike_event_sa(sa, ESPNIC_IKE_EV_NOTE, espnic_ike_say(sa->ike, "rekey_refused by %s",
									    error ? espnic_ike_notify_name(error->type) : "no word"));
	}
	espnic_ike_exchange_free(&sa->mine);
}

/* Takes the response's choice. False: it is not ours, or of no use. */
static bool accept(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m, struct espnic_ike_suite *suite,
		   struct espnic_ike_shared *shared)
{
	struct espnic_ike_exchange_state *x = sa->mine;
	const struct espnic_ike_conn *conn = sa->conn;
	struct espnic_ike_offer offer;

	return espnic_ike_has(m, ESPNIC_IKE_P_KE) && espnic_ike_offer_read(&offer, m->sa) &&
	       espnic_ike_accept(suite, conn->proposals, conn->n_proposals, &offer, ESPNIC_IKE_WITH_KE) && suite->spi &&
	       suite->ke == x->ke.alg && m->ke_group == suite->ke->id && espnic_ike_nonce_take(&x->nr, m->nonce) &&
	       espnic_ike_ke_finish(&x->ke, m->ke, shared);
}

/* Our rekey has an answer, of @suite and @secrets; NULL: it is of no use, though the peer has an SA by it. */
static void finish(struct espnic_ike_sa *sa, const struct espnic_ike_suite *suite, const struct espnic_ike_secrets *secrets)
{
	struct espnic_ike_exchange_state *x = sa->mine;
	struct espnic_ike_sa *fresh = suite ? make_new(sa, true, x->new_spi, suite, x, secrets) : NULL;
	struct espnic_ike_sa *rival = x->rival ? espnic_ike_sa_by_id(sa->ike, (uint32_t)x->rival) : NULL;

	if (!fresh) {
		if (!adopt_rival(sa))
			sa->want_delete = true;
	} else if (rival && espnic_ike_nonce_less(espnic_ike_lower(&x->ni, &x->nr), &x->rival_nonce)) {
		/* Ours has the lowest nonce of the four: we close it, and the peer closes the old one. */
		fresh->want_delete = true;
		adopt_rival(sa);
	} else {
		espnic_ike_inherit(fresh, sa);
		sa->state = ESPNIC_IKE_ST_REKEYED;
		sa->want_delete = true;
		if (rival)
			rival->over_at = sa->ike->now + GRACE_MS;
	}
	espnic_ike_exchange_free(&sa->mine);
	espnic_ike_sa_touch(sa);
}

void espnic_ike_rekey_followed(struct espnic_ike_sa *sa, bool good, const struct espnic_ike_notify *error)
{
	if (good)
		finish(sa, &sa->mine->chain->suite, &sa->mine->chain->secrets);
	else
		rekey_refused(sa, error);
}

void espnic_ike_rekey_response(struct espnic_ike_sa *sa, struct espnic_ike_msg *m)
{
	const struct espnic_ike_notify *error = espnic_ike_notify_error(m);
	struct espnic_ike_exchange_state *x = sa->mine;
	struct espnic_ike_secrets secrets;
	struct espnic_ike_shared shared;
	struct espnic_ike_suite suite;
	unsigned int at = 0;

	if (error || !espnic_ike_has(m, ESPNIC_IKE_P_SA) || !espnic_ike_has(m, ESPNIC_IKE_P_NONCE)) {
		rekey_refused(sa, error);
		return;
	}
	if (!accept(sa, m, &suite, &shared)) {
		finish(sa, NULL, NULL);
		return;
	}
	if (espnic_ike_next_addke(&suite, &at)) {
		x->chain = espnic_ike_chain_new(sa->ike, &suite, &shared);
		if (!x->chain || !espnic_ike_take_link(x->chain, m) || !espnic_ike_followup_send(sa))
			rekey_refused(sa, NULL);
		return;
	}
	secrets = espnic_ike_secret(&shared);
	finish(sa, &suite, &secrets);
	OPENSSL_cleanse(&shared, sizeof(shared));
}
