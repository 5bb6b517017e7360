// SPDX-License-Identifier: BSD-2-Clause
// espnic_gcm_stream against OpenSSL: every packet under another key, in all modes and lengths, under all stalls.

#include "bench.h"
#include "gcm_oracle.h"
#include "vectors.h"

using namespace espnic;

static constexpr unsigned BEAT = 16 * LANES;
static constexpr unsigned FIRST_BEAT_CLOCKS = 15 + 4; // espnic_gcm_pkg::AesClocks + 4

struct Packet {
	Bytes key, nonce, aad, in;
	bool gmac, decrypt;
	Bytes h_pow, out, tag; // what it needs, and what must come of it
};

struct Beat {
	Bytes data;
	bool last;
};

// ---------------------------------------------------------------- packets

enum Mode { ENCRYPT, DECRYPT, GMAC, MODES };

static Packet make_packet(Rng &rng, size_t len, unsigned key_len, unsigned aad_len, Mode mode)
{
	Packet p;
	Bytes text = rng.bytes(len);

	p.key = rng.bytes(key_len);
	p.nonce = rng.bytes(12);
	p.aad = rng.bytes(aad_len);
	p.gmac = mode == GMAC;
	p.decrypt = mode == DECRYPT;
	p.h_pow = h_powers(p.key, LANES);
	if (p.gmac) {
		gcm_encrypt(p.key, p.nonce, text, {}, p.tag);
		p.in = p.out = text;
		return p;
	}
	Bytes crypted = gcm_encrypt(p.key, p.nonce, p.aad, text, p.tag);

	p.in = p.decrypt ? crypted : text;
	p.out = p.decrypt ? text : crypted;
	return p;
}

static Packet random_packet(Rng &rng, size_t len)
{
	return make_packet(rng, len, 16 + 8 * unsigned(rng.below(3)), rng.one_in(2) ? 8 : 12, Mode(rng.below(MODES)));
}

// ---------------------------------------------------------------- the circuit's ends

class Core {
public:
	explicit Core(Bench &bench)
		: bench(bench), top(*bench.top),
		  command(top.cmd_valid_i, top.cmd_ready_o, [this](const Packet &p) { put_command(p); }),
		  text(top.s_valid_i, top.s_ready_o, [this](const Beat &b) { put_beat(b); }, [](const Beat &b) { return b.last; }),
		  out(top.m_valid_o, top.m_ready_i, [this] { return get_beat(); }, [this] { return bool(top.m_last_o); }),
		  tags(top.tag_valid_o, top.tag_ready_i, [this] { return get_bytes(top.tag_o, 16); })
	{
		bench.add(&command);
		bench.add(&text);
		bench.add(&out);
		bench.add(&tags);
	}

	void send(const Packet &p)
	{
		command.queue.push_back(p);
		for (size_t at = 0; at < p.in.size(); at += BEAT) {
			size_t end = std::min(at + BEAT, p.in.size());

			text.queue.push_back({ Bytes(p.in.begin() + at, p.in.begin() + end), end == p.in.size() });
		}
		sent.push_back(p);
	}

	bool idle() const { return tags.taken.size() == sent.size() && out.taken.size() == beats(); }

	/* Until all that was sent has come out, and a little longer: nothing may follow. */
	bool finish()
	{
		bool done = bench.run([this] { return idle(); }, 4000 + 200 * (beats() + sent.size()) * 10);

		for (int i = 0; i < 40; i++)
			bench.tick();
		return done && idle();
	}

	/* Compares all with the oracle; says what differs first. */
	bool good()
	{
		size_t beat = 0;

		for (size_t i = 0; i < sent.size(); i++) {
			const Packet &p = sent[i];
			Bytes got;

			for (bool last = p.out.empty(); !last; beat++) {
				if (beat >= out.taken.size())
					return say(i, "its text ends early", got, p.out);
				const Beat &b = out.taken[beat];

				last = b.last;
				got.insert(got.end(), b.data.begin(), b.data.end());
			}
			if (got != p.out)
				return say(i, "text", got, p.out);
			if (i >= tags.taken.size() || tags.taken[i] != p.tag)
				return say(i, "tag", i < tags.taken.size() ? tags.taken[i] : Bytes(), p.tag);
		}
		return beat == out.taken.size() && tags.taken.size() == sent.size();
	}

