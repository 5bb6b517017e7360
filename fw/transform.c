// SPDX-License-Identifier: BSD-2-Clause
/* Which transforms an SA may have: the rules of their RFCs, and what the device offers of them. */
#include "internal.h"

#define OFF(field) ESPNIC_FW_OFF(espnic_cmd_sa_add, field)
#define CAP(name) ESPNIC_CAP_TRANSFORMS_##name

static bool bad(struct espnic_fw_reply *r, uint32_t off)
{
	return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_FIELD, off);
}

static bool unsupported(struct espnic_fw_reply *r, uint32_t off)
{
	return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_UNSUPPORTED, off);
}

struct enc_rule {
	uint32_t cap;			/* bit of CAP_TRANSFORMS */
	uint8_t salt_len;		/* bytes */
	bool own_integrity;		/* no authenticator; else one is needed */
	bool short_icvs;		/* of 8 and 12 bytes, too */
	uint8_t key_len[3];		/* bytes; 0: none */
	uint32_t key_cap[3];		/* bit of CAP_TRANSFORMS for the key of that length; 0: that of the transform */
};

static const struct enc_rule enc_rules[] = {
	/* RFC 4106 sections 3.1, 4, 6 and 8.1 */
	[ESPNIC_ENC_ALG_AES_GCM] = {
		CAP(AES_GCM_128) | CAP(AES_GCM_192) | CAP(AES_GCM_256), 4, true, true, { 16, 24, 32 },
		{ CAP(AES_GCM_128), CAP(AES_GCM_192), CAP(AES_GCM_256) } },
	/* RFC 4543 sections 3.1, 3.2 and 5 */
	[ESPNIC_ENC_ALG_AES_GMAC] = { CAP(AES_GMAC), 4, true, false, { 16, 24, 32 }, { 0 } },
	/* RFC 4309 sections 3.1, 4, 6 and 7.1 */
	[ESPNIC_ENC_ALG_AES_CCM] = { CAP(AES_CCM), 3, true, true, { 16, 24, 32 }, { 0 } },
	/* RFC 7634 section 2 */
	[ESPNIC_ENC_ALG_CHACHA20_POLY1305] = { CAP(CHACHA20_POLY1305), 4, true, false, { 32 }, { 0 } },
	/* RFC 3602 sections 2.2 and 2.4 */
	[ESPNIC_ENC_ALG_AES_CBC] = { CAP(AES_CBC), 0, false, false, { 16, 24, 32 }, { 0 } },
	/* RFC 3686 sections 2.2 and 4 */
	[ESPNIC_ENC_ALG_AES_CTR] = { CAP(AES_CTR), 4, false, false, { 16, 24, 32 }, { 0 } },
	/* RFC 2451 section 2.2 */
	[ESPNIC_ENC_ALG_DES3_CBC] = { CAP(DES3_CBC), 0, false, false, { 24 }, { 0 } },
	/* RFC 2410 */
	[ESPNIC_ENC_ALG_NULL] = { CAP(NULL), 0, false, false, { 0 }, { 0 } },
};

struct auth_rule {
	uint32_t cap;
	uint8_t key_len, icv_len;	/* bytes */
};

static const struct auth_rule auth_rules[] = {
	[ESPNIC_AUTH_ALG_HMAC_MD5_96] = { CAP(HMAC_MD5_96), 16, 12 },		/* RFC 2403 */
	[ESPNIC_AUTH_ALG_HMAC_SHA1_96] = { CAP(HMAC_SHA1_96), 20, 12 },		/* RFC 2404 */
	[ESPNIC_AUTH_ALG_HMAC_SHA256_128] = { CAP(HMAC_SHA256_128), 32, 16 },	/* RFC 4868 */
	[ESPNIC_AUTH_ALG_HMAC_SHA384_192] = { CAP(HMAC_SHA384_192), 48, 24 },
	[ESPNIC_AUTH_ALG_HMAC_SHA512_256] = { CAP(HMAC_SHA512_256), 64, 32 },
	[ESPNIC_AUTH_ALG_AES_XCBC_96] = { CAP(AES_XCBC_96), 16, 12 },		/* RFC 3566 */
	[ESPNIC_AUTH_ALG_AES_CMAC_96] = { CAP(AES_CMAC_96), 16, 12 },		/* RFC 4494 */
};

