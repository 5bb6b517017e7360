// SPDX-License-Identifier: BSD-2-Clause
/* The commands of VICI that need the daemon: SAs begun, ended, replaced and shown. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/commands.h"

enum { SECOND_MS = 1000 };

static void number(const struct espnic_ctl_call *call, const char *name, uint32_t *out)
{
	char text[24];

	*out = espnic_ctl_text_of(call, name, text, sizeof(text)) ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

static void ask(const struct espnic_ctl_call *call, struct espnic_ctl_ask *a)
{
	char text[24];

	memset(a, 0, sizeof(*a));
	if (!espnic_ctl_text_of(call, "ike", a->ike, sizeof(a->ike)))
		a->ike[0] = 0;
	if (!espnic_ctl_text_of(call, "child", a->child, sizeof(a->child)))
		a->child[0] = 0;
	number(call, "ike-id", &a->ike_id);
	number(call, "child-id", &a->child_id);
	a->force = espnic_ctl_text_of(call, "force", text, sizeof(text)) && !strcmp(text, "yes");
	a->reauth = espnic_ctl_text_of(call, "reauth", text, sizeof(text)) && !strcmp(text, "yes");
	if (espnic_ctl_text_of(call, "timeout", text, sizeof(text)))
		a->timeout_ms = strtoll(text, NULL, 10);
}

static void initiate(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	struct espnic_ctl_ask a;

	ask(call, &a);
	if (!a.ike[0] && !a.child[0])
		espnic_ctl_failure(out, "missing configuration name");
	else
		call->ctl->ops->initiate(call->ctl->ctx, &a, call->later(call->ctx));
}

static void terminate(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	struct espnic_ctl_ask a;

	ask(call, &a);
	if (!a.ike[0] && !a.child[0] && !a.ike_id && !a.child_id)
		espnic_ctl_failure(out, "missing terminate selector");
	else
		call->ctl->ops->terminate(call->ctl->ctx, &a, call->later(call->ctx));
}

static void rekey(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	struct espnic_conf_error err;
	struct espnic_ctl_ask a;
	unsigned int n = 0;

	ask(call, &a);
	if (!a.ike[0] && !a.child[0] && !a.ike_id && !a.child_id)
		espnic_ctl_failure(out, "missing rekey selector");
	else if (a.reauth)
		espnic_ctl_failure(out, "reauthentication is not supported: rekey it, or terminate and initiate it");
	else if (call->ctl->ops->rekey(call->ctl->ctx, &a, &n, &err))
		espnic_ctl_failure(out, err.text);
	else
		espnic_ctl_success(out);
	espnic_vici_value(out, "matches", "%u", n);
}

static void install(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	struct espnic_conf_error err;
	struct espnic_ctl_ask a;

	ask(call, &a);
	espnic_ctl_answer(out, call->ctl->ops->install(call->ctl->ctx, &a, &err), &err);
}

static void uninstall(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	struct espnic_conf_error err;
	struct espnic_ctl_ask a;

	ask(call, &a);
	espnic_ctl_answer(out, call->ctl->ops->uninstall(call->ctl->ctx, &a, &err), &err);
}

static void reload_settings(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	struct espnic_conf_error err;

	espnic_ctl_answer(out, call->ctl->ops->reload(call->ctl->ctx, &err), &err);
}

/* ---- list-sas ---- */

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND_MS + (uint64_t)t.tv_nsec / 1000000;
}

/* Times of the monotonic clock as seconds since, or until, then; nothing for never. */
static void since(struct espnic_vici_writer *w, const char *name, uint64_t at)
{
	uint64_t now = now_ms();

	if (at)
		espnic_vici_value(w, name, "%" PRIu64, now > at ? (now - at) / SECOND_MS : 0);
}

static void until(struct espnic_vici_writer *w, const char *name, uint64_t at)
{
	uint64_t now = now_ms();

	if (at)
		espnic_vici_value(w, name, "%" PRIu64, at > now ? (at - now) / SECOND_MS : 0);
}

static void algorithm(struct espnic_vici_writer *w, const char *name, const struct espnic_ike_alg *alg)
{
	if (alg)
		espnic_vici_value(w, name, "%s", alg->name);
}

static void host(struct espnic_vici_writer *w, const char *side, const struct espnic_ike_endpoint *e, const struct espnic_ike_id *id)
{
	char name[24], text[2 * ESPNIC_IKE_ID];

	snprintf(name, sizeof(name), "%s-host", side);
	espnic_vici_value(w, name, "%s", espnic_ike_addr_text(&e->addr, text, sizeof(text)));
	snprintf(name, sizeof(name), "%s-port", side);
	espnic_vici_value(w, name, "%u", e->port);
	snprintf(name, sizeof(name), "%s-id", side);
	if (id)
		espnic_vici_value(w, name, "%s", espnic_ike_id_text(id, text, sizeof(text)));
}

