// SPDX-License-Identifier: BSD-2-Clause
/*
 * Addresses and identities (RFC 7296 3.5): their text, and what matches what.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ike.h"

/* ------------------------------------------------------------------ addresses */

static size_t addr_len(const struct espnic_ike_addr *a)
{
	return a->family == 4 ? 4 : a->family == 6 ? 16 : 0;
}

int espnic_ike_addr_parse(struct espnic_ike_addr *addr, const char *text)
{
	memset(addr, 0, sizeof(*addr));
	if (inet_pton(AF_INET, text, addr->bytes) == 1)
		addr->family = 4;
	else if (inet_pton(AF_INET6, text, addr->bytes) == 1)
		addr->family = 6;
	else
		return -EINVAL;
	return 0;
}

const char *espnic_ike_addr_text(const struct espnic_ike_addr *addr, char *out, size_t room)
{
	if (!addr->family || !inet_ntop(addr->family == 4 ? AF_INET : AF_INET6, addr->bytes, out, (socklen_t)room))
		snprintf(out, room, "%%any");
	return out;
}

bool espnic_ike_addr_equal(const struct espnic_ike_addr *a, const struct espnic_ike_addr *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, addr_len(a)) == 0;
}

bool espnic_ike_net_has(const struct espnic_ike_net *net, const struct espnic_ike_addr *addr)
{
	unsigned int whole = net->prefix / 8, rest = net->prefix % 8;

	if (!net->addr.family)
		return true;
	if (net->addr.family != addr->family || net->prefix > 8 * addr_len(addr) || memcmp(net->addr.bytes, addr->bytes, whole) != 0)
		return false;
	return !rest || !((net->addr.bytes[whole] ^ addr->bytes[whole]) >> (8 - rest));
}

bool espnic_ike_net_one(const struct espnic_ike_net *net)
{
	return net->addr.family && net->prefix == 8 * addr_len(&net->addr);
}

/* ------------------------------------------------------------------ parsing */

static int complain(char err[ESPNIC_IKE_TEXT], const char *text, const char *why)
{
	snprintf(err, ESPNIC_IKE_TEXT, "identity `%.100s': %s", text, why);
	return -EINVAL;
}

static int set(struct espnic_ike_id *id, enum espnic_ike_id_type type, const void *data, size_t len, const char *text,
	       char err[ESPNIC_IKE_TEXT])
{
	if (!len)
		return complain(err, text, "empty");
	if (len > sizeof(id->data))
		return complain(err, text, "too long");
	id->type = (uint8_t)type;
	id->len = (uint16_t)len;
	memcpy(id->data, data, len);
	return 0;
}

static int set_hex(struct espnic_ike_id *id, const char *hex, const char *text, char err[ESPNIC_IKE_TEXT])
{
	uint8_t bytes[ESPNIC_IKE_ID] = { 0 };
	size_t n = 0;

	while (*hex) {
		unsigned int v;

		if (n == sizeof(bytes))
			return complain(err, text, "too long");
		if (!isxdigit((unsigned char)hex[0]) || !isxdigit((unsigned char)hex[1]) || sscanf(hex, "%2x", &v) != 1)
			return complain(err, text, "not hexadecimal");
		bytes[n++] = (uint8_t)v;
		hex += 2;
		if (*hex == ':')
			hex++;
	}
	return set(id, ESPNIC_IKE_ID_KEY, bytes, n, text, err);
}

/* One `KEY=value` of a DN; the value ends at a comma or slash outside of quotes. Returns what is behind it, NULL: bad. */
static const char *add_rdn(X509_NAME *name, const char *at)
{
	char key[64], value[ESPNIC_IKE_ID];
	size_t k = 0, v = 0;
	bool quoted = false;
	int nid;

	while (isspace((unsigned char)*at))
		at++;
	while (*at && *at != '=' && k < sizeof(key) - 1)
		key[k++] = *at++;
	if (*at++ != '=')
		return NULL;
	while (k && isspace((unsigned char)key[k - 1]))
		k--;
	key[k] = '\0';
	while (isspace((unsigned char)*at))
		at++;
	for (; *at && (quoted || (*at != ',' && *at != '/')) && v < sizeof(value) - 1; at++) {
		if (*at == '"')
			quoted = !quoted;
		else
			value[v++] = *at;
	}
	while (v && isspace((unsigned char)value[v - 1]))
		v--;
	nid = strcasecmp(key, "E") == 0 ? NID_pkcs9_emailAddress : OBJ_txt2nid(key);
	if (quoted || !v || nid == NID_undef || (*at && *at != ',' && *at != '/') ||
	    X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, (uint8_t *)value, (int)v, -1, 0) != 1)
		return NULL;
	return *at ? at + 1 : at;
}

