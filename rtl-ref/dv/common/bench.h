/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every module's bench shares: the clock, the ends of valid/ready hops, TAP.
 *
 * A bench is bench.cpp in a folder of rtl-ref/dv, compiled against the Verilated module under the name Vtop; rtl.mk says
 * with what parameters. It runs alone:
 *
 *   build/rtl/bin/NAME [--seed N] [--full] [--trace FILE.fst]
 *
 * --full (or ESPNIC_RTL_FULL=1 in the environment) is what `make test-rtl` runs, else the slice of `make test`.
 * --trace needs a bench built by `make RTL_TRACE=1`. Exit status 0 only if every check held; an assertion of
 * the RTL that fails ends the run with its name and clock.
 */
#ifndef ESPNIC_DV_BENCH_H
#define ESPNIC_DV_BENCH_H

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
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
#include "stall.h"

namespace espnic {

/* One end of a hop: sets its inputs before a clock edge, then sees what the edge will take. */
class Agent {
public:
	virtual ~Agent() = default;
	virtual void drive() = 0;
	virtual void sample() = 0;
};

class Bench {
public:
	Bench(int argc, char **argv)
	{
		for (int i = 1; i < argc; i++) {
			if (!strcmp(argv[i], "--full"))
				full = true;
			else if (!strcmp(argv[i], "--seed") && i + 1 < argc)
				seed = strtoull(argv[++i], nullptr, 0);
			else if (!strcmp(argv[i], "--trace") && i + 1 < argc)
				trace_file = argv[++i];
#ifdef ESPNIC_MUTANTS
			else if (!strcmp(argv[i], "--mutant") && i + 1 < argc)
				mutant = unsigned(atoi(argv[++i]));
#endif
			else
				die("usage: %s [--seed N] [--full] [--trace FILE.fst]", argv[0]);
		}
		const char *env = getenv("ESPNIC_RTL_FULL");

		full = full || (env && !strcmp(env, "1"));
#if !VM_TRACE
		if (trace_file)
			die("--trace: this bench was built without traces (make RTL_TRACE=1)");
#endif
		printf("# seed %llu%s\n", (unsigned long long)seed, full ? ", full" : "");
	}

	/* A fresh circuit, reset; agents of the one before are forgotten. Where coverage is counted the circuit stays one, for it has the counts. */
	void restart()
	{
		agents.clear();
		clocks = 0;
		if (!VM_COVERAGE || !top)
			make_model();
		top->rst_ni = 0;
		for (int i = 0; i < 4; i++)
			tick();
		top->rst_ni = 1;
	}

	void add(Agent *agent) { agents.push_back(agent); }
	void forget_agents() { agents.clear(); }

	/* One clock: agents drive, the circuit settles, agents see what the rising edge takes, the edge. */
	void tick()
	{
		for (auto *a : agents)
			a->drive();
		edge(0);
		for (auto *a : agents)
			a->sample();
		edge(1);
		clocks++;
	}

	/* Ticks until @done says so; false after @limit clocks without it. */
	bool run(const std::function<bool()> &done, uint64_t limit)
	{
		for (uint64_t i = 0; i < limit; i++) {
			if (done())
				return true;
			tick();
		}
		return done();
	}

	/* One TAP line; what says more goes to comment() before it. */
	void check(bool good, const char *fmt, ...) __attribute__((format(printf, 3, 4)))
	{
		va_list ap;

		va_start(ap, fmt);
		printf("%s %u - ", good ? "ok" : "not ok", ++tests);
		vprintf(fmt, ap);
		printf("\n");
		va_end(ap);
		failures += !good;
#ifdef ESPNIC_MUTANTS
		/* The fault is noticed, and that was the question. */
		if (mutant && !good)
			exit(1);
#endif
	}

	static void comment(const char *fmt, ...) __attribute__((format(printf, 1, 2)))
	{
		va_list ap;

		va_start(ap, fmt);
		printf("# ");
		vprintf(fmt, ap);
		printf("\n");
		va_end(ap);
	}

