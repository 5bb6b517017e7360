/* SPDX-License-Identifier: BSD-2-Clause */
/* What tells the bodies ref and fast apart: the primitives under the shared pipeline. */
#ifndef ESPNIC_ENGINE_AEAD_H
#define ESPNIC_ENGINE_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"

enum {
	ESPNIC_AEAD_SCRATCH = 256,	/* bytes a thread keeps for its primitives */
	ESPNIC_CACHE_LINE = 64,		/* bytes; alignment of expanded keys too */
};

struct espnic_burst;			/* pipeline.h */

struct espnic_engine_thread {
	_Alignas(ESPNIC_CACHE_LINE) uint8_t scratch[ESPNIC_AEAD_SCRATCH];
	struct espnic_burst *burst;	/* packets under way */
	void *body;			/* the body's own, made and freed by its thread_new, thread_free */
};

/* An AEAD (RFC 5116). Expanded keys lie in memory of the caller, aligned to a cache line. */
struct espnic_aead_ops {
	/* Bytes of an expanded key. */
	size_t key_size;

	/* Expands @len bytes of key; false for a length the AEAD does not have. */
	bool (*expand)(void *key, const uint8_t *raw, size_t len);

	/*
	 * Encrypts @data in place, writes @tag_len bytes of tag, which may stand behind it.
	 * @iv is the whole nonce; ESP has 12 bytes (CCM 11), GCM takes any but 0, CCM 7 to 13.
	 */
	void (*seal)(struct espnic_engine_thread *t, const void *key,
		     const uint8_t *iv, size_t iv_len, const uint8_t *aad, size_t aad_len,
		     uint8_t *data, size_t len, uint8_t *tag, size_t tag_len);

	/*
	 * True and @data decrypted in place; or false, the tag is wrong and @data is as it
	 * was. Tags are compared in constant time.
	 */
	bool (*open)(struct espnic_engine_thread *t, const void *key,
		     const uint8_t *iv, size_t iv_len, const uint8_t *aad, size_t aad_len,
		     uint8_t *data, size_t len, const uint8_t *tag, size_t tag_len);
};

extern const struct espnic_aead_ops espnic_aead_ref;

#endif
