// SPDX-License-Identifier: BSD-2-Clause
/* What QEMU asks a device for at its start, config space, registers, resets. */
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bus_toy.h"
#include "espnic_regs.h"
#include "vfu_client.h"

static struct espnic_toy toy;
static struct espnic_client *client;

static int setup(void **state)
{
	(void)state;
	if (espnic_toy_start(&toy))
		return -1;
	client = espnic_client_new(toy.path);
	return client ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	espnic_client_free(client);
	return espnic_toy_stop(&toy);
}

static void test_device_info(void **state)
{
	struct espnic_vfu_device_info info = { .argsz = sizeof(info) };

	(void)state;
	assert_int_equal(espnic_client_call(client, ESPNIC_VFU_GET_INFO, 0, &info, sizeof(info),
					    NULL, 0, &info, sizeof(info)),
			 sizeof(info));
	assert_int_equal(info.argsz, sizeof(info));
	assert_int_equal(info.flags, VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PCI);
	assert_int_equal(info.num_regions, 9);
	assert_int_equal(info.num_irqs, 5);
}

static void test_region_info(void **state)
{
	static const uint64_t sizes[9] = { [0] = 65536, [2] = 8192, [7] = 4096 };

	(void)state;
	for (uint32_t i = 0; i < 9; i++) {
		struct espnic_vfu_region_info info = { .argsz = sizeof(info), .index = i };

		assert_int_equal(espnic_client_call(client, ESPNIC_VFU_GET_REGION_INFO, 0, &info,
						    sizeof(info), NULL, 0, &info, sizeof(info)),
				 sizeof(info));
		assert_int_equal(info.index, i);
		assert_int_equal(info.size, sizes[i]);
		/* Never MMAP: QEMU would stop posting writes. */
		assert_int_equal(info.flags,
				 sizes[i] ? VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE
					  : 0);
		assert_int_equal(info.argsz, sizeof(info));
	}
}

static void test_irq_info(void **state)
{
	static const uint32_t counts[5] = { [VFIO_PCI_MSIX_IRQ_INDEX] = ESPNIC_TOY_VECTORS };
	static const uint32_t flags[5] = { 7, 9, 9, 1, 1 };

	(void)state;
	for (uint32_t i = 0; i < 5; i++) {
		struct espnic_vfu_irq_info info = { .argsz = sizeof(info), .index = i };

		assert_int_equal(espnic_client_call(client, ESPNIC_VFU_GET_IRQ_INFO, 0, &info,
						    sizeof(info), NULL, 0, &info, sizeof(info)),
				 sizeof(info));
		assert_int_equal(info.index, i);
		assert_int_equal(info.count, counts[i]);
		assert_int_equal(info.flags, flags[i]);
	}
}

static void test_header(void **state)
{
	uint8_t cfg[4096];

	(void)state;
	/* As QEMU does at its start: all of it in one message. */
	assert_int_equal(
		espnic_client_read(client, VFIO_PCI_CONFIG_REGION_INDEX, 0, cfg, sizeof(cfg)), 0);
	assert_int_equal(cfg[PCI_VENDOR_ID] | cfg[PCI_VENDOR_ID + 1] << 8, 0x1234);
	assert_int_equal(cfg[PCI_DEVICE_ID] | cfg[PCI_DEVICE_ID + 1] << 8, 0xe5b0);
	assert_int_equal(cfg[PCI_CLASS_DEVICE + 1], 0x02);
	assert_int_equal(cfg[PCI_CLASS_DEVICE], 0x00);
	assert_int_equal(cfg[PCI_HEADER_TYPE], PCI_HEADER_TYPE_NORMAL);
	assert_int_equal(cfg[PCI_BASE_ADDRESS_0], PCI_BASE_ADDRESS_MEM_TYPE_64);
	assert_int_equal(cfg[PCI_BASE_ADDRESS_2], PCI_BASE_ADDRESS_MEM_TYPE_64);
	assert_int_equal(cfg[PCI_INTERRUPT_PIN], 0);
	assert_true(cfg[PCI_STATUS] & PCI_STATUS_CAP_LIST);
	/* No extended capability. */
	for (unsigned int i = 0x100; i < sizeof(cfg); i++)
		assert_int_equal(cfg[i], 0);
}

