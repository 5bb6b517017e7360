// SPDX-License-Identifier: BSD-2-Clause
// espnic_sa_cache among packets, control, slots and a memory with latency: wherever an SA is, its newest state is what is found.

#include <algorithm>
#include <array>

#include "bench.h"

using namespace espnic;

namespace {

/* As packet.mk says. */
constexpr unsigned SAS = 64, SETS = 4, WAYS = 2, SLOTS = SETS * WAYS, REC = 16, HEAD = 3, BASE = 8;
constexpr unsigned SA_BITS = 6, SLOT_BITS = 3, SA_MASK = SAS - 1, SLOT_MASK = SLOTS - 1, COUNT_MASK = REC * 2 - 1;

/* Beats of 32 bits, the lowest bits of the first their number. */
using Record = std::array<uint32_t, REC>;

unsigned beats_of(const Record &r)
{
	unsigned n = r[0] & COUNT_MASK;

	return n > HEAD && n <= REC ? n : HEAD + 1;
}

/* What is in use of both is the same. */
bool same(const Record &a, const Record &b)
{
	return std::equal(a.begin(), a.begin() + beats_of(a), b.begin());
}

struct Manner {
	const char *name;
	unsigned latency;	/* clocks a read or write takes at most, on top of those it must */
	unsigned stay;		/* clocks a packet keeps its slot at most */
	StallKind stall;
	unsigned k;
};

/* Reads are answered in order, writes done in order, neither knows of the other. */
class Memory {
public:
	Memory(Vtop &top, const Manner &m, uint64_t seed) : beats(SAS * REC, 0xdeadbeef), top(top), rng(seed), latency(m.latency)
	{
		for (Stall *s : { &rd_stall, &wr_stall, &data_stall })
			*s = Stall(m.stall, m.k, rng.next());
	}

	void drive(uint64_t now)
	{
		while (!writes.empty() && writes.front().due <= now && !acks) {
			beats[writes.front().addr] = writes.front().data;
			writes.pop_front();
			acks++;
		}
		top.wr_done_i = acks != 0;
		acks = 0;
		/* Read as late as can be, or as early. */
		for (auto &r : reads)
			if (!r.read && (r.early || r.due <= now)) {
				r.data = beats[r.addr];
				r.read = true;
			}
		offered = offered || (!reads.empty() && reads.front().due <= now && !data_stall.now(false));
		top.rd_data_valid_i = offered;
		if (offered)
			top.rd_data_i = reads.front().data;
		top.rd_ready_i = !rd_stall.now(false);
		top.wr_ready_i = !wr_stall.now(false);
	}

	void sample(uint64_t now)
	{
		if (offered && top.rd_data_ready_o) {
			reads.pop_front();
			offered = false;
		}
		if (top.rd_valid_o && top.rd_ready_i)
			reads.push_back({ top.rd_addr_o, due(now, reads.empty() ? 0 : reads.back().due), 0, false, rng.one_in(2) });
		if (top.wr_valid_o && top.wr_ready_i)
			writes.push_back({ top.wr_addr_o, due(now, writes.empty() ? 0 : writes.back().due), top.wr_data_o, false, false });
	}

	std::vector<uint32_t> beats;

private:
	struct Access {
		unsigned addr;
		uint64_t due;
		uint32_t data;
		bool read, early;
	};

	uint64_t due(uint64_t now, uint64_t before) { return std::max(now + 1 + rng.below(latency + 1), before); }

	Vtop &top;
	Rng rng;
	unsigned latency, acks = 0;
	std::deque<Access> reads, writes;
	bool offered = false;
	Stall rd_stall, wr_stall, data_stall;
};

class World : public Agent {
public:
	World(Bench &bench, const Manner &m, uint64_t seed) : bench(bench), manner(m), rng(seed)
	{
		bench.restart();
		top = bench.top.get();
		memory = std::make_unique<Memory>(*top, m, rng.next());
		for (auto &r : truth)
			r.fill(0);
		for (auto &r : slots)
			r.fill(0);
		for (Stall *s : { &ask_stall[0], &ask_stall[1], &got_stall[0], &got_stall[1], &spill_stall, &fill_stall })
			*s = Stall(m.stall, m.k, rng.next());
		bench.add(this);
	}

