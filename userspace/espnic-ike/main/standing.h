/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Policies that stand without an SA: traps, shunts, and what IKE needs to pass an offloading device. Put in when connections are loaded,
 * and again when a device is back that forgot them. One thread.
 */
#ifndef ESPNIC_IKE_MAIN_STANDING_H
#define ESPNIC_IKE_MAIN_STANDING_H

#include "conf/conns.h"
#include "kernel/child.h"
#include "main/log.h"
#include "main/sas.h"

enum espnic_standing_limits {
	ESPNIC_STANDING_DEVICES = 32, /* that offload to packets */
	/* Numbers of requests (reqid) that are ours, in the upper 8 bits: what a daemon that died has left is known by them. */
	ESPNIC_REQID_OURS = 0x65,
	ESPNIC_REQID_SHIFT = 24,
	ESPNIC_REQID_FIXED = 0x65000000, /* of a child, whose trap has it too */
	ESPNIC_REQID_CORE = 0x65800000, /* the core counts up from here, */
	ESPNIC_REQID_CORES = 0x800000, /* so far: what comes behind is not ours */
};

/* One trap or shunt. */
struct espnic_trap {
	struct espnic_trap *next;
	char conn[ESPNIC_IKE_NAME];
	enum espnic_child_policy what; /* PROTECT: a trap */
	struct espnic_ike_child_conf conf; /* a copy */
	struct espnic_ike_endpoint local, remote;
	struct espnic_ike_ts ts_local[ESPNIC_IKE_TS], ts_remote[ESPNIC_IKE_TS]; /* without "dynamic" */
	enum espnic_ike_offload offload; /* what it was given */
	uint32_t ifindex;
	char note[ESPNIC_XFRM_TEXT]; /* why it does not stand, or with less; "" */
	bool stands;
};

struct espnic_standing {
	const struct espnic_xfrm *xfrm; /* NULL: there is no kernel */
	const struct espnic_log *log;
	const struct espnic_sas *sas; /* whose policies stay while they are up */
	uint16_t ports[2]; /* of IKE */
	/* espnic_device_of(), or a test's own. */
	uint32_t (*device_of)(const struct espnic_ike_child_conf *conf, const struct espnic_ike_addr *local,
			      const struct espnic_ike_addr *remote);
	struct espnic_trap *traps;
	uint32_t device[ESPNIC_STANDING_DEVICES]; /* that have the policies of kernel/bypass.h; 0: free */
};

/*
 * The interface of @conf's offload between @local and @remote: the one it names, else the one packets go out by. 0: there is none, or it
 * asks for no offload.
 */
uint32_t espnic_device_of(const struct espnic_ike_child_conf *conf, const struct espnic_ike_addr *local,
			  const struct espnic_ike_addr *remote);

/* See that IKE passes device @ifindex; 0, or -1 with @text (ESPNIC_XFRM_TEXT bytes) written. */
int espnic_standing_device(struct espnic_standing *s, uint32_t ifindex, char *text);
/* The device is down or gone, and Linux has taken its policies out. */
void espnic_standing_lost(struct espnic_standing *s, uint32_t ifindex);
/* A device is up: put in all that belongs there. */
void espnic_standing_again(struct espnic_standing *s);

/* Put a trap in for @conf of @conn. 0, or -1 with @err written (it is remembered, and tried again with its device). */
int espnic_standing_trap(struct espnic_standing *s, const struct espnic_ike_conn *conn, const struct espnic_ike_child_conf *conf,
			 char err[ESPNIC_XFRM_TEXT]);
int espnic_standing_shunt(struct espnic_standing *s, const char *conn, const struct espnic_conf_shunt *shunt,
			  char err[ESPNIC_XFRM_TEXT]);
/* The trap of a child, or shunt; NULL. */
struct espnic_trap *espnic_standing_find(const struct espnic_standing *s, const char *conn, const char *name);
/* The trap that has @reqid; NULL. */
const struct espnic_trap *espnic_standing_reqid(const struct espnic_standing *s, uint32_t reqid);
/* Put @t in (again), in the place of what stands there. */
int espnic_standing_put(struct espnic_standing *s, struct espnic_trap *t);
/* Take out those of @conn (@name NULL: all of them); how many there were. */
unsigned int espnic_standing_remove(struct espnic_standing *s, const char *conn, const char *name);
/* Take everything out. */
void espnic_standing_end(struct espnic_standing *s);

#endif
