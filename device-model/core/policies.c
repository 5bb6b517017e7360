// SPDX-License-Identifier: BSD-2-Clause
/* Policies: from the firmware's terms to those of the SPD, as core/tables.c does with SAs. */
#include <errno.h>
#include <string.h>

#include "core/internal.h"

uint32_t espnic_core_policy_add(void *ctx, const struct espnic_hal_policy *hp)
{
	static const uint8_t dir[] = {
		[ESPNIC_CMD_POLICY_DIR_IN] = ESPNIC_SPD_IN,
		[ESPNIC_CMD_POLICY_DIR_OUT] = ESPNIC_SPD_OUT,
		[ESPNIC_CMD_POLICY_DIR_FWD] = ESPNIC_SPD_FWD,
	};
	static const uint8_t action[] = {
		[ESPNIC_CMD_POLICY_ACTION_BYPASS] = ESPNIC_SPD_BYPASS,
		[ESPNIC_CMD_POLICY_ACTION_DISCARD] = ESPNIC_SPD_DISCARD,
		[ESPNIC_CMD_POLICY_ACTION_PROTECT] = ESPNIC_SPD_PROTECT,
	};
	struct espnic_core *core = ctx;
	struct espnic_steer *steer = &core->nic->steer;
	struct espnic_spd_policy p;
	int err;

	memset(&p, 0, sizeof(p));
	p.id = hp->id;
	p.priority = hp->priority;
	p.dir = dir[hp->dir];
	p.action = action[hp->action];
	espnic_core_selector(&p.sel, &hp->sel);
	if (p.action == ESPNIC_SPD_PROTECT) {
		p.tmpl.mode = (uint8_t)espnic_core_mode(hp->tmpl_mode);
		p.tmpl.ip_proto = hp->tmpl_proto;
		p.tmpl.family = hp->tmpl_family;
		p.tmpl.reqid = hp->tmpl_reqid;
		p.tmpl.spi = hp->tmpl_spi;
		memcpy(p.tmpl.saddr, hp->tmpl_saddr, sizeof(p.tmpl.saddr));
		memcpy(p.tmpl.daddr, hp->tmpl_daddr, sizeof(p.tmpl.daddr));
	}
	pthread_rwlock_wrlock(&steer->lock);
	err = espnic_spd_insert(steer->spd, &p);
	pthread_rwlock_unlock(&steer->lock);
	if (err)
		return err == -EEXIST ? ESPNIC_CMD_STATUS_EXISTS : ESPNIC_CMD_STATUS_NO_SPACE;
	espnic_core_forget_policy(core, hp->id);
	espnic_trace(core->nic, "policy_add", "id=%u dir=%u action=%u priority=%u", hp->id, hp->dir,
		     hp->action, hp->priority);
	return ESPNIC_CMD_STATUS_OK;
}

uint32_t espnic_core_policy_discard(void *ctx, uint32_t id)
{
	struct espnic_core *core = ctx;
	struct espnic_steer *steer = &core->nic->steer;
	struct espnic_spd_policy *p = espnic_spd_by_id(steer->spd, id);

	if (!p)
		return ESPNIC_CMD_STATUS_NOT_FOUND;
	pthread_rwlock_wrlock(&steer->lock);
	p->discard = true;
	pthread_rwlock_unlock(&steer->lock);
	return ESPNIC_CMD_STATUS_OK;
}

uint32_t espnic_core_policy_del(void *ctx, uint32_t id)
{
	struct espnic_core *core = ctx;
	struct espnic_steer *steer = &core->nic->steer;
	struct espnic_spd_policy *p = espnic_spd_by_id(steer->spd, id);

	if (!p)
		return ESPNIC_CMD_STATUS_NOT_FOUND;
	pthread_rwlock_wrlock(&steer->lock);
	espnic_spd_remove(steer->spd, p);
	pthread_rwlock_unlock(&steer->lock);
	espnic_core_forget_policy(core, id);
	espnic_trace(core->nic, "policy_del", "id=%u", id);
	return ESPNIC_CMD_STATUS_OK;
}

uint32_t espnic_core_policy_query(void *ctx, uint32_t id, struct espnic_hal_policy_report *r)
{
	struct espnic_core *core = ctx;
	struct espnic_spd_policy *p = espnic_spd_by_id(core->nic->steer.spd, id);

	if (!p)
		return ESPNIC_CMD_STATUS_NOT_FOUND;
	r->packets = atomic_load(&p->packets);
	r->bytes = atomic_load(&p->bytes);
	r->no_sa = atomic_load(&p->no_sa);
	return ESPNIC_CMD_STATUS_OK;
}
