// SPDX-License-Identifier: BSD-2-Clause
/*
 * Bare libipsec-mb: its direct calls for AEADs, and its burst API. No headers, no SA, no window; tags are
 * computed and nobody compares them.
 */
#include "bench.h"

#include <intel-ipsec-mb.h>
#include <stdlib.h>
#include <string.h>

struct mb_key {
	union {
		struct gcm_key_data gcm;
		uint8_t chacha[IMB_CHACHA20_POLY1305_KEY_SIZE];
		struct {
			_Alignas(16) uint8_t enc[16 * 15], dec[16 * 15];
			uint8_t ipad[IMB_SHA512_DIGEST_SIZE_IN_BYTES];
			uint8_t opad[IMB_SHA512_DIGEST_SIZE_IN_BYTES];
		} chain;
	} u;
};

struct mb_state {
	const struct bench_case *c;
	IMB_MGR *mgr;
	struct bench_buf *pool;
	struct mb_key *keys;		/* encrypting and decrypting in turn */
	IMB_JOB *jobs;			/* templates, one a key */
	uint64_t bad;
	aes_gcm_enc_dec_t gcm_enc, gcm_dec;
	struct gcm_context_data gcm_context;
	struct chacha20_poly1305_context_data chacha_context;
};

static IMB_HASH_ALG hash_of(enum espnic_auth auth)
{
	switch (auth) {
	case ESPNIC_AUTH_HMAC_SHA1_96:
		return IMB_AUTH_HMAC_SHA_1;
	case ESPNIC_AUTH_HMAC_SHA256_128:
		return IMB_AUTH_HMAC_SHA_256;
	case ESPNIC_AUTH_HMAC_SHA512_256:
		return IMB_AUTH_HMAC_SHA_512;
	default:
		return IMB_AUTH_NULL;
	}
}

static void expand_key(struct mb_state *s, struct mb_key *k, uint32_t sa)
{
	const struct bench_transform *t = s->c->transform;
	uint8_t key[ESPNIC_KEY_MAX], auth[ESPNIC_KEY_MAX];

	bench_key(sa, 0, key, t->enc_key_len);
	bench_key(sa, 1, auth, t->auth_key_len);
	if (t->enc == ESPNIC_ENC_AES_GCM && t->enc_key_len == 16) {
		IMB_AES128_GCM_PRE(s->mgr, key, &k->u.gcm);
	} else if (t->enc == ESPNIC_ENC_AES_GCM) {
		IMB_AES256_GCM_PRE(s->mgr, key, &k->u.gcm);
	} else if (t->enc == ESPNIC_ENC_CHACHA20_POLY1305) {
		memcpy(k->u.chacha, key, sizeof(k->u.chacha));
	} else {
		if (t->enc_key_len == 16)
			IMB_AES_KEYEXP_128(s->mgr, key, k->u.chain.enc, k->u.chain.dec);
		else
			IMB_AES_KEYEXP_256(s->mgr, key, k->u.chain.enc, k->u.chain.dec);
		imb_hmac_ipad_opad(s->mgr, hash_of(t->auth), auth, t->auth_key_len,
				   k->u.chain.ipad, k->u.chain.opad);
	}
}

