/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linux's IPsec tables over netlink (linux/xfrm.h): states (SAs) and policies as structs, as messages,
 * and the calls that put them in and read them back. Integers are in host order here; the
 * messages have the kernel's orders.
 */
#ifndef ESPNIC_IKE_KERNEL_XFRM_H
#define ESPNIC_IKE_KERNEL_XFRM_H

#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/addr.h"

enum espnic_xfrm_limits {
	ESPNIC_XFRM_ALG_NAME = 64, /* bytes of an algorithm's name, its end included */
	ESPNIC_XFRM_KEY = 128, /* bytes of a key; the longest Linux has is HMAC-SHA2-512's 64 */
	ESPNIC_XFRM_TMPLS = 6, /* XFRM_MAX_DEPTH of the kernel */
	ESPNIC_XFRM_WINDOW = XFRMA_REPLAY_ESN_MAX, /* packets */
	ESPNIC_XFRM_MSG = 4096, /* bytes: more than any message of ours */
	ESPNIC_XFRM_TEXT = 320, /* bytes of a text for the user, its end included */
};

/* What Linux calls an algorithm: the key follows, salt included. */
struct espnic_xfrm_key {
	char alg[ESPNIC_XFRM_ALG_NAME]; /* "": none */
	uint16_t icv_bits; /* AEAD and authentication */
	uint16_t len; /* bytes */
	uint8_t bytes[ESPNIC_XFRM_KEY];
};

struct espnic_xfrm_selector {
	struct espnic_prefix src, dst; /* family 0 in both: any */
	uint8_t proto; /* 0: any */
	uint16_t sport, sport_mask, dport, dport_mask; /* ICMP: type and code */
	uint32_t ifindex; /* 0: any */
};

/* Limits; 0: none. */
struct espnic_xfrm_life {
	uint64_t soft_bytes, hard_bytes, soft_packets, hard_packets;
	uint64_t soft_seconds, hard_seconds; /* since it was added */
};

enum espnic_xfrm_offload {
	ESPNIC_XFRM_SOFTWARE,
	ESPNIC_XFRM_CRYPTO,
	ESPNIC_XFRM_PACKET,
};

struct espnic_xfrm_mark {
	uint32_t value, mask; /* mask 0: none */
};

/* XFRMA_SA_PCPU: no CPU of its own */
#define ESPNIC_XFRM_NO_CPU UINT32_MAX

struct espnic_xfrm_sa {
	struct espnic_addr src, dst;
	uint8_t proto; /* IPPROTO_ESP, IPPROTO_AH */
	uint8_t mode; /* XFRM_MODE_TRANSPORT, XFRM_MODE_TUNNEL */
	uint8_t dir; /* XFRM_SA_DIR_IN, _OUT; 0 of states others made */
	uint8_t flags; /* XFRM_STATE_*; ESN among them */
	uint32_t extra_flags; /* XFRM_SA_XFLAG_* */
	uint32_t spi, reqid;
	uint32_t seq; /* of the acquire it answers; 0: none */
	struct espnic_xfrm_key aead, enc, auth;
	uint32_t replay_window; /* packets; outbound 0 */
	uint64_t oseq; /* last number sent; 32 bits without ESN */
	uint64_t iseq; /* highest number received; the same */
	uint16_t encap_sport, encap_dport; /* UDP (RFC 3948); 0: none */
	uint16_t encap_type; /* UDP_ENCAP_ESPINUDP; 0: none */
	struct espnic_xfrm_selector sel;
	struct espnic_xfrm_life life;
	struct espnic_xfrm_mark mark, set_mark;
	uint32_t if_id;
	uint32_t tfc_pad; /* bytes to pad to; 0: none */
	uint32_t cpu; /* ESPNIC_XFRM_NO_CPU: any */
	uint32_t nat_keepalive; /* seconds; 0: none */
	enum espnic_xfrm_offload offload;
	uint32_t ifindex; /* of the offload */
	/* read back, not written */
	uint64_t bytes, packets, used_seconds; /* used: seconds since 1970, 0: never */
	uint32_t replay_dropped, integrity_failed, window_dropped;
};

struct espnic_xfrm_tmpl {
	struct espnic_addr src, dst; /* family 0: the packet's own */
	uint8_t proto, mode;
	uint8_t family; /* AF_INET, AF_INET6: of the packets on the wire */
	bool optional;
	uint32_t reqid, spi; /* 0: any */
};

struct espnic_xfrm_policy {
	struct espnic_xfrm_selector sel;
	uint8_t dir; /* XFRM_POLICY_IN, _OUT, _FWD */
	uint8_t action; /* XFRM_POLICY_ALLOW, _BLOCK */
	uint8_t flags; /* XFRM_POLICY_* */
	uint32_t priority; /* smaller first */
	struct espnic_xfrm_mark mark;
	uint32_t if_id;
	unsigned int n_tmpls;
	struct espnic_xfrm_tmpl tmpl[ESPNIC_XFRM_TMPLS];
	enum espnic_xfrm_offload offload; /* SOFTWARE or PACKET */
	uint32_t ifindex; /* of the offload */
};

/*
 * Linux 7.2 gives a state other addresses and encapsulation, numbers and all, by a message that older headers have not: each name here has
 * the kernel's behind the prefix.
 */
enum { ESPNIC_XFRM_MSG_MIGRATE_STATE = 0x29 };
enum espnic_xfrm_migrate_flags { ESPNIC_XFRM_MIGRATE_STATE_CLEAR_OFFLOAD = 1 };

struct espnic_xfrm_user_migrate_state {
	struct xfrm_usersa_id id;
	xfrm_address_t new_daddr, new_saddr;
	struct xfrm_mark old_mark;
	struct xfrm_selector new_sel;
	uint32_t new_reqid, flags;
	uint16_t new_family, reserved;
};

