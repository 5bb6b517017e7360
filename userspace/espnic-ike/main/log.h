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

struct espnic_log {
	FILE *out;
	enum espnic_log_form form;
	/* Seconds since 1970 of a line; NULL: none is told, as under a service manager that has its own. */
	uint64_t (*now)(void);
};

/* One event of the core. */
void espnic_log_event(const struct espnic_log *log, const struct espnic_ike_event *e);
/* A line of the daemon's own: @word says what it is about. */
void espnic_log_note(const struct espnic_log *log, const char *word, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
