// SPDX-License-Identifier: BSD-2-Clause
#include "main/certs.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 8 }; /* of the array; doubled from then on */

/* As swanctl writes names, "C=CH, O=x, CN=y"; "" if there is none. To be freed; NULL: no memory. */
static char *name_text(const X509_NAME *name)
{
	BIO *bio = name ? BIO_new(BIO_s_mem()) : NULL;
	char text[ESPNIC_CERT_SUBJECT] = "";
	int n;

	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~XN_FLAG_SPC_EQ) > 0) {
		n = BIO_read(bio, text, sizeof(text) - 1);
		text[n > 0 ? n : 0] = 0;
	}
	BIO_free(bio);
	return strdup(text);
}

static char *subject_of(enum espnic_ike_cert_kind kind, const uint8_t *der, size_t len)
{
	X509_CRL *crl = NULL;
	X509 *cert = NULL;
	char *text;

	if (kind == ESPNIC_IKE_CERT_CRL)
		crl = d2i_X509_CRL(NULL, &der, (long)len);
	else if (kind != ESPNIC_IKE_CERT_PUBKEY)
		cert = d2i_X509(NULL, &der, (long)len);
	text = name_text(cert ? X509_get_subject_name(cert) : crl ? X509_CRL_get_issuer(crl) : NULL);
	X509_free(cert);
	X509_CRL_free(crl);
	ERR_clear_error();
	return text;
}

static bool grow(struct espnic_certs *c)
{
	unsigned int want = c->room ? 2 * c->room : FIRST_ROOM;
	struct espnic_cert *more;

	if (c->n < c->room)
		return true;
	more = c->n < ESPNIC_CERTS ? realloc(c->v, want * sizeof(*more)) : NULL;
	if (!more)
		return false;
	c->v = more;
	c->room = want;
	return true;
}

static bool same(const struct espnic_cert *c, enum espnic_ike_cert_kind kind, const uint8_t *der, size_t len)
{
	return c->kind == kind && c->len == len && !memcmp(c->der, der, len);
}

const struct espnic_cert *espnic_certs_find(const struct espnic_certs *c, enum espnic_ike_cert_kind kind, const uint8_t *der, size_t len)
{
	unsigned int i;

	for (i = 0; i < c->n; i++)
		if (same(&c->v[i], kind, der, len))
			return &c->v[i];
	return NULL;
}

int espnic_certs_add(struct espnic_certs *c, enum espnic_ike_cert_kind kind, const uint8_t *der, size_t len,
		     const uint8_t keyid[ESPNIC_IKE_KEYID], const char *authority)
{
	struct espnic_cert fresh = { .kind = kind, .len = len };
	unsigned int i;

	if (authority)
		snprintf(fresh.authority, sizeof(fresh.authority), "%s", authority);
	for (i = 0; i < c->n; i++)
		if (same(&c->v[i], kind, der, len) && !strcmp(c->v[i].authority, fresh.authority))
			return 0;
	if (!grow(c))
		return -1;
	memcpy(fresh.keyid, keyid, sizeof(fresh.keyid));
	fresh.der = malloc(len + 1);
	fresh.subject = subject_of(kind, der, len);
	if (!fresh.der || !fresh.subject) {
		free(fresh.der);
		free(fresh.subject);
		return -1;
	}
	memcpy(fresh.der, der, len);
	c->v[c->n++] = fresh;
	return 0;
}

unsigned int espnic_certs_drop(struct espnic_certs *c, const char *authority)
{
	unsigned int i, kept = 0, was = c->n;

	for (i = 0; i < c->n; i++) {
		if (strcmp(c->v[i].authority, authority ? authority : "") != 0) {
			c->v[kept++] = c->v[i];
			continue;
		}
		free(c->v[i].der);
		free(c->v[i].subject);
	}
	c->n = kept;
	return was - kept;
}

void espnic_certs_free(struct espnic_certs *c)
{
	unsigned int i;

	for (i = 0; i < c->n; i++) {
		free(c->v[i].der);
		free(c->v[i].subject);
	}
	free(c->v);
	memset(c, 0, sizeof(*c));
}
