// SPDX-License-Identifier: BSD-2-Clause
/* A burst means what its packets mean one by one: hostile mixes in bursts of 1 and of many. */
#include "support.h"

enum {
	PACKETS = 100,			/* more than a full burst of the pipeline */
	SAS = 3,
	ROOM = 128,			/* bytes in front of a packet and behind it */
	SLOT = 1024,			/* bytes of a packet's buffer */
	ROUNDS = 120,
};

struct mix {
	struct espnic_sa_params params[SAS];
	unsigned int n;
	unsigned int sa_of[PACKETS];
	uint32_t len[PACKETS];
	uint64_t seq[PACKETS];		/* protect: 0: the SA's next */
	uint8_t bytes[PACKETS][SLOT];
};

/* A mix that went through a body: what came of it. */
struct outcome {
	struct espnic_sa *sa[SAS];
	struct espnic_pkt pkts[PACKETS];
	uint8_t bytes[PACKETS][SLOT];
};

enum way { PROTECT, UNPROTECT, CRYPT_OUT, CRYPT_IN };

static struct mix mix;
static struct outcome single, many;

static void go(unsigned int i, enum way way, struct espnic_pkt *pkts, unsigned int n)
{
	switch (way) {
	case PROTECT:
		body(i)->protect(body_thread(i), pkts, n);
		break;
	case UNPROTECT:
		body(i)->unprotect(body_thread(i), pkts, n);
		break;
	case CRYPT_OUT:
		body(i)->crypt_out(body_thread(i), pkts, n);
		break;
	case CRYPT_IN:
		body(i)->crypt_in(body_thread(i), pkts, n);
		break;
	}
}

/* The mix through body @i in bursts of @burst packets; 0: of chance. */
static void pass(unsigned int i, enum way way, struct outcome *o, unsigned int burst)
{
	unsigned int done = 0;

	for (unsigned int s = 0; s < SAS; s++)
		o->sa[s] = sa_must(body(i), &mix.params[s]);
	for (unsigned int k = 0; k < mix.n; k++) {
		memset(&o->pkts[k], 0, sizeof(o->pkts[k]));
		memset(o->bytes[k], 0, SLOT);
		memcpy(o->bytes[k] + ROOM, mix.bytes[k], mix.len[k]);
		o->pkts[k].data = o->bytes[k] + ROOM;
		o->pkts[k].len = mix.len[k];
		o->pkts[k].headroom = ROOM;
		o->pkts[k].tailroom = SLOT - ROOM - mix.len[k];
		o->pkts[k].sa = o->sa[mix.sa_of[k]];
		if (mix.seq[k]) {
			o->pkts[k].flags = ESPNIC_PKT_SEQ;
			o->pkts[k].seq = mix.seq[k];
		}
		/* Crypto offload: what the host knows. */
		o->pkts[k].esp_off = mix.bytes[k][0] >> 4 == 4 ? 20 : 40;
		o->pkts[k].seq_hi = (uint32_t)(mix.seq[k] >> 32);
	}
	while (done < mix.n) {
		unsigned int n = burst ? burst : 1 + chance() % PACKETS;

		n = n < mix.n - done ? n : mix.n - done;
		go(i, way, o->pkts + done, n);
		done += n;
	}
}

static void end_pass(unsigned int i, struct outcome *o)
{
	for (unsigned int s = 0; s < SAS; s++)
		body(i)->sa_del(o->sa[s]);
}

