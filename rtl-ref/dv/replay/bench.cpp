// SPDX-License-Identifier: BSD-2-Clause
/*
 * espnic_replay against the C engine, which takes the same packets one by one. Here they overlap: up to eight of
 * an SA are between their look and their settling. Verdict, event and the whole state are compared at each settling, the
 * bitmap of the window whenever the SA is at rest.
 */

#include "bench.h"
#include "../sa/oracle.h"
#include "../sa/record.h"

using namespace espnic;

namespace {

constexpr unsigned SAS = 4;
constexpr unsigned UNDER_WAY_MAX = 8;
constexpr unsigned BLOCK = 64;         /* numbers in a word of window memory */
constexpr unsigned WORDS_PER_SA = 128; /* window memory of an SA here */

enum Op { LOOK = 0, SETTLE = 1, INIT = 2, QUERY = 3, SEQ = 4, LIFE = 5, WORD_READ = 7, WORD_WRITE = 8 };

struct Packet {
	espnic_oracle_packet p;
	unsigned looked;  /* verdict */
	uint64_t tried;
	bool settling;
};

struct Request {
	Op op;
	unsigned sa;
	Packet packet;
	unsigned word_addr;
	WindowWord word;
	SaIn record;
	/* What QUERY, SEQ and LIFE find, and WORD_READ is to answer. */
	SaIn before;
};

struct Response {
	bool retry;
	unsigned verdict;
	uint64_t seq;
	bool event;
	SaIn record;
	WindowWord word;
};

struct Sa {
	espnic_sa_params p;
	espnic_sa *c = nullptr;
	unsigned mask = 0;
	bool looking = false;
	Packet next;                   /* looked at, if looking */
	std::deque<Packet> under_way;
	unsigned configuring = 0;      /* requests without an answer that need the SA at rest */
	std::vector<WindowWord> words; /* as read back */
};

class ReplayBench {
public:
	ReplayBench(Bench &bench, const StallChoice &in, const StallChoice &out, unsigned round)
		: bench(bench), rng(bench.seed * 131 + round), ops(espnic_engine_get("ref", nullptr))
	{
		bench.restart();
		Vtop &top = *bench.top;

		source = std::make_unique<Source<Request>>(top.req_valid_i, top.req_ready_o, [&](const Request &r) { put(top, r); });
		sink = std::make_unique<Sink<Response>>(top.rsp_valid_o, top.rsp_ready_i, [&top] { return get(top); });
		source->stall = Stall(in.kind, in.k, rng.next());
		sink->stall = Stall(out.kind, out.k, rng.next());
		bench.add(source.get());
		bench.add(sink.get());
	}

	~ReplayBench()
	{
		for (auto &sa : sas)
			ops->sa_del(sa.c);
	}

	bool run(unsigned packets)
	{
		uint64_t limit = bench.clocks + 1000 * uint64_t(packets) + 100000;

		for (unsigned i = 0; i < SAS; i++)
			add(i);
		while ((settled < packets || !at_rest()) && good) {
			if (bench.clocks > limit)
				return fail("packets stay under way");
			while (source->queue.size() < 3 && request(settled < packets))
				;
			bench.tick();
			while (!sink->taken.empty() && good) {
				answer(issued.front(), sink->taken.front());
				issued.pop_front();
				sink->taken.pop_front();
			}
		}
		for (unsigned i = 0; i < SAS && good; i++)
			read_back(i);
		while (good && !issued.empty() && bench.clocks < limit) {
			bench.tick();
			while (!sink->taken.empty() && good) {
				answer(issued.front(), sink->taken.front());
				issued.pop_front();
				sink->taken.pop_front();
			}
		}
		return good && issued.empty();
	}

