// SPDX-License-Identifier: BSD-2-Clause
/*
 * Policies, and how a PROTECT policy goes: DISCARD at once; gone when every TX queue
 * has passed the tail it had at that moment, so that a packet the host queued under the
 * policy is never steered without it.
 *
 * One mark of the TX tails serves a batch of deletions. Those that come while a batch is
 * waiting form the next one, whose mark is taken when the first is done: later than
 * needed, never earlier. A batch that takes longer than ESPNIC_FW_DRAIN_MS is answered
 * TIMEOUT; its policies stay, as DISCARD, and their ids stay taken, until another
 * POLICY_DEL for them succeeds or the device is reset.
 */
#include "internal.h"

enum {
	PROTO_ESP = 50,			/* IP protocol numbers */
	PROTO_AH = 51,
	SPI_MIN = 256,			/* RFC 4303 section 2.1: 1 to 255 are reserved */
};

#define OFF(field) ESPNIC_FW_OFF(espnic_cmd_policy_add, field)

static bool bad(struct espnic_fw_reply *r, uint32_t off)
{
	return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_FIELD, off);
}

static bool unsupported(struct espnic_fw_reply *r, uint32_t off)
{
	return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_UNSUPPORTED, off);
}

static bool check_id(struct espnic_fw *fw, uint32_t id, uint32_t off, struct espnic_fw_policy **p,
		     struct espnic_fw_reply *r)
{
	if (!id || id > fw->caps.policies)
		return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_HANDLE, off);
	*p = &fw->policy[id];
	return true;
}

static bool check_no_template(const struct espnic_cmd_policy_add *c, struct espnic_fw_reply *r)
{
	return espnic_fw_check_zero(&c->tmpl_mode, sizeof(c->tmpl_mode), OFF(tmpl_mode), r) &&
	       espnic_fw_check_zero(&c->tmpl_proto, sizeof(c->tmpl_proto), OFF(tmpl_proto), r) &&
	       espnic_fw_check_zero(&c->tmpl_reqid, sizeof(c->tmpl_reqid), OFF(tmpl_reqid), r) &&
	       espnic_fw_check_zero(&c->tmpl_spi, sizeof(c->tmpl_spi), OFF(tmpl_spi), r);
}

static bool check_no_tunnel(const struct espnic_cmd_policy_add *c, struct espnic_fw_reply *r)
{
	return espnic_fw_check_zero(&c->tmpl_family, sizeof(c->tmpl_family), OFF(tmpl_family), r) &&
	       espnic_fw_check_zero(c->tmpl_saddr, sizeof(c->tmpl_saddr), OFF(tmpl_saddr), r) &&
	       espnic_fw_check_zero(c->tmpl_daddr, sizeof(c->tmpl_daddr), OFF(tmpl_daddr), r);
}

static bool check_template(const struct espnic_fw *fw, const struct espnic_cmd_policy_add *c,
			   struct espnic_fw_reply *r)
{
	bool tunnel = c->tmpl_mode == ESPNIC_CMD_SA_MODE_TUNNEL;

	if (c->action != ESPNIC_CMD_POLICY_ACTION_PROTECT)
		return check_no_template(c, r) && check_no_tunnel(c, r);
	if (!tunnel && c->tmpl_mode != ESPNIC_CMD_SA_MODE_TRANSPORT)
		return bad(r, OFF(tmpl_mode));
	if (!(fw->caps.ipsec & (tunnel ? ESPNIC_CAP_IPSEC_TUNNEL : ESPNIC_CAP_IPSEC_TRANSPORT)))
		return unsupported(r, OFF(tmpl_mode));
	if (c->tmpl_proto == PROTO_AH)
		return unsupported(r, OFF(tmpl_proto));
	if (c->tmpl_proto != PROTO_ESP)
		return bad(r, OFF(tmpl_proto));
	if (c->tmpl_spi && c->tmpl_spi < SPI_MIN)
		return bad(r, OFF(tmpl_spi));
	if (!tunnel)
		return check_no_tunnel(c, r);
	if (c->tmpl_family != 4 && c->tmpl_family != 6)
		return bad(r, OFF(tmpl_family));
	return espnic_fw_check_addr(c->tmpl_family, c->tmpl_saddr, OFF(tmpl_saddr), r) &&
	       espnic_fw_check_addr(c->tmpl_family, c->tmpl_daddr, OFF(tmpl_daddr), r);
}

