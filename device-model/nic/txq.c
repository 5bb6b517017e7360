// SPDX-License-Identifier: BSD-2-Clause
/*
 * Host to wire: a worker takes packets from its TX rings, finishes them
 * (checksums, segments), has them steered and sent in bursts, and completes them.
 */
#include <errno.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "nic/csum.h"
#include "nic/ether.h"
#include "nic/internal.h"
#include "nic/pcap.h"
#include "nic/tso.h"

enum { NS_PER_MS = 1000000, NS_PER_US = 1000 };

static uint8_t *frame_buf(struct espnic_tx_worker *w, unsigned int i)
{
	return w->bufs + (size_t)i * ESPNIC_FRAME_BUF;
}

/* A DMA of queue @q failed: the gate is closed (this life is over), or its memory is gone. */
static void dma_failed(struct espnic_tx_worker *w, struct espnic_queue *q, int err)
{
	if (err == -ECANCELED)
		w->gone = true;
	else
		espnic_queue_fail(w->nic, q, ESPNIC_QUEUE_ERROR_DMA);
}

/* ---- the wire ---- */

static void drop_frame(struct espnic_tx_worker *w, unsigned int i, enum espnic_counter why)
{
	struct espnic_frame *f = &w->frames[i];

	f->flags |= ESPNIC_FRAME_DROP;
	f->counter = why;
	espnic_count(&w->counters, why, 1);
}

/* Whether waiting for the wire goes on; @since_ns: of the last progress. */
static bool may_wait(struct espnic_tx_worker *w, uint64_t since_ns)
{
	uint64_t limit =
		espnic_turn_wanted(&w->turn) ? ESPNIC_WIRE_STALL_WANTED_MS : ESPNIC_WIRE_STALL_MS;

	return !atomic_load(&w->nic->stop) && !espnic_nic_resetting(w->nic) &&
	       espnic_now_ns() - since_ns < limit * NS_PER_MS;
}

/* Sends the frames that were not dropped; those the wire doesn't take in time are. */
static void send_frames(struct espnic_tx_worker *w)
{
	struct espnic_wire *wire = w->nic->cfg.wire;
	struct espnic_wire_frame vec[ESPNIC_TX_BURST];
	uint8_t which[ESPNIC_TX_BURST];
	unsigned int n = 0, sent = 0, i;
	uint64_t since_ns = 0, bytes = 0;

	for (i = 0; i < w->n_frames; i++) {
		struct espnic_frame *f = &w->frames[i];

		if (f->flags & ESPNIC_FRAME_DROP)
			continue;
		vec[n].data = f->buf + f->off;
		vec[n].len = f->len;
		which[n++] = (uint8_t)i;
	}
	while (sent < n) {
		int taken = wire->ops->send(wire, vec + sent, n - sent);

		if (taken < 0)
			break;
		if (taken > 0) {
			sent += (unsigned int)taken;
			since_ns = 0;
			continue;
		}
		if (!since_ns)
			since_ns = espnic_now_ns();
		if (!may_wait(w, since_ns))
			break;
		wire->ops->wait_writable(wire, ESPNIC_WIRE_WAIT_MS);
	}
	for (i = 0; i < sent; i++) {
		bytes += vec[i].len;
		if (w->nic->cfg.pcap)
			espnic_pcap_frame(w->nic->cfg.pcap, ESPNIC_PCAP_WIRE, vec[i].data,
					  vec[i].len, ESPNIC_PCAP_OUT, NULL);
	}
	espnic_count(&w->counters, ESPNIC_COUNTER_TX_FRAMES, sent);
	espnic_count(&w->counters, ESPNIC_COUNTER_TX_BYTES, bytes);
	for (i = sent; i < n; i++)
		drop_frame(w, which[i], ESPNIC_COUNTER_TX_DROP_LINK);
}

/* What became longer than the wire takes when it was protected. */
static void check_mtu(struct espnic_tx_worker *w)
{
	uint32_t mtu = atomic_load_explicit(&w->nic->mtu, memory_order_relaxed);
	unsigned int i;

	for (i = 0; i < w->n_frames; i++) {
		struct espnic_frame *f = &w->frames[i];
		uint16_t type;

		if (!(f->flags & ESPNIC_FRAME_DROP) &&
		    f->len - espnic_ether_l3(f->buf + f->off, f->len, &type) > mtu)
			drop_frame(w, i, ESPNIC_COUNTER_TX_DROP_MTU);
	}
}

