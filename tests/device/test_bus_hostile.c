// SPDX-License-Identifier: BSD-2-Clause
/*
 * A client that breaks the rules: each case gets one exact errno or loses its connection, the
 * server keeps no descriptor of it, and serves the next one.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/vfio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "bus_toy.h"
#include "vfu_client.h"

enum {
	DROPPED = -1000, /* the connection was closed */
	SILENT = -1001, /* no answer, and the connection lives */
	QUIET_MS = 100, /* how long silence is listened to */
};

static struct espnic_toy toy;

static int setup(void **state)
{
	(void)state;
	return espnic_toy_start(&toy);
}

static int teardown(void **state)
{
	(void)state;
	return espnic_toy_stop(&toy);
}

static unsigned int open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

/*
 * The server lets go of a client a moment after it has gone: wait until @want descriptors are
 * open.
 */
static void check_fds(unsigned int want)
{
	uint64_t end = espnic_now_ms() + 2000;

	while (open_fds() != want && espnic_now_ms() < end)
		usleep(1000);
	assert_int_equal(open_fds(), want);
}

/* Fails unless the server serves a well-behaved client. */
static void check_alive(const char *after)
{
	struct espnic_client *c = espnic_client_new(toy.path);

	if (!c)
		fail_msg("%s: the server serves nobody any more", after);
	espnic_client_reg_write(c, 0x1c, 0x1234);
	if (espnic_client_reg_read(c, 0x1c) != 0x1234)
		fail_msg("%s: registers do not answer", after);
	espnic_client_free(c);
}

/* What comes back: 0 or the length of a payload, -errno of an error reply, DROPPED or SILENT. */
static int outcome(int sock, uint16_t id, uint16_t cmd)
{
	uint8_t body[8192];
	struct espnic_vfu_header h;
	int n = espnic_raw_recv(sock, &h, body, sizeof(body), QUIET_MS);

	if (n == -ETIMEDOUT)
		return SILENT;
	if (n < 0)
		return DROPPED;
	if (h.id != id || h.cmd != cmd || (h.flags & ESPNIC_VFU_TYPE_MASK) != ESPNIC_VFU_TYPE_REPLY)
		return -EPROTO;
	if (h.flags & ESPNIC_VFU_ERROR)
		return n ? -EPROTO : -(int)h.error; /* header alone */
	return n;
}

/* A connection that has (@version) or has not sent VERSION. */
static int dial(bool version)
{
	int s = espnic_raw_dial(toy.path);

	assert_true(s >= 0);
	if (version)
		assert_int_equal(espnic_raw_version(s), 0);
	return s;
}

