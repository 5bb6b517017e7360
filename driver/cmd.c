// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command ring, the event ring, and vector 0 that serves both.
 *
 * A command's id is its slot in the ring. Answers may come in any order, so the slot at the
 * tail may still be busy when others are free; the ring then counts as full. A slot whose
 * caller gave up stays busy until the device answers it or is reset: until then the device may
 * write to its response buffer.
 */
#include <linux/slab.h>
#include <linux/string.h>

#include "espnic.h"

#define ESPNIC_CMD_SLOTS	BIT(ESPNIC_CMD_LOG2)
#define ESPNIC_CMD_MASK		(ESPNIC_CMD_SLOTS - 1)
#define ESPNIC_EVQ_ENTRIES	BIT(ESPNIC_EVQ_LOG2)
#define ESPNIC_EVQ_MASK		(ESPNIC_EVQ_ENTRIES - 1)
#define ESPNIC_CMD_SQ_BYTES	(ESPNIC_CMD_SLOTS * sizeof(struct espnic_cmd_entry))
#define ESPNIC_CMD_CQ_BYTES	(ESPNIC_CMD_SLOTS * sizeof(struct espnic_cmd_cpl))
#define ESPNIC_CMD_RESP_BYTES	(ESPNIC_CMD_SLOTS * ESPNIC_CMD_RESP_SIZE)
#define ESPNIC_EVQ_BYTES	(ESPNIC_EVQ_ENTRIES * sizeof(struct espnic_event))

static_assert(ESPNIC_CMD_LOG2 >= ESPNIC_CMD_LOG2_MIN && ESPNIC_CMD_LOG2 <= ESPNIC_CMD_LOG2_MAX);
static_assert(ESPNIC_EVQ_LOG2 >= ESPNIC_EVQ_LOG2_MIN && ESPNIC_EVQ_LOG2 <= ESPNIC_EVQ_LOG2_MAX);
static_assert(ESPNIC_CMD_RESERVED < ESPNIC_CMD_SLOTS);

/* What espnic_cmd_exec() waits with; on its stack, taken out of the slot before it returns. */
struct espnic_cmd_wait {
	struct espnic_cmd_req *req;
	struct completion done;
	int err;
};

static int espnic_cmd_errno(u16 status)
{
	switch (status) {
	case ESPNIC_CMD_STATUS_OK:
		return 0;
	case ESPNIC_CMD_STATUS_BAD_LENGTH:
	case ESPNIC_CMD_STATUS_BAD_FIELD:
	case ESPNIC_CMD_STATUS_BAD_HANDLE:
		return -EINVAL;
	case ESPNIC_CMD_STATUS_BAD_OPCODE:
	case ESPNIC_CMD_STATUS_UNSUPPORTED:
		return -EOPNOTSUPP;
	case ESPNIC_CMD_STATUS_NOT_FOUND:
		return -ENOENT;
	case ESPNIC_CMD_STATUS_EXISTS:
		return -EEXIST;
	case ESPNIC_CMD_STATUS_NO_SPACE:
		return -ENOSPC;
	case ESPNIC_CMD_STATUS_BUSY:
		return -EBUSY;
	case ESPNIC_CMD_STATUS_NOT_COMMITTED:
		return -EPERM;
	case ESPNIC_CMD_STATUS_DMA_ERROR:
	case ESPNIC_CMD_STATUS_ENGINE:
		return -EIO;
	case ESPNIC_CMD_STATUS_TIMEOUT:
		return -ETIMEDOUT;
	default:
		return -EPROTO;
	}
}

static bool espnic_cmd_tail_free(const struct espnic_cmd *cmd)
{
	return !cmd->slots[cmd->tail & ESPNIC_CMD_MASK].busy;
}

/* Room for process context: the reserve stays free, and nothing posted is overtaken. */
static bool espnic_cmd_has_room(const struct espnic_cmd *cmd)
{
	return espnic_cmd_tail_free(cmd) && list_empty(&cmd->posts) &&
	       cmd->busy < ESPNIC_CMD_SLOTS - ESPNIC_CMD_RESERVED;
}

/*
 * Writes a command into the slot at the tail, which is free, and tells the device. Under
 * cmd->lock.
 */
