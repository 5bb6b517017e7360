// SPDX-License-Identifier: BSD-2-Clause
/* Connections and secrets, by VICI or from a file, into the store, the core and the kernel. */
#include <stdio.h>
#include <string.h>

#include "main/daemon.h"

static int fail(struct espnic_conf_error *err, const char *why)
{
	snprintf(err->text, sizeof(err->text), "%s", why);
	return -1;
}

/* ---- one connection ---- */

static const struct espnic_ike_child_conf *find_child(const struct espnic_store_conn *c, const char *name)
{
	uint32_t i;

	for (i = 0; c && i < c->c.conn->n_children; i++)
		if (!strcmp(c->c.conn->children[i].name, name))
			return &c->c.conn->children[i];
	return NULL;
}

/*
 * A child of one peer has one reqid for good, so that a trap and SAs after one another have the same policies. Of many peers
 * each SA takes its own.
 */
static void give_reqids(struct espnic_daemon *d, struct espnic_ike_conn *conn, const struct espnic_store_conn *old)
{
	bool one = conn->n_remote == 1 && espnic_ike_net_one(&conn->remote[0]);
	const struct espnic_ike_child_conf *was;
	uint32_t i;

	for (i = 0; i < conn->n_children; i++) {
		if (conn->children[i].reqid || !one)
			continue;
		was = find_child(old, conn->children[i].name);
		if (was && was->reqid >> ESPNIC_REQID_SHIFT == ESPNIC_REQID_OURS)
			conn->children[i].reqid = was->reqid;
		else
			conn->children[i].reqid = ESPNIC_REQID_FIXED + ++d->last_reqid % (ESPNIC_REQID_CORE - ESPNIC_REQID_FIXED);
	}
}

static const char *refused(const struct espnic_daemon *d, const struct espnic_ike_conn *c)
{
	if (c->local_port && c->local_port != d->opt.port && c->local_port != d->opt.natt)
		return "local_port: IKE listens at other ports (--port, --natt-port)";
	return NULL;
}

int espnic_daemon_take(void *ctx, struct espnic_store_conn *fresh, const struct espnic_store_conn *old, struct espnic_conf_error *err)
{
	struct espnic_daemon *d = ctx;
	const char *why = refused(d, fresh->c.conn);

	if (why)
		return fail(err, why);
	give_reqids(d, fresh->c.conn, old);
	if (espnic_daemon_conn_creds(d, fresh, err))
		return -1;
	return espnic_daemon_load(d, fresh->c.conn, err);
}

static bool wanted(const struct espnic_store_conn *conn, const struct espnic_trap *t)
{
	const struct espnic_ike_child_conf *c = find_child(conn, t->conf.name);
	unsigned int i;

	if (t->what == ESPNIC_CHILD_PROTECT)
		return c && (c->start == ESPNIC_IKE_TRAP || c->close == ESPNIC_IKE_TRAP || c->dpd == ESPNIC_IKE_TRAP);
	for (i = 0; i < conn->c.n_shunts; i++)
		if (!strcmp(conn->c.shunts[i].conf.name, t->conf.name))
			return conn->c.shunts[i].conf.start != ESPNIC_IKE_NONE;
	return false;
}

/* Policies that the connection as it was had, and as it is has not. */
static void remove_others(struct espnic_daemon *d, const struct espnic_store_conn *conn)
{
	struct espnic_trap *t = d->standing.traps, *next;

	for (; t; t = next) {
		next = t->next;
		if (!strcmp(t->conn, conn->c.conn->name) && !wanted(conn, t))
			espnic_standing_remove(&d->standing, t->conn, t->conf.name);
	}
}

void espnic_daemon_loaded(void *ctx, const struct espnic_store_conn *conn)
{
	const struct espnic_ike_conn *c = conn->c.conn;
	struct espnic_daemon *d = ctx;
	char why[ESPNIC_XFRM_TEXT];
	unsigned int i;
	int rc;

	remove_others(d, conn);
	for (i = 0; i < conn->c.n_shunts; i++) {
		const struct espnic_conf_shunt *s = &conn->c.shunts[i];

		rc = s->conf.start == ESPNIC_IKE_NONE ? 0 : espnic_standing_shunt(&d->standing, c->name, s, why);
		if (rc)
			espnic_log_note(&d->log, "kernel", "conn=%s child=%s: %s", c->name, s->conf.name, why);
	}
	for (i = 0; i < c->n_children; i++) {
		const struct espnic_ike_child_conf *child = &c->children[i];

		rc = child->start == ESPNIC_IKE_TRAP ? espnic_standing_trap(&d->standing, c, child, why) : 0;
		if (rc)
			espnic_log_note(&d->log, "kernel", "conn=%s child=%s: its trap: %s", c->name, child->name, why);
		if (child->start == ESPNIC_IKE_START && !espnic_sas_up(&d->sas, c->name, child->name))
			espnic_daemon_initiate(d, c, child->name);
	}
}

void espnic_daemon_unloading(void *ctx, const struct espnic_store_conn *conn)
{
	struct espnic_daemon *d = ctx;

	espnic_daemon_unload(d, conn->c.conn->name);
	espnic_standing_remove(&d->standing, conn->c.conn->name, NULL);
}

