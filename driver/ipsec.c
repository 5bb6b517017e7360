// SPDX-License-Identifier: GPL-2.0-only
/*
 * IPsec offload: the life of objects in the device, set-up, events, restoration after a reset.
 *
 * xfrm is the shadow: every SA and policy in the device hangs on a state or policy of the kernel,
 * from which it can be written again. Keys are never copied but into a command.
 */
#include <linux/slab.h>
#include <linux/sort.h>
#include <net/netevent.h>

#include "ipsec.h"

#if !IS_ENABLED(CONFIG_XFRM_OFFLOAD)
#error "espnic needs a kernel with CONFIG_XFRM_OFFLOAD"
#endif

/* ---- objects ---- */

static void espnic_hw_deleted(struct espnic_dev *edev, struct espnic_cmd_post *post,
			      const struct espnic_cmd_result *result)
{
	struct espnic_hw *hw = container_of(post, struct espnic_hw, del);

	switch (result->err) {
	case 0:
	case -ENOENT:
	case -ECANCELED:
		break;
	case -EBUSY:
	case -ETIMEDOUT:
		/* The policy stays, as DISCARD, until a TX queue that stands still moves on. */
		if (++hw->del_tries < ESPNIC_IPSEC_DEL_TRIES) {
			espnic_cmd_post(edev, post);
			return;
		}
		fallthrough;
	default:
		/* The device goes on using it. Posted again, it ends when that does. */
		espnic_cmd_abort(edev);
		espnic_cmd_post(edev, post);
		espnic_request_reset(edev, "an SA or policy was not deleted");
		return;
	}
	if (hw->gone)
		hw->gone(hw, result);
	espnic_hw_put(hw);
}

void espnic_hw_init(struct espnic_hw *hw, struct espnic_ipsec *ipsec, u16 opcode,
		    void (*release)(struct espnic_hw *hw))
{
	BUILD_BUG_ON(sizeof(struct espnic_cmd_sa) != sizeof(struct espnic_cmd_policy));
	BUILD_BUG_ON(sizeof(struct espnic_cmd_sa) > ESPNIC_CMD_POST_BODY);

	hw->ipsec = ipsec;
	hw->release = release;
	hw->del.done = espnic_hw_deleted;
	hw->del.opcode = opcode;
	hw->del.len = sizeof(struct espnic_cmd_sa);
	refcount_set(&hw->refs, 1);
	spin_lock_init(&hw->lock);
}

void espnic_hw_set_id(struct espnic_hw *hw, u32 id)
{
	const struct espnic_cmd_sa body = { .handle = cpu_to_le32(id) };

	memcpy(hw->del.body, &body, sizeof(body));
}

bool espnic_hw_get(struct espnic_hw *hw)
{
	return refcount_inc_not_zero(&hw->refs);
}

void espnic_hw_put(struct espnic_hw *hw)
{
	if (refcount_dec_and_test(&hw->refs))
		hw->release(hw);
}

int espnic_hw_program(struct espnic_hw *hw, struct espnic_cmd_req *req)
{
	struct espnic_dev *edev = hw->ipsec->enet->edev;
	bool delete, refused;
	int err;

	lockdep_assert_held(&hw->ipsec->lock);
	spin_lock_bh(&hw->lock);
	if (hw->dead) {
		spin_unlock_bh(&hw->lock);
		return -ENOENT;
	}
	if (!hw->in_device) {
		hw->in_device = true;
		refcount_inc(&hw->refs);
	}
	hw->adding = true;
	spin_unlock_bh(&hw->lock);

	err = espnic_cmd_exec(edev, req);

	spin_lock_bh(&hw->lock);
	hw->adding = false;
	/*
	 * Without an answer it may yet stand in the device, until it is deleted or the device is
	 * reset.
	 */
	refused = err && err != -ETIMEDOUT && req->status != ESPNIC_CMD_NO_STATUS;
	if (refused)
		hw->in_device = false;
	if (!err)
		hw->wanted = true;
	delete = hw->dead && hw->in_device;
	spin_unlock_bh(&hw->lock);

	if (delete)
		espnic_cmd_post(edev, &hw->del);
	if (refused)
		espnic_hw_put(hw);
	return err;
}

void espnic_hw_delete(struct espnic_hw *hw)
{
	bool delete = false;

	spin_lock_bh(&hw->lock);
	if (!hw->dead) {
		WRITE_ONCE(hw->dead, true);
		/*
		 * Who is writing it just now deletes it afterwards: its command may overtake ours.
		 */
		delete = hw->in_device && !hw->adding;
	}
	spin_unlock_bh(&hw->lock);
	if (delete)
		espnic_cmd_post(hw->ipsec->enet->edev, &hw->del);
}

