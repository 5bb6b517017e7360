// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sequence numbers over the end of a state, and of the device's life. The IV is the number, so
 * none may serve twice.
 *
 * Twins. Linux gives the device a second state of the same SPI and key before it decides which of
 * both to keep: `ip xfrm state add` of one that exists, XFRM_MSG_UPDSA, XFRM_MSG_MIGRATE,
 * XFRM_MSG_MIGRATE_STATE. The device keeps it dormant until the first is deleted, and lets it go
 * on where that one stopped. In crypto mode the numbers are xfrm's, which copies them for
 * XFRM_MSG_MIGRATE while the first still sends: what it used since is refused here.
 *
 * Keys that come back. The device knows those of SAs that are gone until it is reset; here they
 * are known beyond that, as many as the device holds SAs, the oldest forgotten first. Of a key only
 * a digest is kept: should two have the same, one of them begins higher, or stays in software.
 *
 * Leases. What the device may send in packet mode stands in memory before it does, so after a
 * reset an SA goes on from there.
 */
#include <crypto/utils.h>
#include <linux/hash.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "ipsec.h"

/*
 * Without leases: how far outbound numbers are moved on after a reset, for what was sent since
 * they were last known: what the device could have sent at most, but never so far that a receiver
 * that keeps 32 bits of them and infers the rest (RFC 4303 appendix A) would be led astray.
 */
#define ESPNIC_SEQ_JUMP_MIN	BIT_ULL(20)
#define ESPNIC_SEQ_JUMP_PER_MS	BIT_ULL(14)
#define ESPNIC_SEQ_JUMP_MAX	BIT_ULL(31)

/* ---- leases ---- */

int espnic_leases_alloc(struct espnic_ipsec *ipsec)
{
	const struct espnic_dev *edev = ipsec->enet->edev;

	if (!(edev->caps.ipsec & ESPNIC_CAP_IPSEC_SEQ_LEASE))
		return 0;
	ipsec->leases = dma_alloc_coherent(edev->dev, (edev->caps.sas + 1) * sizeof(*ipsec->leases),
					   &ipsec->leases_dma, GFP_KERNEL);
	return ipsec->leases ? 0 : -ENOMEM;
}

void espnic_leases_free(struct espnic_ipsec *ipsec)
{
	const struct espnic_dev *edev = ipsec->enet->edev;

	if (ipsec->leases)
		dma_free_coherent(edev->dev, (edev->caps.sas + 1) * sizeof(*ipsec->leases),
				  ipsec->leases, ipsec->leases_dma);
}

static u32 espnic_sa_index(const struct espnic_sa *sa)
{
	return sa->handle & ESPNIC_SA_INDEX_MASK;
}

__le64 espnic_sa_lease(const struct espnic_sa *sa, u64 seq)
{
	const struct espnic_ipsec *ipsec = sa->hw.ipsec;
	u32 i = espnic_sa_index(sa);

	if (!ipsec->leases || !sa->out || !sa->packet)
		return 0;
	WRITE_ONCE(ipsec->leases[i], cpu_to_le64(seq));
	return cpu_to_le64(ipsec->leases_dma + i * sizeof(*ipsec->leases));
}

/* ---- keys that come back ---- */

struct espnic_spent_key {
	struct hlist_node node;
	u64 key;		/* digest */
	u64 top;		/* no number up to this again */
};

struct espnic_spent_keys {
	siphash_key_t secret;
	spinlock_t lock;	/* guards what follows; BH off */
	u32 next;		/* the oldest, or one never used */
	u32 count;
	u32 bits;		/* log2 of the number of buckets */
	struct hlist_head *buckets;
	struct espnic_spent_key keys[] __counted_by(count);
};

int espnic_spent_alloc(struct espnic_ipsec *ipsec)
{
	u32 count = max(ipsec->enet->edev->caps.sas, 1u);
	struct espnic_spent_keys *spent;

	spent = kvzalloc(struct_size(spent, keys, count), GFP_KERNEL);
	if (!spent)
		return -ENOMEM;
	spent->count = count;
	spent->bits = max(order_base_2(count), 1);
	spent->buckets = kvcalloc(BIT(spent->bits), sizeof(*spent->buckets), GFP_KERNEL);
	if (!spent->buckets) {
		kvfree(spent);
		return -ENOMEM;
	}
	spin_lock_init(&spent->lock);
	get_random_bytes(&spent->secret, sizeof(spent->secret));
	ipsec->spent = spent;
	return 0;
}

