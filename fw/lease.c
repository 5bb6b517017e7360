// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sequence leases: what the device may send of an SA's numbers stands in host memory first, so
 * that a driver whose device was reset, lost or has died knows where to go on.
 *
 * lease_end of an SA is always what stands in its word, and never more is sent: a write that
 * fails leaves the SA where it is (its packets drop as tx_drop_lease), to be tried again.
 */
#include "internal.h"

enum {
	/*
	 * Numbers of a lease. What is left of one is lost with a reset: 2^16 such losses fit in 32-bit
	 * sequence numbers. It is renewed when half of it is used: at ten million packets a second
	 * that leaves the firmware 3 ms, at a million 30 ms.
	 */
	LEASE_STEP = 1 << 16,
};

uint64_t espnic_fw_last_seq(bool esn)
{
	return esn ? UINT64_MAX : UINT32_MAX;
}

/* The number that asks for the next lease. */
static uint64_t mark_of(const struct espnic_fw_sa *sa)
{
	/* Behind the last number nothing is left to be leased. */
	if (sa->lease_end == espnic_fw_last_seq(sa->esn))
		return UINT64_MAX;
	return sa->lease_end - LEASE_STEP / 2;
}

/*
 * Writes @end into the lease word, upper half first: whatever is read meanwhile, or stays when
 * the second write fails, is not below what stood there. enum espnic_hal_dma.
 */
static uint32_t write_word(struct espnic_fw *fw, uint64_t addr, uint64_t end)
{
	uint32_t dma = fw->hal->dma_store32(fw->ctx, addr + 4, (uint32_t)(end >> 32));

	if (dma == ESPNIC_HAL_DMA_OK)
		dma = fw->hal->dma_store32(fw->ctx, addr, (uint32_t)end);
	return dma;
}

/* The end of a lease for an SA that has come to @seq. */
static uint64_t end_from(const struct espnic_fw_sa *sa, uint64_t seq)
{
	uint64_t last = espnic_fw_last_seq(sa->esn);

	return seq >= last - LEASE_STEP ? last : seq + LEASE_STEP;
}

bool espnic_fw_lease_first(struct espnic_fw *fw, struct espnic_fw_sa *sa, struct espnic_hal_sa *hal,
			   const struct espnic_fw_sa *live, struct espnic_fw_reply *r)
{
	struct espnic_hal_sa_report rep = { 0 };
	uint64_t seq = hal->seq;

	if (!sa->lease_addr)
		return true;
	/* What it may take over at once is leased for as well. */
	if (live && fw->hal->sa_query(fw->ctx, live->handle, &rep) == ESPNIC_CMD_STATUS_OK &&
	    rep.seq > seq)
		seq = rep.seq;
	sa->lease_end = end_from(sa, seq);
	if (write_word(fw, sa->lease_addr, sa->lease_end) != ESPNIC_HAL_DMA_OK)
		return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_DMA_ERROR,
					ESPNIC_FW_OFF(espnic_cmd_sa_add, lease_addr));
	hal->lease_end = sa->lease_end;
	hal->lease_mark = mark_of(sa);
	return true;
}

/* False: the write failed. */
static bool renew(struct espnic_fw *fw, struct espnic_fw_sa *sa)
{
	struct espnic_hal_sa_update u = { .what = ESPNIC_HAL_SA_LEASE };
	uint64_t end = end_from(sa, sa->lease_seq);
	uint32_t verdict;

	/* Half a lease is ahead already, or nothing more is to be had. */
	if (sa->lease_seq < mark_of(sa) || end <= sa->lease_end)
		return true;
	if (write_word(fw, sa->lease_addr, end) != ESPNIC_HAL_DMA_OK)
		return false;
	sa->lease_end = end;
	u.lease_end = end;
	u.lease_mark = mark_of(sa);
	fw->hal->sa_update(fw->ctx, sa->handle, &u, &verdict);
	return true;
}

static void wait(struct espnic_fw *fw, struct espnic_fw_sa *sa)
{
	if (sa->lease_waits)
		return;
	sa->lease_waits = true;
	if (!fw->leases_waiting++)
		fw->lease_retry_ms = fw->hal->now_ms(fw->ctx) + ESPNIC_FW_LEASE_RETRY_MS;
}

void espnic_fw_lease_ahead(struct espnic_fw *fw, struct espnic_fw_sa *sa, uint64_t seq)
{
	if (seq > sa->lease_seq)
		sa->lease_seq = seq;
	if (!renew(fw, sa))
		wait(fw, sa);
}

void espnic_fw_lease_low(struct espnic_fw *fw, uint32_t handle, uint64_t seq)
{
	struct espnic_fw_sa *sa = espnic_fw_sa_by_handle(fw, handle);

	if (sa && sa->lease_addr)
		espnic_fw_lease_ahead(fw, sa, seq);
}

void espnic_fw_lease_drop(struct espnic_fw *fw, struct espnic_fw_sa *sa)
{
	if (!sa->lease_waits)
		return;
	sa->lease_waits = false;
	fw->leases_waiting--;
}

void espnic_fw_lease_poll(struct espnic_fw *fw, uint64_t now)
{
	uint32_t tries = 0;

	if (!fw->leases_waiting || now < fw->lease_retry_ms)
		return;
	fw->lease_retry_ms = now + ESPNIC_FW_LEASE_RETRY_MS;
	/* One after the other, where the last pass stopped: none is left out for ever. */
	for (uint32_t n = 0; n < fw->caps.sas && fw->leases_waiting; n++) {
		struct espnic_hal_sa_report rep = { 0 };
		struct espnic_fw_sa *sa;

		fw->lease_next = fw->lease_next % fw->caps.sas + 1;
		sa = &fw->sa[fw->lease_next];
		if (!sa->lease_waits)
			continue;
		/* It has sent on, up to its last lease. */
		if (fw->hal->sa_query(fw->ctx, sa->handle, &rep) == ESPNIC_CMD_STATUS_OK &&
		    rep.seq > sa->lease_seq)
			sa->lease_seq = rep.seq;
		if (renew(fw, sa))
			espnic_fw_lease_drop(fw, sa);
		else if (++tries == ESPNIC_FW_LEASE_TRIES)
			return;
	}
}
