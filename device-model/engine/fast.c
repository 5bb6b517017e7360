// SPDX-License-Identifier: BSD-2-Clause
/* Body fast: the shared pipeline over a library made for the CPU. */
#include <pthread.h>
#include <stdlib.h>

#include "engine/bodies.h"
#include "engine/fast_lib.h"
#include "engine/pipeline.h"

/* The first that this machine has is taken. */
static const struct espnic_fast_lib *const libs[] = {
#if ESPNIC_IPSEC_MB
	&espnic_fast_lib_mb,
#endif
	&espnic_fast_lib_evp,
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const struct espnic_fast_lib *lib;
static const char *missing;

static void choose(void)
{
	const char *way = getenv("ESPNIC_FAST");

	for (size_t i = 0; i < sizeof(libs) / sizeof(libs[0]) && !lib; i++) {
		const char *why = libs[i]->unavailable(way);

		if (!why)
			lib = libs[i];
		else if (!missing)
			missing = why;
	}
}

static const char *fast_unavailable(void)
{
	pthread_once(&once, choose);
	return lib ? NULL : missing;
}

static const struct espnic_transforms *fast_transforms(void)
{
	return lib->transforms;
}

const struct espnic_transforms espnic_transforms_fast = {
	.body = "fast",
	.unavailable = fast_unavailable,
	.chosen = fast_transforms,
};

static size_t fast_key_size(const struct espnic_sa_params *p)
{
	return lib->key_size(p);
}

static bool fast_expand(void *key, const struct espnic_sa_params *p)
{
	return lib->expand(key, p);
}

static void fast_run(struct espnic_engine_thread *t, struct espnic_job *jobs, unsigned int n)
{
	lib->run(t, jobs, n);
}

const struct espnic_body espnic_body_fast = {
	.key_size = fast_key_size,
	.expand = fast_expand,
	.run = fast_run,
};

static struct espnic_engine_thread *fast_thread_new(void)
{
	struct espnic_engine_thread *t;

	if (fast_unavailable())
		return NULL;
	t = espnic_thread_new();
	if (!t)
		return NULL;
	t->body = lib->thread_new();
	if (!t->body) {
		espnic_thread_free(t);
		return NULL;
	}
	return t;
}

static void fast_thread_free(struct espnic_engine_thread *t)
{
	if (!t)
		return;
	lib->thread_free(t->body);
	espnic_thread_free(t);
}

static enum espnic_verdict fast_sa_add(const struct espnic_sa_params *p, struct espnic_sa **sa,
				       const char **why)
{
	enum espnic_verdict verdict = espnic_sa_new(&espnic_body_fast, p, sa, why);

	if (verdict == ESPNIC_OK)
		(*sa)->way = lib->way(p);
	return verdict;
}

static void fast_protect(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n)
{
	lib->protect(t, pkts, n);
}

static void fast_unprotect(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n)
{
	lib->unprotect(t, pkts, n);
}

const struct espnic_engine_ops espnic_engine_fast = {
	.name = "fast",
	.thread_new = fast_thread_new,
	.thread_free = fast_thread_free,
	.sa_add = fast_sa_add,
	.sa_update = espnic_sa_update,
	.sa_del = espnic_sa_free,
	.sa_query = espnic_sa_query,
	.sa_window = espnic_sa_window,
	.sa_inherit = espnic_sa_inherit,
	.protect = fast_protect,
	.unprotect = fast_unprotect,
	.crypt_out = espnic_crypt_out,
	.crypt_in = espnic_crypt_in,
};
