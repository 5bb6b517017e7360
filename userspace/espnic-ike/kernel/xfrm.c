// SPDX-License-Identifier: BSD-2-Clause
/* One call to the kernel each, and what makes a state or a policy the same as another. */
#include "kernel/xfrm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct message {
	_Alignas(8) char buf[ESPNIC_XFRM_MSG];
};

/* Without a reply; the message is wiped, for it may hold keys. */
static int tell(const struct espnic_xfrm *x, struct message *m, struct nlmsghdr *req, char *text)
{
	int rc = x->ops->talk(x->ctx, req, NULL, NULL, text);

	explicit_bzero(m->buf, sizeof(m->buf));
	return rc;
}

int espnic_xfrm_add_sa(const struct espnic_xfrm *x, const struct espnic_xfrm_sa *sa, char *text)
{
	struct message m;
	struct nlmsghdr *req = espnic_xfrm_put_sa(m.buf, sa);

	req->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	return tell(x, &m, req, text);
}

int espnic_xfrm_del_sa(const struct espnic_xfrm *x, const struct espnic_xfrm_sa *sa, char *text)
{
	struct message m;

	return tell(x, &m, espnic_xfrm_put_sa_id(m.buf, XFRM_MSG_DELSA, sa), text);
}

int espnic_xfrm_move_sa(const struct espnic_xfrm *x, const struct espnic_xfrm_sa *was, const struct espnic_xfrm_sa *to, char *text)
{
	struct message m;
	int rc = tell(x, &m, espnic_xfrm_put_move(m.buf, was, to), text);

	/* a message it has never heard of is refused without a word */
	if (rc == -EINVAL && !text[0])
		snprintf(text, ESPNIC_XFRM_TEXT, "the kernel says no more (before Linux 7.2 it can't move states)");
	return rc;
}

int espnic_xfrm_set_policy(const struct espnic_xfrm *x, uint16_t type,
			   const struct espnic_xfrm_policy *p, char *text)
{
	struct message m;

	return tell(x, &m, espnic_xfrm_put_policy(m.buf, type, p), text);
}

int espnic_xfrm_del_policy(const struct espnic_xfrm *x, const struct espnic_xfrm_policy *p,
			   char *text)
{
	struct message m;

	return tell(x, &m, espnic_xfrm_put_policy_id(m.buf, XFRM_MSG_DELPOLICY, p), text);
}

/* ---- reading ---- */

struct one_sa {
	struct espnic_xfrm_sa *out;
	bool found;
};

static int take_sa(const struct nlmsghdr *msg, void *ctx)
{
	struct one_sa *one = ctx;

	if (msg->nlmsg_type != XFRM_MSG_NEWSA || !espnic_xfrm_get_sa(msg, one->out))
		return -EBADMSG;
	one->found = true;
	/* A state is answered by one message, with no end behind it. */
	return -EALREADY;
}

int espnic_xfrm_read_sa(const struct espnic_xfrm *x, const struct espnic_xfrm_sa *which,
			struct espnic_xfrm_sa *out, char *text)
{
	struct one_sa one = { .out = out };
	struct message m;
	int rc;

	rc = x->ops->talk(x->ctx, espnic_xfrm_put_sa_id(m.buf, XFRM_MSG_GETSA, which), take_sa, &one, text);
	return rc == -EALREADY && one.found ? 0 : rc ? rc : -ENOENT;
}

struct one_policy {
	struct espnic_xfrm_policy *out;
	bool found;
};

static int take_policy(const struct nlmsghdr *msg, void *ctx)
{
	struct one_policy *one = ctx;

	if (msg->nlmsg_type != XFRM_MSG_NEWPOLICY || !espnic_xfrm_get_policy(msg, one->out))
		return -EBADMSG;
	one->found = true;
	return -EALREADY;
}

int espnic_xfrm_read_policy(const struct espnic_xfrm *x, const struct espnic_xfrm_policy *which,
			    struct espnic_xfrm_policy *out, char *text)
{
	struct one_policy one = { .out = out };
	struct message m;
	int rc;

	rc = x->ops->talk(x->ctx, espnic_xfrm_put_policy_id(m.buf, XFRM_MSG_GETPOLICY, which), take_policy,
			  &one, text);
	return rc == -EALREADY && one.found ? 0 : rc ? rc : -ENOENT;
}

/* ---- names ---- */

static bool same_mark(const struct espnic_xfrm_mark *a, const struct espnic_xfrm_mark *b)
{
	return a->mask == b->mask && (a->value & a->mask) == (b->value & b->mask);
}

bool espnic_xfrm_same_sa(const struct espnic_xfrm_sa *a, const struct espnic_xfrm_sa *b)
{
	return a->spi == b->spi && a->proto == b->proto && espnic_addr_equal(&a->dst, &b->dst) &&
	       same_mark(&a->mark, &b->mark);
}

static bool same_prefix(const struct espnic_prefix *a, const struct espnic_prefix *b)
{
	return a->len == b->len && (!a->len || espnic_addr_equal(&a->addr, &b->addr));
}

static bool same_selector(const struct espnic_xfrm_selector *a, const struct espnic_xfrm_selector *b)
{
	return same_prefix(&a->src, &b->src) && same_prefix(&a->dst, &b->dst) &&
	       a->src.addr.family == b->src.addr.family && a->proto == b->proto &&
	       a->sport == b->sport && a->sport_mask == b->sport_mask && a->dport == b->dport &&
	       a->dport_mask == b->dport_mask && a->ifindex == b->ifindex;
}

bool espnic_xfrm_same_policy(const struct espnic_xfrm_policy *a, const struct espnic_xfrm_policy *b)
{
	return a->dir == b->dir && a->if_id == b->if_id && same_mark(&a->mark, &b->mark) &&
	       same_selector(&a->sel, &b->sel);
}

const char *espnic_xfrm_sa_text(const struct espnic_xfrm_sa *sa, char *out, size_t len)
{
	char src[ESPNIC_ADDR_TEXT], dst[ESPNIC_ADDR_TEXT];

	snprintf(out, len, "%s spi 0x%08x %s -> %s", sa->proto == IPPROTO_AH ? "ah" : "esp", sa->spi,
		 espnic_addr_text(&sa->src, src, sizeof(src)),
		 espnic_addr_text(&sa->dst, dst, sizeof(dst)));
	return out;
}

const char *espnic_xfrm_policy_text(const struct espnic_xfrm_policy *p, char *out, size_t len)
{
	static const char *const dirs[] = { "in", "out", "fwd", "?" };
	char src[ESPNIC_ADDR_TEXT], dst[ESPNIC_ADDR_TEXT];
	int used;

	used = snprintf(out, len, "%s %s -> %s", dirs[p->dir & 3],
			espnic_prefix_text(&p->sel.src, src, sizeof(src)),
			espnic_prefix_text(&p->sel.dst, dst, sizeof(dst)));
	if (p->sel.proto && used > 0 && (size_t)used < len)
		used += snprintf(out + used, len - (size_t)used, " proto %u", p->sel.proto);
	if (p->sel.sport_mask && used > 0 && (size_t)used < len)
		used += snprintf(out + used, len - (size_t)used, " sport %u", p->sel.sport);
	if (p->sel.dport_mask && used > 0 && (size_t)used < len)
		used += snprintf(out + used, len - (size_t)used, " dport %u", p->sel.dport);
	if (p->mark.mask && used > 0 && (size_t)used < len)
		snprintf(out + used, len - (size_t)used, " mark 0x%x/0x%x", p->mark.value, p->mark.mask);
	return out;
}
