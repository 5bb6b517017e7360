/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The NIC from within: its state and who may touch what.
 *
 * Threads: the bus thread (registers, reset), the core thread (firmware; it alone
 * starts and stops queues and changes port and RSS), the TX workers (queue q is served by worker
 * q % workers), the RX thread. A field is guarded by the turn (nic/wake.h) of the
 * thread that uses it in the datapath, unless it is atomic.
 */
#ifndef ESPNIC_NIC_INTERNAL_H
#define ESPNIC_NIC_INTERNAL_H

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

#include "engine/sad.h"
#include "engine/spd.h"
#include "fault.h"
#include "nic/intr.h"
#include "nic/linger.h"
#include "nic/nic.h"
#include "nic/rss.h"
#include "nic/steer.h"
#include "nic/txdesc.h"
#include "nic/wake.h"

enum espnic_nic_limits {
	ESPNIC_TX_BURST = 64,		/* frames steered and sent together */
	ESPNIC_RX_BURST = 64,		/* frames received and steered together */
	ESPNIC_TX_ROUND = 4,		/* bursts a queue gets before its neighbours */
	ESPNIC_RX_CACHE = 64,		/* RX descriptors fetched ahead, a power of two */
	ESPNIC_TURN_MS = 1000,		/* milliseconds a command waits for a worker's burst to end */
	ESPNIC_WIRE_WAIT_MS = 10,	/* of one wait for the wire, between looks at the turn */
	ESPNIC_WIRE_STALL_MS = 2000,	/* without progress on the wire until frames are dropped */
	ESPNIC_WIRE_STALL_WANTED_MS = 50, /* the same while somebody waits for the turn */
	ESPNIC_RX_HOLD_MS = 20,		/* a frame waits for buffers, as in a NIC's own memory */
	ESPNIC_TX_STALL_MS = 2,		/* between looks at a completion ring that is full */
	ESPNIC_TX_NAP_US = 100,		/* between looks at rings that are being filled */
	ESPNIC_TX_NAPS = 3,		/* looks in vain after which a worker asks for doorbells */
	ESPNIC_TX_BUSY_US = 500,	/* doorbells nearer to each other: the rings are being filled */
	ESPNIC_LINK_POLL_MS = 250,	/* between looks at the carrier */
	ESPNIC_DEFAULT_MTU = 1500,	/* bytes of L3, until PORT_SET */
	ESPNIC_REG_WORDS = 0x400 / 4,	/* registers that have storage: all below the doorbells */
};

static_assert(ESPNIC_RX_CACHE >= ESPNIC_MAX_RX_BUFS, "the buffers of a frame fit the cache");

struct espnic_queue_counters {
	_Atomic uint64_t v[ESPNIC_QUEUE_COUNTER_COUNT];
};

/* One writer each: the worker (tx), the RX thread (rx), the bus thread (doorbells). */
static inline void espnic_queue_count(struct espnic_queue_counters *c,
				      enum espnic_queue_counter which, uint64_t n)
{
	uint64_t old = atomic_load_explicit(&c->v[which], memory_order_relaxed);

	atomic_store_explicit(&c->v[which], old + n, memory_order_relaxed);
}

/* A completion ring; entries of both kinds end with the word that holds the phase. */
struct espnic_cpl_ring {
	uint64_t addr;			/* bus address */
	uint32_t size;			/* entries, a power of two */
	uint32_t tail;			/* index of the next completion to write */
	uint32_t head;			/* the driver's, as last read */
};

/* The phase bit of completion @index (regs/espnic.yaml: 1 on the first pass). */
static inline uint32_t espnic_cpl_phase(const struct espnic_cpl_ring *r, uint32_t index)
{
	return index & r->size ? 0 : ESPNIC_TX_CPL_PHASE;
}

static_assert(ESPNIC_TX_CPL_PHASE == ESPNIC_RX_CPL_PHASE, "one phase bit for both rings");

