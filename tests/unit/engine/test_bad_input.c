// SPDX-License-Identifier: BSD-2-Clause
/* Hostile packets: cut, flipped, sealed with wrong insides. Never OK with another plaintext. */
#include "support.h"

#include <stdlib.h>

#include "engine/pipeline.h"

static struct buf b;

static struct espnic_sa *inbound(unsigned int i, enum espnic_sa_mode mode, uint8_t outer,
				 uint32_t window)
{
	struct espnic_sa_params p;

	sa_defaults(&p, ESPNIC_DIR_IN, mode, outer);
	p.replay_window = window;
	return sa_must(body(i), &p);
}

static uint32_t sealed(unsigned int i, enum espnic_sa_mode mode, uint8_t family, uint8_t *out)
{
	struct espnic_sa_params p;
	struct espnic_sa *sa;
	uint8_t packet[256];

	sa_defaults(&p, ESPNIC_DIR_OUT, mode, family);
	sa = sa_must(body(i), &p);
	buf_set(&b, packet, make_ip(family, packet, 61), sa);
	memcpy(b.pkt.data, packet, b.pkt.len);
	assert_verdict(protect(i, &b), ESPNIC_OK);
	body(i)->sa_del(sa);
	memcpy(out, b.pkt.data, b.pkt.len);
	return b.pkt.len;
}

static void set_ip_len(uint8_t *p, uint32_t len)
{
	if (p[0] >> 4 == 4)
		espnic_put16(p + 2, (uint16_t)len);
	else
		espnic_put16(p + 4, (uint16_t)(len - 40));
}

/* Cut at each length, with the IP length as it was (malformed) and made to fit. */
static void truncated(void **state)
{
	(void)state;
	for (uint32_t c = 0; c < 4 * TEST_BODIES && body(c % TEST_BODIES); c++) {
		unsigned int i = c % TEST_BODIES;
		enum espnic_sa_mode mode = c & 2 ? ESPNIC_MODE_TUNNEL : ESPNIC_MODE_TRANSPORT;
		uint8_t family = c & 4 ? 6 : 4, packet[256];
		uint32_t head = family == 4 ? 20 : 40;
		struct espnic_sa *sa = inbound(i, mode, family, 64);
		uint32_t len = sealed(i, mode, family, packet);

		for (uint32_t cut = 0; cut < len; cut++) {
			/* A buffer of its own size, so that a sanitizer sees any byte too far. */
			struct espnic_pkt pkt = { .len = cut, .sa = sa };
			uint8_t *exact = malloc(cut ? cut : 1);

			memcpy(exact, packet, cut);
			pkt.data = exact;
			body(i)->unprotect(body_thread(i), &pkt, 1);
			assert_verdict(pkt.verdict, ESPNIC_MALFORMED);
			if (cut >= head) {
				memcpy(exact, packet, cut);
				set_ip_len(exact, cut);
				pkt.data = exact;
				pkt.len = cut;
				body(i)->unprotect(body_thread(i), &pkt, 1);
				/* ESP header, IV, trailer and ICV are the least there can be. */
				assert_verdict(pkt.verdict, cut < head + 8 + 8 + 2 + 16 ?
					       ESPNIC_MALFORMED : ESPNIC_INTEGRITY);
			}
			free(exact);
		}
		body(i)->sa_del(sa);
	}
}

/* Each bit of the packet: OK only where nothing is authenticated, and then the same plaintext. */
static void flipped(void **state)
{
	(void)state;
	for (uint32_t c = 0; c < 4 * TEST_BODIES && body(c % TEST_BODIES); c++) {
		unsigned int i = c % TEST_BODIES;
		enum espnic_sa_mode mode = c & 2 ? ESPNIC_MODE_TUNNEL : ESPNIC_MODE_TRANSPORT;
		uint8_t family = c & 4 ? 6 : 4, packet[256], clear[256];
		uint32_t head = family == 4 ? 20 : 40;
		uint32_t len = sealed(i, mode, family, packet);
		uint32_t clear_len = make_ip(family, clear, 61);

		for (uint32_t bit = 0; bit < len * 8; bit++) {
			struct espnic_sa *sa = inbound(i, mode, family, 0);

			packet[bit / 8] ^= (uint8_t)(1u << bit % 8);
			buf_set(&b, packet, len, sa);
			if (unprotect(i, &b) == ESPNIC_OK) {
				assert_true(bit / 8 < head);
				assert_int_equal(b.pkt.len, clear_len);
				assert_memory_equal(b.pkt.data + head, clear + head, clear_len - head);
			} else if (bit / 8 >= head + 8) {
				assert_verdict(b.pkt.verdict, ESPNIC_INTEGRITY);
			}
			packet[bit / 8] ^= (uint8_t)(1u << bit % 8);
			body(i)->sa_del(sa);
		}
	}
}

