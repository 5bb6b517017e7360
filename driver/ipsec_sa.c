// SPDX-License-Identifier: GPL-2.0-only
/*
 * States (xfrm_state) and their SAs in the device.
 *
 * Contexts, from net/xfrm/xfrm_state.c and xfrm_user.c of 6.12 and 7.2:
 * add      process context, xfrm_cfg_mutex (or a bond's); for an acquire from softirq under RCU
 * delete   x->lock and BH off, also from the state's timer; without the lock where an add is undone
 * free     process context; for an acquire nobody listened to, from softirq. Keys are gone then.
 */
#include <linux/slab.h>

#include "ipsec.h"

/* ---- table ---- */

static void espnic_sa_free_rcu(struct rcu_head *rcu)
{
	struct espnic_sa *sa = container_of(rcu, struct espnic_sa, rcu);

	espnic_numbers_put(sa->numbers);
	kfree(sa->window);
	kfree(sa);
}

static void espnic_sa_release(struct espnic_hw *hw)
{
	struct espnic_ipsec *ipsec = hw->ipsec;
	struct espnic_sa *sa = espnic_hw_sa(hw);

	espnic_sa_yield(sa);
	xa_erase_bh(&ipsec->sas, sa->handle & ESPNIC_SA_INDEX_MASK);
	atomic64_dec(&ipsec->stats[ESPNIC_IPSEC_sas]);
	call_rcu(&sa->rcu, espnic_sa_free_rcu);
}

static void espnic_sa_gone(struct espnic_hw *hw, const struct espnic_cmd_result *result)
{
	struct espnic_sa *sa = espnic_hw_sa(hw);

	if (!result->err && result->resp_len == sizeof(struct espnic_sa_report))
		espnic_sa_take_report(sa, (const struct espnic_sa_report *)result->resp,
				      ktime_get());
	espnic_key_keep(sa);
	if (sa->packet)
		espnic_sa_keep_counts(sa);
}

/*
 * Gives @sa a slot and a handle. Slots are taken in turn and the generation changes with each
 * round, so that a handle comes back after 4,096 rounds of the table at the earliest.
 */
static int espnic_sa_insert(struct espnic_sa *sa, gfp_t gfp)
{
	struct espnic_ipsec *ipsec = sa->hw.ipsec;
	u32 index, gen;
	int err;

	xa_lock_bh(&ipsec->sas);
	err = __xa_alloc_cyclic(&ipsec->sas, &index, sa, XA_LIMIT(1, ipsec->enet->edev->caps.sas),
				&ipsec->sa_next, gfp);
	if (err >= 0) {
		ipsec->sa_gen += err;
		/* Until here it has handle 0, which nobody looks for. */
		gen = ipsec->sa_gen & FIELD_MAX(ESPNIC_SA_GEN_MASK);
		WRITE_ONCE(sa->handle, index | FIELD_PREP(ESPNIC_SA_GEN_MASK, gen));
		atomic64_inc(&ipsec->stats[ESPNIC_IPSEC_sas]);
	}
	xa_unlock_bh(&ipsec->sas);
	if (err < 0)
		return err;
	espnic_hw_set_id(&sa->hw, sa->handle);
	return 0;
}

struct espnic_sa *espnic_sa_find(struct espnic_ipsec *ipsec, u32 handle)
{
	struct espnic_sa *sa = xa_load(&ipsec->sas, handle & ESPNIC_SA_INDEX_MASK);

	return sa && READ_ONCE(sa->handle) == handle ? sa : NULL;
}

struct xfrm_state *espnic_sa_hold_state(struct espnic_sa *sa)
{
	struct xfrm_state *x = NULL;

	/*
	 * A state is freed a grace period after its deletion, at the earliest
	 * (xfrm_state_gc_task()).
	 */
	rcu_read_lock();
	if (!READ_ONCE(sa->hw.dead) && refcount_inc_not_zero(&sa->x->refcnt))
		x = sa->x;
	rcu_read_unlock();
	return x;
}

