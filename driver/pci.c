// SPDX-License-Identifier: GPL-2.0-only
/* The PCI function: probe and remove, resets and errors that come from the PCI core. */
#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>

#include "espnic.h"

#define ESPNIC_BAR	0

static int espnic_map(struct espnic_dev *edev)
{
	struct pci_dev *pdev = edev->pdev;
	int err;

	err = pci_enable_device_mem(pdev);
	if (err)
		return err;
	err = pci_request_mem_regions(pdev, ESPNIC_DRV_NAME);
	if (err)
		goto err_disable;
	if (pci_resource_len(pdev, ESPNIC_BAR) < ESPNIC_BAR0_SIZE) {
		dev_err(edev->dev, "BAR0 has %llu bytes instead of %u\n",
			(u64)pci_resource_len(pdev, ESPNIC_BAR), ESPNIC_BAR0_SIZE);
		err = -ENODEV;
		goto err_release;
	}
	edev->bar = pci_iomap(pdev, ESPNIC_BAR, ESPNIC_BAR0_SIZE);
	if (!edev->bar) {
		err = -ENOMEM;
		goto err_release;
	}
	err = dma_set_mask_and_coherent(edev->dev, DMA_BIT_MASK(64));
	if (err)
		goto err_unmap;
	return 0;

err_unmap:
	pci_iounmap(pdev, edev->bar);
err_release:
	pci_release_mem_regions(pdev);
err_disable:
	pci_disable_device(pdev);
	return err;
}

static void espnic_unmap(struct espnic_dev *edev)
{
	pci_iounmap(edev->pdev, edev->bar);
	pci_release_mem_regions(edev->pdev);
	/* Not so after an error from which the device did not recover. */
	if (pci_is_enabled(edev->pdev))
		pci_disable_device(edev->pdev);
}

/* A fresh device, known to be one we can drive. */
static int espnic_identify(struct espnic_dev *edev)
{
	u32 lo, hi;
	int err;

	/* Whoever used it before (a crashed kernel, another driver) may have left it running. */
	err = espnic_hw_reset(edev);
	if (!err)
		err = espnic_read_caps(edev);
	if (err)
		return err;

	lo = espnic_read(edev, ESPNIC_REG_MAC_LO);
	hi = espnic_read(edev, ESPNIC_REG_MAC_HI);
	put_unaligned_le32(lo, edev->perm_mac);
	put_unaligned_le16(hi, edev->perm_mac + sizeof(lo));
	return espnic_gone(edev) ? -ENODEV : 0;
}

/* Vector 0 for commands and events, and one a queue pair, as many pairs as there are vectors. */
static int espnic_alloc_vectors(struct espnic_dev *edev)
{
	int n;

	n = pci_alloc_irq_vectors(edev->pdev, 2, 1 + edev->caps.pairs, PCI_IRQ_MSIX);
	if (n < 0) {
		dev_err(edev->dev, "no MSI-X vectors: %d\n", n);
		return n;
	}
	edev->pairs = n - 1;
	return 0;
}

static int espnic_start(struct espnic_dev *edev)
{
	int irq = pci_irq_vector(edev->pdev, 0);
	int err;

	pci_set_master(edev->pdev);
	snprintf(edev->irq_name, sizeof(edev->irq_name), "espnic-cmd@%s", pci_name(edev->pdev));
	err = request_threaded_irq(irq, NULL, espnic_cmd_irq, IRQF_ONESHOT, edev->irq_name, edev);
	if (err)
		goto err_master;
	err = espnic_cmd_start(edev);
	if (err)
		goto err_irq;
	err = espnic_bring_up(edev);
	if (err)
		goto err_irq;
	return 0;

err_irq:
	espnic_cmd_abort(edev);
	free_irq(irq, edev);
	espnic_master_off(edev);
	espnic_cmd_stop(edev);
	return err;
err_master:
	espnic_master_off(edev);
	return err;
}

