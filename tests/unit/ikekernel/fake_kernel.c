// SPDX-License-Identifier: BSD-2-Clause
#include "fake_kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static void *payload(const struct nlmsghdr *m)
{
	return (char *)m + NLMSG_HDRLEN;
}

/* Attribute @type behind a fixed part of @fixed bytes; NULL if it isn't there. */
static struct nlattr *find_attr(const struct nlmsghdr *m, size_t fixed, unsigned int type)
{
	char *p = (char *)payload(m) + NLMSG_ALIGN(fixed), *end = (char *)m + m->nlmsg_len;
	struct nlattr *a;

	for (; p + sizeof(*a) <= end; p += NLA_ALIGN(a->nla_len)) {
		a = (struct nlattr *)p;
		if (a->nla_type == type)
			return a;
		if (a->nla_len < sizeof(*a))
			break;
	}
	return NULL;
}

static uint64_t mark_of(const struct nlmsghdr *m, size_t fixed)
{
	struct nlattr *a = find_attr(m, fixed, XFRMA_MARK);
	uint64_t mark = 0;

	if (a)
		memcpy(&mark, a + 1, sizeof(mark));
	return mark;
}

/* ---- what is what ---- */

struct sa_name {
	xfrm_address_t daddr;
	uint32_t spi;
	uint8_t proto;
	uint64_t mark;
};

static void name_sa(const struct nlmsghdr *m, struct sa_name *n)
{
	const struct xfrm_usersa_info *info = payload(m);
	const struct xfrm_usersa_id *id = payload(m);

	memset(n, 0, sizeof(*n));
	if (m->nlmsg_type == XFRM_MSG_NEWSA) {
		n->daddr = info->id.daddr;
		n->spi = info->id.spi;
		n->proto = info->id.proto;
		n->mark = mark_of(m, sizeof(*info));
	} else {
		n->daddr = id->daddr;
		n->spi = id->spi;
		n->proto = id->proto;
		if (m->nlmsg_type == ESPNIC_XFRM_MSG_MIGRATE_STATE)
			memcpy(&n->mark, &((const struct espnic_xfrm_user_migrate_state *)payload(m))->old_mark, sizeof(n->mark));
		else
			n->mark = mark_of(m, sizeof(*id));
	}
}

struct policy_name {
	struct xfrm_selector sel;
	uint8_t dir;
	uint64_t mark;
};

static void name_policy(const struct nlmsghdr *m, struct policy_name *n)
{
	const struct xfrm_userpolicy_info *info = payload(m);
	const struct xfrm_userpolicy_id *id = payload(m);
	bool whole = m->nlmsg_type == XFRM_MSG_NEWPOLICY || m->nlmsg_type == XFRM_MSG_UPDPOLICY;

	memset(n, 0, sizeof(*n));
	n->sel = whole ? info->sel : id->sel;
	n->dir = whole ? info->dir : id->dir;
	n->mark = mark_of(m, whole ? sizeof(*info) : sizeof(*id));
}

static bool same_object(const struct nlmsghdr *a, const struct nlmsghdr *b, bool policy)
{
	struct policy_name p, q;
	struct sa_name s, t;

	if (policy) {
		name_policy(a, &p);
		name_policy(b, &q);
		return !memcmp(&p, &q, sizeof(p));
	}
	name_sa(a, &s);
	name_sa(b, &t);
	return !memcmp(&s, &t, sizeof(s));
}

static struct fake_object *find(struct fake_kernel *k, const struct nlmsghdr *req, bool policy)
{
	int i;

	for (i = 0; i < FAKE_OBJECTS; i++)
		if (k->object[i].used && k->object[i].policy == policy &&
		    same_object((struct nlmsghdr *)k->object[i].msg, req, policy))
			return &k->object[i];
	return NULL;
}

/* ---- calls ---- */

