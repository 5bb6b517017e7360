// SPDX-License-Identifier: BSD-2-Clause
#include "support.h"

#ifdef __has_feature
#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#define no_value(p, len) __msan_poison(p, len)
#define must_have_value(p, len) __msan_check_mem_is_initialized(p, len)
#endif
#endif
#ifndef no_value
#define no_value(p, len) ((void)(p), (void)(len))
#define must_have_value(p, len) ((void)(p), (void)(len))
#endif

static const char *const names[TEST_BODIES] = { "ref", "fast" };
static struct espnic_engine_thread *threads[TEST_BODIES];

const struct espnic_engine_ops *body(unsigned int i)
{
	return i < TEST_BODIES ? espnic_engine_get(names[i], NULL) : NULL;
}

/* Lives until the test program ends. */
struct espnic_engine_thread *body_thread(unsigned int i)
{
	if (!threads[i])
		threads[i] = body(i)->thread_new();
	assert_non_null(threads[i]);
	return threads[i];
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	assert_true(c >= 'a' && c <= 'f');
	return c - 'a' + 10;
}

size_t unhex(const char *hex, uint8_t *out)
{
	size_t n = 0;

	while (*hex) {
		if (*hex == ' ') {
			hex++;
			continue;
		}
		out[n++] = (uint8_t)(digit(hex[0]) << 4 | digit(hex[1]));
		hex += 2;
	}
	return n;
}

uint32_t chance(void)
{
	static uint64_t x = 0x9e3779b97f4a7c15;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	return (uint32_t)(x * 0x2545f4914f6cdd1d >> 32);
}

void chance_bytes(uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)chance();
}

void sa_defaults(struct espnic_sa_params *p, enum espnic_sa_dir dir, enum espnic_sa_mode mode,
		 uint8_t outer)
{
	espnic_sa_params_init(p);
	p->spi = TEST_SPI;
	p->dir = dir;
	p->mode = mode;
	p->enc = ESPNIC_ENC_AES_GCM;
	p->enc_key_len = 16;
	for (uint8_t i = 0; i < 32; i++)
		p->enc_key[i] = i;
	p->salt_len = 4;
	unhex("a0a1a2a3", p->salt);
	p->tunnel.family = outer;
	if (outer == ESPNIC_IPV4) {
		unhex("c0000201", p->tunnel.src);
		unhex("c0000202", p->tunnel.dst);
	} else {
		unhex("20010db8000000000000000000000001", p->tunnel.src);
		unhex("20010db8000000000000000000000002", p->tunnel.dst);
	}
}

