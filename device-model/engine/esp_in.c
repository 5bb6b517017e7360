// SPDX-License-Identifier: BSD-2-Clause
/*
 * Inbound packets, in the order of RFC 4303 section 3.4: header, SA, sequence
 * number, ICV, padding, and then the mode. The window is asked before the ICV,
 * and again, and moved, after it.
 */
#include "engine/esp.h"

#include <string.h>

#include "engine/ip.h"
#include "engine/selector.h"
#include "engine/wipe.h"

/* What is known of one packet. Offsets from its IP header, all in bytes. */
struct found {
	struct espnic_ip ip;		/* outer header */
	uint32_t esp_off;		/* ESP header */
	uint32_t text_off;		/* ciphertext, and then plaintext */
	uint32_t text_len;
	uint32_t payload_len;		/* of it, without padding and trailer */
	uint8_t next;
	uint64_t seq;
	uint8_t *clear;			/* the result */
	uint32_t clear_len;
};

/* RFC 4303 sections 3.4.1 and 3.4.2, RFC 3948 section 3.2 */
static enum espnic_verdict find_esp(const struct espnic_sa *sa, const struct espnic_pkt *pkt,
				    struct found *f)
{
	uint8_t proto = sa->info.udp_encap ? ESPNIC_IPPROTO_UDP : ESPNIC_IPPROTO_ESP;
	uint32_t head = ESPNIC_ESP_HLEN + sa->info.iv_len;
	uint32_t len;

	if (!espnic_ip_parse(pkt->data, pkt->len, &f->ip) || f->ip.fragment)
		return ESPNIC_MALFORMED;
	if (f->ip.proto != proto)
		return ESPNIC_NO_SA;
	f->esp_off = f->ip.upper_off;
	len = f->ip.len - f->ip.upper_off;
	if (sa->info.udp_encap && !espnic_udp_payload(pkt->data, &f->ip, &f->esp_off, &len))
		return ESPNIC_MALFORMED;
	if (len < ESPNIC_ESP_HLEN)
		return ESPNIC_MALFORMED;
	if (espnic_get32(pkt->data + f->esp_off) != sa->info.spi)
		return ESPNIC_NO_SA;
	if (len < head + ESPNIC_ESP_TRAILER + sa->info.icv_len)
		return ESPNIC_MALFORMED;
	f->text_off = f->esp_off + head;
	f->text_len = len - head - sa->info.icv_len;
	return ESPNIC_OK;
}

/* Section 3.4.3, first look. */
static enum espnic_verdict check_sequence(struct espnic_sa *sa, struct espnic_pkt *pkt,
					  struct found *f)
{
	uint32_t low = espnic_get32(pkt->data + f->esp_off + 4);
	enum espnic_verdict verdict = ESPNIC_LIFETIME;

	espnic_lock(&sa->lock);
	if (!espnic_sa_expired(sa)) {
		verdict = espnic_window_infer(&sa->window, sa->info.esn, low, &f->seq);
		if (verdict == ESPNIC_OK)
			verdict = espnic_window_check(&sa->window, f->seq);
	}
	espnic_unlock(&sa->lock);
	return verdict;
}

/* Section 3.4.4.1 steps 3 and 4: what the padding says of itself. */
static enum espnic_verdict strip_trailer(const uint8_t *text, struct found *f)
{
	uint32_t body = f->text_len - ESPNIC_ESP_TRAILER;
	uint32_t pad_len = text[body];

	if (pad_len > body)
		return ESPNIC_MALFORMED;
	f->payload_len = body - pad_len;
	f->next = text[body + 1];
	for (uint32_t i = 0; i < pad_len; i++) {
		if (text[f->payload_len + i] != (uint8_t)(i + 1))
			return ESPNIC_PADDING;
	}
	return ESPNIC_OK;
}

int espnic_ecn_decapsulate(uint8_t outer, uint8_t inner)
{
	enum { DROP = -1 };
	/* RFC 6040 figure 4; columns: arriving outer Not-ECT, ECT(1), ECT(0), CE. */
	static const int8_t forward[4][4] = {
		[ESPNIC_ECN_NOT_ECT] = { ESPNIC_ECN_NOT_ECT, ESPNIC_ECN_NOT_ECT,
					 ESPNIC_ECN_NOT_ECT, DROP },
		[ESPNIC_ECN_ECT1] = { ESPNIC_ECN_ECT1, ESPNIC_ECN_ECT1, ESPNIC_ECN_ECT1,
				      ESPNIC_ECN_CE },
		[ESPNIC_ECN_ECT0] = { ESPNIC_ECN_ECT0, ESPNIC_ECN_ECT1, ESPNIC_ECN_ECT0,
				      ESPNIC_ECN_CE },
		[ESPNIC_ECN_CE] = { ESPNIC_ECN_CE, ESPNIC_ECN_CE, ESPNIC_ECN_CE, ESPNIC_ECN_CE },
	};

	return forward[inner & ESPNIC_ECN_MASK][outer & ESPNIC_ECN_MASK];
}

/* RFC 4301 section 5.2.1: the inner packet stands alone; TFC padding behind it is dropped. */
static enum espnic_verdict leave_tunnel(const struct espnic_sa *sa, struct espnic_pkt *pkt,
					struct found *f)
{
	uint8_t *inner = pkt->data + f->text_off;
	struct espnic_ip ip;
	int ecn;

