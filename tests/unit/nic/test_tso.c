// SPDX-License-Identifier: BSD-2-Clause
/*
 * Segmentation, table-driven; each segment is looked at again by code that shares nothing with
 * tso.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "espnic_regs.h"
#include "nic/tso.h"

enum { FIN = 0x01, PSH = 0x08, ACK = 0x10, CWR = 0x80 };

struct layout {
	uint32_t l3, l4, hdr;
};

static uint8_t big[ESPNIC_MAX_TSO_LEN];

static uint32_t sum16(const uint8_t *p, uint32_t len)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < len; i++) {
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

/*
 * Ethernet, @tags VLAN tags, IP with @ip_opts bytes of options (IPv4), TCP with @tcp_opts bytes of
 * options.
 */
static struct layout build(unsigned int tags, bool v6, uint32_t ip_opts, uint32_t tcp_opts,
			   uint8_t flags, uint32_t payload)
{
	struct layout at = { .l3 = 14 + 4 * tags };
	uint8_t *ip = big + at.l3, *tcp;

	memset(big, 0, 200);
	memset(big, 2, 12);
	for (unsigned int i = 0; i < tags; i++)
		memcpy(big + 12 + 4 * i, i + 1 < tags ? "\x88\xa8\x00\x05" : "\x81\x00\x00\x06", 4);
	memcpy(big + at.l3 - 2, v6 ? "\x86\xdd" : "\x08\x00", 2);
	at.l4 = at.l3 + (v6 ? 40 : 20 + ip_opts);
	at.hdr = at.l4 + 20 + tcp_opts;
	if (v6) {
		ip[0] = 0x60;
		ip[6] = 6;
		ip[7] = 64;
		memset(ip + 8, 0x20, 32);
	} else {
		ip[0] = (uint8_t)(0x45 + ip_opts / 4);
		ip[4] = 0xff;
		ip[5] = 0xfe; /* the id wraps soon */
		ip[8] = 64;
		ip[9] = 6;
		memset(ip + 12, 10, 8);
		memset(ip + 20, 1, ip_opts);
	}
	tcp = big + at.l4;
	memset(tcp + 4, 0xff, 4); /* the sequence number wraps soon */
	tcp[5] = 0xfd;
	tcp[12] = (uint8_t)((20 + tcp_opts) / 4 << 4);
	tcp[13] = flags;
	tcp[16] = 0x12; /* what the host leaves there doesn't matter */
	memset(tcp + 20, 1, tcp_opts);
	for (uint32_t i = 0; i < payload; i++)
		big[at.hdr + i] = (uint8_t)(i * 5 + (i >> 8));
	return at;
}

static const struct {
	const char *name;
	unsigned int tags;
	bool v6;
	uint32_t ip_opts, tcp_opts;
	uint8_t flags;
	uint32_t payload, mss;
} cases[] = {
	{ "one full segment", 0, false, 0, 0, ACK | PSH, 1448, 1448 },
	{ "one byte more", 0, false, 0, 0, ACK | PSH | FIN, 1449, 1448 },
	{ "less than one", 0, true, 0, 12, ACK | FIN, 10, 1448 },
	{ "many", 0, false, 0, 12, ACK | PSH | CWR, 65000, 1448 },
	{ "many, IPv6", 0, true, 0, 12, ACK | PSH | CWR, 65000, 1428 },
	{ "one tag", 1, false, 0, 12, ACK, 20000, 1000 },
	{ "two tags, IPv6", 2, true, 0, 0, ACK | FIN, 20001, 999 },
	{ "IP options", 0, false, 40, 40, ACK | CWR | FIN | PSH, 5000, 333 },
	{ "tiny segments", 0, false, 0, 0, ACK, 777, 1 },
	{ "huge segments", 0, false, 0, 0, ACK, 65000, 9000 },
	{ "odd sizes", 1, true, 0, 8, ACK | PSH, 12345, 77 },
};

static void every_segment_is_right(void **state)
{
	static uint8_t out[ESPNIC_MAX_FRAME];

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		struct layout at = build(cases[c].tags, cases[c].v6, cases[c].ip_opts,
					 cases[c].tcp_opts, cases[c].flags, cases[c].payload);
		uint32_t done = 0, n = 0;
		struct espnic_tso t;

		assert_int_equal(
			espnic_tso_begin(&t, big, at.hdr + cases[c].payload, at.hdr, cases[c].mss),
			0);
		while (espnic_tso_more(&t)) {
			uint32_t len = espnic_tso_next(&t, out), part = len - at.hdr;
			uint32_t l4_len = len - at.l4, pseudo = 6 + l4_len;
			bool last = done + part == cases[c].payload;
			uint8_t flags = cases[c].flags;
			const uint8_t *ip = out + at.l3, *tcp = out + at.l4;

			if (!last)
				assert_int_equal(part, cases[c].mss);
			if (cases[c].v6) {
				assert_int_equal(get16(ip + 4), l4_len);
				pseudo += sum16(ip + 8, 32);
			} else {
				assert_int_equal(get16(ip + 2), len - at.l3);
				assert_int_equal(get16(ip + 4), (0xfffe + n) & 0xffff);
				assert_int_equal(sum16(ip, at.l4 - at.l3), 0xffff);
				pseudo += sum16(ip + 12, 8);
			}
			pseudo += sum16(tcp, l4_len);
			pseudo = (pseudo & 0xffff) + (pseudo >> 16);
			assert_int_equal((pseudo & 0xffff) + (pseudo >> 16), 0xffff);
			assert_int_equal(get32(tcp + 4), 0xfffdffff + done);
			if (!last)
				flags &= (uint8_t)~(FIN | PSH);
			if (n)
				flags &= (uint8_t)~CWR;
			assert_int_equal(tcp[13], flags);
			assert_memory_equal(out, big, at.l3);
			assert_memory_equal(out + at.hdr, big + at.hdr + done, part);
			done += part;
			n++;
		}
		assert_int_equal(done, cases[c].payload);
		assert_int_equal(n, (cases[c].payload + cases[c].mss - 1) / cases[c].mss);
	}
}

