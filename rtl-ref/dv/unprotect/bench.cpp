// SPDX-License-Identifier: BSD-2-Clause
/*
 * espnic_unprotect against the C engine: for each packet its answer and every byte of what leaves, for each SA its whole state
 * with the window. Packets are sealed here by libcrypto, so that trailers, lengths and inner packets may be as
 * wrong as an authentic sender can make them; and opened behind the boundary by libcrypto too.
 */

#define TO_CORE(sig) crypt_##sig
#define FROM_CORE(sig) plain_##sig
#define DECRYPT true
#include "../sa/pipeline.h"
#include "../sa/random_sa.h"

extern "C" {
#include "engine/ip.h"
}

using namespace espnic;

namespace {

constexpr unsigned BLOCK = 64;          /* numbers in a word of window memory */
constexpr unsigned WORDS_PER_SA = 128;

enum Op { INIT = 2, QUERY = 3, WORD_READ = 7, WORD_WRITE = 8 };

struct InBeat {
	Bytes data;
	bool last;
	unsigned sa;
};

struct Answer {
	unsigned sa, verdict;
	bool event, dummy;
	uint64_t seq;
	uint32_t len;
};

struct Expected {
	Bytes in;
	Answer answer;
	Bytes out;
};

class UnprotectBench {
public:
	UnprotectBench(Bench &bench, const StallChoice &in, const StallChoice &out, unsigned round)
		: bench(bench), rng(bench.seed * 524287 + round), packets(rng.next()), ops(espnic_engine_get("ref", nullptr)),
		  thread(ops->thread_new())
	{
		bench.restart();
		Vtop &top = *bench.top;

		source = std::make_unique<Source<InBeat>>(top.s_valid_i, top.s_ready_o, [&](const InBeat &b) { put(top, b); },
							  [](const InBeat &b) { return b.last; });
		answers = std::make_unique<Sink<Answer>>(top.r_valid_o, top.r_ready_i, [&top] {
			return Answer{ top.r_sa_o, top.r_verdict_o, bool(top.r_event_o), bool(top.r_dummy_o), top.r_seq_o, top.r_len_o };
		});
		sink = std::make_unique<Sink<OutBeat>>(top.m_valid_o, top.m_ready_i, [&top] {
			return OutBeat{ get_bytes(top.m_data_o, get_count(top)), bool(top.m_last_o) };
		}, [&top] { return bool(top.m_last_o); });
		source->stall = Stall(in.kind, in.k, rng.next());
		answers->stall = Stall(out.kind, out.k, rng.next());
		sink->stall = Stall(out.kind, out.k, rng.next());
		memory = std::make_unique<SaMemory>(top);
		bench.add(memory.get());
		bench.add(source.get());
		bench.add(answers.get());
		bench.add(sink.get());
		core = std::make_unique<Core>(top, bench, rng, in, out);
	}

	~UnprotectBench()
	{
		for (auto *sa : sas)
			ops->sa_del(sa);
		ops->thread_free(thread);
	}

	bool run(unsigned count)
	{
		size_t bytes = 0;

		for (unsigned i = 0; i < SAS; i++)
			add(i);
		for (unsigned i = 0; i < count; i++) {
			expected.push_back(packet());
			bytes += expected.back().in.size() + expected.back().out.size();
		}
		uint64_t limit = 40 * (bytes / BEAT + 100 * count);
		bool done = bench.run([&] {
			collect();
			return answers->taken.size() >= count && outs.size() >= good_count;
		}, limit);

		if (!done)
			return fail(answers->taken.size(), "packets do not come out");
		for (int i = 0; i < 50; i++)
			bench.tick();
		collect();
		return !core->wrong && same() && same_state();
	}

	unsigned verdicts[ESPNIC_VERDICTS] = {};
	unsigned dummies = 0;

private:
	void collect()
	{
		if (!collect_packets(*sink, out, outs))
			core->wrong = true;
	}

	void put(Vtop &top, const InBeat &b)
	{
		Bytes data = packets.rng.bytes(BEAT);

		std::copy(b.data.begin(), b.data.end(), data.begin());
		put_bytes(top.s_data_i, data);
		put_count(top, b.data.size());
		top.s_last_i = b.last;
		top.s_sa_i = uint8_t(b.sa);
	}

