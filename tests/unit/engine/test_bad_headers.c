// SPDX-License-Identifier: BSD-2-Clause
/*
 * Each byte of each header set to values that lie: lengths, counts, types, chains of extension
 * headers, options. Every packet gets a verdict and is counted under it, and OK only
 * ever comes with the payload that was sent.
 */
#include "support.h"

#include <stdlib.h>

enum { PAYLOAD = 37, LEN_MAX = 512 };

struct kind {
	const char *what;
	const char *clear;		/* headers; UDP of PAYLOAD bytes follows */
	bool ah, udp, tunnel, esn;
};

#define V4_OPTIONS "48000000 12340000 40110000 0a000001 0a000002 07070400000000 94040000 010000"
#define V6_CHAIN "60012345 00000040 fd000000000000000000000000000001 fd000000000000000000000000000002"	\
	"3c003e0400000000 2b001e0401020304 3c02000000000000 fd0000000000000000000000000000aa"		\
	"11003e0401020304"

static const struct kind kinds[] = {
	{ "ESP, options", V4_OPTIONS, .esn = true },
	{ "ESP, extension headers", V6_CHAIN, .esn = false },
	{ "ESP in UDP, options", V4_OPTIONS, .udp = true },
	{ "ESP in UDP, extension headers", V6_CHAIN, .udp = true, .esn = true },
	{ "ESP tunnel, options inside", V4_OPTIONS, .tunnel = true, .udp = true },
	{ "AH, options", V4_OPTIONS, .ah = true },
	{ "AH, extension headers", V6_CHAIN, .ah = true, .esn = true },
	{ "AH tunnel, extension headers inside", V6_CHAIN, .ah = true, .tunnel = true },
};

/* Zero, small, the ends, and each single bit. */
static const uint8_t values[] = {
	0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x0f, 0x10, 0x14, 0x20, 0x29, 0x2b, 0x2c,
	0x32, 0x33, 0x3b, 0x3c, 0x40, 0x45, 0x4f, 0x60, 0x7f, 0x80, 0x83, 0x89, 0xc2, 0xfe, 0xff,
};

static uint8_t clear[LEN_MAX];

static uint32_t clear_packet(const struct kind *k)
{
	uint32_t head = (uint32_t)unhex(k->clear, clear);

	for (uint32_t n = 0; n < PAYLOAD; n++)
		clear[head + n] = (uint8_t)(0xc0 + n);
	if (clear[0] >> 4 == 4) {
		espnic_put16(clear + 2, (uint16_t)(head + PAYLOAD));
		espnic_ipv4_csum(clear);
	} else {
		espnic_put16(clear + 4, (uint16_t)(head - 40 + PAYLOAD));
	}
	return head + PAYLOAD;
}

static void kind_params(const struct kind *k, struct espnic_sa_params *p)
{
	uint8_t family = (uint8_t)(unhex(k->clear, clear) && clear[0] >> 4 == 4 ? 4 : 6);

	sa_defaults(p, ESPNIC_DIR_OUT, k->tunnel ? ESPNIC_MODE_TUNNEL : ESPNIC_MODE_TRANSPORT, family);
	p->esn = k->esn;
	p->udp_encap = k->udp;
	if (k->ah) {
		p->proto = ESPNIC_PROTO_AH;
		p->enc = ESPNIC_ENC_NULL;
		p->enc_key_len = 0;
		p->salt_len = 0;
		p->auth = ESPNIC_AUTH_HMAC_SHA256_128;
		p->auth_key_len = 32;
	}
}

/* The packet in a buffer with just the room it may have, so that a sanitizer sees a byte too far. */
static enum espnic_verdict through(unsigned int i, struct espnic_sa *sa, enum espnic_sa_dir dir,
				   const uint8_t *packet, uint32_t len, uint32_t room,
				   struct espnic_pkt *pkt, uint8_t **mem)
{
	*mem = malloc(room + len + room);
	assert_non_null(*mem);
	memcpy(*mem + room, packet, len);
	*pkt = (struct espnic_pkt){ .data = *mem + room, .len = len, .headroom = room,
		.tailroom = room, .sa = sa };
	if (dir == ESPNIC_DIR_OUT)
		body(i)->protect(body_thread(i), pkt, 1);
	else
		body(i)->unprotect(body_thread(i), pkt, 1);
	return pkt->verdict;
}

