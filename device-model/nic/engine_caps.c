// SPDX-License-Identifier: BSD-2-Clause
/*
 * What of the capabilities the device's engine body bears out: it is asked, with one SA each, so that what is told
 * cannot be wrong.
 */
#include "espnic_regs.h"
#include "nic/caps.h"

#define CAP(name) ESPNIC_CAP_TRANSFORMS_##name
#define GCM(key, icv) .enc = ESPNIC_ENC_AES_GCM, .key_len = (key), .salt_len = 4, .icv_len = (icv)
#define NULL_AND(name, key) .enc = ESPNIC_ENC_NULL, .auth = ESPNIC_AUTH_##name, .auth_key_len = (key)
#define WITH_SHA256 .auth = ESPNIC_AUTH_HMAC_SHA256_128, .auth_key_len = 32

/* An SA that needs a transform, as lengths in bytes; each an SA of packet offload. */
static const struct {
	uint32_t cap;
	enum espnic_enc enc;
	enum espnic_auth auth;
	uint8_t key_len, salt_len, icv_len, auth_key_len;
} needs[] = {
	{ CAP(AES_GCM_128), GCM(16, 16) },
	{ CAP(AES_GCM_192), GCM(24, 16) },
	{ CAP(AES_GCM_256), GCM(32, 16) },
	{ CAP(ICV_8), GCM(16, 8) },
	{ CAP(ICV_12), GCM(16, 12) },
	{ CAP(ICV_16), GCM(16, 16) },
	{ CAP(AES_GMAC), .enc = ESPNIC_ENC_AES_GMAC, .key_len = 16, .salt_len = 4, .icv_len = 16 },
	{ CAP(AES_CCM), .enc = ESPNIC_ENC_AES_CCM, .key_len = 16, .salt_len = 3, .icv_len = 16 },
	{ CAP(CHACHA20_POLY1305), .enc = ESPNIC_ENC_CHACHA20_POLY1305, .key_len = 32, .salt_len = 4, .icv_len = 16 },
	{ CAP(AES_CBC), .enc = ESPNIC_ENC_AES_CBC, .key_len = 16, WITH_SHA256 },
	{ CAP(AES_CTR), .enc = ESPNIC_ENC_AES_CTR, .key_len = 16, .salt_len = 4, WITH_SHA256 },
	{ CAP(DES3_CBC), .enc = ESPNIC_ENC_3DES_CBC, .key_len = 24, WITH_SHA256 },
	{ CAP(NULL), NULL_AND(HMAC_SHA256_128, 32) },
	{ CAP(HMAC_MD5_96), NULL_AND(HMAC_MD5_96, 16) },
	{ CAP(HMAC_SHA1_96), NULL_AND(HMAC_SHA1_96, 20) },
	{ CAP(HMAC_SHA256_128), NULL_AND(HMAC_SHA256_128, 32) },
	{ CAP(HMAC_SHA384_192), NULL_AND(HMAC_SHA384_192, 48) },
	{ CAP(HMAC_SHA512_256), NULL_AND(HMAC_SHA512_256, 64) },
	{ CAP(AES_XCBC_96), NULL_AND(AES_XCBC_96, 16) },
	{ CAP(AES_CMAC_96), NULL_AND(AES_CMAC_96, 16) },
};

/* What there is no use for without crypto offload. */
enum {
	CRYPTO_CAPS = ESPNIC_CAP_IPSEC_CRYPTO | ESPNIC_CAP_IPSEC_ESP_GSO | ESPNIC_CAP_IPSEC_ESP_CSUM |
		      ESPNIC_CAP_IPSEC_CRYPTO_UDP_ENCAP | ESPNIC_CAP_IPSEC_CRYPTO_NONCE,
};

static bool takes(const struct espnic_engine_ops *engine, unsigned int need, enum espnic_sa_offload offload)
{
	struct espnic_sa_params p;
	struct espnic_sa *sa;

	espnic_sa_params_init(&p);
	p.spi = 256; /* the first that is not reserved */
	p.offload = offload;
	p.enc = needs[need].enc;
	p.auth = needs[need].auth;
	p.enc_key_len = needs[need].key_len;
	p.auth_key_len = needs[need].auth_key_len;
	p.salt_len = needs[need].salt_len;
	p.icv_len = needs[need].icv_len;
	/* Keys that 3DES does not call weak. */
	for (unsigned int i = 0; i < ESPNIC_KEY_MAX; i++)
		p.enc_key[i] = p.auth_key[i] = (uint8_t)(2 * i + 1);
	if (engine->sa_add(&p, &sa, NULL) != ESPNIC_OK)
		return false;
	engine->sa_del(sa);
	return true;
}

void espnic_caps_hide_lacking(struct espnic_caps *hidden, const struct espnic_engine_ops *engine)
{
	for (unsigned int i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		if (!takes(engine, i, ESPNIC_OFFLOAD_PACKET))
			hidden->transforms |= needs[i].cap;
	}
	if (!takes(engine, 0, ESPNIC_OFFLOAD_CRYPTO))
		hidden->ipsec |= CRYPTO_CAPS;
}
