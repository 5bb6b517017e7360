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

/* What is to be done with a frame, as far as it and the tables say. */
enum rx_kind {
	RX_PASS,			/* not IP */
	RX_RUNT,
	RX_UNJUDGED,			/* it does not parse */
	RX_SHORT,			/* ESP or AH whose header is not to be seen */
	RX_KEEPALIVE,
	RX_IPSEC,			/* ESP, AH, or UDP that may be ESP: the SAD tells what it is */
	/* That of RX_IPSEC: */
	RX_SA,				/* of job->sa */
	RX_DORMANT,
	RX_UNKNOWN,
	RX_CLEAR,			/* by policy: that for this host in spd[SPD_IN], that for others in spd[SPD_FWD] */
};

enum { SPD_IN, SPD_FWD };

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
static enum espnic_counter rx_clear_verdict(const struct espnic_steer_job *j)
{
	struct espnic_spd_policy *in = j->spd[SPD_IN].policy, *fwd = j->spd[SPD_FWD].policy;
	enum espnic_spd_result in_res = j->spd[SPD_IN].result, fwd_res = j->spd[SPD_FWD].result;
	bool in_protect = in_res == ESPNIC_SPD_MATCH && in->action == ESPNIC_SPD_PROTECT;
	bool fwd_protect = fwd_res == ESPNIC_SPD_MATCH && fwd->action == ESPNIC_SPD_PROTECT;

	if (in_res == ESPNIC_SPD_MATCH)
		espnic_spd_count_packet(in, j->flow.ip_len);
	else if (fwd_protect)
		espnic_spd_count_packet(fwd, j->flow.ip_len);
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
	enum espnic_counter verdict = rx_clear_verdict(j);
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
static bool port_fits(const struct espnic_sad_entry *e, const struct espnic_steer_job *j)
{
	return j->peek.kind != ESPNIC_PEEK_UDP || j->flow.dport == ESPNIC_NATT_PORT ||
	       (e->udp_encap && j->flow.dport == e->udp_dport);
}

/* UDP to the NAT traversal port. */
static bool is_natt(const struct espnic_steer_job *j)
{
	return j->flow.flags & ESPNIC_FLOW_PORTS && j->flow.dport == ESPNIC_NATT_PORT;
}

/* Whether a dormant SA could open it. */
static bool rx_dormant(const struct espnic_steer *s, const struct espnic_steer_job *j)
{
	const struct espnic_sad_entry *e = espnic_dormant_lookup_in(
		s->dormant, j->peek.spi, j->peek.proto, j->flow.family, j->flow.dst);

	return e && port_fits(e, j);
}

/* The frame is for its SA. */
static void rx_for_sa(struct espnic_steer_burst *b, struct espnic_steer_job *j)
{
	struct espnic_sad_entry *e = j->sa;

	if (j->flow.flags & ESPNIC_FLOW_FRAGMENT) {
		j->sa = NULL;
		rx_settle_first(b, j, ESPNIC_COUNTER_RX_DROP_FRAGMENT);
		return;
	}
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

/* Pass 1: what the frame itself says. */
static enum rx_kind rx_read(struct espnic_steer_job *j)
{
	struct espnic_frame *f = j->f;
	enum espnic_l3_kind kind = espnic_frame_l3(f->buf + f->off, f->len, &j->l3);

	f->flags = 0;
	f->sa_handle = 0;
	f->seq = 0;
	f->ipsec_status = ESPNIC_IPSEC_STATUS_OK;
	if (kind == ESPNIC_L3_SHORT)
		return RX_RUNT;
	if (kind == ESPNIC_L3_OTHER)
		return RX_PASS;
	if (kind == ESPNIC_L3_BAD || !espnic_flow_parse(espnic_steer_ip(j), f->len - j->l3, &j->flow))
		return RX_UNJUDGED;
	espnic_steer_peek(espnic_steer_ip(j), &j->flow, &j->peek);
	switch (j->peek.kind) {
	case ESPNIC_PEEK_IPSEC:
	case ESPNIC_PEEK_UDP:
		return RX_IPSEC;
	case ESPNIC_PEEK_SHORT:
		return RX_SHORT;
	case ESPNIC_PEEK_KEEPALIVE:
		return is_natt(j) ? RX_KEEPALIVE : RX_CLEAR;
	default:
		return RX_CLEAR;
	}
}

/* What the packet of @j is, for which the SAD has @e (NULL: nothing). */
static enum rx_kind rx_tell(const struct espnic_steer *s, struct espnic_steer_job *j,
			    struct espnic_sad_entry *e)
{
	if (e && port_fits(e, j)) {
		j->sa = e;
		return RX_SA;
	}
	if (rx_dormant(s, j))
		return RX_DORMANT;
	return j->peek.kind == ESPNIC_PEEK_IPSEC || is_natt(j) ? RX_UNKNOWN : RX_CLEAR;
}

/* Gathers the jobs of that kind; returns how many. */
static unsigned int rx_gather(struct espnic_steer_burst *b, enum rx_kind kind,
			      struct espnic_steer_job **jobs)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < b->n; i++)
		if (b->jobs[i].kind == kind)
			jobs[n++] = &b->jobs[i];
	return n;
}

