// SPDX-License-Identifier: BSD-2-Clause
/*
 * Additional key exchanges (RFC 9370), such as ML-KEM beside a group of old: in IKE_INTERMEDIATE (RFC 9242) between IKE_SA_INIT and
 * IKE_AUTH, and in IKE_FOLLOWUP_KE behind CREATE_CHILD_SA. Both roles.
 */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "sa.h"

enum {
	PENDING_MS = 30000,		/* how long a peer may take for its next one */
	FAILED_MS = 5000,
};

/* ------------------------------------------------------------------ secrets of several exchanges */

bool espnic_ike_chain_add(struct espnic_ike_chain *chain, struct espnic_ike_shared *shared)
{
	struct espnic_ike_secrets *s = &chain->secrets;
	uint8_t *p = s->n < 1 + ESPNIC_IKE_ADDKES ? espnic_ike_arena_get(&chain->crypto->arena, sizeof(shared->bytes)) : NULL;

	if (p) {
		memcpy(p, shared->bytes, shared->len);
		s->v[s->n++] = (struct espnic_ike_chunk){ p, shared->len };
	}
	OPENSSL_cleanse(shared, sizeof(*shared));
	return p;
}

void espnic_ike_chain_free(struct espnic_ike_chain *chain)
{
	if (!chain)
		return;
	for (unsigned int i = 0; i < chain->secrets.n; i++)
		espnic_ike_arena_put(&chain->crypto->arena, (void *)chain->secrets.v[i].p, ESPNIC_IKE_SHARED_MAX);
	free(chain);
}

struct espnic_ike_chain *espnic_ike_chain_new(struct espnic_ike *ike, const struct espnic_ike_suite *suite,
					      struct espnic_ike_shared *first)
{
	struct espnic_ike_chain *chain = calloc(1, sizeof(*chain));

	if (chain) {
		chain->crypto = &ike->crypto;
		chain->suite = *suite;
		chain->link_len = ESPNIC_IKE_LINK;
		if (espnic_ike_random(&ike->crypto, chain->link, ESPNIC_IKE_LINK) && espnic_ike_chain_add(chain, first))
			return chain;
		espnic_ike_chain_free(chain);
	}
	OPENSSL_cleanse(first, sizeof(*first));
	return NULL;
}

struct espnic_ike_secrets espnic_ike_secret(const struct espnic_ike_shared *shared)
{
	return (struct espnic_ike_secrets){ .n = shared->len ? 1 : 0, .v = { { shared->bytes, shared->len } } };
}

void espnic_ike_write_link(struct espnic_ike_wr *w, const struct espnic_ike_chain *chain)
{
	espnic_ike_wr_notify(w, ESPNIC_IKE_N_ADDITIONAL_KEY_EXCHANGE, chain->link, chain->link_len);
}

/* The peer's link, to be sent back with the next one. False: there is none, or too long a one. */
bool espnic_ike_take_link(struct espnic_ike_chain *chain, const struct espnic_ike_msg *m)
{
	const struct espnic_ike_notify *n = espnic_ike_notify(m, ESPNIC_IKE_N_ADDITIONAL_KEY_EXCHANGE);

	if (!n || n->data.len > sizeof(chain->link))
		return false;
	chain->link_len = (uint8_t)n->data.len;
	if (n->data.len)
		memcpy(chain->link, n->data.p, n->data.len);
	return true;
}

static void write_value(struct espnic_ike_wr *w, const struct espnic_ike_alg *alg, const struct espnic_ike_blob *v)
{
	size_t at = espnic_ike_wr_begin(w, ESPNIC_IKE_P_KE);

	espnic_ike_wr_be(w, alg->id, 2);
	espnic_ike_wr_be(w, 0, 2);
	espnic_ike_wr_bytes(w, v->p, v->len);
	espnic_ike_wr_end(w, at);
}

static bool has_ke(const struct espnic_ike_msg *m, const struct espnic_ike_alg *alg)
{
	return alg && espnic_ike_has(m, ESPNIC_IKE_P_KE) && m->ke_group == alg->id;
}

/* ------------------------------------------------------------------ IKE_INTERMEDIATE: what AUTH is over */

/*
 * RFC 9242 3.3.2: prf(SK_p of @side, what there was | header, SK header | @len bytes of payloads at @p), as if the message had not been in
 * fragments; with lengths that leave out IV, padding and ICV.
 */
