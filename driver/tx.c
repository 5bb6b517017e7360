// SPDX-License-Identifier: GPL-2.0-only
/* From the stack to the device, and the memory back when it is sent. */
#include <linux/etherdevice.h>
#include <linux/tcp.h>
#include <net/dst.h>
#include <net/xfrm.h>

#include "espnic.h"

#define ESPNIC_TX_WAKE	(2 * ESPNIC_TX_DESCS_MAX)

static_assert(BIT(ESPNIC_RING_LOG2_MIN) >= ESPNIC_TX_WAKE);

static u32 espnic_tx_room(const struct espnic_tx_ring *ring)
{
	return ring->mask + 1 - (ring->tail - READ_ONCE(ring->head));
}

static void espnic_tx_unmap(struct device *dev, struct espnic_tx_buf *buf)
{
	if (buf->page)
		dma_unmap_page(dev, buf->dma, buf->len, DMA_TO_DEVICE);
	else
		dma_unmap_single(dev, buf->dma, buf->len, DMA_TO_DEVICE);
	buf->len = 0;
}

/* Descriptor number @i of the packet at the tail. */
static void espnic_tx_put(struct espnic_tx_ring *ring, u32 i, dma_addr_t dma, u32 len, bool page)
{
	struct espnic_tx_desc *desc = &ring->desc[(ring->tail + i) & ring->mask];
	struct espnic_tx_buf *buf = &ring->buf[(ring->tail + i) & ring->mask];

	memset(desc, 0, sizeof(*desc));
	desc->addr = cpu_to_le64(dma);
	desc->len = cpu_to_le32(len);
	buf->skb = NULL;
	buf->descs = 0;
	buf->dma = dma;
	buf->len = len;
	buf->page = page;
}

/* Maps a packet and writes its descriptors' addresses from the tail on. Returns how many, or 0. */
static u32 espnic_tx_map(struct device *dev, struct espnic_tx_ring *ring, struct sk_buff *skb)
{
	u32 len = skb_headlen(skb);
	dma_addr_t dma;
	u32 n = 0;
	int i;

	dma = dma_map_single(dev, skb->data, len, DMA_TO_DEVICE);
	if (dma_mapping_error(dev, dma))
		return 0;
	espnic_tx_put(ring, n++, dma, len, false);

	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];

		len = skb_frag_size(frag);
		dma = skb_frag_dma_map(dev, frag, 0, len, DMA_TO_DEVICE);
		if (dma_mapping_error(dev, dma))
			goto err_unmap;
		espnic_tx_put(ring, n++, dma, len, true);
	}
	return n;

err_unmap:
	while (n--)
		espnic_tx_unmap(dev, &ring->buf[(ring->tail + n) & ring->mask]);
	return 0;
}

/* The offloads of a packet, in its first descriptor; and the frames it makes, in @first. */
static void espnic_tx_offload(struct espnic_tx_buf *first, struct espnic_tx_desc *desc,
			      const struct sk_buff *skb, const struct espnic_tx_meta *meta,
			      u16 flags)
{
	first->frames = 1;
	first->frame_bytes = skb->len;
	if (skb_is_gso(skb)) {
		u32 hdr_len = meta->ipsec ? meta->hdr_len : skb_tcp_all_headers(skb);

		flags |= ESPNIC_TX_DESC_TSO;
		desc->mss = cpu_to_le16(skb_shinfo(skb)->gso_size);
		desc->hdr_len = cpu_to_le16(hdr_len);
		first->frames = max_t(u16, skb_shinfo(skb)->gso_segs, 1);
		first->frame_bytes += (first->frames - 1) * hdr_len;
	} else if (skb->ip_summed == CHECKSUM_PARTIAL) {
		flags |= ESPNIC_TX_DESC_CSUM;
		desc->csum_start = cpu_to_le16(skb_checksum_start_offset(skb));
		desc->csum_offset = cpu_to_le16(skb->csum_offset);
	}
	if (meta->ipsec) {
		flags |= ESPNIC_TX_DESC_IPSEC;
		desc->esp_offset = cpu_to_le16(meta->esp_offset);
		desc->sa_handle = cpu_to_le32(meta->sa_handle);
		desc->seq_hi = cpu_to_le32(meta->seq_hi);
	}
	desc->flags = cpu_to_le16(flags);
}

