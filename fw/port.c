// SPDX-License-Identifier: BSD-2-Clause
/* The port as a whole: filter, MTU, RSS; who the device is, and its counters. */
#include "internal.h"

#define OFF(field) ESPNIC_FW_OFF(espnic_cmd_port_set, field)

void espnic_fw_port_set(struct espnic_fw *fw, struct espnic_fw_reply *r)
{
	const struct espnic_cmd_port_set *c = &fw->entry.cmd.body.port_set;
	struct espnic_hal_port port = {
		.enable = c->flags & ESPNIC_CMD_PORT_SET_ENABLE,
		.promisc = c->flags & ESPNIC_CMD_PORT_SET_PROMISC,
		.mtu = c->mtu,
	};

	if (c->flags & ~(ESPNIC_CMD_PORT_SET_ENABLE | ESPNIC_CMD_PORT_SET_PROMISC)) {
		espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_FIELD, OFF(flags));
		return;
	}
	if (c->mtu < ESPNIC_MIN_MTU || c->mtu > fw->caps.mtu) {
		espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_FIELD, OFF(mtu));
		return;
	}
	if (!espnic_fw_check_mac(c->mac, OFF(mac), r) ||
	    !espnic_fw_check_zero(&c->reserved, sizeof(c->reserved), OFF(reserved), r))
		return;
	memcpy(port.mac, c->mac, sizeof(port.mac));
	r->status = (uint16_t)fw->hal->port_set(fw->ctx, &port);
}
#undef OFF

#define OFF(field) ESPNIC_FW_OFF(espnic_cmd_rss_set, field)

void espnic_fw_rss_set(struct espnic_fw *fw, struct espnic_fw_reply *r)
{
	const struct espnic_cmd_rss_set *c = &fw->entry.cmd.body.rss_set;
	uint32_t pairs = (fw->caps.queues & ESPNIC_CAP_QUEUES_PAIRS) >> ESPNIC_CAP_QUEUES_PAIRS_SHIFT;
	struct espnic_hal_rss rss = {
		.l3 = c->flags & ESPNIC_CMD_RSS_SET_L3,
		.l4 = c->flags & ESPNIC_CMD_RSS_SET_L4,
	};

	for (uint32_t i = 0; i < ESPNIC_RSS_TABLE_LEN; i++) {
		if (c->table[i] >= pairs) {
			espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_FIELD, OFF(table) + i);
			return;
		}
	}
	if (c->flags & ~(ESPNIC_CMD_RSS_SET_L3 | ESPNIC_CMD_RSS_SET_L4)) {
		espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_FIELD, OFF(flags));
		return;
	}
	if (c->flags && !(fw->caps.offload & ESPNIC_CAP_OFFLOAD_RSS)) {
		espnic_fw_refuse(r, ESPNIC_CMD_STATUS_UNSUPPORTED, OFF(flags));
		return;
	}
	if (!espnic_fw_check_zero(c->reserved, sizeof(c->reserved), OFF(reserved), r))
		return;
	memcpy(rss.key, c->key, sizeof(rss.key));
	memcpy(rss.table, c->table, sizeof(rss.table));
	r->status = (uint16_t)fw->hal->rss_set(fw->ctx, &rss);
}
#undef OFF

void espnic_fw_get_info(struct espnic_fw *fw, struct espnic_fw_reply *r)
{
	struct espnic_dev_info info = {
		.fw_version = ESPNIC_FW_VERSION_TEXT,
		.uptime_ms = fw->hal->now_ms(fw->ctx) - fw->started_ms,
		.sas = fw->sa_count,
		.policies = fw->policy_count,
	};
	struct espnic_hal_info hal = { 0 };

	fw->hal->info(fw->ctx, &hal);
	memcpy(info.engine, hal.engine, sizeof(info.engine));
	memcpy(info.core, hal.core, sizeof(info.core));
	memcpy(info.wire, hal.wire, sizeof(info.wire));
	memcpy(info.serial, hal.serial, sizeof(info.serial));
	espnic_fw_respond(fw, r, &info, sizeof(info));
}

void espnic_fw_get_stats(struct espnic_fw *fw, struct espnic_fw_reply *r)
{
	uint64_t v[ESPNIC_COUNTER_COUNT] = { 0 };

	fw->hal->counters(fw->ctx, v);
	espnic_fw_respond(fw, r, v, fw->caps.counters * (uint32_t)sizeof(v[0]));
}
