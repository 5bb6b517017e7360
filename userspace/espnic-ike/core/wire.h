/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IKEv2 messages as bytes: numbers of RFC 7296 section 3, a reader and a writer that can't run over their
 * ends, and the parser that makes fixed structs of a chain of payloads. Nothing here allocates.
 */
#ifndef ESPNIC_IKE_WIRE_H
#define ESPNIC_IKE_WIRE_H

#include "ike.h"

enum espnic_ike_exchange {
	ESPNIC_IKE_SA_INIT = 34,
	ESPNIC_IKE_AUTH = 35,
	ESPNIC_IKE_CREATE_CHILD_SA = 36,
	ESPNIC_IKE_INFORMATIONAL = 37,
	ESPNIC_IKE_INTERMEDIATE = 43,	/* RFC 9242 */
	ESPNIC_IKE_FOLLOWUP_KE = 44,	/* RFC 9370 */
};

enum espnic_ike_payload {
	ESPNIC_IKE_P_NONE = 0,
	ESPNIC_IKE_P_FIRST = 33,	/* the lowest number of IKEv2 */
	ESPNIC_IKE_P_SA = 33, ESPNIC_IKE_P_KE, ESPNIC_IKE_P_IDI, ESPNIC_IKE_P_IDR, ESPNIC_IKE_P_CERT,
	ESPNIC_IKE_P_CERTREQ, ESPNIC_IKE_P_AUTH, ESPNIC_IKE_P_NONCE, ESPNIC_IKE_P_NOTIFY, ESPNIC_IKE_P_DELETE,
	ESPNIC_IKE_P_VENDOR, ESPNIC_IKE_P_TSI, ESPNIC_IKE_P_TSR, ESPNIC_IKE_P_SK, ESPNIC_IKE_P_CP,
	ESPNIC_IKE_P_EAP,
	ESPNIC_IKE_P_SKF = 53,
	ESPNIC_IKE_P_LAST = 53,
};

enum espnic_ike_notify_type {
	ESPNIC_IKE_N_UNSUPPORTED_CRITICAL_PAYLOAD = 1,
	ESPNIC_IKE_N_INVALID_IKE_SPI = 4,
	ESPNIC_IKE_N_INVALID_MAJOR_VERSION = 5,
	ESPNIC_IKE_N_INVALID_SYNTAX = 7,
	ESPNIC_IKE_N_INVALID_MESSAGE_ID = 9,
	ESPNIC_IKE_N_INVALID_SPI = 11,
	ESPNIC_IKE_N_NO_PROPOSAL_CHOSEN = 14,
	ESPNIC_IKE_N_INVALID_KE_PAYLOAD = 17,
	ESPNIC_IKE_N_AUTHENTICATION_FAILED = 24,
	ESPNIC_IKE_N_SINGLE_PAIR_REQUIRED = 34,
	ESPNIC_IKE_N_NO_ADDITIONAL_SAS = 35,
	ESPNIC_IKE_N_INTERNAL_ADDRESS_FAILURE = 36,
	ESPNIC_IKE_N_FAILED_CP_REQUIRED = 37,
	ESPNIC_IKE_N_TS_UNACCEPTABLE = 38,
	ESPNIC_IKE_N_INVALID_SELECTORS = 39,
	ESPNIC_IKE_N_TEMPORARY_FAILURE = 43,
	ESPNIC_IKE_N_CHILD_SA_NOT_FOUND = 44,
	ESPNIC_IKE_N_UNACCEPTABLE_ADDRESSES = 40,
	ESPNIC_IKE_N_STATE_NOT_FOUND = 47,
	ESPNIC_IKE_N_ERRORS_END = 16384,	/* those below are errors */
	ESPNIC_IKE_N_INITIAL_CONTACT = 16384,
	ESPNIC_IKE_N_SET_WINDOW_SIZE = 16385,
	ESPNIC_IKE_N_NAT_DETECTION_SOURCE_IP = 16388,
	ESPNIC_IKE_N_NAT_DETECTION_DESTINATION_IP = 16389,
	ESPNIC_IKE_N_COOKIE = 16390,
	ESPNIC_IKE_N_USE_TRANSPORT_MODE = 16391,
	ESPNIC_IKE_N_REKEY_SA = 16393,
	ESPNIC_IKE_N_ESP_TFC_PADDING_NOT_SUPPORTED = 16394,
	ESPNIC_IKE_N_MOBIKE_SUPPORTED = 16396,	/* RFC 4555 */
	ESPNIC_IKE_N_UPDATE_SA_ADDRESSES = 16400,
	ESPNIC_IKE_N_COOKIE2 = 16401,
	ESPNIC_IKE_N_CHILDLESS_IKEV2_SUPPORTED = 16418,	/* RFC 6023 */
	ESPNIC_IKE_N_FRAGMENTATION_SUPPORTED = 16430,
	ESPNIC_IKE_N_SIGNATURE_HASH_ALGORITHMS = 16431,
	ESPNIC_IKE_N_USE_PPK = 16435,	/* RFC 8784 */
	ESPNIC_IKE_N_PPK_IDENTITY = 16436,
	ESPNIC_IKE_N_NO_PPK_AUTH = 16437,
	ESPNIC_IKE_N_INTERMEDIATE_EXCHANGE_SUPPORTED = 16438,
	ESPNIC_IKE_N_ADDITIONAL_KEY_EXCHANGE = 16441,
};