/* Verdicts, bytes, flags, numbers, and what the SAs have become. */
static void same(unsigned int i, unsigned int round, enum way way)
{
	for (unsigned int k = 0; k < mix.n; k++) {
		const struct espnic_pkt *a = &single.pkts[k], *b = &many.pkts[k];

		if (a->verdict != b->verdict)
			fail_msg("round %u, packet %u: alone %s, in a burst %s", round, k,
				 espnic_verdict_name(a->verdict), espnic_verdict_name(b->verdict));
		assert_true(a->seq == b->seq);
		assert_int_equal(a->flags, b->flags);
		if (way == CRYPT_IN && a->verdict != ESPNIC_OK) {
			assert_memory_equal(a->data, mix.bytes[k], mix.len[k]);
			assert_memory_equal(b->data, mix.bytes[k], mix.len[k]);
		}
		if (a->verdict != ESPNIC_OK)
			continue;
		assert_int_equal(a->len, b->len);
		assert_int_equal(a->headroom, b->headroom);
		assert_int_equal(a->tailroom, b->tailroom);
		assert_ptr_equal(b->data, many.bytes[k] + b->headroom);
		assert_memory_equal(a->data, b->data, a->len);
	}
	for (unsigned int s = 0; s < SAS; s++) {
		static struct espnic_sa_window w[2];
		struct espnic_sa_state st[2];

		body(i)->sa_query(single.sa[s], &st[0]);
		body(i)->sa_query(many.sa[s], &st[1]);
		assert_true(st[0].seq == st[1].seq && st[0].packets == st[1].packets &&
			    st[0].bytes == st[1].bytes);
		assert_int_equal(st[0].events, st[1].events);
		assert_memory_equal(st[0].verdicts, st[1].verdicts, sizeof(st[0].verdicts));
		body(i)->sa_window(single.sa[s], &w[0]);
		body(i)->sa_window(many.sa[s], &w[1]);
		assert_memory_equal(&w[0], &w[1], sizeof(w[0]));
	}
}

static void compare(unsigned int i, unsigned int round, enum way way)
{
	static const unsigned int bursts[] = { 32, PACKETS, 0 };

	pass(i, way, &single, 1);
	for (size_t b = 0; b < ARRAY_SIZE(bursts); b++) {
		pass(i, way, &many, bursts[b]);
		same(i, round, way);
		end_pass(i, &many);
		/* The first comparison took the events; they come again with the next pass. */
		end_pass(i, &single);
		pass(i, way, &single, 1);
	}
	end_pass(i, &single);
}

/* An SA of any kind (@usual: of that alone), near an end of the numbers or of its life. */
static void chance_sa(struct espnic_sa_params *p, bool usual)
{
	static const uint32_t windows[] = { 0, 32, 33, 64, 128, 1000, 4096 };
	static const uint64_t edges[] = { 0, UINT32_MAX, (uint64_t)1 << 32, (uint64_t)5 << 32,
					  UINT64_MAX };
	uint8_t outer = chance() % 2 ? 4 : 6;

	sa_defaults(p, ESPNIC_DIR_OUT, chance() % 2 ? ESPNIC_MODE_TUNNEL : ESPNIC_MODE_TRANSPORT,
		    outer);
	suite_params(chance() % suites(), p);
	p->spi = TEST_SPI + chance() % 1000;
	p->esn = chance() % 2;
	p->replay_window = windows[chance() % ARRAY_SIZE(windows)];
	p->seq = edges[chance() % ARRAY_SIZE(edges)];
	if (p->seq >= 100)
		p->seq -= chance() % 100;
	else
		p->seq += chance() % 100;
	if (!p->esn)
		p->seq &= UINT32_MAX;
	p->udp_encap = p->proto == ESPNIC_PROTO_ESP && chance() % 4 == 0;
	if (chance() % 3 == 0) {
		p->soft_packets = 1 + chance() % 20;
		p->hard_packets = p->soft_packets + chance() % 20;
	}
	if (chance() % 3 == 0) {
		p->soft_bytes = 1 + chance() % 2000;
		p->hard_bytes = p->soft_bytes + chance() % 4000;
	}
	if (chance() % 8 == 0) {
		p->has_sel = true;
		p->sel.sport_max = ESPNIC_PORT_MAX;
		p->sel.dport_max = ESPNIC_PORT_MAX;
		p->sel.proto = chance() % 2 ? 17 : 6;
	}
	if (usual)
		usual_params(p);
}

static uint32_t clear_packet(uint8_t *out)
{
	uint32_t len = make_ip(chance() % 2 ? 4 : 6, out, chance() % 300);

	/* Now and then the IP length is beyond the packet. */
	return chance() % 20 ? len : len - 1;
}

