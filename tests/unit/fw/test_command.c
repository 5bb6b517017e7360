// SPDX-License-Identifier: BSD-2-Clause
/* The command ring, and what each lawful command brings to the hardware. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_hal.h"

static struct fake fake;
static struct espnic_fw fw;

static struct espnic_cmd_cpl run_ok(uint16_t opcode)
{
	struct espnic_cmd_entry e;
	struct espnic_cmd_cpl c;

	fake_good(&e, opcode);
	c = fake_run(&fake, &fw, &e);
	assert_int_equal(c.status, ESPNIC_CMD_STATUS_OK);
	assert_int_equal(c.detail, 0);
	return c;
}

static void test_ready(void **state)
{
	(void)state;
	fake_init(&fake);
	fake.reg[ESPNIC_REG_STATUS / 4] = ESPNIC_STATUS_LINK_UP;
	fake_start(&fake, &fw);
	assert_int_equal(fake.reg[ESPNIC_REG_STATUS / 4],
			 ESPNIC_STATUS_LINK_UP | ESPNIC_STATUS_READY | ESPNIC_STATUS_FW_ALIVE);
	assert_int_equal(fake.reg[ESPNIC_REG_FW_VERSION / 4], 0x010000);
	assert_int_equal(fake.zeroized, 1);
	assert_int_equal(fake.kats, 57);	/* 3 packets each: 3 keys by 3 ICVs of AES-GCM, 10 other suites */
	assert_int_equal(fake.irqs, 0);

	fake_boot(&fake, &fw);
	assert_true(fake.reg[ESPNIC_REG_STATUS / 4] & ESPNIC_STATUS_CMD_ENABLED);
}

static void test_simple(void **state)
{
	struct espnic_cmd_cpl c;
	struct espnic_dev_info *info = fake_mem(&fake, FAKE_RESP);
	uint64_t *v = fake_mem(&fake, FAKE_RESP);

	(void)state;
	fake_boot(&fake, &fw);
	c = run_ok(ESPNIC_OPCODE_NOP);
	assert_int_equal(c.resp_len, 0);
	assert_int_equal(c.value, 0);
	assert_int_equal(fake.irqs, 1);

	fake.now += 77;
	c = run_ok(ESPNIC_OPCODE_GET_INFO);
	assert_int_equal(c.resp_len, 128);
	assert_string_equal((char *)info->fw_version, ESPNIC_FW_VERSION_TEXT);
	assert_string_equal((char *)info->engine, "ref");
	assert_string_equal((char *)info->core, "native");
	assert_string_equal((char *)info->wire, "loopback");
	assert_string_equal((char *)info->serial, "42");
	assert_int_equal(info->uptime_ms, 77);
	assert_int_equal(info->sas, 0);

	fake.counter[ESPNIC_COUNTER_TX_FRAMES] = 0x1122334455667788;
	c = run_ok(ESPNIC_OPCODE_GET_STATS);
	assert_int_equal(c.resp_len, 8 * ESPNIC_COUNTER_COUNT);
	assert_int_equal(v[ESPNIC_COUNTER_TX_FRAMES], 0x1122334455667788);
	assert_int_equal(v[ESPNIC_COUNTER_CMD_DONE], 2);

	run_ok(ESPNIC_OPCODE_SELF_TEST);
	assert_int_equal(fake.kats, 114);
}

static void test_response_is_cut(void **state)
{
	struct espnic_cmd_entry e;
	struct espnic_cmd_cpl c;
	uint8_t *resp = fake_mem(&fake, FAKE_RESP);

	(void)state;
	fake_boot(&fake, &fw);
	memset(resp, 0xee, 256);
	fake_good(&e, ESPNIC_OPCODE_GET_INFO);
	e.hdr.resp_len = 5;
	c = fake_run(&fake, &fw, &e);
	assert_int_equal(c.status, ESPNIC_CMD_STATUS_OK);
	assert_int_equal(c.resp_len, 5);
	assert_memory_equal(resp, "1.0.0\xee", 6);

	/* No room at all: lawful, and the address is not looked at. */
	e.hdr.resp_len = 0;
	e.hdr.resp_addr = 1;
	c = fake_run(&fake, &fw, &e);
	assert_int_equal(c.status, ESPNIC_CMD_STATUS_OK);
	assert_int_equal(c.resp_len, 0);
}