enum espnic_ike_wire_sizes {
	ESPNIC_IKE_HEADER = 28,
	ESPNIC_IKE_GENERIC = 4,		/* generic payload header */
	ESPNIC_IKE_PAYLOADS = 64,	/* of one message: more are refused */
	ESPNIC_IKE_NOTIFIES = 24,	/* of one message: those that come after are not looked at */
	ESPNIC_IKE_DELETES = 8,
	ESPNIC_IKE_COOKIE_MAX = 64,	/* bytes: RFC 7296 2.6 */
	ESPNIC_IKE_KE_MAX = 1600,	/* bytes: ML-KEM-1024 sends 1,568 */
	ESPNIC_IKE_VERSION = 0x20,	/* major 2, minor 0 */
	ESPNIC_IKE_NEXT_AT = 16, ESPNIC_IKE_VERSION_AT = 17, ESPNIC_IKE_LENGTH_AT = 24,	/* in the header */
	ESPNIC_IKE_F_INITIATOR = 0x08,
	ESPNIC_IKE_F_RESPONSE = 0x20,
	ESPNIC_IKE_CRITICAL = 0x80,
};

/* Bytes of somebody else. */
struct espnic_ike_chunk {
	const uint8_t *p;
	size_t len;
};

/* ------------------------------------------------------------------ reader, writer */

/* Reads to the end and no further: what is missing reads as zero and sets @bad, which stays. */
struct espnic_ike_rd {
	const uint8_t *p;
	size_t left;
	bool bad;
};

static inline struct espnic_ike_rd espnic_ike_rd(const uint8_t *p, size_t len)
{
	return (struct espnic_ike_rd){ .p = p, .left = len };
}

/* @len bytes; NULL (never for @len 0 of a good reader) if there are not so many. */
const uint8_t *espnic_ike_rd_bytes(struct espnic_ike_rd *r, size_t len);
/* @bytes, at most 8, of a number in network order. */
uint64_t espnic_ike_rd_be(struct espnic_ike_rd *r, unsigned int bytes);

/* Writes to the end and no further: what does not fit sets @full, which stays. */
struct espnic_ike_wr {
	uint8_t *p;
	size_t len, room;
	bool full;
	uint8_t first;			/* type of the first payload begun; 0: none was */
	size_t last;			/* where the last one begun begins */
};

static inline struct espnic_ike_wr espnic_ike_wr(uint8_t *p, size_t room)
{
	return (struct espnic_ike_wr){ .p = p, .room = room };
}

void espnic_ike_wr_bytes(struct espnic_ike_wr *w, const void *p, size_t len);
void espnic_ike_wr_be(struct espnic_ike_wr *w, uint64_t v, unsigned int bytes);
/* Overwrites @bytes at @at, which were written before. */
void espnic_ike_wr_patch(struct espnic_ike_wr *w, size_t at, uint64_t v, unsigned int bytes);
/* Begins a payload, chained to the one before; the result goes to espnic_ike_wr_end(). */
size_t espnic_ike_wr_begin(struct espnic_ike_wr *w, enum espnic_ike_payload type);
void espnic_ike_wr_end(struct espnic_ike_wr *w, size_t at);
/* A whole payload of bytes. */
void espnic_ike_wr_payload(struct espnic_ike_wr *w, enum espnic_ike_payload type, const void *p, size_t len);
/* A notify about the IKE SA or about nothing. */
void espnic_ike_wr_notify(struct espnic_ike_wr *w, enum espnic_ike_notify_type type, const void *p, size_t len);
/* A notify about an ESP SA. */
void espnic_ike_wr_notify_esp(struct espnic_ike_wr *w, enum espnic_ike_notify_type type, uint32_t spi);