/* Steers and sends what has gathered; a packet that lost a frame is a dropped one. */
static void flush_frames(struct espnic_tx_worker *w)
{
	struct espnic_steer *steer = &w->nic->steer;
	unsigned int i;

	if (!w->n_frames)
		return;
	pthread_rwlock_rdlock(&steer->lock);
	espnic_steer_tx(&w->steer, w->frames, w->n_frames);
	pthread_rwlock_unlock(&steer->lock);
	check_mtu(w);
	send_frames(w);
	for (i = 0; i < w->n_frames; i++) {
		struct espnic_frame *f = &w->frames[i];
		struct espnic_tx_done *d = &w->done[w->frame_packet[i]];

		if (f->flags & ESPNIC_FRAME_DROP && !d->reason) {
			d->reason = 1 + f->counter;
			espnic_trace(w->nic, "tx_drop", "counter=%u len=%u", f->counter, f->len);
		}
	}
	w->n_frames = 0;
}

/* ---- completions ---- */

static bool put_completion(struct espnic_tx_worker *w, struct espnic_queue *q,
			   const struct espnic_tx_cpl *cpl)
{
	struct espnic_cpl_ring *ring = &q->tx.cpl;
	uint64_t addr = ring->addr + (uint64_t)(ring->tail & (ring->size - 1)) * sizeof(*cpl);
	int err;

	err = espnic_dma_write(w->nic, addr, cpl, offsetof(struct espnic_tx_cpl, flags));
	if (!err)
		err = espnic_dma_store32(w->nic, addr + offsetof(struct espnic_tx_cpl, flags),
					 le32toh(cpl->flags) | espnic_cpl_phase(ring, ring->tail));
	if (err) {
		dma_failed(w, q, err);
		return false;
	}
	ring->tail++;
	return true;
}

static bool write_completion(struct espnic_tx_worker *w, struct espnic_queue *q, uint32_t head,
			     uint32_t packets, uint32_t reason)
{
	struct espnic_tx_cpl cpl[ESPNIC_FAULT_COPIES] = { {
		.head = htole32(head),
		.packets = htole32(packets),
		.reason = htole32(reason),
		.flags = htole32(reason ? ESPNIC_TX_CPL_DROPPED : 0),
	} };
	unsigned int n = 1, i;

	if (w->nic->cfg.faults)
		n = espnic_fault_tx_cpl(w->nic->cfg.faults, q->index, atomic_load(&q->life), cpl);
	for (i = 0; i < n; i++)
		if (!put_completion(w, q, &cpl[i]))
			return false;
	return true;
}

static void raise_irq(struct espnic_tx_worker *w, struct espnic_queue *q)
{
	espnic_queue_count(&q->counters, ESPNIC_QUEUE_COUNTER_TX_INTERRUPTS, 1);
	w->nic->bus->irq(w->nic->bus_ctx, q->vector);
}

/*
 * One completion for each run of packets with the same fate, then the interrupt they may be owed.
 */
static void complete(struct espnic_tx_worker *w, struct espnic_queue *q)
{
	uint32_t from = q->tx.cpl.tail;
	unsigned int i, drops = 0;
	uint32_t arm;
	int err;

	/* Counted before the host can see it. */
	for (i = 0; i < w->n_done; i++)
		drops += !!w->done[i].reason;
	espnic_queue_count(&q->counters, ESPNIC_QUEUE_COUNTER_TX_DROPS, drops);
	i = 0;
	while (i < w->n_done) {
		unsigned int first = i;

		while (i < w->n_done && w->done[i].reason == w->done[first].reason)
			i++;
		if (!write_completion(w, q, w->done[i - 1].head, i - first, w->done[first].reason))
			return;
	}
	w->n_done = 0;

	/*
	 * The driver arms, then looks at the ring; here the ring was written: now look at what is
	 * armed.
	 */
	atomic_thread_fence(memory_order_seq_cst);
	err = espnic_dma_load32(w->nic, ESPNIC_CTRL(q, tx_arm), &arm);
	if (err)
		dma_failed(w, q, err);
	else if (espnic_intr_written(&q->tx.intr, from, q->tx.cpl.tail, arm, espnic_now_ns()))
		raise_irq(w, q);
}

