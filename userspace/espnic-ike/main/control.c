// SPDX-License-Identifier: BSD-2-Clause
/* What clients ask of the daemon, and those of them that wait for it to happen. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "main/daemon.h"

enum {
	WAITED_FOR = 1024, /* SAs that one client ends by name and waits for; more go without its waiting */
	LOG_LINE = 1024, /* bytes of an event as a text */
};

/* A client that wants to know when something is up, or all of something is down. */
struct espnic_waiter {
	struct espnic_waiter *next;
	uint64_t ticket, until_ms;
	char conn[ESPNIC_IKE_NAME], child[ESPNIC_IKE_NAME]; /* to be up; child "": any of it */
	unsigned int n, matches; /* to be down: how many still, and were */
	bool down, children; /* down: the ids are of children, or of IKE SAs */
	uint32_t id[WAITED_FOR];
};

/* ---- answers ---- */

static void answer(struct espnic_daemon *d, uint64_t ticket, const char *why, const struct espnic_waiter *down)
{
	struct espnic_vici_writer w;

	espnic_vici_begin(&w, ESPNIC_VICI_CMD_RESPONSE, NULL);
	if (why)
		espnic_ctl_failure(&w, why);
	else
		espnic_ctl_success(&w);
	if (down) {
		espnic_vici_value(&w, "matches", "%u", down->matches);
		espnic_vici_value(&w, "terminated", "%u", down->matches - down->n);
	}
	espnic_ctl_done(d->server, ticket, &w);
}

static struct espnic_waiter *wait_for(struct espnic_daemon *d, uint64_t ticket, int64_t timeout_ms)
{
	struct espnic_waiter *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->ticket = ticket;
	w->until_ms = timeout_ms > 0 ? espnic_daemon_now() + (uint64_t)timeout_ms : UINT64_MAX;
	w->next = d->waiters;
	d->waiters = w;
	return w;
}

/* @why NULL: it is as it wanted. */
static void finish(struct espnic_daemon *d, struct espnic_waiter **at, const char *why)
{
	struct espnic_waiter *w = *at;

	*at = w->next;
	answer(d, w->ticket, why, w->down ? w : NULL);
	free(w);
}

uint64_t espnic_daemon_waiters(struct espnic_daemon *d)
{
	struct espnic_waiter **at = &d->waiters;
	uint64_t now = espnic_daemon_now(), next = UINT64_MAX;

	while (*at) {
		if ((*at)->until_ms <= now) {
			finish(d, at, (*at)->down ? "not all are down yet" : "not up yet: it goes on");
			continue;
		}
		if ((*at)->until_ms < next)
			next = (*at)->until_ms;
		at = &(*at)->next;
	}
	return next;
}

void espnic_daemon_drop_waiters(struct espnic_daemon *d)
{
	while (d->waiters)
		finish(d, &d->waiters, "the daemon is ending");
}

/* ---- events ---- */

static bool same(const char *want, const char *is)
{
	return !*want || (is && !strcmp(want, is));
}

/* What @e means for one that waits for something to be up: NULL nothing, "" it is, else why it failed. */
static const char *up(const struct espnic_waiter *w, const struct espnic_ike_event *e)
{
	if (!same(w->conn, e->conn))
		return NULL;
	switch (e->kind) {
	case ESPNIC_IKE_EV_CHILD_UP:
		return same(w->child, e->child) ? "" : NULL;
	case ESPNIC_IKE_EV_CHILD_FAILED:
		return !e->child || same(w->child, e->child) ? (e->text && *e->text ? e->text : "it failed") : NULL;
	case ESPNIC_IKE_EV_IKE_FAILED:
		return e->text && *e->text ? e->text : "it failed";
	case ESPNIC_IKE_EV_IKE_DOWN:
		return "the IKE SA went down";
	default:
		return NULL;
	}
}

/* Cross off what @e ended; true: that was the last. */
static bool down(struct espnic_waiter *w, const struct espnic_ike_event *e)
{
	bool ike = e->kind == ESPNIC_IKE_EV_IKE_DOWN || e->kind == ESPNIC_IKE_EV_IKE_FAILED;
	bool child = e->kind == ESPNIC_IKE_EV_CHILD_DOWN || e->kind == ESPNIC_IKE_EV_CHILD_FAILED;
	uint32_t id = w->children ? e->child_id : e->ike_id;
	unsigned int i;

	if (w->children ? !child : !ike)
		return false;
	for (i = 0; i < w->n; i++)
		if (w->id[i] == id)
			w->id[i--] = w->id[--w->n];
	return !w->n;
}

