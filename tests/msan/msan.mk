# SPDX-License-Identifier: BSD-2-Clause
#
# Body ref with all of its pipeline, and the tables, under clang's MemorySanitizer: no branch and no address depends on a
# byte that nobody wrote, and of a packet that is given out each byte was written (tests/unit/engine/support.c).

MSAN_FLAGS := $(CFLAGS) -O1 -fsanitize=memory -fsanitize-memory-track-origins -fno-sanitize-recover=all -fno-omit-frame-pointer
MSAN_SRCS := $(filter-out device-model/engine/fast%.c,$(ENGINE_SRCS)) tests/msan/ref_alone.c
MSAN_TESTS := $(addprefix tests/unit/engine/test_,bad_headers.c bad_input.c burst.c crypto_offload.c headers.c ip.c replay.c sa.c) \
	$(addprefix tests/unit/tables/test_,sad.c selector.c spd.c)
MSAN_BINS := $(call testbin,msan,$(MSAN_TESTS))

build/obj/msan/%.o: %.c | build/gen/espnic_regs.h build/gen/espnic_rtl_records.h
	@mkdir -p $(@D)
	$(call say,CLANG,$@)
	$(Q)$(CLANG) $(MSAN_FLAGS) -MMD -MP -c $< -o $@
define MSAN_RULE
$(call testbin,msan,$(1)): $(call obj,msan,$(1) $(call helpers,$(1)) $(MSAN_SRCS))
	@mkdir -p $$(@D)
	$(call say,LD,$$@)
	$(Q)$(CLANG) $(MSAN_FLAGS) $$^ -lcmocka -o $$@
endef
$(foreach t,$(MSAN_TESTS),$(eval $(call MSAN_RULE,$(t))))
