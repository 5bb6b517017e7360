// SPDX-License-Identifier: BSD-2-Clause
/*
 * The hashes by NIST's CAVP files, short, long and Monte Carlo, and MD5 by RFC 1321's suite, read
 * where Debian's python3-cryptography-vectors puts them. In espnic-engine they stand under HMAC only.
 */
#include "support.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/prim/hash.h"

enum { LINE_ROOM = 1 << 18, MONTE_ROUNDS = 100, MONTE_STEPS = 1000 };

struct subject {
	const struct espnic_hash_alg *alg;
	const char *dir, *name;
};

static char line[LINE_ROOM];
static uint8_t msg[LINE_ROOM / 2];

static FILE *open_vectors(const struct subject *s, const char *suffix)
{
	char pattern[256];
	glob_t found;
	FILE *f;

	snprintf(pattern, sizeof(pattern), "/usr/lib/python3*/dist-packages/cryptography_vectors/hashes/%s/%s%s",
		 s->dir, s->name, suffix);
	if (glob(pattern, 0, NULL, &found) != 0)
		fail_msg("no %s: python3-cryptography-vectors is missing", pattern);
	f = fopen(found.gl_pathv[0], "r");
	globfree(&found);
	assert_non_null(f);
	return f;
}

/* The value of the next line "@name = VALUE", or NULL at the end. */
static char *next(FILE *f, const char *name)
{
	size_t n = strlen(name);

	while (fgets(line, sizeof(line), f)) {
		if (strncasecmp(line, name, n) == 0 && strncmp(line + n, " = ", 3) == 0) {
			line[strcspn(line, "\r\n")] = '\0';
			return line + n + 3;
		}
	}
	return NULL;
}

static void digest(const struct espnic_hash_alg *alg, const uint8_t *data, size_t len, uint8_t *out)
{
	struct espnic_hash h;
	size_t done = 0;

	espnic_hash_start(alg, &h);
	while (done < len) {
		size_t n = 1 + chance() % 300;

		if (n > len - done)
			n = len - done;
		espnic_hash_update(alg, &h, data + done, n);
		done += n;
	}
	espnic_hash_final(alg, &h, out);
}

static unsigned int messages(const struct subject *s, const char *suffix)
{
	FILE *f = open_vectors(s, suffix);
	uint8_t got[ESPNIC_HASH_DIGEST_MAX], want[ESPNIC_HASH_DIGEST_MAX];
	unsigned int n = 0;
	char *value;

	while ((value = next(f, "Len"))) {
		size_t len = strtoul(value, NULL, 10) / 8;

		value = next(f, "Msg");
		assert_non_null(value);
		assert_true(unhex(value, msg) >= len);
		assert_int_equal(unhex(next(f, "MD"), want), s->alg->digest);
		digest(s->alg, msg, len, got);
		assert_memory_equal(got, want, s->alg->digest);
		n++;
	}
	fclose(f);
	return n;
}

static void short_and_long(void **state)
{
	const struct subject *s = *state;

	if (s->alg == &espnic_md5) {
		assert_true(messages(s, "") >= 7);
		return;
	}
	assert_true(messages(s, "ShortMsg.rsp") >= 64);
	assert_true(messages(s, "LongMsg.rsp") >= 64);
}

/* The Secure Hash Algorithm Validation System, section 6.4: each digest of three before it. */
static void monte_carlo(void **state)
{
	const struct subject *s = *state;
	size_t len = s->alg->digest;
	uint8_t seed[ESPNIC_HASH_DIGEST_MAX], want[ESPNIC_HASH_DIGEST_MAX];
	uint8_t last[3 * ESPNIC_HASH_DIGEST_MAX];
	FILE *f;

	f = open_vectors(s, "Monte.rsp");
	assert_int_equal(unhex(next(f, "Seed"), seed), len);
	for (int round = 0; round < MONTE_ROUNDS; round++) {
		for (int i = 0; i < 3; i++)
			memcpy(last + len * i, seed, len);
		for (int i = 0; i < MONTE_STEPS; i++) {
			digest(s->alg, last, 3 * len, seed);
			memmove(last, last + len, 2 * len);
			memcpy(last + 2 * len, seed, len);
		}
		unhex(next(f, "MD"), want);
		assert_memory_equal(seed, want, len);
	}
	fclose(f);
}

int main(void)
{
	static struct subject subjects[] = {
		{ &espnic_md5, "MD5", "rfc-1321.txt" },
		{ &espnic_sha1, "SHA1", "SHA1" },
		{ &espnic_sha256, "SHA2", "SHA256" },
		{ &espnic_sha384, "SHA2", "SHA384" },
		{ &espnic_sha512, "SHA2", "SHA512" },
	};
	struct CMUnitTest tests[2 * ARRAY_SIZE(subjects) - 1];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		tests[n++] = (struct CMUnitTest){ subjects[i].name, short_and_long, NULL, NULL,
						  &subjects[i] };
		/* MD5 has no such file. */
		if (subjects[i].alg != &espnic_md5)
			tests[n++] = (struct CMUnitTest){ "Monte Carlo", monte_carlo, NULL, NULL,
							  &subjects[i] };
	}
	return cmocka_run_group_tests_name("engine/hash", tests, NULL, NULL);
}
