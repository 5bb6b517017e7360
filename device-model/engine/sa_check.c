// SPDX-License-Identifier: BSD-2-Clause
/*
 * What an SA may be. All transforms of CONTRACTS.md are known here, so that a
 * wrong SA is told from one that this engine lacks.
 */
#include "engine/pipeline.h"
#include "engine/selector.h"

enum {
	IPV4_BITS = 32,
	IPV6_BITS = 128,
	DSCP_MAX = 63,
	SEQ32_BITS = 32,
	AEAD_ICV_DEFAULT = 16,	/* bytes */
};

/* Bits of a set of lengths in bytes, up to 64. */
#define LEN(n) ((uint64_t)1 << ((n) - 1))

struct enc_suite {
	uint64_t key_lens;
	uint64_t icv_lens;	/* with integrity of its own; 0: needs an authenticator */
	uint8_t salt_len;
	uint8_t iv_len;		/* bytes of the explicit IV */
	uint8_t block;		/* bytes text is padded to; 1: any */
};

static const struct enc_suite enc_suites[ESPNIC_ENCS] = {
	[ESPNIC_ENC_NULL] = { 0, 0, 0, 0, 1 },
	/* RFC 4106 sections 3.1, 4, 6 and 8.1 */
	[ESPNIC_ENC_AES_GCM] = {
		LEN(16) | LEN(24) | LEN(32), LEN(8) | LEN(12) | LEN(16), 4, 8, 1 },
	/* RFC 4543 sections 3.1, 3.2 and 5 */
	[ESPNIC_ENC_AES_GMAC] = { LEN(16) | LEN(24) | LEN(32), LEN(16), 4, 8, 1 },
	/* RFC 4309 sections 3.1, 4, 6 and 7.1 */
	[ESPNIC_ENC_AES_CCM] = {
		LEN(16) | LEN(24) | LEN(32), LEN(8) | LEN(12) | LEN(16), 3, 8, 1 },
	/* RFC 7634 section 2 */
	[ESPNIC_ENC_CHACHA20_POLY1305] = { LEN(32), LEN(16), 4, 8, 1 },
	/* RFC 3602 sections 2.2, 2.4 and 3 */
	[ESPNIC_ENC_AES_CBC] = { LEN(16) | LEN(24) | LEN(32), 0, 0, 16, 16 },
	/* RFC 3686 sections 2.2, 3.1 and 4 */
	[ESPNIC_ENC_AES_CTR] = { LEN(16) | LEN(24) | LEN(32), 0, 4, 8, 1 },
	/* RFC 2451 sections 2.3, 2.5 and 3 */
	[ESPNIC_ENC_3DES_CBC] = { LEN(24), 0, 0, 8, 8 },
};

struct auth_suite {
	uint64_t key_lens;
	uint8_t icv_len;
};

static const struct auth_suite auth_suites[ESPNIC_AUTHS] = {
	[ESPNIC_AUTH_NONE] = { 0, 0 },
	[ESPNIC_AUTH_HMAC_MD5_96] = { LEN(16), 12 },		/* RFC 2403 */
	[ESPNIC_AUTH_HMAC_SHA1_96] = { LEN(20), 12 },		/* RFC 2404 */
	[ESPNIC_AUTH_HMAC_SHA256_128] = { LEN(32), 16 },	/* RFC 4868 */
	[ESPNIC_AUTH_HMAC_SHA384_192] = { LEN(48), 24 },
	[ESPNIC_AUTH_HMAC_SHA512_256] = { LEN(64), 32 },
	[ESPNIC_AUTH_AES_XCBC_96] = { LEN(16), 12 },		/* RFC 3566 */
	[ESPNIC_AUTH_AES_CMAC_96] = { LEN(16), 12 },		/* RFC 4494 */
	[ESPNIC_AUTH_AES_GMAC] = { LEN(16) | LEN(24) | LEN(32), 16 },	/* RFC 4543 */
};

static bool has_len(uint64_t lens, uint32_t len)
{
	/* An empty set means: none, length 0. */
	if (len == 0)
		return lens == 0;
	return len <= ESPNIC_KEY_MAX && lens & LEN(len);
}

static bool has_integrity(enum espnic_enc enc)
{
	return enc_suites[enc].icv_lens != 0;
}

uint8_t espnic_sa_icv_len(const struct espnic_sa_params *p)
{
	if (p->icv_len)
		return p->icv_len;
	return has_integrity(p->enc) ? AEAD_ICV_DEFAULT : auth_suites[p->auth].icv_len;
}

uint8_t espnic_sa_iv_len(const struct espnic_sa_params *p)
{
	/* RFC 4543 section 4: in AH the IV stands in front of the tag. */
	if (p->auth == ESPNIC_AUTH_AES_GMAC)
		return enc_suites[ESPNIC_ENC_AES_GMAC].iv_len;
	return enc_suites[p->enc].iv_len;
}

uint8_t espnic_sa_align(const struct espnic_sa_params *p)
{
	uint8_t block = enc_suites[p->enc].block;

	return block > ESPNIC_ESP_ALIGN ? block : ESPNIC_ESP_ALIGN;
}

