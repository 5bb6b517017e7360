// SPDX-License-Identifier: BSD-2-Clause
/*
 * One step: what came in is admitted by a table, handled, and followed by what is due and by the requests that became possible.
 *
 * No message gets further than its header unless the table has a line for the state, the exchange and the
 * direction it is of, and its message id is the one whose turn it is.
 */
#include <stdlib.h>
#include <string.h>

#include "sa.h"

enum {
	MAJOR = 4,			/* shift to the major version */
	GRACE_MS = 30000,		/* for an SA at its hard limit to be closed, or a child to be replaced, in peace */
};

/* ------------------------------------------------------------------ admission */

enum direction { REQUEST, RESPONSE };

struct admitted {
	enum espnic_ike_sa_state state;
	enum espnic_ike_exchange exchange;
	enum direction direction;
	espnic_ike_handler *handler;	/* NULL: IKE_SA_INIT's, which is not encrypted */
};

/* Requests of IKE_SA_INIT have no SA yet; all else that is not here is dropped. */
static const struct admitted table[] = {
	{ ESPNIC_IKE_ST_INIT_SENT, ESPNIC_IKE_SA_INIT, RESPONSE, NULL },
	{ ESPNIC_IKE_ST_INIT_DONE, ESPNIC_IKE_INTERMEDIATE, REQUEST, espnic_ike_mid_request },
	{ ESPNIC_IKE_ST_MID_SENT, ESPNIC_IKE_INTERMEDIATE, RESPONSE, espnic_ike_mid_response },
	{ ESPNIC_IKE_ST_INIT_DONE, ESPNIC_IKE_AUTH, REQUEST, espnic_ike_auth_request },
	{ ESPNIC_IKE_ST_AUTH_SENT, ESPNIC_IKE_AUTH, RESPONSE, espnic_ike_auth_response },
	{ ESPNIC_IKE_ST_UP, ESPNIC_IKE_CREATE_CHILD_SA, REQUEST, espnic_ike_create_request },
	{ ESPNIC_IKE_ST_UP, ESPNIC_IKE_CREATE_CHILD_SA, RESPONSE, espnic_ike_create_response },
	{ ESPNIC_IKE_ST_UP, ESPNIC_IKE_FOLLOWUP_KE, REQUEST, espnic_ike_followup_request },
	{ ESPNIC_IKE_ST_UP, ESPNIC_IKE_FOLLOWUP_KE, RESPONSE, espnic_ike_followup_response },
	{ ESPNIC_IKE_ST_UP, ESPNIC_IKE_INFORMATIONAL, REQUEST, espnic_ike_info_request },
	{ ESPNIC_IKE_ST_UP, ESPNIC_IKE_INFORMATIONAL, RESPONSE, espnic_ike_info_response },
	{ ESPNIC_IKE_ST_REKEYED, ESPNIC_IKE_CREATE_CHILD_SA, REQUEST, espnic_ike_refuse_request },
	{ ESPNIC_IKE_ST_REKEYED, ESPNIC_IKE_FOLLOWUP_KE, REQUEST, espnic_ike_refuse_request },
	{ ESPNIC_IKE_ST_REKEYED, ESPNIC_IKE_INFORMATIONAL, REQUEST, espnic_ike_info_request },
	{ ESPNIC_IKE_ST_REKEYED, ESPNIC_IKE_INFORMATIONAL, RESPONSE, espnic_ike_info_response },
	{ ESPNIC_IKE_ST_DELETING, ESPNIC_IKE_CREATE_CHILD_SA, REQUEST, espnic_ike_refuse_request },
	{ ESPNIC_IKE_ST_DELETING, ESPNIC_IKE_FOLLOWUP_KE, REQUEST, espnic_ike_refuse_request },
	{ ESPNIC_IKE_ST_DELETING, ESPNIC_IKE_INFORMATIONAL, REQUEST, espnic_ike_info_request },
	{ ESPNIC_IKE_ST_DELETING, ESPNIC_IKE_INFORMATIONAL, RESPONSE, espnic_ike_info_response },
};

static const struct admitted *admit(const struct espnic_ike_sa *sa, const struct espnic_ike_hdr *h)
{
	enum direction direction = h->flags & ESPNIC_IKE_F_RESPONSE ? RESPONSE : REQUEST;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].state == sa->state && (unsigned int)table[i].exchange == h->exchange && table[i].direction == direction)
			return &table[i];
	return NULL;
}

