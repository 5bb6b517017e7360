// SPDX-License-Identifier: BSD-2-Clause
/* SAs and policies, by command, around frames that go through the device and back. */
#include <errno.h>

#include "nic_sa.h"

static struct nic *nic(void **state)
{
	return *state;
}

static struct espnic_drv *drv(void **state)
{
	return nic(state)->drv;
}

static void packet_offload_there_and_back(void **state)
{
	static uint8_t buf[ESPNIC_MAX_FRAME];
	struct espnic_drv *d = drv(state);

	for (unsigned int i = 0; i < 8; i++) {
		bool v6 = i & 1;
		uint8_t mode = i & 2 ? ESPNIC_CMD_SA_MODE_TUNNEL : ESPNIC_CMD_SA_MODE_TRANSPORT;
		struct espnic_cmd_policy_add pol[] = {
			nic_policy(1, ESPNIC_CMD_POLICY_DIR_OUT, ESPNIC_CMD_POLICY_ACTION_PROTECT, mode,
			       v6),
			nic_policy(2, ESPNIC_CMD_POLICY_DIR_IN, ESPNIC_CMD_POLICY_ACTION_PROTECT, mode,
			       v6),
		};
		struct espnic_cmd_sa_add out =
			nic_sa(ESPNIC_CMD_SA_DIR_OUT, ESPNIC_CMD_SA_OFFLOAD_PACKET, mode, v6);
		struct espnic_cmd_sa_add in =
			nic_sa(ESPNIC_CMD_SA_DIR_IN, ESPNIC_CMD_SA_OFFLOAD_PACKET, mode, v6);
		unsigned int n = 0;

		if (i & 4) {
			out.flags |= ESPNIC_CMD_SA_ADD_ESN;
			in.flags |= ESPNIC_CMD_SA_ADD_ESN;
			out.seq = in.seq = 0x1fffffffcull;
		}
		nic_start(d, pol, 2);
		assert_int_equal(nic_sa_add(d, &out), 0);
		assert_int_equal(nic_sa_add(d, &in), 0);
		for (uint32_t payload = 0; payload < 9000; payload += 333) {
			struct nic_flow f = { .v6 = v6,
					      .vlans = n % 3,
					      .sport = 1,
					      .dport = 2,
					      .payload = payload,
					      .tcp = n & 1 };
			struct nic_layout at = nic_build(buf, &f);
			struct espnic_rx_cpl cpl;

			nic_refill(nic(state), 0, 2048);
			nic_echo(nic(state), 0, buf, at.len, 1 + n % 2, NULL, &cpl);
			n++;
			assert_int_equal(cpl.flags & (ESPNIC_RX_CPL_IPSEC | ESPNIC_RX_CPL_DECAP),
					 ESPNIC_RX_CPL_IPSEC | ESPNIC_RX_CPL_DECAP);
			assert_int_equal(cpl.ipsec_status, ESPNIC_IPSEC_STATUS_OK);
			assert_int_equal(cpl.sa_handle, NIC_HANDLE_IN);
			assert_int_equal(cpl.seq, out.seq + n);
			assert_true(cpl.flags & ESPNIC_RX_CPL_L4_GOOD);
			assert_true(cpl.flags & ESPNIC_RX_CPL_HASH_L4);
		}
		assert_int_equal(nic_sa_query(d, NIC_HANDLE_OUT).packets, n);
		assert_int_equal(nic_sa_query(d, NIC_HANDLE_IN).packets, n);
		assert_int_equal(nic_sa_query(d, NIC_HANDLE_IN).seq, in.seq + n);
		assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_TX_PROTECTED), n);
		assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_RX_UNPROTECTED), n);
		assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_TX_BYPASS), 0);
		assert_int_equal(espnic_drv_reset(d), 0);
	}
}

