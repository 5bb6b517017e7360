/* SPDX-License-Identifier: BSD-2-Clause */
/* The native core from within; all of it is the core thread's, unless atomic. */
#ifndef ESPNIC_CORE_INTERNAL_H
#define ESPNIC_CORE_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/core.h"
#include "fw/fw.h"
#include "nic/dormant.h"
#include "nic/espudp.h"
#include "nic/internal.h"
#include "nic/peer.h"

enum espnic_core_limits {
	ESPNIC_CORE_EVENTS = 64,	/* gathered at a time; the rest waits where it arose */
	/*
	 * Milliseconds between two SA_NO_SA events of one policy: each packet without an SA raises
	 * it.
	 */
	ESPNIC_CORE_NO_SA_MS = 500,
	/* Milliseconds between two SA_REMAP events of one SA: a NAT may change its mind often. */
	ESPNIC_CORE_REMAP_MS = 500,
	/* Milliseconds without firmware after which the hardware stops the device. */
	ESPNIC_CORE_WATCHDOG_MS = 4 * ESPNIC_HEARTBEAT_MS,
	ESPNIC_CORE_SA_WORDS = ESPNIC_MAX_SAS / 32 + 1,
	ESPNIC_CORE_POLICY_WORDS = ESPNIC_MAX_POLICIES / 32 + 1,
};

struct espnic_core_sa {			/* by table index */
	uint32_t handle;		/* 0: free */
	bool soft, hard, seq_used_up;	/* happened */
	uint32_t untold;		/* enum espnic_sa_event the firmware has yet to hear of */
	uint32_t replay_window;
	uint64_t remap_ms;		/* time of the last SA_REMAP event, 0: none */
};

struct espnic_core {
	struct espnic_nic *nic;
	struct espnic_engine_thread *engine;	/* for known-answer tests */
	struct espnic_core_sa sa[ESPNIC_MAX_SAS + 1];
	uint64_t no_sa_ms[ESPNIC_MAX_POLICIES + 1];	/* time of the last SA_NO_SA event */

	/* Set by datapath threads: which SAs and policies have something to report. */
	_Atomic uint32_t sa_news[ESPNIC_CORE_SA_WORDS];
	_Atomic uint32_t policy_news[ESPNIC_CORE_POLICY_WORDS];
	_Atomic bool any_news;

	struct espnic_hal_event event[ESPNIC_CORE_EVENTS];
	unsigned int n_events, next_event;

	bool mute; /* a fault: the store that follows is not done */
	bool hung; /* a fault: the firmware runs no more in this life */
	uint64_t bite_ms; /* when the watchdog stops the device for it; 0: never, or it has */

	struct espnic_fw fw;
};

uint64_t espnic_core_now_ms(void *ctx);

/* events.c */
void espnic_core_sa_event(void *ctx, uint32_t handle);
void espnic_core_policy_event(void *ctx, uint32_t id);
bool espnic_core_event_next(void *ctx, struct espnic_hal_event *ev);
void espnic_core_events_clear(struct espnic_core *core);
/* What the engine reports of an SA: kept for event_next and for queries. */
void espnic_core_note(struct espnic_core *core, uint32_t handle, uint32_t events);
/* The SA is gone: nothing more is told of it. */
void espnic_core_forget_sa(struct espnic_core *core, uint32_t handle);
void espnic_core_forget_policy(struct espnic_core *core, uint32_t id);

/* tables.c */
void espnic_core_selector(struct espnic_selector *to, const struct espnic_hal_selector *from);
enum espnic_sa_mode espnic_core_mode(uint8_t mode);
/* The SA of exactly this handle, live or dormant; NULL: none. */
struct espnic_sad_entry *espnic_core_find_sa(struct espnic_core *core, uint32_t handle);

/* tables.c, policies.c: fw/hal.h has what they do */
uint32_t espnic_core_sa_add(void *ctx, const struct espnic_hal_sa *sa, uint32_t *verdict);
uint32_t espnic_core_sa_update(void *ctx, uint32_t handle, const struct espnic_hal_sa_update *u,
			       uint32_t *verdict);
uint32_t espnic_core_sa_del(void *ctx, uint32_t handle, struct espnic_hal_sa_report *last);
uint32_t espnic_core_sa_succeed(void *ctx, uint32_t old, uint32_t heir,
				struct espnic_hal_sa_report *last, uint64_t *seq);
uint32_t espnic_core_sa_window(void *ctx, uint32_t handle, struct espnic_hal_window *w);
uint32_t espnic_core_sa_query(void *ctx, uint32_t handle, struct espnic_hal_sa_report *r);
uint32_t espnic_core_policy_add(void *ctx, const struct espnic_hal_policy *p);
uint32_t espnic_core_policy_discard(void *ctx, uint32_t id);
uint32_t espnic_core_policy_del(void *ctx, uint32_t id);
uint32_t espnic_core_policy_query(void *ctx, uint32_t id, struct espnic_hal_policy_report *r);
uint32_t espnic_core_engine_kat(void *ctx, const struct espnic_hal_sa *sa, const uint8_t *iv,
				const uint8_t *in, uint32_t in_len, uint8_t *out,
				uint32_t *out_len);

#endif
