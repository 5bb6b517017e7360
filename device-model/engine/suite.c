// SPDX-License-Identifier: BSD-2-Clause
/* From a suite (what an SA names) to bare transforms, one job after the other. */
#include <string.h>

#include "engine/body.h"
#include "engine/sa.h"
#include "engine/wipe.h"

/* Head of the prepared keys: what the suite is made of. NULL: nothing of that kind. */
struct suite_key {
	const struct espnic_aead_ops *aead;
	const struct espnic_cipher_ops *cipher;
	const struct espnic_mac_ops *mac;
	size_t mac_off;			/* of the MAC's key in keys; the other one is at 0 */
	_Alignas(ESPNIC_CACHE_LINE) uint8_t keys[];
};

static const enum espnic_alg enc_algs[ESPNIC_ENCS] = {
	[ESPNIC_ENC_NULL] = ESPNIC_ALGS,
	[ESPNIC_ENC_AES_GCM] = ESPNIC_ALG_AES_GCM,
	[ESPNIC_ENC_AES_GMAC] = ESPNIC_ALG_AES_GMAC,
	[ESPNIC_ENC_AES_CCM] = ESPNIC_ALG_AES_CCM,
	[ESPNIC_ENC_CHACHA20_POLY1305] = ESPNIC_ALG_CHACHA20_POLY1305,
	[ESPNIC_ENC_AES_CBC] = ESPNIC_ALG_AES_CBC,
	[ESPNIC_ENC_AES_CTR] = ESPNIC_ALG_AES_CTR,
	[ESPNIC_ENC_3DES_CBC] = ESPNIC_ALG_3DES_CBC,
};

static const enum espnic_alg auth_algs[ESPNIC_AUTHS] = {
	[ESPNIC_AUTH_NONE] = ESPNIC_ALGS,
	[ESPNIC_AUTH_HMAC_MD5_96] = ESPNIC_ALG_HMAC_MD5,
	[ESPNIC_AUTH_HMAC_SHA1_96] = ESPNIC_ALG_HMAC_SHA1,
	[ESPNIC_AUTH_HMAC_SHA256_128] = ESPNIC_ALG_HMAC_SHA256,
	[ESPNIC_AUTH_HMAC_SHA384_192] = ESPNIC_ALG_HMAC_SHA384,
	[ESPNIC_AUTH_HMAC_SHA512_256] = ESPNIC_ALG_HMAC_SHA512,
	[ESPNIC_AUTH_AES_XCBC_96] = ESPNIC_ALG_AES_XCBC,
	[ESPNIC_AUTH_AES_CMAC_96] = ESPNIC_ALG_AES_CMAC,
	[ESPNIC_AUTH_AES_GMAC] = ESPNIC_ALG_AES_GMAC,
};

static size_t round_line(size_t n)
{
	return (n + ESPNIC_CACHE_LINE - 1) / ESPNIC_CACHE_LINE * ESPNIC_CACHE_LINE;
}

/* The parts of @p's suite into @s; false: one is lacking. */
static bool find_parts(const struct espnic_transforms *transforms,
		       const struct espnic_sa_params *p, struct suite_key *s)
{
	enum espnic_alg enc = enc_algs[p->enc], auth = auth_algs[p->auth];

	memset(s, 0, sizeof(*s));
	/* RFC 4543 section 3: ENCR_NULL_AUTH_AES_GMAC is called a cipher and is none. */
	if (enc == ESPNIC_ALG_AES_GMAC) {
		auth = enc;
		enc = ESPNIC_ALGS;
	}
	if (enc != ESPNIC_ALGS) {
		s->aead = transforms->of[enc].aead;
		s->cipher = transforms->of[enc].cipher;
		if (!s->aead && !s->cipher)
			return false;
	}
	if (auth != ESPNIC_ALGS) {
		s->mac = transforms->of[auth].mac;
		if (!s->mac)
			return false;
	}
	s->mac_off = s->aead ? s->aead->key_size : s->cipher ? s->cipher->key_size : 0;
	s->mac_off = round_line(s->mac_off);
	return true;
}

size_t espnic_suite_key_size(const struct espnic_transforms *transforms,
			     const struct espnic_sa_params *p)
{
	struct suite_key s;

	if (!find_parts(transforms, p, &s))
		return 0;
	return sizeof(s) + s.mac_off + (s.mac ? round_line(s.mac->key_size) : 0);
}

bool espnic_suite_expand(const struct espnic_transforms *transforms, void *key,
			 const struct espnic_sa_params *p)
{
	bool gmac = p->enc == ESPNIC_ENC_AES_GMAC;
	struct suite_key *s = key;

	if (!find_parts(transforms, p, s))
		return false;
	if (s->aead && !s->aead->expand(s->keys, p->enc_key, p->enc_key_len))
		return false;
	if (s->cipher && !s->cipher->expand(s->keys, p->enc_key, p->enc_key_len))
		return false;
	return !s->mac || s->mac->expand(s->keys + s->mac_off, gmac ? p->enc_key : p->auth_key,
					 gmac ? p->enc_key_len : p->auth_key_len);
}

static void run_aead(struct espnic_engine_thread *t, const struct suite_key *s,
		     struct espnic_job *job)
{
	uint8_t icv_len = job->sa->info.icv_len;

	if (job->seal)
		s->aead->seal(t, s->keys, job->iv, job->iv_len, job->auth, job->auth_len,
			      job->text, job->text_len, job->icv, icv_len);
	else
		job->good = s->aead->open(t, s->keys, job->iv, job->iv_len, job->auth,
					  job->auth_len, job->text, job->text_len, job->icv,
					  icv_len);
}

static void compute_mac(struct espnic_engine_thread *t, const struct suite_key *s,
			const struct espnic_job *job, uint8_t *icv)
{
	const void *key = s->keys + s->mac_off;
	const uint8_t *iv = s->mac->iv_len ? job->iv : NULL;
	struct espnic_mac_state state;

	s->mac->start(t, key, &state, iv, iv ? job->iv_len : 0);
	s->mac->update(t, key, &state, job->auth, job->auth_len);
	s->mac->final(t, key, &state, icv, job->sa->info.icv_len);
}

void espnic_suite_run(struct espnic_engine_thread *t, const void *key, struct espnic_job *job)
{
	const struct suite_key *s = key;
	uint8_t right[ESPNIC_ICV_MAX];

	if (s->aead) {
		run_aead(t, s, job);
		return;
	}
	if (job->seal) {
		if (s->cipher)
			s->cipher->encrypt(t, s->keys, job->iv, job->text, job->text_len);
		compute_mac(t, s, job, job->icv);
		return;
	}
	compute_mac(t, s, job, right);
	job->good = espnic_equal_ct(right, job->icv, job->sa->info.icv_len);
	espnic_wipe(right, sizeof(right));
	if (job->good && s->cipher)
		s->cipher->decrypt(t, s->keys, job->iv, job->text, job->text_len);
}
