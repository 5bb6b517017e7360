// SPDX-License-Identifier: BSD-2-Clause
/*
 * Bursts of jobs. GCM and GMAC gain nothing from many lanes: one direct call a packet is the library's quickest
 * way. All else goes through its queue, whose lanes take packets of one algorithm side by side, whatever their keys.
 *
 * Opening by the queue takes two turns, MACs first: nothing is decrypted before its ICV was good. AEADs decrypt as
 * they authenticate; what turns out wrong is encrypted back, with the same key stream.
 */
#include <stdlib.h>

#include "engine/fast_mb.h"
#include "engine/sa.h"
#include "engine/wipe.h"

enum {
	GCM_NONCE = 12,			/* bytes: what the one-call functions take */
	FETCH_AHEAD = 3,		/* jobs */
};

void espnic_fast_gcm_seal(struct espnic_fast_thread *t, const struct espnic_fast_gcm *g, const uint8_t *iv,
			  size_t iv_len, const uint8_t *aad, size_t aad_len, uint8_t *text, size_t len,
			  uint8_t *tag, size_t tag_len)
{
	if (iv_len == GCM_NONCE) {
		g->enc(&g->data, &t->gcm, text, text, len, iv, aad, aad_len, tag, tag_len);
		return;
	}
	g->init_var_iv(&g->data, &t->gcm, iv, iv_len, aad, aad_len);
	g->enc_update(&g->data, &t->gcm, text, text, len);
	g->enc_final(&g->data, &t->gcm, tag, tag_len);
}

bool espnic_fast_gcm_open(struct espnic_fast_thread *t, const struct espnic_fast_gcm *g, const uint8_t *iv,
			  size_t iv_len, const uint8_t *aad, size_t aad_len, uint8_t *text, size_t len,
			  const uint8_t *tag, size_t tag_len)
{
	uint8_t right[IMB_AES_BLOCK_SIZE];

	if (iv_len == GCM_NONCE) {
		g->dec(&g->data, &t->gcm, text, text, len, iv, aad, aad_len, right, tag_len);
	} else {
		g->init_var_iv(&g->data, &t->gcm, iv, iv_len, aad, aad_len);
		g->dec_update(&g->data, &t->gcm, text, text, len);
		g->enc_final(&g->data, &t->gcm, right, tag_len);
	}
	if (espnic_equal_ct(right, tag, tag_len))
		return true;
	espnic_fast_gcm_seal(t, g, iv, iv_len, aad, aad_len, text, len, right, tag_len);
	espnic_wipe(right, sizeof(right));
	return false;
}

static void run_gcm(struct espnic_fast_thread *t, const struct espnic_fast_gcm *g, struct espnic_job *job)
{
	uint8_t icv_len = job->sa->info.icv_len;

	if (job->seal)
		espnic_fast_gcm_seal(t, g, job->iv, job->iv_len, job->auth, job->auth_len, job->text,
				     job->text_len, job->icv, icv_len);
	else
		job->good = espnic_fast_gcm_open(t, g, job->iv, job->iv_len, job->auth, job->auth_len,
						 job->text, job->text_len, job->icv, icv_len);
}

static void run_gmac(struct espnic_fast_thread *t, const struct espnic_fast_gcm *g, struct espnic_job *job)
{
	uint8_t icv_len = job->sa->info.icv_len;
	uint8_t right[IMB_AES_BLOCK_SIZE];

	g->gmac_init(&g->data, &t->gcm, job->iv, job->iv_len);
	g->gmac_update(&g->data, &t->gcm, job->auth, job->auth_len);
	if (job->seal) {
		g->gmac_final(&g->data, &t->gcm, job->icv, icv_len);
		return;
	}
	g->gmac_final(&g->data, &t->gcm, right, icv_len);
	job->good = espnic_equal_ct(right, job->icv, icv_len);
	espnic_wipe(right, sizeof(right));
}

