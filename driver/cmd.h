/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmd.c: the command ring, the event ring, and vector 0 that serves both. The other files send
 * commands by espnic_cmd_exec(), which waits, and espnic_cmd_post(), which does not.
 */
#ifndef ESPNIC_CMD_H
#define ESPNIC_CMD_H

#include <linux/interrupt.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "espnic_regs.h"

struct espnic_cmd_post;
struct espnic_dev;

enum espnic_cmd_limits {
	/* Entries, log2: room for a burst of SA set-ups from an IKE daemon. */
	ESPNIC_CMD_LOG2 = 7,
	/* Commands kept free for espnic_cmd_post(), so that a delete in atomic context gets
	 * out at once even while process context fills the ring.
	 */
	ESPNIC_CMD_RESERVED = 32,
	/* Bytes of response a command may have: 128 counters of 64 bits. */
	ESPNIC_CMD_RESP_SIZE = 1024,
	/* Bytes of body a posted command may have: struct espnic_cmd_sa_update is the largest. */
	ESPNIC_CMD_POST_BODY = 64,
	/* Bytes of response that it may have: struct espnic_sa_report. */
	ESPNIC_CMD_POST_RESP = sizeof(struct espnic_sa_report),
	/* Milliseconds until a command is given up: twice the device's promise, as the guest's own
	 * CPU may be late too.
	 */
	ESPNIC_CMD_WAIT_MS = 2 * ESPNIC_CMD_TIMEOUT_MS,
	/*
	 * Milliseconds without an answer until who waits for it looks whether the device is there.
	 */
	ESPNIC_CMD_LOOK_MS = 250,
	/* Entries, log2. */
	ESPNIC_EVQ_LOG2 = 8,
};

/* A command for espnic_cmd_exec(). The caller owns body and response (ordinary memory, not DMA). */
struct espnic_cmd_req {
	const void *body;	/* NULL if len is 0 */
	void *resp;		/* NULL if resp_len is 0 */
	u16 opcode;		/* enum espnic_opcode */
	u16 len;		/* bytes of body, at most sizeof(espnic_cmd_entry.body) */
	u32 resp_len;		/* in: bytes of resp, at most ESPNIC_CMD_RESP_SIZE; out: filled */

	/* The device's answer; status is ESPNIC_CMD_NO_STATUS if it gave none. */
	u16 status;		/* enum espnic_cmd_status */
	u32 detail;
	u64 value;
};

#define ESPNIC_CMD_NO_STATUS	0xffff

/* How a posted command ended. */
struct espnic_cmd_result {
	/*
	 * 0, a -errno by the device's status, or -ECANCELED: the device is gone, was reset or is
	 * about to be, and nothing of its SAs and policies is used any more.
	 */
	int err;
	u32 resp_len;			/* bytes of resp that the device has filled */
	__aligned(8) u8 resp[ESPNIC_CMD_POST_RESP];
};

/*
 * Called once for each posted command, with a @result that holds for the call. Process context (the
 * thread of vector 0, the service task, or a reset, then under RTNL); may sleep, but must neither
 * call espnic_cmd_exec(), as this is what would complete it, nor take RTNL. The node is the
 * caller's again.
 */
typedef void (*espnic_cmd_done_t)(struct espnic_dev *edev, struct espnic_cmd_post *post,
				  const struct espnic_cmd_result *result);

/*
 * A command for espnic_cmd_post(), embedded in the object it is about, so that posting needs no
 * memory.
 */
struct espnic_cmd_post {
	struct list_head node;	/* cmd.c's from espnic_cmd_post() until done */
	espnic_cmd_done_t done;
	u16 opcode;		/* enum espnic_opcode */
	u16 len;		/* bytes of body */
	u16 resp_len;		/* bytes of response asked for, at most ESPNIC_CMD_POST_RESP */
	u8 body[ESPNIC_CMD_POST_BODY];
};

struct espnic_cmd_wait;

/* A slot of the command ring. Busy with neither: its caller gave up, the device may yet answer. */
struct espnic_cmd_slot {
	struct espnic_cmd_wait *wait;	/* of espnic_cmd_exec() */
	struct espnic_cmd_post *post;	/* of espnic_cmd_post() */
	u32 resp_len;			/* bytes the device may write */
	u16 opcode;
	bool busy;			/* sent and not answered, also when its caller gave up */
};

/* Counters of commands and events; X(name, what it counts). */
#define ESPNIC_CMD_STATS(X) \
	X(sent, "commands sent") \
	X(refused, "answered other than OK") \
	X(timeouts, "not answered in time") \
	X(bad_cpl, "answers to nothing that was asked") \
	X(events, "events received") \
	X(bad_events, "of unknown type")

#define ESPNIC_CMD_STAT_FIELD(name, doc)	u64 name;

