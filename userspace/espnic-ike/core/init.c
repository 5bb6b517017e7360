// SPDX-License-Identifier: BSD-2-Clause
/*
 * IKE_SA_INIT, both roles: RFC 7296 1.2, cookies (2.6), negotiation of the group (1.3), NAT detection (2.23).
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "sa.h"

enum {
	SHA1 = 20,
	COOKIE = 1 + 32,		/* which secret, HMAC-SHA2-256 */
	COOKIE_SECRET_MS = 60 * 1000,	/* a cookie is good for one to two of these */
	INIT_BYTES = 8192,		/* of a request: several times what all payloads can want */
	ADDR_MAX = 4,			/* half-open ones of an address, in half_open_addr */
};

/* ------------------------------------------------------------------ NAT detection */

static bool nat_hash(struct espnic_ike *ike, uint64_t spi_i, uint64_t spi_r, const struct espnic_ike_endpoint *e,
		     uint8_t out[SHA1])
{
	uint8_t in[8 + 8 + 16 + 2];
	struct espnic_ike_wr w = espnic_ike_wr(in, sizeof(in));

	espnic_ike_wr_be(&w, spi_i, 8);
	espnic_ike_wr_be(&w, spi_r, 8);
	espnic_ike_wr_bytes(&w, e->addr.bytes, e->addr.family == 4 ? 4 : 16);
	espnic_ike_wr_be(&w, e->port, 2);
	return EVP_Digest(in, w.len, out, NULL, ike->crypto.sha1, NULL) == 1;
}

void espnic_ike_write_nat(struct espnic_ike_sa *sa, struct espnic_ike_wr *w)
{
	uint8_t hash[SHA1];

	/* A source that can't be right makes the peer see a NAT, and encapsulate. */
	if (sa->conn->encap ? espnic_ike_random(&sa->ike->crypto, hash, sizeof(hash)) :
			      nat_hash(sa->ike, sa->spi_i, sa->spi_r, &sa->local, hash))
		espnic_ike_wr_notify(w, ESPNIC_IKE_N_NAT_DETECTION_SOURCE_IP, hash, sizeof(hash));
	if (nat_hash(sa->ike, sa->spi_i, sa->spi_r, &sa->remote, hash))
		espnic_ike_wr_notify(w, ESPNIC_IKE_N_NAT_DETECTION_DESTINATION_IP, hash, sizeof(hash));
}

/* Is one of the hashes of @type that of @e? True too if there is none: the peer knows no NAT traversal. */
static bool nat_matches(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m, enum espnic_ike_notify_type type,
			const struct espnic_ike_endpoint *e)
{
	uint8_t hash[SHA1];
	bool any = false;

	if (!nat_hash(sa->ike, m->hdr.spi_i, m->hdr.spi_r, e, hash))
		return true;
	for (unsigned int i = 0; i < m->n_notify; i++) {
		const struct espnic_ike_notify *n = &m->notify[i];

		if (n->type != type)
			continue;
		any = true;
		if (n->data.len == SHA1 && memcmp(n->data.p, hash, SHA1) == 0)
			return true;
	}
	return !any;
}

void espnic_ike_detect_nat(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m)
{
	sa->nat_remote = !nat_matches(sa, m, ESPNIC_IKE_N_NAT_DETECTION_SOURCE_IP, &sa->remote);
	sa->nat_local = !nat_matches(sa, m, ESPNIC_IKE_N_NAT_DETECTION_DESTINATION_IP, &sa->local);
	if (sa->conn->encap && espnic_ike_notify(m, ESPNIC_IKE_N_NAT_DETECTION_SOURCE_IP))
		sa->nat_local = true;
}

/* ------------------------------------------------------------------ what both roles say and hear */

