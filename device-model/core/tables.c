// SPDX-License-Identifier: BSD-2-Clause
/*
 * SAs and policies: from the firmware's terms to those of the engine and the
 * tables. The core thread alone changes them, under steer->lock for writing.
 */
#include <errno.h>
#include <string.h>

#include "core/internal.h"
#include "core/transform.h"

/* One meaning from the engine to the driver: codes are passed on as they are. */
static_assert((int)ESPNIC_OK == (int)ESPNIC_IPSEC_STATUS_OK &&
		      (int)ESPNIC_UNSUPPORTED == (int)ESPNIC_IPSEC_STATUS_UNSUPPORTED &&
		      (int)ESPNIC_BAD_SA == (int)ESPNIC_IPSEC_STATUS_BAD_SA &&
		      (int)ESPNIC_MALFORMED == (int)ESPNIC_IPSEC_STATUS_MALFORMED &&
		      (int)ESPNIC_NO_SA == (int)ESPNIC_IPSEC_STATUS_NO_SA &&
		      (int)ESPNIC_INTEGRITY == (int)ESPNIC_IPSEC_STATUS_INTEGRITY &&
		      (int)ESPNIC_REPLAY == (int)ESPNIC_IPSEC_STATUS_REPLAY &&
		      (int)ESPNIC_TOO_OLD == (int)ESPNIC_IPSEC_STATUS_TOO_OLD &&
		      (int)ESPNIC_SEQ_EXHAUSTED == (int)ESPNIC_IPSEC_STATUS_SEQ_EXHAUSTED &&
		      (int)ESPNIC_LIFETIME == (int)ESPNIC_IPSEC_STATUS_LIFETIME &&
		      (int)ESPNIC_SELECTOR == (int)ESPNIC_IPSEC_STATUS_SELECTOR &&
		      (int)ESPNIC_MTU == (int)ESPNIC_IPSEC_STATUS_MTU &&
		      (int)ESPNIC_PADDING == (int)ESPNIC_IPSEC_STATUS_PADDING &&
		      (int)ESPNIC_ECN == (int)ESPNIC_IPSEC_STATUS_ECN,
	      "verdicts and ipsec_status agree");

/* ---- translation ---- */

void espnic_core_selector(struct espnic_selector *to, const struct espnic_hal_selector *from)
{
	memset(to, 0, sizeof(*to));
	to->family = from->family;
	to->proto = from->proto;
	to->src_prefix = from->src_plen;
	to->dst_prefix = from->dst_plen;
	memcpy(to->src, from->saddr, sizeof(to->src));
	memcpy(to->dst, from->daddr, sizeof(to->dst));
	to->sport_min = from->sport_min;
	to->sport_max = from->sport_max;
	to->dport_min = from->dport_min;
	to->dport_max = from->dport_max;
}

enum espnic_sa_mode espnic_core_mode(uint8_t mode)
{
	return mode == ESPNIC_CMD_SA_MODE_TUNNEL ? ESPNIC_MODE_TUNNEL : ESPNIC_MODE_TRANSPORT;
}

static enum espnic_df to_df(uint8_t df)
{
	switch (df) {
	case ESPNIC_TUNNEL_DF_SET:
		return ESPNIC_DF_SET;
	case ESPNIC_TUNNEL_DF_CLEAR:
		return ESPNIC_DF_CLEAR;
	default:
		return ESPNIC_DF_COPY;
	}
}

/* The firmware says all-ones for no limit, the engine 0. */
static uint64_t to_limit(uint64_t limit)
{
	return limit == UINT64_MAX ? 0 : limit;
}