static struct espnic_cmd_slot *espnic_cmd_send(struct espnic_dev *edev, u16 opcode,
					       const void *body, u16 len, u32 resp_len)
{
	struct espnic_cmd *cmd = &edev->cmd;
	u32 i = cmd->tail & ESPNIC_CMD_MASK;
	struct espnic_cmd_entry *entry = &cmd->sq[i];
	struct espnic_cmd_slot *slot = &cmd->slots[i];

	memset(&entry->hdr, 0, sizeof(entry->hdr));
	entry->hdr.opcode = cpu_to_le16(opcode);
	entry->hdr.id = cpu_to_le16(i);
	entry->hdr.len = cpu_to_le16(len);
	if (resp_len) {
		entry->hdr.resp_addr = cpu_to_le64(cmd->resp_dma + i * ESPNIC_CMD_RESP_SIZE);
		entry->hdr.resp_len = cpu_to_le32(resp_len);
	}
	if (len)
		memcpy(entry->body, body, len);

	slot->busy = true;
	slot->opcode = opcode;
	slot->resp_len = resp_len;
	cmd->busy++;
	cmd->sent++;
	cmd->tail++;
	/* The write orders the entry before itself. */
	espnic_write(edev, ESPNIC_REG_CMD_DOORBELL, cmd->tail);
	return slot;
}

/* Sends what was posted while the ring was full. Under cmd->lock. */
static void espnic_cmd_send_posts(struct espnic_dev *edev)
{
	struct espnic_cmd *cmd = &edev->cmd;
	struct espnic_cmd_post *post, *next;

	if (!cmd->up)
		return;
	list_for_each_entry_safe(post, next, &cmd->posts, node) {
		if (!espnic_cmd_tail_free(cmd))
			return;
		list_del_init(&post->node);
		espnic_cmd_send(edev, post->opcode, post->body, post->len,
				post->resp_len)->post = post;
	}
}

static void espnic_cmd_post_done(struct espnic_dev *edev, struct espnic_cmd_post *post,
				 const struct espnic_cmd_result *result)
{
	struct espnic_cmd *cmd = &edev->cmd;
	unsigned long irq;

	post->done(edev, post, result);
	spin_lock_irqsave(&cmd->lock, irq);
	cmd->posted--;
	spin_unlock_irqrestore(&cmd->lock, irq);
	wake_up_all(&cmd->room);
}

/*
 * The device cannot be trusted with commands any more: nobody shall wait for its answers until
 * it is reset.
 */
static void espnic_cmd_fail(struct espnic_dev *edev, const char *why)
{
	espnic_cmd_abort(edev);
	espnic_request_reset(edev, why);
}

/*
 * Waits for the answer, for @left jiffies at most. Meanwhile looks whether the device is still
 * there, which ends the wait if not: the service, which looks too, may wait for the RTNL that our
 * caller holds.
 */
static bool espnic_cmd_answered(struct espnic_dev *edev, struct espnic_cmd_wait *wait,
				unsigned long left)
{
	unsigned long some;

	while (left) {
		some = min(left, msecs_to_jiffies(ESPNIC_CMD_LOOK_MS));
		if (wait_for_completion_timeout(&wait->done, some))
			return true;
		left -= some;
		espnic_read(edev, ESPNIC_REG_STATUS);
		espnic_cmd_look(edev);
	}
	return false;
}

int espnic_cmd_exec(struct espnic_dev *edev, struct espnic_cmd_req *req)
{
	unsigned long left = msecs_to_jiffies(ESPNIC_CMD_WAIT_MS);
	struct espnic_cmd_wait wait = { .req = req };
	struct espnic_cmd *cmd = &edev->cmd;
	struct espnic_cmd_slot *slot;
	bool answered;

	might_sleep();
	req->status = ESPNIC_CMD_NO_STATUS;
	req->detail = 0;
	req->value = 0;
	if (WARN_ON_ONCE(req->len > sizeof_field(struct espnic_cmd_entry, body) ||
			 req->resp_len > ESPNIC_CMD_RESP_SIZE))
		return -EINVAL;

	init_completion(&wait.done);
	spin_lock_irq(&cmd->lock);
	left = wait_event_lock_irq_timeout(cmd->room, !cmd->up || espnic_cmd_has_room(cmd),
					   cmd->lock, left);
	if (!cmd->up) {
		spin_unlock_irq(&cmd->lock);
		return -ENODEV;
	}
	if (!left) {
		cmd->timeouts++;
		spin_unlock_irq(&cmd->lock);
		espnic_cmd_fail(edev, "the command ring stayed full");
		return -ETIMEDOUT;
	}
	slot = espnic_cmd_send(edev, req->opcode, req->body, req->len, req->resp_len);
	slot->wait = &wait;
	spin_unlock_irq(&cmd->lock);

	if (espnic_cmd_answered(edev, &wait, left))
		return wait.err;

	spin_lock_irq(&cmd->lock);
	answered = completion_done(&wait.done);
	if (!answered) {
		slot->wait = NULL;
		cmd->timeouts++;
	}
	spin_unlock_irq(&cmd->lock);
	if (answered)
		return wait.err;
	espnic_cmd_fail(edev, "a command was not answered");
	return -ETIMEDOUT;
}

