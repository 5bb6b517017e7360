// SPDX-License-Identifier: BSD-2-Clause
/* SAs: which are sound, sequence numbers, windows, lifetimes, selectors, counters, events. */
#include "support.h"

#include <stdlib.h>

#include "engine/sa.h"

static struct buf b;
static uint8_t clear[128];

#define SET(...) __VA_ARGS__

/* One change to sound parameters, and what comes of it. */
#define PARAM_CASES(X)								\
	X("as they are", , OK)							\
	X("AES-192", p.enc_key_len = 24, OK)					\
	X("AES-256", p.enc_key_len = 32, OK)					\
	X("no key", p.enc_key_len = 0, BAD_SA)					\
	X("key of 15 bytes", p.enc_key_len = 15, BAD_SA)			\
	X("key of 20 bytes", p.enc_key_len = 20, BAD_SA)			\
	X("key of 64 bytes", p.enc_key_len = 64, BAD_SA)			\
	X("no salt", p.salt_len = 0, BAD_SA)					\
	X("salt of 3 bytes", p.salt_len = 3, BAD_SA)				\
	X("ICV of 8 bytes", p.icv_len = 8, OK)					\
	X("ICV of 12 bytes", p.icv_len = 12, OK)				\
	X("ICV of 16 bytes", p.icv_len = 16, OK)				\
	X("ICV of 4 bytes", p.icv_len = 4, BAD_SA)				\
	X("ICV of 13 bytes", p.icv_len = 13, BAD_SA)				\
	X("ICV of 17 bytes", p.icv_len = 17, BAD_SA)				\
	X("ICV of 255 bytes", p.icv_len = 255, BAD_SA)				\
	X("SPI 0", p.spi = 0, BAD_SA)						\
	X("SPI 2^32 - 1", p.spi = UINT32_MAX, OK)				\
	X("AEAD and authenticator", p.auth = ESPNIC_AUTH_HMAC_SHA256_128, BAD_SA) \
	X("no transform", SET(p.enc = ESPNIC_ENC_NULL, p.enc_key_len = 0, p.salt_len = 0), BAD_SA) \
	X("CBC alone", SET(p.enc = ESPNIC_ENC_AES_CBC, p.salt_len = 0), BAD_SA)	\
	X("CBC and HMAC", SET(p.enc = ESPNIC_ENC_AES_CBC, p.salt_len = 0,	\
	  p.auth = ESPNIC_AUTH_HMAC_SHA1_96, p.auth_key_len = 20), OK)	\
	X("CBC and HMAC of another key length", SET(p.enc = ESPNIC_ENC_AES_CBC, p.salt_len = 0, \
	  p.auth = ESPNIC_AUTH_HMAC_SHA1_96, p.auth_key_len = 16), BAD_SA)	\
	X("CBC, HMAC, wrong ICV", SET(p.enc = ESPNIC_ENC_AES_CBC, p.salt_len = 0, p.icv_len = 16, \
	  p.auth = ESPNIC_AUTH_HMAC_SHA1_96, p.auth_key_len = 20), BAD_SA)	\
	X("CTR without salt", SET(p.enc = ESPNIC_ENC_AES_CTR, p.salt_len = 0,	\
	  p.auth = ESPNIC_AUTH_HMAC_SHA1_96, p.auth_key_len = 20), BAD_SA)	\
	X("NULL and HMAC", SET(p.enc = ESPNIC_ENC_NULL, p.enc_key_len = 0, p.salt_len = 0, \
	  p.auth = ESPNIC_AUTH_HMAC_SHA1_96, p.auth_key_len = 20), OK)	\
	X("GMAC", p.enc = ESPNIC_ENC_AES_GMAC, OK)			\
	X("GMAC of 12 bytes", SET(p.enc = ESPNIC_ENC_AES_GMAC, p.icv_len = 12), BAD_SA) \
	X("CCM", SET(p.enc = ESPNIC_ENC_AES_CCM, p.salt_len = 3), OK)	\
	X("CCM with GCM's salt", p.enc = ESPNIC_ENC_AES_CCM, BAD_SA)		\
	X("ChaCha20", SET(p.enc = ESPNIC_ENC_CHACHA20_POLY1305, p.enc_key_len = 32), OK) \
	X("ChaCha20 with 16 bytes", p.enc = ESPNIC_ENC_CHACHA20_POLY1305, BAD_SA) \
	X("GMAC as authenticator in ESP", SET(p.enc = ESPNIC_ENC_NULL, p.enc_key_len = 0, \
	  p.auth = ESPNIC_AUTH_AES_GMAC, p.auth_key_len = 16), BAD_SA)		\
	X("AH that encrypts", p.proto = ESPNIC_PROTO_AH, BAD_SA)		\
	X("AH of nothing", SET(p.proto = ESPNIC_PROTO_AH, p.enc = ESPNIC_ENC_NULL, \
	  p.enc_key_len = 0, p.salt_len = 0), BAD_SA)				\
	X("AH with HMAC", SET(p.proto = ESPNIC_PROTO_AH, p.enc = ESPNIC_ENC_NULL, p.enc_key_len = 0, \
	  p.salt_len = 0, p.auth = ESPNIC_AUTH_HMAC_SHA256_128, p.auth_key_len = 32), OK) \
	X("AH with GMAC", SET(p.proto = ESPNIC_PROTO_AH, p.enc = ESPNIC_ENC_NULL, p.enc_key_len = 0, \
	  p.auth = ESPNIC_AUTH_AES_GMAC, p.auth_key_len = 16), OK)	\
	X("AH by crypto offload", SET(p.proto = ESPNIC_PROTO_AH, p.enc = ESPNIC_ENC_NULL, \
	  p.enc_key_len = 0, p.salt_len = 0, p.offload = ESPNIC_OFFLOAD_CRYPTO,	\
	  p.auth = ESPNIC_AUTH_HMAC_SHA256_128, p.auth_key_len = 32), UNSUPPORTED) \
	X("AH without its padding", SET(p.proto = ESPNIC_PROTO_AH, p.enc = ESPNIC_ENC_NULL, \
	  p.enc_key_len = 0, p.salt_len = 0, p.tfc_len = 100,			\
	  p.auth = ESPNIC_AUTH_HMAC_SHA256_128, p.auth_key_len = 32), OK)	\
	X("AH in UDP", SET(p.proto = ESPNIC_PROTO_AH, p.enc = ESPNIC_ENC_NULL, p.enc_key_len = 0, \
	  p.salt_len = 0, p.udp_encap = true, p.auth = ESPNIC_AUTH_HMAC_SHA256_128, \
	  p.auth_key_len = 32), BAD_SA)						\
	X("unknown transform", p.enc = ESPNIC_ENCS, BAD_SA)			\
	X("tunnel", p.mode = ESPNIC_MODE_TUNNEL, OK)				\
	X("tunnel without addresses", SET(p.mode = ESPNIC_MODE_TUNNEL, p.tunnel.family = 0), BAD_SA) \
	X("tunnel of TTL 0", SET(p.mode = ESPNIC_MODE_TUNNEL, p.tunnel.ttl = 0), BAD_SA) \
	X("tunnel of DSCP 64", SET(p.mode = ESPNIC_MODE_TUNNEL, p.tunnel.dscp = 64), BAD_SA) \
	X("transport does not care", SET(p.tunnel.family = 0, p.tunnel.ttl = 0), OK) \
	X("sequence at the end", p.seq = UINT32_MAX, OK)			\
	X("sequence over 32 bits", p.seq = (uint64_t)1 << 32, BAD_SA)		\
	X("ESN", SET(p.esn = true, p.seq = UINT64_MAX), OK)			\
	X("window of 4096", p.replay_window = 4096, OK)				\
	X("window of 4097", p.replay_window = 4097, UNSUPPORTED)		\
	X("TFC in transport mode", p.tfc_len = 100, UNSUPPORTED)		\
	X("prefix too long", SET(p.has_sel = true, p.sel.family = 4, p.sel.src_prefix = 33), BAD_SA) \
	X("IPv6 prefix of 33", SET(p.has_sel = true, p.sel.family = 6, p.sel.src_prefix = 33), OK) \
	X("ports backwards", SET(p.has_sel = true, p.sel.dport_min = 2, p.sel.dport_max = 1), BAD_SA)

