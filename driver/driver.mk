# SPDX-License-Identifier: GPL-2.0-only
#
# The driver for both kernels: build/driver/7.2/espnic.ko, build/driver/6.12/espnic.ko; for the debug kernel
# build/driver/debug/espnic.ko, and build/driver/coverage/espnic.ko with counters in every line. The sources are linked into the folder of each kernel, so that kbuild's objects
# never land in the tree.

DRIVER_SRCS = $(abspath $(wildcard driver/*.c driver/*.h) driver/Kbuild)
DRIVER_KERNELS := 7.2 6.12
DRIVER_HEADERS_7.2 := $(lastword $(sort $(wildcard $(CURDIR)/.platform/kernels/usr/src/linux-headers-7.2*-cloud-amd64)))
DRIVER_HEADERS_6.12 := $(lastword $(sort $(wildcard $(CURDIR)/.platform/kernels/usr/src/linux-headers-6.12*-cloud-amd64)))
DRIVER_HEADERS_debug := $(CURDIR)/.platform/debug/build
DRIVER_HEADERS_coverage := $(DRIVER_HEADERS_debug)
DRIVER_VARIABLES_coverage := ESPNIC_GCOV=y

# $(1): kernel, $(2): variables of kbuild
driver_kbuild = $(MAKE) -C $(DRIVER_HEADERS_$(1)) M=$(CURDIR)/build/driver/$(1) \
	ESPNIC_GEN=$(CURDIR)/build/gen KCFLAGS=-Werror W=1 $(2) modules

# Sparse 0.6.4 knows neither C23's typeof_unqual nor that MODULE_* of Linux 7.2 (at the end of pci.c) are constant.
DRIVER_SPARSE := -D__typeof_unqual__=__typeof__

define DRIVER_RULES
.PHONY: driver-$(1) driver-links-$(1) driver-sparse-$(1)
driver-links-$(1): build/gen/espnic_regs.h
	@test -n "$(DRIVER_HEADERS_$(1))" || { echo "no kernel headers of Linux $(1) in .platform/kernels" >&2; exit 1; }
	@mkdir -p build/driver/$(1)
	@find build/driver/$(1) -xtype l -delete
	@ln -sf -t build/driver/$(1) $$(DRIVER_SRCS)
driver-$(1): driver-links-$(1)
	+@$$(call driver_kbuild,$(1),$$(DRIVER_VARIABLES_$(1)))
# After the build, not beside it: one folder. Named on the command line, KBUILD_CHECKSRC also holds where
# kbuild's own test of sparse is missing from Debian's headers.
driver-sparse-$(1): driver-$(1)
	+@$$(call driver_kbuild,$(1),KBUILD_CHECKSRC=2 "CF=$$(DRIVER_SPARSE)") >build/driver/$(1)/sparse.log 2>&1 || \
		{ cat build/driver/$(1)/sparse.log; exit 1; }
	@test $$$$(grep -c '  CHECK ' build/driver/$(1)/sparse.log) -ge $$(words $$(wildcard driver/*.c))
	@! grep -E '(warning|error):' build/driver/$(1)/sparse.log | grep -v 'pci.c.*bad constant expression'
endef
$(foreach k,$(DRIVER_KERNELS) debug coverage,$(eval $(call DRIVER_RULES,$(k))))
driver-links-debug driver-links-coverage: debug-kernel

.PHONY: driver-sparse
driver-sparse: $(addprefix driver-sparse-,$(DRIVER_KERNELS))
