// SPDX-License-Identifier: BSD-2-Clause
/*
 * Body fast: the shared pipeline over libipsec-mb's direct AES-GCM calls. GCM
 * gains nothing from many lanes; one call a packet is this library's quickest
 * way. These calls keep no state in the manager: one serves all threads, and
 * what a call needs is the thread's scratch.
 */
#include <intel-ipsec-mb.h>
#include <pthread.h>

#include "engine/bodies.h"
#include "engine/body.h"
#include "engine/gcm.h"
#include "engine/pipeline.h"
#include "engine/wipe.h"

/* The library's calls for one key length, chosen once an SA. */
struct fast_key {
	struct gcm_key_data data;
	aes_gcm_enc_dec_t enc;
	aes_gcm_enc_dec_t dec;
	aes_gcm_init_var_iv_t init_var_iv;
	aes_gcm_enc_dec_update_t enc_update;
	aes_gcm_enc_dec_update_t dec_update;
	aes_gcm_enc_dec_finalize_t enc_final;
	aes_gcm_enc_dec_finalize_t dec_final;
};

_Static_assert(sizeof(struct gcm_context_data) <= ESPNIC_AEAD_SCRATCH,
	       "a thread's scratch holds one GCM context");
_Static_assert(_Alignof(struct fast_key) <= ESPNIC_CACHE_LINE, "keys are aligned to a cache line");

static pthread_once_t manager_once = PTHREAD_ONCE_INIT;
static IMB_MGR *manager;
static const char *manager_missing;

/* Lives as long as the process. */
static void manager_make(void)
{
	const uint64_t need = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ;

	manager = alloc_mb_mgr(0);
	if (!manager) {
		manager_missing = "fast: out of memory";
		return;
	}
	if ((manager->features & need) != need) {
		manager_missing = "fast: the CPU lacks AES-NI or PCLMULQDQ";
		return;
	}
	init_mb_mgr_auto(manager, NULL);
	if (imb_get_errno(manager) != 0)
		manager_missing = "fast: libipsec-mb failed its self-test";
}

static const char *fast_unavailable(void)
{
	pthread_once(&manager_once, manager_make);
	return manager_missing;
}

#define FAST_CALLS(key, bits) do {					\
	(key)->enc = manager->gcm##bits##_enc;				\
	(key)->dec = manager->gcm##bits##_dec;				\
	(key)->init_var_iv = manager->gcm##bits##_init_var_iv;		\
	(key)->enc_update = manager->gcm##bits##_enc_update;		\
	(key)->dec_update = manager->gcm##bits##_dec_update;		\
	(key)->enc_final = manager->gcm##bits##_enc_finalize;		\
	(key)->dec_final = manager->gcm##bits##_dec_finalize;		\
} while (0)

static bool fast_expand(void *expanded, const uint8_t *raw, size_t len)
{
	struct fast_key *key = expanded;

	if (fast_unavailable())
		return false;
	switch (len) {
	case 16:
		FAST_CALLS(key, 128);
		IMB_AES128_GCM_PRE(manager, raw, &key->data);
		return true;
	case 24:
		FAST_CALLS(key, 192);
		IMB_AES192_GCM_PRE(manager, raw, &key->data);
		return true;
	case 32:
		FAST_CALLS(key, 256);
		IMB_AES256_GCM_PRE(manager, raw, &key->data);
		return true;
	default:
		return false;
	}
}

static struct gcm_context_data *scratch(struct espnic_engine_thread *t)
{
	return (struct gcm_context_data *)t->scratch;
}

static void fast_seal(struct espnic_engine_thread *t, const void *expanded,
		      const uint8_t *iv, size_t iv_len, const uint8_t *aad, size_t aad_len,
		      uint8_t *data, size_t len, uint8_t *tag, size_t tag_len)
{
	const struct fast_key *key = expanded;

	if (iv_len == ESPNIC_GCM_NONCE) {
		key->enc(&key->data, scratch(t), data, data, len, iv, aad, aad_len, tag, tag_len);
		return;
	}
	key->init_var_iv(&key->data, scratch(t), iv, iv_len, aad, aad_len);
	key->enc_update(&key->data, scratch(t), data, data, len);
	key->enc_final(&key->data, scratch(t), tag, tag_len);
}

static bool fast_open(struct espnic_engine_thread *t, const void *expanded,
		      const uint8_t *iv, size_t iv_len, const uint8_t *aad, size_t aad_len,
		      uint8_t *data, size_t len, const uint8_t *tag, size_t tag_len)
{
	const struct fast_key *key = expanded;
	uint8_t right[ESPNIC_GCM_TAG];
	bool good;

	if (iv_len == ESPNIC_GCM_NONCE) {
		key->dec(&key->data, scratch(t), data, data, len, iv, aad, aad_len, right,
			 tag_len);
	} else {
		key->init_var_iv(&key->data, scratch(t), iv, iv_len, aad, aad_len);
		key->dec_update(&key->data, scratch(t), data, data, len);
		key->dec_final(&key->data, scratch(t), right, tag_len);
	}
	good = espnic_equal_ct(right, tag, tag_len);
	if (!good) {
		/* The call decrypts as it goes. The same key stream turns that back. */
		fast_seal(t, expanded, iv, iv_len, aad, aad_len, data, len, right, tag_len);
	}
	espnic_wipe(right, sizeof(right));
	return good;
}

const struct espnic_aead_ops espnic_aead_fast = {
	.key_size = sizeof(struct fast_key),
	.expand = fast_expand,
	.seal = fast_seal,
	.open = fast_open,
};

const struct espnic_transforms espnic_transforms_fast = {
	.body = "fast",
	.unavailable = fast_unavailable,
	.of = {
		[ESPNIC_ALG_AES_GCM].aead = &espnic_aead_fast,
	},
};

static size_t fast_key_size(const struct espnic_sa_params *p)
{
	return espnic_suite_key_size(&espnic_transforms_fast, p);
}

static bool fast_body_expand(void *key, const struct espnic_sa_params *p)
{
	return espnic_suite_expand(&espnic_transforms_fast, key, p);
}

static void fast_run(struct espnic_engine_thread *t, struct espnic_job *jobs, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		espnic_suite_run(t, jobs[i].sa->key, &jobs[i]);
}

const struct espnic_body espnic_body_fast = {
	.key_size = fast_key_size,
	.expand = fast_body_expand,
	.run = fast_run,
};

static enum espnic_verdict fast_sa_add(const struct espnic_sa_params *p, struct espnic_sa **sa,
				       const char **why)
{
	return espnic_sa_new(&espnic_body_fast, p, sa, why);
}

const struct espnic_engine_ops espnic_engine_fast = {
	.name = "fast",
	.thread_new = espnic_thread_new,
	.thread_free = espnic_thread_free,
	.sa_add = fast_sa_add,
	.sa_update = espnic_sa_update,
	.sa_del = espnic_sa_free,
	.sa_query = espnic_sa_query,
	.sa_window = espnic_sa_window,
	.sa_inherit = espnic_sa_inherit,
	.protect = espnic_protect,
	.unprotect = espnic_unprotect,
	.crypt_out = espnic_crypt_out,
	.crypt_in = espnic_crypt_in,
};
