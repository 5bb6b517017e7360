// SPDX-License-Identifier: BSD-2-Clause
/* connections.<conn>.children of swanctl.conf(5). */
#include "conf/children.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/xfrm.h"

enum {
	SECOND_MS = 1000,
	REKEY_MS = 3600 * SECOND_MS, /* swanctl.conf's defaults from here on */
	LIFE_PERCENT = 110, /* of rekey_time, _bytes, _packets */
	WINDOW = 32,
};

#define NOT_GIVEN UINT64_MAX

enum child_mode { MODE_TUNNEL, MODE_TRANSPORT, MODE_PASS, MODE_DROP };

struct raw_child {
	struct espnic_ike_child_conf *conf;
	struct espnic_conf_ts local, remote;
	int mode, start, close, dpd, offload, copy_dscp;
	uint64_t rekey_ms, life_ms, rand_ms, inactivity_ms;
	uint64_t rekey_bytes, life_bytes, rand_bytes, rekey_packets, life_packets, rand_packets;
	uint32_t reqid, priority, window, if_id_in, if_id_out;
	struct espnic_mark mark_in, mark_out, set_mark_in, set_mark_out;
	const char *device;
	bool policies, copy_df, copy_ecn;
};

static int read_proposals(const struct espnic_conf_node *node, void *field, const void *arg, struct espnic_conf_error *err)
{
	struct raw_child *raw = field;
	struct espnic_conf_proposals list = { raw->conf->proposals, &raw->conf->n_proposals, ESPNIC_IKE_PROTO_ESP };

	(void)arg;
	return espnic_conf_read_proposals(node, &list, err);
}

static int only_none(const struct espnic_conf_node *node, void *field, const void *arg, struct espnic_conf_error *err)
{
	(void)field;
	return strcmp(node->value, "0") ? espnic_conf_fail(err, node, "%s", (const char *)arg) : 0;
}

static const struct espnic_conf_choice modes[] = {
	{ "tunnel", MODE_TUNNEL, NULL }, { "transport", MODE_TRANSPORT, NULL },
	{ "pass", MODE_PASS, NULL }, { "drop", MODE_DROP, NULL },
	{ "transport_proxy", 0, "Mobile IPv6 is not supported" },
	{ "beet", 0, "bound end-to-end tunnels are not supported" },
	{ "iptfs", 0, "IP-TFS (RFC 9347) is not supported" }, { NULL, 0, NULL }
};
static const struct espnic_conf_choice starts[] = {
	{ "none", ESPNIC_IKE_NONE, NULL }, { "trap", ESPNIC_IKE_TRAP, NULL }, { "start", ESPNIC_IKE_START, NULL },
	{ "trap|start", 0, "say one of them" }, { NULL, 0, NULL }
};
static const struct espnic_conf_choice dpds[] = {
	{ "clear", ESPNIC_IKE_NONE, NULL }, { "none", ESPNIC_IKE_NONE, NULL }, { "trap", ESPNIC_IKE_TRAP, NULL },
	{ "restart", ESPNIC_IKE_START, NULL }, { "start", ESPNIC_IKE_START, NULL }, { NULL, 0, NULL }
};
static const struct espnic_conf_choice offloads[] = {
	{ "no", ESPNIC_IKE_OFFLOAD_NO, NULL },
	{ "crypto", ESPNIC_IKE_OFFLOAD_CRYPTO, NULL }, { "yes", ESPNIC_IKE_OFFLOAD_CRYPTO, NULL },
	{ "packet", ESPNIC_IKE_OFFLOAD_PACKET, NULL },
	{ "auto", ESPNIC_IKE_OFFLOAD_AUTO, NULL }, { NULL, 0, NULL }
};
static const struct espnic_conf_choice dscps[] = {
	{ "no", 0, NULL }, { "out", 1, NULL }, { "in", 2, NULL }, { "yes", 3, NULL }, { NULL, 0, NULL }
};
static const struct espnic_conf_range any_u32 = { 0, UINT32_MAX };
static const struct espnic_conf_range windows = { 0, ESPNIC_XFRM_WINDOW };