static bool check_add(const struct espnic_fw *fw, const struct espnic_cmd_policy_add *c,
		      struct espnic_hal_policy *p, struct espnic_fw_reply *r)
{
	if (c->dir < ESPNIC_CMD_POLICY_DIR_IN || c->dir > ESPNIC_CMD_POLICY_DIR_FWD)
		return bad(r, OFF(dir));
	if (c->dir == ESPNIC_CMD_POLICY_DIR_FWD && !(fw->caps.ipsec & ESPNIC_CAP_IPSEC_FWD))
		return unsupported(r, OFF(dir));
	if (c->action < ESPNIC_CMD_POLICY_ACTION_BYPASS || c->action > ESPNIC_CMD_POLICY_ACTION_PROTECT)
		return bad(r, OFF(action));
	if (c->action == ESPNIC_CMD_POLICY_ACTION_PROTECT &&
	    !(fw->caps.ipsec & ESPNIC_CAP_IPSEC_PACKET))
		return unsupported(r, OFF(action));
	return check_template(fw, c, r) &&
	       espnic_fw_check_selector(&c->sel, OFF(sel), &p->sel, r) &&
	       espnic_fw_check_zero(c->reserved0, sizeof(c->reserved0), OFF(reserved0), r) &&
	       espnic_fw_check_zero(c->reserved1, sizeof(c->reserved1), OFF(reserved1), r);
}

void espnic_fw_policy_add(struct espnic_fw *fw, struct espnic_fw_reply *r)
{
	const struct espnic_cmd_policy_add *c = &fw->entry.cmd.body.policy_add;
	struct espnic_hal_policy hal = { 0 };
	struct espnic_fw_policy *p;

	if (!check_id(fw, c->id, OFF(id), &p, r) || !check_add(fw, c, &hal, r))
		return;
	if (p->state != ESPNIC_FW_POLICY_FREE) {
		espnic_fw_refuse(r, ESPNIC_CMD_STATUS_EXISTS, OFF(id));
		return;
	}
	hal.id = c->id;
	hal.priority = c->priority;
	hal.dir = c->dir;
	hal.action = c->action;
	hal.tmpl_mode = c->tmpl_mode;
	hal.tmpl_proto = c->tmpl_proto;
	hal.tmpl_family = c->tmpl_family;
	hal.tmpl_reqid = c->tmpl_reqid;
	hal.tmpl_spi = c->tmpl_spi;
	memcpy(hal.tmpl_saddr, c->tmpl_saddr, sizeof(hal.tmpl_saddr));
	memcpy(hal.tmpl_daddr, c->tmpl_daddr, sizeof(hal.tmpl_daddr));
	r->status = (uint16_t)fw->hal->policy_add(fw->ctx, &hal);
	if (r->status != ESPNIC_CMD_STATUS_OK)
		return;
	p->state = c->action == ESPNIC_CMD_POLICY_ACTION_PROTECT ? ESPNIC_FW_POLICY_PROTECT
								 : ESPNIC_FW_POLICY_PLAIN;
	fw->policy_count++;
}
#undef OFF

/* Of POLICY_DEL and POLICY_QUERY: *@p the policy. */
static bool check_policy(struct espnic_fw *fw, struct espnic_fw_policy **p, struct espnic_fw_reply *r)
{
	const struct espnic_cmd_policy *c = &fw->entry.cmd.body.policy;

	if (!check_id(fw, c->id, ESPNIC_FW_OFF(espnic_cmd_policy, id), p, r) ||
	    !espnic_fw_check_zero(&c->reserved, sizeof(c->reserved),
				  ESPNIC_FW_OFF(espnic_cmd_policy, reserved), r))
		return false;
	if ((*p)->state == ESPNIC_FW_POLICY_FREE)
		return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_NOT_FOUND, 0);
	return true;
}

static void take_out(struct espnic_fw *fw, uint32_t id, struct espnic_fw_reply *r)
{
	r->status = (uint16_t)fw->hal->policy_del(fw->ctx, id);
	if (r->status != ESPNIC_CMD_STATUS_OK)
		return;
	fw->policy[id].state = ESPNIC_FW_POLICY_FREE;
	fw->policy_count--;
}