/*
 * Tunnel traffic of packet offload that is forwarded comes with blank memory for an Ethernet
 * header (xfrm_dev_direct_output()), in which that of its reception may stand. The device writes
 * the addresses, by the SA, but must know from the type that this is IP, or it would not look for
 * a policy; and from a zero destination that without a next hop of the SA there is none. Only what
 * was routed to this interface can be such, and only while there are SAs: a frame whose source
 * somebody else rewrote is none of our business. 0 or -ENOMEM.
 */
static int espnic_tx_header(struct espnic_net *enet, struct sk_buff *skb)
{
	const struct net_device *netdev = enet->netdev;
	const struct dst_entry *dst = skb_dst(skb);
	bool routed = dst && dst->dev == netdev;
	struct ethhdr *eth = (struct ethhdr *)skb->data;

	/* Kept this far for that alone (netif_keep_dst()). */
	skb_dst_drop(skb);
	if (!routed || skb->sk || skb_vlan_tag_present(skb) || !espnic_ipsec_in_use(enet) ||
	    (skb->protocol != htons(ETH_P_IP) && skb->protocol != htons(ETH_P_IPV6)) ||
	    (eth->h_proto == skb->protocol && ether_addr_equal(eth->h_source, netdev->dev_addr)))
		return 0;
	if (skb_cow_head(skb, 0))
		return -ENOMEM;
	eth = (struct ethhdr *)skb->data;
	eth_zero_addr(eth->h_dest);
	ether_addr_copy(eth->h_source, netdev->dev_addr);
	eth->h_proto = skb->protocol;
	return 0;
}

/* Tells the device of all descriptors written, by doorbell only if it has stopped looking. */
static void espnic_tx_tell(struct espnic_dev *edev, struct espnic_tx_ring *ring)
{
	u32 old = ring->told;

	if (old == ring->tail)
		return;
	/* Descriptors before the tail that covers them. */
	dma_wmb();
	WRITE_ONCE(ring->ctrl->tx_tail, cpu_to_le32(ring->tail));
	ring->told = ring->tail;
	/* We look at its event index after writing the tail, it at the tail after writing its
	 * event index.
	 */
	mb();
	if (!espnic_doorbell_needed(ring->tail, old, le32_to_cpu(READ_ONCE(ring->ctrl->tx_event))))
		return;
	espnic_write(edev, ring->doorbell, ring->tail);
	u64_stats_update_begin(&ring->stats->send_syncp);
	u64_stats_inc(&ring->stats->doorbells);
	u64_stats_update_end(&ring->stats->send_syncp);
}

static void espnic_tx_count(struct espnic_tx_stats *stats, const struct sk_buff *skb, bool ipsec)
{
	u64_stats_update_begin(&stats->send_syncp);
	u64_stats_inc(&stats->packets);
	u64_stats_add(&stats->bytes, skb->len);
	if (skb_is_gso(skb)) {
		u64_stats_inc(&stats->tso_packets);
		u64_stats_add(&stats->tso_segs, skb_shinfo(skb)->gso_segs);
	}
	if (skb->ip_summed == CHECKSUM_PARTIAL)
		u64_stats_inc(&stats->csum);
	else
		u64_stats_inc(&stats->csum_none);
	if (ipsec)
		u64_stats_inc(&stats->ipsec);
	u64_stats_update_end(&stats->send_syncp);
}

static netdev_tx_t espnic_tx_drop(struct espnic_dev *edev, struct espnic_tx_ring *ring,
				  struct sk_buff *skb, u64_stats_t *reason)
{
	u64_stats_update_begin(&ring->stats->send_syncp);
	u64_stats_inc(reason);
	u64_stats_update_end(&ring->stats->send_syncp);
	dev_kfree_skb_any(skb);
	/* Packets before it may wait for the doorbell of this one. */
	if (!netdev_xmit_more())
		espnic_tx_tell(edev, ring);
	return NETDEV_TX_OK;
}

