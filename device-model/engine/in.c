// SPDX-License-Identifier: BSD-2-Clause
/*
 * Inbound packets, in the order of RFC 4303 section 3.4 (AH: RFC 4302 section
 * 3.4): header, SA, sequence number, ICV, padding, and then the mode.
 *
 * A burst gives what its packets would give one by one. The ICV of a packet is judged
 * before the packets in front of it have been through the window, and may have been
 * judged for a number it does not have (ESN: a packet in front moved the top), or not at
 * all (its number was refused). So the SA is asked again, in the order of the burst,
 * when all in front are done with: the lifetime, the number, the window. If the number
 * is not the one that was tried:
 *
 *   - the ICV was good for the number tried: it is not for another, `integrity`;
 *   - it was not, or was not judged: the packet is judged again, alone.
 *
 * Between two looks of one thread nothing changes, so one more look is enough. Another thread may
 * change the SA between them, as it may between the window and the ICV of a single
 * packet: the number tried last then stands, and the window decides.
 *
 * Padding, inner packet and selector are judged from the packet and what never changes of its SA.
 */
#include "engine/ah.h"

#include <string.h>

#include "engine/selector.h"
#include "engine/wipe.h"

/* RFC 4303 sections 3.4.1 and 3.4.2, RFC 3948 section 3.2 */
static enum espnic_verdict find_esp(const struct espnic_sa *sa, const struct espnic_pkt *pkt,
				    struct espnic_in *f)
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
	f->seq_low = espnic_get32(pkt->data + f->esp_off + ESPNIC_ESP_SEQ);
	f->text_off = f->esp_off + head;
	f->text_len = len - head - sa->info.icv_len;
	return espnic_esp_whole(sa, f->text_len) ? ESPNIC_OK : ESPNIC_MALFORMED;
}

/* RFC 4303 section 3.4.4.1 steps 3 and 4: what the padding says of itself. */
static enum espnic_verdict strip_trailer(const uint8_t *text, struct espnic_in *f)
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
					struct espnic_in *f)
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
static enum espnic_verdict leave_transport(struct espnic_pkt *pkt, struct espnic_in *f)
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

enum espnic_verdict espnic_decapsulate(const struct espnic_sa *sa, struct espnic_pkt *pkt,
				       struct espnic_in *f)
{
	enum espnic_verdict verdict = ESPNIC_OK;
	struct espnic_flow flow;

