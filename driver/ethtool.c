// SPDX-License-Identifier: GPL-2.0-only
/* What ethtool shows and sets. */
#include "espnic.h"

#define ESPNIC_REG_ONE(name, offset, access, reset, count, stride, doc) \
	{ #name, #access, offset, count, stride },

/* Every register there is; those that only take writes are dumped as zero. */
const struct espnic_reg espnic_regs[] = {
	ESPNIC_REG_LIST(ESPNIC_REG_ONE)
};

const u32 espnic_regs_count = ARRAY_SIZE(espnic_regs);

bool espnic_reg_readable(const struct espnic_reg *reg)
{
	return strcmp(reg->access, "wo");
}

static void espnic_get_drvinfo(struct net_device *netdev, struct ethtool_drvinfo *info)
{
	struct espnic_net *enet = netdev_priv(netdev);
	u32 fw = espnic_read(enet->edev, ESPNIC_REG_FW_VERSION);

	strscpy(info->driver, ESPNIC_DRV_NAME, sizeof(info->driver));
	strscpy(info->version, ESPNIC_DRV_VERSION, sizeof(info->version));
	strscpy(info->bus_info, pci_name(enet->edev->pdev), sizeof(info->bus_info));
	snprintf(info->fw_version, sizeof(info->fw_version), "%u.%u.%u", fw >> 16, (fw >> 8) & 0xff,
		 fw & 0xff);
}

static int espnic_get_regs_len(struct net_device *netdev)
{
	u32 n = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(espnic_regs); i++)
		n += espnic_regs[i].count;
	return n * sizeof(u32);
}

static void espnic_get_regs(struct net_device *netdev, struct ethtool_regs *regs, void *data)
{
	struct espnic_net *enet = netdev_priv(netdev);
	const struct espnic_reg *reg;
	u32 *value = data;
	int i, j;

	/* In the order of the register description; its version says which. */
	regs->version = espnic_read(enet->edev, ESPNIC_REG_VERSION);
	for (i = 0; i < ARRAY_SIZE(espnic_regs); i++) {
		reg = &espnic_regs[i];
		for (j = 0; j < reg->count; j++)
			*value++ = espnic_reg_readable(reg) ?
				   espnic_read(enet->edev, reg->offset + j * reg->stride) : 0;
	}
}

static int espnic_get_link_ksettings(struct net_device *netdev, struct ethtool_link_ksettings *cmd)
{
	ethtool_link_ksettings_zero_link_mode(cmd, supported);
	ethtool_link_ksettings_zero_link_mode(cmd, advertising);
	/* The wire is a socket, a TAP or a file: it has no speed. */
	cmd->base.speed = SPEED_UNKNOWN;
	cmd->base.duplex = netif_carrier_ok(netdev) ? DUPLEX_FULL : DUPLEX_UNKNOWN;
	cmd->base.port = PORT_OTHER;
	cmd->base.autoneg = AUTONEG_DISABLE;
	return 0;
}

static void espnic_get_ringparam(struct net_device *netdev, struct ethtool_ringparam *ring,
				 struct kernel_ethtool_ringparam *kernel_ring,
				 struct netlink_ext_ack *extack)
{
	struct espnic_net *enet = netdev_priv(netdev);

	ring->rx_max_pending = BIT(enet->edev->caps.ring_log2_max);
	ring->tx_max_pending = BIT(enet->edev->caps.ring_log2_max);
	ring->rx_pending = BIT(enet->params.rx_log2);
	ring->tx_pending = BIT(enet->params.tx_log2);
	kernel_ring->rx_buf_len = espnic_rx_buf_len(espnic_rx_truesize(enet->params.mtu));
}

static int espnic_set_ringparam(struct net_device *netdev, struct ethtool_ringparam *ring,
				struct kernel_ethtool_ringparam *kernel_ring,
				struct netlink_ext_ack *extack)
{
	struct espnic_net *enet = netdev_priv(netdev);
	const struct espnic_caps *caps = &enet->edev->caps;
	struct espnic_params params = enet->params;
	u32 min = BIT(caps->ring_log2_min);

	if (ring->rx_mini_pending || ring->rx_jumbo_pending) {
		NL_SET_ERR_MSG(extack, "there is one RX ring a queue pair");
		return -EINVAL;
	}
	if (ring->rx_pending < min || ring->tx_pending < min) {
		NL_SET_ERR_MSG_FMT(extack, "rings have at least %u entries", min);
		return -ERANGE;
	}
	/* As large as asked for at least; ethtool knows the upper limit. */
	params.rx_log2 = order_base_2(ring->rx_pending);
	params.tx_log2 = order_base_2(ring->tx_pending);
	if (params.rx_log2 == enet->params.rx_log2 && params.tx_log2 == enet->params.tx_log2)
		return 0;
	return espnic_net_reconfigure(enet, &params);
}

