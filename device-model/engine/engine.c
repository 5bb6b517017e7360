// SPDX-License-Identifier: BSD-2-Clause
#include "engine/engine.h"

#include <stdlib.h>
#include <string.h>

#include "engine/bodies.h"
#include "engine/pipeline.h"
#include "engine/wipe.h"

const char *espnic_verdict_name(enum espnic_verdict v)
{
	static const char *const names[ESPNIC_VERDICTS] = {
		[ESPNIC_OK] = "ok",
		[ESPNIC_UNSUPPORTED] = "unsupported",
		[ESPNIC_BAD_SA] = "bad-sa",
		[ESPNIC_MALFORMED] = "malformed",
		[ESPNIC_NO_SA] = "no-sa",
		[ESPNIC_INTEGRITY] = "integrity",
		[ESPNIC_REPLAY] = "replay",
		[ESPNIC_TOO_OLD] = "too-old",
		[ESPNIC_SEQ_EXHAUSTED] = "seq-exhausted",
		[ESPNIC_LIFETIME] = "lifetime",
		[ESPNIC_SELECTOR] = "selector",
		[ESPNIC_MTU] = "mtu",
		[ESPNIC_PADDING] = "padding",
		[ESPNIC_ECN] = "ecn",
		[ESPNIC_LEASE] = "lease",
		[ESPNIC_BAD_REQUEST] = "bad-request",
	};

	return (unsigned int)v < ESPNIC_VERDICTS ? names[v] : names[ESPNIC_BAD_REQUEST];
}

struct body {
	const struct espnic_engine_ops *ops;
	const struct espnic_transforms *transforms;
};

static const struct body bodies[] = {
	{ &espnic_engine_fast, &espnic_transforms_fast },
	{ &espnic_engine_ref, &espnic_transforms_ref },
	{ &espnic_engine_rtl, &espnic_transforms_rtl },
};

/* "auto" takes the first that this machine can run. */
static const struct body *find_body(const char *name, const char **why)
{
	bool any = strcmp(name, "auto") == 0;
	const char *ignored;

	if (!why)
		why = &ignored;
	*why = "no such engine";
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		if (!any && strcmp(name, bodies[i].ops->name) != 0)
			continue;
		*why = bodies[i].transforms->unavailable();
		if (!*why)
			return &bodies[i];
	}
	return NULL;
}

const struct espnic_engine_ops *espnic_engine_get(const char *name, const char **why)
{
	const struct body *body = find_body(name, why);

	return body ? body->ops : NULL;
}

bool espnic_engine_available(const char *name, const char **why)
{
	return find_body(name, why) != NULL;
}

const struct espnic_transforms *espnic_transforms_get(const char *name, const char **why)
{
	const struct body *body = find_body(name, why);

	if (!body)
		return NULL;
	return body->transforms->chosen ? body->transforms->chosen() : body->transforms;
}

struct espnic_engine_thread *espnic_thread_new(void)
{
	struct espnic_engine_thread *t;

	t = aligned_alloc(ESPNIC_CACHE_LINE, sizeof(*t));
	if (!t)
		return NULL;
	memset(t, 0, sizeof(*t));
	t->burst = calloc(1, sizeof(*t->burst));
	if (!t->burst) {
		free(t);
		return NULL;
	}
	return t;
}

void espnic_thread_free(struct espnic_engine_thread *t)
{
	if (!t)
		return;
	/* Both may hold what came out of a cipher. */
	espnic_wipe(t->burst, sizeof(*t->burst));
	free(t->burst);
	espnic_wipe(t, sizeof(*t));
	free(t);
}
