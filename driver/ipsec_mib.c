// SPDX-License-Identifier: GPL-2.0-only
/*
 * What device and driver drop for IPsec's sake, in /proc/net/xfrm_stat: each reason under the name
 * that Linux's software has for it, or XfrmInError, XfrmOutError. What crypto mode hands up with a
 * failure xfrm counts itself.
 */
#include <net/xfrm.h>

#include "ipsec.h"

static const struct {
	enum espnic_counter counter;
	int mib;
} espnic_mib[] = {
	{ ESPNIC_COUNTER_TX_DROP_HANDLE,	LINUX_MIB_XFRMOUTSTATEINVALID },
	{ ESPNIC_COUNTER_TX_DROP_DISCARD,	LINUX_MIB_XFRMOUTPOLBLOCK },
	{ ESPNIC_COUNTER_TX_DROP_NO_SA,		LINUX_MIB_XFRMOUTNOSTATES },
	{ ESPNIC_COUNTER_TX_DROP_FRAGMENT,	LINUX_MIB_XFRMOUTERROR },
	{ ESPNIC_COUNTER_TX_DROP_MALFORMED,	LINUX_MIB_XFRMOUTERROR },
	{ ESPNIC_COUNTER_TX_DROP_SEQ,		LINUX_MIB_XFRMOUTSTATESEQERROR },
	{ ESPNIC_COUNTER_TX_DROP_LIFETIME,	LINUX_MIB_XFRMOUTSTATEEXPIRED },
	{ ESPNIC_COUNTER_TX_DROP_SELECTOR,	LINUX_MIB_XFRMOUTERROR },
	{ ESPNIC_COUNTER_TX_DROP_MTU,		LINUX_MIB_XFRMOUTERROR },
	{ ESPNIC_COUNTER_TX_DROP_ENGINE,	LINUX_MIB_XFRMOUTERROR },
	{ ESPNIC_COUNTER_TX_DROP_LEASE,		LINUX_MIB_XFRMOUTSTATESEQERROR },
	{ ESPNIC_COUNTER_TX_DROP_REPLAY,	LINUX_MIB_XFRMOUTSTATESEQERROR },
	{ ESPNIC_COUNTER_TX_DROP_L2,		LINUX_MIB_XFRMOUTERROR },
	{ ESPNIC_COUNTER_TX_DROP_CLEAR,		LINUX_MIB_XFRMOUTPOLDEAD },
	{ ESPNIC_COUNTER_RX_DROP_CLEAR,		LINUX_MIB_XFRMINTMPLMISMATCH },
	{ ESPNIC_COUNTER_RX_DROP_DISCARD,	LINUX_MIB_XFRMINPOLBLOCK },
	{ ESPNIC_COUNTER_RX_DROP_FRAGMENT,	LINUX_MIB_XFRMINERROR },
	{ ESPNIC_COUNTER_RX_DROP_MALFORMED,	LINUX_MIB_XFRMINHDRERROR },
	{ ESPNIC_COUNTER_RX_DROP_INTEGRITY,	LINUX_MIB_XFRMINSTATEPROTOERROR },
	{ ESPNIC_COUNTER_RX_DROP_REPLAY,	LINUX_MIB_XFRMINSTATESEQERROR },
	{ ESPNIC_COUNTER_RX_DROP_TOO_OLD,	LINUX_MIB_XFRMINSTATESEQERROR },
	{ ESPNIC_COUNTER_RX_DROP_LIFETIME,	LINUX_MIB_XFRMINSTATEEXPIRED },
	{ ESPNIC_COUNTER_RX_DROP_SELECTOR,	LINUX_MIB_XFRMINSTATEMISMATCH },
	{ ESPNIC_COUNTER_RX_DROP_PADDING,	LINUX_MIB_XFRMINSTATEPROTOERROR },
	{ ESPNIC_COUNTER_RX_DROP_ECN,		LINUX_MIB_XFRMINSTATEMODEERROR },
	{ ESPNIC_COUNTER_RX_DROP_ENGINE,	LINUX_MIB_XFRMINERROR },
	{ ESPNIC_COUNTER_RX_DROP_DORMANT,	LINUX_MIB_XFRMINSTATEINVALID },
};

static const u8 espnic_drop_mib[ESPNIC_IPSEC_STAT_COUNT] = {
	[ESPNIC_IPSEC_tx_drop_sa]		= LINUX_MIB_XFRMOUTSTATEINVALID,
	[ESPNIC_IPSEC_tx_drop_dormant]		= LINUX_MIB_XFRMOUTSTATEINVALID,
	[ESPNIC_IPSEC_tx_drop_twice]		= LINUX_MIB_XFRMOUTSTATESEQERROR,
	[ESPNIC_IPSEC_tx_drop_nested]		= LINUX_MIB_XFRMOUTERROR,
	[ESPNIC_IPSEC_tx_drop_unprepared]	= LINUX_MIB_XFRMOUTERROR,
	[ESPNIC_IPSEC_tx_drop_received]		= LINUX_MIB_XFRMOUTERROR,
	[ESPNIC_IPSEC_tx_drop_malformed]	= LINUX_MIB_XFRMOUTERROR,
	[ESPNIC_IPSEC_tx_drop_nomem]		= LINUX_MIB_XFRMOUTERROR,
	[ESPNIC_IPSEC_rx_drop_sa]		= LINUX_MIB_XFRMINNOSTATES,
	[ESPNIC_IPSEC_rx_drop_kind]		= LINUX_MIB_XFRMINSTATEINVALID,
	[ESPNIC_IPSEC_rx_drop_status]		= LINUX_MIB_XFRMINSTATEPROTOERROR,
	[ESPNIC_IPSEC_rx_drop_nomem]		= LINUX_MIB_XFRMINERROR,
};

void espnic_ipsec_drop(struct espnic_ipsec *ipsec, enum espnic_ipsec_stat reason)
{
	espnic_ipsec_count(ipsec, reason);
	XFRM_INC_STATS(dev_net(ipsec->enet->netdev), espnic_drop_mib[reason]);
}

void espnic_ipsec_mib(struct espnic_ipsec *ipsec)
{
	__le64 counters[ESPNIC_COUNTER_COUNT] = {};
	struct espnic_cmd_req req = {
		.opcode		= ESPNIC_OPCODE_GET_STATS,
		.resp		= counters,
		.resp_len	= sizeof(counters),
	};
	struct net *net = dev_net(ipsec->enet->netdev);
	u64 now;
	int i;

	lockdep_assert_held(&ipsec->lock);
	if (espnic_cmd_exec(ipsec->enet->edev, &req))
		return;
	for (i = 0; i < ARRAY_SIZE(espnic_mib); i++) {
		u64 *told = &ipsec->mib_told[espnic_mib[i].counter];

		now = le64_to_cpu(counters[espnic_mib[i].counter]);
		/* A counter that falls is not to be believed. */
		if (now <= *told)
			continue;
		XFRM_ADD_STATS(net, espnic_mib[i].mib, now - *told);
		*told = now;
	}
}

void espnic_ipsec_mib_rebase(struct espnic_ipsec *ipsec)
{
	lockdep_assert_held(&ipsec->lock);
	memset(ipsec->mib_told, 0, sizeof(ipsec->mib_told));
}