/* Where the command rings stand, for espnic_cmd_get_state(). */
struct espnic_cmd_state {
	bool up;
	u32 tail;			/* commands sent since the rings are up */
	u32 cpl_head;			/* answers taken */
	u32 busy;			/* sent and not answered */
	u32 posted;			/* posted and not done, those waiting for a slot included */
	u16 oldest_opcode;		/* of those sent and not answered, if any */
};

struct espnic_cmd {
	spinlock_t lock;		/* guards all below */
	bool up;			/* the rings are in use */
	u32 tail;			/* index of the next command */
	u32 cpl_head;			/* index of the next completion */
	u32 busy;			/* slots busy */
	struct espnic_cmd_slot *slots;
	struct list_head posts;		/* posted, no slot yet; in order */
	u32 posted;			/* posted, done not yet returned */
	wait_queue_head_t room;		/* who waits for a slot, or for posted to be 0 */

	struct espnic_cmd_entry *sq;
	struct espnic_cmd_cpl *cq;
	u8 *resp;			/* ESPNIC_CMD_RESP_SIZE a slot */
	dma_addr_t sq_dma;
	dma_addr_t cq_dma;
	dma_addr_t resp_dma;

	u32 look_cpl;			/* cpl_head and ev_head when espnic_cmd_look() saw more there */
	u32 look_ev;
	unsigned long look_time;	/* of its first sight, in jiffies; 0: nothing waited */

	/* The event ring is the vector 0 thread's alone. */
	struct espnic_event *evq;
	dma_addr_t evq_dma;
	u32 ev_head;

	ESPNIC_CMD_STATS(ESPNIC_CMD_STAT_FIELD)
};

void espnic_cmd_get_state(struct espnic_dev *edev, struct espnic_cmd_state *state);

int espnic_cmd_alloc(struct espnic_dev *edev);
void espnic_cmd_free(struct espnic_dev *edev);

/*
 * Sets the rings up in a device that is fresh from reset, and opens them. Process context, RTNL.
 * Returns 0 or -EIO.
 */
int espnic_cmd_start(struct espnic_dev *edev);

/*
 * Closes the rings: every command under way and waiting ends with -ECANCELED, none is taken any
 * more. The device must no longer write to the rings (reset, gone, bus mastering off). Process
 * context.
 */
void espnic_cmd_stop(struct espnic_dev *edev);

/*
 * The part of espnic_cmd_stop() that any context can do: closes the rings and wakes those who
 * wait.
 */
void espnic_cmd_abort(struct espnic_dev *edev);

/*
 * Ends posted commands that nobody will answer, if the rings are closed and the device is gone or
 * its bus mastering is off: until then it may still use what they were to delete. Process context.
 */
void espnic_cmd_reap(struct espnic_dev *edev);

/* Thread of vector 0. */
irqreturn_t espnic_cmd_irq(int irq, void *data);

/*
 * Wakes the thread of vector 0 if an answer or event has waited for ESPNIC_CMD_LOOK_MS: its interrupt
 * was lost. Process context, from whoever waits and from the service task.
 */
void espnic_cmd_look(struct espnic_dev *edev);

/*
 * Executes a command and waits for its answer. Process context, sleeps up to
 * ESPNIC_CMD_WAIT_MS. Not from espnic_cmd_done_t nor espnic_ipsec_event(), which may run in the
 * thread that would complete it.
 *
 * The slot and the response buffer, which the device reads and writes, are wiped when the
 * device has answered; @req->body is the caller's to wipe.
 *
 * Returns 0 if the device said OK; -EINVAL for BAD_FIELD, BAD_LENGTH, BAD_HANDLE; -EOPNOTSUPP
 * for BAD_OPCODE, UNSUPPORTED; -ENOENT for NOT_FOUND; -EEXIST; -ENOSPC; -EBUSY; -EPERM for
 * NOT_COMMITTED; -EIO for DMA_ERROR, ENGINE; -ETIMEDOUT (also when no answer came: then a reset
 * is under way); -EPROTO for a status this driver does not know; -ENODEV when the device is
 * gone or not up; -ECANCELED when a reset came between, or the device failed another command.
 */
int espnic_cmd_exec(struct espnic_dev *edev, struct espnic_cmd_req *req);

/*
 * Sends a command without waiting. Never fails and never allocates: it takes a slot of the
 * reserve, or waits on a list that completions flush, in order. @post->done is called exactly
 * once, never from within this call. Any context but NMI. If the device is not up, done gets
 * -ECANCELED once espnic_cmd_reap() may end it.
 */
void espnic_cmd_post(struct espnic_dev *edev, struct espnic_cmd_post *post);

/*
 * Waits until all commands posted so far are done, or the rings are closed. Process context; sleeps
 * at most ESPNIC_CMD_WAIT_MS.
 */
void espnic_cmd_flush(struct espnic_dev *edev);

#endif /* ESPNIC_CMD_H */
