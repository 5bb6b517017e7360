# SPDX-License-Identifier: BSD-2-Clause
# espnic-ike: all but its main() is a library, for tests and fuzz targets to link.
IKE_MAIN := userspace/espnic-ike/main/main.c
IKE_SRCS := $(filter-out $(IKE_MAIN),$(sort $(wildcard userspace/espnic-ike/*/*.c)))
IKE_LIBS := -Wl,--as-needed -lmnl -lcrypto -lcap-ng -lseccomp -Wl,--no-as-needed
