// SPDX-License-Identifier: BSD-2-Clause
/* Keys as libipsec-mb wants them: round keys, GHASH powers, hashed pads, subkeys; computed once an SA. */
#include "engine/fast_mb.h"

#include <string.h>

/* Jobs name a MAC's keys by up to three pointers, whatever the MAC: fast_mb_job.c sets them as XCBC's. */
_Static_assert(offsetof(IMB_JOB, u.HMAC._hashed_auth_key_xor_opad) == offsetof(IMB_JOB, u.XCBC._k2) &&
	       offsetof(IMB_JOB, u.CMAC._skey1) == offsetof(IMB_JOB, u.XCBC._k2) &&
	       offsetof(IMB_JOB, u.CMAC._skey2) == offsetof(IMB_JOB, u.XCBC._k3),
	       "the keys of HMAC, XCBC and CMAC stand in the same places");

enum {
	AES_128 = 16, AES_192 = 24, AES_256 = 32, /* bytes of key */
	DES3_KEY = 24, DES_KEY = 8,
	CBC_IV = 16, CTR_IV = 16, DES_IV = 8, CHACHA_IV = 12,
	CCM_IV = 11,			/* RFC 4309 section 4; bare requests say otherwise in the job */
};

static bool is_aes(size_t len)
{
	return len == AES_128 || len == AES_192 || len == AES_256;
}

static size_t align(size_t n)
{
	return (n + ESPNIC_CACHE_LINE - 1) / ESPNIC_CACHE_LINE * ESPNIC_CACHE_LINE;
}

static IMB_HASH_ALG hash_of(enum espnic_auth auth)
{
	static const IMB_HASH_ALG hash[ESPNIC_AUTHS] = {
		[ESPNIC_AUTH_NONE] = IMB_AUTH_NULL,
		[ESPNIC_AUTH_HMAC_MD5_96] = IMB_AUTH_MD5,
		[ESPNIC_AUTH_HMAC_SHA1_96] = IMB_AUTH_HMAC_SHA_1,
		[ESPNIC_AUTH_HMAC_SHA256_128] = IMB_AUTH_HMAC_SHA_256,
		[ESPNIC_AUTH_HMAC_SHA384_192] = IMB_AUTH_HMAC_SHA_384,
		[ESPNIC_AUTH_HMAC_SHA512_256] = IMB_AUTH_HMAC_SHA_512,
		[ESPNIC_AUTH_AES_XCBC_96] = IMB_AUTH_AES_XCBC,
		[ESPNIC_AUTH_AES_CMAC_96] = IMB_AUTH_AES_CMAC,
		[ESPNIC_AUTH_AES_GMAC] = IMB_AUTH_AES_GMAC,
	};

	return hash[auth];
}

/* Bytes of the cipher's part, SIZE_MAX: it is not to be had. */
static size_t cipher_part(const struct espnic_fast_spec *spec)
{
	size_t len = spec->enc_key_len;

	switch (spec->enc) {
	case ESPNIC_ENC_NULL:
		return 0;
	case ESPNIC_ENC_AES_GCM:
	case ESPNIC_ENC_AES_GMAC:
		return is_aes(len) ? sizeof(struct espnic_fast_gcm) : SIZE_MAX;
	case ESPNIC_ENC_AES_CCM:
		/* The library has no CCM with 192 bits. */
		return len == AES_128 || len == AES_256 ? sizeof(struct espnic_fast_aes) : SIZE_MAX;
	case ESPNIC_ENC_CHACHA20_POLY1305:
		return len == IMB_CHACHA20_POLY1305_KEY_SIZE ? len : SIZE_MAX;
	case ESPNIC_ENC_AES_CBC:
	case ESPNIC_ENC_AES_CTR:
		return is_aes(len) ? sizeof(struct espnic_fast_aes) : SIZE_MAX;
	case ESPNIC_ENC_3DES_CBC:
		return len == DES3_KEY ? sizeof(struct espnic_fast_des3) : SIZE_MAX;
	default:
		return SIZE_MAX;
	}
}

