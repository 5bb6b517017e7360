/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The internet checksum (RFC 1071) over whole frames: filled in for the host on
 * the way out, judged for it on the way in.
 */
#ifndef ESPNIC_NIC_CSUM_H
#define ESPNIC_NIC_CSUM_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/ip.h"

/*
 * Adds @len bytes at @p, seen as big-endian 16-bit words (an odd last byte is
 * padded with zero), to the running sum @sum, which this function returned or
 * is 0. The result fits 32 bits with room for two more additions of 16 bits.
 */
uint32_t espnic_csum_partial(const uint8_t *p, uint32_t len, uint32_t sum);

/*
 * The running sum of the TCP or UDP pseudo header of the packet at @ip with @len bytes of payload.
 */
uint32_t espnic_csum_pseudo(const uint8_t *ip, uint8_t family, uint8_t proto, uint32_t len);

/* Folds and complements a running sum; what goes into a header. */
uint16_t espnic_csum_finish(uint32_t sum);

/*
 * The same for TCP and UDP: never 0, which UDP has for "no checksum" (RFC 768) and where
 * the two are arithmetically the same (RFC 1624).
 */
static inline uint16_t espnic_csum_finish_l4(uint32_t sum)
{
	uint16_t v = espnic_csum_finish(sum);

	return v ? v : 0xffff;
}

/*
 * Where a checksum inside of host-made ESP ends: before the padding of the ESP packet at @esp_off
 * of the IP packet of @len bytes at @ip, whose IV and ICV are so long. Bytes from @ip, or 0: that
 * is no such packet.
 */
uint32_t espnic_csum_esp_end(const uint8_t *ip, uint32_t len, uint32_t esp_off, uint32_t iv_len,
			     uint32_t icv_len);

enum espnic_csum_verdict {
	ESPNIC_CSUM_UNKNOWN,	/* no checksum the device knows how to judge */
	ESPNIC_CSUM_GOOD,
	ESPNIC_CSUM_BAD,
};

/*
 * Judges the TCP or UDP checksum of the IP packet at @p, whose headers
 * espnic_ip_parse() read into @ip. Fragments, UDP without a checksum and headers
 * that don't fit are UNKNOWN.
 */
enum espnic_csum_verdict espnic_csum_verify(const uint8_t *p, const struct espnic_ip *ip);

#endif
