// SPDX-License-Identifier: BSD-2-Clause
/* Queue pairs. */
#include "internal.h"

enum {
	MODERATION_USECS_MAX = 10000,	/* microseconds: struct cmd_queue_moderation */
	DESC_TX = sizeof(struct espnic_tx_desc),
	DESC_RX = sizeof(struct espnic_rx_desc),
};

static uint32_t cap(uint32_t reg, uint32_t mask, uint32_t shift)
{
	return (reg & mask) >> shift;
}

#define CAP_QUEUES(fw, field) \
	cap((fw)->caps.queues, ESPNIC_CAP_QUEUES_##field, ESPNIC_CAP_QUEUES_##field##_SHIFT)

static bool check_number(const struct espnic_fw *fw, uint32_t queue, uint32_t off,
			 struct espnic_fw_reply *r)
{
	uint32_t pairs = CAP_QUEUES(fw, PAIRS);

	if (queue >= pairs || queue >= ESPNIC_MAX_QUEUE_PAIRS)
		return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_HANDLE, off);
	return true;
}

/* That the queue pair is there. */
static bool check_there(const struct espnic_fw *fw, uint32_t queue, struct espnic_fw_reply *r)
{
	if (!(fw->queues & 1u << queue))
		return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_NOT_FOUND, 0);
	return true;
}

/* A ring of @bytes at @addr: on its boundary, and not around the end of the address space. */
static bool check_memory(uint64_t addr, uint64_t bytes, uint32_t align, uint32_t off,
			 struct espnic_fw_reply *r)
{
	if ((addr & (align - 1)) || addr > UINT64_MAX - (bytes - 1))
		return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_FIELD, off);
	return true;
}

#define OFF(field) ESPNIC_FW_OFF(espnic_cmd_queue_create, field)

static bool check_create(struct espnic_fw *fw, const struct espnic_cmd_queue_create *c,
			 struct espnic_fw_reply *r)
{
	uint32_t min = CAP_QUEUES(fw, LOG2_MIN), max = CAP_QUEUES(fw, LOG2_MAX);

	if (!check_number(fw, c->queue, OFF(queue), r))
		return false;
	if (c->tx_log2 < min || c->tx_log2 > max)
		return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_FIELD, OFF(tx_log2));
	if (c->rx_log2 < min || c->rx_log2 > max)
		return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_FIELD, OFF(rx_log2));
	if (c->vector >= CAP_QUEUES(fw, VECTORS))
		return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_FIELD, OFF(vector));
	return check_memory(c->tx_addr, (uint64_t)DESC_TX << c->tx_log2,
			    ESPNIC_FW_RING_ALIGN, OFF(tx_addr), r) &&
	       check_memory(c->tx_cpl_addr, (uint64_t)sizeof(struct espnic_tx_cpl) << c->tx_log2,
			    ESPNIC_FW_RING_ALIGN, OFF(tx_cpl_addr), r) &&
	       check_memory(c->rx_addr, (uint64_t)DESC_RX << c->rx_log2,
			    ESPNIC_FW_RING_ALIGN, OFF(rx_addr), r) &&
	       check_memory(c->rx_cpl_addr, (uint64_t)sizeof(struct espnic_rx_cpl) << c->rx_log2,
			    ESPNIC_FW_RING_ALIGN, OFF(rx_cpl_addr), r) &&
	       check_memory(c->ctrl_addr, sizeof(struct espnic_queue_ctrl),
			    ESPNIC_FW_CTRL_ALIGN, OFF(ctrl_addr), r) &&
	       espnic_fw_check_zero(c->reserved, sizeof(c->reserved), OFF(reserved), r);
}

