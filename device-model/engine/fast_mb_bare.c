// SPDX-License-Identifier: BSD-2-Clause
/* Bare requests of body fast: what espnic-engine crypto asks, through the jobs and calls that packets go through. */
#include <stdlib.h>
#include <string.h>

#include "engine/fast_mb.h"
#include "engine/ip.h"
#include "engine/wipe.h"

enum {
	KEY_ROOM = sizeof(struct espnic_fast_key) + sizeof(struct espnic_fast_gcm) + ESPNIC_CACHE_LINE,
	XCBC_TAG = 12,			/* bytes: RFC 3566, and all the library gives */
	CCM_AAD_MAX = 46,		/* bytes: libipsec-mb's limit; a packet has 12 */
	MESSAGE_ROOM = 4096,		/* bytes a message begins with */
};

_Static_assert(sizeof(struct espnic_fast_gcm) >= sizeof(struct espnic_fast_aes) &&
	       sizeof(struct espnic_fast_gcm) >= sizeof(struct espnic_fast_des3) &&
	       sizeof(struct espnic_fast_gcm) >= sizeof(struct espnic_fast_cbcmac),
	       "the largest part of a key is GCM's");

static struct espnic_fast_thread *own(struct espnic_engine_thread *t)
{
	return t->body;
}

static bool make(void *key, const struct espnic_fast_spec *spec)
{
	if (!espnic_fast_key_size(spec))
		return false;
	espnic_fast_key_make(key, spec);
	return true;
}

static bool make_cipher(void *key, enum espnic_enc enc, const uint8_t *raw, size_t len)
{
	const struct espnic_fast_spec spec = { .enc = enc, .enc_key = raw, .enc_key_len = len };

	return make(key, &spec);
}

static bool make_mac(void *key, enum espnic_auth auth, const uint8_t *raw, size_t len)
{
	const struct espnic_fast_spec spec = { .auth = auth, .auth_key = raw, .auth_key_len = len };

	return make(key, &spec);
}

/*
 * What bare requests ask and packets never do, libipsec-mb lacks: CCM with 192-bit keys or long AAD, CMAC with other keys than
 * 128 bits, XCBC tags over 12 bytes, a counter that runs out of 32 bits, a MAC of nothing. There libcrypto answers, and the key is made for both.
 */
struct dual_key {
	_Alignas(ESPNIC_CACHE_LINE) uint8_t evp[ESPNIC_FAST_EVP_KEY];
	_Alignas(ESPNIC_CACHE_LINE) uint8_t mb[KEY_ROOM];
	bool mb_has;
};

static const struct espnic_transform *evp(enum espnic_alg alg)
{
	return &espnic_transforms_evp.of[alg];
}

/* ---------------------------------------------------------------- AEADs */

static bool gcm_expand(void *key, const uint8_t *raw, size_t len)
{
	return make_cipher(key, ESPNIC_ENC_AES_GCM, raw, len);
}

static void gcm_seal(struct espnic_engine_thread *t, const void *key, const uint8_t *iv, size_t iv_len,
		     const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len, uint8_t *tag,
		     size_t tag_len)
{
	const struct espnic_fast_key *k = key;

	espnic_fast_gcm_seal(own(t), k->enc, iv, iv_len, aad, aad_len, data, len, tag, tag_len);
}

static bool gcm_open(struct espnic_engine_thread *t, const void *key, const uint8_t *iv, size_t iv_len,
		     const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len, const uint8_t *tag,
		     size_t tag_len)
{
	const struct espnic_fast_key *k = key;

	return espnic_fast_gcm_open(own(t), k->enc, iv, iv_len, aad, aad_len, data, len, tag, tag_len);
}

