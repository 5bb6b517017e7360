/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the device offers, in the registers of capabilities that are flags; and of that, what it hides, to
 * be like one that lacks it. Firmware and datapath go by the registers, as the driver does: what is hidden
 * is refused.
 */
#ifndef ESPNIC_NIC_CAPS_H
#define ESPNIC_NIC_CAPS_H

#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"

/* Flags as in the registers CAP_OFFLOAD, CAP_IPSEC and CAP_TRANSFORMS. */
struct espnic_caps {
	uint32_t offload;
	uint32_t ipsec;
	uint32_t transforms;
};

/* All that this device can. */
extern const struct espnic_caps espnic_caps_offered;

/*
 * Adds the capability called @name (@len bytes, as in docs/registers.md) to what is hidden. 0; -ENOENT: there
 * is no such flag; -ENXIO: the device doesn't have it anyway.
 */
int espnic_caps_hide(struct espnic_caps *hidden, const char *name, size_t len);

/*
 * Adds what @engine makes no SAs of, transforms and crypto offload, to what is hidden. Makes and deletes SAs of the engine,
 * so not for threads that serve the bus.
 */
void espnic_caps_hide_lacking(struct espnic_caps *hidden, const struct espnic_engine_ops *engine);

#endif
