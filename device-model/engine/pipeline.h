/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ESP and AH processing shared by all bodies. A burst goes through three stages:
 *
 *   prepare   each packet in order: checks, sequence number, lifetime, headers,
 *             trailer; what is left is one job of cryptography (body.h)
 *   run       the body does all jobs
 *   finish    each packet in order: verdict, decapsulation, window, counters
 */
#ifndef ESPNIC_ENGINE_PIPELINE_H
#define ESPNIC_ENGINE_PIPELINE_H

#include "engine/body.h"
#include "engine/ip.h"
#include "engine/sa.h"

enum espnic_esp_sizes {			/* bytes: RFC 4303 section 2 */
	ESPNIC_ESP_TRAILER = 2,		/* pad length and next header */
	ESPNIC_ESP_ALIGN = 4,		/* what the trailer ends on at least, section 2.4 */
	ESPNIC_ESN_HIGH = 4,		/* the half of an extended sequence number not sent */
};

/* The ESP part of a job: what its preparation overwrote for a while. */
struct espnic_esp_job {
	uint8_t *esp;			/* ESP header */
	uint32_t text_len;		/* bytes between explicit IV and ICV */
	uint8_t before[ESPNIC_ESN_HIGH];	/* the bytes in front of the ESP header */
};

/* The same for AH, whose job is over headers that are masked for a while. */
struct espnic_ah_job {
	uint8_t *ip;
	uint32_t head_len;		/* bytes from there to AH */
	uint32_t total;			/* bytes of the packet */
	uint8_t *saved;			/* head_len bytes of memory */
};

/* How one packet is protected. Lengths and offsets in bytes, from the IP header. */
struct espnic_out {
	struct espnic_pkt *pkt;
	struct espnic_ip ip;		/* of the clear packet */
	uint32_t payload_off;		/* what is encrypted */
	uint32_t payload_len;
	uint32_t head_len;		/* IP header, and extension headers left of ESP or AH */
	uint32_t udp_len;		/* UDP header, or 0 */
	uint32_t tfc_len;
	uint32_t pad_len;
	uint32_t total;			/* the protected packet */
	uint8_t family;			/* of the outer header */
	uint8_t next;			/* next header */
	bool df;			/* of an outer IPv4 header */
	uint16_t ip_id;
	union {
		struct espnic_esp_job esp;
		struct espnic_ah_job ah;
	};
};

/* What is known of one packet to unprotect. Offsets and lengths likewise. */
struct espnic_in {
	struct espnic_pkt *pkt;
	struct espnic_ip ip;		/* outer header */
	uint32_t esp_off;		/* ESP header */
	uint32_t text_off;		/* ciphertext, and then plaintext; AH: the payload */
	uint32_t text_len;		/* 0 for AH */
	uint32_t payload_len;		/* of it, without padding and trailer */
	uint8_t next;
	uint32_t seq_low;		/* as in the packet */
	uint64_t seq;			/* the number the job is for */
	struct espnic_job *job;		/* NULL: none, its number was refused */
	uint8_t *clear;			/* the result */
	uint32_t clear_len;
	union {
		struct espnic_esp_job esp;
		struct espnic_ah_job ah;
	};
};

/* Packets under way in one thread, in order. Outbound jobs[i] is that of out[i]. */
struct espnic_burst {
	unsigned int n;
	unsigned int n_jobs;		/* inbound */
	struct espnic_job jobs[ESPNIC_BURST_MAX];
	union {
		struct espnic_out out[ESPNIC_BURST_MAX];
		struct espnic_in in[ESPNIC_BURST_MAX];
	};
	/* Headers in front of AH as they were: those of one packet always fit, of many mostly. */
	uint32_t saved_len;		/* bytes taken */
	uint8_t saved[ESPNIC_PACKET_MAX];
};

/* @len bytes of the burst's memory for headers, or NULL: finish what is under way first. */
static inline uint8_t *espnic_burst_save(struct espnic_burst *b, uint32_t len)
{
	uint8_t *saved = b->saved + b->saved_len;

	if (len > sizeof(b->saved) - b->saved_len)
		return NULL;
	b->saved_len += len;
	return saved;
}

