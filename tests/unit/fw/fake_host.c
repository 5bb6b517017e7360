// SPDX-License-Identifier: BSD-2-Clause
/* The host's side of the fake: capabilities, rings, lawful commands. */
#include "fake_hal.h"

#include <stdlib.h>
#include <string.h>

enum { SETTLE_MAX = 10000 };	/* passes: far more than any test needs */

void fake_init(struct fake *f)
{
	memset(f, 0, sizeof(*f));
	f->now = 1000;
	f->reg[ESPNIC_REG_CAP_QUEUES / 4] =
		FAKE_QUEUES << ESPNIC_CAP_QUEUES_PAIRS_SHIFT |
		ESPNIC_RING_LOG2_MIN << ESPNIC_CAP_QUEUES_LOG2_MIN_SHIFT |
		ESPNIC_RING_LOG2_MAX << ESPNIC_CAP_QUEUES_LOG2_MAX_SHIFT |
		(FAKE_QUEUES + 1) << ESPNIC_CAP_QUEUES_VECTORS_SHIFT |
		ESPNIC_MAX_TX_SEGS << ESPNIC_CAP_QUEUES_TX_SEGS_SHIFT;
	f->reg[ESPNIC_REG_CAP_MTU / 4] = ESPNIC_MAX_MTU;
	f->reg[ESPNIC_REG_CAP_OFFLOAD / 4] = ESPNIC_CAP_OFFLOAD_RSS | ESPNIC_CAP_OFFLOAD_MODERATION;
	f->reg[ESPNIC_REG_CAP_IPSEC / 4] =
		ESPNIC_CAP_IPSEC_CRYPTO | ESPNIC_CAP_IPSEC_PACKET | ESPNIC_CAP_IPSEC_TRANSPORT |
		ESPNIC_CAP_IPSEC_TUNNEL | ESPNIC_CAP_IPSEC_ESN | ESPNIC_CAP_IPSEC_UDP_ENCAP |
		ESPNIC_CAP_IPSEC_LIFETIME | ESPNIC_CAP_IPSEC_FWD | ESPNIC_CAP_IPSEC_DORMANT |
		ESPNIC_CAP_IPSEC_SEQ_LEASE | ESPNIC_CAP_IPSEC_SA_WINDOW | ESPNIC_CAP_IPSEC_REVIVE |
		ESPNIC_CAP_IPSEC_LAST_REPORT;
	f->reg[ESPNIC_REG_CAP_TRANSFORMS / 4] =
		ESPNIC_CAP_TRANSFORMS_AES_GCM_128 | ESPNIC_CAP_TRANSFORMS_AES_GCM_192 |
		ESPNIC_CAP_TRANSFORMS_AES_GCM_256 | ESPNIC_CAP_TRANSFORMS_AES_GMAC |
		ESPNIC_CAP_TRANSFORMS_AES_CCM | ESPNIC_CAP_TRANSFORMS_CHACHA20_POLY1305 |
		ESPNIC_CAP_TRANSFORMS_AES_CBC | ESPNIC_CAP_TRANSFORMS_AES_CTR |
		ESPNIC_CAP_TRANSFORMS_DES3_CBC | ESPNIC_CAP_TRANSFORMS_NULL |
		ESPNIC_CAP_TRANSFORMS_ICV_8 | ESPNIC_CAP_TRANSFORMS_ICV_12 |
		ESPNIC_CAP_TRANSFORMS_ICV_16 | ESPNIC_CAP_TRANSFORMS_HMAC_MD5_96 |
		ESPNIC_CAP_TRANSFORMS_HMAC_SHA1_96 | ESPNIC_CAP_TRANSFORMS_HMAC_SHA256_128 |
		ESPNIC_CAP_TRANSFORMS_HMAC_SHA384_192 | ESPNIC_CAP_TRANSFORMS_HMAC_SHA512_256 |
		ESPNIC_CAP_TRANSFORMS_AES_XCBC_96 | ESPNIC_CAP_TRANSFORMS_AES_CMAC_96;
	f->reg[ESPNIC_REG_CAP_SAS / 4] = FAKE_SAS;
	f->reg[ESPNIC_REG_CAP_POLICIES / 4] = FAKE_POLICIES;
	f->reg[ESPNIC_REG_CAP_REPLAY / 4] =
		ESPNIC_MIN_REPLAY_WINDOW << ESPNIC_CAP_REPLAY_MIN_SHIFT |
		ESPNIC_MAX_REPLAY_WINDOW << ESPNIC_CAP_REPLAY_MAX_SHIFT;
	f->reg[ESPNIC_REG_CAP_CMD / 4] =
		ESPNIC_CMD_LOG2_MIN << ESPNIC_CAP_CMD_CMD_MIN_SHIFT |
		ESPNIC_CMD_LOG2_MAX << ESPNIC_CAP_CMD_CMD_MAX_SHIFT |
		ESPNIC_EVQ_LOG2_MIN << ESPNIC_CAP_CMD_EVQ_MIN_SHIFT |
		(uint32_t)ESPNIC_EVQ_LOG2_MAX << ESPNIC_CAP_CMD_EVQ_MAX_SHIFT;
	f->reg[ESPNIC_REG_CAP_COUNTERS / 4] = ESPNIC_COUNTER_COUNT;
}

