// SPDX-License-Identifier: BSD-2-Clause
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/ip.h"

_Noreturn void bench_die(const char *what)
{
	fprintf(stderr, "engine-bench: %s\n", what);
	exit(1);
}

void *bench_alloc(size_t bytes)
{
	size_t whole = (bytes + BENCH_ALIGN - 1) / BENCH_ALIGN * BENCH_ALIGN;
	void *p = aligned_alloc(BENCH_ALIGN, whole);

	if (!p)
		bench_die("out of memory");
	memset(p, 0, whole);
	return p;
}

void bench_key(uint32_t sa, uint8_t what, uint8_t *key, size_t len)
{
	for (size_t i = 0; i < len; i++)
		key[i] = (uint8_t)(i * 31 + what + 1);
	for (size_t i = 0; i < 4 && i < len; i++)
		key[i] ^= (uint8_t)(sa >> 8 * i);
}

void bench_packet(uint8_t *p, uint32_t len)
{
	memset(p, 0, ESPNIC_IPV4_HLEN);
	p[0] = 0x45;
	espnic_put16(p + ESPNIC_IPV4_LEN, (uint16_t)len);
	p[ESPNIC_IPV4_TTL] = 64;
	p[ESPNIC_IPV4_PROTO] = ESPNIC_IPPROTO_UDP;
	p[ESPNIC_IPV4_SRC] = 10;
	p[ESPNIC_IPV4_DST] = 10;
	p[ESPNIC_IPV4_DST + 3] = 1;
	espnic_ipv4_csum(p);
	for (uint32_t i = ESPNIC_IPV4_HLEN; i < len; i++)
		p[i] = (uint8_t)i;
}

uint32_t bench_sa[BENCH_POOL];

void bench_turn(const struct bench_case *c)
{
	enum { STRIDE = 7919 };		/* a prime, so that no two neighbours share a cache line */
	static uint64_t turn;

	for (uint32_t n = 0; n < BENCH_POOL; n++)
		bench_sa[n] = (uint32_t)((turn * BENCH_POOL + n) * STRIDE % c->sas);
	turn++;
}

/* Packets start and end where ESP's payload does: the bare library gets whole blocks. */
static uint32_t bare_len(const struct bench_case *c, uint32_t n)
{
	return (c->size[n] + c->transform->block - 1) / c->transform->block * c->transform->block;
}

struct bench_buf *bench_pool(const struct bench_case *c)
{
	struct bench_buf *pool = bench_alloc(sizeof(*pool) * BENCH_POOL);
	uint8_t *memory = bench_alloc((size_t)c->slot * BENCH_POOL);

	for (uint32_t n = 0; n < BENCH_POOL; n++) {
		struct bench_buf *b = &pool[n];

		b->data = memory + (size_t)n * c->slot + BENCH_HEADROOM;
		b->len = bare_len(c, n);
		bench_packet(b->data, c->size[n]);
		espnic_put32(b->aad, n);
		espnic_put64(b->iv, n);
	}
	return pool;
}

bool bench_pool_check(const struct bench_case *c, const struct bench_buf *pool)
{
	uint8_t *want = bench_alloc(c->slot);
	bool good = true;

	for (uint32_t n = 0; n < BENCH_POOL && good; n++) {
		bench_packet(want, c->size[n]);
		good = memcmp(want, pool[n].data, c->size[n]) == 0;
	}
	free(want);
	return good;
}

void bench_pool_free(struct bench_buf *pool)
{
	free(pool[0].data - BENCH_HEADROOM);
	free(pool);
}
