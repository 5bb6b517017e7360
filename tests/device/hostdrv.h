/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A user-space driver of the device for tests, over the vfio-user client: what driver/ does in the
 * kernel, without a kernel. It knows the device by espnic_regs.h alone. Used by one thread.
 *
 * Functions that return int give 0 or more, or a negative errno; those that send a command give its
 * `cmd_status` when the device answered. The structs are open, so that a test can break any rule.
 */
#ifndef ESPNIC_TESTS_HOSTDRV_H
#define ESPNIC_TESTS_HOSTDRV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "espnic_regs.h"
#include "vfu_client.h"

enum {
	ESPNIC_DRV_RAM_IOVA = 0x40000000, /* bus address of the guest memory; 0 is not mapped */
	ESPNIC_DRV_RAM_SIZE = 256 * 1024 * 1024, /* bytes; backed only where touched */
	ESPNIC_DRV_CMD_LOG2 = 6, /* command ring of espnic_drv_start() */
	ESPNIC_DRV_EVQ_LOG2 = 8, /* its event ring */
	ESPNIC_DRV_CMD_IDS = 1024, /* ids in use at once: the largest command ring */
};

/* A process of the real device: $ESPNIC_DEVICE, or build/libexec/espnic-device. */
struct espnic_proc {
	pid_t pid;
	char dir[64];
	char socket[96];
};

/*
 * Start it with "--socket PATH" and the arguments @argv (NULL-terminated), e.g. "--wire",
 * "loopback". Returns once its socket is there. NULL after a line on stderr.
 */
struct espnic_proc *espnic_proc_start(const char *const *argv);
/* SIGTERM, then SIGKILL after 5 s. Its exit status, or 128 + the signal that ended it. Frees @p. */
int espnic_proc_stop(struct espnic_proc *p);
/* True while it runs. */
bool espnic_proc_alive(const struct espnic_proc *p);

struct espnic_drv_slot {
	uint64_t iova;
	uint32_t size;
};

/* One queue pair. Rings lie in guest memory; tails and heads are free-running. */
struct espnic_drv_queue {
	uint32_t entries_tx;
	uint32_t entries_rx;
	struct espnic_tx_desc *tx;
	struct espnic_tx_cpl *tx_cpl;
	struct espnic_rx_desc *rx;
	struct espnic_rx_cpl *rx_cpl;
	struct espnic_queue_ctrl *ctrl;
	struct espnic_cmd_queue_create create; /* as sent */
	uint32_t tx_tail; /* next descriptor to write */
	uint32_t tx_done; /* head of the last TX completion */
	uint32_t tx_cpl_head; /* next completion to read */
	uint32_t rx_tail;
	uint32_t rx_cpl_head;
	uint32_t tx_doorbells; /* doorbells written: fewer than posts when the elision works */
	uint32_t rx_doorbells;
	struct espnic_drv_slot *tx_buf; /* buffers of espnic_drv_tx_frame(), by slot */
	struct espnic_drv_slot *rx_buf; /* buffers of espnic_drv_rx_fill(), by slot */
};

struct espnic_drv {
	struct espnic_client *c;
	int memfd;
	uint8_t *ram; /* guest memory, ESPNIC_DRV_RAM_SIZE bytes at ESPNIC_DRV_RAM_IOVA */
	uint64_t ram_used; /* bytes given out by espnic_drv_alloc() */
	int irq[ESPNIC_MAX_VECTORS]; /* eventfds */

	struct espnic_cmd_entry *sq;
	struct espnic_cmd_cpl *cq;
	struct espnic_event *evq;
	uint64_t sq_iova, cq_iova, evq_iova;
	uint32_t cmd_log2, evq_log2;
	uint32_t sq_tail, cq_head, evq_head;
	struct {
		bool done;
		struct espnic_cmd_cpl cpl;
	} answer[ESPNIC_DRV_CMD_IDS]; /* by id modulo their number */

	struct espnic_drv_queue q[ESPNIC_MAX_QUEUE_PAIRS];
};

/*
 * Connect to the device at @socket, give it the guest memory and Bus Master Enable, install
 * eventfds for all vectors, wait for STATUS.READY and check ID and VERSION. NULL after a line on
 * stderr.
 */
struct espnic_drv *espnic_drv_open(const char *socket);
void espnic_drv_close(struct espnic_drv *d);

/*
 * @size zeroed bytes of guest memory, aligned to @align (a power of two). Their place, and bus
 * address to *@iova.
 */
void *espnic_drv_alloc(struct espnic_drv *d, uint64_t size, uint64_t align, uint64_t *iova);
/* Host address of the bus address @iova of guest memory; NULL outside of it. */
void *espnic_drv_ptr(struct espnic_drv *d, uint64_t iova);

/*
 * Wait until STATUS.READY is set and RESETTING clear. 0, -ETIMEDOUT, -EIO: FATAL is set, -ENODEV:
 * the device is gone.
 */
int espnic_drv_wait_ready(struct espnic_drv *d, int timeout_ms);
/*
 * After any reset: wait for READY, set Bus Master Enable, forget rings, queues and guest memory.
 * 0 or -errno.
 */
int espnic_drv_recover(struct espnic_drv *d);
/* CTRL.RESET, then espnic_drv_recover(). */
int espnic_drv_reset(struct espnic_drv *d);