/* Which exchange a response of ours belongs to. */
static enum espnic_ike_exchange exchange_of(const struct espnic_ike_sa *sa)
{
	switch (sa->mine->kind) {
	case ESPNIC_IKE_REQ_INIT:
		return ESPNIC_IKE_SA_INIT;
	case ESPNIC_IKE_REQ_MID:
		return ESPNIC_IKE_INTERMEDIATE;
	case ESPNIC_IKE_REQ_AUTH:
		return ESPNIC_IKE_AUTH;
	case ESPNIC_IKE_REQ_CHILD:
	case ESPNIC_IKE_REQ_REKEY:
		return sa->mine->chain ? ESPNIC_IKE_FOLLOWUP_KE : ESPNIC_IKE_CREATE_CHILD_SA;
	default:
		return ESPNIC_IKE_INFORMATIONAL;
	}
}

/* Is it the turn of this message id? A request that was answered already gets the same answer. */
static bool in_turn(struct espnic_ike_sa *sa, const struct espnic_ike_hdr *h, const struct espnic_ike_input *in)
{
	struct espnic_ike *ike = sa->ike;
	const uint8_t *tail = in->datagram.data + in->datagram.len - ESPNIC_IKE_TAIL;

	if (h->flags & ESPNIC_IKE_F_RESPONSE)
		return sa->request && sa->mine && h->id == sa->next_out && (unsigned int)exchange_of(sa) == h->exchange;
	if (h->id == sa->next_in && !sa->theirs)
		return true;
	if (sa->theirs) {
		ike->count.rx_busy++;
	} else if (sa->next_in && h->id == sa->next_in - 1 && sa->response && h->exchange != ESPNIC_IKE_SA_INIT &&
		   memcmp(tail, sa->tail, ESPNIC_IKE_TAIL) == 0) {
		ike->count.rx_retransmits++;
		espnic_ike_transmit(sa, sa->response);
	} else {
		ike->count.rx_not_admitted++;
	}
	return false;
}

/* ------------------------------------------------------------------ a message */

struct arrival {
	struct espnic_ike_sa *sa;
	const struct espnic_ike_input *in;
	const struct admitted *line;
	struct espnic_ike_msg m;
	const uint8_t *inner;		/* payloads inside of SK */
	size_t inner_len;
	uint8_t tail[ESPNIC_IKE_TAIL];	/* of the datagram, or of the one with the first fragment */
};

/* A request is ours to answer from now on; a response ends our request. */
static bool take_turn(struct arrival *a)
{
	struct espnic_ike_sa *sa = a->sa;

	sa->last_in = sa->ike->now;
	if (a->line->direction == RESPONSE) {
		free(sa->request);
		sa->request = NULL;
		sa->next_out++;
		return true;
	}
	sa->theirs = espnic_ike_exchange_new(ESPNIC_IKE_REQ_NONE);
	if (!sa->theirs)
		return false;
	memcpy(sa->tail, a->tail, ESPNIC_IKE_TAIL);
	sa->next_in++;
	return true;
}

/* A message whose sender is known, but that can't be read: RFC 7296 2.21. */
static void unreadable(struct arrival *a, enum espnic_ike_parse why)
{
	struct espnic_ike_sa *sa = a->sa;
	struct espnic_ike *ike = sa->ike;
	bool critical = why == ESPNIC_IKE_PARSE_CRITICAL;

	*(critical ? &ike->count.rx_critical : &ike->count.rx_malformed) += 1;
	if (a->line->direction == REQUEST)
		espnic_ike_respond_notify(sa, a->line->exchange,
					  critical ? ESPNIC_IKE_N_UNSUPPORTED_CRITICAL_PAYLOAD : ESPNIC_IKE_N_INVALID_SYNTAX,
					  &a->m.unknown, critical);
	if (sa->state == ESPNIC_IKE_ST_DEAD)
		return;
	/* The response that means to be what we need, and is not, leaves nothing to go on with; nor does such a request before AUTH. */
	if (a->line->direction == RESPONSE || (sa->state == ESPNIC_IKE_ST_INIT_DONE && !critical)) {
		if (sa->state == ESPNIC_IKE_ST_AUTH_SENT || sa->state == ESPNIC_IKE_ST_MID_SENT)
			espnic_ike_event_sa(sa, ESPNIC_IKE_EV_IKE_FAILED, "malformed response");
		espnic_ike_sa_down(sa, "malformed message of the peer");
	}
}

