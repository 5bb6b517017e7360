# SPDX-License-Identifier: BSD-2-Clause
# The ESP engine: what the top-level Makefile builds of it, paths from the root of the tree.

# The bare transforms of body ref: they need nothing else of the engine.
REF_TRANSFORM_SRCS := $(addprefix device-model/engine/, \
	aes.c gcm.c ghash.c ref_transforms.c transform.c) \
	$(sort $(wildcard device-model/engine/prim/*.c))

ENGINE_SRCS := $(sort $(wildcard device-model/engine/*.c) $(REF_TRANSFORM_SRCS))
ENGINE_LIBS := -lIPSec_MB -lpthread

ENGINE_CLI_SRCS := $(sort $(wildcard device-model/engine/cli/*.c))
ENGINE_CLI_LIBS := -ljson-c
