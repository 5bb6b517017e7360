// SPDX-License-Identifier: BSD-2-Clause
/* The commands of VICI about certificates, CRLs, CAs and private keys. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ctl/commands.h"

enum { WORD = 24 }; /* bytes of a type or flag, more than any has */

static bool named(const struct espnic_vici_item *item, const char *name)
{
	return item->name_len == strlen(name) && !memcmp(item->name, name, item->name_len);
}

/* The bytes of `data`; false: there are none. */
static bool data(const struct espnic_ctl_call *call, struct espnic_vici_item *out)
{
	struct espnic_vici_reader r;
	enum espnic_vici_element e;

	espnic_vici_read(&r, call->message, call->len);
	while ((e = espnic_vici_next(&r, out)) != ESPNIC_VICI_END && e != ESPNIC_VICI_BAD)
		if (e == ESPNIC_VICI_KEY_VALUE && !r.depth && named(out, "data") && out->value_len)
			return true;
	return false;
}

/* The word of key @name; @otherwise if it isn't there. */
static void word(const struct espnic_ctl_call *call, const char *name, const char *otherwise, char out[WORD])
{
	if (!espnic_ctl_text_of(call, name, out, WORD))
		snprintf(out, WORD, "%s", otherwise);
}

/* ---- certificates ---- */

/* What @type and @flag mean, as swanctl's folders have them; NULL, or why they can't be had. */
static const char *kind_of(const char *type, const char *flag, enum espnic_ike_cert_kind *kind)
{
	if (!strcasecmp(type, "x509_crl") || !strcasecmp(type, "x509crl")) {
		*kind = ESPNIC_IKE_CERT_CRL;
	} else if (!strcasecmp(type, "pubkey")) {
		*kind = ESPNIC_IKE_CERT_PUBKEY;
	} else if (!strcasecmp(type, "x509_ac")) {
		return "attribute certificates are not supported";
	} else if (strcasecmp(type, "x509") != 0) {
		return "X.509 certificates, CRLs and public keys are supported alone";
	} else if (!strcasecmp(flag, "CA")) {
		*kind = ESPNIC_IKE_CERT_CA;
	} else if (!strcasecmp(flag, "NONE")) {
		*kind = ESPNIC_IKE_CERT_LEAF;
	} else if (!strcasecmp(flag, "OCSP")) {
		return "OCSP is not supported: nothing is fetched from the network";
	} else {
		return "certificates of CAs and of peers are supported alone";
	}
	return NULL;
}

static void load_cert(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	enum espnic_ike_cert_kind kind;
	struct espnic_conf_error err;
	struct espnic_vici_item item;
	char type[WORD], flag[WORD];
	const char *why;

	word(call, "type", "", type);
	word(call, "flag", "NONE", flag);
	why = *type && data(call, &item) ? kind_of(type, flag, &kind) : "'type' and 'data' are needed";
	if (why) {
		espnic_ctl_failure(out, why);
		return;
	}
	espnic_ctl_answer(out, call->ctl->ops->load_cert(call->ctl->ctx, kind, (const uint8_t *)item.value, item.value_len, &err), &err);
}

/* What is asked for of list-certs. */
struct listing {
	const struct espnic_ctl_call *call;
	char type[WORD], flag[WORD];
	char subject[4 * ESPNIC_IKE_ID];
};

static const char *const types[] = {
	[ESPNIC_IKE_CERT_CA] = "X509", [ESPNIC_IKE_CERT_LEAF] = "X509", [ESPNIC_IKE_CERT_CRL] = "X509_CRL", [ESPNIC_IKE_CERT_PUBKEY] = "PUBKEY",
};

static void list_cert(void *ctx, const struct espnic_ctl_cert *c)
{
	const struct listing *l = ctx;
	const char *type = types[c->kind], *flag = c->kind == ESPNIC_IKE_CERT_CA ? "CA" : "NONE";
	struct espnic_vici_writer w;

	if ((strcasecmp(l->type, "ANY") != 0 && strcasecmp(l->type, type) != 0) ||
	    (strcasecmp(l->flag, "ANY") != 0 && strcasecmp(l->flag, flag) != 0) || (*l->subject && strcmp(l->subject, c->subject) != 0))
		return;
	espnic_vici_begin(&w, ESPNIC_VICI_EVENT, "list-cert");
	espnic_vici_value(&w, "type", "%s", type);
	espnic_vici_value(&w, "flag", "%s", flag);
	if (c->has_key)
		espnic_vici_value(&w, "has_privkey", "yes");
	espnic_vici_bytes(&w, "data", c->der, c->len);
	l->call->event(l->call->ctx, "list-cert", &w);
}

static void list_certs(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	struct listing l = { .call = call };

	(void)out;
	word(call, "type", "ANY", l.type);
	word(call, "flag", "ANY", l.flag);
	if (!espnic_ctl_text_of(call, "subject", l.subject, sizeof(l.subject)))
		l.subject[0] = 0;
	call->ctl->ops->certs(call->ctl->ctx, list_cert, &l);
}

/* There is no cache to be emptied: what peers send is not kept, what was loaded stays. */
static void flush_certs(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	(void)call;
	espnic_ctl_success(out);
}

/* ---- authorities ---- */

struct authority {
	char name[ESPNIC_IKE_NAME];
	struct espnic_vici_item ca;
	bool open, given;
};

