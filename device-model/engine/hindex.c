// SPDX-License-Identifier: BSD-2-Clause
#include "engine/hindex.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

_Static_assert(sizeof(struct espnic_hbucket) == ESPNIC_TABLE_LINE, "a bucket is a cache line");

enum { HUGE_PAGE = 2 << 20 };		/* bytes; smaller tables come from the heap */

void *espnic_table_alloc(size_t size)
{
	size_t lines = (size + ESPNIC_TABLE_LINE - 1) / ESPNIC_TABLE_LINE;
	void *p;

	if (size >= HUGE_PAGE) {
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			return NULL;
		/* A wish: without huge pages it works as well, only slower. */
		(void)madvise(p, size, MADV_HUGEPAGE);
		return p;
	}
	p = aligned_alloc(ESPNIC_TABLE_LINE, lines * ESPNIC_TABLE_LINE);
	if (p)
		memset(p, 0, lines * ESPNIC_TABLE_LINE);
	return p;
}

void espnic_table_free(void *p, size_t size)
{
	if (!p)
		return;
	if (size >= HUGE_PAGE)
		munmap(p, size);
	else
		free(p);
}

static size_t bucket_bytes(const struct espnic_hindex *ix)
{
	return ix->buckets * sizeof(ix->bucket[0]);
}

static size_t chain_bytes(const struct espnic_hindex *ix)
{
	return ((size_t)ix->capacity + 1) * sizeof(ix->chain[0]);
}

size_t espnic_hindex_bytes(const struct espnic_hindex *ix)
{
	return bucket_bytes(ix) + chain_bytes(ix);
}

int espnic_hindex_init(struct espnic_hindex *ix, uint32_t capacity)
{
	ssize_t got;

	memset(ix, 0, sizeof(*ix));
	got = getrandom(&ix->key, sizeof(ix->key), 0);
	if (got != sizeof(ix->key))
		return got < 0 ? -errno : -EIO;
	ix->capacity = capacity;
	ix->buckets = capacity / ESPNIC_HINDEX_FILL + 1;
	ix->bucket = espnic_table_alloc(bucket_bytes(ix));
	ix->chain = espnic_table_alloc(chain_bytes(ix));
	if (!ix->bucket || !ix->chain) {
		espnic_hindex_free(ix);
		return -ENOMEM;
	}
	return 0;
}

void espnic_hindex_free(struct espnic_hindex *ix)
{
	espnic_table_free(ix->bucket, bucket_bytes(ix));
	espnic_table_free(ix->chain, chain_bytes(ix));
	memset(ix, 0, sizeof(*ix));
}

void espnic_hindex_clear(struct espnic_hindex *ix)
{
	memset(ix->bucket, 0, bucket_bytes(ix));
}

void espnic_hindex_insert(struct espnic_hindex *ix, uint64_t hash, uint32_t id)
{
	struct espnic_hbucket *b = espnic_hindex_bucket(ix, hash);

	if (b->used < ESPNIC_HINDEX_SLOTS) {
		b->tag[b->used] = (uint32_t)hash;
		b->id[b->used++] = id;
		return;
	}
	ix->chain[id] = (struct espnic_hchain){ .tag = (uint32_t)hash, .next = b->more };
	b->more = id;
	b->chained |= espnic_hindex_hint((uint32_t)hash);
}

/* Which tags are in the chain of @b now. */
static void hint_again(const struct espnic_hindex *ix, struct espnic_hbucket *b)
{
	b->chained = 0;
	for (uint32_t id = b->more; id; id = ix->chain[id].next)
		b->chained |= espnic_hindex_hint(ix->chain[id].tag);
}

static void unchain(struct espnic_hindex *ix, struct espnic_hbucket *b, uint32_t id)
{
	uint32_t *link = &b->more;

	while (*link && *link != id)
		link = &ix->chain[*link].next;
	if (*link)
		*link = ix->chain[id].next;
	hint_again(ix, b);
}

void espnic_hindex_remove(struct espnic_hindex *ix, uint64_t hash, uint32_t id)
{
	struct espnic_hbucket *b = espnic_hindex_bucket(ix, hash);
	uint32_t i = 0, moved = b->more;

	while (i < b->used && b->id[i] != id)
		i++;
	if (i == b->used) {
		unchain(ix, b, id);
		return;
	}
	/* The hole is filled, from the chain if there is one: a chain means that no slot is free. */
	if (moved) {
		b->tag[i] = ix->chain[moved].tag;
		b->id[i] = moved;
		b->more = ix->chain[moved].next;
		hint_again(ix, b);
		return;
	}
	b->used--;
	b->tag[i] = b->tag[b->used];
	b->id[i] = b->id[b->used];
}