/* All of a job that does not change from packet to packet. */
static void template_job(struct mb_state *s, const struct mb_key *k, IMB_CIPHER_DIRECTION dir,
			 IMB_JOB *job)
{
	const struct bench_transform *t = s->c->transform;

	memset(job, 0, sizeof(*job));
	job->enc_keys = &k->u;
	job->dec_keys = &k->u;
	job->key_len_in_bytes = t->enc_key_len;
	job->iv_len_in_bytes = t->iv_len;
	job->auth_tag_output_len_in_bytes = t->icv_len;
	job->cipher_direction = dir;
	job->chain_order = dir == IMB_DIR_ENCRYPT ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
	switch (t->enc) {
	case ESPNIC_ENC_AES_GCM:
		job->cipher_mode = IMB_CIPHER_GCM;
		job->hash_alg = IMB_AUTH_AES_GMAC;
		job->u.GCM.aad_len_in_bytes = BENCH_AAD;
		break;
	case ESPNIC_ENC_CHACHA20_POLY1305:
		job->cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
		job->hash_alg = IMB_AUTH_CHACHA20_POLY1305;
		job->u.CHACHA20_POLY1305.aad_len_in_bytes = BENCH_AAD;
		break;
	default:
		job->cipher_mode = t->enc == ESPNIC_ENC_AES_CTR ? IMB_CIPHER_CNTR : IMB_CIPHER_CBC;
		job->hash_alg = hash_of(t->auth);
		job->enc_keys = k->u.chain.enc;
		job->dec_keys = k->u.chain.dec;
		job->u.HMAC._hashed_auth_key_xor_ipad = k->u.chain.ipad;
		job->u.HMAC._hashed_auth_key_xor_opad = k->u.chain.opad;
	}
	imb_set_session(s->mgr, job);
}

static bool mb_has(const struct bench_transform *t)
{
	switch (t->enc) {
	case ESPNIC_ENC_AES_GCM:
	case ESPNIC_ENC_CHACHA20_POLY1305:
		return true;
	case ESPNIC_ENC_AES_CBC:
	case ESPNIC_ENC_AES_CTR:
		return hash_of(t->auth) != IMB_AUTH_NULL;
	default:
		return false;
	}
}

static void *mb_start(const struct bench_case *c)
{
	bool small = c->transform->enc_key_len == 16;
	struct mb_state *s;

	if (!mb_has(c->transform))
		return NULL;
	s = bench_alloc(sizeof(*s));
	s->c = c;
	s->mgr = alloc_mb_mgr(0);
	if (!s->mgr)
		bench_die("out of memory");
	init_mb_mgr_auto(s->mgr, NULL);
	if (imb_get_errno(s->mgr))
		bench_die("libipsec-mb does not start");
	s->gcm_enc = small ? s->mgr->gcm128_enc : s->mgr->gcm256_enc;
	s->gcm_dec = small ? s->mgr->gcm128_dec : s->mgr->gcm256_dec;
	s->pool = bench_pool(c);
	/* A key for each direction, as each SA has its own. */
	s->keys = bench_alloc(2 * sizeof(*s->keys) * c->sas);
	s->jobs = bench_alloc(2 * sizeof(*s->jobs) * c->sas);
	for (uint32_t i = 0; i < 2 * c->sas; i++) {
		expand_key(s, &s->keys[i], i / 2);
		template_job(s, &s->keys[i], i % 2 ? IMB_DIR_DECRYPT : IMB_DIR_ENCRYPT,
			     &s->jobs[i]);
	}
	return s;
}

static void *direct_start(const struct bench_case *c)
{
	if (c->transform->auth != ESPNIC_AUTH_NONE)
		return NULL;	/* there are no direct calls that chain cipher and MAC */
	return mb_start(c);
}

static void choose_keys(struct mb_state *s, unsigned int first, unsigned int n)
{
	for (unsigned int i = first; i < first + n; i++)
		s->pool[i].sa = bench_sa[i];
}

