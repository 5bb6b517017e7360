/* SPDX-License-Identifier: BSD-2-Clause */
/* What a daemon that died has left in the kernel, known by its reqids. */
#ifndef ESPNIC_IKE_KERNEL_SWEEP_H
#define ESPNIC_IKE_KERNEL_SWEEP_H

#include "kernel/xfrm.h"

/*
 * Take out all states and policies whose reqid, shifted right by @shift, is @mark, the policies kernel/bypass.h has put in, and the
 * blocks of kernel/child.h. @n: how many. 0, or -errno with @text (ESPNIC_XFRM_TEXT bytes) written.
 */
int espnic_sweep(const struct espnic_xfrm *x, uint32_t mark, unsigned int shift, unsigned int *n, char *text);

#endif
