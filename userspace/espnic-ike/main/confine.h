/* SPDX-License-Identifier: BSD-2-Clause */
/* What each of the two processes gives up before it does anything else. */
#ifndef ESPNIC_IKE_MAIN_CONFINE_H
#define ESPNIC_IKE_MAIN_CONFINE_H

#include "core/ike.h"

/*
 * The process on the network: user and group nobody, no capability, no new privileges, no core dumps, and a seccomp filter that knows
 * sockets it has, memory, time and random numbers: it can open nothing and start nothing. Whatever else is called kills it.
 * -1 with @err written.
 */
int espnic_confine_network(char err[ESPNIC_IKE_TEXT]);
/* The process with the rights: CAP_NET_ADMIN alone, no new privileges, no core dumps. The same. */
int espnic_confine_rights(char err[ESPNIC_IKE_TEXT]);

#endif