/* RFC 4303 section 3.2, RFC 8221 section 4: which combinations protect integrity. */
static const char *check_combination(const struct espnic_sa_params *p)
{
	if (p->proto == ESPNIC_PROTO_AH) {
		if (p->enc != ESPNIC_ENC_NULL)
			return "AH does not encrypt";
		if (p->auth == ESPNIC_AUTH_NONE)
			return "AH without an authenticator";
		return NULL;
	}
	if (has_integrity(p->enc) && p->auth != ESPNIC_AUTH_NONE)
		return "an AEAD and an authenticator";
	if (!has_integrity(p->enc) && p->auth == ESPNIC_AUTH_NONE)
		return "no integrity protection";
	if (p->auth == ESPNIC_AUTH_AES_GMAC)
		return "AES-GMAC as an authenticator is for AH";
	return NULL;
}

static const char *check_lengths(const struct espnic_sa_params *p)
{
	uint8_t salt_len = enc_suites[p->enc].salt_len;
	uint8_t icv_len = espnic_sa_icv_len(p);

	if (p->proto == ESPNIC_PROTO_AH && p->auth == ESPNIC_AUTH_AES_GMAC)
		salt_len = enc_suites[ESPNIC_ENC_AES_GMAC].salt_len;
	if (!has_len(enc_suites[p->enc].key_lens, p->enc_key_len))
		return "encryption key length";
	if (!has_len(auth_suites[p->auth].key_lens, p->auth_key_len))
		return "authentication key length";
	if (p->salt_len != salt_len)
		return "salt length";
	if (has_integrity(p->enc) ? !has_len(enc_suites[p->enc].icv_lens, icv_len) :
			      icv_len != auth_suites[p->auth].icv_len)
		return "ICV length";
	return NULL;
}

static const char *check_tunnel(const struct espnic_sa_params *p)
{
	if (p->mode != ESPNIC_MODE_TUNNEL)
		return NULL;
	if (p->tunnel.family != ESPNIC_IPV4 && p->tunnel.family != ESPNIC_IPV6)
		return "tunnel mode without tunnel addresses";
	/* Only what makes an outer header has a use for one. */
	if (p->tunnel.ttl == 0 && p->dir == ESPNIC_DIR_OUT && p->offload == ESPNIC_OFFLOAD_PACKET)
		return "tunnel TTL of 0";
	if (p->tunnel.dscp > DSCP_MAX && p->tunnel.dscp != ESPNIC_DSCP_COPY)
		return "tunnel DSCP over 63";
	return NULL;
}

static bool range_ok(uint16_t min, uint16_t max)
{
	return min <= max || espnic_ports_opaque(min, max);
}

static const char *check_selector(const struct espnic_sa_params *p)
{
	const struct espnic_selector *s = &p->sel;
	uint8_t bits = s->family == ESPNIC_IPV6 ? IPV6_BITS : IPV4_BITS;

	if (!p->has_sel)
		return NULL;
	if (s->family != ESPNIC_IP_ANY && s->family != ESPNIC_IPV4 && s->family != ESPNIC_IPV6)
		return "selector family";
	if (s->family != ESPNIC_IP_ANY && (s->src_prefix > bits || s->dst_prefix > bits))
		return "selector prefix length";
	if (!range_ok(s->sport_min, s->sport_max) || !range_ok(s->dport_min, s->dport_max))
		return "selector port range";
	return NULL;
}

static const char *check_rest(const struct espnic_sa_params *p)
{
	if (p->spi == 0)
		return "SPI 0";
	if (!p->esn && p->seq >> SEQ32_BITS)
		return "sequence number over 32 bits without ESN";
	if (p->udp_encap && p->proto == ESPNIC_PROTO_AH)
		return "AH in UDP";
	return NULL;
}

/* Lawful SAs this engine has no code for. */
static const char *check_supported(const struct espnic_sa_params *p)
{
	if (p->replay_window > ESPNIC_WINDOW_MAX)
		return "replay windows over 4096";
	if (p->proto == ESPNIC_PROTO_AH && p->offload == ESPNIC_OFFLOAD_CRYPTO)
		return "crypto offload of AH";
	/* AH has no padding to hide behind: there tfc_len is not used. */
	if (p->tfc_len && p->mode != ESPNIC_MODE_TUNNEL && p->proto == ESPNIC_PROTO_ESP)
		return "TFC padding in transport mode";
	return NULL;
}

enum espnic_verdict espnic_sa_check(const struct espnic_sa_params *p, const char **why)
{
	if ((unsigned int)p->enc >= ESPNIC_ENCS || (unsigned int)p->auth >= ESPNIC_AUTHS) {
		*why = "unknown transform";
		return ESPNIC_BAD_SA;
	}
	if ((*why = check_rest(p)) || (*why = check_combination(p)) ||
	    (*why = check_lengths(p)) || (*why = check_tunnel(p)) || (*why = check_selector(p)))
		return ESPNIC_BAD_SA;
	if ((*why = check_supported(p)))
		return ESPNIC_UNSUPPORTED;
	return ESPNIC_OK;
}
