// SPDX-License-Identifier: BSD-2-Clause
/* States and policies as the messages the kernel takes. */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <string.h>

#include "kernel/xfrm.h"

static void put_addr(xfrm_address_t *to, const struct espnic_addr *from)
{
	memcpy(to, from->bytes, sizeof(from->bytes));
}

/* @family: of what has no addresses in its selector. */
static void put_selector(struct xfrm_selector *to, const struct espnic_xfrm_selector *from,
			 int family)
{
	put_addr(&to->saddr, &from->src.addr);
	put_addr(&to->daddr, &from->dst.addr);
	to->prefixlen_s = from->src.len;
	to->prefixlen_d = from->dst.len;
	to->family = from->src.addr.family ? from->src.addr.family :
		     from->dst.addr.family ? from->dst.addr.family :
					     (uint16_t)family;
	to->proto = from->proto;
	to->sport = htons(from->sport);
	to->sport_mask = htons(from->sport_mask);
	to->dport = htons(from->dport);
	to->dport_mask = htons(from->dport_mask);
	to->ifindex = (int)from->ifindex;
}

static uint64_t limit(uint64_t v)
{
	return v ? v : XFRM_INF;
}

static void put_life(struct xfrm_lifetime_cfg *to, const struct espnic_xfrm_life *from)
{
	to->soft_byte_limit = limit(from->soft_bytes);
	to->hard_byte_limit = limit(from->hard_bytes);
	to->soft_packet_limit = limit(from->soft_packets);
	to->hard_packet_limit = limit(from->hard_packets);
	/* of times, 0 is none */
	to->soft_add_expires_seconds = from->soft_seconds;
	to->hard_add_expires_seconds = from->hard_seconds;
}

static struct nlmsghdr *begin(void *buf, uint16_t type)
{
	struct nlmsghdr *msg;

	memset(buf, 0, ESPNIC_XFRM_MSG);
	msg = mnl_nlmsg_put_header(buf);
	msg->nlmsg_type = type;
	return msg;
}

static void put_mark(struct nlmsghdr *msg, const struct espnic_xfrm_mark *m)
{
	const struct xfrm_mark mark = { .v = m->value, .m = m->mask };

	if (m->mask)
		mnl_attr_put(msg, XFRMA_MARK, sizeof(mark), &mark);
}

/* ---- states ---- */

/* Both structs begin with name and key length; authentication and AEADs have an ICV length too. */
static void put_key(struct nlmsghdr *msg, uint16_t type, const struct espnic_xfrm_key *key)
{
	_Alignas(8) char buf[sizeof(struct xfrm_algo_auth) + ESPNIC_XFRM_KEY];
	struct xfrm_algo_auth *auth = (void *)buf;
	struct xfrm_algo *plain = (void *)buf;

	if (!key->alg[0])
		return;
	memset(buf, 0, sizeof(buf));
	memcpy(plain->alg_name, key->alg, sizeof(plain->alg_name));
	plain->alg_key_len = key->len * 8U;
	if (type == XFRMA_ALG_CRYPT) {
		memcpy(plain->alg_key, key->bytes, key->len);
		mnl_attr_put(msg, type, sizeof(*plain) + key->len, buf);
	} else {
		/* struct xfrm_algo_aead is the same but for a name */
		auth->alg_trunc_len = key->icv_bits;
		memcpy(auth->alg_key, key->bytes, key->len);
		mnl_attr_put(msg, type, sizeof(*auth) + key->len, buf);
	}
	explicit_bzero(buf, sizeof(buf));
}

enum {
	LEGACY_WINDOW = 32, /* packets: what the fixed part and XFRMA_REPLAY_VAL can say */
};

/*
 * Numbers and window: in the old form where that has room, as drivers see it most. Outbound states have
 * a window of 0, and so no bitmap (the kernel checks this by the direction).
 */
static void put_replay(struct nlmsghdr *msg, struct xfrm_usersa_info *info,
		       const struct espnic_xfrm_sa *sa)
{
	_Alignas(4) uint8_t buf[sizeof(struct xfrm_replay_state_esn) + ESPNIC_XFRM_WINDOW / 8] = { 0 };
	struct xfrm_replay_state_esn *r = (void *)buf;
	struct xfrm_replay_state old = { .oseq = (uint32_t)sa->oseq, .seq = (uint32_t)sa->iseq };

	if (!(sa->flags & XFRM_STATE_ESN) && sa->replay_window <= LEGACY_WINDOW) {
		info->replay_window = (uint8_t)sa->replay_window;
		/* what came before is taken as seen */
		old.bitmap = sa->iseq ? UINT32_MAX : 0;
		if (sa->oseq || sa->iseq)
			mnl_attr_put(msg, XFRMA_REPLAY_VAL, sizeof(old), &old);
		return;
	}
	r->bmp_len = (sa->replay_window + 31) / 32;
	r->replay_window = sa->replay_window;
	r->oseq = (uint32_t)sa->oseq;
	r->oseq_hi = (uint32_t)(sa->oseq >> 32);
	r->seq = (uint32_t)sa->iseq;
	r->seq_hi = (uint32_t)(sa->iseq >> 32);
	memset(r->bmp, sa->iseq ? 0xff : 0, r->bmp_len * 4);
	mnl_attr_put(msg, XFRMA_REPLAY_ESN_VAL, sizeof(*r) + r->bmp_len * 4, r);
}