/* Pass 2: whose the IPsec packets are. */
static void rx_find_sas(struct espnic_steer_burst *b)
{
	const struct espnic_steer *s = b->t->steer;
	struct espnic_steer_job *jobs[ESPNIC_STEER_BURST];
	struct espnic_sad_key keys[ESPNIC_STEER_BURST];
	struct espnic_sad_entry *found[ESPNIC_STEER_BURST];
	unsigned int n = rx_gather(b, RX_IPSEC, jobs);

	for (unsigned int i = 0; i < n; i++)
		keys[i] = (struct espnic_sad_key){
			.spi = jobs[i]->peek.spi, .ip_proto = jobs[i]->peek.proto,
			.family = jobs[i]->flow.family,
			.daddr = jobs[i]->flow.dst, .saddr = jobs[i]->flow.src,
		};
	espnic_sad_find_burst(s->sad, keys, found, n);
	for (unsigned int i = 0; i < n; i++)
		jobs[i]->kind = (uint8_t)rx_tell(s, jobs[i], found[i]);
}

/* Pass 3: what policies say of packets in clear. */
static void rx_find_policies(struct espnic_steer_burst *b)
{
	struct espnic_steer_job *jobs[ESPNIC_STEER_BURST];
	unsigned int n = rx_gather(b, RX_CLEAR, jobs);

	espnic_steer_decide(b->t->steer, ESPNIC_SPD_IN, jobs, n, SPD_IN);
	espnic_steer_decide(b->t->steer, ESPNIC_SPD_FWD, jobs, n, SPD_FWD);
}

/* Pass 4. */
static void rx_act(struct espnic_steer_burst *b, struct espnic_steer_job *j)
{
	switch ((enum rx_kind)j->kind) {
	case RX_PASS:
		break;
	case RX_RUNT:
		espnic_steer_drop(b, j, ESPNIC_COUNTER_RX_DROP_RUNT);
		break;
	case RX_UNJUDGED:
		rx_unjudged(b, j);
		break;
	case RX_SHORT:
		rx_ipsec_short(b, j);
		break;
	case RX_KEEPALIVE:
		rx_settle(b, j, ESPNIC_COUNTER_RX_KEEPALIVE);
		break;
	case RX_SA:
		rx_for_sa(b, j);
		break;
	case RX_DORMANT:
		rx_settle_first(b, j, ESPNIC_COUNTER_RX_DROP_DORMANT);
		break;
	case RX_UNKNOWN:
		rx_settle_first(b, j, ESPNIC_COUNTER_RX_UNKNOWN_SPI);
		break;
	case RX_CLEAR:
	case RX_IPSEC:			/* none is left of these */
		rx_clear(b, j);
		break;
	}
}

/*
 * The packet that came out of an SA of packet offload must be one that some policy wanted from it
 * (RFC 4301 section 5.2 step 4). RX_UNPROTECTED, or why not.
 */
static enum espnic_counter rx_inner_verdict(struct espnic_steer_burst *b,
					    struct espnic_steer_job *j)
{
	const uint8_t fragment = j->flow.flags & (ESPNIC_FLOW_FRAGMENT | ESPNIC_FLOW_NONFIRST);
	uint32_t verdict;

	switch (j->spd[SPD_IN].result) {
	case ESPNIC_SPD_MATCH:
		espnic_spd_count_packet(j->spd[SPD_IN].policy, j->flow.ip_len);
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

/* Reads the packets that came out of SAs of packet offload, and asks the SPD for all of them. */
static void rx_find_inner(struct espnic_steer_burst *b)
{
	const struct espnic_flow *flows[ESPNIC_STEER_BURST];
	const struct espnic_sad_entry *sas[ESPNIC_STEER_BURST];
	struct espnic_steer_job *jobs[ESPNIC_STEER_BURST];
	struct espnic_spd_policy *policies[ESPNIC_STEER_BURST];
	enum espnic_spd_result results[ESPNIC_STEER_BURST];
	unsigned int n = 0;

	for (unsigned int i = 0; i < b->packet.n; i++) {
		const struct espnic_pkt *pkt = &b->packet.pkts[i];
		struct espnic_steer_job *j = b->packet.jobs[i];

		if (pkt->verdict != ESPNIC_OK || pkt->flags & ESPNIC_PKT_DUMMY)
			continue;
		j->kind = RX_UNJUDGED;
		if (!espnic_flow_parse(pkt->data, pkt->len, &j->flow))
			continue;
		j->kind = RX_SA;
		flows[n] = &j->flow;
		sas[n] = j->sa;
		jobs[n++] = j;
	}
	espnic_spd_check_inbound_burst(b->t->steer->spd, flows, sas, policies, results, n);
	for (unsigned int i = 0; i < n; i++)
		jobs[i]->spd[SPD_IN] = (struct espnic_steer_decision){
			.policy = policies[i], .result = results[i],
		};
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
	if (j->kind == RX_UNJUDGED) {
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
		b.jobs[i].kind = (uint8_t)rx_read(&b.jobs[i]);
	rx_find_sas(&b);
	rx_find_policies(&b);
	for (unsigned int i = 0; i < n; i++)
		rx_act(&b, &b.jobs[i]);

	if (b.packet.n)
		engine->unprotect(t->engine, b.packet.pkts, b.packet.n);
	rx_find_inner(&b);
	for (unsigned int i = 0; i < b.packet.n; i++)
		rx_unprotected(&b, b.packet.jobs[i], &b.packet.pkts[i]);
	espnic_steer_batch_events(&b, &b.packet);

	if (b.crypto.n)
		engine->crypt_in(t->engine, b.crypto.pkts, b.crypto.n);
	for (unsigned int i = 0; i < b.crypto.n; i++)
		rx_crypted(&b, b.crypto.jobs[i], &b.crypto.pkts[i]);
	espnic_steer_batch_events(&b, &b.crypto);
	espnic_steer_end(&b, ESPNIC_PCAP_IN);
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
