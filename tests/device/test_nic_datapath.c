// SPDX-License-Identifier: BSD-2-Clause
/* Frames through the whole device and back: rings, buffers, checksums, segmentation, interrupts. */
#include "nic_common.h"

static struct nic *nic(void **state)
{
	return *state;
}

static struct espnic_drv *drv(void **state)
{
	return nic(state)->drv;
}

/* A frame that is no IP: steering has nothing to say about it. */
static void raw_frame(uint8_t *buf, uint32_t len, uint8_t seed)
{
	memcpy(buf, nic_mac, 6);
	memcpy(buf + 6, nic_peer, 6);
	buf[12] = 0x88;
	buf[13] = 0xb5;
	for (uint32_t i = 14; i < len; i++)
		buf[i] = (uint8_t)(i * 13 + (i >> 8) + seed);
}

static void every_size_comes_back(void **state)
{
	static uint8_t buf[ESPNIC_MAX_FRAME];
	uint32_t longest = ESPNIC_MAX_MTU + 14;

	for (uint32_t len = ESPNIC_MIN_FRAME; len <= longest; len += len < 300 ? 1 : 97) {
		raw_frame(buf, len, (uint8_t)len);
		nic_refill(nic(state), 0, 2048);
		nic_echo(nic(state), 0, buf, len, 1, NULL, NULL);
	}
	raw_frame(buf, longest, 0);
	nic_refill(nic(state), 0, 2048);
	nic_echo(nic(state), 0, buf, longest, 1, NULL, NULL);
	/* With two VLAN tags there is room for 8 bytes more. */
	raw_frame(buf, ESPNIC_MAX_FRAME, 1);
	memcpy(buf + 12, (const uint8_t[]){ 0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 0x88, 0xb5 }, 10);
	nic_refill(nic(state), 0, 2048);
	nic_echo(nic(state), 0, buf, ESPNIC_MAX_FRAME, ESPNIC_MAX_TX_SEGS, NULL, NULL);
}

static void lengths_out_of_range_are_dropped(void **state)
{
	static uint8_t buf[ESPNIC_MAX_FRAME + 100];
	static const uint32_t bad[] = { 1, 13, ESPNIC_MAX_MTU + 15, ESPNIC_MAX_FRAME + 1 };
	struct espnic_drv *d = drv(state);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		raw_frame(buf, sizeof(buf), 0);
		assert_int_equal(espnic_drv_tx_frame(d, 0, buf, bad[i], 1, NULL), 0);
		assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS),
				 1 + ESPNIC_COUNTER_TX_DROP_LENGTH);
	}
	assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_TX_DROP_LENGTH), 4);
	assert_int_equal(espnic_drv_queue_counter(d, 0, ESPNIC_QUEUE_COUNTER_TX_DROPS), 4);
	nic_expect_silence(nic(state), 0);
}

static void many_parts_and_many_buffers(void **state)
{
	static uint8_t buf[ESPNIC_MAX_FRAME];
	struct espnic_drv *d = drv(state);
	struct espnic_rx_cpl cpl;

	/* A queue pair of its own with the smallest buffers. */
	assert_int_equal(espnic_drv_queue_destroy(d, 0), 0);
	assert_int_equal(espnic_drv_queue_create(d, 0, 8, 8, 1), 0);
	for (unsigned int segs = 1; segs <= ESPNIC_MAX_TX_SEGS; segs++) {
		uint32_t len = 300 * segs;

		if (len > ESPNIC_MAX_MTU)
			len = ESPNIC_MAX_MTU;
		raw_frame(buf, len, (uint8_t)segs);
		nic_refill(nic(state), 0, ESPNIC_MIN_RX_BUF);
		nic_echo(nic(state), 0, buf, len, segs, NULL, &cpl);
		assert_int_equal(cpl.buffers, (len + ESPNIC_MIN_RX_BUF - 1) / ESPNIC_MIN_RX_BUF);
		assert_int_equal(cpl.frame_len, len);
	}
}

