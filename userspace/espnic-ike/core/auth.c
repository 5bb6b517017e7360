// SPDX-License-Identifier: BSD-2-Clause
/*
 * What whoever holds the long-term keys does with them: RFC 7296 2.15.
 */
#include <errno.h>
#include <openssl/crypto.h>

#include "crypto.h"

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
