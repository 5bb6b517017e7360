// SPDX-License-Identifier: BSD-2-Clause
#include "ct/ops.h"

#include <string.h>

#include "engine/wipe.h"

static const struct espnic_transform *of(enum espnic_alg alg)
{
	return &espnic_transforms_ref.of[alg];
}

bool ct_has(enum espnic_alg alg, enum ct_op op)
{
	switch (op) {
	case CT_SEAL:
	case CT_OPEN:
		return of(alg)->aead;
	case CT_ENCRYPT:
	case CT_DECRYPT:
		return of(alg)->cipher;
	default:
		return of(alg)->mac;
	}
}

const char *ct_op_name(enum ct_op op)
{
	static const char *const names[CT_OPS] = { "seal", "open", "encrypt", "decrypt", "mac" };

	return names[op];
}

const size_t *ct_key_lens(enum espnic_alg alg)
{
	static const size_t aes[] = { 16, 24, 32, 0 }, chacha[] = { 32, 0 }, des3[] = { 24, 0 };
	static const size_t xcbc[] = { 16, 0 }, hmac[] = { 16, 64, 65, 129, 200, 0 };

	switch (alg) {
	case ESPNIC_ALG_CHACHA20_POLY1305:
		return chacha;
	case ESPNIC_ALG_3DES_CBC:
		return des3;
	case ESPNIC_ALG_AES_XCBC:
		return xcbc;
	case ESPNIC_ALG_HMAC_MD5:
	case ESPNIC_ALG_HMAC_SHA1:
	case ESPNIC_ALG_HMAC_SHA256:
	case ESPNIC_ALG_HMAC_SHA384:
	case ESPNIC_ALG_HMAC_SHA512:
		return hmac;
	default:
		return aes;
	}
}

size_t ct_block(enum espnic_alg alg)
{
	return of(alg)->cipher ? of(alg)->cipher->block : 1;
}

static void run_aead(const struct espnic_aead_ops *ops, enum ct_op op, void *key,
		     struct ct_input *in)
{
	ops->expand(key, in->key, in->key_len);
	if (op == CT_SEAL)
		ops->seal(NULL, key, in->iv, CT_NONCE, in->aad, CT_AAD, in->data, in->len, in->tag,
			  in->tag_len);
	else
		in->good = ops->open(NULL, key, in->iv, CT_NONCE, in->aad, CT_AAD, in->data,
				     in->len, in->tag, in->tag_len);
}

static void run_cipher(const struct espnic_cipher_ops *ops, enum ct_op op, void *key,
		       struct ct_input *in)
{
	ops->expand(key, in->key, in->key_len);
	if (op == CT_ENCRYPT)
		ops->encrypt(NULL, key, in->iv, in->data, in->len);
	else
		ops->decrypt(NULL, key, in->iv, in->data, in->len);
}

static void run_mac(const struct espnic_mac_ops *ops, void *key, struct ct_input *in)
{
	struct espnic_mac_state state;
	size_t half = in->len / 2;

	ops->expand(key, in->key, in->key_len);
	ops->start(NULL, key, &state, ops->iv_len ? in->iv : NULL, ops->iv_len);
	ops->update(NULL, key, &state, in->data, half);
	ops->update(NULL, key, &state, in->data + half, in->len - half);
	ops->final(NULL, key, &state, in->tag, in->tag_len);
}

void ct_run(enum espnic_alg alg, enum ct_op op, struct ct_input *in)
{
	static _Alignas(ESPNIC_CACHE_LINE) uint8_t key[4096];

	if (of(alg)->aead)
		run_aead(of(alg)->aead, op, key, in);
	else if (of(alg)->cipher)
		run_cipher(of(alg)->cipher, op, key, in);
	else
		run_mac(of(alg)->mac, key, in);
}

void ct_random(uint8_t *p, size_t len)
{
	static uint64_t x = 0x9e3779b97f4a7c15;

	for (size_t i = 0; i < len; i++) {
		/* xorshift64* */
		x ^= x >> 12;
		x ^= x << 25;
		x ^= x >> 27;
		p[i] = (uint8_t)(x * 0x2545f4914f6cdd1d >> 56);
	}
}
