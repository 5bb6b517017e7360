/* SPDX-License-Identifier: BSD-2-Clause */
/* Random SAs of all shapes that the RTL engine has, with fates near: few numbers left, small limits, small MTUs. */
#ifndef ESPNIC_DV_RANDOM_SA_H
#define ESPNIC_DV_RANDOM_SA_H

#include "oracle.h"
#include "stall.h"

namespace espnic {

inline uint64_t random_limit(Rng &rng, unsigned one_in, uint64_t max)
{
	return rng.one_in(one_in) ? 1 + rng.below(max) : 0;
}

/* Only packets that show no port: fragments but the first, and protocols that have none. */
inline void opaque_ports(uint16_t &min, uint16_t &max)
{
	min = UINT16_MAX;
	max = 0;
}

inline void random_selector(Rng &rng, espnic_sa_params &p)
{
	static const uint8_t families[] = { ESPNIC_IP_ANY, ESPNIC_IPV4, ESPNIC_IPV6 };
	static const uint8_t protos[] = { 0, 0, 0, 6, 17, 1, 58, 44, 255 };
	espnic_selector &s = p.sel;

	p.has_sel = true;
	s.family = families[rng.below(3)];
	s.proto = protos[rng.below(sizeof(protos))];
	/* Addresses of packets are random: all but short prefixes fit none. */
	unsigned bits = s.family == ESPNIC_IPV6 ? 128 : 32;

	s.src_prefix = uint8_t(rng.below(rng.below(6) ? 3 : bits + 1));
	s.dst_prefix = uint8_t(rng.below(rng.below(6) ? 3 : bits + 1));
	for (auto &b : s.src)
		b = uint8_t(rng.next());
	for (auto &b : s.dst)
		b = uint8_t(rng.next());
	s.sport_max = s.dport_max = UINT16_MAX;
	if (rng.one_in(4)) {
		s.sport_min = uint16_t(rng.below(30000));
		s.sport_max = uint16_t(s.sport_min + rng.below(30000));
	}
	if (rng.one_in(4))
		s.dport_max = uint16_t(rng.below(60000));
	if (rng.one_in(6))
		opaque_ports(s.sport_min, s.sport_max);
	if (rng.one_in(6))
		opaque_ports(s.dport_min, s.dport_max);
}

/* Everything but direction, SPI and sequence. */
inline void random_shape(Rng &rng, espnic_sa_params &p)
{
	static const uint8_t icv_lens[] = { 8, 12, 16 };
	static const espnic_df dfs[] = { ESPNIC_DF_COPY, ESPNIC_DF_SET, ESPNIC_DF_CLEAR };

	p.mode = rng.below(5) < 3 ? ESPNIC_MODE_TUNNEL : ESPNIC_MODE_TRANSPORT;
	p.enc = rng.one_in(4) ? ESPNIC_ENC_AES_GMAC : ESPNIC_ENC_AES_GCM;
	p.enc_key_len = uint8_t(16 + 8 * rng.below(3));
	for (unsigned i = 0; i < p.enc_key_len; i++)
		p.enc_key[i] = uint8_t(rng.next());
	p.salt_len = 4;
	for (auto &b : p.salt)
		b = uint8_t(rng.next());
	p.icv_len = p.enc == ESPNIC_ENC_AES_GCM ? icv_lens[rng.below(3)] : 16;
	p.esn = rng.one_in(2);
	if (p.mode == ESPNIC_MODE_TUNNEL) {
		p.tunnel.family = rng.one_in(2) ? ESPNIC_IPV4 : ESPNIC_IPV6;
		for (auto &b : p.tunnel.src)
			b = uint8_t(rng.next());
		for (auto &b : p.tunnel.dst)
			b = uint8_t(rng.next());
		p.tunnel.ttl = uint8_t(1 + rng.below(255));
		p.tunnel.dscp = rng.one_in(2) ? uint8_t(ESPNIC_DSCP_COPY) : uint8_t(rng.below(64));
		p.tunnel.ecn = rng.one_in(2);
		p.tunnel.df = dfs[rng.below(3)];
	}
	p.udp_encap = rng.one_in(3);
	p.udp_sport = uint16_t(rng.next());
	p.udp_dport = uint16_t(rng.next());
	if (rng.one_in(3))
		random_selector(rng, p);
	p.soft_packets = random_limit(rng, 4, 12);
	p.hard_packets = random_limit(rng, 5, 12);
	p.soft_bytes = random_limit(rng, 4, 20000);
	p.hard_bytes = random_limit(rng, 5, 6000);
}

} // namespace espnic

#endif
