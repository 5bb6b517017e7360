// SPDX-License-Identifier: BSD-2-Clause
/*
 * The core as a whole: made, given connections, looked at.
 */
#include "ike.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vip.h"

void espnic_ike_settings_init(struct espnic_ike_settings *s)
{
	*s = (struct espnic_ike_settings){
		.half_open_max = 5000, .half_open_addr = 5, .cookie_threshold = 30, .sa_max = 200000, .half_open_ms = 30000,
		.retransmit_ms = 2000, .retransmit_factor = 180, .retransmit_tries = 5, .fragment_size = 1280,
		.keepalive_ms = 20000, .reqid_base = 16384, .reqids = 1u << 23, .log_per_second = 20,
	};
}

struct espnic_ike *espnic_ike_new(const struct espnic_ike_settings *s, char err[ESPNIC_IKE_TEXT])
{
	struct espnic_ike *ike = calloc(1, sizeof(*ike));
	void *probe;

	if (!ike || espnic_ike_crypto_init(&ike->crypto) < 0) {
		snprintf(err, ESPNIC_IKE_TEXT, ike ? "libcrypto lacks HMAC, SHA-1 or SHA-256" : "no memory");
		free(ike);
		return NULL;
	}
	ike->set = *s;
	ike->crypto.random = s->random;
	ike->crypto.random_ctx = s->ctx;
	probe = espnic_ike_arena_get(&ike->crypto.arena, sizeof(struct espnic_ike_keys));
	if (!probe || !espnic_ike_random(&ike->crypto, ike->hash_key, sizeof(ike->hash_key)) ||
	    !espnic_ike_random(&ike->crypto, ike->cookie_secret, sizeof(ike->cookie_secret))) {
		snprintf(err, ESPNIC_IKE_TEXT, probe ? "libcrypto has no random numbers" :
						       "memory for keys can't be locked (LimitMEMLOCK of systemd, ulimit -l)");
		espnic_ike_free(ike);
		return NULL;
	}
	espnic_ike_arena_put(&ike->crypto.arena, probe, sizeof(struct espnic_ike_keys));
	return ike;
}

void espnic_ike_free(struct espnic_ike *ike)
{
	if (!ike)
		return;
	while (ike->first)
		espnic_ike_sa_end(ike->first);
	espnic_ike_bury(ike);
	espnic_ike_pools_free(ike);
	for (size_t i = 0; i < ike->n_conns; i++)
		espnic_ike_conn_put(ike->conns[i]);
	free(ike->conns);
	espnic_ike_table_free(&ike->by_spi);
	espnic_ike_table_free(&ike->by_id);
	espnic_ike_table_free(&ike->by_init);
	espnic_ike_table_free(&ike->by_peer);
	espnic_ike_table_free(&ike->child_in);
	espnic_ike_table_free(&ike->child_out);
	espnic_ike_certs_free(&ike->certs);
	free(ike->heap);
	espnic_ike_texts_free(ike);
	free(ike->actions);
	espnic_ike_crypto_free(&ike->crypto);
	OPENSSL_cleanse(ike, sizeof(*ike));
	free(ike);
}

/* ------------------------------------------------------------------ connections */

static const char *check_child(const struct espnic_ike_child_conf *c)
{
	if (!*c->name)
		return "a child without a name";
	if (c->n_proposals < 1 || c->n_proposals > ESPNIC_IKE_PROPOSALS)
		return "no ESP proposal, or too many";
	for (unsigned int i = 0; i < c->n_proposals; i++)
		if (c->proposals[i].protocol != ESPNIC_IKE_PROTO_ESP)
			return "children are of ESP";
	if (c->n_local < 1 || c->n_remote < 1 || c->n_local > ESPNIC_IKE_TS || c->n_remote > ESPNIC_IKE_TS)
		return "no traffic selectors, or too many";
	if (c->inactivity_ms)
		return "`inactivity' is not supported";
	return NULL;
}

/* Keys that the connection names must be there: one that is not would only be missed when the peer comes. */
static const char *check_auth(const struct espnic_ike *ike, const struct espnic_ike_auth *local, const struct espnic_ike_auth *remote)
{
	if (local->method == ESPNIC_IKE_AUTH_PUBKEY && (local->n_keyids < 1 || !espnic_ike_cert_key(&ike->certs, local->keyid[0])))
		return "local: the certificate or public key to authenticate with is not there";
	if (remote->method != ESPNIC_IKE_AUTH_PUBKEY)
		return NULL;
	for (unsigned int i = 0; i < remote->n_keyids; i++)
		if (!espnic_ike_cert_key(&ike->certs, remote->keyid[i]))
			return "remote: a certificate or public key that it names is not there";
	return NULL;
}

