// SPDX-License-Identifier: BSD-2-Clause
/* What protect writes and unprotect restores: outer headers, ECN, UDP, trailer, padding. */
#include "support.h"

#include "engine/pipeline.h"

/* Protects @len bytes at @packet under @p with body @i into @b; dies unless that works. */
static void protect_must(unsigned int i, const struct espnic_sa_params *p, const uint8_t *packet,
			 uint32_t len, struct buf *b)
{
	struct espnic_sa *sa = sa_must(body(i), p);

	buf_set(b, packet, len, sa);
	assert_verdict(protect(i, b), ESPNIC_OK);
	body(i)->sa_del(sa);
}

/* RFC 6040 section 4.2, figure 4: ECT(1) is 01, ECT(0) is 10. */
static void ecn_table(void **state)
{
	enum { NOT = 0, ECT1 = 1, ECT0 = 2, CE = 3, DROP = -1 };
	static const struct {
		int inner, outer, forward;
	} rows[] = {
		{ NOT, NOT, NOT }, { NOT, ECT0, NOT }, { NOT, ECT1, NOT }, { NOT, CE, DROP },
		{ ECT0, NOT, ECT0 }, { ECT0, ECT0, ECT0 }, { ECT0, ECT1, ECT1 }, { ECT0, CE, CE },
		{ ECT1, NOT, ECT1 }, { ECT1, ECT0, ECT1 }, { ECT1, ECT1, ECT1 }, { ECT1, CE, CE },
		{ CE, NOT, CE }, { CE, ECT0, CE }, { CE, ECT1, CE }, { CE, CE, CE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(espnic_ecn_decapsulate((uint8_t)rows[i].outer,
							(uint8_t)rows[i].inner), rows[i].forward);
}

static uint8_t tos_of(const uint8_t *p)
{
	return p[0] >> 4 == 4 ? p[1] : (uint8_t)(espnic_get16(p) >> 4);
}

static void check_ecn(unsigned int i, uint8_t outer, uint8_t inner, uint8_t inner_ecn,
		      uint8_t outer_ecn, bool ecn)
{
	static struct buf b;
	struct espnic_sa_params p;
	uint8_t packet[128], changed[128];
	struct espnic_sa *sa;
	uint32_t len = make_ip(inner, packet, 20);
	int forward = espnic_ecn_decapsulate(outer_ecn, inner_ecn);

	espnic_ip_set_tos(packet, (uint8_t)(0xa8 | inner_ecn));
	sa_defaults(&p, ESPNIC_DIR_OUT, ESPNIC_MODE_TUNNEL, outer);
	p.tunnel.ecn = ecn;
	protect_must(i, &p, packet, len, &b);
	/* Normal mode copies; without, the outer header says Not-ECT. DSCP is copied either way. */
	assert_int_equal(tos_of(b.pkt.data), 0xa8 | (ecn ? inner_ecn : 0));

	espnic_ip_set_tos(b.pkt.data, (uint8_t)(0xa8 | outer_ecn));
	p.dir = ESPNIC_DIR_IN;
	sa = sa_must(body(i), &p);
	b.pkt.sa = sa;
	if (ecn && forward < 0) {
		assert_verdict(unprotect(i, &b), ESPNIC_ECN);
	} else {
		assert_verdict(unprotect(i, &b), ESPNIC_OK);
		memcpy(changed, packet, len);
		if (ecn)
			espnic_ip_set_tos(changed, (uint8_t)(0xa8 | forward));
		assert_int_equal(b.pkt.len, len);
		assert_memory_equal(b.pkt.data, changed, len);
	}
	body(i)->sa_del(sa);
}

/* All of RFC 6040's combinations through real packets, all families. */
static void ecn_packets(void **state)
{
	(void)state;
	for (unsigned int i = 0; body(i); i++)
		for (uint32_t c = 0; c < 4 * 4 * 8; c++)
			check_ecn(i, c & 16 ? 6 : 4, c & 32 ? 6 : 4, c & 3, c >> 2 & 3, c & 64);
}

/* Whole packets, computed by hand but for the ciphertext, which is cut off. */
static void outer_headers(void **state)
{
	static const struct {
		const char *what;
		uint8_t outer, inner, dscp;
		enum espnic_df df;
		bool inner_df;
		uint8_t ttl;
		const char *want;	/* outer header; IPv4 checksum is looked at apart */
	} cases[] = {
		{ "defaults 4 in 4", 4, 4, ESPNIC_DSCP_COPY, ESPNIC_DF_COPY, false, 64,
		  "45b80054 00000000 4032 0000 c0000201c0000202" },
		{ "copied DF", 4, 4, ESPNIC_DSCP_COPY, ESPNIC_DF_COPY, true, 64,
		  "45b80054 00004000 4032 0000 c0000201c0000202" },
		{ "set DF", 4, 4, ESPNIC_DSCP_COPY, ESPNIC_DF_SET, false, 1,
		  "45b80054 00004000 0132 0000 c0000201c0000202" },
		{ "cleared DF", 4, 4, 0, ESPNIC_DF_CLEAR, true, 255,
		  "45000054 00000000 ff32 0000 c0000201c0000202" },
		{ "set DSCP", 4, 4, 63, ESPNIC_DF_COPY, false, 64,
		  "45fc0054 00000000 4032 0000 c0000201c0000202" },
		{ "6 in 4 has DF", 4, 6, ESPNIC_DSCP_COPY, ESPNIC_DF_COPY, false, 64,
		  "45b80068 00004000 4032 0000 c0000201c0000202" },
		{ "6 in 4, cleared DF", 4, 6, ESPNIC_DSCP_COPY, ESPNIC_DF_CLEAR, false, 64,
		  "45b80068 00000000 4032 0000 c0000201c0000202" },
		{ "4 in 6", 6, 4, ESPNIC_DSCP_COPY, ESPNIC_DF_COPY, false, 64,
		  "6b800000 0040 32 40 20010db8000000000000000000000001"
		  "20010db8000000000000000000000002" },
		{ "6 in 6, flow label 0", 6, 6, 46, ESPNIC_DF_COPY, false, 7,
		  "6b800000 0054 32 07 20010db8000000000000000000000001"
		  "20010db8000000000000000000000002" },
	};
	static struct buf b;

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(cases) * TEST_BODIES && body(c % TEST_BODIES); c++) {
		const size_t n = c / TEST_BODIES;
		struct espnic_sa_params p;
		uint8_t packet[128], want[64];
		uint32_t len = make_ip(cases[n].inner, packet, 8);
		size_t want_len = unhex(cases[n].want, want);

		espnic_ip_set_tos(packet, 0xb8);
		if (cases[n].inner == 4 && cases[n].inner_df)
			packet[6] |= 0x40;
		sa_defaults(&p, ESPNIC_DIR_OUT, ESPNIC_MODE_TUNNEL, cases[n].outer);
		p.tunnel.dscp = cases[n].dscp;
		p.tunnel.df = cases[n].df;
		p.tunnel.ttl = cases[n].ttl;
		protect_must(c % TEST_BODIES, &p, packet, len, &b);
		if (cases[n].outer == 4) {
			assert_int_equal(espnic_csum_fold(espnic_csum_add(0, b.pkt.data, 20)), 0);
			espnic_put16(b.pkt.data + ESPNIC_IPV4_CSUM, 0);
		}
		if (memcmp(b.pkt.data, want, want_len) != 0)
			fail_msg("%s", cases[n].what);
		assert_int_equal(b.pkt.len, want_len + 8 + 8 + (len + 2 + 3) / 4 * 4 + 16);
		assert_int_equal(espnic_get32(b.pkt.data + want_len), TEST_SPI);
		assert_int_equal(espnic_get32(b.pkt.data + want_len + 4), 1);
		assert_int_equal(espnic_get64(b.pkt.data + want_len + 8), 1);
	}
}

/* Identification: 0 with DF, else each packet its own. */
static void ipv4_id(void **state)
{
	static struct buf b;
	struct espnic_sa_params p;
	uint8_t packet[64];
	uint32_t len = make_ip(ESPNIC_IPV4, packet, 8);

	(void)state;
	sa_defaults(&p, ESPNIC_DIR_OUT, ESPNIC_MODE_TUNNEL, ESPNIC_IPV4);
	for (unsigned int i = 0; body(i); i++) {
		struct espnic_sa *sa = sa_must(body(i), &p);

		for (uint32_t n = 0; n < 5; n++) {
			buf_set(&b, packet, len, sa);
			assert_verdict(protect(i, &b), ESPNIC_OK);
			assert_int_equal(espnic_get16(b.pkt.data + ESPNIC_IPV4_ID), n);
		}
		packet[6] = 0x40;
		buf_set(&b, packet, len, sa);
		assert_verdict(protect(i, &b), ESPNIC_OK);
		assert_int_equal(espnic_get16(b.pkt.data + ESPNIC_IPV4_ID), 0);
		packet[6] = 0;
		body(i)->sa_del(sa);
	}
}

/* Transport mode keeps all of the header but protocol, length, checksum; options go along. */
static void transport_header(void **state)
{
	static const struct {
		const char *clear, *want;
	} cases[] = {
		{ "45b8 001c abcd 4000 07 11 0000 0a0000010a000002 1111222200080000",
		  "45b8 0040 abcd 4000 07 32 0000 0a0000010a000002" },
		{ "4600 0020 abcd 0000 40 11 0000 0a0000010a000002 01010100 1111222200080000",
		  "4600 0044 abcd 0000 40 32 0000 0a0000010a000002 01010100" },
		{ "6b812345 0018 00 09 fd000000000000000000000000000001 fd000000000000000000000000000002"
		  "3c00010400000000 1100010400000000 1111222200080000",
		  "6b812345 003c 00 09 fd000000000000000000000000000001 fd000000000000000000000000000002"
		  "3200010400000000" },
	};
	static struct buf b;

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(cases) * TEST_BODIES && body(c % TEST_BODIES); c++) {
		unsigned int i = c % TEST_BODIES;
		struct espnic_sa_params p;
		uint8_t packet[128], want[128];
		uint32_t len = (uint32_t)unhex(cases[c / TEST_BODIES].clear, packet);
		size_t want_len = unhex(cases[c / TEST_BODIES].want, want);
		struct espnic_sa *sa;

		if (packet[0] >> 4 == 4) {
			espnic_ipv4_csum(packet);
			espnic_ipv4_csum(want);
		}
		sa_defaults(&p, ESPNIC_DIR_OUT, ESPNIC_MODE_TRANSPORT, ESPNIC_IPV4);
		protect_must(i, &p, packet, len, &b);
		assert_memory_equal(b.pkt.data, want, want_len);
		p.dir = ESPNIC_DIR_IN;
		sa = sa_must(body(i), &p);
		b.pkt.sa = sa;
		assert_verdict(unprotect(i, &b), ESPNIC_OK);
		assert_int_equal(b.pkt.len, len);
		assert_memory_equal(b.pkt.data, packet, len);
		body(i)->sa_del(sa);
	}
}