/* ---- the command ---- */

/* The last number used, as xfrm has it: what a state is made with, and in crypto mode for good. */
static u64 espnic_sa_core_seq(const struct espnic_sa *sa, struct xfrm_state *x)
{
	u32 lo, hi = 0;

	spin_lock_bh(&x->lock);
	if (x->replay_esn) {
		lo = sa->out ? x->replay_esn->oseq : x->replay_esn->seq;
		if (sa->esn)
			hi = sa->out ? x->replay_esn->oseq_hi : x->replay_esn->seq_hi;
	} else {
		lo = sa->out ? x->replay.oseq : x->replay.seq;
	}
	spin_unlock_bh(&x->lock);
	return (u64)hi << 32 | lo;
}

static u32 espnic_sa_window(const struct espnic_sa *sa, const struct xfrm_state *x)
{
	const struct espnic_caps *caps = &sa->hw.ipsec->enet->edev->caps;
	u32 window = x->replay_esn ? x->replay_esn->replay_window : x->props.replay_window;

	if (sa->out)
		return 0;
	if (sa->packet || !window)
		return window;
	/* Crypto mode: xfrm keeps the window; the device only infers the high half by it. */
	return clamp_t(u32, window, caps->replay_min, caps->replay_max);
}

/* Those of a packet-mode SA. */
static int espnic_sa_fill_packet(struct espnic_cmd_sa_add *cmd, const struct espnic_sa *sa,
				 const struct xfrm_state *x)
{
	u32 flags = le32_to_cpu(cmd->flags);
	int err;

	cmd->lease_addr = espnic_sa_lease(sa, le64_to_cpu(cmd->seq));
	if (sa->tunnel) {
		cmd->ttl = ESPNIC_IPSEC_TTL;
		cmd->df = x->props.flags & XFRM_STATE_NOPMTUDISC ? ESPNIC_TUNNEL_DF_CLEAR
								   : ESPNIC_TUNNEL_DF_COPY;
		if (!(x->props.flags & XFRM_STATE_NOECN))
			flags |= ESPNIC_CMD_SA_ADD_ECN;
		if (!(x->props.extra_flags & XFRM_SA_XFLAG_DONT_ENCAP_DSCP))
			flags |= ESPNIC_CMD_SA_ADD_DSCP_COPY;
	}
	if (sa->l2) {
		flags |= ESPNIC_CMD_SA_ADD_L2;
		ether_addr_copy(cmd->dst_mac, sa->dst_mac);
		ether_addr_copy(cmd->src_mac, sa->src_mac);
	}
	/* It was taken when the state was, and has not changed since. */
	err = espnic_selector(&cmd->sel, &x->sel, sa->hw.ipsec->enet->netdev, NULL);
	if (err)
		return err;
	flags |= ESPNIC_CMD_SA_ADD_SELECTOR;
	cmd->flags = cpu_to_le32(flags);
	return 0;
}

