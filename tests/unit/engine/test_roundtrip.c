// SPDX-License-Identifier: BSD-2-Clause
/* ref and fast on the same packets: the same bytes, and back to what they were. */
#include "support.h"

enum { LEN_MAX = 2048 };

struct setup {
	struct espnic_sa_params p;
	uint8_t inner;			/* family of the clear packets */
};

static struct buf bufs[TEST_BODIES];

/* One packet, out by every body and in by every body. */
static void one(struct espnic_sa *out[TEST_BODIES], struct espnic_sa *in[TEST_BODIES],
		const uint8_t *packet, uint32_t len)
{
	for (unsigned int i = 0; body(i); i++) {
		buf_set(&bufs[i], packet, len, out[i]);
		assert_verdict(protect(i, &bufs[i]), ESPNIC_OK);
		assert_int_equal(bufs[i].pkt.len, bufs[0].pkt.len);
		assert_memory_equal(bufs[i].pkt.data, bufs[0].pkt.data, bufs[0].pkt.len);
		assert_int_equal(bufs[i].pkt.seq, bufs[0].pkt.seq);
	}
	/* What one sealed the other opens. */
	for (unsigned int i = 0; body(i); i++) {
		bufs[i].pkt.sa = in[i];
		assert_verdict(unprotect(i, &bufs[i]), ESPNIC_OK);
		assert_int_equal(bufs[i].pkt.seq, bufs[0].pkt.seq);
		assert_int_equal(bufs[i].pkt.len, len);
		assert_memory_equal(bufs[i].pkt.data, packet, len);
		assert_true(bufs[i].pkt.headroom + bufs[i].pkt.len + bufs[i].pkt.tailroom == TEST_BUF);
		assert_ptr_equal(bufs[i].bytes + bufs[i].pkt.headroom, bufs[i].pkt.data);
	}
}

static void same_state(const struct espnic_sa_state *a, const struct espnic_sa_state *b)
{
	assert_true(a->seq == b->seq && a->packets == b->packets && a->bytes == b->bytes);
	assert_int_equal(a->events, b->events);
	assert_memory_equal(a->verdicts, b->verdicts, sizeof(a->verdicts));
}

static void setup_lengths(const struct setup *s)
{
	struct espnic_sa *out[TEST_BODIES] = { NULL }, *in[TEST_BODIES] = { NULL };
	struct espnic_sa_state so, si, first;
	struct espnic_sa_params p = s->p;
	static uint8_t packet[LEN_MAX + 64];

	for (unsigned int i = 0; body(i); i++) {
		p.dir = ESPNIC_DIR_OUT;
		out[i] = sa_must(body(i), &p);
		p.dir = ESPNIC_DIR_IN;
		in[i] = sa_must(body(i), &p);
	}
	for (uint32_t payload = 0; payload <= LEN_MAX; payload++)
		one(out, in, packet, make_ip(s->inner, packet, payload));
	for (unsigned int i = 0; body(i); i++) {
		body(i)->sa_query(out[i], &so);
		body(i)->sa_query(in[i], &si);
		if (i == 0)
			first = so;
		same_state(&so, &first);
		same_state(&si, &first);
		assert_int_equal(so.packets, LEN_MAX + 1);
		body(i)->sa_del(out[i]);
		body(i)->sa_del(in[i]);
	}
}

static void setup_make(struct setup *s, enum espnic_sa_mode mode, uint8_t outer, uint8_t inner)
{
	sa_defaults(&s->p, ESPNIC_DIR_OUT, mode, outer);
	s->p.replay_window = 64;
	s->inner = inner;
}

/* Each payload length from 0 to 2048, in all families and both modes. */
static void all_lengths(void **state)
{
	static const struct {
		enum espnic_sa_mode mode;
		uint8_t outer, inner;
	} kinds[] = {
		{ ESPNIC_MODE_TRANSPORT, 4, 4 }, { ESPNIC_MODE_TRANSPORT, 6, 6 },
		{ ESPNIC_MODE_TUNNEL, 4, 4 }, { ESPNIC_MODE_TUNNEL, 6, 6 },
		{ ESPNIC_MODE_TUNNEL, 4, 6 }, { ESPNIC_MODE_TUNNEL, 6, 4 },
	};
	struct setup s;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		setup_make(&s, kinds[k].mode, kinds[k].outer, kinds[k].inner);
		/* A suite each, so that all are seen. */
		s.p.enc_key_len = (uint8_t)(16 + 8 * (k % 3));
		s.p.icv_len = (uint8_t[]){ 16, 12, 8 }[k / 2];
		s.p.esn = k & 1;
		s.p.udp_encap = k >= 4;
		setup_lengths(&s);
	}
}

