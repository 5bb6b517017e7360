// SPDX-License-Identifier: BSD-2-Clause
#include "fault.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MS_PER_S = 1000, NS_PER_MS = 1000000 };

/* A completion that waits for the next one of its queue, to change places with it. */
struct held {
	bool there;
	uint32_t life;
	union {
		struct espnic_tx_cpl tx;
		struct espnic_rx_cpl rx;
	};
};

struct espnic_faults {
	pthread_mutex_t lock; /* guards armed and held */
	struct {
		uint32_t left;
		uint64_t arg, struck;
	} armed[ESPNIC_FAULT_COUNT];
	struct held tx[ESPNIC_MAX_QUEUE_PAIRS], rx[ESPNIC_MAX_QUEUE_PAIRS];
	_Atomic uint32_t any; /* sum of all left: without one, no lock is taken */
	const struct espnic_bus_ops *bus;
	void *bus_ctx;
};

static const struct {
	const char *name, *doc;
} faults[ESPNIC_FAULT_COUNT] = {
#define FAULT(up, name, doc) { name, doc },
	ESPNIC_FAULT_LIST(FAULT)
#undef FAULT
};

struct espnic_faults *espnic_faults_new(void)
{
	struct espnic_faults *f = calloc(1, sizeof(*f));

	if (f && pthread_mutex_init(&f->lock, NULL)) {
		free(f);
		return NULL;
	}
	return f;
}

void espnic_faults_free(struct espnic_faults *f)
{
	if (!f)
		return;
	pthread_mutex_destroy(&f->lock);
	free(f);
}

int espnic_fault_arm(struct espnic_faults *f, const char *name, uint32_t count, uint64_t arg)
{
	unsigned int i;

	for (i = 0; i < ESPNIC_FAULT_COUNT && strcmp(name, faults[i].name) != 0; i++)
		;
	if (i == ESPNIC_FAULT_COUNT)
		return -ENOENT;
	pthread_mutex_lock(&f->lock);
	atomic_fetch_add(&f->any, count - f->armed[i].left);
	f->armed[i].left = count;
	f->armed[i].arg = arg;
	pthread_mutex_unlock(&f->lock);
	return 0;
}

void espnic_fault_show(struct espnic_faults *f, FILE *out)
{
	unsigned int i;

	pthread_mutex_lock(&f->lock);
	for (i = 0; i < ESPNIC_FAULT_COUNT; i++)
		fprintf(out, "%s\"%s\":{\"left\":%" PRIu32 ",\"struck\":%" PRIu64 ",\"doc\":\"%s\"}",
			i ? "," : "{", faults[i].name, f->armed[i].left, f->armed[i].struck,
			faults[i].doc);
	pthread_mutex_unlock(&f->lock);
	fprintf(out, "}\n");
}

/* Which arguments a place stands for: all of them, or that one (and 0, which stands for any), or those up to it. */
enum match { ALL, EQUAL, EQUAL_OR_ANY, AT_LEAST };

static bool matches(enum match match, uint64_t value, uint64_t arg)
{
	switch (match) {
	case EQUAL:
		return value == arg;
	case EQUAL_OR_ANY:
		return !arg || value == arg;
	case AT_LEAST:
		return value >= arg;
	default:
		return true;
	}
}

static bool strikes(struct espnic_faults *f, enum espnic_fault which, enum match match,
		    uint64_t value, uint64_t *arg)
{
	bool hit;

	if (!f || !atomic_load_explicit(&f->any, memory_order_relaxed))
		return false;
	pthread_mutex_lock(&f->lock);
	hit = f->armed[which].left && matches(match, value, f->armed[which].arg);
	if (hit) {
		f->armed[which].left--;
		f->armed[which].struck++;
		atomic_fetch_sub(&f->any, 1);
		if (arg)
			*arg = f->armed[which].arg;
	}
	pthread_mutex_unlock(&f->lock);
	return hit;
}

bool espnic_fault_strikes(struct espnic_faults *f, enum espnic_fault which, uint64_t *arg)
{
	return strikes(f, which, ALL, 0, arg);
}

