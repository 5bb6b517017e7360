// SPDX-License-Identifier: BSD-2-Clause
#include "arena.h"

#include <stdlib.h>
#include <string.h>

enum arena_limits {
	CHUNK_BYTES = 65536, /* what is taken from malloc() at once, unless one piece wants more */
};

struct espnic_arena_chunk {
	struct espnic_arena_chunk *next;
	size_t size, used;
	_Alignas(max_align_t) unsigned char data[];
};

void *espnic_arena_alloc(struct espnic_arena *a, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	struct espnic_arena_chunk *c = a->chunks;
	size_t want;
	void *p;

	size = (size + align - 1) / align * align;
	if (!c || c->size - c->used < size) {
		want = size > CHUNK_BYTES ? size : CHUNK_BYTES;
		c = calloc(1, sizeof(*c) + want);
		if (!c)
			return NULL;
		c->size = want;
		c->next = a->chunks;
		a->chunks = c;
	}
	p = c->data + c->used;
	c->used += size;
	return p;
}

char *espnic_arena_copy(struct espnic_arena *a, const char *s, size_t len)
{
	char *p = espnic_arena_alloc(a, len + 1);

	if (p)
		memcpy(p, s, len);
	return p;
}

void espnic_arena_free(struct espnic_arena *a)
{
	struct espnic_arena_chunk *c, *next;

	for (c = a->chunks; c; c = next) {
		next = c->next;
		explicit_bzero(c->data, c->used);
		free(c);
	}
	a->chunks = NULL;
}
