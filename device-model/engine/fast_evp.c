// SPDX-License-Identifier: BSD-2-Clause
#include "engine/fast_evp.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "engine/fast_lib.h"
#include "engine/pipeline.h"
#include "engine/sa.h"
#include "engine/wipe.h"

enum {
	BLOCK = 16,			/* bytes: AES */
	RAW_MAX = 128,			/* bytes: the longest HMAC block */
};

/* All that is kept of a key: libcrypto expands it for each packet, in the thread's context. */
struct evp_key {
	EVP_CIPHER *cipher;
	uint8_t len;
	uint8_t raw[RAW_MAX];
	uint8_t sub[2][BLOCK];		/* XCBC: K2 and K3 of RFC 3566 section 4 */
};

_Static_assert(sizeof(struct evp_key) <= ESPNIC_FAST_EVP_KEY, "a key fits its place");

enum cipher { GCM, CCM, CHACHA, CBC, CTR, DES3, CIPHERS };
enum { SIZES = 3 };			/* of AES keys: 128, 192, 256 bits */

/* What libcrypto looked up once; lives as long as the process. */
static struct {
	EVP_CIPHER *cipher[CIPHERS][SIZES];
	EVP_MAC *hmac, *cmac, *gmac;
} evp;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *missing;

static void fetch(void)
{
	static const char *const names[CIPHERS][SIZES] = {
		[GCM] = { "AES-128-GCM", "AES-192-GCM", "AES-256-GCM" },
		[CCM] = { "AES-128-CCM", "AES-192-CCM", "AES-256-CCM" },
		[CHACHA] = { NULL, NULL, "ChaCha20-Poly1305" },
		[CBC] = { "AES-128-CBC", "AES-192-CBC", "AES-256-CBC" },
		[CTR] = { "AES-128-CTR", "AES-192-CTR", "AES-256-CTR" },
		[DES3] = { NULL, "DES-EDE3-CBC", NULL },
	};

	for (int c = 0; c < CIPHERS; c++) {
		for (int s = 0; s < SIZES; s++) {
			if (!names[c][s])
				continue;
			evp.cipher[c][s] = EVP_CIPHER_fetch(NULL, names[c][s], NULL);
			if (!evp.cipher[c][s])
				missing = "fast: libcrypto lacks a cipher";
		}
	}
	evp.hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	evp.cmac = EVP_MAC_fetch(NULL, "CMAC", NULL);
	evp.gmac = EVP_MAC_fetch(NULL, "GMAC", NULL);
	if (!evp.hmac || !evp.cmac || !evp.gmac)
		missing = "fast: libcrypto lacks a MAC";
}

static const char *evp_unavailable(void)
{
	pthread_once(&once, fetch);
	return missing;
}

bool espnic_fast_evp_thread_init(struct espnic_fast_evp_thread *t)
{
	t->ctx = EVP_CIPHER_CTX_new();
	return t->ctx && !evp_unavailable();
}

void espnic_fast_evp_thread_fini(struct espnic_fast_evp_thread *t)
{
	EVP_CIPHER_CTX_free(t->ctx);
	t->ctx = NULL;
}

/* Nothing here fails but for want of memory, and then no packet may pass for encrypted. */
static void must(bool good)
{
	if (!good)
		abort();
}

static EVP_CIPHER_CTX *own(struct espnic_engine_thread *t)
{
	return ((struct espnic_fast_evp_thread *)t->body)->ctx;
}

static EVP_CIPHER *find(enum cipher c, size_t key_len)
{
	if (evp_unavailable() || key_len % 8 || key_len < 16 || key_len > 32)
		return NULL;
	return evp.cipher[c][key_len / 8 - 2];
}

static bool expand(void *key, enum cipher c, const uint8_t *raw, size_t len)
{
	struct evp_key *k = key;

	k->cipher = find(c, len);
	if (!k->cipher)
		return false;
	memcpy(k->raw, raw, len);
	k->len = (uint8_t)len;
	return true;
}

/* ---------------------------------------------------------------- ciphers */

