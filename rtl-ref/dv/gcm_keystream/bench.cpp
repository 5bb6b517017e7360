// SPDX-License-Identifier: BSD-2-Clause
// espnic_gcm_keystream against OpenSSL's AES: counters, the place of the mask, credits under stalls.

#include "bench.h"
#include "gcm_oracle.h"

using namespace espnic;

struct Start {
	Bytes key, nonce;
	unsigned blocks;
};

static Bytes keystream_block(const Start &s, uint32_t counter)
{
	Bytes block = s.nonce;

	for (int shift = 24; shift >= 0; shift -= 8)
		block.push_back(uint8_t(counter >> shift));
	return aes_block(s.key, block);
}

static void starts(Bench &bench, const StallChoice &in, const StallChoice &out)
{
	bench.restart();
	Vtop &top = *bench.top;
	Rng rng(bench.seed);
	Source<Start> source(top.start_valid_i, top.start_ready_o, [&](const Start &s) {
		put_bytes(top.key_i, s.key);
		top.key_size_i = uint8_t(s.key.size() / 8 - 2);
		put_bytes(top.nonce_i, s.nonce);
		top.blocks_i = uint16_t(s.blocks);
	});
	Sink<Bytes> sink(top.valid_o, top.ready_i, [&] { return get_bytes(top.data_o, 16 * LANES); });
	std::vector<Bytes> want; /* each as long as it has meaning */

	bench.add(&source);
	bench.add(&sink);
	source.stall = Stall(in.kind, in.k, rng.next());
	sink.stall = Stall(out.kind, out.k, rng.next());
	for (unsigned i = 0; i < (bench.full ? 200u : 40u); i++) {
		Start s = { rng.bytes(16 + 8 * rng.below(3)), rng.bytes(12), unsigned(i == 7 ? 300 : rng.below(4 * LANES)) };
		Bytes beat;

		source.queue.push_back(s);
		for (unsigned b = 0; b <= s.blocks; b++) {
			Bytes block = keystream_block(s, b == s.blocks ? 1 : b + 2);

			beat.insert(beat.end(), block.begin(), block.end());
			if (beat.size() == 16 * LANES || b == s.blocks) {
				want.push_back(beat);
				beat.clear();
			}
		}
	}
	bool done = bench.run([&] { return sink.taken.size() >= want.size(); }, 1000 + 100 * want.size());

	for (int i = 0; i < 30; i++)
		bench.tick();
	bool good = done && sink.taken.size() == want.size();

	for (size_t i = 0; good && i < want.size(); i++) {
		sink.taken[i].resize(want[i].size());
		good = sink.taken[i] == want[i];
		if (!good)
			Bench::comment("beat %zu is wrong", i);
	}
	bench.check(good, "%zu beats, starts stall %s, output stalls %s", want.size(), in.name, out.name);
}

int main(int argc, char **argv)
{
	Bench bench(argc, argv);

	for (auto &in : STALL_CHOICES)
		for (auto &out : STALL_CHOICES)
			if (bench.full || &in == STALL_CHOICES || &out == STALL_CHOICES)
				starts(bench, in, out);
	return bench.close();
}
