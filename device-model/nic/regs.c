// SPDX-License-Identifier: BSD-2-Clause
/*
 * The register file, by the generated list: what the bus thread does for one
 * access. Nothing here waits; doorbells set a word and wake their thread.
 */
#include <stddef.h>

#include "nic/internal.h"

enum reg_access { ACCESS_ro, ACCESS_wo, ACCESS_rw };

struct reg {
	uint32_t offset;
	enum reg_access access;
	uint32_t reset;
	uint32_t count, stride;
	const char *name;
};

static const struct reg regs[] = {
#define REG(n, o, a, r, c, s, d) { o, ACCESS_##a, r, c, s, #n },
	ESPNIC_REG_LIST(REG)
#undef REG
};

enum {
	REGS = sizeof(regs) / sizeof(regs[0]),
	RING_ALIGN = 4096, /* bytes */
};

static const struct reg *find_reg(uint32_t off)
{
	unsigned int i;

	for (i = 0; i < REGS; i++) {
		const struct reg *r = &regs[i];

		if (off >= r->offset && (off - r->offset) % r->stride == 0 &&
		    (off - r->offset) / r->stride < r->count)
			return r;
	}
	return NULL;
}

uint32_t espnic_reg_get(struct espnic_nic *nic, uint32_t off)
{
	if (off == ESPNIC_REG_STATUS)
		return atomic_load(&nic->status);
	if (off % 4 || off / 4 >= ESPNIC_REG_WORDS)
		return 0;
	return atomic_load(&nic->regs[off / 4]);
}

void espnic_reg_set(struct espnic_nic *nic, uint32_t off, uint32_t value)
{
	if (off % 4 == 0 && off / 4 < ESPNIC_REG_WORDS)
		atomic_store(&nic->regs[off / 4], value);
}

static uint32_t field(uint32_t value, unsigned int shift, uint32_t mask)
{
	return (value << shift) & mask;
}

static void set_capabilities(struct espnic_nic *nic)
{
	const struct espnic_caps *hidden = &nic->cfg.hidden;
	const uint8_t *mac = nic->cfg.mac;

	espnic_reg_set(
		nic, ESPNIC_REG_CAP_QUEUES,
		field(nic->cfg.queues, ESPNIC_CAP_QUEUES_PAIRS_SHIFT, ESPNIC_CAP_QUEUES_PAIRS) |
			field(ESPNIC_RING_LOG2_MIN, ESPNIC_CAP_QUEUES_LOG2_MIN_SHIFT,
			      ESPNIC_CAP_QUEUES_LOG2_MIN) |
			field(ESPNIC_RING_LOG2_MAX, ESPNIC_CAP_QUEUES_LOG2_MAX_SHIFT,
			      ESPNIC_CAP_QUEUES_LOG2_MAX) |
			field(ESPNIC_MAX_VECTORS, ESPNIC_CAP_QUEUES_VECTORS_SHIFT,
			      ESPNIC_CAP_QUEUES_VECTORS) |
			field(ESPNIC_MAX_TX_SEGS, ESPNIC_CAP_QUEUES_TX_SEGS_SHIFT,
			      ESPNIC_CAP_QUEUES_TX_SEGS));
	espnic_reg_set(nic, ESPNIC_REG_CAP_MTU, ESPNIC_MAX_MTU);
	espnic_reg_set(nic, ESPNIC_REG_CAP_TSO_LEN, ESPNIC_MAX_TSO_LEN);
	espnic_reg_set(nic, ESPNIC_REG_CAP_OFFLOAD, espnic_caps_offered.offload & ~hidden->offload);
	espnic_reg_set(nic, ESPNIC_REG_CAP_IPSEC, espnic_caps_offered.ipsec & ~hidden->ipsec);
	espnic_reg_set(nic, ESPNIC_REG_CAP_TRANSFORMS,
		       espnic_caps_offered.transforms & ~hidden->transforms);
	espnic_reg_set(nic, ESPNIC_REG_CAP_SAS, ESPNIC_MAX_SAS);
	espnic_reg_set(nic, ESPNIC_REG_CAP_POLICIES, ESPNIC_MAX_POLICIES);
	espnic_reg_set(nic, ESPNIC_REG_CAP_REPLAY,
		       field(ESPNIC_MIN_REPLAY_WINDOW, ESPNIC_CAP_REPLAY_MIN_SHIFT,
			     ESPNIC_CAP_REPLAY_MIN) |
			       field(ESPNIC_MAX_REPLAY_WINDOW, ESPNIC_CAP_REPLAY_MAX_SHIFT,
				     ESPNIC_CAP_REPLAY_MAX));
	espnic_reg_set(
		nic, ESPNIC_REG_CAP_CMD,
		field(ESPNIC_CMD_LOG2_MIN, ESPNIC_CAP_CMD_CMD_MIN_SHIFT, ESPNIC_CAP_CMD_CMD_MIN) |
			field(ESPNIC_CMD_LOG2_MAX, ESPNIC_CAP_CMD_CMD_MAX_SHIFT,
			      ESPNIC_CAP_CMD_CMD_MAX) |
			field(ESPNIC_EVQ_LOG2_MIN, ESPNIC_CAP_CMD_EVQ_MIN_SHIFT,
			      ESPNIC_CAP_CMD_EVQ_MIN) |
			field(ESPNIC_EVQ_LOG2_MAX, ESPNIC_CAP_CMD_EVQ_MAX_SHIFT,
			      ESPNIC_CAP_CMD_EVQ_MAX));
	espnic_reg_set(nic, ESPNIC_REG_CAP_COUNTERS, ESPNIC_COUNTER_COUNT);
	espnic_reg_set(nic, ESPNIC_REG_MAC_LO,
		       mac[0] | (uint32_t)mac[1] << 8 | (uint32_t)mac[2] << 16 |
			       (uint32_t)mac[3] << 24);
	espnic_reg_set(nic, ESPNIC_REG_MAC_HI, mac[4] | (uint32_t)mac[5] << 8);
}