	size_t beats() const
	{
		size_t n = 0;

		for (auto &p : sent)
			n += (p.in.size() + BEAT - 1) / BEAT;
		return n;
	}

	Bench &bench;
	Vtop &top;
	Source<Packet> command;
	Source<Beat> text;
	Sink<Beat> out;
	Sink<Bytes> tags;
	std::vector<Packet> sent;

private:
	void put_command(const Packet &p)
	{
		put_bytes(top.cmd_key_i, p.key);
		top.cmd_key_size_i = uint8_t(p.key.size() / 8 - 2);
		put_bytes(top.cmd_h_pow_i, p.h_pow);
		put_bytes(top.cmd_nonce_i, p.nonce);
		put_bytes(top.cmd_aad_i, p.aad);
		top.cmd_aad_long_i = p.aad.size() == 12;
		top.cmd_gmac_i = p.gmac;
		top.cmd_decrypt_i = p.decrypt;
		top.cmd_len_i = uint16_t(p.in.size());
	}

	/* What keep leaves out is noise, which must not matter. */
	void put_beat(const Beat &b)
	{
		Bytes data = b.data, keep(BEAT / 8);

		while (data.size() < BEAT)
			data.push_back(uint8_t(noise.next()));
		for (size_t i = 0; i < b.data.size(); i++)
			keep[i / 8] |= uint8_t(1 << i % 8);
		put_bytes(top.s_data_i, data);
		put_bytes(top.s_keep_i, keep);
		top.s_last_i = b.last;
	}

	Beat get_beat()
	{
		Bytes keep = get_bytes(top.m_keep_o, BEAT / 8), data = get_bytes(top.m_data_o, BEAT);
		size_t len = 0;

		while (len < BEAT && (keep[len / 8] >> len % 8 & 1))
			len++;
		for (size_t i = len; i < BEAT; i++)
			if ((keep[i / 8] >> i % 8 & 1) || data[i])
				bench.check(false, "a hole in keep, or a byte outside of it");
		data.resize(len);
		return { data, bool(top.m_last_o) };
	}

	static bool say(size_t i, const char *what, const Bytes &got, const Bytes &want)
	{
		size_t at = 0;

		while (at < got.size() && at < want.size() && got[at] == want[at])
			at++;
		Bench::comment("packet %zu: %s: %zu bytes, want %zu; the first that differs is %zu", i, what, got.size(), want.size(), at);
		return false;
	}

	Rng noise{ 99 };
};

// ---------------------------------------------------------------- tests

static void one_run(Bench &bench, const std::vector<Packet> &packets, const char *name)
{
	bench.restart();
	Core core(bench);

	for (auto &p : packets)
		core.send(p);
	bool done = core.finish();

	bench.check(core.good() && done, "%s: %zu packets, %llu clocks", name, packets.size(), (unsigned long long)bench.clocks);
}

/* Every length around the edges of beats, in every mode; each packet under a key of its own. */
static void lengths(Bench &bench)
{
	static const char *const names[MODES] = { "encrypt", "decrypt", "GMAC" };
	Rng rng(bench.seed);

	for (int mode = 0; mode < MODES; mode++) {
		std::vector<Packet> packets;

		for (size_t len = 0; len <= 2 * BEAT + 17; len++)
			for (unsigned aad_len = 8; aad_len <= 12; aad_len += 4)
				for (unsigned key_len = 16; key_len <= 32; key_len += 8)
					if (bench.full || key_len == 16 + 8 * (len % 3))
						packets.push_back(make_packet(rng, len, key_len, aad_len, Mode(mode)));
		one_run(bench, packets, names[mode]);
	}
}

