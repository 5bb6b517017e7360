// SPDX-License-Identifier: GPL-2.0-only
/*
 * What SAs of packet mode have done: the device counts, xfrm must know. Once a second, and with each event, the
 * device's counts go into a cache; xdo_dev_state_update_stats(), which must not sleep, takes what is new of
 * it into the state. Sequence numbers go the same way, so that a dump shows them.
 */
#include <linux/hrtimer.h>

#include "ipsec.h"

/*
 * How far outbound numbers are moved on after a reset, for what was sent since they were last known: what the
 * device could have sent at most, but never so far that a receiver that keeps 32 bits of them and infers the
 * rest (RFC 4303 appendix A) would be led astray.
 */
#define ESPNIC_SEQ_JUMP_MIN	BIT_ULL(20)
#define ESPNIC_SEQ_JUMP_PER_MS	BIT_ULL(14)
#define ESPNIC_SEQ_JUMP_MAX	BIT_ULL(31)

/* Counts only grow; what would make one fall is older than what is known. hw.lock. */
static void espnic_sa_count_max(u64 *now, u64 base, u64 device)
{
	*now = max(*now, base + device);
}

static void espnic_sa_take_report(struct espnic_sa *sa, const struct espnic_sa_report *rep, ktime_t when)
{
	u64 seq = le64_to_cpu(rep->seq);

	if (!sa->out)
		seq = max_t(u64, seq, atomic64_read(&sa->rx_seq));
	spin_lock_bh(&sa->hw.lock);
	espnic_sa_count_max(&sa->now.packets, sa->base.packets, le64_to_cpu(rep->packets));
	espnic_sa_count_max(&sa->now.bytes, sa->base.bytes, le64_to_cpu(rep->bytes));
	espnic_sa_count_max(&sa->now.integrity_failed, sa->base.integrity_failed,
			    le64_to_cpu(rep->integrity_failed));
	espnic_sa_count_max(&sa->now.replay, sa->base.replay, le64_to_cpu(rep->replay));
	espnic_sa_count_max(&sa->now.dropped, sa->base.dropped, le64_to_cpu(rep->dropped));
	sa->seq = max(sa->seq, seq);
	sa->seq_time = when;
	spin_unlock_bh(&sa->hw.lock);
}

void espnic_sa_rebase(struct espnic_sa *sa)
{
	spin_lock_bh(&sa->hw.lock);
	sa->base = sa->now;
	spin_unlock_bh(&sa->hw.lock);
}

u64 espnic_sa_resume_seq(struct espnic_sa *sa)
{
	u64 seq, jump, last = sa->esn ? U64_MAX : U32_MAX;
	s64 ms;

	spin_lock_bh(&sa->hw.lock);
	seq = sa->seq;
	ms = ktime_ms_delta(ktime_get(), sa->seq_time);
	spin_unlock_bh(&sa->hw.lock);
	/* Inbound, every packet that was handed up has shown its number. */
	if (!sa->out)
		return min_t(u64, max_t(u64, seq, atomic64_read(&sa->rx_seq)), last);

	ms = clamp_t(s64, ms, 0, ESPNIC_SEQ_JUMP_MAX / ESPNIC_SEQ_JUMP_PER_MS);
	jump = min(ESPNIC_SEQ_JUMP_MIN + ms * ESPNIC_SEQ_JUMP_PER_MS, ESPNIC_SEQ_JUMP_MAX);
	/* Over the end nothing is sent any more: the device says so by SA_SEQ, and the state expires. */
	return seq > last - jump ? last : seq + jump;
}

/* ---- lifetimes ---- */

/* Of limit @limit the device may still count what is over @used. 0: nothing. */
static u64 espnic_limit_left(u64 limit, u64 used)
{
	if (limit == XFRM_INF)
		return U64_MAX;
	return limit > used ? limit - used : 0;
}

/* As above; a soft limit that is behind has been told, and is none. */
static u64 espnic_soft_left(u64 limit, u64 used)
{
	return espnic_limit_left(limit, used) ?: U64_MAX;
}

bool espnic_sa_limits_left(struct espnic_sa *sa, struct xfrm_state *x, struct espnic_sa_limits *left)
{
	u64 packets, bytes, hard_packets, hard_bytes;

	lockdep_assert_held(&sa->hw.ipsec->lock);
	memset(left, 0xff, sizeof(*left));
	/* In crypto mode xfrm counts. */
	if (!sa->packet)
		return true;

	spin_lock_bh(&sa->hw.lock);
	packets = sa->origin_packets + sa->base.packets;
	bytes = sa->origin_bytes + sa->base.bytes;
	spin_unlock_bh(&sa->hw.lock);

	spin_lock_bh(&x->lock);
	hard_packets = espnic_limit_left(x->lft.hard_packet_limit, packets);
	hard_bytes = espnic_limit_left(x->lft.hard_byte_limit, bytes);
	left->soft_packets = cpu_to_le64(espnic_soft_left(x->lft.soft_packet_limit, packets));
	left->soft_bytes = cpu_to_le64(espnic_soft_left(x->lft.soft_byte_limit, bytes));
	spin_unlock_bh(&x->lock);
	left->hard_packets = cpu_to_le64(hard_packets);
	left->hard_bytes = cpu_to_le64(hard_bytes);
	return hard_packets && hard_bytes;
}

