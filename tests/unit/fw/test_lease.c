// SPDX-License-Identifier: BSD-2-Clause
/* Leases: the word in host memory is always ahead of what the hardware may send, or nothing is sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake_hal.h"

#define WORD(n) (FAKE_RESP + 0x1000 + 8 * (uint64_t)(n))

enum { STEP = 65536 };			/* numbers of a lease, as fw/lease.c has it */

static struct fake fake;
static struct espnic_fw fw;

static uint64_t word(uint32_t n)
{
	uint64_t v;

	memcpy(&v, fake_mem(&fake, WORD(n)), sizeof(v));
	return v;
}

static struct fake_sa *sa(uint32_t n)
{
	return &fake.sa[n];
}

/* At every moment: no more may be sent than the word says. */
static void check_word(uint32_t n)
{
	assert_true(sa(n)->lease_end);
	assert_true(sa(n)->lease_end <= word(n));
	assert_true(sa(n)->lease_mark <= sa(n)->lease_end || sa(n)->lease_mark == UINT64_MAX);
}

static uint16_t add(uint32_t n, uint8_t key, uint64_t seq, bool esn)
{
	struct espnic_cmd_entry e;
	struct espnic_cmd_sa_add *c = FAKE_BODY(&e, espnic_cmd_sa_add);

	fake_good(&e, ESPNIC_OPCODE_SA_ADD);
	c->handle = n;
	c->enc_key[0] = key;
	c->seq = seq;
	c->lease_addr = WORD(n);
	if (!esn)
		c->flags &= ~ESPNIC_CMD_SA_ADD_ESN;
	return fake_run(&fake, &fw, &e).status;
}

static uint16_t del(uint32_t handle)
{
	struct espnic_cmd_entry e;

	fake_good(&e, ESPNIC_OPCODE_SA_DEL);
	FAKE_BODY(&e, espnic_cmd_sa)->handle = handle;
	return fake_run(&fake, &fw, &e).status;
}

/* The hardware has sent up to @seq, and says so if that is its mark. */
static void send_up_to(uint32_t n, uint64_t seq)
{
	struct espnic_hal_event ev = { .type = ESPNIC_HAL_EVENT_LEASE, .handle = sa(n)->sa.handle,
				       .value = seq };

	assert_true(seq <= sa(n)->lease_end);
	sa(n)->sent = seq;
	if (seq >= sa(n)->lease_mark)
		fake_raise(&fake, &ev);
	fake_settle(&fake, &fw);
}

static void refuse_word(uint32_t n)
{
	fake.bad_from = WORD(n);
	fake.bad_to = WORD(n) + 8;
	fake.bad_how = ESPNIC_HAL_DMA_FAULT;
}

static void allow_all(void)
{
	fake.bad_from = fake.bad_to = 0;
}

static void no_events(void)
{
	struct espnic_event ev;

	assert_false(fake_take_event(&fake, &ev));
}

static void test_first_lease(void **state)
{
	(void)state;
	fake_boot(&fake, &fw);
	assert_int_equal(add(1, 1, 100, true), 0);
	assert_int_equal(word(1), 100 + STEP);
	assert_int_equal(sa(1)->lease_end, 100 + STEP);
	assert_int_equal(sa(1)->lease_mark, 100 + STEP / 2);
	assert_int_equal(sa(1)->sa.seq, 100);
	/* Without a word there is no lease. */
	fake_boot(&fake, &fw);
	assert_int_equal(add(1, 1, 0, true), 0);
	assert_int_equal(del(1), 0);
	assert_int_equal(word(1), STEP);
}

/* The word cannot be written: there is no SA. */
static void test_no_word_no_sa(void **state)
{
	(void)state;
	fake_boot(&fake, &fw);
	refuse_word(1);
	assert_int_equal(add(1, 1, 0, true), ESPNIC_CMD_STATUS_DMA_ERROR);
	assert_int_equal(sa(1)->sa.handle, 0);
	assert_int_equal(fw.sa_count, 0);
	allow_all();
	assert_int_equal(add(1, 1, 0, true), 0);
}