	unsigned verdicts[ESPNIC_VERDICTS] = {};
	unsigned retries = 0, overlapped = 0;

private:
	void put(Vtop &top, const Request &r)
	{
		const Sa &sa = sas[r.sa];

		top.req_op_i = r.op;
		top.req_sa_i = r.sa;
		top.req_esn_i = sa.p.esn;
		top.req_size_i = sa.p.replay_window;
		top.req_base_i = r.sa * WORDS_PER_SA;
		top.req_mask_i = sa.mask;
		/* The high half is no part of a look. */
		top.req_seq_i = r.op == SETTLE ? r.packet.tried : uint64_t(junk.next()) << 32 | r.packet.p.low;
		top.req_looked_i = r.packet.looked;
		top.req_good_i = r.packet.p.authentic && r.packet.tried == r.packet.p.sent_as;
		top.req_inner_i = r.packet.p.inner;
		top.req_bytes_i = r.packet.p.bytes;
		top.req_word_addr_i = r.word_addr;
		r.word.to(top.req_word_i);
		r.record.to(top.req_record_i);
	}

	static Response get(const Vtop &top)
	{
		Response r = { bool(top.rsp_retry_o), top.rsp_verdict_o, top.rsp_seq_o, bool(top.rsp_event_o), {}, {} };

		r.record.from(top.rsp_record_o);
		r.word.from(top.rsp_word_o);
		return r;
	}

	uint64_t start_top(bool esn)
	{
		uint64_t near = rng.below(100);

		switch (rng.below(5)) {
		case 0: return near;
		case 1: return UINT32_MAX - near;
		case 2: return esn ? UINT64_MAX - near : UINT32_MAX - near;
		case 3: return esn ? (rng.next() << 32) + near : near;
		default: return esn ? rng.next() : uint32_t(rng.next());
		}
	}

	uint64_t limit(uint64_t max) { return rng.below(3) ? 0 : 1 + rng.below(max); }

	void random_life(espnic_sa_params &p, uint64_t packets, uint64_t bytes)
	{
		p.soft_packets = limit(300);
		p.hard_packets = limit(500);
		p.soft_bytes = limit(100000);
		p.hard_bytes = limit(200000);
		/* Mostly to be reached from here. */
		if (p.hard_packets && rng.below(4))
			p.hard_packets += packets;
		if (p.hard_bytes && rng.below(4))
			p.hard_bytes += bytes;
	}

	static void life_fields(SaIn &r, const espnic_sa_params &p)
	{
		r.set(ESPNIC_LIFE_FIELD(SA_IN, SOFT_PACKETS), p.soft_packets);
		r.set(ESPNIC_LIFE_FIELD(SA_IN, HARD_PACKETS), p.hard_packets);
		r.set(ESPNIC_LIFE_FIELD(SA_IN, SOFT_BYTES), p.soft_bytes);
		r.set(ESPNIC_LIFE_FIELD(SA_IN, HARD_BYTES), p.hard_bytes);
	}

	/* But for floor, tried and under_way, which the C engine does not have. */
	SaIn state(const Sa &sa)
	{
		espnic_oracle_state st;
		SaIn r;

		espnic_oracle_read(sa.c, &st);
		r.set(ESPNIC_FIELD(SA_IN_TOP), st.seq);
		r.set(ESPNIC_LIFE_FIELD(SA_IN, PACKETS), st.packets);
		r.set(ESPNIC_LIFE_FIELD(SA_IN, BYTES), st.bytes);
		r.set(ESPNIC_LIFE_FIELD(SA_IN, EVENTS), st.events);
		r.set(ESPNIC_LIFE_FIELD(SA_IN, RAISED), st.raised);
		life_fields(r, sa.p);
		return r;
	}

	void issue(const Request &r)
	{
		issued.push_back(r);
		source->queue.push_back(r);
	}

