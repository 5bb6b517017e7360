/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hash index: finds numbers (of slots in a table) by a 64-bit hash of their keys. It holds no
 * keys: whoever asks compares the candidates it gives.
 *
 * Buckets are cache lines of seven tags and numbers; tags are 32 bits of the hash, so a
 * lookup reads one line here and, nearly always, no key but the right one. What does not fit
 * its bucket is chained behind it: one in fifty of a full index, however many there are.
 *
 * Locking: none here; lookups change nothing.
 */
#ifndef ESPNIC_ENGINE_HINDEX_H
#define ESPNIC_ENGINE_HINDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "engine/keyhash.h"

/* Told by a measuring build of each piece of table memory that a lookup reads. */
#ifndef ESPNIC_TOUCH
#define ESPNIC_TOUCH(p, n) ((void)0)
#endif

enum espnic_hindex_sizes {
	ESPNIC_HINDEX_SLOTS = 7,	/* of a bucket: what a cache line holds */
	ESPNIC_HINDEX_FILL = 4,		/* numbers a bucket in a full index, on average */
	ESPNIC_HINDEX_HINTS = 16,	/* bits that tell most tags of a chain from those that are not there */
	ESPNIC_TABLE_LINE = 64,		/* bytes of a cache line */
};

struct espnic_hbucket {
	_Alignas(ESPNIC_TABLE_LINE) uint32_t tag[ESPNIC_HINDEX_SLOTS];
	uint16_t used;			/* slots 0..used-1 hold something */
	uint16_t chained;		/* bits: tags of those chained behind, espnic_hindex_hint() */
	uint32_t id[ESPNIC_HINDEX_SLOTS];
	uint32_t more;			/* first number chained behind; only if all slots are used */
};

struct espnic_hchain {			/* by number */
	uint32_t tag, next;
};

struct espnic_hindex {
	struct espnic_keyhash key;	/* secret, of this index alone */
	uint32_t buckets;
	uint32_t capacity;		/* numbers 1..capacity */
	struct espnic_hbucket *bucket;
	struct espnic_hchain *chain;
};

/* 0; -ENOMEM, or an error of getrandom(2): then espnic_hindex_free() has nothing to do. */
int espnic_hindex_init(struct espnic_hindex *ix, uint32_t capacity);
void espnic_hindex_free(struct espnic_hindex *ix);
/* Forgets all numbers; the key stays. */
void espnic_hindex_clear(struct espnic_hindex *ix);
/* Bytes of memory it takes. */
size_t espnic_hindex_bytes(const struct espnic_hindex *ix);

/* @id, 1..capacity, is not in it. O(1): a bucket, never a rebuild. */
void espnic_hindex_insert(struct espnic_hindex *ix, uint64_t hash, uint32_t id);
/* @id is in it, under @hash. */
void espnic_hindex_remove(struct espnic_hindex *ix, uint64_t hash, uint32_t id);

/* @words: as espnic_keyhash() wants them. */
static inline uint64_t espnic_hindex_hash(const struct espnic_hindex *ix, const uint64_t *words,
					  unsigned int n)
{
	return espnic_keyhash(&ix->key, words, n);
}

static inline struct espnic_hbucket *espnic_hindex_bucket(const struct espnic_hindex *ix,
							  uint64_t hash)
{
	/* The high half picks the bucket, the low half is the tag. */
	return &ix->bucket[((hash >> 32) * ix->buckets) >> 32];
}

static inline void espnic_hindex_prefetch(const struct espnic_hindex *ix, uint64_t hash)
{
	__builtin_prefetch(espnic_hindex_bucket(ix, hash));
}

static inline uint16_t espnic_hindex_hint(uint32_t tag)
{
	return (uint16_t)(1u << tag % ESPNIC_HINDEX_HINTS);
}

/* Bits of the slots with @tag, used or not. All are looked at and no branch: which slot it is cannot be predicted. */
static inline uint32_t espnic_hindex_slots(const struct espnic_hbucket *b, uint32_t tag)
{
#if defined(__SSE2__)
	/* The eighth lane is what stands behind the tags, and never counts as used. */
	const __m128i *lanes = (const __m128i *)(const void *)b->tag, all = _mm_set1_epi32((int)tag);
	int low = _mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(_mm_load_si128(lanes), all)));
	int high = _mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(_mm_load_si128(lanes + 1), all)));

	return (uint32_t)(low | high << 4);
#else
	uint32_t slots = 0;

	for (unsigned int i = 0; i < ESPNIC_HINDEX_SLOTS; i++)
		slots |= (uint32_t)(b->tag[i] == tag) << i;
	return slots;
#endif
}

/* Goes over the candidates for one hash. */
struct espnic_hcursor {
	const struct espnic_hindex *ix;
	const struct espnic_hbucket *b;
	uint32_t tag;
	uint32_t slots;			/* bits: those with this tag, not given out yet */
	uint32_t more;			/* next of the chain; behind the slots */
};

static inline struct espnic_hcursor espnic_hindex_find(const struct espnic_hindex *ix, uint64_t hash)
{
	const struct espnic_hbucket *b = espnic_hindex_bucket(ix, hash);
	uint32_t tag = (uint32_t)hash;
	uint32_t slots = espnic_hindex_slots(b, tag) & ((1u << b->used) - 1);

	ESPNIC_TOUCH(b, sizeof(*b));
	return (struct espnic_hcursor){
		.ix = ix, .b = b, .tag = tag, .slots = slots,
		.more = b->chained & espnic_hindex_hint(tag) ? b->more : 0,
	};
}

/* The next candidate, 0: none is left. */
static inline uint32_t espnic_hindex_next(struct espnic_hcursor *c)
{
	if (c->slots) {
		uint32_t id = c->b->id[__builtin_ctz(c->slots)];

		c->slots &= c->slots - 1;
		return id;
	}
	while (c->more) {
		uint32_t id = c->more;
		const struct espnic_hchain *link = &c->ix->chain[id];

		ESPNIC_TOUCH(link, sizeof(*link));
		c->more = link->next;
		if (link->tag == c->tag)
			return id;
	}
	return 0;
}

/*
 * Zeroed memory for a table, aligned to a cache line; large ones on huge pages where the
 * system has them: a lookup that misses the cache shall not miss the TLB as well. NULL
 * without memory. What was not written yet costs nothing.
 */
void *espnic_table_alloc(size_t size);
/* @size: as it was allocated. NULL is fine. */
void espnic_table_free(void *p, size_t size);

#endif
