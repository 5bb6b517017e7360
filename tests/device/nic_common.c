// SPDX-License-Identifier: BSD-2-Clause
#include "nic_common.h"

#include <stdlib.h>

const uint8_t nic_mac[ESPNIC_ETH_ALEN] = { 0x02, 0xe5, 0xb0, 0, 0, 1 };
const uint8_t nic_peer[ESPNIC_ETH_ALEN] = { 0x02, 0xe5, 0xb0, 0, 0, 2 };

static int open_device(void **state, const char *const *args)
{
	struct nic *n = calloc(1, sizeof(*n));

	if (!n)
		return -1;
	n->proc = espnic_proc_start(args);
	if (n->proc)
		n->drv = espnic_drv_open(n->proc->socket);
	*state = n;
	if (n->drv)
		return 0;
	/* cmocka doesn't tear down what wasn't set up. */
	if (n->proc)
		espnic_proc_stop(n->proc);
	free(n);
	return -1;
}

int nic_open(void **state)
{
	static const char *const args[] = {
		"--wire", "loopback", "--queues", "4", "--workers", "2",
		"--mac",  "02:e5:b0:00:00:01", NULL,
	};

	return open_device(state, args);
}

static int start(void **state, unsigned int queues)
{
	struct nic *n;

	if (nic_open(state))
		return -1;
	n = *state;
	return espnic_drv_start(n->drv, NULL, 0, queues, NIC_LOG2, nic_mac);
}

int nic_open_started(void **state)
{
	return start(state, 1);
}

int nic_open_four(void **state)
{
	return start(state, 4);
}

int nic_close(void **state)
{
	struct nic *n = *state;
	int status;

	espnic_drv_close(n->drv);
	status = n->proc ? espnic_proc_stop(n->proc) : 0;
	free(n);
	if (status)
		fprintf(stderr, "the device ended with status %d\n", status);
	return status;
}

/* ---- frames ---- */

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t add_sum(uint32_t sum, const uint8_t *p, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

uint16_t nic_csum(const uint8_t *p, uint32_t len, uint32_t start)
{
	uint32_t sum = add_sum((start & 0xffff) + (start >> 16), p, len);

	return (uint16_t)~((sum & 0xffff) + (sum >> 16));
}

uint32_t nic_pseudo(const uint8_t *ip, uint8_t proto, uint32_t len)
{
	bool v6 = ip[0] >> 4 == 6;

	return add_sum(proto + (len & 0xffff) + (len >> 16), ip + (v6 ? 8 : 12), v6 ? 32 : 8);
}

static uint32_t put_ethernet(uint8_t *p, const struct nic_flow *f)
{
	static const uint16_t tag[] = { 0x8100, 0x88a8 };
	uint32_t off = 12;

	memcpy(p, nic_mac, 6);
	memcpy(p + 6, nic_peer, 6);
	for (unsigned int i = f->vlans; i--; off += 4) {
		put16(p + off, tag[i]);
		put16(p + off + 2, 100 + i);
	}
	put16(p + off, f->v6 ? 0x86dd : 0x0800);
	return off + 2;
}

static void put_ip(uint8_t *p, const struct nic_flow *f, uint32_t l4_len)
{
	static const uint8_t net6[] = { 0x20, 0x01, 0x0d, 0xb8 };
	uint8_t proto = f->tcp ? 6 : 17;

	if (f->v6) {
		memset(p, 0, 40);
		p[0] = 0x60;
		put16(p + 4, l4_len);
		p[6] = proto;
		p[7] = 64;
		memcpy(p + 8, net6, 4);
		memcpy(p + 24, net6, 4);
		p[23] = 2;
		p[39] = 1;
		return;
	}
	memset(p, 0, 20);
	p[0] = 0x45;
	put16(p + 2, 20 + l4_len);
	put16(p + 4, 0x1234);
	p[6] = 0x40;
	p[8] = 64;
	p[9] = proto;
	memcpy(p + 12, (const uint8_t[]){ 192, 0, 2, 2, 192, 0, 2, 1 }, 8);
	put16(p + 10, nic_csum(p, 20, 0));
}

struct nic_layout nic_build(uint8_t *buf, const struct nic_flow *f)
{
	uint32_t l4_hlen = f->tcp ? 20 : 8, l4_len = l4_hlen + f->payload;
	struct nic_layout at;
	uint8_t *l4;

	at.l3 = put_ethernet(buf, f);
	at.l4 = at.l3 + (f->v6 ? 40 : 20);
	at.payload = at.l4 + l4_hlen;
	at.len = at.payload + f->payload;
	put_ip(buf + at.l3, f, l4_len);
	l4 = buf + at.l4;
	memset(l4, 0, l4_hlen);
	put16(l4, f->sport);
	put16(l4 + 2, f->dport);
	if (f->tcp) {
		put16(l4 + 4, 0x0102);
		put16(l4 + 6, 0x0304);
		l4[12] = 0x50;
		l4[13] = f->tcp_flags;
		put16(l4 + 14, 0xffff);
	} else {
		put16(l4 + 4, l4_len);
	}
	for (uint32_t i = 0; i < f->payload; i++)
		buf[at.payload + i] = (uint8_t)(i * 7 + (i >> 8) + f->seed);
	put16(l4 + (f->tcp ? 16 : 6),
	      nic_csum(l4, l4_len, nic_pseudo(buf + at.l3, f->tcp ? 6 : 17, l4_len)));
	return at;
}

bool nic_frame_ok(const uint8_t *frame, uint32_t len)
{
	uint32_t off = 12, l4_len;
	const uint8_t *ip;
	uint8_t proto;

	while (get16(frame + off) == 0x8100 || get16(frame + off) == 0x88a8)
		off += 4;
	ip = frame + off + 2;
	len -= off + 2;
	if (get16(frame + off) == 0x86dd) {
		proto = ip[6];
		l4_len = get16(ip + 4);
		if (l4_len + 40 != len)
			return false;
		return !nic_csum(ip + 40, l4_len, nic_pseudo(ip, proto, l4_len));
	}
	proto = ip[9];
	l4_len = get16(ip + 2) - 20;
	if (get16(ip + 2) != len || nic_csum(ip, 20, 0))
		return false;
	return !nic_csum(ip + 20, l4_len, nic_pseudo(ip, proto, l4_len));
}

/* ---- exchanges ---- */

void nic_echo(struct nic *n, unsigned int rx, const uint8_t *frame, uint32_t len, unsigned int segs,
	      const struct espnic_tx_desc *tmpl, struct espnic_rx_cpl *first)
{
	static uint8_t got[ESPNIC_MAX_FRAME + 64];
	struct espnic_rx_cpl cpl;
	int ret;

	assert_int_equal(espnic_drv_tx_frame(n->drv, 0, frame, len, segs, tmpl), 0);
	assert_int_equal(espnic_drv_tx_flush(n->drv, 0, NIC_WAIT_MS), 0);
	ret = espnic_drv_rx_frame(n->drv, rx, got, sizeof(got), first ? first : &cpl, NIC_WAIT_MS);
	assert_int_equal(ret, len);
	assert_memory_equal(got, frame, len);
}

void nic_refill(struct nic *n, unsigned int queue, uint32_t len)
{
	espnic_drv_rx_fill(n->drv, queue, n->drv->q[queue].entries_rx, len);
}

void nic_expect_silence(struct nic *n, unsigned int q)
{
	struct espnic_rx_cpl cpl;

	assert_true(espnic_drv_rx_cpl(n->drv, q, &cpl, NIC_NOTHING_MS) < 0);
}