/* Turn the offload attribute into one that nothing reads. */
static void strip_offload(struct nlmsghdr *m, size_t fixed, bool packet)
{
	struct nlattr *a = find_attr(m, fixed, XFRMA_OFFLOAD_DEV);
	struct xfrm_user_offload *o;

	if (!a)
		return;
	o = (struct xfrm_user_offload *)(a + 1);
	if (!(o->flags & XFRM_OFFLOAD_PACKET) == !packet)
		a->nla_type = XFRMA_PAD;
}

static int put(struct fake_kernel *k, const struct nlmsghdr *req, bool policy, char *text)
{
	struct fake_object *o = find(k, req, policy);
	struct nlmsghdr *m;
	int i;

	if (o && req->nlmsg_type != XFRM_MSG_UPDPOLICY)
		return -EEXIST;
	for (i = 0; !o && i < FAKE_OBJECTS; i++)
		if (!k->object[i].used)
			o = &k->object[i];
	if (!o || req->nlmsg_len > sizeof(o->msg))
		return -ENOBUFS;
	memset(o, 0, sizeof(*o));
	o->used = true;
	o->policy = policy;
	m = memcpy(o->msg, req, req->nlmsg_len);
	m->nlmsg_type = policy ? XFRM_MSG_NEWPOLICY : XFRM_MSG_NEWSA;
	m->nlmsg_seq = 0;
	m->nlmsg_flags = 0;
	if (!policy && k->declines_crypto) {
		strip_offload(m, sizeof(struct xfrm_usersa_info), false);
		if (k->declines_words)
			snprintf(text, ESPNIC_XFRM_TEXT, "%s", k->declines_words);
	}
	if (k->declines_packet)
		strip_offload(m, policy ? sizeof(struct xfrm_userpolicy_info) : sizeof(struct xfrm_usersa_info),
			      true);
	return 0;
}

/* Attribute @type of a state becomes @a; without its data (a type of 0 alone): there is none any more. */
static int set_attr(struct nlmsghdr *m, const struct nlattr *a, bool none)
{
	struct nlattr *have = find_attr(m, sizeof(struct xfrm_usersa_info), a->nla_type);
	char *end = (char *)m + m->nlmsg_len;
	size_t len = NLA_ALIGN(a->nla_len);

	if (have && have->nla_len != a->nla_len)
		return -EINVAL;
	if (have && none) {
		memmove(have, (char *)have + len, (size_t)(end - (char *)have) - len);
		memset(end - len, 0, len);
		m->nlmsg_len -= (uint32_t)len;
	} else if (have) {
		memcpy(have, a, a->nla_len);
	} else if (!none && m->nlmsg_len + len <= FAKE_MSG) {
		memcpy(end, a, a->nla_len);
		m->nlmsg_len += (uint32_t)len;
	}
	return 0;
}

/* XFRM_MSG_MIGRATE_STATE, as net/xfrm/xfrm_user.c has it. */
static int move(struct fake_kernel *k, const struct nlmsghdr *req, char *text)
{
	const struct espnic_xfrm_user_migrate_state *um = payload(req);
	struct nlattr *encap = find_attr(req, sizeof(*um), XFRMA_ENCAP), *dev = find_attr(req, sizeof(*um), XFRMA_OFFLOAD_DEV);
	struct fake_object *o = find(k, req, false);
	struct xfrm_usersa_info *info;
	struct nlmsghdr *m;

	if (k->never_moves || !um->id.spi || um->reserved || um->flags & ~ESPNIC_XFRM_MIGRATE_STATE_CLEAR_OFFLOAD)
		return -EINVAL;
	if (!o)
		return -ESRCH;
	m = (struct nlmsghdr *)o->msg;
	if (!dev && !um->flags)
		dev = find_attr(m, sizeof(*info), XFRMA_OFFLOAD_DEV);
	if (dev && !k->moves_offloaded) {
		snprintf(text, ESPNIC_XFRM_TEXT, "Type doesn't support offload");
		return -EINVAL;
	}
	info = payload(m);
	info->id.daddr = um->new_daddr;
	info->saddr = um->new_saddr;
	info->sel = um->new_sel;
	info->reqid = um->new_reqid;
	info->family = um->new_family;
	if (encap && set_attr(m, encap, !((struct xfrm_encap_tmpl *)(encap + 1))->encap_type))
		return -EINVAL;
	return dev ? set_attr(m, dev, false) : 0;
}