static void outbound(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		unsigned int i = round % TEST_BODIES;

		if (!body(i))
			continue;
		for (unsigned int s = 0; s < SAS; s++)
			chance_sa(&mix.params[s], round % 4 < 2);
		mix.n = PACKETS;
		for (unsigned int k = 0; k < mix.n; k++) {
			mix.sa_of[k] = chance() % SAS;
			mix.len[k] = clear_packet(mix.bytes[k]);
			mix.seq[k] = 0;
		}
		compare(i, round, PROTECT);
	}
}

/* Numbers around @top: near, at the window's ends, in other epochs, far. */
static uint64_t near(uint64_t top, uint32_t window, bool esn)
{
	static const uint64_t far[] = { 1, (uint64_t)1 << 31, (uint64_t)1 << 32, (uint64_t)3 << 31 };
	uint64_t step = chance() % 8;
	uint64_t seq = top;

	switch (chance() % 8) {
	case 0:
		step += window;
		break;
	case 1:
		step += far[chance() % ARRAY_SIZE(far)];
		break;
	case 2:
		step += chance() % 5000;
		break;
	default:
		break;
	}
	seq = chance() % 3 ? seq + step : seq - step;
	return esn ? seq : seq & UINT32_MAX;
}

/*
 * Packets sealed by a body for the SAs of the mix, with numbers of all kinds; then copies of
 * them, and spoiled ones. With @offload crypto the SAs are those of crypto offload.
 */
static void seal_mix(unsigned int i, enum espnic_sa_offload offload, bool usual)
{
	struct espnic_sa *out[SAS];
	uint64_t top[SAS];

	for (unsigned int s = 0; s < SAS; s++) {
		struct espnic_sa_params p;

		do {
			chance_sa(&mix.params[s], usual);
		} while (offload == ESPNIC_OFFLOAD_CRYPTO && mix.params[s].proto == ESPNIC_PROTO_AH);
		p = mix.params[s];
		top[s] = p.seq;
		p.seq = 0;
		p.soft_packets = p.hard_packets = p.soft_bytes = p.hard_bytes = 0;
		p.has_sel = false;
		out[s] = sa_must(body(i), &p);
		mix.params[s].dir = ESPNIC_DIR_IN;
		mix.params[s].offload = offload;
	}
	mix.n = 0;
	while (mix.n < PACKETS) {
		unsigned int k = mix.n, s = chance() % SAS;
		static struct buf b;

		mix.seq[k] = 0;
		if (k > 0 && chance() % 3 == 0) {
			unsigned int from = chance() % k;

			mix.sa_of[k] = mix.sa_of[from];
			mix.len[k] = mix.len[from];
			memcpy(mix.bytes[k], mix.bytes[from], SLOT);
		} else {
			uint64_t seq = near(top[s], mix.params[s].replay_window, mix.params[s].esn);
			uint8_t packet[512];

			buf_set(&b, packet, make_ip(chance() % 2 ? 4 : 6, packet, chance() % 300), out[s]);
			memcpy(b.pkt.data, packet, b.pkt.len);
			b.pkt.flags = ESPNIC_PKT_SEQ;
			b.pkt.seq = seq;
			if (protect(i, &b) != ESPNIC_OK)
				continue;
			if (chance() % 2)
				top[s] = seq;
			mix.sa_of[k] = s;
			mix.len[k] = b.pkt.len;
			memcpy(mix.bytes[k], b.pkt.data, b.pkt.len);
		}
		/* Spoil: the ICV or what is under it, a length, another SA's packet. */
		switch (chance() % 12) {
		case 0:
		case 1:
			mix.bytes[k][mix.len[k] - 1 - chance() % 12] ^= 1;
			break;
		case 2:
			mix.bytes[k][20 + chance() % (mix.len[k] - 20)] ^= 0x40;
			break;
		case 3:
			if (mix.len[k] > 64)
				mix.len[k] -= 1 + chance() % 30;
			break;
		case 4:
			mix.sa_of[k] = chance() % SAS;
			break;
		default:
			break;
		}
		mix.n++;
	}
	for (unsigned int s = 0; s < SAS; s++)
		body(i)->sa_del(out[s]);
}

static void inbound(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		unsigned int i = round % TEST_BODIES;

		if (!body(i))
			continue;
		seal_mix(i, ESPNIC_OFFLOAD_PACKET, round % 4 < 2);
		compare(i, round, UNPROTECT);
	}
}

