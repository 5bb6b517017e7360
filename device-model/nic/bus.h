/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The seam between the PCIe function (nic/) and the bus it sits on
 * (vfio-user/, or a test harness). Neither knows more of the other than this.
 */
#ifndef ESPNIC_NIC_BUS_H
#define ESPNIC_NIC_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the NIC asks of the bus. Every function may be called from any NIC
 * thread, never from the bus thread: an access to memory that is not shared
 * may wait for the other side of the bus. All accesses are bounds-checked
 * against what is mapped at that moment.
 */
struct espnic_bus_ops {
	/* Copy @len bytes from host memory. 0; -EFAULT: not mapped or not readable; -ECANCELED: the gate is closed. */
	int (*dma_read)(void *bus, uint64_t iova, void *buf, size_t len);
	/* Copy @len bytes to host memory; errors as dma_read. */
	int (*dma_write)(void *bus, uint64_t iova, const void *buf, size_t len);
	/* One aligned 32-bit load with acquire order, host byte order of a little-endian word. */
	int (*dma_load32)(void *bus, uint64_t iova, uint32_t *value);
	/* One aligned 32-bit store with release order: all earlier dma_writes of this thread are seen before it. */
	int (*dma_store32)(void *bus, uint64_t iova, uint32_t value);
	/* Raise MSI-X vector @vector: one edge; remembered if the host has not connected it yet. Does not block. */
	void (*irq)(void *bus, unsigned int vector);
	/*
	 * Close (then no access of any thread touches host memory any more once this returns,
	 * waiting ones end with -ECANCELED) or open the gate. Bounded: callable from the bus thread.
	 */
	void (*dma_gate)(void *bus, bool open);
};

/*
 * What the bus asks of the NIC; called from the bus thread alone, must return
 * within microseconds (QEMU holds a vCPU, and its big lock, meanwhile).
 */
struct espnic_fn_ops {
	/* Aligned 32-bit register access at BAR0 offset @off. */
	uint32_t (*reg_read)(void *fn, uint32_t off);
	void (*reg_write)(void *fn, uint32_t off, uint32_t value);
	/* An access to BAR0 of a size or alignment that is not served; the bus answers zero. */
	void (*reg_bad_access)(void *fn);
	/* An access to host memory was refused. Any thread. */
	void (*dma_refused)(void *fn);
	/*
	 * FLR, bus or machine reset, D3hot to D0, the host is gone: begins a reset. STATUS.RESETTING is
	 * set and the gate closed when this returns; the rest is done by the NIC's own threads.
	 */
	void (*reset)(void *fn);
};

#endif
