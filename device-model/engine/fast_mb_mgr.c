// SPDX-License-Identifier: BSD-2-Clause
/*
 * libipsec-mb's managers: one of the process for keys, one of each thread for jobs, all of one tier. A tier is the
 * instructions the library may use.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "engine/fast_mb.h"
#include "engine/wipe.h"

struct tier {
	const char *name;
	uint64_t need;			/* CPU features */
	void (*init)(IMB_MGR *mgr);
};

static void init_auto(IMB_MGR *mgr)
{
	init_mb_mgr_auto(mgr, NULL);
}

/* The first is what is taken unasked. */
static const struct tier tiers[] = {
	{ "", IMB_CPUFLAGS_SSE, init_auto },
	{ "sse", IMB_CPUFLAGS_SSE, init_mb_mgr_sse },
	{ "avx2", IMB_CPUFLAGS_AVX2, init_mb_mgr_avx2 },
	{ "avx512", IMB_CPUFLAGS_AVX512, init_mb_mgr_avx512 },
};

/* Set before the first use, by whoever comes first; all say the same. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *wanted;
static const struct tier *tier;
static IMB_MGR *manager;		/* lives as long as the process */
static const char *missing;

static const struct tier *find_tier(const char *name)
{
	for (size_t i = 0; i < sizeof(tiers) / sizeof(tiers[0]); i++) {
		if (!name || !strcmp(name, tiers[i].name))
			return &tiers[i];
	}
	return NULL;
}

static IMB_MGR *manager_new(void)
{
	IMB_MGR *mgr = alloc_mb_mgr(0);

	if (mgr)
		tier->init(mgr);
	return mgr;
}

static void start(void)
{
	IMB_MGR *probe;

	tier = find_tier(wanted);
	if (!tier) {
		missing = "fast: ESPNIC_FAST is none of sse, avx2, avx512, libcrypto";
		return;
	}
	probe = alloc_mb_mgr(0);
	if (!probe) {
		missing = "fast: out of memory";
		return;
	}
	if ((probe->features & tier->need) != tier->need)
		missing = "fast: the CPU lacks instructions it needs";
	free_mb_mgr(probe);
	if (missing)
		return;
	manager = manager_new();
	if (!manager)
		missing = "fast: out of memory";
	else if (imb_get_errno(manager))
		missing = "fast: libipsec-mb failed its self-test";
}

const char *espnic_fast_unavailable(const char *way)
{
	wanted = way;
	pthread_once(&once, start);
	return missing;
}

IMB_MGR *espnic_fast_manager(void)
{
	return manager;
}

void *espnic_fast_thread_new(void)
{
	struct espnic_fast_thread *t;

	t = aligned_alloc(ESPNIC_CACHE_LINE, sizeof(*t) / ESPNIC_CACHE_LINE * ESPNIC_CACHE_LINE +
					     ESPNIC_CACHE_LINE);
	if (!t)
		return NULL;
	memset(t, 0, sizeof(*t));
	t->mgr = manager_new();
	if (!t->mgr || imb_get_errno(t->mgr) || !espnic_fast_evp_thread_init(&t->evp)) {
		espnic_fast_thread_free(t);
		return NULL;
	}
	t->gcm_enc[ESPNIC_FAST_GCM_128] = t->mgr->gcm128_enc;
	t->gcm_enc[ESPNIC_FAST_GCM_192] = t->mgr->gcm192_enc;
	t->gcm_enc[ESPNIC_FAST_GCM_256] = t->mgr->gcm256_enc;
	t->gcm_dec[ESPNIC_FAST_GCM_128] = t->mgr->gcm128_dec;
	t->gcm_dec[ESPNIC_FAST_GCM_192] = t->mgr->gcm192_dec;
	t->gcm_dec[ESPNIC_FAST_GCM_256] = t->mgr->gcm256_dec;
	return t;
}

void espnic_fast_thread_free(void *own)
{
	struct espnic_fast_thread *t = own;

	if (!t)
		return;
	if (t->mgr)
		free_mb_mgr(t->mgr);
	espnic_fast_evp_thread_fini(&t->evp);
	/* Scratch may hold key stream. */
	espnic_wipe(t, sizeof(*t));
	free(t);
}
