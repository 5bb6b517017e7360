/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * espnic: the driver's structures, limits and the interfaces between its files.
 *
 * pci.c      probe, remove, PCI error handling
 * reset.c    registers, health, reset of the device and recovery from it
 * cmd.c      command ring, event ring, vector 0; its interface is cmd.h
 * netdev.c   net_device operations, reconfiguration of a running interface
 * queue.c    memory, interrupts and life of queue pairs
 * tx.c rx.c  the two directions of the datapath
 * rss.c      hash key, indirection table
 * ethtool.c selftest.c stats.c devlink.c health.c
 * ipsec*.c   IPsec offload
 */
#ifndef ESPNIC_H
#define ESPNIC_H

#include <linux/atomic.h>
#include <linux/bitfield.h>
#include <linux/completion.h>
#include <linux/dim.h>
#include <linux/dma-mapping.h>
#include <linux/ethtool.h>
#include <linux/if_vlan.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/u64_stats_sync.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <net/devlink.h>
#include <net/netdev_queues.h>
#include <net/page_pool/types.h>

#include "cmd.h"
#include "compat.h"
#include "espnic_regs.h"

#define ESPNIC_DRV_NAME		"espnic"
#define ESPNIC_DRV_VERSION	"1.0"

enum espnic_limits {
	/* Milliseconds between looks at the device's health. */
	ESPNIC_SERVICE_MS = 1000,
	/* Milliseconds from a failure to the reset or restart it asks for: what bounds a device
	 * that fails at once again.
	 */
	ESPNIC_RECOVERY_DELAY_MS = 100,
	/* Looks in a row without heartbeat before the firmware counts as dead. */
	ESPNIC_HEARTBEAT_MISSES = 5,
	/* Resets in a row that may fail before the device is given up. */
	ESPNIC_RESET_TRIES = 3,

	/* Entries, log2, until ethtool says otherwise. */
	ESPNIC_TX_LOG2_DEFAULT = 9,
	ESPNIC_RX_LOG2_DEFAULT = 9,
	/* Interrupt moderation until ethtool says otherwise, and the device's limit. Nobody waits
	 * for a packet to be sent but the socket whose memory it is, so TX may take its time.
	 */
	ESPNIC_TX_USECS_DEFAULT = 300,
	ESPNIC_TX_FRAMES_DEFAULT = 128,
	ESPNIC_RX_USECS_DEFAULT = 50,
	ESPNIC_RX_FRAMES_DEFAULT = 32,
	ESPNIC_USECS_MAX = 10000,

	/* Bytes of an RX buffer with headroom and skb_shared_info: two a page where the MTU fits
	 * in one of them, else a page each.
	 */
	ESPNIC_RX_TRUESIZE_SMALL = 2048,
	/*
	 * Bytes up to which a received frame is copied into an skb of its size, and its buffer
	 * given back at once: small frames shall not fill sockets with the memory of large ones.
	 */
	ESPNIC_RX_COPYBREAK = 256,
	/* RX buffers handed to the device at a time: one doorbell check for many. */
	ESPNIC_RX_REFILL_BATCH = 16,
	/* Bytes before the network header: Ethernet and two VLAN tags. */
	ESPNIC_L2_LEN = ETH_HLEN + 2 * VLAN_HLEN,
	/* Fragments of an skb, linear part included: the descriptors a packet can need. */
	ESPNIC_TX_DESCS_MAX = MAX_SKB_FRAGS + 1,
};

/* What the device said it can do. Read once, range-checked, at probe and after each reset. */
struct espnic_caps {
	u32 offload;		/* ESPNIC_CAP_OFFLOAD_* */
	u32 ipsec;		/* ESPNIC_CAP_IPSEC_* */
	u32 transforms;		/* ESPNIC_CAP_TRANSFORMS_* */
	u32 sas;		/* SA indices are 1 to sas */
	u32 policies;		/* policy ids are 1 to policies */
	u32 mtu;		/* largest L3 packet, bytes */
	u32 tso_len;		/* largest TX packet before segmentation, bytes */
	u32 counters;		/* that GET_STATS returns */
	u16 replay_min;		/* packets */
	u16 replay_max;		/* packets */
	u8 pairs;		/* queue pairs */
	u8 ring_log2_min;
	u8 ring_log2_max;
	u8 tx_segs;		/* descriptors a packet may take */
};