/* The caller wipes @cmd. */
static int espnic_sa_fill(struct espnic_cmd_sa_add *cmd, const struct espnic_sa *sa,
			  const struct xfrm_state *x, u64 seq)
{
	struct espnic_transform t;
	int err;

	/* It was taken when the state was. */
	err = espnic_transform(x, &t, NULL);
	if (err)
		return err;
	memset(cmd, 0, sizeof(*cmd));
	cmd->handle = cpu_to_le32(sa->handle);
	cmd->spi = cpu_to_le32(ntohl(x->id.spi));
	cmd->reqid = cpu_to_le32(x->props.reqid);
	cmd->flags = cpu_to_le32(sa->esn ? ESPNIC_CMD_SA_ADD_ESN : 0);
	cmd->dir = sa->out ? ESPNIC_CMD_SA_DIR_OUT : ESPNIC_CMD_SA_DIR_IN;
	cmd->offload = sa->packet ? ESPNIC_CMD_SA_OFFLOAD_PACKET : ESPNIC_CMD_SA_OFFLOAD_CRYPTO;
	cmd->mode = sa->tunnel ? ESPNIC_CMD_SA_MODE_TUNNEL : ESPNIC_CMD_SA_MODE_TRANSPORT;
	cmd->proto = IPPROTO_ESP;
	cmd->family = x->props.family == AF_INET ? 4 : 6;
	cmd->enc_alg = t.enc_alg;
	cmd->enc_key_len = t.enc_key_len;
	cmd->auth_alg = t.auth_alg;
	cmd->auth_key_len = t.auth_key_len;
	cmd->icv_len = t.icv_len;
	cmd->salt_len = t.salt_len;
	memcpy(cmd->enc_key, t.enc_key, t.enc_key_len);
	memcpy(cmd->salt, t.enc_key + t.enc_key_len, t.salt_len);
	if (t.auth_key_len)
		memcpy(cmd->auth_key, t.auth_key, t.auth_key_len);
	espnic_address(cmd->saddr, &x->props.saddr, x->props.family);
	espnic_address(cmd->daddr, &x->id.daddr, x->props.family);
	cmd->replay_window = cpu_to_le32(espnic_sa_window(sa, x));
	cmd->seq = cpu_to_le64(seq);
	cmd->limits = sa->limits;
	if (x->encap) {
		cmd->flags |= cpu_to_le32(ESPNIC_CMD_SA_ADD_UDP_ENCAP);
		cmd->encap_sport = cpu_to_le16(ntohs(x->encap->encap_sport));
		cmd->encap_dport = cpu_to_le16(ntohs(x->encap->encap_dport));
	}
	return sa->packet ? espnic_sa_fill_packet(cmd, sa, x) : 0;
}

/*
 * Writes @sa into the device, to go on from @seq; req->status says what came of it, req->value
 * whether it is dormant. ipsec->lock.
 */
static int espnic_sa_program(struct espnic_sa *sa, struct xfrm_state *x, u64 seq,
			     struct espnic_cmd_req *req)
{
	struct espnic_cmd_sa_add cmd;
	int err;

	*req = (struct espnic_cmd_req) {
		.opcode	= ESPNIC_OPCODE_SA_ADD,
		.body	= &cmd,
		.len	= sizeof(cmd),
		.status	= ESPNIC_CMD_NO_STATUS,
	};
	sa->dying = false;
	/*
	 * After a reset a twin may come when the first has just been deleted again: nothing of it
	 * is sent up to there (espnic_sa_awake()), and the device must not refuse it.
	 */
	if (sa->out && !sa->packet)
		seq = max_t(u64, seq, atomic64_read(&sa->numbers->top));
	err = espnic_sa_fill(&cmd, sa, x, seq);
	if (!err) {
		spin_lock_bh(&sa->hw.lock);
		sa->seq = seq;
		sa->seq_time = ktime_get();
		spin_unlock_bh(&sa->hw.lock);
		err = espnic_hw_program(&sa->hw, req);
	}
	memzero_explicit(&cmd, sizeof(cmd));
	req->body = NULL;
	return err;
}

static bool espnic_sa_wants_l2(const struct espnic_sa *sa)
{
	return sa->out && sa->packet && sa->tunnel;
}

/*
 * The number it goes on from. In crypto mode, outbound, no more than the device was given counts as
 * sent, which espnic_sa_program() sees to: what xfrm has numbered since may stand in queues.
 */
static u64 espnic_sa_restore_seq(struct espnic_sa *sa, struct xfrm_state *x)
{
	if (sa->packet)
		return espnic_sa_resume_seq(sa);
	return sa->out ? sa->seq_told : espnic_sa_core_seq(sa, x);
}

