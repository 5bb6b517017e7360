// SPDX-License-Identifier: BSD-2-Clause
/* The core's parts by themselves: keys against libcrypto's own derivation, selectors, proposals, identities. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "core/crypto.h"
#include "core/ts.h"

static struct espnic_ike_crypto crypto;

static int setup(void **state)
{
	(void)state;
	return espnic_ike_crypto_init(&crypto);
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(crypto.arena.used, 0);
	espnic_ike_crypto_free(&crypto);
	return 0;
}

/* ------------------------------------------------------------------ keys */

/* HKDF-Extract is HMAC(salt, key), HKDF-Expand is prf+: RFC 5869 2, RFC 7296 2.13. */
static void hkdf(int mode, const char *digest, struct espnic_ike_chunk salt, struct espnic_ike_chunk key,
		 struct espnic_ike_chunk info, uint8_t *out, size_t len)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM params[6], *p = params;

	*p++ = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode);
	*p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)digest, 0);
	*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)key.p, key.len);
	if (salt.len)
		*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt.p, salt.len);
	if (info.len)
		*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info.p, info.len);
	*p = OSSL_PARAM_construct_end();
	assert_int_equal(EVP_KDF_derive(ctx, out, len, params), 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

static void fill(uint8_t *p, size_t len, uint8_t with)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(with + i);
}

/* RFC 7296 2.14 step by step with libcrypto's HKDF, beside ours. */
static void ike_keys(void **state)
{
	static const char *const prfs[] = { "prfsha256", "prfsha384", "prfsha512" };
	static const char *const digests[] = { "SHA256", "SHA384", "SHA512" };
	uint8_t shared[48], nonces[40 + 32], spis[16], seed[64], want[512];

	(void)state;
	fill(shared, sizeof(shared), 1);
	fill(nonces, sizeof(nonces), 77);
	fill(spis, sizeof(spis), 0x11);
	for (size_t i = 0; i < 3; i++) {
		struct espnic_ike_suite suite = { .prf = espnic_ike_alg_by_name(prfs[i], 9), .encr = espnic_ike_alg_by_name("aes256", 6),
						  .integ = espnic_ike_alg_by_name("sha384", 6) };
		struct espnic_ike_chunk g = { shared, sizeof(shared) }, ni = { nonces, 40 }, nr = { nonces + 40, 32 };
		size_t prf = suite.prf->out, len = 3 * prf + 2 * 48 + 2 * 32;
		struct espnic_ike_keys *k;
		uint8_t info[sizeof(nonces) + sizeof(spis)];

		hkdf(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, digests[i], (struct espnic_ike_chunk){ nonces, sizeof(nonces) }, g,
		     (struct espnic_ike_chunk){ 0 }, seed, prf);
		memcpy(info, nonces, sizeof(nonces));
		memcpy(info + sizeof(nonces), spis, sizeof(spis));
		hkdf(EVP_KDF_HKDF_MODE_EXPAND_ONLY, digests[i], (struct espnic_ike_chunk){ 0 }, (struct espnic_ike_chunk){ seed, prf },
		     (struct espnic_ike_chunk){ info, sizeof(info) }, want, len);
		k = espnic_ike_derive(&crypto, &suite, NULL, NULL, &(struct espnic_ike_secrets){ 1, { g } }, ni, nr, 0x1112131415161718, 0x191a1b1c1d1e1f20);
		assert_non_null(k);
		assert_memory_equal(k->bytes, want, len);
		assert_memory_equal(espnic_ike_sk_d(k), want, prf);
		assert_memory_equal(espnic_ike_sk_a(k, ESPNIC_IKE_R), want + prf + 48, 48);
		assert_memory_equal(espnic_ike_sk_e(k, ESPNIC_IKE_R), want + prf + 2 * 48 + 32, 32);
		assert_memory_equal(espnic_ike_sk_p(k, ESPNIC_IKE_R), want + prf + 2 * 48 + 2 * 32 + prf, prf);
		espnic_ike_keys_free(&crypto, k);
	}
}

