# SPDX-License-Identifier: BSD-2-Clause
#
# Constant time of body ref, shown: with secrets marked, under valgrind and under clang's
# MemorySanitizer (both in `make test`), and by timing statistics (`make test-ct`: all three).

# The transforms stand alone, so each build has them with its own flags.
CT_SRCS := $(REF_TRANSFORM_SRCS) tests/ct/ops.c
CT_FLAGS_valgrind := $(CFLAGS) $(FLAGS_plain) -DESPNIC_CT_VALGRIND
# A secret may be an argument and a return value: only branches and addresses are told.
CT_FLAGS_msan := $(filter-out -Wno-tsan,$(CFLAGS)) -O1 -DESPNIC_CT_MSAN -fsanitize=memory \
	-fno-sanitize-memory-param-retval -fsanitize-memory-track-origins -fno-sanitize-recover=all -fno-omit-frame-pointer
CT_FLAGS_valgrind-plain := $(CT_FLAGS_valgrind) -DESPNIC_PLAIN_C
CT_FLAGS_timing := $(CFLAGS) $(FLAGS_plain)
CT_CC_valgrind := $(CC)
CT_CC_valgrind-plain := $(CC)
CT_CC_msan := $(CLANG)
CT_CC_timing := $(CC)

define CT_RULES
build/obj/ct-$(1)/%.o: %.c
	@mkdir -p $$(@D)
	$(call say,CC,$$@)
	$(Q)$(CT_CC_$(1)) $(CT_FLAGS_$(1)) -MMD -MP -c $$< -o $$@
build/test/ct/$(1): $(patsubst %.c,build/obj/ct-$(1)/%.o,$(CT_SRCS) tests/ct/$(2).c)
	@mkdir -p $$(@D)
	$(call say,LD,$$@)
	$(Q)$(CT_CC_$(1)) $(CT_FLAGS_$(1)) $$^ -lm -o $$@
endef
$(eval $(call CT_RULES,valgrind,secrets))
$(eval $(call CT_RULES,valgrind-plain,secrets))
$(eval $(call CT_RULES,msan,secrets))
$(eval $(call CT_RULES,timing,timing))

CT_BINS := build/test/ct/valgrind build/test/ct/valgrind-plain build/test/ct/msan
.PHONY: test-ct
test-ct: $(CT_BINS) build/test/ct/timing
	@tests/run ct