static const char *check_conn(const struct espnic_ike *ike, const struct espnic_ike_conn *c)
{
	if (!*c->name)
		return "a connection without a name";
	if (c->n_proposals < 1 || c->n_proposals > ESPNIC_IKE_PROPOSALS)
		return "no IKE proposal, or too many";
	for (unsigned int i = 0; i < c->n_proposals; i++)
		if (c->proposals[i].protocol != ESPNIC_IKE_PROTO_IKE)
			return "an IKE proposal of another protocol";
	if (c->reauth_ms)
		return "reauthentication is not supported (reauth_time = 0)";
	if (c->fragmentation == ESPNIC_IKE_USE_FORCE)
		return "`fragmentation = force' is not supported";
	if (c->n_children > ESPNIC_IKE_CHILDREN)
		return "too many children";
	if (c->n_vips > ESPNIC_IKE_VIPS || c->n_pools > ESPNIC_IKE_POOLS || (c->n_vips == 2 && c->vips[0].family == c->vips[1].family))
		return "more than one virtual address of a family, or too many pools";
	if (c->ppk_id.len > sizeof(c->ppk_id.data))
		return "the identity of a PPK is too long";
	return check_auth(ike, &c->auth_local, &c->auth_remote);
}

static bool wants_certs(const struct espnic_ike_conn *c)
{
	return c->auth_remote.method == ESPNIC_IKE_AUTH_PUBKEY && c->send_certreq;
}

int espnic_ike_conn_load(struct espnic_ike *ike, struct espnic_ike_conn *conn, char err[ESPNIC_IKE_TEXT])
{
	const char *why = check_conn(ike, conn), *child = "";
	struct espnic_ike_conn **more;

	for (uint32_t i = 0; i < conn->n_children && !why; i++) {
		why = check_child(&conn->children[i]);
		child = conn->children[i].name;
	}
	if (why) {
		snprintf(err, ESPNIC_IKE_TEXT, "connection `%s'%s%s: %s", conn->name, *child ? ", child " : "", child, why);
		return -EINVAL;
	}
	for (size_t i = 0; i < ike->n_conns; i++) {
		if (strcmp(ike->conns[i]->name, conn->name) != 0)
			continue;
		espnic_ike_conn_get(conn);
		ike->want_certs += wants_certs(conn);
		ike->want_certs -= wants_certs(ike->conns[i]);
		espnic_ike_conn_put(ike->conns[i]);
		ike->conns[i] = conn;
		return 0;
	}
	more = realloc(ike->conns, (ike->n_conns + 1) * sizeof(struct espnic_ike_conn *));
	if (!more) {
		snprintf(err, ESPNIC_IKE_TEXT, "no memory");
		return -ENOMEM;
	}
	espnic_ike_conn_get(conn);
	ike->conns = more;
	ike->conns[ike->n_conns++] = conn;
	ike->want_certs += wants_certs(conn);
	return 0;
}

int espnic_ike_conn_unload(struct espnic_ike *ike, const char *name)
{
	for (size_t i = 0; i < ike->n_conns; i++) {
		if (strcmp(ike->conns[i]->name, name) != 0)
			continue;
		ike->want_certs -= wants_certs(ike->conns[i]);
		espnic_ike_conn_put(ike->conns[i]);
		ike->n_conns--;
		memmove(&ike->conns[i], &ike->conns[i + 1], (ike->n_conns - i) * sizeof(struct espnic_ike_conn *));
		return 0;
	}
	return -ENOENT;
}

const struct espnic_ike_conn *espnic_ike_conn_next(const struct espnic_ike *ike, const struct espnic_ike_conn *prev)
{
	size_t i = 0;

	while (prev && i < ike->n_conns && ike->conns[i] != prev)
		i++;
	if (prev)
		i++;
	return i < ike->n_conns ? ike->conns[i] : NULL;
}

/* ------------------------------------------------------------------ looking in */

