// SPDX-License-Identifier: BSD-2-Clause
/* The "sa" object of CONTRACTS.md. Form is judged here; sense is espnic_sa_check()'s. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/request.h"

enum {
	IPV4_BITS = 32,
	IPV6_BITS = 128,
	PREFIX_TEXT = INET6_ADDRSTRLEN + 4,	/* bytes: an address, a slash, 3 digits, NUL */
	BYTE_MAX = 255,
	DECIMAL = 10,
};

/* "none" is CONTRACTS.md's other name for what AH has. */
static const char *const enc_words[] = {
	[ESPNIC_ENC_NULL] = "null",
	[ESPNIC_ENC_AES_GCM] = "aes-gcm",
	[ESPNIC_ENC_AES_GMAC] = "aes-gmac",
	[ESPNIC_ENC_AES_CCM] = "aes-ccm",
	[ESPNIC_ENC_CHACHA20_POLY1305] = "chacha20-poly1305",
	[ESPNIC_ENC_AES_CBC] = "aes-cbc",
	[ESPNIC_ENC_AES_CTR] = "aes-ctr",
	[ESPNIC_ENC_3DES_CBC] = "3des-cbc",
	[ESPNIC_ENCS] = "none",
	NULL
};

static const char *const auth_words[] = {
	[ESPNIC_AUTH_NONE] = "none",
	[ESPNIC_AUTH_HMAC_MD5_96] = "hmac-md5-96",
	[ESPNIC_AUTH_HMAC_SHA1_96] = "hmac-sha1-96",
	[ESPNIC_AUTH_HMAC_SHA256_128] = "hmac-sha256-128",
	[ESPNIC_AUTH_HMAC_SHA384_192] = "hmac-sha384-192",
	[ESPNIC_AUTH_HMAC_SHA512_256] = "hmac-sha512-256",
	[ESPNIC_AUTH_AES_XCBC_96] = "aes-xcbc-96",
	[ESPNIC_AUTH_AES_CMAC_96] = "aes-cmac-96",
	[ESPNIC_AUTH_AES_GMAC] = "aes-gmac",
	NULL
};

/* A number no higher than @max; higher ones are a wrong SA, not a wrong request. */
static void bounded(struct json_object *obj, const char *name, uint64_t max, uint64_t *value,
		    const char *why, struct espnic_cli_error *err)
{
	if (espnic_cli_uint(obj, name, value, err) && *value > max)
		espnic_cli_fail(err, ESPNIC_BAD_SA, why);
}

static void read_u8(struct json_object *obj, const char *name, uint8_t *value, const char *why,
		    struct espnic_cli_error *err)
{
	uint64_t v = *value;

	bounded(obj, name, BYTE_MAX, &v, why, err);
	*value = (uint8_t)v;
}

static void read_u16(struct json_object *obj, const char *name, uint16_t *value, const char *why,
		     struct espnic_cli_error *err)
{
	uint64_t v = *value;

	bounded(obj, name, UINT16_MAX, &v, why, err);
	*value = (uint16_t)v;
}

/* A limit: what is over 32 bits limits nothing more than 2^32 - 1 does. */
static void read_limit32(struct json_object *obj, const char *name, uint32_t *value,
			 struct espnic_cli_error *err)
{
	uint64_t v = *value;

	espnic_cli_uint(obj, name, &v, err);
	*value = v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

/* A key or salt of up to @max bytes; longer ones are a wrong SA. */
static void read_key(struct json_object *obj, const char *name, uint8_t *out, size_t max,
		     uint8_t *out_len, struct espnic_cli_error *err)
{
	struct espnic_cli_bytes bytes = { .data = out };
	struct json_object *v;

	if (json_object_object_get_ex(obj, name, &v) && json_object_is_type(v, json_type_string) &&
	    (size_t)json_object_get_string_len(v) / 2 > max) {
		espnic_cli_fail(err, ESPNIC_BAD_SA, "key or salt too long");
		return;
	}
	espnic_cli_hex(obj, name, &bytes, max, true, err);
	*out_len = (uint8_t)bytes.len;
}

static bool read_address(const char *text, uint8_t out[16], uint8_t *family)
{
	memset(out, 0, 16);
	if (inet_pton(AF_INET, text, out) == 1) {
		*family = ESPNIC_IPV4;
		return true;
	}
	if (inet_pton(AF_INET6, text, out) == 1) {
		*family = ESPNIC_IPV6;
		return true;
	}
	return false;
}

static void read_tunnel(struct json_object *obj, struct espnic_sa_params *p,
			struct espnic_cli_error *err)
{
	static const char *const df_words[] = { "copy", "set", "clear", NULL };
	unsigned int df = ESPNIC_DF_COPY;
	uint8_t src_family = ESPNIC_IP_ANY, dst_family = ESPNIC_IP_ANY;
	struct json_object *dscp;
	const char *text;

