// SPDX-License-Identifier: BSD-2-Clause
/* Wire to host: SAs that are dormant, and peers behind a NAT that move. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nic/dormant.h"
#include "nic/ether.h"
#include "nic/peer.h"
#include "world.h"

enum { CAPACITY = 8, PORT = 4500 };

static const uint8_t here[16] = { 10, 0, 0, 1 }, there[16] = { 10, 0, 0, 2 };

/* ---- the table of dormant SAs ---- */

static struct espnic_sad_entry entry(uint32_t handle, uint32_t spi)
{
	struct espnic_sad_entry e = { .handle = handle, .spi = spi, .dir = ESPNIC_DIR_IN,
				      .ip_proto = ESPNIC_IPPROTO_ESP, .family = 4 };

	memcpy(e.daddr, here, 16);
	return e;
}

static const struct espnic_sad_entry *look(struct espnic_dormant *d, uint32_t spi)
{
	return espnic_dormant_lookup_in(d, spi, ESPNIC_IPPROTO_ESP, 4, here);
}

static void test_table(void **state)
{
	struct espnic_dormant *d = espnic_dormant_new(CAPACITY);
	struct espnic_sad_entry e;

	(void)state;
	assert_non_null(d);
	assert_null(look(d, 5));
	assert_null(espnic_dormant_any(d));
	/* Many of one place, as often as Linux adds one. */
	for (uint32_t i = 1; i <= CAPACITY; i++) {
		e = entry(i | 1 << 20, i < 6 ? 5 : 6);
		assert_int_equal(espnic_dormant_add(d, &e), 0);
	}
	assert_int_equal(espnic_dormant_count(d), CAPACITY);
	e = entry(1 | 2 << 20, 5);
	assert_int_equal(espnic_dormant_add(d, &e), -EEXIST);
	e = entry(CAPACITY + 1, 5);
	assert_int_equal(espnic_dormant_add(d, &e), -EINVAL);
	e = entry(1 << 20, 5);
	assert_int_equal(espnic_dormant_add(d, &e), -EINVAL);
	assert_null(espnic_dormant_by_handle(d, 1 | 2 << 20));
	assert_null(espnic_dormant_by_handle(d, 0));
	assert_int_equal(espnic_dormant_by_handle(d, 3 | 1 << 20)->handle, 3 | 1 << 20);
	espnic_dormant_remove(d, 3 | 2 << 20);	/* none */
	/* From the middle, the ends, alone. */
	for (uint32_t i = 0; i < 5; i++) {
		static const uint32_t order[] = { 3, 5, 1, 2, 4 };

		assert_non_null(look(d, 5));
		espnic_dormant_remove(d, order[i] | 1 << 20);
		assert_int_equal(espnic_dormant_count(d), CAPACITY - 1 - i);
	}
	assert_null(look(d, 5));
	assert_non_null(look(d, 6));
	assert_null(espnic_dormant_lookup_in(d, 6, ESPNIC_IPPROTO_AH, 4, here));
	assert_null(espnic_dormant_lookup_in(d, 6, ESPNIC_IPPROTO_ESP, 6, here));
	assert_null(espnic_dormant_lookup_in(d, 6, ESPNIC_IPPROTO_ESP, 4, there));
	while (espnic_dormant_any(d))
		espnic_dormant_remove(d, espnic_dormant_any(d)->handle);
	assert_int_equal(espnic_dormant_count(d), 0);
	/* One to the wire is in no lookup from it. */
	e = entry(2, 5);
	e.dir = ESPNIC_DIR_OUT;
	assert_int_equal(espnic_dormant_add(d, &e), 0);
	assert_null(look(d, 5));
	espnic_dormant_free(d);
}

/* ---- dormant SAs in the datapath ---- */

static void put_to_sleep(struct world *w, uint32_t handle)
{
	struct espnic_sad_entry *e = espnic_sad_by_handle(w->steer.sad, handle);
	struct espnic_sad_entry copy = *e;

	espnic_sad_remove(w->steer.sad, e);
	assert_int_equal(espnic_dormant_add(w->steer.dormant, &copy), 0);
}

/* Whatever the counter, the frame is dropped under it. */
static void expect_drop(struct world *w, struct frame *f, enum espnic_counter counter)
{
	uint64_t before = w->counters.v[counter], sum = counters_sum(w);

	espnic_steer_rx(&w->thread, &f->f, 1);
	assert_int_equal(f->f.flags, ESPNIC_FRAME_DROP);
	assert_int_equal(f->f.counter, counter);
	assert_int_equal(w->counters.v[counter], before + 1);
	assert_int_equal(counters_sum(w), sum + 1);
}

