// SPDX-License-Identifier: BSD-2-Clause
#include "kernel/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool espnic_addr_parse(const char *text, struct espnic_addr *out)
{
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, out->bytes) == 1)
		out->family = AF_INET;
	else if (inet_pton(AF_INET6, text, out->bytes) == 1)
		out->family = AF_INET6;
	return out->family;
}

/* Is every bit behind the first @len of @a 0? */
static bool masked(const struct espnic_addr *a, unsigned int len)
{
	unsigned int i;

	for (i = len; i < espnic_addr_bits(a->family); i++)
		if (a->bytes[i / 8] & (0x80 >> i % 8))
			return false;
	return true;
}

bool espnic_prefix_parse(const char *text, struct espnic_prefix *out)
{
	char addr[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	unsigned long bits;
	char *end;

	if (len >= sizeof(addr))
		return false;
	memcpy(addr, text, len);
	addr[len] = 0;
	if (!espnic_addr_parse(addr, &out->addr))
		return false;
	bits = espnic_addr_bits(out->addr.family);
	if (slash) {
		if (slash[1] < '0' || slash[1] > '9')
			return false;
		bits = strtoul(slash + 1, &end, 10);
		if (*end || bits > espnic_addr_bits(out->addr.family))
			return false;
	}
	out->len = (uint8_t)bits;
	return masked(&out->addr, out->len);
}

bool espnic_addr_equal(const struct espnic_addr *a, const struct espnic_addr *b)
{
	return a->family == b->family && !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool espnic_addr_is_multicast(const struct espnic_addr *a)
{
	return a->family == AF_INET ? a->bytes[0] >> 4 == 0xe :
				      a->family == AF_INET6 && a->bytes[0] == 0xff;
}

bool espnic_addr_is_any(const struct espnic_addr *a)
{
	static const uint8_t zero[sizeof(a->bytes)];

	return !memcmp(a->bytes, zero, sizeof(zero));
}

const char *espnic_addr_text(const struct espnic_addr *a, char *out, size_t len)
{
	if (!a->family || !inet_ntop(a->family, a->bytes, out, (socklen_t)len))
		snprintf(out, len, "-");
	return out;
}

const char *espnic_prefix_text(const struct espnic_prefix *p, char *out, size_t len)
{
	size_t used;

	espnic_addr_text(&p->addr, out, len);
	used = strlen(out);
	if (p->addr.family)
		snprintf(out + used, len - used, "/%u", p->len);
	return out;
}
