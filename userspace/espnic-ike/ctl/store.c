// SPDX-License-Identifier: BSD-2-Clause
#include "ctl/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST_ROOM = 8, /* of an array; doubled from then on */
};

static int fail(struct espnic_conf_error *err, const char *why)
{
	snprintf(err->text, sizeof(err->text), "%s", why);
	return -1;
}

/* Room for one more of @size bytes; the old array is wiped, for it may hold secrets. */
static bool grow(void **array, unsigned int n, unsigned int *room, size_t size)
{
	unsigned int want = *room ? 2 * *room : FIRST_ROOM;
	void *more;

	if (n < *room)
		return true;
	more = calloc(want, size);
	if (!more)
		return false;
	if (n) {
		memcpy(more, *array, n * size);
		explicit_bzero(*array, n * size);
	}
	free(*array);
	*array = more;
	*room = want;
	return true;
}

/* ---- connections ---- */

static int find(const struct espnic_store *s, const char *name)
{
	unsigned int i;

	for (i = 0; i < s->n_conns; i++)
		if (!strcmp(s->conns[i].c.node->name, name))
			return (int)i;
	return -1;
}

const struct espnic_store_conn *espnic_store_find_conn(const struct espnic_store *s, const char *name)
{
	int i = find(s, name);

	return i < 0 ? NULL : &s->conns[i];
}

static void drop_conn(struct espnic_store_conn *c)
{
	espnic_conns_free_conn(&c->c);
	espnic_conf_free(c->conf);
}

const struct espnic_store_conn *espnic_store_load_conn(struct espnic_store *s, struct espnic_conf *conf, espnic_store_take *take,
						       void *ctx, struct espnic_conf_error *err)
{
	const struct espnic_conf_node *node = espnic_conf_root(conf)->first;
	struct espnic_store_conn fresh = { .conf = conf };
	int at, rc = -1;

	if (!node || node->value || node->next)
		fail(err, "one connection is loaded at a time");
	else if (!espnic_conns_read_conn(node, &fresh.c, err))
		rc = 0;
	at = rc ? -1 : find(s, node->name);
	if (!rc && at < 0 && s->n_conns == ESPNIC_STORE_CONNS)
		rc = fail(err, "too many connections");
	if (!rc && at < 0 && !grow((void **)&s->conns, s->n_conns, &s->room_conns, sizeof(*s->conns)))
		rc = fail(err, "out of memory");
	if (!rc && take)
		rc = take(ctx, &fresh, at < 0 ? NULL : &s->conns[at], err);
	if (rc) {
		drop_conn(&fresh);
		return NULL;
	}
	if (at < 0)
		at = (int)s->n_conns++;
	else
		drop_conn(&s->conns[at]);
	s->conns[at] = fresh;
	return &s->conns[at];
}

bool espnic_store_unload_conn(struct espnic_store *s, const char *name)
{
	int at = find(s, name);

	if (at < 0)
		return false;
	drop_conn(&s->conns[at]);
	memmove(&s->conns[at], &s->conns[at + 1], (--s->n_conns - (unsigned int)at) * sizeof(*s->conns));
	return true;
}

/* ---- pools ---- */

static int find_pool(const struct espnic_store *s, const char *name)
{
	unsigned int i;

	for (i = 0; i < s->n_pools; i++)
		if (!strcmp(s->pools[i].conf.name, name))
			return (int)i;
	return -1;
}

const struct espnic_ike_pool_conf *espnic_store_find_pool(const struct espnic_store *s, const char *name)
{
	int at = find_pool(s, name);

	return at < 0 ? NULL : &s->pools[at].conf;
}

int espnic_store_load_pool(struct espnic_store *s, const struct espnic_store_pool *pool, struct espnic_conf_error *err)
{
	int at = find_pool(s, pool->conf.name);

	if (at < 0 && s->n_pools == ESPNIC_STORE_POOLS)
		return fail(err, "too many pools");
	if (at < 0 && !grow((void **)&s->pools, s->n_pools, &s->room_pools, sizeof(*s->pools)))
		return fail(err, "out of memory");
	s->pools[at < 0 ? s->n_pools++ : (unsigned int)at] = *pool;
	return 0;
}