static int set_dn(struct espnic_ike_id *id, const char *dn, const char *text, char err[ESPNIC_IKE_TEXT])
{
	X509_NAME *name = X509_NAME_new();
	unsigned char *der = NULL;
	int len = -1, rc;

	if (*dn == '/')
		dn++;
	while (name && dn && *dn)
		dn = add_rdn(name, dn);
	if (name && dn)
		len = i2d_X509_NAME(name, &der);
	X509_NAME_free(name);
	if (len < 0)
		return complain(err, text, "not a distinguished name");
	rc = set(id, ESPNIC_IKE_ID_DN, der, (size_t)len, text, err);
	OPENSSL_free(der);
	return rc;
}

static int set_addr(struct espnic_ike_id *id, const char *at, unsigned int family, const char *text,
		    char err[ESPNIC_IKE_TEXT])
{
	struct espnic_ike_addr a;

	if (espnic_ike_addr_parse(&a, at) < 0 || (family && a.family != family))
		return complain(err, text, "not an address");
	return set(id, a.family == 4 ? ESPNIC_IKE_ID_IPV4 : ESPNIC_IKE_ID_IPV6, a.bytes, addr_len(&a), text, err);
}

static int parse_prefixed(struct espnic_ike_id *id, const char *text, char err[ESPNIC_IKE_TEXT])
{
	static const struct {
		const char *prefix;
		uint8_t type;
	} prefixes[] = {
		{ "ipv4:", ESPNIC_IKE_ID_IPV4 }, { "ipv6:", ESPNIC_IKE_ID_IPV6 }, { "fqdn:", ESPNIC_IKE_ID_FQDN },
		{ "dns:", ESPNIC_IKE_ID_FQDN }, { "email:", ESPNIC_IKE_ID_EMAIL }, { "rfc822:", ESPNIC_IKE_ID_EMAIL },
		{ "keyid:", ESPNIC_IKE_ID_KEY }, { "asn1dn:", ESPNIC_IKE_ID_DN },
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t len = strlen(prefixes[i].prefix);
		const char *rest = text + len;

		if (strncasecmp(text, prefixes[i].prefix, len) != 0)
			continue;
		if (prefixes[i].type == ESPNIC_IKE_ID_IPV4 || prefixes[i].type == ESPNIC_IKE_ID_IPV6)
			return set_addr(id, rest, prefixes[i].type == ESPNIC_IKE_ID_IPV4 ? 4 : 6, text, err);
		if (prefixes[i].type == ESPNIC_IKE_ID_DN)
			return set_dn(id, rest, text, err);
		return set(id, prefixes[i].type, rest, strlen(rest), text, err);
	}
	return 1;
}

int espnic_ike_id_parse(struct espnic_ike_id *id, const char *text, char err[ESPNIC_IKE_TEXT])
{
	struct espnic_ike_addr a;
	int rc;

	memset(id, 0, sizeof(*id));
	if (strcmp(text, "%any") == 0)
		return 0;
	rc = parse_prefixed(id, text, err);
	if (rc <= 0)
		return rc;
	if (espnic_ike_addr_parse(&a, text) == 0)
		return set_addr(id, text, 0, text, err);
	if (strncmp(text, "@#", 2) == 0)
		return set_hex(id, text + 2, text, err);
	if (*text == '@')
		return set(id, ESPNIC_IKE_ID_FQDN, text + 1, strlen(text + 1), text, err);
	if (strchr(text, '='))
		return set_dn(id, text, text, err);
	return set(id, strchr(text, '@') ? ESPNIC_IKE_ID_EMAIL : ESPNIC_IKE_ID_FQDN, text, strlen(text), text, err);
}

/* ------------------------------------------------------------------ text */

/* What can't be printed becomes `?`: an identity is a stranger's bytes. */
static const char *printable(char *out, size_t room, const uint8_t *data, size_t len)
{
	size_t n = 0;

	if (!room)
		return out;
	for (; n < len && n < room - 1; n++)
		out[n] = (char)(isprint(data[n]) ? data[n] : '?');
	out[n] = '\0';
	return out;
}