netdev_tx_t espnic_xmit(struct sk_buff *skb, struct net_device *netdev)
{
	struct espnic_net *enet = netdev_priv(netdev);
	u16 index = skb_get_queue_mapping(skb);
	struct espnic_dev *edev = enet->edev;
	struct espnic_tx_meta meta = {};
	struct espnic_tx_ring *ring;
	struct espnic_tx_buf *first;
	u32 n, max;
	u16 flags;

	if (unlikely(index >= enet->set->params.pairs)) {
		struct espnic_tx_stats *stats = &enet->tx_stats[index];

		u64_stats_update_begin(&stats->send_syncp);
		u64_stats_inc(&stats->drop_queue);
		u64_stats_update_end(&stats->send_syncp);
		dev_kfree_skb_any(skb);
		return NETDEV_TX_OK;
	}
	ring = &enet->set->queues[index]->tx;
	if (unlikely(espnic_tx_room(ring) < ESPNIC_TX_DESCS_MAX)) {
		netif_tx_stop_queue(ring->txq);
		espnic_tx_tell(edev, ring);
		return NETDEV_TX_BUSY;
	}

	max = min_t(u32, edev->caps.tx_segs, ESPNIC_TX_DESCS_MAX);
	if (espnic_tx_header(enet, skb) ||
	    (unlikely(skb_shinfo(skb)->nr_frags >= max) && skb_linearize(skb)))
		return espnic_tx_drop(edev, ring, skb, &ring->stats->drop_nomem);
	if (xfrm_offload(skb) && espnic_ipsec_tx(enet, skb, &meta))
		return espnic_tx_drop(edev, ring, skb, &ring->stats->drop_ipsec);
	if (unlikely(meta.ipsec && !espnic_ipsec_tx_can(enet, skb)))
		return espnic_tx_drop(edev, ring, skb, &ring->stats->drop_offload);

	n = espnic_tx_map(edev->dev, ring, skb);
	if (unlikely(!n))
		return espnic_tx_drop(edev, ring, skb, &ring->stats->drop_map);
	flags = ESPNIC_TX_DESC_SOP;
	if (espnic_ipsec_tx_marked(skb))
		flags |= ESPNIC_TX_DESC_PROTECT;
	first = &ring->buf[ring->tail & ring->mask];
	espnic_tx_offload(first, &ring->desc[ring->tail & ring->mask], skb, &meta, flags);
	ring->desc[(ring->tail + n - 1) & ring->mask].flags |= cpu_to_le16(ESPNIC_TX_DESC_EOP);

	first->skb = skb;
	first->descs = n;
	skb_tx_timestamp(skb);
	espnic_tx_count(ring->stats, skb, meta.ipsec);
	/* NAPI believes the device no further than this: what is behind it is whole. */
	smp_store_release(&ring->tail, ring->tail + n);

	if (!netif_txq_maybe_stop(ring->txq, espnic_tx_room(ring), ESPNIC_TX_DESCS_MAX,
				  ESPNIC_TX_WAKE)) {
		u64_stats_update_begin(&ring->stats->send_syncp);
		u64_stats_inc(&ring->stats->stops);
		u64_stats_update_end(&ring->stats->send_syncp);
	}
	if (__netdev_tx_sent_queue(ring->txq, skb->len, netdev_xmit_more()))
		espnic_tx_tell(edev, ring);
	return NETDEV_TX_OK;
}

bool espnic_tx_pending(const struct espnic_tx_ring *ring)
{
	u32 flags = le32_to_cpu(READ_ONCE(ring->cpl[ring->cpl_head & ring->mask].flags));

	return espnic_phase(flags, ESPNIC_TX_CPL_PHASE, ring->cpl_head, ring->log2);
}

/* What was freed: packets of the stack's, and the frames that became of them. */
struct espnic_tx_done {
	u32 packets;
	u32 bytes;
	u32 frames;
	u32 frame_bytes;
};