static void test_dormant_inbound(void **state)
{
	static const uint8_t nets[] = { NET_TRANSPORT, NET_TUNNEL, NET_TUNNEL6, NET_UDP, NET_UDP_PORT,
					NET_CRYPTO, NET_CRYPTO_UDP };
	static struct world w;
	static struct frame f;

	(void)state;
	world_init(&w, true, NULL);
	for (size_t i = 0; i < sizeof(nets); i++) {
		for (uint8_t v = 4; v <= 6; v += 2) {
			struct spec s = { .v = v, .net = nets[i], .proto = ESPNIC_IPPROTO_TCP,
					  .len = 100 };

			put_to_sleep(&w, handle_in(nets[i], v));
			frame_make(&f, &s, false);
			frame_protect(&w, &f, nets[i], v);
			expect_drop(&w, &f, ESPNIC_COUNTER_RX_DROP_DORMANT);
		}
	}
	/* Its SPI to a port that is not its own: a packet like any other. */
	frame_make(&f, &(struct spec){ .v = 4, .net = NET_UDP, .proto = ESPNIC_IPPROTO_UDP,
				       .sport = 4500, .dport = 54, .len = 64,
				       .word = spi_in(NET_UDP, 4) }, false);
	expect_drop(&w, &f, ESPNIC_COUNTER_RX_DROP_CLEAR);
	/* A first fragment, and those that follow it. */
	frame_make(&f, &(struct spec){ .v = 4, .net = NET_TRANSPORT, .proto = ESPNIC_IPPROTO_ESP,
				       .len = 64, .mf = true, .id = 9,
				       .word = spi_in(NET_TRANSPORT, 4) }, false);
	expect_drop(&w, &f, ESPNIC_COUNTER_RX_DROP_DORMANT);
	frame_make(&f, &(struct spec){ .v = 4, .net = NET_TRANSPORT, .proto = ESPNIC_IPPROTO_ESP,
				       .len = 64, .frag = 64, .id = 9 }, false);
	expect_drop(&w, &f, ESPNIC_COUNTER_RX_DROP_DORMANT);
	world_free(&w);
}

static void test_dormant_outbound(void **state)
{
	static struct world w;
	static struct frame f;

	(void)state;
	world_init(&w, true, NULL);
	put_to_sleep(&w, handle_out(NET_TRANSPORT, 4));
	frame_make(&f, &(struct spec){ .v = 4, .net = NET_TRANSPORT, .proto = ESPNIC_IPPROTO_TCP,
				       .len = 10 }, true);
	espnic_steer_tx(&w.thread, &f.f, 1);
	assert_int_equal(f.f.counter, ESPNIC_COUNTER_TX_DROP_NO_SA);
	put_to_sleep(&w, handle_out(NET_CRYPTO, 4));
	frame_make(&f, &(struct spec){ .v = 4, .net = NET_CRYPTO, .proto = ESPNIC_IPPROTO_TCP,
				       .len = 10 }, true);
	frame_host_esp(&f, NET_CRYPTO, 4, 1);
	espnic_steer_tx(&w.thread, &f.f, 1);
	assert_int_equal(f.f.counter, ESPNIC_COUNTER_TX_DROP_HANDLE);
	world_free(&w);
}

/* ---- the table of peers ---- */

