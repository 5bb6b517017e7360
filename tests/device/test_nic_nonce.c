// SPDX-License-Identifier: BSD-2-Clause
/*
 * Never a nonce twice: SAs that take over from each other while frames are under way, leases that
 * run ahead in host memory, windows that are joined and can be read.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "nic_sa.h"

enum {
	LEASE_STEP = 65536, /* numbers, as fw/lease.c has it */
	ESP_SEQ = 4, /* offset of the sequence number in the ESP header */
	OTHER_PAGE = 0x30000000, /* bus address of memory that comes and goes */
	FRAMES = 48, /* in flight at a takeover */
};

static const uint8_t transport = ESPNIC_CMD_SA_MODE_TRANSPORT, tunnel = ESPNIC_CMD_SA_MODE_TUNNEL;

static struct nic *nic(void **state)
{
	return *state;
}

static struct espnic_drv *drv(void **state)
{
	return nic(state)->drv;
}

static struct espnic_cmd_sa_add end_of(uint8_t dir, uint8_t mode)
{
	return nic_sa(dir, ESPNIC_CMD_SA_OFFLOAD_PACKET, mode, false);
}

static struct espnic_cmd_sa_add out_sa(uint8_t mode)
{
	return end_of(ESPNIC_CMD_SA_DIR_OUT, mode);
}

static struct espnic_cmd_sa_add in_sa(uint8_t mode)
{
	return end_of(ESPNIC_CMD_SA_DIR_IN, mode);
}

static void protect_both_ways(struct espnic_drv *d, uint8_t mode)
{
	struct espnic_cmd_policy_add pol[] = {
		nic_policy(1, ESPNIC_CMD_POLICY_DIR_OUT, ESPNIC_CMD_POLICY_ACTION_PROTECT, mode,
			   false),
		nic_policy(2, ESPNIC_CMD_POLICY_DIR_IN, ESPNIC_CMD_POLICY_ACTION_PROTECT, mode,
			   false),
	};

	nic_start(d, pol, 2);
}

/* One frame there and back; the number it had. */
static uint64_t echo(struct nic *n)
{
	static uint8_t buf[300];
	struct nic_flow f = { .sport = 1, .dport = 2, .payload = 100 };
	struct nic_layout at = nic_build(buf, &f);
	struct espnic_rx_cpl cpl;

	nic_echo(n, 0, buf, at.len, 1, NULL, &cpl);
	assert_true(cpl.flags & ESPNIC_RX_CPL_DECAP);
	nic_refill(n, 0, 2048);
	return cpl.seq;
}

/* One frame that must not come back, dropped under @counter (0: it leaves). */
static void lost(struct espnic_drv *d, uint32_t counter)
{
	static uint8_t buf[300];
	struct nic_flow f = { .sport = 1, .dport = 2, .payload = 100 };
	struct nic_layout at = nic_build(buf, &f);

	assert_int_equal(espnic_drv_tx_frame(d, 0, buf, at.len, 1, NULL), 0);
	assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), counter ? 1 + (int)counter : 0);
}

static void wait_counter(struct espnic_drv *d, uint32_t counter, uint64_t value)
{
	for (int i = 0; i < NIC_WAIT_MS && espnic_drv_counter(d, counter) != value; i++)
		usleep(1000);
	assert_int_equal(espnic_drv_counter(d, counter), value);
}

static void expect_awake(struct espnic_drv *d, uint32_t handle, uint64_t seq)
{
	struct espnic_event ev;

	assert_int_equal(espnic_drv_event(d, &ev, NIC_WAIT_MS), 0);
	assert_int_equal(ev.type, ESPNIC_EVENT_TYPE_SA_AWAKE);
	assert_int_equal(ev.handle, handle);
	assert_int_equal(ev.value, seq);
}

static bool is_dormant(struct espnic_drv *d, uint32_t handle)
{
	return nic_sa_query(d, handle).flags & 8;
}

