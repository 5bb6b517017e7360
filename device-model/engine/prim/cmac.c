// SPDX-License-Identifier: BSD-2-Clause
#include "engine/prim/cmac.h"

#include <string.h>

#include "engine/ip.h"
#include "engine/prim/xor.h"
#include "engine/wipe.h"

/* @out = @in * x in GF(2^128), the most significant bit first; R_128 = 0x87 (section 5.3). */
static void double_block(uint8_t out[ESPNIC_AES_BLOCK], const uint8_t in[ESPNIC_AES_BLOCK])
{
	uint64_t hi = espnic_get64(in), lo = espnic_get64(in + 8);
	uint64_t carry = hi >> 63;

	espnic_put64(out, hi << 1 | lo >> 63);
	espnic_put64(out + 8, lo << 1 ^ carry * 0x87);
}

bool espnic_cmac_init(struct espnic_cmac_key *key, const uint8_t *raw, size_t len)
{
	uint8_t l[ESPNIC_AES_BLOCK] = { 0 };

	if (!espnic_aes_init(&key->aes, raw, len))
		return false;
	espnic_aes_encrypt(&key->aes, l, 1);
	double_block(key->whole, l);
	double_block(key->padded, key->whole);
	espnic_wipe(l, sizeof(l));
	return true;
}

/* K1, K2, K3 are the encryptions of blocks of bytes 1, 2 and 3; K1 is the key of the MAC. */
bool espnic_xcbc_init(struct espnic_cmac_key *key, const uint8_t *raw, size_t len)
{
	uint8_t k1[ESPNIC_AES_BLOCK];

	if (len != sizeof(k1) || !espnic_aes_init(&key->aes, raw, len))
		return false;
	memset(k1, 1, sizeof(k1));
	memset(key->whole, 2, sizeof(key->whole));
	memset(key->padded, 3, sizeof(key->padded));
	espnic_aes_encrypt(&key->aes, k1, 1);
	espnic_aes_encrypt(&key->aes, key->whole, 1);
	espnic_aes_encrypt(&key->aes, key->padded, 1);
	espnic_aes_init(&key->aes, k1, sizeof(k1));
	espnic_wipe(k1, sizeof(k1));
	return true;
}

void espnic_cmac_start(struct espnic_cmac *mac)
{
	memset(mac, 0, sizeof(*mac));
}

static void absorb(const struct espnic_cmac_key *key, struct espnic_cmac *mac)
{
	espnic_xor(mac->y, mac->block, ESPNIC_AES_BLOCK);
	espnic_aes_encrypt(&key->aes, mac->y, 1);
	mac->used = 0;
}

void espnic_cmac_update(const struct espnic_cmac_key *key, struct espnic_cmac *mac,
			const uint8_t *data, size_t len)
{
	while (len > 0) {
		size_t take = ESPNIC_AES_BLOCK - mac->used;

		if (take == 0) {
			absorb(key, mac);
			continue;
		}
		if (take > len)
			take = len;
		memcpy(mac->block + mac->used, data, take);
		mac->used += (uint32_t)take;
		data += take;
		len -= take;
	}
}

void espnic_cmac_final(const struct espnic_cmac_key *key, struct espnic_cmac *mac,
		       uint8_t tag[ESPNIC_AES_BLOCK])
{
	const uint8_t *mask = key->whole;

	if (mac->used < ESPNIC_AES_BLOCK) {
		memset(mac->block + mac->used, 0, ESPNIC_AES_BLOCK - mac->used);
		mac->block[mac->used] = 0x80;
		mask = key->padded;
	}
	espnic_xor(mac->block, mask, ESPNIC_AES_BLOCK);
	absorb(key, mac);
	memcpy(tag, mac->y, ESPNIC_AES_BLOCK);
	espnic_wipe(mac, sizeof(*mac));
}