	void drive() override
	{
		uint64_t now = bench.clocks;

		memory->drive(now);
		drive_packets(now);
		drive_control(now);
		top->spill_valid_i = spilling && !spill_stall.now(false);
		if (spilling) {
			top->spill_data_i = slots[slot][spill_beat];
			top->spill_last_i = spill_beat + 1 == beats_of(slots[slot]);
		}
		top->fill_ready_i = filling && fill_beat < fill_beats() && !fill_stall.now(false);
		top->fill_beats_i = fill_beats();
		top->fill_done_i = filling && fill_beat == fill_beats() && !fill_stall.now(true);
	}

	void sample() override
	{
		uint64_t now = bench.clocks;

		if (!top->rst_ni)
			return;
		memory->sample(now);
		sample_packets(now);
		sample_control();
		sample_slots();
	}

	/* Nothing is left to do. */
	bool idle() const
	{
		return queue[0].empty() && queue[1].empty() && flight[0].empty() && flight[1].empty() && commands.empty() && !offered[0] &&
		       !offered[1] && asked[0].empty() && asked[1].empty();
	}

	bool good() const { return why.empty(); }

	struct Command {
		unsigned sa;
		bool install, write;
		unsigned hold;
	};

	std::deque<unsigned> queue[2];
	std::deque<Command> commands;
	std::string why;
	unsigned given = 0, spills = 0, fills = 0;
	std::array<Record, SAS> truth;

private:
	struct Flight {
		unsigned sa, slot;
		uint64_t due;
	};

	void fail(const char *what, unsigned sa)
	{
		if (why.empty())
			why = std::string(what) + ", SA " + std::to_string(sa) + ", clock " + std::to_string(bench.clocks);
	}

	/* Something of the SA changes in its slot. */
	void change(unsigned sa, unsigned s)
	{
		unsigned n = beats_of(truth[sa]), at = HEAD + unsigned(rng.below(n - HEAD));

		slots[s][at] = truth[sa][at] = uint32_t(rng.next());
	}

	void drive_packets(uint64_t now)
	{
		unsigned valid = 0, ready = 0, done = 0, sas = 0;

		for (unsigned d = 0; d < 2; d++) {
			offered[d] = offered[d] || (!queue[d].empty() && !ask_stall[d].now(false));
			valid |= unsigned(offered[d]) << d;
			if (offered[d])
				sas |= queue[d].front() << d * SA_BITS;
			ready |= unsigned(!got_stall[d].now(false)) << d;
			if (!flight[d].empty() && flight[d].front().due <= now)
				done |= 1u << d;
		}
		top->ask_valid_i = uint8_t(valid);
		top->ask_sa_i = uint16_t(sas);
		top->got_ready_i = uint8_t(ready);
		top->done_i = uint8_t(done);
	}

	void sample_packets(uint64_t now)
	{
		for (unsigned d = 0; d < 2; d++) {
			if (top->done_i >> d & 1) {
				Flight f = flight[d].front();

				/* What the last packet does to the SA, it does before it is done. */
				if (!same(truth[f.sa], slots[f.slot]))
					fail("a slot was lost with a packet under way", f.sa);
				change(f.sa, f.slot);
				flight[d].pop_front();
			}
			if ((top->got_valid_o & top->got_ready_i) >> d & 1)
				give(d, top->got_slot_o >> d * SLOT_BITS & SLOT_MASK, now);
			if (offered[d] && top->ask_ready_o >> d & 1) {
				asked[d].push_back(queue[d].front());
				queue[d].pop_front();
				offered[d] = false;
			}
		}
	}

	void give(unsigned d, unsigned s, uint64_t now)
	{
		if (asked[d].empty())
			return fail("a slot nobody asked for", 0);
		unsigned sa = asked[d].front();

		asked[d].pop_front();
		given++;
		if (!same(truth[sa], slots[s]))
			fail("not the newest state", sa);
		change(sa, s);
		flight[d].push_back({ sa, s, now + 1 + rng.below(manner.stay + 1) });
	}

