// SPDX-License-Identifier: BSD-2-Clause
/*
 * Host to wire (RFC 4301 section 5.1): classify every frame of the burst, let the
 * engine work on those that an SA is for, put the results back into frames.
 */
#include "nic/steer_impl.h"

#include "engine/ip.h"
#include "engine/selector.h"
#include "nic/espudp.h"
#include "nic/fragcache.h"

#include <string.h>

/* In the fragment cache, instead of a policy id: the packet is host-made ESP in UDP. */
#define VERDICT_HOST_ESP UINT32_MAX

/* Packets of a burst that policies say to protect. */
struct tx_protects {
	unsigned int n;
	struct espnic_steer_job *jobs[ESPNIC_STEER_BURST];
	const struct espnic_flow *flows[ESPNIC_STEER_BURST];
	const struct espnic_spd_policy *policies[ESPNIC_STEER_BURST];
};

/* What is to be done with a frame, as far as it and the tables say. */
enum tx_kind {
	TX_PASS,			/* not IP */
	TX_SHORT,
	TX_UNJUDGED,			/* it does not parse */
	TX_CRYPTO,			/* host-made ESP that the descriptor names an SA for */
	TX_CRYPTO_MALFORMED,
	TX_HOST_ESP,
	TX_IP,				/* by policy, in spd[SPD_OUT], unless its first fragment was host-made ESP */
};

enum { SPD_OUT };

/* Why the engine refused a packet. */
static enum espnic_counter tx_refusal(enum espnic_verdict v)
{
	switch (v) {
	case ESPNIC_MALFORMED:
		return ESPNIC_COUNTER_TX_DROP_MALFORMED;
	case ESPNIC_SEQ_EXHAUSTED:
		return ESPNIC_COUNTER_TX_DROP_SEQ;
	case ESPNIC_LIFETIME:
		return ESPNIC_COUNTER_TX_DROP_LIFETIME;
	case ESPNIC_SELECTOR:
		return ESPNIC_COUNTER_TX_DROP_SELECTOR;
	case ESPNIC_MTU:
		return ESPNIC_COUNTER_TX_DROP_MTU;
	case ESPNIC_LEASE:
		return ESPNIC_COUNTER_TX_DROP_LEASE;
	/* Of crypto offload. */
	case ESPNIC_REPLAY:
	case ESPNIC_TOO_OLD:
		return ESPNIC_COUNTER_TX_DROP_REPLAY;
	default:
		return ESPNIC_COUNTER_TX_DROP_ENGINE;
	}
}

/* A packet whose policy cannot be told: passes only where there is no policy. */
static void tx_unjudged(struct espnic_steer_burst *b, struct espnic_steer_job *j)
{
	if (j->protect || espnic_spd_count(b->t->steer->spd))
		espnic_steer_drop(b, j, ESPNIC_COUNTER_TX_DROP_MALFORMED);
	else
		espnic_steer_count(b, j, ESPNIC_COUNTER_TX_BYPASS);
}

/* The SA a descriptor names, NULL: none it may name. */
static struct espnic_sad_entry *crypto_sa(const struct espnic_steer *s, uint32_t handle)
{
	struct espnic_sad_entry *e = espnic_sad_by_handle(s->sad, handle);

	return e && e->dir == ESPNIC_DIR_OUT && e->offload == ESPNIC_OFFLOAD_CRYPTO ? e : NULL;
}

bool espnic_steer_crypto_sa(struct espnic_steer *s, uint32_t handle, struct espnic_crypto_sa *sa)
{
	const struct espnic_sad_entry *e;

	pthread_rwlock_rdlock(&s->lock);
	e = crypto_sa(s, handle);
	if (e)
		*sa = (struct espnic_crypto_sa){
			.tunnel = e->mode == ESPNIC_MODE_TUNNEL,
			.udp_encap = e->udp_encap,
			.esn = espnic_sa_info(e->sa)->esn,
			.iv_len = espnic_sa_info(e->sa)->iv_len,
			.icv_len = espnic_sa_info(e->sa)->icv_len,
		};
	pthread_rwlock_unlock(&s->lock);
	return e;
}