static void direct(struct mb_state *s, unsigned int first, unsigned int n, bool encrypt)
{
	aes_gcm_enc_dec_t gcm = encrypt ? s->gcm_enc : s->gcm_dec;
	uint8_t icv_len = s->c->transform->icv_len;

	for (unsigned int i = first; i < first + n; i++) {
		struct bench_buf *b = &s->pool[i];
		const struct mb_key *k = &s->keys[2 * b->sa + !encrypt];

		if (s->c->transform->enc == ESPNIC_ENC_AES_GCM) {
			gcm(&k->u.gcm, &s->gcm_context, b->data, b->data, b->len, b->iv, b->aad,
			    sizeof(b->aad), b->tag, icv_len);
			continue;
		}
		IMB_CHACHA20_POLY1305_INIT(s->mgr, k->u.chacha, &s->chacha_context, b->iv, b->aad,
					   sizeof(b->aad));
		if (encrypt)
			IMB_CHACHA20_POLY1305_ENC_UPDATE(s->mgr, k->u.chacha, &s->chacha_context,
							 b->data, b->data, b->len);
		else
			IMB_CHACHA20_POLY1305_DEC_UPDATE(s->mgr, k->u.chacha, &s->chacha_context,
							 b->data, b->data, b->len);
		IMB_CHACHA20_POLY1305_ENC_FINALIZE(s->mgr, &s->chacha_context, b->tag, icv_len);
	}
}

static void direct_encrypt(void *state, unsigned int first, unsigned int n)
{
	choose_keys(state, first, n);
	direct(state, first, n, true);
}

static void direct_decrypt(void *state, unsigned int first, unsigned int n)
{
	direct(state, first, n, false);
}

static void fill(struct mb_state *s, struct bench_buf *b, IMB_JOB *job, bool encrypt)
{
	*job = s->jobs[2 * b->sa + !encrypt];
	job->src = b->data;
	job->dst = b->data;
	job->msg_len_to_cipher_in_bytes = b->len;
	job->msg_len_to_hash_in_bytes = b->len;
	job->iv = b->iv;
	job->auth_tag_output = b->tag;
	if (job->cipher_mode == IMB_CIPHER_GCM)
		job->u.GCM.aad = b->aad;
	else if (job->cipher_mode == IMB_CIPHER_CHACHA20_POLY1305)
		job->u.CHACHA20_POLY1305.aad = b->aad;
}

static void count_bad(struct mb_state *s, IMB_JOB *const *jobs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		s->bad += jobs[i]->status != IMB_STATUS_COMPLETED;
}

/* Jobs of the manager's own queue; at the end nothing is left in its lanes. */
static void jobs(struct mb_state *s, unsigned int first, unsigned int n, bool encrypt)
{
	IMB_JOB *queue[BENCH_BURST_MAX];
	uint32_t done;

	if (IMB_GET_NEXT_BURST(s->mgr, n, queue) != n)
		bench_die("libipsec-mb has no room for a burst");
	for (unsigned int i = 0; i < n; i++)
		fill(s, &s->pool[first + i], queue[i], encrypt);
	done = IMB_SUBMIT_BURST_NOCHECK(s->mgr, n, queue);
	count_bad(s, queue, done);
	while (done < n) {
		uint32_t more = IMB_FLUSH_BURST(s->mgr, n - done, queue);

		if (!more)
			bench_die("libipsec-mb lost a job");
		count_bad(s, queue, more);
		done += more;
	}
}

static void burst_encrypt(void *state, unsigned int first, unsigned int n)
{
	choose_keys(state, first, n);
	jobs(state, first, n, true);
}

static void burst_decrypt(void *state, unsigned int first, unsigned int n)
{
	jobs(state, first, n, false);
}

static bool mb_check(void *state)
{
	struct mb_state *s = state;

	return s->bad == 0 && bench_pool_check(s->c, s->pool);
}

static void mb_stop(void *state)
{
	struct mb_state *s = state;

	free_mb_mgr(s->mgr);
	bench_pool_free(s->pool);
	free(s->keys);
	free(s->jobs);
	free(s);
}

const struct bench_subject bench_mb_direct = {
	.name = "ipsec-mb direct",
	.start = direct_start,
	.encrypt = direct_encrypt,
	.decrypt = direct_decrypt,
	.check = mb_check,
	.stop = mb_stop,
};

const struct bench_subject bench_mb_burst = {
	.name = "ipsec-mb burst",
	.start = mb_start,
	.encrypt = burst_encrypt,
	.decrypt = burst_decrypt,
	.check = mb_check,
	.stop = mb_stop,
};
