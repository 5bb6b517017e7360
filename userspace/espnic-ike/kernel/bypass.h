/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What passes a device in clear however wide the policies are that protect the rest: IKE, and IPv6 neighbour discovery. A device of
 * packet offload knows no sockets, so that policies of sockets do not reach it: these stand in it, before all others.
 */
#ifndef ESPNIC_IKE_KERNEL_BYPASS_H
#define ESPNIC_IKE_KERNEL_BYPASS_H

#include "kernel/xfrm.h"

enum { ESPNIC_BYPASS_PRIORITY = 32 }; /* before any child's */

/*
 * Put the policies of device @ifindex in, all or none (@on), or take them out. @ports: of IKE, without and with NAT-T. 0, or -errno with @text
 * (ESPNIC_XFRM_TEXT bytes) written.
 */
int espnic_bypass(const struct espnic_xfrm *x, uint32_t ifindex, const uint16_t ports[2], bool on, char *text);

#endif
