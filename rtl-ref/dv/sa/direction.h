/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A direction of the RTL against the C engine, whichever of both: packets in at one end, answers and packets out of others, and what is
 * compared. A bench makes SAs, packets, and what the C engine makes of them. Macros as for pipeline.h.
 */
#ifndef ESPNIC_DV_DIRECTION_H
#define ESPNIC_DV_DIRECTION_H

#include "oracle.h"
#include "pipeline.h"

namespace espnic {

struct InBeat {
	Bytes data;
	bool last;
	unsigned sa;
	/* Outbound: what the packet brings of its own. */
	bool use_seq, use_iv;
	uint64_t seq;
	Bytes iv;
};

struct Answer {
	unsigned sa, verdict;
	bool event, dummy;
	uint64_t seq;
	uint32_t len;
};

struct Expected {
	Bytes in;
	Answer answer;
	Bytes out; /* if good, and no dummy */
};

/* When the ends of packets pass. */
class Watch : public Agent {
public:
	explicit Watch(Bench &bench) : bench(bench) {}

	void drive() override {}

	void sample() override
	{
		Vtop &top = *bench.top;

		if (top.s_valid_i && top.s_ready_o) {
			if (in_starts)
				first_in.push_back(bench.clocks);
			in_starts = top.s_last_i;
		}
		if (top.m_valid_o && top.m_ready_i) {
			if (out_starts)
				first_out.push_back(bench.clocks);
			if (top.m_last_o)
				last_out.push_back(bench.clocks);
			out_starts = top.m_last_o;
		}
	}

	std::vector<uint64_t> first_in, first_out, last_out;

private:
	Bench &bench;
	bool in_starts = true, out_starts = true;
};

class Direction {
public:
	Direction(Bench &bench, const StallChoice &in, const StallChoice &out, uint64_t seed)
		: bench(bench), rng(seed), packets(rng.next()), ops(espnic_engine_get("ref", nullptr)), thread(ops->thread_new()), watch(bench)
	{
		bench.restart();
		Vtop &top = *bench.top;

		source = std::make_unique<Source<InBeat>>(top.s_valid_i, top.s_ready_o, [&](const InBeat &b) { put(top, b); },
							  [](const InBeat &b) { return b.last; });
		answers = std::make_unique<Sink<Answer>>(top.r_valid_o, top.r_ready_i, [&top] { return answer(top); });
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
		bench.add(&watch);
	}

	virtual ~Direction()
	{
		bench.forget_agents();
		for (auto *sa : sas)
			ops->sa_del(sa);
		ops->thread_free(thread);
	}

	/* No packet leaves in the first @clocks: all that can fill up does. */
	void hold_output(unsigned clocks) { sink->stall.hold = clocks; }

	/* @count packets, compared: answers, bytes, and the state of all SAs at the end. */
	bool run(unsigned count)
	{
		size_t bytes = 0;

		for (unsigned i = 0; i < SAS; i++)
			add(i);
		for (unsigned i = 0; i < count; i++) {
			expected.push_back(packet());
			const Expected &e = expected.back();

			bytes += e.in.size() + e.out.size();
			verdicts[e.answer.verdict]++;
			dummies += e.answer.dummy;
			good_count += leaves(e);
		}
		bool done = bench.run([&] {
			collect();
			return answers->taken.size() >= count && outs.size() >= good_count;
		}, 40 * (bytes / BEAT + 100 * count));

		if (!done)
			return fail(answers->taken.size(), "packets do not come out");
		for (int i = 0; i < 50; i++)
			bench.tick();
		collect();
		return !core->wrong && same() && same_state();
	}

	unsigned verdicts[ESPNIC_VERDICTS] = {};
	unsigned dummies = 0;

protected:
	virtual void add(unsigned i) = 0;
	virtual Expected packet() = 0;
	virtual bool same_state() = 0;

	static bool leaves(const Expected &e) { return e.answer.verdict == ESPNIC_OK && !e.answer.dummy; }

	/* A request to the hot state whose operands are set; its answer is there when this returns. */
	void request(unsigned op, unsigned sa)
	{
		Vtop &top = *bench.top;

		top.cfg_valid_i = 1;
		top.cfg_op_i = uint8_t(op);
		top.cfg_sa_i = uint8_t(sa);
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
	}

	/* @pkt shows @in of SA @i in @buf, with room at both ends. */
	void lay(const Bytes &in, unsigned i, Bytes &buf, espnic_pkt &pkt)
	{
		buf.assign(2 * ROOM + in.size(), 0);
		memcpy(&buf[ROOM], in.data(), in.size());
		pkt.data = &buf[ROOM];
		pkt.len = uint32_t(in.size());
		pkt.headroom = ROOM;
		pkt.tailroom = ROOM;
		pkt.sa = sas[i];
	}

	/* What the C engine made of @pkt, of SA @i. */
	static void answered(Expected &e, unsigned i, const espnic_pkt &pkt)
	{
		e.answer = { i, pkt.verdict, bool(pkt.flags & ESPNIC_PKT_EVENT), DECRYPT && (pkt.flags & ESPNIC_PKT_DUMMY), pkt.seq, pkt.len };
		if (leaves(e))
			e.out = Bytes(pkt.data, pkt.data + pkt.len);
	}

