/* SPDX-License-Identifier: BSD-2-Clause */
/* Known answers: one of each bare transform, out of the standard that names it. */
#ifndef ESPNIC_ENGINE_SELFTEST_H
#define ESPNIC_ENGINE_SELFTEST_H

#include "engine/transform.h"

enum espnic_selftest {
	ESPNIC_SELFTEST_GOOD,
	ESPNIC_SELFTEST_BAD,		/* not the known answer, or a wrong tag was taken */
	ESPNIC_SELFTEST_LACKS,		/* the body has no such alg */
};

/*
 * Asks the body of @transforms, which must be available, for the known answer of @alg, both
 * ways where there are two. @t: a thread of that body.
 */
enum espnic_selftest espnic_selftest(const struct espnic_transforms *transforms,
				     struct espnic_engine_thread *t, enum espnic_alg alg);

#endif
