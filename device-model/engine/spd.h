/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SPD (RFC 4301 section 4.4.1): policies ordered by direction, priority and
 * insertion; the first match decides; none is BYPASS.
 *
 * A lookup costs a hash probe for each prefix length in use, and one for each shape of policy
 * (prefix lengths, protocol or not, size of the port ranges) that could hold a better match than
 * found so far: not more with more policies of the same shapes. Within a shape the steps grow with the logarithm of the
 * number of policies, whatever their ranks and their ranges of sources or of destinations; where both ranges of many
 * policies with the same prefixes overlap without being aligned blocks, in the worst case with that number.
 * Shapes are at most as many as policies; and as pairs of prefix lengths in use (IPv4: 1,089, IPv6: 16,641) by 2, with a
 * protocol or not, by 361 of port ranges.
 * classify.h says how.
 *
 * Locking: as sad.h. The counters of a policy are atomic: readers add to them.
 */
#ifndef ESPNIC_ENGINE_SPD_H
#define ESPNIC_ENGINE_SPD_H

#include <stdatomic.h>

#include "engine/engine.h"

struct espnic_sad_entry;

enum espnic_spd_dir {
	ESPNIC_SPD_IN,		/* from the wire to this host */
	ESPNIC_SPD_OUT,		/* to the wire */
	ESPNIC_SPD_FWD,		/* from the wire, to be forwarded by this host */
	ESPNIC_SPD_DIRS
};

enum espnic_spd_action { ESPNIC_SPD_BYPASS, ESPNIC_SPD_DISCARD, ESPNIC_SPD_PROTECT };

struct espnic_spd_template {		/* PROTECT alone */
	uint8_t mode;			/* enum espnic_sa_mode */
	uint8_t ip_proto;		/* ESPNIC_IPPROTO_ESP or ESPNIC_IPPROTO_AH */
	uint8_t family;			/* tunnel: of saddr and daddr */
	uint32_t reqid;			/* 0: any */
	uint32_t spi;			/* 0: any */
	uint8_t saddr[16], daddr[16];	/* tunnel: outer addresses, all zero: any */
};

/* Where a policy stands in one classifier. */
struct espnic_spd_place {
	uint32_t left, right;		/* policies, in the tree of its cell; 0: none */
	uint32_t tuple_left, tuple_right; /* in the tree of its tuple */
	uint32_t cell, tuple;
};

/* The ports of all policies of a subtree of a cell lie between these; sources, destinations. */
struct espnic_spd_hull {
	uint16_t min[2], max[2];
};

/* How much of a packet is to be seen; there is a classifier for each. */
enum espnic_spd_view {
	ESPNIC_SPD_SEEN,		/* protocol and ports, or a protocol that has none */
	ESPNIC_SPD_NO_PORTS,		/* a later fragment, or a transport header cut short */
	ESPNIC_SPD_NO_PROTO,		/* a later IPv6 fragment: the protocol is in the first */
	ESPNIC_SPD_VIEWS
};

/* What a lookup compares stands in front, in two cache lines. */
struct espnic_spd_policy {
	uint32_t id;			/* the driver's, 1..capacity; 0: free */
	uint32_t priority;		/* lower first */
	struct espnic_selector sel;
	uint8_t dir;			/* enum espnic_spd_dir */
	uint8_t action;			/* enum espnic_spd_action */
	bool discard;			/* being deleted: DISCARD whatever action says */

	/* The table's own. */
	uint64_t age;			/* insertion sequence: lower is older, and comes first */
	struct espnic_spd_hull hull;
	struct espnic_spd_place place[ESPNIC_SPD_VIEWS];
	uint32_t shake;			/* random: what keeps the trees flat */
	uint32_t src_id, dst_id;	/* of its prefixes */

	struct espnic_spd_template tmpl;
	_Atomic uint64_t packets, bytes, no_sa;
};

