// SPDX-License-Identifier: BSD-2-Clause
#include "support.h"

#include <openssl/evp.h>

#include "engine/aes.h"

/* FIPS 197 appendix C: the same plaintext under three keys. */
static void fips197(void **state)
{
	static const struct {
		size_t key_len;
		const char *cipher;
	} cases[] = {
		{ 16, "69c4e0d86a7b0430d8cdb78070b4c55a" },
		{ 24, "dda97ca4864cdfe06eaf70a0ec0d7191" },
		{ 32, "8ea2b7ca516745bfeafc49904b496089" },
	};
	uint8_t key[32], clear[16], want[16], blocks[64];

	(void)state;
	for (uint8_t i = 0; i < 32; i++)
		key[i] = i;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct espnic_aes aes;

		assert_true(espnic_aes_init(&aes, key, cases[i].key_len));
		unhex("00112233445566778899aabbccddeeff", clear);
		unhex(cases[i].cipher, want);
		for (int b = 0; b < 4; b++)
			memcpy(blocks + 16 * b, clear, 16);
		espnic_aes_encrypt(&aes, blocks, 4);
		for (int b = 0; b < 4; b++)
			assert_memory_equal(blocks + 16 * b, want, 16);
		espnic_aes_decrypt(&aes, blocks, 4);
		for (int b = 0; b < 4; b++)
			assert_memory_equal(blocks + 16 * b, clear, 16);
	}
}

/* 0 to 40 different blocks, all key lengths, both directions, against libcrypto. */
static void many_blocks(void **state)
{
	enum { BLOCKS_MAX = 40 };

	(void)state;
	for (int round = 0; round < 3000; round++) {
		const EVP_CIPHER *ciphers[] = { EVP_aes_128_ecb(), EVP_aes_192_ecb(), EVP_aes_256_ecb() };
		size_t len = 16 + 8 * (round % 3);
		size_t n = chance() % (BLOCKS_MAX + 1);
		uint8_t key[32], clear[16 * BLOCKS_MAX + 1], blocks[16 * BLOCKS_MAX + 1];
		uint8_t want[16 * BLOCKS_MAX + 1];
		EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
		struct espnic_aes aes;
		int out;

		chance_bytes(key, sizeof(key));
		chance_bytes(clear, sizeof(clear));
		memcpy(blocks, clear, sizeof(blocks));
		memcpy(want, clear, sizeof(want));
		EVP_EncryptInit_ex(ctx, ciphers[round % 3], NULL, key, NULL);
		EVP_CIPHER_CTX_set_padding(ctx, 0);
		EVP_EncryptUpdate(ctx, want, &out, clear, (int)(16 * n));
		EVP_CIPHER_CTX_free(ctx);

		assert_true(espnic_aes_init(&aes, key, len));
		espnic_aes_encrypt(&aes, blocks, n);
		assert_memory_equal(blocks, want, sizeof(want));
		espnic_aes_decrypt(&aes, blocks, n);
		assert_memory_equal(blocks, clear, sizeof(clear));
	}
}

/* SP 800-38A F.5.1: CTR-AES128.Encrypt, whole and cut short. */
static void sp800_38a_ctr(void **state)
{
	static const char plain[] =
		"6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51"
		"30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710";
	static const char cipher[] =
		"874d6191b620e3261bef6864990db6ce 9806f66b7970fdff8617187bb9fffdff"
		"5ae4df3edbd5d35e5b4f09020db03eab 1e031dda2fbe03d1792170a0f3009cee";
	uint8_t key[16], first[16], want[64];
	struct espnic_aes aes;

	(void)state;
	unhex("2b7e151628aed2a6abf7158809cf4f3c", key);
	unhex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", first);
	unhex(cipher, want);
	assert_true(espnic_aes_init(&aes, key, 16));
	for (size_t len = 0; len <= 64; len++) {
		uint8_t data[64];

		unhex(plain, data);
		espnic_aes_ctr32(&aes, first, data, len);
		assert_memory_equal(data, want, len);
		unhex(plain, want);
		assert_memory_equal(data + len, want + len, 64 - len);
		unhex(cipher, want);
	}
}

/* inc_32 wraps within the last four bytes (SP 800-38D section 6.2). */
static void counter_wraps(void **state)
{
	uint8_t key[16] = { 0 }, first[16], blocks[64] = { 0 }, data[32] = { 0 };
	struct espnic_aes aes;

	(void)state;
	assert_true(espnic_aes_init(&aes, key, 16));
	memset(first, 0xff, sizeof(first));
	espnic_aes_ctr32(&aes, first, data, sizeof(data));
	memset(blocks, 0xff, 28);
	espnic_aes_encrypt(&aes, blocks, 2);
	assert_memory_equal(data, blocks, 32);
}

static void key_lengths(void **state)
{
	uint8_t key[40] = { 0 };
	struct espnic_aes aes;

	(void)state;
	for (size_t len = 0; len <= sizeof(key); len++)
		assert_int_equal(espnic_aes_init(&aes, key, len), len == 16 || len == 24 || len == 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fips197),
		cmocka_unit_test(many_blocks),
		cmocka_unit_test(sp800_38a_ctr),
		cmocka_unit_test(counter_wraps),
		cmocka_unit_test(key_lengths),
	};

	return cmocka_run_group_tests_name("engine/aes", tests, NULL, NULL);
}
