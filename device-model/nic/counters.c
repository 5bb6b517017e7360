// SPDX-License-Identifier: BSD-2-Clause
/* Device counters: each thread has its own, this adds them up. */
#include "nic/internal.h"

static void add(uint64_t v[ESPNIC_COUNTER_COUNT], const struct espnic_counters *c)
{
	unsigned int i;

	for (i = 0; i < ESPNIC_COUNTER_COUNT; i++)
		v[i] += atomic_load_explicit(&c->v[i], memory_order_relaxed);
}

static void clear(struct espnic_counters *c)
{
	unsigned int i;

	for (i = 0; i < ESPNIC_COUNTER_COUNT; i++)
		atomic_store_explicit(&c->v[i], 0, memory_order_relaxed);
}

void espnic_counters_sum(struct espnic_nic *nic, uint64_t v[ESPNIC_COUNTER_COUNT])
{
	unsigned int i;

	for (i = 0; i < ESPNIC_COUNTER_COUNT; i++)
		v[i] = 0;
	for (i = 0; i < nic->cfg.workers; i++)
		add(v, &nic->worker[i].counters);
	add(v, &nic->rx.counters);
	add(v, &nic->core_counters);
	v[ESPNIC_COUNTER_RX_DROP_OVERSIZE] +=
		atomic_load(&nic->cfg.wire->rx_skipped) - atomic_load(&nic->skipped_before);
	v[ESPNIC_COUNTER_REG_BAD_ACCESS] += atomic_load(&nic->bad_access);
	v[ESPNIC_COUNTER_DMA_REFUSED] += atomic_load(&nic->dma_refused);
	v[ESPNIC_COUNTER_QUEUE_ERRORS] += atomic_load(&nic->queue_errors);
}

void espnic_counters_clear(struct espnic_nic *nic)
{
	unsigned int i;

	for (i = 0; i < nic->cfg.workers; i++)
		clear(&nic->worker[i].counters);
	clear(&nic->rx.counters);
	clear(&nic->core_counters);
	atomic_store(&nic->skipped_before, atomic_load(&nic->cfg.wire->rx_skipped));
	atomic_store(&nic->bad_access, 0);
	atomic_store(&nic->dma_refused, 0);
	atomic_store(&nic->queue_errors, 0);
}

void espnic_queue_counters_get(const struct espnic_queue *q, uint64_t v[ESPNIC_QUEUE_COUNTER_COUNT])
{
	unsigned int i;

	for (i = 0; i < ESPNIC_QUEUE_COUNTER_COUNT; i++)
		v[i] = atomic_load_explicit(&q->counters.v[i], memory_order_relaxed);
}

void espnic_queue_counters_clear(struct espnic_queue *q)
{
	unsigned int i;

	for (i = 0; i < ESPNIC_QUEUE_COUNTER_COUNT; i++)
		atomic_store_explicit(&q->counters.v[i], 0, memory_order_relaxed);
}