/* ---- packets ---- */

static struct espnic_frame *add_frame(struct espnic_tx_worker *w, unsigned int packet)
{
	struct espnic_frame *f = &w->frames[w->n_frames];

	memset(f, 0, sizeof(*f));
	f->buf = frame_buf(w, w->n_frames);
	f->off = ESPNIC_FRAME_HEADROOM;
	w->frame_packet[w->n_frames++] = (uint8_t)packet;
	w->taken++;
	return f;
}

static void fill_csum(struct espnic_tx_worker *w, const struct espnic_tx_packet *p, uint8_t *data)
{
	uint32_t sum = espnic_csum_partial(data + p->csum_start, p->len - p->csum_start, 0);

	espnic_put16(data + p->csum_start + p->csum_offset, espnic_csum_finish_l4(sum));
	espnic_count(&w->counters, ESPNIC_COUNTER_TX_CSUM, 1);
}

/* Reads the packet; a counter (plus 1) when it can't be had. */
static uint32_t gather(struct espnic_tx_worker *w, const struct espnic_tx_packet *p, uint8_t *buf)
{
	int err = espnic_tx_gather(p, w->nic->bus, w->nic->bus_ctx, buf);

	if (err == -ECANCELED)
		w->gone = true;
	return err ? 1 + ESPNIC_COUNTER_TX_DROP_DMA : 0;
}

/* The same inside of host-made ESP, behind whose payload padding follows. Returns 0, or 1 + counter. */
static uint32_t fill_esp_csum(struct espnic_tx_worker *w, const struct espnic_tx_packet *p,
			      uint8_t *data, uint32_t l3)
{
	struct espnic_tx_packet inner = *p;
	struct espnic_crypto_sa sa;
	uint32_t end;

	if (!espnic_steer_crypto_sa(&w->nic->steer, p->sa_handle, &sa))
		return 1 + ESPNIC_COUNTER_TX_DROP_HANDLE;
	end = p->esp_offset < l3 ? 0
				 : espnic_csum_esp_end(data + l3, p->len - l3, p->esp_offset - l3,
						       sa.iv_len, sa.icv_len);
	if (!end || p->csum_start < p->esp_offset + ESPNIC_ESP_HLEN + sa.iv_len ||
	    p->csum_start + p->csum_offset + 2 > l3 + end)
		return 1 + ESPNIC_COUNTER_TX_DROP_CSUM;
	inner.len = l3 + end;
	fill_csum(w, &inner, data);
	return 0;
}

/* What the descriptor says of IPsec; @seq_hi: of this frame, if it is host-made ESP. */
static void mark_ipsec(struct espnic_frame *f, const struct espnic_tx_packet *p, uint32_t seq_hi)
{
	if (p->flags & ESPNIC_TX_DESC_PROTECT)
		f->flags = ESPNIC_FRAME_PROTECT;
	if (!(p->flags & ESPNIC_TX_DESC_IPSEC))
		return;
	f->flags = ESPNIC_FRAME_CRYPTO;
	f->sa_handle = p->sa_handle;
	f->seq_hi = seq_hi;
	f->esp_offset = p->esp_offset;
}

/* A packet that is one frame. Returns 0, or 1 + counter. */
static uint32_t plain(struct espnic_tx_worker *w, const struct espnic_tx_packet *p,
		      unsigned int packet, uint32_t mtu)
{
	uint8_t *data = frame_buf(w, w->n_frames) + ESPNIC_FRAME_HEADROOM;
	struct espnic_frame *f;
	uint16_t type;
	uint32_t l3;
	uint32_t bad = gather(w, p, data);

	if (bad)
		return bad;
	l3 = espnic_ether_l3(data, p->len, &type);
	if (!l3 || p->len - l3 > mtu)
		return 1 + ESPNIC_COUNTER_TX_DROP_LENGTH;
	if (p->flags & ESPNIC_TX_DESC_CSUM && p->flags & ESPNIC_TX_DESC_IPSEC)
		bad = fill_esp_csum(w, p, data, l3);
	else if (p->flags & ESPNIC_TX_DESC_CSUM)
		fill_csum(w, p, data);
	if (bad)
		return bad;
	f = add_frame(w, packet);
	f->len = p->len;
	mark_ipsec(f, p, p->seq_hi);
	return 0;
}

