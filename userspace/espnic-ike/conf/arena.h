/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of a configuration: taken piece by piece, given back as one, wiped then, for it has keys in
 * it. Not thread safe; its owner is the tree's.
 */
#ifndef ESPNIC_IKE_CONF_ARENA_H
#define ESPNIC_IKE_CONF_ARENA_H

#include <stddef.h>

struct espnic_arena_chunk;

struct espnic_arena {
	struct espnic_arena_chunk *chunks; /* NULL: empty */
};

/* @size zeroed bytes, aligned for any type; NULL when memory is out. */
void *espnic_arena_alloc(struct espnic_arena *a, size_t size);

/* A copy of @len bytes at @s, with a 0 behind; NULL when memory is out. */
char *espnic_arena_copy(struct espnic_arena *a, const char *s, size_t len);

/* Wipe and free everything; the arena is empty and usable again. */
void espnic_arena_free(struct espnic_arena *a);

#endif
