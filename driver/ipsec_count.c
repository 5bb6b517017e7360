// SPDX-License-Identifier: GPL-2.0-only
/*
 * What SAs of packet mode have done: the device counts, xfrm must know. Once a second, and with
 * each event, the device's counts go into a cache; xdo_dev_state_update_stats(), which must not
 * sleep, takes what is new of it into the state. Sequence numbers and replay windows go the same
 * way, so that XFRM_MSG_GETSA and GETAE show them.
 */
#include <linux/hrtimer.h>

#include "ipsec.h"

/* Counts only grow; what would make one fall is older than what is known. hw.lock. */
static void espnic_sa_count_max(u64 *now, u64 base, u64 device)
{
	*now = max(*now, base + device);
}

/* Where the peer of a UDP-encapsulated SA is now, as far as the device says. hw.lock. */
static void espnic_sa_take_peer(struct espnic_sa *sa, const struct espnic_sa_report *rep)
{
	sa->have_peer = le32_to_cpu(rep->flags) & ESPNIC_SA_REPORT_PEER;
	if (!sa->have_peer)
		return;
	memcpy(&sa->peer_addr, rep->peer_addr, sizeof(sa->peer_addr));
	sa->peer_port = le16_to_cpu(rep->peer_port);
}

void espnic_sa_take_report(struct espnic_sa *sa, const struct espnic_sa_report *rep, ktime_t when)
{
	u64 seq = le64_to_cpu(rep->seq);

	spin_lock_bh(&sa->hw.lock);
	espnic_sa_count_max(&sa->now.packets, sa->base.packets, le64_to_cpu(rep->packets));
	espnic_sa_count_max(&sa->now.bytes, sa->base.bytes, le64_to_cpu(rep->bytes));
	espnic_sa_count_max(&sa->now.integrity_failed, sa->base.integrity_failed,
			    le64_to_cpu(rep->integrity_failed));
	espnic_sa_count_max(&sa->now.replay, sa->base.replay, le64_to_cpu(rep->replay));
	sa->seq = max(sa->seq, seq);
	sa->seq_time = when;
	espnic_sa_take_peer(sa, rep);
	spin_unlock_bh(&sa->hw.lock);
	/* If the event is lost. */
	if (!(le32_to_cpu(rep->flags) & ESPNIC_SA_REPORT_DORMANT))
		espnic_sa_awake(sa, seq);
}

static void espnic_sa_take_window(struct espnic_sa *sa, const struct espnic_window_report *rep)
{
	struct espnic_window *window = sa->window;

	spin_lock_bh(&sa->hw.lock);
	window->top = le64_to_cpu(rep->top);
	window->size = min_t(u32, le32_to_cpu(rep->size), BITS_PER_BYTE * sizeof(window->bitmap));
	memcpy(window->bitmap, rep->bitmap, sizeof(window->bitmap));
	sa->window_new = true;
	sa->window_at = sa->now.packets;
	spin_unlock_bh(&sa->hw.lock);
}

