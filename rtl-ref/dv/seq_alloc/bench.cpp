// SPDX-License-Identifier: BSD-2-Clause
// espnic_seq_alloc against the C engine: for each packet verdict, number, identification, event, and the whole state.

#include <algorithm>

#include "bench.h"
#include "../sa/oracle.h"
#include "../sa/record.h"

using namespace espnic;

namespace {

constexpr unsigned MOST = 9000;	/* bytes of a packet */
constexpr unsigned SAS = 4;  /* few: what one packet leaves behind, the next one finds at once */

enum Op { PACKET = 0, INIT = 2, QUERY = 3, SEQ = 4, LIFE = 5, LEASE = 6 };

struct Request {
	Op op;
	unsigned sa;
	bool esn, use_seq, take_id;
	uint64_t seq;
	uint32_t bytes;
	SaOut record;
};

struct Response {
	unsigned verdict;
	uint64_t seq;
	uint16_t ip_id;
	bool event;
	SaOut record;
};

/* One SA in both worlds. */
struct Sa {
	espnic_sa_params p;
	espnic_sa *c = nullptr;
};

class SeqBench {
public:
	SeqBench(Bench &bench, const StallChoice &in, const StallChoice &out)
		: bench(bench), rng(bench.seed * 977 + in.k * 31 + out.k), ops(espnic_engine_get("ref", nullptr)), thread(ops->thread_new())
	{
		bench.restart();
		Vtop &top = *bench.top;

		source = std::make_unique<Source<Request>>(top.req_valid_i, top.req_ready_o, [&top](const Request &r) { put(top, r); });
		sink = std::make_unique<Sink<Response>>(top.rsp_valid_o, top.rsp_ready_i, [&top] { return get(top); });
		source->stall = Stall(in.kind, in.k, rng.next());
		sink->stall = Stall(out.kind, out.k, rng.next());
		bench.add(source.get());
		bench.add(sink.get());
	}

	~SeqBench()
	{
		for (auto &sa : sas)
			ops->sa_del(sa.c);
		ops->thread_free(thread);
	}

	bool run(unsigned requests)
	{
		for (unsigned i = 0; i < SAS; i++)
			add(i);
		for (unsigned i = 0; i < requests; i++)
			random_request();
		source->queue.assign(sent.begin(), sent.end());
		if (!bench.run([&] { return sink->taken.size() >= sent.size(); }, 200 * uint64_t(sent.size())))
			return fail(sink->taken.size(), "no answer");
		for (size_t i = 0; i < sent.size(); i++)
			if (!same(i))
				return false;
		return true;
	}

	unsigned verdicts[ESPNIC_VERDICTS] = {};

private:
	static void put(Vtop &top, const Request &r)
	{
		top.req_op_i = r.op;
		top.req_sa_i = r.sa;
		top.req_esn_i = r.esn;
		top.req_use_seq_i = r.use_seq;
		top.req_seq_i = r.seq;
		top.req_bytes_i = r.bytes;
		top.req_take_id_i = r.take_id;
		r.record.to(top.req_record_i);
	}

	static Response get(const Vtop &top)
	{
		Response r = { top.rsp_verdict_o, top.rsp_seq_o, top.rsp_ip_id_o, bool(top.rsp_event_o), {} };

		r.record.from(top.rsp_record_o);
		return r;
	}

	uint64_t start_seq(bool esn)
	{
		uint64_t near = rng.below(12);

		switch (rng.below(4)) {
		case 0: return near;
		case 1: return UINT32_MAX - near;
		case 2: return esn ? UINT64_MAX - near : UINT32_MAX - near;
		default: return esn ? rng.next() : uint32_t(rng.next());
		}
	}

	/* A number with as many bits as any other. */
	uint64_t any() { return rng.next() >> rng.below(64); }

	/* None, soon after @from, a little less, or any; one bit alone among them. */
	uint64_t limit(uint64_t from, uint64_t max)
	{
		switch (rng.below(8)) {
		case 0: return uint64_t(1) << rng.below(64);
		case 1: return any();
		case 2: return from - std::min(from, rng.below(max));
		case 3:
		case 4: return from + 1 + rng.below(max);
		default: return 0;
		}
	}

	/* Limits of an SA that has counted @packets and @bytes. */
	void random_life(espnic_sa_params &p, uint64_t packets, uint64_t bytes)
	{
		p.soft_packets = limit(packets, 40);
		p.hard_packets = limit(packets, 60);
		p.soft_bytes = limit(bytes, 4000);
		p.hard_bytes = limit(bytes, 8000);
	}

	static void life_fields(SaOut &r, const espnic_sa_params &p)
	{
		r.set(ESPNIC_LIFE_FIELD(SA_OUT, SOFT_PACKETS), p.soft_packets);
		r.set(ESPNIC_LIFE_FIELD(SA_OUT, HARD_PACKETS), p.hard_packets);
		r.set(ESPNIC_LIFE_FIELD(SA_OUT, SOFT_BYTES), p.soft_bytes);
		r.set(ESPNIC_LIFE_FIELD(SA_OUT, HARD_BYTES), p.hard_bytes);
	}

