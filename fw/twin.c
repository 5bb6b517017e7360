// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which SAs are the same: by key and salt (twins: one is live, the others dormant), and
 * inbound by SPI and destination (one key alone). And how far keys had got whose SAs are gone.
 * All by keyed digests: of the keys themselves nothing is kept.
 */
#include "internal.h"

enum {
	PLACE_LEN = 1 + 2 + 4 + 16,	/* bytes: tag, family, protocol, SPI, destination */
	KEY_LEN = 2 + 64 + 8,		/* bytes: direction, key length, key, salt */
	AUTH_KEY = 0x80,		/* in the length: an authentication key */
	TAG_PLACE = 0xff,		/* in the place of a direction: no digest of a key */
};

static bool same(const struct espnic_fw_digest *a, const struct espnic_fw_digest *b)
{
	/* Keyed digests are no secrets: a plain compare will do. */
	return !memcmp(a, b, sizeof(*a));
}

struct espnic_fw_names espnic_fw_names_of(const struct espnic_fw *fw,
					  const struct espnic_cmd_sa_add *c)
{
	uint8_t place[PLACE_LEN], key[KEY_LEN];
	struct espnic_fw_names n;

	place[0] = TAG_PLACE;
	place[1] = c->family;
	place[2] = c->proto;
	memcpy(place + 3, &c->spi, sizeof(c->spi));
	memcpy(place + 7, c->daddr, sizeof(c->daddr));
	n.place = espnic_fw_digest(fw->id_key, place, sizeof(place));

	/*
	 * Whatever the transform: one key and salt under two of them, AES-GCM and AES-CTR say, would give one
	 * key stream twice. What does not encrypt is told by the key it has.
	 */
	memset(key, 0, sizeof(key));
	key[0] = c->dir;
	if (c->enc_key_len) {
		key[1] = c->enc_key_len;
		memcpy(key + 2, c->enc_key, sizeof(c->enc_key));
	} else {
		key[1] = AUTH_KEY | c->auth_key_len;
		memcpy(key + 2, c->auth_key, sizeof(c->auth_key));
	}
	memcpy(key + KEY_LEN - sizeof(c->salt), c->salt, sizeof(c->salt));
	n.key = espnic_fw_digest(fw->id_key, key, sizeof(key));
	espnic_fw_wipe(key, sizeof(key));
	return n;
}

static uint16_t *bucket(uint16_t *buckets, const struct espnic_fw_digest *d)
{
	return &buckets[d->w[0] & (ESPNIC_FW_ID_BUCKETS - 1)];
}

static uint16_t index_of(const struct espnic_fw *fw, const struct espnic_fw_sa *sa)
{
	return (uint16_t)(sa - fw->sa);
}

/* Puts @sa into the chain of kind @k behind @before, or at its @head (@before NULL). */
static void link_sa(struct espnic_fw *fw, uint16_t *head, struct espnic_fw_sa *before,
		    struct espnic_fw_sa *sa, enum espnic_fw_chain k)
{
	uint16_t *p = before ? &before->link[k].next : head;

	sa->link[k].next = *p;
	sa->link[k].prev = before ? index_of(fw, before) : 0;
	if (*p)
		fw->sa[*p].link[k].prev = index_of(fw, sa);
	*p = index_of(fw, sa);
}

static void unlink_sa(struct espnic_fw *fw, uint16_t *head, struct espnic_fw_sa *sa,
		      enum espnic_fw_chain k)
{
	struct espnic_fw_link *l = &sa->link[k];

	if (l->prev)
		fw->sa[l->prev].link[k].next = l->next;
	else
		*head = l->next;
	if (l->next)
		fw->sa[l->next].link[k].prev = l->prev;
}

void espnic_fw_names_keep(struct espnic_fw *fw, struct espnic_fw_sa *sa, struct espnic_fw_sa *live)
{
	/* Of one key the live SA stands first, then its twins, the newest first. */
	link_sa(fw, bucket(fw->key_bucket, &sa->names.key), live, sa, ESPNIC_FW_BY_KEY);
	if (sa->dir == ESPNIC_CMD_SA_DIR_IN)
		link_sa(fw, bucket(fw->place_bucket, &sa->names.place), NULL, sa,
			ESPNIC_FW_BY_PLACE);
}

