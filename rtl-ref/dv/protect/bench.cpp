// SPDX-License-Identifier: BSD-2-Clause
/*
 * espnic_protect against the C engine: for each packet its answer and every byte of what leaves, for each SA its
 * whole state. AES-GCM behind the boundary is libcrypto's (gcm_model.h), so a wrong nonce or AAD shows as wrong bytes.
 */

#define TO_CORE(sig) plain_##sig
#define FROM_CORE(sig) crypt_##sig
#define DECRYPT false
#include "../sa/pipeline.h"
#include "../sa/random_sa.h"

extern "C" {
#include "engine/ip.h"
#include "engine/selector.h"
}

using namespace espnic;

namespace {

enum Op { INIT = 2, QUERY = 3 };

struct InBeat {
	Bytes data;
	bool last;
	unsigned sa;
	bool use_seq, use_iv;
	uint64_t seq;
	Bytes iv;
};

struct Answer {
	unsigned sa, verdict;
	bool event;
	uint64_t seq;
	uint32_t len;
};

struct Expected {
	Bytes in;
	Answer answer;
	Bytes out;
};

class ProtectBench {
public:
	ProtectBench(Bench &bench, const StallChoice &in, const StallChoice &out, unsigned round)
		: bench(bench), rng(bench.seed * 65537 + round), packets(rng.next()), ops(espnic_engine_get("ref", nullptr)),
		  thread(ops->thread_new())
	{
		bench.restart();
		Vtop &top = *bench.top;

		source = std::make_unique<Source<InBeat>>(top.s_valid_i, top.s_ready_o, [&](const InBeat &b) { put(top, b); },
							  [](const InBeat &b) { return b.last; });
		answers = std::make_unique<Sink<Answer>>(top.r_valid_o, top.r_ready_i, [&top] {
			return Answer{ top.r_sa_o, top.r_verdict_o, bool(top.r_event_o), top.r_seq_o, top.r_len_o };
		});
		sink = std::make_unique<Sink<OutBeat>>(top.m_valid_o, top.m_ready_i, [&top] {
			return OutBeat{ get_bytes(top.m_data_o, get_count(top)), bool(top.m_last_o) };
		}, [&top] { return bool(top.m_last_o); });
		source->stall = Stall(in.kind, in.k, rng.next());
		answers->stall = Stall(out.kind, out.k, rng.next());
		sink->stall = Stall(out.kind, out.k, rng.next());
		memory = std::make_unique<SaMemory>(top);
		bench.add(memory.get());
		bench.add(source.get());
		bench.add(answers.get());
		bench.add(sink.get());
		core = std::make_unique<Core>(top, bench, rng, in, out);
	}

	~ProtectBench()
	{
		for (auto *sa : sas)
			ops->sa_del(sa);
		ops->thread_free(thread);
	}

	bool run(unsigned count)
	{
		size_t bytes = 0;

		for (unsigned i = 0; i < SAS; i++)
			add(i);
		for (unsigned i = 0; i < count; i++) {
			expected.push_back(packet());
			bytes += expected.back().in.size() + expected.back().out.size();
		}
		uint64_t limit = 40 * (bytes / BEAT + 100 * count);
		bool done = bench.run([&] { return answers->taken.size() >= count && !late(); }, limit);

		collect();
		if (!done && outs.size() < good_count)
			return fail(outs.size(), "packets do not come out");
		for (int i = 0; i < 50; i++)
			bench.tick();
		collect();
		return !core->wrong && same() && same_state();
	}

	unsigned verdicts[ESPNIC_VERDICTS] = {};

private:
	bool late()
	{
		collect();
		return outs.size() < good_count;
	}

	void collect()
	{
		if (!collect_packets(*sink, out, outs))
			core->wrong = true;
	}

	void put(Vtop &top, const InBeat &b)
	{
		Bytes data = packets.rng.bytes(BEAT);

		std::copy(b.data.begin(), b.data.end(), data.begin());
		put_bytes(top.s_data_i, data);
		put_count(top, b.data.size());
		top.s_last_i = b.last;
		top.s_sa_i = uint8_t(b.sa);
		top.s_use_seq_i = b.use_seq;
		top.s_seq_i = b.seq;
		top.s_use_iv_i = b.use_iv;
		top.s_iv_i = 0;
		memcpy(&top.s_iv_i, b.iv.data(), b.iv.size());
	}

