// SPDX-License-Identifier: BSD-2-Clause
/* Sections of swanctl.conf(5) read into the core's own structs. Children are in children.c. */
#include "conf/conns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/children.h"

enum {
	OVER_PERCENT = 10, /* swanctl.conf: over_time is so much of the rekey time */
	SECOND_MS = 1000,
	IKE_REKEY_MS = 4 * 3600 * SECOND_MS,
};

#define NOT_GIVEN UINT64_MAX

/* ---- readers ---- */

int espnic_conf_ms(const struct espnic_conf_node *node, void *field, const void *arg,
		   struct espnic_conf_error *err)
{
	uint64_t seconds;

	if (espnic_conf_seconds(node, &seconds, arg, err))
		return -1;
	if (seconds > UINT32_MAX)
		return espnic_conf_fail(err, node, "a time longer than %u seconds", UINT32_MAX);
	*(uint64_t *)field = seconds * SECOND_MS;
	return 0;
}

/* A key that has no meaning for IKEv2, whatever its value. */
static int no_meaning(const struct espnic_conf_node *node, void *field, const void *arg,
		      struct espnic_conf_error *err)
{
	(void)node;
	(void)field;
	(void)arg;
	(void)err;
	return 0;
}

/* What may be given as no (or its default) and is refused else; @arg says why. */
int espnic_conf_only_no(const struct espnic_conf_node *node, void *field, const void *arg,
			struct espnic_conf_error *err)
{
	(void)field;
	if (!strcmp(node->value, "no") || !strcmp(node->value, "0") || !strcmp(node->value, "false"))
		return 0;
	return espnic_conf_fail(err, node, "%s", (const char *)arg);
}

struct nets {
	struct espnic_ike_net *net;
	uint8_t *n;
};

static int one_net(const struct espnic_conf_node *node, const char *word, void *ctx, struct espnic_conf_error *err)
{
	struct nets *nets = ctx;
	struct espnic_ike_net *net;
	struct espnic_prefix prefix;

	if (*nets->n == ESPNIC_IKE_ADDRS)
		return espnic_conf_fail(err, node, "more than %d addresses", ESPNIC_IKE_ADDRS);
	net = &nets->net[(*nets->n)++];
	memset(net, 0, sizeof(*net));
	if (!strcmp(word, "%any") || !strcmp(word, "%any4") || !strcmp(word, "%any6"))
		return strcmp(word, "%any") ?
			       espnic_conf_fail(err, node, "%s: say 0.0.0.0/0 or ::/0", word) :
			       0;
	if (!espnic_prefix_parse(word, &prefix))
		return espnic_conf_fail(err, node, "'%.64s' is no address and no prefix (names are not resolved)", word);
	net->addr.family = prefix.addr.family == AF_INET ? 4 : 6;
	memcpy(net->addr.bytes, prefix.addr.bytes, sizeof(net->addr.bytes));
	net->prefix = prefix.len;
	return 0;
}

static int read_local_addrs(const struct espnic_conf_node *node, void *field, const void *arg,
			    struct espnic_conf_error *err)
{
	struct espnic_ike_conn *c = field;
	struct nets nets = { c->local, &c->n_local };

	(void)arg;
	c->n_local = 0;
	return espnic_conf_list(node, one_net, &nets, err);
}

static int read_remote_addrs(const struct espnic_conf_node *node, void *field, const void *arg,
			     struct espnic_conf_error *err)
{
	struct espnic_ike_conn *c = field;
	struct nets nets = { c->remote, &c->n_remote };

	(void)arg;
	c->n_remote = 0;
	return espnic_conf_list(node, one_net, &nets, err);
}

static int one_proposal(const struct espnic_conf_node *node, const char *word, void *ctx,
			struct espnic_conf_error *err)
{
	struct espnic_conf_proposals *list = ctx;
	char why[ESPNIC_IKE_TEXT];
	int n;

	if (*list->n == ESPNIC_IKE_PROPOSALS)
		return espnic_conf_fail(err, node, "more than %d proposals", ESPNIC_IKE_PROPOSALS);
	n = espnic_ike_proposal_parse(list->p + *list->n, ESPNIC_IKE_PROPOSALS - *list->n, list->protocol, word, why);
	if (n < 0)
		return espnic_conf_fail(err, node, "%s", why);
	*list->n = (uint8_t)(*list->n + n);
	return 0;
}

