// SPDX-License-Identifier: BSD-2-Clause
/*
 * SAs and policies: from the firmware's terms to those of the engine and the
 * tables. The core thread alone changes them, under steer->lock for writing.
 */
#include <errno.h>
#include <string.h>

#include "core/internal.h"

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

static void to_selector(struct espnic_selector *to, const struct espnic_hal_selector *from)
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

static enum espnic_sa_mode to_mode(uint8_t mode)
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

/* The caller wipes @p. */
static void to_params(struct espnic_sa_params *p, const struct espnic_hal_sa *sa)
{
	espnic_sa_params_init(p);
	p->spi = sa->spi;
	p->dir = sa->dir == ESPNIC_CMD_SA_DIR_OUT ? ESPNIC_DIR_OUT : ESPNIC_DIR_IN;
	p->offload = sa->offload == ESPNIC_CMD_SA_OFFLOAD_CRYPTO ? ESPNIC_OFFLOAD_CRYPTO
								 : ESPNIC_OFFLOAD_PACKET;
	p->proto = ESPNIC_PROTO_ESP;
	p->mode = to_mode(sa->mode);
	p->enc = ESPNIC_ENC_AES_GCM;
	p->auth = ESPNIC_AUTH_NONE;
	memcpy(p->enc_key, sa->enc_key, sa->enc_key_len);
	p->enc_key_len = sa->enc_key_len;
	memcpy(p->salt, sa->salt, sa->salt_len);
	p->salt_len = sa->salt_len;
	p->icv_len = sa->icv_len;
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
		to_selector(&p->sel, &sa->sel);
	p->mtu = sa->mtu;
	p->soft_packets = to_limit(sa->limits.soft_packets);
	p->hard_packets = to_limit(sa->limits.hard_packets);
	p->soft_bytes = to_limit(sa->limits.soft_bytes);
	p->hard_bytes = to_limit(sa->limits.hard_bytes);
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
	e->mode = to_mode(sa->mode);
	e->ip_proto = sa->proto;
	e->family = sa->family;
	memcpy(e->saddr, sa->saddr, sizeof(e->saddr));
	memcpy(e->daddr, sa->daddr, sizeof(e->daddr));
	e->has_sel = sa->has_sel;
	if (sa->has_sel)
		to_selector(&e->sel, &sa->sel);
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
	struct espnic_sa_params p;
	enum espnic_verdict v;
	const char *why = NULL;

	*made = NULL;
	if (sa->enc_key_len > sizeof(p.enc_key) || sa->salt_len > sizeof(p.salt))
		return ESPNIC_BAD_SA;
	to_params(&p, sa);
	v = core->nic->steer.engine->sa_add(&p, made, &why);
	explicit_bzero(&p, sizeof(p));
	if (v != ESPNIC_OK)
		espnic_trace(core->nic, "sa_refused", "handle=%08x verdict=%s why=\"%s\"",
			     sa->handle, espnic_verdict_name(v), why ? why : "");
	return v;
}

/* ---- SAs ---- */

uint32_t espnic_core_sa_add(void *ctx, const struct espnic_hal_sa *sa, uint32_t *verdict)
{
	struct espnic_core *core = ctx;
	struct espnic_steer *steer = &core->nic->steer;
	struct espnic_sad_entry e;
	enum espnic_verdict v;
	int err;

	to_entry(&e, sa);
	v = make_sa(core, sa, &e.sa);
	if (v != ESPNIC_OK) {
		*verdict = (uint32_t)v;
		return ESPNIC_CMD_STATUS_ENGINE;
	}
	pthread_rwlock_wrlock(&steer->lock);
	err = espnic_sad_insert(steer->sad, &e, NULL);
	pthread_rwlock_unlock(&steer->lock);
	if (err) {
		steer->engine->sa_del(e.sa);
		return err == -EEXIST ? ESPNIC_CMD_STATUS_EXISTS : ESPNIC_CMD_STATUS_NO_SPACE;
	}
	core->sa[sa->handle & ESPNIC_SA_INDEX_MASK].handle = sa->handle;
	core->sa[sa->handle & ESPNIC_SA_INDEX_MASK].replay_window = sa->replay_window;
	espnic_trace(core->nic, "sa_add", "handle=%08x spi=%08x dir=%u offload=%u mode=%u",
		     sa->handle, sa->spi, sa->dir, sa->offload, sa->mode);
	return ESPNIC_CMD_STATUS_OK;
}

