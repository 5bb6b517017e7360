// SPDX-License-Identifier: BSD-2-Clause
/*
 * IKE_AUTH, both roles: RFC 7296 1.2, 2.15. Nobody is believed before AUTH is checked; the keys that make and check
 * it are elsewhere, so each step ends in a question and goes on with its answer.
 */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "sa.h"

enum {
	METHOD_PSK = 2,			/* RFC 7296 3.8 */
	ID_HEADER = 4,
	FAILED_MS = 5000,		/* a refusal is told again for so long */
};

/* ------------------------------------------------------------------ AUTH */

/* RFC 7296 2.15: the message of @side, the other's nonce, the PRF of the identity. */
static bool make_octets(struct espnic_ike_sa *sa, struct espnic_ike_exchange_state *out, enum espnic_ike_side side,
			const struct espnic_ike_id *id)
{
	const struct espnic_ike_exchange_state *hs = sa->mine;
	const struct espnic_ike_blob *msg = &hs->init[side];
	const struct espnic_ike_nonce *nonce = side == ESPNIC_IKE_I ? &hs->nr : &hs->ni;
	uint8_t body[ID_HEADER] = { id->type }, maced[ESPNIC_IKE_MAC];
	struct espnic_ike_chunk in[2] = { { body, sizeof(body) }, { id->data, id->len } };
	size_t mac = sa->suite.prf->out, len = msg->len + nonce->len + mac;
	struct espnic_ike_wr w;

	free(out->octets.p);
	out->octets.len = 0;
	out->octets.p = malloc(len);
	if (!out->octets.p || !espnic_ike_hmac(&sa->ike->crypto, sa->suite.prf, espnic_ike_sk_p(sa->keys, side), sa->keys->p,
					       in, 2, maced))
		return false;
	w = espnic_ike_wr(out->octets.p, len);
	espnic_ike_wr_bytes(&w, msg->p, msg->len);
	espnic_ike_wr_bytes(&w, nonce->bytes, nonce->len);
	espnic_ike_wr_bytes(&w, maced, mac);
	out->octets.len = w.len;
	return !w.full;
}

/* Asks for the MAC of @side's AUTH; the answer comes to espnic_ike_auth_key_result(). */
static bool ask_psk(struct espnic_ike_sa *sa, struct espnic_ike_exchange_state *x, enum espnic_ike_side side,
		    enum espnic_ike_wait wait)
{
	const struct espnic_ike_id *remote = sa->remote_id ? sa->remote_id : &sa->conn->auth_remote.id;
	const struct espnic_ike_id *id = side == espnic_ike_own_side(sa) ? sa->local_id : sa->remote_id;
	struct espnic_ike_key_op *op;

	if (!id || !make_octets(sa, x, side, id))
		return false;
	x->wait = wait;
	if (!++sa->ike->last_token)
		sa->ike->last_token = 1;
	x->token = (uint64_t)sa->id << 32 | sa->ike->last_token;
	op = &espnic_ike_act(sa->ike, ESPNIC_IKE_ACT_KEY)->key;
	*op = (struct espnic_ike_key_op){ .kind = ESPNIC_IKE_KEY_PSK, .token = x->token, .local = sa->local_id, .remote = remote,
					  .prf = sa->suite.prf, .octets = x->octets.p, .len = x->octets.len };
	return true;
}

/* Is the peer's AUTH the one that @mac says it must be? */
static bool auth_right(const struct espnic_ike_msg *m, const uint8_t *mac, size_t len, const struct espnic_ike_alg *prf)
{
	return m->auth_method == METHOD_PSK && len == prf->out && m->auth.len == len && CRYPTO_memcmp(m->auth.p, mac, len) == 0;
}

static void write_auth(struct espnic_ike_wr *w, const struct espnic_ike_exchange_state *x)
{
	size_t at = espnic_ike_wr_begin(w, ESPNIC_IKE_P_AUTH);

	espnic_ike_wr_be(w, METHOD_PSK, 1);
	espnic_ike_wr_be(w, 0, 3);
	espnic_ike_wr_bytes(w, x->mac, x->mac_len);
	espnic_ike_wr_end(w, at);
}

