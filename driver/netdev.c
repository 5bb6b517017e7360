// SPDX-License-Identifier: GPL-2.0-only
/* net_device operations, and the reconfiguration of a running interface. */
#include <linux/etherdevice.h>
#include <linux/rtnetlink.h>

#include "espnic.h"

#define ESPNIC_TX_TIMEOUT	(5 * HZ)

int espnic_port_set(struct espnic_net *enet)
{
	struct espnic_cmd_port_set body = {};
	struct espnic_cmd_req req = {
		.opcode	= ESPNIC_OPCODE_PORT_SET,
		.body	= &body,
		.len	= sizeof(body),
	};
	struct net_device *netdev = enet->netdev;
	u32 flags = 0;
	int err;

	mutex_lock(&enet->port_lock);
	if (enet->port_enabled)
		flags |= ESPNIC_CMD_PORT_SET_ENABLE;
	if (netdev->flags & IFF_PROMISC)
		flags |= ESPNIC_CMD_PORT_SET_PROMISC;
	body.flags = cpu_to_le32(flags);
	body.mtu = cpu_to_le32(enet->params.mtu);
	ether_addr_copy(body.mac, netdev->dev_addr);
	err = espnic_cmd_exec(enet->edev, &req);
	mutex_unlock(&enet->port_lock);
	return err;
}

static void espnic_rx_mode_work(struct work_struct *work)
{
	struct espnic_net *enet = container_of(work, struct espnic_net, rx_mode);

	/* While the interface is down or being reset, starting it will send this too. */
	if (READ_ONCE(enet->port_enabled) && espnic_port_set(enet))
		netdev_warn(enet->netdev, "RX mode could not be set\n");
}

/* Address lock: the command has to sleep elsewhere. */
static void espnic_set_rx_mode(struct net_device *netdev)
{
	struct espnic_net *enet = netdev_priv(netdev);

	queue_work(enet->edev->wq, &enet->rx_mode);
}

static int espnic_set_mac(struct net_device *netdev, void *addr)
{
	struct espnic_net *enet = netdev_priv(netdev);
	u8 old[ETH_ALEN];
	int err;

	err = eth_prepare_mac_addr_change(netdev, addr);
	if (err)
		return err;
	ether_addr_copy(old, netdev->dev_addr);
	eth_commit_mac_addr_change(netdev, addr);
	if (!enet->port_enabled)
		return 0;
	err = espnic_port_set(enet);
	if (err)
		eth_hw_addr_set(netdev, old);
	else
		espnic_ipsec_mac_changed(enet);
	return err;
}

void espnic_net_link(struct espnic_net *enet, bool up)
{
	if (up)
		netif_carrier_on(enet->netdev);
	else
		netif_carrier_off(enet->netdev);
}

static int espnic_open(struct net_device *netdev)
{
	struct espnic_net *enet = netdev_priv(netdev);
	struct espnic_queue_set *set;
	int err;

	set = espnic_queues_alloc(enet, &enet->params);
	if (IS_ERR(set))
		return PTR_ERR(set);
	err = netif_set_real_num_queues(netdev, set->params.pairs, set->params.pairs);
	if (err)
		goto err_free;
	enet->set = set;
	err = espnic_queues_start(enet);
	if (err)
		goto err_unset;
	netif_tx_start_all_queues(netdev);
	espnic_net_link(enet, espnic_read(enet->edev, ESPNIC_REG_STATUS) & ESPNIC_STATUS_LINK_UP);
	return 0;

err_unset:
	enet->set = NULL;
err_free:
	espnic_queues_free(enet, set);
	return err;
}

static int espnic_close(struct net_device *netdev)
{
	struct espnic_net *enet = netdev_priv(netdev);
	struct espnic_queue_set *set = enet->set;

	netif_carrier_off(netdev);
	espnic_queues_stop(enet);
	enet->set = NULL;
	espnic_queues_free(enet, set);
	return 0;
}

/* Runs the queues of @set, with the net_device detached. */
static int espnic_net_switch(struct espnic_net *enet, struct espnic_queue_set *set)
{
	int err;

	enet->set = set;
	enet->params = set->params;
	espnic_rss_spread(enet, set->params.pairs);
	err = netif_set_real_num_queues(enet->netdev, set->params.pairs, set->params.pairs);
	if (!err)
		err = espnic_queues_start(enet);
	return err;
}