static int dump(struct fake_kernel *k, bool policies, espnic_xfrm_each *each, void *ctx)
{
	int i, rc = 0;

	for (i = 0; i < FAKE_OBJECTS && !rc; i++)
		if (k->object[i].used && k->object[i].policy == policies)
			rc = each((struct nlmsghdr *)k->object[i].msg, ctx);
	return rc;
}

static int talk(void *ctx, struct nlmsghdr *req, espnic_xfrm_each *each, void *each_ctx, char *text)
{
	struct fake_kernel *k = ctx;
	struct fake_object *o;
	bool policy = req->nlmsg_type == XFRM_MSG_NEWPOLICY || req->nlmsg_type == XFRM_MSG_UPDPOLICY ||
		      req->nlmsg_type == XFRM_MSG_DELPOLICY || req->nlmsg_type == XFRM_MSG_GETPOLICY;

	text[0] = 0;
	k->calls++;
	if (k->calls == k->fail_call || (k->fail_from && k->calls >= k->fail_from)) {
		snprintf(text, ESPNIC_XFRM_TEXT, "%s", k->words ? k->words : "");
		return -k->fail_errno;
	}
	switch (req->nlmsg_type) {
	case ESPNIC_XFRM_MSG_MIGRATE_STATE:
		return move(k, req, text);
	case XFRM_MSG_NEWSA:
	case XFRM_MSG_NEWPOLICY:
	case XFRM_MSG_UPDPOLICY:
		return put(k, req, policy, text);
	case XFRM_MSG_DELSA:
	case XFRM_MSG_DELPOLICY:
		o = find(k, req, policy);
		if (o)
			o->used = false;
		return o ? 0 : policy ? -ENOENT : -ESRCH;
	case XFRM_MSG_GETSA:
	case XFRM_MSG_GETPOLICY:
		if ((req->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP)
			return dump(k, policy, each, each_ctx);
		o = find(k, req, policy);
		return o ? each((struct nlmsghdr *)o->msg, each_ctx) : policy ? -ENOENT : -ESRCH;
	default:
		return -EOPNOTSUPP;
	}
}

static void no_close(void *ctx)
{
	(void)ctx;
}

struct espnic_xfrm fake_kernel_open(struct fake_kernel *k)
{
	static const struct espnic_xfrm_ops ops = { .talk = talk, .close = no_close };

	return (struct espnic_xfrm){ .ops = &ops, .ctx = k };
}

/* ---- looking ---- */

unsigned int fake_count(const struct fake_kernel *k, bool policies)
{
	unsigned int n = 0, i;

	for (i = 0; i < FAKE_OBJECTS; i++)
		n += k->object[i].used && k->object[i].policy == policies;
	return n;
}

bool fake_same(const struct fake_kernel *a, const struct fake_kernel *b)
{
	int i, j;

	if (fake_count(a, false) != fake_count(b, false) || fake_count(a, true) != fake_count(b, true))
		return false;
	for (i = 0; i < FAKE_OBJECTS; i++) {
		if (!a->object[i].used)
			continue;
		for (j = 0; j < FAKE_OBJECTS; j++)
			if (b->object[j].used && !memcmp(a->object[i].msg, b->object[j].msg, FAKE_MSG))
				break;
		if (j == FAKE_OBJECTS)
			return false;
	}
	return true;
}

struct nlmsghdr *fake_state(struct fake_kernel *k, uint32_t spi)
{
	const struct xfrm_usersa_info *info;
	int i;

	for (i = 0; i < FAKE_OBJECTS; i++) {
		info = payload((struct nlmsghdr *)k->object[i].msg);
		if (k->object[i].used && !k->object[i].policy && info->id.spi == htonl(spi))
			return (struct nlmsghdr *)k->object[i].msg;
	}
	return NULL;
}
