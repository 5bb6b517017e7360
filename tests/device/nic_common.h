/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the NIC share: a device on the loopback wire, and frames to send through it. */
#ifndef ESPNIC_TESTS_NIC_COMMON_H
#define ESPNIC_TESTS_NIC_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "espnic_regs.h"
#include "hostdrv.h"

enum {
	NIC_WAIT_MS = 3000,	/* for what must come */
	NIC_NOTHING_MS = 100,	/* for what must not */
	NIC_LOG2 = 8,		/* rings of the usual set-up */
	NIC_FRAME_BUF = ESPNIC_MAX_TSO_LEN + 64,
};

struct nic {
	struct espnic_proc *proc;
	struct espnic_drv *drv;
};

extern const uint8_t nic_mac[ESPNIC_ETH_ALEN], nic_peer[ESPNIC_ETH_ALEN];

/*
 * A device with 4 queue pairs on the loopback wire, and its driver; no rings yet. cmocka set-up
 * and tear-down.
 */
int nic_open(void **state);
/* The same, with one queue pair of 2^NIC_LOG2 entries, no policies, the port enabled. */
int nic_open_started(void **state);
/* The same, with 4 queue pairs. */
int nic_open_four(void **state);
/* Closes; the device, unless the test has stopped it, must end with status 0. */
int nic_close(void **state);

/* What a frame is made of. */
struct nic_flow {
	unsigned int vlans;	/* tags: 0 to 2 */
	bool v6;
	bool tcp;		/* else UDP */
	uint16_t sport, dport;
	uint32_t payload;	/* bytes */
	uint8_t seed;		/* of the payload's bytes */
	uint8_t tcp_flags;
};

/* Where things are in the frame nic_build() made. */
struct nic_layout {
	uint32_t l3, l4, payload, len;
};

/*
 * Builds the frame from the device's own address to itself (it comes back through the loopback),
 * checksums right. @buf has room for it.
 */
struct nic_layout nic_build(uint8_t *buf, const struct nic_flow *f);

/* The internet checksum, by the book: 16 bits at a time. */
uint16_t nic_csum(const uint8_t *p, uint32_t len, uint32_t start);
/*
 * The sum of the TCP or UDP pseudo header of the IP packet at @ip with @len bytes behind its
 * header.
 */
uint32_t nic_pseudo(const uint8_t *ip, uint8_t proto, uint32_t len);
/* Whether IP lengths and all checksums in the frame are right. */
bool nic_frame_ok(const uint8_t *frame, uint32_t len);

/* Sends @frame on queue 0 and expects exactly it back on queue @rx. */
void nic_echo(struct nic *n, unsigned int rx, const uint8_t *frame, uint32_t len, unsigned int segs,
	      const struct espnic_tx_desc *tmpl, struct espnic_rx_cpl *first);
/* Gives the RX ring back all its buffers. */
void nic_refill(struct nic *n, unsigned int queue, uint32_t len);
/* Nothing is received on queue @q. */
void nic_expect_silence(struct nic *n, unsigned int q);

#endif
