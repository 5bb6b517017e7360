// SPDX-License-Identifier: BSD-2-Clause
/* SAs of one key and direction: one is live, the others wait; and what is known of deleted ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake_hal.h"

enum { OUT = ESPNIC_CMD_SA_DIR_OUT, IN = ESPNIC_CMD_SA_DIR_IN, OFF_SPI = 4, OFF_KEY = 32 };

static struct fake fake;
static struct espnic_fw fw;

static struct espnic_cmd_entry entry(uint8_t dir, uint32_t handle)
{
	struct espnic_cmd_entry e;
	struct espnic_cmd_sa_add *c = FAKE_BODY(&e, espnic_cmd_sa_add);

	fake_good(&e, ESPNIC_OPCODE_SA_ADD);
	c->handle = handle;
	c->dir = dir;
	if (dir == IN) {
		c->flags &= ~ESPNIC_CMD_SA_ADD_L2;
		memset(c->dst_mac, 0, 12);
	}
	return e;
}

static struct espnic_cmd_sa_add *body(struct espnic_cmd_entry *e)
{
	return FAKE_BODY(e, espnic_cmd_sa_add);
}

/* Adds it; whether it is dormant is what the completion and the hardware agree on. */
static bool add(struct espnic_cmd_entry *e)
{
	struct espnic_cmd_cpl c = fake_run(&fake, &fw, e);

	assert_int_equal(c.status, ESPNIC_CMD_STATUS_OK);
	assert_true(c.value <= 1);
	assert_int_equal(fake.sa[body(e)->handle & ESPNIC_SA_INDEX_MASK].dormant, c.value);
	return c.value;
}

static bool add_plain(uint8_t dir, uint32_t handle)
{
	struct espnic_cmd_entry e = entry(dir, handle);

	return add(&e);
}

static void refused(struct espnic_cmd_entry *e, uint32_t field)
{
	struct espnic_cmd_cpl c = fake_run(&fake, &fw, e);

	assert_int_equal(c.status, ESPNIC_CMD_STATUS_EXISTS);
	assert_int_equal(c.detail, field);
	assert_int_equal(c.value, 0);
}

static uint16_t del(uint32_t handle)
{
	struct espnic_cmd_entry e;

	fake_good(&e, ESPNIC_OPCODE_SA_DEL);
	FAKE_BODY(&e, espnic_cmd_sa)->handle = handle;
	return fake_run(&fake, &fw, &e).status;
}

static bool dormant(uint32_t handle)
{
	const struct espnic_sa_report *rep = fake_mem(&fake, FAKE_RESP);
	struct espnic_cmd_entry e;

	fake_good(&e, ESPNIC_OPCODE_SA_QUERY);
	FAKE_BODY(&e, espnic_cmd_sa)->handle = handle;
	assert_int_equal(fake_run(&fake, &fw, &e).status, ESPNIC_CMD_STATUS_OK);
	assert_int_equal(!!(rep->flags & 8), fake.sa[handle & ESPNIC_SA_INDEX_MASK].dormant);
	return rep->flags & 8;
}

static void expect_awake(uint32_t handle, uint64_t value)
{
	struct espnic_event ev;

	assert_true(fake_take_event(&fake, &ev));
	assert_int_equal(ev.type, ESPNIC_EVENT_TYPE_SA_AWAKE);
	assert_int_equal(ev.handle, handle);
	assert_int_equal(ev.value, value);
}

static void expect_no_event(void)
{
	struct espnic_event ev;

	assert_false(fake_take_event(&fake, &ev));
}

