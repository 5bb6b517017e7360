/* SPDX-License-Identifier: BSD-2-Clause */
/* HMAC (RFC 2104) over any of the hashes, its two keyed blocks hashed once a key (section 4). */
#ifndef ESPNIC_ENGINE_PRIM_HMAC_H
#define ESPNIC_ENGINE_PRIM_HMAC_H

#include "engine/prim/hash.h"

struct espnic_hmac_key {
	union espnic_hash_state inner;	/* after K XOR ipad */
	union espnic_hash_state outer;	/* after K XOR opad */
};

/* A key of any length; one longer than a block is hashed first (section 2). */
void espnic_hmac_init(const struct espnic_hash_alg *alg, struct espnic_hmac_key *key,
		      const uint8_t *raw, size_t len);

void espnic_hmac_start(const struct espnic_hash_alg *alg, const struct espnic_hmac_key *key,
		       struct espnic_hash *h);
/* The message goes in by espnic_hash_update(). Writes the whole tag and wipes @h. */
void espnic_hmac_final(const struct espnic_hash_alg *alg, const struct espnic_hmac_key *key,
		       struct espnic_hash *h, uint8_t *tag);

#endif
