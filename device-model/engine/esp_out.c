// SPDX-License-Identifier: BSD-2-Clause
/*
 * Outbound packets, in the order of RFC 4303 section 3.3: the packet and the
 * SA's selector, encapsulation and padding (sizes first), sequence number and
 * lifetime, and then the bytes. What can fail comes before the sequence number
 * is taken: a refused packet leaves no gap.
 */
#include "engine/esp.h"

#include <string.h>

#include "engine/ip.h"
#include "engine/selector.h"

enum {
	IPV4_VERSION_IHL = 0x45,
	IPV6_VERSION = 0x60000000,
	DSCP_SHIFT = 2,
	UDP_CSUM_NONE = 0,		/* RFC 768: no checksum */
};

/* How one packet will be built. All in bytes. */
struct plan {
	struct espnic_ip ip;		/* of the clear packet */
	uint32_t payload_off;		/* what is encrypted, from the clear packet's IP header */
	uint32_t payload_len;
	uint32_t head_len;		/* IP header, and extension headers left of ESP */
	uint32_t udp_len;		/* UDP header, or 0 */
	uint32_t tfc_len;
	uint32_t pad_len;
	uint32_t total;			/* the protected packet */
	uint8_t family;			/* of the outer header */
	uint8_t next;			/* next header */
	bool df;			/* of an outer IPv4 header */
	uint16_t ip_id;
	uint64_t seq;
};

static uint32_t encrypted_len(const struct plan *p)
{
	return p->payload_len + p->tfc_len + p->pad_len + ESPNIC_ESP_TRAILER;
}

/* RFC 4301 section 3.1: what the two modes protect, and where ESP goes. */
static enum espnic_verdict plan_layout(const struct espnic_sa *sa, const struct espnic_pkt *pkt,
				       struct plan *p)
{
	if (sa->info.mode == ESPNIC_MODE_TUNNEL) {
		if (!espnic_ip_base(pkt->data, pkt->len, &p->ip))
			return ESPNIC_MALFORMED;
		p->family = sa->info.outer_family;
		p->payload_off = 0;
		p->head_len = p->family == ESPNIC_IPV4 ? ESPNIC_IPV4_HLEN : ESPNIC_IPV6_HLEN;
		p->next = p->ip.family == ESPNIC_IPV4 ? ESPNIC_IPPROTO_IPIP : ESPNIC_IPPROTO_IPV6;
		p->df = sa->df == ESPNIC_DF_SET || (sa->df == ESPNIC_DF_COPY && p->ip.df);
	} else {
		/* Transport mode is not for fragments: RFC 4301 section 4.1. */
		if (!espnic_ip_parse(pkt->data, pkt->len, &p->ip) || p->ip.fragment)
			return ESPNIC_MALFORMED;
		p->family = p->ip.family;
		p->payload_off = p->ip.esp_off;
		p->head_len = p->ip.esp_off;
		p->next = p->ip.esp_next;
		p->df = false;
	}
	p->payload_len = p->ip.len - p->payload_off;
	p->udp_len = sa->info.udp_encap ? ESPNIC_UDP_HLEN : 0;
	return ESPNIC_OK;
}

static enum espnic_verdict plan_selector(const struct espnic_sa *sa, const struct espnic_pkt *pkt)
{
	struct espnic_flow flow;

	if (!sa->has_sel)
		return ESPNIC_OK;
	if (!espnic_flow_parse(pkt->data, pkt->len, &flow))
		return ESPNIC_MALFORMED;
	return espnic_selector_match(&sa->sel, &flow) ? ESPNIC_OK : ESPNIC_SELECTOR;
}

/* Padding (RFC 4303 sections 2.4 and 2.7) and whether the result is small enough. */
static enum espnic_verdict plan_size(const struct espnic_sa *sa, const struct espnic_pkt *pkt,
				     struct plan *p)
{
	uint32_t esp_head = ESPNIC_ESP_HLEN + sa->info.iv_len;
	uint32_t fixed = p->head_len + p->udp_len + esp_head + sa->info.icv_len;
	uint32_t limit = ESPNIC_IP_LEN_MAX;
	uint32_t room, front, back;

	/* The length field of IPv6 leaves out its header. */
	if (p->family == ESPNIC_IPV6)
		limit += ESPNIC_IPV6_HLEN;
	if (sa->mtu && sa->mtu < limit)
		limit = sa->mtu;

	/* TFC padding only fills room that is there: it makes no packet undeliverable. */
	p->tfc_len = 0;
	room = limit > fixed ? (limit - fixed) / ESPNIC_ESP_ALIGN * ESPNIC_ESP_ALIGN : 0;
	if (sa->tfc_len > p->payload_len && room > p->payload_len + ESPNIC_ESP_TRAILER) {
		p->tfc_len = sa->tfc_len - p->payload_len;
		if (p->tfc_len > room - p->payload_len - ESPNIC_ESP_TRAILER)
			p->tfc_len = room - p->payload_len - ESPNIC_ESP_TRAILER;
	}
	p->pad_len = -(p->payload_len + p->tfc_len + ESPNIC_ESP_TRAILER) % ESPNIC_ESP_ALIGN;
	p->total = fixed + encrypted_len(p);
	if (p->total > limit)
		return ESPNIC_MTU;

