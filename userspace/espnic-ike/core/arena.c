// SPDX-License-Identifier: BSD-2-Clause
#include "arena.h"

#include <openssl/crypto.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	CHUNK = 256 * 1024,		/* bytes of keys; the guard pages come on top */
};

/* Keys of AES-GCM and SHA-256 fit the first; any keys, and any shared secret, the second. */
static const size_t class_size[ESPNIC_IKE_ARENA_CLASSES] = { 192, 528 };

struct espnic_ike_arena_chunk {
	struct espnic_ike_arena_chunk *next;
	void *map;
	size_t len;
};

static int class_of(size_t size)
{
	for (int i = 0; i < ESPNIC_IKE_ARENA_CLASSES; i++)
		if (size <= class_size[i])
			return i;
	return -1;
}

static void push(struct espnic_ike_arena *a, int class, void *p)
{
	memcpy(p, &a->free[class], sizeof(void *));
	a->free[class] = p;
}

/* One more chunk, all its blocks of @class; its first block holds the chunk's own description. */
static int grow(struct espnic_ike_arena *a, int class)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), len = CHUNK + 2 * page;
	struct espnic_ike_arena_chunk *chunk;
	uint8_t *map;

	map = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return -1;
	if (mprotect(map + page, CHUNK, PROT_READ | PROT_WRITE) || mlock(map + page, CHUNK) ||
	    madvise(map + page, CHUNK, MADV_DONTDUMP) || madvise(map + page, CHUNK, MADV_WIPEONFORK)) {
		munmap(map, len);
		return -1;
	}
	chunk = (struct espnic_ike_arena_chunk *)(map + page);
	*chunk = (struct espnic_ike_arena_chunk){ .next = a->chunks, .map = map, .len = len };
	a->chunks = chunk;
	for (size_t at = class_size[class]; at + class_size[class] <= CHUNK; at += class_size[class])
		push(a, class, map + page + at);
	return 0;
}

void *espnic_ike_arena_get(struct espnic_ike_arena *a, size_t size)
{
	int class = class_of(size);
	void *p;

	if (class < 0 || (!a->free[class] && grow(a, class) < 0))
		return NULL;
	p = a->free[class];
	memcpy(&a->free[class], p, sizeof(void *));
	memset(p, 0, sizeof(void *));
	a->used++;
	return p;
}

void espnic_ike_arena_put(struct espnic_ike_arena *a, void *p, size_t size)
{
	int class = class_of(size);

	if (!p || class < 0)
		return;
	OPENSSL_cleanse(p, class_size[class]);
	push(a, class, p);
	a->used--;
}

void espnic_ike_arena_free(struct espnic_ike_arena *a)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	while (a->chunks) {
		struct espnic_ike_arena_chunk chunk = *a->chunks;

		OPENSSL_cleanse((uint8_t *)chunk.map + page, CHUNK);
		munmap(chunk.map, chunk.len);
		a->chunks = chunk.next;
	}
	memset(a, 0, sizeof(*a));
}
