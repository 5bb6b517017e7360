// SPDX-License-Identifier: BSD-2-Clause
/*
 * Messages put together of fragments: RFC 7383 2.6. Only fragments whose ICV was right get here; an SA puts
 * one message together at a time, of at most so many pieces and bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "sa.h"

enum {
	FRAGMENTS_MAX = 64,
};

struct espnic_ike_fragments {
	uint32_t id;
	bool response;
	uint8_t first;			/* payload the whole begins with */
	unsigned int total, got;
	size_t bytes;
	uint8_t tail[ESPNIC_IKE_TAIL];	/* of the datagram with the first one */
	struct espnic_ike_blob part[FRAGMENTS_MAX];
};

void espnic_ike_fragments_free(struct espnic_ike_sa *sa)
{
	struct espnic_ike_fragments *f = sa->fragments;

	if (!f)
		return;
	for (unsigned int i = 0; i < FRAGMENTS_MAX; i++)
		free(f->part[i].p);
	free(f);
	sa->fragments = NULL;
}

/* The message this fragment is of; NULL: it is of none that is wanted, or there is no memory. */
static struct espnic_ike_fragments *of_message(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m)
{
	bool response = m->hdr.flags & ESPNIC_IKE_F_RESPONSE;
	struct espnic_ike_fragments *f = sa->fragments;

	if (f && (f->id != m->hdr.id || f->response != response || f->total < m->sk.total)) {
		/* More fragments of the same message: the peer has begun anew with smaller ones. */
		espnic_ike_fragments_free(sa);
		f = NULL;
	}
	if (f)
		return f->total == m->sk.total ? f : NULL;
	f = sa->fragments = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->id = m->hdr.id;
	f->response = response;
	f->total = m->sk.total;
	return f;
}

bool espnic_ike_fragment(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m, const uint8_t *tail, const uint8_t *p,
			 size_t len)
{
	struct espnic_ike_counters *count = &sa->ike->count;
	struct espnic_ike_fragments *f;
	unsigned int at = m->sk.number - 1u;

	count->rx_fragments++;
	if (!m->sk.number || m->sk.number > m->sk.total || m->sk.total > FRAGMENTS_MAX || !len || (at && m->sk.next)) {
		count->rx_fragment_bad++;
		return false;
	}
	f = of_message(sa, m);
	if (!f || f->part[at].p)
		return false;
	if (f->bytes + len > sizeof(sa->ike->rx) || !espnic_ike_blob_set(&f->part[at], p, len)) {
		count->rx_fragment_bad++;
		espnic_ike_fragments_free(sa);
		return false;
	}
	f->bytes += len;
	if (!at) {
		f->first = m->sk.next;
		memcpy(f->tail, tail, ESPNIC_IKE_TAIL);
	}
	return ++f->got == f->total;
}

size_t espnic_ike_fragments_take(struct espnic_ike_sa *sa, uint8_t *out, uint8_t *first, uint8_t tail[ESPNIC_IKE_TAIL])
{
	struct espnic_ike_fragments *f = sa->fragments;
	size_t len = 0;

	for (unsigned int i = 0; i < f->total; i++) {
		memcpy(out + len, f->part[i].p, f->part[i].len);
		len += f->part[i].len;
	}
	*first = f->first;
	memcpy(tail, f->tail, ESPNIC_IKE_TAIL);
	espnic_ike_fragments_free(sa);
	return len;
}
