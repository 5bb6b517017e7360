// SPDX-License-Identifier: BSD-2-Clause
#include "nic/rss.h"

#include <string.h>

const uint8_t espnic_rss_default_key[ESPNIC_RSS_KEY_LEN] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/* The 32 bits of @key that begin at bit @bit. */
static uint32_t key_window(const uint8_t *key, unsigned int bit)
{
	uint64_t v = 0;
	unsigned int i;

	for (i = 0; i < 5; i++)
		v = v << 8 | key[bit / 8 + i];
	return (uint32_t)(v >> (8 - bit % 8));
}

void espnic_rss_set_key(struct espnic_rss *rss, const uint8_t key[ESPNIC_RSS_KEY_LEN],
			uint32_t flags)
{
	unsigned int byte, value, bit;

	/*
	 * The last window ends with the key's last bit: 36 bytes of input and 32 bits take 40
	 * bytes.
	 */
	for (byte = 0; byte < ESPNIC_RSS_INPUT_MAX; byte++) {
		for (value = 0; value < 256; value++) {
			uint32_t hash = 0;

			for (bit = 0; bit < 8; bit++)
				if (value & (0x80u >> bit))
					hash ^= key_window(key, byte * 8 + bit);
			rss->step[byte][value] = hash;
		}
	}
	rss->flags = flags;
}

uint32_t espnic_rss_toeplitz(const struct espnic_rss *rss, const uint8_t *data, unsigned int len)
{
	uint32_t hash = 0;
	unsigned int i;

	for (i = 0; i < len && i < ESPNIC_RSS_INPUT_MAX; i++)
		hash ^= rss->step[i][data[i]];
	return hash;
}

struct espnic_rss_hash espnic_rss_packet(const struct espnic_rss *rss, const uint8_t *p,
					 const struct espnic_ip *ip, bool addresses_only)
{
	bool ports = rss->flags & ESPNIC_CMD_RSS_SET_L4 && !addresses_only && !ip->fragment &&
		     (ip->proto == ESPNIC_IPPROTO_TCP || ip->proto == ESPNIC_IPPROTO_UDP) &&
		     ip->len - ip->upper_off >= 4;
	struct espnic_rss_hash h = { 0 };
	uint8_t in[ESPNIC_RSS_INPUT_MAX];
	unsigned int len;

	if (!(rss->flags & (ESPNIC_CMD_RSS_SET_L3 | ESPNIC_CMD_RSS_SET_L4)))
		return h;
	if (!(rss->flags & ESPNIC_CMD_RSS_SET_L3) && !ports)
		return h;
	if (ip->family == ESPNIC_IPV4) {
		len = 8;
		memcpy(in, p + ESPNIC_IPV4_SRC, len);
	} else {
		len = 32;
		memcpy(in, p + ESPNIC_IPV6_SRC, len);
	}
	if (ports) {
		memcpy(in + len, p + ip->upper_off, 4);
		len += 4;
	}
	h.value = espnic_rss_toeplitz(rss, in, len);
	h.l3 = !ports;
	h.l4 = ports;
	return h;
}
