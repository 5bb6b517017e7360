// SPDX-License-Identifier: GPL-2.0-only
/*
 * ethtool -t. Online: what can be tried beside traffic. Offline: the device is reset as well, and
 * what it held is written into it again; frames under way are lost, SAs and policies are not.
 */
#include "espnic.h"

struct espnic_selftest {
	const char *name;
	int (*run)(struct espnic_dev *edev);	/* 0 or -errno; RTNL */
	bool offline;
};

static int espnic_test_registers(struct espnic_dev *edev)
{
	static const u32 patterns[] = { 0, 0x55555555, 0xaaaaaaaa, 0x00ff00ff, 0x7fffffff };
	u32 old = espnic_read(edev, ESPNIC_REG_SCRATCH);
	int err = 0;
	int i;

	if (espnic_read(edev, ESPNIC_REG_ID) != ESPNIC_ID_VALUE)
		return -ENODEV;
	for (i = 0; i < ARRAY_SIZE(patterns) && !err; i++) {
		espnic_write(edev, ESPNIC_REG_SCRATCH, patterns[i]);
		if (espnic_read(edev, ESPNIC_REG_SCRATCH) != patterns[i])
			err = -EIO;
	}
	espnic_write(edev, ESPNIC_REG_SCRATCH, old);
	return err;
}

/* Known answers of firmware and engine, in the device. */
static int espnic_test_device(struct espnic_dev *edev)
{
	struct espnic_cmd_req req = { .opcode = ESPNIC_OPCODE_SELF_TEST };

	return espnic_cmd_exec(edev, &req);
}

/* Answers to commands are taken by the interrupt's thread alone: an answer is an interrupt. */
static int espnic_test_interrupt(struct espnic_dev *edev)
{
	struct espnic_cmd_req req = { .opcode = ESPNIC_OPCODE_NOP };

	return espnic_cmd_exec(edev, &req);
}

static int espnic_test_link(struct espnic_dev *edev)
{
	return netif_carrier_ok(edev->enet->netdev) ? 0 : -ENOLINK;
}

static int espnic_test_reset(struct espnic_dev *edev)
{
	return espnic_reset(edev);
}

static const struct espnic_selftest espnic_selftests[] = {
	{ "Registers (on/offline)", espnic_test_registers },
	{ "Known answers (on/offline)", espnic_test_device },
	{ "Interrupt (on/offline)", espnic_test_interrupt },
	{ "Link (on/offline)", espnic_test_link },
	{ "Reset (offline)", espnic_test_reset, true },
};

int espnic_selftest_count(void)
{
	return ARRAY_SIZE(espnic_selftests);
}

void espnic_selftest_strings(u8 *data)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(espnic_selftests); i++)
		ethtool_puts(&data, espnic_selftests[i].name);
}

void espnic_self_test(struct net_device *netdev, struct ethtool_test *test, u64 *data)
{
	struct espnic_net *enet = netdev_priv(netdev);
	bool offline = test->flags & ETH_TEST_FL_OFFLINE;
	int err, i;

	for (i = 0; i < ARRAY_SIZE(espnic_selftests); i++) {
		err = 0;
		if (offline || !espnic_selftests[i].offline)
			err = espnic_selftests[i].run(enet->edev);
		data[i] = -err;
		if (err)
			test->flags |= ETH_TEST_FL_FAILED;
	}
}