void espnic_spent_free(struct espnic_ipsec *ipsec)
{
	kvfree(ipsec->spent->buckets);
	kvfree_sensitive(ipsec->spent, struct_size(ipsec->spent, keys, ipsec->spent->count));
}

static struct espnic_spent_key *espnic_spent_find(struct espnic_spent_keys *spent, u64 key)
{
	struct espnic_spent_key *k;

	lockdep_assert_held(&spent->lock);
	hlist_for_each_entry(k, &spent->buckets[hash_64(key, spent->bits)], node)
		if (k->key == key)
			return k;
	return NULL;
}

u64 espnic_key_spent(const struct espnic_sa *sa)
{
	struct espnic_spent_keys *spent = sa->hw.ipsec->spent;
	const struct espnic_spent_key *k;
	u64 top = 0;

	if (!sa->out)
		return 0;
	spin_lock_bh(&spent->lock);
	k = espnic_spent_find(spent, sa->numbers->key);
	if (k)
		top = k->top;
	spin_unlock_bh(&spent->lock);
	return top;
}

void espnic_key_keep(struct espnic_sa *sa)
{
	struct espnic_spent_keys *spent = sa->hw.ipsec->spent;
	struct espnic_spent_key *k, *old;
	u64 top;

	espnic_sa_keep_numbers(sa);
	top = atomic64_read(&sa->numbers->top);
	if (!sa->out || !top)
		return;
	spin_lock_bh(&spent->lock);
	old = espnic_spent_find(spent, sa->numbers->key);
	if (old) {
		/* It is as new. */
		top = max(top, old->top);
		hlist_del_init(&old->node);
	}
	k = &spent->keys[spent->next];
	spent->next = (spent->next + 1) % spent->count;
	/* A no-op for one that is in no bucket. */
	hlist_del_init(&k->node);
	k->key = sa->numbers->key;
	k->top = top;
	hlist_add_head(&k->node, &spent->buckets[hash_64(k->key, spent->bits)]);
	spin_unlock_bh(&spent->lock);
}

/* ---- numbers ---- */

struct espnic_numbers *espnic_numbers_new(struct espnic_sa *sa, const struct xfrm_state *x)
{
	struct espnic_numbers *numbers;
	struct espnic_transform t;
	const u8 *secret;
	u32 len;

	if (espnic_transform(x, &t, NULL))
		return NULL;
	numbers = kzalloc(sizeof(*numbers), GFP_KERNEL);
	if (!numbers)
		return NULL;
	secret = espnic_transform_secret(&t, &len);
	refcount_set(&numbers->refs, 1);
	numbers->live = sa;
	/* Now: when the SA is gone, so is the key. */
	numbers->key = siphash(secret, len, &sa->hw.ipsec->spent->secret);
	return numbers;
}

void espnic_numbers_put(struct espnic_numbers *numbers)
{
	if (numbers && refcount_dec_and_test(&numbers->refs))
		kfree(numbers);
}

void espnic_sa_yield(struct espnic_sa *sa)
{
	/* An acquire has none. */
	if (sa->numbers)
		cmpxchg(&sa->numbers->live, sa, NULL);
}

/* Outbound, by the time that has passed since its number was known. */
static u64 espnic_sa_jumped(u64 seq, ktime_t seq_time, u64 last)
{
	s64 ms = ktime_ms_delta(ktime_get(), seq_time);
	u64 jump;

	ms = clamp_t(s64, ms, 0, ESPNIC_SEQ_JUMP_MAX / ESPNIC_SEQ_JUMP_PER_MS);
	jump = min(ESPNIC_SEQ_JUMP_MIN + ms * ESPNIC_SEQ_JUMP_PER_MS, ESPNIC_SEQ_JUMP_MAX);
	/*
	 * Over the end nothing is sent any more: the device says so by SA_SEQ, and the state
	 * expires.
	 */
	return seq > last - jump ? last : seq + jump;
}

u64 espnic_sa_resume_seq(struct espnic_sa *sa)
{
	const struct espnic_ipsec *ipsec = sa->hw.ipsec;
	u64 seq, last = sa->esn ? U64_MAX : U32_MAX;
	ktime_t seq_time;

	spin_lock_bh(&sa->hw.lock);
	seq = sa->seq;
	seq_time = sa->seq_time;
	spin_unlock_bh(&sa->hw.lock);
	if (!sa->out)
		/* Every packet that was handed up has shown its number. */
		seq = max_t(u64, seq, atomic64_read(&sa->rx_seq));
	else if (ipsec->leases)
		seq = max(seq, le64_to_cpu(READ_ONCE(ipsec->leases[espnic_sa_index(sa)])));
	else
		seq = espnic_sa_jumped(seq, seq_time, last);
	return min(max_t(u64, seq, atomic64_read(&sa->numbers->top)), last);
}