#define CHILD(key, reader, member, arg) \
	{ key, ESPNIC_CONF_KEY, reader, offsetof(struct raw_child, member), arg }
#define NO(key, why) { key, ESPNIC_CONF_KEY, espnic_conf_only_no, 0, why }
#define REFUSE(key, why) { key, ESPNIC_CONF_KEY, NULL, 0, why }

static const struct espnic_conf_entry child_table[] = {
	{ "esp_proposals", ESPNIC_CONF_KEY, read_proposals, 0, NULL },
	REFUSE("ah_proposals", "AH is for manual keys alone (espnic-ike manual)"),
	CHILD("local_ts", espnic_conf_ts, local, NULL),
	CHILD("remote_ts", espnic_conf_ts, remote, NULL),
	CHILD("mode", espnic_conf_enum, mode, modes),
	CHILD("rekey_time", espnic_conf_ms, rekey_ms, NULL),
	CHILD("life_time", espnic_conf_ms, life_ms, NULL),
	CHILD("rand_time", espnic_conf_ms, rand_ms, NULL),
	CHILD("rekey_bytes", espnic_conf_count, rekey_bytes, NULL),
	CHILD("life_bytes", espnic_conf_count, life_bytes, NULL),
	CHILD("rand_bytes", espnic_conf_count, rand_bytes, NULL),
	CHILD("rekey_packets", espnic_conf_count, rekey_packets, NULL),
	CHILD("life_packets", espnic_conf_count, life_packets, NULL),
	CHILD("rand_packets", espnic_conf_count, rand_packets, NULL),
	CHILD("inactivity", espnic_conf_ms, inactivity_ms, NULL),
	CHILD("start_action", espnic_conf_enum, start, starts),
	CHILD("close_action", espnic_conf_enum, close, starts),
	CHILD("dpd_action", espnic_conf_enum, dpd, dpds),
	CHILD("reqid", espnic_conf_u32, reqid, &any_u32),
	CHILD("priority", espnic_conf_u32, priority, &any_u32),
	CHILD("interface", espnic_conf_string, device, NULL),
	CHILD("hw_offload", espnic_conf_enum, offload, offloads),
	CHILD("replay_window", espnic_conf_u32, window, &windows),
	CHILD("mark_in", espnic_conf_mark, mark_in, NULL),
	CHILD("mark_out", espnic_conf_mark, mark_out, NULL),
	CHILD("set_mark_in", espnic_conf_mark, set_mark_in, NULL),
	CHILD("set_mark_out", espnic_conf_mark, set_mark_out, NULL),
	CHILD("if_id_in", espnic_conf_u32, if_id_in, &any_u32),
	CHILD("if_id_out", espnic_conf_u32, if_id_out, &any_u32),
	CHILD("policies", espnic_conf_bool, policies, NULL),
	CHILD("copy_df", espnic_conf_bool, copy_df, NULL),
	CHILD("copy_ecn", espnic_conf_bool, copy_ecn, NULL),
	CHILD("copy_dscp", espnic_conf_enum, copy_dscp, dscps),
	NO("ipcomp", "IPComp is not supported"),
	NO("policies_fwd_out", "policies for forwarded packets on their way out are not supported: those for 'out' meet them"),
	NO("hostaccess", "updown scripts and their firewall rules are not made"),
	NO("sha256_96", "HMAC-SHA-256 cut to 96 bits is not supported"),
	NO("mark_in_sa", "'mark_in_sa' is not supported"),
	NO("per_cpu_sas", "per-CPU SAs (RFC 9611) are not supported"),
	{ "tfc_padding", ESPNIC_CONF_KEY, only_none, 0, "TFC padding is not supported: it can't be offloaded" },
	REFUSE("updown", "scripts are not run: listen to events by VICI"),
	REFUSE("label", "security labels are not supported"),
	REFUSE("label_mode", "security labels are not supported"),
	{ NULL, ESPNIC_CONF_KEY, NULL, 0, NULL }
};

