// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queue pairs: memory, interrupt, NAPI, and the commands that make and end them.
 *
 * A queue set is allocated and freed apart from being started and stopped, so that a
 * reconfiguration has all its memory before it stops anything, and can go back.
 */
#include <linux/slab.h>
#include <net/page_pool/helpers.h>

#include "espnic.h"

/* Rings are aligned so in bus addresses. */
#define ESPNIC_RING_ALIGN	4096

static_assert(sizeof(struct espnic_queue_ctrl) == 128);

static irqreturn_t espnic_queue_irq(int irq, void *data)
{
	struct espnic_queue *queue = data;

	queue->interrupts++;
	napi_schedule_irqoff(&queue->napi);
	return IRQ_HANDLED;
}

/* Asks for an interrupt at the next completion of either direction. */
static void espnic_queue_arm(struct espnic_queue *queue)
{
	WRITE_ONCE(queue->ctrl->tx_arm, cpu_to_le32(queue->tx.cpl_head));
	WRITE_ONCE(queue->ctrl->rx_arm, cpu_to_le32(queue->rx.head));
	/* The device looks at these after writing a completion, we at the completions after
	 * writing these.
	 */
	mb();
}

/* Has net_dim() judge what came since the last time; it asks for espnic_queue_dim_work(). */
static void espnic_queue_dim(struct espnic_queue *queue)
{
	const struct espnic_rx_stats *stats = queue->rx.stats;
	struct dim_sample sample = {};

	if (!READ_ONCE(queue->enet->coalesce.rx_adaptive))
		return;
	dim_update_sample(READ_ONCE(queue->interrupts), u64_stats_read(&stats->packets),
			  u64_stats_read(&stats->bytes), &sample);
	espnic_net_dim(&queue->rx_dim, sample);
}

static int espnic_poll(struct napi_struct *napi, int budget)
{
	struct espnic_queue *queue = container_of(napi, struct espnic_queue, napi);
	bool tx_done;
	int done;

	tx_done = espnic_tx_clean(queue, budget);
	/* Netpoll: TX only. */
	if (!budget)
		return 0;
	done = espnic_rx_poll(queue, budget);
	if (unlikely(queue->broken)) {
		napi_complete_done(napi, done);
		return min(done, budget - 1);
	}
	if (!tx_done || done >= budget)
		return budget;

	if (napi_complete_done(napi, done)) {
		espnic_queue_dim(queue);
		espnic_queue_arm(queue);
		if (espnic_tx_pending(&queue->tx) || espnic_rx_pending(&queue->rx))
			napi_schedule(napi);
	}
	return done;
}

void espnic_queue_break(struct espnic_queue *queue, const char *what)
{
	queue->broken = true;
	if (net_ratelimit())
		netdev_err(queue->enet->netdev, "queue pair %u: %s\n", queue->index, what);
	espnic_request_restart(queue->enet->edev);
}

