// SPDX-License-Identifier: BSD-2-Clause
/* The file's sections as states and policies. What goes with what is in rules.c. */
#include <limits.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "conf/value.h"
#include "core/ike.h"
#include "manual/manual.h"

enum {
	BY_DIRECTION = INT32_MAX, /* a window that is not given */
	DEFAULT_WINDOW = 32, /* packets, inbound: swanctl.conf's */
	DEFAULT_PRIORITY = 1000, /* of a policy */
};

/* A port, or ports that one mask can say. */
struct ports {
	uint16_t value, mask;
};

/* A state's keys as they stand there. */
struct raw_state {
	int direction, mode, offload, copy_dscp;
	struct espnic_addr src, dst;
	uint32_t spi, reqid, window, if_id, proto, tfc, cpu, keepalive, encap_sport, encap_dport;
	uint32_t icmp_type, icmp_code;
	uint64_t seq;
	const char *esp, *ah, *device;
	struct espnic_secret key, auth_key;
	struct espnic_mark mark, set_mark;
	struct espnic_prefix sel_src, sel_dst;
	struct ports sport, dport;
	struct espnic_xfrm_life life;
	bool copy_df, copy_ecn, wrap;
};

struct raw_tmpl {
	struct espnic_addr src, dst;
	int proto, mode, level;
	uint32_t reqid, spi;
};

struct raw_policy {
	int direction, action, offload;
	struct espnic_prefix src, dst;
	struct ports sport, dport;
	uint32_t proto, priority, if_id, icmp_type, icmp_code;
	const char *device;
	struct espnic_mark mark;
	bool block_when_down, icmp_errors;
	unsigned int n_tmpls;
	struct raw_tmpl tmpl[ESPNIC_XFRM_TMPLS];
	const struct espnic_conf_node *tmpl_node[ESPNIC_XFRM_TMPLS];
};

#define NOT_GIVEN UINT32_MAX

/* ---- readers ---- */

/* N, or N-M if that is one value under one mask: M - N + 1 a power of two that divides N. */
static int read_ports(const struct espnic_conf_node *node, void *field, const void *arg,
		      struct espnic_conf_error *err)
{
	struct ports *p = field;
	unsigned long from, to;
	char *end;

	(void)arg;
	from = to = strtoul(node->value, &end, 10);
	if (end != node->value && *end == '-' && end[1] >= '0' && end[1] <= '9')
		to = strtoul(end + 1, &end, 10);
	if (end == node->value || *end || *node->value < '0' || *node->value > '9' || from > to ||
	    to > UINT16_MAX)
		return espnic_conf_fail(err, node, "'%.32s' is no port and no range of ports", node->value);
	if (((to - from + 1) & (to - from)) || from % (to - from + 1))
		return espnic_conf_fail(err, node, "the kernel has masks for ports: '%.32s' would take several policies",
					node->value);
	p->value = (uint16_t)from;
	p->mask = (uint16_t)~(to - from);
	return 0;
}

static int read_protocol(const struct espnic_conf_node *node, void *field, const void *arg,
			 struct espnic_conf_error *err)
{
	static const struct {
		const char *name;
		uint32_t proto;
	} known[] = {
		{ "any", 0 },		  { "icmp", IPPROTO_ICMP }, { "tcp", IPPROTO_TCP },
		{ "udp", IPPROTO_UDP },	  { "gre", IPPROTO_GRE },   { "esp", IPPROTO_ESP },
		{ "ah", IPPROTO_AH },	  { "sctp", IPPROTO_SCTP }, { "ipv6-icmp", IPPROTO_ICMPV6 },
		{ "dccp", IPPROTO_DCCP }, { "ospf", 89 },
	};
	static const struct espnic_conf_range byte = { 0, 255 };
	size_t i;

	(void)arg;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!strcmp(node->value, known[i].name)) {
			*(uint32_t *)field = known[i].proto;
			return 0;
		}
	}
	return espnic_conf_u32(node, field, &byte, err);
}

/* ---- tables ---- */

