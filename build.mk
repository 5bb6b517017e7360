# SPDX-License-Identifier: BSD-2-Clause
#
# How everything is built, inside the platform. Each part lists its own sources in its *.mk.
#
# A variant is one set of compiler flags with its own object tree: plain (what users run), asan
# (address and undefined behaviour), tsan (threads). build/libexec/NAME is the plain program,
# build/VARIANT/libexec/NAME the others.

.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules
JOBS ?= $(shell nproc)

include device-model/engine/engine.mk
include device-model/wire/wire.mk
include device-model/nic/steer.mk
include device-model/vfio-user/vfio-user.mk
include device-model/device.mk
include fw/fw.mk
include driver/driver.mk
include rtl-ref/rtl.mk
include userspace/espnic-ike/ike.mk

# V=1 shows commands whole
Q := $(if $(V),,@)
say = $(if $(V),@:,@printf '  %-7s %s\n' $(1) $(2))

VARIANTS := plain asan tsan
CC := gcc
CLANG := clang
GEN := build/gen/espnic_regs.h build/gen/espnic_regs_pkg.sv docs/registers.md
VERSION := $(shell cat VERSION)

INCLUDES := -Ibuild/gen -Idevice-model -Ifw -Iuserspace/espnic-ike -I. -Itests
WARN := -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wvla
CFLAGS := -std=gnu11 -O2 -g -fno-strict-aliasing -pthread $(WARN) $(INCLUDES) -D_GNU_SOURCE \
	-DESPNIC_VERSION='"$(VERSION)"' -DESPNIC_IPSEC_MB=$(IPSEC_MB)
FLAGS_plain := -fstack-protector-strong -D_FORTIFY_SOURCE=2
FLAGS_asan := -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FLAGS_tsan := -O1 -fsanitize=thread
# gcc knows no fences under TSan; the code uses atomics on both sides of each of them.
WARN_tsan := -Wno-tsan
LIBS := $(ENGINE_LIBS) $(IKE_LIBS) -ljson-c

LIB_SRCS := $(sort $(ENGINE_SRCS) $(WIRE_SRCS) $(STEER_SRCS) $(VFIO_USER_SRCS) $(FW_SRCS) $(DEVICE_SRCS))
DEVICE_MAIN := device-model/main.c
LIB_SRCS := $(filter-out $(DEVICE_MAIN),$(LIB_SRCS))

