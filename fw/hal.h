/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hardware as the firmware sees it. The firmware owns decisions (which
 * commands are lawful, which objects exist); what stands behind this header
 * owns effects (DMA, registers, tables of the datapath, keys). It is implemented
 * by the device model's native core and by MMIO on the device's own core.
 *
 * Rules for both sides:
 * - All functions are called from the one firmware thread, never inside each
 *   other, and return within a bounded time (well below ESPNIC_CMD_TIMEOUT_MS).
 *   None calls back into the firmware.
 * - Pointers given to a function hold until it returns; nothing is kept.
 *   Key material is copied by sa_add and engine_kat and by nothing else; the
 *   firmware wipes its buffer right after the call.
 * - Codes are those of espnic_regs.h (struct cmd_*), so that one meaning holds
 *   from the driver to here. Numbers are in host order; addresses, MACs and
 *   keys are byte strings. IPv4 addresses stand in the first 4 of 16 bytes.
 * - What a function is given has been validated; lawful-but-impossible is
 *   answered with an enum espnic_cmd_status.
 */
#ifndef ESPNIC_FW_HAL_H
#define ESPNIC_FW_HAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "espnic_regs.h"

/* Result of an access to host memory. */
enum espnic_hal_dma {
	ESPNIC_HAL_DMA_OK = 0,
	ESPNIC_HAL_DMA_FAULT,	/* not mapped, or not allowed */
	ESPNIC_HAL_DMA_RESET,	/* a reset is under way: the firmware stops without calling it fatal */
};

/* As struct espnic_cmd_selector, in host order. Ports 0..65535: any, also where there is none; 65535..0: OPAQUE. */
struct espnic_hal_selector {
	uint8_t family;			/* 4, 6, 0: any (then the prefix lengths are 0) */
	uint8_t proto;			/* 0: any; 255: OPAQUE */
	uint8_t src_plen, dst_plen;	/* bits */
	uint8_t saddr[16], daddr[16];
	uint16_t sport_min, sport_max;
	uint16_t dport_min, dport_max;
};

/* UINT64_MAX: no limit. Never 0. */
struct espnic_hal_limits {
	uint64_t soft_packets, hard_packets;
	uint64_t soft_bytes, hard_bytes;
};

struct espnic_hal_sa {
	uint32_t handle;
	uint32_t spi;
	uint32_t reqid;
	uint8_t dir;			/* enum espnic_cmd_sa_dir */
	uint8_t offload;		/* enum espnic_cmd_sa_offload */
	uint8_t mode;			/* enum espnic_cmd_sa_mode */
	uint8_t proto;			/* IP protocol number: 50 */
	uint8_t family;			/* 4 or 6, of saddr and daddr */
	uint8_t saddr[16], daddr[16];	/* on the wire */

	uint8_t enc_alg;		/* enum espnic_enc_alg */
	uint8_t enc_key_len;		/* bytes */
	uint8_t salt_len;		/* bytes */
	uint8_t icv_len;		/* bytes */
	uint8_t auth_alg;		/* enum espnic_auth_alg */
	uint8_t auth_key_len;		/* bytes */
	const uint8_t *enc_key;		/* secret: copy, never keep the pointer */
	const uint8_t *salt;		/* secret */
	const uint8_t *auth_key;	/* secret */

	bool esn;
	bool udp_encap;
	uint16_t encap_sport, encap_dport;
	bool ecn;			/* tunnel */
	bool dscp_copy;			/* tunnel */
	uint8_t dscp;			/* tunnel, unless dscp_copy */
	uint8_t ttl;			/* tunnel */
	uint8_t df;			/* tunnel: enum espnic_tunnel_df */
	bool has_l2;			/* tunnel, outbound, packet offload: dst_mac, src_mac hold */
	uint8_t dst_mac[ESPNIC_ETH_ALEN], src_mac[ESPNIC_ETH_ALEN];
	bool has_sel;
	struct espnic_hal_selector sel;
	uint16_t mtu;			/* bytes; 0: none */
	uint32_t replay_window;		/* packets; 0: no check; always 0 outbound */
	uint64_t seq;
	struct espnic_hal_limits limits;
	uint64_t lease_mark, lease_end;	/* as in struct espnic_hal_sa_update; lease_end 0: no lease */
	bool dormant;			/* passes nothing until it succeeds another */
};