static void write_extensions(struct espnic_ike_sa *sa, struct espnic_ike_wr *w)
{
	static const uint8_t hashes[] = { 0, ESPNIC_IKE_HASH_SHA2_256, 0, ESPNIC_IKE_HASH_SHA2_384, 0, ESPNIC_IKE_HASH_SHA2_512,
					  0, ESPNIC_IKE_HASH_IDENTITY };

	espnic_ike_write_nat(sa, w);
	if (sa->conn->fragmentation != ESPNIC_IKE_USE_NO)
		espnic_ike_wr_notify(w, ESPNIC_IKE_N_FRAGMENTATION_SUPPORTED, NULL, 0);
	espnic_ike_wr_notify(w, ESPNIC_IKE_N_SIGNATURE_HASH_ALGORITHMS, hashes, sizeof(hashes));
	if (espnic_ike_has_addke(sa->conn->proposals, sa->conn->n_proposals))
		espnic_ike_wr_notify(w, ESPNIC_IKE_N_INTERMEDIATE_EXCHANGE_SUPPORTED, NULL, 0);
	if (sa->initiator ? sa->conn->ppk_id.type != ESPNIC_IKE_ID_ANY : sa->ppk == ESPNIC_IKE_PPK_AGREED)
		espnic_ike_wr_notify(w, ESPNIC_IKE_N_USE_PPK, NULL, 0);
}

static void read_extensions(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m)
{
	const struct espnic_ike_notify *n = espnic_ike_notify(m, ESPNIC_IKE_N_SIGNATURE_HASH_ALGORITHMS);

	sa->peer_fragments = sa->conn->fragmentation != ESPNIC_IKE_USE_NO &&
			     espnic_ike_notify(m, ESPNIC_IKE_N_FRAGMENTATION_SUPPORTED);
	for (size_t i = 0; n && i + 1 < n->data.len; i += 2)
		if (!n->data.p[i] && n->data.p[i + 1] < 8)
			sa->peer_hashes |= (uint8_t)(1u << n->data.p[i + 1]);
	sa->cert_asked = espnic_ike_cert_asked(m);
	sa->peer_childless = espnic_ike_notify(m, ESPNIC_IKE_N_CHILDLESS_IKEV2_SUPPORTED);
	/* Which connection it will be a responder does not know yet, so whether there is any PPK counts. */
	if ((sa->initiator ? sa->conn->ppk_id.type != ESPNIC_IKE_ID_ANY : sa->ike->ppks) && espnic_ike_notify(m, ESPNIC_IKE_N_USE_PPK))
		sa->ppk = ESPNIC_IKE_PPK_AGREED;
	espnic_ike_detect_nat(sa, m);
}

void espnic_ike_write_ke(struct espnic_ike_wr *w, const struct espnic_ike_alg *group, const struct espnic_ike_ke_value *v)
{
	size_t at = espnic_ike_wr_begin(w, ESPNIC_IKE_P_KE);

	espnic_ike_wr_be(w, group->id, 2);
	espnic_ike_wr_be(w, 0, 2);
	espnic_ike_wr_bytes(w, v->bytes, v->len);
	espnic_ike_wr_end(w, at);
}

static bool derive(struct espnic_ike_sa *sa, const struct espnic_ike_exchange_state *x, struct espnic_ike_shared *shared)
{
	struct espnic_ike_chunk ni = { x->ni.bytes, x->ni.len }, nr = { x->nr.bytes, x->nr.len };
	struct espnic_ike_secrets secrets = espnic_ike_secret(shared);

	sa->keys = espnic_ike_derive(&sa->ike->crypto, &sa->suite, NULL, NULL,
				     &secrets, ni, nr, sa->spi_i, sa->spi_r);
	OPENSSL_cleanse(shared, sizeof(*shared));
	if (sa->keys)
		espnic_ike_log_keys(sa);
	return sa->keys;
}

bool espnic_ike_nonce_take(struct espnic_ike_nonce *n, struct espnic_ike_chunk body)
{
	if (body.len > sizeof(n->bytes))
		return false;
	n->len = (uint16_t)body.len;
	memcpy(n->bytes, body.p, body.len);
	return true;
}

bool espnic_ike_nonce_draw(struct espnic_ike *ike, struct espnic_ike_nonce *n)
{
	n->len = ESPNIC_IKE_NONCE;
	return espnic_ike_random(&ike->crypto, n->bytes, n->len);
}

/* ------------------------------------------------------------------ responder, without state */

struct init_in {
	struct espnic_ike *ike;
	const struct espnic_ike_input *in;
	struct espnic_ike_msg m;
};