static void test_peers(void **state)
{
	struct espnic_peers *p = espnic_peers_new(CAPACITY);
	struct espnic_sad_entry e = { .handle = 1 << 20 | 1, .udp_encap = true, .udp_sport = PORT };
	struct espnic_sad_entry open = { .handle = 2, .udp_encap = true, .udp_sport = PORT };
	uint8_t addr[16];
	uint16_t port;

	(void)state;
	memcpy(e.saddr, here, 16);
	assert_false(espnic_peer_get(p, e.handle, addr, &port));
	assert_false(espnic_peer_get(p, 0, addr, &port));
	assert_false(espnic_peer_get(p, 0xffffffff, addr, &port));
	assert_false(espnic_peer_moved(p, e.handle, false));
	/* From where it should be. */
	assert_false(espnic_peer_seen(p, &e, here, PORT, 1));
	assert_true(espnic_peer_get(p, e.handle, addr, &port));
	assert_memory_equal(addr, here, 16);
	assert_int_equal(port, PORT);
	/* A port, an address, and back; each once. */
	assert_true(espnic_peer_seen(p, &e, here, PORT + 1, 2));
	assert_false(espnic_peer_seen(p, &e, here, PORT + 1, 3));
	assert_true(espnic_peer_moved(p, e.handle, false));
	assert_true(espnic_peer_moved(p, e.handle, true));
	assert_false(espnic_peer_moved(p, e.handle, false));
	assert_true(espnic_peer_seen(p, &e, there, PORT + 1, 4));
	assert_true(espnic_peer_seen(p, &e, here, PORT, 5));
	/* Late ones and replays move nobody. */
	assert_false(espnic_peer_seen(p, &e, there, PORT, 5));
	assert_false(espnic_peer_seen(p, &e, there, PORT, 4));
	assert_false(espnic_peer_seen(p, &e, there, PORT, 0));
	assert_true(espnic_peer_get(p, e.handle, addr, &port));
	assert_memory_equal(addr, here, 16);
	/* Another generation is another SA, with its own first packet. */
	e.handle += 1 << 20;
	assert_false(espnic_peer_get(p, e.handle, addr, &port));
	assert_true(espnic_peer_seen(p, &e, there, PORT, 1));
	espnic_peer_forget(p, e.handle);
	assert_false(espnic_peer_get(p, e.handle, addr, &port));
	assert_false(espnic_peer_moved(p, e.handle, false));
	/* An SA without a source takes any address, not any port. */
	assert_false(espnic_peer_seen(p, &open, there, PORT, 7));
	assert_true(espnic_peer_seen(p, &open, there, PORT + 9, 8));
	open.handle = CAPACITY + 1;
	assert_false(espnic_peer_seen(p, &open, there, 1, 9));
	espnic_peers_free(p);
}

/* ---- peers in the datapath ---- */

/* A protected packet from UDP port @port of the peer. */
static void udp_from(struct world *w, struct frame *f, uint8_t net, uint8_t v, uint16_t port)
{
	struct spec s = { .v = v, .net = net, .proto = ESPNIC_IPPROTO_TCP, .len = 100 };
	uint32_t ip_len = v == 4 ? ESPNIC_IPV4_HLEN : ESPNIC_IPV6_HLEN;

	frame_make(f, &s, false);
	frame_protect(w, f, net, v);
	espnic_put16(f->buf + f->f.off + f->l3 + ip_len, port);
}

static void test_moved_peer(void **state)
{
	static const uint8_t nets[] = { NET_UDP, NET_CRYPTO_UDP };
	static struct frame f, old;
	static struct world w;

	(void)state;
	world_init(&w, true, NULL);
	for (size_t i = 0; i < 2 * sizeof(nets); i++) {
		uint8_t net = nets[i / 2], v = i & 1 ? 6 : 4;
		uint32_t events = w.sa_events, handle = handle_in(net, v);
		uint8_t addr[16];
		uint16_t port;

		udp_from(&w, &f, net, v, 4500);
		espnic_steer_rx(&w.thread, &f.f, 1);
		assert_int_equal(w.sa_events, events);
		/* What does not verify says nothing of anybody. */
		udp_from(&w, &f, net, v, 4501);
		f.buf[f.f.off + f.f.len - 1] ^= 1;
		espnic_steer_rx(&w.thread, &f.f, 1);
		assert_int_equal(w.sa_events, events);
		assert_true(espnic_peer_get(w.steer.peers, handle, addr, &port));
		assert_int_equal(port, 4500);

		udp_from(&w, &f, net, v, 4501);
		old = f;
		old.f.buf = old.buf;
		espnic_steer_rx(&w.thread, &f.f, 1);
		assert_int_equal(w.sa_events, events + 1);
		assert_int_equal(w.last_sa_event, handle);
		assert_true(espnic_peer_get(w.steer.peers, handle, addr, &port));
		assert_int_equal(port, 4501);
		udp_from(&w, &f, net, v, 4501);
		espnic_steer_rx(&w.thread, &f.f, 1);
		assert_int_equal(w.sa_events, events + 1);
		/* A copy from elsewhere: in crypto offload it verifies, and is still old. */
		espnic_put16(old.buf + old.f.off + old.l3 + (v == 4 ? 20 : 40), 666);
		espnic_steer_rx(&w.thread, &old.f, 1);
		assert_int_equal(!!(old.f.flags & ESPNIC_FRAME_DROP), net == NET_UDP);
		assert_int_equal(w.sa_events, events + 1);
		/* Back home is a move, too. */
		udp_from(&w, &f, net, v, 4500);
		espnic_steer_rx(&w.thread, &f.f, 1);
		assert_int_equal(w.sa_events, events + 2);
	}
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_dormant_inbound),
		cmocka_unit_test(test_dormant_outbound),
		cmocka_unit_test(test_peers),
		cmocka_unit_test(test_moved_peer),
	};

	return cmocka_run_group_tests_name("twins and peers", tests, NULL, NULL);
}
