/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between Linux 6.12 and 7.2. */
#ifndef ESPNIC_COMPAT_H
#define ESPNIC_COMPAT_H

#include <linux/version.h>

/* Since 6.19 ethtool asks for the number of RX rings by an operation of its own. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
#define ESPNIC_HAVE_GET_RX_RING_COUNT	1
#endif

/* Before 6.13 the sample of net_dim() goes by value. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define espnic_net_dim(dim, sample)	net_dim(dim, &(sample))
#else
#define espnic_net_dim(dim, sample)	net_dim(dim, sample)
#endif

/* Up to 6.17 the least time between recoveries is no part of the operations. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
#define espnic_reporter_create(devlink, ops, priv) \
	devlink_health_reporter_create(devlink, ops, priv)
#else
#define espnic_reporter_create(devlink, ops, priv) \
	devlink_health_reporter_create(devlink, ops, 0, priv)
#endif

/* Since 6.17 the header fields of the receive hash have operations of their own. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
#define ESPNIC_HAVE_RXFH_FIELDS	1
#endif

/*
 * Since 6.16 the operations on states are told the device; before, it stands in the state,
 * where real_dev is a bond's slave. ESPNIC_XDO_STATE_ARGS() declares their first arguments,
 * ESPNIC_XDO_STATE_DEV() is the device.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#define ESPNIC_XDO_STATE_ARGS(dev, x)	struct net_device *dev, struct xfrm_state *x
#define ESPNIC_XDO_STATE_DEV(dev, x)	(dev)
#else
#define ESPNIC_XDO_STATE_ARGS(dev, x)	struct xfrm_state *x
#define ESPNIC_XDO_STATE_DEV(dev, x)	((x)->xso.real_dev ?: (x)->xso.dev)
#endif

/*
 * Linux 6.12 lets packets of packet mode out by any device, and with IPv4 options or IPv6
 * extension headers, unless the driver says no; 7.2 checks that itself.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
#define ESPNIC_NEED_OFFLOAD_OK	1
#endif

#endif /* ESPNIC_COMPAT_H */
