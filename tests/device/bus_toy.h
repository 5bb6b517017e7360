/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A toy function behind a real server in this process, for the tests of the bus: it stores what is
 * written to its registers and counts what it is told.
 */
#ifndef ESPNIC_TESTS_BUS_TOY_H
#define ESPNIC_TESTS_BUS_TOY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "vfio-user/server.h"

enum {
	ESPNIC_TOY_VECTORS = 17,
	ESPNIC_TOY_REGS = 0x10000 / 4,
};

struct espnic_toy {
	struct espnic_vfu *vfu;
	pthread_t thread;
	char dir[64];
	char path[96];
	_Atomic uint32_t regs[ESPNIC_TOY_REGS];
	atomic_uint writes; /* register writes */
	atomic_uint last_off[2]; /* offsets of the last two, the newest first */
	atomic_uint bad_access;
	atomic_uint dma_refused;
	atomic_uint resets;
};

/*
 * The function's side; @fn is a struct espnic_toy. A reset closes the gate and clears the
 * registers.
 */
extern const struct espnic_fn_ops espnic_toy_ops;

/* Start a server of @t on a socket of its own, with the gate open; 0 or -1. */
int espnic_toy_start(struct espnic_toy *t);
/* Stop it and give all back. espnic_vfu_run()'s result. */
int espnic_toy_stop(struct espnic_toy *t);
/* Open or close the gate, as the function's own threads would. */
void espnic_toy_gate(struct espnic_toy *t, bool open);
/* Wait until @counter is at least @value. True if it came to that within 5 s. */
bool espnic_toy_wait(atomic_uint *counter, unsigned int value);

#endif
