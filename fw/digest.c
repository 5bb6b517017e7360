// SPDX-License-Identifier: BSD-2-Clause
/*
 * SipHash-2-4 with 128 bits of output (Aumasson, Bernstein: "SipHash: a fast
 * short-input PRF", and its reference's 128-bit variant). A pseudo-random
 * function: without its key, which never leaves the device, a digest says nothing
 * about what was hashed. Runs in constant time for a given length.
 */
#include "internal.h"

struct sip {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotl(uint64_t x, unsigned int n)
{
	return x << n | x >> (64 - n);
}

static uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static void rounds(struct sip *s, unsigned int n)
{
	while (n--) {
		s->v0 += s->v1;
		s->v1 = rotl(s->v1, 13) ^ s->v0;
		s->v0 = rotl(s->v0, 32);
		s->v2 += s->v3;
		s->v3 = rotl(s->v3, 16) ^ s->v2;
		s->v0 += s->v3;
		s->v3 = rotl(s->v3, 21) ^ s->v0;
		s->v2 += s->v1;
		s->v1 = rotl(s->v1, 17) ^ s->v2;
		s->v2 = rotl(s->v2, 32);
	}
}

static void absorb(struct sip *s, uint64_t m)
{
	s->v3 ^= m;
	rounds(s, 2);
	s->v0 ^= m;
}

struct espnic_fw_digest espnic_fw_digest(const uint8_t key[16], const uint8_t *p, uint32_t len)
{
	uint64_t k0 = load64(key), k1 = load64(key + 8);
	struct sip s = {
		.v0 = k0 ^ 0x736f6d6570736575u, .v1 = k1 ^ 0x646f72616e646f6du ^ 0xee,
		.v2 = k0 ^ 0x6c7967656e657261u, .v3 = k1 ^ 0x7465646279746573u,
	};
	struct espnic_fw_digest d;
	uint8_t last[8] = { 0 };
	uint64_t out[2];
	uint32_t i;

	for (i = 0; len - i >= 8; i += 8)
		absorb(&s, load64(p + i));
	memcpy(last, p + i, len - i);
	last[7] = (uint8_t)len;
	absorb(&s, load64(last));
	s.v2 ^= 0xee;
	rounds(&s, 4);
	out[0] = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
	s.v1 ^= 0xdd;
	rounds(&s, 4);
	out[1] = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
	memcpy(d.w, out, sizeof(d.w));
	espnic_fw_wipe(&s, sizeof(s));
	espnic_fw_wipe(last, sizeof(last));
	return d;
}