void espnic_sa_keep_numbers(struct espnic_sa *sa)
{
	if (sa->packet && READ_ONCE(sa->hw.in_device))
		espnic_raise(&sa->numbers->top, espnic_sa_resume_seq(sa));
}

/* ---- counts ---- */

/*
 * A twin's state begins with the counts of the one before it, as they are when it is made. What that
 * one passes until it is deleted comes with its last report. All counts are of the key: @total what
 * its SAs that are gone have passed, @had what of it the twin's state knows of.
 */
static void espnic_heir_takes(u64 total, u64 *had, u64 *got, u64 *base, u64 *now)
{
	u64 more;

	/* The one before it is not gone yet. */
	if (total <= *had)
		return;
	more = total - *had;
	*had = total;
	*got += more;
	*base += more;
	*now += more;
}

/* @sa has taken over: adds what those before it have passed since its state was made. */
static void espnic_sa_take_counts(struct espnic_sa *sa)
{
	struct espnic_numbers *numbers = sa->numbers;

	if (!sa->packet)
		return;
	spin_lock_bh(&sa->hw.lock);
	espnic_heir_takes(atomic64_read(&numbers->packets), &sa->had.packets, &sa->got.packets,
			  &sa->base.packets, &sa->now.packets);
	espnic_heir_takes(atomic64_read(&numbers->bytes), &sa->had.bytes, &sa->got.bytes,
			  &sa->base.bytes, &sa->now.bytes);
	spin_unlock_bh(&sa->hw.lock);
}

void espnic_sa_keep_counts(struct espnic_sa *sa)
{
	struct espnic_numbers *numbers = sa->numbers;
	struct espnic_sa *live;
	u64 packets, bytes;

	if (!numbers)
		return;
	spin_lock_bh(&sa->hw.lock);
	packets = sa->now.packets - sa->got.packets;
	bytes = sa->now.bytes - sa->got.bytes;
	spin_unlock_bh(&sa->hw.lock);
	atomic64_add(packets, &numbers->packets);
	atomic64_add(bytes, &numbers->bytes);

	rcu_read_lock();
	live = READ_ONCE(numbers->live);
	if (live && live != sa) {
		espnic_sa_take_counts(live);
		espnic_sa_poll_now(live);
	}
	rcu_read_unlock();
}

/* The state @x of the twin @sa begins with the counts of @other, of state @other_x. */
static void espnic_sa_copy_counts(struct espnic_sa *sa, struct xfrm_state *x,
				  struct espnic_sa *other, struct xfrm_state *other_x)
{
	espnic_sa_read(other);
	espnic_xdo_state_update_stats(other_x);
	spin_lock_bh(&other->hw.lock);
	x->curlft.packets = other_x->curlft.packets;
	x->curlft.bytes = other_x->curlft.bytes;
	sa->had.packets = other->had.packets + other->told.packets - other->got.packets;
	sa->had.bytes = other->had.bytes + other->told.bytes - other->got.bytes;
	spin_unlock_bh(&other->hw.lock);
}

/* ---- twins ---- */

static bool espnic_same_key(const struct xfrm_state *a, const struct xfrm_state *b)
{
	struct espnic_transform ta, tb;
	const u8 *key_a, *key_b;
	u32 len_a, len_b;

	if (a->id.spi != b->id.spi || espnic_transform(a, &ta, NULL) ||
	    espnic_transform(b, &tb, NULL))
		return false;
	key_a = espnic_transform_secret(&ta, &len_a);
	key_b = espnic_transform_secret(&tb, &len_b);
	return len_a == len_b && ta.salt_len == tb.salt_len && !ta.enc_key_len == !tb.enc_key_len &&
	       !crypto_memneq(key_a, key_b, len_a);
}

/* Would xfrm take one for the other? The source is none of its business (xfrm_state_lookup()). */
static bool espnic_same_place(const struct xfrm_state *a, const struct xfrm_state *b)
{
	return a->props.family == b->props.family &&
	       xfrm_addr_equal(&a->id.daddr, &b->id.daddr, a->props.family);
}

