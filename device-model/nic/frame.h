/* SPDX-License-Identifier: BSD-2-Clause */
/* What steering needs of Ethernet: is there IP in the frame, and the header that goes with it. */
#ifndef ESPNIC_NIC_FRAME_H
#define ESPNIC_NIC_FRAME_H

#include "engine/engine.h"
#include "nic/ether.h"

enum espnic_frame_sizes {
	/* bytes of the longest L2 header there is: two VLAN tags */
	ESPNIC_L2_MAX = ESPNIC_ETHER_HLEN + ESPNIC_VLAN_TAGS_MAX * ESPNIC_VLAN_HLEN,
};

enum espnic_l3_kind {
	ESPNIC_L3_OTHER,	/* not IP */
	ESPNIC_L3_IP,		/* its EtherType says IP, and the version behind it agrees */
	/*
	 * cannot be judged: version and EtherType disagree, or more VLAN tags than are looked
	 * through
	 */
	ESPNIC_L3_BAD,
	ESPNIC_L3_SHORT,	/* ends within its L2 header */
};

/*
 * What stands in the frame at @p of @len bytes; *@off is where its L3 header begins
 * (at most ESPNIC_L2_MAX; not set for SHORT). An IP header is not looked at beyond
 * its version: engine/ip.h does that.
 */
enum espnic_l3_kind espnic_frame_l3(const uint8_t *p, uint32_t len, uint32_t *off);

/*
 * Writes the L2 header @l2 of @len bytes (as espnic_frame_l3() found its end) in front of the IP
 * packet at @ip; its last EtherType becomes that of the packet's version.
 */
void espnic_frame_put_l2(uint8_t *ip, const uint8_t *l2, uint32_t len);

/* Overwrites the addresses of the frame at @p. */
void espnic_frame_put_macs(uint8_t *p, const uint8_t dst[6], const uint8_t src[6]);

#endif
