/* SPDX-License-Identifier: BSD-2-Clause */
/* Words whose least significant byte comes first, as AES's slices, ChaCha20, Poly1305 and MD5 read them. */
#ifndef ESPNIC_ENGINE_PRIM_LE_H
#define ESPNIC_ENGINE_PRIM_LE_H

#include <stdint.h>

static inline uint32_t espnic_get_le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline void espnic_put_le32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
	p[2] = (uint8_t)(v >> 16);
	p[3] = (uint8_t)(v >> 24);
}

static inline void espnic_put_le64(uint8_t *p, uint64_t v)
{
	espnic_put_le32(p, (uint32_t)v);
	espnic_put_le32(p + 4, (uint32_t)(v >> 32));
}

#endif
