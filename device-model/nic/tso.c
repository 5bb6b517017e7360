// SPDX-License-Identifier: BSD-2-Clause
#include "nic/tso.h"

#include <errno.h>
#include <string.h>

#include "engine/ip.h"
#include "nic/csum.h"
#include "nic/ether.h"

enum esp {
	ESP_SEQ = 4, /* offset in the header */
	ESP_TRAILER = 2, /* bytes: pad length, next header */
	ESP_ALIGN = 4, /* bytes: RFC 4303 section 2.4; GCM asks for no more */
	ESP_IV = 8, /* bytes: RFC 4106 section 3.1 */
};

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

/*
 * Reads the IP header of @family at @ip, of @len bytes at most, that must be one of @proto, whole
 * and without extension headers. Its bytes, or 0; *@id the IPv4 identification.
 */
static uint32_t read_ip(const uint8_t *ip, uint32_t len, uint8_t family, uint8_t proto,
			uint16_t *id)
{
	if (family == ESPNIC_IPV4) {
		uint32_t ihl;

		if (len < ESPNIC_IPV4_HLEN || ip[0] >> 4 != 4)
			return 0;
		ihl = (ip[0] & 0xfu) * 4;
		if (ihl < ESPNIC_IPV4_HLEN || ihl > len || ip[ESPNIC_IPV4_PROTO] != proto)
			return 0;
		if (espnic_get16(ip + ESPNIC_IPV4_FRAG) & (ESPNIC_IPV4_MF | ESPNIC_IPV4_OFFSET))
			return 0;
		*id = espnic_get16(ip + ESPNIC_IPV4_ID);
		return ihl;
	}
	if (len < ESPNIC_IPV6_HLEN || ip[0] >> 4 != 6 || ip[ESPNIC_IPV6_NEXT] != proto)
		return 0;
	return ESPNIC_IPV6_HLEN;
}

/* The TCP header at l4_off must end at hdr_len, with payload behind it. 0 or -EINVAL. */
static int read_tcp(struct espnic_tso *t, uint32_t len, uint32_t hdr_len, uint32_t mss)
{
	const uint8_t *tcp = t->data + t->l4_off;

	if (hdr_len >= len || t->l4_off > hdr_len || hdr_len - t->l4_off < TCP_HLEN_MIN)
		return -EINVAL;
	if (t->l4_off + (tcp[TCP_DOFF] >> 4) * 4u != hdr_len)
		return -EINVAL;
	t->hdr_len = hdr_len;
	t->mss = mss;
	t->payload = len - hdr_len;
	t->seq = espnic_get32(tcp + TCP_SEQ);
	t->flags = tcp[TCP_FLAGS];
	return 0;
}

/* The IP header behind Ethernet and VLAN tags: its offset, or 0; *@family. */
static uint32_t find_ip(const uint8_t *data, uint32_t len, uint8_t *family)
{
	uint16_t type;
	uint32_t off = espnic_ether_l3(data, len, &type);

	if (!off || !espnic_ether_is_ip(type))
		return 0;
	*family = type == ESPNIC_ETHERTYPE_IPV4 ? ESPNIC_IPV4 : ESPNIC_IPV6;
	return off;
}

int espnic_tso_begin(struct espnic_tso *t, const uint8_t *data, uint32_t len, uint32_t hdr_len,
		     uint32_t mss)
{
	uint32_t ip_len;

	memset(t, 0, sizeof(*t));
	t->data = data;
	t->l3_off = find_ip(data, len, &t->family);
	if (!t->l3_off || !mss)
		return -EINVAL;
	ip_len = read_ip(data + t->l3_off, len - t->l3_off, t->family, ESPNIC_IPPROTO_TCP,
			 &t->ip_id);
	if (!ip_len)
		return -EINVAL;
	t->l4_off = t->l3_off + ip_len;
	return read_tcp(t, len, hdr_len, mss);
}

