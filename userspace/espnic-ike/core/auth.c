// SPDX-License-Identifier: BSD-2-Clause
/*
 * What whoever holds the long-term keys does with them (RFC 7296 2.15), and signatures with public keys: RFC 7427, RFC 8420.
 */
#include "auth.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

enum {
	RSA_BITS_MIN = 2048,
	RSA_BITS_MAX = 8 * ESPNIC_IKE_SIGNATURE,
};

int espnic_ike_psk_mac(const struct espnic_ike_alg *prf, const uint8_t *psk, size_t psk_len, const uint8_t *octets, size_t len,
		       uint8_t mac[ESPNIC_IKE_MAC])
{
	static const uint8_t pad[] = "Key Pad for IKEv2";
	struct espnic_ike_chunk in = { pad, sizeof(pad) - 1 }, all = { octets, len };
	struct espnic_ike_crypto c;
	uint8_t key[ESPNIC_IKE_MAC];
	bool ok;

	if (!psk_len || !prf || prf->type != ESPNIC_IKE_PRF)
		return -EINVAL;
	if (espnic_ike_crypto_init(&c) < 0)
		return -ENOMEM;
	ok = espnic_ike_hmac(&c, prf, psk, psk_len, &in, 1, key) && espnic_ike_hmac(&c, prf, key, prf->out, &all, 1, mac);
	OPENSSL_cleanse(key, sizeof(key));
	espnic_ike_crypto_free(&c);
	return ok ? prf->out : -ENOMEM;
}

int espnic_ike_ppk_mix(const struct espnic_ike_alg *prf, const uint8_t *ppk, size_t len, const uint8_t *const sk[ESPNIC_IKE_PPK_KEYS],
		       uint8_t out[ESPNIC_IKE_PPK_KEYS * ESPNIC_IKE_MAC])
{
	struct espnic_ike_crypto c;
	bool ok = true;

	if (!len || !prf || prf->type != ESPNIC_IKE_PRF)
		return -EINVAL;
	if (espnic_ike_crypto_init(&c) < 0)
		return -ENOMEM;
	for (unsigned int i = 0; i < ESPNIC_IKE_PPK_KEYS && ok; i++) {
		struct espnic_ike_chunk in = { sk[i], prf->out };

		ok = espnic_ike_prf_plus(&c, prf, ppk, len, &in, 1, out + i * prf->out, prf->out);
	}
	espnic_ike_crypto_free(&c);
	return ok ? ESPNIC_IKE_PPK_KEYS * prf->out : -ENOMEM;
}

/* ------------------------------------------------------------------ schemes */

/* AlgorithmIdentifiers as RFC 7427 appendix A has them; @h is the last byte of the OID of SHA-2, @salt as long as the hash. */
#define ECDSA_DER(h) "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03" h
#define ED25519_DER "\x30\x05\x06\x03\x2b\x65\x70"
#define RSA_OID(last) "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01" last
#define SHA2_OID(h) "\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02" h
#define PSS_DER(h, salt)                                                                                       \
	"\x30\x41" RSA_OID("\x0a") "\x30\x34\xa0\x0f\x30\x0d" SHA2_OID(h) "\x05\x00\xa1\x1c\x30\x1a" RSA_OID("\x08") \
	"\x30\x0d" SHA2_OID(h) "\x05\x00\xa2\x03\x02\x01" salt
/* RFC 4055 2.1: a hash may be named without the NULL, and both ways mean the same. */
#define PSS_DER_NO_NULL(h, salt)                                                                          \
	"\x30\x3d" RSA_OID("\x0a") "\x30\x30\xa0\x0d\x30\x0b" SHA2_OID(h) "\xa1\x1a\x30\x18" RSA_OID("\x08") \
	"\x30\x0b" SHA2_OID(h) "\xa2\x03\x02\x01" salt
#define DER(s) { (const uint8_t *)(s), sizeof(s) - 1 }

enum key_kind { KEY_EC, KEY_ED25519, KEY_RSA, KEY_OTHER };

static const struct scheme {
	enum key_kind kind;
	uint8_t hash;			/* enum espnic_ike_hash */
	uint16_t bits;			/* of the curve whose first choice it is; 0: of none */
	const char *digest;
	struct espnic_ike_chunk der, also;
} schemes[ESPNIC_IKE_SCHEMES] = {
	[ESPNIC_IKE_ECDSA_256] = { KEY_EC, ESPNIC_IKE_HASH_SHA2_256, 256, "SHA256", DER(ECDSA_DER("\x02")), { 0 } },
	[ESPNIC_IKE_ECDSA_384] = { KEY_EC, ESPNIC_IKE_HASH_SHA2_384, 384, "SHA384", DER(ECDSA_DER("\x03")), { 0 } },
	[ESPNIC_IKE_ECDSA_512] = { KEY_EC, ESPNIC_IKE_HASH_SHA2_512, 521, "SHA512", DER(ECDSA_DER("\x04")), { 0 } },
	[ESPNIC_IKE_ED25519] = { KEY_ED25519, ESPNIC_IKE_HASH_IDENTITY, 0, NULL, DER(ED25519_DER), { 0 } },
	[ESPNIC_IKE_PSS_256] = { KEY_RSA, ESPNIC_IKE_HASH_SHA2_256, 0, "SHA256", DER(PSS_DER("\x01", "\x20")),
				 DER(PSS_DER_NO_NULL("\x01", "\x20")) },
	[ESPNIC_IKE_PSS_384] = { KEY_RSA, ESPNIC_IKE_HASH_SHA2_384, 0, "SHA384", DER(PSS_DER("\x02", "\x30")),
				 DER(PSS_DER_NO_NULL("\x02", "\x30")) },
	[ESPNIC_IKE_PSS_512] = { KEY_RSA, ESPNIC_IKE_HASH_SHA2_512, 0, "SHA512", DER(PSS_DER("\x03", "\x40")),
				 DER(PSS_DER_NO_NULL("\x03", "\x40")) },
};