int espnic_conf_read_proposals(const struct espnic_conf_node *node, struct espnic_conf_proposals *list,
			       struct espnic_conf_error *err)
{
	*list->n = 0;
	return espnic_conf_list(node, one_proposal, list, err);
}

static int read_ike_proposals(const struct espnic_conf_node *node, void *field, const void *arg,
			      struct espnic_conf_error *err)
{
	struct espnic_ike_conn *c = field;
	struct espnic_conf_proposals list = { c->proposals, &c->n_proposals, ESPNIC_IKE_PROTO_IKE };

	(void)arg;
	return espnic_conf_read_proposals(node, &list, err);
}

int espnic_conf_name(const struct espnic_conf_node *node, char out[ESPNIC_IKE_NAME], struct espnic_conf_error *err)
{
	if (strlen(node->name) >= ESPNIC_IKE_NAME)
		return espnic_conf_fail(err, node, "a name longer than %d bytes", ESPNIC_IKE_NAME - 1);
	snprintf(out, ESPNIC_IKE_NAME, "%s", node->name);
	return 0;
}

/* ---- local and remote ---- */

/* An address of @word. */
static int read_addr(const struct espnic_conf_node *node, const char *word, struct espnic_ike_addr *out, struct espnic_conf_error *err)
{
	return espnic_ike_addr_parse(out, word) ? espnic_conf_fail(err, node, "'%.64s' is no address", word) : 0;
}

static int one_vip(const struct espnic_conf_node *node, const char *word, void *ctx, struct espnic_conf_error *err)
{
	struct espnic_ike_conn *c = ctx;
	struct espnic_ike_addr a;

	if (read_addr(node, word, &a, err))
		return -1;
	if (c->n_vips == ESPNIC_IKE_VIPS || (c->n_vips && c->vips[0].family == a.family))
		return espnic_conf_fail(err, node, "more than one virtual address of a family");
	c->vips[c->n_vips++] = a;
	return 0;
}

static int read_vips(const struct espnic_conf_node *node, void *field, const void *arg, struct espnic_conf_error *err)
{
	struct espnic_ike_conn *c = field;

	(void)arg;
	c->n_vips = 0;
	return espnic_conf_list(node, one_vip, c, err);
}

static int one_pool(const struct espnic_conf_node *node, const char *word, void *ctx, struct espnic_conf_error *err)
{
	struct espnic_ike_conn *c = ctx;

	if (c->n_pools == ESPNIC_IKE_POOLS || strlen(word) >= ESPNIC_IKE_NAME)
		return espnic_conf_fail(err, node, "more than %d pools, or a name longer than %d bytes", ESPNIC_IKE_POOLS, ESPNIC_IKE_NAME - 1);
	snprintf(c->pools[c->n_pools++], ESPNIC_IKE_NAME, "%s", word);
	return 0;
}

static int read_pools(const struct espnic_conf_node *node, void *field, const void *arg, struct espnic_conf_error *err)
{
	struct espnic_ike_conn *c = field;

	(void)arg;
	c->n_pools = 0;
	return espnic_conf_list(node, one_pool, c, err);
}

/* A section's fields while it is read. */
struct raw_side {
	int auth, revocation;
	const char *id;
	struct espnic_conf_files certs, pubkeys, cacerts;
	const struct espnic_conf_node *node;
};

static int one_file(const struct espnic_conf_node *node, const char *word, void *ctx, struct espnic_conf_error *err)
{
	struct espnic_conf_files *files = ctx;

	if (files->n == ESPNIC_CONNS_FILES)
		return espnic_conf_fail(err, node, "more than %d files", ESPNIC_CONNS_FILES);
	snprintf(files->name[files->n++], ESPNIC_CONNS_FILE, "%s", word);
	return 0;
}

static int read_files(const struct espnic_conf_node *node, void *field, const void *arg, struct espnic_conf_error *err)
{
	struct espnic_conf_files *files = field;

	(void)arg;
	files->n = 0;
	return espnic_conf_list(node, one_file, files, err);
}

