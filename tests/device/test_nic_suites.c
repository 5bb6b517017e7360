// SPDX-License-Identifier: BSD-2-Clause
/* Each suite of transforms that the device offers, by command, with frames that go through it and back. */
#include "nic_sa.h"

struct suite {
	const char *name;
	uint8_t enc_alg, enc_key_len, salt_len, auth_alg, auth_key_len, icv_len;
};

#define S(enc, key, salt, auth, auth_key, icv) \
	{ #enc " " #key " " #auth " " #icv, ESPNIC_ENC_ALG_##enc, key, salt, ESPNIC_AUTH_ALG_##auth, auth_key, icv }
static const struct suite suites[] = {
	/* The first AEADs, of 16 bytes of ICV, also in crypto offload. */
	S(AES_GCM, 16, 4, NONE, 0, 16), S(AES_GMAC, 16, 4, NONE, 0, 16), S(AES_GMAC, 24, 4, NONE, 0, 16),
	S(AES_GMAC, 32, 4, NONE, 0, 16), S(AES_CCM, 16, 3, NONE, 0, 16), S(AES_CCM, 24, 3, NONE, 0, 16),
	S(AES_CCM, 32, 3, NONE, 0, 16), S(CHACHA20_POLY1305, 32, 4, NONE, 0, 16),
	S(AES_GCM, 24, 4, NONE, 0, 8), S(AES_GCM, 32, 4, NONE, 0, 12), S(AES_CCM, 16, 3, NONE, 0, 8),
	S(AES_CCM, 16, 3, NONE, 0, 12), S(AES_CBC, 16, 0, HMAC_MD5_96, 16, 12),
	S(AES_CBC, 24, 0, HMAC_SHA1_96, 20, 12), S(AES_CBC, 32, 0, HMAC_SHA256_128, 32, 16),
	S(AES_CTR, 16, 4, HMAC_SHA384_192, 48, 24), S(AES_CTR, 24, 4, HMAC_SHA512_256, 64, 32),
	S(AES_CTR, 32, 4, AES_XCBC_96, 16, 12), S(DES3_CBC, 24, 0, AES_CMAC_96, 16, 12),
	S(DES3_CBC, 24, 0, HMAC_SHA1_96, 20, 12), S(NULL, 0, 0, HMAC_SHA256_128, 32, 16),
	S(NULL, 0, 0, HMAC_SHA512_256, 64, 32), S(NULL, 0, 0, AES_XCBC_96, 16, 12),
};

enum { SUITES = sizeof(suites) / sizeof(suites[0]), CRYPTO = 8, PAYLOAD_MAX = 2000, PAYLOAD_STEP = 333 };

static struct nic *nic(void **state)
{
	return *state;
}

static void set_suite(struct espnic_cmd_sa_add *a, const struct suite *s)
{
	memset(a->enc_key, 0, sizeof(a->enc_key));
	memset(a->salt, 0, sizeof(a->salt));
	a->enc_alg = s->enc_alg;
	a->enc_key_len = s->enc_key_len;
	a->salt_len = s->salt_len;
	a->auth_alg = s->auth_alg;
	a->auth_key_len = s->auth_key_len;
	a->icv_len = s->icv_len;
	for (uint8_t i = 0; i < s->enc_key_len; i++)
		a->enc_key[i] = (uint8_t)(0x40 + 3 * i);
	for (uint8_t i = 0; i < s->salt_len; i++)
		a->salt[i] = (uint8_t)(0x10 + i);
	for (uint8_t i = 0; i < s->auth_key_len; i++)
		a->auth_key[i] = (uint8_t)(0x80 + i);
}

static void expect_added(struct espnic_drv *d, const struct espnic_cmd_sa_add *a, const struct suite *s)
{
	int status = nic_sa_add(d, a);

	if (status)
		fail_msg("%s: SA_ADD: %d", s->name, status);
}

/* Tunnel and transport, IPv4 and IPv6, with ESN and without: by turns. */
static void packet_offload(void **state)
{
	static uint8_t buf[ESPNIC_MAX_FRAME];
	struct espnic_drv *d = nic(state)->drv;

	for (unsigned int i = 0; i < SUITES; i++) {
		const struct suite *s = &suites[i];
		uint8_t mode = i & 1 ? ESPNIC_CMD_SA_MODE_TUNNEL : ESPNIC_CMD_SA_MODE_TRANSPORT;
		bool v6 = i & 2;
		struct espnic_cmd_policy_add pol[] = {
			nic_policy(1, ESPNIC_CMD_POLICY_DIR_OUT, ESPNIC_CMD_POLICY_ACTION_PROTECT, mode, v6),
			nic_policy(2, ESPNIC_CMD_POLICY_DIR_IN, ESPNIC_CMD_POLICY_ACTION_PROTECT, mode, v6),
		};
		struct espnic_cmd_sa_add out =
			nic_sa(ESPNIC_CMD_SA_DIR_OUT, ESPNIC_CMD_SA_OFFLOAD_PACKET, mode, v6);
		struct espnic_cmd_sa_add in =
			nic_sa(ESPNIC_CMD_SA_DIR_IN, ESPNIC_CMD_SA_OFFLOAD_PACKET, mode, v6);

		set_suite(&out, s);
		set_suite(&in, s);
		if (i & 4) {
			out.flags |= ESPNIC_CMD_SA_ADD_ESN;
			in.flags |= ESPNIC_CMD_SA_ADD_ESN;
			out.seq = in.seq = 0x2fffffffeull;
		}
		nic_start(d, pol, 2);
		expect_added(d, &out, s);
		expect_added(d, &in, s);
		for (uint32_t payload = 0; payload < PAYLOAD_MAX; payload += PAYLOAD_STEP) {
			struct nic_flow f = { .v6 = v6, .sport = 1, .dport = 2, .payload = payload };
			struct nic_layout at = nic_build(buf, &f);
			struct espnic_rx_cpl cpl;

			nic_refill(nic(state), 0, 2048);
			nic_echo(nic(state), 0, buf, at.len, 1, NULL, &cpl);
			assert_int_equal(cpl.flags & (ESPNIC_RX_CPL_IPSEC | ESPNIC_RX_CPL_DECAP),
					 ESPNIC_RX_CPL_IPSEC | ESPNIC_RX_CPL_DECAP);
			assert_int_equal(cpl.ipsec_status, ESPNIC_IPSEC_STATUS_OK);
		}
		assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_TX_PROTECTED),
				 espnic_drv_counter(d, ESPNIC_COUNTER_RX_UNPROTECTED));
		assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_TX_BYPASS), 0);
		assert_int_equal(espnic_drv_reset(d), 0);
	}
}

