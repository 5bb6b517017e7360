// SPDX-License-Identifier: BSD-2-Clause
#include "engine/sad.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/hindex.h"
#include "engine/selector.h"
#include "engine/spd.h"
#include "espnic_regs.h"

_Static_assert(sizeof(struct espnic_sad_entry) <= ESPNIC_SAD_ENTRY_SIZE, "what a million SAs may take");
_Static_assert(offsetof(struct espnic_sad_entry, handle) == ESPNIC_SAD_KEY_SIZE &&
		       sizeof(struct espnic_sad_entry) % ESPNIC_SAD_KEY_SIZE == 0,
	       "the key of an entry lies in one cache line");

enum {
	GROUP = 16,			/* lookups side by side: about what a core has in flight */
	STEPS = 3,			/* of a lookup in a burst */
};

/* Longest match first. */
static const uint8_t match_order[ESPNIC_SAD_MATCHES] = {
	ESPNIC_SAD_SPI_DST_SRC, ESPNIC_SAD_SPI_DST, ESPNIC_SAD_SPI,
};

struct espnic_sad {
	uint32_t capacity;
	uint32_t count;
	uint32_t matches[ESPNIC_SAD_MATCHES];	/* inbound SAs of each kind: none needs no look */
	struct espnic_hindex in;
	uint32_t heads;				/* of each array of chains */
	uint32_t *head[ESPNIC_SAD_CHAINS];	/* newest SA first */
	struct espnic_sad_entry *entries;	/* capacity + 1: index 0 is never used */
};

static const uint8_t any_addr[16];

static size_t entries_bytes(const struct espnic_sad *sad)
{
	return ((size_t)sad->capacity + 1) * sizeof(sad->entries[0]);
}

static size_t heads_bytes(const struct espnic_sad *sad, enum espnic_sad_chains c)
{
	return (c == ESPNIC_SAD_BY_NOTHING ? 1 : sad->heads) * sizeof(sad->head[0][0]);
}

size_t espnic_sad_bytes(const struct espnic_sad *sad)
{
	size_t bytes = sizeof(*sad) + entries_bytes(sad) + espnic_hindex_bytes(&sad->in);

	for (int c = 0; c < ESPNIC_SAD_CHAINS; c++)
		bytes += heads_bytes(sad, c);
	return bytes;
}

struct espnic_sad *espnic_sad_new(uint32_t capacity)
{
	struct espnic_sad *sad;
	bool complete = true;

	if (!capacity || capacity > ESPNIC_SA_INDEX_MASK)
		return NULL;
	sad = calloc(1, sizeof(*sad));
	if (!sad)
		return NULL;
	sad->capacity = capacity;
	sad->heads = capacity / 3 + 1;
	for (int c = 0; c < ESPNIC_SAD_CHAINS; c++) {
		sad->head[c] = espnic_table_alloc(heads_bytes(sad, c));
		complete &= sad->head[c] != NULL;
	}
	sad->entries = espnic_table_alloc(entries_bytes(sad));
	if (!complete || !sad->entries || espnic_hindex_init(&sad->in, capacity)) {
		espnic_sad_free(sad);
		return NULL;
	}
	return sad;
}

void espnic_sad_free(struct espnic_sad *sad)
{
	if (!sad)
		return;
	espnic_hindex_free(&sad->in);
	for (int c = 0; c < ESPNIC_SAD_CHAINS; c++)
		espnic_table_free(sad->head[c], heads_bytes(sad, c));
	espnic_table_free(sad->entries, entries_bytes(sad));
	free(sad);
}

/* ---- inbound ---- */

static struct espnic_sad_key key_of(const struct espnic_sad_entry *e)
{
	return (struct espnic_sad_key){
		.spi = e->spi, .ip_proto = e->ip_proto, .family = e->family,
		.daddr = e->daddr, .saddr = e->saddr,
	};
}