static void aead_job(struct espnic_engine_thread *t, const void *key, enum espnic_fast_ask ask,
		     const uint8_t *iv, size_t iv_len, const uint8_t *aad, size_t aad_len, uint8_t *data,
		     size_t len, uint8_t *tag, size_t tag_len)
{
	bool good = true;
	IMB_JOB *job;

	espnic_fast_get(own(t), &job, 1);
	espnic_fast_job(job, key, ask);
	job->src = data;
	job->dst = data;
	job->iv = iv;
	job->iv_len_in_bytes = iv_len;
	job->msg_len_to_cipher_in_bytes = len;
	job->msg_len_to_hash_in_bytes = len;
	job->auth_tag_output = tag;
	job->auth_tag_output_len_in_bytes = tag_len;
	job->u.CCM.aad = aad;
	job->u.CCM.aad_len_in_bytes = aad_len;
	job->user_data = &good;
	espnic_fast_submit(own(t), &job, 1);
	if (!good)
		abort();
}

static void job_seal(struct espnic_engine_thread *t, const void *key, const uint8_t *iv, size_t iv_len,
		     const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len, uint8_t *tag,
		     size_t tag_len)
{
	aead_job(t, key, ESPNIC_FAST_SEAL, iv, iv_len, aad, aad_len, data, len, tag, tag_len);
}

static bool job_open(struct espnic_engine_thread *t, const void *key, const uint8_t *iv, size_t iv_len,
		     const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len, const uint8_t *tag,
		     size_t tag_len)
{
	uint8_t right[IMB_AES_BLOCK_SIZE];
	bool good;

	aead_job(t, key, ESPNIC_FAST_OPEN, iv, iv_len, aad, aad_len, data, len, right, tag_len);
	good = espnic_equal_ct(right, tag, tag_len);
	if (!good)
		aead_job(t, key, ESPNIC_FAST_SEAL, iv, iv_len, aad, aad_len, data, len, right, tag_len);
	espnic_wipe(right, sizeof(right));
	return good;
}

static bool chacha_expand(void *key, const uint8_t *raw, size_t len)
{
	return make_cipher(key, ESPNIC_ENC_CHACHA20_POLY1305, raw, len);
}

static bool ccm_expand(void *key, const uint8_t *raw, size_t len)
{
	struct dual_key *k = key;

	k->mb_has = make_cipher(k->mb, ESPNIC_ENC_AES_CCM, raw, len);
	return evp(ESPNIC_ALG_AES_CCM)->aead->expand(k->evp, raw, len);
}

static void ccm_seal(struct espnic_engine_thread *t, const void *key, const uint8_t *iv, size_t iv_len,
		     const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len, uint8_t *tag,
		     size_t tag_len)
{
	const struct dual_key *k = key;

	if (k->mb_has && aad_len <= CCM_AAD_MAX)
		job_seal(t, k->mb, iv, iv_len, aad, aad_len, data, len, tag, tag_len);
	else
		evp(ESPNIC_ALG_AES_CCM)->aead->seal(t, k->evp, iv, iv_len, aad, aad_len, data, len, tag,
						    tag_len);
}

static bool ccm_open(struct espnic_engine_thread *t, const void *key, const uint8_t *iv, size_t iv_len,
		     const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len, const uint8_t *tag,
		     size_t tag_len)
{
	const struct dual_key *k = key;

	if (k->mb_has && aad_len <= CCM_AAD_MAX)
		return job_open(t, k->mb, iv, iv_len, aad, aad_len, data, len, tag, tag_len);
	return evp(ESPNIC_ALG_AES_CCM)->aead->open(t, k->evp, iv, iv_len, aad, aad_len, data, len, tag,
						   tag_len);
}

static const struct espnic_aead_ops gcm_ops = {
	.key_size = KEY_ROOM, .expand = gcm_expand, .seal = gcm_seal, .open = gcm_open,
};
static const struct espnic_aead_ops ccm_ops = {
	.key_size = sizeof(struct dual_key), .expand = ccm_expand, .seal = ccm_seal, .open = ccm_open,
};
static const struct espnic_aead_ops chacha_ops = {
	.key_size = KEY_ROOM, .expand = chacha_expand, .seal = job_seal, .open = job_open,
};

