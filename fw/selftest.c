// SPDX-License-Identifier: BSD-2-Clause
/*
 * Known-answer tests of the engine body that serves the datapath, through its
 * whole pipeline: an IPv4 packet protected in transport mode with a fixed key, sequence
 * number and IV must come out byte by byte; the answer unprotected must give the packet
 * back; the answer with one bit wrong must fail as INTEGRITY and nothing else. AES-GCM for each key
 * length and each ICV length the device offers; then, in selftest_suites.c, each other cipher and
 * each authenticator.
 */
#include "internal.h"

enum {
	PAYLOAD_LEN = ESPNIC_FW_KAT_PAYLOAD,
	TRAILER_LEN = 4,		/* bytes: 2 of padding, pad length, next header */
	CIPHERTEXT_LEN = PAYLOAD_LEN + TRAILER_LEN,
	ICV_LEN = 16,			/* bytes, before truncation */
	IPV4_LEN = 20,			/* bytes */
	ESP_LEN = 8,			/* bytes: SPI, sequence number */
	IV_LEN = 8,
	SALT_LEN = 4,
	PROTO_ESP = 50,			/* IP protocol number */
	CLEAR_LEN = IPV4_LEN + PAYLOAD_LEN,
	KEY_MAX = 32,
	PROTO_PAYLOAD = 1,		/* IP protocol number */
};

struct vector {
	uint8_t key[KEY_MAX];
	uint8_t key_len;
	bool esn;
	uint8_t salt[SALT_LEN];
	uint8_t iv[IV_LEN];
	uint32_t spi;
	uint64_t seq;
	uint32_t cap;			/* bit of CAP_TRANSFORMS */
	uint8_t esp[CIPHERTEXT_LEN + ICV_LEN]; /* ciphertext and ICV */
};

/*
 * The plaintext of a test case in draft-mcgrew-gcm-test-01 section 4. Its trailer (01 02 02 01)
 * makes it the payload of a protocol 1 packet.
 */
static const uint8_t payload[PAYLOAD_LEN] = {
	0x45, 0x00, 0x00, 0x30, 0x69, 0xa6, 0x40, 0x00, 0x80, 0x06, 0x26, 0x90,
	0xc0, 0xa8, 0x01, 0x02, 0x93, 0x89, 0x15, 0x5e, 0x0a, 0x9e, 0x00, 0x8b,
	0x2d, 0xc5, 0x7e, 0xe0, 0x00, 0x00, 0x00, 0x00, 0x70, 0x02, 0x40, 0x00,
	0x20, 0xbf, 0x00, 0x00, 0x02, 0x04, 0x05, 0xb4, 0x01, 0x01, 0x04, 0x02,
};

/*
 * The 256-bit answer is the draft's. The others are the same packet under keys of our
 * own, the first with ESN right after the low half wrapped; their answers were computed
 * with OpenSSL, and the unit tests compute them again.
 */
