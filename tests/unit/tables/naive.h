/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables once more, as simple as can be: no hashes, no order kept, addresses compared
 * bit by bit. What the real ones are held against.
 */
#ifndef ESPNIC_TESTS_NAIVE_H
#define ESPNIC_TESTS_NAIVE_H

#include "engine/sad.h"
#include "engine/selector.h"
#include "engine/spd.h"

enum { NAIVE_MAX = 512 };

struct naive_policy {
	struct espnic_spd_policy p;
	uint64_t order;
	bool there;
};

struct naive_sa {
	struct espnic_sad_entry e;
	uint64_t order;
	bool there;
};

enum espnic_selector_result naive_selector(const struct espnic_selector *s, const struct espnic_flow *f);
/* Index into @v of the policy that decides, or -1; *@ambiguous. */
int naive_spd_lookup(const struct naive_policy *v, unsigned int dir, const struct espnic_flow *f,
		     bool *ambiguous);
/* Index into @v of the SA, or -1. */
int naive_sad_choose(const struct naive_sa *v, const struct espnic_spd_policy *p,
		     const struct espnic_flow *f);

/* A repeatable sequence of numbers below @below. */
uint32_t naive_random(uint64_t *state, uint32_t below);

#endif
