// SPDX-License-Identifier: BSD-2-Clause
#include "engine/prim/hash.h"

#include <string.h>

#include "engine/ip.h"
#include "engine/prim/le.h"
#include "engine/wipe.h"

void espnic_hash_start(const struct espnic_hash_alg *alg, struct espnic_hash *h)
{
	espnic_hash_resume(alg, h, &alg->first, 0);
}

void espnic_hash_resume(const struct espnic_hash_alg *alg, struct espnic_hash *h,
			const union espnic_hash_state *state, uint64_t blocks)
{
	h->state = *state;
	h->len = blocks * alg->block;
}

void espnic_hash_update(const struct espnic_hash_alg *alg, struct espnic_hash *h,
			const uint8_t *data, size_t len)
{
	size_t used = h->len % alg->block;

	h->len += len;
	if (used && len >= alg->block - used) {
		size_t take = alg->block - used;

		memcpy(h->pending + used, data, take);
		alg->compress(&h->state, h->pending);
		data += take;
		len -= take;
		used = 0;
	}
	if (!used) {
		for (; len >= alg->block; len -= alg->block) {
			alg->compress(&h->state, data);
			data += alg->block;
		}
	}
	if (len > 0)
		memcpy(h->pending + used, data, len);
}

/* FIPS 180-4 section 5.1: a one bit, zeros, and the length in bits in the last 8 or 16 bytes. */
static void pad(const struct espnic_hash_alg *alg, struct espnic_hash *h)
{
	size_t used = h->len % alg->block;
	size_t length_at = alg->block - alg->block / 8;
	uint64_t bits = h->len * 8;

	h->pending[used++] = 0x80;
	if (used > length_at) {
		memset(h->pending + used, 0, alg->block - used);
		alg->compress(&h->state, h->pending);
		used = 0;
	}
	memset(h->pending + used, 0, alg->block - used);
	if (alg->little_endian)
		espnic_put_le64(h->pending + alg->block - 8, bits);
	else
		espnic_put64(h->pending + alg->block - 8, bits);
	alg->compress(&h->state, h->pending);
}

void espnic_hash_final(const struct espnic_hash_alg *alg, struct espnic_hash *h, uint8_t *digest)
{
	pad(alg, h);
	for (size_t i = 0; i < alg->digest / 4u; i++) {
		if (alg->block == ESPNIC_HASH_BLOCK_MAX)
			espnic_put32(digest + 4 * i,
				     (uint32_t)(h->state.w64[i / 2] >> (i % 2 ? 0 : 32)));
		else if (alg->little_endian)
			espnic_put_le32(digest + 4 * i, h->state.w32[i]);
		else
			espnic_put32(digest + 4 * i, h->state.w32[i]);
	}
	espnic_wipe(h, sizeof(*h));
}