/* Host-made ESP that the descriptor names an SA for. */
static void tx_crypto(struct espnic_steer_burst *b, struct espnic_steer_job *j)
{
	struct espnic_sad_entry *e = crypto_sa(b->t->steer, j->f->sa_handle);
	const struct espnic_peek *peek = &j->peek;
	struct espnic_pkt *pkt;

	if (!e) {
		espnic_steer_drop(b, j, ESPNIC_COUNTER_TX_DROP_HANDLE);
		return;
	}
	if ((peek->kind != ESPNIC_PEEK_IPSEC && peek->kind != ESPNIC_PEEK_UDP) ||
	    (peek->kind == ESPNIC_PEEK_UDP) != e->udp_encap ||
	    j->flow.flags & ESPNIC_FLOW_FRAGMENT || peek->proto != e->ip_proto ||
	    j->f->esp_offset != j->l3 + peek->off) {
		espnic_steer_drop(b, j, ESPNIC_COUNTER_TX_DROP_MALFORMED);
		return;
	}
	if (peek->spi != e->spi) {
		espnic_steer_drop(b, j, ESPNIC_COUNTER_TX_DROP_HANDLE);
		return;
	}
	/* An upper half where there can be none: host and device would not mean the same number. */
	if (j->f->seq_hi && !espnic_sa_info(e->sa)->esn) {
		espnic_steer_drop(b, j, ESPNIC_COUNTER_TX_DROP_DESC);
		return;
	}
	pkt = espnic_steer_batch_add(&b->crypto, j, e);
	pkt->esp_off = peek->off;
	pkt->seq_hi = j->f->seq_hi;
}

static bool is_host_esp(const struct espnic_steer *s, const struct espnic_steer_job *j)
{
	const struct espnic_flow *flow = &j->flow;

	switch (j->peek.kind) {
	case ESPNIC_PEEK_IPSEC:
	case ESPNIC_PEEK_SHORT:
		return true;
	case ESPNIC_PEEK_UDP:
		return flow->sport == ESPNIC_NATT_PORT || flow->dport == ESPNIC_NATT_PORT ||
		       espnic_espudp_is(s->espudp, flow, j->peek.spi);
	default:
		return false;
	}
}

/*
 * The policy that the first fragment of this packet had. False: not known, or
 * the policy is no longer what it was. *p NULL: there was none.
 */
static bool first_fragment_policy(struct espnic_steer_burst *b, const struct espnic_steer_job *j,
				  struct espnic_spd_policy **p)
{
	uint32_t id;

	*p = NULL;
	if (!espnic_fragcache_get(b->t->frags, 0, &j->flow, espnic_steer_now(b), &id))
		return false;
	if (id == 0)
		return true;
	*p = espnic_spd_by_id(b->t->steer->spd, id);
	return *p && (*p)->dir == ESPNIC_SPD_OUT &&
	       espnic_selector_check(&(*p)->sel, &j->flow) != ESPNIC_SELECTOR_NO;
}

/* The policy of the packet, NULL: none. False: it was dropped. */
static bool tx_policy(struct espnic_steer_burst *b, struct espnic_steer_job *j,
		      struct espnic_spd_policy **p)
{
	uint8_t fragment = j->flow.flags & (ESPNIC_FLOW_FRAGMENT | ESPNIC_FLOW_NONFIRST);
	enum espnic_spd_result res = j->spd[SPD_OUT].result;

	*p = j->spd[SPD_OUT].policy;
	if (res == ESPNIC_SPD_AMBIGUOUS && fragment & ESPNIC_FLOW_NONFIRST) {
		if (first_fragment_policy(b, j, p))
			return true;
		espnic_steer_drop(b, j, ESPNIC_COUNTER_TX_DROP_FRAGMENT);
		return false;
	}
	if (res == ESPNIC_SPD_AMBIGUOUS) {
		espnic_steer_drop(b, j, ESPNIC_COUNTER_TX_DROP_MALFORMED);
		return false;
	}
	if (fragment == ESPNIC_FLOW_FRAGMENT)
		espnic_fragcache_put(b->t->frags, 0, &j->flow, espnic_steer_now(b),
				     *p ? (*p)->id : 0);
	return true;
}

/* No Ethernet address to go to: what Linux hands over for a tunnel before it knows the next hop. */
static bool is_blank(const struct espnic_steer_job *j)
{
	static const uint8_t none[ESPNIC_ETH_ALEN];

	return !memcmp(j->f->buf + j->f->off, none, sizeof(none));
}

/* The packet leaves as it is, counted under @counter. */
static void tx_pass(struct espnic_steer_burst *b, struct espnic_steer_job *j,
		    enum espnic_counter counter)
{
	/* Linux let it go under a policy that has since been deleted. */
	if (j->protect)
		espnic_steer_drop(b, j, ESPNIC_COUNTER_TX_DROP_CLEAR);
	else if (is_blank(j))
		espnic_steer_drop(b, j, ESPNIC_COUNTER_TX_DROP_L2);
	else
		espnic_steer_count(b, j, counter);
}