static void checksums_are_filled_and_judged(void **state)
{
	static uint8_t buf[ESPNIC_MAX_FRAME], want[ESPNIC_MAX_FRAME], got[ESPNIC_MAX_FRAME];
	struct espnic_drv *d = drv(state);

	for (unsigned int i = 0; i < 24; i++) {
		struct nic_flow f = {
			.vlans = i % 3,
			.v6 = i & 1,
			.tcp = i & 2,
			.sport = 1000,
			.dport = 2000,
			.payload = i * 60 + 1,
			.seed = (uint8_t)i,
		};
		struct nic_layout at = nic_build(want, &f);
		struct espnic_tx_desc t = {
			.flags = ESPNIC_TX_DESC_CSUM,
			.csum_start = (uint16_t)at.l4,
			.csum_offset = f.tcp ? 16 : 6,
		};
		uint32_t sum = nic_pseudo(want + at.l3, f.tcp ? 6 : 17, at.len - at.l4);
		struct espnic_rx_cpl cpl;

		memcpy(buf, want, at.len);
		buf[at.l4 + t.csum_offset] = (uint8_t)(sum >> 8);
		buf[at.l4 + t.csum_offset + 1] = (uint8_t)sum;
		nic_refill(nic(state), 0, 2048);
		assert_int_equal(espnic_drv_tx_frame(d, 0, buf, at.len, 1 + i % 3, &t), 0);
		assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 0);
		assert_int_equal(espnic_drv_rx_frame(d, 0, got, sizeof(got), &cpl, NIC_WAIT_MS),
				 at.len);
		assert_memory_equal(got, want, at.len);
		assert_true(cpl.flags & ESPNIC_RX_CPL_L4_GOOD);
		assert_true(cpl.flags & ESPNIC_RX_CPL_HASH_L4);

		/* One byte wrong: delivered, and said so. */
		want[at.payload] ^= 1;
		assert_int_equal(espnic_drv_tx_frame(d, 0, want, at.len, 1, NULL), 0);
		assert_true(espnic_drv_rx_frame(d, 0, got, sizeof(got), &cpl, NIC_WAIT_MS) > 0);
		assert_true(cpl.flags & ESPNIC_RX_CPL_L4_BAD);
		assert_false(cpl.flags & ESPNIC_RX_CPL_L4_GOOD);
		assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 0);
	}
	assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_TX_CSUM), 24);
	assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_RX_CSUM_GOOD), 24);
	assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_RX_CSUM_BAD), 24);
}

static void segments_add_up(void **state)
{
	static uint8_t big[ESPNIC_MAX_TSO_LEN + 64], got[ESPNIC_MAX_FRAME];
	static const struct {
		unsigned int vlans;
		bool v6;
		uint32_t payload, mss;
	} cases[] = {
		{ 0, false, 65000, 1448 }, { 0, true, 65000, 1428 }, { 1, false, 20000, 536 },
		{ 2, true, 30000, 8000 },  { 0, false, 1448, 1448 }, { 0, false, 1449, 1448 },
		{ 0, true, 100, 1448 },    { 0, false, 3000, 9000 },
	};
	struct espnic_drv *d = drv(state);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nic_flow f = {
			.vlans = cases[i].vlans,
			.v6 = cases[i].v6,
			.tcp = true,
			.sport = 5,
			.dport = 6,
			.payload = cases[i].payload,
			.tcp_flags = 0x19,
		};
		struct nic_layout at = nic_build(big, &f);
		struct espnic_tx_desc t = {
			.flags = ESPNIC_TX_DESC_TSO,
			.mss = (uint16_t)cases[i].mss,
			.hdr_len = (uint16_t)at.payload,
		};
		uint32_t done = 0;

		nic_refill(nic(state), 0, 2048);
		assert_int_equal(espnic_drv_tx_frame(d, 0, big, at.len, 17, &t), 0);
		while (done < f.payload) {
			struct espnic_rx_cpl cpl;
			uint32_t n = f.payload - done < t.mss ? f.payload - done : t.mss;
			int len = espnic_drv_rx_frame(d, 0, got, sizeof(got), &cpl, NIC_WAIT_MS);

			assert_int_equal(len, at.payload + n);
			assert_true(nic_frame_ok(got, (uint32_t)len));
			assert_true(cpl.flags & ESPNIC_RX_CPL_L4_GOOD);
			assert_memory_equal(got + at.payload, big + at.payload + done, n);
			assert_int_equal(got[at.l4 + 13], done + n < f.payload ? 0x10 : 0x19);
			done += n;
			nic_refill(nic(state), 0, 2048);
		}
		assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 0);
	}
	assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_TX_TSO_PACKETS), 8);
}

