/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of the bus: state and the functions its files call in each other. */
#ifndef ESPNIC_VFIO_USER_VFU_H
#define ESPNIC_VFIO_USER_VFU_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "espnic_regs.h"
#include "nic/bus.h"
#include "vfio-user/protocol.h"

enum {
	ESPNIC_VFU_CFG_SIZE = 4096, /* bytes of PCIe config space */
	ESPNIC_VFU_REGIONS = 9, /* BAR 0-5, ROM, config, VGA: VFIO_PCI_NUM_REGIONS */
	ESPNIC_VFU_IRQS = 5, /* INTx, MSI, MSI-X, ERR, REQ: VFIO_PCI_NUM_IRQS */
	ESPNIC_VFU_SEND_TIMEOUT_MS = 1000, /* a client that does not read for so long is dropped */
	ESPNIC_VFU_DMA_TIMEOUT_MS = 5000, /* a DMA message is given up, as QEMU gives up ours */
};

/* pci.c: config space. Bus thread alone. */
struct espnic_vfu_pci {
	uint8_t cfg[ESPNIC_VFU_CFG_SIZE];
	uint8_t wmask[ESPNIC_VFU_CFG_SIZE]; /* bits a client may change */
	unsigned int vectors;
};

/* What a config write asks of the bus besides the bits it stored. */
enum espnic_vfu_pci_effect {
	ESPNIC_VFU_PCI_NONE,
	ESPNIC_VFU_PCI_MASTER, /* espnic_vfu_pci_master() may have changed */
	ESPNIC_VFU_PCI_RESET, /* FLR, or D3hot to D0: the function is to be reset */
};

void espnic_vfu_pci_init(struct espnic_vfu_pci *pci, unsigned int vectors);
/* Config space back to what it is after any reset, power state D0. */
void espnic_vfu_pci_reset(struct espnic_vfu_pci *pci);
/* @off + @count are within config space. */
void espnic_vfu_pci_read(const struct espnic_vfu_pci *pci, uint32_t off, void *buf, uint32_t count);
enum espnic_vfu_pci_effect espnic_vfu_pci_write(struct espnic_vfu_pci *pci, uint32_t off,
						const void *buf, uint32_t count);
/* True while the function may master the bus: Bus Master Enable is set and it is in D0. */
bool espnic_vfu_pci_master(const struct espnic_vfu_pci *pci);
/* True while the function is in D0: in D3hot its BARs do not answer. */
bool espnic_vfu_pci_d0(const struct espnic_vfu_pci *pci);

/* irq.c: MSI-X vectors. The lock guards all; held for a write to an eventfd at most. */
struct espnic_vfu_irq {
	pthread_mutex_t lock;
	unsigned int vectors;
	int fd[ESPNIC_MAX_VECTORS]; /* owned; -1: not connected */
	bool pending[ESPNIC_MAX_VECTORS];
};

void espnic_vfu_irq_init(struct espnic_vfu_irq *irq, unsigned int vectors);
void espnic_vfu_irq_destroy(struct espnic_vfu_irq *irq);
void espnic_vfu_irq_raise(struct espnic_vfu_irq *irq, unsigned int vector);
/*
 * Connect @fds (taken over: entries become -1) to vectors @start and on; @fds NULL disconnects
 * them. @start + @count are within the vectors. 0, or -EINVAL if one is no eventfd (then nothing
 * has changed).
 */
int espnic_vfu_irq_connect(struct espnic_vfu_irq *irq, unsigned int start, unsigned int count,
			   int *fds);
/* Forget what is pending: a reset. */
void espnic_vfu_irq_reset(struct espnic_vfu_irq *irq);
/* Copy @count bytes of the pending bit array from byte @off; zero past its end. */
void espnic_vfu_irq_pba(struct espnic_vfu_irq *irq, uint32_t off, uint8_t *buf, uint32_t count);