/* The caller wipes @p. False: no SA of the engine's. */
static bool to_params(struct espnic_sa_params *p, const struct espnic_hal_sa *sa)
{
	espnic_sa_params_init(p);
	if (!espnic_core_transform(p, sa))
		return false;
	p->spi = sa->spi;
	p->dir = sa->dir == ESPNIC_CMD_SA_DIR_OUT ? ESPNIC_DIR_OUT : ESPNIC_DIR_IN;
	p->offload = sa->offload == ESPNIC_CMD_SA_OFFLOAD_CRYPTO ? ESPNIC_OFFLOAD_CRYPTO
								 : ESPNIC_OFFLOAD_PACKET;
	p->proto = ESPNIC_PROTO_ESP;
	p->mode = espnic_core_mode(sa->mode);
	p->esn = sa->esn;
	p->seq = sa->seq;
	p->replay_window = sa->replay_window;
	p->tunnel.family = sa->family;
	memcpy(p->tunnel.src, sa->saddr, sizeof(p->tunnel.src));
	memcpy(p->tunnel.dst, sa->daddr, sizeof(p->tunnel.dst));
	p->tunnel.ttl = sa->ttl;
	p->tunnel.dscp = sa->dscp_copy ? ESPNIC_DSCP_COPY : sa->dscp;
	p->tunnel.ecn = sa->ecn;
	p->tunnel.df = to_df(sa->df);
	p->udp_encap = sa->udp_encap;
	p->udp_sport = sa->encap_sport;
	p->udp_dport = sa->encap_dport;
	p->has_sel = sa->has_sel;
	if (sa->has_sel)
		espnic_core_selector(&p->sel, &sa->sel);
	p->mtu = sa->mtu;
	p->soft_packets = to_limit(sa->limits.soft_packets);
	p->hard_packets = to_limit(sa->limits.hard_packets);
	p->soft_bytes = to_limit(sa->limits.soft_bytes);
	p->hard_bytes = to_limit(sa->limits.hard_bytes);
	p->lease_mark = sa->lease_mark;
	p->lease_end = sa->lease_end;
	return true;
}

static void to_entry(struct espnic_sad_entry *e, const struct espnic_hal_sa *sa)
{
	memset(e, 0, sizeof(*e));
	e->handle = sa->handle;
	e->spi = sa->spi;
	e->reqid = sa->reqid;
	e->dir = sa->dir == ESPNIC_CMD_SA_DIR_OUT ? ESPNIC_DIR_OUT : ESPNIC_DIR_IN;
	e->offload = sa->offload == ESPNIC_CMD_SA_OFFLOAD_CRYPTO ? ESPNIC_OFFLOAD_CRYPTO
								 : ESPNIC_OFFLOAD_PACKET;
	e->mode = espnic_core_mode(sa->mode);
	e->ip_proto = sa->proto;
	e->family = sa->family;
	memcpy(e->saddr, sa->saddr, sizeof(e->saddr));
	memcpy(e->daddr, sa->daddr, sizeof(e->daddr));
	e->has_sel = sa->has_sel;
	if (sa->has_sel)
		espnic_core_selector(&e->sel, &sa->sel);
	e->udp_encap = sa->udp_encap;
	e->udp_sport = sa->encap_sport;
	e->udp_dport = sa->encap_dport;
	e->has_l2 = sa->has_l2;
	memcpy(e->dst_mac, sa->dst_mac, sizeof(e->dst_mac));
	memcpy(e->src_mac, sa->src_mac, sizeof(e->src_mac));
}

/* Makes the engine's SA; its parameters hold the key and live no longer than this. */
static enum espnic_verdict make_sa(struct espnic_core *core, const struct espnic_hal_sa *sa,
				   struct espnic_sa **made)
{
	struct espnic_sa_update seen = { .what = ESPNIC_UPDATE_SEQ, .seq = sa->seq };
	struct espnic_sa_params p;
	enum espnic_verdict v;
	const char *why = NULL;

	*made = NULL;
	if (!to_params(&p, sa))
		return ESPNIC_BAD_SA;
	/* Of what came before nobody remembers which numbers were taken: all were. */
	if (sa->dir == ESPNIC_CMD_SA_DIR_IN)
		p.seq = 0;
	v = core->nic->steer.engine->sa_add(&p, made, &why);
	explicit_bzero(&p, sizeof(p));
	if (v == ESPNIC_OK && sa->dir == ESPNIC_CMD_SA_DIR_IN)
		v = core->nic->steer.engine->sa_update(*made, &seen);
	if (v != ESPNIC_OK)
		espnic_trace(core->nic, "sa_refused", "handle=%08x verdict=%s why=\"%s\"",
			     sa->handle, espnic_verdict_name(v), why ? why : "");
	return v;
}

/* ---- SAs ---- */

struct espnic_sad_entry *espnic_core_find_sa(struct espnic_core *core, uint32_t handle)
{
	struct espnic_steer *steer = &core->nic->steer;
	struct espnic_sad_entry *e = espnic_sad_by_handle(steer->sad, handle);

	return e ? e : espnic_dormant_by_handle(steer->dormant, handle);
}

/* Puts @e into all lookups. 0 or the error of the tables. steer->lock held for writing. */
static int go_live(struct espnic_steer *steer, const struct espnic_sad_entry *e)
{
	int err = espnic_espudp_add(steer->espudp, e);

	if (err)
		return err;
	err = espnic_sad_insert(steer->sad, e, NULL);
	if (err)
		espnic_espudp_remove(steer->espudp, e);
	return err;
}