static void rings_wrap_many_times(void **state)
{
	struct espnic_drv *d = drv(state);
	uint8_t buf[200];

	assert_int_equal(espnic_drv_queue_destroy(d, 0), 0);
	assert_int_equal(espnic_drv_queue_create(d, 0, 6, 6, 1), 0);
	for (unsigned int i = 0; i < 64 * 5 + 7; i++) {
		uint32_t len = 60 + i % 100;

		raw_frame(buf, len, (uint8_t)i);
		nic_refill(nic(state), 0, 256);
		nic_echo(nic(state), 0, buf, len, 1 + i % 3, NULL, NULL);
	}
	/* And full rings at a time. */
	for (unsigned int lap = 0; lap < 8; lap++) {
		nic_refill(nic(state), 0, 256);
		for (unsigned int i = 0; i < 64; i++) {
			raw_frame(buf, 100, (uint8_t)(lap + i));
			assert_int_equal(espnic_drv_tx_frame(d, 0, buf, 100, 1, NULL), 0);
		}
		assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 0);
		for (unsigned int i = 0; i < 64; i++) {
			uint8_t got[256];

			raw_frame(buf, 100, (uint8_t)(lap + i));
			assert_int_equal(
				espnic_drv_rx_frame(d, 0, got, sizeof(got), NULL, NIC_WAIT_MS),
				100);
			assert_memory_equal(got, buf, 100);
		}
	}
}

static void doorbells_are_left_out_while_busy(void **state)
{
	struct espnic_drv *d = drv(state);
	struct espnic_tx_desc desc[128];
	uint64_t iova;
	uint8_t *p = espnic_drv_alloc(d, 2048, 64, &iova);
	uint32_t posts = 0, before = d->q[0].tx_doorbells;

	raw_frame(p, 1000, 0);
	for (unsigned int i = 0; i < 128; i++)
		desc[i] = (struct espnic_tx_desc){
			.addr = iova,
			.len = 1000,
			.flags = ESPNIC_TX_DESC_SOP | ESPNIC_TX_DESC_EOP,
		};
	/* Enough at a time to keep the worker busy until the next post. */
	for (unsigned int i = 0; i < 500; i++) {
		while (espnic_drv_tx(d, 0, desc, 64))
			assert_true(espnic_drv_tx_cpl(d, 0, &(struct espnic_tx_cpl){ 0 },
						      NIC_WAIT_MS) == 0);
		posts++;
	}
	assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 0);
	assert_true(d->q[0].tx_doorbells - before < posts);
	assert_int_equal(espnic_drv_queue_counter(d, 0, ESPNIC_QUEUE_COUNTER_TX_DOORBELLS),
			 d->q[0].tx_doorbells);
	assert_int_equal(espnic_drv_queue_counter(d, 0, ESPNIC_QUEUE_COUNTER_TX_PACKETS),
			 posts * 64);
}