static void test_capabilities(void **state)
{
	unsigned int seen = 0, n = 0;
	uint32_t pos;

	(void)state;
	for (pos = espnic_client_cfg_read(client, PCI_CAPABILITY_LIST, 1); pos; n++) {
		uint32_t id = espnic_client_cfg_read(client, pos, 1);

		assert_true(pos >= 0x40 && pos < 0x100 && !(pos & 3) && n < 10 && id < 32);
		seen |= 1u << id;
		pos = espnic_client_cfg_read(client, pos + PCI_CAP_LIST_NEXT, 1);
	}
	assert_int_equal(seen, 1u << PCI_CAP_ID_PM | 1u << PCI_CAP_ID_MSIX | 1u << PCI_CAP_ID_EXP);

	pos = espnic_client_find_cap(client, PCI_CAP_ID_MSIX);
	assert_int_equal(espnic_client_cfg_read(client, pos + PCI_MSIX_FLAGS, 2),
			 ESPNIC_TOY_VECTORS - 1);
	assert_int_equal(espnic_client_cfg_read(client, pos + PCI_MSIX_TABLE, 4), 2);
	assert_int_equal(espnic_client_cfg_read(client, pos + PCI_MSIX_PBA, 4), 0x1000 | 2);
	pos = espnic_client_find_cap(client, PCI_CAP_ID_EXP);
	assert_int_equal(espnic_client_cfg_read(client, pos + PCI_EXP_FLAGS, 2), 2);
	assert_true(espnic_client_cfg_read(client, pos + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR);
	pos = espnic_client_find_cap(client, PCI_CAP_ID_PM);
	assert_int_equal(espnic_client_cfg_read(client, pos + PCI_PM_PMC, 2), 3);
	assert_false(espnic_client_cfg_read(client, pos + PCI_PM_CTRL, 2) &
		     PCI_PM_CTRL_NO_SOFT_RESET);
}

static void test_bars_are_not_sized_here(void **state)
{
	(void)state;
	for (uint32_t off = PCI_BASE_ADDRESS_0; off <= PCI_BASE_ADDRESS_5; off += 4) {
		uint32_t before = espnic_client_cfg_read(client, off, 4);

		assert_int_equal(espnic_client_cfg_write(client, off, 0xffffffff, 4), 0);
		assert_int_equal(espnic_client_cfg_read(client, off, 4), before);
	}
}

static void test_registers(void **state)
{
	uint64_t q = 0x1122334455667788;
	uint32_t v;

	(void)state;
	espnic_client_reg_write(client, 0x1c, 0xcafef00d);
	assert_int_equal(espnic_client_reg_read(client, 0x1c), 0xcafef00d);
	/* 64 bits: two words, low first. */
	assert_int_equal(espnic_client_write(client, 0, 0x100, &q, 8, true), 0);
	assert_int_equal(espnic_client_reg_read(client, 0x104), 0x11223344);
	assert_int_equal(toy.last_off[1], 0x100);
	assert_int_equal(toy.last_off[0], 0x104);
	q = 0;
	assert_int_equal(espnic_client_read(client, 0, 0x100, &q, 8), 0);
	assert_true(q == 0x1122334455667788);
	/* The last word of the BAR; not posted, as x-no-posted-writes=on does. */
	v = 7;
	assert_int_equal(espnic_client_write(client, 0, 0xfffc, &v, 4, false), 0);
	assert_int_equal(espnic_client_reg_read(client, 0xfffc), 7);
	assert_int_equal(toy.bad_access, 0);
}

static void test_register_shapes(void **state)
{
	static const struct {
		uint32_t off, count;
	} bad[] = { { 0, 1 }, { 3, 1 }, { 0, 2 },  { 2, 4 },  { 1, 4 },
		    { 4, 8 }, { 0, 3 }, { 0, 12 }, { 0, 16 }, { 0, 64 } };
	uint8_t buf[64];
	unsigned int writes = toy.writes;

	(void)state;
	toy.regs[0] = 0xffffffff;
	toy.regs[1] = 0xffffffff;
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(buf, 0xa5, sizeof(buf));
		assert_int_equal(espnic_client_read(client, 0, bad[i].off, buf, bad[i].count), 0);
		for (unsigned int b = 0; b < bad[i].count; b++)
			assert_int_equal(buf[b], 0);
		assert_int_equal(toy.bad_access, 2 * i + 1);
		assert_int_equal(
			espnic_client_write(client, 0, bad[i].off, buf, bad[i].count, false), 0);
		assert_int_equal(toy.bad_access, 2 * i + 2);
	}
	assert_int_equal(toy.writes, writes);
}

