# SPDX-License-Identifier: BSD-2-Clause
# The ESP engine: what the top-level Makefile builds of it, paths from the root of the tree.

ENGINE_SRCS := $(addprefix device-model/engine/, \
	aes.c engine.c esp_crypto.c esp_gcm.c esp_in.c esp_out.c fast.c gcm.c ghash.c ip.c ref.c \
	ref_transforms.c replay.c sa.c sa_check.c sad.c selector.c spd.c transform.c)
ENGINE_LIBS := -lIPSec_MB -lpthread

ENGINE_CLI_SRCS := $(addprefix device-model/engine/cli/, \
	crypto.c main.c request.c run.c sa_json.c)
ENGINE_CLI_LIBS := -ljson-c