int espnic_sa_restore(struct espnic_sa *sa)
{
	struct espnic_ipsec *ipsec = sa->hw.ipsec;
	struct espnic_cmd_req req;
	struct xfrm_state *x;
	int err = 0;
	u64 seq;

	lockdep_assert_held(&ipsec->lock);
	/* An acquire, or one that is just being added. */
	if (!sa->hw.wanted)
		return 0;
	x = espnic_sa_hold_state(sa);
	if (!x)
		return 0;
	espnic_sa_rebase(sa);
	if (!espnic_sa_limits_left(sa, x, &sa->limits)) {
		/* It stays out. */
		espnic_sa_yield(sa);
		espnic_sa_expire(x, true);
		espnic_ipsec_count(ipsec, ESPNIC_IPSEC_restore_lost);
		goto out_put;
	}
	seq = espnic_sa_restore_seq(sa, x);
	err = espnic_sa_program(sa, x, seq, &req);
	if (!err) {
		espnic_ipsec_count(ipsec, ESPNIC_IPSEC_restored_sas);
		if (!req.value)
			espnic_sa_awake(sa, seq);
		/* Or the device would choose it before its successor. */
		if (x->km.dying)
			espnic_sa_poll_now(sa);
	} else if (err == -ENOENT) {
		err = 0;
	} else {
		netdev_err(ipsec->enet->netdev,
			   "SA of SPI %#x could not be restored: %d, status %u\n",
			   ntohl(x->id.spi), err, req.status);
	}
out_put:
	xfrm_state_put(x);
	return err;
}

/* XFRM_MSG_UPDSA makes a dying state live again, without a word to the driver. */
static u32 espnic_sa_dying_change(const struct espnic_sa *sa, const struct xfrm_state *x)
{
	bool dying = x->km.dying;

	if (dying == sa->dying)
		return 0;
	if (dying)
		return ESPNIC_CMD_SA_UPDATE_DYING;
	/* Without that, it stays second choice until the next reset. */
	return sa->hw.ipsec->enet->edev->caps.ipsec & ESPNIC_CAP_IPSEC_REVIVE ?
	       ESPNIC_CMD_SA_UPDATE_ALIVE : 0;
}

/*
 * Finds out what of @sa the device does not know yet, in @cmd. *@left: its limits leave something.
 * ipsec->lock.
 */
static u32 espnic_sa_changes(struct espnic_sa *sa, struct xfrm_state *x, bool have_l2,
			     struct espnic_cmd_sa_update *cmd, bool *left)
{
	u32 flags = espnic_sa_dying_change(sa, x);

	if (have_l2 && (!sa->l2 || !ether_addr_equal(cmd->dst_mac, sa->dst_mac) ||
			!ether_addr_equal(cmd->src_mac, sa->src_mac))) {
		flags |= ESPNIC_CMD_SA_UPDATE_L2;
	} else {
		eth_zero_addr(cmd->dst_mac);
		eth_zero_addr(cmd->src_mac);
	}
	/* Nor does it tell of other lifetimes. */
	*left = espnic_sa_limits_left(sa, x, &cmd->limits);
	if (*left && memcmp(&cmd->limits, &sa->limits, sizeof(sa->limits)))
		flags |= ESPNIC_CMD_SA_UPDATE_LIMITS;
	else
		memset(&cmd->limits, 0, sizeof(cmd->limits));
	return flags;
}

static void espnic_sa_changed(struct espnic_sa *sa, const struct espnic_cmd_sa_update *cmd,
			      u32 flags)
{
	if (flags & ESPNIC_CMD_SA_UPDATE_L2) {
		espnic_ipsec_count(sa->hw.ipsec, ESPNIC_IPSEC_l2_updates);
		ether_addr_copy(sa->dst_mac, cmd->dst_mac);
		ether_addr_copy(sa->src_mac, cmd->src_mac);
		sa->l2 = true;
	}
	if (flags & ESPNIC_CMD_SA_UPDATE_DYING)
		sa->dying = true;
	if (flags & ESPNIC_CMD_SA_UPDATE_ALIVE)
		sa->dying = false;
	if (flags & ESPNIC_CMD_SA_UPDATE_LIMITS)
		sa->limits = cmd->limits;
}

