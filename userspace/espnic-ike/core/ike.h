/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IKEv2 (RFC 7296) protocol core: the one header its users read.
 *
 * The core does no I/O. espnic_ike_step() is given one input and the time, and leaves a
 * list of actions: datagrams to send, kernel operations, operations with long-term keys,
 * events. It holds no private key and no pre-shared key: what needs one is asked for as a key
 * operation. Clock, sockets, netlink, files are its user's.
 *
 * Byte order: host order unless a field says otherwise; addresses, identities and keys are byte
 * strings as on the wire. Times are milliseconds of one monotonic clock.
 *
 * Context: one thread; nothing here blocks, sleeps or takes a lock. A struct espnic_ike shares nothing
 * with another but what libcrypto shares.
 */
#ifndef ESPNIC_IKE_H
#define ESPNIC_IKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum espnic_ike_limits {
	ESPNIC_IKE_NAME = 64,		/* bytes of a connection's or child's name, with its NUL */
	ESPNIC_IKE_ADDRS = 8,		/* address patterns of one side of a connection */
	ESPNIC_IKE_PROPOSALS = 8,	/* proposals offered, or looked at in an offer */
	ESPNIC_IKE_TRANSFORMS = 32,	/* transforms of one proposal */
	ESPNIC_IKE_TS = 16,		/* traffic selectors of one side */
	ESPNIC_IKE_CHILDREN = 256,	/* children of one connection, and of one IKE SA */
	ESPNIC_IKE_ID = 256,		/* bytes of an identity */
	ESPNIC_IKE_CERTS = 8,		/* certificates in one message */
	ESPNIC_IKE_KEYID = 32,		/* bytes: SHA-256 of a SubjectPublicKeyInfo */
	ESPNIC_IKE_VIPS = 2,		/* virtual addresses of an IKE SA: one of each family */
	ESPNIC_IKE_POOLS = 4,		/* pools of a connection */
	ESPNIC_IKE_DNS = 4,		/* servers of a pool, or taken from a peer */
	ESPNIC_IKE_NONCE = 32,		/* bytes of our nonces; peers' have 16 to 256 (RFC 7296 2.10) */
	ESPNIC_IKE_NONCE_MAX = 256,
	ESPNIC_IKE_ENCR_KEY = 36,	/* bytes: AES-256 and the salt of GCM */
	ESPNIC_IKE_INTEG_KEY = 64,	/* bytes: HMAC-SHA2-512 */
	ESPNIC_IKE_MAC = 64,		/* bytes: output of the longest PRF */
	ESPNIC_IKE_DATAGRAM = 65535,	/* bytes of a message, also of one put together of fragments */
	ESPNIC_IKE_SIGNATURE = 1024,	/* bytes: RSA of 8192 bits */
	ESPNIC_IKE_TEXT = 256,		/* bytes of an error text, with its NUL */
	ESPNIC_IKE_PORT = 500,		/* RFC 7296 2: without, and with, the non-ESP marker */
	ESPNIC_IKE_PORT_NATT = 4500,
};

/* ------------------------------------------------------------------ addresses, identities */

struct espnic_ike_addr {
	uint8_t family;			/* 4, 6; 0: none, or any */
	uint8_t bytes[16];		/* the first 4 of IPv4 */
};

struct espnic_ike_endpoint {
	struct espnic_ike_addr addr;
	uint16_t port;
};

/* An address a connection may use at one side: a prefix. */
struct espnic_ike_net {
	struct espnic_ike_addr addr;	/* family 0: any address at all */
	uint8_t prefix;			/* bits */
};

/* RFC 7296 3.13.1. ICMP's type and code stand in the ports, as there. */
struct espnic_ike_ts {
	uint8_t family;			/* 4, 6 */
	uint8_t proto;			/* 0: any */
	bool dynamic;			/* configuration only: stands for the address of that side; family is 0 */
	uint16_t port_from, port_to;	/* 0 to 65535: any; 65535 to 0: OPAQUE */
	uint8_t from[16], to[16];	/* as struct espnic_ike_addr has them */
};

enum espnic_ike_id_type {		/* RFC 7296 3.5 */
	ESPNIC_IKE_ID_ANY = 0,		/* configuration only: whoever it is (%any) */
	ESPNIC_IKE_ID_IPV4 = 1,
	ESPNIC_IKE_ID_FQDN = 2,
	ESPNIC_IKE_ID_EMAIL = 3,
	ESPNIC_IKE_ID_IPV6 = 5,
	ESPNIC_IKE_ID_DN = 9,		/* DER of a Name */
	ESPNIC_IKE_ID_KEY = 11,		/* opaque */
};

struct espnic_ike_id {
	uint8_t type;
	uint16_t len;
	uint8_t data[ESPNIC_IKE_ID];
};

/*
 * Parses strongSwan's notation: an address, fqdn, user@host, @fqdn, @#hex (KEY_ID), `C=CH, O=x, CN=y`
 * (DN), %any, and the prefixes ipv4: ipv6: fqdn: email: rfc822: dns: keyid: asn1dn:. 0, or -EINVAL and a text.
 */