static const struct espnic_conf_choice revocations[] = {
	{ "relaxed", ESPNIC_IKE_REVOCATION_RELAXED, NULL },
	{ "ifuri", ESPNIC_IKE_REVOCATION_IF_URI, NULL },
	{ "strict", ESPNIC_IKE_REVOCATION_STRICT, NULL },
	{ NULL, 0, NULL }
};

static const struct espnic_conf_choice auths[] = {
	{ "psk", ESPNIC_IKE_AUTH_PSK, NULL },
	{ "pubkey", ESPNIC_IKE_AUTH_PUBKEY, NULL },
	{ "xauth", 0, "IKEv1 is not supported" },
	{ "any", 0, "say psk or pubkey" },
	{ NULL, 0, NULL }
};

static int read_auth(const struct espnic_conf_node *node, void *field, const void *arg, struct espnic_conf_error *err)
{
	if (!strncmp(node->value, "eap", 3))
		return espnic_conf_fail(err, node, "EAP is not supported");
	if (!strncmp(node->value, "xauth", 5))
		return espnic_conf_fail(err, node, "IKEv1 is not supported");
	if (!strncmp(node->value, "ike:", 4) || !strncmp(node->value, "rsa", 3) || !strncmp(node->value, "ecdsa", 5) ||
	    !strncmp(node->value, "ed", 2))
		return espnic_conf_fail(err, node, "constraints of signatures are not supported: say pubkey");
	return espnic_conf_enum(node, field, arg, err);
}

#define EAP "EAP is not supported"
#define IKEV1 "IKEv1 is not supported"
#define SIDE(key, reader, member, arg) \
	{ key, ESPNIC_CONF_KEY, reader, offsetof(struct raw_side, member), arg }
#define REFUSE(key, why) { key, ESPNIC_CONF_KEY, NULL, 0, why }
#define REFUSE_SUBS(key, why) { key, ESPNIC_CONF_SUBS, NULL, 0, why }
#define END { NULL, ESPNIC_CONF_KEY, NULL, 0, NULL }

static const struct espnic_conf_entry side_table[] = {
	SIDE("auth", read_auth, auth, auths),
	SIDE("id", espnic_conf_string, id, NULL),
	SIDE("certs", read_files, certs, NULL),
	SIDE("pubkeys", read_files, pubkeys, NULL),
	SIDE("cacerts", read_files, cacerts, NULL),
	REFUSE("round", "several rounds of authentication (RFC 4739) are not supported"),
	REFUSE("eap_id", EAP), REFUSE("aaa_id", EAP), REFUSE("xauth_id", IKEV1),
	REFUSE("groups", "attribute certificates are not supported"),
	REFUSE("ca_id", "'ca_id' is not supported: name the CA in cacerts"),
	REFUSE("cert_policy", "certificate policies are not supported"),
	SIDE("revocation", espnic_conf_enum, revocation, revocations),
	REFUSE_SUBS("cert", "keys in tokens are not supported: name a file in certs"),
	REFUSE_SUBS("cacert", "keys in tokens are not supported: name a file in cacerts"),
	END
};

/* A round of authentication; one each side is all there is. */
static int read_side(const struct espnic_conf_node *node, void *object, const void *arg, struct espnic_conf_error *err)
{
	struct raw_side *side = object;

	(void)arg;
	if (side->node)
		return espnic_conf_fail(err, node, "several rounds of authentication (RFC 4739) are not supported");
	side->node = node;
	return espnic_conf_fill(node, side_table, side, err);
}

static int finish_side(const struct raw_side *raw, struct espnic_ike_auth *auth, struct espnic_conf_side *side,
		       struct espnic_conf_error *err)
{
	char why[ESPNIC_IKE_TEXT];

	auth->method = (enum espnic_ike_auth_method)raw->auth;
	auth->revocation = (enum espnic_ike_revocation)raw->revocation;
	if (raw->id && espnic_ike_id_parse(&auth->id, raw->id, why))
		return espnic_conf_fail(err, raw->node, "id: %s", why);
	side->certs = raw->certs;
	side->pubkeys = raw->pubkeys;
	side->cacerts = raw->cacerts;
	return 0;
}

/* ---- connections ---- */

