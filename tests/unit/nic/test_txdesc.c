// SPDX-License-Identifier: BSD-2-Clause
/* TX descriptors: fetched once and in runs, put together to packets, judged. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "nic/txdesc.h"

enum {
	SOP = ESPNIC_TX_DESC_SOP,
	EOP = ESPNIC_TX_DESC_EOP,
	RING = 64,
	RING_ADDR = 0x10000,
	MTU = 1500
};

/* Host memory: a ring that counts how often each entry is read, and a page of data at 0. */
static struct espnic_tx_desc ring[RING];
static unsigned int reads[RING], calls;
static uint8_t data[4096];

static int mem_read(void *bus, uint64_t iova, void *buf, size_t len)
{
	(void)bus;
	if (iova < sizeof(data) && len <= sizeof(data) - iova) {
		memcpy(buf, data + iova, len);
		return 0;
	}
	if (iova < RING_ADDR || iova - RING_ADDR > sizeof(ring) ||
	    len > sizeof(ring) - (iova - RING_ADDR))
		return -EFAULT;
	calls++;
	for (size_t i = 0; i < len / sizeof(ring[0]); i++)
		reads[(iova - RING_ADDR) / sizeof(ring[0]) + i]++;
	memcpy(buf, (uint8_t *)ring + (iova - RING_ADDR), len);
	return 0;
}

static const struct espnic_bus_ops bus = { .dma_read = mem_read };
static struct espnic_tx_ring r;

static int setup(void **state)
{
	(void)state;
	memset(ring, 0, sizeof(ring));
	memset(reads, 0, sizeof(reads));
	memset(&r, 0, sizeof(r));
	calls = 0;
	r.addr = RING_ADDR;
	r.size = RING;
	return 0;
}

static void put(uint32_t index, uint16_t flags, uint32_t len)
{
	ring[index % RING] =
		(struct espnic_tx_desc){ .addr = index * 16 % 2048, .flags = flags, .len = len };
}

static void each_is_fetched_once(void **state)
{
	struct espnic_tx_packet p;
	uint32_t laps = 5 * RING, got = 0;

	(void)state;
	while (got < laps) {
		/* As many as fit, in packets of 3. */
		while (r.tail - r.head + 3 <= RING) {
			put(r.tail, SOP, 100);
			put(r.tail + 1, 0, 100);
			put(r.tail + 2, EOP, 100);
			r.tail += 3;
		}
		memset(reads, 0, sizeof(reads));
		assert_int_equal(espnic_tx_fetch(&r, &bus, NULL), 0);
		assert_int_equal(r.fetched, r.tail);
		/* What is fetched is believed, whatever the host writes now. */
		memset(ring, 0xff, sizeof(ring));
		while (espnic_tx_take(&r, &p)) {
			assert_int_equal(p.drop, 0);
			assert_int_equal(p.descs, 3);
			assert_int_equal(p.len, 300);
			got += 3;
		}
		for (unsigned int i = 0; i < RING; i++)
			assert_true(reads[i] <= 1);
	}
	assert_true(calls <= 3 * (laps / RING + 1));
}

static void a_fault_is_reported(void **state)
{
	(void)state;
	r.addr = 0x999000;
	r.tail = 1;
	assert_int_equal(espnic_tx_fetch(&r, &bus, NULL), -EFAULT);
	assert_int_equal(r.fetched, 0);
}

static void take_one(struct espnic_tx_packet *p)
{
	assert_int_equal(espnic_tx_fetch(&r, &bus, NULL), 0);
	assert_true(espnic_tx_take(&r, p));
}

