// SPDX-License-Identifier: BSD-2-Clause
/*
 * CREATE_CHILD_SA for children, new ones and instead of others, both roles: RFC 7296 1.3.1, 1.3.3, and what
 * happens when both sides do it at once (2.8.1, 2.25.1).
 */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "sa.h"

enum {
	RETRY_MS = 2000, RETRY_SPREAD_MS = 1000,	/* after TEMPORARY_FAILURE */
};

/* ------------------------------------------------------------------ nonces */

bool espnic_ike_nonce_less(const struct espnic_ike_nonce *a, const struct espnic_ike_nonce *b)
{
	size_t len = a->len < b->len ? a->len : b->len;
	int order = memcmp(a->bytes, b->bytes, len);

	return order ? order < 0 : a->len < b->len;
}

const struct espnic_ike_nonce *espnic_ike_lower(const struct espnic_ike_nonce *a, const struct espnic_ike_nonce *b)
{
	return espnic_ike_nonce_less(b, a) ? b : a;
}

/* ------------------------------------------------------------------ responder */

static void refuse(struct espnic_ike_sa *sa, enum espnic_ike_notify_type type)
{
	bool followed = sa->theirs->chain;

	espnic_ike_respond_notify(sa, followed ? ESPNIC_IKE_FOLLOWUP_KE : ESPNIC_IKE_CREATE_CHILD_SA, type, NULL, 0);
}

void espnic_ike_refuse_request(struct espnic_ike_sa *sa, struct espnic_ike_msg *m)
{
	espnic_ike_respond_notify(sa, (enum espnic_ike_exchange)m->hdr.exchange, ESPNIC_IKE_N_TEMPORARY_FAILURE, NULL, 0);
}

/* Being closed, replaced already, or not there yet: 2.25.1. */
static bool busy(const struct espnic_ike_child *old)
{
	return old->want_delete || old->successor || old->state != ESPNIC_IKE_CHILD_INSTALLED;
}

/* The child to be replaced. False: the request was refused for it. */
static bool find_old(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m, struct espnic_ike_child **old)
{
	const struct espnic_ike_notify *n = espnic_ike_notify(m, ESPNIC_IKE_N_REKEY_SA);
	struct espnic_ike_wr w;

	*old = NULL;
	if (!n)
		return true;
	*old = n->proto == ESPNIC_IKE_PROTO_ESP && n->spi_len == 4 ? espnic_ike_child_by_out(sa, n->spi) : NULL;
	if (!*old) {
		w = espnic_ike_writer(sa->ike);
		espnic_ike_wr_notify_esp(&w, ESPNIC_IKE_N_CHILD_SA_NOT_FOUND, n->spi);
		espnic_ike_respond(sa, ESPNIC_IKE_CREATE_CHILD_SA, &w);
		return false;
	}
	if (busy(*old)) {
		refuse(sa, ESPNIC_IKE_N_TEMPORARY_FAILURE);
		return false;
	}
	return true;
}

bool espnic_ike_create_ke(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m, const struct espnic_ike_alg *group,
			  struct espnic_ike_shared *shared)
{
	struct espnic_ike_ke_value ours;

	shared->len = 0;
	if (!group)
		return true;
	if (!espnic_ike_has(m, ESPNIC_IKE_P_KE) || m->ke_group != group->id) {
		uint8_t id[2] = { (uint8_t)(group->id >> 8), (uint8_t)group->id };

		sa->ike->count.ke_invalid++;
		espnic_ike_respond_notify(sa, ESPNIC_IKE_CREATE_CHILD_SA, ESPNIC_IKE_N_INVALID_KE_PAYLOAD, id, sizeof(id));
		return false;
	}
	sa->theirs->ke.alg = group;
	if (!espnic_ike_ke_respond(group, m->ke, &ours, shared) || !espnic_ike_blob_set(&sa->theirs->ke_ours, ours.bytes, ours.len)) {
		sa->ike->count.ke_invalid++;
		refuse(sa, ESPNIC_IKE_N_INVALID_SYNTAX);
		return false;
	}
	return true;
}

