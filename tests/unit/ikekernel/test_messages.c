// SPDX-License-Identifier: BSD-2-Clause
/* States, policies and events as netlink messages: there and back, and whatever else may come. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <linux/udp.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>

#include "kernel/parse.h"

static _Alignas(8) char buf[ESPNIC_XFRM_MSG];

/* A state that has something of everything. */
static struct espnic_xfrm_sa whole_sa(void)
{
	struct espnic_xfrm_sa sa = {
		.proto = IPPROTO_ESP,
		.mode = XFRM_MODE_TUNNEL,
		.dir = XFRM_SA_DIR_IN,
		.flags = XFRM_STATE_ESN | XFRM_STATE_AF_UNSPEC,
		.extra_flags = XFRM_SA_XFLAG_DONT_ENCAP_DSCP,
		.spi = 0xc0ffee01,
		.reqid = 0x01020304,
		.seq = 9,
		.enc = { .alg = "cbc(aes)", .len = 16, .bytes = { 1, 2, 3 } },
		.auth = { .alg = "hmac(sha256)", .icv_bits = 128, .len = 32, .bytes = { 4, 5, 6 } },
		.replay_window = 4096,
		.oseq = 0x0000000500000006,
		.iseq = 0x0000000700000008,
		.encap_type = UDP_ENCAP_ESPINUDP,
		.encap_sport = 4500,
		.encap_dport = 4501,
		.life = { 1, 2, 3, 4, 5, 6 },
		.mark = { 0x10, 0xf0 },
		.set_mark = { 0x20, 0xff },
		.if_id = 11,
		.tfc_pad = 1400,
		.cpu = 3,
		.nat_keepalive = 20,
		.offload = ESPNIC_XFRM_PACKET,
		.ifindex = 12,
	};

	assert_true(espnic_addr_parse("2001:db8::1", &sa.src));
	assert_true(espnic_addr_parse("2001:db8::2", &sa.dst));
	return sa;
}

static void test_sa_there_and_back(void **state)
{
	struct espnic_xfrm_sa sa = whole_sa(), back;

	(void)state;
	assert_true(espnic_xfrm_get_sa(espnic_xfrm_put_sa(buf, &sa), &back));
	assert_memory_equal(&sa, &back, sizeof(sa));

	/* AEAD, no ESN: the old form of window and numbers; a selector with ports */
	memset(&sa.enc, 0, sizeof(sa.enc));
	memset(&sa.auth, 0, sizeof(sa.auth));
	sa.aead = (struct espnic_xfrm_key){ .alg = "rfc4106(gcm(aes))", .icv_bits = 96, .len = 36 };
	sa.flags = 0;
	sa.replay_window = 32;
	sa.oseq = 5;
	sa.iseq = 6;
	sa.offload = ESPNIC_XFRM_CRYPTO;
	assert_true(espnic_prefix_parse("2001:db8:1::/48", &sa.sel.src));
	assert_true(espnic_prefix_parse("2001:db8:2::/48", &sa.sel.dst));
	sa.sel.proto = IPPROTO_TCP;
	sa.sel.dport = 443;
	sa.sel.dport_mask = 0xffff;
	assert_true(espnic_xfrm_get_sa(espnic_xfrm_put_sa(buf, &sa), &back));
	assert_memory_equal(&sa, &back, sizeof(sa));

	/* nothing but what must be: limits that aren't there stay so */
	memset(&sa.life, 0, sizeof(sa.life));
	sa.offload = ESPNIC_XFRM_SOFTWARE;
	sa.ifindex = 0;
	assert_true(espnic_xfrm_get_sa(espnic_xfrm_put_sa(buf, &sa), &back));
	assert_memory_equal(&sa, &back, sizeof(sa));
}