/* The first word tells the length. */
static inline uint64_t in_hash(const struct espnic_sad *sad, enum espnic_sad_match match,
			const struct espnic_sad_key *key)
{
	uint64_t first = key->spi | (uint64_t)key->ip_proto << 32 | (uint64_t)key->family << 40 |
			 (uint64_t)match << 48;
	uint64_t w[ESPNIC_KEYHASH_WORDS] = { first };

	if (match == ESPNIC_SAD_SPI)
		return espnic_hindex_hash(&sad->in, w, 1);
	/* Of IPv4 addresses four bytes are enough: the rest is zero. Never read at another width than written. */
	if (key->family == ESPNIC_IPV4) {
		uint32_t dst, src = 0;

		memcpy(&dst, key->daddr, sizeof(dst));
		if (match == ESPNIC_SAD_SPI_DST_SRC)
			memcpy(&src, key->saddr, sizeof(src));
		w[1] = dst | (uint64_t)src << 32;
		return espnic_hindex_hash(&sad->in, w, 2);
	}
	memcpy(w + 1, key->daddr, 16);
	if (match == ESPNIC_SAD_SPI_DST)
		return espnic_hindex_hash(&sad->in, w, 3);
	memcpy(w + 3, key->saddr, 16);
	return espnic_hindex_hash(&sad->in, w, ESPNIC_KEYHASH_WORDS);
}

static inline bool is_match(const struct espnic_sad_entry *e, enum espnic_sad_match match,
			    const struct espnic_sad_key *key)
{
	return e->spi == key->spi && e->ip_proto == key->ip_proto && e->family == key->family &&
	       e->match == match &&
	       (match == ESPNIC_SAD_SPI || !memcmp(e->daddr, key->daddr, sizeof(e->daddr))) &&
	       (match != ESPNIC_SAD_SPI_DST_SRC || !memcmp(e->saddr, key->saddr, sizeof(e->saddr)));
}

/* The SA of exactly this kind of match. */
static struct espnic_sad_entry *find_hashed(struct espnic_sad *sad, enum espnic_sad_match match,
					    const struct espnic_sad_key *key, uint64_t hash)
{
	struct espnic_hcursor c = espnic_hindex_find(&sad->in, hash);
	uint32_t i;

	while ((i = espnic_hindex_next(&c))) {
		ESPNIC_TOUCH(&sad->entries[i], ESPNIC_SAD_KEY_SIZE);
		if (is_match(&sad->entries[i], match, key))
			return &sad->entries[i];
	}
	return NULL;
}

struct espnic_sad_entry *espnic_sad_find(struct espnic_sad *sad, const struct espnic_sad_key *key)
{
	struct espnic_sad_entry *e;

	for (int i = 0; i < ESPNIC_SAD_MATCHES; i++) {
		enum espnic_sad_match match = match_order[i];

		if (!sad->matches[match])
			continue;
		e = find_hashed(sad, match, key, in_hash(sad, match, key));
		if (e)
			return e;
	}
	return NULL;
}

/* Lookups of a burst that take a step together. */
struct group {
	const struct espnic_sad_key *keys;
	struct espnic_sad_entry **found;
	unsigned int n;
	unsigned int heads;		/* keys unlike the one in front: packets come in trains */
	struct train {
		unsigned int at;	/* of the first of its keys */
		uint32_t likely;	/* the first candidate, 0: none, of kind likely_kind */
		enum espnic_sad_match likely_kind;
		uint64_t hash[ESPNIC_SAD_MATCHES];
	} train[GROUP];
};

/* 0: addresses @a and @b are the same. */
static inline uint64_t differ(const uint8_t *a, const uint8_t *b)
{
	uint64_t x[2], y[2];

	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return (x[0] ^ y[0]) | (x[1] ^ y[1]);
}

/* Whether both have the same SA. @sources: there are SAs that look at the source. */
static inline bool same_key(const struct espnic_sad_key *a, const struct espnic_sad_key *b, bool sources)
{
	/* The SPI alone tells most of them apart; no branch on the rest. */
	return a->spi == b->spi &&
	       !((a->ip_proto ^ b->ip_proto) | (a->family ^ b->family) | differ(a->daddr, b->daddr)) &&
	       (!sources || !differ(a->saddr, b->saddr));
}