	void add(unsigned i)
	{
		static const uint32_t sizes[] = { 0, 32, 33, 63, 64, 65, 128, 1000, 4096 };
		Sa &sa = sas[i];
		Request r = {};
		unsigned words = 1;

		espnic_sa_params_init(&sa.p);
		sa.p.spi = 1 + i;
		sa.p.dir = ESPNIC_DIR_IN;
		sa.p.enc = ESPNIC_ENC_AES_GCM;
		sa.p.enc_key_len = 16;
		sa.p.salt_len = 4;
		sa.p.esn = rng.below(3);
		sa.p.replay_window = sizes[rng.below(sizeof(sizes) / sizeof(sizes[0]))];
		sa.p.seq = start_top(sa.p.esn);
		if (i)
			random_life(sa.p, 0, 0);
		if (ops->sa_add(&sa.p, &sa.c, nullptr) != ESPNIC_OK)
			Bench::die("the C engine refuses an SA of the bench");
		while (words * BLOCK < sa.p.replay_window + BLOCK)
			words *= 2;
		sa.mask = words - 1;

		r.sa = i;
		r.op = INIT;
		r.record = state(sa);
		issue(r);
		for (unsigned w = 0; w < words; w++) {
			r.op = WORD_WRITE;
			r.word_addr = i * WORDS_PER_SA + w;
			r.word = {};
			/* The top counts as seen, if it is a number at all. */
			if (sa.p.seq && (sa.p.seq / BLOCK & sa.mask) == w) {
				r.word.set(ESPNIC_FIELD(WINDOW_WORD_TAG), sa.p.seq / BLOCK);
				r.word.set(ESPNIC_FIELD(WINDOW_WORD_SEEN), uint64_t(1) << sa.p.seq % BLOCK);
			}
			issue(r);
		}
		sa.configuring += words + 1;
	}

	bool at_rest() const
	{
		for (auto &sa : sas)
			if (sa.looking || !sa.under_way.empty())
				return false;
		return true;
	}

	/* A number near what matters: the top, the window's ends, an epoch's. */
	uint64_t number(const Sa &sa)
	{
		espnic_oracle_state st;
		uint64_t near = rng.below(5) - 2, w = sa.p.replay_window;

		espnic_oracle_read(sa.c, &st);
		switch (rng.below(10)) {
		case 0: return st.seq - w + near;
		case 1: return st.seq - (w ? rng.below(w) : 3);
		case 2: return st.seq + rng.below(2 * w + 2);
		case 3: return rng.one_in(8) ? st.seq + rng.below(uint64_t(1) << 31) : st.seq + near;
		case 4: return (st.seq | UINT32_MAX) + near;
		case 5: return rng.one_in(8) ? rng.next() >> rng.below(64) : st.seq + rng.below(5);
		case 6: return st.seq - rng.below(8);
		default: return st.seq + 1 + rng.below(3);
		}
	}

	Packet random_packet(const Sa &sa)
	{
		static const espnic_verdict inner[] = { ESPNIC_PADDING, ESPNIC_MALFORMED, ESPNIC_ECN, ESPNIC_SELECTOR };
		Packet p = {};

		p.p.sent_as = number(sa);
		if (!sa.p.esn)
			p.p.sent_as = uint32_t(p.p.sent_as);
		p.p.low = uint32_t(p.p.sent_as);
		p.p.authentic = rng.below(8);
		p.p.inner = rng.below(8) ? ESPNIC_OK : inner[rng.below(4)];
		p.p.bytes = rng.one_in(20) ? 0 : uint32_t(rng.below(1500));
		return p;
	}

	/* One request more, if any may be made; @more: also packets that are new. */
	bool request(bool more)
	{
		unsigned i = rng.below(rng.one_in(3) ? SAS : 1);
		Sa &sa = sas[i];
		Request r = {};

		r.sa = i;
		if (!sa.under_way.empty() && (rng.below(3) == 0 || !more)) {
			/* The first that is not settling yet: in order. */
			for (auto &p : sa.under_way) {
				if (p.settling)
					continue;
				p.settling = true;
				r.op = SETTLE;
				r.packet = p;
				issue(r);
				return true;
			}
		}
		if (!more || sa.looking || sa.configuring || sa.under_way.size() >= UNDER_WAY_MAX)
			return false;
		if (sa.under_way.empty() && rng.one_in(30)) {
			configure(i);
			return true;
		}
		sa.looking = true;
		sa.next = random_packet(sa);
		look(i);
		return true;
	}

	void look(unsigned i)
	{
		Request r = {};

		r.op = LOOK;
		r.sa = i;
		r.packet = sas[i].next;
		issue(r);
	}

