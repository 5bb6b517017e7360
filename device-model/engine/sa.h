/* SPDX-License-Identifier: BSD-2-Clause */
/* An SA as the shared pipeline of ref and fast sees it. */
#ifndef ESPNIC_ENGINE_SA_H
#define ESPNIC_ENGINE_SA_H

#include "engine/body.h"
#include "engine/engine.h"
#include "engine/lock.h"
#include "engine/replay.h"

enum {
	ESPNIC_SA_BYTES = 512,		/* the most an SA takes with a window of 64, keys apart */
	/* Words of bitmap that window needs: a power of two, one more than are judged. */
	ESPNIC_SA_SMALL_WORDS = 2,
	/*
	 * Packets, outbound SAs of crypto offload: how far behind the highest number sent one may still come, as
	 * queues overtake each other. As far as any receiver takes it.
	 */
	ESPNIC_SA_SENT_WINDOW = ESPNIC_WINDOW_MAX,
};

/*
 * In the order in which packets come to it: what never changes, what every packet
 * changes, what ends SAs, and what only tunnels, selectors and odd packets want.
 */
struct espnic_sa {
	struct espnic_sa_info info;

	/* Constant from sa_add to sa_del. */
	const struct espnic_body *body;
	uint8_t enc, auth;		/* enum espnic_enc, enum espnic_auth */
	uint8_t salt[ESPNIC_SALT_MAX];
	uint8_t salt_len;
	uint8_t align;			/* bytes the ESP trailer ends on: RFC 4303 section 2.4 */
	uint8_t ttl, df;
	uint8_t tos_keep, tos_set;	/* of the outer TOS or traffic class: bits of the inner one, and bits that are set */
	bool ecn;
	bool has_sel;
	uint8_t way;			/* the body's own: which short way packets may take, 0: none */
	uint16_t udp_sport, udp_dport;
	uint32_t mtu, tfc_len;

	/* Guarded by lock: what every packet changes, in one cache line; of inbound ones, all of it. */
	_Alignas(ESPNIC_CACHE_LINE) struct espnic_lock lock;
	bool limited;			/* any of the four limits is set */
	uint8_t events;			/* enum espnic_sa_event: not collected yet */
	uint8_t raised;			/* the same: told once already, since the limits were set */
	/* Inbound: highest number verified, and below; outbound, crypto offload: the same of numbers sent. */
	struct espnic_window window;
	uint64_t small_seen[ESPNIC_SA_SMALL_WORDS]; /* of a small window */
	uint64_t bytes, packets;	/* that passed */

	/* The cache line behind it, outbound: the number and the lease, and what tunnels want (constant). */
	_Alignas(ESPNIC_CACHE_LINE) uint64_t seq; /* highest number sent */
	uint64_t lease_mark, lease_end;	/* lease_end 0: no lease */
	uint16_t ip_id;			/* next IPv4 identification of the outer header */
	uint32_t tunnel_sum;		/* constant: what all outer IPv4 headers share, summed for their checksum */
	uint8_t tunnel_src[16], tunnel_dst[16]; /* constant */

	/* Guarded by lock. */
	_Alignas(ESPNIC_CACHE_LINE) uint64_t soft_packets;
	uint64_t hard_packets, soft_bytes, hard_bytes;
	uint64_t verdicts[ESPNIC_VERDICTS];	/* packets that did not pass */

	/* Constant again. */
	struct espnic_selector sel;
	uint32_t size;			/* bytes of the whole allocation */

	/* The prepared keys, then the bitmap of a window that is not small. */
	_Alignas(ESPNIC_CACHE_LINE) uint8_t key[];
};

_Static_assert(sizeof(struct espnic_sa) <= ESPNIC_SA_BYTES, "an SA beside its keys");
_Static_assert(offsetof(struct espnic_sa, lock) == ESPNIC_CACHE_LINE &&
		       offsetof(struct espnic_sa, seq) == 2 * ESPNIC_CACHE_LINE &&
		       offsetof(struct espnic_sa, soft_packets) == 3 * ESPNIC_CACHE_LINE,
	       "a packet without limits and selector wants two cache lines of its SA inbound, three outbound");

/* Behind the ops of the same names. */
enum espnic_verdict espnic_sa_new(const struct espnic_body *body, const struct espnic_sa_params *p,
				  struct espnic_sa **sa, const char **why);
enum espnic_verdict espnic_sa_update(struct espnic_sa *sa, const struct espnic_sa_update *u);
void espnic_sa_free(struct espnic_sa *sa);
void espnic_sa_query(struct espnic_sa *sa, struct espnic_sa_state *st);
void espnic_sa_window(struct espnic_sa *sa, struct espnic_sa_window *w);
void espnic_sa_inherit(struct espnic_sa *heir, struct espnic_sa *old);