/* ---------------------------------------------------------------- ciphers */

static void cipher_job(struct espnic_engine_thread *t, const void *key, enum espnic_fast_ask ask,
		       const uint8_t *iv, uint8_t *data, size_t len)
{
	bool good = true;
	IMB_JOB *job;

	if (!len)
		return;
	espnic_fast_get(own(t), &job, 1);
	espnic_fast_job(job, key, ask);
	job->src = data;
	job->dst = data;
	job->iv = iv;
	job->msg_len_to_cipher_in_bytes = len;
	job->msg_len_to_hash_in_bytes = 0;
	job->user_data = &good;
	espnic_fast_submit(own(t), &job, 1);
	if (!good)
		abort();
}

static void cipher_encrypt(struct espnic_engine_thread *t, const void *key, const uint8_t *iv, uint8_t *data,
			   size_t len)
{
	cipher_job(t, key, ESPNIC_FAST_SEAL, iv, data, len);
}

static void cipher_decrypt(struct espnic_engine_thread *t, const void *key, const uint8_t *iv, uint8_t *data,
			   size_t len)
{
	cipher_job(t, key, ESPNIC_FAST_OPEN, iv, data, len);
}

#define CIPHER(name, enc_, block_, iv_)							\
static bool name##_expand(void *key, const uint8_t *raw, size_t len)				\
{												\
	return make_cipher(key, enc_, raw, len);						\
}												\
static const struct espnic_cipher_ops name##_ops = {						\
	.key_size = KEY_ROOM, .block = block_, .iv_len = iv_, .expand = name##_expand,		\
	.encrypt = cipher_encrypt, .decrypt = cipher_decrypt,					\
}

CIPHER(cbc, ESPNIC_ENC_AES_CBC, 16, 16);

static bool ctr_expand(void *key, const uint8_t *raw, size_t len)
{
	struct dual_key *k = key;

	k->mb_has = make_cipher(k->mb, ESPNIC_ENC_AES_CTR, raw, len);
	return k->mb_has && evp(ESPNIC_ALG_AES_CTR)->cipher->expand(k->evp, raw, len);
}

/* The library counts in the last four bytes of the block, libcrypto in all of it. */
static void ctr_crypt(struct espnic_engine_thread *t, const void *key, const uint8_t *iv, uint8_t *data,
		      size_t len)
{
	const struct dual_key *k = key;

	if (espnic_get32(iv + 12) + (uint64_t)len / IMB_AES_BLOCK_SIZE >= UINT32_MAX)
		evp(ESPNIC_ALG_AES_CTR)->cipher->encrypt(t, k->evp, iv, data, len);
	else
		cipher_encrypt(t, k->mb, iv, data, len);
}

static const struct espnic_cipher_ops ctr_ops = {
	.key_size = sizeof(struct dual_key), .block = 1, .iv_len = 16, .expand = ctr_expand,
	.encrypt = ctr_crypt, .decrypt = ctr_crypt,
};
CIPHER(des3, ESPNIC_ENC_3DES_CBC, 8, 8);

/* ---------------------------------------------------------------- MACs */

/*
 * The library takes a message whole, so its pieces are gathered first. This is memory by the request, which
 * packets never do.
 */
struct message {
	uint8_t *data;
	size_t len, room;
};

_Static_assert(sizeof(struct message) <= ESPNIC_MAC_STATE && sizeof(struct gcm_context_data) <= ESPNIC_MAC_STATE,
	       "a computation under way fits its place");

static void mac_start(struct espnic_engine_thread *t, const void *key, struct espnic_mac_state *s,
		      const uint8_t *iv, size_t iv_len)
{
	struct message *m = (void *)s->bytes;

	(void)t;
	(void)key;
	(void)iv;
	(void)iv_len;
	m->len = 0;
	m->room = MESSAGE_ROOM;
	m->data = malloc(m->room);
	if (!m->data)
		abort();
}

