// SPDX-License-Identifier: BSD-2-Clause
#include "fake_hal.h"

#include <stdlib.h>
#include <string.h>

#include "core/transform.h"
#include "engine/engine.h"

static struct fake *self(void *ctx)
{
	return ctx;
}

void *fake_mem(struct fake *f, uint64_t addr)
{
	return f->mem + (addr - FAKE_BASE);
}

static uint32_t reach(struct fake *f, uint64_t addr, uint32_t len)
{
	if (addr < f->bad_to && addr + len > f->bad_from)
		return f->bad_how;
	if (addr < FAKE_BASE || addr - FAKE_BASE > FAKE_MEM_SIZE ||
	    len > FAKE_MEM_SIZE - (addr - FAKE_BASE))
		return ESPNIC_HAL_DMA_FAULT;
	return ESPNIC_HAL_DMA_OK;
}

static uint32_t dma_read(void *ctx, uint64_t addr, void *buf, uint32_t len)
{
	struct fake *f = self(ctx);
	uint32_t dma = reach(f, addr, len);

	if (len == sizeof(struct espnic_cmd_entry))
		f->reads++;
	if (dma == ESPNIC_HAL_DMA_OK)
		memcpy(buf, fake_mem(f, addr), len);
	return dma;
}

static uint32_t dma_write(void *ctx, uint64_t addr, const void *buf, uint32_t len)
{
	struct fake *f = self(ctx);
	uint32_t dma = reach(f, addr, len);

	if (!len || len > ESPNIC_HAL_DMA_MAX)
		abort();
	if (dma == ESPNIC_HAL_DMA_OK)
		memcpy(fake_mem(f, addr), buf, len);
	return dma;
}

static uint32_t dma_store32(void *ctx, uint64_t addr, uint32_t value)
{
	if (addr & 3)
		abort();
	return dma_write(ctx, addr, &value, sizeof(value));
}

static void irq(void *ctx, uint32_t vector)
{
	if (vector)
		abort();
	self(ctx)->irqs++;
}

static uint32_t reg_read(void *ctx, uint32_t off)
{
	return self(ctx)->reg[off / 4];
}

static void reg_write(void *ctx, uint32_t off, uint32_t value)
{
	self(ctx)->reg[off / 4] = value;
}

static void status_set(void *ctx, uint32_t bits)
{
	self(ctx)->reg[ESPNIC_REG_STATUS / 4] |= bits;
}

static void status_clear(void *ctx, uint32_t bits)
{
	self(ctx)->reg[ESPNIC_REG_STATUS / 4] &= ~bits;
}

static uint64_t now_ms(void *ctx)
{
	return self(ctx)->now;
}

static void fill_random(void *ctx, void *buf, uint32_t len)
{
	(void)ctx;
	memset(buf, 0x5a, len);
}

static void info(void *ctx, struct espnic_hal_info *i)
{
	(void)ctx;
	memcpy(i->engine, "ref", 3);
	memcpy(i->core, "native", 6);
	memcpy(i->wire, "loopback", 8);
	memcpy(i->serial, "42", 2);
}

/* The answer a test asked for, once. */
static uint32_t answer(struct fake *f)
{
	uint32_t a = f->answer;

	f->answer = ESPNIC_CMD_STATUS_OK;
	return a;
}

static uint32_t queue_start(void *ctx, const struct espnic_hal_queue *q)
{
	struct fake *f = self(ctx);
	uint32_t a = answer(f);

	if (q->queue >= FAKE_QUEUES || (f->running & 1u << q->queue))
		abort();
	if (a == ESPNIC_CMD_STATUS_OK) {
		f->running |= 1u << q->queue;
		f->queue[q->queue] = *q;
	}
	return a;
}

static uint32_t queue_stop(void *ctx, uint32_t queue)
{
	struct fake *f = self(ctx);
	uint32_t a = answer(f);

	if (!(f->running & 1u << queue))
		abort();
	if (a == ESPNIC_CMD_STATUS_OK)
		f->running &= ~(1u << queue);
	return a;
}