/* Half of it used: the next one, for as long as it goes; never told to the host. */
static void test_renewed(void **state)
{
	uint64_t seq = 0x0ffff0000;

	(void)state;
	fake_boot(&fake, &fw);
	assert_int_equal(add(1, 1, seq, true), 0);
	for (int i = 0; i < 100; i++) {
		uint64_t before = word(1);

		seq = sa(1)->lease_mark - 1;
		send_up_to(1, seq);
		assert_int_equal(word(1), before);
		seq += 1 + (uint64_t)i;
		send_up_to(1, seq);
		assert_int_equal(word(1), seq + STEP);
		check_word(1);
	}
	assert_int_equal(sa(1)->lease_updates, 100);
	assert_true(word(1) > UINT32_MAX);
	no_events();
}

/* An event that comes late, twice, or for an SA that is none changes nothing. */
static void test_stale_events(void **state)
{
	struct espnic_hal_event ev = { .type = ESPNIC_HAL_EVENT_LEASE, .handle = 1, .value = 5 };

	(void)state;
	fake_boot(&fake, &fw);
	assert_int_equal(add(1, 1, 0, true), 0);
	fake_raise(&fake, &ev);
	ev.handle = 2;
	fake_raise(&fake, &ev);
	ev.handle = 1 << 20 | 1;
	ev.value = STEP;
	fake_raise(&fake, &ev);
	ev.handle = 0xffffffff;
	fake_raise(&fake, &ev);
	fake_settle(&fake, &fw);
	assert_int_equal(word(1), STEP);
	assert_int_equal(sa(1)->lease_updates, 0);
	no_events();
}

/* The last number is the end of every lease. */
static void test_last_number(void **state)
{
	static const bool esn[] = { false, true };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		uint64_t last = esn[i] ? UINT64_MAX : UINT32_MAX;

		for (uint64_t left = 0; left < 3; left++) {
			fake_boot(&fake, &fw);
			assert_int_equal(add(1, 1, last - left, esn[i]), 0);
			assert_int_equal(word(1), last);
			assert_int_equal(sa(1)->lease_end, last);
			send_up_to(1, last);
			assert_int_equal(word(1), last);
		}
		fake_boot(&fake, &fw);
		assert_int_equal(add(1, 1, last - STEP - 1, esn[i]), 0);
		assert_int_equal(word(1), last - 1);
		send_up_to(1, last - 1);
		assert_int_equal(word(1), last);
		assert_int_equal(sa(1)->lease_end, last);
		assert_int_equal(sa(1)->lease_mark, UINT64_MAX);
	}
}

/* A word that fails stays as it is, the hardware too, until it can be written; by and by. */
static void test_retried(void **state)
{
	uint32_t polls = 0;

	(void)state;
	fake_boot(&fake, &fw);
	assert_int_equal(add(1, 1, 0, true), 0);
	refuse_word(1);
	send_up_to(1, STEP / 2);
	assert_int_equal(word(1), STEP);
	assert_int_equal(sa(1)->lease_end, STEP);
	send_up_to(1, STEP);
	for (; polls < 50; polls++) {
		fake.now++;
		assert_true(espnic_fw_poll(&fw) <= ESPNIC_FW_LEASE_RETRY_MS);
	}
	assert_int_equal(sa(1)->lease_updates, 0);
	allow_all();
	fake.now += ESPNIC_FW_LEASE_RETRY_MS;
	fake_settle(&fake, &fw);
	assert_int_equal(word(1), 2 * STEP);
	assert_int_equal(sa(1)->lease_end, 2 * STEP);
	assert_int_equal(fw.leases_waiting, 0);
	assert_true(fake.reg[ESPNIC_REG_STATUS / 4] & ESPNIC_STATUS_READY);
	no_events();
}

/* The lower half alone fails: what stands there is not below what stood there. */
static void test_half_written(void **state)
{
	(void)state;
	fake_boot(&fake, &fw);
	assert_int_equal(add(1, 1, 0xfffffff0ull - STEP / 2, true), 0);
	fake.bad_from = WORD(1);
	fake.bad_to = WORD(1) + 4;
	fake.bad_how = ESPNIC_HAL_DMA_FAULT;
	send_up_to(1, sa(1)->lease_end);
	assert_true(word(1) >= sa(1)->lease_end);
	check_word(1);
	allow_all();
	fake.now += ESPNIC_FW_LEASE_RETRY_MS;
	fake_settle(&fake, &fw);
	assert_int_equal(word(1), sa(1)->sent + STEP);
	check_word(1);
}