static void tell_log(struct espnic_daemon *d, uint64_t ticket, const char *name, const struct espnic_ike_event *e, const char *line)
{
	struct espnic_vici_writer w;

	espnic_vici_begin(&w, ESPNIC_VICI_EVENT, name);
	espnic_vici_value(&w, "group", "IKE");
	espnic_vici_value(&w, "level", "1");
	espnic_vici_value(&w, "thread", "0");
	if (e->conn)
		espnic_vici_value(&w, "ikesa-name", "%s", e->conn);
	if (e->ike_id)
		espnic_vici_value(&w, "ikesa-uniqueid", "%u", e->ike_id);
	espnic_vici_value(&w, "msg", "%s", line);
	espnic_ctl_tell(d->server, ticket, name, &w);
}

/* `log` for whoever listens, `control-log` for who waits for this. */
static void tell_lines(struct espnic_daemon *d, const struct espnic_ike_event *e)
{
	char line[LOG_LINE] = "";
	struct espnic_log log = { .form = ESPNIC_LOG_TEXT };
	const struct espnic_waiter *w;
	FILE *out;

	if (!d->waiters && !espnic_ctl_heard(d->server, 0, "log"))
		return;
	out = fmemopen(line, sizeof(line), "w");
	if (!out)
		return;
	log.out = out;
	espnic_log_event(&log, e);
	fclose(out);
	line[strcspn(line, "\n")] = 0;
	tell_log(d, 0, "log", e, line);
	for (w = d->waiters; w; w = w->next)
		if (w->down || same(w->conn, e->conn))
			tell_log(d, w->ticket, "control-log", e, line);
}

/* The events of strongSwan's that have a name: which, and is it up? */
static void tell_updown(struct espnic_daemon *d, const struct espnic_ike_event *e)
{
	bool ike = e->kind == ESPNIC_IKE_EV_IKE_UP || e->kind == ESPNIC_IKE_EV_IKE_DOWN;
	bool child = e->kind == ESPNIC_IKE_EV_CHILD_UP || e->kind == ESPNIC_IKE_EV_CHILD_DOWN;
	const char *name = ike ? "ike-updown" : "child-updown";
	struct espnic_vici_writer w;

	if ((!ike && !child) || !espnic_ctl_heard(d->server, 0, name))
		return;
	espnic_vici_begin(&w, ESPNIC_VICI_EVENT, name);
	if (e->kind == ESPNIC_IKE_EV_IKE_UP || e->kind == ESPNIC_IKE_EV_CHILD_UP)
		espnic_vici_value(&w, "up", "yes");
	espnic_vici_section(&w, e->conn ? e->conn : "");
	espnic_vici_value(&w, "uniqueid", "%u", e->ike_id);
	if (child) {
		espnic_vici_section(&w, "child-sas");
		espnic_vici_section(&w, e->child ? e->child : "");
		espnic_vici_value(&w, "name", "%s", e->child ? e->child : "");
		espnic_vici_value(&w, "uniqueid", "%u", e->child_id);
		espnic_vici_section_end(&w);
		espnic_vici_section_end(&w);
	}
	espnic_vici_section_end(&w);
	espnic_ctl_tell(d->server, 0, name, &w);
}

static void tell_numbers(struct espnic_vici_writer *w, const char *section, uint32_t id)
{
	espnic_vici_section(w, section);
	espnic_vici_value(w, "uniqueid", "%u", id);
	espnic_vici_section_end(w);
}

/* One in the place of another: both by their numbers, list-sas has the rest. */
static void tell_rekeyed(struct espnic_daemon *d, const struct espnic_ike_event *e)
{
	bool child = e->kind == ESPNIC_IKE_EV_CHILD_REKEYED;
	const char *name = child ? "child-rekey" : "ike-rekey";
	struct espnic_vici_writer w;

	if ((!child && e->kind != ESPNIC_IKE_EV_IKE_REKEYED) || !espnic_ctl_heard(d->server, 0, name))
		return;
	espnic_vici_begin(&w, ESPNIC_VICI_EVENT, name);
	espnic_vici_section(&w, e->conn ? e->conn : "");
	if (child) {
		espnic_vici_value(&w, "uniqueid", "%u", e->ike_id);
		espnic_vici_section(&w, "child-sas");
		espnic_vici_section(&w, e->child ? e->child : "");
	}
	tell_numbers(&w, "old", e->old_id);
	tell_numbers(&w, "new", child ? e->child_id : e->ike_id);
	if (child) {
		espnic_vici_section_end(&w);
		espnic_vici_section_end(&w);
	}
	espnic_vici_section_end(&w);
	espnic_ctl_tell(d->server, 0, name, &w);
}

