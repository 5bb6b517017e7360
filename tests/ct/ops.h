/* SPDX-License-Identifier: BSD-2-Clause */
/* Everything body ref does with a secret, one call each. */
#ifndef TESTS_CT_OPS_H
#define TESTS_CT_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/transform.h"

enum { CT_KEY_MAX = 200, CT_LEN_MAX = 320, CT_NONCE = 12, CT_AAD = 12 };

enum ct_op { CT_SEAL, CT_OPEN, CT_ENCRYPT, CT_DECRYPT, CT_MAC, CT_OPS };

/* What goes in, and comes out in place. Key, data and tag are the secrets. */
struct ct_input {
	uint8_t key[CT_KEY_MAX], iv[16], aad[CT_AAD], data[CT_LEN_MAX], tag[ESPNIC_MAC_TAG_MAX];
	size_t key_len, len, tag_len;
	bool good;			/* what CT_OPEN found */
};

/* Whether @alg of ref has @op, and the name of that. */
bool ct_has(enum espnic_alg alg, enum ct_op op);
const char *ct_op_name(enum ct_op op);

/* The key lengths to try, 0 behind the last; and whether data is whole blocks, of how many bytes. */
const size_t *ct_key_lens(enum espnic_alg alg);
size_t ct_block(enum espnic_alg alg);

/* Expands the key and does @op. */
void ct_run(enum espnic_alg alg, enum ct_op op, struct ct_input *in);

/* Fills @len bytes: the same in every run. */
void ct_random(uint8_t *p, size_t len);

#endif
