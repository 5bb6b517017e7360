// SPDX-License-Identifier: BSD-2-Clause
#include "engine/prim/chacha20.h"

#include <string.h>

#include "engine/prim/le.h"
#include "engine/prim/xor.h"
#include "engine/wipe.h"

enum {
	CHACHA_WORDS = 16,
	CHACHA_BLOCK = 64,		/* bytes */
	CHACHA_DOUBLE_ROUNDS = 10,
};

static uint32_t rotl(uint32_t x, int n)
{
	return x << n | x >> (32 - n);
}

/* QUARTERROUND, section 2.1. */
#define QUARTER(a, b, c, d) do {					\
	(a) += (b), (d) = rotl((d) ^ (a), 16);				\
	(c) += (d), (b) = rotl((b) ^ (c), 12);				\
	(a) += (b), (d) = rotl((d) ^ (a), 8);				\
	(c) += (d), (b) = rotl((b) ^ (c), 7);				\
} while (0)

/* The block function, section 2.3. */
static void block(const uint32_t state[CHACHA_WORDS], uint8_t out[CHACHA_BLOCK])
{
	uint32_t x[CHACHA_WORDS];

	memcpy(x, state, sizeof(x));
	for (int i = 0; i < CHACHA_DOUBLE_ROUNDS; i++) {
		QUARTER(x[0], x[4], x[8], x[12]);
		QUARTER(x[1], x[5], x[9], x[13]);
		QUARTER(x[2], x[6], x[10], x[14]);
		QUARTER(x[3], x[7], x[11], x[15]);
		QUARTER(x[0], x[5], x[10], x[15]);
		QUARTER(x[1], x[6], x[11], x[12]);
		QUARTER(x[2], x[7], x[8], x[13]);
		QUARTER(x[3], x[4], x[9], x[14]);
	}
	for (int i = 0; i < CHACHA_WORDS; i++)
		espnic_put_le32(out + 4 * i, x[i] + state[i]);
	espnic_wipe(x, sizeof(x));
}

void espnic_chacha20(const uint8_t key[ESPNIC_CHACHA20_KEY],
		     const uint8_t nonce[ESPNIC_CHACHA20_NONCE], uint32_t counter,
		     uint8_t *data, size_t len)
{
	/* "expand 32-byte k", then the key, the counter and the nonce. */
	uint32_t state[CHACHA_WORDS] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };
	uint8_t stream[CHACHA_BLOCK];

	for (int i = 0; i < 8; i++)
		state[4 + i] = espnic_get_le32(key + 4 * i);
	state[12] = counter;
	for (int i = 0; i < 3; i++)
		state[13 + i] = espnic_get_le32(nonce + 4 * i);
	while (len > 0) {
		size_t take = len < sizeof(stream) ? len : sizeof(stream);

		block(state, stream);
		state[12]++;
		espnic_xor(data, stream, take);
		data += take;
		len -= take;
	}
	espnic_wipe(state, sizeof(state));
	espnic_wipe(stream, sizeof(stream));
}