	void add(unsigned i)
	{
		static const uint32_t windows[] = { 0, 32, 64, 65, 128, 1000, 4096 };
		espnic_sa_params &p = params[i];
		const char *why = "";
		SaIn record;

		espnic_sa_params_init(&p);
		random_shape(rng, p);
		p.spi = uint32_t(rng.next()) | 1;
		if (i == 0)
			p.soft_packets = p.hard_packets = p.soft_bytes = p.hard_bytes = 0;
		p.replay_window = windows[rng.below(7)];
		p.seq = rng.one_in(4) ? (p.esn ? UINT64_MAX : UINT32_MAX) - rng.below(60) :
			rng.one_in(3) ? UINT32_MAX - rng.below(60) : rng.below(100);
		if (p.esn && rng.one_in(2))
			p.seq = (rng.next() << 32) + rng.below(100) - 50;
		/* Once in a while an SA of the other direction, by mistake. */
		p.dir = rng.one_in(20) ? ESPNIC_DIR_OUT : ESPNIC_DIR_IN;
		if (ops->sa_add(&p, &sas[i], &why) != ESPNIC_OK)
			Bench::die("the C engine refuses an SA of the bench: %s", why);

		unsigned words = 1;

		while (words * BLOCK < p.replay_window + BLOCK)
			words *= 2;
		masks[i] = words - 1;
		memory->statics[i] = static_record(p, i * WORDS_PER_SA, masks[i]);
		memory->keys[i] = key_bytes(p);
		for (unsigned w = 0; w < words; w++) {
			WindowWord word;

			if (p.seq && (p.seq / BLOCK & masks[i]) == w) {
				word.set(ESPNIC_FIELD(WINDOW_WORD_TAG), p.seq / BLOCK);
				word.set(ESPNIC_FIELD(WINDOW_WORD_SEEN), uint64_t(1) << p.seq % BLOCK);
			}
			configure(WORD_WRITE, i, i * WORDS_PER_SA + w, {}, word);
		}
		configure(INIT, i, 0, in_record(sas[i], p), {});
	}

	/* Answers into was and was_word. */
	void configure(Op op, unsigned sa, unsigned word_addr, const SaIn &record, const WindowWord &word)
	{
		Vtop &top = *bench.top;

		top.cfg_valid_i = 1;
		top.cfg_op_i = op;
		top.cfg_sa_i = uint8_t(sa);
		top.cfg_word_addr_i = uint16_t(word_addr);
		word.to(top.cfg_word_i);
		record.to(top.cfg_record_i);
		top.eval();
		while (!top.cfg_ready_o) {
			bench.tick();
			top.eval();
		}
		bench.tick();
		top.cfg_valid_i = 0;
		top.eval();
		for (int i = 0; !top.cfg_done_o; i++) {
			if (i > 100)
				Bench::die("not ok - a request to the hot state is not answered");
			bench.tick();
			top.eval();
		}
		was.from(top.cfg_record_o);
		was_word.from(top.cfg_word_o);
		bench.tick();
	}

	/* The plaintext of an ESP packet of the SA, from IV to ICV: what is inside, padding, trailer. */
	Bytes plaintext(const espnic_sa_params &p, bool outer_v6)
	{
		static const uint8_t nexts[] = { 6, 17, 1, 58, 132, 50, 4, 41, 59 };
		size_t len = rng.one_in(15) ? rng.below(9400) : rng.one_in(4) ? rng.below(1500) : rng.below(150);
		Bytes text;
		uint8_t next;

		if (p.mode == ESPNIC_MODE_TUNNEL) {
			text = packets.any(len, 10);
			next = text[0] >> 4 == 6 ? 41 : 4;
			if (rng.one_in(12))
				next = nexts[rng.below(sizeof(nexts))];
		} else {
			text = rng.bytes(len);
			next = nexts[rng.below(sizeof(nexts))];
			/* A chain of headers that goes on in there is followed by no selector of the RTL. */
			if (rng.one_in(6) && !(p.has_sel && outer_v6))
				next = uint8_t(rng.next());
		}
		size_t pad = rng.one_in(6) ? rng.below(256) : -(text.size() + 2) & 3;

		if (rng.one_in(25))
			pad = rng.below(20);
		for (size_t i = 0; i < pad; i++)
			text.push_back(uint8_t(i + 1));
		if (pad && rng.one_in(12))
			text[text.size() - 1 - rng.below(pad)] ^= uint8_t(1 << rng.below(8));
		if (rng.one_in(40))
			pad = rng.below(256);
		text.push_back(uint8_t(pad));
		text.push_back(next);
		/* What the trailer says may be longer than all there is. */
		if (rng.one_in(30))
			text.erase(text.begin(), text.end() - long(2 + rng.below(text.size() - 1)));
		return text;
	}

