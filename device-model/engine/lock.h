/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A lock of one byte for sections of some tens of instructions: sequence
 * allocation, window, counters. A holder that was preempted is waited for by
 * yielding, so two threads on one core do not spin a time slice away.
 */
#ifndef ESPNIC_ENGINE_LOCK_H
#define ESPNIC_ENGINE_LOCK_H

#include <sched.h>
#include <stdatomic.h>

enum { ESPNIC_LOCK_SPINS = 64 };	/* tries before yielding: about one section's length */

struct espnic_lock {
	atomic_flag held;
};

/* Of what is written under a lock and looked at without: one access, no order. */
#define ESPNIC_READ_ONCE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define ESPNIC_WRITE_ONCE(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELAXED)

static inline void espnic_lock_init(struct espnic_lock *lock)
{
	atomic_flag_clear_explicit(&lock->held, memory_order_relaxed);
}

static inline void espnic_lock(struct espnic_lock *lock)
{
	unsigned int tries = 0;

	while (atomic_flag_test_and_set_explicit(&lock->held, memory_order_acquire)) {
		if (++tries % ESPNIC_LOCK_SPINS == 0)
			sched_yield();
	}
}

static inline void espnic_unlock(struct espnic_lock *lock)
{
	atomic_flag_clear_explicit(&lock->held, memory_order_release);
}

#endif
