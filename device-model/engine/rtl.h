/* SPDX-License-Identifier: BSD-2-Clause */
/* Body rtl: the table of SAs of the RTL engine, as its host's driver writes and reads it. */
#ifndef ESPNIC_ENGINE_RTL_H
#define ESPNIC_ENGINE_RTL_H

#include "engine/engine.h"
#include "engine/replay.h"
#include "engine/rtl_sim.h"

enum espnic_rtl_table_limits {
	ESPNIC_RTL_SAS_MAX = 32768,		/* entries this side can keep account of */
	ESPNIC_RTL_WINDOW_WORDS_MAX = 65536,	/* words of window memory, likewise */
};

/* The one model of the process. All of it, and all of the SAs' in it, is guarded by the lock of rtl.c. */
struct espnic_rtl {
	const struct espnic_rtl_sim_ops *ops;
	struct espnic_rtl_model *model;
	uint32_t n_free;			/* entries of free */
	uint16_t free[ESPNIC_RTL_SAS_MAX];	/* indices without an SA */
	uint32_t window_words;			/* of the model, given out here */
	uint32_t slot_words;			/* those that each SA has for its own; 0: none */
	uint8_t word_taken[ESPNIC_RTL_WINDOW_WORDS_MAX];
};

/* An SA of body rtl; begins as each struct espnic_sa does. */
struct espnic_rtl_sa {
	struct espnic_sa_info info;
	uint32_t index;				/* in the RTL's table */
	uint32_t window_size;			/* packets */
	uint32_t window_base, window_n;		/* its words of window memory; none, or its own: 0 */
	uint32_t front, back;			/* bytes its longest addition takes in front of a packet and behind */
	uint64_t no_room;			/* packets refused for want of them */
};

/* What the RTL says of an SA's hot part. */
struct espnic_rtl_hot {
	uint64_t seq;				/* sent, or top */
	uint64_t packets, bytes;
	uint32_t events;
	uint64_t floor;				/* inbound: this number and all below it count as seen */
};

/* Clocks since the model of body rtl was made; 0: there is none. */
uint64_t espnic_rtl_clocks(void);

/* Before the first of all: what is free. */
void espnic_rtl_table_init(struct espnic_rtl *rtl);

/*
 * Makes the SA of parameters that the body takes (espnic_sa_check(), and rtl.c); info is filled in already. False: no room for
 * it, *why says which.
 */
bool espnic_rtl_install(struct espnic_rtl *rtl, struct espnic_rtl_sa *sa, const struct espnic_sa_params *p,
			const char **why);
/* Takes it out of the table; no packet of it is under way then. */
void espnic_rtl_remove(struct espnic_rtl *rtl, struct espnic_rtl_sa *sa);

/* Reads the hot part; with @take the events are taken. */
void espnic_rtl_read_hot(struct espnic_rtl *rtl, const struct espnic_rtl_sa *sa, bool take, struct espnic_rtl_hot *hot);
/* Packets by verdict. */
uint64_t espnic_rtl_read_count(struct espnic_rtl *rtl, const struct espnic_rtl_sa *sa, enum espnic_verdict v);
/* Raises number or top, replaces limits and lease: as sa_update. */
void espnic_rtl_update(struct espnic_rtl *rtl, const struct espnic_rtl_sa *sa, const struct espnic_sa_update *u);

/* The window as the C engine has it; @seen: ESPNIC_WINDOW_MAX / 64 * 2 zeroed words. */
void espnic_rtl_read_window(struct espnic_rtl *rtl, const struct espnic_rtl_sa *sa, struct espnic_window *w, uint64_t *seen);
/* The other way round; with no packet of the SA under way. */
void espnic_rtl_write_window(struct espnic_rtl *rtl, const struct espnic_rtl_sa *sa, const struct espnic_window *w);

#endif
