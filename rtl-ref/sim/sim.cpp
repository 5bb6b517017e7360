// SPDX-License-Identifier: BSD-2-Clause
/* espnic_esp_engine behind device-model/engine/rtl_sim.h: reset, clock, bus, memory, and both ends of its four streams. */
#include <cstdlib>
#include <deque>
#include <memory>
#include <vector>

#include <verilated.h>
#if VM_TRACE
#include <verilated_fst_c.h>
#endif
#if VM_COVERAGE
#include <verilated_cov.h>
#endif

#include "Vtop.h"
#include "bits.h"
#include "engine/rtl_sim.h"
#include "espnic_rtl_records.h"
#include "memory.h"
#include "stall.h"

using namespace espnic;

namespace {

constexpr size_t BEAT = 16 * LANES;	/* bytes */
constexpr unsigned RESET_CLOCKS = 4;
constexpr unsigned STALL_MOST = 8;	/* k of the random stalls */

struct Answer {
	uint32_t sa, verdict;
	bool event, dummy;
	uint64_t seq;
	uint32_t len;
};

struct Queued {
	Bytes data;
	uint32_t sa;
	bool named, use_seq, use_iv;
	uint64_t seq, iv;
};

/* What one direction waits for, outside of the model. */
struct Stream {
	std::deque<Queued> in;
	size_t at = 0;			/* bytes of in.front() that are taken */
	bool offered = false;
	std::deque<Answer> answers;
	std::deque<Bytes> outs;
	Bytes part, pulled;
	Stall in_stall, answer_stall, out_stall;

	/* Whether the stream's next beat is to be on the wires now; what is offered stays. */
	bool offer()
	{
		offered = offered || (!in.empty() && !in_stall.now(last()));
		return offered;
	}

	bool last() const { return at + BEAT >= in.front().data.size(); }

	void taken()
	{
		offered = false;
		at += BEAT;
		if (at >= in.front().data.size()) {
			in.pop_front();
			at = 0;
		}
	}
};

template <class Sig> size_t beat_bytes(const Sig &keep)
{
	return size_t(__builtin_popcountll(keep));
}

/* @stream's next beat on the wires of a stream that goes in. */
template <class Data, class Keep> void put_beat(const Stream &stream, Data &data, Keep &keep, uint8_t &last)
{
	const Bytes &bytes = stream.in.front().data;
	size_t left = bytes.size() - stream.at, n = left < BEAT ? left : BEAT;

	put_bytes(data, bytes.data() + stream.at, n);
	keep = Keep(n < 64 ? (uint64_t(1) << n) - 1 : UINT64_MAX);
	last = n == left;
}

/* What a stream that comes out has shown; true: the packet is whole. */
template <class Data, class Keep> bool get_beat(Stream &stream, const Data &data, const Keep &keep, bool last)
{
	const uint8_t *bytes = reinterpret_cast<const uint8_t *>(&data);

	stream.part.insert(stream.part.end(), bytes, bytes + beat_bytes(keep));
	if (last) {
		stream.outs.push_back(std::move(stream.part));
		stream.part.clear();
	}
	return last;
}

} // namespace

struct espnic_rtl_model {
	explicit espnic_rtl_model(const espnic_rtl_sim_config &cfg)
	{
		context.randReset(2);
		context.randSeed(1);
		context.traceEverOn(cfg.trace != nullptr);
		top = std::make_unique<Vtop>(&context, "top");
#if VM_TRACE
		if (cfg.trace) {
			trace = std::make_unique<VerilatedFstC>();
			top->trace(trace.get(), 99);
			trace->open(cfg.trace);
			trace_from = cfg.trace_from;
		}
#endif
		/* A program may end without closing what it has open. */
		if (VM_TRACE || VM_COVERAGE) {
			unfinished = this;
			std::atexit([] {
				if (unfinished)
					unfinished->finish_files();
			});
		}
		top->bus_valid_i = 0;
		top->rst_ni = 0;
		for (unsigned i = 0; i < RESET_CLOCKS; i++)
			tick();
		top->rst_ni = 1;
		if (cfg.stalls)
			set_stalls(cfg.stalls);
		while (read(ESPNIC_RTL_REG_STATUS) & 1)
			tick();
	}

	~espnic_rtl_model()
	{
		top->final();
		finish_files();
	}

	/* Waves that are not closed cannot be read, and counts are written at the end alone. */
	void finish_files()
	{
		if (unfinished == this)
			unfinished = nullptr;
#if VM_TRACE
		trace.reset();
#endif
#if VM_COVERAGE
		if (const char *file = std::getenv("ESPNIC_RTL_COVERAGE"))
			context.coveragep()->write(file);
#endif
	}

	/* True: an answer or a packet became whole. */
	bool tick()
	{
		bool news;

		drive();
		edge(0);
		/* Before and within a reset wires show whatever they like. */
		news = top->rst_ni && sample();
		if (top->rst_ni)
			memory.sample(*top, clocks);
		edge(1);
		clocks++;
		return news;
	}

	uint32_t read(uint32_t reg)
	{
		access(reg, false, 0);
		/* The answer stands on the wires since the edge that took the question. */
		return top->bus_data_o;
	}

	void write(uint32_t reg, uint32_t value) { access(reg, true, value); }

private:
	VerilatedContext context;	/* outlives the model, which is of it */

public:
	std::unique_ptr<Vtop> top;
	Stream out, in;
	uint64_t clocks = 0;

private:
	Memory<Vtop> memory;

