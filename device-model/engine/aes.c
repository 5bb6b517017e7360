// SPDX-License-Identifier: BSD-2-Clause
/*
 * Bitsliced AES.
 *
 * The state of four blocks is 4 x 16 bytes = 512 bits. Slice i (one of eight
 * 64-bit words) holds bit i of each byte. Within a slice, the byte in row r and
 * column c (FIPS 197 section 3.4) of block b stands at bit 16 r + 4 c + b:
 *
 *	bit 63                                                      bit 0
 *	| row 3             | row 2 | row 1 | row 0: c3 c2 c1 c0 (4 blocks each) |
 *
 * so that a row is 16 bits, ShiftRows() rotates these by multiples of 4, and
 * MixColumns() rotates the whole word by multiples of 16.
 *
 * Where the compiler has vectors of words (slice_t), each lane is four blocks of its own
 * and all that follows is the same text.
 */
#include "engine/aes.h"

#include <string.h>

#include "engine/ip.h"
#include "engine/prim/le.h"
#include "engine/wipe.h"

#ifdef ESPNIC_AES_VECTORS
typedef uint64_t slice_t __attribute__((vector_size(ESPNIC_AES_LANES * sizeof(uint64_t))));
#else
typedef uint64_t slice_t;
#endif

enum {
	AES_LANE = 64,			/* bytes of the four blocks in a lane */
	AES_BATCH = ESPNIC_AES_LANES * AES_LANE,
	AES_ROW_BITS = 16,
	AES_WORD = 4,			/* bytes */
	AES_WORDS_MAX = 4 * (ESPNIC_AES_ROUNDS_MAX + 1),
};

/* Spreads the four bytes of @v to the even bytes of a 64-bit word. */
static uint64_t spread(uint32_t v)
{
	uint64_t x = v;

	x = (x | x << 16) & 0x0000ffff0000ffff;
	return (x | x << 8) & 0x00ff00ff00ff00ff;
}

/* The inverse: gathers the even bytes. */
static uint32_t gather(uint64_t x)
{
	x &= 0x00ff00ff00ff00ff;
	x = (x | x >> 8) & 0x0000ffff0000ffff;
	return (uint32_t)(x | x >> 16);
}

/* Exchanges the bits of @a under mask << shift with those of @b under mask. */
#define SWAP_BITS(a, b, mask, shift) do {				\
	slice_t swap_ = (((a) >> (shift)) ^ (b)) & (mask);		\
	(b) ^= swap_;							\
	(a) ^= swap_ << (shift);					\
} while (0)

/*
 * Exchanges word index and bit-in-byte index of eight words: an 8 x 8 bit
 * transposition in each of the eight byte columns. Its own inverse.
 */
static void transpose(slice_t q[ESPNIC_AES_SLICES])
{
	for (int i = 0; i < ESPNIC_AES_SLICES; i += 2)
		SWAP_BITS(q[i], q[i + 1], 0x5555555555555555, 1);
	for (int i = 0; i < ESPNIC_AES_SLICES; i += 4) {
		SWAP_BITS(q[i], q[i + 2], 0x3333333333333333, 2);
		SWAP_BITS(q[i + 1], q[i + 3], 0x3333333333333333, 2);
	}
	for (int i = 0; i < 4; i++)
		SWAP_BITS(q[i], q[i + 4], 0x0f0f0f0f0f0f0f0f, 4);
}

/*
 * Bytes to slices. Before the transposition, word 4 c0 + b takes the columns c0
 * and c0 + 2 of block b, byte by byte in turn: byte 2 r + c1 is row r of column
 * 2 c1 + c0. The transposition makes the word index the low bits of the place.
 */
static void pack(slice_t q[ESPNIC_AES_SLICES], const uint8_t in[AES_BATCH])
{
	uint64_t words[ESPNIC_AES_SLICES][ESPNIC_AES_LANES];

	for (int lane = 0; lane < ESPNIC_AES_LANES; lane++) {
		for (int i = 0; i < ESPNIC_AES_SLICES; i++) {
			const uint8_t *col = in + AES_LANE * lane + 16 * (i % 4) + 4 * (i / 4);

			words[i][lane] = spread(espnic_get_le32(col)) |
					 spread(espnic_get_le32(col + 8)) << 8;
		}
	}
	memcpy(q, words, sizeof(words));
	transpose(q);
}

