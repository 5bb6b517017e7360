// SPDX-License-Identifier: GPL-2.0-only
/*
 * devlink health: the reporter "device" is told of each failure that takes a reset (firmware dead,
 * fatal error, command not answered, impossible answer, device gone), and resets.
 *
 * Lock order: devlink instance lock, then RTNL. So a failure found under RTNL is only noted
 * (espnic_request_reset()); the service task reports it, without RTNL.
 */
#include <linux/rtnetlink.h>

#include "espnic.h"

#define ESPNIC_FATAL_NAME(id, name, doc)	[id] = #name,

static const char * const espnic_fatal_names[] = {
	ESPNIC_FATAL_LIST(ESPNIC_FATAL_NAME)
};

static const struct espnic_status_bit {
	const char *name;
	u32 bit;
} espnic_status_bits[] = {
	{ "ready", ESPNIC_STATUS_READY },
	{ "resetting", ESPNIC_STATUS_RESETTING },
	{ "fatal", ESPNIC_STATUS_FATAL },
	{ "link_up", ESPNIC_STATUS_LINK_UP },
	{ "fw_alive", ESPNIC_STATUS_FW_ALIVE },
	{ "spd_committed", ESPNIC_STATUS_SPD_COMMITTED },
	{ "cmd_enabled", ESPNIC_STATUS_CMD_ENABLED },
};

static const char *espnic_reason(struct espnic_dev *edev)
{
	return READ_ONCE(edev->reset_reason) ?: "none";
}

/*
 * @priv_ctx: NULL when the user asks; of a report, the device: then a reset may have come in
 * between, and there is nothing left to do.
 */
static int espnic_health_recover(struct devlink_health_reporter *reporter, void *priv_ctx,
				 struct netlink_ext_ack *extack)
{
	struct espnic_dev *edev = devlink_health_reporter_priv(reporter);
	int err = 0;

	rtnl_lock();
	if (espnic_gone(edev)) {
		NL_SET_ERR_MSG(extack, "the device is gone: remove it and scan the bus again");
		err = -ENODEV;
	} else if (test_bit(ESPNIC_DEV_FROZEN, &edev->flags)) {
		NL_SET_ERR_MSG(extack, "the PCI core is resetting the device");
		err = -EBUSY;
	} else if (!priv_ctx || test_bit(ESPNIC_DEV_RESET_WANTED, &edev->flags)) {
		err = espnic_reset(edev);
		if (err)
			NL_SET_ERR_MSG(extack, "the reset failed");
	}
	rtnl_unlock();
	return err;
}

static void espnic_health_cmd(struct espnic_dev *edev, struct devlink_fmsg *fmsg)
{
	struct espnic_cmd_state cmd;

	espnic_cmd_get_state(edev, &cmd);
	devlink_fmsg_pair_nest_start(fmsg, "commands");
	devlink_fmsg_obj_nest_start(fmsg);
	devlink_fmsg_bool_pair_put(fmsg, "up", cmd.up);
	devlink_fmsg_u32_pair_put(fmsg, "tail", cmd.tail);
	devlink_fmsg_u32_pair_put(fmsg, "completed", cmd.cpl_head);
	devlink_fmsg_u32_pair_put(fmsg, "unanswered", cmd.busy);
	if (cmd.busy)
		devlink_fmsg_u32_pair_put(fmsg, "oldest_opcode", cmd.oldest_opcode);
	devlink_fmsg_u32_pair_put(fmsg, "posted", cmd.posted);
	devlink_fmsg_obj_nest_end(fmsg);
	devlink_fmsg_pair_nest_end(fmsg);
}

static void espnic_health_queues(struct espnic_dev *edev, struct devlink_fmsg *fmsg)
{
	struct espnic_queue_set *set = edev->enet->set;
	int i;

	devlink_fmsg_arr_pair_nest_start(fmsg, "queues");
	for (i = 0; set && i < set->params.pairs; i++) {
		const struct espnic_queue *queue = set->queues[i];

		devlink_fmsg_obj_nest_start(fmsg);
		devlink_fmsg_u32_pair_put(fmsg, "index", i);
		devlink_fmsg_bool_pair_put(fmsg, "created", queue->created);
		devlink_fmsg_bool_pair_put(fmsg, "broken", queue->broken);
		devlink_fmsg_u32_pair_put(fmsg, "tx_tail", READ_ONCE(queue->tx.tail));
		devlink_fmsg_u32_pair_put(fmsg, "tx_head", READ_ONCE(queue->tx.head));
		devlink_fmsg_u32_pair_put(fmsg, "rx_tail", READ_ONCE(queue->rx.tail));
		devlink_fmsg_u32_pair_put(fmsg, "rx_head", READ_ONCE(queue->rx.head));
		devlink_fmsg_obj_nest_end(fmsg);
	}
	devlink_fmsg_arr_pair_nest_end(fmsg);
}