static void check_one(const char *what, const struct espnic_sa_params *p, enum espnic_verdict want)
{
	for (unsigned int i = 0; body(i); i++) {
		struct espnic_sa *sa;
		const char *why;
		enum espnic_verdict got = body(i)->sa_add(p, &sa, &why);

		if (got != want)
			fail_msg("%s: %s", what, espnic_verdict_name(got));
		if (want == ESPNIC_OK) {
			body(i)->sa_del(sa);
		} else {
			assert_null(sa);
			assert_non_null(why);
		}
	}
}

static void soundness(void **state)
{
	(void)state;
#define CHECK_CASE(what, change, want) {					\
		struct espnic_sa_params p;					\
										\
		sa_defaults(&p, ESPNIC_DIR_OUT, ESPNIC_MODE_TRANSPORT, ESPNIC_IPV4); \
		change;								\
		check_one(what, &p, ESPNIC_##want);				\
	}
	PARAM_CASES(CHECK_CASE)
}

static void names(void **state)
{
	const char *why = NULL;

	(void)state;
	assert_string_equal(espnic_verdict_name(ESPNIC_OK), "ok");
	assert_string_equal(espnic_verdict_name(ESPNIC_SEQ_EXHAUSTED), "seq-exhausted");
	for (int v = 0; v < ESPNIC_VERDICTS; v++)
		for (int w = 0; w < v; w++)
			assert_string_not_equal(espnic_verdict_name((enum espnic_verdict)v),
						espnic_verdict_name((enum espnic_verdict)w));
	assert_true(espnic_engine_available("ref", NULL));
	assert_true(espnic_engine_available("auto", NULL));
	/* Whether its library is built or not: what cannot be loaded is no body. */
	setenv("ESPNIC_RTL_LIB", "/nonexistent", 1);
	assert_false(espnic_engine_available("rtl", &why));
	assert_string_equal(why, "rtl: not built (make rtl-engine)");
	assert_null(espnic_engine_get("reference", NULL));
}

