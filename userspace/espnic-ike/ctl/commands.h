/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of VICI that are answered here; each name is strongSwan's, and so is each reply. */
#ifndef ESPNIC_IKE_CTL_COMMANDS_H
#define ESPNIC_IKE_CTL_COMMANDS_H

#include "ctl/store.h"
#include "ctl/vici.h"

struct espnic_ctl {
	struct espnic_store *store;
	uint64_t started; /* seconds since 1970 */
	/* For what the store does not know; NULL: there are no IKE SAs. */
	const struct espnic_ike *ike;
};

/* One request, and a way for the events that stream before its reply. */
struct espnic_ctl_call {
	struct espnic_ctl *ctl;
	const uint8_t *message;
	size_t len;
	/* Sends a finished event of that name to this client if it asked for it; the data is taken. */
	void (*event)(void *ctx, const char *name, struct espnic_vici_writer *w);
	void *ctx;
};

/*
 * Carry out command @name (@name_len bytes) and write its reply to @out, begun as a packet. False: there is no such command.
 */
bool espnic_ctl_command(const struct espnic_ctl_call *call, const char *name, size_t name_len,
			struct espnic_vici_writer *out);
/* Is there an event of that name? */
bool espnic_ctl_event_known(const char *name, size_t name_len);

#endif
