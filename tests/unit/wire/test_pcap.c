// SPDX-License-Identifier: BSD-2-Clause
/*
 * The pcapng writer, read back by our own reader and by tshark; the reader against files of every
 * kind and sickness.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "espnic_regs.h"
#include "nic/pcap.h"
#include "wire/kinds.h"

static char dir[] = "/tmp/espnic-pcap-XXXXXX";
static char in[128], out[128];

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(in, sizeof(in), "%s/in", dir);
	snprintf(out, sizeof(out), "%s/out", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(in);
	unlink(out);
	return rmdir(dir);
}

/* A file put together by hand, in either byte order. */
struct file {
	uint8_t p[65536];
	size_t len;
	bool big;
};

static void put(struct file *f, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		f->p[f->len++] = (uint8_t)(v >> 8 * (f->big ? bytes - 1 - i : i));
}

static void put_bytes(struct file *f, uint32_t len, uint8_t first)
{
	for (uint32_t i = 0; i < len; i++)
		f->p[f->len++] = (uint8_t)(first + i);
}

static void save(const struct file *f, size_t len)
{
	FILE *o = fopen(in, "wb");

	assert_non_null(o);
	assert_int_equal(fwrite(f->p, 1, len, o), len);
	assert_int_equal(fclose(o), 0);
}

static void pcap_head(struct file *f, uint32_t magic, uint32_t link)
{
	put(f, magic, 4);
	put(f, 2, 2);
	put(f, 4, 2);
	put(f, 0, 8);
	put(f, 65535, 4);
	put(f, link, 4);
}

static void pcap_record(struct file *f, uint32_t caplen, uint32_t len, uint8_t first)
{
	put(f, 0, 8);
	put(f, caplen, 4);
	put(f, len, 4);
	put_bytes(f, caplen, first);
}

static void ng_section(struct file *f)
{
	put(f, 0x0a0d0d0a, 4);
	put(f, 28, 4);
	put(f, 0x1a2b3c4d, 4);
	put(f, 1, 2);
	put(f, 0, 2);
	put(f, UINT64_MAX, 8);
	put(f, 28, 4);
}

static void ng_interface(struct file *f, uint16_t link, uint32_t snaplen)
{
	put(f, 1, 4);
	put(f, 20, 4);
	put(f, link, 2);
	put(f, 0, 2);
	put(f, snaplen, 4);
	put(f, 20, 4);
}

static void ng_packet(struct file *f, uint32_t type, uint32_t iface, uint32_t caplen, uint32_t len, uint8_t first)
{
	uint32_t total = 32 + (caplen + 3) / 4 * 4;

	put(f, type, 4);
	put(f, total, 4);
	put(f, iface, type == 6 ? 4 : 2);
	if (type != 6)
		put(f, 0, 2);
	put(f, 0, 8);
	put(f, caplen, 4);
	put(f, len, 4);
	put_bytes(f, caplen, first);
	put(f, 0, -caplen % 4);
	put(f, total, 4);
}

static void ng_simple(struct file *f, uint32_t caplen, uint32_t len, uint8_t first)
{
	uint32_t total = 16 + (caplen + 3) / 4 * 4;

	put(f, 3, 4);
	put(f, total, 4);
	put(f, len, 4);
	put_bytes(f, caplen, first);
	put(f, 0, -caplen % 4);
	put(f, total, 4);
}

static struct espnic_wire *open_in(char *err, size_t err_len)
{
	char spec[256];

	snprintf(spec, sizeof(spec), "pcap:%s", in);
	return espnic_wire_open(spec, err, err_len);
}

/*
 * The file holds exactly frames of these lengths, the n-th beginning with byte n, and then nothing
 * more.
 */
