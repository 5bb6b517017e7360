/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One interface to every MAC, in every body. A message comes in pieces of any
 * length: what ESP with ESN (RFC 4303 section 2.2.1) and AH (RFC 4302 section
 * 3.3.3) authenticate does not lie in one piece.
 */
#ifndef ESPNIC_ENGINE_MAC_H
#define ESPNIC_ENGINE_MAC_H

#include "engine/aead.h"

enum {
	ESPNIC_MAC_STATE = 256,		/* bytes of a computation under way */
	ESPNIC_MAC_TAG_MAX = 64,	/* bytes: HMAC-SHA2-512, not cut */
};

/* A computation under way: the caller's, mostly on the stack. final() wipes it. */
struct espnic_mac_state {
	_Alignas(16) uint8_t bytes[ESPNIC_MAC_STATE];
};

/* A MAC. Expanded keys lie in memory of the caller, aligned to a cache line. */
struct espnic_mac_ops {
	/* Bytes of an expanded key; it holds what can be computed once (RFC 2104 section 4). */
	size_t key_size;

	/* Bytes of the full tag. */
	uint8_t tag_max;

	/* Bytes of the nonce: 12 for GMAC (RFC 4543 section 3.2), 0 for all others. */
	uint8_t iv_len;

	/* Expands @len bytes of key; false for a length the MAC does not have. */
	bool (*expand)(void *key, const uint8_t *raw, size_t len);

	/* Begins. @iv: NULL and 0 but for GMAC, which takes any length but 0. */
	void (*start)(struct espnic_engine_thread *t, const void *key, struct espnic_mac_state *s,
		      const uint8_t *iv, size_t iv_len);

	/* Takes @len more bytes of the message, 0 or more. */
	void (*update)(struct espnic_engine_thread *t, const void *key, struct espnic_mac_state *s,
		       const uint8_t *data, size_t len);

	/* Writes the first @tag_len bytes of the tag, at most tag_max. Compare by espnic_equal_ct(). */
	void (*final)(struct espnic_engine_thread *t, const void *key, struct espnic_mac_state *s,
		      uint8_t *tag, size_t tag_len);
};

#endif
