// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fuzz target: bursts of arbitrary packets through both bodies, which must agree in verdicts, bytes, numbers
 * and what the SAs have become.
 *
 * Input: for each of two SAs one byte for the suite, one of options, two of where the count stands; then bursts: a
 * byte of what is done (even: protect, odd: unprotect) and how many packets, and for each two bytes of
 * length (the upper bit: which SA; the next: the packet before is taken once more, as it came out)
 * and the packet.
 */
#include <stdlib.h>
#include <string.h>

#include "suites.h"

enum {
	BODIES = 2,
	SAS = 2,
	BURST = 8,
	ROOM = 256,			/* bytes in front of a packet and behind it */
	PACKET_MAX = 512,
	SLOT = 2 * ROOM + PACKET_MAX,
	SA_BYTES = 4,
	SPI = 0x01020304,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct side {
	struct espnic_sa *out[SAS], *in[SAS];
	struct espnic_pkt pkts[BURST];
	uint8_t bytes[BURST][SLOT];
};

struct input {
	const uint8_t *data;
	size_t left;
};

static const struct espnic_engine_ops *bodies[BODIES];
static struct espnic_engine_thread *threads[BODIES];
static struct side sides[BODIES];
static uint8_t last[PACKET_MAX];	/* the packet that came out of the last burst first */
static uint32_t last_len;

static uint8_t take(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->data++;
}

static void params(struct input *in, struct espnic_sa_params *p)
{
	const struct suite *s = &suites[take(in) % SUITES];
	uint8_t options = take(in);

	espnic_sa_params_init(p);
	p->spi = SPI;
	suite_params(s, p);
	p->mode = options & 1 ? ESPNIC_MODE_TUNNEL : ESPNIC_MODE_TRANSPORT;
	p->tunnel.family = options & 2 ? ESPNIC_IPV6 : ESPNIC_IPV4;
	p->esn = options & 4;
	p->udp_encap = options & 8 && s->proto == ESPNIC_PROTO_ESP;
	p->replay_window = options & 16 ? 64 : 0;
	p->tunnel.ecn = options & 32;
	p->mtu = options & 64 ? 400 : 0;
	p->hard_packets = options & 128 ? 3 : 0;
	p->seq = (uint64_t)take(in) << (take(in) & 3) * 8;
	if (p->seq & 1)
		p->seq = UINT32_MAX - p->seq % 64;
}

static bool add(unsigned int n, struct input *in)
{
	struct espnic_sa_params p;

	params(in, &p);
	for (unsigned int b = 0; b < BODIES; b++) {
		p.dir = ESPNIC_DIR_OUT;
		if (bodies[b]->sa_add(&p, &sides[b].out[n], NULL) != ESPNIC_OK)
			return false;
		p.dir = ESPNIC_DIR_IN;
		if (bodies[b]->sa_add(&p, &sides[b].in[n], NULL) != ESPNIC_OK)
			return false;
	}
	return true;
}

static void free_all(void)
{
	for (unsigned int b = 0; b < BODIES; b++)
		for (unsigned int n = 0; n < SAS; n++) {
			bodies[b]->sa_del(sides[b].out[n]);
			bodies[b]->sa_del(sides[b].in[n]);
			sides[b].out[n] = NULL;
			sides[b].in[n] = NULL;
		}
}

static void set(struct side *s, unsigned int i, const uint8_t *packet, uint32_t len, struct espnic_sa *sa)
{
	memset(s->bytes[i], 0, SLOT);
	memcpy(s->bytes[i] + ROOM, packet, len);
	s->pkts[i] = (struct espnic_pkt){
		.data = s->bytes[i] + ROOM, .len = len, .headroom = ROOM, .tailroom = SLOT - ROOM - len, .sa = sa,
	};
}

static void agree(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		const struct espnic_pkt *a = &sides[0].pkts[i], *b = &sides[1].pkts[i];

		if (a->verdict != b->verdict || a->flags != b->flags || a->seq != b->seq)
			abort();
		if (a->verdict == ESPNIC_OK && (a->len != b->len || memcmp(a->data, b->data, a->len) != 0))
			abort();
	}
}

static void agree_sa(struct espnic_sa *a, struct espnic_sa *b, bool in)
{
	struct espnic_sa_state st[BODIES];
	struct espnic_sa_window w[BODIES];

	memset(st, 0, sizeof(st));
	memset(w, 0, sizeof(w));
	bodies[0]->sa_query(a, &st[0]);
	bodies[1]->sa_query(b, &st[1]);
	if (in) {
		bodies[0]->sa_window(a, &w[0]);
		bodies[1]->sa_window(b, &w[1]);
	}
	if (memcmp(&st[0], &st[1], sizeof(st[0])) != 0 || memcmp(&w[0], &w[1], sizeof(w[0])) != 0)
		abort();
}

static void burst(struct input *in)
{
	uint8_t what = take(in);
	unsigned int n = 1 + (what >> 1) % BURST;

	for (unsigned int i = 0; i < n; i++) {
		uint32_t word = (uint32_t)take(in) << 8 | take(in);
		unsigned int sa = word >> 15;
		bool again = word & 1 << 14;
		uint32_t len = word % PACKET_MAX;
		const uint8_t *packet = again ? last : in->data;

		if (again) {
			len = last_len;
		} else {
			len = len < in->left ? len : (uint32_t)in->left;
			in->data += len;
			in->left -= len;
		}
		for (unsigned int b = 0; b < BODIES; b++)
			set(&sides[b], i, packet, len, what & 1 ? sides[b].in[sa] : sides[b].out[sa]);
	}
	for (unsigned int b = 0; b < BODIES; b++)
		(what & 1 ? bodies[b]->unprotect : bodies[b]->protect)(threads[b], sides[b].pkts, n);
	agree(n);
	for (unsigned int i = 0; i < n; i++)
		if (sides[0].pkts[i].verdict == ESPNIC_OK && sides[0].pkts[i].len <= PACKET_MAX) {
			last_len = sides[0].pkts[i].len;
			memcpy(last, sides[0].pkts[i].data, last_len);
			break;
		}
}

static bool setup(void)
{
	static const char *const names[BODIES] = { "ref", "fast" };

	for (unsigned int b = 0; b < BODIES && !threads[b]; b++) {
		bodies[b] = espnic_engine_get(names[b], NULL);
		if (bodies[b])
			threads[b] = bodies[b]->thread_new();
	}
	return threads[1];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	bool whole = true;

	if (size < SAS * SA_BYTES || !setup())
		return 0;
	last_len = 0;
	for (unsigned int n = 0; n < SAS; n++)
		whole &= add(n, &in);
	while (whole && in.left)
		burst(&in);
	for (unsigned int n = 0; whole && n < SAS; n++) {
		agree_sa(sides[0].out[n], sides[1].out[n], false);
		agree_sa(sides[0].in[n], sides[1].in[n], true);
	}
	free_all();
	return 0;
}