	void drive_control(uint64_t now)
	{
		top->ctl_valid_i = !commands.empty() && !released;
		if (!commands.empty())
			top->ctl_sa_i = uint8_t(commands.front().sa);
		top->put_valid_i = put_beat < HEAD && held && commands.front().install;
		if (top->put_valid_i) {
			top->put_beat_i = uint8_t(put_beat);
			top->put_data_i = truth[commands.front().sa][put_beat];
		}
		(void)now;
	}

	void sample_control()
	{
		released = false;
		if (commands.empty())
			return;
		Command &c = commands.front();

		if (top->ctl_valid_i && top->ctl_held_o && !held) {
			held = true;
			put_beat = 0;
			if (!same(truth[c.sa], slots[top->ctl_slot_o]))
				fail("control: not the newest state", c.sa);
			if (c.install)
				install(c.sa, top->ctl_slot_o);
			return;
		}
		if (!held)
			return;
		if (!same(truth[c.sa], slots[top->ctl_slot_o]))
			fail("control: its slot was lost", c.sa);
		if (c.write)
			change(c.sa, top->ctl_slot_o);
		if (top->put_valid_i && top->put_ready_o)
			put_beat++;
		if (c.hold)
			c.hold--;
		else if (!c.install || put_beat == HEAD) {
			held = false;
			released = true;
			commands.pop_front();
		}
	}

	/* Another number of beats, all new: head and hot part. */
	void install(unsigned sa, unsigned s)
	{
		for (auto &beat : truth[sa])
			beat = uint32_t(rng.next());
		truth[sa][0] = (truth[sa][0] & ~COUNT_MASK) | unsigned(HEAD + 1 + rng.below(REC - HEAD));
		slots[s] = truth[sa];
	}

	unsigned fill_beats() const { return fill_beat ? beats_of(slots[slot]) : REC; }

	void sample_slots()
	{
		if (spilling && top->spill_valid_i && top->spill_ready_o)
			spill_beat++;
		if (filling && top->fill_valid_o && top->fill_ready_i)
			slots[slot][fill_beat++] = top->fill_data_o;
		if (top->fill_done_i)
			filling = false;
		else if (top->fill_o && !filling) {
			filling = true;
			fill_beat = 0;
			slot = top->slot_o;
			fills++;
			check_free("filled");
		}
		if (spilling && !(top->spill_o && spill_beat < beats_of(slots[slot])))
			spilling = false;
		else if (top->spill_o && !spilling && !top->fill_o && !(top->spill_last_i && spill_beat)) {
			spilling = true;
			spill_beat = HEAD;
			slot = top->slot_o;
			spills++;
			check_free("spilled");
		}
		if (!top->spill_o)
			spill_beat = 0;
	}

	void check_free(const char *what)
	{
		for (auto &dir : flight)
			for (auto &f : dir)
				if (f.slot == slot)
					fail(what, f.sa);
	}

