// SPDX-License-Identifier: BSD-2-Clause
/*
 * espnic_protect against the C engine: for each packet its answer and every byte of what leaves, for each SA its
 * whole state. AES-GCM behind the boundary is libcrypto's (gcm_model.h), so a wrong nonce or AAD shows as wrong bytes.
 */

#define TO_CORE(sig) plain_##sig
#define FROM_CORE(sig) crypt_##sig
#define DECRYPT false
#include "../sa/direction.h"
#include "../sa/random_sa.h"
#if WHOLE
#include "../sa/rates.h"
#endif

extern "C" {
#include "engine/ip.h"
#include "engine/selector.h"
}

using namespace espnic;

namespace {

enum Op { INIT = 2, QUERY = 3 };

class ProtectBench : public Direction {
public:
	ProtectBench(Bench &bench, const StallChoice &in, const StallChoice &out, unsigned round)
		: Direction(bench, in, out, bench.seed * 65537 + round)
	{
	}

	bool big = false;  /* packets of 4,000 bytes and more, all of the SA that goes on to the end */

protected:
	void add(unsigned i) override
	{
		espnic_sa_params &p = params[i];

		espnic_sa_params_init(&p);
		random_shape(rng, p);
		p.spi = uint32_t(rng.next()) | 1;
		/* The SA most packets are of goes on to the end. */
		if (i == 0) {
			p.has_sel = false;
			p.soft_packets = p.hard_packets = p.soft_bytes = p.hard_bytes = 0;
		}
		p.mtu = !big && rng.one_in(4) ? uint32_t(100 + rng.below(1500)) : 0;
		if (p.mode == ESPNIC_MODE_TUNNEL && rng.one_in(3))
			p.tfc_len = uint32_t(rng.below(1600));
		p.seq = rng.one_in(6) ? (p.esn ? UINT64_MAX : UINT32_MAX) - rng.below(20) :
			rng.one_in(3) ? UINT32_MAX - rng.below(20) : rng.below(1000);
		if (rng.one_in(6)) {
			p.lease_end = p.seq + rng.below(40);
			p.lease_mark = p.lease_end - rng.below(8);
		}
		if (big)
			p.seq = p.lease_end = p.lease_mark = 0;
		/* Once in a while an SA of the other direction, by mistake. */
		p.dir = rng.one_in(20) && !big ? ESPNIC_DIR_IN : ESPNIC_DIR_OUT;
		make(i);
	}

	/* The SA of params[i], in the C engine and in the RTL. */
	void make(unsigned i)
	{
		const espnic_sa_params &p = params[i];
		const char *why = "";

		if (ops->sa_add(&p, &sas[i], &why) != ESPNIC_OK)
			Bench::die("the C engine refuses an SA of the bench: %s", why);
		memory->statics[i] = static_record(p, 0, 0);
		memory->keys[i] = key_bytes(p);
		configure(INIT, i, out_record(sas[i], p));
	}

	SaOut configure(Op op, unsigned sa, const SaOut &record)
	{
		SaOut before;

		record.to(bench.top->cfg_record_i);
		request(op, sa);
		before.from(bench.top->cfg_record_o);
		bench.tick();
		return before;
	}

	size_t random_len()
	{
		if (big)
			return 4000 + rng.below(5000);
		switch (rng.below(12)) {
		case 0: return rng.below(9700);
		case 1: return rng.below(1500);
		case 2: return rng.below(2);
		case 3: return rng.one_in(6) ? 9600 + rng.below(300) : rng.below(100);
		default: return rng.below(160);
		}
	}

