// SPDX-License-Identifier: BSD-2-Clause
#include "ctl/commands.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>
#include <time.h>

const char *const espnic_ctl_offloads[] = { "no", "crypto", "packet", "auto" };

/* ---- replies ---- */

void espnic_ctl_success(struct espnic_vici_writer *out)
{
	espnic_vici_value(out, "success", "yes");
}

void espnic_ctl_failure(struct espnic_vici_writer *out, const char *why)
{
	espnic_vici_value(out, "success", "no");
	espnic_vici_value(out, "errmsg", "%s", why);
}

void espnic_ctl_answer(struct espnic_vici_writer *out, int rc, const struct espnic_conf_error *err)
{
	if (rc)
		espnic_ctl_failure(out, err->text);
	else
		espnic_ctl_success(out);
}

/* The value of key @name outside of all sections, as a text; false if it isn't there or is none. */
bool espnic_ctl_text_of(const struct espnic_ctl_call *call, const char *name, char *out, size_t room)
{
	struct espnic_vici_reader r;
	struct espnic_vici_item item;
	enum espnic_vici_element e;

	espnic_vici_read(&r, call->message, call->len);
	while ((e = espnic_vici_next(&r, &item)) != ESPNIC_VICI_END && e != ESPNIC_VICI_BAD) {
		if (e != ESPNIC_VICI_KEY_VALUE || r.depth || item.name_len != strlen(name) ||
		    memcmp(item.name, name, item.name_len) != 0)
			continue;
		if (item.value_len >= room || (item.value_len && memchr(item.value, 0, item.value_len)))
			return false;
		snprintf(out, room, "%.*s", (int)item.value_len, item.value_len ? item.value : "");
		return true;
	}
	return false;
}

/* ---- the daemon ---- */

static void version(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	struct utsname u = { 0 };

	(void)call;
	uname(&u);
	espnic_vici_value(out, "daemon", "espnic-ike");
	espnic_vici_value(out, "version", "%s", ESPNIC_VERSION);
	espnic_vici_value(out, "sysname", "%s", u.sysname);
	espnic_vici_value(out, "release", "%s", u.release);
	espnic_vici_value(out, "machine", "%s", u.machine);
}

static void stats(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	const struct espnic_ctl *ctl = call->ctl;
	struct espnic_ike_counters n = { 0 };
	time_t since = (time_t)call->ctl->started;
	struct tm tm;
	char text[64] = "";

	if (ctl->ops && ctl->ops->look(ctl->ctx, NULL, NULL, &n)) {
		espnic_ctl_failure(out, "the daemon is ending");
		return;
	}
	if (localtime_r(&since, &tm))
		strftime(text, sizeof(text), "%b %d %T %Y", &tm);
	espnic_vici_section(out, "uptime");
	espnic_vici_value(out, "running", "%" PRIu64 " seconds", (uint64_t)time(NULL) - call->ctl->started);
	espnic_vici_value(out, "since", "%s", text);
	espnic_vici_section_end(out);
	espnic_vici_section(out, "ikesas");
	espnic_vici_value(out, "total", "%u", n.sas);
	espnic_vici_value(out, "half-open", "%u", n.half_open);
	espnic_vici_section_end(out);
	espnic_vici_list(out, "plugins");
	espnic_vici_list_end(out);
}

/* ---- connections ---- */

static void load_conn(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	const struct espnic_ctl *ctl = call->ctl;
	struct espnic_conf_error err;
	struct espnic_vici_blobs blobs = { 0 };
	struct espnic_conf *conf = espnic_vici_tree(call->message, call->len, &blobs, &err);
	const struct espnic_store_conn *conn = NULL;

	call->ctl->blobs = &blobs;
	if (conf)
		conn = espnic_store_load_conn(ctl->store, conf, ctl->ops ? ctl->ops->take : NULL, ctl->ctx, &err);
	call->ctl->blobs = NULL;
	if (!conn) {
		espnic_ctl_failure(out, err.text);
		return;
	}
	espnic_ctl_success(out);
	if (ctl->ops)
		ctl->ops->loaded(ctl->ctx, conn);
}

