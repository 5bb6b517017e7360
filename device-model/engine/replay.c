// SPDX-License-Identifier: BSD-2-Clause
/*
 * The bitmap is a ring of words at least one word longer than the window, so
 * that advancing only clears whole words (RFC 6479).
 */
#include "engine/replay.h"

#include <string.h>

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

void espnic_window_init(struct espnic_window *w, uint32_t size, uint64_t top, uint64_t *seen)
{
	w->top = top;
	w->size = (uint16_t)size;
	w->mask = (uint16_t)(size ? window_words(size) - 1 : 0);
	w->seen = seen;
	if (size)
		espnic_window_mark(w, top);
}

void espnic_window_raise(struct espnic_window *w, uint64_t top)
{
	if (top <= w->top)
		return;
	ESPNIC_WRITE_ONCE(w->top, top);
	if (!w->size)
		return;
	for (uint32_t i = 0; i <= w->mask; i++)
		ESPNIC_WRITE_ONCE(w->seen[i], UINT64_MAX);
	/* Numbers above the top share the top's word and must be clear. */
	ESPNIC_WRITE_ONCE(*espnic_window_word(w, top), espnic_window_bit(top) | (espnic_window_bit(top) - 1));
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
			espnic_window_advance(w, old->top);
		ESPNIC_WRITE_ONCE(w->top, old->top);
		/* What the lower top's window has left behind was judged by nobody. */
		for (uint64_t n = 0; n < w->size && n <= w->top; n++) {
			uint64_t seq = w->top - n;

			if (own >= w->size && seq <= own - w->size)
				espnic_window_mark(w, seq);
		}
	}
	for (uint64_t n = 0; n < w->size && n <= w->top; n++) {
		if (old->size && window_has(old, w->top - n))
			espnic_window_mark(w, w->top - n);
	}
}
