// SPDX-License-Identifier: BSD-2-Clause
/* AH (RFC 4302): its header, what of the others its ICV sees, and what is wrong with either. */
#include "support.h"

#include <stdlib.h>

#include <openssl/evp.h>

static struct buf b;
static uint8_t clear[ESPNIC_PACKET_MAX], sealed[ESPNIC_PACKET_MAX];

static void ah_params(struct espnic_sa_params *p, enum espnic_sa_dir dir, enum espnic_sa_mode mode,
		      uint8_t outer)
{
	sa_defaults(p, dir, mode, outer);
	p->proto = ESPNIC_PROTO_AH;
	p->enc = ESPNIC_ENC_NULL;
	p->enc_key_len = 0;
	p->salt_len = 0;
	p->auth = ESPNIC_AUTH_HMAC_SHA256_128;
	p->auth_key_len = 32;
}

static struct espnic_sa *ah_sa(unsigned int i, enum espnic_sa_dir dir, enum espnic_sa_mode mode,
			       uint8_t outer)
{
	struct espnic_sa_params p;

	ah_params(&p, dir, mode, outer);
	return sa_must(body(i), &p);
}

/* @len bytes at @packet through @sa; the result is in b. */
static enum espnic_verdict out_one(unsigned int i, const uint8_t *packet, uint32_t len,
				   struct espnic_sa *sa)
{
	buf_set(&b, packet, len, sa);
	return protect(i, &b);
}

static enum espnic_verdict in_one(unsigned int i, const uint8_t *packet, uint32_t len,
				  struct espnic_sa *sa)
{
	buf_set(&b, packet, len, sa);
	return unprotect(i, &b);
}

/*
 * The ICV of AES-GMAC over the packet in b, without options, by libcrypto. RFC 4543: the IV in front of the ICV goes into the
 * nonce (section 3.2), and is authenticated as it stands there (section 7).
 */
static void gmac_icv(const struct espnic_sa_params *p, uint32_t head, uint8_t icv[16])
{
	static uint8_t seen[ESPNIC_PACKET_MAX];
	const EVP_CIPHER *gcm = p->auth_key_len == 16 ? EVP_aes_128_gcm() :
				p->auth_key_len == 24 ? EVP_aes_192_gcm() : EVP_aes_256_gcm();
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t nonce[12];
	int len;

	memcpy(seen, b.pkt.data, b.pkt.len);
	if (head == 20) {
		seen[1] = seen[6] = seen[7] = seen[8] = seen[10] = seen[11] = 0;
	} else {
		memcpy(seen, "\x60\0\0\0", 4);
		seen[7] = 0;
	}
	memset(seen + head + 20, 0, 16);
	memcpy(nonce, p->salt, 4);
	memcpy(nonce + 4, b.pkt.data + head + 12, 8);
	assert_int_equal(EVP_EncryptInit_ex(ctx, gcm, NULL, p->auth_key, nonce), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, NULL, &len, seen, (int)b.pkt.len), 1);
	assert_int_equal(EVP_EncryptFinal_ex(ctx, icv, &len), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, icv), 1);
	EVP_CIPHER_CTX_free(ctx);
}