static void test_body_may_be_longer(void **state)
{
	struct espnic_cmd_entry e;

	(void)state;
	fake_boot(&fake, &fw);
	fake_good(&e, ESPNIC_OPCODE_PORT_SET);
	e.hdr.len = 480;
	e.body[479] = 0xff;
	assert_int_equal(fake_run(&fake, &fw, &e).status, ESPNIC_CMD_STATUS_OK);
}

static void test_queue(void **state)
{
	struct espnic_cmd_entry e;
	struct espnic_cmd_cpl c;
	uint64_t *v = fake_mem(&fake, FAKE_RESP);

	(void)state;
	fake_boot(&fake, &fw);
	fake_good(&e, ESPNIC_OPCODE_QUEUE_CREATE);
	assert_int_equal(fake_run(&fake, &fw, &e).status, ESPNIC_CMD_STATUS_NOT_COMMITTED);
	assert_int_equal(fake.running, 0);
	run_ok(ESPNIC_OPCODE_SPD_COMMIT);
	assert_true(fake.reg[ESPNIC_REG_STATUS / 4] & ESPNIC_STATUS_SPD_COMMITTED);

	fake.answer = ESPNIC_CMD_STATUS_DMA_ERROR;
	assert_int_equal(fake_run(&fake, &fw, &e).status, ESPNIC_CMD_STATUS_DMA_ERROR);
	run_ok(ESPNIC_OPCODE_QUEUE_CREATE);
	assert_int_equal(fake.running, 1 << 2);
	assert_int_equal(fake.queue[2].tx_log2, 8);
	assert_int_equal(fake.queue[2].rx_log2, 6);
	assert_int_equal(fake.queue[2].vector, 3);
	assert_int_equal(fake.queue[2].tx_addr, 0x10000);
	assert_int_equal(fake.queue[2].tx_cpl_addr, 0x20000);
	assert_int_equal(fake.queue[2].rx_addr, 0x30000);
	assert_int_equal(fake.queue[2].rx_cpl_addr, 0x40000);
	assert_int_equal(fake.queue[2].ctrl_addr, 0x50080);

	run_ok(ESPNIC_OPCODE_QUEUE_MODERATION);
	assert_int_equal(fake.moderation.queue, 2);
	assert_int_equal(fake.moderation.tx_usecs, 10000);
	assert_int_equal(fake.moderation.tx_frames, 16);
	assert_int_equal(fake.moderation.rx_usecs, 50);
	assert_int_equal(fake.moderation.rx_frames, 32);

	c = run_ok(ESPNIC_OPCODE_QUEUE_STATS);
	assert_int_equal(c.resp_len, 8 * ESPNIC_QUEUE_COUNTER_COUNT);
	assert_int_equal(v[9], 209);

	/* The hardware still touches its memory: the queue stays. */
	fake.answer = ESPNIC_CMD_STATUS_TIMEOUT;
	fake_good(&e, ESPNIC_OPCODE_QUEUE_DESTROY);
	assert_int_equal(fake_run(&fake, &fw, &e).status, ESPNIC_CMD_STATUS_TIMEOUT);
	run_ok(ESPNIC_OPCODE_QUEUE_DESTROY);
	assert_int_equal(fake.running, 0);
	run_ok(ESPNIC_OPCODE_QUEUE_CREATE);
}

static void test_port(void **state)
{
	(void)state;
	fake_boot(&fake, &fw);
	run_ok(ESPNIC_OPCODE_PORT_SET);
	assert_true(fake.port.enable);
	assert_false(fake.port.promisc);
	assert_int_equal(fake.port.mtu, 1500);
	assert_memory_equal(fake.port.mac, "\x02\0\0\0\0\x01", 6);
	run_ok(ESPNIC_OPCODE_RSS_SET);
	assert_true(fake.rss.l3 && fake.rss.l4);
	assert_int_equal(fake.rss.table[127], 3);
	assert_int_equal(fake.rss.key[39], 0x6d);
}