/* 2.25.2: is the IKE SA itself being replaced or closed by us? */
static bool going(const struct espnic_ike_sa *sa)
{
	return sa->mine && (sa->mine->kind == ESPNIC_IKE_REQ_REKEY || sa->mine->kind == ESPNIC_IKE_REQ_DELETE);
}

/* Is our rekey of the child that the peer replaces with @x under way? Its answer may come before the kernel's does. */
static void note_rival(struct espnic_ike_sa *sa, const struct espnic_ike_exchange_state *x)
{
	struct espnic_ike_exchange_state *mine = sa->mine;

	if (!x->rekeyed || !mine || mine->kind != ESPNIC_IKE_REQ_CHILD || mine->rekeyed != x->rekeyed)
		return;
	mine->rival = x->child;
	mine->rival_nonce = *espnic_ike_lower(&x->ni, &x->nr);
	sa->ike->count.collisions++;
}

/* All that the peer had to give is there: into the kernel with it, then the answer. */
static void install_child(struct espnic_ike_sa *sa, struct espnic_ike_child *c, const struct espnic_ike_secrets *secrets)
{
	struct espnic_ike_exchange_state *x = sa->theirs;

	x->wait = ESPNIC_IKE_WAIT_KERNEL;
	note_rival(sa, x);
	if (espnic_ike_child_install(c, x, secrets, x->rekeyed ? ESPNIC_IKE_KERNEL_INSTALL_IN : ESPNIC_IKE_KERNEL_INSTALL))
		return;
	sa->ike->count.no_memory++;
	espnic_ike_child_end(c, NULL);
	refuse(sa, ESPNIC_IKE_N_NO_ADDITIONAL_SAS);
}

static void write_child(struct espnic_ike_child *c, struct espnic_ike_wr *w, const struct espnic_ike_exchange_state *x)
{
	struct espnic_ike_ke_value v = { .len = x->ke_ours.len };

	espnic_ike_child_answer(c, w, ESPNIC_IKE_WITH_KE);
	espnic_ike_wr_payload(w, ESPNIC_IKE_P_NONCE, x->nr.bytes, x->nr.len);
	if (c->suite.ke) {
		memcpy(v.bytes, x->ke_ours.p, x->ke_ours.len);
		espnic_ike_write_ke(w, c->suite.ke, &v);
	}
}

/* The answer that is only the first: more key exchanges come. */
static void answer_first(struct espnic_ike_sa *sa, struct espnic_ike_child *c, struct espnic_ike_shared *shared)
{
	struct espnic_ike_exchange_state *x = sa->theirs;
	struct espnic_ike_wr w = espnic_ike_writer(sa->ike);
	struct espnic_ike_chain *chain = espnic_ike_chain_new(sa->ike, &c->suite, shared);

	if (!chain) {
		sa->ike->count.no_memory++;
		espnic_ike_child_end(c, NULL);
		refuse(sa, ESPNIC_IKE_N_NO_ADDITIONAL_SAS);
		return;
	}
	x->chain = chain;
	x->kind = ESPNIC_IKE_REQ_CHILD;
	write_child(c, &w, x);
	espnic_ike_write_link(&w, chain);
	espnic_ike_pending_set(sa);
	espnic_ike_respond(sa, ESPNIC_IKE_CREATE_CHILD_SA, &w);
}

static void make_child(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m, struct espnic_ike_child *old)
{
	struct espnic_ike_exchange_state *x = sa->theirs;
	struct espnic_ike_secrets secrets;
	struct espnic_ike_shared shared;
	struct espnic_ike_child *c;
	unsigned int at = 0;
	uint16_t notify;

	c = espnic_ike_child_select(sa, m, ESPNIC_IKE_WITH_KE, old, &notify);
	if (!c) {
		refuse(sa, notify);
		return;
	}
	if (!espnic_ike_create_ke(sa, m, c->suite.ke, &shared)) {
		espnic_ike_child_end(c, NULL);
		return;
	}
	c->replaces = old ? old->spi_in : 0;
	x->child = c->spi_in;
	x->rekeyed = c->replaces;
	if (!espnic_ike_nonce_take(&x->ni, m->nonce) || !espnic_ike_nonce_draw(sa->ike, &x->nr)) {
		espnic_ike_child_end(c, NULL);
		refuse(sa, ESPNIC_IKE_N_NO_ADDITIONAL_SAS);
	} else if (espnic_ike_next_addke(&c->suite, &at)) {
		answer_first(sa, c, &shared);
	} else {
		secrets = espnic_ike_secret(&shared);
		install_child(sa, c, &secrets);
	}
	OPENSSL_cleanse(&shared, sizeof(shared));
}