/* Begins segmentation. Returns 0, or 1 + counter. */
static uint32_t begin_segments(struct espnic_tx_worker *w, const struct espnic_tx_packet *p,
			       struct espnic_tso *tso, uint32_t mtu)
{
	struct espnic_tso_esp esp = { .off = p->esp_offset, .seq_hi = p->seq_hi };
	struct espnic_crypto_sa sa;
	int err;

	if (p->flags & ESPNIC_TX_DESC_IPSEC) {
		if (!espnic_steer_crypto_sa(&w->nic->steer, p->sa_handle, &sa))
			return 1 + ESPNIC_COUNTER_TX_DROP_HANDLE;
		if (p->seq_hi && !sa.esn)
			return 1 + ESPNIC_COUNTER_TX_DROP_DESC;
		esp.esn = sa.esn;
		esp.tunnel = sa.tunnel;
		esp.udp = sa.udp_encap;
		esp.iv_len = sa.iv_len;
		esp.icv_len = sa.icv_len;
		err = espnic_tso_begin_esp(tso, w->packet, p->len, p->hdr_len, p->mss, &esp);
	} else {
		err = espnic_tso_begin(tso, w->packet, p->len, p->hdr_len, p->mss);
	}
	if (err == -ERANGE)
		return 1 + ESPNIC_COUNTER_TX_DROP_SEQ;
	if (err || espnic_tso_frame_len(tso) - (tso->esp ? tso->outer_off : tso->l3_off) > mtu)
		return 1 + ESPNIC_COUNTER_TX_DROP_TSO;
	return 0;
}

/* A packet to be segmented, over as many bursts as it takes. Returns 0, or 1 + counter. */
static uint32_t segment(struct espnic_tx_worker *w, const struct espnic_tx_packet *p,
			unsigned int packet, uint32_t mtu)
{
	struct espnic_tso tso;
	uint64_t segments = 0;
	uint32_t bad;

	espnic_count(&w->counters, ESPNIC_COUNTER_TX_TSO_PACKETS, 1);
	bad = gather(w, p, w->packet);
	if (!bad)
		bad = begin_segments(w, p, &tso, mtu);
	if (bad)
		return bad;
	while (espnic_tso_more(&tso)) {
		struct espnic_frame *f;

		if (w->n_frames == ESPNIC_TX_BURST)
			flush_frames(w);
		/* Tiny segments of a huge packet take long: a reset needn't wait for them. */
		if (espnic_nic_resetting(w->nic)) {
			w->gone = true;
			break;
		}
		f = add_frame(w, packet);
		mark_ipsec(f, p, tso.esp ? (uint32_t)(espnic_tso_esp_seq(&tso) >> 32) : 0);
		f->len = espnic_tso_next(&tso, f->buf + f->off);
		segments++;
	}
	espnic_count(&w->counters, ESPNIC_COUNTER_TX_TSO_SEGMENTS, segments);
	return 0;
}

static void handle_packet(struct espnic_tx_worker *w, struct espnic_queue *q,
			  struct espnic_tx_packet *p)
{
	uint32_t mtu = atomic_load_explicit(&w->nic->mtu, memory_order_relaxed);
	unsigned int packet = w->n_done++;
	struct espnic_tx_done *d = &w->done[packet];

	d->head = q->tx.ring.head;
	d->reason = 0;
	espnic_count(&w->counters, ESPNIC_COUNTER_TX_PACKETS, 1);
	espnic_queue_count(&q->counters, ESPNIC_QUEUE_COUNTER_TX_PACKETS, 1);
	espnic_queue_count(&q->counters, ESPNIC_QUEUE_COUNTER_TX_BYTES, p->len);

	espnic_tx_check(p, mtu);
	if (!p->drop)
		p->drop = p->flags & ESPNIC_TX_DESC_TSO ? segment(w, p, packet, mtu)
							: plain(w, p, packet, mtu);
	if (p->drop && !w->gone) {
		d->reason = p->drop;
		espnic_count(&w->counters, (enum espnic_counter)(p->drop - 1), 1);
		espnic_trace(w->nic, "tx_drop", "queue=%u counter=%u descs=%u", q->index,
			     p->drop - 1, p->descs);
	}
}

/* ---- rings ---- */

