/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The core's inside: IKE SAs, children, the tables they are found by, and the actions of a step.
 *
 * Who holds what: struct espnic_ike owns the SAs, an SA owns its children and its exchanges. Nothing keeps
 * a pointer to an SA or a child beyond the call it is in, but by these ways of owning: what must be found again later is named by its
 * number. What ends in a step is taken out of all tables at once, and freed when the next step begins, for the
 * step's actions point into it.
 */
#ifndef ESPNIC_IKE_SA_H
#define ESPNIC_IKE_SA_H

#include "cert.h"
#include "ts.h"

#define ESPNIC_IKE_NEVER UINT64_MAX

enum espnic_ike_inner_limits {
	ESPNIC_IKE_TAIL = 16,		/* bytes at the end of a request: its ICV or part of it, which tells it from all others */
	ESPNIC_IKE_ADDR_SLOTS = 4096,	/* of the count of half-open SAs by address */
	ESPNIC_IKE_LINK = 8,		/* bytes of the name we give to what IKE_FOLLOWUP_KE goes on with */
	ESPNIC_IKE_COOKIE2 = 16,	/* bytes of ours: RFC 4555 4.2.5 has 8 to 64 */
	ESPNIC_IKE_LINK_MAX = 64,	/* of the peer's */
	ESPNIC_IKE_INIT_TRIES = 4,	/* IKE_SA_INITs of one initiator: cookie, other groups */
};

/* ------------------------------------------------------------------ tables */

/* Chained hash by a 64-bit hash; what is in it has a node. */
struct espnic_ike_node {
	struct espnic_ike_node *next;
	uint64_t hash;
};

struct espnic_ike_table {
	struct espnic_ike_node **bucket;
	size_t buckets, n;
};

/* False: no memory for the first bucket; a table that can't grow goes on as it is. */
bool espnic_ike_table_add(struct espnic_ike_table *t, struct espnic_ike_node *node, uint64_t hash);
/* Not being in it is fine. */
void espnic_ike_table_del(struct espnic_ike_table *t, struct espnic_ike_node *node);
/* The first with @hash, NULL; then the next one. */
struct espnic_ike_node *espnic_ike_table_find(const struct espnic_ike_table *t, uint64_t hash);
struct espnic_ike_node *espnic_ike_table_next(const struct espnic_ike_node *node);
void espnic_ike_table_free(struct espnic_ike_table *t);

#define espnic_ike_of(node, type, member) ((type *)((char *)(node) - offsetof(type, member)))

/* ------------------------------------------------------------------ messages kept */

/* One message as datagrams, one or its fragments; each behind its length in two bytes. */
struct espnic_ike_packets {
	uint32_t n, len;
	uint8_t bytes[];
};

struct espnic_ike_blob {
	uint8_t *p;
	size_t len;
};

/* ------------------------------------------------------------------ exchanges */

/* What a request of ours is about. */
enum espnic_ike_request {
	ESPNIC_IKE_REQ_NONE,
	ESPNIC_IKE_REQ_INIT,
	ESPNIC_IKE_REQ_MID,		/* IKE_INTERMEDIATE */
	ESPNIC_IKE_REQ_AUTH,
	ESPNIC_IKE_REQ_CHILD,		/* new, or instead of ->rekeyed */
	ESPNIC_IKE_REQ_REKEY,		/* of the IKE SA */
	ESPNIC_IKE_REQ_DELETE_CHILD,
	ESPNIC_IKE_REQ_DELETE,
	ESPNIC_IKE_REQ_ALIVE,
	ESPNIC_IKE_REQ_UPDATE,		/* MOBIKE: our addresses */
	ESPNIC_IKE_REQ_CHECK,		/* MOBIKE: is the peer where it says? */
};

/* What an exchange waits for before it goes on; the rest of it is then in ->inner. */
enum espnic_ike_wait {
	ESPNIC_IKE_WAIT_NONE,
	ESPNIC_IKE_WAIT_PPK,		/* key operation, as the next three */
	ESPNIC_IKE_WAIT_OWN_AUTH,
	ESPNIC_IKE_WAIT_NO_PPK_AUTH,	/* our own, as it is without the PPK */
	ESPNIC_IKE_WAIT_PEER_AUTH,
	ESPNIC_IKE_WAIT_KERNEL,		/* install of the child ->child */
};

struct espnic_ike_nonce {
	uint16_t len;
	uint8_t bytes[ESPNIC_IKE_NONCE_MAX];
};

