// SPDX-License-Identifier: BSD-2-Clause
/* How a PROTECT policy goes: DISCARD at once, gone when the TX queues have passed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake_hal.h"

static struct fake fake;
static struct espnic_fw fw;

static struct espnic_cmd_cpl run(uint16_t opcode, uint32_t id)
{
	struct espnic_cmd_entry e;

	fake_good(&e, opcode);
	if (opcode == ESPNIC_OPCODE_POLICY_ADD)
		FAKE_BODY(&e, espnic_cmd_policy_add)->id = id;
	else
		FAKE_BODY(&e, espnic_cmd_policy)->id = id;
	return fake_run(&fake, &fw, &e);
}

static uint16_t submit_del(uint32_t id)
{
	struct espnic_cmd_entry e;

	fake_good(&e, ESPNIC_OPCODE_POLICY_DEL);
	FAKE_BODY(&e, espnic_cmd_policy)->id = id;
	return fake_submit(&fake, &e);
}

static void expect(uint16_t id, enum espnic_cmd_status status)
{
	struct espnic_cmd_cpl c;

	assert_true(fake_take(&fake, &c));
	assert_int_equal(c.id, id);
	assert_int_equal(c.opcode, ESPNIC_OPCODE_POLICY_DEL);
	assert_int_equal(c.status, status);
}

static void expect_nothing(void)
{
	struct espnic_cmd_cpl c;

	assert_false(fake_take(&fake, &c));
}

static int setup(void **state)
{
	(void)state;
	fake_boot(&fake, &fw);
	for (uint32_t id = 1; id <= 8; id++)
		assert_int_equal(run(ESPNIC_OPCODE_POLICY_ADD, id).status, ESPNIC_CMD_STATUS_OK);
	return 0;
}

static void test_plain_goes_at_once(void **state)
{
	struct espnic_cmd_entry e;
	struct espnic_cmd_policy_add *c = FAKE_BODY(&e, espnic_cmd_policy_add);

	(void)state;
	fake.tx_busy = true;
	fake_good(&e, ESPNIC_OPCODE_POLICY_ADD);
	memset(c, 0, offsetof(struct espnic_cmd_policy_add, sel));
	c->id = 20;
	c->dir = ESPNIC_CMD_POLICY_DIR_FWD;
	c->action = ESPNIC_CMD_POLICY_ACTION_BYPASS;
	assert_int_equal(fake_run(&fake, &fw, &e).status, ESPNIC_CMD_STATUS_OK);
	assert_int_equal(run(ESPNIC_OPCODE_POLICY_DEL, 20).status, ESPNIC_CMD_STATUS_OK);
	assert_int_equal(fake.marks, 0);
}

static void test_waits_for_tx(void **state)
{
	uint16_t del;

	(void)state;
	fake.tx_busy = true;
	del = submit_del(1);
	fake_settle(&fake, &fw);
	assert_true(fake.policy[1].discard);
	assert_true(fake.policy[1].there);
	expect_nothing();
	assert_int_equal(espnic_fw_poll(&fw), ESPNIC_FW_DRAIN_POLL_MS);

	/* Others are answered meanwhile; the id is taken; a second deletion is one too many. */
	assert_int_equal(run(ESPNIC_OPCODE_POLICY_QUERY, 1).status, ESPNIC_CMD_STATUS_OK);
	assert_int_equal(run(ESPNIC_OPCODE_POLICY_ADD, 1).status, ESPNIC_CMD_STATUS_EXISTS);
	assert_int_equal(run(ESPNIC_OPCODE_POLICY_DEL, 1).status, ESPNIC_CMD_STATUS_BUSY);

	fake.now += 500;
	fake_settle(&fake, &fw);
	expect_nothing();
	fake.tx_busy = false;
	fake_settle(&fake, &fw);
	expect(del, ESPNIC_CMD_STATUS_OK);
	assert_false(fake.policy[1].there);
	assert_int_equal(run(ESPNIC_OPCODE_POLICY_ADD, 1).status, ESPNIC_CMD_STATUS_OK);
}