/* Section 2: every field, for each authenticator and both families. */
static void fields(void **state)
{
	(void)state;
	for (unsigned int c = 0; c < suites() * 2 * TEST_BODIES; c++) {
		unsigned int i = c % TEST_BODIES;
		uint8_t family = c / TEST_BODIES % 2 ? 6 : 4;
		uint32_t head = family == 4 ? 20 : 40, align = family == 4 ? 4 : 8;
		struct espnic_sa_params p;
		uint32_t bare, ah_len, len;
		struct espnic_sa *sa;
		const uint8_t *ah;

		sa_defaults(&p, ESPNIC_DIR_OUT, ESPNIC_MODE_TRANSPORT, family);
		suite_params(c / 2 / TEST_BODIES, &p);
		if (p.proto != ESPNIC_PROTO_AH || !body(i))
			continue;
		p.seq = 0x01020303;
		sa = sa_must(body(i), &p);
		len = make_ip(family, clear, 33);
		assert_verdict(out_one(i, clear, len, sa), ESPNIC_OK);
		bare = 12u + (p.auth == ESPNIC_AUTH_AES_GMAC ? 8 : 0) + p.icv_len;
		ah_len = (bare + align - 1) / align * align;
		assert_int_equal(b.pkt.len, len + ah_len);
		ah = b.pkt.data + head;
		assert_int_equal(b.pkt.data[family == 4 ? 9 : 6], ESPNIC_IPPROTO_AH);
		assert_int_equal(ah[0], 17);
		assert_int_equal(ah[1], ah_len / 4 - 2);
		assert_int_equal(espnic_get16(ah + 2), 0);
		assert_int_equal(espnic_get32(ah + 4), TEST_SPI);
		assert_int_equal(espnic_get32(ah + 8), 0x01020304);
		if (p.auth == ESPNIC_AUTH_AES_GMAC) {
			uint8_t icv[16];

			assert_true(espnic_get64(ah + 12) == 0x01020304);
			gmac_icv(&p, head, icv);
			assert_memory_equal(ah + 20, icv, sizeof(icv));
		}
		for (uint32_t k = bare; k < ah_len; k++)
			assert_int_equal(ah[k], 0);
		assert_memory_equal(ah + ah_len, clear + head, 33);
		body(i)->sa_del(sa);
	}
}

/* The IPv4 header of a packet with these options, UDP and 4 bytes behind it. */
static uint32_t with_options(const char *options)
{
	uint32_t n = (uint32_t)unhex(options, clear + 20);

	assert_int_equal(n % 4, 0);
	unhex("45000000 abcd4000 40110000 0a000001 0a000002", clear);
	clear[0] = (uint8_t)(0x45 + n / 4);
	memset(clear + 20 + n, 0x5a, 12);
	espnic_put16(clear + 2, (uint16_t)(20 + n + 12));
	espnic_ipv4_csum(clear);
	return 20 + n + 12;
}

/* What may change on the way, by offset: every other byte of the headers is under the ICV. */
static void check_mutable(unsigned int i, const char *what, uint8_t family, uint32_t len,
			  uint32_t head, const bool *may)
{
	struct espnic_sa *out = ah_sa(i, ESPNIC_DIR_OUT, ESPNIC_MODE_TRANSPORT, family);
	struct espnic_sa *in = ah_sa(i, ESPNIC_DIR_IN, ESPNIC_MODE_TRANSPORT, family);
	uint32_t total;

	assert_verdict(out_one(i, clear, len, out), ESPNIC_OK);
	total = b.pkt.len;
	memcpy(sealed, b.pkt.data, total);
	assert_verdict(in_one(i, sealed, total, in), ESPNIC_OK);
	assert_int_equal(b.pkt.len, len);
	if (family == 4)
		espnic_ipv4_csum(clear);
	assert_memory_equal(b.pkt.data, clear, len);
	for (uint32_t at = 1; at < head; at++) {
		uint8_t was = sealed[at];
		bool good;

		/* What names an IPv4 option and ends it: ipv4_rest() and ipv4_bad_options(). */
		if (family == 4 && (at == 20 || at == 21))
			continue;
		sealed[at] ^= 0x0c;
		good = in_one(i, sealed, total, in) == ESPNIC_OK;
		sealed[at] = was;
		if (good != may[at])
			fail_msg("%s: byte %u: %s", what, at, good ? "not under the ICV" :
				 espnic_verdict_name(b.pkt.verdict));
	}
	body(i)->sa_del(out);
	body(i)->sa_del(in);
}

/* Appendix A1. The change goes to the option's data. */
static const struct {
	const char *what, *options;
	bool stays;
} options[] = {
	{ "no operation, end", "01010100", true },
	{ "security", "820b0000 01020304 05060700", true },
	{ "extended security", "85060102 03040000", true },
	{ "CIPSO", "86060000 00010000", true },
	{ "router alert", "94040000", true },
	{ "sender directed multi-destination", "95060a00 00030000", true },
	{ "record route", "07070400 00000000", false },
	{ "timestamp", "44080500 00000000", false },
	{ "traceroute", "520c0001 00020003 01020304", false },
	{ "loose source route, done", "8307080a 00000900", false },
	{ "strict source route, done", "8907080a 00000900", false },
	{ "stream identifier", "88040102", false },
	{ "one nobody knows", "9e040102", false },
};