/* Another key inbound, of the cipher or of the authenticator: nothing passes. */
static void other_keys(void **state)
{
	static uint8_t buf[ESPNIC_MAX_FRAME];
	struct espnic_drv *d = nic(state)->drv;
	const uint8_t mode = ESPNIC_CMD_SA_MODE_TRANSPORT;

	for (unsigned int i = 0; i < SUITES; i++) {
		const struct suite *s = &suites[i];
		struct espnic_cmd_policy_add pol[] = {
			nic_policy(1, ESPNIC_CMD_POLICY_DIR_OUT, ESPNIC_CMD_POLICY_ACTION_PROTECT, mode, false),
			nic_policy(2, ESPNIC_CMD_POLICY_DIR_IN, ESPNIC_CMD_POLICY_ACTION_PROTECT, mode, false),
		};
		struct espnic_cmd_sa_add out =
			nic_sa(ESPNIC_CMD_SA_DIR_OUT, ESPNIC_CMD_SA_OFFLOAD_PACKET, mode, false);
		struct espnic_cmd_sa_add in =
			nic_sa(ESPNIC_CMD_SA_DIR_IN, ESPNIC_CMD_SA_OFFLOAD_PACKET, mode, false);
		struct nic_flow f = { .sport = 1, .dport = 2, .payload = 100 };
		struct nic_layout at = nic_build(buf, &f);

		set_suite(&out, s);
		set_suite(&in, s);
		if (s->auth_alg)
			in.auth_key[s->auth_key_len - 1] ^= 1;
		else
			in.enc_key[s->enc_key_len - 1] ^= 1;
		nic_start(d, pol, 2);
		expect_added(d, &out, s);
		expect_added(d, &in, s);
		assert_int_equal(espnic_drv_tx_frame(d, 0, buf, at.len, 1, NULL), 0);
		assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 0);
		nic_expect_silence(nic(state), 0);
		assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_RX_DROP_INTEGRITY), 1);
		assert_int_equal(espnic_drv_reset(d), 0);
	}
}

