// SPDX-License-Identifier: BSD-2-Clause
#include "cert.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sa.h"

enum {
	SECURITY_LEVEL = 2,		/* libcrypto's: 112 bits, so neither SHA-1 nor RSA of 1024 bits signs a certificate */
	DEPTH_MAX = ESPNIC_IKE_CERTS,	/* CAs between a leaf and what we trust */
};

/* ------------------------------------------------------------------ reading */

static X509 *read_x509(struct espnic_ike_chunk der)
{
	const unsigned char *p = der.p;
	X509 *x = d2i_X509(NULL, &p, (long)der.len);

	/* All of it is the certificate, and its extensions can be read. */
	if (x && p == der.p + der.len && X509_check_purpose(x, -1, 0) == 1)
		return x;
	X509_free(x);
	ERR_clear_error();
	return NULL;
}

static EVP_PKEY *read_spki(struct espnic_ike_chunk der)
{
	const unsigned char *p = der.p;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)der.len);

	if (key && p == der.p + der.len)
		return key;
	EVP_PKEY_free(key);
	ERR_clear_error();
	return NULL;
}

/* ------------------------------------------------------------------ loading */

static void drop(struct espnic_ike_loaded *l)
{
	X509_free(l->x);
	EVP_PKEY_free(l->key);
}

void espnic_ike_certs_free(struct espnic_ike_certs *c)
{
	for (size_t i = 0; i < c->n_all; i++)
		drop(&c->v[i]);
	free(c->v);
	X509_STORE_free(c->store);
	memset(c, 0, sizeof(*c));
}

void espnic_ike_certs_clear(struct espnic_ike *ike)
{
	espnic_ike_certs_free(&ike->certs);
}

static X509_STORE *store_of(struct espnic_ike_certs *c)
{
	if (!c->store)
		c->store = X509_STORE_new();
	return c->store;
}

static const char *load_crl(struct espnic_ike_certs *c, struct espnic_ike_chunk der)
{
	const unsigned char *p = der.p;
	X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)der.len);
	const char *why = NULL;

	if (!crl || p != der.p + der.len)
		why = "not a CRL";
	else if (!store_of(c) || X509_STORE_add_crl(c->store, crl) != 1)
		why = "no memory";
	X509_CRL_free(crl);
	ERR_clear_error();
	return why;
}

/* Fills @l of @der. NULL: it was done; else why not. */
static const char *read_loaded(struct espnic_ike_loaded *l, struct espnic_ike_chunk der)
{
	unsigned char *spki = NULL;
	const char *why;
	int len;

	if (l->kind == ESPNIC_IKE_CERT_PUBKEY) {
		l->key = read_spki(der);
		if (!l->key)
			return "not a public key";
	} else {
		l->x = read_x509(der);
		if (!l->x)
			return "not an X.509 certificate";
		l->key = X509_get_pubkey(l->x);
		if (!l->key)
			return "a certificate whose key can't be read";
	}
	why = espnic_ike_key_refused(l->key);
	if (why)
		return why;
	/* 1: a CA by its extensions; the other ways to be one are of times before them. */
	if (l->kind == ESPNIC_IKE_CERT_CA && X509_check_ca(l->x) != 1)
		return "not the certificate of a CA";
	len = i2d_PUBKEY(l->key, &spki);
	if (len <= 0 || EVP_Q_digest(NULL, "SHA256", NULL, spki, (size_t)len, l->keyid, NULL) != 1 ||
	    EVP_Q_digest(NULL, "SHA1", NULL, spki, (size_t)len, l->ca_hash, NULL) != 1)
		why = "no memory";
	OPENSSL_free(spki);
	return why;
}

static const char *load(struct espnic_ike_certs *c, struct espnic_ike_loaded *l, struct espnic_ike_chunk der)
{
	struct espnic_ike_loaded *more;
	const char *why = read_loaded(l, der);

	if (why)
		return why;
	more = realloc(c->v, (c->n_all + 1) * sizeof(*more));
	if (!more)
		return "no memory";
	c->v = more;
	/* The same CA once more is fine. */
	if (l->kind == ESPNIC_IKE_CERT_CA && (!store_of(c) || X509_STORE_add_cert(c->store, l->x) != 1))
		return "no memory";
	c->v[c->n_all++] = *l;
	c->n[l->kind]++;
	return NULL;
}