static enum espnic_verdict send_one(unsigned int i, struct espnic_sa *sa)
{
	buf_set(&b, clear, make_ip(4, clear, 40), sa);
	memcpy(b.pkt.data, clear, b.pkt.len);
	return protect(i, &b);
}

static enum espnic_verdict send_seq(unsigned int i, struct espnic_sa *sa, uint64_t seq)
{
	buf_set(&b, clear, make_ip(4, clear, 40), sa);
	memcpy(b.pkt.data, clear, b.pkt.len);
	b.pkt.flags = ESPNIC_PKT_SEQ;
	b.pkt.seq = seq;
	return protect(i, &b);
}

/* Numbers never cycle: RFC 4303 section 3.3.3. */
static void exhaustion(void **state)
{
	(void)state;
	for (uint32_t c = 0; c < 2 * TEST_BODIES && body(c % TEST_BODIES); c++) {
		unsigned int i = c % TEST_BODIES;
		struct espnic_sa_params p;
		struct espnic_sa_state st;
		struct espnic_sa *sa;
		bool esn = c & 2;
		uint64_t last = esn ? UINT64_MAX : UINT32_MAX;

		sa_defaults(&p, ESPNIC_DIR_OUT, ESPNIC_MODE_TRANSPORT, ESPNIC_IPV4);
		p.esn = esn;
		p.seq = last - 2;
		sa = sa_must(body(i), &p);
		assert_verdict(send_one(i, sa), ESPNIC_OK);
		assert_verdict(send_one(i, sa), ESPNIC_OK);
		assert_true(b.pkt.seq == last);
		assert_int_equal(espnic_get32(b.pkt.data + 24), UINT32_MAX);
		assert_true(espnic_get64(b.pkt.data + 28) == last);
		for (int n = 0; n < 3; n++) {
			assert_verdict(send_one(i, sa), ESPNIC_SEQ_EXHAUSTED);
			assert_int_equal(!!(b.pkt.flags & ESPNIC_PKT_EVENT), n == 0);
		}
		body(i)->sa_query(sa, &st);
		assert_int_equal(st.events, ESPNIC_SA_SEQ_EXHAUSTED);
		assert_int_equal(st.packets, 2);
		assert_int_equal(st.verdicts[ESPNIC_SEQ_EXHAUSTED], 3);
		assert_true(st.seq == last);
		body(i)->sa_query(sa, &st);
		assert_int_equal(st.events, 0);
		/* A number of 33 bits is none without ESN. */
		assert_verdict(send_seq(i, sa, (uint64_t)1 << 32), esn ? ESPNIC_OK : ESPNIC_SEQ_EXHAUSTED);
		body(i)->sa_del(sa);
	}
}

