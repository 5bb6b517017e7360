/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the peers of UDP-encapsulated inbound SAs are: a NAT may give one a new address or port
 * (RFC 3948 section 2, RFC 7296 section 2.23), which the host must learn.
 *
 * The RX thread writes, under steer->lock for reading; the core thread asks.
 */
#ifndef ESPNIC_NIC_PEER_H
#define ESPNIC_NIC_PEER_H

#include "engine/sad.h"

struct espnic_peers;

/* A table for handles with indices 1..@capacity. NULL without memory. */
struct espnic_peers *espnic_peers_new(uint32_t capacity);
void espnic_peers_free(struct espnic_peers *p);

/*
 * A packet of SA @e with number @seq was verified that came from @addr and @port. True: that is
 * another place than the one before (at first: than the SA's own), and is to be told. Only a number
 * above all before it counts: a packet that was late, or is a replay, moves nobody. RX thread.
 */
bool espnic_peer_seen(struct espnic_peers *p, const struct espnic_sad_entry *e,
		      const uint8_t addr[16], uint16_t port, uint64_t seq);

/* Where the peer of @handle was last seen. False: nothing of it has been seen. Core thread. */
bool espnic_peer_get(struct espnic_peers *p, uint32_t handle, uint8_t addr[16], uint16_t *port);
/* Whether it has moved since the last call with @take. Core thread. */
bool espnic_peer_moved(struct espnic_peers *p, uint32_t handle, bool take);
/* The SA is gone. Under steer->lock for writing. */
void espnic_peer_forget(struct espnic_peers *p, uint32_t handle);

#endif
