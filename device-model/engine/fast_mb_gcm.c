// SPDX-License-Identifier: BSD-2-Clause
/*
 * The short way of body fast, for what nearly all packets are: ESP with AES-GCM (RFC 4106), no selector, no
 * UDP, no TFC padding, headers without anything odd. The long way (out.c, in.c) is what it must agree
 * with in every byte, verdict and counter, and does itself whatever is not looked at here: a packet that is not plain
 * goes there alone, in its turn.
 *
 * A burst is done by parts small enough that all of one stays in the first-level cache: what its packets are, then
 * the library's direct calls, then what came of them. One lock serves packets of an SA in a row.
 */
#include "engine/fast_mb.h"

#include <string.h>

#include "engine/pipeline.h"
#include "engine/tunnel.h"
#include "engine/wipe.h"

enum {
	PART = 16,			/* packets */
	GCM_IV = 8,			/* bytes: the explicit IV, RFC 4106 section 3.1 */
	HEAD = ESPNIC_ESP_HLEN + GCM_IV, /* bytes in front of the ciphertext */
	NONCE = ESPNIC_SALT_MAX + GCM_IV,
	IPV4_FRAGMENT = ESPNIC_IPV4_MF | ESPNIC_IPV4_OFFSET,
	TRAILER_ROOM = 8,		/* bytes that are written and read of a trailer at once */
	SMALL = 256,			/* bytes of text the library has a path of its own for */
	KEY_HEAD = 16 * 11,		/* bytes of round keys: AES-128 */
	FETCH_KEYS = 3,			/* packets ahead */
};

/* The cryptography of one packet to send. */
struct gcm_part {
	const struct espnic_fast_gcm *key;
	uint8_t *text;			/* the ICV stands behind it */
	const uint8_t *aad;
	uint32_t len;
	uint8_t way, icv_len, aad_len;
	uint8_t nonce[NONCE];
	uint8_t esn_aad[ESPNIC_JOB_AAD];
};

static const struct espnic_fast_gcm *key_of(const struct espnic_sa *sa)
{
	const struct espnic_fast_key *key = (const void *)sa->key;

	return (const void *)key->parts;
}

/* Nonce and AAD: RFC 4106 sections 4 and 5. */
static inline void fill_part(struct gcm_part *part, const struct espnic_sa *sa, uint8_t *esp, uint64_t iv,
			     uint32_t len, uint64_t seq)
{
	part->key = key_of(sa);
	part->text = esp + HEAD;
	part->len = len;
	part->way = sa->way;
	part->icv_len = sa->info.icv_len;
	memcpy(part->nonce, sa->salt, ESPNIC_SALT_MAX);
	espnic_put64(part->nonce + ESPNIC_SALT_MAX, iv);
	/* SPI and number as they stand in the packet; with ESN all of the number. */
	part->aad = esp;
	part->aad_len = ESPNIC_ESP_HLEN;
	if (sa->info.esn) {
		part->aad = part->esn_aad;
		part->aad_len = ESPNIC_ESP_HLEN + ESPNIC_ESN_HIGH;
		espnic_put32(part->esn_aad, sa->info.spi);
		espnic_put64(part->esn_aad + ESPNIC_ESP_SEQ, seq);
	}
}

static inline void fetch_lines(const uint8_t *key, size_t from, size_t end)
{
	for (size_t at = from & -(size_t)ESPNIC_CACHE_LINE; at < end; at += ESPNIC_CACHE_LINE)
		__builtin_prefetch(key + at);
}

/*
 * Asks memory for what the library reads of @key for @len bytes of text: round keys, and powers
 * of H. For a small text these are a few at the end of each of two tables (what is said here of VAES; elsewhere
 * it is only less of a help).
 */
static inline void fetch_key(const struct espnic_fast_gcm *gcm, uint32_t len)
{
	const size_t tables = offsetof(struct gcm_key_data, ghash_keys);
	const size_t end = tables + sizeof(gcm->data.ghash_keys.vaes_avx512.shifted_hkey);
	const size_t middle = (tables + end) / 2;
	const uint8_t *key = (const void *)gcm;
	uint32_t powers = len + 2 * IMB_AES_BLOCK_SIZE;	/* bytes: one a block, and of the lengths */

	if (len > SMALL) {
		fetch_lines(key, 0, end);
		return;
	}
	fetch_lines(key, 0, KEY_HEAD);
	fetch_lines(key, middle - powers, middle);
	fetch_lines(key, end - powers, end);
}

