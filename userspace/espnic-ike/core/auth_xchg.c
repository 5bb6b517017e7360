// SPDX-License-Identifier: BSD-2-Clause
/*
 * IKE_AUTH, both roles: RFC 7296 1.2, 2.15. Nobody is believed before AUTH is checked; the keys that make and check
 * it are elsewhere, so each step ends in a question and goes on with its answer.
 */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "vip.h"

enum {
	METHOD_PSK = 2,			/* RFC 7296 3.8 */
	METHOD_SIGNATURE = 14,		/* RFC 7427 */
	ID_HEADER = 4,
	FAILED_MS = 5000,		/* a refusal is told again for so long */
	CONNS_TRIED = 8,		/* connections whose demands a peer's proof is held against */
};

/* ------------------------------------------------------------------ AUTH */

/* RFC 7296 2.15: the message of @side, the other's nonce, the PRF of the identity by SK_p of @keys. */
static bool make_octets(struct espnic_ike_sa *sa, struct espnic_ike_exchange_state *out, enum espnic_ike_side side,
			const struct espnic_ike_id *id, const struct espnic_ike_keys *keys)
{
	const struct espnic_ike_exchange_state *hs = sa->mine;
	const struct espnic_ike_blob *msg = &hs->init[side];
	const struct espnic_ike_nonce *nonce = side == ESPNIC_IKE_I ? &hs->nr : &hs->ni;
	uint8_t body[ID_HEADER] = { id->type }, maced[ESPNIC_IKE_MAC];
	struct espnic_ike_chunk in[2] = { { body, sizeof(body) }, { id->data, id->len } };
	size_t mac = sa->suite.prf->out, len = msg->len + nonce->len + mac + (hs->mid ? 2 * mac + 4 : 0);
	struct espnic_ike_wr w;

	free(out->octets.p);
	out->octets.len = 0;
	out->octets.p = malloc(len);
	if (!out->octets.p || !espnic_ike_hmac(&sa->ike->crypto, sa->suite.prf, espnic_ike_sk_p(keys, side), keys->p, in, 2, maced))
		return false;
	w = espnic_ike_wr(out->octets.p, len);
	espnic_ike_wr_bytes(&w, msg->p, msg->len);
	espnic_ike_wr_bytes(&w, nonce->bytes, nonce->len);
	espnic_ike_wr_bytes(&w, maced, mac);
	if (hs->mid) {
		/* RFC 9242 3.3.2 */
		espnic_ike_wr_bytes(&w, hs->mid_auth[ESPNIC_IKE_I], mac);
		espnic_ike_wr_bytes(&w, hs->mid_auth[ESPNIC_IKE_R], mac);
		espnic_ike_wr_be(&w, hs->auth_id, 4);
	}
	out->octets.len = w.len;
	return !w.full;
}

/* Asks whoever has the keys; the answer comes to espnic_ike_auth_key_result(). */
static void ask_key(struct espnic_ike_sa *sa, struct espnic_ike_exchange_state *x, enum espnic_ike_wait wait,
		    struct espnic_ike_key_op op)
{
	x->wait = wait;
	if (!++sa->ike->last_token)
		sa->ike->last_token = 1;
	x->token = op.token = (uint64_t)sa->id << 32 | sa->ike->last_token;
	espnic_ike_act(sa->ike, ESPNIC_IKE_ACT_KEY)->key = op;
}

static void ask_psk(struct espnic_ike_sa *sa, struct espnic_ike_exchange_state *x, enum espnic_ike_wait wait)
{
	const struct espnic_ike_id *remote = sa->remote_id ? sa->remote_id : &sa->conn->auth_remote.id;

	ask_key(sa, x, wait, (struct espnic_ike_key_op){ .kind = ESPNIC_IKE_KEY_PSK, .local = sa->local_id, .remote = remote,
							 .prf = sa->suite.prf, .octets = x->octets.p, .len = x->octets.len });
}

