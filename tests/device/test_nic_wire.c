// SPDX-License-Identifier: BSD-2-Clause
/* The NIC and its carrier: a wire that comes, goes, and does not take what is sent. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "nic_common.h"

static char dir[64], path[96];

static int open_wire(void **state)
{
	static char spec[128];
	const char *args[] = { "--wire", spec, NULL };
	struct nic *n = calloc(1, sizeof(*n));

	strcpy(dir, "/tmp/espnic-test-XXXXXX");
	if (!n || !mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/wire", dir);
	snprintf(spec, sizeof(spec), "stream:listen:%s", path);
	n->proc = espnic_proc_start(args);
	n->drv = n->proc ? espnic_drv_open(n->proc->socket) : NULL;
	*state = n;
	return n->drv ? espnic_drv_start(n->drv, NULL, 0, 1, NIC_LOG2, nic_mac) : -1;
}

static int close_wire(void **state)
{
	int ret = nic_close(state);

	unlink(path);
	rmdir(dir);
	return ret;
}

static int peer(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(a.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void expect_link(struct espnic_drv *d, bool up)
{
	struct espnic_event ev;

	assert_int_equal(espnic_drv_event(d, &ev, NIC_WAIT_MS), 0);
	assert_int_equal(ev.type, ESPNIC_EVENT_TYPE_LINK);
	assert_int_equal(ev.value, up);
	assert_int_equal(
		!!(espnic_client_reg_read(d->c, ESPNIC_REG_STATUS) & ESPNIC_STATUS_LINK_UP), up);
}

static void raw_frame(uint8_t *buf, uint32_t len)
{
	memset(buf, 0x22, len);
	memcpy(buf, nic_mac, 6);
	memcpy(buf + 6, nic_peer, 6);
	buf[12] = 0x88;
	buf[13] = 0xb5;
}

static void carrier_comes_and_goes(void **state)
{
	struct espnic_drv *d = ((struct nic *)*state)->drv;
	uint8_t buf[100], got[200];
	uint32_t len;

	raw_frame(buf, sizeof(buf));
	for (unsigned int i = 0; i < 3; i++) {
		int fd;

		assert_int_equal(espnic_drv_tx_frame(d, 0, buf, sizeof(buf), 1, NULL), 0);
		assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS),
				 1 + ESPNIC_COUNTER_TX_DROP_LINK);
		fd = peer();
		expect_link(d, true);
		assert_int_equal(espnic_drv_tx_frame(d, 0, buf, sizeof(buf), 1, NULL), 0);
		assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 0);
		assert_int_equal(recv(fd, &len, 4, MSG_WAITALL), 4);
		assert_int_equal(ntohl(len), sizeof(buf));
		assert_int_equal(recv(fd, got, sizeof(buf), MSG_WAITALL), sizeof(buf));
		assert_memory_equal(got, buf, sizeof(buf));
		assert_int_equal(send(fd, &len, 4, 0), 4);
		assert_int_equal(send(fd, buf, sizeof(buf), 0), sizeof(buf));
		assert_int_equal(espnic_drv_rx_frame(d, 0, got, sizeof(got), NULL, NIC_WAIT_MS),
				 sizeof(buf));
		close(fd);
		expect_link(d, false);
	}
}

/* Fills the wire until the worker waits for it. */
static void fill_wire(struct espnic_drv *d)
{
	static uint8_t big[ESPNIC_MAX_FRAME];

	raw_frame(big, 9000);
	for (unsigned int i = 0; i < 200; i++)
		espnic_drv_tx_frame(d, 0, big, 9000, 2, NULL);
	usleep(50000);
}