void fake_settle(struct fake *f, struct espnic_fw *fw)
{
	(void)f;
	for (int i = 0; i < SETTLE_MAX; i++)
		if (espnic_fw_poll(fw))
			return;
	abort();
}

void fake_start(struct fake *f, struct espnic_fw *fw)
{
	espnic_fw_init(fw, &fake_ops, f);
	fake_settle(f, fw);
}

static void set_addr(struct fake *f, uint32_t lo, uint64_t addr)
{
	f->reg[lo / 4] = (uint32_t)addr;
	f->reg[lo / 4 + 1] = (uint32_t)(addr >> 32);
}

void fake_rings(struct fake *f)
{
	set_addr(f, ESPNIC_REG_CMD_SQ_LO, FAKE_SQ);
	set_addr(f, ESPNIC_REG_CMD_CQ_LO, FAKE_CQ);
	set_addr(f, ESPNIC_REG_EVQ_LO, FAKE_EVQ);
	f->reg[ESPNIC_REG_CMD_CFG / 4] = FAKE_CMD_LOG2 << ESPNIC_CMD_CFG_CMD_LOG2_SHIFT |
					 FAKE_EVQ_LOG2 << ESPNIC_CMD_CFG_EVQ_LOG2_SHIFT;
	f->reg[ESPNIC_REG_CMD_ENABLE / 4] = ESPNIC_CMD_ENABLE_ENABLE;
}

void fake_boot(struct fake *f, struct espnic_fw *fw)
{
	fake_init(f);
	fake_start(f, fw);
	fake_rings(f);
	fake_settle(f, fw);
}

uint16_t fake_submit(struct fake *f, struct espnic_cmd_entry *e)
{
	uint32_t slot = f->sq_tail++ % (1u << FAKE_CMD_LOG2);

	e->hdr.id = ++f->next_id;
	memcpy(fake_mem(f, FAKE_SQ + slot * sizeof(*e)), e, sizeof(*e));
	f->reg[ESPNIC_REG_CMD_DOORBELL / 4] = f->sq_tail;
	return e->hdr.id;
}

bool fake_take(struct fake *f, struct espnic_cmd_cpl *c)
{
	uint32_t size = 1u << FAKE_CMD_LOG2;
	uint32_t want = f->cq_head & size ? 0 : ESPNIC_CMD_CPL_PHASE;

	memcpy(c, fake_mem(f, FAKE_CQ + f->cq_head % size * sizeof(*c)), sizeof(*c));
	if ((c->flags & ESPNIC_CMD_CPL_PHASE) != want)
		return false;
	f->cq_head++;
	return true;
}

struct espnic_cmd_cpl fake_run(struct fake *f, struct espnic_fw *fw, struct espnic_cmd_entry *e)
{
	uint16_t id = fake_submit(f, e);
	struct espnic_cmd_cpl c;

	fake_settle(f, fw);
	if (!fake_take(f, &c) || c.id != id || c.opcode != e->hdr.opcode)
		abort();
	return c;
}