void espnic_cmd_post(struct espnic_dev *edev, struct espnic_cmd_post *post)
{
	struct espnic_cmd *cmd = &edev->cmd;
	unsigned long irq;
	bool up;

	if (WARN_ON_ONCE(post->resp_len > ESPNIC_CMD_POST_RESP))
		post->resp_len = 0;
	spin_lock_irqsave(&cmd->lock, irq);
	up = cmd->up;
	cmd->posted++;
	list_add_tail(&post->node, &cmd->posts);
	espnic_cmd_send_posts(edev);
	spin_unlock_irqrestore(&cmd->lock, irq);
	if (!up)
		espnic_service_now(edev);
}

/* Is there no more to come of what the device did, by packets or in memory? */
static bool espnic_cmd_is_over(const struct espnic_dev *edev)
{
	return espnic_gone(edev) || test_bit(ESPNIC_DEV_QUIET, &edev->flags);
}

void espnic_cmd_reap(struct espnic_dev *edev)
{
	const struct espnic_cmd_result result = { .err = -ECANCELED };
	struct espnic_cmd *cmd = &edev->cmd;
	struct espnic_cmd_post *post, *next;
	LIST_HEAD(canceled);

	spin_lock_irq(&cmd->lock);
	if (!cmd->up && espnic_cmd_is_over(edev))
		list_splice_init(&cmd->posts, &canceled);
	spin_unlock_irq(&cmd->lock);
	list_for_each_entry_safe(post, next, &canceled, node) {
		list_del_init(&post->node);
		espnic_cmd_post_done(edev, post, &result);
	}
}

void espnic_cmd_abort(struct espnic_dev *edev)
{
	struct espnic_cmd *cmd = &edev->cmd;
	unsigned long irq;
	u32 i;

	spin_lock_irqsave(&cmd->lock, irq);
	if (cmd->up) {
		cmd->up = false;
		for (i = 0; i < ESPNIC_CMD_SLOTS; i++) {
			struct espnic_cmd_slot *slot = &cmd->slots[i];

			if (slot->wait) {
				slot->wait->err = -ECANCELED;
				complete(&slot->wait->done);
			}
			if (slot->post)
				list_add_tail(&slot->post->node, &cmd->posts);
			memset(slot, 0, sizeof(*slot));
		}
		cmd->busy = 0;
		memzero_explicit(cmd->sq, ESPNIC_CMD_SQ_BYTES);
		memzero_explicit(cmd->resp, ESPNIC_CMD_RESP_BYTES);
	}
	spin_unlock_irqrestore(&cmd->lock, irq);
	wake_up_all(&cmd->room);
}

void espnic_cmd_stop(struct espnic_dev *edev)
{
	espnic_cmd_abort(edev);
	espnic_cmd_reap(edev);
}

/* Is there nothing to wait for? What was posted to closed rings ends with espnic_cmd_stop(). */
static bool espnic_cmd_idle(struct espnic_cmd *cmd)
{
	bool idle;

	spin_lock_irq(&cmd->lock);
	idle = !cmd->posted || !cmd->up;
	spin_unlock_irq(&cmd->lock);
	return idle;
}

void espnic_cmd_flush(struct espnic_dev *edev)
{
	struct espnic_cmd *cmd = &edev->cmd;

	espnic_cmd_reap(edev);
	if (!wait_event_timeout(cmd->room, espnic_cmd_idle(cmd),
				msecs_to_jiffies(ESPNIC_CMD_WAIT_MS)))
		dev_warn(edev->dev, "posted commands were not answered in time\n");
}

/*
 * Takes an answer: wakes its waiter, or gives its post back in @post, with its result in
 * @result, for a call without the lock. False if it answers nothing that was asked. Under
 * cmd->lock.
 */
