// SPDX-License-Identifier: BSD-2-Clause
#include "conf/value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool fits(const struct espnic_conf_entry *e, const struct espnic_conf_node *n)
{
	switch (e->kind) {
	case ESPNIC_CONF_KEY:
		return n->value && !strcmp(e->name, n->name);
	case ESPNIC_CONF_SUB:
		return !n->value && !strcmp(e->name, n->name);
	case ESPNIC_CONF_SUBS:
		return !n->value && !strncmp(e->name, n->name, strlen(e->name));
	}
	return false;
}

static int fill_one(const struct espnic_conf_node *n, const struct espnic_conf_entry *table,
		    void *object, struct espnic_conf_error *err)
{
	const struct espnic_conf_entry *e;

	for (e = table; e->name && !fits(e, n); e++)
		;
	/* A section that others take from needs to be of no use by itself. */
	if (!e->name && n->template)
		return 0;
	if (!e->name)
		return espnic_conf_fail(err, n, "unknown %s", n->value ? "key" : "section");
	if (n->unset)
		return 0;
	if (!e->read)
		return espnic_conf_fail(err, n, "%s", (const char *)e->arg);
	return e->read(n, (char *)object + e->offset, e->arg, err);
}

int espnic_conf_fill(const struct espnic_conf_node *section, const struct espnic_conf_entry *table,
		     void *object, struct espnic_conf_error *err)
{
	const struct espnic_conf_node *n;

	for (n = section->first; n; n = n->next)
		if (fill_one(n, table, object, err))
			return -1;
	return 0;
}

/* ---- readers ---- */

/* A number with nothing behind it but one of @units; false if it is none or does not fit 64 bits. */
static bool number(const char *text, uint64_t *out, char *unit)
{
	int base = text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10;
	const char *digits = base == 16 ? text + 2 : text;
	char *end;

	if (!strchr(base == 16 ? "0123456789abcdefABCDEF" : "0123456789", digits[0]) || !digits[0])
		return false;
	errno = 0;
	*out = strtoull(digits, &end, base);
	*unit = *end;
	return !errno && (!*end || !end[1]);
}

static bool scaled(const char *text, const char *units, const uint64_t *scales, uint64_t *out)
{
	const char *at;
	char unit;

	if (!number(text, out, &unit))
		return false;
	if (!unit)
		return true;
	at = strchr(units, unit);
	return at && !__builtin_mul_overflow(*out, scales[at - units], out);
}

int espnic_conf_bool(const struct espnic_conf_node *node, void *field, const void *arg,
		     struct espnic_conf_error *err)
{
	static const char *const words[] = { "no",  "false", "disabled", "0",
					     "yes", "true",	 "enabled",  "1" };
	unsigned int i;

	(void)arg;
	for (i = 0; i < 8; i++) {
		if (!strcasecmp(node->value, words[i])) {
			*(bool *)field = i >= 4;
			return 0;
		}
	}
	return espnic_conf_fail(err, node, "'%.64s' is neither yes nor no", node->value);
}

int espnic_conf_u32(const struct espnic_conf_node *node, void *field, const void *arg,
		    struct espnic_conf_error *err)
{
	const struct espnic_conf_range *range = arg;
	uint64_t v;
	char unit;

	if (!number(node->value, &v, &unit) || unit || v < range->min || v > range->max)
		return espnic_conf_fail(err, node, "'%.64s' is no number from %u to %u", node->value,
					range->min, range->max);
	*(uint32_t *)field = (uint32_t)v;
	return 0;
}

int espnic_conf_count(const struct espnic_conf_node *node, void *field, const void *arg,
		      struct espnic_conf_error *err)
{
	static const uint64_t scales[] = { 1 << 10, 1 << 10, 1 << 20, 1 << 20, 1 << 30, 1 << 30 };

	(void)arg;
	if (!scaled(node->value, "kKmMgG", scales, field))
		return espnic_conf_fail(err, node, "'%.64s' is no count (a number, with k, M or G behind it or not)",
					node->value);
	return 0;
}

int espnic_conf_seconds(const struct espnic_conf_node *node, void *field, const void *arg,
			struct espnic_conf_error *err)
{
	static const uint64_t scales[] = { 1, 60, 3600, 86400 };

	(void)arg;
	if (!scaled(node->value, "smhd", scales, field))
		return espnic_conf_fail(err, node, "'%.64s' is no time (a number, with s, m, h or d behind it or not)",
					node->value);
	return 0;
}

/* "a, b or c" */
static void list_choices(const struct espnic_conf_choice *c, char *out, size_t len)
{
	size_t used = 0;

	for (; c->name && used < len; c++)
		if (!c->refuse)
			used += (size_t)snprintf(out + used, len - used, "%s%s", used ? ", " : "", c->name);
}

