// SPDX-License-Identifier: BSD-2-Clause
/*
 * Wire to host: one thread receives bursts, filters, has them steered, judges and
 * hashes what is left, and puts it into the buffers of a queue pair.
 */
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "nic/csum.h"
#include "nic/ether.h"
#include "nic/internal.h"
#include "nic/pcap.h"

enum { NS_PER_S = 1000000000, NS_PER_MS = 1000000 };

/* What a completion says of the frame. */
struct verdict {
	uint32_t flags; /* ESPNIC_RX_CPL_* but SOP, EOP, PHASE */
	uint32_t hash;
};

static uint8_t *frame_buf(struct espnic_rx_thread *rx, unsigned int i)
{
	return rx->bufs + (size_t)i * ESPNIC_FRAME_BUF;
}

static void count(struct espnic_rx_thread *rx, enum espnic_counter which)
{
	espnic_count(&rx->counters, which, 1);
}

/* ---- interrupts ---- */

static void raise_irq(struct espnic_rx_thread *rx, struct espnic_queue *q)
{
	espnic_queue_count(&q->counters, ESPNIC_QUEUE_COUNTER_RX_INTERRUPTS, 1);
	rx->nic->bus->irq(rx->nic->bus_ctx, q->vector);
}

/* A DMA of queue @q failed: the gate is closed (this life is over), or its memory is gone. */
static void dma_failed(struct espnic_rx_thread *rx, struct espnic_queue *q, int err)
{
	if (err != -ECANCELED)
		espnic_queue_fail(rx->nic, q, ESPNIC_QUEUE_ERROR_DMA);
}

/* Interrupts owed for what was completed since the last time. */
static void tell_queue(struct espnic_rx_thread *rx, struct espnic_queue *q)
{
	struct espnic_rxq *r = &q->rx;
	uint32_t arm;
	int err;

	if (r->told == r->cpl.tail)
		return;
	/*
	 * The driver arms, then looks at the ring; here the ring was written: now look at what is
	 * armed.
	 */
	atomic_thread_fence(memory_order_seq_cst);
	err = espnic_dma_load32(rx->nic, ESPNIC_CTRL(q, rx_arm), &arm);
	if (err)
		dma_failed(rx, q, err);
	else if (espnic_intr_written(&r->intr, r->told, r->cpl.tail, arm, espnic_now_ns()))
		raise_irq(rx, q);
	r->told = r->cpl.tail;
}

static void tell_all(struct espnic_rx_thread *rx)
{
	unsigned int i;

	for (i = 0; i < rx->nic->cfg.queues; i++)
		if (espnic_queue_live(&rx->nic->queue[i]))
			tell_queue(rx, &rx->nic->queue[i]);
}

/* Raises what is due; returns when the next one is, UINT64_MAX: none is held back. */
static uint64_t held_back(struct espnic_rx_thread *rx)
{
	uint64_t next = UINT64_MAX;
	unsigned int i;

	for (i = 0; i < rx->nic->cfg.queues; i++) {
		struct espnic_queue *q = &rx->nic->queue[i];

		if (!espnic_queue_live(q) || !q->rx.intr.pending)
			continue;
		if (espnic_intr_due(&q->rx.intr, espnic_now_ns()))
			raise_irq(rx, q);
		else if (q->rx.intr.due_ns < next)
			next = q->rx.intr.due_ns;
	}
	return next;
}

/* ---- buffers ---- */

/*
 * Fetches buffers, a contiguous run. Positive: how many; 0: there are none; or the error of
 * dma_read.
 */
static int fetch(struct espnic_rx_thread *rx, struct espnic_queue *q)
{
	struct espnic_rxq *r = &q->rx;
	uint32_t slot = r->fetched & (r->size - 1);
	uint32_t place = r->fetched % ESPNIC_RX_CACHE;
	uint32_t n = ESPNIC_RX_CACHE - (r->fetched - r->head);
	int err;

	if (r->fetched == r->tail) {
		err = espnic_dma_load32(rx->nic, ESPNIC_CTRL(q, rx_tail), &r->tail);
		if (err)
			return err;
		/* A tail that runs ahead, or goes back behind what was fetched. */
		if (r->tail - r->head > r->size || r->tail - r->head < r->fetched - r->head) {
			r->tail = r->fetched;
			espnic_queue_fail(rx->nic, q, ESPNIC_QUEUE_ERROR_RX_TAIL);
			return 0;
		}
	}
	if (n > r->tail - r->fetched)
		n = r->tail - r->fetched;
	if (n > r->size - slot)
		n = r->size - slot;
	if (n > ESPNIC_RX_CACHE - place)
		n = ESPNIC_RX_CACHE - place;
	if (!n)
		return 0;
	err = espnic_dma_read(rx->nic, r->addr + (uint64_t)slot * sizeof(r->cache[0]),
			      &r->cache[place], n * sizeof(r->cache[0]));
	if (err)
		return err;
	r->fetched += n;
	return (int)n;
}

