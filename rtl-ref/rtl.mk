# SPDX-License-Identifier: BSD-2-Clause
# The RTL engine: benches under Verilator, proofs by yosys-smtbmc, lint. Paths from the root of the tree.
#
#   RTL_TRACE=1     benches with FST traces (their --trace option); a tree of its own
#   RTL_COVERAGE=1  benches that count coverage of lines, branches and cover points; a tree of its own
#   RTL_COVERAGE=toggle  of toggles, which makes ten times the program; another tree
#   RTL_CACHE=1     the engine as a library with its SAs cached; a tree of its own
#
# A bench is one line below: $(call rtl_bench,NAME,FOLDER of rtl-ref/dv,TOP module,VERILATOR options,libraries,
# what else the program is to be made again for).
# Modules are found by their file's name, so that nothing lists them.

RTL_DIR := rtl-ref/rtl
# Packages are read first, the generated ones before those that use them.
RTL_PKGS = build/gen/espnic_regs_pkg.sv build/gen/espnic_records_pkg.sv $(sort $(wildcard $(RTL_DIR)/*_pkg.sv))
RTL_VLT := rtl-ref/lint/espnic.vlt
RTL_KIND := $(if $(RTL_COVERAGE),$(if $(filter toggle,$(RTL_COVERAGE)),-toggle,-cov))$(if $(RTL_TRACE),-trace)
RTL_BUILD := build/rtl$(RTL_KIND)

# One compiler cache for all benches and rebuilds: most of a Verilated model does not change with a line of it.
export CCACHE_DIR ?= $(CURDIR)/build/ccache
RTL_VFLAGS := -Wall $(RTL_VLT) --assert -MP -I$(RTL_DIR) -y $(RTL_DIR) --x-assign unique --x-initial unique -O3 \
	--output-split 5000 --output-split-cfuncs 500 \
	$(if $(RTL_TRACE),--trace-fst --trace-structs) \
	$(if $(RTL_COVERAGE),$(if $(filter toggle,$(RTL_COVERAGE)),--coverage-toggle --coverage-max-width 2048,--coverage-line --coverage-user))
RTL_CXXFLAGS := -std=c++17 -Wall -Wextra -I$(CURDIR)/rtl-ref/dv/common -I$(CURDIR)/device-model -I$(CURDIR)/build/gen
# Most runs are short: what is saved in compiling outweighs speed. What OPT_SLOW is for runs once.
RTL_OPT ?= $(if $(RTL_COVERAGE),-O0,-O1)
RTL_OPT_SLOW := $(if $(RTL_COVERAGE),-O0,-O1)
RTL_BENCHES :=

# 1 name, 2 folder, 3 top, 4 options of verilator (-GParameter=value; -CFLAGS -DNAME=value), 5 libraries, 6 more prerequisites
define rtl_bench
RTL_BENCHES += $(RTL_BUILD)/bin/$(1)
$(RTL_BUILD)/$(1)/Vtop.mk: $(RTL_DIR)/$(3).sv $(RTL_PKGS) $(RTL_VLT) rtl-ref/rtl.mk | build/gen/espnic_regs.h build/gen/espnic_rtl_records.h
	@mkdir -p $$(@D)
	$$(call say,VERILATE,$(1))
	$$(Q)verilator --cc --exe --prefix Vtop --Mdir $$(@D) --top-module $(3) $(RTL_VFLAGS) $(4) \
		-CFLAGS "$(RTL_CXXFLAGS)" $(if $(5),-LDFLAGS "$(5)") $(RTL_PKGS) $(RTL_DIR)/$(3).sv \
		$(CURDIR)/rtl-ref/dv/$(2)/bench.cpp > $$(@D)/verilator.log || { cat $$(@D)/verilator.log; exit 1; }
$(RTL_BUILD)/bin/$(1): $(RTL_BUILD)/$(1)/Vtop.mk $(wildcard rtl-ref/dv/$(2)/*) $(wildcard rtl-ref/dv/common/*) $(6)
	@mkdir -p $$(@D)
	$$(call say,CXX,$$@)
	$$(Q)rm -f $$(<D)/Vtop  # Verilator's makefile knows of no libraries
	$$(Q)+$(MAKE) --no-print-directory -C $$(<D) -f Vtop.mk OBJCACHE=ccache OPT_FAST=$(RTL_OPT) OPT_SLOW=$(RTL_OPT_SLOW) OPT_GLOBAL=-O2 \
		> $$(<D)/build.log 2>&1 || { cat $$(<D)/build.log; exit 1; }
	$$(Q)cp $$(<D)/Vtop $$@
endef

# ---------------------------------------------------------------- benches

define RTL_BENCH_LIST
$(call rtl_bench,skid,skid,espnic_skid,-GWidth=32 -CFLAGS -DCAPACITY=2)
$(call rtl_bench,fifo2,skid,espnic_fifo,-GWidth=32 -GDepth=2 -CFLAGS -DCAPACITY=2)
$(call rtl_bench,fifo16,skid,espnic_fifo,-GWidth=32 -GDepth=16 -CFLAGS -DCAPACITY=16)
$(call rtl_bench,aes_pipe1,aes_pipe,espnic_aes_pipe,-GLanes=1 -CFLAGS -DLANES=1,-lcrypto)
$(call rtl_bench,ghash1,ghash,espnic_ghash,-GLanes=1 -CFLAGS -DLANES=1,-lcrypto)
$(call rtl_bench,ghash4,ghash,espnic_ghash,-GLanes=4 -CFLAGS -DLANES=4,-lcrypto)
$(call rtl_bench,gcm_keystream2,gcm_keystream,espnic_gcm_keystream,-GLanes=2 -CFLAGS -DLANES=2,-lcrypto)
$(call rtl_bench,gcm_keysetup1,gcm_keysetup,espnic_gcm_keysetup,-GLanes=1 -CFLAGS -DLANES=1,-lcrypto)
$(call rtl_bench,gcm_keysetup2_tower,gcm_keysetup,espnic_gcm_keysetup,-GLanes=2 -GTower=1\'b1 -CFLAGS -DLANES=2,-lcrypto)
$(call rtl_bench,gcm_keysetup4,gcm_keysetup,espnic_gcm_keysetup,-GLanes=4 -CFLAGS -DLANES=4,-lcrypto)
$(call rtl_bench,gcm_stream1,gcm_stream,espnic_gcm_stream,-GLanes=1 -CFLAGS -DLANES=1,-lcrypto)
$(call rtl_bench,gcm_stream2,gcm_stream,espnic_gcm_stream,-GLanes=2 -CFLAGS -DLANES=2,-lcrypto)
$(call rtl_bench,gcm_stream4,gcm_stream,espnic_gcm_stream,-GLanes=4 -CFLAGS -DLANES=4,-lcrypto)
endef
$(eval $(RTL_BENCH_LIST))
include rtl-ref/packet.mk
# What Verilator read for each.
-include $(wildcard $(RTL_BUILD)/*/Vtop__ver.d)

.PHONY: rtl-benches
rtl-benches: $(RTL_BENCHES)

# ---------------------------------------------------------------- lint

# Each module as top, with the parameters it has when nobody says otherwise.
.PHONY: lint-rtl
lint-rtl: $(RTL_PKGS)
	@rtl-ref/lint/lint

# ---------------------------------------------------------------- the engine as a library

# What body rtl of the device model loads (device-model/engine/rtl_sim.h). RTL_LANES: 1, 2 or 4.
RTL_LANES ?= 1
# RTL_CACHE: its SAs in a memory of sim/memory.h, and RTL_CACHE_SETS * RTL_CACHE_WAYS of them on the chip; so few that all come and go.
RTL_CACHE_SETS ?= 2
RTL_CACHE_WAYS ?= 2
RTL_SIM_BUILD := build/rtl$(if $(RTL_CACHE),-cache)$(RTL_KIND)
RTL_SIM := $(RTL_SIM_BUILD)/lib/libespnic-rtl.so
RTL_SIM_TREE := $(RTL_SIM_BUILD)/sim
# Entries of the table: the first is none's. Windows of 64 numbers and less for all, or of 4,096 for 511 of them.
RTL_SIM_SIZES := -GLanes=$(RTL_LANES) $(if $(RTL_CACHE),-GSas=1024 -GCacheSets=$(RTL_CACHE_SETS) -GCacheWays=$(RTL_CACHE_WAYS),\
	-GSas=16384 -GWindowWords=65536)
RTL_SIM_FLAGS := $(RTL_CXXFLAGS) -DLANES=$(RTL_LANES) -DVM_TRACE=$(if $(RTL_TRACE),1,0) -DVM_COVERAGE=$(if $(RTL_COVERAGE),1,0) -fPIC -fvisibility=hidden

$(RTL_SIM_TREE)/Vtop.mk: $(RTL_DIR)/espnic_esp_engine.sv $(RTL_PKGS) $(RTL_VLT) rtl-ref/rtl.mk | build/gen/espnic_regs.h build/gen/espnic_rtl_records.h
	@mkdir -p $(@D)
	$(call say,VERILATE,$@)
	$(Q)verilator --cc --prefix Vtop --Mdir $(@D) --top-module espnic_esp_engine $(RTL_VFLAGS) $(RTL_SIM_SIZES) \
		-CFLAGS "$(RTL_SIM_FLAGS)" $(RTL_PKGS) $< > $(@D)/verilator.log || { cat $(@D)/verilator.log; exit 1; }
$(RTL_SIM): $(RTL_SIM_TREE)/Vtop.mk rtl-ref/sim/sim.cpp rtl-ref/sim/memory.h device-model/engine/rtl_sim.h $(wildcard rtl-ref/dv/common/*)
	@mkdir -p $(@D)
	$(call say,CXX,$@)
	$(Q)+$(MAKE) --no-print-directory -C $(<D) -f Vtop.mk OBJCACHE=ccache OPT_FAST=$(if $(RTL_COVERAGE),$(RTL_OPT),-O2) OPT_SLOW=$(RTL_OPT_SLOW) OPT_GLOBAL=-O2 \
		> $(<D)/build.log 2>&1 || { cat $(<D)/build.log; exit 1; }
	$(Q)root=$$(verilator --getenv VERILATOR_ROOT) && $(CXX) $(RTL_SIM_FLAGS) -O2 -I$(<D) -I$$root/include -I$$root/include/vltstd \
		-shared -o $@ rtl-ref/sim/sim.cpp $(<D)/libVtop.a $(<D)/libverilated.a -Wl,--exclude-libs,ALL -pthread $(if $(RTL_TRACE),-lz)

.PHONY: rtl-engine
rtl-engine: $(RTL_SIM)

# Programs of layer rtl over that library: a file of tests/rtl each.
RTL_TEST_BINS := $(patsubst tests/rtl/%.c,build/test/rtl/%,$(wildcard tests/rtl/*.c))
RTL_TESTS := rtl-engine rtl-engine-cache $(RTL_TEST_BINS)
# The other form beside it.
.PHONY: rtl-engine-cache
rtl-engine-cache:
	$(Q)+$(MAKE) --no-print-directory RTL_CACHE=1 rtl-engine
$(RTL_TEST_BINS): build/test/rtl/%: build/obj/plain/tests/rtl/%.o build/obj/plain/libespnic.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(FLAGS_plain) $^ -lcmocka $(LIBS) -o $@

# How fast the model runs: build/bench/rtl-bench SECONDS
build/bench/rtl-bench: build/obj/plain/tests/bench/rtl/main.o build/obj/plain/libespnic.a $(RTL_SIM)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(FLAGS_plain) $(filter-out %.so,$^) $(LIBS) -o $@

# ---------------------------------------------------------------- report

# Clocks anew; sizes, coverage and kill rates as they were measured last.
RTL_WHOLE := $(foreach d,out in,$(foreach n,1 2 4,build/rtl/bin/esp_$(d)$(n)))
.PHONY: rtl-report
rtl-report: $(RTL_WHOLE) build/bench/rtl-bench
	@rtl-ref/report