/* The packets of a burst that come after the part that is under way. */
struct ahead {
	const struct espnic_pkt *pkts;
	unsigned int n;
};

/*
 * Whether the SAs of @n packets all have the short way. Where one has not, the long way serves them and all behind them
 * together: it fills lanes, and packets of one SA stay in their order.
 */
static inline bool all_short(const struct espnic_pkt *pkts, unsigned int n)
{
	bool lacks = false;

	for (unsigned int i = 0; i < n; i++)
		lacks |= !pkts[i].sa->way;
	return !lacks;
}

/* ---------------------------------------------------------------- trailers */

/*
 * Padding, pad length and next header (RFC 4303 section 2.4) are the last bytes of the text: of GCM at most
 * three pad bytes. They are taken as the end of an eight-byte word in the machine's own order, whose
 * bytes before are masked out.
 */
struct trailer {
	uint64_t mask, want;		/* next header apart */
};

#define PAD_BYTES(n, bytes) { .mask = UINT64_MAX << 8 * (6 - (n)) & ~((uint64_t)0xff << 56), \
			      .want = (uint64_t)(bytes) << 8 * (6 - (n)) | (uint64_t)(n) << 48 }

static const struct trailer trailers[ESPNIC_ESP_ALIGN] = {
	PAD_BYTES(0, 0), PAD_BYTES(1, 0x01), PAD_BYTES(2, 0x0201), PAD_BYTES(3, 0x030201),
};

/* The trailer of @pad_len bytes of padding, at @end; writes eight bytes: the ICV comes behind it. */
static inline void write_trailer(uint8_t *end, uint32_t pad_len, uint32_t next)
{
	uint64_t v = trailers[pad_len].want | (uint64_t)next << 56;

	v >>= 8 * (6 - pad_len);
	memcpy(end, &v, sizeof(v));
}

/* ---------------------------------------------------------------- outbound */

/* What is known of a clear packet. */
struct clear {
	uint32_t len;			/* by its own header */
	uint32_t keep;			/* bytes of its header that stay in front of ESP: transport mode */
	uint32_t tos, next;
	bool v4, df;			/* v4: of the outer header */
};

/* The inner packet of a tunnel: RFC 4301 section 5.1.2 looks at no more of it. False: it is not plain, or not whole. */
static inline bool read_inner(const uint8_t *p, uint32_t len, struct clear *c)
{
	c->keep = 0;
	if (len >= ESPNIC_IPV4_HLEN && p[0] == ESPNIC_IPV4_VERSION_IHL) {
		uint32_t first = espnic_get32(p);

		c->len = first & UINT16_MAX;
		c->tos = first >> 16 & UINT8_MAX;
		c->next = ESPNIC_IPPROTO_IPIP;
		c->df = p[ESPNIC_IPV4_FRAG] & ESPNIC_IPV4_DF >> 8;
		return c->len >= ESPNIC_IPV4_HLEN && c->len <= len;
	}
	if (len >= ESPNIC_IPV6_HLEN && p[0] >> 4 == ESPNIC_IPV6) {
		c->len = ESPNIC_IPV6_HLEN + espnic_get16(p + ESPNIC_IPV6_LEN);
		c->tos = espnic_get16(p) >> 4 & UINT8_MAX;
		c->next = ESPNIC_IPPROTO_IPV6;
		c->df = true;
		return c->len <= len;
	}
	return false;
}

static inline bool is_extension(uint8_t proto)
{
	return proto == ESPNIC_IPPROTO_HOPOPTS || proto == ESPNIC_IPPROTO_ROUTING ||
	       proto == ESPNIC_IPPROTO_FRAGMENT || proto == ESPNIC_IPPROTO_DSTOPTS;
}