static uint32_t queue_moderation(void *ctx, const struct espnic_hal_moderation *m)
{
	self(ctx)->moderation = *m;
	return answer(self(ctx));
}

static uint32_t port_set(void *ctx, const struct espnic_hal_port *port)
{
	self(ctx)->port = *port;
	return answer(self(ctx));
}

static uint32_t rss_set(void *ctx, const struct espnic_hal_rss *rss)
{
	self(ctx)->rss = *rss;
	return answer(self(ctx));
}

static struct fake_sa *slot(struct fake *f, uint32_t handle)
{
	uint32_t index = handle & ESPNIC_SA_INDEX_MASK;

	if (!index || index > FAKE_SAS)
		abort();
	return &f->sa[index];
}

static struct fake_sa *there(struct fake *f, uint32_t handle)
{
	struct fake_sa *s = slot(f, handle);

	if (s->sa.handle != handle)
		abort();
	return s;
}

static uint32_t sa_add(void *ctx, const struct espnic_hal_sa *sa, uint32_t *verdict)
{
	struct fake *f = self(ctx);
	struct fake_sa *s = slot(f, sa->handle);
	uint32_t a = answer(f);

	*verdict = a == ESPNIC_CMD_STATUS_OK ? 0 : f->verdict;
	if (s->sa.handle || sa->enc_key_len > sizeof(s->key) || sa->salt_len > sizeof(s->salt) ||
	    sa->auth_key_len > sizeof(s->auth_key))
		abort();
	if (a != ESPNIC_CMD_STATUS_OK)
		return a;
	memset(s, 0, sizeof(*s));
	s->sa = *sa;
	s->sa.enc_key = s->sa.salt = s->sa.auth_key = NULL;
	memcpy(s->key, sa->enc_key, sa->enc_key_len);
	memcpy(s->salt, sa->salt, sa->salt_len);
	memcpy(s->auth_key, sa->auth_key, sa->auth_key_len);
	s->dormant = sa->dormant;
	s->sent = sa->seq;
	s->lease_mark = sa->lease_mark;
	s->lease_end = sa->lease_end;
	return a;
}

static uint32_t sa_update(void *ctx, uint32_t handle, const struct espnic_hal_sa_update *u,
			  uint32_t *verdict)
{
	struct fake_sa *s = there(self(ctx), handle);

	*verdict = self(ctx)->verdict;
	if (u->what == ESPNIC_HAL_SA_LEASE) {
		s->lease_mark = u->lease_mark;
		s->lease_end = u->lease_end;
		s->lease_updates++;
		return ESPNIC_CMD_STATUS_OK;
	}
	s->last_update = *u;
	return answer(self(ctx));
}

static void report(const struct fake_sa *s, struct espnic_hal_sa_report *r)
{
	*r = (struct espnic_hal_sa_report){
		.packets = 1, .bytes = 2, .seq = s->sent,
		.integrity_failed = 4, .replay = 5, .dropped = 6, .replay_window = 7,
		.soft = true, .seq_used_up = true,
	};
	if (s->sa.udp_encap) {
		r->has_peer = true;
		memset(r->peer_addr, 0x77, sizeof(r->peer_addr));
		r->peer_port = 4501;
	}
}

static uint32_t sa_del(void *ctx, uint32_t handle, struct espnic_hal_sa_report *last)
{
	struct fake_sa *s = there(self(ctx), handle);
	uint32_t a = answer(self(ctx));

	if (a != ESPNIC_CMD_STATUS_OK)
		return a;
	report(s, last);
	last->packets = 1001;
	memset(s, 0, sizeof(*s));
	return a;
}

static uint32_t sa_succeed(void *ctx, uint32_t old, uint32_t heir,
			   struct espnic_hal_sa_report *last, uint64_t *seq)
{
	struct fake *f = self(ctx);
	struct fake_sa *from = there(f, old), *to = there(f, heir);
	uint32_t a = answer(f);

