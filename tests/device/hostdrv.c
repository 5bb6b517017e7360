// SPDX-License-Identifier: BSD-2-Clause
/*
 * The user-space driver of the device tests: bring-up, commands, events. Queues are in
 * hostdrv_queue.c.
 */
#include "hostdrv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	POLL_US = 50, /* between two looks at host memory */
	READY_US = 1000, /* between two reads of STATUS */
	RING_ALIGN = 4096,
};

void *espnic_drv_alloc(struct espnic_drv *d, uint64_t size, uint64_t align, uint64_t *iova)
{
	uint64_t at = (d->ram_used + align - 1) & ~(align - 1);

	if (size > ESPNIC_DRV_RAM_SIZE || at > ESPNIC_DRV_RAM_SIZE - size) {
		fprintf(stderr, "hostdrv: guest memory is used up\n");
		abort();
	}
	d->ram_used = at + size;
	memset(d->ram + at, 0, size);
	if (iova)
		*iova = ESPNIC_DRV_RAM_IOVA + at;
	return d->ram + at;
}

void *espnic_drv_ptr(struct espnic_drv *d, uint64_t iova)
{
	if (iova < ESPNIC_DRV_RAM_IOVA || iova - ESPNIC_DRV_RAM_IOVA >= ESPNIC_DRV_RAM_SIZE)
		return NULL;
	return d->ram + (iova - ESPNIC_DRV_RAM_IOVA);
}

int espnic_drv_wait_ready(struct espnic_drv *d, int timeout_ms)
{
	uint64_t end = espnic_now_ms() + (uint64_t)timeout_ms;
	uint32_t status;

	for (;;) {
		status = espnic_client_reg_read(d->c, ESPNIC_REG_STATUS);
		if (status == UINT32_MAX)
			return -ENODEV;
		if ((status & ESPNIC_STATUS_READY) && !(status & ESPNIC_STATUS_RESETTING))
			return 0;
		if (status & ESPNIC_STATUS_FATAL)
			return -EIO;
		if (espnic_now_ms() > end)
			return -ETIMEDOUT;
		usleep(READY_US);
	}
}

static int map_ram(struct espnic_drv *d)
{
	d->memfd = memfd_create("guest-ram", MFD_CLOEXEC);
	if (d->memfd < 0 || ftruncate(d->memfd, ESPNIC_DRV_RAM_SIZE))
		return -errno;
	d->ram = mmap(NULL, ESPNIC_DRV_RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, d->memfd, 0);
	if (d->ram == MAP_FAILED) {
		d->ram = NULL;
		return -errno;
	}
	return espnic_client_map(d->c, ESPNIC_DRV_RAM_IOVA, d->memfd, 0, ESPNIC_DRV_RAM_SIZE,
				 ESPNIC_CLIENT_RW);
}

static int bring_up(struct espnic_drv *d)
{
	int ret = map_ram(d);

	if (!ret)
		ret = espnic_client_bus_master(d->c, true);
	for (unsigned int v = 0; !ret && v < ESPNIC_MAX_VECTORS; v++) {
		d->irq[v] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (d->irq[v] < 0)
			ret = -errno;
	}
	if (!ret)
		ret = espnic_client_set_irqs(d->c, 0, ESPNIC_MAX_VECTORS, d->irq);
	if (!ret)
		ret = espnic_drv_wait_ready(d, ESPNIC_RESET_TIMEOUT_MS);
	if (ret)
		return ret;
	if (espnic_client_reg_read(d->c, ESPNIC_REG_ID) != ESPNIC_ID_VALUE ||
	    espnic_client_reg_read(d->c, ESPNIC_REG_VERSION) >> ESPNIC_VERSION_MAJOR_SHIFT !=
		    ESPNIC_VERSION_MAJOR_VALUE)
		return -ENODEV;
	return 0;
}

struct espnic_drv *espnic_drv_open(const char *socket)
{
	struct espnic_drv *d = calloc(1, sizeof(*d));
	int ret;

