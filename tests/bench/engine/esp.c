// SPDX-License-Identifier: BSD-2-Clause
/*
 * The whole of ESP, as the NIC drives it: SAD lookup (outbound by handle, inbound by protocol, destination and SPI
 * read from the packet), then the engine with window, headers, trailer, crypto and counters. Tunnel mode,
 * IPv4 in IPv4, replay window of 64.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

#include "engine/ip.h"
#include "engine/sad.h"

enum {
	FIRST_SPI = 0x1000,
	WINDOW = 64,			/* packets */
};

struct esp_state {
	const struct bench_case *c;
	const struct espnic_engine_ops *ops;
	struct espnic_engine_thread *thread;
	struct espnic_sad *sad;
	uint8_t *memory;
	uint64_t bad;			/* packets with any verdict but OK */
	struct espnic_pkt pkts[BENCH_POOL];
};

static void add_sa(struct esp_state *s, uint32_t n, enum espnic_sa_dir dir)
{
	const struct bench_transform *t = s->c->transform;
	struct espnic_sad_entry e = { 0 };
	struct espnic_sa_params p;
	const char *why;

	espnic_sa_params_init(&p);
	p.spi = FIRST_SPI + n;
	p.dir = dir;
	p.mode = ESPNIC_MODE_TUNNEL;
	p.enc = t->enc;
	p.auth = t->auth;
	p.enc_key_len = t->enc_key_len;
	p.salt_len = t->salt_len;
	p.auth_key_len = t->auth_key_len;
	p.icv_len = t->icv_len;
	bench_key(n, 0, p.enc_key, p.enc_key_len);
	bench_key(n, 1, p.auth_key, p.auth_key_len);
	p.replay_window = dir == ESPNIC_DIR_IN ? WINDOW : 0;
	p.tunnel.family = ESPNIC_IPV4;
	memcpy(p.tunnel.src, "\xc0\x00\x02\x01", 4);
	memcpy(p.tunnel.dst, "\xc0\x00\x02\x02", 4);
	if (s->ops->sa_add(&p, &e.sa, &why) != ESPNIC_OK)
		bench_die(why);

	e.handle = 1 + 2 * n + (dir == ESPNIC_DIR_IN);
	e.spi = p.spi;
	e.dir = (uint8_t)dir;
	e.mode = (uint8_t)p.mode;
	e.ip_proto = ESPNIC_IPPROTO_ESP;
	e.family = ESPNIC_IPV4;
	memcpy(e.saddr, p.tunnel.src, sizeof(e.saddr));
	memcpy(e.daddr, p.tunnel.dst, sizeof(e.daddr));
	if (espnic_sad_insert(s->sad, &e, NULL))
		bench_die("no room in the SAD");
}

static bool has_transform(const struct espnic_engine_ops *ops, const struct bench_case *c)
{
	const struct bench_transform *t = c->transform;
	struct espnic_sa_params p;
	struct espnic_sa *sa;

	espnic_sa_params_init(&p);
	p.spi = FIRST_SPI;
	p.enc = t->enc;
	p.auth = t->auth;
	p.enc_key_len = t->enc_key_len;
	p.salt_len = t->salt_len;
	p.auth_key_len = t->auth_key_len;
	p.icv_len = t->icv_len;
	if (ops->sa_add(&p, &sa, NULL) != ESPNIC_OK)
		return false;
	ops->sa_del(sa);
	return true;
}

static void *start(const struct bench_case *c, const char *body)
{
	const struct espnic_engine_ops *ops = espnic_engine_get(body, NULL);
	struct esp_state *s;

	if (!ops || !has_transform(ops, c))
		return NULL;
	s = bench_alloc(sizeof(*s));
	s->c = c;
	s->ops = ops;
	s->thread = ops->thread_new();
	s->sad = espnic_sad_new(2 * c->sas);
	if (!s->thread || !s->sad)
		bench_die("out of memory");
	for (uint32_t n = 0; n < c->sas; n++) {
		add_sa(s, n, ESPNIC_DIR_OUT);
		add_sa(s, n, ESPNIC_DIR_IN);
	}
	s->memory = bench_alloc((size_t)c->slot * BENCH_POOL);
	for (uint32_t n = 0; n < BENCH_POOL; n++) {
		struct espnic_pkt *p = &s->pkts[n];

		p->data = s->memory + (size_t)n * c->slot + BENCH_HEADROOM;
		p->len = c->size[n];
		p->headroom = BENCH_HEADROOM;
		p->tailroom = c->slot - BENCH_HEADROOM - c->size[n];
		bench_packet(p->data, p->len);
	}
	return s;
}

