/* SPDX-License-Identifier: BSD-2-Clause */
/* One interface to every cipher without integrity, in every body. */
#ifndef ESPNIC_ENGINE_CIPHER_H
#define ESPNIC_ENGINE_CIPHER_H

#include "engine/aead.h"

enum {
	ESPNIC_CIPHER_IV_MAX = 16,	/* bytes */
};

/* A cipher. Expanded keys lie in memory of the caller, aligned to a cache line. */
struct espnic_cipher_ops {
	/* Bytes of an expanded key. */
	size_t key_size;

	/* Bytes: data is whole blocks of this size. 1 for CTR. */
	uint8_t block;

	/* Bytes of the IV: a block; for CTR the first counter block (RFC 3686 section 4). */
	uint8_t iv_len;

	/* Expands @len bytes of key; false for a length the cipher does not have. */
	bool (*expand)(void *key, const uint8_t *raw, size_t len);

	/* Encrypts @len bytes of @data in place; @iv, of iv_len bytes, is not changed. */
	void (*encrypt)(struct espnic_engine_thread *t, const void *key, const uint8_t *iv,
			uint8_t *data, size_t len);

	/* The inverse. */
	void (*decrypt)(struct espnic_engine_thread *t, const void *key, const uint8_t *iv,
			uint8_t *data, size_t len);
};

#endif
