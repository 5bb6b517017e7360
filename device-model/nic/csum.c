// SPDX-License-Identifier: BSD-2-Clause
#include "nic/csum.h"

#include <endian.h>
#include <string.h>

enum csum_sizes { /* bytes */
		  TCP_HLEN = 20,
		  ESP_TRAILER = 2, /* pad length, next header */
};

static uint32_t fold32(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	return (uint32_t)sum;
}

static uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* A 64-bit one's complement addition: the carry comes back in. */
static uint64_t add64(uint64_t a, uint64_t b)
{
	a += b;
	return a + (a < b);
}

/*
 * One's complement sums don't care for byte order (RFC 1071 section 2 B): the
 * bytes are summed as the host's words, eight at a time, and swapped once.
 */
uint32_t espnic_csum_partial(const uint8_t *p, uint32_t len, uint32_t sum)
{
	uint64_t acc0 = 0, acc1 = 0;
	uint8_t tail[8] = { 0 };
	uint32_t folded;

	/* Two chains of additions: each alone would wait for its own carry. */
	for (; len >= 32; p += 32, len -= 32) {
		acc0 = add64(acc0, load64(p));
		acc1 = add64(acc1, load64(p + 8));
		acc0 = add64(acc0, load64(p + 16));
		acc1 = add64(acc1, load64(p + 24));
	}
	acc0 = add64(acc0, acc1);
	for (; len >= 8; p += 8, len -= 8)
		acc0 = add64(acc0, load64(p));
	memcpy(tail, p, len);
	acc0 = add64(acc0, load64(tail));

	folded = fold32(acc0);
	folded = (folded & 0xffff) + (folded >> 16);
	folded = (folded & 0xffff) + (folded >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum + be16toh((uint16_t)folded);
}

uint16_t espnic_csum_finish(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

uint32_t espnic_csum_pseudo(const uint8_t *ip, uint8_t family, uint8_t proto, uint32_t len)
{
	uint32_t sum = proto + (len >> 16) + (len & 0xffff);

	if (family == ESPNIC_IPV4)
		return espnic_csum_partial(ip + ESPNIC_IPV4_SRC, 8, sum);
	return espnic_csum_partial(ip + ESPNIC_IPV6_SRC, 32, sum);
}

uint32_t espnic_csum_esp_end(const uint8_t *ip, uint32_t len, uint32_t esp_off, uint32_t iv_len,
			     uint32_t icv_len)
{
	uint32_t text = esp_off + ESPNIC_ESP_HLEN + iv_len, end;
	struct espnic_ip h;

	if (!espnic_ip_base(ip, len, &h) || h.len < text + ESP_TRAILER + icv_len)
		return 0;
	end = h.len - icv_len - ESP_TRAILER;
	/* The pad length is the host's word. */
	return ip[end] > end - text ? 0 : end - ip[end];
}

enum espnic_csum_verdict espnic_csum_verify(const uint8_t *p, const struct espnic_ip *ip)
{
	const uint8_t *l4 = p + ip->upper_off;
	uint32_t len = ip->len - ip->upper_off;
	uint32_t sum;

	if (ip->fragment)
		return ESPNIC_CSUM_UNKNOWN;
	if (ip->proto == ESPNIC_IPPROTO_TCP) {
		if (len < TCP_HLEN)
			return ESPNIC_CSUM_UNKNOWN;
	} else if (ip->proto == ESPNIC_IPPROTO_UDP) {
		if (len < ESPNIC_UDP_HLEN)
			return ESPNIC_CSUM_UNKNOWN;
		if (!espnic_get16(l4 + ESPNIC_UDP_CSUM))
			return ESPNIC_CSUM_UNKNOWN;
		/* UDP's own length may end before the IP payload does. */
		if (espnic_get16(l4 + ESPNIC_UDP_LEN) < ESPNIC_UDP_HLEN ||
		    espnic_get16(l4 + ESPNIC_UDP_LEN) > len)
			return ESPNIC_CSUM_UNKNOWN;
		len = espnic_get16(l4 + ESPNIC_UDP_LEN);
	} else {
		return ESPNIC_CSUM_UNKNOWN;
	}
	sum = espnic_csum_pseudo(p, ip->family, ip->proto, len);
	sum = espnic_csum_partial(l4, len, sum);
	return espnic_csum_finish(sum) ? ESPNIC_CSUM_BAD : ESPNIC_CSUM_GOOD;
}
