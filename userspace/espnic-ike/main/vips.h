/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual addresses that peers gave this host (RFC 7296 2.19), and which connection has each. The process on the network names them, so what
 * it may name is checked here: addresses of connections with `vips` that a host may have; never one that it has by itself is taken away.
 * One thread.
 */
#ifndef ESPNIC_IKE_MAIN_VIPS_H
#define ESPNIC_IKE_MAIN_VIPS_H

#include "core/ike.h"

enum { ESPNIC_VIPS = 512 };

struct espnic_vip {
	char conn[ESPNIC_IKE_NAME];
	struct espnic_ike_addr addr;
	uint32_t ifindex; /* that it was given to; 0: the host had it, or there is no kernel */
	uint32_t users; /* IKE SAs */
};

struct espnic_vips {
	/* espnic_address_set(), or NULL: the host is left alone. */
	int (*set)(uint32_t ifindex, const struct espnic_ike_addr *addr, bool add);
	unsigned int n;
	struct espnic_vip v[ESPNIC_VIPS];
};

/* Does as @op says. NULL, or why not (constant, or of the system). */
const char *espnic_vips_set(struct espnic_vips *s, const struct espnic_ike_address_op *op);
bool espnic_vips_has(const struct espnic_vips *s, const char *conn, const struct espnic_ike_addr *addr);
/* Has @conn any? */
bool espnic_vips_any(const struct espnic_vips *s, const char *conn);
/* If the one of @conn has gone, as with its interface, it is given to @ifindex again. */
void espnic_vips_again(struct espnic_vips *s, const char *conn, const struct espnic_ike_addr *addr, uint32_t ifindex);
/* Takes all of them away from the host. */
void espnic_vips_end(struct espnic_vips *s);

#endif