void espnic_fast_job(IMB_JOB *job, const struct espnic_fast_key *key, enum espnic_fast_ask ask)
{
	const struct espnic_fast_session *session = ask == ESPNIC_FAST_SEAL ? &key->seal :
						    ask == ESPNIC_FAST_OPEN ? &key->open :
									      &key->check;
	bool aead = key->kind == ESPNIC_FAST_AEAD;
	bool backwards = ask == ESPNIC_FAST_OPEN && aead;

	job->cipher_mode = ask == ESPNIC_FAST_CHECK ? IMB_CIPHER_NULL : key->cipher;
	job->hash_alg = ask == ESPNIC_FAST_OPEN && !aead ? IMB_AUTH_NULL : key->hash;
	job->cipher_direction = ask == ESPNIC_FAST_OPEN ? IMB_DIR_DECRYPT : IMB_DIR_ENCRYPT;
	/* CCM authenticates plaintext, all others ciphertext. */
	job->chain_order = backwards == (key->cipher != IMB_CIPHER_CCM) ? IMB_ORDER_HASH_CIPHER :
									  IMB_ORDER_CIPHER_HASH;
	job->enc_keys = key->enc;
	job->dec_keys = key->dec;
	job->key_len_in_bytes = key->key_len;
	job->iv_len_in_bytes = key->iv_len;
	job->cipher_start_src_offset_in_bytes = 0;
	job->hash_start_src_offset_in_bytes = 0;
	job->u.XCBC._k1_expanded = key->mac[0];
	job->u.XCBC._k2 = key->mac[1];
	job->u.XCBC._k3 = key->mac[2];
	job->suite_id[0] = session->suite_id[0];
	job->suite_id[1] = session->suite_id[1];
	job->session_id = session->session_id;
}

/* Where an AEAD's, a MAC's and a cipher's job find what they work on. */
static void fill(IMB_JOB *imb, struct espnic_job *job, enum espnic_fast_ask ask, uint8_t *tag)
{
	const struct espnic_fast_key *key = (const void *)job->sa->key;

	espnic_fast_job(imb, key, ask);
	imb->dst = job->text;
	imb->iv = job->iv;
	imb->auth_tag_output = tag;
	imb->auth_tag_output_len_in_bytes = job->sa->info.icv_len;
	imb->msg_len_to_cipher_in_bytes = job->text_len;
	imb->user_data = &job->good;
	if (key->kind == ESPNIC_FAST_AEAD) {
		imb->src = job->text;
		imb->iv_len_in_bytes = job->iv_len;
		imb->msg_len_to_hash_in_bytes = job->text_len;
		imb->u.CCM.aad = job->auth;
		imb->u.CCM.aad_len_in_bytes = job->auth_len;
	} else if (ask == ESPNIC_FAST_OPEN) {
		imb->src = job->text;
		imb->msg_len_to_hash_in_bytes = 0;
	} else {
		imb->src = job->auth;
		imb->msg_len_to_hash_in_bytes = job->auth_len;
		if (ask == ESPNIC_FAST_SEAL && job->text_len)
			imb->cipher_start_src_offset_in_bytes = (uint64_t)(job->text - job->auth);
	}
}

void espnic_fast_get(struct espnic_fast_thread *t, IMB_JOB **queue, uint32_t n)
{
	/* The queue is empty between bursts and longer than one: anything else is a broken library. */
	if (IMB_GET_NEXT_BURST(t->mgr, n, queue) != n)
		abort();
}

static void report(IMB_JOB *const *queue, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (queue[i]->status != IMB_STATUS_COMPLETED)
			*(bool *)queue[i]->user_data = false;
	}
}

void espnic_fast_submit(struct espnic_fast_thread *t, IMB_JOB **queue, uint32_t n)
{
	uint32_t done = IMB_SUBMIT_BURST_NOCHECK(t->mgr, n, queue);

	report(queue, done);
	while (done < n) {
		uint32_t more = IMB_FLUSH_BURST(t->mgr, n - done, queue);

		if (!more)
			abort();
		report(queue, more);
		done += more;
	}
}