/* Asks for our own AUTH, by @keys. NULL: it was done; else why it can't be. */
static const char *ask_auth(struct espnic_ike_sa *sa, struct espnic_ike_exchange_state *x, enum espnic_ike_wait wait,
			    const struct espnic_ike_keys *keys)
{
	const uint8_t *keyid = sa->conn->auth_local.keyid[0];
	EVP_PKEY *key;

	if (!make_octets(sa, x, espnic_ike_own_side(sa), sa->local_id, keys))
		return "no_memory";
	x->scheme = ESPNIC_IKE_SCHEME_NONE;
	if (sa->conn->auth_local.method == ESPNIC_IKE_AUTH_PSK) {
		ask_psk(sa, x, wait);
		return NULL;
	}
	key = espnic_ike_cert_key(&sa->ike->certs, keyid);
	if (!key)
		return "no_key our certificate or public key is not there any more";
	x->scheme = espnic_ike_scheme_for(key, sa->peer_hashes);
	if (!x->scheme)
		return "no_scheme the peer knows no signature (RFC 7427) of our kind of key";
	ask_key(sa, x, wait, (struct espnic_ike_key_op){ .kind = ESPNIC_IKE_KEY_SIGN, .local = sa->local_id, .keyid = keyid,
							 .scheme = x->scheme, .octets = x->octets.p, .len = x->octets.len });
	return NULL;
}

static const char *ask_own(struct espnic_ike_sa *sa, struct espnic_ike_exchange_state *x)
{
	return ask_auth(sa, x, ESPNIC_IKE_WAIT_OWN_AUTH, sa->keys);
}

/* Asks for the PPK @id to be mixed into our keys; @id is there until the step ends. */
static void ask_ppk(struct espnic_ike_sa *sa, struct espnic_ike_exchange_state *x, const struct espnic_ike_id *id)
{
	const struct espnic_ike_keys *k = sa->keys;

	ask_key(sa, x, ESPNIC_IKE_WAIT_PPK,
		(struct espnic_ike_key_op){ .kind = ESPNIC_IKE_KEY_PPK, .ppk_id = id, .prf = sa->suite.prf,
					    .sk = { espnic_ike_sk_d(k), espnic_ike_sk_p(k, ESPNIC_IKE_I), espnic_ike_sk_p(k, ESPNIC_IKE_R) } });
}

/*
 * Checks the peer's AUTH in @m: a signature now, then NULL and @done; a MAC by a question, then NULL and not @done. Else why it is
 * not right.
 */
static const char *check_peer(struct espnic_ike_sa *sa, struct espnic_ike_exchange_state *x, const struct espnic_ike_msg *m,
			      bool *done)
{
	const struct espnic_ike_auth *remote = &sa->conn->auth_remote;
	char why[ESPNIC_IKE_TEXT];
	const char *text;

	*done = remote->method == ESPNIC_IKE_AUTH_PUBKEY;
	if (!make_octets(sa, x, sa->initiator ? ESPNIC_IKE_R : ESPNIC_IKE_I, sa->remote_id, sa->keys))
		return "no_memory";
	if (!*done) {
		ask_psk(sa, x, ESPNIC_IKE_WAIT_PEER_AUTH);
		return NULL;
	}
	text = espnic_ike_cert_verify(&sa->ike->certs, remote, sa->remote_id, m,
				      (struct espnic_ike_chunk){ x->octets.p, x->octets.len }, espnic_ike_wall(sa->ike), why);
	return text ? espnic_ike_say(sa->ike, "auth_failed %s", text) : NULL;
}

/* Is the peer's AUTH the one that @mac says it must be? */
static bool auth_right(const struct espnic_ike_msg *m, const uint8_t *mac, size_t len, const struct espnic_ike_alg *prf)
{
	return m->auth_method == METHOD_PSK && len == prf->out && m->auth.len == len && CRYPTO_memcmp(m->auth.p, mac, len) == 0;
}