	if (!d)
		return NULL;
	d->memfd = -1;
	memset(d->irq, -1, sizeof(d->irq));
	d->c = espnic_client_new(socket);
	ret = d->c ? bring_up(d) : -ECONNREFUSED;
	if (!ret)
		return d;
	fprintf(stderr, "hostdrv: %s: %s\n", socket, strerror(-ret));
	espnic_drv_close(d);
	return NULL;
}

static void free_slots(struct espnic_drv *d)
{
	for (unsigned int i = 0; i < ESPNIC_MAX_QUEUE_PAIRS; i++) {
		free(d->q[i].tx_buf);
		free(d->q[i].rx_buf);
	}
	memset(d->q, 0, sizeof(d->q));
}

void espnic_drv_close(struct espnic_drv *d)
{
	if (!d)
		return;
	espnic_client_free(d->c);
	free_slots(d);
	for (unsigned int v = 0; v < ESPNIC_MAX_VECTORS; v++)
		if (d->irq[v] >= 0)
			close(d->irq[v]);
	if (d->ram)
		munmap(d->ram, ESPNIC_DRV_RAM_SIZE);
	if (d->memfd >= 0)
		close(d->memfd);
	free(d);
}

int espnic_drv_recover(struct espnic_drv *d)
{
	int ret = espnic_drv_wait_ready(d, ESPNIC_RESET_TIMEOUT_MS);

	if (!ret)
		ret = espnic_client_bus_master(d->c, true);
	if (ret)
		return ret;
	free_slots(d);
	d->ram_used = 0;
	d->sq = NULL;
	d->cq = NULL;
	d->evq = NULL;
	for (unsigned int v = 0; v < ESPNIC_MAX_VECTORS; v++)
		espnic_eventfd_wait(d->irq[v], 0);
	return 0;
}

int espnic_drv_reset(struct espnic_drv *d)
{
	espnic_client_reg_write(d->c, ESPNIC_REG_CTRL, ESPNIC_CTRL_RESET);
	return espnic_drv_recover(d);
}

static void write64(struct espnic_drv *d, uint32_t reg_lo, uint32_t reg_hi, uint64_t v)
{
	espnic_client_reg_write(d->c, reg_lo, (uint32_t)v);
	espnic_client_reg_write(d->c, reg_hi, (uint32_t)(v >> 32));
}

int espnic_drv_rings(struct espnic_drv *d, uint32_t cmd_log2, uint32_t evq_log2)
{
	uint64_t cmds = 1ull << cmd_log2;
	uint64_t events = 1ull << evq_log2;

	d->sq = espnic_drv_alloc(d, cmds * sizeof(*d->sq), RING_ALIGN, &d->sq_iova);
	d->cq = espnic_drv_alloc(d, cmds * sizeof(*d->cq), RING_ALIGN, &d->cq_iova);
	d->evq = espnic_drv_alloc(d, events * sizeof(*d->evq), RING_ALIGN, &d->evq_iova);
	d->cmd_log2 = cmd_log2;
	d->evq_log2 = evq_log2;
	d->sq_tail = 0;
	d->cq_head = 0;
	d->evq_head = 0;
	memset(d->answer, 0, sizeof(d->answer));

	write64(d, ESPNIC_REG_CMD_SQ_LO, ESPNIC_REG_CMD_SQ_HI, d->sq_iova);
	write64(d, ESPNIC_REG_CMD_CQ_LO, ESPNIC_REG_CMD_CQ_HI, d->cq_iova);
	write64(d, ESPNIC_REG_EVQ_LO, ESPNIC_REG_EVQ_HI, d->evq_iova);
	espnic_client_reg_write(d->c, ESPNIC_REG_CMD_CFG,
				cmd_log2 << ESPNIC_CMD_CFG_CMD_LOG2_SHIFT |
					evq_log2 << ESPNIC_CMD_CFG_EVQ_LOG2_SHIFT);
	espnic_client_reg_write(d->c, ESPNIC_REG_CMD_ENABLE, ESPNIC_CMD_ENABLE_ENABLE);
	return espnic_client_reg_read(d->c, ESPNIC_REG_STATUS) & ESPNIC_STATUS_CMD_ENABLED ? 0
											   : -EIO;
}