struct espnic_dev;
struct espnic_net;
struct espnic_ipsec;

/* Counters of the function, atomic_t in struct espnic_dev; X(name, what it counts). */
#define ESPNIC_DEV_STATS(X) \
	X(resets, "resets of the device, for whatever reason") \
	X(restarts, "of all queues, after one had stopped or made an impossible completion") \
	X(lost_irqs, "completions that no interrupt told of")

#define ESPNIC_DEV_STAT_FIELD(name, doc)	atomic_t name;

enum espnic_dev_flags {
	ESPNIC_DEV_GONE,		/* reads all-ones, or given up: never touched again */
	ESPNIC_DEV_RESETTING,		/* the device's state is lost and not yet restored */
	ESPNIC_DEV_FROZEN,		/* the PCI core resets the function: no service */
	ESPNIC_DEV_RESET_WANTED,	/* the service task resets the device */
	ESPNIC_DEV_RESTART_WANTED,	/* the service task restarts the queues */
	ESPNIC_DEV_REPORTED,		/* the failure is known to devlink, and not yet recovered */
	ESPNIC_DEV_QUIET,		/* bus mastering was turned off, the ring not opened since */
	ESPNIC_DEV_REMOVING,		/* no new service work */
};

/* The PCI function. In devlink's private memory; lives from probe to remove. */
struct espnic_dev {
	struct pci_dev *pdev;
	struct device *dev;
	void __iomem *bar;
	struct espnic_net *enet;
	struct espnic_caps caps;
	struct espnic_cmd cmd;
	struct devlink_port port;
	struct devlink_health_reporter *reporter;
	struct workqueue_struct *wq;	/* of service: it may wait for the device under RTNL */
	struct delayed_work service;
	unsigned long flags;		/* enum espnic_dev_flags, atomic bit operations */
	u32 heartbeat;			/* last FW_HEARTBEAT seen; service task */
	u32 heartbeat_misses;
	u32 reset_tries;		/* that failed in a row; RTNL */
	ESPNIC_DEV_STATS(ESPNIC_DEV_STAT_FIELD)
	const char *reset_reason;	/* why one was asked for last, NULL: never */
	u8 perm_mac[ETH_ALEN];
	u8 pairs;			/* queue pairs for which there are vectors */
	char irq_name[32];
};

/*
 * Counters of a queue pair: X(name, what it counts). Also their names in ethtool -S.
 * TX_SEND: written by ndo_start_xmit; TX_DONE and RX: by the queue pair's NAPI.
 */
#define ESPNIC_TX_SEND_STATS(X) \
	X(packets, "given to the device") \
	X(bytes, "their bytes") \
	X(tso_packets, "of those, to be segmented") \
	X(tso_segs, "segments to be made of them") \
	X(csum, "of those, with a checksum to fill in") \
	X(csum_none, "of those, without") \
	X(ipsec, "of those, host-made ESP to be encrypted") \
	X(doorbells, "written") \
	X(stops, "the ring was full") \
	X(drop_queue, "dropped: queue gone since it was chosen") \
	X(drop_nomem, "dropped: no memory to join its fragments or write its header") \
	X(drop_map, "dropped: no DMA mapping") \
	X(drop_ipsec, "dropped: IPsec offload refused it") \
	X(drop_offload, "dropped: offloads asked for that do not go together")

#define ESPNIC_TX_DONE_STATS(X) \
	X(wakes, "the ring had room again") \
	X(sent, "frames that became of those not dropped") \
	X(sent_bytes, "their bytes, without what the device encrypts around them") \
	X(dev_drops, "dropped by the device; its counters say why") \
	X(drop_stopped, "dropped: not answered for when the queue was stopped") \
	X(bad_cpl, "impossible completions")

