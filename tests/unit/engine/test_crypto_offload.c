// SPDX-License-Identifier: BSD-2-Clause
/* Crypto offload: what the host built is encrypted in place, and back. */
#include "support.h"

static struct buf b;
static uint8_t host[512];

struct kind {
	uint8_t family, icv_len;
	bool esn, udp;
};

static void kind_params(const struct kind *k, enum espnic_sa_dir dir, struct espnic_sa_params *p)
{
	sa_defaults(p, dir, ESPNIC_MODE_TUNNEL, k->family);
	p->offload = ESPNIC_OFFLOAD_CRYPTO;
	p->icv_len = k->icv_len;
	p->esn = k->esn;
	p->udp_encap = k->udp;
	p->replay_window = 64;
}

/* What Linux hands to a NIC: all but the encryption. Returns the length; *esp_off as it says. */
static uint32_t host_packet(const struct kind *k, uint32_t payload, uint32_t low, uint64_t iv,
			    uint32_t *esp_off)
{
	uint32_t head = k->family == 4 ? 20 : 40;
	uint32_t udp = k->udp ? 8 : 0;
	uint32_t pad = -(payload + 2) % 4;
	uint32_t esp_len = 16 + payload + pad + 2 + k->icv_len;
	uint32_t total = make_ip(k->family, host, udp + esp_len);
	uint8_t *esp = host + head + udp;

	host[k->family == 4 ? 9 : 6] = k->udp ? 17 : 50;
	if (k->udp) {
		espnic_put16(host + head + 4, (uint16_t)(udp + esp_len));
		espnic_put16(host + head + 6, 0);
	}
	espnic_put32(esp, TEST_SPI);
	espnic_put32(esp + 4, low);
	espnic_put64(esp + 8, iv);
	for (uint32_t i = 0; i < pad; i++)
		esp[16 + payload + i] = (uint8_t)(i + 1);
	esp[16 + payload + pad] = (uint8_t)pad;
	esp[16 + payload + pad + 1] = 4;
	*esp_off = head + udp;
	return total;
}

static enum espnic_verdict crypt_out(unsigned int i)
{
	body(i)->crypt_out(body_thread(i), &b.pkt, 1);
	return b.pkt.verdict;
}

static enum espnic_verdict crypt_in(unsigned int i)
{
	body(i)->crypt_in(body_thread(i), &b.pkt, 1);
	return b.pkt.verdict;
}

static void both_ways(void **state)
{
	static uint8_t sealed[512];
	struct espnic_sa_params p;

	(void)state;
	for (uint32_t c = 0; c < 4000; c++) {
		struct kind k = { c & 1 ? 4 : 6, (uint8_t[]){ 16, 12, 8 }[c % 3], c & 2, c & 4 };
		uint64_t junk = (uint64_t)chance() << 32 | chance();
		uint32_t low = c + 1, hi = k.esn ? 3 : 0, esp_off, len;

		len = host_packet(&k, c % 300, low, junk, &esp_off);
		for (unsigned int i = 0; body(i); i++) {
			struct espnic_sa *out, *in;

			kind_params(&k, ESPNIC_DIR_OUT, &p);
			out = sa_must(body(i), &p);
			kind_params(&k, ESPNIC_DIR_IN, &p);
			p.seq = k.esn ? (uint64_t)3 << 32 : 0;
			in = sa_must(body(i), &p);

			/* Trailing bytes of the frame are no part of the packet. */
			buf_set(&b, host, len + 5, out);
			b.pkt.esp_off = esp_off;
			b.pkt.seq_hi = hi;
			assert_verdict(crypt_out(i), ESPNIC_OK);
			assert_int_equal(b.pkt.len, len + 5);
			/* Whatever the host wrote, the IV is the number. */
			assert_memory_equal(b.pkt.data, host, esp_off + 8);
			assert_true(espnic_get64(b.pkt.data + esp_off + 8) == b.pkt.seq);
			memcpy(host + esp_off + 8, b.pkt.data + esp_off + 8, 8);
			assert_true(b.pkt.seq == ((uint64_t)hi << 32 | low));
			if (i == 0)
				memcpy(sealed, b.pkt.data, len);
			assert_memory_equal(b.pkt.data, sealed, len);

			b.pkt.sa = in;
			b.pkt.esp_off = 0;
			assert_verdict(crypt_in(i), ESPNIC_OK);
			assert_int_equal(b.pkt.esp_off, esp_off);
			assert_true(b.pkt.seq == ((uint64_t)hi << 32 | low));
			assert_memory_equal(b.pkt.data, host, len - k.icv_len);
			assert_memory_equal(b.pkt.data + len - k.icv_len, sealed + len - k.icv_len,
					    k.icv_len);
			/* Replays are the host's to judge. */
			memcpy(b.pkt.data, sealed, len);
			assert_verdict(crypt_in(i), ESPNIC_OK);
			body(i)->sa_del(out);
			body(i)->sa_del(in);
		}
	}
}

