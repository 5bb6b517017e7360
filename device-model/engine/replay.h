/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The receiver's sequence numbers: anti-replay window (RFC 4303 section 3.4.3)
 * and the high half of extended ones (appendix A2). Numbers are 64 bits
 * throughout. The caller serialises all calls on one window, but for espnic_window_guess().
 */
#ifndef ESPNIC_ENGINE_REPLAY_H
#define ESPNIC_ENGINE_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"
#include "engine/lock.h"

enum {
	ESPNIC_WINDOW_WORD = 64,	/* bits */
	ESPNIC_SEQ_LOW_BITS = 32,	/* of an extended number: those on the wire */
};

struct espnic_window {
	uint64_t top;		/* T: highest number verified */
	uint16_t size;		/* W: T - W + 1 .. T are judged one by one; 0: no check */
	uint16_t mask;		/* words of seen, a power of two, less one */
	uint64_t *seen;		/* bit n % 64 of word n / 64 & mask: number n was seen */
};

/* Bytes of bitmap a window of @size packets needs (0 for none). */
size_t espnic_window_bytes(uint32_t size);

/* Starts with @top as the only number seen. @seen: espnic_window_bytes(@size) bytes, zeroed. */
void espnic_window_init(struct espnic_window *w, uint32_t size, uint64_t top, uint64_t *seen);

static inline uint64_t *espnic_window_word(const struct espnic_window *w, uint64_t seq)
{
	return &w->seen[seq / ESPNIC_WINDOW_WORD & w->mask];
}

static inline uint64_t espnic_window_bit(uint64_t seq)
{
	return (uint64_t)1 << seq % ESPNIC_WINDOW_WORD;
}

static inline void espnic_window_mark(struct espnic_window *w, uint64_t seq)
{
	uint64_t *word = espnic_window_word(w, seq);

	ESPNIC_WRITE_ONCE(*word, *word | espnic_window_bit(seq));
}

/*
 * The 64-bit number of a packet whose header says @low. Without @esn that is
 * @low. With it, appendix A2.2: ESPNIC_OK, or ESPNIC_TOO_OLD when it would
 * belong to an epoch after the last one.
 */
static inline enum espnic_verdict espnic_window_infer(const struct espnic_window *w, bool esn,
						      uint32_t low, uint64_t *seq)
{
	uint32_t top_low = (uint32_t)w->top;
	uint32_t high = (uint32_t)(w->top >> ESPNIC_SEQ_LOW_BITS);
	uint32_t bottom;
	uint64_t size;

	*seq = low;
	if (!esn)
		return ESPNIC_OK;

	/* Where the SA has no window, W is half the space: A2.2 with its widest reach both ways. */
	size = w->size ? w->size : (uint64_t)1 << (ESPNIC_SEQ_LOW_BITS - 1);
	/* Bl, the bottom of the window; below zero it wraps, as A2.2 wants it. */
	bottom = (uint32_t)(top_low - size + 1);
	if (top_low >= size - 1) {
		/* Case A: the window lies within one epoch. */
		if (low < bottom) {
			if (high == UINT32_MAX)
				return ESPNIC_TOO_OLD;
			high++;
		}
	} else if (low >= bottom && high > 0) {
		/* Case B: the window began in the epoch before, which the first epoch lacks. */
		high--;
	}
	*seq |= (uint64_t)high << ESPNIC_SEQ_LOW_BITS;
	return ESPNIC_OK;
}

/* ESPNIC_OK, _REPLAY or _TOO_OLD for number @seq. With W = 0 always OK. */
static inline enum espnic_verdict espnic_window_check(const struct espnic_window *w, uint64_t seq)
{
	if (w->size == 0 || seq > w->top)
		return ESPNIC_OK;
	if (w->top - seq >= w->size)
		return ESPNIC_TOO_OLD;
	/* The first number a sender uses is 1 (RFC 4303 section 2.2). */
	if (seq == 0 || *espnic_window_word(w, seq) & espnic_window_bit(seq))
		return ESPNIC_REPLAY;
	return ESPNIC_OK;
}

/* With W > 0: clears the words that come into reach when the top goes up to @top. */
static inline void espnic_window_advance(struct espnic_window *w, uint64_t top)
{
	uint64_t from = w->top / ESPNIC_WINDOW_WORD;
	uint64_t words = top / ESPNIC_WINDOW_WORD - from;

	if (words > (uint64_t)w->mask + 1)
		words = (uint64_t)w->mask + 1;
	for (uint64_t i = 1; i <= words; i++)
		ESPNIC_WRITE_ONCE(w->seen[(from + i) & w->mask], 0);
	ESPNIC_WRITE_ONCE(w->top, top);
}

/* Marks @seq, of a packet whose ICV was good and which passed the check, as seen. */
static inline void espnic_window_accept(struct espnic_window *w, uint64_t seq)
{
	if (w->size == 0) {
		if (seq > w->top)
			ESPNIC_WRITE_ONCE(w->top, seq);
		return;
	}
	if (seq > w->top)
		espnic_window_advance(w, seq);
	espnic_window_mark(w, seq);
}

/*
 * What espnic_window_accept() does for number T + 1, which no window refuses: the next one of a sender whose packets
 * come in order.
 */
static inline void espnic_window_step(struct espnic_window *w)
{
	uint64_t seq = w->top + 1;
	uint64_t *word, bit = espnic_window_bit(seq);

	ESPNIC_WRITE_ONCE(w->top, seq);
	if (w->size == 0)
		return;
	word = espnic_window_word(w, seq);
	/* The first bit of a word that comes into reach. */
	ESPNIC_WRITE_ONCE(*word, bit == 1 ? bit : *word | bit);
}

/*
 * What infer and check say (OK or not, and *@seq), while others may move the window: a guess, of which nothing but work
 * saved or wasted may depend. Needs no serialisation.
 */
static inline bool espnic_window_guess(const struct espnic_window *w, bool esn, uint32_t low, uint64_t *seq)
{
	const struct espnic_window now = { .top = ESPNIC_READ_ONCE(w->top), .size = w->size };

	if (espnic_window_infer(&now, esn, low, seq) != ESPNIC_OK)
		return false;
	if (!now.size || *seq > now.top)
		return true;
	return now.top - *seq < now.size && *seq &&
	       !(ESPNIC_READ_ONCE(*espnic_window_word(w, *seq)) & espnic_window_bit(*seq));
}

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
