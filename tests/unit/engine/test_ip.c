// SPDX-License-Identifier: BSD-2-Clause
/* IP headers: parsing, extension headers, flows, checksums. */
#include "support.h"

#include <stdlib.h>

struct parse_case {
	const char *what;
	const char *packet;
	bool good;
	uint8_t proto;
	bool fragment, nonfirst;
	uint32_t upper_off, esp_off;
	uint8_t esp_next;
	uint32_t esp_next_off;
};

#define V4(len, frag, proto) "4500" len "0000" frag "40" proto "0000 0a000001 0a000002"
#define V6(len, next) "60000000" len next "40 fd000000000000000000000000000001" \
	"fd000000000000000000000000000002"

static const struct parse_case parse_cases[] = {
	{ "IPv4 header alone", V4("0014", "0000", "11"), true, 17, 0, 0, 20, 20, 17, 9 },
	{ "IPv4 with payload", V4("0016", "0000", "06") "0000", true, 6, 0, 0, 20, 20, 6, 9 },
	{ "IPv4 DF", V4("0014", "4000", "11"), true, 17, 0, 0, 20, 20, 17, 9 },
	{ "IPv4 first fragment", V4("0014", "2000", "11"), true, 17, 1, 0, 20, 20, 17, 9 },
	{ "IPv4 last fragment", V4("0014", "0001", "11"), true, 17, 1, 1, 20, 20, 17, 9 },
	{ "IPv4 options", "4600001800000000 4011 0000 0a000001 0a000002 01010100", true, 17, 0, 0, 24,
	  24, 17, 9 },
	{ .what = "IPv4 longer than given", .packet = V4("0015", "0000", "11") },
	{ .what = "IPv4 shorter than its header", .packet = V4("0013", "0000", "11") },
	{ .what = "IPv4 IHL 4", .packet = "4400001400000000 4011 0000 0a000001 0a000002" },
	{ .what = "IPv4 IHL past the length", .packet = "4600001400000000 4011 0000 0a000001 0a000002 01010100" },
	{ .what = "version 5", .packet = "5500001400000000 4011 0000 0a000001 0a000002" },
	{ .what = "one byte", .packet = "45" },

	{ "IPv6 header alone", V6("0000", "3b"), true, 59, 0, 0, 40, 40, 59, 6 },
	{ "IPv6 UDP", V6("0008", "11") "0000000000080000", true, 17, 0, 0, 40, 40, 17, 6 },
	{ .what = "IPv6 longer than given", .packet = V6("0009", "11") "0000000000080000" },
	{ "hop-by-hop", V6("0010", "00") "1100010400000000 0000000000080000", true, 17, 0, 0, 48, 48,
	  17, 40 },
	{ "routing", V6("0010", "2b") "1100000000000000 0000000000080000", true, 17, 0, 0, 48, 48, 17,
	  40 },
	{ "destination options stay behind ESP", V6("0010", "3c") "1100010400000000 0000000000080000",
	  true, 17, 0, 0, 48, 40, 60, 6 },
	{ "destination options before routing do not",
	  V6("0018", "3c") "2b00010400000000 1100000000000000 0000000000080000", true, 17, 0, 0, 56, 56,
	  17, 48 },
	{ "options on both sides of routing",
	  V6("0020", "3c") "2b00010400000000 3c00000000000000 1100010400000000 0000000000080000", true,
	  17, 0, 0, 64, 56, 60, 48 },
	{ "atomic fragment", V6("0010", "2c") "1100000000000007 0000000000080000", true, 17, 0, 0, 48,
	  48, 17, 40 },
	{ "first fragment", V6("0010", "2c") "1100000100000007 0000000000080000", true, 17, 1, 0, 48,
	  48, 17, 40 },
	{ "later fragment, its payload is not walked", V6("0010", "2c") "3c00000800000007 ffffffffffffffff",
	  true, 60, 1, 1, 48, 48, 60, 40 },
	{ "two fragment headers, the second atomic",
	  V6("0010", "2c") "2c00000100000007 1100000000000007", true, 17, 1, 0, 56, 56, 17, 48 },
	{ .what = "hop-by-hop twice", .packet = V6("0010", "00") "0000010400000000 1100010400000000" },
	{ .what = "hop-by-hop behind routing", .packet = V6("0010", "2b") "0000000000000000 1100010400000000" },
	{ .what = "extension header past the end", .packet = V6("0008", "3c") "1101010400000000" },
	{ .what = "extension header cut short", .packet = V6("0007", "3c") "11000104000000" },
	{ .what = "chain to the last byte", .packet = V6("0010", "3c") "3c00010400000000 3c00010400000000" },
};