int espnic_ike_id_parse(struct espnic_ike_id *id, const char *text, char err[ESPNIC_IKE_TEXT]);
/* Writes @id for humans: printable, whatever it holds; returns @out. */
const char *espnic_ike_id_text(const struct espnic_ike_id *id, char *out, size_t room);
/* Is @id one of those @pattern means? `*` stands in front of an FQDN or email for any labels; ANY for all. */
bool espnic_ike_id_matches(const struct espnic_ike_id *pattern, const struct espnic_ike_id *id);
/* The two directions of struct espnic_ike_addr; text room is INET6_ADDRSTRLEN. 0, or -EINVAL. */
int espnic_ike_addr_parse(struct espnic_ike_addr *addr, const char *text);
const char *espnic_ike_addr_text(const struct espnic_ike_addr *addr, char *out, size_t room);
bool espnic_ike_addr_equal(const struct espnic_ike_addr *a, const struct espnic_ike_addr *b);
bool espnic_ike_net_has(const struct espnic_ike_net *net, const struct espnic_ike_addr *addr);
/* Is it one address? */
bool espnic_ike_net_one(const struct espnic_ike_net *net);
/* May it be a virtual address? Not unspecified, loopback, link-local, multicast, nor IPv4 in IPv6. */
bool espnic_ike_vip_good(const struct espnic_ike_addr *a);

/* ------------------------------------------------------------------ algorithms */

enum espnic_ike_transform_type {	/* RFC 7296 3.3.2, RFC 9370 2.2.1 */
	ESPNIC_IKE_ENCR = 1,
	ESPNIC_IKE_PRF = 2,
	ESPNIC_IKE_INTEG = 3,
	ESPNIC_IKE_KE = 4,
	ESPNIC_IKE_ESN = 5,
	ESPNIC_IKE_ADDKE1 = 6,
	ESPNIC_IKE_ADDKE7 = 12,
	ESPNIC_IKE_ADDKES = 7,
	ESPNIC_IKE_TRANSFORM_TYPES = 13,
};

/* One algorithm of the registry; core/registry.c has them all, and nothing else names one. */
struct espnic_ike_alg {
	uint8_t type;			/* enum espnic_ike_transform_type; KE also serves ADDKE1-7 */
	uint16_t id;			/* IANA's */
	uint16_t key_bits;		/* without salt; 0: none, or fixed by the algorithm */
	bool key_attr;			/* the transform carries a Key Length attribute */
	uint8_t salt;			/* bytes that follow the key */
	uint8_t iv;			/* bytes of explicit IV of SK and ESP */
	uint8_t icv;			/* bytes of ICV (AEAD and INTEG) */
	uint8_t block;			/* bytes SK is padded to */
	uint16_t out;			/* bytes: output of a PRF, key of an INTEG */
	bool ike, esp;			/* where it may be used */
	bool offload;			/* ESP: espnic's device has it in packet mode */
	bool weak;			/* RFC 8221: not to be used any more */
	const char *name;		/* swanctl's keyword */
	const char *ossl;		/* OpenSSL's name of cipher, digest or group */
	const char *xfrm;		/* Linux's name; NULL: no ESP */
};

/* By IANA's number (and key length where the type has one); NULL: not supported. */
const struct espnic_ike_alg *espnic_ike_alg(unsigned int type, unsigned int id, unsigned int key_bits);
/* By swanctl's keyword, what Linux has for an SA that is keyed by hand: also what is never negotiated. NULL: there is none. */
const struct espnic_ike_alg *espnic_ike_alg_manual(const char *name, size_t len);
/* All of them, by @i from 0 on; NULL: there are no more. */
const struct espnic_ike_alg *espnic_ike_alg_at(unsigned int i);

struct espnic_ike_transform {
	uint8_t type;
	uint16_t id, key_bits;		/* key_bits: of the attribute; 0: there is none */
};

enum espnic_ike_protocol {		/* RFC 7296 3.3.1 */
	ESPNIC_IKE_PROTO_IKE = 1,
	ESPNIC_IKE_PROTO_AH = 2,
	ESPNIC_IKE_PROTO_ESP = 3,
};

/* What may be chosen: any one of the transforms of each type. */
struct espnic_ike_proposal {
	uint8_t protocol;
	uint8_t n;
	struct espnic_ike_transform t[ESPNIC_IKE_TRANSFORMS];
};

/*
 * Parses swanctl's notation, `aes256gcm16-prfsha384-ecp384`; `default` gives the core's own, which may be
 * two proposals. @room: of @p. Returns how many, or -EINVAL and the exact text.
 */
int espnic_ike_proposal_parse(struct espnic_ike_proposal *p, unsigned int room, enum espnic_ike_protocol protocol,
			      const char *text, char err[ESPNIC_IKE_TEXT]);
