// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the device to the stack.
 *
 * A buffer is a piece of a page_pool page: headroom, what the device writes, skb_shared_info. A
 * frame is one skb: its first buffer becomes the linear part without a copy, further ones
 * become fragments; a small frame is copied, and its buffer goes back to the device. There is
 * one completion a buffer, in ring order, so one index serves both rings.
 */
#include <linux/etherdevice.h>
#include <net/page_pool/helpers.h>

#include "espnic.h"

#define ESPNIC_RX_HEADROOM	(NET_SKB_PAD + NET_IP_ALIGN)
#define ESPNIC_RX_TAILROOM	SKB_DATA_ALIGN(sizeof(struct skb_shared_info))
/* Buffers a frame may take: the linear part and the fragments of an skb. */
#define ESPNIC_RX_BUFS_MAX	min(ESPNIC_MAX_RX_BUFS, MAX_SKB_FRAGS + 1u)

u32 espnic_rx_buf_len(u32 truesize)
{
	return truesize - ESPNIC_RX_HEADROOM - ESPNIC_RX_TAILROOM;
}

u32 espnic_rx_truesize(u32 mtu)
{
	/* Also a frame of the largest MTU fits into one skb of whole pages. */
	BUILD_BUG_ON((PAGE_SIZE - ESPNIC_RX_HEADROOM - ESPNIC_RX_TAILROOM) * ESPNIC_RX_BUFS_MAX <
		     ESPNIC_MAX_FRAME);
	BUILD_BUG_ON(ESPNIC_RX_TRUESIZE_SMALL - ESPNIC_RX_HEADROOM - ESPNIC_RX_TAILROOM <
		     ESPNIC_MIN_RX_BUF);

	if (mtu + ESPNIC_L2_LEN <= espnic_rx_buf_len(ESPNIC_RX_TRUESIZE_SMALL))
		return ESPNIC_RX_TRUESIZE_SMALL;
	return PAGE_SIZE;
}

static void espnic_rx_tell(struct espnic_dev *edev, struct espnic_rx_ring *ring)
{
	u32 old = ring->told;

	if (old == ring->tail)
		return;
	/* Descriptors before the tail that covers them. */
	dma_wmb();
	WRITE_ONCE(ring->ctrl->rx_tail, cpu_to_le32(ring->tail));
	ring->told = ring->tail;
	/* We look at its event index after writing the tail, it at the tail after writing its
	 * event index.
	 */
	mb();
	if (!espnic_doorbell_needed(ring->tail, old, le32_to_cpu(READ_ONCE(ring->ctrl->rx_event))))
		return;
	espnic_write(edev, ring->doorbell, ring->tail);
	u64_stats_update_begin(&ring->stats->syncp);
	u64_stats_inc(&ring->stats->doorbells);
	u64_stats_update_end(&ring->stats->syncp);
}

/* Puts a buffer at the tail, where there is room. */
static void espnic_rx_put(struct espnic_rx_ring *ring, struct page *page, u32 offset)
{
	struct espnic_rx_desc *desc = &ring->desc[ring->tail & ring->mask];
	struct espnic_rx_buf *buf = &ring->buf[ring->tail & ring->mask];

	buf->page = page;
	buf->offset = offset;
	desc->addr = cpu_to_le64(page_pool_get_dma_addr(page) + offset + ESPNIC_RX_HEADROOM);
	desc->len = cpu_to_le32(ring->buf_len);
	desc->reserved = 0;
	ring->tail++;
}

/* Gives the device all buffers there is room for; false if memory ran out. */
static bool espnic_rx_refill(struct espnic_queue *queue)
{
	struct espnic_rx_ring *ring = &queue->rx;
	u32 room = ring->mask + 1 - (ring->tail - ring->head);
	struct page *page;
	bool ok = true;
	u32 offset;

	if (room < ESPNIC_RX_REFILL_BATCH)
		room = 0;
	while (room--) {
		page = page_pool_dev_alloc_frag(ring->pool, &offset, ring->truesize);
		if (unlikely(!page)) {
			u64_stats_update_begin(&ring->stats->syncp);
			u64_stats_inc(&ring->stats->alloc_fail);
			u64_stats_update_end(&ring->stats->syncp);
			ok = false;
			break;
		}
		espnic_rx_put(ring, page, offset);
	}
	espnic_rx_tell(queue->enet->edev, ring);
	return ok;
}

bool espnic_rx_pending(const struct espnic_rx_ring *ring)
{
	u32 flags = le32_to_cpu(READ_ONCE(ring->cpl[ring->head & ring->mask].flags));

	return espnic_phase(flags, ESPNIC_RX_CPL_PHASE, ring->head, ring->log2);
}