enum {
	ESPNIC_FETCH_AHEAD = 6,		/* packets: about as long as memory takes */
	/* Of an SA: all that a packet without limits and selector looks at. */
	ESPNIC_FETCH_IN = 2,
	ESPNIC_FETCH_OUT = 3,
};

/*
 * Asks memory for both ends of an inbound packet to come, not the first of its burst; and for its SA, unless the packet
 * in front has the same.
 */
static inline void espnic_fetch_in(const struct espnic_pkt *pkt)
{
	const uint8_t *sa = (const uint8_t *)pkt->sa;

	__builtin_prefetch(pkt->data, 1);
	__builtin_prefetch(pkt->data + pkt->len - 1, 1);
	if (pkt->sa == pkt[-1].sa)
		return;
	for (int i = 0; i < ESPNIC_FETCH_IN; i++)
		__builtin_prefetch(sa + (size_t)i * ESPNIC_CACHE_LINE);
}

/* The same for an outbound one: where headers go, and the trailer. */
static inline void espnic_fetch_out(const struct espnic_pkt *pkt)
{
	const uint8_t *sa = (const uint8_t *)pkt->sa;

	__builtin_prefetch(pkt->data, 1);
	__builtin_prefetch(pkt->data - ESPNIC_CACHE_LINE, 1);
	__builtin_prefetch(pkt->data + pkt->len, 1);
	if (pkt->sa == pkt[-1].sa)
		return;
	for (int i = 0; i < ESPNIC_FETCH_OUT; i++)
		__builtin_prefetch(sa + (size_t)i * ESPNIC_CACHE_LINE);
}

/* Behind the ops of the same names. */
void espnic_protect(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n);
void espnic_unprotect(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n);
void espnic_crypt_out(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n);
void espnic_crypt_in(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n);

/* Runs the inbound jobs of the burst, hands each packet to @done in their order, and empties the burst. */
void espnic_flush_in(struct espnic_engine_thread *t,
		     void (*done)(struct espnic_engine_thread *t, struct espnic_in *f));

/* Whether @len bytes of text are whole blocks of the SA's cipher. */
static inline bool espnic_esp_whole(const struct espnic_sa *sa, uint32_t len)
{
	bool cbc = sa->enc == ESPNIC_ENC_AES_CBC || sa->enc == ESPNIC_ENC_3DES_CBC;

	return !cbc || len % sa->align == 0;
}

/*
 * Makes the job of the ESP packet whose header stands at @esp, with @len bytes
 * between explicit IV and ICV and 64-bit sequence number @seq. The explicit IV stands
 * in the packet; with @make_iv, for CBC, the block that is to become it. What ESN
 * wants in the packet for a while is put there, until espnic_esp_job_end().
 */
void espnic_esp_job_begin(struct espnic_job *job, struct espnic_esp_job *e,
			  const struct espnic_sa *sa, uint8_t *esp, uint32_t len, uint64_t seq,
			  bool seal, bool make_iv);
/* The job was run: puts the packet right again; seal: writes the ICV. */
void espnic_esp_job_end(const struct espnic_job *job, const struct espnic_esp_job *e);

/*
 * From plaintext to clear packet (RFC 4303 section 3.4.4.1, RFC 4301 section 5.2), the ICV was good: of @f the outer
 * header (ip), text_off and text_len (AH: payload_len, next) are known; clear, clear_len and next become known with ESPNIC_OK.
 */
enum espnic_verdict espnic_decapsulate(const struct espnic_sa *sa, struct espnic_pkt *pkt,
				       struct espnic_in *f);

/* What is left of @pkt is the clear packet of @len bytes at @clear, within it; @next: its next header in ESP. */
static inline void espnic_give_out(struct espnic_pkt *pkt, uint8_t *clear, uint32_t len, uint8_t next)
{
	uint32_t off = (uint32_t)(clear - pkt->data);

	pkt->headroom += off;
	pkt->tailroom += pkt->len - off - len;
	pkt->data = clear;
	pkt->len = len;
	pkt->verdict = ESPNIC_OK;
	if (next == ESPNIC_IPPROTO_NONE)
		pkt->flags |= ESPNIC_PKT_DUMMY;
}

/*
 * Outer ECN and inner ECN of a decapsulated packet (RFC 6040 section 4.2):
 * the ECN to forward with, or -1: drop.
 */
int espnic_ecn_decapsulate(uint8_t outer, uint8_t inner);

#endif
