// SPDX-License-Identifier: BSD-2-Clause
/*
 * Wire to host (RFC 4301 section 5.2): IPsec of a known SA goes through the engine,
 * what comes out and everything in clear through the SPD.
 */
#include "nic/steer_impl.h"

#include "engine/ip.h"
#include "nic/dormant.h"
#include "nic/fragcache.h"
#include "nic/peer.h"

#include <string.h>

/* Instead of a counter: the ports decide, and the packet does not show them. */
#define UNDECIDED ESPNIC_COUNTER_COUNT

/* Why the engine refused a packet. */
static enum espnic_counter rx_refusal(enum espnic_verdict v)
{
	switch (v) {
	case ESPNIC_MALFORMED:
		return ESPNIC_COUNTER_RX_DROP_MALFORMED;
	case ESPNIC_INTEGRITY:
		return ESPNIC_COUNTER_RX_DROP_INTEGRITY;
	case ESPNIC_REPLAY:
		return ESPNIC_COUNTER_RX_DROP_REPLAY;
	case ESPNIC_TOO_OLD:
		return ESPNIC_COUNTER_RX_DROP_TOO_OLD;
	case ESPNIC_LIFETIME:
		return ESPNIC_COUNTER_RX_DROP_LIFETIME;
	case ESPNIC_SELECTOR:
		return ESPNIC_COUNTER_RX_DROP_SELECTOR;
	case ESPNIC_PADDING:
		return ESPNIC_COUNTER_RX_DROP_PADDING;
	case ESPNIC_ECN:
		return ESPNIC_COUNTER_RX_DROP_ECN;
	default:
		return ESPNIC_COUNTER_RX_DROP_ENGINE;
	}
}

/* ipsec_status of the completion is the engine's verdict, by number. */
_Static_assert((int)ESPNIC_OK == (int)ESPNIC_IPSEC_STATUS_OK &&
		       (int)ESPNIC_INTEGRITY == (int)ESPNIC_IPSEC_STATUS_INTEGRITY &&
		       (int)ESPNIC_ECN == (int)ESPNIC_IPSEC_STATUS_ECN &&
		       (int)ESPNIC_LEASE == (int)ESPNIC_IPSEC_STATUS_LEASE,
	       "verdicts and ipsec_status are the same numbers");

/* Delivers or drops the frame, as @counter says. */
static void rx_settle(struct espnic_steer_burst *b, struct espnic_steer_job *j,
		      enum espnic_counter counter)
{
	switch (counter) {
	case ESPNIC_COUNTER_RX_BYPASS:
	case ESPNIC_COUNTER_RX_UNKNOWN_SPI:
	case ESPNIC_COUNTER_RX_KEEPALIVE:
		espnic_steer_count(b, j, counter);
		break;
	default:
		espnic_steer_drop(b, j, counter);
		break;
	}
}

/* As rx_settle(); a first fragment's verdict is kept for those that follow. */
static void rx_settle_first(struct espnic_steer_burst *b, struct espnic_steer_job *j,
			    enum espnic_counter counter)
{
	if (j->flow.flags & ESPNIC_FLOW_FRAGMENT)
		espnic_fragcache_put(b->t->frags, 0, &j->flow, espnic_steer_now(b), counter);
	rx_settle(b, j, counter);
}

/* What the SPD says of a packet in clear; UNDECIDED if it cannot tell. */
static enum espnic_counter rx_clear_verdict(const struct espnic_steer *s,
					    const struct espnic_flow *flow)
{
	struct espnic_spd_policy *in, *fwd;
	enum espnic_spd_result in_res = espnic_spd_lookup(s->spd, ESPNIC_SPD_IN, flow, &in);
	enum espnic_spd_result fwd_res = espnic_spd_lookup(s->spd, ESPNIC_SPD_FWD, flow, &fwd);
	bool in_protect = in_res == ESPNIC_SPD_MATCH && in->action == ESPNIC_SPD_PROTECT;
	bool fwd_protect = fwd_res == ESPNIC_SPD_MATCH && fwd->action == ESPNIC_SPD_PROTECT;

	if (in_res == ESPNIC_SPD_MATCH)
		espnic_spd_count_packet(in, flow->ip_len);
	else if (fwd_protect)
		espnic_spd_count_packet(fwd, flow->ip_len);
	/* Also while such a policy is being deleted: it lets nothing through until it is gone. */
	if (in_protect || fwd_protect)
		return ESPNIC_COUNTER_RX_DROP_CLEAR;
	if (in_res == ESPNIC_SPD_MATCH && espnic_spd_action(in) == ESPNIC_SPD_DISCARD)
		return ESPNIC_COUNTER_RX_DROP_DISCARD;
	if (in_res == ESPNIC_SPD_AMBIGUOUS || fwd_res == ESPNIC_SPD_AMBIGUOUS)
		return UNDECIDED;
	return ESPNIC_COUNTER_RX_BYPASS;
}