static bool espnic_other_ports(const struct xfrm_state *a, const struct xfrm_state *b)
{
	return a->encap && b->encap && (a->encap->encap_sport != b->encap->encap_sport ||
					a->encap->encap_dport != b->encap->encap_dport);
}

/*
 * The SA of which @sa is a twin, with a reference, and with another on its state *@x; NULL: there
 * is none.
 */
static struct espnic_sa *espnic_sa_twin_of(struct espnic_sa *sa, struct xfrm_state **x)
{
	unsigned long index = 0;
	struct espnic_hw *hw;

	while ((hw = espnic_hw_next(&sa->hw.ipsec->sas, &index))) {
		struct espnic_sa *other = espnic_hw_sa(hw);

		*x = NULL;
		if (other != sa && other->out == sa->out && READ_ONCE(hw->in_device))
			*x = espnic_sa_hold_state(other);
		if (*x) {
			if (espnic_same_key(*x, sa->x))
				return other;
			xfrm_state_put(*x);
		}
		espnic_hw_put(hw);
	}
	return NULL;
}

int espnic_sa_join(struct espnic_sa *sa, struct xfrm_state *x, struct netlink_ext_ack *extack)
{
	struct xfrm_state *other_x;
	struct espnic_sa *other;
	int err = 0;

	lockdep_assert_held(&sa->hw.ipsec->lock);
	/* The device looks at keys alone; of another SPI it is no twin but a mistake. */
	other = espnic_sa_twin_of(sa, &other_x);
	if (!other) {
		NL_SET_ERR_MSG_MOD(extack, "another state in the device has this key and salt");
		return -EEXIST;
	}
	if (other->packet != sa->packet) {
		NL_SET_ERR_MSG_MOD(extack,
				   "a state can't change its type of offload: delete it first");
		err = -EINVAL;
		goto out;
	}
	/* Of XFRM_MSG_UPDSA xfrm would take the ports, and the device would not hear of it. */
	if (sa->packet && espnic_same_place(x, other_x) && espnic_other_ports(x, other_x)) {
		NL_SET_ERR_MSG_MOD(extack,
				   "UDP ports can't be updated in packet mode: delete it first");
		err = -EOPNOTSUPP;
		goto out;
	}
	espnic_ipsec_count(sa->hw.ipsec, ESPNIC_IPSEC_sa_twins);
	espnic_numbers_put(sa->numbers);
	refcount_inc(&other->numbers->refs);
	sa->numbers = other->numbers;
	/*
	 * xfrm copies these, too, once we return; but the limits in the device depend on them now.
	 */
	if (sa->packet)
		espnic_sa_copy_counts(sa, x, other, other_x);
	/* Last: from now on an event may let it take over. */
	smp_store_release(&sa->dormant, true);
out:
	xfrm_state_put(other_x);
	espnic_hw_put(&other->hw);
	return err;
}

/*
 * Makes @sa the one that uses the numbers; false: another does. The device is not believed here: it
 * lets an SA take over when it deletes the one before, which was dead by then.
 */
static bool espnic_sa_take_over(struct espnic_sa *sa)
{
	struct espnic_sa *live;
	bool ours = true;

	rcu_read_lock();
	live = READ_ONCE(sa->numbers->live);
	do {
		if (live && live != sa && !READ_ONCE(live->hw.dead))
			ours = false;
	} while (ours && !try_cmpxchg(&sa->numbers->live, &live, sa));
	rcu_read_unlock();
	return ours;
}

void espnic_sa_awake(struct espnic_sa *sa, u64 seq)
{
	bool awoken;

	/* Pairs with espnic_sa_join(). */
	if (!smp_load_acquire(&sa->dormant))
		return;
	if (!espnic_sa_take_over(sa)) {
		espnic_request_reset(sa->hw.ipsec->enet->edev, "an SA took over from a live one");
		return;
	}
	spin_lock_bh(&sa->hw.lock);
	/* The event and a look at the device may both say so; once it sends, the top is its own. */
	awoken = sa->dormant;
	if (awoken) {
		sa->seq = max(sa->seq, seq);
		/* The device sends nothing more of the twin's. */
		if (sa->out && !sa->packet)
			sa->tx_floor = atomic64_read(&sa->numbers->top);
		/* Pairs with espnic_tx_sa_check(). */
		smp_store_release(&sa->dormant, false);
	}
	spin_unlock_bh(&sa->hw.lock);
	if (!awoken)
		return;
	espnic_ipsec_count(sa->hw.ipsec, ESPNIC_IPSEC_sa_awoken);
	espnic_sa_take_counts(sa);
}
