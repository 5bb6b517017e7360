// SPDX-License-Identifier: BSD-2-Clause
#include "main/net.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "main/confine.h"
#include "main/ipc.h"
#include "main/link.h"

enum {
	BATCH = 64, /* datagrams of one socket, and messages, before the next is looked at */
	MARKER_ROOM = 4,
	UNASKED = 16, /* a step makes one or two */
	LONGEST_WAIT_MS = 60000,
};

struct net {
	struct espnic_ike *ike;
	struct espnic_udp udp;
	struct espnic_link link;
	uint64_t next_ms; /* the core's deadline */
	uint64_t unasked[UNASKED]; /* key operations of the last step that are too big to be asked for */
	unsigned int n_unasked;
	struct espnic_ike_conn *loading; /* between CONN and LOAD; NULL: none */
	uint8_t message[ESPNIC_IPC_MESSAGE];
	uint8_t datagram[ESPNIC_IKE_DATAGRAM + MARKER_ROOM];
	struct espnic_ipc got;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- the core's actions ---- */

static void tell(struct net *n, size_t len)
{
	espnic_link_send(&n->link, n->message, len);
}

/*
 * A peer's first message is among what is authenticated, and may be as long as a datagram: one that is longer than anything
 * needs is refused, and costs the peer its SA alone.
 */
static void key(struct net *n, const struct espnic_ike_key_op *op)
{
	size_t len = espnic_ipc_put_key(n->message, op);

	if (len || n->n_unasked == UNASKED)
		tell(n, len);
	else
		n->unasked[n->n_unasked++] = op->token;
	/* a PPK's has keys in it */
	OPENSSL_cleanse(n->message, len);
}

static void act(struct net *n, const struct espnic_ike_action *a)
{
	size_t len;

	switch (a->kind) {
	case ESPNIC_IKE_ACT_SEND:
	case ESPNIC_IKE_ACT_KEEPALIVE:
		espnic_udp_send(&n->udp, a);
		break;
	case ESPNIC_IKE_ACT_KERNEL:
		len = espnic_ipc_put_kernel(n->message, &a->kernel);
		tell(n, len);
		/* there were keys in it */
		OPENSSL_cleanse(n->message, len ? len : sizeof(n->message));
		break;
	case ESPNIC_IKE_ACT_KEY:
		key(n, &a->key);
		break;
	case ESPNIC_IKE_ACT_EVENT:
		tell(n, espnic_ipc_put_event(n->message, &a->event));
		break;
	case ESPNIC_IKE_ACT_ADDRESS:
		tell(n, espnic_ipc_put_address(n->message, &a->address));
		break;
	}
}

static void step(struct net *n, const struct espnic_ike_input *in)
{
	struct espnic_ike_actions out;
	unsigned int i;

	espnic_ike_step(n->ike, in, now_ms(), &out);
	for (i = 0; i < out.n; i++)
		act(n, &out.v[i]);
	n->next_ms = out.next_ms;
}

static void step_all(struct net *n, const struct espnic_ike_input *in)
{
	struct espnic_ike_input refused = { .kind = ESPNIC_IKE_IN_KEY };

	step(n, in);
	while (n->n_unasked) {
		refused.key.token = n->unasked[--n->n_unasked];
		refused.key.text = "a first message too long to be authenticated";
		step(n, &refused);
	}
}

/* ---- connections ---- */

static void free_conn(struct espnic_ike_conn *c)
{
	if (c)
		free(c->children);
	free(c);
}

/* NULL of any of these: memory is out, which LOAD tells. */
static void conn_begins(struct net *n)
{
	free_conn(n->loading);
	n->loading = malloc(sizeof(*n->loading));
	if (!n->loading)
		return;
	*n->loading = n->got.conf;
	n->loading->free = free_conn;
	n->loading->children = calloc(n->loading->n_children + 1, sizeof(*n->loading->children));
	n->loading->n_children = 0;
}

static void child_comes(struct net *n)
{
	if (n->loading && n->loading->children)
		n->loading->children[n->loading->n_children++] = n->got.child_conf;
}

static void load(struct net *n)
{
	struct espnic_ike_conn *c = n->loading;
	char err[ESPNIC_IKE_TEXT] = "out of memory";
	int rc = -ENOMEM;

	n->loading = NULL;
	if (c && c->children)
		rc = espnic_ike_conn_load(n->ike, c, err);
	if (rc)
		free_conn(c);
	tell(n, espnic_ipc_put_result(n->message, n->got.seq, rc ? err : NULL, NULL));
}

/* ---- looking in ---- */

static bool send_sa(void *ctx, const struct espnic_ike_sa_info *sa)
{
	struct net *n = ctx;
	unsigned int i;

	tell(n, espnic_ipc_put_sa(n->message, sa));
	for (i = 0; i < sa->n_children; i++)
		tell(n, espnic_ipc_put_child(n->message, &sa->children[i]));
	return !n->link.dead;
}

static void list(struct net *n)
{
	if (n->got.type == ESPNIC_IPC_LIST)
		espnic_ike_list(n->ike, send_sa, n);
	tell(n, espnic_ipc_put_counters(n->message, espnic_ike_counters(n->ike)));
	tell(n, espnic_ipc_put_result(n->message, n->got.seq, NULL, NULL));
}

static void cert(struct net *n)
{
	uint8_t keyid[ESPNIC_IKE_KEYID] = { 0 };
	char err[ESPNIC_IKE_TEXT] = "";
	int rc = espnic_ike_cert_load(n->ike, n->got.cert.kind, n->got.cert.der, n->got.cert.len, keyid, err);

	tell(n, espnic_ipc_put_result(n->message, n->got.seq, rc ? err : NULL, keyid));
}

/* ---- pools ---- */

static void pool(struct net *n)
{
	struct espnic_ike_pool_info info;
	char err[ESPNIC_IKE_TEXT] = "no such pool";
	int rc = -ENOENT;

	switch (n->got.type) {
	case ESPNIC_IPC_POOL:
		rc = espnic_ike_pool_load(n->ike, &n->got.pool, err);
		break;
	case ESPNIC_IPC_POOL_UNLOAD:
		rc = espnic_ike_pool_unload(n->ike, n->got.conn);
		if (rc == -EBUSY)
			snprintf(err, sizeof(err), "some of its addresses are in use");
		break;
	default:
		if (espnic_ike_pool_info(n->ike, n->got.conn, &info)) {
			tell(n, espnic_ipc_put_pool_info(n->message, &info));
			rc = 0;
		}
	}
	tell(n, espnic_ipc_put_result(n->message, n->got.seq, rc ? err : NULL, NULL));
}

/* ---- messages ---- */

static void message(struct net *n, size_t len)
{
	if (!espnic_ipc_get(n->message, len, &n->got)) {
		n->link.dead = true;
		return;
	}
	switch (n->got.type) {
	case ESPNIC_IPC_KERNEL_DONE:
	case ESPNIC_IPC_KEY_DONE:
		step_all(n, &n->got.done);
		break;
	case ESPNIC_IPC_INPUT:
		step_all(n, &n->got.input);
		break;
	case ESPNIC_IPC_CONN:
		conn_begins(n);
		break;
	case ESPNIC_IPC_CHILD_CONF:
		child_comes(n);
		break;
	case ESPNIC_IPC_LOAD:
		load(n);
		break;
	case ESPNIC_IPC_UNLOAD:
		len = espnic_ipc_put_result(n->message, n->got.seq,
					    espnic_ike_conn_unload(n->ike, n->got.conn) ? "no such connection" : NULL, NULL);
		tell(n, len);
		break;
	case ESPNIC_IPC_LIST:
	case ESPNIC_IPC_COUNT:
		list(n);
		break;
	case ESPNIC_IPC_CERT:
		cert(n);
		break;
	case ESPNIC_IPC_POOL:
	case ESPNIC_IPC_POOL_UNLOAD:
	case ESPNIC_IPC_POOL_LOOK:
		pool(n);
		break;
	case ESPNIC_IPC_CERTS_CLEAR:
		espnic_ike_certs_clear(n->ike);
		tell(n, espnic_ipc_put_result(n->message, n->got.seq, NULL, NULL));
		break;
	default:
		n->link.dead = true;
	}
}

static void messages(struct net *n)
{
	size_t len;
	int i;

	for (i = 0; i < BATCH && (len = espnic_link_receive(&n->link, n->message, sizeof(n->message))); i++)
		message(n, len);
	/* answers have MACs in them */
	OPENSSL_cleanse(n->message, sizeof(n->message));
	espnic_ipc_wipe(&n->got);
}

static void datagrams(struct net *n, int which)
{
	struct espnic_ike_input in;
	int i;

	for (i = 0; i < BATCH && n->link.waiting < ESPNIC_LINK_BUSY; i++) {
		if (!espnic_udp_receive(&n->udp, which, n->datagram, sizeof(n->datagram), &in))
			break;
		if (in.kind == ESPNIC_IKE_IN_DATAGRAM)
			step_all(n, &in);
	}
}

/* ---- the loop ---- */

static int wait_ms(const struct net *n)
{
	uint64_t now = now_ms();

	if (n->next_ms <= now)
		return 0;
	return n->next_ms - now > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : (int)(n->next_ms - now);
}

static void turn(struct net *n)
{
	const struct espnic_ike_input timer = { .kind = ESPNIC_IKE_IN_TIMER };
	struct pollfd fds[1 + ESPNIC_UDP_SOCKETS];
	/* while the other process is behind, what peers want waits in the sockets, and is lost there */
	bool busy = n->link.waiting >= ESPNIC_LINK_BUSY;
	int i;

	fds[0] = (struct pollfd){ n->link.fd, espnic_link_events(&n->link), 0 };
	for (i = 0; i < ESPNIC_UDP_SOCKETS; i++)
		fds[1 + i] = (struct pollfd){ busy ? -1 : n->udp.fd[i], POLLIN, 0 };
	if (poll(fds, 1 + ESPNIC_UDP_SOCKETS, wait_ms(n)) < 0 && errno != EINTR)
		n->link.dead = true;
	if (fds[0].revents & POLLOUT)
		espnic_link_flush(&n->link);
	if (fds[0].revents & ~POLLOUT)
		messages(n);
	for (i = 0; i < ESPNIC_UDP_SOCKETS; i++)
		if (fds[1 + i].revents)
			datagrams(n, i);
	if (n->next_ms <= now_ms())
		step_all(n, &timer);
}

int espnic_net_run(struct espnic_udp *u, int link, const struct espnic_ike_settings *set, bool confined)
{
	struct net *n = calloc(1, sizeof(*n));
	char err[ESPNIC_IKE_TEXT] = "out of memory";

	if (n) {
		n->udp = *u;
		n->link.fd = link;
		n->next_ms = UINT64_MAX;
		/* before the rights go: libcrypto reads its configuration, and memory is locked */
		n->ike = espnic_ike_new(set, err);
	}
	if (!n || !n->ike || (confined && espnic_confine_network(err))) {
		fprintf(stderr, "espnic-ike: the process on the network: %s\n", err);
		if (n)
			espnic_ike_free(n->ike);
		free(n);
		return 1;
	}
	while (!n->link.dead)
		turn(n);
	free_conn(n->loading);
	espnic_ike_free(n->ike);
	espnic_link_drop(&n->link);
	espnic_udp_close(&n->udp);
	OPENSSL_cleanse(n, sizeof(*n));
	free(n);
	return 0;
}