static uint8_t method_of(const struct espnic_ike_auth *auth)
{
	return auth->method == ESPNIC_IKE_AUTH_PSK ? METHOD_PSK : METHOD_SIGNATURE;
}

/* CERT, if the peer is to have it. */
static void write_cert(struct espnic_ike_sa *sa, struct espnic_ike_wr *w)
{
	const struct espnic_ike_conn *conn = sa->conn;

	if (conn->auth_local.method == ESPNIC_IKE_AUTH_PUBKEY && conn->send_cert != ESPNIC_IKE_CERT_NEVER &&
	    (sa->cert_asked || conn->send_cert == ESPNIC_IKE_CERT_ALWAYS))
		espnic_ike_cert_write(w, &sa->ike->certs, conn->auth_local.keyid[0], espnic_ike_wall(sa->ike));
}

/* RFC 7296 3.8, RFC 7427 3; RFC 8784 5.2 has the same in a notify. */
static void write_auth_data(struct espnic_ike_wr *w, const struct espnic_ike_exchange_state *x, const struct espnic_ike_blob *auth)
{
	if (x->scheme) {
		struct espnic_ike_chunk der = espnic_ike_scheme_der(x->scheme);

		espnic_ike_wr_be(w, der.len, 1);
		espnic_ike_wr_bytes(w, der.p, der.len);
	}
	espnic_ike_wr_bytes(w, auth->p, auth->len);
}

static void write_auth(struct espnic_ike_sa *sa, struct espnic_ike_wr *w, const struct espnic_ike_exchange_state *x)
{
	size_t at = espnic_ike_wr_begin(w, ESPNIC_IKE_P_AUTH);

	espnic_ike_wr_be(w, method_of(&sa->conn->auth_local), 1);
	espnic_ike_wr_be(w, 0, 3);
	write_auth_data(w, x, &x->auth);
	espnic_ike_wr_end(w, at);
}

/* What an initiator says of the PPK it has used. */
static void write_ppk(struct espnic_ike_sa *sa, struct espnic_ike_wr *w, const struct espnic_ike_exchange_state *x)
{
	size_t at;

	if (sa->ppk != ESPNIC_IKE_PPK_USED)
		return;
	espnic_ike_ppk_write(w, &sa->conn->ppk_id);
	if (!x->no_ppk_auth.len)
		return;
	at = espnic_ike_wr_begin(w, ESPNIC_IKE_P_NOTIFY);
	espnic_ike_wr_be(w, 0, 2);	/* protocol, SPI size */
	espnic_ike_wr_be(w, ESPNIC_IKE_N_NO_PPK_AUTH, 2);
	write_auth_data(w, x, &x->no_ppk_auth);
	espnic_ike_wr_end(w, at);
}

/* Keeps our own AUTH. */
static bool take_auth(struct espnic_ike_sa *sa, const struct espnic_ike_exchange_state *x, struct espnic_ike_blob *auth,
		      const struct espnic_ike_input *in)
{
	bool fits = x->scheme ? in->key.len && in->key.len <= ESPNIC_IKE_SIGNATURE : in->key.len == sa->suite.prf->out;

	return in->key.ok && fits && espnic_ike_blob_set(auth, in->key.data, in->key.len);
}

