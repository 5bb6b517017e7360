// SPDX-License-Identifier: BSD-2-Clause
/*
 * Timing statistics by the method of O. Reparaz, J. Balasch, I. Verbauwhede: "Dude, is my code
 * constant time?" (2017): each operation with secrets of two classes, one fixed and one drawn anew,
 * in random order; Welch's t-test over the times, whole and with the slow tail cut at several
 * quantiles. A |t| that stays over the threshold says the times tell the classes apart.
 *
 * Usage: timing [MEASUREMENTS]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ct/ops.h"
#include "engine/wipe.h"

enum {
	MEASUREMENTS = 20000,
	BATCH = 500,			/* inputs made before they are measured */
	CUTS = 5,			/* quantiles the tail is cut at, and no cut */
	LEN = 64,
	ROUNDS = 3,			/* a leak shows in each; noise does not */
};

/* dudect's own: definitely not constant time. */
static const double threshold = 10;

static const double cuts[CUTS] = { 0.5, 0.75, 0.9, 0.99, 1 };

static uint64_t now(void)
{
#if defined(__x86_64__)
	uint32_t lo, hi;

	__asm__ volatile("lfence; rdtsc; lfence" : "=a"(lo), "=d"(hi) : : "memory");
	return (uint64_t)hi << 32 | lo;
#else
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
#endif
}

/* One operation: makes its inputs, in class 0 all alike, and runs one of them. */
struct subject {
	char name[64];
	void (*make)(const struct subject *s, struct ct_input *in, int class);
	void (*run)(const struct subject *s, struct ct_input *in);
	enum espnic_alg alg;
	enum ct_op op;
	bool leaks;			/* on purpose: the test must say so */
};

static void make_transform(const struct subject *s, struct ct_input *in, int class)
{
	static struct ct_input fixed;
	static bool have;

	if (!have)
		ct_random((uint8_t *)&fixed, sizeof(fixed));
	have = true;
	memcpy(in, &fixed, sizeof(*in));
	if (class) {
		ct_random(in->key, sizeof(in->key));
		ct_random(in->data, sizeof(in->data));
	}
	/* Forged in both classes: whether a tag is right is no secret, but what it is. */
	ct_random(in->tag, sizeof(in->tag));
	in->key_len = ct_key_lens(s->alg)[0];
	in->len = LEN;
	in->tag_len = espnic_alg_tag_max(s->alg);
}

static void run_transform(const struct subject *s, struct ct_input *in)
{
	ct_run(s->alg, s->op, in);
}

/* Two tags that differ in the first byte, or in the last. */
static void make_compare(const struct subject *s, struct ct_input *in, int class)
{
	(void)s;
	ct_random(in->tag, sizeof(in->tag));
	memcpy(in->data, in->tag, sizeof(in->tag));
	in->data[class ? 0 : 31] ^= 1;
}

static void run_compare(const struct subject *s, struct ct_input *in)
{
	(void)s;
	for (int i = 0; i < 16; i++)
		in->good = espnic_equal_ct(in->tag, in->data, 32);
}

static void run_leak(const struct subject *s, struct ct_input *in)
{
	volatile uint8_t *a = in->tag, *b = in->data;

	(void)s;
	for (int n = 0; n < 16; n++) {
		for (int i = 0; i < 32; i++) {
			if (a[i] != b[i])
				break;
		}
	}
}

struct sample {
	double time;
	int class;
};

static int by_time(const void *a, const void *b)
{
	double d = ((const struct sample *)a)->time - ((const struct sample *)b)->time;

	return d < 0 ? -1 : d > 0;
}

/* Welch's t of the first @n samples. */
static double welch(const struct sample *samples, size_t n)
{
	double mean[2] = { 0 }, m2[2] = { 0 }, count[2] = { 0 };
	double error;

	for (size_t i = 0; i < n; i++) {
		int c = samples[i].class;
		double d = samples[i].time - mean[c];

		count[c]++;
		mean[c] += d / count[c];
		m2[c] += d * (samples[i].time - mean[c]);
	}
	if (count[0] < 100 || count[1] < 100)
		return 0;
	error = sqrt(m2[0] / (count[0] - 1) / count[0] + m2[1] / (count[1] - 1) / count[1]);
	return error > 0 ? (mean[0] - mean[1]) / error : 0;
}

/* The largest |t| over all cuts. A cut is by time over both classes. */
static double measure(const struct subject *s, size_t n)
{
	static struct ct_input inputs[BATCH];
	static int classes[BATCH];
	struct sample *samples = calloc(n, sizeof(*samples));
	double worst = 0;

	if (!samples)
		exit(2);
	for (size_t done = 0; done < n; done += BATCH) {
		for (int i = 0; i < BATCH; i++) {
			uint8_t coin;

			ct_random(&coin, 1);
			classes[i] = coin & 1;
			s->make(s, &inputs[i], classes[i]);
		}
		for (size_t i = 0; i < BATCH && done + i < n; i++) {
			uint64_t start = now();

			s->run(s, &inputs[i]);
			samples[done + i].time = (double)(now() - start);
			samples[done + i].class = classes[i];
		}
	}
	qsort(samples, n, sizeof(*samples), by_time);
	for (int c = 0; c < CUTS; c++) {
		double t = fabs(welch(samples, (size_t)(cuts[c] * (double)n)));

		if (t > worst)
			worst = t;
	}
	free(samples);
	return worst;
}

/* A leak is there in every round. */
static bool judge(const struct subject *s, size_t n, int number)
{
	double least = INFINITY;
	bool good;

	for (int round = 0; round < ROUNDS; round++) {
		double t = measure(s, n);

		if (t < least)
			least = t;
		if (!s->leaks && t < threshold)
			break;
	}
	good = s->leaks ? least > threshold : least < threshold;
	printf("%s %d %s: |t| %.1f%s\n", good ? "ok" : "not ok", number, s->name, least,
	       s->leaks ? " (leaks on purpose)" : "");
	fflush(stdout);
	return good;
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 0) : MEASUREMENTS;
	struct subject leak = { "early exit", make_compare, run_leak, 0, 0, true };
	struct subject compare = { "tag compare", make_compare, run_compare, 0, 0, false };
	int number = 0, failed = 0;

	failed += !judge(&leak, n, ++number);
	failed += !judge(&compare, n, ++number);
	for (unsigned int alg = 0; alg < ESPNIC_ALGS; alg++) {
		for (unsigned int op = 0; op < CT_OPS; op++) {
			struct subject s = {
				.make = make_transform, .run = run_transform,
				.alg = (enum espnic_alg)alg, .op = (enum ct_op)op,
			};

			if (!ct_has(s.alg, s.op))
				continue;
			snprintf(s.name, sizeof(s.name), "%s %s", espnic_alg_name(s.alg), ct_op_name(s.op));
			failed += !judge(&s, n, ++number);
		}
	}
	return failed != 0;
}
