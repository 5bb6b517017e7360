// SPDX-License-Identifier: BSD-2-Clause
/*
 * INFORMATIONAL: deletion and liveness (RFC 7296 1.4, 2.4, 2.25), and which request of ours is next.
 */
#include <stdlib.h>
#include <string.h>

#include "sa.h"

enum {
	SPI_ESP = 4,
};

/* ------------------------------------------------------------------ the peer's */

/* The peer closes its half of @c: ours goes too. True: it is told our SPI in the response. */
static bool close_child(struct espnic_ike_sa *sa, struct espnic_ike_child *c, uint32_t *spi)
{
	struct espnic_ike_child *next = espnic_ike_child_by_in(sa->ike, c->successor);
	bool told = c->told, replaced = next || c->state == ESPNIC_IKE_CHILD_REKEYED;
	struct espnic_ike_exchange_state *x = sa->mine;
	bool ours = x && x->kind == ESPNIC_IKE_REQ_DELETE_CHILD && x->child == c->spi_in;
	bool rekeyed = x && x->kind == ESPNIC_IKE_REQ_CHILD && x->rekeyed == c->spi_in;

	*spi = c->spi_in;
	for (struct espnic_ike_child *o = sa->children; o; o = o->next)
		if (o->successor == c->spi_in) {
			o->successor = 0;
			espnic_ike_child_not_replaced(o);
		}
	/* Ours is not known to have lost or won: then its response decides (2.8.1). */
	if (next && next->sa == sa && !next->want_delete)
		espnic_ike_child_install_out(next);
	if (told && !replaced && !rekeyed && c->conf->close == ESPNIC_IKE_START)
		espnic_ike_plan(sa, c->conn, c->conf, 0);
	espnic_ike_child_end(c, replaced ? "replaced" : "closed by the peer");
	return !ours;
}

static void read_deletes(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m, struct espnic_ike_wr *w)
{
	uint32_t spis[ESPNIC_IKE_CHILDREN], spi;
	unsigned int n = 0;
	size_t at;

	for (unsigned int i = 0; i < m->n_del; i++) {
		struct espnic_ike_rd r = espnic_ike_rd(m->del[i].spis, (size_t)m->del[i].n * m->del[i].spi_len);

		if (m->del[i].proto != ESPNIC_IKE_PROTO_ESP)
			continue;
		while (r.left && n < ESPNIC_IKE_CHILDREN) {
			struct espnic_ike_child *c = espnic_ike_child_by_out(sa, (uint32_t)espnic_ike_rd_be(&r, SPI_ESP));

			if (c && close_child(sa, c, &spi))
				spis[n++] = spi;
		}
	}
	if (!n)
		return;
	at = espnic_ike_wr_begin(w, ESPNIC_IKE_P_DELETE);
	espnic_ike_wr_be(w, ESPNIC_IKE_PROTO_ESP, 1);
	espnic_ike_wr_be(w, SPI_ESP, 1);
	espnic_ike_wr_be(w, n, 2);
	for (unsigned int i = 0; i < n; i++)
		espnic_ike_wr_be(w, spis[i], SPI_ESP);
	espnic_ike_wr_end(w, at);
}

/* The SA that takes over if @sa ends while both sides replace it; NULL. */
static struct espnic_ike_sa *rival_of(struct espnic_ike_sa *sa)
{
	if (!sa->mine || sa->mine->kind != ESPNIC_IKE_REQ_REKEY || !sa->mine->rival)
		return NULL;
	return espnic_ike_sa_by_id(sa->ike, (uint32_t)sa->mine->rival);
}

static void close_sa(struct espnic_ike_sa *sa)
{
	struct espnic_ike_sa *rival = rival_of(sa);
	bool up = sa->state == ESPNIC_IKE_ST_UP;

	if (rival)
		espnic_ike_inherit(rival, sa);
	if (up && !rival && sa->told) {
		for (struct espnic_ike_child *c = sa->children; c; c = c->next)
			if (c->told && c->conf->close == ESPNIC_IKE_START)
				espnic_ike_initiate(sa->ike, c->conn->name, c->conf->name, &sa->local.addr, 0);
	}
	espnic_ike_sa_down(sa, "closed by the peer");
}