#define ESPNIC_RX_STATS(X) \
	X(packets, "given to the stack") \
	X(bytes, "their bytes") \
	X(csum_good, "of those, checksum verified by the device") \
	X(csum_bad, "of those, checksum wrong as the device says") \
	X(csum_none, "of those, without verdict") \
	X(ipsec, "of those, handled by an SA") \
	X(copied, "of those, small and copied out of their buffer") \
	X(doorbells, "written") \
	X(alloc_fail, "no memory for buffers") \
	X(drop_skb, "dropped: no memory for an skb") \
	X(drop_ipsec, "dropped: IPsec offload refused it") \
	X(bad_cpl, "impossible completions")

#define ESPNIC_STAT_FIELD(name, doc)	u64_stats_t name;

struct espnic_tx_stats {
	struct u64_stats_sync send_syncp;
	ESPNIC_TX_SEND_STATS(ESPNIC_STAT_FIELD)
	struct u64_stats_sync done_syncp;
	ESPNIC_TX_DONE_STATS(ESPNIC_STAT_FIELD)
};

struct espnic_rx_stats {
	struct u64_stats_sync syncp;
	ESPNIC_RX_STATS(ESPNIC_STAT_FIELD)
};

/* What the driver remembers of a TX descriptor. */
struct espnic_tx_buf {
	struct sk_buff *skb;		/* on the first descriptor of a packet */
	dma_addr_t dma;
	u32 len;
	u8 descs;			/* on the first: descriptors of the packet, else 0 */
	u16 frames;			/* likewise: what becomes of it on the wire */
	u32 frame_bytes;
	bool page;			/* mapped as a fragment */
};

struct espnic_tx_ring {
	struct espnic_tx_desc *desc;
	struct espnic_tx_cpl *cpl;
	struct espnic_tx_buf *buf;
	struct espnic_tx_stats *stats;
	struct netdev_queue *txq;
	struct espnic_queue_ctrl *ctrl;
	u32 doorbell;			/* register */
	u32 mask;
	u8 log2;
	/* Written by ndo_start_xmit. */
	u32 tail;			/* index of the next descriptor */
	u32 told;			/* tail that the device has been told of */
	/* Written by NAPI. */
	u32 head ____cacheline_aligned_in_smp;	/* index of the oldest descriptor in flight */
	u32 cpl_head;			/* index of the next completion */
};

struct espnic_rx_buf {
	struct page *page;
	u32 offset;			/* in the page, of the buffer with its headroom */
};

/* All of it NAPI's. */
struct espnic_rx_ring {
	struct espnic_rx_desc *desc;
	struct espnic_rx_cpl *cpl;
	struct espnic_rx_buf *buf;
	struct espnic_rx_stats *stats;
	struct espnic_queue_ctrl *ctrl;
	struct page_pool *pool;
	u32 doorbell;			/* register */
	u32 mask;
	u8 log2;
	u32 tail;			/* index of the next buffer to give to the device */
	u32 told;			/* tail that the device has been told of */
	u32 head;			/* index of the next buffer and completion to come back */
	u32 truesize;			/* bytes of a buffer with headroom and skb_shared_info */
	u32 buf_len;			/* bytes of it that the device may write */

	/* The frame under way. */
	struct sk_buff *skb;		/* NULL: its buffers are to be thrown away */
	u32 frame_len;			/* bytes it shall have */
	u32 frame_got;			/* bytes that have come */
	u8 frame_bufs;			/* buffers it shall have */
	u8 frame_seen;			/* buffers that have come; 0: between frames */
};

/* A queue pair of the running configuration. */
struct espnic_queue {
	struct espnic_net *enet;
	struct napi_struct napi;
	struct espnic_queue_ctrl *ctrl;
	struct espnic_tx_ring tx;
	struct espnic_rx_ring rx;
	u16 index;
	bool created;			/* the device has it; RTNL */
	bool broken;			/* impossible completion seen: off until restart */
	bool looked;			/* espnic_queues_look() saw completions, at: */
	u32 look_tx;			/* the TX completion ring's head, and */
	u32 look_rx;			/* the RX ring's; RTNL all three */
	u16 interrupts;			/* since started; the interrupt handler */
	struct dim rx_dim;		/* adaptive moderation; NAPI and its work */

