// SPDX-License-Identifier: BSD-2-Clause
/* A driver that breaks every rule: the device refuses, counts, and goes on. */
#include <stdlib.h>

#include "nic_common.h"

static struct nic *nic(void **state)
{
	return *state;
}

static struct espnic_drv *drv(void **state)
{
	return nic(state)->drv;
}

static void raw_frame(uint8_t *buf, uint32_t len)
{
	memset(buf, 0x11, len);
	memcpy(buf, nic_mac, 6);
	memcpy(buf + 6, nic_peer, 6);
	buf[12] = 0x88;
	buf[13] = 0xb5;
}

/* What the wire still held comes now, and is not looked at. */
static void drain(void **state)
{
	struct espnic_rx_cpl cpl;

	while (!espnic_drv_rx_cpl(drv(state), 0, &cpl, 30))
		;
	nic_refill(nic(state), 0, 2048);
}

/* The device still works. */
static void still_fine(void **state)
{
	uint8_t buf[300];

	raw_frame(buf, sizeof(buf));
	nic_echo(nic(state), 0, buf, sizeof(buf), 2, NULL, NULL);
	nic_refill(nic(state), 0, 2048);
}

enum { SOP = ESPNIC_TX_DESC_SOP, EOP = ESPNIC_TX_DESC_EOP };

static void malformed_chains(void **state)
{
	struct espnic_drv *d = drv(state);
	uint64_t a;
	uint8_t *p = espnic_drv_alloc(d, 65536, 64, &a);
	const struct {
		const char *name;
		unsigned int n;
		uint16_t flags[3];
		uint32_t len[3];
		uint32_t reason; /* of the last completion that has one */
	} cases[] = {
		{ "no SOP", 1, { EOP }, { 100 }, ESPNIC_COUNTER_TX_DROP_DESC },
		{ "no EOP before the tail", 1, { SOP }, { 100 }, ESPNIC_COUNTER_TX_DROP_DESC },
		{ "no flags", 2, { 0, 0 }, { 100, 100 }, ESPNIC_COUNTER_TX_DROP_DESC },
		{ "SOP twice", 2, { SOP, SOP | EOP }, { 100, 100 }, ESPNIC_COUNTER_TX_DROP_DESC },
		{ "SOP at the end again",
		  3,
		  { SOP, 0, SOP },
		  { 9, 9, 9 },
		  ESPNIC_COUNTER_TX_DROP_DESC },
		{ "length 0", 1, { SOP | EOP }, { 0 }, ESPNIC_COUNTER_TX_DROP_DESC },
		{ "length 0 inside",
		  3,
		  { SOP, 0, EOP },
		  { 50, 0, 50 },
		  ESPNIC_COUNTER_TX_DROP_DESC },
		{ "unknown flag", 1, { SOP | EOP | 0x8000 }, { 100 }, ESPNIC_COUNTER_TX_DROP_DESC },
		{ "unknown flag behind",
		  2,
		  { SOP, EOP | 0x40 },
		  { 50, 50 },
		  ESPNIC_COUNTER_TX_DROP_DESC },
		{ "length of 4 GiB",
		  1,
		  { SOP | EOP },
		  { UINT32_MAX },
		  ESPNIC_COUNTER_TX_DROP_LENGTH },
		{ "lengths that wrap",
		  2,
		  { SOP, EOP },
		  { UINT32_MAX, 101 },
		  ESPNIC_COUNTER_TX_DROP_LENGTH },
		{ "over the TSO limit",
		  1,
		  { SOP | EOP | ESPNIC_TX_DESC_TSO },
		  { ESPNIC_MAX_TSO_LEN + 1 },
		  ESPNIC_COUNTER_TX_DROP_LENGTH },
		{ "TSO and IPSEC",
		  1,
		  { SOP | EOP | ESPNIC_TX_DESC_TSO | ESPNIC_TX_DESC_IPSEC },
		  { 1000 },
		  ESPNIC_COUNTER_TX_DROP_TSO },
		{ "PROTECT and IPSEC",
		  1,
		  { SOP | EOP | ESPNIC_TX_DESC_PROTECT | ESPNIC_TX_DESC_IPSEC },
		  { 100 },
		  ESPNIC_COUNTER_TX_DROP_DESC },
		{ "TSO with mss 0",
		  1,
		  { SOP | EOP | ESPNIC_TX_DESC_TSO },
		  { 1000 },
		  ESPNIC_COUNTER_TX_DROP_TSO },
		{ "sum over nothing",
		  1,
		  { SOP | EOP | ESPNIC_TX_DESC_CSUM },
		  { 15 },
		  ESPNIC_COUNTER_TX_DROP_CSUM },
		{ "ESP offset 0",
		  1,
		  { SOP | EOP | ESPNIC_TX_DESC_IPSEC },
		  { 100 },
		  ESPNIC_COUNTER_TX_DROP_DESC },
	};

	raw_frame(p, 60000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct espnic_tx_desc desc[3] = { 0 };
		int reason;

		for (unsigned int k = 0; k < cases[i].n; k++) {
			desc[k].addr = a;
			desc[k].flags = cases[i].flags[k];
			desc[k].len = cases[i].len[k];
		}
		assert_int_equal(espnic_drv_tx(d, 0, desc, cases[i].n), 0);
		reason = espnic_drv_tx_flush(d, 0, NIC_WAIT_MS);
		if (reason != (int)cases[i].reason + 1)
			fail_msg("%s: reason %d, not %u", cases[i].name, reason,
				 cases[i].reason + 1);
		/* "SOP twice" sends its second half: a lawful frame. */
		while (espnic_drv_rx_frame(d, 0, p + 61000, 4000, NULL, 20) > 0)
			;
		still_fine(state);
	}
	/* A chain one longer than allowed. */
	raw_frame(p, 3300);
	assert_int_equal(espnic_drv_tx_frame(d, 0, p, 3300, ESPNIC_MAX_TX_SEGS + 1, NULL), 0);
	assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 1 + ESPNIC_COUNTER_TX_DROP_DESC);
	still_fine(state);
}

