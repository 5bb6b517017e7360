// SPDX-License-Identifier: GPL-2.0-only
/*
 * Policies and selectors.
 *
 * Contexts, from net/xfrm/xfrm_policy.c and xfrm_user.c of 6.12 and 7.2:
 * add      process context, xfrm_cfg_mutex
 * delete   any but hard interrupts: netlink, flushes, the policy's timer (softirq)
 * free     likewise, with the last reference, of which packets may hold some
 */
#include <linux/slab.h>

#include "ipsec.h"

#define ESPNIC_PORT_MAX		0xffff

struct espnic_policy {
	struct espnic_hw hw;			/* first: see espnic_hw_next() */
	struct rcu_head rcu;
	struct espnic_cmd_policy_add cmd;	/* to be sent again after a reset */
};

/* ---- selectors ---- */

void espnic_address(u8 out[16], const xfrm_address_t *addr, u16 family)
{
	memset(out, 0, 16);
	memcpy(out, addr, family == AF_INET ? sizeof(addr->a4) : sizeof(addr->a6));
}

static bool espnic_has_ports(u8 proto)
{
	switch (proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
	case IPPROTO_ICMP:	/* type and code: xfrm_flowi_sport() */
	case IPPROTO_ICMPV6:
		return true;
	default:
		return false;
	}
}

/*
 * A mask of leading ones makes a range of ports; xfrm_selector_match() allows for any other, a
 * device does not.
 */
static bool espnic_port_range(__be16 port, __be16 mask, __le16 *min, __le16 *max)
{
	u16 rest = ~ntohs(mask);

	if (rest & (rest + 1))
		return false;
	*min = cpu_to_le16(ntohs(port & mask));
	*max = cpu_to_le16(ntohs(port & mask) | rest);
	return true;
}

int espnic_selector(struct espnic_cmd_selector *out, const struct xfrm_selector *sel,
		    const struct net_device *netdev, struct netlink_ext_ack *extack)
{
	memset(out, 0, sizeof(*out));
	if (sel->ifindex && sel->ifindex != netdev->ifindex) {
		NL_SET_ERR_MSG_MOD(extack, "the selector names another interface");
		return -EOPNOTSUPP;
	}
	if ((sel->sport_mask || sel->dport_mask) && !espnic_has_ports(sel->proto)) {
		if (sel->proto)
			NL_SET_ERR_MSG_FMT_MOD(extack, "a selector of protocol %u can't have ports",
					       sel->proto);
		else
			NL_SET_ERR_MSG_MOD(extack, "a selector with ports needs a protocol");
		return -EOPNOTSUPP;
	}
	if (!espnic_port_range(sel->sport, sel->sport_mask, &out->sport_min, &out->sport_max) ||
	    !espnic_port_range(sel->dport, sel->dport_mask, &out->dport_min, &out->dport_max)) {
		NL_SET_ERR_MSG_MOD(extack,
				   "a port mask of the selector has holes: not a range of ports");
		return -EOPNOTSUPP;
	}
	out->proto = sel->proto;

	switch (sel->family) {
	case AF_INET:
		out->family = 4;
		break;
	case AF_INET6:
		out->family = 6;
		break;
	default:
		/* Any family, so without prefixes. */
		if (!sel->prefixlen_s && !sel->prefixlen_d)
			return 0;
		NL_SET_ERR_MSG_MOD(extack, "a selector with prefixes needs a family");
		return -EOPNOTSUPP;
	}
	out->src_plen = sel->prefixlen_s;
	out->dst_plen = sel->prefixlen_d;
	espnic_address(out->saddr, &sel->saddr, sel->family);
	espnic_address(out->daddr, &sel->daddr, sel->family);
	return 0;
}

/* ---- what can be offloaded ---- */

static int espnic_policy_cannot(struct netlink_ext_ack *extack, const char *why)
{
	NL_SET_ERR_MSG_FMT_MOD(extack, "%s can't be offloaded", why);
	return -EOPNOTSUPP;
}

static int espnic_policy_check(const struct espnic_caps *caps, const struct xfrm_policy *xp,
			       struct netlink_ext_ack *extack)
{
	if (xp->type != XFRM_POLICY_TYPE_MAIN)
		return espnic_policy_cannot(extack, "sub-policies");
	if (xp->xdo.dir == XFRM_DEV_OFFLOAD_FWD && !(caps->ipsec & ESPNIC_CAP_IPSEC_FWD))
		return espnic_policy_cannot(extack, "forward policies (the device lacks them)");
	if (xp->mark.m || xp->mark.v)
		return espnic_policy_cannot(extack, "policies with a mark");
	if (xp->if_id)
		return espnic_policy_cannot(extack, "policies with an if_id");
	if (xp->security)
		return espnic_policy_cannot(extack, "policies with a security context");
	if (xp->flags & XFRM_POLICY_CPU_ACQUIRE)
		return espnic_policy_cannot(extack, "policies with per-CPU acquires");
	return 0;
}