struct raw_conn {
	struct espnic_ike_conn *conn; /* where keys go that have its form */
	struct raw_side local, remote;
	const struct espnic_conf_node *children;
	int version, unique, fragmentation, send_cert, childless;
	uint32_t local_port, remote_port, tries, if_id_in, if_id_out;
	uint64_t rekey_ms, reauth_ms, over_ms, rand_ms, dpd_ms;
	const char *ppk_id;
	bool encap, mobike, send_certreq, ppk_required;
};

/* Readers of whole addresses and proposals need the connection, not the raw one. */
static int to_conn(const struct espnic_conf_node *node, void *field, const void *arg, struct espnic_conf_error *err)
{
	struct raw_conn *raw = field;
	espnic_conf_reader *const *reader = arg;

	return (*reader)(node, raw->conn, NULL, err);
}

static espnic_conf_reader *const local_reader = read_local_addrs;
static espnic_conf_reader *const remote_reader = read_remote_addrs;
static espnic_conf_reader *const proposal_reader = read_ike_proposals;
static espnic_conf_reader *const vip_reader = read_vips;
static espnic_conf_reader *const pool_reader = read_pools;

static int keep_node(const struct espnic_conf_node *node, void *field, const void *arg, struct espnic_conf_error *err)
{
	(void)arg;
	(void)err;
	*(const struct espnic_conf_node **)field = node;
	return 0;
}

static const struct espnic_conf_choice versions[] = {
	{ "0", 0, NULL }, { "2", 2, NULL }, { "1", 0, IKEV1 }, { NULL, 0, NULL }
};
static const struct espnic_conf_choice uniques[] = {
	{ "no", ESPNIC_IKE_UNIQUE_NO, NULL },	{ "never", ESPNIC_IKE_UNIQUE_NEVER, NULL },
	{ "keep", ESPNIC_IKE_UNIQUE_KEEP, NULL }, { "replace", ESPNIC_IKE_UNIQUE_REPLACE, NULL },
	{ NULL, 0, NULL }
};
static const struct espnic_conf_choice fragmentations[] = {
	{ "no", ESPNIC_IKE_USE_NO, NULL },   { "accept", ESPNIC_IKE_USE_ACCEPT, NULL },
	{ "yes", ESPNIC_IKE_USE_YES, NULL }, { "force", ESPNIC_IKE_USE_FORCE, NULL },
	{ NULL, 0, NULL }
};
static const struct espnic_conf_choice send_certs[] = {
	{ "ifasked", ESPNIC_IKE_CERT_IF_ASKED, NULL },
	{ "never", ESPNIC_IKE_CERT_NEVER, NULL },
	{ "always", ESPNIC_IKE_CERT_ALWAYS, NULL },
	{ NULL, 0, NULL }
};
static const struct espnic_conf_choice childless[] = {
	{ "allow", ESPNIC_IKE_CHILDLESS_ALLOW, NULL },
	{ "never", ESPNIC_IKE_CHILDLESS_NEVER, NULL },
	{ "prefer", ESPNIC_IKE_CHILDLESS_PREFER, NULL },
	{ "force", ESPNIC_IKE_CHILDLESS_FORCE, NULL },
	{ NULL, 0, NULL }
};
static const struct espnic_conf_range ports = { 0, UINT16_MAX };
static const struct espnic_conf_range any_u32 = { 0, UINT32_MAX };

#define CONN(key, reader, member, arg) \
	{ key, ESPNIC_CONF_KEY, reader, offsetof(struct raw_conn, member), arg }
#define MEDIATION "mediation is not supported"