static void segments_are_protected(void **state)
{
	static uint8_t big[ESPNIC_MAX_TSO_LEN], got[ESPNIC_MAX_FRAME];
	const uint8_t mode = ESPNIC_CMD_SA_MODE_TUNNEL;
	struct espnic_cmd_policy_add pol[] = {
		nic_policy(1, ESPNIC_CMD_POLICY_DIR_OUT, ESPNIC_CMD_POLICY_ACTION_PROTECT, mode, false),
		nic_policy(2, ESPNIC_CMD_POLICY_DIR_IN, ESPNIC_CMD_POLICY_ACTION_PROTECT, mode, false),
	};
	struct espnic_cmd_sa_add out =
		nic_sa(ESPNIC_CMD_SA_DIR_OUT, ESPNIC_CMD_SA_OFFLOAD_PACKET, mode, false);
	struct espnic_cmd_sa_add in =
		nic_sa(ESPNIC_CMD_SA_DIR_IN, ESPNIC_CMD_SA_OFFLOAD_PACKET, mode, false);
	struct nic_flow f = {
		.tcp = true, .sport = 9, .dport = 10, .payload = 60000, .tcp_flags = 0x18
	};
	struct nic_layout at = nic_build(big, &f);
	struct espnic_tx_desc t = {
		.flags = ESPNIC_TX_DESC_TSO,
		.mss = 1400,
		.hdr_len = (uint16_t)at.payload,
	};
	struct espnic_drv *d = drv(state);
	uint32_t done = 0;

	nic_start(d, pol, 2);
	assert_int_equal(nic_sa_add(d, &out), 0);
	assert_int_equal(nic_sa_add(d, &in), 0);
	assert_int_equal(espnic_drv_tx_frame(d, 0, big, at.len, 16, &t), 0);
	while (done < f.payload) {
		struct espnic_rx_cpl cpl;
		int len = espnic_drv_rx_frame(d, 0, got, sizeof(got), &cpl, NIC_WAIT_MS);

		assert_true(len > (int)at.payload);
		assert_true(nic_frame_ok(got, (uint32_t)len));
		assert_true(cpl.flags & ESPNIC_RX_CPL_DECAP);
		assert_memory_equal(got + at.payload, big + at.payload + done,
				    (uint32_t)len - at.payload);
		done += (uint32_t)len - at.payload;
		nic_refill(nic(state), 0, 2048);
	}
	assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 0);
	assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_TX_PROTECTED), 43);
}

/*
 * What its policy was deleted for while it waited in the host does not leave, whole or in segments; with a policy, it
 * is protected.
 */
static void what_is_counted_on_never_leaves_in_clear(void **state)
{
	static uint8_t big[ESPNIC_MAX_TSO_LEN], got[ESPNIC_MAX_FRAME];
	const uint8_t mode = ESPNIC_CMD_SA_MODE_TUNNEL;
	struct espnic_cmd_policy_add pol =
		nic_policy(1, ESPNIC_CMD_POLICY_DIR_OUT, ESPNIC_CMD_POLICY_ACTION_PROTECT, mode, false);
	struct espnic_cmd_sa_add out =
		nic_sa(ESPNIC_CMD_SA_DIR_OUT, ESPNIC_CMD_SA_OFFLOAD_PACKET, mode, false);
	struct nic_flow f = {
		.tcp = true, .sport = 9, .dport = 10, .payload = 9000, .tcp_flags = 0x18
	};
	struct nic_layout at = nic_build(big, &f);
	struct espnic_drv *d = drv(state);
	const uint32_t whole = at.payload + 1000;
	struct espnic_rx_cpl cpl;

	for (int policy = 0; policy < 2; policy++) {
		const int segments = policy ? 7 : 0, clear = policy ? 0 : 8;
		struct espnic_tx_desc t = { .flags = ESPNIC_TX_DESC_PROTECT };

		nic_start(d, &pol, (unsigned int)policy);
		if (policy)
			assert_int_equal(nic_sa_add(d, &out), 0);
		/* A frame cut short has no longer the length its IP header says. */
		nic_build(big, &(struct nic_flow){ .tcp = true, .sport = 9, .dport = 10, .payload = 1000 });
		assert_int_equal(espnic_drv_tx_frame(d, 0, big, whole, 2, &t), 0);
		assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS),
				 policy ? 0 : 1 + ESPNIC_COUNTER_TX_DROP_CLEAR);
		nic_build(big, &f);
		t = (struct espnic_tx_desc){
			.flags = ESPNIC_TX_DESC_TSO | ESPNIC_TX_DESC_PROTECT,
			.mss = 1400,
			.hdr_len = (uint16_t)at.payload,
		};
		assert_int_equal(espnic_drv_tx_frame(d, 0, big, at.len, 3, &t), 0);
		assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS),
				 policy ? 0 : 1 + ESPNIC_COUNTER_TX_DROP_CLEAR);
		assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_TX_DROP_CLEAR), clear);
		assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_TX_PROTECTED),
				 policy ? segments + 1 : 0);
		assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_TX_BYPASS), 0);
		if (!policy)
			assert_true(espnic_drv_rx_frame(d, 0, got, sizeof(got), &cpl, 100) < 0);
		assert_int_equal(espnic_drv_reset(d), 0);
	}
}

