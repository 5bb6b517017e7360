# SPDX-License-Identifier: BSD-2-Clause
# The ESP engine: what the top-level Makefile builds of it, paths from the root of the tree.

# The bare transforms of body ref: they need nothing else of the engine.
REF_TRANSFORM_SRCS := $(addprefix device-model/engine/, \
	aes.c gcm.c ghash.c ref_transforms.c transform.c) \
	$(sort $(wildcard device-model/engine/prim/*.c))

# Body fast is over libipsec-mb where that is (x86-64), else over libcrypto alone; IPSEC_MB=0 leaves it out.
IPSEC_MB ?= $(if $(filter x86_64,$(shell uname -m)),1,0)
ENGINE_MB_SRCS := $(wildcard device-model/engine/fast_mb_*.c)

ENGINE_SRCS := $(sort $(wildcard device-model/engine/*.c) $(REF_TRANSFORM_SRCS))
ENGINE_SRCS := $(if $(filter 1,$(IPSEC_MB)),$(ENGINE_SRCS),$(filter-out $(ENGINE_MB_SRCS),$(ENGINE_SRCS)))
ENGINE_LIBS := $(if $(filter 1,$(IPSEC_MB)),-lIPSec_MB) -lcrypto -lpthread

ENGINE_CLI_SRCS := $(sort $(wildcard device-model/engine/cli/*.c))
ENGINE_CLI_LIBS := -ljson-c
