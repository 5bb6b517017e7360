// SPDX-License-Identifier: BSD-2-Clause
/* Every suite through whole packets: both modes, all families, ESN; and what each byte of them is. */
#include "support.h"

#include <openssl/evp.h>
#include <stdlib.h>

static struct buf bufs[TEST_BODIES], b;

struct way {
	enum espnic_sa_mode mode;
	uint8_t outer, inner;
};

static const struct way ways[] = {
	{ ESPNIC_MODE_TRANSPORT, 4, 4 }, { ESPNIC_MODE_TRANSPORT, 6, 6 },
	{ ESPNIC_MODE_TUNNEL, 4, 4 }, { ESPNIC_MODE_TUNNEL, 4, 6 },
	{ ESPNIC_MODE_TUNNEL, 6, 4 }, { ESPNIC_MODE_TUNNEL, 6, 6 },
};

static const char *chosen(unsigned int suite, const struct way *w, bool esn,
			  struct espnic_sa_params *p)
{
	sa_defaults(p, ESPNIC_DIR_OUT, w->mode, w->outer);
	p->esn = esn;
	p->seq = esn ? 0x2fffffffe : 6;
	p->replay_window = 64;
	return suite_params(suite, p);
}

static struct espnic_sa *towards(unsigned int i, struct espnic_sa_params *p, enum espnic_sa_dir dir)
{
	p->dir = dir;
	return sa_must(body(i), p);
}

static void there_and_back(const char *name, struct espnic_sa_params *p, uint8_t inner)
{
	struct espnic_sa *out[TEST_BODIES] = { NULL }, *in[TEST_BODIES] = { NULL };
	uint8_t packet[2048];
	uint32_t len;

	for (unsigned int i = 0; body(i); i++) {
		out[i] = towards(i, p, ESPNIC_DIR_OUT);
		in[i] = towards(i, p, ESPNIC_DIR_IN);
	}
	for (uint32_t payload = 0; payload < 1500; payload += payload < 70 ? 1 : 97) {
		len = make_ip(inner, packet, payload);
		for (unsigned int i = 0; body(i); i++) {
			buf_set(&bufs[i], packet, len, out[i]);
			if (protect(i, &bufs[i]) != ESPNIC_OK)
				fail_msg("%s: %s", name, espnic_verdict_name(bufs[i].pkt.verdict));
			assert_int_equal(bufs[i].pkt.len, bufs[0].pkt.len);
			assert_memory_equal(bufs[i].pkt.data, bufs[0].pkt.data, bufs[0].pkt.len);
		}
		for (unsigned int i = 0; body(i); i++) {
			bufs[i].pkt.sa = in[i];
			if (unprotect(i, &bufs[i]) != ESPNIC_OK)
				fail_msg("%s, %u bytes: %s", name, payload,
					 espnic_verdict_name(bufs[i].pkt.verdict));
			assert_int_equal(bufs[i].pkt.len, len);
			assert_memory_equal(bufs[i].pkt.data, packet, len);
			assert_ptr_equal(bufs[i].bytes + bufs[i].pkt.headroom, bufs[i].pkt.data);
			assert_int_equal(bufs[i].pkt.headroom + len + bufs[i].pkt.tailroom, TEST_BUF);
		}
	}
	for (unsigned int i = 0; body(i); i++) {
		body(i)->sa_del(out[i]);
		body(i)->sa_del(in[i]);
	}
}

static void everything(void **state)
{
	(void)state;
	for (unsigned int s = 0; s < suites(); s++) {
		for (size_t w = 0; w < ARRAY_SIZE(ways); w++) {
			struct espnic_sa_params p;
			const char *name = chosen(s, &ways[w], w & 1, &p);

			there_and_back(name, &p, ways[w].inner);
			chosen(s, &ways[w], !(w & 1), &p);
			p.udp_encap = p.proto == ESPNIC_PROTO_ESP;
			there_and_back(name, &p, ways[w].inner);
		}
	}
}