	if (from->dormant || !to->dormant || from->sa.dir != to->sa.dir ||
	    memcmp(from->key, to->key, sizeof(from->key)) != 0 ||
	    memcmp(from->salt, to->salt, sizeof(from->salt)) != 0 ||
	    (!from->sa.enc_key_len &&
	     memcmp(from->auth_key, to->auth_key, sizeof(from->auth_key)) != 0))
		abort();
	if (a != ESPNIC_CMD_STATUS_OK)
		return a;
	if (from->sent > to->sent)
		to->sent = from->sent;
	report(from, last);
	last->packets = 2002;
	*seq = to->sent;
	to->dormant = false;
	memset(from, 0, sizeof(*from));
	f->succeeded_from = old;
	f->succeeded_to = heir;
	return a;
}

static uint32_t sa_query(void *ctx, uint32_t handle, struct espnic_hal_sa_report *r)
{
	report(there(self(ctx), handle), r);
	return answer(self(ctx));
}

static uint32_t sa_window(void *ctx, uint32_t handle, struct espnic_hal_window *w)
{
	(void)there(self(ctx), handle);
	memset(w, 0, sizeof(*w));
	w->top = 0x1122334455667788;
	w->size = 4096;
	w->bitmap[0] = 0x81;
	w->bitmap[511] = 0x42;
	return answer(self(ctx));
}

static struct fake_policy *policy(struct fake *f, uint32_t id, bool want)
{
	if (!id || id > FAKE_POLICIES || f->policy[id].there != want)
		abort();
	return &f->policy[id];
}

static uint32_t policy_add(void *ctx, const struct espnic_hal_policy *p)
{
	struct fake *f = self(ctx);
	struct fake_policy *n = policy(f, p->id, false);
	uint32_t a = answer(f);

	if (a == ESPNIC_CMD_STATUS_OK)
		*n = (struct fake_policy){ .p = *p, .there = true };
	return a;
}

static uint32_t policy_discard(void *ctx, uint32_t id)
{
	policy(self(ctx), id, true)->discard = true;
	return answer(self(ctx));
}

static uint32_t policy_del(void *ctx, uint32_t id)
{
	uint32_t a = answer(self(ctx));

	if (a == ESPNIC_CMD_STATUS_OK)
		policy(self(ctx), id, true)->there = false;
	return a;
}

static uint32_t policy_query(void *ctx, uint32_t id, struct espnic_hal_policy_report *r)
{
	(void)policy(self(ctx), id, true);
	*r = (struct espnic_hal_policy_report){ .packets = 10, .bytes = 20, .no_sa = 30 };
	return answer(self(ctx));
}

static void tx_mark(void *ctx, struct espnic_hal_tx_mark *mark)
{
	memset(mark, 0, sizeof(*mark));
	mark->queue[0].tail = ++self(ctx)->marks;
}

static bool tx_passed(void *ctx, const struct espnic_hal_tx_mark *mark)
{
	if (mark->queue[0].tail != self(ctx)->marks)
		abort();
	return !self(ctx)->tx_busy;
}

static void count(void *ctx, enum espnic_counter which, uint32_t n)
{
	self(ctx)->counter[which] += n;
}

static void counters(void *ctx, uint64_t v[ESPNIC_COUNTER_COUNT])
{
	memcpy(v, self(ctx)->counter, sizeof(self(ctx)->counter));
}

static void queue_counters(void *ctx, uint32_t queue, uint64_t v[ESPNIC_QUEUE_COUNTER_COUNT])
{
	(void)ctx;
	for (uint32_t i = 0; i < ESPNIC_QUEUE_COUNTER_COUNT; i++)
		v[i] = queue * 100 + i;
}

static bool event_next(void *ctx, struct espnic_hal_event *ev)
{
	struct fake *f = self(ctx);

	if (f->event_head == f->event_tail)
		return false;
	*ev = f->event[f->event_head++ % FAKE_EVENTS];
	return true;
}

void fake_raise(struct fake *f, const struct espnic_hal_event *ev)
{
	if (f->event_tail - f->event_head >= FAKE_EVENTS)
		abort();
	f->event[f->event_tail++ % FAKE_EVENTS] = *ev;
}

