// SPDX-License-Identifier: BSD-2-Clause
// espnic_ext_walk against espnic_ip_parse() of the C engine: what stands behind extension headers that begin in a packet's text.

#include "bench.h"
#include "../sa/ext_chain.h"

extern "C" {
#include "engine/ip.h"
}

using namespace espnic;

namespace {

constexpr size_t BEAT = 16 * LANES;
constexpr size_t PAD_MOST = 40;		/* bytes behind the packet: padding, trailer */

struct Packet {
	Bytes clear, wire;	/* as it will be, and with what stands behind it */
	size_t text;		/* offset of the text */
	uint8_t first;
};

struct Found {
	bool good, nonfirst;
	uint8_t proto;
	uint32_t off, upper;
};

class WalkBench {
public:
	explicit WalkBench(Bench &bench) : bench(bench), rng(bench.seed * 77 + LANES + FIRST) { bench.restart(); }

	bool run(unsigned packets)
	{
		for (unsigned i = 0; i < packets; i++) {
			Packet p = random_packet();
			Found f;

			if (!walk(p, !rng.one_in(10), f)) {
				Bench::comment("packet %u: a beat never passes", i);
				return false;
			}
			if (enabled && !same(p, f, i))
				return false;
		}
		return true;
	}

	unsigned sound = 0, bad = 0, later = 0, hidden = 0;

private:
	Packet random_packet()
	{
		static const uint8_t firsts[] = { EXT_DST, EXT_ROUTING, EXT_HOP };
		static const uint8_t uppers[] = { 6, 17, 58, 59, 50 };
		Packet p;

		p.first = FIRST == EXT_FRAGMENT ? EXT_FRAGMENT : firsts[rng.below(3)];
		p.clear = rng.bytes(ESPNIC_IPV6_HLEN);
		p.clear[0] = 0x60;
		/* Headers of its own in front of the text, often none. */
		p.clear[ESPNIC_IPV6_NEXT] = p.first;
		if (rng.one_in(3)) {
			Bytes own = ext_chain(rng, EXT_ROUTING, p.first, 1, true);

			p.clear[ESPNIC_IPV6_NEXT] = EXT_ROUTING;
			p.clear.insert(p.clear.end(), own.begin(), own.end());
		}
		p.text = p.clear.size();

		Bytes text = ext_chain(rng, p.first, uppers[rng.below(sizeof(uppers))], rng.one_in(4) ? 12 : 3, rng.one_in(2));
		Bytes payload = rng.bytes(rng.one_in(3) ? rng.below(6) : rng.below(150));

		text.insert(text.end(), payload.begin(), payload.end());
		if (rng.one_in(12))
			text.resize(1 + rng.below(text.size()));
		p.clear.insert(p.clear.end(), text.begin(), text.end());
		espnic_put16(p.clear.data() + ESPNIC_IPV6_LEN, uint16_t(p.clear.size() - ESPNIC_IPV6_HLEN));

		Bytes behind = rng.bytes(2 + rng.below(PAD_MOST));

		p.wire = p.clear;
		p.wire.insert(p.wire.end(), behind.begin(), behind.end());
		return p;
	}

	/* False: it hangs. */
	bool walk(const Packet &p, bool enable, Found &f)
	{
		Vtop &top = *bench.top;

		enabled = enable;
		top.enable_i = enable;
		top.off_i = unsigned(p.text);
		for (size_t at = 0; at < p.wire.size(); at += BEAT) {
			size_t n = std::min(BEAT, p.wire.size() - at);
			Bytes beat = rng.bytes(BEAT);	/* behind the end stands anything */

			memcpy(beat.data(), p.wire.data() + at, n);
			put_bytes(top.data_i, beat);
			top.base_i = unsigned(at);
			top.last_i = at + BEAT >= p.wire.size();
			top.valid_i = 1;
			top.fire_i = 0;
			top.eval();
			for (unsigned held = 0; top.step_o || rng.one_in(4); held++) {
				if (held > 100)
					return false;
				bench.tick();
				top.eval();
			}
			top.fire_i = 1;
			top.eval();
			f = { bool(top.good_o), bool(top.nonfirst_o), top.proto_o, top.off_o, top.upper_o };
			bench.tick();
			top.valid_i = top.fire_i = 0;
			while (rng.one_in(4))
				bench.tick();
		}
		return true;
	}

	bool same(const Packet &p, const Found &f, unsigned i)
	{
		struct espnic_ip ip;
		bool good = espnic_ip_parse(p.clear.data(), uint32_t(p.clear.size()), &ip);
		/* As espnic_in_judge puts it together. */
		bool got = f.good && f.off <= p.clear.size() && !(p.first == EXT_HOP && p.text != ESPNIC_IPV6_HLEN);

		(good ? sound : bad)++;
		if (good != got) {
			Bench::comment("packet %u: %s is said to be %s", i, good ? "a sound one" : "a bad one", got ? "good" : "bad");
			return false;
		}
		if (!good)
			return true;
		later += ip.upper_off / BEAT != p.text / BEAT;
		hidden += ip.nonfirst;

		uint8_t upper[4];
		size_t shown = std::min<size_t>(sizeof(upper), p.clear.size() - ip.upper_off);

		memcpy(upper, &f.upper, sizeof(upper));
		if (f.proto == ip.proto && f.off == ip.upper_off && f.nonfirst == ip.nonfirst &&
		    !memcmp(upper, p.clear.data() + ip.upper_off, shown))
			return true;
		Bench::comment("packet %u: C %u at %u, RTL %u at %u", i, ip.proto, ip.upper_off, f.proto, f.off);
		return false;
	}

	Bench &bench;
	Rng rng;
	bool enabled = false;
};

} // namespace

int main(int argc, char **argv)
{
	Bench bench(argc, argv);
	unsigned n = bench.full ? 200000 : 8000;
	WalkBench b(bench);

	bench.check(b.run(n), "as the C engine, %u packets", n);
	bench.check(b.sound > n / 8 && b.bad > n / 20, "%u sound chains, %u bad ones", b.sound, b.bad);
	bench.check(b.later > n / 20 && b.hidden > n / 50, "%u ended in a later beat, %u in a fragment", b.later, b.hidden);
	return bench.close();
}
