// SPDX-License-Identifier: BSD-2-Clause
#include "nic/pcap.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum pcapng {
	BLOCK_SHB = 0x0a0d0d0a,		/* section header */
	BLOCK_IDB = 1,			/* interface description */
	BLOCK_EPB = 6,			/* enhanced packet */
	BYTE_ORDER_MAGIC = 0x1a2b3c4d,
	LINKTYPE_ETHERNET = 1,
	OPT_END = 0,
	OPT_COMMENT = 1,
	SHB_USERAPPL = 4,
	IF_NAME = 2,
	IF_TSRESOL = 9,
	EPB_FLAGS = 2,
	TSRESOL_NANO = 9,		/* 10^-9 s */
	BLOCK_ALIGN = 4,
	EPB_FIXED = 28,			/* bytes of an enhanced packet block before the data */
};

enum pcap_limits {
	BUF_SIZE = 1024 * 1024,		/* bytes gathered before a write() */
	FRAME_MAX = 128 * 1024,		/* bytes of a frame that are recorded */
	/* Bytes of a whole block besides the frame: head, options, padding, total length. */
	BLOCK_EXTRA = EPB_FIXED + ESPNIC_PCAP_COMMENT_MAX + 64,
};

struct espnic_pcap {
	int fd;
	pthread_t flusher;
	pthread_mutex_t lock;		/* guards all below, and the order of writes */
	pthread_cond_t stop_cond;
	bool stop;
	int error;			/* negative errno of the write that failed */
	size_t used;
	uint8_t buf[BUF_SIZE];
};

