/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys, certificates and CRLs for tests, made when they are needed. Nothing is ever freed but by pki_forget(). */
#ifndef ESPNIC_TESTS_IKE_PKI_H
#define ESPNIC_TESTS_IKE_PKI_H

#include <openssl/x509.h>

#include "core/ike.h"

enum { PKI_NOW = 1800000000, PKI_DAY = 86400 };	/* seconds since 1970: when the tests are */

struct pki_cert {
	const char *cn;
	EVP_PKEY *key;
	X509 *issuer;			/* NULL: itself */
	EVP_PKEY *issuer_key;
	bool ca;
	int from, to;			/* days around PKI_NOW; both 0: -1, 1 */
	const char *ca_value;		/* basicConstraints; NULL: by @ca */
	const char *alt, *usage, *extended, *crl_point, *constraints;	/* as openssl.cnf has them; NULL: without */
};

/* "P-256", "P-384", "P-521", "ED25519", "RSA" (2048 bits), "RSA-1024", "secp256k1". The same one each time for the same @which. */
EVP_PKEY *pki_key(const char *kind, unsigned int which);
X509 *pki_make(struct pki_cert c);
/* Of @issuer, that revokes @revoked (NULL: nothing), good until @to days from PKI_NOW. */
X509_CRL *pki_crl(X509 *issuer, EVP_PKEY *issuer_key, X509 *revoked, int to);
/* Loads into @ike; @keyid as espnic_ike_cert_load() has it. Fails the test if that does. */
void pki_load(struct espnic_ike *ike, enum espnic_ike_cert_kind kind, X509 *x, uint8_t keyid[ESPNIC_IKE_KEYID]);
void pki_load_crl(struct espnic_ike *ike, X509_CRL *crl);
void pki_load_key(struct espnic_ike *ike, EVP_PKEY *key, uint8_t keyid[ESPNIC_IKE_KEYID]);
int64_t pki_wall(void *ctx);
/* Frees all that was made. */
void pki_forget(void);

#endif