/* An IP packet that policy @p says to protect: which SA is for it is asked for many at once. */
static void tx_protect(struct espnic_steer_burst *b, struct espnic_steer_job *j,
		       struct tx_protects *t, struct espnic_spd_policy *p)
{
	if (j->flow.flags & ESPNIC_FLOW_FRAGMENT && p->tmpl.mode == ESPNIC_MODE_TRANSPORT) {
		espnic_steer_drop(b, j, ESPNIC_COUNTER_TX_DROP_FRAGMENT);
		return;
	}
	/* It may be that of its first fragment. */
	j->spd[SPD_OUT].policy = p;
	t->jobs[t->n] = j;
	t->flows[t->n] = &j->flow;
	t->policies[t->n++] = p;
}

/* For the packet, which is to be protected, there is SA @e (NULL: none fits). */
static void tx_for_sa(struct espnic_steer_burst *b, struct espnic_steer_job *j,
		      struct espnic_sad_entry *e)
{
	struct espnic_spd_policy *p = j->spd[SPD_OUT].policy;
	const struct espnic_steer *s = b->t->steer;

	/* Before it takes a number. */
	if (e && is_blank(j) && !(e->mode == ESPNIC_MODE_TUNNEL && e->has_l2)) {
		espnic_steer_drop(b, j, ESPNIC_COUNTER_TX_DROP_L2);
		return;
	}
	if (!e) {
		atomic_fetch_add_explicit(&p->no_sa, 1, memory_order_relaxed);
		espnic_steer_drop(b, j, ESPNIC_COUNTER_TX_DROP_NO_SA);
		s->policy_event(s->event_ctx, p->id);
		return;
	}
	espnic_steer_batch_add(&b->packet, j, e);
}

/* Pass 4: the SAs of what is to be protected. */
static void tx_find_sas(struct espnic_steer_burst *b, const struct tx_protects *t)
{
	struct espnic_sad_entry *chosen[ESPNIC_STEER_BURST];

	espnic_sad_choose_burst(b->t->steer->sad, t->policies, t->flows, chosen, t->n);
	for (unsigned int i = 0; i < t->n; i++)
		tx_for_sa(b, t->jobs[i], chosen[i]);
}

/* Later fragments of ESP in UDP show neither port nor SPI: the first said what they are. */
static bool is_host_esp_fragment(struct espnic_steer_burst *b, const struct espnic_steer_job *j)
{
	uint32_t verdict;

	return !j->protect && j->flow.flags & ESPNIC_FLOW_NONFIRST &&
	       espnic_fragcache_get(b->t->frags, 0, &j->flow, espnic_steer_now(b), &verdict) &&
	       verdict == VERDICT_HOST_ESP;
}

static void tx_ip(struct espnic_steer_burst *b, struct espnic_steer_job *j, struct tx_protects *t)
{
	struct espnic_spd_policy *p;

	if (j->kind == TX_HOST_ESP || is_host_esp_fragment(b, j)) {
		if ((j->flow.flags & (ESPNIC_FLOW_FRAGMENT | ESPNIC_FLOW_NONFIRST)) ==
		    ESPNIC_FLOW_FRAGMENT)
			espnic_fragcache_put(b->t->frags, 0, &j->flow, espnic_steer_now(b),
					     VERDICT_HOST_ESP);
		tx_pass(b, j, ESPNIC_COUNTER_TX_HOST_ESP);
		return;
	}
	if (!tx_policy(b, j, &p))
		return;
	if (!p) {
		tx_pass(b, j, ESPNIC_COUNTER_TX_BYPASS);
		return;
	}
	espnic_spd_count_packet(p, j->flow.ip_len);
	switch (espnic_spd_action(p)) {
	case ESPNIC_SPD_BYPASS:
		tx_pass(b, j, ESPNIC_COUNTER_TX_BYPASS);
		break;
	case ESPNIC_SPD_PROTECT:
		tx_protect(b, j, t, p);
		break;
	case ESPNIC_SPD_DISCARD:
	default:
		espnic_steer_drop(b, j, ESPNIC_COUNTER_TX_DROP_DISCARD);
		break;
	}
}

/* Pass 1: what the frame itself says. */
static enum tx_kind tx_read(const struct espnic_steer *s, struct espnic_steer_job *j)
{
	struct espnic_frame *f = j->f;
	bool crypto = f->flags & ESPNIC_FRAME_CRYPTO;
	enum espnic_l3_kind kind = espnic_frame_l3(f->buf + f->off, f->len, &j->l3);

	j->protect = f->flags & ESPNIC_FRAME_PROTECT;
	f->flags &= ESPNIC_FRAME_CRYPTO;
	if (kind == ESPNIC_L3_SHORT)
		return TX_SHORT;
	if (kind == ESPNIC_L3_OTHER && !crypto)
		return TX_PASS;
	/* What is to be encrypted and cannot be is never sent as it is. */
	if (kind != ESPNIC_L3_IP || !espnic_flow_parse(espnic_steer_ip(j), f->len - j->l3, &j->flow))
		return crypto ? TX_CRYPTO_MALFORMED : TX_UNJUDGED;
	espnic_steer_peek(espnic_steer_ip(j), &j->flow, &j->peek);
	if (crypto)
		return TX_CRYPTO;
	return !j->protect && is_host_esp(s, j) ? TX_HOST_ESP : TX_IP;
}

