// SPDX-License-Identifier: BSD-2-Clause
#include "nic/tso.h"

#include <errno.h>
#include <string.h>

#include "engine/ip.h"
#include "nic/csum.h"
#include "nic/ether.h"

enum tcp {
	TCP_HLEN_MIN = 20, /* bytes */
	TCP_SEQ = 4, /* offsets in the header */
	TCP_DOFF = 12,
	TCP_FLAGS = 13,
	TCP_CSUM = 16,
	TCP_FIN = 0x01,
	TCP_PSH = 0x08,
	TCP_CWR = 0x80,
};

/* The offset of the TCP header, or 0. */
static uint32_t find_tcp(struct espnic_tso *t, const uint8_t *ip, uint32_t len)
{
	if (t->family == ESPNIC_IPV4) {
		uint32_t ihl;

		if (len < ESPNIC_IPV4_HLEN || ip[0] >> 4 != 4)
			return 0;
		ihl = (ip[0] & 0xfu) * 4;
		if (ihl < ESPNIC_IPV4_HLEN || ihl > len ||
		    ip[ESPNIC_IPV4_PROTO] != ESPNIC_IPPROTO_TCP)
			return 0;
		if (espnic_get16(ip + ESPNIC_IPV4_FRAG) & (ESPNIC_IPV4_MF | ESPNIC_IPV4_OFFSET))
			return 0;
		t->ip_id = espnic_get16(ip + ESPNIC_IPV4_ID);
		return t->l3_off + ihl;
	}
	if (len < ESPNIC_IPV6_HLEN || ip[0] >> 4 != 6 || ip[ESPNIC_IPV6_NEXT] != ESPNIC_IPPROTO_TCP)
		return 0;
	return t->l3_off + ESPNIC_IPV6_HLEN;
}

int espnic_tso_begin(struct espnic_tso *t, const uint8_t *data, uint32_t len, uint32_t hdr_len,
		     uint32_t mss)
{
	const uint8_t *tcp;
	uint16_t type;

	memset(t, 0, sizeof(*t));
	t->data = data;
	t->l3_off = espnic_ether_l3(data, len, &type);
	if (!t->l3_off || !espnic_ether_is_ip(type) || !mss || hdr_len >= len)
		return -EINVAL;
	t->family = type == ESPNIC_ETHERTYPE_IPV4 ? ESPNIC_IPV4 : ESPNIC_IPV6;
	t->l4_off = find_tcp(t, data + t->l3_off, len - t->l3_off);
	if (!t->l4_off || len - t->l4_off < TCP_HLEN_MIN)
		return -EINVAL;
	tcp = data + t->l4_off;
	if ((tcp[TCP_DOFF] >> 4) * 4u < TCP_HLEN_MIN ||
	    t->l4_off + (tcp[TCP_DOFF] >> 4) * 4u != hdr_len)
		return -EINVAL;
	t->hdr_len = hdr_len;
	t->mss = mss;
	t->payload = len - hdr_len;
	t->seq = espnic_get32(tcp + TCP_SEQ);
	t->flags = tcp[TCP_FLAGS];
	return 0;
}

uint32_t espnic_tso_next(struct espnic_tso *t, uint8_t *out)
{
	uint32_t left = t->payload - t->done;
	uint32_t n = left < t->mss ? left : t->mss;
	uint32_t l4_len = t->hdr_len - t->l4_off + n;
	uint8_t *ip = out + t->l3_off;
	uint8_t *tcp = out + t->l4_off;
	uint8_t flags = t->flags;
	uint32_t sum;

	memcpy(out, t->data, t->hdr_len);
	memcpy(out + t->hdr_len, t->data + t->hdr_len + t->done, n);

	if (t->family == ESPNIC_IPV4) {
		espnic_put16(ip + ESPNIC_IPV4_LEN, (uint16_t)(t->hdr_len - t->l3_off + n));
		espnic_put16(ip + ESPNIC_IPV4_ID, (uint16_t)(t->ip_id + t->index));
		espnic_put16(ip + ESPNIC_IPV4_CSUM, 0);
		sum = espnic_csum_partial(ip, t->l4_off - t->l3_off, 0);
		espnic_put16(ip + ESPNIC_IPV4_CSUM, espnic_csum_finish(sum));
	} else {
		espnic_put16(ip + ESPNIC_IPV6_LEN, (uint16_t)l4_len);
	}

	/* FIN and PSH belong to the end of the data, CWR to the first segment (RFC 3168 6.1.2). */
	if (n < left)
		flags &= (uint8_t)~(TCP_FIN | TCP_PSH);
	if (t->done)
		flags &= (uint8_t)~TCP_CWR;
	espnic_put32(tcp + TCP_SEQ, t->seq + t->done);
	tcp[TCP_FLAGS] = flags;
	espnic_put16(tcp + TCP_CSUM, 0);
	sum = espnic_csum_pseudo(ip, t->family, ESPNIC_IPPROTO_TCP, l4_len);
	sum = espnic_csum_partial(tcp, l4_len, sum);
	espnic_put16(tcp + TCP_CSUM, espnic_csum_finish_l4(sum));

	t->done += n;
	t->index++;
	return t->hdr_len + n;
}
