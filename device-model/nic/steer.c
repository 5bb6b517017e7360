// SPDX-License-Identifier: BSD-2-Clause
/*
 * What both directions of steering share: bursts, batches for the engine,
 * telling IPsec from the rest, and the record of the host side.
 */
#include "nic/steer_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/ip.h"
#include "nic/fragcache.h"

enum {
	RECORD_SLOT = ESPNIC_MAX_FRAME + 2,	/* bytes kept of each frame of a burst */
	AH_SPI_OFF = 4,				/* RFC 4302 section 2 */
	KEEPALIVE_BYTE = 0xff,			/* RFC 3948 section 2.3 */
};

int espnic_steer_thread_init(struct espnic_steer_thread *t, struct espnic_steer *s,
			     struct espnic_counters *c)
{
	*t = (struct espnic_steer_thread){ .steer = s, .counters = c };
	t->engine = s->engine->thread_new();
	t->frags = espnic_fragcache_new();
	if (s->pcap)
		t->record = malloc((size_t)ESPNIC_STEER_BURST * RECORD_SLOT);
	if (!t->engine || !t->frags || (s->pcap && !t->record)) {
		espnic_steer_thread_free(t);
		return -ENOMEM;
	}
	return 0;
}

void espnic_steer_thread_free(struct espnic_steer_thread *t)
{
	if (t->engine)
		t->steer->engine->thread_free(t->engine);
	if (!t->shares)
		espnic_fragcache_free(t->frags);
	free(t->record);
	*t = (struct espnic_steer_thread){ 0 };
}

void espnic_steer_thread_share(struct espnic_steer_thread *t, const struct espnic_steer_thread *first)
{
	if (t == first)
		return;
	espnic_fragcache_free(t->frags);
	t->frags = first->frags;
	t->shares = true;
}

void espnic_steer_thread_reset(struct espnic_steer_thread *t)
{
	espnic_fragcache_clear(t->frags);
}

