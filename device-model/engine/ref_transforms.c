// SPDX-License-Identifier: BSD-2-Clause
/* The transforms of body ref, each behind the interface of its kind. None needs the thread. */
#include "engine/gcm.h"
#include "engine/prim/cbc.h"
#include "engine/prim/ccm.h"
#include "engine/prim/chacha20_poly1305.h"
#include "engine/prim/cmac.h"
#include "engine/prim/ctr.h"
#include "engine/prim/des3.h"
#include "engine/prim/hmac.h"
#include "engine/transform.h"
#include "engine/wipe.h"

static const char *ref_unavailable(void)
{
	return NULL;
}

/* ---------------------------------------------------------------- AEADs */

static bool gcm_expand(void *key, const uint8_t *raw, size_t len)
{
	return espnic_gcm_init(key, raw, len);
}

static void gcm_seal(struct espnic_engine_thread *t, const void *key,
		     const uint8_t *iv, size_t iv_len, const uint8_t *aad, size_t aad_len,
		     uint8_t *data, size_t len, uint8_t *tag, size_t tag_len)
{
	(void)t;
	espnic_gcm_seal(key, iv, iv_len, aad, aad_len, data, len, tag, tag_len);
}

static bool gcm_open(struct espnic_engine_thread *t, const void *key,
		     const uint8_t *iv, size_t iv_len, const uint8_t *aad, size_t aad_len,
		     uint8_t *data, size_t len, const uint8_t *tag, size_t tag_len)
{
	(void)t;
	return espnic_gcm_open(key, iv, iv_len, aad, aad_len, data, len, tag, tag_len);
}

const struct espnic_aead_ops espnic_aead_ref = {
	.key_size = sizeof(struct espnic_gcm),
	.expand = gcm_expand,
	.seal = gcm_seal,
	.open = gcm_open,
};

static bool aes_expand(void *key, const uint8_t *raw, size_t len)
{
	return espnic_aes_init(key, raw, len);
}

static void ccm_seal(struct espnic_engine_thread *t, const void *key,
		     const uint8_t *iv, size_t iv_len, const uint8_t *aad, size_t aad_len,
		     uint8_t *data, size_t len, uint8_t *tag, size_t tag_len)
{
	(void)t;
	espnic_ccm_seal(key, iv, iv_len, aad, aad_len, data, len, tag, tag_len);
}

static bool ccm_open(struct espnic_engine_thread *t, const void *key,
		     const uint8_t *iv, size_t iv_len, const uint8_t *aad, size_t aad_len,
		     uint8_t *data, size_t len, const uint8_t *tag, size_t tag_len)
{
	(void)t;
	return espnic_ccm_open(key, iv, iv_len, aad, aad_len, data, len, tag, tag_len);
}

static const struct espnic_aead_ops ccm_ref = {
	.key_size = sizeof(struct espnic_aes),
	.expand = aes_expand,
	.seal = ccm_seal,
	.open = ccm_open,
};

static bool chacha_expand(void *key, const uint8_t *raw, size_t len)
{
	if (len != ESPNIC_CHACHA20_KEY)
		return false;
	memcpy(key, raw, len);
	return true;
}

/* Nonce and tag have one length each: the caller has seen to it. */
static void chacha_seal(struct espnic_engine_thread *t, const void *key,
			const uint8_t *iv, size_t iv_len, const uint8_t *aad, size_t aad_len,
			uint8_t *data, size_t len, uint8_t *tag, size_t tag_len)
{
	(void)t;
	(void)iv_len;
	(void)tag_len;
	espnic_chacha20_poly1305_seal(key, iv, aad, aad_len, data, len, tag);
}

static bool chacha_open(struct espnic_engine_thread *t, const void *key,
			const uint8_t *iv, size_t iv_len, const uint8_t *aad, size_t aad_len,
			uint8_t *data, size_t len, const uint8_t *tag, size_t tag_len)
{
	(void)t;
	(void)iv_len;
	(void)tag_len;
	return espnic_chacha20_poly1305_open(key, iv, aad, aad_len, data, len, tag);
}

static const struct espnic_aead_ops chacha_ref = {
	.key_size = ESPNIC_CHACHA20_KEY,
	.expand = chacha_expand,
	.seal = chacha_seal,
	.open = chacha_open,
};

/* ---------------------------------------------------------------- ciphers */

static void cbc_encrypt(struct espnic_engine_thread *t, const void *key, const uint8_t *iv,
			uint8_t *data, size_t len)
{
	(void)t;
	espnic_cbc_encrypt(key, iv, data, len);
}