void espnic_fault_delay(struct espnic_faults *f, enum espnic_fault which)
{
	struct timespec wait;
	uint64_t ms;

	if (!espnic_fault_strikes(f, which, &ms))
		return;
	if (ms > ESPNIC_FAULT_LATE_MAX_MS)
		ms = ESPNIC_FAULT_LATE_MAX_MS;
	wait.tv_sec = (time_t)(ms / MS_PER_S);
	wait.tv_nsec = (long)(ms % MS_PER_S) * NS_PER_MS;
	nanosleep(&wait, NULL);
}

/* ---- the bus ---- */

static int bus_read(void *bus, uint64_t iova, void *buf, size_t len)
{
	struct espnic_faults *f = bus;

	if (strikes(f, ESPNIC_FAULT_DMA_READ, AT_LEAST, len, NULL))
		return -EFAULT;
	return f->bus->dma_read(f->bus_ctx, iova, buf, len);
}

static int bus_write(void *bus, uint64_t iova, const void *buf, size_t len)
{
	struct espnic_faults *f = bus;

	if (strikes(f, ESPNIC_FAULT_DMA_WRITE, AT_LEAST, len, NULL))
		return -EFAULT;
	return f->bus->dma_write(f->bus_ctx, iova, buf, len);
}

static int bus_load32(void *bus, uint64_t iova, uint32_t *value)
{
	struct espnic_faults *f = bus;

	if (strikes(f, ESPNIC_FAULT_DMA_READ, AT_LEAST, sizeof(*value), NULL))
		return -EFAULT;
	return f->bus->dma_load32(f->bus_ctx, iova, value);
}

static int bus_store32(void *bus, uint64_t iova, uint32_t value)
{
	struct espnic_faults *f = bus;

	if (strikes(f, ESPNIC_FAULT_DMA_WRITE, AT_LEAST, sizeof(value), NULL))
		return -EFAULT;
	return f->bus->dma_store32(f->bus_ctx, iova, value);
}

static void bus_irq(void *bus, unsigned int vector)
{
	struct espnic_faults *f = bus;

	if (!strikes(f, ESPNIC_FAULT_LOST_IRQ, EQUAL, vector, NULL))
		f->bus->irq(f->bus_ctx, vector);
}

static void bus_gate(void *bus, bool open)
{
	struct espnic_faults *f = bus;

	f->bus->dma_gate(f->bus_ctx, open);
}

static const struct espnic_bus_ops fault_bus = {
	.dma_read = bus_read,
	.dma_write = bus_write,
	.dma_load32 = bus_load32,
	.dma_store32 = bus_store32,
	.irq = bus_irq,
	.dma_gate = bus_gate,
};

const struct espnic_bus_ops *espnic_fault_bus(struct espnic_faults *f,
					      const struct espnic_bus_ops *bus, void *ctx)
{
	f->bus = bus;
	f->bus_ctx = ctx;
	return &fault_bus;
}

/* ---- completions ---- */

/* Takes what is held of this queue's life to *@out; what is left of an earlier one is forgotten. */
static bool take_held(struct espnic_faults *f, struct held *h, uint32_t life, struct held *out)
{
	bool there;

	pthread_mutex_lock(&f->lock);
	*out = *h;
	there = h->there && h->life == life;
	h->there = false;
	pthread_mutex_unlock(&f->lock);
	return there;
}

static void hold(struct espnic_faults *f, struct held *h, const struct held *what)
{
	pthread_mutex_lock(&f->lock);
	*h = *what;
	pthread_mutex_unlock(&f->lock);
}

unsigned int espnic_fault_tx_cpl(struct espnic_faults *f, unsigned int queue, uint32_t life,
				 struct espnic_tx_cpl cpl[ESPNIC_FAULT_COPIES])
{
	struct held held;
	uint64_t arg;

