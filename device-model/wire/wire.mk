# SPDX-License-Identifier: BSD-2-Clause
# Sources of the wire; the pcap wire also needs nic/pcap.c (STEER_SRCS).
WIRE_SRCS := \
	device-model/wire/wire.c \
	device-model/wire/stream.c \
	device-model/wire/tap.c \
	device-model/wire/loopback.c \
	device-model/wire/pcap_wire.c
