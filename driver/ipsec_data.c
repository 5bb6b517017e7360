// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets. In crypto mode xfrm makes and takes ESP, and an skb's sec_path names the state; in
 * packet mode the device finds the SA by its policies, nothing is to be done to what is sent, and
 * what was received comes in clear with the SA that let it in.
 */
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/unaligned.h>
#include <net/esp.h>
#include <net/ipv6.h>

#include "ipsec.h"

/*
 * Padding length and next header: the least that an ESP packet has behind its IV, but for the ICV.
 */
#define ESPNIC_ESP_TRAILER	2
/* The most that an AEAD puts behind a packet: 3 bytes of padding, the trailer, 16 bytes of ICV. */
#define ESPNIC_ESP_TAIL_MAX	(3 + ESPNIC_ESP_TRAILER + 16)

/* ---- to the device ---- */

/* Does xfrm hand @skb over as ESP that this device is to encrypt? */
static bool espnic_tx_is_esp(const struct sk_buff *skb, const struct xfrm_offload *xo)
{
	const struct sec_path *sp = skb_sec_path(skb);
	const struct xfrm_state *x = sp->xvec[sp->len - 1];

	return !(xo->flags & CRYPTO_DONE) && sp->len == 1 && x->xso.dev == skb->dev &&
	       x->xso.type == XFRM_DEV_OFFLOAD_CRYPTO && x->xso.dir == XFRM_DEV_OFFLOAD_OUT;
}

/*
 * UDP encapsulation wants the length of the whole, before segmentation, in 16 bits
 * (esp_output_udp_encap()).
 */
static bool espnic_tx_fits_udp(const struct sk_buff *skb)
{
	const struct sec_path *sp = skb_sec_path(skb);

	return !sp->xvec[sp->len - 1]->encap || skb->len <= IP_MAX_MTU - ESPNIC_ESP_TAIL_MAX;
}

netdev_features_t espnic_ipsec_features_check(struct sk_buff *skb, netdev_features_t features)
{
	const u32 tcp = SKB_GSO_TCPV4 | SKB_GSO_TCPV6;
	const struct xfrm_offload *xo = xfrm_offload(skb);

	if (likely(!xo))
		return features;
	/*
	 * Of ESP the device segments TCP alone. A received packet that is being bridged has an
	 * xfrm_offload(), too, and loses little.
	 */
	if (!espnic_tx_is_esp(skb, xo))
		return features & ~(NETIF_F_CSUM_MASK | NETIF_F_GSO_MASK);
	if (skb_is_gso(skb) && (!(skb_shinfo(skb)->gso_type & tcp) || !espnic_tx_fits_udp(skb)))
		return features & ~NETIF_F_GSO_MASK;
	return features;
}

bool espnic_ipsec_tx_can(const struct espnic_net *enet, const struct sk_buff *skb)
{
	const u32 can = enet->edev->caps.ipsec;

	if (skb_is_gso(skb))
		return can & ESPNIC_CAP_IPSEC_ESP_GSO;
	return skb->ip_summed != CHECKSUM_PARTIAL || (can & ESPNIC_CAP_IPSEC_ESP_CSUM);
}

static int espnic_tx_drop_ipsec(struct espnic_ipsec *ipsec, enum espnic_ipsec_stat reason)
{
	espnic_ipsec_drop(ipsec, reason);
	return -EINVAL;
}

/*
 * Is @x an outbound crypto-mode state that this device has, by its handle, and may it send numbers
 * @first to @last? No twin before it has used them: see ipsec_twin.c.
 */
static int espnic_tx_sa_check(struct espnic_ipsec *ipsec, const struct xfrm_state *x, u64 first,
			      u64 last)
{
	struct espnic_sa *sa;
	int err = 0;

	rcu_read_lock();
	sa = espnic_sa_find(ipsec, x->xso.offload_handle);
	if (unlikely(!sa || sa->x != x || READ_ONCE(sa->hw.dead) || !sa->out || sa->packet))
		err = espnic_tx_drop_ipsec(ipsec, ESPNIC_IPSEC_tx_drop_sa);
	else if (unlikely(smp_load_acquire(&sa->dormant))) /* pairs with espnic_sa_awake() */
		err = espnic_tx_drop_ipsec(ipsec, ESPNIC_IPSEC_tx_drop_dormant);
	else if (unlikely(first <= sa->tx_floor))
		err = espnic_tx_drop_ipsec(ipsec, ESPNIC_IPSEC_tx_drop_twice);
	else
		espnic_raise(&sa->numbers->top, last);
	rcu_read_unlock();
	return err;
}