static bool take_mac(struct espnic_ike_exchange_state *x, const struct espnic_ike_input *in, const struct espnic_ike_alg *prf)
{
	if (!in->key.ok || in->key.len != prf->out)
		return false;
	memcpy(x->mac, in->key.data, in->key.len);
	x->mac_len = (uint8_t)in->key.len;
	return true;
}

/* Parses again what was kept while the answer was waited for; it parsed before. */
static void kept(struct espnic_ike_sa *sa, const struct espnic_ike_exchange_state *x, struct espnic_ike_msg *m)
{
	memset(m, 0, sizeof(*m));
	m->hdr.spi_i = sa->spi_i;
	m->hdr.spi_r = sa->spi_r;
	espnic_ike_parse(m, x->inner_first, x->inner.p, x->inner.len, NULL);
}

/* ------------------------------------------------------------------ identities */

static void id_of_addr(struct espnic_ike_id *id, const struct espnic_ike_addr *a)
{
	memset(id, 0, sizeof(*id));
	id->type = a->family == 4 ? ESPNIC_IKE_ID_IPV4 : ESPNIC_IKE_ID_IPV6;
	id->len = a->family == 4 ? 4 : 16;
	memcpy(id->data, a->bytes, id->len);
}

static bool set_id(struct espnic_ike_id **at, const struct espnic_ike_id *id)
{
	free(*at);
	*at = espnic_ike_id_dup(id);
	return *at;
}

/* Our own: what is configured, or our address. */
static bool set_local_id(struct espnic_ike_sa *sa)
{
	struct espnic_ike_id addr;

	if (sa->conn->auth_local.id.type != ESPNIC_IKE_ID_ANY)
		return set_id(&sa->local_id, &sa->conn->auth_local.id);
	id_of_addr(&addr, &sa->local.addr);
	return set_id(&sa->local_id, &addr);
}

static bool is_pattern(const struct espnic_ike_id *id)
{
	return id->type == ESPNIC_IKE_ID_ANY || memchr(id->data, '*', id->len);
}

/* ------------------------------------------------------------------ initiator */

static void failed(struct espnic_ike_sa *sa, const char *text)
{
	sa->ike->count.auth_failed++;
	espnic_ike_event_sa(sa, ESPNIC_IKE_EV_IKE_FAILED, text);
	espnic_ike_sa_end(sa);
}

/* The same, where the peer thinks that all went well: RFC 7296 2.21.2. */
static void believed(struct espnic_ike_sa *sa, const char *text)
{
	sa->ike->count.auth_failed++;
	espnic_ike_event_sa(sa, ESPNIC_IKE_EV_IKE_FAILED, text);
	espnic_ike_give_up(sa);
}

void espnic_ike_auth_begin(struct espnic_ike_sa *sa)
{
	sa->mine->kind = ESPNIC_IKE_REQ_AUTH;
	if (!set_local_id(sa) || !ask_psk(sa, sa->mine, ESPNIC_IKE_I, ESPNIC_IKE_WAIT_OWN_AUTH))
		failed(sa, "no_memory");
}

static struct espnic_ike_child *planned_child(struct espnic_ike_sa *sa)
{
	struct espnic_ike_child *c = sa->children;

	while (c && c->state != ESPNIC_IKE_CHILD_CREATED)
		c = c->next;
	return c;
}