static void parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(parse_cases); i++) {
		const struct parse_case *c = &parse_cases[i];
		struct espnic_ip ip;
		uint8_t p[256];
		uint32_t len = (uint32_t)unhex(c->packet, p);

		if (espnic_ip_parse(p, len, &ip) != c->good)
			fail_msg("%s: %s", c->what, c->good ? "refused" : "taken");
		if (!c->good)
			continue;
		if (ip.proto != c->proto || ip.fragment != c->fragment || ip.nonfirst != c->nonfirst ||
		    ip.upper_off != c->upper_off || ip.esp_off != c->esp_off ||
		    ip.esp_next != c->esp_next || ip.esp_next_off != c->esp_next_off)
			fail_msg("%s: proto %u frag %d %d upper %u esp %u next %u at %u", c->what,
				 ip.proto, ip.fragment, ip.nonfirst, ip.upper_off, ip.esp_off,
				 ip.esp_next, ip.esp_next_off);
		/* Bytes behind the IP length do not matter; bytes missing do. */
		memset(p + len, 0xee, 8);
		assert_true(espnic_ip_parse(p, len + 8, &ip));
		assert_int_equal(ip.len, len);
		assert_false(espnic_ip_parse(p, len - 1, &ip));
	}
}

/* Any bytes at all, each in a buffer of its own size: for the sanitizers. */
static void any_bytes(void **state)
{
	(void)state;
	for (int round = 0; round < 200000; round++) {
		uint32_t len = chance() % 120;
		uint8_t *p = malloc(len ? len : 1);
		struct espnic_esp_loc loc;
		struct espnic_flow flow;

		chance_bytes(p, len);
		if (len > 8) {
			p[0] = (uint8_t)(chance() % 2 ? 0x45 : 0x60);
			espnic_put16(p + (p[0] == 0x45 ? 2 : 4), (uint16_t)(chance() % 130));
			if (p[0] == 0x60)
				p[6] = (uint8_t[]){ 0, 43, 44, 60, 50, 17 }[chance() % 6];
		}
		if (espnic_flow_parse(p, len, &flow))
			assert_true(flow.ip_len <= len && flow.upper_off <= flow.ip_len);
		if (espnic_esp_find(p, len, &loc))
			assert_true(loc.off + loc.len <= len && loc.len >= 8);
		free(p);
	}
}