static void crypto_inbound(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		unsigned int i = round % TEST_BODIES;

		if (!body(i))
			continue;
		seal_mix(i, ESPNIC_OFFLOAD_CRYPTO, round % 4 < 2);
		compare(i, round, CRYPT_IN);
	}
}

static void crypto_outbound(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < ROUNDS / 4; round++) {
		unsigned int i = round % TEST_BODIES;

		if (!body(i))
			continue;
		/* Ciphertext is plaintext enough: only the form matters. */
		seal_mix(i, ESPNIC_OFFLOAD_CRYPTO, round % 4 < 2);
		for (unsigned int s = 0; s < SAS; s++)
			mix.params[s].dir = ESPNIC_DIR_OUT;
		compare(i, round, CRYPT_OUT);
	}
}

/*
 * What one packet of a burst does to the next, case by case: two epochs apart, the second
 * packet's number is another one once the first is through.
 */
static void epoch_moves(void **state)
{
	static const struct {
		const char *what;
		uint64_t top;
		uint64_t seq[3];
		enum espnic_verdict verdict[3];
	} cases[] = {
		{ "the tried epoch was the wrong one, and the packet is good",
		  UINT32_MAX - 99, { 0x100200000, 0x1fffffff0, 0x1fffffff1 },
		  { ESPNIC_OK, ESPNIC_OK, ESPNIC_OK } },
		{ "good for the epoch tried, and now too late",
		  UINT32_MAX - 99, { 0x100200000, 0xfffffff0, 0x100200001 },
		  { ESPNIC_OK, ESPNIC_INTEGRITY, ESPNIC_OK } },
		{ "refused before, and good once the top has moved",
		  UINT32_MAX - 99, { 0x100200000, 0x1ffffff9c, 0x1ffffff9c },
		  { ESPNIC_OK, ESPNIC_OK, ESPNIC_REPLAY } },
		{ "seen before, and left of the window by now",
		  1000, { 2000, 1000, 2000 }, { ESPNIC_OK, ESPNIC_INTEGRITY, ESPNIC_REPLAY } },
	};

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(cases) * TEST_BODIES; c++) {
		unsigned int i = c % TEST_BODIES;
		size_t n = c / TEST_BODIES;
		struct espnic_sa_params p;
		struct espnic_sa *out;

		if (!body(i))
			continue;
		sa_defaults(&p, ESPNIC_DIR_OUT, ESPNIC_MODE_TUNNEL, ESPNIC_IPV4);
		p.esn = true;
		p.replay_window = 64;
		out = sa_must(body(i), &p);
		p.seq = cases[n].top;
		p.dir = ESPNIC_DIR_IN;
		mix.n = 3;
		for (unsigned int s = 0; s < SAS; s++)
			mix.params[s] = p;
		for (unsigned int k = 0; k < 3; k++) {
			static struct buf b;
			uint8_t packet[128];

			buf_set(&b, packet, make_ip(4, packet, 40), out);
			memcpy(b.pkt.data, packet, b.pkt.len);
			b.pkt.flags = ESPNIC_PKT_SEQ;
			b.pkt.seq = cases[n].seq[k];
			assert_verdict(protect(i, &b), ESPNIC_OK);
			mix.sa_of[k] = 0;
			mix.seq[k] = 0;
			mix.len[k] = b.pkt.len;
			memcpy(mix.bytes[k], b.pkt.data, b.pkt.len);
		}
		pass(i, UNPROTECT, &many, 3);
		for (unsigned int k = 0; k < 3; k++) {
			if (many.pkts[k].verdict != cases[n].verdict[k])
				fail_msg("%s: packet %u: %s", cases[n].what, k,
					 espnic_verdict_name(many.pkts[k].verdict));
		}
		end_pass(i, &many);
		compare(i, (unsigned int)n, UNPROTECT);
		body(i)->sa_del(out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(epoch_moves),
		cmocka_unit_test(outbound),
		cmocka_unit_test(inbound),
		cmocka_unit_test(crypto_inbound),
		cmocka_unit_test(crypto_outbound),
	};

	return cmocka_run_group_tests_name("engine/burst", tests, NULL, NULL);
}