/*
 * Has xfrm look at the lifetimes of @x. @spent: the device passes nothing more by it, whatever the limits say:
 * of bytes, xfrm lets the packet pass that crosses the limit, the device does not.
 */
static void espnic_sa_expire(struct xfrm_state *x, bool spent)
{
	spin_lock_bh(&x->lock);
	if (x->km.state == XFRM_STATE_VALID && !xfrm_state_check_expire(x) && spent) {
		x->km.state = XFRM_STATE_EXPIRED;
		hrtimer_start(&x->mtimer, 0, HRTIMER_MODE_REL_SOFT);
	}
	spin_unlock_bh(&x->lock);
}

/* ---- into the state ---- */

/* What of *@now was not told yet; now it is. */
static u64 espnic_sa_news(u64 now, u64 *told)
{
	u64 news = now - *told;

	*told = now;
	return news;
}

static void espnic_sa_tell_seq(const struct espnic_sa *sa, struct xfrm_state *x)
{
	u32 lo = lower_32_bits(sa->seq);
	u32 hi = upper_32_bits(sa->seq);

	if (!x->replay_esn) {
		if (sa->out)
			x->replay.oseq = lo;
		else
			x->replay.seq = lo;
	} else if (sa->out) {
		x->replay_esn->oseq = lo;
		x->replay_esn->oseq_hi = hi;
	} else {
		x->replay_esn->seq = lo;
		x->replay_esn->seq_hi = hi;
	}
}

/* Under hw.lock, which makes one of all who may come here at a time: x->lock is held by some of them only. */
static void espnic_sa_tell(struct espnic_sa *sa, struct xfrm_state *x, struct net *net)
{
	u64 packets = espnic_sa_news(sa->now.packets, &sa->told.packets);
	u64 integrity = espnic_sa_news(sa->now.integrity_failed, &sa->told.integrity_failed);
	u64 replay = espnic_sa_news(sa->now.replay, &sa->told.replay);
	u64 dropped = espnic_sa_news(sa->now.dropped, &sa->told.dropped);

	x->curlft.packets += packets;
	x->curlft.bytes += espnic_sa_news(sa->now.bytes, &sa->told.bytes);
	if (packets)
		x->lastused = ktime_get_real_seconds();
	x->stats.integrity_failed += integrity;
	x->stats.replay += replay;
	espnic_sa_tell_seq(sa, x);

	XFRM_ADD_STATS(net, LINUX_MIB_XFRMINSTATEPROTOERROR, integrity);
	XFRM_ADD_STATS(net, LINUX_MIB_XFRMINSTATESEQERROR, replay);
	/* Of these the device does not say, for one SA, which reason was which. */
	if (sa->out)
		XFRM_ADD_STATS(net, LINUX_MIB_XFRMOUTERROR, dropped);
	else
		XFRM_ADD_STATS(net, LINUX_MIB_XFRMINERROR, dropped);
}

/*
 * From dumps, timers, xfrm_state_check_expire() and reads of /proc/net/xfrm_stat: atomic, with x->lock or
 * xfrm_state_lock or only xfrm_cfg_mutex held.
 */
void espnic_xdo_state_update_stats(struct xfrm_state *x)
{
	struct net_device *netdev = READ_ONCE(x->xso.dev);
	struct espnic_sa *sa;

	/* Through a bond, another's device; but then there is only crypto mode, where xfrm counts. */
	if (x->xso.type != XFRM_DEV_OFFLOAD_PACKET || !netdev || !espnic_ipsec_is_ours(netdev))
		return;
	rcu_read_lock();
	sa = espnic_sa_find(((struct espnic_net *)netdev_priv(netdev))->ipsec, x->xso.offload_handle);
	if (sa && sa->x == x) {
		spin_lock_bh(&sa->hw.lock);
		if (sa->hw.in_device)
			espnic_sa_tell(sa, x, dev_net(netdev));
		spin_unlock_bh(&sa->hw.lock);
	}
	rcu_read_unlock();
}

/* ---- from the device ---- */

/* Reads the counts of @sa. Returns 0, or -errno when the device is not up. */
static int espnic_sa_query(struct espnic_sa *sa)
{
	struct espnic_cmd_sa body = { .handle = cpu_to_le32(sa->handle) };
	struct espnic_sa_report rep;
	struct espnic_cmd_req req = {
		.opcode		= ESPNIC_OPCODE_SA_QUERY,
		.body		= &body,
		.len		= sizeof(body),
		.resp		= &rep,
		.resp_len	= sizeof(rep),
	};
	struct espnic_ipsec *ipsec = sa->hw.ipsec;
	ktime_t when = ktime_get();
	int err = 0;

	/* Also against restoration: what was counted before a reset must not pass for what comes after. */
	mutex_lock(&ipsec->lock);
	if (READ_ONCE(sa->hw.in_device) && !READ_ONCE(sa->hw.dead)) {
		err = espnic_cmd_exec(ipsec->enet->edev, &req);
		if (!err && req.resp_len == sizeof(rep))
			espnic_sa_take_report(sa, &rep, when);
		else if (!err || (req.status != ESPNIC_CMD_NO_STATUS && !READ_ONCE(sa->hw.dead)))
			espnic_ipsec_count(ipsec, ESPNIC_IPSEC_poll_errors);
	}
	mutex_unlock(&ipsec->lock);
	return req.status == ESPNIC_CMD_NO_STATUS ? err : 0;
}

