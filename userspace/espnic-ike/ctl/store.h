/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was loaded: connections, secrets and pools, from a file or by VICI. Belongs to the process that holds keys;
 * one thread.
 */
#ifndef ESPNIC_IKE_CTL_STORE_H
#define ESPNIC_IKE_CTL_STORE_H

#include "conf/conns.h"

enum espnic_store_limits {
	ESPNIC_STORE_CONNS = 65536,
	ESPNIC_STORE_PSKS = 65536,
	ESPNIC_STORE_POOLS = 4096,
	ESPNIC_STORE_PSK_ID = 256, /* bytes of the name that VICI gives a secret, its end included */
};

struct espnic_store_conn {
	struct espnic_conf *conf; /* owned: @c's strings are its */
	struct espnic_conf_conn c;
	bool of_file; /* not by VICI: goes when the file has it no more */
};

/* A pre-shared key, or a PPK. */
struct espnic_store_psk {
	char id[ESPNIC_STORE_PSK_ID]; /* "": without a name, so that it goes with clear alone */
	bool of_file; /* as a connection's */
	bool ppk; /* of RFC 8784 */
	unsigned int n_owners;
	struct espnic_ike_id owner[ESPNIC_CONNS_OWNERS];
	struct espnic_secret secret;
};

struct espnic_store_pool {
	bool of_file; /* as a connection's */
	struct espnic_ike_pool_conf conf;
};

struct espnic_store {
	struct espnic_store_pool *pools;
	unsigned int n_pools, room_pools;
	struct espnic_store_conn *conns;
	struct espnic_store_psk *psks;
	unsigned int n_conns, n_psks, room_conns, room_psks;
	unsigned int n_ppks; /* of the psks */
};

/*
 * Is asked, last, whether @fresh may come in the place of @old (NULL: there is none); may change what is in it. 0, or -1 with @err
 * written.
 */
typedef int espnic_store_take(void *ctx, struct espnic_store_conn *fresh, const struct espnic_store_conn *old,
			      struct espnic_conf_error *err);

/*
 * Take the connection that is the one section below @conf's root, in the place of the one of its name, if @take (may be NULL) agrees.
 * @conf is the store's from then on, or freed with an error. Returns it, or NULL with @err written.
 */
const struct espnic_store_conn *espnic_store_load_conn(struct espnic_store *s, struct espnic_conf *conf, espnic_store_take *take,
						       void *ctx, struct espnic_conf_error *err);
/* False: there is none of that name. */
bool espnic_store_unload_conn(struct espnic_store *s, const char *name);
const struct espnic_store_conn *espnic_store_find_conn(const struct espnic_store *s, const char *name);

/* Take a copy of @pool, in the place of its namesake. 0, or -1 with @err written. */
int espnic_store_load_pool(struct espnic_store *s, const struct espnic_store_pool *pool, struct espnic_conf_error *err);
bool espnic_store_unload_pool(struct espnic_store *s, const char *name);
const struct espnic_ike_pool_conf *espnic_store_find_pool(const struct espnic_store *s, const char *name);

/* Take a copy of @psk, in the place of the one of its id if that is not "". 0, or -1 with @err written. */
int espnic_store_load_psk(struct espnic_store *s, const struct espnic_store_psk *psk, struct espnic_conf_error *err);
bool espnic_store_unload_psk(struct espnic_store *s, const char *id);
void espnic_store_clear_psks(struct espnic_store *s);

/*
 * The secret between @local and @remote: of those whose owners both are, else one of them is, else
 * everybody is; the last loaded of the best. NULL if there is none.
 */
const struct espnic_secret *espnic_store_psk(const struct espnic_store *s, const struct espnic_ike_id *local,
					     const struct espnic_ike_id *remote);

/* The PPK of that PPK_ID: the last loaded one whose owner it is, else one that is everybody's. NULL if there is none. */
const struct espnic_secret *espnic_store_ppk(const struct espnic_store *s, const struct espnic_ike_id *id);

/* Wipes and frees everything; the store is empty and usable. */
void espnic_store_free(struct espnic_store *s);

#endif