/* Writes it in the same notation; returns @out. */
const char *espnic_ike_proposal_text(const struct espnic_ike_proposal *p, char *out, size_t room);

/* ------------------------------------------------------------------ configuration */

enum espnic_ike_auth_method { ESPNIC_IKE_AUTH_PSK = 1, ESPNIC_IKE_AUTH_PUBKEY };
/*
 * Of CRLs, which are only ever those that were loaded. What one revokes is refused always; one that is missing or past its
 * time is: no matter, refused if the certificate names a place of one, refused.
 */
enum espnic_ike_revocation { ESPNIC_IKE_REVOCATION_RELAXED, ESPNIC_IKE_REVOCATION_IF_URI, ESPNIC_IKE_REVOCATION_STRICT };

struct espnic_ike_auth {
	enum espnic_ike_auth_method method;
	struct espnic_ike_id id;	/* local: ANY takes our address; remote: a pattern */
	/*
	 * PUBKEY. Local: the key to sign with is the first; its certificate or bare public key was loaded before
	 * (espnic_ike_cert_load()). Remote: @n_keyids pins public keys, each loaded too, of whoever has an identity that @id
	 * matches; none: any key whose certificate names the identity and leads to a CA we have.
	 */
	uint8_t keyid[ESPNIC_IKE_CERTS][ESPNIC_IKE_KEYID];
	uint8_t n_keyids;
	/* Remote: the chain goes through one of these CAs; 0: through any we have. */
	uint8_t ca[ESPNIC_IKE_CERTS][ESPNIC_IKE_KEYID];
	uint8_t n_cas;
	enum espnic_ike_revocation revocation;
};

enum espnic_ike_mode { ESPNIC_IKE_TUNNEL, ESPNIC_IKE_TRANSPORT };
enum espnic_ike_offload { ESPNIC_IKE_OFFLOAD_NO, ESPNIC_IKE_OFFLOAD_CRYPTO, ESPNIC_IKE_OFFLOAD_PACKET, ESPNIC_IKE_OFFLOAD_AUTO };
/* What becomes of a child: at load, when its peer closes it, when its peer is dead. */
enum espnic_ike_after { ESPNIC_IKE_NONE, ESPNIC_IKE_TRAP, ESPNIC_IKE_START };

struct espnic_ike_mark {
	uint32_t value, mask;		/* mask 0: no mark */
};

struct espnic_ike_child_conf {
	char name[ESPNIC_IKE_NAME];
	enum espnic_ike_mode mode;
	uint8_t n_proposals, n_local, n_remote;
	struct espnic_ike_proposal proposals[ESPNIC_IKE_PROPOSALS];
	struct espnic_ike_ts local[ESPNIC_IKE_TS], remote[ESPNIC_IKE_TS];
	enum espnic_ike_after start, close, dpd;
	/* Of an SA: 0 is never. The core keeps the times; the kernel counts bytes and packets and says EXPIRE. */
	uint64_t rekey_ms, life_ms, rand_ms;
	uint64_t rekey_bytes, life_bytes, rand_bytes;
	uint64_t rekey_packets, life_packets, rand_packets;
	uint64_t inactivity_ms;
	uint32_t reqid;			/* fixed, or that of its trap; 0: the core takes one of its own range */

	/* Not looked at by the core; handed to the kernel. */
	enum espnic_ike_offload offload;
	char device[16];		/* of the offload; "": by route */
	uint32_t replay_window;
	uint32_t priority;		/* 0: by the selectors */
	struct espnic_ike_mark mark_in, mark_out, set_mark_in, set_mark_out;
	uint32_t if_id_in, if_id_out;
	bool policies, copy_df, copy_ecn;
	uint8_t copy_dscp;		/* bits: 1 out, 2 in */
};

enum espnic_ike_unique { ESPNIC_IKE_UNIQUE_NO, ESPNIC_IKE_UNIQUE_NEVER, ESPNIC_IKE_UNIQUE_KEEP, ESPNIC_IKE_UNIQUE_REPLACE };
/* Of a peer's extension: never, if the peer begins, if the peer can, always. */
enum espnic_ike_use { ESPNIC_IKE_USE_NO, ESPNIC_IKE_USE_ACCEPT, ESPNIC_IKE_USE_YES, ESPNIC_IKE_USE_FORCE };
/* RFC 6023, IKE SAs that begin without a child: if the peer does, never, if the peer can, always. */
enum espnic_ike_childless { ESPNIC_IKE_CHILDLESS_ALLOW, ESPNIC_IKE_CHILDLESS_NEVER, ESPNIC_IKE_CHILDLESS_PREFER, ESPNIC_IKE_CHILDLESS_FORCE };
enum espnic_ike_send_cert { ESPNIC_IKE_CERT_IF_ASKED, ESPNIC_IKE_CERT_NEVER, ESPNIC_IKE_CERT_ALWAYS };

/*
 * One connection. Made by the user, complete, and then constant; owned by the core from
 * espnic_ike_conn_load() on, until it calls @free, which is when the last SA that was made of it has gone.
 */