/*
 * Whether @p makes sense (ESPNIC_OK), and if not, ESPNIC_BAD_SA with the reason;
 * ESPNIC_UNSUPPORTED for what makes sense but no body of this engine has.
 */
enum espnic_verdict espnic_sa_check(const struct espnic_sa_params *p, const char **why);

/* Of sound parameters, in bytes: the ICV (icv_len, or the transform's default) and the explicit IV. */
uint8_t espnic_sa_icv_len(const struct espnic_sa_params *p);
uint8_t espnic_sa_iv_len(const struct espnic_sa_params *p);
/* What the ESP trailer of sound parameters ends on: 4 bytes, or the cipher's block. */
uint8_t espnic_sa_align(const struct espnic_sa_params *p);

/* espnic_sa_count() of an SA that has a limit. */
enum espnic_verdict espnic_sa_count_limited(struct espnic_sa *sa, uint32_t bytes, uint32_t *flags);

/*
 * With the lock held: counts a clear packet of @bytes that passes, ESPNIC_OK, or
 * ESPNIC_LIFETIME and nothing is counted. Sets ESPNIC_PKT_EVENT in *@flags when
 * that is news to the owner.
 */
static inline enum espnic_verdict espnic_sa_count(struct espnic_sa *sa, uint32_t bytes, uint32_t *flags)
{
	if (sa->limited)
		return espnic_sa_count_limited(sa, bytes, flags);
	sa->packets++;
	sa->bytes += bytes;
	return ESPNIC_OK;
}

/* espnic_sa_expired() of an SA that has a limit. */
bool espnic_sa_expired_limited(const struct espnic_sa *sa);

/* With the lock held: whether the SA has reached a hard limit, whatever comes. */
static inline bool espnic_sa_expired(const struct espnic_sa *sa)
{
	return sa->limited && espnic_sa_expired_limited(sa);
}

/* With the lock held: raises @event once. */
void espnic_sa_raise(struct espnic_sa *sa, uint32_t event, uint32_t *flags);

/*
 * With the lock held: takes the number of the outbound packet @pkt, whose clear form has @bytes
 * (RFC 4303 section 3.3.3: it never cycles), and counts the packet against the lifetime (RFC 4301 section
 * 4.4.2.1). ESPNIC_OK and @pkt->seq; else nothing is taken.
 */
static inline enum espnic_verdict espnic_sa_number(struct espnic_sa *sa, struct espnic_pkt *pkt,
						   uint32_t bytes)
{
	uint64_t last = sa->info.esn ? UINT64_MAX : UINT32_MAX;
	uint64_t next = pkt->flags & ESPNIC_PKT_SEQ ? pkt->seq : sa->seq + 1;
	enum espnic_verdict verdict;

	if (pkt->flags & ESPNIC_PKT_SEQ ? pkt->seq > last : sa->seq >= last)
		return ESPNIC_SEQ_EXHAUSTED;
	if (sa->lease_end && next > sa->lease_end)
		return ESPNIC_LEASE;
	verdict = espnic_sa_count(sa, bytes, &pkt->flags);
	if (verdict != ESPNIC_OK)
		return verdict;
	sa->seq = next;
	pkt->seq = next;
	if (sa->lease_end && next >= sa->lease_mark)
		espnic_sa_raise(sa, ESPNIC_SA_LEASE_LOW, &pkt->flags);
	return ESPNIC_OK;
}

/*
 * With the lock held: the number of an inbound packet whose header says @low, as the SA stands now (RFC
 * 4303 section 3.4.3), and whether it may pass: all that comes before the ICV.
 */
static inline enum espnic_verdict espnic_sa_judge(const struct espnic_sa *sa, uint32_t low, uint64_t *seq)
{
	enum espnic_verdict verdict;

	if (espnic_sa_expired(sa))
		return ESPNIC_LIFETIME;
	verdict = espnic_window_infer(&sa->window, sa->info.esn, low, seq);
	return verdict == ESPNIC_OK ? espnic_window_check(&sa->window, *seq) : verdict;
}

/*
 * Takes the lock of @sa (NULL: none) and gives back that of *@held, unless they are the same: packets of one SA in a row
 * are then looked at under one lock. Nothing long may be done meanwhile.
 */
static inline void espnic_sa_hold(struct espnic_sa **held, struct espnic_sa *sa)
{
	if (*held == sa)
		return;
	if (*held)
		espnic_unlock(&(*held)->lock);
	if (sa)
		espnic_lock(&sa->lock);
	*held = sa;
}

/* With the lock held: counts a packet that did not pass. */
void espnic_sa_refuse_held(struct espnic_sa *sa, struct espnic_pkt *pkt, enum espnic_verdict verdict);

/* Takes the lock; the same. */
void espnic_sa_refuse(struct espnic_sa *sa, struct espnic_pkt *pkt, enum espnic_verdict verdict);

#endif
