// SPDX-License-Identifier: BSD-2-Clause
/*
 * Body rtl held against body ref, packet by packet: verdict, bytes, number, flags, and after it each counter, the hot state
 * and the replay window of its SA. Rounds of single packets and rounds of bursts take turns: what lies in the RTL's pipelines
 * at once must be as if each packet had come alone. SAs are updated, inherited and deleted meanwhile.
 *
 * usage: lockstep [--packets N] [--seed N] [--rounds FIRST-LAST] [--spoil ROUND]
 *
 * A difference names seed, round and packet and shows both sides; where the library with traces is built (make RTL_TRACE=1
 * rtl-engine), all is run once more with it, and an FST file has the clocks around it. --spoil changes a byte of what the RTL gave in
 * that round: what a difference looks like, where there is none.
 */
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/rtl.h"
#include "unit/engine/bursts.h"

enum {
	BODIES = 2,			/* ref, rtl */
	SAS = 4,			/* in each direction */
	PACKETS = 40,			/* of a burst */
	ROOM = 1024,			/* bytes in front of a packet and behind it: TFC padding, too */
	LEN_MAX = 9600,
	SLOT = 2 * ROOM + LEN_MAX,
	SPI = 0x100,
	BURSTS = 6,			/* of a round */
	SMALL_WINDOW = 256,		/* packets: windows up to here are compared after each packet */
	TRIES = 40,			/* for an SA that the RTL takes */
	WAVES_AHEAD = 2000,		/* clocks, in front of the packet or burst that is looked into */
	ENOUGH = 1500,			/* packets: all kinds of verdicts must be among them */
};

struct side {
	const struct espnic_engine_ops *ops;
	struct espnic_engine_thread *thread;
	struct espnic_sa *sa[2][SAS];	/* by direction */
	struct espnic_pkt pkts[PACKETS];
	uint8_t bytes[PACKETS][SLOT];
};

static struct side sides[BODIES];
static struct espnic_sa_params params[2][SAS];
static uint64_t seed = 1, first_round = 1, round_no, spoiled_round;
static uint64_t burst_clock;		/* of the model, as the packet or burst began */
static uint64_t verdicts[ESPNIC_VERDICTS], unsupported, done;
static const char *program;

/* ---- what is said of a difference ---- */

static void show_bytes(const char *what, const uint8_t *p, uint32_t len)
{
	printf("#   %s, %u bytes: ", what, len);
	for (uint32_t i = 0; i < len; i++)
		printf("%02x", p[i]);
	printf("\n");
}

static void show_packet(unsigned int i)
{
	for (unsigned int b = 0; b < BODIES; b++) {
		const struct espnic_pkt *p = &sides[b].pkts[i];

		printf("#   %s: %s, number %" PRIx64 ", flags %x\n", sides[b].ops->name, espnic_verdict_name(p->verdict), p->seq,
		       p->flags);
		if (p->verdict == ESPNIC_OK)
			show_bytes(sides[b].ops->name, p->data, p->len);
	}
}

static void show_state(const char *name, const struct espnic_sa_state *st, const struct espnic_sa_window *w)
{
	printf("#   %s: number %" PRIx64 ", %" PRIu64 " packets, %" PRIu64 " bytes, events %x;", name, st->seq, st->packets, st->bytes,
	       st->events);
	for (int v = 0; v < ESPNIC_VERDICTS; v++)
		if (st->verdicts[v])
			printf(" %s %" PRIu64, espnic_verdict_name((enum espnic_verdict)v), st->verdicts[v]);
	printf("; window %u, top %" PRIx64 ":", w->size, w->top);
	for (uint32_t i = 0; i * 64 < w->size; i++)
		printf(" %" PRIx64, w->bitmap[i]);
	printf("\n");
}

static void show_sa(const struct espnic_sa_params *p)
{
	printf("#   SA %08x: dir %d mode %d enc %d key %u icv %u esn %d udp %d outer %u window %u mtu %u tfc %u sel %d\n", p->spi, p->dir,
	       p->mode, p->enc, p->enc_key_len, p->icv_len, p->esn, p->udp_encap, p->tunnel.family, p->replay_window, p->mtu,
	       p->tfc_len, p->has_sel);
}