/* ---- a file ---- */

static int copy(struct espnic_conf *to, struct espnic_conf_node *parent, const struct espnic_conf_node *from,
		struct espnic_conf_error *err)
{
	struct espnic_conf_node *made;
	const struct espnic_conf_node *n;

	if (from->template || (from->value && from->unset))
		return 0;
	made = espnic_conf_add(to, parent, from->name, strlen(from->name), from->value, from->value ? strlen(from->value) : 0, err);
	if (!made)
		return -1;
	for (n = from->first; n; n = n->next)
		if (copy(to, made, n, err))
			return -1;
	return 0;
}

/* A connection of the file as a tree of its own, which the store keeps. */
static int load_one(struct espnic_daemon *d, const struct espnic_conf_node *node, struct espnic_conf_error *err)
{
	struct espnic_conf *conf = espnic_conf_new(node->file, err);
	const struct espnic_store_conn *conn;

	if (!conf)
		return -1;
	if (copy(conf, espnic_conf_top(conf), node, err)) {
		espnic_conf_free(conf);
		return -1;
	}
	conn = espnic_store_load_conn(&d->store, conf, espnic_daemon_take, d, err);
	if (!conn)
		return -1;
	/* its place in the store is known by its name */
	d->store.conns[conn - d->store.conns].of_file = true;
	espnic_daemon_loaded(d, conn);
	return 0;
}

static int load_psks(struct espnic_daemon *d, const struct espnic_conf_conns *c, struct espnic_conf_error *err)
{
	struct espnic_store_psk psk;
	unsigned int i = 0;
	int rc = 0;

	while (i < d->store.n_psks)
		if (!d->store.psks[i].of_file || !espnic_store_unload_psk(&d->store, d->store.psks[i].id))
			i++;
	for (i = 0; i < c->n_psks && !rc; i++) {
		memset(&psk, 0, sizeof(psk));
		psk.of_file = true;
		psk.ppk = c->psks[i].ppk;
		snprintf(psk.id, sizeof(psk.id), "%s", c->psks[i].node->name);
		psk.n_owners = c->psks[i].n_owners;
		memcpy(psk.owner, c->psks[i].owner, sizeof(psk.owner));
		psk.secret = c->psks[i].secret;
		rc = espnic_store_load_psk(&d->store, &psk, err);
	}
	explicit_bzero(&psk, sizeof(psk));
	return rc;
}

/* The pools of the file, before the connections that name them. */
static int load_pools(struct espnic_daemon *d, const struct espnic_conf_conns *c, struct espnic_conf_error *err)
{
	struct espnic_store_pool pool = { .of_file = true };
	unsigned int i, j;

	for (i = 0; i < d->store.n_pools;) {
		const struct espnic_store_pool *p = &d->store.pools[i];

		for (j = 0; j < c->n_pools && strcmp(c->pools[j].name, p->conf.name) != 0; j++)
			;
		if (!p->of_file || j < c->n_pools) {
			i++;
			continue;
		}
		if (espnic_daemon_unload_pool(d, p->conf.name, err))
			return -1;
		espnic_store_unload_pool(&d->store, p->conf.name);
	}
	for (i = 0; i < c->n_pools; i++) {
		pool.conf = c->pools[i];
		if (espnic_daemon_load_pool(d, &pool.conf, err) || espnic_store_load_pool(&d->store, &pool, err))
			return -1;
	}
	return 0;
}

static bool named(const struct espnic_conf_conns *c, const char *name)
{
	unsigned int i;

	for (i = 0; i < c->n_conns; i++)
		if (!strcmp(c->conns[i].node->name, name))
			return true;
	return false;
}

static void unload_others(struct espnic_daemon *d, const struct espnic_conf_conns *c)
{
	unsigned int i = 0;

	while (i < d->store.n_conns) {
		const struct espnic_store_conn *conn = &d->store.conns[i];

		if (!conn->of_file || named(c, conn->c.node->name)) {
			i++;
			continue;
		}
		espnic_daemon_unloading(d, conn);
		espnic_store_unload_conn(&d->store, conn->c.node->name);
	}
}

int espnic_daemon_reload(void *ctx, struct espnic_conf_error *err)
{
	struct espnic_conf_conns conns = { 0 };
	struct espnic_daemon *d = ctx;
	struct espnic_conf *conf;
	unsigned int i;
	int rc = -1;

	if (!d->opt.config)
		return 0;
	conf = espnic_conf_load(d->opt.config, err);
	/* all of it is read before any of it counts: then errors have a file and a line */
	if (conf)
		rc = espnic_conns_read(espnic_conf_root(conf), &conns, err);
	if (!rc) {
		unload_others(d, &conns);
		rc = load_psks(d, &conns, err) || load_pools(d, &conns, err) || espnic_daemon_folders(d, err) ? -1 : 0;
	}
	for (i = 0; i < conns.n_conns && !rc; i++)
		rc = load_one(d, conns.conns[i].node, err);
	if (!rc)
		espnic_log_note(&d->log, "config", "%s: %u connections, %u secrets", d->opt.config, conns.n_conns, conns.n_psks);
	espnic_conns_free(&conns);
	espnic_conf_free(conf);
	return rc;
}
