// SPDX-License-Identifier: BSD-2-Clause
/* Events, heartbeat, self-test failures, every way to the fatal state, and what becomes of keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake_hal.h"

static struct fake fake;
static struct espnic_fw fw;

static uint32_t status(void)
{
	return fake.reg[ESPNIC_REG_STATUS / 4];
}

static void expect_fatal(enum espnic_fatal code)
{
	assert_int_equal(fake.reg[ESPNIC_REG_FATAL_CODE / 4], code);
	assert_true(status() & ESPNIC_STATUS_FATAL);
	assert_false(status() & ESPNIC_STATUS_READY);
	assert_int_equal(fake.zeroized, 2);	/* at the start, and now */
	assert_int_equal(fake.running, 0);
	for (uint32_t i = 0; i <= FAKE_SAS; i++)
		assert_int_equal(fake.sa[i].sa.handle, 0);
}

static int setup(void **state)
{
	(void)state;
	fake_boot(&fake, &fw);
	return 0;
}

static void test_heartbeat(void **state)
{
	uint32_t last = fake.reg[ESPNIC_REG_FW_HEARTBEAT / 4];

	(void)state;
	for (int i = 0; i < 20; i++) {
		uint32_t wait = espnic_fw_poll(&fw);

		assert_in_range(wait, 1, ESPNIC_FW_HEARTBEAT_MS);
		fake.now += ESPNIC_HEARTBEAT_MS;
		espnic_fw_poll(&fw);
		assert_int_equal(fake.reg[ESPNIC_REG_FW_HEARTBEAT / 4], last + 1);
		last++;
	}
	/* Also when everything else has stopped. */
	fake_raise(&fake, &(struct espnic_hal_event){ .type = ESPNIC_EVENT_TYPE_FATAL,
						      .value = ESPNIC_FATAL_INTERNAL });
	fake_settle(&fake, &fw);
	fake.now += ESPNIC_HEARTBEAT_MS;
	espnic_fw_poll(&fw);
	assert_int_equal(fake.reg[ESPNIC_REG_FW_HEARTBEAT / 4], last + 1);
}

static void test_events(void **state)
{
	struct espnic_event e;
	uint32_t irqs = fake.irqs;

	(void)state;
	fake_raise(&fake, &(struct espnic_hal_event){ ESPNIC_EVENT_TYPE_SA_SOFT, 7 << 20 | 1, 10, 1000 });
	fake_raise(&fake, &(struct espnic_hal_event){ ESPNIC_EVENT_TYPE_LINK, 0, 1, 0 });
	fake_settle(&fake, &fw);
	assert_int_equal(fake.irqs, irqs + 1);
	assert_true(fake_take_event(&fake, &e));
	assert_int_equal(e.type, ESPNIC_EVENT_TYPE_SA_SOFT);
	assert_int_equal(e.handle, 7 << 20 | 1);
	assert_int_equal(e.value, 10);
	assert_int_equal(e.arg, 1000);
	assert_true(fake_take_event(&fake, &e));
	assert_int_equal(e.type, ESPNIC_EVENT_TYPE_LINK);
	assert_int_equal(e.value, 1);
	assert_false(fake_take_event(&fake, &e));
	assert_int_equal(fake.counter[ESPNIC_COUNTER_EVENTS_POSTED], 2);
}

static void test_events_before_rings(void **state)
{
	(void)state;
	fake_init(&fake);
	fake_start(&fake, &fw);
	fake_raise(&fake, &(struct espnic_hal_event){ .type = ESPNIC_EVENT_TYPE_LINK, .value = 1 });
	fake_settle(&fake, &fw);
	assert_int_equal(fake.counter[ESPNIC_COUNTER_EVENTS_POSTED], 0);
	assert_int_equal(fake.irqs, 0);
}

static void test_events_full_and_wrap(void **state)
{
	uint32_t size = 1u << FAKE_EVQ_LOG2;
	struct espnic_event e;

	(void)state;
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < size + 5; i++)
			fake_raise(&fake, &(struct espnic_hal_event){ ESPNIC_EVENT_TYPE_SA_NO_SA, i, 0, 0 });
		fake_settle(&fake, &fw);
		assert_int_equal(fake.counter[ESPNIC_COUNTER_EVENTS_LOST], 5 * (round + 1));
		for (uint32_t i = 0; i < size; i++) {
			assert_true(fake_take_event(&fake, &e));
			assert_int_equal(e.handle, i);
		}
		assert_false(fake_take_event(&fake, &e));
	}
}