/* Parses again what was kept while the answer was waited for; it parsed before. */
static void kept(struct espnic_ike_sa *sa, const struct espnic_ike_exchange_state *x, struct espnic_ike_msg *m)
{
	memset(m, 0, sizeof(*m));
	m->hdr.spi_i = sa->spi_i;
	m->hdr.spi_r = sa->spi_r;
	espnic_ike_parse(m, x->inner_first, x->inner.p, x->inner.len, NULL);
	if (sa->ppk == ESPNIC_IKE_PPK_LEFT_OUT)
		m->auth = espnic_ike_notify(m, ESPNIC_IKE_N_NO_PPK_AUTH)->data;
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
	/* In a DN the star is a whole value: one byte long. */
	if (id->type == ESPNIC_IKE_ID_DN)
		return memmem(id->data, id->len, "\x01*", 2);
	return id->type == ESPNIC_IKE_ID_ANY ||
	       ((id->type == ESPNIC_IKE_ID_FQDN || id->type == ESPNIC_IKE_ID_EMAIL) && memchr(id->data, '*', id->len));
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
	const char *why = NULL;

	sa->mine->kind = ESPNIC_IKE_REQ_AUTH;
	sa->mine->auth_id = sa->next_out;
	if (!set_local_id(sa))
		why = "no_memory";
	else if (sa->ppk == ESPNIC_IKE_PPK_AGREED)
		ask_ppk(sa, sa->mine, &sa->conn->ppk_id);
	else
		why = ask_own(sa, sa->mine);
	if (why)
		failed(sa, why);
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
	if (sa->conn->childless == ESPNIC_IKE_CHILDLESS_FORCE && !sa->peer_childless) {
		failed(sa, "childless the peer has no IKE SAs without a child (RFC 6023)");
		return;
	}
	x->wait = ESPNIC_IKE_WAIT_NONE;
	if (sa->conn->childless >= ESPNIC_IKE_CHILDLESS_PREFER && sa->peer_childless)
		child = NULL;
	x->child = child ? child->spi_in : 0;
	espnic_ike_id_write(&w, ESPNIC_IKE_P_IDI, sa->local_id);
	write_cert(sa, &w);
	if (sa->conn->auth_remote.method == ESPNIC_IKE_AUTH_PUBKEY && sa->conn->send_certreq)
		espnic_ike_certreq_write(&w, &sa->ike->certs);
	if (!is_pattern(remote))
		espnic_ike_id_write(&w, ESPNIC_IKE_P_IDR, remote);
	write_auth(sa, &w, x);
	write_ppk(sa, &w, x);
	if (!is_pattern(remote) && espnic_ike_first_contact(sa))
		espnic_ike_wr_notify(&w, ESPNIC_IKE_N_INITIAL_CONTACT, NULL, 0);
	if (sa->conn->mobike)
		espnic_ike_wr_notify(&w, ESPNIC_IKE_N_MOBIKE_SUPPORTED, NULL, 0);
	espnic_ike_vip_ask(sa, &w);
	if (child)
		espnic_ike_child_offer(child, &w, ESPNIC_IKE_WITHOUT_KE);
	espnic_ike_ask(sa, ESPNIC_IKE_AUTH, &w);
}

/* The IKE SA is up, and the exchange over; what of the child? */
static void finish_initiator(struct espnic_ike_sa *sa)
{
	struct espnic_ike_exchange_state *x = sa->mine;
	struct espnic_ike_child *child = espnic_ike_child_by_in(sa->ike, x->child);
	const struct espnic_ike_notify *error;
	struct espnic_ike_msg m;

	kept(sa, x, &m);
	error = espnic_ike_notify_error(&m);
	if (sa->conn->n_vips && !espnic_ike_vip_take(sa, &m)) {
		believed(sa, error ? espnic_ike_say(sa->ike, "no_vip refused by %s (%u)", espnic_ike_notify_name(error->type), error->type) :
				     "no_vip the peer gave no virtual address");
		return;
	}
	espnic_ike_sa_up(sa);
	sa->leads = true;
	sa->mobike = sa->conn->mobike && espnic_ike_notify(&m, ESPNIC_IKE_N_MOBIKE_SUPPORTED);
	if (!x->child) {
		/* The children come each by itself: espnic_ike_next_request(). */
	} else if (!child || child->sa != sa) {
		/* Terminated meanwhile: the peer believes in a child it must be told to forget; that takes the whole SA. */
		sa->want_delete = !error;
	} else if (error || !espnic_ike_has(&m, ESPNIC_IKE_P_SA)) {
		espnic_ike_child_failed(child, error);
	} else if (!espnic_ike_child_accept(child, &m, ESPNIC_IKE_WITHOUT_KE)) {
		espnic_ike_child_refused(child, "not_offered the peer chose what was not offered");
	} else if (!espnic_ike_child_install(child, x, &(struct espnic_ike_secrets){ 0 }, ESPNIC_IKE_KERNEL_INSTALL)) {
		espnic_ike_child_refused(child, "no_memory");
	}
	espnic_ike_exchange_free(&sa->mine);
	espnic_ike_sa_touch(sa);
}