static size_t mac_part(const struct espnic_fast_spec *spec)
{
	switch (spec->auth) {
	case ESPNIC_AUTH_NONE:
		return 0;
	case ESPNIC_AUTH_AES_GMAC:
		return is_aes(spec->auth_key_len) ? sizeof(struct espnic_fast_gcm) : SIZE_MAX;
	case ESPNIC_AUTH_AES_XCBC_96:
	case ESPNIC_AUTH_AES_CMAC_96:
		return spec->auth_key_len == AES_128 ? sizeof(struct espnic_fast_cbcmac) : SIZE_MAX;
	case ESPNIC_AUTH_HMAC_MD5_96:
		/* The library does not hash a longer key. */
		return spec->auth_key_len <= IMB_MD5_BLOCK_SIZE ? sizeof(struct espnic_fast_hmac) : SIZE_MAX;
	default:
		return sizeof(struct espnic_fast_hmac);
	}
}

size_t espnic_fast_key_size(const struct espnic_fast_spec *spec)
{
	size_t cipher = cipher_part(spec);
	size_t mac = mac_part(spec);

	if (cipher == SIZE_MAX || mac == SIZE_MAX)
		return 0;
	return sizeof(struct espnic_fast_key) + align(cipher) + align(mac);
}

#define GCM_CALLS(g, mgr, bits) do {				\
	(g)->enc = (mgr)->gcm##bits##_enc;			\
	(g)->dec = (mgr)->gcm##bits##_dec;			\
	(g)->init_var_iv = (mgr)->gcm##bits##_init_var_iv;	\
	(g)->enc_update = (mgr)->gcm##bits##_enc_update;	\
	(g)->dec_update = (mgr)->gcm##bits##_dec_update;	\
	(g)->enc_final = (mgr)->gcm##bits##_enc_finalize;	\
	(g)->gmac_init = (mgr)->gmac##bits##_init;		\
	(g)->gmac_update = (mgr)->gmac##bits##_update;		\
	(g)->gmac_final = (mgr)->gmac##bits##_finalize;		\
	(mgr)->gcm##bits##_pre(raw, &(g)->data);		\
} while (0)

static void make_gcm(struct espnic_fast_gcm *g, const uint8_t *raw, size_t len)
{
	IMB_MGR *mgr = espnic_fast_manager();

	if (len == AES_128)
		GCM_CALLS(g, mgr, 128);
	else if (len == AES_192)
		GCM_CALLS(g, mgr, 192);
	else
		GCM_CALLS(g, mgr, 256);
}

static void make_aes(struct espnic_fast_aes *aes, const uint8_t *raw, size_t len)
{
	IMB_MGR *mgr = espnic_fast_manager();

	if (len == AES_128)
		IMB_AES_KEYEXP_128(mgr, raw, aes->enc, aes->dec);
	else if (len == AES_192)
		IMB_AES_KEYEXP_192(mgr, raw, aes->enc, aes->dec);
	else
		IMB_AES_KEYEXP_256(mgr, raw, aes->enc, aes->dec);
}

static void make_des3(struct espnic_fast_des3 *des, const uint8_t *raw)
{
	for (int i = 0; i < ESPNIC_FAST_DES_KEYS; i++) {
		IMB_DES_KEYSCHED(espnic_fast_manager(), des->schedule[i], raw + i * DES_KEY);
		des->keys[i] = des->schedule[i];
	}
}

