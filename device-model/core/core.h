/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What runs the firmware: a thread of its own that calls it, and the hardware
 * abstraction (fw/hal.h) it calls back. This body compiles the firmware into the device process.
 */
#ifndef ESPNIC_CORE_CORE_H
#define ESPNIC_CORE_CORE_H

struct espnic_core;
struct espnic_nic;

/* As in struct dev_info. */
extern const char espnic_core_name[];

/* NULL without memory. */
struct espnic_core *espnic_core_new(struct espnic_nic *nic);
void espnic_core_free(struct espnic_core *core);

/* The thread: resets the NIC when asked, starts and polls the firmware, until nic->stop. */
void *espnic_core_run(void *core);

/*
 * Deletes all SAs (keys wiped) and policies, forgets all events. No queue runs; the core thread, or
 * nobody else is left.
 */
void espnic_core_wipe(struct espnic_core *core);

#endif
