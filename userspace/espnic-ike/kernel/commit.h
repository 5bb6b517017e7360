/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several changes to the kernel's IPsec tables as one: all of them stand afterwards, with the offload
 * that was asked for, or none does.
 */
#ifndef ESPNIC_IKE_KERNEL_COMMIT_H
#define ESPNIC_IKE_KERNEL_COMMIT_H

#include "kernel/xfrm.h"

enum espnic_xfrm_op_kind {
	ESPNIC_XFRM_ADD_SA,
	ESPNIC_XFRM_DEL_SA, /* one that is gone already is fine */
	ESPNIC_XFRM_MOVE_SA, /* from @was to @sa: its addresses, encapsulation, offload */
	ESPNIC_XFRM_ADD_POLICY, /* refused if there is one of its selector */
	ESPNIC_XFRM_SET_POLICY, /* in the place of what there is */
	ESPNIC_XFRM_DEL_POLICY, /* as DEL_SA */
};

struct espnic_xfrm_op {
	enum espnic_xfrm_op_kind kind;
	/* One of them, the caller's; to be constant until the commit is over. */
	const struct espnic_xfrm_sa *sa;
	const struct espnic_xfrm_policy *policy;
	const struct espnic_xfrm_sa *was; /* of MOVE_SA: as it stands, offload included */
	/* Of an ADD: if the kernel leaves offload out, take that too. */
	bool software_will_do;

	/* Written by the commit. */
	enum espnic_xfrm_offload got; /* of an ADD or SET, as read back */
	char note[ESPNIC_XFRM_TEXT]; /* why less than was asked for; "" */
	bool done;
	/* What stood there before, for undoing; NULL: nothing. */
	struct espnic_xfrm_sa *old_sa;
	struct espnic_xfrm_policy *old_policy;
};

/*
 * Carry out @n changes in their order and read each back. Linux takes a state of crypto offload without
 * it, and says so nowhere but in what it gives back: that fails the commit, unless
 * software_will_do. Returns 0; or -errno of the first that failed, with @text (ESPNIC_XFRM_TEXT bytes)
 * naming it and the kernel's words, after all that was done has been undone in reverse; what could not
 * be undone is named too. A state that an undoing brings back goes on with its own numbers.
 */
int espnic_xfrm_commit(const struct espnic_xfrm *x, struct espnic_xfrm_op *ops, unsigned int n,
		       char *text);

#endif
