/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The C engine's SA as the benches look into it. SAs are made and deleted by the engine's own ops; nothing here
 * judges anything that device-model/engine does not.
 */
#ifndef ESPNIC_DV_ORACLE_H
#define ESPNIC_DV_ORACLE_H

#ifdef __cplusplus
extern "C" {
#endif

#include "engine/engine.h"

/* All that packets change of an SA, but for its window; sa_query would take the events. */
struct espnic_oracle_state {
	uint64_t seq;			/* highest sent or verified */
	uint64_t packets, bytes;
	uint32_t events, raised;	/* enum espnic_sa_event */
	uint16_t ip_id;
};

void espnic_oracle_read(const struct espnic_sa *sa, struct espnic_oracle_state *st);

/* As if so much had passed through @sa already: what a bench does not live to see packet by packet. */
void espnic_oracle_passed(struct espnic_sa *sa, uint64_t packets, uint64_t bytes, uint16_t ip_id);

/* One inbound packet as far as the SA is concerned: what its header, its sender and its content say. */
struct espnic_oracle_packet {
	uint32_t low;			/* sequence number in the header */
	uint64_t sent_as;		/* the number its ICV was made for */
	bool authentic;			/* and that ICV is right */
	enum espnic_verdict inner;	/* on trailer and clear packet */
	uint32_t bytes;			/* of the clear packet */
};

/* The packet alone, from number to counters (RFC 4303 section 3.4.3); refusals are not counted. *@event: raised one. */
enum espnic_verdict espnic_oracle_inbound(struct espnic_sa *sa, const struct espnic_oracle_packet *p, bool *event);

#ifdef __cplusplus
}
#endif

#endif
