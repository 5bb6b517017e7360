// SPDX-License-Identifier: BSD-2-Clause
/* Config space: which bits can be written, whatever is written; what asks for a reset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/pci_regs.h>

#include "vfio-user/vfu.h"

enum {
	PM = 0x40,
	MSIX = 0x50,
	EXP = 0x60,
};

static struct espnic_vfu_pci pci;

static uint32_t get(uint32_t off, uint32_t count)
{
	uint32_t v = 0;

	espnic_vfu_pci_read(&pci, off, &v, count);
	return v;
}

static enum espnic_vfu_pci_effect put(uint32_t off, uint32_t v, uint32_t count)
{
	return espnic_vfu_pci_write(&pci, off, &v, count);
}

static void test_writable_bits(void **state)
{
	/* All the bits that may change; everything else is what it was. */
	static const struct {
		uint32_t off;
		uint16_t bits;
	} writable[] = {
		{ PCI_COMMAND, 0x0546 },           { PCI_CACHE_LINE_SIZE, 0x00ff },
		{ PCI_INTERRUPT_LINE, 0x00ff },    { PM + PCI_PM_CTRL, 0x0003 },
		{ MSIX + PCI_MSIX_FLAGS, 0xc000 }, { EXP + PCI_EXP_DEVCTL, 0x791f },
		{ EXP + PCI_EXP_LNKCTL, 0x00cb },  { EXP + PCI_EXP_DEVCTL2, 0x0010 },
		{ EXP + PCI_EXP_LNKCTL2, 0x000f },
	};
	uint8_t allowed[4096] = { 0 };
	struct espnic_vfu_pci fresh;

	(void)state;
	for (unsigned int i = 0; i < sizeof(writable) / sizeof(writable[0]); i++) {
		allowed[writable[i].off] = (uint8_t)writable[i].bits;
		allowed[writable[i].off + 1] = (uint8_t)(writable[i].bits >> 8);
	}
	espnic_vfu_pci_init(&fresh, 17);
	for (unsigned int off = 0; off < 4096; off++) {
		static const uint8_t patterns[] = { 0xff, 0x00, 0xa5, 0x5a };

		for (unsigned int p = 0; p < sizeof(patterns); p++) {
			uint8_t now;

			espnic_vfu_pci_init(&pci, 17);
			espnic_vfu_pci_write(&pci, off, &patterns[p], 1);
			now = pci.cfg[off];
			/* A power state that does not exist is refused as a whole. */
			if (off == PM + PCI_PM_CTRL && (patterns[p] & 3) != 3)
				assert_int_equal(now, 0);
			else
				assert_int_equal(now, (fresh.cfg[off] & ~allowed[off]) |
							      (patterns[p] & allowed[off]));
			pci.cfg[off] = fresh.cfg[off];
			assert_memory_equal(pci.cfg, fresh.cfg, sizeof(fresh.cfg));
		}
	}
}

static void test_effects(void **state)
{
	(void)state;
	espnic_vfu_pci_init(&pci, 17);
	assert_false(espnic_vfu_pci_master(&pci));
	assert_int_equal(put(PCI_COMMAND, PCI_COMMAND_MEMORY, 2), ESPNIC_VFU_PCI_NONE);
	assert_int_equal(put(PCI_COMMAND, PCI_COMMAND_MASTER, 2), ESPNIC_VFU_PCI_MASTER);
	assert_true(espnic_vfu_pci_master(&pci));
	assert_int_equal(put(PCI_COMMAND, PCI_COMMAND_MASTER, 4), ESPNIC_VFU_PCI_NONE);
	assert_int_equal(put(PM + PCI_PM_CTRL, 3, 2), ESPNIC_VFU_PCI_MASTER);
	assert_false(espnic_vfu_pci_master(&pci));
	assert_false(espnic_vfu_pci_d0(&pci));
	assert_int_equal(put(PM + PCI_PM_CTRL, 3, 2), ESPNIC_VFU_PCI_NONE);
	assert_int_equal(put(PM + PCI_PM_CTRL, 1, 2), ESPNIC_VFU_PCI_NONE);
	assert_int_equal(get(PM + PCI_PM_CTRL, 2), 3);
	assert_int_equal(put(PM + PCI_PM_CTRL, 0, 2), ESPNIC_VFU_PCI_RESET);
	assert_int_equal(put(EXP + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR, 2),
			 ESPNIC_VFU_PCI_RESET);
	assert_int_equal(get(EXP + PCI_EXP_DEVCTL, 2) & PCI_EXP_DEVCTL_BCR_FLR, 0);
	assert_int_equal(put(EXP + PCI_EXP_DEVCTL, 0x7fff, 2), ESPNIC_VFU_PCI_NONE);
	/* One write over many registers. */
	assert_int_equal(put(EXP + PCI_EXP_DEVCTL - 2, 0x80000000, 4), ESPNIC_VFU_PCI_RESET);
}

static void test_reset(void **state)
{
	struct espnic_vfu_pci fresh;

	(void)state;
	espnic_vfu_pci_init(&fresh, 17);
	espnic_vfu_pci_init(&pci, 17);
	srand(1);
	for (unsigned int i = 0; i < 20000; i++)
		put((uint32_t)rand() % 4092, (uint32_t)rand() * 3, 4);
	assert_memory_not_equal(pci.cfg, fresh.cfg, sizeof(fresh.cfg));
	espnic_vfu_pci_reset(&pci);
	assert_memory_equal(pci.cfg, fresh.cfg, sizeof(fresh.cfg));
	assert_memory_equal(pci.wmask, fresh.wmask, sizeof(fresh.wmask));
}

static void test_vectors(void **state)
{
	(void)state;
	for (unsigned int n = 1; n <= 17; n++) {
		espnic_vfu_pci_init(&pci, n);
		assert_int_equal(get(MSIX + PCI_MSIX_FLAGS, 2), n - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writable_bits),
		cmocka_unit_test(test_effects),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_vectors),
	};

	return cmocka_run_group_tests_name("pci", tests, NULL, NULL);
}
