// SPDX-License-Identifier: BSD-2-Clause
/* The user-space driver of the device tests: queue pairs. */
#include "hostdrv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	POLL_US = 50, /* between two looks at host memory */
	RING_ALIGN = 4096,
	CTRL_ALIGN = 128,
	BUF_ALIGN = 64,
};

int espnic_drv_queue_create(struct espnic_drv *d, unsigned int queue, uint32_t tx_log2,
			    uint32_t rx_log2, unsigned int vector)
{
	struct espnic_cmd_queue_create *c;
	struct espnic_drv_queue *q;
	uint64_t ntx = 1ull << tx_log2;
	uint64_t nrx = 1ull << rx_log2;

	if (queue >= ESPNIC_MAX_QUEUE_PAIRS)
		return -EINVAL;
	q = &d->q[queue];
	free(q->tx_buf);
	free(q->rx_buf);
	memset(q, 0, sizeof(*q));
	c = &q->create;
	c->queue = queue;
	c->tx_log2 = (uint8_t)tx_log2;
	c->rx_log2 = (uint8_t)rx_log2;
	c->vector = (uint16_t)vector;
	q->entries_tx = (uint32_t)ntx;
	q->entries_rx = (uint32_t)nrx;
	q->tx = espnic_drv_alloc(d, ntx * sizeof(*q->tx), RING_ALIGN, &c->tx_addr);
	q->tx_cpl = espnic_drv_alloc(d, ntx * sizeof(*q->tx_cpl), RING_ALIGN, &c->tx_cpl_addr);
	q->rx = espnic_drv_alloc(d, nrx * sizeof(*q->rx), RING_ALIGN, &c->rx_addr);
	q->rx_cpl = espnic_drv_alloc(d, nrx * sizeof(*q->rx_cpl), RING_ALIGN, &c->rx_cpl_addr);
	q->ctrl = espnic_drv_alloc(d, sizeof(*q->ctrl), CTRL_ALIGN, &c->ctrl_addr);
	q->tx_buf = calloc(ntx, sizeof(*q->tx_buf));
	q->rx_buf = calloc(nrx, sizeof(*q->rx_buf));
	if (!q->tx_buf || !q->rx_buf)
		return -ENOMEM;
	return espnic_drv_cmd(d, ESPNIC_OPCODE_QUEUE_CREATE, c, sizeof(*c), NULL, 0, NULL);
}

int espnic_drv_queue_destroy(struct espnic_drv *d, unsigned int queue)
{
	struct espnic_cmd_queue body = { .queue = queue };

	return espnic_drv_cmd(d, ESPNIC_OPCODE_QUEUE_DESTROY, &body, sizeof(body), NULL, 0, NULL);
}