UNIT_SRCS := $(sort $(wildcard tests/unit/*/test_*.c))
DEVICE_TEST_SRCS := $(sort $(wildcard tests/device/test_*.c))
FUZZ_SRCS := $(sort $(wildcard tests/fuzz/*.c))
# Files beside a test that are no test are shared by the tests of that folder.
helpers = $(filter-out $(dir $(1))test_%.c,$(wildcard $(dir $(1))*.c))
obj = $(patsubst %.c,build/obj/$(1)/%.o,$(2))
testbin = $(patsubst tests/%.c,build/test/$(1)/%,$(2))
# The plain variant's programs stand where users look for them.
libexec = build/$(if $(filter plain,$(1)),,$(1)/)libexec

.PHONY: build programs driver lint demo bench bench-engine bench-ike bench-tables fuzz test test-unit test-vectors test-peer test-diff test-device test-rtl test-fuzz test-lab test-ike test-fault \
	debug-kernel test-debug test-kselftest coverage-driver
build: programs driver docs/registers.md

# ---------------------------------------------------------------- generated

build/gen/espnic_regs.h: regs/espnic.yaml regs/generate.py
	@mkdir -p $(@D)
	python3 regs/generate.py $< --header $@
build/gen/espnic_regs_pkg.sv: regs/espnic.yaml regs/generate.py
	@mkdir -p $(@D)
	python3 regs/generate.py $< --package $@
docs/registers.md: regs/espnic.yaml regs/generate.py
	python3 regs/generate.py $< --manual $@

# The table in it, that is; tests/unit/engine/test_list.py says when it is due.
.PHONY: docs/transforms.md
docs/transforms.md: build/libexec/espnic-engine
	device-model/engine/cli/transforms.py $< $@

# ---------------------------------------------------------------- programs

define VARIANT_RULES
build/obj/$(1)/%.o: %.c | build/gen/espnic_regs.h build/gen/espnic_rtl_records.h
	@mkdir -p $$(@D)
	$(call say,CC,$$@)
	$(Q)$(CC) $(CFLAGS) $(FLAGS_$(1)) $(WARN_$(1)) -MMD -MP -c $$< -o $$@

build/obj/$(1)/libespnic.a: $(call obj,$(1),$(LIB_SRCS))
	$(call say,AR,$$@)
	$(Q)rm -f $$@ && ar qcs $$@ $$^

$(call libexec,$(1))/espnic-engine: $(call obj,$(1),$(ENGINE_CLI_SRCS)) build/obj/$(1)/libespnic.a
	@mkdir -p $$(@D)
	$(call say,LD,$$@)
	$(Q)$(CC) $(FLAGS_$(1)) $$^ $(LIBS) -o $$@

$(call libexec,$(1))/espnic-device: $(call obj,$(1),$(DEVICE_MAIN)) build/obj/$(1)/libespnic.a
	@mkdir -p $$(@D)
	$(call say,LD,$$@)
	$(Q)$(CC) $(FLAGS_$(1)) $$^ $(LIBS) -o $$@

build/obj/$(1)/libespnic-ike.a: $(call obj,$(1),$(IKE_SRCS))
	$(call say,AR,$$@)
	$(Q)rm -f $$@ && ar qcs $$@ $$^

$(call libexec,$(1))/espnic-ike: $(call obj,$(1),$(IKE_MAIN)) build/obj/$(1)/libespnic-ike.a
	@mkdir -p $$(@D)
	$(call say,LD,$$@)
	$(Q)$(CC) $(FLAGS_$(1)) $$^ $(IKE_LIBS) -o $$@

.PHONY: tests-$(1)
tests-$(1): $(call testbin,$(1),$(UNIT_SRCS) $(DEVICE_TEST_SRCS)) \
	$(call libexec,$(1))/espnic-device $(call libexec,$(1))/espnic-engine $(call libexec,$(1))/espnic-ike
endef
$(foreach v,$(VARIANTS),$(eval $(call VARIANT_RULES,$(v))))

define TEST_RULE
$(call testbin,$(1),$(2)): $(call obj,$(1),$(2) $(call helpers,$(2))) build/obj/$(1)/libespnic.a \
	build/obj/$(1)/libespnic-ike.a
	@mkdir -p $$(@D)
	$(call say,LD,$$@)
	$(Q)$(CC) $(FLAGS_$(1)) $$^ -lcmocka $(LIBS) -o $$@
endef
$(foreach v,$(VARIANTS),$(foreach t,$(UNIT_SRCS) $(DEVICE_TEST_SRCS),$(eval $(call TEST_RULE,$(v),$(t)))))

# The core on real sockets, for tests against others' IKE; sanitized, for they see bytes nobody here has made.
build/test/ike/udp: build/obj/asan/tests/ike/udp.o build/obj/asan/libespnic-ike.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(FLAGS_asan) $^ $(IKE_LIBS) -o $@

# IPsec tables that daemons have in place of the kernel's, preloaded.
build/test/ike/kernel.so: tests/ike/kernel.c tests/unit/ikekernel/fake_kernel.c tests/unit/ikekernel/fake_kernel.h $(wildcard userspace/espnic-ike/kernel/*.h)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(FLAGS_plain) -fPIC -shared $(filter %.c,$^) -o $@

-include $(shell find build/obj -name '*.d' 2>/dev/null)

programs: build/libexec/espnic-engine build/libexec/espnic-device build/libexec/espnic-ike
	@platform/wrap espnic-engine espnic-device espnic-ike

# ---------------------------------------------------------------- driver, firmware

driver: driver-7.2 driver-6.12
debug-kernel:
	@platform/debug-kernel

# ---------------------------------------------------------------- fuzz targets

# The library once more, by clang, with coverage feedback.
FUZZ_FLAGS := -std=gnu11 -O1 -g -fno-strict-aliasing -pthread $(INCLUDES) -D_GNU_SOURCE -DESPNIC_VERSION='"fuzz"' -DESPNIC_IPSEC_MB=$(IPSEC_MB) \
	-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
build/obj/fuzz/%.o: %.c | build/gen/espnic_regs.h build/gen/espnic_rtl_records.h
	@mkdir -p $(@D)
	$(call say,CLANG,$@)
	$(Q)$(CLANG) $(FUZZ_FLAGS) -MMD -MP -c $< -o $@
build/obj/fuzz/libespnic.a: $(call obj,fuzz,$(LIB_SRCS) $(IKE_SRCS))
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar qcs $@ $^
build/fuzz/%: build/obj/fuzz/tests/fuzz/%.o $(call obj,fuzz,$(wildcard tests/unit/fw/fake_*.c tests/unit/ikecore/peers.c tests/unit/ikecore/pki.c) \
	$(filter-out %/main.c,$(ENGINE_CLI_SRCS))) build/obj/fuzz/libespnic.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CLANG) -fsanitize=fuzzer,address,undefined $^ $(LIBS) -o $@
FUZZ_BINS := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(FUZZ_SRCS))
FUZZ_SECONDS ?= 60
fuzz: $(FUZZ_BINS)
	tests/run --fuzz-seconds $(FUZZ_SECONDS) fuzz

# ---------------------------------------------------------------- tests

include tests/ct/ct.mk
include tests/msan/msan.mk

test-unit: tests-plain tests-asan tests-tsan fw-rv32 $(CT_BINS) $(MSAN_BINS)
	@tests/run unit
test-diff: build/test/plain/unit/engine/test_diff
	@ESPNIC_DIFF_PACKETS=1000000 ESPNIC_DIFF_SEED=$(or $(SEED),1) $<
# Many times what `make test` does of the same.
test-peer: programs build/test/ike/udp build/test/ike/kernel.so build/asan/libexec/espnic-ike
	@tests/peer/run --packets 30000 --seed $(or $(SEED),1)
	@tests/ike/strongswan
	@tests/ike/libreswan
	@tests/ike/daemon
test-vectors: programs build/asan/libexec/espnic-engine
	@tests/run vectors
test-device: tests-plain tests-asan tests-tsan
	@tests/run device
test-rtl: $(RTL_BENCHES) $(RTL_TESTS) programs
	@ESPNIC_RTL_FULL=1 tests/run rtl
test-fuzz: $(FUZZ_BINS)
	@tests/run fuzz
test-lab: build rtl-engine
	@tests/run lab more
# All cells that libreswan has, without a lab; the whole matrix against strongSwan, and what is beside it; the whole matrix against libreswan. make test
# has a slice of the first two (tests/lab/test_matrix_7.2), make test-lab one of the last.
test-ike: build build/test/ike/kernel.so build/asan/libexec/espnic-ike
	@tests/ike/libreswan --all; code=$$?; tests/lab/ike-matrix all || code=1; tests/lab/ike-matrix more || code=1; tests/lab/ike-matrix events || code=1; tests/lab/ike-matrix lesser --hide-caps PACKET || code=1; \
	tests/lab/ike-matrix --peer libreswan all && exit $$code
# Not part of make test but for a slice (tests/lab/test_kselftest).
test-kselftest: build
	@tests/run kselftest
test-debug: programs driver-debug
	@tests/run debug
coverage-driver: programs driver-coverage
	@tests/coverage/driver --min 85 --run
test-fault: build
	@tests/run fault
test: build tests-plain tests-asan tests-tsan fw-rv32 $(CT_BINS) $(MSAN_BINS) $(RTL_BENCHES) $(RTL_TESTS) $(FUZZ_BINS) build/test/ike/udp \
	build/test/ike/kernel.so
	@tests/run unit vectors peer device rtl fuzz lab

demo: build
	@tests/demo/run
bench: build build/bench/window
	@tests/bench/run
	@tests/bench/sas
# Runs in the guests.
build/bench/window: build/obj/plain/tests/bench/window/main.o
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(FLAGS_plain) $^ -o $@
BENCH_ENGINE_SRCS := $(wildcard tests/bench/engine/*.c)
build/bench/engine-bench: $(call obj,plain,$(BENCH_ENGINE_SRCS)) build/obj/plain/libespnic.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(FLAGS_plain) $^ $(LIBS) -o $@
# The whole device, driven as its own tests do.
BENCH_NIC_SRCS := tests/bench/nic/main.c $(filter-out tests/device/test_%.c tests/device/bus_%.c,$(wildcard tests/device/*.c))
build/bench/nic-bench: $(call obj,plain,$(BENCH_NIC_SRCS)) build/obj/plain/libespnic.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(FLAGS_plain) $^ -lcmocka $(LIBS) -o $@
bench-engine: build/bench/engine-bench build/bench/nic-bench build/libexec/espnic-device
	@tests/bench/engine/run
bench-ike: build/libexec/espnic-ike
	@tests/bench/ike/run
# The tables twice: to time lookups, and with all they read told to who counts.
build/bench/tables: $(call obj,plain,tests/bench/tables/main.c) build/obj/plain/libespnic.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(FLAGS_plain) $^ $(LIBS) -o $@
TABLES_SRCS := $(addprefix device-model/engine/,classify.c hindex.c ip.c prefix.c sad.c selector.c spd.c)
build/bench/tables-lines: tests/bench/tables/main.c $(TABLES_SRCS) $(wildcard device-model/engine/*.h tests/bench/tables/*.h) \
	| build/gen/espnic_regs.h
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CFLAGS) $(FLAGS_plain) -DBENCH_COUNT -include tests/bench/tables/touch.h $(filter %.c,$^) -o $@
bench-tables: build/bench/tables build/bench/tables-lines
	@tests/bench/tables/run

# ---------------------------------------------------------------- lint

C_FILES = $(shell find device-model fw tests userspace -name '*.[ch]' 2>/dev/null | sort)
LINT_SRCS = $(filter %.c,$(C_FILES))
SH_FILES = $(shell grep -rlE '^\#!/bin/(ba)?sh' --include='*' .ci platform lab tests driver fw 2>/dev/null | sort)
PY_FILES = $(shell { grep -rlE '^\#!/usr/bin/env python3' regs tests fw device-model userspace rtl-ref; ls lab/*.py tests/*/*.py; } 2>/dev/null | sort -u)

