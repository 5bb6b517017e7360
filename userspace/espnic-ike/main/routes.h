/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Routes for virtual addresses: what a child protects from one of them on leaves with it as its source, by the way to the peer. Nothing else does:
 * packets to the peer itself keep theirs. One thread.
 */
#ifndef ESPNIC_IKE_MAIN_ROUTES_H
#define ESPNIC_IKE_MAIN_ROUTES_H

#include "kernel/route.h"
#include "main/sas.h"
#include "main/vips.h"

enum { ESPNIC_ROUTES = 1024 };

struct espnic_routes {
	bool kernel;	/* false: the host is left alone */
	unsigned int n;
	struct {
		struct espnic_own_route route;
		uint32_t users;		/* selectors of children */
	} v[ESPNIC_ROUTES];
};

/*
 * Make the routes of @sa, which has been put in, or (@add false) take back those that no other child has. A virtual address that went with its
 * interface comes back first. NULL, or why one could not be had (constant, or of the system): the others are there.
 */
const char *espnic_routes_set(struct espnic_routes *s, struct espnic_vips *vips, const struct espnic_sa *sa, bool add);
/* Takes all of them out. */
void espnic_routes_end(struct espnic_routes *s);

#endif
