/* SPDX-License-Identifier: BSD-2-Clause */
/* AEAD_CHACHA20_POLY1305 (RFC 8439 section 2.8; in ESP RFC 7634), in place, tags of 16 bytes. */
#ifndef ESPNIC_ENGINE_PRIM_CHACHA20_POLY1305_H
#define ESPNIC_ENGINE_PRIM_CHACHA20_POLY1305_H

#include <stdbool.h>

#include "engine/prim/chacha20.h"
#include "engine/prim/poly1305.h"

void espnic_chacha20_poly1305_seal(const uint8_t key[ESPNIC_CHACHA20_KEY],
				   const uint8_t nonce[ESPNIC_CHACHA20_NONCE],
				   const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len,
				   uint8_t tag[ESPNIC_POLY1305_TAG]);

/* True and @data decrypted in place, or false and @data as it was. */
bool espnic_chacha20_poly1305_open(const uint8_t key[ESPNIC_CHACHA20_KEY],
				   const uint8_t nonce[ESPNIC_CHACHA20_NONCE],
				   const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len,
				   const uint8_t tag[ESPNIC_POLY1305_TAG]);

#endif
