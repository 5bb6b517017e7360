# SPDX-License-Identifier: BSD-2-Clause
# The client library of the device tests, and the tests of the bus.

DEVICE_TEST_LIB_SRCS := \
	tests/device/vfu_client.c \
	tests/device/hostdrv.c \
	tests/device/hostdrv_queue.c \
	tests/device/device_proc.c