static void test_headers(void **state)
{
	static const struct {
		const char *what;
		struct espnic_vfu_header h;
		size_t len; /* bytes sent in all */
		int want;
	} t[] = {
		{ "size 0", { 7, ESPNIC_VFU_GET_INFO, 0, 0, 0 }, 16, DROPPED },
		{ "size 15", { 7, ESPNIC_VFU_GET_INFO, 15, 0, 0 }, 16, DROPPED },
		{ "size 4 GiB - 1", { 7, ESPNIC_VFU_GET_INFO, 0xffffffff, 0, 0 }, 16, DROPPED },
		{ "size over the limit",
		  { 7, ESPNIC_VFU_REGION_WRITE, 16 + ESPNIC_VFU_MAX_BODY + 1, 0, 0 },
		  16,
		  DROPPED },
		{ "unknown type", { 7, ESPNIC_VFU_GET_INFO, 16, 2, 0 }, 16, DROPPED },
		{ "type 15", { 7, ESPNIC_VFU_GET_INFO, 16, 15, 0 }, 16, DROPPED },
		{ "a reply nobody asked for", { 7, ESPNIC_VFU_DMA_READ, 16, 1, 0 }, 16, SILENT },
		{ "a reply to nothing", { 7, ESPNIC_VFU_GET_INFO, 16, 1, 0 }, 16, SILENT },
		{ "half a header", { 7, ESPNIC_VFU_GET_INFO, 32, 0, 0 }, 9, SILENT },
		{ "half a message", { 7, ESPNIC_VFU_GET_INFO, 32, 0, 0 }, 20, SILENT },
		{ "command 0", { 7, 0, 16, 0, 0 }, 16, -ENOSYS },
		{ "command 19", { 7, 19, 16, 0, 0 }, 16, -ENOSYS },
		{ "command 65535", { 7, 65535, 16, 0, 0 }, 16, -ENOSYS },
		{ "command 14", { 7, 14, 16, 0, 0 }, 16, -ENOSYS },
		{ "region io fds", { 7, ESPNIC_VFU_GET_REGION_IO_FDS, 16, 0, 0 }, 16, -ENOSYS },
		{ "DMA read by the client", { 7, ESPNIC_VFU_DMA_READ, 32, 0, 0 }, 32, -ENOSYS },
		{ "migration", { 7, ESPNIC_VFU_MIG_DATA_READ, 16, 0, 0 }, 16, -ENOSYS },
		{ "device feature", { 7, ESPNIC_VFU_DEVICE_FEATURE, 24, 0, 0 }, 24, -ENOTTY },
		{ "unknown, no reply wanted", { 7, 99, 16, 0x10, 0 }, 16, SILENT },
		{ "version again", { 7, ESPNIC_VFU_VERSION, 20, 0, 0 }, 20, -EINVAL },
		{ "short info", { 7, ESPNIC_VFU_GET_INFO, 31, 0, 0 }, 31, -EINVAL },
		{ "info without argsz", { 7, ESPNIC_VFU_GET_INFO, 32, 0, 0 }, 32, -EINVAL },
		{ "short region info", { 7, ESPNIC_VFU_GET_REGION_INFO, 47, 0, 0 }, 47, -EINVAL },
		{ "short irq info", { 7, ESPNIC_VFU_GET_IRQ_INFO, 16, 0, 0 }, 16, -EINVAL },
		{ "short irq set", { 7, ESPNIC_VFU_SET_IRQS, 35, 0, 0 }, 35, -EINVAL },
		{ "short map", { 7, ESPNIC_VFU_DMA_MAP, 47, 0, 0 }, 47, -EINVAL },
		{ "short unmap", { 7, ESPNIC_VFU_DMA_UNMAP, 39, 0, 0 }, 39, -EINVAL },
		{ "short read", { 7, ESPNIC_VFU_REGION_READ, 31, 0, 0 }, 31, -EINVAL },
		{ "short write", { 7, ESPNIC_VFU_REGION_WRITE, 31, 0, 0 }, 31, -EINVAL },
		{ "short multi", { 7, ESPNIC_VFU_REGION_WRITE_MULTI, 23, 0, 0 }, 23, -EINVAL },
		{ "bad write, no reply wanted",
		  { 7, ESPNIC_VFU_REGION_WRITE, 31, 0x10, 0 },
		  31,
		  SILENT },
		{ "reset with a body", { 7, ESPNIC_VFU_DEVICE_RESET, 64, 0, 0 }, 64, 0 },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint8_t msg[64] = { 0 };
		int s = dial(true);
		int got;

		memcpy(msg, &t[i].h, sizeof(t[i].h));
		assert_int_equal(espnic_raw_send(s, msg, t[i].len, NULL, 0), 0);
		got = outcome(s, 7, t[i].h.cmd);
		if (got != t[i].want)
			fail_msg("%s: %d, not %d", t[i].what, got, t[i].want);
		close(s);
		check_alive(t[i].what);
	}
}

static void test_before_version(void **state)
{
	static const uint16_t cmds[] = {
		ESPNIC_VFU_DMA_MAP,
		ESPNIC_VFU_DMA_UNMAP,
		ESPNIC_VFU_GET_INFO,
		ESPNIC_VFU_GET_REGION_INFO,
		ESPNIC_VFU_GET_IRQ_INFO,
		ESPNIC_VFU_SET_IRQS,
		ESPNIC_VFU_REGION_READ,
		ESPNIC_VFU_REGION_WRITE,
		ESPNIC_VFU_DEVICE_RESET,
		ESPNIC_VFU_REGION_WRITE_MULTI,
		99,
	};
	uint8_t body[64] = { 64 };
	int s = dial(false);

	(void)state;
	for (unsigned int i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++) {
		assert_int_equal(espnic_raw_msg(s, 3, cmds[i], 0, body, sizeof(body), NULL, 0), 0);
		assert_int_equal(outcome(s, 3, cmds[i]), -EINVAL);
	}
	assert_int_equal(toy.resets, 0);
	/* The connection is still good for what it should have begun with. */
	assert_int_equal(espnic_raw_version(s), 0);
	close(s);
}

