/* SPDX-License-Identifier: BSD-2-Clause */
/* Ethernet headers, with up to two VLAN tags (IEEE 802.1Q, 802.1ad). */
#ifndef ESPNIC_NIC_ETHER_H
#define ESPNIC_NIC_ETHER_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/ip.h"
#include "espnic_regs.h"

enum espnic_ether {
	ESPNIC_ETHERTYPE_IPV4 = 0x0800,
	ESPNIC_ETHERTYPE_IPV6 = 0x86dd,
	ESPNIC_ETHERTYPE_VLAN = 0x8100,
	ESPNIC_ETHERTYPE_QINQ = 0x88a8,
	ESPNIC_ETHER_HLEN = 14,		/* bytes: two addresses and the type */
	ESPNIC_ETHER_TYPE_OFF = 12,	/* bytes */
	ESPNIC_VLAN_HLEN = 4,		/* bytes: one tag */
	ESPNIC_VLAN_TAGS_MAX = 2,	/* tags looked through; MAX_FRAME has room for as many */
	ESPNIC_ETHER_GROUP = 1,		/* bit in the first byte of a multicast address */
};

/*
 * Where the network header begins in the frame at @p of @len bytes, and its
 * EtherType in *@type. 0: the frame ends before.
 */
static inline uint32_t espnic_ether_l3(const uint8_t *p, uint32_t len, uint16_t *type)
{
	uint32_t off = ESPNIC_ETHER_HLEN;
	unsigned int tags;

	if (len < off)
		return 0;
	*type = espnic_get16(p + ESPNIC_ETHER_TYPE_OFF);
	for (tags = 0; tags < ESPNIC_VLAN_TAGS_MAX; tags++) {
		if (*type != ESPNIC_ETHERTYPE_VLAN && *type != ESPNIC_ETHERTYPE_QINQ)
			break;
		if (len < off + ESPNIC_VLAN_HLEN)
			return 0;
		*type = espnic_get16(p + off + ESPNIC_VLAN_HLEN - 2);
		off += ESPNIC_VLAN_HLEN;
	}
	return off;
}

static inline bool espnic_ether_is_ip(uint16_t type)
{
	return type == ESPNIC_ETHERTYPE_IPV4 || type == ESPNIC_ETHERTYPE_IPV6;
}

#endif