/* A head that lies never makes the device overrun the ring. */
static void test_events_lying_head(void **state)
{
	static const uint32_t heads[] = { 1, 2, 65, 0x80000000, UINT32_MAX - 63 };

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		fake_boot(&fake, &fw);
		fake.reg[ESPNIC_REG_EVQ_HEAD / 4] = heads[i];
		fake_raise(&fake, &(struct espnic_hal_event){ ESPNIC_EVENT_TYPE_LINK, 0, 1, 0 });
		fake_settle(&fake, &fw);
		assert_int_equal(fake.counter[ESPNIC_COUNTER_EVENTS_LOST], 1);
		assert_int_equal(fake.counter[ESPNIC_COUNTER_EVENTS_POSTED], 0);
	}
}

static void test_self_test_fails(void **state)
{
	static const struct {
		uint32_t kat;
		int how;
	} rows[] = {
		{ 1, FAKE_KAT_BYTE },		/* protect gives wrong bytes */
		{ 2, FAKE_KAT_BYTE },		/* unprotect gives wrong bytes */
		{ 3, FAKE_KAT_ACCEPTS },	/* a forged packet passes */
		{ 3, FAKE_KAT_REFUSES },	/* it fails, but for the wrong reason */
		{ 13, FAKE_KAT_REFUSES },
		{ 27, FAKE_KAT_ACCEPTS },
		{ 28, FAKE_KAT_BYTE },		/* of another suite */
		{ 57, FAKE_KAT_ACCEPTS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fake_init(&fake);
		fake.kat_break = rows[i].kat;
		fake.kat_how = rows[i].how;
		fake_start(&fake, &fw);
		expect_fatal(ESPNIC_FATAL_SELF_TEST);
		assert_false(status() & ESPNIC_STATUS_FW_ALIVE);
	}
}

static void test_self_test_command_fails(void **state)
{
	struct espnic_cmd_entry e;
	struct espnic_event ev;
	struct espnic_cmd_cpl c;

	(void)state;
	fake.kat_break = fake.kats + 5;
	fake_good(&e, ESPNIC_OPCODE_SELF_TEST);
	fake_submit(&fake, &e);
	fake_settle(&fake, &fw);
	expect_fatal(ESPNIC_FATAL_SELF_TEST);
	assert_false(fake_take(&fake, &c));
	assert_true(fake_take_event(&fake, &ev));
	assert_int_equal(ev.type, ESPNIC_EVENT_TYPE_FATAL);
	assert_int_equal(ev.value, ESPNIC_FATAL_SELF_TEST);
}

static void submit_nop(void)
{
	struct espnic_cmd_entry e;

	fake_good(&e, ESPNIC_OPCODE_NOP);
	fake_submit(&fake, &e);
}

static void test_dma_fatal(void **state)
{
	static const uint64_t rows[] = {
		FAKE_SQ,					/* the command */
		FAKE_CQ,					/* its completion */
		FAKE_CQ + offsetof(struct espnic_cmd_cpl, flags),	/* the end of it */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct espnic_event ev;

		fake_boot(&fake, &fw);
		fake.bad_from = rows[i];
		fake.bad_to = rows[i] + 4;
		fake.bad_how = ESPNIC_HAL_DMA_FAULT;
		submit_nop();
		fake_settle(&fake, &fw);
		expect_fatal(ESPNIC_FATAL_CMD_DMA);
		assert_true(fake_take_event(&fake, &ev));
		assert_int_equal(ev.value, ESPNIC_FATAL_CMD_DMA);
	}
}

static void test_event_dma_fatal(void **state)
{
	(void)state;
	fake.bad_from = FAKE_EVQ;
	fake.bad_to = FAKE_EVQ + 1;
	fake.bad_how = ESPNIC_HAL_DMA_FAULT;
	fake_raise(&fake, &(struct espnic_hal_event){ .type = ESPNIC_EVENT_TYPE_LINK });
	fake_settle(&fake, &fw);
	expect_fatal(ESPNIC_FATAL_CMD_DMA);
}

static void test_dma_reset_is_not_fatal(void **state)
{
	(void)state;
	fake.bad_from = FAKE_BASE;
	fake.bad_to = FAKE_BASE + FAKE_MEM_SIZE;
	fake.bad_how = ESPNIC_HAL_DMA_RESET;
	submit_nop();
	fake_settle(&fake, &fw);
	assert_int_equal(fw.state, ESPNIC_FW_STOPPED);
	assert_int_equal(fake.reg[ESPNIC_REG_FATAL_CODE / 4], ESPNIC_FATAL_NONE);
	assert_false(status() & ESPNIC_STATUS_FATAL);
	/* A new life. */
	fake_boot(&fake, &fw);
	submit_nop();
	fake_settle(&fake, &fw);
	assert_int_equal(fake.counter[ESPNIC_COUNTER_CMD_DONE], 1);
}

static void test_tail(void **state)
{
	static const struct {
		uint32_t tail;
		bool fatal;
	} rows[] = {
		{ 16, false }, { 17, true }, { 0x80000000, true }, { UINT32_MAX, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fake_boot(&fake, &fw);
		fake.reg[ESPNIC_REG_CMD_DOORBELL / 4] = rows[i].tail;
		fake_settle(&fake, &fw);
		if (rows[i].fatal)
			expect_fatal(ESPNIC_FATAL_CMD_TAIL);
		else
			assert_int_equal(fw.state, ESPNIC_FW_RUNNING);
	}
	/* Going back. */
	fake_boot(&fake, &fw);
	submit_nop();
	submit_nop();
	fake_settle(&fake, &fw);
	fake.reg[ESPNIC_REG_CMD_DOORBELL / 4] = 1;
	fake_settle(&fake, &fw);
	expect_fatal(ESPNIC_FATAL_CMD_TAIL);
}

static void test_datapath_fatal(void **state)
{
	(void)state;
	fake_raise(&fake, &(struct espnic_hal_event){ .type = ESPNIC_EVENT_TYPE_FATAL,
						      .value = ESPNIC_FATAL_FIRMWARE });
	fake_settle(&fake, &fw);
	expect_fatal(ESPNIC_FATAL_FIRMWARE);
	submit_nop();
	fake_settle(&fake, &fw);
	assert_int_equal(fake.reads, 0);
}

static bool holds(const void *mem, size_t len, const void *what, size_t what_len)
{
	return memmem(mem, len, what, what_len);
}

static void test_keys_are_wiped(void **state)
{
	static const struct {
		uint16_t status;
		uint32_t off;		/* of a byte to spoil, 0: none */
	} rows[] = {
		{ ESPNIC_CMD_STATUS_OK, 0 },
		{ ESPNIC_CMD_STATUS_BAD_HANDLE, 32 },	/* refused before anything was looked at */
		{ ESPNIC_CMD_STATUS_BAD_OPCODE, 1 },	/* not even known as SA_ADD */
		{ ESPNIC_CMD_STATUS_BAD_LENGTH, 5 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct espnic_cmd_entry e;

		fake_boot(&fake, &fw);
		fake_good(&e, ESPNIC_OPCODE_SA_ADD);
		if (rows[i].off)
			((uint8_t *)&e)[rows[i].off] ^= 0xff;
		assert_int_equal(fake_run(&fake, &fw, &e).status, rows[i].status);
		assert_false(holds(&fw, sizeof(fw), "kEyKeYkEyKeY", 12));
		assert_false(holds(&fw, sizeof(fw), "KeY-123", 7));
		assert_false(holds(&fw, sizeof(fw), "sAlT", 4));
	}
	/* The search itself finds one. */
	memcpy(fw.entry.raw.body, "kEyKeYkEyKeY", 12);
	assert_true(holds(&fw, sizeof(fw), "kEyKeYkEyKeY", 12));
}

static void test_reset_forgets(void **state)
{
	struct espnic_cmd_entry e;

	(void)state;
	fake_good(&e, ESPNIC_OPCODE_SPD_COMMIT);
	fake_run(&fake, &fw, &e);
	fake_good(&e, ESPNIC_OPCODE_SA_ADD);
	fake_run(&fake, &fw, &e);
	fake_boot(&fake, &fw);
	assert_int_equal(fw.sa_count, 0);
	assert_int_equal(fake_run(&fake, &fw, &e).status, ESPNIC_CMD_STATUS_OK);
	fake_good(&e, ESPNIC_OPCODE_QUEUE_CREATE);
	assert_int_equal(fake_run(&fake, &fw, &e).status, ESPNIC_CMD_STATUS_NOT_COMMITTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_heartbeat, setup),
		cmocka_unit_test_setup(test_events, setup),
		cmocka_unit_test(test_events_before_rings),
		cmocka_unit_test_setup(test_events_full_and_wrap, setup),
		cmocka_unit_test_setup(test_events_lying_head, setup),
		cmocka_unit_test(test_self_test_fails),
		cmocka_unit_test_setup(test_self_test_command_fails, setup),
		cmocka_unit_test(test_dma_fatal),
		cmocka_unit_test_setup(test_event_dma_fatal, setup),
		cmocka_unit_test_setup(test_dma_reset_is_not_fatal, setup),
		cmocka_unit_test(test_tail),
		cmocka_unit_test_setup(test_datapath_fatal, setup),
		cmocka_unit_test(test_keys_are_wiped),
		cmocka_unit_test_setup(test_reset_forgets, setup),
	};

	return cmocka_run_group_tests_name("fw health", tests, NULL, NULL);
}
