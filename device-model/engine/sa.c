// SPDX-License-Identifier: BSD-2-Clause
#include "engine/sa.h"

#include <stdlib.h>
#include <string.h>

#include "engine/tunnel.h"
#include "engine/wipe.h"

void espnic_sa_params_init(struct espnic_sa_params *p)
{
	memset(p, 0, sizeof(*p));
	p->tunnel.ttl = 64;
	p->tunnel.dscp = ESPNIC_DSCP_COPY;
	p->tunnel.ecn = true;
	p->tunnel.df = ESPNIC_DF_COPY;
}

static size_t round_up(size_t n, size_t unit)
{
	return (n + unit - 1) / unit * unit;
}

/* RFC 1071 section 2 (A): parts of a sum may be summed before, and (B) how wide the words are does not matter. */
static uint32_t tunnel_sum(const struct espnic_sa_params *p)
{
	uint64_t sum = (uint64_t)ESPNIC_IPV4_VERSION_IHL << 24;

	sum += (uint64_t)p->tunnel.ttl << 24;
	sum += espnic_get32(p->tunnel.src);
	sum += espnic_get32(p->tunnel.dst);
	return (uint32_t)((sum & UINT32_MAX) + (sum >> 32));
}

static void set_tunnel(struct espnic_sa *sa, const struct espnic_sa_params *p)
{
	sa->info.outer_family = p->tunnel.family;
	memcpy(sa->tunnel_src, p->tunnel.src, sizeof(sa->tunnel_src));
	memcpy(sa->tunnel_dst, p->tunnel.dst, sizeof(sa->tunnel_dst));
	sa->ttl = p->tunnel.ttl;
	if (p->tunnel.dscp == ESPNIC_DSCP_COPY)
		sa->tos_keep = (uint8_t)~ESPNIC_ECN_MASK;
	else
		sa->tos_set = (uint8_t)(p->tunnel.dscp << ESPNIC_DSCP_SHIFT);
	if (p->tunnel.ecn)
		sa->tos_keep |= ESPNIC_ECN_MASK;
	sa->tunnel_sum = tunnel_sum(p);
	sa->ecn = p->tunnel.ecn;
	sa->df = (uint8_t)p->tunnel.df;
}

/* All that packets never change. */
static void set_constants(struct espnic_sa *sa, const struct espnic_sa_params *p)
{
	sa->info.spi = p->spi;
	sa->info.dir = (uint8_t)p->dir;
	sa->info.offload = (uint8_t)p->offload;
	sa->info.proto = (uint8_t)p->proto;
	sa->info.mode = (uint8_t)p->mode;
	sa->info.icv_len = espnic_sa_icv_len(p);
	sa->info.iv_len = espnic_sa_iv_len(p);
	sa->info.esn = p->esn;
	sa->info.udp_encap = p->udp_encap;
	sa->info.owner = p->owner;

	sa->enc = (uint8_t)p->enc;
	sa->auth = (uint8_t)p->auth;
	memcpy(sa->salt, p->salt, sizeof(sa->salt));
	sa->salt_len = p->salt_len;
	sa->align = espnic_sa_align(p);
	sa->udp_sport = p->udp_sport;
	sa->udp_dport = p->udp_dport;
	if (p->mode == ESPNIC_MODE_TUNNEL)
		set_tunnel(sa, p);
	sa->has_sel = p->has_sel && p->offload == ESPNIC_OFFLOAD_PACKET;
	sa->sel = p->sel;
	sa->mtu = p->mtu;
	sa->tfc_len = p->tfc_len;
}

/* The host makes the numbers, and the SA sees to it that none comes twice. */
static bool is_crypto_out(const struct espnic_sa_params *p)
{
	return p->offload == ESPNIC_OFFLOAD_CRYPTO && p->dir == ESPNIC_DIR_OUT;
}

static uint32_t window_of(const struct espnic_sa_params *p)
{
	return is_crypto_out(p) ? ESPNIC_SA_SENT_WINDOW : p->replay_window;
}