static void counted(unsigned int i, struct espnic_sa *sa, const uint64_t *verdicts)
{
	struct espnic_sa_state st;

	body(i)->sa_query(sa, &st);
	for (int v = 0; v < ESPNIC_VERDICTS; v++)
		assert_true(st.verdicts[v] == verdicts[v]);
}

static void inbound(void **state)
{
	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(kinds) * TEST_BODIES; c++) {
		const struct kind *k = &kinds[c / TEST_BODIES];
		unsigned int i = c % TEST_BODIES;
		uint64_t verdicts[ESPNIC_VERDICTS] = { 0 };
		uint8_t packet[LEN_MAX], *mem;
		struct espnic_sa_params p;
		struct espnic_sa *out, *in;
		struct espnic_pkt pkt;
		uint32_t len, clear_len;

		if (!body(i))
			continue;
		kind_params(k, &p);
		out = sa_must(body(i), &p);
		p.dir = ESPNIC_DIR_IN;
		in = sa_must(body(i), &p);
		clear_len = clear_packet(k);
		assert_verdict(through(i, out, ESPNIC_DIR_OUT, clear, clear_len, 128, &pkt, &mem),
			       ESPNIC_OK);
		len = pkt.len;
		memcpy(packet, pkt.data, len);
		free(mem);
		for (size_t n = 0; n < (len - PAYLOAD) * ARRAY_SIZE(values); n++) {
			size_t at = n / ARRAY_SIZE(values);
			uint8_t was = packet[at];

			packet[at] = values[n % ARRAY_SIZE(values)];
			verdicts[through(i, in, ESPNIC_DIR_IN, packet, len, k->ah ? 4 : 0, &pkt, &mem)]++;
			packet[at] = was;
			/* OK: a payload sent is a payload received. */
			if (pkt.verdict == ESPNIC_OK &&
			    (pkt.len < PAYLOAD || memcmp(pkt.data + pkt.len - PAYLOAD,
							 clear + clear_len - PAYLOAD, PAYLOAD)))
				fail_msg("%s: byte %zu: OK with another payload", k->what, at);
			free(mem);
		}
		counted(i, in, verdicts);
		assert_true(verdicts[ESPNIC_OK] && verdicts[ESPNIC_MALFORMED] &&
			    verdicts[ESPNIC_INTEGRITY] && verdicts[ESPNIC_NO_SA]);
		body(i)->sa_del(out);
		body(i)->sa_del(in);
	}
}

/* Clear packets: what is taken is what the peer gives out again. */
static void outbound(void **state)
{
	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(kinds) * TEST_BODIES; c++) {
		const struct kind *k = &kinds[c / TEST_BODIES];
		unsigned int i = c % TEST_BODIES;
		uint64_t verdicts[ESPNIC_VERDICTS] = { 0 };
		struct espnic_sa_params p;
		struct espnic_sa *out, *in;
		uint32_t len;

		if (!body(i))
			continue;
		kind_params(k, &p);
		out = sa_must(body(i), &p);
		p.dir = ESPNIC_DIR_IN;
		in = sa_must(body(i), &p);
		len = clear_packet(k);
		for (size_t n = 0; n < (len - PAYLOAD) * ARRAY_SIZE(values); n++) {
			size_t at = n / ARRAY_SIZE(values);
			uint8_t was = clear[at], *mem;
			struct espnic_pkt pkt;

			clear[at] = values[n % ARRAY_SIZE(values)];
			verdicts[through(i, out, ESPNIC_DIR_OUT, clear, len, 128, &pkt, &mem)]++;
			if (pkt.verdict == ESPNIC_OK) {
				pkt.sa = in;
				body(i)->unprotect(body_thread(i), &pkt, 1);
				/* A routing header as it was sent is not what arrives: test_ah.c. */
				if (pkt.verdict != ESPNIC_OK && !(k->ah && pkt.verdict == ESPNIC_INTEGRITY))
					fail_msg("%s: byte %zu = %02x: %s", k->what, at, clear[at],
						 espnic_verdict_name(pkt.verdict));
				if (pkt.verdict == ESPNIC_OK && !(pkt.flags & ESPNIC_PKT_DUMMY) &&
				    (pkt.len > len || memcmp(pkt.data + 20, clear + 20, pkt.len - 20)))
					fail_msg("%s: byte %zu = %02x: another packet", k->what, at,
						 clear[at]);
			}
			clear[at] = was;
			free(mem);
		}
		counted(i, out, verdicts);
		assert_true(verdicts[ESPNIC_OK] && verdicts[ESPNIC_MALFORMED]);
		body(i)->sa_del(out);
		body(i)->sa_del(in);
	}
}