static void crypt(EVP_CIPHER_CTX *ctx, const struct evp_key *k, EVP_CIPHER *cipher, const uint8_t *iv,
		  uint8_t *data, size_t len, bool encrypt)
{
	int n;

	must(EVP_CipherInit_ex2(ctx, cipher, k->raw, iv, encrypt, NULL) &&
	     EVP_CIPHER_CTX_set_padding(ctx, 0) && EVP_CipherUpdate(ctx, data, &n, data, (int)len));
}

static void cipher_encrypt(struct espnic_engine_thread *t, const void *key, const uint8_t *iv, uint8_t *data,
			   size_t len)
{
	const struct evp_key *k = key;

	if (len)
		crypt(own(t), k, k->cipher, iv, data, len, true);
}

static void cipher_decrypt(struct espnic_engine_thread *t, const void *key, const uint8_t *iv, uint8_t *data,
			   size_t len)
{
	const struct evp_key *k = key;

	if (len)
		crypt(own(t), k, k->cipher, iv, data, len, false);
}

#define CIPHER(name, which, block_, iv_)						\
static bool name##_expand(void *key, const uint8_t *raw, size_t len)			\
{											\
	return expand(key, which, raw, len);						\
}											\
static const struct espnic_cipher_ops name##_ops = {					\
	.key_size = ESPNIC_FAST_EVP_KEY, .block = block_, .iv_len = iv_,		\
	.expand = name##_expand, .encrypt = cipher_encrypt, .decrypt = cipher_decrypt,	\
}

CIPHER(cbc, CBC, BLOCK, BLOCK);
CIPHER(ctr, CTR, 1, BLOCK);
CIPHER(des3, DES3, 8, 8);

/* ---------------------------------------------------------------- AEADs */

/* One pass of an AEAD over @data. @tag: NULL, it is not asked for. */
static void aead_pass(struct espnic_engine_thread *t, const struct evp_key *k, bool encrypt, bool ccm,
		      const uint8_t *iv, size_t iv_len, const uint8_t *aad, size_t aad_len, uint8_t *data,
		      size_t len, uint8_t *tag, size_t tag_len)
{
	EVP_CIPHER_CTX *ctx = own(t);
	uint8_t nothing[1] = { 0 };
	int n;

	must(EVP_CipherInit_ex2(ctx, k->cipher, NULL, NULL, encrypt, NULL) &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)iv_len, NULL));
	if (ccm)
		must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)tag_len, NULL));
	must(EVP_CipherInit_ex2(ctx, NULL, k->raw, iv, encrypt, NULL));
	/* CCM wants to know the length before the AAD, and makes its tag also of nothing. */
	if (ccm)
		must(EVP_CipherUpdate(ctx, NULL, &n, NULL, (int)len));
	if (aad_len)
		must(EVP_CipherUpdate(ctx, NULL, &n, aad, (int)aad_len));
	if (len || ccm)
		must(EVP_CipherUpdate(ctx, len ? data : nothing, &n, len ? data : nothing, (int)len));
	if (!tag)
		return;
	must(EVP_CipherFinal_ex(ctx, nothing, &n) &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, (int)tag_len, tag));
}

static void aead_seal(struct espnic_engine_thread *t, const void *key, const uint8_t *iv, size_t iv_len,
		      const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len, uint8_t *tag,
		      size_t tag_len)
{
	aead_pass(t, key, true, false, iv, iv_len, aad, aad_len, data, len, tag, tag_len);
}

static void ccm_seal(struct espnic_engine_thread *t, const void *key, const uint8_t *iv, size_t iv_len,
		     const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len, uint8_t *tag,
		     size_t tag_len)
{
	aead_pass(t, key, true, true, iv, iv_len, aad, aad_len, data, len, tag, tag_len);
}

/* Decrypts; a tag that is wrong turns that back, by encrypting with the same key stream. */
static bool aead_open(struct espnic_engine_thread *t, const void *key, const uint8_t *iv, size_t iv_len,
		      const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len, const uint8_t *tag,
		      size_t tag_len)
{
	uint8_t nothing[BLOCK];
	int n;

	aead_pass(t, key, false, false, iv, iv_len, aad, aad_len, data, len, NULL, tag_len);
	must(EVP_CIPHER_CTX_ctrl(own(t), EVP_CTRL_AEAD_SET_TAG, (int)tag_len, (void *)tag));
	if (EVP_CipherFinal_ex(own(t), nothing, &n) == 1)
		return true;
	aead_pass(t, key, true, false, iv, iv_len, aad, aad_len, data, len, NULL, tag_len);
	return false;
}

