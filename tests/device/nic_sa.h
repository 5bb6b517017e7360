/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of IPsec share: both ends of one protected path, everything from .2 to .1. */
#ifndef ESPNIC_TESTS_NIC_SA_H
#define ESPNIC_TESTS_NIC_SA_H

#include "nic_common.h"

enum {
	NIC_SPI = 0x1000,
	NIC_HANDLE_OUT = 0x00100001, /* slot 1, generation 1 */
	NIC_HANDLE_IN = 0x00100002,
	NIC_REQID = 7,
	NIC_KEY_LEN = 32,
};

extern const uint8_t nic_key_byte; /* of all keys here: looked for in what the device tells */

/* An SA: handle, key and addresses as above, a window of 64, no limits; tunnels to the wire have L2. */
struct espnic_cmd_sa_add nic_sa(uint8_t dir, uint8_t offload, uint8_t mode, bool v6);
/* A policy over the two addresses. */
struct espnic_cmd_policy_add nic_policy(uint32_t id, uint8_t dir, uint8_t action, uint8_t mode,
					bool v6);
/*
 * Builds host-made ESP of NIC_SPI over IPv4 around a UDP packet of @payload bytes: what crypto offload is given for a
 * transform with 8 bytes of IV, the number @seq, and 16 of ICV. Returns where the ESP header is.
 */
uint32_t nic_build_esp(uint8_t *buf, struct nic_layout *at, uint32_t seq, uint32_t payload);
/* One queue pair, the port enabled, these policies. Asserts. */
void nic_start(struct espnic_drv *d, const struct espnic_cmd_policy_add *pol, unsigned int n);
/* SA_ADD: status or -errno; the completion's value to *@value (unless NULL). */
int nic_sa_add(struct espnic_drv *d, const struct espnic_cmd_sa_add *a);
int nic_sa_add_value(struct espnic_drv *d, const struct espnic_cmd_sa_add *a, uint64_t *value);
/* SA_DEL: status or -errno. */
int nic_sa_del(struct espnic_drv *d, uint32_t handle);
/* SA_QUERY. Asserts. */
struct espnic_sa_report nic_sa_query(struct espnic_drv *d, uint32_t handle);

#endif