/*
 * What is to be segmented ends with the payload: of UDP encapsulation, esp_xmit() has put a
 * trailer behind it.
 */
static int espnic_tx_prepare_gso(struct sk_buff *skb, const struct xfrm_state *x,
				 struct espnic_tx_meta *meta)
{
	const u32 icv = x->aead->alg_icv_len / 8;
	int tcp = skb_checksum_start_offset(skb);
	const struct tcphdr *th;
	struct tcphdr copy;
	u8 pad;

	if (x->encap) {
		if (skb_copy_bits(skb, skb->len - icv - ESPNIC_ESP_TRAILER, &pad, sizeof(pad)) ||
		    pskb_trim(skb, skb->len - icv - ESPNIC_ESP_TRAILER - pad))
			return -ENOMEM;
	}
	th = skb_header_pointer(skb, tcp, sizeof(copy), &copy);
	if (!th)
		return -EINVAL;
	meta->hdr_len = tcp + __tcp_hdrlen(th);
	/* A segment more than xfrm has counted would have the number of the packet that follows. */
	if (skb->len <= meta->hdr_len ||
	    DIV_ROUND_UP(skb->len - meta->hdr_len,
			 skb_shinfo(skb)->gso_size) > skb_shinfo(skb)->gso_segs)
		return -EINVAL;
	return 0;
}

/*
 * The ESP header of @skb, to be written to; NULL: there is none, or no memory, and @skb is counted
 * as dropped.
 */
static struct ip_esp_hdr *espnic_tx_esp(struct espnic_ipsec *ipsec, struct sk_buff *skb,
					const struct xfrm_state *x, int *offset)
{
	int esp = skb_transport_offset(skb) + (x->encap ? sizeof(struct udphdr) : 0);
	int need = esp + sizeof(struct ip_esp_hdr) + ESPNIC_IPSEC_IV_LEN;
	struct ip_esp_hdr *esph;

	if (unlikely(esp < skb_network_offset(skb) + (int)sizeof(struct iphdr) || esp > U16_MAX ||
		     skb->len < need + ESPNIC_ESP_TRAILER + x->aead->alg_icv_len / 8))
		goto malformed;
	/* esp_output_head() made it writable, but a packet tap may have cloned it since. */
	if (unlikely(skb_ensure_writable(skb, need))) {
		espnic_tx_drop_ipsec(ipsec, ESPNIC_IPSEC_tx_drop_nomem);
		return NULL;
	}
	esph = (struct ip_esp_hdr *)(skb->data + esp);
	*offset = esp;
	if (likely(esph->spi == x->id.spi))
		return esph;
malformed:
	espnic_tx_drop_ipsec(ipsec, ESPNIC_IPSEC_tx_drop_malformed);
	return NULL;
}

bool espnic_ipsec_in_use(const struct espnic_net *enet)
{
	return !xa_empty(&enet->ipsec->sas);
}

int espnic_ipsec_tx(struct espnic_net *enet, struct sk_buff *skb, struct espnic_tx_meta *meta)
{
	struct espnic_ipsec *ipsec = enet->ipsec;
	const struct sec_path *sp = skb_sec_path(skb);
	const struct xfrm_offload *xo = xfrm_offload(skb);
	const struct xfrm_state *x = sp->xvec[sp->len - 1];
	struct ip_esp_hdr *esph;
	u32 lo, hi = 0;
	u64 seq, more = 0;
	int offset;

	/*
	 * Received, and sent on below the network layer (a bridge). In clear it is the device's
	 * policies' to judge; ESP whose payload was decrypted in its place must not get out.
	 */
	if (xo->flags & CRYPTO_DONE) {
		if (x->xso.type == XFRM_DEV_OFFLOAD_PACKET)
			return 0;
		return espnic_tx_drop_ipsec(ipsec, ESPNIC_IPSEC_tx_drop_received);
	}
	/* Set by esp_xmit() when it has left the encryption to the device. */
	if (unlikely(!(xo->flags & XFRM_XMIT)))
		return espnic_tx_drop_ipsec(ipsec, ESPNIC_IPSEC_tx_drop_unprepared);
	if (unlikely(sp->len != 1))
		return espnic_tx_drop_ipsec(ipsec, ESPNIC_IPSEC_tx_drop_nested);
	if (unlikely(x->xso.dev != skb->dev))
		return espnic_tx_drop_ipsec(ipsec, ESPNIC_IPSEC_tx_drop_sa);
	esph = espnic_tx_esp(ipsec, skb, x, &offset);
	if (unlikely(!esph))
		return -EINVAL;

	/*
	 * The number is the header's; of a packet that esp_xmit() was given in segments, xo->seq
	 * is already that of the next, whose high half may be another.
	 */
	lo = ntohl(esph->seq_no);
	if (x->props.flags & XFRM_STATE_ESN)
		hi = xo->seq.hi - (xo->seq.low < lo);
	seq = (u64)hi << 32 | lo;
	/* RFC 4106 section 3.1: any IV will do that does not come twice under a key. */
	put_unaligned_be64(seq, esph->enc_data);

	if (skb_is_gso(skb)) {
		if (unlikely(espnic_tx_prepare_gso(skb, x, meta)))
			return espnic_tx_drop_ipsec(ipsec, ESPNIC_IPSEC_tx_drop_malformed);
		more = skb_shinfo(skb)->gso_segs - 1;
	}
	if (unlikely(espnic_tx_sa_check(ipsec, x, seq, seq + more)))
		return -EINVAL;

	meta->ipsec = true;
	meta->esp_offset = offset;
	meta->sa_handle = x->xso.offload_handle;
	meta->seq_hi = hi;
	return 0;
}