/* @seen: zeroed. */
static void set_window(struct espnic_sa *sa, const struct espnic_sa_params *p, uint64_t *seen)
{
	espnic_window_init(&sa->window, window_of(p), is_crypto_out(p) ? 0 : p->seq, seen);
	/* What was sent before counts as sent, all of it. */
	if (is_crypto_out(p))
		espnic_window_raise(&sa->window, p->seq);
}

static void set_limits(struct espnic_sa *sa, uint64_t soft_packets, uint64_t hard_packets,
		       uint64_t soft_bytes, uint64_t hard_bytes)
{
	sa->soft_packets = soft_packets;
	sa->hard_packets = hard_packets;
	sa->soft_bytes = soft_bytes;
	sa->hard_bytes = hard_bytes;
	sa->limited = soft_packets || hard_packets || soft_bytes || hard_bytes;
}

enum espnic_verdict espnic_sa_new(const struct espnic_body *body, const struct espnic_sa_params *p,
				  struct espnic_sa **out, const char **why)
{
	bool small = espnic_window_bytes(window_of(p)) <= ESPNIC_SA_SMALL_WORDS * sizeof(uint64_t);
	size_t key_size, window_off, size;
	enum espnic_verdict verdict;
	struct espnic_sa *sa;
	const char *ignored;

	*out = NULL;
	if (!why)
		why = &ignored;
	verdict = espnic_sa_check(p, why);
	if (verdict != ESPNIC_OK)
		return verdict;

	key_size = body->key_size(p);
	if (!key_size) {
		*why = "transforms this body lacks";
		return ESPNIC_UNSUPPORTED;
	}
	window_off = sizeof(*sa) + round_up(key_size, sizeof(uint64_t));
	size = round_up(window_off + (small ? 0 : espnic_window_bytes(window_of(p))), ESPNIC_CACHE_LINE);
	sa = aligned_alloc(ESPNIC_CACHE_LINE, size);
	if (!sa) {
		*why = "out of memory";
		return ESPNIC_UNSUPPORTED;
	}
	memset(sa, 0, size);
	sa->size = (uint32_t)size;
	espnic_lock_init(&sa->lock);
	set_constants(sa, p);
	sa->body = body;
	sa->seq = p->seq;
	sa->lease_mark = p->lease_mark;
	sa->lease_end = p->lease_end;
	set_window(sa, p, small ? sa->small_seen : (uint64_t *)((uint8_t *)sa + window_off));
	if (p->offload == ESPNIC_OFFLOAD_PACKET)
		set_limits(sa, p->soft_packets, p->hard_packets, p->soft_bytes, p->hard_bytes);
	if (!body->expand(sa->key, p)) {
		espnic_sa_free(sa);
		*why = "key length";
		return ESPNIC_BAD_SA;
	}
	*out = sa;
	return ESPNIC_OK;
}

void espnic_sa_free(struct espnic_sa *sa)
{
	if (!sa)
		return;
	espnic_wipe(sa, sa->size);
	free(sa);
}

enum espnic_verdict espnic_sa_update(struct espnic_sa *sa, const struct espnic_sa_update *u)
{
	if (u->what & ESPNIC_UPDATE_SEQ && !sa->info.esn && u->seq > UINT32_MAX)
		return ESPNIC_BAD_SA;

	espnic_lock(&sa->lock);
	if (u->what & ESPNIC_UPDATE_SEQ) {
		if (u->seq > sa->seq)
			sa->seq = u->seq;
		espnic_window_raise(&sa->window, u->seq);
	}
	if (u->what & ESPNIC_UPDATE_LIFE) {
		set_limits(sa, u->soft_packets, u->hard_packets, u->soft_bytes, u->hard_bytes);
		sa->raised &= ESPNIC_SA_SEQ_EXHAUSTED | ESPNIC_SA_LEASE_LOW;
	}
	if (u->what & ESPNIC_UPDATE_LEASE) {
		sa->lease_mark = u->lease_mark;
		sa->lease_end = u->lease_end;
		sa->raised &= (uint8_t)~ESPNIC_SA_LEASE_LOW;
	}
	espnic_unlock(&sa->lock);
	return ESPNIC_OK;
}

