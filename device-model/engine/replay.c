// SPDX-License-Identifier: BSD-2-Clause
/*
 * The bitmap is a ring of words at least one word longer than the window, so
 * that advancing only clears whole words (RFC 6479).
 */
#include "engine/replay.h"

#include <string.h>

enum { SEQ_LOW_BITS = 32 };

/* W where the SA has no window: half the space, RFC 4303 A2.2 with its widest reach both ways. */
static const uint64_t half_space = (uint64_t)1 << 31;

static uint32_t window_words(uint32_t size)
{
	uint32_t words = 1;

	while (words * ESPNIC_WINDOW_WORD < size + ESPNIC_WINDOW_WORD)
		words *= 2;
	return words;
}

size_t espnic_window_bytes(uint32_t size)
{
	return size ? window_words(size) * sizeof(uint64_t) : 0;
}

static uint64_t *seen_word(const struct espnic_window *w, uint64_t seq)
{
	return &w->seen[seq / ESPNIC_WINDOW_WORD & w->mask];
}

static uint64_t seen_bit(uint64_t seq)
{
	return (uint64_t)1 << seq % ESPNIC_WINDOW_WORD;
}

void espnic_window_init(struct espnic_window *w, uint32_t size, uint64_t top, uint64_t *seen)
{
	w->top = top;
	w->size = size;
	w->mask = size ? window_words(size) - 1 : 0;
	w->seen = seen;
	if (size)
		*seen_word(w, top) |= seen_bit(top);
}

enum espnic_verdict espnic_window_infer(const struct espnic_window *w, bool esn, uint32_t low,
					uint64_t *seq)
{
	uint64_t size = w->size ? w->size : half_space;
	uint32_t top_low = (uint32_t)w->top;
	uint32_t high = (uint32_t)(w->top >> SEQ_LOW_BITS);
	/* Bl, the bottom of the window; below zero it wraps, as A2.2 wants it. */
	uint32_t bottom = (uint32_t)(top_low - size + 1);

	*seq = low;
	if (!esn)
		return ESPNIC_OK;

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
	*seq |= (uint64_t)high << SEQ_LOW_BITS;
	return ESPNIC_OK;
}

enum espnic_verdict espnic_window_check(const struct espnic_window *w, uint64_t seq)
{
	if (w->size == 0 || seq > w->top)
		return ESPNIC_OK;
	if (w->top - seq >= w->size)
		return ESPNIC_TOO_OLD;
	/* The first number a sender uses is 1 (RFC 4303 section 2.2). */
	if (seq == 0 || *seen_word(w, seq) & seen_bit(seq))
		return ESPNIC_REPLAY;
	return ESPNIC_OK;
}

/* Clears the words that come into reach when the top goes to @top. */
static void advance(struct espnic_window *w, uint64_t top)
{
	uint64_t from = w->top / ESPNIC_WINDOW_WORD;
	uint64_t words = top / ESPNIC_WINDOW_WORD - from;

	if (words > (uint64_t)w->mask + 1)
		words = (uint64_t)w->mask + 1;
	for (uint64_t i = 1; i <= words; i++)
		w->seen[(from + i) & w->mask] = 0;
	w->top = top;
}

void espnic_window_accept(struct espnic_window *w, uint64_t seq)
{
	if (w->size == 0) {
		if (seq > w->top)
			w->top = seq;
		return;
	}
	if (seq > w->top)
		advance(w, seq);
	*seen_word(w, seq) |= seen_bit(seq);
}

void espnic_window_raise(struct espnic_window *w, uint64_t top)
{
	if (top <= w->top)
		return;
	w->top = top;
	if (w->size)
		memset(w->seen, 0xff, espnic_window_bytes(w->size));
	/* Numbers above the top share the top's word and must be clear. */
	if (w->size)
		*seen_word(w, top) &= seen_bit(top) | (seen_bit(top) - 1);
}

/* Whether @seq must not be taken any more. */
static bool window_has(const struct espnic_window *w, uint64_t seq)
{
	return seq <= w->top && espnic_window_check(w, seq) != ESPNIC_OK;
}

void espnic_window_read(const struct espnic_window *w, struct espnic_sa_window *out)
{
	memset(out, 0, sizeof(*out));
	out->top = w->top;
	out->size = w->size;
	for (uint32_t n = 0; n < w->size && n <= w->top; n++) {
		if (window_has(w, w->top - n))
			out->bitmap[n / ESPNIC_WINDOW_WORD] |= (uint64_t)1 << n % ESPNIC_WINDOW_WORD;
	}
}

void espnic_window_join(struct espnic_window *w, const struct espnic_window *old)
{
	uint64_t own = w->top;

	if (old->top > w->top) {
		if (w->size)
			advance(w, old->top);
		w->top = old->top;
		/* What the lower top's window has left behind was judged by nobody. */
		for (uint64_t n = 0; n < w->size && n <= w->top; n++) {
			uint64_t seq = w->top - n;

			if (own >= w->size && seq <= own - w->size)
				*seen_word(w, seq) |= seen_bit(seq);
		}
	}
	for (uint64_t n = 0; n < w->size && n <= w->top; n++) {
		if (old->size && window_has(old, w->top - n))
			*seen_word(w, w->top - n) |= seen_bit(w->top - n);
	}
}
