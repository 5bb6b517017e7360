/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a TX queue that has run dry asks for a doorbell, or is looked at again by itself soon. A doorbell
 * costs the guest an exit and the device two wake-ups; a device faster than its guest would else get one
 * for each packet. Under load it looks by itself; one packet now and then is told at once.
 */
#ifndef ESPNIC_NIC_LINGER_H
#define ESPNIC_NIC_LINGER_H

#include <stdint.h>

enum espnic_linger_limits {			/* nanoseconds, but for frames */
	ESPNIC_LINGER_WINDOW = 1000000,		/* in which frames are counted */
	ESPNIC_LINGER_FRAMES = 8,		/* in a window: load; requests and responses stay below */
	ESPNIC_LINGER_LOOK = 100000,		/* between two looks: what a frame waits at most */
	ESPNIC_LINGER_END = 2000000,		/* after the last of the load: then a doorbell is wanted again */
};

struct espnic_linger {
	uint64_t window_ns;		/* when it began */
	uint32_t frames;		/* in it */
	uint64_t until_ns;
};

/* @n frames were taken from the queue. */
static inline void espnic_linger_took(struct espnic_linger *l, uint32_t n, uint64_t now_ns)
{
	if (now_ns - l->window_ns >= ESPNIC_LINGER_WINDOW) {
		l->window_ns = now_ns;
		l->frames = 0;
	}
	/* No sum to overflow: what is over the limit says no more. */
	l->frames = n < ESPNIC_LINGER_FRAMES ? l->frames + n : ESPNIC_LINGER_FRAMES;
	if (l->frames < ESPNIC_LINGER_FRAMES)
		return;
	l->frames = ESPNIC_LINGER_FRAMES;
	l->until_ns = now_ns + ESPNIC_LINGER_END;
}

/* Nanoseconds until the queue is to be looked at again; 0: it waits for a doorbell. */
static inline uint64_t espnic_linger_wait(const struct espnic_linger *l, uint64_t now_ns)
{
	return now_ns < l->until_ns ? ESPNIC_LINGER_LOOK : 0;
}

#endif
