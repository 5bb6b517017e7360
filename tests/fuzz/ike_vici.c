// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any bytes as VICI messages to every command: the first byte chooses which, the rest is its message. Nothing a
 * client sends is more than refused; replies are well formed.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl/commands.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { HEAD = 5 }; /* bytes of a packet before its message */

static const char *const names[] = {
	"version",   "stats",	     "load-conn",  "unload-conn", "get-conns", "list-conns", "load-shared",
	"unload-shared", "get-shared", "clear-creds", "load-cert",  "load-pool", "nothing",   "initiate",   "terminate",
	"rekey",     "install",	     "uninstall",  "load-key",	  "unload-key", "get-keys",   "list-sas",   "list-policies",
	"get-counters", "reload-settings", "list-certs", "flush-certs", "load-authority", "unload-authority", "get-authorities",
	"list-authorities", "get-algorithms", "load-token", "redirect", "reset-counters", "unload-pool", "get-pools",
};

static void check(struct espnic_vici_writer *w, size_t head)
{
	struct espnic_vici_reader r;
	struct espnic_vici_item item;
	enum espnic_vici_element e;

	if (!espnic_vici_finish(w))
		return;
	espnic_vici_read(&r, w->data + head, w->len - head);
	while ((e = espnic_vici_next(&r, &item)) != ESPNIC_VICI_END)
		if (e == ESPNIC_VICI_BAD)
			abort();
	free(w->data);
}

static void event(void *ctx, const char *name, struct espnic_vici_writer *w)
{
	(void)ctx;
	check(w, HEAD + 1 + strlen(name));
}

/* ---- a daemon that has nothing, and refuses every other thing ---- */

static bool refuses;

static int refused(struct espnic_conf_error *err)
{
	if (!refuses)
		return 0;
	err->text[0] = 'n';
	err->text[1] = 0;
	return -1;
}

static int take(void *ctx, struct espnic_store_conn *fresh, const struct espnic_store_conn *old, struct espnic_conf_error *err)
{
	(void)ctx;
	(void)fresh;
	(void)old;
	return refused(err);
}

static void conn(void *ctx, const struct espnic_store_conn *c)
{
	(void)ctx;
	(void)c;
}

static void ask_later(void *ctx, const struct espnic_ctl_ask *ask, uint64_t ticket)
{
	(void)ctx;
	if (!ticket || strlen(ask->ike) >= sizeof(ask->ike) || strlen(ask->child) >= sizeof(ask->child))
		abort();
}

static int rekey(void *ctx, const struct espnic_ctl_ask *ask, unsigned int *n, struct espnic_conf_error *err)
{
	(void)ctx;
	(void)ask;
	*n = 1;
	return refused(err);
}

static int ask_now(void *ctx, const struct espnic_ctl_ask *ask, struct espnic_conf_error *err)
{
	(void)ctx;
	(void)ask;
	return refused(err);
}

static int reload(void *ctx, struct espnic_conf_error *err)
{
	(void)ctx;
	return refused(err);
}

static int look(void *ctx, espnic_ctl_each_sa *each, void *each_ctx, struct espnic_ike_counters *n)
{
	(void)ctx;
	(void)each;
	(void)each_ctx;
	memset(n, 0, sizeof(*n));
	return refuses ? -1 : 0;
}

static void policies(void *ctx, espnic_ctl_each_policy *each, void *each_ctx)
{
	(void)ctx;
	(void)each;
	(void)each_ctx;
}

static int load_cert(void *ctx, enum espnic_ike_cert_kind kind, const uint8_t *p, size_t len, struct espnic_conf_error *err)
{
	(void)ctx;
	(void)kind;
	(void)p;
	(void)len;
	return refused(err);
}

static int load_key(void *ctx, const uint8_t *p, size_t len, char name[ESPNIC_KEY_NAME], struct espnic_conf_error *err)
{
	(void)ctx;
	(void)p;
	(void)len;
	name[0] = 0;
	return refused(err);
}

static bool unload_key(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return !refuses;
}

static bool key_name(void *ctx, unsigned int i, char name[ESPNIC_KEY_NAME])
{
	(void)ctx;
	name[0] = 'k';
	name[1] = 0;
	return i < 2;
}

static void clear_creds(void *ctx)
{
	(void)ctx;
}

static int load_authority(void *ctx, const char *name, const uint8_t *p, size_t len, struct espnic_conf_error *err)
{
	(void)ctx;
	if (!*name || strlen(name) >= ESPNIC_IKE_NAME || (len && !p))
		abort();
	return refused(err);
}

static void certs(void *ctx, espnic_ctl_each_cert *each, void *each_ctx)
{
	const struct espnic_ctl_cert ca = { .kind = ESPNIC_IKE_CERT_CA, .der = (const uint8_t *)"ca", .len = 2, .authority = "a", .subject = "CN=a" };
	const struct espnic_ctl_cert crl = { .kind = ESPNIC_IKE_CERT_CRL, .der = (const uint8_t *)"crl", .len = 3, .subject = "" };

	(void)ctx;
	each(each_ctx, &ca);
	each(each_ctx, &crl);
}

static int load_pool(void *ctx, const struct espnic_ike_pool_conf *pool, struct espnic_conf_error *err)
{
	(void)ctx;
	if (strlen(pool->name) >= sizeof(pool->name))
		abort();
	return refused(err);
}

static int unload_pool(void *ctx, const char *name, struct espnic_conf_error *err)
{
	(void)ctx;
	(void)name;
	return refused(err);
}

static int pool_info(void *ctx, const char *name, struct espnic_ike_pool_info *info)
{
	(void)ctx;
	(void)name;
	*info = (struct espnic_ike_pool_info){ 0 };
	return refuses ? -1 : 0;
}

static const struct espnic_ctl_ops ops = {
	.take = take, .loaded = conn, .unloading = conn, .initiate = ask_later, .terminate = ask_later, .rekey = rekey,
	.install = ask_now, .uninstall = ask_now, .reload = reload, .look = look, .policies = policies,
	.load_cert = load_cert, .load_key = load_key, .unload_key = unload_key, .key_name = key_name, .clear_creds = clear_creds,
	.load_pool = load_pool, .unload_pool = unload_pool, .pool_info = pool_info, .load_authority = load_authority, .unload_authority = unload_key, .certs = certs,
};

static uint64_t later(void *ctx)
{
	(void)ctx;
	return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char after[] = "list-conns";
	struct espnic_store store = { 0 };
	struct espnic_ctl ctl = { .store = &store, .ops = &ops };
	struct espnic_ctl_call call = { .ctl = &ctl, .event = event, .later = later };
	struct espnic_vici_writer w;
	const char *name;

	if (!len)
		return 0;
	refuses = data[0] & 0x80;
	name = names[(data[0] & 0x7f) % (sizeof(names) / sizeof(names[0]))];
	call.message = data + 1;
	call.len = len - 1;
	espnic_vici_begin(&w, ESPNIC_VICI_CMD_RESPONSE, NULL);
	if (espnic_ctl_command(&call, name, strlen(name), &w) == !strcmp(name, "nothing"))
		abort();
	check(&w, HEAD);
	/* what was taken can be told */
	call.len = 0;
	espnic_vici_begin(&w, ESPNIC_VICI_CMD_RESPONSE, NULL);
	espnic_ctl_command(&call, after, strlen(after), &w);
	check(&w, HEAD);
	espnic_store_free(&store);
	return 0;
}