	void configure(unsigned i)
	{
		Sa &sa = sas[i];
		Request r = {};
		espnic_oracle_state st;
		espnic_sa_update u = {};
		espnic_sa_state taken;

		espnic_oracle_read(sa.c, &st);
		r.sa = i;
		r.before = state(sa);
		switch (rng.below(4)) {
		case 0:
			r.op = QUERY;
			ops->sa_query(sa.c, &taken);
			break;
		case 1:
			r.op = SEQ;
			u.what = ESPNIC_UPDATE_SEQ;
			u.seq = st.seq + rng.below(200) - 40;
			if (!sa.p.esn)
				u.seq = uint32_t(u.seq);
			ops->sa_update(sa.c, &u);
			r.record.set(ESPNIC_FIELD(SA_IN_TOP), u.seq);
			break;
		case 2:
			r.op = LIFE;
			random_life(sa.p, st.packets, st.bytes);
			u.what = ESPNIC_UPDATE_LIFE;
			u.soft_packets = sa.p.soft_packets;
			u.hard_packets = sa.p.hard_packets;
			u.soft_bytes = sa.p.soft_bytes;
			u.hard_bytes = sa.p.hard_bytes;
			ops->sa_update(sa.c, &u);
			life_fields(r.record, sa.p);
			break;
		default:
			read_back(i);
			return;
		}
		sa.configuring++;
		issue(r);
	}

	/* The whole window: the record for its floor, and all words. */
	void read_back(unsigned i)
	{
		Sa &sa = sas[i];
		Request r = {};
		espnic_sa_state taken;

		r.sa = i;
		r.op = QUERY;
		r.before = state(sa);
		ops->sa_query(sa.c, &taken);
		issue(r);
		sa.configuring++;
		if (!sa.p.replay_window)
			return;
		for (unsigned w = 0; w <= sa.mask; w++) {
			r.op = WORD_READ;
			r.word_addr = i * WORDS_PER_SA + w;
			issue(r);
			sa.configuring++;
		}
	}

	void answer(const Request &r, const Response &got)
	{
		Sa &sa = sas[r.sa];

		switch (r.op) {
		case LOOK:
			answer_look(r, sa, got);
			break;
		case SETTLE:
			answer_settle(sa, got);
			break;
		case QUERY:
		case SEQ:
		case LIFE:
			sa.configuring--;
			compare_record(r.before, got);
			floor = got.record.get(ESPNIC_FIELD(SA_IN_FLOOR));
			sa.words.clear();
			break;
		case WORD_READ:
			sa.configuring--;
			sa.words.push_back(got.word);
			if (sa.words.size() == sa.mask + 1)
				compare_window(sa);
			break;
		default:
			sa.configuring--;
			break;
		}
	}

	void answer_look(const Request &r, Sa &sa, const Response &got)
	{
		if (got.retry) {
			retries++;
			if (sa.under_way.empty())
				fail("a look is put off with nothing under way");
			look(r.sa);
			return;
		}
		sa.next.looked = got.verdict;
		sa.next.tried = got.seq;
		sa.under_way.push_back(sa.next);
		sa.looking = false;
		overlapped += sa.under_way.size() > 1;
	}

	void answer_settle(Sa &sa, const Response &got)
	{
		Packet p = sa.under_way.front();
		espnic_verdict verdict;
		bool event;

		uint64_t under_way = got.record.get(ESPNIC_FIELD(SA_IN_UNDER_WAY));

		/* A look may have been done whose answer is still to come. */
		if (under_way != sa.under_way.size() && !(sa.looking && under_way == sa.under_way.size() + 1))
			fail("packets under way");
		sa.under_way.pop_front();
		compare_record(state(sa), got);
		verdict = espnic_oracle_inbound(sa.c, &p.p, &event);
		verdicts[verdict]++;
		settled++;
		if (got.verdict == verdict && got.event == event)
			return;
		fail("packet");
		Bench::comment("number %llx, sent as %llx, tried %llx, looked %u; C: %s, event %d; RTL: %s, event %d", (unsigned long long)p.p.low,
			       (unsigned long long)p.p.sent_as, (unsigned long long)p.tried, p.looked, espnic_verdict_name(verdict), event,
			       espnic_verdict_name(espnic_verdict(got.verdict)), got.event);
	}

