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

/* The cryptography of one packet. */
struct gcm_part {
	const struct espnic_fast_gcm *key;
	uint8_t *text;			/* the ICV stands behind it */
	const uint8_t *aad;
	uint32_t len;
	uint8_t way, icv_len, aad_len;
	bool good;			/* inbound: the ICV was right */
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
 * Asks memory for what the library reads of the key of @p, unless the part in front had it: round keys, and powers
 * of H. For a small text these are a few at the end of each of two tables (what is said here of VAES; elsewhere
 * it is only less of a help).
 */
static inline void fetch_key(const struct gcm_part *p, bool first)
{
	const size_t tables = offsetof(struct gcm_key_data, ghash_keys);
	const size_t end = tables + sizeof(p->key->data.ghash_keys.vaes_avx512.shifted_hkey);
	const size_t middle = (tables + end) / 2;
	const uint8_t *key = (const void *)p->key;
	uint32_t powers = p->len + 2 * IMB_AES_BLOCK_SIZE;	/* bytes: one a block, and of the lengths */

	if (!first && p->key == p[-1].key)
		return;
	if (p->len > SMALL) {
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

/* Asks memory for the @i-th of the next part, while others are encrypted or decrypted. */
static inline void fetch_ahead(const struct ahead *a, unsigned int i)
{
	if (i < a->n)
		espnic_fetch(&a->pkts[i]);
}

/* The same for the first part of a burst: there is nothing to do meanwhile. */
static inline void fetch_first(const struct espnic_pkt *pkts, unsigned int n)
{
	for (unsigned int i = 1; i < n && i < PART; i++)
		espnic_fetch(&pkts[i]);
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
		c->len = espnic_get16(p + ESPNIC_IPV4_LEN);
		c->tos = p[ESPNIC_IPV4_TOS];
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
	if (*n < FETCH_KEYS)
		fetch_key(&parts[*n], *n == 0);
	++*n;
	return true;
}

static void seal(struct espnic_fast_thread *t, const struct gcm_part *parts, unsigned int n, const struct ahead *a)
{
	for (unsigned int i = 0; i < n; i++) {
		const struct gcm_part *p = &parts[i];

		fetch_ahead(a, i);
		if (i + FETCH_KEYS < n)
			fetch_key(p + FETCH_KEYS, false);
		t->gcm_enc[p->way](&p->key->data, &t->gcm, p->text, p->text, p->len, p->nonce, p->aad, p->aad_len,
				   p->text + p->len, p->icv_len);
	}
}

static void protect(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n)
{
	struct gcm_part parts[PART];

	fetch_first(pkts, n);
	for (unsigned int first = 0; first < n; first += PART) {
		unsigned int end = n - first < PART ? n : first + PART, m = 0;
		const struct ahead next = { .pkts = pkts + end, .n = n - end };
		struct espnic_sa *held = NULL;

		for (unsigned int i = first; i < end; i++) {
			if (seal_begin(&pkts[i], &held, parts, &m))
				continue;
			espnic_sa_hold(&held, NULL);
			espnic_protect(t, &pkts[i], 1);
		}
		espnic_sa_hold(&held, NULL);
		seal(t->body, parts, m, &next);
	}
}

/*
 * Whether the SAs of @n packets all have the short way. Where one has not, the long way serves them together: it
 * fills lanes, and packets of one SA stay in their order.
 */
static bool all_short(const struct espnic_pkt *pkts, unsigned int n)
{
	bool lacks = false;

	for (unsigned int i = 0; i < n; i++)
		lacks |= !pkts[i].sa->way;
	return !lacks;
}

typedef void way_fn(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n);

static void by_way(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n, way_fn *short_way,
		   way_fn *long_way)
{
	while (n) {
		unsigned int some = n < ESPNIC_BURST_MAX ? n : ESPNIC_BURST_MAX;

		(all_short(pkts, some) ? short_way : long_way)(t, pkts, some);
		pkts += some;
		n -= some;
	}
}

void espnic_fast_protect(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n)
{
	by_way(t, pkts, n, protect, espnic_protect);
}

/* ---------------------------------------------------------------- inbound */

/* A packet between its first look at the SA and its last. */
struct opened {
	struct espnic_pkt *pkt;
	struct gcm_part *part;		/* NULL: its number was refused */
	uint64_t seq;			/* the number the ICV is judged for */
	uint32_t low;			/* sequence number as in the packet */
	bool plain;			/* else the long way does it */
	uint8_t tos;			/* of the outer header */
};

/* Finds ESP: RFC 4303 sections 3.4.1 and 3.4.2. NULL: not right behind a plain header, whole and of this SA. */
static inline uint8_t *find(const struct espnic_sa *sa, const struct espnic_pkt *pkt, uint8_t *tos, uint32_t *len)
{
	uint32_t around = HEAD + sa->info.icv_len;
	uint32_t head, total, rest;
	uint8_t *p = pkt->data;

	if (pkt->len >= ESPNIC_IPV4_HLEN && p[0] == ESPNIC_IPV4_VERSION_IHL) {
		head = ESPNIC_IPV4_HLEN;
		total = espnic_get16(p + ESPNIC_IPV4_LEN);
		*tos = p[ESPNIC_IPV4_TOS];
		if (p[ESPNIC_IPV4_PROTO] != ESPNIC_IPPROTO_ESP ||
		    espnic_get16(p + ESPNIC_IPV4_FRAG) & IPV4_FRAGMENT)
			return NULL;
	} else if (pkt->len >= ESPNIC_IPV6_HLEN && p[0] >> 4 == ESPNIC_IPV6) {
		head = ESPNIC_IPV6_HLEN;
		total = ESPNIC_IPV6_HLEN + espnic_get16(p + ESPNIC_IPV6_LEN);
		*tos = (uint8_t)(espnic_get16(p) >> 4);
		if (p[ESPNIC_IPV6_NEXT] != ESPNIC_IPPROTO_ESP)
			return NULL;
	} else {
		return NULL;
	}
	rest = total - head - around;
	if (total > pkt->len || (int32_t)rest < ESPNIC_ESP_TRAILER || espnic_get32(p + head) != sa->info.spi)
		return NULL;
	*len = rest;
	return p + head;
}

/*
 * RFC 4303 section 3.4.3, before the ICV. @n more parts, none if the packet is not plain or its number refused as the
 * SA stands now. That is a guess, made without its lock: settle() looks whether it holds in its turn.
 */
static inline void open_begin(struct espnic_pkt *pkt, struct opened *o, struct gcm_part *parts, unsigned int *n)
{
	const struct espnic_sa *sa = pkt->sa;
	uint8_t *esp = NULL;
	uint32_t len = 0;

	o->pkt = pkt;
	o->part = NULL;
	if (sa->info.dir == ESPNIC_DIR_IN)
		esp = find(sa, pkt, &o->tos, &len);
	o->plain = esp;
	if (!esp)
		return;
	pkt->flags = 0;
	o->low = espnic_get32(esp + ESPNIC_ESP_SEQ);
	if (!espnic_window_guess(&sa->window, sa->info.esn, o->low, &o->seq))
		return;
	o->part = &parts[*n];
	fill_part(o->part, sa, esp, espnic_get64(esp + ESPNIC_ESP_HLEN), len, o->seq);
	if (*n < FETCH_KEYS)
		fetch_key(o->part, *n == 0);
	++*n;
}

/* The usual length is one that the compiler knows. */
static inline bool icv_equal(const uint8_t *a, const uint8_t *b, uint32_t len)
{
	return len == IMB_AES_BLOCK_SIZE ? espnic_equal_ct(a, b, IMB_AES_BLOCK_SIZE) :
					   espnic_equal_ct(a, b, len);
}

/* Decrypts; what turns out wrong is encrypted back, with the same key stream: it is as it came. */
static void open_parts(struct espnic_fast_thread *t, struct gcm_part *parts, unsigned int n, const struct ahead *a)
{
	uint8_t right[PART][IMB_AES_BLOCK_SIZE];

	for (unsigned int i = 0; i < n; i++) {
		struct gcm_part *p = &parts[i];

		fetch_ahead(a, i);
		if (i + FETCH_KEYS < n)
			fetch_key(p + FETCH_KEYS, false);
		t->gcm_dec[p->way](&p->key->data, &t->gcm, p->text, p->text, p->len, p->nonce, p->aad, p->aad_len,
				   right[i], p->icv_len);
	}
	for (unsigned int i = 0; i < n; i++) {
		struct gcm_part *p = &parts[i];

		p->good = icv_equal(right[i], p->text + p->len, p->icv_len);
		if (p->good)
			continue;
		t->gcm_enc[p->way](&p->key->data, &t->gcm, p->text, p->text, p->len, p->nonce, p->aad, p->aad_len,
				   right[i], p->icv_len);
		espnic_wipe(right[i], sizeof(right[i]));
	}
}

/* What came out of a packet. */
struct inside {
	uint8_t *clear;
	uint32_t len;
	uint8_t next;
};

/* The long way of RFC 4303 section 3.4.4.1 and RFC 4301 section 5.2. */
static enum espnic_verdict leave_slowly(const struct opened *o, struct inside *in)
{
	struct espnic_pkt *pkt = o->pkt;
	enum espnic_verdict verdict;
	struct espnic_in f;

	/* It could be read before, and what is in front of the text has not changed. */
	if (!espnic_ip_base(pkt->data, pkt->len, &f.ip))
		return ESPNIC_MALFORMED;
	f.text_off = (uint32_t)(o->part->text - pkt->data);
	f.text_len = o->part->len;
	verdict = espnic_decapsulate(pkt->sa, pkt, &f);
	if (verdict == ESPNIC_OK)
		*in = (struct inside){ .clear = f.clear, .len = f.clear_len, .next = f.next };
	return verdict;
}

/* Padding, inner packet: as little as nearly all packets want; else all of it. */
static inline enum espnic_verdict leave(const struct opened *o, struct inside *in)
{
	const struct gcm_part *p = o->part;
	uint32_t pad_len, room, len;
	uint8_t *inner = p->text;
	uint64_t last;
	bool whole;

	/* Outer ECN of 0 changes nothing inside: RFC 6040 figure 4. */
	if (o->pkt->sa->info.mode == ESPNIC_MODE_TRANSPORT || p->len < ESPNIC_IPV4_HLEN + TRAILER_ROOM ||
	    o->tos & ESPNIC_ECN_MASK)
		return leave_slowly(o, in);
	memcpy(&last, p->text + p->len - TRAILER_ROOM, sizeof(last));
	pad_len = (uint8_t)(last >> 48);
	if (pad_len >= ESPNIC_ESP_ALIGN || (last & trailers[pad_len].mask) != trailers[pad_len].want)
		return leave_slowly(o, in);
	room = p->len - ESPNIC_ESP_TRAILER - pad_len;
	in->next = (uint8_t)(last >> 56);
	if (in->next == ESPNIC_IPPROTO_IPIP && inner[0] == ESPNIC_IPV4_VERSION_IHL) {
		len = espnic_get16(inner + ESPNIC_IPV4_LEN);
		whole = len >= ESPNIC_IPV4_HLEN;
	} else if (in->next == ESPNIC_IPPROTO_IPV6 && inner[0] >> 4 == ESPNIC_IPV6 && room >= ESPNIC_IPV6_HLEN) {
		len = ESPNIC_IPV6_HLEN + espnic_get16(inner + ESPNIC_IPV6_LEN);
		whole = true;
	} else {
		return leave_slowly(o, in);
	}
	if (!whole || len > room)
		return leave_slowly(o, in);
	in->clear = inner;
	in->len = len;
	return ESPNIC_OK;
}

/*
 * The last look at the SA, in the packet's turn: as settle() in in.c, which says why there are two looks. A packet
 * whose ICV is to be judged for another number goes the long way: false.
 */
static inline bool settle(struct opened *o, struct espnic_sa **held)
{
	struct espnic_pkt *pkt = o->pkt;
	struct espnic_sa *sa = pkt->sa;
	enum espnic_verdict verdict, inner = ESPNIC_INTEGRITY;
	bool good = o->part && o->part->good;
	struct inside in = { 0 };
	uint64_t seq;

	if (good)
		inner = leave(o, &in);
	espnic_sa_hold(held, sa);
	verdict = espnic_sa_judge(sa, o->low, &seq);
	if (verdict == ESPNIC_OK) {
		if (!o->part || (!good && seq != o->seq))
			return false;
		pkt->seq = seq;
		verdict = ESPNIC_INTEGRITY;
		if (good && seq == o->seq) {
			espnic_window_accept(&sa->window, seq);
			verdict = inner;
		}
		if (verdict == ESPNIC_OK)
			verdict = espnic_sa_count(sa, in.len, &pkt->flags);
	}
	if (verdict == ESPNIC_OK) {
		espnic_give_out(pkt, in.clear, in.len, in.next);
		return true;
	}
	espnic_sa_refuse_held(sa, pkt, verdict);
	/* Decrypted, and yet nobody's to read. */
	if (good)
		espnic_wipe(o->part->text, o->part->len);
	return true;
}

static void unprotect(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n)
{
	struct gcm_part parts[PART];
	struct opened opened[PART];

	fetch_first(pkts, n);
	for (unsigned int first = 0; first < n; first += PART) {
		unsigned int some = n - first < PART ? n - first : PART, m = 0;
		const struct ahead next = { .pkts = pkts + first + some, .n = n - first - some };
		struct espnic_sa *held = NULL;

		for (unsigned int i = 0; i < some; i++) {
			struct espnic_pkt *pkt = &pkts[first + i];

			open_begin(pkt, &opened[i], parts, &m);
		}
		open_parts(t->body, parts, m, &next);
		for (unsigned int i = 0; i < some; i++) {
			if (opened[i].plain && settle(&opened[i], &held))
				continue;
			espnic_sa_hold(&held, NULL);
			espnic_unprotect(t, &pkts[first + i], 1);
		}
		espnic_sa_hold(&held, NULL);
	}
}

void espnic_fast_unprotect(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n)
{
	by_way(t, pkts, n, unprotect, espnic_unprotect);
}