/* ---- the window of waves around it ---- */

/* The library with traces beside the one in use: that of build/NAME is in build/NAME-trace. False: no such name. */
static bool trace_library(char *path, size_t room)
{
	static const char tail[] = "/lib/libespnic-rtl.so";
	const char *lib = getenv("ESPNIC_RTL_LIB");
	size_t folder;

	if (!lib)
		lib = "build/rtl/lib/libespnic-rtl.so";
	folder = strlen(lib) - (strlen(lib) < sizeof(tail) ? strlen(lib) : sizeof(tail) - 1);
	if (strcmp(lib + folder, tail) != 0)
		return false;
	snprintf(path, room, "%.*s-trace%s", (int)folder, lib, tail);
	return true;
}

/*
 * All of it once more, and waves from shortly before the packet or burst at which it ended: stalls at random are what they were only if
 * everything in front of it is, too. Says how, where the library with traces is not there. Does not return.
 */
static _Noreturn void run_again(void)
{
	char library[PATH_MAX], file[2 * PATH_MAX], rounds[64], number[32], from[32], spoil_round[32];

	/* The model closes its file at the end of the program. */
	if (getenv("ESPNIC_RTL_TRACE"))
		exit(1);
	if (!trace_library(library, sizeof(library)))
		_exit(1);
	snprintf(number, sizeof(number), "%" PRIu64, seed);
	snprintf(rounds, sizeof(rounds), "%" PRIu64 "-%" PRIu64, first_round, round_no);
	snprintf(from, sizeof(from), "%" PRIu64, burst_clock > WAVES_AHEAD ? burst_clock - WAVES_AHEAD : 0);
	/* Beside the library's folder. */
	snprintf(file, sizeof(file), "%.*s/lockstep-%s-%" PRIu64 ".fst", (int)(strlen(library) - strlen("/lib/libespnic-rtl.so")), library, number, round_no);
	if (access(library, R_OK) != 0) {
		printf("# for waves: make RTL_TRACE=1 rtl-engine (of the same form), then ESPNIC_RTL_LIB=%s ESPNIC_RTL_TRACE=%s"
		       " ESPNIC_RTL_TRACE_FROM=%s %s --seed %s --rounds %s\n", library, file, from, program, number, rounds);
		fflush(stdout);
		_exit(1);
	}
	printf("# again, with waves from clock %s on in %s\n", from, file);
	fflush(stdout);
	setenv("ESPNIC_RTL_LIB", library, 1);
	setenv("ESPNIC_RTL_TRACE", file, 1);
	setenv("ESPNIC_RTL_TRACE_FROM", from, 1);
	snprintf(spoil_round, sizeof(spoil_round), "%" PRIu64, spoiled_round);
	execl(program, program, "--seed", number, "--rounds", rounds, "--spoil", spoil_round, NULL);
	_exit(1);
}

static _Noreturn void give_up(const char *what, unsigned int packet)
{
	printf("not ok 1 - seed %" PRIu64 ", round %" PRIu64 ", packet %u: %s\n1..1\n", seed, round_no, packet, what);
	fflush(stdout);
	run_again();
}

/* So ends what an assertion of the RTL ends. */
static void aborted(int sig)
{
	(void)sig;
	printf("not ok 1 - seed %" PRIu64 ", round %" PRIu64 ": the RTL's model ended itself\n1..1\n", seed, round_no);
	fflush(stdout);
	run_again();
}

/* ---- SAs ---- */

static void random_suite(struct espnic_sa_params *p)
{
	static const uint8_t icvs[] = { 8, 12, 16 };
	static const enum espnic_enc others[] = { ESPNIC_ENC_CHACHA20_POLY1305, ESPNIC_ENC_AES_CCM };

	p->enc = below(4) ? ESPNIC_ENC_AES_GCM : ESPNIC_ENC_AES_GMAC;
	p->enc_key_len = (uint8_t)(16 + 8 * below(3));
	p->salt_len = 4;
	p->icv_len = p->enc == ESPNIC_ENC_AES_GCM ? icvs[below(3)] : 16;
	fill(p->enc_key, p->enc_key_len);
	fill(p->salt, p->salt_len);
	/* Now and then something that the RTL lacks. */
	if (!below(12)) {
		p->enc = others[below(2)];
		p->enc_key_len = 32;
		p->salt_len = p->enc == ESPNIC_ENC_AES_CCM ? 3 : 4;
		p->icv_len = 16;
	}
}