static const struct espnic_rx_desc *buffer(const struct espnic_rxq *r, uint32_t i)
{
	return &r->cache[(r->head + i) % ESPNIC_RX_CACHE];
}

/*
 * Finds the buffers for @len bytes, and room for their completions. Positive: how many;
 * -ENOBUFS: not enough; -EINVAL: a buffer that is none; or the error of the bus.
 */
static int collect(struct espnic_rx_thread *rx, struct espnic_queue *q, uint32_t len)
{
	struct espnic_rxq *r = &q->rx;
	uint64_t got = 0;
	uint32_t n = 0;
	int err;

	while (got < len) {
		if (n == r->fetched - r->head) {
			err = fetch(rx, q);
			if (err <= 0)
				return err ? err : -ENOBUFS;
		}
		if (le32toh(buffer(r, n)->len) < ESPNIC_MIN_RX_BUF || buffer(r, n)->reserved)
			return -EINVAL;
		got += le32toh(buffer(r, n)->len);
		n++;
	}
	if (espnic_cpl_room(&r->cpl) < n) {
		err = espnic_dma_load32(rx->nic, ESPNIC_CTRL(q, rx_cpl_head), &r->cpl.head);
		if (err)
			return err;
		if (espnic_cpl_room(&r->cpl) < n)
			return -ENOBUFS;
	}
	return (int)n;
}

/*
 * Waits a moment for the driver to give buffers (or read completions), as the packet memory of a
 * NIC does: a burst that finds the ring empty is not lost at once. Not again before some came.
 */
static int hold(struct espnic_rx_thread *rx, struct espnic_queue *q, uint32_t len)
{
	uint64_t end = espnic_now_ns() + ESPNIC_RX_HOLD_MS * (uint64_t)NS_PER_MS;
	struct pollfd pfd = { .fd = rx->wake_fd, .events = POLLIN };
	int n = -ENOBUFS;

	if (q->rx.starved)
		return n;
	tell_all(rx);
	atomic_store(&rx->holding, true);
	while (!espnic_turn_wanted(&rx->turn) && !atomic_load(&rx->nic->stop) &&
	       espnic_queue_live(q)) {
		uint64_t now, next;
		eventfd_t value;

		n = espnic_dma_store32(rx->nic, ESPNIC_CTRL(q, rx_event), q->rx.tail);
		if (n)
			break;
		atomic_thread_fence(memory_order_seq_cst);
		n = collect(rx, q, len);
		now = espnic_now_ns();
		if (n != -ENOBUFS || now >= end)
			break;
		next = held_back(rx);
		poll(&pfd, 1, next - now < NS_PER_MS ? 0 : 1);
		if (pfd.revents)
			eventfd_read(rx->wake_fd, &value);
	}
	atomic_store(&rx->holding, false);
	q->rx.starved = n == -ENOBUFS;
	return n;
}

/* ---- delivery ---- */

static int put_completion(struct espnic_rx_thread *rx, struct espnic_queue *q, uint32_t index,
			  const struct espnic_rx_cpl *cpl)
{
	const struct espnic_cpl_ring *ring = &q->rx.cpl;
	uint64_t addr = ring->addr + (uint64_t)(index & (ring->size - 1)) * sizeof(*cpl);
	int err;

	err = espnic_dma_write(rx->nic, addr, cpl, offsetof(struct espnic_rx_cpl, flags));
	if (!err)
		err = espnic_dma_store32(rx->nic, addr + offsetof(struct espnic_rx_cpl, flags),
					 le32toh(cpl->flags) | espnic_cpl_phase(ring, index));
	return err;
}

static int write_completion(struct espnic_rx_thread *rx, struct espnic_queue *q, uint32_t index,
			    const struct espnic_rx_cpl *right)
{
	struct espnic_rx_cpl cpl[ESPNIC_FAULT_COPIES] = { *right };
	int at = 0, err = 0;
	unsigned int n = 1, i;

	if (rx->nic->cfg.faults)
		n = espnic_fault_rx_cpl(rx->nic->cfg.faults, q->index, atomic_load(&q->life), cpl,
					&at);
	for (i = 0; i < n && !err; i++)
		err = put_completion(rx, q, index + (uint32_t)at + i, &cpl[i]);
	return err;
}