static void child_info(const struct espnic_ike_child *c, struct espnic_ike_child_info *info)
{
	*info = (struct espnic_ike_child_info){
		.id = c->id, .reqid = c->reqid, .spi_in = c->spi_in, .spi_out = c->spi_out, .name = c->conf->name,
		.state = c->state, .mode = c->mode, .offload = c->offload, .offload_text = c->offload_text, .encap = c->encap,
		.esn = c->suite.esn, .encr = c->suite.encr, .integ = c->suite.integ, .ke = c->suite.ke, .ts_local = c->ts,
		.ts_remote = c->ts ? c->ts + c->n_local : NULL, .n_local = c->n_local, .n_remote = c->n_remote,
		.since_ms = c->since, .rekey_ms = c->rekey_at == ESPNIC_IKE_NEVER ? 0 : c->rekey_at,
		.life_ms = c->life_at == ESPNIC_IKE_NEVER ? 0 : c->life_at,
	};
}

static enum espnic_ike_state public_state(enum espnic_ike_sa_state s)
{
	switch (s) {
	case ESPNIC_IKE_ST_UP:
		return ESPNIC_IKE_ESTABLISHED;
	case ESPNIC_IKE_ST_REKEYED:
		return ESPNIC_IKE_REKEYED;
	case ESPNIC_IKE_ST_DELETING:
	case ESPNIC_IKE_ST_DEAD:
		return ESPNIC_IKE_DELETING;
	default:
		return ESPNIC_IKE_CONNECTING;
	}
}

void espnic_ike_list(const struct espnic_ike *ike, bool (*each)(void *ctx, const struct espnic_ike_sa_info *sa), void *ctx)
{
	struct espnic_ike_child_info children[ESPNIC_IKE_CHILDREN];
	bool more = true;

	for (const struct espnic_ike_sa *sa = ike->first; sa && more; sa = sa->next) {
		struct espnic_ike_sa_info info = {
			.id = sa->id, .conn = sa->conn->name, .state = public_state(sa->state), .initiator = sa->initiator,
			.spi_i = sa->spi_i, .spi_r = sa->spi_r, .local = sa->local, .remote = sa->remote,
			.local_id = sa->local_id, .remote_id = sa->remote_id, .nat_local = sa->nat_local,
			.nat_remote = sa->nat_remote, .ppk = sa->ppk == ESPNIC_IKE_PPK_USED, .encr = sa->suite.encr, .integ = sa->suite.integ, .prf = sa->suite.prf,
			.ke = sa->suite.ke, .since_ms = sa->since, .rekey_ms = sa->rekey_at == ESPNIC_IKE_NEVER ? 0 : sa->rekey_at,
			.children = children, .vips_own = sa->vips && sa->vips->own, .vips = sa->vips ? sa->vips->addr : NULL,
			.n_vips = sa->vips ? sa->vips->n : 0,
		};

		for (const struct espnic_ike_child *c = sa->children; c && info.n_children < ESPNIC_IKE_CHILDREN; c = c->next)
			child_info(c, &children[info.n_children++]);
		more = each(ctx, &info);
	}
}

const struct espnic_ike_counters *espnic_ike_counters(const struct espnic_ike *ike)
{
	return &ike->count;
}

int64_t espnic_ike_wall(const struct espnic_ike *ike)
{
	return ike->set.wall ? ike->set.wall(ike->set.ctx) : (int64_t)time(NULL);
}

static void hex(char *out, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sprintf(out + 2 * i, "%02x", p[i]);
	out[2 * len] = '\0';
}

void espnic_ike_log_keys(struct espnic_ike_sa *sa)
{
	char e[2][2 * ESPNIC_IKE_ENCR_KEY + 1], a[2][2 * ESPNIC_IKE_INTEG_KEY + 1], line[768];
	const struct espnic_ike_settings *set = &sa->ike->set;

	if (!set->keylog)
		return;
	for (enum espnic_ike_side side = ESPNIC_IKE_I; side <= ESPNIC_IKE_R; side++) {
		hex(e[side], espnic_ike_sk_e(sa->keys, side), sa->keys->e);
		hex(a[side], espnic_ike_sk_a(sa->keys, side), sa->keys->a);
	}
	snprintf(line, sizeof(line), "%016llx %016llx %s %s %s %s %s %s", (unsigned long long)sa->spi_i,
		 (unsigned long long)sa->spi_r, e[0], e[1], sa->suite.encr->name, a[0][0] ? a[0] : "-", a[1][0] ? a[1] : "-",
		 sa->suite.integ ? sa->suite.integ->name : "none");
	set->keylog(set->ctx, line);
}