static const struct espnic_conf_entry conn_table[] = {
	CONN("version", espnic_conf_enum, version, versions),
	{ "local_addrs", ESPNIC_CONF_KEY, to_conn, 0, &local_reader },
	{ "remote_addrs", ESPNIC_CONF_KEY, to_conn, 0, &remote_reader },
	{ "proposals", ESPNIC_CONF_KEY, to_conn, 0, &proposal_reader },
	CONN("local_port", espnic_conf_u32, local_port, &ports),
	CONN("remote_port", espnic_conf_u32, remote_port, &ports),
	CONN("encap", espnic_conf_bool, encap, NULL),
	CONN("mobike", espnic_conf_bool, mobike, NULL),
	CONN("dpd_delay", espnic_conf_ms, dpd_ms, NULL),
	CONN("fragmentation", espnic_conf_enum, fragmentation, fragmentations),
	CONN("childless", espnic_conf_enum, childless, childless),
	CONN("send_certreq", espnic_conf_bool, send_certreq, NULL),
	CONN("send_cert", espnic_conf_enum, send_cert, send_certs),
	CONN("keyingtries", espnic_conf_u32, tries, &any_u32),
	CONN("unique", espnic_conf_enum, unique, uniques),
	CONN("reauth_time", espnic_conf_ms, reauth_ms, NULL),
	CONN("rekey_time", espnic_conf_ms, rekey_ms, NULL),
	CONN("over_time", espnic_conf_ms, over_ms, NULL),
	CONN("rand_time", espnic_conf_ms, rand_ms, NULL),
	CONN("if_id_in", espnic_conf_u32, if_id_in, &any_u32),
	CONN("if_id_out", espnic_conf_u32, if_id_out, &any_u32),
	{ "local", ESPNIC_CONF_SUBS, read_side, offsetof(struct raw_conn, local), NULL },
	{ "remote", ESPNIC_CONF_SUBS, read_side, offsetof(struct raw_conn, remote), NULL },
	{ "children", ESPNIC_CONF_SUB, keep_node, offsetof(struct raw_conn, children), NULL },
	/* of IKEv1 alone */
	CONN("aggressive", espnic_conf_only_no, version, IKEV1),
	CONN("pull", no_meaning, version, NULL),
	CONN("dpd_timeout", no_meaning, version, NULL),
	CONN("dscp", espnic_conf_only_no, version, "'dscp' is not supported"),
	{ "vips", ESPNIC_CONF_KEY, to_conn, 0, &vip_reader },
	{ "pools", ESPNIC_CONF_KEY, to_conn, 0, &pool_reader },
	CONN("ppk_id", espnic_conf_string, ppk_id, NULL),
	CONN("ppk_required", espnic_conf_bool, ppk_required, NULL),
	CONN("mediation", espnic_conf_only_no, version, MEDIATION),
	REFUSE("mediated_by", MEDIATION), REFUSE("mediation_peer", MEDIATION),
	END
};

/* swanctl.conf: over_time is a tenth of the rekey time, rand_time is over_time. */
static void conn_times(struct espnic_ike_conn *c, const struct raw_conn *raw)
{
	uint64_t base = raw->rekey_ms != NOT_GIVEN ? raw->rekey_ms : 0;

	if (raw->rekey_ms == NOT_GIVEN && !raw->reauth_ms)
		base = IKE_REKEY_MS;
	c->rekey_ms = base;
	c->reauth_ms = raw->reauth_ms;
	if (raw->reauth_ms > base)
		base = raw->reauth_ms;
	c->over_ms = raw->over_ms != NOT_GIVEN ? raw->over_ms : base * OVER_PERCENT / 100;
	c->rand_ms = raw->rand_ms != NOT_GIVEN ? raw->rand_ms : c->over_ms;
	c->dpd_ms = raw->dpd_ms;
}

static void free_core_conn(struct espnic_ike_conn *c)
{
	if (c)
		free(c->children);
	free(c);
}

static int default_proposals(const struct espnic_conf_node *node, struct espnic_ike_conn *c, struct espnic_conf_error *err)
{
	char why[ESPNIC_IKE_TEXT];
	int n;

	if (c->n_proposals)
		return 0;
	n = espnic_ike_proposal_parse(c->proposals, ESPNIC_IKE_PROPOSALS, ESPNIC_IKE_PROTO_IKE, "default", why);
	if (n < 0)
		return espnic_conf_fail(err, node, "%s", why);
	c->n_proposals = (uint8_t)n;
	return 0;
}

static int finish_conn(const struct espnic_conf_node *node, const struct raw_conn *raw, struct espnic_conf_conn *out,
		       struct espnic_conf_error *err)
{
	struct espnic_ike_conn *c = out->conn;
	char why[ESPNIC_IKE_TEXT];

