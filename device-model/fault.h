/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults on demand: what broken hardware, a broken bus or broken firmware would do, for tests of
 * the driver and of the device's own fail-closed rules. There are none unless the program was started
 * with --faults; each is then armed by name over the control socket, and strikes a number of times
 * at the one place that asks for it.
 */
#ifndef ESPNIC_FAULT_H
#define ESPNIC_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "espnic_regs.h"
#include "nic/bus.h"

/* F(enum, name, what it does; ARG is the number given when it was armed) */
#define ESPNIC_FAULT_LIST(F)                                                                    \
	F(LOST_IRQ, "lost-irq", "an interrupt of vector ARG is not sent")                       \
	F(DMA_READ, "dma-read", "a read of host memory of at least ARG bytes is refused")       \
	F(DMA_WRITE, "dma-write", "a write to host memory of at least ARG bytes is refused")    \
	F(TX_LATE, "tx-late", "a TX completion is held back for ARG ms")                        \
	F(TX_DOUBLE, "tx-double", "a TX completion is written twice")                           \
	F(TX_SWAP, "tx-swap", "a TX completion changes places with the next one of its queue")  \
	F(TX_HEAD, "tx-head", "the head in a TX completion is wrong by ARG")                    \
	F(TX_REASON, "tx-reason", "a TX completion says dropped, with reason ARG")              \
	F(RX_LATE, "rx-late", "an RX completion is held back for ARG ms")                       \
	F(RX_DOUBLE, "rx-double", "an RX completion is written a second time behind itself")    \
	F(RX_SWAP, "rx-swap", "an RX completion changes places with the next one of its queue") \
	F(RX_LEN, "rx-len", "the length in an RX completion is ARG")                            \
	F(RX_FRAME_LEN, "rx-frame-len", "the frame length in an RX completion is ARG")          \
	F(RX_INDEX, "rx-index", "the index in an RX completion is wrong by ARG")                \
	F(RX_BUFFERS, "rx-buffers", "the number of buffers in an RX completion is ARG")         \
	F(RX_QUEUE, "rx-queue", "the queue in an RX completion is ARG")                         \
	F(RX_HANDLE, "rx-handle", "an RX completion says IPsec, of the SA with handle ARG")     \
	F(RX_STATUS, "rx-status", "the IPsec status in an RX completion is ARG")                \
	F(CMD_LATE, "cmd-late", "the answer to a command is held back for ARG ms")              \
	F(CMD_MUTE, "cmd-mute", "a command (of opcode ARG; 0: any) is not answered")            \
	F(CMD_ID, "cmd-id", "the id in a command's answer is ARG")                              \
	F(CMD_STATUS, "cmd-status", "the status in a command's answer is ARG")                  \
	F(CMD_RESP, "cmd-resp", "the response length in a command's answer is ARG")             \
	F(SA_ADD, "sa-add", "an SA is not taken: status ARG")                                   \
	F(SA_DEL, "sa-del", "an SA is not deleted: status ARG")                                 \
	F(AWAKE, "awake", "a dormant SA is said to have taken over, from number ARG")           \
	F(LEASE, "lease", "half of a sequence lease is not written: its DMA is refused")         \
	F(EVENT, "event", "an event nobody asked for: type ARG & 0xffff, handle ARG >> 16")     \
	F(FW_HANG, "fw-hang", "the firmware does nothing any more, until a reset; ARG 1: nor does the watchdog")              \
	F(FATAL, "fatal", "the device finds itself unable to go on, code ARG")

enum espnic_fault {
#define FAULT(up, name, doc) ESPNIC_FAULT_##up,
	ESPNIC_FAULT_LIST(FAULT)
#undef FAULT
	ESPNIC_FAULT_COUNT
};

enum espnic_fault_limits {
	ESPNIC_FAULT_LATE_MAX_MS = 5000, /* of what is held back: the NIC must still end in time */
	ESPNIC_FAULT_COPIES = 2,	 /* completions one may become */
};

struct espnic_faults;

/* NULL: out of memory. Nothing is armed. */
struct espnic_faults *espnic_faults_new(void);
/* After the NIC is destroyed; NULL is fine. */
void espnic_faults_free(struct espnic_faults *f);

/*
 * Arms the fault @name to strike the next @count times (0: disarms it) with @arg. 0, or -ENOENT:
 * there is no such fault. Any thread.
 */
int espnic_fault_arm(struct espnic_faults *f, const char *name, uint32_t count, uint64_t arg);

/* One JSON object: each fault with what is left, how often it struck, and what it does. */
void espnic_fault_show(struct espnic_faults *f, FILE *out);

/* Does @which strike here and now? Then *@arg (may be NULL) is its number. @f NULL: never. Any thread. */
bool espnic_fault_strikes(struct espnic_faults *f, enum espnic_fault which, uint64_t *arg);

/* Sleeps if @which strikes, as long as it was armed for. */
void espnic_fault_delay(struct espnic_faults *f, enum espnic_fault which);

/*
 * A bus in front of @bus (context @ctx), on which the faults of DMA and interrupts strike; its context
 * is @f. Once.
 */
const struct espnic_bus_ops *espnic_fault_bus(struct espnic_faults *f,
					      const struct espnic_bus_ops *bus, void *ctx);

/*
 * What becomes of a completion of queue pair @queue in its life number @life: @cpl[0] is the right
 * one; the result is how many of @cpl[] are to be written, one after the other. May sleep.
 */
unsigned int espnic_fault_tx_cpl(struct espnic_faults *f, unsigned int queue, uint32_t life,
				 struct espnic_tx_cpl cpl[ESPNIC_FAULT_COPIES]);
/*
 * The same, but the result counts the entries to write from the one before (@at -1), this (0) or the
 * one behind (1) on. @cpl[0] belongs at *@at.
 */
unsigned int espnic_fault_rx_cpl(struct espnic_faults *f, unsigned int queue, uint32_t life,
				 struct espnic_rx_cpl cpl[ESPNIC_FAULT_COPIES], int *at);

/* The completion of a command. False: it is not to be written. May sleep. */
bool espnic_fault_cmd_cpl(struct espnic_faults *f, struct espnic_cmd_cpl *cpl);

#endif
