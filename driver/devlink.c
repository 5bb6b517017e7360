// SPDX-License-Identifier: GPL-2.0-only
/* What devlink shows of the function. */
#include <linux/ctype.h>

#include "ipsec.h"

enum espnic_resource {
	ESPNIC_RESOURCE_SAS = 1,	/* 0 is devlink's */
	ESPNIC_RESOURCE_POLICIES,
};

/* Enough for the longest text of struct espnic_dev_info, ended with a zero. */
#define ESPNIC_INFO_TEXT	(sizeof_field(struct espnic_dev_info, fw_version) + 1)

/* A text of the device: not trusted to end, nor to be printable. */
static void espnic_info_text(char text[ESPNIC_INFO_TEXT], const u8 *from, size_t len)
{
	size_t i;

	for (i = 0; i < len && from[i]; i++)
		text[i] = isascii(from[i]) && isprint(from[i]) ? from[i] : '?';
	text[i] = 0;
}

static int espnic_info_get(struct devlink *devlink, struct devlink_info_req *req,
			   struct netlink_ext_ack *extack)
{
	struct espnic_dev *edev = devlink_priv(devlink);
	struct espnic_dev_info info = {};
	struct espnic_cmd_req cmd = {
		.opcode		= ESPNIC_OPCODE_GET_INFO,
		.resp		= &info,
		.resp_len	= sizeof(info),
	};
	const struct {
		const char *name;
		const u8 *from;
		size_t len;
	} versions[] = {
		{ DEVLINK_INFO_VERSION_GENERIC_FW, info.fw_version, sizeof(info.fw_version) },
		{ "engine", info.engine, sizeof(info.engine) },
		{ "core", info.core, sizeof(info.core) },
		{ "wire", info.wire, sizeof(info.wire) },
	};
	char text[ESPNIC_INFO_TEXT];
	int err, i;

	err = espnic_cmd_exec(edev, &cmd);
	if (err) {
		NL_SET_ERR_MSG(extack, "the device does not answer");
		return err;
	}
	espnic_info_text(text, info.serial, sizeof(info.serial));
	err = devlink_info_serial_number_put(req, text);
	for (i = 0; !err && i < ARRAY_SIZE(versions); i++) {
		espnic_info_text(text, versions[i].from, versions[i].len);
		err = devlink_info_version_running_put(req, versions[i].name, text);
	}
	return err;
}

static u64 espnic_sas_used(void *priv)
{
	struct espnic_dev *edev = priv;

	return atomic64_read(&edev->enet->ipsec->stats[ESPNIC_IPSEC_sas]);
}

static u64 espnic_policies_used(void *priv)
{
	struct espnic_dev *edev = priv;

	return atomic64_read(&edev->enet->ipsec->stats[ESPNIC_IPSEC_policies]);
}

/* A table of the device, of fixed size. Devlink instance lock. */
static int espnic_resource_register(struct espnic_dev *edev, const char *name, u64 size, u64 id,
				    devlink_resource_occ_get_t *used)
{
	struct devlink *devlink = priv_to_devlink(edev);
	struct devlink_resource_size_params params;
	int err;

	devlink_resource_size_params_init(&params, size, size, 1, DEVLINK_RESOURCE_UNIT_ENTRY);
	err = devl_resource_register(devlink, name, size, id, DEVLINK_RESOURCE_ID_PARENT_TOP,
				     &params);
	if (!err)
		devl_resource_occ_get_register(devlink, id, used, edev);
	return err;
}

int espnic_resources_register(struct espnic_dev *edev)
{
	struct devlink *devlink = priv_to_devlink(edev);
	int err;

	devl_lock(devlink);
	err = espnic_resource_register(edev, "SAs", edev->caps.sas, ESPNIC_RESOURCE_SAS,
				       espnic_sas_used);
	if (!err)
		err = espnic_resource_register(edev, "policies", edev->caps.policies,
					       ESPNIC_RESOURCE_POLICIES, espnic_policies_used);
	if (err)
		devl_resources_unregister(devlink);
	devl_unlock(devlink);
	return err;
}

void espnic_resources_unregister(struct espnic_dev *edev)
{
	struct devlink *devlink = priv_to_devlink(edev);

	devl_lock(devlink);
	devl_resource_occ_get_unregister(devlink, ESPNIC_RESOURCE_POLICIES);
	devl_resource_occ_get_unregister(devlink, ESPNIC_RESOURCE_SAS);
	devl_resources_unregister(devlink);
	devl_unlock(devlink);
}

const struct devlink_ops espnic_devlink_ops = {
	.info_get = espnic_info_get,
};