enum espnic_hal_sa_update_what {
	ESPNIC_HAL_SA_L2 = 1 << 0,
	ESPNIC_HAL_SA_DYING = 1 << 1,
	ESPNIC_HAL_SA_LIMITS = 1 << 2,
	ESPNIC_HAL_SA_LEASE = 1 << 3,
	ESPNIC_HAL_SA_ALIVE = 1 << 4,	/* not dying any more; never with DYING */
};

struct espnic_hal_sa_update {
	uint32_t what;			/* enum espnic_hal_sa_update_what */
	uint8_t dst_mac[ESPNIC_ETH_ALEN], src_mac[ESPNIC_ETH_ALEN];
	struct espnic_hal_limits limits;
	/* No number over lease_end is sent; that of lease_mark raises ESPNIC_HAL_EVENT_LEASE. */
	uint64_t lease_mark, lease_end;
};

/* As struct espnic_sa_report; the flags are sticky: set until the SA is deleted. */
struct espnic_hal_sa_report {
	uint64_t packets, bytes;
	uint64_t seq;
	uint64_t integrity_failed, replay, dropped;
	uint32_t replay_window;
	bool soft, hard, seq_used_up;
	bool has_peer;			/* peer_addr and peer_port hold */
	uint8_t peer_addr[16];
	uint16_t peer_port;
};

/* As struct espnic_window_report. */
struct espnic_hal_window {
	uint64_t top;
	uint32_t size;			/* packets */
	uint8_t bitmap[ESPNIC_MAX_REPLAY_WINDOW / 8];
};

struct espnic_hal_policy {
	uint32_t id;
	uint32_t priority;		/* lower first; equal ones in the order they were added */
	uint8_t dir;			/* enum espnic_cmd_policy_dir */
	uint8_t action;			/* enum espnic_cmd_policy_action */
	struct espnic_hal_selector sel;
	/* PROTECT alone; all zero otherwise */
	uint8_t tmpl_mode;		/* enum espnic_cmd_sa_mode */
	uint8_t tmpl_proto;		/* IP protocol number: 50 */
	uint8_t tmpl_family;		/* tunnel: 4 or 6; transport: 0 */
	uint32_t tmpl_reqid;		/* 0: any */
	uint32_t tmpl_spi;		/* 0: any */
	uint8_t tmpl_saddr[16], tmpl_daddr[16]; /* tunnel; all zero: any */
};

struct espnic_hal_policy_report {
	uint64_t packets, bytes, no_sa;
};

/* As struct espnic_cmd_queue_create. */
struct espnic_hal_queue {
	uint32_t queue;
	uint8_t tx_log2, rx_log2;
	uint16_t vector;
	uint64_t tx_addr, tx_cpl_addr, rx_addr, rx_cpl_addr, ctrl_addr;
};

/* As struct espnic_cmd_queue_moderation. */
struct espnic_hal_moderation {
	uint32_t queue;
	uint32_t tx_usecs, tx_frames, rx_usecs, rx_frames;
};

struct espnic_hal_port {
	bool enable;
	bool promisc;
	uint32_t mtu;			/* bytes of the largest L3 packet */
	uint8_t mac[ESPNIC_ETH_ALEN];
};

struct espnic_hal_rss {
	uint8_t key[ESPNIC_RSS_KEY_LEN];
	uint8_t table[ESPNIC_RSS_TABLE_LEN];
	bool l3, l4;
};

/*
 * Where every TX queue stood at one moment. `life` changes whenever a queue pair
 * is started or stopped, so that a mark never waits for a queue that is gone.
 */
struct espnic_hal_tx_mark {
	struct {
		uint32_t life;
		uint32_t tail;
	} queue[ESPNIC_MAX_QUEUE_PAIRS];
};