static void handle_inner(struct arrival *a, uint8_t first)
{
	struct espnic_ike_sa *sa = a->sa;
	struct espnic_ike_exchange_state *x;
	struct espnic_ike_hdr hdr = a->m.hdr;
	enum espnic_ike_parse parse;

	if (!take_turn(a)) {
		sa->ike->count.no_memory++;
		return;
	}
	memset(&a->m, 0, sizeof(a->m));
	a->m.hdr = hdr;
	parse = espnic_ike_parse(&a->m, first, a->inner, a->inner_len, NULL);
	if (parse != ESPNIC_IKE_PARSE_OK) {
		unreadable(a, parse);
		return;
	}
	x = a->line->direction == REQUEST ? sa->theirs : sa->mine;
	/* AUTH is checked elsewhere: the message must outlast the question; and AUTH is over all of IKE_INTERMEDIATE. */
	if ((hdr.exchange == ESPNIC_IKE_AUTH || hdr.exchange == ESPNIC_IKE_INTERMEDIATE) && !espnic_ike_keep(x, first, a->inner, a->inner_len)) {
		sa->ike->count.no_memory++;
		espnic_ike_sa_down(sa, "no_memory");
		return;
	}
	a->line->handler(sa, &a->m);
}

/* The initiator has seen a NAT, and goes on by the ports with UDP encapsulation: RFC 7296 2.23. */
static void follow_port(struct espnic_ike_sa *sa, const struct espnic_ike_input *in)
{
	espnic_ike_follow_nat(sa, &in->datagram.local, &in->datagram.remote, in->datagram.natt);
	if (sa->state != ESPNIC_IKE_ST_INIT_DONE || !espnic_ike_addr_equal(&sa->remote.addr, &in->datagram.remote.addr))
		return;
	sa->local = in->datagram.local;
	sa->remote = in->datagram.remote;
	sa->natt = in->datagram.natt;
}

static void protected(struct arrival *a)
{
	struct espnic_ike_sa *sa = a->sa;
	struct espnic_ike *ike = sa->ike;
	enum espnic_ike_side from = espnic_ike_own_side(sa) == ESPNIC_IKE_I ? ESPNIC_IKE_R : ESPNIC_IKE_I;
	size_t len = a->in->datagram.len;
	uint8_t first;
	int inner;

	memcpy(ike->rx, a->in->datagram.data, len);
	if (espnic_ike_parse(&a->m, a->m.hdr.next, ike->rx + ESPNIC_IKE_HEADER, len - ESPNIC_IKE_HEADER, ike->rx) != ESPNIC_IKE_PARSE_OK ||
	    !(espnic_ike_has(&a->m, ESPNIC_IKE_P_SK) || (espnic_ike_has(&a->m, ESPNIC_IKE_P_SKF) && sa->peer_fragments))) {
		ike->count.rx_malformed++;
		return;
	}
	inner = espnic_ike_open(&ike->crypto, &sa->suite, sa->keys, from, ike->rx, len, &a->m.sk, &a->inner);
	if (inner < 0) {
		ike->count.rx_integrity++;
		return;
	}
	a->inner_len = (size_t)inner;
	first = a->m.sk.next;
	memcpy(a->tail, a->in->datagram.data + len - ESPNIC_IKE_TAIL, ESPNIC_IKE_TAIL);
	if (a->m.sk.fragment) {
		if (!espnic_ike_fragment(sa, &a->m, a->tail, a->inner, a->inner_len))
			return;
		a->inner_len = espnic_ike_fragments_take(sa, ike->rx, &first, a->tail);
		a->inner = ike->rx;
	}
	follow_port(sa, a->in);
	handle_inner(a, first);
}

static void clear(struct arrival *a)
{
	const uint8_t *p = a->in->datagram.data;
	size_t len = a->in->datagram.len;

	if (espnic_ike_parse(&a->m, a->m.hdr.next, p + ESPNIC_IKE_HEADER, len - ESPNIC_IKE_HEADER, NULL) != ESPNIC_IKE_PARSE_OK) {
		a->sa->ike->count.rx_malformed++;
		return;
	}
	espnic_ike_init_response(a->sa, &a->m, p, len);
}

