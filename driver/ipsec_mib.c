// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the device drops for IPsec's sake, in /proc/net/xfrm_stat: each reason under the name that
 * Linux's software has for it, or XfrmInError, XfrmOutError. What crypto mode hands up with a
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