/* Events for the firmware alone, beside those of enum espnic_event_type. */
enum espnic_hal_event_type {
	/* SA `handle` has sent number lease_mark or a higher one; value: the last one sent. */
	ESPNIC_HAL_EVENT_LEASE = 0x100,
};

/* Something that happened, in the terms of struct espnic_event. */
struct espnic_hal_event {
	uint16_t type;			/* enum espnic_event_type or espnic_hal_event_type */
	uint32_t handle;
	uint64_t value;
	uint64_t arg;
};

/* Who the device is: ASCII, zero padded, as in struct espnic_dev_info. */
struct espnic_hal_info {
	char engine[16];
	char core[16];
	char wire[16];
	char serial[16];
};

enum espnic_hal_limit {
	ESPNIC_HAL_DMA_MAX = 1024,	/* bytes of one dma_read or dma_write */
	ESPNIC_HAL_KAT_MAX = 256,	/* bytes of a known-answer packet */
};

struct espnic_hal_ops {
	/*
	 * Host memory; @len is 1 to ESPNIC_HAL_DMA_MAX, @addr + @len may lie anywhere (the
	 * HAL refuses what wraps). enum espnic_hal_dma. dma_store32: one aligned 32-bit
	 * little-endian store; all earlier writes of the firmware are seen before it.
	 */
	uint32_t (*dma_read)(void *ctx, uint64_t addr, void *buf, uint32_t len);
	uint32_t (*dma_write)(void *ctx, uint64_t addr, const void *buf, uint32_t len);
	uint32_t (*dma_store32)(void *ctx, uint64_t addr, uint32_t value);
	/* Raises MSI-X vector @vector; does not block. */
	void (*irq)(void *ctx, uint32_t vector);

	/*
	 * BAR0 as the device has it, by ESPNIC_REG_* offset. Also the write-only ones:
	 * CMD_DOORBELL and EVQ_HEAD read what the host wrote last. The HAL has set CAP_*,
	 * MAC_* and STATUS.LINK_UP itself; the firmware reads them. The firmware writes
	 * FATAL_CODE, FW_VERSION, FW_HEARTBEAT, and in STATUS, by status_set and
	 * status_clear (atomic), READY, FATAL, FW_ALIVE, SPD_COMMITTED, CMD_ENABLED.
	 */
	uint32_t (*reg_read)(void *ctx, uint32_t off);
	void (*reg_write)(void *ctx, uint32_t off, uint32_t value);
	void (*status_set)(void *ctx, uint32_t bits);
	void (*status_clear)(void *ctx, uint32_t bits);

	/* Milliseconds since any fixed moment; never goes back. */
	uint64_t (*now_ms)(void *ctx);
	/* Fills @buf with unpredictable bytes. */
	void (*random)(void *ctx, void *buf, uint32_t len);
	void (*info)(void *ctx, struct espnic_hal_info *info);

	/*
	 * Queue pairs. Start: OK, or DMA_ERROR (the control block cannot be reached),
	 * NO_SPACE, TIMEOUT: then nothing runs. Stop: OK when the device touches none of the
	 * queue's memory any more, or TIMEOUT: it may still; call again.
	 * enum espnic_cmd_status.
	 */
	uint32_t (*queue_start)(void *ctx, const struct espnic_hal_queue *q);
	uint32_t (*queue_stop)(void *ctx, uint32_t queue);
	uint32_t (*queue_moderation)(void *ctx, const struct espnic_hal_moderation *m);
	uint32_t (*port_set)(void *ctx, const struct espnic_hal_port *port);
	uint32_t (*rss_set)(void *ctx, const struct espnic_hal_rss *rss);