static void flush(struct espnic_pcap *p)
{
	size_t done = 0;

	while (done < p->used && !p->error) {
		ssize_t n = write(p->fd, p->buf + done, p->used - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			p->error = -errno;
		else
			done += (size_t)n;
	}
	p->used = 0;
}

/* flush(), and says when it fails; there is nothing more to flush after that. Under lock. */
static void flush_or_say(struct espnic_pcap *p)
{
	if (!p->used)
		return;
	flush(p);
	if (p->error)
		fprintf(stderr, "espnic-device: pcap: recording stopped: %s\n",
			strerror(-p->error));
}

/* Appends @len bytes and zeros up to the alignment. The caller made room. */
static void put(struct espnic_pcap *p, const void *data, size_t len)
{
	size_t pad = -len % BLOCK_ALIGN;

	if (len)
		memcpy(p->buf + p->used, data, len);
	memset(p->buf + p->used + len, 0, pad);
	p->used += len + pad;
}

static void put32(struct espnic_pcap *p, uint32_t v)
{
	put(p, &v, sizeof(v));
}

static void put_option(struct espnic_pcap *p, uint16_t code, const void *value, size_t len)
{
	uint16_t head[2] = { code, (uint16_t)len };

	put(p, head, sizeof(head));
	put(p, value, len);
}

/* A block begins: returns its place for block_end(). */
static size_t block_begin(struct espnic_pcap *p, uint32_t type)
{
	size_t at = p->used;

	put32(p, type);
	put32(p, 0);
	return at;
}

static void block_end(struct espnic_pcap *p, size_t at)
{
	uint32_t total = (uint32_t)(p->used - at + sizeof(total));

	put32(p, total);
	memcpy(p->buf + at + sizeof(uint32_t), &total, sizeof(total));
}

static void put_header(struct espnic_pcap *p)
{
	static const char *const names[ESPNIC_PCAP_IFACES] = {
		[ESPNIC_PCAP_WIRE] = "wire",
		[ESPNIC_PCAP_HOST] = "host",
	};
	static const char appl[] = "espnic-device";
	const uint16_t version[2] = { 1, 0 };
	const uint64_t unknown_length = UINT64_MAX;
	const uint8_t tsresol = TSRESOL_NANO;
	size_t at = block_begin(p, BLOCK_SHB);

	put32(p, BYTE_ORDER_MAGIC);
	put(p, version, sizeof(version));
	put(p, &unknown_length, sizeof(unknown_length));
	put_option(p, SHB_USERAPPL, appl, strlen(appl));
	put_option(p, OPT_END, NULL, 0);
	block_end(p, at);
	for (int i = 0; i < ESPNIC_PCAP_IFACES; i++) {
		const uint16_t link[2] = { LINKTYPE_ETHERNET, 0 };

		at = block_begin(p, BLOCK_IDB);
		put(p, link, sizeof(link));
		put32(p, 0);	/* snap length: none */
		put_option(p, IF_NAME, names[i], strlen(names[i]));
		put_option(p, IF_TSRESOL, &tsresol, sizeof(tsresol));
		put_option(p, OPT_END, NULL, 0);
		block_end(p, at);
	}
}

static void *flusher(void *arg)
{
	struct espnic_pcap *p = arg;
	struct timespec until;

	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += ESPNIC_PCAP_FLUSH_MS * 1000000L;
		if (until.tv_nsec >= 1000000000L) {
			until.tv_nsec -= 1000000000L;
			until.tv_sec++;
		}
		pthread_cond_timedwait(&p->stop_cond, &p->lock, &until);
		flush_or_say(p);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

struct espnic_pcap *espnic_pcap_open(const char *path, char *err, size_t err_len)
{
	struct espnic_pcap *p = calloc(1, sizeof(*p));
	pthread_condattr_t attr;
	int ret;

	if (!p) {
		snprintf(err, err_len, "pcap: out of memory");
		return NULL;
	}
	p->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (p->fd < 0) {
		snprintf(err, err_len, "pcap: cannot write %s: %s", path, strerror(errno));
		free(p);
		return NULL;
	}
	put_header(p);
	flush(p);
	if (p->error) {
		snprintf(err, err_len, "pcap: cannot write %s: %s", path, strerror(-p->error));
		close(p->fd);
		free(p);
		return NULL;
	}
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->stop_cond, &attr);
	pthread_condattr_destroy(&attr);
	ret = pthread_create(&p->flusher, NULL, flusher, p);
	if (ret) {
		snprintf(err, err_len, "pcap: cannot start a thread: %s", strerror(ret));
		pthread_cond_destroy(&p->stop_cond);
		pthread_mutex_destroy(&p->lock);
		close(p->fd);
		free(p);
		return NULL;
	}
	return p;
}

void espnic_pcap_frame(struct espnic_pcap *p, enum espnic_pcap_iface iface, const void *data,
		       uint32_t len, enum espnic_pcap_dir dir, const char *comment)
{
	size_t comment_len = comment ? strnlen(comment, ESPNIC_PCAP_COMMENT_MAX) : 0;
	uint32_t caplen = len < FRAME_MAX ? len : FRAME_MAX;
	struct timespec ts;
	uint64_t ns;
	size_t at;

	pthread_mutex_lock(&p->lock);
	if (sizeof(p->buf) - p->used < caplen + BLOCK_EXTRA)
		flush_or_say(p);
	if (p->error) {
		pthread_mutex_unlock(&p->lock);
		return;
	}
	/* Under the lock, so that times in the file never go back. */
	clock_gettime(CLOCK_REALTIME, &ts);
	ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	at = block_begin(p, BLOCK_EPB);
	put32(p, iface);
	put32(p, (uint32_t)(ns >> 32));
	put32(p, (uint32_t)ns);
	put32(p, caplen);
	put32(p, len);
	put(p, data, caplen);
	if (comment_len)
		put_option(p, OPT_COMMENT, comment, comment_len);
	put_option(p, EPB_FLAGS, &(uint32_t){ dir }, sizeof(uint32_t));
	put_option(p, OPT_END, NULL, 0);
	block_end(p, at);
	pthread_mutex_unlock(&p->lock);
}

int espnic_pcap_close(struct espnic_pcap *p)
{
	int error;

	if (!p)
		return 0;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_signal(&p->stop_cond);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->flusher, NULL);
	flush_or_say(p);
	error = p->error;
	if (close(p->fd) && !error)
		error = -errno;
	pthread_cond_destroy(&p->stop_cond);
	pthread_mutex_destroy(&p->lock);
	free(p);
	return error;
}