static void offsets_at_every_edge(void **state)
{
	struct espnic_drv *d = drv(state);
	uint8_t buf[200];

	raw_frame(buf, sizeof(buf));
	for (uint32_t start = 0; start <= 65535; start += start < 205 ? 1 : 6500) {
		for (uint32_t off = 0; off <= 65535; off += off < 205 ? 41 : 13000) {
			struct espnic_tx_desc t = {
				.flags = ESPNIC_TX_DESC_CSUM,
				.csum_start = (uint16_t)start,
				.csum_offset = (uint16_t)off,
			};
			bool lawful = start >= 14 && start + off + 2 <= sizeof(buf);
			uint8_t got[300];

			assert_int_equal(espnic_drv_tx_frame(d, 0, buf, sizeof(buf), 1, &t), 0);
			assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS),
					 lawful ? 0 : 1 + ESPNIC_COUNTER_TX_DROP_CSUM);
			if (lawful)
				assert_int_equal(espnic_drv_rx_frame(d, 0, got, sizeof(got), NULL,
								     NIC_WAIT_MS),
						 sizeof(buf));
			nic_refill(nic(state), 0, 2048);
		}
	}
}

static void segmentation_of_nonsense(void **state)
{
	static uint8_t big[20000];
	struct espnic_drv *d = drv(state);
	struct nic_flow f = { .tcp = true, .payload = 10000 };
	struct nic_layout at = nic_build(big, &f);

	srand(1);
	for (unsigned int i = 0; i < 2000; i++) {
		struct espnic_tx_desc t = { .flags = ESPNIC_TX_DESC_TSO,
					    .mss = 1400,
					    .hdr_len = (uint16_t)at.payload };
		uint32_t len = at.len;
		static uint8_t bad[20000];

		memcpy(bad, big, len);
		switch (i % 4) {
		case 0:
			t.hdr_len = (uint16_t)rand();
			break;
		case 1:
			len = 14 + (uint32_t)rand() % (at.payload - 13);
			break;
		default:
			bad[12 + rand() % (at.payload - 12)] ^= (uint8_t)(1 + rand() % 255);
			break;
		}
		assert_int_equal(espnic_drv_tx_frame(d, 0, bad, len, 1 + i % 8, &t), 0);
		assert_true(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS) >= 0);
		while (espnic_drv_rx_frame(d, 0, bad, sizeof(bad), NULL, 0) > 0)
			;
		nic_refill(nic(state), 0, 2048);
	}
	drain(state);
	still_fine(state);
}

static void expect_queue_error(struct espnic_drv *d, uint32_t error)
{
	struct espnic_event ev;

	assert_int_equal(espnic_drv_event(d, &ev, NIC_WAIT_MS), 0);
	assert_int_equal(ev.type, ESPNIC_EVENT_TYPE_QUEUE_ERROR);
	assert_int_equal(ev.handle, 0);
	assert_int_equal(ev.value, error);
}

static void again(void **state)
{
	struct espnic_drv *d = drv(state);

	assert_int_equal(espnic_drv_queue_destroy(d, 0), 0);
	assert_int_equal(espnic_drv_queue_create(d, 0, NIC_LOG2, NIC_LOG2, 1), 0);
	drain(state);
	still_fine(state);
}