static void mac_update(struct espnic_engine_thread *t, const void *key, struct espnic_mac_state *s,
		       const uint8_t *data, size_t len)
{
	struct message *m = (void *)s->bytes;

	(void)t;
	(void)key;
	if (len > m->room - m->len) {
		uint8_t *larger = realloc(m->data, 2 * (m->len + len));

		if (!larger)
			abort();
		m->data = larger;
		m->room = 2 * (m->len + len);
	}
	if (len)
		memcpy(m->data + m->len, data, len);
	m->len += len;
}

static void mac_by_evp(struct espnic_engine_thread *t, const struct dual_key *k, enum espnic_alg alg,
		       const struct message *m, uint8_t *tag, size_t tag_len)
{
	const struct espnic_mac_ops *ops = evp(alg)->mac;
	struct espnic_mac_state s;

	ops->start(t, k->evp, &s, NULL, 0);
	ops->update(t, k->evp, &s, m->data, m->len);
	ops->final(t, k->evp, &s, tag, tag_len);
}

static void mac_by_mb(struct espnic_engine_thread *t, const struct dual_key *k, enum espnic_alg alg,
		      const struct message *m, uint8_t *tag, size_t tag_len)
{
	uint8_t right[IMB_SHA512_DIGEST_SIZE_IN_BYTES] = { 0 };
	bool good = true;
	IMB_JOB *job;

	espnic_fast_get(own(t), &job, 1);
	espnic_fast_job(job, (const void *)k->mb, ESPNIC_FAST_CHECK);
	job->src = m->data;
	job->dst = m->data;
	job->msg_len_to_cipher_in_bytes = 0;
	job->msg_len_to_hash_in_bytes = m->len;
	job->auth_tag_output = right;
	job->auth_tag_output_len_in_bytes = alg == ESPNIC_ALG_AES_XCBC ? XCBC_TAG :
									 evp(alg)->mac->tag_max;
	job->user_data = &good;
	espnic_fast_submit(own(t), &job, 1);
	if (!good)
		abort();
	memcpy(tag, right, tag_len);
	espnic_wipe(right, sizeof(right));
}

static void mac_final(struct espnic_engine_thread *t, const struct dual_key *k, enum espnic_alg alg,
		      struct espnic_mac_state *s, uint8_t *tag, size_t tag_len)
{
	struct message *m = (void *)s->bytes;

	if (k->mb_has && m->len && (alg != ESPNIC_ALG_AES_XCBC || tag_len <= XCBC_TAG))
		mac_by_mb(t, k, alg, m, tag, tag_len);
	else
		mac_by_evp(t, k, alg, m, tag, tag_len);
	espnic_wipe(m->data, m->len);
	free(m->data);
	espnic_wipe(s, sizeof(*s));
}

static bool mac_expand(struct dual_key *k, enum espnic_auth auth, enum espnic_alg alg, const uint8_t *raw,
		       size_t len)
{
	k->mb_has = make_mac(k->mb, auth, raw, len);
	return evp(alg)->mac->expand(k->evp, raw, len);
}

#define MAC(name, auth_, alg, whole)								\
static bool name##_expand(void *key, const uint8_t *raw, size_t len)				\
{												\
	return mac_expand(key, auth_, alg, raw, len);						\
}												\
static void name##_final(struct espnic_engine_thread *t, const void *key,			\
			 struct espnic_mac_state *s, uint8_t *tag, size_t tag_len)		\
{												\
	mac_final(t, key, alg, s, tag, tag_len);						\
}												\
static const struct espnic_mac_ops name##_ops = {						\
	.key_size = sizeof(struct dual_key), .tag_max = whole, .expand = name##_expand,		\
	.start = mac_start, .update = mac_update, .final = name##_final,			\
}