/* Answers without keeping anything: one notify. */
static void reply_notify(struct init_in *q, enum espnic_ike_notify_type type, const void *data, size_t len)
{
	struct espnic_ike *ike = q->ike;
	struct espnic_ike_wr w = espnic_ike_wr(ike->reply, sizeof(ike->reply));
	struct espnic_ike_hdr hdr = { .spi_i = q->m.hdr.spi_i, .exchange = ESPNIC_IKE_SA_INIT, .flags = ESPNIC_IKE_F_RESPONSE };
	struct espnic_ike_action *a;

	espnic_ike_hdr_write(&w, &hdr);
	espnic_ike_wr_notify(&w, type, data, len);
	espnic_ike_hdr_done(&w);
	a = espnic_ike_act(ike, ESPNIC_IKE_ACT_SEND);
	a->send.local = q->in->datagram.local;
	a->send.remote = q->in->datagram.remote;
	a->send.natt = q->in->datagram.natt;
	a->send.data = w.p;
	a->send.len = w.len;
	ike->count.tx_datagrams++;
}

static bool make_cookie(struct init_in *q, unsigned int age, uint8_t cookie[COOKIE])
{
	struct espnic_ike *ike = q->ike;
	const struct espnic_ike_alg *hash = espnic_ike_alg_by_name("prfsha256", 9);
	const struct espnic_ike_endpoint *r = &q->in->datagram.remote;
	uint8_t spi[8];
	struct espnic_ike_wr w = espnic_ike_wr(spi, sizeof(spi));
	struct espnic_ike_chunk in[3] = { q->m.nonce, { r->addr.bytes, sizeof(r->addr.bytes) }, { spi, sizeof(spi) } };

	if (ike->now >= ike->cookie_at) {
		memcpy(ike->cookie_secret[1], ike->cookie_secret[0], sizeof(ike->cookie_secret[0]));
		if (!espnic_ike_random(&ike->crypto, ike->cookie_secret[0], sizeof(ike->cookie_secret[0])))
			return false;
		ike->cookie_version++;
		ike->cookie_at = ike->now + COOKIE_SECRET_MS;
	}
	espnic_ike_wr_be(&w, q->m.hdr.spi_i, 8);
	cookie[0] = (uint8_t)(ike->cookie_version - age);
	return espnic_ike_hmac(&ike->crypto, hash, ike->cookie_secret[age], sizeof(ike->cookie_secret[age]), in, 3, cookie + 1);
}

/* Is the peer where it says it is? If not known, a cookie is sent (2.6). */
static bool cookie_good(struct init_in *q)
{
	const struct espnic_ike_notify *n = espnic_ike_notify(&q->m, ESPNIC_IKE_N_COOKIE);
	struct espnic_ike *ike = q->ike;
	uint8_t cookie[2][COOKIE];

	if (!make_cookie(q, 0, cookie[0]) || !make_cookie(q, 1, cookie[1]))
		return false;
	if (n) {
		for (unsigned int age = 0; age < 2; age++)
			if (n->data.len == COOKIE && CRYPTO_memcmp(n->data.p, cookie[age], COOKIE) == 0)
				return true;
		ike->count.rx_cookie_bad++;
	}
	ike->count.rx_cookie_asked++;
	reply_notify(q, ESPNIC_IKE_N_COOKIE, cookie[0], COOKIE);
	return false;
}

bool espnic_ike_conn_fits(const struct espnic_ike_conn *conn, const struct espnic_ike_endpoint *local,
			  const struct espnic_ike_endpoint *remote)
{
	bool l = !conn->n_local, r = !conn->n_remote;

	for (unsigned int i = 0; i < conn->n_local; i++)
		l |= espnic_ike_net_has(&conn->local[i], &local->addr);
	for (unsigned int i = 0; i < conn->n_remote; i++)
		r |= espnic_ike_net_has(&conn->remote[i], &remote->addr);
	return l && r;
}

/* RFC 9370 2.1: additional key exchanges are only for those that have said they know where they go. */
static bool addke_possible(const struct espnic_ike_suite *suite, const struct espnic_ike_msg *m)
{
	unsigned int at = 0;

	return !espnic_ike_next_addke(suite, &at) || espnic_ike_notify(m, ESPNIC_IKE_N_INTERMEDIATE_EXCHANGE_SUPPORTED);
}

/* The first connection for these addresses that agrees on a suite. NULL: none, and the peer was told or not. */
static struct espnic_ike_conn *choose_conn(struct init_in *q, struct espnic_ike_suite *suite)
{
	struct espnic_ike *ike = q->ike;
	struct espnic_ike_offer offer;
	bool any = false;