static void flows(void **state)
{
	static const struct {
		const char *packet;
		uint8_t proto, flags;
		uint16_t sport, dport;
	} cases[] = {
		{ V4("001c", "0000", "11") "1234567800080000", 17, ESPNIC_FLOW_PORTS, 0x1234, 0x5678 },
		{ V4("001c", "0000", "06") "1234567800080000", 6, ESPNIC_FLOW_PORTS, 0x1234, 0x5678 },
		{ V4("001c", "0000", "84") "1234567800080000", 132, ESPNIC_FLOW_PORTS, 0x1234, 0x5678 },
		{ V4("001c", "0000", "01") "0803567800080000", 1, ESPNIC_FLOW_PORTS, 8, 3 },
		{ V4("001c", "0000", "2f") "1234567800080000", 47, 0, 0, 0 },
		{ V4("0017", "0000", "11") "123456", 17, 0, 0, 0 },
		{ V4("0015", "0000", "01") "08", 1, 0, 0, 0 },
		{ V4("001c", "2000", "11") "1234567800080000", 17,
		  ESPNIC_FLOW_PORTS | ESPNIC_FLOW_FRAGMENT, 0x1234, 0x5678 },
		{ V4("001c", "0001", "11") "1234567800080000", 17,
		  ESPNIC_FLOW_NONFIRST | ESPNIC_FLOW_FRAGMENT, 0, 0 },
		{ V6("0010", "3c") "3a00010400000000 8001000000000000", 58, ESPNIC_FLOW_PORTS, 128, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct espnic_flow f;
		uint8_t p[128];

		assert_true(espnic_flow_parse(p, (uint32_t)unhex(cases[i].packet, p), &f));
		assert_int_equal(f.proto, cases[i].proto);
		assert_int_equal(f.flags, cases[i].flags);
		assert_int_equal(f.sport, cases[i].sport);
		assert_int_equal(f.dport, cases[i].dport);
	}
}

static void esp_find(void **state)
{
	static const struct {
		const char *packet;
		bool found, udp;
		uint32_t off, len, spi;
	} cases[] = {
		{ V4("001c", "0000", "32") "0000100000000001", true, false, 20, 8, 0x1000 },
		{ V4("001b", "0000", "32") "00001000000000", false, 0, 0, 0, 0 },
		{ V4("001c", "2000", "32") "0000100000000001", false, 0, 0, 0, 0 },
		{ V4("0020", "0000", "33") "320100000000100000000001", true, false, 20, 12, 0x1000 },
		{ V4("0024", "0000", "11") "1194119400100000 0000100000000001", true, true, 28, 8, 0x1000 },
		/* IKE: the non-ESP marker. */
		{ V4("0024", "0000", "11") "1194119400100000 0000000000000001", false, 0, 0, 0, 0 },
		/* UDP lengths: behind the end, shorter than itself, leaving too little. */
		{ V4("0024", "0000", "11") "1194119400110000 0000100000000001", false, 0, 0, 0, 0 },
		{ V4("0024", "0000", "11") "1194119400070000 0000100000000001", false, 0, 0, 0, 0 },
		{ V4("0024", "0000", "11") "11941194000f0000 0000100000000001", false, 0, 0, 0, 0 },
		/* A NAT keepalive. */
		{ V4("001d", "0000", "11") "1194119400090000 ff", false, 0, 0, 0, 0 },
		{ V6("0010", "3c") "3200010400000000 0000100000000001", true, false, 48, 8, 0x1000 },
		{ V4("001c", "0000", "06") "0000100000000001", false, 0, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct espnic_esp_loc loc;
		uint8_t p[128];
		bool found = espnic_esp_find(p, (uint32_t)unhex(cases[i].packet, p), &loc);

		if (found != cases[i].found)
			fail_msg("case %zu", i);
		if (!found)
			continue;
		assert_int_equal(loc.udp, cases[i].udp);
		assert_int_equal(loc.off, cases[i].off);
		assert_int_equal(loc.len, cases[i].len);
		assert_int_equal(loc.spi, cases[i].spi);
	}
}

/* Setting the TOS by RFC 1624 gives what summing anew gives, for each old and new TOS. */
static void checksum_update(void **state)
{
	(void)state;
	for (uint32_t old = 0; old < 256; old++) {
		for (uint32_t new = 0; new < 256; new++) {
			uint8_t a[ESPNIC_IPV4_HLEN], b[ESPNIC_IPV4_HLEN];

			make_ip(ESPNIC_IPV4, a, 0);
			chance_bytes(a + 4, 16);
			a[1] = (uint8_t)old;
			espnic_ipv4_csum(a);
			memcpy(b, a, sizeof(a));
			espnic_ip_set_tos(a, (uint8_t)new);
			b[1] = (uint8_t)new;
			espnic_ipv4_csum(b);
			assert_memory_equal(a, b, sizeof(a));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse),
		cmocka_unit_test(any_bytes),
		cmocka_unit_test(flows),
		cmocka_unit_test(esp_find),
		cmocka_unit_test(checksum_update),
	};

	return cmocka_run_group_tests_name("engine/ip", tests, NULL, NULL);
}