struct espnic_hw *espnic_hw_next(struct xarray *xa, unsigned long *index)
{
	struct espnic_hw *hw;

	rcu_read_lock();
	do {
		hw = xa_find_after(xa, index, ULONG_MAX, XA_PRESENT);
	} while (hw && !espnic_hw_get(hw));
	rcu_read_unlock();
	return hw;
}

int espnic_ipsec_refusal(struct espnic_ipsec *ipsec, const struct espnic_cmd_req *req, int err,
			 const char *what, u32 capacity, struct netlink_ext_ack *extack)
{
	switch (req->status) {
	case ESPNIC_CMD_STATUS_NO_SPACE:
		NL_SET_ERR_MSG_FMT_MOD(extack, "the device has no room for another %s: it holds %u",
				       what, capacity);
		break;
	case ESPNIC_CMD_STATUS_EXISTS:
		NL_SET_ERR_MSG_FMT_MOD(extack, "the device has this %s already: delete it first",
				       what);
		break;
	case ESPNIC_CMD_STATUS_BAD_FIELD:
	case ESPNIC_CMD_STATUS_UNSUPPORTED:
		NL_SET_ERR_MSG_FMT_MOD(extack, "the device refuses byte %u of the %s (status %u)",
				       req->detail, what, req->status);
		break;
	case ESPNIC_CMD_STATUS_ENGINE:
		NL_SET_ERR_MSG_FMT_MOD(extack, "the device's engine refuses the %s (verdict %u)",
				       what, req->detail);
		break;
	case ESPNIC_CMD_NO_STATUS:
		if (err == -ETIMEDOUT)
			NL_SET_ERR_MSG_MOD(extack, "the device does not answer and is being reset");
		else
			NL_SET_ERR_MSG_MOD(extack,
					   "the device is being reset or is gone: try again");
		break;
	default:
		NL_SET_ERR_MSG_FMT_MOD(extack, "the device refuses the %s (status %u)", what,
				       req->status);
	}
	return err;
}

/* ---- restoration ---- */

struct espnic_hw_set {
	struct espnic_hw **hw;
	size_t n;
};

static int espnic_hw_older(const void *a, const void *b)
{
	const struct espnic_hw *l = *(struct espnic_hw * const *)a;
	const struct espnic_hw *r = *(struct espnic_hw * const *)b;

	return l->age < r->age ? -1 : l->age > r->age;
}

static void espnic_hw_set_drop(struct espnic_hw_set *set)
{
	while (set->n)
		espnic_hw_put(set->hw[--set->n]);
	kvfree(set->hw);
}

/*
 * All objects of @xa with a reference each, oldest first: among equals the device goes by the
 * order of addition.
 */
static int espnic_hw_set_take(struct espnic_hw_set *set, struct xarray *xa)
{
	struct espnic_hw **more, *hw;
	unsigned long index = 0;
	size_t max = 0;

	set->n = 0;
	set->hw = NULL;
	while ((hw = espnic_hw_next(xa, &index))) {
		if (set->n == max) {
			max = max(2 * max, 64);
			more = kvrealloc(set->hw, array_size(max, sizeof(*more)), GFP_KERNEL);
			if (!more) {
				espnic_hw_put(hw);
				espnic_hw_set_drop(set);
				return -ENOMEM;
			}
			set->hw = more;
		}
		set->hw[set->n++] = hw;
	}
	sort(set->hw, set->n, sizeof(*set->hw), espnic_hw_older, NULL);
	return 0;
}

static int espnic_restore_sas(struct espnic_ipsec *ipsec)
{
	struct espnic_hw_set set;
	int err;
	size_t i;

	err = espnic_hw_set_take(&set, &ipsec->sas);
	if (err)
		return err;
	for (i = 0; i < set.n; i++) {
		struct espnic_sa *sa = espnic_hw_sa(set.hw[i]);

		/* Also of dead ones: their twins go on from there. */
		espnic_sa_keep_numbers(sa);
		sa->late = READ_ONCE(sa->dormant);
	}
	for (i = 0; !err && i < set.n; i++)
		if (!espnic_hw_sa(set.hw[i])->late)
			err = espnic_sa_restore(espnic_hw_sa(set.hw[i]));
	for (i = 0; !err && i < set.n; i++)
		if (espnic_hw_sa(set.hw[i])->late)
			err = espnic_sa_restore(espnic_hw_sa(set.hw[i]));
	espnic_hw_set_drop(&set);
	return err;
}

