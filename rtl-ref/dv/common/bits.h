/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Verilated signals as bytes: byte i of a signal is its bits [8i+7:8i], the order of every bus in rtl/.
 */
#ifndef ESPNIC_DV_BITS_H
#define ESPNIC_DV_BITS_H

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

namespace espnic {

using Bytes = std::vector<uint8_t>;

/* Verilator keeps signals least significant word first; so does the machine it runs on. */
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "signals are copied as they lie in memory");

/* Sets all of @sig: @src[0..@len) from byte 0 on, zeros after it. A signal's spare top bits must stay clear: the caller's @src has none. */
template <class Sig> void put_bytes(Sig &sig, const uint8_t *src, size_t len)
{
	static_assert(std::is_trivially_copyable_v<Sig>);
	uint8_t *dst = reinterpret_cast<uint8_t *>(&sig);

	memset(dst, 0, sizeof(sig));
	if (len)
		memcpy(dst, src, len < sizeof(sig) ? len : sizeof(sig));
}

template <class Sig> void put_bytes(Sig &sig, const Bytes &src)
{
	put_bytes(sig, src.data(), src.size());
}

/* The first @len bytes of @sig. */
template <class Sig> Bytes get_bytes(const Sig &sig, size_t len)
{
	const uint8_t *src = reinterpret_cast<const uint8_t *>(&sig);

	return Bytes(src, src + (len < sizeof(sig) ? len : sizeof(sig)));
}

} // namespace espnic

#endif