static int begin(uint32_t len, uint32_t hdr, uint32_t mss)
{
	struct espnic_tso t;

	return espnic_tso_begin(&t, big, len, hdr, mss);
}

static void nonsense_is_refused(void **state)
{
	struct layout at = build(0, false, 0, 0, ACK, 1000);
	uint32_t len = at.hdr + 1000;

	(void)state;
	assert_int_equal(begin(len, at.hdr, 100), 0);
	assert_true(begin(len, at.hdr, 0)); /* no mss */
	assert_true(begin(at.hdr, at.hdr, 100)); /* no payload */
	assert_true(begin(len, at.hdr - 1, 100)); /* not the end of the TCP header */
	assert_true(begin(len, at.hdr + 4, 100));
	assert_true(begin(len, 0, 100));
	assert_true(begin(len, 65535, 100));
	for (uint32_t cut = 0; cut <= at.hdr; cut++)
		assert_true(begin(cut, at.hdr, 100));
	big[23] = 17; /* UDP */
	assert_true(begin(len, at.hdr, 100));
	big[23] = 6;
	big[20] = 0x20; /* a fragment */
	assert_true(begin(len, at.hdr, 100));
	big[20] = 0;
	big[21] = 1;
	assert_true(begin(len, at.hdr, 100));
	big[21] = 0;
	big[14] = 0x44; /* header of 16 bytes */
	assert_true(begin(len, at.hdr, 100));
	big[14] = 0x65; /* version and type disagree */
	assert_true(begin(len, at.hdr, 100));
	big[14] = 0x45;
	big[46] = 0x40; /* TCP header of 16 bytes */
	assert_true(begin(len, at.hdr, 100));
	big[46] = 0x50;
	big[13] = 0x06; /* ARP */
	assert_true(begin(len, at.hdr, 100));
	big[13] = 0x00;
	assert_int_equal(begin(len, at.hdr, 100), 0);

	at = build(0, true, 0, 0, ACK, 1000);
	big[20] = 0; /* hop-by-hop options in front */
	assert_true(begin(at.hdr + 1000, at.hdr, 100));
	/* Three tags: nobody looks that far. */
	build(2, false, 0, 0, ACK, 1000);
	memcpy(big + 20, "\x81\x00", 2);
	assert_true(begin(2000, 62, 100));
}

/* The next of a fixed run of numbers. */
static uint32_t next_random(void)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)x;
}

/*
 * Frames of which some bytes were changed, in memory that ends where they end: whatever is
 * taken, its segments are no longer than was said, and all of the payload is in them.
 */
static void any_bytes(void **state)
{
	unsigned int taken = 0;

	(void)state;
	for (unsigned int i = 0; i < 200000; i++) {
		struct layout at = build(i % 3, i & 4, i & 8 ? 0 : 8, i & 16 ? 12 : 0, 0x18, 90);
		struct espnic_tso_esp esp = { .off = at.l4, .seq_hi = next_random() & 1, .esn = i & 32,
					      .tunnel = i & 64, .udp = i & 128, .iv_len = 8,
					      .icv_len = 8 + 4 * (i % 3) };
		uint32_t len = at.hdr + 90, hdr_len = at.hdr, used = 0, room;
		bool wrapped = i & 256;
		struct espnic_tso t;
		uint8_t *data, *out;

		if (wrapped) { /* ESP in front of TCP or, in a tunnel, of one more IP header */
			uint32_t from = esp.tunnel ? at.l3 : at.l4, head = 16 + (esp.udp ? 8 : 0);

			big[at.l3 + (i & 4 ? 6 : 9)] = esp.udp ? 17 : 50;
			memmove(big + at.l4 + head, big + from, len - from);
			if (esp.tunnel)
				big[at.l4 + head + (i & 4 ? 6 : 9)] = 6;
			esp.off = at.l4 + head - 16;
			hdr_len = at.l4 + head + at.hdr - from;
			len = at.l4 + head + len - from;
		}
		for (uint32_t k = next_random() % 4; k--;)
			big[next_random() % len] = (uint8_t)next_random();
		if (!(next_random() % 4))
			len = 1 + next_random() % len;
		if (!(next_random() % 8))
			hdr_len = next_random() % (len + 9);
		if (!(next_random() % 8))
			esp.off = next_random() % (len + 9);
		data = malloc(len);
		assert_non_null(data);
		memcpy(data, big, len);
		if (wrapped ? espnic_tso_begin_esp(&t, data, len, hdr_len, 1 + i % 100, &esp)
			    : espnic_tso_begin(&t, data, len, hdr_len, 1 + i % 100)) {
			free(data);
			continue;
		}
		taken++;
		room = espnic_tso_frame_len(&t);
		out = malloc(room);
		assert_non_null(out);
		while (espnic_tso_more(&t)) {
			uint32_t before = t.done;

			assert_true(espnic_tso_next(&t, out) <= room);
			used += t.done - before;
		}
		assert_int_equal(used, len - hdr_len);
		free(out);
		free(data);
	}
	/* Enough of both kinds. */
	assert_in_range(taken, 20000, 180000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_segment_is_right),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