struct espnic_ike_conn {
	char name[ESPNIC_IKE_NAME];
	uint8_t n_local, n_remote;	/* 0: any */
	struct espnic_ike_net local[ESPNIC_IKE_ADDRS], remote[ESPNIC_IKE_ADDRS];	/* an initiator takes the first */
	uint16_t local_port, remote_port;	/* 0: 500 */
	uint8_t n_proposals;
	struct espnic_ike_proposal proposals[ESPNIC_IKE_PROPOSALS];
	struct espnic_ike_auth auth_local, auth_remote;
	enum espnic_ike_unique unique;
	enum espnic_ike_use fragmentation;
	enum espnic_ike_send_cert send_cert;
	bool send_certreq;
	bool encap;			/* UDP encapsulation without a NAT too */
	bool mobike;			/* RFC 4555 */
	enum espnic_ike_childless childless;
	/* RFC 8784: the PPK that an initiator names, ANY: none; and whether there is an IKE SA without one, in either role. */
	struct espnic_ike_id ppk_id;
	bool ppk_required;
	/* RFC 7296 2.19: virtual addresses that an initiator asks for, at most one of a family; all zeros: any. */
	uint8_t n_vips, n_pools;
	struct espnic_ike_addr vips[ESPNIC_IKE_VIPS];
	char pools[ESPNIC_IKE_POOLS][ESPNIC_IKE_NAME];	/* that a responder's peers get theirs of, the first that has one */
	uint64_t rekey_ms, reauth_ms, over_ms, rand_ms;	/* of the IKE SA; 0: never. over: hard limit after rekey */
	uint64_t dpd_ms;		/* liveness check after so long without a packet; 0: never */
	uint32_t keyingtries;		/* of an initiator; 0: for ever */
	struct espnic_ike_child_conf *children;	/* an array; freed by @free */
	uint32_t n_children;

	void (*free)(struct espnic_ike_conn *conn);
	uint32_t refs;			/* the core's; 0 at load */
};

struct espnic_ike_settings {
	uint32_t half_open_max;		/* IKE SAs a peer began and did not authenticate: more are not answered */
	uint32_t half_open_addr;	/* the same of one address (IPv6: of one /64): more get a cookie first, four times as many no answer */
	uint32_t cookie_threshold;	/* so many half-open ones, and cookies are asked for (RFC 7296 2.6) */
	uint32_t sa_max;		/* IKE SAs in all */
	uint32_t half_open_ms;		/* how long a half-open SA may live */
	uint32_t retransmit_ms;		/* first wait for a response; each next is */
	uint32_t retransmit_factor;	/* this many hundredths of the one before */
	uint32_t retransmit_tries;	/* after which the peer is dead */
	uint32_t fragment_size;		/* bytes of an IP packet with a fragment (RFC 7383) */
	uint32_t keepalive_ms;		/* RFC 3948 2.3; 0: none are sent */
	uint32_t reqid_base;		/* the core's own reqids begin here, */
	uint32_t reqids;		/* and are so many: then they begin anew */
	uint32_t log_per_second;	/* events that any peer can cause, and that are told */
	/* For tests on a virtual clock; NULL: libcrypto's. Fills @out with @len bytes. */
	void (*random)(void *ctx, uint8_t *out, size_t len);
	void *ctx;
	/* Seconds since 1970, for the validity of certificates; NULL: time(). */
	int64_t (*wall)(void *ctx);
	/*
	 * For tests that decrypt a recording: told the keys of each IKE SA. NULL in whatever users run;
	 * the daemon has no option that sets it.
	 */
	void (*keylog)(void *ctx, const char *line);
};

/* The values a daemon runs with when its configuration says nothing. */
void espnic_ike_settings_init(struct espnic_ike_settings *s);

struct espnic_ike;

/* NULL and a text: without memory, without an algorithm it needs, or when key memory can't be locked. */
struct espnic_ike *espnic_ike_new(const struct espnic_ike_settings *s, char err[ESPNIC_IKE_TEXT]);
/* Forgets all SAs without telling any peer; wipes all keys. NULL is fine. */
void espnic_ike_free(struct espnic_ike *ike);

/*
 * Loads @conn, in the place of the one of its name if there is one (whose SAs stay as they are). On success
 * the core owns it. -EINVAL and the exact text for what the core can't do: the caller still owns it.
 */
int espnic_ike_conn_load(struct espnic_ike *ike, struct espnic_ike_conn *conn, char err[ESPNIC_IKE_TEXT]);
/* -ENOENT: there is none of that name. Its SAs stay. */
int espnic_ike_conn_unload(struct espnic_ike *ike, const char *name);
/* The connections in the order they were loaded; @prev NULL: the first. NULL: no more. */
const struct espnic_ike_conn *espnic_ike_conn_next(const struct espnic_ike *ike, const struct espnic_ike_conn *prev);

