// SPDX-License-Identifier: BSD-2-Clause
/*
 * Messages on their way out: encrypted, in fragments where they must be (RFC 7383), kept for as long as they may have to be sent again
 * (RFC 7296 2.1).
 */
#include <stdlib.h>
#include <string.h>

#include "sa.h"

enum {
	IPV4_UDP = 28, IPV6_UDP = 48,	/* bytes of headers in front of a datagram */
	MARKER = 4,			/* RFC 3948 2.2 */
	FRAGMENTS_MAX = 64,
	LEN_BYTES = 2,
	SKF_HEADER = ESPNIC_IKE_GENERIC + 4,
};

struct espnic_ike_wr espnic_ike_writer(struct espnic_ike *ike)
{
	return espnic_ike_wr(ike->tx, sizeof(ike->tx));
}

static size_t datagram_max(const struct espnic_ike_sa *sa)
{
	return sa->ike->set.fragment_size - (sa->remote.addr.family == 4 ? IPV4_UDP : IPV6_UDP) - (sa->natt ? MARKER : 0);
}

/* One datagram of @len bytes of payloads. False: no room, or libcrypto failed. */
static bool seal_one(struct espnic_ike_sa *sa, struct espnic_ike_wr *out, const struct espnic_ike_hdr *hdr, uint8_t first,
		     const uint8_t *plain, size_t len, unsigned int number, unsigned int total)
{
	struct espnic_ike_wr w = espnic_ike_wr(out->p + out->len + LEN_BYTES, out->room - out->len - LEN_BYTES);
	size_t at;

	espnic_ike_hdr_write(&w, hdr);
	at = espnic_ike_wr_begin(&w, total ? ESPNIC_IKE_P_SKF : ESPNIC_IKE_P_SK);
	espnic_ike_hdr_done(&w);
	espnic_ike_wr_patch(&w, at, first, 1);
	if (total) {
		espnic_ike_wr_be(&w, number, 2);
		espnic_ike_wr_be(&w, total, 2);
	}
	if (!espnic_ike_seal(&sa->ike->crypto, &sa->suite, sa->keys, espnic_ike_own_side(sa), &w, at, plain, len, sa->counter++))
		return false;
	espnic_ike_wr_be(out, w.len, LEN_BYTES);
	out->len += w.len;
	return true;
}

/* How many payload bytes a fragment takes. */
static size_t fragment_room(const struct espnic_ike_sa *sa)
{
	size_t room = datagram_max(sa), len = room;

	while (len && espnic_ike_sealed_size(&sa->suite, len, true) > room)
		len--;
	return len;
}

struct espnic_ike_packets *espnic_ike_protect(struct espnic_ike_sa *sa, enum espnic_ike_exchange exchange, bool response,
					      uint32_t id, const struct espnic_ike_wr *w)
{
	struct espnic_ike_hdr hdr = { .spi_i = sa->spi_i, .spi_r = sa->spi_r, .exchange = (uint8_t)exchange, .id = id,
				      .flags = (sa->initiator ? ESPNIC_IKE_F_INITIATOR : 0) | (response ? ESPNIC_IKE_F_RESPONSE : 0) };
	size_t whole = espnic_ike_sealed_size(&sa->suite, w->len, false), part = w->len, room;
	struct espnic_ike_packets *packets;
	struct espnic_ike_wr out;
	unsigned int n = 0;

	if (w->full)
		return NULL;
	if (sa->peer_fragments && whole > datagram_max(sa)) {
		part = fragment_room(sa);
		n = part ? (unsigned int)((w->len + part - 1) / part) : 0;
		if (!n || n > FRAGMENTS_MAX)
			return NULL;
	}
	room = (n ? n : 1) * (LEN_BYTES + espnic_ike_sealed_size(&sa->suite, part, n));
	packets = malloc(sizeof(*packets) + room);
	if (!packets)
		return NULL;
	packets->n = n ? n : 1;
	out = espnic_ike_wr(packets->bytes, room);
	for (unsigned int i = 0; i < packets->n; i++) {
		size_t from = i * part, len = w->len - from < part ? w->len - from : part;

		if (seal_one(sa, &out, &hdr, i ? 0 : w->first, w->p + from, len, i + 1, n))
			continue;
		free(packets);
		return NULL;
	}
	packets->len = (uint32_t)out.len;
	return packets;
}

struct espnic_ike_packets *espnic_ike_clear(const struct espnic_ike_wr *w)
{
	struct espnic_ike_packets *packets = w->full ? NULL : malloc(sizeof(*packets) + LEN_BYTES + w->len);
	struct espnic_ike_wr out;

	if (!packets)
		return NULL;
	out = espnic_ike_wr(packets->bytes, LEN_BYTES + w->len);
	espnic_ike_wr_be(&out, w->len, LEN_BYTES);
	espnic_ike_wr_bytes(&out, w->p, w->len);
	packets->n = 1;
	packets->len = (uint32_t)out.len;
	return packets;
}

void espnic_ike_transmit(struct espnic_ike_sa *sa, const struct espnic_ike_packets *packets)
{
	struct espnic_ike_rd r = espnic_ike_rd(packets->bytes, packets->len);

	for (unsigned int i = 0; i < packets->n; i++) {
		size_t len = espnic_ike_rd_be(&r, LEN_BYTES);
		struct espnic_ike_action *a = espnic_ike_act(sa->ike, ESPNIC_IKE_ACT_SEND);

		a->send.local = sa->local;
		a->send.remote = sa->remote;
		a->send.natt = sa->natt;
		a->send.data = espnic_ike_rd_bytes(&r, len);
		a->send.len = len;
		sa->ike->count.tx_datagrams++;
	}
	sa->last_out = sa->ike->now;
}

static void out_of_memory(struct espnic_ike_sa *sa)
{
	sa->ike->count.no_memory++;
	espnic_ike_event_sa(sa, ESPNIC_IKE_EV_NOTE, "no_memory a message could not be made");
	espnic_ike_sa_end(sa);
}

void espnic_ike_respond(struct espnic_ike_sa *sa, enum espnic_ike_exchange exchange, const struct espnic_ike_wr *w)
{
	struct espnic_ike_packets *packets = espnic_ike_protect(sa, exchange, true, sa->next_in - 1, w);

	espnic_ike_exchange_free(&sa->theirs);
	if (!packets) {
		out_of_memory(sa);
		return;
	}
	free(sa->response);
	sa->response = packets;
	espnic_ike_transmit(sa, packets);
	espnic_ike_sa_touch(sa);
}

void espnic_ike_respond_notify(struct espnic_ike_sa *sa, enum espnic_ike_exchange exchange, enum espnic_ike_notify_type type,
			       const void *data, size_t len)
{
	struct espnic_ike_wr w = espnic_ike_writer(sa->ike);

	espnic_ike_wr_notify(&w, type, data, len);
	espnic_ike_respond(sa, exchange, &w);
}

void espnic_ike_ask(struct espnic_ike_sa *sa, enum espnic_ike_exchange exchange, const struct espnic_ike_wr *w)
{
	sa->request = espnic_ike_protect(sa, exchange, false, sa->next_out, w);
	if (!sa->request) {
		out_of_memory(sa);
		return;
	}
	sa->request_tries = 0;
	sa->request_at = sa->ike->now + sa->ike->set.retransmit_ms;
	espnic_ike_transmit(sa, sa->request);
	espnic_ike_sa_touch(sa);
}

bool espnic_ike_keep(struct espnic_ike_exchange_state *x, uint8_t first, const uint8_t *p, size_t len)
{
	x->inner_first = first;
	return espnic_ike_blob_set(&x->inner, p, len);
}
