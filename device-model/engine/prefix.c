// SPDX-License-Identifier: BSD-2-Clause
/* The prefixes that policies name, each once, and which lengths there are. */
#include "engine/classify.h"

#include <errno.h>
#include <string.h>

static size_t table_bytes(const struct espnic_prefixes *ps)
{
	return ((size_t)ps->index.capacity + 1) * sizeof(ps->v[0]);
}

static size_t pairs_bytes(const struct espnic_prefixes *ps)
{
	return ((size_t)ps->pair_index.capacity + 1) * sizeof(ps->pairs[0]);
}

int espnic_prefixes_init(struct espnic_prefixes *ps, uint32_t capacity)
{
	int err;

	memset(ps, 0, sizeof(*ps));
	err = espnic_hindex_init(&ps->index, capacity);
	if (!err)
		err = espnic_hindex_init(&ps->pair_index, capacity / 2);
	if (err)
		return err;
	ps->v = espnic_table_alloc(table_bytes(ps));
	ps->pairs = espnic_table_alloc(pairs_bytes(ps));
	return ps->v && ps->pairs ? 0 : -ENOMEM;
}

void espnic_prefixes_free(struct espnic_prefixes *ps)
{
	espnic_table_free(ps->v, table_bytes(ps));
	espnic_table_free(ps->pairs, pairs_bytes(ps));
	espnic_hindex_free(&ps->index);
	espnic_hindex_free(&ps->pair_index);
}

void espnic_prefixes_clear(struct espnic_prefixes *ps)
{
	espnic_hindex_clear(&ps->index);
	espnic_hindex_clear(&ps->pair_index);
	ps->used = 0;
	ps->free = 0;
	ps->pairs_used = 0;
	ps->pairs_free = 0;
	memset(ps->lengths, 0, sizeof(ps->lengths));
}

/* The first @len bits of @addr, in the byte order of the wire. */
static void mask(uint64_t out[2], const uint8_t addr[16], uint8_t len)
{
	uint8_t m[16] = { 0 };
	uint64_t words[2];

	memset(m, 0xff, len / 8);
	if (len % 8)
		m[len / 8] = (uint8_t)(0xff << (8 - len % 8));
	memcpy(out, addr, sizeof(m));
	memcpy(words, m, sizeof(m));
	out[0] &= words[0];
	out[1] &= words[1];
}

uint64_t espnic_prefix_hash(const struct espnic_prefixes *ps, enum espnic_spd_dir dir,
			    uint8_t family, enum espnic_side side, const uint8_t addr[16],
			    uint8_t len)
{
	uint64_t w[3], a[2];

	mask(a, addr, len);
	w[0] = (uint64_t)dir | (uint64_t)side << 8 | (uint64_t)family << 16 | (uint64_t)len << 24;
	w[1] = a[0];
	w[2] = a[1];
	return espnic_hindex_hash(&ps->index, w, family == ESPNIC_IPV4 ? 2 : 3);
}

uint32_t espnic_prefix_find(const struct espnic_prefixes *ps, enum espnic_spd_dir dir,
			    uint8_t family, enum espnic_side side, const uint8_t addr[16],
			    uint8_t len, uint64_t hash)
{
	struct espnic_hcursor c = espnic_hindex_find(&ps->index, hash);
	uint64_t a[2];
	uint32_t id;

	mask(a, addr, len);
	while ((id = espnic_hindex_next(&c))) {
		const struct espnic_prefix *p = &ps->v[id];

		ESPNIC_TOUCH(p, sizeof(*p));
		if (p->dir == dir && p->side == side && p->family == family && p->len == len &&
		    !memcmp(p->addr, a, sizeof(p->addr)))
			return id;
	}
	return 0;
}

static void length_get(struct espnic_lengths *l, uint8_t len)
{
	if (l->refs[len]++)
		return;
	l->at[len] = (uint8_t)l->n;
	l->len[l->n++] = len;
}

