// SPDX-License-Identifier: BSD-2-Clause
/*
 * Queue pairs as objects: start, stop, settings. Whatever a datapath thread works
 * on is changed in its turn.
 */
#include <errno.h>
#include <string.h>

#include "fw/hal.h"
#include "nic/internal.h"

/* All TX workers and the RX thread outside of their turns; false: one did not leave in time. */
static bool take_all(struct espnic_nic *nic)
{
	unsigned int i;

	for (i = 0; i < nic->cfg.workers; i++)
		if (!espnic_turn_take(&nic->worker[i].turn, ESPNIC_TURN_MS))
			goto undo;
	if (espnic_turn_take(&nic->rx.turn, ESPNIC_TURN_MS))
		return true;
undo:
	while (i--)
		espnic_turn_give(&nic->worker[i].turn);
	return false;
}

static void give_all(struct espnic_nic *nic)
{
	unsigned int i;

	espnic_turn_give(&nic->rx.turn);
	for (i = 0; i < nic->cfg.workers; i++)
		espnic_turn_give(&nic->worker[i].turn);
}

/* The two turns a queue pair is worked on in. */
static bool take_queue(struct espnic_nic *nic, uint32_t index)
{
	struct espnic_turn *worker = &espnic_worker_of(nic, index)->turn;

	if (!espnic_turn_take(worker, ESPNIC_TURN_MS))
		return false;
	if (espnic_turn_take(&nic->rx.turn, ESPNIC_TURN_MS))
		return true;
	espnic_turn_give(worker);
	return false;
}

static void give_queue(struct espnic_nic *nic, uint32_t index)
{
	espnic_turn_give(&nic->rx.turn);
	espnic_turn_give(&espnic_worker_of(nic, index)->turn);
}

/* Until the driver says otherwise, running queues share the hash values evenly. */
static void spread(struct espnic_nic *nic)
{
	uint8_t running[ESPNIC_MAX_QUEUE_PAIRS];
	unsigned int i, n = 0;

	if (nic->rss_set)
		return;
	for (i = 0; i < nic->cfg.queues; i++)
		if (atomic_load(&nic->queue[i].running))
			running[n++] = (uint8_t)i;
	for (i = 0; i < ESPNIC_RSS_TABLE_LEN; i++)
		nic->rss.table[i] = n ? running[i % n] : 0;
}

/* The queue pair's own state as @cfg says; both turns taken, or no threads. */
static void set_up(struct espnic_queue *q, const struct espnic_hal_queue *cfg)
{
	struct espnic_txq *tx = &q->tx;
	struct espnic_rxq *rx = &q->rx;

	q->ctrl = cfg->ctrl_addr;
	q->vector = cfg->vector;
	atomic_store(&q->error, ESPNIC_QUEUE_ERROR_NONE);
	atomic_store(&q->error_news, false);
	espnic_queue_counters_clear(q);

	tx->ring.addr = cfg->tx_addr;
	tx->ring.size = 1u << cfg->tx_log2;
	tx->ring.head = tx->ring.fetched = tx->ring.tail = 0;
	tx->cpl = (struct espnic_cpl_ring){ .addr = cfg->tx_cpl_addr, .size = tx->ring.size };
	tx->stalled = false;
	tx->event = 0;
	tx->linger = (struct espnic_linger){ 0 };
	atomic_store(&tx->steered, 0);
	espnic_intr_init(&tx->intr);

	rx->addr = cfg->rx_addr;
	rx->size = 1u << cfg->rx_log2;
	rx->head = rx->fetched = rx->tail = 0;
	rx->cpl = (struct espnic_cpl_ring){ .addr = cfg->rx_cpl_addr, .size = rx->size };
	rx->told = 0;
	rx->starved = false;
	espnic_intr_init(&rx->intr);
}

uint32_t espnic_queue_start(struct espnic_nic *nic, const struct espnic_hal_queue *cfg)
{
	struct espnic_queue *q = &nic->queue[cfg->queue];
	uint32_t word;

	/* Both halves of the control block must be there before anything relies on it. */
	if (espnic_dma_load32(nic, cfg->ctrl_addr, &word) ||
	    espnic_dma_store32(nic, cfg->ctrl_addr + offsetof(struct espnic_queue_ctrl, tx_event),
			       0) ||
	    espnic_dma_store32(nic, cfg->ctrl_addr + offsetof(struct espnic_queue_ctrl, rx_event),
			       0))
		return ESPNIC_CMD_STATUS_DMA_ERROR;
	if (!take_queue(nic, cfg->queue))
		return ESPNIC_CMD_STATUS_TIMEOUT;
	set_up(q, cfg);
	atomic_fetch_add(&q->life, 1);
	atomic_store(&q->running, true);
	spread(nic);
	give_queue(nic, cfg->queue);
	espnic_trace(nic, "queue_start", "queue=%u tx=%u rx=%u vector=%u", cfg->queue,
		     1u << cfg->tx_log2, 1u << cfg->rx_log2, cfg->vector);
	/* The driver may have filled the rings before. */
	espnic_wake_up(&espnic_worker_of(nic, cfg->queue)->wake);
	return ESPNIC_CMD_STATUS_OK;
}

/* In the turns the queue pair is worked on in. */
static void halt(struct espnic_queue *q)
{
	if (!atomic_load(&q->running))
		return;
	atomic_store(&q->running, false);
	atomic_fetch_add(&q->life, 1);
}