static int espnic_restore_policies(struct espnic_ipsec *ipsec)
{
	struct espnic_hw_set set;
	int err;
	size_t i;

	err = espnic_hw_set_take(&set, &ipsec->policies);
	if (err)
		return err;
	for (i = 0; !err && i < set.n; i++)
		err = espnic_policy_restore(set.hw[i]);
	espnic_hw_set_drop(&set);
	return err;
}

int espnic_ipsec_restore(struct espnic_net *enet)
{
	struct espnic_ipsec *ipsec = enet->ipsec;
	int err = 0;

	might_sleep();
	mutex_lock(&ipsec->lock);
	espnic_ipsec_mib_rebase(ipsec);
	if (!xa_empty(&ipsec->policies))
		err = espnic_restore_policies(ipsec);
	if (!err && !xa_empty(&ipsec->sas))
		err = espnic_restore_sas(ipsec);
	mutex_unlock(&ipsec->lock);
	return err;
}

/* ---- set-up ---- */

static const struct xfrmdev_ops espnic_xfrm_ops = {
	ESPNIC_XFRM_STATE_OPS,
	.xdo_dev_offload_ok	= espnic_xdo_offload_ok,
	.xdo_dev_policy_add	= espnic_xdo_policy_add,
	.xdo_dev_policy_delete	= espnic_xdo_policy_delete,
	.xdo_dev_policy_free	= espnic_xdo_policy_free,
};

/* Without packet offload in the device there are no policies in it, and the kernel says so. */
static const struct xfrmdev_ops espnic_xfrm_crypto_ops = {
	ESPNIC_XFRM_STATE_OPS,
#ifdef ESPNIC_NEED_OFFLOAD_OK
	.xdo_dev_offload_ok	= espnic_xdo_offload_ok,
#endif
};

bool espnic_ipsec_is_ours(const struct net_device *netdev)
{
	return netdev->xfrmdev_ops == &espnic_xfrm_ops ||
	       netdev->xfrmdev_ops == &espnic_xfrm_crypto_ops;
}

static bool espnic_ipsec_can_packet(const struct espnic_caps *caps)
{
	return (caps->ipsec & ESPNIC_CAP_IPSEC_PACKET) && caps->policies;
}

static bool espnic_ipsec_able(const struct espnic_caps *caps)
{
	return (espnic_ipsec_can_packet(caps) || (caps->ipsec & ESPNIC_CAP_IPSEC_CRYPTO)) &&
	       (caps->ipsec & (ESPNIC_CAP_IPSEC_TRANSPORT | ESPNIC_CAP_IPSEC_TUNNEL)) &&
	       caps->transforms && caps->sas;
}

int espnic_ipsec_init(struct espnic_net *enet)
{
	const struct espnic_caps *caps = &enet->edev->caps;
	struct espnic_ipsec *ipsec;
	int err = -ENOMEM;

	ipsec = kzalloc(sizeof(*ipsec), GFP_KERNEL);
	if (!ipsec)
		return -ENOMEM;
	ipsec->enet = enet;
	mutex_init(&ipsec->lock);
	xa_init_flags(&ipsec->sas, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_BH);
	xa_init_flags(&ipsec->policies, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_BH);
	INIT_DELAYED_WORK(&ipsec->poll, espnic_ipsec_poll);
	INIT_WORK(&ipsec->neigh, espnic_ipsec_neigh);
	/* Of its own: its work waits for the device, and must not hold up who resets it. */
	ipsec->wq = alloc_ordered_workqueue("espnic_ipsec@%s", 0, dev_name(enet->edev->dev));
	if (!ipsec->wq)
		goto err_free;
	err = espnic_spent_alloc(ipsec);
	if (err)
		goto err_wq;
	err = espnic_leases_alloc(ipsec);
	if (err)
		goto err_spent;
	ipsec->netevent.notifier_call = espnic_ipsec_netevent;
	err = register_netevent_notifier(&ipsec->netevent);
	if (err)
		goto err_leases;

	enet->ipsec = ipsec;
	if (espnic_ipsec_able(caps))
		enet->netdev->xfrmdev_ops = espnic_ipsec_can_packet(caps) ?
					    &espnic_xfrm_ops : &espnic_xfrm_crypto_ops;
	return 0;

err_leases:
	espnic_leases_free(ipsec);
err_spent:
	espnic_spent_free(ipsec);
err_wq:
	destroy_workqueue(ipsec->wq);
err_free:
	kfree(ipsec);
	return err;
}