enum {
	ENC_RULES = sizeof(enc_rules) / sizeof(enc_rules[0]),
	AUTH_RULES = sizeof(auth_rules) / sizeof(auth_rules[0]),
	KEY_LENS = 3,
	FULL_ICV = 16,			/* bytes: of whatever has integrity of its own */
};

static bool check_enc_key(const struct espnic_fw *fw, const struct enc_rule *rule,
			  const struct espnic_cmd_sa_add *c, struct espnic_fw_reply *r)
{
	uint32_t i = 0;

	/* Of a transform without a key the first length is 0, as it must be. */
	while (i < KEY_LENS && (rule->key_len[i] != c->enc_key_len || (i && !rule->key_len[i])))
		i++;
	if (i == KEY_LENS)
		return bad(r, OFF(enc_key_len));
	if (rule->key_cap[i] && !(fw->caps.transforms & rule->key_cap[i]))
		return unsupported(r, OFF(enc_key_len));
	return true;
}

/* The ICV of a transform with integrity of its own, which takes no authenticator (RFC 8221 section 4). */
static bool check_own(const struct espnic_fw *fw, const struct enc_rule *rule,
		      const struct espnic_cmd_sa_add *c, struct espnic_fw_reply *r)
{
	uint32_t need = 0;

	switch (c->icv_len) {
	case 8:
		need = CAP(ICV_8);
		break;
	case 12:
		need = CAP(ICV_12);
		break;
	case FULL_ICV:
		need = rule->short_icvs ? CAP(ICV_16) : rule->cap;
		break;
	default:
		return bad(r, OFF(icv_len));
	}
	if (c->icv_len != FULL_ICV && !rule->short_icvs)
		return bad(r, OFF(icv_len));
	if (!(fw->caps.transforms & need))
		return unsupported(r, OFF(icv_len));
	if (c->auth_alg != ESPNIC_AUTH_ALG_NONE)
		return unsupported(r, OFF(auth_alg));
	if (c->auth_key_len)
		return bad(r, OFF(auth_key_len));
	return true;
}

/* The authenticator of a transform that has no integrity of its own, never without (RFC 8221 section 4). */
static bool check_auth(const struct espnic_fw *fw, const struct espnic_cmd_sa_add *c,
		       struct espnic_fw_reply *r)
{
	const struct auth_rule *rule;

	/* What the device does not do itself it cannot do alone: the host's part is different here. */
	if (c->offload != ESPNIC_CMD_SA_OFFLOAD_PACKET)
		return unsupported(r, OFF(enc_alg));
	if (c->auth_alg == ESPNIC_AUTH_ALG_NONE)
		return bad(r, OFF(auth_alg));
	if (c->auth_alg >= AUTH_RULES)
		return unsupported(r, OFF(auth_alg));
	rule = &auth_rules[c->auth_alg];
	if (!(fw->caps.transforms & rule->cap))
		return unsupported(r, OFF(auth_alg));
	if (c->auth_key_len != rule->key_len)
		return bad(r, OFF(auth_key_len));
	if (c->icv_len != rule->icv_len)
		return bad(r, OFF(icv_len));
	return true;
}

bool espnic_fw_check_transform(const struct espnic_fw *fw, const struct espnic_cmd_sa_add *c,
			       struct espnic_fw_reply *r)
{
	const struct enc_rule *rule;

	if (!c->enc_alg || c->enc_alg >= ENC_RULES)
		return unsupported(r, OFF(enc_alg));
	rule = &enc_rules[c->enc_alg];
	if (!(fw->caps.transforms & rule->cap))
		return unsupported(r, OFF(enc_alg));
	if (!check_enc_key(fw, rule, c, r) ||
	    !(rule->own_integrity ? check_own(fw, rule, c, r) : check_auth(fw, c, r)))
		return false;
	if (c->salt_len != rule->salt_len)
		return bad(r, OFF(salt_len));
	/* All that is behind a key, and nothing said of how much there is: no early exit on secrets. */
	return espnic_fw_check_zero(c->enc_key + c->enc_key_len, sizeof(c->enc_key) - c->enc_key_len,
				    OFF(enc_key) + c->enc_key_len, r) &&
	       espnic_fw_check_zero(c->salt + c->salt_len, sizeof(c->salt) - c->salt_len,
				    OFF(salt) + c->salt_len, r) &&
	       espnic_fw_check_zero(c->auth_key + c->auth_key_len,
				    sizeof(c->auth_key) - c->auth_key_len,
				    OFF(auth_key) + c->auth_key_len, r);
}
