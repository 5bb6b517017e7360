/* SPDX-License-Identifier: BSD-2-Clause */
/* What the engine's unit tests share: bodies, SAs, packets, and a source of chance. */
#ifndef TESTS_ENGINE_SUPPORT_H
#define TESTS_ENGINE_SUPPORT_H

/* cmocka wants these four before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "engine/bodies.h"
#include "engine/engine.h"
#include "engine/ip.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum {
	TEST_BODIES = 2,
	TEST_BUF = 4096 + 70000,	/* bytes of a packet buffer */
	TEST_HEADROOM = 128,
	TEST_SPI = 0x12345678,
};

/* One packet with room around it. data may move; start it with buf_set(). */
struct buf {
	uint8_t bytes[TEST_BUF];
	struct espnic_pkt pkt;
};

/* The bodies this machine has, ref first; NULL behind the last. */
const struct espnic_engine_ops *body(unsigned int i);
struct espnic_engine_thread *body_thread(unsigned int i);

/* Bytes of @hex (blanks ignored) into @out; returns how many. */
size_t unhex(const char *hex, uint8_t *out);

/* xorshift64*: the same numbers in every run. */
uint32_t chance(void);
void chance_bytes(uint8_t *p, size_t len);

/* AES-128-GCM, 16-byte ICV, the tests' key and SPI; tunnel addresses of @outer family. */
void sa_defaults(struct espnic_sa_params *p, enum espnic_sa_dir dir, enum espnic_sa_mode mode,
		 uint8_t outer);
/*
 * Suites, each cipher and each authenticator at least once, in ESP and AH: sets proto, transforms,
 * salt, ICV, and keys of chance. How many there are: suites().
 */
unsigned int suites(void);
const char *suite_params(unsigned int n, struct espnic_sa_params *p);

/* What nearly all SAs are, and bodies may have a shorter way for: ESP with AES-GCM, without selector, UDP, TFC. */
void usual_params(struct espnic_sa_params *p);

/* Adds or dies. */
struct espnic_sa *sa_must(const struct espnic_engine_ops *ops, const struct espnic_sa_params *p);

/* An IPv4 (IPv6) packet of protocol UDP with @payload bytes behind its header; returns its length. */
uint32_t make_ip(uint8_t family, uint8_t *out, uint32_t payload);

void buf_set(struct buf *b, const uint8_t *packet, uint32_t len, struct espnic_sa *sa);
enum espnic_verdict protect(unsigned int i, struct buf *b);
enum espnic_verdict unprotect(unsigned int i, struct buf *b);

/* The verdict by name, so that a failure says it. */
#define assert_verdict(got, want) \
	assert_string_equal(espnic_verdict_name(got), espnic_verdict_name(want))

#endif