void espnic_ike_create_finish(struct espnic_ike_sa *sa)
{
	struct espnic_ike_exchange_state *x = sa->theirs;
	struct espnic_ike_child *c = espnic_ike_child_by_in(sa->ike, x->child), *old = espnic_ike_child_by_in(sa->ike, x->rekeyed);

	if (!c || c->sa != sa) {
		refuse(sa, ESPNIC_IKE_N_STATE_NOT_FOUND);
	} else if (going(sa) || (x->rekeyed && (!old || busy(old)))) {
		/* What was there when it began is not, or not for long. */
		espnic_ike_child_end(c, NULL);
		refuse(sa, ESPNIC_IKE_N_TEMPORARY_FAILURE);
	} else {
		install_child(sa, c, &x->chain->secrets);
	}
}

void espnic_ike_create_request(struct espnic_ike_sa *sa, struct espnic_ike_msg *m)
{
	struct espnic_ike_child *old;
	struct espnic_ike_offer offer;

	if (!espnic_ike_has(m, ESPNIC_IKE_P_SA) || !espnic_ike_has(m, ESPNIC_IKE_P_NONCE) || !espnic_ike_offer_read(&offer, m->sa)) {
		refuse(sa, ESPNIC_IKE_N_INVALID_SYNTAX);
		return;
	}
	if (offer.v[0].proto == ESPNIC_IKE_PROTO_IKE) {
		espnic_ike_rekey_request(sa, m);
		return;
	}
	if (going(sa)) {
		refuse(sa, ESPNIC_IKE_N_TEMPORARY_FAILURE);
		return;
	}
	if (find_old(sa, m, &old))
		make_child(sa, m, old);
}

/* The peer's rekey of @old, unless NULL, is answered. */
static void replaced(struct espnic_ike_child *old, uint32_t by)
{
	/* Ours of the same has won meanwhile, and closes it. */
	if (!old || old->state != ESPNIC_IKE_CHILD_INSTALLED || old->want_delete)
		return;
	old->successor = by;
	old->rekey_at = ESPNIC_IKE_NEVER;
	old->want_rekey = false;
}

void espnic_ike_create_done(struct espnic_ike_sa *sa, struct espnic_ike_child *c)
{
	struct espnic_ike_exchange_state *x = sa->theirs;
	struct espnic_ike_wr w = espnic_ike_writer(sa->ike);
	struct espnic_ike_child *old;

	old = espnic_ike_child_by_in(sa->ike, x->rekeyed);
	if (!c) {
		espnic_ike_child_not_replaced(old);
		refuse(sa, ESPNIC_IKE_N_NO_ADDITIONAL_SAS);
		return;
	}
	replaced(old, x->child);
	if (x->chain) {
		espnic_ike_followup_answer(sa, x, false);
	} else {
		write_child(c, &w, x);
		espnic_ike_respond(sa, ESPNIC_IKE_CREATE_CHILD_SA, &w);
	}
	/* The one to be replaced went meanwhile: nothing is left to wait for. */
	if (sa->state != ESPNIC_IKE_ST_DEAD && c->replaces && !old)
		espnic_ike_child_install_out(c);
}

/* ------------------------------------------------------------------ initiator */