/* A CREATE_CHILD_SA that goes on with IKE_FOLLOWUP_KE. */
struct espnic_ike_chain {
	struct espnic_ike_crypto *crypto;
	struct espnic_ike_secrets secrets;	/* in its arena */
	struct espnic_ike_suite suite;	/* of what is being made */
	unsigned int at;		/* the additional key exchange that is next */
	uint8_t link[ESPNIC_IKE_LINK_MAX], link_len;
};

/* One exchange under way: ours, or the peer's whose response is being made. */
struct espnic_ike_exchange_state {
	enum espnic_ike_request kind;
	enum espnic_ike_wait wait;
	uint64_t token;			/* of the key operation waited for: never 0 */
	uint32_t child;			/* SPI (inbound) of the child it makes or deletes; 0: none */
	uint32_t rekeyed;		/* the same of the child it replaces; 0: a new one */
	struct espnic_ike_nonce ni, nr;
	struct espnic_ike_ke ke;
	uint64_t new_spi;		/* REKEY: ours, of the new IKE SA */
	/* A rekey of the same SA by the peer, answered meanwhile: 2.8.1, 2.8.2. */
	uint64_t rival;			/* child: its SPI (inbound); IKE SA: its number; 0: none */
	struct espnic_ike_nonce rival_nonce;	/* the lower one of that exchange */
	/* IKE_SA_INIT and IKE_AUTH only. */
	struct espnic_ike_blob init[2];	/* IKE_SA_INIT by side: what AUTH is over */
	struct espnic_ike_blob cookie;
	struct espnic_ike_blob octets;	/* what AUTH is made of, our own or the peer's */
	struct espnic_ike_blob ke_ours;	/* our public value: of IKE_SA_INIT, by its initiator; of CREATE_CHILD_SA, until the response is made */
	struct espnic_ike_chain *chain;	/* CREATE_CHILD_SA with additional key exchanges; NULL: none */
	uint8_t init_tries;
	/* IKE_INTERMEDIATE: the additional key exchange that is next, what AUTH is over besides, and the message id of IKE_AUTH. */
	unsigned int addke;
	bool mid;			/* there was one */
	uint8_t mid_auth[2][ESPNIC_IKE_MAC];	/* by side */
	uint32_t auth_id;
	/* The message being answered, or the response being worked on, decrypted. */
	struct espnic_ike_blob inner;
	uint8_t inner_first;
	struct espnic_ike_blob auth;	/* our own AUTH, until its message is made: MAC or signature */
	struct espnic_ike_blob no_ppk_auth;
	enum espnic_ike_scheme scheme;	/* of the signature; NONE: it is a MAC */
	uint16_t notify;		/* why there is no child; 0: none was asked for */
};

/* ------------------------------------------------------------------ child SA */

struct espnic_ike_child {
	struct espnic_ike_node by_in, by_out;
	struct espnic_ike_child *next;	/* of its SA */
	struct espnic_ike_sa *sa;	/* owner */
	struct espnic_ike_conn *conn;	/* whose ->conf; a reference of its own, for its SA's may be another's by then */
	const struct espnic_ike_child_conf *conf;
	uint32_t id, spi_in, spi_out, reqid, seq;
	enum espnic_ike_child_state state;
	enum espnic_ike_mode mode;
	struct espnic_ike_suite suite;
	struct espnic_ike_child_keys *keys;	/* until the kernel has them */
	struct espnic_ike_ts *ts;	/* local ones, then remote ones */
	uint8_t n_local, n_remote;
	/* Transport mode through a NAT: addresses the peer has in its selectors instead of those in ->ts; family 0: the same. */
	struct espnic_ike_addr said_local, said_remote;
	bool initiator;			/* of the exchange that made it */
	bool op;			/* an install is under way in the kernel */
	bool in_kernel;			/* at least its inbound SA was given to the kernel */
	bool out_kernel;		/* its outbound one too */
	bool policies;			/* it has them */
	bool encap;
	bool want_rekey, want_delete;
	bool told;			/* "up" was */
	uint32_t replaces;		/* SPI (inbound) of the child it was made instead of; 0: none */
	uint32_t instead;		/* the same of one that the peer has lost, and that keeps the policies till this is up; 0: none */
	uint32_t successor;		/* the same of the child that the peer made in its place; 0: none */
	uint32_t policies_of;		/* the same of the child whose policies it took; 0: they were new */
	uint8_t spis;			/* it had before, that the kernel had SAs of */
	enum espnic_ike_offload offload;
	char *offload_text;
	uint64_t since, rekey_at, life_at;
};

/* ------------------------------------------------------------------ IKE SA */