	if (!espnic_ike_offer_read(&offer, q->m.sa)) {
		ike->count.rx_malformed++;
		return NULL;
	}
	for (size_t i = 0; i < ike->n_conns; i++) {
		struct espnic_ike_conn *conn = ike->conns[i];

		if (!espnic_ike_conn_fits(conn, &q->in->datagram.local, &q->in->datagram.remote))
			continue;
		any = true;
		if (espnic_ike_choose(suite, conn->proposals, conn->n_proposals, &offer, ESPNIC_IKE_WITH_KE, q->m.ke_group) &&
		    addke_possible(suite, &q->m))
			return conn;
	}
	if (any) {
		ike->count.no_proposal++;
		espnic_ike_event_peer(ike, NULL, &q->in->datagram.remote, "no_proposal of IKE_SA_INIT is configured");
		reply_notify(q, ESPNIC_IKE_N_NO_PROPOSAL_CHOSEN, NULL, 0);
	} else {
		ike->count.rx_no_conn++;
		espnic_ike_event_peer(ike, NULL, &q->in->datagram.remote, "no_connection for these addresses");
	}
	return NULL;
}

/* The SA this very peer began with the same SPI; NULL. */
static struct espnic_ike_sa *find_init(struct init_in *q, uint64_t *hash)
{
	struct espnic_ike *ike = q->ike;
	const struct espnic_ike_endpoint *r = &q->in->datagram.remote;
	uint8_t key[8 + 16 + 2];
	struct espnic_ike_wr w = espnic_ike_wr(key, sizeof(key));

	espnic_ike_wr_be(&w, q->m.hdr.spi_i, 8);
	espnic_ike_wr_bytes(&w, r->addr.bytes, sizeof(r->addr.bytes));
	espnic_ike_wr_be(&w, r->port, 2);
	*hash = espnic_ike_hash(ike, key, sizeof(key));
	for (struct espnic_ike_node *n = espnic_ike_table_find(&ike->by_init, *hash); n; n = espnic_ike_table_next(n)) {
		struct espnic_ike_sa *sa = espnic_ike_of(n, struct espnic_ike_sa, by_init);

		if (sa->spi_i == q->m.hdr.spi_i && espnic_ike_addr_equal(&sa->remote.addr, &r->addr))
			return sa;
	}
	return NULL;
}

static void init_again(struct espnic_ike_sa *sa, const struct espnic_ike_input *in)
{
	const struct espnic_ike_blob *first = sa->theirs ? NULL : sa->mine ? &sa->mine->init[ESPNIC_IKE_I] : NULL;

	if (sa->state != ESPNIC_IKE_ST_INIT_DONE || sa->next_in != 1 || !first || first->len != in->datagram.len ||
	    memcmp(first->p, in->datagram.data, first->len) != 0) {
		sa->ike->count.rx_not_admitted++;
		return;
	}
	sa->ike->count.rx_retransmits++;
	espnic_ike_transmit(sa, sa->response);
}

/* ------------------------------------------------------------------ responder */

static void answer_init(struct espnic_ike_sa *sa, struct espnic_ike_exchange_state *x, const struct espnic_ike_ke_value *ke)
{
	struct espnic_ike *ike = sa->ike;
	struct espnic_ike_wr w = espnic_ike_writer(ike);
	struct espnic_ike_hdr hdr = { .spi_i = sa->spi_i, .spi_r = sa->spi_r, .exchange = ESPNIC_IKE_SA_INIT,
				      .flags = ESPNIC_IKE_F_RESPONSE };

	espnic_ike_hdr_write(&w, &hdr);
	espnic_ike_suite_write(&w, &sa->suite, ESPNIC_IKE_PROTO_IKE, ESPNIC_IKE_WITH_KE, 0, 0);
	espnic_ike_write_ke(&w, sa->suite.ke, ke);
	espnic_ike_wr_payload(&w, ESPNIC_IKE_P_NONCE, x->nr.bytes, x->nr.len);
	/* Which connection it will be is not known yet, so whether any of them wants certificates counts. */
	if (ike->want_certs)
		espnic_ike_certreq_write(&w, &ike->certs);
	if (sa->conn->childless != ESPNIC_IKE_CHILDLESS_NEVER)
		espnic_ike_wr_notify(&w, ESPNIC_IKE_N_CHILDLESS_IKEV2_SUPPORTED, NULL, 0);
	write_extensions(sa, &w);
	espnic_ike_hdr_done(&w);
	sa->response = espnic_ike_clear(&w);
	if (!sa->response || !espnic_ike_blob_set(&x->init[ESPNIC_IKE_R], w.p, w.len)) {
		ike->count.no_memory++;
		espnic_ike_sa_end(sa);
		return;
	}
	espnic_ike_transmit(sa, sa->response);
}

