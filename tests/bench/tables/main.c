// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a lookup in SAD and SPD costs, by the size of the table. Two builds of one program: the one
 * times, the other (BENCH_COUNT) counts the cache lines of the tables that a lookup reads. Lines of
 * `table<TAB>lookup<TAB>entries<TAB>value`, as often as there are rounds; sizes take turns within a round.
 *
 * usage: tables ROUNDS
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/sad.h"
#include "engine/spd.h"

enum {
	BURST = 64,
	LOOKUPS = 1 << 16,		/* of one slice */
	FLOWS = 4096,			/* packets a slice goes round in */
	LOCALS = 8,			/* addresses of this host */
	SPI_FIRST = 0x1000,
	LINE = 64,
	LINES_MAX = 1 << 14,
};

static const uint32_t sad_sizes[] = { 1000, 10000, 100000, 1000000 };
static const uint32_t spd_sizes[] = { 10, 100, 1000, 10000, 100000 };

enum { SAD_SIZES = sizeof(sad_sizes) / sizeof(sad_sizes[0]), SPD_SIZES = sizeof(spd_sizes) / sizeof(spd_sizes[0]) };

static uint8_t local[LOCALS][16];
static uint64_t rng = 1;
static volatile uintptr_t sink;		/* results go somewhere, or nothing would be looked up */

static uint32_t random_below(uint32_t below)
{
	/* xorshift64 (Marsaglia: "Xorshift RNGs") */
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)((rng >> 32) * below >> 32);
}

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void die(const char *what)
{
	fprintf(stderr, "tables: %s\n", what);
	exit(1);
}

/* ---- what is measured: time, or lines ---- */

#ifdef BENCH_COUNT
#include "touch.h"

static uintptr_t lines[LINES_MAX];
static unsigned int n_lines;
static uint64_t touched;
static bool counting;

void bench_touch(const void *p, size_t n)
{
	if (!counting)
		return;
	for (uintptr_t l = (uintptr_t)p / LINE; l <= ((uintptr_t)p + n - 1) / LINE; l++) {
		unsigned int i = 0;

		while (i < n_lines && lines[i] != l)
			i++;
		if (i < n_lines)
			continue;
		if (n_lines == LINES_MAX)
			die("a lookup reads more lines than can be counted");
		lines[n_lines++] = l;
		touched++;
	}
}

/* A lookup is over: the next one reads all anew. */
static void looked_up(void)
{
	n_lines = 0;
}

static double start(void)
{
	touched = 0;
	counting = true;
	return 0;
}

static double cost(double begin, unsigned int lookups)
{
	(void)begin;
	counting = false;
	return (double)touched / lookups;
}
#else
static void looked_up(void)
{
}