static void crypto_offload_there_and_back(void **state)
{
	static uint8_t buf[2000], got[2000];
	struct espnic_cmd_sa_add out = nic_sa(ESPNIC_CMD_SA_DIR_OUT, ESPNIC_CMD_SA_OFFLOAD_CRYPTO,
					  ESPNIC_CMD_SA_MODE_TRANSPORT, false);
	struct espnic_cmd_sa_add in = nic_sa(ESPNIC_CMD_SA_DIR_IN, ESPNIC_CMD_SA_OFFLOAD_CRYPTO,
					 ESPNIC_CMD_SA_MODE_TRANSPORT, false);
	struct espnic_drv *d = drv(state);
	struct nic_layout at;
	struct espnic_rx_cpl cpl;

	nic_start(d, NULL, 0);
	assert_int_equal(nic_sa_add(d, &out), 0);
	assert_int_equal(nic_sa_add(d, &in), 0);
	for (uint32_t seq = 1; seq < 40; seq++) {
		struct espnic_tx_desc t = { .flags = ESPNIC_TX_DESC_IPSEC,
					    .sa_handle = NIC_HANDLE_OUT };
		uint32_t esp = nic_build_esp(buf, &at, seq, seq * 31);
		int len;

		t.esp_offset = (uint16_t)esp;
		assert_int_equal(espnic_drv_tx_frame(d, 0, buf, at.len, 1 + seq % 4, &t), 0);
		assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 0);
		len = espnic_drv_rx_frame(d, 0, got, sizeof(got), &cpl, NIC_WAIT_MS);
		assert_int_equal(len, at.len);
		assert_int_equal(cpl.flags & (ESPNIC_RX_CPL_IPSEC | ESPNIC_RX_CPL_DECAP |
					      ESPNIC_RX_CPL_L4_GOOD | ESPNIC_RX_CPL_L4_BAD),
				 ESPNIC_RX_CPL_IPSEC);
		assert_int_equal(cpl.ipsec_status, ESPNIC_IPSEC_STATUS_OK);
		assert_int_equal(cpl.seq, seq);
		assert_memory_equal(got, buf, at.len - 16); /* all but the ICV */
	}
	/* A handle that is none, one of the other direction, one of another generation. */
	for (unsigned int i = 0; i < 3; i++) {
		static const uint32_t bad[] = { 0, NIC_HANDLE_IN, NIC_HANDLE_OUT + (1u << 20) };
		struct espnic_tx_desc t = { .flags = ESPNIC_TX_DESC_IPSEC, .sa_handle = bad[i] };

		t.esp_offset = (uint16_t)nic_build_esp(buf, &at, 77, 100);
		assert_int_equal(espnic_drv_tx_frame(d, 0, buf, at.len, 1, &t), 0);
		assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS),
				 1 + ESPNIC_COUNTER_TX_DROP_HANDLE);
	}
	/*
	 * Unencrypted ESP of that NIC_SPI from the wire: its ICV is bad, it comes as it was, with the
	 * status.
	 */
	nic_build_esp(buf, &at, 99, 100);
	nic_echo(nic(state), 0, buf, at.len, 1, NULL, &cpl);
	assert_true(cpl.flags & ESPNIC_RX_CPL_IPSEC);
	assert_int_equal(cpl.ipsec_status, ESPNIC_IPSEC_STATUS_INTEGRITY);
	assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_RX_CRYPTO_FAILED), 1);
}

