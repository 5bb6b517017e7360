// SPDX-License-Identifier: BSD-2-Clause
/*
 * Crypto offload of host-made ESP: segmentation, checksums and UDP encapsulation. The other end is an SA
 * of packet offload, which takes nothing that is not whole, fresh ESP.
 */
#include "nic_sa.h"

enum {
	ESP_HEAD = 16, /* bytes: SPI, sequence number, IV */
	UDP_HLEN = 8,
	ICV_LEN = 16,
	CRYPTO = ESPNIC_CMD_SA_OFFLOAD_CRYPTO,
	PACKET = ESPNIC_CMD_SA_OFFLOAD_PACKET,
};

static const uint8_t transport = ESPNIC_CMD_SA_MODE_TRANSPORT, tunnel = ESPNIC_CMD_SA_MODE_TUNNEL;

/* What is to be built: ESP around a packet of the usual two addresses. */
struct wrap {
	bool v6, tunnel, udp, tcp, trailer;
	unsigned int vlans;
	uint32_t payload;
	uint64_t seq;
};

/* Where things are in the frame. */
struct place {
	uint32_t l3, esp, inner, l4, payload, len;
};

static struct espnic_drv *drv(void **state)
{
	return ((struct nic *)*state)->drv;
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

/* The outer IP header at @ip says @proto and @len bytes. */
static void fix_ip(uint8_t *ip, bool v6, uint8_t proto, uint32_t len)
{
	if (v6) {
		put16(ip + 4, len - 40);
		ip[6] = proto;
		return;
	}
	put16(ip + 2, len);
	ip[9] = proto;
	put16(ip + 10, 0);
	put16(ip + 10, nic_csum(ip, 20, 0));
}

static struct place build(uint8_t *buf, const struct wrap *w)
{
	static uint8_t clear[ESPNIC_MAX_TSO_LEN];
	struct nic_flow f = { .vlans = w->vlans,
			      .v6 = w->v6,
			      .tcp = w->tcp,
			      .sport = 9,
			      .dport = 10,
			      .payload = w->payload,
			      .tcp_flags = 0x18,
			      .seed = 3 };
	struct nic_layout at = nic_build(clear, &f);
	uint32_t ip_len = at.l4 - at.l3, from = w->tunnel ? at.l3 : at.l4;
	struct place p = { .l3 = at.l3 };
	uint32_t pad, end;