void espnic_ike_info_request(struct espnic_ike_sa *sa, struct espnic_ike_msg *m)
{
	struct espnic_ike_wr w = espnic_ike_writer(sa->ike);
	bool close = false;

	for (unsigned int i = 0; i < m->n_del; i++)
		close |= m->del[i].proto == ESPNIC_IKE_PROTO_IKE;
	if (espnic_ike_notify(m, ESPNIC_IKE_N_AUTHENTICATION_FAILED)) {
		espnic_ike_event_peer(sa->ike, sa, &sa->remote, "auth_failed says the peer");
		close = true;
	}
	if (!close) {
		espnic_ike_update_request(sa, m);
		read_deletes(sa, m, &w);
		espnic_ike_mobike_answer(sa, m, &w);
	}
	espnic_ike_respond(sa, ESPNIC_IKE_INFORMATIONAL, &w);
	if (close && sa->state != ESPNIC_IKE_ST_DEAD)
		close_sa(sa);
}

/* ------------------------------------------------------------------ ours */

void espnic_ike_sa_down(struct espnic_ike_sa *sa, const char *text)
{
	if (sa->state == ESPNIC_IKE_ST_DEAD)
		return;
	while (sa->children)
		espnic_ike_child_end(sa->children, text);
	if (sa->told) {
		sa->ike->count.ike_down++;
		espnic_ike_event_sa(sa, ESPNIC_IKE_EV_IKE_DOWN, text);
	}
	espnic_ike_sa_end(sa);
}

void espnic_ike_info_response(struct espnic_ike_sa *sa, struct espnic_ike_msg *m)
{
	enum espnic_ike_request kind = sa->mine->kind;
	struct espnic_ike_child *c = espnic_ike_child_by_in(sa->ike, sa->mine->child);

	if (kind == ESPNIC_IKE_REQ_UPDATE)
		espnic_ike_update_response(sa, m);
	if (kind == ESPNIC_IKE_REQ_CHECK && !espnic_ike_check_response(sa, m)) {
		espnic_ike_event_sa(sa, ESPNIC_IKE_EV_NOTE, "cookie2 what came back from the peer's new address is not what was sent");
		sa->want_delete = true;
	}
	/* Whatever it says: what we closed is closed. */
	espnic_ike_exchange_free(&sa->mine);
	if (kind == ESPNIC_IKE_REQ_DELETE)
		espnic_ike_sa_down(sa, "closed");
	else if (kind == ESPNIC_IKE_REQ_DELETE_CHILD && c && c->sa == sa)
		espnic_ike_child_end(c, "closed");
}

static bool begin(struct espnic_ike_sa *sa, enum espnic_ike_request kind)
{
	sa->mine = espnic_ike_exchange_new(kind);
	if (sa->mine)
		return true;
	sa->ike->count.no_memory++;
	espnic_ike_sa_down(sa, "no_memory");
	return false;
}

static void send_delete(struct espnic_ike_sa *sa)
{
	struct espnic_ike_wr w = espnic_ike_writer(sa->ike);
	size_t at;

	if (!begin(sa, ESPNIC_IKE_REQ_DELETE))
		return;
	sa->state = ESPNIC_IKE_ST_DELETING;
	at = espnic_ike_wr_begin(&w, ESPNIC_IKE_P_DELETE);
	espnic_ike_wr_be(&w, ESPNIC_IKE_PROTO_IKE, 1);
	espnic_ike_wr_be(&w, 0, 3);
	espnic_ike_wr_end(&w, at);
	espnic_ike_ask(sa, ESPNIC_IKE_INFORMATIONAL, &w);
}

static void send_delete_child(struct espnic_ike_sa *sa, struct espnic_ike_child *c)
{
	struct espnic_ike_wr w = espnic_ike_writer(sa->ike);
	size_t at;

	if (!begin(sa, ESPNIC_IKE_REQ_DELETE_CHILD))
		return;
	sa->mine->child = c->spi_in;
	c->state = ESPNIC_IKE_CHILD_DELETING;
	c->rekey_at = ESPNIC_IKE_NEVER;
	at = espnic_ike_wr_begin(&w, ESPNIC_IKE_P_DELETE);
	espnic_ike_wr_be(&w, ESPNIC_IKE_PROTO_ESP, 1);
	espnic_ike_wr_be(&w, SPI_ESP, 1);
	espnic_ike_wr_be(&w, 1, 2);
	espnic_ike_wr_be(&w, c->spi_in, SPI_ESP);
	espnic_ike_wr_end(&w, at);
	espnic_ike_ask(sa, ESPNIC_IKE_INFORMATIONAL, &w);
}