static void test_write_multi(void **state)
{
	struct {
		uint64_t n;
		struct espnic_vfu_multi_write w[3];
	} m = { .n = 3,
		.w = {
			{ .offset = 0x1c, .region = 0, .count = 4, .data = { 1 } },
			{ .offset = 0x100, .region = 0, .count = 8, .data = { 2, 0, 0, 0, 3 } },
			{ .offset = PCI_COMMAND,
			  .region = 7,
			  .count = 2,
			  .data = { PCI_COMMAND_MEMORY } },
		} };
	uint64_t n = 0;

	(void)state;
	assert_int_equal(espnic_client_call(client, ESPNIC_VFU_REGION_WRITE_MULTI, 0, &m, sizeof(m),
					    NULL, 0, &n, 8),
			 8);
	assert_int_equal(n, 3);
	assert_int_equal(espnic_client_reg_read(client, 0x1c), 1);
	assert_int_equal(espnic_client_reg_read(client, 0x100), 2);
	assert_int_equal(espnic_client_reg_read(client, 0x104), 3);
	assert_int_equal(espnic_client_cfg_read(client, PCI_COMMAND, 2), PCI_COMMAND_MEMORY);
	/* QEMU posts them. */
	m.w[0].data[0] = 9;
	assert_int_equal(espnic_client_call(client, ESPNIC_VFU_REGION_WRITE_MULTI,
					    ESPNIC_VFU_NO_REPLY, &m, sizeof(m), NULL, 0, NULL, 0),
			 0);
	assert_int_equal(espnic_client_reg_read(client, 0x1c), 9);
}

static void check_defaults(void)
{
	uint32_t exp = espnic_client_find_cap(client, PCI_CAP_ID_EXP);
	uint32_t msix = espnic_client_find_cap(client, PCI_CAP_ID_MSIX);

	assert_int_equal(espnic_client_cfg_read(client, PCI_COMMAND, 2), 0);
	assert_int_equal(espnic_client_cfg_read(client, PCI_INTERRUPT_LINE, 1), 0);
	assert_int_equal(espnic_client_cfg_read(client, exp + PCI_EXP_DEVCTL, 2), 0x2810);
	assert_int_equal(espnic_client_cfg_read(client, msix + PCI_MSIX_FLAGS, 2),
			 ESPNIC_TOY_VECTORS - 1);
}