/*
 * Can this be the completion of the buffer at the head, in the frame under way? Sets up the frame
 * if it is its first. What it names as lengths and counts is trusted from here on.
 */
static bool espnic_rx_check(struct espnic_queue *queue, const struct espnic_rx_cpl *cpl)
{
	struct espnic_rx_ring *ring = &queue->rx;
	u32 frame_len = le16_to_cpu(cpl->frame_len);
	u32 flags = le32_to_cpu(cpl->flags);
	u32 len = le16_to_cpu(cpl->len);
	bool first = !ring->frame_seen;
	bool last;

	if (ring->head == ring->tail || le16_to_cpu(cpl->index) != (u16)ring->head ||
	    cpl->queue != queue->index || !len || len > ring->buf_len)
		return false;
	if (first) {
		if (len < ETH_HLEN || frame_len > ESPNIC_MAX_FRAME || !cpl->buffers ||
		    cpl->buffers > ESPNIC_RX_BUFS_MAX)
			return false;
		ring->frame_len = frame_len;
		ring->frame_bufs = cpl->buffers;
		ring->frame_got = 0;
	} else if (frame_len != ring->frame_len || cpl->buffers != ring->frame_bufs) {
		return false;
	}
	last = ring->frame_seen + 1 == ring->frame_bufs;
	if (first != !!(flags & ESPNIC_RX_CPL_SOP) || last != !!(flags & ESPNIC_RX_CPL_EOP))
		return false;
	if (last)
		return ring->frame_got + len == ring->frame_len;
	return ring->frame_got + len < ring->frame_len;
}

/*
 * The first buffer of a frame as its skb, or NULL. Takes the buffer, or, where the frame is whole
 * and small, copies it and gives the buffer to the device again.
 */
static struct sk_buff *espnic_rx_skb(struct espnic_queue *queue, struct page *page, u32 offset,
				     u32 len)
{
	void *va = page_address(page) + offset;
	struct espnic_rx_ring *ring = &queue->rx;
	struct sk_buff *skb;

	if (len <= ESPNIC_RX_COPYBREAK && ring->frame_bufs == 1) {
		skb = napi_alloc_skb(&queue->napi, len);
		if (likely(skb)) {
			skb_put_data(skb, va + ESPNIC_RX_HEADROOM, len);
			u64_stats_update_begin(&ring->stats->syncp);
			u64_stats_inc(&ring->stats->copied);
			u64_stats_update_end(&ring->stats->syncp);
		}
		dma_sync_single_range_for_device(queue->enet->edev->dev,
						 page_pool_get_dma_addr(page),
						 offset + ESPNIC_RX_HEADROOM, len, DMA_FROM_DEVICE);
		espnic_rx_put(ring, page, offset);
		return skb;
	}
	skb = napi_build_skb(va, ring->truesize);
	if (unlikely(!skb)) {
		page_pool_recycle_direct(ring->pool, page);
		return NULL;
	}
	skb_mark_for_recycle(skb);
	skb_reserve(skb, ESPNIC_RX_HEADROOM);
	__skb_put(skb, len);
	return skb;
}

/*
 * Moves the buffer at the head into the frame under way, or back to its pool if that is being
 * thrown away.
 */
static void espnic_rx_take(struct espnic_queue *queue, u32 len)
{
	struct espnic_rx_ring *ring = &queue->rx;
	struct espnic_rx_buf *buf = &ring->buf[ring->head & ring->mask];
	struct page *page = buf->page;
	u32 offset = buf->offset;

	/* Its place may be the one it is put into again. */
	buf->page = NULL;
	ring->head++;
	dma_sync_single_range_for_cpu(queue->enet->edev->dev, page_pool_get_dma_addr(page),
				      offset + ESPNIC_RX_HEADROOM, len, DMA_FROM_DEVICE);
	if (!ring->frame_seen) {
		net_prefetch(page_address(page) + offset + ESPNIC_RX_HEADROOM);
		ring->skb = espnic_rx_skb(queue, page, offset, len);
	} else if (likely(ring->skb)) {
		skb_add_rx_frag(ring->skb, skb_shinfo(ring->skb)->nr_frags, page,
				offset + ESPNIC_RX_HEADROOM, len, ring->truesize);
	} else {
		page_pool_recycle_direct(ring->pool, page);
	}
	ring->frame_got += len;
	ring->frame_seen++;
}

