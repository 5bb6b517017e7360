// SPDX-License-Identifier: BSD-2-Clause
/* Host memory: shared files, messages, maps that come and go while threads use them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "bus_toy.h"
#include "vfio-user/vfu.h"
#include "vfu_client.h"

enum {
	PAGE = 4096,
	RAM = 16 * PAGE, /* bytes of the guest memory */
	BASE = 0x100000, /* its bus address */
	MSG_BASE = 0x800000, /* bus address of memory without a file */
	MSG_RAM = 2 * 1024 * 1024 + PAGE, /* more than two messages can carry */
};

static struct espnic_toy toy;
static struct espnic_client *client;
static int memfd;
static uint8_t *ram;
static uint8_t *msg_ram;

static const struct espnic_bus_ops *const bus = &espnic_vfu_bus_ops;

static int setup(void **state)
{
	(void)state;
	if (espnic_toy_start(&toy))
		return -1;
	memfd = memfd_create("ram", MFD_CLOEXEC);
	if (memfd < 0 || ftruncate(memfd, RAM))
		return -1;
	ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	msg_ram = calloc(1, MSG_RAM);
	client = espnic_client_new(toy.path);
	if (!client || ram == MAP_FAILED || !msg_ram)
		return -1;
	for (unsigned int i = 0; i < RAM; i++)
		ram[i] = (uint8_t)(i * 7 + i / 256);
	for (unsigned int i = 0; i < MSG_RAM; i++)
		msg_ram[i] = (uint8_t)(i * 5 + i / 256);
	return espnic_client_bus_master(client, true);
}

static int teardown(void **state)
{
	int ret;

	(void)state;
	espnic_client_free(client);
	ret = espnic_toy_stop(&toy);
	munmap(ram, RAM);
	close(memfd);
	free(msg_ram);
	return ret;
}

static void test_shared(void **state)
{
	uint8_t buf[PAGE];
	uint32_t v = 0;

	(void)state;
	/* From the second page of the file on. */
	assert_int_equal(espnic_client_map(client, BASE, memfd, PAGE, 4 * PAGE, ESPNIC_CLIENT_RW),
			 0);
	assert_int_equal(bus->dma_read(toy.vfu, BASE + 3, buf, 1000), 0);
	assert_memory_equal(buf, ram + PAGE + 3, 1000);
	memset(buf, 0xee, sizeof(buf));
	assert_int_equal(bus->dma_write(toy.vfu, BASE + 4 * PAGE - 10, buf, 10), 0);
	assert_memory_equal(ram + 5 * PAGE - 10, buf, 10);
	assert_int_equal(bus->dma_store32(toy.vfu, BASE + 8, 0x01020304), 0);
	assert_memory_equal(ram + PAGE + 8, ((uint8_t[]){ 4, 3, 2, 1 }), 4);
	assert_int_equal(bus->dma_load32(toy.vfu, BASE + 8, &v), 0);
	assert_int_equal(v, 0x01020304);
	assert_int_equal(bus->dma_read(toy.vfu, BASE, buf, 0), 0);
	assert_int_equal(toy.dma_refused, 0);
	assert_int_equal(espnic_client_dma_messages(client), 0);
}

static void test_refused(void **state)
{
	static const struct {
		const char *what;
		uint64_t iova;
		size_t len;
		bool write;
	} t[] = {
		{ "below", BASE - 1, 1, false },
		{ "above", BASE + 2 * PAGE, 1, false },
		{ "into the hole", BASE + 2 * PAGE - 1, 2, false },
		{ "out of the hole", BASE + 3 * PAGE - 1, 2, false },
		{ "wraps", UINT64_MAX - 3, 8, false },
		{ "last byte of the address space", UINT64_MAX, 1, true },
		{ "zero", 0, 4, true },
		{ "write to read only", BASE + 3 * PAGE, 4, true },
		{ "into read only", BASE + 4 * PAGE - 1, 2, true },
		{ "read of write only", BASE + 4 * PAGE, 4, false },
	};
	uint8_t buf[64] = { 0 };
	uint32_t v;
	unsigned int n = 0;

	(void)state;
	assert_int_equal(espnic_client_map(client, BASE, memfd, 0, 2 * PAGE, ESPNIC_CLIENT_RW), 0);
	assert_int_equal(
		espnic_client_map(client, BASE + 3 * PAGE, memfd, 0, PAGE, ESPNIC_CLIENT_READ), 0);
	assert_int_equal(
		espnic_client_map(client, BASE + 4 * PAGE, memfd, PAGE, PAGE, ESPNIC_CLIENT_WRITE),
		0);
	for (; n < sizeof(t) / sizeof(t[0]); n++) {
		int ret = t[n].write ? bus->dma_write(toy.vfu, t[n].iova, buf, t[n].len)
				     : bus->dma_read(toy.vfu, t[n].iova, buf, t[n].len);

		if (ret != -EFAULT || toy.dma_refused != n + 1)
			fail_msg("%s: %d, %u counted", t[n].what, ret, toy.dma_refused);
	}
	assert_int_equal(bus->dma_load32(toy.vfu, BASE + 2, &v), -EFAULT);
	assert_int_equal(bus->dma_store32(toy.vfu, BASE + 3 * PAGE, 0), -EFAULT);
	assert_int_equal(toy.dma_refused, n + 2);
}

