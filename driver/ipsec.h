/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IPsec offload: what its files share.
 *
 * ipsec.c         life of objects in the device, set-up, restoration after a reset
 * ipsec_sa.c      states: xfrmdev_ops
 * ipsec_twin.c    states of one key; sequence numbers over the ends of states, and resets
 * ipsec_check.c   which states can be offloaded
 * ipsec_count.c   counters, lifetimes, windows of SAs, and how xfrm gets to know them
 * ipsec_mib.c     drops by their reasons, in /proc/net/xfrm_stat
 * ipsec_policy.c  policies and selectors
 * ipsec_data.c    packets
 * ipsec_neigh.c   MAC addresses of the next hop
 *
 * Locks, outermost first: RTNL or xfrm_cfg_mutex (the callers'), espnic_ipsec.lock,
 * xfrm_state.lock, espnic_hw.lock. espnic_ipsec.lock is held while a command is waited for, so the
 * thread that takes the answers (espnic_ipsec_event(), espnic_cmd_done_t) must never want it.
 */
#ifndef ESPNIC_IPSEC_H
#define ESPNIC_IPSEC_H

#include <linux/ktime.h>
#include <linux/notifier.h>
#include <linux/refcount.h>
#include <linux/siphash.h>
#include <linux/xarray.h>
#include <net/xfrm.h>

#include "espnic.h"

enum espnic_ipsec_limits {
	/* Milliseconds between looks at the counters of packet-mode SAs. */
	ESPNIC_IPSEC_POLL_MS = 1000,
	/* SAs asked each time, in turns, besides those that an event tells of. */
	ESPNIC_IPSEC_POLL_SAS = 64,
	/* After SA_HARD, until what the device let pass before it has come out of the RX rings. */
	ESPNIC_IPSEC_SETTLE_MS = 50,
	/*
	 * Milliseconds that counts are read for before a reset, under RTNL. What is not read then goes
	 * on by leases and completions all the same.
	 */
	ESPNIC_IPSEC_SAVE_MS = 2000,
	/* Of outer headers, as the kernel's default (RFC 1700's recommendation). */
	ESPNIC_IPSEC_TTL = 64,
	/* RFC 4303 section 2.1: 1 to 255 are reserved. */
	ESPNIC_IPSEC_SPI_MIN = 256,
	/* Bytes of the explicit IV of what is offloaded in crypto mode. */
	ESPNIC_IPSEC_IV_LEN = 8,
	/* Of struct espnic_sa_report, flags. */
	ESPNIC_SA_REPORT_DORMANT = BIT(3),
	ESPNIC_SA_REPORT_PEER = BIT(4),
	/*
	 * Times the deletion of an object is asked for before the device is reset: one that waits
	 * for TX queues may time out while they stand still.
	 */
	ESPNIC_IPSEC_DEL_TRIES = 4,
};

/* Counters: X(name, what it counts); in ethtool -S with "ipsec_" before the name. */
#define ESPNIC_IPSEC_STATS(X) \
	X(sas, "slots of the SA table in use, acquires and deletions under way included") \
	X(policies, "policies in use, deletions under way included") \
	X(sa_added, "states taken") \
	X(sa_refused, "states refused, by driver or device") \
	X(sa_deleted, "states given back") \
	X(sa_acquires, "placeholders for states that the IKE daemon was asked for") \
	X(sa_twins, "states taken that stay dormant until another of the same key is deleted") \
	X(sa_awoken, "of those, that took over") \
	X(policy_added, "policies taken") \
	X(policy_refused, "policies refused, by driver or device") \
	X(policy_deleted, "policies given back") \
	X(restored_sas, "SAs written into the device again after a reset") \
	X(restored_policies, "policies likewise") \
	X(restore_lost, "SAs left out then: their hard limit was reached") \
	X(poll_errors, "counters of an SA that could not be read") \
	X(l2_updates, "next hops of a tunnel told to the device") \
	X(l2_unresolved, "times a next hop was not known") \
	X(event_soft, "soft limits reached") \
	X(event_hard, "hard limits reached") \
	X(event_seq, "SAs that used up their sequence numbers") \
	X(event_no_sa, "reports of packets for which a policy had no SA") \
	X(event_remap, "reports of a peer with a new address or port") \
	X(mappings, "times xfrm was told of one") \
	X(event_awake, "reports of a dormant SA that took over") \
	X(event_stale, "events of SAs that are no more") \
	X(offload_denied, "packets of packet mode this kernel would let out wrongly") \
	X(offload_nomem, "packets of packet mode there was no memory to mark for") \
	X(tx_drop_sa, "crypto offload: its SA is gone, or not of this device") \
	X(tx_drop_dormant, "crypto offload: its SA is dormant") \
	X(tx_drop_twice, "crypto offload: a number that the SA before it has used") \
	X(tx_drop_nested, "crypto offload: more than one SA") \
	X(tx_drop_unprepared, "crypto offload: no ESP was made of it") \
	X(tx_drop_received, "received by crypto offload and not taken by xfrm") \
	X(tx_drop_malformed, "crypto offload: no room for ESP, or not its SPI") \
	X(tx_drop_nomem, "crypto offload: no memory for a header of its own") \
	X(rx_integrity, "crypto offload: delivered with a bad ICV as their status") \
	X(rx_malformed, "likewise: malformed") \
	X(rx_failed, "likewise: any other failure") \
	X(rx_esn, "likewise: verified with another high half than the kernel's") \
	X(rx_drop_sa, "handled by an SA that is gone") \
	X(rx_drop_kind, "handled in another way than the SA's") \
	X(rx_drop_status, "packet offload, but not verified") \
	X(rx_drop_nomem, "no memory for a sec_path")

#define ESPNIC_IPSEC_STAT_ENUM(name, doc)	ESPNIC_IPSEC_##name,

enum espnic_ipsec_stat {
	ESPNIC_IPSEC_STATS(ESPNIC_IPSEC_STAT_ENUM)
	ESPNIC_IPSEC_STAT_COUNT
};

struct espnic_ipsec {
	struct espnic_net *enet;
	/* Held while SAs and policies are written into the device, changed or read there. */
	struct mutex lock;
	u64 age;			/* of the newest object; lock */
	struct xarray sas;		/* struct espnic_sa by index of the handle; RCU */
	struct xarray policies;		/* struct espnic_policy by id */
	u32 sa_next;			/* xa_lock of sas, as the next */
	u32 sa_gen;			/* generation of handles given out now */
	bool off;			/* without NETIF_F_HW_ESP; RTNL, espnic_ipsec_check_on() */
	struct workqueue_struct *wq;
	struct delayed_work poll;
	unsigned long poll_from;	/* index of the SA whose turn it is; of the work alone */
	struct work_struct neigh;
	struct notifier_block netevent;
	/*
	 * By index of the handle: what the device may send up to; NULL without
	 * CAP_IPSEC.SEQ_LEASE.
	 */
	__le64 *leases;
	dma_addr_t leases_dma;
	struct espnic_spent_keys *spent;
	/* The device's counters as they went into /proc/net/xfrm_stat; lock. */
	u64 mib_told[ESPNIC_COUNTER_COUNT];
	atomic64_t stats[ESPNIC_IPSEC_STAT_COUNT];
};

/*
 * What SAs and policies have in common: an object of the stack that stands in the device, too. Its
 * memory and its number live until both have let go of it. The stack's reference goes with
 * xdo_dev_*_free(); the device's with its answer to @del, or the reset after which it knows
 * nothing.
 */
struct espnic_hw {
	struct espnic_ipsec *ipsec;
	void (*release)(struct espnic_hw *hw);	/* the last reference is gone; any context */
	/* The device has forgotten it, as @result says; process context. May be NULL. */
	void (*gone)(struct espnic_hw *hw, const struct espnic_cmd_result *result);
	struct espnic_cmd_post del;		/* SA_DEL, POLICY_DEL */
	refcount_t refs;
	u64 age;				/* order of addition */
	spinlock_t lock;			/* guards what follows; BH off */
	bool dead;				/* deleted by the stack; read without lock, too */
	bool in_device;				/* the device may know it, and has a reference */
	bool adding;				/* is being written into it */
	bool wanted;				/* was taken once, so it is restored; ipsec->lock */
	u8 del_tries;
};

/* Counts of an SA, as in struct espnic_sa_report. */
struct espnic_sa_counts {
	u64 packets;
	u64 bytes;
	u64 integrity_failed;
	u64 replay;
};

/*
 * The sequence numbers of a key: those of an SA and of its twins, before and after it. No number
 * up to @top is used again. Packet mode: what SAs that are gone have sent or taken; crypto mode,
 * outbound: what was handed to the device.
 */
struct espnic_numbers {
	refcount_t refs;
	u64 key;		/* outbound: a digest of key and salt, by espnic_ipsec.spent */
	atomic64_t top;
	/* Packet mode: what those of its SAs have passed that are gone. */
	atomic64_t packets;
	atomic64_t bytes;
	/* That alone may use them, until it is deleted; RCU, NULL: it is no more. */
	struct espnic_sa *live;
};

/* A replay window as struct espnic_window_report has it. */
struct espnic_window {
	u64 top;
	u32 size;		/* packets */
	u8 bitmap[sizeof_field(struct espnic_window_report, bitmap)];
};

struct espnic_sa {
	struct espnic_hw hw;
	struct rcu_head rcu;
	/* The state; under RCU or with a reference of its own, and only while !hw.dead. */
	struct xfrm_state *x;
	u32 handle;
	bool out;
	bool packet;
	bool tunnel;
	bool esn;

	/*
	 * The device passes nothing by it while a twin lives; written by who adds it, or is told
	 * so.
	 */
	bool dormant;
	struct espnic_numbers *numbers;	/* NULL of an acquire */
	u64 tx_floor;			/* crypto mode: no number up to this; before it awakes */

	/* Inbound, packet mode: highest number seen in a completion. */
	atomic64_t rx_seq;

	/* hw.lock */
	struct espnic_window *window;	/* inbound, packet mode: as last read; NULL: none */
	u64 window_at;			/* now.packets when it was read */
	bool window_new;		/* and not told yet */
	bool remapped;			/* SA_REMAP came: xfrm is to be told */
	bool due;			/* to be asked next, whosever turn it is; no lock */
	bool spent;			/* inbound: SA_HARD came: xfrm is to be told at the time below */
	unsigned long spent_at;		/* jiffies */
	bool have_peer;			/* the two below hold */
	xfrm_address_t peer_addr;
	u16 peer_port;			/* a number */
	struct espnic_sa_counts base;	/* at the last reset of the device: it counts from 0 then */
	struct espnic_sa_counts now;	/* base and what the device last said */
	struct espnic_sa_counts told;	/* of now, what has gone into the state */
	struct espnic_sa_counts had;	/* a twin: of the key's counts, what its state has had */
	struct espnic_sa_counts got;	/* of now, what is not its own but of those before it */
	u64 seq;			/* last known: outbound sent, inbound verified */
	u64 seq_told;			/* of it, what has gone into the state */
	ktime_t seq_time;		/* when @seq was true, at the earliest */

	/* espnic_ipsec.lock */
	struct espnic_sa_limits limits;	/* that the device has */
	bool late;			/* dormant, so restored after those that were awake */
	bool dying;			/* the device knows */
	bool l2;			/* the device has the two below */
	u8 dst_mac[ETH_ALEN];
	u8 src_mac[ETH_ALEN];
};

static inline void espnic_ipsec_count(struct espnic_ipsec *ipsec, enum espnic_ipsec_stat stat)
{
	atomic64_inc(&ipsec->stats[stat]);
}

/* *@top is @seq at least; as unsigned numbers. */
static inline void espnic_raise(atomic64_t *top, u64 seq)
{
	s64 old = atomic64_read(top);

	while (seq > (u64)old && !atomic64_try_cmpxchg(top, &old, seq))
		;
}

static inline struct espnic_sa *espnic_hw_sa(struct espnic_hw *hw)
{
	return container_of(hw, struct espnic_sa, hw);
}

/* ipsec.c */

/*
 * -EOPNOTSUPP and why in @extack (may be NULL) if ethtool has turned the offload off, else 0. To be
 * asked before something is added, and again when it stands in its table. Any context.
 */
int espnic_ipsec_check_on(const struct espnic_ipsec *ipsec, struct netlink_ext_ack *extack);

/* Is @netdev one of ours, so that its netdev_priv() is a struct espnic_net? Any context. */
bool espnic_ipsec_is_ours(const struct net_device *netdev);

/*
 * Sets up a zeroed object with the stack's reference. @opcode and @id: the command that deletes
 * it, whose body is id and zeroes.
 */
void espnic_hw_init(struct espnic_hw *hw, struct espnic_ipsec *ipsec, u16 opcode,
		    void (*release)(struct espnic_hw *hw));
void espnic_hw_set_id(struct espnic_hw *hw, u32 id);
bool espnic_hw_get(struct espnic_hw *hw);
void espnic_hw_put(struct espnic_hw *hw);

/*
 * Writes an object into the device by @req, under ipsec->lock. The caller has a reference. What is
 * deleted meanwhile goes out again. Returns 0, -ENOENT if it was dead before, else as
 * espnic_cmd_exec().
 */
int espnic_hw_program(struct espnic_hw *hw, struct espnic_cmd_req *req);

/*
 * The stack deletes it: from now on it is dead, and its deletion in the device under way.
 * Idempotent. BH, process.
 */
void espnic_hw_delete(struct espnic_hw *hw);

/*
 * The smallest object of @xa whose index is over *@index, which is set to it; with a reference,
 * NULL if there is none. Its struct espnic_hw is its first member. Process context.
 */
struct espnic_hw *espnic_hw_next(struct xarray *xa, unsigned long *index);

/*
 * Says in @extack (may be NULL) why the device refused @what ("SA", "policy") by @req with @err.
 * Returns @err.
 */
int espnic_ipsec_refusal(struct espnic_ipsec *ipsec, const struct espnic_cmd_req *req, int err,
			 const char *what, u32 capacity, struct netlink_ext_ack *extack);

/* ipsec_check.c */

/*
 * Whether a new state of device @netdev can be offloaded. Returns 0; -EOPNOTSUPP for what is
 * lawful but cannot be, -EINVAL for what contradicts itself, with the reason in @extack (may be
 * NULL). Process context.
 */
int espnic_sa_check(struct espnic_ipsec *ipsec, const struct xfrm_state *x,
		    const struct net_device *netdev, struct netlink_ext_ack *extack);

/* Why a state cannot be offloaded: lawful (-EOPNOTSUPP) or contradictory (-EINVAL). */
#define espnic_cannot(extack, why)				\
({								\
	NL_SET_ERR_MSG_MOD(extack, why);			\
	-EOPNOTSUPP;						\
})

#define espnic_malformed(extack, why)				\
({								\
	NL_SET_ERR_MSG_MOD(extack, why);			\
	-EINVAL;						\
})

/* ipsec_alg.c */

/* Transforms and keys of a state, in the device's terms. The keys are the state's own. */
struct espnic_transform {
	u8 enc_alg, auth_alg;		/* ESPNIC_ENC_ALG_, ESPNIC_AUTH_ALG_ */
	u8 enc_key_len, salt_len, auth_key_len, icv_len; /* bytes */
	const u8 *enc_key;		/* the salt behind it */
	const u8 *auth_key;
	u32 caps;			/* bits of CAP_TRANSFORMS that it needs */
};

/*
 * Those of @x. 0, or -EOPNOTSUPP or -EINVAL with the reason in @extack (may be NULL). What was
 * taken once is taken again: a state keeps its transforms.
 */
int espnic_transform(const struct xfrm_state *x, struct espnic_transform *t,
		     struct netlink_ext_ack *extack);
/* The @len bytes by which the device tells twins: key and salt; of NULL the authentication key. */
const u8 *espnic_transform_secret(const struct espnic_transform *t, u32 *len);

/* ipsec_sa.c */

#define ESPNIC_XFRM_STATE_OPS						\
	.xdo_dev_state_add		= espnic_xdo_state_add,		\
	.xdo_dev_state_delete		= espnic_xdo_state_delete,	\
	.xdo_dev_state_free		= espnic_xdo_state_free,	\
	.xdo_dev_state_advance_esn	= espnic_xdo_state_advance_esn,	\
	.xdo_dev_state_update_stats	= espnic_xdo_state_update_stats

int espnic_xdo_state_add(ESPNIC_XDO_STATE_ARGS(dev, x), struct netlink_ext_ack *extack);
void espnic_xdo_state_delete(ESPNIC_XDO_STATE_ARGS(dev, x));
void espnic_xdo_state_free(ESPNIC_XDO_STATE_ARGS(dev, x));
void espnic_xdo_state_advance_esn(struct xfrm_state *x);

/* The SA of @handle, also a dead one; NULL: none has it. Under RCU. */
struct espnic_sa *espnic_sa_find(struct espnic_ipsec *ipsec, u32 handle);

/* The SA's state with a reference, NULL if it is deleted. Any context but hard interrupts. */
struct xfrm_state *espnic_sa_hold_state(struct espnic_sa *sa);

/* Writes an SA into a device that was reset. ipsec->lock. 0 also if it is not needed any more. */
int espnic_sa_restore(struct espnic_sa *sa);

/*
 * Tells the device what has changed about an SA of packet mode: next hop, lifetimes, whether it is
 * dying. Process context, without ipsec->lock. False: its limits leave nothing, so it is to expire.
 */
bool espnic_sa_sync(struct espnic_sa *sa);

/* ipsec_twin.c */

int espnic_leases_alloc(struct espnic_ipsec *ipsec);
void espnic_leases_free(struct espnic_ipsec *ipsec);

/*
 * For an SA that is to go on from @seq: prepares its lease and returns the bus address for
 * lease_addr; 0 if there are none.
 */
__le64 espnic_sa_lease(const struct espnic_sa *sa, u64 seq);

/* What is remembered of keys whose SAs are gone, while the interface lives. 0 or -ENOMEM. */
int espnic_spent_alloc(struct espnic_ipsec *ipsec);
void espnic_spent_free(struct espnic_ipsec *ipsec);

/*
 * The last number that an SA that is gone may have sent with the key of @sa, outbound; 0: none is
 * known. Process context.
 */
u64 espnic_key_spent(const struct espnic_sa *sa);

/* Of a key that may be new, whose first SA is @sa, of state @x. NULL: no memory. Process context. */
struct espnic_numbers *espnic_numbers_new(struct espnic_sa *sa, const struct xfrm_state *x);
void espnic_numbers_put(struct espnic_numbers *numbers);

/* @sa stays out of the device, or is freed after a grace period: a twin may take over. */
void espnic_sa_yield(struct espnic_sa *sa);

/*
 * The number an SA of packet mode goes on from after a reset of the device: nothing it sent or
 * took before is over it.
 */
u64 espnic_sa_resume_seq(struct espnic_sa *sa);

/* The device forgets the SA, or has: what it may have sent is kept for its twins. */
void espnic_sa_keep_numbers(struct espnic_sa *sa);

/* It is gone, and its counts are final: they are its heir's, too. Process context. */
void espnic_sa_keep_counts(struct espnic_sa *sa);

/* It is gone: that is kept for whoever comes with its key, too. Process context. */
void espnic_key_keep(struct espnic_sa *sa);

/*
 * The device made @sa dormant: finds out whose twin it is, and takes over its numbers and counts.
 * ipsec->lock. Returns 0; -EEXIST or -EINVAL if it can be no twin, with the reason in @extack (may
 * be NULL).
 */
int espnic_sa_join(struct espnic_sa *sa, struct xfrm_state *x, struct netlink_ext_ack *extack);

/*
 * The device has let it take over, from @seq. If it can't have, as its twin was not deleted, the
 * SA stays dormant and the device is reset. Any context but hard interrupts; idempotent.
 */
void espnic_sa_awake(struct espnic_sa *sa, u64 seq);

/* ipsec_count.c */

void espnic_xdo_state_update_stats(struct xfrm_state *x);

/* Takes a report of the device, made at @when or later, into the SA's counts. Process context. */
void espnic_sa_take_report(struct espnic_sa *sa, const struct espnic_sa_report *rep, ktime_t when);

/*
 * Has xfrm look at the lifetimes of @x, a state of packet mode. @spent: the device passes nothing
 * more by it, whatever the limits say. Process context or BH, without x->lock.
 */
void espnic_sa_expire(struct xfrm_state *x, bool spent);

/*
 * Reads counts and window of a live SA from the device. ipsec->lock. 0, or -errno when the device
 * is not up.
 */
int espnic_sa_read(struct espnic_sa *sa);

/*
 * What is left of a state's lifetimes, in the device's terms: what it used up before the device
 * began to count is taken off. False: nothing is. Process context or BH, without x->lock;
 * ipsec->lock.
 */
bool espnic_sa_limits_left(struct espnic_sa *sa, struct xfrm_state *x,
			   struct espnic_sa_limits *left);

/* The device counts from 0 again. hw.lock not held. */
void espnic_sa_rebase(struct espnic_sa *sa);

void espnic_ipsec_poll(struct work_struct *work);

/* Has it run soon. Any context. */
void espnic_ipsec_poll_now(struct espnic_ipsec *ipsec);

/* Has it run soon, and ask the device about @sa. Any context. */
void espnic_sa_poll_now(struct espnic_sa *sa);

/* ipsec_mib.c */

/*
 * Counts a packet that the driver drops for @reason, *_drop_*, in /proc/net/xfrm_stat too. Any
 * context.
 */
void espnic_ipsec_drop(struct espnic_ipsec *ipsec, enum espnic_ipsec_stat reason);

/* Brings the device's drops since the last call into /proc/net/xfrm_stat. ipsec->lock. */
void espnic_ipsec_mib(struct espnic_ipsec *ipsec);

/* The device counts from 0 again. ipsec->lock. */
void espnic_ipsec_mib_rebase(struct espnic_ipsec *ipsec);

/* ipsec_policy.c */

int espnic_xdo_policy_add(struct xfrm_policy *xp, struct netlink_ext_ack *extack);
void espnic_xdo_policy_delete(struct xfrm_policy *xp);
void espnic_xdo_policy_free(struct xfrm_policy *xp);

/* Writes a live policy into a device that was reset. ipsec->lock. */
int espnic_policy_restore(struct espnic_hw *hw);

/*
 * A selector in the device's terms. @out is zeroed first. Returns 0 or -EOPNOTSUPP with the reason
 * in @extack (may be NULL).
 */
int espnic_selector(struct espnic_cmd_selector *out, const struct xfrm_selector *sel,
		    const struct net_device *netdev, struct netlink_ext_ack *extack);

/* An address in the device's terms: 16 bytes, of which IPv4 fills the first 4. */
void espnic_address(u8 out[16], const xfrm_address_t *addr, u16 family);

/* ipsec_data.c */

bool espnic_xdo_offload_ok(struct sk_buff *skb, struct xfrm_state *x);

/* ipsec_neigh.c */

/*
 * Looks the next hop towards a tunnel's destination up and keeps it fresh. Process context.
 * Returns 0 with its address in @dst_mac and the interface's in @src_mac; -EHOSTUNREACH if there
 * is no way; -EAGAIN if it is not known yet, and has been asked for: a change of neighbours makes
 * espnic_ipsec_neigh() run.
 */
int espnic_neigh_lookup(struct espnic_ipsec *ipsec, const struct xfrm_state *x,
			u8 dst_mac[ETH_ALEN], u8 src_mac[ETH_ALEN]);

/* Tells the device of new next hops. */
void espnic_ipsec_neigh(struct work_struct *work);
int espnic_ipsec_netevent(struct notifier_block *nb, unsigned long event, void *data);

#endif /* ESPNIC_IPSEC_H */
