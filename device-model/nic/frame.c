// SPDX-License-Identifier: BSD-2-Clause
#include "nic/frame.h"

#include <string.h>

enum {
	IP_VERSION_SHIFT = 4,
	ETHERTYPE_LEN = 2,		/* bytes */
};

enum espnic_l3_kind espnic_frame_l3(const uint8_t *p, uint32_t len, uint32_t *off)
{
	uint16_t type;

	*off = espnic_ether_l3(p, len, &type);
	if (!*off)
		return ESPNIC_L3_SHORT;
	if (type == ESPNIC_ETHERTYPE_VLAN || type == ESPNIC_ETHERTYPE_QINQ)
		return ESPNIC_L3_BAD;
	if (!espnic_ether_is_ip(type))
		return ESPNIC_L3_OTHER;
	/*
	 * Whoever receives it goes by the EtherType, policies by the version: they must not differ.
	 */
	if (*off == len || p[*off] >> IP_VERSION_SHIFT !=
				   (type == ESPNIC_ETHERTYPE_IPV4 ? ESPNIC_IPV4 : ESPNIC_IPV6))
		return ESPNIC_L3_BAD;
	return ESPNIC_L3_IP;
}

void espnic_frame_put_l2(uint8_t *ip, const uint8_t *l2, uint32_t len)
{
	uint8_t version = ip[0] >> IP_VERSION_SHIFT;

	memcpy(ip - len, l2, len);
	espnic_put16(ip - ETHERTYPE_LEN,
		     version == ESPNIC_IPV4 ? ESPNIC_ETHERTYPE_IPV4 : ESPNIC_ETHERTYPE_IPV6);
}

void espnic_frame_put_macs(uint8_t *p, const uint8_t dst[6], const uint8_t src[6])
{
	memcpy(p, dst, ESPNIC_ETH_ALEN);
	memcpy(p + ESPNIC_ETH_ALEN, src, ESPNIC_ETH_ALEN);
}
