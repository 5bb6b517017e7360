/* SPDX-License-Identifier: BSD-2-Clause */
/* Random IP packets for the benches: well formed ones of all shapes, and ones that are not quite. */
#ifndef ESPNIC_DV_PACKETS_H
#define ESPNIC_DV_PACKETS_H

#include "bits.h"
#include "stall.h"

namespace espnic {

class Packets {
public:
	explicit Packets(uint64_t seed) : rng(seed) {}

	/* A well formed packet of about @payload bytes behind its headers. */
	Bytes good(size_t payload) { return rng.one_in(2) ? ipv4(payload) : ipv6(payload); }

	/* The same, and one time in @k something about it is wrong, or at least odd. */
	Bytes any(size_t payload, unsigned k)
	{
		Bytes p = good(payload);

		if (rng.one_in(k))
			damage(p);
		return p;
	}

	Bytes ipv4(size_t payload)
	{
		size_t hlen = 20 + (rng.one_in(3) ? 4 * rng.below(11) : 0);
		Bytes p = rng.bytes(hlen + payload);

		p[0] = uint8_t(0x40 | hlen / 4);
		put16(p, 2, p.size());
		/* No fragment, mostly; DF as it comes. */
		if (rng.below(12)) {
			p[6] &= 0x40;
			p[7] = 0;
		}
		p[9] = protocol();
		return trailing(p);
	}

	Bytes ipv6(size_t payload)
	{
		Bytes p = rng.bytes(40);

		p[0] = uint8_t(0x60 | (p[0] & 0x0f));
		size_t next = 6;

		if (rng.one_in(3)) {
			unsigned n = 1 + rng.below(4);

			for (unsigned i = 0; i < n; i++)
				next = extension(p, next, i == 0);
		}
		p[next] = protocol();
		Bytes rest = rng.bytes(payload);

		p.insert(p.end(), rest.begin(), rest.end());
		put16(p, 4, p.size() - 40);
		return trailing(p);
	}

	/* Changes something of what headers say, or cuts. */
	void damage(Bytes &p)
	{
		switch (rng.below(7)) {
		case 0:
			p.resize(1 + rng.below(p.size()));
			break;
		case 1:
			p[0] = uint8_t(rng.next());
			break;
		case 2:
			put16(p, p[0] >> 4 == 4 ? 2 : 4, rng.next());
			break;
		case 3:
			put16(p, p[0] >> 4 == 4 ? 2 : 4, p.size() + rng.below(80) - 70);
			break;
		case 4:
			p[rng.below(p.size() < 80 ? p.size() : 80)] ^= uint8_t(1 << rng.below(8));
			break;
		case 5: /* another chain of headers than it has */
			p[p[0] >> 4 == 4 ? 9 : 6] = extensions[rng.below(4)];
			break;
		default: /* a byte, or a part of a header */
			p.resize(1 + rng.below(p.size() < 60 ? p.size() : 60));
			break;
		}
	}

	Rng rng;

private:
	static constexpr uint8_t extensions[] = { 0, 43, 44, 60 };

	static void put16(Bytes &p, size_t off, size_t v)
	{
		if (off + 2 > p.size())
			return;
		p[off] = uint8_t(v >> 8);
		p[off + 1] = uint8_t(v);
	}

	uint8_t protocol()
	{
		static const uint8_t known[] = { 1, 4, 6, 17, 33, 41, 50, 58, 59, 132, 136 };

		return rng.below(5) ? known[rng.below(sizeof(known))] : uint8_t(rng.next());
	}

	/* One more extension header; returns where its next header stands. */
	size_t extension(Bytes &p, size_t next, bool first)
	{
		uint8_t type = extensions[rng.below(4)];
		size_t off = p.size(), units = type == 44 ? 0 : rng.one_in(3) ? rng.below(6) : 0;
		Bytes h = rng.bytes(8 + 8 * units);

		if (type == 0 && !first)
			type = 60;
		if (type == 44) {
			/* Mostly an atomic fragment, or a first one. */
			h[2] = h[3] = 0;
			if (rng.one_in(3))
				h[3] = 1;
			if (rng.one_in(6))
				h[2] = uint8_t(rng.next());
		} else {
			h[1] = uint8_t(units);
		}
		p[next] = type;
		p.insert(p.end(), h.begin(), h.end());
		return off;
	}

	/* Bytes behind the packet, as Ethernet has them. */
	Bytes trailing(Bytes &p)
	{
		if (rng.one_in(5)) {
			Bytes more = rng.bytes(1 + rng.below(46));

			p.insert(p.end(), more.begin(), more.end());
		}
		return p;
	}
};

/* Beats of a stream of @Lanes * 16 bytes each. */
struct Beat {
	Bytes data;
	bool last;
};

inline std::vector<Beat> beats_of(const Bytes &p, size_t beat)
{
	std::vector<Beat> out;

	for (size_t off = 0; off < p.size(); off += beat) {
		size_t end = off + beat < p.size() ? off + beat : p.size();

		out.push_back({ Bytes(p.begin() + long(off), p.begin() + long(end)), end == p.size() });
	}
	return out;
}

} // namespace espnic

#endif