/* FIPS 203 7.2, 7.3: keys and ciphertexts of another length, and keys with numbers that are none of the field. */
static void bad_kem_values(void **state)
{
	static const struct {
		const char *name;
		size_t key, ciphertext;
	} kems[] = { { "mlkem512", 800, 768 }, { "mlkem768", 1184, 1088 }, { "mlkem1024", 1568, 1568 } };

	(void)state;
	for (size_t i = 0; i < sizeof(kems) / sizeof(kems[0]); i++) {
		const struct espnic_ike_alg *alg = espnic_ike_alg_by_name(kems[i].name, strlen(kems[i].name));
		struct espnic_ike_ke_value key, answer, bad;
		struct espnic_ike_shared ours, theirs;
		struct espnic_ike_ke ke;

		for (int off = -1; off <= 1; off++) {
			assert_true(espnic_ike_ke_start(&ke, alg, &key));
			assert_int_equal(key.len, kems[i].key);
			assert_int_equal(espnic_ike_ke_respond(alg, (struct espnic_ike_chunk){ key.bytes, key.len + (size_t)off }, &bad, &theirs),
					 off == 0);
			assert_true(espnic_ike_ke_respond(alg, (struct espnic_ike_chunk){ key.bytes, key.len }, &answer, &theirs));
			assert_int_equal(answer.len, kems[i].ciphertext);
			assert_int_equal(espnic_ike_ke_finish(&ke, (struct espnic_ike_chunk){ answer.bytes, answer.len + (size_t)off }, &ours),
					 off == 0);
			assert_true(off || (ours.len == 32 && theirs.len == 32 && memcmp(ours.bytes, theirs.bytes, 32) == 0));
		}
		memset(key.bytes, 0xff, key.len);
		assert_false(espnic_ike_ke_respond(alg, (struct espnic_ike_chunk){ key.bytes, key.len }, &answer, &theirs));
	}
}

/*
 * RFC 9370 2.2.4: of several key exchanges the first secret is in front of the nonces, the others are behind them: as one secret, and a
 * last nonce with the others at its end, says the same.
 */
static void more_secrets(void **state)
{
	static const uint8_t s[3][8] = { "secret0", "second", "third" }, n[2][16] = { "one nonce", "another" };
	uint8_t tail[sizeof(n[1]) + sizeof(s[1]) + sizeof(s[2])];
	struct espnic_ike_suite suite = { .prf = espnic_ike_alg_by_name("prfsha256", 9), .encr = espnic_ike_alg_by_name("aes256", 6),
					  .integ = espnic_ike_alg_by_name("sha384", 6) };
	struct espnic_ike_chunk ni = { n[0], sizeof(n[0]) }, nr = { n[1], sizeof(n[1]) }, all = { tail, sizeof(tail) };
	struct espnic_ike_secrets one = { 1, { { s[0], sizeof(s[0]) } } };
	struct espnic_ike_secrets three = { 3, { { s[0], sizeof(s[0]) }, { s[1], sizeof(s[1]) }, { s[2], sizeof(s[2]) } } };
	struct espnic_ike_keys *base = espnic_ike_derive(&crypto, &suite, NULL, NULL, &one, ni, nr, 1, 2);
	struct espnic_ike_child_keys *a, *b;

	(void)state;
	assert_non_null(base);
	memcpy(tail, n[1], sizeof(n[1]));
	memcpy(tail + sizeof(n[1]), s[1], sizeof(s[1]) + sizeof(s[2]));
	a = espnic_ike_derive_child(&crypto, &suite, base, suite.prf, &three, ni, nr);
	b = espnic_ike_derive_child(&crypto, &suite, base, suite.prf, &one, ni, all);
	assert_non_null(a);
	assert_non_null(b);
	assert_memory_equal(a->encr, b->encr, sizeof(a->encr));
	assert_memory_equal(a->integ[1], b->integ[1], 48);
	espnic_ike_child_keys_free(&crypto, a);
	espnic_ike_child_keys_free(&crypto, b);
	espnic_ike_keys_free(&crypto, base);
}