/* The SA a header belongs to; NULL. */
static struct espnic_ike_sa *sa_of(struct espnic_ike *ike, const struct espnic_ike_hdr *h)
{
	bool to_responder = h->flags & ESPNIC_IKE_F_INITIATOR;
	struct espnic_ike_sa *sa = espnic_ike_sa_by_spi(ike, to_responder ? h->spi_r : h->spi_i);

	if (!sa || sa->initiator == to_responder)
		return NULL;
	if (to_responder ? sa->spi_i != h->spi_i : sa->state != ESPNIC_IKE_ST_INIT_SENT && sa->spi_r != h->spi_r)
		return NULL;
	return sa;
}

static void datagram(struct espnic_ike *ike, const struct espnic_ike_input *in)
{
	struct arrival a = { .in = in };
	struct espnic_ike_hdr *h = &a.m.hdr;

	ike->count.rx_datagrams++;
	if (in->datagram.len > sizeof(ike->rx) || !espnic_ike_hdr_read(h, in->datagram.data, in->datagram.len)) {
		ike->count.rx_malformed++;
		return;
	}
	if (h->version >> MAJOR != ESPNIC_IKE_VERSION >> MAJOR) {
		ike->count.rx_version++;
		return;
	}
	if (h->exchange == ESPNIC_IKE_SA_INIT && !(h->flags & ESPNIC_IKE_F_RESPONSE)) {
		if (h->flags & ESPNIC_IKE_F_INITIATOR && !h->spi_r && !h->id)
			espnic_ike_init_request(ike, in, h);
		else
			ike->count.rx_not_admitted++;
		return;
	}
	a.sa = sa_of(ike, h);
	if (!a.sa) {
		ike->count.rx_no_sa++;
		return;
	}
	a.line = admit(a.sa, h);
	if (!a.line) {
		/* A request that was answered in another state is answered again, the same. */
		if (a.sa->state == ESPNIC_IKE_ST_DEAD || h->flags & ESPNIC_IKE_F_RESPONSE || h->id == a.sa->next_in ||
		    in->datagram.len < ESPNIC_IKE_HEADER + ESPNIC_IKE_TAIL) {
			ike->count.rx_not_admitted++;
			return;
		}
		in_turn(a.sa, h, in);
		return;
	}
	if ((a.line->handler && in->datagram.len < ESPNIC_IKE_HEADER + ESPNIC_IKE_TAIL) || !in_turn(a.sa, h, in)) {
		ike->count.rx_not_admitted += !!(h->flags & ESPNIC_IKE_F_RESPONSE);
		return;
	}
	espnic_ike_sa_touch(a.sa);
	if (a.line->handler)
		protected(&a);
	else
		clear(&a);
}

/* ------------------------------------------------------------------ what is due */

static void retransmit(struct espnic_ike_sa *sa)
{
	struct espnic_ike *ike = sa->ike;
	uint64_t wait = ike->set.retransmit_ms;

	if (++sa->request_tries > ike->set.retransmit_tries) {
		espnic_ike_peer_dead(sa);
		return;
	}
	for (uint32_t i = 0; i < sa->request_tries; i++)
		wait = wait * ike->set.retransmit_factor / 100;
	sa->request_at = ike->now + wait;
	ike->count.tx_retransmits++;
	espnic_ike_transmit(sa, sa->request);
}

/* The hard limit of an SA: one that is up is closed in peace, if that is possible. */
static void over(struct espnic_ike_sa *sa)
{
	if (sa->state != ESPNIC_IKE_ST_UP || sa->want_delete) {
		espnic_ike_sa_down(sa, "over");
		return;
	}
	sa->want_delete = true;
	sa->over_at = sa->ike->now + GRACE_MS;
}

