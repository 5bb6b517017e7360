/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Steering: what happens to one frame between host and wire by SPD, SAD and the
 * rules of docs/architecture.md. Knows frames, tables and the engine; no rings,
 * no host memory, no wire.
 *
 * Each IP frame is counted under exactly one counter; frames that are not IP under
 * none here. What had to be decided beyond the table of the architecture page:
 *
 * - A clear IP packet from the wire may be for this host (direction IN) or to be
 *   forwarded by it (FWD); the NIC knows no local addresses. It is dropped when the
 *   first match of either is PROTECT: so bypass entries (NDP, IKE) stand in both. IN's DISCARD
 *   drops it; FWD's does not, for it would cut off the host itself: the host, which knows
 *   whether it forwards, holds the same policy and enforces it.
 * - ESP in UDP of an SA the SAD knows is told by its SPI together with the SA's destination
 *   port or port 4500. Of no known SA: port 4500 on either side to the wire, as destination from
 *   the wire (there a sender chooses its source port as it likes), and no IKE marker. To the wire, of
 *   a known SA of crypto offload, also by that SA's own ports.
 * - From the wire, UDP to port 4500 with the one byte 0xff is a keepalive (RFC 3948 section 2.3).
 * - Host-made ESP for crypto offload must be what its descriptor says: an ESP packet whose header
 *   stands at esp_offset, with the SPI of the SA; so the flag lets nothing else past the SPD.
 * - Packets that do not parse (also: EtherType and IP version disagree, more than two
 *   VLAN tags) are dropped when there is any policy, and pass when there is none.
 * - A frame to the wire without addresses of its own (destination all zero: Linux leaves those of packets it
 *   sends straight to a tunnel blank) leaves by a tunnel SA that has them, or not at all (tx_drop_l2).
 * - A fragment that a transport mode policy covers is dropped (RFC 4303 section 3.1.1: whole
 *   datagrams only) as tx_drop_fragment.
 * - The packet after protection may have ESPNIC_MAX_MTU bytes, else it is dropped as tx_drop_mtu.
 * - Fragments of ESP from the wire: of a known SA all are dropped; a later one whose
 *   first has not been seen passes, for without its first it is nothing.
 */
#ifndef ESPNIC_NIC_STEER_H
#define ESPNIC_NIC_STEER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"
#include "espnic_regs.h"

struct espnic_sad;
struct espnic_spd;
struct espnic_dormant;
struct espnic_espudp;
struct espnic_peers;
struct espnic_pcap;
struct espnic_fragcache;

/* Counters of one thread: it alone adds, anyone may read. */
struct espnic_counters {
	_Atomic uint64_t v[ESPNIC_COUNTER_COUNT];
};

static inline void espnic_count(struct espnic_counters *c, enum espnic_counter which, uint64_t n)
{
	/* One writer: a plain load and store is enough, and cheaper than a locked add. */
	uint64_t old = atomic_load_explicit(&c->v[which], memory_order_relaxed);

	atomic_store_explicit(&c->v[which], old + n, memory_order_relaxed);
}

enum espnic_frame_room {
	/*
	 * bytes in front of a frame: the engine's headroom, less nothing for L2, which moves along
	 */
	ESPNIC_FRAME_HEADROOM = 128,
	/* bytes behind: padding, trailer, ICV */
	ESPNIC_FRAME_TAILROOM = 128,
	/* bytes of a buffer that holds any frame on its way */
	ESPNIC_FRAME_BUF = ESPNIC_FRAME_HEADROOM + ESPNIC_MAX_FRAME + 2 + ESPNIC_FRAME_TAILROOM,
};

enum espnic_frame_flags {
	ESPNIC_FRAME_CRYPTO = 1 << 0,	/* TX in: host-made ESP of sa_handle, encrypt in place */
	ESPNIC_FRAME_DROP = 1 << 1,	/* out: drop; `counter` is the reason, already counted */
	ESPNIC_FRAME_IPSEC = 1 << 2,	/* RX out: an SA handled it */
	ESPNIC_FRAME_DECAP = 1 << 3,	/* RX out: clear inner packet (packet offload) */
	ESPNIC_FRAME_PROTECT = 1 << 4,	/* TX in: drop it unless a PROTECT policy covers it */
};