/*
 * An ESP packet with a good ICV around any plaintext, trailer included: what only the
 * key's owner can send. IPv4 outside, sequence number 1.
 */
static void seal_raw(unsigned int i, const uint8_t *text, uint32_t len, struct espnic_sa *in)
{
	uint32_t total = 20 + 16 + len + 16;
	struct espnic_sa_params p;
	struct espnic_sa *sa;
	uint8_t *ip;

	sa_defaults(&p, ESPNIC_DIR_OUT, ESPNIC_MODE_TRANSPORT, ESPNIC_IPV4);
	p.offload = ESPNIC_OFFLOAD_CRYPTO;
	sa = sa_must(body(i), &p);
	buf_set(&b, text, 0, sa);
	ip = b.pkt.data;
	b.pkt.len = total;
	b.pkt.tailroom -= total;
	make_ip(ESPNIC_IPV4, ip, 0);
	ip[9] = ESPNIC_IPPROTO_ESP;
	espnic_put16(ip + 2, (uint16_t)total);
	espnic_put32(ip + 20, TEST_SPI);
	espnic_put32(ip + 24, 1);
	espnic_put64(ip + 28, 1);
	memcpy(ip + 36, text, len);
	b.pkt.esp_off = 20;
	body(i)->crypt_out(body_thread(i), &b.pkt, 1);
	assert_verdict(b.pkt.verdict, ESPNIC_OK);
	body(i)->sa_del(sa);
	b.pkt.sa = in;
}

#define INNER4 "4500001600000000 4011 0000 0a000001 0a000002 aabb"
#define INNER6 "6000000000021140 fd000000000000000000000000000001" \
	"fd000000000000000000000000000002 aabb"

/* So long that bodies may look at the end of it by words. */
#define LONG4(total) "4500" total "00000000 4011 0000 0a000001 0a000002 00112233445566778899"
#define LONG6(len) "60000000" len "1140 fd000000000000000000000000000001" \
	"fd000000000000000000000000000002 00112233445566778899"