static void counts(struct espnic_vici_writer *w, const char *way, const struct espnic_child_count *n)
{
	uint64_t now = (uint64_t)time(NULL);
	char name[24];

	snprintf(name, sizeof(name), "bytes-%s", way);
	espnic_vici_value(w, name, "%" PRIu64, n->bytes);
	snprintf(name, sizeof(name), "packets-%s", way);
	espnic_vici_value(w, name, "%" PRIu64, n->packets);
	snprintf(name, sizeof(name), "use-%s", way);
	if (n->used_seconds)
		espnic_vici_value(w, name, "%" PRIu64, now > n->used_seconds ? now - n->used_seconds : 0);
}

/* What strongSwan has no words for: where the packets are protected, and what was dropped. */
static void offload(struct espnic_vici_writer *w, const struct espnic_ctl_child *c)
{
	espnic_vici_value(w, "hw-offload", "%s", espnic_ctl_offloads[c->info->offload]);
	espnic_vici_value(w, "hw-offload-asked", "%s", espnic_ctl_offloads[c->asked]);
	if (c->device)
		espnic_vici_value(w, "hw-device", "%s", c->device);
	if (c->note)
		espnic_vici_value(w, "hw-note", "%s", c->note);
	if (c->lost)
		espnic_vici_value(w, "hw-lost", "yes");
	if (c->moved)
		espnic_vici_value(w, "moved", "%s", c->moved);
	if (!c->counted)
		return;
	espnic_vici_value(w, "replayed", "%u", c->in.replayed);
	espnic_vici_value(w, "out-of-window", "%u", c->in.out_of_window);
	espnic_vici_value(w, "not-authentic", "%u", c->in.not_authentic);
}

static void put_child(struct espnic_vici_writer *w, const struct espnic_ctl_child *c)
{
	static const char *const states[] = { "CREATED", "INSTALLING", "INSTALLED", "REKEYING", "REKEYED", "DELETING" };
	const struct espnic_ike_child_info *i = c->info;
	char name[ESPNIC_IKE_NAME + 16];

	snprintf(name, sizeof(name), "%s-%u", i->name ? i->name : "", i->id);
	espnic_vici_section(w, name);
	espnic_vici_value(w, "name", "%s", i->name ? i->name : "");
	espnic_vici_value(w, "uniqueid", "%u", i->id);
	espnic_vici_value(w, "reqid", "%u", i->reqid);
	espnic_vici_value(w, "state", "%s", states[i->state]);
	espnic_vici_value(w, "mode", "%s", i->mode == ESPNIC_IKE_TUNNEL ? "TUNNEL" : "TRANSPORT");
	espnic_vici_value(w, "protocol", "ESP");
	if (i->encap)
		espnic_vici_value(w, "encap", "yes");
	espnic_vici_value(w, "spi-in", "%08x", i->spi_in);
	espnic_vici_value(w, "spi-out", "%08x", i->spi_out);
	algorithm(w, "encr-alg", i->encr);
	algorithm(w, "integ-alg", i->integ);
	algorithm(w, "dh-group", i->ke);
	if (i->esn)
		espnic_vici_value(w, "esn", "1");
	if (c->counted) {
		counts(w, "in", &c->in);
		counts(w, "out", &c->out);
	}
	until(w, "rekey-time", i->rekey_ms);
	until(w, "life-time", i->life_ms);
	since(w, "install-time", i->since_ms);
	offload(w, c);
	espnic_ctl_put_ts(w, "local-ts", i->ts_local, i->n_local);
	espnic_ctl_put_ts(w, "remote-ts", i->ts_remote, i->n_remote);
	espnic_vici_section_end(w);
}

static void vips(struct espnic_vici_writer *w, const struct espnic_ike_sa_info *sa)
{
	char text[INET6_ADDRSTRLEN];

	if (!sa->n_vips)
		return;
	espnic_vici_list(w, sa->vips_own ? "local-vips" : "remote-vips");
	for (unsigned int i = 0; i < sa->n_vips; i++)
		espnic_vici_list_item(w, espnic_ike_addr_text(&sa->vips[i], text, sizeof(text)));
	espnic_vici_list_end(w);
}

static void put_sa(struct espnic_vici_writer *w, const struct espnic_ike_sa_info *sa, const struct espnic_ctl_child *children)
{
	static const char *const states[] = { "CONNECTING", "ESTABLISHED", "REKEYED", "DELETING" };
	unsigned int i;

	espnic_vici_section(w, sa->conn ? sa->conn : "");
	espnic_vici_value(w, "uniqueid", "%u", sa->id);
	espnic_vici_value(w, "version", "2");
	espnic_vici_value(w, "state", "%s", states[sa->state]);
	host(w, "local", &sa->local, sa->local_id);
	host(w, "remote", &sa->remote, sa->remote_id);
	if (sa->initiator)
		espnic_vici_value(w, "initiator", "yes");
	espnic_vici_value(w, "initiator-spi", "%016" PRIx64, sa->spi_i);
	espnic_vici_value(w, "responder-spi", "%016" PRIx64, sa->spi_r);
	if (sa->nat_local)
		espnic_vici_value(w, "nat-local", "yes");
	if (sa->nat_remote)
		espnic_vici_value(w, "nat-remote", "yes");
	if (sa->ppk)
		espnic_vici_value(w, "ppk", "yes");
	vips(w, sa);
	algorithm(w, "encr-alg", sa->encr);
	algorithm(w, "integ-alg", sa->integ);
	algorithm(w, "prf-alg", sa->prf);
	algorithm(w, "dh-group", sa->ke);
	since(w, "established", sa->since_ms);
	until(w, "rekey-time", sa->rekey_ms);
	espnic_vici_section(w, "child-sas");
	for (i = 0; i < sa->n_children; i++)
		put_child(w, &children[i]);
	espnic_vici_section_end(w);
	espnic_vici_section_end(w);
}

