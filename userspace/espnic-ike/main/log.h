/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log: one line an event, words of stable spelling, for eyes (key=value) or machines (JSON). What a peer or a file wrote stands in
 * quotes with everything unprintable escaped, so that no line can be forged. Any one thread.
 */
#ifndef ESPNIC_IKE_MAIN_LOG_H
#define ESPNIC_IKE_MAIN_LOG_H

#include <stdint.h>
#include <stdio.h>

#include "core/ike.h"

enum espnic_log_form { ESPNIC_LOG_TEXT, ESPNIC_LOG_JSON };

enum { ESPNIC_LOG_PER_SECOND = 200 };

/* How many lines of events there have been: whoever is let in could fill a disk with children that come and go. */
struct espnic_log_limit {
	uint64_t (*seconds)(void); /* by any clock that does not go back */
	uint64_t second;
	unsigned int lines, held;
};

struct espnic_log {
	FILE *out;
	enum espnic_log_form form;
	/* Seconds since 1970 of a line; NULL: none is told, as under a service manager that has its own. */
	uint64_t (*now)(void);
	struct espnic_log_limit *limit; /* NULL: there is none */
};

/* One event of the core; of more than ESPNIC_LOG_PER_SECOND in a second, a note says how many there were. */
void espnic_log_event(const struct espnic_log *log, const struct espnic_ike_event *e);
/* A line of the daemon's own: @word says what it is about. */
void espnic_log_note(const struct espnic_log *log, const char *word, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