/* The rings and the control block, in one piece. */
static int espnic_queue_alloc_mem(struct espnic_queue *queue)
{
	struct espnic_tx_ring *tx = &queue->tx;
	struct espnic_rx_ring *rx = &queue->rx;
	size_t tx_size, tx_cpl_size, rx_size, rx_cpl_size;
	dma_addr_t dma;
	u8 *mem;

	tx_size = ALIGN(sizeof(*tx->desc) << tx->log2, ESPNIC_RING_ALIGN);
	tx_cpl_size = ALIGN(sizeof(*tx->cpl) << tx->log2, ESPNIC_RING_ALIGN);
	rx_size = ALIGN(sizeof(*rx->desc) << rx->log2, ESPNIC_RING_ALIGN);
	rx_cpl_size = ALIGN(sizeof(*rx->cpl) << rx->log2, ESPNIC_RING_ALIGN);
	queue->mem_size = tx_size + tx_cpl_size + rx_size + rx_cpl_size + sizeof(*queue->ctrl);
	queue->mem = dma_alloc_coherent(queue->enet->edev->dev, queue->mem_size, &dma, GFP_KERNEL);
	if (!queue->mem)
		return -ENOMEM;

	mem = queue->mem;
	queue->tx_dma = dma;
	tx->desc = (struct espnic_tx_desc *)mem;
	mem += tx_size;
	queue->tx_cpl_dma = queue->tx_dma + tx_size;
	tx->cpl = (struct espnic_tx_cpl *)mem;
	mem += tx_cpl_size;
	queue->rx_dma = queue->tx_cpl_dma + tx_cpl_size;
	rx->desc = (struct espnic_rx_desc *)mem;
	mem += rx_size;
	queue->rx_cpl_dma = queue->rx_dma + rx_size;
	rx->cpl = (struct espnic_rx_cpl *)mem;
	mem += rx_cpl_size;
	queue->ctrl_dma = queue->rx_cpl_dma + rx_cpl_size;
	queue->ctrl = (struct espnic_queue_ctrl *)mem;
	tx->ctrl = queue->ctrl;
	rx->ctrl = queue->ctrl;
	return 0;
}

static void espnic_queue_free(struct espnic_queue *queue)
{
	struct espnic_net *enet = queue->enet;

	if (queue->rx.pool) {
		page_pool_destroy(queue->rx.pool);
		netif_napi_del(&queue->napi);
	}
	if (queue->mem)
		dma_free_coherent(enet->edev->dev, queue->mem_size, queue->mem, queue->tx_dma);
	kvfree(queue->tx.buf);
	kvfree(queue->rx.buf);
	kfree(queue);
}

static struct espnic_queue *espnic_queue_alloc(struct espnic_net *enet,
					       const struct espnic_params *params, u16 index)
{
	struct page_pool_params pool = {
		.flags		= PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV,
		.nid		= NUMA_NO_NODE,
		.dev		= enet->edev->dev,
		.netdev		= enet->netdev,
		.queue_idx	= index,
		.dma_dir	= DMA_FROM_DEVICE,
		.max_len	= PAGE_SIZE,
	};
	struct espnic_queue *queue;
	struct espnic_tx_ring *tx;
	struct espnic_rx_ring *rx;
	int err = -ENOMEM;

	queue = kzalloc(sizeof(*queue), GFP_KERNEL);
	if (!queue)
		return ERR_PTR(-ENOMEM);
	tx = &queue->tx;
	rx = &queue->rx;
	queue->enet = enet;
	queue->index = index;
	tx->log2 = params->tx_log2;
	tx->mask = BIT(tx->log2) - 1;
	tx->doorbell = ESPNIC_REG_TX_DOORBELL + index * ESPNIC_REG_TX_DOORBELL_STRIDE;
	tx->stats = &enet->tx_stats[index];
	tx->txq = netdev_get_tx_queue(enet->netdev, index);
	rx->log2 = params->rx_log2;
	rx->mask = BIT(rx->log2) - 1;
	rx->doorbell = ESPNIC_REG_RX_DOORBELL + index * ESPNIC_REG_RX_DOORBELL_STRIDE;
	rx->stats = &enet->rx_stats[index];
	rx->truesize = espnic_rx_truesize(params->mtu);
	rx->buf_len = espnic_rx_buf_len(rx->truesize);

	tx->buf = kvcalloc(BIT(tx->log2), sizeof(*tx->buf), GFP_KERNEL);
	rx->buf = kvcalloc(BIT(rx->log2), sizeof(*rx->buf), GFP_KERNEL);
	if (!tx->buf || !rx->buf)
		goto err_free;
	err = espnic_queue_alloc_mem(queue);
	if (err)
		goto err_free;

	netif_napi_add(enet->netdev, &queue->napi, espnic_poll);
	pool.napi = &queue->napi;
	pool.pool_size = BIT(rx->log2) * rx->truesize / PAGE_SIZE;
	rx->pool = page_pool_create(&pool);
	if (IS_ERR(rx->pool)) {
		err = PTR_ERR(rx->pool);
		rx->pool = NULL;
		netif_napi_del(&queue->napi);
		goto err_free;
	}
	return queue;

err_free:
	espnic_queue_free(queue);
	return ERR_PTR(err);
}

