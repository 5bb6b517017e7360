/* SPDX-License-Identifier: BSD-2-Clause */
/* From the C engine's parameters of an SA to the records of the RTL engine. */
#ifndef ESPNIC_DV_SA_RECORD_H
#define ESPNIC_DV_SA_RECORD_H

#include "oracle.h"
#include "record.h"

namespace espnic {

constexpr uint32_t IP_PACKET_MAX = ESPNIC_PACKET_MAX;

/* @window_base, @window_mask: where its window memory is; outbound 0. */
inline SaStatic static_record(const espnic_sa_params &p, unsigned window_base, unsigned window_mask)
{
	SaStatic r;

	r.set(ESPNIC_FIELD(SA_STATIC_SPI), p.spi);
	r.set(ESPNIC_FIELD(SA_STATIC_INBOUND), p.dir == ESPNIC_DIR_IN);
	r.set(ESPNIC_FIELD(SA_STATIC_TUNNEL), p.mode == ESPNIC_MODE_TUNNEL);
	r.set(ESPNIC_FIELD(SA_STATIC_ESN), p.esn);
	r.set(ESPNIC_FIELD(SA_STATIC_UDP_ENCAP), p.udp_encap);
	r.set(ESPNIC_FIELD(SA_STATIC_GMAC), p.enc == ESPNIC_ENC_AES_GMAC);
	r.set(ESPNIC_FIELD(SA_STATIC_KEY_SIZE), p.enc_key_len / 8 - 2);
	r.set(ESPNIC_FIELD(SA_STATIC_ICV_LEN), p.icv_len ? p.icv_len : 16);
	if (p.mode == ESPNIC_MODE_TUNNEL) {
		r.set(ESPNIC_FIELD(SA_STATIC_ECN), p.tunnel.ecn);
		r.set(ESPNIC_FIELD(SA_STATIC_DSCP_COPY), p.tunnel.dscp == ESPNIC_DSCP_COPY);
		r.set(ESPNIC_FIELD(SA_STATIC_DSCP), p.tunnel.dscp);
		r.set(ESPNIC_FIELD(SA_STATIC_DF_SET), p.tunnel.df == ESPNIC_DF_SET);
		r.set(ESPNIC_FIELD(SA_STATIC_DF_COPY), p.tunnel.df == ESPNIC_DF_COPY);
		r.set(ESPNIC_FIELD(SA_STATIC_TTL), p.tunnel.ttl);
		r.set(ESPNIC_FIELD(SA_STATIC_OUTER_V6), p.tunnel.family == ESPNIC_IPV6);
		r.set_bytes(ESPNIC_RTL_SA_STATIC_OUTER_SRC, p.tunnel.src, 16);
		r.set_bytes(ESPNIC_RTL_SA_STATIC_OUTER_DST, p.tunnel.dst, 16);
	}
	r.set(ESPNIC_FIELD(SA_STATIC_UDP_SPORT), p.udp_sport);
	r.set(ESPNIC_FIELD(SA_STATIC_UDP_DPORT), p.udp_dport);
	/* No packet is longer than that anyway. */
	r.set(ESPNIC_FIELD(SA_STATIC_MTU), p.mtu < IP_PACKET_MAX ? p.mtu : IP_PACKET_MAX);
	r.set(ESPNIC_FIELD(SA_STATIC_TFC_LEN), p.tfc_len < IP_PACKET_MAX ? p.tfc_len : IP_PACKET_MAX);
	r.set(ESPNIC_FIELD(SA_STATIC_HAS_SEL), p.has_sel);
	r.set(ESPNIC_FIELD(SA_STATIC_SEL_FAMILY), p.sel.family);
	r.set(ESPNIC_FIELD(SA_STATIC_SEL_PROTO), p.sel.proto);
	r.set(ESPNIC_FIELD(SA_STATIC_SEL_SRC_PREFIX), p.sel.src_prefix);
	r.set(ESPNIC_FIELD(SA_STATIC_SEL_DST_PREFIX), p.sel.dst_prefix);
	r.set_bytes(ESPNIC_RTL_SA_STATIC_SEL_SRC, p.sel.src, 16);
	r.set_bytes(ESPNIC_RTL_SA_STATIC_SEL_DST, p.sel.dst, 16);
	r.set(ESPNIC_FIELD(SA_STATIC_SEL_SPORT_MIN), p.sel.sport_min);
	r.set(ESPNIC_FIELD(SA_STATIC_SEL_SPORT_MAX), p.sel.sport_max);
	r.set(ESPNIC_FIELD(SA_STATIC_SEL_DPORT_MIN), p.sel.dport_min);
	r.set(ESPNIC_FIELD(SA_STATIC_SEL_DPORT_MAX), p.sel.dport_max);
	r.set(ESPNIC_FIELD(SA_STATIC_WINDOW_SIZE), p.replay_window);
	r.set(ESPNIC_FIELD(SA_STATIC_WINDOW_BASE), window_base);
	r.set(ESPNIC_FIELD(SA_STATIC_WINDOW_MASK), window_mask);
	return r;
}

/* Limits of @p in the record of either direction: life_off is where its life_t begins. */
template <class R> void set_limits(R &r, unsigned life_off, const espnic_sa_params &p)
{
	r.set(life_off + ESPNIC_RTL_LIFE_SOFT_PACKETS, 64, p.soft_packets);
	r.set(life_off + ESPNIC_RTL_LIFE_HARD_PACKETS, 64, p.hard_packets);
	r.set(life_off + ESPNIC_RTL_LIFE_SOFT_BYTES, 64, p.soft_bytes);
	r.set(life_off + ESPNIC_RTL_LIFE_HARD_BYTES, 64, p.hard_bytes);
}

/* The hot part of an outbound SA as the C engine has it, with the limits of @p, which nothing has changed since. */
inline SaOut out_record(const espnic_sa *sa, const espnic_sa_params &p)
{
	espnic_oracle_state st;
	SaOut r;

	espnic_oracle_read(sa, &st);
	r.set(ESPNIC_FIELD(SA_OUT_SEQ), st.seq);
	r.set(ESPNIC_FIELD(SA_OUT_IP_ID), st.ip_id);
	r.set(ESPNIC_FIELD(SA_OUT_LEASE_MARK), p.lease_mark);
	r.set(ESPNIC_FIELD(SA_OUT_LEASE_END), p.lease_end);
	r.set(ESPNIC_LIFE_FIELD(SA_OUT, PACKETS), st.packets);
	r.set(ESPNIC_LIFE_FIELD(SA_OUT, BYTES), st.bytes);
	r.set(ESPNIC_LIFE_FIELD(SA_OUT, EVENTS), st.events);
	r.set(ESPNIC_LIFE_FIELD(SA_OUT, RAISED), st.raised);
	set_limits(r, ESPNIC_RTL_SA_OUT_LIFE, p);
	return r;
}

/* The same of an inbound one, but for what the C engine does not have: floor, tried, under_way. */
inline SaIn in_record(const espnic_sa *sa, const espnic_sa_params &p)
{
	espnic_oracle_state st;
	SaIn r;

	espnic_oracle_read(sa, &st);
	r.set(ESPNIC_FIELD(SA_IN_TOP), st.seq);
	r.set(ESPNIC_LIFE_FIELD(SA_IN, PACKETS), st.packets);
	r.set(ESPNIC_LIFE_FIELD(SA_IN, BYTES), st.bytes);
	r.set(ESPNIC_LIFE_FIELD(SA_IN, EVENTS), st.events);
	r.set(ESPNIC_LIFE_FIELD(SA_IN, RAISED), st.raised);
	set_limits(r, ESPNIC_RTL_SA_IN_LIFE, p);
	return r;
}

} // namespace espnic

#endif