	Bench &bench;
	Vtop *top;
	Manner manner;
	Rng rng;
	std::unique_ptr<Memory> memory;
	std::array<Record, SLOTS> slots;
	std::deque<unsigned> asked[2];
	std::deque<Flight> flight[2];
	Stall ask_stall[2], got_stall[2], spill_stall, fill_stall;
	bool offered[2] = {}, held = false, released = false, spilling = false, filling = false;
	unsigned put_beat = HEAD, spill_beat = 0, fill_beat = 0, slot = 0;
};

constexpr Manner MANNERS[] = {
	{ "at once", 0, 0, StallKind::Never, 1 },	{ "slow memory", 60, 4, StallKind::Never, 1 },
	{ "long packets", 3, 90, StallKind::Never, 1 }, { "1-in-3", 20, 20, StallKind::OneInK, 3 },
	{ "bursty", 40, 40, StallKind::Bursty, 30 },	{ "mostly stalled", 9, 9, StallKind::Mostly, 5 },
};

/* Of few SAs, or of all, or of two that share a set with others. */
unsigned random_sa(Rng &rng)
{
	switch (rng.below(4)) {
	case 0:
		return unsigned(rng.below(SAS));
	case 1:
		return unsigned(rng.below(2));
	default:
		return unsigned(rng.below(WAYS + 2) * SETS) & SA_MASK;
	}
}

void newest_state(Bench &bench, const Manner &m)
{
	Rng rng(bench.seed * 31 + m.latency * 7 + m.k);
	World world(bench, m, rng.next());
	unsigned n = bench.full ? 30000 : 2500;

	if (!bench.run([&] { return bench.top->ready_o; }, 100 * SAS * BASE)) {
		bench.check(false, "%s: memory is emptied", m.name);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		world.queue[rng.below(2)].push_back(random_sa(rng));
	for (unsigned i = 0; i < n / 10; i++)
		world.commands.push_back({ random_sa(rng), rng.one_in(2), bool(rng.one_in(2)), unsigned(rng.below(m.stay + 1)) });
	bool ended = bench.run([&] { return world.idle() || !world.good(); }, 3000 * uint64_t(n));

	/* And all once more, by control. */
	for (unsigned sa = 0; sa < SAS; sa++)
		world.commands.push_back({ sa, false, false, 0 });
	ended = ended && bench.run([&] { return world.idle() || !world.good(); }, 3000 * uint64_t(SAS));
	if (!world.good())
		Bench::comment("%s", world.why.c_str());
	bench.check(ended && world.good() && world.given == n, "%s: newest state, %u packets", m.name, n);
	bench.check(world.spills > n / 20 && world.fills > world.spills, "%s: %u spills, %u fills", m.name, world.spills, world.fills);
	bench.forget_agents();
}

/* One a clock and direction, of one SA or of several. */
void hits_keep_the_rate(Bench &bench)
{
	constexpr Manner m = { "rate", 0, 3, StallKind::Never, 1 };
	constexpr unsigned N = 1000;
	World world(bench, m, bench.seed);

	bench.run([&] { return bench.top->ready_o; }, 100 * SAS * BASE);
	for (unsigned sa : { 0u, 1u, 2u })
		world.queue[0].push_back(sa);
	bench.run([&] { return world.idle(); }, 1000);
	uint64_t from = bench.clocks;

	for (unsigned i = 0; i < N; i++) {
		world.queue[0].push_back(i % 3);
		world.queue[1].push_back(i / 7 % 2);
	}
	bool ended = bench.run([&] { return world.idle(); }, 10 * N);

	bench.check(ended && world.good() && bench.clocks - from < N + 12, "hits: %u of either direction in %u clocks", N,
		    unsigned(bench.clocks - from));
	bench.forget_agents();
}

/* What the module's header says of a miss, with a memory that answers at once. */
void a_miss_takes(Bench &bench)
{
	constexpr Manner m = { "miss", 0, 0, StallKind::Never, 1 };
	constexpr unsigned N = 200;
	World world(bench, m, bench.seed);

	bench.run([&] { return bench.top->ready_o; }, 100 * SAS * BASE);
	/* Of one set, each once: all miss, and all but the first spill. */
	for (unsigned i = 0; i < N; i++)
		world.queue[0].push_back(i * SETS & SA_MASK);
	uint64_t from = bench.clocks;
	bool ended = bench.run([&] { return world.idle(); }, 1000 * N);
	unsigned each = unsigned((bench.clocks - from) / N);

	/* Emptied records: HEAD + 1 beats, of which one is spilled, but BASE are read. */
	bench.check(ended && world.good() && world.fills == N && each <= 3 + 1 + BASE + 2 + 6, "misses: %u clocks each", each);
	bench.forget_agents();
}

} // namespace

int main(int argc, char **argv)
{
	Bench bench(argc, argv);

	for (auto &m : MANNERS)
		newest_state(bench, m);
	hits_keep_the_rate(bench);
	a_miss_takes(bench);
	return bench.close();
}