static void a_peer_that_does_not_read(void **state)
{
	struct nic *n = *state;
	struct espnic_drv *d = n->drv;
	int fd = peer();
	uint64_t start;

	expect_link(d, true);
	fill_wire(d);
	/* Commands are answered meanwhile, also the one that takes the queue away. */
	start = espnic_now_ms();
	assert_int_equal(espnic_drv_cmd(d, ESPNIC_OPCODE_NOP, NULL, 0, NULL, 0, NULL), 0);
	assert_int_equal(espnic_drv_queue_destroy(d, 0), 0);
	assert_int_equal(espnic_drv_queue_create(d, 0, NIC_LOG2, NIC_LOG2, 1), 0);
	fill_wire(d);
	assert_int_equal(espnic_drv_reset(d), 0);
	assert_true(espnic_now_ms() - start < ESPNIC_RESET_TIMEOUT_MS);
	assert_int_equal(espnic_drv_start(d, NULL, 0, 1, NIC_LOG2, nic_mac), 0);
	fill_wire(d);
	/* In the end frames are dropped rather than kept for ever. */
	for (unsigned int i = 0; !espnic_drv_counter(d, ESPNIC_COUNTER_TX_DROP_LINK); i++) {
		assert_true(i < 100);
		usleep(100000);
	}
	fill_wire(d);
	/* And the program ends at once. */
	start = espnic_now_ms();
	assert_int_equal(espnic_proc_stop(n->proc), 0);
	assert_true(espnic_now_ms() - start < 1500);
	close(fd);
	n->proc = NULL;
}

/* A pcap file (classic, microseconds) of @n frames. */
static void write_pcap(const char *name, unsigned int n)
{
	static const uint32_t head[] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1 };
	FILE *f = fopen(name, "w");
	uint8_t buf[200];

	assert_non_null(f);
	fwrite(head, sizeof(head), 1, f);
	for (unsigned int i = 0; i < n; i++) {
		uint32_t record[] = { i, 0, 100 + i, 100 + i };

		raw_frame(buf, 100 + i);
		fwrite(record, sizeof(record), 1, f);
		fwrite(buf, 100 + i, 1, f);
	}
	assert_int_equal(fclose(f), 0);
}

static void a_recording_waits_for_the_driver(void **state)
{
	enum { FRAMES = 50 };
	char in[96], out[96], spec[256];
	const char *args[] = { "--wire", spec, NULL };
	struct espnic_proc *p;
	struct espnic_drv *d;
	uint8_t got[300], want[300];
	FILE *f;

	(void)state;
	strcpy(dir, "/tmp/espnic-test-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(in, sizeof(in), "%s/in.pcap", dir);
	snprintf(out, sizeof(out), "%s/out.pcapng", dir);
	snprintf(spec, sizeof(spec), "pcap:%s,%s", in, out);
	write_pcap(in, FRAMES);
	p = espnic_proc_start(args);
	assert_non_null(p);
	d = espnic_drv_open(p->socket);
	assert_non_null(d);
	usleep(300000);
	assert_int_equal(espnic_drv_start(d, NULL, 0, 1, NIC_LOG2, nic_mac), 0);
	for (unsigned int i = 0; i < FRAMES; i++) {
		raw_frame(want, 100 + i);
		assert_int_equal(espnic_drv_rx_frame(d, 0, got, sizeof(got), NULL, NIC_WAIT_MS),
				 100 + i);
		assert_memory_equal(got, want, 100 + i);
	}
	want[20] = 0x77;
	assert_int_equal(espnic_drv_tx_frame(d, 0, want, 120, 1, NULL), 0);
	assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 0);
	espnic_drv_close(d);
	assert_int_equal(espnic_proc_stop(p), 0);
	/* What was sent is in the other file. */
	f = fopen(out, "r");
	assert_non_null(f);
	{
		static uint8_t all[4096];
		size_t len = fread(all, 1, sizeof(all), f);

		assert_non_null(memmem(all, len, want, 120));
	}
	fclose(f);
	unlink(in);
	unlink(out);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, open_wire, close_wire)
		T(carrier_comes_and_goes),
		T(a_peer_that_does_not_read),
		cmocka_unit_test(a_recording_waits_for_the_driver),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