	p.esp = at.l4 + (w->udp ? UDP_HLEN : 0);
	p.inner = p.esp + ESP_HEAD;
	p.l4 = p.inner + at.l4 - from;
	p.payload = p.inner + at.payload - from;
	p.len = p.inner + at.len - from;
	memcpy(buf, clear, at.l4);
	memset(buf + at.l4, 0, p.inner - at.l4);
	memcpy(buf + p.inner, clear + from, at.len - from);
	if (w->udp) {
		put16(buf + at.l4, 4500);
		put16(buf + at.l4 + 2, 4500);
	}
	put32(buf + p.esp, NIC_SPI);
	put32(buf + p.esp + 4, (uint32_t)w->seq);
	put32(buf + p.esp + 8, (uint32_t)(w->seq >> 32));
	put32(buf + p.esp + 12, (uint32_t)w->seq);
	end = p.len;
	if (w->trailer) {
		pad = -(end - p.inner + 2) % 4;
		for (uint32_t i = 1; i <= pad; i++)
			buf[end++] = (uint8_t)i;
		buf[end++] = (uint8_t)pad;
		buf[end++] = w->tunnel ? (w->v6 ? 41 : 4) : (w->tcp ? 6 : 17);
		memset(buf + end, 0, ICV_LEN);
		end += ICV_LEN;
	} else {
		/* As Linux leaves it: what it does not know is anything. */
		memset(buf + p.esp + 8, 0xa5, 8);
	}
	if (w->udp)
		put16(buf + at.l4 + 4, end - at.l4);
	fix_ip(buf + p.l3, w->v6, w->udp ? 17 : 50, w->trailer ? end - p.l3 : ip_len);
	p.len = end;
	return p;
}

/* The crypto SA to the wire and the packet SA from it. */
static void set_up(struct espnic_drv *d, const struct wrap *w, bool esn)
{
	uint8_t mode = w->tunnel ? tunnel : transport;
	struct espnic_cmd_policy_add pol = nic_policy(
		2, ESPNIC_CMD_POLICY_DIR_IN, ESPNIC_CMD_POLICY_ACTION_PROTECT, mode, w->v6);
	struct espnic_cmd_sa_add out = nic_sa(ESPNIC_CMD_SA_DIR_OUT, CRYPTO, mode, w->v6);
	struct espnic_cmd_sa_add in = nic_sa(ESPNIC_CMD_SA_DIR_IN, PACKET, mode, w->v6);

	out.flags = (esn ? ESPNIC_CMD_SA_ADD_ESN : 0) | (w->udp ? ESPNIC_CMD_SA_ADD_UDP_ENCAP : 0);
	memset(out.dst_mac, 0, 12);
	in.flags |= out.flags;
	if (w->udp)
		out.encap_sport = out.encap_dport = in.encap_sport = in.encap_dport = 4500;
	in.seq = w->seq - 1;
	out.seq = w->seq - 1;
	nic_start(d, &pol, 1);
	assert_int_equal(nic_sa_add(d, &out), 0);
	assert_int_equal(nic_sa_add(d, &in), 0);
}

static struct espnic_tx_desc desc(const struct wrap *w, const struct place *p, uint16_t flags)
{
	return (struct espnic_tx_desc){
		.flags = (uint16_t)(ESPNIC_TX_DESC_IPSEC | flags),
		.sa_handle = NIC_HANDLE_OUT,
		.seq_hi = (uint32_t)(w->seq >> 32),
		.esp_offset = (uint16_t)p->esp,
	};
}

/* Sends @buf as TSO with @mss and expects all of its payload back, in whole frames. */
static void segments(struct nic *n, const struct wrap *w, uint8_t *buf, const struct place *p,
		     uint16_t mss)
{
	static uint8_t got[ESPNIC_MAX_FRAME];
	struct espnic_tx_desc t = desc(w, p, ESPNIC_TX_DESC_TSO);
	uint32_t done = 0, ip_len = w->v6 ? 40 : 20, hdr = p->l3 + ip_len + 20;
	uint64_t seq = w->seq;

	t.mss = mss;
	t.hdr_len = (uint16_t)p->payload;
	assert_int_equal(espnic_drv_tx_frame(n->drv, 0, buf, p->len, 7, &t), 0);
	while (done < w->payload) {
		uint32_t part = w->payload - done < mss ? w->payload - done : mss;
		struct espnic_rx_cpl cpl;
		int len = espnic_drv_rx_frame(n->drv, 0, got, sizeof(got), &cpl, NIC_WAIT_MS);

		assert_int_equal(len, hdr + part);
		assert_true(cpl.flags & ESPNIC_RX_CPL_DECAP);
		assert_true(cpl.flags & ESPNIC_RX_CPL_L4_GOOD);
		assert_int_equal(cpl.seq, seq++);
		assert_true(nic_frame_ok(got, (uint32_t)len));
		assert_memory_equal(got + hdr, buf + p->payload + done, part);
		/* PSH with the last one alone. */
		assert_int_equal(got[hdr - 20 + 13], done + part == w->payload ? 0x18 : 0x10);
		done += part;
		nic_refill(n, 0, 2048);
	}
	assert_int_equal(espnic_drv_tx_flush(n->drv, 0, NIC_WAIT_MS), 0);
	assert_int_equal(espnic_drv_counter(n->drv, ESPNIC_COUNTER_TX_CRYPTO), seq - w->seq);
}

/* All shapes; the lower half of the number wraps in the middle of a packet. */
static void host_esp_is_segmented(void **state)
{
	static uint8_t buf[ESPNIC_MAX_TSO_LEN];
	struct espnic_drv *d = drv(state);

	for (unsigned int i = 0; i < 32; i++) {
		struct wrap w = { .v6 = i & 1,
				  .tunnel = i & 2,
				  .udp = (i & 4) && !(i & 1),
				  .tcp = true,
				  .vlans = i % 3,
				  .payload = 20000 + i * 1111,
				  .seq = i & 8 ? 0x3fffffff8ull : 1 + i };
		struct place p = build(buf, &w);

		set_up(d, &w, i & 8);
		segments(*state, &w, buf, &p, (uint16_t)(i & 16 ? 1400 - i : 500 + i));
		assert_int_equal(espnic_drv_reset(d), 0);
	}
}

/* One byte more than a segment, one segment, less than one; segments of one byte. */
static void odd_sizes(void **state)
{
	static const struct {
		uint32_t payload;
		uint16_t mss;
	} cases[] = { { 1, 1 },  { 1, 1000 }, { 1000, 1000 }, { 1001, 1000 }, { 999, 1000 },
		      { 40, 1 }, { 41, 2 },   { 42, 3 },      { 43, 4 },      { 44, 5 } };
	static uint8_t buf[ESPNIC_MAX_TSO_LEN];
	struct espnic_drv *d = drv(state);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wrap w = {
			.tunnel = i & 1, .tcp = true, .payload = cases[i].payload, .seq = 1
		};
		struct place p = build(buf, &w);

		set_up(d, &w, false);
		segments(*state, &w, buf, &p, cases[i].mss);
		assert_int_equal(espnic_drv_reset(d), 0);
	}
}

