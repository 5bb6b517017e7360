// SPDX-License-Identifier: BSD-2-Clause
/*
 * espnic-engine bench: how fast a body does whole ESP (numbers, window, headers, trailer, crypto, counters) on this
 * machine, by transform and size of packet; tunnel mode, IPv4 in IPv4, one SA each way. Packets go out and in again, in
 * bursts, and must come back as they were. A figure is that of the median burst: one that another process took the core
 * from changes nothing. make bench-engine holds the same against other libraries.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/body.h"
#include "engine/cli/request.h"
#include "engine/ip.h"

enum {
	PACKETS = ESPNIC_BURST_MAX,	/* of a burst; they fit a first- or second-level cache */
	SAMPLES = 4096,			/* bursts that are timed, at the most */
	WARM_UP = 8,			/* bursts that are not */
	WINDOW = 64,			/* packets */
	ROOM = 128,			/* bytes in front of a packet and behind it */
	SLOT = (ROOM + ESPNIC_CLI_BENCH_MAX + ROOM + ESPNIC_CACHE_LINE - 1) / ESPNIC_CACHE_LINE * ESPNIC_CACHE_LINE,
};

static const uint32_t sizes[] = { 64, 256, 1420, 9000 };

struct bench {
	const struct espnic_engine_ops *ops;
	struct espnic_engine_thread *thread;
	struct espnic_sa *out, *in;
	uint32_t size;			/* bytes of a clear packet */
	struct espnic_pkt pkts[PACKETS];
	uint8_t *memory;		/* SLOT bytes each */
	uint32_t n;			/* samples */
	uint64_t protect[SAMPLES], unprotect[SAMPLES]; /* ns a burst */
};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* A clear packet of @len bytes: IPv4 and UDP. */
static void make_packet(uint8_t *p, uint32_t len)
{
	memset(p, 0, ESPNIC_IPV4_HLEN);
	p[0] = 0x45;
	espnic_put16(p + ESPNIC_IPV4_LEN, (uint16_t)len);
	p[ESPNIC_IPV4_TTL] = 64;
	p[ESPNIC_IPV4_PROTO] = ESPNIC_IPPROTO_UDP;
	p[ESPNIC_IPV4_SRC] = 10;
	p[ESPNIC_IPV4_DST] = 11;
	espnic_ipv4_csum(p);
	for (uint32_t i = ESPNIC_IPV4_HLEN; i < len; i++)
		p[i] = (uint8_t)i;
}

static void place_packets(struct bench *b)
{
	for (uint32_t i = 0; i < PACKETS; i++) {
		b->pkts[i] = (struct espnic_pkt){
			.data = b->memory + (size_t)i * SLOT + ROOM, .len = b->size,
			.headroom = ROOM, .tailroom = SLOT - ROOM - b->size,
		};
		make_packet(b->pkts[i].data, b->size);
	}
}

static bool all_ok(const struct bench *b)
{
	for (uint32_t i = 0; i < PACKETS; i++)
		if (b->pkts[i].verdict != ESPNIC_OK)
			return false;
	return true;
}

static bool came_back(const struct bench *b)
{
	static uint8_t want[ESPNIC_CLI_BENCH_MAX];

	make_packet(want, b->size);
	for (uint32_t i = 0; i < PACKETS; i++)
		if (b->pkts[i].len != b->size || memcmp(b->pkts[i].data, want, b->size) != 0)
			return false;
	return true;
}

static void give(struct bench *b, struct espnic_sa *sa)
{
	for (uint32_t i = 0; i < PACKETS; i++) {
		b->pkts[i].sa = sa;
		b->pkts[i].flags = 0;
	}
}

/* One burst, out and in; false: a packet was refused. */
static bool burst(struct bench *b, uint64_t *protect, uint64_t *unprotect)
{
	uint64_t from;

	give(b, b->out);
	from = now();
	b->ops->protect(b->thread, b->pkts, PACKETS);
	*protect = now() - from;
	if (!all_ok(b))
		return false;
	give(b, b->in);
	from = now();
	b->ops->unprotect(b->thread, b->pkts, PACKETS);
	*unprotect = now() - from;
	return all_ok(b);
}