/* Step 1: asks for the buckets. */
static void group_hash(const struct espnic_sad *sad, struct group *g,
		       const enum espnic_sad_match *kind, unsigned int kinds)
{
	bool sources = sad->matches[ESPNIC_SAD_SPI_DST_SRC];

	g->heads = 0;
	for (unsigned int i = 0; i < g->n; i++) {
		struct train *t = &g->train[g->heads];

		if (i > 0 && same_key(&g->keys[i], &g->keys[i - 1], sources))
			continue;
		g->heads++;
		t->at = i;
		for (unsigned int m = 0; m < kinds; m++) {
			t->hash[m] = in_hash(sad, kind[m], &g->keys[i]);
			espnic_hindex_prefetch(&sad->in, t->hash[m]);
		}
	}
}

/* Step 2: the buckets are here; asks for the entries. */
static void group_fetch(const struct espnic_sad *sad, struct group *g,
			const enum espnic_sad_match *kind, unsigned int kinds)
{
	for (unsigned int k = 0; k < g->heads; k++) {
		struct train *t = &g->train[k];

		t->likely = 0;
		for (unsigned int m = 0; m < kinds && !t->likely; m++) {
			struct espnic_hcursor c = espnic_hindex_find(&sad->in, t->hash[m]);

			t->likely = espnic_hindex_next(&c);
			t->likely_kind = kind[m];
		}
		__builtin_prefetch(&sad->entries[t->likely]);
	}
}

/* The first candidate is it, but for tags that are equal by chance. */
static struct espnic_sad_entry *train_entry(struct espnic_sad *sad, const struct train *t,
					    const struct espnic_sad_key *key,
					    const enum espnic_sad_match *kind, unsigned int kinds)
{
	struct espnic_sad_entry *e = &sad->entries[t->likely];

	if (!t->likely)
		return NULL;
	ESPNIC_TOUCH(e, ESPNIC_SAD_KEY_SIZE);
	if (is_match(e, t->likely_kind, key))
		return e;
	e = NULL;
	for (unsigned int m = 0; m < kinds && !e; m++)
		e = find_hashed(sad, kind[m], key, t->hash[m]);
	return e;
}

/* Step 3: compares. */
static void group_compare(struct espnic_sad *sad, const struct group *g,
			  const enum espnic_sad_match *kind, unsigned int kinds)
{
	for (unsigned int k = 0; k < g->heads; k++) {
		const struct train *t = &g->train[k];
		unsigned int end = k + 1 < g->heads ? t[1].at : g->n;
		struct espnic_sad_entry *e = train_entry(sad, t, &g->keys[t->at], kind, kinds);

		for (unsigned int i = t->at; i < end; i++)
			g->found[i] = e;
	}
}

/* Each group is a step behind the next one: memory comes while others are hashed. */
void espnic_sad_find_burst(struct espnic_sad *sad, const struct espnic_sad_key *keys,
			   struct espnic_sad_entry **found, unsigned int n)
{
	enum espnic_sad_match kind[ESPNIC_SAD_MATCHES] = { 0 };
	struct group ring[STEPS];
	unsigned int kinds = 0;
	struct group *g;

	for (int i = 0; i < ESPNIC_SAD_MATCHES; i++)
		if (sad->matches[match_order[i]])
			kind[kinds++] = match_order[i];
	for (unsigned int i = 0; i < STEPS; i++)
		ring[i].n = ring[i].heads = 0;
	for (unsigned int i = 0, rest = n; i * GROUP < n + (STEPS - 1) * GROUP; i++) {
		g = &ring[i % STEPS];
		g->keys = keys + i * GROUP;
		g->found = found + i * GROUP;
		g->n = rest < GROUP ? rest : GROUP;
		rest -= g->n;
		group_hash(sad, g, kind, kinds);
		group_fetch(sad, &ring[(i + STEPS - 1) % STEPS], kind, kinds);
		group_compare(sad, &ring[(i + STEPS - 2) % STEPS], kind, kinds);
	}
}

/* ---- outbound ---- */

