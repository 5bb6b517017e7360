/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Certificates, CRLs and public keys: what was loaded, what is sent of it, and whether what a peer sends proves who it is.
 * RFC 5280 is libcrypto's; what IKE asks besides (RFC 4945, RFC 7670) is here.
 */
#ifndef ESPNIC_IKE_CERT_H
#define ESPNIC_IKE_CERT_H

#include "auth.h"

enum espnic_ike_cert_encoding {		/* RFC 7296 3.6, RFC 7670 */
	ESPNIC_IKE_ENC_X509 = 4,
	ESPNIC_IKE_ENC_RAW = 15,
};

enum espnic_ike_cert_sizes {
	ESPNIC_IKE_CA_HASH = 20,	/* bytes: SHA-1 of a CA's SubjectPublicKeyInfo */
	ESPNIC_IKE_CERTREQ_CAS = 32,	/* in one CERTREQ: those that come after are not named */
};

struct espnic_ike_loaded {
	enum espnic_ike_cert_kind kind;	/* CA, LEAF, PUBKEY */
	uint8_t keyid[ESPNIC_IKE_KEYID];
	uint8_t ca_hash[ESPNIC_IKE_CA_HASH];
	X509 *x;			/* NULL: a bare key */
	EVP_PKEY *key;
};

struct espnic_ike_certs {
	X509_STORE *store;		/* CAs and CRLs; NULL: none yet */
	struct espnic_ike_loaded *v;
	size_t n_all, n[ESPNIC_IKE_CERT_PUBKEY + 1];	/* and of each kind */
};

void espnic_ike_certs_free(struct espnic_ike_certs *c);
/* The public key of this id; NULL: it was not loaded. */
EVP_PKEY *espnic_ike_cert_key(const struct espnic_ike_certs *c, const uint8_t keyid[ESPNIC_IKE_KEYID]);
/* CERTREQ, of what was loaded to compare with: X.509 by its CAs; raw keys, which names nobody (RFC 7670 3). */
void espnic_ike_certreq_write(struct espnic_ike_wr *w, const struct espnic_ike_certs *c);
/* Does @m ask for a certificate we could send? */
bool espnic_ike_cert_asked(const struct espnic_ike_msg *m);
/* CERT payloads: of the key @keyid, its certificate that is valid at @now and the CAs between it and its root; or the key alone. */
void espnic_ike_cert_write(struct espnic_ike_wr *w, const struct espnic_ike_certs *c, const uint8_t keyid[ESPNIC_IKE_KEYID],
			   int64_t now);
/* Is the first certificate of @m of a key that @remote pins? True too if there is none. */
bool espnic_ike_cert_pinned(const struct espnic_ike_auth *remote, const struct espnic_ike_msg *m);
/*
 * Is whoever signed @octets with @m's AUTH the one that @id names and @remote allows, at @now? NULL: yes; else why not: constant, or
 * in @why.
 */
const char *espnic_ike_cert_verify(const struct espnic_ike_certs *c, const struct espnic_ike_auth *remote,
				   const struct espnic_ike_id *id, const struct espnic_ike_msg *m,
				   struct espnic_ike_chunk octets, int64_t now, char why[ESPNIC_IKE_TEXT]);

#endif