	if (!raw->local.node || !raw->remote.node)
		return espnic_conf_fail(err, node, "'%s' is needed", raw->local.node ? "remote" : "local");
	c->local_port = (uint16_t)raw->local_port;
	c->remote_port = (uint16_t)raw->remote_port;
	c->unique = (enum espnic_ike_unique)raw->unique;
	c->fragmentation = (enum espnic_ike_use)raw->fragmentation;
	c->send_cert = (enum espnic_ike_send_cert)raw->send_cert;
	c->send_certreq = raw->send_certreq;
	c->childless = (enum espnic_ike_childless)raw->childless;
	c->encap = raw->encap;
	c->mobike = raw->mobike;
	c->keyingtries = raw->tries;
	c->ppk_required = raw->ppk_required;
	if (raw->ppk_id && espnic_ike_id_parse(&c->ppk_id, raw->ppk_id, why))
		return espnic_conf_fail(err, node, "ppk_id: %s", why);
	if (raw->ppk_id && c->ppk_id.type == ESPNIC_IKE_ID_ANY)
		return espnic_conf_fail(err, node, "ppk_id: the identity of one PPK is needed");
	c->free = free_core_conn;
	conn_times(c, raw);
	return finish_side(&raw->local, &c->auth_local, &out->local, err) ||
			       finish_side(&raw->remote, &c->auth_remote, &out->remote, err) ||
			       default_proposals(node, c, err) ||
			       espnic_conf_children(raw->children, raw->if_id_in, raw->if_id_out, out, err) ?
		       -1 :
		       0;
}

int espnic_conns_read_conn(const struct espnic_conf_node *node, struct espnic_conf_conn *out,
			   struct espnic_conf_error *err)
{
	struct raw_conn raw = {
		.local.auth = ESPNIC_IKE_AUTH_PUBKEY, .remote.auth = ESPNIC_IKE_AUTH_PUBKEY,
		.fragmentation = ESPNIC_IKE_USE_YES,  .tries = 1,
		.rekey_ms = NOT_GIVEN,		      .over_ms = NOT_GIVEN,
		.rand_ms = NOT_GIVEN,		      .send_certreq = true,
		.mobike = true,
	};

	memset(out, 0, sizeof(*out));
	out->node = node;
	out->conn = calloc(1, sizeof(*out->conn));
	if (!out->conn)
		return espnic_conf_fail(err, node, "out of memory");
	raw.conn = out->conn;
	return espnic_conf_name(node, out->conn->name, err) || espnic_conf_fill(node, conn_table, &raw, err) ||
			       finish_conn(node, &raw, out, err) ?
		       -1 :
		       0;
}

void espnic_conns_free_conn(struct espnic_conf_conn *c)
{
	free_core_conn(c->conn);
	free(c->shunts);
	memset(c, 0, sizeof(*c));
}

/* ---- pools ---- */

static int one_dns(const struct espnic_conf_node *node, const char *word, void *ctx, struct espnic_conf_error *err)
{
	struct espnic_ike_pool_conf *pool = ctx;

	if (pool->n_dns == ESPNIC_IKE_DNS)
		return espnic_conf_fail(err, node, "more than %d servers", ESPNIC_IKE_DNS);
	return read_addr(node, word, &pool->dns[pool->n_dns++], err);
}

static int read_dns(const struct espnic_conf_node *node, void *field, const void *arg, struct espnic_conf_error *err)
{
	struct espnic_ike_pool_conf *pool = field;

	(void)arg;
	pool->n_dns = 0;
	return espnic_conf_list(node, one_dns, pool, err);
}

#define ALONE "of a pool's attributes, 'dns' alone is supported"

int espnic_conns_read_pool(const struct espnic_conf_node *node, struct espnic_ike_pool_conf *out, struct espnic_conf_error *err)
{
	static const struct espnic_conf_entry table[] = {
		{ "addrs", ESPNIC_CONF_KEY, espnic_conf_pool_addrs, 0, NULL },
		{ "dns", ESPNIC_CONF_KEY, read_dns, 0, NULL },
		REFUSE("nbns", ALONE), REFUSE("dhcp", ALONE), REFUSE("netmask", ALONE), REFUSE("server", ALONE), REFUSE("subnet", ALONE),
		REFUSE("split_include", ALONE), REFUSE("split_exclude", ALONE),
		END
	};

	memset(out, 0, sizeof(*out));
	if (espnic_conf_name(node, out->name, err) || espnic_conf_fill(node, table, out, err))
		return -1;
	return out->from.family ? 0 : espnic_conf_fail(err, node, "'addrs' is needed");
}