static void test_gates(void **state)
{
	uint8_t buf[4];
	uint32_t v;

	(void)state;
	assert_int_equal(espnic_client_map(client, BASE, memfd, 0, RAM, ESPNIC_CLIENT_RW), 0);
	espnic_toy_gate(&toy, false);
	assert_int_equal(bus->dma_read(toy.vfu, BASE, buf, 4), -ECANCELED);
	assert_int_equal(bus->dma_load32(toy.vfu, BASE, &v), -ECANCELED);
	assert_int_equal(toy.dma_refused, 0);
	espnic_toy_gate(&toy, true);
	assert_int_equal(bus->dma_read(toy.vfu, BASE, buf, 4), 0);

	espnic_client_bus_master(client, false);
	assert_int_equal(bus->dma_write(toy.vfu, BASE, buf, 4), -EFAULT);
	assert_int_equal(bus->dma_store32(toy.vfu, BASE, 0), -EFAULT);
	assert_int_equal(toy.dma_refused, 2);
	espnic_client_bus_master(client, true);
	assert_int_equal(bus->dma_write(toy.vfu, BASE, buf, 4), 0);

	/* D3hot masters no bus either. */
	espnic_client_cfg_write(client, espnic_client_find_cap(client, PCI_CAP_ID_PM) + PCI_PM_CTRL,
				3, 2);
	assert_int_equal(bus->dma_write(toy.vfu, BASE, buf, 4), -EFAULT);
}

static void test_across_maps(void **state)
{
	uint8_t buf[3 * PAGE], want[3 * PAGE];

	(void)state;
	/*
	 * Adjacent on the bus, apart and in another order in the file; the third piece has no
	 * file.
	 */
	memcpy(want, ram + 5 * PAGE, PAGE);
	memcpy(want + PAGE, ram + 2 * PAGE, PAGE);
	memcpy(want + 2 * PAGE, msg_ram, PAGE);
	assert_int_equal(
		espnic_client_map_served(client, BASE + 2 * PAGE, msg_ram, PAGE, ESPNIC_CLIENT_RW),
		0);
	assert_int_equal(
		espnic_client_map(client, BASE + PAGE, memfd, 2 * PAGE, PAGE, ESPNIC_CLIENT_RW), 0);
	assert_int_equal(espnic_client_map(client, BASE, memfd, 5 * PAGE, PAGE, ESPNIC_CLIENT_RW),
			 0);
	assert_int_equal(bus->dma_read(toy.vfu, BASE, buf, sizeof(buf)), 0);
	assert_memory_equal(buf, want, sizeof(buf));
	memset(buf, 0x5a, sizeof(buf));
	assert_int_equal(bus->dma_write(toy.vfu, BASE + 100, buf, 3 * PAGE - 200), 0);
	assert_memory_equal(ram + 5 * PAGE + 100, buf, PAGE - 100);
	assert_memory_equal(ram + 2 * PAGE, buf, PAGE);
	assert_memory_equal(msg_ram, buf, PAGE - 100);
	assert_int_equal(ram[5 * PAGE + 99], want[99]);
	assert_int_equal(msg_ram[PAGE - 100], want[3 * PAGE - 100]);
}