/* Hard limit, soft limit and its random part: swanctl.conf derives each that is not given. */
static void limits(uint64_t rekey, uint64_t life, uint64_t random, uint64_t *out_rekey, uint64_t *out_life,
		   uint64_t *out_random)
{
	if (life == NOT_GIVEN)
		life = rekey > UINT64_MAX / LIFE_PERCENT ? rekey : rekey * LIFE_PERCENT / 100;
	if (random == NOT_GIVEN)
		random = life > rekey ? life - rekey : 0;
	*out_rekey = rekey;
	*out_life = life;
	*out_random = random;
}

static int check_child(const struct espnic_conf_node *node, const struct espnic_ike_child_conf *c,
		       struct espnic_conf_error *err)
{
	if (c->life_ms && c->rekey_ms >= c->life_ms)
		return espnic_conf_fail(err, node, "rekey_time must be below life_time");
	if (c->life_bytes && c->rekey_bytes >= c->life_bytes)
		return espnic_conf_fail(err, node, "rekey_bytes must be below life_bytes");
	if (c->life_packets && c->rekey_packets >= c->life_packets)
		return espnic_conf_fail(err, node, "rekey_packets must be below life_packets");
	if (c->offload != ESPNIC_IKE_OFFLOAD_NO && c->if_id_in)
		return espnic_conf_fail(err, node, "hw_offload and if_id_in exclude one another (Linux has none inbound)");
	if (c->offload == ESPNIC_IKE_OFFLOAD_PACKET && (c->mark_in.mask || c->mark_out.mask || c->set_mark_in.mask ||
						       c->set_mark_out.mask || c->if_id_out))
		return espnic_conf_fail(err, node, "a device knows no marks and no if_id: they can't be packet-offloaded");
	return 0;
}

static struct espnic_ike_mark to_mark(struct espnic_mark m)
{
	return (struct espnic_ike_mark){ m.value, m.mask };
}

static int finish_child(const struct espnic_conf_node *node, const struct raw_child *raw, struct espnic_conf_error *err)
{
	struct espnic_ike_child_conf *c = raw->conf;
	char why[ESPNIC_IKE_TEXT];
	int n;

	c->mode = raw->mode == MODE_TRANSPORT ? ESPNIC_IKE_TRANSPORT : ESPNIC_IKE_TUNNEL;
	c->n_local = raw->local.n;
	c->n_remote = raw->remote.n;
	memcpy(c->local, raw->local.ts, sizeof(c->local));
	memcpy(c->remote, raw->remote.ts, sizeof(c->remote));
	c->start = (enum espnic_ike_after)raw->start;
	c->close = (enum espnic_ike_after)raw->close;
	c->dpd = (enum espnic_ike_after)raw->dpd;
	limits(raw->rekey_ms, raw->life_ms, raw->rand_ms, &c->rekey_ms, &c->life_ms, &c->rand_ms);
	limits(raw->rekey_bytes, raw->life_bytes, raw->rand_bytes, &c->rekey_bytes, &c->life_bytes, &c->rand_bytes);
	limits(raw->rekey_packets, raw->life_packets, raw->rand_packets, &c->rekey_packets, &c->life_packets,
	       &c->rand_packets);
	c->inactivity_ms = raw->inactivity_ms;
	c->reqid = raw->reqid;
	c->priority = raw->priority;
	c->replay_window = raw->window;
	c->offload = (enum espnic_ike_offload)raw->offload;
	c->mark_in = to_mark(raw->mark_in);
	c->mark_out = to_mark(raw->mark_out);
	c->set_mark_in = to_mark(raw->set_mark_in);
	c->set_mark_out = to_mark(raw->set_mark_out);
	c->if_id_in = raw->if_id_in;
	c->if_id_out = raw->if_id_out;
	c->policies = raw->policies;
	c->copy_df = raw->copy_df;
	c->copy_ecn = raw->copy_ecn;
	c->copy_dscp = (uint8_t)raw->copy_dscp;
	if (raw->device && strlen(raw->device) >= sizeof(c->device))
		return espnic_conf_fail(err, node, "'%.32s' is no name of an interface", raw->device);
	if (raw->device)
		snprintf(c->device, sizeof(c->device), "%s", raw->device);
	if (!c->n_proposals) {
		n = espnic_ike_proposal_parse(c->proposals, ESPNIC_IKE_PROPOSALS, ESPNIC_IKE_PROTO_ESP, "default", why);
		if (n < 0)
			return espnic_conf_fail(err, node, "%s", why);
		c->n_proposals = (uint8_t)n;
	}
	return check_child(node, c, err);
}

