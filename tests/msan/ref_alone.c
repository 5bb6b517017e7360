// SPDX-License-Identifier: BSD-2-Clause
/* In place of body fast, whose libraries are not built for MemorySanitizer: tests find ref alone. */
#include "engine/bodies.h"

static const char *left_out(void)
{
	return "not in this build";
}

const struct espnic_engine_ops espnic_engine_fast = {
	.name = "fast",
};

const struct espnic_transforms espnic_transforms_fast = {
	.body = "fast",
	.unavailable = left_out,
};