static bool espnic_cmd_complete(struct espnic_dev *edev, const struct espnic_cmd_cpl *cpl,
				struct espnic_cmd_post **post, struct espnic_cmd_result *result)
{
	u32 resp_len = le32_to_cpu(cpl->resp_len);
	const u8 *resp;
	u16 status = le16_to_cpu(cpl->status);
	struct espnic_cmd *cmd = &edev->cmd;
	int err = espnic_cmd_errno(status);
	u32 i = le16_to_cpu(cpl->id);
	struct espnic_cmd_wait *wait;
	struct espnic_cmd_slot *slot;

	*post = NULL;
	result->err = err;
	result->resp_len = 0;
	if (i >= ESPNIC_CMD_SLOTS)
		return false;
	slot = &cmd->slots[i];
	if (!slot->busy || le16_to_cpu(cpl->opcode) != slot->opcode || resp_len > slot->resp_len)
		return false;
	if (err)
		cmd->refused++;

	resp = cmd->resp + i * ESPNIC_CMD_RESP_SIZE;
	wait = slot->wait;
	if (wait) {
		if (resp_len)
			memcpy(wait->req->resp, resp, resp_len);
		wait->req->resp_len = resp_len;
		wait->req->status = status;
		wait->req->detail = le32_to_cpu(cpl->detail);
		wait->req->value = le64_to_cpu(cpl->value);
		wait->err = err;
		complete(&wait->done);
	}
	*post = slot->post;
	if (*post) {
		memcpy(result->resp, resp, resp_len);
		result->resp_len = resp_len;
	}

	/* Bodies may hold keys. */
	memzero_explicit(&cmd->sq[i], sizeof(cmd->sq[i]));
	if (slot->resp_len)
		memzero_explicit(cmd->resp + i * ESPNIC_CMD_RESP_SIZE, ESPNIC_CMD_RESP_SIZE);
	memset(slot, 0, sizeof(*slot));
	cmd->busy--;
	return true;
}

/* Handles up to @budget command completions; returns how many there were. */
static u32 espnic_cmd_poll(struct espnic_dev *edev, u32 budget)
{
	struct espnic_cmd *cmd = &edev->cmd;
	struct espnic_cmd_result result;
	struct espnic_cmd_post *post;
	struct espnic_cmd_cpl cpl;
	u32 n, flags;

	for (n = 0; n < budget; n++) {
		struct espnic_cmd_cpl *next;
		bool good;

		spin_lock_irq(&cmd->lock);
		next = &cmd->cq[cmd->cpl_head & ESPNIC_CMD_MASK];
		flags = le32_to_cpu(READ_ONCE(next->flags));
		if (!cmd->up ||
		    !espnic_phase(flags, ESPNIC_CMD_CPL_PHASE, cmd->cpl_head, ESPNIC_CMD_LOG2)) {
			spin_unlock_irq(&cmd->lock);
			break;
		}
		dma_rmb();
		/* One copy, so that what is checked is what is used. */
		memcpy(&cpl, next, sizeof(cpl));
		cmd->cpl_head++;
		good = espnic_cmd_complete(edev, &cpl, &post, &result);
		if (good)
			espnic_cmd_send_posts(edev);
		else
			cmd->bad_cpl++;
		spin_unlock_irq(&cmd->lock);

		if (!good)
			espnic_cmd_fail(edev, "impossible command completion");
		else if (post)
			espnic_cmd_post_done(edev, post, &result);
		else
			wake_up_all(&cmd->room);
	}
	return n;
}

static void espnic_event(struct espnic_dev *edev, const struct espnic_event *event)
{
	u64 value = le64_to_cpu(event->value);
	u32 handle = le32_to_cpu(event->handle);
	struct espnic_net *enet = edev->enet;
	u16 type = le16_to_cpu(event->type);

	switch (type) {
	case ESPNIC_EVENT_TYPE_LINK:
		espnic_net_link(enet, value == 1);
		break;
	case ESPNIC_EVENT_TYPE_SA_SOFT:
	case ESPNIC_EVENT_TYPE_SA_HARD:
	case ESPNIC_EVENT_TYPE_SA_SEQ:
	case ESPNIC_EVENT_TYPE_SA_NO_SA:
	case ESPNIC_EVENT_TYPE_SA_REMAP:
	case ESPNIC_EVENT_TYPE_SA_AWAKE:
		espnic_ipsec_event(enet, type, handle, value, le64_to_cpu(event->arg));
		break;
	case ESPNIC_EVENT_TYPE_QUEUE_ERROR:
		if (net_ratelimit())
			netdev_err(enet->netdev, "queue pair %u stopped, error %llu\n", handle,
				   value);
		espnic_request_restart(edev);
		break;
	case ESPNIC_EVENT_TYPE_FATAL:
		espnic_request_reset(edev, "the device reported a fatal error");
		break;
	default:
		edev->cmd.bad_events++;
	}
}