static void unpack(uint8_t out[AES_BATCH], slice_t q[ESPNIC_AES_SLICES])
{
	uint64_t words[ESPNIC_AES_SLICES][ESPNIC_AES_LANES];

	transpose(q);
	memcpy(words, q, sizeof(words));
	for (int lane = 0; lane < ESPNIC_AES_LANES; lane++) {
		for (int i = 0; i < ESPNIC_AES_SLICES; i++) {
			uint8_t *col = out + AES_LANE * lane + 16 * (i % 4) + 4 * (i / 4);

			espnic_put_le32(col, gather(words[i][lane]));
			espnic_put_le32(col + 8, gather(words[i][lane] >> 8));
		}
	}
}

/*
 * SubBytes() as a circuit of 115 gates: J. Boyar, R. Peralta, "A depth-16
 * circuit for the AES S-box" (2011), with the paper's names; x0 and s0 are the
 * most significant bits.
 */
static void sub_bytes(slice_t q[ESPNIC_AES_SLICES])
{
	slice_t x0 = q[7], x1 = q[6], x2 = q[5], x3 = q[4];
	slice_t x4 = q[3], x5 = q[2], x6 = q[1], x7 = q[0];

	/* Top linear layer. */
	slice_t y14 = x3 ^ x5, y13 = x0 ^ x6, y9 = x0 ^ x3, y8 = x0 ^ x5;
	slice_t t0 = x1 ^ x2;
	slice_t y1 = t0 ^ x7;
	slice_t y4 = y1 ^ x3, y12 = y13 ^ y14, y2 = y1 ^ x0, y5 = y1 ^ x6;
	slice_t y3 = y5 ^ y8;
	slice_t t1 = x4 ^ y12;
	slice_t y15 = t1 ^ x5, y20 = t1 ^ x1;
	slice_t y6 = y15 ^ x7, y10 = y15 ^ t0, y11 = y20 ^ y9;
	slice_t y7 = x7 ^ y11, y17 = y10 ^ y11, y19 = y10 ^ y8, y16 = t0 ^ y11;
	slice_t y21 = y13 ^ y16, y18 = x0 ^ y16;

	/* Inversion in GF(2^8), through GF(2^4). */
	slice_t t2 = y12 & y15;
	slice_t t4 = (y3 & y6) ^ t2, t6 = (y4 & x7) ^ t2;
	slice_t t7 = y13 & y16;
	slice_t t9 = (y5 & y1) ^ t7, t11 = (y2 & y7) ^ t7;
	slice_t t12 = y9 & y11;
	slice_t t14 = (y14 & y17) ^ t12, t16 = (y8 & y10) ^ t12;
	slice_t t21 = t4 ^ t14 ^ y20, t22 = t6 ^ t16 ^ y19;
	slice_t t23 = t9 ^ t14 ^ y21, t24 = t11 ^ t16 ^ y18;
	slice_t t25 = t21 ^ t22, t26 = t21 & t23;
	slice_t t27 = t24 ^ t26;
	slice_t t29 = (t25 & t27) ^ t22;
	slice_t t30 = t23 ^ t24, t31 = t22 ^ t26;
	slice_t t33 = (t31 & t30) ^ t24;
	slice_t t34 = t23 ^ t33, t35 = t27 ^ t33;
	slice_t t36 = t24 & t35;
	slice_t t37 = t36 ^ t34, t38 = t27 ^ t36;
	slice_t t40 = t25 ^ (t29 & t38);
	slice_t t41 = t40 ^ t37, t42 = t29 ^ t33, t43 = t29 ^ t40, t44 = t33 ^ t37;
	slice_t t45 = t42 ^ t41;

	slice_t z0 = t44 & y15, z1 = t37 & y6, z2 = t33 & x7, z3 = t43 & y16;
	slice_t z4 = t40 & y1, z5 = t29 & y7, z6 = t42 & y11, z7 = t45 & y17;
	slice_t z8 = t41 & y10, z9 = t44 & y12, z10 = t37 & y3, z11 = t33 & y4;
	slice_t z12 = t43 & y13, z13 = t40 & y5, z14 = t29 & y2, z15 = t42 & y9;
	slice_t z16 = t45 & y14, z17 = t41 & y8;

	/* Bottom linear layer, with the affine transformation. */
	slice_t t46 = z15 ^ z16, t47 = z10 ^ z11, t48 = z5 ^ z13, t49 = z9 ^ z10;
	slice_t t50 = z2 ^ z12, t51 = z2 ^ z5, t52 = z7 ^ z8, t53 = z0 ^ z3;
	slice_t t54 = z6 ^ z7, t55 = z16 ^ z17;
	slice_t t56 = z12 ^ t48, t57 = t50 ^ t53, t58 = z4 ^ t46, t59 = z3 ^ t54;
	slice_t t60 = t46 ^ t57, t61 = z14 ^ t57, t62 = t52 ^ t58, t63 = t49 ^ t58;
	slice_t t64 = z4 ^ t59, t65 = t61 ^ t62, t66 = z1 ^ t63, t67 = t64 ^ t65;
	slice_t s3 = t53 ^ t66;

	q[7] = t59 ^ t63;
	q[6] = ~(t64 ^ s3);
	q[5] = ~(t55 ^ t67);
	q[4] = s3;
	q[3] = t51 ^ t66;
	q[2] = t47 ^ t65;
	q[1] = ~(t56 ^ t62);
	q[0] = ~(t48 ^ t60);
}