static void check_frames(const uint32_t *lens, unsigned int n, uint64_t skipped)
{
	struct espnic_wire_frame f[3];
	struct espnic_wire *w;
	char err[256];
	unsigned int i = 0;
	int got;

	w = open_in(err, sizeof(err));
	if (!w)
		fail_msg("%s", err);
	assert_true(w->ops->link_up(w));
	while ((got = w->ops->recv(w, f, 3)) > 0) {
		for (int k = 0; k < got; k++, i++) {
			assert_true(i < n);
			assert_int_equal(f[k].len, lens[i]);
			assert_int_equal(f[k].data[0], i);
			assert_int_equal(f[k].data[f[k].len - 1], (uint8_t)(i + f[k].len - 1));
		}
	}
	assert_int_equal(i, n);
	assert_int_equal(atomic_load(&w->rx_skipped), skipped);
	w->ops->close(w);
}

static void test_read_pcap(void **state)
{
	static const uint32_t magics[] = { 0xa1b2c3d4, 0xa1b23c4d };
	static const uint32_t lens[] = { 60, 61, 1514 };
	static struct file f;

	(void)state;
	for (int m = 0; m < 2; m++) {
		for (int big = 0; big <= 1; big++) {
			f = (struct file){ .big = big };
			pcap_head(&f, magics[m], 1);
			for (uint8_t i = 0; i < 3; i++)
				pcap_record(&f, lens[i], lens[i], i);
			pcap_record(&f, 40, 60, 9);	/* cut by the capture */
			pcap_record(&f, 0, 0, 9);
			save(&f, f.len);
			check_frames(lens, 3, 2);
		}
	}
}

static void test_read_pcapng(void **state)
{
	static const uint32_t lens[] = { 60, 61, 62, 63, 64, 65 };
	static struct file f;

	(void)state;
	for (int big = 0; big <= 1; big++) {
		f = (struct file){ .big = big };
		ng_section(&f);
		ng_interface(&f, 1, 0);
		ng_interface(&f, 1, 0);
		ng_packet(&f, 6, 1, 60, 60, 0);
		put(&f, 0xbad, 4);		/* a block of a kind nobody knows */
		put(&f, 16, 4);
		put(&f, 0, 4);
		put(&f, 16, 4);
		ng_packet(&f, 2, 0, 61, 61, 1);
		ng_simple(&f, 62, 62, 2);
		/*
		 * Another section, of the other byte order, where simple packets are cut at 100
		 * bytes.
		 */
		f.big = !f.big;
		ng_section(&f);
		ng_interface(&f, 1, 100);
		ng_packet(&f, 6, 0, 63, 63, 3);
		ng_packet(&f, 6, 0, 64, 64, 4);
		ng_simple(&f, 65, 65, 5);
		ng_simple(&f, 100, 1000, 9);
		ng_packet(&f, 6, 0, ESPNIC_MAX_FRAME + 1, ESPNIC_MAX_FRAME + 1, 9);
		save(&f, f.len);
		check_frames(lens, 6, 2);
	}
}

struct sick {
	const char *name;
	void (*make)(struct file *f);
	const char *err;
};

