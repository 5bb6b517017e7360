// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fuzz target: packets from the wire, at every kind of SA, with ref and fast side by side.
 *
 * Input: one byte that picks the SA, one that picks what is done, the rest is a packet.
 *	even: unprotect it as it is (and crypt_in, flow and ESP search);
 *	odd: protect it, flip one bit of the result, and unprotect: anything authenticated
 *	     that was changed must be refused.
 * Both bodies must give the same verdict and bytes.
 *
 * Built with -DESPNIC_FUZZ_REPLAY it has a main() of its own that replays files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/ip.h"

enum {
	BODIES = 2,
	ROOM = 512,			/* bytes in front of and behind a packet */
	INPUT_MAX = 4096,
	KINDS = 32,			/* SAs: mode, family, ESN, UDP, window */
	SPI = 0x01020304,
	PREFIX = 8,			/* bytes of ESP header, where a flip may give other verdicts */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct room {
	uint8_t bytes[2 * ROOM + INPUT_MAX];
	struct espnic_pkt pkt;
};

static const struct espnic_engine_ops *bodies[BODIES];
static struct espnic_engine_thread *threads[BODIES];

static void params(uint8_t kind, struct espnic_sa_params *p)
{
	espnic_sa_params_init(p);
	p->spi = SPI;
	p->enc = ESPNIC_ENC_AES_GCM;
	p->enc_key_len = 16;
	p->salt_len = 4;
	p->mode = kind & 1 ? ESPNIC_MODE_TUNNEL : ESPNIC_MODE_TRANSPORT;
	p->tunnel.family = kind & 2 ? ESPNIC_IPV6 : ESPNIC_IPV4;
	p->esn = kind & 4;
	p->udp_encap = kind & 8;
	p->replay_window = kind & 16 ? 64 : 0;
}

static struct espnic_sa *add(unsigned int i, uint8_t kind, enum espnic_sa_dir dir,
			     enum espnic_sa_offload offload)
{
	struct espnic_sa_params p;
	struct espnic_sa *sa;

	params(kind, &p);
	p.dir = dir;
	p.offload = offload;
	if (bodies[i]->sa_add(&p, &sa, NULL) != ESPNIC_OK)
		abort();
	return sa;
}

static void place(struct room *r, const uint8_t *data, size_t size, struct espnic_sa *sa)
{
	memset(&r->pkt, 0, sizeof(r->pkt));
	r->pkt.data = r->bytes + ROOM;
	r->pkt.len = (uint32_t)size;
	r->pkt.headroom = ROOM;
	r->pkt.tailroom = ROOM + INPUT_MAX - (uint32_t)size;
	r->pkt.sa = sa;
	memcpy(r->pkt.data, data, size);
}

static void must_agree(const struct room *a, const struct room *b)
{
	if (a->pkt.verdict != b->pkt.verdict)
		abort();
	if (a->pkt.verdict != ESPNIC_OK)
		return;
	if (a->pkt.len != b->pkt.len || a->pkt.seq != b->pkt.seq ||
	    memcmp(a->pkt.data, b->pkt.data, a->pkt.len) != 0)
		abort();
}

static void receive(unsigned int i, uint8_t kind, const uint8_t *data, size_t size, struct room *r)
{
	struct espnic_sa *sa = add(i, kind, ESPNIC_DIR_IN, ESPNIC_OFFLOAD_CRYPTO);

	place(r, data, size, sa);
	bodies[i]->crypt_in(threads[i], &r->pkt, 1);
	if (r->pkt.verdict != ESPNIC_OK && memcmp(r->pkt.data, data, size) != 0)
		abort();
	bodies[i]->sa_del(sa);

	sa = add(i, kind, ESPNIC_DIR_IN, ESPNIC_OFFLOAD_PACKET);
	place(r, data, size, sa);
	bodies[i]->unprotect(threads[i], &r->pkt, 1);
	bodies[i]->sa_del(sa);
}

/* Protects, flips one bit from the ESP header on, and sees that it is refused. */
static void flip(unsigned int i, uint8_t kind, const uint8_t *data, size_t size, uint32_t bit,
		 struct room *r)
{
	struct espnic_sa *out = add(i, kind, ESPNIC_DIR_OUT, ESPNIC_OFFLOAD_PACKET);
	struct espnic_sa *in = add(i, kind, ESPNIC_DIR_IN, ESPNIC_OFFLOAD_PACKET);
	struct espnic_esp_loc loc;

	place(r, data, size, out);
	bodies[i]->protect(threads[i], &r->pkt, 1);
	if (r->pkt.verdict == ESPNIC_OK) {
		if (!espnic_esp_find(r->pkt.data, r->pkt.len, &loc))
			abort();
		bit %= loc.len * 8;
		r->pkt.data[loc.off + bit / 8] ^= (uint8_t)(1u << bit % 8);
		r->pkt.sa = in;
		bodies[i]->unprotect(threads[i], &r->pkt, 1);
		if (r->pkt.verdict == ESPNIC_OK)
			abort();
		if (bit / 8 >= PREFIX && r->pkt.verdict != ESPNIC_INTEGRITY)
			abort();
	}
	bodies[i]->sa_del(out);
	bodies[i]->sa_del(in);
}

static void setup(void)
{
	static const char *const names[BODIES] = { "ref", "fast" };

	if (bodies[0])
		return;
	for (unsigned int i = 0; i < BODIES; i++) {
		bodies[i] = espnic_engine_get(names[i], NULL);
		if (bodies[i])
			threads[i] = bodies[i]->thread_new();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct room rooms[BODIES];
	struct espnic_flow flow;
	uint8_t kind, what;
	uint32_t bit;

	if (size < 2 || size > INPUT_MAX)
		return 0;
	setup();
	kind = data[0] % KINDS;
	what = data[1];
	data += 2;
	size -= 2;
	bit = what * 37u + (size ? data[size - 1] : 0u);
	espnic_flow_parse(data, (uint32_t)size, &flow);
	for (unsigned int i = 0; i < BODIES && bodies[i]; i++) {
		if (what & 1)
			flip(i, kind, data, size, bit, &rooms[i]);
		else
			receive(i, kind, data, size, &rooms[i]);
		must_agree(&rooms[0], &rooms[i]);
	}
	return 0;
}

#ifdef ESPNIC_FUZZ_REPLAY
int main(int argc, char **argv)
{
	static uint8_t input[INPUT_MAX];

	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");
		size_t len;

		if (!f) {
			perror(argv[i]);
			return 1;
		}
		len = fread(input, 1, sizeof(input), f);
		fclose(f);
		LLVMFuzzerTestOneInput(input, len);
		printf("%s: %zu bytes\n", argv[i], len);
	}
	return 0;
}
#endif