/* Frees the packet at the head. Returns its descriptors. */
static u32 espnic_tx_free(struct device *dev, struct espnic_tx_ring *ring, int budget,
			  struct espnic_tx_done *done)
{
	struct espnic_tx_buf *first = &ring->buf[ring->head & ring->mask];
	u32 n = first->descs;
	u32 i;

	for (i = 0; i < n; i++)
		espnic_tx_unmap(dev, &ring->buf[(ring->head + i) & ring->mask]);
	done->packets++;
	done->bytes += first->skb->len;
	done->frames += first->frames;
	done->frame_bytes += first->frame_bytes;
	napi_consume_skb(first->skb, budget);
	first->skb = NULL;
	first->descs = 0;
	WRITE_ONCE(ring->head, ring->head + n);
	return n;
}

/* Frees the packets before index @to. False if that is not a packet's end among those in flight. */
static bool espnic_tx_free_to(struct device *dev, struct espnic_tx_ring *ring, u32 to, int budget,
			      struct espnic_tx_done *done)
{
	u32 left = to - ring->head;

	/* Pairs with the release in espnic_xmit(). */
	if (!left || left > smp_load_acquire(&ring->tail) - ring->head)
		return false;
	while (left) {
		if (ring->buf[ring->head & ring->mask].descs > left)
			return false;
		left -= espnic_tx_free(dev, ring, budget, done);
	}
	return true;
}

bool espnic_tx_clean(struct espnic_queue *queue, int budget)
{
	struct device *dev = queue->enet->edev->dev;
	struct espnic_tx_ring *ring = &queue->tx;
	struct espnic_tx_done sent = {}, lost = {};
	u32 n, flags, head;
	bool bad = false;
	int woken;

	if (unlikely(queue->broken))
		return true;
	for (n = 0; n <= ring->mask && espnic_tx_pending(ring); n++) {
		const struct espnic_tx_cpl *cpl = &ring->cpl[ring->cpl_head & ring->mask];

		dma_rmb();
		head = le32_to_cpu(READ_ONCE(cpl->head));
		flags = le32_to_cpu(READ_ONCE(cpl->flags));
		ring->cpl_head++;
		if (!espnic_tx_free_to(dev, ring, head, budget,
				       flags & ESPNIC_TX_CPL_DROPPED ? &lost : &sent)) {
			bad = true;
			break;
		}
	}
	if (!n && !bad)
		return true;
	/* The device may write as many more. */
	WRITE_ONCE(ring->ctrl->tx_cpl_head, cpu_to_le32(ring->cpl_head));

	woken = netif_txq_completed_wake(ring->txq, sent.packets + lost.packets,
					 sent.bytes + lost.bytes, espnic_tx_room(ring),
					 ESPNIC_TX_WAKE);
	u64_stats_update_begin(&ring->stats->done_syncp);
	u64_stats_add(&ring->stats->sent, sent.frames);
	u64_stats_add(&ring->stats->sent_bytes, sent.frame_bytes);
	u64_stats_add(&ring->stats->dev_drops, lost.packets);
	if (!woken)
		u64_stats_inc(&ring->stats->wakes);
	if (bad)
		u64_stats_inc(&ring->stats->bad_cpl);
	u64_stats_update_end(&ring->stats->done_syncp);
	if (bad)
		espnic_queue_break(queue, "impossible TX completion");
	return n <= ring->mask;
}

void espnic_tx_drain(struct espnic_queue *queue)
{
	struct device *dev = queue->enet->edev->dev;
	struct espnic_tx_ring *ring = &queue->tx;
	struct espnic_tx_done done = {};

	while (ring->head != ring->tail)
		espnic_tx_free(dev, ring, 0, &done);
	netdev_tx_reset_queue(ring->txq);
	/* The device may have sent them, but did not say so. */
	u64_stats_update_begin(&ring->stats->done_syncp);
	u64_stats_add(&ring->stats->drop_stopped, done.packets);
	u64_stats_update_end(&ring->stats->done_syncp);
}
