# SPDX-License-Identifier: BSD-2-Clause
# espnic-device: queues, registers, the core that runs the firmware, the program. The parts it is
# put together from have lists of their own (engine, wire, steering, bus, firmware).
DEVICE_SRCS := \
	device-model/main.c \
	device-model/control.c \
	device-model/fault.c \
	device-model/core/native.c \
	device-model/core/events.c \
	device-model/core/tables.c \
	device-model/core/transform.c \
	device-model/core/policies.c \
	device-model/nic/nic.c \
	device-model/nic/regs.c \
	device-model/nic/caps.c \
	device-model/nic/engine_caps.c \
	device-model/nic/queue.c \
	device-model/nic/txq.c \
	device-model/nic/txdesc.c \
	device-model/nic/tso.c \
	device-model/nic/rxq.c \
	device-model/nic/csum.c \
	device-model/nic/rss.c \
	device-model/nic/intr.c \
	device-model/nic/counters.c \
	device-model/nic/wake.c