/* What the bytes are, by linux/xfrm.h: not only that we read what we wrote. */
static void test_sa_bytes(void **state)
{
	struct espnic_xfrm_sa sa = whole_sa();
	struct nlmsghdr *m = espnic_xfrm_put_sa(buf, &sa);
	struct xfrm_usersa_info *info = mnl_nlmsg_get_payload(m);
	struct xfrm_user_offload *o = NULL;
	struct xfrm_replay_state_esn *r = NULL;
	struct xfrm_algo_auth *auth = NULL;
	struct xfrm_algo *enc = NULL;
	struct nlattr *a;

	(void)state;
	assert_int_equal(m->nlmsg_type, XFRM_MSG_NEWSA);
	assert_int_equal(info->id.spi, htonl(0xc0ffee01));
	assert_int_equal(info->family, AF_INET6);
	assert_int_equal(info->sel.family, AF_UNSPEC);
	assert_int_equal(info->replay_window, 0);
	mnl_attr_for_each(a, m, sizeof(*info)) {
		if (mnl_attr_get_type(a) == XFRMA_OFFLOAD_DEV)
			o = mnl_attr_get_payload(a);
		if (mnl_attr_get_type(a) == XFRMA_REPLAY_ESN_VAL)
			r = mnl_attr_get_payload(a);
		if (mnl_attr_get_type(a) == XFRMA_ALG_AUTH_TRUNC)
			auth = mnl_attr_get_payload(a);
		if (mnl_attr_get_type(a) == XFRMA_ALG_CRYPT)
			enc = mnl_attr_get_payload(a);
		/* the kernel takes these of exact length alone */
		if (mnl_attr_get_type(a) == XFRMA_SA_DIR)
			assert_int_equal(mnl_attr_get_payload_len(a), 1);
	}
	assert_non_null(o);
	assert_int_equal(o->flags, XFRM_OFFLOAD_INBOUND | XFRM_OFFLOAD_PACKET);
	assert_int_equal(o->ifindex, 12);
	assert_non_null(r);
	assert_int_equal(r->bmp_len, 128);
	assert_int_equal(r->seq_hi, 7);
	assert_int_equal(r->bmp[127], 0xffffffff);
	assert_non_null(auth);
	assert_int_equal(auth->alg_key_len, 256);
	assert_int_equal(auth->alg_trunc_len, 128);
	assert_int_equal(auth->alg_key[0], 4);
	assert_non_null(enc);
	assert_int_equal(enc->alg_key_len, 128);
	assert_int_equal(enc->alg_key[1], 2);
}

static struct espnic_xfrm_policy whole_policy(void)
{
	struct espnic_xfrm_policy p = {
		.dir = XFRM_POLICY_FWD,
		.action = XFRM_POLICY_ALLOW,
		.flags = XFRM_POLICY_ICMP,
		.priority = 77,
		.mark = { 1, 3 },
		.if_id = 5,
		.n_tmpls = 2,
		.tmpl = { { .proto = IPPROTO_ESP, .mode = XFRM_MODE_TUNNEL, .family = AF_INET6, .reqid = 4, .spi = 0x1234 },
			  { .proto = IPPROTO_AH, .family = AF_INET6, .optional = true, .reqid = 6 } },
		.offload = ESPNIC_XFRM_PACKET,
		.ifindex = 3,
	};

	assert_true(espnic_prefix_parse("192.0.2.0/24", &p.sel.src));
	assert_true(espnic_prefix_parse("198.51.100.0/25", &p.sel.dst));
	assert_true(espnic_addr_parse("2001:db8::1", &p.tmpl[0].src));
	assert_true(espnic_addr_parse("2001:db8::2", &p.tmpl[0].dst));
	assert_true(espnic_addr_parse("::", &p.tmpl[1].src));
	assert_true(espnic_addr_parse("::", &p.tmpl[1].dst));
	p.sel.proto = IPPROTO_UDP;
	p.sel.sport = 500;
	p.sel.sport_mask = 0xffff;
	return p;
}

static void test_policy_there_and_back(void **state)
{
	struct espnic_xfrm_policy p = whole_policy(), back;

	(void)state;
	assert_true(espnic_xfrm_get_policy(espnic_xfrm_put_policy(buf, XFRM_MSG_UPDPOLICY, &p), &back));
	assert_memory_equal(&p, &back, sizeof(p));
}

/* ---- what may come ---- */

/*
 * Every message cut at every byte, in memory of just that size: a reader that goes past it is
 * caught by the sanitizer, and what it takes must not be more than there is.
 */
static void every_cut(const struct nlmsghdr *whole, void (*read)(const struct nlmsghdr *m))
{
	struct nlmsghdr *m;
	uint32_t len;

	for (len = sizeof(*whole); len <= whole->nlmsg_len; len++) {
		m = malloc(len);
		assert_non_null(m);
		memcpy(m, whole, len);
		m->nlmsg_len = len;
		read(m);
		free(m);
	}
}

