/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual addresses: asked for and given out in configuration payloads (RFC 7296 2.19, 3.15), one of each family for an IKE SA,
 * out of pools.
 */
#ifndef ESPNIC_IKE_VIP_H
#define ESPNIC_IKE_VIP_H

#include "sa.h"

/* ------------------------------------------------------------------ pool.c */

struct espnic_ike_lease {
	struct espnic_ike_node by_id, by_offset;
	struct espnic_ike_lease *prev, *next;	/* of those that are offline */
	struct espnic_ike_pool *pool;	/* owner */
	struct espnic_ike_id *id;	/* whose it is, or was last */
	uint64_t offset;
	bool online;			/* an SA has it */
};

struct espnic_ike_pool {
	struct espnic_ike_pool *next_pool;
	struct espnic_ike_pool_conf conf;
	struct espnic_ike_table by_id, by_offset;
	struct espnic_ike_lease *first, *last;	/* offline, the oldest first */
	uint64_t next;			/* offset that may be given out next */
	uint32_t online, leases;
};

struct espnic_ike_pool *espnic_ike_pool_find(const struct espnic_ike *ike, const char *name);
/* An address for @id, @wish if that is possible (family 0: none); until espnic_ike_lease_back(). NULL: no memory, or none is left. */
struct espnic_ike_lease *espnic_ike_lease_take(struct espnic_ike *ike, struct espnic_ike_pool *p, const struct espnic_ike_id *id,
					       const struct espnic_ike_addr *wish);
void espnic_ike_lease_back(struct espnic_ike_lease *l);
struct espnic_ike_addr espnic_ike_lease_addr(const struct espnic_ike_lease *l);
void espnic_ike_pools_free(struct espnic_ike *ike);

/* ------------------------------------------------------------------ vip.c */

/* Of an IKE SA: the one's own, which were asked for, or the peer's, which are leases. */
struct espnic_ike_vips {
	bool own;
	uint8_t n;
	struct espnic_ike_addr addr[ESPNIC_IKE_VIPS];
	struct espnic_ike_lease *lease[ESPNIC_IKE_VIPS];
};

struct espnic_ike_cp {
	uint8_t type;
	bool asked[ESPNIC_IKE_VIPS];	/* IPv4, IPv6 */
	struct espnic_ike_addr addr[ESPNIC_IKE_VIPS];	/* by family too; family 0: none is named */
	uint8_t n_dns;
	struct espnic_ike_addr dns[ESPNIC_IKE_DNS];
};

/* The body of a CP payload. False: malformed. Attributes that we do not know, and further ones of a kind, are not looked at. */
bool espnic_ike_cp_read(struct espnic_ike_cp *cp, struct espnic_ike_chunk body);
/* Initiator: CP(CFG_REQUEST), if the connection wants one. */
void espnic_ike_vip_ask(const struct espnic_ike_sa *sa, struct espnic_ike_wr *w);
/* Initiator: what CP(CFG_REPLY) gives goes to the host. False: nothing that was asked for, or no memory. */
bool espnic_ike_vip_take(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m);
/* Responder: leases for what @m asks for. 0, or the notify that says why there are none. */
uint16_t espnic_ike_vip_give(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m);
/* Responder: CP(CFG_REPLY), if there is something to tell. */
void espnic_ike_vip_answer(const struct espnic_ike_sa *sa, struct espnic_ike_wr *w);
/* All of them go back, or out of the host. */
void espnic_ike_vip_drop(struct espnic_ike_sa *sa);
/* What `dynamic` stands for in a child of @mode: on our side, or (@own false) the peer's. Returns how many. */
unsigned int espnic_ike_vip_nets(const struct espnic_ike_sa *sa, enum espnic_ike_mode mode, bool own,
				 struct espnic_ike_net net[ESPNIC_IKE_VIPS]);

#endif
