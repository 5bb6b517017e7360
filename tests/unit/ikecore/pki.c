// SPDX-License-Identifier: BSD-2-Clause
#include "pki.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 64, MADE = 256 };

static struct {
	char name[32];
	EVP_PKEY *key;
} keys[KEYS];
static X509 *certs[MADE];
static X509_CRL *crls[MADE];
static unsigned int n_certs, n_crls;
static long serial = 1;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "pki: %s\n", what);
	abort();
}

static EVP_PKEY *generate(const char *kind)
{
	if (strcmp(kind, "RSA") == 0)
		return EVP_RSA_gen(2048);
	if (strcmp(kind, "RSA-1024") == 0)
		return EVP_RSA_gen(1024);
	if (strcmp(kind, "ED25519") == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	return EVP_EC_gen(kind);
}

EVP_PKEY *pki_key(const char *kind, unsigned int which)
{
	char name[32];

	snprintf(name, sizeof(name), "%s/%u", kind, which);
	for (unsigned int i = 0; i < KEYS; i++) {
		if (!keys[i].key) {
			snprintf(keys[i].name, sizeof(keys[i].name), "%s", name);
			keys[i].key = generate(kind);
			must(keys[i].key, name);
		}
		if (strcmp(keys[i].name, name) == 0)
			return keys[i].key;
	}
	must(false, "too many keys");
	return NULL;
}

static void extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	if (!value)
		return;
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	must(e && X509_add_ext(x, e, -1) == 1, value);
	X509_EXTENSION_free(e);
}

static const EVP_MD *digest(EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256();
}

static void set_time(ASN1_TIME *t, int days)
{
	must(ASN1_TIME_set(t, (time_t)PKI_NOW + (time_t)days * PKI_DAY), "time");
}

X509 *pki_make(struct pki_cert c)
{
	X509 *x = X509_new(), *issuer = c.issuer ? c.issuer : x;
	EVP_PKEY *signer = c.issuer ? c.issuer_key : c.key;
	X509_NAME *name = X509_get_subject_name(x);

	must(n_certs < MADE, "too many certificates");
	certs[n_certs++] = x;
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
	X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const unsigned char *)"espnic", -1, -1, 0);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)c.cn, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(issuer));
	set_time(X509_getm_notBefore(x), c.from || c.to ? c.from : -1);
	set_time(X509_getm_notAfter(x), c.from || c.to ? c.to : 1);
	X509_set_pubkey(x, c.key);
	extension(x, issuer, NID_basic_constraints, c.ca_value ? c.ca_value : c.ca ? "critical,CA:TRUE" : NULL);
	extension(x, issuer, NID_key_usage, c.usage ? c.usage : c.ca ? "critical,keyCertSign,cRLSign" : NULL);
	extension(x, issuer, NID_subject_key_identifier, "hash");
	extension(x, issuer, NID_authority_key_identifier, c.issuer ? "keyid" : NULL);
	extension(x, issuer, NID_subject_alt_name, c.alt);
	extension(x, issuer, NID_ext_key_usage, c.extended);
	extension(x, issuer, NID_crl_distribution_points, c.crl_point);
	extension(x, issuer, NID_name_constraints, c.constraints);
	must(X509_sign(x, signer, digest(signer)) > 0, "sign");
	return x;
}

X509_CRL *pki_crl(X509 *issuer, EVP_PKEY *issuer_key, X509 *revoked, int to)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *t = ASN1_TIME_new();
	X509_REVOKED *r;

	must(n_crls < MADE, "too many CRLs");
	crls[n_crls++] = crl;
	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer));
	set_time(t, -3);
	X509_CRL_set1_lastUpdate(crl, t);
	if (revoked) {
		r = X509_REVOKED_new();
		X509_REVOKED_set_serialNumber(r, X509_get_serialNumber(revoked));
		X509_REVOKED_set_revocationDate(r, t);
		X509_CRL_add0_revoked(crl, r);
	}
	set_time(t, to);
	X509_CRL_set1_nextUpdate(crl, t);
	ASN1_TIME_free(t);
	must(X509_CRL_sign(crl, issuer_key, digest(issuer_key)) > 0, "sign");
	return crl;
}

static void load(struct espnic_ike *ike, enum espnic_ike_cert_kind kind, unsigned char *der, int len, uint8_t *keyid)
{
	char err[ESPNIC_IKE_TEXT] = "not made";

	must(len > 0 && espnic_ike_cert_load(ike, kind, der, (size_t)len, keyid, err) == 0, err);
	OPENSSL_free(der);
}

void pki_load(struct espnic_ike *ike, enum espnic_ike_cert_kind kind, X509 *x, uint8_t keyid[ESPNIC_IKE_KEYID])
{
	unsigned char *der = NULL;
	int len = i2d_X509(x, &der);

	load(ike, kind, der, len, keyid);
}

void pki_load_crl(struct espnic_ike *ike, X509_CRL *crl)
{
	unsigned char *der = NULL;
	int len = i2d_X509_CRL(crl, &der);

	load(ike, ESPNIC_IKE_CERT_CRL, der, len, NULL);
}

void pki_load_key(struct espnic_ike *ike, EVP_PKEY *key, uint8_t keyid[ESPNIC_IKE_KEYID])
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der);

	load(ike, ESPNIC_IKE_CERT_PUBKEY, der, len, keyid);
}

int64_t pki_wall(void *ctx)
{
	(void)ctx;
	return PKI_NOW;
}

void pki_forget(void)
{
	while (n_certs)
		X509_free(certs[--n_certs]);
	while (n_crls)
		X509_CRL_free(crls[--n_crls]);
	for (unsigned int i = 0; i < KEYS; i++) {
		EVP_PKEY_free(keys[i].key);
		keys[i].key = NULL;
	}
}