static void test_without_file(void **state)
{
	uint8_t *buf = malloc(MSG_RAM);
	uint32_t v = 0;

	(void)state;
	assert_non_null(buf);
	assert_int_equal(
		espnic_client_map_served(client, MSG_BASE, msg_ram, MSG_RAM, ESPNIC_CLIENT_RW), 0);
	assert_int_equal(bus->dma_read(toy.vfu, MSG_BASE + 1, buf, 64), 0);
	assert_memory_equal(buf, msg_ram + 1, 64);
	assert_int_equal(bus->dma_store32(toy.vfu, MSG_BASE + 4, 0xa1b2c3d4), 0);
	assert_int_equal(bus->dma_load32(toy.vfu, MSG_BASE + 4, &v), 0);
	assert_int_equal(v, 0xa1b2c3d4);
	assert_int_equal(espnic_client_dma_messages(client), 3);
	/* Split to what the client takes. */
	assert_int_equal(bus->dma_read(toy.vfu, MSG_BASE, buf, MSG_RAM), 0);
	assert_memory_equal(buf, msg_ram, MSG_RAM);
	assert_int_equal(espnic_client_dma_messages(client), 6);
	assert_true(espnic_client_dma_largest(client) == ESPNIC_VFU_MAX_XFER);
	memset(buf, 0x77, MSG_RAM);
	assert_int_equal(bus->dma_write(toy.vfu, MSG_BASE, buf, MSG_RAM), 0);
	assert_memory_equal(buf, msg_ram, MSG_RAM);
	free(buf);
}

static void test_message_refused(void **state)
{
	uint8_t buf[16];

	(void)state;
	/* Mapped, but the client answers with an error. */
	assert_int_equal(espnic_client_map(client, MSG_BASE, -1, 0, PAGE, ESPNIC_CLIENT_RW), 0);
	assert_int_equal(bus->dma_read(toy.vfu, MSG_BASE, buf, sizeof(buf)), -EFAULT);
	assert_int_equal(bus->dma_write(toy.vfu, MSG_BASE, buf, sizeof(buf)), -EFAULT);
	assert_int_equal(toy.dma_refused, 2);
	assert_true(espnic_client_alive(client));
}

struct background {
	pthread_t thread;
	uint64_t iova;
	size_t len;
	bool write;
	atomic_int stop;
	int result; /* the last one */
	unsigned int done;
};

static void *one_access(void *arg)
{
	struct background *b = arg;
	uint8_t buf[PAGE] = { 0 };

	b->result = b->write ? bus->dma_write(toy.vfu, b->iova, buf, b->len)
			     : bus->dma_read(toy.vfu, b->iova, buf, b->len);
	return NULL;
}

static void *hammer(void *arg)
{
	struct background *b = arg;
	uint8_t buf[PAGE];
	uint32_t v;

	while (!b->stop) {
		int ret = b->write ? bus->dma_write(toy.vfu, b->iova, buf, b->len)
				   : bus->dma_read(toy.vfu, b->iova, buf, b->len);

		/* Refused while it is not mapped; nothing else may happen. */
		if (ret && ret != -EFAULT)
			b->result = ret;
		if (!ret)
			b->done++;
		ret = bus->dma_load32(toy.vfu, b->iova, &v);
		if (ret && ret != -EFAULT)
			b->result = ret;
		memset(buf, 0, sizeof(buf));
	}
	return NULL;
}

static void test_register_access_during_message(void **state)
{
	struct background b = { .iova = MSG_BASE, .len = 64 };

	(void)state;
	/* The bus goes on while a DMA waits for its answer; registers are answered meanwhile. */
	assert_int_equal(
		espnic_client_map_served(client, MSG_BASE, msg_ram, PAGE, ESPNIC_CLIENT_RW), 0);
	espnic_client_hold_dma(client, true);
	pthread_create(&b.thread, NULL, one_access, &b);
	while (!espnic_client_dma_messages(client))
		usleep(200);
	espnic_client_reg_write(client, 0x1c, 99);
	assert_int_equal(espnic_client_reg_read(client, 0x1c), 99);
	assert_int_equal(espnic_client_unmap(client, MSG_BASE, PAGE), 0);
	espnic_client_hold_dma(client, false);
	pthread_join(b.thread, NULL);
	assert_int_equal(b.result, 0);
}

