// SPDX-License-Identifier: BSD-2-Clause
#include "engine/esp.h"

#include <string.h>

#include "engine/ip.h"

struct gcm_inputs {
	uint8_t nonce[ESPNIC_GCM_NONCE_LEN];
	uint8_t aad[ESPNIC_ESP_AAD_MAX];
	uint32_t aad_len;
};

static void gcm_inputs(const struct espnic_sa *sa, const uint8_t *esp, uint64_t seq,
		       struct gcm_inputs *in)
{
	memcpy(in->nonce, sa->salt, ESPNIC_GCM_SALT);
	memcpy(in->nonce + ESPNIC_GCM_SALT, esp + ESPNIC_ESP_HLEN, ESPNIC_GCM_IV);

	espnic_put32(in->aad, sa->info.spi);
	if (sa->info.esn) {
		espnic_put64(in->aad + 4, seq);
		in->aad_len = 12;
	} else {
		espnic_put32(in->aad + 4, (uint32_t)seq);
		in->aad_len = 8;
	}
}

void espnic_esp_seal(struct espnic_engine_thread *t, const struct espnic_sa *sa, uint8_t *esp,
		     uint32_t len, uint64_t seq)
{
	uint8_t *data = esp + ESPNIC_ESP_HLEN + ESPNIC_GCM_IV;
	struct gcm_inputs in;

	gcm_inputs(sa, esp, seq, &in);
	sa->aead->seal(t, sa->key, in.nonce, sizeof(in.nonce), in.aad, in.aad_len, data, len,
		       data + len, sa->info.icv_len);
}

bool espnic_esp_open(struct espnic_engine_thread *t, const struct espnic_sa *sa, uint8_t *esp,
		     uint32_t len, uint64_t seq)
{
	uint8_t *data = esp + ESPNIC_ESP_HLEN + ESPNIC_GCM_IV;
	struct gcm_inputs in;

	gcm_inputs(sa, esp, seq, &in);
	return sa->aead->open(t, sa->key, in.nonce, sizeof(in.nonce), in.aad, in.aad_len, data,
			      len, data + len, sa->info.icv_len);
}