static void make_empty(struct file *f) { (void)f; }
static void make_text(struct file *f) { memcpy(f->p, "hello, world", 12); f->len = 12; }
static void make_wifi(struct file *f) { pcap_head(f, 0xa1b2c3d4, 105); }
static void make_fcs(struct file *f) { pcap_head(f, 0xa1b2c3d4, 0x24000001); }
static void make_long_record(struct file *f) { pcap_head(f, 0xa1b2c3d4, 1); put(f, 0, 8); put(f, UINT32_MAX, 4); put(f, 60, 4); }
static void make_ng_wifi(struct file *f) { ng_section(f); ng_interface(f, 127, 0); }
static void make_ng_second_raw(struct file *f) { ng_section(f); ng_interface(f, 1, 0); ng_interface(f, 101, 0); }
static void make_ng_no_iface(struct file *f) { ng_section(f); ng_packet(f, 6, 0, 60, 60, 0); }
static void make_ng_simple_no_iface(struct file *f) { ng_section(f); ng_simple(f, 60, 60, 0); }
static void make_ng_far_iface(struct file *f) { ng_section(f); ng_interface(f, 1, 0); ng_packet(f, 6, 1, 60, 60, 0); }
static void make_ng_magic(struct file *f) { ng_section(f); f->p[8] ^= 1; }
static void make_ng_version(struct file *f) { ng_section(f); f->p[12] = 2; }
static void make_ng_zero_block(struct file *f) { ng_section(f); put(f, 1, 4); put(f, 0, 4); put(f, 0, 4); }
static void make_ng_odd_block(struct file *f) { ng_section(f); put(f, 1, 4); put(f, 13, 4); put(f, 0, 8); }
static void make_ng_long_block(struct file *f) { ng_section(f); put(f, 1, 4); put(f, 0xfffffffc, 4); put(f, 0, 4); }
static void make_ng_two_lengths(struct file *f) { ng_section(f); ng_interface(f, 1, 0); f->p[f->len - 4] ^= 4; }
static void make_ng_short_iface(struct file *f) { ng_section(f); put(f, 1, 4); put(f, 12, 4); put(f, 12, 4); }
static void make_ng_long_packet(struct file *f)
{
	ng_section(f);
	ng_interface(f, 1, 0);
	ng_packet(f, 6, 0, 60, 60, 0);
	f->p[28 + 20 + 20] = 61;	/* one byte more than the block holds: 60 is whole words */
}
static void make_ng_huge_packet(struct file *f)
{
	ng_section(f);
	ng_interface(f, 1, 0);
	ng_packet(f, 6, 0, 60, 60, 0);
	memset(f->p + 28 + 20 + 20, 0xff, 4);
}

static void test_sick(void **state)
{
	static const struct sick cases[] = {
		{ "empty", make_empty, "not a pcap" },
		{ "text", make_text, "not a pcap" },
		{ "pcap of a wireless link", make_wifi, "link type 105" },
		{ "pcap with FCS", make_fcs, "FCS" },
		{ "pcap record past the end", make_long_record, "past the end" },
		{ "pcapng of another link", make_ng_wifi, "link type 127" },
		{ "second interface of another link", make_ng_second_raw, "link type 101" },
		{ "packet without interface", make_ng_no_iface, "not described" },
		{ "simple packet without interface", make_ng_simple_no_iface, "not described" },
		{ "packet of an interface too far", make_ng_far_iface, "not described" },
		{ "no byte order", make_ng_magic, "byte-order" },
		{ "version 2", make_ng_version, "version 1" },
		{ "block of no length", make_ng_zero_block, "claims 0 bytes" },
		{ "block of odd length", make_ng_odd_block, "claims 13 bytes" },
		{ "block past the end", make_ng_long_block, "claims 4294967292 bytes" },
		{ "two lengths", make_ng_two_lengths, "two different" },
		{ "short interface", make_ng_short_iface, "too short" },
		{ "packet past its block", make_ng_long_packet, "past its block" },
		{ "packet of 4 GiB", make_ng_huge_packet, "past its block" },
	};
	static struct file f;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char err[256] = "";

		print_message("%s\n", cases[i].name);
		f = (struct file){ 0 };
		cases[i].make(&f);
		save(&f, f.len);
		assert_null(open_in(err, sizeof(err)));
		if (!strstr(err, cases[i].err))
			fail_msg("\"%s\" does not say \"%s\"", err, cases[i].err);
		assert_null(strchr(err, '\n'));
	}
}

/* Cut anywhere: an error, except between blocks or records. */
static void test_cut(void **state)
{
	static struct file f;
	unsigned int good = 0;

	(void)state;
	for (int ng = 0; ng <= 1; ng++) {
		f = (struct file){ 0 };
		if (ng) {
			ng_section(&f);
			ng_interface(&f, 1, 0);
			ng_packet(&f, 6, 0, 60, 60, 0);
			ng_simple(&f, 61, 61, 1);
		} else {
			pcap_head(&f, 0xa1b2c3d4, 1);
			pcap_record(&f, 60, 60, 0);
			pcap_record(&f, 61, 61, 1);
		}
		for (size_t len = 0; len <= f.len; len++) {
			char err[256];
			struct espnic_wire *w;

			save(&f, len);
			w = open_in(err, sizeof(err));
			if (w) {
				good++;
				w->ops->close(w);
			}
		}
	}
	assert_int_equal(good, 4 + 3);
}

