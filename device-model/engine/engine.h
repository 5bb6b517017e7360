/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The contract of the ESP and AH engine: what a body (ref, fast, rtl) offers and what
 * its users (NIC datapath, firmware, espnic-engine) may rely on.
 *
 * The engine knows no bus, no ring and no policy database. It is given packets
 * together with the SA that handles them, works in place in the caller's
 * buffer, allocates nothing per packet, and leaves exactly one verdict each.
 *
 * Byte order: everything in host order unless a field says "network order";
 * addresses and keys are byte strings as on the wire.
 */
#ifndef ESPNIC_ENGINE_H
#define ESPNIC_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum espnic_engine_limits {
	ESPNIC_KEY_MAX = 64,		/* bytes: the longest key of a suite (HMAC-SHA2-512) */
	ESPNIC_SALT_MAX = 4,		/* bytes: RFC 4106 section 4 */
	ESPNIC_ICV_MAX = 32,		/* bytes: HMAC-SHA2-512-256 */
	ESPNIC_WINDOW_MAX = 4096,	/* packets: XFRMA_REPLAY_ESN_MAX of Linux */
	ESPNIC_HEADROOM = 88,		/* bytes protect may take in front: IPv6 and AH of HMAC-SHA2-512 */
	/* Bytes protect may take behind, TFC padding apart: pad to a block, trailer, ICV. */
	ESPNIC_TAILROOM = 64,
	ESPNIC_PACKET_MAX = 65535 + 40,	/* bytes: IPv6 without jumbograms */
};

/* One word for each fate of a packet or request: CONTRACTS.md. */
enum espnic_verdict {
	ESPNIC_OK = 0,
	ESPNIC_UNSUPPORTED,		/* lawful, but this body lacks it; never for a packet */
	ESPNIC_BAD_SA,			/* parameters contradict each other or a standard */
	ESPNIC_MALFORMED,		/* not a packet of the form it must have */
	ESPNIC_NO_SA,			/* a packet of another SPI or protocol */
	ESPNIC_INTEGRITY,		/* ICV wrong */
	ESPNIC_REPLAY,			/* sequence number in the window and seen */
	ESPNIC_TOO_OLD,			/* sequence number left of the window */
	ESPNIC_SEQ_EXHAUSTED,		/* no sequence number is left */
	ESPNIC_LIFETIME,		/* hard lifetime reached */
	ESPNIC_SELECTOR,		/* packet outside the SA's selector */
	ESPNIC_MTU,			/* protected packet larger than allowed, or than the buffer */
	ESPNIC_PADDING,			/* pad bytes other than 1, 2, 3, ... */
	ESPNIC_ECN,			/* RFC 6040: outer CE over inner Not-ECT */
	ESPNIC_LEASE,			/* outbound: the next number is over the SA's lease; never in the CLI */
	ESPNIC_BAD_REQUEST,		/* a request that makes no sense; CLI only */
	ESPNIC_VERDICTS			/* how many there are */
};

/* The word of CONTRACTS.md for @v ("ok" for ESPNIC_OK); never NULL. */
const char *espnic_verdict_name(enum espnic_verdict v);

enum espnic_sa_dir { ESPNIC_DIR_OUT, ESPNIC_DIR_IN };
enum espnic_sa_mode { ESPNIC_MODE_TRANSPORT, ESPNIC_MODE_TUNNEL };
enum espnic_sa_proto { ESPNIC_PROTO_ESP, ESPNIC_PROTO_AH };

enum espnic_sa_offload {
	ESPNIC_OFFLOAD_PACKET,	/* the engine does the whole protocol */
	ESPNIC_OFFLOAD_CRYPTO,	/* the host does; the engine encrypts, decrypts, authenticates */
};

/* Names of CONTRACTS.md. A body that lacks one answers ESPNIC_UNSUPPORTED. */
enum espnic_enc {
	ESPNIC_ENC_NULL,
	ESPNIC_ENC_AES_GCM,
	ESPNIC_ENC_AES_GMAC,
	ESPNIC_ENC_AES_CCM,
	ESPNIC_ENC_CHACHA20_POLY1305,
	ESPNIC_ENC_AES_CBC,
	ESPNIC_ENC_AES_CTR,
	ESPNIC_ENC_3DES_CBC,
	ESPNIC_ENCS
};

enum espnic_auth {
	ESPNIC_AUTH_NONE,
	ESPNIC_AUTH_HMAC_MD5_96,
	ESPNIC_AUTH_HMAC_SHA1_96,
	ESPNIC_AUTH_HMAC_SHA256_128,
	ESPNIC_AUTH_HMAC_SHA384_192,
	ESPNIC_AUTH_HMAC_SHA512_256,
	ESPNIC_AUTH_AES_XCBC_96,
	ESPNIC_AUTH_AES_CMAC_96,
	ESPNIC_AUTH_AES_GMAC,
	ESPNIC_AUTHS
};