	void add(unsigned i)
	{
		espnic_sa_params &p = params[i];

		espnic_sa_params_init(&p);
		random_shape(rng, p);
		p.spi = uint32_t(rng.next()) | 1;
		/* The SA most packets are of goes on to the end. */
		if (i == 0) {
			p.has_sel = false;
			p.soft_packets = p.hard_packets = p.soft_bytes = p.hard_bytes = 0;
		}
		p.mtu = rng.one_in(4) ? uint32_t(100 + rng.below(1500)) : 0;
		if (p.mode == ESPNIC_MODE_TUNNEL && rng.one_in(3))
			p.tfc_len = uint32_t(rng.below(1600));
		/* UDP over IPv6 is refused: not too often, and not the SA that most packets are of. */
		if (p.udp_encap && (i < 3 || rng.below(3)))
			p.udp_encap = p.mode == ESPNIC_MODE_TUNNEL && p.tunnel.family == ESPNIC_IPV4;
		p.seq = rng.one_in(6) ? (p.esn ? UINT64_MAX : UINT32_MAX) - rng.below(20) :
			rng.one_in(3) ? UINT32_MAX - rng.below(20) : rng.below(1000);
		if (rng.one_in(6)) {
			p.lease_end = p.seq + rng.below(40);
			p.lease_mark = p.lease_end - rng.below(8);
		}
		/* Once in a while an SA of the other direction, by mistake. */
		p.dir = rng.one_in(20) ? ESPNIC_DIR_IN : ESPNIC_DIR_OUT;
		const char *why = "";

		if (ops->sa_add(&p, &sas[i], &why) != ESPNIC_OK)
			Bench::die("the C engine refuses an SA of the bench: %s", why);
		memory->statics[i] = static_record(p, 0, 0);
		memory->keys[i] = key_bytes(p);
		configure(INIT, i, out_record(sas[i], p));
	}

	SaOut configure(Op op, unsigned sa, const SaOut &record)
	{
		Vtop &top = *bench.top;
		SaOut before;

		top.cfg_valid_i = 1;
		top.cfg_op_i = op;
		top.cfg_sa_i = uint8_t(sa);
		record.to(top.cfg_record_i);
		top.eval();
		while (!top.cfg_ready_o) {
			bench.tick();
			top.eval();
		}
		bench.tick();
		top.cfg_valid_i = 0;
		top.eval();
		for (int i = 0; !top.cfg_done_o; i++) {
			if (i > 100)
				Bench::die("not ok - a request to the hot state is not answered");
			bench.tick();
			top.eval();
		}
		before.from(top.cfg_record_o);
		bench.tick();
		return before;
	}

	size_t random_len()
	{
		switch (rng.below(12)) {
		case 0: return rng.below(9700);
		case 1: return rng.below(1500);
		case 2: return rng.below(2);
		case 3: return rng.one_in(6) ? 9600 + rng.below(300) : rng.below(100);
		default: return rng.below(160);
		}
	}

	/* Whether the SA's selector has nothing against the packet, or nothing can be said of it. */
	static bool fits(const espnic_sa_params &p, const Bytes &clear)
	{
		espnic_flow flow;
		espnic_ip ip;

		if (!p.has_sel || !espnic_flow_parse(clear.data(), uint32_t(clear.size()), &flow))
			return true;
		if (p.mode == ESPNIC_MODE_TRANSPORT && (!espnic_ip_parse(clear.data(), uint32_t(clear.size()), &ip) || ip.fragment))
			return true;
		return espnic_selector_match(&p.sel, &flow);
	}

	Expected packet()
	{
		Expected e;
		unsigned i = unsigned(rng.below(rng.one_in(3) ? SAS : 3));
		bool use_seq = rng.one_in(12), use_iv = rng.one_in(8);
		uint64_t seq = params[i].seq + rng.below(60);
		Bytes iv = rng.bytes(8);

		e.in = packets.any(random_len(), 8);
		Bytes buf(2 * ROOM + e.in.size());
		espnic_pkt pkt = {};

		memcpy(&buf[ROOM], e.in.data(), e.in.size());
		pkt.data = &buf[ROOM];
		pkt.len = uint32_t(e.in.size());
		pkt.headroom = ROOM;
		pkt.tailroom = ROOM;
		pkt.sa = sas[i];
		pkt.iv = use_iv ? iv.data() : nullptr;
		pkt.seq = seq;
		pkt.flags = use_seq ? ESPNIC_PKT_SEQ : 0;
		/* Where the RTL's memory ends, and what it refuses, the C engine does not know; its SA stays as it is. */
		const espnic_sa_params &p = params[i];
		bool outer_v6 = p.mode == ESPNIC_MODE_TUNNEL ? p.tunnel.family == ESPNIC_IPV6 : e.in[0] >> 4 == 6;

		if (p.dir == ESPNIC_DIR_OUT && e.in.size() > MAX_FRAME) {
			e.answer = { i, ESPNIC_MTU, false, 0, 0 };
		} else if (p.dir == ESPNIC_DIR_OUT && p.udp_encap && outer_v6) {
			e.answer = { i, fits(p, e.in) ? ESPNIC_MALFORMED : ESPNIC_SELECTOR, false, 0, 0 };
		} else {
			ops->protect(thread, &pkt, 1);
			e.answer = { i, pkt.verdict, bool(pkt.flags & ESPNIC_PKT_EVENT), pkt.seq, pkt.len };
		}
		verdicts[e.answer.verdict]++;
		if (e.answer.verdict == ESPNIC_OK) {
			e.out = Bytes(pkt.data, pkt.data + pkt.len);
			good_count++;
		}
		for (auto &b : beats_of(e.in, BEAT))
			source->queue.push_back({ b.data, b.last, i, use_seq, use_iv, seq, iv });
		return e;
	}