/* ---- secrets ---- */

static int read_owner(const struct espnic_conf_node *node, void *field, const void *arg, struct espnic_conf_error *err)
{
	struct espnic_conf_psk *psk = field;
	char why[ESPNIC_IKE_TEXT];

	(void)arg;
	if (psk->n_owners == ESPNIC_CONNS_OWNERS)
		return espnic_conf_fail(err, node, "more than %d identities", ESPNIC_CONNS_OWNERS);
	if (espnic_ike_id_parse(&psk->owner[psk->n_owners++], node->value, why))
		return espnic_conf_fail(err, node, "%s", why);
	return 0;
}

/* 0x and 0s as everywhere; any other text is the secret itself. */
static int read_psk(const struct espnic_conf_node *node, void *field, const void *arg, struct espnic_conf_error *err)
{
	struct espnic_secret *s = field;
	size_t len = strlen(node->value);

	if (!strncmp(node->value, "0x", 2) || !strncmp(node->value, "0s", 2))
		return espnic_conf_secret(node, field, arg, err);
	if (!len || len > sizeof(s->bytes))
		return espnic_conf_fail(err, node, "a secret has 1 to %d bytes", ESPNIC_SECRET_BYTES);
	memcpy(s->bytes, node->value, len);
	s->len = (uint16_t)len;
	return 0;
}

int espnic_conns_read_psk(const struct espnic_conf_node *node, struct espnic_conf_psk *out, struct espnic_conf_error *err)
{
	const struct espnic_conf_node *n;

	memset(out, 0, sizeof(*out));
	out->node = node;
	out->ppk = !strncmp(node->name, "ppk", 3);
	for (n = node->first; n; n = n->next) {
		if (n->value && n->unset)
			continue;
		if (n->value && !strcmp(n->name, "secret")) {
			if (read_psk(n, &out->secret, NULL, err))
				return -1;
		} else if (n->value && !strncmp(n->name, "id", 2)) {
			if (read_owner(n, out, NULL, err))
				return -1;
		} else {
			return espnic_conf_fail(err, n, "unknown %s", n->value ? "key" : "section");
		}
	}
	return out->secret.len ? 0 : espnic_conf_fail(err, node, "'secret' is needed");
}

/* Sections of private keys: which file, and what it is encrypted with. */
static bool is_key(const char *name)
{
	static const char *const prefixes[] = { "private", "rsa", "ecdsa", "pkcs8" };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}

static int read_passphrase(const struct espnic_conf_node *node, struct espnic_conf_passphrase *out, struct espnic_conf_error *err)
{
	const struct espnic_conf_node *n;

	for (n = node->first; n; n = n->next) {
		bool file = !strcmp(n->name, "file");

		if (!n->value || (!file && strcmp(n->name, "secret") != 0))
			return espnic_conf_fail(err, n, "unknown %s", n->value ? "key" : "section");
		if (strlen(n->value) >= (file ? sizeof(out->file) : sizeof(out->secret)))
			return espnic_conf_fail(err, n, "too long");
		snprintf(file ? out->file : out->secret, file ? sizeof(out->file) : sizeof(out->secret), "%s", n->value);
	}
	return *out->file ? 0 : espnic_conf_fail(err, node, "'file' is needed");
}

/* ---- the whole ---- */

static unsigned int count(const struct espnic_conf_node *section)
{
	const struct espnic_conf_node *n;
	unsigned int i = 0;

	for (n = section ? section->first : NULL; n; n = n->next)
		i += !n->value && !n->template;
	return i;
}

