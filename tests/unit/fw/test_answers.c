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

/* What a known-answer packet with @sa must look like behind its IPv4 header, by OpenSSL and RFC 4303. */
static uint32_t by_openssl(const struct espnic_hal_sa *sa, const uint8_t *iv, const uint8_t *in,
			   uint32_t in_len, uint8_t *esp)
{
	const EVP_CIPHER *c = sa->enc_key_len == 16 ? EVP_aes_128_gcm() :
			      sa->enc_key_len == 24 ? EVP_aes_192_gcm() : EVP_aes_256_gcm();
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t nonce[12], aad[12], plain[256];
	uint64_t seq = sa->seq + 1;
	uint32_t spi = htobe32(sa->spi), hi = htobe32((uint32_t)(seq >> 32)), lo = htobe32((uint32_t)seq);
	uint32_t len = in_len - IPV4, pad = -(len + 2) % 4, aad_len = 0;
	int n;

	memcpy(plain, in + IPV4, len);
	for (uint32_t i = 1; i <= pad; i++)
		plain[len++] = (uint8_t)i;
	plain[len++] = (uint8_t)pad;
	plain[len++] = in[9];

	memcpy(nonce, sa->salt, 4);
	memcpy(nonce + 4, iv, 8);
	memcpy(aad, &spi, 4);
	if (sa->esn)
		memcpy(aad + (aad_len += 4), &hi, 4);
	memcpy(aad + (aad_len += 4), &lo, 4);
	aad_len += 4;

	memcpy(esp, &spi, 4);
	memcpy(esp + 4, &lo, 4);
	memcpy(esp + ESP, iv, IV);
	assert_true(EVP_EncryptInit_ex(ctx, c, NULL, sa->enc_key, nonce));
	assert_true(EVP_EncryptUpdate(ctx, NULL, &n, aad, (int)aad_len));
	assert_true(EVP_EncryptUpdate(ctx, esp + ESP + IV, &n, plain, (int)len));
	assert_true(EVP_EncryptFinal_ex(ctx, esp + ESP + IV + len, &n));
	assert_true(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, sa->icv_len, esp + ESP + IV + len));
	EVP_CIPHER_CTX_free(ctx);
	return ESP + IV + len + sa->icv_len;
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
	assert_int_equal(compared, 9);
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