/* Each of many that wait gets its turn, though some fail for ever. */
static void test_many_wait(void **state)
{
	(void)state;
	fake_boot(&fake, &fw);
	for (uint32_t n = 1; n <= 60; n++)
		assert_int_equal(add(n, (uint8_t)n, 0, true), 0);
	fake.bad_from = WORD(1);
	fake.bad_to = WORD(61);
	fake.bad_how = ESPNIC_HAL_DMA_FAULT;
	for (uint32_t n = 1; n <= 60; n++)
		send_up_to(n, STEP / 2);
	assert_int_equal(fw.leases_waiting, 60);
	assert_int_equal(del(60), 0);
	assert_int_equal(fw.leases_waiting, 59);
	fake.bad_to = WORD(41);
	for (int i = 0; i < 10; i++) {
		fake.now += ESPNIC_FW_LEASE_RETRY_MS;
		fake_settle(&fake, &fw);
	}
	assert_int_equal(fw.leases_waiting, 40);
	for (uint32_t n = 1; n < 60; n++)
		assert_int_equal(word(n), n <= 40 ? STEP : STEP / 2 + STEP);
}

/* The heir's word is ahead of both before it is live. */
static void test_takeover(void **state)
{
	(void)state;
	fake_boot(&fake, &fw);
	assert_int_equal(add(1, 1, 0, true), 0);
	send_up_to(1, 1000);
	assert_int_equal(add(2, 1, 7, true), 0);
	assert_true(sa(2)->dormant);
	assert_int_equal(word(2), 1000 + STEP);
	for (uint64_t seq = STEP / 2; seq < 10 * STEP; seq += STEP / 2)
		send_up_to(1, seq);
	assert_int_equal(word(2), 1000 + STEP);
	assert_int_equal(del(1), 0);
	assert_false(sa(2)->dormant);
	assert_int_equal(sa(2)->sent, 9 * STEP + STEP / 2);
	assert_int_equal(word(2), sa(2)->sent + STEP);
	check_word(2);
}

/* If its word cannot be written, the heir sends no more than stands there. */
static void test_takeover_without_word(void **state)
{
	(void)state;
	fake_boot(&fake, &fw);
	assert_int_equal(add(1, 1, 0, true), 0);
	assert_int_equal(add(2, 1, 0, true), 0);
	send_up_to(1, STEP / 2);
	send_up_to(1, STEP);
	refuse_word(2);
	assert_int_equal(del(1), 0);
	assert_int_equal(sa(2)->sent, STEP);
	assert_int_equal(sa(2)->lease_end, STEP);
	allow_all();
	fake.now += ESPNIC_FW_LEASE_RETRY_MS;
	fake_settle(&fake, &fw);
	assert_int_equal(word(2), 2 * STEP);
	check_word(2);
	/* One that waits and goes is waited for no more. */
	refuse_word(2);
	send_up_to(2, 2 * STEP);
	assert_int_equal(fw.leases_waiting, 1);
	assert_int_equal(del(2), 0);
	assert_int_equal(fw.leases_waiting, 0);
}

/* A reset under way: nothing is retried, nothing is fatal. */
static void test_reset(void **state)
{
	(void)state;
	fake_boot(&fake, &fw);
	assert_int_equal(add(1, 1, 0, true), 0);
	refuse_word(1);
	fake.bad_how = ESPNIC_HAL_DMA_RESET;
	send_up_to(1, STEP / 2);
	assert_int_equal(sa(1)->lease_end, STEP);
	assert_int_equal(fake.reg[ESPNIC_REG_FATAL_CODE / 4], 0);
	allow_all();
	fake_start(&fake, &fw);
	assert_int_equal(fw.leases_waiting, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_lease),
		cmocka_unit_test(test_no_word_no_sa),
		cmocka_unit_test(test_renewed),
		cmocka_unit_test(test_stale_events),
		cmocka_unit_test(test_last_number),
		cmocka_unit_test(test_retried),
		cmocka_unit_test(test_half_written),
		cmocka_unit_test(test_many_wait),
		cmocka_unit_test(test_takeover),
		cmocka_unit_test(test_takeover_without_word),
		cmocka_unit_test(test_reset),
	};

	return cmocka_run_group_tests_name("fw leases", tests, NULL, NULL);
}
