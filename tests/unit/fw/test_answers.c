// SPDX-License-Identifier: BSD-2-Clause
/*
 * The firmware's fixed answers against other people's code: known-answer packets by OpenSSL,
 * SipHash by its authors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "fake_hal.h"
#include "internal.h"

static struct fake fake;
static struct espnic_fw fw;

enum { IPV4 = 20, ESP = 8, IV = 8 };

static const EVP_CIPHER *cipher_of(const struct espnic_hal_sa *sa)
{
	static const struct {
		uint8_t alg, key_len;
		const EVP_CIPHER *(*cipher)(void);
	} rows[] = {
		{ ESPNIC_ENC_ALG_AES_GCM, 16, EVP_aes_128_gcm }, { ESPNIC_ENC_ALG_AES_GCM, 24, EVP_aes_192_gcm },
		{ ESPNIC_ENC_ALG_AES_GCM, 32, EVP_aes_256_gcm }, { ESPNIC_ENC_ALG_AES_GMAC, 16, EVP_aes_128_gcm },
		{ ESPNIC_ENC_ALG_AES_CCM, 16, EVP_aes_128_ccm },
		{ ESPNIC_ENC_ALG_CHACHA20_POLY1305, 32, EVP_chacha20_poly1305 },
		{ ESPNIC_ENC_ALG_AES_CBC, 16, EVP_aes_128_cbc }, { ESPNIC_ENC_ALG_AES_CTR, 32, EVP_aes_256_ctr },
		{ ESPNIC_ENC_ALG_DES3_CBC, 24, EVP_des_ede3_cbc },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].alg == sa->enc_alg && rows[i].key_len == sa->enc_key_len)
			return rows[i].cipher();
	fail_msg("enc_alg %u with a key of %u", sa->enc_alg, sa->enc_key_len);
	return NULL;
}

/* An AEAD; for GMAC (RFC 4543 section 3.3) IV and text are behind the other authenticated data. */
static void aead_by_openssl(const struct espnic_hal_sa *sa, const uint8_t *iv, uint8_t *text, uint32_t len,
			    const uint8_t *aad, uint32_t aad_len)
{
	bool ccm = sa->enc_alg == ESPNIC_ENC_ALG_AES_CCM, gmac = sa->enc_alg == ESPNIC_ENC_ALG_AES_GMAC;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t nonce[12], all[12 + IV + 64], plain[64];
	int n, nonce_len = sa->salt_len + IV;

	memcpy(nonce, sa->salt, sa->salt_len);
	memcpy(nonce + sa->salt_len, iv, IV);
	memcpy(all, aad, aad_len);
	memcpy(all + aad_len, iv, IV);
	memcpy(all + aad_len + IV, text, len);
	memcpy(plain, text, len);
	assert_true(EVP_EncryptInit_ex(ctx, cipher_of(sa), NULL, NULL, NULL));
	assert_true(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, nonce_len, NULL));
	if (ccm)
		assert_true(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, sa->icv_len, NULL));
	assert_true(EVP_EncryptInit_ex(ctx, NULL, NULL, sa->enc_key, nonce));
	if (ccm)
		assert_true(EVP_EncryptUpdate(ctx, NULL, &n, NULL, (int)len));
	assert_true(EVP_EncryptUpdate(ctx, NULL, &n, all, (int)(gmac ? aad_len + IV + len : aad_len)));
	if (!gmac)
		assert_true(EVP_EncryptUpdate(ctx, text, &n, plain, (int)len));
	assert_true(EVP_EncryptFinal_ex(ctx, text + len, &n));
	assert_true(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, sa->icv_len, text + len));
	EVP_CIPHER_CTX_free(ctx);
}

/* CBC, or CTR with the counter block of RFC 3686 section 4. */
static void cipher_by_openssl(const struct espnic_hal_sa *sa, const uint8_t *iv, uint8_t *text, uint32_t len)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t block[16] = { [15] = 1 }, plain[64];
	int n;

	memcpy(block, sa->salt, sa->salt_len);
	memcpy(block + sa->salt_len, iv, sa->enc_alg == ESPNIC_ENC_ALG_AES_CBC ? 16 : IV);
	memcpy(plain, text, len);
	assert_true(EVP_EncryptInit_ex(ctx, cipher_of(sa), NULL, sa->enc_key, block));
	assert_true(EVP_CIPHER_CTX_set_padding(ctx, 0));
	assert_true(EVP_EncryptUpdate(ctx, text, &n, plain, (int)len));
	assert_int_equal(n, len);
	EVP_CIPHER_CTX_free(ctx);
}