/* What Linux does when a state is added that exists: the twin comes, one of the two goes. */
static void twins_take_turns(void **state)
{
	struct espnic_cmd_sa_add out = out_sa(transport), in = in_sa(transport);
	struct espnic_drv *d = drv(state);
	uint64_t seq = 0, value;

	protect_both_ways(d, transport);
	assert_int_equal(nic_sa_add(d, &out), 0);
	assert_int_equal(nic_sa_add(d, &in), 0);
	for (uint32_t i = 0; i < 20; i++) {
		struct espnic_cmd_sa_add *a = i & 2 ? &out : &in;
		uint32_t old = a->handle, new = old ^ 0x10;

		assert_int_equal(echo(nic(state)), ++seq);
		a->handle = new;
		assert_int_equal(nic_sa_add_value(d, a, &value), 0);
		assert_int_equal(value, 1);
		assert_true(is_dormant(d, new) && !is_dormant(d, old));
		assert_int_equal(echo(nic(state)), ++seq);
		if (i & 1) { /* Linux keeps the old one */
			assert_int_equal(nic_sa_del(d, new), 0);
			a->handle = old;
			continue;
		}
		assert_int_equal(nic_sa_del(d, old), 0);
		expect_awake(d, new, seq);
		assert_false(is_dormant(d, new));
	}
	assert_int_equal(nic_sa_query(d, out.handle).seq, seq);
	assert_int_equal(nic_sa_query(d, in.handle).seq, seq);
	/* Deleted and added again as if nothing had been: it goes on above. */
	assert_int_equal(nic_sa_del(d, out.handle), 0);
	out.seq = 1;
	assert_int_equal(nic_sa_add_value(d, &out, &value), 0);
	assert_int_equal(value, 0);
	assert_int_equal(echo(nic(state)), ++seq);
}

/* No frame is lost between the old SA and its twin, and no number comes twice. */
static void takeover_under_load(void **state)
{
	static uint8_t buf[300], got[300];
	struct nic_flow f = { .sport = 1, .dport = 2, .payload = 100 };
	struct espnic_cmd_sa_add out = out_sa(tunnel), in = in_sa(tunnel);
	struct espnic_drv *d = drv(state);
	struct nic_layout at;
	uint64_t last = 0;

	protect_both_ways(d, tunnel);
	assert_int_equal(nic_sa_add(d, &out), 0);
	assert_int_equal(nic_sa_add(d, &in), 0);
	for (uint32_t round = 0; round < 40; round++) {
		struct espnic_cmd_sa_add *a = round & 1 ? &out : &in;
		struct espnic_cmd_sa gone = { .handle = a->handle };
		int id;

		a->handle ^= 0x10;
		assert_int_equal(nic_sa_add(d, a), 0);
		id = -1;
		for (uint32_t i = 0; i < FRAMES; i++) {
			at = nic_build(buf, &f);
			assert_int_equal(espnic_drv_tx_frame(d, 0, buf, at.len, 1, NULL), 0);
			if (i == round)
				id = espnic_drv_cmd_issue(d, ESPNIC_OPCODE_SA_DEL, &gone,
							  sizeof(gone), 0, 0);
		}
		for (uint32_t i = 0; i < FRAMES; i++) {
			struct espnic_rx_cpl cpl;

			assert_int_equal(
				espnic_drv_rx_frame(d, 0, got, sizeof(got), &cpl, NIC_WAIT_MS),
				at.len);
			assert_int_equal(cpl.seq, last + 1);
			last = cpl.seq;
		}
		assert_true(id >= 0);
		assert_int_equal(espnic_drv_cmd_wait(d, (uint16_t)id, NULL, NIC_WAIT_MS), 0);
		assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 0);
		nic_refill(nic(state), 0, 2048);
	}
	assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_TX_PROTECTED), 40 * FRAMES);
	assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_RX_UNPROTECTED), 40 * FRAMES);
}