/* A packet for transport mode: what is right behind its header is encrypted (RFC 4303 section 3.1.1). False likewise. */
static inline bool read_own(const uint8_t *p, uint32_t len, struct clear *c)
{
	c->tos = 0;
	c->df = false;
	if (len >= ESPNIC_IPV4_HLEN && p[0] == ESPNIC_IPV4_VERSION_IHL) {
		c->v4 = true;
		c->keep = ESPNIC_IPV4_HLEN;
		c->len = espnic_get16(p + ESPNIC_IPV4_LEN);
		c->next = p[ESPNIC_IPV4_PROTO];
		return c->len >= ESPNIC_IPV4_HLEN && c->len <= len &&
		       !(espnic_get16(p + ESPNIC_IPV4_FRAG) & IPV4_FRAGMENT);
	}
	if (len >= ESPNIC_IPV6_HLEN && p[0] >> 4 == ESPNIC_IPV6) {
		c->v4 = false;
		c->keep = ESPNIC_IPV6_HLEN;
		c->len = ESPNIC_IPV6_HLEN + espnic_get16(p + ESPNIC_IPV6_LEN);
		c->next = p[ESPNIC_IPV6_NEXT];
		return c->len <= len && !is_extension(p[ESPNIC_IPV6_NEXT]);
	}
	return false;
}

static inline bool read_clear(const struct espnic_sa *sa, const uint8_t *p, uint32_t len, struct clear *c)
{
	if (sa->info.mode == ESPNIC_MODE_TRANSPORT)
		return read_own(p, len, c);
	c->v4 = sa->info.outer_family == ESPNIC_IPV4;
	return read_inner(p, len, c);
}

/* Sizes as plan_esp() in out.c has them. */
struct layout {
	uint32_t front, pad_len, total;
};

static inline bool plan(const struct espnic_sa *sa, const struct espnic_pkt *pkt, const struct clear *c,
			struct layout *l)
{
	uint32_t limit = c->v4 ? ESPNIC_IP_LEN_MAX : ESPNIC_IP_LEN_MAX + ESPNIC_IPV6_HLEN;
	uint32_t back;

	l->front = HEAD;
	if (!c->keep)
		l->front += c->v4 ? ESPNIC_IPV4_HLEN : ESPNIC_IPV6_HLEN;
	l->pad_len = -(c->len - c->keep + ESPNIC_ESP_TRAILER) & (ESPNIC_ESP_ALIGN - 1u);
	back = l->pad_len + ESPNIC_ESP_TRAILER + sa->info.icv_len;
	l->total = l->front + c->len + back;
	return l->total <= limit && (!sa->mtu || l->total <= sa->mtu) && l->front <= pkt->headroom &&
	       back <= (uint64_t)pkt->len - c->len + pkt->tailroom;
}

/* Transport mode: the packet's own header, moved to the front, with protocol and length new. */
static inline void move_header(uint8_t *ip, const uint8_t *from, bool v4, uint32_t total)
{
	if (v4) {
		memmove(ip, from, ESPNIC_IPV4_HLEN);
		ip[ESPNIC_IPV4_PROTO] = ESPNIC_IPPROTO_ESP;
		espnic_put16(ip + ESPNIC_IPV4_LEN, (uint16_t)total);
		espnic_ipv4_csum(ip);
	} else {
		memmove(ip, from, ESPNIC_IPV6_HLEN);
		ip[ESPNIC_IPV6_NEXT] = ESPNIC_IPPROTO_ESP;
		espnic_put16(ip + ESPNIC_IPV6_LEN, (uint16_t)(total - ESPNIC_IPV6_HLEN));
	}
}

/* With the lock of its SA held, which gives the outer header its identification: the packet but for what @part makes of it. */
static inline void build(struct espnic_pkt *pkt, const struct clear *c, const struct layout *l,
			 struct gcm_part *part)
{
	struct espnic_sa *sa = pkt->sa;
	uint8_t *ip = pkt->data - l->front;
	uint8_t *esp = pkt->data + c->keep - HEAD;
	struct espnic_outer outer;

	write_trailer(pkt->data + c->len, l->pad_len, c->next);
	if (c->keep) {
		move_header(ip, pkt->data, c->v4, l->total);
	} else {
		outer.total = l->total;
		outer.proto = ESPNIC_IPPROTO_ESP;
		outer.tos = (uint8_t)c->tos;
		outer.df = espnic_tunnel_df(sa, c->df);
		outer.id = c->v4 && !outer.df ? sa->ip_id++ : 0;
		espnic_tunnel_header(sa, &outer, ip);
	}
	espnic_put64(esp, (uint64_t)sa->info.spi << 32 | (uint32_t)pkt->seq);
	espnic_put64(esp + ESPNIC_ESP_HLEN, pkt->seq);
	fill_part(part, sa, esp, pkt->seq, c->len - c->keep + l->pad_len + ESPNIC_ESP_TRAILER, pkt->seq);
	pkt->tailroom = pkt->tailroom + pkt->len - (l->total - l->front);
	pkt->headroom -= l->front;
	pkt->data = ip;
	pkt->len = l->total;
	pkt->verdict = ESPNIC_OK;
}

