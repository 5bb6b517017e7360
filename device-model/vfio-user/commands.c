// SPDX-License-Identifier: BSD-2-Clause
/*
 * The commands of a client, one handler each, and their table. No handler waits for another
 * thread's work.
 */
#include "vfio-user/vfu.h"

#include <errno.h>
#include <linux/vfio.h>
#include <string.h>

void espnic_vfu_reset(struct espnic_vfu *vfu)
{
	espnic_vfu_pci_reset(&vfu->pci);
	espnic_vfu_dma_set_master(&vfu->dma, espnic_vfu_pci_master(&vfu->pci));
	vfu->ops->reset(vfu->fn);
	espnic_vfu_irq_reset(&vfu->irq);
}

static int do_get_info(struct espnic_vfu *vfu, size_t len)
{
	struct espnic_vfu_device_info info;

	(void)len;
	memcpy(&info, vfu->rx.body, sizeof(info));
	if (info.argsz < sizeof(info))
		return -EINVAL;
	info = (struct espnic_vfu_device_info){
		.argsz = sizeof(info),
		.flags = VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PCI,
		.num_regions = ESPNIC_VFU_REGIONS,
		.num_irqs = ESPNIC_VFU_IRQS,
	};
	memcpy(espnic_vfu_payload(vfu), &info, sizeof(info));
	return sizeof(info);
}

static int do_get_region_info(struct espnic_vfu *vfu, size_t len)
{
	struct espnic_vfu_region_info info;
	uint64_t size;

	(void)len;
	memcpy(&info, vfu->rx.body, sizeof(info));
	if (info.argsz < sizeof(info) || info.index >= ESPNIC_VFU_REGIONS)
		return -EINVAL;
	size = espnic_vfu_region_size(info.index);
	info = (struct espnic_vfu_region_info){
		.argsz = sizeof(info),
		.flags = size ? VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE : 0,
		.index = info.index,
		.size = size,
	};
	memcpy(espnic_vfu_payload(vfu), &info, sizeof(info));
	return sizeof(info);
}

/* Interrupts of one index. MSI-X alone is offered. */
static uint32_t irq_count(const struct espnic_vfu *vfu, uint32_t index)
{
	return index == VFIO_PCI_MSIX_IRQ_INDEX ? vfu->irq.vectors : 0;
}

static int do_get_irq_info(struct espnic_vfu *vfu, size_t len)
{
	struct espnic_vfu_irq_info info;

	(void)len;
	memcpy(&info, vfu->rx.body, sizeof(info));
	if (info.argsz < sizeof(info) || info.index >= ESPNIC_VFU_IRQS)
		return -EINVAL;
	info.argsz = sizeof(info);
	info.flags = VFIO_IRQ_INFO_EVENTFD;
	if (info.index == VFIO_PCI_INTX_IRQ_INDEX)
		info.flags |= VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
	else if (info.index == VFIO_PCI_MSI_IRQ_INDEX || info.index == VFIO_PCI_MSIX_IRQ_INDEX)
		info.flags |= VFIO_IRQ_INFO_NORESIZE;
	info.count = irq_count(vfu, info.index);
	memcpy(espnic_vfu_payload(vfu), &info, sizeof(info));
	return sizeof(info);
}

/* VFIO_IRQ_SET_DATA_NONE: disable the index, or fire vectors by hand. */
static int irq_set_none(struct espnic_vfu *vfu, const struct espnic_vfu_irq_set *set,
			uint32_t available)
{
	if (!set->count)
		return set->start ? -EINVAL : espnic_vfu_irq_connect(&vfu->irq, 0, available, NULL);
	for (uint32_t i = 0; i < set->count; i++)
		espnic_vfu_irq_raise(&vfu->irq, set->start + i);
	return 0;
}

/* VFIO_IRQ_SET_DATA_BOOL: fire the vectors whose byte is set. */
static int irq_set_bool(struct espnic_vfu *vfu, const struct espnic_vfu_irq_set *set, size_t len)
{
	const uint8_t *data = vfu->rx.body + sizeof(*set);

	if (len - sizeof(*set) != set->count)
		return -EINVAL;
	for (uint32_t i = 0; i < set->count; i++)
		if (data[i])
			espnic_vfu_irq_raise(&vfu->irq, set->start + i);
	return 0;
}

static int do_set_irqs(struct espnic_vfu *vfu, size_t len)
{
	struct espnic_vfu_irq_set set;
	unsigned int nfds = vfu->rx.nfds;
	uint32_t available;

	memcpy(&set, vfu->rx.body, sizeof(set));
	if (set.argsz < sizeof(set) || set.index >= ESPNIC_VFU_IRQS)
		return -EINVAL;
	available = irq_count(vfu, set.index);
	if (set.start > available || set.count > available - set.start)
		return -EINVAL;
	/*
	 * Exactly one kind of data, and no action but TRIGGER: MSI-X is masked in the client's
	 * own table.
	 */
	switch (set.flags) {
	case VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER:
		return nfds ? -EINVAL : irq_set_none(vfu, &set, available);
	case VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_TRIGGER:
		return nfds ? -EINVAL : irq_set_bool(vfu, &set, len);
	case VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER:
		if (nfds && nfds != set.count)
			return -EINVAL;
		return espnic_vfu_irq_connect(&vfu->irq, set.start, set.count,
					      nfds ? vfu->rx.fds : NULL);
	default:
		return -EINVAL;
	}
}