uint64_t espnic_steer_now(struct espnic_steer_burst *b)
{
	struct timespec ts;

	if (!b->now_ms) {
		clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
		b->now_ms = (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
	}
	return b->now_ms;
}

static uint8_t *record_slot(const struct espnic_steer_burst *b, unsigned int i)
{
	return b->t->record + (size_t)i * RECORD_SLOT;
}

void espnic_steer_begin(struct espnic_steer_burst *b, struct espnic_steer_thread *t,
			struct espnic_frame *frames, unsigned int n)
{
	b->t = t;
	b->n = n;
	b->now_ms = 0;
	b->packet.n = 0;
	b->crypto.n = 0;
	for (unsigned int i = 0; i < n; i++) {
		struct espnic_steer_job *j = &b->jobs[i];

		j->f = &frames[i];
		j->sa = NULL;
		j->seq = 0;
		j->counter = ESPNIC_COUNTER_COUNT;
		j->len_in = j->f->len < RECORD_SLOT ? j->f->len : RECORD_SLOT;
		if (t->record)
			memcpy(record_slot(b, i), j->f->buf + j->f->off, j->len_in);
	}
}

static const char *counter_name(uint32_t counter)
{
#define NAME(id, name, text) [id] = #name,
	static const char *const names[ESPNIC_COUNTER_COUNT] = { ESPNIC_COUNTER_LIST(NAME) };
#undef NAME
	return names[counter];
}

/*
 * "espnic: sa handle 0x00100001 spi 0x00001000 out packet seq 7", and what became of the frame if
 * that is not all.
 */
static void describe(const struct espnic_steer_job *j, char *text, size_t size)
{
	bool drop = j->f->flags & ESPNIC_FRAME_DROP;
	const struct espnic_sad_entry *e = j->sa;
	int n = snprintf(text, size, "espnic:");

	if (e)
		n += snprintf(text + n, size - (size_t)n, " sa handle 0x%08x spi 0x%08x %s %s",
			      e->handle, e->spi, e->dir == ESPNIC_DIR_OUT ? "out" : "in",
			      e->offload == ESPNIC_OFFLOAD_PACKET ? "packet" : "crypto");
	if (e && j->seq)
		n += snprintf(text + n, size - (size_t)n, " seq %" PRIu64, j->seq);
	if (drop || !e || j->counter == ESPNIC_COUNTER_RX_CRYPTO_FAILED)
		snprintf(text + n, size - (size_t)n, "%s %s", drop ? " drop" : "",
			 counter_name(j->counter));
}

void espnic_steer_end(struct espnic_steer_burst *b, enum espnic_pcap_dir dir)
{
	struct espnic_pcap *pcap = b->t->steer->pcap;
	char text[ESPNIC_PCAP_COMMENT_MAX];

	for (unsigned int i = 0; pcap && i < b->n; i++) {
		const struct espnic_steer_job *j = &b->jobs[i];
		const struct espnic_frame *f = j->f;
		/*
		 * The host saw it before the engine to the wire, behind it from the wire; of a
		 * dropped one, what came.
		 */
		bool as_it_came = dir == ESPNIC_PCAP_OUT || f->flags & ESPNIC_FRAME_DROP;

		if (j->counter != ESPNIC_COUNTER_COUNT)
			describe(j, text, sizeof(text));
		espnic_pcap_frame(pcap, ESPNIC_PCAP_HOST,
				  as_it_came ? record_slot(b, i) : f->buf + f->off,
				  as_it_came ? j->len_in : f->len, dir,
				  j->counter != ESPNIC_COUNTER_COUNT ? text : NULL);
	}
}

void espnic_steer_decide(const struct espnic_steer *s, enum espnic_spd_dir dir,
			 struct espnic_steer_job *const *jobs, unsigned int n, unsigned int at)
{
	const struct espnic_flow *flows[ESPNIC_STEER_BURST];
	struct espnic_spd_policy *policies[ESPNIC_STEER_BURST];
	enum espnic_spd_result results[ESPNIC_STEER_BURST];

	if (!n)
		return;
	for (unsigned int i = 0; i < n; i++)
		flows[i] = &jobs[i]->flow;
	espnic_spd_lookup_burst(s->spd, dir, flows, policies, results, n);
	for (unsigned int i = 0; i < n; i++)
		jobs[i]->spd[at] = (struct espnic_steer_decision){
			.policy = policies[i], .result = results[i],
		};
}

struct espnic_pkt *espnic_steer_batch_add(struct espnic_steer_batch *batch,
					  struct espnic_steer_job *j, struct espnic_sad_entry *e)
{
	struct espnic_pkt *pkt = &batch->pkts[batch->n];
	const struct espnic_frame *f = j->f;
	uint32_t end = f->off + j->l3 + j->flow.ip_len;

	j->sa = e;
	memcpy(j->l2, f->buf + f->off, j->l3);
	/*
	 * Behind its front the packet grows into the L2 header, which moves along: room for that is
	 * kept.
	 */
	*pkt = (struct espnic_pkt){
		.data = espnic_steer_ip(j),
		.len = j->flow.ip_len,
		.headroom = f->off,
		.tailroom = ESPNIC_FRAME_BUF - end,
		.sa = e->sa,
	};
	batch->jobs[batch->n++] = j;
	return pkt;
}

void espnic_steer_batch_events(struct espnic_steer_burst *b, const struct espnic_steer_batch *batch)
{
	const struct espnic_steer *s = b->t->steer;

	for (unsigned int i = 0; i < batch->n; i++)
		if (batch->pkts[i].flags & ESPNIC_PKT_EVENT)
			s->sa_event(s->event_ctx, batch->jobs[i]->sa->handle);
}

void espnic_steer_reframe(struct espnic_steer_job *j, const struct espnic_pkt *pkt)
{
	espnic_frame_put_l2(pkt->data, j->l2, j->l3);
	j->f->off = (uint32_t)(pkt->data - j->f->buf) - j->l3;
	j->f->len = pkt->len + j->l3;
}

/* What the UDP packet @flow of @room bytes at @udp may carry. */
static void peek_udp(const uint8_t *udp, uint32_t room, const struct espnic_flow *flow,
		     struct espnic_peek *peek)
{
	const uint8_t *payload = udp + ESPNIC_UDP_HLEN;

	if (room >= ESPNIC_UDP_HLEN + ESPNIC_ESP_HLEN) {
		peek->spi = espnic_get32(payload);
		peek->proto = ESPNIC_IPPROTO_ESP;
		peek->off = flow->upper_off + ESPNIC_UDP_HLEN;
		/* RFC 3948 section 2.2: zero is the marker of IKE. */
		if (peek->spi)
			peek->kind = ESPNIC_PEEK_UDP;
	} else if (room == ESPNIC_UDP_HLEN + 1 && payload[0] == KEEPALIVE_BYTE &&
		   !(flow->flags & ESPNIC_FLOW_FRAGMENT)) {
		peek->kind = ESPNIC_PEEK_KEEPALIVE;
	}
}

void espnic_steer_peek(const uint8_t *ip, const struct espnic_flow *flow, struct espnic_peek *peek)
{
	uint32_t room = flow->ip_len - flow->upper_off;
	bool nonfirst = flow->flags & ESPNIC_FLOW_NONFIRST;
	uint32_t spi_off = flow->proto == ESPNIC_IPPROTO_AH ? AH_SPI_OFF : 0;

	*peek = (struct espnic_peek){ .kind = ESPNIC_PEEK_CLEAR };
	switch (flow->proto) {
	case ESPNIC_IPPROTO_UDP:
		if (!nonfirst)
			peek_udp(ip + flow->upper_off, room, flow, peek);
		break;
	case ESPNIC_IPPROTO_ESP:
	case ESPNIC_IPPROTO_AH:
		peek->kind = ESPNIC_PEEK_SHORT;
		if (nonfirst || room < spi_off + ESPNIC_ESP_HLEN)
			break;
		peek->kind = ESPNIC_PEEK_IPSEC;
		peek->proto = flow->proto;
		peek->off = flow->upper_off;
		peek->spi = espnic_get32(ip + flow->upper_off + spi_off);
		break;
	default:
		break;
	}
}