bool espnic_store_unload_pool(struct espnic_store *s, const char *name)
{
	int at = find_pool(s, name);

	if (at < 0)
		return false;
	s->pools[at] = s->pools[--s->n_pools];
	return true;
}

/* ---- secrets ---- */

static int find_psk(const struct espnic_store *s, const char *id)
{
	unsigned int i;

	for (i = 0; *id && i < s->n_psks; i++)
		if (!strcmp(s->psks[i].id, id))
			return (int)i;
	return -1;
}

int espnic_store_load_psk(struct espnic_store *s, const struct espnic_store_psk *psk, struct espnic_conf_error *err)
{
	int at = find_psk(s, psk->id);

	if (at < 0 && s->n_psks == ESPNIC_STORE_PSKS)
		return fail(err, "too many secrets");
	if (at < 0 && !grow((void **)&s->psks, s->n_psks, &s->room_psks, sizeof(*s->psks)))
		return fail(err, "out of memory");
	if (at < 0)
		at = (int)s->n_psks++;
	else
		s->n_ppks -= s->psks[at].ppk;
	s->psks[at] = *psk;
	s->n_ppks += psk->ppk;
	return 0;
}

bool espnic_store_unload_psk(struct espnic_store *s, const char *id)
{
	int at = find_psk(s, id);

	if (at < 0)
		return false;
	s->n_ppks -= s->psks[at].ppk;
	memmove(&s->psks[at], &s->psks[at + 1], (--s->n_psks - (unsigned int)at) * sizeof(*s->psks));
	explicit_bzero(&s->psks[s->n_psks], sizeof(*s->psks));
	return true;
}

void espnic_store_clear_psks(struct espnic_store *s)
{
	if (s->psks)
		explicit_bzero(s->psks, s->n_psks * sizeof(*s->psks));
	s->n_psks = s->n_ppks = 0;
}

static bool owned(const struct espnic_store_psk *psk, const struct espnic_ike_id *id)
{
	unsigned int i;

	for (i = 0; i < psk->n_owners; i++)
		if (espnic_ike_id_matches(&psk->owner[i], id))
			return true;
	return false;
}

const struct espnic_secret *espnic_store_psk(const struct espnic_store *s, const struct espnic_ike_id *local,
					     const struct espnic_ike_id *remote)
{
	const struct espnic_store_psk *psk, *best = NULL;
	unsigned int i;
	int fit, best_fit = -1;

	for (i = 0; i < s->n_psks; i++) {
		psk = &s->psks[i];
		if (psk->ppk)
			continue;
		fit = owned(psk, local) + 2 * owned(psk, remote);
		/* of somebody else */
		if (psk->n_owners && !fit)
			continue;
		if (fit >= best_fit) {
			best_fit = fit;
			best = psk;
		}
	}
	return best ? &best->secret : NULL;
}

const struct espnic_secret *espnic_store_ppk(const struct espnic_store *s, const struct espnic_ike_id *id)
{
	const struct espnic_store_psk *any = NULL;
	unsigned int i, j;

	for (i = s->n_psks; i-- > 0;) {
		const struct espnic_store_psk *psk = &s->psks[i];

		if (!psk->ppk)
			continue;
		if (!psk->n_owners && !any)
			any = psk;
		for (j = 0; j < psk->n_owners; j++) {
			if (espnic_ike_ppk_id_is(&psk->owner[j], id))
				return &psk->secret;
			if (psk->owner[j].type == ESPNIC_IKE_ID_ANY && !any)
				any = psk;
		}
	}
	return any ? &any->secret : NULL;
}

void espnic_store_free(struct espnic_store *s)
{
	unsigned int i;

	for (i = 0; i < s->n_conns; i++)
		drop_conn(&s->conns[i]);
	espnic_store_clear_psks(s);
	free(s->conns);
	free(s->psks);
	free(s->pools);
	memset(s, 0, sizeof(*s));
}
