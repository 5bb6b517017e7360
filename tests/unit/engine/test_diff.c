// SPDX-License-Identifier: BSD-2-Clause
/*
 * The bodies side by side on the same random bursts: verdicts, bytes, flags, numbers, and what the SAs
 * have become. ESPNIC_DIFF_PACKETS says how many packets (make test-diff: a million), ESPNIC_DIFF_SEED
 * which; a failure names the round.
 */
#include "support.h"

#include <stdlib.h>

#include "bursts.h"

enum {
	SAS = 4,
	PACKETS = 64,			/* of a burst */
	ROOM = 160,			/* bytes in front of a packet and behind it */
	SLOT = 2 * ROOM + 2048,
	PACKETS_DEFAULT = 15000,
	SPI = 0x100,
};

struct side {
	struct espnic_sa *out[SAS], *in[SAS];
	struct espnic_pkt pkts[PACKETS];
	uint8_t bytes[PACKETS][SLOT];
};

static struct side sides[TEST_BODIES];
static const char *names[SAS];		/* the suites of the SAs */
static uint64_t round_no;
static uint64_t verdicts[ESPNIC_VERDICTS];

static uint64_t env(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

/* ---- SAs ---- */

/* Those of the @n-th SA; the suite's name. */
static const char *random_params(struct espnic_sa_params *p, unsigned int n)
{
	static const uint32_t windows[] = { 0, 32, 64, 256, 1024, 4096 };
	const char *name;

	espnic_sa_params_init(p);
	name = suite_params(below(suites()), p);
	fill(p->enc_key, sizeof(p->enc_key));
	fill(p->auth_key, sizeof(p->auth_key));
	p->spi = SPI + n;
	p->mode = below(2) ? ESPNIC_MODE_TUNNEL : ESPNIC_MODE_TRANSPORT;
	if (p->mode == ESPNIC_MODE_TUNNEL) {
		p->tunnel.family = below(2) ? ESPNIC_IPV4 : ESPNIC_IPV6;
		p->tunnel.src[0] = 10;
		p->tunnel.dst[0] = 11;
		p->tunnel.dscp = below(2) ? ESPNIC_DSCP_COPY : (uint8_t)below(64);
		p->tunnel.ecn = below(2);
		p->tunnel.df = below(3);
		p->tfc_len = below(8) ? 0 : below(600);
	}
	p->udp_encap = p->proto == ESPNIC_PROTO_ESP && !below(4);
	p->udp_sport = p->udp_dport = 4500;
	random_seq(p);
	p->mtu = below(6) ? 0 : 200 + below(1200);
	p->has_sel = !below(6);
	random_upper(&p->sel);
	random_limits(p);
	p->replay_window = windows[below(ARRAY_SIZE(windows))];
	if (round_no % 2) {
		usual_params(p);
		name = "usual";
	}
	return name;
}

/* One set of SAs in both bodies. */
static void make_sas(unsigned int n)
{
	struct espnic_sa_params p;

	names[n] = random_params(&p, n);
	for (unsigned int b = 0; b < TEST_BODIES; b++) {
		p.dir = ESPNIC_DIR_OUT;
		sides[b].out[n] = sa_must(body(b), &p);
		p.dir = ESPNIC_DIR_IN;
		sides[b].in[n] = sa_must(body(b), &p);
	}
}

static void free_sas(void)
{
	for (unsigned int b = 0; b < TEST_BODIES; b++)
		for (unsigned int n = 0; n < SAS; n++) {
			body(b)->sa_del(sides[b].out[n]);
			body(b)->sa_del(sides[b].in[n]);
		}
}

/* ---- packets ---- */

/* A clear packet, mostly sound; some with an extension header, some that lie. */
static uint32_t random_clear(uint8_t *out)
{
	uint8_t family = below(2) ? ESPNIC_IPV4 : ESPNIC_IPV6;
	uint32_t payload = below(3) ? below(200) : below(1400);
	uint32_t len = make_ip(family, out, payload), head = len - payload;

	fill(out + head, payload);
	out[1] ^= (uint8_t)below(4);			/* ECN, or a piece of the traffic class */
	if (family == ESPNIC_IPV4)
		espnic_ipv4_csum(out);
	if (family == ESPNIC_IPV6 && !below(4))
		random_options(out, payload);
	if (!below(20))
		out[below(head)] ^= (uint8_t)(1 << below(8));
	if (!below(20))
		len = below(len + 1);
	return len;
}

/* ---- comparison ---- */

static const char *name_of(const struct espnic_sa *sa)
{
	for (unsigned int n = 0; n < SAS; n++)
		if (sides[0].out[n] == sa || sides[0].in[n] == sa)
			return names[n];
	return "no SA";
}

static void compare_packets(const char *what, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		const struct espnic_pkt *a = &sides[0].pkts[i], *b = &sides[1].pkts[i];

		if (a->verdict != b->verdict)
			fail_msg("round %llu, %s, packet %u: %s says %s, %s says %s", (unsigned long long)round_no,
				 what, i, body(0)->name, espnic_verdict_name(a->verdict), body(1)->name,
				 espnic_verdict_name(b->verdict));
		verdicts[a->verdict]++;
		if (a->flags != b->flags || a->seq != b->seq)
			fail_msg("round %llu, %s, packet %u: flags or numbers differ", (unsigned long long)round_no,
				 what, i);
		if (a->verdict != ESPNIC_OK)
			continue;
		if (a->len != b->len || a->headroom != b->headroom || a->tailroom != b->tailroom)
			fail_msg("round %llu, %s, packet %u: %u and %u bytes", (unsigned long long)round_no, what, i,
				 a->len, b->len);
		for (uint32_t at = 0; at < a->len; at++)
			if (a->data[at] != b->data[at])
				fail_msg("round %llu, %s, packet %u, %s: byte %u of %u differs",
					 (unsigned long long)round_no, what, i, name_of(a->sa), at, a->len);
	}
}