static bool espnic_sa_has_news(struct espnic_sa *sa)
{
	bool news;

	spin_lock_bh(&sa->hw.lock);
	news = sa->now.packets != sa->told.packets || sa->now.bytes != sa->told.bytes;
	spin_unlock_bh(&sa->hw.lock);
	return news;
}

static int espnic_sa_poll(struct espnic_sa *sa)
{
	struct xfrm_state *x;
	int err;

	err = espnic_sa_query(sa);
	if (err)
		return err;
	/* The events of limits may be lost, the limits must not. */
	if (espnic_sa_has_news(sa)) {
		x = espnic_sa_hold_state(sa);
		if (x) {
			espnic_sa_expire(x, false);
			xfrm_state_put(x);
		}
	}
	espnic_sa_sync(sa);
	return 0;
}

void espnic_ipsec_poll(struct work_struct *work)
{
	struct espnic_ipsec *ipsec = container_of(to_delayed_work(work), struct espnic_ipsec, poll);
	unsigned long index = 0;
	struct espnic_hw *hw;
	bool again = false;
	int err = 0;

	while (!err && (hw = espnic_hw_next(&ipsec->sas, &index))) {
		struct espnic_sa *sa = espnic_hw_sa(hw);

		if (sa->packet && READ_ONCE(hw->in_device)) {
			again = true;
			err = espnic_sa_poll(sa);
		}
		espnic_hw_put(hw);
	}
	if (again)
		queue_delayed_work(ipsec->wq, &ipsec->poll, msecs_to_jiffies(ESPNIC_IPSEC_POLL_MS));
}

/* @value packets and @arg bytes have passed by @sa, which has reached a limit, or (@type SA_SEQ) its last number. */
static void espnic_sa_event(struct espnic_sa *sa, u16 type, u64 value, u64 arg)
{
	struct xfrm_state *x;

	if (type != ESPNIC_EVENT_TYPE_SA_SEQ) {
		spin_lock_bh(&sa->hw.lock);
		espnic_sa_count_max(&sa->now.packets, sa->base.packets, value);
		espnic_sa_count_max(&sa->now.bytes, sa->base.bytes, arg);
		spin_unlock_bh(&sa->hw.lock);
	}
	x = espnic_sa_hold_state(sa);
	if (!x) {
		espnic_ipsec_count(sa->hw.ipsec, ESPNIC_IPSEC_event_stale);
		return;
	}
	/* Without numbers it is as useless as over its hard limit: it must be replaced (RFC 4303 section 3.3.3). */
	espnic_sa_expire(x, type != ESPNIC_EVENT_TYPE_SA_SOFT);
	xfrm_state_put(x);
	/* To tell the device that it is dying; not from here, where no command can be waited for. */
	mod_delayed_work(sa->hw.ipsec->wq, &sa->hw.ipsec->poll, 0);
}

void espnic_ipsec_event(struct espnic_net *enet, u16 type, u32 handle, u64 value, u64 arg)
{
	struct espnic_ipsec *ipsec = enet->ipsec;
	struct espnic_sa *sa;

	switch (type) {
	case ESPNIC_EVENT_TYPE_SA_SOFT:
		espnic_ipsec_count(ipsec, ESPNIC_IPSEC_event_soft);
		break;
	case ESPNIC_EVENT_TYPE_SA_HARD:
		espnic_ipsec_count(ipsec, ESPNIC_IPSEC_event_hard);
		break;
	case ESPNIC_EVENT_TYPE_SA_SEQ:
		espnic_ipsec_count(ipsec, ESPNIC_IPSEC_event_seq);
		break;
	case ESPNIC_EVENT_TYPE_SA_NO_SA:
		espnic_ipsec_count(ipsec, ESPNIC_IPSEC_event_no_sa);
		return;
	default:
		espnic_ipsec_count(ipsec, ESPNIC_IPSEC_event_remap);
		return;
	}

	rcu_read_lock();
	sa = espnic_sa_find(ipsec, handle);
	if (sa && !espnic_hw_get(&sa->hw))
		sa = NULL;
	rcu_read_unlock();
	if (!sa) {
		espnic_ipsec_count(ipsec, ESPNIC_IPSEC_event_stale);
		return;
	}
	espnic_sa_event(sa, type, value, arg);
	espnic_hw_put(&sa->hw);
}
