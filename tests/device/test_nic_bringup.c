// SPDX-License-Identifier: BSD-2-Clause
/* Registers, life cycle and commands of the device process. */
#include "nic_common.h"

static struct espnic_drv *drv(void **state)
{
	return ((struct nic *)*state)->drv;
}

static void identity_and_capabilities(void **state)
{
	struct espnic_client *c = drv(state)->c;
	static const struct {
		uint32_t off, value;
	} want[] = {
		{ ESPNIC_REG_ID, ESPNIC_ID_VALUE },
		{ ESPNIC_REG_VERSION,
		  ESPNIC_VERSION_MAJOR_VALUE << 16 | ESPNIC_VERSION_MINOR_VALUE },
		{ ESPNIC_REG_FATAL_CODE, ESPNIC_FATAL_NONE },
		{ ESPNIC_REG_SCRATCH, 0 },
		{ ESPNIC_REG_CAP_QUEUES, 4 | 6 << 8 | 12 << 12 | 17 << 16 | 32u << 24 },
		{ ESPNIC_REG_CAP_MTU, ESPNIC_MAX_MTU },
		{ ESPNIC_REG_CAP_TSO_LEN, ESPNIC_MAX_TSO_LEN },
		{ ESPNIC_REG_CAP_OFFLOAD, 0x3f },
		{ ESPNIC_REG_CAP_TRANSFORMS, 0x7f0703ff },
		{ ESPNIC_REG_CAP_SAS, ESPNIC_MAX_SAS },
		{ ESPNIC_REG_CAP_POLICIES, ESPNIC_MAX_POLICIES },
		{ ESPNIC_REG_CAP_REPLAY, 4096u << 16 | 32 },
		{ ESPNIC_REG_CAP_CMD, 4 | 10 << 8 | 6 << 16 | 12u << 24 },
		{ ESPNIC_REG_CAP_COUNTERS, ESPNIC_COUNTER_COUNT },
		{ ESPNIC_REG_MAC_LO, 0x00b0e502 },
		{ ESPNIC_REG_MAC_HI, 0x00000100 },
	};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		if (espnic_client_reg_read(c, want[i].off) != want[i].value)
			fail_msg("register %03x reads %08x, not %08x", want[i].off,
				 espnic_client_reg_read(c, want[i].off), want[i].value);
	assert_int_equal(espnic_client_reg_read(c, ESPNIC_REG_STATUS),
			 ESPNIC_STATUS_READY | ESPNIC_STATUS_FW_ALIVE | ESPNIC_STATUS_LINK_UP);
	assert_int_not_equal(espnic_client_reg_read(c, ESPNIC_REG_FW_VERSION), 0);
}

static void directions_are_honoured_and_counted(void **state)
{
	struct espnic_drv *d = drv(state);
	uint64_t before;

	assert_int_equal(espnic_drv_rings(d, 4, 6), 0);
	before = espnic_drv_counter(d, ESPNIC_COUNTER_REG_BAD_ACCESS);

	espnic_client_reg_write(d->c, ESPNIC_REG_SCRATCH, 0xa5a51234);
	assert_int_equal(espnic_client_reg_read(d->c, ESPNIC_REG_SCRATCH), 0xa5a51234);
	assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_REG_BAD_ACCESS), before);

	espnic_client_reg_write(d->c, ESPNIC_REG_ID, 1); /* read only */
	assert_int_equal(espnic_client_reg_read(d->c, ESPNIC_REG_ID), ESPNIC_ID_VALUE);
	assert_int_equal(espnic_client_reg_read(d->c, ESPNIC_REG_CTRL), 0); /* write only */
	assert_int_equal(espnic_client_reg_read(d->c, 0x200), 0); /* nothing there */
	espnic_client_reg_write(d->c, 0xfffc, 1);
	espnic_client_reg_write(d->c, ESPNIC_REG_CMD_CFG, 0x0404); /* too late: enabled */
	assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_REG_BAD_ACCESS), before + 5);
	assert_int_equal(espnic_client_reg_read(d->c, ESPNIC_REG_CMD_CFG), 0x0604);
}