/* Virtual addresses to be given out, from the first to the last, and what their owners are told besides. */
struct espnic_ike_pool_conf {
	char name[ESPNIC_IKE_NAME];
	struct espnic_ike_addr from, to;
	uint8_t n_dns;
	struct espnic_ike_addr dns[ESPNIC_IKE_DNS];
};
struct espnic_ike_pool_info {
	uint32_t size, online, offline;	/* offline: kept for whoever had it */
};
/*
 * Takes a copy of @conf, in the place of the pool of its name. -EINVAL and the exact text: no range of unicast addresses,
 * or another one while some of the old are in use.
 */
int espnic_ike_pool_load(struct espnic_ike *ike, const struct espnic_ike_pool_conf *conf, char err[ESPNIC_IKE_TEXT]);
/* -ENOENT: there is none of that name; -EBUSY: some of its addresses are in use. */
int espnic_ike_pool_unload(struct espnic_ike *ike, const char *name);
/* Is @addr one of those that @conf gives out? */
bool espnic_ike_pool_has(const struct espnic_ike_pool_conf *conf, const struct espnic_ike_addr *addr);
/* False: there is none of that name. */
bool espnic_ike_pool_info(const struct espnic_ike *ike, const char *name, struct espnic_ike_pool_info *info);

enum espnic_ike_cert_kind { ESPNIC_IKE_CERT_CA, ESPNIC_IKE_CERT_LEAF, ESPNIC_IKE_CERT_CRL, ESPNIC_IKE_CERT_PUBKEY };
/*
 * Takes a copy of @der: a CA, our own or a pinned peer's certificate, a CRL, or a bare
 * SubjectPublicKeyInfo. @keyid, unless NULL, is given the SHA-256 of its SubjectPublicKeyInfo (a CRL has none). -EINVAL and
 * the exact text: malformed, a key that is not RSA of 2048 to 8192 bits, P-256, P-384, P-521 or Ed25519, a CA that is none.
 */
int espnic_ike_cert_load(struct espnic_ike *ike, enum espnic_ike_cert_kind kind, const uint8_t *der, size_t len,
			 uint8_t keyid[ESPNIC_IKE_KEYID], char err[ESPNIC_IKE_TEXT]);
/* Forgets all of them. SAs that are up stay up. */
void espnic_ike_certs_clear(struct espnic_ike *ike);

/* ------------------------------------------------------------------ in */

enum espnic_ike_input_kind {
	ESPNIC_IKE_IN_DATAGRAM,
	ESPNIC_IKE_IN_TIMER,		/* the time has come; any other input does the same besides */
	ESPNIC_IKE_IN_INITIATE,
	ESPNIC_IKE_IN_TERMINATE,
	ESPNIC_IKE_IN_ACQUIRE,
	ESPNIC_IKE_IN_EXPIRE,
	ESPNIC_IKE_IN_MAPPING,
	ESPNIC_IKE_IN_ADDRESS,
	ESPNIC_IKE_IN_KERNEL,
	ESPNIC_IKE_IN_KEY,
	ESPNIC_IKE_IN_PROVISION,
	ESPNIC_IKE_IN_PPKS,
	ESPNIC_IKE_IN_REKEY,
};

enum espnic_ike_kernel_status {
	ESPNIC_IKE_KERNEL_OK = 0,	/* all of it stands */
	ESPNIC_IKE_KERNEL_FAILED,	/* nothing of it stands */
	ESPNIC_IKE_KERNEL_EXISTS,	/* nothing of it stands, for another SA has that SPI */
};

struct espnic_ike_input {
	enum espnic_ike_input_kind kind;
	union {
		struct {
			struct espnic_ike_endpoint local, remote;
			bool natt;	/* came to a port with UDP encapsulation: the marker is off */
			const uint8_t *data;	/* from the IKE header on */
			size_t len;
		} datagram;
		struct {
			const char *conn, *child;	/* child NULL: all of them with start = START */
			/* Our address towards the peer, by route; family 0: the connection's, which then is one address. */
			struct espnic_ike_addr local;
		} initiate;
		struct {
			uint32_t ike_id, child_id;	/* 0: not by this */
			const char *conn, *child;	/* NULL: not by this */
			bool force;		/* without waiting for the peer */
		} terminate;
		struct {		/* a packet met a trap policy */
			uint32_t reqid;		/* of the child's trap */
			uint32_t seq;		/* the kernel's, echoed in the install */
			struct espnic_ike_addr local;	/* as in initiate */
		} acquire;
		struct {		/* one SA of a child, either one */
			uint32_t spi;		/* as on the wire, in host order */
			struct espnic_ike_addr dst;
			bool hard;		/* it is gone from the kernel already */
		} expire;
		struct {		/* NAT-T: the kernel saw packets of an SA come from elsewhere */
			uint32_t spi;
			struct espnic_ike_endpoint remote;
		} mapping;
		struct {		/* the host's addresses changed: @local is gone, or @fresh has come */
			struct espnic_ike_addr gone, fresh;
		} address;
		struct {		/* answers one ESPNIC_IKE_ACT_KERNEL */
			uint64_t token;
			enum espnic_ike_kernel_status status;
			enum espnic_ike_offload offload;	/* what was given: NO, CRYPTO or PACKET */
			uint64_t idle_ms;	/* QUERY: how long no packet came in */
			const char *text;	/* why not, or why less than was asked for; NULL: nothing to say */
		} kernel;
		struct {		/* answers one ESPNIC_IKE_ACT_KEY */
			uint64_t token;
			bool ok;	/* false: there is no such key, or it can't */
			const uint8_t *data;	/* MAC, signature or keys */
			size_t len;
			const char *text;	/* why not */
		} key;
		struct {		/* an IKE SA is to be rekeyed now; none of that number: nothing happens */
			uint32_t ike_id;
		} rekey;
		struct {		/* the device of a child forgot it (down, reset), policies and all: it is made anew */
			uint32_t spi;	/* its inbound one */
		} provision;
		struct {		/* whoever has the keys has a PPK, or has none any more */
			bool any;
		} ppks;
	};
};

