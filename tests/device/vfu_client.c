// SPDX-License-Identifier: BSD-2-Clause
/*
 * The vfio-user client of the device tests. One thread receives: it hands replies to who waits for
 * them and answers DMA messages, so that a test thread may block anywhere.
 */
#include "vfu_client.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	MAX_SERVED = 16, /* ranges answered from a buffer */
	MAX_WAITERS = 16, /* threads of a test in a call */
	DIAL_MS = 5000, /* a server may still be starting */
	DIAL_STEP_US = 5000,
	MAX_CAPS = 48, /* capabilities that fit in config space */
};

struct served {
	uint64_t iova;
	uint64_t size;
	uint8_t *buf;
	uint32_t flags;
};

struct waiter {
	bool busy;
	bool done;
	uint16_t id;
	void *reply;
	size_t reply_size;
	int result;
};

struct espnic_client {
	int sock;
	pthread_t thread;
	pthread_mutex_t send_lock; /* keeps messages whole */
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t cond;
	struct waiter waiters[MAX_WAITERS];
	struct served served[MAX_SERVED];
	unsigned int nserved;
	uint16_t next_id;
	bool alive;
	bool hold;
	bool held;
	struct espnic_vfu_header held_hdr;
	struct espnic_vfu_dma_access held_acc;
	unsigned int dma_messages;
	uint64_t dma_largest;
	uint8_t *rx; /* owned by the thread */
	uint8_t *tx; /* owned by the thread */
};

static const char version_json[] =
	"{\"capabilities\": {\"pgsizes\": 4096, \"max_msg_fds\": 16, \"max_dma_maps\": 65535, "
	"\"max_data_xfer_size\": 1048576, \"migration\": {\"max_bitmap_size\": 268435456, "
	"\"pgsize\": 4096}, "
	"\"write_multiple\": true}}";

uint64_t espnic_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

uint64_t espnic_eventfd_wait(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t n = 0;

	if (poll(&p, 1, timeout_ms) != 1 || read(fd, &n, sizeof(n)) != sizeof(n))
		return 0;
	return n;
}

int espnic_raw_dial(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	uint64_t end = espnic_now_ms() + DIAL_MS;
	int s;

	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	memcpy(sun.sun_path, path, strlen(path) + 1);
	for (;;) {
		s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (s < 0)
			return -errno;
		if (!connect(s, (struct sockaddr *)&sun, sizeof(sun)))
			return s;
		close(s);
		if (espnic_now_ms() > end)
			return -ETIMEDOUT;
		usleep(DIAL_STEP_US);
	}
}

int espnic_raw_send(int sock, const void *buf, size_t len, const int *fds, unsigned int nfds)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * 64)];
		struct cmsghdr align;
	} ctl;
	struct iovec iov = { .iov_base = (void *)(uintptr_t)buf, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (nfds > 64)
		return -EINVAL;
	if (nfds) {
		struct cmsghdr *cmsg;

		memset(&ctl, 0, sizeof(ctl));
		msg.msg_control = ctl.buf;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * nfds);
	}
	while (iov.iov_len) {
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			return errno == EPIPE ? -ECONNRESET : -errno;
		}
		iov.iov_base = (char *)iov.iov_base + n;
		iov.iov_len -= (size_t)n;
		msg.msg_control = NULL; /* descriptors go once */
		msg.msg_controllen = 0;
	}
	return 0;
}

int espnic_raw_msg(int sock, uint16_t id, uint16_t cmd, uint32_t flags, const void *body,
		   size_t len, const int *fds, unsigned int nfds)
{
	struct espnic_vfu_header hdr = { .id = id, .cmd = cmd, .flags = flags };
	uint8_t small[512];
	uint8_t *buf = small;
	int ret;

	if (len > ESPNIC_VFU_MAX_BODY)
		return -EMSGSIZE;
	if (sizeof(hdr) + len > sizeof(small))
		buf = malloc(sizeof(hdr) + len);
	if (!buf)
		return -ENOMEM;
	hdr.size = (uint32_t)(sizeof(hdr) + len);
	memcpy(buf, &hdr, sizeof(hdr));
	if (len)
		memcpy(buf + sizeof(hdr), body, len);
	ret = espnic_raw_send(sock, buf, hdr.size, fds, nfds);
	if (buf != small)
		free(buf);
	return ret;
}