	bool same()
	{
		size_t out_index = 0;

		if (answers->taken.size() != expected.size())
			return fail(answers->taken.size(), "number of answers");
		for (size_t i = 0; i < expected.size(); i++) {
			const Expected &e = expected[i];
			const Answer &a = answers->taken[i];
			bool ok = e.answer.verdict == ESPNIC_OK;

			if (a.sa != e.answer.sa || a.verdict != e.answer.verdict || a.event != e.answer.event ||
			    (ok && (a.seq != e.answer.seq || a.len != e.answer.len))) {
				Bench::comment("C: sa %u %s event %d seq %llx len %u", e.answer.sa, espnic_verdict_name(espnic_verdict(e.answer.verdict)),
					       e.answer.event, (unsigned long long)e.answer.seq, e.answer.len);
				Bench::comment("RTL: sa %u %s event %d seq %llx len %u", a.sa, espnic_verdict_name(espnic_verdict(a.verdict)), a.event,
					       (unsigned long long)a.seq, a.len);
				return fail(i, "answer");
			}
			if (!ok)
				continue;
			if (out_index >= outs.size())
				return fail(i, "a packet is missing");
			if (outs[out_index] != e.out) {
				comment_hex("C", e.out);
				comment_hex("RTL", outs[out_index]);
				return fail(i, "bytes");
			}
			out_index++;
		}
		return out_index == outs.size() || fail(expected.size(), "bytes too many");
	}

	bool same_state()
	{
		for (unsigned i = 0; i < SAS; i++) {
			SaOut want = out_record(sas[i], params[i]), got = configure(QUERY, i, {});

			if (memcmp(&want, &got, sizeof(want))) {
				Bench::comment("SA %u: seq C %llx RTL %llx, packets C %llu RTL %llu, id C %llu RTL %llu", i,
					       (unsigned long long)want.get(ESPNIC_FIELD(SA_OUT_SEQ)), (unsigned long long)got.get(ESPNIC_FIELD(SA_OUT_SEQ)),
					       (unsigned long long)want.get(ESPNIC_LIFE_FIELD(SA_OUT, PACKETS)),
					       (unsigned long long)got.get(ESPNIC_LIFE_FIELD(SA_OUT, PACKETS)),
					       (unsigned long long)want.get(ESPNIC_FIELD(SA_OUT_IP_ID)), (unsigned long long)got.get(ESPNIC_FIELD(SA_OUT_IP_ID)));
				return fail(expected.size(), "state of an SA");
			}
		}
		return true;
	}

	bool fail(size_t i, const char *what)
	{
		Bench::comment("seed %llu, clock %llu, packet %zu: %s", (unsigned long long)bench.seed, (unsigned long long)bench.clocks, i, what);
		if (i < expected.size()) {
			const espnic_sa_params &p = params[expected[i].answer.sa];

			comment_hex("clear", expected[i].in);
			Bench::comment("SA: mode %d enc %d esn %d udp %d outer %d icv %d tfc %u mtu %u", p.mode, p.enc, p.esn, p.udp_encap, p.tunnel.family,
				       p.icv_len, p.tfc_len, p.mtu);
		}
		return false;
	}

	Bench &bench;
	Rng rng;
	Packets packets;
	const espnic_engine_ops *ops;
	espnic_engine_thread *thread;
	espnic_sa_params params[SAS];
	espnic_sa *sas[SAS] = {};
	std::unique_ptr<Source<InBeat>> source;
	std::unique_ptr<Sink<Answer>> answers;
	std::unique_ptr<Sink<OutBeat>> sink;
	std::unique_ptr<SaMemory> memory;
	std::unique_ptr<Core> core;
	std::vector<Expected> expected;
	std::vector<Bytes> outs;
	Bytes out;
	size_t good_count = 0;
};

} // namespace

int main(int argc, char **argv)
{
	Bench bench(argc, argv);
	unsigned verdicts[ESPNIC_VERDICTS] = {};
	unsigned round = 0;

	for (auto &in : STALL_CHOICES) {
		for (auto &out : STALL_CHOICES) {
			bool good = true;

			for (unsigned i = 0; i < (bench.full ? 20 : 1) && good; i++) {
				ProtectBench b(bench, in, out, round++);

				good = b.run(bench.full ? 200 : 60);
				for (unsigned v = 0; v < ESPNIC_VERDICTS; v++)
					verdicts[v] += b.verdicts[v];
			}
			bench.check(good, "as the C engine, input stalls %s, output stalls %s", in.name, out.name);
		}
	}
	for (unsigned v : { ESPNIC_OK, ESPNIC_MALFORMED, ESPNIC_NO_SA, ESPNIC_SEQ_EXHAUSTED, ESPNIC_LIFETIME, ESPNIC_SELECTOR, ESPNIC_MTU, ESPNIC_LEASE })
		bench.check(verdicts[v] > 5, "verdict %s was drawn, %u times", espnic_verdict_name(espnic_verdict(v)), verdicts[v]);
	return bench.close();
}