	Expected packet() override
	{
		Expected e;
		unsigned i = big ? 0 : unsigned(rng.below(rng.one_in(3) ? SAS : 3));
		bool use_seq = rng.one_in(12), use_iv = rng.one_in(8);
		uint64_t seq = params[i].seq + rng.below(60);
		Bytes iv = rng.bytes(8), buf;
		espnic_pkt pkt = {};

		e.in = packets.any(random_len(), 8);
		lay(e.in, i, buf, pkt);
		pkt.iv = use_iv ? iv.data() : nullptr;
		pkt.seq = seq;
		pkt.flags = use_seq ? ESPNIC_PKT_SEQ : 0;
		/* Where the RTL's memory ends the C engine does not know; its SA stays as it is. */
		if (params[i].dir == ESPNIC_DIR_OUT && e.in.size() > MAX_FRAME) {
			e.answer = { i, ESPNIC_MTU, false, false, 0, 0 };
		} else {
			ops->protect(thread, &pkt, 1);
			answered(e, i, pkt);
		}
		for (auto &b : beats_of(e.in, BEAT))
			source->queue.push_back({ b.data, b.last, i, use_seq, use_iv, seq, iv });
		return e;
	}

	bool same_state() override
	{
		for (unsigned i = 0; i < SAS; i++) {
			SaOut want = out_record(sas[i], params[i]), got = configure(QUERY, i, {});

			if (memcmp(&want, &got, sizeof(want))) {
				Bench::comment("SA %u: seq C %llx RTL %llx, packets C %llu RTL %llu, id C %llu RTL %llu", i,
					       (unsigned long long)want.get(ESPNIC_FIELD(SA_OUT_SEQ)), (unsigned long long)got.get(ESPNIC_FIELD(SA_OUT_SEQ)),
					       (unsigned long long)want.get(ESPNIC_LIFE_FIELD(SA_OUT, PACKETS)),
					       (unsigned long long)got.get(ESPNIC_LIFE_FIELD(SA_OUT, PACKETS)),
					       (unsigned long long)want.get(ESPNIC_FIELD(SA_OUT_IP_ID)), (unsigned long long)got.get(ESPNIC_FIELD(SA_OUT_IP_ID)));
				return fail(expected.size(), "state of an SA");
			}
		}
		return true;
	}
};

#if WHOLE

class Rates : public ProtectBench {
public:
	Rates(Bench &bench, const Load &load) : ProtectBench(bench, STALL_CHOICES[0], STALL_CHOICES[0], 0), load(load) {}

	const Watch &times() const { return watch; }
	size_t esp_size() const { return expected[0].out.size(); }

protected:
	void add(unsigned i) override
	{
		rate_params(params[i], rng, i, load.shape);
		make(i);
	}

	Expected packet() override
	{
		Expected e;
		Bytes buf;
		espnic_pkt pkt = {};
		unsigned i = unsigned(expected.size() % load.sas);

		e.in = rate_packet(rng, load.size);
		lay(e.in, i, buf, pkt);
		ops->protect(thread, &pkt, 1);
		answered(e, i, pkt);
		for (auto &b : beats_of(e.in, BEAT))
			source->queue.push_back({ b.data, b.last, i, false, false, 0, {} });
		return e;
	}

private:
	Load load;
};

#endif

/* What is stored cannot leave, and the store fills up. */
void full_store(Bench &bench)
{
	const unsigned clocks = 4000, count = 40, round = 1000;
	ProtectBench b(bench, STALL_CHOICES[0], STALL_CHOICES[0], round);

	b.big = true;
	b.hold_output(clocks);
	bool good = b.run(count);

	bench.check(good && b.verdicts[ESPNIC_OK] > count / 2, "no output for %u clocks, %u packets of 4,000 bytes and more", clocks, count);
}

} // namespace

int main(int argc, char **argv)
{
	Bench bench(argc, argv);

#if WHOLE
	bool rates_alone = getenv("ESPNIC_RTL_RATES");
#else
	bool rates_alone = false;
#endif

	if (!rates_alone) {
		under_stalls<ProtectBench>(bench, 60, { ESPNIC_OK, ESPNIC_MALFORMED, ESPNIC_NO_SA, ESPNIC_SEQ_EXHAUSTED, ESPNIC_LIFETIME, ESPNIC_SELECTOR, ESPNIC_MTU,
						ESPNIC_LEASE }, false);
		full_store(bench);
	}
#if WHOLE
	rates<Rates>(bench);
#endif
	return bench.close();
}