void espnic_sa_query(struct espnic_sa *sa, struct espnic_sa_state *st)
{
	espnic_lock(&sa->lock);
	st->seq = sa->info.dir == ESPNIC_DIR_OUT ? sa->seq : sa->window.top;
	st->packets = sa->packets;
	st->bytes = sa->bytes;
	memcpy(st->verdicts, sa->verdicts, sizeof(st->verdicts));
	st->verdicts[ESPNIC_OK] = sa->packets;
	st->events = sa->events;
	sa->events = 0;
	espnic_unlock(&sa->lock);
}

void espnic_sa_window(struct espnic_sa *sa, struct espnic_sa_window *w)
{
	espnic_lock(&sa->lock);
	espnic_window_read(&sa->window, w);
	espnic_unlock(&sa->lock);
}

/* One lock after the other: @old is at rest, and two at once would need an order. */
void espnic_sa_inherit(struct espnic_sa *heir, struct espnic_sa *old)
{
	espnic_lock(&heir->lock);
	if (old->seq > heir->seq)
		heir->seq = old->seq;
	espnic_window_join(&heir->window, &old->window);
	espnic_unlock(&heir->lock);
}

void espnic_sa_raise(struct espnic_sa *sa, uint32_t event, uint32_t *flags)
{
	if (sa->raised & event)
		return;
	sa->raised |= (uint8_t)event;
	sa->events |= (uint8_t)event;
	*flags |= ESPNIC_PKT_EVENT;
}

/* Whether @n is at or over limit @limit, of which 0 means none. */
static bool reached(uint64_t n, uint64_t limit)
{
	return limit && n >= limit;
}

bool espnic_sa_expired_limited(const struct espnic_sa *sa)
{
	return reached(sa->packets, sa->hard_packets) ||
	       reached(sa->bytes, sa->hard_bytes);
}

enum espnic_verdict espnic_sa_count_limited(struct espnic_sa *sa, uint32_t bytes, uint32_t *flags)
{
	if (reached(sa->packets, sa->hard_packets)) {
		espnic_sa_raise(sa, ESPNIC_SA_HARD_PACKETS, flags);
		return ESPNIC_LIFETIME;
	}
	/* Not one byte beyond the limit passes: the packet that would cross it is refused. */
	if (sa->hard_bytes && (sa->bytes >= sa->hard_bytes || bytes > sa->hard_bytes - sa->bytes)) {
		espnic_sa_raise(sa, ESPNIC_SA_HARD_BYTES, flags);
		return ESPNIC_LIFETIME;
	}

	sa->packets++;
	sa->bytes += bytes;
	if (reached(sa->packets, sa->soft_packets))
		espnic_sa_raise(sa, ESPNIC_SA_SOFT_PACKETS, flags);
	if (reached(sa->bytes, sa->soft_bytes))
		espnic_sa_raise(sa, ESPNIC_SA_SOFT_BYTES, flags);
	if (reached(sa->packets, sa->hard_packets))
		espnic_sa_raise(sa, ESPNIC_SA_HARD_PACKETS, flags);
	if (reached(sa->bytes, sa->hard_bytes))
		espnic_sa_raise(sa, ESPNIC_SA_HARD_BYTES, flags);
	return ESPNIC_OK;
}

void espnic_sa_refuse_held(struct espnic_sa *sa, struct espnic_pkt *pkt, enum espnic_verdict verdict)
{
	sa->verdicts[verdict]++;
	if (verdict == ESPNIC_SEQ_EXHAUSTED)
		espnic_sa_raise(sa, ESPNIC_SA_SEQ_EXHAUSTED, &pkt->flags);
	pkt->verdict = verdict;
}

void espnic_sa_refuse(struct espnic_sa *sa, struct espnic_pkt *pkt, enum espnic_verdict verdict)
{
	espnic_lock(&sa->lock);
	espnic_sa_refuse_held(sa, pkt, verdict);
	espnic_unlock(&sa->lock);
}