static const struct espnic_conf_choice directions[] = {
	{ "in", XFRM_SA_DIR_IN, NULL }, { "out", XFRM_SA_DIR_OUT, NULL }, { NULL, 0, NULL }
};
static const struct espnic_conf_choice policy_directions[] = {
	{ "in", XFRM_POLICY_IN, NULL }, { "out", XFRM_POLICY_OUT, NULL }, { "fwd", XFRM_POLICY_FWD, NULL },
	{ NULL, 0, NULL }
};
static const struct espnic_conf_choice modes[] = {
	{ "transport", XFRM_MODE_TRANSPORT, NULL },
	{ "tunnel", XFRM_MODE_TUNNEL, NULL },
	{ "beet", 0, "bound end-to-end tunnels are not supported" },
	{ "iptfs", 0, "IP-TFS (RFC 9347) is not supported" },
	{ NULL, 0, NULL }
};
static const struct espnic_conf_choice offloads[] = {
	{ "no", ESPNIC_XFRM_SOFTWARE, NULL },
	{ "crypto", ESPNIC_XFRM_CRYPTO, NULL },
	{ "packet", ESPNIC_XFRM_PACKET, NULL },
	{ "auto", 0, "states and policies must have the same offload: say which" },
	{ NULL, 0, NULL }
};
static const struct espnic_conf_choice policy_offloads[] = {
	{ "no", ESPNIC_XFRM_SOFTWARE, NULL },
	{ "packet", ESPNIC_XFRM_PACKET, NULL },
	{ "crypto", 0, "crypto offload is of states alone: leave it out here" },
	{ "auto", 0, "states and policies must have the same offload: say which" },
	{ NULL, 0, NULL }
};
enum { DSCP_OUT = 1, DSCP_IN = 2 };
static const struct espnic_conf_choice dscps[] = {
	{ "no", 0, NULL }, { "out", DSCP_OUT, NULL }, { "in", DSCP_IN, NULL },
	{ "yes", DSCP_OUT | DSCP_IN, NULL }, { NULL, 0, NULL }
};
static const struct espnic_conf_choice actions[] = {
	{ "allow", XFRM_POLICY_ALLOW, NULL }, { "block", XFRM_POLICY_BLOCK, NULL }, { NULL, 0, NULL }
};
static const struct espnic_conf_choice protocols[] = {
	{ "esp", IPPROTO_ESP, NULL }, { "ah", IPPROTO_AH, NULL },
	{ "comp", 0, "IPComp is not supported" }, { NULL, 0, NULL }
};
static const struct espnic_conf_choice levels[] = {
	{ "required", 0, NULL }, { "use", 1, NULL }, { NULL, 0, NULL }
};

static const struct espnic_conf_range spis = { 256, UINT32_MAX }; /* RFC 4303 section 2.1 */
static const struct espnic_conf_range tmpl_spis = { 0, UINT32_MAX };
static const struct espnic_conf_range any_u32 = { 0, UINT32_MAX };
static const struct espnic_conf_range windows = { 0, ESPNIC_XFRM_WINDOW };
static const struct espnic_conf_range ports = { 1, UINT16_MAX };
static const struct espnic_conf_range bytes = { 0, 255 };
static const struct espnic_conf_range cpus = { 0, 65535 };
static const struct espnic_conf_range paddings = { 0, 65535 };
static const struct espnic_conf_range priorities = { 0, ESPNIC_MANUAL_BLOCK_PRIORITY - 1U };

#define KEY(type, key, reader, member, arg) \
	{ key, ESPNIC_CONF_KEY, reader, offsetof(struct type, member), arg }
#define END { NULL, ESPNIC_CONF_KEY, NULL, 0, NULL }

