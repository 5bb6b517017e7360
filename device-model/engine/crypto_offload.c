// SPDX-License-Identifier: BSD-2-Clause
/*
 * Crypto offload: the host does ESP, the engine the AEAD. Headers, trailer and
 * ICV stay in the packet both ways; windows and lifetimes are the host's.
 */
#include "engine/pipeline.h"

/*
 * Bytes between explicit IV and ICV of the ESP packet of @len bytes at its header;
 * 0: too short, or not whole blocks.
 */
static uint32_t text_len(const struct espnic_sa *sa, uint32_t len)
{
	uint32_t around = ESPNIC_ESP_HLEN + sa->info.iv_len + sa->info.icv_len;

	if (len < around + ESPNIC_ESP_TRAILER || !espnic_esp_whole(sa, len - around))
		return 0;
	return len - around;
}

/*
 * The number of a packet that is to be sent: each is sent once, whatever the host says, for it is the
 * nonce. Queues may overtake each other, so one that is not the next is judged by a window.
 */
static enum espnic_verdict take_number(struct espnic_sa *sa, uint64_t seq, uint32_t bytes)
{
	enum espnic_verdict verdict;

	espnic_lock(&sa->lock);
	verdict = espnic_window_check(&sa->window, seq);
	if (verdict == ESPNIC_OK) {
		espnic_window_accept(&sa->window, seq);
		sa->seq = sa->window.top;
		sa->packets++;
		sa->bytes += bytes;
	}
	espnic_unlock(&sa->lock);
	return verdict;
}

/* One packet: its ESP header is where the host says. */
static enum espnic_verdict prepare_out(struct espnic_pkt *pkt, struct espnic_out *o,
				       struct espnic_job *job)
{
	struct espnic_sa *sa = pkt->sa;
	enum espnic_verdict verdict;
	uint32_t len;
	uint8_t *esp;

	if (sa->info.dir != ESPNIC_DIR_OUT || sa->info.offload != ESPNIC_OFFLOAD_CRYPTO)
		return ESPNIC_NO_SA;
	if (!espnic_ip_base(pkt->data, pkt->len, &o->ip))
		return ESPNIC_MALFORMED;
	if (pkt->esp_off < o->ip.upper_off || pkt->esp_off > o->ip.len)
		return ESPNIC_MALFORMED;
	len = text_len(sa, o->ip.len - pkt->esp_off);
	if (len == 0)
		return ESPNIC_MALFORMED;
	esp = pkt->data + pkt->esp_off;
	if (espnic_get32(esp) != sa->info.spi)
		return ESPNIC_NO_SA;

	o->pkt = pkt;
	pkt->seq = espnic_get32(esp + ESPNIC_ESP_SEQ);
	if (sa->info.esn)
		pkt->seq |= (uint64_t)pkt->seq_hi << 32;
	verdict = take_number(sa, pkt->seq, o->ip.len);
	if (verdict != ESPNIC_OK)
		return verdict;
	/* Where the IV makes the nonce, it is the number; CBC wants one that nobody can foresee. */
	if (sa->salt_len)
		espnic_put64(esp + ESPNIC_ESP_HLEN, pkt->seq);
	espnic_esp_job_begin(job, &o->esp, sa, esp, len, pkt->seq, true, false);
	return ESPNIC_OK;
}

static void flush_out(struct espnic_engine_thread *t)
{
	struct espnic_burst *b = t->burst;

	if (b->n == 0)
		return;
	b->jobs[0].sa->body->run(t, b->jobs, b->n);
	for (unsigned int i = 0; i < b->n; i++) {
		espnic_esp_job_end(&b->jobs[i], &b->out[i].esp);
		b->out[i].pkt->verdict = ESPNIC_OK;
	}
	b->n = 0;
}

void espnic_crypt_out(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n)
{
	struct espnic_burst *b = t->burst;

	for (unsigned int i = 0; i < n; i++) {
		enum espnic_verdict verdict = prepare_out(&pkts[i], &b->out[b->n], &b->jobs[b->n]);

		pkts[i].flags = 0;
		if (verdict == ESPNIC_OK)
			b->n++;
		else
			espnic_sa_refuse(pkts[i].sa, &pkts[i], verdict);
		if (b->n == ESPNIC_BURST_MAX)
			flush_out(t);
	}
	flush_out(t);
}