/* What is to be done once the first turn is over. */
static bool second_turn(const struct espnic_job *job, const struct espnic_fast_key *key)
{
	if (job->seal)
		return false;
	if (key->kind == ESPNIC_FAST_AEAD)
		return !job->good;
	return job->good && key->cipher != IMB_CIPHER_NULL;
}

static void run_queue(struct espnic_fast_thread *t, struct espnic_job *jobs, const uint8_t *which, uint32_t n)
{
	IMB_JOB *queue[ESPNIC_BURST_MAX];
	uint8_t again[ESPNIC_BURST_MAX];
	uint32_t m = 0;

	espnic_fast_get(t, queue, n);
	for (uint32_t i = 0; i < n; i++) {
		struct espnic_job *job = &jobs[which[i]];
		const struct espnic_fast_key *key = (const void *)job->sa->key;
		enum espnic_fast_ask ask = key->kind == ESPNIC_FAST_AEAD ? ESPNIC_FAST_OPEN :
									    ESPNIC_FAST_CHECK;

		job->good = true;
		if (job->seal)
			fill(queue[i], job, ESPNIC_FAST_SEAL, job->icv);
		else
			fill(queue[i], job, ask, t->tags[i]);
	}
	espnic_fast_submit(t, queue, n);

	for (uint32_t i = 0; i < n; i++) {
		struct espnic_job *job = &jobs[which[i]];

		if (job->seal) {
			/* Not one byte in clear, should the library ever fail. */
			if (!job->good)
				espnic_wipe(job->text, job->text_len);
			continue;
		}
		job->good = job->good &
			    espnic_equal_ct(t->tags[i], job->icv, job->sa->info.icv_len);
		if (!job->good)
			espnic_wipe(t->tags[i], sizeof(t->tags[i]));
		if (second_turn(job, (const void *)job->sa->key))
			again[m++] = which[i];
	}
	if (!m)
		return;

	espnic_fast_get(t, queue, m);
	for (uint32_t i = 0; i < m; i++) {
		struct espnic_job *job = &jobs[again[i]];

		fill(queue[i], job, job->good ? ESPNIC_FAST_OPEN : ESPNIC_FAST_SEAL, t->tags[i]);
	}
	espnic_fast_submit(t, queue, m);
	for (uint32_t i = 0; i < m; i++) {
		if (!jobs[again[i]].good)
			espnic_wipe(t->tags[i], sizeof(t->tags[i]));
	}
}

/* Asks memory for the keys of a job to come, unless the job in front has the same. */
static void fetch_keys(const struct espnic_job *job)
{
	const uint8_t *key = job->sa->key;

	if (job->sa == job[-1].sa)
		return;
	for (size_t i = 0; i < sizeof(struct espnic_fast_key) + sizeof(struct gcm_key_data); i += ESPNIC_CACHE_LINE)
		__builtin_prefetch(key + i);
}

void espnic_fast_run(struct espnic_engine_thread *thread, struct espnic_job *jobs, unsigned int n)
{
	struct espnic_fast_thread *t = thread->body;
	uint8_t queued[ESPNIC_BURST_MAX];
	uint32_t m = 0;

	for (unsigned int i = 0; i < n; i++) {
		const struct espnic_fast_key *key = (const void *)jobs[i].sa->key;

		if (i + FETCH_AHEAD < n)
			fetch_keys(&jobs[i + FETCH_AHEAD]);
		if (key->kind == ESPNIC_FAST_GCM)
			run_gcm(t, (const void *)key->parts, &jobs[i]);
		else if (key->kind == ESPNIC_FAST_GMAC)
			run_gmac(t, key->enc, &jobs[i]);
		else if (key->kind == ESPNIC_FAST_SUITE)
			espnic_suite_run(thread, key->parts, &jobs[i]);
		else
			queued[m++] = (uint8_t)i;
	}
	if (m)
		run_queue(t, jobs, queued, m);
}