static const struct espnic_conf_entry state_table[] = {
	KEY(raw_state, "direction", espnic_conf_enum, direction, directions),
	KEY(raw_state, "src", espnic_conf_addr, src, NULL),
	KEY(raw_state, "dst", espnic_conf_addr, dst, NULL),
	KEY(raw_state, "spi", espnic_conf_u32, spi, &spis),
	KEY(raw_state, "reqid", espnic_conf_u32, reqid, &any_u32),
	KEY(raw_state, "mode", espnic_conf_enum, mode, modes),
	KEY(raw_state, "esp", espnic_conf_string, esp, NULL),
	KEY(raw_state, "ah", espnic_conf_string, ah, NULL),
	KEY(raw_state, "key", espnic_conf_secret, key, NULL),
	KEY(raw_state, "auth_key", espnic_conf_secret, auth_key, NULL),
	KEY(raw_state, "sequence", espnic_conf_count, seq, NULL),
	KEY(raw_state, "replay_window", espnic_conf_u32, window, &windows),
	KEY(raw_state, "hw_offload", espnic_conf_enum, offload, offloads),
	KEY(raw_state, "interface", espnic_conf_string, device, NULL),
	KEY(raw_state, "encap_sport", espnic_conf_u32, encap_sport, &ports),
	KEY(raw_state, "encap_dport", espnic_conf_u32, encap_dport, &ports),
	KEY(raw_state, "nat_keepalive", espnic_conf_u32, keepalive, &any_u32),
	KEY(raw_state, "selector_src", espnic_conf_prefix, sel_src, NULL),
	KEY(raw_state, "selector_dst", espnic_conf_prefix, sel_dst, NULL),
	KEY(raw_state, "protocol", read_protocol, proto, NULL),
	KEY(raw_state, "sport", read_ports, sport, NULL),
	KEY(raw_state, "dport", read_ports, dport, NULL),
	KEY(raw_state, "icmp_type", espnic_conf_u32, icmp_type, &bytes),
	KEY(raw_state, "icmp_code", espnic_conf_u32, icmp_code, &bytes),
	KEY(raw_state, "rekey_bytes", espnic_conf_count, life.soft_bytes, NULL),
	KEY(raw_state, "life_bytes", espnic_conf_count, life.hard_bytes, NULL),
	KEY(raw_state, "rekey_packets", espnic_conf_count, life.soft_packets, NULL),
	KEY(raw_state, "life_packets", espnic_conf_count, life.hard_packets, NULL),
	KEY(raw_state, "rekey_time", espnic_conf_seconds, life.soft_seconds, NULL),
	KEY(raw_state, "life_time", espnic_conf_seconds, life.hard_seconds, NULL),
	KEY(raw_state, "mark", espnic_conf_mark, mark, NULL),
	KEY(raw_state, "set_mark", espnic_conf_mark, set_mark, NULL),
	KEY(raw_state, "if_id", espnic_conf_u32, if_id, &any_u32),
	KEY(raw_state, "tfc_padding", espnic_conf_u32, tfc, &paddings),
	KEY(raw_state, "cpu", espnic_conf_u32, cpu, &cpus),
	KEY(raw_state, "copy_df", espnic_conf_bool, copy_df, NULL),
	KEY(raw_state, "copy_ecn", espnic_conf_bool, copy_ecn, NULL),
	KEY(raw_state, "copy_dscp", espnic_conf_enum, copy_dscp, dscps),
	KEY(raw_state, "sequence_may_wrap", espnic_conf_bool, wrap, NULL),
	{ "ipcomp", ESPNIC_CONF_KEY, NULL, 0, "IPComp is not supported" },
	END
};

static const struct espnic_conf_entry tmpl_table[] = {
	KEY(raw_tmpl, "src", espnic_conf_addr, src, NULL),
	KEY(raw_tmpl, "dst", espnic_conf_addr, dst, NULL),
	KEY(raw_tmpl, "protocol", espnic_conf_enum, proto, protocols),
	KEY(raw_tmpl, "mode", espnic_conf_enum, mode, modes),
	KEY(raw_tmpl, "reqid", espnic_conf_u32, reqid, &any_u32),
	KEY(raw_tmpl, "spi", espnic_conf_u32, spi, &tmpl_spis),
	KEY(raw_tmpl, "level", espnic_conf_enum, level, levels),
	END
};

static int read_tmpl(const struct espnic_conf_node *node, void *object, const void *arg,
		     struct espnic_conf_error *err)
{
	struct raw_policy *raw = object;
	struct raw_tmpl *t;

