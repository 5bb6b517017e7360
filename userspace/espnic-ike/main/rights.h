/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process with the rights: it alone has long-term keys and the kernel, and does with them what the configuration allows,
 * whatever the process on the network asks for.
 */
#ifndef ESPNIC_IKE_MAIN_RIGHTS_H
#define ESPNIC_IKE_MAIN_RIGHTS_H

#include "ctl/store.h"
#include "kernel/xfrm.h"
#include "main/ipc.h"
#include "main/log.h"

struct espnic_rights {
	const struct espnic_store *store;
	const struct espnic_xfrm *xfrm; /* NULL: `kernel = none`, every operation is done by doing nothing */
	const struct espnic_log *log;
	/* The number of the device of that name, or (name "") of the one that has @addr; 0: there is none. */
	uint32_t (*device)(void *ctx, const char *name, const struct espnic_ike_addr *addr);
	void *ctx;
};

/*
 * Do what one message asks for. Returns the length of the answer in @reply (ESPNIC_IPC_MESSAGE bytes), 0: there is
 * none; -1: the message is malformed, and the other process not to be trusted with anything any more. Keys are wiped from
 * everything but @message and @reply.
 */
int espnic_rights_handle(const struct espnic_rights *r, const uint8_t *message, size_t len, uint8_t *reply);

#endif