static void rx_clear(struct espnic_steer_burst *b, struct espnic_steer_job *j)
{
	enum espnic_counter verdict = rx_clear_verdict(b->t->steer, &j->flow);
	uint32_t first;

	if (!(j->flow.flags & ESPNIC_FLOW_NONFIRST)) {
		/* A transport header cut short. */
		if (verdict == UNDECIDED)
			verdict = ESPNIC_COUNTER_RX_DROP_MALFORMED;
		rx_settle_first(b, j, verdict);
		return;
	}
	/* The first fragment knew more, but it cannot undo what is sure of this one. */
	if (verdict == UNDECIDED || verdict == ESPNIC_COUNTER_RX_BYPASS) {
		if (espnic_fragcache_get(b->t->frags, 0, &j->flow, espnic_steer_now(b), &first))
			verdict = first;
		else if (verdict == UNDECIDED)
			verdict = ESPNIC_COUNTER_RX_DROP_FRAGMENT;
	}
	rx_settle(b, j, verdict);
}

/* Four bytes of any UDP packet may look like an SPI: the port must fit the SA, too. */
static bool port_fits(const struct espnic_sad_entry *e, const struct espnic_flow *flow,
		      const struct espnic_peek *peek)
{
	return peek->kind != ESPNIC_PEEK_UDP || flow->dport == ESPNIC_NATT_PORT ||
	       (e->udp_encap && flow->dport == e->udp_dport);
}

/* The SA of what was peeked at in the frame, NULL: none that is known. */
static struct espnic_sad_entry *rx_sa(const struct espnic_steer *s, const struct espnic_flow *flow,
				      const struct espnic_peek *peek)
{
	const struct espnic_sad_key key = {
		.spi = peek->spi, .ip_proto = peek->proto, .family = flow->family,
		.daddr = flow->dst, .saddr = flow->src,
	};
	struct espnic_sad_entry *e = espnic_sad_find(s->sad, &key);

	return e && port_fits(e, flow, peek) ? e : NULL;
}

/* The same of dormant SAs. */
static bool rx_dormant(const struct espnic_steer *s, const struct espnic_flow *flow,
		       const struct espnic_peek *peek)
{
	const struct espnic_sad_entry *e = espnic_dormant_lookup_in(
		s->dormant, peek->spi, peek->proto, flow->family, flow->dst);

	return e && port_fits(e, flow, peek);
}

/* The frame is for SA @e. */
static void rx_for_sa(struct espnic_steer_burst *b, struct espnic_steer_job *j,
		      struct espnic_sad_entry *e)
{
	/* What says so will be gone when the packet is verified. */
	if (e->udp_encap) {
		memcpy(j->peer_addr, j->flow.src, sizeof(j->peer_addr));
		j->peer_port = j->flow.sport;
	}
	espnic_steer_batch_add(e->offload == ESPNIC_OFFLOAD_PACKET ? &b->packet : &b->crypto, j, e);
}

/* A packet of @j's SA was verified: if it came in UDP, its peer may have moved. */
static void rx_verified(struct espnic_steer_burst *b, const struct espnic_steer_job *j)
{
	const struct espnic_steer *s = b->t->steer;

	if (j->sa->udp_encap &&
	    espnic_peer_seen(s->peers, j->sa, j->peer_addr, j->peer_port, j->seq))
		s->sa_event(s->event_ctx, j->sa->handle);
}