void espnic_sa_rebase(struct espnic_sa *sa)
{
	spin_lock_bh(&sa->hw.lock);
	sa->base = sa->now;
	spin_unlock_bh(&sa->hw.lock);
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

bool espnic_sa_limits_left(struct espnic_sa *sa, struct xfrm_state *x,
			   struct espnic_sa_limits *left)
{
	u64 packets, bytes, hard_packets, hard_bytes;

	lockdep_assert_held(&sa->hw.ipsec->lock);
	memset(left, 0xff, sizeof(*left));
	/* In crypto mode xfrm counts. */
	if (!sa->packet)
		return true;

	/*
	 * What is none of the device's counts: it was given with the state, or copied from one
	 * before it.
	 */
	spin_lock_bh(&sa->hw.lock);
	packets = x->curlft.packets - sa->told.packets + sa->base.packets;
	bytes = x->curlft.bytes - sa->told.bytes + sa->base.bytes;
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
 * Of bytes, xfrm lets the packet pass that crosses the limit, the device does not. A state that does
 * not stand in xfrm's tables yet must not be taken out of them: its time comes with the next look.
 */
void espnic_sa_expire(struct xfrm_state *x, bool spent)
{
	spin_lock_bh(&x->lock);
	if (x->km.state == XFRM_STATE_VALID && !hlist_unhashed(&x->bydst) &&
	    !xfrm_state_check_expire(x) && spent) {
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

static void espnic_sa_tell_oseq(struct espnic_sa *sa, struct xfrm_state *x)
{
	if (sa->seq == sa->seq_told)
		return;
	if (x->replay_esn) {
		x->replay_esn->oseq = lower_32_bits(sa->seq);
		x->replay_esn->oseq_hi = upper_32_bits(sa->seq);
	} else {
		x->replay.oseq = lower_32_bits(sa->seq);
	}
	sa->seq_told = sa->seq;
}

/*
 * Was number @seq taken, as far as is known? What lies between the window as last read and the
 * highest number of a completion is taken for seen, as after a reset.
 */
static bool espnic_window_seen(const struct espnic_window *window, u64 seq)
{
	u64 n = window->top - seq;

	if (seq > window->top)
		return true;
	return n < window->size && window->bitmap[n / BITS_PER_BYTE] & BIT(n % BITS_PER_BYTE);
}

/* xfrm has number s at bit s - 1 modulo the window's size (xfrm_replay_advance_esn()). */
static void espnic_sa_tell_bitmap(const struct espnic_window *window, u64 top,
				  struct xfrm_replay_state_esn *esn)
{
	u32 size = min_t(u32, esn->replay_window, esn->bmp_len * BITS_PER_TYPE(__u32));
	u32 pos = (lower_32_bits(top) - 1) % size;
	u32 n, bit;

	memset(esn->bmp, 0, esn->bmp_len * sizeof(__u32));
	for (n = 0; n < size && n < top; n++) {
		bit = (pos + size - n) % size;
		if (espnic_window_seen(window, top - n))
			esn->bmp[bit / BITS_PER_TYPE(__u32)] |= BIT(bit % BITS_PER_TYPE(__u32));
	}
}

static void espnic_sa_tell_window(struct espnic_sa *sa, struct xfrm_state *x)
{
	const struct espnic_window *window = sa->window;
	u64 top = max_t(u64, sa->seq, atomic64_read(&sa->rx_seq));
	u32 n;

	if (top == sa->seq_told && !sa->window_new)
		return;
	sa->seq_told = top;
	sa->window_new = false;
	if (x->replay_esn) {
		x->replay_esn->seq = lower_32_bits(top);
		x->replay_esn->seq_hi = x->props.flags & XFRM_STATE_ESN ? upper_32_bits(top) : 0;
		if (window && x->replay_esn->replay_window && x->replay_esn->bmp_len)
			espnic_sa_tell_bitmap(window, top, x->replay_esn);
		return;
	}
	x->replay.seq = lower_32_bits(top);
	x->replay.bitmap = 0;
	for (n = 0; window && n < x->props.replay_window &&
	     n < BITS_PER_TYPE(x->replay.bitmap); n++)
		if (n < top && espnic_window_seen(window, top - n))
			x->replay.bitmap |= BIT(n);
}

/*
 * Under hw.lock, which makes one of all who may come here at a time: x->lock is held by some of
 * them only.
 */
static void espnic_sa_tell(struct espnic_sa *sa, struct xfrm_state *x)
{
	u64 packets = espnic_sa_news(sa->now.packets, &sa->told.packets);

	x->curlft.packets += packets;
	x->curlft.bytes += espnic_sa_news(sa->now.bytes, &sa->told.bytes);
	if (packets) {
		x->lastused = ktime_get_real_seconds();
		if (!READ_ONCE(x->curlft.use_time))
			WRITE_ONCE(x->curlft.use_time, x->lastused);
	}
	x->stats.integrity_failed += espnic_sa_news(sa->now.integrity_failed,
						    &sa->told.integrity_failed);
	x->stats.replay += espnic_sa_news(sa->now.replay, &sa->told.replay);
	if (sa->out)
		espnic_sa_tell_oseq(sa, x);
	else
		espnic_sa_tell_window(sa, x);
}

/*
 * From dumps, timers, xfrm_state_check_expire() and reads of /proc/net/xfrm_stat: atomic, with
 * x->lock or xfrm_state_lock or only xfrm_cfg_mutex held.
 */
void espnic_xdo_state_update_stats(struct xfrm_state *x)
{
	struct net_device *netdev = READ_ONCE(x->xso.dev);
	struct espnic_sa *sa;

	/*
	 * Through a bond, another's device; but then there is only crypto mode, where xfrm counts.
	 */
	if (x->xso.type != XFRM_DEV_OFFLOAD_PACKET || !netdev || !espnic_ipsec_is_ours(netdev))
		return;
	rcu_read_lock();
	sa = espnic_sa_find(((struct espnic_net *)netdev_priv(netdev))->ipsec,
			    x->xso.offload_handle);
	if (sa && sa->x == x) {
		spin_lock_bh(&sa->hw.lock);
		if (sa->hw.in_device)
			espnic_sa_tell(sa, x);
		spin_unlock_bh(&sa->hw.lock);
	}
	rcu_read_unlock();
}

/* ---- from the device ---- */

static int espnic_sa_ask(struct espnic_sa *sa, u16 opcode, void *resp, u32 len)
{
	struct espnic_cmd_sa body = { .handle = cpu_to_le32(sa->handle) };
	struct espnic_cmd_req req = {
		.opcode		= opcode,
		.body		= &body,
		.len		= sizeof(body),
		.resp		= resp,
		.resp_len	= len,
	};
	struct espnic_ipsec *ipsec = sa->hw.ipsec;
	int err;

	err = espnic_cmd_exec(ipsec->enet->edev, &req);
	if (!err && req.resp_len == len)
		return 0;
	if (err && req.status == ESPNIC_CMD_NO_STATUS)
		return err;
	/* One that is just being deleted is missed by nobody. */
	if (!READ_ONCE(sa->hw.dead))
		espnic_ipsec_count(ipsec, ESPNIC_IPSEC_poll_errors);
	return -EIO;
}

/* Has the window moved since it was read? */
static bool espnic_sa_window_moved(struct espnic_sa *sa)
{
	bool moved;

	if (!sa->window)
		return false;
	spin_lock_bh(&sa->hw.lock);
	moved = sa->now.packets != sa->window_at;
	spin_unlock_bh(&sa->hw.lock);
	return moved;
}

int espnic_sa_read(struct espnic_sa *sa)
{
	struct espnic_window_report *window;
	ktime_t when = ktime_get();
	struct espnic_sa_report rep;
	int err;

	/*
	 * Also against restoration: what was counted before a reset must not pass for what comes
	 * after.
	 */
	lockdep_assert_held(&sa->hw.ipsec->lock);
	if (!READ_ONCE(sa->hw.in_device) || READ_ONCE(sa->hw.dead))
		return 0;
	err = espnic_sa_ask(sa, ESPNIC_OPCODE_SA_QUERY, &rep, sizeof(rep));
	if (!err) {
		espnic_sa_take_report(sa, &rep, when);
		if (!espnic_sa_window_moved(sa))
			return 0;
		window = kmalloc(sizeof(*window), GFP_KERNEL);
		if (!window)
			return 0;
		err = espnic_sa_ask(sa, ESPNIC_OPCODE_SA_WINDOW, window, sizeof(*window));
		if (!err)
			espnic_sa_take_window(sa, window);
		kfree(window);
	}
	return err == -EIO ? 0 : err;
}

void espnic_ipsec_save(struct espnic_net *enet)
{
	struct espnic_ipsec *ipsec = enet->ipsec;
	unsigned long end = jiffies + msecs_to_jiffies(ESPNIC_IPSEC_SAVE_MS);
	unsigned long index = 0;
	struct espnic_hw *hw;
	int err = 0;

	mutex_lock(&ipsec->lock);
	while (!err && time_before(jiffies, end) && (hw = espnic_hw_next(&ipsec->sas, &index))) {
		if (espnic_hw_sa(hw)->packet)
			err = espnic_sa_read(espnic_hw_sa(hw));
		espnic_hw_put(hw);
	}
	if (!err)
		espnic_ipsec_mib(ipsec);
	mutex_unlock(&ipsec->lock);
}

/*
 * What xfrm_input() does with each packet of a peer behind a NAT whose address or port is not the
 * state's: of the device it is known once a look, or with the event.
 */
static void espnic_sa_tell_peer(struct espnic_sa *sa, struct xfrm_state *x)
{
	xfrm_address_t addr;
	__be16 port;
	bool moved;

	/* XFRM_MSG_UPDSA may just give it other ports. */
	spin_lock_bh(&x->lock);
	spin_lock(&sa->hw.lock);
	addr = sa->peer_addr;
	port = htons(sa->peer_port);
	moved = sa->have_peer && (sa->remapped ||
				  sa->now.packets != sa->told.packets) && x->encap &&
		(!xfrm_addr_equal(&addr, &x->props.saddr, x->props.family) ||
		 port != x->encap->encap_sport);
	sa->remapped = false;
	spin_unlock(&sa->hw.lock);
	spin_unlock_bh(&x->lock);
	if (!moved)
		return;
	espnic_ipsec_count(sa->hw.ipsec, ESPNIC_IPSEC_mappings);
	km_new_mapping(x, &addr, port);
}

static bool espnic_sa_has_news(struct espnic_sa *sa)
{
	bool news;

	spin_lock_bh(&sa->hw.lock);
	news = sa->now.packets != sa->told.packets || sa->now.bytes != sa->told.bytes ||
	       sa->now.integrity_failed != sa->told.integrity_failed ||
	       sa->now.replay != sa->told.replay || sa->seq != sa->seq_told || sa->remapped;
	spin_unlock_bh(&sa->hw.lock);
	return news;
}

/* A limit was lowered below what has passed: the device can't be told so. */
static void espnic_sa_set_spent(struct espnic_sa *sa)
{
	struct xfrm_state *x = espnic_sa_hold_state(sa);

	if (!x)
		return;
	espnic_sa_expire(x, true);
	xfrm_state_put(x);
}

/*
 * Inbound packets are taken under their state alone, and the last that the device let pass may
 * still be in an RX ring when it says so. True: xfrm may look at limits now.
 */
static bool espnic_sa_settled(struct espnic_sa *sa)
{
	bool settled;

	spin_lock_bh(&sa->hw.lock);
	settled = !sa->spent || time_after_eq(jiffies, sa->spent_at);
	spin_unlock_bh(&sa->hw.lock);
	return settled;
}

static void espnic_sa_settle(struct espnic_sa *sa)
{
	spin_lock_bh(&sa->hw.lock);
	sa->spent = true;
	sa->spent_at = jiffies + msecs_to_jiffies(ESPNIC_IPSEC_SETTLE_MS);
	spin_unlock_bh(&sa->hw.lock);
}

/*
 * Asks the device, and tells xfrm: XFRM_MSG_GETAE asks nobody, and the events of limits may be
 * lost. -EINPROGRESS: to be asked again after ESPNIC_IPSEC_SETTLE_MS.
 */
static int espnic_sa_poll(struct espnic_sa *sa)
{
	struct espnic_ipsec *ipsec = sa->hw.ipsec;
	struct xfrm_state *x;
	bool settled;
	int err;

	mutex_lock(&ipsec->lock);
	err = espnic_sa_read(sa);
	mutex_unlock(&ipsec->lock);
	if (err || !sa->packet)
		return err;
	settled = espnic_sa_settled(sa);
	if (espnic_sa_has_news(sa) || READ_ONCE(sa->spent)) {
		x = espnic_sa_hold_state(sa);
		if (x) {
			espnic_sa_tell_peer(sa, x);
			if (settled)
				espnic_sa_expire(x, READ_ONCE(sa->spent));
			xfrm_state_put(x);
		}
	}
	if (!settled)
		return -EINPROGRESS;
	if (!espnic_sa_sync(sa) && !READ_ONCE(sa->dormant))
		espnic_sa_set_spent(sa);
	return 0;
}

void espnic_ipsec_poll_now(struct espnic_ipsec *ipsec)
{
	mod_delayed_work(ipsec->wq, &ipsec->poll, 0);
}

void espnic_sa_poll_now(struct espnic_sa *sa)
{
	WRITE_ONCE(sa->due, true);
	espnic_ipsec_poll_now(sa->hw.ipsec);
}

/*
 * Is @sa, at @index, to be asked now? A command each a second would be most of what a host with
 * thousands of SAs does: of those without news ESPNIC_IPSEC_POLL_SAS have their turn.
 */
static bool espnic_sa_is_due(struct espnic_sa *sa, unsigned long index, unsigned int *turns)
{
	struct espnic_ipsec *ipsec = sa->hw.ipsec;

	if (!sa->packet && !READ_ONCE(sa->dormant))
		return false;
	if (READ_ONCE(sa->due)) {
		WRITE_ONCE(sa->due, false);
		return true;
	}
	if (index < ipsec->poll_from || !*turns)
		return false;
	(*turns)--;
	ipsec->poll_from = index + 1;
	return true;
}

void espnic_ipsec_poll(struct work_struct *work)
{
	struct espnic_ipsec *ipsec = container_of(to_delayed_work(work), struct espnic_ipsec, poll);
	unsigned int wait = ESPNIC_IPSEC_POLL_MS, turns = ESPNIC_IPSEC_POLL_SAS;
	unsigned long index = 0;
	struct espnic_hw *hw;
	bool again = false;
	int err = 0;

	while (!err && (hw = espnic_hw_next(&ipsec->sas, &index))) {
		struct espnic_sa *sa = espnic_hw_sa(hw);

		if (READ_ONCE(hw->in_device)) {
			again = true;
			if (espnic_sa_is_due(sa, index, &turns))
				err = espnic_sa_poll(sa);
			if (err == -EINPROGRESS) {
				WRITE_ONCE(sa->due, true);
				wait = ESPNIC_IPSEC_SETTLE_MS;
				err = 0;
			}
		}
		espnic_hw_put(hw);
	}
	/* All behind it had theirs. */
	if (turns)
		ipsec->poll_from = 0;
	mutex_lock(&ipsec->lock);
	espnic_ipsec_mib(ipsec);
	mutex_unlock(&ipsec->lock);
	if (again || !xa_empty(&ipsec->policies))
		queue_delayed_work(ipsec->wq, &ipsec->poll, msecs_to_jiffies(wait));
}

/*
 * @value packets and @arg bytes have passed by @sa, which has reached a limit, or (@type SA_SEQ)
 * its last number.
 */
static void espnic_sa_spent(struct espnic_sa *sa, u16 type, u64 value, u64 arg)
{
	struct xfrm_state *x;

	if (type != ESPNIC_EVENT_TYPE_SA_SEQ) {
		spin_lock_bh(&sa->hw.lock);
		espnic_sa_count_max(&sa->now.packets, sa->base.packets, value);
		espnic_sa_count_max(&sa->now.bytes, sa->base.bytes, arg);
		spin_unlock_bh(&sa->hw.lock);
	}
	if (type == ESPNIC_EVENT_TYPE_SA_HARD && !sa->out) {
		espnic_sa_settle(sa);
		return;
	}
	x = espnic_sa_hold_state(sa);
	if (!x) {
		espnic_ipsec_count(sa->hw.ipsec, ESPNIC_IPSEC_event_stale);
		return;
	}
	/*
	 * Without numbers it is as useless as over its hard limit: it must be replaced (RFC 4303
	 * section 3.3.3).
	 */
	espnic_sa_expire(x, type != ESPNIC_EVENT_TYPE_SA_SOFT);
	xfrm_state_put(x);
}

static void espnic_sa_event(struct espnic_sa *sa, u16 type, u64 value, u64 arg)
{
	switch (type) {
	case ESPNIC_EVENT_TYPE_SA_AWAKE:
		espnic_sa_awake(sa, value);
		break;
	case ESPNIC_EVENT_TYPE_SA_REMAP:
		spin_lock_bh(&sa->hw.lock);
		sa->remapped = true;
		spin_unlock_bh(&sa->hw.lock);
		break;
	default:
		espnic_sa_spent(sa, type, value, arg);
	}
	/*
	 * To ask the device for more, or to tell it; not from here, where no command can be waited
	 * for.
	 */
	espnic_sa_poll_now(sa);
}

void espnic_ipsec_event(struct espnic_net *enet, u16 type, u32 handle, u64 value, u64 arg)
{
	static const enum espnic_ipsec_stat stats[] = {
		[ESPNIC_EVENT_TYPE_SA_SOFT]	= ESPNIC_IPSEC_event_soft,
		[ESPNIC_EVENT_TYPE_SA_HARD]	= ESPNIC_IPSEC_event_hard,
		[ESPNIC_EVENT_TYPE_SA_SEQ]	= ESPNIC_IPSEC_event_seq,
		[ESPNIC_EVENT_TYPE_SA_NO_SA]	= ESPNIC_IPSEC_event_no_sa,
		[ESPNIC_EVENT_TYPE_SA_REMAP]	= ESPNIC_IPSEC_event_remap,
		[ESPNIC_EVENT_TYPE_SA_AWAKE]	= ESPNIC_IPSEC_event_awake,
	};
	struct espnic_ipsec *ipsec = enet->ipsec;
	struct espnic_sa *sa;

	espnic_ipsec_count(ipsec, stats[type]);
	/* Of a policy; xfrm knows, too: it has no state for such packets. */
	if (type == ESPNIC_EVENT_TYPE_SA_NO_SA)
		return;
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