	(void)arg;
	if (raw->n_tmpls == ESPNIC_XFRM_TMPLS)
		return espnic_conf_fail(err, node, "more than %d templates", ESPNIC_XFRM_TMPLS);
	raw->tmpl_node[raw->n_tmpls] = node;
	t = &raw->tmpl[raw->n_tmpls++];
	t->proto = IPPROTO_ESP;
	t->mode = XFRM_MODE_TRANSPORT;
	return espnic_conf_fill(node, tmpl_table, t, err);
}

static const struct espnic_conf_entry policy_table[] = {
	KEY(raw_policy, "direction", espnic_conf_enum, direction, policy_directions),
	KEY(raw_policy, "src", espnic_conf_prefix, src, NULL),
	KEY(raw_policy, "dst", espnic_conf_prefix, dst, NULL),
	KEY(raw_policy, "protocol", read_protocol, proto, NULL),
	KEY(raw_policy, "sport", read_ports, sport, NULL),
	KEY(raw_policy, "dport", read_ports, dport, NULL),
	KEY(raw_policy, "icmp_type", espnic_conf_u32, icmp_type, &bytes),
	KEY(raw_policy, "icmp_code", espnic_conf_u32, icmp_code, &bytes),
	KEY(raw_policy, "action", espnic_conf_enum, action, actions),
	KEY(raw_policy, "priority", espnic_conf_u32, priority, &priorities),
	KEY(raw_policy, "mark", espnic_conf_mark, mark, NULL),
	KEY(raw_policy, "if_id", espnic_conf_u32, if_id, &any_u32),
	KEY(raw_policy, "icmp_errors", espnic_conf_bool, icmp_errors, NULL),
	KEY(raw_policy, "hw_offload", espnic_conf_enum, offload, policy_offloads),
	KEY(raw_policy, "interface", espnic_conf_string, device, NULL),
	KEY(raw_policy, "block_when_down", espnic_conf_bool, block_when_down, NULL),
	{ "template", ESPNIC_CONF_SUBS, read_tmpl, 0, NULL },
	END
};

/* ---- what belongs to one object ---- */

/* What must be there: "a key 'spi' is needed" */
static int need(const struct espnic_conf_node *node, bool given, const char *key,
		struct espnic_conf_error *err)
{
	return given ? 0 : espnic_conf_fail(err, node, "'%s' is needed", key);
}

static int copy_device(const struct espnic_conf_node *node, int offload, const char *name, char *out,
		       struct espnic_conf_error *err)
{
	if (offload == ESPNIC_XFRM_SOFTWARE)
		return name ? espnic_conf_fail(err, node, "'interface' is of hw_offload, which is not asked for") : 0;
	if (need(node, name, "interface", err))
		return -1;
	if (!*name || strlen(name) >= IF_NAMESIZE)
		return espnic_conf_fail(err, node, "'%.32s' is no name of an interface", name);
	snprintf(out, IF_NAMESIZE, "%s", name);
	return 0;
}

/* ICMP's type and code stand where ports do. */
static int copy_ports(const struct espnic_conf_node *node, uint32_t proto, struct ports sport,
		      struct ports dport, uint32_t type, uint32_t code,
		      struct espnic_xfrm_selector *sel, struct espnic_conf_error *err)
{
	bool icmp = proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;

	if ((type != NOT_GIVEN || code != NOT_GIVEN) && !icmp)
		return espnic_conf_fail(err, node, "icmp_type and icmp_code need protocol icmp or ipv6-icmp");
	if ((sport.mask || dport.mask) && (icmp || !proto))
		return espnic_conf_fail(err, node, "sport and dport need a protocol with ports");
	if (code != NOT_GIVEN && type == NOT_GIVEN)
		return espnic_conf_fail(err, node, "icmp_code needs icmp_type");
	if (type != NOT_GIVEN)
		sport = (struct ports){ (uint16_t)type, UINT16_MAX };
	if (code != NOT_GIVEN)
		dport = (struct ports){ (uint16_t)code, UINT16_MAX };
	sel->proto = (uint8_t)proto;
	sel->sport = sport.value;
	sel->sport_mask = sport.mask;
	sel->dport = dport.value;
	sel->dport_mask = dport.mask;
	return 0;
}

/* ---- algorithms ---- */

