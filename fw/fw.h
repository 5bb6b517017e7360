/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The firmware of espnic: takes commands from the host, keeps the books of SAs,
 * policies and queues, reports events, tests the engine, shows that it lives.
 *
 * Freestanding: it needs <stdint.h>, <stdbool.h>, <stddef.h>, memcpy, memset and
 * memcmp, one thread, and a HAL (hal.h). It allocates nothing: all its state is one
 * struct espnic_fw. It keeps no keys.
 */
#ifndef ESPNIC_FW_H
#define ESPNIC_FW_H

#include "hal.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "structures in host memory are little endian, and used in place");

enum espnic_fw_version {
	ESPNIC_FW_MAJOR = 1,
	ESPNIC_FW_MINOR = 0,
	ESPNIC_FW_PATCH = 0,
};

#define ESPNIC_FW_VERSION_TEXT "1.0.0"

enum espnic_fw_limit {
	ESPNIC_FW_CMDS_PER_PASS = 16,	/* commands: keeps a pass short, so that events and heartbeat flow */
	ESPNIC_FW_EVENTS_PER_PASS = 32,	/* events, for the same reason */
	/* milliseconds: a fifth of the promise, so that a late wake-up does not break it */
	ESPNIC_FW_HEARTBEAT_MS = ESPNIC_HEARTBEAT_MS / 5,
	/*
	 * milliseconds a batch of policies waits for the TX queues. A POLICY_DEL waits for two
	 * batches at most (the running one and its own) and must be answered in ESPNIC_CMD_TIMEOUT_MS.
	 */
	ESPNIC_FW_DRAIN_MS = 900,
	ESPNIC_FW_DRAIN_POLL_MS = 1,	/* milliseconds between looks at the TX queues */
	ESPNIC_FW_RING_ALIGN = 4096,	/* bytes: rings begin on a page */
	ESPNIC_FW_CTRL_ALIGN = 128,	/* bytes: a control block is two cache lines of its own */
	ESPNIC_FW_ID_BUCKETS = 4096,	/* hash buckets over digests, a power of two */
	ESPNIC_FW_SPENT = ESPNIC_MAX_SAS, /* keys of deleted outbound SAs kept in mind: a whole table's */
	ESPNIC_FW_LEASE_RETRY_MS = 10,	/* milliseconds between tries to write leases that failed */
	ESPNIC_FW_LEASE_TRIES = 16,	/* failed writes of one such try: each may take the bus a while */
};

enum espnic_fw_state {
	ESPNIC_FW_SELF_TEST,		/* READY is not set yet */
	ESPNIC_FW_IDLE,			/* READY, waits for CMD_ENABLE */
	ESPNIC_FW_RUNNING,		/* takes commands */
	ESPNIC_FW_FATAL,		/* FATAL is set; heartbeat alone */
	ESPNIC_FW_STOPPED,		/* a reset is under way: waits for espnic_fw_init() */
};

/* 128 bits of a keyed hash: tells SA identities apart without keeping them. */
struct espnic_fw_digest {
	uint32_t w[4];
};

/* What tells SAs from each other, without the key. */
struct espnic_fw_names {
	struct espnic_fw_digest key;	/* direction, key and salt */
	struct espnic_fw_digest place;	/* SPI, protocol, destination */
};

enum espnic_fw_chain { ESPNIC_FW_BY_KEY, ESPNIC_FW_BY_PLACE, ESPNIC_FW_CHAINS };

struct espnic_fw_link {
	uint16_t next, prev;		/* indices of SAs in the same bucket, 0: none */
};

/* Book-keeping of one SA table slot. */
struct espnic_fw_sa {
	uint32_t handle;		/* 0: free */
	struct espnic_fw_names names;
	struct espnic_fw_link link[ESPNIC_FW_CHAINS];	/* by place: inbound alone */
	uint8_t dir;			/* enum espnic_cmd_sa_dir */
	uint8_t offload;		/* enum espnic_cmd_sa_offload */
	uint8_t mode;			/* enum espnic_cmd_sa_mode */
	bool esn;
	bool dormant;			/* a twin of a live SA */
	bool lease_waits;		/* its word could not be written: to be tried again */
	uint64_t lease_addr;		/* bus address of the lease word, 0: none */
	uint64_t lease_end;		/* what stands there */
	uint64_t lease_seq;		/* number it is to be ahead of, as last heard */
};

/* How far a deleted outbound SA had got. */
struct espnic_fw_spent {
	struct espnic_fw_digest key;
	uint64_t seq;			/* last number sent */
	uint16_t next;			/* index of the next in the same bucket, 0: none */
	bool used;
};

