/* SPDX-License-Identifier: BSD-2-Clause */
/* Between conns.c and children.c. */
#ifndef ESPNIC_IKE_CONF_CHILDREN_H
#define ESPNIC_IKE_CONF_CHILDREN_H

#include "conf/conns.h"

/* Where proposals go, and how many there are. */
struct espnic_conf_proposals {
	struct espnic_ike_proposal *p; /* ESPNIC_IKE_PROPOSALS */
	uint8_t *n;
	enum espnic_ike_protocol protocol;
};

/* A list of proposals, in the place of those there are. */
int espnic_conf_read_proposals(const struct espnic_conf_node *node, struct espnic_conf_proposals *list,
			       struct espnic_conf_error *err);

/* Seconds -> uint64_t milliseconds */
espnic_conf_reader espnic_conf_ms;
/* no, false or 0 alone; @arg says why nothing else */
espnic_conf_reader espnic_conf_only_no;

/* The section's name, as a name of the core's. */
int espnic_conf_name(const struct espnic_conf_node *node, char out[ESPNIC_IKE_NAME], struct espnic_conf_error *err);

/*
 * Read @section (NULL: there is none) into the children and shunts of @out. @if_id_in and @if_id_out are the
 * connection's, for children that have none of their own.
 */
int espnic_conf_children(const struct espnic_conf_node *section, uint32_t if_id_in, uint32_t if_id_out,
			 struct espnic_conf_conn *out, struct espnic_conf_error *err);

#endif
