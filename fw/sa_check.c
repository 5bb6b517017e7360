// SPDX-License-Identifier: BSD-2-Clause
/* Whether what SA_ADD asks for is lawful, field by field, and in the hardware's terms. */
#include "internal.h"

enum {
	PROTO_ESP = 50,			/* IP protocol numbers */
	PROTO_AH = 51,
	SPI_MIN = 256,			/* RFC 4303 section 2.1: 1 to 255 are reserved */
	DSCP_MAX = 63,
	LEASE_ALIGN = 8,		/* bytes: a lease word is one 64-bit number */
};

#define OFF(field) ESPNIC_FW_OFF(espnic_cmd_sa_add, field)
#define ADD_FLAGS (ESPNIC_CMD_SA_ADD_ESN | ESPNIC_CMD_SA_ADD_UDP_ENCAP | ESPNIC_CMD_SA_ADD_ECN | \
		   ESPNIC_CMD_SA_ADD_DSCP_COPY | ESPNIC_CMD_SA_ADD_L2 | ESPNIC_CMD_SA_ADD_SELECTOR)

static bool bad(struct espnic_fw_reply *r, uint32_t off)
{
	return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_BAD_FIELD, off);
}

static bool unsupported(struct espnic_fw_reply *r, uint32_t off)
{
	return espnic_fw_refuse(r, ESPNIC_CMD_STATUS_UNSUPPORTED, off);
}

static bool is_tunnel_packet(const struct espnic_cmd_sa_add *c)
{
	return c->mode == ESPNIC_CMD_SA_MODE_TUNNEL && c->offload == ESPNIC_CMD_SA_OFFLOAD_PACKET;
}

static bool check_kind(const struct espnic_fw *fw, const struct espnic_cmd_sa_add *c,
		       struct espnic_fw_reply *r)
{
	uint32_t ipsec = fw->caps.ipsec;

	if (c->dir != ESPNIC_CMD_SA_DIR_IN && c->dir != ESPNIC_CMD_SA_DIR_OUT)
		return bad(r, OFF(dir));
	if (c->offload != ESPNIC_CMD_SA_OFFLOAD_CRYPTO && c->offload != ESPNIC_CMD_SA_OFFLOAD_PACKET)
		return bad(r, OFF(offload));
	if (!(ipsec & (c->offload == ESPNIC_CMD_SA_OFFLOAD_CRYPTO ? ESPNIC_CAP_IPSEC_CRYPTO
								  : ESPNIC_CAP_IPSEC_PACKET)))
		return unsupported(r, OFF(offload));
	if (c->mode != ESPNIC_CMD_SA_MODE_TRANSPORT && c->mode != ESPNIC_CMD_SA_MODE_TUNNEL)
		return bad(r, OFF(mode));
	if (!(ipsec & (c->mode == ESPNIC_CMD_SA_MODE_TRANSPORT ? ESPNIC_CAP_IPSEC_TRANSPORT
							       : ESPNIC_CAP_IPSEC_TUNNEL)))
		return unsupported(r, OFF(mode));
	if (c->proto == PROTO_AH)
		return unsupported(r, OFF(proto));
	if (c->proto != PROTO_ESP)
		return bad(r, OFF(proto));
	return true;
}

static bool check_flags(const struct espnic_fw *fw, const struct espnic_cmd_sa_add *c,
			struct espnic_fw_reply *r)
{
	bool crypto = c->offload == ESPNIC_CMD_SA_OFFLOAD_CRYPTO;

	if (c->flags & ~ADD_FLAGS)
		return bad(r, OFF(flags));
	if ((c->flags & ESPNIC_CMD_SA_ADD_ESN) && !(fw->caps.ipsec & ESPNIC_CAP_IPSEC_ESN))
		return unsupported(r, OFF(flags));
	if ((c->flags & ESPNIC_CMD_SA_ADD_UDP_ENCAP) &&
	    !(fw->caps.ipsec & (crypto ? ESPNIC_CAP_IPSEC_CRYPTO_UDP_ENCAP
				       : ESPNIC_CAP_IPSEC_UDP_ENCAP)))
		return unsupported(r, OFF(flags));
	/*
	 * Over IPv6 UDP must have a checksum (RFC 8200 section 8.1), and the host could not make it: it
	 * covers what the device encrypts.
	 */
	if ((c->flags & ESPNIC_CMD_SA_ADD_UDP_ENCAP) && crypto && c->family == 6)
		return unsupported(r, OFF(flags));
	/* The host chose this SA for the packet already; the device could not refuse it any more. */
	if ((c->flags & ESPNIC_CMD_SA_ADD_SELECTOR) && crypto)
		return unsupported(r, OFF(flags));
	if ((c->flags & ESPNIC_CMD_SA_ADD_L2) &&
	    (!is_tunnel_packet(c) || c->dir != ESPNIC_CMD_SA_DIR_OUT))
		return bad(r, OFF(flags));
	return true;
}