void espnic_ike_create_send(struct espnic_ike_sa *sa, struct espnic_ike_child *c, struct espnic_ike_child *old)
{
	struct espnic_ike_exchange_state *x = sa->mine;
	const struct espnic_ike_child_conf *conf = c->conf;
	const struct espnic_ike_alg *group = x->ke.alg;
	struct espnic_ike_wr w = espnic_ike_writer(sa->ike);
	struct espnic_ike_ke_value ke;

	if (!group)
		group = espnic_ike_alg(ESPNIC_IKE_KE, espnic_ike_first_ke(conf->proposals, conf->n_proposals), 0);
	espnic_ike_ke_free(&x->ke);
	x->child = c->spi_in;
	x->rekeyed = old ? old->spi_in : 0;
	c->replaces = x->rekeyed;
	if ((!x->ni.len && !espnic_ike_nonce_draw(sa->ike, &x->ni)) || (group && !espnic_ike_ke_start(&x->ke, group, &ke))) {
		espnic_ike_exchange_free(&sa->mine);
		espnic_ike_child_failed(c, NULL);
		return;
	}
	if (old)
		espnic_ike_wr_notify_esp(&w, ESPNIC_IKE_N_REKEY_SA, old->spi_in);
	espnic_ike_child_offer(c, &w, ESPNIC_IKE_WITH_KE);
	espnic_ike_wr_payload(&w, ESPNIC_IKE_P_NONCE, x->ni.bytes, x->ni.len);
	if (group)
		espnic_ike_write_ke(&w, group, &ke);
	x->init_tries++;
	espnic_ike_ask(sa, ESPNIC_IKE_CREATE_CHILD_SA, &w);
}

/* Our rekey of @old came to nothing. */
static void rekey_failed(struct espnic_ike_sa *sa, struct espnic_ike_child *old, const struct espnic_ike_notify *error)
{
	if (!old || old->successor || old->want_delete)
		return;
	if (error && error->type == ESPNIC_IKE_N_CHILD_SA_NOT_FOUND) {
		espnic_ike_child_lost(old);
		return;
	}
	/* It is tried again and again, and ends at its hard limit: somebody has to hear why. */
	if (error && error->type != ESPNIC_IKE_N_TEMPORARY_FAILURE)
		espnic_ike_event_peer(sa->ike, sa, &sa->remote, espnic_ike_say(sa->ike, "rekey_refused %s", espnic_ike_notify_name(error->type)));
	old->state = ESPNIC_IKE_CHILD_INSTALLED;
	old->rekey_at = espnic_ike_after_ms(sa->ike, RETRY_MS + RETRY_SPREAD_MS, RETRY_SPREAD_MS);
}

/* Another group, if the peer wants one that is ours. True: asked again. */
static bool other_group(struct espnic_ike_sa *sa, struct espnic_ike_child *c, const struct espnic_ike_notify *error)
{
	struct espnic_ike_exchange_state *x = sa->mine;
	unsigned int id = error->data.len == 2 ? (unsigned int)error->data.p[0] << 8 | error->data.p[1] : 0;

	if (x->init_tries >= ESPNIC_IKE_INIT_TRIES || !id || !espnic_ike_has_ke(c->conf->proposals, c->conf->n_proposals, id))
		return false;
	x->ke.alg = espnic_ike_alg(ESPNIC_IKE_KE, id, 0);
	espnic_ike_create_send(sa, c, espnic_ike_child_by_in(sa->ike, x->rekeyed));
	return true;
}

static void create_refused(struct espnic_ike_sa *sa, struct espnic_ike_child *c, const struct espnic_ike_notify *error)
{
	struct espnic_ike_child *old = espnic_ike_child_by_in(sa->ike, sa->mine->rekeyed);

	if (error && error->type == ESPNIC_IKE_N_INVALID_KE_PAYLOAD && !sa->mine->chain && other_group(sa, c, error))
		return;
	espnic_ike_exchange_free(&sa->mine);
	if (!old && error && error->type == ESPNIC_IKE_N_TEMPORARY_FAILURE && !c->want_delete && !c->replaces) {
		c->rekey_at = espnic_ike_after_ms(sa->ike, RETRY_MS + RETRY_SPREAD_MS, RETRY_SPREAD_MS);
		return;
	}
	rekey_failed(sa, old, error);
	if (c->replaces)
		espnic_ike_child_end(c, NULL);
	else
		espnic_ike_child_failed(c, error);
}

/* Both sides replaced the same child: the one with the lowest nonce of all goes, and by whom it was made (2.8.1). */
static bool lost_to_rival(struct espnic_ike_sa *sa, const struct espnic_ike_exchange_state *x)
{
	struct espnic_ike_child *rival = espnic_ike_child_by_in(sa->ike, (uint32_t)x->rival);

	return rival && espnic_ike_nonce_less(espnic_ike_lower(&x->ni, &x->nr), &x->rival_nonce);
}