/* Between one packet and the next the ring is empty: the device looks again before it asks for a doorbell. */
static void doorbells_are_left_out_while_packets_come(void **state)
{
	enum { PACKETS = 1000, DOORBELLS_MAX = PACKETS / 4 };
	struct espnic_drv *d = drv(state);
	uint32_t before = d->q[0].tx_doorbells;
	uint8_t buf[100];

	raw_frame(buf, sizeof(buf), 3);
	for (unsigned int i = 0; i < PACKETS; i++) {
		assert_int_equal(espnic_drv_tx_frame(d, 0, buf, sizeof(buf), 1, NULL), 0);
		assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 0);
	}
	print_message("# %u packets one by one, %u doorbells\n", PACKETS, d->q[0].tx_doorbells - before);
	assert_true(d->q[0].tx_doorbells - before < DOORBELLS_MAX);
}

/* Until no interrupt comes any more: TX and RX share a vector, and each may still have one under way. */
static void let_interrupts_end(struct espnic_drv *d)
{
	while (espnic_drv_irq_wait(d, 1, NIC_NOTHING_MS) > 0)
		;
}

static void interrupts_come_when_armed(void **state)
{
	struct espnic_drv *d = drv(state);
	uint8_t buf[100];

	raw_frame(buf, sizeof(buf), 0);
	/*
	 * Armed for completion 0 from the start (zeroed control block): one interrupt for the
	 * first.
	 */
	nic_echo(nic(state), 0, buf, sizeof(buf), 1, NULL, NULL);
	assert_true(espnic_drv_irq_wait(d, 1, NIC_WAIT_MS) > 0);
	let_interrupts_end(d);
	/* Not armed again: silence. */
	nic_echo(nic(state), 0, buf, sizeof(buf), 1, NULL, NULL);
	assert_int_equal(espnic_drv_irq_wait(d, 1, NIC_NOTHING_MS), 0);
	espnic_drv_arm(d, 0);
	nic_echo(nic(state), 0, buf, sizeof(buf), 1, NULL, NULL);
	assert_true(espnic_drv_irq_wait(d, 1, NIC_WAIT_MS) > 0);
	assert_int_equal(espnic_drv_queue_counter(d, 0, ESPNIC_QUEUE_COUNTER_TX_INTERRUPTS), 2);
	assert_int_equal(espnic_drv_queue_counter(d, 0, ESPNIC_QUEUE_COUNTER_RX_INTERRUPTS), 2);
}

static void moderation_holds_interrupts_back(void **state)
{
	struct espnic_cmd_queue_moderation m = {
		.queue = 0, .rx_usecs = 10000, .rx_frames = 4, .tx_usecs = 10000
	};
	struct espnic_drv *d = drv(state);
	uint64_t rx, start;
	uint8_t buf[100];

	raw_frame(buf, sizeof(buf), 0);
	nic_echo(nic(state), 0, buf, sizeof(buf), 1, NULL, NULL);
	let_interrupts_end(d);
	rx = espnic_drv_queue_counter(d, 0, ESPNIC_QUEUE_COUNTER_RX_INTERRUPTS);
	assert_int_equal(
		espnic_drv_cmd(d, ESPNIC_OPCODE_QUEUE_MODERATION, &m, sizeof(m), NULL, 0, NULL), 0);

	/* By time: one frame waits for its 10 ms. */
	d->q[0].ctrl->rx_arm = d->q[0].rx_cpl_head;
	start = espnic_now_ms();
	nic_echo(nic(state), 0, buf, sizeof(buf), 1, NULL, NULL);
	assert_true(espnic_drv_irq_wait(d, 1, NIC_WAIT_MS) > 0);
	assert_true(espnic_now_ms() - start >= 8);
	assert_int_equal(espnic_drv_queue_counter(d, 0, ESPNIC_QUEUE_COUNTER_RX_INTERRUPTS),
			 rx + 1);

	/* By count: the fourth one does not wait; nothing before it. */
	m.rx_usecs = 0;
	assert_int_equal(
		espnic_drv_cmd(d, ESPNIC_OPCODE_QUEUE_MODERATION, &m, sizeof(m), NULL, 0, NULL), 0);
	d->q[0].ctrl->rx_arm = d->q[0].rx_cpl_head;
	for (unsigned int i = 0; i < 4; i++)
		nic_echo(nic(state), 0, buf, sizeof(buf), 1, NULL, NULL);
	assert_true(espnic_drv_irq_wait(d, 1, NIC_WAIT_MS) > 0);
	assert_int_equal(espnic_drv_queue_counter(d, 0, ESPNIC_QUEUE_COUNTER_RX_INTERRUPTS),
			 rx + 2);

	m.rx_usecs = 10001;
	assert_int_equal(
		espnic_drv_cmd(d, ESPNIC_OPCODE_QUEUE_MODERATION, &m, sizeof(m), NULL, 0, NULL),
		ESPNIC_CMD_STATUS_BAD_FIELD);
}