static void unload_conn(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	const struct espnic_store_conn *conn;
	char name[ESPNIC_IKE_NAME], why[ESPNIC_IKE_NAME + 32];

	if (!espnic_ctl_text_of(call, "name", name, sizeof(name))) {
		espnic_ctl_failure(out, "missing connection name");
		return;
	}
	conn = espnic_store_find_conn(call->ctl->store, name);
	if (!conn) {
		snprintf(why, sizeof(why), "no connection '%s'", name);
		espnic_ctl_failure(out, why);
		return;
	}
	if (call->ctl->ops)
		call->ctl->ops->unloading(call->ctl->ctx, conn);
	espnic_store_unload_conn(call->ctl->store, name);
	espnic_ctl_success(out);
}

static void get_conns(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	unsigned int i;

	espnic_vici_list(out, "conns");
	for (i = 0; i < call->ctl->store->n_conns; i++)
		espnic_vici_list_item(out, call->ctl->store->conns[i].c.node->name);
	espnic_vici_list_end(out);
}

static void put_nets(struct espnic_vici_writer *w, const char *name, const struct espnic_ike_net *nets, unsigned int n)
{
	char text[INET6_ADDRSTRLEN + 4], addr[INET6_ADDRSTRLEN];
	unsigned int i;

	espnic_vici_list(w, name);
	if (!n)
		espnic_vici_list_item(w, "%any");
	for (i = 0; i < n; i++) {
		if (!nets[i].addr.family) {
			espnic_vici_list_item(w, "%any");
			continue;
		}
		espnic_ike_addr_text(&nets[i].addr, addr, sizeof(addr));
		if (espnic_ike_net_one(&nets[i]))
			snprintf(text, sizeof(text), "%s", addr);
		else
			snprintf(text, sizeof(text), "%s/%u", addr, nets[i].prefix);
		espnic_vici_list_item(w, text);
	}
	espnic_vici_list_end(w);
}

/* As swanctl.conf writes it: 10.1.0.0/16[tcp/443] would be 10.1.0.0..10.1.255.255[6/443] */
void espnic_ctl_put_ts(struct espnic_vici_writer *w, const char *name, const struct espnic_ike_ts *ts, unsigned int n)
{
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN], text[160];
	unsigned int i;
	int used;

	espnic_vici_list(w, name);
	for (i = 0; i < n; i++) {
		int family = ts[i].family == 4 ? AF_INET : AF_INET6;

		if (ts[i].dynamic) {
			used = snprintf(text, sizeof(text), "dynamic");
		} else {
			inet_ntop(family, ts[i].from, from, sizeof(from));
			inet_ntop(family, ts[i].to, to, sizeof(to));
			used = snprintf(text, sizeof(text), "%s..%s", from, to);
		}
		if (ts[i].proto || ts[i].port_from || ts[i].port_to != UINT16_MAX) {
			snprintf(text + used, sizeof(text) - (size_t)used, "[%u/%u-%u]", ts[i].proto, ts[i].port_from,
				 ts[i].port_to);
		}
		espnic_vici_list_item(w, text);
	}
	espnic_vici_list_end(w);
}

static void put_auth(struct espnic_vici_writer *w, const char *section, const struct espnic_ike_auth *auth)
{
	char id[2 * ESPNIC_IKE_ID];

	espnic_vici_section(w, section);
	espnic_vici_value(w, "class", "%s", auth->method == ESPNIC_IKE_AUTH_PSK ? "pre-shared key" : "public key");
	if (auth->id.type != ESPNIC_IKE_ID_ANY)
		espnic_vici_value(w, "id", "%s", espnic_ike_id_text(&auth->id, id, sizeof(id)));
	espnic_vici_section_end(w);
}

static void put_child(struct espnic_vici_writer *w, const struct espnic_ike_child_conf *c, const char *mode)
{
	static const char *const actions[] = { "none", "trap", "start" };

	espnic_vici_section(w, c->name);
	espnic_vici_value(w, "mode", "%s", mode);
	espnic_vici_value(w, "rekey_time", "%" PRIu64, c->rekey_ms / 1000);
	espnic_vici_value(w, "rekey_bytes", "%" PRIu64, c->rekey_bytes);
	espnic_vici_value(w, "rekey_packets", "%" PRIu64, c->rekey_packets);
	espnic_vici_value(w, "dpd_action", "%s", actions[c->dpd]);
	espnic_vici_value(w, "close_action", "%s", actions[c->close]);
	espnic_vici_value(w, "hw_offload", "%s", espnic_ctl_offloads[c->offload]);
	espnic_ctl_put_ts(w, "local-ts", c->local, c->n_local);
	espnic_ctl_put_ts(w, "remote-ts", c->remote, c->n_remote);
	espnic_vici_section_end(w);
}

