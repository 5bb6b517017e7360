/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two cores, left and right, on a virtual clock: a wire between them that loses, doubles, delays and damages what it is told to, a kernel
 * for each that keeps what is installed, and whoever has their keys. What goes on inside depends on the seed alone.
 */
#ifndef ESPNIC_TESTS_IKE_PEERS_H
#define ESPNIC_TESTS_IKE_PEERS_H

#include "core/ike.h"

enum { LEFT, RIGHT, PEERS_KSAS = 512, PEERS_QUEUE = 512, PEERS_EVENTS = 64 };

/* An SA pair as the kernel has it. */
struct peers_ksa {
	uint32_t child_id, reqid, spi_in, spi_out;	/* spi_out 0: no outbound SA yet */
	uint8_t in[ESPNIC_IKE_ENCR_KEY + ESPNIC_IKE_INTEG_KEY], out[ESPNIC_IKE_ENCR_KEY + ESPNIC_IKE_INTEG_KEY];
	uint64_t order;			/* the newest outbound SA is the one in use */
	enum espnic_ike_mode mode;
	bool encap, initiator;
	struct espnic_ike_endpoint local, remote;
	struct espnic_ike_ts ts_local;	/* the first of its selectors */
};

struct peers_host {
	struct espnic_ike *ike;
	struct espnic_ike_settings set;
	struct espnic_ike_endpoint at;
	struct espnic_ike_endpoint seen;	/* what the other sees instead: a NAT; family 0: no NAT */
	const char *psk;		/* NULL: has none */
	void *key;			/* private EVP_PKEY, the caller's; NULL: has none */
	const char *ppk, *ppk_id;	/* NULL: has none; and its PPK_ID */
	unsigned int bad_ppk;		/* the N-th of the keys with the PPK is a wrong one; 0: none is */
	struct peers_ksa ksa[PEERS_KSAS];
	unsigned int n_ksa, policies;
	unsigned int bare;		/* how often the last of the policies went */
	unsigned int fail_install;	/* the N-th install from now on fails; 0: none */
	unsigned int exists_install;	/* so many installs from now on meet an SPI that is there already */
	unsigned int kernel_ops, moves, keepalives;
	bool fail_moves;
	unsigned int events[16];	/* by kind */
	char text[ESPNIC_IKE_TEXT];	/* of the last event with a text that is a failure or the peer's doing */
	char note[ESPNIC_IKE_TEXT];	/* of the last one that is a note */
	unsigned int addresses;		/* virtual ones that came, and did not go */
	struct espnic_ike_addr vip;	/* the last that came */
	uint64_t next_ms;
	char keys[4][768];		/* keylog */
	unsigned int n_keys;
};

struct peers_item {			/* what happens later */
	uint64_t at, order;
	int to;
	enum espnic_ike_input_kind kind;
	struct espnic_ike_endpoint local, remote;
	bool natt, ok;
	const char *text;
	uint64_t token;
	enum espnic_ike_kernel_status status;
	size_t len;
	uint8_t *data;
};

struct peers {
	struct peers_host host[2];
	uint64_t now, order, random;
	struct peers_item queue[PEERS_QUEUE];
	unsigned int queued;
	uint64_t latency;		/* of the wire, ms */
	/* Told of each datagram; false loses it. May change it, and its time. NULL: a good wire. */
	bool (*wire)(struct peers *p, struct peers_item *item, void *ctx);
	void *ctx;
	bool copy;			/* set by the wire: deliver it twice */
	unsigned int sent[2];
	bool hole;			/* a host used an outbound SA the other did not have */
	bool watch;			/* look for such holes */
	/* What went over the wire, for whoever wants to see it again. */
	void (*record)(void *ctx, const struct peers_item *item);
};

/* @settings is called for each host before its core is made; NULL. */
void peers_init(struct peers *p, uint64_t seed, void (*settings)(struct espnic_ike_settings *set));
void peers_free(struct peers *p);
uint64_t peers_random(struct peers *p);
/* A connection of host @who to the other, loaded after @change was let at it; NULL: nothing to change. */
void peers_conn(struct peers *p, int who, void (*change)(struct espnic_ike_conn *conn, void *ctx), void *ctx);
/* Both sides' connections, without changes. */
void peers_conns(struct peers *p);
struct espnic_ike_conn *peers_conn_make(struct peers *p, int who);
void peers_step(struct peers *p, int who, const struct espnic_ike_input *in);
void peers_initiate(struct peers *p, int who, const char *child);
void peers_terminate(struct peers *p, int who, uint32_t ike_id, uint32_t child_id);
/* An EXPIRE of the inbound SA of the host's child number @n (by age): of its soft limit, of its hard one. */
void peers_expire(struct peers *p, int who, unsigned int n);
void peers_use_up(struct peers *p, int who, unsigned int n);
/* Lets time pass until nothing is on its way, at most @ms. */
void peers_run(struct peers *p, uint64_t ms);
/* Lets all of @ms pass. */
void peers_wait(struct peers *p, uint64_t ms);
/* IKE SAs of the host in state @state. */
unsigned int peers_sas(struct peers *p, int who, enum espnic_ike_state state);
/* Does what each host sends arrive at an SA with the same key of the other? */
bool peers_agree(struct peers *p);

#endif