	front = p->head_len + p->udp_len + esp_head - p->payload_off;
	back = p->tfc_len + p->pad_len + ESPNIC_ESP_TRAILER + sa->info.icv_len;
	if (front > pkt->headroom || back > (uint64_t)pkt->len - p->ip.len + pkt->tailroom)
		return ESPNIC_MTU;
	return ESPNIC_OK;
}

/*
 * Sequence number (RFC 4303 section 3.3.3: never cycles), lifetime (RFC 4301
 * section 4.4.2.1) and the IPv4 identification: all that packets of an SA share.
 */
static enum espnic_verdict reserve(struct espnic_sa *sa, struct espnic_pkt *pkt, struct plan *p)
{
	uint64_t last = sa->info.esn ? UINT64_MAX : UINT32_MAX;
	enum espnic_verdict verdict;
	uint64_t next;

	espnic_lock(&sa->lock);
	next = pkt->flags & ESPNIC_PKT_SEQ ? pkt->seq : sa->seq + 1;
	if (pkt->flags & ESPNIC_PKT_SEQ ? pkt->seq > last : sa->seq >= last)
		verdict = ESPNIC_SEQ_EXHAUSTED;
	else if (sa->lease_end && next > sa->lease_end)
		verdict = ESPNIC_LEASE;
	else
		verdict = espnic_sa_count(sa, p->ip.len, &pkt->flags);
	if (verdict == ESPNIC_OK) {
		p->seq = next;
		sa->seq = next;
		if (sa->lease_end && next >= sa->lease_mark)
			espnic_sa_raise(sa, ESPNIC_SA_LEASE_LOW, &pkt->flags);
		if (p->family == ESPNIC_IPV4 && sa->info.mode == ESPNIC_MODE_TUNNEL && !p->df)
			p->ip_id = sa->ip_id++;
	}
	espnic_unlock(&sa->lock);
	return verdict;
}

/* RFC 4301 section 5.1.2: the outer header of tunnel mode; RFC 6040 section 4.1: its ECN. */
static void write_tunnel_header(const struct espnic_sa *sa, const struct plan *p, uint8_t *ip)
{
	uint8_t proto = sa->info.udp_encap ? ESPNIC_IPPROTO_UDP : ESPNIC_IPPROTO_ESP;
	uint8_t tos;

	tos = sa->dscp == ESPNIC_DSCP_COPY ? p->ip.tos & ~ESPNIC_ECN_MASK : sa->dscp << DSCP_SHIFT;
	if (sa->ecn)
		tos |= p->ip.tos & ESPNIC_ECN_MASK;

	if (p->family == ESPNIC_IPV4) {
		ip[0] = IPV4_VERSION_IHL;
		ip[ESPNIC_IPV4_TOS] = tos;
		espnic_put16(ip + ESPNIC_IPV4_LEN, (uint16_t)p->total);
		/* RFC 6864 section 4.1: of no meaning where DF is set. */
		espnic_put16(ip + ESPNIC_IPV4_ID, p->ip_id);
		espnic_put16(ip + ESPNIC_IPV4_FRAG, p->df ? ESPNIC_IPV4_DF : 0);
		ip[ESPNIC_IPV4_TTL] = sa->ttl;
		ip[ESPNIC_IPV4_PROTO] = proto;
		memcpy(ip + ESPNIC_IPV4_SRC, sa->tunnel_src, 4);
		memcpy(ip + ESPNIC_IPV4_DST, sa->tunnel_dst, 4);
		espnic_ipv4_csum(ip);
	} else {
		espnic_put32(ip, IPV6_VERSION | (uint32_t)tos << 20);
		espnic_put16(ip + ESPNIC_IPV6_LEN, (uint16_t)(p->total - ESPNIC_IPV6_HLEN));
		ip[ESPNIC_IPV6_NEXT] = proto;
		ip[ESPNIC_IPV6_HOPS] = sa->ttl;
		memcpy(ip + ESPNIC_IPV6_SRC, sa->tunnel_src, 16);
		memcpy(ip + ESPNIC_IPV6_DST, sa->tunnel_dst, 16);
	}
}

/* Transport mode: the packet's own header, moved to the front, with protocol and length new. */
static void write_transport_header(const struct espnic_sa *sa, const struct plan *p, uint8_t *ip)
{
	ip[p->ip.esp_next_off] = sa->info.udp_encap ? ESPNIC_IPPROTO_UDP : ESPNIC_IPPROTO_ESP;
	if (p->family == ESPNIC_IPV4) {
		espnic_put16(ip + ESPNIC_IPV4_LEN, (uint16_t)p->total);
		espnic_ipv4_csum(ip);
	} else {
		espnic_put16(ip + ESPNIC_IPV6_LEN, (uint16_t)(p->total - ESPNIC_IPV6_HLEN));
	}
}