int espnic_conf_enum(const struct espnic_conf_node *node, void *field, const void *arg,
		     struct espnic_conf_error *err)
{
	const struct espnic_conf_choice *c;
	char names[160] = "";

	for (c = arg; c->name; c++) {
		if (strcmp(c->name, node->value) != 0)
			continue;
		if (c->refuse)
			return espnic_conf_fail(err, node, "%s: %s", c->name, c->refuse);
		*(int *)field = c->value;
		return 0;
	}
	list_choices(arg, names, sizeof(names));
	return espnic_conf_fail(err, node, "'%.48s' is none of: %s", node->value, names);
}

int espnic_conf_string(const struct espnic_conf_node *node, void *field, const void *arg,
		       struct espnic_conf_error *err)
{
	(void)arg;
	(void)err;
	*(const char **)field = node->value;
	return 0;
}

int espnic_conf_addr(const struct espnic_conf_node *node, void *field, const void *arg,
		     struct espnic_conf_error *err)
{
	(void)arg;
	if (!espnic_addr_parse(node->value, field))
		return espnic_conf_fail(err, node, "'%.64s' is no IPv4 or IPv6 address", node->value);
	return 0;
}

int espnic_conf_prefix(const struct espnic_conf_node *node, void *field, const void *arg,
		       struct espnic_conf_error *err)
{
	(void)arg;
	if (!espnic_prefix_parse(node->value, field))
		return espnic_conf_fail(err, node, "'%.64s' is no IPv4 or IPv6 prefix (no bits may be set behind it)",
					node->value);
	return 0;
}

int espnic_conf_mark(const struct espnic_conf_node *node, void *field, const void *arg,
		     struct espnic_conf_error *err)
{
	const char *slash = strchr(node->value, '/');
	struct espnic_mark *mark = field;
	uint64_t value, mask = UINT32_MAX;
	char head[32], unit;
	bool ok;

	(void)arg;
	snprintf(head, sizeof(head), "%.*s",
		 (int)(slash ? slash - node->value : (ptrdiff_t)strlen(node->value)), node->value);
	ok = number(head, &value, &unit) && !unit && value <= UINT32_MAX;
	if (slash)
		ok = ok && number(slash + 1, &mask, &unit) && !unit && mask <= UINT32_MAX;
	if (!ok || value & ~mask)
		return espnic_conf_fail(err, node, "'%.64s' is no mark (VALUE or VALUE/MASK, 32 bits, no bit of the value outside of the mask)",
					node->value);
	mark->value = (uint32_t)value;
	mark->mask = (uint32_t)mask;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int base64_digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Both return false for a wrong digit, a wrong length, or more than fits. */
static bool from_hex(const char *text, struct espnic_secret *out)
{
	size_t len = strlen(text), i;

	if (!len || len % 2 || len / 2 > sizeof(out->bytes))
		return false;
	for (i = 0; i < len; i++)
		if (hex_digit(text[i]) < 0)
			return false;
	for (i = 0; i < len / 2; i++)
		out->bytes[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
	out->len = (uint16_t)(len / 2);
	return true;
}

static bool from_base64(const char *text, struct espnic_secret *out)
{
	size_t len = strlen(text), digits = len, i;
	uint32_t bits = 0;

	while (digits && len - digits < 2 && text[digits - 1] == '=')
		digits--;
	if (!digits || digits % 4 == 1 || (len != digits && len % 4) || digits * 3 / 4 > sizeof(out->bytes))
		return false;
	out->len = 0;
	for (i = 0; i < digits; i++) {
		if (base64_digit(text[i]) < 0)
			return false;
		bits = bits << 6 | (uint32_t)base64_digit(text[i]);
		if (i % 4)
			out->bytes[out->len++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	/* What is left over of the last digit's bits is 0 (RFC 4648 section 3.5). */
	return !(digits % 4) || !(bits & ((1U << (digits % 4 == 2 ? 4 : 2)) - 1));
}

int espnic_conf_secret(const struct espnic_conf_node *node, void *field, const void *arg,
		       struct espnic_conf_error *err)
{
	const char *text = node->value;

	(void)arg;
	if ((!strncmp(text, "0x", 2) && from_hex(text + 2, field)) ||
	    (!strncmp(text, "0s", 2) && from_base64(text + 2, field)))
		return 0;
	return espnic_conf_fail(err, node, "no key: 0x and an even number of hexadecimal digits, or 0s and base64, of at most %d bytes",
				ESPNIC_SECRET_BYTES);
}