uint32_t espnic_core_sa_update(void *ctx, uint32_t handle, const struct espnic_hal_sa_update *u,
			       uint32_t *verdict)
{
	struct espnic_core *core = ctx;
	struct espnic_steer *steer = &core->nic->steer;
	struct espnic_sad_entry *e = espnic_sad_by_handle(steer->sad, handle);
	struct espnic_sa_update life = { .what = ESPNIC_UPDATE_LIFE };
	enum espnic_verdict v;

	if (!e)
		return ESPNIC_CMD_STATUS_NOT_FOUND;
	if (u->what & ESPNIC_HAL_SA_LIMITS) {
		life.soft_packets = to_limit(u->limits.soft_packets);
		life.hard_packets = to_limit(u->limits.hard_packets);
		life.soft_bytes = to_limit(u->limits.soft_bytes);
		life.hard_bytes = to_limit(u->limits.hard_bytes);
		v = steer->engine->sa_update(e->sa, &life);
		if (v != ESPNIC_OK) {
			*verdict = (uint32_t)v;
			return ESPNIC_CMD_STATUS_ENGINE;
		}
	}
	pthread_rwlock_wrlock(&steer->lock);
	if (u->what & ESPNIC_HAL_SA_L2) {
		e->has_l2 = true;
		memcpy(e->dst_mac, u->dst_mac, sizeof(e->dst_mac));
		memcpy(e->src_mac, u->src_mac, sizeof(e->src_mac));
	}
	if (u->what & ESPNIC_HAL_SA_DYING)
		e->dying = true;
	pthread_rwlock_unlock(&steer->lock);
	return ESPNIC_CMD_STATUS_OK;
}

uint32_t espnic_core_sa_del(void *ctx, uint32_t handle)
{
	struct espnic_core *core = ctx;
	struct espnic_steer *steer = &core->nic->steer;
	struct espnic_sad_entry *e = espnic_sad_by_handle(steer->sad, handle);
	struct espnic_sa *sa;

	if (!e)
		return ESPNIC_CMD_STATUS_NOT_FOUND;
	sa = e->sa;
	/* Packets use an SA only inside of the lock: behind it, nobody does. */
	pthread_rwlock_wrlock(&steer->lock);
	espnic_sad_remove(steer->sad, e);
	pthread_rwlock_unlock(&steer->lock);
	steer->engine->sa_del(sa);
	espnic_core_forget_sa(core, handle);
	espnic_trace(core->nic, "sa_del", "handle=%08x", handle);
	return ESPNIC_CMD_STATUS_OK;
}

uint32_t espnic_core_sa_query(void *ctx, uint32_t handle, struct espnic_hal_sa_report *r)
{
	struct espnic_core *core = ctx;
	struct espnic_sad_entry *e = espnic_sad_by_handle(core->nic->steer.sad, handle);
	struct espnic_core_sa *sa = &core->sa[handle & ESPNIC_SA_INDEX_MASK];
	struct espnic_sa_state st;
	unsigned int i;

	if (!e)
		return ESPNIC_CMD_STATUS_NOT_FOUND;
	core->nic->steer.engine->sa_query(e->sa, &st);
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
	r->replay_window = sa->replay_window;
	r->soft = sa->soft;
	r->hard = sa->hard;
	r->seq_used_up = sa->seq_used_up;
	return ESPNIC_CMD_STATUS_OK;
}

/* ---- policies ---- */