int espnic_ike_cert_load(struct espnic_ike *ike, enum espnic_ike_cert_kind kind, const uint8_t *der, size_t len,
			 uint8_t keyid[ESPNIC_IKE_KEYID], char err[ESPNIC_IKE_TEXT])
{
	struct espnic_ike_loaded l = { .kind = kind };
	struct espnic_ike_chunk all = { der, len };
	const char *why;

	if (kind == ESPNIC_IKE_CERT_CRL) {
		why = load_crl(&ike->certs, all);
	} else {
		why = load(&ike->certs, &l, all);
		if (!why && keyid)
			memcpy(keyid, l.keyid, ESPNIC_IKE_KEYID);
		if (why)
			drop(&l);
	}
	if (!why)
		return 0;
	snprintf(err, ESPNIC_IKE_TEXT, "%s", why);
	return -EINVAL;
}

EVP_PKEY *espnic_ike_cert_key(const struct espnic_ike_certs *c, const uint8_t keyid[ESPNIC_IKE_KEYID])
{
	for (size_t i = 0; i < c->n_all; i++)
		if (c->v[i].kind != ESPNIC_IKE_CERT_CA && memcmp(c->v[i].keyid, keyid, ESPNIC_IKE_KEYID) == 0)
			return c->v[i].key;
	return NULL;
}

/* ------------------------------------------------------------------ sending */

void espnic_ike_certreq_write(struct espnic_ike_wr *w, const struct espnic_ike_certs *c)
{
	unsigned int left = ESPNIC_IKE_CERTREQ_CAS;
	size_t at;

	if (c->n[ESPNIC_IKE_CERT_CA]) {
		at = espnic_ike_wr_begin(w, ESPNIC_IKE_P_CERTREQ);
		espnic_ike_wr_be(w, ESPNIC_IKE_ENC_X509, 1);
		for (size_t i = 0; i < c->n_all && left; i++) {
			if (c->v[i].kind != ESPNIC_IKE_CERT_CA)
				continue;
			espnic_ike_wr_bytes(w, c->v[i].ca_hash, ESPNIC_IKE_CA_HASH);
			left--;
		}
		espnic_ike_wr_end(w, at);
	}
	if (c->n[ESPNIC_IKE_CERT_PUBKEY]) {
		at = espnic_ike_wr_begin(w, ESPNIC_IKE_P_CERTREQ);
		espnic_ike_wr_be(w, ESPNIC_IKE_ENC_RAW, 1);
		espnic_ike_wr_end(w, at);
	}
}

bool espnic_ike_cert_asked(const struct espnic_ike_msg *m)
{
	for (unsigned int i = 0; i < m->n_certreq; i++)
		if (m->certreq[i].encoding == ESPNIC_IKE_ENC_X509 || m->certreq[i].encoding == ESPNIC_IKE_ENC_RAW)
			return true;
	return false;
}

static void write_der(struct espnic_ike_wr *w, enum espnic_ike_cert_encoding encoding, unsigned char *der, int len)
{
	size_t at;

	if (len > 0) {
		at = espnic_ike_wr_begin(w, ESPNIC_IKE_P_CERT);
		espnic_ike_wr_be(w, encoding, 1);
		espnic_ike_wr_bytes(w, der, (size_t)len);
		espnic_ike_wr_end(w, at);
	}
	OPENSSL_free(der);
}

static void write_x509(struct espnic_ike_wr *w, X509 *x)
{
	unsigned char *der = NULL;
	int len = i2d_X509(x, &der);

	write_der(w, ESPNIC_IKE_ENC_X509, der, len);
}

static bool in_time(const X509 *x, int64_t now)
{
	time_t t = (time_t)now;

	return X509_cmp_time(X509_get0_notBefore(x), &t) < 0 && X509_cmp_time(X509_get0_notAfter(x), &t) > 0;
}

/* The CA that issued @x; NULL: it is not here, or @x is its own. */
static X509 *issuer_of(const struct espnic_ike_certs *c, X509 *x)
{
	if (X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0)
		return NULL;
	for (size_t i = 0; i < c->n_all; i++)
		if (c->v[i].kind == ESPNIC_IKE_CERT_CA && X509_check_issued(c->v[i].x, x) == X509_V_OK)
			return c->v[i].x;
	return NULL;
}