/* The peer has moved before the old SA is gone: MIGRATE. */
static void migrated_twin_waits(void **state)
{
	struct espnic_cmd_sa_add out = out_sa(tunnel), in = in_sa(tunnel), moved;
	struct espnic_cmd_policy_add pol[] = {
		nic_policy(1, ESPNIC_CMD_POLICY_DIR_OUT, ESPNIC_CMD_POLICY_ACTION_PROTECT, tunnel,
			   false),
		nic_policy(2, ESPNIC_CMD_POLICY_DIR_IN, ESPNIC_CMD_POLICY_ACTION_PROTECT, tunnel,
			   false),
	};
	struct espnic_drv *d = drv(state);
	uint64_t value;

	memset(pol[0].tmpl_daddr, 0, 16);
	memset(pol[1].tmpl_daddr, 0, 16);
	nic_start(d, pol, 2);
	out.daddr[3] = 77;
	assert_int_equal(nic_sa_add(d, &out), 0);
	assert_int_equal(nic_sa_add(d, &in), 0);
	lost(d, 0); /* to nobody: an SPI no SA has at that address */
	nic_refill(nic(state), 0, 2048);
	wait_counter(d, ESPNIC_COUNTER_RX_UNKNOWN_SPI, 1);
	moved = in;
	moved.handle = 0x00200009;
	moved.daddr[3] = 77;
	assert_int_equal(nic_sa_add_value(d, &moved, &value), 0);
	assert_int_equal(value, 1);
	lost(d, 0);
	wait_counter(d, ESPNIC_COUNTER_RX_DROP_DORMANT, 1);
	assert_int_equal(nic_sa_del(d, in.handle), 0);
	expect_awake(d, moved.handle, 0);
	{
		uint8_t drop[2048];

		/* The one of the unknown SPI. */
		assert_true(espnic_drv_rx_frame(d, 0, drop, sizeof(drop), NULL, NIC_WAIT_MS) > 0);
	}
	assert_int_equal(echo(nic(state)), 3);
	assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_RX_DROP_DORMANT), 1);
}

/* A dormant SA of crypto offload is none that a descriptor could name. */
static void dormant_handle_in_descriptor(void **state)
{
	struct espnic_cmd_sa_add out =
		nic_sa(ESPNIC_CMD_SA_DIR_OUT, ESPNIC_CMD_SA_OFFLOAD_CRYPTO, transport, false);
	struct espnic_tx_desc t = { .flags = ESPNIC_TX_DESC_IPSEC, .esp_offset = 34 };
	static uint8_t buf[300];
	struct nic_flow f = { .sport = 1, .dport = 2, .payload = 100 };
	struct espnic_drv *d = drv(state);
	struct nic_layout at = nic_build(buf, &f);

	nic_start(d, NULL, 0);
	assert_int_equal(nic_sa_add(d, &out), 0);
	out.handle ^= 0x10;
	assert_int_equal(nic_sa_add(d, &out), 0);
	assert_true(is_dormant(d, out.handle));
	t.sa_handle = out.handle;
	assert_int_equal(espnic_drv_tx_frame(d, 0, buf, at.len, 1, &t), 0);
	assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 1 + ESPNIC_COUNTER_TX_DROP_HANDLE);
	/* And in packet offload the device's numbers are not the host's to go on from. */
	out.offload = ESPNIC_CMD_SA_OFFLOAD_PACKET;
	out.handle ^= 0x30;
	assert_int_equal(nic_sa_add(d, &out), ESPNIC_CMD_STATUS_EXISTS);
}

/* Uses up @n of the SA's numbers at least, in large packets cut small; nothing is received. */
static void burn(struct espnic_drv *d, uint32_t n, uint32_t *dropped)
{
	static uint8_t big[ESPNIC_MAX_TSO_LEN];
	struct nic_flow f = { .tcp = true, .sport = 9, .dport = 10, .payload = 60000 };
	struct nic_layout at = nic_build(big, &f);
	struct espnic_tx_desc t = { .flags = ESPNIC_TX_DESC_TSO,
				    .mss = 16,
				    .hdr_len = (uint16_t)at.payload };

	for (uint32_t done = 0; done < n; done += f.payload / t.mss) {
		int reason;

		assert_int_equal(espnic_drv_tx_frame(d, 0, big, at.len, 4, &t), 0);
		reason = espnic_drv_tx_flush(d, 0, 10 * NIC_WAIT_MS);
		assert_true(!reason || reason == 1 + ESPNIC_COUNTER_TX_DROP_LEASE);
		*dropped += !!reason;
	}
}

