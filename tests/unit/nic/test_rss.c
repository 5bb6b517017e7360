// SPDX-License-Identifier: BSD-2-Clause
/*
 * The Toeplitz hash against Microsoft's "Verifying the RSS Hash Calculation"
 * (Windows driver documentation, network, NDIS): its key, all of its cases.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "nic/rss.h"

static const struct {
	int family;
	const char *dst;
	uint16_t dport;
	const char *src;
	uint16_t sport;
	uint32_t l3, l4;
} cases[] = {
	{ AF_INET, "161.142.100.80", 1766, "66.9.149.187", 2794, 0x323e8fc2, 0x51ccc178 },
	{ AF_INET, "65.69.140.83", 4739, "199.92.111.2", 14230, 0xd718262a, 0xc626b0ea },
	{ AF_INET, "12.22.207.184", 38024, "24.19.198.95", 12898, 0xd2d0a5de, 0x5c2b394a },
	{ AF_INET, "209.142.163.6", 2217, "38.27.205.30", 48228, 0x82989176, 0xafc7327f },
	{ AF_INET, "202.188.127.2", 1303, "153.39.163.191", 44251, 0x5d1809c5, 0x10e828a2 },
	{ AF_INET6, "3ffe:2501:200:3::1", 1766, "3ffe:2501:200:1fff::7", 2794, 0x2cc18cd5,
	  0x40207d3d },
	{ AF_INET6, "ff02::1", 4739, "3ffe:501:8::260:97ff:fe40:efab", 14230, 0x0f0c461c,
	  0xdde51bbf },
	{ AF_INET6, "fe80::200:f8ff:fe21:67cf", 38024, "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251,
	  0x4b61e985, 0x02d1feef },
};

enum { CASES = sizeof(cases) / sizeof(cases[0]) };

static struct espnic_rss rss;

/* A TCP packet of case @i; returns its length. */
static uint32_t packet(unsigned int i, uint8_t *p)
{
	bool v6 = cases[i].family == AF_INET6;
	uint32_t hlen = v6 ? 40 : 20;

	memset(p, 0, 80);
	p[0] = v6 ? 0x60 : 0x45;
	p[v6 ? 5 : 3] = v6 ? 20 : 40;
	p[v6 ? 6 : 9] = 6;
	inet_pton(cases[i].family, cases[i].src, p + (v6 ? 8 : 12));
	inet_pton(cases[i].family, cases[i].dst, p + (v6 ? 24 : 16));
	espnic_put16(p + hlen, cases[i].sport);
	espnic_put16(p + hlen + 2, cases[i].dport);
	p[hlen + 12] = 0x50;
	return hlen + 20;
}

static void verification_suite(void **state)
{
	uint8_t p[80];

	(void)state;
	for (unsigned int i = 0; i < CASES; i++) {
		struct espnic_rss_hash h;
		struct espnic_ip ip;
		uint32_t len = packet(i, p);

		assert_true(espnic_ip_parse(p, len, &ip));
		espnic_rss_set_key(&rss, espnic_rss_default_key,
				   ESPNIC_CMD_RSS_SET_L3 | ESPNIC_CMD_RSS_SET_L4);
		h = espnic_rss_packet(&rss, p, &ip, false);
		assert_true(h.l4 && !h.l3);
		assert_int_equal(h.value, cases[i].l4);
		h = espnic_rss_packet(&rss, p, &ip, true);
		assert_true(h.l3 && !h.l4);
		assert_int_equal(h.value, cases[i].l3);
		rss.flags = ESPNIC_CMD_RSS_SET_L3;
		assert_int_equal(espnic_rss_packet(&rss, p, &ip, false).value, cases[i].l3);
		rss.flags = 0;
		assert_int_equal(espnic_rss_packet(&rss, p, &ip, false).value, 0);
	}
}

static void ports_count_where_there_are_some(void **state)
{
	struct espnic_ip ip;
	uint8_t p[80];

	(void)state;
	espnic_rss_set_key(&rss, espnic_rss_default_key,
			   ESPNIC_CMD_RSS_SET_L3 | ESPNIC_CMD_RSS_SET_L4);
	packet(0, p);
	p[9] = 50; /* ESP */
	assert_true(espnic_ip_parse(p, 40, &ip));
	assert_int_equal(espnic_rss_packet(&rss, p, &ip, false).value, cases[0].l3);
	p[9] = 17;
	p[6] = 0x20; /* first fragment: the others show no ports */
	assert_true(espnic_ip_parse(p, 40, &ip));
	assert_int_equal(espnic_rss_packet(&rss, p, &ip, false).value, cases[0].l3);
	rss.flags = ESPNIC_CMD_RSS_SET_L4; /* ports or nothing */
	assert_false(espnic_rss_packet(&rss, p, &ip, false).l3);
	assert_int_equal(espnic_rss_packet(&rss, p, &ip, false).value, 0);
}

static void table_by_the_low_bits(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ESPNIC_RSS_TABLE_LEN; i++)
		rss.table[i] = (uint8_t)i;
	assert_int_equal(espnic_rss_queue(&rss, 0x12345685), 5);
	assert_int_equal(espnic_rss_queue(&rss, 0xffffffff), 127);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verification_suite),
		cmocka_unit_test(ports_count_where_there_are_some),
		cmocka_unit_test(table_by_the_low_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