void espnic_ike_cert_write(struct espnic_ike_wr *w, const struct espnic_ike_certs *c, const uint8_t keyid[ESPNIC_IKE_KEYID],
			   int64_t now)
{
	const struct espnic_ike_loaded *best = NULL;
	unsigned char *spki = NULL;
	unsigned int n = 1;
	int len;
	X509 *ca;

	for (size_t i = 0; i < c->n_all; i++) {
		const struct espnic_ike_loaded *l = &c->v[i];

		if (l->kind == ESPNIC_IKE_CERT_CA || memcmp(l->keyid, keyid, ESPNIC_IKE_KEYID) != 0)
			continue;
		if (!best || (l->x && in_time(l->x, now)))
			best = l;
	}
	if (best && !best->x) {
		len = i2d_PUBKEY(best->key, &spki);
		write_der(w, ESPNIC_IKE_ENC_RAW, spki, len);
	} else if (best) {
		write_x509(w, best->x);
		/* A root is the peer's own, or of no use to it. */
		for (ca = issuer_of(c, best->x); ca && issuer_of(c, ca) && n < ESPNIC_IKE_CERTS; ca = issuer_of(c, ca), n++)
			write_x509(w, ca);
	}
}

/* ------------------------------------------------------------------ identities */

/* RFC 4945 3.1: a name of the certificate is the identity itself; nothing in it is a pattern. */
static bool alt_name_is(const GENERAL_NAME *name, const struct espnic_ike_id *id)
{
	static const struct {
		uint8_t id;
		int type;
		bool address;
	} types[] = { { ESPNIC_IKE_ID_FQDN, GEN_DNS, false }, { ESPNIC_IKE_ID_EMAIL, GEN_EMAIL, false },
		      { ESPNIC_IKE_ID_IPV4, GEN_IPADD, true }, { ESPNIC_IKE_ID_IPV6, GEN_IPADD, true } };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		const ASN1_STRING *s;
		const char *p;

		if (types[i].id != id->type || types[i].type != name->type)
			continue;
		s = GENERAL_NAME_get0_value(name, NULL);
		p = (const char *)ASN1_STRING_get0_data(s);
		if (ASN1_STRING_length(s) != id->len)
			return false;
		return types[i].address ? memcmp(p, id->data, id->len) == 0 :
					  strncasecmp(p, (const char *)id->data, id->len) == 0 && !memchr(p, 0, id->len);
	}
	return false;
}

static bool subject_is(X509 *x, const struct espnic_ike_id *id)
{
	const unsigned char *p = id->data;
	X509_NAME *name = d2i_X509_NAME(NULL, &p, id->len);
	bool is = name && p == id->data + id->len && X509_NAME_cmp(name, X509_get_subject_name(x)) == 0;

	X509_NAME_free(name);
	return is;
}

static bool names(X509 *x, const struct espnic_ike_id *id)
{
	const ASN1_OCTET_STRING *skid = X509_get0_subject_key_id(x);
	GENERAL_NAMES *alt;
	bool found = false;

	if (id->type == ESPNIC_IKE_ID_DN)
		return subject_is(x, id);
	if (id->type == ESPNIC_IKE_ID_KEY)
		return skid && ASN1_STRING_length(skid) == id->len && memcmp(ASN1_STRING_get0_data(skid), id->data, id->len) == 0;
	alt = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(alt) && !found; i++)
		found = alt_name_is(sk_GENERAL_NAME_value(alt, i), id);
	GENERAL_NAMES_free(alt);
	return found;
}

/* ------------------------------------------------------------------ chains */

/* RFC 4945 5.1.3.2, 5.1.3.12: what the key of a leaf may be for; a certificate that says nothing says all. */
static const char *usage_refused(X509 *x)
{
	static const char *const good[] = { "2.5.29.37.0" /* any */, "1.3.6.1.5.5.7.3.17" /* id-kp-ipsecIKE */,
					    "1.3.6.1.5.5.8.2.2" /* iKEIntermediate */, "1.3.6.1.5.5.7.3.1" /* serverAuth */,
					    "1.3.6.1.5.5.7.3.2" /* clientAuth */ };
	EXTENDED_KEY_USAGE *eku;
	bool found = false;

	if (!(X509_get_key_usage(x) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)))
		return "the certificate's key is not for signatures";
	if (!(X509_get_extension_flags(x) & EXFLAG_XKUSAGE))
		return NULL;
	eku = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
	for (int i = 0; i < sk_ASN1_OBJECT_num(eku) && !found; i++) {
		char oid[80] = "";

		OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(eku, i), 1);
		for (size_t j = 0; j < sizeof(good) / sizeof(good[0]); j++)
			found |= strcmp(oid, good[j]) == 0;
	}
	EXTENDED_KEY_USAGE_free(eku);
	return found ? NULL : "the certificate is not for IKE";
}