/*
 * InvSubBytes() by the same circuit. With S(x) = A(1/x) and B the inverse of the affine
 * map A (FIPS 197 section 5.3.2: b'_i = b_(i+2) + b_(i+5) + b_(i+7) + d_i, d = {05}), the
 * inverse of S is 1/B(y), and 1/z is B(S(z)).
 */
static void affine_inverse(slice_t q[ESPNIC_AES_SLICES])
{
	slice_t b[ESPNIC_AES_SLICES];

	memcpy(b, q, sizeof(b));
	for (int i = 0; i < ESPNIC_AES_SLICES; i++)
		q[i] = b[(i + 2) % 8] ^ b[(i + 5) % 8] ^ b[(i + 7) % 8];
	q[0] = ~q[0];
	q[2] = ~q[2];
}

static void inv_sub_bytes(slice_t q[ESPNIC_AES_SLICES])
{
	affine_inverse(q);
	sub_bytes(q);
	affine_inverse(q);
}

/* Row r of each slice turns right by r columns of 4 bits: byte c + r comes to column c. */
static void shift_rows(slice_t q[ESPNIC_AES_SLICES])
{
	for (int i = 0; i < ESPNIC_AES_SLICES; i++) {
		slice_t x = q[i];

		q[i] = (x & 0x000000000000ffff) |
		       (x >> 4 & 0x000000000fff0000) | (x & 0x00000000000f0000) << 12 |
		       (x >> 8 & 0x000000ff00000000) | (x & 0x000000ff00000000) << 8 |
		       (x >> 12 & 0x000f000000000000) | (x & 0x0fff000000000000) << 4;
	}
}

/* InvShiftRows() (section 5.3.1): to the left. */
static void inv_shift_rows(slice_t q[ESPNIC_AES_SLICES])
{
	for (int i = 0; i < ESPNIC_AES_SLICES; i++) {
		slice_t x = q[i];

		q[i] = (x & 0x000000000000ffff) |
		       (x & 0x000000000fff0000) << 4 | (x >> 12 & 0x00000000000f0000) |
		       (x & 0x000000ff00000000) << 8 | (x >> 8 & 0x000000ff00000000) |
		       (x & 0x000f000000000000) << 12 | (x >> 4 & 0x0fff000000000000);
	}
}

static slice_t rotate_rows(slice_t x, int rows)
{
	return x >> (AES_ROW_BITS * rows) | x << (64 - AES_ROW_BITS * rows);
}

/*
 * MixColumns() (FIPS 197 section 5.1.3) of a byte a_r in row r:
 *	2 a_r + 3 a_(r+1) + a_(r+2) + a_(r+3)
 *		= 2 (a_r + a_(r+1)) + a_(r+1) + (a_(r+2) + a_(r+3))
 * Doubling moves slice i to i + 1, and the top one into 0, 1, 3 and 4 (0x1b).
 */
