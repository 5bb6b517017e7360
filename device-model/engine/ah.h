/* SPDX-License-Identifier: BSD-2-Clause */
/* AH (RFC 4302) under the pipeline: what it does otherwise than ESP. */
#ifndef ESPNIC_ENGINE_AH_H
#define ESPNIC_ENGINE_AH_H

#include "engine/pipeline.h"

/* Bytes of the AH header that @sa makes, between headers of @family: section 2.6 has the padding. */
uint32_t espnic_ah_len(const struct espnic_sa *sa, uint8_t family);

/*
 * Whether the options of the headers at @p, @head_len bytes up to AH or where it will be,
 * can be read through, and as @sender also foreseen. Their lengths fit: espnic_ip_parse() was content.
 */
bool espnic_ah_headers_sound(const uint8_t *p, uint32_t head_len, bool sender);

/* Makes sound headers at @p what the ICV is computed over (section 3.3.3.1), in place. */
void espnic_ah_mask(uint8_t *p, uint32_t head_len, bool sender);

/*
 * How large the result is, and whether it fits (ESPNIC_MTU) and its headers are sound.
 * The rest of @o is planned already.
 */
enum espnic_verdict espnic_ah_plan(const struct espnic_sa *sa, const struct espnic_pkt *pkt,
				   struct espnic_out *o);

/* Writes the AH header at @ah, ICV apart; the explicit IV waits for espnic_ah_job_begin(). */
void espnic_ah_write(const struct espnic_sa *sa, const struct espnic_out *o, uint8_t *ah);

/* Section 3.4: finds AH in pkt and what it carries. */
enum espnic_verdict espnic_ah_find(const struct espnic_sa *sa, const struct espnic_pkt *pkt,
				   struct espnic_in *f);

/*
 * Makes the job of the packet that @a is about; its ICV field, IV included, is taken into
 * the job, or with @seal filled later. The headers are masked until espnic_ah_job_end().
 */
void espnic_ah_job_begin(struct espnic_job *job, struct espnic_ah_job *a, const struct espnic_sa *sa,
			 const uint8_t *iv, uint64_t seq, bool seal);
/* The job was run: headers and ICV field as they are on the wire. */
void espnic_ah_job_end(const struct espnic_job *job, const struct espnic_ah_job *a);

#endif
