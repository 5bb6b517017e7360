/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VICI on a unix socket, without a thread of its own: an epoll descriptor to wait for, and a call when it is
 * readable. Clients are root, or whom the daemon itself runs as; all others are turned away.
 */
#ifndef ESPNIC_IKE_CTL_SERVER_H
#define ESPNIC_IKE_CTL_SERVER_H

#include "ctl/commands.h"

enum espnic_ctl_limits {
	ESPNIC_CTL_CLIENTS = 32, /* at once; more are turned away */
	ESPNIC_CTL_BACKLOG = 8 * 1024 * 1024, /* bytes a client may leave unread before it is dropped */
};

struct espnic_ctl_server;

/*
 * Listen at @path, which is taken from a daemon that is gone, not from one that lives. @ctl must outlive
 * the server. NULL with @err written.
 */
struct espnic_ctl_server *espnic_ctl_listen(const char *path, struct espnic_ctl *ctl, struct espnic_conf_error *err);
/* Readable when there is work. */
int espnic_ctl_fd(const struct espnic_ctl_server *s);
/* Do what can be done without waiting. */
void espnic_ctl_work(struct espnic_ctl_server *s);
/*
 * Answer the request of @ticket; nothing happens if its client has gone. @w was begun as a reply; its data is taken.
 */
void espnic_ctl_done(struct espnic_ctl_server *s, uint64_t ticket, struct espnic_vici_writer *w);
/* Does anybody (@ticket 0), or the client of @ticket, listen to that event? */
bool espnic_ctl_heard(const struct espnic_ctl_server *s, uint64_t ticket, const char *name);
/* Send an event to those. @w was begun as one; its data is taken. */
void espnic_ctl_tell(struct espnic_ctl_server *s, uint64_t ticket, const char *name, struct espnic_vici_writer *w);
/* Close all, take the socket out of the file system. NULL is fine. */
void espnic_ctl_close(struct espnic_ctl_server *s);

#endif
