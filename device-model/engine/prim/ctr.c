// SPDX-License-Identifier: BSD-2-Clause
#include "engine/prim/ctr.h"

#include "engine/ip.h"
#include "engine/prim/xor.h"
#include "engine/wipe.h"

void espnic_ctr(const struct espnic_aes *aes, const uint8_t first[ESPNIC_AES_BLOCK],
		uint8_t *data, size_t len)
{
	uint64_t hi = espnic_get64(first), lo = espnic_get64(first + 8);
	uint8_t stream[ESPNIC_AES_BLOCK * ESPNIC_AES_PARALLEL];

	while (len > 0) {
		size_t take = len < sizeof(stream) ? len : sizeof(stream);

		for (int b = 0; b < ESPNIC_AES_PARALLEL; b++) {
			espnic_put64(stream + ESPNIC_AES_BLOCK * b, hi);
			espnic_put64(stream + ESPNIC_AES_BLOCK * b + 8, lo);
			lo++;
			hi += lo == 0;
		}
		espnic_aes_encrypt(aes, stream, ESPNIC_AES_PARALLEL);
		espnic_xor(data, stream, take);
		data += take;
		len -= take;
	}
	espnic_wipe(stream, sizeof(stream));
}