	bool fail(size_t i, const char *what)
	{
		Bench::comment("seed %llu, clock %llu, packet %zu: %s", (unsigned long long)bench.seed, (unsigned long long)bench.clocks, i, what);
		if (i < expected.size()) {
			const espnic_sa_params &p = params[expected[i].answer.sa];

			show("C", expected[i].answer);
			comment_hex("in", expected[i].in);
			Bench::comment("SA: mode %d enc %d esn %d udp %d outer %d icv %d tfc %u mtu %u window %u sel %d", p.mode, p.enc, p.esn, p.udp_encap,
				       p.tunnel.family, p.icv_len, p.tfc_len, p.mtu, p.replay_window, p.has_sel);
		}
		return false;
	}

	Bench &bench;
	Rng rng;
	Packets packets;
	const espnic_engine_ops *ops;
	espnic_engine_thread *thread;
	Watch watch;
	espnic_sa_params params[SAS];
	espnic_sa *sas[SAS] = {};
	std::unique_ptr<Source<InBeat>> source;
	std::unique_ptr<Sink<Answer>> answers;
	std::unique_ptr<Sink<OutBeat>> sink;
	std::unique_ptr<SaMemory> memory;
	std::unique_ptr<Core> core;
	std::vector<Expected> expected;

private:
	static Answer answer(const Vtop &top)
	{
#if DECRYPT
		bool dummy = top.r_dummy_o;
#else
		bool dummy = false;
#endif
		return { top.r_sa_o, top.r_verdict_o, bool(top.r_event_o), dummy, top.r_seq_o, top.r_len_o };
	}

	void put(Vtop &top, const InBeat &b)
	{
		Bytes data = packets.rng.bytes(BEAT);

		std::copy(b.data.begin(), b.data.end(), data.begin());
		put_bytes(top.s_data_i, data);
		put_count(top, b.data.size());
		top.s_last_i = b.last;
		top.s_sa_i = uint8_t(b.sa);
#if !DECRYPT
		top.s_use_seq_i = b.use_seq;
		top.s_seq_i = b.seq;
		top.s_use_iv_i = b.use_iv;
		top.s_iv_i = 0;
		memcpy(&top.s_iv_i, b.iv.data(), b.iv.size());
#endif
	}

	void collect()
	{
		if (!collect_packets(*sink, out, outs))
			core->wrong = true;
	}

	static void show(const char *who, const Answer &a)
	{
		Bench::comment("%s: sa %u %s event %d dummy %d seq %llx len %u", who, a.sa, espnic_verdict_name(espnic_verdict(a.verdict)), a.event,
			       a.dummy, (unsigned long long)a.seq, a.len);
	}

	static bool same_answer(const Answer &want, const Answer &got)
	{
		return got.sa == want.sa && got.verdict == want.verdict && got.event == want.event && got.dummy == want.dummy &&
		       (want.verdict != ESPNIC_OK || (got.seq == want.seq && got.len == want.len));
	}

	bool same()
	{
		size_t next = 0;

		if (answers->taken.size() != expected.size())
			return fail(answers->taken.size(), "number of answers");
		for (size_t i = 0; i < expected.size(); i++) {
			const Expected &e = expected[i];

			if (!same_answer(e.answer, answers->taken[i])) {
				show("RTL", answers->taken[i]);
				return fail(i, "answer");
			}
			if (!leaves(e))
				continue;
			if (next >= outs.size())
				return fail(i, "a packet is missing");
			if (outs[next] != e.out) {
				comment_hex("C", e.out);
				comment_hex("RTL", outs[next]);
				return fail(i, "bytes");
			}
			next++;
		}
		return next == outs.size() || fail(expected.size(), "bytes too many");
	}

	std::vector<Bytes> outs;
	Bytes out;
	size_t good_count = 0;
};

/*
 * Runs a bench of class B under each pair of stalls, and says at the end whether every verdict of @drawn was there often enough.
 */
template <class B> void under_stalls(Bench &bench, unsigned slice, std::initializer_list<unsigned> drawn, bool with_dummies)
{
	unsigned verdicts[ESPNIC_VERDICTS] = {};
	unsigned dummies = 0, round = 0;

	for (auto &in : STALL_CHOICES) {
		for (auto &out : STALL_CHOICES) {
			bool good = true;

			for (unsigned i = 0; i < (bench.full ? 20 : 1) && good; i++) {
				B b(bench, in, out, round++);

				good = b.run(bench.full ? 200 : slice);
				for (unsigned v = 0; v < ESPNIC_VERDICTS; v++)
					verdicts[v] += b.verdicts[v];
				dummies += b.dummies;
			}
			bench.check(good, "as the C engine, input stalls %s, output stalls %s", in.name, out.name);
		}
	}
	for (unsigned v : drawn)
		bench.check(verdicts[v] > 5, "verdict %s was drawn, %u times", espnic_verdict_name(espnic_verdict(v)), verdicts[v]);
	if (with_dummies)
		bench.check(dummies > 5, "%u dummy packets", dummies);
}

} // namespace espnic

#endif