static void child_due(struct espnic_ike_child *c)
{
	uint64_t now = c->sa->ike->now;

	if (c->rekey_at <= now) {
		c->rekey_at = ESPNIC_IKE_NEVER;
		c->want_rekey = c->state == ESPNIC_IKE_CHILD_INSTALLED;
	}
	if (c->life_at <= now) {
		struct espnic_ike_child *next = espnic_ike_child_by_in(c->sa->ike, c->successor);

		/* The peer made another one, and did not close this: what it meant is clear. */
		if (next)
			espnic_ike_child_install_out(next);
		c->life_at = ESPNIC_IKE_NEVER;
		c->want_delete = true;
	}
}

static void due(struct espnic_ike_sa *sa)
{
	uint64_t now = sa->ike->now;

	espnic_ike_sa_touch(sa);
	if (sa->over_at <= now) {
		over(sa);
		if (sa->state == ESPNIC_IKE_ST_DEAD)
			return;
	}
	if (sa->request && sa->request_at <= now) {
		retransmit(sa);
		if (sa->state == ESPNIC_IKE_ST_DEAD)
			return;
	}
	if (sa->pending_at <= now)
		espnic_ike_pending_drop(sa);
	if (sa->rekey_at <= now) {
		sa->rekey_at = ESPNIC_IKE_NEVER;
		sa->want_rekey = true;
	}
	if (sa->alive_at <= now) {
		uint64_t idle = now - sa->last_in;

		sa->want_alive = idle >= sa->conn->dpd_ms;
		sa->alive_at = now + (sa->want_alive ? sa->conn->dpd_ms : sa->conn->dpd_ms - idle);
	}
	if (sa->state == ESPNIC_IKE_ST_UP && espnic_ike_keepalive_at(sa) <= now)
		espnic_ike_keepalive(sa);
	for (struct espnic_ike_child *c = sa->children; c; c = c->next)
		child_due(c);
}

/* Requests that became possible, and deadlines, of all SAs that something happened to. */
static void settle(struct espnic_ike *ike)
{
	while (ike->dirty) {
		struct espnic_ike_sa *sa = ike->dirty;

		ike->dirty = sa->dirty_next;
		sa->dirty = false;
		if (sa->state != ESPNIC_IKE_ST_DEAD)
			espnic_ike_next_request(sa);
		espnic_ike_sa_schedule(sa);
	}
}

/* ------------------------------------------------------------------ other inputs */

static bool named(const char *want, const char *is)
{
	return !want || strcmp(want, is) == 0;
}

static void terminate_child(struct espnic_ike_child *c, bool force)
{
	struct espnic_ike_sa *sa = c->sa;
	bool asked = sa->mine && sa->mine->child == c->spi_in;

	if (force || (c->state == ESPNIC_IKE_CHILD_CREATED && !asked))
		espnic_ike_child_end(c, "terminated");
	else
		c->want_delete = true;
}

static void terminate(struct espnic_ike *ike, const struct espnic_ike_input *in)
{
	struct espnic_ike_sa *sa, *next;

	for (sa = ike->first; sa; sa = next) {
		struct espnic_ike_child *c, *c_next;

		next = sa->next;
		if ((in->terminate.ike_id && in->terminate.ike_id != sa->id) || !named(in->terminate.conn, sa->conn->name))
			continue;
		espnic_ike_sa_touch(sa);
		if (!in->terminate.child && !in->terminate.child_id) {
			sa->want_delete = true;
			if (in->terminate.force || sa->state < ESPNIC_IKE_ST_UP)
				espnic_ike_sa_down(sa, "terminated");
			continue;
		}
		for (c = sa->children; c; c = c_next) {
			c_next = c->next;
			if ((!in->terminate.child_id || in->terminate.child_id == c->id) && named(in->terminate.child, c->conf->name))
				terminate_child(c, in->terminate.force);
		}
	}
}

static void acquire(struct espnic_ike *ike, const struct espnic_ike_input *in)
{
	for (size_t i = 0; i < ike->n_conns; i++) {
		const struct espnic_ike_conn *conn = ike->conns[i];

		for (uint32_t j = 0; j < conn->n_children; j++) {
			if (!in->acquire.reqid || conn->children[j].reqid != in->acquire.reqid)
				continue;
			espnic_ike_initiate(ike, conn->name, conn->children[j].name, &in->acquire.local, in->acquire.seq);
			return;
		}
	}
}

