// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every algorithm there is, once: IANA's numbers, sizes, and the names that swanctl, OpenSSL and Linux have
 * for it. What is not here is not offered, not accepted and not installed; the second table is for manual keys alone.
 */
#include "proposal.h"

#include <string.h>
#include <strings.h>

enum {
	AES_BLOCK = 16,
	AES_CBC = 12, AES_GCM_8 = 18, AES_GCM_12 = 19, AES_GCM_16 = 20, CHACHA20_POLY1305 = 28,
	GCM_SALT = 4, GCM_IV = 8,	/* RFC 4106, RFC 5282, RFC 7634 */
};

#define CBC(bits)                                                                                    \
	{ .type = ESPNIC_IKE_ENCR, .id = AES_CBC, .key_bits = (bits), .key_attr = true, .iv = AES_BLOCK, \
	  .block = AES_BLOCK, .ike = true, .esp = true, .name = "aes" #bits, .ossl = "AES-" #bits "-CBC", .xfrm = "cbc(aes)" }
#define GCM(bits, bytes)                                                                           \
	{ .type = ESPNIC_IKE_ENCR, .id = AES_GCM_##bytes, .key_bits = (bits), .key_attr = true,    \
	  .salt = GCM_SALT, .iv = GCM_IV, .icv = (bytes), .block = 1, .ike = true, .esp = true,     \
	  .offload = true, .name = "aes" #bits "gcm" #bytes, .ossl = "AES-" #bits "-GCM",           \
	  .xfrm = "rfc4106(gcm(aes))" }
#define SHA2(integ_id, prf_id, bits, key, cut)                                                       \
	{ .type = ESPNIC_IKE_INTEG, .id = (integ_id), .icv = (cut), .out = (key), .ike = true, .esp = true, \
	  .name = "sha" #bits, .ossl = "SHA" #bits, .xfrm = "hmac(sha" #bits ")" },                  \
	{ .type = ESPNIC_IKE_PRF, .id = (prf_id), .out = (key), .ike = true, .name = "prfsha" #bits, .ossl = "SHA" #bits }
#define GROUP(number, keyword, openssl)                                                              \
	{ .type = ESPNIC_IKE_KE, .id = (number), .ike = true, .esp = true, .name = (keyword), .ossl = (openssl) }

static const struct espnic_ike_alg algs[] = {
	GCM(128, 16), GCM(192, 16), GCM(256, 16), GCM(128, 12), GCM(192, 12), GCM(256, 12), GCM(128, 8), GCM(192, 8), GCM(256, 8),
	CBC(128), CBC(192), CBC(256),
	{ .type = ESPNIC_IKE_ENCR, .id = CHACHA20_POLY1305, .key_bits = 256, .salt = GCM_SALT, .iv = GCM_IV, .icv = 16, .block = 1,
	  .ike = true, .esp = true, .name = "chacha20poly1305", .ossl = "ChaCha20-Poly1305", .xfrm = "rfc7539esp(chacha20,poly1305)" },
	SHA2(12, 5, 256, 32, 16),	/* RFC 4868 */
	SHA2(13, 6, 384, 48, 24),
	SHA2(14, 7, 512, 64, 32),
	GROUP(31, "x25519", "X25519"),	/* RFC 8031 */
	GROUP(19, "ecp256", "P-256"),	/* RFC 5903 */
	GROUP(20, "ecp384", "P-384"),
	GROUP(21, "ecp521", "P-521"),
	GROUP(14, "modp2048", "modp_2048"),	/* RFC 3526 */
	GROUP(15, "modp3072", "modp_3072"),
	GROUP(16, "modp4096", "modp_4096"),
	GROUP(35, "mlkem512", "ML-KEM-512"),	/* draft-ietf-ipsecme-ikev2-mlkem */
	GROUP(36, "mlkem768", "ML-KEM-768"),
	GROUP(37, "mlkem1024", "ML-KEM-1024"),
	{ .type = ESPNIC_IKE_ESN, .id = 0, .esp = true, .name = "noesn" },
	{ .type = ESPNIC_IKE_ESN, .id = 1, .esp = true, .name = "esn" },
};

#define SALTED(keyword, bits, bytes, tag, linux_name)                                                \
	{ .type = ESPNIC_IKE_ENCR, .key_bits = (bits), .salt = (bytes), .icv = (tag), .name = (keyword), .xfrm = (linux_name) }
#define AUTH(keyword, key, tag, linux_name)                                                          \
	{ .type = ESPNIC_IKE_INTEG, .out = (key), .icv = (tag), .name = (keyword), .xfrm = (linux_name) }
#define GMAC "rfc4543(gcm(aes))"
#define CCM "rfc4309(ccm(aes))"
#define CTR "rfc3686(ctr(aes))"

static const struct espnic_ike_alg manual[] = {
	SALTED("aes128gmac", 128, 4, 16, GMAC), SALTED("aes192gmac", 192, 4, 16, GMAC), SALTED("aes256gmac", 256, 4, 16, GMAC),
	SALTED("aes128ccm16", 128, 3, 16, CCM), SALTED("aes192ccm16", 192, 3, 16, CCM), SALTED("aes256ccm16", 256, 3, 16, CCM),
	SALTED("aes128ccm8", 128, 3, 8, CCM), SALTED("aes256ccm8", 256, 3, 8, CCM),
	SALTED("aes128ctr", 128, 4, 0, CTR), SALTED("aes192ctr", 192, 4, 0, CTR), SALTED("aes256ctr", 256, 4, 0, CTR),
	{ .type = ESPNIC_IKE_ENCR, .key_bits = 192, .weak = true, .name = "3des", .xfrm = "cbc(des3_ede)" },
	{ .type = ESPNIC_IKE_ENCR, .name = "null", .xfrm = "ecb(cipher_null)" },
	{ .type = ESPNIC_IKE_INTEG, .out = 16, .icv = 12, .weak = true, .name = "md5", .xfrm = "hmac(md5)" },
	AUTH("sha1", 20, 12, "hmac(sha1)"), AUTH("aesxcbc", 16, 12, "xcbc(aes)"), AUTH("aescmac", 16, 12, "cmac(aes)"),
};

/* Other spellings that swanctl takes. */
static const struct {
	const char *alias, *name;
} aliases[] = {
	{ "aes", "aes128" }, { "aes128gcm", "aes128gcm16" }, { "aes192gcm", "aes192gcm16" }, { "aes256gcm", "aes256gcm16" },
	{ "aes128gcm128", "aes128gcm16" }, { "aes192gcm128", "aes192gcm16" }, { "aes256gcm128", "aes256gcm16" },
	{ "aes128gcm96", "aes128gcm12" }, { "aes192gcm96", "aes192gcm12" }, { "aes256gcm96", "aes256gcm12" },
	{ "aes128gcm64", "aes128gcm8" }, { "aes192gcm64", "aes192gcm8" }, { "aes256gcm64", "aes256gcm8" },
	{ "sha2_256", "sha256" }, { "sha2_384", "sha384" }, { "sha2_512", "sha512" }, { "curve25519", "x25519" },
};

const struct espnic_ike_alg *espnic_ike_alg(unsigned int type, unsigned int id, unsigned int key_bits)
{
	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++)
		if (algs[i].type == type && algs[i].id == id && (algs[i].key_attr ? algs[i].key_bits : 0) == key_bits)
			return &algs[i];
	return NULL;
}

static const struct espnic_ike_alg *find(const struct espnic_ike_alg *v, size_t n, const char *name, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(v[i].name) == len && strncasecmp(v[i].name, name, len) == 0)
			return &v[i];
	return NULL;
}

const struct espnic_ike_alg *espnic_ike_alg_at(unsigned int i)
{
	return i < sizeof(algs) / sizeof(algs[0]) ? &algs[i] : NULL;
}

static const struct espnic_ike_alg *exact(const char *name, size_t len)
{
	return find(algs, sizeof(algs) / sizeof(algs[0]), name, len);
}

const struct espnic_ike_alg *espnic_ike_alg_manual(const char *name, size_t len)
{
	const struct espnic_ike_alg *alg = exact(name, len);

	return alg && alg->xfrm ? alg : find(manual, sizeof(manual) / sizeof(manual[0]), name, len);
}

const struct espnic_ike_alg *espnic_ike_alg_by_name(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (strlen(aliases[i].alias) == len && strncasecmp(aliases[i].alias, name, len) == 0)
			return exact(aliases[i].name, strlen(aliases[i].name));
	return exact(name, len);
}