	void *mem;			/* rings and control block, one coherent piece */
	size_t mem_size;
	dma_addr_t tx_dma;		/* also that of mem */
	dma_addr_t tx_cpl_dma;
	dma_addr_t rx_dma;
	dma_addr_t rx_cpl_dma;
	dma_addr_t ctrl_dma;
	char irq_name[IFNAMSIZ + 16];
};

/* Parameters of a queue set; what ethtool and MTU changes exchange as a whole. */
struct espnic_params {
	u32 mtu;
	u8 pairs;
	u8 tx_log2;
	u8 rx_log2;
};

/*
 * Interrupt moderation of all queues; 0 for both of a direction: none. With rx_adaptive each queue
 * pair has RX values of its own, and those here wait until that ends.
 */
struct espnic_coalesce {
	bool rx_adaptive;
	u32 tx_usecs;			/* microseconds since the first completion */
	u32 tx_frames;			/* completions waiting */
	u32 rx_usecs;
	u32 rx_frames;
};

struct espnic_queue_set {
	struct espnic_params params;
	bool live;			/* interrupts, NAPI and TX run */
	struct espnic_queue *queues[ESPNIC_MAX_QUEUE_PAIRS];
};

/*
 * The network interface. netdev_priv(); lives from probe to remove. RTNL guards what says
 * nothing else.
 */
struct espnic_net {
	struct espnic_dev *edev;
	struct net_device *netdev;
	struct espnic_queue_set *set;	/* NULL while the interface is down */
	struct espnic_params params;	/* of the next open */
	struct mutex moderation_lock;	/* QUEUE_MODERATION: the latest last; guards coalesce */
	struct espnic_coalesce coalesce;
	struct espnic_ipsec *ipsec;	/* espnic_ipsec_init() to _cleanup() */

	struct mutex port_lock;		/* PORT_SET: one at a time, the latest last */
	struct work_struct rx_mode;
	bool port_enabled;		/* port_lock: queues run, frames are welcome */

	u8 rss_key[ESPNIC_RSS_KEY_LEN];
	u8 rss_table[ESPNIC_RSS_TABLE_LEN];

	/* Outlive queue sets, so that counters never go back. */
	struct espnic_tx_stats tx_stats[ESPNIC_MAX_QUEUE_PAIRS];
	struct espnic_rx_stats rx_stats[ESPNIC_MAX_QUEUE_PAIRS];
};

/* What goes from ndo_start_xmit's parts into a packet's first descriptor. */
struct espnic_tx_meta {
	bool ipsec;			/* encrypt: those below hold */
	u16 esp_offset;			/* of the ESP header from the start of the frame, bytes */
	u16 hdr_len;			/* segmentation: up to the end of TCP's header, bytes */
	u32 sa_handle;
	u32 seq_hi;			/* ESN: high half of the sequence number, else 0 */
};

/*
 * Is the entry at free-running index @index of a ring new? The bit @phase of its last word is 1
 * on the first pass, 0 on the second, and so on.
 */
static inline bool espnic_phase(u32 flags, u32 phase, u32 index, u8 ring_log2)
{
	bool odd_pass = (index >> ring_log2) & 1;
	bool set = flags & phase;

	return set != odd_pass;
}

/*
 * Does the device, which looks up to index @event untold, need to be told that the tail went
 * from @old to @tail?
 */
static inline bool espnic_doorbell_needed(u32 tail, u32 old, u32 event)
{
	return tail - event - 1 < tail - old;
}

/* reset.c */

/*
 * Reads a register. All-ones where all-ones cannot be means that the device was removed: then
 * ESPNIC_DEV_GONE is set. Any context.
 */
u32 espnic_read(struct espnic_dev *edev, u32 reg);

