/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kinds of wire share among themselves.
 */
#ifndef ESPNIC_WIRE_KINDS_H
#define ESPNIC_WIRE_KINDS_H

#include "wire/wire.h"

extern const struct espnic_wire_ops espnic_wire_stream_ops;
extern const struct espnic_wire_ops espnic_wire_tap_ops;
extern const struct espnic_wire_ops espnic_wire_loopback_ops;
extern const struct espnic_wire_ops espnic_wire_pcap_ops;

/* Milliseconds of CLOCK_MONOTONIC. */
uint64_t espnic_wire_now_ms(void);

/* Sleeps until @wake_fd (-1: nothing) is readable, at most @timeout_ms. */
void espnic_wire_sleep(int wake_fd, int timeout_ms);

/* Counts @n frames that are not delivered. */
static inline void espnic_wire_skip(struct espnic_wire *w, uint64_t n)
{
	atomic_fetch_add_explicit(&w->rx_skipped, n, memory_order_relaxed);
}

#endif
