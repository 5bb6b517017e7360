/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How many clocks a direction takes: packets of one size, nothing stalls, the bytes compared all the same. With ESPNIC_RTL_RATES=FILE in the
 * environment a bench does nothing else, and the figures go there as JSON.
 *
 * Sizes are those of clear IP packets. What is counted against the bus are the bytes of ESP packets: they are the more.
 */
#ifndef ESPNIC_DV_RATES_H
#define ESPNIC_DV_RATES_H

#include <cerrno>
#include <cinttypes>
#include <ctime>

#include "direction.h"

namespace espnic {

constexpr size_t RATE_SIZES[] = { 46, 64, 128, 256, 512, 1024, 1420, 1500, 4096, 9000 };
/* The least IP packet of an Ethernet frame, and from there every size of four beats of four lanes: what is more takes a clock more for 64 bytes more. */
constexpr size_t SWEEP_FROM = 46, SWEEP_TO = SWEEP_FROM + 4 * 64;

/* What an SA does to packets, in so far as it may take clocks. */
struct Shape {
	const char *name;
	espnic_sa_mode mode;
	espnic_ip_family outer;
	espnic_enc enc;
	bool esn;
};

constexpr Shape RATE_SHAPES[] = {
	{ "tunnel over IPv4", ESPNIC_MODE_TUNNEL, ESPNIC_IPV4, ESPNIC_ENC_AES_GCM, true },
	{ "tunnel over IPv6", ESPNIC_MODE_TUNNEL, ESPNIC_IPV6, ESPNIC_ENC_AES_GCM, true },
	{ "tunnel over IPv4, no ESN", ESPNIC_MODE_TUNNEL, ESPNIC_IPV4, ESPNIC_ENC_AES_GCM, false },
	{ "transport", ESPNIC_MODE_TRANSPORT, ESPNIC_IPV4, ESPNIC_ENC_AES_GCM, true },
	{ "tunnel over IPv4, GMAC", ESPNIC_MODE_TUNNEL, ESPNIC_IPV4, ESPNIC_ENC_AES_GMAC, true },
};

struct Load {
	size_t size;   /* bytes of a clear packet */
	unsigned sas;  /* packets are of one after the other */
	const Shape &shape;
};

struct Rate {
	Load load;
	size_t esp_size;   /* bytes of a protected packet */
	double clocks;     /* a packet, one behind the other */
	uint64_t latency;  /* first beat in to first beat out, of a packet alone */
	uint64_t whole;    /* first beat in to last beat out, likewise */
	uint64_t ticks;    /* simulated for it all */
};

/* An SA that takes packets of every size for ever: a key of 256 bits, an ICV of 16 bytes, a window of 64. */
inline void rate_params(espnic_sa_params &p, Rng &rng, unsigned i, const Shape &shape)
{
	espnic_sa_params_init(&p);
	p.spi = 0x1000 + i;
	p.dir = DECRYPT ? ESPNIC_DIR_IN : ESPNIC_DIR_OUT;
	p.mode = shape.mode;
	p.enc = shape.enc;
	p.enc_key_len = 32;
	for (auto &b : p.enc_key)
		b = uint8_t(rng.next());
	p.salt_len = 4;
	for (auto &b : p.salt)
		b = uint8_t(rng.next());
	p.icv_len = 16;
	p.esn = shape.esn;
	p.tunnel.family = shape.outer;
	p.tunnel.ttl = 64;
	p.tunnel.df = ESPNIC_DF_SET;
	p.replay_window = DECRYPT ? 64 : 0;
}

/* An IPv4 packet of @size bytes, UDP. */
inline Bytes rate_packet(Rng &rng, size_t size)
{
	Bytes p = rng.bytes(size);
	static const uint8_t head[] = { 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17 };

	memcpy(p.data(), head, sizeof(head));
	p[2] = uint8_t(size >> 8);
	p[3] = uint8_t(size);
	return p;
}

/* B: a Direction with a constructor (bench, load). */
template <class B> bool measure(Bench &bench, const Load &load, std::vector<Rate> &rates)
{
	unsigned count = load.size > 2000 ? 24 : load.size > 400 ? 60 : 160;
	Rate r = { load, 0, 0, 0, 0, 0 };
	{
		B alone(bench, { load.size, 1, load.shape });

		if (!alone.run(1))
			return false;
		r.latency = alone.times().first_out[0] - alone.times().first_in[0];
		r.whole = alone.times().last_out[0] - alone.times().first_in[0];
		r.ticks = bench.clocks;
	}
	B many(bench, load);

	if (!many.run(count))
		return false;
	/* From where what was stored at the start is gone. */
	const std::vector<uint64_t> &ends = many.times().last_out;
	size_t from = ends.size() / 2;

	r.esp_size = many.esp_size();
	r.ticks += bench.clocks;
	r.clocks = double(ends.back() - ends[from]) / double(ends.size() - 1 - from);
	rates.push_back(r);
	return true;
}

inline double of_bus(const Rate &r) { return double(r.esp_size) / BEAT / r.clocks; }

/* Clocks that 100 Gb/s Ethernet leaves for an ESP packet at 322 MHz: its bytes, 18 of Ethernet's header and FCS, 20 between frames. */
inline double clocks_at_100g(const Rate &r) { return double(r.esp_size + 38) * 8 / 100e9 * 322e6; }

/* @speed: simulated clocks in a second of processor time. */
inline void write_rates(const std::vector<Rate> &rates, double speed)
{
	const char *file = getenv("ESPNIC_RTL_RATES");

	if (!file)
		return;
	FILE *f = fopen(file, "w");

	if (!f)
		Bench::die("%s: %s", file, strerror(errno));
	fprintf(f, "{\"direction\": \"%s\", \"lanes\": %d, \"clocks_a_second\": %.0f, \"rates\": [\n", DECRYPT ? "in" : "out", LANES, speed);
	for (size_t i = 0; i < rates.size(); i++) {
		const Rate &r = rates[i];

		fprintf(f, " {\"shape\": \"%s\", \"size\": %zu, \"esp_size\": %zu, \"sas\": %u, \"clocks\": %.3f, \"latency\": %" PRIu64
			", \"whole\": %" PRIu64 "}%s\n", r.load.shape.name, r.load.size, r.esp_size, r.load.sas, r.clocks, r.latency, r.whole,
			i + 1 < rates.size() ? "," : "");
	}
	fprintf(f, "]}\n");
	if (fclose(f))
		Bench::die("%s: %s", file, strerror(errno));
}

inline void comment_rate(const Rate &r)
{
	Bench::comment("%s, %zu bytes (%zu of ESP), %u SAs: %.2f clocks a packet, %.3f of the bus, first beat after %" PRIu64 ", last after %" PRIu64,
		       r.load.shape.name, r.load.size, r.esp_size, r.load.sas, r.clocks, of_bus(r), r.latency, r.whole);
}

/* All loads that the report shows. */
template <class B> bool measure_all(Bench &bench, std::vector<Rate> &rates)
{
	for (unsigned sas : { 1u, SAS }) {
		for (size_t size : RATE_SIZES) {
			if (!measure<B>(bench, { size, sas, RATE_SHAPES[0] }, rates))
				return false;
			comment_rate(rates.back());
		}
	}
	for (size_t shape = 1; shape < std::size(RATE_SHAPES); shape++) {
		for (size_t size : { 64u, 1420u }) {
			if (!measure<B>(bench, { size, 1, RATE_SHAPES[shape] }, rates))
				return false;
			comment_rate(rates.back());
		}
	}
	for (size_t size = SWEEP_FROM; size < SWEEP_TO && LANES == 4; size++) {
		if (!measure<B>(bench, { size, 1, RATE_SHAPES[0] }, rates))
			return false;
	}
	return true;
}

template <class B> void rates(Bench &bench)
{
	std::vector<Rate> all;
	clock_t start = clock();

	bench.check(measure_all<B>(bench, all), "packets of one size, one behind the other");
	clock_t took = clock() - start;
	uint64_t clocks = 0;
	bool fast = true, soon = true, full_bus = true;

	for (auto &r : all) {
		clocks += r.ticks;
		if (r.clocks > clocks_at_100g(r)) {
			fast = false;
			comment_rate(r);
		}
		/* The bytes that came in front of the packet's end are no latency of the engine. */
		if (r.load.size == 64)
			soon = soon && r.latency <= 40 + ((DECRYPT ? r.esp_size : r.load.size) + BEAT - 1) / BEAT;
		/* Not AES-GMAC, which hashes SPI, number and IV as text; nor transport mode, where this size leaves the ICV no room behind the text. */
		if (r.load.size == 1420 && r.load.shape.enc == ESPNIC_ENC_AES_GCM && r.load.shape.mode == ESPNIC_MODE_TUNNEL)
			full_bus = full_bus && of_bus(r) >= 0.95;
	}
	/* Fewer lanes are for slower wires. */
	if (LANES == 4) {
		bench.check(fast, "every size at 100 Gb/s with 322 MHz");
		bench.check(full_bus, "0.95 of the bus with packets of 1420 bytes");
		bench.check(soon, "first beat of 64 bytes within 40 clocks");
	}
	write_rates(all, double(clocks) * CLOCKS_PER_SEC / double(took + 1));
}

} // namespace espnic

#endif
