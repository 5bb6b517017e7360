// SPDX-License-Identifier: BSD-2-Clause
/*
 * Outbound packets, in the order of RFC 4303 section 3.3 (AH: RFC 4302 section 3.3): the packet and the
 * SA's selector, encapsulation and padding (sizes first), sequence number and
 * lifetime, and then the bytes. What can fail comes before the sequence number
 * is taken: a refused packet leaves no gap.
 *
 * All that packets of an SA share (number, lifetime, identification, counters) is
 * done with in the first stage, in the order of the burst, and after it nothing can fail:
 * so a burst gives what its packets would give one by one.
 */
#include "engine/ah.h"

#include <string.h>

#include "engine/selector.h"
#include "engine/tunnel.h"

enum {
	UDP_CSUM_NONE = 0,		/* RFC 768: no checksum */
};

static uint32_t encrypted_len(const struct espnic_out *o)
{
	return o->payload_len + o->tfc_len + o->pad_len + ESPNIC_ESP_TRAILER;
}

/* RFC 4301 section 3.1: what the two modes protect, and where ESP or AH goes. */
static enum espnic_verdict plan_layout(const struct espnic_sa *sa, const struct espnic_pkt *pkt,
				       struct espnic_out *o)
{
	if (sa->info.mode == ESPNIC_MODE_TUNNEL) {
		if (!espnic_ip_base(pkt->data, pkt->len, &o->ip))
			return ESPNIC_MALFORMED;
		o->family = sa->info.outer_family;
		o->payload_off = 0;
		o->head_len = o->family == ESPNIC_IPV4 ? ESPNIC_IPV4_HLEN : ESPNIC_IPV6_HLEN;
		o->next = o->ip.family == ESPNIC_IPV4 ? ESPNIC_IPPROTO_IPIP : ESPNIC_IPPROTO_IPV6;
		o->df = espnic_tunnel_df(sa, o->ip.df);
	} else {
		/* Transport mode is not for fragments: RFC 4301 section 4.1. */
		if (!espnic_ip_parse(pkt->data, pkt->len, &o->ip) || o->ip.fragment)
			return ESPNIC_MALFORMED;
		o->family = o->ip.family;
		o->payload_off = o->ip.esp_off;
		o->head_len = o->ip.esp_off;
		o->next = o->ip.esp_next;
		o->df = false;
	}
	o->payload_len = o->ip.len - o->payload_off;
	o->udp_len = sa->info.udp_encap ? ESPNIC_UDP_HLEN : 0;
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
static enum espnic_verdict plan_esp(const struct espnic_sa *sa, const struct espnic_pkt *pkt,
				     struct espnic_out *o)
{
	uint32_t esp_head = ESPNIC_ESP_HLEN + sa->info.iv_len;
	uint32_t fixed = o->head_len + o->udp_len + esp_head + sa->info.icv_len;
	uint32_t limit = ESPNIC_IP_LEN_MAX;
	uint32_t room, front, back;

	/* The length field of IPv6 leaves out its header. */
	if (o->family == ESPNIC_IPV6)
		limit += ESPNIC_IPV6_HLEN;
	if (sa->mtu && sa->mtu < limit)
		limit = sa->mtu;

	/* TFC padding only fills room that is there: it makes no packet undeliverable. */
	o->tfc_len = 0;
	if (sa->tfc_len > o->payload_len) {
		room = limit > fixed ? (limit - fixed) & -(uint32_t)sa->align : 0;
		if (room > o->payload_len + ESPNIC_ESP_TRAILER) {
			o->tfc_len = sa->tfc_len - o->payload_len;
			if (o->tfc_len > room - o->payload_len - ESPNIC_ESP_TRAILER)
				o->tfc_len = room - o->payload_len - ESPNIC_ESP_TRAILER;
		}
	}
	o->pad_len = -(o->payload_len + o->tfc_len + ESPNIC_ESP_TRAILER) & (sa->align - 1u);
	o->total = fixed + encrypted_len(o);
	if (o->total > limit)
		return ESPNIC_MTU;

	front = o->head_len + o->udp_len + esp_head - o->payload_off;
	back = o->tfc_len + o->pad_len + ESPNIC_ESP_TRAILER + sa->info.icv_len;
	if (front > pkt->headroom || back > (uint64_t)pkt->len - o->ip.len + pkt->tailroom)
		return ESPNIC_MTU;
	return ESPNIC_OK;
}

/* All that packets of an SA share: number, lifetime, IPv4 identification. With the lock held. */
static enum espnic_verdict reserve(struct espnic_sa *sa, struct espnic_pkt *pkt, struct espnic_out *o)
{
	enum espnic_verdict verdict = espnic_sa_number(sa, pkt, o->ip.len);

