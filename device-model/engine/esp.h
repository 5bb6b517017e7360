/* SPDX-License-Identifier: BSD-2-Clause */
/* ESP processing shared by the bodies ref and fast; behind the ops of the same names. */
#ifndef ESPNIC_ENGINE_ESP_H
#define ESPNIC_ENGINE_ESP_H

#include "engine/sa.h"

enum espnic_esp_sizes {			/* bytes: RFC 4303 section 2 */
	ESPNIC_ESP_TRAILER = 2,		/* pad length and next header */
	ESPNIC_ESP_ALIGN = 4,		/* what the trailer ends on, section 2.4 */
	ESPNIC_ESP_AAD_MAX = 12,	/* SPI and extended sequence number: RFC 4106 section 5 */
	ESPNIC_GCM_NONCE_LEN = ESPNIC_GCM_SALT + ESPNIC_GCM_IV,
};

void espnic_esp_protect(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n);
void espnic_esp_unprotect(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n);
void espnic_esp_crypt_out(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n);
void espnic_esp_crypt_in(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n);

/*
 * AES-GCM as ESP uses it (RFC 4106): builds nonce (section 4) and AAD (section
 * 5) and encrypts what stands between the explicit IV and the ICV. @esp is the
 * ESP header, complete up to the trailer; @len the bytes of ciphertext.
 */
void espnic_esp_seal(struct espnic_engine_thread *t, const struct espnic_sa *sa, uint8_t *esp,
		     uint32_t len, uint64_t seq);
/* The reverse. False: the ICV is wrong and the packet is as it was. */
bool espnic_esp_open(struct espnic_engine_thread *t, const struct espnic_sa *sa, uint8_t *esp,
		     uint32_t len, uint64_t seq);

/*
 * Outer ECN and inner ECN of a decapsulated packet (RFC 6040 section 4.2):
 * the ECN to forward with, or -1: drop.
 */
int espnic_ecn_decapsulate(uint8_t outer, uint8_t inner);

#endif
