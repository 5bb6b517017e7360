// SPDX-License-Identifier: BSD-2-Clause
/* The event ring. */
#include "internal.h"

void espnic_fw_event_post(struct espnic_fw *fw, const struct espnic_hal_event *ev)
{
	/* The driver's word: nonsense (a head that is ahead of us) counts as a full ring. */
	uint32_t head = fw->hal->reg_read(fw->ctx, ESPNIC_REG_EVQ_HEAD);
	uint32_t slot = fw->evq_tail & (fw->evq_size - 1);
	uint32_t phase = fw->evq_tail & fw->evq_size ? 0 : ESPNIC_EVENT_PHASE;
	uint64_t addr = fw->evq_addr + slot * (uint32_t)sizeof(struct espnic_event);
	struct espnic_event e = {
		.type = ev->type, .handle = ev->handle, .value = ev->value, .arg = ev->arg,
	};
	uint32_t dma;

	if (fw->evq_tail - head >= fw->evq_size) {
		fw->hal->count(fw->ctx, ESPNIC_COUNTER_EVENTS_LOST, 1);
		return;
	}
	dma = fw->hal->dma_write(fw->ctx, addr, &e, offsetof(struct espnic_event, flags));
	if (dma == ESPNIC_HAL_DMA_OK)
		dma = fw->hal->dma_store32(fw->ctx, addr + offsetof(struct espnic_event, flags), phase);
	if (dma != ESPNIC_HAL_DMA_OK) {
		espnic_fw_dma_failed(fw, dma);
		return;
	}
	fw->evq_tail++;
	fw->notify = true;
	fw->hal->count(fw->ctx, ESPNIC_COUNTER_EVENTS_POSTED, 1);
}

bool espnic_fw_event_poll(struct espnic_fw *fw)
{
	struct espnic_hal_event ev;

	for (uint32_t n = 0; n < ESPNIC_FW_EVENTS_PER_PASS; n++) {
		if (!fw->hal->event_next(fw->ctx, &ev))
			return false;
		if (ev.type == ESPNIC_EVENT_TYPE_FATAL) {
			espnic_fw_fatal(fw, (enum espnic_fatal)ev.value);
			return false;
		}
		if (ev.type == ESPNIC_HAL_EVENT_LEASE) {
			espnic_fw_lease_low(fw, ev.handle, ev.value);
			continue;
		}
		/*
		 * Before the rings are there only LINK can come; the driver reads the link's
		 * state from STATUS once it has enabled them.
		 */
		if (fw->state != ESPNIC_FW_RUNNING)
			continue;
		espnic_fw_event_post(fw, &ev);
		if (fw->state != ESPNIC_FW_RUNNING)
			return false;
	}
	return true;
}
