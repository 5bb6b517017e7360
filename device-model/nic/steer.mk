# SPDX-License-Identifier: BSD-2-Clause
# Steering and recording: needs the engine and its tables, no bus, no rings, no wire.
STEER_SRCS := \
	device-model/nic/steer.c \
	device-model/nic/steer_tx.c \
	device-model/nic/steer_rx.c \
	device-model/nic/dormant.c \
	device-model/nic/frame.c \
	device-model/nic/espudp.c \
	device-model/nic/peer.c \
	device-model/nic/fragcache.c \
	device-model/nic/pcap.c