static int copy_key(const struct espnic_conf_node *node, const char *which,
		    const struct espnic_ike_alg *alg, const struct espnic_secret *secret,
		    struct espnic_xfrm_key *out, struct espnic_conf_error *err)
{
	unsigned int want = alg->key_bits / 8U + alg->out + alg->salt;

	if (secret->len != want)
		return espnic_conf_fail(err, node, "'%s' of %s has %u bytes%s, not %u", which, alg->name, want,
					alg->salt == 4 ? " (4 of them salt, at its end)" :
					alg->salt ? " (3 of them salt, at its end)" : "", secret->len);
	snprintf(out->alg, sizeof(out->alg), "%s", alg->xfrm);
	out->icv_bits = (uint16_t)(8 * alg->icv);
	out->len = secret->len;
	memcpy(out->bytes, secret->bytes, secret->len);
	return 0;
}

/* A proposal that leaves nothing to choose: aes256-sha256-esn. */
struct chosen {
	const struct espnic_ike_alg *cipher, *auth; /* cipher: also an AEAD, which has an ICV */
	bool esn;
};

static int parse_proposal(const struct espnic_conf_node *node, const char *text, struct chosen *c,
			  struct espnic_conf_error *err)
{
	const struct espnic_ike_alg *alg, **slot;
	unsigned int len;

	for (;; text += len + 1) {
		len = (unsigned int)strcspn(text, "-");
		alg = espnic_ike_alg_manual(text, len);
		if (len == 3 && !memcmp(text, "esn", 3)) {
			c->esn = true;
		} else if (!(len == 5 && !memcmp(text, "noesn", 5))) {
			if (!alg)
				return espnic_conf_fail(err, node, "'%.*s' is no algorithm for manual keys",
							len < 40 ? (int)len : 40, text);
			slot = alg->type == ESPNIC_IKE_INTEG ? &c->auth : &c->cipher;
			if (*slot)
				return espnic_conf_fail(err, node, "both %s and %s: manual keys are for one of them",
							(*slot)->name, alg->name);
			*slot = alg;
		}
		if (!text[len])
			return 0;
	}
}

static int check_proposal(const struct espnic_conf_node *node, const struct raw_state *raw,
			  const struct chosen *c, struct espnic_conf_error *err)
{
	bool aead = c->cipher && c->cipher->icv;

	if (raw->ah && c->cipher)
		return espnic_conf_fail(err, node, "AH does not encrypt: %s is of no use there", c->cipher->name);
	if (raw->ah && !c->auth)
		return espnic_conf_fail(err, node, "AH needs an authenticator");
	if (!raw->ah && !c->cipher)
		return espnic_conf_fail(err, node, "ESP needs a cipher (null, to authenticate alone)");
	if (aead && c->auth)
		return espnic_conf_fail(err, node, "%s authenticates by itself: leave %s out", c->cipher->name,
					c->auth->name);
	if (!raw->ah && !aead && !c->auth)
		return espnic_conf_fail(err, node, "%s needs an authenticator (RFC 8221 section 4)", c->cipher->name);
	if (!c->auth && raw->auth_key.len)
		return espnic_conf_fail(err, node, "'auth_key' without an authenticator");
	if ((raw->ah || !c->cipher->key_bits) && raw->key.len)
		return espnic_conf_fail(err, node, "'key' is the cipher's; an authenticator has 'auth_key'");
	return 0;
}

static int read_algorithms(const struct espnic_conf_node *node, const struct raw_state *raw,
			   struct espnic_manual_state *s, struct espnic_conf_error *err)
{
	struct espnic_xfrm_sa *sa = &s->sa;
	struct chosen c = { 0 };
	bool aead;