/*
 * Writes the completions of a frame in @n buffers, the first one last: who sees it sees them all.
 * 0 or the error of the bus.
 */
static int complete(struct espnic_rx_thread *rx, struct espnic_queue *q,
		    const struct espnic_frame *f, const struct verdict *v, uint32_t n)
{
	struct espnic_rxq *r = &q->rx;
	struct espnic_rx_cpl cpl = {
		.seq = htole64(f->seq),
		.sa_handle = htole32(f->sa_handle),
		.hash = htole32(v->hash),
		.frame_len = htole16((uint16_t)f->len),
		.ipsec_status = (uint8_t)f->ipsec_status,
		.queue = (uint8_t)q->index,
		.buffers = (uint8_t)n,
	};
	uint16_t len[ESPNIC_MAX_RX_BUFS];
	uint32_t left = f->len, i;
	int err = 0;

	for (i = 0; i < n; i++) {
		uint32_t room = le32toh(buffer(r, i)->len);

		len[i] = (uint16_t)(room < left ? room : left);
		left -= len[i];
	}
	for (i = n; i-- && !err;) {
		cpl.len = htole16(len[i]);
		cpl.index = htole16((uint16_t)(r->head + i));
		cpl.flags = htole32(v->flags | (i ? 0 : ESPNIC_RX_CPL_SOP) |
				    (i == n - 1 ? ESPNIC_RX_CPL_EOP : 0));
		err = write_completion(rx, q, r->cpl.tail + i, &cpl);
	}
	return err;
}

/* Writes the frame to its buffers. 0 or the error of dma_write. */
static int scatter(struct espnic_rx_thread *rx, struct espnic_rxq *r, const struct espnic_frame *f,
		   uint32_t n)
{
	uint32_t done = 0, i;

	for (i = 0; i < n; i++) {
		uint32_t room = le32toh(buffer(r, i)->len);
		uint32_t part = f->len - done < room ? f->len - done : room;
		int err = espnic_dma_write(rx->nic, le64toh(buffer(r, i)->addr),
					   f->buf + f->off + done, part);

		if (err)
			return err;
		done += part;
	}
	return 0;
}

/* Counts a delivered frame; @n is 1, or -1 to take that back. */
static void tally(struct espnic_rx_thread *rx, struct espnic_queue *q, const struct espnic_frame *f,
		  const struct verdict *v, int n)
{
	uint64_t by = (uint64_t)(int64_t)n;

	espnic_count(&rx->counters, ESPNIC_COUNTER_RX_DELIVERED, by);
	if (v->flags & ESPNIC_RX_CPL_L4_GOOD)
		espnic_count(&rx->counters, ESPNIC_COUNTER_RX_CSUM_GOOD, by);
	if (v->flags & ESPNIC_RX_CPL_L4_BAD)
		espnic_count(&rx->counters, ESPNIC_COUNTER_RX_CSUM_BAD, by);
	espnic_queue_count(&q->counters, ESPNIC_QUEUE_COUNTER_RX_PACKETS, by);
	espnic_queue_count(&q->counters, ESPNIC_QUEUE_COUNTER_RX_BYTES, by * f->len);
}

/*
 * Puts the frame into queue pair @q, whole or not at all. 0; -ENOBUFS; -EINVAL: a buffer that is
 * none; or the error of the bus.
 */
static int deliver(struct espnic_rx_thread *rx, struct espnic_queue *q,
		   const struct espnic_frame *f, const struct verdict *v)
{
	struct espnic_rxq *r = &q->rx;
	int n, err;

	n = collect(rx, q, f->len);
	if (n == -ENOBUFS)
		n = hold(rx, q, f->len);
	if (n < 0)
		return n;
	r->starved = false;
	err = scatter(rx, r, f, (uint32_t)n);
	if (err)
		return err;
	/* Counted before the host can see it: a host that has seen it finds it counted. */
	tally(rx, q, f, v, 1);
	err = complete(rx, q, f, v, (uint32_t)n);
	if (err) {
		tally(rx, q, f, v, -1);
		return err;
	}
	r->head += (uint32_t)n;
	r->cpl.tail += (uint32_t)n;
	return 0;
}

/* Checksum, hash and flags of what the host gets. */
static struct verdict judge(struct espnic_rx_thread *rx, const struct espnic_frame *f)
{
	const uint8_t *p = f->buf + f->off;
	struct verdict v = { 0 };
	struct espnic_rss_hash h;
	struct espnic_ip ip;
	bool in_place;
	uint16_t type;
	uint32_t l3;