static void test_sa(void **state)
{
	struct espnic_sa_report *rep = fake_mem(&fake, FAKE_RESP);
	struct espnic_cmd_entry e;
	struct espnic_cmd_cpl c;
	const struct fake_sa *s = &fake.sa[1];

	(void)state;
	fake_boot(&fake, &fw);
	fake_good(&e, ESPNIC_OPCODE_SA_ADD);
	fake.answer = ESPNIC_CMD_STATUS_ENGINE;
	fake.verdict = ESPNIC_IPSEC_STATUS_BAD_SA;
	c = fake_run(&fake, &fw, &e);
	assert_int_equal(c.status, ESPNIC_CMD_STATUS_ENGINE);
	assert_int_equal(c.detail, ESPNIC_IPSEC_STATUS_BAD_SA);

	run_ok(ESPNIC_OPCODE_SA_ADD);
	assert_int_equal(fw.sa_count, 1);
	assert_int_equal(s->sa.handle, 7 << 20 | 1);
	assert_int_equal(s->sa.spi, 0x1000);
	assert_int_equal(s->sa.reqid, 5);
	assert_int_equal(s->sa.dir, ESPNIC_CMD_SA_DIR_OUT);
	assert_int_equal(s->sa.mode, ESPNIC_CMD_SA_MODE_TUNNEL);
	assert_memory_equal(s->key, "kEyKeYkEyKeY-123", 16);
	assert_memory_equal(s->salt, "sAlT", 4);
	assert_true(s->sa.esn && s->sa.ecn && s->sa.has_l2 && s->sa.has_sel);
	assert_false(s->sa.udp_encap || s->sa.dscp_copy);
	assert_int_equal(s->sa.dscp, 46);
	assert_int_equal(s->sa.ttl, 64);
	assert_int_equal(s->sa.df, ESPNIC_TUNNEL_DF_SET);
	assert_int_equal(s->sa.mtu, 1500);
	assert_int_equal(s->sa.seq, 100);
	assert_int_equal(s->sa.sel.family, 6);
	assert_int_equal(s->sa.sel.src_plen, 64);
	assert_int_equal(s->sa.sel.proto, 17);
	assert_int_equal(s->sa.sel.sport_max, 65535);
	assert_int_equal(s->sa.sel.dport_min, 4000);
	assert_int_equal(s->sa.limits.hard_packets, 2000);
	assert_int_equal(s->sa.dst_mac[5], 2);
	assert_int_equal(s->sa.src_mac[5], 1);

	run_ok(ESPNIC_OPCODE_SA_UPDATE);
	assert_int_equal(s->last_update.what,
			 ESPNIC_HAL_SA_L2 | ESPNIC_HAL_SA_DYING | ESPNIC_HAL_SA_LIMITS);
	assert_int_equal(s->last_update.dst_mac[5], 3);
	assert_int_equal(s->last_update.limits.hard_bytes, 4);

	fake_good(&e, ESPNIC_OPCODE_SA_UPDATE);
	FAKE_BODY(&e, espnic_cmd_sa_update)->flags = ESPNIC_CMD_SA_UPDATE_ALIVE;
	assert_int_equal(fake_run(&fake, &fw, &e).status, ESPNIC_CMD_STATUS_OK);
	assert_int_equal(s->last_update.what, ESPNIC_HAL_SA_ALIVE);

	c = run_ok(ESPNIC_OPCODE_SA_QUERY);
	assert_int_equal(c.resp_len, 128);
	assert_int_equal(rep->packets, 1);
	assert_int_equal(rep->seq, 100);
	assert_int_equal(rep->dropped, 6);
	assert_int_equal(rep->replay_window, 7);
	assert_int_equal(rep->flags, 5);

	run_ok(ESPNIC_OPCODE_SA_DEL);
	assert_int_equal(fw.sa_count, 0);
	for (uint32_t b = 0; b < ESPNIC_FW_ID_BUCKETS; b++)
		assert_int_equal(fw.key_bucket[b] | fw.place_bucket[b], 0);
	fake_good(&e, ESPNIC_OPCODE_SA_DEL);
	assert_int_equal(fake_run(&fake, &fw, &e).status, ESPNIC_CMD_STATUS_NOT_FOUND);
}

/* What the SA did last comes with its deletion, if it is wanted; what can't be written is lost. */
static void test_last_report(void **state)
{
	struct espnic_sa_report *rep = fake_mem(&fake, FAKE_RESP);
	struct espnic_cmd_entry e;
	struct espnic_cmd_cpl c;

	(void)state;
	fake_boot(&fake, &fw);
	for (uint32_t len = 0; len <= sizeof(*rep) + 8; len += 8) {
		run_ok(ESPNIC_OPCODE_SA_ADD);
		memset(rep, 0xa5, sizeof(*rep));
		fake.sa[1].sent = 100 + len;
		fake_good(&e, ESPNIC_OPCODE_SA_DEL);
		e.hdr.resp_addr = FAKE_RESP;
		e.hdr.resp_len = len;
		c = fake_run(&fake, &fw, &e);
		assert_int_equal(c.status, ESPNIC_CMD_STATUS_OK);
		assert_int_equal(c.resp_len, len < sizeof(*rep) ? len : sizeof(*rep));
		assert_int_equal(fw.sa_count, 0);
		assert_int_equal(rep->packets, len ? 1001 : 0xa5a5a5a5a5a5a5a5);
		if (len == sizeof(*rep)) {
			assert_int_equal(rep->seq, 100 + len);
			assert_int_equal(rep->replay, 5);
			assert_int_equal(rep->flags, 5);
		}
	}
	run_ok(ESPNIC_OPCODE_SA_ADD);
	fake.bad_from = FAKE_RESP;
	fake.bad_to = FAKE_RESP + sizeof(*rep);
	fake.bad_how = ESPNIC_HAL_DMA_FAULT;
	c = fake_run(&fake, &fw, &e);
	assert_int_equal(c.status, ESPNIC_CMD_STATUS_OK);
	assert_int_equal(c.detail | c.resp_len, 0);
	assert_int_equal(fw.sa_count, 0);
}