static void start_batch(struct espnic_fw *fw, uint64_t now)
{
	fw->hal->tx_mark(fw->ctx, &fw->mark);
	fw->drain_deadline_ms = now + ESPNIC_FW_DRAIN_MS;
}

void espnic_fw_policy_del(struct espnic_fw *fw, struct espnic_fw_reply *r)
{
	uint32_t id = fw->entry.cmd.body.policy.id;
	struct espnic_fw_policy *p;

	if (!check_policy(fw, &p, r))
		return;
	switch (p->state) {
	case ESPNIC_FW_POLICY_DRAIN_NOW:
	case ESPNIC_FW_POLICY_DRAIN_NEXT:
		espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BUSY, 0);
		return;
	case ESPNIC_FW_POLICY_PLAIN:
		take_out(fw, id, r);
		return;
	default:
		break;
	}
	r->status = (uint16_t)fw->hal->policy_discard(fw->ctx, id);
	if (r->status != ESPNIC_CMD_STATUS_OK)
		return;
	if (fw->draining_now) {
		p->state = ESPNIC_FW_POLICY_DRAIN_NEXT;
		fw->draining_next++;
	} else {
		start_batch(fw, fw->hal->now_ms(fw->ctx));
		if (fw->hal->tx_passed(fw->ctx, &fw->mark)) {
			take_out(fw, id, r);
			return;
		}
		p->state = ESPNIC_FW_POLICY_DRAIN_NOW;
		fw->draining_now = 1;
	}
	p->cmd_id = fw->entry.cmd.hdr.id;
	r->pending = true;
}

/* Answers everything in the running batch: removed, or (@passed false) left as DISCARD. */
static void end_batch(struct espnic_fw *fw, bool passed)
{
	fw->draining_now = 0;
	for (uint32_t id = 1; id <= fw->caps.policies; id++) {
		struct espnic_fw_policy *p = &fw->policy[id];
		struct espnic_fw_reply r = { 0 };

		if (p->state != ESPNIC_FW_POLICY_DRAIN_NOW)
			continue;
		p->state = ESPNIC_FW_POLICY_STUCK;
		if (passed)
			take_out(fw, id, &r);
		else
			espnic_fw_refuse(&r, ESPNIC_CMD_STATUS_TIMEOUT, 0);
		espnic_fw_complete(fw, p->cmd_id, ESPNIC_OPCODE_POLICY_DEL, &r);
		if (fw->state != ESPNIC_FW_RUNNING)
			return;
	}
}

static void next_batch(struct espnic_fw *fw, uint64_t now)
{
	fw->draining_now = fw->draining_next;
	fw->draining_next = 0;
	for (uint32_t id = 1; id <= fw->caps.policies; id++)
		if (fw->policy[id].state == ESPNIC_FW_POLICY_DRAIN_NEXT)
			fw->policy[id].state = ESPNIC_FW_POLICY_DRAIN_NOW;
	start_batch(fw, now);
}

void espnic_fw_drain_poll(struct espnic_fw *fw, uint64_t now)
{
	bool passed;

	if (!fw->draining_now)
		return;
	passed = fw->hal->tx_passed(fw->ctx, &fw->mark);
	if (!passed && now < fw->drain_deadline_ms)
		return;
	end_batch(fw, passed);
	if (fw->state == ESPNIC_FW_RUNNING && fw->draining_next)
		next_batch(fw, now);
}

void espnic_fw_policy_query(struct espnic_fw *fw, struct espnic_fw_reply *r)
{
	struct espnic_hal_policy_report hal = { 0 };
	struct espnic_policy_report rep = { 0 };
	struct espnic_fw_policy *p;

	if (!check_policy(fw, &p, r))
		return;
	r->status = (uint16_t)fw->hal->policy_query(fw->ctx, fw->entry.cmd.body.policy.id, &hal);
	if (r->status != ESPNIC_CMD_STATUS_OK)
		return;
	rep.packets = hal.packets;
	rep.bytes = hal.bytes;
	rep.no_sa = hal.no_sa;
	espnic_fw_respond(fw, r, &rep, sizeof(rep));
}

void espnic_fw_spd_commit(struct espnic_fw *fw, struct espnic_fw_reply *r)
{
	(void)r;
	fw->committed = true;
	fw->hal->status_set(fw->ctx, ESPNIC_STATUS_SPD_COMMITTED);
}
