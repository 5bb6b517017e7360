/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The wire: where Ethernet frames (no FCS) leave and come from. A kind of wire
 * is one file with one espnic_wire_ops.
 */
#ifndef ESPNIC_WIRE_WIRE_H
#define ESPNIC_WIRE_WIRE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct espnic_wire_frame {
	const uint8_t *data;
	/* bytes, Ethernet header included, FCS not; 1 to ESPNIC_MAX_FRAME */
	uint32_t len;
};

struct espnic_wire;

struct espnic_wire_ops {
	const char *name;	/* as in --wire NAME:ARG */
	/*
	 * @arg: what stands behind "NAME:" ("" if nothing). NULL on failure, then @err holds one
	 * line for the user.
	 */
	struct espnic_wire *(*open)(const char *arg, char *err, size_t err_len);
	/* No other thread may be inside any of the functions below. */
	void (*close)(struct espnic_wire *w);
	/*
	 * Send frames in order; returns how many were taken (0: would block, wait with
	 * wait_writable), or -ENOLINK when there is no carrier. A frame is taken whole or not at
	 * all. Any thread.
	 */
	int (*send)(struct espnic_wire *w, const struct espnic_wire_frame *frames, unsigned int n);
	/* Wait until send may take a frame, at most @timeout_ms. Any thread. */
	void (*wait_writable)(struct espnic_wire *w, int timeout_ms);
	/*
	 * Receive up to @n frames into the wire's own buffers, valid until the next call; returns
	 * their number, 0: none now. Oversized or broken input is skipped and counted in
	 * rx_skipped. One thread.
	 */
	int (*recv)(struct espnic_wire *w, struct espnic_wire_frame *frames, unsigned int n);
	/*
	 * Wait until recv may find something or carrier changes, at most @timeout_ms; @wake_fd (or
	 * -1) becoming readable ends it early and is left as it is. The thread of recv: connections
	 * are made and lost in these two.
	 */
	void (*wait_readable)(struct espnic_wire *w, int wake_fd, int timeout_ms);
	/* Any thread. */
	bool (*link_up)(struct espnic_wire *w);
};

struct espnic_wire {
	const struct espnic_wire_ops *ops;
	/* frames that arrived and were not given to recv's caller */
	_Atomic uint64_t rx_skipped;
};

/*
 * Opens "stream:connect:PATH", "stream:listen:PATH" (QEMU's stream netdev: 4-byte
 * big-endian length before each frame, unix socket), "tap:NAME", "loopback",
 * "pcap:IN[,OUT]" (pcapng or pcap file as what arrives; what leaves is written to OUT).
 * NULL on failure with one line in @err. Close by w->ops->close(w).
 */
struct espnic_wire *espnic_wire_open(const char *spec, char *err, size_t err_len);

#endif