	if (!raw->esp == !raw->ah)
		return espnic_conf_fail(err, node, "one of 'esp' and 'ah' is needed");
	if (parse_proposal(node, raw->esp ? raw->esp : raw->ah, &c, err) ||
	    check_proposal(node, raw, &c, err))
		return -1;
	aead = c.cipher && c.cipher->icv;
	if (c.cipher && copy_key(node, "key", c.cipher, &raw->key, aead ? &sa->aead : &sa->enc, err))
		return -1;
	if (c.auth && copy_key(node, "auth_key", c.auth, &raw->auth_key, &sa->auth, err))
		return -1;
	sa->proto = raw->esp ? IPPROTO_ESP : IPPROTO_AH;
	if (c.esn)
		sa->flags |= XFRM_STATE_ESN;
	/* what has a salt counts packets in the nonce behind it: two of one number under one key give both away */
	s->counter = c.cipher && c.cipher->salt;
	s->weak = (c.cipher && c.cipher->weak) || (c.auth && c.auth->weak);
	return 0;
}

/* ---- states ---- */

static void state_flags(const struct raw_state *raw, struct espnic_xfrm_sa *sa)
{
	bool out = raw->direction == XFRM_SA_DIR_OUT;

	if (!raw->copy_df && out)
		sa->flags |= XFRM_STATE_NOPMTUDISC;
	if (!raw->copy_ecn)
		sa->flags |= XFRM_STATE_NOECN;
	if (raw->copy_dscp & DSCP_IN && !out)
		sa->flags |= XFRM_STATE_DECAP_DSCP;
	if (!(raw->copy_dscp & DSCP_OUT) && out)
		sa->extra_flags |= XFRM_SA_XFLAG_DONT_ENCAP_DSCP;
	if (raw->wrap)
		sa->extra_flags |= XFRM_SA_XFLAG_OSEQ_MAY_WRAP;
	/* a tunnel takes packets of either family, unless a selector says which */
	if (raw->mode == XFRM_MODE_TUNNEL && !raw->sel_src.addr.family && !raw->sel_dst.addr.family)
		sa->flags |= XFRM_STATE_AF_UNSPEC;
}

static int state_fields(const struct espnic_conf_node *node, const struct raw_state *raw,
			struct espnic_manual_state *s, struct espnic_conf_error *err)
{
	struct espnic_xfrm_sa *sa = &s->sa;

	sa->src = raw->src;
	sa->dst = raw->dst;
	sa->spi = raw->spi;
	sa->reqid = raw->reqid;
	sa->mode = (uint8_t)raw->mode;
	sa->dir = (uint8_t)raw->direction;
	sa->replay_window = raw->window != BY_DIRECTION	   ? raw->window :
			    raw->direction == XFRM_SA_DIR_IN ? DEFAULT_WINDOW :
								   0;
	if (raw->direction == XFRM_SA_DIR_OUT)
		sa->oseq = raw->seq;
	else
		sa->iseq = raw->seq;
	sa->encap_type = raw->encap_sport || raw->encap_dport ? UDP_ENCAP_ESPINUDP : 0;
	sa->encap_sport = (uint16_t)raw->encap_sport;
	sa->encap_dport = (uint16_t)raw->encap_dport;
	sa->life = raw->life;
	sa->mark = (struct espnic_xfrm_mark){ raw->mark.value, raw->mark.mask };
	sa->set_mark = (struct espnic_xfrm_mark){ raw->set_mark.value, raw->set_mark.mask };
	sa->if_id = raw->if_id;
	sa->tfc_pad = raw->tfc;
	sa->cpu = raw->cpu;
	sa->nat_keepalive = raw->keepalive;
	sa->offload = (enum espnic_xfrm_offload)raw->offload;
	sa->sel.src = raw->sel_src;
	sa->sel.dst = raw->sel_dst;
	state_flags(raw, sa);
	return copy_ports(node, raw->proto, raw->sport, raw->dport, raw->icmp_type, raw->icmp_code,
			  &sa->sel, err) ||
			       copy_device(node, raw->offload, raw->device, s->device, err) ?
		       -1 :
		       0;
}

static int read_state(const struct espnic_conf_node *node, struct espnic_manual_state *s,
		      struct espnic_conf_error *err)
{
	struct raw_state raw = {
		.direction = -1,	.mode = XFRM_MODE_TRANSPORT,
		.window = BY_DIRECTION, .copy_dscp = DSCP_OUT,
		.copy_df = true,	.copy_ecn = true,
		.cpu = NOT_GIVEN,	.icmp_type = NOT_GIVEN,
		.icmp_code = NOT_GIVEN,
	};
	int rc;