static int read_secrets(const struct espnic_conf_node *section, struct espnic_conf_conns *out, struct espnic_conf_error *err)
{
	static const struct {
		const char *prefix, *why;
	} refused[] = {
		{ "eap", EAP }, { "ntlm", EAP }, { "xauth", IKEV1 },
		{ "pkcs12", "PKCS #12 is not supported: keys and certificates are files of their own" },
		{ "token", "keys in tokens are not supported" },
	};
	const struct espnic_conf_node *n;
	size_t i;

	for (n = section ? section->first : NULL; n; n = n->next) {
		for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
			if (!n->value && !strncmp(n->name, refused[i].prefix, strlen(refused[i].prefix)))
				return espnic_conf_fail(err, n, "%s", refused[i].why);
		if (n->template)
			continue;
		if (!n->value && is_key(n->name)) {
			if (read_passphrase(n, &out->passphrases[out->n_passphrases++], err))
				return -1;
			continue;
		}
		if (n->value || (strncmp(n->name, "ike", 3) != 0 && strncmp(n->name, "ppk", 3) != 0))
			return espnic_conf_fail(err, n, "unknown %s", n->value ? "key" : "section");
		if (espnic_conns_read_psk(n, &out->psks[out->n_psks++], err))
			return -1;
	}
	return 0;
}

static int check_top(const struct espnic_conf_node *root, struct espnic_conf_error *err)
{
	static const struct espnic_conf_entry top[] = {
		{ "connections", ESPNIC_CONF_SUB, no_meaning, 0, NULL },
		{ "secrets", ESPNIC_CONF_SUB, no_meaning, 0, NULL },
		{ "pools", ESPNIC_CONF_SUB, no_meaning, 0, NULL },
		{ "authorities", ESPNIC_CONF_SUB, NULL, 0,
		  "authorities are not supported: nothing is fetched from the network (OCSP, CRL); CAs and CRLs are files" },
		END
	};
	char nothing; /* no_meaning() writes nowhere, but a field has to be of some object */

	return espnic_conf_fill(root, top, &nothing, err);
}

int espnic_conns_read(const struct espnic_conf_node *root, struct espnic_conf_conns *out, struct espnic_conf_error *err)
{
	const struct espnic_conf_node *conns = espnic_conf_section(root, "connections");
	const struct espnic_conf_node *secrets = espnic_conf_section(root, "secrets"), *n;
	const struct espnic_conf_node *pools = espnic_conf_section(root, "pools");

	memset(out, 0, sizeof(*out));
	if (check_top(root, err))
		return -1;
	if (count(conns) > ESPNIC_CONNS_MAX || count(secrets) > ESPNIC_CONNS_MAX || count(pools) > ESPNIC_CONNS_MAX)
		return espnic_conf_fail(err, root, "more than %d connections, secrets or pools", ESPNIC_CONNS_MAX);
	out->conns = calloc(count(conns) + 1, sizeof(*out->conns));
	out->psks = calloc(count(secrets) + 1, sizeof(*out->psks));
	out->passphrases = calloc(count(secrets) + 1, sizeof(*out->passphrases));
	out->pools = calloc(count(pools) + 1, sizeof(*out->pools));
	if (!out->conns || !out->psks || !out->passphrases || !out->pools)
		return espnic_conf_fail(err, root, "out of memory");
	for (n = conns ? conns->first : NULL; n; n = n->next) {
		if (n->value)
			return espnic_conf_fail(err, n, "unknown key");
		if (!n->template && espnic_conns_read_conn(n, &out->conns[out->n_conns++], err))
			return -1;
	}
	for (n = pools ? pools->first : NULL; n; n = n->next) {
		if (n->value)
			return espnic_conf_fail(err, n, "unknown key");
		if (!n->template && espnic_conns_read_pool(n, &out->pools[out->n_pools++], err))
			return -1;
	}
	return read_secrets(secrets, out, err);
}

void espnic_conns_free(struct espnic_conf_conns *c)
{
	unsigned int i;

	for (i = 0; i < c->n_conns; i++)
		espnic_conns_free_conn(&c->conns[i]);
	if (c->psks)
		explicit_bzero(c->psks, c->n_psks * sizeof(*c->psks));
	free(c->conns);
	free(c->pools);
	if (c->passphrases)
		explicit_bzero(c->passphrases, c->n_passphrases * sizeof(*c->passphrases));
	free(c->psks);
	free(c->passphrases);
	memset(c, 0, sizeof(*c));
}
