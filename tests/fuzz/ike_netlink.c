// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any bytes as messages of the kernel. What is taken is within what the structs promise, and comes
 * back the same from a message made of it.
 */
#include <stdlib.h>
#include <string.h>

#include "kernel/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static _Alignas(8) char buf[ESPNIC_XFRM_MSG];

static void check_key(const struct espnic_xfrm_key *k)
{
	if (k->len > sizeof(k->bytes) || !memchr(k->alg, 0, sizeof(k->alg)))
		abort();
}

static void check_sa(const struct nlmsghdr *m)
{
	struct espnic_xfrm_sa sa, again;
	char text[64];

	if (!espnic_xfrm_get_sa(m, &sa))
		return;
	check_key(&sa.aead);
	check_key(&sa.enc);
	check_key(&sa.auth);
	if (strlen(espnic_xfrm_sa_text(&sa, text, sizeof(text))) >= sizeof(text))
		abort();
	if (sa.replay_window > ESPNIC_XFRM_WINDOW)
		return;
	if (!espnic_xfrm_get_sa(espnic_xfrm_put_sa(buf, &sa), &again) || !espnic_xfrm_same_sa(&sa, &again))
		abort();
}

static void check_policy(const struct nlmsghdr *m)
{
	struct espnic_xfrm_policy p, again;
	char text[64];

	if (!espnic_xfrm_get_policy(m, &p))
		return;
	if (p.n_tmpls > ESPNIC_XFRM_TMPLS)
		abort();
	if (strlen(espnic_xfrm_policy_text(&p, text, sizeof(text))) >= sizeof(text))
		abort();
	if (!espnic_xfrm_get_policy(espnic_xfrm_put_policy(buf, XFRM_MSG_NEWPOLICY, &p), &again) ||
	    !espnic_xfrm_same_policy(&p, &again))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct espnic_kernel_event e;
	struct nlmsghdr *m;

	/* the first two bytes are the type; the length is what there is */
	if (len < 2 || len > 4096)
		return 0;
	m = malloc(NLMSG_HDRLEN + len - 2);
	if (!m)
		return 0;
	memset(m, 0, NLMSG_HDRLEN);
	m->nlmsg_len = (uint32_t)(NLMSG_HDRLEN + len - 2);
	memcpy(&m->nlmsg_type, data, 2);
	memcpy((char *)m + NLMSG_HDRLEN, data + 2, len - 2);
	check_sa(m);
	check_policy(m);
	espnic_kernel_xfrm_event(m, &e);
	espnic_kernel_route_event(m, &e);
	free(m);
	return 0;
}
