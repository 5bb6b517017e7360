// SPDX-License-Identifier: BSD-2-Clause
/* Choosing a wire, the loopback, and TAP where the machine allows one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/ip.h"
#include "espnic_regs.h"
#include "wire/kinds.h"

enum { PATIENCE_MS = 5000, TICK_MS = 20 };

struct spec_case {
	const char *spec;
	const char *err;	/* that must stand in the error */
};

static void test_specs(void **state)
{
	static const struct spec_case cases[] = {
		{ "", "unknown wire" },
		{ "strea:connect:/x", "unknown wire" },
		{ "streams:connect:/x", "unknown wire" },
		{ "stream:connect", "not connect:PATH" },
		{ "tap", "1 to 15 bytes" },
		{ "tap:", "1 to 15 bytes" },
		{ "tap:sixteen-letters-", "1 to 15 bytes" },
		{ "loopback:x", "no argument" },
		{ "pcap", "not IN or IN,OUT" },
		{ "pcap:", "not IN or IN,OUT" },
		{ "pcap:x,", "not IN or IN,OUT" },
		{ "pcap:,x", "not IN or IN,OUT" },
		{ "pcap:/no/such/file", "No such file" },
		{ "pcap:/", "not a regular file" },
		{ "pcap:/dev/null", "not a regular file" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char err[256] = "";

		print_message("\"%s\"\n", cases[i].spec);
		assert_null(espnic_wire_open(cases[i].spec, err, sizeof(err)));
		if (!strstr(err, cases[i].err))
			fail_msg("\"%s\" does not say \"%s\"", err, cases[i].err);
		assert_null(strchr(err, '\n'));
	}
}

static struct espnic_wire *loopback(void)
{
	char err[256];
	struct espnic_wire *w = espnic_wire_open("loopback", err, sizeof(err));

	assert_non_null(w);
	assert_true(w->ops->link_up(w));
	return w;
}

static uint32_t length_of(uint32_t number)
{
	static const uint32_t lengths[] = { 1, 60, ESPNIC_MAX_FRAME, 1514, 7, 8, 9, 4000 };

	return lengths[number % (sizeof(lengths) / sizeof(lengths[0]))];
}

/* Filled to the brim and emptied, again and again, so that it wraps at many places. */
static void test_loopback_order(void **state)
{
	static uint8_t frame[ESPNIC_MAX_FRAME];
	struct espnic_wire *w = loopback();
	uint32_t sent = 0, got = 0;

	(void)state;
	while (got < 20000) {
		struct espnic_wire_frame f[50];
		int n;

		do {
			f[0] = (struct espnic_wire_frame){ frame, length_of(sent) };
			memset(frame, (int)(sent & 0xff), f[0].len);
			n = w->ops->send(w, f, 1);
			sent += (uint32_t)n;
		} while (n);
		assert_true(sent - got >= 300);
		for (int round = 0; round < 3; round++) {
			n = w->ops->recv(w, f, 50);
			assert_int_equal(n, 50);
			for (int i = 0; i < n; i++, got++) {
				assert_int_equal(f[i].len, length_of(got));
				assert_int_equal(f[i].data[0], got & 0xff);
				assert_int_equal(f[i].data[f[i].len - 1], got & 0xff);
			}
		}
	}
	w->ops->close(w);
}

static void *send_later(void *arg)
{
	struct espnic_wire *w = arg;
	uint8_t frame[60] = { 1 };

	usleep(TICK_MS * 1000);
	w->ops->send(w, &(struct espnic_wire_frame){ frame, sizeof(frame) }, 1);
	return NULL;
}

static void test_loopback_wakes_receiver(void **state)
{
	struct espnic_wire *w = loopback();
	uint64_t start = espnic_wire_now_ms();
	struct espnic_wire_frame f;
	int fd = eventfd(1, EFD_CLOEXEC);
	pthread_t t;

	(void)state;
	pthread_create(&t, NULL, send_later, w);
	w->ops->wait_readable(w, -1, PATIENCE_MS);
	assert_int_equal(w->ops->recv(w, &f, 1), 1);
	pthread_join(t, NULL);
	w->ops->wait_readable(w, fd, PATIENCE_MS);
	assert_true(espnic_wire_now_ms() - start < PATIENCE_MS / 2);
	close(fd);
	w->ops->close(w);
}

static void *receive_later(void *arg)
{
	struct espnic_wire *w = arg;
	struct espnic_wire_frame f[64];

	usleep(TICK_MS * 1000);
	while (w->ops->recv(w, f, 64))
		;
	return NULL;
}

static void test_loopback_wakes_sender(void **state)
{
	static uint8_t frame[ESPNIC_MAX_FRAME];
	struct espnic_wire_frame f = { frame, sizeof(frame) };
	struct espnic_wire *w = loopback();
	uint64_t start = espnic_wire_now_ms();
	pthread_t t;

	(void)state;
	while (w->ops->send(w, &f, 1))
		;
	w->ops->wait_writable(w, TICK_MS);
	assert_int_equal(w->ops->send(w, &f, 1), 0);
	pthread_create(&t, NULL, receive_later, w);
	w->ops->wait_writable(w, PATIENCE_MS);
	assert_int_equal(w->ops->send(w, &f, 1), 1);
	assert_true(espnic_wire_now_ms() - start < PATIENCE_MS / 2);
	pthread_join(t, NULL);
	w->ops->close(w);
}

enum { SENDERS = 3, EACH = 5000 };

static void *sender(void *arg)
{
	struct espnic_wire *w = arg;
	uint8_t frame[100];
	struct espnic_wire_frame f = { frame, sizeof(frame) };

	for (unsigned int i = 0; i < EACH;) {
		int n;

		memset(frame, (int)(i & 0xff), sizeof(frame));
		n = w->ops->send(w, &f, 1);
		if (!n)
			w->ops->wait_writable(w, TICK_MS);
		i += (unsigned int)n;
	}
	return NULL;
}

static void test_loopback_threads(void **state)
{
	struct espnic_wire *w = loopback();
	uint64_t end = espnic_wire_now_ms() + 10 * PATIENCE_MS;
	unsigned int got = 0;
	pthread_t t[SENDERS];

	(void)state;
	for (int i = 0; i < SENDERS; i++)
		pthread_create(&t[i], NULL, sender, w);
	while (got < SENDERS * EACH && espnic_wire_now_ms() < end) {
		struct espnic_wire_frame f[64];
		int n = w->ops->recv(w, f, 64);

		for (int i = 0; i < n; i++)
			assert_int_equal(f[i].data[0], f[i].data[99]);
		got += (unsigned int)n;
		if (!n)
			w->ops->wait_readable(w, -1, TICK_MS);
	}
	assert_int_equal(got, SENDERS * EACH);
	for (int i = 0; i < SENDERS; i++)
		pthread_join(t[i], NULL);
	w->ops->close(w);
}

/* Sets the interface up or down. */
static void set_up(int ctl, const char *name, bool up)
{
	struct ifreq ifr = { 0 };

	strncpy(ifr.ifr_name, name, IFNAMSIZ - 1);
	assert_int_equal(ioctl(ctl, SIOCGIFFLAGS, &ifr), 0);
	ifr.ifr_flags = (short)(up ? ifr.ifr_flags | IFF_UP : ifr.ifr_flags & ~IFF_UP);
	assert_int_equal(ioctl(ctl, SIOCSIFFLAGS, &ifr), 0);
}

static void test_tap(void **state)
{
	static const uint8_t frame[60] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5, 42 };
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = 0xb588 };
	struct espnic_wire_frame f = { frame, sizeof(frame) };
	uint64_t end = espnic_wire_now_ms() + PATIENCE_MS;
	uint8_t got[128];
	char err[256];
	struct espnic_wire *w;
	int ctl, raw, n;

	(void)state;
	/* An interface in a network of its own: nothing of the machine's is touched. */
	if (access("/dev/net/tun", R_OK | W_OK) || unshare(CLONE_NEWNET)) {
		print_message("no TAP to be had here: %s\n", strerror(errno));
		skip();
	}
	w = espnic_wire_open("tap:espnic-test", err, sizeof(err));
	if (!w)
		fail_msg("%s", err);
	assert_false(w->ops->link_up(w));
	assert_int_equal(w->ops->send(w, &f, 1), -ENOLINK);
	ctl = socket(AF_INET, SOCK_DGRAM, 0);
	set_up(ctl, "espnic-test", true);
	while (!w->ops->link_up(w) && espnic_wire_now_ms() < end)
		usleep(TICK_MS * 1000);
	assert_true(w->ops->link_up(w));
	ll.sll_ifindex = (int)if_nametoindex("espnic-test");
	raw = socket(AF_PACKET, SOCK_RAW, ll.sll_protocol);
	assert_int_equal(bind(raw, (struct sockaddr *)&ll, sizeof(ll)), 0);
	/* Out of the wire, into the interface. */
	assert_int_equal(w->ops->send(w, &f, 1), 1);
	assert_int_equal(recv(raw, got, sizeof(got), 0), sizeof(frame));
	assert_memory_equal(got, frame, sizeof(frame));
	/* And back; the kernel may send frames of its own. */
	assert_int_equal(send(raw, frame, sizeof(frame), 0), sizeof(frame));
	do {
		w->ops->wait_readable(w, -1, TICK_MS);
		n = w->ops->recv(w, &f, 1);
		assert_true(espnic_wire_now_ms() < end);
	} while (!n || f.len != sizeof(frame) || memcmp(f.data, frame, sizeof(frame)));
	close(raw);
	close(ctl);
	w->ops->close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_specs),
		cmocka_unit_test(test_loopback_order),
		cmocka_unit_test(test_loopback_wakes_receiver),
		cmocka_unit_test(test_loopback_wakes_sender),
		cmocka_unit_test(test_loopback_threads),
		cmocka_unit_test(test_tap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