	if (verdict == ESPNIC_OK && o->family == ESPNIC_IPV4 && sa->info.mode == ESPNIC_MODE_TUNNEL &&
	    !o->df)
		o->ip_id = sa->ip_id++;
	return verdict;
}

/* What the header in front of UDP, ESP or AH calls it. */
static uint8_t outer_proto(const struct espnic_sa *sa)
{
	if (sa->info.proto == ESPNIC_PROTO_AH)
		return ESPNIC_IPPROTO_AH;
	return sa->info.udp_encap ? ESPNIC_IPPROTO_UDP : ESPNIC_IPPROTO_ESP;
}

/* Transport mode: the packet's own header, moved to the front, with protocol and length new. */
static void write_transport_header(const struct espnic_sa *sa, const struct espnic_out *o, uint8_t *ip)
{
	ip[o->ip.esp_next_off] = outer_proto(sa);
	if (o->family == ESPNIC_IPV4) {
		espnic_put16(ip + ESPNIC_IPV4_LEN, (uint16_t)o->total);
		espnic_ipv4_csum(ip);
	} else {
		espnic_put16(ip + ESPNIC_IPV6_LEN, (uint16_t)(o->total - ESPNIC_IPV6_HLEN));
	}
}

/* The trailer behind the payload: TFC padding, padding, pad length, next header. */
static void write_trailer(const struct espnic_out *o, uint8_t *end)
{
	if (o->tfc_len)
		memset(end, 0, o->tfc_len);
	end += o->tfc_len;
	for (uint32_t i = 0; i < o->pad_len; i++)
		end[i] = (uint8_t)(i + 1);
	end[o->pad_len] = (uint8_t)o->pad_len;
	end[o->pad_len + 1] = o->next;
}

/* The explicit IV, or the block that CBC makes it of (SP 800-38A appendix C). */
static void write_iv(const struct espnic_out *o, uint8_t *iv, uint8_t len)
{
	if (o->pkt->iv) {
		memcpy(iv, o->pkt->iv, len);
	} else if (len) {
		if (len > sizeof(o->pkt->seq))
			memset(iv, 0, len);
		espnic_put64(iv + len - sizeof(o->pkt->seq), o->pkt->seq);
	}
}

static void write_udp_header(const struct espnic_sa *sa, const struct espnic_out *o, uint8_t *udp)
{
	espnic_put16(udp, sa->udp_sport);
	espnic_put16(udp + 2, sa->udp_dport);
	espnic_put16(udp + ESPNIC_UDP_LEN, (uint16_t)(o->total - o->head_len));
	espnic_put16(udp + ESPNIC_UDP_CSUM, UDP_CSUM_NONE);
}

/* RFC 8200 section 8.1: over IPv6 the checksum must be there, and 0 is sent as ffff. */
static void write_udp6_csum(const struct espnic_out *o, const uint8_t *ip, uint8_t *udp)
{
	uint32_t len = o->total - o->head_len;
	uint32_t sum;
	uint16_t csum;

	sum = espnic_csum_add(0, ip + ESPNIC_IPV6_SRC, 2 * 16);
	sum = espnic_csum_add(sum, udp, len);
	sum = (sum & 0xffff) + (sum >> 16) + len + ESPNIC_IPPROTO_UDP;
	csum = espnic_csum_fold(sum);
	espnic_put16(udp + ESPNIC_UDP_CSUM, csum ? csum : 0xffff);
}

/* Between the header and the payload, and behind it; what the job makes comes later. */
static void build_esp(struct espnic_out *o, struct espnic_job *job, uint8_t *ip)
{
	const struct espnic_pkt *pkt = o->pkt;
	const struct espnic_sa *sa = pkt->sa;
	uint8_t *udp = ip + o->head_len;
	uint8_t *esp = udp + o->udp_len;

	write_trailer(o, esp + ESPNIC_ESP_HLEN + sa->info.iv_len + o->payload_len);
	if (o->udp_len)
		write_udp_header(sa, o, udp);
	espnic_put32(esp, sa->info.spi);
	espnic_put32(esp + ESPNIC_ESP_SEQ, (uint32_t)o->pkt->seq);
	write_iv(o, esp + ESPNIC_ESP_HLEN, sa->info.iv_len);
	espnic_esp_job_begin(job, &o->esp, sa, esp, encrypted_len(o), o->pkt->seq, true, !pkt->iv);
}

static void build_ah(struct espnic_out *o, struct espnic_job *job, uint8_t *ip)
{
	const struct espnic_sa *sa = o->pkt->sa;
	uint8_t iv[ESPNIC_JOB_IV];

	espnic_ah_write(sa, o, ip + o->head_len);
	write_iv(o, iv, sa->info.iv_len);
	o->ah.ip = ip;
	o->ah.head_len = o->head_len;
	o->ah.total = o->total;
	espnic_ah_job_begin(job, &o->ah, sa, iv, o->pkt->seq, true);
}

/* Everything of the packet but what its job makes. */
static void build(struct espnic_out *o, struct espnic_job *job)
{
	struct espnic_pkt *pkt = o->pkt;
	const struct espnic_sa *sa = pkt->sa;
	bool ah = sa->info.proto == ESPNIC_PROTO_AH;
	uint32_t between, front, back;
	uint8_t *ip;

	between = ah ? espnic_ah_len(sa, o->family) :
		  o->udp_len + ESPNIC_ESP_HLEN + sa->info.iv_len;
	front = o->head_len + between - o->payload_off;
	back = o->total - front - o->ip.len;
	ip = pkt->data - front;
	if (sa->info.mode == ESPNIC_MODE_TUNNEL) {
		const struct espnic_outer outer = {
			.total = o->total, .id = o->ip_id, .proto = outer_proto(sa), .tos = o->ip.tos, .df = o->df,
		};

		espnic_tunnel_header(sa, &outer, ip);
	} else {
		memmove(ip, pkt->data, o->head_len);
		write_transport_header(sa, o, ip);
	}
	if (ah)
		build_ah(o, job, ip);
	else
		build_esp(o, job, ip);

	pkt->tailroom = pkt->tailroom + (pkt->len - o->ip.len) - back;
	pkt->headroom -= front;
	pkt->data = ip;
	pkt->len = o->total;
}

static enum espnic_verdict plan(struct espnic_pkt *pkt, struct espnic_out *o)
{
	const struct espnic_sa *sa = pkt->sa;
	enum espnic_verdict verdict;

