/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Proposals: what RFC 7296 3.3 puts on the wire, and how one is chosen.
 */
#ifndef ESPNIC_IKE_PROPOSAL_H
#define ESPNIC_IKE_PROPOSAL_H

#include "wire.h"

/* What two peers agreed on. */
struct espnic_ike_suite {
	uint8_t num;			/* of the proposal it came from */
	uint64_t spi;			/* the peer's */
	const struct espnic_ike_alg *encr, *prf, *integ, *ke;	/* NULL: none */
	const struct espnic_ike_alg *addke[ESPNIC_IKE_ADDKES];	/* RFC 9370; NULL: none, whatever comes after */
	bool esn;
};

struct espnic_ike_offered {
	uint8_t num, proto, spi_len;
	uint64_t spi;
	uint32_t seen;			/* bit of each transform type that came, also of those we don't know */
	uint32_t none;			/* bit of each type whose transform 0, NONE, came */
	bool foreign;			/* has a transform type we don't know: never acceptable */
	struct espnic_ike_proposal p;	/* the transforms we know */
};

struct espnic_ike_offer {
	unsigned int n;
	struct espnic_ike_offered v[ESPNIC_IKE_PROPOSALS];
};

/* Parses the body of an SA payload. False: malformed. Proposals past the eighth are not looked at. */
bool espnic_ike_offer_read(struct espnic_ike_offer *offer, struct espnic_ike_chunk body);

enum espnic_ike_choice {
	ESPNIC_IKE_WITH_KE,
	ESPNIC_IKE_WITHOUT_KE,		/* IKE_AUTH: its key exchange was that of IKE_SA_INIT */
};

/*
 * The first of our @n proposals @ours that one of @offer meets, our order before the peer's; among groups @ke_hint
 * (of the peer's KE payload; 0: none) is preferred if it is ours at all. False: there is none.
 */
bool espnic_ike_choose(struct espnic_ike_suite *suite, const struct espnic_ike_proposal *ours, unsigned int n,
		       const struct espnic_ike_offer *offer, enum espnic_ike_choice what, unsigned int ke_hint);
/* The responder's answer to our @n proposals: must be one proposal with one transform of each type. False: it is not ours. */
bool espnic_ike_accept(struct espnic_ike_suite *suite, const struct espnic_ike_proposal *ours, unsigned int n,
		       const struct espnic_ike_offer *offer, enum espnic_ike_choice what);

/* SA payload of a request. @spi_len 0, 4 or 8. */
void espnic_ike_offer_write(struct espnic_ike_wr *w, const struct espnic_ike_proposal *p, unsigned int n,
			    enum espnic_ike_choice what, uint64_t spi, unsigned int spi_len);
/* SA payload of a response. */
void espnic_ike_suite_write(struct espnic_ike_wr *w, const struct espnic_ike_suite *suite, enum espnic_ike_protocol protocol,
			    enum espnic_ike_choice what, uint64_t spi, unsigned int spi_len);
enum { ESPNIC_IKE_SUITE_MAX = 5 + ESPNIC_IKE_ADDKES };
/* What @suite consists of; returns how many transforms. */
unsigned int espnic_ike_suite_transforms(const struct espnic_ike_suite *suite, enum espnic_ike_protocol protocol,
					 enum espnic_ike_choice what, struct espnic_ike_transform t[ESPNIC_IKE_SUITE_MAX]);
/* The additional key exchange at or after *@at, which is moved to it; NULL: no more. */
const struct espnic_ike_alg *espnic_ike_next_addke(const struct espnic_ike_suite *suite, unsigned int *at);
/* The group our proposals like best; 0: they have none. */
unsigned int espnic_ike_first_ke(const struct espnic_ike_proposal *p, unsigned int n);
/* Has one of them additional key exchanges? */
bool espnic_ike_has_addke(const struct espnic_ike_proposal *p, unsigned int n);
/* Is group @id in one of them? */
bool espnic_ike_has_ke(const struct espnic_ike_proposal *p, unsigned int n, unsigned int id);

/* The registry by swanctl's keyword (any of its spellings); NULL. */
const struct espnic_ike_alg *espnic_ike_alg_by_name(const char *name, size_t len);

#endif
