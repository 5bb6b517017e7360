/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A HAL in memory for tests of the firmware: host memory, registers, tables that only
 * remember, time that moves when told. The known-answer primitive is the real one of
 * engine body ref. With it a host's side of the rings.
 */
#ifndef ESPNIC_TESTS_FAKE_HAL_H
#define ESPNIC_TESTS_FAKE_HAL_H

#include "fw.h"

enum fake_limits {
	FAKE_MEM_SIZE = 0x10000,	/* bytes of host memory */
	FAKE_CMD_LOG2 = 4,
	FAKE_EVQ_LOG2 = 6,
	FAKE_EVENTS = 256,
	FAKE_SAS = 64,			/* CAP_SAS of the fake */
	FAKE_POLICIES = 64,
	FAKE_QUEUES = 4,
};

/* Where things stand in host memory. */
#define FAKE_BASE 0x7fff00000000ull
#define FAKE_SQ (FAKE_BASE + 0x0000)
#define FAKE_CQ (FAKE_BASE + 0x4000)
#define FAKE_EVQ (FAKE_BASE + 0x5000)
#define FAKE_RESP (FAKE_BASE + 0x8000)

struct fake_sa {
	struct espnic_hal_sa sa;	/* key pointers are NULL */
	uint8_t key[32], salt[8], auth_key[64];
	bool dying, dormant;
	uint64_t sent;			/* last number: the test's to move */
	uint64_t lease_mark, lease_end;
	uint32_t lease_updates;
	struct espnic_hal_sa_update last_update;
};

struct fake_policy {
	struct espnic_hal_policy p;
	bool there, discard;
};

struct fake {
	uint8_t mem[FAKE_MEM_SIZE];
	uint64_t bad_from, bad_to;	/* accesses that touch [from, to) fail */
	uint32_t bad_how;		/* enum espnic_hal_dma */
	uint32_t reads;			/* dma_read calls of whole command entries */
	uint32_t reg[0x200 / 4];
	uint64_t now;
	uint32_t irqs;

	uint32_t running;		/* bit n: queue pair n */
	struct espnic_hal_queue queue[FAKE_QUEUES];
	struct espnic_hal_moderation moderation;
	struct espnic_hal_port port;
	struct espnic_hal_rss rss;

	struct fake_sa sa[FAKE_SAS + 1];
	uint32_t succeeded_from, succeeded_to;	/* of the last sa_succeed */
	struct fake_policy policy[FAKE_POLICIES + 1];
	bool tx_busy;			/* tx_passed says no */
	uint32_t marks;			/* tx_mark calls */

	struct espnic_hal_event event[FAKE_EVENTS];
	uint32_t event_head, event_tail;
	uint64_t counter[ESPNIC_COUNTER_COUNT];
	uint32_t zeroized;

	uint32_t answer;		/* enum espnic_cmd_status the next table call returns, once */
	uint32_t verdict;		/* with it */
	uint32_t kats;
	uint32_t kat_break;		/* number of the engine_kat call that goes wrong, 0: none */
	enum { FAKE_KAT_BYTE, FAKE_KAT_ACCEPTS, FAKE_KAT_REFUSES } kat_how;

	/* The host's side. */
	uint32_t sq_tail, cq_head, evq_head;
	uint16_t next_id;
};

extern const struct espnic_hal_ops fake_ops;

/* Registers as the device sets them, all capabilities there. */
void fake_init(struct fake *f);
/* Self-test to the end. */
void fake_start(struct fake *f, struct espnic_fw *fw);
/* Writes the ring registers and CMD_ENABLE. */
void fake_rings(struct fake *f);
/* fake_init, fake_start, rings given and enabled, running. */
void fake_boot(struct fake *f, struct espnic_fw *fw);
/* Polls until the firmware has nothing more to do now. */
void fake_settle(struct fake *f, struct espnic_fw *fw);

/* Host memory at a bus address. */
void *fake_mem(struct fake *f, uint64_t addr);

/* Puts @e into the ring (id set here, returned) and rings the doorbell. */
uint16_t fake_submit(struct fake *f, struct espnic_cmd_entry *e);
/* Takes the next completion if its phase says it is there. */
bool fake_take(struct fake *f, struct espnic_cmd_cpl *c);
/* Submits, settles, takes the completion, which must be there and be this command's. */
struct espnic_cmd_cpl fake_run(struct fake *f, struct espnic_fw *fw, struct espnic_cmd_entry *e);
/* Takes the next event if its phase says it is there. */
bool fake_take_event(struct fake *f, struct espnic_event *e);
void fake_raise(struct fake *f, const struct espnic_hal_event *ev);

/* A lawful command of each opcode, with body and length. */
void fake_good(struct espnic_cmd_entry *e, uint16_t opcode);
#define FAKE_BODY(e, type) ((struct type *)(void *)(e)->body)

#endif
