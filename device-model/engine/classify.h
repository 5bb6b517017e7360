/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which policy decides: tuple space search (Srinivasan, Suri, Varghese: "Packet classification
 * using tuple space search") with the lengths of prefixes looked up first. Only for spd.c.
 *
 * A prefix of either side is one object, found by a hash of (side, length, bits). The policies of
 * one tuple have the same lengths of prefixes, all a protocol or none, and port ranges that fit the
 * same size of aligned block; those that agree in the bits, too, stand in one cell. A lookup finds the
 * prefixes that cover the packet, one probe a length in use, and which two of them some policy
 * has together; then it goes over the tuples of these
 * lengths, the one with the best policy first, and probes for the one cell in each that
 * the packet may be in; it ends when no tuple left has anything better than what was found. Within
 * a cell policies stand in a tree by rank (priority, age), and the first that really fits is taken:
 * mostly the first of all. Each node knows between which ports all below it lie. A range that is not the whole
 * block around it has the middle of the block within, so that for a port in the lower half only the
 * minimum counts, in the upper half only the maximum: what lies below a node says surely whether
 * one of them fits, and the first is found without looking at others.
 */
#ifndef ESPNIC_ENGINE_CLASSIFY_H
#define ESPNIC_ENGINE_CLASSIFY_H

#include "engine/hindex.h"
#include "engine/spd.h"

enum espnic_classify_sizes {
	ESPNIC_PREFIX_LENGTHS = 129,	/* 0..128 */
	ESPNIC_FAMILIES = 2,
	ESPNIC_QUERY_LENGTHS = 16,	/* of a side, up to which pairs are asked for but once */
	ESPNIC_QUERY_HASHES = 12,	/* cells of a query worth fetching ahead */
};

enum espnic_side { ESPNIC_SIDE_SRC, ESPNIC_SIDE_DST, ESPNIC_SIDES };

struct espnic_prefix {
	uint8_t addr[16];		/* masked */
	uint8_t dir, side, family, len;
	uint32_t refs;			/* policies that have it; 0: free, and next is the next free one */
	uint32_t next;
};

/* The lengths in use of one direction, family and side; their order is that of ids in a query. */
struct espnic_lengths {
	unsigned int n;
	uint8_t len[ESPNIC_PREFIX_LENGTHS];
	uint8_t at[ESPNIC_PREFIX_LENGTHS];	/* where a length in use stands in len */
	uint32_t refs[ESPNIC_PREFIX_LENGTHS];	/* prefixes of that length */
};

struct espnic_pair {			/* two prefixes that some policy has */
	uint32_t src_id, dst_id;
	uint32_t refs;			/* free: the next free one */
};

struct espnic_prefixes {
	struct espnic_hindex index;
	struct espnic_hindex pair_index;
	struct espnic_pair *pairs;
	uint32_t pairs_used, pairs_free;
	struct espnic_prefix *v;	/* 1..capacity of the index */
	uint32_t used, free;		/* highest number ever given; list of free ones */
	struct espnic_lengths lengths[ESPNIC_SPD_DIRS][ESPNIC_FAMILIES][ESPNIC_SIDES];
};

struct espnic_tuple {			/* the shape of policies */
	uint32_t root;			/* of the tree of all its policies; free: the next free one */
	uint32_t best;			/* the first of these */
	uint8_t dir, family, src_len, dst_len;
	bool proto;			/* they name one */
	uint8_t sport_bits, dport_bits;	/* of the aligned blocks around their port ranges */
	uint8_t ports[2];		/* enum espnic_ports_kind, of sources and destinations */
};

enum espnic_ports_kind { ESPNIC_PORTS_ANY, ESPNIC_PORTS_RANGE, ESPNIC_PORTS_OPAQUE };

struct espnic_cell {
	uint32_t root;			/* free: the next free one */
	uint32_t tuple, src_id, dst_id;
	uint16_t sport, dport;		/* the blocks */
	uint8_t proto;
};

/* The policies of all directions, as far as one view of packets can tell them apart. */
struct espnic_classifier {
	enum espnic_spd_view view;
	struct espnic_spd_policy *policies;	/* the table's */
	struct espnic_hindex tuple_index, cell_index;
	struct espnic_tuple *tuples;
	struct espnic_cell *cells;
	uint32_t tuples_used, tuples_free, cells_used, cells_free;
	uint32_t *order[ESPNIC_SPD_DIRS];	/* tuples, that with the best policy first */
	uint32_t n_order[ESPNIC_SPD_DIRS];
	uint32_t capacity;
};

/* ---- prefix.c ---- */

/* Room for @capacity prefixes, and for half as many pairs. 0 or a negative errno. */
int espnic_prefixes_init(struct espnic_prefixes *ps, uint32_t capacity);
void espnic_prefixes_free(struct espnic_prefixes *ps);
void espnic_prefixes_clear(struct espnic_prefixes *ps);

/* The number of that prefix, with one user more. There is room: the caller has seen to it. */
uint32_t espnic_prefix_get(struct espnic_prefixes *ps, enum espnic_spd_dir dir, uint8_t family,
			   enum espnic_side side, const uint8_t addr[16], uint8_t len);
/* One user less. */
void espnic_prefix_put(struct espnic_prefixes *ps, uint32_t id);

/* That a policy has these two, or has them no longer. */
void espnic_pair_get(struct espnic_prefixes *ps, uint32_t src_id, uint32_t dst_id);
void espnic_pair_put(struct espnic_prefixes *ps, uint32_t src_id, uint32_t dst_id);
/* Whether some policy has. */
bool espnic_pair_known(const struct espnic_prefixes *ps, uint32_t src_id, uint32_t dst_id);

static inline const struct espnic_lengths *espnic_prefix_lengths(const struct espnic_prefixes *ps,
								 enum espnic_spd_dir dir,
								 uint8_t family,
								 enum espnic_side side)
{
	return &ps->lengths[dir][family == ESPNIC_IPV6][side];
}

/* The hash of the first @len bits of @addr. */
uint64_t espnic_prefix_hash(const struct espnic_prefixes *ps, enum espnic_spd_dir dir,
			    uint8_t family, enum espnic_side side, const uint8_t addr[16],
			    uint8_t len);
/* The number of the prefix of that hash, 0: there is none. */
uint32_t espnic_prefix_find(const struct espnic_prefixes *ps, enum espnic_spd_dir dir,
			    uint8_t family, enum espnic_side side, const uint8_t addr[16],
			    uint8_t len, uint64_t hash);

/* ---- classify.c ---- */

int espnic_classifier_init(struct espnic_classifier *c, enum espnic_spd_view view,
			   struct espnic_spd_policy *policies, uint32_t capacity);
void espnic_classifier_free(struct espnic_classifier *c);
void espnic_classifier_clear(struct espnic_classifier *c);

/* @p stands in the table; its rank, shake and prefixes are set. */
void espnic_classifier_insert(struct espnic_classifier *c, struct espnic_spd_policy *p);
void espnic_classifier_remove(struct espnic_classifier *c, struct espnic_spd_policy *p);

enum espnic_pair_state { ESPNIC_PAIR_UNASKED, ESPNIC_PAIR_NO, ESPNIC_PAIR_YES };

/* A packet to classify, with the prefixes that cover it. */
struct espnic_query {
	const struct espnic_prefixes *prefixes;
	const struct espnic_flow *flow;
	enum espnic_spd_dir dir;
	const struct espnic_lengths *lengths[ESPNIC_SIDES];
	const uint32_t *ids[ESPNIC_SIDES];	/* by place in lengths; 0: none of that length */
	/* By places in lengths: whether the pair is known; enum espnic_pair_state. */
	uint8_t pair[ESPNIC_QUERY_LENGTHS][ESPNIC_QUERY_LENGTHS];
	/* Of the first cells to probe; by espnic_classify_prefetch(), or none. */
	unsigned int n_hashes;
	uint64_t hashes[ESPNIC_QUERY_HASHES];
};

/* The number of the first policy that fits, or may (espnic_selector_check()); 0: none. */
uint32_t espnic_classify(const struct espnic_classifier *c, struct espnic_query *q);

/* Fetches what espnic_classify() will read first, and keeps in @q what it found out. */
void espnic_classify_prefetch(const struct espnic_classifier *c, struct espnic_query *q);

#endif