void espnic_regs_reset(struct espnic_nic *nic)
{
	unsigned int i;

	for (i = 0; i < REGS; i++)
		if (regs[i].offset / 4 < ESPNIC_REG_WORDS)
			espnic_reg_set(nic, regs[i].offset, regs[i].reset);
	set_capabilities(nic);
}

void espnic_regs_reset_fw(struct espnic_nic *nic)
{
	espnic_reg_set(nic, ESPNIC_REG_FATAL_CODE, ESPNIC_FATAL_NONE);
	espnic_reg_set(nic, ESPNIC_REG_FW_VERSION, 0);
	espnic_reg_set(nic, ESPNIC_REG_FW_HEARTBEAT, 0);
}

uint32_t espnic_regs_read(void *fn, uint32_t off)
{
	struct espnic_nic *nic = fn;
	const struct reg *r = find_reg(off);

	if (!r || r->access == ACCESS_wo) {
		espnic_regs_bad_access(nic);
		return 0;
	}
	return espnic_reg_get(nic, off);
}

/* Whether a ring of @bytes may begin at @addr: aligned, and it doesn't wrap. */
static bool ring_ok(uint64_t addr, uint64_t bytes)
{
	return addr % RING_ALIGN == 0 && addr + bytes > addr;
}

static uint64_t reg_addr(struct espnic_nic *nic, uint32_t lo)
{
	return (uint64_t)espnic_reg_get(nic, lo + 4) << 32 | espnic_reg_get(nic, lo);
}

