// SPDX-License-Identifier: BSD-2-Clause
#include "engine/selftest.h"

#include <string.h>

#include "engine/wipe.h"

enum {
	KAT_MAX = 128,			/* bytes of any part */
	KAT_KEY_ROOM = 4096,		/* bytes of an expanded key */
};

/* In hex. A MAC's message is clear; its answer is tag. */
struct kat {
	const char *key, *iv, *aad, *clear, *cipher, *tag;
};

static const struct kat kats[ESPNIC_ALGS] = {
	/* McGrew, Viega: The Galois/Counter Mode of Operation, test case 4 */
	[ESPNIC_ALG_AES_GCM] = {
		.key = "feffe9928665731c6d6a8f9467308308",
		.iv = "cafebabefacedbaddecaf888",
		.aad = "feedfacedeadbeeffeedfacedeadbeefabaddad2",
		.clear = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
			 "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
		.cipher = "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
			  "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
		.tag = "5bc94fbc3221a5db94fae95ae7121a47",
	},
	/* RFC 3610 section 8, packet vector #1 */
	[ESPNIC_ALG_AES_CCM] = {
		.key = "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf",
		.iv = "00000003020100a0a1a2a3a4a5",
		.aad = "0001020304050607",
		.clear = "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e",
		.cipher = "588c979a61c663d2f066d0c2c0f989806d5f6b61dac384",
		.tag = "17e8d12cfdf926e0",
	},
	/* RFC 8439 section 2.8.2 */
	[ESPNIC_ALG_CHACHA20_POLY1305] = {
		.key = "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		.iv = "070000004041424344454647",
		.aad = "50515253c0c1c2c3c4c5c6c7",
		.clear = "4c616469657320616e642047656e746c656d656e206f662074686520636c6173"
			 "73206f66202739393a204966204920636f756c64206f6666657220796f75206f"
			 "6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73"
			 "637265656e20776f756c642062652069742e",
		.cipher = "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
			  "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
			  "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
			  "3ff4def08e4b7a9de576d26586cec64b6116",
		.tag = "1ae10b594f09e26a7e902ecbd0600691",
	},
	/* draft-mcgrew-gcm-test-01 section 4, the case of GMAC */
	[ESPNIC_ALG_AES_GMAC] = {
		.key = "4c80cdefbb5d10da906ac73c3613a634",
		.iv = "22433c640000000000000000",
		.clear = "0000432100000007000000000000000045000030da3a00008001df3bc0a80005"
			 "c0a800010800c6cd020007006162636465666768696a6b6c6d6e6f7071727374"
			 "01020201",
		.tag = "f2a9a836e155106aa8dcd618e4099aaa",
	},
	/* RFC 3602 section 4, case #1 */
	[ESPNIC_ALG_AES_CBC] = {
		.key = "06a9214036b8a15b512e03d534120006",
		.iv = "3dafba429d9eb430b422da802c9fac41",
		.clear = "53696e676c6520626c6f636b206d7367",
		.cipher = "e353779c1079aeb82708942dbe77181a",
	},
	/* RFC 3686 section 6, test vector #3 */
	[ESPNIC_ALG_AES_CTR] = {
		.key = "7691be035e5020a8ac6e618529f9a0dc",
		.iv = "00e0017b27777f3f4a1786f000000001",
		.clear = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223",
		.cipher = "c1cf48a89f2ffdd9cf4652e9efdb72d74540a42bde6d7836d59a5ceaaef3105325b2072f",
	},
	/* NIST CAVP, TCBCMMT3, encryption 0 */
	[ESPNIC_ALG_3DES_CBC] = {
		.key = "b5cb1504802326c73df186e3e352a20de643b0d63ee30e37",
		.iv = "43f791134c5647ba",
		.clear = "dcc153cef81d6f24",
		.cipher = "92538bd8af18d3ba",
	},
	/* RFC 2202, test case 1 */
	[ESPNIC_ALG_HMAC_MD5] = {
		.key = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
		.clear = "4869205468657265",
		.tag = "9294727a3638bb1c13f48ef8158bfc9d",
	},
	[ESPNIC_ALG_HMAC_SHA1] = {
		.key = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
		.clear = "4869205468657265",
		.tag = "b617318655057264e28bc0b6fb378c8ef146be00",
	},
	/* RFC 4231 section 4.2, test case 1 */
	[ESPNIC_ALG_HMAC_SHA256] = {
		.key = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
		.clear = "4869205468657265",
		.tag = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
	},
	[ESPNIC_ALG_HMAC_SHA384] = {
		.key = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
		.clear = "4869205468657265",
		.tag = "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
		       "faea9ea9076ede7f4af152e8b2fa9cb6",
	},
	[ESPNIC_ALG_HMAC_SHA512] = {
		.key = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
		.clear = "4869205468657265",
		.tag = "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
		       "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
	},
	/* RFC 3566 section 4.6, test case #4 */
	[ESPNIC_ALG_AES_XCBC] = {
		.key = "000102030405060708090a0b0c0d0e0f",
		.clear = "000102030405060708090a0b0c0d0e0f10111213",
		.tag = "47f51b4564966215b8985c63055ed308",
	},
	/* RFC 4493 section 4, example 3 */
	[ESPNIC_ALG_AES_CMAC] = {
		.key = "2b7e151628aed2a6abf7158809cf4f3c",
		.clear = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
			 "30c81c46a35ce411",
		.tag = "dfa66747de9ae63030ca32611497c827",
	},
};