	/* An inbound SA shares its key with the peer's outbound one: never encrypt with it. */
	if (sa->info.dir != ESPNIC_DIR_OUT || sa->info.offload != ESPNIC_OFFLOAD_PACKET)
		return ESPNIC_NO_SA;
	o->pkt = pkt;
	o->ip_id = 0;
	verdict = plan_layout(sa, pkt, o);
	if (verdict == ESPNIC_OK)
		verdict = plan_selector(sa, pkt);
	if (verdict != ESPNIC_OK)
		return verdict;
	return sa->info.proto == ESPNIC_PROTO_AH ? espnic_ah_plan(sa, pkt, o) :
						   plan_esp(sa, pkt, o);
}

static void finish(const struct espnic_out *o, const struct espnic_job *job)
{
	struct espnic_pkt *pkt = o->pkt;

	if (pkt->sa->info.proto == ESPNIC_PROTO_AH) {
		espnic_ah_job_end(job, &o->ah);
	} else {
		espnic_esp_job_end(job, &o->esp);
		if (o->udp_len && o->family == ESPNIC_IPV6)
			write_udp6_csum(o, pkt->data, pkt->data + o->head_len);
	}
	pkt->verdict = ESPNIC_OK;
}

/* Jobs @first ... @end - 1, done and out of the way. */
static void finish_jobs(struct espnic_engine_thread *t, unsigned int first, unsigned int end)
{
	struct espnic_burst *b = t->burst;

	if (first == end)
		return;
	b->jobs[first].sa->body->run(t, b->jobs + first, end - first);
	for (unsigned int i = first; i < end; i++)
		finish(&b->out[i], &b->jobs[i]);
	b->saved_len = 0;
}

/* Sizes of all packets; those that cannot be are out. */
static void plan_all(struct espnic_burst *b, struct espnic_pkt *pkts, unsigned int n)
{
	b->n = 0;
	for (unsigned int i = 0; i < n; i++) {
		enum espnic_verdict verdict;

		if (i + ESPNIC_FETCH_AHEAD < n)
			espnic_fetch_out(&pkts[i + ESPNIC_FETCH_AHEAD]);
		pkts[i].flags &= ESPNIC_PKT_SEQ;
		verdict = plan(&pkts[i], &b->out[b->n]);
		if (verdict == ESPNIC_OK)
			b->n++;
		else
			espnic_sa_refuse(pkts[i].sa, &pkts[i], verdict);
	}
}

/* Numbers for all packets, in their order; packets of one SA in a row cost one lock. */
static void reserve_all(struct espnic_burst *b)
{
	struct espnic_sa *held = NULL;
	unsigned int n = 0;

	for (unsigned int i = 0; i < b->n; i++) {
		struct espnic_pkt *pkt = b->out[i].pkt;
		enum espnic_verdict verdict;

		espnic_sa_hold(&held, pkt->sa);
		verdict = reserve(pkt->sa, pkt, &b->out[i]);
		if (verdict != ESPNIC_OK)
			espnic_sa_refuse_held(pkt->sa, pkt, verdict);
		else if (n++ != i)
			b->out[n - 1] = b->out[i];
	}
	espnic_sa_hold(&held, NULL);
	b->n = n;
}

static void protect(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n)
{
	struct espnic_burst *b = t->burst;
	unsigned int first = 0;

	plan_all(b, pkts, n);
	reserve_all(b);
	for (unsigned int i = 0; i < b->n; i++) {
		struct espnic_out *o = &b->out[i];

		if (o->pkt->sa->info.proto == ESPNIC_PROTO_AH) {
			o->ah.saved = espnic_burst_save(b, o->head_len);
			if (!o->ah.saved) {
				finish_jobs(t, first, i);
				first = i;
				o->ah.saved = espnic_burst_save(b, o->head_len);
			}
		}
		build(o, &b->jobs[i]);
	}
	finish_jobs(t, first, b->n);
	b->n = 0;
}

void espnic_protect(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n)
{
	while (n) {
		unsigned int some = n < ESPNIC_BURST_MAX ? n : ESPNIC_BURST_MAX;

		protect(t, pkts, some);
		pkts += some;
		n -= some;
	}
}
