// SPDX-License-Identifier: BSD-2-Clause
/* espnic-engine list and selftest: which transforms there are, and whether they work. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/request.h"
#include "engine/selftest.h"

enum {
	LENS_MAX = 3,
	TEST_SPI = 256,			/* the first that is not reserved */
	TEXT_MAX = 64,
};

static const char *const bodies[] = { "ref", "fast" };

#define BODIES (sizeof(bodies) / sizeof(bodies[0]))

enum kind { KIND_AEAD, KIND_CIPHER, KIND_INTEGRITY };

/* A transform as SAs name it (CONTRACTS.md), and what its RFC says of it. */
struct row {
	const char *name;		/* IANA: IKEv2 transform types 1 and 3 */
	const char *word;
	enum kind kind;
	enum espnic_enc enc;
	enum espnic_auth auth;
	enum espnic_alg alg;		/* ESPNIC_ALGS: none, NULL encryption */
	uint16_t key_bits[LENS_MAX];	/* salt apart */
	uint8_t salt, iv;		/* bytes */
	uint8_t icv[LENS_MAX];		/* bytes */
	bool legacy;
	const char *rfc;
	const char *status;		/* RFC 8221 sections 5 and 6; "-": does not say */
};

static const struct row rows[] = {
	{ "ENCR_AES_GCM", "aes-gcm", KIND_AEAD, ESPNIC_ENC_AES_GCM, ESPNIC_AUTH_NONE,
	  ESPNIC_ALG_AES_GCM, { 128, 192, 256 }, 4, 8, { 8, 12, 16 }, false, "4106",
	  "MUST (ICV 16), MAY (192)" },
	{ "ENCR_CHACHA20_POLY1305", "chacha20-poly1305", KIND_AEAD, ESPNIC_ENC_CHACHA20_POLY1305,
	  ESPNIC_AUTH_NONE, ESPNIC_ALG_CHACHA20_POLY1305, { 256 }, 4, 8, { 16 }, false, "7634", "SHOULD" },
	{ "ENCR_AES_CCM", "aes-ccm", KIND_AEAD, ESPNIC_ENC_AES_CCM, ESPNIC_AUTH_NONE,
	  ESPNIC_ALG_AES_CCM, { 128, 192, 256 }, 3, 8, { 8, 12, 16 }, false, "4309",
	  "SHOULD (ICV 8, 128, IoT)" },
	{ "ENCR_NULL_AUTH_AES_GMAC", "aes-gmac", KIND_AEAD, ESPNIC_ENC_AES_GMAC, ESPNIC_AUTH_NONE,
	  ESPNIC_ALG_AES_GMAC, { 128, 192, 256 }, 4, 8, { 16 }, false, "4543", "-" },
	{ "ENCR_AES_CBC", "aes-cbc", KIND_CIPHER, ESPNIC_ENC_AES_CBC, ESPNIC_AUTH_HMAC_SHA256_128,
	  ESPNIC_ALG_AES_CBC, { 128, 192, 256 }, 0, 16, { 0 }, false, "3602", "MUST, MAY (192)" },
	{ "ENCR_AES_CTR", "aes-ctr", KIND_CIPHER, ESPNIC_ENC_AES_CTR, ESPNIC_AUTH_HMAC_SHA256_128,
	  ESPNIC_ALG_AES_CTR, { 128, 192, 256 }, 4, 8, { 0 }, false, "3686", "MAY" },
	{ "ENCR_NULL", "null", KIND_CIPHER, ESPNIC_ENC_NULL, ESPNIC_AUTH_HMAC_SHA256_128,
	  ESPNIC_ALGS, { 0 }, 0, 0, { 0 }, false, "2410", "MUST" },
	{ "ENCR_3DES", "3des-cbc", KIND_CIPHER, ESPNIC_ENC_3DES_CBC, ESPNIC_AUTH_HMAC_SHA256_128,
	  ESPNIC_ALG_3DES_CBC, { 192 }, 0, 8, { 0 }, true, "2451", "SHOULD NOT" },
	{ "AUTH_HMAC_SHA2_256_128", "hmac-sha256-128", KIND_INTEGRITY, ESPNIC_ENC_NULL,
	  ESPNIC_AUTH_HMAC_SHA256_128, ESPNIC_ALG_HMAC_SHA256, { 256 }, 0, 0, { 16 }, false, "4868", "MUST" },
	{ "AUTH_HMAC_SHA2_384_192", "hmac-sha384-192", KIND_INTEGRITY, ESPNIC_ENC_NULL,
	  ESPNIC_AUTH_HMAC_SHA384_192, ESPNIC_ALG_HMAC_SHA384, { 384 }, 0, 0, { 24 }, false, "4868", "-" },
	{ "AUTH_HMAC_SHA2_512_256", "hmac-sha512-256", KIND_INTEGRITY, ESPNIC_ENC_NULL,
	  ESPNIC_AUTH_HMAC_SHA512_256, ESPNIC_ALG_HMAC_SHA512, { 512 }, 0, 0, { 32 }, false, "4868", "SHOULD" },
	{ "AUTH_HMAC_SHA1_96", "hmac-sha1-96", KIND_INTEGRITY, ESPNIC_ENC_NULL,
	  ESPNIC_AUTH_HMAC_SHA1_96, ESPNIC_ALG_HMAC_SHA1, { 160 }, 0, 0, { 12 }, false, "2404", "MUST-" },
	{ "AUTH_AES_XCBC_96", "aes-xcbc-96", KIND_INTEGRITY, ESPNIC_ENC_NULL, ESPNIC_AUTH_AES_XCBC_96,
	  ESPNIC_ALG_AES_XCBC, { 128 }, 0, 0, { 12 }, false, "3566", "SHOULD (IoT), MAY" },
	{ "AUTH_AES_CMAC_96", "aes-cmac-96", KIND_INTEGRITY, ESPNIC_ENC_NULL, ESPNIC_AUTH_AES_CMAC_96,
	  ESPNIC_ALG_AES_CMAC, { 128 }, 0, 0, { 12 }, false, "4494", "-" },
	{ "AUTH_AES_GMAC", "aes-gmac", KIND_INTEGRITY, ESPNIC_ENC_NULL, ESPNIC_AUTH_AES_GMAC,
	  ESPNIC_ALG_AES_GMAC, { 128, 192, 256 }, 4, 8, { 16 }, false, "4543", "MAY (128, 256)" },
	{ "AUTH_HMAC_MD5_96", "hmac-md5-96", KIND_INTEGRITY, ESPNIC_ENC_NULL, ESPNIC_AUTH_HMAC_MD5_96,
	  ESPNIC_ALG_HMAC_MD5, { 128 }, 0, 0, { 12 }, true, "2403", "MUST NOT" },
};