void espnic_ipsec_cleanup(struct espnic_net *enet)
{
	struct espnic_ipsec *ipsec = enet->ipsec;

	unregister_netevent_notifier(&ipsec->netevent);
	cancel_delayed_work_sync(&ipsec->poll);
	cancel_work_sync(&ipsec->neigh);
	destroy_workqueue(ipsec->wq);
	WARN_ON(!xa_empty(&ipsec->sas) || !xa_empty(&ipsec->policies));
	/* espnic_sa_free_rcu() is ours, too. */
	rcu_barrier();
	espnic_leases_free(ipsec);
	espnic_spent_free(ipsec);
	enet->ipsec = NULL;
	kfree(ipsec);
}

netdev_features_t espnic_ipsec_features(const struct espnic_net *enet)
{
	const u32 tso = ESPNIC_CAP_OFFLOAD_TX_CSUM | ESPNIC_CAP_OFFLOAD_TSO4 |
			ESPNIC_CAP_OFFLOAD_TSO6;
	const struct espnic_caps *caps = &enet->edev->caps;
	netdev_features_t features = NETIF_F_HW_ESP;

	if (!espnic_ipsec_able(caps))
		return 0;
	if (!(caps->ipsec & ESPNIC_CAP_IPSEC_CRYPTO))
		return features;
	if ((caps->ipsec & ESPNIC_CAP_IPSEC_ESP_CSUM) &&
	    (caps->offload & ESPNIC_CAP_OFFLOAD_TX_CSUM))
		features |= NETIF_F_HW_ESP_TX_CSUM;
	if ((caps->ipsec & ESPNIC_CAP_IPSEC_ESP_GSO) && (caps->offload & tso) == tso)
		features |= NETIF_F_GSO_ESP;
	return features;
}

netdev_features_t espnic_ipsec_fix_features(netdev_features_t features)
{
	if (features & NETIF_F_HW_ESP)
		return features;
	return features & ~(NETIF_F_HW_ESP_TX_CSUM | NETIF_F_GSO_ESP);
}

int espnic_ipsec_set_features(struct espnic_net *enet, netdev_features_t features)
{
	struct espnic_ipsec *ipsec = enet->ipsec;

	if (features & NETIF_F_HW_ESP) {
		WRITE_ONCE(ipsec->off, false);
		return 0;
	}
	/* Another feature changes, and this one is off already. */
	if (ipsec->off)
		return 0;
	WRITE_ONCE(ipsec->off, true);
	/* Pairs with espnic_ipsec_check_on(). */
	smp_mb();
	/* xfrm flushes what is offloaded only from a device that has the feature. */
	if (!xa_empty(&ipsec->sas) || !xa_empty(&ipsec->policies)) {
		WRITE_ONCE(ipsec->off, false);
		netdev_err(enet->netdev,
			   "esp-hw-offload stays on: states or policies are offloaded\n");
		return -EBUSY;
	}
	return 0;
}

int espnic_ipsec_check_on(const struct espnic_ipsec *ipsec, struct netlink_ext_ack *extack)
{
	/* One of both sees the other: who adds that it is off, or who turns it off what was added. */
	smp_mb();
	if (!READ_ONCE(ipsec->off))
		return 0;
	NL_SET_ERR_MSG_MOD(extack, "esp-hw-offload of this interface is off");
	return -EOPNOTSUPP;
}

/* ---- counters ---- */

static const char espnic_ipsec_names[][ETH_GSTRING_LEN] = {
#define ESPNIC_IPSEC_STAT_NAME(name, doc)	"ipsec_" #name,
	ESPNIC_IPSEC_STATS(ESPNIC_IPSEC_STAT_NAME)
};

int espnic_ipsec_stats_count(const struct espnic_net *enet)
{
	return ARRAY_SIZE(espnic_ipsec_names);
}

void espnic_ipsec_stats_strings(const struct espnic_net *enet, u8 **data)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(espnic_ipsec_names); i++)
		ethtool_puts(data, espnic_ipsec_names[i]);
}

void espnic_ipsec_stats(struct espnic_net *enet, u64 *data)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(espnic_ipsec_names); i++)
		data[i] = atomic64_read(&enet->ipsec->stats[i]);
}