static void no_buffers_no_frames(void **state)
{
	struct espnic_drv *d = drv(state);
	uint8_t buf[ESPNIC_MAX_FRAME], got[ESPNIC_MAX_FRAME];

	assert_int_equal(espnic_drv_queue_destroy(d, 0), 0);
	assert_int_equal(espnic_drv_queue_create(d, 0, 6, 6, 1), 0);
	raw_frame(buf, 1000, 0);
	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(espnic_drv_tx_frame(d, 0, buf, 1000, 1, NULL), 0);
	assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 0);
	for (unsigned int i = 0; espnic_drv_counter(d, ESPNIC_COUNTER_RX_DROP_NO_BUFFER) < 10; i++)
		assert_true(i < 1000);
	assert_int_equal(espnic_drv_queue_counter(d, 0, ESPNIC_QUEUE_COUNTER_RX_DROPS), 10);
	/* Too few for one frame: all or nothing; the few serve the next one. */
	assert_int_equal(espnic_drv_rx_fill(d, 0, 3, 256), 3);
	assert_int_equal(espnic_drv_tx_frame(d, 0, buf, 1000, 1, NULL), 0);
	for (unsigned int i = 0; espnic_drv_counter(d, ESPNIC_COUNTER_RX_DROP_NO_BUFFER) < 11; i++)
		assert_true(i < 1000);
	assert_int_equal(espnic_drv_tx_frame(d, 0, buf, 700, 1, NULL), 0);
	assert_int_equal(espnic_drv_rx_frame(d, 0, got, sizeof(got), NULL, NIC_WAIT_MS), 700);
}

static void the_filter_knows_its_address(void **state)
{
	struct espnic_cmd_port_set port = { .flags = ESPNIC_CMD_PORT_SET_ENABLE, .mtu = 1500 };
	struct espnic_drv *d = drv(state);
	uint8_t buf[2000], got[2000];

	memcpy(port.mac, nic_mac, 6);
	raw_frame(buf, 1514, 0);
	buf[5] = 9; /* somebody else's */
	assert_int_equal(espnic_drv_tx_frame(d, 0, buf, 1514, 1, NULL), 0);
	nic_expect_silence(nic(state), 0);
	assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_RX_DROP_FILTER), 1);
	buf[0] |= 1; /* multicast */
	nic_echo(nic(state), 0, buf, 1514, 1, NULL, NULL);
	buf[0] &= 0xfe;
	port.flags |= ESPNIC_CMD_PORT_SET_PROMISC;
	assert_int_equal(
		espnic_drv_cmd(d, ESPNIC_OPCODE_PORT_SET, &port, sizeof(port), NULL, 0, NULL), 0);
	nic_echo(nic(state), 0, buf, 1514, 1, NULL, NULL);
	/* The MTU counts for both directions. */
	assert_int_equal(espnic_drv_tx_frame(d, 0, buf, 1515, 1, NULL), 0);
	assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 1 + ESPNIC_COUNTER_TX_DROP_LENGTH);
	port.flags = 0;
	assert_int_equal(
		espnic_drv_cmd(d, ESPNIC_OPCODE_PORT_SET, &port, sizeof(port), NULL, 0, NULL), 0);
	assert_int_equal(espnic_drv_tx_frame(d, 0, buf, 1514, 1, NULL), 0);
	assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 0);
	assert_true(espnic_drv_rx_frame(d, 0, got, sizeof(got), NULL, NIC_NOTHING_MS) < 0);
	assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_RX_DROP_DISABLED), 1);
}