static bool check_addresses(const struct espnic_cmd_sa_add *c, struct espnic_fw_reply *r)
{
	if (c->family != 4 && c->family != 6)
		return bad(r, OFF(family));
	if (!espnic_fw_check_addr(c->family, c->saddr, OFF(saddr), r) ||
	    !espnic_fw_check_addr(c->family, c->daddr, OFF(daddr), r))
		return false;
	if (espnic_fw_is_zero(c->daddr, sizeof(c->daddr)))
		return bad(r, OFF(daddr));
	/* Elsewhere an open source is lawful; here it would stand in the outer header. */
	if (is_tunnel_packet(c) && c->dir == ESPNIC_CMD_SA_DIR_OUT &&
	    espnic_fw_is_zero(c->saddr, sizeof(c->saddr)))
		return bad(r, OFF(saddr));
	if (!!(c->flags & ESPNIC_CMD_SA_ADD_UDP_ENCAP) != !!c->encap_sport)
		return bad(r, OFF(encap_sport));
	if (!!(c->flags & ESPNIC_CMD_SA_ADD_UDP_ENCAP) != !!c->encap_dport)
		return bad(r, OFF(encap_dport));
	return true;
}

static bool check_tunnel(const struct espnic_fw *fw, const struct espnic_cmd_sa_add *c,
			 struct espnic_fw_reply *r)
{
	if (is_tunnel_packet(c) && c->dir == ESPNIC_CMD_SA_DIR_OUT && !c->ttl)
		return bad(r, OFF(ttl));
	if (c->dscp > DSCP_MAX)
		return bad(r, OFF(dscp));
	if (c->df > ESPNIC_TUNNEL_DF_CLEAR)
		return bad(r, OFF(df));
	if (c->mtu && (c->mtu < ESPNIC_MIN_MTU || c->mtu > fw->caps.mtu))
		return bad(r, OFF(mtu));
	if (!(c->flags & ESPNIC_CMD_SA_ADD_L2))
		return espnic_fw_check_zero(c->dst_mac, sizeof(c->dst_mac), OFF(dst_mac), r) &&
		       espnic_fw_check_zero(c->src_mac, sizeof(c->src_mac), OFF(src_mac), r);
	return espnic_fw_check_mac(c->dst_mac, OFF(dst_mac), r) &&
	       espnic_fw_check_mac(c->src_mac, OFF(src_mac), r);
}

static bool check_sequence(const struct espnic_fw *fw, const struct espnic_cmd_sa_add *c,
			   struct espnic_fw_reply *r)
{
	uint32_t min = (fw->caps.replay & ESPNIC_CAP_REPLAY_MIN) >> ESPNIC_CAP_REPLAY_MIN_SHIFT;
	uint32_t max = (fw->caps.replay & ESPNIC_CAP_REPLAY_MAX) >> ESPNIC_CAP_REPLAY_MAX_SHIFT;

	if (c->replay_window && (c->replay_window < min || c->replay_window > max))
		return unsupported(r, OFF(replay_window));
	if (!(c->flags & ESPNIC_CMD_SA_ADD_ESN) && c->seq > UINT32_MAX)
		return bad(r, OFF(seq));
	return true;
}

/* In crypto offload the host counts. */
static bool can_limit(const struct espnic_fw *fw, uint8_t offload)
{
	return (fw->caps.ipsec & ESPNIC_CAP_IPSEC_LIFETIME) &&
	       offload == ESPNIC_CMD_SA_OFFLOAD_PACKET;
}

bool espnic_fw_check_limits(const struct espnic_fw *fw, const struct espnic_sa_limits *l,
			    uint32_t off, uint8_t offload, struct espnic_hal_limits *out,
			    struct espnic_fw_reply *r)
{
	bool can = can_limit(fw, offload);
	const uint64_t v[] = { l->soft_packets, l->hard_packets, l->soft_bytes, l->hard_bytes };