static void deaf(struct espnic_drv *d)
{
	struct espnic_cmd_port_set p = { .mtu = 1500 };

	memcpy(p.mac, nic_mac, 6);
	assert_int_equal(espnic_drv_cmd(d, ESPNIC_OPCODE_PORT_SET, &p, sizeof(p), NULL, 0, NULL),
			 0);
}

static uint64_t word_at(const uint8_t *p)
{
	return __atomic_load_n((const uint64_t *)(const void *)p, __ATOMIC_ACQUIRE);
}

/* The word is ahead of what was sent, always; no number is sent that did not stand there. */
static void lease_runs_ahead(void **state)
{
	struct espnic_cmd_sa_add out = out_sa(transport);
	struct espnic_drv *d = drv(state);
	uint32_t dropped = 0;
	uint8_t *word;

	protect_both_ways(d, transport);
	deaf(d);
	word = espnic_drv_alloc(d, 8, 8, &out.lease_addr);
	assert_int_equal(nic_sa_add(d, &out), 0);
	assert_int_equal(word_at(word), LEASE_STEP);
	for (int i = 0; i < 8; i++) {
		uint64_t before = word_at(word);

		burn(d, LEASE_STEP / 4, &dropped);
		assert_true(nic_sa_query(d, out.handle).seq <= word_at(word));
		assert_true(word_at(word) >= before);
	}
	assert_true(nic_sa_query(d, out.handle).seq > LEASE_STEP);
	assert_true(word_at(word) > LEASE_STEP);
	/* A twin has a word of its own, ahead before it is awake. */
	out.handle ^= 0x10;
	word = espnic_drv_alloc(d, 8, 8, &out.lease_addr);
	assert_int_equal(nic_sa_add(d, &out), 0);
	assert_int_equal(nic_sa_del(d, out.handle ^ 0x10), 0);
	assert_true(word_at(word) >= nic_sa_query(d, out.handle).seq + LEASE_STEP / 2);
}

/* The word's page goes away: the SA sends what was leased, not one more, until it is back. */
static void lease_that_cannot_be_written(void **state)
{
	struct espnic_cmd_sa_add out = out_sa(transport);
	struct espnic_drv *d = drv(state);
	int fd = memfd_create("word", 0);
	uint32_t dropped = 0;
	uint8_t *word;

	protect_both_ways(d, transport);
	deaf(d);
	out.lease_addr = OTHER_PAGE;
	assert_int_equal(nic_sa_add(d, &out), ESPNIC_CMD_STATUS_DMA_ERROR);
	assert_int_equal(ftruncate(fd, 4096), 0);
	word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(word != MAP_FAILED);
	assert_int_equal(espnic_client_map(d->c, OTHER_PAGE, fd, 0, 4096, 3), 0);
	assert_int_equal(nic_sa_add(d, &out), 0);
	assert_int_equal(espnic_client_unmap(d->c, OTHER_PAGE, 4096), 0);
	burn(d, LEASE_STEP + LEASE_STEP / 8, &dropped);
	assert_true(dropped);
	assert_int_equal(word_at(word), LEASE_STEP);
	assert_int_equal(nic_sa_query(d, out.handle).seq, LEASE_STEP);
	assert_true(espnic_drv_counter(d, ESPNIC_COUNTER_TX_DROP_LEASE));
	lost(d, ESPNIC_COUNTER_TX_DROP_LEASE);

	assert_int_equal(espnic_client_map(d->c, OTHER_PAGE, fd, 0, 4096, 3), 0);
	for (int i = 0; i < NIC_WAIT_MS && word_at(word) == LEASE_STEP; i++)
		usleep(1000);
	assert_int_equal(word_at(word), 2 * LEASE_STEP);
	usleep(20000); /* the engine's part follows the word */
	lost(d, 0);
	assert_int_equal(nic_sa_query(d, out.handle).seq, LEASE_STEP + 1);
	munmap(word, 4096);
	close(fd);
}

static struct espnic_window_report window(struct espnic_drv *d, uint32_t handle, int want)
{
	struct espnic_cmd_sa body = { .handle = handle };
	struct espnic_window_report w;

