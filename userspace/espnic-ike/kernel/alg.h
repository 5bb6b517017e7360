/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The transforms of ESP and AH that Linux has and that can be keyed by hand: the words by which
 * swanctl.conf(5) names them in a proposal, Linux's names, and lengths.
 */
#ifndef ESPNIC_IKE_KERNEL_ALG_H
#define ESPNIC_IKE_KERNEL_ALG_H

#include <stdbool.h>
#include <stdint.h>

enum espnic_xfrm_alg_kind { ESPNIC_XFRM_AEAD, ESPNIC_XFRM_CIPHER, ESPNIC_XFRM_AUTH };

struct espnic_xfrm_alg {
	const char *name; /* as in a proposal */
	const char *xfrm; /* as Linux calls it */
	enum espnic_xfrm_alg_kind kind;
	uint16_t key; /* bytes, without salt */
	uint8_t salt; /* bytes behind the key, of its nonce (RFC 4106 section 4) */
	uint16_t icv_bits;
	/* Numbers packets by a counter: two packets of one number under one key give both away. */
	bool counter;
	bool weak; /* RFC 8221: not to be used any more */
};

/* The transform called @name (@len bytes), or NULL. */
const struct espnic_xfrm_alg *espnic_xfrm_alg(const char *name, unsigned int len);

#endif