	s->node = node;
	rc = espnic_conf_fill(node, state_table, &raw, err) ||
	     need(node, raw.direction >= 0, "direction", err) || need(node, raw.src.family, "src", err) ||
	     need(node, raw.dst.family, "dst", err) || need(node, raw.spi, "spi", err) ||
	     read_algorithms(node, &raw, s, err) || state_fields(node, &raw, s, err);
	explicit_bzero(&raw.key, sizeof(raw.key));
	explicit_bzero(&raw.auth_key, sizeof(raw.auth_key));
	return rc ? -1 : 0;
}

/* ---- policies ---- */

static int copy_tmpl(const struct espnic_conf_node *node, const struct raw_tmpl *raw, int family,
		     struct espnic_xfrm_tmpl *t, struct espnic_conf_error *err)
{
	if (raw->mode == XFRM_MODE_TUNNEL && (!raw->src.family || !raw->dst.family))
		return espnic_conf_fail(err, node, "a tunnel needs 'src' and 'dst'");
	if (raw->src.family && raw->dst.family && raw->src.family != raw->dst.family)
		return espnic_conf_fail(err, node, "'src' and 'dst' are of two families");
	t->src = raw->src;
	t->dst = raw->dst;
	t->family = raw->src.family ? raw->src.family : raw->dst.family ? raw->dst.family : (uint8_t)family;
	if (raw->mode == XFRM_MODE_TRANSPORT && t->family != family)
		return espnic_conf_fail(err, node, "a transport template is of the policy's family");
	t->proto = (uint8_t)raw->proto;
	t->mode = (uint8_t)raw->mode;
	t->optional = raw->level;
	t->reqid = raw->reqid;
	t->spi = raw->spi;
	return 0;
}

static int policy_fields(const struct espnic_conf_node *node, const struct raw_policy *raw,
			 struct espnic_manual_policy *s, struct espnic_conf_error *err)
{
	struct espnic_xfrm_policy *p = &s->policy;
	unsigned int i;

	p->sel.src = raw->src;
	p->sel.dst = raw->dst;
	p->dir = (uint8_t)raw->direction;
	p->action = (uint8_t)raw->action;
	p->flags = raw->icmp_errors ? XFRM_POLICY_ICMP : 0;
	p->priority = raw->priority;
	p->mark = (struct espnic_xfrm_mark){ raw->mark.value, raw->mark.mask };
	p->if_id = raw->if_id;
	p->offload = (enum espnic_xfrm_offload)raw->offload;
	p->n_tmpls = raw->n_tmpls;
	s->block_when_down = raw->block_when_down;
	for (i = 0; i < raw->n_tmpls; i++)
		if (copy_tmpl(raw->tmpl_node[i], &raw->tmpl[i], raw->src.addr.family, &p->tmpl[i], err))
			return -1;
	if (copy_ports(node, raw->proto, raw->sport, raw->dport, raw->icmp_type, raw->icmp_code, &p->sel, err))
		return -1;
	return copy_device(node, raw->offload, raw->device, s->device, err);
}

static int read_policy(const struct espnic_conf_node *node, struct espnic_manual_policy *s,
		       struct espnic_conf_error *err)
{
	struct raw_policy raw = {
		.direction = -1,	.priority = DEFAULT_PRIORITY, .block_when_down = true,
		.icmp_type = NOT_GIVEN, .icmp_code = NOT_GIVEN,
	};

	s->node = node;
	if (espnic_conf_fill(node, policy_table, &raw, err) ||
	    need(node, raw.direction >= 0, "direction", err) ||
	    need(node, raw.src.addr.family, "src", err) || need(node, raw.dst.addr.family, "dst", err))
		return -1;
	if (raw.src.addr.family != raw.dst.addr.family)
		return espnic_conf_fail(err, node, "'src' and 'dst' are of two families");
	return policy_fields(node, &raw, s, err);
}

/*
 * Linux takes every offloaded policy out when a device goes down, and clear packets would leave by
 * the next route. What stands underneath has the same selector, and Linux knows policies by selector
 * and mark: two of the marks 0/1 and 1/1 are others than it, and meet every packet between them.
 */