/* It is the same protocol: packet offload opens what crypto offload sealed. */
static void against_packet_offload(void **state)
{
	struct kind k = { 4, 16, true, false };
	uint8_t inner[64];

	(void)state;
	for (unsigned int i = 0; body(i); i++) {
		struct espnic_sa_params p;
		struct espnic_sa *out, *in;
		uint32_t esp_off, len, inner_len = make_ip(4, inner, 30);

		kind_params(&k, ESPNIC_DIR_OUT, &p);
		out = sa_must(body(i), &p);
		kind_params(&k, ESPNIC_DIR_IN, &p);
		p.offload = ESPNIC_OFFLOAD_PACKET;
		p.seq = 0x7fffffff0;
		in = sa_must(body(i), &p);
		len = host_packet(&k, inner_len, 0xfffffff1, 77, &esp_off);
		memcpy(host + esp_off + 16, inner, inner_len);
		buf_set(&b, host, len, out);
		b.pkt.esp_off = esp_off;
		b.pkt.seq_hi = 7;
		assert_verdict(crypt_out(i), ESPNIC_OK);
		b.pkt.sa = in;
		assert_verdict(unprotect(i, &b), ESPNIC_OK);
		assert_int_equal(b.pkt.len, inner_len);
		assert_memory_equal(b.pkt.data, inner, inner_len);
		assert_true(b.pkt.seq == 0x7fffffff1);
		body(i)->sa_del(out);
		body(i)->sa_del(in);
	}
}

/* The high half follows the verified top; a bad ICV moves nothing and changes nothing. */
static void esn_inference(void **state)
{
	static const struct {
		uint64_t seq;
		enum espnic_verdict verdict;
	} arrivals[] = {
		{ 0xfffffff0, ESPNIC_OK }, { 0x100000002, ESPNIC_OK }, { 0xfffffffe, ESPNIC_OK },
		{ 0xfffffffe, ESPNIC_OK }, { 0x100000001, ESPNIC_OK }, { 0x1000000ff, ESPNIC_OK },
		{ 0x1fffffff0, ESPNIC_OK }, { 0x200000000, ESPNIC_OK },
		/* Left of the window the host's rule says: the next epoch. */
		{ 0x1ffffff00, ESPNIC_INTEGRITY }, { 0x500000000, ESPNIC_INTEGRITY },
		{ 0x200000001, ESPNIC_OK },
	};
	struct kind k = { 4, 16, true, false };

	(void)state;
	for (unsigned int i = 0; body(i); i++) {
		struct espnic_sa_params p;
		struct espnic_sa *out, *in;
		uint8_t before[512];

		kind_params(&k, ESPNIC_DIR_IN, &p);
		p.seq = 0xffffffe0;
		in = sa_must(body(i), &p);
		for (size_t n = 0; n < ARRAY_SIZE(arrivals); n++) {
			uint32_t esp_off, len;

			/* A sender anew each time: one does not send a number twice. */
			kind_params(&k, ESPNIC_DIR_OUT, &p);
			out = sa_must(body(i), &p);
			len = host_packet(&k, 100, (uint32_t)arrivals[n].seq, n, &esp_off);
			buf_set(&b, host, len, out);
			b.pkt.esp_off = esp_off;
			b.pkt.seq_hi = (uint32_t)(arrivals[n].seq >> 32);
			assert_verdict(crypt_out(i), ESPNIC_OK);
			memcpy(before, b.pkt.data, len);
			b.pkt.sa = in;
			if (crypt_in(i) != arrivals[n].verdict)
				fail_msg("arrival %zu: %s", n, espnic_verdict_name(b.pkt.verdict));
			if (b.pkt.verdict == ESPNIC_OK)
				assert_true(b.pkt.seq == arrivals[n].seq);
			else
				assert_memory_equal(b.pkt.data, before, len);
			body(i)->sa_del(out);
		}
		body(i)->sa_del(in);
	}
}

static enum espnic_verdict send_number(unsigned int i, const struct kind *k, struct espnic_sa *out,
				       uint64_t seq)
{
	uint32_t esp_off, len = host_packet(k, 40, (uint32_t)seq, 99, &esp_off);

	buf_set(&b, host, len, out);
	b.pkt.esp_off = esp_off;
	b.pkt.seq_hi = (uint32_t)(seq >> 32);
	if (crypt_out(i) != ESPNIC_OK)
		assert_memory_equal(b.pkt.data, host, len);
	return b.pkt.verdict;
}