/* What ESP must look like around the packet; finds what is inside. 0 or -EINVAL. */
static int read_esp(struct espnic_tso *t, uint32_t len, const struct espnic_tso_esp *esp)
{
	uint8_t proto = esp->udp ? ESPNIC_IPPROTO_UDP : ESPNIC_IPPROTO_ESP;
	uint32_t ip_len, inner;

	t->outer_off = find_ip(t->data, len, &t->outer_family);
	if (!t->outer_off || esp->iv_len != ESP_IV)
		return -EINVAL;
	/* Over IPv6 UDP must have a checksum (RFC 8200 section 8.1), which ESP would change. */
	if (esp->udp && t->outer_family != ESPNIC_IPV4)
		return -EINVAL;
	ip_len = read_ip(t->data + t->outer_off, len - t->outer_off, t->outer_family, proto,
			 &t->outer_id);
	if (!ip_len || esp->off != t->outer_off + ip_len + (esp->udp ? ESPNIC_UDP_HLEN : 0))
		return -EINVAL;
	inner = esp->off + ESPNIC_ESP_HLEN + ESP_IV;
	if (inner >= len)
		return -EINVAL;
	t->esp_off = esp->off;
	if (!esp->tunnel) {
		t->family = t->outer_family;
		t->l3_off = t->outer_off;
		t->l4_off = inner;
		t->next = ESPNIC_IPPROTO_TCP;
		return 0;
	}
	t->family = t->data[inner] >> 4 == 4 ? ESPNIC_IPV4 : ESPNIC_IPV6;
	ip_len = read_ip(t->data + inner, len - inner, t->family, ESPNIC_IPPROTO_TCP, &t->ip_id);
	if (!ip_len)
		return -EINVAL;
	t->l3_off = inner;
	t->l4_off = inner + ip_len;
	t->next = t->family == ESPNIC_IPV4 ? ESPNIC_IPPROTO_IPIP : ESPNIC_IPPROTO_IPV6;
	return 0;
}

int espnic_tso_begin_esp(struct espnic_tso *t, const uint8_t *data, uint32_t len, uint32_t hdr_len,
			 uint32_t mss, const struct espnic_tso_esp *esp)
{
	uint64_t last = esp->esn ? UINT64_MAX : UINT32_MAX;

	memset(t, 0, sizeof(*t));
	t->data = data;
	if (!mss || read_esp(t, len, esp) || read_tcp(t, len, hdr_len, mss))
		return -EINVAL;
	t->esp = true;
	t->udp = esp->udp;
	t->tunnel = esp->tunnel;
	t->icv_len = esp->icv_len;
	t->esp_seq = (uint64_t)esp->seq_hi << 32 | espnic_get32(data + esp->off + ESP_SEQ);
	if (t->esp_seq > last || (t->payload - 1) / mss > last - t->esp_seq)
		return -ERANGE;
	return 0;
}

/* Bytes of ESP padding behind @n bytes of payload. */
static uint32_t pad_len(const struct espnic_tso *t, uint32_t n)
{
	uint32_t clear = t->hdr_len - t->esp_off - ESPNIC_ESP_HLEN - ESP_IV + n;

	return -(clear + ESP_TRAILER) % ESP_ALIGN;
}

/* Bytes of a segment of @n bytes of payload, from the frame's start. */
static uint32_t segment_len(const struct espnic_tso *t, uint32_t n)
{
	uint32_t len = t->hdr_len + n;

	return t->esp ? len + pad_len(t, n) + ESP_TRAILER + t->icv_len : len;
}

uint32_t espnic_tso_frame_len(const struct espnic_tso *t)
{
	return segment_len(t, t->payload < t->mss ? t->payload : t->mss);
}