static void add_blocks(struct espnic_manual *m, const struct espnic_manual_policy *of)
{
	struct espnic_manual_policy *b;
	uint32_t bit;

	for (bit = 0; bit <= 1; bit++) {
		b = &m->policies[m->n_policies++];
		memset(b, 0, sizeof(*b));
		b->node = of->node;
		b->block = true;
		b->policy.sel = of->policy.sel;
		b->policy.dir = of->policy.dir;
		b->policy.action = XFRM_POLICY_BLOCK;
		b->policy.priority = ESPNIC_MANUAL_BLOCK_PRIORITY;
		b->policy.mark = (struct espnic_xfrm_mark){ bit, 1 };
	}
}

/* ---- the file ---- */

static unsigned int count_sections(const struct espnic_conf_node *section)
{
	const struct espnic_conf_node *n;
	unsigned int count = 0;

	for (n = section ? section->first : NULL; n; n = n->next)
		count += !n->value && !n->template;
	return count;
}

static int read_all(struct espnic_manual *m, const struct espnic_conf_node *states,
		    const struct espnic_conf_node *policies, struct espnic_conf_error *err)
{
	const struct espnic_conf_node *n;
	struct espnic_manual_policy *p;

	for (n = states ? states->first : NULL; n; n = n->next) {
		if (n->value)
			return espnic_conf_fail(err, n, "unknown key");
		if (!n->template && read_state(n, &m->states[m->n_states++], err))
			return -1;
	}
	for (n = policies ? policies->first : NULL; n; n = n->next) {
		if (n->value)
			return espnic_conf_fail(err, n, "unknown key");
		if (n->template)
			continue;
		p = &m->policies[m->n_policies++];
		if (read_policy(n, p, err))
			return -1;
		if (p->policy.offload == ESPNIC_XFRM_PACKET && p->policy.n_tmpls && p->block_when_down)
			add_blocks(m, p);
	}
	return espnic_manual_check(m, err);
}

int espnic_manual_read(struct espnic_conf *conf, struct espnic_manual *m,
		       struct espnic_conf_error *err)
{
	const struct espnic_conf_node *root = espnic_conf_root(conf), *states, *policies, *n;
	unsigned int n_states, n_policies;

	memset(m, 0, sizeof(*m));
	m->conf = conf;
	for (n = root->first; n; n = n->next) {
		if (!n->value && (!strcmp(n->name, "states") || !strcmp(n->name, "policies") || n->template))
			continue;
		if (!n->value && !strcmp(n->name, "connections"))
			return espnic_conf_fail(err, n, "a file of manual keys has no connections");
		return espnic_conf_fail(err, n, "unknown %s", n->value ? "key" : "section");
	}
	states = espnic_conf_section(root, "states");
	policies = espnic_conf_section(root, "policies");
	n_states = count_sections(states);
	n_policies = count_sections(policies);
	if (n_states > ESPNIC_MANUAL_OBJECTS || n_policies > ESPNIC_MANUAL_OBJECTS)
		return espnic_conf_fail(err, root, "more than %d states or policies", ESPNIC_MANUAL_OBJECTS);
	if (!n_states && !n_policies)
		return espnic_conf_fail(err, root, "no states and no policies");
	m->states = calloc(n_states + 1, sizeof(*m->states));
	/* each may bring two blocks */
	m->policies = calloc(3 * n_policies + 1, sizeof(*m->policies));
	if (!m->states || !m->policies)
		return espnic_conf_fail(err, root, "out of memory");
	return read_all(m, states, policies, err);
}

int espnic_manual_load(const char *path, struct espnic_manual *m, struct espnic_conf_error *err)
{
	struct espnic_conf *conf = espnic_conf_load(path, err);

	memset(m, 0, sizeof(*m));
	return conf ? espnic_manual_read(conf, m, err) : -1;
}

void espnic_manual_free(struct espnic_manual *m)
{
	if (m->states)
		explicit_bzero(m->states, m->n_states * sizeof(*m->states));
	free(m->states);
	free(m->policies);
	espnic_conf_free(m->conf);
	memset(m, 0, sizeof(*m));
}
