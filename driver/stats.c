// SPDX-License-Identifier: GPL-2.0-only
/*
 * Statistics. Of ethtool -S: first each queue pair's (txqN_, rxqN_), then commands' and events'
 * (cmd_), then those of IPsec offload, then the device's own, by their names in its register
 * description.
 */
#include "espnic.h"

#define ESPNIC_STAT_NAME(name, doc)	#name,
#define ESPNIC_DEV_STAT_NAME(id, name, doc)	#name,

static const char * const espnic_tx_names[] = {
	ESPNIC_TX_SEND_STATS(ESPNIC_STAT_NAME)
	ESPNIC_TX_DONE_STATS(ESPNIC_STAT_NAME)
};

static const char * const espnic_rx_names[] = {
	ESPNIC_RX_STATS(ESPNIC_STAT_NAME)
};

static const char * const espnic_cmd_names[] = {
	ESPNIC_CMD_STATS(ESPNIC_STAT_NAME)
	ESPNIC_DEV_STATS(ESPNIC_STAT_NAME)
};

static const char * const espnic_dev_names[] = {
	ESPNIC_COUNTER_LIST(ESPNIC_DEV_STAT_NAME)
};

static_assert(ARRAY_SIZE(espnic_dev_names) == ESPNIC_COUNTER_COUNT);
static_assert(ESPNIC_COUNTER_COUNT * sizeof(__le64) <= ESPNIC_CMD_RESP_SIZE);

/* A queue pair's counters as plain numbers, in the order of their names. */
struct espnic_tx_snapshot {
#define ESPNIC_PLAIN_FIELD(name, doc)	u64 name;
	ESPNIC_TX_SEND_STATS(ESPNIC_PLAIN_FIELD)
	ESPNIC_TX_DONE_STATS(ESPNIC_PLAIN_FIELD)
};

struct espnic_rx_snapshot {
	ESPNIC_RX_STATS(ESPNIC_PLAIN_FIELD)
};

static_assert(sizeof(struct espnic_tx_snapshot) == ARRAY_SIZE(espnic_tx_names) * sizeof(u64));
static_assert(sizeof(struct espnic_rx_snapshot) == ARRAY_SIZE(espnic_rx_names) * sizeof(u64));

#define ESPNIC_READ_STAT(name, doc)	to->name = u64_stats_read(&from->name);

static void espnic_tx_snapshot(const struct espnic_tx_stats *from, struct espnic_tx_snapshot *to)
{
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&from->send_syncp);
		ESPNIC_TX_SEND_STATS(ESPNIC_READ_STAT)
	} while (u64_stats_fetch_retry(&from->send_syncp, start));
	do {
		start = u64_stats_fetch_begin(&from->done_syncp);
		ESPNIC_TX_DONE_STATS(ESPNIC_READ_STAT)
	} while (u64_stats_fetch_retry(&from->done_syncp, start));
}

static void espnic_rx_snapshot(const struct espnic_rx_stats *from, struct espnic_rx_snapshot *to)
{
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&from->syncp);
		ESPNIC_RX_STATS(ESPNIC_READ_STAT)
	} while (u64_stats_fetch_retry(&from->syncp, start));
}

static u64 espnic_tx_drops(const struct espnic_tx_snapshot *tx)
{
	return tx->drop_queue + tx->drop_nomem + tx->drop_map + tx->drop_ipsec + tx->drop_offload;
}

void espnic_get_stats64(struct net_device *netdev, struct rtnl_link_stats64 *stats)
{
	struct espnic_net *enet = netdev_priv(netdev);
	struct espnic_tx_snapshot tx;
	struct espnic_rx_snapshot rx;
	int i;

	for (i = 0; i < enet->edev->pairs; i++) {
		espnic_tx_snapshot(&enet->tx_stats[i], &tx);
		stats->tx_packets += tx.sent;
		stats->tx_bytes += tx.sent_bytes;
		stats->tx_dropped += espnic_tx_drops(&tx) + tx.drop_stopped +
				     tx.dev_drops;
		stats->tx_errors += tx.bad_cpl;

		espnic_rx_snapshot(&enet->rx_stats[i], &rx);
		stats->rx_packets += rx.packets;
		stats->rx_bytes += rx.bytes;
		stats->rx_dropped += rx.drop_skb + rx.drop_ipsec;
		stats->rx_errors += rx.bad_cpl;
	}
}

