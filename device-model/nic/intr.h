/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When an interrupt is raised: the driver arms it for one completion, moderation
 * holds it back for a while. One of these for each direction of a queue pair,
 * used by the thread that writes the completions; usecs and frames may be set by any other.
 */
#ifndef ESPNIC_NIC_INTR_H
#define ESPNIC_NIC_INTR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum espnic_intr_limits {
	/*
	 * Microseconds: the longest an interrupt is held back, also where frames alone are asked
	 * for.
	 */
	ESPNIC_INTR_USECS_MAX = 10000,
};

struct espnic_intr {
	_Atomic uint32_t usecs;		/* 0: no time limit of its own */
	_Atomic uint32_t frames;	/* 0: no count */
	bool pending;			/* the armed completion was written, it is held back */
	uint32_t first;			/* index of that completion */
	uint64_t due_ns;		/* when it is raised at the latest */
};

/* Forgets what is pending; moderation stays off until set. */
void espnic_intr_init(struct espnic_intr *i);

/*
 * Completions with indices @from up to @to (exclusive) were written, and then @arm read from the
 * control block. True: raise the interrupt now (nothing is pending then). @now_ns: of the
 * monotonic clock.
 */
bool espnic_intr_written(struct espnic_intr *i, uint32_t from, uint32_t to, uint32_t arm,
			 uint64_t now_ns);

/* True: the time is over, raise it now (nothing is pending then). */
bool espnic_intr_due(struct espnic_intr *i, uint64_t now_ns);

#endif