static void read_all(const struct nlmsghdr *m)
{
	struct espnic_kernel_event e;
	struct espnic_xfrm_policy p;
	struct espnic_xfrm_sa sa;

	espnic_xfrm_get_sa(m, &sa);
	espnic_xfrm_get_policy(m, &p);
	espnic_kernel_xfrm_event(m, &e);
	espnic_kernel_route_event(m, &e);
}

static void test_cut(void **state)
{
	struct espnic_xfrm_policy p = whole_policy();
	struct espnic_xfrm_sa sa = whole_sa();
	struct nlmsghdr *m;

	(void)state;
	every_cut(espnic_xfrm_put_sa(buf, &sa), read_all);
	m = espnic_xfrm_put_policy(buf, XFRM_MSG_NEWPOLICY, &p);
	every_cut(m, read_all);
	m = espnic_xfrm_put_sa(buf, &sa);
	m->nlmsg_len = NLMSG_HDRLEN + sizeof(struct xfrm_usersa_info) - 1;
	assert_false(espnic_xfrm_get_sa(m, &sa));
}

static struct nlattr *attr_of(struct nlmsghdr *m, size_t fixed, int type)
{
	struct nlattr *a;

	mnl_attr_for_each(a, m, (unsigned int)fixed)
		if (mnl_attr_get_type(a) == type)
			return a;
	fail();
	return NULL;
}

static void test_hostile_sa(void **state)
{
	struct espnic_xfrm_sa sa = whole_sa(), out;
	struct xfrm_usersa_info *info;
	struct xfrm_algo_auth *auth;
	struct nlmsghdr *m;

	(void)state;
	/* a key longer than its attribute, and than any key */
	m = espnic_xfrm_put_sa(buf, &sa);
	auth = mnl_attr_get_payload(attr_of(m, sizeof(*info), XFRMA_ALG_AUTH_TRUNC));
	auth->alg_key_len = 33 * 8;
	assert_false(espnic_xfrm_get_sa(m, &out));
	auth->alg_key_len = UINT32_MAX;
	assert_false(espnic_xfrm_get_sa(m, &out));
	/* a name without end */
	m = espnic_xfrm_put_sa(buf, &sa);
	auth = mnl_attr_get_payload(attr_of(m, sizeof(*info), XFRMA_ALG_AUTH_TRUNC));
	memset(auth->alg_name, 'x', sizeof(auth->alg_name));
	assert_false(espnic_xfrm_get_sa(m, &out));
	/* a family nobody knows, a prefix longer than an address */
	m = espnic_xfrm_put_sa(buf, &sa);
	info = mnl_nlmsg_get_payload(m);
	info->family = 77;
	assert_false(espnic_xfrm_get_sa(m, &out));
	info->family = AF_INET6;
	assert_true(espnic_xfrm_get_sa(m, &out));
	info->sel.family = AF_INET;
	info->sel.prefixlen_d = 33;
	assert_false(espnic_xfrm_get_sa(m, &out));
}

static void test_hostile_policy(void **state)
{
	struct espnic_xfrm_policy p = whole_policy(), out;
	struct nlattr *a;
	struct nlmsghdr *m;

	(void)state;
	/* seven templates, and one and a half */
	p.n_tmpls = 1;
	m = espnic_xfrm_put_policy(buf, XFRM_MSG_NEWPOLICY, &p);
	m->nlmsg_len = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct xfrm_userpolicy_info));
	a = mnl_nlmsg_get_payload_tail(m);
	memset(a, 0, 7 * sizeof(struct xfrm_user_tmpl) + sizeof(*a));
	a->nla_type = XFRMA_TMPL;
	a->nla_len = (uint16_t)(sizeof(*a) + 7 * sizeof(struct xfrm_user_tmpl));
	m->nlmsg_len += a->nla_len;
	assert_false(espnic_xfrm_get_policy(m, &out));
	m->nlmsg_len -= a->nla_len;
	a->nla_len = (uint16_t)(sizeof(*a) + sizeof(struct xfrm_user_tmpl) * 3 / 2);
	m->nlmsg_len += a->nla_len;
	assert_false(espnic_xfrm_get_policy(m, &out));
}

/* ---- events ---- */

static struct nlmsghdr *begin(uint16_t type)
{
	struct nlmsghdr *m;

	memset(buf, 0, sizeof(buf));
	m = mnl_nlmsg_put_header(buf);
	m->nlmsg_type = type;
	return m;
}