	static void put32(Bytes &p, uint32_t v)
	{
		for (int shift = 24; shift >= 0; shift -= 8)
			p.push_back(uint8_t(v >> shift));
	}

	/* ESP header, IV, ciphertext, ICV. */
	Bytes seal(const espnic_sa_params &p, uint64_t seq, const Bytes &text)
	{
		GcmCommand c;
		Bytes esp, iv = rng.bytes(8);

		put32(c.aad, p.spi);
		if (p.esn)
			put32(c.aad, uint32_t(seq >> 32));
		put32(c.aad, uint32_t(seq));
		put32(esp, p.spi);
		put32(esp, uint32_t(seq));
		esp.insert(esp.end(), iv.begin(), iv.end());
		c.key = Bytes(p.enc_key, p.enc_key + p.enc_key_len);
		c.nonce = Bytes(p.salt, p.salt + 4);
		c.nonce.insert(c.nonce.end(), iv.begin(), iv.end());
		c.gmac = p.enc == ESPNIC_ENC_AES_GMAC;
		c.decrypt = false;
		Bytes data = text;

		if (c.gmac) {
			data = c.aad;
			data.insert(data.end(), iv.begin(), iv.end());
			data.insert(data.end(), text.begin(), text.end());
		}
		GcmResult r = gcm(c, data);
		const Bytes &cipher = c.gmac ? text : r.data;

		esp.insert(esp.end(), cipher.begin(), cipher.end());
		esp.insert(esp.end(), r.tag.begin(), r.tag.begin() + p.icv_len);
		return esp;
	}

	/* A packet that tells of ESP (or UDP) and of the length of @esp behind it. */
	Bytes carry(const espnic_sa_params &p, bool v6, const Bytes &esp)
	{
		Bytes head;
		espnic_ip ip;

		do {
			head = v6 ? packets.ipv6(0) : packets.ipv4(0);
		} while (!espnic_ip_parse(head.data(), uint32_t(head.size()), &ip) || ip.fragment);
		head.resize(ip.len);
		head[ip.next_off] = p.udp_encap ? 17 : 50;
		/* The byte in front must still lead there. */
		if (!espnic_ip_parse(head.data(), uint32_t(head.size()), &ip))
			Bench::die("the bench makes no header");
		if (p.udp_encap) {
			uint16_t len = uint16_t(8 + esp.size());
			Bytes udp = { 1, 2, 3, 4, uint8_t(len >> 8), uint8_t(len), 0, 0 };

			head.insert(head.end(), udp.begin(), udp.end());
		}
		head.insert(head.end(), esp.begin(), esp.end());
		size_t len = v6 ? head.size() - 40 : head.size();

		head[v6 ? 4 : 2] = uint8_t(len >> 8);
		head[v6 ? 5 : 3] = uint8_t(len);
		return head;
	}

	uint64_t number(unsigned i)
	{
		uint64_t w = params[i].replay_window;
		espnic_oracle_state st;

		espnic_oracle_read(sas[i], &st);
		switch (rng.below(9)) {
		case 0: return st.seq - w + rng.below(5) - 2;
		case 1: return st.seq - (w ? rng.below(w) : 2);
		case 2: return st.seq + rng.below(2 * w + 2);
		case 3: return st.seq - rng.below(6);
		case 4: return rng.one_in(8) ? rng.next() : st.seq + 1;
		default: return st.seq + 1 + rng.below(2);
		}
	}

	Bytes wire_packet(unsigned i)
	{
		const espnic_sa_params &p = params[i];
		bool v6 = p.mode == ESPNIC_MODE_TUNNEL ? p.tunnel.family == ESPNIC_IPV6 : rng.one_in(2);
		Bytes esp, pkt;

		/* One that was there before. */
		if (rng.one_in(8) && !history[i].empty())
			return history[i][rng.below(history[i].size())];
		esp = seal(p, number(i), plaintext(p, v6));
		if (rng.one_in(10))
			esp[rng.below(esp.size())] ^= uint8_t(1 << rng.below(8));
		if (rng.one_in(20))
			esp.resize(1 + rng.below(esp.size() < 60 ? esp.size() : 60));
		pkt = carry(p, v6, esp);
		if (rng.one_in(25))
			packets.damage(pkt);
		if (rng.one_in(8)) {
			Bytes more = rng.bytes(1 + rng.below(46));

			pkt.insert(pkt.end(), more.begin(), more.end());
		}
		history[i].push_back(pkt);
		return pkt;
	}