/* Writes a register, unless the device is gone. Any context. */
void espnic_write(struct espnic_dev *edev, u32 reg, u32 value);

/* Asks for a reset of the device, or of its queues alone, by the service task. Any context. */
void espnic_request_reset(struct espnic_dev *edev, const char *why);
void espnic_request_restart(struct espnic_dev *edev);

/*
 * Resets the device and brings all that the driver knows into it again. RTNL. 0 or -errno: then
 * the service tries again, or has given the device up.
 */
int espnic_reset(struct espnic_dev *edev);

/* Has the service task look now. Any context. */
void espnic_service_now(struct espnic_dev *edev);

/* Gives the device up: no register is touched and no command sent any more. Any context. */
void espnic_set_gone(struct espnic_dev *edev);

static inline bool espnic_gone(const struct espnic_dev *edev)
{
	return test_bit(ESPNIC_DEV_GONE, &edev->flags);
}

void espnic_service(struct work_struct *work);

/*
 * Resets the function and waits for READY. No DMA, no command ring: for probe and remove. Process
 * context. 0, -ETIMEDOUT, -EIO (self-test failed), -ENODEV (gone).
 */
int espnic_hw_reset(struct espnic_dev *edev);

/* Reads and checks identity, version and capabilities into edev->caps. 0, -ENODEV, -EPROTO. */
int espnic_read_caps(struct espnic_dev *edev);

/*
 * The command ring is up, the device empty: SAs and policies from the driver's shadow, then
 * SPD_COMMIT. RTNL.
 */
int espnic_bring_up(struct espnic_dev *edev);

/* A reset from outside (FLR): before and after it. RTNL. */
void espnic_reset_begin(struct espnic_dev *edev);
int espnic_reset_finish(struct espnic_dev *edev);

/* Between both: resets a device that still has what it had, whatever the PCI core says. RTNL. */
void espnic_reset_if_not_yet(struct espnic_dev *edev);

/*
 * Turns bus mastering off: from here the device sends nothing that it does not have yet, and renews
 * no lease. Process context.
 */
void espnic_master_off(struct espnic_dev *edev);

/*
 * Turns bus mastering off and closes the command ring, so that memory the device would not let
 * go of can be freed, and asks for a reset. Process context.
 */
void espnic_silence(struct espnic_dev *edev);

/* netdev.c */

int espnic_net_alloc(struct espnic_dev *edev);
void espnic_net_free(struct espnic_net *enet);

/* Features and limits by edev->caps; before register_netdev(), after espnic_ipsec_init(). */
void espnic_net_setup(struct espnic_net *enet);

/* Link state as the device tells it. Any context. */
void espnic_net_link(struct espnic_net *enet, bool up);

/*
 * Changes ring sizes, queue pairs or MTU, also of a running interface, whose SAs stay. Memory is
 * got first; when the new queues do not start, the old ones do again. RTNL. 0 or -errno.
 */
int espnic_net_reconfigure(struct espnic_net *enet, const struct espnic_params *params);

/* Sends PORT_SET by the interface's state. Process context. 0 or -errno of espnic_cmd_exec(). */
int espnic_port_set(struct espnic_net *enet);

/* queue.c; RTNL */

struct espnic_queue_set *espnic_queues_alloc(struct espnic_net *enet,
					     const struct espnic_params *params);
void espnic_queues_free(struct espnic_net *enet, struct espnic_queue_set *set);

/* Starts enet->set: queues, hash, port. On failure (-errno) nothing is left running. */
int espnic_queues_start(struct espnic_net *enet);

/* Stops enet->set: afterwards the device touches none of its memory. */
void espnic_queues_stop(struct espnic_net *enet);

/* The host's half of stopping: no interrupt, NAPI nor TX any more. Needs no device. */
void espnic_queues_quiesce(struct espnic_net *enet);

/*
 * Schedules the NAPI of queues whose completions have waited since the last call: their interrupt was
 * lost. RTNL; from the service task, once a second.
 */
void espnic_queues_look(struct espnic_net *enet);

