/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traffic selectors: RFC 7296 2.9 and 3.13.
 */
#ifndef ESPNIC_IKE_TS_H
#define ESPNIC_IKE_TS_H

#include "wire.h"

struct espnic_ike_ts_set {
	unsigned int n;
	struct espnic_ike_ts v[ESPNIC_IKE_TS];
};

/* Parses a TSi or TSr body; selectors past the sixteenth are not looked at. False: malformed, or none. */
bool espnic_ike_ts_read(struct espnic_ike_ts_set *set, struct espnic_ike_chunk body);
void espnic_ike_ts_write(struct espnic_ike_wr *w, enum espnic_ike_payload type, const struct espnic_ike_ts *v, unsigned int n);
/* What is configured, with each of the @n_nets in the place of `dynamic`, as many as there is room for. */
void espnic_ike_ts_resolve(struct espnic_ike_ts_set *set, const struct espnic_ike_ts *conf, unsigned int n,
			   const struct espnic_ike_net *nets, unsigned int n_nets);
/* What both have: each of @a cut with each of @b, less what another covers already. False: nothing. */
bool espnic_ike_ts_narrow(struct espnic_ike_ts_set *out, const struct espnic_ike_ts_set *a, const struct espnic_ike_ts_set *b);
/* Is all of @inner within a selector of @outer? */
bool espnic_ike_ts_within(const struct espnic_ike_ts_set *inner, const struct espnic_ike_ts_set *outer);

#endif