static void test_acquire(void **state)
{
	struct nlmsghdr *m = begin(XFRM_MSG_ACQUIRE);
	struct xfrm_user_acquire *a = mnl_nlmsg_put_extra_header(m, sizeof(*a));
	struct xfrm_user_tmpl t = { .family = AF_INET, .reqid = 42, .id.proto = IPPROTO_ESP };
	struct espnic_kernel_event e;
	char text[ESPNIC_ADDR_TEXT];

	(void)state;
	a->seq = 7;
	a->id.daddr.a4 = htonl(0xc0000202);
	a->saddr.a4 = htonl(0xc0000201);
	a->id.proto = IPPROTO_ESP;
	a->sel.family = AF_INET;
	a->sel.prefixlen_d = 32;
	a->sel.daddr.a4 = htonl(0xc6336401);
	a->sel.proto = IPPROTO_TCP;
	a->sel.dport = htons(80);
	a->policy.sel.family = AF_INET;
	a->policy.dir = XFRM_POLICY_OUT;
	/* without a template nobody knows what to make */
	assert_false(espnic_kernel_xfrm_event(m, &e));
	mnl_attr_put(m, XFRMA_TMPL, sizeof(t), &t);
	assert_true(espnic_kernel_xfrm_event(m, &e));
	assert_int_equal(e.kind, ESPNIC_KERNEL_ACQUIRE);
	assert_int_equal(e.acquire.seq, 7);
	assert_int_equal(e.acquire.reqid, 42);
	assert_int_equal(e.acquire.sel.dport, 80);
	assert_string_equal(espnic_addr_text(&e.acquire.dst, text, sizeof(text)), "192.0.2.2");
	assert_string_equal(espnic_addr_text(&e.acquire.src, text, sizeof(text)), "192.0.2.1");
	assert_string_equal(espnic_addr_text(&e.acquire.sel.dst.addr, text, sizeof(text)), "198.51.100.1");
	every_cut(m, read_all);
}

static void test_expire_and_mapping(void **state)
{
	struct nlmsghdr *m = begin(XFRM_MSG_EXPIRE);
	struct xfrm_user_expire *x = mnl_nlmsg_put_extra_header(m, sizeof(*x));
	struct xfrm_user_mapping *map;
	struct espnic_kernel_event e;
	char text[ESPNIC_ADDR_TEXT];

	(void)state;
	x->state.family = AF_INET;
	x->state.id.spi = htonl(0x1234);
	x->state.id.daddr.a4 = htonl(0xc0000202);
	x->hard = 1;
	assert_true(espnic_kernel_xfrm_event(m, &e));
	assert_int_equal(e.kind, ESPNIC_KERNEL_EXPIRE);
	assert_true(e.expire.hard);
	assert_int_equal(e.expire.sa.spi, 0x1234);
	every_cut(m, read_all);

	m = begin(XFRM_MSG_MAPPING);
	map = mnl_nlmsg_put_extra_header(m, sizeof(*map));
	map->id.spi = htonl(0x55);
	map->new_sport = htons(4510);
	map->new_saddr.a4 = htonl(0xc0000207);
	/* no family */
	assert_false(espnic_kernel_xfrm_event(m, &e));
	map->id.family = AF_INET;
	assert_true(espnic_kernel_xfrm_event(m, &e));
	assert_int_equal(e.mapping.new_sport, 4510);
	assert_int_equal(e.mapping.spi, 0x55);
	assert_string_equal(espnic_addr_text(&e.mapping.new_src, text, sizeof(text)), "192.0.2.7");
	every_cut(m, read_all);
	/* one that is of no interest */
	assert_true(espnic_kernel_xfrm_event(begin(XFRM_MSG_NEWAE), &e));
	assert_int_equal(e.kind, ESPNIC_KERNEL_NOTHING);
}