bool espnic_sa_sync(struct espnic_sa *sa)
{
	struct espnic_cmd_sa_update cmd = {};
	struct espnic_cmd_req req = {
		.opcode	= ESPNIC_OPCODE_SA_UPDATE,
		.body	= &cmd,
		.len	= sizeof(cmd),
	};
	struct espnic_ipsec *ipsec = sa->hw.ipsec;
	struct xfrm_state *x;
	bool l2 = false, left;
	u32 flags;

	x = espnic_sa_hold_state(sa);
	if (!x)
		return true;
	if (espnic_sa_wants_l2(sa))
		l2 = !espnic_neigh_lookup(ipsec, x, cmd.dst_mac, cmd.src_mac);

	mutex_lock(&ipsec->lock);
	flags = espnic_sa_changes(sa, x, l2, &cmd, &left);
	if (flags && READ_ONCE(sa->hw.in_device)) {
		cmd.handle = cpu_to_le32(sa->handle);
		cmd.flags = cpu_to_le32(flags);
		/* What fails now is tried again with the next poll; a reset writes it all. */
		if (!espnic_cmd_exec(ipsec->enet->edev, &req))
			espnic_sa_changed(sa, &cmd, flags);
	}
	mutex_unlock(&ipsec->lock);
	xfrm_state_put(x);
	return left;
}

/* ---- operations ---- */

static struct espnic_sa *espnic_sa_new(struct espnic_ipsec *ipsec, struct xfrm_state *x, gfp_t gfp)
{
	const u32 can = ipsec->enet->edev->caps.ipsec;
	struct espnic_sa *sa;

	sa = kzalloc(sizeof(*sa), gfp);
	if (!sa)
		return NULL;
	espnic_hw_init(&sa->hw, ipsec, ESPNIC_OPCODE_SA_DEL, espnic_sa_release);
	sa->hw.gone = espnic_sa_gone;
	if (can & ESPNIC_CAP_IPSEC_LAST_REPORT)
		sa->hw.del.resp_len = sizeof(struct espnic_sa_report);
	sa->x = x;
	sa->out = x->xso.dir == XFRM_DEV_OFFLOAD_OUT;
	sa->packet = x->xso.type == XFRM_DEV_OFFLOAD_PACKET;
	sa->tunnel = x->props.mode == XFRM_MODE_TUNNEL;
	sa->esn = x->props.flags & XFRM_STATE_ESN;
	return sa;
}

/* What a state has beside an acquire. 0 or -ENOMEM; espnic_sa_free_rcu() frees it. */
static int espnic_sa_furnish(struct espnic_sa *sa, const struct xfrm_state *x)
{
	const struct espnic_caps *caps = &sa->hw.ipsec->enet->edev->caps;

	sa->numbers = espnic_numbers_new(sa, x);
	if (!sa->numbers)
		return -ENOMEM;
	if (sa->packet && (caps->ipsec & ESPNIC_CAP_IPSEC_SA_WINDOW) && espnic_sa_window(sa, x)) {
		sa->window = kzalloc(sizeof(*sa->window), GFP_KERNEL);
		if (!sa->window)
			return -ENOMEM;
	}
	return 0;
}

/*
 * A packet of a packet-mode policy found no state: xfrm makes a placeholder until the IKE daemon
 * brings the real one. It has no key; all it needs is a handle of its own. Atomic.
 */
