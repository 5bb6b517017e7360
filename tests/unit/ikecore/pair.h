/* SPDX-License-Identifier: BSD-2-Clause */
/* What tests of two cores begin and end with, and what most of them look at. */
#ifndef ESPNIC_TESTS_IKE_PAIR_H
#define ESPNIC_TESTS_IKE_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "peers.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
enum { EXCHANGE_AT = 18, FLAGS_AT = 19, RESPONSE = 0x20 };	/* in a message */

/* Made anew for each test, with the seed 1. */
extern struct peers p;

int pair_setup(void **state);
int pair_teardown(void **state);
#define TEST(f) cmocka_unit_test_setup_teardown(f, pair_setup, pair_teardown)
/* Both anew, within a test. */
void pair_again(uint64_t seed);
/* The left one begins with @change let at both connections; both come to rest. */
void pair_meet(void (*change)(struct espnic_ike_conn *conn, void *ctx), void *left, void *right);
/* One IKE SA and @children on each side, and they fit. */
void pair_expect(unsigned int children);
/* A wire (struct peers) by which nothing arrives. */
bool pair_all_lost(struct peers *peers, struct peers_item *item, void *ctx);
/* Nothing is left of anything. */
void pair_expect_nothing(void);
/* @conn's proposals, and those of its first child (NULL: as they are). */
void pair_proposals(struct espnic_ike_conn *conn, const char *ike, const char *esp);

#endif