	Expected packet()
	{
		Expected e;
		unsigned i = unsigned(rng.below(rng.one_in(3) ? SAS : 3));

		e.in = wire_packet(i);
		Bytes buf(2 * ROOM + e.in.size());
		espnic_pkt pkt = {};

		memcpy(&buf[ROOM], e.in.data(), e.in.size());
		pkt.data = &buf[ROOM];
		pkt.len = uint32_t(e.in.size());
		pkt.headroom = ROOM;
		pkt.tailroom = ROOM;
		pkt.sa = sas[i];
		if (e.in.size() > MAX_FRAME && params[i].dir == ESPNIC_DIR_IN) {
			/* The RTL's memory ends here, which the C engine does not know; its SA stays as it is. */
			e.answer = { i, ESPNIC_MALFORMED, false, false, 0, 0 };
		} else {
			ops->unprotect(thread, &pkt, 1);
			e.answer = { i, pkt.verdict, bool(pkt.flags & ESPNIC_PKT_EVENT), bool(pkt.flags & ESPNIC_PKT_DUMMY), pkt.seq, pkt.len };
		}
		verdicts[e.answer.verdict]++;
		if (e.answer.verdict == ESPNIC_OK && e.answer.dummy)
			dummies++;
		if (e.answer.verdict == ESPNIC_OK && !e.answer.dummy) {
			e.out = Bytes(pkt.data, pkt.data + pkt.len);
			good_count++;
		}
		for (auto &b : beats_of(e.in, BEAT))
			source->queue.push_back({ b.data, b.last, i });
		return e;
	}

	bool same()
	{
		size_t out_index = 0;

		if (answers->taken.size() != expected.size())
			return fail(answers->taken.size(), "number of answers");
		for (size_t i = 0; i < expected.size(); i++) {
			const Expected &e = expected[i];
			const Answer &a = answers->taken[i];
			bool ok = e.answer.verdict == ESPNIC_OK;

			if (a.sa != e.answer.sa || a.verdict != e.answer.verdict || a.event != e.answer.event || a.dummy != e.answer.dummy ||
			    (ok && (a.seq != e.answer.seq || a.len != e.answer.len))) {
				show("C", e.answer);
				show("RTL", a);
				return fail(i, "answer");
			}
			if (!ok || e.answer.dummy)
				continue;
			if (out_index >= outs.size())
				return fail(i, "a packet is missing");
			if (outs[out_index] != e.out) {
				comment_hex("C", e.out);
				comment_hex("RTL", outs[out_index]);
				return fail(i, "bytes");
			}
			out_index++;
		}
		return out_index == outs.size() || fail(expected.size(), "bytes too many");
	}

	static void show(const char *who, const Answer &a)
	{
		Bench::comment("%s: sa %u %s event %d dummy %d seq %llx len %u", who, a.sa, espnic_verdict_name(espnic_verdict(a.verdict)), a.event,
			       a.dummy, (unsigned long long)a.seq, a.len);
	}

	bool same_state()
	{
		for (unsigned i = 0; i < SAS; i++) {
			SaIn want = in_record(sas[i], params[i]);

			configure(QUERY, i, 0, {}, {});
			SaIn got = was;
			uint64_t floor = got.get(ESPNIC_FIELD(SA_IN_FLOOR));

			if (got.get(ESPNIC_FIELD(SA_IN_UNDER_WAY)))
				return fail(expected.size(), "a packet is still under way");
			/* The C engine has none of these. */
			got.set(ESPNIC_FIELD(SA_IN_FLOOR), 0);
			got.set(ESPNIC_FIELD(SA_IN_TRIED), 0);
			if (memcmp(&want, &got, sizeof(want))) {
				Bench::comment("SA %u: top C %llx RTL %llx, packets C %llu RTL %llu", i, (unsigned long long)want.get(ESPNIC_FIELD(SA_IN_TOP)),
					       (unsigned long long)got.get(ESPNIC_FIELD(SA_IN_TOP)),
					       (unsigned long long)want.get(ESPNIC_LIFE_FIELD(SA_IN, PACKETS)),
					       (unsigned long long)got.get(ESPNIC_LIFE_FIELD(SA_IN, PACKETS)));
				return fail(expected.size(), "state of an SA");
			}
			if (params[i].replay_window && !same_window(i, floor))
				return fail(expected.size(), "window of an SA");
		}
		return true;
	}