/* The sum inside of ESP; of TCP and UDP, any length. */
static void checksum_inside(void **state)
{
	static uint8_t buf[ESPNIC_MAX_TSO_LEN], got[ESPNIC_MAX_FRAME];
	struct espnic_drv *d = drv(state);

	for (unsigned int i = 0; i < 16; i++) {
		struct wrap w = { .v6 = i & 1,
				  .tunnel = i & 2,
				  .tcp = i & 4,
				  .udp = (i & 8) && !(i & 1),
				  .trailer = true,
				  .seq = 1 };

		set_up(d, &w, false);
		for (w.payload = 0; w.payload < 300; w.payload += 1 + w.payload / 9) {
			struct place p = build(buf, &w);
			struct espnic_tx_desc t = desc(&w, &p, ESPNIC_TX_DESC_CSUM);
			uint8_t *ip = buf + (w.tunnel ? p.inner : p.l3);
			uint32_t l4_len = (w.tcp ? 20u : 8u) + w.payload;
			uint8_t *sum = buf + p.l4 + (w.tcp ? 16 : 6);
			struct espnic_rx_cpl cpl;
			uint32_t pseudo = nic_pseudo(ip, w.tcp ? 6 : 17, l4_len);
			int len;

			put16(sum, (pseudo & 0xffff) + (pseudo >> 16));
			t.csum_start = (uint16_t)p.l4;
			t.csum_offset = w.tcp ? 16 : 6;
			/* Behind the packet there may be more, that is not looked at. */
			memset(buf + p.len, 0x99, 7);
			assert_int_equal(
				espnic_drv_tx_frame(d, 0, buf, p.len + w.payload % 7, 3, &t), 0);
			assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS), 0);
			len = espnic_drv_rx_frame(d, 0, got, sizeof(got), &cpl, NIC_WAIT_MS);
			assert_true(len > 0 && cpl.flags & ESPNIC_RX_CPL_DECAP);
			assert_true(cpl.flags & ESPNIC_RX_CPL_L4_GOOD);
			assert_int_equal(cpl.seq, w.seq++);
			nic_refill(*state, 0, 2048);
		}
		assert_int_equal(espnic_drv_reset(d), 0);
	}
}

