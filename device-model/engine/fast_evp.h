/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libcrypto in body fast: every transform where libipsec-mb is not to be had (arm64, or ESPNIC_FAST=libcrypto), and
 * what it lacks (CCM with 192-bit keys). One packet at a time; libcrypto may allocate within its calls.
 */
#ifndef ESPNIC_ENGINE_FAST_EVP_H
#define ESPNIC_ENGINE_FAST_EVP_H

#include <openssl/evp.h>

#include "engine/transform.h"

enum { ESPNIC_FAST_EVP_KEY = 256 };	/* bytes of any key of these transforms */

extern const struct espnic_transforms espnic_transforms_evp;

/* A thread's own contexts; the head of whatever its context's body is. */
struct espnic_fast_evp_thread {
	EVP_CIPHER_CTX *ctx;
};

/* False without memory. */
bool espnic_fast_evp_thread_init(struct espnic_fast_evp_thread *t);
void espnic_fast_evp_thread_fini(struct espnic_fast_evp_thread *t);

#endif