static void auth_send(struct espnic_ike_sa *sa)
{
	struct espnic_ike_exchange_state *x = sa->mine;
	const struct espnic_ike_id *remote = &sa->conn->auth_remote.id;
	struct espnic_ike_wr w = espnic_ike_writer(sa->ike);
	struct espnic_ike_child *child = planned_child(sa);

	if (!child) {
		failed(sa, "no_child all its children were terminated meanwhile");
		return;
	}
	x->wait = ESPNIC_IKE_WAIT_NONE;
	x->child = child->spi_in;
	espnic_ike_id_write(&w, ESPNIC_IKE_P_IDI, sa->local_id);
	if (!is_pattern(remote))
		espnic_ike_id_write(&w, ESPNIC_IKE_P_IDR, remote);
	write_auth(&w, x);
	if (!is_pattern(remote) && espnic_ike_first_contact(sa))
		espnic_ike_wr_notify(&w, ESPNIC_IKE_N_INITIAL_CONTACT, NULL, 0);
	espnic_ike_child_offer(child, &w, ESPNIC_IKE_WITHOUT_KE);
	espnic_ike_ask(sa, ESPNIC_IKE_AUTH, &w);
}

void espnic_ike_auth_response(struct espnic_ike_sa *sa, struct espnic_ike_msg *m)
{
	const struct espnic_ike_notify *error = espnic_ike_notify_error(m);
	struct espnic_ike_exchange_state *x = sa->mine;
	struct espnic_ike_id id;

	if (!espnic_ike_has(m, ESPNIC_IKE_P_AUTH) || !espnic_ike_id_read(&id, m->id_r)) {
		failed(sa, error ? espnic_ike_say(sa->ike, "refused by %s (%u)", espnic_ike_notify_name(error->type), error->type) :
				   "malformed IKE_AUTH without identity or AUTH");
		return;
	}
	if (!espnic_ike_id_matches(&sa->conn->auth_remote.id, &id) || m->auth_method != METHOD_PSK) {
		believed(sa, "auth_failed the peer has another identity or method than is configured");
		return;
	}
	if (!set_id(&sa->remote_id, &id) || !ask_psk(sa, x, ESPNIC_IKE_R, ESPNIC_IKE_WAIT_PEER_AUTH))
		failed(sa, "no_memory");
}

/* The IKE SA is up, and the exchange over; what of the child? */
static void finish_initiator(struct espnic_ike_sa *sa)
{
	struct espnic_ike_exchange_state *x = sa->mine;
	struct espnic_ike_child *child = espnic_ike_child_by_in(sa->ike, x->child);
	const struct espnic_ike_notify *error;
	struct espnic_ike_msg m;

	espnic_ike_sa_up(sa);
	kept(sa, x, &m);
	error = espnic_ike_notify_error(&m);
	if (!child || child->sa != sa) {
		/* Terminated meanwhile: the peer believes in a child it must be told to forget; that takes the whole SA. */
		sa->want_delete = !error;
	} else if (error || !espnic_ike_has(&m, ESPNIC_IKE_P_SA)) {
		espnic_ike_child_failed(child, error);
	} else if (!espnic_ike_child_accept(child, &m, ESPNIC_IKE_WITHOUT_KE)) {
		espnic_ike_child_refused(child, "not_offered the peer chose what was not offered");
	} else if (!espnic_ike_child_install(child, x, (struct espnic_ike_chunk){ 0 }, ESPNIC_IKE_KERNEL_INSTALL)) {
		espnic_ike_child_refused(child, "no_memory");
	}
	espnic_ike_exchange_free(&sa->mine);
	espnic_ike_sa_touch(sa);
}

/* ------------------------------------------------------------------ responder */

static void refuse(struct espnic_ike_sa *sa, const char *text)
{
	sa->ike->count.auth_failed++;
	espnic_ike_event_peer(sa->ike, sa, &sa->remote, text);
	espnic_ike_respond_notify(sa, ESPNIC_IKE_AUTH, ESPNIC_IKE_N_AUTHENTICATION_FAILED, NULL, 0);
	if (sa->state == ESPNIC_IKE_ST_DEAD)
		return;
	sa->state = ESPNIC_IKE_ST_FAILED;
	sa->over_at = sa->ike->now + FAILED_MS;
	espnic_ike_exchange_free(&sa->mine);
}