static void test_gate_during_message(void **state)
{
	struct background r = { .iova = MSG_BASE, .len = 64 };
	struct background w = { .iova = MSG_BASE + 128, .len = 64, .write = true };

	(void)state;
	assert_int_equal(
		espnic_client_map_served(client, MSG_BASE, msg_ram, PAGE, ESPNIC_CLIENT_RW), 0);
	espnic_client_hold_dma(client, true);
	pthread_create(&r.thread, NULL, one_access, &r);
	pthread_create(&w.thread, NULL, one_access, &w);
	while (espnic_client_dma_messages(client) < 2)
		usleep(200);
	/* As FLR does. */
	assert_int_equal(espnic_client_flr(client), 0);
	pthread_join(r.thread, NULL);
	pthread_join(w.thread, NULL);
	assert_int_equal(r.result, -ECANCELED);
	assert_int_equal(w.result, -ECANCELED);
	/* The late answer is nobody's; the stream goes on. */
	espnic_client_hold_dma(client, false);
	espnic_toy_gate(&toy, true);
	espnic_client_bus_master(client, true);
	one_access(&r);
	assert_int_equal(r.result, 0);
	assert_true(espnic_client_alive(client));
}

static void test_client_gone_during_message(void **state)
{
	struct background b = { .iova = MSG_BASE, .len = 64 };
	uint8_t buf[4];

	(void)state;
	assert_int_equal(
		espnic_client_map_served(client, MSG_BASE, msg_ram, PAGE, ESPNIC_CLIENT_RW), 0);
	assert_int_equal(espnic_client_map(client, BASE, memfd, 0, RAM, ESPNIC_CLIENT_RW), 0);
	espnic_client_hold_dma(client, true);
	pthread_create(&b.thread, NULL, one_access, &b);
	while (!espnic_client_dma_messages(client))
		usleep(200);
	espnic_client_free(client);
	pthread_join(b.thread, NULL);
	assert_int_equal(b.result, -ECANCELED);
	assert_true(espnic_toy_wait(&toy.resets, 1));
	/* Its memory went with it, and Bus Master Enable with the reset. */
	client = espnic_client_new(toy.path);
	assert_non_null(client);
	espnic_toy_gate(&toy, true);
	assert_int_equal(bus->dma_read(toy.vfu, BASE, buf, 4), -EFAULT);
	assert_int_equal(espnic_client_bus_master(client, true), 0);
	assert_int_equal(bus->dma_read(toy.vfu, BASE, buf, 4), -EFAULT);
	assert_int_equal(espnic_client_map(client, BASE, memfd, 0, RAM, ESPNIC_CLIENT_RW), 0);
	assert_int_equal(bus->dma_read(toy.vfu, BASE, buf, 4), 0);
}

static void test_unmap_while_used(void **state)
{
	struct background b[3] = {
		{ .iova = BASE, .len = PAGE },
		{ .iova = BASE + PAGE, .len = PAGE },
		{ .iova = BASE + 3 * PAGE - 100, .len = 200, .write = true },
	};

	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		pthread_create(&b[i].thread, NULL, hammer, &b[i]);
	for (unsigned int n = 0; n < 300; n++) {
		/* The border of both is in the middle of what the third thread writes. */
		assert_int_equal(
			espnic_client_map(client, BASE, memfd, 0, 3 * PAGE, ESPNIC_CLIENT_RW), 0);
		assert_int_equal(espnic_client_map(client, BASE + 3 * PAGE, memfd, 8 * PAGE, PAGE,
						   ESPNIC_CLIENT_RW),
				 0);
		usleep(n % 3 * 100);
		if (n & 1) {
			assert_int_equal(espnic_client_unmap(client, BASE, 3 * PAGE), 0);
			assert_int_equal(espnic_client_unmap(client, BASE + 3 * PAGE, PAGE), 0);
		} else {
			assert_int_equal(espnic_client_unmap_all(client), 0);
		}
	}
	for (unsigned int i = 0; i < 3; i++)
		b[i].stop = 1;
	for (unsigned int i = 0; i < 3; i++) {
		pthread_join(b[i].thread, NULL);
		assert_int_equal(b[i].result, 0);
		assert_true(b[i].done > 0);
	}
}

