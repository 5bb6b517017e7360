/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel of IPsec tables in memory, behind struct espnic_xfrm_ops. It keeps messages as they came and knows
 * of them what makes one state or policy another, by linux/xfrm.h alone.
 */
#ifndef ESPNIC_TESTS_FAKE_KERNEL_H
#define ESPNIC_TESTS_FAKE_KERNEL_H

#include "kernel/xfrm.h"

enum { FAKE_OBJECTS = 64, FAKE_MSG = 2048 };

struct fake_object {
	bool used, policy;
	_Alignas(8) unsigned char msg[FAKE_MSG];
};

struct fake_kernel {
	struct fake_object object[FAKE_OBJECTS];
	unsigned int calls; /* so far */
	unsigned int fail_call; /* the call (from 1) that fails; 0: none */
	unsigned int fail_from; /* and all from this one on; 0: none */
	int fail_errno;
	const char *words; /* goes with a failure */
	bool declines_crypto; /* takes states of crypto offload without it */
	const char *declines_words; /* and says so; NULL: it does not */
	bool declines_packet; /* what no kernel does: takes them without */
	bool moves_offloaded; /* what Linux 7.2 does not: moves states with their offload */
	bool never_moves; /* as before Linux 7.2 */
};

struct espnic_xfrm fake_kernel_open(struct fake_kernel *k);

/* Count states, policies. */
unsigned int fake_count(const struct fake_kernel *k, bool policies);

/* Have both the same states and policies, byte for byte, in whatever order? */
bool fake_same(const struct fake_kernel *a, const struct fake_kernel *b);

/* The message of state @spi; NULL if there is none. */
struct nlmsghdr *fake_state(struct fake_kernel *k, uint32_t spi);

#endif
