// SPDX-License-Identifier: BSD-2-Clause
#include "nic/txdesc.h"

#include <endian.h>
#include <string.h>

#include "engine/ip.h"
#include "nic/ether.h"

enum {
	TX_DESC_FLAGS = ESPNIC_TX_DESC_SOP | ESPNIC_TX_DESC_EOP | ESPNIC_TX_DESC_CSUM |
			ESPNIC_TX_DESC_TSO | ESPNIC_TX_DESC_IPSEC | ESPNIC_TX_DESC_PROTECT
};

static uint32_t min32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

int espnic_tx_fetch(struct espnic_tx_ring *r, const struct espnic_bus_ops *bus, void *ctx)
{
	while (r->fetched != r->tail) {
		uint32_t slot = r->fetched & (r->size - 1);
		uint32_t place = r->fetched % ESPNIC_TX_CACHE;
		uint32_t n = min32(r->tail - r->fetched, ESPNIC_TX_CACHE - (r->fetched - r->head));
		int err;

		/* One read ends where the ring or the cache begins again. */
		n = min32(n, r->size - slot);
		n = min32(n, ESPNIC_TX_CACHE - place);
		if (!n)
			break;
		err = bus->dma_read(ctx, r->addr + (uint64_t)slot * sizeof(r->cache[0]),
				    &r->cache[place], n * sizeof(r->cache[0]));
		if (err)
			return err;
		r->fetched += n;
	}
	return 0;
}

static void first_desc(struct espnic_tx_packet *p, const struct espnic_tx_desc *d)
{
	p->flags = le16toh(d->flags);
	p->csum_start = le16toh(d->csum_start);
	p->csum_offset = le16toh(d->csum_offset);
	p->mss = le16toh(d->mss);
	p->hdr_len = le16toh(d->hdr_len);
	p->esp_offset = le16toh(d->esp_offset);
	p->sa_handle = le32toh(d->sa_handle);
	p->seq_hi = le32toh(d->seq_hi);
}

bool espnic_tx_take(struct espnic_tx_ring *r, struct espnic_tx_packet *p)
{
	uint32_t avail = r->fetched - r->head;
	bool bad = false, eop = false;
	uint64_t len = 0;
	uint32_t n = 0;

	if (!avail)
		return false;
	while (n < avail && n < ESPNIC_MAX_TX_SEGS && !eop) {
		const struct espnic_tx_desc *d = &r->cache[(r->head + n) % ESPNIC_TX_CACHE];
		uint32_t flags = le16toh(d->flags);

		if (n && flags & ESPNIC_TX_DESC_SOP) {
			bad = true;
			break;
		}
		if (!n) {
			first_desc(p, d);
			bad |= !(flags & ESPNIC_TX_DESC_SOP);
		}
		p->part[n].addr = le64toh(d->addr);
		p->part[n].len = le32toh(d->len);
		bad |= flags & ~(uint32_t)TX_DESC_FLAGS || !p->part[n].len;
		len += p->part[n].len;
		eop = flags & ESPNIC_TX_DESC_EOP;
		n++;
	}
	r->head += n;
	p->descs = n;
	p->len = 0;
	p->drop = 0;
	if (bad || !eop)
		p->drop = 1 + ESPNIC_COUNTER_TX_DROP_DESC;
	else if (len > ESPNIC_MAX_TSO_LEN)
		p->drop = 1 + ESPNIC_COUNTER_TX_DROP_LENGTH;
	else
		p->len = (uint32_t)len;
	return true;
}

/* Whether an ESP header may stand where the descriptor says, before @end. */
static bool esp_fits(const struct espnic_tx_packet *p, uint32_t end)
{
	return p->esp_offset >= ESPNIC_ETHER_HLEN + ESPNIC_IPV4_HLEN &&
	       p->esp_offset + ESPNIC_ESP_HLEN <= end;
}

void espnic_tx_check(struct espnic_tx_packet *p, uint32_t mtu)
{
	uint32_t frame_max = mtu + ESPNIC_ETHER_HLEN + ESPNIC_VLAN_TAGS_MAX * ESPNIC_VLAN_HLEN;

	if (p->drop)
		return;
	if (p->len < ESPNIC_MIN_FRAME) {
		p->drop = 1 + ESPNIC_COUNTER_TX_DROP_LENGTH;
		return;
	}
	if (p->flags & ESPNIC_TX_DESC_IPSEC && p->flags & ESPNIC_TX_DESC_PROTECT) {
		p->drop = 1 + ESPNIC_COUNTER_TX_DROP_DESC;
		return;
	}
	if (p->flags & ESPNIC_TX_DESC_TSO) {
		if (!p->mss || p->hdr_len >= p->len ||
		    p->hdr_len + min32(p->mss, p->len - p->hdr_len) > frame_max ||
		    (p->flags & ESPNIC_TX_DESC_IPSEC && !esp_fits(p, p->hdr_len)))
			p->drop = 1 + ESPNIC_COUNTER_TX_DROP_TSO;
		return;
	}
	if (p->len > frame_max) {
		p->drop = 1 + ESPNIC_COUNTER_TX_DROP_LENGTH;
		return;
	}
	if (p->flags & ESPNIC_TX_DESC_IPSEC && !esp_fits(p, p->len))
		p->drop = 1 + ESPNIC_COUNTER_TX_DROP_DESC;
	else if (p->flags & ESPNIC_TX_DESC_CSUM &&
		 (p->csum_start < ESPNIC_ETHER_HLEN ||
		  p->csum_start + p->csum_offset + 2 > p->len ||
		  (p->flags & ESPNIC_TX_DESC_IPSEC &&
		   p->csum_start < p->esp_offset + ESPNIC_ESP_HLEN)))
		p->drop = 1 + ESPNIC_COUNTER_TX_DROP_CSUM;
}

int espnic_tx_gather(const struct espnic_tx_packet *p, const struct espnic_bus_ops *bus, void *ctx,
		     uint8_t *buf)
{
	uint32_t i, off = 0;

	for (i = 0; i < p->descs; i++) {
		int err = bus->dma_read(ctx, p->part[i].addr, buf + off, p->part[i].len);

		if (err)
			return err;
		off += p->part[i].len;
	}
	return 0;
}
