/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses and prefixes of IPv4 and IPv6, as text and as bytes. */
#ifndef ESPNIC_IKE_KERNEL_ADDR_H
#define ESPNIC_IKE_KERNEL_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ESPNIC_ADDR_TEXT = INET6_ADDRSTRLEN + 4 }; /* bytes for an address or prefix as text */

struct espnic_addr {
	uint8_t family; /* AF_INET, AF_INET6; 0: none */
	uint8_t bytes[16]; /* network order; IPv4 in the first 4, the rest 0 */
};

struct espnic_prefix {
	struct espnic_addr addr; /* no bits set behind the first @len */
	uint8_t len; /* bits */
};

/* Bits of an address of @family. */
static inline unsigned int espnic_addr_bits(int family)
{
	return family == AF_INET ? 32 : family == AF_INET6 ? 128 : 0;
}

/* Parse an address without anything around it; false if it is none. */
bool espnic_addr_parse(const char *text, struct espnic_addr *out);

/*
 * Parse ADDRESS or ADDRESS/BITS; false if it is none. Bits behind the prefix are an error, as
 * they are for the kernel's own tools.
 */
bool espnic_prefix_parse(const char *text, struct espnic_prefix *out);

bool espnic_addr_equal(const struct espnic_addr *a, const struct espnic_addr *b);
bool espnic_addr_is_multicast(const struct espnic_addr *a);
/* All zeros, or none. */
bool espnic_addr_is_any(const struct espnic_addr *a);

/* Write as text, cut to @len bytes; "-" for none. Both return @out. */
const char *espnic_addr_text(const struct espnic_addr *a, char *out, size_t len);
const char *espnic_prefix_text(const struct espnic_prefix *p, char *out, size_t len);

#endif
