// SPDX-License-Identifier: BSD-2-Clause
/* The record of the host side: what the host gave or got, and the comment that says what became of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "wire/wire.h"
#include "world.h"

enum { TCP = ESPNIC_IPPROTO_TCP };

struct record_case {
	struct spec s;
	bool from_host;
	uint8_t sa;		/* from the peer: through this SA; from the host: host-made for crypto offload */
	bool spoil;		/* the last byte is changed */
	bool as_it_came;	/* else as it leaves steering */
	const char *comment;
};

static const struct record_case cases[] = {
	{ { .v = 4, .net = NET_TRANSPORT, .proto = TCP, .len = 33 }, true, 0, false, true,
	  "espnic: sa handle 0x00100010 spi 0x00001010 out packet seq 1" },
	{ { .v = 6, .net = NET_NONE, .proto = TCP, .len = 33 }, true, 0, false, true, "espnic: tx_bypass" },
	{ { .v = 4, .net = NET_NO_SA, .proto = TCP, .len = 33 }, true, 0, false, true, "espnic: drop tx_drop_no_sa" },
	{ { .v = 4, .net = NET_SEQ, .proto = TCP, .len = 33 }, true, 0, false, true,
	  "espnic: sa handle 0x00100030 spi 0x00001030 out packet drop tx_drop_seq" },
	{ { .v = 4, .net = NET_CRYPTO, .proto = TCP, .len = 33 }, true, NET_CRYPTO, false, true,
	  "espnic: sa handle 0x00100040 spi 0x00001040 out crypto seq 9" },
	{ { .v = 0, .len = 46 }, true, 0, false, true, "" },
	{ { .v = 4, .net = NET_TUNNEL, .proto = TCP, .len = 33 }, false, NET_TUNNEL, false, false,
	  "espnic: sa handle 0x00100019 spi 0x00002019 in packet seq 1" },
	{ { .v = 4, .net = NET_TUNNEL, .proto = TCP, .len = 33 }, false, 0, false, true, "espnic: drop rx_drop_clear" },
	{ { .v = 4, .net = NET_CRYPTO, .proto = TCP, .len = 33 }, false, NET_CRYPTO, false, false,
	  "espnic: sa handle 0x00100041 spi 0x00002041 in crypto seq 1" },
	{ { .v = 4, .net = NET_CRYPTO, .proto = TCP, .len = 33 }, false, NET_CRYPTO, true, true,
	  "espnic: sa handle 0x00100041 spi 0x00002041 in crypto seq 2 rx_crypto_failed" },
	{ { .v = 4, .net = NET_TUNNEL, .proto = TCP, .len = 33 }, false, NET_TUNNEL, true, true,
	  "espnic: sa handle 0x00100019 spi 0x00002019 in packet seq 2 drop rx_drop_integrity" },
};

enum { CASES = sizeof(cases) / sizeof(cases[0]) };

/* The comments of the file, one a line, by tshark. */
static void check_comments(const char *path)
{
	char cmd[256], line[512];
	FILE *o;

	if (system("command -v tshark >/dev/null 2>&1")) {
		print_message("no tshark here: comments not checked\n");
		return;
	}
	snprintf(cmd, sizeof(cmd), "tshark -r %s -T fields -e frame.interface_name -e frame.comment 2>/dev/null", path);
	o = popen(cmd, "r");
	assert_non_null(o);
	for (size_t i = 0; i < CASES; i++) {
		char want[512];

		snprintf(want, sizeof(want), "host\t%s\n", cases[i].comment);
		assert_non_null(fgets(line, sizeof(line), o));
		assert_string_equal(line, want);
	}
	assert_int_equal(pclose(o), 0);
}

static void test_record(void **state)
{
	static struct frame f[CASES];
	static struct world w;
	char path[] = "/tmp/espnic-record-XXXXXX", spec[64], err[256];
	struct espnic_wire_frame got;
	struct espnic_pcap *pcap;
	struct espnic_wire *wire;

	(void)state;
	close(mkstemp(path));
	pcap = espnic_pcap_open(path, err, sizeof(err));
	assert_non_null(pcap);
	world_init(&w, true, pcap);
	for (size_t i = 0; i < CASES; i++) {
		const struct record_case *c = &cases[i];

		frame_make(&f[i], &c->s, c->from_host);
		if (c->sa && c->from_host)
			frame_host_esp(&f[i], c->sa, c->s.v, 9);
		else if (c->sa)
			frame_protect(&w, &f[i], c->sa, c->s.v);
		if (c->spoil) {
			f[i].buf[f[i].f.off + f[i].f.len - 1] ^= 1;
			f[i].sent[f[i].sent_len - 1] ^= 1;
		}
		if (c->from_host)
			espnic_steer_tx(&w.thread, &f[i].f, 1);
		else
			espnic_steer_rx(&w.thread, &f[i].f, 1);
	}
	world_free(&w);
	assert_int_equal(espnic_pcap_close(pcap), 0);

	snprintf(spec, sizeof(spec), "pcap:%s", path);
	wire = espnic_wire_open(spec, err, sizeof(err));
	if (!wire)
		fail_msg("%s", err);
	for (size_t i = 0; i < CASES; i++) {
		assert_int_equal(wire->ops->recv(wire, &got, 1), 1);
		if (cases[i].as_it_came) {
			assert_int_equal(got.len, f[i].sent_len);
			assert_memory_equal(got.data, f[i].sent, got.len);
		} else {
			assert_int_equal(got.len, f[i].f.len);
			assert_memory_equal(got.data, f[i].buf + f[i].f.off, got.len);
		}
	}
	assert_int_equal(wire->ops->recv(wire, &got, 1), 0);
	wire->ops->close(wire);
	check_comments(path);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_record) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
