# SPDX-License-Identifier: BSD-2-Clause
#
# The firmware: FW_SRCS for whoever hosts it, and fw-rv32, the same sources for the device's
# own core, to show that they need nothing but a freestanding C and a HAL.

FW_SRCS := fw/check.c fw/cmd.c fw/digest.c fw/event.c fw/health.c fw/lease.c fw/policy.c fw/port.c \
	fw/queue.c fw/sa.c fw/sa_check.c fw/selftest.c fw/selftest_suites.c fw/transform.c fw/twin.c

FW_RV32_CC := riscv64-unknown-elf-gcc
FW_RV32_CFLAGS := -std=gnu11 -march=rv32imc -mabi=ilp32 -ffreestanding --specs=picolibc.specs \
	-Os -ffunction-sections -fdata-sections -Wall -Wextra -Werror -Ibuild/gen -Ifw
FW_RV32_OBJS := $(FW_SRCS:fw/%.c=build/fw/rv32/%.o)

build/fw/rv32/%.o: fw/%.c build/gen/espnic_regs.h $(wildcard fw/*.h)
	@mkdir -p $(@D)
	$(FW_RV32_CC) $(FW_RV32_CFLAGS) -c $< -o $@

# The linker resolves every symbol the two entry points need from libgcc and picolibc alone, and
# fails by name on any other. The memory map is one that holds the image; the core has its own.
FW_RV32_LDFLAGS := -nostartfiles -Wl,--entry=espnic_fw_init -Wl,--undefined=espnic_fw_poll \
	-Wl,--defsym=__flash=0x80000000 -Wl,--defsym=__flash_size=256K \
	-Wl,--defsym=__ram=0x80100000 -Wl,--defsym=__ram_size=1M -Wl,--fatal-warnings
build/fw/rv32/espnic-fw.elf: $(FW_RV32_OBJS)
	$(FW_RV32_CC) $(FW_RV32_CFLAGS) $(FW_RV32_LDFLAGS) -o $@ $^

.PHONY: fw-rv32
fw-rv32: build/fw/rv32/espnic-fw.elf