/* RFC 3948: ports as given, checksum 0 over IPv4, a right one over IPv6. */
static void udp_header(void **state)
{
	static struct buf b;

	(void)state;
	for (uint32_t c = 0; c < 8 * TEST_BODIES && body(c % TEST_BODIES); c++) {
		unsigned int i = c % TEST_BODIES;
		uint8_t outer = c & 4 ? 6 : 4;
		uint32_t head = outer == 4 ? 20 : 40;
		struct espnic_sa_params p;
		struct espnic_sa *sa;
		uint8_t packet[256], *udp;
		uint32_t len, udp_len, sum;

		sa_defaults(&p, ESPNIC_DIR_OUT, c & 2 ? ESPNIC_MODE_TUNNEL : ESPNIC_MODE_TRANSPORT,
			    outer);
		p.udp_encap = true;
		p.udp_sport = 4500;
		p.udp_dport = 61234;
		len = make_ip(outer, packet, 100 + (c & 8 ? 1 : 0));
		protect_must(i, &p, packet, len, &b);
		udp = b.pkt.data + head;
		udp_len = b.pkt.len - head;
		assert_int_equal(espnic_get16(udp), 4500);
		assert_int_equal(espnic_get16(udp + 2), 61234);
		assert_int_equal(espnic_get16(udp + 4), udp_len);
		assert_int_equal(espnic_get32(udp + 8), TEST_SPI);
		if (outer == 4) {
			assert_int_equal(espnic_get16(udp + 6), 0);
		} else {
			assert_int_not_equal(espnic_get16(udp + 6), 0);
			sum = espnic_csum_add(17 + udp_len, b.pkt.data + 8, 32);
			assert_int_equal(espnic_csum_fold(espnic_csum_add(sum, udp, udp_len)), 0);
		}
		/* On receipt neither ports nor checksum are looked at. */
		chance_bytes(udp, 4);
		chance_bytes(udp + 6, 2);
		p.dir = ESPNIC_DIR_IN;
		sa = sa_must(body(i), &p);
		b.pkt.sa = sa;
		assert_verdict(unprotect(i, &b), ESPNIC_OK);
		assert_int_equal(b.pkt.len, len);
		assert_memory_equal(b.pkt.data, packet, len);
		body(i)->sa_del(sa);
	}
}