/* Good ICVs around bad insides; T tunnel, P transport (both: B). */
static const struct {
	const char *what;
	char mode;
	const char *text;
	enum espnic_verdict verdict;
	uint32_t len;
} insides[] = {
	{ "no padding", 'P', "00000000 0011", ESPNIC_OK, 24 },
	{ "padding 1 2 3", 'P', "00000000 01020303 11", ESPNIC_OK, 24 },
	{ "nothing but a trailer", 'P', "0011", ESPNIC_OK, 20 },
	{ "padding alone", 'P', "01020211", ESPNIC_OK, 20 },
	{ "padding of zeros", 'B', "00000000 00000211", ESPNIC_PADDING, 0 },
	{ "first pad byte wrong", 'B', "00000000 00020211", ESPNIC_PADDING, 0 },
	{ "last pad byte wrong", 'B', "00000000 01030211", ESPNIC_PADDING, 0 },
	{ "pad length past the payload by one", 'B', "010203040511", ESPNIC_MALFORMED, 0 },
	{ "pad length 255 in little", 'B', "00000000ff11", ESPNIC_MALFORMED, 0 },
	{ "dummy", 'B', "0000000001020303 3b", ESPNIC_OK, 0 },
	{ "empty dummy", 'B', "003b", ESPNIC_OK, 0 },
	{ "dummy with wrong padding", 'B', "0000000001020403 3b", ESPNIC_PADDING, 0 },
	{ "next header 4 in transport is lawful", 'P', INNER4 "01010004", ESPNIC_OK, 20 + 22 + 2 },

	{ "4 in tunnel", 'T', INNER4 "01020204", ESPNIC_OK, 22 },
	{ "6 in tunnel", 'T', INNER6 "01020229", ESPNIC_OK, 42 },
	{ "TFC padding", 'T', INNER4 "0000000000000000 01020204", ESPNIC_OK, 22 },
	{ "TFC padding of anything", 'T', INNER4 "deadbeef 0004", ESPNIC_OK, 22 },
	{ "next header 6", 'T', INNER4 "01020206", ESPNIC_MALFORMED, 0 },
	{ "next header 0", 'T', INNER6 "01020200", ESPNIC_MALFORMED, 0 },
	{ "4 said, 6 inside", 'T', INNER6 "01020204", ESPNIC_MALFORMED, 0 },
	{ "6 said, 4 inside", 'T', INNER4 "01020229", ESPNIC_MALFORMED, 0 },
	{ "nothing inside", 'T', "0004", ESPNIC_MALFORMED, 0 },
	{ "cut inside", 'T', "4500001600000000 4011 0000 0a000001 0a000002 aa 0102030304",
	  ESPNIC_MALFORMED, 0 },
	{ "inner length under its header", 'T', "4500001300000000 4011 0000 0a000001 0a000002 aabb0004",
	  ESPNIC_MALFORMED, 0 },
	{ "inner IHL 4", 'T', "4400001600000000 4011 0000 0a000001 0a000002 aabb0004",
	  ESPNIC_MALFORMED, 0 },
	{ "inner header cut", 'T', "4500001600000000 4011 0000 0004", ESPNIC_MALFORMED, 0 },
	{ "long, no padding", 'T', LONG4("001e") "0004", ESPNIC_OK, 30 },
	{ "long, 1 pad byte", 'T', LONG4("001e") "010104", ESPNIC_OK, 30 },
	{ "long, 2 pad bytes", 'T', LONG4("001e") "01020204", ESPNIC_OK, 30 },
	{ "long, 3 pad bytes", 'T', LONG4("001e") "0102030304", ESPNIC_OK, 30 },
	{ "long, 4 pad bytes", 'T', LONG4("001e") "010203040404", ESPNIC_OK, 30 },
	{ "long, 6 inside", 'T', LONG6("000a") "01020229", ESPNIC_OK, 50 },
	{ "long, TFC padding", 'T', LONG4("001e") "00000000000000000004", ESPNIC_OK, 30 },
	{ "long dummy", 'T', LONG4("001e") "0102023b", ESPNIC_OK, 0 },
	{ "long, the only pad byte wrong", 'T', LONG4("001e") "000104", ESPNIC_PADDING, 0 },
	{ "long, first of 2 wrong", 'T', LONG4("001e") "02020204", ESPNIC_PADDING, 0 },
	{ "long, first of 3 wrong", 'T', LONG4("001e") "0002030304", ESPNIC_PADDING, 0 },
	{ "long, second of 3 wrong", 'T', LONG4("001e") "0101030304", ESPNIC_PADDING, 0 },
	{ "long, third of 3 wrong", 'T', LONG4("001e") "0102020304", ESPNIC_PADDING, 0 },
	{ "long dummy with wrong padding", 'T', LONG4("001e") "0103023b", ESPNIC_PADDING, 0 },
	{ "long, pad length past the payload", 'T', LONG4("001e") "01022f04", ESPNIC_MALFORMED, 0 },
	{ "long, inner length over what is there", 'T', LONG4("001f") "01020204", ESPNIC_MALFORMED, 0 },
	{ "long, the same of 6", 'T', LONG6("000b") "01020229", ESPNIC_MALFORMED, 0 },
	{ "long, inner length under its header", 'T', LONG4("0013") "01020204", ESPNIC_MALFORMED, 0 },
	{ "long, next header 6", 'T', LONG4("001e") "01020206", ESPNIC_MALFORMED, 0 },
	{ "long, 4 said, 6 inside", 'T', LONG6("000a") "01020204", ESPNIC_MALFORMED, 0 },
	{ "long, 6 said, 4 inside", 'T', LONG4("001e") "01020229", ESPNIC_MALFORMED, 0 },
	{ "long, 6 cut in its header", 'T', "6000000000001140 fd000000000000000000000000000001"
	  "fd000000000000 01020229", ESPNIC_MALFORMED, 0 },
	{ "inner version 0", 'T', "0500001600000000 4011 0000 0a000001 0a000002 aabb0004",
	  ESPNIC_MALFORMED, 0 },
};