/* Free entries by what was last read; a head that lies gives none. */
static inline uint32_t espnic_cpl_room(const struct espnic_cpl_ring *r)
{
	uint32_t used = r->tail - r->head;

	return used > r->size ? 0 : r->size - used;
}

struct espnic_txq {			/* the worker's turn */
	struct espnic_tx_ring ring;
	struct espnic_cpl_ring cpl;
	struct espnic_intr intr;
	bool stalled;			/* no room for completions */
	uint32_t event;			/* as last published */
	struct espnic_linger linger;
	_Atomic uint32_t steered;	/* all packets before this index are steered */
};

struct espnic_rxq {			/* the RX thread's turn */
	uint64_t addr;			/* bus address of the ring */
	uint32_t size;			/* entries, a power of two */
	uint32_t head;			/* index of the next buffer to use */
	uint32_t fetched;		/* index after the last one in cache */
	uint32_t tail;			/* as last read from the control block */
	struct espnic_rx_desc cache[ESPNIC_RX_CACHE];
	struct espnic_cpl_ring cpl;
	uint32_t told;			/* interrupts before this completion are settled */
	bool starved;			/* waited in vain: frames drop until buffers come */
	struct espnic_intr intr;
};

struct espnic_queue {
	unsigned int index;
	_Atomic bool running;		/* set and cleared by the core thread in both turns */
	_Atomic uint32_t error;		/* enum espnic_queue_error: stopped by itself */
	_Atomic bool error_news;	/* the event has not been taken */
	_Atomic uint32_t life;		/* one more with each start and end */
	uint64_t ctrl;			/* bus address of the control block */
	unsigned int vector;
	struct espnic_txq tx;
	struct espnic_rxq rx;
	struct espnic_queue_counters counters;
};

struct espnic_tx_done {			/* a packet of the burst */
	uint32_t head;			/* index after its descriptors */
	uint32_t reason;		/* 0, or 1 + counter */
};

struct espnic_tx_worker {
	struct espnic_nic *nic;
	unsigned int index;
	pthread_t thread;
	struct espnic_wake wake;
	struct espnic_turn turn;
	struct espnic_counters counters;
	struct espnic_steer_thread steer;
	uint8_t *bufs;			/* ESPNIC_TX_BURST frames */
	uint8_t *packet;		/* the packet being segmented */
	struct espnic_frame frames[ESPNIC_TX_BURST];
	uint8_t frame_packet[ESPNIC_TX_BURST];	/* index in done[] */
	unsigned int n_frames;
	struct espnic_tx_done done[ESPNIC_TX_BURST];
	unsigned int n_done;
	uint32_t taken;			/* frames of the burst, segments too */
	bool gone;			/* the gate closed under this burst */
	unsigned int naps;		/* left until event indices are published */
	uint64_t idle_ns;		/* when they were published last */
};

struct espnic_rx_thread {
	struct espnic_nic *nic;
	pthread_t thread;
	int wake_fd;			/* eventfd */
	int timer_fd;
	int poll_fd;			/* epoll of both */
	bool from_file;			/* the wire is a recording */
	_Atomic bool woken;		/* wake_fd was or is about to be written */
	_Atomic bool holding;		/* wants to be told of RX doorbells */
	struct espnic_turn turn;
	struct espnic_counters counters;
	struct espnic_steer_thread steer;
	uint8_t *bufs;			/* ESPNIC_RX_BURST frames */
	struct espnic_frame frames[ESPNIC_RX_BURST];
	uint64_t timer_ns;		/* what timer_fd is set to, 0: off */
};

struct espnic_port {			/* the RX thread's turn */
	bool enable;
	bool promisc;
	uint8_t mac[ESPNIC_ETH_ALEN];
};

enum espnic_news {			/* what event_next has yet to tell, of the port */
	ESPNIC_NEWS_LINK = 1 << 0,
};

struct espnic_core;