	if (espnic_cli_string(obj, "src", &text, err) &&
	    !read_address(text, p->tunnel.src, &src_family))
		espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "tunnel src is no address");
	if (espnic_cli_string(obj, "dst", &text, err) &&
	    !read_address(text, p->tunnel.dst, &dst_family))
		espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "tunnel dst is no address");
	if (src_family == dst_family)
		p->tunnel.family = src_family;
	else if (p->mode == ESPNIC_MODE_TUNNEL)
		espnic_cli_fail(err, ESPNIC_BAD_SA, "tunnel src and dst are not of one family");

	read_u8(obj, "ttl", &p->tunnel.ttl, "tunnel TTL over 255", err);
	if (json_object_object_get_ex(obj, "dscp", &dscp) &&
	    json_object_is_type(dscp, json_type_string)) {
		if (strcmp(json_object_get_string(dscp), "copy") != 0)
			espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "dscp is no number nor copy");
	} else {
		uint64_t v = ESPNIC_DSCP_COPY;

		/* The number that stands for copying is no DSCP. */
		if (espnic_cli_uint(obj, "dscp", &v, err) && v >= ESPNIC_DSCP_COPY)
			espnic_cli_fail(err, ESPNIC_BAD_SA, "tunnel DSCP over 63");
		p->tunnel.dscp = (uint8_t)v;
	}
	espnic_cli_bool(obj, "ecn", &p->tunnel.ecn, err);
	espnic_cli_word(obj, "df", df_words, &df, err);
	p->tunnel.df = (enum espnic_df)df;
}

static bool read_prefix(const char *text, uint8_t out[16], uint8_t *prefix, uint8_t *family)
{
	char address[PREFIX_TEXT];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	unsigned long bits, max;
	char *end;

	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	if (!read_address(address, out, family))
		return false;
	max = *family == ESPNIC_IPV4 ? IPV4_BITS : IPV6_BITS;
	bits = max;
	if (slash) {
		if (slash[1] < '0' || slash[1] > '9')
			return false;
		bits = strtoul(slash + 1, &end, DECIMAL);
		if (*end || bits > max)
			return false;
	}
	*prefix = (uint8_t)bits;
	return true;
}

/* "N" or "N-M". */
static bool read_port_range(const char *text, uint16_t *min, uint16_t *max)
{
	unsigned long lo, hi;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	lo = strtoul(text, &end, DECIMAL);
	hi = lo;
	if (*end == '-') {
		if (end[1] < '0' || end[1] > '9')
			return false;
		hi = strtoul(end + 1, &end, DECIMAL);
	}
	if (*end || lo > ESPNIC_PORT_MAX || hi > ESPNIC_PORT_MAX)
		return false;
	*min = (uint16_t)lo;
	*max = (uint16_t)hi;
	return true;
}

static void read_ports(struct json_object *obj, const char *name, uint16_t *min, uint16_t *max,
		       struct espnic_cli_error *err)
{
	const char *text;

	*min = 0;
	*max = ESPNIC_PORT_MAX;
	if (espnic_cli_string(obj, name, &text, err) && !read_port_range(text, min, max))
		espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "ports are neither N nor N-M");
}

static void read_selector(struct json_object *obj, struct espnic_sa_params *p,
			  struct espnic_cli_error *err)
{
	struct espnic_selector *s = &p->sel;
	uint8_t src_family = ESPNIC_IP_ANY, dst_family = ESPNIC_IP_ANY;
	const char *text;