int espnic_net_reconfigure(struct espnic_net *enet, const struct espnic_params *params)
{
	struct espnic_queue_set *old = enet->set, *new;
	int err;

	if (!old) {
		enet->params = *params;
		espnic_rss_spread(enet, params->pairs);
		return 0;
	}
	new = espnic_queues_alloc(enet, params);
	if (IS_ERR(new))
		return PTR_ERR(new);

	/* Detached, not closed: closing would make xfrm flush all offloaded SAs and policies. */
	netif_device_detach(enet->netdev);
	espnic_queues_stop(enet);
	err = espnic_net_switch(enet, new);
	if (!err) {
		espnic_queues_free(enet, old);
		netif_device_attach(enet->netdev);
		return 0;
	}
	if (espnic_net_switch(enet, old))
		/* Stays detached; the reset starts them. */
		espnic_request_reset(enet->edev, "queues did not start again");
	else
		netif_device_attach(enet->netdev);
	espnic_queues_free(enet, new);
	return err;
}

static int espnic_change_mtu(struct net_device *netdev, int mtu)
{
	struct espnic_net *enet = netdev_priv(netdev);
	struct espnic_params params = enet->params;
	int err;

	params.mtu = mtu;
	err = espnic_net_reconfigure(enet, &params);
	if (!err)
		WRITE_ONCE(netdev->mtu, mtu);
	return err;
}

static void espnic_tx_timeout(struct net_device *netdev, unsigned int txqueue)
{
	struct espnic_net *enet = netdev_priv(netdev);

	netdev_err(netdev, "TX queue %u made no progress\n", txqueue);
	espnic_request_restart(enet->edev);
}

static netdev_features_t espnic_fix_features(struct net_device *netdev, netdev_features_t features)
{
	return espnic_ipsec_fix_features(features);
}

static int espnic_set_features(struct net_device *netdev, netdev_features_t features)
{
	return espnic_ipsec_set_features(netdev_priv(netdev), features);
}

static netdev_features_t espnic_features_check(struct sk_buff *skb, struct net_device *netdev,
					       netdev_features_t features)
{
	features = vlan_features_check(skb, features);
	return espnic_ipsec_features_check(skb, features);
}

static const struct net_device_ops espnic_netdev_ops = {
	.ndo_open		= espnic_open,
	.ndo_stop		= espnic_close,
	.ndo_start_xmit		= espnic_xmit,
	.ndo_features_check	= espnic_features_check,
	.ndo_fix_features	= espnic_fix_features,
	.ndo_set_features	= espnic_set_features,
	.ndo_set_rx_mode	= espnic_set_rx_mode,
	.ndo_set_mac_address	= espnic_set_mac,
	.ndo_validate_addr	= eth_validate_addr,
	.ndo_change_mtu		= espnic_change_mtu,
	.ndo_tx_timeout		= espnic_tx_timeout,
	.ndo_get_stats64	= espnic_get_stats64,
};

int espnic_net_alloc(struct espnic_dev *edev)
{
	const struct espnic_caps *caps = &edev->caps;
	struct net_device *netdev;
	struct espnic_net *enet;
	int i;

	netdev = alloc_etherdev_mqs(sizeof(*enet), edev->pairs, edev->pairs);
	if (!netdev)
		return -ENOMEM;
	SET_NETDEV_DEV(netdev, edev->dev);
	enet = netdev_priv(netdev);
	enet->edev = edev;
	enet->netdev = netdev;
	edev->enet = enet;
	mutex_init(&enet->port_lock);
	mutex_init(&enet->moderation_lock);
	INIT_WORK(&enet->rx_mode, espnic_rx_mode_work);
	for (i = 0; i < ESPNIC_MAX_QUEUE_PAIRS; i++) {
		u64_stats_init(&enet->tx_stats[i].send_syncp);
		u64_stats_init(&enet->tx_stats[i].done_syncp);
		u64_stats_init(&enet->rx_stats[i].syncp);
	}

	enet->params.mtu = ETH_DATA_LEN;
	enet->params.pairs = min_t(u32, edev->pairs, num_online_cpus());
	enet->params.tx_log2 = clamp_t(u8, ESPNIC_TX_LOG2_DEFAULT, caps->ring_log2_min,
				       caps->ring_log2_max);
	enet->params.rx_log2 = clamp_t(u8, ESPNIC_RX_LOG2_DEFAULT, caps->ring_log2_min,
				       caps->ring_log2_max);
	enet->coalesce.rx_adaptive = caps->offload & ESPNIC_CAP_OFFLOAD_MODERATION;
	enet->coalesce.tx_usecs = ESPNIC_TX_USECS_DEFAULT;
	enet->coalesce.tx_frames = ESPNIC_TX_FRAMES_DEFAULT;
	enet->coalesce.rx_usecs = ESPNIC_RX_USECS_DEFAULT;
	enet->coalesce.rx_frames = ESPNIC_RX_FRAMES_DEFAULT;
	espnic_rss_init(enet);
	return 0;
}