static void compare_sa(struct espnic_sa *const sa[TEST_BODIES], bool in)
{
	static struct told told[TEST_BODIES];

	for (unsigned int b = 0; b < TEST_BODIES; b++)
		ask_sa(body(b), sa[b], in, &told[b]);
	if (!same_told(&told[0], &told[1]))
		fail_msg("round %llu: the SAs differ in state", (unsigned long long)round_no);
}

static void compare_sas(void)
{
	for (unsigned int n = 0; n < SAS; n++) {
		compare_sa((struct espnic_sa *const[]){ sides[0].out[n], sides[1].out[n] }, false);
		compare_sa((struct espnic_sa *const[]){ sides[0].in[n], sides[1].in[n] }, true);
	}
}

/* ---- a round: out, over a bad wire, in ---- */

static void protect_burst(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		uint8_t *p = sides[0].bytes[i] + ROOM;
		unsigned int sa = below(SAS);
		/* Now and then there is too little room, or just enough. */
		uint32_t front = below(20) ? ROOM : 16 + below(60), behind = below(20) ? ROOM : below(40), len;

		memset(sides[0].bytes[i], 0, SLOT);
		len = random_clear(p);
		memcpy(sides[1].bytes[i], sides[0].bytes[i], SLOT);
		for (unsigned int b = 0; b < TEST_BODIES; b++) {
			set_pkt(&sides[b].pkts[i], sides[b].bytes[i], SLOT, ROOM, len, sides[b].out[sa]);
			sides[b].pkts[i].headroom = front;
			sides[b].pkts[i].tailroom = behind;
		}
	}
	for (unsigned int b = 0; b < TEST_BODIES; b++)
		body(b)->protect(body_thread(b), sides[b].pkts, n);
	compare_packets("protect", n);
}

/* Which SA the outbound one @sa of body ref has for a twin, or any of the others now and then. */
static unsigned int twin_of(const struct espnic_sa *sa)
{
	unsigned int n = 0;

	while (n + 1 < SAS && sides[0].out[n] != sa)
		n++;
	return below(40) ? n : below(SAS);
}

static void unprotect_burst(unsigned int n)
{
	static uint8_t wire[PACKETS][SLOT];
	uint32_t len[PACKETS] = { 0 };
	unsigned int sa[PACKETS] = { 0 };

	for (unsigned int i = 0; i < n; i++) {
		const struct espnic_pkt *from = &sides[0].pkts[below(6) ? i : below(n)];

		sa[i] = twin_of(from->sa);
		if (from->verdict == ESPNIC_OK)
			len[i] = from->len < SLOT - 2 * ROOM ? from->len : SLOT - 2 * ROOM;
		memcpy(wire[i], from->data, len[i]);
		spoil(wire[i], &len[i]);
	}
	for (unsigned int b = 0; b < TEST_BODIES; b++)
		for (unsigned int i = 0; i < n; i++) {
			memset(sides[b].bytes[i], 0, SLOT);
			memcpy(sides[b].bytes[i] + ROOM, wire[i], len[i]);
			set_pkt(&sides[b].pkts[i], sides[b].bytes[i], SLOT, ROOM, len[i], sides[b].in[sa[i]]);
		}
	for (unsigned int b = 0; b < TEST_BODIES; b++)
		body(b)->unprotect(body_thread(b), sides[b].pkts, n);
	compare_packets("unprotect", n);
}

static void test_bodies_agree(void **state)
{
	uint64_t packets = env("ESPNIC_DIFF_PACKETS", PACKETS_DEFAULT), done = 0, seed = env("ESPNIC_DIFF_SEED", 1);

	(void)state;
	if (!body(1)) {
		print_message("body fast is not to be had here\n");
		skip();
	}
	while (done < packets) {
		unsigned int bursts = 1 + (unsigned int)(round_no % 8);

		rng = seed * 1000003 + ++round_no;
		for (unsigned int n = 0; n < SAS; n++)
			make_sas(n);
		while (bursts--) {
			unsigned int n = 1 + below(PACKETS);

			protect_burst(n);
			unprotect_burst(n);
			compare_sas();
			done += 2 * n;
		}
		free_sas();
	}
	print_message("seed %llu: %llu packets\n", (unsigned long long)seed, (unsigned long long)done);
	for (unsigned int v = 0; v < ESPNIC_VERDICTS; v++)
		if (verdicts[v])
			print_message("  %-14s %llu\n", espnic_verdict_name(v), (unsigned long long)verdicts[v]);
	/* Were hardly one to pass, or all, the rest would say nothing. */
	assert_in_range(verdicts[ESPNIC_OK], done / 4, done - done / 20);
	assert_true(verdicts[ESPNIC_INTEGRITY] && verdicts[ESPNIC_REPLAY] && verdicts[ESPNIC_MALFORMED]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bodies_agree),
	};

	return cmocka_run_group_tests_name("diff", tests, NULL, NULL);
}
