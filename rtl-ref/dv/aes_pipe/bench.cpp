// SPDX-License-Identifier: BSD-2-Clause
// espnic_aes_pipe against FIPS 197, NIST's known answers and OpenSSL: another key each clock, with and without gaps.

#include "bench.h"
#include "gcm_oracle.h"
#include "vectors.h"

using namespace espnic;

static constexpr unsigned CLOCKS = 15; // espnic_gcm_pkg::AesClocks

struct Job {
	Bytes key;
	Bytes in, out; // LANES blocks
};

/* All jobs in order, a gap of some clocks before one in @gap of them (0: none); true if each came out CLOCKS later, as it should. */
static bool flow(Bench &bench, const std::vector<Job> &jobs, unsigned gap)
{
	bench.restart();
	Vtop &top = *bench.top;
	Rng rng(bench.seed);
	std::deque<uint64_t> due;
	size_t entered = 0, left = 0, wait = 0;
	bool good = true;

	while (left < jobs.size() && good) {
		bool enter = entered < jobs.size() && !wait;

		top.valid_i = enter;
		put_bytes(top.key_i, enter ? jobs[entered].key : rng.bytes(32));
		put_bytes(top.data_i, enter ? jobs[entered].in : rng.bytes(16 * LANES));
		top.key_size_i = enter ? uint8_t(jobs[entered].key.size() / 8 - 2) : uint8_t(rng.below(3));
		if (enter) {
			due.push_back(bench.clocks + CLOCKS);
			entered++;
			if (gap && rng.one_in(gap))
				wait = 1 + rng.below(20);
		} else if (wait) {
			wait--;
		}
		bench.tick();
		/* What the edge just past put out. */
		bool expected = !due.empty() && due.front() == bench.clocks;

		if (bool(top.valid_o) != expected) {
			Bench::comment("clock %llu: valid_o is %d", (unsigned long long)bench.clocks, top.valid_o);
			good = false;
		} else if (expected) {
			due.pop_front();
			if (get_bytes(top.data_o, 16 * LANES) != jobs[left].out) {
				Bench::comment("job %zu, key of %zu bytes: wrong block", left, jobs[left].key.size());
				good = false;
			}
			left++;
		}
	}
	return good;
}

static Job make_job(const Bytes &key, const Bytes &in)
{
	Job job = { key, in, {} };

	for (unsigned lane = 0; lane < LANES; lane++) {
		Bytes out = aes_block(key, Bytes(in.begin() + 16 * lane, in.begin() + 16 * (lane + 1)));

		job.out.insert(job.out.end(), out.begin(), out.end());
	}
	return job;
}

/* The same answer in every lane. */
static Job known(const Bytes &key, const Bytes &in, const Bytes &out)
{
	Job job = { key, {}, {} };

	for (unsigned lane = 0; lane < LANES; lane++) {
		job.in.insert(job.in.end(), in.begin(), in.end());
		job.out.insert(job.out.end(), out.begin(), out.end());
	}
	return job;
}

static void fips197(Bench &bench)
{
	Bytes text = from_hex("00112233445566778899aabbccddeeff");
	const std::string key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
	std::vector<Job> jobs = {
		known(from_hex(key.substr(0, 32)), text, from_hex("69c4e0d86a7b0430d8cdb78070b4c55a")),
		known(from_hex(key.substr(0, 48)), text, from_hex("dda97ca4864cdfe06eaf70a0ec0d7191")),
		known(from_hex(key), text, from_hex("8ea2b7ca516745bfeafc49904b496089")),
	};

	bench.check(flow(bench, jobs, 0), "FIPS 197 appendix C");
}

static void cavp(Bench &bench)
{
	const std::string folder = vectors_folder() + "/ciphers/AES/ECB/";
	std::vector<Job> jobs;

	for (const char *kind : { "GFSbox", "KeySbox", "VarKey", "VarTxt", "MMT" }) {
		for (const char *size : { "128", "192", "256" }) {
			for (auto &r : rsp_records(folder + "ECB" + kind + size + ".rsp", "CIPHERTEXT")) {
				Bytes in = from_hex(r["PLAINTEXT"]), out = from_hex(r["CIPHERTEXT"]), key = from_hex(r["KEY"]);

				/* A file's second half, decryption, has its members in another order. */
				if (in.empty())
					continue;
				for (size_t at = 0; at < in.size(); at += 16)
					jobs.push_back(known(key, Bytes(in.begin() + at, in.begin() + at + 16), Bytes(out.begin() + at, out.begin() + at + 16)));
			}
		}
	}
	bench.check(jobs.size() > 1000 && flow(bench, jobs, 0), "NIST CAVP: %zu known answers", jobs.size());
}

static void random_jobs(Bench &bench)
{
	for (unsigned gap : { 0, 3, 1 }) {
		Rng rng(bench.seed + gap);
		std::vector<Job> jobs;

		for (unsigned i = 0; i < (bench.full ? 5000u : 500u); i++)
			jobs.push_back(make_job(rng.bytes(16 + 8 * rng.below(3)), rng.bytes(16 * LANES)));
		bench.check(flow(bench, jobs, gap), "%zu random keys and blocks, %s", jobs.size(), gap ? "with gaps" : "one a clock");
	}
}

int main(int argc, char **argv)
{
	Bench bench(argc, argv);

	fips197(bench);
	cavp(bench);
	random_jobs(bench);
	return bench.close();
}
