// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transforms: from the names that xfrm has for them to the device's, and which of them can be
 * offloaded. In crypto mode the driver writes the IV, which is the sequence number: that will do
 * for AEADs, whose IVs must be unique; those of CBC must not be foreseen. So all else is for packet
 * mode, where the device makes the whole packet.
 */
#include "ipsec.h"

#define CAP(name) ESPNIC_CAP_TRANSFORMS_##name

/* A cipher or an AEAD. */
struct espnic_enc {
	const char *name;
	u8 alg;				/* ESPNIC_ENC_ALG_ */
	u8 salt_len;			/* bytes, at the end of xfrm's key */
	u8 key_len[3];			/* bytes without the salt; the rest 0 */
	bool short_icvs;		/* 8 and 12 bytes beside 16 */
	u32 cap[3];			/* the bit of CAP_TRANSFORMS for each length of the key */
};

static const struct espnic_enc espnic_aeads[] = {
	{ "rfc4106(gcm(aes))", ESPNIC_ENC_ALG_AES_GCM, 4, { 16, 24, 32 }, true,
	  { CAP(AES_GCM_128), CAP(AES_GCM_192), CAP(AES_GCM_256) } },
	{ "rfc4543(gcm(aes))", ESPNIC_ENC_ALG_AES_GMAC, 4, { 16, 24, 32 }, false,
	  { CAP(AES_GMAC), CAP(AES_GMAC), CAP(AES_GMAC) } },
	{ "rfc4309(ccm(aes))", ESPNIC_ENC_ALG_AES_CCM, 3, { 16, 24, 32 }, true,
	  { CAP(AES_CCM), CAP(AES_CCM), CAP(AES_CCM) } },
	{ "rfc7539esp(chacha20,poly1305)", ESPNIC_ENC_ALG_CHACHA20_POLY1305, 4, { 32 }, false,
	  { CAP(CHACHA20_POLY1305) } },
};

static const struct espnic_enc espnic_ciphers[] = {
	{ "cbc(aes)", ESPNIC_ENC_ALG_AES_CBC, 0, { 16, 24, 32 }, false,
	  { CAP(AES_CBC), CAP(AES_CBC), CAP(AES_CBC) } },
	{ "rfc3686(ctr(aes))", ESPNIC_ENC_ALG_AES_CTR, 4, { 16, 24, 32 }, false,
	  { CAP(AES_CTR), CAP(AES_CTR), CAP(AES_CTR) } },
	{ "cbc(des3_ede)", ESPNIC_ENC_ALG_DES3_CBC, 0, { 24 }, false, { CAP(DES3_CBC) } },
	{ "ecb(cipher_null)", ESPNIC_ENC_ALG_NULL, 0, { 0 }, false, { CAP(NULL) } },
};

static const struct espnic_auth {
	const char *name;
	u8 alg;				/* ESPNIC_AUTH_ALG_ */
	u8 key_len, icv_len;		/* bytes, as the RFCs have them */
	u32 cap;
} espnic_auths[] = {
	{ "hmac(md5)", ESPNIC_AUTH_ALG_HMAC_MD5_96, 16, 12, CAP(HMAC_MD5_96) },
	{ "hmac(sha1)", ESPNIC_AUTH_ALG_HMAC_SHA1_96, 20, 12, CAP(HMAC_SHA1_96) },
	{ "hmac(sha256)", ESPNIC_AUTH_ALG_HMAC_SHA256_128, 32, 16, CAP(HMAC_SHA256_128) },
	{ "hmac(sha384)", ESPNIC_AUTH_ALG_HMAC_SHA384_192, 48, 24, CAP(HMAC_SHA384_192) },
	{ "hmac(sha512)", ESPNIC_AUTH_ALG_HMAC_SHA512_256, 64, 32, CAP(HMAC_SHA512_256) },
	{ "xcbc(aes)", ESPNIC_AUTH_ALG_AES_XCBC_96, 16, 12, CAP(AES_XCBC_96) },
	{ "cmac(aes)", ESPNIC_AUTH_ALG_AES_CMAC_96, 16, 12, CAP(AES_CMAC_96) },
};

static const struct espnic_enc *espnic_enc_find(const struct espnic_enc *algs, size_t n,
						const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(algs[i].name, name))
			return &algs[i];
	return NULL;
}

static const struct espnic_auth *espnic_auth_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(espnic_auths); i++)
		if (!strcmp(espnic_auths[i].name, name))
			return &espnic_auths[i];
	return NULL;
}

/* The key of @bits bits at @key as @alg has it: what @t needs of it. */
static int espnic_enc_key(const struct espnic_enc *alg, const char *key, u32 bits,
			  struct espnic_transform *t, struct netlink_ext_ack *extack)
{
	u32 len = bits / 8;