static void send_alive(struct espnic_ike_sa *sa)
{
	struct espnic_ike_wr w = espnic_ike_writer(sa->ike);

	sa->want_alive = false;
	if (begin(sa, ESPNIC_IKE_REQ_ALIVE))
		espnic_ike_ask(sa, ESPNIC_IKE_INFORMATIONAL, &w);
}

static void send_mobike(struct espnic_ike_sa *sa, enum espnic_ike_request kind)
{
	struct espnic_ike_wr w = espnic_ike_writer(sa->ike);

	if (!begin(sa, kind))
		return;
	if (kind == ESPNIC_IKE_REQ_UPDATE)
		espnic_ike_update_write(sa, &w);
	else if (!espnic_ike_check_write(sa, &w))
		w.full = true;	/* which makes no message, and ends the SA */
	espnic_ike_ask(sa, ESPNIC_IKE_INFORMATIONAL, &w);
}

static void send_create(struct espnic_ike_sa *sa, struct espnic_ike_child *c, struct espnic_ike_child *old)
{
	if (begin(sa, ESPNIC_IKE_REQ_CHILD))
		espnic_ike_create_send(sa, c, old);
}

static void send_rekey_child(struct espnic_ike_sa *sa, struct espnic_ike_child *old)
{
	struct espnic_ike_child *c = espnic_ike_child_new(sa, old->conn, old->conf);

	old->want_rekey = false;
	if (!c) {
		sa->ike->count.no_memory++;
		return;
	}
	c->reqid = old->reqid;
	send_create(sa, c, old);
}

/* What one child wants of the peer. True: a request was made for it. */
static bool child_request(struct espnic_ike_sa *sa, struct espnic_ike_child *c)
{
	if (c->op)
		return false;
	if (c->want_delete) {
		send_delete_child(sa, c);
		return true;
	}
	if (c->want_rekey && c->state == ESPNIC_IKE_CHILD_INSTALLED && !c->successor) {
		send_rekey_child(sa, c);
		return true;
	}
	if (c->state == ESPNIC_IKE_CHILD_CREATED && c->rekey_at == ESPNIC_IKE_NEVER && !c->spi_out) {
		send_create(sa, c, NULL);
		return true;
	}
	return false;
}

void espnic_ike_next_request(struct espnic_ike_sa *sa)
{
	bool up = sa->state == ESPNIC_IKE_ST_UP;
	uint32_t made = sa->theirs ? sa->theirs->child : 0;

	if ((!up && sa->state != ESPNIC_IKE_ST_REKEYED) || sa->mine || sa->request)
		return;
	if (sa->want_delete) {
		send_delete(sa);
		return;
	}
	if (!up)
		return;
	if (sa->want_update || sa->want_check) {
		send_mobike(sa, sa->want_update ? ESPNIC_IKE_REQ_UPDATE : ESPNIC_IKE_REQ_CHECK);
		return;
	}
	for (struct espnic_ike_child *c = sa->children; c; c = c->next)
		if (c->spi_in != made && child_request(sa, c))
			return;
	/* 2.25.2: not while the peer makes a child of this SA. */
	if (sa->want_rekey && !sa->theirs)
		espnic_ike_rekey_send(sa);
	else if (sa->want_alive)
		send_alive(sa);
}

void espnic_ike_peer_dead(struct espnic_ike_sa *sa)
{
	bool connecting = sa->state == ESPNIC_IKE_ST_INIT_SENT || sa->state == ESPNIC_IKE_ST_MID_SENT ||
			  sa->state == ESPNIC_IKE_ST_AUTH_SENT;
	struct espnic_ike_sa *rival = rival_of(sa);

	sa->ike->count.peers_dead++;
	if (rival)
		espnic_ike_inherit(rival, sa);
	if (connecting)
		espnic_ike_event_sa(sa, ESPNIC_IKE_EV_IKE_FAILED, "timeout the peer does not answer");
	if (connecting || sa->state == ESPNIC_IKE_ST_UP)
		espnic_ike_again(sa);
	espnic_ike_sa_down(sa, "timeout the peer does not answer");
}