/* Pass 2. */
static void tx_find_policies(struct espnic_steer_burst *b)
{
	struct espnic_steer_job *jobs[ESPNIC_STEER_BURST];
	unsigned int n = 0;

	for (unsigned int i = 0; i < b->n; i++)
		if (b->jobs[i].kind == TX_IP)
			jobs[n++] = &b->jobs[i];
	espnic_steer_decide(b->t->steer, ESPNIC_SPD_OUT, jobs, n, SPD_OUT);
}

/* Pass 3; what is to be protected is gathered in @t. */
static void tx_act(struct espnic_steer_burst *b, struct espnic_steer_job *j, struct tx_protects *t)
{
	switch ((enum tx_kind)j->kind) {
	case TX_PASS:
		if (j->protect)
			espnic_steer_drop(b, j, ESPNIC_COUNTER_TX_DROP_CLEAR);
		break;
	case TX_SHORT:
		espnic_steer_drop(b, j, ESPNIC_COUNTER_TX_DROP_LENGTH);
		break;
	case TX_UNJUDGED:
		tx_unjudged(b, j);
		break;
	case TX_CRYPTO:
		tx_crypto(b, j);
		break;
	case TX_CRYPTO_MALFORMED:
		espnic_steer_drop(b, j, ESPNIC_COUNTER_TX_DROP_MALFORMED);
		break;
	case TX_HOST_ESP:
	case TX_IP:
		tx_ip(b, j, t);
		break;
	}
}

static void tx_protected(struct espnic_steer_burst *b, struct espnic_steer_job *j,
			 const struct espnic_pkt *pkt)
{
	const struct espnic_sad_entry *e = j->sa;

	if (pkt->verdict != ESPNIC_OK) {
		espnic_steer_drop(b, j, tx_refusal(pkt->verdict));
		return;
	}
	j->seq = pkt->seq;
	if (pkt->len > ESPNIC_MAX_MTU) {
		espnic_steer_drop(b, j, ESPNIC_COUNTER_TX_DROP_MTU);
		return;
	}
	espnic_steer_reframe(j, pkt);
	if (e->has_l2)
		espnic_frame_put_macs(j->f->buf + j->f->off, e->dst_mac, e->src_mac);
	espnic_steer_count(b, j, ESPNIC_COUNTER_TX_PROTECTED);
}

static void tx_burst(struct espnic_steer_thread *t, struct espnic_frame *frames, unsigned int n)
{
	const struct espnic_engine_ops *engine = t->steer->engine;
	struct tx_protects protects = { .n = 0 };
	struct espnic_steer_burst b;

	espnic_steer_begin(&b, t, frames, n);
	for (unsigned int i = 0; i < n; i++)
		b.jobs[i].kind = (uint8_t)tx_read(t->steer, &b.jobs[i]);
	tx_find_policies(&b);
	for (unsigned int i = 0; i < n; i++)
		tx_act(&b, &b.jobs[i], &protects);
	tx_find_sas(&b, &protects);

	if (b.packet.n)
		engine->protect(t->engine, b.packet.pkts, b.packet.n);
	for (unsigned int i = 0; i < b.packet.n; i++)
		tx_protected(&b, b.packet.jobs[i], &b.packet.pkts[i]);
	espnic_steer_batch_events(&b, &b.packet);

	if (b.crypto.n)
		engine->crypt_out(t->engine, b.crypto.pkts, b.crypto.n);
	for (unsigned int i = 0; i < b.crypto.n; i++) {
		struct espnic_steer_job *j = b.crypto.jobs[i];

		j->seq = b.crypto.pkts[i].seq;
		if (b.crypto.pkts[i].verdict == ESPNIC_OK)
			espnic_steer_count(&b, j, ESPNIC_COUNTER_TX_CRYPTO);
		else
			espnic_steer_drop(&b, j, tx_refusal(b.crypto.pkts[i].verdict));
	}
	espnic_steer_batch_events(&b, &b.crypto);
	espnic_steer_end(&b, ESPNIC_PCAP_OUT);
}

void espnic_steer_tx(struct espnic_steer_thread *t, struct espnic_frame *frames, unsigned int n)
{
	while (n) {
		unsigned int some = n < ESPNIC_STEER_BURST ? n : ESPNIC_STEER_BURST;

		tx_burst(t, frames, some);
		frames += some;
		n -= some;
	}
}