/*
 * All of RFC 4303 section 3.3 but the encryption. False: the packet is not plain, nothing was done. True: *@n
 * parts, or the packet was refused.
 */
static inline bool seal_begin(struct espnic_pkt *pkt, struct espnic_sa **held, struct gcm_part *parts,
			      unsigned int *n)
{
	struct espnic_sa *sa = pkt->sa;
	enum espnic_verdict verdict;
	struct layout l;
	struct clear c;

	if (sa->info.dir != ESPNIC_DIR_OUT || pkt->iv || !read_clear(sa, pkt->data, pkt->len, &c) ||
	    !plan(sa, pkt, &c, &l))
		return false;
	pkt->flags &= ESPNIC_PKT_SEQ;
	espnic_sa_hold(held, sa);
	verdict = espnic_sa_number(sa, pkt, c.len);
	if (verdict != ESPNIC_OK) {
		espnic_sa_refuse_held(sa, pkt, verdict);
		return true;
	}
	build(pkt, &c, &l, &parts[*n]);
	if (*n < FETCH_KEYS && (*n == 0 || parts[*n].key != parts[*n - 1].key))
		fetch_key(parts[*n].key, parts[*n].len);
	++*n;
	return true;
}

static void seal(struct espnic_fast_thread *t, const struct gcm_part *parts, unsigned int n, const struct ahead *a)
{
	for (unsigned int i = 0; i < n; i++) {
		const struct gcm_part *p = &parts[i];

		if (i < a->n)
			espnic_fetch_out(&a->pkts[i]);
		if (i + FETCH_KEYS < n && p[FETCH_KEYS].key != p[FETCH_KEYS - 1].key)
			fetch_key(p[FETCH_KEYS].key, p[FETCH_KEYS].len);
		t->gcm_enc[p->way](&p->key->data, &t->gcm, p->text, p->text, p->len, p->nonce, p->aad, p->aad_len,
				   p->text + p->len, p->icv_len);
	}
}

/* How many packets were protected, from the first on: all up to a part that has to go the long way. */
static unsigned int protect(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n)
{
	struct gcm_part parts[PART];
	unsigned int end;

	/* The first part of a burst: there is nothing to do meanwhile. */
	for (unsigned int i = 1; i < n && i < PART; i++)
		espnic_fetch_out(&pkts[i]);
	for (unsigned int first = 0; first < n; first = end) {
		unsigned int some = n - first < PART ? n - first : PART, m = 0;
		const struct ahead next = { .pkts = pkts + first + some, .n = n - first - some };
		struct espnic_sa *held = NULL;

		if (!all_short(pkts + first, some))
			return first;
		end = first + some;
		for (unsigned int i = first; i < end; i++) {
			if (seal_begin(&pkts[i], &held, parts, &m))
				continue;
			espnic_sa_hold(&held, NULL);
			espnic_protect(t, &pkts[i], 1);
		}
		espnic_sa_hold(&held, NULL);
		seal(t->body, parts, m, &next);
	}
	return n;
}

typedef unsigned int short_fn(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n);
typedef void long_fn(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n);

static inline void by_way(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n,
			  short_fn *short_way, long_fn *long_way)
{
	while (n) {
		unsigned int some = n < ESPNIC_BURST_MAX ? n : ESPNIC_BURST_MAX;
		unsigned int done = short_way(t, pkts, some);

		if (done < some)
			long_way(t, pkts + done, some - done);
		pkts += some;
		n -= some;
	}
}

void espnic_fast_protect(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n)
{
	by_way(t, pkts, n, protect, espnic_protect);
}

/* ---------------------------------------------------------------- inbound */

enum opened_as {
	NOT_PLAIN,			/* the long way does it */
	REFUSED,			/* its number, as the SA stood: not decrypted */
	BAD,				/* the ICV is not that of the number tried, and the text as it came */
	GOOD,
};

/* A packet between its first look at the SA and its last. */
struct opened {
	uint8_t *text;			/* the ICV stands behind it */
	uint64_t seq;			/* the number the ICV is judged for */
	uint32_t len;			/* of the text */
	uint32_t low;			/* sequence number as in the packet */
	uint8_t tos;			/* of the outer header */
	uint8_t as;			/* enum opened_as */
};

