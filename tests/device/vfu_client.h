/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vfio-user client for tests: what QEMU is to the device, without a guest. Functions that
 * return int give 0 (or a length) or a negative errno: the server's own when it answered with an
 * error, -ETIMEDOUT when it did not answer within ESPNIC_CLIENT_TIMEOUT_MS, -ECONNRESET when it
 * closed the connection.
 */
#ifndef ESPNIC_TESTS_VFU_CLIENT_H
#define ESPNIC_TESTS_VFU_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfio-user/protocol.h"

enum {
	ESPNIC_CLIENT_TIMEOUT_MS = 5000, /* as QEMU's x-msg-timeout */
};

/* Access a map gives the device: bits of DMA_MAP's flags. */
enum {
	ESPNIC_CLIENT_READ = 1,
	ESPNIC_CLIENT_WRITE = 2,
	ESPNIC_CLIENT_RW = 3,
};

struct espnic_client;

/* Raw sockets, for hostile tests. */

/* Connect to @path, waiting up to 5 s for a server to appear. The socket, or -errno. */
int espnic_raw_dial(const char *path);
/* Send @len bytes with @nfds descriptors in one sendmsg. 0 or -errno. */
int espnic_raw_send(int sock, const void *buf, size_t len, const int *fds, unsigned int nfds);
/* Send a message. 0 or -errno. */
int espnic_raw_msg(int sock, uint16_t id, uint16_t cmd, uint32_t flags, const void *body,
		   size_t len, const int *fds, unsigned int nfds);
/*
 * Receive a whole message: its header to @hdr, up to @size bytes of its body to @body. The body's
 * length, -ETIMEDOUT after @timeout_ms, or -ECONNRESET at the end of the stream.
 */
int espnic_raw_recv(int sock, struct espnic_vfu_header *hdr, void *body, size_t size,
		    int timeout_ms);
/* Negotiate the version as QEMU 11.1 does. 0 or -errno. */
int espnic_raw_version(int sock);

/*
 * Connect, negotiate the version and start the thread that receives. NULL after a line on stderr.
 */
struct espnic_client *espnic_client_new(const char *path);
/* Close the connection, as QEMU does when it exits: without a word. */
void espnic_client_free(struct espnic_client *c);
/* True while the server keeps the connection. */
bool espnic_client_alive(struct espnic_client *c);

/*
 * One command. @reply takes up to @reply_size bytes of the reply's payload. Its length or -errno.
 * With ESPNIC_VFU_NO_REPLY in @flags, 0 once sent.
 */
int espnic_client_call(struct espnic_client *c, uint16_t cmd, uint32_t flags, const void *body,
		       size_t len, const int *fds, unsigned int nfds, void *reply,
		       size_t reply_size);

/* Map @size bytes of @fd from @offset at @iova; @fd -1: without a descriptor, and not served. */
int espnic_client_map(struct espnic_client *c, uint64_t iova, int fd, uint64_t offset,
		      uint64_t size, uint32_t flags);
/*
 * Map without a descriptor: DMA_READ and DMA_WRITE are answered from @buf, which must outlive the
 * client.
 */
int espnic_client_map_served(struct espnic_client *c, uint64_t iova, void *buf, uint64_t size,
			     uint32_t flags);
int espnic_client_unmap(struct espnic_client *c, uint64_t iova, uint64_t size);
int espnic_client_unmap_all(struct espnic_client *c);
/* While @hold, DMA messages are not answered; the last one is when it ends. */
void espnic_client_hold_dma(struct espnic_client *c, bool hold);
/* DMA messages received so far. */
unsigned int espnic_client_dma_messages(struct espnic_client *c);
/* Bytes of the largest DMA message so far. */
uint64_t espnic_client_dma_largest(struct espnic_client *c);

/* Access to a region (VFIO_PCI_*_REGION_INDEX). 0 or -errno. */
int espnic_client_read(struct espnic_client *c, uint32_t region, uint64_t off, void *buf,
		       uint32_t count);
int espnic_client_write(struct espnic_client *c, uint32_t region, uint64_t off, const void *buf,
			uint32_t count, bool posted);
/*
 * A 32-bit register of BAR0; all-ones when the device is gone, as a guest would see. Writes are
 * posted.
 */
uint32_t espnic_client_reg_read(struct espnic_client *c, uint32_t off);
void espnic_client_reg_write(struct espnic_client *c, uint32_t off, uint32_t value);
/* Config space, 1, 2 or 4 bytes; all-ones when the device is gone. */
uint32_t espnic_client_cfg_read(struct espnic_client *c, uint32_t off, uint32_t count);
int espnic_client_cfg_write(struct espnic_client *c, uint32_t off, uint32_t value, uint32_t count);
/* Offset of capability @id (PCI_CAP_ID_*) in config space, 0 if there is none. */
uint32_t espnic_client_find_cap(struct espnic_client *c, uint8_t id);
/* Set or clear Bus Master Enable, with Memory Space Enable set. */
int espnic_client_bus_master(struct espnic_client *c, bool on);

/* Install eventfds for MSI-X vectors @start and on; @fds NULL: remove. */
int espnic_client_set_irqs(struct espnic_client *c, uint32_t start, uint32_t count, const int *fds);
/* Disable all MSI-X vectors. */
int espnic_client_disable_irqs(struct espnic_client *c);

/* Function level reset, as Linux does it: Initiate FLR in Device Control. */
int espnic_client_flr(struct espnic_client *c);
/* The reset QEMU sends with a machine reset. */
int espnic_client_device_reset(struct espnic_client *c);

/* Milliseconds of CLOCK_MONOTONIC. */
uint64_t espnic_now_ms(void);
/* Wait for an eventfd and clear it. Its count, or 0 after @timeout_ms. */
uint64_t espnic_eventfd_wait(int fd, int timeout_ms);

#endif