static void test_route(void **state)
{
	struct nlmsghdr *m = begin(RTM_NEWLINK);
	struct ifinfomsg *link = mnl_nlmsg_put_extra_header(m, sizeof(*link));
	struct ifaddrmsg *addr;
	struct espnic_kernel_event e;
	uint32_t a4 = htonl(0xc0000201), peer = htonl(0xc0000299);
	char text[ESPNIC_ADDR_TEXT];

	(void)state;
	link->ifi_index = 4;
	link->ifi_flags = IFF_UP;
	mnl_attr_put_strz(m, IFLA_IFNAME, "eth0");
	assert_true(espnic_kernel_route_event(m, &e));
	assert_int_equal(e.kind, ESPNIC_KERNEL_LINK);
	assert_int_equal(e.link.ifindex, 4);
	assert_true(e.link.up);
	assert_false(e.link.gone);
	assert_string_equal(e.link.name, "eth0");
	every_cut(m, read_all);

	/* a name longer than any, without end */
	m = begin(RTM_DELLINK);
	mnl_nlmsg_put_extra_header(m, sizeof(*link));
	mnl_attr_put(m, IFLA_IFNAME, 40, "0123456789012345678901234567890123456789");
	assert_true(espnic_kernel_route_event(m, &e));
	assert_string_equal(e.link.name, "012345678901234");
	assert_true(e.link.gone);

	m = begin(RTM_DELADDR);
	addr = mnl_nlmsg_put_extra_header(m, sizeof(*addr));
	addr->ifa_family = AF_INET;
	addr->ifa_index = 4;
	assert_false(espnic_kernel_route_event(m, &e));
	mnl_attr_put(m, IFA_ADDRESS, 4, &peer);
	mnl_attr_put(m, IFA_LOCAL, 4, &a4);
	assert_true(espnic_kernel_route_event(m, &e));
	assert_string_equal(espnic_addr_text(&e.address.addr, text, sizeof(text)), "192.0.2.1");
	assert_true(e.address.gone);
	every_cut(m, read_all);
	addr->ifa_family = AF_INET6;
	assert_false(espnic_kernel_route_event(m, &e));
}

/* ---- the order of policies ---- */

/* Thresholds as a kernel has them; what it is told of them. */
static struct {
	struct xfrmu_spdhthresh v4, v6, told4, told6;
	bool malformed;
	unsigned int times;
} spd;

static int spd_talk(void *ctx, struct nlmsghdr *req, espnic_xfrm_each *each, void *each_ctx, char *text)
{
	_Alignas(8) static char answer[256];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(answer);
	const struct nlattr *a;

	(void)ctx;
	text[0] = 0;
	if (req->nlmsg_type == XFRM_MSG_GETSPDINFO) {
		msg->nlmsg_type = XFRM_MSG_NEWSPDINFO;
		mnl_nlmsg_put_extra_header(msg, sizeof(uint32_t));
		mnl_attr_put_u32(msg, XFRMA_SPD_INFO, 7);
		mnl_attr_put(msg, XFRMA_SPD_IPV4_HTHRESH, spd.malformed ? 1 : sizeof(spd.v4), &spd.v4);
		mnl_attr_put(msg, XFRMA_SPD_IPV6_HTHRESH, spd.malformed ? 1 : sizeof(spd.v6), &spd.v6);
		return each(msg, each_ctx);
	}
	assert_int_equal(req->nlmsg_type, XFRM_MSG_NEWSPDINFO);
	spd.times++;
	mnl_attr_for_each(a, req, sizeof(uint32_t))
		memcpy(mnl_attr_get_type(a) == XFRMA_SPD_IPV4_HTHRESH ? &spd.told4 : &spd.told6, mnl_attr_get_payload(a), sizeof(spd.told4));
	return 0;
}

/* The user's thresholds are told again as they are. */
static void test_reorder(void **state)
{
	static const struct espnic_xfrm_ops ops = { .talk = spd_talk };
	const struct espnic_xfrm x = { .ops = &ops };
	char text[ESPNIC_XFRM_TEXT];

	(void)state;
	spd.v4 = (struct xfrmu_spdhthresh){ 28, 30 };
	spd.v6 = (struct xfrmu_spdhthresh){ 64, 128 };
	assert_int_equal(espnic_xfrm_reorder(&x, text), 0);
	assert_int_equal(spd.times, 1);
	assert_memory_equal(&spd.told4, &spd.v4, sizeof(spd.v4));
	assert_memory_equal(&spd.told6, &spd.v6, sizeof(spd.v6));
	/* what can't be read is not told at all */
	memset(&spd.told4, 0, sizeof(spd.told4));
	spd.malformed = true;
	assert_int_equal(espnic_xfrm_reorder(&x, text), -EBADMSG);
	assert_int_equal(spd.times, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sa_there_and_back),
		cmocka_unit_test(test_sa_bytes),
		cmocka_unit_test(test_policy_there_and_back),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_hostile_sa),
		cmocka_unit_test(test_hostile_policy),
		cmocka_unit_test(test_acquire),
		cmocka_unit_test(test_expire_and_mapping),
		cmocka_unit_test(test_route),
		cmocka_unit_test(test_reorder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