/* A known-answer packet through body ref, as the native core does it. */
static uint32_t through_ref(const struct espnic_hal_sa *sa, const uint8_t *iv, const uint8_t *in,
			    uint32_t in_len, uint8_t *out, uint32_t *out_len)
{
	const struct espnic_engine_ops *ref = espnic_engine_get("ref", NULL);
	struct espnic_engine_thread *t = ref->thread_new();
	uint8_t buf[ESPNIC_HEADROOM + ESPNIC_HAL_KAT_MAX + ESPNIC_TAILROOM];
	struct espnic_pkt pkt = {
		.data = buf + ESPNIC_HEADROOM, .len = in_len, .headroom = ESPNIC_HEADROOM,
		.tailroom = sizeof(buf) - ESPNIC_HEADROOM - in_len, .iv = iv,
	};
	struct espnic_sa_params p;

	espnic_sa_params_init(&p);
	p.spi = sa->spi;
	p.dir = sa->dir == ESPNIC_CMD_SA_DIR_IN ? ESPNIC_DIR_IN : ESPNIC_DIR_OUT;
	if (!espnic_core_transform(&p, sa))
		abort();
	p.esn = sa->esn;
	p.seq = sa->seq;
	p.replay_window = sa->replay_window;
	if (!t || ref->sa_add(&p, &pkt.sa, NULL) != ESPNIC_OK)
		abort();
	memcpy(pkt.data, in, in_len);
	if (p.dir == ESPNIC_DIR_OUT)
		ref->protect(t, &pkt, 1);
	else
		ref->unprotect(t, &pkt, 1);
	if (pkt.verdict == ESPNIC_OK) {
		memcpy(out, pkt.data, pkt.len);
		*out_len = pkt.len;
	}
	ref->sa_del(pkt.sa);
	ref->thread_free(t);
	return pkt.verdict;
}

static uint32_t engine_kat(void *ctx, const struct espnic_hal_sa *sa, const uint8_t *iv,
			   const uint8_t *in, uint32_t in_len, uint8_t *out, uint32_t *out_len)
{
	struct fake *f = self(ctx);
	uint32_t v = through_ref(sa, iv, in, in_len, out, out_len);

	if (++f->kats != f->kat_break)
		return v;
	switch (f->kat_how) {
	case FAKE_KAT_BYTE:
		out[*out_len - 1] ^= 0x80;
		return v;
	case FAKE_KAT_ACCEPTS:
		return ESPNIC_IPSEC_STATUS_OK;
	default:
		return ESPNIC_IPSEC_STATUS_UNSUPPORTED;
	}
}

static void zeroize(void *ctx)
{
	struct fake *f = self(ctx);

	f->zeroized++;
	f->running = 0;
	f->port.enable = false;
	memset(f->sa, 0, sizeof(f->sa));
	memset(f->policy, 0, sizeof(f->policy));
	f->event_head = f->event_tail;
}

const struct espnic_hal_ops fake_ops = {
	.dma_read = dma_read,
	.dma_write = dma_write,
	.dma_store32 = dma_store32,
	.irq = irq,
	.reg_read = reg_read,
	.reg_write = reg_write,
	.status_set = status_set,
	.status_clear = status_clear,
	.now_ms = now_ms,
	.random = fill_random,
	.info = info,
	.queue_start = queue_start,
	.queue_stop = queue_stop,
	.queue_moderation = queue_moderation,
	.port_set = port_set,
	.rss_set = rss_set,
	.sa_add = sa_add,
	.sa_update = sa_update,
	.sa_del = sa_del,
	.sa_succeed = sa_succeed,
	.sa_query = sa_query,
	.sa_window = sa_window,
	.policy_add = policy_add,
	.policy_discard = policy_discard,
	.policy_del = policy_del,
	.policy_query = policy_query,
	.tx_mark = tx_mark,
	.tx_passed = tx_passed,
	.count = count,
	.counters = counters,
	.queue_counters = queue_counters,
	.event_next = event_next,
	.engine_kat = engine_kat,
	.zeroize = zeroize,
};