static void put_conn(struct espnic_vici_writer *w, const struct espnic_conf_conn *c)
{
	static const char *const uniques[] = { "UNIQUE_NO", "UNIQUE_NEVER", "UNIQUE_KEEP", "UNIQUE_REPLACE" };
	const struct espnic_ike_conn *ike = c->conn;
	unsigned int i;

	espnic_vici_section(w, c->node->name);
	put_nets(w, "local_addrs", ike->local, ike->n_local);
	put_nets(w, "remote_addrs", ike->remote, ike->n_remote);
	espnic_vici_value(w, "version", "IKEv2");
	espnic_vici_value(w, "reauth_time", "%" PRIu64, ike->reauth_ms / 1000);
	espnic_vici_value(w, "rekey_time", "%" PRIu64, ike->rekey_ms / 1000);
	espnic_vici_value(w, "unique", "%s", uniques[ike->unique]);
	if (ike->dpd_ms)
		espnic_vici_value(w, "dpd_delay", "%" PRIu64, ike->dpd_ms / 1000);
	put_auth(w, "local-1", &ike->auth_local);
	put_auth(w, "remote-1", &ike->auth_remote);
	espnic_vici_section(w, "children");
	for (i = 0; i < ike->n_children; i++)
		put_child(w, &ike->children[i], ike->children[i].mode == ESPNIC_IKE_TUNNEL ? "TUNNEL" : "TRANSPORT");
	for (i = 0; i < c->n_shunts; i++)
		put_child(w, &c->shunts[i].conf, c->shunts[i].drop ? "DROP" : "PASS");
	espnic_vici_section_end(w);
	espnic_vici_section_end(w);
}

static void list_conns(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	const struct espnic_store *s = call->ctl->store;
	char only[ESPNIC_IKE_NAME];
	bool all = !espnic_ctl_text_of(call, "ike", only, sizeof(only));
	struct espnic_vici_writer w;
	unsigned int i;

	(void)out;
	for (i = 0; i < s->n_conns; i++) {
		if (!all && strcmp(only, s->conns[i].c.node->name) != 0)
			continue;
		espnic_vici_begin(&w, ESPNIC_VICI_EVENT, "list-conn");
		put_conn(&w, &s->conns[i].c);
		call->event(call->ctx, "list-conn", &w);
	}
}

/* ---- secrets ---- */

static bool psk_value(const struct espnic_vici_item *item, struct espnic_store_psk *psk, bool *known, const char **why)
{
	if (item->name_len == 2 && !memcmp(item->name, "id", 2)) {
		if (item->value_len >= sizeof(psk->id) || (item->value_len && memchr(item->value, 0, item->value_len)))
			*why = "an id that is no text, or too long";
		else
			snprintf(psk->id, sizeof(psk->id), "%.*s", (int)item->value_len, item->value_len ? item->value : "");
	} else if (item->name_len == 4 && !memcmp(item->name, "type", 4)) {
		psk->ppk = item->value_len == 3 && !strncasecmp(item->value, "PPK", 3);
		*known = psk->ppk || (item->value_len == 3 && !strncasecmp(item->value, "IKE", 3));
	} else if (item->name_len == 4 && !memcmp(item->name, "data", 4)) {
		if (!item->value_len || item->value_len > sizeof(psk->secret.bytes)) {
			*why = "a secret has 1 to 256 bytes";
		} else {
			memcpy(psk->secret.bytes, item->value, item->value_len);
			psk->secret.len = (uint16_t)item->value_len;
		}
	} else {
		*why = "an unknown key";
	}
	return !*why;
}

static bool psk_owner(const struct espnic_vici_item *item, struct espnic_store_psk *psk, const char **why)
{
	char text[ESPNIC_IKE_ID + 16], err[ESPNIC_IKE_TEXT];

	if (psk->n_owners == ESPNIC_CONNS_OWNERS)
		*why = "too many owners";
	else if (!item->value_len || item->value_len >= sizeof(text) || memchr(item->value, 0, item->value_len))
		*why = "an owner that is no text, or too long";
	if (*why)
		return false;
	snprintf(text, sizeof(text), "%.*s", (int)item->value_len, item->value);
	if (espnic_ike_id_parse(&psk->owner[psk->n_owners++], text, err))
		*why = "an owner that is no identity";
	return !*why;
}