	if (sa->info.proto == ESPNIC_PROTO_ESP)
		verdict = strip_trailer(pkt->data + f->text_off, f);
	if (verdict != ESPNIC_OK)
		return verdict;
	/* RFC 4303 section 2.6: a dummy packet, of which nothing is to be given on. */
	if (f->next == ESPNIC_IPPROTO_NONE) {
		f->clear = pkt->data + f->text_off;
		f->clear_len = 0;
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

static void begin_job(struct espnic_in *f, struct espnic_job *job)
{
	struct espnic_pkt *pkt = f->pkt;

	f->job = job;
	if (pkt->sa->info.proto == ESPNIC_PROTO_AH)
		espnic_ah_job_begin(job, &f->ah, pkt->sa, NULL, f->seq, false);
	else
		espnic_esp_job_begin(job, &f->esp, pkt->sa, pkt->data + f->esp_off, f->text_len,
				     f->seq, false, false);
}

static void end_job(struct espnic_in *f)
{
	if (f->pkt->sa->info.proto == ESPNIC_PROTO_AH)
		espnic_ah_job_end(f->job, &f->ah);
	else
		espnic_esp_job_end(f->job, &f->esp);
}

/*
 * What sections 3.4.3 and 3.4.4 say of the packet, in one look at the SA. The window moves
 * whatever the padding or the inner packet is like: the ICV was good. *@again: the
 * ICV has not been judged for the number that the packet has by now, and f->seq is that
 * number; never in the @last look, which takes the number as it was tried.
 */
static enum espnic_verdict settle(struct espnic_in *f, enum espnic_verdict inner, bool last,
				  bool *again)
{
	struct espnic_pkt *pkt = f->pkt;
	struct espnic_sa *sa = pkt->sa;
	bool good = f->job && f->job->good;
	enum espnic_verdict verdict;
	uint64_t seq;

	*again = false;
	espnic_lock(&sa->lock);
	verdict = espnic_sa_judge(sa, f->seq_low, &seq);
	if (verdict == ESPNIC_OK && last) {
		seq = f->seq;
		verdict = espnic_window_check(&sa->window, seq);
	}
	if (verdict == ESPNIC_OK) {
		pkt->seq = seq;
		if (good && seq == f->seq) {
			espnic_window_accept(&sa->window, seq);
			verdict = inner;
			if (verdict == ESPNIC_OK)
				verdict = espnic_sa_count(sa, f->clear_len, &pkt->flags);
		} else {
			*again = !good && (!f->job || seq != f->seq);
			if (!good)
				f->seq = seq;
			verdict = ESPNIC_INTEGRITY;
		}
	}
	espnic_unlock(&sa->lock);
	return verdict;
}

static void finish(struct espnic_engine_thread *t, struct espnic_in *f)
{
	enum espnic_verdict verdict, inner = ESPNIC_OK;
	struct espnic_pkt *pkt = f->pkt;
	struct espnic_job alone;
	bool again;

	for (int look = 0; ; look++) {
		if (f->job)
			end_job(f);
		if (f->job && f->job->good)
			inner = espnic_decapsulate(pkt->sa, pkt, f);
		verdict = settle(f, inner, look > 0, &again);
		if (!again)
			break;
		begin_job(f, &alone);
		pkt->sa->body->run(t, &alone, 1);
	}
	if (verdict == ESPNIC_OK) {
		espnic_give_out(pkt, f->clear, f->clear_len, f->next);
		return;
	}
	/* Decrypted, and yet nobody's to read. */
	if (f->job && f->job->good)
		espnic_wipe(pkt->data + f->text_off, f->text_len);
	espnic_sa_refuse(pkt->sa, pkt, verdict);
}

static void flush(struct espnic_engine_thread *t)
{
	espnic_flush_in(t, finish);
}

void espnic_flush_in(struct espnic_engine_thread *t,
		     void (*done)(struct espnic_engine_thread *t, struct espnic_in *f))
{
	struct espnic_burst *b = t->burst;

	if (b->n_jobs)
		b->jobs[0].sa->body->run(t, b->jobs, b->n_jobs);
	for (unsigned int i = 0; i < b->n; i++)
		done(t, &b->in[i]);
	b->n = 0;
	b->n_jobs = 0;
	b->saved_len = 0;
}

/*
 * Finds the packet's parts and takes its first look at the SA. With any verdict but OK
 * the packet is done with, whatever others do to the SA.
 */
static enum espnic_verdict prepare(struct espnic_engine_thread *t, struct espnic_pkt *pkt)
{
	struct espnic_burst *b = t->burst;
	struct espnic_in *f = &b->in[b->n];
	struct espnic_sa *sa = pkt->sa;
	bool ah = sa->info.proto == ESPNIC_PROTO_AH;
	enum espnic_verdict verdict;

	if (sa->info.dir != ESPNIC_DIR_IN || sa->info.offload != ESPNIC_OFFLOAD_PACKET)
		return ESPNIC_NO_SA;
	verdict = ah ? espnic_ah_find(sa, pkt, f) : find_esp(sa, pkt, f);
	if (verdict != ESPNIC_OK)
		return verdict;
	f->pkt = pkt;
	f->job = NULL;
	if (ah) {
		f->ah.saved = espnic_burst_save(b, f->ah.head_len);
		if (!f->ah.saved) {
			struct espnic_in found = *f;

			flush(t);
			f = &b->in[0];
			*f = found;
			f->ah.saved = espnic_burst_save(b, f->ah.head_len);
		}
	}
	espnic_lock(&sa->lock);
	verdict = espnic_sa_judge(sa, f->seq_low, &f->seq);
	espnic_unlock(&sa->lock);
	/* Refused as the SA stands now: settle() looks whether that still holds in its turn. */
	if (verdict == ESPNIC_OK)
		begin_job(f, &b->jobs[b->n_jobs++]);
	b->n++;
	return ESPNIC_OK;
}

void espnic_unprotect(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		enum espnic_verdict verdict;

		if (i + ESPNIC_FETCH_AHEAD < n)
			espnic_fetch_in(&pkts[i + ESPNIC_FETCH_AHEAD]);
		pkts[i].flags = 0;
		verdict = prepare(t, &pkts[i]);
		if (verdict != ESPNIC_OK)
			espnic_sa_refuse(pkts[i].sa, &pkts[i], verdict);
		if (t->burst->n == ESPNIC_BURST_MAX)
			flush(t);
	}
	flush(t);
}
