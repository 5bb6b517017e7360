// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fuzz target: packets from the wire, at every kind of SA, with ref and fast side by side.
 *
 * Input: one byte that picks the SA, one that picks its suite and what is done, the rest is a packet.
 *	even: unprotect it as it is (and crypt_in, flow and ESP search);
 *	odd: protect it, flip one bit of the result, and unprotect: anything authenticated
 *	     that was changed must be refused; unchanged, it must come back.
 * Both bodies must give the same verdict and bytes.
 *
 * Built with -DESPNIC_FUZZ_REPLAY it has a main() of its own that replays files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/ip.h"
#include "suites.h"

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

static void params(const struct suite *s, uint8_t kind, struct espnic_sa_params *p)
{
	espnic_sa_params_init(p);
	p->spi = SPI;
	suite_params(s, p);
	p->mode = kind & 1 ? ESPNIC_MODE_TUNNEL : ESPNIC_MODE_TRANSPORT;
	p->tunnel.family = kind & 2 ? ESPNIC_IPV6 : ESPNIC_IPV4;
	p->esn = kind & 4;
	p->udp_encap = kind & 8 && s->proto == ESPNIC_PROTO_ESP;
	p->replay_window = kind & 16 ? 64 : 0;
}

static struct espnic_sa *add(unsigned int i, const struct suite *s, uint8_t kind,
			     enum espnic_sa_dir dir, enum espnic_sa_offload offload)
{
	struct espnic_sa_params p;
	struct espnic_sa *sa;

	params(s, kind, &p);
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

static void receive(unsigned int i, const struct suite *s, uint8_t kind, const uint8_t *data,
		    size_t size, struct room *r)
{
	struct espnic_sa *sa;

	/* Of AH there is no crypto offload. */
	if (s->proto == ESPNIC_PROTO_ESP) {
		sa = add(i, s, kind, ESPNIC_DIR_IN, ESPNIC_OFFLOAD_CRYPTO);
		place(r, data, size, sa);
		bodies[i]->crypt_in(threads[i], &r->pkt, 1);
		if (r->pkt.verdict != ESPNIC_OK && memcmp(r->pkt.data, data, size) != 0)
			abort();
		bodies[i]->sa_del(sa);
	}
	sa = add(i, s, kind, ESPNIC_DIR_IN, ESPNIC_OFFLOAD_PACKET);
	place(r, data, size, sa);
	bodies[i]->unprotect(threads[i], &r->pkt, 1);
	bodies[i]->sa_del(sa);
}

/* Unprotects a copy of the packet in @from by @sa into @to, bit @bit of its ESP or AH header and what follows changed. */
static void unprotect_copy(unsigned int i, struct espnic_sa *sa, const struct room *from, struct room *to,
			   uint32_t bit)
{
	place(to, from->pkt.data, from->pkt.len, sa);
	if (bit != UINT32_MAX)
		to->pkt.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	bodies[i]->unprotect(threads[i], &to->pkt, 1);
}

/*
 * Whether the ICV of AH may be of a header that routers have yet to make (RFC 4302 section 3.3.3.1): source routes,
 * in IPv4 options or an IPv6 routing header.
 */
static bool foretells(const struct espnic_pkt *pkt)
{
	struct espnic_ip ip;

	if (!espnic_ip_parse(pkt->data, pkt->len, &ip) || ip.proto != ESPNIC_IPPROTO_AH)
		return false;
	return ip.upper_off > (pkt->data[0] >> 4 == ESPNIC_IPV4 ? ESPNIC_IPV4_HLEN : ESPNIC_IPV6_HLEN);
}

/* Protects, flips one bit from the ESP or AH header on, and sees that it is refused, and the right packet taken. */
static void flip(unsigned int i, const struct suite *s, uint8_t kind, const uint8_t *data, size_t size,
		 uint32_t bit, struct room *r)
{
	struct espnic_sa *out = add(i, s, kind, ESPNIC_DIR_OUT, ESPNIC_OFFLOAD_PACKET);
	struct espnic_sa *in = add(i, s, kind, ESPNIC_DIR_IN, ESPNIC_OFFLOAD_PACKET);
	static struct room back;
	struct espnic_esp_loc loc;

	place(r, data, size, out);
	bodies[i]->protect(threads[i], &r->pkt, 1);
	if (r->pkt.verdict == ESPNIC_OK && r->pkt.len <= INPUT_MAX) {
		if (!espnic_esp_find(r->pkt.data, r->pkt.len, &loc))
			abort();
		bit %= loc.len * 8;
		unprotect_copy(i, in, r, &back, loc.off * 8 + bit);
		if (back.pkt.verdict == ESPNIC_OK)
			abort();
		/* What AH says of itself, lengths and all, stands in front of its ICV. */
		if (s->proto == ESPNIC_PROTO_ESP && bit / 8 >= PREFIX &&
		    back.pkt.verdict != ESPNIC_INTEGRITY)
			abort();
		unprotect_copy(i, in, r, &back, UINT32_MAX);
		if (!foretells(&r->pkt) &&
		    (back.pkt.verdict == ESPNIC_INTEGRITY || back.pkt.verdict == ESPNIC_PADDING))
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
	const struct suite *s;
	struct espnic_flow flow;
	uint8_t kind, what;
	uint32_t bit;

	if (size < 2 || size > INPUT_MAX)
		return 0;
	setup();
	kind = data[0] % KINDS;
	what = data[1];
	s = &suites[(what >> 1) % SUITES];
	data += 2;
	size -= 2;
	bit = what * 37u + (size ? data[size - 1] : 0u);
	espnic_flow_parse(data, (uint32_t)size, &flow);
	for (unsigned int i = 0; i < BODIES && bodies[i]; i++) {
		if (what & 1)
			flip(i, s, kind, data, size, bit, &rooms[i]);
		else
			receive(i, s, kind, data, size, &rooms[i]);
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
