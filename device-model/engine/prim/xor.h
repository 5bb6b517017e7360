/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ESPNIC_ENGINE_PRIM_XOR_H
#define ESPNIC_ENGINE_PRIM_XOR_H

#include <stddef.h>
#include <stdint.h>

/* @a += @b, @len bytes each. */
static inline void espnic_xor(uint8_t *a, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		a[i] ^= b[i];
}

#endif
