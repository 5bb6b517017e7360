// SPDX-License-Identifier: BSD-2-Clause
/* MSI-X vectors as QEMU connects, tears down and connects them again. */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "bus_toy.h"
#include "vfu_client.h"

static struct espnic_toy toy;
static struct espnic_client *client;
static int ev[ESPNIC_TOY_VECTORS];

static int setup(void **state)
{
	(void)state;
	if (espnic_toy_start(&toy))
		return -1;
	for (unsigned int i = 0; i < ESPNIC_TOY_VECTORS; i++)
		ev[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	client = espnic_client_new(toy.path);
	return client ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	espnic_client_free(client);
	for (unsigned int i = 0; i < ESPNIC_TOY_VECTORS; i++)
		close(ev[i]);
	return espnic_toy_stop(&toy);
}

static void raise_irq(unsigned int v)
{
	espnic_vfu_bus_ops.irq(toy.vfu, v);
}

static uint32_t pba(void)
{
	uint32_t v = 0;

	assert_int_equal(
		espnic_client_read(client, VFIO_PCI_BAR2_REGION_INDEX, 0x1000, &v, sizeof(v)), 0);
	return v;
}

static int set_irqs(uint32_t flags, uint32_t index, uint32_t start, uint32_t count,
		    const void *data, size_t len)
{
	struct espnic_vfu_irq_set s = {
		.argsz = sizeof(s), .flags = flags, .index = index, .start = start, .count = count
	};
	uint8_t body[sizeof(s) + 64];

	memcpy(body, &s, sizeof(s));
	if (len)
		memcpy(body + sizeof(s), data, len);
	return espnic_client_call(client, ESPNIC_VFU_SET_IRQS, 0, body, sizeof(s) + len, NULL, 0,
				  NULL, 0);
}

static void test_install_and_fire(void **state)
{
	(void)state;
	assert_int_equal(espnic_client_set_irqs(client, 0, ESPNIC_TOY_VECTORS, ev), 0);
	for (unsigned int v = 0; v < ESPNIC_TOY_VECTORS; v++) {
		raise_irq(v);
		for (unsigned int o = 0; o < ESPNIC_TOY_VECTORS; o++)
			assert_int_equal(espnic_eventfd_wait(ev[o], 0), o == v);
	}
	/* Past the last: nothing. */
	raise_irq(ESPNIC_TOY_VECTORS);
	raise_irq(0xffffffff);
	for (unsigned int o = 0; o < ESPNIC_TOY_VECTORS; o++)
		assert_int_equal(espnic_eventfd_wait(ev[o], 0), 0);
}

static void test_pending_until_connected(void **state)
{
	(void)state;
	raise_irq(3);
	raise_irq(3);
	raise_irq(16);
	assert_int_equal(pba(), 1u << 3 | 1u << 16);
	assert_int_equal(espnic_client_set_irqs(client, 0, ESPNIC_TOY_VECTORS, ev), 0);
	assert_int_equal(espnic_eventfd_wait(ev[3], 0), 1);
	assert_int_equal(espnic_eventfd_wait(ev[16], 0), 1);
	assert_int_equal(espnic_eventfd_wait(ev[4], 0), 0);
	assert_int_equal(pba(), 0);
}

static void test_pba_reads(void **state)
{
	uint8_t b[8], page[4096];

	(void)state;
	raise_irq(0);
	raise_irq(9);
	raise_irq(16);
	assert_int_equal(espnic_client_read(client, 2, 0x1000, b, 8), 0);
	assert_memory_equal(b, ((uint8_t[]){ 1, 2, 1, 0, 0, 0, 0, 0 }), 8);
	assert_int_equal(espnic_client_read(client, 2, 0x1001, b, 1), 0);
	assert_int_equal(b[0], 2);
	assert_int_equal(espnic_client_read(client, 2, 0x1ff8, b, 8), 0);
	assert_memory_equal(b, ((uint8_t[8]){ 0 }), 8);
	/* Across the end of the table. */
	assert_int_equal(espnic_client_read(client, 2, 0xffe, b, 4), 0);
	assert_memory_equal(b, ((uint8_t[]){ 0, 0, 1, 2 }), 4);
	assert_int_equal(espnic_client_read(client, 2, 0, page, sizeof(page)), 0);
	/* Read only. */
	memset(b, 0xff, sizeof(b));
	assert_int_equal(espnic_client_write(client, 2, 0x1000, b, 8, false), 0);
	assert_int_equal(pba(), 0x10201);
}

static void test_rebuild_as_qemu(void **state)
{
	unsigned int got[4] = { 0 };

	(void)state;
	/* Arm with nothing, then for each vector unmasked: disable all, install one more. */
	assert_int_equal(espnic_client_set_irqs(client, 0, 1, NULL), 0);
	for (uint32_t n = 1; n <= 4; n++) {
		assert_int_equal(espnic_client_disable_irqs(client), 0);
		raise_irq(n - 1);
		assert_int_equal(espnic_client_set_irqs(client, 0, n, ev), 0);
		raise_irq(0);
		for (uint32_t v = 0; v < 4; v++)
			got[v] += (unsigned int)espnic_eventfd_wait(ev[v], 0);
	}
	/* No edge was lost. */
	assert_int_equal(got[0], 5);
	assert_int_equal(got[1], 1);
	assert_int_equal(got[2], 1);
	assert_int_equal(got[3], 1);
}

static void test_replace_and_remove(void **state)
{
	int other = eventfd(0, EFD_NONBLOCK);

	(void)state;
	assert_int_equal(espnic_client_set_irqs(client, 2, 1, &ev[2]), 0);
	assert_int_equal(espnic_client_set_irqs(client, 2, 1, &other), 0);
	raise_irq(2);
	assert_int_equal(espnic_eventfd_wait(ev[2], 0), 0);
	assert_int_equal(espnic_eventfd_wait(other, 0), 1);
	assert_int_equal(espnic_client_set_irqs(client, 2, 1, NULL), 0);
	raise_irq(2);
	assert_int_equal(espnic_eventfd_wait(other, 0), 0);
	assert_int_equal(pba(), 1u << 2);
	close(other);
}

static void test_reset_drops_pending_keeps_fds(void **state)
{
	(void)state;
	raise_irq(5);
	assert_int_equal(espnic_client_set_irqs(client, 0, 1, ev), 0);
	assert_int_equal(espnic_client_flr(client), 0);
	assert_int_equal(pba(), 0);
	raise_irq(0);
	assert_int_equal(espnic_eventfd_wait(ev[0], 0), 1);
}

static void test_loopback_triggers(void **state)
{
	const uint8_t bools[3] = { 1, 0, 1 };

	(void)state;
	assert_int_equal(espnic_client_set_irqs(client, 0, ESPNIC_TOY_VECTORS, ev), 0);
	assert_int_equal(
		set_irqs(VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, 2, 4, 2, NULL, 0),
		0);
	assert_int_equal(espnic_eventfd_wait(ev[4], 0), 1);
	assert_int_equal(espnic_eventfd_wait(ev[5], 0), 1);
	assert_int_equal(espnic_eventfd_wait(ev[6], 0), 0);
	assert_int_equal(
		set_irqs(VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_TRIGGER, 2, 14, 3, bools, 3),
		0);
	assert_int_equal(espnic_eventfd_wait(ev[14], 0), 1);
	assert_int_equal(espnic_eventfd_wait(ev[15], 0), 0);
	assert_int_equal(espnic_eventfd_wait(ev[16], 0), 1);
}

static void test_refusals(void **state)
{
	enum { NONE = 1, BOOL = 2, EVENTFD = 4, MASK = 8, UNMASK = 16, TRIGGER = 32 };
	static const struct {
		const char *what;
		uint32_t flags, index, start, count;
		int want;
	} t[] = {
		{ "no data", TRIGGER, 2, 0, 1, -EINVAL },
		{ "two kinds of data", NONE | BOOL | TRIGGER, 2, 0, 1, -EINVAL },
		{ "no action", NONE, 2, 0, 1, -EINVAL },
		{ "two actions", NONE | MASK | TRIGGER, 2, 0, 1, -EINVAL },
		{ "mask", NONE | MASK, 2, 0, 1, -EINVAL },
		{ "unmask", NONE | UNMASK, 2, 0, 1, -EINVAL },
		{ "unknown flag", EVENTFD | TRIGGER | 64, 2, 0, 1, -EINVAL },
		{ "unknown index", EVENTFD | TRIGGER, 5, 0, 0, -EINVAL },
		{ "index 2^32-1", EVENTFD | TRIGGER, 0xffffffff, 0, 0, -EINVAL },
		{ "one too many", EVENTFD | TRIGGER, 2, 0, 18, -EINVAL },
		{ "start past the end", EVENTFD | TRIGGER, 2, 18, 0, -EINVAL },
		{ "start + count wraps", EVENTFD | TRIGGER, 2, 1, 0xffffffff, -EINVAL },
		{ "start wraps", EVENTFD | TRIGGER, 2, 0xffffffff, 1, -EINVAL },
		{ "INTx has none", EVENTFD | TRIGGER, 0, 0, 1, -EINVAL },
		{ "MSI has none", NONE | TRIGGER, 1, 0, 1, -EINVAL },
		{ "disable from 1", NONE | TRIGGER, 2, 1, 0, -EINVAL },
		{ "too little BOOL data", BOOL | TRIGGER, 2, 0, 2, -EINVAL },
		{ "ERR disabled", NONE | TRIGGER, 3, 0, 0, 0 },
		{ "INTx disabled", NONE | TRIGGER, 0, 0, 0, 0 },
		{ "none removed", EVENTFD | TRIGGER, 2, 17, 0, 0 },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		int got = set_irqs(t[i].flags, t[i].index, t[i].start, t[i].count, NULL, 0);

		if (got != t[i].want)
			fail_msg("%s: %d, not %d", t[i].what, got, t[i].want);
	}
}

static int install_raw(uint32_t flags, uint32_t count, const int *fds, unsigned int nfds)
{
	struct espnic_vfu_irq_set s = {
		.argsz = sizeof(s), .flags = flags, .index = 2, .count = count
	};

	return espnic_client_call(client, ESPNIC_VFU_SET_IRQS, 0, &s, sizeof(s), fds, nfds, NULL,
				  0);
}

static void test_wrong_descriptors(void **state)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int pipes[2];

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(install_raw(0x24, 2, ev, 1), -EINVAL);
	assert_int_equal(install_raw(0x24, 1, ev, 2), -EINVAL);
	assert_int_equal(install_raw(0x24, 0, ev, 1), -EINVAL);
	assert_int_equal(install_raw(0x21, 1, ev, 1), -EINVAL);
	assert_int_equal(install_raw(0x22, 1, ev, 1), -EINVAL);
	/* Something that could block, raise SIGPIPE or be written over. */
	assert_int_equal(install_raw(0x24, 1, &pipes[1], 1), -EINVAL);
	assert_int_equal(install_raw(0x24, 1, &null, 1), -EINVAL);
	/* Nothing of all that took the place of what is there. */
	assert_int_equal(install_raw(0x24, 1, ev, 1), 0);
	assert_int_equal(install_raw(0x24, 1, &null, 1), -EINVAL);
	raise_irq(0);
	assert_int_equal(espnic_eventfd_wait(ev[0], 0), 1);
	close(pipes[0]);
	close(pipes[1]);
	close(null);
}

static void test_full_counter_does_not_block(void **state)
{
	/*
	 * A counter at its end, and the client's descriptor made blocking: raising must not wait.
	 */
	int e = eventfd(0, 0);
	const uint64_t full = UINT64_MAX - 1;

	(void)state;
	assert_int_equal(write(e, &full, sizeof(full)), sizeof(full));
	assert_int_equal(espnic_client_set_irqs(client, 0, 1, &e), 0);
	raise_irq(0);
	raise_irq(0);
	close(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_install_and_fire, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pending_until_connected, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pba_reads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rebuild_as_qemu, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replace_and_remove, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reset_drops_pending_keeps_fds, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_loopback_triggers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_counter_does_not_block, setup, teardown),
	};

	return cmocka_run_group_tests_name("bus_irq", tests, NULL, NULL);
}