static void test_region_accesses(void **state)
{
	static const struct {
		const char *what;
		struct espnic_vfu_region_access a;
		size_t data; /* bytes of data in the message */
		bool write;
		int want;
	} t[] = {
		{ "no bytes", { 0, 0, 0 }, 0, false, -EINVAL },
		{ "past the BAR", { 0x10000, 0, 4 }, 0, false, -EINVAL },
		{ "across its end", { 0xfffe, 0, 4 }, 0, false, -EINVAL },
		{ "offset + count wraps", { 0xfffffffffffffffc, 0, 8 }, 0, false, -EINVAL },
		{ "more than the BAR", { 0, 0, 0x10001 }, 0, false, -EINVAL },
		{ "count 4 GiB - 1", { 0, 7, 0xffffffff }, 0, false, -EINVAL },
		{ "absent BAR", { 0, 1, 4 }, 0, false, -EINVAL },
		{ "ROM", { 0, 6, 4 }, 0, false, -EINVAL },
		{ "VGA", { 0, 8, 4 }, 0, false, -EINVAL },
		{ "region 9", { 0, 9, 4 }, 0, false, -EINVAL },
		{ "region 2^32-1", { 0, 0xffffffff, 4 }, 0, false, -EINVAL },
		{ "read with data", { 0, 0, 4 }, 4, false, -EINVAL },
		{ "all of config space", { 0, 7, 4096 }, 0, false, 16 + 4096 },
		{ "end of config space", { 4095, 7, 1 }, 0, false, 17 },
		{ "past config space", { 4096, 7, 1 }, 0, false, -EINVAL },
		{ "write of less than it says", { 0, 0, 8 }, 4, true, -EINVAL },
		{ "write of more than it says", { 0, 0, 4 }, 8, true, -EINVAL },
		{ "write without data", { 0, 0, 4 }, 0, true, -EINVAL },
		{ "write past config space", { 4094, 7, 4 }, 4, true, -EINVAL },
		{ "write to an absent BAR", { 0, 4, 4 }, 4, true, -EINVAL },
		{ "write of count 2^32-1", { 0, 2, 0xffffffff }, 16, true, -EINVAL },
		{ "write of nothing", { 0, 0, 0 }, 0, true, -EINVAL },
		{ "write to the MSI-X table", { 0, 2, 16 }, 16, true, 16 },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint16_t cmd = t[i].write ? ESPNIC_VFU_REGION_WRITE : ESPNIC_VFU_REGION_READ;
		uint8_t body[64] = { 0 };
		int s = dial(true);
		int got;

		memcpy(body, &t[i].a, sizeof(t[i].a));
		assert_int_equal(
			espnic_raw_msg(s, 9, cmd, 0, body, sizeof(t[i].a) + t[i].data, NULL, 0), 0);
		got = outcome(s, 9, cmd);
		if (got != t[i].want)
			fail_msg("%s: %d, not %d", t[i].what, got, t[i].want);
		close(s);
	}
	assert_int_equal(toy.writes, 0);
}

static void test_multi_writes(void **state)
{
	struct espnic_vfu_multi_write w = { .region = 0, .count = 4 };
	uint8_t body[8 + 201 * sizeof(w)] = { 0 };
	const struct {
		const char *what;
		uint64_t n;
		unsigned int entries; /* in the message */
		struct espnic_vfu_multi_write last;
		int want;
	} t[] = {
		{ "none", 0, 0, w, 8 },
		{ "as many as can be", 200, 200, w, 8 },
		{ "one too many", 201, 201, w, -EINVAL },
		{ "fewer than said", 3, 2, w, -EINVAL },
		{ "more than said", 1, 2, w, -EINVAL },
		{ "count * size wraps", 0x0aaaaaaaaaaaaaab, 1, w, -EINVAL },
		{ "9 bytes", 1, 1, { 0, 0, 9, { 0 } }, -EINVAL },
		{ "no bytes", 1, 1, { 0, 0, 0, { 0 } }, -EINVAL },
		{ "the last out of its region", 2, 2, { 0x10000, 0, 4, { 0 } }, -EINVAL },
		{ "the last to no region", 2, 2, { 0, 77, 4, { 0 } }, -EINVAL },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		int s = dial(true);
		int got;

		memset(body, 0, sizeof(body));
		memcpy(body, &t[i].n, 8);
		for (unsigned int e = 0; e < t[i].entries; e++)
			memcpy(body + 8 + e * sizeof(w), e + 1 == t[i].entries ? &t[i].last : &w,
			       sizeof(w));
		assert_int_equal(espnic_raw_msg(s, 1, ESPNIC_VFU_REGION_WRITE_MULTI, 0, body,
						8 + t[i].entries * sizeof(w), NULL, 0),
				 0);
		got = outcome(s, 1, ESPNIC_VFU_REGION_WRITE_MULTI);
		if (got != t[i].want)
			fail_msg("%s: %d, not %d", t[i].what, got, t[i].want);
		close(s);
	}
}

