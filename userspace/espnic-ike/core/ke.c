// SPDX-License-Identifier: BSD-2-Clause
/*
 * Key exchanges: one way for all groups, by the names and encodings libcrypto has for them; ML-KEM, whose two sides differ.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <string.h>

#include "crypto.h"

enum {
	EC_UNCOMPRESSED = 4,		/* SEC 1: the byte that RFC 5903 leaves off */
};

enum family { MODP, ECP, X, KEM };

static enum family family_of(const struct espnic_ike_alg *alg)
{
	if (strncmp(alg->ossl, "modp_", 5) == 0)
		return MODP;
	if (strncmp(alg->ossl, "ML-KEM-", 7) == 0)
		return KEM;
	return strncmp(alg->ossl, "P-", 2) == 0 ? ECP : X;
}

static EVP_PKEY *generate(const struct espnic_ike_alg *alg)
{
	static const char *const types[] = { [MODP] = "DH", [ECP] = "EC" };
	enum family f = family_of(alg);
	bool named = f == X || f == KEM;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, named ? alg->ossl : types[f], NULL);
	OSSL_PARAM params[2] = { OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)alg->ossl, 0),
				 OSSL_PARAM_construct_end() };
	EVP_PKEY *key = NULL;

	if (ctx && EVP_PKEY_keygen_init(ctx) == 1 && (named || EVP_PKEY_CTX_set_params(ctx, params) == 1) &&
	    EVP_PKEY_generate(ctx, &key) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

bool espnic_ike_ke_start(struct espnic_ike_ke *ke, const struct espnic_ike_alg *alg, struct espnic_ike_ke_value *ours)
{
	bool ecp = family_of(alg) == ECP;
	size_t len = 0;

	ke->alg = alg;
	ke->key = generate(alg);
	if (!ke->key || EVP_PKEY_get_octet_string_param(ke->key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, ours->bytes,
							sizeof(ours->bytes), &len) != 1 || len <= ecp) {
		espnic_ike_ke_free(ke);
		return false;
	}
	if (ecp)
		memmove(ours->bytes, ours->bytes + 1, len - 1);
	ours->len = len - ecp;
	return true;
}

/* The peer's public value as a key of the same group. */
static EVP_PKEY *peer_key(const struct espnic_ike_ke *ke, struct espnic_ike_chunk theirs)
{
	uint8_t bytes[1 + ESPNIC_IKE_KE_MAX] = { EC_UNCOMPRESSED };
	bool ecp = family_of(ke->alg) == ECP;
	EVP_PKEY *peer;

	if ((size_t)EVP_PKEY_get_size(ke->key) > sizeof(bytes) || theirs.len > ESPNIC_IKE_KE_MAX || !theirs.len)
		return NULL;
	memcpy(bytes + ecp, theirs.p, theirs.len);
	peer = EVP_PKEY_new();
	if (peer && EVP_PKEY_copy_parameters(peer, ke->key) == 1 &&
	    EVP_PKEY_set1_encoded_public_key(peer, bytes, theirs.len + ecp) == 1)
		return peer;
	EVP_PKEY_free(peer);
	return NULL;
}

/* Bytes a public value of the group must have: a shorter one would be an encoding of its own. */
static bool right_length(const struct espnic_ike_ke *ke, size_t len)
{
	size_t bytes = ((size_t)EVP_PKEY_get_bits(ke->key) + 7) / 8;

	switch (family_of(ke->alg)) {
	case MODP:
		return len == bytes;
	case ECP:
		return len == 2 * bytes;
	default:
		return len == 32;	/* X25519 has 253 bits of security, says libcrypto */
	}
}

/* FIPS 203: the peer's ciphertext; one that is not what our key was used for gives a secret that nobody else has. */
static bool decapsulate(struct espnic_ike_ke *ke, struct espnic_ike_chunk theirs, struct espnic_ike_shared *shared)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, ke->key, NULL);
	bool ok;

	shared->len = sizeof(shared->bytes);
	ok = ctx && EVP_PKEY_decapsulate_init(ctx, NULL) == 1 &&
	     EVP_PKEY_decapsulate(ctx, shared->bytes, &shared->len, theirs.p, theirs.len) == 1;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

/* A secret for the peer's encapsulation key, which libcrypto checks as FIPS 203 7.2 asks. */
static bool encapsulate(const struct espnic_ike_alg *alg, struct espnic_ike_chunk theirs, struct espnic_ike_ke_value *ours,
			struct espnic_ike_shared *shared)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key_ex(NULL, alg->ossl, NULL, theirs.p, theirs.len);
	EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
	bool ok;

	ours->len = sizeof(ours->bytes);
	shared->len = sizeof(shared->bytes);
	ok = ctx && EVP_PKEY_encapsulate_init(ctx, NULL) == 1 &&
	     EVP_PKEY_encapsulate(ctx, ours->bytes, &ours->len, shared->bytes, &shared->len) == 1;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return ok;
}

bool espnic_ike_ke_finish(struct espnic_ike_ke *ke, struct espnic_ike_chunk theirs, struct espnic_ike_shared *shared)
{
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *peer = NULL;
	bool ok = false;

	if (ke->key && family_of(ke->alg) == KEM) {
		ok = decapsulate(ke, theirs, shared);
		goto out;
	}
	if (!ke->key || !right_length(ke, theirs.len))
		goto out;
	peer = peer_key(ke, theirs);
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, ke->key, NULL);
	if (!peer || !ctx || EVP_PKEY_derive_init(ctx) != 1)
		goto out;
	if (family_of(ke->alg) == MODP) {
		/* RFC 7296 2.14: as long as the modulus, with zeros in front. */
		unsigned int pad = 1;
		OSSL_PARAM params[2] = { OSSL_PARAM_construct_uint(OSSL_EXCHANGE_PARAM_PAD, &pad), OSSL_PARAM_construct_end() };

		if (EVP_PKEY_CTX_set_params(ctx, params) != 1)
			goto out;
	}
	shared->len = sizeof(shared->bytes);
	ok = EVP_PKEY_derive_set_peer(ctx, peer) == 1 && EVP_PKEY_derive(ctx, shared->bytes, &shared->len) == 1;
out:
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	espnic_ike_ke_free(ke);
	return ok;
}

bool espnic_ike_ke_respond(const struct espnic_ike_alg *alg, struct espnic_ike_chunk theirs, struct espnic_ike_ke_value *ours,
			   struct espnic_ike_shared *shared)
{
	struct espnic_ike_ke ke;

	if (family_of(alg) == KEM)
		return encapsulate(alg, theirs, ours, shared);
	return espnic_ike_ke_start(&ke, alg, ours) && espnic_ike_ke_finish(&ke, theirs, shared);
}

void espnic_ike_ke_free(struct espnic_ike_ke *ke)
{
	EVP_PKEY_free(ke->key);
	ke->key = NULL;
}