static void good_icv_bad_inside(void **state)
{
	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(insides) * 2 * TEST_BODIES && body(c % TEST_BODIES); c++) {
		const size_t n = c / 2 / TEST_BODIES;
		bool tunnel = c / TEST_BODIES % 2;
		unsigned int i = c % TEST_BODIES;
		struct espnic_sa *sa;
		uint8_t text[128];
		uint32_t len;

		if (insides[n].mode != 'B' && insides[n].mode != (tunnel ? 'T' : 'P'))
			continue;
		sa = inbound(i, tunnel ? ESPNIC_MODE_TUNNEL : ESPNIC_MODE_TRANSPORT, ESPNIC_IPV4, 64);
		len = (uint32_t)unhex(insides[n].text, text);
		seal_raw(i, text, len, sa);
		unprotect(i, &b);
		if (b.pkt.verdict != insides[n].verdict)
			fail_msg("%s: %s", insides[n].what, espnic_verdict_name(b.pkt.verdict));
		if (b.pkt.verdict == ESPNIC_OK) {
			assert_int_equal(b.pkt.len, insides[n].len);
		} else {
			/* Its plaintext is gone. */
			for (uint32_t k = 0; k < len; k++)
				assert_int_equal(b.bytes[TEST_HEADROOM + 36 + k], 0);
		}
		/* A good ICV moved the window, whatever was inside. */
		seal_raw(i, text, len, sa);
		assert_verdict(unprotect(i, &b), ESPNIC_REPLAY);
		body(i)->sa_del(sa);
	}
}

/* Every pad length from 0 to 255. */
static void all_pad_lengths(void **state)
{
	(void)state;
	for (uint32_t c = 0; c < 256 * TEST_BODIES && body(c % TEST_BODIES); c++) {
		uint32_t pad = c / TEST_BODIES;
		unsigned int i = c % TEST_BODIES;
		struct espnic_sa *sa = inbound(i, ESPNIC_MODE_TRANSPORT, ESPNIC_IPV4, 0);
		uint8_t text[300] = { 0xaa, 0xbb };

		for (uint32_t k = 0; k < pad; k++)
			text[2 + k] = (uint8_t)(k + 1);
		text[2 + pad] = (uint8_t)pad;
		text[3 + pad] = 17;
		seal_raw(i, text, pad + 4, sa);
		assert_verdict(unprotect(i, &b), ESPNIC_OK);
		assert_int_equal(b.pkt.len, 22);
		assert_memory_equal(b.pkt.data + 20, text, 2);
		body(i)->sa_del(sa);
	}
}

/* Verdicts that come before any cryptography. */
static void not_for_this_sa(void **state)
{
	(void)state;
	for (unsigned int i = 0; body(i); i++) {
		struct espnic_sa *sa = inbound(i, ESPNIC_MODE_TUNNEL, ESPNIC_IPV4, 64);
		uint8_t packet[256];
		uint32_t len = sealed(i, ESPNIC_MODE_TUNNEL, ESPNIC_IPV4, packet);
		struct espnic_sa_params p;
		struct espnic_sa *out, *udp;

		/* A fragment of either kind; another protocol; another SPI; UDP expected. */
		buf_set(&b, packet, len, sa);
		b.pkt.data[6] = 0x20;
		assert_verdict(unprotect(i, &b), ESPNIC_MALFORMED);
		buf_set(&b, packet, len, sa);
		b.pkt.data[7] = 1;
		assert_verdict(unprotect(i, &b), ESPNIC_MALFORMED);
		buf_set(&b, packet, len, sa);
		b.pkt.data[9] = 51;
		assert_verdict(unprotect(i, &b), ESPNIC_NO_SA);
		buf_set(&b, packet, len, sa);
		b.pkt.data[23] ^= 1;
		assert_verdict(unprotect(i, &b), ESPNIC_NO_SA);
		sa_defaults(&p, ESPNIC_DIR_IN, ESPNIC_MODE_TUNNEL, ESPNIC_IPV4);
		p.udp_encap = true;
		udp = sa_must(body(i), &p);
		buf_set(&b, packet, len, udp);
		assert_verdict(unprotect(i, &b), ESPNIC_NO_SA);

		/* Directions are not to be confused: an inbound key never encrypts. */
		p.dir = ESPNIC_DIR_OUT;
		out = sa_must(body(i), &p);
		buf_set(&b, packet, len, out);
		assert_verdict(unprotect(i, &b), ESPNIC_NO_SA);
		buf_set(&b, packet, len, sa);
		assert_verdict(protect(i, &b), ESPNIC_NO_SA);

		/* After all that, the packet itself is as good as ever, trailing bytes or not. */
		memset(packet + len, 0x77, 9);
		buf_set(&b, packet, len + 9, sa);
		assert_verdict(unprotect(i, &b), ESPNIC_OK);
		body(i)->sa_del(sa);
		body(i)->sa_del(out);
		body(i)->sa_del(udp);
	}
}

