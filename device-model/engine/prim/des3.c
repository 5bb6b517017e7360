// SPDX-License-Identifier: BSD-2-Clause
/*
 * The eight S-boxes side by side in 32-bit words: S-box s (1 to 8) owns the s-th nibble from
 * the left, as in the standard's f(R, K). Which of its 64 entries it gives is decided by a tree
 * of 63 multiplexers, whose selectors are the six input bits, each repeated over its nibble.
 */
#include "engine/prim/des3.h"

#include "engine/ip.h"
#include "engine/prim/xor.h"
#include "engine/wipe.h"

enum {
	SBOX_INPUTS = 6,
	SBOX_ENTRIES = 1 << SBOX_INPUTS,
	DES_HALF_KEY = 28,		/* bits of C and D */
};

#define LOW_BITS 0x11111111u		/* the last bit of each nibble */

/*
 * Entry i holds, for i = b1 b2 b3 b4 b5 b6, what S1 ... S8 give, a hexadecimal digit each (FIPS
 * 46-3, "Primitive functions": row b1 b6, column b2 b3 b4 b5).
 */
static const uint32_t sboxes[SBOX_ENTRIES] = {
	0xefa72c4d, 0x03ddead1, 0x410dc1b2, 0xfd78bf0f, 0xd89e4a28, 0x740b24bd,
	0x1ee31fe4, 0x4795c278, 0x266079f6, 0xef36474a, 0xfb36a20f, 0x224f7c93,
	0xb3f9b68b, 0xd860d917, 0x845a68d1, 0x1ea315a4, 0x3911803a, 0xac2456ec,
	0xa7d25dc9, 0x60870135, 0x62c83393, 0xc152fd56, 0xcd75f47e, 0xbaecaecb,
	0x5cbbde55, 0x96c13020, 0x904c07a0, 0x59ba9bfe, 0x0524e56c, 0x3bfe8389,
	0x7a8f9b17, 0x85196862, 0x40da4917, 0xfd13b462, 0x1e662e4b, 0xc8af83b1,
	0xe7491fb4, 0x8ad0c2de, 0x8b90b5d1, 0x21067c87, 0xda8ca2c9, 0x436a1914,
	0x64fbd83c, 0x9f91e54a, 0x2d377c7e, 0x148d2fa8, 0xb10d83e2, 0x7278da7d,
	0xf5bff7a0, 0x5b496b9f, 0xc81190f6, 0xb6f4fe5c, 0x9c23c46a, 0x37e50109,
	0x76ce5a8d, 0xec3b97f0, 0x3955610f, 0xa0bca6e3, 0xa3a23d53, 0x05574025,
	0x52e80b95, 0x6e225836, 0x0f74e628, 0xd9ce3dcb,
};

/* P, by how far its bits turn left: what turns by the same goes together. */
static const struct {
	uint8_t left;
	uint32_t bits;			/* where they arrive */
} p_turns[] = {
	{ 3, 0x00000020 },
	{ 4, 0x00040000 },
	{ 5, 0x40402402 },
	{ 6, 0x04000000 },
	{ 9, 0x01000000 },
	{ 10, 0x00000010 },
	{ 11, 0x00000800 },
	{ 12, 0x00200200 },
	{ 13, 0x00000004 },
	{ 14, 0x00100000 },
	{ 15, 0x80000000 },
	{ 16, 0x00020000 },
	{ 17, 0x30008100 },
	{ 19, 0x00000040 },
	{ 21, 0x02000000 },
	{ 22, 0x00004000 },
	{ 24, 0x08880000 },
	{ 25, 0x00000009 },
	{ 26, 0x00011080 },
};

/* PC-1 and PC-2 of the key schedule: bits of the key, and of C and D, counted from 1. */
static const uint8_t pc1[2 * DES_HALF_KEY] = {
	57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18,
	10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36,
	63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22,
	14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4,
};

static const uint8_t pc2[48] = {
	14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10,
	23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2,
	41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48,
	44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
};

static const uint8_t key_shifts[ESPNIC_DES_ROUNDS] = {
	1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1,
};

static uint32_t rotl(uint32_t x, unsigned int n)
{
	return x << n | x >> (-n & 31);
}

/* Bit @n, counted from 1 at the left, of the @bits bits of @x. */
static uint64_t bit(uint64_t x, unsigned int bits, unsigned int n)
{
	return x >> (bits - n) & 1;
}

/* The bit of the input that IP puts at place @i, both counted from 0 at the left. */
static unsigned int ip_from(unsigned int i)
{
	unsigned int row = i / 8, column = i % 8;

	return 57 + 2 * (row % 4) - row / 4 - 8 * column;
}

static uint64_t initial_permutation(uint64_t x)
{
	uint64_t out = 0;

	for (unsigned int i = 0; i < 64; i++)
		out |= (x >> (63 - ip_from(i)) & 1) << (63 - i);
	return out;
}

static uint64_t final_permutation(uint64_t x)
{
	uint64_t out = 0;

	for (unsigned int i = 0; i < 64; i++)
		out |= (x >> (63 - i) & 1) << (63 - ip_from(i));
	return out;
}