void espnic_fw_names_drop(struct espnic_fw *fw, struct espnic_fw_sa *sa)
{
	unlink_sa(fw, bucket(fw->key_bucket, &sa->names.key), sa, ESPNIC_FW_BY_KEY);
	if (sa->dir == ESPNIC_CMD_SA_DIR_IN)
		unlink_sa(fw, bucket(fw->place_bucket, &sa->names.place), sa, ESPNIC_FW_BY_PLACE);
}

bool espnic_fw_place_taken(struct espnic_fw *fw, const struct espnic_fw_names *n)
{
	uint32_t i;

	/* Those of one place all have one key: the first one found tells. */
	for (i = *bucket(fw->place_bucket, &n->place); i; i = fw->sa[i].link[ESPNIC_FW_BY_PLACE].next)
		if (same(&fw->sa[i].names.place, &n->place))
			return !same(&fw->sa[i].names.key, &n->key);
	return false;
}

/* The first SA of that key from index @i of its chain on; NULL: none. */
static struct espnic_fw_sa *of_key(struct espnic_fw *fw, uint32_t i,
				   const struct espnic_fw_digest *key)
{
	for (; i; i = fw->sa[i].link[ESPNIC_FW_BY_KEY].next)
		if (same(&fw->sa[i].names.key, key))
			return &fw->sa[i];
	return NULL;
}

struct espnic_fw_sa *espnic_fw_live(struct espnic_fw *fw, const struct espnic_fw_names *n)
{
	return of_key(fw, *bucket(fw->key_bucket, &n->key), &n->key);
}

struct espnic_fw_sa *espnic_fw_heir(struct espnic_fw *fw, const struct espnic_fw_sa *live)
{
	return of_key(fw, live->link[ESPNIC_FW_BY_KEY].next, &live->names.key);
}

/* ---- keys whose SAs are gone ---- */

static uint16_t *spent_bucket(struct espnic_fw *fw, const struct espnic_fw_digest *key)
{
	return bucket(fw->spent_bucket, key);
}

/* What points to the place of @key in its chain (0: it is not there). */
static uint16_t *spent_find(struct espnic_fw *fw, const struct espnic_fw_digest *key)
{
	uint16_t *p = spent_bucket(fw, key);

	while (*p && !same(&fw->spent[*p].key, key))
		p = &fw->spent[*p].next;
	return p;
}

static void spent_take_out(struct espnic_fw *fw, uint16_t *p)
{
	struct espnic_fw_spent *s = &fw->spent[*p];

	*p = s->next;
	memset(s, 0, sizeof(*s));
}

uint64_t espnic_fw_spent(struct espnic_fw *fw, const struct espnic_fw_names *n)
{
	return fw->spent[*spent_find(fw, &n->key)].seq;
}

void espnic_fw_spent_keep(struct espnic_fw *fw, const struct espnic_fw_names *n, uint64_t seq)
{
	uint16_t at = (uint16_t)(1 + fw->spent_count++ % ESPNIC_FW_SPENT);
	struct espnic_fw_spent *s = &fw->spent[at];
	uint16_t *p = spent_find(fw, &n->key);

	if (*p) {
		if (fw->spent[*p].seq > seq)
			seq = fw->spent[*p].seq;
		spent_take_out(fw, p);
	}
	/* The oldest stood here. */
	if (s->used)
		spent_take_out(fw, spent_find(fw, &s->key));
	*s = (struct espnic_fw_spent){ .key = n->key, .seq = seq, .used = true,
				       .next = *spent_bucket(fw, &n->key) };
	*spent_bucket(fw, &n->key) = at;
}

void espnic_fw_names_wipe(struct espnic_fw *fw)
{
	uint32_t spent = fw->spent_count < ESPNIC_FW_SPENT ? fw->spent_count : ESPNIC_FW_SPENT;

	/* What was used alone: a command's time must do for it on any core. */
	for (uint32_t i = 1; i <= ESPNIC_MAX_SAS; i++)
		if (fw->sa[i].handle)
			espnic_fw_wipe(&fw->sa[i], sizeof(fw->sa[i]));
	espnic_fw_wipe(fw->spent, (spent + 1) * (uint32_t)sizeof(fw->spent[0]));
	memset(fw->key_bucket, 0, sizeof(fw->key_bucket));
	memset(fw->place_bucket, 0, sizeof(fw->place_bucket));
	memset(fw->spent_bucket, 0, sizeof(fw->spent_bucket));
	fw->leases_waiting = 0;
	fw->spent_count = 0;
}
