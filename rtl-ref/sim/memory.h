/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The external memory of an engine whose SAs are cached (mem_* of espnic_esp_engine): one beat a clock each way, each a while after it was asked for.
 * Reads are answered in order, writes done in order, and neither waits for the other: what the engine must keep apart itself.
 */
#ifndef ESPNIC_RTL_MEMORY_H
#define ESPNIC_RTL_MEMORY_H

#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <unordered_map>

#include "stall.h"

namespace espnic {

template <class Top> class Memory {
public:
	/* Inputs before a clock edge. */
	void drive(Top &top, uint64_t now)
	{
		top.mem_wr_done_i = !writes.empty() && writes.front().due <= now;
		if (top.mem_wr_done_i) {
			beats[writes.front().addr] = writes.front().data;
			writes.pop_front();
		}
		offered = offered || (!reads.empty() && reads.front().due <= now && !data_stall.now(false));
		top.mem_data_valid_i = offered;
		if (offered)
			memcpy(&top.mem_data_i, read(reads.front().addr).data(), BEAT);
		top.mem_rd_ready_i = !rd_stall.now(false);
		top.mem_wr_ready_i = !wr_stall.now(false);
	}

	/* What the edge takes. */
	void sample(const Top &top, uint64_t now)
	{
		if (offered && top.mem_data_ready_o) {
			reads.pop_front();
			offered = false;
		}
		if (top.mem_rd_valid_o && top.mem_rd_ready_i)
			reads.push_back({ uint32_t(top.mem_rd_addr_o), now + READ_CLOCKS, {} });
		if (top.mem_wr_valid_o && top.mem_wr_ready_i) {
			writes.push_back({ uint32_t(top.mem_wr_addr_o), now + WRITE_CLOCKS, {} });
			memcpy(writes.back().data.data(), &top.mem_wr_data_o, BEAT);
		}
	}

	Stall rd_stall, wr_stall, data_stall;

private:
	static constexpr size_t BEAT = 64;		/* bytes */
	/* Some 200 and 150 ns at 322 MHz: DRAM behind a controller. */
	static constexpr uint64_t READ_CLOCKS = 64, WRITE_CLOCKS = 48;

	using Beat = std::array<uint8_t, BEAT>;

	struct Access {
		uint32_t addr;
		uint64_t due;
		Beat data;
	};

	/* What nobody wrote is anything. */
	const Beat &read(uint32_t addr)
	{
		auto at = beats.find(addr);

		if (at != beats.end())
			return at->second;
		Beat &beat = beats[addr];

		for (auto &byte : beat)
			byte = uint8_t(rng.next());
		return beat;
	}

	std::unordered_map<uint32_t, Beat> beats;
	std::deque<Access> reads, writes;
	bool offered = false;
	Rng rng{ 1 };
};

} // namespace espnic

#endif
