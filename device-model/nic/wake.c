// SPDX-License-Identifier: BSD-2-Clause
#include "nic/wake.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_S = 1000000000, NS_PER_MS = 1000000 };

static long futex(_Atomic uint32_t *word, int op, uint32_t value, const struct timespec *timeout)
{
	return syscall(SYS_futex, word, op, value, timeout, NULL, 0);
}

void espnic_wake_up(struct espnic_wake *w)
{
	/*
	 * Sequentially consistent with the sleeper's stores: either it sees seq, or this sees
	 * sleeping.
	 */
	atomic_fetch_add(&w->seq, 1);
	if (atomic_load(&w->sleeping))
		futex(&w->seq, FUTEX_WAKE_PRIVATE, 1, NULL);
}

void espnic_wake_wait(struct espnic_wake *w, uint32_t seen, uint64_t timeout_ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(timeout_ns / NS_PER_S),
		.tv_nsec = (long)(timeout_ns % NS_PER_S),
	};

	if (!timeout_ns)
		return;
	atomic_store(&w->sleeping, 1);
	if (atomic_load(&w->seq) == seen)
		futex(&w->seq, FUTEX_WAIT_PRIVATE, seen, timeout_ns == UINT64_MAX ? NULL : &ts);
	atomic_store(&w->sleeping, 0);
}

void espnic_turn_init(struct espnic_turn *t)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&t->changed, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&t->lock, NULL);
	t->busy = false;
	atomic_init(&t->wanted, false);
}

void espnic_turn_destroy(struct espnic_turn *t)
{
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
}

void espnic_turn_begin(struct espnic_turn *t)
{
	pthread_mutex_lock(&t->lock);
	while (atomic_load(&t->wanted))
		pthread_cond_wait(&t->changed, &t->lock);
	t->busy = true;
	pthread_mutex_unlock(&t->lock);
}

void espnic_turn_end(struct espnic_turn *t)
{
	pthread_mutex_lock(&t->lock);
	t->busy = false;
	if (atomic_load(&t->wanted))
		pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

static void set_wanted(struct espnic_turn *t, bool wanted)
{
	atomic_store(&t->wanted, wanted);
	pthread_cond_broadcast(&t->changed);
}

bool espnic_turn_take(struct espnic_turn *t, unsigned int timeout_ms)
{
	uint64_t end = espnic_now_ns() + timeout_ms * (uint64_t)NS_PER_MS;
	struct timespec ts = {
		.tv_sec = (time_t)(end / NS_PER_S),
		.tv_nsec = (long)(end % NS_PER_S),
	};
	bool taken;
	int err = 0;

	pthread_mutex_lock(&t->lock);
	set_wanted(t, true);
	while (t->busy && !err)
		err = pthread_cond_timedwait(&t->changed, &t->lock, &ts);
	taken = !t->busy;
	if (!taken)
		set_wanted(t, false);
	pthread_mutex_unlock(&t->lock);
	return taken;
}

void espnic_turn_give(struct espnic_turn *t)
{
	pthread_mutex_lock(&t->lock);
	set_wanted(t, false);
	pthread_mutex_unlock(&t->lock);
}

uint64_t espnic_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}