	espnic_fault_delay(f, ESPNIC_FAULT_TX_LATE);
	if (espnic_fault_strikes(f, ESPNIC_FAULT_TX_HEAD, &arg))
		cpl[0].head = htole32(le32toh(cpl[0].head) + (uint32_t)arg);
	if (espnic_fault_strikes(f, ESPNIC_FAULT_TX_REASON, &arg)) {
		cpl[0].reason = htole32((uint32_t)arg);
		cpl[0].flags |= htole32(ESPNIC_TX_CPL_DROPPED);
	}
	if (take_held(f, &f->tx[queue], life, &held)) {
		cpl[1] = held.tx;
		return 2;
	}
	if (espnic_fault_strikes(f, ESPNIC_FAULT_TX_SWAP, NULL)) {
		held = (struct held){ .there = true, .life = life, .tx = cpl[0] };
		hold(f, &f->tx[queue], &held);
		return 0;
	}
	if (espnic_fault_strikes(f, ESPNIC_FAULT_TX_DOUBLE, NULL)) {
		cpl[1] = cpl[0];
		return 2;
	}
	return 1;
}

static void spoil_rx(struct espnic_faults *f, struct espnic_rx_cpl *cpl)
{
	uint64_t arg;

	if (espnic_fault_strikes(f, ESPNIC_FAULT_RX_LEN, &arg))
		cpl->len = htole16((uint16_t)arg);
	if (espnic_fault_strikes(f, ESPNIC_FAULT_RX_FRAME_LEN, &arg))
		cpl->frame_len = htole16((uint16_t)arg);
	if (espnic_fault_strikes(f, ESPNIC_FAULT_RX_INDEX, &arg))
		cpl->index = htole16((uint16_t)(le16toh(cpl->index) + arg));
	if (espnic_fault_strikes(f, ESPNIC_FAULT_RX_BUFFERS, &arg))
		cpl->buffers = (uint8_t)arg;
	if (espnic_fault_strikes(f, ESPNIC_FAULT_RX_QUEUE, &arg))
		cpl->queue = (uint8_t)arg;
	if (espnic_fault_strikes(f, ESPNIC_FAULT_RX_HANDLE, &arg)) {
		cpl->sa_handle = htole32((uint32_t)arg);
		cpl->flags |= htole32(ESPNIC_RX_CPL_IPSEC);
	}
	if (espnic_fault_strikes(f, ESPNIC_FAULT_RX_STATUS, &arg))
		cpl->ipsec_status = (uint8_t)arg;
}

unsigned int espnic_fault_rx_cpl(struct espnic_faults *f, unsigned int queue, uint32_t life,
				 struct espnic_rx_cpl cpl[ESPNIC_FAULT_COPIES], int *at)
{
	const uint32_t whole = htole32(ESPNIC_RX_CPL_SOP | ESPNIC_RX_CPL_EOP);
	struct held held;

	*at = 0;
	espnic_fault_delay(f, ESPNIC_FAULT_RX_LATE);
	spoil_rx(f, cpl);
	/* The completions of a frame are written last one first: only whole frames change places. */
	if ((cpl[0].flags & whole) == whole) {
		if (take_held(f, &f->rx[queue], life, &held)) {
			cpl[1] = held.rx;
			*at = -1;
			return 2;
		}
		if (espnic_fault_strikes(f, ESPNIC_FAULT_RX_SWAP, NULL)) {
			held = (struct held){ .there = true, .life = life, .rx = cpl[0] };
			hold(f, &f->rx[queue], &held);
			return 0;
		}
	}
	if (espnic_fault_strikes(f, ESPNIC_FAULT_RX_DOUBLE, NULL)) {
		cpl[1] = cpl[0];
		return 2;
	}
	return 1;
}

bool espnic_fault_cmd_cpl(struct espnic_faults *f, struct espnic_cmd_cpl *cpl)
{
	uint64_t arg;

	espnic_fault_delay(f, ESPNIC_FAULT_CMD_LATE);
	if (strikes(f, ESPNIC_FAULT_CMD_MUTE, EQUAL_OR_ANY, le16toh(cpl->opcode), NULL))
		return false;
	if (espnic_fault_strikes(f, ESPNIC_FAULT_CMD_ID, &arg))
		cpl->id = htole16((uint16_t)arg);
	if (espnic_fault_strikes(f, ESPNIC_FAULT_CMD_STATUS, &arg))
		cpl->status = htole16((uint16_t)arg);
	if (espnic_fault_strikes(f, ESPNIC_FAULT_CMD_RESP, &arg))
		cpl->resp_len = htole32((uint32_t)arg);
	return true;
}