int espnic_drv_start(struct espnic_drv *d, const struct espnic_cmd_policy_add *pol,
		     unsigned int npol, unsigned int queues, uint32_t log2, const uint8_t *mac)
{
	struct espnic_cmd_port_set port = { .flags = ESPNIC_CMD_PORT_SET_ENABLE,
					    .mtu = ESPNIC_MAX_MTU };
	int ret = espnic_drv_rings(d, ESPNIC_DRV_CMD_LOG2, ESPNIC_DRV_EVQ_LOG2);

	for (unsigned int i = 0; !ret && i < npol; i++)
		ret = espnic_drv_cmd(d, ESPNIC_OPCODE_POLICY_ADD, &pol[i], sizeof(pol[i]), NULL, 0,
				     NULL);
	if (!ret)
		ret = espnic_drv_cmd(d, ESPNIC_OPCODE_SPD_COMMIT, NULL, 0, NULL, 0, NULL);
	for (unsigned int q = 0; !ret && q < queues; q++) {
		ret = espnic_drv_queue_create(d, q, log2, log2, 1 + q);
		if (!ret)
			espnic_drv_rx_fill(d, q, 1u << (log2 - 1), 2048);
	}
	memcpy(port.mac, mac, sizeof(port.mac));
	if (!ret)
		ret = espnic_drv_cmd(d, ESPNIC_OPCODE_PORT_SET, &port, sizeof(port), NULL, 0, NULL);
	return ret;
}

