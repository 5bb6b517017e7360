// SPDX-License-Identifier: BSD-2-Clause
#include "engine/ah.h"

#include <string.h>

enum {				/* offsets and sizes in bytes: section 2 */
	AH_NEXT = 0,
	AH_LEN = 1,		/* in units of 4 bytes, less 2 */
	AH_RESERVED = 2,
	AH_SEQ = 8,
	AH_ICV = 12,
	AH_LEN_UNIT = 4,
	AH_LEN_LESS = 2,
	AH_ALIGN_IPV4 = 4,	/* sections 2.2 and 2.6 */
	AH_ALIGN_IPV6 = 8,
};

static uint32_t round_up(uint32_t n, uint32_t unit)
{
	return (n + unit - 1) / unit * unit;
}

/*
 * Header, IV (RFC 4543 section 4: in front of the tag) and ICV, without padding: its erratum 3643 says that
 * AES-GMAC needs some over IPv6.
 */
static uint32_t bare_len(const struct espnic_sa *sa)
{
	return AH_ICV + sa->info.iv_len + sa->info.icv_len;
}

uint32_t espnic_ah_len(const struct espnic_sa *sa, uint8_t family)
{
	return round_up(bare_len(sa), family == ESPNIC_IPV4 ? AH_ALIGN_IPV4 : AH_ALIGN_IPV6);
}

enum espnic_verdict espnic_ah_plan(const struct espnic_sa *sa, const struct espnic_pkt *pkt,
				   struct espnic_out *o)
{
	uint32_t ah_len = espnic_ah_len(sa, o->family);
	uint32_t limit = ESPNIC_IP_LEN_MAX;
	uint64_t behind = (uint64_t)pkt->len - o->ip.len + pkt->tailroom;

	if (sa->info.mode == ESPNIC_MODE_TRANSPORT &&
	    !espnic_ah_headers_sound(pkt->data, o->head_len, true))
		return ESPNIC_MALFORMED;
	/* The length field of IPv6 leaves out its header. */
	if (o->family == ESPNIC_IPV6)
		limit += ESPNIC_IPV6_HLEN;
	if (sa->mtu && sa->mtu < limit)
		limit = sa->mtu;
	o->total = o->head_len + ah_len + o->payload_len;
	if (o->total > limit || o->head_len + ah_len - o->payload_off > pkt->headroom)
		return ESPNIC_MTU;
	if (sa->info.esn && behind < ESPNIC_ESN_HIGH)
		return ESPNIC_MTU;
	return ESPNIC_OK;
}

void espnic_ah_write(const struct espnic_sa *sa, const struct espnic_out *o, uint8_t *ah)
{
	uint32_t len = espnic_ah_len(sa, o->family);

	memset(ah, 0, len);
	ah[AH_NEXT] = o->next;
	ah[AH_LEN] = (uint8_t)(len / AH_LEN_UNIT - AH_LEN_LESS);
	espnic_put32(ah + ESPNIC_AH_SPI, sa->info.spi);
	espnic_put32(ah + AH_SEQ, (uint32_t)o->pkt->seq);
}

/*
 * Over IPv4 the header may be padded to 8 bytes too, as some stacks do: the padding is
 * the sender's choice (section 2.6), as long as what is there can be the SA's ICV.
 */
static bool len_possible(const struct espnic_sa *sa, uint8_t family, uint32_t len)
{
	return len == espnic_ah_len(sa, family) || len == espnic_ah_len(sa, ESPNIC_IPV6);
}

enum espnic_verdict espnic_ah_find(const struct espnic_sa *sa, const struct espnic_pkt *pkt,
				   struct espnic_in *f)
{
	uint32_t room, len;
	const uint8_t *ah;

	if (!espnic_ip_parse(pkt->data, pkt->len, &f->ip) || f->ip.fragment)
		return ESPNIC_MALFORMED;
	if (f->ip.proto != ESPNIC_IPPROTO_AH)
		return ESPNIC_NO_SA;
	ah = pkt->data + f->ip.upper_off;
	room = f->ip.len - f->ip.upper_off;
	if (room < AH_ICV)
		return ESPNIC_MALFORMED;
	if (espnic_get32(ah + ESPNIC_AH_SPI) != sa->info.spi)
		return ESPNIC_NO_SA;
	len = (ah[AH_LEN] + AH_LEN_LESS) * (uint32_t)AH_LEN_UNIT;
	if (len > room || !len_possible(sa, f->ip.family, len) ||
	    !espnic_ah_headers_sound(pkt->data, f->ip.upper_off, false))
		return ESPNIC_MALFORMED;
	/* The high half is to stand behind the packet for a while (section 2.5.1). */
	if (sa->info.esn && (uint64_t)pkt->len - f->ip.len + pkt->tailroom < ESPNIC_ESN_HIGH)
		return ESPNIC_MTU;
	f->seq_low = espnic_get32(ah + AH_SEQ);
	f->next = ah[AH_NEXT];
	f->text_off = f->ip.upper_off + len;
	f->text_len = 0;
	f->payload_len = f->ip.len - f->text_off;
	f->ah.ip = pkt->data;
	f->ah.head_len = f->ip.upper_off;
	f->ah.total = f->ip.len;
	return ESPNIC_OK;
}

void espnic_ah_job_begin(struct espnic_job *job, struct espnic_ah_job *a, const struct espnic_sa *sa,
			 const uint8_t *iv, uint64_t seq, bool seal)
{
	uint8_t *field = a->ip + a->head_len + AH_ICV;
	uint8_t iv_len = sa->info.iv_len;

	job->sa = sa;
	job->seal = seal;
	job->good = false;
	job->text = NULL;
	job->text_len = 0;
	job->auth = a->ip;
	job->auth_len = a->total;
	if (iv)
		memcpy(field, iv, iv_len);
	memcpy(job->iv, sa->salt, sa->salt_len);
	memcpy(job->iv + sa->salt_len, field, iv_len);
	job->iv_len = sa->salt_len + iv_len;
	if (!seal)
		memcpy(job->icv, field + iv_len, sa->info.icv_len);

	/*
	 * Section 3.3.3.1.1.1: the ICV counts as zero; its padding as it is. So does the IV in front of it, though
	 * section 4 of RFC 4543 puts it in the same field and it goes in as the nonce already: section 7 there says that it
	 * is part of what is authenticated.
	 */
	memset(field + iv_len, 0, sa->info.icv_len);
	memcpy(a->saved, a->ip, a->head_len);
	espnic_ah_mask(a->ip, a->head_len, seal);
	/* Section 2.5.1: the high half counts as if it came behind the payload. */
	if (sa->info.esn) {
		espnic_put32(a->ip + a->total, (uint32_t)(seq >> 32));
		job->auth_len += ESPNIC_ESN_HIGH;
	}
}

void espnic_ah_job_end(const struct espnic_job *job, const struct espnic_ah_job *a)
{
	uint8_t *field = a->ip + a->head_len + AH_ICV;
	uint8_t iv_len = job->sa->info.iv_len;

	memcpy(a->ip, a->saved, a->head_len);
	memcpy(field + iv_len, job->icv, job->sa->info.icv_len);
}