/* Of three the newest takes over, then the other one. */
static void test_newest_is_heir(void **state)
{
	(void)state;
	for (uint8_t dir = IN; dir <= OUT; dir++) {
		fake_boot(&fake, &fw);
		assert_false(add_plain(dir, 1));
		assert_true(add_plain(dir, 2));
		assert_true(add_plain(dir, 3));
		assert_true(dormant(2) && dormant(3) && !dormant(1));
		assert_int_equal(fw.sa_count, 3);
		expect_no_event();
		fake.sa[1].sent = 777;
		assert_int_equal(del(1), 0);
		assert_int_equal(fake.succeeded_from, 1);
		assert_int_equal(fake.succeeded_to, 3);
		expect_awake(3, 777);
		assert_true(dormant(2) && !dormant(3));
		assert_true(add_plain(dir, 4));
		assert_int_equal(del(3), 0);
		expect_awake(4, 777);
		assert_int_equal(del(4), 0);
		expect_awake(2, 777);
		assert_int_equal(del(2), 0);
		expect_no_event();
		assert_int_equal(fw.sa_count, 0);
		for (uint32_t b = 0; b < ESPNIC_FW_ID_BUCKETS; b++)
			assert_int_equal(fw.key_bucket[b] | fw.place_bucket[b], 0);
	}
}

/* A dormant one that goes wakes nobody and leaves the others as they are. */
static void test_dormant_goes_silently(void **state)
{
	(void)state;
	fake_boot(&fake, &fw);
	fake.succeeded_to = 0;
	add_plain(OUT, 1);
	add_plain(OUT, 2);
	add_plain(OUT, 3);
	assert_int_equal(del(3), 0);
	assert_int_equal(del(3), ESPNIC_CMD_STATUS_NOT_FOUND);
	assert_int_equal(fake.succeeded_to, 0);
	expect_no_event();
	assert_true(dormant(2) && !dormant(1));
	assert_int_equal(del(2), 0);
	assert_int_equal(del(1), 0);
	assert_int_equal(fake.succeeded_to, 0);
	expect_no_event();
}

/* The last report of an SA that another takes over from is its own, not the heir's. */
static void test_last_report_of_the_first(void **state)
{
	const struct espnic_sa_report *rep = fake_mem(&fake, FAKE_RESP);
	struct espnic_cmd_entry e;

	(void)state;
	fake_boot(&fake, &fw);
	add_plain(OUT, 1);
	add_plain(OUT, 2);
	fake.sa[1].sent = 500;
	fake_good(&e, ESPNIC_OPCODE_SA_DEL);
	FAKE_BODY(&e, espnic_cmd_sa)->handle = 1;
	e.hdr.resp_addr = FAKE_RESP;
	e.hdr.resp_len = sizeof(*rep);
	assert_int_equal(fake_run(&fake, &fw, &e).resp_len, sizeof(*rep));
	assert_int_equal(rep->packets, 2002);
	assert_int_equal(rep->seq, 500);
	assert_int_equal(rep->flags & 8, 0);
	/* That of one that never woke up says so. */
	add_plain(OUT, 3);
	FAKE_BODY(&e, espnic_cmd_sa)->handle = 3;
	assert_int_equal(fake_run(&fake, &fw, &e).resp_len, sizeof(*rep));
	assert_int_equal(rep->flags & 8, 8);
}

static void test_failed_takeover_changes_nothing(void **state)
{
	(void)state;
	fake_boot(&fake, &fw);
	add_plain(OUT, 1);
	add_plain(OUT, 2);
	fake.answer = ESPNIC_CMD_STATUS_TIMEOUT;
	assert_int_equal(del(1), ESPNIC_CMD_STATUS_TIMEOUT);
	expect_no_event();
	assert_true(dormant(2) && !dormant(1));
	assert_int_equal(del(1), 0);
	expect_awake(2, 100);
}

/* What makes a twin, and what does not: key, salt, their lengths and the direction count, no more. */
static void test_what_is_a_twin(void **state)
{
	struct espnic_cmd_entry e;

	(void)state;
	fake_boot(&fake, &fw);
	add_plain(OUT, 1);
	e = entry(OUT, 2);
	body(&e)->spi = 0x2000;
	body(&e)->reqid = 9;
	body(&e)->icv_len = 8;
	body(&e)->daddr[3] = 99;
	body(&e)->flags &= ~ESPNIC_CMD_SA_ADD_ESN;
	assert_true(add(&e));
	e = entry(OUT, 3);
	body(&e)->salt[3] ^= 1;
	assert_false(add(&e));
	e = entry(OUT, 4);
	body(&e)->enc_key[15] ^= 1;
	assert_false(add(&e));
	e = entry(OUT, 5);
	body(&e)->enc_key_len = 24; /* the same bytes, then zeros: another key */
	assert_false(add(&e));
	/* The same key inbound is the peer's affair. */
	assert_false(add_plain(IN, 6));
	e = entry(IN, 7);
	body(&e)->daddr[3] = 99; /* migrated */
	assert_true(add(&e));
	e = entry(IN, 8);
	body(&e)->spi = 0x2000;
	assert_true(add(&e));
}

