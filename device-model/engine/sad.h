/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SAs of the datapath (RFC 4301 section 4.4.2).
 *
 * Locking: none here. Readers hold steer->lock for reading as long as they use an
 * entry; insert, remove and changes to an entry happen under it for writing.
 */
#ifndef ESPNIC_ENGINE_SAD_H
#define ESPNIC_ENGINE_SAD_H

#include "engine/engine.h"

struct espnic_spd_policy;

struct espnic_sad_chain {
	struct espnic_sad_entry *next;
	struct espnic_sad_entry **prev;	/* what points here */
};

struct espnic_sad_entry {
	uint32_t handle;		/* the driver's: index | generation (espnic_regs.h); 0: free */
	uint32_t spi;			/* host order */
	uint32_t reqid;
	uint8_t dir;			/* enum espnic_sa_dir */
	uint8_t offload;		/* enum espnic_sa_offload */
	uint8_t mode;			/* enum espnic_sa_mode */
	uint8_t ip_proto;		/* ESPNIC_IPPROTO_ESP or ESPNIC_IPPROTO_AH */
	uint8_t family;			/* ESPNIC_IPV4 or ESPNIC_IPV6, of saddr and daddr */
	uint8_t saddr[16], daddr[16];	/* on the wire; all-zero saddr: any */
	bool has_sel;
	struct espnic_selector sel;
	bool udp_encap;
	uint16_t udp_sport, udp_dport;	/* on the wire */
	bool has_l2;			/* dst_mac and src_mac hold */
	uint8_t dst_mac[6], src_mac[6];
	bool dying;			/* another SA of the template is preferred */
	struct espnic_sa *sa;		/* the engine's; whoever removes the entry deletes it */

	/* The table's own from here. */
	uint64_t age;			/* insertion sequence: higher is newer */
	struct espnic_sad_chain chain[3]; /* inbound uses the first alone */
};

struct espnic_sad;

/* A table for handles with indices 1..@capacity. NULL without memory. */
struct espnic_sad *espnic_sad_new(uint32_t capacity);
/* Frees the table, not the engine's SAs; NULL is fine. */
void espnic_sad_free(struct espnic_sad *sad);

/*
 * Copies @e (its age and chains are ignored) into the slot its handle names; O(1),
 * allocates nothing. 0 and *@slot (may be NULL) the entry in the table, which stays
 * where it is until removed. -EINVAL: index out of range. -EEXIST: the slot is
 * taken, or an inbound SA of the same SPI, protocol, family and destination is there.
 */
int espnic_sad_insert(struct espnic_sad *sad, const struct espnic_sad_entry *e,
		      struct espnic_sad_entry **slot);
/* Takes @e out and clears it; O(1). The engine's SA is the caller's to delete: read @e->sa before. */
void espnic_sad_remove(struct espnic_sad *sad, struct espnic_sad_entry *e);

/* The entry of exactly this handle (index and generation), or NULL. */
struct espnic_sad_entry *espnic_sad_by_handle(struct espnic_sad *sad, uint32_t handle);

/* The inbound SA of a packet from the wire, or NULL. @ip_proto: ESP or AH. */
struct espnic_sad_entry *espnic_sad_lookup_in(struct espnic_sad *sad, uint32_t spi,
					      uint8_t ip_proto, uint8_t family,
					      const uint8_t daddr[16]);

/*
 * The outbound packet-offload SA for a clear packet @flow that PROTECT policy @p
 * covers, or NULL. It fits the template (protocol, mode, reqid and SPI if given; tunnel:
 * the template's addresses; transport: the packet's own) and has no selector or one that
 * surely matches. Those not dying come before dying ones, then the newest.
 */
struct espnic_sad_entry *espnic_sad_choose(struct espnic_sad *sad,
					   const struct espnic_spd_policy *p,
					   const struct espnic_flow *flow);

/* How many SAs are in the table. */
uint32_t espnic_sad_count(const struct espnic_sad *sad);
/* Any entry after @prev in table order (NULL: the first), NULL at the end: to empty the table. */
struct espnic_sad_entry *espnic_sad_next(struct espnic_sad *sad, const struct espnic_sad_entry *prev);

#endif
