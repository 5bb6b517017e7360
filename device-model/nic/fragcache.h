/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was decided about the first fragment of an IP packet, so that the others,
 * which show no ports, share its fate (RFC 4301 section 7.3, stateful fragment
 * checking). Small and bounded: what does not fit is forgotten, the oldest first.
 * Several threads may use one: fragments of a packet may come by different queues.
 */
#ifndef ESPNIC_NIC_FRAGCACHE_H
#define ESPNIC_NIC_FRAGCACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"

enum espnic_fragcache_limits {
	ESPNIC_FRAGCACHE_SETS = 64,
	ESPNIC_FRAGCACHE_WAYS = 4,		/* packets a set remembers */
	/*
	 * As long as Linux waits for the rest of a packet (net.ipv4.ipfrag_time); RFC 791 says 15 s
	 * and more.
	 */
	ESPNIC_FRAGCACHE_MS = 30000,
};

struct espnic_fragcache;

/* NULL without memory. */
struct espnic_fragcache *espnic_fragcache_new(void);
void espnic_fragcache_free(struct espnic_fragcache *c);
/* Forgets everything. */
void espnic_fragcache_clear(struct espnic_fragcache *c);

/*
 * Remembers @verdict of the first fragment @flow (IPv4: source, destination, protocol and
 * identification; IPv6: without the protocol, RFC 8200 section 4.5). An older one of the same
 * packet is replaced: identifications are used again. @scope keeps apart packets that came
 * different ways: the handle of the SA they came out of, 0 for those in clear. @now_ms: any clock
 * that never goes back.
 */
void espnic_fragcache_put(struct espnic_fragcache *c, uint32_t scope,
			  const struct espnic_flow *flow, uint64_t now_ms, uint32_t verdict);

/* The verdict of the first fragment of the packet that @flow belongs to; false: not known. */
bool espnic_fragcache_get(struct espnic_fragcache *c, uint32_t scope,
			  const struct espnic_flow *flow, uint64_t now_ms, uint32_t *verdict);

#endif
