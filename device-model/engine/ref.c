// SPDX-License-Identifier: BSD-2-Clause
/* Body ref: the shared pipeline over the engine's own portable, constant-time AES-GCM. */
#include "engine/bodies.h"
#include "engine/esp.h"
#include "engine/gcm.h"

static const char *ref_unavailable(void)
{
	return NULL;
}

static bool ref_expand(void *key, const uint8_t *raw, size_t len)
{
	return espnic_gcm_init(key, raw, len);
}

static void ref_seal(struct espnic_engine_thread *t, const void *key,
		     const uint8_t *iv, size_t iv_len, const uint8_t *aad, size_t aad_len,
		     uint8_t *data, size_t len, uint8_t *tag, size_t tag_len)
{
	(void)t;
	espnic_gcm_seal(key, iv, iv_len, aad, aad_len, data, len, tag, tag_len);
}

static bool ref_open(struct espnic_engine_thread *t, const void *key,
		     const uint8_t *iv, size_t iv_len, const uint8_t *aad, size_t aad_len,
		     uint8_t *data, size_t len, const uint8_t *tag, size_t tag_len)
{
	(void)t;
	return espnic_gcm_open(key, iv, iv_len, aad, aad_len, data, len, tag, tag_len);
}

const struct espnic_aead_ops espnic_aead_ref = {
	.body = "ref",
	.unavailable = ref_unavailable,
	.key_size = sizeof(struct espnic_gcm),
	.expand = ref_expand,
	.seal = ref_seal,
	.open = ref_open,
};

static enum espnic_verdict ref_sa_add(const struct espnic_sa_params *p, struct espnic_sa **sa,
				      const char **why)
{
	return espnic_sa_new(&espnic_aead_ref, p, sa, why);
}

const struct espnic_engine_ops espnic_engine_ref = {
	.name = "ref",
	.thread_new = espnic_thread_new,
	.thread_free = espnic_thread_free,
	.sa_add = ref_sa_add,
	.sa_update = espnic_sa_update,
	.sa_del = espnic_sa_free,
	.sa_query = espnic_sa_query,
	.sa_window = espnic_sa_window,
	.sa_inherit = espnic_sa_inherit,
	.protect = espnic_esp_protect,
	.unprotect = espnic_esp_unprotect,
	.crypt_out = espnic_esp_crypt_out,
	.crypt_in = espnic_esp_crypt_in,
};