static void dirty(void)
{
	uint32_t exp = espnic_client_find_cap(client, PCI_CAP_ID_EXP);
	uint32_t msix = espnic_client_find_cap(client, PCI_CAP_ID_MSIX);

	assert_int_equal(espnic_client_bus_master(client, true), 0);
	assert_int_equal(espnic_client_cfg_read(client, PCI_COMMAND, 2),
			 PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	espnic_client_cfg_write(client, PCI_INTERRUPT_LINE, 11, 1);
	espnic_client_cfg_write(client, exp + PCI_EXP_DEVCTL, 0x000f, 2);
	espnic_client_cfg_write(client, msix + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE, 2);
	assert_int_equal(espnic_client_cfg_read(client, exp + PCI_EXP_DEVCTL, 2), 0x000f);
}

static void test_flr(void **state)
{
	uint32_t exp = espnic_client_find_cap(client, PCI_CAP_ID_EXP);

	(void)state;
	dirty();
	assert_int_equal(toy.resets, 0);
	assert_int_equal(espnic_client_flr(client), 0);
	assert_int_equal(toy.resets, 1);
	check_defaults();
	/* The same by a byte and by a double word. */
	dirty();
	assert_int_equal(espnic_client_cfg_write(client, exp + PCI_EXP_DEVCTL + 1, 0x80, 1), 0);
	assert_int_equal(toy.resets, 2);
	check_defaults();
	assert_int_equal(espnic_client_cfg_write(client, exp + PCI_EXP_DEVCTL, 0x0000a810, 4), 0);
	assert_int_equal(toy.resets, 3);
	check_defaults();
}

static void test_device_reset(void **state)
{
	(void)state;
	/* QEMU sends one before any driver runs, and more later. */
	assert_int_equal(espnic_client_device_reset(client), 0);
	assert_int_equal(espnic_client_device_reset(client), 0);
	assert_int_equal(toy.resets, 2);
	dirty();
	assert_int_equal(espnic_client_device_reset(client), 0);
	assert_int_equal(toy.resets, 3);
	check_defaults();
}

static void test_power(void **state)
{
	uint32_t pm = espnic_client_find_cap(client, PCI_CAP_ID_PM) + PCI_PM_CTRL;

	(void)state;
	espnic_client_reg_write(client, 0x1c, 5);
	/* D1 and D2 do not exist. */
	espnic_client_cfg_write(client, pm, 1, 2);
	espnic_client_cfg_write(client, pm, 2, 2);
	assert_int_equal(espnic_client_cfg_read(client, pm, 2), 0);
	espnic_client_cfg_write(client, pm, PCI_PM_CTRL_PME_STATUS | PCI_PM_CTRL_PME_ENABLE | 3, 2);
	assert_int_equal(espnic_client_cfg_read(client, pm, 2), 3);
	/* In D3hot registers do not answer, and nothing is reset yet. */
	assert_int_equal(espnic_client_reg_read(client, 0x1c), 0xffffffff);
	espnic_client_reg_write(client, 0x1c, 6);
	assert_int_equal(toy.resets, 0);
	dirty();
	espnic_client_cfg_write(client, pm, 0, 2);
	assert_int_equal(toy.resets, 1);
	check_defaults();
	assert_int_equal(espnic_client_reg_read(client, 0x1c), 0);
	/* D0 to D0 is nothing. */
	espnic_client_cfg_write(client, pm, 0, 2);
	assert_int_equal(toy.resets, 1);
	/* A function in D3hot comes out of a machine reset in D0. */
	espnic_client_cfg_write(client, pm, 3, 1);
	assert_int_equal(espnic_client_device_reset(client), 0);
	assert_int_equal(espnic_client_cfg_read(client, pm, 2), 0);
}

static void test_posted_order(void **state)
{
	(void)state;
	/* A read is behind all writes before it. */
	for (uint32_t i = 1; i <= 2000; i++)
		espnic_client_reg_write(client, 0x1c, i);
	assert_int_equal(espnic_client_reg_read(client, 0x1c), 2000);
	assert_int_equal(toy.writes, 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_device_info, setup, teardown),
		cmocka_unit_test_setup_teardown(test_region_info, setup, teardown),
		cmocka_unit_test_setup_teardown(test_irq_info, setup, teardown),
		cmocka_unit_test_setup_teardown(test_header, setup, teardown),
		cmocka_unit_test_setup_teardown(test_capabilities, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bars_are_not_sized_here, setup, teardown),
		cmocka_unit_test_setup_teardown(test_registers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_register_shapes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write_multi, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flr, setup, teardown),
		cmocka_unit_test_setup_teardown(test_device_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_power, setup, teardown),
		cmocka_unit_test_setup_teardown(test_posted_order, setup, teardown),
	};

	return cmocka_run_group_tests_name("bus_config", tests, NULL, NULL);
}