/* ---- messages (message.c): each fills @buf, ESPNIC_XFRM_MSG bytes aligned for a nlmsghdr ---- */

struct nlmsghdr *espnic_xfrm_put_sa(void *buf, const struct espnic_xfrm_sa *sa);
struct nlmsghdr *espnic_xfrm_put_sa_id(void *buf, uint16_t type, const struct espnic_xfrm_sa *sa);
/* ESPNIC_XFRM_MSG_MIGRATE_STATE of @was: addresses, encapsulation, selector, reqid and offload as @to has them. */
struct nlmsghdr *espnic_xfrm_put_move(void *buf, const struct espnic_xfrm_sa *was, const struct espnic_xfrm_sa *to);
struct nlmsghdr *espnic_xfrm_put_policy(void *buf, uint16_t type, const struct espnic_xfrm_policy *p);
struct nlmsghdr *espnic_xfrm_put_policy_id(void *buf, uint16_t type, const struct espnic_xfrm_policy *p);

/*
 * Read a XFRM_MSG_NEWSA or XFRM_MSG_NEWPOLICY (or UPD*) as the kernel writes it. False if it is
 * malformed, or has what these structs can't hold; nothing past its length is ever read.
 */
bool espnic_xfrm_get_sa(const struct nlmsghdr *msg, struct espnic_xfrm_sa *out);
bool espnic_xfrm_get_policy(const struct nlmsghdr *msg, struct espnic_xfrm_policy *out);
/* The fixed parts of both, for messages that carry them inside of others (parse.c). */
void espnic_xfrm_read_addr(const xfrm_address_t *from, int family, struct espnic_addr *to);
bool espnic_xfrm_read_selector(const struct xfrm_selector *s, struct espnic_xfrm_selector *out);

/* ---- the kernel ---- */

/* Receives one message of a reply; anything but 0 ends the talk with that as its result. */
typedef int espnic_xfrm_each(const struct nlmsghdr *msg, void *ctx);

/* A way to a kernel: Linux's netlink (socket.c), or a test's own. */
struct espnic_xfrm_ops {
	/*
	 * Send @req (its flags and sequence number are set here), hand replies to @each (may be NULL) and
	 * wait for the end. Returns 0, or the kernel's -errno. @text gets the kernel's words ("" if none;
	 * also of a success: a warning), ESPNIC_XFRM_TEXT bytes.
	 */
	int (*talk)(void *ctx, struct nlmsghdr *req, espnic_xfrm_each *each, void *each_ctx,
		    char *text);
	void (*close)(void *ctx);
};

struct espnic_xfrm {
	const struct espnic_xfrm_ops *ops;
	void *ctx;
};

/* Open NETLINK_XFRM. 0, or -errno with @text written. */
int espnic_xfrm_open(struct espnic_xfrm *x, char *text);
void espnic_xfrm_close(struct espnic_xfrm *x);

/*
 * One call each; 0 or -errno, and the kernel's words in @text (ESPNIC_XFRM_TEXT bytes). Messages that
 * held keys are wiped. The sa and policy given to read, and to del, name one by what makes it one:
 * destination, SPI, protocol, mark; direction, selector, mark, if_id.
 */
int espnic_xfrm_add_sa(const struct espnic_xfrm *x, const struct espnic_xfrm_sa *sa, char *text);
int espnic_xfrm_move_sa(const struct espnic_xfrm *x, const struct espnic_xfrm_sa *was, const struct espnic_xfrm_sa *to, char *text);
int espnic_xfrm_del_sa(const struct espnic_xfrm *x, const struct espnic_xfrm_sa *sa, char *text);
int espnic_xfrm_read_sa(const struct espnic_xfrm *x, const struct espnic_xfrm_sa *which,
			struct espnic_xfrm_sa *out, char *text);
/* @type: XFRM_MSG_NEWPOLICY (EEXIST if there is one) or XFRM_MSG_UPDPOLICY (in its place) */
int espnic_xfrm_set_policy(const struct espnic_xfrm *x, uint16_t type,
			   const struct espnic_xfrm_policy *p, char *text);
int espnic_xfrm_del_policy(const struct espnic_xfrm *x, const struct espnic_xfrm_policy *p,
			   char *text);
int espnic_xfrm_read_policy(const struct espnic_xfrm *x, const struct espnic_xfrm_policy *which,
			    struct espnic_xfrm_policy *out, char *text);
/*
 * Have Linux put its policies in order again. As their number grows it moves those of host addresses into a larger table, and software ones before
 * offloaded ones of the same selector (xfrm_dst_hash_transfer() of 6.12 and 7.2): what is to block underneath then comes first. It makes the table
 * anew, in order, when it is told from what length of prefix policies belong there, though nothing changes; soon after the return.
 */
int espnic_xfrm_reorder(const struct espnic_xfrm *x, char *text);
/* How long after a policy has come: Linux's own work on its tables goes on behind the answer. */
enum { ESPNIC_XFRM_REORDER_MS = 200 };
/* Do both name the same state, the same policy? */
bool espnic_xfrm_same_sa(const struct espnic_xfrm_sa *a, const struct espnic_xfrm_sa *b);
bool espnic_xfrm_same_policy(const struct espnic_xfrm_policy *a,
			     const struct espnic_xfrm_policy *b);

/* "esp spi 0x00001000 192.0.2.1 -> 192.0.2.2"; both return @out. No keys in either. */
const char *espnic_xfrm_sa_text(const struct espnic_xfrm_sa *sa, char *out, size_t len);
const char *espnic_xfrm_policy_text(const struct espnic_xfrm_policy *p, char *out, size_t len);

#endif