/* Takes it out of them. */
static void go_away(struct espnic_steer *steer, struct espnic_sad_entry *e)
{
	espnic_espudp_remove(steer->espudp, e);
	espnic_peer_forget(steer->peers, e->handle);
	espnic_sad_remove(steer->sad, e);
}

uint32_t espnic_core_sa_add(void *ctx, const struct espnic_hal_sa *sa, uint32_t *verdict)
{
	struct espnic_core *core = ctx;
	struct espnic_steer *steer = &core->nic->steer;
	struct espnic_sad_entry e;
	enum espnic_verdict v;
	uint64_t status;
	int err;

	if (espnic_fault_strikes(core->nic->cfg.faults, ESPNIC_FAULT_SA_ADD, &status))
		return (uint32_t)status;
	to_entry(&e, sa);
	v = make_sa(core, sa, &e.sa);
	if (v != ESPNIC_OK) {
		*verdict = (uint32_t)v;
		return ESPNIC_CMD_STATUS_ENGINE;
	}
	pthread_rwlock_wrlock(&steer->lock);
	err = sa->dormant ? espnic_dormant_add(steer->dormant, &e) : go_live(steer, &e);
	pthread_rwlock_unlock(&steer->lock);
	if (err) {
		steer->engine->sa_del(e.sa);
		return err == -EEXIST ? ESPNIC_CMD_STATUS_EXISTS : ESPNIC_CMD_STATUS_NO_SPACE;
	}
	core->sa[sa->handle & ESPNIC_SA_INDEX_MASK].handle = sa->handle;
	core->sa[sa->handle & ESPNIC_SA_INDEX_MASK].replay_window = sa->replay_window;
	espnic_trace(core->nic, "sa_add", "handle=%08x spi=%08x dir=%u offload=%u mode=%u%s",
		     sa->handle, sa->spi, sa->dir, sa->offload, sa->mode,
		     sa->dormant ? " dormant" : "");
	return ESPNIC_CMD_STATUS_OK;
}

uint32_t espnic_core_sa_update(void *ctx, uint32_t handle, const struct espnic_hal_sa_update *u,
			       uint32_t *verdict)
{
	struct espnic_core *core = ctx;
	struct espnic_steer *steer = &core->nic->steer;
	struct espnic_sad_entry *e = espnic_core_find_sa(core, handle);
	struct espnic_sa_update to = { 0 };
	enum espnic_verdict v;

	if (!e)
		return ESPNIC_CMD_STATUS_NOT_FOUND;
	if (u->what & ESPNIC_HAL_SA_LIMITS) {
		to.what |= ESPNIC_UPDATE_LIFE;
		to.soft_packets = to_limit(u->limits.soft_packets);
		to.hard_packets = to_limit(u->limits.hard_packets);
		to.soft_bytes = to_limit(u->limits.soft_bytes);
		to.hard_bytes = to_limit(u->limits.hard_bytes);
	}
	if (u->what & ESPNIC_HAL_SA_LEASE) {
		to.what |= ESPNIC_UPDATE_LEASE;
		to.lease_mark = u->lease_mark;
		to.lease_end = u->lease_end;
	}
	if (to.what) {
		v = steer->engine->sa_update(e->sa, &to);
		if (v != ESPNIC_OK) {
			*verdict = (uint32_t)v;
			return ESPNIC_CMD_STATUS_ENGINE;
		}
	}
	if (!(u->what & (ESPNIC_HAL_SA_L2 | ESPNIC_HAL_SA_DYING | ESPNIC_HAL_SA_ALIVE)))
		return ESPNIC_CMD_STATUS_OK;
	pthread_rwlock_wrlock(&steer->lock);
	if (u->what & ESPNIC_HAL_SA_L2) {
		e->has_l2 = true;
		memcpy(e->dst_mac, u->dst_mac, sizeof(e->dst_mac));
		memcpy(e->src_mac, u->src_mac, sizeof(e->src_mac));
	}
	if (u->what & ESPNIC_HAL_SA_DYING)
		e->dying = true;
	if (u->what & ESPNIC_HAL_SA_ALIVE)
		e->dying = false;
	pthread_rwlock_unlock(&steer->lock);
	return ESPNIC_CMD_STATUS_OK;
}

