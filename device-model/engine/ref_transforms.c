// SPDX-License-Identifier: BSD-2-Clause
/* The transforms of body ref, each behind the interface of its kind. None needs the thread. */
#include "engine/gcm.h"
#include "engine/transform.h"

static const char *ref_unavailable(void)
{
	return NULL;
}

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

const struct espnic_transforms espnic_transforms_ref = {
	.body = "ref",
	.unavailable = ref_unavailable,
	.of = {
		[ESPNIC_ALG_AES_GCM].aead = &espnic_aead_ref,
	},
};
