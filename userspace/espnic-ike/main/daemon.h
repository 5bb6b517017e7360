/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon: the process with the rights, whose loop is in daemon.c. What belongs to one concern is in a file of its own: ask.c
 * talks with the other process, control.c serves VICI, host.c follows the kernel's messages, load.c takes configuration. One thread.
 */
#ifndef ESPNIC_IKE_MAIN_DAEMON_H
#define ESPNIC_IKE_MAIN_DAEMON_H

#include <sys/types.h>

#include "ctl/server.h"
#include "kernel/watch.h"
#include "main/certs.h"
#include "main/creds.h"
#include "main/link.h"
#include "main/notify.h"
#include "main/rights.h"
#include "main/udp.h"
#include "main/vips.h"

#define ESPNIC_RUN_SOCKET "/run/espnic-ike.vici"

struct espnic_run_options {
	const char *config; /* a swanctl.conf; NULL: all comes by VICI */
	const char *socket;
	uint16_t port, natt;
	bool kernel; /* false: `--kernel none` */
	bool no_cookies; /* `--cookies never` */
	bool times; /* in the log */
	enum espnic_log_form form;
};

struct espnic_daemon {
	struct espnic_run_options opt;
	struct espnic_log log;
	struct espnic_log_limit log_limit;
	struct espnic_notify notify;
	struct espnic_xfrm xfrm; /* unused without a kernel */
	struct espnic_watch watch;
	struct espnic_store store;
	struct espnic_keys keys;
	struct espnic_certs certs;
	struct espnic_sas sas;
	struct espnic_standing standing;
	struct espnic_rights rights;
	struct espnic_vips vips;
	struct espnic_routes routes;
	struct espnic_link link;
	pid_t other; /* the process on the network */
	struct espnic_ctl ctl;
	struct espnic_ctl_server *server;
	struct espnic_waiter *waiters; /* clients that wait for an answer */
	uint32_t last_seq, last_reqid;
	uint64_t reorder_at; /* policies, espnic_daemon_now(); UINT64_MAX: they are in order */
	int signals;
	bool ppks; /* the core was told that there are some */
	bool end, failed; /* leave the loop; and not because we were asked to */
	uint8_t message[ESPNIC_IPC_MESSAGE], reply[ESPNIC_IPC_MESSAGE], request[ESPNIC_IPC_MESSAGE];
};

/* Milliseconds of the monotonic clock. */
uint64_t espnic_daemon_now(void);

/* ---- ask.c ---- */

/* Take messages of the other process while there are any; what it does wrong ends the daemon. */
void espnic_daemon_messages(struct espnic_daemon *d);
void espnic_daemon_input(struct espnic_daemon *d, const struct espnic_ike_input *in);
/* Load @conn there, in the place of its namesake; 0, or -1 with @err written. */
int espnic_daemon_load(struct espnic_daemon *d, const struct espnic_ike_conn *conn, struct espnic_conf_error *err);
void espnic_daemon_unload(struct espnic_daemon *d, const char *name);
/* Have the core take a certificate; @keyid is written. 0, or -1 with @err written. */
int espnic_daemon_cert(struct espnic_daemon *d, enum espnic_ike_cert_kind kind, const uint8_t *der, size_t len,
		       uint8_t keyid[ESPNIC_IKE_KEYID], struct espnic_conf_error *err);
/* Have it forget them all. */
void espnic_daemon_certs_clear(struct espnic_daemon *d);
/* Pools of the core's, as ctl's ops have them. */
int espnic_daemon_load_pool(void *ctx, const struct espnic_ike_pool_conf *pool, struct espnic_conf_error *err);
int espnic_daemon_unload_pool(void *ctx, const char *name, struct espnic_conf_error *err);
int espnic_daemon_pool_info(void *ctx, const char *name, struct espnic_ike_pool_info *info);
/* Have all SAs told; -1: the other process is gone. @each may be NULL. */
int espnic_daemon_look(struct espnic_daemon *d, espnic_ctl_each_sa *each, void *ctx, struct espnic_ike_counters *n);

/* ---- control.c ---- */

extern const struct espnic_ctl_ops espnic_daemon_ops;
/* Those who wait are told of @e. */
void espnic_daemon_event(void *ctx, const struct espnic_ike_event *e);
/* Answer those whose time is over; when the next one's is (UINT64_MAX: never). */
uint64_t espnic_daemon_waiters(struct espnic_daemon *d);
void espnic_daemon_initiate(struct espnic_daemon *d, const struct espnic_ike_conn *conn, const char *child);
void espnic_daemon_drop_waiters(struct espnic_daemon *d);

/* ---- host.c ---- */

void espnic_daemon_kernel_event(void *ctx, const struct espnic_kernel_event *e);
/* Messages of the kernel were lost: see what stands, and what has gone. */
void espnic_daemon_look_again(struct espnic_daemon *d);

/* ---- creds.c ---- */

/* What the folders beside the file of the configuration have; 0, or -1 with @err written, as all of these. */
int espnic_daemon_folders(struct espnic_daemon *d, struct espnic_conf_error *err);
/* The certificates and keys that a connection names, to the core, and their numbers into it. */
int espnic_daemon_conn_creds(struct espnic_daemon *d, struct espnic_store_conn *conn, struct espnic_conf_error *err);
int espnic_daemon_load_cert(void *ctx, enum espnic_ike_cert_kind kind, const uint8_t *p, size_t len, struct espnic_conf_error *err);
int espnic_daemon_load_key(void *ctx, const uint8_t *p, size_t len, char name[ESPNIC_KEY_NAME], struct espnic_conf_error *err);

/* As ctl's ops have them. */
int espnic_daemon_load_authority(void *ctx, const char *name, const uint8_t *p, size_t len, struct espnic_conf_error *err);
bool espnic_daemon_unload_authority(void *ctx, const char *name);
void espnic_daemon_tell_certs(void *ctx, espnic_ctl_each_cert *each, void *each_ctx);
/* All but those of authorities. */
void espnic_daemon_forget_certs(struct espnic_daemon *d);

/* ---- load.c ---- */

/* As ctl's ops have them. */
int espnic_daemon_take(void *ctx, struct espnic_store_conn *fresh, const struct espnic_store_conn *old, struct espnic_conf_error *err);
void espnic_daemon_loaded(void *ctx, const struct espnic_store_conn *conn);
void espnic_daemon_unloading(void *ctx, const struct espnic_store_conn *conn);
/* Read the file of the options, if there is one, in the place of what came of it before. 0, or -1 with @err written and nothing changed. */
int espnic_daemon_reload(void *ctx, struct espnic_conf_error *err);

/* ---- daemon.c ---- */

/* Run until a signal or a fault; the exit status. */
int espnic_daemon_run(const struct espnic_run_options *opt);

#endif