static void make_ctr(struct espnic_cmd_sa_add *c, uint8_t auth)
{
	c->enc_alg = ESPNIC_ENC_ALG_AES_CTR;
	c->auth_alg = ESPNIC_AUTH_ALG_HMAC_SHA1_96;
	c->auth_key_len = 20;
	c->icv_len = 12;
	memset(c->auth_key, auth, 20);
}

static void make_null(struct espnic_cmd_sa_add *c, uint8_t auth)
{
	make_ctr(c, auth);
	c->enc_alg = ESPNIC_ENC_ALG_NULL;
	c->enc_key_len = 0;
	c->salt_len = 0;
	memset(c->enc_key, 0, sizeof(c->enc_key));
	memset(c->salt, 0, sizeof(c->salt));
}

/* One key under two transforms is one key stream, whatever authenticates it; NULL has no other key. */
static void test_twins_of_transforms(void **state)
{
	struct espnic_cmd_entry e;

	(void)state;
	fake_boot(&fake, &fw);
	add_plain(OUT, 1);
	e = entry(OUT, 2);
	make_ctr(body(&e), 1);
	assert_true(add(&e));
	e = entry(OUT, 3);
	make_ctr(body(&e), 2);
	assert_true(add(&e));

	e = entry(OUT, 4);
	make_null(body(&e), 1);
	assert_false(add(&e));
	e = entry(OUT, 5);
	make_null(body(&e), 2);
	assert_false(add(&e));
	e = entry(OUT, 6);
	make_null(body(&e), 2);
	assert_true(add(&e));
	/* An encryption key is no authentication key of the same bytes. */
	e = entry(OUT, 7);
	make_null(body(&e), 0);
	body(&e)->auth_alg = ESPNIC_AUTH_ALG_AES_CMAC_96;
	body(&e)->auth_key_len = 16;
	memset(body(&e)->auth_key, 0, sizeof(body(&e)->auth_key));
	memset(body(&e)->auth_key, 7, 16);
	assert_false(add(&e));
	e = entry(OUT, 8);
	body(&e)->enc_alg = ESPNIC_ENC_ALG_AES_CBC;
	body(&e)->auth_alg = ESPNIC_AUTH_ALG_AES_CMAC_96;
	body(&e)->auth_key_len = 16;
	body(&e)->icv_len = 12;
	body(&e)->salt_len = 0;
	memset(body(&e)->salt, 0, sizeof(body(&e)->salt));
	memset(body(&e)->enc_key, 7, 16);
	assert_false(add(&e));
}

/* SPI and destination belong to one key, live or dormant. */
static void test_place_is_taken(void **state)
{
	struct espnic_cmd_entry e, other;

	(void)state;
	fake_boot(&fake, &fw);
	add_plain(IN, 1);
	other = entry(IN, 2);
	body(&other)->enc_key[0] ^= 1;
	refused(&other, 32 + OFF_SPI);
	body(&other)->daddr[3] = 99;
	assert_false(add(&other));

	/* A dormant one holds its place: else it could not wake up. */
	e = entry(IN, 3);
	body(&e)->spi = 0x2000;
	assert_true(add(&e));
	other = entry(IN, 4);
	body(&other)->enc_key[0] ^= 2;
	body(&other)->spi = 0x2000;
	refused(&other, 32 + OFF_SPI);
	assert_int_equal(del(1), 0);
	expect_awake(3, 100);
	refused(&other, 32 + OFF_SPI);
	body(&other)->spi = 0x1000;
	assert_false(add(&other));
	body(&other)->handle = 5;
	body(&other)->spi = 0x2000;
	refused(&other, 32 + OFF_SPI);
	assert_int_equal(del(3), 0);
	assert_true(add(&other));	/* free now; and the twin of 4 */
}