static void test_info_arguments(void **state)
{
	static const struct {
		uint16_t cmd;
		uint32_t argsz, index;
		size_t len;
		int want;
	} t[] = {
		{ ESPNIC_VFU_GET_REGION_INFO, 31, 0, 32, -EINVAL },
		{ ESPNIC_VFU_GET_REGION_INFO, 32, 9, 32, -EINVAL },
		{ ESPNIC_VFU_GET_REGION_INFO, 32, 0xffffffff, 32, -EINVAL },
		{ ESPNIC_VFU_GET_REGION_INFO, 0xffffffff, 0, 32, 32 },
		{ ESPNIC_VFU_GET_REGION_INFO, 64, 8, 64, 32 },
		{ ESPNIC_VFU_GET_IRQ_INFO, 15, 0, 16, -EINVAL },
		{ ESPNIC_VFU_GET_IRQ_INFO, 16, 5, 16, -EINVAL },
		{ ESPNIC_VFU_GET_IRQ_INFO, 16, 2, 16, 16 },
		{ ESPNIC_VFU_GET_INFO, 15, 0, 16, -EINVAL },
		{ ESPNIC_VFU_GET_INFO, 20, 0, 20, 16 },
	};
	int s = dial(true);

	(void)state;
	for (unsigned int i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint32_t body[16] = { t[i].argsz, 0, t[i].index };

		assert_int_equal(espnic_raw_msg(s, 5, t[i].cmd, 0, body, t[i].len, NULL, 0), 0);
		assert_int_equal(outcome(s, 5, t[i].cmd), t[i].want);
	}
	close(s);
}