	if (f->flags & ESPNIC_FRAME_IPSEC)
		v.flags |= ESPNIC_RX_CPL_IPSEC;
	if (f->flags & ESPNIC_FRAME_DECAP)
		v.flags |= ESPNIC_RX_CPL_DECAP;
	l3 = espnic_ether_l3(p, f->len, &type);
	if (!l3 || !espnic_ether_is_ip(type) || !espnic_ip_parse(p + l3, f->len - l3, &ip))
		return v;

	/* ESP left in place: what is behind it is the host's to judge. */
	in_place = f->flags & ESPNIC_FRAME_IPSEC && !(f->flags & ESPNIC_FRAME_DECAP);
	if (!in_place) {
		enum espnic_csum_verdict csum = espnic_csum_verify(p + l3, &ip);

		if (csum == ESPNIC_CSUM_GOOD)
			v.flags |= ESPNIC_RX_CPL_L4_GOOD;
		else if (csum == ESPNIC_CSUM_BAD)
			v.flags |= ESPNIC_RX_CPL_L4_BAD;
	}
	h = espnic_rss_packet(&rx->nic->rss, p + l3, &ip, in_place);
	v.hash = h.value;
	v.flags |= (h.l3 ? ESPNIC_RX_CPL_HASH_L3 : 0) | (h.l4 ? ESPNIC_RX_CPL_HASH_L4 : 0);
	return v;
}

static void hand_over(struct espnic_rx_thread *rx, const struct espnic_frame *f)
{
	struct verdict v = judge(rx, f);
	unsigned int index = espnic_rss_queue(&rx->nic->rss, v.hash);
	struct espnic_queue *q = NULL;
	enum espnic_counter why;
	int err;

	if (index < rx->nic->cfg.queues)
		q = &rx->nic->queue[index];
	if (!q || !espnic_queue_live(q)) {
		count(rx, ESPNIC_COUNTER_RX_DROP_DISABLED);
		return;
	}
	err = deliver(rx, q, f, &v);
	if (!err)
		return;
	why = err == -ENOBUFS ? ESPNIC_COUNTER_RX_DROP_NO_BUFFER : ESPNIC_COUNTER_RX_DROP_DMA;
	count(rx, why);
	espnic_queue_count(&q->counters, ESPNIC_QUEUE_COUNTER_RX_DROPS, 1);
	espnic_trace(rx->nic, "rx_drop", "queue=%u counter=%d len=%u", index, (int)why, f->len);
	if (err != -ENOBUFS)
		dma_failed(rx, q, err);
}

/* ---- from the wire ---- */

/* Whether the port takes the frame; if not, it is counted. */
static bool filter(struct espnic_rx_thread *rx, const uint8_t *p, uint32_t len)
{
	const struct espnic_port *port = &rx->nic->port;
	uint32_t l3;
	uint16_t type;

	if (!port->enable) {
		count(rx, ESPNIC_COUNTER_RX_DROP_DISABLED);
		return false;
	}
	l3 = espnic_ether_l3(p, len, &type);
	if (!l3) {
		count(rx, ESPNIC_COUNTER_RX_DROP_RUNT);
		return false;
	}
	if (len - l3 > atomic_load_explicit(&rx->nic->mtu, memory_order_relaxed)) {
		count(rx, ESPNIC_COUNTER_RX_DROP_OVERSIZE);
		return false;
	}
	if (!(p[0] & ESPNIC_ETHER_GROUP) && !port->promisc &&
	    memcmp(p, port->mac, ESPNIC_ETH_ALEN) != 0) {
		count(rx, ESPNIC_COUNTER_RX_DROP_FILTER);
		return false;
	}
	return true;
}

static void receive(struct espnic_rx_thread *rx, const struct espnic_wire_frame *in,
		    unsigned int n_in)
{
	struct espnic_steer *steer = &rx->nic->steer;
	unsigned int n = 0, i;

	for (i = 0; i < n_in; i++) {
		struct espnic_frame *f = &rx->frames[n];

		count(rx, ESPNIC_COUNTER_RX_FRAMES);
		espnic_count(&rx->counters, ESPNIC_COUNTER_RX_BYTES, in[i].len);
		if (rx->nic->cfg.pcap)
			espnic_pcap_frame(rx->nic->cfg.pcap, ESPNIC_PCAP_WIRE, in[i].data,
					  in[i].len, ESPNIC_PCAP_IN, NULL);
		if (!filter(rx, in[i].data, in[i].len))
			continue;
		memset(f, 0, sizeof(*f));
		f->buf = frame_buf(rx, n);
		f->off = ESPNIC_FRAME_HEADROOM;
		f->len = in[i].len;
		memcpy(f->buf + f->off, in[i].data, in[i].len);
		n++;
	}
	if (!n)
		return;
	pthread_rwlock_rdlock(&steer->lock);
	espnic_steer_rx(&rx->steer, rx->frames, n);
	pthread_rwlock_unlock(&steer->lock);
	for (i = 0; i < n; i++)
		if (!(rx->frames[i].flags & ESPNIC_FRAME_DROP))
			hand_over(rx, &rx->frames[i]);
	tell_all(rx);
}

