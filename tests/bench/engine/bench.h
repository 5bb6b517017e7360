/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What make bench-engine compares. A subject encrypts and decrypts bursts of packets in place: the whole
 * engine, or a bare library with nothing around it. All subjects get the same shape of memory, the same
 * order of packets and keys, and are timed in turn, a slice each.
 */
#ifndef TESTS_BENCH_ENGINE_H
#define TESTS_BENCH_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"

enum bench_limits {
	BENCH_POOL = 256,		/* packets a subject goes round in: they fit a second-level cache */
	BENCH_BURST_MAX = 128,		/* packets: libipsec-mb's own limit */
	BENCH_HEADROOM = 128,		/* bytes */
	BENCH_TAILROOM = 128,
	BENCH_ALIGN = 64,
	BENCH_IV_MAX = 16,
	BENCH_AAD = 8,			/* bytes: SPI and sequence number */
};

/* What is measured: a transform as the engine names it. */
struct bench_transform {
	const char *name;
	enum espnic_enc enc;
	enum espnic_auth auth;
	uint8_t enc_key_len, salt_len, auth_key_len;	/* bytes */
	uint8_t iv_len;		/* bytes of what the bare library takes: nonce or IV */
	uint8_t icv_len;
	uint8_t block;		/* bytes the plaintext is a multiple of */
};

struct bench_case {
	const struct bench_transform *transform;
	uint32_t size[BENCH_POOL];	/* bytes of each clear packet */
	uint32_t slot;			/* bytes from one packet's memory to the next's */
	uint32_t sas;			/* keys: a pair of SAs for each */
};

/* A packet of a bare library. */
struct bench_buf {
	uint8_t *data;		/* the clear packet, encrypted in place */
	uint32_t len;		/* bytes, whole blocks */
	uint32_t sa;		/* which key */
	uint8_t iv[BENCH_IV_MAX];
	uint8_t aad[BENCH_AAD];
	uint8_t tag[ESPNIC_ICV_MAX];
};

struct bench_subject {
	const char *name;
	/* Memory, keys, packets for @c; NULL: it does not do that transform. */
	void *(*start)(const struct bench_case *c);
	/* Packets @first ... @first + @n - 1 of the pool; decrypt gets what encrypt left. */
	void (*encrypt)(void *state, unsigned int first, unsigned int n);
	void (*decrypt)(void *state, unsigned int first, unsigned int n);
	/* Whether all went well and the packets are again what they were. */
	bool (*check)(void *state);
	void (*stop)(void *state);
};

extern const struct bench_subject bench_fast, bench_ref;	/* esp.c */
extern const struct bench_subject bench_mb_direct, bench_mb_burst; /* mb.c */
extern const struct bench_subject bench_evp;			/* evp.c */

/* Key material of key @sa, the same for every subject; @what tells apart cipher and MAC. */
void bench_key(uint32_t sa, uint8_t what, uint8_t *key, size_t len);

/* A clear packet: IPv4, UDP, @len bytes in all. */
void bench_packet(uint8_t *p, uint32_t len);

/*
 * Which key each packet of the pool is under, chosen anew, off the clock, each time the pool is gone round: successive
 * packets are of different SAs, and all come up.
 */
extern uint32_t bench_sa[BENCH_POOL];
void bench_turn(const struct bench_case *c);

/* The pool of a bare library: BENCH_POOL packets over one piece of memory. Dies without memory. */
struct bench_buf *bench_pool(const struct bench_case *c);
bool bench_pool_check(const struct bench_case *c, const struct bench_buf *pool);
void bench_pool_free(struct bench_buf *pool);

/* aligned_alloc() that dies, zeroed. */
void *bench_alloc(size_t bytes);
_Noreturn void bench_die(const char *what);

#endif
