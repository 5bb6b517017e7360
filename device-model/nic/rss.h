/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receive-side scaling: the Toeplitz hash of a packet's addresses and ports chooses its queue
 * pair.
 */
#ifndef ESPNIC_NIC_RSS_H
#define ESPNIC_NIC_RSS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/ip.h"
#include "espnic_regs.h"

enum espnic_rss_input {
	ESPNIC_RSS_INPUT_MAX = 36,	/* bytes: two IPv6 addresses and two ports */
};

/*
 * One step of the hash for each byte of input and value of it: a look-up per byte instead of eight
 * shifts of the key.
 */
struct espnic_rss {
	uint32_t step[ESPNIC_RSS_INPUT_MAX][256];
	uint8_t table[ESPNIC_RSS_TABLE_LEN];	/* queue pair by the low bits of the hash */
	uint32_t flags;				/* ESPNIC_CMD_RSS_SET_* */
};

struct espnic_rss_hash {
	uint32_t value;
	bool l3;		/* over the addresses */
	bool l4;		/* over addresses and ports */
};

/*
 * The key a device begins with: the one of Microsoft's RSS verification suite, known to spread
 * well.
 */
extern const uint8_t espnic_rss_default_key[ESPNIC_RSS_KEY_LEN];

/* Sets key and what is hashed; the table is left as it is. */
void espnic_rss_set_key(struct espnic_rss *rss, const uint8_t key[ESPNIC_RSS_KEY_LEN],
			uint32_t flags);

/* The hash of @len <= ESPNIC_RSS_INPUT_MAX bytes at @data. */
uint32_t espnic_rss_toeplitz(const struct espnic_rss *rss, const uint8_t *data, unsigned int len);

/*
 * The hash of the IP packet at @p with the headers @ip. Ports count for whole TCP
 * and UDP packets, and unless @addresses_only.
 */
struct espnic_rss_hash espnic_rss_packet(const struct espnic_rss *rss, const uint8_t *p,
					 const struct espnic_ip *ip, bool addresses_only);

static inline unsigned int espnic_rss_queue(const struct espnic_rss *rss, uint32_t hash)
{
	return rss->table[hash % ESPNIC_RSS_TABLE_LEN];
}

#endif
