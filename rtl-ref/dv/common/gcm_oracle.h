/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES, GCM and GMAC by OpenSSL, and the powers of H by the definition: what the RTL is held against. Nothing here shares a
 * line with the project's own engine.
 */
#ifndef ESPNIC_DV_GCM_ORACLE_H
#define ESPNIC_DV_GCM_ORACLE_H

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <openssl/evp.h>

#include "bits.h"

namespace espnic {

inline void oracle_must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "oracle: OpenSSL refused: %s\n", what);
	exit(2);
}

/* E(K, @block) for a key of 16, 24 or 32 bytes. */
inline Bytes aes_block(const Bytes &key, const Bytes &block)
{
	const EVP_CIPHER *cipher = key.size() == 16 ? EVP_aes_128_ecb() : key.size() == 24 ? EVP_aes_192_ecb() : EVP_aes_256_ecb();
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	Bytes out(16);
	int len;

	oracle_must(ctx && EVP_EncryptInit_ex(ctx, cipher, nullptr, key.data(), nullptr) == 1 && EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
		    EVP_EncryptUpdate(ctx, out.data(), &len, block.data(), 16) == 1 && len == 16, "ECB");
	EVP_CIPHER_CTX_free(ctx);
	return out;
}

/* Encrypts @text under (@key, @nonce) with @aad; @tag gets 16 bytes. */
inline Bytes gcm_encrypt(const Bytes &key, const Bytes &nonce, const Bytes &aad, const Bytes &text, Bytes &tag)
{
	const EVP_CIPHER *cipher = key.size() == 16 ? EVP_aes_128_gcm() : key.size() == 24 ? EVP_aes_192_gcm() : EVP_aes_256_gcm();
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	Bytes out(text.size());
	int len;

	tag.assign(16, 0);
	oracle_must(ctx && EVP_EncryptInit_ex(ctx, cipher, nullptr, key.data(), nonce.data()) == 1, "GCM");
	if (!aad.empty())
		oracle_must(EVP_EncryptUpdate(ctx, nullptr, &len, aad.data(), int(aad.size())) == 1, "AAD");
	if (!text.empty())
		oracle_must(EVP_EncryptUpdate(ctx, out.data(), &len, text.data(), int(text.size())) == 1, "text");
	oracle_must(EVP_EncryptFinal_ex(ctx, tag.data(), &len) == 1 &&
		    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag.data()) == 1, "tag");
	EVP_CIPHER_CTX_free(ctx);
	return out;
}

/* SP 800-38D algorithm 1, bit by bit. */
inline Bytes gf128_mul(const Bytes &x, const Bytes &y)
{
	Bytes z(16), v = y;

	for (int i = 0; i < 128; i++) {
		if (x[i / 8] >> (7 - i % 8) & 1)
			for (int k = 0; k < 16; k++)
				z[k] ^= v[k];
		bool low = v[15] & 1;

		for (int k = 15; k > 0; k--)
			v[k] = uint8_t(v[k] >> 1 | v[k - 1] << 7);
		v[0] >>= 1;
		if (low)
			v[0] ^= 0xe1;
	}
	return z;
}

/* H, H^2 ... H^@count, one after the other. */
inline Bytes h_powers(const Bytes &key, unsigned count)
{
	Bytes h = aes_block(key, Bytes(16)), power = h, all = h;

	for (unsigned i = 1; i < count; i++) {
		power = gf128_mul(power, h);
		all.insert(all.end(), power.begin(), power.end());
	}
	return all;
}

} // namespace espnic

#endif
