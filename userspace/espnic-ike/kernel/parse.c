// SPDX-License-Identifier: BSD-2-Clause
/*
 * Messages of the kernel as structs. Each length is looked at before what it measures is read: a
 * newer kernel, or a program that sends to our port, may write anything.
 */
#include "kernel/parse.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

/* The attributes of one message, by number; newer ones than these are of no interest. */
struct attrs {
	const struct nlattr *a[XFRMA_MAX + 1];
};

/*
 * The fixed part of @size bytes, and all attributes behind it; NULL if the message is too short. libmnl's
 * own walk rounds a message's length up, and would read what is behind it.
 */
static const void *open_msg(const struct nlmsghdr *msg, size_t size, struct attrs *t)
{
	const char *p = mnl_nlmsg_get_payload(msg);
	size_t left = mnl_nlmsg_get_payload_len(msg), len;
	const struct nlattr *a;

	memset(t, 0, sizeof(*t));
	if (left < size)
		return NULL;
	for (size = MNL_ALIGN(size); left > size && left - size >= sizeof(*a); size += MNL_ALIGN(len)) {
		a = (const struct nlattr *)(p + size);
		len = a->nla_len;
		if (len < sizeof(*a) || len > left - size)
			return NULL;
		if (mnl_attr_get_type(a) <= XFRMA_MAX)
			t->a[mnl_attr_get_type(a)] = a;
	}
	return p;
}

/* The payload of attribute @type if it has at least @size bytes; NULL also when it isn't there. */
static const void *attr(const struct attrs *t, unsigned int type, size_t size)
{
	const struct nlattr *a = t->a[type];

	return a && mnl_attr_get_payload_len(a) >= size ? mnl_attr_get_payload(a) : NULL;
}

static uint32_t attr_u32(const struct attrs *t, unsigned int type, uint32_t absent)
{
	const void *p = attr(t, type, sizeof(absent));

	if (p)
		memcpy(&absent, p, sizeof(absent));
	return absent;
}

void espnic_xfrm_read_addr(const xfrm_address_t *from, int family, struct espnic_addr *to)
{
	memset(to, 0, sizeof(*to));
	if (family != AF_INET && family != AF_INET6)
		return;
	to->family = (uint8_t)family;
	memcpy(to->bytes, from, espnic_addr_bits(family) / 8);
}

bool espnic_xfrm_read_selector(const struct xfrm_selector *s, struct espnic_xfrm_selector *out)
{
	memset(out, 0, sizeof(*out));
	if (s->prefixlen_s > espnic_addr_bits(s->family) || s->prefixlen_d > espnic_addr_bits(s->family))
		return false;
	espnic_xfrm_read_addr(&s->saddr, s->family, &out->src.addr);
	espnic_xfrm_read_addr(&s->daddr, s->family, &out->dst.addr);
	out->src.len = s->prefixlen_s;
	out->dst.len = s->prefixlen_d;
	out->proto = s->proto;
	out->sport = ntohs(s->sport);
	out->sport_mask = ntohs(s->sport_mask);
	out->dport = ntohs(s->dport);
	out->dport_mask = ntohs(s->dport_mask);
	out->ifindex = (uint32_t)s->ifindex;
	return true;
}

static uint64_t limit(uint64_t v)
{
	return v == XFRM_INF ? 0 : v;
}

static void get_life(const struct xfrm_lifetime_cfg *from, struct espnic_xfrm_life *to)
{
	to->soft_bytes = limit(from->soft_byte_limit);
	to->hard_bytes = limit(from->hard_byte_limit);
	to->soft_packets = limit(from->soft_packet_limit);
	to->hard_packets = limit(from->hard_packet_limit);
	to->soft_seconds = from->soft_add_expires_seconds;
	to->hard_seconds = from->hard_add_expires_seconds;
}

static void get_mark(const struct attrs *t, struct espnic_xfrm_mark *out)
{
	struct xfrm_mark m;
	const void *p = attr(t, XFRMA_MARK, sizeof(m));

	if (!p)
		return;
	memcpy(&m, p, sizeof(m));
	out->value = m.v;
	out->mask = m.m;
}