static const struct vector vectors[] = {
	{
		.key = {
			0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
			0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f,
		},
		.key_len = 16,
		.esn = true,
		.salt = { 0xf0, 0xf1, 0xf2, 0xf3 },
		.iv = { 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7 },
		.spi = 0x11223344,
		.seq = 0x0000000500000000,
		.cap = ESPNIC_CAP_TRANSFORMS_AES_GCM_128,
		.esp = {
			0x72, 0xd6, 0x93, 0x8b, 0x0a, 0x8c, 0x29, 0x84, 0xb6, 0xcd, 0x76, 0x60,
			0x25, 0xac, 0xd3, 0x42, 0x3e, 0x2e, 0x2d, 0x95, 0x9c, 0x47, 0x61, 0x8b,
			0x19, 0x77, 0xeb, 0x19, 0x73, 0xff, 0xc9, 0x29, 0x6d, 0x8f, 0x68, 0xb7,
			0xca, 0x56, 0x89, 0xc4, 0x21, 0xbc, 0x9b, 0xf0, 0x13, 0x2a, 0xae, 0xf7,
			0x5f, 0xd0, 0x13, 0xc4, 0x4b, 0x9d, 0x1e, 0x74, 0x34, 0xda, 0x39, 0x6e,
			0x49, 0x3b, 0x85, 0x9a, 0x74, 0x70, 0xf6, 0xe9,
		},
	}, {
		.key = {
			0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27,
			0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f,
			0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37,
		},
		.key_len = 24,
		.salt = { 0xf4, 0xf5, 0xf6, 0xf7 },
		.iv = { 0xb0, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7 },
		.spi = 0x55667788,
		.seq = 0x01020304,
		.cap = ESPNIC_CAP_TRANSFORMS_AES_GCM_192,
		.esp = {
			0x43, 0xad, 0xad, 0x1d, 0x49, 0xf0, 0xbe, 0x77, 0x1c, 0xee, 0x27, 0x06,
			0x63, 0x2d, 0xd0, 0x1a, 0x7d, 0x8f, 0x2e, 0x60, 0x04, 0x48, 0xd2, 0x47,
			0x67, 0x82, 0x86, 0xf4, 0xef, 0x30, 0x1d, 0x21, 0x7d, 0xff, 0x17, 0x33,
			0x4c, 0x2a, 0xaa, 0xfa, 0x1d, 0xd2, 0xdd, 0xe5, 0xe1, 0xd4, 0x51, 0x02,
			0xcb, 0x6d, 0x73, 0x60, 0x17, 0x11, 0x1d, 0xc8, 0x73, 0xf4, 0x46, 0xfa,
			0xc1, 0xdf, 0xad, 0x21, 0x1a, 0x6a, 0xb7, 0x20,
		},
	}, {
		.key = {
			0xab, 0xbc, 0xcd, 0xde, 0xf0, 0x01, 0x12, 0x23,
			0x34, 0x45, 0x56, 0x67, 0x78, 0x89, 0x9a, 0xab,
			0xab, 0xbc, 0xcd, 0xde, 0xf0, 0x01, 0x12, 0x23,
			0x34, 0x45, 0x56, 0x67, 0x78, 0x89, 0x9a, 0xab,
		},
		.key_len = 32,
		.salt = { 0x11, 0x22, 0x33, 0x44 },
		.iv = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08 },
		.spi = 0x4a2cbfe3,
		.seq = 0x00000002,
		.cap = ESPNIC_CAP_TRANSFORMS_AES_GCM_256,
		.esp = {
			0xff, 0x42, 0x5c, 0x9b, 0x72, 0x45, 0x99, 0xdf, 0x7a, 0x3b, 0xcd, 0x51,
			0x01, 0x94, 0xe0, 0x0d, 0x6a, 0x78, 0x10, 0x7f, 0x1b, 0x0b, 0x1c, 0xbf,
			0x06, 0xef, 0xae, 0x9d, 0x65, 0xa5, 0xd7, 0x63, 0x74, 0x8a, 0x63, 0x79,
			0x85, 0x77, 0x1d, 0x34, 0x7f, 0x05, 0x45, 0x65, 0x9f, 0x14, 0xe9, 0x9d,
			0xef, 0x84, 0x2d, 0x8e, 0xb3, 0x35, 0xf4, 0xee, 0xcf, 0xdb, 0xf8, 0x31,
			0x82, 0x4b, 0x4c, 0x49, 0x15, 0x95, 0x6c, 0x96,
		},
	},
};

static const struct {
	uint8_t len;
	uint32_t cap;			/* bit of CAP_TRANSFORMS */
} icvs[] = {
	{ 8, ESPNIC_CAP_TRANSFORMS_ICV_8 },
	{ 12, ESPNIC_CAP_TRANSFORMS_ICV_12 },
	{ 16, ESPNIC_CAP_TRANSFORMS_ICV_16 },
};

enum {
	ICVS = sizeof(icvs) / sizeof(icvs[0]),
	VECTORS = sizeof(vectors) / sizeof(vectors[0]),
	STEPS = VECTORS * ICVS,
};