enum espnic_df { ESPNIC_DF_COPY, ESPNIC_DF_SET, ESPNIC_DF_CLEAR };

enum espnic_ip_family { ESPNIC_IP_ANY = 0, ESPNIC_IPV4 = 4, ESPNIC_IPV6 = 6 };

enum {
	ESPNIC_DSCP_COPY = 0xff,	/* tunnel.dscp: take the inner packet's */
	ESPNIC_PROTO_ANY = 0,		/* selector.proto: any */
	ESPNIC_PROTO_OPAQUE = 255,	/* selector.proto: only where the protocol is not to be seen */
	ESPNIC_PORT_MAX = 65535,
};

/*
 * Which packets something is for (RFC 4301 section 4.4.1.1). IPv4 addresses
 * stand in the first four bytes, the rest is zero. A port range of 0..65535
 * also matches packets that have no ports (or whose ports cannot be seen: a
 * non-first fragment), one of 65535..0 (OPAQUE) nothing else; any other range does not.
 */
struct espnic_selector {
	uint8_t family;			/* enum espnic_ip_family; ANY: prefixes are not looked at */
	uint8_t proto;			/* IP protocol number, ESPNIC_PROTO_ANY: all */
	uint8_t src_prefix;		/* bits, 0..32 or 0..128 */
	uint8_t dst_prefix;
	uint8_t src[16];
	uint8_t dst[16];
	uint16_t sport_min, sport_max;
	uint16_t dport_min, dport_max;
};

enum espnic_flow_flags {
	ESPNIC_FLOW_PORTS = 1 << 0,	/* sport, dport were read from the packet */
	ESPNIC_FLOW_FRAGMENT = 1 << 1,	/* offset != 0 or more fragments follow */
	ESPNIC_FLOW_NONFIRST = 1 << 2,	/* offset != 0: ports are elsewhere */
};

/* What selectors look at, read out of one clear IP packet by espnic_flow_parse() (ip.h). */
struct espnic_flow {
	uint8_t family;			/* ESPNIC_IPV4 or ESPNIC_IPV6 */
	uint8_t proto;			/* upper-layer protocol, behind IPv6 extension headers */
	uint8_t flags;			/* enum espnic_flow_flags */
	uint8_t src[16];
	uint8_t dst[16];
	uint16_t sport, dport;		/* of TCP, UDP, UDP-Lite, SCTP, DCCP; ICMP: type, code */
	uint32_t frag_id;		/* IPv4 identification or IPv6 fragment id */
	uint32_t ip_len;		/* bytes of the packet by its own header */
	uint32_t upper_off;		/* of the upper-layer header, from the IP header */
};

/*
 * Everything an SA is made of. Caller owns it and wipes it (it holds the key);
 * the engine copies what it needs.
 */
struct espnic_sa_params {
	uint32_t spi;
	enum espnic_sa_dir dir;
	enum espnic_sa_offload offload;
	enum espnic_sa_proto proto;
	enum espnic_sa_mode mode;

	enum espnic_enc enc;
	enum espnic_auth auth;
	uint8_t enc_key[ESPNIC_KEY_MAX];
	uint8_t enc_key_len;		/* bytes, salt apart */
	uint8_t auth_key[ESPNIC_KEY_MAX];
	uint8_t auth_key_len;
	uint8_t salt[ESPNIC_SALT_MAX];
	uint8_t salt_len;
	uint8_t icv_len;		/* bytes; 0: the transform's own default */

	bool esn;			/* RFC 4303 section 2.2.1 */
	uint64_t seq;			/* highest sequence number sent or seen so far */
	uint32_t replay_window;		/* packets, 0..ESPNIC_WINDOW_MAX; 0 = no check; inbound */

	struct {			/* tunnel mode only */
		uint8_t family;		/* ESPNIC_IPV4 or ESPNIC_IPV6, of the outer header */
		uint8_t src[16];	/* as on the wire, in both directions */
		uint8_t dst[16];
		uint8_t ttl;		/* also the hop limit */
		uint8_t dscp;		/* 0..63 or ESPNIC_DSCP_COPY */
		bool ecn;		/* RFC 6040 normal mode */
		enum espnic_df df;
	} tunnel;

	bool udp_encap;			/* RFC 3948 */
	uint16_t udp_sport;		/* as on the wire */
	uint16_t udp_dport;

	bool has_sel;			/* packet offload: what is outside gets ESPNIC_SELECTOR */
	struct espnic_selector sel;

