// SPDX-License-Identifier: BSD-2-Clause
#include "nic_sa.h"

const uint8_t nic_key_byte = 0xc5;

static void put_addresses(uint8_t *saddr, uint8_t *daddr, bool v6)
{
	static const uint8_t net6[] = { 0x20, 0x01, 0x0d, 0xb8 };

	if (v6) {
		memcpy(saddr, net6, 4);
		memcpy(daddr, net6, 4);
		saddr[15] = 2;
		daddr[15] = 1;
	} else {
		memcpy(saddr, (const uint8_t[]){ 192, 0, 2, 2 }, 4);
		memcpy(daddr, (const uint8_t[]){ 192, 0, 2, 1 }, 4);
	}
}

struct espnic_cmd_sa_add nic_sa(uint8_t dir, uint8_t offload, uint8_t mode, bool v6)
{
	struct espnic_cmd_sa_add a = {
		.handle = dir == ESPNIC_CMD_SA_DIR_OUT ? NIC_HANDLE_OUT : NIC_HANDLE_IN,
		.spi = NIC_SPI,
		.reqid = NIC_REQID,
		.dir = dir,
		.offload = offload,
		.mode = mode,
		.proto = 50,
		.family = v6 ? 6 : 4,
		.enc_alg = ESPNIC_ENC_ALG_AES_GCM,
		.enc_key_len = NIC_KEY_LEN,
		.icv_len = 16,
		.salt_len = 4,
		.ttl = mode == ESPNIC_CMD_SA_MODE_TUNNEL ? 64 : 0,
		.replay_window = dir == ESPNIC_CMD_SA_DIR_IN ? 64 : 0,
		.limits = { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX },
	};

	memset(a.enc_key, nic_key_byte, NIC_KEY_LEN);
	memset(a.salt, nic_key_byte, 4);
	put_addresses(a.saddr, a.daddr, v6);
	if (mode == ESPNIC_CMD_SA_MODE_TUNNEL && dir == ESPNIC_CMD_SA_DIR_OUT) {
		a.flags |= ESPNIC_CMD_SA_ADD_L2;
		memcpy(a.dst_mac, nic_mac, 6);
		memcpy(a.src_mac, nic_peer, 6);
	}
	return a;
}

struct espnic_cmd_policy_add nic_policy(uint32_t id, uint8_t dir, uint8_t action, uint8_t mode,
					bool v6)
{
	struct espnic_cmd_policy_add p = {
		.id = id,
		.priority = 100,
		.dir = dir,
		.action = action,
		.sel = {
			.family = v6 ? 6 : 4,
			.src_plen = v6 ? 128 : 32,
			.dst_plen = v6 ? 128 : 32,
			.sport_max = 65535,
			.dport_max = 65535,
		},
	};

	put_addresses(p.sel.saddr, p.sel.daddr, v6);
	if (action == ESPNIC_CMD_POLICY_ACTION_PROTECT) {
		p.tmpl_mode = mode;
		p.tmpl_proto = 50;
		p.tmpl_reqid = NIC_REQID;
		if (mode == ESPNIC_CMD_SA_MODE_TUNNEL) {
			p.tmpl_family = v6 ? 6 : 4;
			put_addresses(p.tmpl_saddr, p.tmpl_daddr, v6);
		}
	}
	return p;
}

void nic_start(struct espnic_drv *d, const struct espnic_cmd_policy_add *pol, unsigned int n)
{
	assert_int_equal(espnic_drv_start(d, pol, n, 1, NIC_LOG2, nic_mac), 0);
}

int nic_sa_add_value(struct espnic_drv *d, const struct espnic_cmd_sa_add *a, uint64_t *value)
{
	struct espnic_cmd_cpl cpl = { 0 };
	int status = espnic_drv_cmd(d, ESPNIC_OPCODE_SA_ADD, a, sizeof(*a), NULL, 0, &cpl);

	if (value)
		*value = cpl.value;
	return status;
}

int nic_sa_add(struct espnic_drv *d, const struct espnic_cmd_sa_add *a)
{
	return nic_sa_add_value(d, a, NULL);
}

int nic_sa_del(struct espnic_drv *d, uint32_t handle)
{
	struct espnic_cmd_sa body = { .handle = handle };

	return espnic_drv_cmd(d, ESPNIC_OPCODE_SA_DEL, &body, sizeof(body), NULL, 0, NULL);
}

struct espnic_sa_report nic_sa_query(struct espnic_drv *d, uint32_t handle)
{
	struct espnic_cmd_sa body = { .handle = handle };
	struct espnic_sa_report r;

	assert_int_equal(
		espnic_drv_cmd(d, ESPNIC_OPCODE_SA_QUERY, &body, sizeof(body), &r, sizeof(r), NULL),
		0);
	return r;
}

uint32_t nic_build_esp(uint8_t *buf, struct nic_layout *at, uint32_t seq, uint32_t payload)
{
	struct nic_flow f = { .payload = payload, .sport = 3, .dport = 4 };
	uint32_t clear, esp, pad, i;

	*at = nic_build(buf, &f);
	clear = at->len - at->l4;
	memmove(buf + at->l4 + 16, buf + at->l4, clear);
	esp = at->l4;
	memset(buf + esp, 0, 16);
	buf[esp + 2] = NIC_SPI >> 8;
	buf[esp + 7] = (uint8_t)seq;
	buf[esp + 15] = (uint8_t)seq; /* the IV is the sequence number */
	i = esp + 16 + clear;
	pad = (4 - (clear + 2) % 4) % 4;
	for (uint32_t k = 1; k <= pad; k++)
		buf[i++] = (uint8_t)k;
	buf[i++] = (uint8_t)pad;
	buf[i++] = 17;
	memset(buf + i, 0, 16);
	i += 16;
	/* IP: length, protocol, checksum */
	buf[at->l3 + 2] = (uint8_t)((i - at->l3) >> 8);
	buf[at->l3 + 3] = (uint8_t)(i - at->l3);
	buf[at->l3 + 9] = 50;
	buf[at->l3 + 10] = buf[at->l3 + 11] = 0;
	pad = nic_csum(buf + at->l3, 20, 0);
	buf[at->l3 + 10] = (uint8_t)(pad >> 8);
	buf[at->l3 + 11] = (uint8_t)pad;
	at->len = i;
	return esp;
}