/* The reverse: afterwards the device holds no key and touches no memory. */
static void espnic_stop(struct espnic_dev *edev)
{
	espnic_cmd_flush(edev);
	espnic_cmd_abort(edev);
	if (espnic_hw_reset(edev) && !espnic_gone(edev))
		dev_warn(edev->dev, "the device was left without a reset\n");
	free_irq(pci_irq_vector(edev->pdev, 0), edev);
	espnic_master_off(edev);
	espnic_cmd_stop(edev);
}

static int espnic_register(struct espnic_dev *edev)
{
	struct devlink_port_attrs attrs = { .flavour = DEVLINK_PORT_FLAVOUR_PHYSICAL };
	struct devlink *devlink = priv_to_devlink(edev);
	struct net_device *netdev = edev->enet->netdev;
	int err;

	devlink_port_attrs_set(&edev->port, &attrs);
	err = devlink_port_register(devlink, &edev->port, 0);
	if (err)
		return err;
	SET_NETDEV_DEVLINK_PORT(netdev, &edev->port);
	err = espnic_resources_register(edev);
	if (err)
		goto err_port;
	err = espnic_health_init(edev);
	if (err)
		goto err_resources;
	err = register_netdev(netdev);
	if (err)
		goto err_health;
	devlink_register(devlink);
	return 0;

err_health:
	espnic_health_cleanup(edev);
err_resources:
	espnic_resources_unregister(edev);
err_port:
	devlink_port_unregister(&edev->port);
	return err;
}

static void espnic_unregister(struct espnic_dev *edev)
{
	devlink_unregister(priv_to_devlink(edev));
	unregister_netdev(edev->enet->netdev);
	espnic_health_cleanup(edev);
	espnic_resources_unregister(edev);
	devlink_port_unregister(&edev->port);
}

static int espnic_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct espnic_dev *edev;
	struct devlink *devlink;
	int err;

	devlink = devlink_alloc(&espnic_devlink_ops, sizeof(*edev), &pdev->dev);
	if (!devlink)
		return -ENOMEM;
	edev = devlink_priv(devlink);
	edev->pdev = pdev;
	edev->dev = &pdev->dev;
	INIT_DELAYED_WORK(&edev->service, espnic_service);
	/* No service work before everything it looks at stands. */
	set_bit(ESPNIC_DEV_REMOVING, &edev->flags);
	pci_set_drvdata(pdev, edev);

	edev->wq = alloc_ordered_workqueue("espnic@%s", 0, pci_name(pdev));
	if (!edev->wq) {
		err = -ENOMEM;
		goto err_devlink;
	}
	err = espnic_map(edev);
	if (err)
		goto err_wq;
	err = espnic_cmd_alloc(edev);
	if (err)
		goto err_map;
	err = espnic_identify(edev);
	if (err)
		goto err_cmd;
	err = espnic_alloc_vectors(edev);
	if (err)
		goto err_cmd;
	err = espnic_net_alloc(edev);
	if (err)
		goto err_vectors;
	err = espnic_ipsec_init(edev->enet);
	if (err)
		goto err_net;
	espnic_net_setup(edev->enet);
	err = espnic_start(edev);
	if (err)
		goto err_ipsec;
	err = espnic_register(edev);
	if (err)
		goto err_start;
	pci_save_state(pdev);
	clear_bit(ESPNIC_DEV_REMOVING, &edev->flags);
	espnic_service_now(edev);
	return 0;

err_start:
	espnic_stop(edev);
err_ipsec:
	espnic_ipsec_cleanup(edev->enet);
err_net:
	espnic_net_free(edev->enet);
err_vectors:
	pci_free_irq_vectors(pdev);
err_cmd:
	espnic_cmd_free(edev);
err_map:
	espnic_unmap(edev);
err_wq:
	destroy_workqueue(edev->wq);
err_devlink:
	devlink_free(devlink);
	return dev_err_probe(&pdev->dev, err, "probe failed\n");
}