/* Of the eight bytes of an IPv4 header from the identification on: more fragments and offset, protocol. */
static const uint64_t plain_mask = (uint64_t)IPV4_FRAGMENT << 32 | UINT8_MAX << 16;
static const uint64_t plain_esp = ESPNIC_IPPROTO_ESP << 16;

/* Finds ESP: RFC 4303 sections 3.4.1 and 3.4.2. False: not right behind a plain header, whole and of this SA. */
static inline bool find(const struct espnic_sa *sa, const struct espnic_pkt *pkt, struct opened *o)
{
	uint32_t around = HEAD + sa->info.icv_len;
	uint32_t head, total, rest;
	uint8_t *p = pkt->data;
	uint64_t spi_seq;

	if (pkt->len >= ESPNIC_IPV4_HLEN && p[0] == ESPNIC_IPV4_VERSION_IHL) {
		uint32_t first = espnic_get32(p);

		head = ESPNIC_IPV4_HLEN;
		total = first & UINT16_MAX;
		o->tos = (uint8_t)(first >> 16);
		if ((espnic_get64(p + ESPNIC_IPV4_ID) & plain_mask) != plain_esp)
			return false;
	} else if (pkt->len >= ESPNIC_IPV6_HLEN && p[0] >> 4 == ESPNIC_IPV6) {
		head = ESPNIC_IPV6_HLEN;
		total = ESPNIC_IPV6_HLEN + espnic_get16(p + ESPNIC_IPV6_LEN);
		o->tos = (uint8_t)(espnic_get16(p) >> 4);
		if (p[ESPNIC_IPV6_NEXT] != ESPNIC_IPPROTO_ESP)
			return false;
	} else {
		return false;
	}
	rest = total - head - around;
	if (total > pkt->len || (int32_t)rest < ESPNIC_ESP_TRAILER)
		return false;
	spi_seq = espnic_get64(p + head);
	o->low = (uint32_t)spi_seq;
	o->len = rest;
	o->text = p + head + HEAD;
	return spi_seq >> 32 == sa->info.spi;
}

/* Sixteen bytes that are written at once: the library reads them at once, and a CPU passes on only what one store covers. */
typedef uint64_t pair __attribute__((vector_size(16)));

static inline pair nonce_of(const struct espnic_sa *sa, const uint8_t *esp)
{
	uint32_t salt;
	uint64_t iv;

	memcpy(&salt, sa->salt, sizeof(salt));
	memcpy(&iv, esp + ESPNIC_ESP_HLEN, sizeof(iv));
	return (pair){ salt | iv << 32, iv >> 32 };
}

/* SPI and all of the number: RFC 4106 section 5. */
static inline pair esn_aad_of(const struct espnic_sa *sa, uint64_t seq)
{
	return (pair){ ESPNIC_BE(32, sa->info.spi) | (uint64_t)ESPNIC_BE(32, (uint32_t)(seq >> 32)) << 32,
		       ESPNIC_BE(32, (uint32_t)seq) };
}

/* The usual length is one that the compiler knows. */
static inline bool icv_equal(const uint8_t *a, const uint8_t *b, uint32_t len)
{
	return len == IMB_AES_BLOCK_SIZE ? espnic_equal_ct(a, b, IMB_AES_BLOCK_SIZE) :
					   espnic_equal_ct(a, b, len);
}

/* Decrypts; what turns out wrong is encrypted back, with the same key stream: it is as it came. */
static inline bool open_text(struct espnic_fast_thread *t, const struct espnic_sa *sa, const struct opened *o)
{
	const struct gcm_key_data *key = &key_of(sa)->data;
	const uint8_t *esp = o->text - HEAD, *aad = esp;
	uint8_t icv_len = sa->info.icv_len;
	uint64_t aad_len = ESPNIC_ESP_HLEN;
	uint8_t right[IMB_AES_BLOCK_SIZE] = { 0 };
	pair nonce = nonce_of(sa, esp), esn_aad;

	if (sa->info.esn) {
		esn_aad = esn_aad_of(sa, o->seq);
		aad = (const uint8_t *)&esn_aad;
		aad_len += ESPNIC_ESN_HIGH;
	}
	t->gcm_dec[sa->way](key, &t->gcm, o->text, o->text, o->len, (const uint8_t *)&nonce, aad, aad_len, right,
			    icv_len);
	if (icv_equal(right, o->text + o->len, icv_len))
		return true;
	t->gcm_enc[sa->way](key, &t->gcm, o->text, o->text, o->len, (const uint8_t *)&nonce, aad, aad_len, right,
			    icv_len);
	espnic_wipe(right, sizeof(right));
	return false;
}