static void make_cipher(struct espnic_fast_key *key, const struct espnic_fast_spec *spec, void *part)
{
	key->enc = part;
	key->dec = part;
	key->key_len = (uint8_t)spec->enc_key_len;
	switch (spec->enc) {
	case ESPNIC_ENC_AES_GCM:
	case ESPNIC_ENC_AES_GMAC:
		key->kind = spec->enc == ESPNIC_ENC_AES_GCM ? ESPNIC_FAST_GCM : ESPNIC_FAST_GMAC;
		make_gcm(part, spec->enc_key, spec->enc_key_len);
		break;
	case ESPNIC_ENC_CHACHA20_POLY1305:
		key->kind = ESPNIC_FAST_AEAD;
		key->cipher = IMB_CIPHER_CHACHA20_POLY1305;
		key->hash = IMB_AUTH_CHACHA20_POLY1305;
		key->iv_len = CHACHA_IV;
		memcpy(part, spec->enc_key, spec->enc_key_len);
		break;
	case ESPNIC_ENC_AES_CCM:
		/* CCM never runs AES backwards, and the library wants both pointers. */
		key->kind = ESPNIC_FAST_AEAD;
		key->cipher = IMB_CIPHER_CCM;
		key->hash = IMB_AUTH_AES_CCM;
		key->iv_len = CCM_IV;
		make_aes(part, spec->enc_key, spec->enc_key_len);
		break;
	case ESPNIC_ENC_3DES_CBC:
		key->cipher = IMB_CIPHER_DES3;
		key->iv_len = DES_IV;
		make_des3(part, spec->enc_key);
		key->enc = key->dec = ((struct espnic_fast_des3 *)part)->keys;
		break;
	case ESPNIC_ENC_AES_CBC:
	case ESPNIC_ENC_AES_CTR:
		key->cipher = spec->enc == ESPNIC_ENC_AES_CBC ? IMB_CIPHER_CBC : IMB_CIPHER_CNTR;
		key->iv_len = spec->enc == ESPNIC_ENC_AES_CBC ? CBC_IV : CTR_IV;
		make_aes(part, spec->enc_key, spec->enc_key_len);
		key->dec = spec->enc == ESPNIC_ENC_AES_CBC ? ((struct espnic_fast_aes *)part)->dec :
							     key->enc;
		break;
	default:
		key->cipher = IMB_CIPHER_NULL;
	}
}

static void make_mac(struct espnic_fast_key *key, const struct espnic_fast_spec *spec, void *part)
{
	IMB_MGR *mgr = espnic_fast_manager();
	struct espnic_fast_cbcmac *cbc = part;
	struct espnic_fast_hmac *hmac = part;

	switch (spec->auth) {
	case ESPNIC_AUTH_NONE:
		return;
	case ESPNIC_AUTH_AES_GMAC:
		key->kind = ESPNIC_FAST_GMAC;
		key->enc = part;
		make_gcm(part, spec->auth_key, spec->auth_key_len);
		return;
	case ESPNIC_AUTH_AES_XCBC_96:
		IMB_AES_XCBC_KEYEXP(mgr, spec->auth_key, cbc->keys, cbc->sub[0], cbc->sub[1]);
		break;
	case ESPNIC_AUTH_AES_CMAC_96: {
		struct espnic_fast_aes aes;

		IMB_AES_KEYEXP_128(mgr, spec->auth_key, aes.enc, aes.dec);
		memcpy(cbc->keys, aes.enc, sizeof(cbc->keys));
		imb_clear_mem(&aes, sizeof(aes));
		IMB_AES_CMAC_SUBKEY_GEN_128(mgr, cbc->keys, cbc->sub[0], cbc->sub[1]);
		break;
	}
	default:
		imb_hmac_ipad_opad(mgr, hash_of(spec->auth), spec->auth_key, spec->auth_key_len,
				   hmac->ipad, hmac->opad);
		key->hash = hash_of(spec->auth);
		key->mac[0] = hmac->ipad;
		key->mac[1] = hmac->opad;
		return;
	}
	key->hash = hash_of(spec->auth);
	key->mac[0] = cbc->keys;
	key->mac[1] = cbc->sub[0];
	key->mac[2] = cbc->sub[1];
}

static void make_session(const struct espnic_fast_key *key, IMB_CIPHER_MODE cipher, IMB_HASH_ALG hash,
			 IMB_CIPHER_DIRECTION dir, IMB_CHAIN_ORDER order,
			 struct espnic_fast_session *session)
{
	IMB_JOB job = {
		.cipher_mode = cipher,
		.hash_alg = hash,
		.cipher_direction = dir,
		.chain_order = order,
		.key_len_in_bytes = key->key_len,
		.iv_len_in_bytes = key->iv_len,
		.enc_keys = key->enc,
		.dec_keys = key->dec,
	};

	session->session_id = imb_set_session(espnic_fast_manager(), &job);
	memcpy(session->suite_id, job.suite_id, sizeof(session->suite_id));
}