static void random_tunnel(struct espnic_sa_params *p)
{
	p->tunnel.family = below(2) ? ESPNIC_IPV4 : ESPNIC_IPV6;
	fill(p->tunnel.src, sizeof(p->tunnel.src));
	fill(p->tunnel.dst, sizeof(p->tunnel.dst));
	p->tunnel.ttl = (uint8_t)(1 + below(255));
	p->tunnel.dscp = below(2) ? ESPNIC_DSCP_COPY : (uint8_t)below(64);
	p->tunnel.ecn = below(2);
	p->tunnel.df = (enum espnic_df)below(3);
	p->tfc_len = below(8) ? 0 : below(900);
}

static void random_selector(struct espnic_sa_params *p)
{
	static const uint8_t families[] = { ESPNIC_IPV4, ESPNIC_IPV4, ESPNIC_IPV6, ESPNIC_IP_ANY };

	p->has_sel = true;
	p->sel.family = families[below(4)];
	random_upper(&p->sel);
	p->sel.src_prefix = (uint8_t)below(8);
	if (p->sel.family == ESPNIC_IPV4)
		p->sel.src[0] = 10;
	if (p->sel.family == ESPNIC_IPV6)
		p->sel.src[0] = 0xfd;
}

static void random_params(struct espnic_sa_params *p, unsigned int n)
{
	static const uint32_t windows[] = { 0, 32, 64, 65, 256, 1024, 4096 };

	espnic_sa_params_init(p);
	random_suite(p);
	p->spi = SPI + n;
	p->mode = below(5) < 3 ? ESPNIC_MODE_TUNNEL : ESPNIC_MODE_TRANSPORT;
	if (p->mode == ESPNIC_MODE_TUNNEL)
		random_tunnel(p);
	p->udp_encap = !below(4);
	p->udp_sport = p->udp_dport = 4500;
	random_seq(p);
	if (p->esn && !below(12))
		p->seq = UINT64_MAX - below(40);
	p->mtu = below(6) ? 0 : 200 + below(1200);
	if (!below(4))
		random_selector(p);
	random_limits(p);
	p->replay_window = windows[below(sizeof(windows) / sizeof(windows[0]))];
}

/* Whether both bodies take @p; what the RTL lacks it must say, and ref must have. */
static bool add_both(unsigned int n, enum espnic_sa_dir dir, const struct espnic_sa_params *p)
{
	enum espnic_verdict v[BODIES];
	const char *why[BODIES] = { "", "" };

	for (unsigned int b = 0; b < BODIES; b++)
		v[b] = sides[b].ops->sa_add(p, &sides[b].sa[dir][n], &why[b]);
	params[dir][n] = *p;
	if (v[0] == ESPNIC_OK && v[1] == ESPNIC_UNSUPPORTED && strncmp(why[1], "rtl: ", 5) == 0) {
		sides[0].ops->sa_del(sides[0].sa[dir][n]);
		unsupported++;
		return false;
	}
	if (v[0] != v[1] || v[0] != ESPNIC_OK) {
		show_sa(p);
		printf("#   ref: %s (%s), rtl: %s (%s)\n", espnic_verdict_name(v[0]), why[0], espnic_verdict_name(v[1]), why[1]);
		give_up("an SA is taken by one body alone", 0);
	}
	return true;
}

static void free_sa(enum espnic_sa_dir dir, unsigned int n)
{
	for (unsigned int b = 0; b < BODIES; b++)
		sides[b].ops->sa_del(sides[b].sa[dir][n]);
}

/* An SA in each direction, one the other's peer. */
static void make_pair(unsigned int n)
{
	for (int i = 0; i < TRIES; i++) {
		struct espnic_sa_params p;

		random_params(&p, n);
		p.dir = ESPNIC_DIR_OUT;
		if (!below(6)) {
			p.lease_end = p.seq + below(60) + 1;
			p.lease_mark = p.lease_end - below(20);
		}
		if (!add_both(n, ESPNIC_DIR_OUT, &p))
			continue;
		p.dir = ESPNIC_DIR_IN;
		if (add_both(n, ESPNIC_DIR_IN, &p))
			return;
		free_sa(ESPNIC_DIR_OUT, n);
	}
	give_up("the RTL takes no SA of many", 0);
}