bool fake_take_event(struct fake *f, struct espnic_event *e)
{
	uint32_t size = 1u << FAKE_EVQ_LOG2;
	uint32_t want = f->evq_head & size ? 0 : ESPNIC_EVENT_PHASE;

	memcpy(e, fake_mem(f, FAKE_EVQ + f->evq_head % size * sizeof(*e)), sizeof(*e));
	if ((e->flags & ESPNIC_EVENT_PHASE) != want)
		return false;
	f->reg[ESPNIC_REG_EVQ_HEAD / 4] = ++f->evq_head;
	return true;
}

static void any_selector(struct espnic_cmd_selector *s)
{
	memset(s, 0, sizeof(*s));
	s->sport_max = UINT16_MAX;
	s->dport_max = UINT16_MAX;
}

static uint16_t good_sa_add(struct espnic_cmd_sa_add *c)
{
	c->handle = 7 << 20 | 1;
	c->spi = 0x1000;
	c->reqid = 5;
	c->flags = ESPNIC_CMD_SA_ADD_ESN | ESPNIC_CMD_SA_ADD_ECN | ESPNIC_CMD_SA_ADD_L2 |
		   ESPNIC_CMD_SA_ADD_SELECTOR;
	c->dir = ESPNIC_CMD_SA_DIR_OUT;
	c->offload = ESPNIC_CMD_SA_OFFLOAD_PACKET;
	c->mode = ESPNIC_CMD_SA_MODE_TUNNEL;
	c->proto = 50;
	c->family = 4;
	c->enc_alg = ESPNIC_ENC_ALG_AES_GCM;
	c->enc_key_len = 16;
	c->icv_len = 16;
	c->salt_len = 4;
	c->ttl = 64;
	c->dscp = 46;
	c->df = ESPNIC_TUNNEL_DF_SET;
	c->mtu = 1500;
	memcpy(c->enc_key, "kEyKeYkEyKeY-123", 16);
	memcpy(c->salt, "sAlT", 4);
	memcpy(c->saddr, "\xc0\x00\x02\x01", 4);
	memcpy(c->daddr, "\xc0\x00\x02\x02", 4);
	any_selector(&c->sel);
	c->sel.family = 6;
	c->sel.src_plen = 64;
	c->sel.saddr[0] = 0x20;
	c->sel.proto = 17;
	c->sel.dport_min = 4000;
	c->sel.dport_max = 5000;
	c->seq = 100;
	c->limits = (struct espnic_sa_limits){ 1000, 2000, UINT64_MAX, UINT64_MAX };
	memcpy(c->dst_mac, "\x02\x00\x00\x00\x00\x02", 6);
	memcpy(c->src_mac, "\x02\x00\x00\x00\x00\x01", 6);
	return sizeof(*c);
}

static uint16_t good_sa_update(struct espnic_cmd_sa_update *c)
{
	c->handle = 7 << 20 | 1;
	c->flags = ESPNIC_CMD_SA_UPDATE_L2 | ESPNIC_CMD_SA_UPDATE_DYING | ESPNIC_CMD_SA_UPDATE_LIMITS;
	memcpy(c->dst_mac, "\x02\x00\x00\x00\x00\x03", 6);
	memcpy(c->src_mac, "\x02\x00\x00\x00\x00\x01", 6);
	c->limits = (struct espnic_sa_limits){ 1, 2, 3, 4 };
	return sizeof(*c);
}

static uint16_t good_policy_add(struct espnic_cmd_policy_add *c)
{
	c->id = 3;
	c->priority = 1000;
	c->dir = ESPNIC_CMD_POLICY_DIR_OUT;
	c->action = ESPNIC_CMD_POLICY_ACTION_PROTECT;
	c->tmpl_mode = ESPNIC_CMD_SA_MODE_TUNNEL;
	c->tmpl_proto = 50;
	c->tmpl_family = 4;
	c->tmpl_reqid = 5;
	c->tmpl_spi = 0x1000;
	memcpy(c->tmpl_saddr, "\xc0\x00\x02\x01", 4);
	memcpy(c->tmpl_daddr, "\xc0\x00\x02\x02", 4);
	any_selector(&c->sel);
	c->sel.family = 4;
	c->sel.dst_plen = 8;
	c->sel.daddr[0] = 10;
	return sizeof(*c);
}