/* ------------------------------------------------------------------ out */

enum espnic_ike_action_kind {
	ESPNIC_IKE_ACT_SEND, ESPNIC_IKE_ACT_KEEPALIVE, ESPNIC_IKE_ACT_KERNEL, ESPNIC_IKE_ACT_KEY, ESPNIC_IKE_ACT_EVENT,
	ESPNIC_IKE_ACT_ADDRESS,
};

/*
 * Each but DELETE is answered by one ESPNIC_IKE_IN_KERNEL of the same token; the core waits for it. DELETE can only succeed:
 * what is gone already is fine.
 */
enum espnic_ike_kernel_kind {
	ESPNIC_IKE_KERNEL_INSTALL,	/* inbound SA, policies, outbound SA: all or nothing */
	ESPNIC_IKE_KERNEL_INSTALL_IN,	/* inbound SA alone: a rekey's responder still sends by the old one */
	ESPNIC_IKE_KERNEL_INSTALL_OUT,	/* the outbound SA of INSTALL_IN; the policies pass over to this child */
	ESPNIC_IKE_KERNEL_DELETE,	/* both SAs, and the policies if @policies */
	/*
	 * Addresses, ports, encapsulation are new; @was has the old ones. Its token is another one than the install's, which it may
	 * follow before that is answered. FAILED: the child is made anew.
	 */
	ESPNIC_IKE_KERNEL_MIGRATE,
	ESPNIC_IKE_KERNEL_QUERY,	/* when was it last used */
};

struct espnic_ike_kernel_op {
	enum espnic_ike_kernel_kind kind;
	uint64_t token;
	uint32_t ike_id, child_id;
	const char *conn;
	const struct espnic_ike_child_conf *conf;	/* selectors, lifetimes, marks, offload; constant */
	uint32_t reqid;
	uint32_t seq;			/* of the acquire, 0: none */
	uint32_t spi_in, spi_out;	/* host order; spi_out 0 in DELETE: there is none yet */
	enum espnic_ike_mode mode;
	bool esn;
	bool encap;			/* ESP in UDP, with the ports of @local and @remote */
	bool policies;			/* DELETE: no other child took them over. Else: they are not there yet */
	bool initiator;			/* of this child's exchange */
	struct espnic_ike_endpoint local, remote;
	struct espnic_ike_endpoint was_local, was_remote;
	const struct espnic_ike_alg *encr, *integ;	/* integ NULL: AEAD */
	/* Of the core's locked memory, NULL but in INSTALL*: valid until the next step; to be wiped where it is copied. */
	const uint8_t *encr_in, *encr_out;		/* encr->key_bits / 8 + encr->salt bytes */
	const uint8_t *integ_in, *integ_out;		/* integ->out bytes */
	const struct espnic_ike_ts *ts_local, *ts_remote;
	unsigned int n_local, n_remote;
	uint64_t soft_bytes, soft_packets;		/* rekey less a random part; 0: none */
};

enum espnic_ike_key_kind {
	ESPNIC_IKE_KEY_PSK,		/* prf(prf(psk, "Key Pad for IKEv2"), octets): espnic_ike_psk_mac() */
	ESPNIC_IKE_KEY_SIGN,		/* espnic_ike_sign() */
	ESPNIC_IKE_KEY_PPK,		/* espnic_ike_ppk_mix() */
};

/* RFC 8784 3: the keys of an IKE SA that a PPK goes into, in this order. */
enum espnic_ike_ppk_keys { ESPNIC_IKE_PPK_D, ESPNIC_IKE_PPK_PI, ESPNIC_IKE_PPK_PR, ESPNIC_IKE_PPK_KEYS };

enum espnic_ike_scheme {		/* with which hash, how encoded: core/auth.c */
	ESPNIC_IKE_SCHEME_NONE = 0,
	ESPNIC_IKE_ECDSA_256 = 1, ESPNIC_IKE_ECDSA_384, ESPNIC_IKE_ECDSA_512, ESPNIC_IKE_ED25519,
	ESPNIC_IKE_PSS_256, ESPNIC_IKE_PSS_384, ESPNIC_IKE_PSS_512,
	ESPNIC_IKE_SCHEMES,
};