static const char *authority_key(const struct espnic_vici_item *item)
{
	static const struct {
		const char *name, *why;
	} refused[] = {
		{ "crl_uris", "crl_uris: nothing is fetched from the network: put the CRL into x509crl" },
		{ "ocsp_uris", "ocsp_uris: OCSP is not supported: nothing is fetched from the network" },
		{ "cert_uri_base", "cert_uri_base: certificates are not fetched from the network" },
		{ "handle", "keys in tokens are not supported" },
		{ "slot", "keys in tokens are not supported" },
		{ "module", "keys in tokens are not supported" },
		{ "file", "file: the daemon opens no file for a client: name it in cacert" },
	};
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (named(item, refused[i].name))
			return refused[i].why;
	return "an unknown key";
}

static const char *authority_element(enum espnic_vici_element e, const struct espnic_vici_item *item, struct authority *a)
{
	switch (e) {
	case ESPNIC_VICI_SECTION_START:
		if (a->open || *a->name)
			return "one authority is loaded at a time";
		if (!item->name_len || item->name_len >= sizeof(a->name) || memchr(item->name, 0, item->name_len))
			return "a name that is no text, or too long";
		memcpy(a->name, item->name, item->name_len);
		a->open = true;
		return NULL;
	case ESPNIC_VICI_SECTION_END:
		a->open = false;
		return NULL;
	case ESPNIC_VICI_KEY_VALUE:
	case ESPNIC_VICI_LIST_START:
		if (!a->open || e == ESPNIC_VICI_LIST_START || !named(item, "cacert"))
			return authority_key(item);
		a->ca = *item;
		a->given = true;
		return NULL;
	default:
		return "a malformed message";
	}
}

static void load_authority(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	struct authority a = { 0 };
	struct espnic_conf_error err;
	struct espnic_vici_reader r;
	struct espnic_vici_item item;
	enum espnic_vici_element e;
	const char *why = NULL;

	espnic_vici_read(&r, call->message, call->len);
	while (!why && (e = espnic_vici_next(&r, &item)) != ESPNIC_VICI_END)
		why = authority_element(e, &item, &a);
	if (!why && !a.given)
		why = "'cacert' is needed";
	if (why) {
		espnic_ctl_failure(out, why);
		return;
	}
	espnic_ctl_answer(out, call->ctl->ops->load_authority(call->ctl->ctx, a.name, (const uint8_t *)a.ca.value, a.ca.value_len, &err), &err);
}

static void unload_authority(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	char name[ESPNIC_IKE_NAME];

	if (espnic_ctl_text_of(call, "name", name, sizeof(name)) && call->ctl->ops->unload_authority(call->ctl->ctx, name))
		espnic_ctl_success(out);
	else
		espnic_ctl_failure(out, "no such authority");
}

/* A file may have brought several certificates; each name is told once. */
struct naming {
	const struct espnic_ctl_call *call;
	struct espnic_vici_writer *out; /* NULL: by events */
	char only[ESPNIC_IKE_NAME], last[ESPNIC_IKE_NAME];
};

static void name_authority(void *ctx, const struct espnic_ctl_cert *c)
{
	struct naming *n = ctx;
	struct espnic_vici_writer w;

	if (!c->authority || !strcmp(c->authority, n->last) || (*n->only && strcmp(c->authority, n->only) != 0))
		return;
	snprintf(n->last, sizeof(n->last), "%s", c->authority);
	if (n->out) {
		espnic_vici_list_item(n->out, c->authority);
		return;
	}
	espnic_vici_begin(&w, ESPNIC_VICI_EVENT, "list-authority");
	espnic_vici_section(&w, c->authority);
	espnic_vici_value(&w, "cacert", "%s", c->subject);
	espnic_vici_section_end(&w);
	n->call->event(n->call->ctx, "list-authority", &w);
}

static void get_authorities(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	struct naming n = { .call = call, .out = out };

	espnic_vici_list(out, "authorities");
	call->ctl->ops->certs(call->ctl->ctx, name_authority, &n);
	espnic_vici_list_end(out);
}

static void list_authorities(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	struct naming n = { .call = call };

	(void)out;
	if (!espnic_ctl_text_of(call, "name", n.only, sizeof(n.only)))
		n.only[0] = 0;
	call->ctl->ops->certs(call->ctl->ctx, name_authority, &n);
}

/* ---- private keys ---- */

static void load_key(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	struct espnic_conf_error err;
	struct espnic_vici_item item;
	char name[ESPNIC_KEY_NAME];
	int rc;

	if (!data(call, &item)) {
		espnic_ctl_failure(out, "'data' is needed");
		return;
	}
	rc = call->ctl->ops->load_key(call->ctl->ctx, (const uint8_t *)item.value, item.value_len, name, &err);
	espnic_ctl_answer(out, rc, &err);
	if (!rc)
		espnic_vici_value(out, "id", "%s", name);
}

static void unload_key(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	char name[ESPNIC_KEY_NAME];

	if (espnic_ctl_text_of(call, "id", name, sizeof(name)) && call->ctl->ops->unload_key(call->ctl->ctx, name))
		espnic_ctl_success(out);
	else
		espnic_ctl_failure(out, "no such key");
}

static void get_keys(const struct espnic_ctl_call *call, struct espnic_vici_writer *out)
{
	char name[ESPNIC_KEY_NAME];
	unsigned int i;

	espnic_vici_list(out, "keys");
	for (i = 0; call->ctl->ops->key_name(call->ctl->ctx, i, name); i++)
		espnic_vici_list_item(out, name);
	espnic_vici_list_end(out);
}

const struct espnic_ctl_word espnic_ctl_creds[] = {
	{ "load-cert", load_cert },
	{ "list-certs", list_certs },
	{ "flush-certs", flush_certs },
	{ "load-authority", load_authority },
	{ "unload-authority", unload_authority },
	{ "get-authorities", get_authorities },
	{ "list-authorities", list_authorities },
	{ "load-key", load_key },
	{ "unload-key", unload_key },
	{ "get-keys", get_keys },
	{ NULL, NULL },
};