	for (uint32_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		uint32_t at = off + i * (uint32_t)sizeof(v[0]);

		/* An SA that passes nothing, or is soft-expired before its first packet: no use. */
		if (!v[i])
			return bad(r, at);
		if (v[i] != UINT64_MAX && !can)
			return unsupported(r, at);
	}
	out->soft_packets = l->soft_packets;
	out->hard_packets = l->hard_packets;
	out->soft_bytes = l->soft_bytes;
	out->hard_bytes = l->hard_bytes;
	return true;
}

/* The lease word: of SAs whose numbers the device makes. */
static bool check_lease(const struct espnic_fw *fw, const struct espnic_cmd_sa_add *c,
			struct espnic_fw_reply *r)
{
	if (!c->lease_addr)
		return true;
	if (!(fw->caps.ipsec & ESPNIC_CAP_IPSEC_SEQ_LEASE))
		return unsupported(r, OFF(lease_addr));
	if (c->lease_addr & (LEASE_ALIGN - 1) || c->dir != ESPNIC_CMD_SA_DIR_OUT ||
	    c->offload != ESPNIC_CMD_SA_OFFLOAD_PACKET)
		return bad(r, OFF(lease_addr));
	return true;
}

static void fill(struct espnic_hal_sa *sa, const struct espnic_cmd_sa_add *c)
{
	bool tunnel = c->mode == ESPNIC_CMD_SA_MODE_TUNNEL;

	sa->handle = c->handle;
	sa->spi = c->spi;
	sa->reqid = c->reqid;
	sa->dir = c->dir;
	sa->offload = c->offload;
	sa->mode = c->mode;
	sa->proto = c->proto;
	sa->family = c->family;
	memcpy(sa->saddr, c->saddr, sizeof(sa->saddr));
	memcpy(sa->daddr, c->daddr, sizeof(sa->daddr));
	sa->enc_alg = c->enc_alg;
	sa->enc_key_len = c->enc_key_len;
	sa->salt_len = c->salt_len;
	sa->icv_len = c->icv_len;
	sa->auth_alg = c->auth_alg;
	sa->auth_key_len = c->auth_key_len;
	sa->enc_key = c->enc_key;
	sa->salt = c->salt;
	sa->auth_key = c->auth_key;
	sa->esn = c->flags & ESPNIC_CMD_SA_ADD_ESN;
	sa->udp_encap = c->flags & ESPNIC_CMD_SA_ADD_UDP_ENCAP;
	sa->encap_sport = c->encap_sport;
	sa->encap_dport = c->encap_dport;
	sa->ecn = tunnel && (c->flags & ESPNIC_CMD_SA_ADD_ECN);
	sa->dscp_copy = tunnel && (c->flags & ESPNIC_CMD_SA_ADD_DSCP_COPY);
	sa->dscp = tunnel ? c->dscp : 0;
	sa->ttl = tunnel ? c->ttl : 0;
	sa->df = tunnel ? c->df : ESPNIC_TUNNEL_DF_COPY;
	sa->has_l2 = c->flags & ESPNIC_CMD_SA_ADD_L2;
	memcpy(sa->dst_mac, c->dst_mac, sizeof(sa->dst_mac));
	memcpy(sa->src_mac, c->src_mac, sizeof(sa->src_mac));
	sa->has_sel = c->flags & ESPNIC_CMD_SA_ADD_SELECTOR;
	sa->mtu = c->mtu;
	sa->replay_window = c->dir == ESPNIC_CMD_SA_DIR_IN ? c->replay_window : 0;
	sa->seq = c->seq;
}

bool espnic_fw_check_sa(const struct espnic_fw *fw, const struct espnic_cmd_sa_add *c,
			struct espnic_hal_sa *sa, struct espnic_fw_reply *r)
{
	if (c->spi < SPI_MIN)
		return bad(r, OFF(spi));
	if (!check_kind(fw, c, r) || !check_flags(fw, c, r) || !check_addresses(c, r) ||
	    !espnic_fw_check_transform(fw, c, r) || !check_tunnel(fw, c, r) || !check_sequence(fw, c, r))
		return false;
	if ((c->flags & ESPNIC_CMD_SA_ADD_SELECTOR) &&
	    !espnic_fw_check_selector(&c->sel, OFF(sel), &sa->sel, r))
		return false;
	if (!espnic_fw_check_limits(fw, &c->limits, OFF(limits), c->offload, &sa->limits, r) ||
	    !espnic_fw_check_zero(&c->reserved0, sizeof(c->reserved0), OFF(reserved0), r) ||
	    !check_lease(fw, c, r) ||
	    !espnic_fw_check_zero(c->reserved, sizeof(c->reserved), OFF(reserved), r))
		return false;
	fill(sa, c);
	return true;
}