/* Decrypts or encrypts CCM's text alone: SP 800-38C appendix A.3, counter block 1 on. */
static void ccm_ctr(struct espnic_engine_thread *t, const struct evp_key *k, const uint8_t *iv, size_t iv_len,
		    uint8_t *data, size_t len)
{
	uint8_t block[BLOCK] = { (uint8_t)(BLOCK - 2 - iv_len) };

	memcpy(block + 1, iv, iv_len);
	block[BLOCK - 1] = 1;
	if (len)
		crypt(own(t), k, find(CTR, k->len), block, data, len, true);
}

/*
 * libcrypto zeroes what it decrypted when the tag is wrong, but the packet must stay as it was. So the plaintext is
 * had by CTR, encrypted back for its tag, and decrypted only if that is right.
 */
static bool ccm_open(struct espnic_engine_thread *t, const void *key, const uint8_t *iv, size_t iv_len,
		     const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len, const uint8_t *tag,
		     size_t tag_len)
{
	uint8_t right[BLOCK];
	bool good;

	ccm_ctr(t, key, iv, iv_len, data, len);
	ccm_seal(t, key, iv, iv_len, aad, aad_len, data, len, right, tag_len);
	good = espnic_equal_ct(right, tag, tag_len);
	espnic_wipe(right, sizeof(right));
	if (good)
		ccm_ctr(t, key, iv, iv_len, data, len);
	return good;
}

#define AEAD(name, which, seal_, open_)						\
static bool name##_expand(void *key, const uint8_t *raw, size_t len)		\
{										\
	return expand(key, which, raw, len);					\
}										\
static const struct espnic_aead_ops name##_ops = {				\
	.key_size = ESPNIC_FAST_EVP_KEY, .expand = name##_expand, .seal = seal_, .open = open_, \
}

AEAD(gcm, GCM, aead_seal, aead_open);
AEAD(ccm, CCM, ccm_seal, ccm_open);
AEAD(chacha, CHACHA, aead_seal, aead_open);

/* ---------------------------------------------------------------- MACs */

static EVP_MAC_CTX **mac_ctx(struct espnic_mac_state *s)
{
	return (EVP_MAC_CTX **)s->bytes;
}

static void mac_begin(struct espnic_mac_state *s, EVP_MAC *mac, const struct evp_key *k, const char *param,
		      const char *value, const uint8_t *iv, size_t iv_len)
{
	OSSL_PARAM params[3] = {
		OSSL_PARAM_construct_utf8_string(param, (char *)value, 0),
		OSSL_PARAM_construct_end(),
		OSSL_PARAM_construct_end(),
	};

	if (iv)
		params[1] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_IV, (void *)iv, iv_len);
	*mac_ctx(s) = EVP_MAC_CTX_new(mac);
	must(*mac_ctx(s) && EVP_MAC_init(*mac_ctx(s), k->raw, k->len, params));
}

static void mac_update(struct espnic_engine_thread *t, const void *key, struct espnic_mac_state *s,
		       const uint8_t *data, size_t len)
{
	(void)t;
	(void)key;
	if (len)
		must(EVP_MAC_update(*mac_ctx(s), data, len));
}

static void mac_final(struct espnic_engine_thread *t, const void *key, struct espnic_mac_state *s, uint8_t *tag,
		      size_t tag_len)
{
	uint8_t whole[EVP_MAX_MD_SIZE];
	size_t n;

	(void)t;
	(void)key;
	must(EVP_MAC_final(*mac_ctx(s), whole, &n, sizeof(whole)));
	EVP_MAC_CTX_free(*mac_ctx(s));
	memcpy(tag, whole, tag_len);
	espnic_wipe(whole, sizeof(whole));
	espnic_wipe(s, sizeof(*s));
}

/* RFC 2104 section 2: a key longer than a block is hashed first. */
static bool hmac_expand(void *key, const char *digest, size_t block, const uint8_t *raw, size_t len)
{
	struct evp_key *k = key;
	size_t n = len;

	if (evp_unavailable())
		return false;
	k->cipher = NULL;
	if (len > block)
		must(EVP_Q_digest(NULL, digest, NULL, raw, len, k->raw, &n));
	else if (len)
		memcpy(k->raw, raw, len);
	k->len = (uint8_t)n;
	return true;
}

