/* SPDX-License-Identifier: BSD-2-Clause */
/* Chains of IPv6 extension headers, most of them sound, for benches of what follows them. */
#ifndef ESPNIC_DV_EXT_CHAIN_H
#define ESPNIC_DV_EXT_CHAIN_H

#include "stall.h"

namespace espnic {

constexpr uint8_t EXT_HOP = 0, EXT_ROUTING = 43, EXT_FRAGMENT = 44, EXT_DST = 60;

/*
 * Up to @most headers, the first of type @first, the last naming @upper. With @sound none stands where it must not, or says
 * that it is longer than it is.
 */
inline Bytes ext_chain(Rng &rng, uint8_t first, uint8_t upper, unsigned most, bool sound)
{
	static const uint8_t kinds[] = { EXT_DST, EXT_ROUTING, EXT_FRAGMENT, EXT_DST, EXT_HOP };
	unsigned n = 1 + unsigned(rng.below(most));
	Bytes out;
	uint8_t kind = first;

	for (unsigned i = 0; i < n; i++) {
		uint8_t next = i + 1 == n ? upper : kinds[rng.below(sound ? 4 : 5)];
		size_t units = kind == EXT_FRAGMENT || rng.one_in(3) ? 0 : rng.below(6);
		Bytes header = rng.bytes(8 + 8 * units);

		header[0] = next;
		if (kind == EXT_FRAGMENT) {
			/* Mostly one that does not cut anything off. */
			if (!rng.one_in(4)) {
				header[2] = 0;
				header[3] &= 7;
			}
		} else {
			header[1] = uint8_t(units);
			if (!sound && rng.one_in(20))
				header[1] = uint8_t(rng.next());
		}
		out.insert(out.end(), header.begin(), header.end());
		kind = next;
	}
	return out;
}

} // namespace espnic

#endif