/* Bursts for @ms milliseconds, one at least. */
static bool bursts(struct bench *b, uint32_t ms)
{
	uint64_t ignored[2], end;

	for (int i = 0; i < WARM_UP; i++)
		if (!burst(b, &ignored[0], &ignored[1]))
			return false;
	b->n = 0;
	end = now() + (uint64_t)ms * 1000000;
	do {
		if (!burst(b, &b->protect[b->n], &b->unprotect[b->n]))
			return false;
		b->n++;
	} while (b->n < SAMPLES && now() < end);
	return came_back(b);
}

static int by_time(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Packets a second of the median burst. */
static double rate(uint64_t *ns, uint32_t n)
{
	uint64_t middle;

	qsort(ns, n, sizeof(*ns), by_time);
	middle = ns[n / 2];
	return PACKETS * 1e9 / (double)(middle ? middle : 1);
}

static void print_row(struct bench *b, const char *word, bool json)
{
	double out = rate(b->protect, b->n), in = rate(b->unprotect, b->n), bits = 8.0 * b->size;

	if (json)
		printf("{\"engine\":\"%s\",\"transform\":\"%s\",\"size\":%u,\"protect_pps\":%.0f,\"unprotect_pps\":%.0f,"
		       "\"protect_mbps\":%.0f,\"unprotect_mbps\":%.0f}\n",
		       b->ops->name, word, b->size, out, in, out * bits * 1e-6, in * bits * 1e-6);
	else
		printf("%-6s %-18s %5u %10.0f %10.3f %10.0f %10.3f\n", b->ops->name, word, b->size, out * bits * 1e-6,
		       out * 1e-6, in * bits * 1e-6, in * 1e-6);
	fflush(stdout);
}

/* NULL, or what went wrong. */
static const char *one_size(struct bench *b, const struct espnic_cli_bench *how, const char *word)
{
	place_packets(b);
	if (!bursts(b, how->ms))
		return "a packet did not come back as it was";
	print_row(b, word, how->json);
	return NULL;
}

/* An SA each way of @p; false: the body lacks it. */
static bool add_sas(struct bench *b, struct espnic_sa_params *p)
{
	p->mode = ESPNIC_MODE_TUNNEL;
	p->tunnel.family = ESPNIC_IPV4;
	p->tunnel.src[0] = p->tunnel.dst[0] = 10;
	p->tunnel.dst[3] = 1;
	if (b->ops->sa_add(p, &b->out, NULL) != ESPNIC_OK)
		return false;
	p->dir = ESPNIC_DIR_IN;
	p->replay_window = WINDOW;
	if (b->ops->sa_add(p, &b->in, NULL) == ESPNIC_OK)
		return true;
	b->ops->sa_del(b->out);
	return false;
}

static const char *one_transform(struct bench *b, const struct espnic_cli_bench *how, struct espnic_sa_params *p,
				 const char *word)
{
	const char *why = NULL;

	if (!add_sas(b, p))
		return how->transform ? "this body lacks that transform in ESP" : NULL;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && !why; i++) {
		b->size = how->size ? how->size : sizes[i];
		if (i == 0 || !how->size)
			why = one_size(b, how, word);
	}
	b->ops->sa_del(b->out);
	b->ops->sa_del(b->in);
	return why;
}

static const char *all_transforms(struct bench *b, const struct espnic_cli_bench *how)
{
	struct espnic_sa_params p;
	const char *why = NULL, *word;
	bool any = false;

	for (unsigned int n = 0; !why && espnic_cli_list_sa(n, &p, &word); n++) {
		if (how->transform && strcmp(how->transform, word) != 0)
			continue;
		/* A word that is both a cipher and an authenticator: the first is the one of ESP. */
		if (how->transform && any)
			break;
		if (!any && !how->json)
			printf("%-6s %-18s %5s %10s %10s %10s %10s\n", "engine", "transform", "bytes", "out Mb/s",
			       "Mpps", "in Mb/s", "Mpps");
		any = true;
		why = one_transform(b, how, &p, word);
	}
	return any ? why : "no such transform (espnic-engine list has their words)";
}

const char *espnic_cli_bench(const struct espnic_engine_ops *ops, const struct espnic_cli_bench *how)
{
	struct bench *b = calloc(1, sizeof(*b));
	const char *why = "out of memory";

	if (!b)
		return why;
	b->ops = ops;
	b->thread = ops->thread_new();
	b->memory = aligned_alloc(ESPNIC_CACHE_LINE, (size_t)SLOT * PACKETS);
	if (b->thread && b->memory)
		why = all_transforms(b, how);
	ops->thread_free(b->thread);
	free(b->memory);
	free(b);
	return why;
}