void espnic_ike_auth_response(struct espnic_ike_sa *sa, struct espnic_ike_msg *m)
{
	const struct espnic_ike_notify *error = espnic_ike_notify_error(m);
	struct espnic_ike_id id;
	const char *why;
	bool done;

	if (!espnic_ike_has(m, ESPNIC_IKE_P_AUTH) || !espnic_ike_id_read(&id, m->id_r)) {
		failed(sa, error ? espnic_ike_say(sa->ike, "refused by %s (%u)", espnic_ike_notify_name(error->type), error->type) :
				   "malformed IKE_AUTH without identity or AUTH");
		return;
	}
	if (!espnic_ike_id_matches(&sa->conn->auth_remote.id, &id) || m->auth_method != method_of(&sa->conn->auth_remote)) {
		believed(sa, "auth_failed the peer has another identity or method than is configured");
		return;
	}
	if (!set_id(&sa->remote_id, &id)) {
		failed(sa, "no_memory");
		return;
	}
	if (sa->ppk == ESPNIC_IKE_PPK_USED && !espnic_ike_notify(m, ESPNIC_IKE_N_PPK_IDENTITY)) {
		if (!sa->plain) {
			believed(sa, "no_ppk ppk_required is set, and the peer went without (RFC 8784)");
			return;
		}
		espnic_ike_ppk_undo(sa);
	}
	espnic_ike_keys_free(&sa->ike->crypto, sa->plain);
	sa->plain = NULL;
	why = check_peer(sa, sa->mine, m, &done);
	if (why)
		believed(sa, why);
	else if (done)
		finish_initiator(sa);
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
	struct espnic_ike_offer offer = { .n = 1, .v = { { .proto = ESPNIC_IKE_PROTO_IKE } } };
	struct espnic_ike_offered *o = &offer.v[0];
	struct espnic_ike_suite again;

	o->p.n = (uint8_t)espnic_ike_suite_transforms(s, ESPNIC_IKE_PROTO_IKE, ESPNIC_IKE_WITH_KE, o->p.t);
	for (unsigned int i = 0; i < o->p.n; i++)
		o->seen |= 1u << o->p.t[i].type;
	return espnic_ike_choose(&again, conn->proposals, conn->n_proposals, &offer, ESPNIC_IKE_WITH_KE, 0);
}

/* How well @conn is meant for this peer, first by its identity, then by how it proves it; 0: not at all. */
static unsigned int conn_score(const struct espnic_ike_sa *sa, const struct espnic_ike_msg *m, const struct espnic_ike_conn *conn,
			       const struct espnic_ike_id *peer, const struct espnic_ike_id *asked)
{
	const struct espnic_ike_id *pattern = &conn->auth_remote.id;
	unsigned int by_id = pattern->type == ESPNIC_IKE_ID_ANY ? 1 : is_pattern(pattern) ? 2 : 3;
	bool method = m->auth_method == method_of(&conn->auth_remote);

	if (!espnic_ike_conn_fits(conn, &sa->local, &sa->remote) || !espnic_ike_id_matches(pattern, peer) ||
	    !suite_fits(conn, &sa->suite))
		return 0;
	if (asked && conn->auth_local.id.type != ESPNIC_IKE_ID_ANY && !espnic_ike_id_matches(&conn->auth_local.id, asked))
		return 0;
	return 4 * by_id + 2 * method + (method && espnic_ike_cert_pinned(&conn->auth_remote, m));
}

