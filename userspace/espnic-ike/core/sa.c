// SPDX-License-Identifier: BSD-2-Clause
/*
 * IKE SAs: how they come, how they are found, when they are due, how they end.
 */
#include <stdlib.h>
#include <string.h>

#include "vip.h"

enum {
	HEAP_FIRST = 64,
};

/* ------------------------------------------------------------------ deadlines: a binary heap */

static void heap_set(struct espnic_ike *ike, size_t at, struct espnic_ike_sa *sa)
{
	ike->heap[at] = sa;
	sa->heap_at = at;
}

static void heap_up(struct espnic_ike *ike, size_t at)
{
	struct espnic_ike_sa *sa = ike->heap[at];

	for (; at > 1 && ike->heap[at / 2]->deadline > sa->deadline; at /= 2)
		heap_set(ike, at, ike->heap[at / 2]);
	heap_set(ike, at, sa);
}

static void heap_down(struct espnic_ike *ike, size_t at)
{
	struct espnic_ike_sa *sa = ike->heap[at];

	for (;;) {
		size_t kid = 2 * at;

		if (kid > ike->heap_n)
			break;
		if (kid < ike->heap_n && ike->heap[kid + 1]->deadline < ike->heap[kid]->deadline)
			kid++;
		if (ike->heap[kid]->deadline >= sa->deadline)
			break;
		heap_set(ike, at, ike->heap[kid]);
		at = kid;
	}
	heap_set(ike, at, sa);
}

static void heap_del(struct espnic_ike_sa *sa)
{
	struct espnic_ike *ike = sa->ike;
	size_t at = sa->heap_at;
	struct espnic_ike_sa *last;

	if (!at)
		return;
	last = ike->heap[ike->heap_n--];
	sa->heap_at = 0;
	if (last == sa)
		return;
	heap_set(ike, at, last);
	heap_up(ike, at);
	heap_down(ike, last->heap_at);
}

