// SPDX-License-Identifier: BSD-2-Clause
/*
 * The native core: the firmware compiled into this process, on a thread of its
 * own, over a hardware abstraction that is a function call away from the NIC.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/internal.h"

enum { NS_PER_MS = 1000000 };

const char espnic_core_name[] = "native";

uint64_t espnic_core_now_ms(void *ctx)
{
	(void)ctx;
	return espnic_now_ns() / NS_PER_MS;
}

/* ---- host memory ---- */

static uint32_t dma_result(struct espnic_core *core, int err)
{
	if (!err)
		return ESPNIC_HAL_DMA_OK;
	if (err == -ECANCELED || atomic_load(&core->nic->asked) != core->nic->life)
		return ESPNIC_HAL_DMA_RESET;
	return ESPNIC_HAL_DMA_FAULT;
}

static bool wraps(uint64_t addr, uint32_t len)
{
	return addr + len < addr;
}

static uint32_t hal_dma_read(void *ctx, uint64_t addr, void *buf, uint32_t len)
{
	struct espnic_core *core = ctx;

	if (wraps(addr, len))
		return ESPNIC_HAL_DMA_FAULT;
	return dma_result(core, espnic_dma_read(core->nic, addr, buf, len));
}

static bool in_ring(struct espnic_nic *nic, uint64_t addr, uint32_t reg_lo, uint64_t size)
{
	uint64_t ring = (uint64_t)espnic_reg_get(nic, reg_lo + 4) << 32 | espnic_reg_get(nic, reg_lo);

	return addr >= ring && addr - ring < size;
}

static bool in_cmd_cq(struct espnic_nic *nic, uint64_t addr)
{
	uint32_t log2 = (espnic_reg_get(nic, ESPNIC_REG_CMD_CFG) & ESPNIC_CMD_CFG_CMD_LOG2) >>
			ESPNIC_CMD_CFG_CMD_LOG2_SHIFT;

	return in_ring(nic, addr, ESPNIC_REG_CMD_CQ_LO,
		       (uint64_t)sizeof(struct espnic_cmd_cpl) << log2);
}

static bool in_evq(struct espnic_nic *nic, uint64_t addr)
{
	uint32_t log2 = (espnic_reg_get(nic, ESPNIC_REG_CMD_CFG) & ESPNIC_CMD_CFG_EVQ_LOG2) >>
			ESPNIC_CMD_CFG_EVQ_LOG2_SHIFT;

	return in_ring(nic, addr, ESPNIC_REG_EVQ_LO, (uint64_t)sizeof(struct espnic_event) << log2);
}

/* Is that the body of a command's completion, as espnic_fw_complete() writes it? */
static bool is_cmd_cpl(struct espnic_nic *nic, uint64_t addr, uint32_t len)
{
	return len == offsetof(struct espnic_cmd_cpl, flags) && in_cmd_cq(nic, addr);
}

/* Of single words the firmware writes phases into its rings, and leases. */
static bool lease_refused(struct espnic_nic *nic, uint64_t addr)
{
	return nic->cfg.faults && !in_cmd_cq(nic, addr) && !in_evq(nic, addr) &&
	       espnic_fault_strikes(nic->cfg.faults, ESPNIC_FAULT_LEASE, NULL);
}

static uint32_t write_faulty_cpl(struct espnic_core *core, uint64_t addr, const void *buf,
				 uint32_t len)
{
	struct espnic_cmd_cpl cpl = { 0 };

	memcpy(&cpl, buf, len);
	/* Without the phase bit that follows, the driver never sees it. */
	core->mute = !espnic_fault_cmd_cpl(core->nic->cfg.faults, &cpl);
	return dma_result(core, espnic_dma_write(core->nic, addr, &cpl, len));
}

static uint32_t hal_dma_write(void *ctx, uint64_t addr, const void *buf, uint32_t len)
{
	struct espnic_core *core = ctx;

	if (wraps(addr, len))
		return ESPNIC_HAL_DMA_FAULT;
	if (core->nic->cfg.faults && is_cmd_cpl(core->nic, addr, len))
		return write_faulty_cpl(core, addr, buf, len);
	return dma_result(core, espnic_dma_write(core->nic, addr, buf, len));
}

static uint32_t hal_dma_store32(void *ctx, uint64_t addr, uint32_t value)
{
	struct espnic_core *core = ctx;

	if (wraps(addr, sizeof(value)))
		return ESPNIC_HAL_DMA_FAULT;
	if (lease_refused(core->nic, addr))
		return ESPNIC_HAL_DMA_FAULT;
	if (core->mute) {
		core->mute = false;
		return ESPNIC_HAL_DMA_OK;
	}
	return dma_result(core, espnic_dma_store32(core->nic, addr, value));
}