/* Those of NIST's known answers that have no text: there the AAD may be of any length, which is GMAC here. */
static void cavp(Bench &bench)
{
	const std::string folder = vectors_folder() + "/ciphers/AES/GCM/gcmEncryptExtIV";
	std::vector<Packet> packets;
	bool good = true;

	for (const char *size : { "128", "192", "256" }) {
		for (auto &r : rsp_records(folder + size + ".rsp", "Tag")) {
			if (r["PTlen"] != "0" || r["IVlen"] != "96")
				continue;
			Packet p;

			p.key = from_hex(r["Key"]);
			p.nonce = from_hex(r["IV"]);
			p.in = p.out = from_hex(r["AAD"]);
			p.gmac = true;
			p.decrypt = false;
			p.h_pow = h_powers(p.key, LANES);
			gcm_encrypt(p.key, p.nonce, p.in, {}, p.tag);
			Bytes tag = from_hex(r["Tag"]);

			/* The file's tag may be cut; the rest of it is OpenSSL's. */
			good = good && tag.size() >= 4 && std::equal(tag.begin(), tag.end(), p.tag.begin());
			packets.push_back(p);
		}
	}
	bench.check(good && packets.size() > 300, "NIST CAVP: %zu known answers, and OpenSSL has the same", packets.size());
	if (!bench.full)
		packets.resize(std::min(packets.size(), size_t(200)));
	one_run(bench, packets, "NIST CAVP");
}

static void long_packets(Bench &bench)
{
	Rng rng(bench.seed + 1);
	std::vector<Packet> packets;

	for (size_t len : { 1399, 1420, 1424, 1500, 1500, 9600 })
		for (int mode = 0; mode < MODES; mode++)
			packets.push_back(make_packet(rng, len, 16 + 8 * (len % 3), 8, Mode(mode)));
	if (bench.full)
		for (int mode = 0; mode < MODES; mode++)
			packets.push_back(make_packet(rng, 65535, 32, 12, Mode(mode)));
	one_run(bench, packets, "MTU, jumbo, longest");
}

/* The same packets whatever stalls: what comes out is the same. */
static void stalls(Bench &bench)
{
	Rng rng(bench.seed + 2);
	std::vector<Packet> packets;

	for (int i = 0; i < (bench.full ? 200 : 40); i++)
		packets.push_back(random_packet(rng, rng.one_in(8) ? rng.below(1500) : rng.below(5 * BEAT)));
	for (size_t turn = 0; turn < STALL_CHOICE_COUNT * (bench.full ? STALL_CHOICE_COUNT : 1); turn++) {
		const StallChoice *choice[4];

		/* Each kind at each end, the others drawn. */
		for (size_t end = 0; end < 4; end++)
			choice[end] = &STALL_CHOICES[end == turn / STALL_CHOICE_COUNT % 4 ? turn % STALL_CHOICE_COUNT : rng.below(STALL_CHOICE_COUNT)];
		bench.restart();
		Core core(bench);

		core.command.stall = Stall(choice[0]->kind, choice[0]->k, rng.next());
		core.text.stall = Stall(choice[1]->kind, choice[1]->k, rng.next());
		core.out.stall = Stall(choice[2]->kind, choice[2]->k, rng.next());
		core.tags.stall = Stall(choice[3]->kind, choice[3]->k, rng.next());
		for (auto &p : packets)
			core.send(p);
		bool done = core.finish();

		bench.check(core.good() && done, "stalls: command %s, text %s, output %s, tag %s", choice[0]->name, choice[1]->name, choice[2]->name,
			    choice[3]->name);
	}
}

/* Text long before its command, and commands long before their text. */
static void order_of_arrival(Bench &bench)
{
	Rng rng(bench.seed + 3);
	std::vector<Packet> packets;

	for (int i = 0; i < 20; i++)
		packets.push_back(random_packet(rng, 1 + rng.below(3 * BEAT)));
	for (int late_text = 0; late_text < 2; late_text++) {
		bench.restart();
		Core core(bench);
		Agent *late = late_text ? static_cast<Agent *>(&core.text) : &core.command;

		for (auto &p : packets)
			core.send(p);
		bench.forget_agents();
		core.top.cmd_valid_i = core.top.s_valid_i = 0;
		for (Agent *a : { static_cast<Agent *>(&core.command), static_cast<Agent *>(&core.text), static_cast<Agent *>(&core.out),
				  static_cast<Agent *>(&core.tags) })
			if (a != late)
				bench.add(a);
		for (int i = 0; i < 200; i++)
			bench.tick();
		bool quiet = core.out.taken.empty() && core.tags.taken.empty();

		bench.add(late);
		bool done = core.finish();

		bench.check(quiet && core.good() && done, "%s 200 clocks late", late_text ? "text" : "commands");
	}
}