/* Handles up to @budget events; returns how many there were. */
static u32 espnic_event_poll(struct espnic_dev *edev, u32 budget)
{
	struct espnic_cmd *cmd = &edev->cmd;
	struct espnic_event event;
	u32 n;

	for (n = 0; n < budget && READ_ONCE(cmd->up); n++) {
		struct espnic_event *next = &cmd->evq[cmd->ev_head & ESPNIC_EVQ_MASK];
		u32 flags = le32_to_cpu(READ_ONCE(next->flags));

		if (!espnic_phase(flags, ESPNIC_EVENT_PHASE, cmd->ev_head, ESPNIC_EVQ_LOG2))
			break;
		dma_rmb();
		memcpy(&event, next, sizeof(event));
		WRITE_ONCE(cmd->ev_head, cmd->ev_head + 1);
		cmd->events++;
		espnic_event(edev, &event);
	}
	if (n)
		espnic_write(edev, ESPNIC_REG_EVQ_HEAD, cmd->ev_head);
	return n;
}

irqreturn_t espnic_cmd_irq(int irq, void *data)
{
	struct espnic_dev *edev = data;
	u32 commands, events;

	commands = espnic_cmd_poll(edev, ESPNIC_CMD_SLOTS);
	events = espnic_event_poll(edev, ESPNIC_EVQ_ENTRIES);
	/* A full round of either: there may be more, for which no interrupt will come. */
	if (commands == ESPNIC_CMD_SLOTS || events == ESPNIC_EVQ_ENTRIES)
		irq_wake_thread(irq, data);
	return IRQ_HANDLED;
}

/* Is there something in either ring? Under cmd->lock. */
static bool espnic_cmd_pending(const struct espnic_cmd *cmd)
{
	u32 answer = le32_to_cpu(READ_ONCE(cmd->cq[cmd->cpl_head & ESPNIC_CMD_MASK].flags));
	u32 ev_head = READ_ONCE(cmd->ev_head);
	u32 event = le32_to_cpu(READ_ONCE(cmd->evq[ev_head & ESPNIC_EVQ_MASK].flags));

	return espnic_phase(answer, ESPNIC_CMD_CPL_PHASE, cmd->cpl_head, ESPNIC_CMD_LOG2) ||
	       espnic_phase(event, ESPNIC_EVENT_PHASE, ev_head, ESPNIC_EVQ_LOG2);
}

void espnic_cmd_look(struct espnic_dev *edev)
{
	struct espnic_cmd *cmd = &edev->cmd;
	bool lost = false;

	spin_lock_irq(&cmd->lock);
	if (!cmd->up || !espnic_cmd_pending(cmd)) {
		cmd->look_time = 0;
	} else if (!cmd->look_time || cmd->look_cpl != cmd->cpl_head ||
		   cmd->look_ev != READ_ONCE(cmd->ev_head)) {
		cmd->look_cpl = cmd->cpl_head;
		cmd->look_ev = READ_ONCE(cmd->ev_head);
		cmd->look_time = jiffies ?: 1;
	} else {
		lost = time_after_eq(jiffies, cmd->look_time + msecs_to_jiffies(ESPNIC_CMD_LOOK_MS));
	}
	/* Under the lock: a reset that comes next waits for the thread, with the rings as they are. */
	if (lost) {
		atomic_inc(&edev->lost_irqs);
		irq_wake_thread(pci_irq_vector(edev->pdev, 0), edev);
	}
	spin_unlock_irq(&cmd->lock);
}

void espnic_cmd_get_state(struct espnic_dev *edev, struct espnic_cmd_state *state)
{
	struct espnic_cmd *cmd = &edev->cmd;
	u32 i;

	memset(state, 0, sizeof(*state));
	spin_lock_irq(&cmd->lock);
	state->up = cmd->up;
	state->tail = cmd->tail;
	state->cpl_head = cmd->cpl_head;
	state->busy = cmd->busy;
	state->posted = cmd->posted;
	for (i = cmd->tail - ESPNIC_CMD_SLOTS; i != cmd->tail; i++) {
		const struct espnic_cmd_slot *slot = &cmd->slots[i & ESPNIC_CMD_MASK];

		if (slot->busy) {
			state->oldest_opcode = slot->opcode;
			break;
		}
	}
	spin_unlock_irq(&cmd->lock);
}