enum espnic_spd_result {
	ESPNIC_SPD_NONE,		/* no policy: BYPASS outbound and for clear packets */
	ESPNIC_SPD_MATCH,		/* *policy decides */
	ESPNIC_SPD_AMBIGUOUS,		/* *policy might, but the packet does not show its ports */
};

struct espnic_spd;

enum { ESPNIC_SPD_CAPACITY_MAX = 1 << 20 };

/* A table for policy ids 1..@capacity (ESPNIC_SPD_CAPACITY_MAX at most). NULL without memory or randomness. */
struct espnic_spd *espnic_spd_new(uint32_t capacity);
void espnic_spd_free(struct espnic_spd *spd);

/*
 * Copies @p (its counters start at 0) into the slot of its id; O(log policies) and a move of at
 * most four bytes a shape, allocates nothing. 0; -EINVAL: id, direction, family, prefix or port
 * range out of range; -EEXIST.
 */
int espnic_spd_insert(struct espnic_spd *spd, const struct espnic_spd_policy *p);
void espnic_spd_remove(struct espnic_spd *spd, struct espnic_spd_policy *p);
/* Forgets everything. */
void espnic_spd_clear(struct espnic_spd *spd);
uint32_t espnic_spd_count(const struct espnic_spd *spd);

/* The policy of that id, or NULL. */
struct espnic_spd_policy *espnic_spd_by_id(struct espnic_spd *spd, uint32_t id);

/* What @p does now. */
static inline enum espnic_spd_action espnic_spd_action(const struct espnic_spd_policy *p)
{
	return p->discard ? ESPNIC_SPD_DISCARD : (enum espnic_spd_action)p->action;
}

/*
 * The first policy of @dir that @flow matches. AMBIGUOUS when a policy before any sure
 * match fits but for ports (or ICMP type and code) that the packet should have and
 * does not show: a non-first fragment, or a transport header cut short. The caller then
 * knows the verdict of the first fragment, or drops. *@policy is NULL with NONE.
 */
enum espnic_spd_result espnic_spd_lookup(const struct espnic_spd *spd, enum espnic_spd_dir dir,
					 const struct espnic_flow *flow,
					 struct espnic_spd_policy **policy);

/* The same for @n flows of one direction, their memory fetched side by side. */
void espnic_spd_lookup_burst(const struct espnic_spd *spd, enum espnic_spd_dir dir,
			     const struct espnic_flow *const *flows,
			     struct espnic_spd_policy **policies,
			     enum espnic_spd_result *results, unsigned int n);

/*
 * Whether the packet @flow that came out of inbound SA @e may pass (RFC 4301 section
 * 5.2 step 4): the first match in direction IN, or that in FWD, is PROTECT with a
 * template that @e fits. MATCH and *@policy; NONE: drop; AMBIGUOUS: ports decide and are
 * not there.
 */
enum espnic_spd_result espnic_spd_check_inbound(const struct espnic_spd *spd,
						const struct espnic_flow *flow,
						const struct espnic_sad_entry *e,
						struct espnic_spd_policy **policy);

/* The same for @n packets, their memory fetched side by side; @sas[i] is that of @flows[i]. */
void espnic_spd_check_inbound_burst(const struct espnic_spd *spd,
				    const struct espnic_flow *const *flows,
				    const struct espnic_sad_entry *const *sas,
				    struct espnic_spd_policy **policies,
				    enum espnic_spd_result *results, unsigned int n);

/*
 * Whether @e fits the template of @p for the clear packet @flow: protocol, mode,
 * reqid, SPI; tunnel: outer addresses; transport: the packet's own.
 */
bool espnic_spd_template_fits(const struct espnic_spd_policy *p, const struct espnic_sad_entry *e,
			      const struct espnic_flow *flow);

/* Counts one packet of @bytes bytes that @p decided. */
static inline void espnic_spd_count_packet(struct espnic_spd_policy *p, uint32_t bytes)
{
	atomic_fetch_add_explicit(&p->packets, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&p->bytes, bytes, memory_order_relaxed);
}

#endif