struct listing {
	const struct espnic_ctl_call *call;
	struct espnic_ctl_ask only;
};

static bool asked_for(const struct espnic_ctl_ask *a, const struct espnic_ike_sa_info *sa)
{
	unsigned int i;
	bool child = !a->child[0] && !a->child_id;

	for (i = 0; i < sa->n_children && !child; i++)
		child = (!a->child_id || sa->children[i].id == a->child_id) &&
			(!a->child[0] || (sa->children[i].name && !strcmp(sa->children[i].name, a->child)));
	return child && (!a->ike_id || a->ike_id == sa->id) && (!a->ike[0] || (sa->conn && !strcmp(sa->conn, a->ike)));
}

static void list_one(void *ctx, const struct espnic_ike_sa_info *sa, const struct espnic_ctl_child *children)
{
	struct listing *l = ctx;
	struct espnic_vici_writer w;

	if (!asked_for(&l->only, sa))
		return;
	espnic_vici_begin(&w, ESPNIC_VICI_EVENT, "list-sa");
	put_sa(&w, sa, children);
	l->call->event(l->call->ctx, "list-sa", &w);
}

static void list_sas(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	struct espnic_ike_counters n;
	struct listing l = { .call = call };

	ask(call, &l.only);
	if (call->ctl->ops->look(call->ctl->ctx, list_one, &l, &n))
		espnic_ctl_failure(out, "the daemon is ending");
}

/* ---- list-policies ---- */

static void list_policy(void *ctx, const struct espnic_ctl_policy *p)
{
	const struct espnic_ctl_call *call = ctx;
	char name[2 * ESPNIC_IKE_NAME];
	struct espnic_vici_writer w;

	snprintf(name, sizeof(name), "%s/%s", p->conn, p->conf->name);
	espnic_vici_begin(&w, ESPNIC_VICI_EVENT, "list-policy");
	espnic_vici_section(&w, name);
	espnic_vici_value(&w, "child", "%s", p->conf->name);
	espnic_vici_value(&w, "ike", "%s", p->conn);
	espnic_vici_value(&w, "mode", "%s", p->mode);
	espnic_vici_value(&w, "hw-offload", "%s", espnic_ctl_offloads[p->offload]);
	espnic_vici_value(&w, "stands", "%s", p->stands ? "yes" : "no");
	if (p->note)
		espnic_vici_value(&w, "hw-note", "%s", p->note);
	espnic_ctl_put_ts(&w, "local-ts", p->local, p->conf->n_local);
	espnic_ctl_put_ts(&w, "remote-ts", p->remote, p->conf->n_remote);
	espnic_vici_section_end(&w);
	call->event(call->ctx, "list-policy", &w);
}

static void list_policies(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	(void)out;
	call->ctl->ops->policies(call->ctl->ctx, list_policy, (void *)(uintptr_t)call);
}

/* ---- numbers ---- */

static void get_counters(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	struct espnic_ike_counters n;
	char name[ESPNIC_IKE_NAME];

	if (espnic_ctl_text_of(call, "name", name, sizeof(name))) {
		espnic_ctl_failure(out, "counters are the daemon's, not a connection's");
		return;
	}
	if (call->ctl->ops->look(call->ctl->ctx, NULL, NULL, &n)) {
		espnic_ctl_failure(out, "the daemon is ending");
		return;
	}
	espnic_vici_section(out, "counters");
	espnic_vici_section(out, "");
#define PUT(name) espnic_vici_value(out, #name, "%" PRIu64, n.name);
	ESPNIC_IKE_COUNTERS(PUT)
#undef PUT
	espnic_vici_section_end(out);
	espnic_vici_section_end(out);
	espnic_ctl_success(out);
}

const struct espnic_ctl_word espnic_ctl_control[] = {
	{ "initiate", initiate },
	{ "terminate", terminate },
	{ "rekey", rekey },
	{ "install", install },
	{ "uninstall", uninstall },
	{ "reload-settings", reload_settings },
	{ "list-sas", list_sas },
	{ "list-policies", list_policies },
	{ "get-counters", get_counters },
	{ NULL, NULL },
};