/* ESP, AH or UDP that may be ESP; @natt: UDP to the NAT traversal port. */
static void rx_ipsec(struct espnic_steer_burst *b, struct espnic_steer_job *j,
		     const struct espnic_peek *peek, bool natt)
{
	struct espnic_sad_entry *e = rx_sa(b->t->steer, &j->flow, peek);

	if (e && j->flow.flags & ESPNIC_FLOW_FRAGMENT)
		rx_settle_first(b, j, ESPNIC_COUNTER_RX_DROP_FRAGMENT);
	else if (e)
		rx_for_sa(b, j, e);
	else if (rx_dormant(b->t->steer, &j->flow, peek))
		rx_settle_first(b, j, ESPNIC_COUNTER_RX_DROP_DORMANT);
	else if (peek->kind == ESPNIC_PEEK_IPSEC || natt)
		rx_settle_first(b, j, ESPNIC_COUNTER_RX_UNKNOWN_SPI);
	else
		rx_clear(b, j);
}

/* A packet that does not parse: passes only where there is no policy. */
static void rx_unjudged(struct espnic_steer_burst *b, struct espnic_steer_job *j)
{
	if (espnic_spd_count(b->t->steer->spd))
		espnic_steer_drop(b, j, ESPNIC_COUNTER_RX_DROP_MALFORMED);
	else
		espnic_steer_count(b, j, ESPNIC_COUNTER_RX_BYPASS);
}

/* ESP or AH whose header is not to be seen. */
static void rx_ipsec_short(struct espnic_steer_burst *b, struct espnic_steer_job *j)
{
	uint32_t verdict = ESPNIC_COUNTER_RX_UNKNOWN_SPI;

	if (!(j->flow.flags & ESPNIC_FLOW_NONFIRST)) {
		rx_unjudged(b, j);
		return;
	}
	(void)espnic_fragcache_get(b->t->frags, 0, &j->flow, espnic_steer_now(b), &verdict);
	rx_settle(b, j, verdict);
}

static void rx_frame(struct espnic_steer_burst *b, struct espnic_steer_job *j)
{
	struct espnic_frame *f = j->f;
	enum espnic_l3_kind kind = espnic_frame_l3(f->buf + f->off, f->len, &j->l3);
	struct espnic_peek peek;
	bool natt;

	f->flags = 0;
	f->sa_handle = 0;
	f->seq = 0;
	f->ipsec_status = ESPNIC_IPSEC_STATUS_OK;
	if (kind == ESPNIC_L3_SHORT) {
		espnic_steer_drop(b, j, ESPNIC_COUNTER_RX_DROP_RUNT);
		return;
	}
	if (kind == ESPNIC_L3_OTHER)
		return;
	if (kind == ESPNIC_L3_BAD ||
	    !espnic_flow_parse(espnic_steer_ip(j), f->len - j->l3, &j->flow)) {
		rx_unjudged(b, j);
		return;
	}
	espnic_steer_peek(espnic_steer_ip(j), &j->flow, &peek);
	natt = j->flow.flags & ESPNIC_FLOW_PORTS && j->flow.dport == ESPNIC_NATT_PORT;
	if (peek.kind == ESPNIC_PEEK_IPSEC || peek.kind == ESPNIC_PEEK_UDP)
		rx_ipsec(b, j, &peek, natt);
	else if (peek.kind == ESPNIC_PEEK_KEEPALIVE && natt)
		rx_settle(b, j, ESPNIC_COUNTER_RX_KEEPALIVE);
	else if (peek.kind == ESPNIC_PEEK_SHORT)
		rx_ipsec_short(b, j);
	else
		rx_clear(b, j);
}

/*
 * The packet that came out of an SA of packet offload must be one that some policy wanted from it
 * (RFC 4301 section 5.2 step 4). RX_UNPROTECTED, or why not.
 */
static enum espnic_counter rx_inner_verdict(struct espnic_steer_burst *b,
					    struct espnic_steer_job *j)
{
	const uint8_t fragment = j->flow.flags & (ESPNIC_FLOW_FRAGMENT | ESPNIC_FLOW_NONFIRST);
	struct espnic_spd_policy *p;
	uint32_t verdict;