/* dma.c: host memory. */
struct espnic_vfu_map {
	uint64_t iova;
	uint64_t last; /* last byte: a map may end with the address space */
	uint8_t *host; /* NULL: no file behind it, reached by messages */
	uint32_t flags; /* VFIO_DMA_MAP_FLAG_READ, _WRITE */
	int lost; /* its file was truncated; set by the SIGBUS handler */
};

/*
 * An access holds the lock shared from lookup to the end of its copy, so that the bus thread,
 * holding it alone, knows that nobody touches a map. Message DMA is done without it.
 */
struct espnic_vfu_dma {
	pthread_rwlock_t lock; /* prefers writers: an UNMAP must not starve */
	/* ESPNIC_VFU_MAX_MAPS entries, sorted by IOVA, no overlap; changed by the bus thread alone */
	struct espnic_vfu_map *maps;
	unsigned int nmaps;
	bool gate; /* open: the function may access memory */
	bool master; /* espnic_vfu_pci_master() */
};

/* 0 or -ENOMEM. */
int espnic_vfu_dma_init(struct espnic_vfu_dma *dma);
void espnic_vfu_dma_destroy(struct espnic_vfu_dma *dma);
/*
 * As a DMA_MAP asks; @fd -1: none; it stays the caller's. 0, -EINVAL, -EEXIST (overlap), -ENOSPC
 * (table full), or mmap's error.
 */
int espnic_vfu_dma_map(struct espnic_vfu_dma *dma, const struct espnic_vfu_dma_map *m, int fd);
/* Undo exactly one map. Nobody touches it any more on return. 0, -EINVAL or -ENOENT. */
int espnic_vfu_dma_unmap(struct espnic_vfu_dma *dma, uint64_t iova, uint64_t size);
void espnic_vfu_dma_unmap_all(struct espnic_vfu_dma *dma);
void espnic_vfu_dma_set_master(struct espnic_vfu_dma *dma, bool master);
/* Install the process's SIGBUS handler (once). 0 or -errno. */
int espnic_vfu_dma_guard(void);

/*
 * dma_msg.c: accesses to host memory that has no file behind it. A NIC thread queues a request and
 * waits; the bus thread sends it, and finishes it when the reply comes. The buffer of a request is
 * touched under the lock alone, so that its owner may go away with it at any time.
 */
struct espnic_vfu_dma_req {
	struct espnic_vfu_dma_req *next;
	uint64_t iova;
	uint8_t *buf;
	uint32_t len;
	uint16_t id; /* once sent */
	bool write;
	bool sent;
	bool done;
	int result;
};

struct espnic_vfu_dma_msg {
	pthread_mutex_t lock;
	pthread_cond_t cond; /* CLOCK_MONOTONIC; a request is done */
	struct espnic_vfu_dma_req *reqs; /* in order of arrival */
	uint16_t next_id;
	uint32_t max_xfer; /* bytes of one message: the client's limit or ours */
	bool client; /* there is one */
	bool gate; /* as espnic_vfu_dma.gate */
	int kick_fd; /* eventfd: wakes the bus thread */
};

int espnic_vfu_dma_msg_init(struct espnic_vfu_dma_msg *msg);
void espnic_vfu_dma_msg_destroy(struct espnic_vfu_dma_msg *msg);
/*
 * One access by messages. 0, -EFAULT (refused, or no answer in time), -ECANCELED (gate closed,
 * client gone).
 */
int espnic_vfu_dma_msg_access(struct espnic_vfu_dma_msg *msg, uint64_t iova, void *buf, size_t len,
			      bool write);
/* Gate or client come and go; a request in flight then ends with -ECANCELED. */
void espnic_vfu_dma_msg_set_gate(struct espnic_vfu_dma_msg *msg, bool open);
void espnic_vfu_dma_msg_set_client(struct espnic_vfu_dma_msg *msg, bool present, uint32_t max_xfer);