/* Everything by chance at once. */
static void anything(void **state)
{
	static uint8_t packet[2100];

	(void)state;
	for (int round = 0; round < 4000; round++) {
		struct espnic_sa *out[TEST_BODIES] = { NULL }, *in[TEST_BODIES] = { NULL };
		bool tunnel = chance() % 2;
		uint8_t outer = chance() % 2 ? 4 : 6;
		uint8_t inner = tunnel ? (chance() % 2 ? 4 : 6) : outer;
		struct espnic_sa_params p;

		sa_defaults(&p, ESPNIC_DIR_OUT, tunnel ? ESPNIC_MODE_TUNNEL : ESPNIC_MODE_TRANSPORT,
			    outer);
		chance_bytes(p.enc_key, 32);
		chance_bytes(p.salt, 4);
		p.enc_key_len = (uint8_t)(16 + 8 * (chance() % 3));
		p.icv_len = (uint8_t[]){ 16, 12, 8 }[chance() % 3];
		p.esn = chance() % 2;
		p.udp_encap = chance() % 2;
		p.replay_window = chance() % 4097;
		p.seq = chance();
		if (p.esn)
			p.seq = p.seq << 32 | chance();
		if (chance() % 4 == 0 && tunnel)
			p.tfc_len = chance() % 1500;
		p.spi = chance() | 1;
		for (unsigned int i = 0; body(i); i++) {
			p.dir = ESPNIC_DIR_OUT;
			out[i] = sa_must(body(i), &p);
			p.dir = ESPNIC_DIR_IN;
			in[i] = sa_must(body(i), &p);
		}
		for (int n = 0; n < 3; n++)
			one(out, in, packet, make_ip(inner, packet, chance() % 2000));
		for (unsigned int i = 0; body(i); i++) {
			body(i)->sa_del(out[i]);
			body(i)->sa_del(in[i]);
		}
	}
}

/*
 * SA bundles as RFC 4301 section 4.3 has them by policy: ESP end to end, in a tunnel, in a tunnel of any family. Each SA takes
 * off what it put on, in no other order, and counts the packet as it was given it.
 */
static void nested(void **state)
{
	enum { LAYERS = 3, PAYLOAD = 100 };
	static uint8_t packet[PAYLOAD + 64];

	(void)state;
	for (unsigned int c = 0; c < 8 * TEST_BODIES && body(c % TEST_BODIES); c++) {
		const uint8_t family[LAYERS] = { c & 2 ? 6 : 4, c & 4 ? 6 : 4, c & 8 ? 6 : 4 };
		struct espnic_sa *out[LAYERS], *in[LAYERS];
		uint32_t clear[LAYERS], len = make_ip(family[0], packet, PAYLOAD);
		unsigned int i = c % TEST_BODIES;
		struct espnic_sa_state st;
		struct espnic_sa_params p;
		struct buf *b = &bufs[0];

		for (unsigned int n = 0; n < LAYERS; n++) {
			sa_defaults(&p, ESPNIC_DIR_OUT, n ? ESPNIC_MODE_TUNNEL : ESPNIC_MODE_TRANSPORT, family[n]);
			p.spi += n;
			p.enc_key[0] ^= (uint8_t)n;
			p.replay_window = 64;
			out[n] = sa_must(body(i), &p);
			p.dir = ESPNIC_DIR_IN;
			in[n] = sa_must(body(i), &p);
		}
		buf_set(b, packet, len, NULL);
		for (unsigned int n = 0; n < LAYERS; n++) {
			clear[n] = b->pkt.len;
			b->pkt.sa = out[n];
			assert_verdict(protect(i, b), ESPNIC_OK);
		}
		for (unsigned int n = LAYERS; n--;) {
			b->pkt.sa = in[(n + 1) % LAYERS];
			assert_verdict(unprotect(i, b), ESPNIC_NO_SA);
			b->pkt.sa = in[n];
			assert_verdict(unprotect(i, b), ESPNIC_OK);
			assert_int_equal(b->pkt.len, clear[n]);
			body(i)->sa_query(in[n], &st);
			assert_true(st.packets == 1 && st.bytes == clear[n]);
		}
		assert_int_equal(b->pkt.len, len);
		assert_memory_equal(b->pkt.data, packet, len);
		for (unsigned int n = 0; n < LAYERS; n++) {
			body(i)->sa_del(out[n]);
			body(i)->sa_del(in[n]);
		}
	}
}

/* A burst of packets of several SAs, good and bad, gives each its own verdict. */
static void burst(void **state)
{
	static struct buf b[4];
	struct espnic_pkt pkts[4];
	uint8_t packet[128];
	uint32_t len = make_ip(4, packet, 50);

	(void)state;
	for (unsigned int i = 0; body(i); i++) {
		struct espnic_sa_params p;
		struct espnic_sa *sa[2];

		sa_defaults(&p, ESPNIC_DIR_OUT, ESPNIC_MODE_TUNNEL, ESPNIC_IPV4);
		sa[0] = sa_must(body(i), &p);
		p.spi++;
		sa[1] = sa_must(body(i), &p);
		for (int n = 0; n < 4; n++) {
			buf_set(&b[n], packet, n == 2 ? len - 1 : len, sa[n & 1]);
			pkts[n] = b[n].pkt;
		}
		body(i)->protect(body_thread(i), pkts, 4);
		assert_verdict(pkts[0].verdict, ESPNIC_OK);
		assert_verdict(pkts[1].verdict, ESPNIC_OK);
		assert_verdict(pkts[2].verdict, ESPNIC_MALFORMED);
		assert_verdict(pkts[3].verdict, ESPNIC_OK);
		assert_int_equal(pkts[0].seq, 1);
		assert_int_equal(pkts[1].seq, 1);
		assert_int_equal(pkts[3].seq, 2);
		body(i)->sa_del(sa[0]);
		body(i)->sa_del(sa[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_lengths),
		cmocka_unit_test(anything),
		cmocka_unit_test(nested),
		cmocka_unit_test(burst),
	};

	return cmocka_run_group_tests_name("engine/roundtrip", tests, NULL, NULL);
}
