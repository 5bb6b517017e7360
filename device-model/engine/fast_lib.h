/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What body fast stands on: libipsec-mb where it was built in and the CPU has what it needs, else libcrypto. The
 * environment's ESPNIC_FAST asks for one way: sse, avx2, avx512 (libipsec-mb with no more than these), libcrypto.
 */
#ifndef ESPNIC_ENGINE_FAST_LIB_H
#define ESPNIC_ENGINE_FAST_LIB_H

#include "engine/body.h"

struct espnic_fast_lib {
	/* NULL, or a constant text that says why not; @way: ESPNIC_FAST, or NULL. Called before all others. */
	const char *(*unavailable)(const char *way);

	/* What a thread needs for itself, in its context's body; NULL without memory. */
	void *(*thread_new)(void);
	void (*thread_free)(void *own);

	/* As in espnic_body. */
	size_t (*key_size)(const struct espnic_sa_params *p);
	bool (*expand)(void *key, const struct espnic_sa_params *p);
	void (*run)(struct espnic_engine_thread *t, struct espnic_job *jobs, unsigned int n);

	/* What goes into way of an SA of these parameters (sa.h); and the ops of these names. */
	uint8_t (*way)(const struct espnic_sa_params *p);
	void (*protect)(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n);
	void (*unprotect)(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n);

	const struct espnic_transforms *transforms;
};

extern const struct espnic_fast_lib espnic_fast_lib_mb;
extern const struct espnic_fast_lib espnic_fast_lib_evp;

#endif
