/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's own messages: IPsec's (acquire, expire, mapping) and the host's links and addresses. */
#ifndef ESPNIC_IKE_KERNEL_WATCH_H
#define ESPNIC_IKE_KERNEL_WATCH_H

#include "core/ike.h"
#include "kernel/parse.h"

struct mnl_socket;

enum espnic_watch_socket { ESPNIC_WATCH_XFRM, ESPNIC_WATCH_ROUTE, ESPNIC_WATCH_SOCKETS };

struct espnic_watch {
	struct mnl_socket *nl[ESPNIC_WATCH_SOCKETS];
	int fd[ESPNIC_WATCH_SOCKETS]; /* to poll() for reading */
};

/* 0, or -1 with @err (ESPNIC_XFRM_TEXT bytes) written. */
int espnic_watch_open(struct espnic_watch *w, char *err);
void espnic_watch_close(struct espnic_watch *w);
/*
 * Hand what there is of socket @which to @each. Returns false if messages were lost (the socket's buffer was full), so that what
 * they told has to be looked up.
 */
bool espnic_watch_read(struct espnic_watch *w, enum espnic_watch_socket which,
		       void (*each)(void *ctx, const struct espnic_kernel_event *e), void *ctx);

/*
 * How packets go to @remote: our address, the next hop (family 0: it is on the link) and the interface, by the kernel's
 * routes (from @local, if it has a family). False: there is no way.
 */
struct espnic_route {
	struct espnic_ike_addr local, via;
	uint32_t ifindex;
};
bool espnic_route(const struct espnic_ike_addr *remote, const struct espnic_ike_addr *local, struct espnic_route *out);
/* The interface that has @addr; 0: none. */
uint32_t espnic_owner(const struct espnic_ike_addr *addr);

#endif
