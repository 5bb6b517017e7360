// SPDX-License-Identifier: BSD-2-Clause
// espnic_udp_csum against the checksum of RFC 768 and RFC 8200 as they define it, packets that want one among others.

#include "bench.h"

using namespace espnic;

namespace {

constexpr size_t BEAT = 16 * LANES;
constexpr size_t HLEN = 40, SRC = 8, UDP_LEN = 8, CSUM_AT = 6;
constexpr unsigned UDP = 17;

struct Job {
	bool csum;
	unsigned off, len;
};

struct Beat {
	Bytes data;
	bool last;
};

/* Ones' complement sum of big-endian 16-bit words, added to @sum. */
uint32_t add(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i += 2) {
		sum += uint32_t(p[i] << 8 | p[i + 1]);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

class CsumBench {
public:
	CsumBench(Bench &bench, const StallChoice &in, const StallChoice &out) : bench(bench), rng(bench.seed * 131 + in.k * 7 + out.k)
	{
		bench.restart();
		Vtop &top = *bench.top;

		jobs = std::make_unique<Source<Job>>(top.job_valid_i, top.job_ready_o, [&top](const Job &j) {
			top.job_csum_i = j.csum;
			top.job_off_i = j.off;
			top.job_len_i = uint16_t(j.len);
		});
		source = std::make_unique<Source<Beat>>(
			top.s_valid_i, top.s_ready_o,
			[&top](const Beat &b) {
				put_bytes(top.s_data_i, b.data);
				top.s_count_i = uint8_t(b.data.size());
				top.s_last_i = b.last;
			},
			[](const Beat &b) { return b.last; });
		sink = std::make_unique<Sink<Beat>>(
			top.m_valid_o, top.m_ready_i, [&top] { return Beat{ get_bytes(top.m_data_o, top.m_count_o), bool(top.m_last_o) }; },
			[&top] { return bool(top.m_last_o); });
		source->stall = Stall(in.kind, in.k, rng.next());
		jobs->stall = Stall(in.kind, in.k, rng.next());
		sink->stall = Stall(out.kind, out.k, rng.next());
		bench.add(jobs.get());
		bench.add(source.get());
		bench.add(sink.get());
	}

	bool run(unsigned packets)
	{
		size_t beats = 0;

		for (unsigned i = 0; i < packets; i++)
			beats += packet();
		if (!bench.run([&] { return sink->taken.size() >= beats; }, 60 * beats + 2000)) {
			Bench::comment("%zu of %zu beats", sink->taken.size(), beats);
			return false;
		}
		return same();
	}

	unsigned zeros = 0, wanted = 0;

private:
	/* Beats of it. */
	size_t packet()
	{
		bool csum = rng.below(3);
		size_t off = HLEN + 8 * rng.below(rng.one_in(3) ? 6 : 1);
		size_t body = 4 * (8 + rng.below(rng.one_in(20) ? 2300 : 60));
		Bytes p = rng.bytes(off + UDP_LEN + body);
		Job job = { csum, unsigned(off), unsigned(UDP_LEN + body) };

		p[off + CSUM_AT] = p[off + CSUM_AT + 1] = 0;
		/* Once in a while one whose sum is such that the checksum would be 0. */
		if (csum && rng.one_in(10)) {
			uint16_t last = uint16_t(0xffff - sum_without(p, job));

			p[p.size() - 2] = uint8_t(last >> 8);
			p[p.size() - 1] = uint8_t(last);
		}
		jobs->queue.push_back(job);
		for (size_t at = 0; at < p.size(); at += BEAT) {
			size_t end = std::min(at + BEAT, p.size());

			source->queue.push_back({ Bytes(p.begin() + long(at), p.begin() + long(end)), end == p.size() });
		}
		if (csum) {
			uint16_t c = checksum(p, job);

			zeros += c == 0;
			wanted++;
			c = c ? c : 0xffff;
			p[off + CSUM_AT] = uint8_t(c >> 8);
			p[off + CSUM_AT + 1] = uint8_t(c);
		}
		expected.push_back(p);
		return (p.size() + BEAT - 1) / BEAT;
	}

	static uint32_t pseudo(const Bytes &p, const Job &j) { return add(UDP + j.len, p.data() + SRC, 32); }

	/* All but the last two bytes. */
	static uint32_t sum_without(const Bytes &p, const Job &j)
	{
		return add(pseudo(p, j), p.data() + j.off, j.len - 2);
	}

	static uint16_t checksum(const Bytes &p, const Job &j) { return uint16_t(~add(pseudo(p, j), p.data() + j.off, j.len)); }

	bool same()
	{
		size_t n = 0;
		Bytes got;

		for (auto &beat : sink->taken) {
			got.insert(got.end(), beat.data.begin(), beat.data.end());
			if (!beat.last)
				continue;
			if (got != expected[n]) {
				Bench::comment("packet %zu of %zu bytes", n, expected[n].size());
				return false;
			}
			got.clear();
			n++;
		}
		return n == expected.size();
	}

	Bench &bench;
	Rng rng;
	std::unique_ptr<Source<Job>> jobs;
	std::unique_ptr<Source<Beat>> source;
	std::unique_ptr<Sink<Beat>> sink;
	std::vector<Bytes> expected;
};

} // namespace

int main(int argc, char **argv)
{
	Bench bench(argc, argv);
	unsigned zeros = 0, wanted = 0;

	for (auto &in : STALL_CHOICES)
		for (auto &out : STALL_CHOICES) {
			CsumBench b(bench, in, out);

			bench.check(b.run(bench.full ? 1500 : 120), "checksums, input stalls %s, output stalls %s", in.name, out.name);
			zeros += b.zeros;
			wanted += b.wanted;
			bench.forget_agents();
		}
	bench.check(zeros > 20 && wanted > 20 * 36, "%u checksums, %u of them 0", wanted, zeros);
	return bench.close();
}