#ifdef ESPNIC_NEED_OFFLOAD_OK
/* What xfrm_dev_offload_ok() of 6.12 does not ask. */
static bool espnic_offload_path_ok(struct sk_buff *skb, const struct xfrm_state *x)
{
	const struct xfrm_dst *xdst = (const struct xfrm_dst *)skb_dst(skb);

	/* By another device it would leave in clear. */
	if (x->xso.type == XFRM_DEV_OFFLOAD_PACKET &&
	    (xfrm_dst_path(skb_dst(skb))->dev != READ_ONCE(x->xso.dev) || xdst->child->xfrm))
		return false;
	switch (skb_dst(skb)->ops->family) {
	case AF_INET:
		return ip_hdr(skb)->ihl == 5;
	case AF_INET6:
		return !ipv6_ext_hdr(ipv6_hdr(skb)->nexthdr);
	default:
		return true;
	}
}
#else
static bool espnic_offload_path_ok(struct sk_buff *skb, const struct xfrm_state *x)
{
	return true;
}
#endif

/*
 * Linux lets a packet of packet mode go on in clear, to be protected by the device; it may wait in
 * a qdisc or for its neighbour, and its policy be deleted meanwhile. An empty sec_path, which means
 * nothing to anybody else, tells espnic_xmit() that a policy counts on the device. False: no memory.
 */
static bool espnic_tx_mark(struct sk_buff *skb)
{
	/* That of its reception, if it is being forwarded; software ESP drops it here, too. */
	secpath_reset(skb);
	return secpath_set(skb);
}

bool espnic_ipsec_tx_marked(const struct sk_buff *skb)
{
	const struct sec_path *sp = skb_sec_path(skb);

	return sp && !sp->len;
}

/*
 * A packet of packet mode that is refused is dropped (XfrmOutError), one of crypto mode encrypted
 * in software. BH, RCU.
 */
bool espnic_xdo_offload_ok(struct sk_buff *skb, struct xfrm_state *x)
{
	/*
	 * Both go, one after the other, when the state is flushed: then the packet is marked, which
	 * harms nobody.
	 */
	bool packet = x->xso.type != XFRM_DEV_OFFLOAD_CRYPTO;
	struct net_device *netdev = READ_ONCE(x->xso.dev);
	enum espnic_ipsec_stat why;

	if (unlikely(!espnic_offload_path_ok(skb, x)))
		why = ESPNIC_IPSEC_offload_denied;
	else if (unlikely(packet && !espnic_tx_mark(skb)))
		why = ESPNIC_IPSEC_offload_nomem;
	else
		return true;
	if (packet && netdev && espnic_ipsec_is_ours(netdev))
		espnic_ipsec_count(((struct espnic_net *)netdev_priv(netdev))->ipsec, why);
	return false;
}

/* ---- from the device ---- */