/* What needs no answer of the device, and holds no key. */
static int espnic_health_dump(struct devlink_health_reporter *reporter, struct devlink_fmsg *fmsg,
			      void *priv_ctx, struct netlink_ext_ack *extack)
{
	struct espnic_dev *edev = devlink_health_reporter_priv(reporter);
	int i;

	devlink_fmsg_string_pair_put(fmsg, "reason", espnic_reason(edev));
	espnic_health_cmd(edev, fmsg);
	rtnl_lock();
	espnic_health_queues(edev, fmsg);
	rtnl_unlock();
	devlink_fmsg_pair_nest_start(fmsg, "registers");
	devlink_fmsg_obj_nest_start(fmsg);
	for (i = 0; i < espnic_regs_count; i++) {
		const struct espnic_reg *reg = &espnic_regs[i];

		if (espnic_reg_readable(reg) && reg->count == 1)
			devlink_fmsg_u32_pair_put(fmsg, reg->name,
						  espnic_read(edev, reg->offset));
	}
	devlink_fmsg_obj_nest_end(fmsg);
	devlink_fmsg_pair_nest_end(fmsg);
	return 0;
}

static const char *espnic_health_state(const struct espnic_dev *edev)
{
	if (espnic_gone(edev))
		return "gone";
	if (test_bit(ESPNIC_DEV_RESETTING, &edev->flags))
		return "resetting";
	if (test_bit(ESPNIC_DEV_RESET_WANTED, &edev->flags))
		return "failed";
	return "running";
}

static int espnic_health_diagnose(struct devlink_health_reporter *reporter,
				  struct devlink_fmsg *fmsg, struct netlink_ext_ack *extack)
{
	struct espnic_dev *edev = devlink_health_reporter_priv(reporter);
	u32 status = espnic_read(edev, ESPNIC_REG_STATUS);
	u32 fatal = espnic_read(edev, ESPNIC_REG_FATAL_CODE);
	int i;

	devlink_fmsg_string_pair_put(fmsg, "state", espnic_health_state(edev));
	devlink_fmsg_string_pair_put(fmsg, "last_reason", espnic_reason(edev));
	devlink_fmsg_u32_pair_put(fmsg, "resets", atomic_read(&edev->resets));
	if (espnic_gone(edev))
		return 0;
	for (i = 0; i < ARRAY_SIZE(espnic_status_bits); i++)
		devlink_fmsg_bool_pair_put(fmsg, espnic_status_bits[i].name,
					   status & espnic_status_bits[i].bit);
	devlink_fmsg_string_pair_put(fmsg, "fatal_code", fatal < ARRAY_SIZE(espnic_fatal_names) ?
				     espnic_fatal_names[fatal] : "unknown");
	devlink_fmsg_u32_pair_put(fmsg, "heartbeat", espnic_read(edev, ESPNIC_REG_FW_HEARTBEAT));
	devlink_fmsg_u32_pair_put(fmsg, "heartbeat_misses", READ_ONCE(edev->heartbeat_misses));
	return 0;
}

static const struct devlink_health_reporter_ops espnic_health_ops = {
	.name		= "device",
	.recover	= espnic_health_recover,
	.dump		= espnic_health_dump,
	.diagnose	= espnic_health_diagnose,
};

int espnic_health_init(struct espnic_dev *edev)
{
	edev->reporter = espnic_reporter_create(priv_to_devlink(edev), &espnic_health_ops, edev);
	if (IS_ERR(edev->reporter)) {
		int err = PTR_ERR(edev->reporter);

		edev->reporter = NULL;
		return err;
	}
	return 0;
}

void espnic_health_cleanup(struct espnic_dev *edev)
{
	devlink_health_reporter_destroy(edev->reporter);
	edev->reporter = NULL;
}

void espnic_health_report(struct espnic_dev *edev)
{
	if (!test_and_set_bit(ESPNIC_DEV_REPORTED, &edev->flags))
		devlink_health_report(edev->reporter, espnic_reason(edev), edev);
}

void espnic_health_good(struct espnic_dev *edev)
{
	if (edev->reporter)
		devlink_health_reporter_state_update(edev->reporter,
						     DEVLINK_HEALTH_REPORTER_STATE_HEALTHY);
}