static void new_half_open(struct init_in *q, struct espnic_ike_conn *conn, const struct espnic_ike_suite *suite, uint64_t hash)
{
	const struct espnic_ike_input *in = q->in;
	struct espnic_ike *ike = q->ike;
	struct espnic_ike_sa *sa = espnic_ike_sa_new(ike, conn, false, 0);
	struct espnic_ike_shared shared;
	struct espnic_ike_ke_value ke;

	if (!sa) {
		ike->count.no_memory++;
		return;
	}
	sa->state = ESPNIC_IKE_ST_INIT_DONE;
	sa->spi_i = q->m.hdr.spi_i;
	sa->local = in->datagram.local;
	sa->remote = in->datagram.remote;
	sa->natt = in->datagram.natt;
	sa->suite = *suite;
	sa->next_in = 1;
	sa->over_at = ike->now + ike->set.half_open_ms;
	espnic_ike_half_open(sa, true);
	sa->mine = espnic_ike_exchange_new(ESPNIC_IKE_REQ_NONE);
	if (!sa->mine || !espnic_ike_table_add(&ike->by_init, &sa->by_init, hash) ||
	    !espnic_ike_nonce_take(&sa->mine->ni, q->m.nonce) || !espnic_ike_nonce_draw(ike, &sa->mine->nr) ||
	    !espnic_ike_blob_set(&sa->mine->init[ESPNIC_IKE_I], in->datagram.data, in->datagram.len)) {
		ike->count.no_memory++;
		espnic_ike_sa_end(sa);
		return;
	}
	read_extensions(sa, &q->m);
	if (!espnic_ike_ke_respond(suite->ke, q->m.ke, &ke, &shared)) {
		ike->count.ke_invalid++;
		espnic_ike_event_peer(ike, sa, &sa->remote, "ke_invalid the peer's value is none of its group");
		espnic_ike_sa_end(sa);
		return;
	}
	if (!derive(sa, sa->mine, &shared)) {
		ike->count.no_memory++;
		espnic_ike_sa_end(sa);
		return;
	}
	answer_init(sa, sa->mine, &ke);
}

void espnic_ike_init_request(struct espnic_ike *ike, const struct espnic_ike_input *in, const struct espnic_ike_hdr *hdr)
{
	struct init_in q = { .ike = ike, .in = in, .m = { .hdr = *hdr } };
	struct espnic_ike_suite suite;
	struct espnic_ike_conn *conn;
	struct espnic_ike_sa *sa = NULL;
	uint32_t of_addr;
	uint64_t hash;

	sa = find_init(&q, &hash);
	if (sa) {
		init_again(sa, in);
		return;
	}
	/* It is kept till IKE_AUTH, which signs it. */
	if (in->datagram.len > INIT_BYTES) {
		ike->count.rx_malformed++;
		return;
	}
	switch (espnic_ike_parse(&q.m, hdr->next, in->datagram.data + ESPNIC_IKE_HEADER, in->datagram.len - ESPNIC_IKE_HEADER, NULL)) {
	case ESPNIC_IKE_PARSE_OK:
		break;
	case ESPNIC_IKE_PARSE_CRITICAL:
		ike->count.rx_critical++;
		reply_notify(&q, ESPNIC_IKE_N_UNSUPPORTED_CRITICAL_PAYLOAD, &q.m.unknown, 1);
		return;
	default:
		ike->count.rx_malformed++;
		return;
	}
	if (!espnic_ike_has(&q.m, ESPNIC_IKE_P_SA) || !espnic_ike_has(&q.m, ESPNIC_IKE_P_KE) ||
	    !espnic_ike_has(&q.m, ESPNIC_IKE_P_NONCE)) {
		ike->count.rx_malformed++;
		return;
	}
	of_addr = espnic_ike_half_open_of(ike, &in->datagram.remote.addr);
	/* Who answers cookies could hold all of them otherwise. */
	if (ike->count.half_open >= ike->set.half_open_max || of_addr / ADDR_MAX >= ike->set.half_open_addr) {
		ike->count.rx_half_open++;
		return;
	}
	if ((ike->count.half_open >= ike->set.cookie_threshold || of_addr >= ike->set.half_open_addr) && !cookie_good(&q))
		return;
	conn = choose_conn(&q, &suite);
	if (!conn)
		return;
	if (suite.ke->id != q.m.ke_group) {
		uint8_t group[2] = { (uint8_t)(suite.ke->id >> 8), (uint8_t)suite.ke->id };

		ike->count.ke_invalid++;
		reply_notify(&q, ESPNIC_IKE_N_INVALID_KE_PAYLOAD, group, sizeof(group));
		return;
	}
	new_half_open(&q, conn, &suite, hash);
}