/* The trailer behind the payload: TFC padding, padding, pad length, next header. */
static void write_trailer(const struct plan *p, uint8_t *end)
{
	memset(end, 0, p->tfc_len);
	end += p->tfc_len;
	for (uint32_t i = 0; i < p->pad_len; i++)
		end[i] = (uint8_t)(i + 1);
	end[p->pad_len] = (uint8_t)p->pad_len;
	end[p->pad_len + 1] = p->next;
}

static void write_udp_header(const struct espnic_sa *sa, const struct plan *p, uint8_t *udp)
{
	espnic_put16(udp, sa->udp_sport);
	espnic_put16(udp + 2, sa->udp_dport);
	espnic_put16(udp + ESPNIC_UDP_LEN, (uint16_t)(p->total - p->head_len));
	espnic_put16(udp + ESPNIC_UDP_CSUM, UDP_CSUM_NONE);
}

/* RFC 8200 section 8.1: over IPv6 the checksum must be there, and 0 is sent as ffff. */
static void write_udp6_csum(const struct plan *p, const uint8_t *ip, uint8_t *udp)
{
	uint32_t len = p->total - p->head_len;
	uint32_t sum;
	uint16_t csum;

	sum = espnic_csum_add(0, ip + ESPNIC_IPV6_SRC, 2 * 16);
	sum = espnic_csum_add(sum, udp, len);
	sum = (sum & 0xffff) + (sum >> 16) + len + ESPNIC_IPPROTO_UDP;
	csum = espnic_csum_fold(sum);
	espnic_put16(udp + ESPNIC_UDP_CSUM, csum ? csum : 0xffff);
}

static void build(struct espnic_engine_thread *t, struct espnic_pkt *pkt, const struct plan *p)
{
	const struct espnic_sa *sa = pkt->sa;
	uint32_t front = p->head_len + p->udp_len + ESPNIC_ESP_HLEN + sa->info.iv_len -
			 p->payload_off;
	uint32_t back = p->total - front - p->ip.len;
	uint8_t *ip = pkt->data - front;
	uint8_t *udp = ip + p->head_len;
	uint8_t *esp = udp + p->udp_len;

	write_trailer(p, pkt->data + p->ip.len);
	if (sa->info.mode == ESPNIC_MODE_TUNNEL) {
		write_tunnel_header(sa, p, ip);
	} else {
		memmove(ip, pkt->data, p->head_len);
		write_transport_header(sa, p, ip);
	}
	espnic_put32(esp, sa->info.spi);
	espnic_put32(esp + 4, (uint32_t)p->seq);
	if (pkt->iv)
		memcpy(esp + ESPNIC_ESP_HLEN, pkt->iv, sa->info.iv_len);
	else
		espnic_put64(esp + ESPNIC_ESP_HLEN, p->seq);
	espnic_esp_seal(t, sa, esp, encrypted_len(p), p->seq);
	if (p->udp_len) {
		write_udp_header(sa, p, udp);
		if (p->family == ESPNIC_IPV6)
			write_udp6_csum(p, ip, udp);
	}

	pkt->tailroom = pkt->tailroom + (pkt->len - p->ip.len) - back;
	pkt->headroom -= front;
	pkt->data = ip;
	pkt->len = p->total;
	pkt->seq = p->seq;
}

static enum espnic_verdict protect(struct espnic_engine_thread *t, struct espnic_pkt *pkt)
{
	struct espnic_sa *sa = pkt->sa;
	enum espnic_verdict verdict;
	struct plan p;

	/* An inbound SA shares its key with the peer's outbound one: never encrypt with it. */
	if (sa->info.dir != ESPNIC_DIR_OUT || sa->info.offload != ESPNIC_OFFLOAD_PACKET)
		return ESPNIC_NO_SA;
	verdict = plan_layout(sa, pkt, &p);
	if (verdict == ESPNIC_OK)
		verdict = plan_selector(sa, pkt);
	if (verdict == ESPNIC_OK)
		verdict = plan_size(sa, pkt, &p);
	p.ip_id = 0;
	if (verdict == ESPNIC_OK)
		verdict = reserve(sa, pkt, &p);
	if (verdict == ESPNIC_OK)
		build(t, pkt, &p);
	return verdict;
}

void espnic_esp_protect(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		enum espnic_verdict verdict;

		pkts[i].flags &= ESPNIC_PKT_SEQ;
		verdict = protect(t, &pkts[i]);
		if (verdict == ESPNIC_OK)
			pkts[i].verdict = ESPNIC_OK;
		else
			espnic_sa_refuse(pkts[i].sa, &pkts[i], verdict);
	}
}
