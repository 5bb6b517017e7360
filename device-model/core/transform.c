// SPDX-License-Identifier: BSD-2-Clause
#include "core/transform.h"

#include <string.h>

static const enum espnic_enc encs[] = {
	[ESPNIC_ENC_ALG_AES_GCM] = ESPNIC_ENC_AES_GCM,
	[ESPNIC_ENC_ALG_AES_GMAC] = ESPNIC_ENC_AES_GMAC,
	[ESPNIC_ENC_ALG_AES_CCM] = ESPNIC_ENC_AES_CCM,
	[ESPNIC_ENC_ALG_CHACHA20_POLY1305] = ESPNIC_ENC_CHACHA20_POLY1305,
	[ESPNIC_ENC_ALG_AES_CBC] = ESPNIC_ENC_AES_CBC,
	[ESPNIC_ENC_ALG_AES_CTR] = ESPNIC_ENC_AES_CTR,
	[ESPNIC_ENC_ALG_DES3_CBC] = ESPNIC_ENC_3DES_CBC,
	[ESPNIC_ENC_ALG_NULL] = ESPNIC_ENC_NULL,
};

static const enum espnic_auth auths[] = {
	[ESPNIC_AUTH_ALG_NONE] = ESPNIC_AUTH_NONE,
	[ESPNIC_AUTH_ALG_HMAC_MD5_96] = ESPNIC_AUTH_HMAC_MD5_96,
	[ESPNIC_AUTH_ALG_HMAC_SHA1_96] = ESPNIC_AUTH_HMAC_SHA1_96,
	[ESPNIC_AUTH_ALG_HMAC_SHA256_128] = ESPNIC_AUTH_HMAC_SHA256_128,
	[ESPNIC_AUTH_ALG_HMAC_SHA384_192] = ESPNIC_AUTH_HMAC_SHA384_192,
	[ESPNIC_AUTH_ALG_HMAC_SHA512_256] = ESPNIC_AUTH_HMAC_SHA512_256,
	[ESPNIC_AUTH_ALG_AES_XCBC_96] = ESPNIC_AUTH_AES_XCBC_96,
	[ESPNIC_AUTH_ALG_AES_CMAC_96] = ESPNIC_AUTH_AES_CMAC_96,
};

bool espnic_core_transform(struct espnic_sa_params *p, const struct espnic_hal_sa *sa)
{
	/* 0 is no transform in the firmware's terms, and NULL in the engine's. */
	if (!sa->enc_alg || sa->enc_alg >= sizeof(encs) / sizeof(encs[0]) ||
	    sa->auth_alg >= sizeof(auths) / sizeof(auths[0]))
		return false;
	if (sa->enc_key_len > sizeof(p->enc_key) || sa->salt_len > sizeof(p->salt) ||
	    sa->auth_key_len > sizeof(p->auth_key))
		return false;
	p->enc = encs[sa->enc_alg];
	p->auth = auths[sa->auth_alg];
	p->enc_key_len = sa->enc_key_len;
	p->auth_key_len = sa->auth_key_len;
	p->salt_len = sa->salt_len;
	p->icv_len = sa->icv_len;
	/* Of a length of 0 there may be no pointer. */
	if (sa->enc_key_len)
		memcpy(p->enc_key, sa->enc_key, sa->enc_key_len);
	if (sa->auth_key_len)
		memcpy(p->auth_key, sa->auth_key, sa->auth_key_len);
	if (sa->salt_len)
		memcpy(p->salt, sa->salt, sa->salt_len);
	return true;
}