/* An IKE SA has other addresses. The event's are the new ones. */
static void tell_moved(struct espnic_daemon *d, const struct espnic_ike_event *e)
{
	char text[INET6_ADDRSTRLEN];
	struct espnic_vici_writer w;

	if (e->kind != ESPNIC_IKE_EV_NOTE || !e->text || strncmp(e->text, "moved ", 6) != 0 || !espnic_ctl_heard(d->server, 0, "ike-update"))
		return;
	espnic_vici_begin(&w, ESPNIC_VICI_EVENT, "ike-update");
	espnic_vici_value(&w, "remote-host", "%s", espnic_ike_addr_text(&e->remote.addr, text, sizeof(text)));
	espnic_vici_value(&w, "remote-port", "%u", e->remote.port);
	tell_numbers(&w, e->conn ? e->conn : "", e->ike_id);
	espnic_ctl_tell(d->server, 0, "ike-update", &w);
}

/* Is it to be there again when its peer has left it? */
static bool comes_back(const struct espnic_ike_conn *conn, const struct espnic_ike_child_conf *conf)
{
	/* to begin anew with many, there is nobody to begin with */
	if (conf->close == ESPNIC_IKE_START || conf->dpd == ESPNIC_IKE_START)
		return conn->n_remote && espnic_ike_net_one(&conn->remote[0]);
	return conf->close == ESPNIC_IKE_TRAP || conf->dpd == ESPNIC_IKE_TRAP;
}

/*
 * A child that is to be trapped, or begun anew, when its peer leaves it is trapped from its first SA on, so that there is no moment in between in
 * which it leaves in clear.
 */
static void trap(struct espnic_daemon *d, const struct espnic_ike_event *e)
{
	const struct espnic_store_conn *c = e->conn ? espnic_store_find_conn(&d->store, e->conn) : NULL;
	char why[ESPNIC_XFRM_TEXT];
	uint32_t i;

	for (i = 0; c && i < c->c.conn->n_children; i++) {
		const struct espnic_ike_child_conf *conf = &c->c.conn->children[i];

		if (!e->child || strcmp(conf->name, e->child) != 0 || conf->start == ESPNIC_IKE_TRAP || !comes_back(c->c.conn, conf))
			continue;
		if (e->kind == ESPNIC_IKE_EV_CHILD_UP && espnic_standing_trap(&d->standing, c->c.conn, conf, why))
			espnic_log_note(&d->log, "kernel", "conn=%s child=%s: its trap: %s", e->conn, e->child, why);
		if (e->kind == ESPNIC_IKE_EV_CHILD_DOWN && e->text && !strcmp(e->text, "terminated"))
			espnic_standing_remove(&d->standing, e->conn, e->child);
	}
}

void espnic_daemon_event(void *ctx, const struct espnic_ike_event *e)
{
	struct espnic_daemon *d = ctx;
	struct espnic_waiter **at = &d->waiters;

	if (d->server) {
		tell_lines(d, e);
		tell_updown(d, e);
		tell_rekeyed(d, e);
		tell_moved(d, e);
	}
	if (e->kind == ESPNIC_IKE_EV_CHILD_UP || e->kind == ESPNIC_IKE_EV_CHILD_DOWN)
		trap(d, e);
	while (*at) {
		const char *why = (*at)->down ? NULL : up(*at, e);

		if ((*at)->down ? down(*at, e) : why != NULL)
			finish(d, at, why && *why ? why : NULL);
		else
			at = &(*at)->next;
	}
}

/* ---- initiate ---- */

/* The connection that @a means; with a child's name alone, the first that has it. */
static const struct espnic_ike_conn *find_conn(const struct espnic_daemon *d, const struct espnic_ctl_ask *a)
{
	unsigned int i;
	uint32_t j;

	for (i = 0; i < d->store.n_conns; i++) {
		const struct espnic_ike_conn *c = d->store.conns[i].c.conn;

		if (*a->ike && strcmp(c->name, a->ike) != 0)
			continue;
		if (!*a->child)
			return c;
		for (j = 0; j < c->n_children; j++)
			if (!strcmp(c->children[j].name, a->child))
				return c;
	}
	return NULL;
}