/* Any bit of a sealed message that changes makes it a forgery, and nothing else opens it. */
static void sealed(void **state)
{
	static const char *const encrs[] = { "aes128gcm16", "aes256gcm8", "chacha20poly1305", "aes256" };
	uint8_t msg[256], bad[256];

	(void)state;
	for (size_t i = 0; i < sizeof(encrs) / sizeof(encrs[0]); i++) {
		struct espnic_ike_suite s = { .prf = espnic_ike_alg_by_name("prfsha256", 9),
					      .encr = espnic_ike_alg_by_name(encrs[i], strlen(encrs[i])) };
		struct espnic_ike_chunk x = { (const uint8_t *)"0123456789abcdef", 16 };
		struct espnic_ike_wr w = espnic_ike_wr(msg, sizeof(msg));
		struct espnic_ike_hdr hdr = { .spi_i = 1, .spi_r = 2, .exchange = ESPNIC_IKE_INFORMATIONAL };
		struct espnic_ike_msg m = { 0 };
		struct espnic_ike_keys *k;
		const uint8_t *inner;
		size_t at;

		if (!s.encr->icv)
			s.integ = espnic_ike_alg_by_name("sha256", 6);
		k = espnic_ike_derive(&crypto, &s, NULL, NULL, &(struct espnic_ike_secrets){ 1, { x } }, x, x, 1, 2);
		assert_non_null(k);
		espnic_ike_hdr_write(&w, &hdr);
		at = espnic_ike_wr_begin(&w, ESPNIC_IKE_P_SK);
		espnic_ike_hdr_done(&w);
		assert_true(espnic_ike_seal(&crypto, &s, k, ESPNIC_IKE_I, &w, at, (const uint8_t *)"twenty-one bytes here", 21, 7));
		assert_int_equal(w.len, espnic_ike_sealed_size(&s, 21, false));
		assert_true(espnic_ike_hdr_read(&m.hdr, msg, w.len));
		assert_int_equal(espnic_ike_parse(&m, m.hdr.next, msg + 28, w.len - 28, msg), ESPNIC_IKE_PARSE_OK);
		for (size_t bit = 0; bit < 8 * w.len; bit++) {
			memcpy(bad, msg, w.len);
			bad[bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_true(espnic_ike_open(&crypto, &s, k, ESPNIC_IKE_I, bad, w.len, &m.sk, &inner) < 0);
		}
		memcpy(bad, msg, w.len);
		assert_true(espnic_ike_open(&crypto, &s, k, ESPNIC_IKE_R, bad, w.len, &m.sk, &inner) < 0);
		assert_int_equal(espnic_ike_open(&crypto, &s, k, ESPNIC_IKE_I, msg, w.len, &m.sk, &inner), 21);
		assert_memory_equal(inner, "twenty-one bytes here", 21);
		espnic_ike_keys_free(&crypto, k);
	}
}

/* Public values that are none: RFC 6989. */
static void bad_public_values(void **state)
{
	static const struct {
		const char *group;
		size_t len;
		uint8_t first, last;	/* the others are zero */
	} bad[] = {
		{ "x25519", 32, 0, 0 }, { "x25519", 31, 9, 0 }, { "x25519", 33, 9, 0 }, { "ecp256", 64, 0, 0 }, { "ecp256", 64, 1, 1 },
		{ "ecp256", 32, 1, 1 }, { "ecp384", 96, 4, 1 }, { "ecp521", 132, 0, 1 }, { "modp2048", 256, 0, 0 },
		{ "modp2048", 256, 0, 1 }, { "modp2048", 255, 1, 2 }, { "modp3072", 384, 0, 1 }, { "modp4096", 1, 2, 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t value[ESPNIC_IKE_KE_MAX] = { bad[i].first };
		struct espnic_ike_ke_value ours;
		struct espnic_ike_shared shared;

		value[bad[i].len - 1] |= bad[i].last;
		if (espnic_ike_ke_respond(espnic_ike_alg_by_name(bad[i].group, strlen(bad[i].group)),
					  (struct espnic_ike_chunk){ value, bad[i].len }, &ours, &shared))
			fail_msg("%s took a bad value of %zu bytes", bad[i].group, bad[i].len);
	}
}

/* ------------------------------------------------------------------ selectors */

static struct espnic_ike_ts ts4(uint8_t from, uint8_t to, uint8_t proto, uint16_t pfrom, uint16_t pto)
{
	return (struct espnic_ike_ts){ .family = 4, .proto = proto, .port_from = pfrom, .port_to = pto, .from = { 10, 0, 0, from },
				       .to = { 10, 0, 0, to } };
}

static void narrowing(void **state)
{
	const struct {
		struct espnic_ike_ts a, b, want;
		bool any;
	} cases[] = {
		{ ts4(0, 255, 0, 0, 65535), ts4(5, 9, 0, 0, 65535), ts4(5, 9, 0, 0, 65535), true },
		{ ts4(0, 10, 6, 0, 65535), ts4(5, 20, 0, 80, 90), ts4(5, 10, 6, 80, 90), true },
		{ ts4(0, 10, 6, 0, 65535), ts4(5, 20, 17, 0, 65535), ts4(0, 0, 0, 0, 0), false },
		{ ts4(0, 10, 6, 1, 2), ts4(5, 20, 6, 3, 4), ts4(0, 0, 0, 0, 0), false },
		{ ts4(0, 4, 0, 0, 65535), ts4(5, 20, 0, 0, 65535), ts4(0, 0, 0, 0, 0), false },
		{ ts4(0, 9, 0, 65535, 0), ts4(5, 20, 0, 0, 65535), ts4(5, 9, 0, 65535, 0), true },
		{ ts4(0, 9, 0, 65535, 0), ts4(5, 20, 6, 80, 80), ts4(0, 0, 0, 0, 0), false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct espnic_ike_ts_set a = { 1, { cases[i].a } }, b = { 1, { cases[i].b } }, out;

		assert_int_equal(espnic_ike_ts_narrow(&out, &a, &b), cases[i].any);
		if (cases[i].any)
			assert_memory_equal(&out.v[0], &cases[i].want, sizeof(cases[i].want));
		assert_int_equal(espnic_ike_ts_narrow(&out, &b, &a), cases[i].any);
	}
}

/* ------------------------------------------------------------------ texts */

static void proposal_texts(void **state)
{
	static const struct {
		const char *text, *err;
		enum espnic_ike_protocol protocol;
	} bad[] = {
		{ "aes128gcm16-x25519", "proposal `aes128gcm16-x25519': no PRF (such as prfsha256)", ESPNIC_IKE_PROTO_IKE },
		{ "aes128-sha256", "proposal `aes128-sha256': no key exchange method (such as x25519)", ESPNIC_IKE_PROTO_IKE },
		{ "aes128gcm16-aes128-sha256", "proposal `aes128gcm16-aes128-sha256': AEAD and other ciphers can't stand in one proposal",
		  ESPNIC_IKE_PROTO_ESP },
		{ "aes128", "proposal `aes128': the cipher needs an integrity algorithm", ESPNIC_IKE_PROTO_ESP },
		{ "aes128gcm16-sha256", "proposal `aes128gcm16-sha256': an AEAD takes no integrity algorithm (a PRF is named prfsha256)",
		  ESPNIC_IKE_PROTO_ESP },
		{ "3des-sha1", "proposal `3des-sha1': `3des' is not supported", ESPNIC_IKE_PROTO_ESP },
		{ "aes128gcm16-prfsha256", "proposal `aes128gcm16-prfsha256': `prfsha256' is not for this protocol", ESPNIC_IKE_PROTO_ESP },
		{ "", "proposal `': `' is not supported", ESPNIC_IKE_PROTO_ESP },
		{ "x25519", "proposal `x25519': no encryption algorithm", ESPNIC_IKE_PROTO_ESP },
	};
	struct espnic_ike_proposal p[2];
	char err[ESPNIC_IKE_TEXT], out[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(espnic_ike_proposal_parse(p, 2, bad[i].protocol, bad[i].text, err) < 0);
		assert_string_equal(err, bad[i].err);
	}
	assert_int_equal(espnic_ike_proposal_parse(p, 2, ESPNIC_IKE_PROTO_IKE, "aes128-sha256-curve25519", err), 1);
	assert_string_equal(espnic_ike_proposal_text(p, out, sizeof(out)), "aes128-sha256-x25519-prfsha256");
	assert_int_equal(espnic_ike_proposal_parse(p, 2, ESPNIC_IKE_PROTO_ESP, "aes256gcm128", err), 1);
	assert_string_equal(espnic_ike_proposal_text(p, out, sizeof(out)), "aes256gcm16-noesn");
}

static void identities(void **state)
{
	static const struct {
		const char *pattern, *id;
		bool match;
	} cases[] = {
		{ "%any", "someone@example.org", true }, { "left.example", "LEFT.example", true }, { "left.example", "left.example.org", false },
		{ "*.example", "left.example", true }, { "*.example", ".example", false }, { "*@example.org", "a@example.org", true },
		{ "192.0.2.1", "192.0.2.1", true }, { "192.0.2.1", "fqdn:192.0.2.1", false }, { "2001:db8::1", "2001:db8:0::1", true },
		{ "@#0a0b", "@#0A:0B", true }, { "C=CH, O=strongSwan, CN=*", "C=CH, O=strongSwan, CN=left", true },
		{ "C=CH, O=strongSwan, CN=left", "C=CH, O=STRONGSWAN, CN=left", true }, { "C=CH, CN=left", "C=CH, O=x, CN=left", false },
		{ "CN=*", "CN=a, OU=b", false },
	};
	struct espnic_ike_id pattern, id;
	char err[ESPNIC_IKE_TEXT], out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(espnic_ike_id_parse(&pattern, cases[i].pattern, err), 0);
		assert_int_equal(espnic_ike_id_parse(&id, cases[i].id, err), 0);
		if (espnic_ike_id_matches(&pattern, &id) != cases[i].match)
			fail_msg("%s and %s", cases[i].pattern, cases[i].id);
	}
	assert_int_equal(espnic_ike_id_parse(&id, "@#0a0", err), -22);
	assert_string_equal(err, "identity `@#0a0': not hexadecimal");
	assert_int_equal(espnic_ike_id_parse(&id, "ipv4:2001:db8::1", err), -22);
	assert_string_equal(err, "identity `ipv4:2001:db8::1': not an address");
	id = (struct espnic_ike_id){ .type = ESPNIC_IKE_ID_FQDN, .len = 4, .data = { 'a', 27, '\n', 'b' } };
	assert_string_equal(espnic_ike_id_text(&id, out, sizeof(out)), "a??b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		TEST(ike_keys), TEST(more_secrets), TEST(bad_kem_values), TEST(sealed), TEST(bad_public_values), TEST(narrowing), TEST(proposal_texts), TEST(identities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