static void put_offload(struct nlmsghdr *msg, enum espnic_xfrm_offload offload, uint32_t ifindex,
			bool inbound)
{
	struct xfrm_user_offload o = { .ifindex = (int)ifindex };

	if (offload == ESPNIC_XFRM_SOFTWARE)
		return;
	o.flags = (uint8_t)((inbound ? XFRM_OFFLOAD_INBOUND : 0) |
			    (offload == ESPNIC_XFRM_PACKET ? XFRM_OFFLOAD_PACKET : 0));
	mnl_attr_put(msg, XFRMA_OFFLOAD_DEV, sizeof(o), &o);
}

static void put_encap(struct nlmsghdr *msg, const struct espnic_xfrm_sa *sa)
{
	const struct xfrm_encap_tmpl e = {
		.encap_type = sa->encap_type,
		.encap_sport = htons(sa->encap_sport),
		.encap_dport = htons(sa->encap_dport),
	};

	if (sa->encap_type)
		mnl_attr_put(msg, XFRMA_ENCAP, sizeof(e), &e);
}

static void put_sa_options(struct nlmsghdr *msg, const struct espnic_xfrm_sa *sa)
{
	put_mark(msg, &sa->mark);
	if (sa->set_mark.mask) {
		mnl_attr_put_u32(msg, XFRMA_SET_MARK, sa->set_mark.value);
		mnl_attr_put_u32(msg, XFRMA_SET_MARK_MASK, sa->set_mark.mask);
	}
	if (sa->if_id)
		mnl_attr_put_u32(msg, XFRMA_IF_ID, sa->if_id);
	if (sa->tfc_pad)
		mnl_attr_put_u32(msg, XFRMA_TFCPAD, sa->tfc_pad);
	if (sa->extra_flags)
		mnl_attr_put_u32(msg, XFRMA_SA_EXTRA_FLAGS, sa->extra_flags);
	if (sa->cpu != ESPNIC_XFRM_NO_CPU)
		mnl_attr_put_u32(msg, XFRMA_SA_PCPU, sa->cpu);
	if (sa->nat_keepalive)
		mnl_attr_put_u32(msg, XFRMA_NAT_KEEPALIVE_INTERVAL, sa->nat_keepalive);
	if (sa->dir)
		mnl_attr_put_u8(msg, XFRMA_SA_DIR, sa->dir);
}

/*
 * XFRM_MSG_NEWSA of @sa. Its direction is told (Linux 6.10 and later; an older one ignores what it
 * does not know).
 */
struct nlmsghdr *espnic_xfrm_put_sa(void *buf, const struct espnic_xfrm_sa *sa)
{
	struct nlmsghdr *msg = begin(buf, XFRM_MSG_NEWSA);
	struct xfrm_usersa_info *info = mnl_nlmsg_put_extra_header(msg, sizeof(*info));

	put_selector(&info->sel, &sa->sel,
		     sa->flags & XFRM_STATE_AF_UNSPEC ? AF_UNSPEC : sa->dst.family);
	put_addr(&info->id.daddr, &sa->dst);
	put_addr(&info->saddr, &sa->src);
	info->id.spi = htonl(sa->spi);
	info->id.proto = sa->proto;
	put_life(&info->lft, &sa->life);
	info->seq = sa->seq;
	info->reqid = sa->reqid;
	info->family = sa->dst.family;
	info->mode = sa->mode;
	info->flags = sa->flags;
	put_key(msg, XFRMA_ALG_AEAD, &sa->aead);
	put_key(msg, XFRMA_ALG_AUTH_TRUNC, &sa->auth);
	put_key(msg, XFRMA_ALG_CRYPT, &sa->enc);
	put_replay(msg, info, sa);
	put_encap(msg, sa);
	put_sa_options(msg, sa);
	put_offload(msg, sa->offload, sa->ifindex, sa->dir == XFRM_SA_DIR_IN);
	return msg;
}

/* XFRM_MSG_GETSA or XFRM_MSG_DELSA of @sa. */
struct nlmsghdr *espnic_xfrm_put_sa_id(void *buf, uint16_t type, const struct espnic_xfrm_sa *sa)
{
	struct nlmsghdr *msg = begin(buf, type);
	struct xfrm_usersa_id *id = mnl_nlmsg_put_extra_header(msg, sizeof(*id));