static void espnic_write_addr(struct espnic_dev *edev, u32 reg_lo, u32 reg_hi, dma_addr_t addr)
{
	espnic_write(edev, reg_lo, lower_32_bits(addr));
	espnic_write(edev, reg_hi, upper_32_bits(addr));
}

int espnic_cmd_start(struct espnic_dev *edev)
{
	struct espnic_cmd *cmd = &edev->cmd;

	/* What was posted while the device was down is about objects that are no more. */
	espnic_cmd_reap(edev);
	clear_bit(ESPNIC_DEV_QUIET, &edev->flags);

	memset(cmd->sq, 0, ESPNIC_CMD_SQ_BYTES);
	memset(cmd->cq, 0, ESPNIC_CMD_CQ_BYTES);
	memset(cmd->evq, 0, ESPNIC_EVQ_BYTES);
	espnic_write_addr(edev, ESPNIC_REG_CMD_SQ_LO, ESPNIC_REG_CMD_SQ_HI, cmd->sq_dma);
	espnic_write_addr(edev, ESPNIC_REG_CMD_CQ_LO, ESPNIC_REG_CMD_CQ_HI, cmd->cq_dma);
	espnic_write_addr(edev, ESPNIC_REG_EVQ_LO, ESPNIC_REG_EVQ_HI, cmd->evq_dma);
	espnic_write(edev, ESPNIC_REG_CMD_CFG,
		     FIELD_PREP(ESPNIC_CMD_CFG_CMD_LOG2, ESPNIC_CMD_LOG2) |
		     FIELD_PREP(ESPNIC_CMD_CFG_EVQ_LOG2, ESPNIC_EVQ_LOG2));
	espnic_write(edev, ESPNIC_REG_CMD_ENABLE, ESPNIC_CMD_ENABLE_ENABLE);
	if (!(espnic_read(edev, ESPNIC_REG_STATUS) & ESPNIC_STATUS_CMD_ENABLED)) {
		dev_err(edev->dev, "the device refused the command ring\n");
		return -EIO;
	}

	spin_lock_irq(&cmd->lock);
	cmd->tail = 0;
	cmd->cpl_head = 0;
	cmd->ev_head = 0;
	cmd->up = !espnic_gone(edev);
	espnic_cmd_send_posts(edev);
	spin_unlock_irq(&cmd->lock);
	return 0;
}

int espnic_cmd_alloc(struct espnic_dev *edev)
{
	struct espnic_cmd *cmd = &edev->cmd;

	spin_lock_init(&cmd->lock);
	INIT_LIST_HEAD(&cmd->posts);
	init_waitqueue_head(&cmd->room);

	cmd->slots = kcalloc(ESPNIC_CMD_SLOTS, sizeof(*cmd->slots), GFP_KERNEL);
	cmd->sq = dma_alloc_coherent(edev->dev, ESPNIC_CMD_SQ_BYTES, &cmd->sq_dma, GFP_KERNEL);
	cmd->cq = dma_alloc_coherent(edev->dev, ESPNIC_CMD_CQ_BYTES, &cmd->cq_dma, GFP_KERNEL);
	cmd->evq = dma_alloc_coherent(edev->dev, ESPNIC_EVQ_BYTES, &cmd->evq_dma, GFP_KERNEL);
	cmd->resp = dma_alloc_coherent(edev->dev, ESPNIC_CMD_RESP_BYTES, &cmd->resp_dma,
				       GFP_KERNEL);
	if (cmd->slots && cmd->sq && cmd->cq && cmd->evq && cmd->resp)
		return 0;
	espnic_cmd_free(edev);
	return -ENOMEM;
}

void espnic_cmd_free(struct espnic_dev *edev)
{
	struct espnic_cmd *cmd = &edev->cmd;

	if (cmd->sq)
		dma_free_coherent(edev->dev, ESPNIC_CMD_SQ_BYTES, cmd->sq, cmd->sq_dma);
	if (cmd->cq)
		dma_free_coherent(edev->dev, ESPNIC_CMD_CQ_BYTES, cmd->cq, cmd->cq_dma);
	if (cmd->evq)
		dma_free_coherent(edev->dev, ESPNIC_EVQ_BYTES, cmd->evq, cmd->evq_dma);
	if (cmd->resp)
		dma_free_coherent(edev->dev, ESPNIC_CMD_RESP_BYTES, cmd->resp, cmd->resp_dma);
	kfree(cmd->slots);
}