static void espnic_queue_stats_rx(struct net_device *netdev, int i,
				  struct netdev_queue_stats_rx *stats)
{
	struct espnic_net *enet = netdev_priv(netdev);
	struct espnic_rx_snapshot rx;

	espnic_rx_snapshot(&enet->rx_stats[i], &rx);
	stats->packets = rx.packets;
	stats->bytes = rx.bytes;
	stats->alloc_fail = rx.alloc_fail + rx.drop_skb;
	stats->csum_unnecessary = rx.csum_good;
	stats->csum_none = rx.csum_none;
	stats->csum_bad = rx.csum_bad;
}

static void espnic_queue_stats_tx(struct net_device *netdev, int i,
				  struct netdev_queue_stats_tx *stats)
{
	struct espnic_net *enet = netdev_priv(netdev);
	struct espnic_tx_snapshot tx;

	espnic_tx_snapshot(&enet->tx_stats[i], &tx);
	stats->packets = tx.sent;
	stats->bytes = tx.sent_bytes;
	stats->hw_drops = tx.dev_drops;
	stats->csum_none = tx.csum_none;
	stats->needs_csum = tx.csum;
	stats->hw_gso_packets = tx.tso_packets;
	stats->hw_gso_wire_packets = tx.tso_segs;
	stats->stop = tx.stops;
	stats->wake = tx.wakes;
}

/* What belongs to queues that are not in use now. */
static void espnic_base_stats(struct net_device *netdev, struct netdev_queue_stats_rx *rx,
			      struct netdev_queue_stats_tx *tx)
{
	struct espnic_net *enet = netdev_priv(netdev);
	int first = enet->set ? enet->set->params.pairs : 0;
	struct netdev_queue_stats_rx rx_one;
	struct netdev_queue_stats_tx tx_one;
	int i;

	rx->packets = 0;
	rx->bytes = 0;
	rx->alloc_fail = 0;
	rx->csum_unnecessary = 0;
	rx->csum_none = 0;
	rx->csum_bad = 0;
	tx->packets = 0;
	tx->bytes = 0;
	tx->hw_drops = 0;
	tx->csum_none = 0;
	tx->needs_csum = 0;
	tx->hw_gso_packets = 0;
	tx->hw_gso_wire_packets = 0;
	tx->stop = 0;
	tx->wake = 0;
	for (i = first; i < enet->edev->pairs; i++) {
		espnic_queue_stats_rx(netdev, i, &rx_one);
		rx->packets += rx_one.packets;
		rx->bytes += rx_one.bytes;
		rx->alloc_fail += rx_one.alloc_fail;
		rx->csum_unnecessary += rx_one.csum_unnecessary;
		rx->csum_none += rx_one.csum_none;
		rx->csum_bad += rx_one.csum_bad;
		espnic_queue_stats_tx(netdev, i, &tx_one);
		tx->packets += tx_one.packets;
		tx->bytes += tx_one.bytes;
		tx->hw_drops += tx_one.hw_drops;
		tx->csum_none += tx_one.csum_none;
		tx->needs_csum += tx_one.needs_csum;
		tx->hw_gso_packets += tx_one.hw_gso_packets;
		tx->hw_gso_wire_packets += tx_one.hw_gso_wire_packets;
		tx->stop += tx_one.stop;
		tx->wake += tx_one.wake;
	}
}

const struct netdev_stat_ops espnic_stat_ops = {
	.get_queue_stats_rx	= espnic_queue_stats_rx,
	.get_queue_stats_tx	= espnic_queue_stats_tx,
	.get_base_stats		= espnic_base_stats,
};