/* A number given becomes the SA's; an IV given stands in the packet. */
static void explicit_numbers(void **state)
{
	static const uint8_t iv[8] = { 9, 8, 7, 6, 5, 4, 3, 2 };

	(void)state;
	for (unsigned int i = 0; body(i); i++) {
		struct espnic_sa_params p;
		struct espnic_sa *sa;

		sa_defaults(&p, ESPNIC_DIR_OUT, ESPNIC_MODE_TRANSPORT, ESPNIC_IPV4);
		p.esn = true;
		sa = sa_must(body(i), &p);
		assert_verdict(send_seq(i, sa, 0x500000007), ESPNIC_OK);
		assert_int_equal(espnic_get32(b.pkt.data + 24), 7);
		assert_true(espnic_get64(b.pkt.data + 28) == 0x500000007);
		assert_verdict(send_one(i, sa), ESPNIC_OK);
		assert_true(b.pkt.seq == 0x500000008);
		buf_set(&b, clear, make_ip(4, clear, 40), sa);
		memcpy(b.pkt.data, clear, b.pkt.len);
		b.pkt.iv = iv;
		assert_verdict(protect(i, &b), ESPNIC_OK);
		assert_memory_equal(b.pkt.data + 28, iv, 8);
		body(i)->sa_del(sa);
	}
}

/* Arrivals of numbers at an ESN window, each sealed with its true 64 bits. */
static void windows_in_packets(void **state)
{
	static const struct {
		uint64_t seq;
		enum espnic_verdict verdict;
	} arrivals[] = {
		{ 0xfffffff0, ESPNIC_OK }, { 0xfffffff0, ESPNIC_REPLAY },
		{ 0xfffffff8, ESPNIC_OK }, { 0x100000005, ESPNIC_OK }, { 0x100000005, ESPNIC_REPLAY },
		{ 0xfffffff9, ESPNIC_OK }, { 0xfffffff8, ESPNIC_REPLAY },
		{ 0xffffffe6, ESPNIC_OK }, { 0xffffffe5, ESPNIC_INTEGRITY },
		{ 0x100000000, ESPNIC_OK }, { 0x100000000, ESPNIC_REPLAY },
		{ 0x100000100, ESPNIC_OK }, { 0x100000001, ESPNIC_INTEGRITY },
		{ 0x200000001, ESPNIC_OK }, { 0x2000000ff, ESPNIC_OK },
		{ 0x1ffffffff, ESPNIC_INTEGRITY },
	};

	(void)state;
	for (unsigned int i = 0; body(i); i++) {
		struct espnic_sa_params p;
		struct espnic_sa *out, *in;
		struct espnic_sa_state st;

		sa_defaults(&p, ESPNIC_DIR_OUT, ESPNIC_MODE_TRANSPORT, ESPNIC_IPV4);
		p.esn = true;
		p.seq = 0xffffff00;
		p.replay_window = 32;
		out = sa_must(body(i), &p);
		p.dir = ESPNIC_DIR_IN;
		in = sa_must(body(i), &p);
		for (size_t n = 0; n < ARRAY_SIZE(arrivals); n++) {
			assert_verdict(send_seq(i, out, arrivals[n].seq), ESPNIC_OK);
			b.pkt.sa = in;
			if (unprotect(i, &b) != arrivals[n].verdict)
				fail_msg("arrival %zu: %s", n, espnic_verdict_name(b.pkt.verdict));
			if (b.pkt.verdict == ESPNIC_OK)
				assert_true(b.pkt.seq == arrivals[n].seq);
		}
		body(i)->sa_query(in, &st);
		assert_true(st.seq == 0x2000000ff);
		assert_int_equal(st.verdicts[ESPNIC_REPLAY], 4);
		assert_int_equal(st.verdicts[ESPNIC_INTEGRITY], 3);
		body(i)->sa_del(out);
		body(i)->sa_del(in);
	}
}