	p->has_sel = true;
	if (espnic_cli_string(obj, "src", &text, err) &&
	    !read_prefix(text, s->src, &s->src_prefix, &src_family))
		espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "selector src is no prefix");
	if (espnic_cli_string(obj, "dst", &text, err) &&
	    !read_prefix(text, s->dst, &s->dst_prefix, &dst_family))
		espnic_cli_fail(err, ESPNIC_BAD_REQUEST, "selector dst is no prefix");
	if (src_family && dst_family && src_family != dst_family)
		espnic_cli_fail(err, ESPNIC_BAD_SA, "selector src and dst are not of one family");
	s->family = src_family ? src_family : dst_family;
	read_u8(obj, "proto", &s->proto, "selector protocol over 255", err);
	read_ports(obj, "sport", &s->sport_min, &s->sport_max, err);
	read_ports(obj, "dport", &s->dport_min, &s->dport_max, err);
}

static void read_transforms(struct json_object *obj, struct espnic_sa_params *p,
			    struct espnic_cli_error *err)
{
	unsigned int enc = ESPNIC_ENC_NULL, auth = ESPNIC_AUTH_NONE;

	espnic_cli_word(obj, "enc", enc_words, &enc, err);
	espnic_cli_word(obj, "auth", auth_words, &auth, err);
	p->enc = enc == ESPNIC_ENCS ? ESPNIC_ENC_NULL : (enum espnic_enc)enc;
	p->auth = (enum espnic_auth)auth;
	read_key(obj, "enc_key", p->enc_key, sizeof(p->enc_key), &p->enc_key_len, err);
	read_key(obj, "auth_key", p->auth_key, sizeof(p->auth_key), &p->auth_key_len, err);
	read_key(obj, "salt", p->salt, sizeof(p->salt), &p->salt_len, err);
	if (json_object_object_get(obj, "icv_len")) {
		read_u8(obj, "icv_len", &p->icv_len, "ICV length", err);
		/* 0 would mean the default. */
		if (p->icv_len == 0)
			espnic_cli_fail(err, ESPNIC_BAD_SA, "ICV length");
	}
}

static void read_life(struct json_object *obj, struct espnic_sa_params *p,
		      struct espnic_cli_error *err)
{
	espnic_cli_uint(obj, "soft_packets", &p->soft_packets, err);
	espnic_cli_uint(obj, "hard_packets", &p->hard_packets, err);
	espnic_cli_uint(obj, "soft_bytes", &p->soft_bytes, err);
	espnic_cli_uint(obj, "hard_bytes", &p->hard_bytes, err);
}

bool espnic_cli_read_sa(struct json_object *obj, struct espnic_sa_params *p,
			struct espnic_cli_error *err)
{
	static const char *const proto_words[] = { "esp", "ah", NULL };
	static const char *const mode_words[] = { "transport", "tunnel", NULL };
	unsigned int proto = ESPNIC_PROTO_ESP, mode = ESPNIC_MODE_TRANSPORT;
	struct json_object *sub;
	uint64_t spi = 0;

	espnic_sa_params_init(p);
	bounded(obj, "spi", UINT32_MAX, &spi, "SPI over 32 bits", err);
	p->spi = (uint32_t)spi;
	espnic_cli_word(obj, "proto", proto_words, &proto, err);
	p->proto = (enum espnic_sa_proto)proto;
	espnic_cli_word(obj, "mode", mode_words, &mode, err);
	p->mode = (enum espnic_sa_mode)mode;
	read_transforms(obj, p, err);
	espnic_cli_bool(obj, "esn", &p->esn, err);
	espnic_cli_uint(obj, "seq", &p->seq, err);
	read_limit32(obj, "replay_window", &p->replay_window, err);
	if (espnic_cli_object(obj, "tunnel", &sub, err))
		read_tunnel(sub, p, err);
	if (espnic_cli_object(obj, "udp_encap", &sub, err)) {
		p->udp_encap = true;
		read_u16(sub, "sport", &p->udp_sport, "UDP port over 65535", err);
		read_u16(sub, "dport", &p->udp_dport, "UDP port over 65535", err);
	}
	if (espnic_cli_object(obj, "sel", &sub, err))
		read_selector(sub, p, err);
	read_limit32(obj, "mtu", &p->mtu, err);
	read_limit32(obj, "tfc_len", &p->tfc_len, err);
	if (espnic_cli_object(obj, "life", &sub, err))
		read_life(sub, p, err);
	return err->verdict == ESPNIC_OK;
}