static const uint8_t saddr[4] = { 192, 0, 2, 1 };
static const uint8_t daddr[4] = { 192, 0, 2, 2 };

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static void put_ipv4(uint8_t *p, uint32_t total, uint8_t proto)
{
	uint32_t sum = 0;

	memset(p, 0, IPV4_LEN);
	p[0] = 0x45;			/* version 4, 5 words */
	put16(p + 2, total);
	p[8] = 64;			/* TTL */
	p[9] = proto;
	memcpy(p + 12, saddr, sizeof(saddr));
	memcpy(p + 16, daddr, sizeof(daddr));
	for (uint32_t i = 0; i < IPV4_LEN; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	put16(p + 10, ~sum & 0xffff);
}

static uint32_t put_clear(uint8_t *p)
{
	put_ipv4(p, CLEAR_LEN, PROTO_PAYLOAD);
	memcpy(p + IPV4_LEN, payload, sizeof(payload));
	return CLEAR_LEN;
}

/* Of a transform that does not encrypt: payload and trailer as they are (RFC 4303 section 2.4). */
static uint32_t put_text(uint8_t *p, const struct espnic_fw_kat *k)
{
	uint32_t len = PAYLOAD_LEN;

	if (k->text) {
		memcpy(p, k->text, k->text_len);
		return k->text_len;
	}
	memcpy(p, payload, sizeof(payload));
	for (uint8_t pad = 1; len < k->text_len - 2u; pad++)
		p[len++] = pad;
	p[len] = (uint8_t)(len - PAYLOAD_LEN);
	p[len + 1] = PROTO_PAYLOAD;
	return k->text_len;
}

static uint32_t put_esp(uint8_t *p, const struct espnic_fw_kat *k)
{
	uint32_t len = IPV4_LEN + ESP_LEN;

	put32(p + IPV4_LEN, k->sa.spi);
	put32(p + IPV4_LEN + 4, (uint32_t)(k->sa.seq + 1));
	memcpy(p + len, k->iv, k->iv_len);
	len += k->iv_len;
	len += put_text(p + len, k);
	memcpy(p + len, k->icv, k->sa.icv_len);
	len += k->sa.icv_len;
	put_ipv4(p, len, PROTO_ESP);
	return len;
}

/* One run: ESPNIC_IPSEC_STATUS_OK with the very bytes of @want, or what went wrong. */
static uint32_t run(struct espnic_fw *fw, const struct espnic_hal_sa *sa, const uint8_t *iv,
		    const uint8_t *in, uint32_t in_len, const uint8_t *want, uint32_t want_len)
{
	uint8_t out[ESPNIC_HAL_KAT_MAX];
	uint32_t out_len = 0, verdict;

	memset(out, 0, sizeof(out));
	verdict = fw->hal->engine_kat(fw->ctx, sa, iv, in, in_len, out, &out_len);
	if (verdict != ESPNIC_IPSEC_STATUS_OK)
		return verdict;
	if (out_len != want_len || memcmp(out, want, want_len) != 0)
		return ESPNIC_IPSEC_STATUS_MALFORMED;
	return ESPNIC_IPSEC_STATUS_OK;
}

static void set_common(struct espnic_hal_sa *sa)
{
	sa->offload = ESPNIC_CMD_SA_OFFLOAD_PACKET;
	sa->mode = ESPNIC_CMD_SA_MODE_TRANSPORT;
	sa->proto = PROTO_ESP;
	sa->family = 4;
	memcpy(sa->saddr, saddr, sizeof(saddr));
	memcpy(sa->daddr, daddr, sizeof(daddr));
	sa->limits = (struct espnic_hal_limits){ UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX };
}

enum espnic_fw_test espnic_fw_kat_run(struct espnic_fw *fw, struct espnic_fw_kat *k, uint32_t *verdict)
{
	uint8_t clear[CLEAR_LEN], esp[ESPNIC_HAL_KAT_MAX];
	uint32_t clear_len, esp_len;

	set_common(&k->sa);
	clear_len = put_clear(clear);
	esp_len = put_esp(esp, k);

	k->sa.dir = ESPNIC_CMD_SA_DIR_OUT;
	k->sa.replay_window = 0;
	*verdict = run(fw, &k->sa, k->iv_len ? k->iv : NULL, clear, clear_len, esp, esp_len);
	if (*verdict != ESPNIC_IPSEC_STATUS_OK)
		return ESPNIC_FW_TEST_FAILED;
	k->sa.dir = ESPNIC_CMD_SA_DIR_IN;
	k->sa.replay_window = ESPNIC_MIN_REPLAY_WINDOW;
	*verdict = run(fw, &k->sa, NULL, esp, esp_len, clear, clear_len);
	if (*verdict != ESPNIC_IPSEC_STATUS_OK)
		return ESPNIC_FW_TEST_FAILED;
	esp[esp_len - 1] ^= 1;
	*verdict = run(fw, &k->sa, NULL, esp, esp_len, clear, clear_len);
	return *verdict == ESPNIC_IPSEC_STATUS_INTEGRITY ? ESPNIC_FW_TEST_MORE : ESPNIC_FW_TEST_FAILED;
}

enum espnic_fw_test espnic_fw_self_test_step(struct espnic_fw *fw, uint32_t step, uint32_t *verdict)
{
	struct espnic_fw_kat k = { 0 };
	const struct vector *v;

	*verdict = ESPNIC_IPSEC_STATUS_OK;
	if (step >= STEPS)
		return espnic_fw_suite_test_step(fw, step - STEPS, verdict);
	v = &vectors[step / ICVS];
	if (!(fw->caps.transforms & v->cap) || !(fw->caps.transforms & icvs[step % ICVS].cap))
		return ESPNIC_FW_TEST_MORE;
	k.sa.enc_alg = ESPNIC_ENC_ALG_AES_GCM;
	k.sa.enc_key_len = v->key_len;
	k.sa.salt_len = SALT_LEN;
	k.sa.icv_len = icvs[step % ICVS].len;
	k.sa.enc_key = v->key;
	k.sa.salt = v->salt;
	k.sa.esn = v->esn;
	k.sa.spi = v->spi;
	k.sa.seq = v->seq - 1;
	k.iv = v->iv;
	k.iv_len = IV_LEN;
	k.text = v->esp;
	k.text_len = CIPHERTEXT_LEN;
	k.icv = v->esp + CIPHERTEXT_LEN;
	return espnic_fw_kat_run(fw, &k, verdict);
}

void espnic_fw_self_test(struct espnic_fw *fw, struct espnic_fw_reply *r)
{
	enum espnic_fw_test result = ESPNIC_FW_TEST_MORE;
	uint32_t verdict = 0;

	for (uint32_t step = 0; result == ESPNIC_FW_TEST_MORE; step++)
		result = espnic_fw_self_test_step(fw, step, &verdict);
	if (result == ESPNIC_FW_TEST_PASSED)
		return;
	/* The driver learns of it by STATUS.FATAL and the event: nothing is answered any more. */
	espnic_fw_refuse(r, ESPNIC_CMD_STATUS_ENGINE, verdict);
	espnic_fw_fatal(fw, ESPNIC_FATAL_SELF_TEST);
}
