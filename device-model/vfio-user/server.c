// SPDX-License-Identifier: BSD-2-Clause
/* The socket, the clients, one after the other, and the bus thread's loop. */
#include "vfio-user/server.h"
#include "vfio-user/vfu.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	MAX_BATCH = 64, /* messages taken before looking at anything else */
	BACKLOG = 4,
};

struct espnic_vfu *espnic_vfu_alloc(const struct espnic_fn_ops *ops, void *fn, unsigned int vectors)
{
	struct espnic_vfu *vfu = calloc(1, sizeof(*vfu));

	if (!vfu)
		return NULL;
	vfu->ops = ops;
	vfu->fn = fn;
	vfu->listen_fd = -1;
	vfu->conn = -1;
	vfu->rx.body = malloc(ESPNIC_VFU_MAX_BODY);
	vfu->tx = malloc(sizeof(struct espnic_vfu_header) + ESPNIC_VFU_MAX_BODY);
	vfu->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!vfu->rx.body || !vfu->tx || vfu->stop_fd < 0)
		goto fail;
	if (espnic_vfu_dma_guard() || espnic_vfu_dma_init(&vfu->dma))
		goto fail;
	if (espnic_vfu_dma_msg_init(&vfu->dma_msg)) {
		espnic_vfu_dma_destroy(&vfu->dma);
		goto fail;
	}
	espnic_vfu_irq_init(&vfu->irq, vectors);
	espnic_vfu_pci_init(&vfu->pci, vectors);
	return vfu;
fail:
	if (vfu->stop_fd >= 0)
		close(vfu->stop_fd);
	free(vfu->rx.body);
	free(vfu->tx);
	free(vfu);
	return NULL;
}

void espnic_vfu_free(struct espnic_vfu *vfu)
{
	struct stat st;

	if (!vfu)
		return;
	if (vfu->listen_fd >= 0)
		close(vfu->listen_fd);
	/* Another server may have replaced the file: remove only our own. */
	if (vfu->path && !stat(vfu->path, &st) && st.st_dev == vfu->sock_dev &&
	    st.st_ino == vfu->sock_ino)
		unlink(vfu->path);
	free(vfu->path);
	espnic_vfu_irq_destroy(&vfu->irq);
	espnic_vfu_dma_msg_destroy(&vfu->dma_msg);
	espnic_vfu_dma_destroy(&vfu->dma);
	close(vfu->stop_fd);
	free(vfu->rx.body);
	free(vfu->tx);
	free(vfu);
}

/*
 * Is the file at @sun a socket nobody serves? Then it is removed. 0, or -errno: it can't be
 * replaced.
 */
static int remove_stale(const struct sockaddr_un *sun)
{
	struct stat st;
	int s, ret;

	if (lstat(sun->sun_path, &st))
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0)
		return -errno;
	ret = connect(s, (const struct sockaddr *)sun, sizeof(*sun)) ? -errno : 0;
	close(s);
	if (ret != -ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(sun->sun_path) ? -errno : 0;
}

static int listen_at(struct espnic_vfu *vfu, const struct sockaddr_un *sun)
{
	struct stat st;
	int ret;

	vfu->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (vfu->listen_fd < 0)
		return -errno;
	ret = bind(vfu->listen_fd, (const struct sockaddr *)sun, sizeof(*sun)) ? -errno : 0;
	if (ret == -EADDRINUSE) {
		ret = remove_stale(sun);
		if (!ret && bind(vfu->listen_fd, (const struct sockaddr *)sun, sizeof(*sun)))
			ret = -errno;
	}
	if (ret)
		return ret;
	if (listen(vfu->listen_fd, BACKLOG) || stat(sun->sun_path, &st))
		return -errno;
	vfu->sock_dev = st.st_dev;
	vfu->sock_ino = st.st_ino;
	vfu->path = strdup(sun->sun_path);
	return vfu->path ? 0 : -ENOMEM;
}