static void aes_block(const uint8_t *key, const uint8_t *in, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	assert_true(EVP_EncryptInit_ex(ctx, EVP_aes_128_ecb(), NULL, key, NULL));
	assert_true(EVP_CIPHER_CTX_set_padding(ctx, 0));
	assert_true(EVP_EncryptUpdate(ctx, out, &n, in, 16));
	EVP_CIPHER_CTX_free(ctx);
}

/* RFC 3566 section 4, of AES alone: OpenSSL has no XCBC. */
static void xcbc_by_openssl(const uint8_t *key, const uint8_t *p, uint32_t len, uint8_t *mac)
{
	uint8_t k[3][16], e[16] = { 0 }, last[16] = { 0 };
	uint32_t at = 0;

	for (int i = 0; i < 3; i++) {
		memset(e, i + 1, 16);
		aes_block(key, e, k[i]);
	}
	memset(e, 0, 16);
	for (; len - at > 16; at += 16) {
		for (int i = 0; i < 16; i++)
			e[i] ^= p[at + (uint32_t)i];
		aes_block(k[0], e, e);
	}
	memcpy(last, p + at, len - at);
	if (len - at < 16)
		last[len - at] = 0x80;
	for (int i = 0; i < 16; i++)
		e[i] ^= last[i] ^ k[len - at < 16 ? 2 : 1][i];
	aes_block(k[0], e, mac);
}

static void mac_by_openssl(const struct espnic_hal_sa *sa, const uint8_t *p, uint32_t len, uint8_t *icv)
{
	static const char *const digest[] = {
		[ESPNIC_AUTH_ALG_HMAC_MD5_96] = "MD5", [ESPNIC_AUTH_ALG_HMAC_SHA1_96] = "SHA1",
		[ESPNIC_AUTH_ALG_HMAC_SHA256_128] = "SHA256", [ESPNIC_AUTH_ALG_HMAC_SHA384_192] = "SHA384",
		[ESPNIC_AUTH_ALG_HMAC_SHA512_256] = "SHA512",
	};
	bool cmac = sa->auth_alg == ESPNIC_AUTH_ALG_AES_CMAC_96;
	uint8_t mac[64];
	size_t n = 0;

	if (sa->auth_alg == ESPNIC_AUTH_ALG_AES_XCBC_96)
		xcbc_by_openssl(sa->auth_key, p, len, mac);
	else
		assert_non_null(EVP_Q_mac(NULL, cmac ? "CMAC" : "HMAC", NULL,
					  cmac ? "AES-128-CBC" : digest[sa->auth_alg], NULL, sa->auth_key,
					  sa->auth_key_len, p, len, mac, sizeof(mac), &n));
	memcpy(icv, mac, sa->icv_len);
}

/* What a known-answer packet with @sa must look like behind its IPv4 header, by OpenSSL and RFC 4303. */
static uint32_t by_openssl(const struct espnic_hal_sa *sa, const uint8_t *iv, const uint8_t *in,
			   uint32_t in_len, uint8_t *esp)
{
	bool cbc = sa->enc_alg == ESPNIC_ENC_ALG_AES_CBC;
	uint32_t block = cbc ? 16 : sa->enc_alg == ESPNIC_ENC_ALG_DES3_CBC ? 8 : 4;
	uint32_t iv_len = cbc ? 16 : sa->enc_alg == ESPNIC_ENC_ALG_NULL ? 0 : IV;
	uint64_t seq = sa->seq + 1;
	uint32_t spi = htobe32(sa->spi), hi = htobe32((uint32_t)(seq >> 32)), lo = htobe32((uint32_t)seq);
	uint32_t len = in_len - IPV4, pad = -(len + 2) % block, aad_len = 0, auth_len;
	uint8_t aad[12], *text = esp + ESP + iv_len;

	assert_true(!iv == !iv_len);
	memcpy(esp, &spi, 4);
	memcpy(esp + 4, &lo, 4);
	if (iv)
		memcpy(esp + ESP, iv, iv_len);
	memcpy(text, in + IPV4, len);
	for (uint32_t i = 1; i <= pad; i++)
		text[len++] = (uint8_t)i;
	text[len++] = (uint8_t)pad;
	text[len++] = in[9];

	if (!sa->auth_alg) {
		memcpy(aad, &spi, 4);
		if (sa->esn)
			memcpy(aad + (aad_len += 4), &hi, 4);
		memcpy(aad + (aad_len += 4), &lo, 4);
		aead_by_openssl(sa, iv, text, len, aad, aad_len + 4);
	} else {
		if (iv)
			cipher_by_openssl(sa, iv, text, len);
		auth_len = ESP + iv_len + len;
		/* RFC 4303 section 2.2.1: not sent, but under the ICV. */
		if (sa->esn) {
			memcpy(esp + auth_len, &hi, 4);
			auth_len += 4;
		}
		mac_by_openssl(sa, esp, auth_len, text + len);
	}
	return ESP + iv_len + len + sa->icv_len;
}