/* Receive @len bytes before @end (espnic_now_ms; 0: no limit). */
static int recv_all(int sock, void *buf, size_t len, uint64_t end)
{
	uint8_t *p = buf;
	ssize_t n;

	while (len) {
		if (end) {
			struct pollfd pfd = { .fd = sock, .events = POLLIN };
			uint64_t now = espnic_now_ms();

			if (now >= end || poll(&pfd, 1, (int)(end - now)) == 0)
				return -ETIMEDOUT;
		}
		n = recv(sock, p, len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -ECONNRESET;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int recv_msg(int sock, struct espnic_vfu_header *hdr, void *body, size_t size, uint64_t end)
{
	uint8_t sink[256];
	size_t len, n;
	int ret;

	ret = recv_all(sock, hdr, sizeof(*hdr), end);
	if (ret)
		return ret;
	if (hdr->size < sizeof(*hdr) || hdr->size - sizeof(*hdr) > ESPNIC_VFU_MAX_BODY)
		return -EPROTO;
	len = hdr->size - sizeof(*hdr);
	ret = recv_all(sock, body, len < size ? len : size, end);
	for (n = size; !ret && n < len; n += sizeof(sink))
		ret = recv_all(sock, sink, len - n < sizeof(sink) ? len - n : sizeof(sink), end);
	return ret ? ret : (int)len;
}

int espnic_raw_recv(int sock, struct espnic_vfu_header *hdr, void *body, size_t size,
		    int timeout_ms)
{
	return recv_msg(sock, hdr, body, size, espnic_now_ms() + (uint64_t)timeout_ms);
}

int espnic_raw_version(int sock)
{
	struct espnic_vfu_version v = { .major = ESPNIC_VFU_MAJOR, .minor = ESPNIC_VFU_MINOR };
	uint8_t body[sizeof(v) + sizeof(version_json)];
	struct espnic_vfu_header hdr;
	int n;

	memcpy(body, &v, sizeof(v));
	memcpy(body + sizeof(v), version_json, sizeof(version_json));
	n = espnic_raw_msg(sock, 0, ESPNIC_VFU_VERSION, 0, body, sizeof(body), NULL, 0);
	if (n)
		return n;
	memset(body, 0, sizeof(body));
	n = espnic_raw_recv(sock, &hdr, body, sizeof(body), ESPNIC_CLIENT_TIMEOUT_MS);
	if (n < 0)
		return n;
	if (hdr.flags & ESPNIC_VFU_ERROR)
		return -(int)hdr.error;
	/*
	 * What QEMU insists on: it fits in the request's buffer, same major, a JSON that ends in
	 * NUL.
	 */
	if (hdr.flags != ESPNIC_VFU_TYPE_REPLY || hdr.cmd != ESPNIC_VFU_VERSION ||
	    n <= (int)sizeof(v) || n > (int)sizeof(body) || body[n - 1] || body[sizeof(v)] != '{')
		return -EPROTO;
	memcpy(&v, body, sizeof(v));
	return v.major == ESPNIC_VFU_MAJOR && v.minor == 0 ? 0 : -EPROTO;
}

static int send_locked(struct espnic_client *c, uint16_t id, uint16_t cmd, uint32_t flags,
		       const void *body, size_t len, const int *fds, unsigned int nfds)
{
	int ret;

	pthread_mutex_lock(&c->send_lock);
	ret = espnic_raw_msg(c->sock, id, cmd, flags, body, len, fds, nfds);
	pthread_mutex_unlock(&c->send_lock);
	return ret;
}

static void refuse_dma(struct espnic_client *c, const struct espnic_vfu_header *hdr, int error)
{
	struct espnic_vfu_header reply = {
		.id = hdr->id,
		.cmd = hdr->cmd,
		.size = sizeof(reply),
		.flags = ESPNIC_VFU_TYPE_REPLY | ESPNIC_VFU_ERROR,
		.error = (uint32_t)error,
	};

	pthread_mutex_lock(&c->send_lock);
	espnic_raw_send(c->sock, &reply, sizeof(reply), NULL, 0);
	pthread_mutex_unlock(&c->send_lock);
}

/* Called with c->lock held: the buffer behind @acc, or NULL. */
static uint8_t *served_at(struct espnic_client *c, const struct espnic_vfu_dma_access *acc,
			  uint32_t need)
{
	for (unsigned int i = 0; i < c->nserved; i++) {
		struct served *s = &c->served[i];

		if (acc->addr >= s->iova && acc->count <= s->size &&
		    acc->addr - s->iova <= s->size - acc->count && (s->flags & need))
			return s->buf + (acc->addr - s->iova);
	}
	return NULL;
}

/* Answer a DMA message; @data are the bytes of a write. Runs in the receiving thread. */
static void answer_dma(struct espnic_client *c, const struct espnic_vfu_header *hdr,
		       const struct espnic_vfu_dma_access *acc, const uint8_t *data)
{
	bool write = hdr->cmd == ESPNIC_VFU_DMA_WRITE;
	size_t len = sizeof(*acc);
	uint8_t *buf;

	if (acc->count > ESPNIC_VFU_MAX_XFER) {
		refuse_dma(c, hdr, E2BIG);
		return;
	}
	pthread_mutex_lock(&c->lock);
	buf = served_at(c, acc, write ? ESPNIC_CLIENT_WRITE : ESPNIC_CLIENT_READ);
	if (buf && write && data)
		memcpy(buf, data, acc->count);
	memcpy(c->tx, acc, sizeof(*acc));
	if (buf && !write) {
		memcpy(c->tx + sizeof(*acc), buf, acc->count);
		len += acc->count;
	}
	pthread_mutex_unlock(&c->lock);
	if (buf)
		send_locked(c, hdr->id, hdr->cmd, ESPNIC_VFU_TYPE_REPLY, c->tx, len, NULL, 0);
	else
		refuse_dma(c, hdr, EFAULT);
}

static void got_dma(struct espnic_client *c, const struct espnic_vfu_header *hdr, size_t len)
{
	struct espnic_vfu_dma_access acc;
	bool hold;

	if (len < sizeof(acc)) {
		refuse_dma(c, hdr, EINVAL);
		return;
	}
	memcpy(&acc, c->rx, sizeof(acc));
	if (len != sizeof(acc) + (hdr->cmd == ESPNIC_VFU_DMA_WRITE ? acc.count : 0)) {
		refuse_dma(c, hdr, EINVAL);
		return;
	}
	pthread_mutex_lock(&c->lock);
	c->dma_messages++;
	if (acc.count > c->dma_largest)
		c->dma_largest = acc.count;
	hold = c->hold;
	if (hold) {
		c->held = true;
		c->held_hdr = *hdr;
		c->held_acc = acc;
	}
	pthread_mutex_unlock(&c->lock);
	if (!hold)
		answer_dma(c, hdr, &acc, c->rx + sizeof(acc));
}

static void got_reply(struct espnic_client *c, const struct espnic_vfu_header *hdr, size_t len)
{
	bool found = false;

	pthread_mutex_lock(&c->lock);
	for (unsigned int i = 0; i < MAX_WAITERS; i++) {
		struct waiter *w = &c->waiters[i];

		if (!w->busy || w->done || w->id != hdr->id)
			continue;
		if (hdr->flags & ESPNIC_VFU_ERROR) {
			w->result = hdr->error ? -(int)hdr->error : -EPROTO;
		} else {
			w->result = (int)len;
			if (w->reply_size)
				memcpy(w->reply, c->rx, len < w->reply_size ? len : w->reply_size);
		}
		w->done = true;
		found = true;
		break;
	}
	pthread_cond_broadcast(&c->cond);
	pthread_mutex_unlock(&c->lock);
	if (!found)
		fprintf(stderr, "client: unexpected reply, id %u cmd %u\n", hdr->id, hdr->cmd);
}

static void *receive(void *arg)
{
	struct espnic_client *c = arg;
	struct espnic_vfu_header hdr;
	int n;

	for (;;) {
		n = recv_msg(c->sock, &hdr, c->rx, ESPNIC_VFU_MAX_BODY, 0);
		if (n < 0)
			break;
		if ((hdr.flags & ESPNIC_VFU_TYPE_MASK) == ESPNIC_VFU_TYPE_REPLY)
			got_reply(c, &hdr, (size_t)n);
		else if (hdr.cmd == ESPNIC_VFU_DMA_READ || hdr.cmd == ESPNIC_VFU_DMA_WRITE)
			got_dma(c, &hdr, (size_t)n);
		else
			refuse_dma(c, &hdr, ENOSYS);
	}
	pthread_mutex_lock(&c->lock);
	c->alive = false;
	pthread_cond_broadcast(&c->cond);
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

struct espnic_client *espnic_client_new(const char *path)
{
	struct espnic_client *c = calloc(1, sizeof(*c));
	pthread_condattr_t attr;
	int ret = -ENOMEM;

	if (!c)
		return NULL;
	c->sock = -1;
	c->rx = malloc(ESPNIC_VFU_MAX_BODY);
	c->tx = malloc(ESPNIC_VFU_MAX_BODY);
	if (!c->rx || !c->tx)
		goto fail;
	ret = espnic_raw_dial(path);
	if (ret < 0)
		goto fail;
	c->sock = ret;
	ret = espnic_raw_version(c->sock);
	if (ret)
		goto fail;
	c->alive = true;
	c->next_id = 1;
	pthread_mutex_init(&c->lock, NULL);
	pthread_mutex_init(&c->send_lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->cond, &attr);
	pthread_condattr_destroy(&attr);
	ret = -pthread_create(&c->thread, NULL, receive, c);
	if (!ret)
		return c;
fail:
	fprintf(stderr, "client: %s: %s\n", path, strerror(-ret));
	if (c->sock >= 0)
		close(c->sock);
	free(c->rx);
	free(c->tx);
	free(c);
	return NULL;
}

void espnic_client_free(struct espnic_client *c)
{
	if (!c)
		return;
	shutdown(c->sock, SHUT_RDWR);
	pthread_join(c->thread, NULL);
	close(c->sock);
	pthread_cond_destroy(&c->cond);
	pthread_mutex_destroy(&c->lock);
	pthread_mutex_destroy(&c->send_lock);
	free(c->rx);
	free(c->tx);
	free(c);
}

bool espnic_client_alive(struct espnic_client *c)
{
	bool alive;

	pthread_mutex_lock(&c->lock);
	alive = c->alive;
	pthread_mutex_unlock(&c->lock);
	return alive;
}

/* Wait for @w with c->lock held; gives its slot back. */
static int wait_reply(struct espnic_client *c, struct waiter *w)
{
	struct timespec end;
	int ret = 0;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += ESPNIC_CLIENT_TIMEOUT_MS / 1000;
	while (!w->done && c->alive && !ret)
		ret = pthread_cond_timedwait(&c->cond, &c->lock, &end);
	if (w->done)
		ret = w->result;
	else
		ret = c->alive ? -ETIMEDOUT : -ECONNRESET;
	w->busy = false;
	return ret;
}

int espnic_client_call(struct espnic_client *c, uint16_t cmd, uint32_t flags, const void *body,
		       size_t len, const int *fds, unsigned int nfds, void *reply,
		       size_t reply_size)
{
	struct waiter *w = NULL;
	uint16_t id;
	int ret;

	pthread_mutex_lock(&c->lock);
	id = c->next_id++;
	if (!(flags & ESPNIC_VFU_NO_REPLY)) {
		for (unsigned int i = 0; i < MAX_WAITERS && !w; i++)
			if (!c->waiters[i].busy)
				w = &c->waiters[i];
		if (!w) {
			pthread_mutex_unlock(&c->lock);
			return -EBUSY;
		}
		*w = (struct waiter){
			.busy = true, .id = id, .reply = reply, .reply_size = reply_size
		};
	}
	pthread_mutex_unlock(&c->lock);

	ret = send_locked(c, id, cmd, flags, body, len, fds, nfds);
	if (!w)
		return ret;
	pthread_mutex_lock(&c->lock);
	if (ret)
		w->busy = false;
	else
		ret = wait_reply(c, w);
	pthread_mutex_unlock(&c->lock);
	return ret;
}

/* A call whose reply must have exactly @want bytes. */
static int call_exact(struct espnic_client *c, uint16_t cmd, const void *body, size_t len,
		      const int *fds, unsigned int nfds, void *reply, size_t want)
{
	int ret = espnic_client_call(c, cmd, 0, body, len, fds, nfds, reply, want);

	if (ret < 0)
		return ret;
	return (size_t)ret == want ? 0 : -EPROTO;
}

int espnic_client_map(struct espnic_client *c, uint64_t iova, int fd, uint64_t offset,
		      uint64_t size, uint32_t flags)
{
	struct espnic_vfu_dma_map m = {
		.argsz = sizeof(m),
		.flags = flags,
		.offset = offset,
		.addr = iova,
		.size = size,
	};

	return call_exact(c, ESPNIC_VFU_DMA_MAP, &m, sizeof(m), &fd, fd >= 0, NULL, 0);
}

int espnic_client_map_served(struct espnic_client *c, uint64_t iova, void *buf, uint64_t size,
			     uint32_t flags)
{
	int ret = -ENOSPC;

	pthread_mutex_lock(&c->lock);
	if (c->nserved < MAX_SERVED) {
		c->served[c->nserved++] = (struct served){ iova, size, buf, flags };
		ret = 0;
	}
	pthread_mutex_unlock(&c->lock);
	return ret ? ret : espnic_client_map(c, iova, -1, 0, size, flags);
}

static int unmap(struct espnic_client *c, uint64_t iova, uint64_t size, uint32_t flags)
{
	struct espnic_vfu_dma_unmap u = {
		.argsz = sizeof(u), .flags = flags, .addr = iova, .size = size
	};
	struct espnic_vfu_dma_unmap r;
	int ret = call_exact(c, ESPNIC_VFU_DMA_UNMAP, &u, sizeof(u), NULL, 0, &r, sizeof(r));

	if (ret)
		return ret;
	return memcmp(&u, &r, sizeof(u)) ? -EPROTO : 0;
}

int espnic_client_unmap(struct espnic_client *c, uint64_t iova, uint64_t size)
{
	return unmap(c, iova, size, 0);
}

int espnic_client_unmap_all(struct espnic_client *c)
{
	return unmap(c, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL);
}

void espnic_client_hold_dma(struct espnic_client *c, bool hold)
{
	struct espnic_vfu_dma_access acc;
	struct espnic_vfu_header hdr;
	bool answer;

	pthread_mutex_lock(&c->lock);
	c->hold = hold;
	answer = !hold && c->held;
	c->held = false;
	hdr = c->held_hdr;
	acc = c->held_acc;
	pthread_mutex_unlock(&c->lock);
	/* What was written is no longer at hand: a held write is refused. */
	if (answer && hdr.cmd == ESPNIC_VFU_DMA_READ)
		answer_dma(c, &hdr, &acc, NULL);
	else if (answer)
		refuse_dma(c, &hdr, EFAULT);
}

unsigned int espnic_client_dma_messages(struct espnic_client *c)
{
	unsigned int n;

	pthread_mutex_lock(&c->lock);
	n = c->dma_messages;
	pthread_mutex_unlock(&c->lock);
	return n;
}

uint64_t espnic_client_dma_largest(struct espnic_client *c)
{
	uint64_t n;

	pthread_mutex_lock(&c->lock);
	n = c->dma_largest;
	pthread_mutex_unlock(&c->lock);
	return n;
}

int espnic_client_read(struct espnic_client *c, uint32_t region, uint64_t off, void *buf,
		       uint32_t count)
{
	struct espnic_vfu_region_access a = { .offset = off, .region = region, .count = count };
	uint8_t reply[sizeof(a) + ESPNIC_VFU_PAGE];
	int ret;

	if (count > ESPNIC_VFU_PAGE)
		return -EINVAL;
	ret = call_exact(c, ESPNIC_VFU_REGION_READ, &a, sizeof(a), NULL, 0, reply,
			 sizeof(a) + count);
	if (ret)
		return ret;
	if (memcmp(reply, &a, sizeof(a)))
		return -EPROTO;
	memcpy(buf, reply + sizeof(a), count);
	return 0;
}

int espnic_client_write(struct espnic_client *c, uint32_t region, uint64_t off, const void *buf,
			uint32_t count, bool posted)
{
	struct espnic_vfu_region_access a = { .offset = off, .region = region, .count = count }, r;
	uint8_t body[sizeof(a) + 64];
	int ret;

	if (count > 64)
		return -EINVAL;
	memcpy(body, &a, sizeof(a));
	memcpy(body + sizeof(a), buf, count);
	if (posted)
		return espnic_client_call(c, ESPNIC_VFU_REGION_WRITE, ESPNIC_VFU_NO_REPLY, body,
					  sizeof(a) + count, NULL, 0, NULL, 0);
	ret = call_exact(c, ESPNIC_VFU_REGION_WRITE, body, sizeof(a) + count, NULL, 0, &r,
			 sizeof(r));
	if (ret)
		return ret;
	return memcmp(&a, &r, sizeof(a)) ? -EPROTO : 0;
}

uint32_t espnic_client_reg_read(struct espnic_client *c, uint32_t off)
{
	uint32_t v;

	return espnic_client_read(c, VFIO_PCI_BAR0_REGION_INDEX, off, &v, sizeof(v)) ? UINT32_MAX
										     : v;
}

void espnic_client_reg_write(struct espnic_client *c, uint32_t off, uint32_t value)
{
	/* A posted write has no outcome; one to a device that is gone vanishes. */
	espnic_client_write(c, VFIO_PCI_BAR0_REGION_INDEX, off, &value, sizeof(value), true);
}

uint32_t espnic_client_cfg_read(struct espnic_client *c, uint32_t off, uint32_t count)
{
	uint32_t v = 0;

	if (count > sizeof(v) ||
	    espnic_client_read(c, VFIO_PCI_CONFIG_REGION_INDEX, off, &v, count))
		return UINT32_MAX;
	return v;
}

int espnic_client_cfg_write(struct espnic_client *c, uint32_t off, uint32_t value, uint32_t count)
{
	if (count > sizeof(value))
		return -EINVAL;
	return espnic_client_write(c, VFIO_PCI_CONFIG_REGION_INDEX, off, &value, count, false);
}

uint32_t espnic_client_find_cap(struct espnic_client *c, uint8_t id)
{
	uint32_t pos = espnic_client_cfg_read(c, PCI_CAPABILITY_LIST, 1);

	for (unsigned int i = 0; i < MAX_CAPS && pos >= PCI_STD_HEADER_SIZEOF && pos < 256; i++) {
		if (espnic_client_cfg_read(c, pos, 1) == id)
			return pos;
		pos = espnic_client_cfg_read(c, pos + PCI_CAP_LIST_NEXT, 1);
	}
	return 0;
}

int espnic_client_bus_master(struct espnic_client *c, bool on)
{
	return espnic_client_cfg_write(c, PCI_COMMAND,
				       PCI_COMMAND_MEMORY | (on ? PCI_COMMAND_MASTER : 0), 2);
}

int espnic_client_set_irqs(struct espnic_client *c, uint32_t start, uint32_t count, const int *fds)
{
	int ret = 0;

	/* In chunks of what a message may carry, as QEMU does. */
	for (uint32_t done = 0; done < count && !ret;) {
		uint32_t n = count - done < ESPNIC_VFU_MAX_FDS ? count - done : ESPNIC_VFU_MAX_FDS;
		struct espnic_vfu_irq_set s = {
			.argsz = sizeof(s),
			.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = VFIO_PCI_MSIX_IRQ_INDEX,
			.start = start + done,
			.count = n,
		};

		ret = call_exact(c, ESPNIC_VFU_SET_IRQS, &s, sizeof(s), fds ? fds + done : NULL,
				 fds ? n : 0, NULL, 0);
		done += n;
	}
	return ret;
}

int espnic_client_disable_irqs(struct espnic_client *c)
{
	struct espnic_vfu_irq_set s = {
		.argsz = sizeof(s),
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSIX_IRQ_INDEX,
	};

	return call_exact(c, ESPNIC_VFU_SET_IRQS, &s, sizeof(s), NULL, 0, NULL, 0);
}

int espnic_client_flr(struct espnic_client *c)
{
	uint32_t pos = espnic_client_find_cap(c, PCI_CAP_ID_EXP);

	if (!pos)
		return -ENODEV;
	return espnic_client_cfg_write(c, pos + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR, 2);
}

int espnic_client_device_reset(struct espnic_client *c)
{
	return call_exact(c, ESPNIC_VFU_DEVICE_RESET, NULL, 0, NULL, 0, NULL, 0);
}