/* ---- the thread ---- */

/* A recording would be over before there is a driver: it waits for the port. */
static bool wire_waits(struct espnic_rx_thread *rx)
{
	return rx->from_file && !rx->nic->port.enable;
}

void espnic_rx_wake(struct espnic_rx_thread *rx)
{
	atomic_store(&rx->woken, true);
	eventfd_write(rx->wake_fd, 1);
}

/* Has the timer wake the thread at @due_ns of the monotonic clock; UINT64_MAX: never. */
static void set_timer(struct espnic_rx_thread *rx, uint64_t due_ns)
{
	struct itimerspec its = { 0 };

	if (due_ns == UINT64_MAX)
		due_ns = 0;
	if (due_ns == rx->timer_ns)
		return;
	rx->timer_ns = due_ns;
	its.it_value.tv_sec = (time_t)(due_ns / NS_PER_S);
	its.it_value.tv_nsec = (long)(due_ns % NS_PER_S);
	timerfd_settime(rx->timer_fd, TFD_TIMER_ABSTIME, &its, NULL);
}

static void drain_wakes(struct espnic_rx_thread *rx)
{
	eventfd_t value;

	/* Between the flag and the write a wake may be left over: it costs one round. */
	if (atomic_exchange(&rx->woken, false))
		eventfd_read(rx->wake_fd, &value);
	if (rx->timer_ns && espnic_now_ns() >= rx->timer_ns) {
		/* Expired: setting it again, or off, clears it. */
		if (read(rx->timer_fd, &value, sizeof(value)) == sizeof(value))
			rx->timer_ns = 0;
	}
}

void *espnic_rx_run(void *arg)
{
	struct espnic_rx_thread *rx = arg;
	struct espnic_wire *wire = rx->nic->cfg.wire;

	while (!atomic_load(&rx->nic->stop)) {
		struct espnic_wire_frame in[ESPNIC_RX_BURST];
		struct pollfd wakes = { .fd = rx->poll_fd, .events = POLLIN };
		uint64_t next;
		bool waits;
		int n;

		espnic_turn_begin(&rx->turn);
		waits = wire_waits(rx);
		n = waits ? 0 : wire->ops->recv(wire, in, ESPNIC_RX_BURST);
		if (n > 0)
			receive(rx, in, (unsigned int)n);
		next = held_back(rx);
		espnic_turn_end(&rx->turn);
		if (n > 0)
			continue;
		set_timer(rx, next);
		if (waits)
			poll(&wakes, 1, ESPNIC_LINK_POLL_MS);
		else
			wire->ops->wait_readable(wire, rx->poll_fd, ESPNIC_LINK_POLL_MS);
		drain_wakes(rx);
		espnic_nic_link(rx->nic);
	}
	return NULL;
}

static int watch(int epoll, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

int espnic_rx_init(struct espnic_rx_thread *rx, struct espnic_nic *nic)
{
	int err;

	rx->nic = nic;
	rx->from_file = !strcmp(nic->cfg.wire->ops->name, "pcap");
	espnic_turn_init(&rx->turn);
	rx->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rx->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	rx->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	rx->bufs = malloc((size_t)ESPNIC_RX_BURST * ESPNIC_FRAME_BUF);
	if (rx->wake_fd < 0 || rx->timer_fd < 0 || rx->poll_fd < 0)
		return -EMFILE;
	if (!rx->bufs)
		return -ENOMEM;
	err = watch(rx->poll_fd, rx->wake_fd);
	if (!err)
		err = watch(rx->poll_fd, rx->timer_fd);
	return err ? err : espnic_steer_thread_init(&rx->steer, &nic->steer, &rx->counters);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void espnic_rx_free(struct espnic_rx_thread *rx)
{
	if (!rx->nic)
		return;
	espnic_steer_thread_free(&rx->steer);
	free(rx->bufs);
	close_fd(rx->poll_fd);
	close_fd(rx->timer_fd);
	close_fd(rx->wake_fd);
	espnic_turn_destroy(&rx->turn);
}
