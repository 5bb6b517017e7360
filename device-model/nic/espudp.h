/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Outbound SAs of crypto offload that are encapsulated in UDP on other ports than 4500: what the
 * host's software sends for them (where Linux takes a packet back from offload) is host-made ESP as well.
 *
 * Locking: as sad.h.
 */
#ifndef ESPNIC_NIC_ESPUDP_H
#define ESPNIC_NIC_ESPUDP_H

#include "engine/sad.h"

struct espnic_espudp;

/* NULL without memory. */
struct espnic_espudp *espnic_espudp_new(void);
void espnic_espudp_free(struct espnic_espudp *t);

/* @e has come; nothing if it is none of these. 0 or -ENOMEM. */
int espnic_espudp_add(struct espnic_espudp *t, const struct espnic_sad_entry *e);
/* @e goes. */
void espnic_espudp_remove(struct espnic_espudp *t, const struct espnic_sad_entry *e);

/* Whether the UDP packet @flow that begins with @spi is of one of them. */
bool espnic_espudp_is(const struct espnic_espudp *t, const struct espnic_flow *flow, uint32_t spi);

#endif
