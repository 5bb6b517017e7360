/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of certificates, CRLs and keys: PEM or DER, as swanctl's folders have them. For whoever holds the keys, which
 * reads the files and gives the core what is public of them.
 */
#ifndef ESPNIC_IKE_CONF_CREDS_H
#define ESPNIC_IKE_CONF_CREDS_H

#include "core/ike.h"

/*
 * Calls @each with the DER of everything of @kind in the @len bytes at @p: one in DER, or any number in PEM. Stops and returns what it
 * returned if that is not 0. -EINVAL and the exact text: nothing of that kind is there, or something else is.
 */
int espnic_creds_read(enum espnic_ike_cert_kind kind, const uint8_t *p, size_t len,
		      int (*each)(void *ctx, const uint8_t *der, size_t len), void *ctx, char err[ESPNIC_IKE_TEXT]);
/*
 * The private key in the @len bytes at @p, PEM or DER, with @passphrase (NULL: without); *@key is an EVP_PKEY, to be freed with
 * EVP_PKEY_free(), @keyid is its number. 0, or -EINVAL and the exact text. The caller wipes @p and @passphrase.
 */
int espnic_creds_key(const uint8_t *p, size_t len, const char *passphrase, void **key, uint8_t keyid[ESPNIC_IKE_KEYID],
		     char err[ESPNIC_IKE_TEXT]);

#endif