/* Clear packets that cannot be protected. */
static void bad_clear(void **state)
{
	static const struct {
		char mode;
		const char *packet;
		enum espnic_verdict verdict;
	} cases[] = {
		{ 'B', "45000014", ESPNIC_MALFORMED },
		{ 'B', "4500001500000000 4011 0000 0a000001 0a000002", ESPNIC_MALFORMED },
		{ 'B', "4400001400000000 4011 0000 0a000001 0a000002", ESPNIC_MALFORMED },
		{ 'B', "0000001400000000 4011 0000 0a000001 0a000002", ESPNIC_MALFORMED },
		{ 'P', "4500001400002000 4011 0000 0a000001 0a000002", ESPNIC_MALFORMED },
		{ 'T', "4500001400002000 4011 0000 0a000001 0a000002", ESPNIC_OK },
		{ 'P', "4500001400000010 4011 0000 0a000001 0a000002", ESPNIC_MALFORMED },
		{ 'T', "4500001400000010 4011 0000 0a000001 0a000002", ESPNIC_OK },
		/* An extension header past the end matters to who must find its place. */
		{ 'P', "6000000000080040 fd000000000000000000000000000001"
		  "fd000000000000000000000000000002 1101000000000000", ESPNIC_MALFORMED },
		{ 'T', "6000000000080040 fd000000000000000000000000000001"
		  "fd000000000000000000000000000002 1101000000000000", ESPNIC_OK },
	};

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(cases) * 2 * TEST_BODIES && body(c % TEST_BODIES); c++) {
		const size_t n = c / 2 / TEST_BODIES;
		bool tunnel = c / TEST_BODIES % 2;
		unsigned int i = c % TEST_BODIES;
		struct espnic_sa_params p;
		struct espnic_sa *sa;
		uint8_t packet[128];

		if (cases[n].mode != 'B' && cases[n].mode != (tunnel ? 'T' : 'P'))
			continue;
		sa_defaults(&p, ESPNIC_DIR_OUT, tunnel ? ESPNIC_MODE_TUNNEL : ESPNIC_MODE_TRANSPORT, 4);
		sa = sa_must(body(i), &p);
		buf_set(&b, packet, (uint32_t)unhex(cases[n].packet, packet), sa);
		memcpy(b.pkt.data, packet, b.pkt.len);
		assert_verdict(protect(i, &b), cases[n].verdict);
		/* What is refused takes no sequence number. */
		buf_set(&b, packet, make_ip(4, packet, 4), sa);
		memcpy(b.pkt.data, packet, b.pkt.len);
		assert_verdict(protect(i, &b), ESPNIC_OK);
		assert_int_equal(b.pkt.seq, cases[n].verdict == ESPNIC_OK ? 2 : 1);
		body(i)->sa_del(sa);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(truncated),
		cmocka_unit_test(flipped),
		cmocka_unit_test(good_icv_bad_inside),
		cmocka_unit_test(all_pad_lengths),
		cmocka_unit_test(not_for_this_sa),
		cmocka_unit_test(bad_clear),
	};

	return cmocka_run_group_tests_name("engine/bad_input", tests, NULL, NULL);
}
