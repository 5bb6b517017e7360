// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fuzz target: what a client sends to the bus. Everything between the socket and the function
 * runs: framing, commands, config space, interrupts, maps, and DMA by both ways from a second
 * thread.
 *
 * Input: records of one byte of flags, one byte of length, then so many bytes, which are sent in
 * one sendmsg. bit 0: a whole message is meant: the size in its header is corrected bit 1:
 * descriptors go along: bits 4 to 7 say how many, eventfds and files by turns bit 2: bytes 16 and
 * on are taken 64 times, to reach the larger limits bit 3: the version is negotiated before it
 *
 * Built with -DESPNIC_FUZZ_REPLAY it has a main() of its own that replays files.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vfio-user/server.h"
#include "vfio-user/vfu.h"

enum {
	WHOLE = 1,
	WITH_FDS = 2,
	REPEAT = 4,
	NEGOTIATE = 8,
	REPEATS = 64,
	INPUT_MAX = 16384,
	MEMORY = 16 * 4096, /* bytes of the files sent along */
	MAX_SENT_FDS = 15,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct espnic_vfu *vfu;
static atomic_bool stop_dma;

/* The function: takes what the bus promises as a check, and does the least. */
static void check(bool ok, const char *what)
{
	if (!ok) {
		dprintf(STDERR_FILENO, "vfu_stream: %s\n", what);
		abort();
	}
}

static uint32_t reg_read(void *fn, uint32_t off)
{
	(void)fn;
	check(!(off & 3) && off < ESPNIC_BAR0_SIZE, "a register that is none was read");
	return off;
}

static void reg_write(void *fn, uint32_t off, uint32_t value)
{
	(void)fn;
	(void)value;
	check(!(off & 3) && off < ESPNIC_BAR0_SIZE, "a register that is none was written");
}

static void nothing(void *fn)
{
	(void)fn;
}

static void reset(void *fn)
{
	(void)fn;
	espnic_vfu_bus_ops.dma_gate(vfu, false);
	/*
	 * Not as it should be, but the function has no threads whose end it would have to wait
	 * for.
	 */
	espnic_vfu_bus_ops.dma_gate(vfu, true);
}

static const struct espnic_fn_ops ops = {
	.reg_read = reg_read,
	.reg_write = reg_write,
	.reg_bad_access = nothing,
	.dma_refused = nothing,
	.reset = reset,
};

/* A NIC thread: touches what clients like to map, and signals. */
static void *dma_thread(void *arg)
{
	const struct espnic_bus_ops *bus = &espnic_vfu_bus_ops;
	uint8_t buf[8192];
	uint32_t v;

	(void)arg;
	for (uint64_t i = 0; !stop_dma; i++) {
		uint64_t iova = (i % 20) * 2048;

		bus->dma_read(vfu, iova, buf, (i * 37) % sizeof(buf));
		bus->dma_write(vfu, iova, buf, (i * 11) % sizeof(buf));
		if (!bus->dma_load32(vfu, iova, &v))
			bus->dma_store32(vfu, iova + 4, v);
		bus->irq(vfu, (unsigned int)(i % 20));
	}
	return NULL;
}

/* The client's other half: reads what the server says and forgets it. */
static void *drain(void *arg)
{
	int sock = *(int *)arg;
	char buf[65536];

	while (read(sock, buf, sizeof(buf)) > 0)
		;
	return NULL;
}

static void send_record(int sock, const uint8_t *buf, size_t len, unsigned int nfds)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * MAX_SENT_FDS)];
		struct cmsghdr align;
	} ctl;
	struct iovec iov = { .iov_base = (void *)(uintptr_t)buf, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fds[MAX_SENT_FDS];

	for (unsigned int i = 0; i < nfds; i++) {
		fds[i] = i & 1 ? eventfd(0, EFD_CLOEXEC) : memfd_create("fuzz", MFD_CLOEXEC);
		check(fds[i] >= 0 && (i & 1 || !ftruncate(fds[i], MEMORY)), "no descriptors");
	}
	if (nfds) {
		struct cmsghdr *c;

		memset(&ctl, 0, sizeof(ctl));
		msg.msg_control = ctl.buf;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
	}
	/* It ends early when the server has closed the connection. */
	if (len && sendmsg(sock, &msg, MSG_NOSIGNAL) < 0)
		shutdown(sock, SHUT_WR);
	for (unsigned int i = 0; i < nfds; i++)
		close(fds[i]);
}