	for (size_t i = 0; i < ARRAY_SIZE(alg->key_len); i++) {
		if (!alg->cap[i] || bits % 8 || len != alg->key_len[i] + alg->salt_len)
			continue;
		t->enc_alg = alg->alg;
		t->enc_key_len = alg->key_len[i];
		t->salt_len = alg->salt_len;
		t->enc_key = key;
		t->caps |= alg->cap[i];
		return 0;
	}
	NL_SET_ERR_MSG_FMT_MOD(extack, "%s has no keys of %u bits", alg->name, bits);
	return -EINVAL;
}

static int espnic_aead_transform(const struct xfrm_state *x, struct espnic_transform *t,
				 struct netlink_ext_ack *extack)
{
	const struct xfrm_algo_aead *aead = x->aead;
	const struct espnic_enc *alg;

	alg = espnic_enc_find(espnic_aeads, ARRAY_SIZE(espnic_aeads), aead->alg_name);
	if (!alg)
		return espnic_cannot(extack, "the device knows no such AEAD");
	if (!x->geniv || strcmp(x->geniv, "seqiv"))
		return espnic_cannot(extack, "only geniv seqiv can be offloaded");
	switch (aead->alg_icv_len) {
	case 64:
		t->caps |= alg->short_icvs ? CAP(ICV_8) : 0;
		break;
	case 96:
		t->caps |= alg->short_icvs ? CAP(ICV_12) : 0;
		break;
	case 128:
		t->caps |= alg->short_icvs ? CAP(ICV_16) : 0;
		break;
	default:
		return espnic_malformed(extack, "an AEAD's ICV has 64, 96 or 128 bits");
	}
	if (aead->alg_icv_len != 128 && !alg->short_icvs)
		return espnic_malformed(extack, "the ICV of this AEAD has 128 bits");
	t->icv_len = aead->alg_icv_len / 8;
	return espnic_enc_key(alg, aead->alg_key, aead->alg_key_len, t, extack);
}

/* An authenticator and the cipher it goes with, NULL or not. */
static int espnic_auth_transform(const struct xfrm_state *x, struct espnic_transform *t,
				 struct netlink_ext_ack *extack)
{
	const struct xfrm_algo_auth *auth = x->aalg;
	const struct espnic_auth *alg;
	const struct espnic_enc *enc;

	if (x->xso.type != XFRM_DEV_OFFLOAD_PACKET)
		return espnic_cannot(extack, "in crypto mode only AEADs can be offloaded");
	if (!auth)
		return espnic_cannot(extack,
				     "encryption without authentication can't be offloaded");
	enc = espnic_enc_find(espnic_ciphers, ARRAY_SIZE(espnic_ciphers), x->ealg->alg_name);
	if (!enc)
		return espnic_cannot(extack, "the device knows no such cipher");
	alg = espnic_auth_find(auth->alg_name);
	if (!alg)
		return espnic_cannot(extack, "the device knows no such authenticator");
	if (auth->alg_key_len != 8 * alg->key_len) {
		NL_SET_ERR_MSG_FMT_MOD(extack, "%s can be offloaded with keys of %u bits",
				       alg->name, 8 * alg->key_len);
		return -EOPNOTSUPP;
	}
	if (auth->alg_trunc_len != 8 * alg->icv_len) {
		NL_SET_ERR_MSG_FMT_MOD(extack,
				       "%s can be offloaded with ICVs of %u bits: use auth-trunc",
				       alg->name, 8 * alg->icv_len);
		return -EOPNOTSUPP;
	}
	t->auth_alg = alg->alg;
	t->auth_key_len = alg->key_len;
	t->auth_key = auth->alg_key;
	t->icv_len = alg->icv_len;
	t->caps |= alg->cap;
	return espnic_enc_key(enc, x->ealg->alg_key, x->ealg->alg_key_len, t, extack);
}

int espnic_transform(const struct xfrm_state *x, struct espnic_transform *t,
		     struct netlink_ext_ack *extack)
{
	*t = (struct espnic_transform){};
	if (x->calg)
		return espnic_cannot(extack, "compression can't be offloaded");
	if (x->aead)
		return espnic_aead_transform(x, t, extack);
	if (!x->ealg)
		return espnic_cannot(extack, "states without encryption can't be offloaded");
	return espnic_auth_transform(x, t, extack);
}

const u8 *espnic_transform_secret(const struct espnic_transform *t, u32 *len)
{
	if (!t->enc_key_len) {
		*len = t->auth_key_len;
		return t->auth_key;
	}
	*len = t->enc_key_len + t->salt_len;
	return t->enc_key;
}
