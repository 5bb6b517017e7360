/* SPDX-License-Identifier: BSD-2-Clause */
/* ChaCha20 (RFC 8439 section 2.4): additions, rotations and XOR of words, so constant time. */
#ifndef ESPNIC_ENGINE_PRIM_CHACHA20_H
#define ESPNIC_ENGINE_PRIM_CHACHA20_H

#include <stddef.h>
#include <stdint.h>

enum {
	ESPNIC_CHACHA20_KEY = 32,	/* bytes */
	ESPNIC_CHACHA20_NONCE = 12,
};

/* XORs the key stream that begins with block @counter into @len bytes, in place. */
void espnic_chacha20(const uint8_t key[ESPNIC_CHACHA20_KEY],
		     const uint8_t nonce[ESPNIC_CHACHA20_NONCE], uint32_t counter,
		     uint8_t *data, size_t len);

#endif