static bool add_auth(struct espnic_ike_sa *sa, enum espnic_ike_side side, uint8_t version, uint8_t flags, uint32_t id,
		     uint8_t first, const uint8_t *p, size_t len)
{
	struct espnic_ike_exchange_state *x = sa->mine;
	uint8_t head[ESPNIC_IKE_HEADER + ESPNIC_IKE_GENERIC], mac[ESPNIC_IKE_MAC];
	struct espnic_ike_hdr hdr = { .spi_i = sa->spi_i, .spi_r = sa->spi_r, .next = ESPNIC_IKE_P_SK,
				      .exchange = ESPNIC_IKE_INTERMEDIATE, .flags = flags, .id = id };
	struct espnic_ike_wr w = espnic_ike_wr(head, sizeof(head));
	struct espnic_ike_chunk in[3] = { { x->mid_auth[side], x->mid ? sa->suite.prf->out : 0u }, { head, sizeof(head) }, { p, len } };

	espnic_ike_hdr_write(&w, &hdr);
	espnic_ike_wr_patch(&w, ESPNIC_IKE_VERSION_AT, version, 1);
	espnic_ike_wr_patch(&w, ESPNIC_IKE_LENGTH_AT, sizeof(head) + len, 4);
	espnic_ike_wr_be(&w, first, 1);
	espnic_ike_wr_be(&w, 0, 1);
	espnic_ike_wr_be(&w, ESPNIC_IKE_GENERIC + len, 2);
	if (!espnic_ike_hmac(&sa->ike->crypto, sa->suite.prf, espnic_ike_sk_p(sa->keys, side), sa->keys->p, in, 3, mac))
		return false;
	memcpy(x->mid_auth[side], mac, sa->suite.prf->out);
	return true;
}

static uint8_t flags_of(enum espnic_ike_side from, bool response)
{
	return (from == ESPNIC_IKE_I ? ESPNIC_IKE_F_INITIATOR : 0) | (response ? ESPNIC_IKE_F_RESPONSE : 0);
}

/* Ours, as it goes out. */
static bool add_ours(struct espnic_ike_sa *sa, const struct espnic_ike_wr *w, uint32_t id)
{
	enum espnic_ike_side side = espnic_ike_own_side(sa);

	return !w->full && add_auth(sa, side, ESPNIC_IKE_VERSION, flags_of(side, side == ESPNIC_IKE_R), id, w->first, w->p, w->len);
}

/* The peer's, as it came; it was kept. */
static bool add_theirs(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m, const struct espnic_ike_exchange_state *x)
{
	enum espnic_ike_side side = sa->initiator ? ESPNIC_IKE_R : ESPNIC_IKE_I;

	return add_auth(sa, side, m->hdr.version, m->hdr.flags, m->hdr.id, x->inner_first, x->inner.p, x->inner.len);
}

/* Keys with one secret more, in the place of those there are. */
static bool rekeyed(struct espnic_ike_sa *sa, struct espnic_ike_shared *shared)
{
	struct espnic_ike_crypto *c = &sa->ike->crypto;
	struct espnic_ike_exchange_state *x = sa->mine;
	struct espnic_ike_secrets secrets = espnic_ike_secret(shared);
	struct espnic_ike_keys *keys;

	keys = espnic_ike_derive(c, &sa->suite, sa->keys, sa->suite.prf, &secrets, (struct espnic_ike_chunk){ x->ni.bytes, x->ni.len },
				 (struct espnic_ike_chunk){ x->nr.bytes, x->nr.len }, sa->spi_i, sa->spi_r);
	OPENSSL_cleanse(shared, sizeof(*shared));
	if (!keys)
		return false;
	espnic_ike_keys_free(c, sa->keys);
	sa->keys = keys;
	sa->counter = 0;
	espnic_ike_log_keys(sa);
	return true;
}

/* ------------------------------------------------------------------ IKE_INTERMEDIATE: initiator */

static void failed(struct espnic_ike_sa *sa, const char *text)
{
	sa->ike->count.ke_invalid++;
	espnic_ike_event_sa(sa, ESPNIC_IKE_EV_IKE_FAILED, text);
	espnic_ike_sa_end(sa);
}

void espnic_ike_mid_send(struct espnic_ike_sa *sa)
{
	struct espnic_ike_exchange_state *x = sa->mine;
	const struct espnic_ike_alg *alg = espnic_ike_next_addke(&sa->suite, &x->addke);
	struct espnic_ike_wr w = espnic_ike_writer(sa->ike);
	struct espnic_ike_ke_value ke;

	if (!alg) {
		sa->state = ESPNIC_IKE_ST_AUTH_SENT;
		espnic_ike_auth_begin(sa);
		return;
	}
	x->kind = ESPNIC_IKE_REQ_MID;
	sa->state = ESPNIC_IKE_ST_MID_SENT;
	if (!espnic_ike_ke_start(&x->ke, alg, &ke)) {
		failed(sa, espnic_ike_say(sa->ike, "no_ke libcrypto has no %s", alg->name));
		return;
	}
	espnic_ike_write_ke(&w, alg, &ke);
	if (add_ours(sa, &w, sa->next_out))
		espnic_ike_ask(sa, ESPNIC_IKE_INTERMEDIATE, &w);
	else
		failed(sa, "no_memory");
}

