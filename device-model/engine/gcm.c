// SPDX-License-Identifier: BSD-2-Clause
#include "engine/gcm.h"

#include <string.h>

#include "engine/ip.h"
#include "engine/prim/xor.h"
#include "engine/wipe.h"

bool espnic_gcm_init(struct espnic_gcm *gcm, const uint8_t *key, size_t len)
{
	uint8_t h[ESPNIC_AES_BLOCK] = { 0 };

	if (!espnic_aes_init(&gcm->aes, key, len))
		return false;
	/* H = CIPH_K(0^128), section 7.1 step 1. */
	espnic_aes_encrypt(&gcm->aes, h, 1);
	espnic_ghash_init(&gcm->ghash, h);
	espnic_wipe(h, sizeof(h));
	return true;
}

/* The pre-counter block J0, section 7.1 step 2. */
static void pre_counter(const struct espnic_gcm *gcm, const uint8_t *iv, size_t iv_len,
			uint8_t j0[ESPNIC_AES_BLOCK])
{
	struct espnic_ghash y = { 0, 0 };

	if (iv_len == ESPNIC_GCM_NONCE) {
		memcpy(j0, iv, ESPNIC_GCM_NONCE);
		espnic_put32(j0 + ESPNIC_GCM_NONCE, 1);
		return;
	}
	espnic_ghash_update(&gcm->ghash, &y, iv, iv_len);
	espnic_ghash_lengths(&gcm->ghash, &y, 0, iv_len);
	espnic_ghash_final(&y, j0);
}

/* The key stream's head, all that one pass of AES gives: E_K(J0) for the tag, then inc_32(J0) and on. */
struct stream_head {
	uint8_t bytes[ESPNIC_AES_PARALLEL * ESPNIC_AES_BLOCK];
};

enum { HEAD_TEXT = (ESPNIC_AES_PARALLEL - 1) * ESPNIC_AES_BLOCK };	/* bytes it has for text */

static void stream_head(const struct espnic_gcm *gcm, const uint8_t j0[ESPNIC_AES_BLOCK],
			struct stream_head *head)
{
	memset(head, 0, sizeof(*head));
	espnic_aes_ctr32(&gcm->aes, j0, head->bytes, sizeof(head->bytes));
}

/* GHASH_H(A || 0 || C || 0 || [len(A)]64 || [len(C)]64), steps 4 and 5, and T, step 6. */
static void full_tag(const struct espnic_gcm *gcm, const struct stream_head *head,
		     const uint8_t *aad, size_t aad_len, const uint8_t *cipher, size_t len,
		     uint8_t tag[ESPNIC_GCM_TAG])
{
	struct espnic_ghash y = { 0, 0 };

	espnic_ghash_update(&gcm->ghash, &y, aad, aad_len);
	espnic_ghash_update(&gcm->ghash, &y, cipher, len);
	espnic_ghash_lengths(&gcm->ghash, &y, aad_len, len);
	espnic_ghash_final(&y, tag);
	espnic_xor(tag, head->bytes, ESPNIC_GCM_TAG);
}

/* GCTR_K(inc_32(J0), X), step 3. */
static void counter_mode(const struct espnic_gcm *gcm, const uint8_t j0[ESPNIC_AES_BLOCK],
			 const struct stream_head *head, uint8_t *data, size_t len)
{
	uint8_t next[ESPNIC_AES_BLOCK];

	espnic_xor(data, head->bytes + ESPNIC_AES_BLOCK, len < HEAD_TEXT ? len : HEAD_TEXT);
	if (len <= HEAD_TEXT)
		return;
	memcpy(next, j0, sizeof(next));
	espnic_put32(next + ESPNIC_GCM_NONCE,
		     espnic_get32(j0 + ESPNIC_GCM_NONCE) + ESPNIC_AES_PARALLEL);
	espnic_aes_ctr32(&gcm->aes, next, data + HEAD_TEXT, len - HEAD_TEXT);
}

void espnic_gcm_seal(const struct espnic_gcm *gcm, const uint8_t *iv, size_t iv_len,
		     const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len,
		     uint8_t *tag, size_t tag_len)
{
	uint8_t j0[ESPNIC_AES_BLOCK], full[ESPNIC_GCM_TAG];
	struct stream_head head;

	pre_counter(gcm, iv, iv_len, j0);
	stream_head(gcm, j0, &head);
	counter_mode(gcm, j0, &head, data, len);
	full_tag(gcm, &head, aad, aad_len, data, len, full);
	memcpy(tag, full, tag_len);
	espnic_wipe(&head, sizeof(head));
}

bool espnic_gcm_open(const struct espnic_gcm *gcm, const uint8_t *iv, size_t iv_len,
		     const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len,
		     const uint8_t *tag, size_t tag_len)
{
	uint8_t j0[ESPNIC_AES_BLOCK], full[ESPNIC_GCM_TAG];
	struct stream_head head;
	bool good;

	pre_counter(gcm, iv, iv_len, j0);
	stream_head(gcm, j0, &head);
	full_tag(gcm, &head, aad, aad_len, data, len, full);
	good = espnic_equal_ct(full, tag, tag_len);
	/* The right tag of a forged packet would let its sender forge for good. */
	espnic_wipe(full, sizeof(full));
	if (good)
		counter_mode(gcm, j0, &head, data, len);
	espnic_wipe(&head, sizeof(head));
	return good;
}

void espnic_gmac_start(const struct espnic_gcm *gcm, struct espnic_gmac *mac, const uint8_t *iv,
		       size_t iv_len)
{
	memset(mac, 0, sizeof(*mac));
	pre_counter(gcm, iv, iv_len, mac->j0);
}

void espnic_gmac_update(const struct espnic_gcm *gcm, struct espnic_gmac *mac,
			const uint8_t *data, size_t len)
{
	size_t used = mac->len % ESPNIC_GHASH_BLOCK;

	mac->len += len;
	if (used && len >= ESPNIC_GHASH_BLOCK - used) {
		size_t take = ESPNIC_GHASH_BLOCK - used;

		memcpy(mac->pending + used, data, take);
		espnic_ghash_update(&gcm->ghash, &mac->y, mac->pending, ESPNIC_GHASH_BLOCK);
		data += take;
		len -= take;
		used = 0;
	}
	if (!used) {
		size_t whole = len - len % ESPNIC_GHASH_BLOCK;

		espnic_ghash_update(&gcm->ghash, &mac->y, data, whole);
		data += whole;
		len -= whole;
	}
	if (len > 0)
		memcpy(mac->pending + used, data, len);
}

void espnic_gmac_final(const struct espnic_gcm *gcm, struct espnic_gmac *mac,
		       uint8_t tag[ESPNIC_GCM_TAG])
{
	espnic_ghash_update(&gcm->ghash, &mac->y, mac->pending, mac->len % ESPNIC_GHASH_BLOCK);
	espnic_ghash_lengths(&gcm->ghash, &mac->y, mac->len, 0);
	espnic_ghash_final(&mac->y, tag);
	espnic_aes_ctr32(&gcm->aes, mac->j0, tag, ESPNIC_GCM_TAG);
	espnic_wipe(mac, sizeof(*mac));
}
