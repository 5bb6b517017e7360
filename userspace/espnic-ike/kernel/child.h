/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the protocol core asks of the kernel (struct espnic_ike_kernel_op), as states and policies put in as
 * one transaction. Traffic selectors are ranges; Linux has prefixes and masks: one selector may take several policies.
 */
#ifndef ESPNIC_IKE_KERNEL_CHILD_H
#define ESPNIC_IKE_KERNEL_CHILD_H

#include "core/ike.h"
#include "kernel/xfrm.h"

enum espnic_child_limits {
	ESPNIC_CHILD_SELECTORS = 64, /* pairs of prefixes and ports that the selectors of one child may take */
	/*
	 * Priorities of a child's policies where its configuration names none: the narrower the selectors, the smaller.
	 * What an operator puts in by hand for IKE and neighbour discovery goes below.
	 */
	ESPNIC_CHILD_PRIORITY = 400000,
	ESPNIC_CHILD_PASS_PRIORITY = 300000, /* shunts: what passes does so whatever is protected around it, */
	ESPNIC_CHILD_DROP_PRIORITY = 500000, /* and what is to be dropped is what nothing protects */
	ESPNIC_CHILD_BLOCK_PRIORITY = 0x7ffffffe, /* what stands under offloaded policies, for when their device is down */
};

/* An address of the protocol core's in the kernel's terms; none stays none. */
struct espnic_addr espnic_child_addr(const struct espnic_ike_addr *from);

/* What the policies of selectors do. */
enum espnic_child_policy { ESPNIC_CHILD_PROTECT, ESPNIC_CHILD_PASS, ESPNIC_CHILD_DROP };

struct espnic_child_result {
	enum espnic_ike_kernel_status status;
	enum espnic_ike_offload offload; /* what the child was given */
	uint64_t idle_ms; /* of QUERY */
	char text[ESPNIC_XFRM_TEXT]; /* why not, or why less than was asked for; "" */
};

/* One state of a child as the kernel counts it; packet offload's numbers are the device's. */
struct espnic_child_count {
	uint64_t bytes, packets, used_seconds; /* used: since 1970, 0: never */
	uint32_t replayed, out_of_window, not_authentic; /* dropped packets */
	enum espnic_xfrm_offload offload; /* as it is now */
	uint32_t ifindex;
};

/*
 * Carry out INSTALL, INSTALL_IN, INSTALL_OUT, DELETE or QUERY over @x; any other is refused with a text. @ifindex: the
 * device of the offload, 0 if there is none (which fails crypto and packet, and is software for auto). Blocks for as long as the
 * kernel takes. Copies of keys are wiped.
 */
void espnic_child_run(const struct espnic_xfrm *x, const struct espnic_ike_kernel_op *op, uint32_t ifindex,
		      struct espnic_child_result *out);

/* A child that is to have other addresses or encapsulation, and where its offload is; index 0 of an interface: none. */
struct espnic_child_move {
	struct espnic_ike_kernel_op was, to; /* to.policies: it has those of its selectors */
	enum espnic_ike_offload offload; /* that it has, and keeps */
	uint32_t was_ifindex, ifindex;
};
/*
 * Have the kernel move a child, its numbers and counts with it: both states and their policies, or nothing. FAILED with the kernel's words
 * where it can't: before Linux 7.2, and there what is offloaded.
 */
void espnic_child_move(const struct espnic_xfrm *x, const struct espnic_child_move *m, struct espnic_child_result *out);

/*
 * The same of policies alone, INSTALL or DELETE: PROTECT without a state is a trap, by which the first packet is told of
 * (ESPNIC_KERNEL_ACQUIRE); of @op, the selectors, conf, reqid, mode and addresses count.
 */
void espnic_child_policies(const struct espnic_xfrm *x, const struct espnic_ike_kernel_op *op, uint32_t ifindex,
			   enum espnic_child_policy what, struct espnic_child_result *out);
/* Read the state of @spi (host order) to @dst; 0, or -errno with @text (ESPNIC_XFRM_TEXT bytes) written. */
int espnic_child_count(const struct espnic_xfrm *x, uint32_t spi, const struct espnic_ike_addr *dst, struct espnic_ike_mark m,
		       struct espnic_child_count *out, char *text);

/*
 * The pairs of prefixes, protocol and ports that @local and @remote mean together, as from the local side out: to @out,
 * ESPNIC_CHILD_SELECTORS at most. Returns how many; -1 with @text written if they are more, or can't be had.
 */
int espnic_child_selectors(const struct espnic_ike_ts *local, unsigned int n_local, const struct espnic_ike_ts *remote,
			   unsigned int n_remote, struct espnic_xfrm_selector *out, char *text);

#endif
