/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The children that stand in the kernel, as the process with the rights put them there: what the other one may delete and ask about,
 * which device has each, and what an operator is told. One thread.
 */
#ifndef ESPNIC_IKE_MAIN_SAS_H
#define ESPNIC_IKE_MAIN_SAS_H

#include "core/ike.h"

/* What all SAs of one child and one version of its configuration share. */
struct espnic_sa_conf {
	struct espnic_sa_conf *next;
	uint32_t refs;
	struct espnic_ike_child_conf conf;
};

struct espnic_sa {
	struct espnic_sa *next; /* of its number's bucket */
	struct espnic_sa *alike, **alike_at; /* of its selectors' bucket, in which all may be; and what points to it there */
	struct espnic_sa *next_of_reqid; /* of its reqid's bucket */
	uint32_t child_id, ike_id; /* the core's numbers; child_id is never 0 */
	char conn[ESPNIC_IKE_NAME], child[ESPNIC_IKE_NAME];
	/* As it was put in. */
	uint32_t reqid, spi_in, spi_out; /* spi_out 0: it sends by another still */
	enum espnic_ike_mode mode;
	bool encap;
	struct espnic_ike_endpoint local, remote;
	struct espnic_sa_conf *conf; /* as it was then: the store may have another by now */
	struct espnic_ike_ts *ts; /* n_local and n_remote of them; owned */
	uint8_t n_local, n_remote;
	enum espnic_ike_offload offload; /* what it was given */
	uint32_t ifindex; /* the device of the offload; 0: none */
	char device[16];
	char *note; /* why less than was asked for; NULL; owned */
	/* What became of a change of addresses: it moved, or why it, or the one before it, did not; NULL: there was none. Owned. */
	char *moved;
	bool routed; /* it has its routes */
	bool policies; /* it has those of its selectors */
	bool kept; /* they were put in again for it, when another that had them as well ended */
	bool lost; /* its device forgot it; */
	bool asked; /* and the core was asked for another in its place */
};

struct espnic_sas {
	struct espnic_sa **bucket, **by_ts, **by_reqid; /* by number; by selectors; by reqid */
	struct espnic_sa_conf *confs;
	uint32_t n, room; /* room: of each, a power of two, or 0 */
};

/* The child of that number; NULL. */
struct espnic_sa *espnic_sas_find(const struct espnic_sas *s, uint32_t child_id);
/* A copy of what @op says; NULL: there is one, or no memory. */
struct espnic_sa *espnic_sas_add(struct espnic_sas *s, const struct espnic_ike_kernel_op *op);
void espnic_sas_del(struct espnic_sas *s, struct espnic_sa *sa);
void espnic_sas_note(struct espnic_sa *sa, const char *text);
void espnic_sas_moved(struct espnic_sa *sa, const char *text);
/* @sa is made anew in the place of one that could not be moved: that is told of it from now on. */
void espnic_sas_inherit(const struct espnic_sas *s, struct espnic_sa *sa);
/* Calls @each with all of them, which may delete the one it has. */
void espnic_sas_each(struct espnic_sas *s, void (*each)(void *ctx, struct espnic_sa *sa), void *ctx);
/*
 * Another child than @sa that has the policies of its selectors, which Linux has once: of whatever IKE SA and reqid. NULL: none whose device
 * is there.
 */
struct espnic_sa *espnic_sas_other(const struct espnic_sas *s, const struct espnic_sa *sa);
/* Are the @n selectors at @a those at @b? */
bool espnic_sas_same_ts(const struct espnic_ike_ts *a, const struct espnic_ike_ts *b, unsigned int n);
/* Are the policies that @op takes over out of date: gone with their device, or of other addresses? */
bool espnic_sas_stale(const struct espnic_sas *s, const struct espnic_ike_kernel_op *op);
/* Has any SA of that child policies? */
bool espnic_sas_up(const struct espnic_sas *s, const char *conn, const char *child);
/* An operation on @sa as it stands. */
struct espnic_ike_kernel_op espnic_sas_op(const struct espnic_sa *sa, enum espnic_ike_kernel_kind kind);
void espnic_sas_free(struct espnic_sas *s);

#endif
