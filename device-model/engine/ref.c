// SPDX-License-Identifier: BSD-2-Clause
/* Body ref: the shared pipeline over the engine's own portable, constant-time transforms. */
#include "engine/bodies.h"
#include "engine/body.h"
#include "engine/pipeline.h"

static size_t ref_key_size(const struct espnic_sa_params *p)
{
	return espnic_suite_key_size(&espnic_transforms_ref, p);
}

static bool ref_expand(void *key, const struct espnic_sa_params *p)
{
	return espnic_suite_expand(&espnic_transforms_ref, key, p);
}

static void ref_run(struct espnic_engine_thread *t, struct espnic_job *jobs, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		espnic_suite_run(t, jobs[i].sa->key, &jobs[i]);
}

const struct espnic_body espnic_body_ref = {
	.key_size = ref_key_size,
	.expand = ref_expand,
	.run = ref_run,
};

static enum espnic_verdict ref_sa_add(const struct espnic_sa_params *p, struct espnic_sa **sa,
				      const char **why)
{
	return espnic_sa_new(&espnic_body_ref, p, sa, why);
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
	.protect = espnic_protect,
	.unprotect = espnic_unprotect,
	.crypt_out = espnic_crypt_out,
	.crypt_in = espnic_crypt_in,
};
