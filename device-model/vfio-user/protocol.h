/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vfio-user protocol on the wire (QEMU docs/interop/vfio-user.rst, version 0.0): message
 * header and payloads. All integers are in host byte order. Flags and indices that vfio-user
 * shares with VFIO are those of <linux/vfio.h>.
 */
#ifndef ESPNIC_VFIO_USER_PROTOCOL_H
#define ESPNIC_VFIO_USER_PROTOCOL_H

#include <stdint.h>

enum espnic_vfu_cmd {
	ESPNIC_VFU_VERSION = 1,
	ESPNIC_VFU_DMA_MAP = 2,
	ESPNIC_VFU_DMA_UNMAP = 3,
	ESPNIC_VFU_GET_INFO = 4,
	ESPNIC_VFU_GET_REGION_INFO = 5,
	ESPNIC_VFU_GET_REGION_IO_FDS = 6,
	ESPNIC_VFU_GET_IRQ_INFO = 7,
	ESPNIC_VFU_SET_IRQS = 8,
	ESPNIC_VFU_REGION_READ = 9,
	ESPNIC_VFU_REGION_WRITE = 10,
	ESPNIC_VFU_DMA_READ = 11, /* server to client */
	ESPNIC_VFU_DMA_WRITE = 12, /* server to client */
	ESPNIC_VFU_DEVICE_RESET = 13,
	ESPNIC_VFU_REGION_WRITE_MULTI = 15,
	ESPNIC_VFU_DEVICE_FEATURE = 16,
	ESPNIC_VFU_MIG_DATA_READ = 17,
	ESPNIC_VFU_MIG_DATA_WRITE = 18,
};

/* Header flags. */
enum {
	ESPNIC_VFU_TYPE_MASK = 0xf,
	ESPNIC_VFU_TYPE_COMMAND = 0x0,
	ESPNIC_VFU_TYPE_REPLY = 0x1,
	ESPNIC_VFU_NO_REPLY = 0x10,
	ESPNIC_VFU_ERROR = 0x20,
};

/* Limits of this server; those a client must know are in its reply to VERSION. */
enum {
	ESPNIC_VFU_MAJOR = 0,
	ESPNIC_VFU_MINOR = 0,
	ESPNIC_VFU_MAX_FDS = 16, /* file descriptors a message may carry */
	ESPNIC_VFU_MAX_XFER = 1024 * 1024, /* bytes of data in one read or write */
	/* bytes after the header: data and the largest payload head */
	ESPNIC_VFU_MAX_BODY = ESPNIC_VFU_MAX_XFER + 64,
	ESPNIC_VFU_MAX_MAPS = 4096, /* DMA_MAP entries; QEMU was seen to use fewer than 64 */
	ESPNIC_VFU_MAX_MULTI = 200, /* writes in one REGION_WRITE_MULTI, as QEMU's own limit */
	ESPNIC_VFU_PAGE = 4096, /* bytes; granularity of DMA maps, as negotiated */
};

struct espnic_vfu_header {
	uint16_t id;
	uint16_t cmd;
	uint32_t size; /* bytes, this header included */
	uint32_t flags;
	uint32_t error; /* errno, positive, with ESPNIC_VFU_ERROR */
};

struct espnic_vfu_version {
	uint16_t major;
	uint16_t minor;
	/* NUL-terminated JSON follows, or nothing */
};

struct espnic_vfu_device_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t num_regions;
	uint32_t num_irqs;
};

struct espnic_vfu_region_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t cap_offset;
	uint64_t size;
	uint64_t offset;
};

struct espnic_vfu_irq_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t count;
};

struct espnic_vfu_irq_set {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t start;
	uint32_t count;
	/* one byte each for VFIO_IRQ_SET_DATA_BOOL */
};

/* REGION_READ and REGION_WRITE, requests and replies; data follows. */
struct espnic_vfu_region_access {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
};

/* One of a REGION_WRITE_MULTI, after a 64-bit count of them. */
struct espnic_vfu_multi_write {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
	uint8_t data[8];
};

struct espnic_vfu_dma_map {
	uint32_t argsz;
	uint32_t flags;
	uint64_t offset; /* in the file */
	uint64_t addr; /* IOVA */
	uint64_t size;
};

struct espnic_vfu_dma_unmap {
	uint32_t argsz;
	uint32_t flags;
	uint64_t addr;
	uint64_t size;
};

/*
 * DMA_READ and DMA_WRITE, requests and replies; data follows in a write request and a read reply.
 */
struct espnic_vfu_dma_access {
	uint64_t addr;
	uint64_t count;
};

_Static_assert(sizeof(struct espnic_vfu_header) == 16, "vfio-user header");
_Static_assert(sizeof(struct espnic_vfu_region_info) == 32, "vfio-user region info");
_Static_assert(sizeof(struct espnic_vfu_irq_set) == 20, "vfio-user irq set");
_Static_assert(sizeof(struct espnic_vfu_region_access) == 16, "vfio-user region access");
_Static_assert(sizeof(struct espnic_vfu_multi_write) == 24, "vfio-user multi write");
_Static_assert(sizeof(struct espnic_vfu_dma_map) == 32, "vfio-user DMA map");
_Static_assert(sizeof(struct espnic_vfu_dma_unmap) == 24, "vfio-user DMA unmap");

#endif
