// SPDX-License-Identifier: BSD-2-Clause
/* The life of the function: made, started, reset, stopped. */
#include "nic/nic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/core.h"
#include "nic/dormant.h"
#include "nic/espudp.h"
#include "nic/internal.h"
#include "nic/peer.h"

const struct espnic_fn_ops espnic_nic_fn_ops = {
	.reg_read = espnic_regs_read,
	.reg_write = espnic_regs_write,
	.reg_bad_access = espnic_regs_bad_access,
	.dma_refused = espnic_nic_dma_refused,
	.reset = espnic_nic_reset,
};

void espnic_nic_dma_refused(void *fn)
{
	struct espnic_nic *nic = fn;

	atomic_fetch_add_explicit(&nic->dma_refused, 1, memory_order_relaxed);
}

/* ---- reset ---- */

void espnic_nic_reset(void *fn)
{
	struct espnic_nic *nic = fn;

	pthread_mutex_lock(&nic->life_lock);
	atomic_fetch_add(&nic->asked, 1);
	atomic_store(&nic->status,
		     ESPNIC_STATUS_RESETTING | (atomic_load(&nic->status) & ESPNIC_STATUS_LINK_UP));
	nic->bus->dma_gate(nic->bus_ctx, false);
	espnic_regs_reset(nic);
	pthread_mutex_unlock(&nic->life_lock);
	espnic_wake_up(&nic->core_wake);
}

bool espnic_nic_reset_begin(struct espnic_nic *nic)
{
	nic->life = atomic_load(&nic->asked);
	espnic_trace(nic, "reset", "n=%llu", (unsigned long long)nic->life);
	/* The gate is closed: bursts end by themselves. */
	if (!espnic_queues_stop_all(nic) || !espnic_queues_clear_counters(nic))
		return false;
	espnic_core_wipe(nic->core);
	espnic_regs_reset_fw(nic);
	atomic_store(&nic->news, 0);

	pthread_mutex_lock(&nic->life_lock);
	if (nic->life != atomic_load(&nic->asked)) {
		pthread_mutex_unlock(&nic->life_lock);
		return false;
	}
	nic->bus->dma_gate(nic->bus_ctx, true);
	pthread_mutex_unlock(&nic->life_lock);
	return true;
}

void espnic_nic_status_bits(struct espnic_nic *nic, uint32_t set, uint32_t clear)
{
	pthread_mutex_lock(&nic->life_lock);
	/* What belongs to a life that is over must not show in the next one. */
	if (nic->life == atomic_load(&nic->asked)) {
		if (set & (ESPNIC_STATUS_READY | ESPNIC_STATUS_FATAL)) {
			clear |= ESPNIC_STATUS_RESETTING;
			atomic_store(&nic->done, nic->life);
		}
		/* First what is new, so that nobody sees a device that is neither resetting nor ready. */
		atomic_fetch_or(&nic->status, set);
		atomic_fetch_and(&nic->status, ~clear);
	}
	pthread_mutex_unlock(&nic->life_lock);
	if (set & ESPNIC_STATUS_READY)
		espnic_trace(nic, "ready", "n=%llu", (unsigned long long)nic->life);
}

void espnic_nic_link(struct espnic_nic *nic)
{
	bool up = nic->cfg.wire->ops->link_up(nic->cfg.wire);
	bool was;

	if (up == !!(atomic_load(&nic->status) & ESPNIC_STATUS_LINK_UP))
		return;
	pthread_mutex_lock(&nic->life_lock);
	was = atomic_load(&nic->status) & ESPNIC_STATUS_LINK_UP;
	if (up)
		atomic_fetch_or(&nic->status, ESPNIC_STATUS_LINK_UP);
	else
		atomic_fetch_and(&nic->status, ~(uint32_t)ESPNIC_STATUS_LINK_UP);
	pthread_mutex_unlock(&nic->life_lock);
	if (up == was)
		return;
	espnic_trace(nic, "link", "up=%d", up);
	atomic_fetch_or(&nic->news, ESPNIC_NEWS_LINK);
	espnic_wake_up(&nic->core_wake);
}

/* ---- made and undone ---- */