#define HMAC(name, digest, block, whole)							\
static bool name##_expand(void *key, const uint8_t *raw, size_t len)				\
{												\
	return hmac_expand(key, digest, block, raw, len);					\
}												\
static void name##_start(struct espnic_engine_thread *t, const void *key,			\
			 struct espnic_mac_state *s, const uint8_t *iv, size_t iv_len)		\
{												\
	(void)t;										\
	(void)iv;										\
	(void)iv_len;										\
	mac_begin(s, evp.hmac, key, OSSL_MAC_PARAM_DIGEST, digest, NULL, 0);			\
}												\
static const struct espnic_mac_ops name##_ops = {						\
	.key_size = ESPNIC_FAST_EVP_KEY, .tag_max = whole, .expand = name##_expand,		\
	.start = name##_start, .update = mac_update, .final = mac_final,			\
}

HMAC(md5, "MD5", 64, 16);
HMAC(sha1, "SHA1", 64, 20);
HMAC(sha256, "SHA256", 64, 32);
HMAC(sha384, "SHA384", 128, 48);
HMAC(sha512, "SHA512", 128, 64);

static bool gmac_expand(void *key, const uint8_t *raw, size_t len)
{
	return expand(key, GCM, raw, len);
}

static void gmac_start(struct espnic_engine_thread *t, const void *key, struct espnic_mac_state *s,
		       const uint8_t *iv, size_t iv_len)
{
	const struct evp_key *k = key;

	(void)t;
	mac_begin(s, evp.gmac, k, OSSL_MAC_PARAM_CIPHER, EVP_CIPHER_get0_name(k->cipher), iv, iv_len);
}

static const struct espnic_mac_ops gmac_ops = {
	.key_size = ESPNIC_FAST_EVP_KEY, .tag_max = BLOCK, .iv_len = 12, .expand = gmac_expand,
	.start = gmac_start, .update = mac_update, .final = mac_final,
};

static bool cmac_expand(void *key, const uint8_t *raw, size_t len)
{
	return expand(key, CBC, raw, len);
}

static void cmac_start(struct espnic_engine_thread *t, const void *key, struct espnic_mac_state *s,
		       const uint8_t *iv, size_t iv_len)
{
	const struct evp_key *k = key;

	(void)t;
	(void)iv;
	(void)iv_len;
	mac_begin(s, evp.cmac, k, OSSL_MAC_PARAM_CIPHER, EVP_CIPHER_get0_name(k->cipher), NULL, 0);
}

static const struct espnic_mac_ops cmac_ops = {
	.key_size = ESPNIC_FAST_EVP_KEY, .tag_max = BLOCK, .expand = cmac_expand, .start = cmac_start,
	.update = mac_update, .final = mac_final,
};

/* AES-XCBC-MAC, which libcrypto lacks, on its AES-CBC. The block that may be the last is held back. */
struct xcbc {
	EVP_CIPHER_CTX *ctx;
	uint8_t last[BLOCK];
	size_t have;
};

/* RFC 3566 section 4 step 1: keys are the encryption of constants. */
static bool xcbc_expand(void *key, const uint8_t *raw, size_t len)
{
	static const uint8_t zero[BLOCK];
	struct evp_key *k = key;
	uint8_t sub[3][BLOCK];
	EVP_CIPHER_CTX *ctx;

	if (len != BLOCK || !expand(key, CBC, raw, len))
		return false;
	ctx = EVP_CIPHER_CTX_new();
	must(ctx);
	for (int i = 0; i < 3; i++) {
		memset(sub[i], i + 1, BLOCK);
		crypt(ctx, k, k->cipher, zero, sub[i], BLOCK, true);
	}
	EVP_CIPHER_CTX_free(ctx);
	memcpy(k->raw, sub[0], BLOCK);
	memcpy(k->sub, sub[1], sizeof(k->sub));
	espnic_wipe(sub, sizeof(sub));
	return true;
}