	/*
	 * SAs. The firmware sees to it that handles are unique, and among SAs that are not
	 * dormant (SPI, protocol, family, destination) of inbound and (key, salt) of each direction.
	 * sa_add: OK, NO_SPACE, or ENGINE with *@verdict the enum espnic_ipsec_status. sa_del: OK when
	 * no packet uses it any more and the engine's copy of the key is wiped; *@last is what a query
	 * would then say: its counts are final. sa_query must not lose an event that event_next has yet
	 * to return.
	 * sa_succeed: as sa_del of @old, and @heir, until now dormant and of the same direction, key and
	 * salt, takes its place; between them no packet passes. *@seq: the number the heir goes
	 * on from. enum espnic_cmd_status.
	 */
	uint32_t (*sa_add)(void *ctx, const struct espnic_hal_sa *sa, uint32_t *verdict);
	uint32_t (*sa_update)(void *ctx, uint32_t handle, const struct espnic_hal_sa_update *u,
			      uint32_t *verdict);
	uint32_t (*sa_del)(void *ctx, uint32_t handle, struct espnic_hal_sa_report *last);
	uint32_t (*sa_succeed)(void *ctx, uint32_t old, uint32_t heir,
			       struct espnic_hal_sa_report *last, uint64_t *seq);
	uint32_t (*sa_query)(void *ctx, uint32_t handle, struct espnic_hal_sa_report *r);
	/* A consistent picture of the replay window of an inbound SA of packet offload. */
	uint32_t (*sa_window)(void *ctx, uint32_t handle, struct espnic_hal_window *w);

	/*
	 * Policies. policy_discard: from its return on, everything the policy matches is
	 * dropped (tx_drop_discard, rx_drop_discard), also packets taken from a ring before
	 * it but not yet steered. enum espnic_cmd_status.
	 */
	uint32_t (*policy_add)(void *ctx, const struct espnic_hal_policy *p);
	uint32_t (*policy_discard)(void *ctx, uint32_t id);
	uint32_t (*policy_del)(void *ctx, uint32_t id);
	uint32_t (*policy_query)(void *ctx, uint32_t id, struct espnic_hal_policy_report *r);

	/*
	 * tx_mark: the TX tail of every running queue as its control block has it now (not
	 * only what the device has looked at). tx_passed: whether each queue of @mark has
	 * steered all packets before its tail, or has another life by now.
	 */
	void (*tx_mark)(void *ctx, struct espnic_hal_tx_mark *mark);
	bool (*tx_passed)(void *ctx, const struct espnic_hal_tx_mark *mark);

	/* Adds @n to a device counter. */
	void (*count)(void *ctx, enum espnic_counter which, uint32_t n);
	/* All device counters, and those of one running queue pair. */
	void (*counters)(void *ctx, uint64_t v[ESPNIC_COUNTER_COUNT]);
	void (*queue_counters)(void *ctx, uint32_t queue, uint64_t v[ESPNIC_QUEUE_COUNTER_COUNT]);

	/*
	 * Takes the next thing that happened: true and *@ev, or false. The HAL keeps a bounded
	 * number of them, and one of a kind and handle alone: none of an SA is ever lost. Type FATAL: the device found
	 * itself unable to go on, value is the enum espnic_fatal.
	 */
	bool (*event_next)(void *ctx, struct espnic_hal_event *ev);

	/*
	 * One packet through the engine body that serves the datapath, with an SA made for
	 * it alone and gone afterwards: protect (sa->dir OUT, explicit IV @iv) or
	 * unprotect (IN, @iv NULL) the @in_len bytes at @in; @iv has the length of the transform's
	 * explicit IV. Outbound the packet takes
	 * sequence number sa->seq + 1. Returns enum espnic_ipsec_status; with OK the result
	 * is in @out (ESPNIC_HAL_KAT_MAX bytes) and *@out_len.
	 */
	uint32_t (*engine_kat)(void *ctx, const struct espnic_hal_sa *sa, const uint8_t *iv,
			       const uint8_t *in, uint32_t in_len, uint8_t *out, uint32_t *out_len);

	/*
	 * Stops all queue pairs and the port first, then deletes all SAs, keys wiped, all
	 * policies and pending events. Nothing passes in either direction afterwards until
	 * queue_start. Called at start and when the device becomes fatal.
	 */
	void (*zeroize)(void *ctx);
};

#endif