	static void lease_fields(SaOut &r, const espnic_sa_params &p)
	{
		r.set(ESPNIC_FIELD(SA_OUT_LEASE_MARK), p.lease_mark);
		r.set(ESPNIC_FIELD(SA_OUT_LEASE_END), p.lease_end);
	}

	void random_lease(espnic_sa_params &p, uint64_t seq)
	{
		p.lease_end = rng.one_in(2) ? 0 : seq + rng.below(30);
		p.lease_mark = p.lease_end > 5 ? p.lease_end - rng.below(5) : p.lease_end;
	}

	/* Expects an answer with the state of the SA as it stands now, and no other news. */
	void expect_plain(unsigned sa)
	{
		Response r = { ESPNIC_OK, 0, 0, false, state(sa) };

		expected.push_back(r);
	}

	SaOut state(unsigned sa)
	{
		espnic_oracle_state st;
		SaOut r;

		espnic_oracle_read(sas[sa].c, &st);
		r.set(ESPNIC_FIELD(SA_OUT_SEQ), st.seq);
		r.set(ESPNIC_FIELD(SA_OUT_IP_ID), st.ip_id);
		r.set(ESPNIC_LIFE_FIELD(SA_OUT, PACKETS), st.packets);
		r.set(ESPNIC_LIFE_FIELD(SA_OUT, BYTES), st.bytes);
		r.set(ESPNIC_LIFE_FIELD(SA_OUT, EVENTS), st.events);
		r.set(ESPNIC_LIFE_FIELD(SA_OUT, RAISED), st.raised);
		life_fields(r, sas[sa].p);
		lease_fields(r, sas[sa].p);
		return r;
	}

	void add(unsigned i)
	{
		Sa &sa = sas[i];
		Request r = {};

		espnic_sa_params_init(&sa.p);
		sa.p.spi = 1 + i;
		sa.p.mode = ESPNIC_MODE_TUNNEL;
		sa.p.tunnel.family = ESPNIC_IPV4;
		sa.p.tunnel.df = i % 2 ? ESPNIC_DF_SET : ESPNIC_DF_CLEAR;
		sa.p.enc = ESPNIC_ENC_AES_GCM;
		sa.p.enc_key_len = 16;
		sa.p.salt_len = 4;
		sa.p.esn = i / 2 % 2;
		sa.p.seq = start_seq(sa.p.esn);
		uint64_t packets = rng.one_in(2) ? 0 : any(), bytes = rng.one_in(2) ? 0 : any();

		random_life(sa.p, packets, bytes);
		random_lease(sa.p, sa.p.seq);
		if (ops->sa_add(&sa.p, &sa.c, nullptr) != ESPNIC_OK)
			Bench::die("the C engine refuses an SA of the bench");
		espnic_oracle_passed(sa.c, packets, bytes, uint16_t(rng.next()));
		r.op = INIT;
		r.sa = i;
		r.record = state(i);
		expected.push_back({});
		sent.push_back(r);
	}

	void random_request()
	{
		Request r = {};

		r.sa = rng.below(rng.one_in(3) ? SAS : 2);
		Sa &sa = sas[r.sa];
		espnic_oracle_state st;
		espnic_sa_update u = {};

		espnic_oracle_read(sa.c, &st);
		switch (rng.below(24)) {
		case 0:
			r.op = QUERY;
			expect_plain(r.sa);
			espnic_sa_state taken;
			ops->sa_query(sa.c, &taken);
			break;
		case 1:
			r.op = SEQ;
			u.what = ESPNIC_UPDATE_SEQ;
			u.seq = st.seq + rng.below(9) - 4;
			if (!sa.p.esn)
				u.seq = uint32_t(u.seq);
			expect_plain(r.sa);
			ops->sa_update(sa.c, &u);
			r.record.set(ESPNIC_FIELD(SA_OUT_SEQ), u.seq);
			break;
		case 2:
			r.op = LIFE;
			expect_plain(r.sa);
			random_life(sa.p, st.packets, st.bytes);
			u.what = ESPNIC_UPDATE_LIFE;
			u.soft_packets = sa.p.soft_packets;
			u.hard_packets = sa.p.hard_packets;
			u.soft_bytes = sa.p.soft_bytes;
			u.hard_bytes = sa.p.hard_bytes;
			ops->sa_update(sa.c, &u);
			life_fields(r.record, sa.p);
			break;
		case 3:
			r.op = LEASE;
			expect_plain(r.sa);
			random_lease(sa.p, st.seq);
			u.what = ESPNIC_UPDATE_LEASE;
			u.lease_mark = sa.p.lease_mark;
			u.lease_end = sa.p.lease_end;
			ops->sa_update(sa.c, &u);
			lease_fields(r.record, sa.p);
			break;
		default:
			packet(r, sa, st);
		}
		sent.push_back(r);
	}