/* ---- comparison ---- */

static void compare_sa(enum espnic_sa_dir dir, unsigned int n, bool window, unsigned int packet)
{
	static struct told told[BODIES];

	for (unsigned int b = 0; b < BODIES; b++)
		ask_sa(sides[b].ops, sides[b].sa[dir][n], window && dir == ESPNIC_DIR_IN, &told[b]);
	if (same_told(&told[0], &told[1]))
		return;
	show_sa(&params[dir][n]);
	for (unsigned int b = 0; b < BODIES; b++)
		show_state(sides[b].ops->name, &told[b].state, &told[b].window);
	give_up("the SA's state differs", packet);
}

static void compare_packet(unsigned int i, const struct espnic_sa_params *p)
{
	const struct espnic_pkt *a = &sides[0].pkts[i], *b = &sides[1].pkts[i];
	bool ok = a->verdict == ESPNIC_OK;

	verdicts[a->verdict]++;
	done++;
	if (a->verdict == b->verdict && a->flags == b->flags &&
	    (!ok || (a->seq == b->seq && a->len == b->len && memcmp(a->data, b->data, a->len) == 0)))
		return;
	show_sa(p);
	show_packet(i);
	give_up("the packet differs", i);
}

/* ---- packets ---- */

/* Lengths: small ones, those around the edges of beats, those of Ethernet, and some of jumbo frames. */
static uint32_t random_len(void)
{
	switch (below(8)) {
	case 0:
		return below(3);
	case 1:
		return 16 * below(12) + below(3);
	case 2:
		return 1300 + below(150);
	case 3:
		return below(6) ? below(200) : below(LEN_MAX - 400);
	default:
		return below(200);
	}
}

static uint32_t random_clear(uint8_t *out)
{
	bool v4 = below(2);
	uint32_t payload = random_len(), head = v4 ? ESPNIC_IPV4_HLEN : ESPNIC_IPV6_HLEN, len = head + payload;

	fill(out, len);
	if (v4) {
		out[0] = 0x45;
		espnic_put16(out + ESPNIC_IPV4_LEN, (uint16_t)len);
		out[6] &= 0x40;
		out[7] = 0;
		out[9] = below(3) ? ESPNIC_IPPROTO_UDP : (uint8_t)below(256);
		if (below(2))
			out[12] = 10;
		espnic_ipv4_csum(out);
	} else {
		out[0] = (uint8_t)(0x60 | (out[0] & 0xf));
		espnic_put16(out + ESPNIC_IPV6_LEN, (uint16_t)payload);
		out[ESPNIC_IPV6_NEXT] = ESPNIC_IPPROTO_UDP;
		if (below(2))
			out[8] = 0xfd;
		if (!below(3))
			random_options(out, payload);
	}
	if (!below(20))
		out[below(head)] ^= (uint8_t)(1 << below(8));
	if (!below(20))
		len = below(len + 1);
	else if (!below(10) && len + 46 < LEN_MAX)
		len += below(46);
	return len;
}

/* Packets from @first on, one after the other or in one burst, and what became of them and their SAs. */
static void run(enum espnic_sa_dir dir, const unsigned int *sa, unsigned int n)
{
	unsigned int at_once = round_no % 2 ? n : 1;

	for (unsigned int i = 0; i < n; i += at_once) {
		burst_clock = espnic_rtl_clocks();
		for (unsigned int b = 0; b < BODIES; b++) {
			struct side *s = &sides[b];

			if (dir == ESPNIC_DIR_OUT)
				s->ops->protect(s->thread, &s->pkts[i], at_once);
			else
				s->ops->unprotect(s->thread, &s->pkts[i], at_once);
		}
		if (round_no == spoiled_round && sides[1].pkts[i].verdict == ESPNIC_OK)
			sides[1].pkts[i].data[0] ^= 1;
		for (unsigned int k = i; k < i + at_once; k++)
			compare_packet(k, &params[dir][sa[k]]);
		if (at_once == 1)
			compare_sa(dir, sa[i], params[dir][sa[i]].replay_window <= SMALL_WINDOW, i);
	}
	for (unsigned int k = 0; k < SAS; k++)
		compare_sa(dir, k, true, n);
}

