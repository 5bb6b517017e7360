/* SPDX-License-Identifier: BSD-2-Clause */
/* An SA as the shared pipeline of ref and fast sees it. */
#ifndef ESPNIC_ENGINE_SA_H
#define ESPNIC_ENGINE_SA_H

#include "engine/aead.h"
#include "engine/engine.h"
#include "engine/lock.h"
#include "engine/replay.h"

enum {
	ESPNIC_GCM_IV = 8,		/* bytes: explicit IV, RFC 4106 section 3.1 */
	ESPNIC_GCM_SALT = 4,		/* bytes: RFC 4106 section 4 */
};

struct espnic_sa {
	struct espnic_sa_info info;

	/* Constant from sa_add to sa_del. */
	const struct espnic_aead_ops *aead;
	uint8_t salt[ESPNIC_GCM_SALT];
	uint16_t udp_sport, udp_dport;
	uint8_t tunnel_src[16], tunnel_dst[16];
	uint8_t ttl, dscp, df;
	bool ecn;
	bool has_sel;
	struct espnic_selector sel;
	uint32_t mtu, tfc_len;
	size_t size;			/* bytes of the whole allocation */

	/* Guarded by lock. */
	struct espnic_lock lock;
	uint16_t ip_id;			/* next IPv4 identification of the outer header */
	uint32_t events;		/* enum espnic_sa_event: not collected yet */
	uint32_t raised;		/* the same: told once already, since the limits were set */
	uint64_t seq;			/* outbound: highest number sent */
	uint64_t lease_mark, lease_end;	/* outbound; lease_end 0: no lease */
	struct espnic_window window;	/* inbound: highest number verified, and below */
	uint64_t bytes;
	uint64_t verdicts[ESPNIC_VERDICTS];
	uint64_t soft_packets, hard_packets, soft_bytes, hard_bytes;

	/* The expanded key, then the window's bitmap. */
	_Alignas(ESPNIC_CACHE_LINE) uint8_t key[];
};

/* Behind the ops of the same names; @aead chooses the body. */
enum espnic_verdict espnic_sa_new(const struct espnic_aead_ops *aead,
				  const struct espnic_sa_params *p, struct espnic_sa **sa,
				  const char **why);
enum espnic_verdict espnic_sa_update(struct espnic_sa *sa, const struct espnic_sa_update *u);
void espnic_sa_free(struct espnic_sa *sa);
void espnic_sa_query(struct espnic_sa *sa, struct espnic_sa_state *st);
void espnic_sa_window(struct espnic_sa *sa, struct espnic_sa_window *w);
void espnic_sa_inherit(struct espnic_sa *heir, struct espnic_sa *old);

/*
 * Whether @p makes sense (ESPNIC_OK), and if not, ESPNIC_BAD_SA with the reason;
 * ESPNIC_UNSUPPORTED for what makes sense but is not AES-GCM in ESP.
 */
enum espnic_verdict espnic_sa_check(const struct espnic_sa_params *p, const char **why);

/* The ICV length in bytes of sound parameters: icv_len, or the transform's default. */
uint8_t espnic_sa_icv_len(const struct espnic_sa_params *p);

/*
 * With the lock held: counts a clear packet of @bytes that passes, ESPNIC_OK, or
 * ESPNIC_LIFETIME and nothing is counted. Sets ESPNIC_PKT_EVENT in *@flags when
 * that is news to the owner.
 */
enum espnic_verdict espnic_sa_count(struct espnic_sa *sa, uint32_t bytes, uint32_t *flags);

/* With the lock held: whether the SA has reached a hard limit, whatever comes. */
bool espnic_sa_expired(const struct espnic_sa *sa);

/* With the lock held: raises @event once. */
void espnic_sa_raise(struct espnic_sa *sa, uint32_t event, uint32_t *flags);

/* Takes the lock; counts a packet that did not pass. */
void espnic_sa_refuse(struct espnic_sa *sa, struct espnic_pkt *pkt, enum espnic_verdict verdict);

#endif
