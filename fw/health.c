// SPDX-License-Identifier: BSD-2-Clause
/* Life and death: start, heartbeat, the pass, the fatal state. */
#include "internal.h"

void espnic_fw_wipe(void *p, uint32_t len)
{
	volatile uint8_t *b = p;

	while (len--)
		*b++ = 0;
}

static uint32_t at_most(uint32_t v, uint32_t limit)
{
	return v < limit ? v : limit;
}

static void read_caps(struct espnic_fw *fw)
{
	const struct espnic_hal_ops *hal = fw->hal;
	struct espnic_fw_caps *c = &fw->caps;

	c->queues = hal->reg_read(fw->ctx, ESPNIC_REG_CAP_QUEUES);
	c->mtu = hal->reg_read(fw->ctx, ESPNIC_REG_CAP_MTU);
	c->offload = hal->reg_read(fw->ctx, ESPNIC_REG_CAP_OFFLOAD);
	c->ipsec = hal->reg_read(fw->ctx, ESPNIC_REG_CAP_IPSEC);
	c->transforms = hal->reg_read(fw->ctx, ESPNIC_REG_CAP_TRANSFORMS);
	c->replay = hal->reg_read(fw->ctx, ESPNIC_REG_CAP_REPLAY);
	c->cmd = hal->reg_read(fw->ctx, ESPNIC_REG_CAP_CMD);
	c->sas = at_most(hal->reg_read(fw->ctx, ESPNIC_REG_CAP_SAS), ESPNIC_MAX_SAS);
	c->policies = at_most(hal->reg_read(fw->ctx, ESPNIC_REG_CAP_POLICIES), ESPNIC_MAX_POLICIES);
	c->counters = at_most(hal->reg_read(fw->ctx, ESPNIC_REG_CAP_COUNTERS), ESPNIC_COUNTER_COUNT);
}

void espnic_fw_init(struct espnic_fw *fw, const struct espnic_hal_ops *hal, void *ctx)
{
	memset(fw, 0, sizeof(*fw));
	fw->hal = hal;
	fw->ctx = ctx;
	fw->state = ESPNIC_FW_SELF_TEST;
	hal->zeroize(ctx);
	hal->random(ctx, fw->id_key, sizeof(fw->id_key));
	read_caps(fw);
	fw->started_ms = hal->now_ms(ctx);
	fw->heartbeat_ms = fw->started_ms;
	hal->reg_write(ctx, ESPNIC_REG_FW_VERSION,
		       ESPNIC_FW_MAJOR << 16 | ESPNIC_FW_MINOR << 8 | ESPNIC_FW_PATCH);
}

void espnic_fw_fatal(struct espnic_fw *fw, enum espnic_fatal code)
{
	struct espnic_hal_event ev = { .type = ESPNIC_EVENT_TYPE_FATAL, .value = code };
	bool tell = fw->state == ESPNIC_FW_RUNNING;

	if (fw->state == ESPNIC_FW_FATAL || fw->state == ESPNIC_FW_STOPPED)
		return;
	/* First, so that a failing event ring does not bring us here again. */
	fw->state = ESPNIC_FW_FATAL;
	fw->hal->zeroize(fw->ctx);
	espnic_fw_wipe(&fw->entry, sizeof(fw->entry));
	espnic_fw_wipe(fw->id_key, sizeof(fw->id_key));
	espnic_fw_names_wipe(fw);
	fw->hal->reg_write(fw->ctx, ESPNIC_REG_FATAL_CODE, code);
	fw->hal->status_clear(fw->ctx, ESPNIC_STATUS_READY);
	fw->hal->status_set(fw->ctx, ESPNIC_STATUS_FATAL);
	if (!tell)
		return;
	espnic_fw_event_post(fw, &ev);
	fw->hal->irq(fw->ctx, 0);
}

void espnic_fw_dma_failed(struct espnic_fw *fw, uint32_t dma)
{
	if (dma == ESPNIC_HAL_DMA_RESET)
		fw->state = ESPNIC_FW_STOPPED;
	else
		espnic_fw_fatal(fw, ESPNIC_FATAL_CMD_DMA);
}

static void self_test_pass(struct espnic_fw *fw)
{
	uint32_t verdict;

	switch (espnic_fw_self_test_step(fw, fw->self_test_step, &verdict)) {
	case ESPNIC_FW_TEST_MORE:
		fw->self_test_step++;
		break;
	case ESPNIC_FW_TEST_PASSED:
		fw->state = ESPNIC_FW_IDLE;
		fw->hal->status_set(fw->ctx, ESPNIC_STATUS_FW_ALIVE | ESPNIC_STATUS_READY);
		break;
	case ESPNIC_FW_TEST_FAILED:
		espnic_fw_fatal(fw, ESPNIC_FATAL_SELF_TEST);
		break;
	}
}

static void beat(struct espnic_fw *fw, uint64_t now)
{
	if (now < fw->heartbeat_ms)
		return;
	fw->heartbeat_ms = now + ESPNIC_FW_HEARTBEAT_MS;
	fw->hal->reg_write(fw->ctx, ESPNIC_REG_FW_HEARTBEAT, ++fw->heartbeat);
}

uint32_t espnic_fw_poll(struct espnic_fw *fw)
{
	uint64_t now = fw->hal->now_ms(fw->ctx);
	bool more = fw->state == ESPNIC_FW_SELF_TEST;

	beat(fw, now);
	fw->notify = false;
	if (fw->state == ESPNIC_FW_SELF_TEST)
		self_test_pass(fw);
	if (fw->state == ESPNIC_FW_IDLE)
		espnic_fw_cmd_start(fw);
	if (fw->state == ESPNIC_FW_RUNNING)
		more |= espnic_fw_cmd_poll(fw);
	if (fw->state == ESPNIC_FW_RUNNING)
		espnic_fw_drain_poll(fw, now);
	if (fw->state == ESPNIC_FW_RUNNING)
		espnic_fw_lease_poll(fw, now);
	if (fw->state == ESPNIC_FW_IDLE || fw->state == ESPNIC_FW_RUNNING)
		more |= espnic_fw_event_poll(fw);
	if (fw->notify && fw->state != ESPNIC_FW_STOPPED)
		fw->hal->irq(fw->ctx, 0);

	if (fw->state == ESPNIC_FW_FATAL || fw->state == ESPNIC_FW_STOPPED)
		more = false;
	if (more)
		return 0;
	if (fw->draining_now && fw->state == ESPNIC_FW_RUNNING)
		return ESPNIC_FW_DRAIN_POLL_MS;
	if (fw->leases_waiting && fw->state == ESPNIC_FW_RUNNING)
		return ESPNIC_FW_LEASE_RETRY_MS;
	return fw->heartbeat_ms > now ? (uint32_t)(fw->heartbeat_ms - now) : 1;
}
