/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The seam between the pipeline and what tells its bodies apart. The pipeline
 * turns each packet of a burst into one job: where its text is, what is
 * authenticated, with which nonce. The body does the jobs of a burst in any
 * order, in as many lanes as it likes, and the pipeline draws the verdicts.
 */
#ifndef ESPNIC_ENGINE_BODY_H
#define ESPNIC_ENGINE_BODY_H

#include "engine/transform.h"

enum {
	ESPNIC_BURST_MAX = 64,		/* packets worked on at once; longer bursts are cut */
	ESPNIC_JOB_IV = 16,		/* bytes: a CTR counter block */
	ESPNIC_JOB_AAD = 12,		/* bytes: SPI and extended sequence number */
};

/*
 * The cryptography of one packet. Everything is in place and in one piece.
 *
 * An AEAD (GCM, CCM, ChaCha20-Poly1305) takes @auth as its AAD and @text as its
 * plaintext. All others are encrypt-then-MAC: @text, if there is any, lies within
 * @auth, and @auth is what the MAC is over when @text is ciphertext. With ESN the high
 * half already stands where it belongs. AES-GMAC is a MAC that takes @iv; then, and
 * for AH and NULL encryption, @text_len is 0 (AEADs may have 0 too).
 *
 * For CBC @iv is the IV (zero where the text begins with the block that becomes the
 * packet's IV), for CTR the first counter block, for all others the nonce.
 */
struct espnic_job {
	const struct espnic_sa *sa;	/* enc, auth, info.icv_len, and key: what expand() made */
	uint8_t *text;
	const uint8_t *auth;
	uint32_t text_len;		/* bytes; whole blocks for CBC */
	uint32_t auth_len;
	bool seal;			/* encrypt and compute; else compare and decrypt */
	bool good;			/* out, !seal: the ICV was right, and text is decrypted */
	uint8_t iv_len;
	uint8_t iv[ESPNIC_JOB_IV];
	uint8_t aad[ESPNIC_JOB_AAD];	/* what auth points to for AEADs */
	uint8_t icv[ESPNIC_ICV_MAX];	/* info.icv_len bytes: seal: out; else in, left alone */
};

/* A body under the shared pipeline. */
struct espnic_body {
	/*
	 * Bytes of the prepared keys of an SA that espnic_sa_check() found sound; 0: the body
	 * lacks its suite. Either direction of the SA may be asked to seal and to open.
	 */
	size_t (*key_size)(const struct espnic_sa_params *p);

	/* Prepares them at @key, aligned to a cache line and zeroed. False: not possible. */
	bool (*expand)(void *key, const struct espnic_sa_params *p);

	/*
	 * Does @n jobs, 1 to ESPNIC_BURST_MAX, of any SAs of this body. None depends on
	 * another. A job that is not good leaves its text as it was. Compares ICVs in
	 * constant time, keeps no right ICV of a wrong packet, allocates nothing.
	 */
	void (*run)(struct espnic_engine_thread *t, struct espnic_job *jobs, unsigned int n);
};

extern const struct espnic_body espnic_body_ref;
extern const struct espnic_body espnic_body_fast;

/* Whether @enc is one primitive with its own integrity (GMAC is a MAC with a nonce). */
static inline bool espnic_enc_is_aead(uint8_t enc)
{
	return enc == ESPNIC_ENC_AES_GCM || enc == ESPNIC_ENC_AES_CCM ||
	       enc == ESPNIC_ENC_CHACHA20_POLY1305;
}

/*
 * A body's key_size, expand and run over bare transforms, one job after the other:
 * all of ref, and of others what they do no better themselves.
 */
size_t espnic_suite_key_size(const struct espnic_transforms *transforms,
			     const struct espnic_sa_params *p);
bool espnic_suite_expand(const struct espnic_transforms *transforms, void *key,
			 const struct espnic_sa_params *p);
/* One job, whose prepared keys of espnic_suite_expand() lie at @key. */
void espnic_suite_run(struct espnic_engine_thread *t, const void *key, struct espnic_job *job);

#endif