static uint32_t compared;
static uint8_t last_esp[256];
static uint32_t last_len;

/* Protect: made by OpenSSL. Unprotect: must be given just that, or that with one bit wrong. */
static uint32_t kat(void *ctx, const struct espnic_hal_sa *sa, const uint8_t *iv,
		    const uint8_t *in, uint32_t in_len, uint8_t *out, uint32_t *out_len)
{
	static uint8_t clear[256];
	static uint32_t clear_len;

	(void)ctx;
	if (sa->dir == ESPNIC_CMD_SA_DIR_OUT) {
		uint32_t sum = 0;

		memcpy(clear, in, clear_len = in_len);
		last_len = IPV4 + by_openssl(sa, iv, in, in_len, last_esp + IPV4);
		memcpy(last_esp, in, IPV4);
		last_esp[3] = (uint8_t)last_len;
		last_esp[9] = 50;
		last_esp[10] = last_esp[11] = 0;
		for (int i = 0; i < IPV4; i += 2)
			sum += (uint32_t)last_esp[i] << 8 | last_esp[i + 1];
		sum = ~((sum & 0xffff) + (sum >> 16));
		last_esp[10] = (uint8_t)(sum >> 8);
		last_esp[11] = (uint8_t)sum;
		memcpy(out, last_esp, *out_len = last_len);
		compared++;
		return ESPNIC_IPSEC_STATUS_OK;
	}
	assert_int_equal(in_len, last_len);
	if (memcmp(in, last_esp, in_len))
		return ESPNIC_IPSEC_STATUS_INTEGRITY;
	memcpy(out, clear, *out_len = clear_len);
	return ESPNIC_IPSEC_STATUS_OK;
}

static void test_known_answers(void **state)
{
	struct espnic_hal_ops ops = fake_ops;

	(void)state;
	ops.engine_kat = kat;
	fake_init(&fake);
	espnic_fw_init(&fw, &ops, &fake);
	fake_settle(&fake, &fw);
	assert_int_equal(compared, 19);
	assert_int_equal(fake.reg[ESPNIC_REG_STATUS / 4], ESPNIC_STATUS_READY | ESPNIC_STATUS_FW_ALIVE);
}

/* vectors_sip128 of the reference implementation: key 00..0f, input 00, 01, 02, ... */
static void test_siphash(void **state)
{
	static const struct {
		uint32_t len;
		uint8_t want[16];
	} rows[] = {
		{ 0, { 0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6,
		       0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93 } },
		{ 1, { 0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44,
		       0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc, 0x45 } },
	};
	uint8_t key[16], in[64];

	(void)state;
	for (uint8_t i = 0; i < 16; i++)
		key[i] = i;
	for (uint8_t i = 0; i < 64; i++)
		in[i] = i;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct espnic_fw_digest d = espnic_fw_digest(key, in, rows[i].len);

		assert_memory_equal(d.w, rows[i].want, 16);
	}
}

/* SipHash of longer inputs, by OpenSSL. */
static void test_siphash_lengths(void **state)
{
	uint8_t key[16], in[64], want[16];
	size_t n;

	(void)state;
	for (uint8_t i = 0; i < 16; i++)
		key[i] = (uint8_t)(i * 7);
	for (uint8_t i = 0; i < 64; i++)
		in[i] = (uint8_t)(i * 13 + 1);
	for (uint32_t len = 0; len <= sizeof(in); len++) {
		EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
		EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
		struct espnic_fw_digest d = espnic_fw_digest(key, in, len);

		assert_true(EVP_MAC_init(ctx, key, sizeof(key), NULL));
		assert_true(EVP_MAC_update(ctx, in, len));
		assert_true(EVP_MAC_final(ctx, want, &n, sizeof(want)));
		assert_int_equal(n, 16);
		assert_memory_equal(d.w, want, 16);
		EVP_MAC_CTX_free(ctx);
		EVP_MAC_free(mac);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_answers),
		cmocka_unit_test(test_siphash),
		cmocka_unit_test(test_siphash_lengths),
	};

	return cmocka_run_group_tests_name("fw answers", tests, NULL, NULL);
}