/* id, type, data, owners[]; data is bytes, which a tree of texts has no place for. */
static const char *read_psk(const struct espnic_ctl_call *call, struct espnic_store_psk *psk)
{
	struct espnic_vici_reader r;
	struct espnic_vici_item item;
	enum espnic_vici_element e;
	const char *why = NULL;
	bool known = false, owners = false;

	espnic_vici_read(&r, call->message, call->len);
	while (!why && (e = espnic_vici_next(&r, &item)) != ESPNIC_VICI_END) {
		if (e == ESPNIC_VICI_KEY_VALUE)
			psk_value(&item, psk, &known, &why);
		else if (e == ESPNIC_VICI_LIST_START)
			owners = item.name_len == 6 && !memcmp(item.name, "owners", 6);
		else if (e == ESPNIC_VICI_LIST_ITEM && owners)
			psk_owner(&item, psk, &why);
		else if (e != ESPNIC_VICI_LIST_END)
			why = "a malformed message";
	}
	if (!why && !known)
		why = "of secrets, pre-shared keys of IKE and PPKs alone are supported (no EAP, XAuth, NTLM)";
	return why || psk->secret.len ? why : "'data' is needed";
}

static void load_shared(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	struct espnic_store_psk psk = { 0 };
	const char *why = read_psk(call, &psk);
	struct espnic_conf_error err;

	if (why)
		espnic_ctl_failure(out, why);
	else if (espnic_store_load_psk(call->ctl->store, &psk, &err))
		espnic_ctl_failure(out, err.text);
	else
		espnic_ctl_success(out);
	explicit_bzero(&psk, sizeof(psk));
}

static void unload_shared(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	char id[ESPNIC_STORE_PSK_ID];

	if (!espnic_ctl_text_of(call, "id", id, sizeof(id)) || !espnic_store_unload_psk(call->ctl->store, id))
		espnic_ctl_failure(out, "no such secret");
	else
		espnic_ctl_success(out);
}

static void get_shared(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	unsigned int i;

	espnic_vici_list(out, "keys");
	for (i = 0; i < call->ctl->store->n_psks; i++)
		if (call->ctl->store->psks[i].id[0])
			espnic_vici_list_item(out, call->ctl->store->psks[i].id);
	espnic_vici_list_end(out);
}

static void clear_creds(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	espnic_store_clear_psks(call->ctl->store);
	if (call->ctl->ops)
		call->ctl->ops->clear_creds(call->ctl->ctx);
	espnic_ctl_success(out);
}

/* ---- pools ---- */

static void get_pools(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	const struct espnic_ctl *ctl = call->ctl;
	char base[INET6_ADDRSTRLEN];
	unsigned int i;

	for (i = 0; i < ctl->store->n_pools; i++) {
		const struct espnic_ike_pool_conf *p = &ctl->store->pools[i].conf;
		struct espnic_ike_pool_info info = { 0 };

		if (ctl->ops && ctl->ops->pool_info(ctl->ctx, p->name, &info))
			continue;
		espnic_vici_section(out, p->name);
		espnic_vici_value(out, "base", "%s", espnic_ike_addr_text(&p->from, base, sizeof(base)));
		espnic_vici_value(out, "size", "%u", info.size);
		espnic_vici_value(out, "online", "%u", info.online);
		espnic_vici_value(out, "offline", "%u", info.offline);
		espnic_vici_section_end(out);
	}
}

static int take_pool(const struct espnic_ctl *ctl, const struct espnic_conf *conf, struct espnic_conf_error *err)
{
	const struct espnic_conf_node *node = espnic_conf_root(conf)->first;
	struct espnic_store_pool pool = { 0 };

	if (!node || node->value || node->next) {
		snprintf(err->text, sizeof(err->text), "one pool is loaded at a time");
		return -1;
	}
	if (espnic_conns_read_pool(node, &pool.conf, err) || (ctl->ops && ctl->ops->load_pool(ctl->ctx, &pool.conf, err)))
		return -1;
	return espnic_store_load_pool(ctl->store, &pool, err);
}