static void length_put(struct espnic_lengths *l, uint8_t len)
{
	uint8_t last;

	if (--l->refs[len])
		return;
	last = l->len[--l->n];
	l->len[l->at[len]] = last;
	l->at[last] = l->at[len];
}

uint32_t espnic_prefix_get(struct espnic_prefixes *ps, enum espnic_spd_dir dir, uint8_t family,
			   enum espnic_side side, const uint8_t addr[16], uint8_t len)
{
	uint64_t hash = espnic_prefix_hash(ps, dir, family, side, addr, len), a[2];
	uint32_t id = espnic_prefix_find(ps, dir, family, side, addr, len, hash);
	struct espnic_prefix *p;

	if (id) {
		ps->v[id].refs++;
		return id;
	}
	id = ps->free;
	if (id)
		ps->free = ps->v[id].next;
	else
		id = ++ps->used;
	p = &ps->v[id];
	*p = (struct espnic_prefix){
		.dir = (uint8_t)dir, .side = (uint8_t)side, .family = family, .len = len, .refs = 1,
	};
	mask(a, addr, len);
	memcpy(p->addr, a, sizeof(p->addr));
	espnic_hindex_insert(&ps->index, hash, id);
	length_get(&ps->lengths[dir][family == ESPNIC_IPV6][side], len);
	return id;
}

void espnic_prefix_put(struct espnic_prefixes *ps, uint32_t id)
{
	struct espnic_prefix *p = &ps->v[id];

	if (--p->refs)
		return;
	espnic_hindex_remove(&ps->index,
			     espnic_prefix_hash(ps, p->dir, p->family, p->side, p->addr, p->len), id);
	length_put(&ps->lengths[p->dir][p->family == ESPNIC_IPV6][p->side], p->len);
	p->next = ps->free;
	ps->free = id;
}

static uint64_t pair_hash(const struct espnic_prefixes *ps, uint32_t src_id, uint32_t dst_id)
{
	uint64_t w = src_id | (uint64_t)dst_id << 32;

	return espnic_hindex_hash(&ps->pair_index, &w, 1);
}

static uint32_t pair_find(const struct espnic_prefixes *ps, uint32_t src_id, uint32_t dst_id,
			  uint64_t hash)
{
	struct espnic_hcursor c = espnic_hindex_find(&ps->pair_index, hash);
	uint32_t id;

	while ((id = espnic_hindex_next(&c))) {
		const struct espnic_pair *p = &ps->pairs[id];

		ESPNIC_TOUCH(p, sizeof(*p));
		if (p->src_id == src_id && p->dst_id == dst_id)
			return id;
	}
	return 0;
}

bool espnic_pair_known(const struct espnic_prefixes *ps, uint32_t src_id, uint32_t dst_id)
{
	return pair_find(ps, src_id, dst_id, pair_hash(ps, src_id, dst_id));
}

void espnic_pair_get(struct espnic_prefixes *ps, uint32_t src_id, uint32_t dst_id)
{
	uint64_t hash = pair_hash(ps, src_id, dst_id);
	uint32_t id = pair_find(ps, src_id, dst_id, hash);

	if (id) {
		ps->pairs[id].refs++;
		return;
	}
	id = ps->pairs_free;
	if (id)
		ps->pairs_free = ps->pairs[id].refs;
	else
		id = ++ps->pairs_used;
	ps->pairs[id] = (struct espnic_pair){ .src_id = src_id, .dst_id = dst_id, .refs = 1 };
	espnic_hindex_insert(&ps->pair_index, hash, id);
}

void espnic_pair_put(struct espnic_prefixes *ps, uint32_t src_id, uint32_t dst_id)
{
	uint64_t hash = pair_hash(ps, src_id, dst_id);
	uint32_t id = pair_find(ps, src_id, dst_id, hash);

	if (--ps->pairs[id].refs)
		return;
	espnic_hindex_remove(&ps->pair_index, hash, id);
	ps->pairs[id].refs = ps->pairs_free;
	ps->pairs_free = id;
}
