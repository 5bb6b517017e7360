// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every transform of body ref with key, data and tag marked as secret (engine/secret.h), under
 * valgrind or built with MemorySanitizer: either reports each branch and each address that depends
 * on one. With an argument a leak is put in, to see that it is reported; "clear" instead marks
 * nothing, and what comes out must then have a value, all of it.
 */
#include <stdio.h>
#include <string.h>

#include "ct/ops.h"
#include "engine/secret.h"
#include "engine/wipe.h"

static const size_t lens[] = { 0, 1, 15, 16, 17, 64, 128, 129, 320 };

static bool clear;			/* nothing is secret */
static unsigned int undefined;		/* results without a value, in a clear run */

static void secret(struct ct_input *in)
{
	if (clear)
		return;
	espnic_secret(in->key, sizeof(in->key));
	espnic_secret(in->data, sizeof(in->data));
	espnic_secret(in->tag, sizeof(in->tag));
}

static void check_defined(const void *p, size_t len)
{
#if defined(ESPNIC_CT_VALGRIND)
	undefined += VALGRIND_CHECK_MEM_IS_DEFINED(p, len) != 0;
#elif defined(ESPNIC_CT_MSAN)
	undefined += __msan_test_shadow(p, len) != -1;
#else
	(void)p;
	(void)len;
#endif
}

static void result(struct ct_input *in, bool has_tag)
{
	if (clear) {
		check_defined(in->data, in->len);
		if (has_tag)
			check_defined(in->tag, in->tag_len);
	}
	espnic_public(in, sizeof(*in));
}

static void fill(enum espnic_alg alg, struct ct_input *in, size_t key_len, size_t len)
{
	ct_random((uint8_t *)in, sizeof(*in));
	in->key_len = key_len;
	in->len = len;
	in->tag_len = espnic_alg_tag_max(alg);
}

/* Open of what is genuine, and of what is not. */
static bool opens(enum espnic_alg alg, size_t key_len, size_t len)
{
	static struct ct_input in, copy;

	fill(alg, &in, key_len, len);
	memcpy(&copy, &in, sizeof(copy));
	ct_run(alg, CT_SEAL, &in);
	secret(&in);
	ct_run(alg, CT_OPEN, &in);
	result(&in, false);
	if (!in.good || memcmp(in.data, copy.data, len) != 0)
		return false;

	ct_run(alg, CT_SEAL, &in);
	in.tag[len % in.tag_len] ^= 1;
	secret(&in);
	ct_run(alg, CT_OPEN, &in);
	result(&in, false);
	return !in.good;
}

static bool transform(enum espnic_alg alg, enum ct_op op)
{
	static struct ct_input in;

	for (const size_t *key_len = ct_key_lens(alg); *key_len; key_len++) {
		for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
			size_t len = lens[i] - lens[i] % ct_block(alg);

			if (op == CT_OPEN) {
				if (!opens(alg, *key_len, len))
					return false;
				continue;
			}
			fill(alg, &in, *key_len, len);
			secret(&in);
			ct_run(alg, op, &in);
			result(&in, op == CT_SEAL || op == CT_MAC);
		}
	}
	return true;
}

/* What the checkers are for. */
static int leak(const char *how)
{
	static const uint8_t table[256] = { 7 };
	uint8_t key[2] = { 1, 2 };
	volatile int out = 0;
	int value;

	espnic_secret(key, sizeof(key));
	if (strcmp(how, "address") == 0)
		out = table[key[0]];
	else if (key[1] == 2)
		out = 1;
	value = out;
	espnic_public(&value, sizeof(value));
	return value == 3;
}

int main(int argc, char **argv)
{
	int failed = 0, passed = 0;

	clear = argc > 1 && strcmp(argv[1], "clear") == 0;
	if (argc > 1 && !clear)
		return leak(argv[1]);
	for (unsigned int alg = 0; alg < ESPNIC_ALGS; alg++) {
		for (unsigned int op = 0; op < CT_OPS; op++) {
			bool good;

			if (!ct_has((enum espnic_alg)alg, (enum ct_op)op))
				continue;
			good = transform((enum espnic_alg)alg, (enum ct_op)op) && !undefined;
			printf("%s %d %s %s\n", good ? "ok" : "not ok", ++passed,
			       espnic_alg_name((enum espnic_alg)alg), ct_op_name((enum ct_op)op));
			failed += !good;
		}
	}
	return failed != 0;
}