struct espnic_vfu *espnic_vfu_new(const char *path, const struct espnic_fn_ops *ops, void *fn,
				  unsigned int vectors, char *err, size_t err_len)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct espnic_vfu *vfu;
	int ret;

	if (!vectors || vectors > ESPNIC_MAX_VECTORS) {
		snprintf(err, err_len, "%u MSI-X vectors: 1 to %u are possible", vectors,
			 ESPNIC_MAX_VECTORS);
		return NULL;
	}
	if (!*path || strlen(path) >= sizeof(sun.sun_path)) {
		snprintf(err, err_len, "socket path '%s' is empty or longer than %zu bytes", path,
			 sizeof(sun.sun_path) - 1);
		return NULL;
	}
	memcpy(sun.sun_path, path, strlen(path) + 1);
	vfu = espnic_vfu_alloc(ops, fn, vectors);
	if (!vfu) {
		snprintf(err, err_len, "no memory for the vfio-user server");
		return NULL;
	}
	ret = listen_at(vfu, &sun);
	if (!ret)
		return vfu;
	if (ret == -EADDRINUSE)
		snprintf(err, err_len, "socket %s is in use: another server listens on it", path);
	else if (ret == -EEXIST)
		snprintf(err, err_len, "socket %s: there is a file of this name which is no socket",
			 path);
	else
		snprintf(err, err_len, "socket %s: %s", path, strerror(-ret));
	espnic_vfu_free(vfu);
	return NULL;
}

void espnic_vfu_stop(struct espnic_vfu *vfu)
{
	const uint64_t one = 1;

	/* EAGAIN: it has been stopped 2^64 times already. */
	if (write(vfu->stop_fd, &one, sizeof(one)) < 0)
		return;
}

/* A second client while there is a first: told by closing its connection. */
static void refuse_second(struct espnic_vfu *vfu)
{
	struct pollfd first = { .fd = vfu->conn, .events = POLLRDHUP };
	int s;

	/*
	 * The first may have left just now; then the second is welcome, once the first's last
	 * messages are done.
	 */
	if (poll(&first, 1, 0) != 0)
		return;
	s = accept4(vfu->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (s < 0)
		return;
	close(s);
	fprintf(stderr, "espnic-device: refused a second vfio-user client: one is connected\n");
}

/* Handle what the socket has, up to a batch. Negative: drop the client. */
static int take_messages(struct espnic_vfu *vfu)
{
	int ret = 1;

	for (unsigned int i = 0; i < MAX_BATCH && ret > 0; i++) {
		ret = espnic_vfu_recv(vfu);
		if (ret <= 0)
			break;
		ret = espnic_vfu_handle(vfu);
		espnic_vfu_rx_reset(&vfu->rx);
		if (!ret)
			ret = 1;
	}
	return ret;
}

/* Until the client leaves (negative) or the server is stopped (0). */
static int client_loop(struct espnic_vfu *vfu)
{
	struct pollfd p[] = {
		{ .fd = vfu->stop_fd, .events = POLLIN },
		{ .fd = vfu->dma_msg.kick_fd, .events = POLLIN },
		{ .fd = vfu->conn, .events = POLLIN },
		{ .fd = vfu->listen_fd, .events = POLLIN },
	};
	int ret = 1;

	while (ret >= 0) {
		if (poll(p, sizeof(p) / sizeof(p[0]), -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (p[0].revents)
			return 0;
		if (p[1].revents)
			ret = espnic_vfu_dma_msg_send(vfu);
		if (ret >= 0 && p[2].revents)
			ret = take_messages(vfu);
		if (ret >= 0 && p[3].revents)
			refuse_second(vfu);
	}
	return ret;
}

bool espnic_vfu_serve(struct espnic_vfu *vfu, int conn)
{
	bool stopped;

	vfu->conn = conn;
	vfu->negotiated = false;
	vfu->why = NULL;
	stopped = client_loop(vfu) == 0;
	if (vfu->why)
		fprintf(stderr, "espnic-device: dropped the vfio-user client: %s\n", vfu->why);

	/* The function first: it closes the gate, then what it used goes. */
	espnic_vfu_reset(vfu);
	espnic_vfu_dma_msg_set_client(&vfu->dma_msg, false, 0);
	espnic_vfu_dma_unmap_all(&vfu->dma);
	espnic_vfu_irq_connect(&vfu->irq, 0, vfu->irq.vectors, NULL);
	espnic_vfu_rx_reset(&vfu->rx);
	close(vfu->conn);
	vfu->conn = -1;
	return stopped;
}

int espnic_vfu_run(struct espnic_vfu *vfu)
{
	struct pollfd p[] = {
		{ .fd = vfu->stop_fd, .events = POLLIN },
		{ .fd = vfu->listen_fd, .events = POLLIN },
	};
	int conn;

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (p[0].revents)
			return 0;
		if (!p[1].revents)
			continue;
		conn = accept4(vfu->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (conn < 0) {
			if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
				continue;
			return -errno;
		}
		if (espnic_vfu_serve(vfu, conn))
			return 0;
	}
}
