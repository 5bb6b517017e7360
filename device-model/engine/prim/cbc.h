/* SPDX-License-Identifier: BSD-2-Clause */
/* AES in CBC mode (SP 800-38A section 6.2; RFC 3602), in place, whole blocks, no padding. */
#ifndef ESPNIC_ENGINE_PRIM_CBC_H
#define ESPNIC_ENGINE_PRIM_CBC_H

#include "engine/aes.h"

/* @len is a multiple of ESPNIC_AES_BLOCK; @iv is not changed. */
void espnic_cbc_encrypt(const struct espnic_aes *aes, const uint8_t iv[ESPNIC_AES_BLOCK],
			uint8_t *data, size_t len);
void espnic_cbc_decrypt(const struct espnic_aes *aes, const uint8_t iv[ESPNIC_AES_BLOCK],
			uint8_t *data, size_t len);

#endif