static void flows_are_spread_over_queues(void **state)
{
	struct espnic_cmd_rss_set rss = { .flags = ESPNIC_CMD_RSS_SET_L3 | ESPNIC_CMD_RSS_SET_L4 };
	struct espnic_drv *d = drv(state);
	unsigned int used[4] = { 0 };
	uint8_t buf[200], got[200];

	for (unsigned int i = 0; i < 64; i++) {
		struct nic_flow f = {
			.sport = (uint16_t)(40000 + i), .dport = 80, .tcp = true, .payload = 40
		};
		struct nic_layout at = nic_build(buf, &f);
		struct espnic_rx_cpl cpl = { 0 };
		unsigned int q;

		assert_int_equal(espnic_drv_tx_frame(d, 0, buf, at.len, 1, NULL), 0);
		assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 0);
		for (q = 0; q < 4000; q++)
			if (espnic_drv_rx_frame(d, q % 4, got, sizeof(got), &cpl, 0) > 0)
				break;
		assert_true(q < 4000);
		assert_int_equal(cpl.hash % 4, q % 4);
		used[q % 4]++;
	}
	for (unsigned int q = 0; q < 4; q++)
		assert_true(used[q] >= 4);

	/* By the driver's table: all to queue 3. */
	memset(rss.table, 3, sizeof(rss.table));
	memset(rss.key, 0x5a, sizeof(rss.key));
	assert_int_equal(espnic_drv_cmd(d, ESPNIC_OPCODE_RSS_SET, &rss, sizeof(rss), NULL, 0, NULL),
			 0);
	for (unsigned int i = 0; i < 8; i++) {
		struct nic_flow f = {
			.sport = (uint16_t)(40000 + i), .dport = 80, .v6 = i & 1, .payload = 40
		};
		struct nic_layout at = nic_build(buf, &f);

		nic_echo(nic(state), 3, buf, at.len, 1, NULL, NULL);
	}
}

static void queues_come_and_go(void **state)
{
	struct espnic_drv *d = drv(state);
	uint8_t buf[100];

	raw_frame(buf, sizeof(buf), 0);
	for (unsigned int i = 0; i < 50; i++) {
		nic_echo(nic(state), 0, buf, sizeof(buf), 1, NULL, NULL);
		/* With packets on their way. */
		for (unsigned int j = 0; j < 32; j++)
			espnic_drv_tx_frame(d, 0, buf, sizeof(buf), 1, NULL);
		assert_int_equal(espnic_drv_queue_destroy(d, 0), 0);
		d->ram_used &= ~0xfull;
		assert_int_equal(espnic_drv_queue_create(d, 0, 6 + i % 3, 7, 1), 0);
		nic_refill(nic(state), 0, 2048);
		while (espnic_drv_rx_frame(d, 0, buf, sizeof(buf), NULL, 20) > 0)
			;
		nic_refill(nic(state), 0, 2048);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, nic_open_started, nic_close)
		T(every_size_comes_back),
		T(lengths_out_of_range_are_dropped),
		T(many_parts_and_many_buffers),
		T(checksums_are_filled_and_judged),
		T(segments_add_up),
		T(rings_wrap_many_times),
		T(doorbells_are_left_out_while_busy),
		T(doorbells_are_left_out_while_packets_come),
		T(interrupts_come_when_armed),
		T(moderation_holds_interrupts_back),
		T(no_buffers_no_frames),
		T(the_filter_knows_its_address),
		T(queues_come_and_go),
		cmocka_unit_test_setup_teardown(flows_are_spread_over_queues, nic_open_four,
						nic_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
