/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Seedable random numbers, and the generators of stalls: each end of each hop has one of its own, for gaps
 * between what is offered as well as for refusing what comes. What a circuit computes must not depend on them.
 */
#ifndef ESPNIC_DV_STALL_H
#define ESPNIC_DV_STALL_H

#include <cstddef>
#include <cstdint>

#include "bits.h"

namespace espnic {

/* splitmix64: any seed is a good one, and equal seeds give equal runs on every machine. */
class Rng {
public:
	explicit Rng(uint64_t seed) : state(seed) {}

	uint64_t next()
	{
		uint64_t z = state += 0x9e3779b97f4a7c15u;

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
		return z ^ (z >> 31);
	}

	/* 0..n-1 */
	uint64_t below(uint64_t n) { return next() % n; }
	bool one_in(uint64_t n) { return below(n) == 0; }

	Bytes bytes(size_t len)
	{
		Bytes out(len);

		for (auto &b : out)
			b = uint8_t(next());
		return out;
	}

private:
	uint64_t state;
};

enum class StallKind {
	Never,
	Always,  /* a pause after every single transfer */
	OneInK,  /* each clock stalls with probability 1/k */
	Mostly,  /* each clock goes with probability 1/k */
	Bursty,  /* runs of up to k clocks of either */
	AtLast,  /* up to k clocks before each last beat, none elsewhere */
};

class Stall {
public:
	Stall(StallKind kind, unsigned k, uint64_t seed) : kind(kind), k(k), rng(seed) {}
	Stall() : Stall(StallKind::Never, 1, 0) {}

	/* Asked once a clock: does this end pause now? @at_last: the transfer in question is the last of a packet. */
	bool now(bool at_last)
	{
		if (hold) {
			hold--;
			return true;
		}
		switch (kind) {
		case StallKind::Never:
			return false;
		case StallKind::Always:
			return paused = !paused;
		case StallKind::OneInK:
			return rng.one_in(k);
		case StallKind::Mostly:
			return !rng.one_in(k);
		case StallKind::Bursty:
			if (!left) {
				left = 1 + rng.below(k);
				paused = !paused;
			}
			left--;
			return paused;
		case StallKind::AtLast:
			if (!at_last) {
				armed = true;
				return false;
			}
			if (armed) {
				armed = false;
				left = 1 + rng.below(k);
			}
			if (left) {
				left--;
				return true;
			}
			armed = true;
			return false;
		}
		return false;
	}

	unsigned hold = 0;  /* clocks to stall first, whatever the kind */

private:
	StallKind kind;
	unsigned k;
	Rng rng;
	unsigned left = 0;
	bool paused = false;
	bool armed = true;
};

struct StallChoice {
	const char *name;
	StallKind kind;
	unsigned k;
};

constexpr StallChoice STALL_CHOICES[] = {
	{ "never", StallKind::Never, 1 },      { "always", StallKind::Always, 1 },
	{ "1-in-3", StallKind::OneInK, 3 },    { "all but 1 in 5", StallKind::Mostly, 5 },
	{ "bursty", StallKind::Bursty, 40 },   { "at last", StallKind::AtLast, 9 },
};
constexpr size_t STALL_CHOICE_COUNT = sizeof(STALL_CHOICES) / sizeof(STALL_CHOICES[0]);

} // namespace espnic

#endif