static void espnic_rx_offload(struct espnic_queue *queue, struct sk_buff *skb,
			      const struct espnic_rx_cpl *cpl)
{
	struct net_device *netdev = queue->enet->netdev;
	struct espnic_rx_stats *stats = queue->rx.stats;
	u32 flags = le32_to_cpu(cpl->flags);

	if (netdev->features & NETIF_F_RXHASH) {
		if (flags & ESPNIC_RX_CPL_HASH_L4)
			skb_set_hash(skb, le32_to_cpu(cpl->hash), PKT_HASH_TYPE_L4);
		else if (flags & ESPNIC_RX_CPL_HASH_L3)
			skb_set_hash(skb, le32_to_cpu(cpl->hash), PKT_HASH_TYPE_L3);
	}
	/* A wrong checksum is the stack's to find and count: the device's word alone drops
	 * nothing.
	 */
	if (flags & ESPNIC_RX_CPL_L4_BAD) {
		u64_stats_inc(&stats->csum_bad);
	} else if ((flags & ESPNIC_RX_CPL_L4_GOOD) && (netdev->features & NETIF_F_RXCSUM)) {
		skb->ip_summed = CHECKSUM_UNNECESSARY;
		u64_stats_inc(&stats->csum_good);
	} else {
		u64_stats_inc(&stats->csum_none);
	}
}

/* The frame under way is whole: to the stack with it. */
static void espnic_rx_deliver(struct espnic_queue *queue, const struct espnic_rx_cpl *cpl)
{
	bool ipsec = le32_to_cpu(cpl->flags) & ESPNIC_RX_CPL_IPSEC;
	struct espnic_net *enet = queue->enet;
	struct espnic_rx_ring *ring = &queue->rx;
	struct espnic_rx_stats *stats = ring->stats;
	struct sk_buff *skb = ring->skb;
	bool drop = false;

	ring->skb = NULL;
	ring->frame_seen = 0;
	if (likely(skb)) {
		skb_record_rx_queue(skb, queue->index);
		skb->protocol = eth_type_trans(skb, enet->netdev);
		drop = ipsec && !espnic_ipsec_rx(enet, skb, cpl);
	}

	u64_stats_update_begin(&stats->syncp);
	if (unlikely(!skb)) {
		u64_stats_inc(&stats->drop_skb);
	} else if (unlikely(drop)) {
		u64_stats_inc(&stats->drop_ipsec);
	} else {
		u64_stats_inc(&stats->packets);
		u64_stats_add(&stats->bytes, ring->frame_len);
		if (ipsec)
			u64_stats_inc(&stats->ipsec);
		espnic_rx_offload(queue, skb, cpl);
	}
	u64_stats_update_end(&stats->syncp);

	if (unlikely(drop))
		kfree_skb(skb);
	else if (likely(skb))
		napi_gro_receive(&queue->napi, skb);
}

int espnic_rx_poll(struct espnic_queue *queue, int budget)
{
	struct espnic_rx_ring *ring = &queue->rx;
	struct espnic_rx_cpl cpl;
	int frames = 0;

	if (unlikely(queue->broken))
		return 0;
	while (frames < budget && espnic_rx_pending(ring)) {
		dma_rmb();
		/* One copy, so that what is checked is what is used. */
		memcpy(&cpl, &ring->cpl[ring->head & ring->mask], sizeof(cpl));
		if (unlikely(!espnic_rx_check(queue, &cpl))) {
			u64_stats_update_begin(&ring->stats->syncp);
			u64_stats_inc(&ring->stats->bad_cpl);
			u64_stats_update_end(&ring->stats->syncp);
			espnic_queue_break(queue, "impossible RX completion");
			return frames;
		}
		espnic_rx_take(queue, le16_to_cpu(cpl.len));
		if (ring->frame_seen == ring->frame_bufs) {
			espnic_rx_deliver(queue, &cpl);
			frames++;
		}
	}
	/* The device may write as many more. */
	WRITE_ONCE(ring->ctrl->rx_cpl_head, cpu_to_le32(ring->head));
	/* Without memory for buffers, try again: no interrupt will come to remind us. */
	return espnic_rx_refill(queue) ? frames : budget;
}

void espnic_rx_drain(struct espnic_queue *queue)
{
	struct espnic_rx_ring *ring = &queue->rx;

	kfree_skb(ring->skb);
	ring->skb = NULL;
	ring->frame_seen = 0;
	for (; ring->head != ring->tail; ring->head++) {
		struct espnic_rx_buf *buf = &ring->buf[ring->head & ring->mask];

		page_pool_put_full_page(ring->pool, buf->page, false);
		buf->page = NULL;
	}
}