static void test_write(void **state)
{
	enum { N = 5000 };
	static uint8_t frame[ESPNIC_MAX_FRAME];
	char long_comment[2 * ESPNIC_PCAP_COMMENT_MAX + 1];
	struct espnic_wire_frame f;
	struct espnic_wire *w;
	struct espnic_pcap *p;
	char err[256];
	struct stat st;

	(void)state;
	memset(long_comment, 'c', sizeof(long_comment) - 1);
	long_comment[sizeof(long_comment) - 1] = 0;
	unlink(in);
	p = espnic_pcap_open(in, err, sizeof(err));
	assert_non_null(p);
	assert_int_equal(stat(in, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	for (uint32_t i = 0; i < N; i++) {
		uint32_t len = 1 + i * 37 % ESPNIC_MAX_FRAME;

		memset(frame, (int)(i & 0xff), len);
		espnic_pcap_frame(p, i % 2, frame, len, i % 3 ? ESPNIC_PCAP_IN : ESPNIC_PCAP_OUT,
				  i % 5 == 0 ? NULL : i % 5 == 1 ? "x" : i % 5 == 2 ? long_comment : "two\nlines \xc3\xa9");
	}
	assert_int_equal(espnic_pcap_close(p), 0);
	w = open_in(err, sizeof(err));
	if (!w)
		fail_msg("%s", err);
	for (uint32_t i = 0; i < N; i++) {
		assert_int_equal(w->ops->recv(w, &f, 1), 1);
		assert_int_equal(f.len, 1 + i * 37 % ESPNIC_MAX_FRAME);
		assert_int_equal(f.data[0], i & 0xff);
		assert_int_equal(f.data[f.len - 1], i & 0xff);
	}
	assert_int_equal(w->ops->recv(w, &f, 1), 0);
	w->ops->close(w);
}

/* tshark, an independent witness: interfaces, directions, comments, order of times. */
static void test_tshark(void **state)
{
	static const char *const want[] = {
		"wire\t0x00000002\tespnic: sa handle 0x00100001 spi 0x00001000 out packet seq 7\t60\n",
		"host\t0x00000001\t\t61\n",
		"host\t0x00000002\tespnic: drop tx_drop_no_sa\t62\n",
	};
	static const char *const comments[] = {
		"espnic: sa handle 0x00100001 spi 0x00001000 out packet seq 7", NULL, "espnic: drop tx_drop_no_sa"
	};
	uint8_t frame[62] = { [12] = 0x88, [13] = 0xb5 };
	struct espnic_pcap *p;
	char cmd[512], line[512], err[256];
	FILE *o;

	(void)state;
	if (system("command -v tshark >/dev/null 2>&1")) {
		print_message("no tshark here\n");
		skip();
	}
	p = espnic_pcap_open(in, err, sizeof(err));
	assert_non_null(p);
	espnic_pcap_frame(p, ESPNIC_PCAP_WIRE, frame, 60, ESPNIC_PCAP_OUT, comments[0]);
	espnic_pcap_frame(p, ESPNIC_PCAP_HOST, frame, 61, ESPNIC_PCAP_IN, comments[1]);
	espnic_pcap_frame(p, ESPNIC_PCAP_HOST, frame, 62, ESPNIC_PCAP_OUT, comments[2]);
	assert_int_equal(espnic_pcap_close(p), 0);
	snprintf(cmd, sizeof(cmd), "tshark -r %s -T fields -e frame.interface_name -e frame.packet_flags "
		 "-e frame.comment -e frame.len 2>/dev/null", in);
	o = popen(cmd, "r");
	assert_non_null(o);
	for (int i = 0; i < 3; i++) {
		assert_non_null(fgets(line, sizeof(line), o));
		assert_string_equal(line, want[i]);
	}
	assert_null(fgets(line, sizeof(line), o));
	assert_int_equal(pclose(o), 0);
	snprintf(cmd, sizeof(cmd), "capinfos %s | grep -q nanoseconds", in);
	assert_int_equal(system(cmd), 0);
}

/* A process that dies leaves what it recorded some time before. */
static void test_killed(void **state)
{
	static const uint32_t lens[] = { 60 };
	uint8_t frame[60];
	int status;
	pid_t pid = fork();

	(void)state;
	for (int i = 0; i < 60; i++)
		frame[i] = (uint8_t)i;
	if (!pid) {
		char err[256];
		struct espnic_pcap *p = espnic_pcap_open(in, err, sizeof(err));

		espnic_pcap_frame(p, ESPNIC_PCAP_WIRE, frame, 60, ESPNIC_PCAP_OUT, NULL);
		usleep(5 * ESPNIC_PCAP_FLUSH_MS * 1000);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	check_frames(lens, 1, 0);
}

static void test_full_disk(void **state)
{
	char err[256];

	(void)state;
	/* Writes to /dev/full fail. */
	assert_null(espnic_pcap_open("/dev/full", err, sizeof(err)));
	assert_non_null(strstr(err, "No space left"));
	assert_null(espnic_pcap_open("/no/such/folder/x", err, sizeof(err)));
	assert_non_null(strstr(err, "No such file"));
}

enum { WRITERS = 4, EACH = 3000 };

static void *writer(void *arg)
{
	uint8_t frame[300];

	for (uint32_t i = 0; i < EACH; i++) {
		memset(frame, (int)(i & 0xff), sizeof(frame));
		espnic_pcap_frame(arg, i % 2, frame, sizeof(frame), ESPNIC_PCAP_IN, "comment");
	}
	return NULL;
}

static void test_writers(void **state)
{
	struct espnic_wire_frame f;
	struct espnic_wire *w;
	struct espnic_pcap *p;
	pthread_t t[WRITERS];
	unsigned int n = 0;
	char err[256];

	(void)state;
	p = espnic_pcap_open(in, err, sizeof(err));
	assert_non_null(p);
	for (int i = 0; i < WRITERS; i++)
		pthread_create(&t[i], NULL, writer, p);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(espnic_pcap_close(p), 0);
	w = open_in(err, sizeof(err));
	assert_non_null(w);
	for (; w->ops->recv(w, &f, 1); n++) {
		assert_int_equal(f.len, 300);
		assert_int_equal(f.data[0], f.data[299]);
	}
	assert_int_equal(n, WRITERS * EACH);
	w->ops->close(w);
}

/* What a pcap wire sends stands in OUT. */
static void test_wire_out(void **state)
{
	static struct file f;
	uint8_t frame[60] = { 0 };
	struct espnic_wire *w;
	char spec[300], err[256];

	(void)state;
	pcap_head(&f, 0xa1b2c3d4, 1);
	save(&f, f.len);
	snprintf(spec, sizeof(spec), "pcap:%s,%s", in, out);
	w = espnic_wire_open(spec, err, sizeof(err));
	if (!w)
		fail_msg("%s", err);
	for (int i = 0; i < 60; i++)
		frame[i] = (uint8_t)i;
	assert_int_equal(w->ops->send(w, &(struct espnic_wire_frame){ frame, 60 }, 1), 1);
	w->ops->close(w);
	assert_int_equal(rename(out, in), 0);
	check_frames((const uint32_t[]){ 60 }, 1, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_pcap),
		cmocka_unit_test(test_read_pcapng),
		cmocka_unit_test(test_sick),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_tshark),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_writers),
		cmocka_unit_test(test_wire_out),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