static void espnic_end_service(struct espnic_dev *edev)
{
	set_bit(ESPNIC_DEV_REMOVING, &edev->flags);
	/* Not only canceled: who looked at the flag before it was set may yet queue it. */
	disable_delayed_work_sync(&edev->service);
}

static void espnic_remove(struct pci_dev *pdev)
{
	struct espnic_dev *edev = pci_get_drvdata(pdev);

	/* Notices a device that was pulled out, before anyone waits for its answers. */
	espnic_read(edev, ESPNIC_REG_STATUS);
	espnic_end_service(edev);
	espnic_unregister(edev);
	espnic_stop(edev);
	espnic_ipsec_cleanup(edev->enet);
	espnic_net_free(edev->enet);
	pci_free_irq_vectors(pdev);
	espnic_cmd_free(edev);
	espnic_unmap(edev);
	destroy_workqueue(edev->wq);
	devlink_free(priv_to_devlink(edev));
}

/* Reboot or kexec: the next kernel must find neither DMA nor keys. */
static void espnic_shutdown(struct pci_dev *pdev)
{
	struct espnic_dev *edev = pci_get_drvdata(pdev);

	espnic_end_service(edev);
	rtnl_lock();
	netif_device_detach(edev->enet->netdev);
	espnic_queues_quiesce(edev->enet);
	rtnl_unlock();
	espnic_cmd_abort(edev);
	espnic_hw_reset(edev);
	espnic_master_off(edev);
}

static void espnic_reset_prepare(struct pci_dev *pdev)
{
	struct espnic_dev *edev = pci_get_drvdata(pdev);

	rtnl_lock();
	set_bit(ESPNIC_DEV_FROZEN, &edev->flags);
	espnic_reset_begin(edev);
	rtnl_unlock();
}

static void espnic_reset_done(struct pci_dev *pdev)
{
	struct espnic_dev *edev = pci_get_drvdata(pdev);

	rtnl_lock();
	/* The PCI core calls this also when no way of resetting the function has worked. */
	espnic_reset_if_not_yet(edev);
	espnic_reset_finish(edev);
	clear_bit(ESPNIC_DEV_FROZEN, &edev->flags);
	rtnl_unlock();
}

static pci_ers_result_t espnic_error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	struct espnic_dev *edev = pci_get_drvdata(pdev);

	if (state == pci_channel_io_perm_failure) {
		espnic_set_gone(edev);
		return PCI_ERS_RESULT_DISCONNECT;
	}
	espnic_reset_prepare(pdev);
	pci_disable_device(pdev);
	return PCI_ERS_RESULT_NEED_RESET;
}

static pci_ers_result_t espnic_slot_reset(struct pci_dev *pdev)
{
	if (pci_enable_device_mem(pdev))
		return PCI_ERS_RESULT_DISCONNECT;
	pci_restore_state(pdev);
	pci_save_state(pdev);
	return PCI_ERS_RESULT_RECOVERED;
}

static const struct pci_error_handlers espnic_err_handlers = {
	.error_detected	= espnic_error_detected,
	.slot_reset	= espnic_slot_reset,
	.resume		= espnic_reset_done,
	.reset_prepare	= espnic_reset_prepare,
	.reset_done	= espnic_reset_done,
};

static const struct pci_device_id espnic_ids[] = {
	{ PCI_DEVICE(ESPNIC_PCI_VENDOR, ESPNIC_PCI_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, espnic_ids);

static struct pci_driver espnic_driver = {
	.name		= ESPNIC_DRV_NAME,
	.id_table	= espnic_ids,
	.probe		= espnic_probe,
	.remove		= espnic_remove,
	.shutdown	= espnic_shutdown,
	.err_handler	= &espnic_err_handlers,
};
module_pci_driver(espnic_driver);

MODULE_DESCRIPTION("espnic: inline IPsec NIC");
MODULE_LICENSE("GPL");
MODULE_VERSION(ESPNIC_DRV_VERSION);