static void hal_irq(void *ctx, uint32_t vector)
{
	struct espnic_core *core = ctx;

	core->nic->bus->irq(core->nic->bus_ctx, vector);
}

/* ---- registers ---- */

static uint32_t hal_reg_read(void *ctx, uint32_t off)
{
	struct espnic_core *core = ctx;

	return espnic_reg_get(core->nic, off);
}

static void hal_reg_write(void *ctx, uint32_t off, uint32_t value)
{
	struct espnic_core *core = ctx;

	espnic_reg_set(core->nic, off, value);
}

static void hal_status_set(void *ctx, uint32_t bits)
{
	struct espnic_core *core = ctx;

	espnic_nic_status_bits(core->nic, bits, 0);
}

static void hal_status_clear(void *ctx, uint32_t bits)
{
	struct espnic_core *core = ctx;

	espnic_nic_status_bits(core->nic, 0, bits);
}

/* ---- the rest of the world ---- */

static void hal_random(void *ctx, void *buf, uint32_t len)
{
	uint8_t *p = buf;

	(void)ctx;
	while (len) {
		ssize_t n = getrandom(p, len, 0);

		if (n <= 0)
			continue;
		p += n;
		len -= (uint32_t)n;
	}
}

static void copy_text(char *to, size_t size, const char *from)
{
	size_t len = strlen(from);

	memset(to, 0, size);
	memcpy(to, from, len < size ? len : size);
}