static void ipv4_options(void **state)
{
	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(options) * TEST_BODIES; c++) {
		unsigned int i = c % TEST_BODIES;
		size_t n = c / TEST_BODIES;
		uint32_t len, data;
		bool may[64] = { false };

		if (!body(i))
			continue;
		len = with_options(options[n].options);
		data = clear[20] > 1 ? clear[21] : 0;
		/* TOS; flags and fragment offset (here: reserved ones would be a fragment); TTL; checksum. */
		may[1] = true;
		may[8] = may[10] = may[11] = true;
		for (uint32_t k = 22; k < 20 + data; k++)
			may[k] = !options[n].stays;
		check_mutable(i, options[n].what, 4, len, data > 2 ? 20 + data : 20, may);
	}
}

/* DF, and the type of an option that is zeroed whole. */
static void ipv4_rest(void **state)
{
	(void)state;
	for (unsigned int i = 0; body(i); i++) {
		struct espnic_sa *out = ah_sa(i, ESPNIC_DIR_OUT, ESPNIC_MODE_TRANSPORT, 4);
		struct espnic_sa *in = ah_sa(i, ESPNIC_DIR_IN, ESPNIC_MODE_TRANSPORT, 4);
		uint32_t len = with_options("07070400 00000000"), total;

		assert_verdict(out_one(i, clear, len, out), ESPNIC_OK);
		total = b.pkt.len;
		memcpy(sealed, b.pkt.data, total);
		sealed[6] ^= 0x40;
		assert_verdict(in_one(i, sealed, total, in), ESPNIC_OK);
		/* Record route becomes another option of its length, mutable as well. */
		sealed[20] ^= 0x88 ^ 0x07;
		assert_verdict(in_one(i, sealed, total, in), ESPNIC_OK);
		sealed[20] ^= 0x88 ^ 0x82;
		assert_verdict(in_one(i, sealed, total, in), ESPNIC_INTEGRITY);
		body(i)->sa_del(out);
		body(i)->sa_del(in);
	}
}

/* Options whose lengths lie: no way to tell what the ICV is over. */
static void ipv4_bad_options(void **state)
{
	static const char *const bad[] = {
		"82000000", "82010000", "82050000", "01010182", "82ff0000", "83020101", "8307ff00 00000000",
		"83030400", "83060400 00000000", "83070300 00000000", "89070000 00000000", "89040100",
	};
	static const enum espnic_verdict want[] = {
		ESPNIC_MALFORMED, ESPNIC_MALFORMED, ESPNIC_MALFORMED, ESPNIC_MALFORMED,
		ESPNIC_MALFORMED, ESPNIC_MALFORMED, ESPNIC_OK, ESPNIC_OK, ESPNIC_MALFORMED,
		ESPNIC_MALFORMED, ESPNIC_MALFORMED, ESPNIC_MALFORMED,
	};

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(bad) * TEST_BODIES; c++) {
		unsigned int i = c % TEST_BODIES;
		struct espnic_sa *out;
		uint32_t len;

		if (!body(i))
			continue;
		out = ah_sa(i, ESPNIC_DIR_OUT, ESPNIC_MODE_TRANSPORT, 4);
		len = with_options(bad[c / TEST_BODIES]);
		if (out_one(i, clear, len, out) != want[c / TEST_BODIES])
			fail_msg("%s: %s", bad[c / TEST_BODIES], espnic_verdict_name(b.pkt.verdict));
		body(i)->sa_del(out);
	}
}