/* The bytes of CBC's IV: the number, in the last 8 bytes of a zero block, encrypted. */
static void encrypted_number(const struct espnic_sa_params *p, uint64_t seq, uint8_t *iv, int len)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	const EVP_CIPHER *cipher = EVP_des_ede3_ecb();
	int n;

	if (p->enc == ESPNIC_ENC_AES_CBC)
		cipher = p->enc_key_len == 16 ? EVP_aes_128_ecb() :
			 p->enc_key_len == 24 ? EVP_aes_192_ecb() : EVP_aes_256_ecb();
	memset(iv, 0, (size_t)len);
	espnic_put64(iv + len - 8, seq);
	assert_int_equal(EVP_EncryptInit_ex(ctx, cipher, NULL, p->enc_key, NULL), 1);
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	assert_int_equal(EVP_EncryptUpdate(ctx, iv, &n, iv, len), 1);
	EVP_CIPHER_CTX_free(ctx);
}

/*
 * IV and length of each ESP packet, and its trailer, which crypto offload leaves to be seen; and
 * crypto offload makes of that what packet offload made.
 */
static void esp_bytes(void **state)
{
	(void)state;
	for (unsigned int c = 0; c < suites() * 2 * TEST_BODIES; c++) {
		unsigned int i = c % TEST_BODIES, s = c / 2 / TEST_BODIES;
		bool esn = c / TEST_BODIES % 2;
		struct espnic_sa_params p;
		struct espnic_sa *out, *in, *again;
		uint8_t packet[256], sealed[256];

		chosen(s, &ways[0], esn, &p);
		if (p.proto != ESPNIC_PROTO_ESP || !body(i))
			continue;
		out = towards(i, &p, ESPNIC_DIR_OUT);
		p.offload = ESPNIC_OFFLOAD_CRYPTO;
		in = towards(i, &p, ESPNIC_DIR_IN);
		again = towards(i, &p, ESPNIC_DIR_OUT);
		for (uint32_t payload = 0; payload < 40; payload++) {
			uint8_t iv_len = espnic_sa_info(out)->iv_len, iv[16], *text;
			uint32_t block = iv_len && (p.enc == ESPNIC_ENC_AES_CBC ||
						    p.enc == ESPNIC_ENC_3DES_CBC) ? iv_len : 4;
			uint32_t pad = -(payload + 2) % block;

			buf_set(&b, packet, make_ip(4, packet, payload), out);
			memcpy(b.pkt.data, packet, b.pkt.len);
			assert_verdict(protect(i, &b), ESPNIC_OK);
			assert_int_equal(b.pkt.len, 20 + 8 + iv_len + payload + pad + 2 + p.icv_len);
			espnic_put64(iv, b.pkt.seq);
			if (block > 4)
				encrypted_number(&p, b.pkt.seq, iv, iv_len);
			assert_memory_equal(b.pkt.data + 28, iv, iv_len);

			memcpy(sealed, b.pkt.data, b.pkt.len);
			b.pkt.sa = in;
			body(i)->crypt_in(body_thread(i), &b.pkt, 1);
			assert_verdict(b.pkt.verdict, ESPNIC_OK);
			text = b.pkt.data + 28 + iv_len;
			assert_memory_equal(text, packet + 20, payload);
			for (uint32_t k = 0; k < pad; k++)
				assert_int_equal(text[payload + k], k + 1);
			assert_int_equal(text[payload + pad], pad);
			assert_int_equal(text[payload + pad + 1], 17);

			memset(text + payload + pad + 2, 0, p.icv_len);
			b.pkt.sa = again;
			b.pkt.esp_off = 20;
			b.pkt.seq_hi = (uint32_t)(b.pkt.seq >> 32);
			body(i)->crypt_out(body_thread(i), &b.pkt, 1);
			assert_verdict(b.pkt.verdict, ESPNIC_OK);
			assert_memory_equal(b.pkt.data, sealed, b.pkt.len);
		}
		body(i)->sa_del(again);
		body(i)->sa_del(out);
		body(i)->sa_del(in);
	}
}