/* The key bytes of @auth beside a cipher. */
static uint8_t auth_key_len(enum espnic_auth auth)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].kind == KIND_INTEGRITY && rows[i].auth == auth)
			return (uint8_t)(rows[i].key_bits[0] / 8);
	}
	return 0;
}

/* An SA of @row with @proto, its key of the first length. */
static void row_params(const struct row *row, enum espnic_sa_proto proto, struct espnic_sa_params *p)
{
	espnic_sa_params_init(p);
	p->spi = TEST_SPI;
	p->proto = proto;
	p->enc = row->enc;
	p->auth = row->auth;
	p->salt_len = row->salt;
	/* Keys that 3DES does not call weak. */
	for (unsigned int i = 0; i < ESPNIC_KEY_MAX; i++)
		p->enc_key[i] = p->auth_key[i] = (uint8_t)(2 * i + 1);
	if (row->kind != KIND_INTEGRITY)
		p->enc_key_len = (uint8_t)(row->key_bits[0] / 8);
	p->auth_key_len = auth_key_len(row->auth);
}

/* Whether @ops takes an SA of @row with @proto: asked, so that the list can't be wrong. */
static bool takes(const struct espnic_engine_ops *ops, const struct row *row,
		  enum espnic_sa_proto proto)
{
	struct espnic_sa_params p;
	struct espnic_sa *sa;

	row_params(row, proto, &p);
	if (ops->sa_add(&p, &sa, NULL) != ESPNIC_OK)
		return false;
	ops->sa_del(sa);
	return true;
}

bool espnic_cli_list_sa(unsigned int n, struct espnic_sa_params *p, const char **word)
{
	if (n >= sizeof(rows) / sizeof(rows[0]))
		return false;
	row_params(&rows[n], ESPNIC_PROTO_ESP, p);
	*word = rows[n].word;
	return true;
}

/* In which of the bodies @row is; a bit each. */
struct had {
	unsigned int esp, ah, bare;
};

static struct had had(const struct row *row)
{
	struct had in = { 0, 0, 0 };

	for (unsigned int b = 0; b < BODIES; b++) {
		const struct espnic_engine_ops *ops = espnic_engine_get(bodies[b], NULL);
		const struct espnic_transforms *transforms = espnic_transforms_get(bodies[b], NULL);
		const struct espnic_transform *of;

		if (!ops)
			continue;
		in.esp |= (unsigned int)takes(ops, row, ESPNIC_PROTO_ESP) << b;
		if (row->kind == KIND_INTEGRITY)
			in.ah |= (unsigned int)takes(ops, row, ESPNIC_PROTO_AH) << b;
		if (row->alg == ESPNIC_ALGS)
			continue;
		of = &transforms->of[row->alg];
		in.bare |= (unsigned int)(of->aead || of->cipher || of->mac) << b;
	}
	return in;
}

/* "a, b" into @out, of the bodies in @set or of numbers other than 0; "-" for none. */
static const char *body_text(unsigned int set, char out[TEXT_MAX])
{
	out[0] = '\0';
	for (unsigned int b = 0; b < BODIES; b++) {
		if (set >> b & 1)
			snprintf(out + strlen(out), TEXT_MAX - strlen(out), "%s%s",
				 out[0] ? ", " : "", bodies[b]);
	}
	return out[0] ? out : "-";
}