static void cbc_decrypt(struct espnic_engine_thread *t, const void *key, const uint8_t *iv,
			uint8_t *data, size_t len)
{
	(void)t;
	espnic_cbc_decrypt(key, iv, data, len);
}

static const struct espnic_cipher_ops cbc_ref = {
	.key_size = sizeof(struct espnic_aes),
	.block = ESPNIC_AES_BLOCK,
	.iv_len = ESPNIC_AES_BLOCK,
	.expand = aes_expand,
	.encrypt = cbc_encrypt,
	.decrypt = cbc_decrypt,
};

static void ctr_crypt(struct espnic_engine_thread *t, const void *key, const uint8_t *iv,
		      uint8_t *data, size_t len)
{
	(void)t;
	espnic_ctr(key, iv, data, len);
}

static const struct espnic_cipher_ops ctr_ref = {
	.key_size = sizeof(struct espnic_aes),
	.block = 1,
	.iv_len = ESPNIC_AES_BLOCK,
	.expand = aes_expand,
	.encrypt = ctr_crypt,
	.decrypt = ctr_crypt,
};

static bool des3_expand(void *key, const uint8_t *raw, size_t len)
{
	return espnic_des3_init(key, raw, len);
}

static void des3_encrypt(struct espnic_engine_thread *t, const void *key, const uint8_t *iv,
			 uint8_t *data, size_t len)
{
	(void)t;
	espnic_des3_cbc_encrypt(key, iv, data, len);
}

static void des3_decrypt(struct espnic_engine_thread *t, const void *key, const uint8_t *iv,
			 uint8_t *data, size_t len)
{
	(void)t;
	espnic_des3_cbc_decrypt(key, iv, data, len);
}

static const struct espnic_cipher_ops des3_ref = {
	.key_size = sizeof(struct espnic_des3),
	.block = ESPNIC_DES_BLOCK,
	.iv_len = ESPNIC_DES_BLOCK,
	.expand = des3_expand,
	.encrypt = des3_encrypt,
	.decrypt = des3_decrypt,
};

/* ---------------------------------------------------------------- MACs */

_Static_assert(sizeof(struct espnic_gmac) <= ESPNIC_MAC_STATE, "GMAC fits in a MAC's state");
_Static_assert(sizeof(struct espnic_cmac) <= ESPNIC_MAC_STATE, "CMAC fits in a MAC's state");
_Static_assert(sizeof(struct espnic_hash) <= ESPNIC_MAC_STATE, "HMAC fits in a MAC's state");

static void gmac_start(struct espnic_engine_thread *t, const void *key, struct espnic_mac_state *s,
		       const uint8_t *iv, size_t iv_len)
{
	(void)t;
	espnic_gmac_start(key, (struct espnic_gmac *)s, iv, iv_len);
}

static void gmac_update(struct espnic_engine_thread *t, const void *key,
			struct espnic_mac_state *s, const uint8_t *data, size_t len)
{
	(void)t;
	espnic_gmac_update(key, (struct espnic_gmac *)s, data, len);
}

static void gmac_final(struct espnic_engine_thread *t, const void *key, struct espnic_mac_state *s,
		       uint8_t *tag, size_t tag_len)
{
	uint8_t full[ESPNIC_GCM_TAG];

	(void)t;
	espnic_gmac_final(key, (struct espnic_gmac *)s, full);
	memcpy(tag, full, tag_len);
	espnic_wipe(full, sizeof(full));
}

static const struct espnic_mac_ops gmac_ref = {
	.key_size = sizeof(struct espnic_gcm),
	.tag_max = ESPNIC_GCM_TAG,
	.iv_len = ESPNIC_GCM_NONCE,
	.expand = gcm_expand,
	.start = gmac_start,
	.update = gmac_update,
	.final = gmac_final,
};

static bool cmac_expand(void *key, const uint8_t *raw, size_t len)
{
	return espnic_cmac_init(key, raw, len);
}

static bool xcbc_expand(void *key, const uint8_t *raw, size_t len)
{
	return espnic_xcbc_init(key, raw, len);
}

static void cmac_start(struct espnic_engine_thread *t, const void *key, struct espnic_mac_state *s,
		       const uint8_t *iv, size_t iv_len)
{
	(void)t;
	(void)key;
	(void)iv;
	(void)iv_len;
	espnic_cmac_start((struct espnic_cmac *)s);
}

static void cmac_update(struct espnic_engine_thread *t, const void *key,
			struct espnic_mac_state *s, const uint8_t *data, size_t len)
{
	(void)t;
	espnic_cmac_update(key, (struct espnic_cmac *)s, data, len);
}