/* As put_key() of message.c writes it. False if it is longer than any we know. */
static bool get_key(const struct attrs *t, unsigned int type, struct espnic_xfrm_key *out)
{
	size_t head = type == XFRMA_ALG_CRYPT ? sizeof(struct xfrm_algo) : sizeof(struct xfrm_algo_auth);
	const char *p = attr(t, type, head);
	struct xfrm_algo_auth h = { 0 };
	size_t len;

	if (!t->a[type])
		return true;
	if (!p)
		return false;
	memcpy(&h, p, head);
	len = ((size_t)h.alg_key_len + 7) / 8;
	if (len > sizeof(out->bytes) || mnl_attr_get_payload_len(t->a[type]) < head + len ||
	    !memchr(h.alg_name, 0, sizeof(h.alg_name)))
		return false;
	memcpy(out->alg, h.alg_name, sizeof(out->alg));
	out->icv_bits = type == XFRMA_ALG_CRYPT ? 0 : (uint16_t)h.alg_trunc_len;
	out->len = (uint16_t)len;
	memcpy(out->bytes, p + head, len);
	return true;
}

static void get_replay(const struct attrs *t, const struct xfrm_usersa_info *info,
		       struct espnic_xfrm_sa *out)
{
	struct xfrm_replay_state_esn r;
	struct xfrm_replay_state old;
	const void *p = attr(t, XFRMA_REPLAY_ESN_VAL, sizeof(r));

	out->replay_window = info->replay_window;
	if (p) {
		memcpy(&r, p, sizeof(r));
		out->replay_window = r.replay_window;
		out->oseq = (uint64_t)r.oseq_hi << 32 | r.oseq;
		out->iseq = (uint64_t)r.seq_hi << 32 | r.seq;
		return;
	}
	p = attr(t, XFRMA_REPLAY_VAL, sizeof(old));
	if (p) {
		memcpy(&old, p, sizeof(old));
		out->oseq = old.oseq;
		out->iseq = old.seq;
	}
}

static void get_offload(const struct attrs *t, enum espnic_xfrm_offload *offload, uint32_t *ifindex)
{
	struct xfrm_user_offload o;
	const void *p = attr(t, XFRMA_OFFLOAD_DEV, sizeof(o));

	if (!p)
		return;
	memcpy(&o, p, sizeof(o));
	*ifindex = (uint32_t)o.ifindex;
	*offload = o.flags & XFRM_OFFLOAD_PACKET ? ESPNIC_XFRM_PACKET : ESPNIC_XFRM_CRYPTO;
}

static void get_encap(const struct attrs *t, struct espnic_xfrm_sa *out)
{
	struct xfrm_encap_tmpl e;
	const void *p = attr(t, XFRMA_ENCAP, sizeof(e));

	if (!p)
		return;
	memcpy(&e, p, sizeof(e));
	out->encap_type = e.encap_type;
	out->encap_sport = ntohs(e.encap_sport);
	out->encap_dport = ntohs(e.encap_dport);
}

static void get_counts(const struct xfrm_usersa_info *info, struct espnic_xfrm_sa *out)
{
	out->bytes = info->curlft.bytes;
	out->packets = info->curlft.packets;
	out->used_seconds = info->curlft.use_time;
	out->replay_dropped = info->stats.replay;
	out->integrity_failed = info->stats.integrity_failed;
	out->window_dropped = info->stats.replay_window;
}

static bool sa_fixed(const struct xfrm_usersa_info *info, struct espnic_xfrm_sa *out)
{
	memset(out, 0, sizeof(*out));
	if (!espnic_addr_bits(info->family) || !espnic_xfrm_read_selector(&info->sel, &out->sel))
		return false;
	espnic_xfrm_read_addr(&info->saddr, info->family, &out->src);
	espnic_xfrm_read_addr(&info->id.daddr, info->family, &out->dst);
	out->spi = ntohl(info->id.spi);
	out->proto = info->id.proto;
	out->mode = info->mode;
	out->flags = info->flags;
	out->reqid = info->reqid;
	out->seq = info->seq;
	out->cpu = ESPNIC_XFRM_NO_CPU;
	get_life(&info->lft, &out->life);
	get_counts(info, out);
	return true;
}

static bool sa_attrs(const struct attrs *t, const struct xfrm_usersa_info *info,
		     struct espnic_xfrm_sa *out)
{
	const uint8_t *dir = attr(t, XFRMA_SA_DIR, 1);