static void what_must_not_pass_does_not(void **state)
{
	const uint8_t mode = ESPNIC_CMD_SA_MODE_TRANSPORT;
	struct espnic_cmd_policy_add protect =
		nic_policy(5, ESPNIC_CMD_POLICY_DIR_OUT, ESPNIC_CMD_POLICY_ACTION_PROTECT, mode, false);
	struct espnic_cmd_policy_add discard =
		nic_policy(6, ESPNIC_CMD_POLICY_DIR_OUT, ESPNIC_CMD_POLICY_ACTION_DISCARD, mode, true);
	struct espnic_cmd_policy_add inbound =
		nic_policy(7, ESPNIC_CMD_POLICY_DIR_IN, ESPNIC_CMD_POLICY_ACTION_PROTECT, mode, false);
	struct espnic_cmd_policy_add pol[] = { protect, discard };
	struct espnic_drv *d = drv(state);
	struct espnic_policy_report r;
	struct espnic_cmd_policy id = { .id = 5 };
	struct nic_flow f = { .sport = 1, .dport = 2, .payload = 100 };
	struct espnic_event ev;
	struct nic_layout at;
	uint8_t buf[300];

	nic_start(d, pol, 2);
	at = nic_build(buf, &f);
	assert_int_equal(espnic_drv_tx_frame(d, 0, buf, at.len, 1, NULL), 0);
	assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 1 + ESPNIC_COUNTER_TX_DROP_NO_SA);
	assert_int_equal(espnic_drv_event(d, &ev, NIC_WAIT_MS), 0);
	assert_int_equal(ev.type, ESPNIC_EVENT_TYPE_SA_NO_SA);
	assert_int_equal(ev.handle, 5);
	assert_int_equal(
		espnic_drv_cmd(d, ESPNIC_OPCODE_POLICY_QUERY, &id, sizeof(id), &r, sizeof(r), NULL),
		0);
	assert_int_equal(r.no_sa, 1);
	f.v6 = true;
	at = nic_build(buf, &f);
	assert_int_equal(espnic_drv_tx_frame(d, 0, buf, at.len, 1, NULL), 0);
	assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS),
			 1 + ESPNIC_COUNTER_TX_DROP_DISCARD);
	nic_expect_silence(nic(state), 0);

	/* Without the outbound policy it leaves, and the inbound one stops it. */
	assert_int_equal(espnic_drv_cmd(d, ESPNIC_OPCODE_POLICY_ADD, &inbound, sizeof(inbound),
					NULL, 0, NULL),
			 0);
	assert_int_equal(
		espnic_drv_cmd(d, ESPNIC_OPCODE_POLICY_DEL, &id, sizeof(id), NULL, 0, NULL), 0);
	f.v6 = false;
	at = nic_build(buf, &f);
	assert_int_equal(espnic_drv_tx_frame(d, 0, buf, at.len, 1, NULL), 0);
	assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 0);
	nic_expect_silence(nic(state), 0);
	assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_RX_DROP_CLEAR), 1);
}

static void lifetimes_end_and_are_told(void **state)
{
	const uint8_t mode = ESPNIC_CMD_SA_MODE_TRANSPORT;
	struct espnic_cmd_policy_add pol[] = {
		nic_policy(1, ESPNIC_CMD_POLICY_DIR_OUT, ESPNIC_CMD_POLICY_ACTION_PROTECT, mode, false),
		nic_policy(2, ESPNIC_CMD_POLICY_DIR_IN, ESPNIC_CMD_POLICY_ACTION_PROTECT, mode, false),
	};
	struct espnic_cmd_sa_add out =
		nic_sa(ESPNIC_CMD_SA_DIR_OUT, ESPNIC_CMD_SA_OFFLOAD_PACKET, mode, false);
	struct espnic_cmd_sa_add in =
		nic_sa(ESPNIC_CMD_SA_DIR_IN, ESPNIC_CMD_SA_OFFLOAD_PACKET, mode, false);
	struct nic_flow f = { .sport = 1, .dport = 2, .payload = 100 };
	struct espnic_drv *d = drv(state);
	struct espnic_event ev;
	struct nic_layout at;
	uint8_t buf[300];

	out.limits.soft_packets = 3;
	out.limits.hard_packets = 5;
	nic_start(d, pol, 2);
	assert_int_equal(nic_sa_add(d, &out), 0);
	assert_int_equal(nic_sa_add(d, &in), 0);
	at = nic_build(buf, &f);
	for (unsigned int i = 0; i < 5; i++)
		nic_echo(nic(state), 0, buf, at.len, 1, NULL, NULL);
	assert_int_equal(espnic_drv_tx_frame(d, 0, buf, at.len, 1, NULL), 0);
	assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS),
			 1 + ESPNIC_COUNTER_TX_DROP_LIFETIME);
	assert_int_equal(espnic_drv_event(d, &ev, NIC_WAIT_MS), 0);
	assert_int_equal(ev.type, ESPNIC_EVENT_TYPE_SA_SOFT);
	assert_int_equal(ev.handle, NIC_HANDLE_OUT);
	assert_int_equal(espnic_drv_event(d, &ev, NIC_WAIT_MS), 0);
	assert_int_equal(ev.type, ESPNIC_EVENT_TYPE_SA_HARD);
	assert_int_equal(nic_sa_query(d, NIC_HANDLE_OUT).flags, 3);
	assert_int_equal(nic_sa_query(d, NIC_HANDLE_OUT).packets, 5);
}

