// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fuzz target: all that reads bytes of an IKE peer, by itself.
 *
 * Input: one byte that picks the reader, the rest is what it reads.
 *	0: a datagram, header and chain of payloads, and each payload's own reader
 *	1: a chain of payloads as it stands inside of SK; the first byte is the first payload's type
 *	2: an SA payload, chosen from and written again: what was chosen must read back as itself
 *	3: traffic selectors, cut with themselves: each cut must be within both
 *	4: identities: text, and matching itself
 *	5: text of a configuration: proposals, identities
 *	6: a configuration payload
 */
#include <stdlib.h>
#include <string.h>

#include "core/proposal.h"
#include "core/ts.h"
#include "core/vip.h"

enum { READERS = 7, INPUT_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void suites(struct espnic_ike_chunk body)
{
	static struct espnic_ike_proposal ours[2][2];
	static const enum espnic_ike_protocol protocols[2] = { ESPNIC_IKE_PROTO_IKE, ESPNIC_IKE_PROTO_ESP };
	struct espnic_ike_offer offer, again;
	struct espnic_ike_suite suite, back;
	char err[ESPNIC_IKE_TEXT];
	uint8_t out[512];

	if (!espnic_ike_offer_read(&offer, body))
		return;
	for (unsigned int i = 0; i < 2; i++) {
		struct espnic_ike_wr w = espnic_ike_wr(out, sizeof(out));

		if (!ours[i][0].n && espnic_ike_proposal_parse(ours[i], 2, protocols[i], "default", err) != 2)
			abort();
		if (!espnic_ike_choose(&suite, ours[i], 2, &offer, ESPNIC_IKE_WITH_KE, 0))
			continue;
		espnic_ike_suite_write(&w, &suite, protocols[i], ESPNIC_IKE_WITH_KE, 0x12345678, 4);
		if (w.full || !espnic_ike_offer_read(&again, (struct espnic_ike_chunk){ out + 4, w.len - 4 }) ||
		    !espnic_ike_choose(&back, ours[i], 2, &again, ESPNIC_IKE_WITH_KE, 0) || back.encr != suite.encr ||
		    back.prf != suite.prf || back.integ != suite.integ || back.ke != suite.ke || back.esn != suite.esn)
			abort();
	}
}

static void selectors(struct espnic_ike_chunk body)
{
	struct espnic_ike_ts_set a, half, cut;
	uint8_t out[2048];
	struct espnic_ike_wr w = espnic_ike_wr(out, sizeof(out));

	if (!espnic_ike_ts_read(&a, body) || !a.n)
		return;
	half = a;
	half.n = (a.n + 1) / 2;
	if (!espnic_ike_ts_narrow(&cut, &a, &half) || cut.n > ESPNIC_IKE_TS)
		abort();
	if (!espnic_ike_ts_within(&cut, &a) || !espnic_ike_ts_within(&cut, &half))
		abort();
	espnic_ike_ts_write(&w, ESPNIC_IKE_P_TSI, cut.v, cut.n);
	if (w.full || !espnic_ike_ts_read(&half, (struct espnic_ike_chunk){ out + 4, w.len - 4 }) || half.n != cut.n)
		abort();
}

static void identity(struct espnic_ike_chunk body)
{
	struct espnic_ike_id id;
	char text[64];

	if (!espnic_ike_id_read(&id, body))
		return;
	espnic_ike_id_text(&id, text, sizeof(text));
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
			abort();
	espnic_ike_id_matches(&id, &id);
}

static void payloads(struct espnic_ike_msg *m, uint8_t first, const uint8_t *p, size_t len, const uint8_t *base)
{
	if (espnic_ike_parse(m, first, p, len, base) != ESPNIC_IKE_PARSE_OK)
		return;
	if (m->n_cert > ESPNIC_IKE_CERTS || m->n_notify > ESPNIC_IKE_NOTIFIES || m->n_del > ESPNIC_IKE_DELETES)
		abort();
	if (m->sa.p)
		suites(m->sa);
	if (m->ts_i.p)
		selectors(m->ts_i);
	if (m->id_i.p)
		identity(m->id_i);
	espnic_ike_notify_error(m);
	/* Each byte that a parsed field points to is there. */
	for (unsigned int i = 0; i < m->n_notify; i++)
		for (size_t j = 0; j < m->notify[i].data.len; j++)
			if (m->notify[i].data.p + j < p || m->notify[i].data.p + j >= p + len)
				abort();
	if (base && m->sk.len && m->sk.at + m->sk.len != (size_t)(p + len - base))
		abort();
}

static void configuration(const uint8_t *data, size_t size)
{
	struct espnic_ike_proposal p[2];
	char text[256], err[ESPNIC_IKE_TEXT], out[1024];
	struct espnic_ike_id id;

	if (size >= sizeof(text))
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (espnic_ike_proposal_parse(p, 2, ESPNIC_IKE_PROTO_IKE, text, err) > 0)
		espnic_ike_proposal_text(&p[0], out, sizeof(out));
	if (espnic_ike_proposal_parse(p, 2, ESPNIC_IKE_PROTO_ESP, text, err) > 0)
		espnic_ike_proposal_text(&p[0], out, sizeof(out));
	if (espnic_ike_id_parse(&id, text, err) == 0)
		espnic_ike_id_text(&id, out, sizeof(out));
}

static void virtual(struct espnic_ike_chunk body)
{
	struct espnic_ike_cp cp;

	if (!espnic_ike_cp_read(&cp, body))
		return;
	if (cp.n_dns > ESPNIC_IKE_DNS || (cp.addr[0].family && cp.addr[0].family != 4) || (cp.addr[1].family && cp.addr[1].family != 6))
		abort();
	for (unsigned int i = 0; i < ESPNIC_IKE_VIPS; i++)
		if (!cp.addr[i].family && espnic_ike_vip_good(&cp.addr[i]))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct espnic_ike_msg m = { 0 };
	uint8_t which;

	if (size < 2 || size > INPUT_MAX)
		return 0;
	which = data[0] % READERS;
	data++;
	size--;
	switch (which) {
	case 0:
		if (espnic_ike_hdr_read(&m.hdr, data, size))
			payloads(&m, m.hdr.next, data + ESPNIC_IKE_HEADER, size - ESPNIC_IKE_HEADER, data);
		break;
	case 1:
		payloads(&m, data[0], data + 1, size - 1, NULL);
		break;
	case 2:
		suites((struct espnic_ike_chunk){ data, size });
		break;
	case 3:
		selectors((struct espnic_ike_chunk){ data, size });
		break;
	case 4:
		identity((struct espnic_ike_chunk){ data, size });
		break;
	case 6:
		virtual((struct espnic_ike_chunk){ data, size });
		break;
	default:
		configuration(data, size);
	}
	return 0;
}