/* Tags that nobody takes for a while: the core waits, and loses none. */
static void late_tags(Bench &bench)
{
	Rng rng(bench.seed + 7);

	bench.restart();
	Core core(bench);

	for (int i = 0; i < 100; i++)
		core.send(random_packet(rng, rng.below(2 * BEAT)));
	bench.forget_agents();
	core.top.tag_ready_i = 0;
	for (Agent *a : { static_cast<Agent *>(&core.command), static_cast<Agent *>(&core.text), static_cast<Agent *>(&core.out) })
		bench.add(a);
	for (int i = 0; i < 1000; i++)
		bench.tick();
	bool waits = core.command.sent < 100;

	bench.add(&core.tags);
	bool done = core.finish();

	bench.check(waits && core.good() && done, "tags 1000 clocks late");
}

/* The clocks a packet takes at full rate are what the module's header promises. */
static void rate(Bench &bench)
{
	Rng rng(bench.seed + 4);
	const unsigned count = 60, settle = 40;

	for (size_t len : { size_t(1), size_t(BEAT - 16), size_t(BEAT), size_t(BEAT + 1), size_t(3 * BEAT), size_t(1424) }) {
		for (int gmac = 0; gmac < 2; gmac++) {
			unsigned blocks = unsigned(len + 15) / 16 + (gmac ? 1 : 2), want = (blocks + LANES - 1) / LANES;

			bench.restart();
			Core core(bench);

			for (unsigned i = 0; i < count; i++)
				core.send(make_packet(rng, len, 32, 8, gmac ? GMAC : ENCRYPT));
			bench.run([&] { return core.tags.taken.size() == settle; }, 100000);
			uint64_t start = bench.clocks;

			bench.run([&] { return core.tags.taken.size() == count; }, 100000);
			uint64_t took = bench.clocks - start;

			bench.check(took == uint64_t(want) * (count - settle), "%s of %zu bytes: %u clocks each (%llu for %u)", gmac ? "GMAC" : "GCM", len, want,
				    (unsigned long long)took, count - settle);
		}
	}
}

/* Command and text at once into an idle core. */
static void latency(Bench &bench)
{
	Rng rng(bench.seed + 5);

	bench.restart();
	Core core(bench);

	for (int i = 0; i < 5; i++)
		bench.tick();
	core.send(make_packet(rng, 48, 32, 8, ENCRYPT));
	uint64_t start = bench.clocks;

	bench.run([&] { return !core.out.taken.empty(); }, 1000);
	uint64_t first = bench.clocks - start;

	bench.run([&] { return !core.tags.taken.empty(); }, 1000);
	uint64_t tag = bench.clocks - start;
	uint64_t steps = (48 / 16 + 2 + LANES - 1) / LANES;
	uint64_t want_first = FIRST_BEAT_CLOCKS, want_tag = FIRST_BEAT_CLOCKS + steps + (LANES > 1 ? 2 : 1);

	bench.check(first == want_first && tag == want_tag, "48 bytes: first beat after %llu clocks (%llu), tag after %llu (%llu)",
		    (unsigned long long)first, (unsigned long long)want_first, (unsigned long long)tag, (unsigned long long)want_tag);
}

/* A reset in the middle of work leaves nothing behind. */
static void reset_inside(Bench &bench)
{
	Rng rng(bench.seed + 6);

	bench.restart();
	{
		Core core(bench);

		for (int i = 0; i < 10; i++)
			core.send(random_packet(rng, 300));
		for (int i = 0; i < 50 + int(rng.below(40)); i++)
			bench.tick();
	}
	bench.forget_agents();
	Vtop &top = *bench.top;

	top.cmd_valid_i = top.s_valid_i = 0;
	top.rst_ni = 0;
	bench.tick();
	top.rst_ni = 1;
	Core core(bench);

	for (int i = 0; i < 10; i++)
		core.send(random_packet(rng, rng.below(300)));
	bool done = core.finish();

	bench.check(core.good() && done, "ten packets after a reset among others");
}

int main(int argc, char **argv)
{
	Bench bench(argc, argv);

	lengths(bench);
	cavp(bench);
	long_packets(bench);
	stalls(bench);
	order_of_arrival(bench);
	late_tags(bench);
	rate(bench);
	latency(bench);
	reset_inside(bench);
	return bench.close();
}