/* Room for one more completion than packets in hand. */
static bool completion_room(struct espnic_tx_worker *w, struct espnic_queue *q)
{
	int err;

	if (espnic_cpl_room(&q->tx.cpl) > w->n_done)
		return true;
	err = espnic_dma_load32(w->nic, ESPNIC_CTRL(q, tx_cpl_head), &q->tx.cpl.head);
	if (err)
		dma_failed(w, q, err);
	return !err && espnic_cpl_room(&q->tx.cpl) > w->n_done;
}

/* Takes, sends and completes up to a burst. Returns whether there was anything. */
static bool burst(struct espnic_tx_worker *w, struct espnic_queue *q)
{
	struct espnic_tx_ring *r = &q->tx.ring;
	struct espnic_tx_packet p;
	bool any;
	int err;

	w->n_frames = w->n_done = 0;
	w->taken = 0;
	while (w->n_done < ESPNIC_TX_BURST && w->n_frames < ESPNIC_TX_BURST && !w->gone) {
		if (r->fetched != r->tail && r->fetched - r->head < ESPNIC_MAX_TX_SEGS) {
			err = espnic_tx_fetch(r, w->nic->bus, w->nic->bus_ctx);
			if (err) {
				dma_failed(w, q, err);
				break;
			}
		}
		if (r->fetched == r->head)
			break;
		if (!completion_room(w, q)) {
			q->tx.stalled = true;
			break;
		}
		if (!espnic_tx_take(r, &p))
			break;
		handle_packet(w, q, &p);
	}
	any = w->n_done;
	espnic_linger_took(&q->tx.linger, w->taken, espnic_now_ns());
	flush_frames(w);
	atomic_store(&q->tx.steered, r->head);
	if (any && !w->gone)
		complete(w, q);
	return any;
}

/* The tail as the driver has it now; false: the queue can't go on. */
static bool read_tail(struct espnic_tx_worker *w, struct espnic_queue *q)
{
	struct espnic_tx_ring *r = &q->tx.ring;
	uint32_t tail;
	int err = espnic_dma_load32(w->nic, ESPNIC_CTRL(q, tx_tail), &tail);

	if (err) {
		dma_failed(w, q, err);
		return false;
	}
	/* Also refuses a tail that goes back behind what was fetched. */
	if (tail - r->head > r->size || tail - r->head < r->fetched - r->head) {
		espnic_queue_fail(w->nic, q, ESPNIC_QUEUE_ERROR_TX_TAIL);
		return false;
	}
	r->tail = tail;
	return true;
}

/* Serves @q for a while. Returns whether there was anything to do. */
static bool serve(struct espnic_tx_worker *w, struct espnic_queue *q)
{
	bool any = false;
	unsigned int i;

	if (q->tx.intr.pending && espnic_intr_due(&q->tx.intr, espnic_now_ns()))
		raise_irq(w, q);
	q->tx.stalled = false;
	for (i = 0; i < ESPNIC_TX_ROUND; i++) {
		if (espnic_turn_wanted(&w->turn) || !espnic_queue_live(q) || !read_tail(w, q))
			break;
		if (q->tx.ring.tail == q->tx.ring.head || !burst(w, q))
			break;
		any = true;
	}
	return any;
}

/*
 * Tells the driver up to where the device looks by itself, and looks once more. Returns whether
 * there is something to do after all; lowers *@timeout_ns to when the queue wants to be looked at
 * again.
 */
static bool go_idle(struct espnic_tx_worker *w, struct espnic_queue *q, uint64_t *timeout_ns)
{
	uint32_t head = q->tx.ring.head;
	uint64_t wait = UINT64_MAX, now = espnic_now_ns();
	uint64_t look = espnic_linger_wait(&q->tx.linger, now);
	int err;

	if (q->tx.intr.pending)
		wait = q->tx.intr.due_ns > now ? q->tx.intr.due_ns - now : 1;
	if (look && look < wait)
		wait = look;
	if (q->tx.stalled && wait > ESPNIC_TX_STALL_MS * (uint64_t)NS_PER_MS)
		wait = ESPNIC_TX_STALL_MS * (uint64_t)NS_PER_MS;
	if (wait < *timeout_ns)
		*timeout_ns = wait;
	/* It comes back by itself: nothing is to be asked for. */
	if (q->tx.stalled || look)
		return false;
	if (q->tx.event != head) {
		err = espnic_dma_store32(w->nic, ESPNIC_CTRL(q, tx_event), head);
		if (err) {
			dma_failed(w, q, err);
			return false;
		}
		q->tx.event = head;
		/* The driver writes the tail, then reads the event index; this does the reverse. */
		atomic_thread_fence(memory_order_seq_cst);
	}
	return read_tail(w, q) && q->tx.ring.tail != head;
}

