/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses of the host's interfaces. */
#ifndef ESPNIC_IKE_KERNEL_ADDRESS_H
#define ESPNIC_IKE_KERNEL_ADDRESS_H

#include "core/ike.h"

/*
 * Gives @addr, and no network around it, to interface @ifindex, or (@add false) takes it away. An IPv6 address is usable at once (no
 * duplicate address detection: nobody else on the link has it). 0, or -errno; needs CAP_NET_ADMIN.
 */
int espnic_address_set(uint32_t ifindex, const struct espnic_ike_addr *addr, bool add);
/* Take away those that a daemon before this one has left. 0, or -errno. */
int espnic_addresses_sweep(void);

#endif
