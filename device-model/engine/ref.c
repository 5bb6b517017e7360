// SPDX-License-Identifier: BSD-2-Clause
/* Body ref: the shared pipeline over the engine's own portable, constant-time transforms. */
#include "engine/bodies.h"
#include "engine/esp.h"

static enum espnic_verdict ref_sa_add(const struct espnic_sa_params *p, struct espnic_sa **sa,
				      const char **why)
{
	return espnic_sa_new(&espnic_aead_ref, p, sa, why);
}

const struct espnic_engine_ops espnic_engine_ref = {
	.name = "ref",
	.thread_new = espnic_thread_new,
	.thread_free = espnic_thread_free,
	.sa_add = ref_sa_add,
	.sa_update = espnic_sa_update,
	.sa_del = espnic_sa_free,
	.sa_query = espnic_sa_query,
	.sa_window = espnic_sa_window,
	.sa_inherit = espnic_sa_inherit,
	.protect = espnic_esp_protect,
	.unprotect = espnic_esp_unprotect,
	.crypt_out = espnic_esp_crypt_out,
	.crypt_in = espnic_esp_crypt_in,
};
