// SPDX-License-Identifier: BSD-2-Clause
/* Selectors against flows, one line a case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "naive.h"

enum { NO = ESPNIC_SELECTOR_NO, YES = ESPNIC_SELECTOR_YES, UNKNOWN = ESPNIC_SELECTOR_UNKNOWN };
enum { PORTS = ESPNIC_FLOW_PORTS, FIRST = ESPNIC_FLOW_FRAGMENT,
       LATER = ESPNIC_FLOW_FRAGMENT | ESPNIC_FLOW_NONFIRST };

struct row {
	const char *sel_src, *sel_dst;	/* NULL: family any */
	uint8_t src_prefix, dst_prefix, proto;
	uint16_t sport_min, sport_max, dport_min, dport_max;
	const char *src, *dst;
	uint8_t flow_proto, flags;
	uint16_t sport, dport;
	int want;
};

#define ANY 0, 65535, 0, 65535
#define OPAQUE 65535, 0, 65535, 0

static const struct row rows[] = {
	/* Family and prefixes */
	{ NULL, NULL, 0, 0, 0, ANY, "10.0.0.1", "10.0.0.2", 6, PORTS, 1, 2, YES },
	{ NULL, NULL, 0, 0, 0, ANY, "2001:db8::1", "2001:db8::2", 6, PORTS, 1, 2, YES },
	{ "0.0.0.0", "0.0.0.0", 0, 0, 0, ANY, "10.0.0.1", "10.0.0.2", 17, PORTS, 1, 2, YES },
	{ "0.0.0.0", "0.0.0.0", 0, 0, 0, ANY, "::1", "::2", 17, PORTS, 1, 2, NO },
	{ "::", "::", 0, 0, 0, ANY, "10.0.0.1", "10.0.0.2", 17, PORTS, 1, 2, NO },
	{ "10.0.0.1", "10.0.0.2", 32, 32, 0, ANY, "10.0.0.1", "10.0.0.2", 17, PORTS, 1, 2, YES },
	{ "10.0.0.1", "10.0.0.2", 32, 32, 0, ANY, "10.0.0.2", "10.0.0.1", 17, PORTS, 1, 2, NO },
	{ "10.0.0.0", "10.0.0.0", 31, 8, 0, ANY, "10.0.0.1", "10.255.0.2", 17, PORTS, 1, 2, YES },
	{ "10.0.0.0", "10.0.0.0", 31, 8, 0, ANY, "10.0.0.2", "10.255.0.2", 17, PORTS, 1, 2, NO },
	{ "10.0.0.0", "11.0.0.0", 8, 9, 0, ANY, "10.9.9.9", "11.127.0.1", 17, PORTS, 1, 2, YES },
	{ "10.0.0.0", "11.0.0.0", 8, 9, 0, ANY, "10.9.9.9", "11.128.0.1", 17, PORTS, 1, 2, NO },
	{ "10.9.9.9", "11.0.0.0", 8, 1, 0, ANY, "10.0.0.0", "127.0.0.1", 17, PORTS, 1, 2, YES },
	{ "2001:db8::1", "2001:db8::2", 128, 128, 0, ANY, "2001:db8::1", "2001:db8::2", 6, PORTS, 1, 2, YES },
	{ "2001:db8::1", "2001:db8::2", 128, 127, 0, ANY, "2001:db8::1", "2001:db8::3", 6, PORTS, 1, 2, YES },
	{ "2001:db8::1", "2001:db8::2", 128, 128, 0, ANY, "2001:db8::1", "2001:db8::3", 6, PORTS, 1, 2, NO },
	{ "2001:db8::", "::", 65, 0, 0, ANY, "2001:db8::7fff:0:0:1", "::", 6, PORTS, 1, 2, YES },
	{ "2001:db8::", "::", 65, 0, 0, ANY, "2001:db8::8000:0:0:1", "::", 6, PORTS, 1, 2, NO },
	/* Protocol */
	{ NULL, NULL, 0, 0, 6, ANY, "10.0.0.1", "10.0.0.2", 6, PORTS, 1, 2, YES },
	{ NULL, NULL, 0, 0, 6, ANY, "10.0.0.1", "10.0.0.2", 17, PORTS, 1, 2, NO },
	{ NULL, NULL, 0, 0, 89, ANY, "10.0.0.1", "10.0.0.2", 89, 0, 0, 0, YES },
	/* Ports */
	{ NULL, NULL, 0, 0, 6, 80, 80, 0, 65535, "10.0.0.1", "10.0.0.2", 6, PORTS, 80, 2, YES },
	{ NULL, NULL, 0, 0, 6, 80, 80, 0, 65535, "10.0.0.1", "10.0.0.2", 6, PORTS, 81, 2, NO },
	{ NULL, NULL, 0, 0, 6, 80, 80, 0, 65535, "10.0.0.1", "10.0.0.2", 6, PORTS, 79, 2, NO },
	{ NULL, NULL, 0, 0, 6, 0, 65535, 1000, 2000, "10.0.0.1", "10.0.0.2", 6, PORTS, 1, 1000, YES },
	{ NULL, NULL, 0, 0, 6, 0, 65535, 1000, 2000, "10.0.0.1", "10.0.0.2", 6, PORTS, 1, 2000, YES },
	{ NULL, NULL, 0, 0, 6, 0, 65535, 1000, 2000, "10.0.0.1", "10.0.0.2", 6, PORTS, 1, 2001, NO },
	{ NULL, NULL, 0, 0, 6, 0, 65535, 1000, 2000, "10.0.0.1", "10.0.0.2", 6, PORTS, 1, 999, NO },
	{ NULL, NULL, 0, 0, 0, 53, 53, 0, 65535, "10.0.0.1", "10.0.0.2", 17, PORTS, 53, 9, YES },
	{ NULL, NULL, 0, 0, 6, 0, 0, 0, 65535, "10.0.0.1", "10.0.0.2", 6, PORTS, 0, 9, YES },
	{ NULL, NULL, 0, 0, 6, 0, 65534, 0, 65535, "10.0.0.1", "10.0.0.2", 6, PORTS, 65535, 9, NO },
	/* ICMP: type and code */
	{ NULL, NULL, 0, 0, 1, 8, 8, 0, 0, "10.0.0.1", "10.0.0.2", 1, PORTS, 8, 0, YES },
	{ NULL, NULL, 0, 0, 1, 8, 8, 0, 0, "10.0.0.1", "10.0.0.2", 1, PORTS, 3, 4, NO },
	{ NULL, NULL, 0, 0, 58, 133, 137, 0, 65535, "fe80::1", "ff02::1", 58, PORTS, 135, 0, YES },
	{ NULL, NULL, 0, 0, 58, 133, 137, 0, 65535, "fe80::1", "ff02::1", 58, PORTS, 128, 0, NO },
	/* No ports to be seen */
	{ NULL, NULL, 0, 0, 6, ANY, "10.0.0.1", "10.0.0.2", 6, LATER, 0, 0, YES },
	{ NULL, NULL, 0, 0, 6, 80, 80, 0, 65535, "10.0.0.1", "10.0.0.2", 6, LATER, 0, 0, UNKNOWN },
	{ NULL, NULL, 0, 0, 6, 0, 0, 0, 65535, "10.0.0.1", "10.0.0.2", 6, LATER, 0, 0, UNKNOWN },
	{ NULL, NULL, 0, 0, 17, 80, 80, 0, 65535, "10.0.0.1", "10.0.0.2", 6, LATER, 0, 0, NO },
	{ "10.0.0.9", "0.0.0.0", 32, 0, 6, 80, 80, 0, 65535, "10.0.0.1", "10.0.0.2", 6, LATER, 0, 0, NO },
	{ NULL, NULL, 0, 0, 6, 80, 80, 0, 65535, "10.0.0.1", "10.0.0.2", 6, FIRST, 0, 0, UNKNOWN },
	{ NULL, NULL, 0, 0, 6, 80, 80, 0, 65535, "10.0.0.1", "10.0.0.2", 6, 0, 0, 0, UNKNOWN },
	{ NULL, NULL, 0, 0, 6, 80, 80, 0, 65535, "10.0.0.1", "10.0.0.2", 6, FIRST | PORTS, 80, 0, YES },
	{ NULL, NULL, 0, 0, 0, 80, 80, 0, 65535, "10.0.0.1", "10.0.0.2", 89, LATER, 0, 0, NO },
	{ NULL, NULL, 0, 0, 0, 80, 80, 0, 65535, "10.0.0.1", "10.0.0.2", 47, 0, 0, 0, NO },
	/* The protocol itself not to be seen: a later IPv6 fragment that begins inside the chain */
	{ NULL, NULL, 0, 0, 6, ANY, "2001:db8::1", "2001:db8::2", 60, LATER, 0, 0, UNKNOWN },
	{ NULL, NULL, 0, 0, 0, ANY, "2001:db8::1", "2001:db8::2", 60, LATER, 0, 0, YES },
	{ NULL, NULL, 0, 0, 0, 80, 80, 0, 65535, "2001:db8::1", "2001:db8::2", 43, LATER, 0, 0, UNKNOWN },
	{ NULL, NULL, 0, 0, 6, ANY, "2001:db8::1", "2001:db8::2", 60, 0, 0, 0, NO },
	{ NULL, NULL, 0, 0, 6, ANY, "10.0.0.1", "10.0.0.2", 60, LATER, 0, 0, NO },
	/* OPAQUE: what is not to be seen, and nothing else */
	{ NULL, NULL, 0, 0, 6, OPAQUE, "10.0.0.1", "10.0.0.2", 6, LATER, 0, 0, YES },
	{ NULL, NULL, 0, 0, 6, OPAQUE, "10.0.0.1", "10.0.0.2", 6, FIRST | PORTS, 65535, 0, NO },
	{ NULL, NULL, 0, 0, 6, OPAQUE, "10.0.0.1", "10.0.0.2", 6, PORTS, 80, 80, NO },
	{ NULL, NULL, 0, 0, 0, OPAQUE, "10.0.0.1", "10.0.0.2", 47, 0, 0, 0, YES },
	{ NULL, NULL, 0, 0, 6, OPAQUE, "10.0.0.1", "10.0.0.2", 17, LATER, 0, 0, NO },
	{ NULL, NULL, 0, 0, 6, 65535, 0, 80, 80, "10.0.0.1", "10.0.0.2", 6, LATER, 0, 0, UNKNOWN },
	{ NULL, NULL, 0, 0, 6, 65535, 0, 0, 65535, "10.0.0.1", "10.0.0.2", 6, LATER, 0, 0, YES },
	{ NULL, NULL, 0, 0, 255, ANY, "2001:db8::1", "2001:db8::2", 60, LATER, 0, 0, YES },
	{ NULL, NULL, 0, 0, 255, 80, 80, 0, 65535, "2001:db8::1", "2001:db8::2", 60, LATER, 0, 0, UNKNOWN },
	{ NULL, NULL, 0, 0, 255, OPAQUE, "2001:db8::1", "2001:db8::2", 60, LATER, 0, 0, YES },
	{ NULL, NULL, 0, 0, 255, ANY, "2001:db8::1", "2001:db8::2", 6, LATER, 0, 0, NO },
	{ NULL, NULL, 0, 0, 255, ANY, "2001:db8::1", "2001:db8::2", 255, 0, 0, 0, NO },
	{ NULL, NULL, 0, 0, 255, ANY, "10.0.0.1", "10.0.0.2", 6, PORTS, 1, 2, NO },
};

