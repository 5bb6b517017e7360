// SPDX-License-Identifier: GPL-2.0-only
/* Receive side scaling: Toeplitz key and indirection table. */
#include "espnic.h"

void espnic_rss_init(struct espnic_net *enet)
{
	netdev_rss_key_fill(enet->rss_key, sizeof(enet->rss_key));
	espnic_rss_spread(enet, enet->params.pairs);
}

void espnic_rss_spread(struct espnic_net *enet, u8 pairs)
{
	int i;

	/* A table the user set stays: ethtool refuses fewer pairs than it names. */
	if (netif_is_rxfh_configured(enet->netdev))
		return;
	for (i = 0; i < ESPNIC_RSS_TABLE_LEN; i++)
		enet->rss_table[i] = ethtool_rxfh_indir_default(i, pairs);
}

int espnic_rss_set(struct espnic_net *enet)
{
	struct espnic_cmd_rss_set body = {
		.flags = cpu_to_le32(ESPNIC_CMD_RSS_SET_L3 | ESPNIC_CMD_RSS_SET_L4),
	};
	struct espnic_cmd_req req = {
		.opcode	= ESPNIC_OPCODE_RSS_SET,
		.body	= &body,
		.len	= sizeof(body),
	};

	if (!(enet->edev->caps.offload & ESPNIC_CAP_OFFLOAD_RSS))
		return 0;
	memcpy(body.key, enet->rss_key, sizeof(body.key));
	memcpy(body.table, enet->rss_table, sizeof(body.table));
	return espnic_cmd_exec(enet->edev, &req);
}