static void hal_info(void *ctx, struct espnic_hal_info *info)
{
	struct espnic_core *core = ctx;
	const uint8_t *mac = core->nic->cfg.mac;
	char serial[2 * ESPNIC_ETH_ALEN + 1];

	snprintf(serial, sizeof(serial), "%02x%02x%02x%02x%02x%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	copy_text(info->engine, sizeof(info->engine), core->nic->cfg.engine->name);
	copy_text(info->core, sizeof(info->core), espnic_core_name);
	copy_text(info->wire, sizeof(info->wire), core->nic->cfg.wire->ops->name);
	copy_text(info->serial, sizeof(info->serial), serial);
}

static uint32_t hal_queue_start(void *ctx, const struct espnic_hal_queue *q)
{
	struct espnic_core *core = ctx;

	return espnic_queue_start(core->nic, q);
}

static uint32_t hal_queue_stop(void *ctx, uint32_t queue)
{
	struct espnic_core *core = ctx;

	return espnic_queue_stop(core->nic, queue);
}

static uint32_t hal_queue_moderation(void *ctx, const struct espnic_hal_moderation *m)
{
	struct espnic_core *core = ctx;

	return espnic_queue_moderation(core->nic, m);
}

static uint32_t hal_port_set(void *ctx, const struct espnic_hal_port *port)
{
	struct espnic_core *core = ctx;

	return espnic_port_set(core->nic, port);
}

static uint32_t hal_rss_set(void *ctx, const struct espnic_hal_rss *rss)
{
	struct espnic_core *core = ctx;

	return espnic_rss_set(core->nic, rss);
}

static void hal_tx_mark(void *ctx, struct espnic_hal_tx_mark *mark)
{
	struct espnic_core *core = ctx;

	espnic_tx_mark(core->nic, mark);
}

static bool hal_tx_passed(void *ctx, const struct espnic_hal_tx_mark *mark)
{
	struct espnic_core *core = ctx;

	return espnic_tx_passed(core->nic, mark);
}

static void hal_count(void *ctx, enum espnic_counter which, uint32_t n)
{
	struct espnic_core *core = ctx;

	espnic_count(&core->nic->core_counters, which, n);
}

static void hal_counters(void *ctx, uint64_t v[ESPNIC_COUNTER_COUNT])
{
	struct espnic_core *core = ctx;

	espnic_counters_sum(core->nic, v);
}

static void hal_queue_counters(void *ctx, uint32_t queue, uint64_t v[ESPNIC_QUEUE_COUNTER_COUNT])
{
	struct espnic_core *core = ctx;

	espnic_queue_counters_get(&core->nic->queue[queue], v);
}

static void hal_zeroize(void *ctx)
{
	struct espnic_core *core = ctx;

	/*
	 * Without its policies a queue that still runs would send in clear: rather wait for ever.
	 */
	while (!espnic_queues_stop_all(core->nic))
		if (atomic_load(&core->nic->stop))
			return;
	espnic_core_wipe(core);
}

static const struct espnic_hal_ops hal = {
	.dma_read = hal_dma_read,
	.dma_write = hal_dma_write,
	.dma_store32 = hal_dma_store32,
	.irq = hal_irq,
	.reg_read = hal_reg_read,
	.reg_write = hal_reg_write,
	.status_set = hal_status_set,
	.status_clear = hal_status_clear,
	.now_ms = espnic_core_now_ms,
	.random = hal_random,
	.info = hal_info,
	.queue_start = hal_queue_start,
	.queue_stop = hal_queue_stop,
	.queue_moderation = hal_queue_moderation,
	.port_set = hal_port_set,
	.rss_set = hal_rss_set,
	.sa_add = espnic_core_sa_add,
	.sa_update = espnic_core_sa_update,
	.sa_del = espnic_core_sa_del,
	.sa_succeed = espnic_core_sa_succeed,
	.sa_query = espnic_core_sa_query,
	.sa_window = espnic_core_sa_window,
	.policy_add = espnic_core_policy_add,
	.policy_discard = espnic_core_policy_discard,
	.policy_del = espnic_core_policy_del,
	.policy_query = espnic_core_policy_query,
	.tx_mark = hal_tx_mark,
	.tx_passed = hal_tx_passed,
	.count = hal_count,
	.counters = hal_counters,
	.queue_counters = hal_queue_counters,
	.event_next = espnic_core_event_next,
	.engine_kat = espnic_core_engine_kat,
	.zeroize = hal_zeroize,
};

/* ---- the thread ---- */

/* The fault strikes here: the firmware gets no time any more, and the watchdog runs, unless that is broken, too. */
static void hang(struct espnic_core *core)
{
	uint64_t broken;

	if (core->hung || !espnic_fault_strikes(core->nic->cfg.faults, ESPNIC_FAULT_FW_HANG, &broken))
		return;
	core->hung = true;
	core->bite_ms = broken ? 0 : espnic_core_now_ms(core) + ESPNIC_CORE_WATCHDOG_MS;
}

/* What hardware does without firmware: nothing passes any more, keys are gone, FATAL_CODE says why. */
static void watchdog(struct espnic_core *core, uint32_t seen)
{
	uint64_t now = espnic_core_now_ms(core);

	if (core->bite_ms && now >= core->bite_ms) {
		core->bite_ms = 0;
		hal_zeroize(core);
		hal_reg_write(core, ESPNIC_REG_FATAL_CODE, ESPNIC_FATAL_FIRMWARE);
		hal_status_clear(core, ESPNIC_STATUS_READY | ESPNIC_STATUS_FW_ALIVE);
		hal_status_set(core, ESPNIC_STATUS_FATAL);
		hal_irq(core, 0);
	}
	espnic_wake_wait(&core->nic->core_wake, seen,
			 core->bite_ms ? (core->bite_ms - now) * NS_PER_MS : UINT64_MAX);
}

void *espnic_core_run(void *arg)
{
	struct espnic_core *core = arg;
	struct espnic_nic *nic = core->nic;
	bool running = false;

	while (!atomic_load(&nic->stop)) {
		uint32_t seen = espnic_wake_seen(&nic->core_wake);
		uint64_t wait_ms;

		if (!running || nic->life != atomic_load(&nic->asked)) {
			running = espnic_nic_reset_begin(nic);
			if (!running)
				continue;
			core->mute = core->hung = false;
			espnic_fw_init(&core->fw, &hal, core);
		}
		hang(core);
		if (core->hung) {
			watchdog(core, seen);
			continue;
		}
		wait_ms = espnic_fw_poll(&core->fw);
		espnic_wake_wait(&nic->core_wake, seen, wait_ms * NS_PER_MS);
	}
	return NULL;
}

struct espnic_core *espnic_core_new(struct espnic_nic *nic)
{
	struct espnic_core *core = calloc(1, sizeof(*core));

	if (!core)
		return NULL;
	core->nic = nic;
	core->engine = nic->steer.engine->thread_new();
	if (!core->engine) {
		free(core);
		return NULL;
	}
	nic->steer.sa_event = espnic_core_sa_event;
	nic->steer.policy_event = espnic_core_policy_event;
	nic->steer.event_ctx = core;
	return core;
}

void espnic_core_free(struct espnic_core *core)
{
	if (!core)
		return;
	core->nic->steer.engine->thread_free(core->engine);
	free(core);
}
