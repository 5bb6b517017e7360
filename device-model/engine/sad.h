/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SAs of the datapath (RFC 4301 section 4.4.2).
 *
 * Built for a million of them: a lookup reads as much memory as with a thousand (one line of an
 * index, one of the entry), insert and remove take the same bounded time, and what
 * a sender may choose is hashed under a secret.
 *
 * Locking: none here. Readers hold steer->lock for reading as long as they use an
 * entry; insert, remove and changes to an entry happen under it for writing.
 */
#ifndef ESPNIC_ENGINE_SAD_H
#define ESPNIC_ENGINE_SAD_H

#include "engine/engine.h"

struct espnic_spd_policy;

/* What a packet must share with an inbound SA to be its (RFC 4301 section 4.1), besides protocol and family. */
enum espnic_sad_match {
	ESPNIC_SAD_SPI_DST,		/* SPI and destination address */
	ESPNIC_SAD_SPI,			/* the SPI alone; daddr is not looked at */
	ESPNIC_SAD_SPI_DST_SRC,		/* SPI, destination and source: many senders to one group */
	ESPNIC_SAD_MATCHES
};

struct espnic_sad_chain {		/* by table index, 0: none */
	uint32_t next, prev;
};

/* The kinds of chains that an outbound SA stands in: one for each kind of template. */
enum espnic_sad_chains {
	ESPNIC_SAD_BY_DADDR_REQID,	/* the usual template */
	ESPNIC_SAD_BY_DADDR,		/* reqid 0 */
	ESPNIC_SAD_BY_REQID,		/* tunnel to any address */
	ESPNIC_SAD_BY_NOTHING,		/* neither of them given */
	ESPNIC_SAD_CHAINS
};

/*
 * A million of these are kept: 160 bytes, and what a lookup compares and its user wants first is in
 * the first 32, which share a cache line.
 */
struct espnic_sad_entry {
	uint32_t spi;			/* host order */
	uint8_t ip_proto;		/* ESPNIC_IPPROTO_ESP or ESPNIC_IPPROTO_AH */
	uint8_t family;			/* ESPNIC_IPV4 or ESPNIC_IPV6, of saddr and daddr */
	uint8_t match;			/* enum espnic_sad_match; inbound */
	uint8_t offload;		/* enum espnic_sa_offload */
	uint8_t daddr[16];		/* on the wire */
	struct espnic_sa *sa;		/* the engine's; whoever removes the entry deletes it */

	uint32_t handle;		/* the driver's: index | generation (espnic_regs.h); 0: free */
	uint32_t reqid;
	uint8_t saddr[16];		/* on the wire; all-zero: any */
	uint8_t dir;			/* enum espnic_sa_dir */
	uint8_t mode;			/* enum espnic_sa_mode */
	bool dying;			/* another SA of the template is preferred */
	bool udp_encap;
	uint16_t udp_sport, udp_dport;	/* on the wire */
	struct espnic_selector sel;
	bool has_sel;
	bool has_l2;			/* dst_mac and src_mac hold */
	uint8_t dst_mac[6], src_mac[6];

	/* The table's own from here. */
	struct espnic_sad_chain chain[ESPNIC_SAD_CHAINS]; /* outbound */
};

enum espnic_sad_sizes {
	ESPNIC_SAD_ENTRY_SIZE = 160,	/* bytes, at the most */
	ESPNIC_SAD_KEY_SIZE = 32,	/* bytes of an entry up to the handle */
};

struct espnic_sad;

/* A table for handles with indices 1..@capacity. NULL without memory or randomness. */
struct espnic_sad *espnic_sad_new(uint32_t capacity);
/* Frees the table, not the engine's SAs; NULL is fine. */
void espnic_sad_free(struct espnic_sad *sad);
/* Bytes of memory the table takes when full, all indices included. */
size_t espnic_sad_bytes(const struct espnic_sad *sad);

/*
 * Copies @e (its chains are ignored) into the slot its handle names; O(1), allocates
 * nothing. 0 and *@slot (may be NULL) the entry in the table, which stays where it is until
 * removed. -EINVAL: index or match out of range, or no source to match. -EEXIST: the slot
 * is taken, or an inbound SA that the same packets match is there.
 */
int espnic_sad_insert(struct espnic_sad *sad, const struct espnic_sad_entry *e,
		      struct espnic_sad_entry **slot);
/* Takes @e out and clears it; O(1). The engine's SA is the caller's to delete: read @e->sa before. */
void espnic_sad_remove(struct espnic_sad *sad, struct espnic_sad_entry *e);

/* The entry of exactly this handle (index and generation), or NULL. */
struct espnic_sad_entry *espnic_sad_by_handle(struct espnic_sad *sad, uint32_t handle);

/* What a packet from the wire shows of its SA. Addresses: 16 bytes, as in struct espnic_flow. */
struct espnic_sad_key {
	uint32_t spi;
	uint8_t ip_proto;		/* ESPNIC_IPPROTO_ESP or ESPNIC_IPPROTO_AH */
	uint8_t family;
	const uint8_t *daddr, *saddr;
};

/*
 * The inbound SA of a packet, or NULL. The longest match wins (RFC 4301 section 4.1): SPI,
 * destination and source; then SPI and destination; then the SPI.
 */
struct espnic_sad_entry *espnic_sad_find(struct espnic_sad *sad, const struct espnic_sad_key *key);

/* The same for @n packets, their memory fetched side by side; @found[i] is that of @keys[i]. */
void espnic_sad_find_burst(struct espnic_sad *sad, const struct espnic_sad_key *keys,
			   struct espnic_sad_entry **found, unsigned int n);

/*
 * The outbound packet-offload SA for a clear packet @flow that PROTECT policy @p
 * covers, or NULL. It fits the template (protocol, mode, reqid and SPI if given; tunnel:
 * the template's addresses; transport: the packet's own) and has no selector or one that
 * surely matches. Those not dying come before dying ones, then the newest. Looks at the SAs of that
 * destination and reqid from the newest on, and stops at the first that fits and is not dying.
 */
struct espnic_sad_entry *espnic_sad_choose(struct espnic_sad *sad,
					   const struct espnic_spd_policy *p,
					   const struct espnic_flow *flow);

/* The same for @n packets, their memory fetched side by side; @chosen[i] is that of @policies[i] and @flows[i]. */
void espnic_sad_choose_burst(struct espnic_sad *sad, const struct espnic_spd_policy *const *policies,
			     const struct espnic_flow *const *flows,
			     struct espnic_sad_entry **chosen, unsigned int n);

/* How many SAs are in the table. */
uint32_t espnic_sad_count(const struct espnic_sad *sad);
/*
 * Any entry after @prev in table order (NULL: the first), NULL at the end. @prev may have been
 * removed meanwhile: so a table is emptied in one pass.
 */
struct espnic_sad_entry *espnic_sad_next(struct espnic_sad *sad, const struct espnic_sad_entry *prev);

#endif
