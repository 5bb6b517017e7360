// SPDX-License-Identifier: BSD-2-Clause
#include "engine/prim/chacha20_poly1305.h"

#include "engine/prim/le.h"
#include "engine/wipe.h"

/* The tag of the ciphertext at @data. */
static void full_tag(const uint8_t key[ESPNIC_CHACHA20_KEY],
		     const uint8_t nonce[ESPNIC_CHACHA20_NONCE], const uint8_t *aad, size_t aad_len,
		     const uint8_t *data, size_t len, uint8_t tag[ESPNIC_POLY1305_TAG])
{
	/* poly1305_key_gen(), section 2.6: the first half of key stream block 0. */
	uint8_t one_time[ESPNIC_POLY1305_KEY] = { 0 };
	uint8_t lengths[ESPNIC_POLY1305_BLOCK];
	struct espnic_poly1305 p;

	espnic_chacha20(key, nonce, 0, one_time, sizeof(one_time));
	espnic_poly1305_start(&p, one_time);
	espnic_poly1305_padded(&p, aad, aad_len);
	espnic_poly1305_padded(&p, data, len);
	espnic_put_le64(lengths, aad_len);
	espnic_put_le64(lengths + 8, len);
	espnic_poly1305_padded(&p, lengths, sizeof(lengths));
	espnic_poly1305_final(&p, tag);
	espnic_wipe(one_time, sizeof(one_time));
}

void espnic_chacha20_poly1305_seal(const uint8_t key[ESPNIC_CHACHA20_KEY],
				   const uint8_t nonce[ESPNIC_CHACHA20_NONCE],
				   const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len,
				   uint8_t tag[ESPNIC_POLY1305_TAG])
{
	espnic_chacha20(key, nonce, 1, data, len);
	full_tag(key, nonce, aad, aad_len, data, len, tag);
}

bool espnic_chacha20_poly1305_open(const uint8_t key[ESPNIC_CHACHA20_KEY],
				   const uint8_t nonce[ESPNIC_CHACHA20_NONCE],
				   const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len,
				   const uint8_t tag[ESPNIC_POLY1305_TAG])
{
	uint8_t full[ESPNIC_POLY1305_TAG];
	bool good;

	full_tag(key, nonce, aad, aad_len, data, len, full);
	good = espnic_equal_ct(full, tag, sizeof(full));
	/* The right tag of a forged packet would let its sender forge for good. */
	espnic_wipe(full, sizeof(full));
	if (good)
		espnic_chacha20(key, nonce, 1, data, len);
	return good;
}
