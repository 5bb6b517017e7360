// SPDX-License-Identifier: BSD-2-Clause
/* Ranges of RFC 7296's traffic selectors as prefixes and masks. */
#include <stdio.h>
#include <string.h>

#include "kernel/child.h"

enum {
	PREFIXES = 16, /* of one range of addresses */
	PORTS = 16, /* of one range of ports */
};

struct mask {
	uint16_t value, mask;
};

static int fail(char *text, const char *why)
{
	snprintf(text, ESPNIC_XFRM_TEXT, "%s", why);
	return -1;
}

/* @a with the bits behind @len all @one. */
static void fill(struct espnic_addr *a, unsigned int len, bool one)
{
	unsigned int i;

	for (i = len; i < espnic_addr_bits(a->family); i++) {
		uint8_t bit = (uint8_t)(0x80 >> i % 8);

		a->bytes[i / 8] = (uint8_t)(one ? a->bytes[i / 8] | bit : a->bytes[i / 8] & ~bit);
	}
}

/* Add one; false if it was the last. */
static bool step(struct espnic_addr *a)
{
	unsigned int i = espnic_addr_bits(a->family) / 8;

	while (i--)
		if (++a->bytes[i])
			return true;
	return false;
}

/* The largest prefixes that make up the range, in order; -1 if they are too many. */
static int prefixes(const struct espnic_ike_ts *ts, struct espnic_prefix *out)
{
	struct espnic_addr at = { .family = ts->family == 4 ? AF_INET : AF_INET6 }, to = at, last;
	unsigned int len;
	int n = 0;

	memcpy(at.bytes, ts->from, espnic_addr_bits(at.family) / 8);
	memcpy(to.bytes, ts->to, espnic_addr_bits(at.family) / 8);
	if (memcmp(at.bytes, to.bytes, sizeof(at.bytes)) > 0)
		return -1;
	do {
		for (len = 0;; len++) {
			struct espnic_addr first = at;

			last = at;
			fill(&first, len, false);
			fill(&last, len, true);
			if (espnic_addr_equal(&first, &at) && memcmp(last.bytes, to.bytes, sizeof(to.bytes)) <= 0)
				break;
		}
		if (n == PREFIXES)
			return -1;
		out[n].addr = at;
		out[n++].len = (uint8_t)len;
		at = last;
	} while (!espnic_addr_equal(&last, &to) && step(&at));
	return n;
}

/* The same of ports. All of them are mask 0. */
static int masks(uint32_t from, uint32_t to, struct mask *out)
{
	uint32_t size;
	int n = 0;

	if (from > to)
		return -1;
	for (; from <= to; from += size) {
		for (size = 1; from % (2 * size) == 0 && from + 2 * size - 1 <= to && size <= UINT16_MAX; size *= 2)
			;
		if (n == PORTS)
			return -1;
		out[n].value = (uint16_t)from;
		out[n++].mask = (uint16_t)~(size - 1);
	}
	return n;
}

/* RFC 7296 section 3.13.1: of ICMP, type and code stand in a port. Linux has them as source and destination port. */
static int icmp(const struct espnic_ike_ts *l, const struct espnic_ike_ts *r, struct mask *s, struct mask *d, char *text)
{
	const struct espnic_ike_ts *ts = l->port_from == 0 && l->port_to == UINT16_MAX ? r : l;

	*s = *d = (struct mask){ 0, 0 };
	if (ts->port_from == 0 && ts->port_to == UINT16_MAX)
		return 0;
	s->value = ts->port_from >> 8;
	s->mask = UINT16_MAX;
	if (ts->port_from == ts->port_to) {
		d->value = ts->port_from & 0xff;
		d->mask = UINT16_MAX;
		return 0;
	}
	if (ts->port_from >> 8 == ts->port_to >> 8 && !(ts->port_from & 0xff) && (ts->port_to & 0xff) == 0xff)
		return 0;
	return fail(text, "a range of ICMP types can't be had");
}

static int pair(const struct espnic_ike_ts *l, const struct espnic_ike_ts *r, struct espnic_xfrm_selector *out, int n,
		char *text)
{
	struct espnic_prefix src[PREFIXES], dst[PREFIXES];
	struct mask sport[PORTS], dport[PORTS];
	uint8_t proto = l->proto ? l->proto : r->proto;
	int ns = prefixes(l, src), nd = prefixes(r, dst), nsp, ndp, i, j, k, m;

	if (l->port_from > l->port_to || r->port_from > r->port_to)
		return fail(text, "OPAQUE ports can't be had");
	if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6) {
		if (icmp(l, r, sport, dport, text))
			return -1;
		nsp = ndp = 1;
	} else {
		nsp = masks(l->port_from, l->port_to, sport);
		ndp = masks(r->port_from, r->port_to, dport);
	}
	if (ns < 0 || nd < 0 || nsp < 0 || ndp < 0 || n + ns * nd * nsp * ndp > ESPNIC_CHILD_SELECTORS)
		return fail(text, "the traffic selectors would take too many policies: use prefixes");
	for (i = 0; i < ns; i++)
		for (j = 0; j < nd; j++)
			for (k = 0; k < nsp; k++)
				for (m = 0; m < ndp; m++)
					out[n++] = (struct espnic_xfrm_selector){
						.src = src[i], .dst = dst[j], .proto = proto,
						.sport = sport[k].value, .sport_mask = sport[k].mask,
						.dport = dport[m].value, .dport_mask = dport[m].mask,
					};
	return n;
}

int espnic_child_selectors(const struct espnic_ike_ts *local, unsigned int n_local, const struct espnic_ike_ts *remote,
			   unsigned int n_remote, struct espnic_xfrm_selector *out, char *text)
{
	unsigned int i, j;
	int n = 0;

	for (i = 0; i < n_local; i++) {
		for (j = 0; j < n_remote; j++) {
			/* those of two families, or of two protocols, meet no packet */
			if (local[i].family != remote[j].family ||
			    (local[i].proto && remote[j].proto && local[i].proto != remote[j].proto))
				continue;
			n = pair(&local[i], &remote[j], out, n, text);
			if (n < 0)
				return -1;
		}
	}
	return n ? n : fail(text, "the traffic selectors meet no packet");
}