/* Without ESN, left of the window is too old; a bad ICV never moves it. */
static void window_without_esn(void **state)
{
	(void)state;
	for (unsigned int i = 0; body(i); i++) {
		struct espnic_sa_params p;
		struct espnic_sa *out, *in;

		sa_defaults(&p, ESPNIC_DIR_OUT, ESPNIC_MODE_TRANSPORT, ESPNIC_IPV4);
		p.replay_window = 32;
		out = sa_must(body(i), &p);
		p.dir = ESPNIC_DIR_IN;
		in = sa_must(body(i), &p);
		assert_verdict(send_seq(i, out, 1000), ESPNIC_OK);
		b.pkt.sa = in;
		b.pkt.data[b.pkt.len - 1] ^= 1;
		assert_verdict(unprotect(i, &b), ESPNIC_INTEGRITY);
		assert_verdict(send_seq(i, out, 40), ESPNIC_OK);
		b.pkt.sa = in;
		assert_verdict(unprotect(i, &b), ESPNIC_OK);
		assert_verdict(send_seq(i, out, 8), ESPNIC_OK);
		b.pkt.sa = in;
		assert_verdict(unprotect(i, &b), ESPNIC_TOO_OLD);
		assert_verdict(send_seq(i, out, 9), ESPNIC_OK);
		b.pkt.sa = in;
		assert_verdict(unprotect(i, &b), ESPNIC_OK);
		assert_verdict(send_seq(i, out, 0), ESPNIC_OK);
		b.pkt.sa = in;
		assert_verdict(unprotect(i, &b), ESPNIC_TOO_OLD);
		body(i)->sa_del(out);
		body(i)->sa_del(in);
	}
}

struct life_case {
	const char *what;
	uint64_t soft_packets, hard_packets, soft_bytes, hard_bytes;
	int passes;			/* of 5 packets of 60 bytes */
	int event_at[2];		/* which packets (from 1) raise an event; 0: none */
	uint32_t events;
};

static const struct life_case life_cases[] = {
	{ "none", 0, 0, 0, 0, 5, { 0, 0 }, 0 },
	{ "soft packets", 2, 0, 0, 0, 5, { 2, 0 }, ESPNIC_SA_SOFT_PACKETS },
	{ "hard packets", 0, 3, 0, 0, 3, { 3, 0 }, ESPNIC_SA_HARD_PACKETS },
	{ "soft, then hard packets", 2, 3, 0, 0, 3, { 2, 3 },
	  ESPNIC_SA_SOFT_PACKETS | ESPNIC_SA_HARD_PACKETS },
	{ "soft bytes", 0, 0, 120, 0, 5, { 2, 0 }, ESPNIC_SA_SOFT_BYTES },
	{ "soft bytes within a packet", 0, 0, 121, 0, 5, { 3, 0 }, ESPNIC_SA_SOFT_BYTES },
	{ "hard bytes, to the byte", 0, 0, 0, 180, 3, { 3, 0 }, ESPNIC_SA_HARD_BYTES },
	{ "hard bytes, one short", 0, 0, 0, 179, 2, { 3, 0 }, ESPNIC_SA_HARD_BYTES },
	{ "less than a packet", 0, 0, 0, 59, 0, { 1, 0 }, ESPNIC_SA_HARD_BYTES },
	{ "one packet", 1, 1, 0, 0, 1, { 1, 0 }, ESPNIC_SA_SOFT_PACKETS | ESPNIC_SA_HARD_PACKETS },
};