enum espnic_ike_sa_state {
	ESPNIC_IKE_ST_INIT_SENT,	/* initiator: IKE_SA_INIT is out */
	ESPNIC_IKE_ST_INIT_DONE,	/* responder: it was answered; half-open */
	ESPNIC_IKE_ST_MID_SENT,		/* initiator: IKE_INTERMEDIATE is out */
	ESPNIC_IKE_ST_AUTH_SENT,	/* initiator: IKE_AUTH is out */
	ESPNIC_IKE_ST_FAILED,		/* responder: IKE_AUTH was refused; that is told again if asked again */
	ESPNIC_IKE_ST_UP,
	ESPNIC_IKE_ST_REKEYED,		/* another took its place; it waits to be deleted */
	ESPNIC_IKE_ST_DELETING,		/* its own Delete is out */
	ESPNIC_IKE_ST_DEAD,		/* out of all tables */
	ESPNIC_IKE_ST_N,
};

/* RFC 8784. */
enum espnic_ike_ppk {
	ESPNIC_IKE_PPK_NONE,
	ESPNIC_IKE_PPK_AGREED,		/* both have said USE_PPK */
	ESPNIC_IKE_PPK_LEFT_OUT,	/* responder: it has no such PPK, and NO_PPK_AUTH stands for AUTH */
	ESPNIC_IKE_PPK_USED,		/* it is in ->keys; of an initiator, until the response shows whether it is in the peer's */
};

struct espnic_ike_sa {
	struct espnic_ike_node by_spi, by_id, by_init, by_peer;
	struct espnic_ike_sa *prev, *next;	/* all of them, oldest first; or the graveyard */
	struct espnic_ike_sa *dirty_next;
	bool dirty;
	struct espnic_ike *ike;
	struct espnic_ike_conn *conn;	/* a reference */
	uint32_t id;
	enum espnic_ike_sa_state state;
	bool initiator;
	uint64_t spi_i, spi_r;
	struct espnic_ike_endpoint local, remote;
	bool natt;			/* by the port with UDP encapsulation */
	bool nat_local, nat_remote;
	bool half_open;			/* counted as such */
	bool peer_fragments;		/* RFC 7383 was agreed on */
	bool cert_asked;		/* the peer wants to see our certificate */
	bool want_delete, want_rekey, want_alive, want_update, want_check;
	bool mobike;			/* was agreed on */
	bool leads;			/* MOBIKE's: it began the first of these SAs */
	bool homeless;			/* its own address is gone */
	bool peer_childless;		/* can be without a child at first */
	bool contact;			/* the peer said INITIAL_CONTACT, and we heed it */
	struct espnic_ike_endpoint was_local, was_remote;	/* where children still are; was_remote's family 0: where it is */
	bool told;			/* "up" was */
	uint8_t peer_hashes;		/* bits of RFC 7427's hash algorithms */
	struct espnic_ike_suite suite;
	enum espnic_ike_ppk ppk;
	struct espnic_ike_keys *keys;
	struct espnic_ike_keys *plain;	/* initiator whose PPK is optional, until the response: the same without it; NULL */
	uint64_t counter;		/* of messages we encrypted: their IV */

	uint32_t next_out, next_in;	/* message ids: of our next request, of the peer's */
	/* Under way; NULL: none. Of a half-open responder ->mine has what IKE_AUTH needs of IKE_SA_INIT. */
	struct espnic_ike_exchange_state *mine, *theirs;
	struct espnic_ike_exchange_state *pending;	/* the peer's, until its next IKE_FOLLOWUP_KE */
	uint64_t pending_at;		/* until then */
	struct espnic_ike_packets *request;	/* ours, without response yet */
	uint32_t request_tries;
	uint64_t request_at;		/* when it is sent again */
	struct espnic_ike_packets *response;	/* to the peer's last request */
	uint8_t tail[ESPNIC_IKE_TAIL];	/* of that request, or of its first fragment */
	struct espnic_ike_fragments *fragments;	/* of a message not whole yet; NULL: none */

	struct espnic_ike_id *local_id, *remote_id;	/* as long as they need; NULL: not known yet */
	struct espnic_ike_child *children;
	uint32_t n_children;
	uint64_t since, last_in, last_out;
	uint64_t rekey_at, over_at;	/* over: ends then, whatever its state */
	uint64_t alive_at;		/* liveness is checked then */
	uint64_t deadline;
	size_t heap_at;			/* in the heap of deadlines; 0: not in it */
	uint32_t tries;			/* of an initiator: how often it began before */
	struct espnic_ike_vips *vips;	/* NULL: no virtual addresses */
};

