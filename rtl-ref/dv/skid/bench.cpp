// SPDX-License-Identifier: BSD-2-Clause
// espnic_skid and espnic_fifo, which promise the same but for depth: order, no loss, full rate, under all stalls.

#include "bench.h"

using namespace espnic;

static void order_under_stalls(Bench &bench, const StallChoice &in, const StallChoice &out, unsigned count)
{
	bench.restart();
	Vtop &top = *bench.top;
	Source<uint32_t> source(top.valid_i, top.ready_o, [&](uint32_t v) { top.data_i = v; });
	Sink<uint32_t> sink(top.valid_o, top.ready_i, [&] { return uint32_t(top.data_o); });
	Rng rng(bench.seed);
	std::deque<uint32_t> sent;

	source.stall = Stall(in.kind, in.k, rng.next());
	sink.stall = Stall(out.kind, out.k, rng.next());
	bench.add(&source);
	bench.add(&sink);
	for (unsigned i = 0; i < count; i++)
		sent.push_back(uint32_t(rng.next()));
	source.queue = sent;
	bool done = bench.run([&] { return sink.taken.size() >= count; }, 100 * uint64_t(count));

	/* Whatever comes after the last is too much. */
	for (int i = 0; i < 4; i++)
		bench.tick();
	bench.check(done && sink.taken == sent, "order, input stalls %s, output stalls %s", in.name, out.name);
}

static void full_rate(Bench &bench)
{
	const unsigned count = 100;

	bench.restart();
	Vtop &top = *bench.top;
	Source<uint32_t> source(top.valid_i, top.ready_o, [&](uint32_t v) { top.data_i = v; });
	Sink<uint32_t> sink(top.valid_o, top.ready_i, [&] { return uint32_t(top.data_o); });

	bench.add(&source);
	bench.add(&sink);
	source.queue.assign(count, 7);
	uint64_t start = bench.clocks;

	bench.run([&] { return sink.taken.size() >= count; }, 10 * count);
	uint64_t took = bench.clocks - start;

	bench.check(took == count + 1, "an item a clock, one clock of latency: %u items in %llu clocks", count, (unsigned long long)took);
}

static void capacity(Bench &bench)
{
	bench.restart();
	Vtop &top = *bench.top;
	Source<uint32_t> source(top.valid_i, top.ready_o, [&](uint32_t v) { top.data_i = v; });

	bench.add(&source);
	top.ready_i = 0;
	source.queue.assign(CAPACITY + 5, 1);
	for (int i = 0; i < CAPACITY + 10; i++)
		bench.tick();
	bench.check(source.sent == CAPACITY, "holds %d, held %llu", CAPACITY, (unsigned long long)source.sent);

	/* A reset empties it. */
	bench.forget_agents();
	top.valid_i = 0;
	top.rst_ni = 0;
	bench.tick();
	top.rst_ni = 1;
	bench.tick();
	bench.check(!top.valid_o && top.ready_o, "empty after a reset");
}

int main(int argc, char **argv)
{
	Bench bench(argc, argv);

	for (auto &in : STALL_CHOICES)
		for (auto &out : STALL_CHOICES)
			order_under_stalls(bench, in, out, bench.full ? 20000 : 1000);
	full_rate(bench);
	capacity(bench);
	return bench.close();
}