/* ------------------------------------------------------------------ initiator */

static void failed(struct espnic_ike_sa *sa, const char *text)
{
	espnic_ike_event_sa(sa, ESPNIC_IKE_EV_IKE_FAILED, text);
	espnic_ike_sa_end(sa);
}

/*
 * Our public value of @group, the same one for as long as the group is: a request is repeated with a cookie and with nothing else changed (2.6),
 * and of two answers, to two cookies, either may be the one that counts.
 */
static bool own_value(struct espnic_ike_exchange_state *x, const struct espnic_ike_alg *group, struct espnic_ike_ke_value *ke)
{
	if (x->ke.key && x->ke.alg == group) {
		memcpy(ke->bytes, x->ke_ours.p, x->ke_ours.len);
		ke->len = x->ke_ours.len;
		return true;
	}
	espnic_ike_ke_free(&x->ke);
	return espnic_ike_ke_start(&x->ke, group, ke) && espnic_ike_blob_set(&x->ke_ours, ke->bytes, ke->len);
}

void espnic_ike_init_send(struct espnic_ike_sa *sa)
{
	struct espnic_ike_exchange_state *x = sa->mine;
	struct espnic_ike *ike = sa->ike;
	struct espnic_ike_wr w = espnic_ike_writer(ike);
	struct espnic_ike_hdr hdr = { .spi_i = sa->spi_i, .exchange = ESPNIC_IKE_SA_INIT, .flags = ESPNIC_IKE_F_INITIATOR };
	struct espnic_ike_ke_value ke;

	if (!own_value(x, sa->suite.ke, &ke)) {
		failed(sa, espnic_ike_say(ike, "no_ke libcrypto has no %s", sa->suite.ke->name));
		return;
	}
	espnic_ike_hdr_write(&w, &hdr);
	if (x->cookie.len)
		espnic_ike_wr_notify(&w, ESPNIC_IKE_N_COOKIE, x->cookie.p, x->cookie.len);
	espnic_ike_offer_write(&w, sa->conn->proposals, sa->conn->n_proposals, ESPNIC_IKE_WITH_KE, 0, 0);
	espnic_ike_write_ke(&w, sa->suite.ke, &ke);
	espnic_ike_wr_payload(&w, ESPNIC_IKE_P_NONCE, x->ni.bytes, x->ni.len);
	write_extensions(sa, &w);
	espnic_ike_hdr_done(&w);
	free(sa->request);
	sa->request = espnic_ike_clear(&w);
	if (!sa->request || !espnic_ike_blob_set(&x->init[ESPNIC_IKE_I], w.p, w.len)) {
		ike->count.no_memory++;
		failed(sa, "no_memory");
		return;
	}
	x->init_tries++;
	sa->request_tries = 0;
	sa->request_at = ike->now + ike->set.retransmit_ms;
	espnic_ike_transmit(sa, sa->request);
	espnic_ike_sa_touch(sa);
}