static void protect_burst(unsigned int n, unsigned int *sa)
{
	for (unsigned int i = 0; i < n; i++) {
		static uint8_t clear[SLOT], iv[PACKETS][8];
		uint32_t len = random_clear(clear);
		bool use_iv = !below(8), use_seq = !below(10);
		uint64_t seq;

		sa[i] = below(3) ? below(SAS) : 0;
		seq = params[ESPNIC_DIR_OUT][sa[i]].seq + below(100);
		fill(iv[i], sizeof(iv[i]));
		for (unsigned int b = 0; b < BODIES; b++) {
			/* Now and then an SA of the other direction. */
			struct espnic_sa *by = sides[b].sa[i % 37 == 36 ? ESPNIC_DIR_IN : ESPNIC_DIR_OUT][sa[i]];

			memcpy(sides[b].bytes[i] + ROOM, clear, len);
			set_pkt(&sides[b].pkts[i], sides[b].bytes[i], SLOT, ROOM, len, by);
			sides[b].pkts[i].iv = use_iv ? iv[i] : NULL;
			sides[b].pkts[i].seq = seq;
			if (use_seq)
				sides[b].pkts[i].flags |= ESPNIC_PKT_SEQ;
		}
	}
	run(ESPNIC_DIR_OUT, sa, n);
}

static void unprotect_burst(unsigned int n, const unsigned int *sent_by)
{
	static uint8_t wire[PACKETS][SLOT];
	unsigned int sa[PACKETS];
	uint32_t len[PACKETS];

	for (unsigned int i = 0; i < n; i++) {
		unsigned int from = below(6) ? i : below(n);
		const struct espnic_pkt *pkt = &sides[0].pkts[from];

		sa[i] = below(40) ? sent_by[from] : below(SAS);
		len[i] = pkt->verdict == ESPNIC_OK ? pkt->len : below(64);
		if (len[i] > LEN_MAX)
			len[i] = LEN_MAX;
		memcpy(wire[i], pkt->data, len[i]);
		spoil(wire[i], &len[i]);
	}
	for (unsigned int b = 0; b < BODIES; b++)
		for (unsigned int i = 0; i < n; i++) {
			memcpy(sides[b].bytes[i] + ROOM, wire[i], len[i]);
			set_pkt(&sides[b].pkts[i], sides[b].bytes[i], SLOT, ROOM, len[i], sides[b].sa[ESPNIC_DIR_IN][sa[i]]);
		}
	run(ESPNIC_DIR_IN, sa, n);
}

/* ---- what the owner of an SA does to it ---- */

static void update_some(void)
{
	enum espnic_sa_dir dir = (enum espnic_sa_dir)below(2);
	unsigned int n = below(SAS);
	struct espnic_sa_params *p = &params[dir][n];
	struct espnic_sa_update u = { .what = 1u << below(3) };
	struct espnic_sa_state st;

	sides[0].ops->sa_query(sides[0].sa[dir][n], &st);
	u.seq = st.seq + below(200) - 50;
	random_limits(p);
	u.soft_packets = st.packets + below(20);
	u.hard_packets = below(2) ? 0 : st.packets + below(40);
	u.soft_bytes = below(2) ? 0 : st.bytes + below(9000);
	u.hard_bytes = below(3) ? 0 : st.bytes + below(90000);
	u.lease_end = below(3) ? 0 : st.seq + below(50);
	u.lease_mark = u.lease_end - below(10);
	for (unsigned int b = 0; b < BODIES; b++) {
		struct espnic_sa_state other;

		/* Both have been asked for events then. */
		if (b)
			sides[b].ops->sa_query(sides[b].sa[dir][n], &other);
		if (sides[b].ops->sa_update(sides[b].sa[dir][n], &u) != ESPNIC_OK && (p->esn || u.seq <= UINT32_MAX))
			give_up("an update is refused", 0);
	}
	compare_sa(dir, n, true, 0);
}