void espnic_fast_key_make(struct espnic_fast_key *key, const struct espnic_fast_spec *spec)
{
	memset(key, 0, espnic_fast_key_size(spec));
	key->kind = ESPNIC_FAST_CHAIN;
	key->hash = IMB_AUTH_NULL;
	make_cipher(key, spec, key->parts);
	make_mac(key, spec, key->parts + align(cipher_part(spec)));
	if (key->kind == ESPNIC_FAST_AEAD) {
		bool ccm = key->cipher == IMB_CIPHER_CCM;

		/* CCM authenticates plaintext. */
		make_session(key, key->cipher, key->hash, IMB_DIR_ENCRYPT,
			     ccm ? IMB_ORDER_HASH_CIPHER : IMB_ORDER_CIPHER_HASH, &key->seal);
		make_session(key, key->cipher, key->hash, IMB_DIR_DECRYPT,
			     ccm ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER, &key->open);
	} else if (key->kind == ESPNIC_FAST_CHAIN) {
		make_session(key, key->cipher, key->hash, IMB_DIR_ENCRYPT, IMB_ORDER_CIPHER_HASH,
			     &key->seal);
		make_session(key, IMB_CIPHER_NULL, key->hash, IMB_DIR_ENCRYPT, IMB_ORDER_CIPHER_HASH,
			     &key->check);
		make_session(key, key->cipher, IMB_AUTH_NULL, IMB_DIR_DECRYPT, IMB_ORDER_CIPHER_HASH,
			     &key->open);
	}
}

/* ---------------------------------------------------------------- SAs */

static struct espnic_fast_spec spec_of(const struct espnic_sa_params *p)
{
	return (struct espnic_fast_spec){
		.enc = p->enc,
		.auth = p->auth,
		.enc_key = p->enc_key,
		.enc_key_len = p->enc_key_len,
		.auth_key = p->auth_key,
		.auth_key_len = p->auth_key_len,
	};
}

/*
 * Bytes of the library's key for packets, or 0: libcrypto does them. 3DES is left to it: with its AVX-512 lanes full,
 * libipsec-mb 2.0 gives wrong ciphertext (one packet alone, as in bare requests, comes out right).
 */
static size_t mb_key_size(const struct espnic_sa_params *p)
{
	const struct espnic_fast_spec spec = spec_of(p);

	return p->enc == ESPNIC_ENC_3DES_CBC ? 0 : espnic_fast_key_size(&spec);
}

static size_t sa_key_size(const struct espnic_sa_params *p)
{
	size_t size = mb_key_size(p);

	if (size)
		return size;
	size = espnic_suite_key_size(&espnic_transforms_evp, p);
	return size ? sizeof(struct espnic_fast_key) + size : 0;
}

static bool sa_expand(void *key, const struct espnic_sa_params *p)
{
	const struct espnic_fast_spec spec = spec_of(p);
	struct espnic_fast_key *k = key;

	if (mb_key_size(p)) {
		espnic_fast_key_make(k, &spec);
		return true;
	}
	k->kind = ESPNIC_FAST_SUITE;
	return espnic_suite_expand(&espnic_transforms_evp, k->parts, p);
}

/* The short way is for what nearly all SAs are: fast_mb_gcm.c. */
static uint8_t sa_way(const struct espnic_sa_params *p)
{
	if (p->enc != ESPNIC_ENC_AES_GCM || p->proto != ESPNIC_PROTO_ESP ||
	    p->offload != ESPNIC_OFFLOAD_PACKET || p->has_sel || p->udp_encap || p->tfc_len)
		return ESPNIC_FAST_LONG;
	return p->enc_key_len == AES_128 ? ESPNIC_FAST_GCM_128 :
	       p->enc_key_len == AES_192 ? ESPNIC_FAST_GCM_192 : ESPNIC_FAST_GCM_256;
}

const struct espnic_fast_lib espnic_fast_lib_mb = {
	.unavailable = espnic_fast_unavailable,
	.thread_new = espnic_fast_thread_new,
	.thread_free = espnic_fast_thread_free,
	.key_size = sa_key_size,
	.expand = sa_expand,
	.run = espnic_fast_run,
	.way = sa_way,
	.protect = espnic_fast_protect,
	.unprotect = espnic_fast_unprotect,
	.transforms = &espnic_transforms_mb,
};