void espnic_ike_mid_response(struct espnic_ike_sa *sa, struct espnic_ike_msg *m)
{
	const struct espnic_ike_notify *error = espnic_ike_notify_error(m);
	struct espnic_ike_exchange_state *x = sa->mine;
	struct espnic_ike_shared shared;

	if (error) {
		failed(sa, espnic_ike_say(sa->ike, "refused by %s (%u)", espnic_ike_notify_name(error->type), error->type));
		return;
	}
	if (!has_ke(m, x->ke.alg) || !espnic_ike_ke_finish(&x->ke, m->ke, &shared)) {
		failed(sa, "ke_invalid the peer's value is none of the additional key exchange");
		return;
	}
	if (!add_theirs(sa, m, x) || !rekeyed(sa, &shared)) {
		OPENSSL_cleanse(&shared, sizeof(shared));
		failed(sa, "no_memory");
		return;
	}
	x->mid = true;
	x->addke++;
	espnic_ike_mid_send(sa);
}

/* ------------------------------------------------------------------ IKE_INTERMEDIATE: responder */

/* The peer gave nothing that could go on. */
static void refuse(struct espnic_ike_sa *sa, const char *text)
{
	sa->ike->count.ke_invalid++;
	espnic_ike_event_peer(sa->ike, sa, &sa->remote, text);
	espnic_ike_respond_notify(sa, ESPNIC_IKE_INTERMEDIATE, ESPNIC_IKE_N_INVALID_SYNTAX, NULL, 0);
	if (sa->state == ESPNIC_IKE_ST_DEAD)
		return;
	sa->state = ESPNIC_IKE_ST_FAILED;
	sa->over_at = sa->ike->now + FAILED_MS;
	espnic_ike_exchange_free(&sa->mine);
}

void espnic_ike_mid_request(struct espnic_ike_sa *sa, struct espnic_ike_msg *m)
{
	struct espnic_ike_exchange_state *x = sa->mine;
	const struct espnic_ike_alg *alg = espnic_ike_next_addke(&sa->suite, &x->addke);
	struct espnic_ike_wr w = espnic_ike_writer(sa->ike);
	struct espnic_ike_shared shared;
	struct espnic_ike_ke_value ke;

	if (!has_ke(m, alg) || !espnic_ike_ke_respond(alg, m->ke, &ke, &shared)) {
		refuse(sa, "ke_invalid the peer's value is none of the additional key exchange");
		return;
	}
	espnic_ike_write_ke(&w, alg, &ke);
	if (!add_theirs(sa, m, sa->theirs) || !add_ours(sa, &w, m->hdr.id)) {
		OPENSSL_cleanse(&shared, sizeof(shared));
		sa->ike->count.no_memory++;
		espnic_ike_sa_end(sa);
		return;
	}
	x->mid = true;
	x->addke++;
	/* The answer still goes by the keys of its question. */
	espnic_ike_respond(sa, ESPNIC_IKE_INTERMEDIATE, &w);
	if (sa->state != ESPNIC_IKE_ST_DEAD && !rekeyed(sa, &shared)) {
		sa->ike->count.no_memory++;
		espnic_ike_sa_end(sa);
	}
	OPENSSL_cleanse(&shared, sizeof(shared));
}

/* ------------------------------------------------------------------ IKE_FOLLOWUP_KE: responder */

void espnic_ike_pending_set(struct espnic_ike_sa *sa)
{
	espnic_ike_pending_drop(sa);
	sa->pending = sa->theirs;
	sa->theirs = NULL;
	sa->pending_at = sa->ike->now + PENDING_MS;
}

void espnic_ike_pending_drop(struct espnic_ike_sa *sa)
{
	struct espnic_ike_child *c = sa->pending ? espnic_ike_child_by_in(sa->ike, sa->pending->child) : NULL;

	espnic_ike_exchange_free(&sa->pending);
	sa->pending_at = ESPNIC_IKE_NEVER;
	if (c && c->sa == sa)
		espnic_ike_child_end(c, NULL);
}