static void chains(void **state)
{
	static const struct {
		unsigned int n;
		uint16_t flags[4];
		uint32_t len[4];
		uint32_t descs, drop;
	} cases[] = {
		{ 1, { SOP | EOP }, { 60 }, 1, 0 },
		{ 2, { SOP, EOP }, { 1, 59 }, 2, 0 },
		{ 1, { EOP }, { 60 }, 1, ESPNIC_COUNTER_TX_DROP_DESC },
		{ 1, { SOP }, { 60 }, 1, ESPNIC_COUNTER_TX_DROP_DESC },
		{ 2, { SOP, SOP | EOP }, { 60, 60 }, 1, ESPNIC_COUNTER_TX_DROP_DESC },
		{ 3, { SOP, 0, 0 }, { 60, 60, 60 }, 3, ESPNIC_COUNTER_TX_DROP_DESC },
		{ 2, { 0, EOP }, { 60, 60 }, 2, ESPNIC_COUNTER_TX_DROP_DESC },
		{ 2, { SOP, EOP }, { 60, 0 }, 2, ESPNIC_COUNTER_TX_DROP_DESC },
		{ 1, { SOP | EOP | 0x40 }, { 60 }, 1, ESPNIC_COUNTER_TX_DROP_DESC },
		{ 2, { SOP, EOP | 0x8000 }, { 60, 60 }, 2, ESPNIC_COUNTER_TX_DROP_DESC },
		{ 3,
		  { SOP, 0, EOP },
		  { UINT32_MAX, UINT32_MAX, 62 },
		  3,
		  ESPNIC_COUNTER_TX_DROP_LENGTH },
		{ 1, { SOP | EOP }, { ESPNIC_MAX_TSO_LEN + 1 }, 1, ESPNIC_COUNTER_TX_DROP_LENGTH },
		{ 1, { SOP | EOP }, { ESPNIC_MAX_TSO_LEN }, 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct espnic_tx_packet p;

		setup(NULL);
		for (unsigned int k = 0; k < cases[i].n; k++)
			put(r.tail++, cases[i].flags[k], cases[i].len[k]);
		take_one(&p);
		assert_int_equal(p.descs, cases[i].descs);
		assert_int_equal(p.drop, cases[i].drop ? 1 + cases[i].drop : 0);
		assert_int_equal(r.head, cases[i].descs);
	}
}

static void a_chain_too_long_is_cut(void **state)
{
	struct espnic_tx_packet p;

	(void)state;
	put(r.tail++, SOP, 10);
	while (r.tail < ESPNIC_MAX_TX_SEGS + 4)
		put(r.tail++, 0, 10);
	put(r.tail++, EOP, 10);
	put(r.tail++, SOP | EOP, 77);
	take_one(&p);
	assert_int_equal(p.descs, ESPNIC_MAX_TX_SEGS);
	assert_int_equal(p.drop, 1 + ESPNIC_COUNTER_TX_DROP_DESC);
	take_one(&p); /* the rest of it */
	assert_int_equal(p.descs, 5);
	assert_int_equal(p.drop, 1 + ESPNIC_COUNTER_TX_DROP_DESC);
	take_one(&p);
	assert_int_equal(p.drop, 0);
	assert_int_equal(p.len, 77);
	assert_false(espnic_tx_take(&r, &p));
}

static void requests(void **state)
{
	enum {
		CSUM = ESPNIC_TX_DESC_CSUM,
		TSO = ESPNIC_TX_DESC_TSO,
		IPSEC = ESPNIC_TX_DESC_IPSEC,
		PROTECT = ESPNIC_TX_DESC_PROTECT,
		C = 1 + ESPNIC_COUNTER_TX_DROP_CSUM,
		T = 1 + ESPNIC_COUNTER_TX_DROP_TSO,
		L = 1 + ESPNIC_COUNTER_TX_DROP_LENGTH,
		D = 1 + ESPNIC_COUNTER_TX_DROP_DESC,
	};
	static const struct {
		uint32_t flags, len, csum_start, csum_offset, mss, hdr_len, esp_offset, drop;
	} cases[] = {
		{ 0, 13, 0, 0, 0, 0, 0, L },
		{ 0, 14, 0, 0, 0, 0, 0, 0 },
		{ 0, MTU + 22, 0, 0, 0, 0, 0, 0 },
		{ 0, MTU + 23, 0, 0, 0, 0, 0, L },
		{ CSUM, 100, 13, 6, 0, 0, 0, C },
		{ CSUM, 100, 14, 6, 0, 0, 0, 0 },
		{ CSUM, 100, 34, 64, 0, 0, 0, 0 },
		{ CSUM, 100, 34, 65, 0, 0, 0, C },
		{ CSUM, 100, 98, 0, 0, 0, 0, 0 },
		{ CSUM, 100, 99, 0, 0, 0, 0, C },
		{ CSUM, 100, 65535, 65535, 0, 0, 0, C },
		{ CSUM | IPSEC, 100, 34, 6, 0, 0, 34, C },
		{ CSUM | IPSEC, 100, 41, 6, 0, 0, 34, C },
		{ CSUM | IPSEC, 100, 42, 6, 0, 0, 34, 0 },
		{ CSUM | IPSEC, 100, 42, 57, 0, 0, 34, C },
		{ CSUM | IPSEC, 100, 60, 6, 0, 0, 33, D },
		{ CSUM | IPSEC, 100, 60, 6, 0, 0, 93, D },
		{ TSO, 60000, 0, 0, 1448, 66, 0, 0 },
		{ TSO, 60000, 0, 0, 0, 66, 0, T },
		{ TSO, 60000, 0, 0, 1457, 66, 0, T },
		{ TSO, 60000, 0, 0, 65535, 65535, 0, T },
		{ TSO, 66, 0, 0, 1448, 66, 0, T },
		{ TSO, 200, 0, 0, 9000, 66, 0, 0 },
		{ TSO | IPSEC, 60000, 0, 0, 1448, 66, 34, 0 },
		{ TSO | IPSEC, 60000, 0, 0, 1448, 66, 58, 0 },
		{ TSO | IPSEC, 60000, 0, 0, 1448, 66, 59, T },
		{ TSO | IPSEC, 60000, 0, 0, 1448, 66, 33, T },
		{ TSO | IPSEC, 60000, 0, 0, 1448, 66, 65535, T },
		{ TSO | IPSEC, 60000, 0, 0, 0, 66, 34, T },
		{ PROTECT, 100, 0, 0, 0, 0, 0, 0 },
		{ PROTECT | CSUM, 100, 34, 6, 0, 0, 0, 0 },
		{ PROTECT | TSO, 60000, 0, 0, 1448, 66, 0, 0 },
		{ PROTECT | IPSEC, 100, 0, 0, 0, 0, 34, D },
		{ PROTECT | IPSEC | TSO, 60000, 0, 0, 1448, 66, 34, D },
		{ IPSEC, 100, 0, 0, 0, 0, 33, D },
		{ IPSEC, 100, 0, 0, 0, 0, 34, 0 },
		{ IPSEC, 100, 0, 0, 0, 0, 92, 0 },
		{ IPSEC, 100, 0, 0, 0, 0, 93, D },
		{ IPSEC, 100, 0, 0, 0, 0, 65535, D },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct espnic_tx_packet p = {
			.flags = cases[i].flags,
			.len = cases[i].len,
			.csum_start = cases[i].csum_start,
			.csum_offset = cases[i].csum_offset,
			.mss = cases[i].mss,
			.hdr_len = cases[i].hdr_len,
			.esp_offset = cases[i].esp_offset,
		};

		espnic_tx_check(&p, MTU);
		if (p.drop != cases[i].drop)
			fail_msg("case %zu: drop %u, not %u", i, p.drop, cases[i].drop);
	}
}

static void gathers_in_order(void **state)
{
	struct espnic_tx_packet p = { .descs = 3, .len = 600 };
	uint8_t buf[600];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 3 + (i >> 8));
	p.part[0].addr = 1000;
	p.part[0].len = 100;
	p.part[1].addr = 0;
	p.part[1].len = 1;
	p.part[2].addr = 2000;
	p.part[2].len = 499;
	assert_int_equal(espnic_tx_gather(&p, &bus, NULL, buf), 0);
	assert_memory_equal(buf, data + 1000, 100);
	assert_int_equal(buf[100], data[0]);
	assert_memory_equal(buf + 101, data + 2000, 499);
	p.part[1].addr = 4096;
	assert_int_equal(espnic_tx_gather(&p, &bus, NULL, buf), -EFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup(f, setup)
		T(each_is_fetched_once),
		T(a_fault_is_reported),
		T(chains),
		T(a_chain_too_long_is_cut),
		T(requests),
		T(gathers_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