	/* The kernel tells an authenticator in two forms; this one has its ICV. */
	if (!get_key(t, XFRMA_ALG_AEAD, &out->aead) || !get_key(t, XFRMA_ALG_AUTH_TRUNC, &out->auth) ||
	    !get_key(t, XFRMA_ALG_CRYPT, &out->enc))
		return false;
	out->dir = dir ? *dir : 0;
	get_replay(t, info, out);
	get_encap(t, out);
	get_mark(t, &out->mark);
	out->set_mark.value = attr_u32(t, XFRMA_SET_MARK, 0);
	out->set_mark.mask = attr_u32(t, XFRMA_SET_MARK_MASK, out->set_mark.value ? UINT32_MAX : 0);
	out->if_id = attr_u32(t, XFRMA_IF_ID, 0);
	out->tfc_pad = attr_u32(t, XFRMA_TFCPAD, 0);
	out->extra_flags = attr_u32(t, XFRMA_SA_EXTRA_FLAGS, 0);
	out->cpu = attr_u32(t, XFRMA_SA_PCPU, ESPNIC_XFRM_NO_CPU);
	out->nat_keepalive = attr_u32(t, XFRMA_NAT_KEEPALIVE_INTERVAL, 0);
	get_offload(t, &out->offload, &out->ifindex);
	return true;
}

bool espnic_xfrm_get_sa(const struct nlmsghdr *msg, struct espnic_xfrm_sa *out)
{
	struct xfrm_usersa_info info;
	struct attrs t;
	const void *p = open_msg(msg, sizeof(info), &t);

	if (!p)
		return false;
	memcpy(&info, p, sizeof(info));
	return sa_fixed(&info, out) && sa_attrs(&t, &info, out);
}

/* ---- policies ---- */

static bool get_tmpls(const struct attrs *t, struct espnic_xfrm_policy *out)
{
	const struct nlattr *a = t->a[XFRMA_TMPL];
	struct xfrm_user_tmpl from;
	struct espnic_xfrm_tmpl *to;
	const char *p;
	size_t len;

	if (!a)
		return true;
	len = mnl_attr_get_payload_len(a);
	if (len % sizeof(from) || len / sizeof(from) > ESPNIC_XFRM_TMPLS)
		return false;
	for (p = mnl_attr_get_payload(a); len; p += sizeof(from), len -= sizeof(from)) {
		memcpy(&from, p, sizeof(from));
		to = &out->tmpl[out->n_tmpls++];
		to->family = (uint8_t)from.family;
		if (!espnic_addr_bits(from.family))
			return false;
		espnic_xfrm_read_addr(&from.saddr, from.family, &to->src);
		espnic_xfrm_read_addr(&from.id.daddr, from.family, &to->dst);
		to->proto = from.id.proto;
		to->spi = ntohl(from.id.spi);
		to->reqid = from.reqid;
		to->mode = from.mode;
		to->optional = from.optional;
	}
	return true;
}

static bool policy_fixed(const struct xfrm_userpolicy_info *info, struct espnic_xfrm_policy *out)
{
	memset(out, 0, sizeof(*out));
	if (!espnic_addr_bits(info->sel.family) || !espnic_xfrm_read_selector(&info->sel, &out->sel))
		return false;
	out->dir = info->dir;
	out->action = info->action;
	out->flags = info->flags;
	out->priority = info->priority;
	return true;
}

static bool policy_attrs(const struct attrs *t, struct espnic_xfrm_policy *out)
{
	if (!get_tmpls(t, out))
		return false;
	get_mark(t, &out->mark);
	out->if_id = attr_u32(t, XFRMA_IF_ID, 0);
	get_offload(t, &out->offload, &out->ifindex);
	return true;
}

bool espnic_xfrm_get_policy(const struct nlmsghdr *msg, struct espnic_xfrm_policy *out)
{
	struct xfrm_userpolicy_info info;
	struct attrs t;
	const void *p = open_msg(msg, sizeof(info), &t);

	if (!p)
		return false;
	memcpy(&info, p, sizeof(info));
	return policy_fixed(&info, out) && policy_attrs(&t, out);
}

/* ---- events ---- */

static bool acquire_event(const struct nlmsghdr *msg, struct espnic_kernel_event *out)
{
	struct xfrm_user_acquire from;
	struct attrs t;
	const void *p = open_msg(msg, sizeof(from), &t);

	if (!p)
		return false;
	memcpy(&from, p, sizeof(from));
	out->kind = ESPNIC_KERNEL_ACQUIRE;
	if (!espnic_xfrm_read_selector(&from.sel, &out->acquire.sel) ||
	    !policy_fixed(&from.policy, &out->acquire.policy) || !policy_attrs(&t, &out->acquire.policy))
		return false;
	if (!out->acquire.policy.n_tmpls)
		return false;
	espnic_xfrm_read_addr(&from.saddr, out->acquire.policy.tmpl[0].family, &out->acquire.src);
	espnic_xfrm_read_addr(&from.id.daddr, out->acquire.policy.tmpl[0].family, &out->acquire.dst);
	out->acquire.proto = from.id.proto;
	out->acquire.seq = from.seq;
	out->acquire.reqid = out->acquire.policy.tmpl[0].reqid;
	return true;
}