static void *start_fast(const struct bench_case *c)
{
	return start(c, "fast");
}

static void *start_ref(const struct bench_case *c)
{
	return start(c, "ref");
}

static void count_bad(struct esp_state *s, unsigned int first, unsigned int n)
{
	for (unsigned int i = first; i < first + n; i++)
		s->bad += s->pkts[i].verdict != ESPNIC_OK;
}

static void esp_encrypt(void *state, unsigned int first, unsigned int n)
{
	struct esp_state *s = state;

	for (unsigned int i = first; i < first + n; i++) {
		uint32_t handle = 1 + 2 * bench_sa[i];

		s->pkts[i].sa = espnic_sad_by_handle(s->sad, handle)->sa;
		s->pkts[i].flags = 0;
	}
	s->ops->protect(s->thread, s->pkts + first, n);
	count_bad(s, first, n);
}

static void esp_decrypt(void *state, unsigned int first, unsigned int n)
{
	struct esp_state *s = state;
	struct espnic_sad_entry *found[BENCH_BURST_MAX];
	static struct espnic_sad_key keys[BENCH_BURST_MAX];
	/* IPv4 alone comes here: the rest of the addresses stays zero. */
	static uint8_t addrs[BENCH_BURST_MAX][2][16];

	for (unsigned int i = 0; i < n; i++) {
		const uint8_t *ip = s->pkts[first + i].data;

		memcpy(addrs[i][0], ip + ESPNIC_IPV4_DST, 4);
		memcpy(addrs[i][1], ip + ESPNIC_IPV4_SRC, 4);
		keys[i] = (struct espnic_sad_key){
			.spi = espnic_get32(ip + ESPNIC_IPV4_HLEN), .ip_proto = ip[ESPNIC_IPV4_PROTO],
			.family = ESPNIC_IPV4, .daddr = addrs[i][0], .saddr = addrs[i][1],
		};
	}
	espnic_sad_find_burst(s->sad, keys, found, n);
	for (unsigned int i = 0; i < n; i++)
		s->pkts[first + i].sa = found[i]->sa;
	s->ops->unprotect(s->thread, s->pkts + first, n);
	count_bad(s, first, n);
}

static bool esp_check(void *state)
{
	struct esp_state *s = state;
	uint8_t *want = bench_alloc(s->c->slot);
	bool good = s->bad == 0;

	for (uint32_t n = 0; n < BENCH_POOL && good; n++) {
		bench_packet(want, s->c->size[n]);
		good = s->pkts[n].len == s->c->size[n] &&
		       memcmp(want, s->pkts[n].data, s->c->size[n]) == 0;
	}
	free(want);
	return good;
}

static void esp_stop(void *state)
{
	struct esp_state *s = state;

	for (uint32_t handle = 1; handle <= 2 * s->c->sas; handle++)
		s->ops->sa_del(espnic_sad_by_handle(s->sad, handle)->sa);
	espnic_sad_free(s->sad);
	s->ops->thread_free(s->thread);
	free(s->memory);
	free(s);
}

const struct bench_subject bench_fast = {
	.name = "fast",
	.start = start_fast,
	.encrypt = esp_encrypt,
	.decrypt = esp_decrypt,
	.check = esp_check,
	.stop = esp_stop,
};

const struct bench_subject bench_ref = {
	.name = "ref",
	.start = start_ref,
	.encrypt = esp_encrypt,
	.decrypt = esp_decrypt,
	.check = esp_check,
	.stop = esp_stop,
};