struct espnic_nic {
	struct espnic_nic_config cfg;
	const struct espnic_bus_ops *bus;
	void *bus_ctx;

	/* Registers. */
	_Atomic uint32_t status;
	_Atomic uint32_t regs[ESPNIC_REG_WORDS];

	/*
	 * Life. `asked` counts resets the bus asked for, `done` those the core thread went through.
	 * life_lock guards asked against the end of a reset: the gate opens, and READY is set,
	 * only if no other reset came meanwhile. Held for a few instructions.
	 */
	pthread_mutex_t life_lock;
	_Atomic uint64_t asked, done;
	uint64_t life;			/* core thread: the value of asked that its work is for */
	_Atomic bool stop;		/* threads end */

	/* Who starts and stops the NIC. */
	pthread_t core_thread;
	bool core_started, rx_started;
	unsigned int workers_started;

	/* Tables; steer.lock guards sad and spd. */
	struct espnic_steer steer;
	struct espnic_queue queue[ESPNIC_MAX_QUEUE_PAIRS];
	struct espnic_tx_worker *worker;	/* cfg.workers */
	struct espnic_rx_thread rx;
	struct espnic_port port;
	_Atomic uint32_t mtu;
	struct espnic_rss rss;		/* the RX thread's turn */
	bool rss_set;			/* by the driver; else table[] follows the running queues */

	/*
	 * Counted by threads that have no struct of their own: bus, core, and the bus side of all.
	 */
	struct espnic_counters core_counters;
	_Atomic uint64_t bad_access, dma_refused, queue_errors;
	_Atomic uint64_t skipped_before; /* the wire's rx_skipped at the last reset */

	/* What the core thread sleeps on, and what it has to report. */
	struct espnic_wake core_wake;
	_Atomic uint32_t news;		/* enum espnic_news */
	struct espnic_core *core;
};