/* Each way to ask for what cannot be: one change to a good descriptor or frame, one counter. */
struct refusal {
	const char *name;
	void (*spoil)(struct espnic_tx_desc *t, uint8_t *buf, const struct place *p);
	uint32_t counter;
};

#define SPOIL(n, code)                                                               \
	static void n(struct espnic_tx_desc *t, uint8_t *buf, const struct place *p) \
	{                                                                            \
		(void)t;                                                             \
		(void)buf;                                                           \
		(void)p;                                                             \
		code;                                                                \
	}
SPOIL(no_handle, t->sa_handle = 0)
SPOIL(inbound_handle, t->sa_handle = NIC_HANDLE_IN)
SPOIL(old_handle, t->sa_handle = NIC_HANDLE_OUT + (1u << 20))
SPOIL(upper_half, t->seq_hi = 1)
SPOIL(esp_early, t->esp_offset -= 4)
SPOIL(esp_late, t->esp_offset += 4)
SPOIL(esp_in_ethernet, t->esp_offset = 33)
SPOIL(esp_at_end, t->esp_offset = (uint16_t)(p->payload - 4))
SPOIL(hdr_short, t->hdr_len -= 4)
SPOIL(hdr_long, t->hdr_len += 4)
SPOIL(hdr_all, t->hdr_len = (uint16_t)p->len)
SPOIL(hdr_before_tcp, t->hdr_len = (uint16_t)p->l4)
SPOIL(no_mss, t->mss = 0)
SPOIL(mss_over_mtu, t->mss = 9600)
SPOIL(not_esp, buf[p->l3 + 9] = 6)
SPOIL(in_udp, buf[p->l3 + 9] = 17)
SPOIL(a_fragment, buf[p->l3 + 6] = 0x20)
SPOIL(options_cut, buf[p->l3] = 0x44)
SPOIL(other_version, buf[p->l3] = 0x65)
SPOIL(other_spi, buf[p->esp] ^= 1)
SPOIL(inner_udp, buf[p->inner + 9] = 17)
SPOIL(inner_fragment, buf[p->inner + 7] = 1)
SPOIL(inner_v6, buf[p->inner] = 0x60)
SPOIL(inner_v9, buf[p->inner] = 0x95)
SPOIL(inner_long, buf[p->inner] = 0x4f)
SPOIL(tcp_offset, buf[p->l4 + 12] = 0xf0)
SPOIL(tcp_offset_small, buf[p->l4 + 12] = 0x40)
SPOIL(last_numbers, put32(buf + p->esp + 4, 0xfffffff0))
SPOIL(csum_in_esp, t->csum_start = t->esp_offset + 4)
SPOIL(csum_in_iv, t->csum_start = t->esp_offset + 15)
SPOIL(csum_in_pad, t->csum_offset = (uint16_t)(p->len - ICV_LEN - 2 - t->csum_start - 1))
SPOIL(csum_in_icv, t->csum_offset = (uint16_t)(p->len - 2 - t->csum_start))
SPOIL(csum_behind, t->csum_offset = (uint16_t)(p->len - t->csum_start))
SPOIL(pad_lies, buf[p->len - ICV_LEN - 2] = 255)
SPOIL(ip_too_short, fix_ip(buf + p->l3, false, 50, 40))
SPOIL(ip_too_long, fix_ip(buf + p->l3, false, 50, p->len - p->l3 + 1))

#define R(n, c) { #n, n, ESPNIC_COUNTER_TX_DROP_##c }