static void test_map_refusals(void **state)
{
	int null = open("/dev/null", 0);
	const struct {
		const char *what;
		int fd;
		uint64_t offset, addr, size;
		uint32_t flags;
		int want;
	} t[] = {
		{ "no access", memfd, 0, 0x10000, PAGE, 0, -EINVAL },
		{ "unknown flag", memfd, 0, 0x10000, PAGE, 7, -EINVAL },
		{ "no size", memfd, 0, 0x10000, 0, 3, -EINVAL },
		{ "odd size", memfd, 0, 0x10000, PAGE - 1, 3, -EINVAL },
		{ "odd address", memfd, 0, 0x10001, PAGE, 3, -EINVAL },
		{ "odd offset", memfd, 512, 0x10000, PAGE, 3, -EINVAL },
		{ "address wraps", memfd, 0, 0xfffffffffffff000, 2 * PAGE, 3, -EINVAL },
		{ "all of it and more", -1, 0, 0x1000, 0xfffffffffffff000 + PAGE, 3, -EINVAL },
		{ "offset wraps", memfd, 0xfffffffffffff000, 0x10000, 2 * PAGE, 3, -EINVAL },
		{ "past the file's end", memfd, RAM - PAGE, 0x10000, 2 * PAGE, 3, -EINVAL },
		{ "file ends before", memfd, RAM, 0x10000, PAGE, 3, -EINVAL },
		{ "1 PiB of a small file", memfd, 0, 0x10000000000000, 1ull << 50, 3, -EINVAL },
		{ "no file of memory", null, 0, 0x10000, PAGE, 3, -EINVAL },
		{ "the same", memfd, 0, BASE, 4 * PAGE, 3, -EEXIST },
		{ "inside", memfd, 0, BASE + PAGE, PAGE, 3, -EEXIST },
		{ "around", memfd, 0, BASE - PAGE, 6 * PAGE, 3, -EEXIST },
		{ "its first page", memfd, 0, BASE - PAGE, 2 * PAGE, 3, -EEXIST },
		{ "its last page", memfd, 0, BASE + 3 * PAGE, 2 * PAGE, 3, -EEXIST },
		{ "without file, over it", -1, 0, BASE, PAGE, 3, -EEXIST },
		{ "before it", memfd, 0, BASE - PAGE, PAGE, 3, 0 },
		{ "after it", memfd, 0, BASE + 4 * PAGE, PAGE, 3, 0 },
		{ "the end of the address space", -1, 0, 0xfffffffffffff000, PAGE, 3, 0 },
		{ "after the end", -1, 0, 0xfffffffffffff000, PAGE, 3, -EEXIST },
	};

	(void)state;
	assert_int_equal(espnic_client_map(client, BASE, memfd, 0, 4 * PAGE, ESPNIC_CLIENT_RW), 0);
	for (unsigned int i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		int got = espnic_client_map(client, t[i].addr, t[i].fd, t[i].offset, t[i].size,
					    t[i].flags);

		if (got != t[i].want)
			fail_msg("%s: %d, not %d", t[i].what, got, t[i].want);
	}
	close(null);

	/* Only exactly what was mapped can be unmapped. */
	assert_int_equal(espnic_client_unmap(client, BASE, PAGE), -ENOENT);
	assert_int_equal(espnic_client_unmap(client, BASE, 5 * PAGE), -ENOENT);
	assert_int_equal(espnic_client_unmap(client, BASE + PAGE, 3 * PAGE), -ENOENT);
	assert_int_equal(espnic_client_unmap(client, 0x4000000, PAGE), -ENOENT);
	assert_int_equal(espnic_client_unmap(client, BASE, 0), -EINVAL);
	assert_int_equal(espnic_client_unmap(client, BASE, 4 * PAGE), 0);
	assert_int_equal(espnic_client_unmap(client, BASE, 4 * PAGE), -ENOENT);
	assert_int_equal(espnic_client_unmap(client, 0xfffffffffffff000, PAGE), 0);
}

