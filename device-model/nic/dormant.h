/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SAs that wait for their live twin to be deleted: complete, but in no lookup of the SAD.
 * Steering asks for the inbound ones alone, to tell their packets from those of an unknown SPI.
 *
 * Locking: as sad.h.
 */
#ifndef ESPNIC_NIC_DORMANT_H
#define ESPNIC_NIC_DORMANT_H

#include "engine/sad.h"

struct espnic_dormant;

/* A table for handles with indices 1..@capacity. NULL without memory. */
struct espnic_dormant *espnic_dormant_new(uint32_t capacity);
/* Frees the table, not the engine's SAs; NULL is fine. */
void espnic_dormant_free(struct espnic_dormant *d);

/* Copies @e. 0; -EINVAL: index out of range; -EEXIST: the slot is taken; -ENOMEM. */
int espnic_dormant_add(struct espnic_dormant *d, const struct espnic_sad_entry *e);
/* Takes out the entry of exactly this handle, which is there. Its engine's SA is the caller's. */
void espnic_dormant_remove(struct espnic_dormant *d, uint32_t handle);

/* The entry of exactly this handle, or NULL. */
struct espnic_sad_entry *espnic_dormant_by_handle(struct espnic_dormant *d, uint32_t handle);
/* An inbound one of this place, or NULL; O(those of the place). */
const struct espnic_sad_entry *espnic_dormant_lookup_in(const struct espnic_dormant *d,
							uint32_t spi, uint8_t ip_proto,
							uint8_t family, const uint8_t daddr[16]);
/* Any entry, NULL: none; to empty the table. */
struct espnic_sad_entry *espnic_dormant_any(struct espnic_dormant *d);
uint32_t espnic_dormant_count(const struct espnic_dormant *d);

#endif
