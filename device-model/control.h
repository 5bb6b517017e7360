/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket of espnic-device: a unix socket, one request a line, one JSON object a line
 * in reply. `stats`, `health`, which change nothing; with faults also `fault list` and
 * `fault NAME [COUNT [ARG]]` (COUNT 1, ARG 0 unless given). None shows a key.
 */
#ifndef ESPNIC_CONTROL_H
#define ESPNIC_CONTROL_H

#include <stddef.h>

struct espnic_control;
struct espnic_faults;
struct espnic_nic;

/*
 * Listens on @path (NULL: no socket) and takes over SIGTERM and SIGINT, which the caller has
 * blocked in all threads. @faults: what may be armed, or NULL: `fault` is refused. NULL on failure
 * with one line in @err.
 */
struct espnic_control *espnic_control_open(const char *path, struct espnic_nic *nic,
					   struct espnic_faults *faults, char *err,
					   size_t err_len);

/* Starts its thread, which calls @stop with @ctx once when a signal came. 0 or a negative errno. */
int espnic_control_start(struct espnic_control *c, void (*stop)(void *ctx), void *ctx);

/* Ends the thread, removes the socket; NULL is fine. */
void espnic_control_close(struct espnic_control *c);

#endif