/* ------------------------------------------------------------------ header */

struct espnic_ike_hdr {
	uint64_t spi_i, spi_r;
	uint8_t next, version, exchange, flags;
	uint32_t id, len;
};

/* False: not a header, or its length is not @len. Major version is not looked at. */
bool espnic_ike_hdr_read(struct espnic_ike_hdr *h, const uint8_t *p, size_t len);
/* Writes the header with length 0; espnic_ike_hdr_done() puts length and first payload in. */
void espnic_ike_hdr_write(struct espnic_ike_wr *w, const struct espnic_ike_hdr *h);
void espnic_ike_hdr_done(struct espnic_ike_wr *w);

/* ------------------------------------------------------------------ payloads */

struct espnic_ike_notify {
	uint16_t type;
	uint8_t proto, spi_len;
	uint32_t spi;			/* if spi_len is 4 */
	struct espnic_ike_chunk data;
};

struct espnic_ike_delete {
	uint8_t proto, spi_len;
	uint16_t n;
	const uint8_t *spis;		/* n * spi_len bytes */
};

struct espnic_ike_cert {
	uint8_t encoding;
	struct espnic_ike_chunk data;
};

struct espnic_ike_sk {			/* SK or SKF: RFC 7296 3.14, RFC 7383 2.5 */
	bool fragment;
	uint8_t next;			/* first payload inside */
	uint16_t number, total;		/* SKF only */
	size_t at;			/* of the IV within the message */
	size_t len;			/* IV, ciphertext, ICV */
};

/* What a message, or the inside of its SK, holds; all points into the message. */
struct espnic_ike_msg {
	struct espnic_ike_hdr hdr;
	uint64_t present;		/* bit (type - ESPNIC_IKE_P_FIRST) */
	struct espnic_ike_chunk sa, nonce, id_i, id_r, ts_i, ts_r, cp;	/* bodies */
	uint16_t ke_group;
	struct espnic_ike_chunk ke;
	uint8_t auth_method;
	struct espnic_ike_chunk auth;
	struct espnic_ike_cert cert[ESPNIC_IKE_CERTS], certreq[ESPNIC_IKE_CERTS];
	unsigned int n_cert, n_certreq;
	struct espnic_ike_notify notify[ESPNIC_IKE_NOTIFIES];
	unsigned int n_notify;
	struct espnic_ike_delete del[ESPNIC_IKE_DELETES];
	unsigned int n_del;
	struct espnic_ike_sk sk;
	uint8_t unknown;		/* type of the unknown critical payload */
};

enum espnic_ike_parse {
	ESPNIC_IKE_PARSE_OK,
	ESPNIC_IKE_PARSE_MALFORMED,
	ESPNIC_IKE_PARSE_CRITICAL,	/* msg->unknown */
};

/*
 * Parses the chain of payloads that begins with @first in @len bytes at @p, into @m whose header stands. @base: where the
 * message begins, if this is its outside; NULL inside of SK, where no SK may be. An SK or SKF ends the chain.
 */
enum espnic_ike_parse espnic_ike_parse(struct espnic_ike_msg *m, uint8_t first, const uint8_t *p, size_t len,
				       const uint8_t *base);

static inline bool espnic_ike_has(const struct espnic_ike_msg *m, enum espnic_ike_payload type)
{
	return m->present >> (type - ESPNIC_IKE_P_FIRST) & 1;
}

/* The first notify of @type; NULL. */
const struct espnic_ike_notify *espnic_ike_notify(const struct espnic_ike_msg *m, enum espnic_ike_notify_type type);
/* The first notify that is an error; NULL. */
const struct espnic_ike_notify *espnic_ike_notify_error(const struct espnic_ike_msg *m);
/* RFC's name of an error notify, for events; never NULL. */
const char *espnic_ike_notify_name(unsigned int type);

/* An identity out of the body of IDi or IDr. False: too long or empty. */
bool espnic_ike_id_read(struct espnic_ike_id *id, struct espnic_ike_chunk body);
void espnic_ike_id_write(struct espnic_ike_wr *w, enum espnic_ike_payload type, const struct espnic_ike_id *id);

#endif