static const struct {
	const char *name;
	enum espnic_sa_proto proto;
	enum espnic_enc enc;
	uint8_t key_len, salt_len, icv_len;
	enum espnic_auth auth;
	uint8_t auth_key_len;
} suite_table[] = {
	{ "gcm-128", ESPNIC_PROTO_ESP, ESPNIC_ENC_AES_GCM, 16, 4, 16, ESPNIC_AUTH_NONE, 0 },
	{ "gcm-192", ESPNIC_PROTO_ESP, ESPNIC_ENC_AES_GCM, 24, 4, 12, ESPNIC_AUTH_NONE, 0 },
	{ "gcm-256", ESPNIC_PROTO_ESP, ESPNIC_ENC_AES_GCM, 32, 4, 8, ESPNIC_AUTH_NONE, 0 },
	{ "gmac-128", ESPNIC_PROTO_ESP, ESPNIC_ENC_AES_GMAC, 16, 4, 16, ESPNIC_AUTH_NONE, 0 },
	{ "gmac-192", ESPNIC_PROTO_ESP, ESPNIC_ENC_AES_GMAC, 24, 4, 16, ESPNIC_AUTH_NONE, 0 },
	{ "gmac-256", ESPNIC_PROTO_ESP, ESPNIC_ENC_AES_GMAC, 32, 4, 16, ESPNIC_AUTH_NONE, 0 },
	{ "ccm-128", ESPNIC_PROTO_ESP, ESPNIC_ENC_AES_CCM, 16, 3, 8, ESPNIC_AUTH_NONE, 0 },
	{ "ccm-192", ESPNIC_PROTO_ESP, ESPNIC_ENC_AES_CCM, 24, 3, 12, ESPNIC_AUTH_NONE, 0 },
	{ "ccm-256", ESPNIC_PROTO_ESP, ESPNIC_ENC_AES_CCM, 32, 3, 16, ESPNIC_AUTH_NONE, 0 },
	{ "chacha", ESPNIC_PROTO_ESP, ESPNIC_ENC_CHACHA20_POLY1305, 32, 4, 16, ESPNIC_AUTH_NONE, 0 },
	{ "cbc-128, md5", ESPNIC_PROTO_ESP, ESPNIC_ENC_AES_CBC, 16, 0, 12,
	  ESPNIC_AUTH_HMAC_MD5_96, 16 },
	{ "cbc-192, sha1", ESPNIC_PROTO_ESP, ESPNIC_ENC_AES_CBC, 24, 0, 12,
	  ESPNIC_AUTH_HMAC_SHA1_96, 20 },
	{ "cbc-256, sha256", ESPNIC_PROTO_ESP, ESPNIC_ENC_AES_CBC, 32, 0, 16,
	  ESPNIC_AUTH_HMAC_SHA256_128, 32 },
	{ "cbc-128, sha384", ESPNIC_PROTO_ESP, ESPNIC_ENC_AES_CBC, 16, 0, 24,
	  ESPNIC_AUTH_HMAC_SHA384_192, 48 },
	{ "ctr-128, sha512", ESPNIC_PROTO_ESP, ESPNIC_ENC_AES_CTR, 16, 4, 32,
	  ESPNIC_AUTH_HMAC_SHA512_256, 64 },
	{ "ctr-192, xcbc", ESPNIC_PROTO_ESP, ESPNIC_ENC_AES_CTR, 24, 4, 12,
	  ESPNIC_AUTH_AES_XCBC_96, 16 },
	{ "ctr-256, cmac", ESPNIC_PROTO_ESP, ESPNIC_ENC_AES_CTR, 32, 4, 12,
	  ESPNIC_AUTH_AES_CMAC_96, 16 },
	{ "3des, sha1", ESPNIC_PROTO_ESP, ESPNIC_ENC_3DES_CBC, 24, 0, 12,
	  ESPNIC_AUTH_HMAC_SHA1_96, 20 },
	{ "null, sha256", ESPNIC_PROTO_ESP, ESPNIC_ENC_NULL, 0, 0, 16,
	  ESPNIC_AUTH_HMAC_SHA256_128, 32 },
	{ "null, xcbc", ESPNIC_PROTO_ESP, ESPNIC_ENC_NULL, 0, 0, 12, ESPNIC_AUTH_AES_XCBC_96, 16 },
	{ "ah, md5", ESPNIC_PROTO_AH, ESPNIC_ENC_NULL, 0, 0, 12, ESPNIC_AUTH_HMAC_MD5_96, 16 },
	{ "ah, sha1", ESPNIC_PROTO_AH, ESPNIC_ENC_NULL, 0, 0, 12, ESPNIC_AUTH_HMAC_SHA1_96, 20 },
	{ "ah, sha256", ESPNIC_PROTO_AH, ESPNIC_ENC_NULL, 0, 0, 16, ESPNIC_AUTH_HMAC_SHA256_128, 32 },
	{ "ah, sha384", ESPNIC_PROTO_AH, ESPNIC_ENC_NULL, 0, 0, 24, ESPNIC_AUTH_HMAC_SHA384_192, 48 },
	{ "ah, sha512", ESPNIC_PROTO_AH, ESPNIC_ENC_NULL, 0, 0, 32, ESPNIC_AUTH_HMAC_SHA512_256, 64 },
	{ "ah, xcbc", ESPNIC_PROTO_AH, ESPNIC_ENC_NULL, 0, 0, 12, ESPNIC_AUTH_AES_XCBC_96, 16 },
	{ "ah, cmac", ESPNIC_PROTO_AH, ESPNIC_ENC_NULL, 0, 0, 12, ESPNIC_AUTH_AES_CMAC_96, 16 },
	{ "ah, gmac-128", ESPNIC_PROTO_AH, ESPNIC_ENC_NULL, 0, 4, 16, ESPNIC_AUTH_AES_GMAC, 16 },
	{ "ah, gmac-256", ESPNIC_PROTO_AH, ESPNIC_ENC_NULL, 0, 4, 16, ESPNIC_AUTH_AES_GMAC, 32 },
};