static void espnic_get_channels(struct net_device *netdev, struct ethtool_channels *channels)
{
	struct espnic_net *enet = netdev_priv(netdev);

	channels->max_combined = enet->edev->pairs;
	channels->combined_count = enet->params.pairs;
}

static int espnic_set_channels(struct net_device *netdev, struct ethtool_channels *channels)
{
	struct espnic_net *enet = netdev_priv(netdev);
	struct espnic_params params = enet->params;

	if (!channels->combined_count)
		return -EINVAL;
	params.pairs = channels->combined_count;
	return espnic_net_reconfigure(enet, &params);
}

static int espnic_get_coalesce(struct net_device *netdev, struct ethtool_coalesce *coal,
			       struct kernel_ethtool_coalesce *kernel_coal,
			       struct netlink_ext_ack *extack)
{
	struct espnic_net *enet = netdev_priv(netdev);

	coal->use_adaptive_rx_coalesce = enet->coalesce.rx_adaptive;
	coal->tx_coalesce_usecs = enet->coalesce.tx_usecs;
	coal->tx_max_coalesced_frames = enet->coalesce.tx_frames;
	coal->rx_coalesce_usecs = enet->coalesce.rx_usecs;
	coal->rx_max_coalesced_frames = enet->coalesce.rx_frames;
	return 0;
}

static int espnic_set_coalesce(struct net_device *netdev, struct ethtool_coalesce *coal,
			       struct kernel_ethtool_coalesce *kernel_coal,
			       struct netlink_ext_ack *extack)
{
	struct espnic_net *enet = netdev_priv(netdev);
	struct espnic_coalesce old;
	int err;

	if (!(enet->edev->caps.offload & ESPNIC_CAP_OFFLOAD_MODERATION)) {
		NL_SET_ERR_MSG(extack, "the device has no interrupt moderation");
		return -EOPNOTSUPP;
	}
	if (max(coal->tx_coalesce_usecs, coal->rx_coalesce_usecs) > ESPNIC_USECS_MAX) {
		NL_SET_ERR_MSG_FMT(extack, "at most %u microseconds", ESPNIC_USECS_MAX);
		return -ERANGE;
	}
	mutex_lock(&enet->moderation_lock);
	old = enet->coalesce;
	enet->coalesce.rx_adaptive = coal->use_adaptive_rx_coalesce;
	enet->coalesce.tx_usecs = coal->tx_coalesce_usecs;
	enet->coalesce.tx_frames = coal->tx_max_coalesced_frames;
	enet->coalesce.rx_usecs = coal->rx_coalesce_usecs;
	enet->coalesce.rx_frames = coal->rx_max_coalesced_frames;
	err = espnic_queues_moderate(enet);
	if (err) {
		enet->coalesce = old;
		espnic_queues_moderate(enet);
	}
	mutex_unlock(&enet->moderation_lock);
	return err;
}

static u32 espnic_get_rxfh_key_size(struct net_device *netdev)
{
	return ESPNIC_RSS_KEY_LEN;
}

static u32 espnic_get_rxfh_indir_size(struct net_device *netdev)
{
	return ESPNIC_RSS_TABLE_LEN;
}

static int espnic_get_rxfh(struct net_device *netdev, struct ethtool_rxfh_param *rxfh)
{
	struct espnic_net *enet = netdev_priv(netdev);
	int i;

	rxfh->hfunc = ETH_RSS_HASH_TOP;
	if (rxfh->key)
		memcpy(rxfh->key, enet->rss_key, sizeof(enet->rss_key));
	if (rxfh->indir)
		for (i = 0; i < ESPNIC_RSS_TABLE_LEN; i++)
			rxfh->indir[i] = enet->rss_table[i];
	return 0;
}

static int espnic_set_rxfh(struct net_device *netdev, struct ethtool_rxfh_param *rxfh,
			   struct netlink_ext_ack *extack)
{
	struct espnic_net *enet = netdev_priv(netdev);
	u8 table[ESPNIC_RSS_TABLE_LEN];
	u8 key[ESPNIC_RSS_KEY_LEN];
	int err, i;