/* Source routes not done yet: the ICV is over what the last hop will see. */
static void routed(void **state)
{
	(void)state;
	for (unsigned int i = 0; body(i); i++) {
		struct espnic_sa *out4 = ah_sa(i, ESPNIC_DIR_OUT, ESPNIC_MODE_TRANSPORT, 4);
		struct espnic_sa *in4 = ah_sa(i, ESPNIC_DIR_IN, ESPNIC_MODE_TRANSPORT, 4);
		struct espnic_sa *out6 = ah_sa(i, ESPNIC_DIR_OUT, ESPNIC_MODE_TRANSPORT, 6);
		struct espnic_sa *in6 = ah_sa(i, ESPNIC_DIR_IN, ESPNIC_MODE_TRANSPORT, 6);
		uint32_t len = with_options("830b0401 01010102 02020200");
		uint8_t address[16];

		assert_verdict(out_one(i, clear, len, out4), ESPNIC_OK);
		memcpy(sealed, b.pkt.data, b.pkt.len);
		/* On the wire it goes to the first hop; as it is there, it is not good. */
		assert_memory_equal(sealed + 16, clear + 16, 4);
		assert_verdict(in_one(i, sealed, b.pkt.len, in4), ESPNIC_INTEGRITY);
		/* RFC 791: each hop puts the next address into the destination, its own into the route. */
		unhex("02020202", sealed + 16);
		unhex("830b0c 0a000002 01010101", sealed + 20);
		assert_verdict(in_one(i, sealed, len + 28, in4), ESPNIC_OK);

		/* RFC 2460 section 4.4, two hops of three to go. */
		len = make_ip(6, clear, 8 + 48 + 12);
		clear[6] = ESPNIC_IPPROTO_ROUTING;
		memset(clear + 40, 0, 8 + 48);
		clear[40] = 17;
		clear[41] = 6;
		clear[43] = 2;
		for (int k = 0; k < 3; k++)
			clear[48 + 16 * k + 15] = (uint8_t)(0xa1 + k);
		assert_verdict(out_one(i, clear, len, out6), ESPNIC_OK);
		memcpy(sealed, b.pkt.data, b.pkt.len);
		assert_memory_equal(sealed + 8, clear + 8, 32);
		assert_int_equal(sealed[43], 2);
		for (int hop = 0; hop < 2; hop++) {
			uint8_t *next = sealed + 48 + 16 * (1 + hop);

			assert_verdict(in_one(i, sealed, len + 32, in6), ESPNIC_INTEGRITY);
			memcpy(address, next, 16);
			memcpy(next, sealed + 24, 16);
			memcpy(sealed + 24, address, 16);
			sealed[43]--;
		}
		assert_verdict(in_one(i, sealed, len + 32, in6), ESPNIC_OK);
		assert_int_equal(sealed[24 + 15], 0xa3);

		/* More to go than there is, or half an address. */
		clear[43] = 4;
		assert_verdict(out_one(i, clear, len, out6), ESPNIC_MALFORMED);
		clear[43] = 1;
		clear[41] = 5;
		assert_verdict(out_one(i, clear, len, out6), ESPNIC_MALFORMED);
		body(i)->sa_del(out4);
		body(i)->sa_del(in4);
		body(i)->sa_del(out6);
		body(i)->sa_del(in6);
	}
}

/* IPv6: hop-by-hop options that may change and one that may not, and the same as destination options. */
static void ipv6_mutable(void **state)
{
	(void)state;
	for (unsigned int c = 0; c < 2 * TEST_BODIES; c++) {
		unsigned int i = c % TEST_BODIES;
		bool may[88] = { false };
		uint32_t len;

		if (!body(i))
			continue;
		len = make_ip(6, clear, 48 + 20);
		clear[6] = c < TEST_BODIES ? ESPNIC_IPPROTO_HOPOPTS : ESPNIC_IPPROTO_DSTOPTS;
		unhex("2b02 3e04 01020304 1e04 05060708 3e02 0a0b 0100 00000000", clear + 40);
		unhex("1102 0000 00000000 fd00000000000000 00000000000000a1", clear + 64);
		for (uint32_t k = 1; k < 4; k++)
			may[k] = true;
		may[7] = true;
		for (uint32_t k = 44; k < 48; k++)
			may[k] = true;
		may[56] = may[57] = true;
		check_mutable(i, c < TEST_BODIES ? "hop-by-hop" : "destination", 6, len, 40 + 20, may);
	}
}