/* A checksum that comes out as 0 is sent as ffff: 0 would say that there is none. */
static void udp6_checksum_of_zero(void **state)
{
	static struct buf b;
	uint8_t packet[128];
	uint32_t len = make_ip(6, packet, 60);

	(void)state;
	for (unsigned int i = 0; body(i); i++) {
		struct espnic_sa_params p;

		sa_defaults(&p, ESPNIC_DIR_OUT, ESPNIC_MODE_TUNNEL, ESPNIC_IPV6);
		p.udp_encap = true;
		protect_must(i, &p, packet, len, &b);
		/* The ciphertext does not know the port: adding the checksum here makes the sum ffff. */
		p.udp_sport = espnic_get16(b.pkt.data + 46);
		protect_must(i, &p, packet, len, &b);
		assert_int_equal(espnic_get16(b.pkt.data + 46), 0xffff);
	}
}

/* TFC padding: up to tfc_len, never over what may be sent, and gone on the other side. */
static void tfc(void **state)
{
	static const struct {
		uint32_t tfc_len, mtu, payload, want;	/* want: inner and TFC padding */
	} cases[] = {
		{ 0, 0, 80, 100 },
		{ 500, 0, 80, 500 },
		{ 100, 0, 80, 100 },
		{ 101, 0, 80, 101 },
		{ 1400, 1000, 80, 1000 / 4 * 4 - 20 - 16 - 16 - 2 },
		{ 1400, 156, 80, 102 },
		{ 65535, 0, 80, 65532 - 20 - 16 - 16 - 2 },
	};
	static struct buf b;

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(cases) * TEST_BODIES && body(c % TEST_BODIES); c++) {
		const size_t n = c / TEST_BODIES;
		unsigned int i = c % TEST_BODIES;
		struct espnic_sa_params p;
		struct espnic_sa *sa;
		uint8_t packet[256];
		uint32_t len = make_ip(ESPNIC_IPV4, packet, cases[n].payload);

		sa_defaults(&p, ESPNIC_DIR_OUT, ESPNIC_MODE_TUNNEL, ESPNIC_IPV4);
		p.tfc_len = cases[n].tfc_len;
		p.mtu = cases[n].mtu;
		protect_must(i, &p, packet, len, &b);
		assert_int_equal(b.pkt.len, 20 + 16 + (cases[n].want + 2 + 3) / 4 * 4 + 16);
		p.dir = ESPNIC_DIR_IN;
		sa = sa_must(body(i), &p);
		b.pkt.sa = sa;
		assert_verdict(unprotect(i, &b), ESPNIC_OK);
		assert_int_equal(b.pkt.len, len);
		assert_memory_equal(b.pkt.data, packet, len);
		body(i)->sa_del(sa);
	}
}

