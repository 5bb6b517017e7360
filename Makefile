# SPDX-License-Identifier: BSD-2-Clause
#
# espnic. `make help` lists what there is. Outside of the reference platform every goal is run
# again inside of it (platform/enter makes it on first use).

.DEFAULT_GOAL := help

define HELP
make demo          two VMs, IPsec done by the NIC, proved by tshark; build/demo/summary.json
make test          all that gates a change; last line: N passed, N failed, N skipped
make test-LAYER    one layer: unit vectors peer device rtl fuzz lab (that one has more than make test does of it)
make test-fault    all that can go wrong, with traffic meanwhile (a slice of it is in make test); tests/fault-loop MINUTES
make test-debug    the lab on a kernel with KASAN, lockdep, DMA-API checks, kmemleak, UBSAN (make debug-kernel)
make test-kselftest  the kernel's own selftests on two espnic; writes docs/kselftests.md (needs make debug-kernel's source)
make coverage-driver  the same, counting the driver's lines; build/coverage/driver.txt
make test-rtl      the RTL engine's benches in full, and its proofs (a slice of the benches is in make test)
make rtl-report    clocks, sizes and evidence of the RTL engine: build/rtl/report.json, report.html, and the tables of docs/rtl.md
make test-ct       constant time of the reference engine: secrets marked, and timing statistics
make test-peer     30,000 packets against scapy and a peer of our own, SEED=N; key exchange against strongSwan and libreswan
make test-ike      espnic-ike against strongSwan and libreswan in the lab, by role, authentication, mode, addresses, key exchange, offload; build/ike/matrix*.json
make test-diff     the engine's bodies on a million random packets; SEED=N
make bench         throughput side by side; build/bench/*.json
make bench-engine  the engine alone, beside bare libipsec-mb, OpenSSL and DPDK on one core; and the device without a VM
make bench-ike     CPU time and memory of a key exchange, beside strongSwan under its load-tester; build/bench/ike.json
make bench-tables  lookups in SAD and SPD by the size of the tables
make build         programs (build/bin), driver (build/driver/*), docs/registers.md
make lint          compilers' warnings, sparse, clang-tidy, cppcheck, shellcheck, SystemVerilog package
make driver        espnic.ko for Linux 7.2 and 6.12
make fuzz          each fuzz target for FUZZ_SECONDS (default 60)
make clean         remove build/ (the platform in .platform/ stays)
make distclean     remove both
endef
export HELP

ifeq ($(filter-out help clean distclean,$(or $(MAKECMDGOALS),help)),)

.PHONY: help clean distclean
help:
	@echo "$$HELP"
clean:
	rm -rf build
distclean: clean
	rm -rf --one-file-system .platform

else ifneq ($(ESPNIC_PLATFORM),1)

FIRST := $(firstword $(MAKECMDGOALS))
.PHONY: $(MAKECMDGOALS)
$(FIRST):
	@+platform/enter $(MAKE) --no-print-directory $(MAKECMDGOALS)
$(filter-out $(FIRST),$(MAKECMDGOALS)): $(FIRST)
	@:

else

include build.mk

endif