static int init_lock(pthread_rwlock_t *lock)
{
	pthread_rwlockattr_t attr;
	int err;

	pthread_rwlockattr_init(&attr);
	/* Readers come one after the other without a gap: a writer must be let in between. */
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	err = pthread_rwlock_init(lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	return err;
}

static int make_parts(struct espnic_nic *nic)
{
	unsigned int i;
	int err;

	nic->steer.engine = nic->cfg.engine;
	nic->steer.pcap = nic->cfg.pcap;
	nic->steer.sad = espnic_sad_new(ESPNIC_MAX_SAS);
	nic->steer.dormant = espnic_dormant_new(ESPNIC_MAX_SAS);
	nic->steer.espudp = espnic_espudp_new();
	nic->steer.peers = espnic_peers_new(ESPNIC_MAX_SAS);
	nic->steer.spd = espnic_spd_new(ESPNIC_MAX_POLICIES);
	nic->worker = calloc(nic->cfg.workers, sizeof(*nic->worker));
	nic->core = espnic_core_new(nic);
	if (!nic->steer.sad || !nic->steer.dormant || !nic->steer.espudp || !nic->steer.peers ||
	    !nic->steer.spd || !nic->worker || !nic->core)
		return -ENOMEM;
	for (i = 0; i < nic->cfg.workers; i++) {
		err = espnic_tx_worker_init(&nic->worker[i], nic, i);
		if (err)
			return err;
	}
	return espnic_rx_init(&nic->rx, nic);
}

struct espnic_nic *espnic_nic_create(const struct espnic_nic_config *cfg)
{
	struct espnic_nic *nic = calloc(1, sizeof(*nic));
	unsigned int i;

	if (!nic)
		return NULL;
	nic->cfg = *cfg;
	espnic_caps_hide_lacking(&nic->cfg.hidden, cfg->engine);
	if (init_lock(&nic->steer.lock) || pthread_mutex_init(&nic->life_lock, NULL)) {
		free(nic);
		return NULL;
	}
	for (i = 0; i < ESPNIC_MAX_QUEUE_PAIRS; i++)
		nic->queue[i].index = i;
	atomic_store(&nic->mtu, ESPNIC_DEFAULT_MTU);
	espnic_regs_reset(nic);
	if (make_parts(nic)) {
		espnic_nic_destroy(nic);
		return NULL;
	}
	return nic;
}

void espnic_nic_destroy(struct espnic_nic *nic)
{
	unsigned int i;

	if (!nic)
		return;
	espnic_rx_free(&nic->rx);
	for (i = 0; nic->worker && i < nic->cfg.workers; i++)
		espnic_tx_worker_free(&nic->worker[i]);
	espnic_core_free(nic->core);
	free(nic->worker);
	espnic_spd_free(nic->steer.spd);
	espnic_espudp_free(nic->steer.espudp);
	espnic_peers_free(nic->steer.peers);
	espnic_dormant_free(nic->steer.dormant);
	espnic_sad_free(nic->steer.sad);
	pthread_mutex_destroy(&nic->life_lock);
	pthread_rwlock_destroy(&nic->steer.lock);
	free(nic);
}

/* ---- threads ---- */

static int start_thread(pthread_t *thread, void *(*run)(void *), void *arg, const char *name)
{
	int err = pthread_create(thread, NULL, run, arg);

	if (err)
		return -err;
	pthread_setname_np(*thread, name);
	return 0;
}

int espnic_nic_start(struct espnic_nic *nic, const struct espnic_bus_ops *bus, void *ctx)
{
	int err;

	nic->bus = bus;
	nic->bus_ctx = ctx;
	if (nic->cfg.faults) {
		nic->bus = espnic_fault_bus(nic->cfg.faults, bus, ctx);
		nic->bus_ctx = nic->cfg.faults;
	}
	espnic_nic_link(nic);
	espnic_nic_reset(nic);
	err = start_thread(&nic->rx.thread, espnic_rx_run, &nic->rx, "espnic-rx");
	if (err)
		return err;
	nic->rx_started = true;
	for (; nic->workers_started < nic->cfg.workers; nic->workers_started++) {
		struct espnic_tx_worker *w = &nic->worker[nic->workers_started];

		err = start_thread(&w->thread, espnic_tx_worker_run, w, "espnic-tx");
		if (err)
			goto undo;
	}
	err = start_thread(&nic->core_thread, espnic_core_run, nic->core, "espnic-fw");
	if (err)
		goto undo;
	nic->core_started = true;
	return 0;
undo:
	espnic_nic_stop(nic);
	return err;
}

void espnic_nic_stop(struct espnic_nic *nic)
{
	unsigned int i;

	if (nic->bus) {
		/* As a reset does: no thread waits for host memory any more. */
		espnic_nic_reset(nic);
		atomic_store(&nic->stop, true);
		espnic_wake_up(&nic->core_wake);
	}
	if (nic->core_started)
		pthread_join(nic->core_thread, NULL);
	for (i = 0; i < nic->workers_started; i++) {
		espnic_wake_up(&nic->worker[i].wake);
		pthread_join(nic->worker[i].thread, NULL);
	}
	if (nic->rx_started) {
		espnic_rx_wake(&nic->rx);
		pthread_join(nic->rx.thread, NULL);
	}
	nic->core_started = nic->rx_started = false;
	nic->workers_started = 0;
	espnic_core_wipe(nic->core);
}

void espnic_nic_get_status(struct espnic_nic *nic, struct espnic_nic_status *st)
{
	unsigned int i;

	memset(st, 0, sizeof(*st));
	espnic_counters_sum(nic, st->counters);
	st->status = atomic_load(&nic->status);
	st->fatal = espnic_reg_get(nic, ESPNIC_REG_FATAL_CODE);
	st->fw_version = espnic_reg_get(nic, ESPNIC_REG_FW_VERSION);
	st->heartbeat = espnic_reg_get(nic, ESPNIC_REG_FW_HEARTBEAT);
	st->resets = atomic_load(&nic->asked);
	pthread_rwlock_rdlock(&nic->steer.lock);
	st->sas = espnic_sad_count(nic->steer.sad) + espnic_dormant_count(nic->steer.dormant);
	st->policies = espnic_spd_count(nic->steer.spd);
	pthread_rwlock_unlock(&nic->steer.lock);
	st->engine = nic->cfg.engine->name;
	st->core = espnic_core_name;
	st->wire = nic->cfg.wire->ops->name;
	st->queues = nic->cfg.queues;
	st->workers = nic->cfg.workers;
	for (i = 0; i < nic->cfg.queues; i++) {
		st->queue[i].running = espnic_queue_live(&nic->queue[i]);
		espnic_queue_counters_get(&nic->queue[i], st->queue[i].counters);
	}
}