	uint32_t mtu;			/* bytes of the largest protected IP packet, 0 = no limit */
	uint32_t tfc_len;		/* bytes an inner packet is padded to, 0 = none; tunnel */

	/* Limits, 0 = none; a hard limit of N lets N pass. Bytes are of the clear IP packet. */
	uint64_t soft_packets, hard_packets;
	uint64_t soft_bytes, hard_bytes;

	/*
	 * Outbound: no number over lease_end is sent (ESPNIC_LEASE), 0 = no such limit; the number lease_mark
	 * raises ESPNIC_SA_LEASE_LOW. Both are moved by sa_update.
	 */
	uint64_t lease_mark, lease_end;

	void *owner;			/* the caller's own; returned by espnic_sa_info() */
};

/* The defaults of CONTRACTS.md: outbound, ESP, transport, packet offload, TTL 64, DSCP copy, ECN. */
void espnic_sa_params_init(struct espnic_sa_params *p);

/* What happened to an SA and its owner must be told; bits, collected by sa_query. */
enum espnic_sa_event {
	ESPNIC_SA_SOFT_PACKETS = 1 << 0,
	ESPNIC_SA_SOFT_BYTES = 1 << 1,
	ESPNIC_SA_HARD_PACKETS = 1 << 2,
	ESPNIC_SA_HARD_BYTES = 1 << 3,
	ESPNIC_SA_SEQ_EXHAUSTED = 1 << 4,
	ESPNIC_SA_LEASE_LOW = 1 << 5,	/* a number of lease_mark or more was sent; once a lease */
};

/*
 * The part of an SA that never changes between sa_add and sa_del; read it
 * from any thread without a lock. It is the head of every body's struct espnic_sa.
 */
struct espnic_sa_info {
	uint32_t spi;
	uint8_t dir;			/* enum espnic_sa_dir */
	uint8_t offload;		/* enum espnic_sa_offload */
	uint8_t proto;			/* enum espnic_sa_proto */
	uint8_t mode;			/* enum espnic_sa_mode */
	uint8_t outer_family;		/* of the tunnel header; transport: ESPNIC_IP_ANY */
	uint8_t icv_len;
	uint8_t iv_len;			/* bytes of the explicit IV */
	bool esn;
	bool udp_encap;
	void *owner;
};

struct espnic_sa;			/* a body's own; begins with struct espnic_sa_info */

static inline const struct espnic_sa_info *espnic_sa_info(const struct espnic_sa *sa)
{
	return (const struct espnic_sa_info *)sa;
}

struct espnic_sa_state {
	uint64_t seq;			/* highest number sent, or verified and so seen */
	uint64_t packets;		/* that passed */
	uint64_t bytes;			/* of the clear IP packets that passed */
	uint64_t verdicts[ESPNIC_VERDICTS]; /* packets by verdict; [ESPNIC_OK] equals packets */
	uint32_t events;		/* enum espnic_sa_event since the last sa_query */
};

enum espnic_sa_update_what {
	ESPNIC_UPDATE_SEQ = 1 << 0,	/* raise the sequence number; never lowers it */
	ESPNIC_UPDATE_LIFE = 1 << 1,	/* replace the four limits; counts stay */
	ESPNIC_UPDATE_LEASE = 1 << 2,	/* replace lease_mark and lease_end */
};

struct espnic_sa_update {
	uint32_t what;			/* enum espnic_sa_update_what */
	uint64_t seq;
	uint64_t soft_packets, hard_packets, soft_bytes, hard_bytes;
	uint64_t lease_mark, lease_end;
};

/* The replay window of an inbound SA: bit n % 64 of bitmap[n / 64]: number top - n was seen. */
struct espnic_sa_window {
	uint64_t top;
	uint32_t size;			/* packets; bits from here on are zero */
	uint64_t bitmap[ESPNIC_WINDOW_MAX / 64];
};

enum espnic_pkt_flags {
	/* In */
	ESPNIC_PKT_SEQ = 1 << 0,	/* protect: use seq instead of the SA's next number */
	/* Out */
	ESPNIC_PKT_EVENT = 1 << 8,	/* this packet raised an event of its SA: sa_query has it */
	ESPNIC_PKT_DUMMY = 1 << 9,	/* unprotect: OK, but a dummy (next header 59), len is 0 */
};

/*
 * A packet to be worked on in place. headroom and tailroom say how many bytes
 * in front of data and behind data + len are the engine's to write.
 *
 * protect, unprotect: data moves within the buffer; data, len, headroom and
 * tailroom are those of the result. AH with ESN wants 4 bytes behind the packet,
 * in both directions. With any verdict but ESPNIC_OK, nothing of
 * the buffer may be given to anyone: it may have been overwritten.
 *
 * crypt_out, crypt_in: data and len stay.
 */
