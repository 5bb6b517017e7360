/* SPDX-License-Identifier: BSD-2-Clause */
/* What both directions of steering share. Only for nic/steer*.c. */
#ifndef ESPNIC_NIC_STEER_IMPL_H
#define ESPNIC_NIC_STEER_IMPL_H

#include "engine/sad.h"
#include "engine/spd.h"
#include "nic/frame.h"
#include "nic/pcap.h"
#include "nic/steer.h"

enum espnic_steer_limits {
	ESPNIC_STEER_BURST = 64,	/* frames worked on at once: what fits on the stack */
	ESPNIC_NATT_PORT = 4500,	/* RFC 3948 section 2.1 */
};

/* What a packet looks like on the outside, as far as IPsec is concerned. */
enum espnic_peek_kind {
	ESPNIC_PEEK_CLEAR,		/* neither of the below */
	ESPNIC_PEEK_IPSEC,		/* ESP or AH */
	/* UDP that would be ESP on the right port: no IKE marker, 8 bytes or more */
	ESPNIC_PEEK_UDP,
	ESPNIC_PEEK_KEEPALIVE,		/* UDP that would be a NAT-T keepalive on the right port */
	/* ESP or AH by protocol, but its header is not there, or is in another fragment */
	ESPNIC_PEEK_SHORT,
};

struct espnic_peek {
	enum espnic_peek_kind kind;
	uint8_t proto;			/* IPSEC, UDP: ESPNIC_IPPROTO_ESP or _AH */
	uint32_t off;			/* of the ESP or AH header, from the IP header */
	uint32_t spi;
};

/* What the SPD says in one direction. */
struct espnic_steer_decision {
	struct espnic_spd_policy *policy;	/* NULL with ESPNIC_SPD_NONE */
	enum espnic_spd_result result;
};

/* Where one frame is on its way. */
struct espnic_steer_job {
	struct espnic_frame *f;
	uint32_t len_in;		/* bytes of the frame as it came */
	uint32_t l3;			/* offset of the IP header from the frame's start */
	struct espnic_flow flow;	/* of the IP packet; after unprotect, of the inner one */
	struct espnic_peek peek;	/* of the IP packet */
	uint8_t kind;			/* what is to be done, in the direction's own terms */
	struct espnic_steer_decision spd[2];	/* the same */
	bool protect;			/* outbound: dropped unless a PROTECT policy covers it */
	struct espnic_sad_entry *sa;	/* that handles it, NULL: none */
	uint8_t peer_addr[16];		/* where it came from, of inbound SAs in UDP */
	uint16_t peer_port;
	uint64_t seq;			/* its sequence number, when the engine told one */
	/* what it was counted under; ESPNIC_COUNTER_COUNT: not yet */
	uint32_t counter;
	uint8_t l2[ESPNIC_L2_MAX];	/* its L2 header, while the engine works where it stood */
};

/* Packets of a burst that one function of the engine works on. */
struct espnic_steer_batch {
	unsigned int n;
	struct espnic_steer_job *jobs[ESPNIC_STEER_BURST];
	struct espnic_pkt pkts[ESPNIC_STEER_BURST];
};

/*
 * A burst goes through steering in passes: frames are read, tables are asked for many of them at once, and then
 * each frame is settled in its turn. The passes before the last change nothing, and the tables stay
 * as they are: a burst means what its frames mean one by one.
 */
struct espnic_steer_burst {
	struct espnic_steer_thread *t;
	unsigned int n;			/* frames */
	uint64_t now_ms;		/* of this burst; 0: not asked for yet */
	struct espnic_steer_job jobs[ESPNIC_STEER_BURST];
	struct espnic_steer_batch packet, crypto;
};

/* Begins the burst of @n frames, ESPNIC_STEER_BURST at most. */
void espnic_steer_begin(struct espnic_steer_burst *b, struct espnic_steer_thread *t,
			struct espnic_frame *frames, unsigned int n);
/* Records it, if recording. */
void espnic_steer_end(struct espnic_steer_burst *b, enum espnic_pcap_dir dir);

/* What the SPD says in direction @dir of the @n packets of @jobs (ESPNIC_STEER_BURST at most), in spd[@at] of each. */
void espnic_steer_decide(const struct espnic_steer *s, enum espnic_spd_dir dir,
			 struct espnic_steer_job *const *jobs, unsigned int n, unsigned int at);

/* CLOCK_MONOTONIC, read once a burst. */
uint64_t espnic_steer_now(struct espnic_steer_burst *b);

static inline uint8_t *espnic_steer_ip(const struct espnic_steer_job *j)
{
	return j->f->buf + j->f->off + j->l3;
}

/* The one counter of this frame. */
static inline void espnic_steer_count(struct espnic_steer_burst *b, struct espnic_steer_job *j,
				      enum espnic_counter counter)
{
	j->counter = counter;
	espnic_count(b->t->counters, counter, 1);
}

static inline void espnic_steer_drop(struct espnic_steer_burst *b, struct espnic_steer_job *j,
				     enum espnic_counter counter)
{
	j->f->flags |= ESPNIC_FRAME_DROP;
	j->f->counter = counter;
	espnic_steer_count(b, j, counter);
}

/*
 * Adds the packet of @j, without what stands behind its IP length, for SA @e to @batch; its L2
 * header is kept in @j.
 */
struct espnic_pkt *espnic_steer_batch_add(struct espnic_steer_batch *batch,
					  struct espnic_steer_job *j, struct espnic_sad_entry *e);
/* Tells of events of the SAs in @batch that the engine raised. */
void espnic_steer_batch_events(struct espnic_steer_burst *b,
			       const struct espnic_steer_batch *batch);
/* The frame of @j becomes its old L2 header in front of the packet @pkt. */
void espnic_steer_reframe(struct espnic_steer_job *j, const struct espnic_pkt *pkt);

/* Looks at the packet at @ip, of which @flow was read; also into first fragments. */
void espnic_steer_peek(const uint8_t *ip, const struct espnic_flow *flow, struct espnic_peek *peek);

#endif