	/* A packet of IPv4 through the C engine's protect. */
	void packet(Request &r, Sa &sa, const espnic_oracle_state &st)
	{
		uint8_t buf[ESPNIC_HEADROOM + MOST + ESPNIC_TAILROOM] = {};
		espnic_pkt pkt = {};

		r.op = PACKET;
		r.esn = sa.p.esn;
		r.take_id = sa.p.tunnel.df == ESPNIC_DF_CLEAR;
		r.bytes = 20 + uint32_t(rng.below(rng.one_in(8) ? MOST - 20 : 200));
		r.use_seq = rng.one_in(6);
		r.seq = rng.one_in(4) ? rng.next() >> rng.below(40) : st.seq + rng.below(7) - 2;
		pkt.data = buf + ESPNIC_HEADROOM;
		pkt.len = r.bytes;
		pkt.headroom = ESPNIC_HEADROOM;
		pkt.tailroom = sizeof(buf) - ESPNIC_HEADROOM - r.bytes;
		pkt.sa = sa.c;
		pkt.seq = r.seq;
		pkt.flags = r.use_seq ? ESPNIC_PKT_SEQ : 0;
		pkt.data[0] = 0x45;
		pkt.data[2] = uint8_t(r.bytes >> 8);
		pkt.data[3] = uint8_t(r.bytes);

		Response want = { 0, 0, 0, false, state(r.sa) };

		ops->protect(thread, &pkt, 1);
		want.verdict = pkt.verdict;
		want.event = pkt.flags & ESPNIC_PKT_EVENT;
		if (pkt.verdict == ESPNIC_OK) {
			want.seq = pkt.seq;
			want.ip_id = uint16_t(pkt.data[4] << 8 | pkt.data[5]);
		}
		verdicts[pkt.verdict]++;
		expected.push_back(want);
	}

	bool same(size_t i)
	{
		const Request &r = sent[i];
		const Response &want = expected[i], &got = sink->taken[i];

		if (r.op == INIT)
			return true;  /* what memory held before is nobody's business */
		if (got.verdict != want.verdict)
			return fail(i, "verdict");
		if (got.event != want.event)
			return fail(i, "event");
		if (r.op == PACKET && want.verdict == ESPNIC_OK && (got.seq != want.seq || got.ip_id != want.ip_id))
			return fail(i, "sequence number or identification");
		if (memcmp(&got.record, &want.record, sizeof(got.record)))
			return fail(i, "state before the request");
		return true;
	}

	bool fail(size_t i, const char *what)
	{
		Bench::comment("request %zu: %s", i, what);
		if (i < sent.size() && i < sink->taken.size()) {
			show("C", expected[i]);
			show("RTL", sink->taken[i]);
		}
		return false;
	}

	static void show(const char *who, const Response &r)
	{
		Bench::comment("%s: verdict %u seq %llx id %x event %d; sa seq %llx packets %llu bytes %llu events %llx raised %llx", who, r.verdict,
			       (unsigned long long)r.seq, r.ip_id, r.event, (unsigned long long)r.record.get(ESPNIC_FIELD(SA_OUT_SEQ)),
			       (unsigned long long)r.record.get(ESPNIC_LIFE_FIELD(SA_OUT, PACKETS)),
			       (unsigned long long)r.record.get(ESPNIC_LIFE_FIELD(SA_OUT, BYTES)),
			       (unsigned long long)r.record.get(ESPNIC_LIFE_FIELD(SA_OUT, EVENTS)),
			       (unsigned long long)r.record.get(ESPNIC_LIFE_FIELD(SA_OUT, RAISED)));
	}

	Bench &bench;
	Rng rng;
	const espnic_engine_ops *ops;
	espnic_engine_thread *thread;
	std::unique_ptr<Source<Request>> source;
	std::unique_ptr<Sink<Response>> sink;
	Sa sas[SAS];
	std::vector<Request> sent;
	std::vector<Response> expected;
};

} // namespace

int main(int argc, char **argv)
{
	Bench bench(argc, argv);
	unsigned verdicts[ESPNIC_VERDICTS] = {};

	for (auto &in : STALL_CHOICES) {
		for (auto &out : STALL_CHOICES) {
			SeqBench b(bench, in, out);

			bench.check(b.run(bench.full ? 20000 : 1500), "as the C engine, input stalls %s, output stalls %s", in.name, out.name);
			for (unsigned v = 0; v < ESPNIC_VERDICTS; v++)
				verdicts[v] += b.verdicts[v];
		}
	}
	/* The bench itself: no refusal was left out. */
	for (unsigned v : { ESPNIC_OK, ESPNIC_SEQ_EXHAUSTED, ESPNIC_LEASE, ESPNIC_LIFETIME })
		bench.check(verdicts[v] > 20, "verdict %s was drawn, %u times", espnic_verdict_name(espnic_verdict(v)), verdicts[v]);
	return bench.close();
}