void espnic_queues_free(struct espnic_net *enet, struct espnic_queue_set *set)
{
	int i;

	for (i = 0; i < set->params.pairs; i++)
		if (set->queues[i])
			espnic_queue_free(set->queues[i]);
	kfree(set);
}

struct espnic_queue_set *espnic_queues_alloc(struct espnic_net *enet,
					     const struct espnic_params *params)
{
	struct espnic_queue_set *set;
	struct espnic_queue *queue;
	int i;

	set = kzalloc(sizeof(*set), GFP_KERNEL);
	if (!set)
		return ERR_PTR(-ENOMEM);
	set->params = *params;
	for (i = 0; i < params->pairs; i++) {
		queue = espnic_queue_alloc(enet, params, i);
		if (IS_ERR(queue)) {
			espnic_queues_free(enet, set);
			return ERR_CAST(queue);
		}
		set->queues[i] = queue;
	}
	return set;
}

static int espnic_queue_create(struct espnic_queue *queue)
{
	struct espnic_dev *edev = queue->enet->edev;
	struct espnic_cmd_queue_create body = {
		.queue		= cpu_to_le32(queue->index),
		.tx_log2	= queue->tx.log2,
		.rx_log2	= queue->rx.log2,
		.vector		= cpu_to_le16(1 + queue->index),
		.tx_addr	= cpu_to_le64(queue->tx_dma),
		.tx_cpl_addr	= cpu_to_le64(queue->tx_cpl_dma),
		.rx_addr	= cpu_to_le64(queue->rx_dma),
		.rx_cpl_addr	= cpu_to_le64(queue->rx_cpl_dma),
		.ctrl_addr	= cpu_to_le64(queue->ctrl_dma),
	};
	struct espnic_cmd_req req = {
		.opcode	= ESPNIC_OPCODE_QUEUE_CREATE,
		.body	= &body,
		.len	= sizeof(body),
	};
	int err;

	err = espnic_cmd_exec(edev, &req);
	queue->created = !err;
	/* Without an answer the device may yet make it, over memory that our caller frees. */
	if (err && err != -ENODEV && req.status == ESPNIC_CMD_NO_STATUS)
		espnic_silence(edev);
	return err;
}

/* Afterwards the device does not touch the queue's memory: by its word, or by force. */
static void espnic_queue_destroy(struct espnic_queue *queue)
{
	struct espnic_cmd_queue body = { .queue = cpu_to_le32(queue->index) };
	struct espnic_dev *edev = queue->enet->edev;
	struct espnic_cmd_req req = {
		.opcode	= ESPNIC_OPCODE_QUEUE_DESTROY,
		.body	= &body,
		.len	= sizeof(body),
	};

	if (!queue->created)
		return;
	if (espnic_cmd_exec(edev, &req))
		espnic_silence(edev);
	queue->created = false;
}

/* enet->moderation_lock. */
static int espnic_queue_moderate(struct espnic_queue *queue)
{
	const struct espnic_coalesce *coalesce = &queue->enet->coalesce;
	struct espnic_cmd_queue_moderation body = {
		.queue		= cpu_to_le32(queue->index),
		.tx_usecs	= cpu_to_le32(coalesce->tx_usecs),
		.tx_frames	= cpu_to_le32(coalesce->tx_frames),
		.rx_usecs	= cpu_to_le32(coalesce->rx_usecs),
		.rx_frames	= cpu_to_le32(coalesce->rx_frames),
	};
	struct dim_cq_moder moder;
	struct espnic_cmd_req req = {
		.opcode	= ESPNIC_OPCODE_QUEUE_MODERATION,
		.body	= &body,
		.len	= sizeof(body),
	};

	if (coalesce->rx_adaptive) {
		moder = net_dim_get_rx_moderation(queue->rx_dim.mode, queue->rx_dim.profile_ix);
		body.rx_usecs = cpu_to_le32(moder.usec);
		body.rx_frames = cpu_to_le32(moder.pkts);
	}
	return espnic_cmd_exec(queue->enet->edev, &req);
}