static const char *dn_text(const struct espnic_ike_id *id, char *out, size_t room)
{
	const unsigned char *der = id->data;
	X509_NAME *name = d2i_X509_NAME(NULL, &der, id->len);
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len;

	if (name && bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB & ~XN_FLAG_SPC_EQ) >= 0) {
		len = BIO_get_mem_data(bio, &text);
		printable(out, room, (uint8_t *)text, (size_t)len);
	} else {
		snprintf(out, room, "a distinguished name that is none");
	}
	BIO_free(bio);
	X509_NAME_free(name);
	return out;
}

const char *espnic_ike_id_text(const struct espnic_ike_id *id, char *out, size_t room)
{
	struct espnic_ike_addr a = { .family = id->type == ESPNIC_IKE_ID_IPV4 ? 4 : 6 };
	size_t n = 0;

	switch (id->type) {
	case ESPNIC_IKE_ID_ANY:
		snprintf(out, room, "%%any");
		return out;
	case ESPNIC_IKE_ID_IPV4:
	case ESPNIC_IKE_ID_IPV6:
		memcpy(a.bytes, id->data, addr_len(&a));
		return espnic_ike_addr_text(&a, out, room);
	case ESPNIC_IKE_ID_FQDN:
	case ESPNIC_IKE_ID_EMAIL:
		return printable(out, room, id->data, id->len);
	case ESPNIC_IKE_ID_DN:
		return dn_text(id, out, room);
	default:
		n = (size_t)snprintf(out, room, "@#");
		for (size_t i = 0; i < id->len && n + 2 < room; i++)
			n += (size_t)snprintf(out + n, room - n, "%02x", id->data[i]);
		return out;
	}
}

/* ------------------------------------------------------------------ matching */

/* `*` in front stands for any non-empty beginning; names compare without case. */
static bool name_matches(const struct espnic_ike_id *pattern, const struct espnic_ike_id *id)
{
	const char *p = (const char *)pattern->data, *s = (const char *)id->data;

	if (pattern->len && *p == '*') {
		size_t tail = pattern->len - 1u;

		return id->len > tail && strncasecmp(p + 1, s + id->len - tail, tail) == 0 && !memchr(s, 0, id->len);
	}
	return pattern->len == id->len && strncasecmp(p, s, id->len) == 0 && !memchr(s, 0, id->len);
}

static bool entry_matches(const X509_NAME_ENTRY *p, const X509_NAME_ENTRY *s)
{
	const ASN1_STRING *value = X509_NAME_ENTRY_get_data(p);
	bool match = false;
	X509_NAME *a, *b;

	if (OBJ_cmp(X509_NAME_ENTRY_get_object(p), X509_NAME_ENTRY_get_object(s)) != 0)
		return false;
	if (ASN1_STRING_length(value) == 1 && *ASN1_STRING_get0_data(value) == '*')
		return true;
	/* As X.509 compares them: without case, whatever string type. */
	a = X509_NAME_new();
	b = X509_NAME_new();
	if (a && b && X509_NAME_add_entry(a, p, -1, 0) == 1 && X509_NAME_add_entry(b, s, -1, 0) == 1)
		match = X509_NAME_cmp(a, b) == 0;
	X509_NAME_free(a);
	X509_NAME_free(b);
	return match;
}

static bool dn_matches(const struct espnic_ike_id *pattern, const struct espnic_ike_id *id)
{
	const unsigned char *pd = pattern->data, *sd = id->data;
	X509_NAME *p = d2i_X509_NAME(NULL, &pd, pattern->len), *s = d2i_X509_NAME(NULL, &sd, id->len);
	bool match = p && s && pd == pattern->data + pattern->len && sd == id->data + id->len &&
		     X509_NAME_entry_count(p) == X509_NAME_entry_count(s);

	for (int i = 0; match && i < X509_NAME_entry_count(p); i++)
		match = entry_matches(X509_NAME_get_entry(p, i), X509_NAME_get_entry(s, i));
	X509_NAME_free(p);
	X509_NAME_free(s);
	return match;
}

bool espnic_ike_id_matches(const struct espnic_ike_id *pattern, const struct espnic_ike_id *id)
{
	if (pattern->type == ESPNIC_IKE_ID_ANY)
		return true;
	if (pattern->type != id->type)
		return false;
	switch (id->type) {
	case ESPNIC_IKE_ID_FQDN:
	case ESPNIC_IKE_ID_EMAIL:
		return name_matches(pattern, id);
	case ESPNIC_IKE_ID_DN:
		return dn_matches(pattern, id);
	default:
		return pattern->len == id->len && memcmp(pattern->data, id->data, id->len) == 0;
	}
}