static bool rings_ok(struct espnic_nic *nic)
{
	uint32_t cfg = espnic_reg_get(nic, ESPNIC_REG_CMD_CFG);
	uint32_t cmd = (cfg & ESPNIC_CMD_CFG_CMD_LOG2) >> ESPNIC_CMD_CFG_CMD_LOG2_SHIFT;
	uint32_t evq = (cfg & ESPNIC_CMD_CFG_EVQ_LOG2) >> ESPNIC_CMD_CFG_EVQ_LOG2_SHIFT;

	if (cfg & ~(ESPNIC_CMD_CFG_CMD_LOG2 | ESPNIC_CMD_CFG_EVQ_LOG2))
		return false;
	if (cmd < ESPNIC_CMD_LOG2_MIN || cmd > ESPNIC_CMD_LOG2_MAX || evq < ESPNIC_EVQ_LOG2_MIN ||
	    evq > ESPNIC_EVQ_LOG2_MAX)
		return false;
	return ring_ok(reg_addr(nic, ESPNIC_REG_CMD_SQ_LO), sizeof(struct espnic_cmd_entry)
								    << cmd) &&
	       ring_ok(reg_addr(nic, ESPNIC_REG_CMD_CQ_LO), sizeof(struct espnic_cmd_cpl) << cmd) &&
	       ring_ok(reg_addr(nic, ESPNIC_REG_EVQ_LO), sizeof(struct espnic_event) << evq);
}

static void ring_doorbell(struct espnic_nic *nic, uint32_t off)
{
	bool tx = off < ESPNIC_REG_RX_DOORBELL ||
		  (off - ESPNIC_REG_RX_DOORBELL) % ESPNIC_REG_RX_DOORBELL_STRIDE;
	uint32_t index = (off - ESPNIC_REG_TX_DOORBELL) / ESPNIC_REG_TX_DOORBELL_STRIDE;
	struct espnic_queue *q = &nic->queue[index];

	if (index >= nic->cfg.queues)
		return;
	if (tx) {
		espnic_queue_count(&q->counters, ESPNIC_QUEUE_COUNTER_TX_DOORBELLS, 1);
		espnic_wake_up(&espnic_worker_of(nic, index)->wake);
	} else {
		espnic_queue_count(&q->counters, ESPNIC_QUEUE_COUNTER_RX_DOORBELLS, 1);
		/* Only a thread that waits for buffers wants to know. */
		if (atomic_load(&nic->rx.holding))
			espnic_rx_wake(&nic->rx);
	}
}

void espnic_regs_write(void *fn, uint32_t off, uint32_t value)
{
	struct espnic_nic *nic = fn;
	const struct reg *r = find_reg(off);

	if (!r || r->access == ACCESS_ro) {
		espnic_regs_bad_access(nic);
		return;
	}
	if (espnic_nic_resetting(nic))
		return;
	if (off >= ESPNIC_REG_TX_DOORBELL) {
		ring_doorbell(nic, off);
		return;
	}
	switch (off) {
	case ESPNIC_REG_CTRL:
		if (value & ESPNIC_CTRL_RESET)
			espnic_nic_reset(nic);
		break;
	case ESPNIC_REG_CMD_SQ_LO:
	case ESPNIC_REG_CMD_SQ_HI:
	case ESPNIC_REG_CMD_CQ_LO:
	case ESPNIC_REG_CMD_CQ_HI:
	case ESPNIC_REG_EVQ_LO:
	case ESPNIC_REG_EVQ_HI:
	case ESPNIC_REG_CMD_CFG:
		if (espnic_reg_get(nic, ESPNIC_REG_CMD_ENABLE))
			espnic_regs_bad_access(nic);
		else
			espnic_reg_set(nic, off, value);
		break;
	case ESPNIC_REG_CMD_ENABLE:
		if (value == ESPNIC_CMD_ENABLE_ENABLE && rings_ok(nic) &&
		    espnic_reg_get(nic, ESPNIC_REG_STATUS) & ESPNIC_STATUS_READY) {
			espnic_reg_set(nic, off, value);
			/*
			 * At once: a driver may look right behind its write. The firmware follows.
			 */
			atomic_fetch_or(&nic->status, ESPNIC_STATUS_CMD_ENABLED);
			espnic_wake_up(&nic->core_wake);
		}
		break;
	case ESPNIC_REG_CMD_DOORBELL:
	case ESPNIC_REG_EVQ_HEAD:
		espnic_reg_set(nic, off, value);
		espnic_wake_up(&nic->core_wake);
		break;
	default:
		espnic_reg_set(nic, off, value);
		break;
	}
}

void espnic_regs_bad_access(void *fn)
{
	struct espnic_nic *nic = fn;

	atomic_fetch_add_explicit(&nic->bad_access, 1, memory_order_relaxed);
}
