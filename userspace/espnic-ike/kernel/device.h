/* SPDX-License-Identifier: BSD-2-Clause */
/* Network devices: is one there, is it up, can it take ESP. */
#ifndef ESPNIC_IKE_KERNEL_DEVICE_H
#define ESPNIC_IKE_KERNEL_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

struct espnic_device {
	uint32_t ifindex;
	bool up;
	bool esp; /* its feature esp-hw-offload is on; tells nothing of packet offload, which only a try can */
};

/* 0, or -errno (ENODEV: there is none of that name). */
int espnic_device_probe(const char *name, struct espnic_device *out);

#endif