/* The rule of the interface for leaving a doorbell out. */
static bool need_doorbell(uint32_t new_tail, uint32_t old_tail, const espnic_le32 *event)
{
	uint32_t e;

	/* The tail before the look at the event index: the device does the opposite. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	e = __atomic_load_n(event, __ATOMIC_ACQUIRE);
	return new_tail - e - 1 < new_tail - old_tail;
}

int espnic_drv_tx(struct espnic_drv *d, unsigned int queue, const struct espnic_tx_desc *desc,
		  unsigned int n)
{
	struct espnic_drv_queue *q = &d->q[queue];
	uint32_t old = q->tx_tail;

	if (n > q->entries_tx || old - q->tx_done > q->entries_tx - n)
		return -ENOSPC;
	for (unsigned int i = 0; i < n; i++)
		q->tx[(old + i) & (q->entries_tx - 1)] = desc[i];
	q->tx_tail = old + n;
	__atomic_store_n(&q->ctrl->tx_tail, q->tx_tail, __ATOMIC_RELEASE);
	if (need_doorbell(q->tx_tail, old, &q->ctrl->tx_event)) {
		q->tx_doorbells++;
		espnic_client_reg_write(
			d->c, ESPNIC_REG_TX_DOORBELL + queue * ESPNIC_REG_TX_DOORBELL_STRIDE, 0);
	}
	return 0;
}

/* A buffer of at least @len bytes for @slot; grows, and keeps what it has. */
static uint64_t slot_buffer(struct espnic_drv *d, struct espnic_drv_slot *slot, uint32_t len)
{
	if (slot->size < len) {
		slot->size = (len + 2047) & ~2047u;
		espnic_drv_alloc(d, slot->size, BUF_ALIGN, &slot->iova);
	}
	return slot->iova;
}

int espnic_drv_tx_frame(struct espnic_drv *d, unsigned int queue, const void *frame, uint32_t len,
			unsigned int segs, const struct espnic_tx_desc *tmpl)
{
	struct espnic_drv_queue *q = &d->q[queue];
	struct espnic_tx_desc desc[ESPNIC_MAX_TX_SEGS + 1];
	uint64_t iova;
	uint32_t at = 0;

	/* One over the limit is let through: the device must refuse it. */
	if (!segs || segs > ESPNIC_MAX_TX_SEGS + 1 || segs > len)
		return -EINVAL;
	if (segs > q->entries_tx || q->tx_tail - q->tx_done > q->entries_tx - segs)
		return -ENOSPC;
	iova = slot_buffer(d, &q->tx_buf[q->tx_tail & (q->entries_tx - 1)], len);
	memcpy(espnic_drv_ptr(d, iova), frame, len);
	memset(desc, 0, sizeof(desc));
	if (tmpl)
		desc[0] = *tmpl;
	for (unsigned int i = 0; i < segs; i++) {
		desc[i].addr = iova + at;
		desc[i].len = i + 1 == segs ? len - at : len / segs;
		at += desc[i].len;
	}
	desc[0].flags |= ESPNIC_TX_DESC_SOP;
	desc[segs - 1].flags |= ESPNIC_TX_DESC_EOP;
	return espnic_drv_tx(d, queue, desc, segs);
}

/* Wait until the phase bit in *@flags is that of free-running index @head in a ring of @entries. */
static int wait_phase(const espnic_le32 *flags, uint32_t head, uint32_t entries, int timeout_ms)
{
	uint64_t end = espnic_now_ms() + (uint64_t)timeout_ms;
	uint32_t phase = head & entries ? 0 : ESPNIC_TX_CPL_PHASE;

	while ((__atomic_load_n(flags, __ATOMIC_ACQUIRE) & ESPNIC_TX_CPL_PHASE) != phase) {
		if (espnic_now_ms() > end)
			return -ETIMEDOUT;
		usleep(POLL_US);
	}
	return 0;
}

_Static_assert(ESPNIC_TX_CPL_PHASE == ESPNIC_RX_CPL_PHASE, "one phase bit for both");

int espnic_drv_tx_cpl(struct espnic_drv *d, unsigned int queue, struct espnic_tx_cpl *cpl,
		      int timeout_ms)
{
	struct espnic_drv_queue *q = &d->q[queue];
	struct espnic_tx_cpl *c = &q->tx_cpl[q->tx_cpl_head & (q->entries_tx - 1)];

	if (wait_phase(&c->flags, q->tx_cpl_head, q->entries_tx, timeout_ms))
		return -ETIMEDOUT;
	*cpl = *c;
	q->tx_done = cpl->head;
	q->tx_cpl_head++;
	__atomic_store_n(&q->ctrl->tx_cpl_head, q->tx_cpl_head, __ATOMIC_RELEASE);
	return 0;
}

int espnic_drv_tx_flush(struct espnic_drv *d, unsigned int queue, int timeout_ms)
{
	struct espnic_drv_queue *q = &d->q[queue];
	struct espnic_tx_cpl cpl;
	int reason = 0;

	while (q->tx_done != q->tx_tail) {
		if (espnic_drv_tx_cpl(d, queue, &cpl, timeout_ms))
			return -ETIMEDOUT;
		if (cpl.reason)
			reason = (int)cpl.reason;
	}
	return reason;
}

int espnic_drv_rx_post(struct espnic_drv *d, unsigned int queue, uint64_t iova, uint32_t len)
{
	struct espnic_drv_queue *q = &d->q[queue];
	uint32_t old = q->rx_tail;

	if (old - q->rx_cpl_head >= q->entries_rx)
		return -ENOSPC;
	q->rx[old & (q->entries_rx - 1)] = (struct espnic_rx_desc){ .addr = iova, .len = len };
	q->rx_tail = old + 1;
	__atomic_store_n(&q->ctrl->rx_tail, q->rx_tail, __ATOMIC_RELEASE);
	if (need_doorbell(q->rx_tail, old, &q->ctrl->rx_event)) {
		q->rx_doorbells++;
		espnic_client_reg_write(
			d->c, ESPNIC_REG_RX_DOORBELL + queue * ESPNIC_REG_RX_DOORBELL_STRIDE, 0);
	}
	return 0;
}

int espnic_drv_rx_fill(struct espnic_drv *d, unsigned int queue, unsigned int n, uint32_t len)
{
	struct espnic_drv_queue *q = &d->q[queue];
	unsigned int i;

	for (i = 0; i < n && q->rx_tail - q->rx_cpl_head < q->entries_rx; i++) {
		uint64_t iova = slot_buffer(d, &q->rx_buf[q->rx_tail & (q->entries_rx - 1)], len);

		if (espnic_drv_rx_post(d, queue, iova, len))
			break;
	}
	return (int)i;
}

int espnic_drv_rx_cpl(struct espnic_drv *d, unsigned int queue, struct espnic_rx_cpl *cpl,
		      int timeout_ms)
{
	struct espnic_drv_queue *q = &d->q[queue];
	struct espnic_rx_cpl *c = &q->rx_cpl[q->rx_cpl_head & (q->entries_rx - 1)];

	if (wait_phase(&c->flags, q->rx_cpl_head, q->entries_rx, timeout_ms))
		return -ETIMEDOUT;
	*cpl = *c;
	q->rx_cpl_head++;
	__atomic_store_n(&q->ctrl->rx_cpl_head, q->rx_cpl_head, __ATOMIC_RELEASE);
	return 0;
}

int espnic_drv_rx_frame(struct espnic_drv *d, unsigned int queue, void *buf, size_t size,
			struct espnic_rx_cpl *first, int timeout_ms)
{
	struct espnic_drv_queue *q = &d->q[queue];
	uint32_t total = 0;
	bool eop = false;

	for (unsigned int i = 0; !eop; i++) {
		uint32_t index = q->rx_cpl_head;
		struct espnic_rx_desc *desc = &q->rx[index & (q->entries_rx - 1)];
		struct espnic_rx_cpl cpl;
		const uint8_t *data;

		if (espnic_drv_rx_cpl(d, queue, &cpl, timeout_ms))
			return -ETIMEDOUT;
		data = espnic_drv_ptr(d, desc->addr);
		eop = cpl.flags & ESPNIC_RX_CPL_EOP;
		if (!i != !!(cpl.flags & ESPNIC_RX_CPL_SOP) || cpl.index != (uint16_t)index ||
		    cpl.len > desc->len || cpl.queue != queue || !data || i >= ESPNIC_MAX_RX_BUFS ||
		    (eop && cpl.buffers != i + 1) || (eop && cpl.frame_len != total + cpl.len))
			return -EPROTO;
		if (!i && first)
			*first = cpl;
		if (total < size)
			memcpy((uint8_t *)buf + total, data,
			       cpl.len < size - total ? cpl.len : size - total);
		total += cpl.len;
	}
	return (int)total;
}

void espnic_drv_arm(struct espnic_drv *d, unsigned int queue)
{
	struct espnic_drv_queue *q = &d->q[queue];

	__atomic_store_n(&q->ctrl->tx_arm, q->tx_cpl_head, __ATOMIC_RELEASE);
	__atomic_store_n(&q->ctrl->rx_arm, q->rx_cpl_head, __ATOMIC_RELEASE);
	/* Arm, then look once more at the rings: the caller's next call does. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