/* Sends what net_dim() decided; should a reset come in between, starting the queue does. */
static void espnic_queue_dim_work(struct work_struct *work)
{
	struct dim *dim = container_of(work, struct dim, work);
	struct espnic_queue *queue = container_of(dim, struct espnic_queue, rx_dim);
	struct espnic_net *enet = queue->enet;

	mutex_lock(&enet->moderation_lock);
	if (enet->coalesce.rx_adaptive)
		espnic_queue_moderate(queue);
	mutex_unlock(&enet->moderation_lock);
	dim->state = DIM_START_MEASURE;
}

int espnic_queues_moderate(struct espnic_net *enet)
{
	struct espnic_queue_set *set = enet->set;
	int err = 0;
	int i;

	if (!set || !(enet->edev->caps.offload & ESPNIC_CAP_OFFLOAD_MODERATION))
		return 0;
	for (i = 0; i < set->params.pairs && !err; i++)
		err = espnic_queue_moderate(set->queues[i]);
	return err;
}

static void espnic_queue_init(struct espnic_queue *queue)
{
	struct espnic_tx_ring *tx = &queue->tx;
	struct espnic_rx_ring *rx = &queue->rx;

	memset(queue->mem, 0, queue->mem_size);
	tx->tail = 0;
	tx->told = 0;
	tx->head = 0;
	tx->cpl_head = 0;
	rx->tail = 0;
	rx->told = 0;
	rx->head = 0;
	rx->frame_seen = 0;
	queue->broken = false;
	queue->looked = false;
	queue->interrupts = 0;
	memset(&queue->rx_dim, 0, sizeof(queue->rx_dim));
	INIT_WORK(&queue->rx_dim.work, espnic_queue_dim_work);
	queue->rx_dim.mode = DIM_CQ_PERIOD_MODE_START_FROM_EQE;
}

static int espnic_queue_irq_vector(struct espnic_queue *queue)
{
	return pci_irq_vector(queue->enet->edev->pdev, 1 + queue->index);
}

static int espnic_queue_start(struct espnic_queue *queue)
{
	struct net_device *netdev = queue->enet->netdev;
	int irq = espnic_queue_irq_vector(queue);
	int err;

	espnic_queue_init(queue);
	snprintf(queue->irq_name, sizeof(queue->irq_name), "%s-%u", netdev->name, queue->index);
	err = request_irq(irq, espnic_queue_irq, 0, queue->irq_name, queue);
	if (err)
		return err;
	err = espnic_queue_create(queue);
	if (err) {
		free_irq(irq, queue);
		return err;
	}
	netif_napi_set_irq(&queue->napi, irq);
	napi_enable(&queue->napi);
	netif_queue_set_napi(netdev, queue->index, NETDEV_QUEUE_TYPE_RX, &queue->napi);
	netif_queue_set_napi(netdev, queue->index, NETDEV_QUEUE_TYPE_TX, &queue->napi);
	/* Gives the device its first buffers, and arms the interrupts. */
	local_bh_disable();
	napi_schedule(&queue->napi);
	local_bh_enable();
	return 0;
}