/* What engine and core know of @sa; the peer of UDP encapsulation stands elsewhere. */
static void report(struct espnic_core *core, uint32_t handle, struct espnic_sa *sa,
		   struct espnic_hal_sa_report *r)
{
	const struct espnic_core_sa *known = &core->sa[handle & ESPNIC_SA_INDEX_MASK];
	struct espnic_sa_state st;
	unsigned int i;

	core->nic->steer.engine->sa_query(sa, &st);
	espnic_core_note(core, handle, st.events);
	memset(r, 0, sizeof(*r));
	r->packets = st.packets;
	r->bytes = st.bytes;
	r->seq = st.seq;
	r->integrity_failed = st.verdicts[ESPNIC_INTEGRITY];
	r->replay = st.verdicts[ESPNIC_REPLAY] + st.verdicts[ESPNIC_TOO_OLD];
	for (i = 0; i < ESPNIC_VERDICTS; i++)
		if (i != ESPNIC_OK)
			r->dropped += st.verdicts[i];
	r->dropped -= r->integrity_failed + r->replay;
	r->replay_window = known->replay_window;
	r->soft = known->soft;
	r->hard = known->hard;
	r->seq_used_up = known->seq_used_up;
}

/* What stays to be done with an SA that no lookup finds any more: *@last is its last report. */
static void bury(struct espnic_core *core, uint32_t handle, struct espnic_sa *sa,
		 struct espnic_hal_sa_report *last)
{
	report(core, handle, sa, last);
	core->nic->steer.engine->sa_del(sa);
	espnic_core_forget_sa(core, handle);
	espnic_trace(core->nic, "sa_del", "handle=%08x", handle);
}

uint32_t espnic_core_sa_del(void *ctx, uint32_t handle, struct espnic_hal_sa_report *last)
{
	struct espnic_core *core = ctx;
	struct espnic_steer *steer = &core->nic->steer;
	struct espnic_sad_entry *e = espnic_core_find_sa(core, handle);
	struct espnic_sa *sa;
	uint64_t status;

	if (espnic_fault_strikes(core->nic->cfg.faults, ESPNIC_FAULT_SA_DEL, &status))
		return (uint32_t)status;
	if (!e)
		return ESPNIC_CMD_STATUS_NOT_FOUND;
	sa = e->sa;
	/* Packets use an SA only inside of the lock: behind it, nobody does. */
	pthread_rwlock_wrlock(&steer->lock);
	if (espnic_dormant_by_handle(steer->dormant, handle))
		espnic_dormant_remove(steer->dormant, handle);
	else
		go_away(steer, e);
	pthread_rwlock_unlock(&steer->lock);
	bury(core, handle, sa, last);
	return ESPNIC_CMD_STATUS_OK;
}

/* @heir (its entry) goes on where @old stopped; no packet is in either. */
static void inherit(struct espnic_core *core, const struct espnic_sad_entry *heir,
		    uint32_t old_handle, struct espnic_sa *old)
{
	const struct espnic_engine_ops *engine = core->nic->steer.engine;
	struct espnic_sa_update seen = { .what = ESPNIC_UPDATE_SEQ };
	struct espnic_sa_state st;

	/* Where the old one kept no window, all it may have seen counts as seen. */
	if (heir->dir == ESPNIC_DIR_IN &&
	    !core->sa[old_handle & ESPNIC_SA_INDEX_MASK].replay_window) {
		engine->sa_query(old, &st);
		seen.seq = st.seq;
		engine->sa_update(heir->sa, &seen);
	}
	engine->sa_inherit(heir->sa, old);
}

uint32_t espnic_core_sa_succeed(void *ctx, uint32_t old, uint32_t heir,
				struct espnic_hal_sa_report *last, uint64_t *seq)
{
	struct espnic_core *core = ctx;
	struct espnic_steer *steer = &core->nic->steer;
	struct espnic_sad_entry *from = espnic_sad_by_handle(steer->sad, old);
	struct espnic_sad_entry *to = espnic_dormant_by_handle(steer->dormant, heir);
	struct espnic_sa *sa, *next;
	struct espnic_sa_state st;
	uint64_t status;
	int err;

	if (espnic_fault_strikes(core->nic->cfg.faults, ESPNIC_FAULT_SA_DEL, &status))
		return (uint32_t)status;
	if (!from || !to)
		return ESPNIC_CMD_STATUS_NOT_FOUND;
	sa = from->sa;
	next = to->sa;
	pthread_rwlock_wrlock(&steer->lock);
	go_away(steer, from);
	inherit(core, to, old, sa);
	/* Its slot and its place are free. Does it fail, it stays dormant, and all is dropped. */
	err = go_live(steer, to);
	if (!err)
		espnic_dormant_remove(steer->dormant, heir);
	pthread_rwlock_unlock(&steer->lock);
	bury(core, old, sa, last);
	if (err)
		return ESPNIC_CMD_STATUS_NO_SPACE;
	steer->engine->sa_query(next, &st);
	espnic_core_note(core, heir, st.events);
	*seq = st.seq;
	espnic_trace(core->nic, "sa_awake", "handle=%08x", heir);
	return ESPNIC_CMD_STATUS_OK;
}