/* mtu is what the protected packet may have; buffers too small count as one. */
static void mtu(void **state)
{
	static struct buf b;
	uint8_t packet[256];
	uint32_t len = make_ip(ESPNIC_IPV4, packet, 80);

	(void)state;
	for (unsigned int i = 0; body(i); i++) {
		struct espnic_sa_params p;
		struct espnic_sa *sa;
		uint32_t total;

		sa_defaults(&p, ESPNIC_DIR_OUT, ESPNIC_MODE_TUNNEL, ESPNIC_IPV4);
		protect_must(i, &p, packet, len, &b);
		total = b.pkt.len;
		p.mtu = total;
		protect_must(i, &p, packet, len, &b);
		p.mtu = total - 1;
		sa = sa_must(body(i), &p);
		buf_set(&b, packet, len, sa);
		assert_verdict(protect(i, &b), ESPNIC_MTU);
		body(i)->sa_del(sa);

		p.mtu = 0;
		sa = sa_must(body(i), &p);
		buf_set(&b, packet, len, sa);
		b.pkt.headroom = 35;
		assert_verdict(protect(i, &b), ESPNIC_MTU);
		buf_set(&b, packet, len, sa);
		b.pkt.tailroom = 19;
		assert_verdict(protect(i, &b), ESPNIC_MTU);
		buf_set(&b, packet, len, sa);
		b.pkt.headroom = 36;
		b.pkt.tailroom = 20;
		assert_verdict(protect(i, &b), ESPNIC_OK);
		assert_int_equal(b.pkt.headroom, 0);
		assert_int_equal(b.pkt.tailroom, 0);
		body(i)->sa_del(sa);
	}
}

