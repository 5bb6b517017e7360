/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory for keys: locked in RAM, not in core dumps, not in children of fork(2), between guard
 * pages, wiped when freed. Blocks of two sizes. One thread.
 */
#ifndef ESPNIC_IKE_ARENA_H
#define ESPNIC_IKE_ARENA_H

#include <stddef.h>

enum { ESPNIC_IKE_ARENA_CLASSES = 2 };

struct espnic_ike_arena {
	struct espnic_ike_arena_chunk *chunks;
	void *free[ESPNIC_IKE_ARENA_CLASSES];
	size_t used;			/* blocks given out */
};

/* Zeroed, @size bytes of at most 512. NULL: no memory, or it can't be locked. */
void *espnic_ike_arena_get(struct espnic_ike_arena *a, size_t size);
/* Wipes and takes back; @size as it was asked for. NULL is fine. */
void espnic_ike_arena_put(struct espnic_ike_arena *a, void *p, size_t size);
/* Wipes and unmaps all of it. */
void espnic_ike_arena_free(struct espnic_ike_arena *a);

#endif
