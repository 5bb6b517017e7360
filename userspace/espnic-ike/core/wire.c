// SPDX-License-Identifier: BSD-2-Clause
#include "wire.h"

#include <string.h>

enum {
	DELETE_HEADER = 4,
	NOTIFY_HEADER = 4,
	SKF_HEADER = 4,
	SPI_ESP = 4,
};

/* ------------------------------------------------------------------ reader, writer */

const uint8_t *espnic_ike_rd_bytes(struct espnic_ike_rd *r, size_t len)
{
	const uint8_t *p = r->p;

	if (r->bad || len > r->left) {
		r->bad = true;
		r->left = 0;
		return NULL;
	}
	r->p += len;
	r->left -= len;
	return p;
}

uint64_t espnic_ike_rd_be(struct espnic_ike_rd *r, unsigned int bytes)
{
	const uint8_t *p = espnic_ike_rd_bytes(r, bytes);
	uint64_t v = 0;

	if (!p)
		return 0;
	for (unsigned int i = 0; i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

void espnic_ike_wr_bytes(struct espnic_ike_wr *w, const void *p, size_t len)
{
	if (w->full || len > w->room - w->len) {
		w->full = true;
		return;
	}
	if (len)
		memcpy(w->p + w->len, p, len);
	w->len += len;
}

static void put_be(uint8_t *p, uint64_t v, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
}

void espnic_ike_wr_be(struct espnic_ike_wr *w, uint64_t v, unsigned int bytes)
{
	uint8_t b[8];

	put_be(b, v, bytes);
	espnic_ike_wr_bytes(w, b, bytes);
}

void espnic_ike_wr_patch(struct espnic_ike_wr *w, size_t at, uint64_t v, unsigned int bytes)
{
	if (!w->full)
		put_be(w->p + at, v, bytes);
}

size_t espnic_ike_wr_begin(struct espnic_ike_wr *w, enum espnic_ike_payload type)
{
	size_t at = w->len;

	if (w->first)
		espnic_ike_wr_patch(w, w->last, type, 1);
	else
		w->first = (uint8_t)type;
	w->last = at;
	espnic_ike_wr_be(w, 0, ESPNIC_IKE_GENERIC);
	return at;
}

void espnic_ike_wr_end(struct espnic_ike_wr *w, size_t at)
{
	espnic_ike_wr_patch(w, at + 2, w->len - at, 2);
}

void espnic_ike_wr_payload(struct espnic_ike_wr *w, enum espnic_ike_payload type, const void *p, size_t len)
{
	size_t at = espnic_ike_wr_begin(w, type);

	espnic_ike_wr_bytes(w, p, len);
	espnic_ike_wr_end(w, at);
}

void espnic_ike_wr_notify(struct espnic_ike_wr *w, enum espnic_ike_notify_type type, const void *p, size_t len)
{
	size_t at = espnic_ike_wr_begin(w, ESPNIC_IKE_P_NOTIFY);

	espnic_ike_wr_be(w, 0, 2);	/* protocol, SPI size */
	espnic_ike_wr_be(w, type, 2);
	espnic_ike_wr_bytes(w, p, len);
	espnic_ike_wr_end(w, at);
}

void espnic_ike_wr_notify_esp(struct espnic_ike_wr *w, enum espnic_ike_notify_type type, uint32_t spi)
{
	size_t at = espnic_ike_wr_begin(w, ESPNIC_IKE_P_NOTIFY);

	espnic_ike_wr_be(w, ESPNIC_IKE_PROTO_ESP, 1);
	espnic_ike_wr_be(w, SPI_ESP, 1);
	espnic_ike_wr_be(w, type, 2);
	espnic_ike_wr_be(w, spi, SPI_ESP);
	espnic_ike_wr_end(w, at);
}

/* ------------------------------------------------------------------ header */

bool espnic_ike_hdr_read(struct espnic_ike_hdr *h, const uint8_t *p, size_t len)
{
	struct espnic_ike_rd r = espnic_ike_rd(p, len);

	h->spi_i = espnic_ike_rd_be(&r, 8);
	h->spi_r = espnic_ike_rd_be(&r, 8);
	h->next = (uint8_t)espnic_ike_rd_be(&r, 1);
	h->version = (uint8_t)espnic_ike_rd_be(&r, 1);
	h->exchange = (uint8_t)espnic_ike_rd_be(&r, 1);
	h->flags = (uint8_t)espnic_ike_rd_be(&r, 1);
	h->id = (uint32_t)espnic_ike_rd_be(&r, 4);
	h->len = (uint32_t)espnic_ike_rd_be(&r, 4);
	return !r.bad && h->len == len && h->spi_i != 0;
}

void espnic_ike_hdr_write(struct espnic_ike_wr *w, const struct espnic_ike_hdr *h)
{
	espnic_ike_wr_be(w, h->spi_i, 8);
	espnic_ike_wr_be(w, h->spi_r, 8);
	espnic_ike_wr_be(w, h->next, 1);
	espnic_ike_wr_be(w, ESPNIC_IKE_VERSION, 1);
	espnic_ike_wr_be(w, h->exchange, 1);
	espnic_ike_wr_be(w, h->flags, 1);
	espnic_ike_wr_be(w, h->id, 4);
	espnic_ike_wr_be(w, 0, 4);
}

void espnic_ike_hdr_done(struct espnic_ike_wr *w)
{
	espnic_ike_wr_patch(w, ESPNIC_IKE_NEXT_AT, w->first, 1);
	espnic_ike_wr_patch(w, ESPNIC_IKE_LENGTH_AT, w->len, 4);
}

/* ------------------------------------------------------------------ payloads */

static bool read_ke(struct espnic_ike_msg *m, struct espnic_ike_rd *r)
{
	m->ke_group = (uint16_t)espnic_ike_rd_be(r, 2);
	espnic_ike_rd_bytes(r, 2);
	m->ke = (struct espnic_ike_chunk){ r->p, r->left };
	return !r->bad && r->left;
}

static bool read_auth(struct espnic_ike_msg *m, struct espnic_ike_rd *r)
{
	m->auth_method = (uint8_t)espnic_ike_rd_be(r, 1);
	espnic_ike_rd_bytes(r, 3);
	m->auth = (struct espnic_ike_chunk){ r->p, r->left };
	return !r->bad && r->left;
}

static bool read_cert(struct espnic_ike_cert *v, unsigned int *n, struct espnic_ike_rd *r)
{
	struct espnic_ike_cert c;

	c.encoding = (uint8_t)espnic_ike_rd_be(r, 1);
	c.data = (struct espnic_ike_chunk){ r->p, r->left };
	if (r->bad)
		return false;
	if (*n < ESPNIC_IKE_CERTS)
		v[(*n)++] = c;
	return true;
}

static bool read_notify(struct espnic_ike_msg *m, struct espnic_ike_rd *r)
{
	struct espnic_ike_notify n = { 0 };
	const uint8_t *spi;

	n.proto = (uint8_t)espnic_ike_rd_be(r, 1);
	n.spi_len = (uint8_t)espnic_ike_rd_be(r, 1);
	n.type = (uint16_t)espnic_ike_rd_be(r, 2);
	spi = espnic_ike_rd_bytes(r, n.spi_len);
	if (r->bad)
		return false;
	if (n.spi_len == SPI_ESP) {
		struct espnic_ike_rd s = espnic_ike_rd(spi, n.spi_len);

		n.spi = (uint32_t)espnic_ike_rd_be(&s, SPI_ESP);
	}
	n.data = (struct espnic_ike_chunk){ r->p, r->left };
	if (m->n_notify < ESPNIC_IKE_NOTIFIES)
		m->notify[m->n_notify++] = n;
	return true;
}

static bool read_delete(struct espnic_ike_msg *m, struct espnic_ike_rd *r)
{
	struct espnic_ike_delete d;

	d.proto = (uint8_t)espnic_ike_rd_be(r, 1);
	d.spi_len = (uint8_t)espnic_ike_rd_be(r, 1);
	d.n = (uint16_t)espnic_ike_rd_be(r, 2);
	d.spis = espnic_ike_rd_bytes(r, (size_t)d.n * d.spi_len);
	if (r->bad || r->left)
		return false;
	/* IKE's own carries no SPI, ESP's and AH's are of four bytes (RFC 7296 3.11). */
	if (d.proto == ESPNIC_IKE_PROTO_IKE ? d.n || d.spi_len : d.n && d.spi_len != SPI_ESP)
		return false;
	if (m->n_del < ESPNIC_IKE_DELETES)
		m->del[m->n_del++] = d;
	return true;
}

static bool read_sk(struct espnic_ike_msg *m, uint8_t type, uint8_t next, struct espnic_ike_rd *r, const uint8_t *base)
{
	m->sk.fragment = type == ESPNIC_IKE_P_SKF;
	m->sk.next = next;
	if (m->sk.fragment) {
		m->sk.number = (uint16_t)espnic_ike_rd_be(r, 2);
		m->sk.total = (uint16_t)espnic_ike_rd_be(r, 2);
	}
	if (r->bad || !base)
		return false;
	m->sk.at = (size_t)(r->p - base);
	m->sk.len = r->left;
	return true;
}

static bool read_body(struct espnic_ike_msg *m, uint8_t type, struct espnic_ike_rd *r)
{
	struct espnic_ike_chunk body = { r->p, r->left };

	switch (type) {
	case ESPNIC_IKE_P_SA:
		m->sa = body;
		return true;
	case ESPNIC_IKE_P_KE:
		return read_ke(m, r);
	case ESPNIC_IKE_P_IDI:
		m->id_i = body;
		return true;
	case ESPNIC_IKE_P_IDR:
		m->id_r = body;
		return true;
	case ESPNIC_IKE_P_CERT:
		return read_cert(m->cert, &m->n_cert, r);
	case ESPNIC_IKE_P_CERTREQ:
		return read_cert(m->certreq, &m->n_certreq, r);
	case ESPNIC_IKE_P_AUTH:
		return read_auth(m, r);
	case ESPNIC_IKE_P_NONCE:
		m->nonce = body;
		return body.len >= 16 && body.len <= ESPNIC_IKE_NONCE_MAX;
	case ESPNIC_IKE_P_NOTIFY:
		return read_notify(m, r);
	case ESPNIC_IKE_P_DELETE:
		return read_delete(m, r);
	case ESPNIC_IKE_P_TSI:
		m->ts_i = body;
		return true;
	case ESPNIC_IKE_P_TSR:
		m->ts_r = body;
		return true;
	case ESPNIC_IKE_P_CP:
		m->cp = body;
		return true;
	default:
		return true;	/* vendor IDs and EAP are known, and not looked at */
	}
}

/* Those of which a message has several. */
static bool repeatable(uint8_t type)
{
	return type == ESPNIC_IKE_P_CERT || type == ESPNIC_IKE_P_CERTREQ || type == ESPNIC_IKE_P_NOTIFY ||
	       type == ESPNIC_IKE_P_DELETE || type == ESPNIC_IKE_P_VENDOR;
}

static bool known(uint8_t type)
{
	return (type >= ESPNIC_IKE_P_FIRST && type <= ESPNIC_IKE_P_EAP) || type == ESPNIC_IKE_P_SKF;
}

enum espnic_ike_parse espnic_ike_parse(struct espnic_ike_msg *m, uint8_t first, const uint8_t *p, size_t len,
				       const uint8_t *base)
{
	struct espnic_ike_rd r = espnic_ike_rd(p, len);
	uint8_t type = first;

	for (unsigned int n = 0; type != ESPNIC_IKE_P_NONE; n++) {
		uint8_t next = (uint8_t)espnic_ike_rd_be(&r, 1);
		uint8_t critical = (uint8_t)espnic_ike_rd_be(&r, 1);
		size_t size = espnic_ike_rd_be(&r, 2);
		struct espnic_ike_rd body;

		if (r.bad || size < ESPNIC_IKE_GENERIC || n == ESPNIC_IKE_PAYLOADS)
			return ESPNIC_IKE_PARSE_MALFORMED;
		body.left = size - ESPNIC_IKE_GENERIC;
		body.p = espnic_ike_rd_bytes(&r, body.left);
		body.bad = false;
		if (r.bad)
			return ESPNIC_IKE_PARSE_MALFORMED;
		if (known(type)) {
			uint64_t bit = 1ull << (type - ESPNIC_IKE_P_FIRST);

			if (m->present & bit && !repeatable(type))
				return ESPNIC_IKE_PARSE_MALFORMED;
			m->present |= bit;
			/* Encrypted payloads are the last: "next" is then of the first one inside. */
			if (type == ESPNIC_IKE_P_SK || type == ESPNIC_IKE_P_SKF)
				return read_sk(m, type, next, &body, base) && !r.left ? ESPNIC_IKE_PARSE_OK :
											ESPNIC_IKE_PARSE_MALFORMED;
			if (!read_body(m, type, &body))
				return ESPNIC_IKE_PARSE_MALFORMED;
		} else if (critical & ESPNIC_IKE_CRITICAL) {
			m->unknown = type;
			return ESPNIC_IKE_PARSE_CRITICAL;
		}
		type = next;
	}
	return r.left ? ESPNIC_IKE_PARSE_MALFORMED : ESPNIC_IKE_PARSE_OK;
}

const struct espnic_ike_notify *espnic_ike_notify(const struct espnic_ike_msg *m, enum espnic_ike_notify_type type)
{
	for (unsigned int i = 0; i < m->n_notify; i++)
		if (m->notify[i].type == type)
			return &m->notify[i];
	return NULL;
}

const struct espnic_ike_notify *espnic_ike_notify_error(const struct espnic_ike_msg *m)
{
	for (unsigned int i = 0; i < m->n_notify; i++)
		if (m->notify[i].type < ESPNIC_IKE_N_ERRORS_END)
			return &m->notify[i];
	return NULL;
}

const char *espnic_ike_notify_name(unsigned int type)
{
#define NAME(n) { ESPNIC_IKE_N_##n, #n }
	static const struct {
		uint16_t type;
		const char *name;
	} names[] = {
		NAME(UNSUPPORTED_CRITICAL_PAYLOAD), NAME(INVALID_IKE_SPI), NAME(INVALID_MAJOR_VERSION), NAME(INVALID_SYNTAX),
		NAME(INVALID_MESSAGE_ID), NAME(INVALID_SPI), NAME(NO_PROPOSAL_CHOSEN), NAME(INVALID_KE_PAYLOAD),
		NAME(AUTHENTICATION_FAILED), NAME(SINGLE_PAIR_REQUIRED), NAME(NO_ADDITIONAL_SAS), NAME(INTERNAL_ADDRESS_FAILURE),
		NAME(FAILED_CP_REQUIRED), NAME(TS_UNACCEPTABLE), NAME(INVALID_SELECTORS), NAME(TEMPORARY_FAILURE),
		NAME(CHILD_SA_NOT_FOUND), NAME(STATE_NOT_FOUND), NAME(UNACCEPTABLE_ADDRESSES),
	};
#undef NAME

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == type)
			return names[i].name;
	return "an error of unknown number";
}

bool espnic_ike_id_read(struct espnic_ike_id *id, struct espnic_ike_chunk body)
{
	struct espnic_ike_rd r = espnic_ike_rd(body.p, body.len);

	memset(id, 0, sizeof(*id));
	id->type = (uint8_t)espnic_ike_rd_be(&r, 1);
	espnic_ike_rd_bytes(&r, 3);
	if (r.bad || !r.left || r.left > sizeof(id->data) || id->type == ESPNIC_IKE_ID_ANY)
		return false;
	if ((id->type == ESPNIC_IKE_ID_IPV4 && r.left != 4) || (id->type == ESPNIC_IKE_ID_IPV6 && r.left != 16))
		return false;
	id->len = (uint16_t)r.left;
	memcpy(id->data, r.p, r.left);
	return true;
}

void espnic_ike_id_write(struct espnic_ike_wr *w, enum espnic_ike_payload type, const struct espnic_ike_id *id)
{
	size_t at = espnic_ike_wr_begin(w, type);

	espnic_ike_wr_be(w, id->type, 1);
	espnic_ike_wr_be(w, 0, 3);
	espnic_ike_wr_bytes(w, id->data, id->len);
	espnic_ike_wr_end(w, at);
}
