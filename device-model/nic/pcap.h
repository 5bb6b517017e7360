/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recording to a pcapng file (draft-ietf-opsawg-pcapng): what went over the wire
 * and what the host saw of it, side by side, nanosecond times, one comment a frame.
 */
#ifndef ESPNIC_NIC_PCAP_H
#define ESPNIC_NIC_PCAP_H

#include <stddef.h>
#include <stdint.h>

/* The interfaces of every file written. */
enum espnic_pcap_iface {
	ESPNIC_PCAP_WIRE,	/* named "wire": frames as they are on the wire */
	ESPNIC_PCAP_HOST,	/* named "host": frames as the host gave or got them */
	ESPNIC_PCAP_IFACES
};

/* Of a frame, on both interfaces; the values of epb_flags bits 0 and 1. */
enum espnic_pcap_dir {
	ESPNIC_PCAP_IN = 1,	/* from the wire towards the host */
	ESPNIC_PCAP_OUT = 2,	/* from the host towards the wire */
};

enum espnic_pcap_limits {
	ESPNIC_PCAP_COMMENT_MAX = 256,	/* bytes of a comment; a longer one is cut */
	ESPNIC_PCAP_FLUSH_MS = 200,	/* a frame is in the file this long after at the latest */
};

struct espnic_pcap;

/*
 * Truncates the file, or makes it, readable by its owner alone, for it holds what IPsec hides.
 * NULL: one line in @err. Starts a thread that flushes. A process that is killed leaves whole
 * blocks, the last perhaps cut.
 */
struct espnic_pcap *espnic_pcap_open(const char *path, char *err, size_t err_len);

/*
 * Records a frame of @len bytes with the present time. @comment: UTF-8 or NULL; never a key. Any
 * thread; copies, may write to the file. When that fails, says so once on stderr and records
 * nothing more.
 */
void espnic_pcap_frame(struct espnic_pcap *p, enum espnic_pcap_iface iface, const void *data,
		       uint32_t len, enum espnic_pcap_dir dir, const char *comment);

/*
 * Writes out what is buffered and closes; NULL is fine. 0, or a negative errno if not all could be
 * written.
 */
int espnic_pcap_close(struct espnic_pcap *p);

#endif