MAC(md5, ESPNIC_AUTH_HMAC_MD5_96, ESPNIC_ALG_HMAC_MD5, IMB_MD5_DIGEST_SIZE_IN_BYTES);
MAC(sha1, ESPNIC_AUTH_HMAC_SHA1_96, ESPNIC_ALG_HMAC_SHA1, IMB_SHA1_DIGEST_SIZE_IN_BYTES);
MAC(sha256, ESPNIC_AUTH_HMAC_SHA256_128, ESPNIC_ALG_HMAC_SHA256, IMB_SHA256_DIGEST_SIZE_IN_BYTES);
MAC(sha384, ESPNIC_AUTH_HMAC_SHA384_192, ESPNIC_ALG_HMAC_SHA384, IMB_SHA384_DIGEST_SIZE_IN_BYTES);
MAC(sha512, ESPNIC_AUTH_HMAC_SHA512_256, ESPNIC_ALG_HMAC_SHA512, IMB_SHA512_DIGEST_SIZE_IN_BYTES);
MAC(xcbc, ESPNIC_AUTH_AES_XCBC_96, ESPNIC_ALG_AES_XCBC, IMB_AES_BLOCK_SIZE);
MAC(cmac, ESPNIC_AUTH_AES_CMAC_96, ESPNIC_ALG_AES_CMAC, IMB_AES_BLOCK_SIZE);

static bool gmac_expand(void *key, const uint8_t *raw, size_t len)
{
	return make_mac(key, ESPNIC_AUTH_AES_GMAC, raw, len);
}

static const struct espnic_fast_gcm *gmac_key(const void *key)
{
	return ((const struct espnic_fast_key *)key)->enc;
}

static void gmac_start(struct espnic_engine_thread *t, const void *key, struct espnic_mac_state *s,
		       const uint8_t *iv, size_t iv_len)
{
	(void)t;
	gmac_key(key)->gmac_init(&gmac_key(key)->data, (void *)s->bytes, iv, iv_len);
}

static void gmac_update(struct espnic_engine_thread *t, const void *key, struct espnic_mac_state *s,
			const uint8_t *data, size_t len)
{
	(void)t;
	if (len)
		gmac_key(key)->gmac_update(&gmac_key(key)->data, (void *)s->bytes, data, len);
}

static void gmac_final(struct espnic_engine_thread *t, const void *key, struct espnic_mac_state *s,
		       uint8_t *tag, size_t tag_len)
{
	(void)t;
	gmac_key(key)->gmac_final(&gmac_key(key)->data, (void *)s->bytes, tag, tag_len);
	espnic_wipe(s, sizeof(*s));
}

static const struct espnic_mac_ops gmac_ops = {
	.key_size = KEY_ROOM, .tag_max = IMB_AES_BLOCK_SIZE, .iv_len = 12, .expand = gmac_expand,
	.start = gmac_start, .update = gmac_update, .final = gmac_final,
};

const struct espnic_transforms espnic_transforms_mb = {
	.body = "fast",
	.of = {
		[ESPNIC_ALG_AES_GCM].aead = &gcm_ops,
		[ESPNIC_ALG_AES_CCM].aead = &ccm_ops,
		[ESPNIC_ALG_CHACHA20_POLY1305].aead = &chacha_ops,
		[ESPNIC_ALG_AES_GMAC].mac = &gmac_ops,
		[ESPNIC_ALG_AES_CBC].cipher = &cbc_ops,
		[ESPNIC_ALG_AES_CTR].cipher = &ctr_ops,
		[ESPNIC_ALG_3DES_CBC].cipher = &des3_ops,
		[ESPNIC_ALG_HMAC_MD5].mac = &md5_ops,
		[ESPNIC_ALG_HMAC_SHA1].mac = &sha1_ops,
		[ESPNIC_ALG_HMAC_SHA256].mac = &sha256_ops,
		[ESPNIC_ALG_HMAC_SHA384].mac = &sha384_ops,
		[ESPNIC_ALG_HMAC_SHA512].mac = &sha512_ops,
		[ESPNIC_ALG_AES_XCBC].mac = &xcbc_ops,
		[ESPNIC_ALG_AES_CMAC].mac = &cmac_ops,
	},
};