/* Gives back what is in the rings. The device must have forgotten the queues. */
void espnic_queues_drain(struct espnic_net *enet);

/* Sends the interrupt moderation of all queues. RTNL, enet->moderation_lock. 0 or -errno. */
int espnic_queues_moderate(struct espnic_net *enet);

/*
 * NAPI found an impossible completion: nothing more is taken from this queue pair until its
 * restart.
 */
void espnic_queue_break(struct espnic_queue *queue, const char *what);

/* tx.c */

netdev_tx_t espnic_xmit(struct sk_buff *skb, struct net_device *netdev);

/* Frees all that was not sent. NAPI and senders are off, the device has forgotten the queue. */
void espnic_tx_drain(struct espnic_queue *queue);

/* Handles TX completions; returns whether all were handled. NAPI. */
bool espnic_tx_clean(struct espnic_queue *queue, int budget);
bool espnic_tx_pending(const struct espnic_tx_ring *ring);

/* rx.c */

/* Bytes of an RX buffer, with headroom and skb_shared_info, for frames of this MTU. */
u32 espnic_rx_truesize(u32 mtu);
u32 espnic_rx_buf_len(u32 truesize);

/*
 * Handles up to @budget frames and refills; returns how many, @budget also when buffers ran
 * out. NAPI.
 */
int espnic_rx_poll(struct espnic_queue *queue, int budget);
bool espnic_rx_pending(const struct espnic_rx_ring *ring);

/*
 * Frees what was not delivered and takes the buffers back. NAPI is off, the device has
 * forgotten the queue.
 */
void espnic_rx_drain(struct espnic_queue *queue);

/* rss.c; RTNL */

void espnic_rss_init(struct espnic_net *enet);
/* Spreads the table over @pairs queue pairs, unless the user chose it. */
void espnic_rss_spread(struct espnic_net *enet, u8 pairs);
int espnic_rss_set(struct espnic_net *enet);

/* stats.c */

extern const struct netdev_stat_ops espnic_stat_ops;
void espnic_get_stats64(struct net_device *netdev, struct rtnl_link_stats64 *stats);
int espnic_get_sset_count(struct net_device *netdev, int sset);
void espnic_get_strings(struct net_device *netdev, u32 sset, u8 *data);
void espnic_get_ethtool_stats(struct net_device *netdev, struct ethtool_stats *stats, u64 *data);

/* ethtool.c */

/* A register, or @count of them with @stride bytes from one to the next. */
struct espnic_reg {
	const char *name;
	const char *access;	/* "ro", "rw", "wo" */
	u32 offset;
	u32 count;
	u32 stride;
};

extern const struct ethtool_ops espnic_ethtool_ops;
extern const struct espnic_reg espnic_regs[];
extern const u32 espnic_regs_count;

bool espnic_reg_readable(const struct espnic_reg *reg);

/* selftest.c: ethtool -t; how many tests, their names, and their run. RTNL. */

int espnic_selftest_count(void);
void espnic_selftest_strings(u8 *data);
void espnic_self_test(struct net_device *netdev, struct ethtool_test *test, u64 *data);

/* devlink.c: resources are registered before devlink is. 0 or -errno. */

extern const struct devlink_ops espnic_devlink_ops;

int espnic_resources_register(struct espnic_dev *edev);
void espnic_resources_unregister(struct espnic_dev *edev);

/* health.c */

/* The reporter: made before devlink is registered. 0 or -errno. */
int espnic_health_init(struct espnic_dev *edev);
void espnic_health_cleanup(struct espnic_dev *edev);

/*
 * Reports the failure that espnic_request_reset() or espnic_set_gone() noted, once; devlink then has
 * the device reset unless told not to. Service task, without RTNL.
 */
void espnic_health_report(struct espnic_dev *edev);

/* A reset succeeded. RTNL. */
void espnic_health_good(struct espnic_dev *edev);

/* ipsec*.c */

/*
 * Called before register_netdev(): allocates enet->ipsec and sets xfrmdev_ops as far as the
 * device's capabilities go; may be called with a device that has no IPsec at all. Process
 * context. 0 or -errno.
 */