/* A response that asks for another request. True: it did, and it was made or given up. */
static bool init_retry(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m)
{
	const struct espnic_ike_notify *cookie = espnic_ike_notify(m, ESPNIC_IKE_N_COOKIE);
	const struct espnic_ike_notify *group = espnic_ike_notify(m, ESPNIC_IKE_N_INVALID_KE_PAYLOAD);

	if (!cookie && !group)
		return false;
	if (sa->mine->init_tries >= ESPNIC_IKE_INIT_TRIES) {
		failed(sa, "init_loop the peer asks for ever another IKE_SA_INIT");
		return true;
	}
	if (cookie) {
		if (!cookie->data.len || cookie->data.len > ESPNIC_IKE_COOKIE_MAX) {
			sa->ike->count.rx_malformed++;
			return true;
		}
		/* The answer to a request that went out twice: the next one is out already. */
		if (sa->mine->cookie.len == cookie->data.len && memcmp(sa->mine->cookie.p, cookie->data.p, cookie->data.len) == 0)
			return true;
		if (!espnic_ike_blob_set(&sa->mine->cookie, cookie->data.p, cookie->data.len)) {
			failed(sa, "no_memory");
			return true;
		}
	} else {
		unsigned int id = group->data.len == 2 ? (unsigned int)group->data.p[0] << 8 | group->data.p[1] : 0;

		/* It came twice, or late: that group is the one asked with. */
		if (id == sa->suite.ke->id && sa->mine->init_tries > 1)
			return true;
		/* Only one of ours, and not the one it has just refused: no peer talks us into what is not configured. */
		if (id == sa->suite.ke->id || !espnic_ike_has_ke(sa->conn->proposals, sa->conn->n_proposals, id)) {
			sa->ike->count.ke_invalid++;
			failed(sa, espnic_ike_say(sa->ike, "ke_invalid the peer wants group %u", id));
			return true;
		}
		sa->suite.ke = espnic_ike_alg(ESPNIC_IKE_KE, id, 0);
	}
	espnic_ike_init_send(sa);
	return true;
}

/* What it chose must be ours, and of the group we sent. */
static bool init_accept(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m)
{
	struct espnic_ike_exchange_state *x = sa->mine;
	const struct espnic_ike_alg *group = sa->suite.ke;
	struct espnic_ike_shared shared;
	struct espnic_ike_offer offer;

	if (!espnic_ike_offer_read(&offer, m->sa) ||
	    !espnic_ike_accept(&sa->suite, sa->conn->proposals, sa->conn->n_proposals, &offer, ESPNIC_IKE_WITH_KE) ||
	    !addke_possible(&sa->suite, m)) {
		failed(sa, "no_proposal the peer chose what was not offered");
		return false;
	}
	if (sa->suite.ke != group || m->ke_group != group->id || !espnic_ike_nonce_take(&x->nr, m->nonce) ||
	    !espnic_ike_ke_finish(&x->ke, m->ke, &shared)) {
		sa->ike->count.ke_invalid++;
		failed(sa, "ke_invalid the peer's value is none of the group");
		return false;
	}
	if (derive(sa, x, &shared))
		return true;
	sa->ike->count.no_memory++;
	failed(sa, "no_memory");
	return false;
}

static void float_port(struct espnic_ike_sa *sa)
{
	/* RFC 4555 3.3: who may meet a NAT later goes there at once. */
	if (sa->natt || !(sa->nat_local || sa->nat_remote || sa->conn->mobike))
		return;
	sa->natt = true;
	sa->local.port = ESPNIC_IKE_PORT_NATT;
	if (sa->remote.port == ESPNIC_IKE_PORT)
		sa->remote.port = ESPNIC_IKE_PORT_NATT;
}

void espnic_ike_init_response(struct espnic_ike_sa *sa, struct espnic_ike_msg *m, const uint8_t *p, size_t len)
{
	const struct espnic_ike_notify *error;

	if (init_retry(sa, m))
		return;
	error = espnic_ike_notify_error(m);
	if (error) {
		sa->ike->count.no_proposal += error->type == ESPNIC_IKE_N_NO_PROPOSAL_CHOSEN;
		failed(sa, espnic_ike_say(sa->ike, "refused by %s (%u)", espnic_ike_notify_name(error->type), error->type));
		return;
	}
	if (!espnic_ike_has(m, ESPNIC_IKE_P_SA) || !espnic_ike_has(m, ESPNIC_IKE_P_KE) ||
	    !espnic_ike_has(m, ESPNIC_IKE_P_NONCE) || !m->hdr.spi_r) {
		sa->ike->count.rx_malformed++;
		return;
	}
	sa->spi_r = m->hdr.spi_r;
	if (!init_accept(sa, m))
		return;
	if (!espnic_ike_blob_set(&sa->mine->init[ESPNIC_IKE_R], p, len)) {
		failed(sa, "no_memory");
		return;
	}
	read_extensions(sa, m);
	if (sa->conn->ppk_required && sa->ppk != ESPNIC_IKE_PPK_AGREED) {
		failed(sa, "no_ppk ppk_required is set, and the peer has none (RFC 8784)");
		return;
	}
	free(sa->request);
	sa->request = NULL;
	sa->next_out = 1;
	float_port(sa);
	espnic_ike_mid_send(sa);
}
