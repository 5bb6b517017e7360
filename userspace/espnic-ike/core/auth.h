/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signatures in AUTH: RFC 7427, and RFC 8420 for Ed25519.
 */
#ifndef ESPNIC_IKE_AUTH_H
#define ESPNIC_IKE_AUTH_H

#include "crypto.h"

enum espnic_ike_hash {			/* RFC 7427 7, RFC 8420 */
	ESPNIC_IKE_HASH_SHA2_256 = 2, ESPNIC_IKE_HASH_SHA2_384, ESPNIC_IKE_HASH_SHA2_512, ESPNIC_IKE_HASH_IDENTITY,
};

/* The scheme to sign with for a peer that knows @hashes (bit 1 << enum espnic_ike_hash); SCHEME_NONE: there is none. */
enum espnic_ike_scheme espnic_ike_scheme_for(EVP_PKEY *key, unsigned int hashes);
/* The AlgorithmIdentifier in front of a signature of @scheme: DER, constant. */
struct espnic_ike_chunk espnic_ike_scheme_der(enum espnic_ike_scheme scheme);
/*
 * Is @auth (RFC 7427 3: length, AlgorithmIdentifier, signature) one of @octets by @key? The AlgorithmIdentifier is compared, not parsed:
 * what is not exactly one we would write, or RSASSA-PSS's other form of it, is no signature.
 */
bool espnic_ike_auth_verify(EVP_PKEY *key, struct espnic_ike_chunk auth, struct espnic_ike_chunk octets);

#endif
