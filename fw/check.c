// SPDX-License-Identifier: BSD-2-Clause
#include "internal.h"

enum {
	IPV4_LEN = 4,			/* bytes */
	IPV4_BITS = 32,
	IPV6_BITS = 128,
	MAC_GROUP = 1,			/* bit of the first byte: multicast (IEEE 802) */
	PROTO_OPAQUE = 255,		/* of a selector: RFC 4301 section 4.4.1.1 */
};

bool espnic_fw_is_zero(const void *p, uint32_t len)
{
	const uint8_t *b = p;
	uint8_t any = 0;

	/* Also runs over what is behind a key: no early exit. */
	for (uint32_t i = 0; i < len; i++)
		any |= b[i];
	return !any;
}

bool espnic_fw_check_zero(const void *p, uint32_t len, uint32_t off, struct espnic_fw_reply *r)
{
	if (!espnic_fw_is_zero(p, len))
		return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_FIELD, off);
	return true;
}

bool espnic_fw_check_addr(uint8_t family, const uint8_t addr[16], uint32_t off,
			  struct espnic_fw_reply *r)
{
	if (family == 4)
		return espnic_fw_check_zero(addr + IPV4_LEN, 16 - IPV4_LEN, off, r);
	return true;
}

bool espnic_fw_check_mac(const uint8_t mac[ESPNIC_ETH_ALEN], uint32_t off, struct espnic_fw_reply *r)
{
	if ((mac[0] & MAC_GROUP) || espnic_fw_is_zero(mac, ESPNIC_ETH_ALEN))
		return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_FIELD, off);
	return true;
}

#define SEL_OFF(field) (off + (uint32_t)offsetof(struct espnic_cmd_selector, field))

static bool check_prefixes(const struct espnic_cmd_selector *s, uint32_t off,
			   struct espnic_fw_reply *r)
{
	uint8_t bits;

	switch (s->family) {
	case 0:
		bits = 0;
		break;
	case 4:
		bits = IPV4_BITS;
		break;
	case 6:
		bits = IPV6_BITS;
		break;
	default:
		return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_FIELD, SEL_OFF(family));
	}
	if (s->src_plen > bits)
		return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_FIELD, SEL_OFF(src_plen));
	if (s->dst_plen > bits)
		return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_FIELD, SEL_OFF(dst_plen));
	if (!s->family)
		return espnic_fw_check_zero(s->saddr, sizeof(s->saddr), SEL_OFF(saddr), r) &&
		       espnic_fw_check_zero(s->daddr, sizeof(s->daddr), SEL_OFF(daddr), r);
	return espnic_fw_check_addr(s->family, s->saddr, SEL_OFF(saddr), r) &&
	       espnic_fw_check_addr(s->family, s->daddr, SEL_OFF(daddr), r);
}

/*
 * OPAQUE (RFC 4301 section 4.4.1.1) is written as IKEv2 does (RFC 7296 section 3.13.1), from the highest port
 * to the lowest; any other range that runs backwards is a mistake.
 */
static bool is_range(uint16_t min, uint16_t max)
{
	return min <= max || (min == UINT16_MAX && max == 0);
}

bool espnic_fw_check_selector(const struct espnic_cmd_selector *s, uint32_t off,
			      struct espnic_hal_selector *out, struct espnic_fw_reply *r)
{
	if (!check_prefixes(s, off, r))
		return false;
	/* Of IPv4 every packet shows its protocol: nothing could ever match. */
	if (s->proto == PROTO_OPAQUE && s->family == 4)
		return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_FIELD, SEL_OFF(proto));
	if (!is_range(s->sport_min, s->sport_max))
		return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_FIELD, SEL_OFF(sport_max));
	if (!is_range(s->dport_min, s->dport_max))
		return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_FIELD, SEL_OFF(dport_max));
	if (!espnic_fw_check_zero(s->reserved, sizeof(s->reserved), SEL_OFF(reserved), r))
		return false;

	out->family = s->family;
	out->proto = s->proto;
	out->src_plen = s->src_plen;
	out->dst_plen = s->dst_plen;
	memcpy(out->saddr, s->saddr, sizeof(out->saddr));
	memcpy(out->daddr, s->daddr, sizeof(out->daddr));
	out->sport_min = s->sport_min;
	out->sport_max = s->sport_max;
	out->dport_min = s->dport_min;
	out->dport_max = s->dport_max;
	return true;
}