/*
 * The connections that are meant for this peer, the best first, and those alike in the order in which they were loaded. @last: the one that
 * it was before, and its score; NULL: none. NULL: there are no more.
 */
static struct espnic_ike_conn *next_conn(const struct espnic_ike_sa *sa, const struct espnic_ike_msg *m,
					 const struct espnic_ike_conn *last, unsigned int *last_score)
{
	struct espnic_ike_conn *best = NULL;
	struct espnic_ike_id peer, asked;
	const struct espnic_ike_id *asks = espnic_ike_has(m, ESPNIC_IKE_P_IDR) && espnic_ike_id_read(&asked, m->id_r) ? &asked : NULL;
	unsigned int best_score = 0;
	bool behind = !last;

	if (!espnic_ike_id_read(&peer, m->id_i))
		return NULL;
	for (size_t i = 0; i < sa->ike->n_conns; i++) {
		unsigned int score = conn_score(sa, m, sa->ike->conns[i], &peer, asks);

		if (score > best_score && (!last || score < *last_score || (behind && score == *last_score))) {
			best_score = score;
			best = sa->ike->conns[i];
		}
		behind |= sa->ike->conns[i] == last;
	}
	*last_score = best_score;
	return best;
}

static void use_conn(struct espnic_ike_sa *sa, struct espnic_ike_conn *conn)
{
	espnic_ike_conn_get(conn);
	espnic_ike_conn_put(sa->conn);
	sa->conn = conn;
}

static bool same_keys(const uint8_t (*a)[ESPNIC_IKE_KEYID], unsigned int n, const uint8_t (*b)[ESPNIC_IKE_KEYID], unsigned int n_b)
{
	return n == n_b && memcmp(a, b, (size_t)n * ESPNIC_IKE_KEYID) == 0;
}

/* Do both ask for the same proof, whoever it is of? */
static bool same_proof(const struct espnic_ike_auth *a, const struct espnic_ike_auth *b)
{
	return a->method == b->method && a->revocation == b->revocation && same_keys(a->keyid, a->n_keyids, b->keyid, b->n_keyids) &&
	       same_keys(a->ca, a->n_cas, b->ca, b->n_cas);
}

bool espnic_ike_conn_serves(const struct espnic_ike_sa *sa, const struct espnic_ike_conn *conn)
{
	const struct espnic_ike_conn *now = sa->conn;

	return espnic_ike_conn_fits(conn, &sa->local, &sa->remote) && suite_fits(conn, &sa->suite) &&
	       espnic_ike_id_matches(&conn->auth_remote.id, sa->remote_id) && same_proof(&conn->auth_remote, &now->auth_remote) &&
	       espnic_ike_id_same(&conn->auth_local.id, &now->auth_local.id) && same_proof(&conn->auth_local, &now->auth_local) &&
	       (!conn->ppk_required || sa->ppk == ESPNIC_IKE_PPK_USED) && conn->n_vips == now->n_vips &&
	       conn->n_pools == now->n_pools && memcmp(conn->pools, now->pools, sizeof(conn->pools)) == 0;
}

/* Who it is has been proved: may it, and what do we say of ourselves? */
static void peer_proved(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m)
{
	const char *why = "unique the peer is connected already";

	if (espnic_ike_may_be_up(sa, m))
		why = ask_own(sa, sa->theirs);
	if (why)
		refuse(sa, why);
}

/* By the connection that was chosen; or, where another proof is asked for, by the next. */
static void check_request(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m)
{
	const char *first = NULL, *why;
	struct espnic_ike_conn *conn;
	unsigned int score;
	bool done;

	conn = next_conn(sa, m, NULL, &score);
	for (unsigned int tries = 0; conn && tries < CONNS_TRIED; tries++) {
		use_conn(sa, conn);
		done = false;
		why = "no_ppk ppk_required is set, and the peer uses none that is here (RFC 8784)";
		if (m->auth_method != method_of(&conn->auth_remote))
			why = "auth_failed another method than is configured";
		else if (!set_local_id(sa))
			why = "no_memory";
		else if (!conn->ppk_required || sa->ppk == ESPNIC_IKE_PPK_USED)
			why = check_peer(sa, sa->theirs, m, &done);
		if (!why) {
			if (done)
				peer_proved(sa, m);
			return;
		}
		first = first ? first : why;
		conn = next_conn(sa, m, conn, &score);
	}
	refuse(sa, first ? first : "auth_failed no connection for this identity");
}