/*
 * RFC 4303 section 3.4.3 up to the ICV, and that. Whether the number is refused is a guess, made without the lock of the
 * SA: settle() looks whether it holds in its turn.
 */
static inline void open_packet(struct espnic_fast_thread *t, struct espnic_pkt *pkt, struct opened *o)
{
	const struct espnic_sa *sa = pkt->sa;

	o->as = NOT_PLAIN;
	if (sa->info.dir != ESPNIC_DIR_IN || !find(sa, pkt, o))
		return;
	pkt->flags = 0;
	o->as = REFUSED;
	if (espnic_window_guess(&sa->window, sa->info.esn, o->low, &o->seq))
		o->as = open_text(t, sa, o) ? GOOD : BAD;
}

/* The key of a packet to come, not the first of its burst, unless the one in front has it. */
static inline void fetch_key_of(const struct espnic_pkt *pkt)
{
	const uint32_t around = ESPNIC_IPV4_HLEN + HEAD + IMB_AES_BLOCK_SIZE;

	/* Of a packet that is too short, which nobody decrypts, the whole. */
	if (pkt->sa != pkt[-1].sa)
		fetch_key(key_of(pkt->sa), pkt->len - around);
}

/* A part of @some packets, of the @n that are left; how many of them it did: up to one that has to go the long way. */
static inline unsigned int open_part(struct espnic_fast_thread *t, struct espnic_pkt *pkts, struct opened *o,
				     unsigned int some, unsigned int n)
{
	for (unsigned int i = 0; i < some; i++) {
		if (!pkts[i].sa->way)
			return i;
		if (i + ESPNIC_FETCH_AHEAD < n)
			espnic_fetch_in(&pkts[i + ESPNIC_FETCH_AHEAD]);
		if (i + FETCH_KEYS < n)
			fetch_key_of(&pkts[i + FETCH_KEYS]);
		open_packet(t, &pkts[i], &o[i]);
	}
	return some;
}

/* What came out of a packet. */
struct inside {
	uint8_t *clear;
	uint32_t len;
	uint8_t next;
};

/* The long way of RFC 4303 section 3.4.4.1 and RFC 4301 section 5.2. */
static enum espnic_verdict leave_slowly(struct espnic_pkt *pkt, const struct opened *o, struct inside *in)
{
	enum espnic_verdict verdict;
	struct espnic_in f;

	/* It could be read before, and what is in front of the text has not changed. */
	if (!espnic_ip_base(pkt->data, pkt->len, &f.ip))
		return ESPNIC_MALFORMED;
	f.text_off = (uint32_t)(o->text - pkt->data);
	f.text_len = o->len;
	verdict = espnic_decapsulate(pkt->sa, pkt, &f);
	if (verdict == ESPNIC_OK)
		*in = (struct inside){ .clear = f.clear, .len = f.clear_len, .next = f.next };
	return verdict;
}

/* Padding, inner packet: as little as nearly all packets want; else all of it. */
static inline enum espnic_verdict leave(struct espnic_pkt *pkt, const struct opened *o, struct inside *in)
{
	uint8_t *inner = o->text;
	uint32_t pad_len, room, len, first;
	uint64_t last;

	/* Outer ECN of 0 changes nothing inside: RFC 6040 figure 4. */
	if (pkt->sa->info.mode == ESPNIC_MODE_TRANSPORT || o->len < ESPNIC_IPV4_HLEN + TRAILER_ROOM ||
	    o->tos & ESPNIC_ECN_MASK)
		return leave_slowly(pkt, o, in);
	memcpy(&last, inner + o->len - TRAILER_ROOM, sizeof(last));
	pad_len = (uint8_t)(last >> 48);
	if (pad_len >= ESPNIC_ESP_ALIGN || (last & trailers[pad_len].mask) != trailers[pad_len].want)
		return leave_slowly(pkt, o, in);
	room = o->len - ESPNIC_ESP_TRAILER - pad_len;
	first = espnic_get32(inner);
	in->next = (uint8_t)(last >> 56);
	if (in->next == ESPNIC_IPPROTO_IPIP && first >> 24 == ESPNIC_IPV4_VERSION_IHL) {
		len = first & UINT16_MAX;
		if (len < ESPNIC_IPV4_HLEN)
			return leave_slowly(pkt, o, in);
	} else if (in->next == ESPNIC_IPPROTO_IPV6 && first >> 28 == ESPNIC_IPV6 && room >= ESPNIC_IPV6_HLEN) {
		len = ESPNIC_IPV6_HLEN + espnic_get16(inner + ESPNIC_IPV6_LEN);
	} else {
		return leave_slowly(pkt, o, in);
	}
	if (len > room)
		return leave_slowly(pkt, o, in);
	in->clear = inner;
	in->len = len;
	return ESPNIC_OK;
}