static enum key_kind kind_of(EVP_PKEY *key)
{
	static const struct {
		const char *name;
		enum key_kind kind;
	} kinds[] = { { "EC", KEY_EC }, { "ED25519", KEY_ED25519 }, { "RSA", KEY_RSA }, { "RSA-PSS", KEY_RSA } };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (EVP_PKEY_is_a(key, kinds[i].name))
			return kinds[i].kind;
	return KEY_OTHER;
}

const char *espnic_ike_key_refused(void *key)
{
	static const char *const curves[] = { "prime256v1", "secp384r1", "secp521r1" };
	int bits = EVP_PKEY_get_bits(key);
	char curve[32] = "";

	switch (kind_of(key)) {
	case KEY_ED25519:
		return NULL;
	case KEY_RSA:
		return bits < RSA_BITS_MIN || bits > RSA_BITS_MAX ? "a key of RSA has 2048 to 8192 bits" : NULL;
	case KEY_EC:
		EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL);
		for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
			if (strcmp(curve, curves[i]) == 0)
				return NULL;
		return "a key of ECDSA is of P-256, P-384 or P-521";
	default:
		return "keys are of RSA, ECDSA or Ed25519";
	}
}

enum espnic_ike_scheme espnic_ike_scheme_for(EVP_PKEY *key, unsigned int hashes)
{
	enum espnic_ike_scheme best = ESPNIC_IKE_SCHEME_NONE;
	enum key_kind kind = kind_of(key);

	for (unsigned int i = 1; i < ESPNIC_IKE_SCHEMES; i++) {
		if (schemes[i].kind != kind || !(hashes & 1u << schemes[i].hash))
			continue;
		if (schemes[i].bits == EVP_PKEY_get_bits(key))
			return (enum espnic_ike_scheme)i;
		if (!best)
			best = (enum espnic_ike_scheme)i;
	}
	return best;
}

struct espnic_ike_chunk espnic_ike_scheme_der(enum espnic_ike_scheme scheme)
{
	return schemes[scheme].der;
}

static bool same(struct espnic_ike_chunk a, const uint8_t *p, size_t len)
{
	return a.len && a.len == len && memcmp(a.p, p, len) == 0;
}

/* Salt as long as the hash, MGF1 with the same hash: what the AlgorithmIdentifiers above say. */
static bool set_pss(EVP_PKEY_CTX *ctx, const struct scheme *s)
{
	return s->kind != KEY_RSA || (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
				      EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1);
}

bool espnic_ike_auth_verify(EVP_PKEY *key, struct espnic_ike_chunk auth, struct espnic_ike_chunk octets)
{
	struct espnic_ike_rd r = espnic_ike_rd(auth.p, auth.len);
	size_t len = espnic_ike_rd_be(&r, 1);
	const uint8_t *der = espnic_ike_rd_bytes(&r, len);
	const struct scheme *s = NULL;
	EVP_PKEY_CTX *pctx = NULL;
	EVP_MD_CTX *ctx;
	bool ok;

	if (r.bad || !r.left || espnic_ike_key_refused(key))
		return false;
	for (unsigned int i = 1; i < ESPNIC_IKE_SCHEMES && !s; i++)
		if (schemes[i].kind == kind_of(key) && (same(schemes[i].der, der, len) || same(schemes[i].also, der, len)))
			s = &schemes[i];
	ctx = s ? EVP_MD_CTX_new() : NULL;
	ok = ctx && EVP_DigestVerifyInit_ex(ctx, &pctx, s->digest, NULL, NULL, key, NULL) == 1 && set_pss(pctx, s) &&
	     EVP_DigestVerify(ctx, r.p, r.left, octets.p, octets.len) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

int espnic_ike_sign(void *key, enum espnic_ike_scheme scheme, const uint8_t *octets, size_t len,
		    uint8_t sig[ESPNIC_IKE_SIGNATURE])
{
	const struct scheme *s = &schemes[scheme];
	size_t sig_len = ESPNIC_IKE_SIGNATURE;
	EVP_PKEY_CTX *pctx = NULL;
	EVP_MD_CTX *ctx;
	bool ok;

	if (scheme <= ESPNIC_IKE_SCHEME_NONE || scheme >= ESPNIC_IKE_SCHEMES || s->kind != kind_of(key) || espnic_ike_key_refused(key))
		return -EINVAL;
	ctx = EVP_MD_CTX_new();
	ok = ctx && EVP_DigestSignInit_ex(ctx, &pctx, s->digest, NULL, NULL, key, NULL) == 1 && set_pss(pctx, s) &&
	     EVP_DigestSign(ctx, sig, &sig_len, octets, len) == 1;
	EVP_MD_CTX_free(ctx);
	return ok ? (int)sig_len : -ENOMEM;
}

int espnic_ike_keyid(void *key, uint8_t keyid[ESPNIC_IKE_KEYID])
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der);
	bool ok = len > 0 && EVP_Q_digest(NULL, "SHA256", NULL, der, (size_t)len, keyid, NULL) == 1;

	OPENSSL_free(der);
	return ok ? 0 : -ENOMEM;
}
