/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP segmentation: one large packet of the host becomes many of at most mss bytes of payload. */
#ifndef ESPNIC_NIC_TSO_H
#define ESPNIC_NIC_TSO_H

#include <stdbool.h>
#include <stdint.h>

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
};

/*
 * Reads the headers of the Ethernet frame at @data of @len bytes. 0, or -EINVAL: not TCP over
 * whole IPv4 or IPv6 (extension headers: no), @hdr_len is not the end of its TCP header, no
 * payload, or @mss is 0. IP lengths in @data are not looked at: the host may leave them zero.
 */
int espnic_tso_begin(struct espnic_tso *t, const uint8_t *data, uint32_t len, uint32_t hdr_len,
		     uint32_t mss);

static inline bool espnic_tso_more(const struct espnic_tso *t)
{
	return t->done < t->payload;
}

/* Bytes of the largest segment's frame: what the caller must have room for. */
static inline uint32_t espnic_tso_frame_len(const struct espnic_tso *t)
{
	return t->hdr_len + (t->payload < t->mss ? t->payload : t->mss);
}

/*
 * Writes the next segment to @out, lengths, numbers, flags and checksums made for it;
 * returns its bytes. To be called while espnic_tso_more().
 */
uint32_t espnic_tso_next(struct espnic_tso *t, uint8_t *out);

#endif
