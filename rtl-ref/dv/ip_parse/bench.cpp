// SPDX-License-Identifier: BSD-2-Clause
// espnic_ip_parse against espnic_ip_base() and espnic_ip_parse() of the C engine, packet by packet.

#include "bench.h"
#include "../sa/packets.h"
#include "../sa/record.h"

extern "C" {
#include "engine/ip.h"
}

using namespace espnic;

namespace {

constexpr size_t BEAT = 16 * LANES;
using Ip = Record<ESPNIC_RTL_IP_BITS>;

struct Out {
	Bytes data;
	bool last;
	uint32_t len;
	Ip ip;
};

bool expect(const Ip &ip, const char *name, unsigned offset, unsigned width, uint64_t want)
{
	uint64_t got = ip.get(offset, width);

	if (got == want)
		return true;
	Bench::comment("%s: C %llx, RTL %llx", name, (unsigned long long)want, (unsigned long long)got);
	return false;
}

#define EXPECT(ip, NAME, want) expect(ip, #NAME, ESPNIC_RTL_IP_##NAME, ESPNIC_RTL_IP_##NAME##_WIDTH, want)

bool expect_bytes(const Ip &ip, const char *name, unsigned offset, const uint8_t *want, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (ip.get(offset + 8 * unsigned(i), 8) != want[i]) {
			Bench::comment("%s: byte %zu: C %02x, RTL %02llx", name, i, want[i],
				       (unsigned long long)ip.get(offset + 8 * unsigned(i), 8));
			return false;
		}
	}
	return true;
}

uint16_t head_sum(const Bytes &p, const espnic_ip &c)
{
	Bytes h(p.begin(), p.begin() + c.upper_off);

	h[2] = h[3] = h[9] = h[10] = h[11] = 0;
	return uint16_t(~espnic_csum_fold(espnic_csum_add(0, h.data(), uint32_t(h.size()))));
}

bool same(const Bytes &p, const Out &out, unsigned tally[3])
{
	espnic_ip c;
	bool good, base;

	if (out.len != p.size()) {
		Bench::comment("frame of %zu bytes, RTL %u", p.size(), out.len);
		return false;
	}
	base = espnic_ip_base(p.data(), uint32_t(p.size()), &c);
	tally[base]++;
	if (!EXPECT(out.ip, BASE_GOOD, base))
		return false;
	if (base) {
		size_t addr = c.family == ESPNIC_IPV4 ? 4 : 16;

		if (!EXPECT(out.ip, V6, c.family == ESPNIC_IPV6) || !EXPECT(out.ip, TOS, c.tos) || !EXPECT(out.ip, DF, c.df) ||
		    !EXPECT(out.ip, LEN, c.len) ||
		    !expect_bytes(out.ip, "src", ESPNIC_RTL_IP_SRC, &p[c.family == ESPNIC_IPV4 ? 12 : 8], addr) ||
		    !expect_bytes(out.ip, "dst", ESPNIC_RTL_IP_DST, &p[c.family == ESPNIC_IPV4 ? 16 : 24], addr))
			return false;
	}
	good = espnic_ip_parse(p.data(), uint32_t(p.size()), &c);
	if (!EXPECT(out.ip, GOOD, good) || !good)
		return out.ip.get(ESPNIC_RTL_IP_GOOD, 1) == good;
	tally[2] += c.fragment;
	size_t upper = c.len - c.upper_off;

	return EXPECT(out.ip, FRAGMENT, c.fragment) && EXPECT(out.ip, NONFIRST, c.nonfirst) && EXPECT(out.ip, PROTO, c.proto) &&
	       EXPECT(out.ip, UPPER_OFF, c.upper_off) && EXPECT(out.ip, NEXT_OFF, c.next_off) && EXPECT(out.ip, ESP_NEXT, c.esp_next) &&
	       EXPECT(out.ip, ESP_OFF, c.esp_off) && EXPECT(out.ip, ESP_NEXT_OFF, c.esp_next_off) &&
	       (c.family == ESPNIC_IPV6 || EXPECT(out.ip, HEAD_SUM, head_sum(p, c))) &&
	       expect_bytes(out.ip, "upper", ESPNIC_RTL_IP_UPPER, p.data() + c.upper_off, upper < 24 ? upper : 24);
}

void parse(Bench &bench, const StallChoice &in, const StallChoice &out, unsigned count, unsigned tally[3])
{
	bench.restart();
	Vtop &top = *bench.top;
	Packets packets(bench.seed * 7919 + in.k * 64 + out.k);
	std::vector<Bytes> sent;

	Source<Beat> source(top.s_valid_i, top.s_ready_o, [&](const Beat &b) {
		/* What is behind the last byte is nobody's business. */
		Bytes data = packets.rng.bytes(BEAT);

		std::copy(b.data.begin(), b.data.end(), data.begin());
		put_bytes(top.s_data_i, data);
		top.s_count_i = uint8_t(b.data.size());
		top.s_last_i = b.last;
	}, [](const Beat &b) { return b.last; });
	Sink<Out> sink(top.m_valid_o, top.m_ready_i, [&] {
		Out o = { get_bytes(top.m_data_o, BEAT), bool(top.m_last_o), top.m_len_o, {} };

		o.ip.from(top.ip_o);
		return o;
	}, [&] { return bool(top.m_last_o); });

	source.stall = Stall(in.kind, in.k, packets.rng.next());
	sink.stall = Stall(out.kind, out.k, packets.rng.next());
	bench.add(&source);
	bench.add(&sink);
	size_t beats = 0;

	for (unsigned i = 0; i < count; i++) {
		sent.push_back(packets.any(packets.rng.below(packets.rng.one_in(10) ? 1500 : 120), 3));
		for (auto &b : beats_of(sent.back(), BEAT)) {
			source.queue.push_back(b);
			beats++;
		}
	}
	bool good = bench.run([&] { return sink.taken.size() >= beats; }, 50 * beats + 1000);
	size_t at = 0;

	for (unsigned i = 0; i < count && good; i++) {
		for (auto &b : beats_of(sent[i], BEAT)) {
			const Out &o = sink.taken[at++];

			good = good && std::equal(b.data.begin(), b.data.end(), o.data.begin()) && b.last == o.last;
			if (good && b.last)
				good = same(sent[i], o, tally);
		}
		if (!good) {
			Bench::comment("packet %u:", i);
			std::string hex;

			for (auto byte : sent[i]) {
				char two[3];

				snprintf(two, sizeof(two), "%02x", byte);
				hex += two;
			}
			Bench::comment("%s", hex.c_str());
		}
	}
	bench.check(good, "as the C engine, input stalls %s, output stalls %s", in.name, out.name);
}

} // namespace

int main(int argc, char **argv)
{
	Bench bench(argc, argv);
	unsigned tally[3] = {};

	for (auto &in : STALL_CHOICES)
		for (auto &out : STALL_CHOICES)
			parse(bench, in, out, bench.full ? 20000 : 600, tally);
	bench.check(tally[0] > 1000 && tally[1] > 1000 && tally[2] > 100, "%u malformed packets, %u good ones, %u fragments", tally[0], tally[1],
		    tally[2]);
	return bench.close();
}
