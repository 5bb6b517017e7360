/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket of espnic-device: a unix socket, one request a line, one JSON object a line
 * in reply. `stats`, `health`; nothing here changes the device or shows a key.
 */
#ifndef ESPNIC_CONTROL_H
#define ESPNIC_CONTROL_H

#include <stddef.h>

struct espnic_control;
struct espnic_nic;

/*
 * Listens on @path (NULL: no socket) and takes over SIGTERM and SIGINT, which the caller has
 * blocked in all threads. NULL on failure with one line in @err.
 */
struct espnic_control *espnic_control_open(const char *path, struct espnic_nic *nic, char *err,
					   size_t err_len);

/* Starts its thread, which calls @stop with @ctx once when a signal came. 0 or a negative errno. */
int espnic_control_start(struct espnic_control *c, void (*stop)(void *ctx), void *ctx);

/* Ends the thread, removes the socket; NULL is fine. */
void espnic_control_close(struct espnic_control *c);

#endif
