# SPDX-License-Identifier: BSD-2-Clause
# The bus: a vfio-user server.

VFIO_USER_SRCS := \
	device-model/vfio-user/server.c \
	device-model/vfio-user/message.c \
	device-model/vfio-user/commands.c \
	device-model/vfio-user/version.c \
	device-model/vfio-user/region.c \
	device-model/vfio-user/pci.c \
	device-model/vfio-user/irq.c \
	device-model/vfio-user/dma.c \
	device-model/vfio-user/dma_msg.c