static void load_pool(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	struct espnic_vici_blobs blobs = { 0 };
	struct espnic_conf_error err;
	struct espnic_conf *conf = espnic_vici_tree(call->message, call->len, &blobs, &err);

	if (conf && !take_pool(call->ctl, conf, &err))
		espnic_ctl_success(out);
	else
		espnic_ctl_failure(out, err.text);
	espnic_conf_free(conf);
}

static void unload_pool(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	const struct espnic_ctl *ctl = call->ctl;
	struct espnic_conf_error err = { .text = "no such pool" };
	char name[ESPNIC_IKE_NAME];

	if (!espnic_ctl_text_of(call, "name", name, sizeof(name)) || !espnic_store_find_pool(ctl->store, name) ||
	    (ctl->ops && ctl->ops->unload_pool(ctl->ctx, name, &err))) {
		espnic_ctl_failure(out, err.text);
		return;
	}
	espnic_store_unload_pool(ctl->store, name);
	espnic_ctl_success(out);
}

/* ---- what is refused, each with its reason ---- */

#define REFUSED(name, why)                                                                        \
	static void name(const struct espnic_ctl_call *call, struct espnic_vici_writer *out) \
	{                                                                                         \
		(void)call;                                                                       \
		espnic_ctl_failure(out, why);                                                     \
	}

REFUSED(load_token, "keys in tokens are not supported")
REFUSED(redirect, "redirection (RFC 5685) is not supported")
REFUSED(reset_counters, "counters are never set back: they count from the daemon's start")

/* ---- algorithms ---- */

/* By type as strongSwan groups them, ciphers that authenticate apart; all are libcrypto's. */
static void get_algorithms(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	static const struct {
		const char *section;
		enum espnic_ike_transform_type type;
		bool aead;
	} groups[] = {
		{ "encryption", ESPNIC_IKE_ENCR, false }, { "integrity", ESPNIC_IKE_INTEG, false }, { "aead", ESPNIC_IKE_ENCR, true },
		{ "prf", ESPNIC_IKE_PRF, false },	  { "ke", ESPNIC_IKE_KE, false },
	};
	const struct espnic_ike_alg *alg;
	unsigned int i, j;

	(void)call;
	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		espnic_vici_section(out, groups[i].section);
		for (j = 0; (alg = espnic_ike_alg_at(j)); j++)
			if (alg->type == groups[i].type && (alg->type != ESPNIC_IKE_ENCR || !alg->icv == !groups[i].aead))
				espnic_vici_value(out, alg->name, "%s", "libcrypto");
		espnic_vici_section_end(out);
	}
}

static const struct espnic_ctl_word commands[] = {
	{ "version", version },
	{ "stats", stats },
	{ "load-conn", load_conn },
	{ "unload-conn", unload_conn },
	{ "get-conns", get_conns },
	{ "list-conns", list_conns },
	{ "load-shared", load_shared },
	{ "unload-shared", unload_shared },
	{ "get-shared", get_shared },
	{ "clear-creds", clear_creds },
	{ "get-pools", get_pools },
	{ "load-pool", load_pool },
	{ "unload-pool", unload_pool },
	{ "load-token", load_token },
	{ "redirect", redirect },
	{ "reset-counters", reset_counters },
	{ "get-algorithms", get_algorithms },
	{ NULL, NULL },
};

static bool is(const char *name, size_t len, const char *known)
{
	return strlen(known) == len && !memcmp(name, known, len);
}

static const struct espnic_ctl_word *find(const struct espnic_ctl_word *w, const char *name, size_t len)
{
	while (w->name && !is(name, len, w->name))
		w++;
	return w->name ? w : NULL;
}

bool espnic_ctl_command(const struct espnic_ctl_call *call, const char *name, size_t name_len,
			struct espnic_vici_writer *out)
{
	const struct espnic_ctl_word *w = find(commands, name, name_len);

	if (!w && call->ctl->ops)
		w = find(espnic_ctl_control, name, name_len);
	if (!w && call->ctl->ops)
		w = find(espnic_ctl_creds, name, name_len);
	if (w)
		w->run(call, out);
	return w;
}

bool espnic_ctl_event_known(const char *name, size_t name_len)
{
	static const char *const known[] = { "list-conn", "list-sa", "list-policy", "log", "control-log", "ike-updown", "child-updown",
					     "ike-rekey", "child-rekey", "ike-update", "list-cert", "list-authority" };
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (is(name, name_len, known[i]))
			return true;
	return false;
}