/* Would this connection have agreed on the suite there is? */
static bool suite_fits(const struct espnic_ike_conn *conn, const struct espnic_ike_suite *s)
{
	const struct espnic_ike_alg *all[] = { s->encr, s->prf, s->integ, s->ke };
	struct espnic_ike_offer offer = { .n = 1, .v = { { .proto = ESPNIC_IKE_PROTO_IKE } } };
	struct espnic_ike_suite again;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (!all[i])
			continue;
		offer.v[0].seen |= 1u << all[i]->type;
		offer.v[0].p.t[offer.v[0].p.n++] = (struct espnic_ike_transform){
			all[i]->type, all[i]->id, all[i]->key_attr ? all[i]->key_bits : 0
		};
	}
	return espnic_ike_choose(&again, conn->proposals, conn->n_proposals, &offer, ESPNIC_IKE_WITH_KE, 0);
}

/* How well @conn is meant for this peer; 0: not at all. */
static unsigned int conn_score(const struct espnic_ike_sa *sa, const struct espnic_ike_conn *conn,
			       const struct espnic_ike_id *peer, const struct espnic_ike_id *asked)
{
	const struct espnic_ike_id *pattern = &conn->auth_remote.id;

	if (!espnic_ike_conn_fits(conn, &sa->local, &sa->remote) || !espnic_ike_id_matches(pattern, peer) ||
	    !suite_fits(conn, &sa->suite))
		return 0;
	if (asked && conn->auth_local.id.type != ESPNIC_IKE_ID_ANY && !espnic_ike_id_matches(&conn->auth_local.id, asked))
		return 0;
	return pattern->type == ESPNIC_IKE_ID_ANY ? 1 : is_pattern(pattern) ? 2 : 3;
}

static struct espnic_ike_conn *choose_conn(struct espnic_ike_sa *sa, const struct espnic_ike_id *peer,
					   const struct espnic_ike_id *asked)
{
	struct espnic_ike_conn *best = NULL;
	unsigned int best_score = 0;

	for (size_t i = 0; i < sa->ike->n_conns; i++) {
		unsigned int score = conn_score(sa, sa->ike->conns[i], peer, asked);

		if (score > best_score) {
			best_score = score;
			best = sa->ike->conns[i];
		}
	}
	return best;
}

void espnic_ike_auth_request(struct espnic_ike_sa *sa, struct espnic_ike_msg *m)
{
	bool has_idr = espnic_ike_has(m, ESPNIC_IKE_P_IDR);
	struct espnic_ike_id peer, asked;
	struct espnic_ike_conn *conn;

	if (!espnic_ike_has(m, ESPNIC_IKE_P_AUTH) || !espnic_ike_id_read(&peer, m->id_i) ||
	    (has_idr && !espnic_ike_id_read(&asked, m->id_r))) {
		refuse(sa, "auth_failed IKE_AUTH without identity or AUTH");
		return;
	}
	conn = choose_conn(sa, &peer, has_idr ? &asked : NULL);
	if (!conn || m->auth_method != METHOD_PSK) {
		refuse(sa, conn ? "auth_failed another method than is configured" : "auth_failed no connection for this identity");
		return;
	}
	espnic_ike_conn_get(conn);
	espnic_ike_conn_put(sa->conn);
	sa->conn = conn;
	if (!set_id(&sa->remote_id, &peer) || !set_local_id(sa) || !ask_psk(sa, sa->theirs, ESPNIC_IKE_I, ESPNIC_IKE_WAIT_PEER_AUTH)) {
		sa->ike->count.no_memory++;
		refuse(sa, "no_memory");
	}
}

static void answer(struct espnic_ike_sa *sa, struct espnic_ike_child *child)
{
	struct espnic_ike_exchange_state *x = sa->theirs;
	struct espnic_ike_wr w = espnic_ike_writer(sa->ike);

	espnic_ike_id_write(&w, ESPNIC_IKE_P_IDR, sa->local_id);
	write_auth(&w, x);
	if (child)
		espnic_ike_child_answer(child, &w, ESPNIC_IKE_WITHOUT_KE);
	else
		espnic_ike_wr_notify(&w, x->notify, NULL, 0);
	espnic_ike_exchange_free(&sa->mine);
	espnic_ike_sa_up(sa);
	if (sa->state != ESPNIC_IKE_ST_DEAD)
		espnic_ike_respond(sa, ESPNIC_IKE_AUTH, &w);
}