/* f(R, K). */
static uint32_t cipher_function(uint32_t r, const struct espnic_des_round_key *key)
{
	uint32_t level[SBOX_ENTRIES / 2];
	uint32_t out = 0;
	uint32_t select[SBOX_INPUTS];

	/*
	 * E gives an S-box the bit before its nibble, the nibble, and the bit behind it. Each is
	 * turned to the last bit of the nibble, takes its key bit, and fills the nibble.
	 */
	for (unsigned int i = 0; i < SBOX_INPUTS; i++) {
		uint32_t k = (i < 4 ? key->first4 : key->last2) >> i % 4;

		select[i] = ((rotl(r, (i - 4) & 31) ^ k) & LOW_BITS) * 0xf;
	}
	for (unsigned int j = 0; j < SBOX_ENTRIES / 2; j++)
		level[j] = sboxes[2 * j] ^
			   (select[SBOX_INPUTS - 1] & (sboxes[2 * j] ^ sboxes[2 * j + 1]));
	for (unsigned int i = SBOX_INPUTS - 1; i > 0; i--) {
		for (unsigned int j = 0; j < 1u << (i - 1); j++)
			level[j] = level[2 * j] ^
				   (select[i - 1] & (level[2 * j] ^ level[2 * j + 1]));
	}
	for (size_t i = 0; i < sizeof(p_turns) / sizeof(p_turns[0]); i++)
		out |= rotl(level[0], p_turns[i].left) & p_turns[i].bits;
	return out;
}

/* Sixteen rounds and the exchange of the halves; backwards if @decrypt, which is no secret. */
static uint64_t rounds(const struct espnic_des_round_key key[ESPNIC_DES_ROUNDS], bool decrypt,
		       uint64_t x)
{
	uint32_t l = (uint32_t)(x >> 32), r = (uint32_t)x;

	for (int i = 0; i < ESPNIC_DES_ROUNDS; i++) {
		int round = decrypt ? ESPNIC_DES_ROUNDS - 1 - i : i;
		uint32_t next = l ^ cipher_function(r, &key[round]);

		l = r;
		r = next;
	}
	return (uint64_t)r << 32 | l;
}

/* TDEA forward (SP 800-67 section 3.1); the permutations between the three DES cancel out. */
static void encrypt_block(const struct espnic_des3 *des, uint8_t block[ESPNIC_DES_BLOCK])
{
	uint64_t x = initial_permutation(espnic_get64(block));

	x = rounds(des->round_key[0], false, x);
	x = rounds(des->round_key[1], true, x);
	x = rounds(des->round_key[2], false, x);
	espnic_put64(block, final_permutation(x));
}

/* TDEA inverse. */
static void decrypt_block(const struct espnic_des3 *des, uint8_t block[ESPNIC_DES_BLOCK])
{
	uint64_t x = initial_permutation(espnic_get64(block));

	x = rounds(des->round_key[2], true, x);
	x = rounds(des->round_key[1], false, x);
	x = rounds(des->round_key[0], true, x);
	espnic_put64(block, final_permutation(x));
}

/* The key schedule KS of one DES. */
static void expand(struct espnic_des_round_key out[ESPNIC_DES_ROUNDS], uint64_t key)
{
	const uint32_t mask = (1u << DES_HALF_KEY) - 1;
	uint64_t cd = 0;
	uint32_t c, d;

	for (int i = 0; i < 2 * DES_HALF_KEY; i++)
		cd = cd << 1 | bit(key, 64, pc1[i]);
	c = (uint32_t)(cd >> DES_HALF_KEY);
	d = (uint32_t)cd & mask;
	for (int round = 0; round < ESPNIC_DES_ROUNDS; round++) {
		unsigned int n = key_shifts[round];

		c = (c << n | c >> (DES_HALF_KEY - n)) & mask;
		d = (d << n | d >> (DES_HALF_KEY - n)) & mask;
		cd = (uint64_t)c << DES_HALF_KEY | d;
		out[round].first4 = 0;
		out[round].last2 = 0;
		/* Input i of an S-box: bit i of its nibble, i - 4 in the second word. */
		for (unsigned int i = 0; i < sizeof(pc2); i++) {
			unsigned int box = i / SBOX_INPUTS, input = i % SBOX_INPUTS;
			uint32_t k = (uint32_t)bit(cd, 2 * DES_HALF_KEY, pc2[i])
				     << (28 - 4 * box + input % 4);

			if (input < 4)
				out[round].first4 |= k;
			else
				out[round].last2 |= k;
		}
	}
	espnic_wipe(&cd, sizeof(cd));
}

bool espnic_des3_init(struct espnic_des3 *des, const uint8_t *key, size_t len)
{
	if (len != ESPNIC_DES3_KEY)
		return false;
	for (int i = 0; i < 3; i++)
		expand(des->round_key[i], espnic_get64(key + 8 * i));
	return true;
}

void espnic_des3_cbc_encrypt(const struct espnic_des3 *des, const uint8_t iv[ESPNIC_DES_BLOCK],
			     uint8_t *data, size_t len)
{
	const uint8_t *last = iv;

	for (; len >= ESPNIC_DES_BLOCK; len -= ESPNIC_DES_BLOCK) {
		espnic_xor(data, last, ESPNIC_DES_BLOCK);
		encrypt_block(des, data);
		last = data;
		data += ESPNIC_DES_BLOCK;
	}
}

void espnic_des3_cbc_decrypt(const struct espnic_des3 *des, const uint8_t iv[ESPNIC_DES_BLOCK],
			     uint8_t *data, size_t len)
{
	uint64_t last = espnic_get64(iv);

	for (; len >= ESPNIC_DES_BLOCK; len -= ESPNIC_DES_BLOCK) {
		uint64_t cipher = espnic_get64(data);

		decrypt_block(des, data);
		espnic_put64(data, espnic_get64(data) ^ last);
		last = cipher;
		data += ESPNIC_DES_BLOCK;
	}
}