void espnic_daemon_initiate(struct espnic_daemon *d, const struct espnic_ike_conn *conn, const char *child)
{
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_INITIATE };
	struct espnic_route route;

	in.initiate.conn = conn->name;
	in.initiate.child = child;
	/* one address is as it is told; of several, or none, the route tells */
	if (conn->n_local == 1 && espnic_ike_net_one(&conn->local[0]))
		in.initiate.local = conn->local[0].addr;
	else if (conn->n_remote && espnic_route(&conn->remote[0].addr, NULL, &route))
		in.initiate.local = route.local;
	espnic_daemon_input(d, &in);
}

static void initiate(void *ctx, const struct espnic_ctl_ask *a, uint64_t ticket)
{
	struct espnic_daemon *d = ctx;
	const struct espnic_ike_conn *conn = find_conn(d, a);
	struct espnic_waiter *w = NULL;

	if (!conn) {
		answer(d, ticket, "no such connection or child", NULL);
		return;
	}
	if (a->timeout_ms >= 0)
		w = wait_for(d, ticket, a->timeout_ms);
	if (w) {
		snprintf(w->conn, sizeof(w->conn), "%s", conn->name);
		snprintf(w->child, sizeof(w->child), "%s", a->child);
	}
	espnic_daemon_initiate(d, conn, *a->child ? a->child : NULL);
	if (!w)
		answer(d, ticket, a->timeout_ms < 0 ? NULL : "out of memory to wait for it", NULL);
}

/* ---- terminate, rekey ---- */

/* What of the SAs there are is meant. */
struct meant {
	const struct espnic_ctl_ask *ask;
	bool children;
	unsigned int n;
	uint32_t id[WAITED_FOR];
	struct {
		uint32_t spi;
		struct espnic_ike_addr dst;
	} sa[WAITED_FOR];
};

static void mean(void *ctx, const struct espnic_ike_sa_info *sa, const struct espnic_ctl_child *children)
{
	struct meant *m = ctx;
	const struct espnic_ctl_ask *a = m->ask;
	unsigned int i;

	if ((a->ike_id && a->ike_id != sa->id) || !same(a->ike, sa->conn))
		return;
	if (!m->children && m->n < WAITED_FOR)
		m->id[m->n++] = sa->id;
	for (i = 0; m->children && i < sa->n_children && m->n < WAITED_FOR; i++) {
		if ((a->child_id && a->child_id != children[i].info->id) || !same(a->child, children[i].info->name))
			continue;
		m->sa[m->n].spi = children[i].info->spi_in;
		m->sa[m->n].dst = sa->local.addr;
		m->id[m->n++] = children[i].info->id;
	}
}

/* NULL: no memory, or the other process is gone. */
static struct meant *meant(struct espnic_daemon *d, const struct espnic_ctl_ask *a, bool children)
{
	struct meant *m = calloc(1, sizeof(*m));
	struct espnic_ike_counters n;

	if (!m)
		return NULL;
	m->ask = a;
	m->children = children;
	if (!espnic_daemon_look(d, mean, m, &n))
		return m;
	free(m);
	return NULL;
}

static void terminate(void *ctx, const struct espnic_ctl_ask *a, uint64_t ticket)
{
	struct espnic_daemon *d = ctx;
	bool children = *a->child || a->child_id;
	struct meant *m = meant(d, a, children);
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_TERMINATE, .terminate.force = a->force };
	struct espnic_waiter *w = NULL;
	unsigned int i;

	if (!m || !m->n) {
		answer(d, ticket, m ? "no matching SAs to terminate found" : "out of memory, or the daemon is ending", NULL);
		free(m);
		return;
	}
	if (a->timeout_ms >= 0)
		w = wait_for(d, ticket, a->timeout_ms);
	if (w) {
		w->down = true;
		w->children = children;
		w->n = w->matches = m->n;
		memcpy(w->id, m->id, sizeof(w->id));
	}
	for (i = 0; i < m->n; i++) {
		in.terminate.ike_id = children ? 0 : m->id[i];
		in.terminate.child_id = children ? m->id[i] : 0;
		espnic_daemon_input(d, &in);
	}
	if (!w)
		answer(d, ticket, NULL, NULL);
	free(m);
}

static int fail(struct espnic_conf_error *err, const char *why)
{
	snprintf(err->text, sizeof(err->text), "%s", why);
	return -1;
}

