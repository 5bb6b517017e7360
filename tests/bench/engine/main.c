// SPDX-License-Identifier: BSD-2-Clause
/*
 * engine-bench TRANSFORM SIZE SAS [--subjects A,B,...] [--rounds N] [--slice-us N] [--burst N]
 *
 * Measures all subjects on one case and prints a JSON object: {"transform","size","sas","burst","clock_mhz",
 * "subjects":{NAME:{"protect":[packets a second, one a round],"unprotect":[...]}}}. SIZE is a number of bytes
 * or "imix". Each round gives each subject one slice of time, so that whatever else the machine does meets them all.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

enum {
	SUBJECTS = 5,
	MAX_ROUNDS = 1000,
	SIZE_MIN_BYTES = 28,
	SIZE_MAX_BYTES = 9000,
};

/* Simple IMIX (7:4:1), the small ones spread; the largest fits an Ethernet frame once protected. */
static const uint32_t imix[] = { 64, 576, 64, 64, 576, 64, 1420, 64, 576, 64, 576, 64 };

static const struct bench_transform transforms[] = {
	{ "aes-gcm-128", ESPNIC_ENC_AES_GCM, ESPNIC_AUTH_NONE, 16, 4, 0, 12, 16, 1 },
	{ "aes-gcm-256", ESPNIC_ENC_AES_GCM, ESPNIC_AUTH_NONE, 32, 4, 0, 12, 16, 1 },
	{ "chacha20-poly1305", ESPNIC_ENC_CHACHA20_POLY1305, ESPNIC_AUTH_NONE, 32, 4, 0, 12, 16, 1 },
	{ "aes-cbc-128-hmac-sha256", ESPNIC_ENC_AES_CBC, ESPNIC_AUTH_HMAC_SHA256_128, 16, 0, 32, 16, 16,
	  16 },
	{ "aes-cbc-128-hmac-sha1", ESPNIC_ENC_AES_CBC, ESPNIC_AUTH_HMAC_SHA1_96, 16, 0, 20, 16, 12, 16 },
	{ "aes-cbc-256-hmac-sha512", ESPNIC_ENC_AES_CBC, ESPNIC_AUTH_HMAC_SHA512_256, 32, 0, 64, 16, 32,
	  16 },
	{ "aes-ctr-128-hmac-sha256", ESPNIC_ENC_AES_CTR, ESPNIC_AUTH_HMAC_SHA256_128, 16, 4, 32, 16, 16,
	  1 },
};

static const struct bench_subject *const subjects[SUBJECTS] = {
	&bench_fast, &bench_mb_direct, &bench_mb_burst, &bench_evp, &bench_ref,
};

struct options {
	const char *names;		/* subjects, comma-separated; NULL: all */
	uint32_t rounds;
	uint32_t slice_us;
	uint32_t burst;
};

struct lane {
	const struct bench_subject *subject;
	void *state;
	double *protect, *unprotect;	/* packets a second, one a round */
};

/* Reference clocks: the time-stamp counter where there is one, else nanoseconds. */
static inline uint64_t now(void)
{
#if defined(__x86_64__)
	unsigned int core;

	return __rdtscp(&core);
#else
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
#endif
}

static double clocks_per_second(void)
{
	const struct timespec wait = { .tv_nsec = 50000000 };
	struct timespec a, b;
	uint64_t from, to;

	clock_gettime(CLOCK_MONOTONIC, &a);
	from = now();
	nanosleep(&wait, NULL);
	clock_gettime(CLOCK_MONOTONIC, &b);
	to = now();
	return (double)(to - from) /
	       ((double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) * 1e-9);
}

/* Time that bursts took, a packet's share of the shortest in clocks. */
struct tally {
	uint64_t clocks, packets, shortest;
};

/*
 * A burst that took many times as long as the shortest did not have the core to itself: another process
 * did. What it took says nothing of the subject.
 */
static void add(struct tally *t, uint64_t clocks, unsigned int n)
{
	enum { MANY = 16 };

	if (n == 0 || (t->packets && clocks / n > MANY * t->shortest))
		return;
	if (!t->packets || clocks / n < t->shortest)
		t->shortest = clocks / n + 1;
	t->clocks += clocks;
	t->packets += n;
}

/* One slice: round the pool until the time is over. */
static void slice(const struct bench_case *c, const struct lane *l, uint32_t burst, uint64_t clocks,
		  double hz, double *protect, double *unprotect)
{
	struct tally enc = { 0 }, dec = { 0 };

	while (enc.clocks + dec.clocks < clocks) {
		bench_turn(c);
		for (unsigned int first = 0; first < BENCH_POOL; first += burst) {
			unsigned int n = BENCH_POOL - first < burst ? BENCH_POOL - first : burst;
			uint64_t from = now(), between, to;

			l->subject->encrypt(l->state, first, n);
			between = now();
			l->subject->decrypt(l->state, first, n);
			to = now();
			add(&enc, between - from, n);
			add(&dec, to - between, n);
		}
	}
	*protect = (double)enc.packets * hz / (double)enc.clocks;
	*unprotect = (double)dec.packets * hz / (double)dec.clocks;
}

