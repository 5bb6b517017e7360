// SPDX-License-Identifier: BSD-2-Clause
#include "kernel/sweep.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/bypass.h"
#include "kernel/child.h"

enum { FIRST_ROOM = 64 };

/* What is found while the kernel lists, and taken out afterwards: a list that changes under it would be begun again. */
struct found {
	uint32_t mark;
	unsigned int shift;
	struct espnic_xfrm_sa *sa;
	struct espnic_xfrm_policy *policy;
	unsigned int n_sa, n_policy, room_sa, room_policy;
};

/* Room for one more; NULL: no memory. */
static void *more(void *array, unsigned int n, unsigned int *room, size_t size)
{
	if (n < *room)
		return array;
	*room = *room ? 2 * *room : FIRST_ROOM;
	return realloc(array, *room * size);
}

static int take_sa(const struct nlmsghdr *msg, void *ctx)
{
	struct found *f = ctx;
	struct espnic_xfrm_sa sa, *array;

	/* what can't be read is none of ours */
	if (msg->nlmsg_type != XFRM_MSG_NEWSA || !espnic_xfrm_get_sa(msg, &sa) || sa.reqid >> f->shift != f->mark)
		return 0;
	array = more(f->sa, f->n_sa, &f->room_sa, sizeof(sa));
	if (!array)
		return -ENOMEM;
	f->sa = array;
	f->sa[f->n_sa++] = (struct espnic_xfrm_sa){ .dst = sa.dst, .src = sa.src, .spi = sa.spi, .proto = sa.proto, .mark = sa.mark };
	explicit_bzero(&sa, sizeof(sa));
	return 0;
}

static bool block(const struct espnic_xfrm_policy *p)
{
	return p->action == XFRM_POLICY_BLOCK && p->priority == ESPNIC_CHILD_BLOCK_PRIORITY && p->mark.mask == 1;
}

static bool bypass(const struct espnic_xfrm_policy *p)
{
	return p->action == XFRM_POLICY_ALLOW && p->priority == ESPNIC_BYPASS_PRIORITY && !p->n_tmpls && p->sel.ifindex;
}

static int take_policy(const struct nlmsghdr *msg, void *ctx)
{
	struct espnic_xfrm_policy p, *array;
	struct found *f = ctx;

	if (msg->nlmsg_type != XFRM_MSG_NEWPOLICY || !espnic_xfrm_get_policy(msg, &p))
		return 0;
	if (!block(&p) && !bypass(&p) && (p.n_tmpls != 1 || p.tmpl[0].reqid >> f->shift != f->mark))
		return 0;
	array = more(f->policy, f->n_policy, &f->room_policy, sizeof(p));
	if (!array)
		return -ENOMEM;
	f->policy = array;
	f->policy[f->n_policy++] = p;
	return 0;
}

static int dump(const struct espnic_xfrm *x, uint16_t type, size_t header, espnic_xfrm_each *each, struct found *f, char *text)
{
	_Alignas(8) char buf[ESPNIC_XFRM_MSG] = { 0 };
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);

	msg->nlmsg_type = type;
	msg->nlmsg_flags = NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(msg, header);
	return x->ops->talk(x->ctx, msg, each, f, text);
}

static bool gone(int rc)
{
	return !rc || rc == -ESRCH || rc == -ENOENT;
}

/* States first: what is protected by one is not to get out because its policy went before. */
static int take_out(const struct espnic_xfrm *x, const struct found *f, char *text)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; i < f->n_sa && gone(rc); i++)
		rc = espnic_xfrm_del_sa(x, &f->sa[i], text);
	for (i = 0; i < f->n_policy && gone(rc); i++)
		rc = espnic_xfrm_del_policy(x, &f->policy[i], text);
	return gone(rc) ? 0 : rc;
}

int espnic_sweep(const struct espnic_xfrm *x, uint32_t mark, unsigned int shift, unsigned int *n, char *text)
{
	struct found f = { .mark = mark, .shift = shift };
	int rc;

	rc = dump(x, XFRM_MSG_GETSA, sizeof(struct xfrm_usersa_id), take_sa, &f, text);
	if (!rc)
		rc = dump(x, XFRM_MSG_GETPOLICY, sizeof(struct xfrm_userpolicy_id), take_policy, &f, text);
	if (!rc)
		rc = take_out(x, &f, text);
	*n = f.n_sa + f.n_policy;
	if (rc && !text[0])
		snprintf(text, ESPNIC_XFRM_TEXT, "what is left in the kernel can't be taken out: %s", strerror(-rc));
	free(f.sa);
	free(f.policy);
	return rc;
}