/* A twin of an SA comes, goes on where that one stopped, and takes its place. */
static void inherit_some(void)
{
	enum espnic_sa_dir dir = (enum espnic_sa_dir)below(2);
	unsigned int n = below(SAS);
	struct espnic_sa_params p = params[dir][n];

	p.seq = below(2) ? 0 : p.seq;
	for (unsigned int b = 0; b < BODIES; b++) {
		struct espnic_sa *heir = NULL;

		if (sides[b].ops->sa_add(&p, &heir, NULL) != ESPNIC_OK)
			give_up("a twin is refused", 0);
		sides[b].ops->sa_inherit(heir, sides[b].sa[dir][n]);
		sides[b].ops->sa_del(sides[b].sa[dir][n]);
		sides[b].sa[dir][n] = heir;
	}
	params[dir][n] = p;
	compare_sa(dir, n, true, 0);
}

static void run_round(void)
{
	rng = seed * 1000003 + round_no;
	for (unsigned int n = 0; n < SAS; n++)
		make_pair(n);
	for (int i = 0; i < BURSTS; i++) {
		unsigned int n = 1 + below(PACKETS), sa[PACKETS];

		protect_burst(n, sa);
		unprotect_burst(n, sa);
		if (!below(2))
			update_some();
		if (!below(3))
			inherit_some();
	}
	for (unsigned int n = 0; n < SAS; n++) {
		free_sa(ESPNIC_DIR_OUT, n);
		free_sa(ESPNIC_DIR_IN, n);
	}
}

static void open_sides(void)
{
	static const char *const names[BODIES] = { "ref", "rtl" };

	for (unsigned int b = 0; b < BODIES; b++) {
		const char *why = "";

		sides[b].ops = espnic_engine_get(names[b], &why);
		sides[b].thread = sides[b].ops ? sides[b].ops->thread_new() : NULL;
		if (!sides[b].thread) {
			printf("not ok 1 - %s\n1..1\n", why);
			exit(1);
		}
	}
}

int main(int argc, char **argv)
{
	uint64_t packets = 4000, last = UINT64_MAX;

	program = argv[0];
	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--packets"))
			packets = strtoull(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--seed"))
			seed = strtoull(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--spoil"))
			spoiled_round = strtoull(argv[i + 1], NULL, 0);
		else if (strcmp(argv[i], "--rounds") != 0 || sscanf(argv[i + 1], "%" SCNu64 "-%" SCNu64, &first_round, &last) != 2)
			argc = 0;
	}
	if (argc % 2 == 0) {
		fprintf(stderr, "usage: lockstep [--packets N] [--seed N] [--rounds FIRST-LAST] [--spoil ROUND]\n");
		return 2;
	}
	open_sides();
	signal(SIGABRT, aborted);
	printf("# seed %" PRIu64 "\n", seed);
	for (round_no = first_round; round_no <= last && done < packets; round_no++)
		run_round();
	printf("ok 1 - ref and rtl agree on %" PRIu64 " packets; %" PRIu64 " SAs were refused by rtl\n", done, unsupported);
	for (int v = 0; v < ESPNIC_VERDICTS; v++)
		if (verdicts[v])
			printf("#   %-14s %" PRIu64 "\n", espnic_verdict_name((enum espnic_verdict)v), verdicts[v]);
	if (packets >= ENOUGH && first_round == 1 && last == UINT64_MAX) {
		static const enum espnic_verdict all[] = { ESPNIC_OK, ESPNIC_MALFORMED, ESPNIC_NO_SA, ESPNIC_INTEGRITY, ESPNIC_REPLAY,
			ESPNIC_SEQ_EXHAUSTED, ESPNIC_LIFETIME, ESPNIC_SELECTOR, ESPNIC_MTU, ESPNIC_LEASE };
		unsigned int drawn = 0;

		for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++)
			drawn += verdicts[all[i]] > 0;
		printf("%s 2 - verdicts of all kinds were drawn\n1..2\n", drawn == sizeof(all) / sizeof(all[0]) ? "ok" : "not ok");
		return drawn != sizeof(all) / sizeof(all[0]);
	}
	printf("1..1\n");
	return 0;
}
