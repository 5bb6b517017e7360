// SPDX-License-Identifier: BSD-2-Clause
#include "kernel/alg.h"

#include <stddef.h>
#include <string.h>

#define GCM "rfc4106(gcm(aes))"
#define GMAC "rfc4543(gcm(aes))"
#define CCM "rfc4309(ccm(aes))"
#define CHACHA "rfc7539esp(chacha20,poly1305)"
#define CTR "rfc3686(ctr(aes))"

/* name, Linux's, kind, key, salt, ICV, counter, weak */
static const struct espnic_xfrm_alg algs[] = {
	{ "aes128gcm16", GCM, ESPNIC_XFRM_AEAD, 16, 4, 128, true, false },
	{ "aes192gcm16", GCM, ESPNIC_XFRM_AEAD, 24, 4, 128, true, false },
	{ "aes256gcm16", GCM, ESPNIC_XFRM_AEAD, 32, 4, 128, true, false },
	{ "aes128gcm12", GCM, ESPNIC_XFRM_AEAD, 16, 4, 96, true, false },
	{ "aes192gcm12", GCM, ESPNIC_XFRM_AEAD, 24, 4, 96, true, false },
	{ "aes256gcm12", GCM, ESPNIC_XFRM_AEAD, 32, 4, 96, true, false },
	{ "aes128gcm8", GCM, ESPNIC_XFRM_AEAD, 16, 4, 64, true, false },
	{ "aes192gcm8", GCM, ESPNIC_XFRM_AEAD, 24, 4, 64, true, false },
	{ "aes256gcm8", GCM, ESPNIC_XFRM_AEAD, 32, 4, 64, true, false },
	{ "aes128gmac", GMAC, ESPNIC_XFRM_AEAD, 16, 4, 128, true, false },
	{ "aes192gmac", GMAC, ESPNIC_XFRM_AEAD, 24, 4, 128, true, false },
	{ "aes256gmac", GMAC, ESPNIC_XFRM_AEAD, 32, 4, 128, true, false },
	{ "aes128ccm16", CCM, ESPNIC_XFRM_AEAD, 16, 3, 128, true, false },
	{ "aes192ccm16", CCM, ESPNIC_XFRM_AEAD, 24, 3, 128, true, false },
	{ "aes256ccm16", CCM, ESPNIC_XFRM_AEAD, 32, 3, 128, true, false },
	{ "aes128ccm8", CCM, ESPNIC_XFRM_AEAD, 16, 3, 64, true, false },
	{ "aes256ccm8", CCM, ESPNIC_XFRM_AEAD, 32, 3, 64, true, false },
	{ "chacha20poly1305", CHACHA, ESPNIC_XFRM_AEAD, 32, 4, 128, true, false },
	{ "aes128", "cbc(aes)", ESPNIC_XFRM_CIPHER, 16, 0, 0, false, false },
	{ "aes192", "cbc(aes)", ESPNIC_XFRM_CIPHER, 24, 0, 0, false, false },
	{ "aes256", "cbc(aes)", ESPNIC_XFRM_CIPHER, 32, 0, 0, false, false },
	{ "aes128ctr", CTR, ESPNIC_XFRM_CIPHER, 16, 4, 0, true, false },
	{ "aes192ctr", CTR, ESPNIC_XFRM_CIPHER, 24, 4, 0, true, false },
	{ "aes256ctr", CTR, ESPNIC_XFRM_CIPHER, 32, 4, 0, true, false },
	{ "3des", "cbc(des3_ede)", ESPNIC_XFRM_CIPHER, 24, 0, 0, false, true },
	{ "null", "ecb(cipher_null)", ESPNIC_XFRM_CIPHER, 0, 0, 0, false, false },
	{ "md5", "hmac(md5)", ESPNIC_XFRM_AUTH, 16, 0, 96, false, true },
	{ "sha1", "hmac(sha1)", ESPNIC_XFRM_AUTH, 20, 0, 96, false, false },
	{ "sha256", "hmac(sha256)", ESPNIC_XFRM_AUTH, 32, 0, 128, false, false },
	{ "sha384", "hmac(sha384)", ESPNIC_XFRM_AUTH, 48, 0, 192, false, false },
	{ "sha512", "hmac(sha512)", ESPNIC_XFRM_AUTH, 64, 0, 256, false, false },
	{ "aesxcbc", "xcbc(aes)", ESPNIC_XFRM_AUTH, 16, 0, 96, false, false },
	{ "aescmac", "cmac(aes)", ESPNIC_XFRM_AUTH, 16, 0, 96, false, false },
};

const struct espnic_xfrm_alg *espnic_xfrm_alg(const char *name, unsigned int len)
{
	size_t i;

	for (i = 0; i < sizeof(algs) / sizeof(algs[0]); i++)
		if (strlen(algs[i].name) == len && !memcmp(algs[i].name, name, len))
			return &algs[i];
	return NULL;
}