static void mix_columns(slice_t q[ESPNIC_AES_SLICES])
{
	slice_t next[ESPNIC_AES_SLICES], sum[ESPNIC_AES_SLICES];

	for (int i = 0; i < ESPNIC_AES_SLICES; i++) {
		next[i] = rotate_rows(q[i], 1);
		sum[i] = q[i] ^ next[i];
		next[i] ^= rotate_rows(sum[i], 2);
	}
	q[0] = sum[7] ^ next[0];
	q[1] = sum[0] ^ sum[7] ^ next[1];
	q[2] = sum[1] ^ next[2];
	q[3] = sum[2] ^ sum[7] ^ next[3];
	q[4] = sum[3] ^ sum[7] ^ next[4];
	q[5] = sum[4] ^ next[5];
	q[6] = sum[5] ^ next[6];
	q[7] = sum[6] ^ next[7];
}

/*
 * InvMixColumns() (section 5.3.3). Its matrix is that of MixColumns() times one that adds
 * to each byte 4 (a_r + a_(r+2)). Multiplication by 4 moves slice i to i + 2; the top two
 * are 4 x^6 = 0x1b and 4 x^7 = 0x36.
 */
static void inv_mix_columns(slice_t q[ESPNIC_AES_SLICES])
{
	slice_t s[ESPNIC_AES_SLICES];

	for (int i = 0; i < ESPNIC_AES_SLICES; i++)
		s[i] = q[i] ^ rotate_rows(q[i], 2);
	q[0] ^= s[6];
	q[1] ^= s[6] ^ s[7];
	q[2] ^= s[0] ^ s[7];
	q[3] ^= s[1] ^ s[6];
	q[4] ^= s[2] ^ s[6] ^ s[7];
	q[5] ^= s[3] ^ s[7];
	q[6] ^= s[4];
	q[7] ^= s[5];
	mix_columns(q);
}

/* The same key for every lane. */
static void add_round_key(slice_t q[ESPNIC_AES_SLICES], const uint64_t key[ESPNIC_AES_SLICES])
{
	for (int i = 0; i < ESPNIC_AES_SLICES; i++)
		q[i] ^= key[i];
}

/* Cipher(), section 5.1, of as many blocks as a pass holds. */
static void encrypt_batch(const struct espnic_aes *aes, uint8_t blocks[AES_BATCH])
{
	slice_t q[ESPNIC_AES_SLICES];

	pack(q, blocks);
	add_round_key(q, aes->round_key[0]);
	for (uint32_t round = 1; round < aes->rounds; round++) {
		sub_bytes(q);
		shift_rows(q);
		mix_columns(q);
		add_round_key(q, aes->round_key[round]);
	}
	sub_bytes(q);
	shift_rows(q);
	add_round_key(q, aes->round_key[aes->rounds]);
	unpack(blocks, q);
}

/* InvCipher(), section 5.3. */
static void decrypt_batch(const struct espnic_aes *aes, uint8_t blocks[AES_BATCH])
{
	slice_t q[ESPNIC_AES_SLICES];

	pack(q, blocks);
	add_round_key(q, aes->round_key[aes->rounds]);
	for (uint32_t round = aes->rounds - 1; round > 0; round--) {
		inv_shift_rows(q);
		inv_sub_bytes(q);
		add_round_key(q, aes->round_key[round]);
		inv_mix_columns(q);
	}
	inv_shift_rows(q);
	inv_sub_bytes(q);
	add_round_key(q, aes->round_key[0]);
	unpack(blocks, q);
}

static void crypt_blocks(void (*batch)(const struct espnic_aes *aes, uint8_t *blocks),
			 const struct espnic_aes *aes, uint8_t *blocks, size_t n)
{
	uint8_t rest[AES_BATCH] = { 0 };

	for (; n >= ESPNIC_AES_PARALLEL; n -= ESPNIC_AES_PARALLEL) {
		batch(aes, blocks);
		blocks += AES_BATCH;
	}
	if (n == 0)
		return;
	memcpy(rest, blocks, n * ESPNIC_AES_BLOCK);
	batch(aes, rest);
	memcpy(blocks, rest, n * ESPNIC_AES_BLOCK);
	espnic_wipe(rest, sizeof(rest));
}