static int espnic_template_check(const struct espnic_caps *caps, const struct xfrm_tmpl *tmpl,
				 struct netlink_ext_ack *extack)
{
	if (tmpl->optional)
		return espnic_policy_cannot(extack, "optional templates (level use)");
	if (tmpl->id.proto != IPPROTO_ESP)
		return espnic_policy_cannot(extack, "templates other than ESP");
	if (tmpl->mode != XFRM_MODE_TRANSPORT && tmpl->mode != XFRM_MODE_TUNNEL)
		return espnic_policy_cannot(extack,
					    "templates of other modes than transport and tunnel");
	if (!(caps->ipsec & (tmpl->mode == XFRM_MODE_TUNNEL ? ESPNIC_CAP_IPSEC_TUNNEL
							    : ESPNIC_CAP_IPSEC_TRANSPORT)))
		return espnic_policy_cannot(extack, "templates of this mode (the device lacks it)");
	if (!tmpl->allalgs)
		return espnic_policy_cannot(extack, "templates with algorithm masks");
	if (tmpl->id.spi && ntohl(tmpl->id.spi) < ESPNIC_IPSEC_SPI_MIN)
		return espnic_policy_cannot(extack, "templates with an SPI below 256");
	return 0;
}

static void espnic_template_fill(struct espnic_cmd_policy_add *cmd, const struct xfrm_tmpl *tmpl)
{
	cmd->tmpl_proto = IPPROTO_ESP;
	cmd->tmpl_reqid = cpu_to_le32(tmpl->reqid);
	cmd->tmpl_spi = cpu_to_le32(ntohl(tmpl->id.spi));
	if (tmpl->mode == XFRM_MODE_TRANSPORT) {
		cmd->tmpl_mode = ESPNIC_CMD_SA_MODE_TRANSPORT;
		return;
	}
	cmd->tmpl_mode = ESPNIC_CMD_SA_MODE_TUNNEL;
	cmd->tmpl_family = tmpl->encap_family == AF_INET ? 4 : 6;
	espnic_address(cmd->tmpl_saddr, &tmpl->saddr, tmpl->encap_family);
	espnic_address(cmd->tmpl_daddr, &tmpl->id.daddr, tmpl->encap_family);
}

static const u8 espnic_policy_dir[] = {
	[XFRM_DEV_OFFLOAD_IN]	= ESPNIC_CMD_POLICY_DIR_IN,
	[XFRM_DEV_OFFLOAD_OUT]	= ESPNIC_CMD_POLICY_DIR_OUT,
	[XFRM_DEV_OFFLOAD_FWD]	= ESPNIC_CMD_POLICY_DIR_FWD,
};

static int espnic_policy_fill(struct espnic_ipsec *ipsec, struct espnic_cmd_policy_add *cmd,
			      const struct xfrm_policy *xp, struct netlink_ext_ack *extack)
{
	const struct espnic_caps *caps = &ipsec->enet->edev->caps;
	int err;

	err = espnic_ipsec_check_on(ipsec, extack);
	if (!err)
		err = espnic_policy_check(caps, xp, extack);
	if (err)
		return err;
	cmd->priority = cpu_to_le32(xp->priority);
	cmd->dir = espnic_policy_dir[xp->xdo.dir];
	if (xp->action == XFRM_POLICY_BLOCK) {
		cmd->action = ESPNIC_CMD_POLICY_ACTION_DISCARD;
	} else if (!xp->xfrm_nr) {
		cmd->action = ESPNIC_CMD_POLICY_ACTION_BYPASS;
	} else {
		if (xp->xfrm_nr > 1)
			return espnic_policy_cannot(extack, "policies with more than one template");
		err = espnic_template_check(caps, &xp->xfrm_vec[0], extack);
		if (err)
			return err;
		cmd->action = ESPNIC_CMD_POLICY_ACTION_PROTECT;
		espnic_template_fill(cmd, &xp->xfrm_vec[0]);
	}
	return espnic_selector(&cmd->sel, &xp->selector, ipsec->enet->netdev, extack);
}

/* ---- life ---- */

static struct espnic_policy *espnic_hw_policy(struct espnic_hw *hw)
{
	return container_of(hw, struct espnic_policy, hw);
}

static void espnic_policy_release(struct espnic_hw *hw)
{
	struct espnic_policy *policy = espnic_hw_policy(hw);

	xa_erase_bh(&hw->ipsec->policies, le32_to_cpu(policy->cmd.id));
	atomic64_dec(&hw->ipsec->stats[ESPNIC_IPSEC_policies]);
	kfree_rcu(policy, rcu);
}

static int espnic_policy_program(struct espnic_policy *policy, struct espnic_cmd_req *req)
{
	*req = (struct espnic_cmd_req) {
		.opcode	= ESPNIC_OPCODE_POLICY_ADD,
		.body	= &policy->cmd,
		.len	= sizeof(policy->cmd),
	};
	return espnic_hw_program(&policy->hw, req);
}