struct espnic_pkt {
	uint8_t *data;			/* first byte of the IP header */
	uint32_t len;			/* bytes from there; more than the IP length is ignored */
	uint32_t headroom;
	uint32_t tailroom;
	struct espnic_sa *sa;
	const uint8_t *iv;		/* protect: explicit IV, iv_len bytes; NULL: the engine's */
	uint64_t seq;			/* in: with ESPNIC_PKT_SEQ; out: 64 bits used or seen */
	uint32_t seq_hi;		/* crypt_out, ESN: high half, by the host */
	uint32_t esp_off;		/* of the ESP header from data; crypt_out in, crypt_in out */
	uint32_t flags;			/* enum espnic_pkt_flags */
	enum espnic_verdict verdict;	/* out */
};

struct espnic_engine_thread;		/* what a thread needs for itself: scratch */

/*
 * A body. All packet functions may run in several threads at once, on the same
 * SAs too, each with a context of its own. sa_del requires that no other
 * thread uses that SA any more (the caller's grace period).
 */
struct espnic_engine_ops {
	const char *name;		/* ref, fast, rtl */

	/* A context for the calling thread; NULL without memory. Free it with thread_free. */
	struct espnic_engine_thread *(*thread_new)(void);
	void (*thread_free)(struct espnic_engine_thread *t);

	/*
	 * Makes an SA. ESPNIC_OK, _UNSUPPORTED or _BAD_SA; *why (may be NULL) then points
	 * to a constant text that says what was wrong. Allocates. NULL *sa otherwise.
	 */
	enum espnic_verdict (*sa_add)(const struct espnic_sa_params *p, struct espnic_sa **sa,
				      const char **why);
	/* ESPNIC_OK, or ESPNIC_BAD_SA and nothing was changed. */
	enum espnic_verdict (*sa_update)(struct espnic_sa *sa, const struct espnic_sa_update *u);
	/* Wipes and frees; NULL is fine. */
	void (*sa_del)(struct espnic_sa *sa);
	/* A consistent snapshot; takes (clears) the events. */
	void (*sa_query)(struct espnic_sa *sa, struct espnic_sa_state *st);
	/* A consistent picture of an inbound SA's replay window. */
	void (*sa_window)(struct espnic_sa *sa, struct espnic_sa_window *w);
	/*
	 * @heir goes on where @old stops: both of one direction and key, no packet under way in either. Outbound
	 * the higher of both sequence numbers; inbound the higher top, and seen is what either saw, or what
	 * lies left of the other's window.
	 */
	void (*sa_inherit)(struct espnic_sa *heir, struct espnic_sa *old);

	/*
	 * Packet offload: clear IP packet to ESP or AH. SAs with dir OUT and offload PACKET. Bursts of
	 * any length; a burst means what its packets mean one by one, in their order. So do all below.
	 */
	void (*protect)(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n);
	/* Packet offload: ESP or AH to clear IP packet. SAs with dir IN and offload PACKET. */
	void (*unprotect)(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n);

	/*
	 * Crypto offload, to the wire. The host wrote [IP][UDP]ESP header, explicit IV,
	 * plaintext, padding, pad length, next header, and left icv_len bytes to the end of
	 * the packet by its IP length. Encrypts in place and writes the ICV. The sequence number is
	 * seq_hi (ESN) and the header's. Where a salt and the IV make the nonce, the IV is overwritten
	 * with that number; each number passes once, and none that is ESPNIC_WINDOW_MAX or more behind
	 * the highest (a twin that inherits knows those of the first). Other IVs are the host's.
	 * Verdicts: OK, MALFORMED, NO_SA (another SPI), REPLAY, TOO_OLD; only with OK is anything
	 * written.
	 */
	void (*crypt_out)(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n);
	/*
	 * Crypto offload, from the wire. Finds the ESP header (esp_off), authenticates,
	 * decrypts in place; ESP header, IV, trailer and ICV stay where they are. With
	 * any verdict but OK the packet is untouched. The high half of an ESN is
	 * inferred by RFC 4303 A2.2 from the highest verified number of the SA with the
	 * SA's window (0: W = 2^31) and returned in seq. The host judges replays.
	 */
	void (*crypt_in)(struct espnic_engine_thread *t, struct espnic_pkt *pkts, unsigned int n);
};

/*
 * The body called @name ("ref", "fast", "rtl", or "auto": fast where the CPU has it,
 * else ref). NULL when it cannot be had; *why then points to a constant text.
 */
const struct espnic_engine_ops *espnic_engine_get(const char *name, const char **why);

/* Whether espnic_engine_get(@name) would give a body; *why (may be NULL) as there. */
bool espnic_engine_available(const char *name, const char **why);

#endif