static void lifetime_one(unsigned int i, const struct life_case *c, bool inbound)
{
	struct espnic_sa_params p;
	struct espnic_sa *out, *in, *limited;
	struct espnic_sa_state st;

	sa_defaults(&p, ESPNIC_DIR_OUT, ESPNIC_MODE_TUNNEL, ESPNIC_IPV4);
	if (!inbound) {
		p.soft_packets = c->soft_packets;
		p.hard_packets = c->hard_packets;
		p.soft_bytes = c->soft_bytes;
		p.hard_bytes = c->hard_bytes;
	}
	out = sa_must(body(i), &p);
	p.soft_packets = c->soft_packets;
	p.hard_packets = c->hard_packets;
	p.soft_bytes = c->soft_bytes;
	p.hard_bytes = c->hard_bytes;
	p.dir = ESPNIC_DIR_IN;
	p.replay_window = 64;
	in = sa_must(body(i), &p);
	limited = inbound ? in : out;
	for (int n = 1; n <= 5; n++) {
		enum espnic_verdict got = send_one(i, out);

		if (inbound) {
			assert_verdict(got, ESPNIC_OK);
			b.pkt.sa = in;
			got = unprotect(i, &b);
		}
		if (got != (n <= c->passes ? ESPNIC_OK : ESPNIC_LIFETIME))
			fail_msg("%s: packet %d: %s", c->what, n, espnic_verdict_name(got));
		/* An inbound byte limit that is not reached is only seen once decrypted. */
		assert_int_equal(!!(b.pkt.flags & ESPNIC_PKT_EVENT),
				 n == c->event_at[0] || n == c->event_at[1]);
	}
	body(i)->sa_query(limited, &st);
	assert_int_equal(st.events, c->events);
	assert_int_equal(st.packets, c->passes);
	assert_int_equal(st.bytes, 60 * c->passes);
	assert_int_equal(st.verdicts[ESPNIC_LIFETIME], 5 - c->passes);
	body(i)->sa_del(out);
	body(i)->sa_del(in);
}

static void lifetimes(void **state)
{
	(void)state;
	for (unsigned int i = 0; body(i); i++) {
		for (size_t c = 0; c < ARRAY_SIZE(life_cases); c++) {
			lifetime_one(i, &life_cases[c], false);
			lifetime_one(i, &life_cases[c], true);
		}
	}
}

/* Of an SA that is used up nothing more is told, not even what is a replay. */
static void expired_inbound(void **state)
{
	(void)state;
	for (unsigned int i = 0; body(i); i++) {
		struct espnic_sa_params p;
		struct espnic_sa *out, *in;

		sa_defaults(&p, ESPNIC_DIR_OUT, ESPNIC_MODE_TUNNEL, ESPNIC_IPV4);
		out = sa_must(body(i), &p);
		p.dir = ESPNIC_DIR_IN;
		p.replay_window = 64;
		p.hard_packets = 1;
		in = sa_must(body(i), &p);
		for (int n = 0; n < 3; n++) {
			assert_verdict(send_seq(i, out, 1), ESPNIC_OK);
			b.pkt.sa = in;
			assert_verdict(unprotect(i, &b), n == 0 ? ESPNIC_OK : ESPNIC_LIFETIME);
		}
		assert_verdict(send_seq(i, out, 2), ESPNIC_OK);
		b.pkt.sa = in;
		b.pkt.data[b.pkt.len - 1] ^= 1;
		assert_verdict(unprotect(i, &b), ESPNIC_LIFETIME);
		body(i)->sa_del(out);
		body(i)->sa_del(in);
	}
}

/* sa_update: numbers only rise, limits are replaced and can raise events anew. */
static void update(void **state)
{
	(void)state;
	for (unsigned int i = 0; body(i); i++) {
		struct espnic_sa_update u = { .what = ESPNIC_UPDATE_SEQ, .seq = 100 };
		struct espnic_sa_params p;
		struct espnic_sa_state st;
		struct espnic_sa *sa, *in;

		sa_defaults(&p, ESPNIC_DIR_OUT, ESPNIC_MODE_TRANSPORT, ESPNIC_IPV4);
		sa = sa_must(body(i), &p);
		assert_verdict(body(i)->sa_update(sa, &u), ESPNIC_OK);
		assert_verdict(send_one(i, sa), ESPNIC_OK);
		assert_int_equal(b.pkt.seq, 101);
		u.seq = 50;
		assert_verdict(body(i)->sa_update(sa, &u), ESPNIC_OK);
		assert_verdict(send_one(i, sa), ESPNIC_OK);
		assert_int_equal(b.pkt.seq, 102);
		u.seq = (uint64_t)1 << 32;
		assert_verdict(body(i)->sa_update(sa, &u), ESPNIC_BAD_SA);

		u.what = ESPNIC_UPDATE_LIFE;
		u.hard_packets = 3;
		assert_verdict(body(i)->sa_update(sa, &u), ESPNIC_OK);
		assert_verdict(send_one(i, sa), ESPNIC_OK);
		assert_verdict(send_one(i, sa), ESPNIC_LIFETIME);
		u.hard_packets = 4;
		assert_verdict(body(i)->sa_update(sa, &u), ESPNIC_OK);
		assert_verdict(send_one(i, sa), ESPNIC_OK);
		assert_true(b.pkt.flags & ESPNIC_PKT_EVENT);
		body(i)->sa_query(sa, &st);
		assert_int_equal(st.events, ESPNIC_SA_HARD_PACKETS);

		/* Inbound, all up to the new top is as good as seen. */
		p.dir = ESPNIC_DIR_IN;
		p.replay_window = 64;
		in = sa_must(body(i), &p);
		u.what = ESPNIC_UPDATE_SEQ;
		u.seq = 104;
		assert_verdict(body(i)->sa_update(in, &u), ESPNIC_OK);
		b.pkt.sa = in;
		assert_verdict(unprotect(i, &b), ESPNIC_REPLAY);
		body(i)->sa_del(sa);
		body(i)->sa_del(in);
	}
}