static uint8_t nibble(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* The bytes of @hex (NULL: none), of which there are at most KAT_MAX; returns how many. */
static size_t unhex(const char *hex, uint8_t out[KAT_MAX])
{
	size_t n = 0;

	for (; hex && hex[2 * n]; n++)
		out[n] = (uint8_t)(nibble(hex[2 * n]) << 4 | nibble(hex[2 * n + 1]));
	return n;
}

struct sample {
	uint8_t iv[KAT_MAX], aad[KAT_MAX], clear[KAT_MAX], cipher[KAT_MAX], tag[KAT_MAX];
	size_t iv_len, aad_len, len, tag_len;
};

static bool aead(struct espnic_engine_thread *t, const struct espnic_aead_ops *ops, const void *key,
		 const struct sample *s)
{
	uint8_t data[KAT_MAX], tag[KAT_MAX];

	memcpy(data, s->clear, s->len);
	ops->seal(t, key, s->iv, s->iv_len, s->aad, s->aad_len, data, s->len, tag, s->tag_len);
	if (memcmp(data, s->cipher, s->len) != 0 || memcmp(tag, s->tag, s->tag_len) != 0)
		return false;
	if (!ops->open(t, key, s->iv, s->iv_len, s->aad, s->aad_len, data, s->len, tag, s->tag_len) ||
	    memcmp(data, s->clear, s->len) != 0)
		return false;
	/* A forged one is refused and left as it is. */
	tag[0] ^= 1;
	return !ops->open(t, key, s->iv, s->iv_len, s->aad, s->aad_len, data, s->len, tag,
			  s->tag_len) &&
	       memcmp(data, s->clear, s->len) == 0;
}

static bool cipher(struct espnic_engine_thread *t, const struct espnic_cipher_ops *ops,
		   const void *key, const struct sample *s)
{
	uint8_t data[KAT_MAX];

	memcpy(data, s->clear, s->len);
	ops->encrypt(t, key, s->iv, data, s->len);
	if (memcmp(data, s->cipher, s->len) != 0)
		return false;
	ops->decrypt(t, key, s->iv, data, s->len);
	return memcmp(data, s->clear, s->len) == 0;
}

static bool mac(struct espnic_engine_thread *t, const struct espnic_mac_ops *ops, const void *key,
		const struct sample *s)
{
	struct espnic_mac_state state;
	uint8_t tag[KAT_MAX];

	ops->start(t, key, &state, s->iv_len ? s->iv : NULL, s->iv_len);
	ops->update(t, key, &state, s->clear, s->len);
	ops->final(t, key, &state, tag, s->tag_len);
	return espnic_equal_ct(tag, s->tag, s->tag_len);
}

enum espnic_selftest espnic_selftest(const struct espnic_transforms *transforms,
				     struct espnic_engine_thread *t, enum espnic_alg alg)
{
	_Alignas(ESPNIC_CACHE_LINE) uint8_t key[KAT_KEY_ROOM];
	const struct espnic_transform *of = &transforms->of[alg];
	const struct kat *kat = &kats[alg];
	uint8_t raw[KAT_MAX];
	size_t key_len = unhex(kat->key, raw);
	struct sample s;
	bool good;

	s.iv_len = unhex(kat->iv, s.iv);
	s.aad_len = unhex(kat->aad, s.aad);
	s.len = unhex(kat->clear, s.clear);
	unhex(kat->cipher, s.cipher);
	s.tag_len = unhex(kat->tag, s.tag);
	if (of->aead)
		good = of->aead->key_size <= sizeof(key) && of->aead->expand(key, raw, key_len) &&
		       aead(t, of->aead, key, &s);
	else if (of->cipher)
		good = of->cipher->key_size <= sizeof(key) && of->cipher->expand(key, raw, key_len) &&
		       cipher(t, of->cipher, key, &s);
	else if (of->mac)
		good = of->mac->key_size <= sizeof(key) && of->mac->expand(key, raw, key_len) &&
		       mac(t, of->mac, key, &s);
	else
		return ESPNIC_SELFTEST_LACKS;
	return good ? ESPNIC_SELFTEST_GOOD : ESPNIC_SELFTEST_BAD;
}