	bool same_window(unsigned i, uint64_t floor)
	{
		static espnic_sa_window w;
		std::vector<WindowWord> words;

		ops->sa_window(sas[i], &w);
		for (unsigned n = 0; n <= masks[i]; n++) {
			configure(WORD_READ, i, i * WORDS_PER_SA + n, {}, {});
			words.push_back(was_word);
		}
		for (uint64_t n = 0; n < w.size && n <= w.top; n++) {
			uint64_t seq = w.top - n;
			const WindowWord &word = words[seq / BLOCK & masks[i]];
			bool seen = seq <= floor || (word.get(ESPNIC_FIELD(WINDOW_WORD_TAG)) == seq / BLOCK &&
						     word.get(ESPNIC_FIELD(WINDOW_WORD_SEEN)) >> seq % BLOCK & 1);

			if (seen != (w.bitmap[n / 64] >> n % 64 & 1)) {
				Bench::comment("SA %u, number %llx, top %llx: RTL seen %d", i, (unsigned long long)seq, (unsigned long long)w.top, seen);
				return false;
			}
		}
		return true;
	}

	bool fail(size_t i, const char *what)
	{
		Bench::comment("seed %llu, clock %llu, packet %zu: %s", (unsigned long long)bench.seed, (unsigned long long)bench.clocks, i, what);
		if (i < expected.size()) {
			const espnic_sa_params &p = params[expected[i].answer.sa];

			show("C", expected[i].answer);
			comment_hex("ESP", expected[i].in);
			Bench::comment("SA: mode %d enc %d esn %d udp %d outer %d icv %d window %u sel %d", p.mode, p.enc, p.esn, p.udp_encap,
				       p.tunnel.family, p.icv_len, p.replay_window, p.has_sel);
		}
		return false;
	}

	Bench &bench;
	Rng rng;
	Packets packets;
	const espnic_engine_ops *ops;
	espnic_engine_thread *thread;
	espnic_sa_params params[SAS];
	espnic_sa *sas[SAS] = {};
	unsigned masks[SAS];
	std::vector<Bytes> history[SAS];
	std::unique_ptr<Source<InBeat>> source;
	std::unique_ptr<Sink<Answer>> answers;
	std::unique_ptr<Sink<OutBeat>> sink;
	std::unique_ptr<SaMemory> memory;
	std::unique_ptr<Core> core;
	std::vector<Expected> expected;
	std::vector<Bytes> outs;
	Bytes out;
	SaIn was;
	WindowWord was_word;
	size_t good_count = 0;
};

} // namespace

int main(int argc, char **argv)
{
	Bench bench(argc, argv);
	unsigned verdicts[ESPNIC_VERDICTS] = {};
	unsigned dummies = 0, round = 0;

	for (auto &in : STALL_CHOICES) {
		for (auto &out : STALL_CHOICES) {
			bool good = true;

			for (unsigned i = 0; i < (bench.full ? 20 : 1) && good; i++) {
				UnprotectBench b(bench, in, out, round++);

				good = b.run(bench.full ? 200 : 80);
				for (unsigned v = 0; v < ESPNIC_VERDICTS; v++)
					verdicts[v] += b.verdicts[v];
				dummies += b.dummies;
			}
			bench.check(good, "as the C engine, input stalls %s, output stalls %s", in.name, out.name);
		}
	}
	for (unsigned v : { ESPNIC_OK, ESPNIC_MALFORMED, ESPNIC_NO_SA, ESPNIC_INTEGRITY, ESPNIC_REPLAY, ESPNIC_TOO_OLD, ESPNIC_LIFETIME, ESPNIC_SELECTOR,
			    ESPNIC_PADDING, ESPNIC_ECN })
		bench.check(verdicts[v] > 5, "verdict %s was drawn, %u times", espnic_verdict_name(espnic_verdict(v)), verdicts[v]);
	bench.check(dummies > 5, "%u dummy packets", dummies);
	return bench.close();
}
