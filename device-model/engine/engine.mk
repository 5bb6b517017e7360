# SPDX-License-Identifier: BSD-2-Clause
# The ESP engine: what the top-level Makefile builds of it, paths from the root of the tree.

ENGINE_SRCS := $(addprefix device-model/engine/, \
	aes.c engine.c esp_crypto.c esp_in.c esp_job.c esp_out.c fast.c gcm.c ghash.c ip.c ref.c \
	ref_transforms.c replay.c sa.c sa_check.c sad.c selector.c spd.c suite.c transform.c) \
	$(addprefix device-model/engine/prim/, \
	cbc.c ccm.c chacha20.c chacha20_poly1305.c cmac.c ctr.c des3.c hash.c hmac.c md5.c poly1305.c \
	sha1.c sha256.c sha512.c)
ENGINE_LIBS := -lIPSec_MB -lpthread

ENGINE_CLI_SRCS := $(addprefix device-model/engine/cli/, \
	crypto.c main.c request.c run.c sa_json.c)
ENGINE_CLI_LIBS := -ljson-c