static int espnic_sa_acquire(struct espnic_ipsec *ipsec, struct xfrm_state *x)
{
	struct espnic_sa *sa = espnic_sa_new(ipsec, x, GFP_ATOMIC);
	int err;

	if (!sa)
		return -ENOMEM;
	err = espnic_sa_insert(sa, GFP_ATOMIC);
	if (err) {
		kfree(sa);
		return err;
	}
	err = espnic_ipsec_check_on(ipsec, NULL);
	if (err) {
		espnic_hw_put(&sa->hw);
		return err;
	}
	espnic_ipsec_count(ipsec, ESPNIC_IPSEC_sa_acquires);
	x->xso.offload_handle = sa->handle;
	return 0;
}

/*
 * Crypto mode: a key that has sent numbers over xfrm's would send them again. In software it may,
 * whose IVs begin at random: without -EOPNOTSUPP xfrm would not fall back to it.
 */
static int espnic_sa_is_spent(struct netlink_ext_ack *extack)
{
	NL_SET_ERR_MSG_MOD(extack,
			   "this key has sent higher numbers by the device: it needs a new one");
	return -EOPNOTSUPP;
}

/* Did the device refuse @req for that reason? */
static bool espnic_sa_refused_as_spent(const struct espnic_sa *sa, const struct espnic_cmd_req *req)
{
	return sa->out && !sa->packet && req->status == ESPNIC_CMD_STATUS_UNSUPPORTED &&
	       req->detail == offsetof(struct espnic_cmd_entry, body) +
			      offsetof(struct espnic_cmd_sa_add, seq);
}

/*
 * The device may begin behind what it was told, with a key that it knows. Where a reset is got over
 * by guessing from the last number known, that one must be right from the start. ipsec->lock.
 */
static void espnic_sa_learn_seq(struct espnic_sa *sa)
{
	if (sa->out && sa->packet && !sa->hw.ipsec->leases)
		espnic_sa_read(sa);
}

static int espnic_sa_start(struct espnic_sa *sa, struct xfrm_state *x,
			   struct netlink_ext_ack *extack)
{
	struct espnic_ipsec *ipsec = sa->hw.ipsec;
	struct espnic_cmd_req req;
	u64 spent, seq;
	int err;

	/* Again, now that it can be seen. */
	err = espnic_ipsec_check_on(ipsec, extack);
	if (err)
		return err;
	/* Before the lock: it may have to make a neighbour. */
	if (espnic_sa_wants_l2(sa))
		sa->l2 = !espnic_neigh_lookup(ipsec, x, sa->dst_mac, sa->src_mac);

	mutex_lock(&ipsec->lock);
	sa->hw.age = ++ipsec->age;
	espnic_sa_limits_left(sa, x, &sa->limits);
	sa->seq_told = espnic_sa_core_seq(sa, x);
	spent = espnic_key_spent(sa);
	seq = sa->seq_told;
	if (sa->packet)
		seq = max(seq, min(spent, sa->esn ? U64_MAX : U32_MAX));
	err = espnic_sa_program(sa, x, seq, &req);
	if (err && espnic_sa_refused_as_spent(sa, &req))
		err = espnic_sa_is_spent(extack);
	else if (err)
		espnic_ipsec_refusal(ipsec, &req, err, "SA", ipsec->enet->edev->caps.sas, extack);
	else if (req.value)
		err = espnic_sa_join(sa, x, extack);
	else if (!sa->packet && spent > seq)
		err = espnic_sa_is_spent(extack);
	if (!err)
		espnic_sa_learn_seq(sa);
	mutex_unlock(&ipsec->lock);
	/* Its limits, if it is a twin. */
	if (!err && req.value)
		espnic_sa_sync(sa);
	return err;
}

static int espnic_sa_add(struct espnic_ipsec *ipsec, struct xfrm_state *x,
			 struct netlink_ext_ack *extack)
{
	struct espnic_sa *sa;
	int err;