static void test_unmap_flags(void **state)
{
	static const struct {
		uint32_t argsz, flags;
		uint64_t addr, size;
		int want;
	} t[] = {
		{ 24, 1, BASE, PAGE, -EINVAL }, /* dirty bitmap */
		{ 24, 3, 0, 0, -EINVAL },
		{ 24, 4, BASE, PAGE, -EINVAL },
		{ 23, 0, BASE, PAGE, -EINVAL },
		{ 24, 2, BASE, 0, -EINVAL }, /* ALL names no range */
		{ 24, 2, 0, PAGE, -EINVAL },
		{ 24, 2, 0, 0, 24 },
		{ 24, 0, BASE, PAGE, -ENOENT }, /* gone with ALL */
	};

	(void)state;
	assert_int_equal(espnic_client_map(client, BASE, memfd, 0, PAGE, ESPNIC_CLIENT_RW), 0);
	for (unsigned int i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct espnic_vfu_dma_unmap u = {
			.argsz = t[i].argsz,
			.flags = t[i].flags,
			.addr = t[i].addr,
			.size = t[i].size,
		};

		assert_int_equal(espnic_client_call(client, ESPNIC_VFU_DMA_UNMAP, 0, &u, sizeof(u),
						    NULL, 0, NULL, 0),
				 t[i].want);
	}
}

static void test_many_maps(void **state)
{
	uint8_t byte;

	(void)state;
	/* In an order that is not that of the addresses, up to the limit and one over it. */
	for (unsigned int i = 0; i < ESPNIC_VFU_MAX_MAPS; i++) {
		uint64_t slot = (i * 2654435761u) % ESPNIC_VFU_MAX_MAPS;

		assert_int_equal(espnic_client_map(client, BASE + slot * 2 * PAGE, memfd,
						   (slot % 16) * PAGE, PAGE, ESPNIC_CLIENT_RW),
				 0);
	}
	assert_int_equal(espnic_client_map(client, BASE + PAGE, memfd, 0, PAGE, ESPNIC_CLIENT_RW),
			 -ENOSPC);
	for (unsigned int i = 0; i < ESPNIC_VFU_MAX_MAPS; i++) {
		assert_int_equal(bus->dma_read(toy.vfu, BASE + i * 2ull * PAGE + 5, &byte, 1), 0);
		assert_int_equal(byte, ram[(i % 16) * PAGE + 5]);
		assert_int_equal(bus->dma_read(toy.vfu, BASE + i * 2ull * PAGE + PAGE, &byte, 1),
				 -EFAULT);
	}
	assert_int_equal(espnic_client_unmap_all(client), 0);
	assert_int_equal(bus->dma_read(toy.vfu, BASE, &byte, 1), -EFAULT);
}

static void test_truncated_file(void **state)
{
	uint8_t buf[2 * PAGE];
	uint32_t v;

	(void)state;
	/* cmocka catches SIGBUS itself while a test runs: put the server's handler back. */
	assert_int_equal(espnic_vfu_dma_guard(), 0);
	assert_int_equal(espnic_client_map(client, BASE, memfd, 0, 4 * PAGE, ESPNIC_CLIENT_RW), 0);
	assert_int_equal(bus->dma_read(toy.vfu, BASE, buf, sizeof(buf)), 0);
	assert_int_equal(ftruncate(memfd, PAGE), 0);
	assert_int_equal(bus->dma_read(toy.vfu, BASE, buf, sizeof(buf)), -EFAULT);
	assert_int_equal(bus->dma_load32(toy.vfu, BASE + 3 * PAGE, &v), -EFAULT);
	assert_int_equal(bus->dma_store32(toy.vfu, BASE + 3 * PAGE, 1), -EFAULT);
	assert_int_equal(bus->dma_write(toy.vfu, BASE, buf, 8), -EFAULT);
	assert_int_equal(toy.dma_refused, 4);
	/* The rest of the device lives on, and so does memory mapped anew. */
	assert_int_equal(espnic_client_unmap(client, BASE, 4 * PAGE), 0);
	assert_int_equal(espnic_client_map(client, BASE, memfd, 0, PAGE, ESPNIC_CLIENT_RW), 0);
	assert_int_equal(bus->dma_read(toy.vfu, BASE, buf, PAGE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_shared, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gates, setup, teardown),
		cmocka_unit_test_setup_teardown(test_across_maps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_without_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_message_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_register_access_during_message, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_gate_during_message, setup, teardown),
		cmocka_unit_test_setup_teardown(test_client_gone_during_message, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unmap_while_used, setup, teardown),
		cmocka_unit_test_setup_teardown(test_map_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unmap_flags, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_maps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_truncated_file, setup, teardown),
	};

	return cmocka_run_group_tests_name("bus_dma", tests, NULL, NULL);
}