static struct espnic_cmd_entry crypto_entry(uint32_t handle, uint64_t seq)
{
	struct espnic_cmd_entry e = entry(OUT, handle);

	body(&e)->offload = ESPNIC_CMD_SA_OFFLOAD_CRYPTO;
	body(&e)->flags = 0;
	memset(body(&e)->dst_mac, 0, 12);
	memset(&body(&e)->limits, 0xff, sizeof(body(&e)->limits));
	body(&e)->seq = seq;
	return e;
}

/* Host and device cannot count on from each other. */
static void test_other_offload_is_no_twin(void **state)
{
	struct espnic_cmd_entry e;

	(void)state;
	fake_boot(&fake, &fw);
	add_plain(OUT, 1);
	e = crypto_entry(2, 100);
	refused(&e, 32 + (uint32_t)offsetof(struct espnic_cmd_sa_add, enc_key));
	assert_int_equal(del(1), 0);
	assert_false(add(&e));
	e = entry(OUT, 1);
	refused(&e, 32 + (uint32_t)offsetof(struct espnic_cmd_sa_add, enc_key));
}

static uint64_t begins_at(uint32_t handle, uint64_t seq, bool esn)
{
	struct espnic_cmd_entry e = entry(OUT, handle);

	body(&e)->seq = seq;
	if (!esn)
		body(&e)->flags &= ~ESPNIC_CMD_SA_ADD_ESN;
	add(&e);
	return fake.sa[handle].sa.seq;
}

/* A key that comes back goes on where it was, whatever the driver says. */
static void test_deleted_key_is_remembered(void **state)
{
	(void)state;
	fake_boot(&fake, &fw);
	assert_int_equal(begins_at(1, 5, true), 5);
	fake.sa[1].sent = 1000;
	assert_int_equal(del(1), 0);
	assert_int_equal(begins_at(1, 0, true), 1000);
	assert_int_equal(del(1), 0);
	assert_int_equal(begins_at(1, 2000, true), 2000);
	assert_int_equal(del(1), 0);
	assert_int_equal(begins_at(2, 1, true), 2000);
	/* With fewer bits than it had: nothing is left. */
	fake.sa[2].sent = 0x100000005;
	assert_int_equal(del(2), 0);
	assert_int_equal(begins_at(2, 1, false), UINT32_MAX);
	assert_int_equal(del(2), 0);
	assert_int_equal(begins_at(2, 1, true), 0x100000005);
	/* Of a dormant one there is nothing to be remembered. */
	fake.sa[2].sent = 0x200000000;
	begins_at(3, 0xffffffffffff, true);
	assert_int_equal(del(3), 0);
	assert_int_equal(del(2), 0);
	assert_int_equal(begins_at(2, 1, true), 0x200000000);
}

static void refused_as_spent(uint32_t handle, uint64_t seq)
{
	struct espnic_cmd_entry e = crypto_entry(handle, seq);
	struct espnic_cmd_cpl c = fake_run(&fake, &fw, &e);

	assert_int_equal(c.status, ESPNIC_CMD_STATUS_UNSUPPORTED);
	assert_int_equal(c.detail, 32 + offsetof(struct espnic_cmd_sa_add, seq));
}

/* In crypto offload the host would send its numbers again: refused, of either kind it was. */
static void test_host_does_not_begin_again(void **state)
{
	struct espnic_cmd_entry e;

	(void)state;
	fake_boot(&fake, &fw);
	e = crypto_entry(1, 5);
	assert_false(add(&e));
	fake.sa[1].sent = 1000;
	/* A twin may: the host lets nothing of it out that the first has sent. */
	e = crypto_entry(2, 5);
	assert_true(add(&e));
	assert_int_equal(del(2), 0);
	assert_int_equal(del(1), 0);
	refused_as_spent(1, 0);
	refused_as_spent(1, 999);
	assert_int_equal(fw.sa_count, 0);
	e = crypto_entry(1, 1000);
	assert_false(add(&e));
	assert_int_equal(del(1), 0);
	/* Another key may; and the device's own numbers go on above. */
	e = crypto_entry(1, 0);
	body(&e)->salt[0] ^= 1;
	assert_false(add(&e));
	assert_int_equal(begins_at(2, 0, true), 1000);
	fake.sa[2].sent = 2000;
	assert_int_equal(del(2), 0);
	refused_as_spent(2, 1999);
	/* Inbound the peer makes them. */
	assert_false(add_plain(IN, 3));
	/* A reset forgets. */
	fake_boot(&fake, &fw);
	e = crypto_entry(1, 0);
	assert_false(add(&e));
}