/*
 * Window and counters (RFC 4303 section 3.4.3), with the lock held, of a packet with the verdict @inner of what was
 * in it. *@again: its ICV is to be judged for another number.
 */
static inline enum espnic_verdict account(struct espnic_pkt *pkt, const struct opened *o, bool good,
					  enum espnic_verdict inner, uint32_t len, bool *again)
{
	struct espnic_sa *sa = pkt->sa;
	enum espnic_verdict verdict;
	uint64_t seq;

	*again = false;
	/* In order, which is what nearly all are: judging it would find no more. */
	if (good && !sa->limited && o->seq && o->seq - 1 == sa->window.top) {
		pkt->seq = o->seq;
		espnic_window_step(&sa->window);
		return inner == ESPNIC_OK ? espnic_sa_count(sa, len, &pkt->flags) : inner;
	}
	verdict = espnic_sa_judge(sa, o->low, &seq);
	if (verdict != ESPNIC_OK)
		return verdict;
	*again = o->as == REFUSED || (!good && seq != o->seq);
	if (*again)
		return ESPNIC_INTEGRITY;
	pkt->seq = seq;
	if (!good || seq != o->seq)
		return ESPNIC_INTEGRITY;
	espnic_window_accept(&sa->window, seq);
	return inner == ESPNIC_OK ? espnic_sa_count(sa, len, &pkt->flags) : inner;
}

/*
 * The last look at the SA, in the packet's turn: as settle() in in.c, which says why there are two looks. A packet
 * whose ICV is to be judged for another number goes the long way, as one that is not plain: false.
 */
static inline bool settle(struct espnic_pkt *pkt, struct opened *o, struct espnic_sa **held)
{
	enum espnic_verdict verdict, inner = ESPNIC_INTEGRITY;
	bool good = o->as == GOOD, again;
	struct espnic_sa *sa = pkt->sa;
	struct inside in;

	if (o->as == NOT_PLAIN)
		return false;
	in.len = 0;
	if (good)
		inner = leave(pkt, o, &in);
	espnic_sa_hold(held, sa);
	verdict = account(pkt, o, good, inner, in.len, &again);
	if (again)
		return false;
	if (verdict == ESPNIC_OK) {
		espnic_give_out(pkt, in.clear, in.len, in.next);
		return true;
	}
	espnic_sa_refuse_held(sa, pkt, verdict);
	/* Decrypted, and yet nobody's to read. */
	if (good)
		espnic_wipe(o->text, o->len);
	return true;
}

/* As protect(). */
static unsigned int unprotect(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n)
{
	struct opened opened[PART];
	unsigned int first = 0, some, done;

	for (unsigned int i = 1; i < n && i < ESPNIC_FETCH_AHEAD; i++)
		espnic_fetch_in(&pkts[i]);
	for (unsigned int i = 1; i < n && i < FETCH_KEYS; i++)
		fetch_key_of(&pkts[i]);
	do {
		struct espnic_pkt *part = pkts + first;
		struct espnic_sa *held = NULL;

		some = n - first < PART ? n - first : PART;
		done = open_part(t->body, part, opened, some, n - first);
		for (unsigned int i = 0; i < done; i++) {
			if (settle(&part[i], &opened[i], &held))
				continue;
			espnic_sa_hold(&held, NULL);
			espnic_unprotect(t, &part[i], 1);
		}
		espnic_sa_hold(&held, NULL);
		first += done;
	} while (done == some && first < n);
	return first;
}

void espnic_fast_unprotect(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n)
{
	by_way(t, pkts, n, unprotect, espnic_unprotect);
}