	if (!(enet->edev->caps.offload & ESPNIC_CAP_OFFLOAD_RSS)) {
		NL_SET_ERR_MSG(extack, "the device has no receive hash");
		return -EOPNOTSUPP;
	}
	if (rxfh->hfunc != ETH_RSS_HASH_NO_CHANGE && rxfh->hfunc != ETH_RSS_HASH_TOP) {
		NL_SET_ERR_MSG(extack, "the hash is Toeplitz");
		return -EOPNOTSUPP;
	}
	memcpy(table, enet->rss_table, sizeof(table));
	memcpy(key, enet->rss_key, sizeof(key));
	if (rxfh->indir)
		for (i = 0; i < ESPNIC_RSS_TABLE_LEN; i++)
			enet->rss_table[i] = rxfh->indir[i];
	if (rxfh->key)
		memcpy(enet->rss_key, rxfh->key, sizeof(enet->rss_key));
	if (!enet->set)
		return 0;
	err = espnic_rss_set(enet);
	if (err) {
		memcpy(enet->rss_table, table, sizeof(table));
		memcpy(enet->rss_key, key, sizeof(key));
	}
	return err;
}

/* The device hashes addresses, and of TCP and UDP the ports too. 0 or -EOPNOTSUPP. */
static int espnic_rxfh_fields(u32 flow_type, u64 *fields)
{
	const u64 l3 = RXH_IP_SRC | RXH_IP_DST;

	switch (flow_type) {
	case TCP_V4_FLOW:
	case UDP_V4_FLOW:
	case TCP_V6_FLOW:
	case UDP_V6_FLOW:
		*fields = l3 | RXH_L4_B_0_1 | RXH_L4_B_2_3;
		return 0;
	case IPV4_FLOW:
	case IPV6_FLOW:
	case SCTP_V4_FLOW:
	case SCTP_V6_FLOW:
	case AH_ESP_V4_FLOW:
	case AH_ESP_V6_FLOW:
	case AH_V4_FLOW:
	case AH_V6_FLOW:
	case ESP_V4_FLOW:
	case ESP_V6_FLOW:
		*fields = l3;
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

#ifdef ESPNIC_HAVE_RXFH_FIELDS
static int espnic_get_rxfh_fields(struct net_device *netdev, struct ethtool_rxfh_fields *info)
{
	u64 fields;
	int err;

	err = espnic_rxfh_fields(info->flow_type, &fields);
	info->data = err ? 0 : fields;
	return err;
}
#endif

#ifdef ESPNIC_HAVE_GET_RX_RING_COUNT
static u32 espnic_get_rx_ring_count(struct net_device *netdev)
{
	struct espnic_net *enet = netdev_priv(netdev);

	return enet->params.pairs;
}
#else
static int espnic_get_rxnfc(struct net_device *netdev, struct ethtool_rxnfc *info, u32 *rules)
{
	struct espnic_net *enet = netdev_priv(netdev);

	switch (info->cmd) {
	case ETHTOOL_GRXRINGS:
		info->data = enet->params.pairs;
		return 0;
	case ETHTOOL_GRXFH:
		return espnic_rxfh_fields(info->flow_type, &info->data);
	default:
		return -EOPNOTSUPP;
	}
}
#endif

const struct ethtool_ops espnic_ethtool_ops = {
	.supported_coalesce_params = ETHTOOL_COALESCE_USECS | ETHTOOL_COALESCE_MAX_FRAMES |
				     ETHTOOL_COALESCE_USE_ADAPTIVE_RX,
	.get_drvinfo		= espnic_get_drvinfo,
	.get_regs_len		= espnic_get_regs_len,
	.get_regs		= espnic_get_regs,
	.get_link		= ethtool_op_get_link,
	.get_link_ksettings	= espnic_get_link_ksettings,
	.get_ringparam		= espnic_get_ringparam,
	.set_ringparam		= espnic_set_ringparam,
	.get_channels		= espnic_get_channels,
	.set_channels		= espnic_set_channels,
	.get_coalesce		= espnic_get_coalesce,
	.set_coalesce		= espnic_set_coalesce,
	.self_test		= espnic_self_test,
	.get_sset_count		= espnic_get_sset_count,
	.get_strings		= espnic_get_strings,
	.get_ethtool_stats	= espnic_get_ethtool_stats,
	.get_rxfh_key_size	= espnic_get_rxfh_key_size,
	.get_rxfh_indir_size	= espnic_get_rxfh_indir_size,
	.get_rxfh		= espnic_get_rxfh,
	.set_rxfh		= espnic_set_rxfh,
#ifdef ESPNIC_HAVE_RXFH_FIELDS
	.get_rxfh_fields	= espnic_get_rxfh_fields,
#endif
#ifdef ESPNIC_HAVE_GET_RX_RING_COUNT
	.get_rx_ring_count	= espnic_get_rx_ring_count,
#else
	.get_rxnfc		= espnic_get_rxnfc,
#endif
	.get_ts_info		= ethtool_op_get_ts_info,
};