	[[noreturn]] static void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)))
	{
		va_list ap;

		va_start(ap, fmt);
		vfprintf(stderr, fmt, ap);
		fprintf(stderr, "\n");
		va_end(ap);
		exit(2);
	}

	/* Closes the TAP stream; what main() returns. */
	int close()
	{
		finish_model();
		printf("1..%u\n", tests);
		return failures || !tests ? 1 : 0;
	}

	std::unique_ptr<Vtop> top;
	uint64_t clocks = 0;
	uint64_t seed = 1;
	bool full = false;

private:
	void edge(int level)
	{
		top->clk_i = level;
		top->eval();
#if VM_TRACE
		if (trace)
			trace->dump(clocks * 2 + level);
#endif
		if (context->gotError() || context->gotFinish())
			die("not ok %u - an assertion failed at clock %llu", tests + 1, (unsigned long long)clocks);
	}

	void make_model()
	{
		finish_model();
		context = std::make_unique<VerilatedContext>();
		context->randReset(2);
		context->randSeed(int(seed % 0x7fffffff) + 1);
		context->traceEverOn(trace_file != nullptr);
		top = std::make_unique<Vtop>(context.get(), "top");
#ifdef ESPNIC_MUTANTS
		top->mutant_i = mutant;
#endif
#if VM_TRACE
		if (trace_file) {
			trace = std::make_unique<VerilatedFstC>();
			top->trace(trace.get(), 99);
			trace->open(trace_file);
		}
#endif
	}

	void finish_model()
	{
		if (!top)
			return;
		top->final();
#if VM_TRACE
		trace.reset();
#endif
#if VM_COVERAGE
		if (const char *file = getenv("ESPNIC_RTL_COVERAGE"))
			context->coveragep()->write(file);
#endif
		top.reset();
	}

	std::unique_ptr<VerilatedContext> context;
#if VM_TRACE
	std::unique_ptr<VerilatedFstC> trace;
#endif
	std::vector<Agent *> agents;
	const char *trace_file = nullptr;
#ifdef ESPNIC_MUTANTS
	unsigned mutant = 0; /* which fault of dv/mutate is on */
#endif
	unsigned tests = 0, failures = 0;
};

/*
 * Offers items on a hop. @put sets the payload's signals of an item, @last says whether it ends a packet (for
 * stalls there). An item once offered stays until taken, as the rules of the hop want.
 */
template <class Item> class Source : public Agent {
public:
	using Put = std::function<void(const Item &)>;
	using Last = std::function<bool(const Item &)>;

	Source(uint8_t &valid, const uint8_t &ready, Put put, Last last = {}) : valid(valid), ready(ready), put(put), last(last) {}

	void drive() override
	{
		if (!offered && !queue.empty() && !stall.now(last && last(queue.front()))) {
			offered = true;
			put(queue.front());
		}
		valid = offered;
	}

	void sample() override
	{
		if (!offered || !ready)
			return;
		queue.pop_front();
		offered = false;
		sent++;
	}

	std::deque<Item> queue;
	Stall stall;
	uint64_t sent = 0;

private:
	uint8_t &valid;
	const uint8_t &ready;
	Put put;
	Last last;
	bool offered = false;
};

/* Takes what a hop offers. @get reads the payload's signals; @is_last (of the signals as they stand) steers stalls. */
template <class Item> class Sink : public Agent {
public:
	using Get = std::function<Item()>;
	using IsLast = std::function<bool()>;

	Sink(const uint8_t &valid, uint8_t &ready, Get get, IsLast is_last = {}) : valid(valid), ready(ready), get(get), is_last(is_last) {}

	/* The signals still show the clock before: good enough to know of a last beat that waits. */
	void drive() override { ready = !stall.now(is_last && valid && is_last()); }

	void sample() override
	{
		if (valid && ready)
			taken.push_back(get());
	}

	std::deque<Item> taken;
	Stall stall;

private:
	const uint8_t &valid;
	uint8_t &ready;
	Get get;
	IsLast is_last;
};

} // namespace espnic

#endif