/* libcrypto asks for a CRL of each certificate; what is to become of one that is missing or old is the connection's to say. */
static int on_error(int ok, X509_STORE_CTX *ctx)
{
	const struct espnic_ike_auth *remote = X509_STORE_CTX_get_app_data(ctx);
	int depth = X509_STORE_CTX_get_error_depth(ctx);
	X509 *x;

	if (ok)
		return 1;
	switch (X509_STORE_CTX_get_error(ctx)) {
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_CRL_HAS_EXPIRED:
		break;
	default:
		return 0;
	}
	/* Nobody revokes the root. */
	if (depth && depth == sk_X509_num(X509_STORE_CTX_get0_chain(ctx)) - 1)
		return 1;
	x = X509_STORE_CTX_get_current_cert(ctx);
	switch (remote->revocation) {
	case ESPNIC_IKE_REVOCATION_RELAXED:
		return 1;
	case ESPNIC_IKE_REVOCATION_IF_URI:
		return x && X509_get_ext_by_NID(x, NID_crl_distribution_points, -1) < 0;
	default:
		return 0;
	}
}

/* Is one of the CAs that @remote names in the chain that was found? */
static bool by_ca(X509_STORE_CTX *ctx, const struct espnic_ike_auth *remote)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
	uint8_t keyid[ESPNIC_IKE_KEYID];

	if (!remote->n_cas)
		return true;
	for (int i = 1; i < sk_X509_num(chain); i++) {
		EVP_PKEY *key = X509_get0_pubkey(sk_X509_value(chain, i));

		if (!key || espnic_ike_keyid(key, keyid) < 0)
			continue;
		for (unsigned int j = 0; j < remote->n_cas; j++)
			if (memcmp(remote->ca[j], keyid, sizeof(keyid)) == 0)
				return true;
	}
	return false;
}

static const char *check_chain(const struct espnic_ike_certs *c, const struct espnic_ike_auth *remote, X509 *leaf,
			       STACK_OF(X509) *others, int64_t now, char why[ESPNIC_IKE_TEXT])
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	const char *text = "no memory";
	X509_VERIFY_PARAM *param;

	if (!ctx || X509_STORE_CTX_init(ctx, c->store, leaf, others) != 1)
		goto out;
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	X509_VERIFY_PARAM_set_time(param, (time_t)now);
	X509_VERIFY_PARAM_set_depth(param, DEPTH_MAX);
	X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
	X509_STORE_CTX_set_app_data(ctx, (void *)remote);
	X509_STORE_CTX_set_verify_cb(ctx, on_error);
	if (X509_verify_cert(ctx) != 1) {
		snprintf(why, ESPNIC_IKE_TEXT, "the certificate is refused: %s",
			 X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
		text = why;
	} else {
		text = by_ca(ctx, remote) ? NULL : "the certificate is of another CA than is configured";
	}
out:
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return text;
}

/* The peer's certificate and those it sent with it. */
static const char *check_certs(const struct espnic_ike_certs *c, const struct espnic_ike_auth *remote,
			       const struct espnic_ike_id *id, const struct espnic_ike_msg *m, X509 *leaf, int64_t now,
			       char why[ESPNIC_IKE_TEXT])
{
	STACK_OF(X509) *others = sk_X509_new_null();
	const char *text = NULL;

	for (unsigned int i = 1; i < m->n_cert && others && !text; i++) {
		X509 *x = m->cert[i].encoding == ESPNIC_IKE_ENC_X509 ? read_x509(m->cert[i].data) : NULL;

		if (x && !sk_X509_push(others, x)) {
			X509_free(x);
			text = "no memory";
		}
	}
	if (!others)
		text = "no memory";
	else if (!c->store)
		text = "there is no CA";
	if (!text)
		text = check_chain(c, remote, leaf, others, now, why);
	if (!text)
		text = usage_refused(leaf);
	if (!text && !names(leaf, id))
		text = "the certificate does not name the identity";
	sk_X509_pop_free(others, X509_free);
	return text;
}

/* ------------------------------------------------------------------ the peer */

