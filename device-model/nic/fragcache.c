// SPDX-License-Identifier: BSD-2-Clause
#include "nic/fragcache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct key {
	uint8_t src[16], dst[16];
	uint32_t id;
	uint32_t scope;
	uint32_t family_proto;
};

struct entry {
	struct key key;
	uint32_t verdict;
	uint64_t put_ms;		/* 0: empty */
	uint64_t age;			/* of puts: higher is newer */
};

struct espnic_fragcache {
	pthread_mutex_t lock;		/* for all of it; fragments are rare */
	uint64_t age;
	struct entry sets[ESPNIC_FRAGCACHE_SETS][ESPNIC_FRAGCACHE_WAYS];
};

struct espnic_fragcache *espnic_fragcache_new(void)
{
	struct espnic_fragcache *c = calloc(1, sizeof(*c));

	if (c)
		pthread_mutex_init(&c->lock, NULL);
	return c;
}

void espnic_fragcache_free(struct espnic_fragcache *c)
{
	if (!c)
		return;
	pthread_mutex_destroy(&c->lock);
	free(c);
}

void espnic_fragcache_clear(struct espnic_fragcache *c)
{
	pthread_mutex_lock(&c->lock);
	c->age = 0;
	memset(c->sets, 0, sizeof(c->sets));
	pthread_mutex_unlock(&c->lock);
}

static void make_key(struct key *k, uint32_t scope, const struct espnic_flow *flow)
{
	memcpy(k->src, flow->src, sizeof(k->src));
	memcpy(k->dst, flow->dst, sizeof(k->dst));
	k->id = flow->frag_id;
	k->scope = scope;
	/*
	 * IPv6: the upper protocol of a later fragment may hide behind extension headers of the
	 * first.
	 */
	k->family_proto =
		(uint32_t)flow->family << 8 | (flow->family == ESPNIC_IPV4 ? flow->proto : 0);
}

static unsigned int set_of(const struct key *k)
{
	uint32_t words[sizeof(*k) / sizeof(uint32_t)], h = 0;

	memcpy(words, k, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		/* 2^32 divided by the golden ratio: Knuth's multiplicative hash */
		h = (h ^ words[i]) * 0x9e3779b1u;
	return (h >> 16) % ESPNIC_FRAGCACHE_SETS;
}

static bool holds(const struct entry *e, const struct key *k)
{
	return e->put_ms && !memcmp(&e->key, k, sizeof(*k));
}

void espnic_fragcache_put(struct espnic_fragcache *c, uint32_t scope,
			  const struct espnic_flow *flow, uint64_t now_ms, uint32_t verdict)
{
	struct entry *set, *oldest;
	struct key k;

	make_key(&k, scope, flow);
	set = c->sets[set_of(&k)];
	oldest = &set[0];
	pthread_mutex_lock(&c->lock);
	for (int i = 0; i < ESPNIC_FRAGCACHE_WAYS; i++) {
		if (holds(&set[i], &k)) {
			oldest = &set[i];
			break;
		}
		if (set[i].age < oldest->age)
			oldest = &set[i];
	}
	*oldest = (struct entry){
		.key = k, .verdict = verdict, .put_ms = now_ms ? now_ms : 1, .age = ++c->age
	};
	pthread_mutex_unlock(&c->lock);
}

bool espnic_fragcache_get(struct espnic_fragcache *c, uint32_t scope,
			  const struct espnic_flow *flow, uint64_t now_ms, uint32_t *verdict)
{
	const struct entry *set;
	bool known = false;
	struct key k;

	make_key(&k, scope, flow);
	set = c->sets[set_of(&k)];
	pthread_mutex_lock(&c->lock);
	for (int i = 0; i < ESPNIC_FRAGCACHE_WAYS && !known; i++) {
		if (!holds(&set[i], &k))
			continue;
		if (now_ms > set[i].put_ms && now_ms - set[i].put_ms > ESPNIC_FRAGCACHE_MS)
			break;
		*verdict = set[i].verdict;
		known = true;
	}
	pthread_mutex_unlock(&c->lock);
	return known;
}
