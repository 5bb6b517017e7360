/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES-GCM behind the boundary of the packet pipelines, by libcrypto: an oracle that shares nothing with the C engine
 * or the RTL, and can be as slow and as uneven as a bench wants.
 */
#ifndef ESPNIC_DV_GCM_MODEL_H
#define ESPNIC_DV_GCM_MODEL_H

#include <openssl/evp.h>

#include "bits.h"

namespace espnic {

struct GcmCommand {
	Bytes key;
	Bytes nonce;	/* 12 bytes */
	Bytes aad;
	bool gmac;	/* all data is authenticated, none encrypted */
	bool decrypt;
	size_t len;
};

struct GcmResult {
	Bytes data;
	Bytes tag;	/* 16 bytes */
};

/* Opens without judging: the tag is that of what came. */
inline GcmResult gcm(const GcmCommand &c, const Bytes &data)
{
	const EVP_CIPHER *cipher = c.key.size() == 16 ? EVP_aes_128_gcm() : c.key.size() == 24 ? EVP_aes_192_gcm() : EVP_aes_256_gcm();
	GcmResult r = { data, Bytes(16) };
	int len;

	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	EVP_EncryptInit_ex(ctx, cipher, nullptr, c.key.data(), c.nonce.data());
	if (c.gmac) {
		EVP_EncryptUpdate(ctx, nullptr, &len, data.data(), int(data.size()));
	} else {
		EVP_EncryptUpdate(ctx, nullptr, &len, c.aad.data(), int(c.aad.size()));
		EVP_EncryptUpdate(ctx, r.data.data(), &len, data.data(), int(data.size()));
	}
	EVP_EncryptFinal_ex(ctx, r.tag.data(), &len);
	EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, 16, r.tag.data());
	if (c.decrypt && !c.gmac) {
		/* The keystream is the same; the tag is over the ciphertext, so it takes a second pass. */
		Bytes plain = r.data;

		EVP_EncryptInit_ex(ctx, cipher, nullptr, c.key.data(), c.nonce.data());
		EVP_EncryptUpdate(ctx, nullptr, &len, c.aad.data(), int(c.aad.size()));
		EVP_EncryptUpdate(ctx, r.data.data(), &len, plain.data(), int(plain.size()));
		EVP_EncryptFinal_ex(ctx, r.tag.data(), &len);
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, 16, r.tag.data());
		r.data = plain;
	}
	EVP_CIPHER_CTX_free(ctx);
	return r;
}

/* H = E(K, 0) of @key (SP 800-38D section 6.4). */
inline Bytes gcm_h(const Bytes &key)
{
	const EVP_CIPHER *cipher = key.size() == 16 ? EVP_aes_128_ecb() : key.size() == 24 ? EVP_aes_192_ecb() : EVP_aes_256_ecb();
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	Bytes h(32), zero(16);
	int len;

	EVP_EncryptInit_ex(ctx, cipher, nullptr, key.data(), nullptr);
	EVP_EncryptUpdate(ctx, h.data(), &len, zero.data(), 16);
	EVP_CIPHER_CTX_free(ctx);
	h.resize(16);
	return h;
}

/* SP 800-38D section 6.3, bit by bit. */
inline Bytes gf128_mul(const Bytes &x, const Bytes &y)
{
	Bytes z(16), v = y;

	for (unsigned i = 0; i < 128; i++) {
		bool carry = v[15] & 1;

		if (x[i / 8] >> (7 - i % 8) & 1)
			for (unsigned b = 0; b < 16; b++)
				z[b] ^= v[b];
		for (unsigned b = 15; b > 0; b--)
			v[b] = uint8_t(v[b] >> 1 | v[b - 1] << 7);
		v[0] = uint8_t(v[0] >> 1 ^ (carry ? 0xe1 : 0));
	}
	return z;
}

} // namespace espnic

#endif
