// SPDX-License-Identifier: BSD-2-Clause
// espnic_ghash against GHASH by the definition: packets of all lengths, back to back and with gaps, each with an H of its own.

#include <algorithm>

#include "bench.h"
#include "gcm_oracle.h"

using namespace espnic;

struct Message {
	Bytes h_pow, mask;
	std::vector<Bytes> blocks;
	Bytes tag;
};

static Message make_message(Rng &rng, size_t count)
{
	Message m;
	Bytes h = rng.bytes(16), power = h, acc(16);

	for (unsigned i = 0; i < LANES; i++) {
		m.h_pow.insert(m.h_pow.end(), power.begin(), power.end());
		power = gf128_mul(power, h);
	}
	m.mask = rng.bytes(16);
	for (size_t i = 0; i < count; i++) {
		m.blocks.push_back(rng.one_in(10) ? Bytes(16) : rng.bytes(16));
		for (int k = 0; k < 16; k++)
			acc[k] ^= m.blocks[i][k];
		acc = gf128_mul(acc, h);
	}
	m.tag = acc;
	for (int k = 0; k < 16; k++)
		m.tag[k] ^= m.mask[k];
	return m;
}

/* A beat of @m from block @at on, or noise without valid when @m is null. */
static void drive(Vtop &top, Rng &rng, const Message *m, size_t at)
{
	size_t count = m ? std::min(size_t(LANES), m->blocks.size() - at) : rng.below(LANES + 1);
	Bytes blocks;

	for (size_t i = 0; m && i < count; i++)
		blocks.insert(blocks.end(), m->blocks[at + i].begin(), m->blocks[at + i].end());
	top.valid_i = m != nullptr;
	top.first_i = m ? at == 0 : rng.one_in(2);
	top.last_i = m ? at + count == m->blocks.size() : rng.one_in(2);
	top.count_i = uint8_t(count);
	put_bytes(top.blocks_i, m ? blocks : rng.bytes(16 * LANES));
	put_bytes(top.h_pow_i, m ? m->h_pow : rng.bytes(16 * LANES));
	put_bytes(top.mask_i, m && top.last_i ? m->mask : rng.bytes(16));
}

static void messages(Bench &bench, const StallChoice &gaps)
{
	Rng rng(bench.seed);
	Stall stall(gaps.kind, gaps.k, bench.seed + 1);
	std::vector<Message> list;
	std::vector<Bytes> tags;

	for (size_t count = 1; count <= 4 * LANES + 1; count++)
		for (int i = 0; i < (bench.full ? 40 : 8); i++)
			list.push_back(make_message(rng, i % 2 ? 1 + rng.below(3 * LANES) : count));
	bench.restart();
	Vtop &top = *bench.top;

	for (size_t m = 0, at = 0, after = 0; after < 10; bench.tick()) {
		bool last = m < list.size() && at + LANES >= list[m].blocks.size();

		if (m == list.size() || stall.now(last)) {
			drive(top, rng, nullptr, 0);
			after += m == list.size();
		} else {
			drive(top, rng, &list[m], at);
			at = last ? 0 : at + LANES;
			m += last;
		}
		if (top.tag_valid_o)
			tags.push_back(get_bytes(top.tag_o, 16));
	}
	bool good = tags.size() == list.size();

	for (size_t i = 0; good && i < list.size(); i++) {
		good = tags[i] == list[i].tag;
		if (!good)
			Bench::comment("message %zu of %zu blocks: wrong tag", i, list[i].blocks.size());
	}
	bench.check(good, "%zu messages, gaps %s", list.size(), gaps.name);
}

int main(int argc, char **argv)
{
	Bench bench(argc, argv);

	for (auto &gaps : STALL_CHOICES)
		messages(bench, gaps);
	return bench.close();
}