	put_addr(&id->daddr, &sa->dst);
	id->spi = htonl(sa->spi);
	id->family = sa->dst.family;
	id->proto = sa->proto;
	put_mark(msg, &sa->mark);
	return msg;
}

/* What is left out is inherited, so encapsulation and offload are told also where there is none. */
struct nlmsghdr *espnic_xfrm_put_move(void *buf, const struct espnic_xfrm_sa *was, const struct espnic_xfrm_sa *to)
{
	struct nlmsghdr *msg = begin(buf, ESPNIC_XFRM_MSG_MIGRATE_STATE);
	struct espnic_xfrm_user_migrate_state *m = mnl_nlmsg_put_extra_header(msg, sizeof(*m));
	static const struct xfrm_encap_tmpl none;

	put_addr(&m->id.daddr, &was->dst);
	m->id.spi = htonl(was->spi);
	m->id.family = was->dst.family;
	m->id.proto = was->proto;
	m->old_mark.v = was->mark.value;
	m->old_mark.m = was->mark.mask;
	put_addr(&m->new_daddr, &to->dst);
	put_addr(&m->new_saddr, &to->src);
	put_selector(&m->new_sel, &to->sel, to->flags & XFRM_STATE_AF_UNSPEC ? AF_UNSPEC : to->dst.family);
	m->new_reqid = to->reqid;
	m->new_family = to->dst.family;
	if (to->offload == ESPNIC_XFRM_SOFTWARE)
		m->flags = ESPNIC_XFRM_MIGRATE_STATE_CLEAR_OFFLOAD;
	if (to->encap_type)
		put_encap(msg, to);
	else
		mnl_attr_put(msg, XFRMA_ENCAP, sizeof(none), &none);
	put_offload(msg, to->offload, to->ifindex, to->dir == XFRM_SA_DIR_IN);
	return msg;
}

/* ---- policies ---- */

static int policy_family(const struct espnic_xfrm_policy *p)
{
	return p->n_tmpls ? p->tmpl[0].family : AF_INET;
}

static void put_tmpls(struct nlmsghdr *msg, const struct espnic_xfrm_policy *p)
{
	struct xfrm_user_tmpl t[ESPNIC_XFRM_TMPLS] = { 0 };
	unsigned int i;

	for (i = 0; i < p->n_tmpls; i++) {
		put_addr(&t[i].saddr, &p->tmpl[i].src);
		put_addr(&t[i].id.daddr, &p->tmpl[i].dst);
		t[i].id.spi = htonl(p->tmpl[i].spi);
		t[i].id.proto = p->tmpl[i].proto;
		t[i].family = p->tmpl[i].family;
		t[i].reqid = p->tmpl[i].reqid;
		t[i].mode = p->tmpl[i].mode;
		t[i].optional = p->tmpl[i].optional;
		/* which algorithms is the states' business */
		t[i].aalgos = t[i].ealgos = t[i].calgos = UINT32_MAX;
	}
	if (p->n_tmpls)
		mnl_attr_put(msg, XFRMA_TMPL, p->n_tmpls * sizeof(t[0]), t);
}

/* XFRM_MSG_NEWPOLICY or XFRM_MSG_UPDPOLICY of @p. */
struct nlmsghdr *espnic_xfrm_put_policy(void *buf, uint16_t type, const struct espnic_xfrm_policy *p)
{
	static const struct espnic_xfrm_life forever;
	struct nlmsghdr *msg = begin(buf, type);
	struct xfrm_userpolicy_info *info = mnl_nlmsg_put_extra_header(msg, sizeof(*info));

	put_selector(&info->sel, &p->sel, policy_family(p));
	put_life(&info->lft, &forever);
	info->priority = p->priority;
	info->dir = p->dir;
	info->action = p->action;
	info->flags = p->flags;
	put_tmpls(msg, p);
	put_mark(msg, &p->mark);
	if (p->if_id)
		mnl_attr_put_u32(msg, XFRMA_IF_ID, p->if_id);
	put_offload(msg, p->offload, p->ifindex, false);
	return msg;
}

/* XFRM_MSG_GETPOLICY or XFRM_MSG_DELPOLICY of @p. */
struct nlmsghdr *espnic_xfrm_put_policy_id(void *buf, uint16_t type, const struct espnic_xfrm_policy *p)
{
	struct nlmsghdr *msg = begin(buf, type);
	struct xfrm_userpolicy_id *id = mnl_nlmsg_put_extra_header(msg, sizeof(*id));

	put_selector(&id->sel, &p->sel, policy_family(p));
	id->dir = p->dir;
	put_mark(msg, &p->mark);
	if (p->if_id)
		mnl_attr_put_u32(msg, XFRMA_IF_ID, p->if_id);
	return msg;
}