static void negotiate(int sock)
{
	static const char json[] = "{\"capabilities\":{\"max_data_xfer_size\":4096}}";
	struct espnic_vfu_header h = { .cmd = ESPNIC_VFU_VERSION,
				       .size = sizeof(h) + 4 + sizeof(json) };
	uint8_t msg[sizeof(h) + 4 + sizeof(json)] = { 0 };

	memcpy(msg, &h, sizeof(h));
	memcpy(msg + sizeof(h) + 4, json, sizeof(json));
	send_record(sock, msg, sizeof(msg), 0);
}

struct input {
	const uint8_t *data;
	size_t size;
	int sock;
};

static void *client(void *arg)
{
	struct input *in = arg;
	const uint8_t *p = in->data;
	size_t left = in->size;
	static uint8_t msg[16 + 255 * REPEATS];

	while (left >= 2) {
		uint8_t flags = p[0];
		size_t len = p[1] < left - 2 ? p[1] : left - 2;
		size_t n = len;

		if (flags & NEGOTIATE)
			negotiate(in->sock);
		memcpy(msg, p + 2, len);
		if (flags & REPEAT && len > 16)
			for (unsigned int i = 1; i < REPEATS; i++, n += len - 16)
				memcpy(msg + n, msg + 16, len - 16);
		if (flags & WHOLE && n >= 8) {
			uint32_t size = n < 16 ? 16 : (uint32_t)n;

			memcpy(msg + 4, &size, sizeof(size));
		}
		send_record(in->sock, msg, n, flags & WITH_FDS ? flags >> 4 : 0);
		p += 2 + len;
		left -= 2 + len;
	}
	shutdown(in->sock, SHUT_WR);
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { .data = data, .size = size };
	pthread_t threads[3];
	int pair[2];

	if (size > INPUT_MAX)
		return 0;
	if (!vfu) {
		vfu = espnic_vfu_alloc(&ops, NULL, 17);
		check(vfu, "no memory");
		/*
		 * The server says why it drops a client, which here it does thousands of times a
		 * second.
		 */
		stderr = fopen("/dev/null", "w");
		check(stderr, "no /dev/null");
		espnic_vfu_bus_ops.dma_gate(vfu, true);
	}
	check(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "no socket");
	in.sock = pair[0];
	stop_dma = false;
	check(!pthread_create(&threads[0], NULL, client, &in) &&
		      !pthread_create(&threads[1], NULL, drain, &pair[0]) &&
		      !pthread_create(&threads[2], NULL, dma_thread, NULL),
	      "no thread");
	espnic_vfu_serve(vfu, pair[1]);
	stop_dma = true;
	for (unsigned int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	close(pair[0]);
	check(!vfu->dma.nmaps && !vfu->dma_msg.reqs && !vfu->rx.nfds,
	      "something of the client is left");
	for (unsigned int v = 0; v < 17; v++)
		check(vfu->irq.fd[v] < 0, "an eventfd of the client is left");
	return 0;
}

#ifdef ESPNIC_FUZZ_REPLAY
int main(int argc, char **argv)
{
	static uint8_t buf[INPUT_MAX];

	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");

		if (!f) {
			perror(argv[i]);
			return 1;
		}
		LLVMFuzzerTestOneInput(buf, fread(buf, 1, sizeof(buf), f));
		fclose(f);
	}
	return 0;
}
#endif
