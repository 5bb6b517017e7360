/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process with the rights: it alone has long-term keys and the kernel, and does with them what the configuration allows,
 * whatever the process on the network asks for.
 */
#ifndef ESPNIC_IKE_MAIN_RIGHTS_H
#define ESPNIC_IKE_MAIN_RIGHTS_H

#include "ctl/store.h"
#include "kernel/xfrm.h"
#include "main/creds.h"
#include "main/ipc.h"
#include "main/log.h"
#include "main/routes.h"
#include "main/sas.h"
#include "main/standing.h"
#include "main/vips.h"

struct espnic_rights {
	const struct espnic_store *store;
	const struct espnic_xfrm *xfrm; /* NULL: `kernel = none`, every operation is done by doing nothing */
	const struct espnic_log *log;
	const struct espnic_keys *keys; /* NULL: there are none */
	struct espnic_sas *sas;
	struct espnic_standing *standing;
	struct espnic_vips *vips;
	struct espnic_routes *routes;
	/* An event of the core's, which is logged already. */
	void (*event)(void *ctx, const struct espnic_ike_event *e);
	void *ctx;
};

/*
 * Do what @m asks for. Returns the length of the answer in @reply (ESPNIC_IPC_MESSAGE bytes), 0: there is none; -1: it is none of KERNEL, KEY,
 * ADDRESS and EVENT. @m is the caller's to wipe.
 */
int espnic_rights_handle(const struct espnic_rights *r, struct espnic_ipc *m, uint8_t *reply);
/* Take a child out of the kernel, as if it had been asked for. */
void espnic_rights_forget(const struct espnic_rights *r, struct espnic_sa *sa, bool policies);

#endif