uint32_t espnic_core_policy_add(void *ctx, const struct espnic_hal_policy *hp)
{
	static const uint8_t dir[] = {
		[ESPNIC_CMD_POLICY_DIR_IN] = ESPNIC_SPD_IN,
		[ESPNIC_CMD_POLICY_DIR_OUT] = ESPNIC_SPD_OUT,
		[ESPNIC_CMD_POLICY_DIR_FWD] = ESPNIC_SPD_FWD,
	};
	static const uint8_t action[] = {
		[ESPNIC_CMD_POLICY_ACTION_BYPASS] = ESPNIC_SPD_BYPASS,
		[ESPNIC_CMD_POLICY_ACTION_DISCARD] = ESPNIC_SPD_DISCARD,
		[ESPNIC_CMD_POLICY_ACTION_PROTECT] = ESPNIC_SPD_PROTECT,
	};
	struct espnic_core *core = ctx;
	struct espnic_steer *steer = &core->nic->steer;
	struct espnic_spd_policy p;
	int err;

	memset(&p, 0, sizeof(p));
	p.id = hp->id;
	p.priority = hp->priority;
	p.dir = dir[hp->dir];
	p.action = action[hp->action];
	to_selector(&p.sel, &hp->sel);
	if (p.action == ESPNIC_SPD_PROTECT) {
		p.tmpl.mode = (uint8_t)to_mode(hp->tmpl_mode);
		p.tmpl.ip_proto = hp->tmpl_proto;
		p.tmpl.family = hp->tmpl_family;
		p.tmpl.reqid = hp->tmpl_reqid;
		p.tmpl.spi = hp->tmpl_spi;
		memcpy(p.tmpl.saddr, hp->tmpl_saddr, sizeof(p.tmpl.saddr));
		memcpy(p.tmpl.daddr, hp->tmpl_daddr, sizeof(p.tmpl.daddr));
	}
	pthread_rwlock_wrlock(&steer->lock);
	err = espnic_spd_insert(steer->spd, &p);
	pthread_rwlock_unlock(&steer->lock);
	if (err)
		return err == -EEXIST ? ESPNIC_CMD_STATUS_EXISTS : ESPNIC_CMD_STATUS_NO_SPACE;
	espnic_core_forget_policy(core, hp->id);
	espnic_trace(core->nic, "policy_add", "id=%u dir=%u action=%u priority=%u", hp->id, hp->dir,
		     hp->action, hp->priority);
	return ESPNIC_CMD_STATUS_OK;
}

uint32_t espnic_core_policy_discard(void *ctx, uint32_t id)
{
	struct espnic_core *core = ctx;
	struct espnic_steer *steer = &core->nic->steer;
	struct espnic_spd_policy *p = espnic_spd_by_id(steer->spd, id);

	if (!p)
		return ESPNIC_CMD_STATUS_NOT_FOUND;
	pthread_rwlock_wrlock(&steer->lock);
	p->discard = true;
	pthread_rwlock_unlock(&steer->lock);
	return ESPNIC_CMD_STATUS_OK;
}

uint32_t espnic_core_policy_del(void *ctx, uint32_t id)
{
	struct espnic_core *core = ctx;
	struct espnic_steer *steer = &core->nic->steer;
	struct espnic_spd_policy *p = espnic_spd_by_id(steer->spd, id);

	if (!p)
		return ESPNIC_CMD_STATUS_NOT_FOUND;
	pthread_rwlock_wrlock(&steer->lock);
	espnic_spd_remove(steer->spd, p);
	pthread_rwlock_unlock(&steer->lock);
	espnic_core_forget_policy(core, id);
	espnic_trace(core->nic, "policy_del", "id=%u", id);
	return ESPNIC_CMD_STATUS_OK;
}

uint32_t espnic_core_policy_query(void *ctx, uint32_t id, struct espnic_hal_policy_report *r)
{
	struct espnic_core *core = ctx;
	struct espnic_spd_policy *p = espnic_spd_by_id(core->nic->steer.spd, id);

	if (!p)
		return ESPNIC_CMD_STATUS_NOT_FOUND;
	r->packets = atomic_load(&p->packets);
	r->bytes = atomic_load(&p->bytes);
	r->no_sa = atomic_load(&p->no_sa);
	return ESPNIC_CMD_STATUS_OK;
}

/* ---- all ---- */

void espnic_core_wipe(struct espnic_core *core)
{
	struct espnic_steer *steer = &core->nic->steer;
	struct espnic_sad_entry *e;

	pthread_rwlock_wrlock(&steer->lock);
	espnic_spd_clear(steer->spd);
	while ((e = espnic_sad_next(steer->sad, NULL))) {
		struct espnic_sa *sa = e->sa;

		espnic_sad_remove(steer->sad, e);
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