static uint8_t parse(const char *text, uint8_t out[16])
{
	memset(out, 0, 16);
	if (strchr(text, ':')) {
		assert_int_equal(inet_pton(AF_INET6, text, out), 1);
		return ESPNIC_IPV6;
	}
	assert_int_equal(inet_pton(AF_INET, text, out), 1);
	return ESPNIC_IPV4;
}

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct espnic_selector s = {
			.src_prefix = r->src_prefix, .dst_prefix = r->dst_prefix, .proto = r->proto,
			.sport_min = r->sport_min, .sport_max = r->sport_max,
			.dport_min = r->dport_min, .dport_max = r->dport_max,
		};
		struct espnic_flow f = {
			.proto = r->flow_proto, .flags = r->flags, .sport = r->sport, .dport = r->dport,
		};
		int got;

		if (r->sel_src) {
			s.family = parse(r->sel_src, s.src);
			parse(r->sel_dst, s.dst);
		}
		f.family = parse(r->src, f.src);
		parse(r->dst, f.dst);
		got = espnic_selector_check(&s, &f);
		if (got != r->want)
			fail_msg("row %zu: got %d, expected %d", i, got, r->want);
		assert_int_equal(espnic_selector_match(&s, &f), r->want == YES);
		assert_int_equal(naive_selector(&s, &f), r->want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests_name("selector", tests, NULL, NULL);
}