struct espnic_ike_key_op {
	enum espnic_ike_key_kind kind;
	uint64_t token;
	/* PSK: whose secret it is; both may be asked for by either direction of AUTH. */
	const struct espnic_ike_id *local, *remote;
	const struct espnic_ike_alg *prf;
	/* SIGN */
	const uint8_t *keyid;		/* ESPNIC_IKE_KEYID bytes */
	enum espnic_ike_scheme scheme;
	const uint8_t *octets;		/* RFC 7296 2.15: what is authenticated */
	size_t len;
	/* PPK: its identity, and prf->out bytes each of the core's locked memory, to be wiped where they are copied. */
	const struct espnic_ike_id *ppk_id;
	const uint8_t *sk[ESPNIC_IKE_PPK_KEYS];
};

/*
 * A virtual address of ours comes, before the children that have it in their selectors, or goes, behind them. Not answered: without it
 * their install is to fail. Two SAs may have the same one for a while: it is there until it went as often as it came.
 */
struct espnic_ike_address_op {
	bool add;
	const char *conn;
	struct espnic_ike_addr addr, local, remote;	/* local, remote: of the IKE SA, the way to its peer */
};

enum espnic_ike_event_kind {
	ESPNIC_IKE_EV_IKE_UP, ESPNIC_IKE_EV_IKE_DOWN, ESPNIC_IKE_EV_IKE_REKEYED,
	ESPNIC_IKE_EV_CHILD_UP, ESPNIC_IKE_EV_CHILD_DOWN, ESPNIC_IKE_EV_CHILD_REKEYED,
	ESPNIC_IKE_EV_IKE_FAILED,	/* did not come up; @text says why */
	ESPNIC_IKE_EV_CHILD_FAILED,
	ESPNIC_IKE_EV_PEER,		/* a peer's doing that was refused or ignored; limited in number */
	ESPNIC_IKE_EV_NOTE,		/* anything else worth a line */
};

struct espnic_ike_event {
	enum espnic_ike_event_kind kind;
	uint32_t ike_id, child_id;	/* 0: none */
	uint32_t old_id;		/* REKEYED: the one replaced */
	const char *conn, *child;	/* NULL: none */
	struct espnic_ike_endpoint remote;
	const char *text;		/* a word of stable spelling, then what there is to say; NULL: nothing */
};

struct espnic_ike_action {
	enum espnic_ike_action_kind kind;
	union {
		struct {
			struct espnic_ike_endpoint local, remote;
			bool natt;	/* goes out of the port with UDP encapsulation: behind the marker */
			const uint8_t *data;
			size_t len;
		} send;			/* KEEPALIVE: without data; one octet of ones, no marker */
		struct espnic_ike_kernel_op kernel;
		struct espnic_ike_key_op key;
		struct espnic_ike_event event;
		struct espnic_ike_address_op address;
	};
};

/*
 * The actions of one step, to be done in their order. What they point to is the core's, and constant until the next step or
 * until a connection is loaded or unloaded.
 */
struct espnic_ike_actions {
	const struct espnic_ike_action *v;
	unsigned int n;
	uint64_t next_ms;		/* an ESPNIC_IKE_IN_TIMER is due then; UINT64_MAX: never */
};

/*
 * One input at @now_ms, which never goes backwards. Never fails: what goes wrong is an event.
 * Without memory for what was to be done, the SA concerned ends, and a counter tells.
 */
void espnic_ike_step(struct espnic_ike *ike, const struct espnic_ike_input *in, uint64_t now_ms, struct espnic_ike_actions *out);

/* ------------------------------------------------------------------ looking in */

enum espnic_ike_state {
	ESPNIC_IKE_CONNECTING, ESPNIC_IKE_ESTABLISHED, ESPNIC_IKE_REKEYED, ESPNIC_IKE_DELETING,
};

enum espnic_ike_child_state {
	ESPNIC_IKE_CHILD_CREATED, ESPNIC_IKE_CHILD_INSTALLING, ESPNIC_IKE_CHILD_INSTALLED,
	ESPNIC_IKE_CHILD_REKEYING, ESPNIC_IKE_CHILD_REKEYED, ESPNIC_IKE_CHILD_DELETING,
};

struct espnic_ike_child_info {
	uint32_t id, reqid, spi_in, spi_out;
	const char *name;
	enum espnic_ike_child_state state;
	enum espnic_ike_mode mode;
	enum espnic_ike_offload offload;	/* what it has, not what was asked for */
	const char *offload_text;		/* why it has less; NULL: it has what was asked for */
	bool encap, esn;
	const struct espnic_ike_alg *encr, *integ, *ke;	/* NULL: none */
	const struct espnic_ike_ts *ts_local, *ts_remote;
	unsigned int n_local, n_remote;
	uint64_t since_ms, rekey_ms, life_ms;	/* times, not spans; 0: never */
};