int espnic_ipsec_init(struct espnic_net *enet);

/* After unregister_netdev() and after the last command is done; frees what init made. */
void espnic_ipsec_cleanup(struct espnic_net *enet);

/*
 * Feature bits for features, hw_features, hw_enc_features and gso_partial_features: NETIF_F_HW_ESP
 * and what comes with it, or none. After init.
 */
netdev_features_t espnic_ipsec_features(const struct espnic_net *enet);

/* ndo_fix_features: what means nothing without NETIF_F_HW_ESP goes with it. */
netdev_features_t espnic_ipsec_fix_features(netdev_features_t features);

/*
 * ndo_set_features: -EBUSY when @features lacks NETIF_F_HW_ESP and SAs or policies exist or are just
 * being added, else 0, and from then on none is taken while it lacks it. RTNL.
 */
int espnic_ipsec_set_features(struct espnic_net *enet, netdev_features_t features);

/* ndo_features_check: what can be offloaded for @skb of @features. RCU, BH. */
netdev_features_t espnic_ipsec_features_check(struct sk_buff *skb, netdev_features_t features);

/*
 * For an skb that has an xfrm_offload(): ndo_start_xmit, before any mapping. Either fills @meta
 * and writes the IV, or leaves meta->ipsec false (a received packet being forwarded). A non-
 * zero return drops the packet, which the caller counts as tx drop_ipsec and espnic_ipsec_tx()
 * under its own reason. BH, TX queue lock.
 */
int espnic_ipsec_tx(struct espnic_net *enet, struct sk_buff *skb, struct espnic_tx_meta *meta);

/* Has xfrm let @skb go in clear, to be protected by packet offload? Any context. */
bool espnic_ipsec_tx_marked(const struct sk_buff *skb);

/* The interface has another address: tunnels' SAs are told. Any context. */
void espnic_ipsec_mac_changed(struct espnic_net *enet);

/* Are there SAs? Any context; a hint. */
bool espnic_ipsec_in_use(const struct espnic_net *enet);

/*
 * Can the device do to the host-made ESP @skb what else it asks for: segmentation, a checksum? BH.
 */
bool espnic_ipsec_tx_can(const struct espnic_net *enet, const struct sk_buff *skb);

/*
 * For a frame with ESPNIC_RX_CPL_IPSEC: after eth_type_trans(). @cpl is a private copy of a
 * completion of the frame. Gives @skb its sec_path. Returns false to have
 * it dropped (counted as rx drop_ipsec, and by the callee under its own reason). NAPI.
 */
bool espnic_ipsec_rx(struct espnic_net *enet, struct sk_buff *skb, const struct espnic_rx_cpl *cpl);

/*
 * An event of type SA_SOFT, SA_HARD, SA_SEQ, SA_NO_SA, SA_REMAP or SA_AWAKE; @handle, @value, @arg
 * as the type says, host byte order, not checked. Thread of vector 0: may sleep, must not call
 * espnic_cmd_exec() nor take RTNL (a reset waits for this thread under it).
 */
void espnic_ipsec_event(struct espnic_net *enet, u16 type, u32 handle, u64 value, u64 arg);

/*
 * Reads the counts of all SAs, before a reset of a device that still answers ends them; it is to
 * pass no packets any more. Process context.
 */
void espnic_ipsec_save(struct espnic_net *enet);

/*
 * The device is empty (probe, reset): writes the driver's SAs and policies into it again. The
 * command ring is up, no queue exists, SPD_COMMIT follows if 0 is returned, else the device
 * stays down. RTNL.
 */
int espnic_ipsec_restore(struct espnic_net *enet);

/* Counters for ethtool -S: how many; their names (ethtool_puts()); their values. RTNL. */
int espnic_ipsec_stats_count(const struct espnic_net *enet);
void espnic_ipsec_stats_strings(const struct espnic_net *enet, u8 **data);
void espnic_ipsec_stats(struct espnic_net *enet, u64 *data);

#endif /* ESPNIC_H */