uint32_t espnic_core_sa_window(void *ctx, uint32_t handle, struct espnic_hal_window *w)
{
	struct espnic_core *core = ctx;
	struct espnic_sad_entry *e = espnic_core_find_sa(core, handle);
	struct espnic_sa_window win;

	static_assert(sizeof(win.bitmap) == sizeof(w->bitmap), "one size of window");
	static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "bit n % 8 of byte n / 8");
	if (!e)
		return ESPNIC_CMD_STATUS_NOT_FOUND;
	core->nic->steer.engine->sa_window(e->sa, &win);
	w->top = win.top;
	w->size = win.size;
	memcpy(w->bitmap, win.bitmap, sizeof(w->bitmap));
	return ESPNIC_CMD_STATUS_OK;
}

uint32_t espnic_core_sa_query(void *ctx, uint32_t handle, struct espnic_hal_sa_report *r)
{
	struct espnic_core *core = ctx;
	struct espnic_sad_entry *e = espnic_core_find_sa(core, handle);

	if (!e)
		return ESPNIC_CMD_STATUS_NOT_FOUND;
	report(core, handle, e->sa, r);
	r->has_peer = espnic_peer_get(core->nic->steer.peers, handle, r->peer_addr, &r->peer_port);
	return ESPNIC_CMD_STATUS_OK;
}

/* ---- all ---- */

void espnic_core_wipe(struct espnic_core *core)
{
	struct espnic_steer *steer = &core->nic->steer;
	struct espnic_sad_entry *e;

	pthread_rwlock_wrlock(&steer->lock);
	espnic_spd_clear(steer->spd);
	/* From where the last one stood: a full table would else take seconds. */
	for (e = espnic_sad_next(steer->sad, NULL); e; e = espnic_sad_next(steer->sad, e)) {
		struct espnic_sa *sa = e->sa;

		go_away(steer, e);
		steer->engine->sa_del(sa);
	}
	while ((e = espnic_dormant_any(steer->dormant))) {
		struct espnic_sa *sa = e->sa;

		espnic_dormant_remove(steer->dormant, e->handle);
		steer->engine->sa_del(sa);
	}
	pthread_rwlock_unlock(&steer->lock);
	espnic_core_events_clear(core);
}

uint32_t espnic_core_engine_kat(void *ctx, const struct espnic_hal_sa *hsa, const uint8_t *iv,
				const uint8_t *in, uint32_t in_len, uint8_t *out, uint32_t *out_len)
{
	struct espnic_core *core = ctx;
	const struct espnic_engine_ops *engine = core->nic->steer.engine;
	uint8_t buf[ESPNIC_HEADROOM + ESPNIC_HAL_KAT_MAX + ESPNIC_TAILROOM];
	struct espnic_pkt pkt = {
		.data = buf + ESPNIC_HEADROOM,
		.len = in_len,
		.headroom = ESPNIC_HEADROOM,
		.tailroom = ESPNIC_HAL_KAT_MAX - in_len + ESPNIC_TAILROOM,
		.iv = iv,
	};
	enum espnic_verdict v;

	if (in_len > ESPNIC_HAL_KAT_MAX || !core->engine)
		return ESPNIC_IPSEC_STATUS_MALFORMED;
	v = make_sa(core, hsa, &pkt.sa);
	if (v != ESPNIC_OK)
		return (uint32_t)v;
	memcpy(pkt.data, in, in_len);
	if (hsa->dir == ESPNIC_CMD_SA_DIR_OUT)
		engine->protect(core->engine, &pkt, 1);
	else
		engine->unprotect(core->engine, &pkt, 1);
	engine->sa_del(pkt.sa);
	if (pkt.verdict != ESPNIC_OK)
		return (uint32_t)pkt.verdict;
	if (pkt.len > ESPNIC_HAL_KAT_MAX)
		return ESPNIC_IPSEC_STATUS_MALFORMED;
	memcpy(out, pkt.data, pkt.len);
	*out_len = pkt.len;
	return ESPNIC_IPSEC_STATUS_OK;
}