static bool has_run(const uint8_t *p, size_t len)
{
	unsigned int run = 0;

	for (size_t i = 0; i < len; i++) {
		run = p[i] == nic_key_byte ? run + 1 : 0;
		if (run >= 4)
			return true;
	}
	return false;
}

static void keys_are_never_told(void **state)
{
	struct espnic_cmd_sa_add out = nic_sa(ESPNIC_CMD_SA_DIR_OUT, ESPNIC_CMD_SA_OFFLOAD_PACKET,
					  ESPNIC_CMD_SA_MODE_TRANSPORT, false);
	struct espnic_cmd_sa del = { .handle = NIC_HANDLE_OUT };
	struct espnic_drv *d = drv(state);
	uint64_t iova;
	uint8_t *all, *resp;

	nic_start(d, NULL, 0);
	assert_int_equal(nic_sa_add(d, &out), 0);
	/* The driver's part: it wipes the entry that held the key. */
	memset(d->sq, 0, sizeof(*d->sq) << d->cmd_log2);
	resp = espnic_drv_alloc(d, 65536, 64, &iova);
	for (uint16_t op = 0; op < 0x60; op++) {
		int id = espnic_drv_cmd_issue(d, op, &del, sizeof(del), iova, 65536);

		if (op == ESPNIC_OPCODE_SA_DEL)
			assert_int_equal(espnic_drv_cmd_wait(d, (uint16_t)id, NULL, NIC_WAIT_MS),
					 0);
		else
			assert_true(espnic_drv_cmd_wait(d, (uint16_t)id, NULL, NIC_WAIT_MS) >= 0);
	}
	assert_false(has_run(resp, 65536));
	for (uint32_t off = 0; off < ESPNIC_BAR0_SIZE; off += 4) {
		uint32_t v = espnic_client_reg_read(d->c, off);

		assert_false(has_run((uint8_t *)&v, sizeof(v)));
	}
	all = d->ram;
	assert_false(has_run(all, d->ram_used));
}

static void expect_remap(struct espnic_drv *d, uint16_t port)
{
	struct espnic_sa_report r;
	struct espnic_event ev;

	assert_int_equal(espnic_drv_event(d, &ev, NIC_WAIT_MS), 0);
	assert_int_equal(ev.type, ESPNIC_EVENT_TYPE_SA_REMAP);
	assert_int_equal(ev.handle, NIC_HANDLE_IN);
	assert_int_equal(ev.value, port);
	r = nic_sa_query(d, NIC_HANDLE_IN);
	assert_true(r.flags & 16);
	assert_int_equal(r.peer_port, port);
	assert_memory_equal(r.peer_addr, ((const uint8_t[16]){ 192, 0, 2, 2 }), 16);
}

/* Behind a NAT the peer's port changes: told once a change, and by queries. */
static void peer_that_moves(void **state)
{
	const uint8_t mode = ESPNIC_CMD_SA_MODE_TUNNEL;
	struct espnic_cmd_policy_add pol[] = {
		nic_policy(1, ESPNIC_CMD_POLICY_DIR_OUT, ESPNIC_CMD_POLICY_ACTION_PROTECT, mode, false),
		nic_policy(2, ESPNIC_CMD_POLICY_DIR_IN, ESPNIC_CMD_POLICY_ACTION_PROTECT, mode, false),
	};
	struct espnic_cmd_sa_add out =
		nic_sa(ESPNIC_CMD_SA_DIR_OUT, ESPNIC_CMD_SA_OFFLOAD_PACKET, mode, false);
	struct espnic_cmd_sa_add in =
		nic_sa(ESPNIC_CMD_SA_DIR_IN, ESPNIC_CMD_SA_OFFLOAD_PACKET, mode, false);
	struct nic_flow f = { .sport = 1, .dport = 2, .payload = 100 };
	struct espnic_drv *d = drv(state);
	struct espnic_event ev;
	struct nic_layout at;
	uint8_t buf[300];

	out.flags |= ESPNIC_CMD_SA_ADD_UDP_ENCAP;
	in.flags |= ESPNIC_CMD_SA_ADD_UDP_ENCAP;
	out.encap_sport = out.encap_dport = in.encap_sport = in.encap_dport = 4500;
	nic_start(d, pol, 2);
	assert_int_equal(nic_sa_add(d, &in), 0);
	assert_false(nic_sa_query(d, NIC_HANDLE_IN).flags & 16);
	at = nic_build(buf, &f);
	for (uint32_t i = 0; i < 4; i++) {
		/* Its twin takes over, and sends from another port. */
		out.handle = NIC_HANDLE_OUT + 16 * i;
		out.encap_sport = (uint16_t)(4500 + i);
		assert_int_equal(nic_sa_add(d, &out), 0);
		if (i) {
			assert_int_equal(nic_sa_del(d, out.handle - 16), 0);
			assert_int_equal(espnic_drv_event(d, &ev, NIC_WAIT_MS), 0);
			assert_int_equal(ev.type, ESPNIC_EVENT_TYPE_SA_AWAKE);
		}
		for (uint32_t k = 0; k < 3; k++)
			nic_echo(nic(state), 0, buf, at.len, 1, NULL, NULL);
		if (i)
			expect_remap(d, out.encap_sport);
		else
			assert_int_equal(nic_sa_query(d, NIC_HANDLE_IN).peer_port, 4500);
		assert_int_equal(espnic_drv_event(d, &ev, NIC_NOTHING_MS), -ETIMEDOUT);
	}
}

