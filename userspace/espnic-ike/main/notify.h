/* SPDX-License-Identifier: BSD-2-Clause */
/* What systemd's service manager is told (sd_notify(3)), by its socket alone. */
#ifndef ESPNIC_IKE_MAIN_NOTIFY_H
#define ESPNIC_IKE_MAIN_NOTIFY_H

#include <stdint.h>

struct espnic_notify {
	int fd; /* -1: nobody wants to know */
	uint64_t watchdog_ms; /* a sign of life is due so often, half of what the manager waits; 0: never */
};

/*
 * Find the manager by the environment (NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID), to be done before rights are
 * dropped. Without one all that follows does nothing.
 */
void espnic_notify_open(struct espnic_notify *n);
/* "READY=1", "STATUS=...", "WATCHDOG=1", "STOPPING=1", several of them with a line each. Never blocks. */
void espnic_notify_say(const struct espnic_notify *n, const char *what);
void espnic_notify_close(struct espnic_notify *n);

#endif