unsigned int suites(void)
{
	return ARRAY_SIZE(suite_table);
}

const char *suite_params(unsigned int n, struct espnic_sa_params *p)
{
	p->proto = suite_table[n].proto;
	p->enc = suite_table[n].enc;
	p->enc_key_len = suite_table[n].key_len;
	p->salt_len = suite_table[n].salt_len;
	p->icv_len = suite_table[n].icv_len;
	p->auth = suite_table[n].auth;
	p->auth_key_len = suite_table[n].auth_key_len;
	chance_bytes(p->enc_key, sizeof(p->enc_key));
	chance_bytes(p->auth_key, sizeof(p->auth_key));
	chance_bytes(p->salt, sizeof(p->salt));
	return suite_table[n].name;
}

void usual_params(struct espnic_sa_params *p)
{
	enum { GCM_SUITES = 3 };		/* they come first */

	suite_params(chance() % GCM_SUITES, p);
	p->has_sel = false;
	p->udp_encap = false;
	p->tfc_len = 0;
}

struct espnic_sa *sa_must(const struct espnic_engine_ops *ops, const struct espnic_sa_params *p)
{
	struct espnic_sa *sa;
	const char *why = NULL;

	assert_verdict(ops->sa_add(p, &sa, &why), ESPNIC_OK);
	return sa;
}

uint32_t make_ip(uint8_t family, uint8_t *out, uint32_t payload)
{
	uint32_t head = family == ESPNIC_IPV4 ? ESPNIC_IPV4_HLEN : ESPNIC_IPV6_HLEN;

	memset(out, 0, head);
	if (family == ESPNIC_IPV4) {
		unhex("4500 0000 abcd 0000 40 11 0000 0a000001 0a000002", out);
		espnic_put16(out + ESPNIC_IPV4_LEN, (uint16_t)(head + payload));
		espnic_ipv4_csum(out);
	} else {
		unhex("60012345 0000 11 40 fd000000000000000000000000000001"
		      "fd000000000000000000000000000002", out);
		espnic_put16(out + ESPNIC_IPV6_LEN, (uint16_t)payload);
	}
	for (uint32_t i = 0; i < payload; i++)
		out[head + i] = (uint8_t)(i * 7 + 3);
	return head + payload;
}

void buf_set(struct buf *b, const uint8_t *packet, uint32_t len, struct espnic_sa *sa)
{
	memset(&b->pkt, 0, sizeof(b->pkt));
	b->pkt.data = b->bytes + TEST_HEADROOM;
	b->pkt.len = len;
	b->pkt.headroom = TEST_HEADROOM;
	b->pkt.tailroom = TEST_BUF - TEST_HEADROOM - len;
	b->pkt.sa = sa;
	memmove(b->pkt.data, packet, len);
	/* What stands around it is nobody's. */
	no_value(b->bytes, TEST_HEADROOM);
	no_value(b->pkt.data + len, b->pkt.tailroom);
}

/* Of what is given out all is the packet's or the engine's. */
static enum espnic_verdict given_out(const struct espnic_pkt *pkt)
{
	if (pkt->verdict == ESPNIC_OK)
		must_have_value(pkt->data, pkt->len);
	return pkt->verdict;
}

enum espnic_verdict protect(unsigned int i, struct buf *b)
{
	body(i)->protect(body_thread(i), &b->pkt, 1);
	return given_out(&b->pkt);
}

enum espnic_verdict unprotect(unsigned int i, struct buf *b)
{
	body(i)->unprotect(body_thread(i), &b->pkt, 1);
	return given_out(&b->pkt);
}