/* The chain of kind @c for that destination and reqid. */
static uint32_t *chain_head(struct espnic_sad *sad, enum espnic_sad_chains c,
			    const uint8_t daddr[16], uint32_t reqid)
{
	uint64_t w[3] = { c };

	if (c == ESPNIC_SAD_BY_NOTHING)
		return &sad->head[c][0];
	if (c != ESPNIC_SAD_BY_DADDR)
		w[0] |= (uint64_t)reqid << 32;
	if (c != ESPNIC_SAD_BY_REQID)
		memcpy(w + 1, daddr, 16);
	return &sad->head[c][((espnic_hindex_hash(&sad->in, w, 3) >> 32) * sad->heads) >> 32];
}

static void link_entry(struct espnic_sad *sad, struct espnic_sad_entry *e, enum espnic_sad_chains c)
{
	uint32_t *head = chain_head(sad, c, e->daddr, e->reqid);
	uint32_t index = (uint32_t)(e - sad->entries);

	e->chain[c] = (struct espnic_sad_chain){ .next = *head };
	if (*head)
		sad->entries[*head].chain[c].prev = index;
	*head = index;
}

static void unlink_entry(struct espnic_sad *sad, const struct espnic_sad_entry *e,
			 enum espnic_sad_chains c)
{
	const struct espnic_sad_chain *l = &e->chain[c];

	if (l->prev)
		sad->entries[l->prev].chain[c].next = l->next;
	else
		*chain_head(sad, c, e->daddr, e->reqid) = l->next;
	if (l->next)
		sad->entries[l->next].chain[c].prev = l->prev;
}

static bool usable(const struct espnic_sad_entry *e, const struct espnic_spd_policy *p,
		   const struct espnic_flow *flow)
{
	return e->offload == ESPNIC_OFFLOAD_PACKET && espnic_spd_template_fits(p, e, flow) &&
	       (!e->has_sel || espnic_selector_match(&e->sel, flow));
}

/* The chain in which the SAs for @p and @flow stand, and of which kind it is. */
static uint32_t *chosen_head(struct espnic_sad *sad, const struct espnic_spd_policy *p,
			     const struct espnic_flow *flow, enum espnic_sad_chains *c)
{
	const struct espnic_spd_template *t = &p->tmpl;
	const uint8_t *daddr = t->mode == ESPNIC_MODE_TUNNEL ? t->daddr : flow->dst;
	bool any = !memcmp(daddr, any_addr, sizeof(any_addr));

	*c = any ? ESPNIC_SAD_BY_NOTHING : ESPNIC_SAD_BY_DADDR;
	if (t->reqid)
		*c = any ? ESPNIC_SAD_BY_REQID : ESPNIC_SAD_BY_DADDR_REQID;
	return chain_head(sad, *c, daddr, t->reqid);
}

/* The first usable one of the chain, from the newest to the oldest; a dying one only if there is no other. */
static struct espnic_sad_entry *choose_from(struct espnic_sad *sad, const uint32_t *head,
					    enum espnic_sad_chains c,
					    const struct espnic_spd_policy *p,
					    const struct espnic_flow *flow)
{
	struct espnic_sad_entry *dying = NULL;

	ESPNIC_TOUCH(head, sizeof(*head));
	for (uint32_t i = *head; i; i = sad->entries[i].chain[c].next) {
		struct espnic_sad_entry *e = &sad->entries[i];

		ESPNIC_TOUCH(e, sizeof(*e));
		if ((e->dying && dying) || !usable(e, p, flow))
			continue;
		if (!e->dying)
			return e;
		dying = e;
	}
	return dying;
}

struct espnic_sad_entry *espnic_sad_choose(struct espnic_sad *sad,
					   const struct espnic_spd_policy *p,
					   const struct espnic_flow *flow)
{
	enum espnic_sad_chains c;
	const uint32_t *head = chosen_head(sad, p, flow, &c);

	return choose_from(sad, head, c, p, flow);
}

/* An entry is two lines and a half, wherever it begins. */
static void fetch_entry(const struct espnic_sad_entry *e)
{
	for (size_t at = 0; at < sizeof(*e); at += ESPNIC_TABLE_LINE)
		__builtin_prefetch((const uint8_t *)e + at);
}