/* The SA's selector, both ways. */
static void selectors(void **state)
{
	static const struct {
		const char *what;
		uint8_t proto, prefix;
		uint16_t sport_min, sport_max;
		enum espnic_verdict verdict;
	} cases[] = {
		{ "any", 0, 0, 0, 65535, ESPNIC_OK },
		{ "UDP", 17, 0, 0, 65535, ESPNIC_OK },
		{ "TCP", 6, 0, 0, 65535, ESPNIC_SELECTOR },
		{ "10.0.0.1/32", 0, 32, 0, 65535, ESPNIC_OK },
		{ "source port", 17, 32, 0x030a, 0x030a, ESPNIC_OK },
		{ "port above", 17, 32, 0x030b, 0x040a, ESPNIC_SELECTOR },
		{ "port below", 17, 32, 0, 0x0309, ESPNIC_SELECTOR },
	};

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(cases) * TEST_BODIES && body(c % TEST_BODIES); c++) {
		const size_t n = c / TEST_BODIES;
		unsigned int i = c % TEST_BODIES;
		struct espnic_sa_params p;
		struct espnic_sa *out, *in, *open;

		sa_defaults(&p, ESPNIC_DIR_OUT, ESPNIC_MODE_TUNNEL, ESPNIC_IPV4);
		open = sa_must(body(i), &p);
		p.has_sel = true;
		p.sel.family = ESPNIC_IPV4;
		p.sel.proto = cases[n].proto;
		unhex("0a000001", p.sel.src);
		p.sel.src_prefix = cases[n].prefix;
		p.sel.sport_min = cases[n].sport_min;
		p.sel.sport_max = cases[n].sport_max;
		p.sel.dport_max = ESPNIC_PORT_MAX;
		out = sa_must(body(i), &p);
		p.dir = ESPNIC_DIR_IN;
		in = sa_must(body(i), &p);
		if (send_one(i, out) != cases[n].verdict)
			fail_msg("%s: %s", cases[n].what, espnic_verdict_name(b.pkt.verdict));
		assert_verdict(send_one(i, open), ESPNIC_OK);
		b.pkt.sa = in;
		assert_verdict(unprotect(i, &b), cases[n].verdict);
		body(i)->sa_del(out);
		body(i)->sa_del(in);
		body(i)->sa_del(open);
	}
}

/* What a million SAs cost. */
static void size_of_sa(void **state)
{
	(void)state;
	/* 512 bytes with a window of 64, expanded keys apart. */
	assert_true(sizeof(struct espnic_sa) + espnic_window_bytes(64) <= 512);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(soundness),
		cmocka_unit_test(names),
		cmocka_unit_test(exhaustion),
		cmocka_unit_test(explicit_numbers),
		cmocka_unit_test(windows_in_packets),
		cmocka_unit_test(window_without_esn),
		cmocka_unit_test(lifetimes),
		cmocka_unit_test(expired_inbound),
		cmocka_unit_test(update),
		cmocka_unit_test(selectors),
		cmocka_unit_test(size_of_sa),
	};

	return cmocka_run_group_tests_name("engine/sa", tests, NULL, NULL);
}