/* Named events for people; never key bytes. */
#define espnic_trace(nic, name, fmt, ...)                                                        \
	do {                                                                                     \
		if ((nic)->cfg.trace)                                                            \
			fprintf(stderr, "trace: " name " " fmt "\n", ##__VA_ARGS__);             \
	} while (0)

/* The bus, with its context filled in. */
static inline int espnic_dma_read(struct espnic_nic *nic, uint64_t addr, void *buf, size_t len)
{
	return nic->bus->dma_read(nic->bus_ctx, addr, buf, len);
}

static inline int espnic_dma_write(struct espnic_nic *nic, uint64_t addr, const void *buf,
				   size_t len)
{
	return nic->bus->dma_write(nic->bus_ctx, addr, buf, len);
}

static inline int espnic_dma_load32(struct espnic_nic *nic, uint64_t addr, uint32_t *value)
{
	return nic->bus->dma_load32(nic->bus_ctx, addr, value);
}

static inline int espnic_dma_store32(struct espnic_nic *nic, uint64_t addr, uint32_t value)
{
	return nic->bus->dma_store32(nic->bus_ctx, addr, value);
}

/* A field of the control block of queue pair @q. */
#define ESPNIC_CTRL(q, field) ((q)->ctrl + offsetof(struct espnic_queue_ctrl, field))

static inline bool espnic_queue_live(const struct espnic_queue *q)
{
	return atomic_load_explicit(&q->running, memory_order_acquire) &&
	       !atomic_load_explicit(&q->error, memory_order_relaxed);
}

/* regs.c */

/* All registers as after a reset; bus thread, or before the threads run. */
void espnic_regs_reset(struct espnic_nic *nic);
/*
 * Those the firmware writes, once more by the core thread: the old firmware may have written late.
 */
void espnic_regs_reset_fw(struct espnic_nic *nic);
uint32_t espnic_reg_get(struct espnic_nic *nic, uint32_t off);
void espnic_reg_set(struct espnic_nic *nic, uint32_t off, uint32_t value);
uint32_t espnic_regs_read(void *fn, uint32_t off);
void espnic_regs_write(void *fn, uint32_t off, uint32_t value);
void espnic_regs_bad_access(void *fn);

/* nic.c */

/* Begins a reset: fn_ops.reset. Bus thread. */
void espnic_nic_reset(void *fn);
/*
 * The core thread's part of it, up to the start of the firmware: nothing of the old life is left,
 * the gate is open. False: begin again, another one was asked for meanwhile, or a thread is busy.
 */
bool espnic_nic_reset_begin(struct espnic_nic *nic);
/*
 * The firmware's part of STATUS; nothing once a new reset is asked for. READY or FATAL
 * end the reset. Core thread.
 */
void espnic_nic_status_bits(struct espnic_nic *nic, uint32_t set, uint32_t clear);
/* Looks at the carrier; sets STATUS.LINK_UP and news. Any thread. */
void espnic_nic_link(struct espnic_nic *nic);
/* fn_ops.dma_refused. */
void espnic_nic_dma_refused(void *fn);

/* A reset was asked for and has not ended. */
static inline bool espnic_nic_resetting(struct espnic_nic *nic)
{
	return atomic_load(&nic->asked) != atomic_load(&nic->done);
}

/* queue.c; core thread, but for espnic_queue_fail */

struct espnic_hal_queue;
struct espnic_hal_moderation;
struct espnic_hal_port;
struct espnic_hal_rss;
struct espnic_hal_tx_mark;

/* enum espnic_cmd_status each. */
uint32_t espnic_queue_start(struct espnic_nic *nic, const struct espnic_hal_queue *cfg);
uint32_t espnic_queue_stop(struct espnic_nic *nic, uint32_t index);
uint32_t espnic_queue_moderation(struct espnic_nic *nic, const struct espnic_hal_moderation *m);
uint32_t espnic_port_set(struct espnic_nic *nic, const struct espnic_hal_port *port);
uint32_t espnic_rss_set(struct espnic_nic *nic, const struct espnic_hal_rss *rss);
void espnic_tx_mark(struct espnic_nic *nic, struct espnic_hal_tx_mark *mark);
bool espnic_tx_passed(struct espnic_nic *nic, const struct espnic_hal_tx_mark *mark);
/*
 * Stops all queues and the port; port, RSS and moderation as after a reset. False: a thread didn't
 * leave in time.
 */
bool espnic_queues_stop_all(struct espnic_nic *nic);
/* All counters to zero; false as above. */
bool espnic_queues_clear_counters(struct espnic_nic *nic);
/* The thread that found the fault, in its turn: the pair stops, the core thread is told. */
void espnic_queue_fail(struct espnic_nic *nic, struct espnic_queue *q, enum espnic_queue_error why);

/* txq.c, rxq.c */

int espnic_tx_worker_init(struct espnic_tx_worker *w, struct espnic_nic *nic, unsigned int index);
void espnic_tx_worker_free(struct espnic_tx_worker *w);
void *espnic_tx_worker_run(void *worker);
int espnic_rx_init(struct espnic_rx_thread *rx, struct espnic_nic *nic);
void espnic_rx_free(struct espnic_rx_thread *rx);
void *espnic_rx_run(void *rx);
void espnic_rx_wake(struct espnic_rx_thread *rx);

static inline struct espnic_tx_worker *espnic_worker_of(struct espnic_nic *nic, uint32_t queue)
{
	return &nic->worker[queue % nic->cfg.workers];
}

/* counters.c */

void espnic_counters_sum(struct espnic_nic *nic, uint64_t v[ESPNIC_COUNTER_COUNT]);
/* Sets all to zero: core thread, all turns taken. */
void espnic_counters_clear(struct espnic_nic *nic);
void espnic_queue_counters_get(const struct espnic_queue *q,
			       uint64_t v[ESPNIC_QUEUE_COUNTER_COUNT]);
void espnic_queue_counters_clear(struct espnic_queue *q);

#endif