static void crypto_offload(void **state)
{
	static uint8_t buf[2000], got[2000];
	struct espnic_drv *d = nic(state)->drv;

	for (unsigned int i = 0; i < CRYPTO; i++) {
		const struct suite *s = &suites[i];
		struct espnic_cmd_sa_add out = nic_sa(ESPNIC_CMD_SA_DIR_OUT, ESPNIC_CMD_SA_OFFLOAD_CRYPTO,
						      ESPNIC_CMD_SA_MODE_TRANSPORT, false);
		struct espnic_cmd_sa_add in = nic_sa(ESPNIC_CMD_SA_DIR_IN, ESPNIC_CMD_SA_OFFLOAD_CRYPTO,
						     ESPNIC_CMD_SA_MODE_TRANSPORT, false);

		set_suite(&out, s);
		set_suite(&in, s);
		nic_start(d, NULL, 0);
		expect_added(d, &out, s);
		expect_added(d, &in, s);
		for (uint32_t seq = 1; seq < 20; seq++) {
			struct espnic_tx_desc t = { .flags = ESPNIC_TX_DESC_IPSEC,
						    .sa_handle = NIC_HANDLE_OUT };
			struct espnic_rx_cpl cpl;
			struct nic_layout at;

			t.esp_offset = (uint16_t)nic_build_esp(buf, &at, seq, seq * 31);
			assert_int_equal(espnic_drv_tx_frame(d, 0, buf, at.len, 1, &t), 0);
			assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 0);
			assert_int_equal(espnic_drv_rx_frame(d, 0, got, sizeof(got), &cpl, NIC_WAIT_MS),
					 at.len);
			assert_int_equal(cpl.flags & (ESPNIC_RX_CPL_IPSEC | ESPNIC_RX_CPL_DECAP),
					 ESPNIC_RX_CPL_IPSEC);
			assert_int_equal(cpl.ipsec_status, ESPNIC_IPSEC_STATUS_OK);
			assert_memory_equal(got, buf, at.len - 16); /* all but the ICV */
		}
		assert_int_equal(espnic_drv_reset(d), 0);
	}
}

/* OPAQUE ports (RFC 4301 section 4.4.1.1) take what shows none, and nothing else; so does an OPAQUE protocol. */
static void opaque_selectors(void **state)
{
	static uint8_t buf[ESPNIC_MAX_FRAME];
	struct espnic_drv *d = nic(state)->drv;
	struct nic_flow f = { .sport = 1, .dport = 2, .payload = 100 };
	struct nic_layout at;
	uint16_t sum;
	struct espnic_cmd_policy_add pol[] = {
		nic_policy(1, ESPNIC_CMD_POLICY_DIR_OUT, ESPNIC_CMD_POLICY_ACTION_DISCARD, 0, false),
		nic_policy(2, ESPNIC_CMD_POLICY_DIR_OUT, ESPNIC_CMD_POLICY_ACTION_DISCARD, 0, true),
	};

	pol[0].sel.sport_min = pol[0].sel.dport_min = 65535;
	pol[0].sel.sport_max = pol[0].sel.dport_max = 0;
	pol[1].sel.proto = 255;
	nic_start(d, pol, 2);
	at = nic_build(buf, &f);
	nic_echo(nic(state), 0, buf, at.len, 1, NULL, &(struct espnic_rx_cpl){ 0 });
	/* A protocol without ports. */
	buf[at.l3 + 9] = 89;
	buf[at.l3 + 10] = buf[at.l3 + 11] = 0;
	sum = nic_csum(buf + at.l3, 20, 0);
	buf[at.l3 + 10] = (uint8_t)(sum >> 8);
	buf[at.l3 + 11] = (uint8_t)sum;
	assert_int_equal(espnic_drv_tx_frame(d, 0, buf, at.len, 1, NULL), 0);
	assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 1 + ESPNIC_COUNTER_TX_DROP_DISCARD);

	f.v6 = true;
	at = nic_build(buf, &f);
	nic_echo(nic(state), 0, buf, at.len, 1, NULL, &(struct espnic_rx_cpl){ 0 });
	/* A later fragment whose chain of headers goes on in the first: next header destination options. */
	buf[at.l3 + 6] = 44;
	memset(buf + at.l4, 0, 8);
	buf[at.l4] = 60;
	buf[at.l4 + 3] = 64;
	assert_int_equal(espnic_drv_tx_frame(d, 0, buf, at.len, 1, NULL), 0);
	assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 1 + ESPNIC_COUNTER_TX_DROP_DISCARD);
	/* The same with UDP: the protocol is there to be seen. */
	buf[at.l4] = 17;
	assert_int_equal(espnic_drv_tx_frame(d, 0, buf, at.len, 1, NULL), 0);
	assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 0);
	assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_TX_DROP_DISCARD), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, nic_open, nic_close)
		T(packet_offload), T(other_keys), T(crypto_offload), T(opaque_selectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
