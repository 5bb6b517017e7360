/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TX descriptors: fetched once, in batches, into the device's own copy; put
 * together to packets; judged. Nothing of a descriptor is read from host memory again.
 */
#ifndef ESPNIC_NIC_TXDESC_H
#define ESPNIC_NIC_TXDESC_H

#include <stdint.h>

#include "espnic_regs.h"
#include "nic/bus.h"

enum espnic_txdesc_limits {
	/* Descriptors the device keeps: a power of two, MAX_TX_SEGS and a batch beside it. */
	ESPNIC_TX_CACHE = 128,
};

/* The TX ring of a queue pair as its worker sees it. */
struct espnic_tx_ring {
	uint64_t addr;			/* bus address */
	uint32_t size;			/* entries, a power of two */
	uint32_t head;			/* index of the next descriptor to take */
	uint32_t fetched;		/* index after the last one in cache */
	uint32_t tail;			/* as last read from the control block */
	struct espnic_tx_desc cache[ESPNIC_TX_CACHE];
};

/* A packet of the host: what its descriptors ask for, in host order. */
struct espnic_tx_packet {
	uint32_t descs;			/* that it took from the ring */
	uint32_t len;			/* bytes, when well formed */
	uint32_t flags;			/* ESPNIC_TX_DESC_* of its first descriptor */
	uint32_t csum_start, csum_offset;
	uint32_t mss, hdr_len;
	uint32_t esp_offset, sa_handle, seq_hi;
	uint32_t drop;			/* 0, or 1 + the enum espnic_counter that refuses it */
	struct {
		uint64_t addr;
		uint32_t len;
	} part[ESPNIC_MAX_TX_SEGS];
};

/*
 * Copies descriptors up to the tail into the cache, as far as there is room. 0 or the
 * error of dma_read.
 */
int espnic_tx_fetch(struct espnic_tx_ring *r, const struct espnic_bus_ops *bus, void *ctx);

/*
 * Takes the next packet from the cache. False: there is none. Otherwise head has moved
 * past it; a malformed chain has drop set, and ends where the next packet may
 * begin: with EOP, before another SOP, after MAX_TX_SEGS descriptors, or at the tail (which
 * never stands inside a packet).
 */
bool espnic_tx_take(struct espnic_tx_ring *r, struct espnic_tx_packet *p);

/*
 * Judges lengths and offload requests against @mtu (bytes of L3); sets drop. A lawful request has
 * all offsets inside of the packet.
 */
void espnic_tx_check(struct espnic_tx_packet *p, uint32_t mtu);

/* Reads the packet's p->len bytes to @buf. 0 or the error of dma_read. */
int espnic_tx_gather(const struct espnic_tx_packet *p, const struct espnic_bus_ops *bus, void *ctx,
		     uint8_t *buf);

#endif