static void print_samples(const char *name, const double *samples, uint32_t n)
{
	printf("\"%s\": [", name);
	for (uint32_t i = 0; i < n; i++)
		printf("%s%.0f", i ? ", " : "", samples[i]);
	printf("]");
}

static bool wanted(const char *name, const char *names)
{
	size_t len = strlen(name);

	for (const char *p = names; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (!strncmp(p, name, len) && (p[len] == ',' || !p[len]))
			return true;
	}
	return !names;
}

static void run(const struct bench_case *c, const struct options *o, const char *size)
{
	double hz = clocks_per_second();
	uint64_t clocks = (uint64_t)(hz * o->slice_us * 1e-6);
	struct lane lanes[SUBJECTS] = { 0 };
	bool first = true;

	for (int i = 0; i < SUBJECTS; i++) {
		struct lane *l = &lanes[i];
		double ignored;

		l->subject = subjects[i];
		if (!wanted(l->subject->name, o->names))
			continue;
		l->state = l->subject->start(c);
		if (!l->state)
			continue;
		l->protect = bench_alloc(sizeof(double) * o->rounds);
		l->unprotect = bench_alloc(sizeof(double) * o->rounds);
		slice(c, l, o->burst, clocks, hz, &ignored, &ignored);
	}
	for (uint32_t r = 0; r < o->rounds; r++) {
		for (int i = 0; i < SUBJECTS; i++) {
			if (lanes[i].state)
				slice(c, &lanes[i], o->burst, clocks, hz, &lanes[i].protect[r],
				      &lanes[i].unprotect[r]);
		}
	}

	printf("{\"transform\": \"%s\", \"size\": \"%s\", \"sas\": %u, \"burst\": %u, \"clock_mhz\": %.0f, \"subjects\": {",
	       c->transform->name, size, c->sas, o->burst, hz * 1e-6);
	for (int i = 0; i < SUBJECTS; i++) {
		struct lane *l = &lanes[i];

		if (!l->state)
			continue;
		if (!l->subject->check(l->state))
			bench_die(l->subject->name);
		printf("%s\"%s\": {", first ? "" : ", ", l->subject->name);
		print_samples("protect", l->protect, o->rounds);
		printf(", ");
		print_samples("unprotect", l->unprotect, o->rounds);
		printf("}");
		first = false;
		l->subject->stop(l->state);
		free(l->protect);
		free(l->unprotect);
	}
	printf("}}\n");
}

static const struct bench_transform *find_transform(const char *name)
{
	for (size_t i = 0; i < sizeof(transforms) / sizeof(transforms[0]); i++) {
		if (!strcmp(transforms[i].name, name))
			return &transforms[i];
	}
	bench_die("no such transform");
	return NULL;
}

static void set_sizes(struct bench_case *c, const char *size)
{
	uint32_t largest = 0;
	uint32_t one = (uint32_t)strtoul(size, NULL, 10);

	for (uint32_t n = 0; n < BENCH_POOL; n++) {
		c->size[n] = strcmp(size, "imix") ? one : imix[n % (sizeof(imix) / sizeof(imix[0]))];
		if (c->size[n] < SIZE_MIN_BYTES || c->size[n] > SIZE_MAX_BYTES)
			bench_die("SIZE is 28 to 9000 bytes, or imix");
		if (c->size[n] > largest)
			largest = c->size[n];
	}
	c->slot = (BENCH_HEADROOM + largest + BENCH_TAILROOM + BENCH_ALIGN - 1) / BENCH_ALIGN *
		  BENCH_ALIGN;
}

static uint32_t number(const char *text, uint32_t max)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*end || v < 1 || v > max)
		bench_die("a number is out of range");
	return (uint32_t)v;
}

int main(int argc, char **argv)
{
	struct options o = { .rounds = 15, .slice_us = 2000, .burst = 64 };
	static struct bench_case c;

	if (argc < 4 || argc % 2)
		bench_die("usage: engine-bench TRANSFORM SIZE SAS [--subjects A,B] [--rounds N] "
			  "[--slice-us N] [--burst N]");
	c.transform = find_transform(argv[1]);
	set_sizes(&c, argv[2]);
	c.sas = number(argv[3], 1000000);
	for (int i = 4; i < argc; i += 2) {
		if (!strcmp(argv[i], "--subjects"))
			o.names = argv[i + 1];
		else if (!strcmp(argv[i], "--rounds"))
			o.rounds = number(argv[i + 1], MAX_ROUNDS);
		else if (!strcmp(argv[i], "--slice-us"))
			o.slice_us = number(argv[i + 1], 1000000);
		else if (!strcmp(argv[i], "--burst"))
			o.burst = number(argv[i + 1], BENCH_BURST_MAX);
		else
			bench_die("unknown option");
	}
	run(&c, &o, argv[2]);
	return 0;
}