static int do_dma_map(struct espnic_vfu *vfu, size_t len)
{
	struct espnic_vfu_dma_map m;

	(void)len;
	memcpy(&m, vfu->rx.body, sizeof(m));
	if (m.argsz < sizeof(m))
		return -EINVAL;
	return espnic_vfu_dma_map(&vfu->dma, &m, vfu->rx.nfds ? vfu->rx.fds[0] : -1);
}

static int do_dma_unmap(struct espnic_vfu *vfu, size_t len)
{
	struct espnic_vfu_dma_unmap u;
	int ret = 0;

	(void)len;
	memcpy(&u, vfu->rx.body, sizeof(u));
	if (u.argsz < sizeof(u))
		return -EINVAL;
	if (u.flags == VFIO_DMA_UNMAP_FLAG_ALL && !u.addr && !u.size)
		espnic_vfu_dma_unmap_all(&vfu->dma);
	else if (!u.flags)
		ret = espnic_vfu_dma_unmap(&vfu->dma, u.addr, u.size);
	else
		ret = -EINVAL;
	if (ret)
		return ret;
	memcpy(espnic_vfu_payload(vfu), &u, sizeof(u));
	return sizeof(u);
}

static int do_device_reset(struct espnic_vfu *vfu, size_t len)
{
	(void)len;
	espnic_vfu_reset(vfu);
	return 0;
}

/* Features of a device are for migration, which this one does not have. */
static int do_device_feature(struct espnic_vfu *vfu, size_t len)
{
	(void)vfu;
	(void)len;
	return -ENOTTY;
}

static const struct {
	int (*handle)(struct espnic_vfu *vfu, size_t len);
	uint32_t min_len; /* bytes of body the handler may read unasked */
	unsigned int max_fds;
} commands[] = {
	[ESPNIC_VFU_VERSION] = { espnic_vfu_do_version, sizeof(struct espnic_vfu_version), 0 },
	[ESPNIC_VFU_DMA_MAP] = { do_dma_map, sizeof(struct espnic_vfu_dma_map), 1 },
	[ESPNIC_VFU_DMA_UNMAP] = { do_dma_unmap, sizeof(struct espnic_vfu_dma_unmap), 0 },
	[ESPNIC_VFU_GET_INFO] = { do_get_info, sizeof(struct espnic_vfu_device_info), 0 },
	[ESPNIC_VFU_GET_REGION_INFO] = { do_get_region_info, sizeof(struct espnic_vfu_region_info),
					 0 },
	[ESPNIC_VFU_GET_IRQ_INFO] = { do_get_irq_info, sizeof(struct espnic_vfu_irq_info), 0 },
	[ESPNIC_VFU_SET_IRQS] = { do_set_irqs, sizeof(struct espnic_vfu_irq_set),
				  ESPNIC_VFU_MAX_FDS },
	[ESPNIC_VFU_REGION_READ] = { espnic_vfu_do_region_read,
				     sizeof(struct espnic_vfu_region_access), 0 },
	[ESPNIC_VFU_REGION_WRITE] = { espnic_vfu_do_region_write,
				      sizeof(struct espnic_vfu_region_access), 0 },
	[ESPNIC_VFU_DEVICE_RESET] = { do_device_reset, 0, 0 },
	[ESPNIC_VFU_REGION_WRITE_MULTI] = { espnic_vfu_do_region_write_multi, sizeof(uint64_t), 0 },
	[ESPNIC_VFU_DEVICE_FEATURE] = { do_device_feature, 0, 0 },
};

static int dispatch(struct espnic_vfu *vfu, size_t len)
{
	uint16_t cmd = vfu->rx.hdr.cmd;

	if (!vfu->negotiated && cmd != ESPNIC_VFU_VERSION)
		return -EINVAL;
	if (cmd >= sizeof(commands) / sizeof(commands[0]) || !commands[cmd].handle)
		return -ENOSYS;
	if (len < commands[cmd].min_len || vfu->rx.nfds > commands[cmd].max_fds)
		return -EINVAL;
	return commands[cmd].handle(vfu, len);
}

int espnic_vfu_handle(struct espnic_vfu *vfu)
{
	const struct espnic_vfu_header *hdr = &vfu->rx.hdr;
	size_t len = hdr->size - sizeof(*hdr);
	int ret;

	switch (hdr->flags & ESPNIC_VFU_TYPE_MASK) {
	case ESPNIC_VFU_TYPE_REPLY:
		if (hdr->cmd == ESPNIC_VFU_DMA_READ || hdr->cmd == ESPNIC_VFU_DMA_WRITE)
			espnic_vfu_dma_msg_reply(vfu, len);
		return 0;
	case ESPNIC_VFU_TYPE_COMMAND:
		break;
	default:
		vfu->why = "unknown type in a message header";
		return -EPROTO;
	}
	ret = dispatch(vfu, len);
	if (hdr->flags & ESPNIC_VFU_NO_REPLY)
		return 0;
	if (ret < 0)
		return espnic_vfu_send(vfu, hdr->id, hdr->cmd,
				       ESPNIC_VFU_TYPE_REPLY | ESPNIC_VFU_ERROR, (uint32_t)-ret, 0);
	return espnic_vfu_send(vfu, hdr->id, hdr->cmd, ESPNIC_VFU_TYPE_REPLY, 0, (size_t)ret);
}
