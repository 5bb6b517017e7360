/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sockets of IKE: UDP, without and with the non-ESP marker (RFC 7296 section 2.23, RFC 3948 section 2.2), IPv4 and IPv6.
 * Opened by the process with the rights, used by the other.
 */
#ifndef ESPNIC_IKE_MAIN_UDP_H
#define ESPNIC_IKE_MAIN_UDP_H

#include "core/ike.h"

enum { ESPNIC_UDP_SOCKETS = 4 };

struct espnic_udp {
	int fd[ESPNIC_UDP_SOCKETS]; /* 2 * NAT-T + IPv6; -1: this host has no such family */
	uint16_t port[2]; /* without, with marker */
};

/*
 * Open all on every address, with policies of their own by which their packets pass in clear whatever IPsec policies there are
 * (which needs CAP_NET_ADMIN; @bypass false: none). -1 with @err written.
 */
int espnic_udp_open(struct espnic_udp *u, uint16_t port, uint16_t natt, bool bypass, char err[ESPNIC_IKE_TEXT]);
void espnic_udp_close(struct espnic_udp *u);

/*
 * One datagram of socket @which to @buf (ESPNIC_IKE_DATAGRAM bytes and the marker), as input of the core. False: there is none now. A
 * keepalive, and what is too short for anything, gives an input of kind TIMER.
 */
bool espnic_udp_receive(const struct espnic_udp *u, int which, uint8_t *buf, size_t room, struct espnic_ike_input *in);
/* A SEND or KEEPALIVE. What the network refuses is lost, as any datagram may be. */
void espnic_udp_send(const struct espnic_udp *u, const struct espnic_ike_action *a);

#endif