/* ------------------------------------------------------------------ the whole */

struct espnic_ike_text_block;

struct espnic_ike {
	struct espnic_ike_settings set;
	struct espnic_ike_crypto crypto;
	struct espnic_ike_counters count;
	uint64_t now;
	const struct espnic_ike_input *in;	/* of this step */

	struct espnic_ike_conn **conns;
	size_t n_conns;
	struct espnic_ike_pool *pools;
	struct espnic_ike_certs certs;
	size_t want_certs;		/* connections whose peer is to send its certificate */
	bool ppks;			/* there are PPKs */
	struct espnic_ike_id ppk_id;	/* that a peer has just named, for the action of the step */
	struct espnic_ike_table by_spi, by_id, by_init, by_peer, child_in, child_out;
	struct espnic_ike_sa *first, *last, *dirty, *graves;
	struct espnic_ike_child *child_graves;
	uint32_t last_id, last_child, last_reqid, last_token;

	struct espnic_ike_sa **heap;	/* by deadline, from 1 on */
	size_t heap_n, heap_room;

	uint64_t hash_key[2];		/* of tables that peers choose the keys of */
	uint8_t cookie_secret[2][32];	/* now, and before */
	uint8_t cookie_version;
	uint64_t cookie_at;		/* when the next is drawn */
	uint16_t half_open_addr[ESPNIC_IKE_ADDR_SLOTS];
	uint64_t log_second;
	uint32_t log_left;

	struct espnic_ike_action *actions;
	size_t n_actions, room_actions;
	struct espnic_ike_text_block *texts;

	uint8_t rx[ESPNIC_IKE_DATAGRAM];	/* the datagram, decrypted in place */
	uint8_t tx[ESPNIC_IKE_DATAGRAM];	/* payloads being written */
	uint8_t reply[2048];		/* a response that no SA keeps */
};

/* Seconds since 1970. */
int64_t espnic_ike_wall(const struct espnic_ike *ike);
/* SipHash-2-4 of @len bytes with the tables' secret key: peers can't aim at a bucket. */
uint64_t espnic_ike_hash(const struct espnic_ike *ike, const void *p, size_t len);

/* ------------------------------------------------------------------ sa.c */

/* A new SA with SPI @spi of ours (0: drawn), of @conn, whose reference it takes. NULL: no memory, or too many. */
struct espnic_ike_sa *espnic_ike_sa_new(struct espnic_ike *ike, struct espnic_ike_conn *conn, bool initiator, uint64_t spi);
/* Ends it: out of the tables, its children out of the kernel; freed later. */
void espnic_ike_sa_end(struct espnic_ike_sa *sa);
/* An SPI that no SA of ours has. False: no random numbers. */
bool espnic_ike_spi_draw(struct espnic_ike *ike, uint64_t *spi);
struct espnic_ike_sa *espnic_ike_sa_by_spi(struct espnic_ike *ike, uint64_t ours);
struct espnic_ike_sa *espnic_ike_sa_by_id(struct espnic_ike *ike, uint32_t id);
/* Looked at again at the end of the step: its next request, its deadline. */
void espnic_ike_sa_touch(struct espnic_ike_sa *sa);
/* Its deadlines anew, into the heap. */
void espnic_ike_sa_schedule(struct espnic_ike_sa *sa);
/* The SA whose deadline has come; NULL. */
struct espnic_ike_sa *espnic_ike_due(struct espnic_ike *ike);
/* Counts @sa among those that a peer began and did not authenticate, or no more. */
void espnic_ike_half_open(struct espnic_ike_sa *sa, bool yes);
uint32_t espnic_ike_half_open_of(struct espnic_ike *ike, const struct espnic_ike_addr *a);
/* What of the step before nobody reads any more. */
void espnic_ike_bury(struct espnic_ike *ike);
struct espnic_ike_exchange_state *espnic_ike_exchange_new(enum espnic_ike_request kind);
void espnic_ike_exchange_free(struct espnic_ike_exchange_state **x);
bool espnic_ike_blob_set(struct espnic_ike_blob *b, const uint8_t *p, size_t len);
struct espnic_ike_id *espnic_ike_id_dup(const struct espnic_ike_id *id);
bool espnic_ike_id_same(const struct espnic_ike_id *a, const struct espnic_ike_id *b);
/* For tables by identity. */
uint64_t espnic_ike_id_hash(const struct espnic_ike *ike, const struct espnic_ike_id *id);

