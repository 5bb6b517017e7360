/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process on the network: the protocol core between its sockets and the process with the rights. It has no capability, opens
 * nothing, and ends when the other does.
 */
#ifndef ESPNIC_IKE_MAIN_NET_H
#define ESPNIC_IKE_MAIN_NET_H

#include "main/udp.h"

/*
 * Run until the other end of @link (a SOCK_SEQPACKET) closes. @u is taken. Returns the exit status of the process:
 * 0, or 1 with a line on the standard error. @confined: give up all rights first (main/confine.h).
 */
int espnic_net_run(struct espnic_udp *u, int link, const struct espnic_ike_settings *set, bool confined);

#endif