/* Both are who they say: make the child, then answer. */
static void finish_responder(struct espnic_ike_sa *sa)
{
	struct espnic_ike_exchange_state *x = sa->theirs;
	struct espnic_ike_child *child;
	struct espnic_ike_msg m;

	kept(sa, x, &m);
	x->notify = ESPNIC_IKE_N_NO_ADDITIONAL_SAS;
	child = espnic_ike_child_select(sa, &m, ESPNIC_IKE_WITHOUT_KE, NULL, &x->notify);
	if (child && !espnic_ike_child_install(child, sa->mine, (struct espnic_ike_chunk){ 0 }, ESPNIC_IKE_KERNEL_INSTALL)) {
		espnic_ike_child_end(child, NULL);
		child = NULL;
	}
	if (!child) {
		answer(sa, NULL);
		return;
	}
	x->child = child->spi_in;
	x->wait = ESPNIC_IKE_WAIT_KERNEL;
}

void espnic_ike_auth_child_done(struct espnic_ike_sa *sa, struct espnic_ike_child *child)
{
	sa->theirs->notify = ESPNIC_IKE_N_NO_ADDITIONAL_SAS;
	answer(sa, child);
}

/* ------------------------------------------------------------------ answers of whoever has the keys */

static void initiator_result(struct espnic_ike_sa *sa, const struct espnic_ike_input *in)
{
	struct espnic_ike_exchange_state *x = sa->mine;
	struct espnic_ike_msg m;

	if (x->wait == ESPNIC_IKE_WAIT_OWN_AUTH) {
		if (take_mac(x, in, sa->suite.prf))
			auth_send(sa);
		else
			failed(sa, espnic_ike_say(sa->ike, "no_key %s", in->key.text ? in->key.text : ""));
		return;
	}
	kept(sa, x, &m);
	x->wait = ESPNIC_IKE_WAIT_NONE;
	if (in->key.ok && auth_right(&m, in->key.data, in->key.len, sa->suite.prf)) {
		finish_initiator(sa);
		return;
	}
	believed(sa, "auth_failed the peer's AUTH is wrong");
}

static void responder_result(struct espnic_ike_sa *sa, const struct espnic_ike_input *in)
{
	struct espnic_ike_exchange_state *x = sa->theirs;
	struct espnic_ike_msg m;

	if (x->wait == ESPNIC_IKE_WAIT_OWN_AUTH) {
		if (take_mac(x, in, sa->suite.prf))
			finish_responder(sa);
		else
			refuse(sa, espnic_ike_say(sa->ike, "no_key %s", in->key.text ? in->key.text : ""));
		return;
	}
	kept(sa, x, &m);
	if (!in->key.ok || !auth_right(&m, in->key.data, in->key.len, sa->suite.prf))
		refuse(sa, in->key.ok ? "auth_failed the peer's AUTH is wrong" : "auth_failed there is no secret for this peer");
	else if (!espnic_ike_may_be_up(sa, &m))
		refuse(sa, "unique the peer is connected already");
	else if (!ask_psk(sa, x, ESPNIC_IKE_R, ESPNIC_IKE_WAIT_OWN_AUTH))
		refuse(sa, "no_memory");
}

void espnic_ike_auth_key_result(struct espnic_ike_sa *sa, const struct espnic_ike_input *in)
{
	struct espnic_ike_exchange_state *x = sa->initiator ? sa->mine : sa->theirs;

	if (!x || x->token != in->key.token || (x->wait != ESPNIC_IKE_WAIT_OWN_AUTH && x->wait != ESPNIC_IKE_WAIT_PEER_AUTH))
		return;
	x->token = 0;
	if (sa->initiator)
		initiator_result(sa, in);
	else
		responder_result(sa, in);
}