static void begin_in(struct espnic_in *f, struct espnic_job *job)
{
	struct espnic_pkt *pkt = f->pkt;

	f->job = job;
	espnic_esp_job_begin(job, &f->esp, pkt->sa, pkt->data + f->esp_off, f->text_len, f->seq,
			     false, false);
}

static enum espnic_verdict prepare_in(struct espnic_burst *b, struct espnic_pkt *pkt)
{
	struct espnic_in *f = &b->in[b->n];
	struct espnic_sa *sa = pkt->sa;
	enum espnic_verdict verdict;
	struct espnic_esp_loc loc;

	if (sa->info.dir != ESPNIC_DIR_IN || sa->info.offload != ESPNIC_OFFLOAD_CRYPTO)
		return ESPNIC_NO_SA;
	if (!espnic_esp_find(pkt->data, pkt->len, &loc))
		return ESPNIC_MALFORMED;
	if (loc.proto != ESPNIC_IPPROTO_ESP || loc.udp != sa->info.udp_encap ||
	    loc.spi != sa->info.spi)
		return ESPNIC_NO_SA;
	pkt->esp_off = loc.off;
	f->pkt = pkt;
	f->job = NULL;
	f->esp_off = loc.off;
	f->clear_len = loc.off + loc.len;
	f->seq_low = loc.seq;
	f->text_len = text_len(sa, loc.len);
	if (f->text_len == 0)
		return ESPNIC_MALFORMED;

	espnic_lock(&sa->lock);
	verdict = espnic_window_infer(&sa->window, sa->info.esn, f->seq_low, &f->seq);
	espnic_unlock(&sa->lock);
	/* Refused as the SA stands now: settle_in() looks whether that still holds in its turn. */
	if (verdict == ESPNIC_OK)
		begin_in(f, &b->jobs[b->n_jobs++]);
	b->n++;
	return ESPNIC_OK;
}

/* As settle() of packet offload: in.c says why. */
static enum espnic_verdict settle_in(struct espnic_in *f, bool last, bool *again)
{
	struct espnic_pkt *pkt = f->pkt;
	struct espnic_sa *sa = pkt->sa;
	bool good = f->job && f->job->good;
	enum espnic_verdict verdict;
	uint64_t seq;

	*again = false;
	espnic_lock(&sa->lock);
	verdict = espnic_window_infer(&sa->window, sa->info.esn, f->seq_low, &seq);
	if (verdict == ESPNIC_OK && last)
		seq = f->seq;
	if (verdict == ESPNIC_OK) {
		pkt->seq = seq;
		if (good && seq == f->seq) {
			if (seq > sa->window.top)
				espnic_window_accept(&sa->window, seq);
			sa->packets++;
			sa->bytes += f->clear_len;
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

static void finish_in(struct espnic_engine_thread *t, struct espnic_in *f)
{
	struct espnic_pkt *pkt = f->pkt;
	enum espnic_verdict verdict;
	struct espnic_job alone;
	bool again;

	for (int look = 0; ; look++) {
		if (f->job)
			espnic_esp_job_end(f->job, &f->esp);
		verdict = settle_in(f, look > 0, &again);
		if (!again)
			break;
		begin_in(f, &alone);
		pkt->sa->body->run(t, &alone, 1);
	}
	if (verdict == ESPNIC_OK) {
		pkt->verdict = ESPNIC_OK;
		return;
	}
	/* Good for a number it does not have: what is refused goes back as it came. */
	if (f->job && f->job->good) {
		espnic_esp_job_begin(&alone, &f->esp, pkt->sa, pkt->data + f->esp_off, f->text_len,
				     f->seq, true, false);
		pkt->sa->body->run(t, &alone, 1);
		espnic_esp_job_end(&alone, &f->esp);
	}
	espnic_sa_refuse(pkt->sa, pkt, verdict);
}

void espnic_crypt_in(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n)
{
	struct espnic_burst *b = t->burst;

	for (unsigned int i = 0; i < n; i++) {
		enum espnic_verdict verdict;

		pkts[i].flags = 0;
		verdict = prepare_in(b, &pkts[i]);
		if (verdict != ESPNIC_OK)
			espnic_sa_refuse(pkts[i].sa, &pkts[i], verdict);
		if (b->n == ESPNIC_BURST_MAX)
			espnic_flush_in(t, finish_in);
	}
	espnic_flush_in(t, finish_in);
}