/* What the device found, in xfrm's terms, of ESP that it left in place. */
static u32 espnic_rx_status(struct espnic_ipsec *ipsec, const struct espnic_sa *sa,
			    struct xfrm_state *x,
			    const struct espnic_rx_cpl *cpl)
{
	u64 seq = le64_to_cpu(cpl->seq);

	switch (cpl->ipsec_status) {
	case ESPNIC_IPSEC_STATUS_OK:
		/*
		 * xfrm checks replay by a high half that it infers itself; if that is not the one
		 * the ICV was good with, software would have found the ICV bad.
		 */
		if (sa->esn &&
		    xfrm_replay_seqhi(x, htonl(lower_32_bits(seq))) != upper_32_bits(seq)) {
			espnic_ipsec_count(ipsec, ESPNIC_IPSEC_rx_esn);
			return CRYPTO_GENERIC_ERROR;
		}
		return CRYPTO_SUCCESS;
	case ESPNIC_IPSEC_STATUS_INTEGRITY:
		espnic_ipsec_count(ipsec, ESPNIC_IPSEC_rx_integrity);
		return sa->tunnel ? CRYPTO_TUNNEL_ESP_AUTH_FAILED :
				    CRYPTO_TRANSPORT_ESP_AUTH_FAILED;
	case ESPNIC_IPSEC_STATUS_MALFORMED:
	case ESPNIC_IPSEC_STATUS_PADDING:
		espnic_ipsec_count(ipsec, ESPNIC_IPSEC_rx_malformed);
		return CRYPTO_INVALID_PACKET_SYNTAX;
	default:
		espnic_ipsec_count(ipsec, ESPNIC_IPSEC_rx_failed);
		return CRYPTO_GENERIC_ERROR;
	}
}

/* Gives @skb a sec_path of @x, whose reference is its from then on; NULL: no memory. */
static struct xfrm_offload *espnic_rx_sec_path(struct sk_buff *skb, struct xfrm_state *x)
{
	struct sec_path *sp = secpath_set(skb);

	if (unlikely(!sp))
		return NULL;
	sp->xvec[sp->len++] = x;
	sp->olen++;
	return xfrm_offload(skb);
}

static bool espnic_rx_drop_ipsec(struct espnic_ipsec *ipsec, enum espnic_ipsec_stat reason)
{
	espnic_ipsec_drop(ipsec, reason);
	return false;
}

/* The caller has @sa's state @x held: this gives it to @skb, or returns false. */
static bool espnic_rx_sa(struct espnic_ipsec *ipsec, struct espnic_sa *sa, struct xfrm_state *x,
			 struct sk_buff *skb, const struct espnic_rx_cpl *cpl)
{
	bool decap = le32_to_cpu(cpl->flags) & ESPNIC_RX_CPL_DECAP;
	struct xfrm_offload *xo;
	u32 status;

	if (unlikely(sa->out || sa->packet != decap))
		return espnic_rx_drop_ipsec(ipsec, ESPNIC_IPSEC_rx_drop_kind);
	/* What fails in packet mode has no business here: it would be taken for clear. */
	if (unlikely(decap && cpl->ipsec_status != ESPNIC_IPSEC_STATUS_OK))
		return espnic_rx_drop_ipsec(ipsec, ESPNIC_IPSEC_rx_drop_status);

	xo = espnic_rx_sec_path(skb, x);
	if (unlikely(!xo))
		return espnic_rx_drop_ipsec(ipsec, ESPNIC_IPSEC_rx_drop_nomem);
	if (decap) {
		/* For what a restored window must take as seen. */
		espnic_raise(&sa->rx_seq, le64_to_cpu(cpl->seq));
		status = CRYPTO_SUCCESS;
	} else {
		status = espnic_rx_status(ipsec, sa, x, cpl);
		/* As xfrm_input() does where it looks the state up itself. */
		skb->mark = xfrm_smark_get(skb->mark, x);
	}
	xo->flags = CRYPTO_DONE;
	xo->status = status;
	return true;
}

bool espnic_ipsec_rx(struct espnic_net *enet, struct sk_buff *skb, const struct espnic_rx_cpl *cpl)
{
	struct espnic_ipsec *ipsec = enet->ipsec;
	struct xfrm_state *x = NULL;
	struct espnic_sa *sa;
	bool ok;

	rcu_read_lock();
	sa = espnic_sa_find(ipsec, le32_to_cpu(cpl->sa_handle));
	if (likely(sa))
		x = espnic_sa_hold_state(sa);
	if (likely(x)) {
		ok = espnic_rx_sa(ipsec, sa, x, skb, cpl);
		if (unlikely(!ok))
			xfrm_state_put(x);
	} else {
		/* Without its SA, what was decrypted is not handed up, in whichever mode. */
		ok = espnic_rx_drop_ipsec(ipsec, ESPNIC_IPSEC_rx_drop_sa);
	}
	rcu_read_unlock();
	return ok;
}