static int rekey(void *ctx, const struct espnic_ctl_ask *a, unsigned int *n, struct espnic_conf_error *err)
{
	bool children = *a->child || a->child_id;
	struct espnic_ike_input in = { .kind = children ? ESPNIC_IKE_IN_EXPIRE : ESPNIC_IKE_IN_REKEY };
	struct espnic_daemon *d = ctx;
	struct meant *m = meant(d, a, children);
	unsigned int i;

	if (!m)
		return fail(err, "out of memory, or the daemon is ending");
	for (i = 0; i < m->n; i++) {
		if (children) {
			/* as if its soft limit had come */
			in.expire.spi = m->sa[i].spi;
			in.expire.dst = m->sa[i].dst;
		} else {
			in.rekey.ike_id = m->id[i];
		}
		espnic_daemon_input(d, &in);
	}
	*n = m->n;
	free(m);
	return *n ? 0 : fail(err, "no matching SAs to rekey found");
}

/* ---- policies ---- */

static int install(void *ctx, const struct espnic_ctl_ask *a, struct espnic_conf_error *err)
{
	struct espnic_daemon *d = ctx;
	char why[ESPNIC_XFRM_TEXT];
	unsigned int i, j;

	for (i = 0; i < d->store.n_conns; i++) {
		const struct espnic_conf_conn *c = &d->store.conns[i].c;

		if (!same(a->ike, c->conn->name))
			continue;
		for (j = 0; j < c->conn->n_children; j++)
			if (!strcmp(c->conn->children[j].name, a->child))
				return espnic_standing_trap(&d->standing, c->conn, &c->conn->children[j], why) ? fail(err, why) : 0;
		for (j = 0; j < c->n_shunts; j++)
			if (!strcmp(c->shunts[j].conf.name, a->child))
				return espnic_standing_shunt(&d->standing, c->conn->name, &c->shunts[j], why) ? fail(err, why) : 0;
	}
	return fail(err, "no such child");
}

static int uninstall(void *ctx, const struct espnic_ctl_ask *a, struct espnic_conf_error *err)
{
	struct espnic_daemon *d = ctx;
	unsigned int i;

	for (i = 0; i < d->store.n_conns; i++)
		if (same(a->ike, d->store.conns[i].c.conn->name) &&
		    espnic_standing_remove(&d->standing, d->store.conns[i].c.conn->name, a->child))
			return 0;
	return fail(err, "no such policies");
}

static int look(void *ctx, espnic_ctl_each_sa *each, void *each_ctx, struct espnic_ike_counters *n)
{
	return espnic_daemon_look(ctx, each, each_ctx, n);
}

static bool unload_key(void *ctx, const char *name)
{
	struct espnic_daemon *d = ctx;

	return espnic_keys_unload(&d->keys, name);
}

static bool key_name(void *ctx, unsigned int i, char name[ESPNIC_KEY_NAME])
{
	const struct espnic_daemon *d = ctx;

	if (i >= d->keys.n)
		return false;
	espnic_keys_name(&d->keys, i, name);
	return true;
}

static void clear_creds(void *ctx)
{
	struct espnic_daemon *d = ctx;

	espnic_keys_clear(&d->keys);
	espnic_daemon_forget_certs(d);
}

static void policies(void *ctx, espnic_ctl_each_policy *each, void *each_ctx)
{
	static const char *const modes[] = { [ESPNIC_CHILD_PROTECT] = NULL, [ESPNIC_CHILD_PASS] = "PASS", [ESPNIC_CHILD_DROP] = "DROP" };
	const struct espnic_daemon *d = ctx;
	const struct espnic_trap *t;

	for (t = d->standing.traps; t; t = t->next) {
		const struct espnic_ctl_policy p = {
			.conn = t->conn, .conf = &t->conf, .local = t->ts_local, .remote = t->ts_remote, .offload = t->offload,
			.mode = modes[t->what] ? modes[t->what] : t->conf.mode == ESPNIC_IKE_TUNNEL ? "TUNNEL" : "TRANSPORT",
			.note = *t->note ? t->note : NULL, .stands = t->stands,
		};

		each(each_ctx, &p);
	}
}

const struct espnic_ctl_ops espnic_daemon_ops = {
	.take = espnic_daemon_take, .loaded = espnic_daemon_loaded, .unloading = espnic_daemon_unloading, .initiate = initiate,
	.terminate = terminate, .rekey = rekey, .install = install, .uninstall = uninstall, .reload = espnic_daemon_reload,
	.look = look, .policies = policies, .load_cert = espnic_daemon_load_cert, .load_key = espnic_daemon_load_key,
	.unload_key = unload_key, .key_name = key_name, .clear_creds = clear_creds, .load_authority = espnic_daemon_load_authority,
	.unload_authority = espnic_daemon_unload_authority, .certs = espnic_daemon_tell_certs,
	.load_pool = espnic_daemon_load_pool, .unload_pool = espnic_daemon_unload_pool, .pool_info = espnic_daemon_pool_info,
};