/*
 * Make command and event rings of the given sizes (log2 of entries) and enable them. 0, or -EIO
 * if the device refused.
 */
int espnic_drv_rings(struct espnic_drv *d, uint32_t cmd_log2, uint32_t evq_log2);
/*
 * The usual start: rings, an SPD with @npol POLICY_ADD bodies, SPD_COMMIT, @queues queue pairs of
 * 2^@log2 entries on their own vectors, RX buffers of 2048 bytes in half of each RX ring,
 * PORT_SET with @mac and the largest MTU. 0, a cmd_status of what was refused, or -errno.
 */
int espnic_drv_start(struct espnic_drv *d, const struct espnic_cmd_policy_add *pol,
		     unsigned int npol, unsigned int queues, uint32_t log2, const uint8_t *mac);

/*
 * Write one entry as it is into the ring and ring the doorbell. -ENOSPC when the ring is full of
 * unanswered ones.
 */
int espnic_drv_cmd_raw(struct espnic_drv *d, const struct espnic_cmd_entry *e);
/* The same, built from its parts. The command's id or -errno. */
int espnic_drv_cmd_issue(struct espnic_drv *d, uint16_t opcode, const void *body, size_t len,
			 uint64_t resp_iova, uint32_t resp_len);
/* Wait for the completion of @id (copied to *@cpl unless NULL). Its status, or -ETIMEDOUT. */
int espnic_drv_cmd_wait(struct espnic_drv *d, uint16_t id, struct espnic_cmd_cpl *cpl,
			int timeout_ms);
/*
 * Issue and wait, ESPNIC_CMD_TIMEOUT_MS. @resp takes up to @resp_size bytes of the response.
 * Status or -errno.
 */
int espnic_drv_cmd(struct espnic_drv *d, uint16_t opcode, const void *body, size_t len, void *resp,
		   size_t resp_size, struct espnic_cmd_cpl *cpl);
/* The next event. 0 or -ETIMEDOUT. */
int espnic_drv_event(struct espnic_drv *d, struct espnic_event *ev, int timeout_ms);

/*
 * A device counter (enum espnic_counter), or of a queue (enum espnic_queue_counter); UINT64_MAX
 * if refused.
 */
uint64_t espnic_drv_counter(struct espnic_drv *d, unsigned int index);
uint64_t espnic_drv_queue_counter(struct espnic_drv *d, unsigned int queue, unsigned int index);

/* QUEUE_CREATE with rings of its own / QUEUE_DESTROY. Status or -errno. */
int espnic_drv_queue_create(struct espnic_drv *d, unsigned int queue, uint32_t tx_log2,
			    uint32_t rx_log2, unsigned int vector);
int espnic_drv_queue_destroy(struct espnic_drv *d, unsigned int queue);

/*
 * Put @n descriptors into the TX ring as they are, publish the tail, ring the doorbell if asked
 * to. 0 or -ENOSPC.
 */
int espnic_drv_tx(struct espnic_drv *d, unsigned int queue, const struct espnic_tx_desc *desc,
		  unsigned int n);
/*
 * Send a copy of @frame as one packet of @segs descriptors of about equal length. @tmpl (or NULL)
 * gives all fields but addr, len, SOP and EOP. 0 or -errno.
 */
int espnic_drv_tx_frame(struct espnic_drv *d, unsigned int queue, const void *frame, uint32_t len,
			unsigned int segs, const struct espnic_tx_desc *tmpl);
/* The next TX completion. 0 or -ETIMEDOUT. */
int espnic_drv_tx_cpl(struct espnic_drv *d, unsigned int queue, struct espnic_tx_cpl *cpl,
		      int timeout_ms);
/*
 * Take TX completions until all that was posted is done. The `reason` of the last one that was
 * not 0, else 0; -ETIMEDOUT.
 */
int espnic_drv_tx_flush(struct espnic_drv *d, unsigned int queue, int timeout_ms);

/* Post one RX buffer. 0 or -ENOSPC. */
int espnic_drv_rx_post(struct espnic_drv *d, unsigned int queue, uint64_t iova, uint32_t len);
/*
 * Post @n RX buffers of @len bytes of the driver's own. The number posted (the ring may fill up).
 */
int espnic_drv_rx_fill(struct espnic_drv *d, unsigned int queue, unsigned int n, uint32_t len);
/* The next RX completion. 0 or -ETIMEDOUT. */
int espnic_drv_rx_cpl(struct espnic_drv *d, unsigned int queue, struct espnic_rx_cpl *cpl,
		      int timeout_ms);
/*
 * The next received frame: up to @size bytes to @buf, its first completion to *@first (unless
 * NULL). Its length, or -ETIMEDOUT; -EPROTO when its completions break the rules.
 */
int espnic_drv_rx_frame(struct espnic_drv *d, unsigned int queue, void *buf, size_t size,
			struct espnic_rx_cpl *first, int timeout_ms);

/* Ask for interrupts for the next TX and RX completions. */
void espnic_drv_arm(struct espnic_drv *d, unsigned int queue);
/* Wait for vector @vector. The number of edges, or 0 after @timeout_ms. */
uint64_t espnic_drv_irq_wait(struct espnic_drv *d, unsigned int vector, int timeout_ms);

#endif
