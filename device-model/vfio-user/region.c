// SPDX-License-Identifier: BSD-2-Clause
/*
 * Accesses to the function's regions. No region is offered for mmap: as soon as one is, QEMU stops
 * posting writes to all of them, and each doorbell costs a round trip.
 */
#include "vfio-user/vfu.h"

#include <errno.h>
#include <linux/vfio.h>
#include <string.h>

uint64_t espnic_vfu_region_size(uint32_t index)
{
	switch (index) {
	case VFIO_PCI_BAR0_REGION_INDEX:
		return ESPNIC_BAR0_SIZE;
	case VFIO_PCI_BAR2_REGION_INDEX:
		return ESPNIC_BAR2_SIZE;
	case VFIO_PCI_CONFIG_REGION_INDEX:
		return ESPNIC_VFU_CFG_SIZE;
	default:
		return 0;
	}
}

static bool in_region(const struct espnic_vfu_region_access *a)
{
	uint64_t size = espnic_vfu_region_size(a->region);

	return a->count && a->count <= size && a->offset <= size - a->count;
}

/* One or two aligned 32-bit words: what registers are accessed by. */
static bool reg_shape(uint64_t off, uint32_t count)
{
	return (count == 4 || count == 8) && !(off & (count - 1));
}

static void bar0_read(struct espnic_vfu *vfu, uint32_t off, uint8_t *buf, uint32_t count)
{
	/* In D3hot a function answers to config space alone. */
	if (!espnic_vfu_pci_d0(&vfu->pci)) {
		memset(buf, 0xff, count);
		return;
	}
	if (!reg_shape(off, count)) {
		vfu->ops->reg_bad_access(vfu->fn);
		memset(buf, 0, count);
		return;
	}
	for (uint32_t i = 0; i < count; i += 4) {
		uint32_t v = vfu->ops->reg_read(vfu->fn, off + i);

		memcpy(buf + i, &v, sizeof(v));
	}
}

static void bar0_write(struct espnic_vfu *vfu, uint32_t off, const uint8_t *buf, uint32_t count)
{
	if (!espnic_vfu_pci_d0(&vfu->pci))
		return;
	if (!reg_shape(off, count)) {
		vfu->ops->reg_bad_access(vfu->fn);
		return;
	}
	for (uint32_t i = 0; i < count; i += 4) {
		uint32_t v;

		memcpy(&v, buf + i, sizeof(v));
		vfu->ops->reg_write(vfu->fn, off + i, v);
	}
}

/* BAR2: the client keeps the MSI-X table itself and asks for the pending bits alone. */
static void bar2_read(struct espnic_vfu *vfu, uint32_t off, uint8_t *buf, uint32_t count)
{
	uint32_t before = off < ESPNIC_MSIX_PBA_OFFSET ? ESPNIC_MSIX_PBA_OFFSET - off : 0;

	memset(buf, 0, count);
	if (before < count)
		espnic_vfu_irq_pba(&vfu->irq, off + before - ESPNIC_MSIX_PBA_OFFSET, buf + before,
				   count - before);
}

static void config_write(struct espnic_vfu *vfu, uint32_t off, const uint8_t *buf, uint32_t count)
{
	switch (espnic_vfu_pci_write(&vfu->pci, off, buf, count)) {
	case ESPNIC_VFU_PCI_RESET:
		espnic_vfu_reset(vfu);
		break;
	case ESPNIC_VFU_PCI_MASTER:
		espnic_vfu_dma_set_master(&vfu->dma, espnic_vfu_pci_master(&vfu->pci));
		break;
	case ESPNIC_VFU_PCI_NONE:
		break;
	}
}

static void write_region(struct espnic_vfu *vfu, const struct espnic_vfu_region_access *a,
			 const uint8_t *data)
{
	if (a->region == VFIO_PCI_BAR0_REGION_INDEX)
		bar0_write(vfu, (uint32_t)a->offset, data, a->count);
	else if (a->region == VFIO_PCI_CONFIG_REGION_INDEX)
		config_write(vfu, (uint32_t)a->offset, data, a->count);
	/* BAR2: the table is the client's, pending bits are read only. */
}

int espnic_vfu_do_region_read(struct espnic_vfu *vfu, size_t len)
{
	uint8_t *reply = espnic_vfu_payload(vfu);
	struct espnic_vfu_region_access a;
	uint8_t *data = reply + sizeof(a);

	memcpy(&a, vfu->rx.body, sizeof(a));
	if (len != sizeof(a) || !in_region(&a))
		return -EINVAL;
	if (a.region == VFIO_PCI_BAR0_REGION_INDEX)
		bar0_read(vfu, (uint32_t)a.offset, data, a.count);
	else if (a.region == VFIO_PCI_BAR2_REGION_INDEX)
		bar2_read(vfu, (uint32_t)a.offset, data, a.count);
	else
		espnic_vfu_pci_read(&vfu->pci, (uint32_t)a.offset, data, a.count);
	memcpy(reply, &a, sizeof(a));
	return (int)(sizeof(a) + a.count);
}

int espnic_vfu_do_region_write(struct espnic_vfu *vfu, size_t len)
{
	struct espnic_vfu_region_access a;

	memcpy(&a, vfu->rx.body, sizeof(a));
	if (!in_region(&a) || len - sizeof(a) != a.count)
		return -EINVAL;
	write_region(vfu, &a, vfu->rx.body + sizeof(a));
	memcpy(espnic_vfu_payload(vfu), &a, sizeof(a));
	return sizeof(a);
}

int espnic_vfu_do_region_write_multi(struct espnic_vfu *vfu, size_t len)
{
	struct espnic_vfu_multi_write w;
	uint64_t n;

	memcpy(&n, vfu->rx.body, sizeof(n));
	if (n > ESPNIC_VFU_MAX_MULTI || len != sizeof(n) + n * sizeof(w))
		return -EINVAL;
	/* In order; the first that is wrong ends it. */
	for (uint64_t i = 0; i < n; i++) {
		struct espnic_vfu_region_access a;

		memcpy(&w, vfu->rx.body + sizeof(n) + i * sizeof(w), sizeof(w));
		a = (struct espnic_vfu_region_access){ .offset = w.offset,
						       .region = w.region,
						       .count = w.count };
		if (w.count > sizeof(w.data) || !in_region(&a))
			return -EINVAL;
		write_region(vfu, &a, w.data);
	}
	memcpy(espnic_vfu_payload(vfu), &n, sizeof(n));
	return sizeof(n);
}