.PHONY: lint-c lint-c11 lint-sh lint-sv lint-py lint-spdx lint-checkpatch
lint: lint-spdx lint-c lint-c11 lint-sh lint-sv lint-rtl lint-py driver driver-sparse lint-checkpatch
	@echo "lint: clean"
lint-checkpatch:
	@tests/lint/checkpatch
lint-spdx:
	@tests/lint/spdx
lint-c: build/gen/espnic_regs.h build/gen/espnic_rtl_records.h
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --enable=warning,performance,portability \
		--suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches --check-level=normal \
		--suppressions-list=tests/lint/cppcheck.suppress -j $(JOBS) \
		$(INCLUDES) device-model fw userspace
	tests/lint/tidy -j $(JOBS) -- $(filter device-model/% fw/% userspace/%,$(LINT_SRCS)) -- $(CFLAGS)
# Body ref promises plain C: by the standard's letter, without vectors, and for a machine without an OS.
C11 := -std=c11 -pedantic $(WARN) -D_DEFAULT_SOURCE -DESPNIC_PLAIN_C -Idevice-model -fsyntax-only
lint-c11:
	$(CC) $(C11) $(REF_TRANSFORM_SRCS)
	$(CLANG) $(C11) $(REF_TRANSFORM_SRCS)
	riscv64-unknown-elf-gcc --specs=picolibc.specs $(C11) $(REF_TRANSFORM_SRCS)
lint-sh:
	shellcheck -x $(SH_FILES)
lint-sv: build/gen/espnic_regs_pkg.sv tests/lint/espnic_regs_check.sv
	verilator --lint-only -Wall tests/lint/verilator.vlt $^
lint-py:
	python3 -W error -m py_compile $(PY_FILES)