static void command_rings_out_of_range_stay_off(void **state)
{
	struct espnic_drv *d = drv(state);
	static const struct {
		uint32_t cfg;
		uint64_t sq;
	} bad[] = {
		{ 0x0603, 0x40000000 },         { 0x060b, 0x40000000 },  { 0x0504, 0x40000000 },
		{ 0x0d04, 0x40000000 },         { 0x10604, 0x40000000 }, { 0x0604, 0x40000800 },
		{ 0x0604, 0xfffffffffffff000 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		espnic_client_reg_write(d->c, ESPNIC_REG_CMD_SQ_LO, (uint32_t)bad[i].sq);
		espnic_client_reg_write(d->c, ESPNIC_REG_CMD_SQ_HI, (uint32_t)(bad[i].sq >> 32));
		espnic_client_reg_write(d->c, ESPNIC_REG_CMD_CFG, bad[i].cfg);
		espnic_client_reg_write(d->c, ESPNIC_REG_CMD_ENABLE, 1);
		assert_int_equal(espnic_client_reg_read(d->c, ESPNIC_REG_CMD_ENABLE), 0);
		assert_false(espnic_client_reg_read(d->c, ESPNIC_REG_STATUS) &
			     ESPNIC_STATUS_CMD_ENABLED);
	}
	assert_int_equal(espnic_drv_rings(d, 4, 6), 0);
}

static void heartbeat_advances(void **state)
{
	struct espnic_drv *d = drv(state);
	uint32_t before = espnic_client_reg_read(d->c, ESPNIC_REG_FW_HEARTBEAT);
	uint64_t end = espnic_now_ms() + 4 * ESPNIC_HEARTBEAT_MS;

	while (espnic_client_reg_read(d->c, ESPNIC_REG_FW_HEARTBEAT) == before)
		assert_true(espnic_now_ms() < end);
}

static void info_and_command_errors(void **state)
{
	struct espnic_drv *d = drv(state);
	struct espnic_cmd_queue_create qc = { .queue = 0, .tx_log2 = 6, .rx_log2 = 6, .vector = 1 };
	struct espnic_cmd_queue q = { .queue = 99 };
	struct espnic_dev_info info;
	struct espnic_cmd_cpl cpl;
	struct espnic_cmd_entry raw;

	assert_int_equal(espnic_drv_rings(d, 4, 6), 0);
	assert_int_equal(
		espnic_drv_cmd(d, ESPNIC_OPCODE_GET_INFO, NULL, 0, &info, sizeof(info), NULL), 0);
	assert_memory_equal(info.core, "native\0\0\0\0\0\0\0\0\0\0", 16);
	assert_memory_equal(info.wire, "loopback\0\0\0\0\0\0\0\0", 16);
	assert_memory_equal(info.serial, "02e5b0000001\0\0\0\0", 16);
	assert_int_equal(info.sas, 0);

	assert_int_equal(espnic_drv_cmd(d, 0x7777, NULL, 0, NULL, 0, &cpl),
			 ESPNIC_CMD_STATUS_BAD_OPCODE);
	assert_int_equal(espnic_drv_cmd(d, ESPNIC_OPCODE_QUEUE_CREATE, &qc, 8, NULL, 0, NULL),
			 ESPNIC_CMD_STATUS_BAD_LENGTH);
	assert_int_equal(
		espnic_drv_cmd(d, ESPNIC_OPCODE_QUEUE_DESTROY, &q, sizeof(q), NULL, 0, NULL),
		ESPNIC_CMD_STATUS_BAD_HANDLE);
	/* Before the SPD is whole, no queue. */
	assert_int_equal(espnic_drv_queue_create(d, 0, 6, 6, 1), ESPNIC_CMD_STATUS_NOT_COMMITTED);
	assert_int_equal(espnic_drv_cmd(d, ESPNIC_OPCODE_SPD_COMMIT, NULL, 0, NULL, 0, NULL), 0);
	assert_int_equal(espnic_drv_queue_create(d, 0, 5, 6, 1), ESPNIC_CMD_STATUS_BAD_FIELD);
	assert_int_equal(espnic_drv_queue_create(d, 0, 6, 6, 1), 0);
	assert_int_equal(espnic_drv_queue_create(d, 0, 6, 6, 1), ESPNIC_CMD_STATUS_EXISTS);
	assert_int_equal(espnic_drv_queue_create(d, 9, 6, 6, 1), ESPNIC_CMD_STATUS_BAD_HANDLE);
	q.queue = 1;
	assert_int_equal(
		espnic_drv_cmd(d, ESPNIC_OPCODE_QUEUE_DESTROY, &q, sizeof(q), NULL, 0, NULL),
		ESPNIC_CMD_STATUS_NOT_FOUND);
	/* A control block that is not there. */
	qc.queue = 1;
	qc.tx_addr = qc.rx_addr = qc.tx_cpl_addr = qc.rx_cpl_addr = 0x40000000;
	qc.ctrl_addr = 0x1000;
	assert_int_equal(
		espnic_drv_cmd(d, ESPNIC_OPCODE_QUEUE_CREATE, &qc, sizeof(qc), NULL, 0, NULL),
		ESPNIC_CMD_STATUS_DMA_ERROR);
	/* Entries of noise: each is answered, none is believed. */
	for (unsigned int i = 0; i < 200; i++) {
		uint8_t *p = (uint8_t *)&raw;

		for (size_t j = 0; j < sizeof(raw); j++)
			p[j] = (uint8_t)((j + 1) * (i + 3) * 167 >> 3);
		raw.hdr.id = (uint16_t)(i & 7);
		assert_int_equal(espnic_drv_cmd_raw(d, &raw), 0);
		assert_true(espnic_drv_cmd_wait(d, raw.hdr.id, NULL, NIC_WAIT_MS) > 0);
	}
	assert_int_equal(espnic_drv_cmd(d, ESPNIC_OPCODE_NOP, NULL, 0, NULL, 0, NULL), 0);
	assert_int_equal(espnic_drv_cmd(d, ESPNIC_OPCODE_SELF_TEST, NULL, 0, NULL, 0, NULL), 0);
}

static void reset_forgets_everything(void **state)
{
	struct espnic_drv *d = drv(state);

	assert_int_equal(espnic_drv_start(d, NULL, 0, 2, NIC_LOG2, nic_mac), 0);
	espnic_client_reg_write(d->c, ESPNIC_REG_SCRATCH, 7);
	assert_int_equal(espnic_drv_reset(d), 0);
	assert_int_equal(espnic_client_reg_read(d->c, ESPNIC_REG_SCRATCH), 0);
	assert_int_equal(espnic_client_reg_read(d->c, ESPNIC_REG_CMD_ENABLE), 0);
	assert_int_equal(espnic_client_reg_read(d->c, ESPNIC_REG_STATUS),
			 ESPNIC_STATUS_READY | ESPNIC_STATUS_FW_ALIVE | ESPNIC_STATUS_LINK_UP);
	/* A second life like the first. */
	assert_int_equal(espnic_drv_start(d, NULL, 0, 2, NIC_LOG2, nic_mac), 0);
	assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_TX_PACKETS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, nic_open, nic_close)
		T(identity_and_capabilities),
		T(directions_are_honoured_and_counted),
		T(command_rings_out_of_range_stay_off),
		T(heartbeat_advances),
		T(info_and_command_errors),
		T(reset_forgets_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