static double start(void)
{
	struct timespec ts;

	/* Processor time: what else runs on the machine does not count. */
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double cost(double begin, unsigned int lookups)
{
	return (start() - begin) / lookups;
}
#endif

static void report(const char *table, const char *lookup, uint32_t entries, double value)
{
	printf("%s\t%s\t%u\t%.3f\n", table, lookup, entries, value);
}

/* ---- SAD ---- */

struct sas {
	uint32_t n;
	struct espnic_sad *in, *out;
};

static void sas_make(struct sas *s, uint32_t n)
{
	s->n = n;
	s->in = espnic_sad_new(n);
	s->out = espnic_sad_new(n);
	if (!s->in || !s->out)
		die("no memory for SAs");
	for (uint32_t i = 0; i < n; i++) {
		struct espnic_sad_entry e = {
			.handle = i + 1, .spi = SPI_FIRST + i, .dir = ESPNIC_DIR_IN, .ip_proto = 50,
			.family = ESPNIC_IPV4, .mode = ESPNIC_MODE_TUNNEL,
		};

		memcpy(e.daddr, local[i % LOCALS], 16);
		put32(e.saddr, 0x0a000000 + i);
		if (espnic_sad_insert(s->in, &e, NULL))
			die("inbound SA refused");
		/* Outbound: a peer each. */
		e.dir = ESPNIC_DIR_OUT;
		e.reqid = 1 + i;
		memcpy(e.saddr, local[i % LOCALS], 16);
		memset(e.daddr, 0, 16);
		put32(e.daddr, 0x0a000000 + i);
		if (espnic_sad_insert(s->out, &e, NULL))
			die("outbound SA refused");
	}
}

/* A packet of one of the first @n SAs, or of one behind them, which is not there. */
static struct espnic_sad_key key_of(uint32_t i)
{
	return (struct espnic_sad_key){
		.spi = SPI_FIRST + i, .ip_proto = 50, .family = ESPNIC_IPV4,
		.daddr = local[i % LOCALS], .saddr = local[0],
	};
}

static double sad_find(struct sas *s, uint32_t from)
{
	double begin = start();

	for (unsigned int i = 0; i < LOOKUPS; i++) {
		struct espnic_sad_key k = key_of(from + random_below(s->n));

		sink += (uintptr_t)espnic_sad_find(s->in, &k);
		looked_up();
	}
	return cost(begin, LOOKUPS);
}

static double sad_choose(struct sas *s)
{
	struct espnic_spd_policy p = {
		.tmpl = { .mode = ESPNIC_MODE_TUNNEL, .ip_proto = 50, .family = ESPNIC_IPV4 },
	};
	const struct espnic_flow f = { .family = ESPNIC_IPV4 };
	double begin = start();

	for (unsigned int i = 0; i < LOOKUPS; i++) {
		uint32_t n = random_below(s->n);

		p.tmpl.reqid = 1 + n;
		put32(p.tmpl.daddr, 0x0a000000 + n);
		sink += (uintptr_t)espnic_sad_choose(s->out, &p, &f);
		looked_up();
	}
	return cost(begin, LOOKUPS);
}

/* A burst shares lines: only its time says something. */
#ifndef BENCH_COUNT
static double sad_burst(struct sas *s)
{
	struct espnic_sad_key keys[BURST];
	struct espnic_sad_entry *found[BURST];
	double begin = start();

	for (unsigned int i = 0; i < LOOKUPS; i += BURST) {
		for (unsigned int j = 0; j < BURST; j++)
			keys[j] = key_of(random_below(s->n));
		espnic_sad_find_burst(s->in, keys, found, BURST);
		for (unsigned int j = 0; j < BURST; j++)
			sink += (uintptr_t)found[j]->sa;
		looked_up();
	}
	return cost(begin, LOOKUPS);
}

/* An SA taken out and put in again. */
static double sad_replace(struct sas *s)
{
	double begin = start();

	for (unsigned int i = 0; i < LOOKUPS; i++) {
		struct espnic_sad_entry *e = espnic_sad_by_handle(s->in, 1 + random_below(s->n)), copy = *e;

		espnic_sad_remove(s->in, e);
		if (espnic_sad_insert(s->in, &copy, NULL))
			die("an SA is not taken back");
	}
	return cost(begin, LOOKUPS);
}
#endif

/* ---- SPD ---- */

struct policies {
	const char *name;
	uint32_t n;
	struct espnic_spd *spd;
	struct espnic_flow flow[FLOWS];
};

/* Tunnels to sites: a network and a host of ours each, over a block of all the rest. */
static void sites(struct espnic_spd_policy *p, uint32_t i, uint32_t n)
{
	p->priority = 1000;
	p->sel.family = ESPNIC_IPV4;
	p->sel.src_prefix = 24;
	p->sel.dst_prefix = 24;
	put32(p->sel.src, 0xc0a80000);
	put32(p->sel.dst, 0x0a000000 + (i << 8));
	if (i == n - 1) {
		p->priority = 2000;
		p->sel.src_prefix = p->sel.dst_prefix = 0;
	}
}

/* What access lists look like: networks of many sizes, services, port ranges, exceptions at all priorities. */
static void lists(struct espnic_spd_policy *p, uint32_t i, uint32_t n)
{
	static const uint8_t src_len[] = { 0, 16, 24, 24, 32 }, dst_len[] = { 0, 16, 24, 27, 32, 32 };
	static const uint16_t service[] = { 22, 53, 80, 123, 443, 500, 3306, 8080 };

	(void)n;
	p->priority = i;
	p->sel.family = ESPNIC_IPV4;
	p->sel.src_prefix = src_len[random_below(sizeof(src_len))];
	p->sel.dst_prefix = dst_len[random_below(sizeof(dst_len))];
	if (!p->sel.src_prefix && !p->sel.dst_prefix)
		p->sel.dst_prefix = 32;
	put32(p->sel.src, 0x0a000000 + random_below(1 << 24));
	put32(p->sel.dst, 0xac100000 + random_below(1 << 20));
	if (random_below(3))
		p->sel.proto = random_below(3) ? 6 : 17;
	if (p->sel.proto && random_below(4))
		p->sel.dport_min = p->sel.dport_max = service[random_below(8)];
	else if (p->sel.proto)
		p->sel.dport_min = 1024;
}

static void flow_for(struct espnic_flow *f, const struct espnic_spd_policy *p)
{
	memset(f, 0, sizeof(*f));
	f->family = ESPNIC_IPV4;
	f->flags = ESPNIC_FLOW_PORTS;
	f->proto = p->sel.proto ? p->sel.proto : 6;
	memcpy(f->src, p->sel.src, 4);
	memcpy(f->dst, p->sel.dst, 4);
	f->src[3] |= (uint8_t)(p->sel.src_prefix < 32);
	f->sport = (uint16_t)(1024 + random_below(60000));
	f->dport = (uint16_t)(p->sel.dport_min + random_below((uint32_t)(p->sel.dport_max - p->sel.dport_min) + 1));
}

static void policies_make(struct policies *t, const char *name, uint32_t n,
			  void (*make)(struct espnic_spd_policy *, uint32_t, uint32_t))
{
	t->name = name;
	t->n = n;
	t->spd = espnic_spd_new(n);
	if (!t->spd)
		die("no memory for policies");
	for (uint32_t i = 0; i < n; i++) {
		struct espnic_spd_policy p = {
			.id = i + 1, .dir = ESPNIC_SPD_OUT, .action = ESPNIC_SPD_PROTECT,
			.sel = { .sport_max = ESPNIC_PORT_MAX, .dport_max = ESPNIC_PORT_MAX },
		};

		make(&p, i, n);
		if (espnic_spd_insert(t->spd, &p))
			die("policy refused");
	}
	for (unsigned int i = 0; i < FLOWS; i++)
		flow_for(&t->flow[i], espnic_spd_by_id(t->spd, 1 + random_below(n)));
}

static double spd_lookup(struct policies *t)
{
	struct espnic_spd_policy *p;
	double begin = start();

	for (unsigned int i = 0; i < LOOKUPS; i++) {
		espnic_spd_lookup(t->spd, ESPNIC_SPD_OUT, &t->flow[i % FLOWS], &p);
		sink += p->id;
		looked_up();
	}
	return cost(begin, LOOKUPS);
}

#ifndef BENCH_COUNT
static double spd_burst(struct policies *t)
{
	const struct espnic_flow *flows[BURST];
	struct espnic_spd_policy *p[BURST];
	enum espnic_spd_result r[BURST];
	double begin = start();

	for (unsigned int i = 0; i < LOOKUPS; i += BURST) {
		for (unsigned int j = 0; j < BURST; j++)
			flows[j] = &t->flow[(i + j) % FLOWS];
		espnic_spd_lookup_burst(t->spd, ESPNIC_SPD_OUT, flows, p, r, BURST);
		for (unsigned int j = 0; j < BURST; j++)
			sink += p[j]->id;
		looked_up();
	}
	return cost(begin, LOOKUPS);
}

static double spd_replace(struct policies *t)
{
	double begin = start();
	unsigned int n = LOOKUPS / 16;

	for (unsigned int i = 0; i < n; i++) {
		struct espnic_spd_policy *p = espnic_spd_by_id(t->spd, 1 + random_below(t->n)), copy;

		memcpy(&copy, p, sizeof(copy));
		espnic_spd_remove(t->spd, p);
		if (espnic_spd_insert(t->spd, &copy))
			die("a policy is not taken back");
	}
	return cost(begin, n);
}
#endif

static void round_of(struct sas *s, struct policies *t)
{
	for (int i = 0; i < SAD_SIZES; i++) {
		report("sad", "find", s[i].n, sad_find(&s[i], 0));
		report("sad", "find-unknown", s[i].n, sad_find(&s[i], s[i].n));
		report("sad", "choose", s[i].n, sad_choose(&s[i]));
#ifndef BENCH_COUNT
		report("sad", "find-burst", s[i].n, sad_burst(&s[i]));
		report("sad", "replace", s[i].n, sad_replace(&s[i]));
#endif
	}
	for (int i = 0; i < 2 * SPD_SIZES; i++) {
		report(t[i].name, "lookup", t[i].n, spd_lookup(&t[i]));
#ifndef BENCH_COUNT
		report(t[i].name, "lookup-burst", t[i].n, spd_burst(&t[i]));
		report(t[i].name, "replace", t[i].n, spd_replace(&t[i]));
#endif
	}
}

int main(int argc, char **argv)
{
	static struct sas s[SAD_SIZES];
	static struct policies t[2 * SPD_SIZES];
	int rounds = argc > 1 ? atoi(argv[1]) : 0;

	if (rounds < 1)
		die("usage: tables ROUNDS");
	for (uint32_t i = 0; i < LOCALS; i++)
		put32(local[i], 0xc0000201 + i);
	for (int i = 0; i < SAD_SIZES; i++)
		sas_make(&s[i], sad_sizes[i]);
	for (int i = 0; i < SPD_SIZES; i++) {
		policies_make(&t[i], "spd-sites", spd_sizes[i], sites);
		policies_make(&t[SPD_SIZES + i], "spd-lists", spd_sizes[i], lists);
	}
	report("sad", "bytes", sad_sizes[SAD_SIZES - 1],
	       (double)espnic_sad_bytes(s[SAD_SIZES - 1].in) / sad_sizes[SAD_SIZES - 1]);
	while (rounds--)
		round_of(s, t);
	for (int i = 0; i < SAD_SIZES; i++) {
		espnic_sad_free(s[i].in);
		espnic_sad_free(s[i].out);
	}
	for (int i = 0; i < 2 * SPD_SIZES; i++)
		espnic_spd_free(t[i].spd);
	return 0;
}