	might_sleep();
	sa = espnic_sa_new(ipsec, x, GFP_KERNEL);
	if (!sa)
		return -ENOMEM;
	err = espnic_sa_furnish(sa, x);
	if (!err)
		err = espnic_sa_insert(sa, GFP_KERNEL);
	if (err) {
		espnic_sa_free_rcu(&sa->rcu);
		if (err != -EBUSY)
			return err;
		NL_SET_ERR_MSG_FMT_MOD(extack, "all %u SAs the device can hold are in use",
				       ipsec->enet->edev->caps.sas);
		return -ENOSPC;
	}
	err = espnic_sa_start(sa, x, extack);
	if (err) {
		espnic_hw_delete(&sa->hw);
		espnic_hw_put(&sa->hw);
		return err;
	}
	x->xso.offload_handle = sa->handle;
	/* The device may have let it take over before we knew that it was dormant. */
	if (READ_ONCE(sa->dormant))
		espnic_sa_poll_now(sa);
	else
		queue_delayed_work(ipsec->wq, &ipsec->poll, msecs_to_jiffies(ESPNIC_IPSEC_POLL_MS));
	return 0;
}

int espnic_xdo_state_add(ESPNIC_XDO_STATE_ARGS(dev, x), struct netlink_ext_ack *extack)
{
	struct net_device *netdev = ESPNIC_XDO_STATE_DEV(dev, x);
	struct espnic_ipsec *ipsec = ((struct espnic_net *)netdev_priv(netdev))->ipsec;
	int err;

	if (x->xso.flags & XFRM_DEV_OFFLOAD_FLAG_ACQ)
		return espnic_sa_acquire(ipsec, x);

	err = espnic_sa_check(ipsec, x, netdev, extack);
	if (!err)
		err = espnic_sa_add(ipsec, x, extack);
	espnic_ipsec_count(ipsec, err ? ESPNIC_IPSEC_sa_refused : ESPNIC_IPSEC_sa_added);
	return err;
}

/* The SA of a state that has not been freed: it is there. */
static struct espnic_sa *espnic_sa_of(struct espnic_ipsec *ipsec, const struct xfrm_state *x)
{
	struct espnic_sa *sa;

	rcu_read_lock();
	sa = espnic_sa_find(ipsec, x->xso.offload_handle);
	rcu_read_unlock();
	return WARN_ON_ONCE(!sa || sa->x != x) ? NULL : sa;
}

void espnic_xdo_state_delete(ESPNIC_XDO_STATE_ARGS(dev, x))
{
	struct net_device *netdev = ESPNIC_XDO_STATE_DEV(dev, x);
	struct espnic_ipsec *ipsec = ((struct espnic_net *)netdev_priv(netdev))->ipsec;
	struct espnic_sa *sa = espnic_sa_of(ipsec, x);
	struct espnic_sa *live;

	if (!sa)
		return;
	espnic_hw_delete(&sa->hw);
	espnic_ipsec_count(ipsec, ESPNIC_IPSEC_sa_deleted);
	if (!READ_ONCE(sa->dormant))
		return;
	/* So ends XFRM_MSG_UPDSA, which has left its lifetimes with the first. */
	rcu_read_lock();
	live = READ_ONCE(sa->numbers->live);
	if (live)
		espnic_sa_poll_now(live);
	rcu_read_unlock();
}

void espnic_xdo_state_free(ESPNIC_XDO_STATE_ARGS(dev, x))
{
	struct net_device *netdev = ESPNIC_XDO_STATE_DEV(dev, x);
	struct espnic_ipsec *ipsec = ((struct espnic_net *)netdev_priv(netdev))->ipsec;
	struct espnic_sa *sa = espnic_sa_of(ipsec, x);

	if (!sa)
		return;
	/* A state whose making failed after us is freed without having been deleted. */
	espnic_hw_delete(&sa->hw);
	x->xso.offload_handle = 0;
	espnic_hw_put(&sa->hw);
}

/*
 * Nothing to do, but without this xfrm refuses ESN in crypto mode: the high half comes with each
 * descriptor outbound, and the device infers it from what it verified inbound.
 */
void espnic_xdo_state_advance_esn(struct xfrm_state *x)
{
}