/* The kernel carries nothing by @c any more. Its policies stop all until they have the next one's keys, and go only if none comes. */
static void used_up(struct espnic_ike_child *c)
{
	uint64_t at = c->sa->ike->now + GRACE_MS;
	struct espnic_ike_child *next = espnic_ike_child_by_in(c->sa->ike, c->successor);

	if (next)
		espnic_ike_child_install_out(next);
	if (c->life_at > at)
		c->life_at = at;
}

static void expire(struct espnic_ike *ike, const struct espnic_ike_input *in)
{
	struct espnic_ike_child *c = espnic_ike_child_by_in(ike, in->expire.spi);

	/* The SPI of an outbound SA is the peer's, and may be that of another's inbound one: the address tells. */
	if (!c || !espnic_ike_addr_equal(&c->sa->local.addr, &in->expire.dst))
		c = espnic_ike_child_to(ike, &in->expire.dst, in->expire.spi);
	if (!c || c->state != ESPNIC_IKE_CHILD_INSTALLED)
		return;
	if (in->expire.hard)
		used_up(c);
	c->want_rekey = true;
	espnic_ike_sa_touch(c->sa);
}

static void key_result(struct espnic_ike *ike, const struct espnic_ike_input *in)
{
	struct espnic_ike_sa *sa = espnic_ike_sa_by_id(ike, (uint32_t)(in->key.token >> 32));

	if (!sa)
		return;
	espnic_ike_sa_touch(sa);
	espnic_ike_auth_key_result(sa, in);
}

static void rekey(struct espnic_ike *ike, const struct espnic_ike_input *in)
{
	struct espnic_ike_sa *sa = espnic_ike_sa_by_id(ike, in->rekey.ike_id);

	if (!sa || sa->state != ESPNIC_IKE_ST_UP)
		return;
	sa->want_rekey = true;
	espnic_ike_sa_touch(sa);
}

/* Its SAs went with its device: new ones are made in their place, with new keys. */
static void provision(struct espnic_ike *ike, const struct espnic_ike_input *in)
{
	struct espnic_ike_child *c = espnic_ike_child_by_in(ike, in->provision.spi);

	if (!c)
		return;
	c->want_rekey = true;
	c->policies = false;	/* they went with it */
	espnic_ike_sa_touch(c->sa);
}

void espnic_ike_step(struct espnic_ike *ike, const struct espnic_ike_input *in, uint64_t now_ms, struct espnic_ike_actions *out)
{
	struct espnic_ike_sa *sa;

	espnic_ike_bury(ike);
	espnic_ike_actions_reset(ike);
	ike->now = now_ms > ike->now ? now_ms : ike->now;
	ike->in = in;
	switch (in->kind) {
	case ESPNIC_IKE_IN_DATAGRAM:
		datagram(ike, in);
		break;
	case ESPNIC_IKE_IN_INITIATE:
		espnic_ike_initiate(ike, in->initiate.conn, in->initiate.child, &in->initiate.local, 0);
		break;
	case ESPNIC_IKE_IN_TERMINATE:
		terminate(ike, in);
		break;
	case ESPNIC_IKE_IN_ACQUIRE:
		acquire(ike, in);
		break;
	case ESPNIC_IKE_IN_EXPIRE:
		expire(ike, in);
		break;
	case ESPNIC_IKE_IN_KERNEL:
		espnic_ike_child_kernel_result(ike, in);
		break;
	case ESPNIC_IKE_IN_KEY:
		key_result(ike, in);
		break;
	case ESPNIC_IKE_IN_PROVISION:
		provision(ike, in);
		break;
	case ESPNIC_IKE_IN_MAPPING:
		espnic_ike_mapping(ike, in);
		break;
	case ESPNIC_IKE_IN_ADDRESS:
		espnic_ike_address(ike, in);
		break;
	case ESPNIC_IKE_IN_PPKS:
		ike->ppks = in->ppks.any;
		break;
	case ESPNIC_IKE_IN_REKEY:
		rekey(ike, in);
		break;
	case ESPNIC_IKE_IN_TIMER:
		break;
	}
	settle(ike);
	while ((sa = espnic_ike_due(ike))) {
		due(sa);
		settle(ike);
	}
	*out = (struct espnic_ike_actions){ .v = ike->actions, .n = (unsigned int)ike->n_actions,
					    .next_ms = ike->heap_n ? ike->heap[1]->deadline : ESPNIC_IKE_NEVER };
}
