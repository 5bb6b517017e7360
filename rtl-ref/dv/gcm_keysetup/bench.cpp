// SPDX-License-Identifier: BSD-2-Clause
// espnic_gcm_keysetup against OpenSSL's AES and the definition of the product.

#include "bench.h"
#include "gcm_oracle.h"

using namespace espnic;

static unsigned rounds(size_t key_len)
{
	return unsigned(key_len) / 4 + 6;
}

static void keys(Bench &bench, const StallChoice &stall)
{
	bench.restart();
	Vtop &top = *bench.top;
	Source<Bytes> start(top.start_valid_i, top.start_ready_o, [&](const Bytes &key) {
		put_bytes(top.key_i, key);
		top.key_size_i = uint8_t(key.size() / 8 - 2);
	});
	Sink<Bytes> done(top.done_valid_o, top.done_ready_i, [&] { return get_bytes(top.h_pow_o, 16 * LANES); });
	Rng rng(bench.seed);
	std::deque<Bytes> want;
	uint64_t clocks = 0;
	bool shown = false;

	bench.add(&start);
	bench.add(&done);
	start.stall = Stall(stall.kind, stall.k, rng.next());
	done.stall = Stall(stall.kind, stall.k, rng.next());
	for (unsigned i = 0; i < (bench.full ? 300u : 30u); i++) {
		Bytes key = rng.bytes(16 + 8 * (i % 3));

		start.queue.push_back(key);
		want.push_back(h_powers(key, LANES));
		clocks += rounds(key.size()) + 128 * (LANES - 1) + 2;
	}
	bool ended = bench.run([&] {
		if (!top.done_valid_o && get_bytes(top.h_pow_o, 16 * LANES) != Bytes(16 * LANES))
			shown = true;
		return done.taken.size() == want.size();
	}, 3 * clocks + 10000);

	bench.check(ended && done.taken == want, "%zu keys, stalls %s", want.size(), stall.name);
	bench.check(!shown, "no power shows but when it is the result");
	if (stall.kind == StallKind::Never)
		bench.check(bench.clocks == clocks + 4, "rounds + 128 a power + 2 clocks each: %llu", (unsigned long long)bench.clocks);
}

int main(int argc, char **argv)
{
	Bench bench(argc, argv);

	for (auto &stall : STALL_CHOICES)
		keys(bench, stall);
	return bench.close();
}
