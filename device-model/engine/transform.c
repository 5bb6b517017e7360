// SPDX-License-Identifier: BSD-2-Clause
#include "engine/transform.h"

#include <string.h>

static const char *const alg_names[ESPNIC_ALGS] = {
	[ESPNIC_ALG_AES_GCM] = "aes-gcm",
	[ESPNIC_ALG_AES_CCM] = "aes-ccm",
	[ESPNIC_ALG_CHACHA20_POLY1305] = "chacha20-poly1305",
	[ESPNIC_ALG_AES_GMAC] = "aes-gmac",
	[ESPNIC_ALG_AES_CBC] = "aes-cbc",
	[ESPNIC_ALG_AES_CTR] = "aes-ctr",
	[ESPNIC_ALG_3DES_CBC] = "3des-cbc",
	[ESPNIC_ALG_HMAC_MD5] = "hmac-md5",
	[ESPNIC_ALG_HMAC_SHA1] = "hmac-sha1",
	[ESPNIC_ALG_HMAC_SHA256] = "hmac-sha256",
	[ESPNIC_ALG_HMAC_SHA384] = "hmac-sha384",
	[ESPNIC_ALG_HMAC_SHA512] = "hmac-sha512",
	[ESPNIC_ALG_AES_XCBC] = "aes-xcbc",
	[ESPNIC_ALG_AES_CMAC] = "aes-cmac",
};

const char *espnic_alg_name(enum espnic_alg alg)
{
	return alg_names[alg];
}

enum espnic_alg espnic_alg_find(const char *name)
{
	unsigned int alg = 0;

	while (alg < ESPNIC_ALGS && strcmp(name, alg_names[alg]) != 0)
		alg++;
	return (enum espnic_alg)alg;
}