	void access(uint32_t reg, bool is_write, uint32_t value)
	{
		top->bus_valid_i = 1;
		top->bus_write_i = is_write;
		top->bus_addr_i = uint16_t(reg);
		top->bus_data_i = value;
		tick();
		top->bus_valid_i = 0;
	}

	void set_stalls(uint64_t seed)
	{
		Rng rng(seed);

		for (Stall *stall : { &out.in_stall, &out.answer_stall, &out.out_stall, &in.in_stall, &in.answer_stall, &in.out_stall,
				      &memory.rd_stall, &memory.wr_stall, &memory.data_stall })
			*stall = Stall(StallKind(rng.below(unsigned(StallKind::AtLast) + 1)), 1 + unsigned(rng.below(STALL_MOST)), rng.next());
	}

	void drive()
	{
		memory.drive(*top, clocks);
		top->o_valid_i = out.offer();
		if (out.offered) {
			const Queued &p = out.in.front();

			put_beat(out, top->o_data_i, top->o_keep_i, top->o_last_i);
			top->o_sa_i = uint16_t(p.sa);
			top->o_use_seq_i = p.use_seq;
			top->o_seq_i = p.seq;
			top->o_use_iv_i = p.use_iv;
			top->o_iv_i = p.iv;
		}
		top->i_valid_i = in.offer();
		if (in.offered) {
			put_beat(in, top->i_data_i, top->i_keep_i, top->i_last_i);
			top->i_named_i = in.in.front().named;
			top->i_sa_i = uint16_t(in.in.front().sa);
		}
		top->p_ready_i = !out.answer_stall.now(false);
		top->q_ready_i = !out.out_stall.now(top->q_valid_o && top->q_last_o);
		top->c_ready_i = !in.answer_stall.now(false);
		top->d_ready_i = !in.out_stall.now(top->d_valid_o && top->d_last_o);
	}

	bool sample()
	{
		bool news = false;

		if (out.offered && top->o_ready_o)
			out.taken();
		if (in.offered && top->i_ready_o)
			in.taken();
		if (top->p_valid_o && top->p_ready_i) {
			out.answers.push_back({ top->p_sa_o, top->p_verdict_o, bool(top->p_event_o), false, top->p_seq_o, top->p_len_o });
			news = true;
		}
		if (top->c_valid_o && top->c_ready_i) {
			in.answers.push_back({ top->c_sa_o, top->c_verdict_o, bool(top->c_event_o), bool(top->c_dummy_o), top->c_seq_o,
					       top->c_len_o });
			news = true;
		}
		if (top->q_valid_o && top->q_ready_i)
			news |= get_beat(out, top->q_data_o, top->q_keep_o, top->q_last_o);
		if (top->d_valid_o && top->d_ready_i)
			news |= get_beat(in, top->d_data_o, top->d_keep_o, top->d_last_o);
		return news;
	}

	void edge(int level)
	{
		top->clk_i = uint8_t(level);
		top->eval();
#if VM_TRACE
		if (trace && clocks >= trace_from)
			trace->dump(clocks * 2 + unsigned(level));
#endif
	}

#if VM_TRACE
	std::unique_ptr<VerilatedFstC> trace;
	uint64_t trace_from = 0;
#endif
	static inline espnic_rtl_model *unfinished = nullptr;
};

namespace {

espnic_rtl_model *sim_open(const espnic_rtl_sim_config *cfg, const char **why)
{
	if (cfg->trace && !VM_TRACE) {
		*why = "this library writes no traces: make RTL_TRACE=1 rtl-engine";
		return nullptr;
	}
	return new espnic_rtl_model(*cfg);
}

void sim_close(espnic_rtl_model *model) { delete model; }
void sim_write(espnic_rtl_model *model, uint32_t reg, uint32_t value) { model->write(reg, value); }
uint32_t sim_read(espnic_rtl_model *model, uint32_t reg) { return model->read(reg); }
uint64_t sim_clocks(const espnic_rtl_model *model) { return model->clocks; }

void sim_push(espnic_rtl_model *model, unsigned int dir, const espnic_rtl_packet *pkt)
{
	uint64_t iv = 0;

	memcpy(&iv, pkt->iv, sizeof(iv));
	(dir ? model->in : model->out).in.push_back({ Bytes(pkt->data, pkt->data + pkt->len), pkt->sa, pkt->named, pkt->use_seq, pkt->use_iv,
						      pkt->seq, iv });
}

bool sim_pull(espnic_rtl_model *model, unsigned int dir, espnic_rtl_answer *answer)
{
	Stream &stream = dir ? model->in : model->out;

	if (stream.answers.empty())
		return false;
	const Answer a = stream.answers.front();
	bool bytes = a.verdict == 0 && !a.dummy;

	if (bytes && stream.outs.empty())
		return false;
	*answer = { a.sa, a.verdict, a.event, a.dummy, a.seq, nullptr, 0 };
	if (bytes) {
		stream.pulled = std::move(stream.outs.front());
		stream.outs.pop_front();
		if (stream.pulled.size() != a.len)
			vl_fatal(__FILE__, __LINE__, "top", "an answer and its packet differ in length");
		answer->data = stream.pulled.data();
		answer->len = a.len;
	}
	stream.answers.pop_front();
	return true;
}

void sim_step(espnic_rtl_model *model, unsigned int clocks)
{
	while (clocks-- && !model->tick())
		;
}

} // namespace

extern "C" __attribute__((visibility("default"))) const espnic_rtl_sim_ops espnic_rtl_sim = {
	ESPNIC_RTL_SIM_VERSION, sim_open, sim_close, sim_write, sim_read, sim_push, sim_pull, sim_step, sim_clocks,
};