static void espnic_queue_quiesce(struct espnic_queue *queue)
{
	struct net_device *netdev = queue->enet->netdev;

	free_irq(espnic_queue_irq_vector(queue), queue);
	netif_queue_set_napi(netdev, queue->index, NETDEV_QUEUE_TYPE_RX, NULL);
	netif_queue_set_napi(netdev, queue->index, NETDEV_QUEUE_TYPE_TX, NULL);
	napi_disable(&queue->napi);
	cancel_work_sync(&queue->rx_dim.work);
}

static void espnic_port_enable(struct espnic_net *enet, bool enable)
{
	mutex_lock(&enet->port_lock);
	enet->port_enabled = enable;
	mutex_unlock(&enet->port_lock);
}

int espnic_queues_start(struct espnic_net *enet)
{
	struct espnic_queue_set *set = enet->set;
	int err, i;

	for (i = 0; i < set->params.pairs; i++) {
		err = espnic_queue_start(set->queues[i]);
		if (err)
			goto err_queues;
	}
	set->live = true;
	mutex_lock(&enet->moderation_lock);
	err = espnic_queues_moderate(enet);
	mutex_unlock(&enet->moderation_lock);
	if (!err)
		err = espnic_rss_set(enet);
	if (err)
		goto err_queues;
	espnic_port_enable(enet, true);
	err = espnic_port_set(enet);
	if (err)
		goto err_port;
	return 0;

err_port:
	espnic_port_enable(enet, false);
err_queues:
	set->live = false;
	while (i--) {
		espnic_queue_quiesce(set->queues[i]);
		espnic_queue_destroy(set->queues[i]);
	}
	espnic_queues_drain(enet);
	return err;
}

void espnic_queues_quiesce(struct espnic_net *enet)
{
	struct espnic_queue_set *set = enet->set;
	int i;

	if (!set || !set->live)
		return;
	for (i = 0; i < set->params.pairs; i++)
		espnic_queue_quiesce(set->queues[i]);
	/* Last, as NAPI wakes TX queues. Waits for senders under way. */
	netif_tx_disable(enet->netdev);
	set->live = false;
	espnic_port_enable(enet, false);
}

/* Completions that nobody reads: NAPI waits for an interrupt, which should have come long ago. */
static void espnic_queue_look(struct espnic_queue *queue)
{
	u32 tx = READ_ONCE(queue->tx.cpl_head), rx = READ_ONCE(queue->rx.head);
	bool waits;

	waits = !queue->broken && !test_bit(NAPI_STATE_SCHED, &queue->napi.state) &&
		(espnic_tx_pending(&queue->tx) || espnic_rx_pending(&queue->rx));
	if (waits && queue->looked && tx == queue->look_tx && rx == queue->look_rx) {
		atomic_inc(&queue->enet->edev->lost_irqs);
		local_bh_disable();
		napi_schedule(&queue->napi);
		local_bh_enable();
		waits = false;
	}
	queue->looked = waits;
	queue->look_tx = tx;
	queue->look_rx = rx;
}

void espnic_queues_look(struct espnic_net *enet)
{
	struct espnic_queue_set *set = enet->set;
	int i;

	if (!set || !set->live)
		return;
	for (i = 0; i < set->params.pairs; i++)
		espnic_queue_look(set->queues[i]);
}

void espnic_queues_drain(struct espnic_net *enet)
{
	struct espnic_queue_set *set = enet->set;
	int i;

	for (i = 0; i < set->params.pairs; i++) {
		espnic_tx_drain(set->queues[i]);
		espnic_rx_drain(set->queues[i]);
	}
}

void espnic_queues_stop(struct espnic_net *enet)
{
	struct espnic_queue_set *set = enet->set;
	int i;

	if (set->live) {
		/* No new frames; a device that does not answer loses its queues below all the
		 * same.
		 */
		espnic_port_enable(enet, false);
		espnic_port_set(enet);
	}
	espnic_queues_quiesce(enet);
	for (i = 0; i < set->params.pairs; i++)
		espnic_queue_destroy(set->queues[i]);
	espnic_queues_drain(enet);
}