static void xcbc_start(struct espnic_engine_thread *t, const void *key, struct espnic_mac_state *s,
		       const uint8_t *iv, size_t iv_len)
{
	static const uint8_t zero[BLOCK];
	struct xcbc *x = (void *)s->bytes;
	const struct evp_key *k = key;

	(void)t;
	(void)iv;
	(void)iv_len;
	x->have = 0;
	x->ctx = EVP_CIPHER_CTX_new();
	must(x->ctx && EVP_CipherInit_ex2(x->ctx, k->cipher, k->raw, zero, 1, NULL) &&
	     EVP_CIPHER_CTX_set_padding(x->ctx, 0));
}

static void xcbc_update(struct espnic_engine_thread *t, const void *key, struct espnic_mac_state *s,
			const uint8_t *data, size_t len)
{
	struct xcbc *x = (void *)s->bytes;
	uint8_t out[BLOCK];
	int n;

	(void)t;
	(void)key;
	while (len) {
		size_t take = BLOCK - x->have < len ? BLOCK - x->have : len;

		if (x->have == BLOCK) {
			must(EVP_CipherUpdate(x->ctx, out, &n, x->last, BLOCK));
			x->have = 0;
			continue;
		}
		memcpy(x->last + x->have, data, take);
		x->have += take;
		data += take;
		len -= take;
	}
}

/* Steps 4 and 5: K2 for a whole last block, else 10* padding and K3. */
static void xcbc_final(struct espnic_engine_thread *t, const void *key, struct espnic_mac_state *s, uint8_t *tag,
		       size_t tag_len)
{
	struct xcbc *x = (void *)s->bytes;
	const struct evp_key *k = key;
	const uint8_t *sub = k->sub[x->have != BLOCK];
	uint8_t out[BLOCK];
	int n;

	(void)t;
	if (x->have < BLOCK) {
		memset(x->last + x->have, 0, BLOCK - x->have);
		x->last[x->have] = 0x80;
	}
	for (int i = 0; i < BLOCK; i++)
		x->last[i] ^= sub[i];
	must(EVP_CipherUpdate(x->ctx, out, &n, x->last, BLOCK));
	EVP_CIPHER_CTX_free(x->ctx);
	memcpy(tag, out, tag_len);
	espnic_wipe(out, sizeof(out));
	espnic_wipe(s, sizeof(*s));
}

static const struct espnic_mac_ops xcbc_ops = {
	.key_size = ESPNIC_FAST_EVP_KEY, .tag_max = BLOCK, .expand = xcbc_expand, .start = xcbc_start,
	.update = xcbc_update, .final = xcbc_final,
};

const struct espnic_transforms espnic_transforms_evp = {
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

/* ---------------------------------------------------------------- without libipsec-mb */

static const char *lib_unavailable(const char *way)
{
	if (way && strcmp(way, "libcrypto") != 0)
		return "fast: ESPNIC_FAST asks for what this build or CPU has not";
	return evp_unavailable();
}

static void *lib_thread_new(void)
{
	struct espnic_fast_evp_thread *t = calloc(1, sizeof(*t));

	if (t && !espnic_fast_evp_thread_init(t)) {
		free(t);
		return NULL;
	}
	return t;
}

static void lib_thread_free(void *own)
{
	if (own)
		espnic_fast_evp_thread_fini(own);
	free(own);
}

static size_t lib_key_size(const struct espnic_sa_params *p)
{
	return espnic_suite_key_size(&espnic_transforms_evp, p);
}

static bool lib_expand(void *key, const struct espnic_sa_params *p)
{
	return espnic_suite_expand(&espnic_transforms_evp, key, p);
}

static void lib_run(struct espnic_engine_thread *t, struct espnic_job *jobs, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		espnic_suite_run(t, jobs[i].sa->key, &jobs[i]);
}

/* There is no shorter way over libcrypto. */
static uint8_t lib_way(const struct espnic_sa_params *p)
{
	(void)p;
	return 0;
}

const struct espnic_fast_lib espnic_fast_lib_evp = {
	.unavailable = lib_unavailable,
	.thread_new = lib_thread_new,
	.thread_free = lib_thread_free,
	.key_size = lib_key_size,
	.expand = lib_expand,
	.run = lib_run,
	.way = lib_way,
	.protect = espnic_protect,
	.unprotect = espnic_unprotect,
	.transforms = &espnic_transforms_evp,
};