static uint16_t good_queue_create(struct espnic_cmd_queue_create *c)
{
	c->queue = 2;
	c->tx_log2 = 8;
	c->rx_log2 = 6;
	c->vector = 3;
	c->tx_addr = 0x10000;
	c->tx_cpl_addr = 0x20000;
	c->rx_addr = 0x30000;
	c->rx_cpl_addr = 0x40000;
	c->ctrl_addr = 0x50080;
	return sizeof(*c);
}

static uint16_t good_rss_set(struct espnic_cmd_rss_set *c)
{
	memset(c->key, 0x6d, sizeof(c->key));
	for (uint32_t i = 0; i < sizeof(c->table); i++)
		c->table[i] = i % FAKE_QUEUES;
	c->flags = ESPNIC_CMD_RSS_SET_L3 | ESPNIC_CMD_RSS_SET_L4;
	return sizeof(*c);
}

static uint16_t good_port_set(struct espnic_cmd_port_set *c)
{
	c->flags = ESPNIC_CMD_PORT_SET_ENABLE;
	c->mtu = 1500;
	memcpy(c->mac, "\x02\x00\x00\x00\x00\x01", 6);
	return sizeof(*c);
}

void fake_good(struct espnic_cmd_entry *e, uint16_t opcode)
{
	memset(e, 0, sizeof(*e));
	e->hdr.opcode = opcode;
	e->hdr.resp_addr = FAKE_RESP;
	e->hdr.resp_len = 1024;
	switch (opcode) {
	case ESPNIC_OPCODE_QUEUE_CREATE:
		e->hdr.len = good_queue_create(FAKE_BODY(e, espnic_cmd_queue_create));
		break;
	case ESPNIC_OPCODE_QUEUE_DESTROY:
	case ESPNIC_OPCODE_QUEUE_STATS:
		FAKE_BODY(e, espnic_cmd_queue)->queue = 2;
		e->hdr.len = sizeof(struct espnic_cmd_queue);
		break;
	case ESPNIC_OPCODE_QUEUE_MODERATION:
		*FAKE_BODY(e, espnic_cmd_queue_moderation) =
			(struct espnic_cmd_queue_moderation){ 2, 10000, 16, 50, 32, 0 };
		e->hdr.len = sizeof(struct espnic_cmd_queue_moderation);
		break;
	case ESPNIC_OPCODE_PORT_SET:
		e->hdr.len = good_port_set(FAKE_BODY(e, espnic_cmd_port_set));
		break;
	case ESPNIC_OPCODE_RSS_SET:
		e->hdr.len = good_rss_set(FAKE_BODY(e, espnic_cmd_rss_set));
		break;
	case ESPNIC_OPCODE_SA_ADD:
		e->hdr.len = good_sa_add(FAKE_BODY(e, espnic_cmd_sa_add));
		break;
	case ESPNIC_OPCODE_SA_UPDATE:
		e->hdr.len = good_sa_update(FAKE_BODY(e, espnic_cmd_sa_update));
		break;
	case ESPNIC_OPCODE_SA_DEL:
	case ESPNIC_OPCODE_SA_QUERY:
	case ESPNIC_OPCODE_SA_WINDOW:
		FAKE_BODY(e, espnic_cmd_sa)->handle = 7 << 20 | 1;
		e->hdr.len = sizeof(struct espnic_cmd_sa);
		break;
	case ESPNIC_OPCODE_POLICY_ADD:
		e->hdr.len = good_policy_add(FAKE_BODY(e, espnic_cmd_policy_add));
		break;
	case ESPNIC_OPCODE_POLICY_DEL:
	case ESPNIC_OPCODE_POLICY_QUERY:
		FAKE_BODY(e, espnic_cmd_policy)->id = 3;
		e->hdr.len = sizeof(struct espnic_cmd_policy);
		break;
	default:
		break;
	}
}
