// SPDX-License-Identifier: GPL-2.0-only
/*
 * The next hop of outbound tunnels in packet mode. Linux leaves the Ethernet header of what it
 * forwards into a tunnel blank (xfrm_dev_direct_output()), and that of its own traffic it fills in
 * for the inner destination: who stands next on the way to the tunnel's other end is for the
 * driver to find, and to follow, by changes of neighbours and, as routes change without a word, by
 * looking again with each poll.
 */
#include <linux/etherdevice.h>
#include <net/arp.h>
#include <net/ip6_route.h>
#include <net/neighbour.h>
#include <net/netevent.h>
#include <net/route.h>

#include "ipsec.h"

static struct neighbour *espnic_neigh_v4(struct net *net, const struct net_device *netdev,
					 const struct xfrm_state *x)
{
	/* By this interface: the packet leaves here, whatever the routes say of others. */
	struct flowi4 fl4 = {
		.daddr		= x->id.daddr.a4,
		.saddr		= x->props.saddr.a4,
		.flowi4_oif	= netdev->ifindex,
		.flowi4_flags	= FLOWI_FLAG_ANYSRC,
	};
	struct neighbour *neigh;
	struct rtable *rt;

	rt = ip_route_output_key(net, &fl4);
	if (IS_ERR(rt))
		return NULL;
	neigh = dst_neigh_lookup(&rt->dst, &fl4.daddr);
	ip_rt_put(rt);
	return neigh;
}

static struct neighbour *espnic_neigh_v6(struct net *net, const struct net_device *netdev,
					 const struct xfrm_state *x)
{
#if IS_ENABLED(CONFIG_IPV6)
	struct flowi6 fl6 = {
		.daddr		= x->id.daddr.in6,
		.saddr		= x->props.saddr.in6,
		.flowi6_oif	= netdev->ifindex,
		.flowi6_flags	= FLOWI_FLAG_ANYSRC,
	};
	struct neighbour *neigh = NULL;
	struct dst_entry *dst;

	dst = ip6_route_output(net, NULL, &fl6);
	if (!dst->error)
		neigh = dst_neigh_lookup(dst, &fl6.daddr);
	dst_release(dst);
	return neigh;
#else
	return NULL;
#endif
}

int espnic_neigh_lookup(struct espnic_ipsec *ipsec, const struct xfrm_state *x,
			u8 dst_mac[ETH_ALEN], u8 src_mac[ETH_ALEN])
{
	struct net_device *netdev = ipsec->enet->netdev;
	struct net *net = dev_net(netdev);
	struct neighbour *neigh;
	int err = -EAGAIN;

	might_sleep();
	neigh = x->props.family == AF_INET ? espnic_neigh_v4(net, netdev, x)
					   : espnic_neigh_v6(net, netdev, x);
	if (IS_ERR_OR_NULL(neigh)) {
		espnic_ipsec_count(ipsec, ESPNIC_IPSEC_l2_unresolved);
		return -EHOSTUNREACH;
	}
	if (neigh->dev != netdev) {
		err = -EHOSTUNREACH;
		goto out;
	}
	/*
	 * As for packets that pass the stack: asks for an unknown address, and verifies a stale
	 * one.
	 */
	neigh_event_send(neigh, NULL);
	if (READ_ONCE(neigh->nud_state) & NUD_VALID) {
		neigh_ha_snapshot(dst_mac, neigh, netdev);
		ether_addr_copy(src_mac, netdev->dev_addr);
		/* The device takes no other. */
		if (is_valid_ether_addr(dst_mac) && is_valid_ether_addr(src_mac))
			err = 0;
	}
out:
	if (err)
		espnic_ipsec_count(ipsec, ESPNIC_IPSEC_l2_unresolved);
	neigh_release(neigh);
	return err;
}

void espnic_ipsec_neigh(struct work_struct *work)
{
	struct espnic_ipsec *ipsec = container_of(work, struct espnic_ipsec, neigh);
	unsigned long index = 0;
	struct espnic_hw *hw;

	while ((hw = espnic_hw_next(&ipsec->sas, &index))) {
		struct espnic_sa *sa = espnic_hw_sa(hw);

		if (sa->out && sa->packet && sa->tunnel)
			espnic_sa_sync(sa);
		espnic_hw_put(hw);
	}
}

void espnic_ipsec_mac_changed(struct espnic_net *enet)
{
	if (espnic_ipsec_in_use(enet))
		queue_work(enet->ipsec->wq, &enet->ipsec->neigh);
}

/* Atomic. */
int espnic_ipsec_netevent(struct notifier_block *nb, unsigned long event, void *data)
{
	struct espnic_ipsec *ipsec = container_of(nb, struct espnic_ipsec, netevent);
	const struct neighbour *neigh = data;

	if (event == NETEVENT_NEIGH_UPDATE && neigh->dev == ipsec->enet->netdev &&
	    !xa_empty(&ipsec->sas))
		queue_work(ipsec->wq, &ipsec->neigh);
	return NOTIFY_DONE;
}