int espnic_policy_restore(struct espnic_hw *hw)
{
	struct espnic_policy *policy = espnic_hw_policy(hw);
	struct espnic_cmd_req req;
	int err;

	lockdep_assert_held(&hw->ipsec->lock);
	/* Who is just adding it does so after the reset, too: the device would refuse a second. */
	if (!hw->wanted)
		return 0;
	err = espnic_policy_program(policy, &req);
	if (!err)
		espnic_ipsec_count(hw->ipsec, ESPNIC_IPSEC_restored_policies);
	else if (err == -ENOENT)
		err = 0;
	else
		netdev_err(hw->ipsec->enet->netdev,
			   "policy %u could not be restored: %d, status %u\n",
			   le32_to_cpu(policy->cmd.id), err, req.status);
	return err;
}

static int espnic_policy_insert(struct espnic_policy *policy, struct netlink_ext_ack *extack)
{
	struct espnic_ipsec *ipsec = policy->hw.ipsec;
	u32 max = ipsec->enet->edev->caps.policies;
	u32 id;
	int err;

	err = xa_alloc_bh(&ipsec->policies, &id, policy, XA_LIMIT(1, max), GFP_KERNEL);
	if (err == -EBUSY) {
		NL_SET_ERR_MSG_FMT_MOD(extack, "all %u policies the device can hold are in use",
				       max);
		return -ENOSPC;
	}
	if (err)
		return err;
	atomic64_inc(&ipsec->stats[ESPNIC_IPSEC_policies]);
	policy->cmd.id = cpu_to_le32(id);
	espnic_hw_set_id(&policy->hw, id);
	return 0;
}

static int espnic_policy_start(struct espnic_policy *policy, struct netlink_ext_ack *extack)
{
	struct espnic_ipsec *ipsec = policy->hw.ipsec;
	struct espnic_cmd_req req;
	int err;

	/* Again, now that it can be seen. */
	err = espnic_ipsec_check_on(ipsec, extack);
	if (err)
		return err;
	mutex_lock(&ipsec->lock);
	policy->hw.age = ++ipsec->age;
	err = espnic_policy_program(policy, &req);
	mutex_unlock(&ipsec->lock);
	if (err)
		return espnic_ipsec_refusal(ipsec, &req, err, "policy",
					    ipsec->enet->edev->caps.policies,
					    extack);
	return 0;
}

static int espnic_policy_add(struct espnic_ipsec *ipsec, struct xfrm_policy *xp,
			     struct netlink_ext_ack *extack)
{
	struct espnic_policy *policy;
	int err;

	might_sleep();
	policy = kzalloc(sizeof(*policy), GFP_KERNEL);
	if (!policy)
		return -ENOMEM;
	espnic_hw_init(&policy->hw, ipsec, ESPNIC_OPCODE_POLICY_DEL, espnic_policy_release);
	err = espnic_policy_fill(ipsec, &policy->cmd, xp, extack);
	if (!err)
		err = espnic_policy_insert(policy, extack);
	if (err) {
		kfree(policy);
		return err;
	}
	err = espnic_policy_start(policy, extack);
	if (err) {
		espnic_hw_delete(&policy->hw);
		espnic_hw_put(&policy->hw);
		return err;
	}
	xp->xdo.offload_handle = (unsigned long)policy;
	/* Drops without an SA are told, too. */
	queue_delayed_work(ipsec->wq, &ipsec->poll, msecs_to_jiffies(ESPNIC_IPSEC_POLL_MS));
	return 0;
}

int espnic_xdo_policy_add(struct xfrm_policy *xp, struct netlink_ext_ack *extack)
{
	struct espnic_ipsec *ipsec = ((struct espnic_net *)netdev_priv(xp->xdo.dev))->ipsec;
	int err;

	err = espnic_policy_add(ipsec, xp, extack);
	espnic_ipsec_count(ipsec, err ? ESPNIC_IPSEC_policy_refused : ESPNIC_IPSEC_policy_added);
	return err;
}

/*
 * Packets that Linux let through under this policy and that wait in a TX ring still meet it: see
 * POLICY_DEL.
 */
void espnic_xdo_policy_delete(struct xfrm_policy *xp)
{
	struct espnic_policy *policy = (struct espnic_policy *)xp->xdo.offload_handle;

	espnic_hw_delete(&policy->hw);
	espnic_ipsec_count(policy->hw.ipsec, ESPNIC_IPSEC_policy_deleted);
}

void espnic_xdo_policy_free(struct xfrm_policy *xp)
{
	struct espnic_policy *policy = (struct espnic_policy *)xp->xdo.offload_handle;

	xp->xdo.offload_handle = 0;
	espnic_hw_put(&policy->hw);
}