/* message.c: one client's stream. Bus thread alone. */
struct espnic_vfu_rx {
	struct espnic_vfu_header hdr;
	size_t have; /* bytes of header and body so far */
	int fds[ESPNIC_VFU_MAX_FDS]; /* owned until taken (-1) */
	unsigned int nfds;
	uint8_t *body; /* ESPNIC_VFU_MAX_BODY bytes */
};

struct espnic_vfu {
	const struct espnic_fn_ops *ops;
	void *fn;

	char *path; /* NULL: no socket file of our own */
	dev_t sock_dev; /* to remove our own file alone */
	ino_t sock_ino;
	int listen_fd;
	int stop_fd; /* eventfd, readable once stopped */
	int conn; /* the client, or -1 */
	bool negotiated; /* it has sent VERSION */
	const char *why; /* it is to be dropped, and why */

	struct espnic_vfu_rx rx;
	uint8_t *tx; /* header and payload of what is sent */

	struct espnic_vfu_pci pci;
	struct espnic_vfu_irq irq;
	struct espnic_vfu_dma dma;
	struct espnic_vfu_dma_msg dma_msg;
};

/*
 * server.c: everything but the socket file, for tests that bring their own connection. NULL
 * without memory.
 */
struct espnic_vfu *espnic_vfu_alloc(const struct espnic_fn_ops *ops, void *fn,
				    unsigned int vectors);
/*
 * Serve @conn (taken over, a stream socket) until it ends or the server is stopped. True:
 * stopped.
 */
bool espnic_vfu_serve(struct espnic_vfu *vfu, int conn);

/*
 * Take what the socket has. 1: a whole message is in vfu->rx; 0: nothing more for now; negative:
 * the stream ended or is broken (vfu->why says how, NULL for a plain end).
 */
int espnic_vfu_recv(struct espnic_vfu *vfu);
/* Forget the message in vfu->rx; closes its descriptors that nobody took. */
void espnic_vfu_rx_reset(struct espnic_vfu_rx *rx);
/*
 * Send the message whose payload of @len bytes stands in vfu->tx after the header. Waits at most
 * ESPNIC_VFU_SEND_TIMEOUT_MS for a client that does not read. 0, or negative after setting
 * vfu->why.
 */
int espnic_vfu_send(struct espnic_vfu *vfu, uint16_t id, uint16_t cmd, uint32_t flags,
		    uint32_t error, size_t len);
/* Where the payload of what is sent goes. */
static inline void *espnic_vfu_payload(struct espnic_vfu *vfu)
{
	return vfu->tx + sizeof(struct espnic_vfu_header);
}

/* commands.c: handle the message in vfu->rx. Negative: drop the client. */
int espnic_vfu_handle(struct espnic_vfu *vfu);
/* Reset the function and its config space; maps and eventfds stay. */
void espnic_vfu_reset(struct espnic_vfu *vfu);

/*
 * Handlers: the body is vfu->rx.body, of @len bytes, at least what the command table asks for.
 * Each gives the length of the reply's payload, which it has put at espnic_vfu_payload(), or
 * -errno.
 */
int espnic_vfu_do_version(struct espnic_vfu *vfu, size_t len);
int espnic_vfu_do_region_read(struct espnic_vfu *vfu, size_t len);
int espnic_vfu_do_region_write(struct espnic_vfu *vfu, size_t len);
int espnic_vfu_do_region_write_multi(struct espnic_vfu *vfu, size_t len);
/* Bytes of region @index; 0: there is none. */
uint64_t espnic_vfu_region_size(uint32_t index);

/* dma_msg.c, bus thread: send what is queued; negative: drop the client. */
int espnic_vfu_dma_msg_send(struct espnic_vfu *vfu);
/*
 * dma_msg.c, bus thread: the reply in vfu->rx, of @len payload bytes; one that nobody waits for
 * is ignored.
 */
void espnic_vfu_dma_msg_reply(struct espnic_vfu *vfu, size_t len);

#endif