/* The PPK that the peer named is in the keys, or it is not here: then it may go without (RFC 8784 3, the second table). */
static void ppk_done(struct espnic_ike_sa *sa, const struct espnic_ike_input *in)
{
	struct espnic_ike_msg m;

	if (in->key.ok && !espnic_ike_ppk_use(sa, in, false)) {
		sa->ike->count.no_memory++;
		refuse(sa, "no_memory");
		return;
	}
	kept(sa, sa->theirs, &m);
	if (sa->ppk == ESPNIC_IKE_PPK_AGREED) {
		if (!espnic_ike_notify(&m, ESPNIC_IKE_N_NO_PPK_AUTH)) {
			refuse(sa, "no_ppk the peer demands one that is not here (RFC 8784)");
			return;
		}
		sa->ppk = ESPNIC_IKE_PPK_LEFT_OUT;
		kept(sa, sa->theirs, &m);
	}
	check_request(sa, &m);
}

void espnic_ike_auth_request(struct espnic_ike_sa *sa, struct espnic_ike_msg *m)
{
	struct espnic_ike_id peer, asked;

	if (!espnic_ike_has(m, ESPNIC_IKE_P_AUTH) || !espnic_ike_id_read(&peer, m->id_i) ||
	    (espnic_ike_has(m, ESPNIC_IKE_P_IDR) && !espnic_ike_id_read(&asked, m->id_r))) {
		refuse(sa, "auth_failed IKE_AUTH without identity or AUTH");
		return;
	}
	if (espnic_ike_next_addke(&sa->suite, &sa->mine->addke)) {
		refuse(sa, "auth_failed IKE_AUTH before all key exchanges were made");
		return;
	}
	sa->mine->auth_id = m->hdr.id;
	sa->cert_asked = espnic_ike_cert_asked(m);
	if (!set_id(&sa->remote_id, &peer)) {
		sa->ike->count.no_memory++;
		refuse(sa, "no_memory");
		return;
	}
	if (sa->ppk == ESPNIC_IKE_PPK_AGREED && espnic_ike_ppk_read(m, &sa->ike->ppk_id))
		ask_ppk(sa, sa->theirs, &sa->ike->ppk_id);
	else
		check_request(sa, m);
}

