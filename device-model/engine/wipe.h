/* SPDX-License-Identifier: BSD-2-Clause */
/* Erasing secrets, and comparing them without saying where they differ. */
#ifndef ESPNIC_ENGINE_WIPE_H
#define ESPNIC_ENGINE_WIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "engine/secret.h"

/* Zeroes @len bytes at @p; never optimised away. */
static inline void espnic_wipe(void *p, size_t len)
{
	explicit_bzero(p, len);
}

/* Whether @len bytes at @a and @b are equal; time depends on @len alone. The verdict is public. */
static inline bool espnic_equal_ct(const uint8_t *a, const uint8_t *b, size_t len)
{
	uint64_t diff = 0;
	uint32_t equal;

	for (; len >= sizeof(diff); len -= sizeof(diff)) {
		uint64_t x, y;

		memcpy(&x, a, sizeof(x));
		memcpy(&y, b, sizeof(y));
		diff |= x ^ y;
		a += sizeof(x);
		b += sizeof(y);
	}
	for (size_t i = 0; i < len; i++)
		diff |= a[i] ^ b[i];
	equal = (uint32_t)(diff | diff >> 32);
	equal = 1 ^ (equal | -equal) >> 31;
	espnic_public(&equal, sizeof(equal));
	return equal;
}

#endif
