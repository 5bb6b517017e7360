/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP segmentation: one large packet of the host becomes many of at most mss bytes of payload; in
 * the clear, or inside of ESP that the host has begun (crypto offload), each with a sequence
 * number, IV and trailer of its own.
 */
#ifndef ESPNIC_NIC_TSO_H
#define ESPNIC_NIC_TSO_H

#include <stdbool.h>
#include <stdint.h>

/* What is to be known of ESP around the TCP packet: of its SA and the descriptor. */
struct espnic_tso_esp {
	uint32_t off;		/* bytes from the frame's start to the ESP header */
	uint32_t seq_hi;	/* high half of the first segment's number */
	bool esn;
	bool tunnel;		/* an IP packet stands behind the IV, else TCP */
	bool udp;		/* a UDP header stands in front of the ESP header; IPv4 alone */
	uint8_t iv_len;		/* bytes */
	uint8_t icv_len;	/* bytes */
};

/* One packet on its way; valid between espnic_tso_begin and the last espnic_tso_next. */
struct espnic_tso {
	const uint8_t *data;	/* the whole packet, the caller's */
	uint32_t l3_off;	/* bytes from data */
	uint32_t l4_off;
	uint32_t hdr_len;	/* bytes up to the end of the TCP header */
	uint32_t mss;		/* bytes of payload a segment */
	uint32_t payload;	/* bytes of payload */
	uint32_t done;		/* of those, already in segments */
	uint32_t seq;		/* of the first segment, host order */
	uint16_t ip_id;		/* of the first segment, host order; IPv4 */
	uint16_t index;		/* of the next segment; wraps as ip_id does */
	uint8_t family;
	uint8_t flags;		/* the TCP flags of the packet */

	/* With ESP: the three above are of the packet that holds TCP, these of the one around it. */
	bool esp;
	bool udp, tunnel;
	uint32_t outer_off;	/* bytes from data to the outer IP header; transport mode: l3_off */
	uint32_t esp_off;
	uint64_t esp_seq;	/* of the first segment */
	uint16_t outer_id;	/* as ip_id */
	uint8_t outer_family;
	uint8_t next;		/* next header in the trailer */
	uint8_t icv_len;
};

/*
 * Reads the headers of the Ethernet frame at @data of @len bytes. 0, or -EINVAL: not TCP over
 * whole IPv4 or IPv6 (extension headers: no), @hdr_len is not the end of its TCP header, no
 * payload, or @mss is 0. IP lengths in @data are not looked at: the host may leave them zero.
 */
int espnic_tso_begin(struct espnic_tso *t, const uint8_t *data, uint32_t len, uint32_t hdr_len,
		     uint32_t mss);

/*
 * The same of a frame in which @esp stands around the TCP packet; its trailer and ICV do not stand there.
 * -EINVAL also: that is not what the frame looks like. -ERANGE: there are not so many sequence
 * numbers left.
 */
int espnic_tso_begin_esp(struct espnic_tso *t, const uint8_t *data, uint32_t len, uint32_t hdr_len,
			 uint32_t mss, const struct espnic_tso_esp *esp);

static inline bool espnic_tso_more(const struct espnic_tso *t)
{
	return t->done < t->payload;
}

/* Bytes of the largest segment's frame: what the caller must have room for. */
uint32_t espnic_tso_frame_len(const struct espnic_tso *t);

/* With ESP: the 64-bit sequence number of the next segment. */
static inline uint64_t espnic_tso_esp_seq(const struct espnic_tso *t)
{
	return t->esp_seq + t->done / t->mss;
}

/*
 * Writes the next segment to @out, lengths, numbers, flags and checksums made for it; with ESP
 * also IV and trailer, and zeros where the ICV will stand. Returns its bytes. To be called while
 * espnic_tso_more().
 */
uint32_t espnic_tso_next(struct espnic_tso *t, uint8_t *out);

#endif
