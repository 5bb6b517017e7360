// SPDX-License-Identifier: BSD-2-Clause
/* What was loaded that is public: kept once of each that brings it, found by its bytes, named by its subject, dropped with its authority. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "main/certs.h"

static const uint8_t keyid[2][ESPNIC_IKE_KEYID] = { { 1 }, { 2 } };

static void test_keep(void **state)
{
	struct espnic_certs c = { 0 };

	(void)state;
	assert_null(espnic_certs_find(&c, ESPNIC_IKE_CERT_CA, (const uint8_t *)"a", 1));
	assert_int_equal(espnic_certs_add(&c, ESPNIC_IKE_CERT_CA, (const uint8_t *)"a", 1, keyid[0], NULL), 0);
	assert_int_equal(espnic_certs_add(&c, ESPNIC_IKE_CERT_CA, (const uint8_t *)"a", 1, keyid[0], NULL), 0);
	assert_int_equal(c.n, 1);
	assert_int_equal(espnic_certs_add(&c, ESPNIC_IKE_CERT_CA, (const uint8_t *)"a", 1, keyid[0], "one"), 0);
	assert_int_equal(espnic_certs_add(&c, ESPNIC_IKE_CERT_LEAF, (const uint8_t *)"a", 1, keyid[1], NULL), 0);
	assert_int_equal(espnic_certs_add(&c, ESPNIC_IKE_CERT_CA, (const uint8_t *)"ab", 2, keyid[1], "two"), 0);
	assert_int_equal(c.n, 4);
	assert_memory_equal(espnic_certs_find(&c, ESPNIC_IKE_CERT_LEAF, (const uint8_t *)"a", 1)->keyid, keyid[1], sizeof(keyid[1]));
	assert_null(espnic_certs_find(&c, ESPNIC_IKE_CERT_LEAF, (const uint8_t *)"ab", 2));
	/* what is none has no subject */
	assert_string_equal(c.v[0].subject, "");
	assert_int_equal(espnic_certs_drop(&c, "three"), 0);
	assert_int_equal(espnic_certs_drop(&c, "one"), 1);
	assert_non_null(espnic_certs_find(&c, ESPNIC_IKE_CERT_CA, (const uint8_t *)"a", 1));
	assert_int_equal(espnic_certs_drop(&c, NULL), 2);
	assert_null(espnic_certs_find(&c, ESPNIC_IKE_CERT_CA, (const uint8_t *)"a", 1));
	assert_int_equal(c.n, 1);
	assert_string_equal(c.v[0].authority, "two");
	espnic_certs_free(&c);
	assert_int_equal(c.n, 0);
}

static void test_many(void **state)
{
	struct espnic_certs c = { 0 };
	uint32_t i;

	(void)state;
	for (i = 0; i < 1000; i++)
		assert_int_equal(espnic_certs_add(&c, ESPNIC_IKE_CERT_LEAF, (const uint8_t *)&i, sizeof(i), keyid[0], NULL), 0);
	i = 77;
	assert_non_null(espnic_certs_find(&c, ESPNIC_IKE_CERT_LEAF, (const uint8_t *)&i, sizeof(i)));
	assert_int_equal(espnic_certs_drop(&c, NULL), 1000);
	espnic_certs_free(&c);
}

/* A certificate that names itself, as DER; its length. */
static int certificate(uint8_t **der)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	X509_NAME *name = X509_NAME_new();
	X509 *x = X509_new();
	int len;

	assert_true(key && name && x);
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const uint8_t *)"espnic", -1, -1, 0), 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"a, b", -1, -1, 0), 1);
	assert_int_equal(X509_set_subject_name(x, name) & X509_set_issuer_name(x, name) & X509_set_pubkey(x, key), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x), 0));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x), 60));
	assert_true(X509_sign(x, key, NULL) > 0);
	len = i2d_X509(x, der);
	X509_free(x);
	X509_NAME_free(name);
	EVP_PKEY_free(key);
	return len;
}

static void test_subject(void **state)
{
	struct espnic_certs c = { 0 };
	uint8_t *der = NULL;
	int len = certificate(&der);

	(void)state;
	assert_true(len > 0);
	assert_int_equal(espnic_certs_add(&c, ESPNIC_IKE_CERT_LEAF, der, (size_t)len, keyid[0], NULL), 0);
	assert_string_equal(c.v[0].subject, "O=espnic, CN=\"a, b\"");
	/* cut short, it is none */
	assert_int_equal(espnic_certs_add(&c, ESPNIC_IKE_CERT_LEAF, der, (size_t)len - 1, keyid[0], NULL), 0);
	assert_string_equal(c.v[1].subject, "");
	OPENSSL_free(der);
	espnic_certs_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_subject),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
