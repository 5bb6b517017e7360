/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of VICI; each name is strongSwan's, and so is each reply. */
#ifndef ESPNIC_IKE_CTL_COMMANDS_H
#define ESPNIC_IKE_CTL_COMMANDS_H

#include "ctl/store.h"
#include "ctl/vici.h"
#include "kernel/child.h"
#include "main/creds.h"

/* What a client names; 0 and "": not by this. */
struct espnic_ctl_ask {
	char ike[ESPNIC_IKE_NAME], child[ESPNIC_IKE_NAME];
	uint32_t ike_id, child_id;
	bool force, reauth;
	int64_t timeout_ms; /* 0: wait for as long as it takes; below: do not wait */
};

/* A child with what the kernel and the process with the rights know of it beside the core. */
struct espnic_ctl_child {
	const struct espnic_ike_child_info *info;
	const char *device; /* NULL: none */
	enum espnic_ike_offload asked;
	const char *note; /* why it has less; NULL */
	const char *moved; /* what became of a change of addresses; NULL: there was none */
	bool lost; /* its device forgot it */
	bool counted; /* the kernel had both states: */
	struct espnic_child_count in, out;
};

/* @children: sa->n_children of them. */
typedef void espnic_ctl_each_sa(void *ctx, const struct espnic_ike_sa_info *sa, const struct espnic_ctl_child *children);

/* A policy that stands without an SA, as list-policies tells it. */
struct espnic_ctl_policy {
	const char *conn, *mode, *note;
	const struct espnic_ike_child_conf *conf;
	const struct espnic_ike_ts *local, *remote;
	enum espnic_ike_offload offload;
	bool stands;
};
typedef void espnic_ctl_each_policy(void *ctx, const struct espnic_ctl_policy *p);

/* One certificate, CRL or bare key that was loaded. */
struct espnic_ctl_cert {
	enum espnic_ike_cert_kind kind;
	const uint8_t *der;
	size_t len;
	bool has_key; /* its private key is loaded too */
	const char *authority; /* that brought it; NULL: none did */
	const char *subject; /* of a certificate, the issuer of a CRL; "" */
};
typedef void espnic_ctl_each_cert(void *ctx, const struct espnic_ctl_cert *c);

/*
 * What the daemon does for clients. Those that return an int: 0, or -1 with @err written. initiate and terminate answer later, by
 * espnic_ctl_done() with @ticket.
 */
struct espnic_ctl_ops {
	espnic_store_take *take;
	void (*loaded)(void *ctx, const struct espnic_store_conn *conn);
	void (*unloading)(void *ctx, const struct espnic_store_conn *conn);
	void (*initiate)(void *ctx, const struct espnic_ctl_ask *ask, uint64_t ticket);
	void (*terminate)(void *ctx, const struct espnic_ctl_ask *ask, uint64_t ticket);
	int (*rekey)(void *ctx, const struct espnic_ctl_ask *ask, unsigned int *n, struct espnic_conf_error *err);
	int (*install)(void *ctx, const struct espnic_ctl_ask *ask, struct espnic_conf_error *err);
	int (*uninstall)(void *ctx, const struct espnic_ctl_ask *ask, struct espnic_conf_error *err);
	int (*reload)(void *ctx, struct espnic_conf_error *err);
	/* @each NULL: the counters alone. -1: the other process is gone. */
	int (*look)(void *ctx, espnic_ctl_each_sa *each, void *each_ctx, struct espnic_ike_counters *n);
	void (*policies)(void *ctx, espnic_ctl_each_policy *each, void *each_ctx);
	/* PEM or DER; of a private key the name is written by which it is known from then on. */
	int (*load_cert)(void *ctx, enum espnic_ike_cert_kind kind, const uint8_t *p, size_t len, struct espnic_conf_error *err);
	int (*load_key)(void *ctx, const uint8_t *p, size_t len, char name[ESPNIC_KEY_NAME], struct espnic_conf_error *err);
	bool (*unload_key)(void *ctx, const char *name);
	bool (*key_name)(void *ctx, unsigned int i, char name[ESPNIC_KEY_NAME]); /* false: there are no more */
	void (*clear_creds)(void *ctx);
	int (*load_pool)(void *ctx, const struct espnic_ike_pool_conf *pool, struct espnic_conf_error *err);
	int (*unload_pool)(void *ctx, const char *name, struct espnic_conf_error *err);
	int (*pool_info)(void *ctx, const char *name, struct espnic_ike_pool_info *info); /* no error is written */
	/* A CA as @name, in the place of what @name had; PEM or DER. */
	int (*load_authority)(void *ctx, const char *name, const uint8_t *p, size_t len, struct espnic_conf_error *err);
	bool (*unload_authority)(void *ctx, const char *name);
	void (*certs)(void *ctx, espnic_ctl_each_cert *each, void *each_ctx);
};

struct espnic_ctl {
	struct espnic_store *store;
	uint64_t started; /* seconds since 1970 */
	const struct espnic_ctl_ops *ops; /* NULL: no daemon, what it would do is refused */
	void *ctx; /* of the ops */
	const struct espnic_vici_blobs *blobs; /* of the connection being loaded; NULL: none */
};

/* One request, and a way for the events that stream before its reply. */
struct espnic_ctl_call {
	struct espnic_ctl *ctl;
	const uint8_t *message;
	size_t len;
	/* Sends a finished event of that name to this client if it asked for it; the data is taken. */
	void (*event)(void *ctx, const char *name, struct espnic_vici_writer *w);
	/* The reply comes later, by espnic_ctl_done(): its ticket, never 0. */
	uint64_t (*later)(void *ctx);
	void *ctx;
};

/*
 * Carry out command @name (@name_len bytes) and write its reply to @out, begun as a packet. False: there is no such command.
 */
bool espnic_ctl_command(const struct espnic_ctl_call *call, const char *name, size_t name_len,
			struct espnic_vici_writer *out);
/* Is there an event of that name? */
bool espnic_ctl_event_known(const char *name, size_t name_len);

/* ---- for the files of commands ---- */

typedef void espnic_ctl_run(const struct espnic_ctl_call *call, struct espnic_vici_writer *out);
struct espnic_ctl_word {
	const char *name;
	espnic_ctl_run *run;
};
/* Those that act (control.c); one without a name is the last. */
extern const struct espnic_ctl_word espnic_ctl_control[];
/* Those of certificates and keys (creds.c), the same. */
extern const struct espnic_ctl_word espnic_ctl_creds[];

void espnic_ctl_success(struct espnic_vici_writer *out);
void espnic_ctl_failure(struct espnic_vici_writer *out, const char *why);
/* Success, or a failure for the reason in @err. */
void espnic_ctl_answer(struct espnic_vici_writer *out, int rc, const struct espnic_conf_error *err);
/* The value of key @name outside of all sections, as a text; false if it isn't there or is none. */
bool espnic_ctl_text_of(const struct espnic_ctl_call *call, const char *name, char *out, size_t room);
void espnic_ctl_put_ts(struct espnic_vici_writer *w, const char *name, const struct espnic_ike_ts *ts, unsigned int n);
/* Words that more than one reply has. */
extern const char *const espnic_ctl_offloads[];

#endif