/* Fields of AH that lie, and what stands in the padding. */
static void bad_header(void **state)
{
	(void)state;
	for (unsigned int i = 0; body(i); i++) {
		struct espnic_sa *out = ah_sa(i, ESPNIC_DIR_OUT, ESPNIC_MODE_TUNNEL, 6);
		struct espnic_sa *in = ah_sa(i, ESPNIC_DIR_IN, ESPNIC_MODE_TUNNEL, 6);
		struct espnic_sa_params p;
		struct espnic_sa *esn;
		uint32_t len = make_ip(4, clear, 44);

		assert_verdict(out_one(i, clear, len, out), ESPNIC_OK);
		len = b.pkt.len;
		memcpy(sealed, b.pkt.data, len);
		for (unsigned int n = 0; n < 256; n++) {
			sealed[41] = (uint8_t)n;
			assert_verdict(in_one(i, sealed, len, in), n == 6 ? ESPNIC_OK :
				       ESPNIC_MALFORMED);
		}
		sealed[41] = 6;
		/* The padding is under the ICV, and so is the reserved field. */
		sealed[40 + 28] = 1;
		assert_verdict(in_one(i, sealed, len, in), ESPNIC_INTEGRITY);
		sealed[40 + 28] = 0;
		sealed[42] = 1;
		assert_verdict(in_one(i, sealed, len, in), ESPNIC_INTEGRITY);
		sealed[42] = 0;
		sealed[45] ^= 1;
		assert_verdict(in_one(i, sealed, len, in), ESPNIC_NO_SA);
		sealed[45] ^= 1;
		sealed[6] = ESPNIC_IPPROTO_ESP;
		assert_verdict(in_one(i, sealed, len, in), ESPNIC_NO_SA);
		sealed[6] = ESPNIC_IPPROTO_AH;
		assert_verdict(in_one(i, sealed, len, in), ESPNIC_OK);
		assert_int_equal(b.pkt.len, 64);
		assert_memory_equal(b.pkt.data, clear, 64);

		/* The high half has to stand somewhere. */
		ah_params(&p, ESPNIC_DIR_IN, ESPNIC_MODE_TUNNEL, 6);
		p.esn = true;
		esn = sa_must(body(i), &p);
		buf_set(&b, sealed, len, esn);
		b.pkt.tailroom = 3;
		assert_verdict(unprotect(i, &b), ESPNIC_MTU);
		buf_set(&b, sealed, len, esn);
		b.pkt.tailroom = 4;
		assert_verdict(unprotect(i, &b), ESPNIC_INTEGRITY);
		body(i)->sa_del(out);
		body(i)->sa_del(in);
		body(i)->sa_del(esn);
	}
}

/* Headers so long that those of one burst do not fit the burst's memory for them. */
static void long_headers(void **state)
{
	enum { N = 70, EXT = 2048, LEN = 40 + EXT + 16, SLOT = 128 + LEN + 128 };

	(void)state;
	for (unsigned int i = 0; body(i); i++) {
		struct espnic_sa *out = ah_sa(i, ESPNIC_DIR_OUT, ESPNIC_MODE_TRANSPORT, 6);
		struct espnic_sa *in = ah_sa(i, ESPNIC_DIR_IN, ESPNIC_MODE_TRANSPORT, 6);
		struct espnic_pkt pkts[N] = { 0 };
		uint8_t *mem = calloc(N, SLOT);

		assert_int_equal(make_ip(6, clear, EXT + 16), LEN);
		clear[6] = ESPNIC_IPPROTO_HOPOPTS;
		memset(clear + 40, 0, EXT);
		clear[40] = 17;
		clear[41] = EXT / 8 - 1;
		for (int k = 0; k < N; k++) {
			pkts[k] = (struct espnic_pkt){ .data = mem + k * SLOT + 128, .len = LEN,
				.headroom = 128, .tailroom = 128, .sa = out };
			memcpy(pkts[k].data, clear, LEN);
			/* Flow label: saved with the rest, and given back. */
			pkts[k].data[3] = (uint8_t)k;
		}
		body(i)->protect(body_thread(i), pkts, N);
		for (int k = 0; k < N; k++) {
			assert_verdict(pkts[k].verdict, ESPNIC_OK);
			assert_int_equal(pkts[k].seq, k + 1);
			assert_int_equal(pkts[k].data[3], k);
			pkts[k].sa = in;
		}
		body(i)->unprotect(body_thread(i), pkts, N);
		for (int k = 0; k < N; k++) {
			assert_verdict(pkts[k].verdict, ESPNIC_OK);
			clear[3] = (uint8_t)k;
			assert_int_equal(pkts[k].len, LEN);
			assert_memory_equal(pkts[k].data, clear, LEN);
		}
		free(mem);
		body(i)->sa_del(out);
		body(i)->sa_del(in);
	}
}

