// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fuzz target: certificates, CRLs and keys, those of files and those of peers.
 *
 * Input: one byte that picks what is done with the rest.
 *	0-3: loaded as a CA, a leaf, a CRL, a public key
 *	4: a file in PEM or DER; the second byte picks what it is to hold
 *	5: changes of a good certificate, three bytes each: where (two bytes), and what to; then it is a peer's, whose
 *	   signature is right. It is believed only if what its CA has signed is what it was.
 *	6: the payloads of IKE_AUTH; nobody has signed anything, so nobody is believed
 */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "conf/creds.h"
#include "core/sa.h"
#include "unit/ikecore/pki.h"

enum { KINDS = 7, INPUT_MAX = 4096, DER_MAX = 2048, PATCH = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct espnic_ike *ike;
static EVP_PKEY *key;
static uint8_t good[DER_MAX];
static size_t good_len;
static struct espnic_ike_auth remote = { .method = ESPNIC_IKE_AUTH_PUBKEY };
static struct espnic_ike_id id;

static void set_up(void)
{
	struct espnic_ike_settings set;
	EVP_PKEY *ca_key = pki_key("P-256", 0);
	X509 *ca = pki_make((struct pki_cert){ .cn = "root", .key = ca_key, .ca = true }), *leaf;
	unsigned char *p = good;
	char err[ESPNIC_IKE_TEXT];

	key = pki_key("P-256", 1);
	leaf = pki_make((struct pki_cert){ .cn = "leaf", .key = key, .issuer = ca, .issuer_key = ca_key,
					   .alt = "DNS:left.example,IP:192.0.2.1", .extended = "serverAuth",
					   .crl_point = "URI:http://127.0.0.1/", .usage = "digitalSignature" });
	good_len = (size_t)i2d_X509(leaf, NULL);
	espnic_ike_settings_init(&set);
	set.wall = pki_wall;
	ike = espnic_ike_new(&set, err);
	if (!ike || good_len > sizeof(good) || i2d_X509(leaf, &p) <= 0 || espnic_ike_id_parse(&id, "left.example", err) < 0)
		abort();
	pki_load(ike, ESPNIC_IKE_CERT_CA, ca, NULL);
}

/* The part of a certificate that its CA has signed; NULL: not a certificate. To be freed by OPENSSL_free(). */
static unsigned char *signed_part(const uint8_t *der, size_t len, int *n)
{
	const unsigned char *p = der;
	X509 *x = d2i_X509(NULL, &p, (long)len);
	unsigned char *out = NULL;

	*n = x ? i2d_re_X509_tbs(x, &out) : 0;
	X509_free(x);
	return out;
}

static bool same_signed_part(const uint8_t *a, size_t a_len)
{
	int n_a, n_b;
	unsigned char *x = signed_part(a, a_len, &n_a), *y = signed_part(good, good_len, &n_b);
	bool same = x && y && n_a == n_b && memcmp(x, y, (size_t)n_a) == 0;

	OPENSSL_free(x);
	OPENSSL_free(y);
	return same;
}

static void changed(const uint8_t *data, size_t size)
{
	static const uint8_t octets[] = "what is signed";
	struct espnic_ike_chunk der = espnic_ike_scheme_der(ESPNIC_IKE_ECDSA_256);
	uint8_t leaf[DER_MAX], auth[64 + ESPNIC_IKE_SIGNATURE];
	struct espnic_ike_msg m = { .n_cert = 1, .cert = { { ESPNIC_IKE_ENC_X509, { leaf, good_len } } } };
	char why[ESPNIC_IKE_TEXT];
	int len;

	memcpy(leaf, good, good_len);
	for (; size >= PATCH; data += PATCH, size -= PATCH)
		leaf[(data[0] << 8 | data[1]) % good_len] = data[2];
	auth[0] = (uint8_t)der.len;
	memcpy(auth + 1, der.p, der.len);
	len = espnic_ike_sign(key, ESPNIC_IKE_ECDSA_256, octets, sizeof(octets), auth + 1 + der.len);
	if (len < 0)
		abort();
	m.auth = (struct espnic_ike_chunk){ auth, 1 + der.len + (size_t)len };
	if (!espnic_ike_cert_verify(&ike->certs, &remote, &id, &m, (struct espnic_ike_chunk){ octets, sizeof(octets) }, PKI_NOW, why) &&
	    !same_signed_part(leaf, good_len))
		abort();
}

static void payloads(const uint8_t *data, size_t size)
{
	static const uint8_t octets[] = "what nobody signed";
	struct espnic_ike_msg m = { 0 };
	struct espnic_ike_id peer;
	char why[ESPNIC_IKE_TEXT];

	if (espnic_ike_parse(&m, data[0], data + 1, size - 1, NULL) != ESPNIC_IKE_PARSE_OK || !m.auth.p)
		return;
	if (!espnic_ike_id_read(&peer, m.id_i))
		peer = id;
	espnic_ike_cert_asked(&m);
	espnic_ike_cert_pinned(&remote, &m);
	if (!espnic_ike_cert_verify(&ike->certs, &remote, &peer, &m, (struct espnic_ike_chunk){ octets, sizeof(octets) }, PKI_NOW, why))
		abort();
}

static int load_one(void *ctx, const uint8_t *der, size_t len)
{
	struct espnic_ike *fresh = ctx;
	uint8_t keyid[ESPNIC_IKE_KEYID], out[8192];
	struct espnic_ike_wr w = espnic_ike_wr(out, sizeof(out));
	char err[ESPNIC_IKE_TEXT];

	for (int kind = ESPNIC_IKE_CERT_CA; kind <= ESPNIC_IKE_CERT_PUBKEY; kind++)
		if (espnic_ike_cert_load(fresh, (enum espnic_ike_cert_kind)kind, der, len, keyid, err) == 0 && kind != ESPNIC_IKE_CERT_CRL)
			espnic_ike_cert_write(&w, &fresh->certs, keyid, PKI_NOW);
	espnic_ike_certreq_write(&w, &fresh->certs);
	return 0;
}

static void file(struct espnic_ike *fresh, const uint8_t *data, size_t size)
{
	uint8_t keyid[ESPNIC_IKE_KEYID];
	char err[ESPNIC_IKE_TEXT];
	void *private;

	espnic_creds_read((enum espnic_ike_cert_kind)(data[0] % 4), data + 1, size - 1, load_one, fresh, err);
	if (espnic_creds_key(data + 1, size - 1, data[0] & 0x80 ? "word" : NULL, &private, keyid, err) == 0)
		EVP_PKEY_free(private);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct espnic_ike_certs kept;
	char err[ESPNIC_IKE_TEXT];

	if (!ike)
		set_up();
	if (size < 3 || size > INPUT_MAX)
		return 0;
	switch (data[0] % KINDS) {
	case 5:
		changed(data + 1, size - 1);
		return 0;
	case 6:
		payloads(data + 1, size - 1);
		return 0;
	default:
		/* What is loaded is of this input alone. */
		kept = ike->certs;
		memset(&ike->certs, 0, sizeof(ike->certs));
		if (data[0] % KINDS == 4)
			file(ike, data + 1, size - 1);
		else
			espnic_ike_cert_load(ike, (enum espnic_ike_cert_kind)(data[0] % KINDS), data + 1, size - 1, NULL, err);
		espnic_ike_certs_clear(ike);
		ike->certs = kept;
	}
	return 0;
}