static void test_batches(void **state)
{
	uint16_t a, b, c;
	uint32_t marks;

	(void)state;
	fake.tx_busy = true;
	marks = fake.marks;
	a = submit_del(4);
	fake_settle(&fake, &fw);
	b = submit_del(3);
	c = submit_del(2);
	fake_settle(&fake, &fw);
	assert_true(fake.policy[3].discard && fake.policy[2].discard);
	assert_int_equal(fake.marks, marks + 1);	/* the second batch has none yet */

	fake.tx_busy = false;
	assert_int_equal(espnic_fw_poll(&fw), ESPNIC_FW_DRAIN_POLL_MS);
	assert_int_equal(fake.marks, marks + 2);
	expect(a, ESPNIC_CMD_STATUS_OK);
	expect_nothing();
	fake_settle(&fake, &fw);
	expect(c, ESPNIC_CMD_STATUS_OK);
	expect(b, ESPNIC_CMD_STATUS_OK);
	assert_int_equal(fw.policy_count, 5);
}

/* The host's queues stand still: answered in time, and still nothing leaves in clear. */
static void test_timeout(void **state)
{
	uint16_t a, b;

	(void)state;
	fake.tx_busy = true;
	a = submit_del(1);
	fake_settle(&fake, &fw);
	b = submit_del(2);
	fake_settle(&fake, &fw);
	fake.now += ESPNIC_FW_DRAIN_MS;
	fake_settle(&fake, &fw);
	expect(a, ESPNIC_CMD_STATUS_TIMEOUT);
	expect_nothing();
	fake.now += ESPNIC_FW_DRAIN_MS;
	fake_settle(&fake, &fw);
	expect(b, ESPNIC_CMD_STATUS_TIMEOUT);
	assert_true(2 * ESPNIC_FW_DRAIN_MS < ESPNIC_CMD_TIMEOUT_MS);
	assert_true(fake.policy[1].there && fake.policy[1].discard);
	assert_int_equal(run(ESPNIC_OPCODE_POLICY_ADD, 1).status, ESPNIC_CMD_STATUS_EXISTS);

	/* Another try. */
	fake.tx_busy = false;
	assert_int_equal(run(ESPNIC_OPCODE_POLICY_DEL, 1).status, ESPNIC_CMD_STATUS_OK);
	assert_false(fake.policy[1].there);
}

static void test_hal_refuses(void **state)
{
	(void)state;
	fake.answer = ESPNIC_CMD_STATUS_BUSY;
	assert_int_equal(run(ESPNIC_OPCODE_POLICY_DEL, 1).status, ESPNIC_CMD_STATUS_BUSY);
	assert_true(fake.policy[1].there);
	assert_int_equal(run(ESPNIC_OPCODE_POLICY_DEL, 1).status, ESPNIC_CMD_STATUS_OK);
}

/* A ring full of deletions that wait, and completions that all find their slot. */
static void test_ring_of_deletions(void **state)
{
	uint16_t first;

	(void)state;
	for (uint32_t id = 9; id <= 16; id++)
		assert_int_equal(run(ESPNIC_OPCODE_POLICY_ADD, id).status, ESPNIC_CMD_STATUS_OK);
	fake.tx_busy = true;
	first = submit_del(1);
	for (uint32_t id = 2; id <= 16; id++)
		submit_del(id);
	fake_settle(&fake, &fw);
	expect_nothing();
	fake.tx_busy = false;
	for (int i = 0; i < 3; i++)
		fake_settle(&fake, &fw);
	for (uint16_t i = 0; i < 16; i++)
		expect(first + i, ESPNIC_CMD_STATUS_OK);
	assert_int_equal(fw.policy_count, 0);
}

/* Fetched is not answered: one more than the ring holds is too many, though all were fetched. */
static void test_more_than_the_ring(void **state)
{
	(void)state;
	fake.tx_busy = true;
	for (uint32_t id = 1; id <= 8; id++)
		submit_del(id);
	for (uint32_t id = 1; id <= 8; id++)
		submit_del(40);
	fake_settle(&fake, &fw);
	assert_int_equal(fw.state, ESPNIC_FW_RUNNING);
	fake.sq_tail += 8;
	submit_del(40);
	fake_settle(&fake, &fw);
	assert_int_equal(fw.state, ESPNIC_FW_FATAL);
	assert_int_equal(fake.reg[ESPNIC_REG_FATAL_CODE / 4], ESPNIC_FATAL_CMD_TAIL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_plain_goes_at_once, setup),
		cmocka_unit_test_setup(test_waits_for_tx, setup),
		cmocka_unit_test_setup(test_batches, setup),
		cmocka_unit_test_setup(test_timeout, setup),
		cmocka_unit_test_setup(test_hal_refuses, setup),
		cmocka_unit_test_setup(test_ring_of_deletions, setup),
		cmocka_unit_test_setup(test_more_than_the_ring, setup),
	};

	return cmocka_run_group_tests_name("fw drain", tests, NULL, NULL);
}
