/* SPDX-License-Identifier: BSD-2-Clause */
/* Fields of the RTL engine's records (espnic_rtl_records.h) in Verilated signals. */
#ifndef ESPNIC_DV_RECORD_H
#define ESPNIC_DV_RECORD_H

#include <cstddef>
#include <cstdint>

#include "espnic_rtl_records.h"

namespace espnic {

/* A record as the bits of a signal: least significant word first. */
template <size_t Bits> class Record {
public:
	static constexpr size_t words = (Bits + 31) / 32;

	/* @value into the @width (at most 64) bits from @offset on. */
	void set(unsigned offset, unsigned width, uint64_t value)
	{
		for (unsigned i = 0; i < width; i++, value >>= 1) {
			unsigned bit = offset + i;

			word[bit / 32] &= ~(uint32_t(1) << bit % 32);
			word[bit / 32] |= uint32_t(value & 1) << bit % 32;
		}
	}

	/* A string of @len bytes, the first in the lowest bits. */
	void set_bytes(unsigned offset, const uint8_t *bytes, size_t len)
	{
		for (size_t i = 0; i < len; i++)
			set(offset + 8 * unsigned(i), 8, bytes[i]);
	}

	uint64_t get(unsigned offset, unsigned width) const
	{
		uint64_t value = 0;

		for (unsigned i = width; i-- > 0;) {
			unsigned bit = offset + i;

			value = value << 1 | (word[bit / 32] >> bit % 32 & 1);
		}
		return value;
	}

	template <class Sig> void to(Sig &sig) const
	{
		for (size_t i = 0; i < words; i++)
			sig[i] = word[i];
	}

	template <class Sig> void from(const Sig &sig)
	{
		for (size_t i = 0; i < words; i++)
			word[i] = sig[i];
	}

private:
	uint32_t word[words] = {};
};

/* r.set(ESPNIC_FIELD(SA_OUT_SEQ), 7) */
#define ESPNIC_FIELD(name) ESPNIC_RTL_##name, ESPNIC_RTL_##name##_WIDTH
/* The same of a field of the record life within another. */
#define ESPNIC_LIFE_FIELD(outer, name) ESPNIC_RTL_##outer##_LIFE + ESPNIC_RTL_LIFE_##name, ESPNIC_RTL_LIFE_##name##_WIDTH

using SaOut = Record<ESPNIC_RTL_SA_OUT_BITS>;
using SaIn = Record<ESPNIC_RTL_SA_IN_BITS>;
using SaStatic = Record<ESPNIC_RTL_SA_STATIC_BITS>;
using WindowWord = Record<ESPNIC_RTL_WINDOW_WORD_BITS>;

} // namespace espnic

#endif
