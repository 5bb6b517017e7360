// SPDX-License-Identifier: BSD-2-Clause
/* Files of certificates and keys: what is read, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "conf/creds.h"

struct seen {
	unsigned int n;
	size_t len;
	int rc;
};

static int note(void *ctx, const uint8_t *der, size_t len)
{
	struct seen *s = ctx;

	assert_non_null(der);
	s->n++;
	s->len += len;
	return s->rc;
}

static const uint8_t *text(BIO *bio, size_t *len)
{
	char *p;

	*len = (size_t)BIO_get_mem_data(bio, &p);
	return (const uint8_t *)p;
}

static void public_keys(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *pem = BIO_new(BIO_s_mem());
	unsigned char *der = NULL;
	int der_len = i2d_PUBKEY(key, &der);
	struct seen seen = { 0 };
	char err[ESPNIC_IKE_TEXT];
	const uint8_t *p;
	size_t len;

	(void)state;
	BIO_puts(pem, "a comment in front\n");
	assert_int_equal(PEM_write_bio_PUBKEY(pem, key), 1);
	BIO_puts(pem, "\nand between\n");
	assert_int_equal(PEM_write_bio_PUBKEY(pem, key), 1);
	p = text(pem, &len);
	assert_int_equal(espnic_creds_read(ESPNIC_IKE_CERT_PUBKEY, p, len, note, &seen, err), 0);
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.len, 2 * der_len);
	seen = (struct seen){ .rc = 7 };
	assert_int_equal(espnic_creds_read(ESPNIC_IKE_CERT_PUBKEY, p, len, note, &seen, err), 7);
	assert_int_equal(seen.n, 1);
	seen = (struct seen){ 0 };
	assert_int_equal(espnic_creds_read(ESPNIC_IKE_CERT_PUBKEY, der, (size_t)der_len, note, &seen, err), 0);
	assert_int_equal(seen.len, der_len);
	/* A file that holds something else than it should. */
	assert_int_equal(espnic_creds_read(ESPNIC_IKE_CERT_CA, p, len, note, &seen, err), -22);
	assert_string_equal(err, "no certificate in it");
	assert_int_equal(espnic_creds_read(ESPNIC_IKE_CERT_CRL, p, 0, note, &seen, err), -22);
	assert_string_equal(err, "no CRL in it");
	assert_int_equal(espnic_creds_read(ESPNIC_IKE_CERT_PUBKEY, p, 60, note, &seen, err), -22);
	assert_string_equal(err, "no public key in it");
	assert_int_equal(seen.n, 1);
	OPENSSL_free(der);
	BIO_free(pem);
	EVP_PKEY_free(key);
}

static void expect_key(BIO *bio, const char *passphrase, EVP_PKEY *key, const char *why)
{
	uint8_t is[ESPNIC_IKE_KEYID] = { 0 }, should[ESPNIC_IKE_KEYID];
	char err[ESPNIC_IKE_TEXT] = "";
	void *read = NULL;
	const uint8_t *p;
	size_t len;

	p = text(bio, &len);
	assert_int_equal(espnic_creds_key(p, len, passphrase, &read, is, err), why ? -22 : 0);
	assert_int_equal(espnic_ike_keyid(key, should), 0);
	if (why)
		assert_string_equal(err, why);
	else
		assert_memory_equal(is, should, sizeof(is));
	assert_true(why || EVP_PKEY_eq(read, key) == 1);
	EVP_PKEY_free(read);
	BIO_free(bio);
}

static void private_keys(void **state)
{
	EVP_PKEY *keys[] = { EVP_EC_gen("P-384"), EVP_RSA_gen(2048), EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") };
	BIO *bio;

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		bio = BIO_new(BIO_s_mem());
		PEM_write_bio_PrivateKey(bio, keys[i], NULL, NULL, 0, NULL, NULL);
		expect_key(bio, NULL, keys[i], NULL);
		bio = BIO_new(BIO_s_mem());
		i2d_PrivateKey_bio(bio, keys[i]);
		expect_key(bio, NULL, keys[i], NULL);
		for (int try = 0; try < 3; try++) {
			static const char *const whys[] = { NULL, "not a private key, or another passphrase",
							    "not a private key, or one with a passphrase" };
			static const char *const words[] = { "right", "wrong", NULL };

			bio = BIO_new(BIO_s_mem());
			PEM_write_bio_PKCS8PrivateKey(bio, keys[i], EVP_aes_128_cbc(), "right", 5, NULL, NULL);
			expect_key(bio, words[try], keys[i], whys[try]);
		}
		bio = BIO_new(BIO_s_mem());
		PEM_write_bio_PUBKEY(bio, keys[i]);
		expect_key(bio, NULL, keys[i], "not a private key, or one with a passphrase");
		EVP_PKEY_free(keys[i]);
	}
	keys[0] = EVP_RSA_gen(1024);
	bio = BIO_new(BIO_s_mem());
	i2d_PrivateKey_bio(bio, keys[0]);
	expect_key(bio, NULL, keys[0], "a key of RSA has 2048 to 8192 bits");
	EVP_PKEY_free(keys[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(public_keys), cmocka_unit_test(private_keys) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
