// SPDX-License-Identifier: BSD-2-Clause
/*
 * Crypto offload: the host does ESP, the engine the AEAD. Headers, trailer and
 * ICV stay in the packet both ways; windows and lifetimes are the host's.
 */
#include "engine/esp.h"

#include "engine/ip.h"

/* Bytes between explicit IV and ICV of the ESP packet of @len bytes at its header; 0: too short. */
static uint32_t text_len(const struct espnic_sa *sa, uint32_t len)
{
	uint32_t around = ESPNIC_ESP_HLEN + sa->info.iv_len + sa->info.icv_len;

	return len < around + ESPNIC_ESP_TRAILER ? 0 : len - around;
}

static enum espnic_verdict crypt_out(struct espnic_engine_thread *t, struct espnic_pkt *pkt)
{
	struct espnic_sa *sa = pkt->sa;
	struct espnic_ip ip;
	uint32_t len;
	uint8_t *esp;

	if (sa->info.dir != ESPNIC_DIR_OUT || sa->info.offload != ESPNIC_OFFLOAD_CRYPTO)
		return ESPNIC_NO_SA;
	if (!espnic_ip_base(pkt->data, pkt->len, &ip))
		return ESPNIC_MALFORMED;
	if (pkt->esp_off < ip.upper_off || pkt->esp_off > ip.len)
		return ESPNIC_MALFORMED;
	len = text_len(sa, ip.len - pkt->esp_off);
	if (len == 0)
		return ESPNIC_MALFORMED;
	esp = pkt->data + pkt->esp_off;
	if (espnic_get32(esp) != sa->info.spi)
		return ESPNIC_NO_SA;

	pkt->seq = espnic_get32(esp + 4);
	if (sa->info.esn)
		pkt->seq |= (uint64_t)pkt->seq_hi << 32;
	espnic_esp_seal(t, sa, esp, len, pkt->seq);

	espnic_lock(&sa->lock);
	if (pkt->seq > sa->seq)
		sa->seq = pkt->seq;
	sa->verdicts[ESPNIC_OK]++;
	sa->bytes += ip.len;
	espnic_unlock(&sa->lock);
	return ESPNIC_OK;
}

void espnic_esp_crypt_out(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		enum espnic_verdict verdict = crypt_out(t, &pkts[i]);

		pkts[i].flags = 0;
		if (verdict == ESPNIC_OK)
			pkts[i].verdict = ESPNIC_OK;
		else
			espnic_sa_refuse(pkts[i].sa, &pkts[i], verdict);
	}
}

static enum espnic_verdict crypt_in(struct espnic_engine_thread *t, struct espnic_pkt *pkt)
{
	struct espnic_sa *sa = pkt->sa;
	enum espnic_verdict verdict;
	struct espnic_esp_loc loc;
	uint32_t len;

	if (sa->info.dir != ESPNIC_DIR_IN || sa->info.offload != ESPNIC_OFFLOAD_CRYPTO)
		return ESPNIC_NO_SA;
	if (!espnic_esp_find(pkt->data, pkt->len, &loc))
		return ESPNIC_MALFORMED;
	if (loc.proto != ESPNIC_IPPROTO_ESP || loc.udp != sa->info.udp_encap ||
	    loc.spi != sa->info.spi)
		return ESPNIC_NO_SA;
	pkt->esp_off = loc.off;
	len = text_len(sa, loc.len);
	if (len == 0)
		return ESPNIC_MALFORMED;

	espnic_lock(&sa->lock);
	verdict = espnic_window_infer(&sa->window, sa->info.esn, loc.seq, &pkt->seq);
	espnic_unlock(&sa->lock);
	if (verdict != ESPNIC_OK)
		return verdict;
	if (!espnic_esp_open(t, sa, pkt->data + loc.off, len, pkt->seq))
		return ESPNIC_INTEGRITY;

	espnic_lock(&sa->lock);
	if (pkt->seq > sa->window.top)
		espnic_window_accept(&sa->window, pkt->seq);
	sa->verdicts[ESPNIC_OK]++;
	sa->bytes += loc.off + loc.len;
	espnic_unlock(&sa->lock);
	return ESPNIC_OK;
}

void espnic_esp_crypt_in(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		enum espnic_verdict verdict = crypt_in(t, &pkts[i]);

		pkts[i].flags = 0;
		if (verdict == ESPNIC_OK)
			pkts[i].verdict = ESPNIC_OK;
		else
			espnic_sa_refuse(pkts[i].sa, &pkts[i], verdict);
	}
}