static void refuse(struct espnic_drv *d, const struct refusal *r, size_t n, const struct wrap *w,
		   uint16_t flags)
{
	static uint8_t buf[ESPNIC_MAX_TSO_LEN];

	set_up(d, w, false);
	for (size_t i = 0; i < n; i++) {
		struct place p = build(buf, w);
		struct espnic_tx_desc t = desc(w, &p, flags);
		uint64_t before = espnic_drv_counter(d, r[i].counter);
		int reason;

		t.mss = 1000;
		t.hdr_len = (uint16_t)p.payload;
		t.csum_start = (uint16_t)p.l4;
		t.csum_offset = 16;
		r[i].spoil(&t, buf, &p);
		assert_int_equal(espnic_drv_tx_frame(d, 0, buf, p.len, 1, &t), 0);
		reason = espnic_drv_tx_flush(d, 0, NIC_WAIT_MS);
		if (reason != 1 + (int)r[i].counter)
			fail_msg("%s: reason %d instead of %u", r[i].name, reason,
				 1 + r[i].counter);
		assert_true(espnic_drv_counter(d, r[i].counter) > before);
	}
	assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_TX_CRYPTO), 0);
	assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_TX_FRAMES), 0);
	assert_int_equal(espnic_drv_reset(d), 0);
}

static void impossible_segmentation(void **state)
{
	static const struct refusal both[] = {
		R(no_handle, HANDLE),     R(inbound_handle, HANDLE), R(old_handle, HANDLE),
		R(upper_half, DESC),      R(esp_early, TSO),         R(esp_late, TSO),
		R(esp_in_ethernet, TSO),  R(esp_at_end, TSO),        R(hdr_short, TSO),
		R(hdr_long, TSO),         R(hdr_all, TSO),           R(hdr_before_tcp, TSO),
		R(no_mss, TSO),           R(mss_over_mtu, TSO),      R(not_esp, TSO),
		R(in_udp, TSO),           R(a_fragment, TSO),        R(options_cut, TSO),
		R(other_version, TSO),    R(other_spi, HANDLE),      R(tcp_offset, TSO),
		R(tcp_offset_small, TSO), R(last_numbers, SEQ),
	};
	static const struct refusal in_tunnel[] = {
		R(inner_udp, TSO), R(inner_fragment, TSO), R(inner_v6, TSO),
		R(inner_v9, TSO),  R(inner_long, TSO),
	};
	struct wrap w = { .tcp = true, .payload = 30000, .seq = 1 };

	refuse(drv(state), both, sizeof(both) / sizeof(both[0]), &w, ESPNIC_TX_DESC_TSO);
	w.tunnel = true;
	refuse(drv(state), both, sizeof(both) / sizeof(both[0]), &w, ESPNIC_TX_DESC_TSO);
	refuse(drv(state), in_tunnel, sizeof(in_tunnel) / sizeof(in_tunnel[0]), &w,
	       ESPNIC_TX_DESC_TSO);
}

static void impossible_checksum(void **state)
{
	static const struct refusal cases[] = {
		R(no_handle, HANDLE),     R(inbound_handle, HANDLE), R(old_handle, HANDLE),
		R(upper_half, DESC),      R(esp_in_ethernet, DESC),  R(csum_in_esp, CSUM),
		R(csum_in_iv, CSUM),      R(csum_in_pad, CSUM),      R(csum_in_icv, CSUM),
		R(csum_behind, CSUM),     R(pad_lies, CSUM),         R(ip_too_short, CSUM),
		R(ip_too_long, CSUM),     R(other_spi, HANDLE),      R(not_esp, MALFORMED),
		R(a_fragment, MALFORMED), R(esp_early, DESC),
	};
	struct wrap w = { .tcp = true, .trailer = true, .payload = 200, .seq = 1 };

	refuse(drv(state), cases, sizeof(cases) / sizeof(cases[0]), &w, ESPNIC_TX_DESC_CSUM);
}

