/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bus: a vfio-user server on a unix socket that shows one PCIe function to one client at a
 * time (stock QEMU's `-device vfio-user-pci`). It owns config space, MSI-X and the map of the
 * host's memory; the function behind it is an espnic_fn_ops (nic/bus.h).
 */
#ifndef ESPNIC_VFIO_USER_SERVER_H
#define ESPNIC_VFIO_USER_SERVER_H

#include <stddef.h>

#include "nic/bus.h"

struct espnic_vfu;

/* The bus as the function sees it; the `bus` argument is the struct espnic_vfu. */
extern const struct espnic_bus_ops espnic_vfu_bus_ops;

/*
 * Make a server and listen on @path. A socket file that nobody serves any more is replaced; one
 * that is served is left alone. @ops and @fn: the function, called from espnic_vfu_run() on.
 * @vectors: MSI-X vectors, 1 to ESPNIC_MAX_VECTORS. The DMA gate starts closed: the function
 * opens it.
 *
 * Installs a SIGBUS handler for the process, which turns the loss of host memory (a client that
 * truncates its file) into a failed access; any other SIGBUS is passed on to its default.
 *
 * NULL on failure, with one line for the user, without a newline, in @err.
 */
struct espnic_vfu *espnic_vfu_new(const char *path, const struct espnic_fn_ops *ops, void *fn,
				  unsigned int vectors, char *err, size_t err_len);

/*
 * Serve clients one after the other until espnic_vfu_stop(). The calling thread becomes the bus
 * thread. A client that leaves or breaks the protocol takes its maps and eventfds with it and
 * resets the function. 0 when stopped, or -errno if the server can't go on.
 */
int espnic_vfu_run(struct espnic_vfu *vfu);

/* Make espnic_vfu_run() return. Any thread, also a signal handler; sticks. */
void espnic_vfu_stop(struct espnic_vfu *vfu);

/* Free the server and remove its socket file. No thread may be inside any of its functions. */
void espnic_vfu_free(struct espnic_vfu *vfu);

#endif