static void cmac_final(struct espnic_engine_thread *t, const void *key, struct espnic_mac_state *s,
		       uint8_t *tag, size_t tag_len)
{
	uint8_t full[ESPNIC_AES_BLOCK];

	(void)t;
	espnic_cmac_final(key, (struct espnic_cmac *)s, full);
	memcpy(tag, full, tag_len);
	espnic_wipe(full, sizeof(full));
}

static const struct espnic_mac_ops cmac_ref = {
	.key_size = sizeof(struct espnic_cmac_key),
	.tag_max = ESPNIC_AES_BLOCK,
	.expand = cmac_expand,
	.start = cmac_start,
	.update = cmac_update,
	.final = cmac_final,
};

static const struct espnic_mac_ops xcbc_ref = {
	.key_size = sizeof(struct espnic_cmac_key),
	.tag_max = ESPNIC_AES_BLOCK,
	.expand = xcbc_expand,
	.start = cmac_start,
	.update = cmac_update,
	.final = cmac_final,
};

static void hmac_final(const struct espnic_hash_alg *alg, const void *key,
		       struct espnic_mac_state *s, uint8_t *tag, size_t tag_len)
{
	uint8_t full[ESPNIC_HASH_DIGEST_MAX];

	espnic_hmac_final(alg, key, (struct espnic_hash *)s, full);
	memcpy(tag, full, tag_len);
	espnic_wipe(full, sizeof(full));
}

/* HMAC over each hash: the same four calls with the hash filled in. */
#define HMAC_REF(hash, digest_)								\
static bool hmac_##hash##_expand(void *key, const uint8_t *raw, size_t len)		\
{											\
	espnic_hmac_init(&espnic_##hash, key, raw, len);				\
	return true;									\
}											\
											\
static void hmac_##hash##_start(struct espnic_engine_thread *t, const void *key,	\
				struct espnic_mac_state *s, const uint8_t *iv,		\
				size_t iv_len)						\
{											\
	(void)t;									\
	(void)iv;									\
	(void)iv_len;									\
	espnic_hmac_start(&espnic_##hash, key, (struct espnic_hash *)s);		\
}											\
											\
static void hmac_##hash##_update(struct espnic_engine_thread *t, const void *key,	\
				 struct espnic_mac_state *s, const uint8_t *data,	\
				 size_t len)						\
{											\
	(void)t;									\
	(void)key;									\
	espnic_hash_update(&espnic_##hash, (struct espnic_hash *)s, data, len);		\
}											\
											\
static void hmac_##hash##_final(struct espnic_engine_thread *t, const void *key,	\
				struct espnic_mac_state *s, uint8_t *tag,		\
				size_t tag_len)						\
{											\
	(void)t;									\
	hmac_final(&espnic_##hash, key, s, tag, tag_len);				\
}											\
											\
static const struct espnic_mac_ops hmac_##hash##_ref = {				\
	.key_size = sizeof(struct espnic_hmac_key),					\
	.tag_max = (digest_),								\
	.expand = hmac_##hash##_expand,							\
	.start = hmac_##hash##_start,							\
	.update = hmac_##hash##_update,							\
	.final = hmac_##hash##_final,							\
}

HMAC_REF(md5, 16);
HMAC_REF(sha1, 20);
HMAC_REF(sha256, 32);
HMAC_REF(sha384, 48);
HMAC_REF(sha512, 64);

const struct espnic_transforms espnic_transforms_ref = {
	.body = "ref",
	.unavailable = ref_unavailable,
	.of = {
		[ESPNIC_ALG_AES_GCM].aead = &espnic_aead_ref,
		[ESPNIC_ALG_AES_CCM].aead = &ccm_ref,
		[ESPNIC_ALG_CHACHA20_POLY1305].aead = &chacha_ref,
		[ESPNIC_ALG_AES_GMAC].mac = &gmac_ref,
		[ESPNIC_ALG_AES_CBC].cipher = &cbc_ref,
		[ESPNIC_ALG_AES_CTR].cipher = &ctr_ref,
		[ESPNIC_ALG_3DES_CBC].cipher = &des3_ref,
		[ESPNIC_ALG_HMAC_MD5].mac = &hmac_md5_ref,
		[ESPNIC_ALG_HMAC_SHA1].mac = &hmac_sha1_ref,
		[ESPNIC_ALG_HMAC_SHA256].mac = &hmac_sha256_ref,
		[ESPNIC_ALG_HMAC_SHA384].mac = &hmac_sha384_ref,
		[ESPNIC_ALG_HMAC_SHA512].mac = &hmac_sha512_ref,
		[ESPNIC_ALG_AES_XCBC].mac = &xcbc_ref,
		[ESPNIC_ALG_AES_CMAC].mac = &cmac_ref,
	},
};