/* UDP in the SA and none in the packet, and the other way round; over IPv6 never. */
static void udp_or_not(void **state)
{
	static uint8_t buf[ESPNIC_MAX_TSO_LEN];
	struct espnic_drv *d = drv(state);
	struct espnic_cmd_sa_add six = nic_sa(ESPNIC_CMD_SA_DIR_OUT, CRYPTO, transport, true);

	for (unsigned int i = 0; i < 4; i++) {
		struct wrap w = {
			.udp = i & 1, .tcp = true, .trailer = !(i & 2), .payload = 600, .seq = 1
		};
		struct espnic_tx_desc t;
		struct place p;

		set_up(d, &w, false);
		w.udp = !w.udp;
		p = build(buf, &w);
		t = desc(&w, &p, i & 2 ? ESPNIC_TX_DESC_TSO : 0);
		t.mss = 100;
		t.hdr_len = (uint16_t)p.payload;
		assert_int_equal(espnic_drv_tx_frame(d, 0, buf, p.len, 1, &t), 0);
		assert_int_equal(espnic_drv_tx_flush(d, 0, NIC_WAIT_MS),
				 1 + (i & 2 ? ESPNIC_COUNTER_TX_DROP_TSO
					    : ESPNIC_COUNTER_TX_DROP_MALFORMED));
		assert_int_equal(espnic_drv_reset(d), 0);
	}
	nic_start(d, NULL, 0);
	six.flags = ESPNIC_CMD_SA_ADD_UDP_ENCAP;
	six.encap_sport = six.encap_dport = 4500;
	assert_int_equal(nic_sa_add(d, &six), ESPNIC_CMD_STATUS_UNSUPPORTED);
}

/* Sends the ESP packet of @w; 0 or 1 + the counter under which it was dropped. */
static int send_esp(struct espnic_drv *d, const struct wrap *w)
{
	static uint8_t buf[ESPNIC_MAX_TSO_LEN];
	struct place p = build(buf, w);
	struct espnic_tx_desc t = desc(w, &p, w->trailer ? 0 : ESPNIC_TX_DESC_TSO);

	if (!w->trailer) {
		t.mss = 1000;
		t.hdr_len = (uint16_t)p.payload;
	}
	/* Not what the number is: the device writes its own. */
	put32(buf + p.esp + 12, 0x77777777);
	assert_int_equal(espnic_drv_tx_frame(d, 0, buf, p.len, 2, &t), 0);
	return espnic_drv_tx_flush(d, 0, NIC_WAIT_MS);
}

/* What a mirror or a broken host gives twice leaves once, segments too. */
static void numbers_go_once(void **state)
{
	const int twice = 1 + ESPNIC_COUNTER_TX_DROP_REPLAY;
	struct wrap one = { .tcp = true, .trailer = true, .payload = 500, .seq = 10 };
	struct wrap big = { .tcp = true, .payload = 5000, .seq = 12 };
	struct espnic_drv *d = drv(state);
	struct espnic_rx_cpl cpl;

	set_up(d, &one, false);
	assert_int_equal(send_esp(d, &one), 0);
	assert_int_equal(espnic_drv_rx_cpl(d, 0, &cpl, NIC_WAIT_MS), 0);
	assert_true(cpl.flags & ESPNIC_RX_CPL_DECAP);
	assert_int_equal(cpl.seq, 10);
	assert_int_equal(send_esp(d, &one), twice);
	assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_TX_DROP_REPLAY), 1);
	/* All of its segments, 12 to 16; the one before them comes later, from another queue. */
	assert_int_equal(send_esp(d, &big), 0);
	big.seq = 11;
	assert_int_equal(send_esp(d, &big), twice);
	assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_TX_DROP_REPLAY), 5);
	assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_TX_CRYPTO), 7);
	assert_int_equal(nic_sa_query(d, NIC_HANDLE_OUT).seq, 16);
	one.seq = 9;
	assert_int_equal(send_esp(d, &one), twice);
	one.seq = 17;
	assert_int_equal(send_esp(d, &one), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, nic_open, nic_close)
		T(host_esp_is_segmented),   T(odd_sizes),           T(checksum_inside),
		T(impossible_segmentation), T(impossible_checksum), T(udp_or_not),
		T(numbers_go_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
