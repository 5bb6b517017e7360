// SPDX-License-Identifier: BSD-2-Clause
/* Lists, and traffic selectors as swanctl.conf(5) writes them. */
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conns.h"

enum {
	WORD = 256, /* bytes of one word of a list, its end included */
};

int espnic_conf_list(const struct espnic_conf_node *node,
		     int (*each)(const struct espnic_conf_node *node, const char *word, void *ctx,
				 struct espnic_conf_error *err),
		     void *ctx, struct espnic_conf_error *err)
{
	const char *p = node->value, *end;
	char word[WORD];
	size_t len;
	int rc;

	for (;; p = end + 1) {
		end = p + strcspn(p, ",");
		while (p < end && isspace((unsigned char)*p))
			p++;
		for (len = (size_t)(end - p); len && isspace((unsigned char)p[len - 1]); len--)
			;
		if (!len)
			return espnic_conf_fail(err, node, "an empty word in a list");
		if (len >= sizeof(word))
			return espnic_conf_fail(err, node, "a word longer than %d bytes in a list", WORD - 1);
		memcpy(word, p, len);
		word[len] = 0;
		rc = each(node, word, ctx, err);
		if (rc || !*end)
			return rc;
	}
}

static bool protocol(const char *name, uint8_t *out)
{
	static const struct {
		const char *name;
		uint8_t number;
	} known[] = {
		{ "any", 0 }, { "icmp", IPPROTO_ICMP }, { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP },
		{ "gre", IPPROTO_GRE }, { "sctp", IPPROTO_SCTP }, { "ipv6-icmp", IPPROTO_ICMPV6 },
		{ "icmpv6", IPPROTO_ICMPV6 }, { "dccp", IPPROTO_DCCP },
	};
	unsigned long v;
	char *end;
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!strcmp(name, known[i].name)) {
			*out = known[i].number;
			return true;
		}
	}
	v = strtoul(name, &end, 10);
	*out = (uint8_t)v;
	return *name >= '0' && *name <= '9' && !*end && v <= 255;
}

static bool port_range(const char *text, struct espnic_ike_ts *ts)
{
	unsigned long from, to;
	char *end;

	if (!strcmp(text, "any"))
		return true;
	if (!strcmp(text, "opaque")) {
		ts->port_from = UINT16_MAX;
		ts->port_to = 0;
		return true;
	}
	if (*text < '0' || *text > '9')
		return false;
	from = to = strtoul(text, &end, 10);
	if (*end == '-' && end[1] >= '0' && end[1] <= '9')
		to = strtoul(end + 1, &end, 10);
	ts->port_from = (uint16_t)from;
	ts->port_to = (uint16_t)to;
	return !*end && from <= to && to <= UINT16_MAX;
}

/* [PROTOCOL/PORT], [PROTOCOL]; @text is behind the bracket, and is cut up. */
static int read_upper(const struct espnic_conf_node *node, char *text, struct espnic_ike_ts *ts,
		      struct espnic_conf_error *err)
{
	char *close = strchr(text, ']'), *slash;

	if (!close || close[1])
		return espnic_conf_fail(err, node, "a traffic selector ends in ']' if it has '['");
	*close = 0;
	slash = strchr(text, '/');
	if (slash)
		*slash = 0;
	if (!protocol(text, &ts->proto))
		return espnic_conf_fail(err, node, "'%.32s' is no protocol (a number, or one of tcp, udp, icmp, ipv6-icmp, sctp, dccp, gre)",
					text);
	if (slash && !port_range(slash + 1, ts))
		return espnic_conf_fail(err, node, "'%.32s' is no port and no range of ports (numbers, any, opaque)",
					slash + 1);
	return 0;
}

/* The addresses @prefix has. */
static void spread(const struct espnic_prefix *prefix, struct espnic_ike_ts *ts)
{
	unsigned int i, bits = espnic_addr_bits(prefix->addr.family);

	ts->family = bits == 32 ? 4 : 6;
	memcpy(ts->from, prefix->addr.bytes, sizeof(ts->from));
	memcpy(ts->to, prefix->addr.bytes, sizeof(ts->to));
	for (i = prefix->len; i < bits; i++)
		ts->to[i / 8] |= (uint8_t)(0x80 >> i % 8);
}