/* Room for all SAs and one more; false: no memory. */
static bool heap_reserve(struct espnic_ike *ike)
{
	struct espnic_ike_sa **more;
	size_t room;

	if (ike->count.sas + 2u <= ike->heap_room)
		return true;
	room = ike->heap_room ? 2 * ike->heap_room : HEAP_FIRST;
	more = realloc(ike->heap, room * sizeof(struct espnic_ike_sa *));
	if (!more)
		return false;
	ike->heap = more;
	ike->heap_room = room;
	return true;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t next_deadline(const struct espnic_ike_sa *sa)
{
	uint64_t at = sooner(sa->over_at, sa->pending_at);

	if (sa->request)
		at = sooner(at, sa->request_at);
	if (sa->state == ESPNIC_IKE_ST_UP)
		at = sooner(at, sooner(sooner(sa->rekey_at, sa->alive_at), espnic_ike_keepalive_at(sa)));
	for (const struct espnic_ike_child *c = sa->children; c; c = c->next)
		at = sooner(at, sooner(c->rekey_at, c->life_at));
	return at;
}

void espnic_ike_sa_schedule(struct espnic_ike_sa *sa)
{
	struct espnic_ike *ike = sa->ike;

	sa->deadline = next_deadline(sa);
	if (sa->state == ESPNIC_IKE_ST_DEAD || sa->deadline == ESPNIC_IKE_NEVER) {
		heap_del(sa);
		return;
	}
	if (!sa->heap_at)
		heap_set(ike, ++ike->heap_n, sa);
	heap_up(ike, sa->heap_at);
	heap_down(ike, sa->heap_at);
}

struct espnic_ike_sa *espnic_ike_due(struct espnic_ike *ike)
{
	return ike->heap_n && ike->heap[1]->deadline <= ike->now ? ike->heap[1] : NULL;
}

/* ------------------------------------------------------------------ exchanges */

bool espnic_ike_blob_set(struct espnic_ike_blob *b, const uint8_t *p, size_t len)
{
	free(b->p);
	b->len = 0;
	b->p = malloc(len ? len : 1);
	if (!b->p)
		return false;
	if (len)
		memcpy(b->p, p, len);
	b->len = len;
	return true;
}

struct espnic_ike_exchange_state *espnic_ike_exchange_new(enum espnic_ike_request kind)
{
	struct espnic_ike_exchange_state *x = calloc(1, sizeof(*x));

	if (x)
		x->kind = kind;
	return x;
}

void espnic_ike_exchange_free(struct espnic_ike_exchange_state **xp)
{
	struct espnic_ike_exchange_state *x = *xp;

	if (!x)
		return;
	espnic_ike_ke_free(&x->ke);
	free(x->init[0].p);
	free(x->init[1].p);
	free(x->cookie.p);
	free(x->octets.p);
	free(x->ke_ours.p);
	free(x->inner.p);
	free(x->auth.p);
	free(x->no_ppk_auth.p);
	espnic_ike_chain_free(x->chain);
	free(x);
	*xp = NULL;
}

struct espnic_ike_id *espnic_ike_id_dup(const struct espnic_ike_id *id)
{
	struct espnic_ike_id *copy = calloc(1, sizeof(*copy));

	if (copy)
		*copy = *id;
	return copy;
}

bool espnic_ike_id_same(const struct espnic_ike_id *a, const struct espnic_ike_id *b)
{
	return a->type == b->type && a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

uint64_t espnic_ike_id_hash(const struct espnic_ike *ike, const struct espnic_ike_id *id)
{
	uint8_t key[1 + ESPNIC_IKE_ID] = { id->type };

	memcpy(key + 1, id->data, id->len);
	return espnic_ike_hash(ike, key, 1u + id->len);
}

/* ------------------------------------------------------------------ connections */

void espnic_ike_conn_get(struct espnic_ike_conn *conn)
{
	conn->refs++;
}

void espnic_ike_conn_put(struct espnic_ike_conn *conn)
{
	if (--conn->refs == 0 && conn->free)
		conn->free(conn);
}

/* ------------------------------------------------------------------ SAs */

bool espnic_ike_spi_draw(struct espnic_ike *ike, uint64_t *spi)
{
	do {
		if (!espnic_ike_random(&ike->crypto, spi, sizeof(*spi)))
			return false;
	} while (!*spi || espnic_ike_sa_by_spi(ike, *spi));
	return true;
}

static uint32_t draw_id(struct espnic_ike *ike)
{
	do {
		ike->last_id++;
	} while (!ike->last_id || espnic_ike_sa_by_id(ike, ike->last_id));
	return ike->last_id;
}

static void link_sa(struct espnic_ike *ike, struct espnic_ike_sa *sa)
{
	sa->prev = ike->last;
	if (ike->last)
		ike->last->next = sa;
	else
		ike->first = sa;
	ike->last = sa;
}

static void unlink_sa(struct espnic_ike *ike, struct espnic_ike_sa *sa)
{
	*(sa->prev ? &sa->prev->next : &ike->first) = sa->next;
	*(sa->next ? &sa->next->prev : &ike->last) = sa->prev;
	sa->prev = sa->next = NULL;
}

struct espnic_ike_sa *espnic_ike_sa_new(struct espnic_ike *ike, struct espnic_ike_conn *conn, bool initiator, uint64_t spi)
{
	struct espnic_ike_sa *sa;

	if (ike->count.sas >= ike->set.sa_max || (!spi && !espnic_ike_spi_draw(ike, &spi)) || !heap_reserve(ike))
		return NULL;
	sa = calloc(1, sizeof(*sa));
	if (!sa)
		return NULL;
	sa->ike = ike;
	sa->id = draw_id(ike);
	sa->initiator = initiator;
	*(initiator ? &sa->spi_i : &sa->spi_r) = spi;
	sa->since = sa->last_in = sa->last_out = ike->now;
	sa->rekey_at = sa->over_at = sa->alive_at = sa->pending_at = ESPNIC_IKE_NEVER;
	if (!espnic_ike_table_add(&ike->by_spi, &sa->by_spi, spi) || !espnic_ike_table_add(&ike->by_id, &sa->by_id, sa->id)) {
		espnic_ike_table_del(&ike->by_spi, &sa->by_spi);
		free(sa);
		return NULL;
	}
	espnic_ike_conn_get(conn);
	sa->conn = conn;
	link_sa(ike, sa);
	ike->count.sas++;
	espnic_ike_sa_touch(sa);
	return sa;
}

struct espnic_ike_sa *espnic_ike_sa_by_spi(struct espnic_ike *ike, uint64_t ours)
{
	struct espnic_ike_node *n = espnic_ike_table_find(&ike->by_spi, ours);

	return n ? espnic_ike_of(n, struct espnic_ike_sa, by_spi) : NULL;
}

struct espnic_ike_sa *espnic_ike_sa_by_id(struct espnic_ike *ike, uint32_t id)
{
	struct espnic_ike_node *n = espnic_ike_table_find(&ike->by_id, id);

	return n ? espnic_ike_of(n, struct espnic_ike_sa, by_id) : NULL;
}

void espnic_ike_sa_touch(struct espnic_ike_sa *sa)
{
	if (sa->dirty)
		return;
	sa->dirty = true;
	sa->dirty_next = sa->ike->dirty;
	sa->ike->dirty = sa;
}

/* Half-open SAs of one address; several addresses may share a slot, which makes the limit stricter for them. */
static uint16_t *addr_slot(struct espnic_ike *ike, const struct espnic_ike_addr *a)
{
	size_t len = a->family == 4 ? 4 : 8;

	return &ike->half_open_addr[espnic_ike_hash(ike, a->bytes, len) % ESPNIC_IKE_ADDR_SLOTS];
}

uint32_t espnic_ike_half_open_of(struct espnic_ike *ike, const struct espnic_ike_addr *a)
{
	return *addr_slot(ike, a);
}

void espnic_ike_half_open(struct espnic_ike_sa *sa, bool yes)
{
	struct espnic_ike *ike = sa->ike;

	if (sa->half_open == yes)
		return;
	sa->half_open = yes;
	ike->count.half_open += yes ? 1 : -1;
	*addr_slot(ike, &sa->remote.addr) += yes ? 1 : -1;
}

void espnic_ike_sa_end(struct espnic_ike_sa *sa)
{
	struct espnic_ike *ike = sa->ike;

	if (sa->state == ESPNIC_IKE_ST_DEAD)
		return;
	while (sa->children)
		espnic_ike_child_end(sa->children, NULL);
	espnic_ike_vip_drop(sa);
	espnic_ike_half_open(sa, false);
	sa->state = ESPNIC_IKE_ST_DEAD;
	espnic_ike_table_del(&ike->by_spi, &sa->by_spi);
	espnic_ike_table_del(&ike->by_id, &sa->by_id);
	espnic_ike_table_del(&ike->by_init, &sa->by_init);
	espnic_ike_table_del(&ike->by_peer, &sa->by_peer);
	heap_del(sa);
	unlink_sa(ike, sa);
	ike->count.sas--;
	sa->next = ike->graves;
	ike->graves = sa;
}

static void sa_free(struct espnic_ike_sa *sa)
{
	espnic_ike_exchange_free(&sa->mine);
	espnic_ike_exchange_free(&sa->theirs);
	espnic_ike_exchange_free(&sa->pending);
	espnic_ike_fragments_free(sa);
	espnic_ike_keys_free(&sa->ike->crypto, sa->keys);
	espnic_ike_keys_free(&sa->ike->crypto, sa->plain);
	espnic_ike_conn_put(sa->conn);
	free(sa->request);
	free(sa->response);
	free(sa->local_id);
	free(sa->remote_id);
	free(sa);
}

void espnic_ike_bury(struct espnic_ike *ike)
{
	while (ike->child_graves) {
		struct espnic_ike_child *child = ike->child_graves;

		ike->child_graves = child->next;
		espnic_ike_child_free(child);
	}
	while (ike->graves) {
		struct espnic_ike_sa *sa = ike->graves;

		ike->graves = sa->next;
		sa_free(sa);
	}
}

uint64_t espnic_ike_after_ms(struct espnic_ike *ike, uint64_t base, uint64_t spread)
{
	uint64_t r = 0;

	if (!base)
		return ESPNIC_IKE_NEVER;
	if (spread > base)
		spread = base;
	if (spread && espnic_ike_random(&ike->crypto, &r, sizeof(r)))
		r %= spread + 1;
	return ike->now + base - r;
}