static void tails_that_lie(void **state)
{
	struct espnic_drv *d = drv(state);
	static const uint32_t ahead[] = { 257, 1000, 0x80000000, 0xfffff000 };
	uint8_t buf[100];

	raw_frame(buf, sizeof(buf));
	for (size_t i = 0; i < sizeof(ahead) / sizeof(ahead[0]); i++) {
		d->q[0].ctrl->tx_tail = d->q[0].tx_tail + ahead[i];
		espnic_client_reg_write(d->c, ESPNIC_REG_TX_DOORBELL, 0);
		expect_queue_error(d, ESPNIC_QUEUE_ERROR_TX_TAIL);
		again(state);

		/*
		 * The RX tail is looked at when buffers are wanted: all that are there are used up
		 * first.
		 */
		d->q[0].ctrl->rx_tail = d->q[0].rx_tail + ahead[i];
		for (unsigned int k = 0; k < 300; k++) {
			if (espnic_drv_counter(d, ESPNIC_COUNTER_QUEUE_ERRORS) > 2 * i + 1)
				break;
			espnic_drv_tx_frame(d, 0, buf, sizeof(buf), 1, NULL);
			espnic_drv_tx_flush(d, 0, 20);
		}
		expect_queue_error(d, ESPNIC_QUEUE_ERROR_RX_TAIL);
		again(state);
		assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_QUEUE_ERRORS), 2 * (i + 1));
	}
}

static void completion_heads_that_lie(void **state)
{
	struct espnic_drv *d = drv(state);
	uint8_t buf[100];
	uint32_t sent;

	raw_frame(buf, sizeof(buf));
	/* Never moved: the device stops at a full completion ring, and goes on when it moves. */
	for (sent = 0; sent < 300; sent++) {
		struct espnic_tx_desc desc = { .len = 100, .flags = SOP | EOP };
		uint32_t slot = d->q[0].tx_tail & 255;

		espnic_drv_alloc(d, 100, 64, &desc.addr);
		memcpy(espnic_drv_ptr(d, desc.addr), buf, 100);
		d->q[0].tx[slot] = desc;
		__atomic_store_n(&d->q[0].ctrl->tx_tail, ++d->q[0].tx_tail, __ATOMIC_RELEASE);
		espnic_client_reg_write(d->c, ESPNIC_REG_TX_DOORBELL, 0);
		if (sent % 8 == 7)
			espnic_drv_counter(d, 0);
	}
	d->q[0].tx_done = d->q[0].tx_tail - 256;
	assert_true(espnic_drv_counter(d, ESPNIC_COUNTER_TX_PACKETS) <= 300);
	/* Far ahead of what was written: no room either. */
	d->q[0].ctrl->tx_cpl_head = 0x7fffffff;
	espnic_client_reg_write(d->c, ESPNIC_REG_TX_DOORBELL, 0);
	assert_int_equal(espnic_drv_cmd(d, ESPNIC_OPCODE_NOP, NULL, 0, NULL, 0, NULL), 0);
	again(state);
}

static void memory_that_is_not_there(void **state)
{
	struct espnic_drv *d = drv(state);
	static const uint64_t nowhere[] = {
		0,
		0x1000,
		ESPNIC_DRV_RAM_IOVA - 50,
		(uint64_t)ESPNIC_DRV_RAM_IOVA + ESPNIC_DRV_RAM_SIZE - 50,
		UINT64_MAX - 50,
		1ull << 63,
	};
	uint8_t buf[100];

	raw_frame(buf, sizeof(buf));
	for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		struct espnic_tx_desc desc = { .addr = nowhere[i], .len = 100, .flags = SOP | EOP };

		assert_int_equal(espnic_drv_tx(d, 0, &desc, 1), 0);
		assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS),
				 1 + ESPNIC_COUNTER_TX_DROP_DMA);
	}
	assert_true(espnic_drv_counter(d, ESPNIC_COUNTER_DMA_REFUSED) >= 6);
	still_fine(state);

	/*
	 * RX buffers: too small, with a reserved bit, unmapped. The queue stops; nothing was
	 * written.
	 */
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(espnic_drv_queue_destroy(d, 0), 0);
		assert_int_equal(espnic_drv_queue_create(d, 0, NIC_LOG2, NIC_LOG2, 1), 0);
		espnic_drv_rx_post(d, 0, i == 2 ? 0x1000 : ESPNIC_DRV_RAM_IOVA,
				   i == 0 ? 255 : 2048);
		d->q[0].rx[0].reserved = i == 1;
		assert_int_equal(espnic_drv_tx_frame(d, 0, buf, sizeof(buf), 1, NULL), 0);
		expect_queue_error(d, ESPNIC_QUEUE_ERROR_DMA);
		assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_RX_DROP_DMA), i + 1);
	}
	again(state);

	/* All of memory goes away under a busy queue. */
	for (unsigned int i = 0; i < 64; i++)
		espnic_drv_tx_frame(d, 0, buf, sizeof(buf), 1, NULL);
	assert_int_equal(espnic_client_unmap(d->c, ESPNIC_DRV_RAM_IOVA, ESPNIC_DRV_RAM_SIZE), 0);
	assert_int_equal(espnic_client_map(d->c, ESPNIC_DRV_RAM_IOVA, d->memfd, 0,
					   ESPNIC_DRV_RAM_SIZE, ESPNIC_CLIENT_RW),
			 0);
	assert_int_equal(espnic_drv_reset(d), 0);
	assert_int_equal(espnic_drv_start(d, NULL, 0, 1, NIC_LOG2, nic_mac), 0);
	still_fine(state);
}