/* Device counters this driver has names for and the device has values for. */
static u32 espnic_dev_counters(const struct espnic_net *enet)
{
	return min_t(u32, enet->edev->caps.counters, ESPNIC_COUNTER_COUNT);
}

int espnic_get_sset_count(struct net_device *netdev, int sset)
{
	struct espnic_net *enet = netdev_priv(netdev);

	if (sset == ETH_SS_TEST)
		return espnic_selftest_count();
	if (sset != ETH_SS_STATS)
		return -EOPNOTSUPP;
	return enet->edev->pairs * (ARRAY_SIZE(espnic_tx_names) + ARRAY_SIZE(espnic_rx_names)) +
	       ARRAY_SIZE(espnic_cmd_names) + espnic_ipsec_stats_count(enet) +
	       espnic_dev_counters(enet);
}

void espnic_get_strings(struct net_device *netdev, u32 sset, u8 *data)
{
	struct espnic_net *enet = netdev_priv(netdev);
	int i, j;

	if (sset == ETH_SS_TEST)
		espnic_selftest_strings(data);
	if (sset != ETH_SS_STATS)
		return;
	for (i = 0; i < enet->edev->pairs; i++) {
		for (j = 0; j < ARRAY_SIZE(espnic_tx_names); j++)
			ethtool_sprintf(&data, "txq%d_%s", i, espnic_tx_names[j]);
		for (j = 0; j < ARRAY_SIZE(espnic_rx_names); j++)
			ethtool_sprintf(&data, "rxq%d_%s", i, espnic_rx_names[j]);
	}
	for (j = 0; j < ARRAY_SIZE(espnic_cmd_names); j++)
		ethtool_sprintf(&data, "cmd_%s", espnic_cmd_names[j]);
	espnic_ipsec_stats_strings(enet, &data);
	for (j = 0; j < espnic_dev_counters(enet); j++)
		ethtool_puts(&data, espnic_dev_names[j]);
}

static void espnic_cmd_stats(struct espnic_dev *edev, u64 *data)
{
	const struct espnic_cmd *cmd = &edev->cmd;

#define ESPNIC_COPY_STAT(name, doc)	*data++ = READ_ONCE(cmd->name);
	ESPNIC_CMD_STATS(ESPNIC_COPY_STAT)
#define ESPNIC_COPY_ATOMIC(name, doc)	*data++ = atomic_read(&edev->name);
	ESPNIC_DEV_STATS(ESPNIC_COPY_ATOMIC)
}

static void espnic_dev_stats(struct espnic_net *enet, u64 *data)
{
	__le64 counters[ESPNIC_COUNTER_COUNT] = {};
	struct espnic_cmd_req req = {
		.opcode		= ESPNIC_OPCODE_GET_STATS,
		.resp		= counters,
		.resp_len	= sizeof(counters),
	};
	u32 i;

	/* A device that is gone or busy being reset counts nothing: zeroes. */
	if (espnic_cmd_exec(enet->edev, &req))
		memset(counters, 0, sizeof(counters));
	for (i = 0; i < espnic_dev_counters(enet); i++)
		data[i] = le64_to_cpu(counters[i]);
}

void espnic_get_ethtool_stats(struct net_device *netdev, struct ethtool_stats *stats, u64 *data)
{
	struct espnic_net *enet = netdev_priv(netdev);
	int i;

	for (i = 0; i < enet->edev->pairs; i++) {
		espnic_tx_snapshot(&enet->tx_stats[i], (struct espnic_tx_snapshot *)data);
		data += ARRAY_SIZE(espnic_tx_names);
		espnic_rx_snapshot(&enet->rx_stats[i], (struct espnic_rx_snapshot *)data);
		data += ARRAY_SIZE(espnic_rx_names);
	}
	espnic_cmd_stats(enet->edev, data);
	data += ARRAY_SIZE(espnic_cmd_names);
	espnic_ipsec_stats(enet, data);
	data += espnic_ipsec_stats_count(enet);
	espnic_dev_stats(enet, data);
}
