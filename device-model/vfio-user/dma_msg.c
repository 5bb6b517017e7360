// SPDX-License-Identifier: BSD-2-Clause
/*
 * DMA by messages, for memory the client gave without a file. A NIC thread waits here; the bus
 * thread never does: while the client waits for the reply to a register read, it does not answer
 * DMA.
 *
 * A write that was sent before the gate closed may still reach memory after it, as posted writes
 * of a real function do; the stream's order puts it before the reply to the reset.
 */
#include "vfio-user/vfu.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

int espnic_vfu_dma_msg_init(struct espnic_vfu_dma_msg *msg)
{
	pthread_condattr_t attr;

	msg->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (msg->kick_fd < 0)
		return -errno;
	pthread_mutex_init(&msg->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&msg->cond, &attr);
	pthread_condattr_destroy(&attr);
	return 0;
}

void espnic_vfu_dma_msg_destroy(struct espnic_vfu_dma_msg *msg)
{
	pthread_cond_destroy(&msg->cond);
	pthread_mutex_destroy(&msg->lock);
	close(msg->kick_fd);
}

/* All below with the lock held, but for the functions that take it. */

static void append(struct espnic_vfu_dma_msg *msg, struct espnic_vfu_dma_req *req)
{
	struct espnic_vfu_dma_req **p = &msg->reqs;

	while (*p)
		p = &(*p)->next;
	*p = req;
}

static void finish(struct espnic_vfu_dma_msg *msg, struct espnic_vfu_dma_req *req, int result)
{
	struct espnic_vfu_dma_req **p = &msg->reqs;

	while (*p != req)
		p = &(*p)->next;
	*p = req->next;
	req->done = true;
	req->result = result;
	pthread_cond_broadcast(&msg->cond);
}

static void cancel_all(struct espnic_vfu_dma_msg *msg)
{
	while (msg->reqs)
		finish(msg, msg->reqs, -ECANCELED);
}

/* Queue one request and wait for its end. */
static int request(struct espnic_vfu_dma_msg *msg, struct espnic_vfu_dma_req *req,
		   const struct timespec *deadline)
{
	const uint64_t one = 1;
	int ret = 0;

	append(msg, req);
	/* It can't fail: the counter is far from its end. */
	if (write(msg->kick_fd, &one, sizeof(one)) < 0)
		ret = ETIMEDOUT;
	while (!req->done && !ret)
		ret = pthread_cond_timedwait(&msg->cond, &msg->lock, deadline);
	if (!req->done)
		finish(msg, req, -EFAULT);
	return req->result;
}

int espnic_vfu_dma_msg_access(struct espnic_vfu_dma_msg *msg, uint64_t iova, void *buf, size_t len,
			      bool write)
{
	struct timespec deadline;
	uint8_t *p = buf;
	int ret = 0;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += ESPNIC_VFU_DMA_TIMEOUT_MS / 1000;
	pthread_mutex_lock(&msg->lock);
	while (len && !ret) {
		struct espnic_vfu_dma_req req = { .iova = iova, .buf = p, .write = write };

		if (!msg->client || !msg->gate) {
			ret = -ECANCELED;
			break;
		}
		req.len = len < msg->max_xfer ? (uint32_t)len : msg->max_xfer;
		ret = request(msg, &req, &deadline);
		iova += req.len;
		p += req.len;
		len -= req.len;
	}
	pthread_mutex_unlock(&msg->lock);
	return ret;
}

void espnic_vfu_dma_msg_set_gate(struct espnic_vfu_dma_msg *msg, bool open)
{
	pthread_mutex_lock(&msg->lock);
	msg->gate = open;
	if (!open)
		cancel_all(msg);
	pthread_mutex_unlock(&msg->lock);
}

void espnic_vfu_dma_msg_set_client(struct espnic_vfu_dma_msg *msg, bool present, uint32_t max_xfer)
{
	pthread_mutex_lock(&msg->lock);
	msg->client = present;
	msg->max_xfer = max_xfer;
	if (!present)
		cancel_all(msg);
	pthread_mutex_unlock(&msg->lock);
}

/*
 * Take the next request that is to be sent: its message's payload to @payload. The payload's
 * length; 0: there is none.
 */
static size_t take_next(struct espnic_vfu_dma_msg *msg, void *payload, uint16_t *id, uint16_t *cmd)
{
	struct espnic_vfu_dma_req *req;
	size_t len = 0;

	pthread_mutex_lock(&msg->lock);
	for (req = msg->reqs; req && req->sent; req = req->next)
		;
	if (req) {
		struct espnic_vfu_dma_access acc = { .addr = req->iova, .count = req->len };

		memcpy(payload, &acc, sizeof(acc));
		len = sizeof(acc);
		if (req->write) {
			memcpy((uint8_t *)payload + len, req->buf, req->len);
			len += req->len;
		}
		req->sent = true;
		req->id = msg->next_id++;
		*id = req->id;
		*cmd = req->write ? ESPNIC_VFU_DMA_WRITE : ESPNIC_VFU_DMA_READ;
	}
	pthread_mutex_unlock(&msg->lock);
	return len;
}

int espnic_vfu_dma_msg_send(struct espnic_vfu *vfu)
{
	struct espnic_vfu_dma_msg *msg = &vfu->dma_msg;
	uint16_t id, cmd;
	uint64_t kicks;
	size_t len;
	int ret = 0;

	if (read(msg->kick_fd, &kicks, sizeof(kicks)) < 0)
		return 0;
	/* Each thread has one request at most, and its next has to wait for a reply: this ends. */
	while (!ret && (len = take_next(msg, espnic_vfu_payload(vfu), &id, &cmd)) > 0)
		ret = espnic_vfu_send(vfu, id, cmd, ESPNIC_VFU_TYPE_COMMAND, 0, len);
	return ret;
}

void espnic_vfu_dma_msg_reply(struct espnic_vfu *vfu, size_t len)
{
	const struct espnic_vfu_header *hdr = &vfu->rx.hdr;
	struct espnic_vfu_dma_msg *msg = &vfu->dma_msg;
	bool write = hdr->cmd == ESPNIC_VFU_DMA_WRITE;
	struct espnic_vfu_dma_access acc;
	struct espnic_vfu_dma_req *req;

	pthread_mutex_lock(&msg->lock);
	for (req = msg->reqs; req; req = req->next)
		if (req->sent && req->id == hdr->id && req->write == write)
			break;
	/* Nobody waits: it was cancelled or took too long. */
	if (!req)
		goto out;
	if (hdr->flags & ESPNIC_VFU_ERROR || len != sizeof(acc) + (write ? 0 : req->len)) {
		finish(msg, req, -EFAULT);
		goto out;
	}
	memcpy(&acc, vfu->rx.body, sizeof(acc));
	if (acc.addr != req->iova || acc.count != req->len) {
		finish(msg, req, -EFAULT);
		goto out;
	}
	if (!write)
		memcpy(req->buf, vfu->rx.body + sizeof(acc), req->len);
	finish(msg, req, 0);
out:
	pthread_mutex_unlock(&msg->lock);
}
