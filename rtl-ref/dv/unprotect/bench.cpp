// SPDX-License-Identifier: BSD-2-Clause
/*
 * espnic_unprotect against the C engine: for each packet its answer and every byte of what leaves, for each SA its whole state
 * with the window. Packets are sealed here by libcrypto, so that trailers, lengths and inner packets may be as
 * wrong as an authentic sender can make them; and opened behind the boundary by libcrypto too.
 */

#define TO_CORE(sig) crypt_##sig
#define FROM_CORE(sig) plain_##sig
#define DECRYPT true
#include "../sa/direction.h"
#include "../sa/ext_chain.h"
#include "../sa/random_sa.h"
#if WHOLE
#include "../sa/rates.h"
#endif

extern "C" {
#include "engine/ip.h"
}

using namespace espnic;

namespace {

constexpr unsigned BLOCK = 64;          /* numbers in a word of window memory */
constexpr unsigned WORDS_PER_SA = 128;

enum Op { INIT = 2, QUERY = 3, WORD_READ = 7, WORD_WRITE = 8 };

class UnprotectBench : public Direction {
public:
	UnprotectBench(Bench &bench, const StallChoice &in, const StallChoice &out, unsigned round)
		: Direction(bench, in, out, bench.seed * 524287 + round)
	{
	}

protected:
	void add(unsigned i) override
	{
		static const uint32_t windows[] = { 0, 32, 64, 65, 128, 1000, 4096 };
		espnic_sa_params &p = params[i];

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
		make(i);
	}

	/* The SA of params[i], in the C engine and in the RTL. */
	void make(unsigned i)
	{
		const espnic_sa_params &p = params[i];
		const char *why = "";
		unsigned words = 1;

		if (ops->sa_add(&p, &sas[i], &why) != ESPNIC_OK)
			Bench::die("the C engine refuses an SA of the bench: %s", why);

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

		top.cfg_word_addr_i = uint16_t(word_addr);
		word.to(top.cfg_word_i);
		record.to(top.cfg_record_i);
		request(op, sa);
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
			if (outer_v6 && rng.one_in(3)) {
				static const uint8_t firsts[] = { EXT_DST, EXT_ROUTING, EXT_FRAGMENT, EXT_HOP };
				uint8_t first = firsts[rng.below(sizeof(firsts))];
				Bytes chain = ext_chain(rng, first, next, 3, rng.below(3));

				text.insert(text.begin(), chain.begin(), chain.end());
				next = first;
			} else if (rng.one_in(6)) {
				next = uint8_t(rng.next());
			}
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

	Expected packet() override
	{
		Expected e;
		unsigned i = unsigned(rng.below(rng.one_in(3) ? SAS : 3));

		e.in = wire_packet(i);
		Bytes buf;
		espnic_pkt pkt = {};

		lay(e.in, i, buf, pkt);
		if (e.in.size() > MAX_FRAME && params[i].dir == ESPNIC_DIR_IN) {
			/* The RTL's memory ends here, which the C engine does not know; its SA stays as it is. */
			e.answer = { i, ESPNIC_MALFORMED, false, false, 0, 0 };
		} else {
			ops->unprotect(thread, &pkt, 1);
			answered(e, i, pkt);
		}
		for (auto &b : beats_of(e.in, BEAT))
			source->queue.push_back({ b.data, b.last, i, false, false, 0, {} });
		return e;
	}

	bool same_state() override
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

	unsigned masks[SAS];
	std::vector<Bytes> history[SAS];
	SaIn was;
	WindowWord was_word;
};

#if WHOLE

/* What the peer of each SA sends, sealed by the C engine. */
class Rates : public UnprotectBench {
public:
	Rates(Bench &bench, const Load &load) : UnprotectBench(bench, STALL_CHOICES[0], STALL_CHOICES[0], 0), load(load) {}

	~Rates() override
	{
		for (auto *sa : peers)
			ops->sa_del(sa);
	}

	const Watch &times() const { return watch; }
	size_t esp_size() const { return expected[0].in.size(); }

protected:
	void add(unsigned i) override
	{
		const char *why = "";

		rate_params(params[i], rng, i, load.shape);
		make(i);
		espnic_sa_params p = params[i];

		p.dir = ESPNIC_DIR_OUT;
		p.replay_window = 0;
		if (ops->sa_add(&p, &peers[i], &why) != ESPNIC_OK)
			Bench::die("the C engine refuses an SA of the bench: %s", why);
	}

	Expected packet() override
	{
		Expected e;
		Bytes buf;
		espnic_pkt pkt = {};
		unsigned i = unsigned(expected.size() % load.sas);

		lay(rate_packet(rng, load.size), i, buf, pkt);
		pkt.sa = peers[i];
		ops->protect(thread, &pkt, 1);
		if (pkt.verdict != ESPNIC_OK)
			Bench::die("the C engine seals no packet of the bench");
		e.in = Bytes(pkt.data, pkt.data + pkt.len);
		pkt.flags = 0;
		pkt.sa = sas[i];
		ops->unprotect(thread, &pkt, 1);
		answered(e, i, pkt);
		for (auto &b : beats_of(e.in, BEAT))
			source->queue.push_back({ b.data, b.last, i, false, false, 0, {} });
		return e;
	}

private:
	Load load;
	espnic_sa *peers[SAS] = {};
};

#endif

} // namespace

int main(int argc, char **argv)
{
	Bench bench(argc, argv);

#if WHOLE
	bool rates_alone = getenv("ESPNIC_RTL_RATES");
#else
	bool rates_alone = false;
#endif

	if (!rates_alone)
		under_stalls<UnprotectBench>(bench, 80, { ESPNIC_OK, ESPNIC_MALFORMED, ESPNIC_NO_SA, ESPNIC_INTEGRITY, ESPNIC_REPLAY, ESPNIC_TOO_OLD, ESPNIC_LIFETIME,
						  ESPNIC_SELECTOR, ESPNIC_PADDING, ESPNIC_ECN }, true);
#if WHOLE
	rates<Rates>(bench);
#endif
	return bench.close();
}