static void test_no_last_report_without_the_capability(void **state)
{
	struct espnic_sa_report *rep = fake_mem(&fake, FAKE_RESP);
	struct espnic_cmd_entry e;
	struct espnic_cmd_cpl c;

	(void)state;
	fake_boot(&fake, &fw);
	fw.caps.ipsec &= ~ESPNIC_CAP_IPSEC_LAST_REPORT;
	run_ok(ESPNIC_OPCODE_SA_ADD);
	memset(rep, 0xa5, sizeof(*rep));
	fake_good(&e, ESPNIC_OPCODE_SA_DEL);
	e.hdr.resp_addr = FAKE_RESP;
	e.hdr.resp_len = sizeof(*rep);
	c = fake_run(&fake, &fw, &e);
	assert_int_equal(c.status, ESPNIC_CMD_STATUS_OK);
	assert_int_equal(c.resp_len, 0);
	assert_int_equal(fw.sa_count, 0);
	assert_int_equal(rep->packets, 0xa5a5a5a5a5a5a5a5);
}

static void test_policy(void **state)
{
	struct espnic_policy_report *rep = fake_mem(&fake, FAKE_RESP);
	const struct espnic_hal_policy *p = &fake.policy[3].p;
	struct espnic_cmd_cpl c;

	(void)state;
	fake_boot(&fake, &fw);
	run_ok(ESPNIC_OPCODE_POLICY_ADD);
	assert_int_equal(p->priority, 1000);
	assert_int_equal(p->dir, ESPNIC_CMD_POLICY_DIR_OUT);
	assert_int_equal(p->action, ESPNIC_CMD_POLICY_ACTION_PROTECT);
	assert_int_equal(p->tmpl_mode, ESPNIC_CMD_SA_MODE_TUNNEL);
	assert_int_equal(p->tmpl_proto, 50);
	assert_int_equal(p->tmpl_family, 4);
	assert_int_equal(p->tmpl_reqid, 5);
	assert_int_equal(p->tmpl_spi, 0x1000);
	assert_int_equal(p->tmpl_daddr[3], 2);
	assert_int_equal(p->sel.dst_plen, 8);
	c = run_ok(ESPNIC_OPCODE_POLICY_QUERY);
	assert_int_equal(c.resp_len, 32);
	assert_int_equal(rep->packets, 10);
	assert_int_equal(rep->bytes, 20);
	assert_int_equal(rep->no_sa, 30);
	assert_int_equal(fw.policy_count, 1);
	run_ok(ESPNIC_OPCODE_POLICY_DEL);
	assert_int_equal(fw.policy_count, 0);
	assert_false(fake.policy[3].there);
}

static void test_every_opcode_number(void **state)
{
	struct espnic_cmd_entry e;

	(void)state;
	fake_boot(&fake, &fw);
	run_ok(ESPNIC_OPCODE_SPD_COMMIT);
	for (uint32_t op = 0; op <= UINT16_MAX; op += op < 0x100 ? 1 : 0xff) {
		bool known = op <= 3 || (op >= 0x10 && op <= 0x13) || op == 0x20 || op == 0x21 ||
			     (op >= 0x30 && op <= 0x34) || (op >= 0x40 && op <= 0x43);
		struct espnic_cmd_cpl c;

		fake_good(&e, (uint16_t)op);
		c = fake_run(&fake, &fw, &e);
		if ((c.status != ESPNIC_CMD_STATUS_BAD_OPCODE) != known)
			fail_msg("opcode 0x%x: status %u", op, c.status);
	}
}