uint32_t espnic_queue_stop(struct espnic_nic *nic, uint32_t index)
{
	if (!take_queue(nic, index))
		return ESPNIC_CMD_STATUS_TIMEOUT;
	halt(&nic->queue[index]);
	spread(nic);
	give_queue(nic, index);
	espnic_trace(nic, "queue_stop", "queue=%u", index);
	return ESPNIC_CMD_STATUS_OK;
}

bool espnic_queues_stop_all(struct espnic_nic *nic)
{
	unsigned int i;

	if (!take_all(nic))
		return false;
	for (i = 0; i < nic->cfg.queues; i++) {
		halt(&nic->queue[i]);
		atomic_store(&nic->queue[i].error, ESPNIC_QUEUE_ERROR_NONE);
		atomic_store(&nic->queue[i].error_news, false);
	}
	memset(&nic->port, 0, sizeof(nic->port));
	atomic_store(&nic->mtu, ESPNIC_DEFAULT_MTU);
	nic->rss_set = false;
	espnic_rss_set_key(&nic->rss, espnic_rss_default_key,
			   ESPNIC_CMD_RSS_SET_L3 | ESPNIC_CMD_RSS_SET_L4);
	spread(nic);
	for (i = 0; i < nic->cfg.workers; i++)
		espnic_steer_thread_reset(&nic->worker[i].steer);
	espnic_steer_thread_reset(&nic->rx.steer);
	give_all(nic);
	return true;
}

bool espnic_queues_clear_counters(struct espnic_nic *nic)
{
	unsigned int i;

	if (!take_all(nic))
		return false;
	espnic_counters_clear(nic);
	for (i = 0; i < nic->cfg.queues; i++)
		espnic_queue_counters_clear(&nic->queue[i]);
	give_all(nic);
	return true;
}

void espnic_queue_fail(struct espnic_nic *nic, struct espnic_queue *q, enum espnic_queue_error why)
{
	uint32_t none = ESPNIC_QUEUE_ERROR_NONE;

	/* Both directions may fail at once: the first one is told. */
	if (!atomic_compare_exchange_strong(&q->error, &none, why))
		return;
	espnic_trace(nic, "queue_error", "queue=%u error=%d", q->index, (int)why);
	atomic_fetch_add(&nic->queue_errors, 1);
	atomic_store(&q->error_news, true);
	espnic_wake_up(&nic->core_wake);
}

uint32_t espnic_queue_moderation(struct espnic_nic *nic, const struct espnic_hal_moderation *m)
{
	struct espnic_queue *q = &nic->queue[m->queue];

	atomic_store(&q->tx.intr.usecs, m->tx_usecs);
	atomic_store(&q->tx.intr.frames, m->tx_frames);
	atomic_store(&q->rx.intr.usecs, m->rx_usecs);
	atomic_store(&q->rx.intr.frames, m->rx_frames);
	return ESPNIC_CMD_STATUS_OK;
}

uint32_t espnic_port_set(struct espnic_nic *nic, const struct espnic_hal_port *port)
{
	if (!espnic_turn_take(&nic->rx.turn, ESPNIC_TURN_MS))
		return ESPNIC_CMD_STATUS_TIMEOUT;
	nic->port.enable = port->enable;
	nic->port.promisc = port->promisc;
	memcpy(nic->port.mac, port->mac, sizeof(nic->port.mac));
	atomic_store(&nic->mtu, port->mtu);
	espnic_turn_give(&nic->rx.turn);
	if (nic->rx.from_file)
		espnic_rx_wake(&nic->rx);
	espnic_trace(nic, "port_set", "enable=%d promisc=%d mtu=%u", port->enable, port->promisc,
		     port->mtu);
	return ESPNIC_CMD_STATUS_OK;
}

uint32_t espnic_rss_set(struct espnic_nic *nic, const struct espnic_hal_rss *rss)
{
	if (!espnic_turn_take(&nic->rx.turn, ESPNIC_TURN_MS))
		return ESPNIC_CMD_STATUS_TIMEOUT;
	espnic_rss_set_key(&nic->rss, rss->key,
			   (rss->l3 ? ESPNIC_CMD_RSS_SET_L3 : 0) |
				   (rss->l4 ? ESPNIC_CMD_RSS_SET_L4 : 0));
	memcpy(nic->rss.table, rss->table, sizeof(nic->rss.table));
	nic->rss_set = true;
	espnic_turn_give(&nic->rx.turn);
	return ESPNIC_CMD_STATUS_OK;
}

void espnic_tx_mark(struct espnic_nic *nic, struct espnic_hal_tx_mark *mark)
{
	unsigned int i;

	memset(mark, 0, sizeof(*mark));
	for (i = 0; i < nic->cfg.queues; i++) {
		struct espnic_queue *q = &nic->queue[i];
		uint32_t tail;

		mark->queue[i].life = atomic_load(&q->life);
		mark->queue[i].tail = atomic_load(&q->tx.steered);
		if (!espnic_queue_live(q))
			continue;
		/* Unreadable: the worker will find out, and the queue stops. */
		if (!espnic_dma_load32(nic, ESPNIC_CTRL(q, tx_tail), &tail))
			mark->queue[i].tail = tail;
		espnic_wake_up(&espnic_worker_of(nic, i)->wake);
	}
}

bool espnic_tx_passed(struct espnic_nic *nic, const struct espnic_hal_tx_mark *mark)
{
	unsigned int i;

	for (i = 0; i < nic->cfg.queues; i++) {
		struct espnic_queue *q = &nic->queue[i];

		if (!espnic_queue_live(q) || atomic_load(&q->life) != mark->queue[i].life)
			continue;
		if ((int32_t)(atomic_load(&q->tx.steered) - mark->queue[i].tail) < 0)
			return false;
	}
	return true;
}