int espnic_drv_cmd_raw(struct espnic_drv *d, const struct espnic_cmd_entry *e)
{
	uint32_t size = 1u << d->cmd_log2;

	if (d->sq_tail - d->cq_head >= size)
		return -ENOSPC;
	d->answer[e->hdr.id % ESPNIC_DRV_CMD_IDS].done = false;
	d->sq[d->sq_tail & (size - 1)] = *e;
	d->sq_tail++;
	/* The entry before the doorbell that tells of it. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	espnic_client_reg_write(d->c, ESPNIC_REG_CMD_DOORBELL, d->sq_tail);
	return 0;
}

int espnic_drv_cmd_issue(struct espnic_drv *d, uint16_t opcode, const void *body, size_t len,
			 uint64_t resp_iova, uint32_t resp_len)
{
	struct espnic_cmd_entry e = { .hdr = {
					      .opcode = opcode,
					      .id = (uint16_t)d->sq_tail,
					      .len = (uint16_t)len,
					      .resp_addr = resp_iova,
					      .resp_len = resp_len,
				      } };
	int ret;

	if (len > sizeof(e.body))
		return -EINVAL;
	if (len)
		memcpy(e.body, body, len);
	ret = espnic_drv_cmd_raw(d, &e);
	return ret ? ret : e.hdr.id;
}

/* Take what has been answered. */
static void reap(struct espnic_drv *d)
{
	uint32_t mask = (1u << d->cmd_log2) - 1;

	for (;;) {
		struct espnic_cmd_cpl *c = &d->cq[d->cq_head & mask];
		bool phase = !((d->cq_head >> d->cmd_log2) & 1);
		uint32_t flags = __atomic_load_n(&c->flags, __ATOMIC_ACQUIRE);
		struct espnic_cmd_cpl copy = *c;

		if (!!(flags & ESPNIC_CMD_CPL_PHASE) != phase)
			return;
		d->cq_head++;
		d->answer[copy.id % ESPNIC_DRV_CMD_IDS].cpl = copy;
		d->answer[copy.id % ESPNIC_DRV_CMD_IDS].done = true;
	}
}

int espnic_drv_cmd_wait(struct espnic_drv *d, uint16_t id, struct espnic_cmd_cpl *cpl,
			int timeout_ms)
{
	uint64_t end = espnic_now_ms() + (uint64_t)timeout_ms;
	unsigned int slot = id % ESPNIC_DRV_CMD_IDS;

	for (;;) {
		bool last = espnic_now_ms() > end;

		reap(d);
		if (d->answer[slot].done && d->answer[slot].cpl.id == id)
			break;
		if (last)
			return -ETIMEDOUT;
		usleep(POLL_US);
	}
	d->answer[slot].done = false;
	if (cpl)
		*cpl = d->answer[slot].cpl;
	return d->answer[slot].cpl.status;
}

int espnic_drv_cmd(struct espnic_drv *d, uint16_t opcode, const void *body, size_t len, void *resp,
		   size_t resp_size, struct espnic_cmd_cpl *cpl)
{
	struct espnic_cmd_cpl own;
	uint64_t mark = d->ram_used;
	uint64_t iova = 0;
	void *buf = NULL;
	int ret;

	if (resp_size)
		buf = espnic_drv_alloc(d, resp_size, 64, &iova);
	ret = espnic_drv_cmd_issue(d, opcode, body, len, iova, (uint32_t)resp_size);
	if (ret >= 0)
		ret = espnic_drv_cmd_wait(d, (uint16_t)ret, &own, ESPNIC_CMD_TIMEOUT_MS);
	/* Unanswered: the device may still write the response, so its memory stays given out. */
	if (ret < 0)
		return ret;
	if (resp_size)
		memcpy(resp, buf, own.resp_len < resp_size ? own.resp_len : resp_size);
	d->ram_used = mark;
	if (cpl)
		*cpl = own;
	return ret;
}

int espnic_drv_event(struct espnic_drv *d, struct espnic_event *ev, int timeout_ms)
{
	uint64_t end = espnic_now_ms() + (uint64_t)timeout_ms;
	struct espnic_event *e = &d->evq[d->evq_head & ((1u << d->evq_log2) - 1)];
	bool phase = !((d->evq_head >> d->evq_log2) & 1);

	while (!!(__atomic_load_n(&e->flags, __ATOMIC_ACQUIRE) & ESPNIC_EVENT_PHASE) != phase) {
		if (espnic_now_ms() > end)
			return -ETIMEDOUT;
		usleep(POLL_US);
	}
	*ev = *e;
	d->evq_head++;
	espnic_client_reg_write(d->c, ESPNIC_REG_EVQ_HEAD, d->evq_head);
	return 0;
}

uint64_t espnic_drv_counter(struct espnic_drv *d, unsigned int index)
{
	uint64_t all[ESPNIC_COUNTER_COUNT] = { 0 };

	if (index >= ESPNIC_COUNTER_COUNT ||
	    espnic_drv_cmd(d, ESPNIC_OPCODE_GET_STATS, NULL, 0, all, sizeof(all), NULL))
		return UINT64_MAX;
	return all[index];
}

uint64_t espnic_drv_queue_counter(struct espnic_drv *d, unsigned int queue, unsigned int index)
{
	struct espnic_cmd_queue body = { .queue = queue };
	uint64_t all[ESPNIC_QUEUE_COUNTER_COUNT] = { 0 };

	if (index >= ESPNIC_QUEUE_COUNTER_COUNT ||
	    espnic_drv_cmd(d, ESPNIC_OPCODE_QUEUE_STATS, &body, sizeof(body), all, sizeof(all),
			   NULL))
		return UINT64_MAX;
	return all[index];
}

uint64_t espnic_drv_irq_wait(struct espnic_drv *d, unsigned int vector, int timeout_ms)
{
	return espnic_eventfd_wait(d->irq[vector], timeout_ms);
}