void espnic_net_free(struct espnic_net *enet)
{
	cancel_work_sync(&enet->rx_mode);
	free_netdev(enet->netdev);
}

static netdev_features_t espnic_stateless_features(const struct espnic_caps *caps)
{
	netdev_features_t features = NETIF_F_SG | NETIF_F_HIGHDMA;

	if (caps->offload & ESPNIC_CAP_OFFLOAD_TX_CSUM) {
		features |= NETIF_F_HW_CSUM;
		if (caps->offload & ESPNIC_CAP_OFFLOAD_TSO4)
			features |= NETIF_F_TSO | NETIF_F_TSO_ECN;
		if (caps->offload & ESPNIC_CAP_OFFLOAD_TSO6)
			features |= NETIF_F_TSO6 | NETIF_F_TSO_ECN;
	}
	return features;
}

void espnic_net_setup(struct espnic_net *enet)
{
	const struct espnic_caps *caps = &enet->edev->caps;
	netdev_features_t stateless = espnic_stateless_features(caps);
	netdev_features_t ipsec = espnic_ipsec_features(enet);
	struct net_device *netdev = enet->netdev;
	netdev_features_t rx = 0;

	if (caps->offload & ESPNIC_CAP_OFFLOAD_RX_CSUM)
		rx |= NETIF_F_RXCSUM;
	if (caps->offload & ESPNIC_CAP_OFFLOAD_RSS)
		rx |= NETIF_F_RXHASH;
	netdev->hw_features |= (stateless & ~NETIF_F_HIGHDMA) | rx | ipsec;
	netdev->features |= stateless | rx | ipsec;
	netdev->vlan_features |= stateless;
	netdev->hw_enc_features |= (stateless & ~NETIF_F_ALL_TSO) | ipsec;
	/* Of encapsulated packets the device segments TCP in ESP alone. */
	if (ipsec & NETIF_F_GSO_ESP)
		netdev->hw_enc_features |= stateless & NETIF_F_ALL_TSO;
	/*
	 * What Linux segments itself, as its sequence number wraps, is still for the device to
	 * encrypt (esp_xmit()): software's IVs are made in another way. Of no use else, and not to
	 * be turned off.
	 */
	if (ipsec & NETIF_F_GSO_ESP) {
		netdev->features |= NETIF_F_GSO_PARTIAL;
		netdev->gso_partial_features |= ipsec & (NETIF_F_HW_ESP | NETIF_F_HW_ESP_TX_CSUM);
	}

	netdev->netdev_ops = &espnic_netdev_ops;
	netdev->ethtool_ops = &espnic_ethtool_ops;
	netdev->stat_ops = &espnic_stat_ops;
	netdev->watchdog_timeo = ESPNIC_TX_TIMEOUT;
	netdev->priv_flags |= IFF_LIVE_ADDR_CHANGE;
	/* See espnic_tx_header(). */
	netif_keep_dst(netdev);
	netdev->min_mtu = ESPNIC_MIN_MTU;
	netdev->max_mtu = caps->mtu;
	/* The stack's limit is without, the device's with all headers. */
	netif_set_tso_max_size(netdev,
			       min_t(u32, GSO_LEGACY_MAX_SIZE, caps->tso_len - ESPNIC_L2_LEN));
	eth_hw_addr_set(netdev, enet->edev->perm_mac);
	ether_addr_copy(netdev->perm_addr, enet->edev->perm_mac);
	if (!is_valid_ether_addr(enet->edev->perm_mac)) {
		dev_warn(enet->edev->dev, "no valid MAC address in the device: a random one\n");
		eth_hw_addr_random(netdev);
	}
	netif_carrier_off(netdev);
}