	memset(&w, 0xee, sizeof(w));
	assert_int_equal(espnic_drv_cmd(d, ESPNIC_OPCODE_SA_WINDOW, &body, sizeof(body), &w,
					sizeof(w), NULL),
			 want);
	return w;
}

/* Numbers that were seen and those that were not, as the driver reads them. */
static void window_is_read(void **state)
{
	struct espnic_cmd_sa_add out = out_sa(transport), in = in_sa(transport);
	struct espnic_cmd_port_set p = { .mtu = 1500, .flags = ESPNIC_CMD_PORT_SET_ENABLE };
	struct espnic_drv *d = drv(state);
	struct espnic_window_report w;

	memcpy(p.mac, nic_mac, 6);
	protect_both_ways(d, transport);
	assert_int_equal(nic_sa_add(d, &out), 0);
	in.replay_window = 100;
	assert_int_equal(nic_sa_add(d, &in), 0);
	for (uint32_t i = 0; i < 3; i++) { /* 1 to 5 seen, 6 to 10 not, ... */
		for (int k = 0; k < 5; k++)
			echo(nic(state));
		deaf(d);
		for (int k = 0; k < 5; k++)
			lost(d, 0);
		wait_counter(d, ESPNIC_COUNTER_RX_DROP_DISABLED, 5 * (i + 1));
		assert_int_equal(
			espnic_drv_cmd(d, ESPNIC_OPCODE_PORT_SET, &p, sizeof(p), NULL, 0, NULL), 0);
	}
	w = window(d, in.handle, 0);
	assert_int_equal(w.top, 25);
	assert_int_equal(w.size, 100);
	for (uint32_t n = 0; n < 8 * sizeof(w.bitmap); n++) {
		/* Number 0 is none that could come. */
		bool seen = n == 25 || (n < 25 && (24 - n) % 10 < 5);

		if (!!(w.bitmap[n / 8] & 1u << n % 8) != seen)
			fail_msg("bit %u", n);
	}
	window(d, out.handle, ESPNIC_CMD_STATUS_BAD_FIELD);
	window(d, in.handle ^ 0x100, ESPNIC_CMD_STATUS_NOT_FOUND);
}

/* What the old SA has seen is a replay to its twin, too. */
static void replay_to_the_twin(void **state)
{
	static uint8_t esp[2048];
	struct espnic_cmd_sa_add out = out_sa(transport), in = in_sa(transport);
	struct espnic_cmd_policy del = { .id = 1 };
	struct espnic_drv *d = drv(state);
	struct espnic_rx_cpl cpl;
	int len;

	protect_both_ways(d, transport);
	assert_int_equal(nic_sa_add(d, &out), 0);
	/* Without an inbound SA the ESP packet comes as it is. */
	lost(d, 0);
	len = espnic_drv_rx_frame(d, 0, esp, sizeof(esp), &cpl, NIC_WAIT_MS);
	assert_true(len > 0 && !(cpl.flags & ESPNIC_RX_CPL_IPSEC));
	assert_int_equal(
		espnic_drv_cmd(d, ESPNIC_OPCODE_POLICY_DEL, &del, sizeof(del), NULL, 0, NULL), 0);
	assert_int_equal(nic_sa_add(d, &in), 0);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(espnic_drv_tx_frame(d, 0, esp, (uint32_t)len, 1, NULL), 0);
		assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 0);
		if (!i)
			assert_true(espnic_drv_rx_frame(d, 0, NULL, 0, &cpl, NIC_WAIT_MS) > 0);
		else
			nic_expect_silence(nic(state), 0);
		assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_RX_DROP_REPLAY), i);
		if (i < 1)
			continue;
		in.handle ^= 0x10;
		assert_int_equal(nic_sa_add(d, &in), 0);
		assert_int_equal(nic_sa_del(d, in.handle ^ 0x10), 0);
		expect_awake(d, in.handle, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, nic_open, nic_close)
		T(twins_take_turns),    T(takeover_under_load),
		T(migrated_twin_waits), T(dormant_handle_in_descriptor),
		T(lease_runs_ahead),    T(lease_that_cannot_be_written),
		T(window_is_read),      T(replay_to_the_twin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