/* Rings wrap, phases alternate, each entry is read once. */
static void test_rings_wrap(void **state)
{
	struct espnic_cmd_entry e;
	uint32_t irqs;

	(void)state;
	fake_boot(&fake, &fw);
	irqs = fake.irqs;
	fake_good(&e, ESPNIC_OPCODE_NOP);
	for (int i = 0; i < 100; i++)
		assert_int_equal(fake_run(&fake, &fw, &e).status, ESPNIC_CMD_STATUS_OK);
	assert_int_equal(fake.reads, 100);
	assert_int_equal(fake.irqs - irqs, 100);

	/* Near the end of the indices' range. */
	fw.sq_head = fw.cq_tail = fake.sq_tail = fake.cq_head = UINT32_MAX - 7;
	fake.reg[ESPNIC_REG_CMD_DOORBELL / 4] = fake.sq_tail;
	memset(fake_mem(&fake, FAKE_CQ), 0, 16 * sizeof(struct espnic_cmd_cpl));
	for (int i = 0; i < 40; i++)
		assert_int_equal(fake_run(&fake, &fw, &e).status, ESPNIC_CMD_STATUS_OK);
}

static void test_full_ring_in_one_go(void **state)
{
	struct espnic_cmd_entry e;
	struct espnic_cmd_cpl c;
	uint16_t first;

	(void)state;
	fake_boot(&fake, &fw);
	for (int round = 0; round < 3; round++) {
		fake_good(&e, ESPNIC_OPCODE_NOP);
		first = fake_submit(&fake, &e);
		for (int i = 1; i < 1 << FAKE_CMD_LOG2; i++)
			fake_submit(&fake, &e);
		fake_settle(&fake, &fw);
		for (int i = 0; i < 1 << FAKE_CMD_LOG2; i++) {
			assert_true(fake_take(&fake, &c));
			assert_int_equal(c.id, first + i);
		}
		assert_false(fake_take(&fake, &c));
	}
}

static void test_largest_ring(void **state)
{
	uint32_t cfg = ESPNIC_CMD_LOG2_MAX | ESPNIC_EVQ_LOG2_MAX << ESPNIC_CMD_CFG_EVQ_LOG2_SHIFT;

	(void)state;
	fake_init(&fake);
	fake_start(&fake, &fw);
	fake_rings(&fake);
	fake.reg[ESPNIC_REG_CMD_CFG / 4] = cfg;
	fake_settle(&fake, &fw);
	assert_int_equal(fw.cmd_size, 1024);
	assert_int_equal(fw.evq_size, 4096);
	assert_int_equal(fw.state, ESPNIC_FW_RUNNING);
}

/* The register file lets none of these through; if it did, the firmware would not use them. */
static void test_bad_ring_setup(void **state)
{
	static const struct {
		uint32_t reg, value;
	} rows[] = {
		{ ESPNIC_REG_CMD_CFG, FAKE_EVQ_LOG2 << 8 | 3 },
		{ ESPNIC_REG_CMD_CFG, FAKE_EVQ_LOG2 << 8 | 11 },
		{ ESPNIC_REG_CMD_CFG, 5 << 8 | FAKE_CMD_LOG2 },
		{ ESPNIC_REG_CMD_CFG, 13 << 8 | FAKE_CMD_LOG2 },
		{ ESPNIC_REG_CMD_CFG, 0xffff },
		{ ESPNIC_REG_CMD_SQ_LO, 0x800 },
		{ ESPNIC_REG_CMD_CQ_LO, 0x001 },
		{ ESPNIC_REG_EVQ_LO, 0x080 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fake_init(&fake);
		fake_start(&fake, &fw);
		fake_rings(&fake);
		fake.reg[rows[i].reg / 4] = rows[i].value;
		fake_settle(&fake, &fw);
		assert_int_equal(fw.state, ESPNIC_FW_FATAL);
		assert_int_equal(fake.reg[ESPNIC_REG_FATAL_CODE / 4], ESPNIC_FATAL_INTERNAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ready),
		cmocka_unit_test(test_simple),
		cmocka_unit_test(test_response_is_cut),
		cmocka_unit_test(test_body_may_be_longer),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_port),
		cmocka_unit_test(test_sa),
		cmocka_unit_test(test_last_report),
		cmocka_unit_test(test_no_last_report_without_the_capability),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_every_opcode_number),
		cmocka_unit_test(test_rings_wrap),
		cmocka_unit_test(test_full_ring_in_one_go),
		cmocka_unit_test(test_largest_ring),
		cmocka_unit_test(test_bad_ring_setup),
	};

	return cmocka_run_group_tests_name("fw command", tests, NULL, NULL);
}
