/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the threads of the NIC wait for each other.
 *
 * espnic_wake: one sleeper, many wakers; waking someone who is awake costs one
 * atomic operation and no system call, so that a register write never waits.
 *
 * espnic_turn: a datapath thread works inside its turn and leaves it between
 * bursts; the core thread takes the turn to change what the other works on. A plain mutex
 * would let a busy thread take it back forever.
 */
#ifndef ESPNIC_NIC_WAKE_H
#define ESPNIC_NIC_WAKE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct espnic_wake {
	_Atomic uint32_t seq;		/* one more with each wake */
	_Atomic uint32_t sleeping;	/* the sleeper is about to sleep, or does */
};

/* The value to hand to espnic_wake_wait; take it before looking for work. */
static inline uint32_t espnic_wake_seen(struct espnic_wake *w)
{
	return atomic_load(&w->seq);
}

/* Wakes the sleeper. Any thread; never waits. */
void espnic_wake_up(struct espnic_wake *w);

/*
 * Sleeps until a wake after @seen was taken, or @timeout_ns is over (0: returns at once;
 * UINT64_MAX: no limit). The sleeper alone.
 */
void espnic_wake_wait(struct espnic_wake *w, uint32_t seen, uint64_t timeout_ns);

struct espnic_turn {
	pthread_mutex_t lock;		/* held for a few instructions */
	pthread_cond_t changed;		/* busy or wanted */
	bool busy;			/* the owner is in its turn */
	_Atomic bool wanted;		/* another one waits for the turn, or has it */
};

void espnic_turn_init(struct espnic_turn *t);
void espnic_turn_destroy(struct espnic_turn *t);

/* The owner: begins a burst; waits while others have the turn or want it. */
void espnic_turn_begin(struct espnic_turn *t);
void espnic_turn_end(struct espnic_turn *t);

/* The owner, in a burst: whether it should end it soon. */
static inline bool espnic_turn_wanted(struct espnic_turn *t)
{
	return atomic_load_explicit(&t->wanted, memory_order_relaxed);
}

/*
 * Others, one at a time: waits at most @timeout_ms for the owner to leave its turn; true: it is
 * outside, and kept there until espnic_turn_give.
 */
bool espnic_turn_take(struct espnic_turn *t, unsigned int timeout_ms);
void espnic_turn_give(struct espnic_turn *t);

/* Nanoseconds of the monotonic clock. */
uint64_t espnic_now_ns(void);

#endif
