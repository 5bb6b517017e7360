/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was loaded that is public: certificates, CRLs and bare keys, as the core was given them, so that clients can be told of them and
 * the core be given again what is left when one goes. One thread.
 */
#ifndef ESPNIC_IKE_MAIN_CERTS_H
#define ESPNIC_IKE_MAIN_CERTS_H

#include "core/ike.h"

enum espnic_certs_limits {
	ESPNIC_CERTS = 65536,
	ESPNIC_CERT_SUBJECT = 512, /* bytes of a subject as a text, with its end; cut if it is longer */
};

struct espnic_cert {
	enum espnic_ike_cert_kind kind;
	uint8_t keyid[ESPNIC_IKE_KEYID];
	uint8_t *der; /* owned */
	size_t len;
	char authority[ESPNIC_IKE_NAME]; /* that brought it; "": none did */
	char *subject; /* of a certificate, the issuer of a CRL; "": none; owned */
};

struct espnic_certs {
	struct espnic_cert *v;
	unsigned int n, room;
};

/* The one of these bytes, whoever brought it; NULL. */
const struct espnic_cert *espnic_certs_find(const struct espnic_certs *c, enum espnic_ike_cert_kind kind, const uint8_t *der, size_t len);
/* Keep a copy, once of each @authority (NULL: none). 0, or -1: too many, or no memory. */
int espnic_certs_add(struct espnic_certs *c, enum espnic_ike_cert_kind kind, const uint8_t *der, size_t len,
		     const uint8_t keyid[ESPNIC_IKE_KEYID], const char *authority);
/* Drop those of @authority (NULL: of none); how many there were. */
unsigned int espnic_certs_drop(struct espnic_certs *c, const char *authority);
void espnic_certs_free(struct espnic_certs *c);

#endif