/* Length, identification and checksum of the IP header at @ip, which is @hlen bytes long. */
static void write_ip(uint8_t *ip, uint8_t family, uint32_t hlen, uint32_t len, uint16_t id)
{
	if (family == ESPNIC_IPV4) {
		espnic_put16(ip + ESPNIC_IPV4_LEN, (uint16_t)len);
		espnic_put16(ip + ESPNIC_IPV4_ID, id);
		espnic_put16(ip + ESPNIC_IPV4_CSUM, 0);
		espnic_put16(ip + ESPNIC_IPV4_CSUM,
			     espnic_csum_finish(espnic_csum_partial(ip, hlen, 0)));
	} else {
		espnic_put16(ip + ESPNIC_IPV6_LEN, (uint16_t)(len - ESPNIC_IPV6_HLEN));
	}
}

/* @left: bytes of payload not sent yet, of which this segment has @n. */
static void write_tcp(const struct espnic_tso *t, uint8_t *out, uint32_t n, uint32_t left)
{
	uint32_t len = t->hdr_len - t->l4_off + n;
	uint8_t *tcp = out + t->l4_off;
	uint8_t flags = t->flags;
	uint32_t sum;

	/* FIN and PSH belong to the end of the data, CWR to the first segment (RFC 3168 6.1.2). */
	if (n < left)
		flags &= (uint8_t)~(TCP_FIN | TCP_PSH);
	if (t->done)
		flags &= (uint8_t)~TCP_CWR;
	espnic_put32(tcp + TCP_SEQ, t->seq + t->done);
	tcp[TCP_FLAGS] = flags;
	espnic_put16(tcp + TCP_CSUM, 0);
	sum = espnic_csum_pseudo(out + t->l3_off, t->family, ESPNIC_IPPROTO_TCP, len);
	sum = espnic_csum_partial(tcp, len, sum);
	espnic_put16(tcp + TCP_CSUM, espnic_csum_finish_l4(sum));
}

/* Everything of ESP but encryption and ICV, around the TCP packet of @n bytes of payload. */
static void write_esp(const struct espnic_tso *t, uint8_t *out, uint32_t n, uint32_t total)
{
	uint64_t seq = espnic_tso_esp_seq(t);
	uint8_t *esp = out + t->esp_off, *p = out + t->hdr_len + n;
	uint32_t pad = pad_len(t, n), outer_hlen = t->esp_off - t->outer_off;

	if (t->udp) {
		uint8_t *udp = esp - ESPNIC_UDP_HLEN;

		outer_hlen -= ESPNIC_UDP_HLEN;
		espnic_put16(udp + ESPNIC_UDP_LEN,
			     (uint16_t)(total - (t->esp_off - ESPNIC_UDP_HLEN)));
		espnic_put16(udp + ESPNIC_UDP_CSUM, 0);
	}
	write_ip(out + t->outer_off, t->outer_family, outer_hlen, total - t->outer_off,
		 (uint16_t)(t->outer_id + t->index));
	espnic_put32(esp + ESP_SEQ, (uint32_t)seq);
	espnic_put64(esp + ESPNIC_ESP_HLEN, seq);
	for (uint32_t i = 0; i < pad; i++)
		*p++ = (uint8_t)(i + 1);
	*p++ = (uint8_t)pad;
	*p++ = t->next;
	memset(p, 0, t->icv_len);
}

uint32_t espnic_tso_next(struct espnic_tso *t, uint8_t *out)
{
	uint32_t left = t->payload - t->done;
	uint32_t n = left < t->mss ? left : t->mss;
	uint32_t total = segment_len(t, n);

	memcpy(out, t->data, t->hdr_len);
	memcpy(out + t->hdr_len, t->data + t->hdr_len + t->done, n);
	if (!t->esp || t->tunnel)
		write_ip(out + t->l3_off, t->family, t->l4_off - t->l3_off,
			 t->hdr_len - t->l3_off + n, (uint16_t)(t->ip_id + t->index));
	write_tcp(t, out, n, left);
	if (t->esp)
		write_esp(t, out, n, total);
	t->done += n;
	t->index++;
	return total;
}