struct espnic_frame {
	uint8_t *buf;			/* ESPNIC_FRAME_BUF bytes, the caller's */
	uint32_t off;			/* where the frame begins in buf */
	uint32_t len;			/* its bytes */
	uint32_t flags;			/* enum espnic_frame_flags */
	uint32_t counter;		/* enum espnic_counter, with DROP */
	uint32_t sa_handle;		/* TX in with CRYPTO; RX out with IPSEC */
	uint32_t seq_hi;		/* TX in with CRYPTO */
	uint32_t esp_offset;		/* TX in with CRYPTO: from the frame's start */
	uint64_t seq;			/* RX out with IPSEC */
	uint32_t ipsec_status;		/* enum espnic_ipsec_status, RX out with IPSEC */
};

/*
 * Shared by all threads. `lock` guards sad, dormant, espudp and spd: readers steer, the firmware's HAL
 * writes.
 */
struct espnic_steer {
	const struct espnic_engine_ops *engine;
	pthread_rwlock_t lock;
	struct espnic_sad *sad;
	struct espnic_dormant *dormant;	/* SAs that wait for their twin to go */
	struct espnic_spd *spd;
	struct espnic_espudp *espudp;	/* SAs of crypto offload in UDP of any ports */
	struct espnic_peers *peers;	/* of UDP encapsulation; has a lock of its own */
	/* NULL: no recording; set before threads are made, then left alone */
	struct espnic_pcap *pcap;
	/*
	 * Both set. Told (any thread, must not block) that an SA or policy has something to report;
	 * see fw/.
	 */
	void (*sa_event)(void *ctx, uint32_t sa_handle);
	void (*policy_event)(void *ctx, uint32_t policy_id);
	void *event_ctx;
};

/* One for each thread that steers, and direction. */
struct espnic_steer_thread {
	struct espnic_steer *steer;
	struct espnic_engine_thread *engine;
	struct espnic_counters *counters;
	struct espnic_fragcache *frags;	/* owned, unless shared */
	bool shares;
	/* owned; with recording: the frames of a burst as they came */
	uint8_t *record;
};

/* 0 or -ENOMEM. */
int espnic_steer_thread_init(struct espnic_steer_thread *t, struct espnic_steer *s,
			     struct espnic_counters *c);
/*
 * From now on @t shares what @first, a thread of the same direction, knows of fragments: those of one
 * packet may come by queues of both. @first outlives @t's work.
 */
void espnic_steer_thread_share(struct espnic_steer_thread *t, const struct espnic_steer_thread *first);
void espnic_steer_thread_free(struct espnic_steer_thread *t);
/* After a reset: forget all fragments. */
void espnic_steer_thread_reset(struct espnic_steer_thread *t);

/* What must be known of an SA of crypto offload to finish a packet of the host's before it is steered. */
struct espnic_crypto_sa {
	bool tunnel, udp_encap, esn;
	uint8_t iv_len, icv_len;	/* bytes */
};

/*
 * The outbound SA of crypto offload of exactly that handle; false: there is none. Takes steer->lock: it
 * may be gone when the packet is steered.
 */
bool espnic_steer_crypto_sa(struct espnic_steer *s, uint32_t handle, struct espnic_crypto_sa *sa);

/*
 * Host to wire, @n frames (checksums done, segmented). Each comes back as what goes on the wire, or
 * with DROP. The caller holds steer->lock for reading.
 */
void espnic_steer_tx(struct espnic_steer_thread *t, struct espnic_frame *frames, unsigned int n);

/*
 * Wire to host, @n frames. Each comes back as what the host gets, with sa_handle, seq,
 * ipsec_status, or with DROP. The caller holds steer->lock for reading.
 */
void espnic_steer_rx(struct espnic_steer_thread *t, struct espnic_frame *frames, unsigned int n);

#endif