static bool is_link(const struct espnic_ike_chain *chain, const struct espnic_ike_msg *m)
{
	const struct espnic_ike_notify *n = espnic_ike_notify(m, ESPNIC_IKE_N_ADDITIONAL_KEY_EXCHANGE);

	return n && n->data.len == chain->link_len && CRYPTO_memcmp(n->data.p, chain->link, chain->link_len) == 0;
}

void espnic_ike_followup_answer(struct espnic_ike_sa *sa, struct espnic_ike_exchange_state *x, bool more)
{
	struct espnic_ike_wr w = espnic_ike_writer(sa->ike);

	write_value(&w, x->ke.alg, &x->ke_ours);
	if (more)
		espnic_ike_write_link(&w, x->chain);
	espnic_ike_respond(sa, ESPNIC_IKE_FOLLOWUP_KE, &w);
}

void espnic_ike_followup_request(struct espnic_ike_sa *sa, struct espnic_ike_msg *m)
{
	struct espnic_ike_exchange_state *x = sa->pending;
	const struct espnic_ike_alg *alg;
	struct espnic_ike_shared shared;
	struct espnic_ike_ke_value ke;

	if (!x || !is_link(x->chain, m)) {
		espnic_ike_respond_notify(sa, ESPNIC_IKE_FOLLOWUP_KE, ESPNIC_IKE_N_STATE_NOT_FOUND, NULL, 0);
		return;
	}
	alg = espnic_ike_next_addke(&x->chain->suite, &x->chain->at);
	if (!has_ke(m, alg) || !espnic_ike_ke_respond(alg, m->ke, &ke, &shared) || !espnic_ike_chain_add(x->chain, &shared) ||
	    !espnic_ike_blob_set(&x->ke_ours, ke.bytes, ke.len)) {
		sa->ike->count.ke_invalid++;
		espnic_ike_pending_drop(sa);
		espnic_ike_respond_notify(sa, ESPNIC_IKE_FOLLOWUP_KE, ESPNIC_IKE_N_INVALID_SYNTAX, NULL, 0);
		return;
	}
	x->ke.alg = alg;
	x->chain->at++;
	sa->pending_at = sa->ike->now + PENDING_MS;
	if (espnic_ike_next_addke(&x->chain->suite, &x->chain->at)) {
		espnic_ike_followup_answer(sa, x, true);
		return;
	}
	espnic_ike_exchange_free(&sa->theirs);
	sa->theirs = x;
	sa->pending = NULL;
	sa->pending_at = ESPNIC_IKE_NEVER;
	if (x->kind == ESPNIC_IKE_REQ_REKEY)
		espnic_ike_rekey_finish(sa);
	else
		espnic_ike_create_finish(sa);
}

/* ------------------------------------------------------------------ IKE_FOLLOWUP_KE: initiator */

bool espnic_ike_followup_send(struct espnic_ike_sa *sa)
{
	struct espnic_ike_exchange_state *x = sa->mine;
	const struct espnic_ike_alg *alg = espnic_ike_next_addke(&x->chain->suite, &x->chain->at);
	struct espnic_ike_wr w = espnic_ike_writer(sa->ike);
	struct espnic_ike_ke_value ke;

	if (!espnic_ike_ke_start(&x->ke, alg, &ke))
		return false;
	espnic_ike_write_ke(&w, alg, &ke);
	espnic_ike_write_link(&w, x->chain);
	espnic_ike_ask(sa, ESPNIC_IKE_FOLLOWUP_KE, &w);
	return true;
}

/* One more secret, and the question for the next. False: the peer's answer is of no use. */
static bool go_on(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m, bool *last)
{
	struct espnic_ike_exchange_state *x = sa->mine;
	struct espnic_ike_shared shared;

	if (!has_ke(m, x->ke.alg) || !espnic_ike_ke_finish(&x->ke, m->ke, &shared) || !espnic_ike_chain_add(x->chain, &shared))
		return false;
	x->chain->at++;
	*last = !espnic_ike_next_addke(&x->chain->suite, &x->chain->at);
	return *last || (espnic_ike_take_link(x->chain, m) && espnic_ike_followup_send(sa));
}

void espnic_ike_followup_response(struct espnic_ike_sa *sa, struct espnic_ike_msg *m)
{
	const struct espnic_ike_notify *error = espnic_ike_notify_error(m);
	bool last = false, good = !error && go_on(sa, m, &last);

	if (good && !last)
		return;
	if (sa->mine->kind == ESPNIC_IKE_REQ_REKEY)
		espnic_ike_rekey_followed(sa, good, error);
	else
		espnic_ike_create_followed(sa, good, error);
}