static int update_flags(struct espnic_drv *d, uint32_t handle, uint32_t flags)
{
	struct espnic_cmd_sa_update u = { .handle = handle, .flags = flags };

	return espnic_drv_cmd(d, ESPNIC_OPCODE_SA_UPDATE, &u, sizeof(u), NULL, 0, NULL);
}

/* Deletes the SA; what it did is told then, to the last packet. */
static struct espnic_sa_report last_of(struct espnic_drv *d, uint32_t handle)
{
	struct espnic_cmd_sa body = { .handle = handle };
	struct espnic_sa_report r;
	struct espnic_cmd_cpl cpl;

	assert_int_equal(espnic_drv_cmd(d, ESPNIC_OPCODE_SA_DEL, &body, sizeof(body), &r, sizeof(r),
					&cpl), 0);
	assert_int_equal(cpl.resp_len, sizeof(r));
	return r;
}

/* The newest SA of a template sends, unless it is dying; and again when it is not dying after all. */
static void dying_and_back(void **state)
{
	const uint8_t mode = ESPNIC_CMD_SA_MODE_TRANSPORT;
	struct espnic_cmd_policy_add pol = nic_policy(
		1, ESPNIC_CMD_POLICY_DIR_OUT, ESPNIC_CMD_POLICY_ACTION_PROTECT, mode, false);
	struct espnic_cmd_sa_add sa =
		nic_sa(ESPNIC_CMD_SA_DIR_OUT, ESPNIC_CMD_SA_OFFLOAD_PACKET, mode, false);
	const uint32_t old = sa.handle, new = sa.handle + 1;
	struct nic_flow f = { .sport = 1, .dport = 2, .payload = 100 };
	struct espnic_drv *d = drv(state);
	struct espnic_sa_report r;
	struct nic_layout at;
	uint8_t buf[300];

	nic_start(d, &pol, 1);
	assert_int_equal(nic_sa_add(d, &sa), 0);
	sa.handle = new;
	sa.spi++;
	sa.salt[0] ^= 1;
	assert_int_equal(nic_sa_add(d, &sa), 0);
	at = nic_build(buf, &f);
	for (uint32_t i = 0; i < 3; i++) {
		if (i)
			assert_int_equal(update_flags(d, new, i == 1 ? ESPNIC_CMD_SA_UPDATE_DYING
								    : ESPNIC_CMD_SA_UPDATE_ALIVE),
					 0);
		assert_int_equal(espnic_drv_tx_frame(d, 0, buf, at.len, 1, NULL), 0);
		assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 0);
		assert_int_equal(nic_sa_query(d, old).packets, i > 0);
		assert_int_equal(nic_sa_query(d, new).packets, i > 1 ? 2 : 1);
	}
	r = last_of(d, new);
	assert_int_equal(r.packets, 2);
	assert_int_equal(r.bytes, 2 * (at.len - at.l3));
	assert_int_equal(r.seq, 2);
	r = last_of(d, old);
	assert_int_equal(r.packets, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, nic_open, nic_close)
		T(packet_offload_there_and_back), T(segments_are_protected),
		T(what_is_counted_on_never_leaves_in_clear),
		T(crypto_offload_there_and_back), T(what_must_not_pass_does_not),
		T(lifetimes_end_and_are_told),    T(keys_are_never_told),
		T(peer_that_moves),               T(dying_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