/* An IV that is given stands in the packet as it is, and the peer can read it. */
static void given_iv(void **state)
{
	(void)state;
	for (unsigned int c = 0; c < suites() * TEST_BODIES; c++) {
		unsigned int i = c % TEST_BODIES;
		struct espnic_sa_params p;
		struct espnic_sa *out, *in;
		uint8_t packet[256], iv[16];
		uint32_t at;

		chosen(c / TEST_BODIES, &ways[0], true, &p);
		if (!body(i))
			continue;
		out = towards(i, &p, ESPNIC_DIR_OUT);
		in = towards(i, &p, ESPNIC_DIR_IN);
		chance_bytes(iv, sizeof(iv));
		buf_set(&b, packet, make_ip(4, packet, 77), out);
		memcpy(b.pkt.data, packet, b.pkt.len);
		b.pkt.iv = iv;
		assert_verdict(protect(i, &b), ESPNIC_OK);
		at = p.proto == ESPNIC_PROTO_AH ? 32 : 28;
		assert_memory_equal(b.pkt.data + at, iv, espnic_sa_info(out)->iv_len);
		b.pkt.sa = in;
		assert_verdict(unprotect(i, &b), ESPNIC_OK);
		assert_memory_equal(b.pkt.data, packet, 97);
		body(i)->sa_del(out);
		body(i)->sa_del(in);
	}
}

/* The half of an extended number that is not sent counts all the same. */
static void high_half(void **state)
{
	(void)state;
	for (unsigned int c = 0; c < suites() * 2 * TEST_BODIES; c++) {
		unsigned int i = c % TEST_BODIES, s = c / 2 / TEST_BODIES;
		struct espnic_sa *out, *in;
		struct espnic_sa_params p;
		uint8_t packet[256];
		const char *name = chosen(s, &ways[c / TEST_BODIES % 2 ? 3 : 1], true, &p);

		if (!body(i))
			continue;
		p.seq = 0x700000100;
		out = towards(i, &p, ESPNIC_DIR_OUT);
		for (uint64_t epoch = 6; epoch < 9; epoch++) {
			p.seq = epoch << 32 | 0x100;
			in = towards(i, &p, ESPNIC_DIR_IN);
			buf_set(&b, packet, make_ip(6, packet, 33), out);
			memcpy(b.pkt.data, packet, b.pkt.len);
			assert_verdict(protect(i, &b), ESPNIC_OK);
			b.pkt.sa = in;
			if (unprotect(i, &b) != (epoch == 7 ? ESPNIC_OK : ESPNIC_INTEGRITY))
				fail_msg("%s: %s", name, espnic_verdict_name(b.pkt.verdict));
			body(i)->sa_del(in);
		}
		body(i)->sa_del(out);
	}
}

/* Whether any 8 bytes of the clear payload stand anywhere about the packet. */
static bool leaked(const uint8_t *payload, uint32_t len)
{
	for (uint32_t k = 0; k + 8 <= len; k++) {
		if (memmem(b.bytes, TEST_HEADROOM + 256, payload + k, 8))
			return true;
	}
	return false;
}

/*
 * Each bit from the ESP header on: refused, and of what was encrypted not one byte shows. Before the
 * header: OK only with the same payload (AH: test_ah.c).
 */
