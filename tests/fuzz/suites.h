/* SPDX-License-Identifier: BSD-2-Clause */
/* The suites that fuzz targets pick from: each encryption transform and each authenticator, ESP and AH. */
#ifndef ESPNIC_TESTS_FUZZ_SUITES_H
#define ESPNIC_TESTS_FUZZ_SUITES_H

#include "engine/engine.h"

static const struct suite {
	enum espnic_sa_proto proto;
	enum espnic_enc enc;
	uint8_t key_len, salt_len;
	enum espnic_auth auth;
	uint8_t auth_key_len;
} suites[] = {
	{ ESPNIC_PROTO_ESP, ESPNIC_ENC_AES_GCM, 16, 4, ESPNIC_AUTH_NONE, 0 },
	{ ESPNIC_PROTO_ESP, ESPNIC_ENC_AES_GMAC, 16, 4, ESPNIC_AUTH_NONE, 0 },
	{ ESPNIC_PROTO_ESP, ESPNIC_ENC_AES_CCM, 16, 3, ESPNIC_AUTH_NONE, 0 },
	{ ESPNIC_PROTO_ESP, ESPNIC_ENC_CHACHA20_POLY1305, 32, 4, ESPNIC_AUTH_NONE, 0 },
	{ ESPNIC_PROTO_ESP, ESPNIC_ENC_AES_CBC, 16, 0, ESPNIC_AUTH_HMAC_SHA256_128, 32 },
	{ ESPNIC_PROTO_ESP, ESPNIC_ENC_AES_CTR, 16, 4, ESPNIC_AUTH_AES_XCBC_96, 16 },
	{ ESPNIC_PROTO_ESP, ESPNIC_ENC_3DES_CBC, 24, 0, ESPNIC_AUTH_HMAC_SHA1_96, 20 },
	{ ESPNIC_PROTO_ESP, ESPNIC_ENC_NULL, 0, 0, ESPNIC_AUTH_HMAC_SHA512_256, 64 },
	{ ESPNIC_PROTO_ESP, ESPNIC_ENC_AES_CBC, 32, 0, ESPNIC_AUTH_HMAC_SHA384_192, 48 },
	{ ESPNIC_PROTO_ESP, ESPNIC_ENC_AES_CTR, 32, 4, ESPNIC_AUTH_HMAC_MD5_96, 16 },
	{ ESPNIC_PROTO_AH, ESPNIC_ENC_NULL, 0, 0, ESPNIC_AUTH_HMAC_SHA256_128, 32 },
	{ ESPNIC_PROTO_AH, ESPNIC_ENC_NULL, 0, 0, ESPNIC_AUTH_AES_CMAC_96, 16 },
	{ ESPNIC_PROTO_AH, ESPNIC_ENC_NULL, 0, 4, ESPNIC_AUTH_AES_GMAC, 16 },
};

enum { SUITES = sizeof(suites) / sizeof(suites[0]) };

/* Protocol, transforms and keys of @s into @p. */
static inline void suite_params(const struct suite *s, struct espnic_sa_params *p)
{
	p->proto = s->proto;
	p->enc = s->enc;
	p->enc_key_len = s->key_len;
	p->salt_len = s->salt_len;
	p->auth = s->auth;
	p->auth_key_len = s->auth_key_len;
	for (uint8_t i = 0; i < ESPNIC_KEY_MAX; i++)
		p->enc_key[i] = p->auth_key[i] = (uint8_t)(i * 5 + 1);
}

#endif