	switch (espnic_spd_check_inbound(b->t->steer->spd, &j->flow, j->sa, &p)) {
	case ESPNIC_SPD_MATCH:
		espnic_spd_count_packet(p, j->flow.ip_len);
		if (fragment == ESPNIC_FLOW_FRAGMENT)
			espnic_fragcache_put(b->t->frags, j->sa->handle, &j->flow,
					     espnic_steer_now(b), ESPNIC_COUNTER_RX_UNPROTECTED);
		return ESPNIC_COUNTER_RX_UNPROTECTED;
	case ESPNIC_SPD_AMBIGUOUS:
		if (!(fragment & ESPNIC_FLOW_NONFIRST))
			return ESPNIC_COUNTER_RX_DROP_MALFORMED;
		/* Only good ones are remembered. */
		if (espnic_fragcache_get(b->t->frags, j->sa->handle, &j->flow, espnic_steer_now(b),
					 &verdict))
			return verdict;
		return ESPNIC_COUNTER_RX_DROP_FRAGMENT;
	default:
		return ESPNIC_COUNTER_RX_DROP_SELECTOR;
	}
}

static void rx_unprotected(struct espnic_steer_burst *b, struct espnic_steer_job *j,
			   const struct espnic_pkt *pkt)
{
	struct espnic_frame *f = j->f;
	enum espnic_counter verdict;

	j->seq = pkt->seq;
	if (pkt->verdict != ESPNIC_OK) {
		espnic_steer_drop(b, j, rx_refusal(pkt->verdict));
		return;
	}
	rx_verified(b, j);
	if (pkt->flags & ESPNIC_PKT_DUMMY) {
		espnic_steer_drop(b, j, ESPNIC_COUNTER_RX_DUMMY);
		return;
	}
	if (!espnic_flow_parse(pkt->data, pkt->len, &j->flow)) {
		espnic_steer_drop(b, j, ESPNIC_COUNTER_RX_DROP_MALFORMED);
		return;
	}
	verdict = rx_inner_verdict(b, j);
	if (verdict != ESPNIC_COUNTER_RX_UNPROTECTED) {
		espnic_steer_drop(b, j, verdict);
		return;
	}
	espnic_steer_reframe(j, pkt);
	f->flags |= ESPNIC_FRAME_IPSEC | ESPNIC_FRAME_DECAP;
	f->sa_handle = j->sa->handle;
	f->seq = pkt->seq;
	espnic_steer_count(b, j, ESPNIC_COUNTER_RX_UNPROTECTED);
}

/* Crypto offload: the host gets it in any case, and judges by the status. */
static void rx_crypted(struct espnic_steer_burst *b, struct espnic_steer_job *j,
		       const struct espnic_pkt *pkt)
{
	struct espnic_frame *f = j->f;
	bool ok = pkt->verdict == ESPNIC_OK;

	j->seq = pkt->seq;
	f->flags |= ESPNIC_FRAME_IPSEC;
	f->sa_handle = j->sa->handle;
	f->seq = pkt->seq;
	f->ipsec_status = pkt->verdict;
	if (ok)
		rx_verified(b, j);
	espnic_steer_count(b, j, ok ? ESPNIC_COUNTER_RX_CRYPTO : ESPNIC_COUNTER_RX_CRYPTO_FAILED);
}

static void rx_burst(struct espnic_steer_thread *t, struct espnic_frame *frames, unsigned int n)
{
	const struct espnic_engine_ops *engine = t->steer->engine;
	struct espnic_steer_burst b;

	espnic_steer_begin(&b, t, frames, n);
	for (unsigned int i = 0; i < n; i++)
		rx_frame(&b, &b.jobs[i]);

	if (b.packet.n)
		engine->unprotect(t->engine, b.packet.pkts, b.packet.n);
	for (unsigned int i = 0; i < b.packet.n; i++)
		rx_unprotected(&b, b.packet.jobs[i], &b.packet.pkts[i]);
	espnic_steer_batch_events(&b, &b.packet);

	if (b.crypto.n)
		engine->crypt_in(t->engine, b.crypto.pkts, b.crypto.n);
	for (unsigned int i = 0; i < b.crypto.n; i++)
		rx_crypted(&b, b.crypto.jobs[i], &b.crypto.pkts[i]);
	espnic_steer_batch_events(&b, &b.crypto);
	espnic_steer_end(&b, n, ESPNIC_PCAP_IN);
}

void espnic_steer_rx(struct espnic_steer_thread *t, struct espnic_frame *frames, unsigned int n)
{
	while (n) {
		unsigned int some = n < ESPNIC_STEER_BURST ? n : ESPNIC_STEER_BURST;

		rx_burst(t, frames, some);
		frames += some;
		n -= some;
	}
}