static inline uint64_t espnic_ike_own_spi(const struct espnic_ike_sa *sa)
{
	return sa->initiator ? sa->spi_i : sa->spi_r;
}

static inline enum espnic_ike_side espnic_ike_own_side(const struct espnic_ike_sa *sa)
{
	return sa->initiator ? ESPNIC_IKE_I : ESPNIC_IKE_R;
}

/* ------------------------------------------------------------------ action.c */

struct espnic_ike_action *espnic_ike_act(struct espnic_ike *ike, enum espnic_ike_action_kind kind);
/* A text that lives as long as the step's actions. */
const char *espnic_ike_say(struct espnic_ike *ike, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct espnic_ike_event *espnic_ike_event_sa(struct espnic_ike_sa *sa, enum espnic_ike_event_kind kind, const char *text);
struct espnic_ike_event *espnic_ike_event_child(struct espnic_ike_child *child, enum espnic_ike_event_kind kind, const char *text);
/* An event any peer can cause: only so many a second. */
void espnic_ike_event_peer(struct espnic_ike *ike, struct espnic_ike_sa *sa, const struct espnic_ike_endpoint *remote,
			   const char *text);
void espnic_ike_actions_reset(struct espnic_ike *ike);
void espnic_ike_texts_free(struct espnic_ike *ike);

/* ------------------------------------------------------------------ message.c */

/*
 * Encrypts the payloads in @w as a message, in fragments if it must and may be. NULL: no memory, or too
 * large for this peer.
 */
struct espnic_ike_packets *espnic_ike_protect(struct espnic_ike_sa *sa, enum espnic_ike_exchange exchange, bool response,
					      uint32_t id, const struct espnic_ike_wr *w);
/* One datagram that is not encrypted. NULL: no memory. */
struct espnic_ike_packets *espnic_ike_clear(const struct espnic_ike_wr *w);
void espnic_ike_transmit(struct espnic_ike_sa *sa, const struct espnic_ike_packets *packets);
/* Sends the payloads in @w as the response to the peer's request under way, and keeps it. Ends the SA without memory. */
void espnic_ike_respond(struct espnic_ike_sa *sa, enum espnic_ike_exchange exchange, const struct espnic_ike_wr *w);
/* The same with a notify alone. */
void espnic_ike_respond_notify(struct espnic_ike_sa *sa, enum espnic_ike_exchange exchange, enum espnic_ike_notify_type type,
			       const void *data, size_t len);
/* Sends the payloads in @w as our next request; sa->mine says what it is about. */
void espnic_ike_ask(struct espnic_ike_sa *sa, enum espnic_ike_exchange exchange, const struct espnic_ike_wr *w);
/* The writer of payloads that are to be encrypted. */
struct espnic_ike_wr espnic_ike_writer(struct espnic_ike *ike);
/* Keeps the inside of a message for when what it waits for has come. False: no memory. */
bool espnic_ike_keep(struct espnic_ike_exchange_state *x, uint8_t first, const uint8_t *p, size_t len);

/* ------------------------------------------------------------------ frag.c */

/*
 * Takes one fragment, checked and decrypted to the @len bytes at @p; @tail: the end of its datagram. True: the message is whole, and waits for
 * espnic_ike_fragments_take(), which returns its length.
 */
bool espnic_ike_fragment(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m, const uint8_t *tail, const uint8_t *p,
			 size_t len);
size_t espnic_ike_fragments_take(struct espnic_ike_sa *sa, uint8_t *out, uint8_t *first, uint8_t tail[ESPNIC_IKE_TAIL]);
void espnic_ike_fragments_free(struct espnic_ike_sa *sa);

/* ------------------------------------------------------------------ exchanges: init.c, auth_xchg.c, child.c, info.c, rekey.c */

/* A message that was admitted and, where it is encrypted, checked and decrypted. */
typedef void espnic_ike_handler(struct espnic_ike_sa *sa, struct espnic_ike_msg *m);

void espnic_ike_initiate(struct espnic_ike *ike, const char *conn, const char *child, const struct espnic_ike_addr *local,
			 uint32_t seq);
/* An IKE_SA_INIT request, which has no SA yet. */
void espnic_ike_init_request(struct espnic_ike *ike, const struct espnic_ike_input *in, const struct espnic_ike_hdr *hdr);
void espnic_ike_init_response(struct espnic_ike_sa *sa, struct espnic_ike_msg *m, const uint8_t *p, size_t len);
void espnic_ike_write_ke(struct espnic_ike_wr *w, const struct espnic_ike_alg *group, const struct espnic_ike_ke_value *v);
bool espnic_ike_nonce_draw(struct espnic_ike *ike, struct espnic_ike_nonce *n);
/* May @conn be between these addresses? */
bool espnic_ike_conn_fits(const struct espnic_ike_conn *conn, const struct espnic_ike_endpoint *local,
			  const struct espnic_ike_endpoint *remote);
/* For settings.keylog. */
void espnic_ike_log_keys(struct espnic_ike_sa *sa);
/* Sends our IKE_SA_INIT, the first or another one. */
void espnic_ike_init_send(struct espnic_ike_sa *sa);

espnic_ike_handler espnic_ike_auth_request, espnic_ike_auth_response;
/* Keys stand: ask for our own AUTH, which makes the IKE_AUTH request. */
void espnic_ike_auth_begin(struct espnic_ike_sa *sa);
void espnic_ike_auth_key_result(struct espnic_ike_sa *sa, const struct espnic_ike_input *in);
/* The child of IKE_AUTH stands, or does not. */
void espnic_ike_auth_child_done(struct espnic_ike_sa *sa, struct espnic_ike_child *child);

/* ------------------------------------------------------------------ ppk.c */

/* PPK_IDENTITY in @m, which has no type: its bytes as a KEY_ID. False: there is none, or it can't be one. */
bool espnic_ike_ppk_read(const struct espnic_ike_msg *m, struct espnic_ike_id *id);
/* With @id of an initiator; NULL: the responder's, which is empty. */
void espnic_ike_ppk_write(struct espnic_ike_wr *w, const struct espnic_ike_id *id);
/* The keys as whoever has the PPK gave them back. @keep: the plain ones go to ->plain. False: no memory, or they are none. */
bool espnic_ike_ppk_use(struct espnic_ike_sa *sa, const struct espnic_ike_input *in, bool keep);
/* The keys without it are the ones. */
void espnic_ike_ppk_undo(struct espnic_ike_sa *sa);

/* Has @sa's peer proved all that @conn would have asked of it, and been shown all that @conn would have shown? Then children may be of it. */
bool espnic_ike_conn_serves(const struct espnic_ike_sa *sa, const struct espnic_ike_conn *conn);

/* What both sides of NAT detection say and hear: 2.23. */
void espnic_ike_write_nat(struct espnic_ike_sa *sa, struct espnic_ike_wr *w);
void espnic_ike_detect_nat(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m);

/* ------------------------------------------------------------------ mobike.c */

/* An authentic packet of a peer behind a NAT came from elsewhere. */
void espnic_ike_follow_nat(struct espnic_ike_sa *sa, const struct espnic_ike_endpoint *local, const struct espnic_ike_endpoint *remote,
			   bool natt);
void espnic_ike_mapping(struct espnic_ike *ike, const struct espnic_ike_input *in);
void espnic_ike_address(struct espnic_ike *ike, const struct espnic_ike_input *in);
/* When the NAT in front of us is to see a packet again; NEVER: there is none. */
uint64_t espnic_ike_keepalive_at(const struct espnic_ike_sa *sa);
void espnic_ike_keepalive(struct espnic_ike_sa *sa);
void espnic_ike_update_write(struct espnic_ike_sa *sa, struct espnic_ike_wr *w);
void espnic_ike_update_response(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m);
void espnic_ike_update_request(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m);
void espnic_ike_mobike_answer(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m, struct espnic_ike_wr *w);
/* False: no random numbers, or no memory. */
bool espnic_ike_check_write(struct espnic_ike_sa *sa, struct espnic_ike_wr *w);
/* False: it is not the peer that answers; the SA is to be closed (RFC 4555 3.7). */
bool espnic_ike_check_response(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m);

/* ------------------------------------------------------------------ addke.c */

espnic_ike_handler espnic_ike_mid_request, espnic_ike_mid_response, espnic_ike_followup_request, espnic_ike_followup_response;
/* Sends the next IKE_INTERMEDIATE, or begins IKE_AUTH. */
void espnic_ike_mid_send(struct espnic_ike_sa *sa);
/* Secrets of several key exchanges, in the arena; @first is wiped. NULL: no memory. */
struct espnic_ike_chain *espnic_ike_chain_new(struct espnic_ike *ike, const struct espnic_ike_suite *suite,
					      struct espnic_ike_shared *first);
/* @shared is wiped. False: no memory, or too many. */
bool espnic_ike_chain_add(struct espnic_ike_chain *chain, struct espnic_ike_shared *shared);
void espnic_ike_chain_free(struct espnic_ike_chain *chain);
/* One secret or none: points to @shared. */
struct espnic_ike_secrets espnic_ike_secret(const struct espnic_ike_shared *shared);
void espnic_ike_write_link(struct espnic_ike_wr *w, const struct espnic_ike_chain *chain);
bool espnic_ike_take_link(struct espnic_ike_chain *chain, const struct espnic_ike_msg *m);
/* The peer's exchange goes on with its next IKE_FOLLOWUP_KE; one that did before is forgotten. */
void espnic_ike_pending_set(struct espnic_ike_sa *sa);
void espnic_ike_pending_drop(struct espnic_ike_sa *sa);
void espnic_ike_followup_answer(struct espnic_ike_sa *sa, struct espnic_ike_exchange_state *x, bool more);
/* Our next IKE_FOLLOWUP_KE. False: libcrypto can't. */
bool espnic_ike_followup_send(struct espnic_ike_sa *sa);
/* All key exchanges are over, ours or the peer's; @good false: they came to nothing, by @error unless NULL. */
void espnic_ike_rekey_finish(struct espnic_ike_sa *sa);
void espnic_ike_create_finish(struct espnic_ike_sa *sa);
void espnic_ike_rekey_followed(struct espnic_ike_sa *sa, bool good, const struct espnic_ike_notify *error);
void espnic_ike_create_followed(struct espnic_ike_sa *sa, bool good, const struct espnic_ike_notify *error);

espnic_ike_handler espnic_ike_create_request, espnic_ike_create_response;
espnic_ike_handler espnic_ike_info_request, espnic_ike_info_response;
espnic_ike_handler espnic_ike_refuse_request;

/* Makes the most urgent request there is, if none is under way. */
void espnic_ike_next_request(struct espnic_ike_sa *sa);
/* A request of ours got no response. */
void espnic_ike_peer_dead(struct espnic_ike_sa *sa);

/* ------------------------------------------------------------------ child.c */

/* NULL: no memory or too many. In state CREATED, with an SPI of its own. */
struct espnic_ike_child *espnic_ike_child_new(struct espnic_ike_sa *sa, struct espnic_ike_conn *conn,
					      const struct espnic_ike_child_conf *conf);
/* Ends it: out of the tables, out of the kernel. */
void espnic_ike_child_end(struct espnic_ike_child *child, const char *why);
struct espnic_ike_child *espnic_ike_child_by_in(struct espnic_ike *ike, uint32_t spi);
/* That of @sa with this SPI of the peer's. */
struct espnic_ike_child *espnic_ike_child_by_out(struct espnic_ike_sa *sa, uint32_t spi);
/* That of any SA, by the address and SPI it sends to. */
struct espnic_ike_child *espnic_ike_child_to(struct espnic_ike *ike, const struct espnic_ike_addr *remote, uint32_t spi);
/* Out of and into the table of peers' SPIs, around a change of the peer's address. */
void espnic_ike_child_unlink_out(struct espnic_ike_child *child);
void espnic_ike_child_link_out(struct espnic_ike_child *child);
/* Its SAs and policies go from these addresses to those of its IKE SA. */
void espnic_ike_child_move(struct espnic_ike_child *child, const struct espnic_ike_endpoint *local,
			   const struct espnic_ike_endpoint *remote);
/* Its part of a request: SA, TSi, TSr, and the notifies that belong to them. */
void espnic_ike_child_offer(struct espnic_ike_child *child, struct espnic_ike_wr *w, enum espnic_ike_choice what);
/* Its part of a response. */
void espnic_ike_child_answer(struct espnic_ike_child *child, struct espnic_ike_wr *w, enum espnic_ike_choice what);
/*
 * Responder: finds what of @m's offer is configured, in @sa's connection or in another that serves its peer. Returns the child, or NULL and
 * the notify to refuse it with. @like: the child it replaces; NULL.
 */
struct espnic_ike_child *espnic_ike_child_select(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m,
						 enum espnic_ike_choice what, const struct espnic_ike_child *like,
						 uint16_t *notify);
/* Initiator: takes the response's choice; false: it is not within what was offered. */
bool espnic_ike_child_accept(struct espnic_ike_child *child, const struct espnic_ike_msg *m, enum espnic_ike_choice what);
/* Keys and the kernel operation; @kind INSTALL or INSTALL_IN. False: no memory. */
bool espnic_ike_child_install(struct espnic_ike_child *child, const struct espnic_ike_exchange_state *x,
			      const struct espnic_ike_secrets *secrets, enum espnic_ike_kernel_kind kind);
/* The outbound half, after INSTALL_IN: the policies of the one it replaces come over. */
void espnic_ike_child_install_out(struct espnic_ike_child *child);
void espnic_ike_child_kernel_result(struct espnic_ike *ike, const struct espnic_ike_input *in);
/* The peer refused it, with @error or by saying nothing of it. */
void espnic_ike_child_failed(struct espnic_ike_child *child, const struct espnic_ike_notify *error);
/* The peer made it, but we can't: it is told so. */
void espnic_ike_child_refused(struct espnic_ike_child *child, const char *why);
/* The peer does not know @old any more (2.25): another is made, and then, or if that fails, @old ends. */
void espnic_ike_child_lost(struct espnic_ike_child *old);
/* The peer's rekey of @old, unless NULL, came to nothing, and ours may have given way to it: another one, later. */
void espnic_ike_child_not_replaced(struct espnic_ike_child *old);
/* The answer of CREATE_CHILD_SA, now that the kernel has @child, or NULL. */
void espnic_ike_create_done(struct espnic_ike_sa *sa, struct espnic_ike_child *child);
/* CREATE_CHILD_SA's responder: the key exchange with @group, NULL: none. False: the request was refused. */
bool espnic_ike_create_ke(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m, const struct espnic_ike_alg *group,
			  struct espnic_ike_shared *shared);
/* Makes the CREATE_CHILD_SA request for @child, instead of @old unless NULL. */
void espnic_ike_create_send(struct espnic_ike_sa *sa, struct espnic_ike_child *child, struct espnic_ike_child *old);
/* It carries traffic from now on: times, state, event; if we made it instead of another, that one goes. */
void espnic_ike_child_up(struct espnic_ike_child *child);
const struct espnic_ike_child_conf *espnic_ike_child_conf(const struct espnic_ike_conn *conn, const char *name);
void espnic_ike_child_free(struct espnic_ike_child *child);

/* ------------------------------------------------------------------ rekey.c */

espnic_ike_handler espnic_ike_rekey_request, espnic_ike_rekey_response;
/* All children of @from are @to's from now on, its identities too. */
void espnic_ike_inherit(struct espnic_ike_sa *to, struct espnic_ike_sa *from);
/* Of two nonces of an exchange, the lower one: 2.8.1. */
const struct espnic_ike_nonce *espnic_ike_lower(const struct espnic_ike_nonce *a, const struct espnic_ike_nonce *b);
bool espnic_ike_nonce_less(const struct espnic_ike_nonce *a, const struct espnic_ike_nonce *b);
bool espnic_ike_nonce_take(struct espnic_ike_nonce *n, struct espnic_ike_chunk body);
void espnic_ike_rekey_send(struct espnic_ike_sa *sa);

/* ------------------------------------------------------------------ up.c */

/* The IKE SA is up: times, event; others of the same peer end if the configuration says so. */
void espnic_ike_sa_up(struct espnic_ike_sa *sa);
/* When it is to be replaced and checked, from now on. */
void espnic_ike_sa_times(struct espnic_ike_sa *sa);
/* It ends, and that is told if its beginning was. */
void espnic_ike_sa_down(struct espnic_ike_sa *sa, const char *text);
/* Found by its peer's identity from now on. False: no memory. */
bool espnic_ike_sa_known(struct espnic_ike_sa *sa);
/* May a peer that has proved its identity have one more IKE SA? INITIAL_CONTACT in @m ends those it had. */
bool espnic_ike_may_be_up(struct espnic_ike_sa *sa, const struct espnic_ike_msg *m);
/* Is none up with the one peer that @sa's connection is for? */
bool espnic_ike_first_contact(struct espnic_ike_sa *sa);
/* What came of IKE_AUTH is of no use to us, but the peer believes in it: tell it so. */
void espnic_ike_give_up(struct espnic_ike_sa *sa);
/* Begins anew what a lost SA's configuration wants to have: children of @sa whose `dpd` is START, or all while connecting. */
void espnic_ike_again(struct espnic_ike_sa *sa);
void espnic_ike_plan(struct espnic_ike_sa *sa, struct espnic_ike_conn *conn, const struct espnic_ike_child_conf *conf, uint32_t seq);
/* A time of @base less a random part of @spread from now; NEVER if @base is 0. */
uint64_t espnic_ike_after_ms(struct espnic_ike *ike, uint64_t base, uint64_t spread);

void espnic_ike_conn_get(struct espnic_ike_conn *conn);
void espnic_ike_conn_put(struct espnic_ike_conn *conn);

#endif
