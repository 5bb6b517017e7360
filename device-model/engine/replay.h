/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The receiver's sequence numbers: anti-replay window (RFC 4303 section 3.4.3)
 * and the high half of extended ones (appendix A2). Numbers are 64 bits
 * throughout. The caller serialises all calls on one window.
 */
#ifndef ESPNIC_ENGINE_REPLAY_H
#define ESPNIC_ENGINE_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"

enum {
	ESPNIC_WINDOW_WORD = 64,	/* bits */
};

struct espnic_window {
	uint64_t top;		/* T: highest number verified */
	uint32_t size;		/* W: T - W + 1 .. T are judged one by one; 0: no check */
	uint32_t mask;		/* words of seen, a power of two, less one */
	uint64_t *seen;		/* bit n % 64 of word n / 64 & mask: number n was seen */
};

/* Bytes of bitmap a window of @size packets needs (0 for none). */
size_t espnic_window_bytes(uint32_t size);

/* Starts with @top as the only number seen. @seen: espnic_window_bytes(@size) bytes, zeroed. */
void espnic_window_init(struct espnic_window *w, uint32_t size, uint64_t top, uint64_t *seen);

/*
 * The 64-bit number of a packet whose header says @low. Without @esn that is
 * @low. With it, appendix A2.2: ESPNIC_OK, or ESPNIC_TOO_OLD when it would
 * belong to an epoch after the last one.
 */
enum espnic_verdict espnic_window_infer(const struct espnic_window *w, bool esn, uint32_t low,
					uint64_t *seq);

/* ESPNIC_OK, _REPLAY or _TOO_OLD for number @seq. With W = 0 always OK. */
enum espnic_verdict espnic_window_check(const struct espnic_window *w, uint64_t seq);

/* Marks @seq, of a packet whose ICV was good and which passed the check, as seen. */
void espnic_window_accept(struct espnic_window *w, uint64_t seq);

/* Moves the top up to @top (never down) and takes everything up to it as seen. */
void espnic_window_raise(struct espnic_window *w, uint64_t top);

/* What @w holds, in the form of the engine's sa_window. */
void espnic_window_read(const struct espnic_window *w, struct espnic_sa_window *out);

/*
 * Joins @old to @w: the higher top, and every number that either has seen, or that is left of the
 * window of either.
 */
void espnic_window_join(struct espnic_window *w, const struct espnic_window *old);

#endif