static void answer(struct espnic_ike_sa *sa, struct espnic_ike_child *child)
{
	struct espnic_ike_exchange_state *x = sa->theirs;
	struct espnic_ike_wr w = espnic_ike_writer(sa->ike);
	struct espnic_ike_msg m;

	espnic_ike_id_write(&w, ESPNIC_IKE_P_IDR, sa->local_id);
	write_cert(sa, &w);
	write_auth(sa, &w, x);
	if (sa->ppk == ESPNIC_IKE_PPK_USED)
		espnic_ike_ppk_write(&w, NULL);
	espnic_ike_vip_answer(sa, &w);
	if (child)
		espnic_ike_child_answer(child, &w, ESPNIC_IKE_WITHOUT_KE);
	else if (x->notify)
		espnic_ike_wr_notify(&w, x->notify, NULL, 0);
	kept(sa, x, &m);
	sa->mobike = sa->conn->mobike && espnic_ike_notify(&m, ESPNIC_IKE_N_MOBIKE_SUPPORTED);
	if (sa->mobike)
		espnic_ike_wr_notify(&w, ESPNIC_IKE_N_MOBIKE_SUPPORTED, NULL, 0);
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
	x->notify = espnic_ike_vip_give(sa, &m);
	if (x->notify || (sa->conn->childless != ESPNIC_IKE_CHILDLESS_NEVER && !espnic_ike_has(&m, ESPNIC_IKE_P_SA))) {
		answer(sa, NULL);
		return;
	}
	x->notify = ESPNIC_IKE_N_NO_ADDITIONAL_SAS;
	if (sa->conn->childless == ESPNIC_IKE_CHILDLESS_FORCE) {
		answer(sa, NULL);
		return;
	}
	child = espnic_ike_child_select(sa, &m, ESPNIC_IKE_WITHOUT_KE, NULL, &x->notify);
	if (child && child->conn != sa->conn)
		use_conn(sa, child->conn);
	if (child && !espnic_ike_child_install(child, sa->mine, &(struct espnic_ike_secrets){ 0 }, ESPNIC_IKE_KERNEL_INSTALL)) {
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

/* What an initiator sends is made of up to three answers. @text: what came with the one that is a refusal. */
static const char *own_result(struct espnic_ike_sa *sa, const struct espnic_ike_input *in, const char *text)
{
	struct espnic_ike_exchange_state *x = sa->mine;
	bool optional = !sa->conn->ppk_required;

	switch (x->wait) {
	case ESPNIC_IKE_WAIT_PPK:
		if (in->key.ok)
			return espnic_ike_ppk_use(sa, in, optional) ? ask_own(sa, x) : "no_memory";
		if (!optional)
			return espnic_ike_say(sa->ike, "no_ppk %s", text);
		espnic_ike_event_sa(sa, ESPNIC_IKE_EV_NOTE, espnic_ike_say(sa->ike, "no_ppk %s", text));
		sa->ppk = ESPNIC_IKE_PPK_NONE;
		return ask_own(sa, x);
	case ESPNIC_IKE_WAIT_OWN_AUTH:
		if (!take_auth(sa, x, &x->auth, in))
			return espnic_ike_say(sa->ike, "no_key %s", text);
		if (sa->plain)
			return ask_auth(sa, x, ESPNIC_IKE_WAIT_NO_PPK_AUTH, sa->plain);
		break;
	default:
		if (!take_auth(sa, x, &x->no_ppk_auth, in))
			return espnic_ike_say(sa->ike, "no_key %s", text);
	}
	auth_send(sa);
	return NULL;
}

static void initiator_result(struct espnic_ike_sa *sa, const struct espnic_ike_input *in)
{
	struct espnic_ike_exchange_state *x = sa->mine;
	struct espnic_ike_msg m;
	const char *why;

	if (x->wait != ESPNIC_IKE_WAIT_PEER_AUTH) {
		why = own_result(sa, in, in->key.text ? in->key.text : "");
		if (why)
			failed(sa, why);
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

	if (x->wait == ESPNIC_IKE_WAIT_PPK) {
		ppk_done(sa, in);
		return;
	}
	if (x->wait == ESPNIC_IKE_WAIT_OWN_AUTH) {
		if (take_auth(sa, x, &x->auth, in))
			finish_responder(sa);
		else
			refuse(sa, espnic_ike_say(sa->ike, "no_key %s", in->key.text ? in->key.text : ""));
		return;
	}
	kept(sa, x, &m);
	if (!in->key.ok || !auth_right(&m, in->key.data, in->key.len, sa->suite.prf))
		refuse(sa, in->key.ok ? "auth_failed the peer's AUTH is wrong" : "auth_failed there is no secret for this peer");
	else
		peer_proved(sa, &m);
}

void espnic_ike_auth_key_result(struct espnic_ike_sa *sa, const struct espnic_ike_input *in)
{
	struct espnic_ike_exchange_state *x = sa->initiator ? sa->mine : sa->theirs;

	if (!x || !x->token || x->token != in->key.token)
		return;
	x->token = 0;
	if (sa->initiator)
		initiator_result(sa, in);
	else
		responder_result(sa, in);
}