	void compare_record(const SaIn &want, const Response &got)
	{
		static const struct { const char *name; unsigned offset, width; } fields[] = {
			{ "top", ESPNIC_FIELD(SA_IN_TOP) },
			{ "packets", ESPNIC_LIFE_FIELD(SA_IN, PACKETS) },
			{ "bytes", ESPNIC_LIFE_FIELD(SA_IN, BYTES) },
			{ "events", ESPNIC_LIFE_FIELD(SA_IN, EVENTS) },
			{ "raised", ESPNIC_LIFE_FIELD(SA_IN, RAISED) },
			{ "soft_packets", ESPNIC_LIFE_FIELD(SA_IN, SOFT_PACKETS) },
			{ "hard_packets", ESPNIC_LIFE_FIELD(SA_IN, HARD_PACKETS) },
			{ "soft_bytes", ESPNIC_LIFE_FIELD(SA_IN, SOFT_BYTES) },
			{ "hard_bytes", ESPNIC_LIFE_FIELD(SA_IN, HARD_BYTES) },
		};

		for (auto &f : fields) {
			uint64_t a = want.get(f.offset, f.width), b = got.record.get(f.offset, f.width);

			if (a == b)
				continue;
			fail("state");
			Bench::comment("%s: C %llx, RTL %llx", f.name, (unsigned long long)a, (unsigned long long)b);
		}
	}

	/* What must not be taken any more, number by number. */
	void compare_window(const Sa &sa)
	{
		static espnic_sa_window w;

		ops->sa_window(sa.c, &w);
		for (uint64_t n = 0; n < w.size && n <= w.top; n++) {
			uint64_t seq = w.top - n;
			const WindowWord &word = sa.words[seq / BLOCK & sa.mask];
			bool seen = seq <= floor || (word.get(ESPNIC_FIELD(WINDOW_WORD_TAG)) == seq / BLOCK &&
						     word.get(ESPNIC_FIELD(WINDOW_WORD_SEEN)) >> seq % BLOCK & 1);

			if (seen == (w.bitmap[n / 64] >> n % 64 & 1))
				continue;
			fail("window");
			Bench::comment("number %llx, top %llx, window %u: RTL seen %d", (unsigned long long)seq, (unsigned long long)w.top, w.size, seen);
			return;
		}
	}

	bool fail(const char *what)
	{
		Bench::comment("clock %llu, after %u packets: %s", (unsigned long long)bench.clocks, settled, what);
		return good = false;
	}

	Bench &bench;
	Rng rng;
	Rng junk{ 1 };
	const espnic_engine_ops *ops;
	std::unique_ptr<Source<Request>> source;
	std::unique_ptr<Sink<Response>> sink;
	Sa sas[SAS];
	std::deque<Request> issued;
	uint64_t floor = 0;
	unsigned settled = 0;
	bool good = true;
};

} // namespace

int main(int argc, char **argv)
{
	Bench bench(argc, argv);
	unsigned verdicts[ESPNIC_VERDICTS] = {};
	unsigned retries = 0, overlapped = 0, round = 0;

	for (auto &in : STALL_CHOICES) {
		for (auto &out : STALL_CHOICES) {
			bool good = true;

			for (unsigned i = 0; i < (bench.full ? 20 : 3) && good; i++) {
				ReplayBench b(bench, in, out, round++);

				good = b.run(2000);
				for (unsigned v = 0; v < ESPNIC_VERDICTS; v++)
					verdicts[v] += b.verdicts[v];
				retries += b.retries;
				overlapped += b.overlapped;
			}
			bench.check(good, "as the C engine, input stalls %s, output stalls %s", in.name, out.name);
		}
	}
	/* The bench itself: no verdict was left out, and packets did overlap. */
	for (unsigned v : { ESPNIC_OK, ESPNIC_INTEGRITY, ESPNIC_REPLAY, ESPNIC_TOO_OLD, ESPNIC_LIFETIME, ESPNIC_PADDING, ESPNIC_SELECTOR })
		bench.check(verdicts[v] > 20, "verdict %s was drawn, %u times", espnic_verdict_name(espnic_verdict(v)), verdicts[v]);
	bench.check(overlapped > 1000, "%u packets overlapped others of their SA", overlapped);
	bench.check(retries > 20, "%u looks were put off", retries);
	return bench.close();
}