static uint64_t life_of_key(uint32_t key, uint64_t seq, uint64_t sent)
{
	struct espnic_cmd_entry e = entry(OUT, 9);
	uint64_t began;

	memcpy(body(&e)->enc_key, &key, sizeof(key));
	body(&e)->seq = seq;
	assert_false(add(&e));
	began = fake.sa[9].sa.seq;
	fake.sa[9].sent = sent;
	assert_int_equal(del(9), 0);
	return began;
}

static void test_oldest_key_is_forgotten(void **state)
{
	(void)state;
	fake_boot(&fake, &fw);
	for (uint32_t key = 0; key < ESPNIC_FW_SPENT; key++)
		assert_int_equal(life_of_key(key, 1, 1000 + key), 1);
	/* All are still known; each that comes again is as new. */
	for (uint32_t key = 0; key < ESPNIC_FW_SPENT; key += 1000)
		assert_int_equal(life_of_key(key, 1, 0), 1000 + key);
	assert_int_equal(life_of_key(1u << 30, 1, 1), 1);
	for (uint32_t key = 0; key < ESPNIC_FW_SPENT; key += 1000)
		assert_int_equal(life_of_key(key, 1, 0), 1000 + key);
	/* Twice as many later, the first ones are gone. */
	for (uint32_t key = 0; key < ESPNIC_FW_SPENT; key++)
		life_of_key(1u << 20 | key, 1, 5);
	assert_int_equal(life_of_key(1, 1, 5), 1);
	assert_int_equal(life_of_key(1000, 1, 5), 1);
}

/* Digests are all that stays of a key. */
static void test_no_key_stays(void **state)
{
	const uint8_t *p = (const uint8_t *)&fw;

	(void)state;
	fake_boot(&fake, &fw);
	add_plain(OUT, 1);
	add_plain(OUT, 2);
	del(1);
	del(2);
	for (size_t i = 0; i + 8 <= sizeof(fw); i++)
		assert_false(!memcmp(p + i, "kEyKeYkE", 8) || !memcmp(p + i, "sAlT", 4));
}

static void test_full_event_ring(void **state)
{
	(void)state;
	fake_boot(&fake, &fw);
	for (uint32_t i = 0; i < 1u << FAKE_EVQ_LOG2; i++) {
		add_plain(OUT, 1 + i % 2);
		add_plain(OUT, 2 - i % 2);
		del(1 + i % 2);
		del(2 - i % 2);
	}
	add_plain(OUT, 1);
	add_plain(OUT, 2);
	assert_int_equal(del(1), 0);
	assert_false(dormant(2));
	assert_int_equal(fake.counter[ESPNIC_COUNTER_EVENTS_LOST], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_newest_is_heir),
		cmocka_unit_test(test_dormant_goes_silently),
		cmocka_unit_test(test_last_report_of_the_first),
		cmocka_unit_test(test_failed_takeover_changes_nothing),
		cmocka_unit_test(test_what_is_a_twin),
		cmocka_unit_test(test_twins_of_transforms),
		cmocka_unit_test(test_place_is_taken),
		cmocka_unit_test(test_other_offload_is_no_twin),
		cmocka_unit_test(test_deleted_key_is_remembered),
		cmocka_unit_test(test_host_does_not_begin_again),
		cmocka_unit_test(test_oldest_key_is_forgotten),
		cmocka_unit_test(test_no_key_stays),
		cmocka_unit_test(test_full_event_ring),
	};

	return cmocka_run_group_tests_name("fw twins", tests, NULL, NULL);
}