static bool finish_ke(struct espnic_ike_exchange_state *x, const struct espnic_ike_child *c, const struct espnic_ike_msg *m,
		      struct espnic_ike_shared *shared)
{
	shared->len = 0;
	if (!c->suite.ke)
		return true;
	return c->suite.ke == x->ke.alg && espnic_ike_has(m, ESPNIC_IKE_P_KE) && m->ke_group == c->suite.ke->id &&
	       espnic_ike_ke_finish(&x->ke, m->ke, shared);
}

/* All is agreed on: it goes into the kernel, unless the peer's own stays. */
static void child_made(struct espnic_ike_sa *sa, struct espnic_ike_child *c, const struct espnic_ike_secrets *secrets)
{
	struct espnic_ike_exchange_state *x = sa->mine;
	struct espnic_ike_child *old = espnic_ike_child_by_in(sa->ike, x->rekeyed);

	if (lost_to_rival(sa, x)) {
		c->want_delete = true;
		return;
	}
	if (old) {
		c->reqid = old->reqid;
		old->successor = 0;
	}
	if (!c->want_delete && !espnic_ike_child_install(c, x, secrets, ESPNIC_IKE_KERNEL_INSTALL))
		espnic_ike_child_refused(c, "no_memory");
}

/* True: the exchange is over. */
static bool create_accepted(struct espnic_ike_sa *sa, struct espnic_ike_child *c, const struct espnic_ike_msg *m)
{
	struct espnic_ike_exchange_state *x = sa->mine;
	struct espnic_ike_secrets secrets;
	struct espnic_ike_shared shared;
	unsigned int at = 0;

	if (!espnic_ike_child_accept(c, m, ESPNIC_IKE_WITH_KE) || !espnic_ike_nonce_take(&x->nr, m->nonce) ||
	    !finish_ke(x, c, m, &shared)) {
		rekey_failed(sa, espnic_ike_child_by_in(sa->ike, x->rekeyed), NULL);
		espnic_ike_child_refused(c, "not_offered the peer chose what was not offered");
		return true;
	}
	if (espnic_ike_next_addke(&c->suite, &at)) {
		x->chain = espnic_ike_chain_new(sa->ike, &c->suite, &shared);
		if (x->chain && espnic_ike_take_link(x->chain, m) && espnic_ike_followup_send(sa))
			return false;
		create_refused(sa, c, NULL);
		return true;
	}
	secrets = espnic_ike_secret(&shared);
	child_made(sa, c, &secrets);
	OPENSSL_cleanse(&shared, sizeof(shared));
	return true;
}

void espnic_ike_create_followed(struct espnic_ike_sa *sa, bool good, const struct espnic_ike_notify *error)
{
	struct espnic_ike_child *c = espnic_ike_child_by_in(sa->ike, sa->mine->child);

	if (c && c->sa == sa && !good) {
		create_refused(sa, c, error);
		return;
	}
	if (c && c->sa == sa)
		child_made(sa, c, &sa->mine->chain->secrets);
	espnic_ike_exchange_free(&sa->mine);
}

void espnic_ike_create_response(struct espnic_ike_sa *sa, struct espnic_ike_msg *m)
{
	const struct espnic_ike_notify *error = espnic_ike_notify_error(m);
	struct espnic_ike_child *c;

	if (sa->mine->kind == ESPNIC_IKE_REQ_REKEY) {
		espnic_ike_rekey_response(sa, m);
		return;
	}
	c = espnic_ike_child_by_in(sa->ike, sa->mine->child);
	if (!c || c->sa != sa) {
		espnic_ike_exchange_free(&sa->mine);
		return;
	}
	if (error || !espnic_ike_has(m, ESPNIC_IKE_P_SA) || !espnic_ike_has(m, ESPNIC_IKE_P_NONCE)) {
		create_refused(sa, c, error);
		return;
	}
	if (create_accepted(sa, c, m))
		espnic_ike_exchange_free(&sa->mine);
}
