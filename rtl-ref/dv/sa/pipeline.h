/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands around a packet pipeline: its SA memory and its AES-GCM core. A bench says beforehand how the streams to and
 * from the core are called: #define TO_CORE(sig) plain_##sig, #define FROM_CORE(sig) crypt_##sig, and DECRYPT. With WHOLE the
 * core is the RTL's own, and both ends have tkeep instead of a count.
 */
#ifndef ESPNIC_DV_PIPELINE_H
#define ESPNIC_DV_PIPELINE_H

#include "bench.h"
#include "gcm_model.h"
#include "packets.h"
#include "sa_record.h"

namespace espnic {

constexpr size_t BEAT = 16 * LANES;
constexpr unsigned SAS = 16;
constexpr uint32_t MAX_FRAME = 9728;
constexpr uint32_t ROOM = 65600; /* bytes of a packet's buffer in front and behind */

struct OutBeat {
	Bytes data;
	bool last;
};

/* The caller's SA memory: what was asked for in one clock is there in the next. */
class SaMemory : public Agent {
public:
	explicit SaMemory(Vtop &top) : top(top) {}

	void drive() override
	{
		statics[index].to(top.sa_i);
		put_bytes(top.key_i, keys[index]);
	}

	void sample() override
	{
		if (top.sa_read_o)
			index = top.sa_index_o;
	}

	SaStatic statics[SAS];
	Bytes keys[SAS];

private:
	Vtop &top;
	unsigned index = 0;
};

#if WHOLE

class Core {
public:
	Core(Vtop &, Bench &, Rng &, const StallChoice &, const StallChoice &) {}
	bool wrong = false;
};

inline void put_count(Vtop &top, size_t count) { top.s_keep_i = count < 64 ? (uint64_t(1) << count) - 1 : UINT64_MAX; }
inline size_t get_count(const Vtop &top) { return size_t(__builtin_popcountll(top.m_keep_o)); }

#else

inline void put_count(Vtop &top, size_t count) { top.s_count_i = uint8_t(count); }
inline size_t get_count(const Vtop &top) { return top.m_count_o; }

/* The AES-GCM core, as fast as the stalls of its hops let it be. */
class Core : public Agent {
public:
	Core(Vtop &top, Bench &bench, Rng &rng, const StallChoice &in, const StallChoice &out)
		: commands(top.gcm_valid_o, top.gcm_ready_i, [&top] { return command(top); }),
		  to_core(top.TO_CORE(valid_o), top.TO_CORE(ready_i),
			[&top] { return OutBeat{ get_bytes(top.TO_CORE(data_o), top.TO_CORE(count_o)), bool(top.TO_CORE(last_o)) }; },
			[&top] { return bool(top.TO_CORE(last_o)); }),
		  from_core(top.FROM_CORE(valid_i), top.FROM_CORE(ready_o), [&top](const OutBeat &b) {
			  put_bytes(top.FROM_CORE(data_i), b.data);
			  top.FROM_CORE(count_i) = uint8_t(b.data.size());
			  top.FROM_CORE(last_i) = b.last;
		  }, [](const OutBeat &b) { return b.last; }),
		  tag(top.tag_valid_i, top.tag_ready_o, [&top](const Bytes &t) { put_bytes(top.tag_i, t); })
	{
		commands.stall = Stall(out.kind, out.k, rng.next());
		to_core.stall = Stall(out.kind, out.k, rng.next());
		from_core.stall = Stall(in.kind, in.k, rng.next());
		tag.stall = Stall(in.kind, in.k, rng.next());
		bench.add(&commands);
		bench.add(&to_core);
		bench.add(this);
		bench.add(&from_core);
		bench.add(&tag);
	}

	void drive() override
	{
		while (!to_core.taken.empty()) {
			OutBeat b = to_core.taken.front();

			to_core.taken.pop_front();
			text.insert(text.end(), b.data.begin(), b.data.end());
			if (b.last) {
				texts.push_back(text);
				text.clear();
			}
		}
		while (!texts.empty() && !commands.taken.empty()) {
			GcmCommand c = commands.taken.front();
			Bytes t = texts.front();

			commands.taken.pop_front();
			texts.pop_front();
			if (c.len != t.size()) {
				Bench::comment("core: %zu bytes announced, %zu came", c.len, t.size());
				wrong = true;
			}
			GcmResult r = gcm(c, t);

			for (auto &b : beats_of(r.data, BEAT))
				from_core.queue.push_back({ b.data, b.last });
			tag.queue.push_back(r.tag);
		}
	}

	void sample() override {}

	bool wrong = false;

private:
	static GcmCommand command(const Vtop &top)
	{
		GcmCommand c;

		c.key = get_bytes(top.gcm_key_o, 16 + 8 * size_t(top.gcm_key_size_o));
		c.nonce = get_bytes(top.gcm_nonce_o, 12);
		c.aad = get_bytes(top.gcm_aad_o, top.gcm_aad_long_o ? 12 : 8);
		c.gmac = top.gcm_gmac_o;
		c.decrypt = DECRYPT;
		c.len = top.gcm_len_o;
		return c;
	}

	Sink<GcmCommand> commands;
	Sink<OutBeat> to_core;
	Source<OutBeat> from_core;
	Source<Bytes> tag;
	Bytes text;
	std::deque<Bytes> texts;
};

#endif

/* All of @p, as one comment line. */
inline void comment_hex(const char *who, const Bytes &p)
{
	std::string line;

	for (auto byte : p) {
		char two[3];

		snprintf(two, sizeof(two), "%02x", byte);
		line += two;
	}
	Bench::comment("%s: %s", who, line.c_str());
}

/* The bytes of a key_i for the SA of @p: salt, key, powers of H. */
inline Bytes key_bytes(const espnic_sa_params &p)
{
	Bytes key(36 + 16 * LANES), h = gcm_h(Bytes(p.enc_key, p.enc_key + p.enc_key_len)), power = h;

	memcpy(&key[0], p.salt, 4);
	memcpy(&key[4], p.enc_key, p.enc_key_len);
	for (unsigned lane = 0; lane < LANES; lane++) {
		memcpy(&key[36 + 16 * lane], power.data(), 16);
		power = gf128_mul(power, h);
	}
	return key;
}

/* Puts the beats that @sink took together to packets. False: a beat within a packet was not full. */
inline bool collect_packets(Sink<OutBeat> &sink, Bytes &part, std::vector<Bytes> &whole)
{
	bool good = true;

	while (!sink.taken.empty()) {
		OutBeat b = sink.taken.front();

		sink.taken.pop_front();
		good = good && (b.last || b.data.size() == BEAT);
		part.insert(part.end(), b.data.begin(), b.data.end());
		if (b.last) {
			whole.push_back(part);
			part.clear();
		}
	}
	return good;
}

} // namespace espnic

#endif
