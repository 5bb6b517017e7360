// SPDX-License-Identifier: BSD-2-Clause
#include "rtl-ref/dv/sa/oracle.h"

#include "engine/sa.h"

void espnic_oracle_read(const struct espnic_sa *sa, struct espnic_oracle_state *st)
{
	st->seq = sa->info.dir == ESPNIC_DIR_OUT ? sa->seq : sa->window.top;
	st->packets = sa->packets;
	st->bytes = sa->bytes;
	st->events = sa->events;
	st->raised = sa->raised;
	st->ip_id = sa->ip_id;
}

void espnic_oracle_passed(struct espnic_sa *sa, uint64_t packets, uint64_t bytes, uint16_t ip_id)
{
	sa->packets = packets;
	sa->bytes = bytes;
	sa->ip_id = ip_id;
}

enum espnic_verdict espnic_oracle_inbound(struct espnic_sa *sa, const struct espnic_oracle_packet *p, bool *event)
{
	enum espnic_verdict verdict;
	uint32_t flags = 0;
	uint64_t seq;

	*event = false;
	if (espnic_sa_expired(sa))
		return ESPNIC_LIFETIME;
	verdict = espnic_window_infer(&sa->window, sa->info.esn, p->low, &seq);
	if (verdict == ESPNIC_OK)
		verdict = espnic_window_check(&sa->window, seq);
	if (verdict != ESPNIC_OK)
		return verdict;
	if (!p->authentic || seq != p->sent_as)
		return ESPNIC_INTEGRITY;
	espnic_window_accept(&sa->window, seq);
	if (p->inner != ESPNIC_OK)
		return p->inner;
	verdict = espnic_sa_count(sa, p->bytes, &flags);
	*event = flags & ESPNIC_PKT_EVENT;
	return verdict;
}