/* The largest header there can be: one packet, and nothing of it is left out. */
static void longest_header(void **state)
{
	(void)state;
	for (unsigned int i = 0; body(i); i++) {
		struct espnic_sa *out = ah_sa(i, ESPNIC_DIR_OUT, ESPNIC_MODE_TRANSPORT, 6);
		struct espnic_sa *in = ah_sa(i, ESPNIC_DIR_IN, ESPNIC_MODE_TRANSPORT, 6);
		uint32_t n = (65535 - 32) / 2048, len = make_ip(6, clear, n * 2048 + 1);

		for (uint32_t k = 0; k < n; k++) {
			memset(clear + 40 + k * 2048, 0, 2048);
			clear[40 + k * 2048] = k + 1 < n ? ESPNIC_IPPROTO_ROUTING : 17;
			clear[40 + k * 2048 + 1] = 255;
			clear[40 + k * 2048 + 2] = 200;
		}
		clear[6] = ESPNIC_IPPROTO_ROUTING;
		assert_verdict(out_one(i, clear, len, out), ESPNIC_OK);
		memcpy(sealed, b.pkt.data, b.pkt.len);
		assert_verdict(in_one(i, sealed, b.pkt.len, in), ESPNIC_OK);
		assert_memory_equal(b.pkt.data, clear, len);
		body(i)->sa_del(out);
		body(i)->sa_del(in);
	}
}

/* SA bundles (RFC 4301 section 4.3 of its predecessor): AH over ESP, applied and taken off one by one. */
static void bundle(void **state)
{
	(void)state;
	for (unsigned int c = 0; c < 4 * TEST_BODIES; c++) {
		enum espnic_sa_mode mode = c / TEST_BODIES % 2 ? ESPNIC_MODE_TUNNEL :
					   ESPNIC_MODE_TRANSPORT;
		uint8_t family = c / TEST_BODIES / 2 ? 6 : 4;
		unsigned int i = c % TEST_BODIES;
		struct espnic_sa *esp_out, *esp_in, *ah_out, *ah_in;
		struct espnic_sa_params p;
		uint32_t len;

		if (!body(i))
			continue;
		sa_defaults(&p, ESPNIC_DIR_OUT, ESPNIC_MODE_TRANSPORT, family);
		esp_out = sa_must(body(i), &p);
		p.dir = ESPNIC_DIR_IN;
		esp_in = sa_must(body(i), &p);
		ah_out = ah_sa(i, ESPNIC_DIR_OUT, mode, family);
		ah_in = ah_sa(i, ESPNIC_DIR_IN, mode, family);
		len = make_ip(family, clear, 50);
		assert_verdict(out_one(i, clear, len, esp_out), ESPNIC_OK);
		b.pkt.sa = ah_out;
		assert_verdict(protect(i, &b), ESPNIC_OK);
		b.pkt.sa = esp_in;
		assert_verdict(unprotect(i, &b), ESPNIC_NO_SA);
		b.pkt.sa = ah_in;
		assert_verdict(unprotect(i, &b), ESPNIC_OK);
		b.pkt.sa = esp_in;
		assert_verdict(unprotect(i, &b), ESPNIC_OK);
		assert_int_equal(b.pkt.len, len);
		assert_memory_equal(b.pkt.data, clear, len);
		body(i)->sa_del(esp_out);
		body(i)->sa_del(esp_in);
		body(i)->sa_del(ah_out);
		body(i)->sa_del(ah_in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(ipv4_options),
		cmocka_unit_test(ipv4_rest),
		cmocka_unit_test(ipv4_bad_options),
		cmocka_unit_test(routed),
		cmocka_unit_test(ipv6_mutable),
		cmocka_unit_test(bad_header),
		cmocka_unit_test(long_headers),
		cmocka_unit_test(longest_header),
		cmocka_unit_test(bundle),
	};

	return cmocka_run_group_tests_name("engine/ah", tests, NULL, NULL);
}
