// SPDX-License-Identifier: BSD-2-Clause
#include "engine/prim/hmac.h"

#include <string.h>

#include "engine/wipe.h"

enum {
	HMAC_IPAD = 0x36,
	HMAC_OPAD = 0x5c,
};

/* The state after one block of the key, each byte XORed with @with. */
static void keyed_block(const struct espnic_hash_alg *alg, union espnic_hash_state *state,
			uint8_t block[ESPNIC_HASH_BLOCK_MAX], uint8_t with)
{
	for (size_t i = 0; i < alg->block; i++)
		block[i] ^= with;
	*state = alg->first;
	alg->compress(state, block);
}

void espnic_hmac_init(const struct espnic_hash_alg *alg, struct espnic_hmac_key *key,
		      const uint8_t *raw, size_t len)
{
	uint8_t block[ESPNIC_HASH_BLOCK_MAX] = { 0 };

	if (len > alg->block) {
		struct espnic_hash h;

		espnic_hash_start(alg, &h);
		espnic_hash_update(alg, &h, raw, len);
		espnic_hash_final(alg, &h, block);
	} else if (len > 0) {
		memcpy(block, raw, len);
	}
	keyed_block(alg, &key->inner, block, HMAC_IPAD);
	keyed_block(alg, &key->outer, block, HMAC_IPAD ^ HMAC_OPAD);
	espnic_wipe(block, sizeof(block));
}

void espnic_hmac_start(const struct espnic_hash_alg *alg, const struct espnic_hmac_key *key,
		       struct espnic_hash *h)
{
	espnic_hash_resume(alg, h, &key->inner, 1);
}

void espnic_hmac_final(const struct espnic_hash_alg *alg, const struct espnic_hmac_key *key,
		       struct espnic_hash *h, uint8_t *tag)
{
	uint8_t inner[ESPNIC_HASH_DIGEST_MAX];

	espnic_hash_final(alg, h, inner);
	espnic_hash_resume(alg, h, &key->outer, 1);
	espnic_hash_update(alg, h, inner, alg->digest);
	espnic_hash_final(alg, h, tag);
	espnic_wipe(inner, sizeof(inner));
}
