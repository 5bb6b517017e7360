// SPDX-License-Identifier: BSD-2-Clause
/*
 * Poly1305 where its reductions matter, which random messages do not reach: r of few bits or of all,
 * blocks of zeros, ones and near p = 2^130 - 5, s of zeros and ones; against libcrypto. And RFC 8439
 * appendix A.3, which has such cases.
 */
#include "support.h"

#include <openssl/evp.h>

#include "engine/prim/poly1305.h"

enum { BLOCKS_MAX = 6 };

static void ours(const uint8_t key[32], const uint8_t *msg, size_t len, uint8_t tag[16])
{
	struct espnic_poly1305 p;

	espnic_poly1305_start(&p, key);
	espnic_poly1305_padded(&p, msg, len);
	espnic_poly1305_final(&p, tag);
}

static void theirs(EVP_MAC *mac, const uint8_t key[32], const uint8_t *msg, size_t len,
		   uint8_t tag[16])
{
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	size_t n;

	assert_true(EVP_MAC_init(ctx, key, 32, NULL));
	assert_true(EVP_MAC_update(ctx, msg, len));
	assert_true(EVP_MAC_final(ctx, tag, &n, 16));
	EVP_MAC_CTX_free(ctx);
}

/* 16 bytes of the kinds that carry far. */
static void edge(uint8_t out[16])
{
	memset(out, chance() % 2 ? 0xff : 0, 16);
	switch (chance() % 4) {
	case 0:
		out[0] = (uint8_t)(0xf8 + chance() % 8);
		break;
	case 1:
		out[0] = (uint8_t)(chance() % 8);
		break;
	case 2:
		out[chance() % 16] ^= (uint8_t)(1u << chance() % 8);
		break;
	default:
		break;
	}
}

static void at_the_edges(void **state)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "POLY1305", NULL);

	(void)state;
	for (int round = 0; round < 200000; round++) {
		size_t blocks = chance() % (BLOCKS_MAX + 1);
		uint8_t key[32], msg[16 * BLOCKS_MAX], tag[16], want[16];

		edge(key);
		edge(key + 16);
		for (size_t b = 0; b < blocks; b++)
			edge(msg + 16 * b);
		ours(key, msg, 16 * blocks, tag);
		theirs(mac, key, msg, 16 * blocks, want);
		assert_memory_equal(tag, want, 16);
	}
	EVP_MAC_free(mac);
}

static void rfc8439_a3(void **state)
{
	static const struct {
		const char *r, *s, *msg, *tag;
	} cases[] = {
		/* 7: h reaches p and more */
		{ "02000000000000000000000000000000", "00000000000000000000000000000000",
		  "ffffffffffffffffffffffffffffffff", "03000000000000000000000000000000" },
		/* 8: h + s carries out of 128 bits */
		{ "02000000000000000000000000000000", "ffffffffffffffffffffffffffffffff",
		  "02000000000000000000000000000000", "03000000000000000000000000000000" },
		/* 9: h all ones in several limbs */
		{ "01000000000000000000000000000000", "00000000000000000000000000000000",
		  "fffffffffffffffffffffffffffffffff0ffffffffffffffffffffffffffffff"
		  "11000000000000000000000000000000", "05000000000000000000000000000000" },
		/* 10: h of exactly p */
		{ "01000000000000000000000000000000", "00000000000000000000000000000000",
		  "fffffffffffffffffffffffffffffffffbfefefefefefefefefefefefefefefe"
		  "01010101010101010101010101010101", "00000000000000000000000000000000" },
		/* 11: h of p - 1 */
		{ "02000000000000000000000000000000", "00000000000000000000000000000000",
		  "fdffffffffffffffffffffffffffffff", "faffffffffffffffffffffffffffffff" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t key[32], msg[64], tag[16], want[16];
		size_t len = unhex(cases[i].msg, msg);

		unhex(cases[i].r, key);
		unhex(cases[i].s, key + 16);
		unhex(cases[i].tag, want);
		ours(key, msg, len, tag);
		assert_memory_equal(tag, want, 16);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc8439_a3),
		cmocka_unit_test(at_the_edges),
	};

	return cmocka_run_group_tests_name("engine/poly1305", tests, NULL, NULL);
}