/* The largest IP packets, and one byte more. */
static void largest(void **state)
{
	static uint8_t packet[70000];
	static struct buf b;

	(void)state;
	for (uint32_t c = 0; c < 4 * TEST_BODIES && body(c % TEST_BODIES); c++) {
		unsigned int i = c % TEST_BODIES;
		uint8_t outer = c & 2 ? 6 : 4;
		bool tunnel = c & 4;
		struct espnic_sa_params p;
		struct espnic_sa *sa;
		uint32_t head = outer == 4 ? 20 : 40;
		/* What the length field leaves to payload and trailer, in words of 4. */
		uint32_t max = (65535 - (outer == 4 ? 20 : 0) - 16 - 16) / 4 * 4 - 2;
		uint32_t len;

		sa_defaults(&p, ESPNIC_DIR_OUT, tunnel ? ESPNIC_MODE_TUNNEL : ESPNIC_MODE_TRANSPORT,
			    outer);
		sa = sa_must(body(i), &p);
		len = make_ip(outer, packet, tunnel ? max - head : max);
		buf_set(&b, packet, len, sa);
		assert_verdict(protect(i, &b), ESPNIC_OK);
		assert_true(b.pkt.len <= ESPNIC_PACKET_MAX);
		len = make_ip(outer, packet, (tunnel ? max - head : max) + 1);
		buf_set(&b, packet, len, sa);
		assert_verdict(protect(i, &b), ESPNIC_MTU);
		body(i)->sa_del(sa);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ecn_table),
		cmocka_unit_test(ecn_packets),
		cmocka_unit_test(outer_headers),
		cmocka_unit_test(ipv4_id),
		cmocka_unit_test(transport_header),
		cmocka_unit_test(udp_header),
		cmocka_unit_test(udp6_checksum_of_zero),
		cmocka_unit_test(tfc),
		cmocka_unit_test(mtu),
		cmocka_unit_test(largest),
	};

	return cmocka_run_group_tests_name("engine/headers", tests, NULL, NULL);
}