enum espnic_fw_policy_state {
	ESPNIC_FW_POLICY_FREE,
	ESPNIC_FW_POLICY_PLAIN,		/* BYPASS or DISCARD: goes at once */
	ESPNIC_FW_POLICY_PROTECT,
	ESPNIC_FW_POLICY_DRAIN_NOW,	/* DISCARD, waits for the mark that is set */
	ESPNIC_FW_POLICY_DRAIN_NEXT,	/* DISCARD, waits for the next mark */
	ESPNIC_FW_POLICY_STUCK,		/* DISCARD: a POLICY_DEL ended in TIMEOUT; another may try again */
};

struct espnic_fw_policy {
	uint8_t state;			/* enum espnic_fw_policy_state */
	uint16_t cmd_id;		/* DRAIN_*: the POLICY_DEL to be answered */
};

struct espnic_fw_caps {
	uint32_t queues, mtu, offload, ipsec, transforms, replay, cmd;
	uint32_t sas, policies;		/* never more than the tables below hold */
	uint32_t counters;
};

/* One command ring entry, fetched once; wiped after each command. */
union espnic_fw_entry {
	struct espnic_cmd_entry raw;
	struct {
		struct espnic_cmd_hdr hdr;
		union {
			struct espnic_cmd_queue queue;
			struct espnic_cmd_queue_create queue_create;
			struct espnic_cmd_queue_moderation queue_moderation;
			struct espnic_cmd_port_set port_set;
			struct espnic_cmd_rss_set rss_set;
			struct espnic_cmd_sa sa;
			struct espnic_cmd_sa_add sa_add;
			struct espnic_cmd_sa_update sa_update;
			struct espnic_cmd_policy policy;
			struct espnic_cmd_policy_add policy_add;
		} body;
	} cmd;
};

/* All state; the owner provides the memory, nobody but the firmware looks inside. */
struct espnic_fw {
	const struct espnic_hal_ops *hal;
	void *ctx;
	enum espnic_fw_state state;
	struct espnic_fw_caps caps;
	uint64_t started_ms;
	uint64_t heartbeat_ms;		/* when the next one is due */
	uint32_t heartbeat;
	uint32_t self_test_step;
	bool committed;			/* SPD_COMMIT was done */
	bool notify;			/* something was written in this pass: interrupt at its end */

	/* Rings. Indices are free-running. */
	uint64_t sq_addr, cq_addr, evq_addr;
	uint32_t cmd_size, evq_size;	/* entries */
	uint32_t sq_head;		/* next command to fetch */
	uint32_t cq_tail;		/* next completion to write: that many were answered */
	uint32_t evq_tail;		/* next event to write */
	union espnic_fw_entry entry;

	uint32_t queues;		/* bit n: queue pair n was created */

	uint8_t id_key[16];		/* of the digests, new at every start */
	uint32_t sa_count;
	uint16_t key_bucket[ESPNIC_FW_ID_BUCKETS]; /* index of the first SA, 0: none */
	uint16_t place_bucket[ESPNIC_FW_ID_BUCKETS];
	uint32_t leases_waiting;	/* how many SAs */
	uint32_t lease_next;		/* index of the SA that was tried last */
	uint64_t lease_retry_ms;	/* when they are tried again */
	uint32_t spent_count;		/* free-running: the next one's place */
	uint16_t spent_bucket[ESPNIC_FW_ID_BUCKETS];
	struct espnic_fw_spent spent[ESPNIC_FW_SPENT + 1]; /* 0 is never used */
	struct espnic_fw_sa sa[ESPNIC_MAX_SAS + 1]; /* by index; 0 is never used */

	uint32_t policy_count;
	struct espnic_fw_policy policy[ESPNIC_MAX_POLICIES + 1]; /* by id; 0 is never used */
	struct espnic_hal_tx_mark mark;	/* what DRAIN_NOW policies wait for */
	uint64_t drain_deadline_ms;
	uint32_t draining_now, draining_next; /* how many policies */
};

/*
 * Starts a life of the firmware: after power-on and after every reset. Forgets everything,
 * zeroizes the hardware's tables; the self-test and READY follow in espnic_fw_poll().
 * Keeps @hal and @ctx.
 */
void espnic_fw_init(struct espnic_fw *fw, const struct espnic_hal_ops *hal, void *ctx);

/*
 * One bounded pass: some commands, some events, deletions under way, heartbeat.
 * Returns the milliseconds after which it wants to be called again at the latest, 0 when there
 * is more work right now. Call it earlier whenever CMD_ENABLE, CMD_DOORBELL or EVQ_HEAD was
 * written or event_next has something.
 */
uint32_t espnic_fw_poll(struct espnic_fw *fw);

#endif
