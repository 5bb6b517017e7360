/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Manual keying: a file that declares states and policies, in the language of conf/tree.h, and what
 * to do with it. The file's keys are in espnic-ike-manual(5); they mean what they mean in swanctl.conf(5)
 * where that has them.
 */
#ifndef ESPNIC_IKE_MANUAL_MANUAL_H
#define ESPNIC_IKE_MANUAL_MANUAL_H

#include <net/if.h>
#include <stdio.h>

#include "conf/tree.h"
#include "kernel/xfrm.h"

enum espnic_manual_limits {
	ESPNIC_MANUAL_OBJECTS = 65536, /* states, and policies, of one file */
	/* What a policy's block stands at: behind all others, which come first with smaller ones. */
	ESPNIC_MANUAL_BLOCK_PRIORITY = 0xfffffffe,
};

struct espnic_manual_state {
	const struct espnic_conf_node *node; /* its section */
	char device[IF_NAMESIZE]; /* of the offload; "": none */
	bool counter; /* its cipher numbers packets */
	bool weak;
	struct espnic_xfrm_sa sa;
};

struct espnic_manual_policy {
	const struct espnic_conf_node *node;
	char device[IF_NAMESIZE];
	bool block; /* not declared: stands under one that is, for when its device is down */
	bool block_when_down; /* declared: have one */
	struct espnic_xfrm_policy policy;
};

struct espnic_manual {
	struct espnic_conf *conf;
	struct espnic_manual_state *states;
	struct espnic_manual_policy *policies;
	unsigned int n_states, n_policies;
};

/*
 * Read and check the file: everything that can be known without a kernel. 0, or -1 with @err
 * written. Wiped and freed by espnic_manual_free(), also after a failure.
 */
int espnic_manual_load(const char *path, struct espnic_manual *m, struct espnic_conf_error *err);
/* The same of a tree; @m owns it from then on, whatever is returned. */
int espnic_manual_read(struct espnic_conf *conf, struct espnic_manual *m,
		       struct espnic_conf_error *err);
void espnic_manual_free(struct espnic_manual *m);

/* Linux's rules for offload, and RFC 4301's for what goes together (rules.c); as load() calls them. */
int espnic_manual_check(const struct espnic_manual *m, struct espnic_conf_error *err);

/* Find the devices: there, up, able. Numbers go into states and policies. 0, or -1 with @err written. */
int espnic_manual_devices(struct espnic_manual *m, struct espnic_conf_error *err);

enum espnic_manual_command {
	ESPNIC_MANUAL_APPLY, /* make the kernel have what the file says; what is so already is left alone */
	ESPNIC_MANUAL_DIFF, /* say what apply would do */
	ESPNIC_MANUAL_DELETE, /* take out of the kernel what the file names */
};

/*
 * Carry @command out over @x and write one line for each thing done (or to do) to @out: + added,
 * ~ changed, - deleted; no key in any. All of it is done, or none. Returns how many things differed; or
 * -1 with @text written (ESPNIC_XFRM_TEXT bytes).
 */
int espnic_manual_run(const struct espnic_manual *m, enum espnic_manual_command command,
		      const struct espnic_xfrm *x, FILE *out, char *text);

/*
 * In what @have differs from what was asked for in @want, as "reqid 1 -> 2, key": to @out, cut to @len. Keys
 * are compared in constant time and never written. True if in nothing.
 */
bool espnic_manual_same_sa(const struct espnic_xfrm_sa *want, const struct espnic_xfrm_sa *have,
			   char *out, size_t len);
bool espnic_manual_same_policy(const struct espnic_xfrm_policy *want,
			       const struct espnic_xfrm_policy *have, char *out, size_t len);

/* The program's part: espnic-ike manual COMMAND FILE. Returns its exit status. */
int espnic_manual_main(int argc, char **argv);

#endif
