// SPDX-License-Identifier: BSD-2-Clause
/* Linux's order of policies, which it loses. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <string.h>

#include "kernel/xfrm.h"

/* From what length of prefix, local and remote, a selector goes into the hash table. */
struct thresholds {
	bool have[2]; /* IPv4, IPv6: Linux has both */
	struct xfrmu_spdhthresh of[2];
};

static const uint16_t types[] = { XFRMA_SPD_IPV4_HTHRESH, XFRMA_SPD_IPV6_HTHRESH };

static int take(const struct nlmsghdr *msg, void *ctx)
{
	struct thresholds *t = ctx;
	const struct nlattr *a;

	if (msg->nlmsg_type != XFRM_MSG_NEWSPDINFO || mnl_nlmsg_get_payload_len(msg) < sizeof(uint32_t))
		return -EBADMSG;
	mnl_attr_for_each(a, msg, sizeof(uint32_t)) {
		for (unsigned int i = 0; i < 2; i++) {
			if (mnl_attr_get_type(a) != types[i] || mnl_attr_get_payload_len(a) < sizeof(t->of[i]))
				continue;
			memcpy(&t->of[i], mnl_attr_get_payload(a), sizeof(t->of[i]));
			t->have[i] = true;
		}
	}
	/* There is no end behind it. */
	return t->have[0] && t->have[1] ? -EALREADY : -EBADMSG;
}

static struct nlmsghdr *request(char *buf, uint16_t type)
{
	struct nlmsghdr *req = mnl_nlmsg_put_header(buf);
	uint32_t *flags;

	req->nlmsg_type = type;
	flags = mnl_nlmsg_put_extra_header(req, sizeof(*flags));
	*flags = 0;
	return req;
}

int espnic_xfrm_reorder(const struct espnic_xfrm *x, char *text)
{
	_Alignas(8) char buf[ESPNIC_XFRM_MSG];
	struct thresholds t = { .have = { false } };
	struct nlmsghdr *req;
	int rc;

	rc = x->ops->talk(x->ctx, request(buf, XFRM_MSG_GETSPDINFO), take, &t, text);
	if (rc != -EALREADY)
		return rc ? rc : -ENODATA;
	req = request(buf, XFRM_MSG_NEWSPDINFO);
	for (unsigned int i = 0; i < 2; i++)
		mnl_attr_put(req, types[i], sizeof(t.of[i]), &t.of[i]);
	return x->ops->talk(x->ctx, req, NULL, NULL, text);
}
