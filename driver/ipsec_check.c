// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which states can be offloaded, and why not (docs/offload-matrix.md lists every answer).
 *
 * Only what Linux can ask for is checked; lengths of prefixes, families of transport mode and the
 * like it has checked before. What the device alone would decide wrongly is refused by name here,
 * so that nothing is ever half done: a crypto-mode state then falls back to software, a
 * packet-mode state fails.
 */
#include <net/udp.h>

#include "ipsec.h"

static bool espnic_is_packet(const struct xfrm_state *x)
{
	return x->xso.type == XFRM_DEV_OFFLOAD_PACKET;
}

static bool espnic_is_out(const struct xfrm_state *x)
{
	return x->xso.dir == XFRM_DEV_OFFLOAD_OUT;
}

static int espnic_check_kind(u32 can, const struct xfrm_state *x, struct netlink_ext_ack *extack)
{
	if (x->id.proto != IPPROTO_ESP)
		return espnic_cannot(extack, "only ESP can be offloaded");
	if (!(can & (espnic_is_packet(x) ? ESPNIC_CAP_IPSEC_PACKET : ESPNIC_CAP_IPSEC_CRYPTO)))
		return espnic_cannot(extack, "the device lacks this type of offload");
	switch (x->props.mode) {
	case XFRM_MODE_TRANSPORT:
		if (!(can & ESPNIC_CAP_IPSEC_TRANSPORT))
			return espnic_cannot(extack, "the device lacks transport mode");
		break;
	case XFRM_MODE_TUNNEL:
		if (!(can & ESPNIC_CAP_IPSEC_TUNNEL))
			return espnic_cannot(extack, "the device lacks tunnel mode");
		break;
	default:
		return espnic_cannot(extack, "only transport and tunnel mode can be offloaded");
	}
	return 0;
}

static int espnic_check_addresses(const struct xfrm_state *x, struct netlink_ext_ack *extack)
{
	u16 family = x->props.family;

	if (family != AF_INET && family != AF_INET6)
		return espnic_cannot(extack, "only IPv4 and IPv6 states can be offloaded");
	if (ntohl(x->id.spi) < ESPNIC_IPSEC_SPI_MIN)
		return espnic_malformed(extack,
					"SPIs below 256 are reserved (RFC 4303 section 2.1)");
	if (xfrm_addr_any(&x->id.daddr, family))
		return espnic_malformed(extack, "offload needs a destination address");
	if (espnic_is_packet(x) && espnic_is_out(x) && x->props.mode == XFRM_MODE_TUNNEL &&
	    xfrm_addr_any(&x->props.saddr, family))
		return espnic_malformed(extack,
					"packet offload of a tunnel needs its source address");
	return 0;
}

static int espnic_check_transform(u32 can, const struct xfrm_state *x,
				  struct netlink_ext_ack *extack)
{
	struct espnic_transform t;
	int err;

	err = espnic_transform(x, &t, extack);
	if (err)
		return err;
	if (t.caps & ~can)
		return espnic_cannot(extack,
				     "the device lacks this transform, or this length of key or ICV");
	if (x->tfcpad)
		return espnic_cannot(extack, "TFC padding can't be offloaded");
	return 0;
}

static int espnic_check_encap(u32 can, const struct xfrm_state *x, struct netlink_ext_ack *extack)
{
	const struct xfrm_encap_tmpl *encap = x->encap;

	if (!encap)
		return 0;
	if (encap->encap_type != UDP_ENCAP_ESPINUDP)
		return espnic_cannot(extack, "of encapsulations only espinudp can be offloaded");
	if (!(can & (espnic_is_packet(x) ? ESPNIC_CAP_IPSEC_UDP_ENCAP :
					   ESPNIC_CAP_IPSEC_CRYPTO_UDP_ENCAP)))
		return espnic_cannot(extack,
				     "the device lacks UDP encapsulation in this type of offload");
	/* esp6_xmit() of Linux writes the ESP header over the UDP header. */
	if (!espnic_is_packet(x) && x->props.family == AF_INET6)
		return espnic_cannot(extack,
				     "over IPv6, UDP encapsulation can be offloaded in packet mode only");
	if (!encap->encap_sport || !encap->encap_dport)
		return espnic_malformed(extack, "UDP encapsulation needs both ports");
	return 0;
}

/* What both modes share about sequence numbers. The core checks and counts them in crypto mode. */
static int espnic_check_sequence(u32 can, const struct xfrm_state *x,
				 struct netlink_ext_ack *extack)
{
	/* The IV is made of the number: a second round is a second use of every nonce. */
	if (x->props.extra_flags & XFRM_SA_XFLAG_OSEQ_MAY_WRAP)
		return espnic_cannot(extack,
				     "sequence numbers must not wrap: drop oseq-may-wrap");
	if ((x->props.flags & XFRM_STATE_ESN) && !(can & ESPNIC_CAP_IPSEC_ESN))
		return espnic_cannot(extack, "the device lacks extended sequence numbers");
	return 0;
}