static int read_addresses(const struct espnic_conf_node *node, char *text, struct espnic_ike_ts *ts,
			  struct espnic_conf_error *err)
{
	struct espnic_addr from, to;
	struct espnic_prefix prefix;
	char *dash = strchr(text, '-');

	if (!*text || !strcmp(text, "dynamic")) {
		ts->dynamic = true;
		return 0;
	}
	if (!dash && espnic_prefix_parse(text, &prefix)) {
		spread(&prefix, ts);
		return 0;
	}
	if (dash) {
		*dash = 0;
		if (espnic_addr_parse(text, &from) && espnic_addr_parse(dash + 1, &to) && from.family == to.family &&
		    memcmp(from.bytes, to.bytes, sizeof(from.bytes)) <= 0) {
			ts->family = from.family == AF_INET ? 4 : 6;
			memcpy(ts->from, from.bytes, sizeof(ts->from));
			memcpy(ts->to, to.bytes, sizeof(ts->to));
			return 0;
		}
		*dash = '-';
	}
	return espnic_conf_fail(err, node, "'%.64s' is no prefix, no range of addresses and not 'dynamic'", text);
}

/* Where the last byte of an address is. */
static unsigned int last_byte(const struct espnic_ike_ts *ts)
{
	return ts->family == 4 ? 3 : 15;
}

int espnic_conf_pool_addrs(const struct espnic_conf_node *node, void *field, const void *arg, struct espnic_conf_error *err)
{
	struct espnic_ike_pool_conf *pool = field;
	struct espnic_ike_ts ts = { 0 };
	char text[WORD];
	unsigned int last;

	(void)arg;
	if (!strcmp(node->value, "dynamic") || strlen(node->value) >= sizeof(text))
		return espnic_conf_fail(err, node, "'%.64s' is no prefix and no range of addresses", node->value);
	snprintf(text, sizeof(text), "%s", node->value);
	if (read_addresses(node, text, &ts, err))
		return -1;
	last = last_byte(&ts);
	/* a network's own address is nobody's, nor is its broadcast address; of two there is neither (RFC 3021) */
	if (strchr(node->value, '/') && (memcmp(ts.from, ts.to, last) != 0 || ts.to[last] - ts.from[last] > 1)) {
		ts.from[last]++;
		ts.to[last] = (uint8_t)(ts.to[last] - (ts.family == 4));
	}
	pool->from.family = pool->to.family = ts.family;
	memcpy(pool->from.bytes, ts.from, sizeof(ts.from));
	memcpy(pool->to.bytes, ts.to, sizeof(ts.to));
	if (!espnic_ike_vip_good(&pool->from) || !espnic_ike_vip_good(&pool->to))
		return espnic_conf_fail(err, node, "'%.64s' has addresses that no host may have", node->value);
	return 0;
}

static int one_ts(const struct espnic_conf_node *node, const char *word, void *ctx, struct espnic_conf_error *err)
{
	struct espnic_conf_ts *list = ctx;
	struct espnic_ike_ts *ts;
	char text[WORD], *bracket;

	if (list->n == ESPNIC_IKE_TS)
		return espnic_conf_fail(err, node, "more than %d traffic selectors", ESPNIC_IKE_TS);
	ts = &list->ts[list->n++];
	memset(ts, 0, sizeof(*ts));
	ts->port_to = UINT16_MAX;
	snprintf(text, sizeof(text), "%s", word);
	bracket = strchr(text, '[');
	if (bracket) {
		*bracket = 0;
		if (read_upper(node, bracket + 1, ts, err))
			return -1;
	}
	return read_addresses(node, text, ts, err);
}

int espnic_conf_ts(const struct espnic_conf_node *node, void *field, const void *arg, struct espnic_conf_error *err)
{
	struct espnic_conf_ts *list = field;

	(void)arg;
	list->n = 0;
	return espnic_conf_list(node, one_ts, list, err);
}