/* The key the peer's first CERT is of, to be freed; @x, unless NULL, is given its certificate. NULL: there is none to be read. */
static EVP_PKEY *sent_key(const struct espnic_ike_msg *m, X509 **x)
{
	X509 *cert;
	EVP_PKEY *key;

	if (!m->n_cert)
		return NULL;
	if (m->cert[0].encoding == ESPNIC_IKE_ENC_RAW)
		return read_spki(m->cert[0].data);
	cert = m->cert[0].encoding == ESPNIC_IKE_ENC_X509 ? read_x509(m->cert[0].data) : NULL;
	key = cert ? X509_get_pubkey(cert) : NULL;
	if (x && key)
		*x = cert;
	else
		X509_free(cert);
	return key;
}

static bool is_pinned(const struct espnic_ike_auth *remote, const uint8_t keyid[ESPNIC_IKE_KEYID])
{
	for (unsigned int i = 0; i < remote->n_keyids; i++)
		if (memcmp(remote->keyid[i], keyid, ESPNIC_IKE_KEYID) == 0)
			return true;
	return false;
}

bool espnic_ike_cert_pinned(const struct espnic_ike_auth *remote, const struct espnic_ike_msg *m)
{
	uint8_t keyid[ESPNIC_IKE_KEYID];
	EVP_PKEY *key;
	bool pinned;

	if (!remote->n_keyids || !m->n_cert)
		return true;
	key = sent_key(m, NULL);
	pinned = key && espnic_ike_keyid(key, keyid) == 0 && is_pinned(remote, keyid);
	EVP_PKEY_free(key);
	return pinned;
}

/*
 * A key that was pinned by a certificate is good for as long as one of its certificates is, and for whom that names: of several pins, the holder
 * of one is not another. A raw key names nobody. NULL, or why it is not good.
 */
static const char *pin_refused(const struct espnic_ike_certs *c, const uint8_t keyid[ESPNIC_IKE_KEYID], const struct espnic_ike_id *id,
			       int64_t now)
{
	const char *why = "the peer's key is not loaded";

	for (size_t i = 0; i < c->n_all; i++) {
		const struct espnic_ike_loaded *l = &c->v[i];

		if (l->kind == ESPNIC_IKE_CERT_CA || memcmp(l->keyid, keyid, ESPNIC_IKE_KEYID) != 0)
			continue;
		if (l->x && !in_time(l->x, now))
			why = "the peer's pinned certificate is out of its time";
		else if (l->x && !names(l->x, id))
			why = "the peer's pinned certificate is not for its identity";
		else
			return NULL;
	}
	return why;
}

static const char *verify_pinned(const struct espnic_ike_certs *c, const struct espnic_ike_auth *remote,
				 const struct espnic_ike_id *id, const struct espnic_ike_msg *m, struct espnic_ike_chunk octets,
				 int64_t now)
{
	const char *why = "the peer's key is not loaded";

	for (unsigned int i = 0; i < remote->n_keyids; i++) {
		EVP_PKEY *key = espnic_ike_cert_key(c, remote->keyid[i]);

		if (!key)
			continue;
		if (!espnic_ike_auth_verify(key, m->auth, octets)) {
			why = "the peer's AUTH is wrong";
			continue;
		}
		return pin_refused(c, remote->keyid[i], id, now);
	}
	return why;
}

const char *espnic_ike_cert_verify(const struct espnic_ike_certs *c, const struct espnic_ike_auth *remote,
				   const struct espnic_ike_id *id, const struct espnic_ike_msg *m,
				   struct espnic_ike_chunk octets, int64_t now, char why[ESPNIC_IKE_TEXT])
{
	const char *text;
	X509 *leaf = NULL;
	EVP_PKEY *key;

	if (remote->n_keyids)
		return verify_pinned(c, remote, id, m, octets, now);
	key = sent_key(m, &leaf);
	if (!key)
		text = m->n_cert ? "the peer's certificate can't be read" : "the peer sent no certificate";
	else if (!leaf)
		text = "a raw public key that is not pinned";
	else if (espnic_ike_key_refused(key))
		text = espnic_ike_key_refused(key);
	else if (!espnic_ike_auth_verify(key, m->auth, octets))
		text = "the peer's AUTH is wrong";
	else
		text = check_certs(c, remote, id, m, leaf, now, why);
	EVP_PKEY_free(key);
	X509_free(leaf);
	return text;
}