static int read_child(const struct espnic_conf_node *node, struct raw_child *raw, struct espnic_ike_child_conf *conf,
		      uint32_t if_id_in, uint32_t if_id_out, struct espnic_conf_error *err)
{
	static const struct espnic_conf_ts dynamic = {
		.n = 1, .ts[0] = { .dynamic = true, .port_to = UINT16_MAX }
	};

	*raw = (struct raw_child){
		.conf = conf,		   .local = dynamic,	       .remote = dynamic,
		.rekey_ms = REKEY_MS,	   .life_ms = NOT_GIVEN,       .rand_ms = NOT_GIVEN,
		.life_bytes = NOT_GIVEN,   .rand_bytes = NOT_GIVEN,    .life_packets = NOT_GIVEN,
		.rand_packets = NOT_GIVEN, .window = WINDOW,	       .if_id_in = if_id_in,
		.if_id_out = if_id_out,	   .policies = true,	       .copy_df = true,
		.copy_ecn = true,	   .copy_dscp = 1,
	};
	if (espnic_conf_name(node, conf->name, err) || espnic_conf_fill(node, child_table, raw, err))
		return -1;
	return finish_child(node, raw, err);
}

static unsigned int count(const struct espnic_conf_node *section)
{
	const struct espnic_conf_node *n;
	unsigned int i = 0;

	for (n = section->first; n; n = n->next)
		i += !n->value && !n->template;
	return i;
}

int espnic_conf_children(const struct espnic_conf_node *section, uint32_t if_id_in, uint32_t if_id_out,
			 struct espnic_conf_conn *out, struct espnic_conf_error *err)
{
	const struct espnic_conf_node *n;
	struct espnic_ike_child_conf conf;
	struct raw_child raw;
	unsigned int room;

	if (!section)
		return 0;
	room = count(section);
	if (room > ESPNIC_IKE_CHILDREN)
		return espnic_conf_fail(err, section, "more than %d children", ESPNIC_IKE_CHILDREN);
	out->conn->children = calloc(room + 1, sizeof(conf));
	out->shunts = calloc(room + 1, sizeof(*out->shunts));
	if (!out->conn->children || !out->shunts)
		return espnic_conf_fail(err, section, "out of memory");
	for (n = section->first; n; n = n->next) {
		if (n->value)
			return espnic_conf_fail(err, n, "unknown key");
		if (n->template)
			continue;
		memset(&conf, 0, sizeof(conf));
		if (read_child(n, &raw, &conf, if_id_in, if_id_out, err))
			return -1;
		if (raw.mode == MODE_PASS || raw.mode == MODE_DROP) {
			out->shunts[out->n_shunts].conf = conf;
			out->shunts[out->n_shunts++].drop = raw.mode == MODE_DROP;
		} else {
			out->conn->children[out->conn->n_children++] = conf;
		}
	}
	return 0;
}
