// SPDX-License-Identifier: BSD-2-Clause
#include "engine/prim/ccm.h"

#include <string.h>

#include "engine/ip.h"
#include "engine/prim/ctr.h"
#include "engine/prim/xor.h"
#include "engine/wipe.h"

enum {
	CCM_FLAG_ADATA = 1 << 6,	/* SP 800-38C table 1 */
	CCM_AAD_SHORT = 0xff00,		/* bytes of AAD whose length takes 2 bytes: A.2.2 */
	CCM_AAD_LONG = 0xfffe,		/* then this, and 4 bytes */
};

/* CBC-MAC under way: what is absorbed, and how much of the next block. */
struct cbc_mac {
	uint8_t y[ESPNIC_AES_BLOCK];
	size_t used;
};

static void mac_flush(const struct espnic_aes *aes, struct cbc_mac *mac)
{
	/* The rest of the block is zeros: adding them is no work. */
	if (mac->used)
		espnic_aes_encrypt(aes, mac->y, 1);
	mac->used = 0;
}

static void mac_add(const struct espnic_aes *aes, struct cbc_mac *mac, const uint8_t *data,
		    size_t len)
{
	while (len > 0) {
		size_t take = ESPNIC_AES_BLOCK - mac->used;

		if (take > len)
			take = len;
		espnic_xor(mac->y + mac->used, data, take);
		mac->used += take;
		data += take;
		len -= take;
		if (mac->used == ESPNIC_AES_BLOCK)
			mac_flush(aes, mac);
	}
}

/* T of section 6.1, over the blocks of the formatting function of appendix A.2. */
static void mac_all(const struct espnic_aes *aes, const uint8_t *nonce, size_t nonce_len,
		    const uint8_t *aad, size_t aad_len, const uint8_t *data, size_t len,
		    size_t tag_len, uint8_t t[ESPNIC_AES_BLOCK])
{
	size_t q = ESPNIC_AES_BLOCK - 1 - nonce_len;	/* bytes of the length of the payload */
	struct cbc_mac mac = { { 0 }, 0 };
	uint8_t b0[ESPNIC_AES_BLOCK], aad_head[6];
	uint64_t left = len;

	b0[0] = (uint8_t)((aad_len ? CCM_FLAG_ADATA : 0) | (tag_len - 2) / 2 << 3 | (q - 1));
	memcpy(b0 + 1, nonce, nonce_len);
	for (size_t i = ESPNIC_AES_BLOCK; i > ESPNIC_AES_BLOCK - q; i--) {
		b0[i - 1] = (uint8_t)left;
		left >>= 8;
	}
	mac_add(aes, &mac, b0, sizeof(b0));

	if (aad_len > 0 && aad_len < CCM_AAD_SHORT) {
		espnic_put16(aad_head, (uint16_t)aad_len);
		mac_add(aes, &mac, aad_head, 2);
	} else if (aad_len > 0) {
		espnic_put16(aad_head, CCM_AAD_LONG);
		espnic_put32(aad_head + 2, (uint32_t)aad_len);
		mac_add(aes, &mac, aad_head, 6);
	}
	mac_add(aes, &mac, aad, aad_len);
	mac_flush(aes, &mac);
	mac_add(aes, &mac, data, len);
	mac_flush(aes, &mac);
	memcpy(t, mac.y, sizeof(mac.y));
	espnic_wipe(&mac, sizeof(mac));
}

/* Ctr_@i of appendix A.3, for i of 0 and 1. */
static void counter_block(const uint8_t *nonce, size_t nonce_len, uint8_t i,
			  uint8_t ctr[ESPNIC_AES_BLOCK])
{
	memset(ctr, 0, ESPNIC_AES_BLOCK);
	ctr[0] = (uint8_t)(ESPNIC_AES_BLOCK - 2 - nonce_len);
	memcpy(ctr + 1, nonce, nonce_len);
	ctr[ESPNIC_AES_BLOCK - 1] = i;
}

static void crypt_text(const struct espnic_aes *aes, const uint8_t *nonce, size_t nonce_len,
		       uint8_t *data, size_t len)
{
	uint8_t ctr[ESPNIC_AES_BLOCK];

	counter_block(nonce, nonce_len, 1, ctr);
	espnic_ctr(aes, ctr, data, len);
}

/* The whole tag T + S_0 of the clear text at @data. */
static void full_tag(const struct espnic_aes *aes, const uint8_t *nonce, size_t nonce_len,
		     const uint8_t *aad, size_t aad_len, const uint8_t *data, size_t len,
		     size_t tag_len, uint8_t full[ESPNIC_AES_BLOCK])
{
	uint8_t ctr[ESPNIC_AES_BLOCK];

	mac_all(aes, nonce, nonce_len, aad, aad_len, data, len, tag_len, full);
	counter_block(nonce, nonce_len, 0, ctr);
	espnic_ctr(aes, ctr, full, ESPNIC_AES_BLOCK);
}

void espnic_ccm_seal(const struct espnic_aes *aes, const uint8_t *nonce, size_t nonce_len,
		     const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len,
		     uint8_t *tag, size_t tag_len)
{
	uint8_t full[ESPNIC_AES_BLOCK];

	full_tag(aes, nonce, nonce_len, aad, aad_len, data, len, tag_len, full);
	crypt_text(aes, nonce, nonce_len, data, len);
	memcpy(tag, full, tag_len);
	espnic_wipe(full, sizeof(full));
}

bool espnic_ccm_open(const struct espnic_aes *aes, const uint8_t *nonce, size_t nonce_len,
		     const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len,
		     const uint8_t *tag, size_t tag_len)
{
	uint8_t full[ESPNIC_AES_BLOCK];
	bool good;

	/* The MAC is over the clear text: decrypted first, and turned back if it is forged. */
	crypt_text(aes, nonce, nonce_len, data, len);
	full_tag(aes, nonce, nonce_len, aad, aad_len, data, len, tag_len, full);
	good = espnic_equal_ct(full, tag, tag_len);
	/* The right tag of a forged packet would let its sender forge for good. */
	espnic_wipe(full, sizeof(full));
	if (!good)
		crypt_text(aes, nonce, nonce_len, data, len);
	return good;
}