/* No number goes out twice, whatever the host says; those that others overtook may still come. */
static void numbers_once(void **state)
{
	static const struct {
		uint64_t seq;
		enum espnic_verdict verdict;
	} rows[] = {
		/* Up to where it began all were sent. */
		{ 5000, ESPNIC_REPLAY }, { 0, ESPNIC_TOO_OLD }, { 4999, ESPNIC_REPLAY },
		{ 904, ESPNIC_TOO_OLD }, { 905, ESPNIC_REPLAY },
		{ 5001, ESPNIC_OK }, { 5001, ESPNIC_REPLAY },
		{ 5100, ESPNIC_OK }, { 5050, ESPNIC_OK }, { 5050, ESPNIC_REPLAY }, { 5100, ESPNIC_REPLAY },
		{ 5101 + ESPNIC_WINDOW_MAX, ESPNIC_OK }, { 5101, ESPNIC_TOO_OLD }, { 5102, ESPNIC_OK },
		{ 5102, ESPNIC_REPLAY }, { 0x100000000, ESPNIC_OK }, { 0xffffffff, ESPNIC_OK },
		{ 0x100000000, ESPNIC_REPLAY }, { 0xffffffff, ESPNIC_REPLAY }, { 5103, ESPNIC_TOO_OLD },
	};
	struct kind k = { 4, 16, true, false };

	(void)state;
	for (unsigned int i = 0; body(i); i++) {
		struct espnic_sa_params p;
		struct espnic_sa_state st;
		struct espnic_sa *out, *heir;

		kind_params(&k, ESPNIC_DIR_OUT, &p);
		heir = sa_must(body(i), &p);
		p.seq = 5000;
		out = sa_must(body(i), &p);
		for (size_t n = 0; n < ARRAY_SIZE(rows); n++)
			if (send_number(i, &k, out, rows[n].seq) != rows[n].verdict)
				fail_msg("row %zu: %s", n, espnic_verdict_name(b.pkt.verdict));
		body(i)->sa_query(out, &st);
		assert_true(st.seq == 0x100000000 && st.packets == 7);
		/* Nor by a twin that goes on from there. */
		body(i)->sa_inherit(heir, out);
		assert_verdict(send_number(i, &k, heir, 0xffffffff), ESPNIC_REPLAY);
		assert_verdict(send_number(i, &k, heir, 5104), ESPNIC_TOO_OLD);
		assert_verdict(send_number(i, &k, heir, 0xfffffffe), ESPNIC_OK);
		assert_verdict(send_number(i, &k, heir, 0x100000001), ESPNIC_OK);
		body(i)->sa_del(out);
		body(i)->sa_del(heir);
	}
}

/* Offsets and lengths by someone who lies, and SAs of the other kind. */
static void bad_descriptors(void **state)
{
	struct kind k = { 4, 16, false, false };

	(void)state;
	for (unsigned int i = 0; body(i); i++) {
		struct espnic_sa_params p;
		struct espnic_sa *out, *in, *packet;
		uint32_t esp_off, len;

		kind_params(&k, ESPNIC_DIR_OUT, &p);
		out = sa_must(body(i), &p);
		p.offload = ESPNIC_OFFLOAD_PACKET;
		packet = sa_must(body(i), &p);
		kind_params(&k, ESPNIC_DIR_IN, &p);
		in = sa_must(body(i), &p);
		len = host_packet(&k, 10, 1, 1, &esp_off);
		for (uint32_t off = 0; off < 2 * len; off++) {
			buf_set(&b, host, len, out);
			b.pkt.esp_off = off;
			assert_int_equal(crypt_out(i) == ESPNIC_OK, off == esp_off);
		}
		buf_set(&b, host, len, out);
		b.pkt.esp_off = UINT32_MAX;
		assert_verdict(crypt_out(i), ESPNIC_MALFORMED);
		/* The SPI may well stand in an address: that makes no ESP header of the IP header. */
		espnic_put32(host + ESPNIC_IPV4_SRC, TEST_SPI);
		buf_set(&b, host, len, out);
		b.pkt.esp_off = ESPNIC_IPV4_SRC;
		assert_verdict(crypt_out(i), ESPNIC_MALFORMED);
		assert_memory_equal(b.pkt.data, host, len);
		for (uint32_t cut = 0; cut < len; cut++) {
			buf_set(&b, host, cut, out);
			b.pkt.esp_off = esp_off;
			assert_verdict(crypt_out(i), ESPNIC_MALFORMED);
			b.pkt.sa = in;
			assert_verdict(crypt_in(i), ESPNIC_MALFORMED);
		}
		buf_set(&b, host, len, in);
		b.pkt.esp_off = esp_off;
		assert_verdict(crypt_out(i), ESPNIC_NO_SA);
		b.pkt.sa = packet;
		assert_verdict(crypt_out(i), ESPNIC_NO_SA);
		assert_verdict(crypt_in(i), ESPNIC_NO_SA);
		b.pkt.sa = out;
		assert_verdict(protect(i, &b), ESPNIC_NO_SA);
		body(i)->sa_del(out);
		body(i)->sa_del(in);
		body(i)->sa_del(packet);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(against_packet_offload),
		cmocka_unit_test(esn_inference),
		cmocka_unit_test(numbers_once),
		cmocka_unit_test(bad_descriptors),
	};

	return cmocka_run_group_tests_name("engine/crypto_offload", tests, NULL, NULL);
}
