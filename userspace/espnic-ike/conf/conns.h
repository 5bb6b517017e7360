/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * swanctl.conf(5) as the protocol core's connections: connections, children and secrets. A key that
 * would change what is protected and can't be done is an error that says so; keys of strongSwan that
 * mean nothing for IKEv2 are taken and mean nothing.
 */
#ifndef ESPNIC_IKE_CONF_CONNS_H
#define ESPNIC_IKE_CONF_CONNS_H

#include "conf/tree.h"
#include "conf/value.h"
#include "core/ike.h"

enum espnic_conns_limits {
	ESPNIC_CONNS_MAX = 65536, /* connections, and secrets, of one configuration */
	ESPNIC_CONNS_FILES = 8, /* certificates, keys or CAs that one side names */
	ESPNIC_CONNS_OWNERS = 8, /* identities of one secret */
	ESPNIC_CONNS_FILE = 256, /* bytes of a file's name, with its NUL */
};

/* Names of files as they stand there. */
struct espnic_conf_files {
	unsigned int n;
	char name[ESPNIC_CONNS_FILES][ESPNIC_CONNS_FILE];
};

/* What belongs to one side beside struct espnic_ike_auth. */
struct espnic_conf_side {
	struct espnic_conf_files certs, pubkeys, cacerts;
};

/* A child that is a policy alone: packets of its selectors pass, or are dropped. */
struct espnic_conf_shunt {
	struct espnic_ike_child_conf conf;
	bool drop;
};

struct espnic_conf_conn {
	const struct espnic_conf_node *node;
	/* Of malloc(); its children too. Set to NULL by whoever takes it. */
	struct espnic_ike_conn *conn;
	struct espnic_conf_shunt *shunts;
	unsigned int n_shunts;
	struct espnic_conf_side local, remote;
};

struct espnic_conf_psk {
	const struct espnic_conf_node *node;
	bool ppk; /* of RFC 8784, and its owners are PPK_IDs */
	unsigned int n_owners; /* 0: of everybody */
	struct espnic_ike_id owner[ESPNIC_CONNS_OWNERS];
	struct espnic_secret secret;
};

/* What a private key's file is encrypted with. */
struct espnic_conf_passphrase {
	char file[ESPNIC_CONNS_FILE];
	char secret[ESPNIC_SECRET_BYTES + 1];
};

struct espnic_conf_conns {
	struct espnic_conf_conn *conns;
	struct espnic_ike_pool_conf *pools;
	struct espnic_conf_psk *psks;
	struct espnic_conf_passphrase *passphrases;
	unsigned int n_conns, n_psks, n_passphrases, n_pools;
};

/*
 * Read all of @root, which must outlive @out. 0, or -1 with @err written; espnic_conns_free() is due
 * after both.
 */
int espnic_conns_read(const struct espnic_conf_node *root, struct espnic_conf_conns *out,
		      struct espnic_conf_error *err);
/* Read one section of `connections`, or of `secrets` (a PSK or a PPK, by its name). The same. */
int espnic_conns_read_conn(const struct espnic_conf_node *node, struct espnic_conf_conn *out,
			   struct espnic_conf_error *err);
int espnic_conns_read_psk(const struct espnic_conf_node *node, struct espnic_conf_psk *out,
			  struct espnic_conf_error *err);
/* One section of `pools`. The same; nothing is to be freed. */
int espnic_conns_read_pool(const struct espnic_conf_node *node, struct espnic_ike_pool_conf *out, struct espnic_conf_error *err);
void espnic_conns_free_conn(struct espnic_conf_conn *c);
void espnic_conns_free(struct espnic_conf_conns *c);

/* ---- readers of values (ts.c), for tables ---- */

/* Traffic selectors, a list: 10.1.0.0/16[tcp/443], dynamic, ... -> struct espnic_conf_ts */
struct espnic_conf_ts {
	uint8_t n;
	struct espnic_ike_ts ts[ESPNIC_IKE_TS];
};
espnic_conf_reader espnic_conf_ts;
/* A prefix, without its first address and, of IPv4, its last one; or a range: 10.3.0.0/24, 10.3.0.5-10.3.0.9 -> struct espnic_ike_pool_conf */
espnic_conf_reader espnic_conf_pool_addrs;

/*
 * Call @each with every word of @node's list, which commas part; blanks around are taken off. Stops
 * and returns what it returned if that is not 0; an empty word, or one of more than 255 bytes, is an error.
 */
int espnic_conf_list(const struct espnic_conf_node *node,
		     int (*each)(const struct espnic_conf_node *node, const char *word, void *ctx,
				 struct espnic_conf_error *err),
		     void *ctx, struct espnic_conf_error *err);

#endif