void espnic_fw_queue_create(struct espnic_fw *fw, struct espnic_fw_reply *r)
{
	const struct espnic_cmd_queue_create *c = &fw->entry.cmd.body.queue_create;
	struct espnic_hal_queue q = { 0 };

	if (!check_create(fw, c, r))
		return;
	/* A queue before the SPD would let everything pass in clear. */
	if (!fw->committed) {
		espnic_fw_refuse(r, ESPNIC_CMD_STATUS_NOT_COMMITTED, 0);
		return;
	}
	if (fw->queues & 1u << c->queue) {
		espnic_fw_refuse(r, ESPNIC_CMD_STATUS_EXISTS, OFF(queue));
		return;
	}
	q.queue = c->queue;
	q.tx_log2 = c->tx_log2;
	q.rx_log2 = c->rx_log2;
	q.vector = c->vector;
	q.tx_addr = c->tx_addr;
	q.tx_cpl_addr = c->tx_cpl_addr;
	q.rx_addr = c->rx_addr;
	q.rx_cpl_addr = c->rx_cpl_addr;
	q.ctrl_addr = c->ctrl_addr;
	r->status = (uint16_t)fw->hal->queue_start(fw->ctx, &q);
	if (r->status == ESPNIC_CMD_STATUS_OK)
		fw->queues |= 1u << c->queue;
}
#undef OFF

static bool check_queue(struct espnic_fw *fw, struct espnic_fw_reply *r)
{
	const struct espnic_cmd_queue *c = &fw->entry.cmd.body.queue;

	return check_number(fw, c->queue, ESPNIC_FW_OFF(espnic_cmd_queue, queue), r) &&
	       espnic_fw_check_zero(&c->reserved, sizeof(c->reserved),
				    ESPNIC_FW_OFF(espnic_cmd_queue, reserved), r) &&
	       check_there(fw, c->queue, r);
}

void espnic_fw_queue_destroy(struct espnic_fw *fw, struct espnic_fw_reply *r)
{
	uint32_t queue = fw->entry.cmd.body.queue.queue;

	if (!check_queue(fw, r))
		return;
	r->status = (uint16_t)fw->hal->queue_stop(fw->ctx, queue);
	if (r->status == ESPNIC_CMD_STATUS_OK)
		fw->queues &= ~(1u << queue);
}

void espnic_fw_queue_stats(struct espnic_fw *fw, struct espnic_fw_reply *r)
{
	uint64_t v[ESPNIC_QUEUE_COUNTER_COUNT] = { 0 };

	if (!check_queue(fw, r))
		return;
	fw->hal->queue_counters(fw->ctx, fw->entry.cmd.body.queue.queue, v);
	espnic_fw_respond(fw, r, v, sizeof(v));
}

#define OFF(field) ESPNIC_FW_OFF(espnic_cmd_queue_moderation, field)

void espnic_fw_queue_moderation(struct espnic_fw *fw, struct espnic_fw_reply *r)
{
	const struct espnic_cmd_queue_moderation *c = &fw->entry.cmd.body.queue_moderation;
	struct espnic_hal_moderation m = {
		.queue = c->queue,
		.tx_usecs = c->tx_usecs, .tx_frames = c->tx_frames,
		.rx_usecs = c->rx_usecs, .rx_frames = c->rx_frames,
	};

	if (!check_number(fw, c->queue, OFF(queue), r))
		return;
	if (!(fw->caps.offload & ESPNIC_CAP_OFFLOAD_MODERATION))
		espnic_fw_refuse(r, ESPNIC_CMD_STATUS_UNSUPPORTED, OFF(tx_usecs));
	else if (c->tx_usecs > MODERATION_USECS_MAX)
		espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_FIELD, OFF(tx_usecs));
	else if (c->rx_usecs > MODERATION_USECS_MAX)
		espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_FIELD, OFF(rx_usecs));
	else if (espnic_fw_check_zero(&c->reserved, sizeof(c->reserved), OFF(reserved), r) &&
		 check_there(fw, c->queue, r))
		r->status = (uint16_t)fw->hal->queue_moderation(fw->ctx, &m);
}
#undef OFF
