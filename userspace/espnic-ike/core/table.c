// SPDX-License-Identifier: BSD-2-Clause
/*
 * Chained hash tables, and the hash of keys that peers choose.
 */
#include <stdlib.h>
#include <string.h>

#include "sa.h"

enum {
	FIRST_BUCKETS = 16,
};

static void rehash(struct espnic_ike_table *t, struct espnic_ike_node **bucket, size_t buckets)
{
	for (size_t i = 0; i < t->buckets; i++) {
		while (t->bucket[i]) {
			struct espnic_ike_node *node = t->bucket[i];
			struct espnic_ike_node **at = &bucket[node->hash & (buckets - 1)];

			t->bucket[i] = node->next;
			node->next = *at;
			*at = node;
		}
	}
	free(t->bucket);
	t->bucket = bucket;
	t->buckets = buckets;
}

bool espnic_ike_table_add(struct espnic_ike_table *t, struct espnic_ike_node *node, uint64_t hash)
{
	struct espnic_ike_node **at;

	if (t->n >= t->buckets) {
		size_t buckets = t->buckets ? 2 * t->buckets : FIRST_BUCKETS;
		struct espnic_ike_node **bucket = calloc(buckets, sizeof(*bucket));

		if (bucket)
			rehash(t, bucket, buckets);
		else if (!t->buckets)
			return false;
	}
	at = &t->bucket[hash & (t->buckets - 1)];
	node->hash = hash;
	node->next = *at;
	*at = node;
	t->n++;
	return true;
}

void espnic_ike_table_del(struct espnic_ike_table *t, struct espnic_ike_node *node)
{
	struct espnic_ike_node **at;

	if (!t->buckets)
		return;
	for (at = &t->bucket[node->hash & (t->buckets - 1)]; *at; at = &(*at)->next) {
		if (*at != node)
			continue;
		*at = node->next;
		node->next = NULL;
		t->n--;
		return;
	}
}

static struct espnic_ike_node *same(struct espnic_ike_node *node, uint64_t hash)
{
	while (node && node->hash != hash)
		node = node->next;
	return node;
}

struct espnic_ike_node *espnic_ike_table_find(const struct espnic_ike_table *t, uint64_t hash)
{
	return t->buckets ? same(t->bucket[hash & (t->buckets - 1)], hash) : NULL;
}

struct espnic_ike_node *espnic_ike_table_next(const struct espnic_ike_node *node)
{
	return same(node->next, node->hash);
}

void espnic_ike_table_free(struct espnic_ike_table *t)
{
	free(t->bucket);
	memset(t, 0, sizeof(*t));
}

static uint64_t rotl(uint64_t v, unsigned int n)
{
	return v << n | v >> (64 - n);
}

static void sip_rounds(uint64_t v[4], unsigned int n)
{
	while (n--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] = rotl(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] = rotl(v[2], 32);
	}
}

static uint64_t little(const uint8_t *p, size_t len)
{
	uint64_t v = 0;

	for (size_t i = 0; i < len; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

uint64_t espnic_ike_hash(const struct espnic_ike *ike, const void *p, size_t len)
{
	uint64_t v[4] = { ike->hash_key[0] ^ 0x736f6d6570736575, ike->hash_key[1] ^ 0x646f72616e646f6d,
			  ike->hash_key[0] ^ 0x6c7967656e657261, ike->hash_key[1] ^ 0x7465646279746573 };
	const uint8_t *b = p;
	size_t whole = len / 8;

	for (size_t i = 0; i <= whole; i++) {
		uint64_t m = i < whole ? little(b + 8 * i, 8) : (uint64_t)len << 56 | little(b + 8 * i, len % 8);

		v[3] ^= m;
		sip_rounds(v, 2);
		v[0] ^= m;
	}
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
