// SPDX-License-Identifier: BSD-2-Clause
#include "conf/creds.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

static const char begin[] = "-----BEGIN ";

static int complain(char err[ESPNIC_IKE_TEXT], const char *why)
{
	ERR_clear_error();
	snprintf(err, ESPNIC_IKE_TEXT, "%s", why);
	return -EINVAL;
}

int espnic_creds_read(enum espnic_ike_cert_kind kind, const uint8_t *p, size_t len,
		      int (*each)(void *ctx, const uint8_t *der, size_t len), void *ctx, char err[ESPNIC_IKE_TEXT])
{
	static const struct {
		const char *label, *none;
	} kinds[] = {
		[ESPNIC_IKE_CERT_CA] = { "CERTIFICATE", "no certificate in it" },
		[ESPNIC_IKE_CERT_LEAF] = { "CERTIFICATE", "no certificate in it" },
		[ESPNIC_IKE_CERT_CRL] = { "X509 CRL", "no CRL in it" },
		[ESPNIC_IKE_CERT_PUBKEY] = { "PUBLIC KEY", "no public key in it" },
	};
	char *label, *header;
	unsigned char *der;
	unsigned int n = 0;
	int rc = 0;
	long size;
	BIO *bio;

	if (!len || len > INT_MAX)
		return complain(err, kinds[kind].none);
	if (!memmem(p, len, begin, sizeof(begin) - 1))
		return each(ctx, p, len);
	bio = BIO_new_mem_buf(p, (int)len);
	while (!rc && bio && PEM_read_bio(bio, &label, &header, &der, &size) == 1) {
		rc = strcmp(label, kinds[kind].label) == 0 ? each(ctx, der, (size_t)size) : complain(err, kinds[kind].none);
		n++;
		OPENSSL_free(label);
		OPENSSL_free(header);
		OPENSSL_clear_free(der, (size_t)size);
	}
	BIO_free(bio);
	ERR_clear_error();
	return n ? rc : complain(err, kinds[kind].none);
}

/* Asked by libcrypto only if the key is encrypted; never on a terminal. */
static int give_passphrase(char *out, size_t room, size_t *len, const OSSL_PARAM params[], void *arg)
{
	const char *passphrase = arg;

	(void)params;
	if (!passphrase || strlen(passphrase) > room)
		return 0;
	*len = strlen(passphrase);
	memcpy(out, passphrase, *len);
	return 1;
}

int espnic_creds_key(const uint8_t *p, size_t len, const char *passphrase, void **key, uint8_t keyid[ESPNIC_IKE_KEYID],
		     char err[ESPNIC_IKE_TEXT])
{
	EVP_PKEY *pkey = NULL;
	OSSL_DECODER_CTX *ctx = OSSL_DECODER_CTX_new_for_pkey(&pkey, NULL, NULL, NULL, OSSL_KEYMGMT_SELECT_KEYPAIR, NULL, NULL);
	const char *why = NULL;

	if (!ctx || OSSL_DECODER_CTX_set_passphrase_cb(ctx, give_passphrase, (void *)passphrase) != 1)
		why = "no memory";
	else if (OSSL_DECODER_from_data(ctx, &p, &len) != 1)
		why = passphrase ? "not a private key, or another passphrase" : "not a private key, or one with a passphrase";
	else
		why = espnic_ike_key_refused(pkey);
	OSSL_DECODER_CTX_free(ctx);
	if (!why && espnic_ike_keyid(pkey, keyid) < 0)
		why = "no memory";
	ERR_clear_error();
	if (!why) {
		*key = pkey;
		return 0;
	}
	EVP_PKEY_free(pkey);
	return complain(err, why);
}