static void choose_some(struct espnic_sad *sad, const struct espnic_spd_policy *const *policies,
			const struct espnic_flow *const *flows, struct espnic_sad_entry **chosen,
			unsigned int n)
{
	enum espnic_sad_chains c[GROUP];
	const uint32_t *head[GROUP];

	for (unsigned int i = 0; i < n; i++) {
		head[i] = chosen_head(sad, policies[i], flows[i], &c[i]);
		__builtin_prefetch(head[i]);
	}
	for (unsigned int i = 0; i < n; i++)
		fetch_entry(&sad->entries[*head[i]]);
	for (unsigned int i = 0; i < n; i++)
		chosen[i] = choose_from(sad, head[i], c[i], policies[i], flows[i]);
}

void espnic_sad_choose_burst(struct espnic_sad *sad, const struct espnic_spd_policy *const *policies,
			     const struct espnic_flow *const *flows,
			     struct espnic_sad_entry **chosen, unsigned int n)
{
	for (unsigned int i = 0; i < n; i += GROUP)
		choose_some(sad, policies + i, flows + i, chosen + i,
			    n - i < GROUP ? n - i : GROUP);
}

/* ---- both ---- */

static bool acceptable(const struct espnic_sad_entry *e)
{
	if (e->dir != ESPNIC_DIR_IN)
		return true;
	return e->match < ESPNIC_SAD_MATCHES &&
	       (e->match != ESPNIC_SAD_SPI_DST_SRC ||
		memcmp(e->saddr, any_addr, sizeof(any_addr)) != 0);
}

int espnic_sad_insert(struct espnic_sad *sad, const struct espnic_sad_entry *e,
		      struct espnic_sad_entry **slot)
{
	uint32_t index = e->handle & ESPNIC_SA_INDEX_MASK;
	struct espnic_sad_key key = key_of(e);
	struct espnic_sad_entry *n;
	uint64_t hash;

	if (!index || index > sad->capacity || !acceptable(e))
		return -EINVAL;
	n = &sad->entries[index];
	if (n->handle)
		return -EEXIST;
	if (e->dir == ESPNIC_DIR_IN) {
		hash = in_hash(sad, e->match, &key);
		if (find_hashed(sad, e->match, &key, hash))
			return -EEXIST;
		espnic_hindex_insert(&sad->in, hash, index);
		sad->matches[e->match]++;
	}
	*n = *e;
	for (int c = 0; n->dir == ESPNIC_DIR_OUT && c < ESPNIC_SAD_CHAINS; c++)
		link_entry(sad, n, c);
	sad->count++;
	if (slot)
		*slot = n;
	return 0;
}

void espnic_sad_remove(struct espnic_sad *sad, struct espnic_sad_entry *e)
{
	struct espnic_sad_key key = key_of(e);

	if (e->dir == ESPNIC_DIR_IN) {
		espnic_hindex_remove(&sad->in, in_hash(sad, e->match, &key),
				     (uint32_t)(e - sad->entries));
		sad->matches[e->match]--;
	}
	for (int c = 0; e->dir == ESPNIC_DIR_OUT && c < ESPNIC_SAD_CHAINS; c++)
		unlink_entry(sad, e, c);
	memset(e, 0, sizeof(*e));
	sad->count--;
}

struct espnic_sad_entry *espnic_sad_by_handle(struct espnic_sad *sad, uint32_t handle)
{
	uint32_t index = handle & ESPNIC_SA_INDEX_MASK;

	if (!index || index > sad->capacity || sad->entries[index].handle != handle)
		return NULL;
	return &sad->entries[index];
}

uint32_t espnic_sad_count(const struct espnic_sad *sad)
{
	return sad->count;
}

struct espnic_sad_entry *espnic_sad_next(struct espnic_sad *sad, const struct espnic_sad_entry *prev)
{
	size_t i = prev ? (size_t)(prev - sad->entries) + 1 : 1;

	for (; i <= sad->capacity; i++)
		if (sad->entries[i].handle)
			return &sad->entries[i];
	return NULL;
}