/*
 * A host that fills its rings steadily is not asked for a doorbell between any two packets, which
 * costs it and the bus far more than looking: while packets come, the worker naps and looks again.
 * Returns whether it shall; lowers *@timeout_ns to the nap.
 */
static bool nap(struct espnic_tx_worker *w, bool any, uint64_t *timeout_ns)
{
	uint64_t wait = ESPNIC_TX_NAP_US * (uint64_t)NS_PER_US;
	struct espnic_nic *nic = w->nic;
	unsigned int i;

	if (any) {
		if (w->naps ||
		    espnic_now_ns() - w->idle_ns < ESPNIC_TX_BUSY_US * (uint64_t)NS_PER_US)
			w->naps = ESPNIC_TX_NAPS;
		return false;
	}
	if (!w->naps)
		return false;
	w->naps--;
	for (i = w->index; i < nic->cfg.queues; i += nic->cfg.workers) {
		const struct espnic_intr *intr = &nic->queue[i].tx.intr;
		uint64_t now = espnic_now_ns();

		if (!espnic_queue_live(&nic->queue[i]) || !intr->pending)
			continue;
		if (intr->due_ns <= now)
			wait = 1;
		else if (intr->due_ns - now < wait)
			wait = intr->due_ns - now;
	}
	*timeout_ns = wait;
	return true;
}

/* One turn: serves all queues, or makes them idle when there was nothing. */
static bool work(struct espnic_tx_worker *w, uint64_t *timeout_ns)
{
	struct espnic_nic *nic = w->nic;
	bool any = false;
	unsigned int i;

	w->gone = false;
	for (i = w->index; i < nic->cfg.queues && !w->gone; i += nic->cfg.workers)
		if (espnic_queue_live(&nic->queue[i]))
			any |= serve(w, &nic->queue[i]);
	if (nap(w, any, timeout_ns))
		return false;
	if (any)
		return true;
	w->idle_ns = espnic_now_ns();
	for (i = w->index; i < nic->cfg.queues && !w->gone; i += nic->cfg.workers)
		if (espnic_queue_live(&nic->queue[i]))
			any |= go_idle(w, &nic->queue[i], timeout_ns);
	return any && !w->gone;
}

void *espnic_tx_worker_run(void *worker)
{
	struct espnic_tx_worker *w = worker;

	/* Looks at a queue are tens of microseconds apart: the default slack would double that. */
	prctl(PR_SET_TIMERSLACK, 1);
	while (!atomic_load(&w->nic->stop)) {
		uint32_t seen = espnic_wake_seen(&w->wake);
		uint64_t timeout_ns = UINT64_MAX;
		bool any;

		espnic_turn_begin(&w->turn);
		any = work(w, &timeout_ns);
		espnic_turn_end(&w->turn);
		if (!any)
			espnic_wake_wait(&w->wake, seen, timeout_ns);
	}
	return NULL;
}

int espnic_tx_worker_init(struct espnic_tx_worker *w, struct espnic_nic *nic, unsigned int index)
{
	w->nic = nic;
	w->index = index;
	espnic_turn_init(&w->turn);
	w->bufs = malloc((size_t)ESPNIC_TX_BURST * ESPNIC_FRAME_BUF);
	w->packet = malloc(ESPNIC_MAX_TSO_LEN);
	if (!w->bufs || !w->packet)
		return -ENOMEM;
	if (espnic_steer_thread_init(&w->steer, &nic->steer, &w->counters))
		return -ENOMEM;
	/* Linux chooses the queue by ports, which later fragments do not show. */
	espnic_steer_thread_share(&w->steer, &nic->worker[0].steer);
	return 0;
}

void espnic_tx_worker_free(struct espnic_tx_worker *w)
{
	if (!w->nic)
		return;
	espnic_steer_thread_free(&w->steer);
	free(w->packet);
	free(w->bufs);
	espnic_turn_destroy(&w->turn);
}