void espnic_aes_encrypt(const struct espnic_aes *aes, uint8_t *blocks, size_t n)
{
	crypt_blocks(encrypt_batch, aes, blocks, n);
}

void espnic_aes_decrypt(const struct espnic_aes *aes, uint8_t *blocks, size_t n)
{
	crypt_blocks(decrypt_batch, aes, blocks, n);
}

/* SubWord() of FIPS 197 section 5.2, by the same circuit as the rounds. */
static uint32_t sub_word(uint32_t word)
{
	uint8_t state[AES_BATCH] = { 0 };
	slice_t q[ESPNIC_AES_SLICES];

	espnic_put_le32(state, word);
	pack(q, state);
	sub_bytes(q);
	unpack(state, q);
	word = espnic_get_le32(state);
	espnic_wipe(state, sizeof(state));
	espnic_wipe(q, sizeof(q));
	return word;
}

/* RotWord() on a word whose first byte is the least significant. */
static uint32_t rot_word(uint32_t word)
{
	return word >> 8 | word << 24;
}

/* The four words of a round key, in slices; all four blocks of a lane get the same. */
static void pack_round_key(uint64_t key[ESPNIC_AES_SLICES], const uint32_t w[4])
{
	uint8_t state[AES_BATCH];
	slice_t q[ESPNIC_AES_SLICES];

	for (int b = 0; b < ESPNIC_AES_PARALLEL; b++)
		for (int i = 0; i < 4; i++)
			espnic_put_le32(state + ESPNIC_AES_BLOCK * b + AES_WORD * i, w[i]);
	pack(q, state);
	for (int i = 0; i < ESPNIC_AES_SLICES; i++)
		memcpy(&key[i], &q[i], sizeof(key[i]));
	espnic_wipe(state, sizeof(state));
	espnic_wipe(q, sizeof(q));
}

bool espnic_aes_init(struct espnic_aes *aes, const uint8_t *key, size_t len)
{
	uint32_t w[AES_WORDS_MAX];
	uint32_t nk = (uint32_t)(len / AES_WORD);
	uint32_t rcon = 1;
	uint32_t words;

	if (len != 16 && len != 24 && len != 32)
		return false;
	aes->rounds = nk + 6;
	words = 4 * (aes->rounds + 1);

	for (uint32_t i = 0; i < nk; i++)
		w[i] = espnic_get_le32(key + AES_WORD * i);
	for (uint32_t i = nk; i < words; i++) {
		uint32_t temp = w[i - 1];

		if (i % nk == 0) {
			temp = sub_word(rot_word(temp)) ^ rcon;
			/* {02} times rcon; only AES-128 gets beyond 0x80. */
			rcon = rcon << 1 ^ (rcon >> 7) * 0x11b;
		} else if (nk > 6 && i % nk == 4) {
			temp = sub_word(temp);
		}
		w[i] = w[i - nk] ^ temp;
	}
	for (uint32_t round = 0; round <= aes->rounds; round++)
		pack_round_key(aes->round_key[round], w + 4 * round);
	espnic_wipe(w, sizeof(w));
	return true;
}

void espnic_aes_ctr32(const struct espnic_aes *aes, const uint8_t first[ESPNIC_AES_BLOCK],
		      uint8_t *data, size_t len)
{
	uint32_t counter = espnic_get32(first + 12);
	uint8_t stream[AES_BATCH];

	while (len > 0) {
		size_t take = len < sizeof(stream) ? len : sizeof(stream);

		for (int b = 0; b < ESPNIC_AES_PARALLEL; b++) {
			memcpy(stream + ESPNIC_AES_BLOCK * b, first, 12);
			espnic_put32(stream + ESPNIC_AES_BLOCK * b + 12, counter++);
		}
		encrypt_batch(aes, stream);
		for (size_t i = 0; i < take; i++)
			data[i] ^= stream[i];
		data += take;
		len -= take;
	}
	espnic_wipe(stream, sizeof(stream));
}