/* As many extension headers as fit 64 KiB, one more than fits, and more than 64 KiB of packet. */
static void long_chains(void **state)
{
	enum { HEADERS = (65535 - 64) / 8, ROOM = 256, BIG = 40 + 8 * HEADERS + 16 };

	(void)state;
	for (unsigned int i = 0; body(i); i++) {
		uint8_t *packet = calloc(1, 2 * BIG), *mem;
		struct espnic_sa_params p;
		struct espnic_sa *out, *in;
		struct espnic_pkt pkt;

		sa_defaults(&p, ESPNIC_DIR_OUT, ESPNIC_MODE_TRANSPORT, ESPNIC_IPV6);
		out = sa_must(body(i), &p);
		p.dir = ESPNIC_DIR_IN;
		in = sa_must(body(i), &p);
		assert_int_equal(make_ip(6, packet, 8 * HEADERS), 40 + 8 * HEADERS);
		packet[6] = ESPNIC_IPPROTO_DSTOPTS;
		for (int n = 0; n < HEADERS; n++) {
			memset(packet + 40 + 8 * n, 0, 8);
			packet[40 + 8 * n] = n + 1 < HEADERS ? ESPNIC_IPPROTO_DSTOPTS :
					     ESPNIC_IPPROTO_NONE;
		}
		assert_verdict(through(i, out, ESPNIC_DIR_OUT, packet, 40 + 8 * HEADERS, ROOM, &pkt, &mem),
			       ESPNIC_OK);
		pkt.sa = in;
		body(i)->unprotect(body_thread(i), &pkt, 1);
		assert_verdict(pkt.verdict, ESPNIC_OK);
		assert_memory_equal(pkt.data, packet, 40 + 8 * HEADERS);
		free(mem);
		/* The chain goes on behind the packet. */
		packet[40 + 8 * (HEADERS - 1)] = ESPNIC_IPPROTO_DSTOPTS;
		assert_verdict(through(i, out, ESPNIC_DIR_OUT, packet, 40 + 8 * HEADERS, ROOM, &pkt, &mem),
			       ESPNIC_MALFORMED);
		free(mem);
		/* A jumbogram (RFC 2675) says length 0, and its option does not fit in that. */
		espnic_put16(packet + 4, 0);
		packet[6] = ESPNIC_IPPROTO_HOPOPTS;
		unhex("1100c204 00011170", packet + 40);
		assert_verdict(through(i, out, ESPNIC_DIR_OUT, packet, 2 * BIG, ROOM, &pkt, &mem),
			       ESPNIC_MALFORMED);
		free(mem);
		free(packet);
		body(i)->sa_del(out);
		body(i)->sa_del(in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inbound),
		cmocka_unit_test(outbound),
		cmocka_unit_test(long_chains),
	};

	return cmocka_run_group_tests_name("engine/bad_headers", tests, NULL, NULL);
}