static void descriptors_of_noise(void **state)
{
	struct espnic_drv *d = drv(state);
	uint64_t a;
	uint8_t *p = espnic_drv_alloc(d, 1 << 20, 4096, &a);
	struct espnic_rx_cpl cpl;

	srand(2);
	raw_frame(p, 4096);
	for (unsigned int i = 0; i < 3000; i++) {
		struct espnic_tx_desc desc[8];
		unsigned int n = 1 + (unsigned int)rand() % 8;

		for (unsigned int k = 0; k < n; k++) {
			uint8_t *b = (uint8_t *)&desc[k];

			for (size_t j = 0; j < sizeof(desc[k]); j++)
				b[j] = (uint8_t)rand();
			if (rand() % 4)
				desc[k].addr = a + (uint32_t)rand() % 4096;
			if (rand() % 4)
				desc[k].len = (uint32_t)rand() % 2000;
			if (rand() % 4)
				desc[k].flags &= 0x1f;
		}
		while (espnic_drv_tx(d, 0, desc, n))
			assert_int_equal(
				espnic_drv_tx_cpl(d, 0, &(struct espnic_tx_cpl){ 0 }, NIC_WAIT_MS),
				0);
		while (!espnic_drv_rx_cpl(d, 0, &cpl, 0))
			;
		nic_refill(nic(state), 0, 2048);
	}
	assert_true(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS) >= 0);
	drain(state);
	still_fine(state);
}

static void command_tail_that_lies(void **state)
{
	struct espnic_drv *d = drv(state);

	espnic_client_reg_write(d->c, ESPNIC_REG_CMD_DOORBELL, d->sq_tail + 10000);
	for (unsigned int i = 0;
	     !(espnic_client_reg_read(d->c, ESPNIC_REG_STATUS) & ESPNIC_STATUS_FATAL); i++)
		assert_true(i < 100000);
	assert_int_equal(espnic_client_reg_read(d->c, ESPNIC_REG_FATAL_CODE),
			 ESPNIC_FATAL_CMD_TAIL);
	assert_int_equal(espnic_drv_reset(d), 0);
	assert_int_equal(espnic_client_reg_read(d->c, ESPNIC_REG_FATAL_CODE), 0);
	assert_int_equal(espnic_drv_start(d, NULL, 0, 1, NIC_LOG2, nic_mac), 0);
	still_fine(state);
}

static void resets_under_traffic(void **state)
{
	static uint8_t big[ESPNIC_MAX_TSO_LEN];
	struct espnic_drv *d = drv(state);
	struct nic_flow f = { .tcp = true, .payload = 60000 };
	struct nic_layout at = nic_build(big, &f);
	struct espnic_tx_desc t = {
		.flags = ESPNIC_TX_DESC_TSO,
		.mss = 100,
		.hdr_len = (uint16_t)at.payload,
	};

	for (unsigned int i = 0; i < 100; i++) {
		for (unsigned int k = 0; k < 8; k++)
			espnic_drv_tx_frame(d, 0, big, at.len, 12, &t);
		if (i % 3 == 0)
			assert_int_equal(espnic_client_flr(d->c), 0);
		else if (i % 3 == 1)
			espnic_client_reg_write(d->c, ESPNIC_REG_CTRL, ESPNIC_CTRL_RESET);
		else
			assert_int_equal(espnic_client_device_reset(d->c), 0);
		if (i % 5 == 0) /* and again while it runs */
			assert_int_equal(espnic_client_flr(d->c), 0);
		assert_int_equal(espnic_drv_recover(d), 0);
		if (i % 10 == 9) {
			assert_int_equal(espnic_drv_start(d, NULL, 0, 1, NIC_LOG2, nic_mac), 0);
			drain(state);
			still_fine(state);
		} else {
			assert_int_equal(espnic_drv_start(d, NULL, 0, 1, NIC_LOG2, nic_mac), 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, nic_open_started, nic_close)
		T(malformed_chains),     T(offsets_at_every_edge),     T(segmentation_of_nonsense),
		T(tails_that_lie),       T(completion_heads_that_lie), T(memory_that_is_not_there),
		T(descriptors_of_noise), T(command_tail_that_lies),    T(resets_under_traffic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