struct espnic_ike_sa_info {
	uint32_t id;
	const char *conn;
	enum espnic_ike_state state;
	bool initiator;			/* of the IKE SA, as it is now */
	uint64_t spi_i, spi_r;
	struct espnic_ike_endpoint local, remote;
	const struct espnic_ike_id *local_id, *remote_id;	/* NULL: not known yet */
	bool nat_local, nat_remote;
	bool ppk;			/* a PPK is in its keys */
	bool vips_own;			/* the virtual addresses are our own */
	const struct espnic_ike_addr *vips;
	unsigned int n_vips;
	const struct espnic_ike_alg *encr, *integ, *prf, *ke;
	uint64_t since_ms, rekey_ms;
	const struct espnic_ike_child_info *children;
	unsigned int n_children;
};

/* Calls @each with every IKE SA, oldest first, until it returns false. @each must not call the core. */
void espnic_ike_list(const struct espnic_ike *ike, bool (*each)(void *ctx, const struct espnic_ike_sa_info *sa), void *ctx);

/* Counts since espnic_ike_new(); docs name them as here. */
#define ESPNIC_IKE_COUNTERS(X)                                                                   \
	X(rx_datagrams) X(tx_datagrams) X(tx_retransmits) X(rx_retransmits)                      \
	X(rx_malformed)		/* not a message of RFC 7296 */                                  \
	X(rx_version)		/* another major version; IKEv1 gets no answer */                \
	X(rx_no_sa)		/* no IKE SA of that SPI */                                      \
	X(rx_not_admitted)	/* no such exchange in that state, or a message id out of turn */ \
	X(rx_integrity)		/* SK payload whose ICV is wrong */                              \
	X(rx_critical)		/* unknown payload with the critical bit */                      \
	X(rx_busy)		/* the request before is still being answered */                 \
	X(rx_no_conn)		/* no connection for these addresses */                          \
	X(rx_half_open)		/* dropped: too many half-open SAs */                            \
	X(rx_cookie_asked) X(rx_cookie_bad)                                                      \
	X(rx_fragments) X(rx_fragment_bad)                                                       \
	X(ke_invalid) X(no_proposal) X(auth_failed) X(ts_unacceptable)                           \
	X(collisions)		/* rekeys of both sides at once */                               \
	X(peers_dead) X(ike_up) X(ike_down) X(child_up) X(child_down) X(no_memory) X(events_held_back)

struct espnic_ike_counters {
#define ESPNIC_IKE_COUNTER(name) uint64_t name;
	ESPNIC_IKE_COUNTERS(ESPNIC_IKE_COUNTER)
#undef ESPNIC_IKE_COUNTER
	uint32_t sas, half_open, children;	/* as it is now */
};

const struct espnic_ike_counters *espnic_ike_counters(const struct espnic_ike *ike);

/* ------------------------------------------------------------------ for whoever holds the long-term keys */

/*
 * RFC 7296 2.15: prf(prf(psk, "Key Pad for IKEv2"), octets) to @mac; returns its length, or -EINVAL (an empty secret,
 * not a PRF), -ENOMEM. Any thread.
 */
int espnic_ike_psk_mac(const struct espnic_ike_alg *prf, const uint8_t *psk, size_t psk_len, const uint8_t *octets, size_t len,
		       uint8_t mac[ESPNIC_IKE_MAC]);
/* Signs @octets; @key is a private EVP_PKEY. Returns the length, or -EINVAL (a key of another kind), -ENOMEM. Any thread. */
int espnic_ike_sign(void *key, enum espnic_ike_scheme scheme, const uint8_t *octets, size_t len,
		    uint8_t sig[ESPNIC_IKE_SIGNATURE]);
/*
 * RFC 8784 3: prf+(PPK, key) of each of the keys at @sk, one behind the other to @out; returns its length, or -EINVAL (an empty PPK,
 * not a PRF), -ENOMEM. Any thread.
 */
int espnic_ike_ppk_mix(const struct espnic_ike_alg *prf, const uint8_t *ppk, size_t len, const uint8_t *const sk[ESPNIC_IKE_PPK_KEYS],
		       uint8_t out[ESPNIC_IKE_PPK_KEYS * ESPNIC_IKE_MAC]);
/* Is it the same PPK_ID (RFC 8784 5.1)? The wire has the bytes of an identity, and not its type. */
bool espnic_ike_ppk_id_is(const struct espnic_ike_id *a, const struct espnic_ike_id *b);
/* SHA-256 of the SubjectPublicKeyInfo of @key, an EVP_PKEY, private or public. 0, or -ENOMEM. Any thread. */
int espnic_ike_keyid(void *key, uint8_t keyid[ESPNIC_IKE_KEYID]);
/* May a key of this kind and size sign? NULL: it may; else why not, constant. @key as above. */
const char *espnic_ike_key_refused(void *key);

#endif
