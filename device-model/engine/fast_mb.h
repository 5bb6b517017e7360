/* SPDX-License-Identifier: BSD-2-Clause */
/* Body fast over libipsec-mb: managers, keys as the library wants them, bursts of jobs. */
#ifndef ESPNIC_ENGINE_FAST_MB_H
#define ESPNIC_ENGINE_FAST_MB_H

#include <intel-ipsec-mb.h>

#include "engine/body.h"
#include "engine/fast_evp.h"
#include "engine/fast_lib.h"

enum espnic_fast_sizes {		/* bytes */
	ESPNIC_FAST_AES_KEYS = 16 * 15,	/* round keys of AES-256 */
	ESPNIC_FAST_CMAC_KEYS = 16 * 11, /* of AES-128 */
	ESPNIC_FAST_DES_KEYS = 3,	/* keys, not bytes */
};

/* How the library wants a transform to be asked for. */
enum espnic_fast_kind {
	ESPNIC_FAST_GCM,		/* direct call */
	ESPNIC_FAST_GMAC,		/* direct calls: nothing is encrypted */
	ESPNIC_FAST_AEAD,		/* one job each way; CCM and ChaCha20-Poly1305 */
	ESPNIC_FAST_CHAIN,		/* cipher and MAC */
	ESPNIC_FAST_SUITE,		/* not the library's: libcrypto does it (body.h, espnic_suite_run()) */
};

/* The short ways of an SA's packets (sa->way, fast_mb_gcm.c): AES-GCM by the length of its key. */
enum espnic_fast_way {
	ESPNIC_FAST_LONG,
	ESPNIC_FAST_GCM_128,
	ESPNIC_FAST_GCM_192,
	ESPNIC_FAST_GCM_256,
	ESPNIC_FAST_WAYS
};

/* A suite of the library's, looked up once. */
struct espnic_fast_session {
	uint32_t suite_id[2];
	uint32_t session_id;
};

struct espnic_fast_gcm {
	struct gcm_key_data data;
	aes_gcm_enc_dec_t enc, dec;
	aes_gcm_init_var_iv_t init_var_iv;
	aes_gcm_enc_dec_update_t enc_update, dec_update;
	aes_gcm_enc_dec_finalize_t enc_final;
	aes_gmac_init_t gmac_init;
	aes_gmac_update_t gmac_update;
	aes_gmac_finalize_t gmac_final;
};

struct espnic_fast_aes {
	_Alignas(16) uint8_t enc[ESPNIC_FAST_AES_KEYS];
	_Alignas(16) uint8_t dec[ESPNIC_FAST_AES_KEYS];
};

struct espnic_fast_des3 {
	_Alignas(16) uint64_t schedule[ESPNIC_FAST_DES_KEYS][IMB_DES_KEY_SCHED_SIZE / 8];
	const void *keys[ESPNIC_FAST_DES_KEYS];
};

struct espnic_fast_hmac {
	_Alignas(16) uint8_t ipad[IMB_SHA512_DIGEST_SIZE_IN_BYTES];
	_Alignas(16) uint8_t opad[IMB_SHA512_DIGEST_SIZE_IN_BYTES];
};

/* AES-XCBC-MAC (RFC 3566) and AES-CMAC (RFC 4493): round keys, and two subkeys. */
struct espnic_fast_cbcmac {
	_Alignas(16) uint8_t keys[ESPNIC_FAST_CMAC_KEYS];
	_Alignas(16) uint8_t sub[2][16];
};

/* An SA's keys. They stand behind it in one allocation, which does not move. */
struct espnic_fast_key {
	enum espnic_fast_kind kind;
	IMB_CIPHER_MODE cipher;
	IMB_HASH_ALG hash;
	uint8_t key_len;		/* bytes of the cipher's raw key */
	uint8_t iv_len;			/* bytes of what the cipher is given */
	/* Sealing does all; opening authenticates, and decrypts what was good. An AEAD's open does both. */
	struct espnic_fast_session seal, check, open;
	const void *enc, *dec;		/* round keys as the cipher wants them */
	const void *mac[3];		/* as the hash wants them */
	_Alignas(ESPNIC_CACHE_LINE) uint8_t parts[];
};

/* What a key is made of. */
struct espnic_fast_spec {
	enum espnic_enc enc;
	enum espnic_auth auth;
	const uint8_t *enc_key, *auth_key;
	size_t enc_key_len, auth_key_len; /* bytes */
};

/* A thread's own, in its context's body. */
struct espnic_fast_thread {
	struct espnic_fast_evp_thread evp; /* the head: fast_evp.h */
	IMB_MGR *mgr;
	struct gcm_context_data gcm;
	aes_gcm_enc_dec_t gcm_enc[ESPNIC_FAST_WAYS], gcm_dec[ESPNIC_FAST_WAYS]; /* by an SA's way */
	/* ICVs computed to compare with, and of an AEAD that is put back. */
	_Alignas(16) uint8_t tags[ESPNIC_BURST_MAX][IMB_SHA512_DIGEST_SIZE_IN_BYTES];
};

/* As in espnic_fast_lib; makes the manager that keys are expanded with. */
const char *espnic_fast_unavailable(const char *way);
/* That manager: all its functions that keep no state in it may be called from any thread. */
IMB_MGR *espnic_fast_manager(void);

/* As in espnic_fast_lib. */
void *espnic_fast_thread_new(void);
void espnic_fast_thread_free(void *own);

/* Bytes of the key for @spec, or 0: libipsec-mb lacks the transform, or the key length. */
size_t espnic_fast_key_size(const struct espnic_fast_spec *spec);
/* Makes it in @key, aligned to a cache line. */
void espnic_fast_key_make(struct espnic_fast_key *key, const struct espnic_fast_spec *spec);

/* As in espnic_body. */
void espnic_fast_run(struct espnic_engine_thread *t, struct espnic_job *jobs, unsigned int n);

/* Behind the ops protect and unprotect. */
void espnic_fast_protect(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n);
void espnic_fast_unprotect(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n);

/*
 * The parts of that, for requests without an SA. Direct calls of GCM: seal, and open as espnic_aead_ops has them;
 * a GMAC over @len bytes.
 */
void espnic_fast_gcm_seal(struct espnic_fast_thread *t, const struct espnic_fast_gcm *g, const uint8_t *iv,
			  size_t iv_len, const uint8_t *aad, size_t aad_len, uint8_t *text, size_t len,
			  uint8_t *tag, size_t tag_len);
bool espnic_fast_gcm_open(struct espnic_fast_thread *t, const struct espnic_fast_gcm *g, const uint8_t *iv,
			  size_t iv_len, const uint8_t *aad, size_t aad_len, uint8_t *text, size_t len,
			  const uint8_t *tag, size_t tag_len);

extern const struct espnic_transforms espnic_transforms_mb;

/* What a job of @key asks for, the packet's own fields apart. */
enum espnic_fast_ask { ESPNIC_FAST_SEAL, ESPNIC_FAST_CHECK, ESPNIC_FAST_OPEN };
void espnic_fast_job(IMB_JOB *job, const struct espnic_fast_key *key, enum espnic_fast_ask ask);

/* Room in the thread's queue for @n <= ESPNIC_BURST_MAX jobs; all of them are then submitted. */
void espnic_fast_get(struct espnic_fast_thread *t, IMB_JOB **queue, uint32_t n);
/* Does the jobs of espnic_fast_get(), whose user_data is where false is written should one fail. */
void espnic_fast_submit(struct espnic_fast_thread *t, IMB_JOB **queue, uint32_t n);

#endif