static const char *number_text(const uint16_t n[LENS_MAX], char out[TEXT_MAX])
{
	out[0] = '\0';
	for (int i = 0; i < LENS_MAX && n[i]; i++)
		snprintf(out + strlen(out), TEXT_MAX - strlen(out), "%s%u", out[0] ? ", " : "", n[i]);
	return out[0] ? out : "-";
}

static void print_text(const struct row *row, const struct had *in)
{
	uint16_t icv[LENS_MAX] = { row->icv[0], row->icv[1], row->icv[2] };
	char keys[TEXT_MAX], icvs[TEXT_MAX], esp[TEXT_MAX], ah[TEXT_MAX], bare[TEXT_MAX];

	printf("%-24s %-18s %-14s %4u %3u  %-10s %-20s %-10s %-10s %-10s%s\n", row->name, row->word,
	       number_text(row->key_bits, keys), row->salt, row->iv, number_text(icv, icvs),
	       row->status, body_text(in->esp, esp), body_text(in->ah, ah),
	       body_text(in->bare, bare), row->legacy ? " legacy" : "");
}

static struct json_object *json_bodies(unsigned int set)
{
	struct json_object *array = json_object_new_array();

	for (unsigned int b = 0; b < BODIES; b++) {
		if (set >> b & 1)
			json_object_array_add(array, json_object_new_string(bodies[b]));
	}
	return array;
}

static void print_json(const struct row *row, const struct had *in)
{
	static const char *const kinds[] = { "aead", "cipher", "integrity" };
	struct json_object *obj = json_object_new_object();
	struct json_object *keys = json_object_new_array();
	struct json_object *icvs = json_object_new_array();

	for (int i = 0; i < LENS_MAX && row->key_bits[i]; i++)
		json_object_array_add(keys, json_object_new_int(row->key_bits[i]));
	for (int i = 0; i < LENS_MAX && row->icv[i]; i++)
		json_object_array_add(icvs, json_object_new_int(row->icv[i]));
	json_object_object_add(obj, "name", json_object_new_string(row->name));
	json_object_object_add(obj, "word", json_object_new_string(row->word));
	json_object_object_add(obj, "kind", json_object_new_string(kinds[row->kind]));
	json_object_object_add(obj, "rfc", json_object_new_string(row->rfc));
	json_object_object_add(obj, "key_bits", keys);
	json_object_object_add(obj, "salt_len", json_object_new_int(row->salt));
	json_object_object_add(obj, "iv_len", json_object_new_int(row->iv));
	json_object_object_add(obj, "icv_len", icvs);
	json_object_object_add(obj, "rfc8221", json_object_new_string(row->status));
	json_object_object_add(obj, "legacy", json_object_new_boolean(row->legacy));
	json_object_object_add(obj, "esp", json_bodies(in->esp));
	json_object_object_add(obj, "ah", json_bodies(in->ah));
	json_object_object_add(obj, "bare", json_bodies(in->bare));
	puts(json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PLAIN));
	json_object_put(obj);
}

void espnic_cli_list(bool json)
{
	if (!json)
		printf("%-24s %-18s %-14s %4s %3s  %-10s %-20s %-10s %-10s %s\n", "transform", "word",
		       "key bits", "salt", "IV", "ICV", "RFC 8221", "ESP", "AH", "bare");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct had in = had(&rows[i]);

		if (json)
			print_json(&rows[i], &in);
		else
			print_text(&rows[i], &in);
	}
}

/* One body; false: an answer was wrong. */
static bool selftest_body(const char *name, const struct espnic_transforms *transforms,
			  struct espnic_engine_thread *t)
{
	static const char *const words[] = { "good", "WRONG", "lacks it" };
	bool good = true;

	for (unsigned int alg = 0; alg < ESPNIC_ALGS; alg++) {
		enum espnic_selftest found = espnic_selftest(transforms, t, (enum espnic_alg)alg);

		printf("%s %s: %s\n", name, espnic_alg_name((enum espnic_alg)alg), words[found]);
		good = good && found != ESPNIC_SELFTEST_BAD;
	}
	return good;
}

bool espnic_cli_selftest(void)
{
	bool good = true;

	for (unsigned int b = 0; b < BODIES; b++) {
		const char *why;
		const struct espnic_engine_ops *ops = espnic_engine_get(bodies[b], &why);
		struct espnic_engine_thread *t;

		if (!ops) {
			printf("%s: not to be had here: %s\n", bodies[b], why);
			continue;
		}
		t = ops->thread_new();
		if (!t) {
			printf("%s: out of memory\n", bodies[b]);
			return false;
		}
		good = selftest_body(bodies[b], espnic_transforms_get(bodies[b], NULL), t) && good;
		ops->thread_free(t);
	}
	return good;
}