static void test_descriptor_floods(void **state)
{
	int fds[64];
	unsigned int before;
	struct espnic_vfu_irq_set set = {
		.argsz = 20, .flags = 0x24, .index = 2, .start = 0, .count = 16
	};
	struct espnic_vfu_dma_map map = { .argsz = 32, .flags = 3, .addr = 0x1000, .size = 0x1000 };
	struct espnic_vfu_header h = { .cmd = ESPNIC_VFU_GET_INFO, .size = 32 };
	uint8_t info[16] = { 16 };
	int s;

	(void)state;
	for (unsigned int i = 0; i < 64; i++)
		fds[i] = eventfd(0, EFD_CLOEXEC);
	before = open_fds(); /* nobody has connected yet */

	/* With commands that take none, or one. */
	s = dial(true);
	espnic_raw_msg(s, 1, ESPNIC_VFU_GET_INFO, 0, info, sizeof(info), fds, 16);
	assert_int_equal(outcome(s, 1, ESPNIC_VFU_GET_INFO), -EINVAL);
	espnic_raw_msg(s, 1, ESPNIC_VFU_DMA_MAP, 0, &map, sizeof(map), fds, 2);
	assert_int_equal(outcome(s, 1, ESPNIC_VFU_DMA_MAP), -EINVAL);
	espnic_raw_msg(s, 1, ESPNIC_VFU_DMA_MAP, 0, &map, sizeof(map), fds, 1);
	assert_int_equal(outcome(s, 1, ESPNIC_VFU_DMA_MAP), -EINVAL);
	espnic_raw_msg(s, 1, 99, 0, NULL, 0, fds, 16);
	assert_int_equal(outcome(s, 1, 99), -ENOSYS);
	espnic_raw_msg(s, 1, ESPNIC_VFU_DMA_READ, ESPNIC_VFU_TYPE_REPLY, NULL, 0, fds, 16);
	espnic_raw_msg(s, 1, ESPNIC_VFU_GET_INFO, ESPNIC_VFU_NO_REPLY, info, sizeof(info), fds, 16);
	espnic_raw_msg(s, 1, ESPNIC_VFU_GET_INFO, 0, info, sizeof(info), NULL, 0);
	assert_int_equal(outcome(s, 1, ESPNIC_VFU_GET_INFO), 16);
	check_fds(before + 2); /* both ends of this connection */
	/* As many as a message may have are kept, until the client goes. */
	espnic_raw_msg(s, 1, ESPNIC_VFU_SET_IRQS, 0, &set, sizeof(set), fds, 16);
	assert_int_equal(outcome(s, 1, ESPNIC_VFU_SET_IRQS), 0);
	check_fds(before + 18);
	/* More than that. */
	espnic_raw_msg(s, 1, ESPNIC_VFU_SET_IRQS, 0, &set, sizeof(set), fds, 17);
	assert_int_equal(outcome(s, 1, ESPNIC_VFU_SET_IRQS), DROPPED);
	close(s);
	check_alive("17 descriptors");
	check_fds(before);
	s = dial(true);
	espnic_raw_msg(s, 1, ESPNIC_VFU_SET_IRQS, 0, &set, sizeof(set), fds, 64);
	assert_int_equal(outcome(s, 1, ESPNIC_VFU_SET_IRQS), DROPPED);
	close(s);
	/* A few with each piece of a header. */
	s = dial(true);
	for (unsigned int i = 0; i < 4; i++)
		espnic_raw_send(s, (uint8_t *)&h + 4 * i, 4, fds, 8);
	assert_int_equal(outcome(s, 0, h.cmd), DROPPED);
	close(s);
	/* With a body, where none belong. */
	s = dial(true);
	espnic_raw_send(s, &h, sizeof(h), NULL, 0);
	usleep(20000); /* the body is a piece of its own */
	espnic_raw_send(s, info, sizeof(info), fds, 3);
	assert_int_equal(outcome(s, 0, h.cmd), DROPPED);
	close(s);
	/* With a message that is never finished. */
	s = dial(true);
	espnic_raw_send(s, &h, sizeof(h), fds, 16);
	close(s);
	check_alive("unfinished");
	check_fds(before);
	for (unsigned int i = 0; i < 64; i++)
		close(fds[i]);
}

static void test_byte_by_byte(void **state)
{
	struct {
		struct espnic_vfu_header h;
		struct espnic_vfu_region_access a;
	} m = {
		.h = { 4, ESPNIC_VFU_REGION_READ, sizeof(m), 0, 0 },
		.a = { 0, VFIO_PCI_CONFIG_REGION_INDEX, 4 },
	};
	int s = dial(true);

	(void)state;
	/* Slow is not wrong. */
	for (unsigned int n = 0; n < 3; n++) {
		for (unsigned int i = 0; i < sizeof(m); i++)
			assert_int_equal(espnic_raw_send(s, (uint8_t *)&m + i, 1, NULL, 0), 0);
		assert_int_equal(outcome(s, 4, ESPNIC_VFU_REGION_READ), 20);
	}
	close(s);
}

static void test_largest_message(void **state)
{
	size_t len = ESPNIC_VFU_MAX_BODY;
	uint8_t *body = calloc(1, len);
	struct espnic_vfu_region_access a = { .region = 2, .count = 8192 };
	int s = dial(true);

	(void)state;
	assert_non_null(body);
	memcpy(body, &a, sizeof(a));
	assert_int_equal(espnic_raw_msg(s, 1, ESPNIC_VFU_REGION_WRITE, 0, body, len, NULL, 0), 0);
	assert_int_equal(outcome(s, 1, ESPNIC_VFU_REGION_WRITE), -EINVAL);
	assert_int_equal(
		espnic_raw_msg(s, 2, ESPNIC_VFU_REGION_WRITE, 0, body, sizeof(a) + 8192, NULL, 0),
		0);
	assert_int_equal(outcome(s, 2, ESPNIC_VFU_REGION_WRITE), sizeof(a));
	close(s);
	free(body);
}

