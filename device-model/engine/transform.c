// SPDX-License-Identifier: BSD-2-Clause
#include "engine/transform.h"

#include <string.h>

/* Bit n of a set of tag lengths: n bytes. */
#define TAG(n) (1ull << (n))
#define TAGS_UP_TO(n) ((2ull << (n)) - 2)
/* SP 800-38D section 5.2.1.2. */
#define TAGS_GCM (TAG(4) | TAG(8) | TAG(12) | TAG(13) | TAG(14) | TAG(15) | TAG(16))
/* SP 800-38C appendix A.1. */
#define TAGS_CCM (TAG(4) | TAG(6) | TAG(8) | TAG(10) | TAG(12) | TAG(14) | TAG(16))

struct alg_facts {
	const char *name;
	size_t nonce_min, nonce_max;	/* bytes; of what takes a nonce */
	uint64_t tag_lens;		/* a set; without 64 */
	uint8_t tag_max;		/* bytes; 0: a cipher */
};

static const struct alg_facts algs[ESPNIC_ALGS] = {
	[ESPNIC_ALG_AES_GCM] = { "aes-gcm", 1, SIZE_MAX, TAGS_GCM, 16 },
	[ESPNIC_ALG_AES_CCM] = { "aes-ccm", 7, 13, TAGS_CCM, 16 },
	[ESPNIC_ALG_CHACHA20_POLY1305] = { "chacha20-poly1305", 12, 12, TAG(16), 16 },
	[ESPNIC_ALG_AES_GMAC] = { "aes-gmac", 1, SIZE_MAX, TAGS_GCM, 16 },
	[ESPNIC_ALG_AES_CBC] = { .name = "aes-cbc" },
	[ESPNIC_ALG_AES_CTR] = { .name = "aes-ctr" },
	[ESPNIC_ALG_3DES_CBC] = { .name = "3des-cbc" },
	[ESPNIC_ALG_HMAC_MD5] = { "hmac-md5", 0, 0, TAGS_UP_TO(16), 16 },
	[ESPNIC_ALG_HMAC_SHA1] = { "hmac-sha1", 0, 0, TAGS_UP_TO(20), 20 },
	[ESPNIC_ALG_HMAC_SHA256] = { "hmac-sha256", 0, 0, TAGS_UP_TO(32), 32 },
	[ESPNIC_ALG_HMAC_SHA384] = { "hmac-sha384", 0, 0, TAGS_UP_TO(48), 48 },
	[ESPNIC_ALG_HMAC_SHA512] = { "hmac-sha512", 0, 0, TAGS_UP_TO(63), 64 },
	[ESPNIC_ALG_AES_XCBC] = { "aes-xcbc", 0, 0, TAGS_UP_TO(16), 16 },
	[ESPNIC_ALG_AES_CMAC] = { "aes-cmac", 0, 0, TAGS_UP_TO(16), 16 },
};

const char *espnic_alg_name(enum espnic_alg alg)
{
	return algs[alg].name;
}

enum espnic_alg espnic_alg_find(const char *name)
{
	unsigned int alg = 0;

	while (alg < ESPNIC_ALGS && strcmp(name, algs[alg].name) != 0)
		alg++;
	return (enum espnic_alg)alg;
}

void espnic_alg_nonce(enum espnic_alg alg, size_t *min, size_t *max)
{
	*min = algs[alg].nonce_min;
	*max = algs[alg].nonce_max;
}

size_t espnic_alg_tag_max(enum espnic_alg alg)
{
	return algs[alg].tag_max;
}

bool espnic_alg_tag_ok(enum espnic_alg alg, uint64_t len)
{
	return len == algs[alg].tag_max || (len < 64 && algs[alg].tag_lens >> len & 1);
}