static int espnic_check_crypto(const struct xfrm_state *x, const struct net_device *netdev,
			       struct netlink_ext_ack *extack)
{
	if (espnic_is_out(x)) {
		/*
		 * A bond claims to segment ESP and to fill in checksums within. What it has
		 * numbered as one would be segmented for this device, and every segment encrypted
		 * with the one nonce.
		 */
		if (x->xso.dev != netdev)
			return espnic_cannot(extack,
					     "outbound states of a bonding device can't be offloaded");
		return 0;
	}
	/*
	 * The device finds a packet's SA by destination and SPI alone, and hands it over before
	 * any mark is set.
	 */
	if (x->mark.m)
		return espnic_cannot(extack, "inbound states with a mark can't be offloaded");
	if (x->if_id)
		return espnic_cannot(extack, "inbound states with an if_id can't be offloaded");
	return 0;
}

static int espnic_check_window(const struct espnic_caps *caps, const struct xfrm_state *x,
			       struct netlink_ext_ack *extack)
{
	u32 window = x->replay_esn ? x->replay_esn->replay_window : x->props.replay_window;

	if (espnic_is_out(x) || !window ||
	    (window >= caps->replay_min && window <= caps->replay_max))
		return 0;
	NL_SET_ERR_MSG_FMT_MOD(extack, "replay window %u: packet offload takes 0 or %u to %u",
			       window,
			       caps->replay_min, caps->replay_max);
	return -EOPNOTSUPP;
}

static int espnic_check_lifetimes(u32 can, const struct xfrm_state *x,
				  struct netlink_ext_ack *extack)
{
	const struct xfrm_lifetime_cfg *lft = &x->lft;

	if (!lft->soft_packet_limit || !lft->hard_packet_limit || !lft->soft_byte_limit ||
	    !lft->hard_byte_limit)
		return espnic_malformed(extack,
					"a lifetime of 0 packets or bytes lets nothing pass");
	if (!(can & ESPNIC_CAP_IPSEC_LIFETIME) &&
	    (lft->soft_packet_limit != XFRM_INF || lft->hard_packet_limit != XFRM_INF ||
	     lft->soft_byte_limit != XFRM_INF || lft->hard_byte_limit != XFRM_INF))
		return espnic_cannot(extack, "the device lacks lifetimes in packets and bytes");
	if (x->curlft.packets >= lft->hard_packet_limit || x->curlft.bytes >= lft->hard_byte_limit)
		return espnic_malformed(extack, "a hard limit is reached already");
	return 0;
}

/*
 * The device does not see what decides, elsewhere in Linux, which packets a state is for or what
 * becomes of them.
 */
static int espnic_check_packet(const struct espnic_caps *caps, const struct xfrm_state *x,
			       const struct net_device *netdev, struct netlink_ext_ack *extack)
{
	struct espnic_cmd_selector sel;
	int err;

	if (x->xso.dev != netdev)
		return espnic_cannot(extack, "packet offload can't go through a bonding device");
	if (x->mark.m || x->mark.v)
		return espnic_cannot(extack, "marks can't be packet-offloaded");
	if (x->props.smark.m || x->props.smark.v)
		return espnic_cannot(extack, "output marks can't be packet-offloaded");
	if (x->if_id)
		return espnic_cannot(extack, "an if_id can't be packet-offloaded");
	if (x->pcpu_num != UINT_MAX)
		return espnic_cannot(extack, "per-CPU states can't be packet-offloaded");
	if (x->security)
		return espnic_cannot(extack,
				     "states with a security context can't be packet-offloaded");
	if (x->coaddr)
		return espnic_cannot(extack,
				     "states with a care-of address can't be packet-offloaded");
	if (x->props.flags & XFRM_STATE_DECAP_DSCP)
		return espnic_cannot(extack, "decap-dscp can't be packet-offloaded");
	if (x->props.flags & XFRM_STATE_WILDRECV)
		return espnic_cannot(extack, "wildrecv can't be packet-offloaded");
	if (x->props.extra_flags & ~(XFRM_SA_XFLAG_DONT_ENCAP_DSCP | XFRM_SA_XFLAG_OSEQ_MAY_WRAP))
		return espnic_cannot(extack, "unknown extra flags can't be packet-offloaded");

	err = espnic_check_window(caps, x, extack);
	if (!err)
		err = espnic_check_lifetimes(caps->ipsec, x, extack);
	if (!err)
		err = espnic_selector(&sel, &x->sel, netdev, extack);
	return err;
}

int espnic_sa_check(struct espnic_ipsec *ipsec, const struct xfrm_state *x,
		    const struct net_device *netdev, struct netlink_ext_ack *extack)
{
	const struct espnic_caps *caps = &ipsec->enet->edev->caps;
	int err;

	/* xfrm flushes what is offloaded only from a device that has the feature. */
	err = espnic_ipsec_check_on(ipsec, extack);
	if (!err)
		err = espnic_check_kind(caps->ipsec, x, extack);
	if (!err)
		err = espnic_check_addresses(x, extack);
	if (!err)
		err = espnic_check_transform(caps->transforms, x, extack);
	if (!err)
		err = espnic_check_encap(caps->ipsec, x, extack);
	if (!err)
		err = espnic_check_sequence(caps->ipsec, x, extack);
	if (!err && espnic_is_packet(x))
		err = espnic_check_packet(caps, x, netdev, extack);
	else if (!err)
		err = espnic_check_crypto(x, netdev, extack);
	return err;
}