static void test_client_that_does_not_read(void **state)
{
	struct espnic_vfu_region_access a = { .region = 7, .count = 4096 };
	uint64_t end = espnic_now_ms() + 10000;
	struct timeval tv = { .tv_usec = 100000 };
	int s = dial(true);
	int ret = 0;

	(void)state;
	/* It asks and asks; the server gives up on it, not on the others. */
	setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	while ((!ret || ret == -EAGAIN) && espnic_now_ms() < end)
		ret = espnic_raw_msg(s, 1, ESPNIC_VFU_REGION_READ, 0, &a, sizeof(a), NULL, 0);
	assert_int_equal(ret, -ECONNRESET);
	close(s);
	check_alive("deaf client");
}

/* A DMA read that a background thread waits for, answered in a wrong way. */
static void *dma_read_16(void *arg)
{
	uint8_t buf[16];

	*(int *)arg = espnic_vfu_bus_ops.dma_read(toy.vfu, 0x1000, buf, sizeof(buf));
	return NULL;
}

static void test_wrong_dma_answers(void **state)
{
	static const struct {
		const char *what;
		uint32_t flags;
		struct espnic_vfu_dma_access acc;
		size_t data;
		int want;
	} t[] = {
		{ "right", 1, { 0x1000, 16 }, 16, 0 },
		{ "no payload", 1, { 0, 0 }, (size_t)-16, -EFAULT },
		{ "short data", 1, { 0x1000, 16 }, 15, -EFAULT },
		{ "long data", 1, { 0x1000, 16 }, 17, -EFAULT },
		{ "other count", 1, { 0x1000, 15 }, 16, -EFAULT },
		{ "count 2^64-1", 1, { 0x1000, UINT64_MAX }, 16, -EFAULT },
		{ "other address", 1, { 0x2000, 16 }, 16, -EFAULT },
		{ "error", 0x21, { 0x1000, 16 }, 16, -EFAULT },
	};
	struct espnic_vfu_dma_map map = { .argsz = 32, .flags = 3, .addr = 0x1000, .size = 0x1000 };
	struct espnic_vfu_region_access on = { .offset = 4, .region = 7, .count = 2 };
	uint8_t body[64] = { 0 };

	(void)state;
	for (unsigned int i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct espnic_vfu_header h;
		pthread_t th;
		int result = -1;
		int s = dial(true);

		espnic_raw_msg(s, 1, ESPNIC_VFU_DMA_MAP, 0, &map, sizeof(map), NULL, 0);
		assert_int_equal(outcome(s, 1, ESPNIC_VFU_DMA_MAP), 0);
		memcpy(body, &on, sizeof(on));
		body[sizeof(on)] = 6; /* memory space, bus master */
		espnic_raw_msg(s, 2, ESPNIC_VFU_REGION_WRITE, 0, body, sizeof(on) + 2, NULL, 0);
		assert_int_equal(outcome(s, 2, ESPNIC_VFU_REGION_WRITE), sizeof(on));
		espnic_toy_gate(&toy, true);
		pthread_create(&th, NULL, dma_read_16, &result);
		assert_int_equal(espnic_raw_recv(s, &h, body, sizeof(body), 5000), 16);
		assert_int_equal(h.cmd, ESPNIC_VFU_DMA_READ);
		assert_int_equal(h.flags, 0);
		/* Another's id first: nobody's answer. */
		espnic_raw_msg(s, (uint16_t)(h.id + 1), h.cmd, 1, body, 32, NULL, 0);
		espnic_raw_msg(s, h.id, ESPNIC_VFU_DMA_WRITE, 1, body, 16, NULL, 0);
		memset(body, 0, sizeof(body));
		memcpy(body, &t[i].acc, sizeof(t[i].acc));
		espnic_raw_msg(s, h.id, h.cmd, t[i].flags, body, 16 + t[i].data, NULL, 0);
		pthread_join(th, NULL);
		if (result != t[i].want)
			fail_msg("%s: %d, not %d", t[i].what, result, t[i].want);
		close(s);
	}
	check_alive("wrong answers");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_headers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_before_version, setup, teardown),
		cmocka_unit_test_setup_teardown(test_region_accesses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_multi_writes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_info_arguments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_descriptor_floods, setup, teardown),
		cmocka_unit_test_setup_teardown(test_byte_by_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(test_largest_message, setup, teardown),
		cmocka_unit_test_setup_teardown(test_client_that_does_not_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_dma_answers, setup, teardown),
	};

	return cmocka_run_group_tests_name("bus_hostile", tests, NULL, NULL);
}