	if (!espnic_ip_base(inner, f->payload_len, &ip))
		return ESPNIC_MALFORMED;
	if (f->next != (ip.family == ESPNIC_IPV4 ? ESPNIC_IPPROTO_IPIP : ESPNIC_IPPROTO_IPV6))
		return ESPNIC_MALFORMED;
	if (sa->ecn) {
		ecn = espnic_ecn_decapsulate(f->ip.tos, ip.tos);
		if (ecn < 0)
			return ESPNIC_ECN;
		if (ecn != (ip.tos & ESPNIC_ECN_MASK))
			espnic_ip_set_tos(inner, (uint8_t)((ip.tos & ~ESPNIC_ECN_MASK) | ecn));
	}
	f->clear = inner;
	f->clear_len = ip.len;
	return ESPNIC_OK;
}

/* The packet's own header goes back to the payload, with protocol, length and checksum right. */
static enum espnic_verdict leave_transport(struct espnic_pkt *pkt, struct found *f)
{
	uint8_t *ip = pkt->data + f->text_off - f->ip.upper_off;

	memmove(ip, pkt->data, f->ip.upper_off);
	f->clear = ip;
	f->clear_len = f->ip.upper_off + f->payload_len;
	ip[f->ip.next_off] = f->next;
	if (f->ip.family == ESPNIC_IPV4) {
		espnic_put16(ip + ESPNIC_IPV4_LEN, (uint16_t)f->clear_len);
		espnic_ipv4_csum(ip);
	} else {
		espnic_put16(ip + ESPNIC_IPV6_LEN, (uint16_t)(f->clear_len - ESPNIC_IPV6_HLEN));
	}
	return ESPNIC_OK;
}

/* From plaintext to clear packet; the ICV was good. */
static enum espnic_verdict decapsulate(const struct espnic_sa *sa, struct espnic_pkt *pkt,
				       struct found *f)
{
	enum espnic_verdict verdict = strip_trailer(pkt->data + f->text_off, f);
	struct espnic_flow flow;

	if (verdict != ESPNIC_OK)
		return verdict;
	/* RFC 4303 section 2.6: a dummy packet, of which nothing is to be given on. */
	if (f->next == ESPNIC_IPPROTO_NONE) {
		f->clear = pkt->data + f->text_off;
		f->clear_len = 0;
		pkt->flags |= ESPNIC_PKT_DUMMY;
		return ESPNIC_OK;
	}
	if (sa->info.mode == ESPNIC_MODE_TUNNEL)
		verdict = leave_tunnel(sa, pkt, f);
	else
		verdict = leave_transport(pkt, f);
	if (verdict != ESPNIC_OK || !sa->has_sel)
		return verdict;
	/* RFC 4301 section 5.2 step 4 */
	if (!espnic_flow_parse(f->clear, f->clear_len, &flow))
		return ESPNIC_MALFORMED;
	return espnic_selector_match(&sa->sel, &flow) ? ESPNIC_OK : ESPNIC_SELECTOR;
}

/*
 * Section 3.4.3, second look: another thread may have verified the same number
 * meanwhile. The window moves whatever the padding or the inner packet is like:
 * the ICV was good.
 */
static enum espnic_verdict accept_sequence(struct espnic_sa *sa, struct espnic_pkt *pkt,
					   const struct found *f, enum espnic_verdict inner)
{
	enum espnic_verdict verdict;

	espnic_lock(&sa->lock);
	verdict = espnic_window_check(&sa->window, f->seq);
	if (verdict == ESPNIC_OK) {
		espnic_window_accept(&sa->window, f->seq);
		verdict = inner;
	}
	if (verdict == ESPNIC_OK)
		verdict = espnic_sa_count(sa, f->clear_len, &pkt->flags);
	espnic_unlock(&sa->lock);
	return verdict;
}

static enum espnic_verdict unprotect(struct espnic_engine_thread *t, struct espnic_pkt *pkt)
{
	struct espnic_sa *sa = pkt->sa;
	enum espnic_verdict verdict;
	struct found f;
	uint32_t end;

	if (sa->info.dir != ESPNIC_DIR_IN || sa->info.offload != ESPNIC_OFFLOAD_PACKET)
		return ESPNIC_NO_SA;
	verdict = find_esp(sa, pkt, &f);
	if (verdict == ESPNIC_OK)
		verdict = check_sequence(sa, pkt, &f);
	if (verdict != ESPNIC_OK)
		return verdict;
	pkt->seq = f.seq;
	if (!espnic_esp_open(t, sa, pkt->data + f.esp_off, f.text_len, f.seq))
		return ESPNIC_INTEGRITY;

	verdict = decapsulate(sa, pkt, &f);
	verdict = accept_sequence(sa, pkt, &f, verdict);
	if (verdict != ESPNIC_OK) {
		/* Decrypted, and yet nobody's to read. */
		espnic_wipe(pkt->data + f.text_off, f.text_len);
		return verdict;
	}
	end = (uint32_t)(f.clear - pkt->data) + f.clear_len;
	pkt->headroom += end - f.clear_len;
	pkt->tailroom += pkt->len - end;
	pkt->data = f.clear;
	pkt->len = f.clear_len;
	return ESPNIC_OK;
}

void espnic_esp_unprotect(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		enum espnic_verdict verdict;

		pkts[i].flags = 0;
		verdict = unprotect(t, &pkts[i]);
		if (verdict == ESPNIC_OK)
			pkts[i].verdict = ESPNIC_OK;
		else
			espnic_sa_refuse(pkts[i].sa, &pkts[i], verdict);
	}
}