static bool expire_event(const struct nlmsghdr *msg, struct espnic_kernel_event *out)
{
	struct xfrm_user_expire from;
	struct attrs t;
	const void *p = open_msg(msg, sizeof(from), &t);

	if (!p)
		return false;
	memcpy(&from, p, sizeof(from));
	out->kind = ESPNIC_KERNEL_EXPIRE;
	out->expire.hard = from.hard;
	if (!sa_fixed(&from.state, &out->expire.sa))
		return false;
	get_mark(&t, &out->expire.sa.mark);
	return true;
}

static bool mapping_event(const struct nlmsghdr *msg, struct espnic_kernel_event *out)
{
	struct xfrm_user_mapping from;
	struct attrs t;
	const void *p = open_msg(msg, sizeof(from), &t);

	if (!p)
		return false;
	memcpy(&from, p, sizeof(from));
	if (!espnic_addr_bits(from.id.family))
		return false;
	out->kind = ESPNIC_KERNEL_MAPPING;
	espnic_xfrm_read_addr(&from.id.daddr, from.id.family, &out->mapping.dst);
	espnic_xfrm_read_addr(&from.new_saddr, from.id.family, &out->mapping.new_src);
	out->mapping.spi = ntohl(from.id.spi);
	out->mapping.reqid = from.reqid;
	out->mapping.new_sport = ntohs(from.new_sport);
	return true;
}

bool espnic_kernel_xfrm_event(const struct nlmsghdr *msg, struct espnic_kernel_event *out)
{
	memset(out, 0, sizeof(*out));
	switch (msg->nlmsg_type) {
	case XFRM_MSG_ACQUIRE:
		return acquire_event(msg, out);
	case XFRM_MSG_EXPIRE:
		return expire_event(msg, out);
	case XFRM_MSG_MAPPING:
		return mapping_event(msg, out);
	case XFRM_MSG_NEWPOLICY:
	case XFRM_MSG_UPDPOLICY:
		out->kind = ESPNIC_KERNEL_POLICY;
		return true;
	default:
		return true;
	}
}

static bool link_event(const struct nlmsghdr *msg, struct espnic_kernel_event *out)
{
	const struct nlattr *name;
	struct ifinfomsg from;
	struct attrs t;
	const void *p = open_msg(msg, sizeof(from), &t);

	if (!p)
		return false;
	memcpy(&from, p, sizeof(from));
	out->kind = ESPNIC_KERNEL_LINK;
	out->link.ifindex = (uint32_t)from.ifi_index;
	out->link.up = from.ifi_flags & IFF_UP;
	out->link.gone = msg->nlmsg_type == RTM_DELLINK;
	name = t.a[IFLA_IFNAME];
	if (name)
		strncpy(out->link.name, mnl_attr_get_payload(name),
			mnl_attr_get_payload_len(name) < sizeof(out->link.name) ?
				mnl_attr_get_payload_len(name) :
				sizeof(out->link.name) - 1);
	return true;
}

static bool address_event(const struct nlmsghdr *msg, struct espnic_kernel_event *out)
{
	struct ifaddrmsg from;
	xfrm_address_t addr = { 0 };
	struct attrs t;
	const void *p = open_msg(msg, sizeof(from), &t), *a;
	size_t size;

	if (!p)
		return false;
	memcpy(&from, p, sizeof(from));
	size = espnic_addr_bits(from.ifa_family) / 8;
	/* Of a peer-to-peer link, the local one is ours. */
	a = attr(&t, t.a[IFA_LOCAL] ? IFA_LOCAL : IFA_ADDRESS, size);
	if (!size || !a)
		return false;
	memcpy(&addr, a, size);
	out->kind = ESPNIC_KERNEL_ADDRESS;
	espnic_xfrm_read_addr(&addr, from.ifa_family, &out->address.addr);
	out->address.ifindex = from.ifa_index;
	out->address.gone = msg->nlmsg_type == RTM_DELADDR;
	return true;
}

bool espnic_kernel_route_event(const struct nlmsghdr *msg, struct espnic_kernel_event *out)
{
	memset(out, 0, sizeof(*out));
	switch (msg->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return link_event(msg, out);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return address_event(msg, out);
	default:
		return true;
	}
}