static void every_bit(void **state)
{
	(void)state;
	for (unsigned int c = 0; c < suites() * TEST_BODIES; c++) {
		unsigned int i = c % TEST_BODIES, s = c / TEST_BODIES;
		struct espnic_sa_params p;
		struct espnic_sa *out, *in;
		uint8_t packet[128], sealed[256];
		uint32_t len;
		const char *name = chosen(s, &ways[2], s & 1, &p);

		if (!body(i))
			continue;
		p.replay_window = 0;
		out = towards(i, &p, ESPNIC_DIR_OUT);
		in = towards(i, &p, ESPNIC_DIR_IN);
		memset(&b, 0, sizeof(b));
		buf_set(&b, packet, make_ip(4, packet, 30), out);
		chance_bytes(packet + 20, 30);
		memcpy(b.pkt.data, packet, b.pkt.len);
		assert_verdict(protect(i, &b), ESPNIC_OK);
		len = b.pkt.len;
		memcpy(sealed, b.pkt.data, len);
		memset(&b, 0, sizeof(b));
		for (uint32_t bit = 20 * 8; bit < len * 8; bit++) {
			sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
			buf_set(&b, sealed, len, in);
			if (unprotect(i, &b) == ESPNIC_OK)
				fail_msg("%s: bit %u of byte %u", name, bit % 8, bit / 8);
			if (p.proto == ESPNIC_PROTO_ESP && p.enc != ESPNIC_ENC_NULL &&
			    p.enc != ESPNIC_ENC_AES_GMAC && leaked(packet + 20, 30))
				fail_msg("%s: plaintext behind bit %u of byte %u", name, bit % 8,
					 bit / 8);
			sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		buf_set(&b, sealed, len, in);
		assert_verdict(unprotect(i, &b), ESPNIC_OK);
		body(i)->sa_del(out);
		body(i)->sa_del(in);
	}
}

/* Cut at each length, with the IP length made to fit: never OK, never a byte read too far. */
static void every_cut(void **state)
{
	(void)state;
	for (unsigned int c = 0; c < suites() * 2 * TEST_BODIES; c++) {
		unsigned int i = c % TEST_BODIES, s = c / 2 / TEST_BODIES;
		const struct way *w = &ways[c / TEST_BODIES % 2 ? 5 : 2];
		struct espnic_sa_params p;
		struct espnic_sa *out, *in;
		uint8_t packet[128], sealed[256];
		uint32_t len, head = w->outer == 4 ? 20 : 40;

		chosen(s, w, false, &p);
		if (!body(i))
			continue;
		out = towards(i, &p, ESPNIC_DIR_OUT);
		in = towards(i, &p, ESPNIC_DIR_IN);
		buf_set(&b, packet, make_ip(w->inner, packet, 30), out);
		memcpy(b.pkt.data, packet, b.pkt.len);
		assert_verdict(protect(i, &b), ESPNIC_OK);
		len = b.pkt.len;
		memcpy(sealed, b.pkt.data, len);
		for (uint32_t cut = head; cut < len; cut++) {
			struct espnic_pkt pkt = { .len = cut, .sa = in };
			uint8_t *exact = malloc(cut);

			memcpy(exact, sealed, cut);
			if (w->outer == 4)
				espnic_put16(exact + 2, (uint16_t)cut);
			else
				espnic_put16(exact + 4, (uint16_t)(cut - 40));
			pkt.data = exact;
			body(i)->unprotect(body_thread(i), &pkt, 1);
			assert_true(pkt.verdict == ESPNIC_MALFORMED ||
				    pkt.verdict == ESPNIC_INTEGRITY);
			/* The IP length lies. */
			memcpy(exact, sealed, cut);
			pkt.data = exact;
			pkt.len = cut;
			body(i)->unprotect(body_thread(i), &pkt, 1);
			assert_verdict(pkt.verdict, ESPNIC_MALFORMED);
			free(exact);
		}
		body(i)->sa_del(out);
		body(i)->sa_del(in);
	}
}

/* Text that is not whole blocks is none of CBC's. */
static void broken_blocks(void **state)
{
	(void)state;
	for (unsigned int c = 0; c < suites() * TEST_BODIES; c++) {
		unsigned int i = c % TEST_BODIES;
		struct espnic_sa_params p;
		struct espnic_sa *in;
		uint8_t packet[256];

		chosen(c / TEST_BODIES, &ways[0], false, &p);
		if ((p.enc != ESPNIC_ENC_AES_CBC && p.enc != ESPNIC_ENC_3DES_CBC) || !body(i))
			continue;
		in = towards(i, &p, ESPNIC_DIR_IN);
		for (uint32_t len = 0; len < 80; len++) {
			uint32_t around = 8u + espnic_sa_info(in)->iv_len + p.icv_len;
			uint32_t text = len < around ? 1 : len - around;

			make_ip(4, packet, len);
			packet[9] = ESPNIC_IPPROTO_ESP;
			espnic_put32(packet + 20, TEST_SPI);
			espnic_put32(packet + 24, 100);
			buf_set(&b, packet, 20 + len, in);
			unprotect(i, &b);
			assert_verdict(b.pkt.verdict, len >= 8 && text && text %
				       espnic_sa_info(in)->iv_len == 0 ? ESPNIC_INTEGRITY :
				       ESPNIC_MALFORMED);
		}
		body(i)->sa_del(in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything),
		cmocka_unit_test(esp_bytes),
		cmocka_unit_test(given_iv),
		cmocka_unit_test(high_half),
		cmocka_unit_test(every_bit),
		cmocka_unit_test(every_cut),
		cmocka_unit_test(broken_blocks),
	};

	return cmocka_run_group_tests_name("engine/suites", tests, NULL, NULL);
}
