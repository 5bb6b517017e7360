// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two daemons without their sockets: configuration, core, the messages between the processes, secrets and a kernel each. What
 * one puts into its kernel must be what the other has on the other side; and what a core that has been taken over asks for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_kernel.h"
#include "main/rights.h"

enum { MESSAGES = 256, ROUNDS = 64, DEVICE = 3 };

struct datagram {
	struct espnic_ike_endpoint local, remote; /* as the receiver has them */
	bool natt;
	uint8_t *data;
	size_t len;
};

struct peer {
	struct espnic_store store;
	struct fake_kernel k;
	struct espnic_xfrm xfrm;
	struct espnic_log log;
	char *logged;
	size_t log_len;
	struct espnic_sas sas;
	struct espnic_standing standing;
	struct espnic_rights rights;
	struct espnic_vips vips;
	struct espnic_routes routes;
	struct espnic_ike *ike;
	uint64_t next_ms;
};

static struct peer left, right;
static struct datagram queue[MESSAGES];
static unsigned int queued, taken;
static uint64_t now_ms;
static uint8_t message[ESPNIC_IPC_MESSAGE], reply[ESPNIC_IPC_MESSAGE];

static uint32_t device(const struct espnic_ike_child_conf *conf, const struct espnic_ike_addr *local,
		       const struct espnic_ike_addr *remote)
{
	(void)local;
	(void)remote;
	return conf->offload != ESPNIC_IKE_OFFLOAD_NO && strcmp(conf->device, "eth9") != 0 ? DEVICE : 0;
}

static void keep(struct espnic_ike_conn *conn)
{
	(void)conn; /* the store's */
}

static void make(struct peer *p, const char *conf_text, const char *secret)
{
	struct espnic_store_psk psk = { .secret.len = (uint16_t)strlen(secret) };
	struct espnic_ike_settings settings;
	struct espnic_conf_error err;
	char why[ESPNIC_IKE_TEXT];
	struct espnic_conf *conf;
	int rc;

	memset(p, 0, sizeof(*p));
	conf = espnic_conf_parse("f", conf_text, strlen(conf_text), &err);
	assert_non_null(conf);
	if (!espnic_store_load_conn(&p->store, conf, NULL, NULL, &err))
		fail_msg("%s", err.text);
	memcpy(psk.secret.bytes, secret, psk.secret.len);
	assert_int_equal(espnic_store_load_psk(&p->store, &psk, &err), 0);
	p->xfrm = fake_kernel_open(&p->k);
	p->log.out = open_memstream(&p->logged, &p->log_len);
	p->rights = (struct espnic_rights){ .store = &p->store, .xfrm = &p->xfrm, .log = &p->log, .sas = &p->sas,
					   .standing = &p->standing, .vips = &p->vips, .routes = &p->routes };
	p->standing = (struct espnic_standing){ .xfrm = &p->xfrm, .log = &p->log, .sas = &p->sas, .ports = { 500, 4500 },
						.device_of = device };
	espnic_ike_settings_init(&settings);
	settings.reqid_base = ESPNIC_REQID_CORE;
	p->ike = espnic_ike_new(&settings, why);
	if (!p->ike)
		fail_msg("%s", why);
	p->store.conns[0].c.conn->free = keep;
	rc = espnic_ike_conn_load(p->ike, p->store.conns[0].c.conn, why);
	if (rc)
		fail_msg("%s", why);
}

static void drop(struct peer *p)
{
	espnic_ike_free(p->ike);
	espnic_sas_free(&p->sas);
	espnic_store_free(&p->store);
	fclose(p->log.out);
	free(p->logged);
}

static void step(struct peer *p, const struct espnic_ike_input *in);

/* To the process with the rights and back, as bytes. */
static void ask(struct peer *p, size_t len)
{
	static struct espnic_ipc m;
	int rc;

	assert_true(len > 0);
	assert_true(espnic_ipc_get(message, len, &m));
	rc = espnic_rights_handle(&p->rights, &m, reply);
	assert_true(rc >= 0);
	if (!rc)
		return;
	assert_true(espnic_ipc_get(reply, (size_t)rc, &m));
	step(p, &m.done);
}

static void enqueue(const struct espnic_ike_action *a)
{
	struct datagram *d = &queue[queued++];

	assert_true(queued < MESSAGES);
	d->local = a->send.remote;
	d->remote = a->send.local;
	d->natt = a->send.natt;
	d->len = a->send.len;
	d->data = malloc(d->len + 1);
	assert_non_null(d->data);
	memcpy(d->data, a->send.data, d->len);
}

/* Requests are written down before any is answered: an answer is the next step, after which the actions are gone. */
static void step(struct peer *p, const struct espnic_ike_input *in)
{
	struct espnic_ike_actions out;
	uint8_t *requests[8];
	size_t lens[8];
	unsigned int n = 0, i;

	espnic_ike_step(p->ike, in, now_ms, &out);
	p->next_ms = out.next_ms;
	for (i = 0; i < out.n; i++) {
		const struct espnic_ike_action *a = &out.v[i];

		if (a->kind == ESPNIC_IKE_ACT_SEND) {
			enqueue(a);
			continue;
		}
		if (a->kind == ESPNIC_IKE_ACT_KEEPALIVE)
			continue;
		assert_true(n < 8);
		lens[n] = a->kind == ESPNIC_IKE_ACT_KERNEL ? espnic_ipc_put_kernel(message, &a->kernel) :
			  a->kind == ESPNIC_IKE_ACT_KEY	   ? espnic_ipc_put_key(message, &a->key) :
							     espnic_ipc_put_event(message, &a->event);
		assert_true(lens[n] > 0);
		requests[n] = malloc(lens[n]);
		assert_non_null(requests[n]);
		memcpy(requests[n], message, lens[n]);
		n++;
	}
	for (i = 0; i < n; i++) {
		memcpy(message, requests[i], lens[i]);
		free(requests[i]);
		ask(p, lens[i]);
	}
}

/* Carry datagrams until there are none. */
static void settle(void)
{
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_DATAGRAM };

	while (taken < queued) {
		struct datagram d = queue[taken++];

		now_ms++;
		in.datagram.local = d.local;
		in.datagram.remote = d.remote;
		in.datagram.natt = d.natt;
		in.datagram.data = d.data;
		in.datagram.len = d.len;
		step(d.local.addr.bytes[3] == 1 ? &left : &right, &in);
		free(d.data);
	}
	taken = queued = 0;
}

/* What kernel/bypass.h has: four of UDP and five of ICMPv6, each way. */
enum { BYPASSES = 18 };

#define CONF(me, peer, my_ts, peer_ts, child)                                                                             \
	"c {\n local_addrs = " me "\n remote_addrs = " peer "\n proposals = aes128gcm16-prfsha256-x25519\n"              \
	" local { auth = psk }\n remote { auth = psk }\n children { net {\n esp_proposals = aes256gcm16-esn\n local_ts = "    \
	my_ts "\n remote_ts = " peer_ts "\n" child "} } }\n"
#define LEFT(child) CONF("192.0.2.1", "192.0.2.2", "10.1.0.0/16", "10.2.0.0/16", child)
#define RIGHT(child) CONF("192.0.2.2", "192.0.2.1", "10.2.0.0/16", "10.1.0.0/16", child)

static void initiate(void)
{
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_INITIATE };

	in.initiate.conn = "c";
	in.initiate.child = "net";
	step(&left, &in);
	settle();
}

/* The state of @k in that direction; there is one. */
static struct espnic_xfrm_sa state_of(struct fake_kernel *k, uint8_t dir)
{
	struct espnic_xfrm_sa sa;
	int i;

	for (i = 0; i < FAKE_OBJECTS; i++)
		if (k->object[i].used && !k->object[i].policy &&
		    espnic_xfrm_get_sa((struct nlmsghdr *)k->object[i].msg, &sa) && sa.dir == dir)
			return sa;
	fflush(left.log.out);
	fflush(right.log.out);
	fail_msg("no state: left: %s right: %s", left.logged, right.logged);
	return sa;
}

static void mirrored(const struct espnic_xfrm_sa *out, const struct espnic_xfrm_sa *in)
{
	assert_int_equal(out->spi, in->spi);
	assert_true(espnic_addr_equal(&out->src, &in->src));
	assert_true(espnic_addr_equal(&out->dst, &in->dst));
	assert_int_equal(out->aead.len, 36);
	assert_memory_equal(&out->aead, &in->aead, sizeof(out->aead));
	assert_true(out->flags & XFRM_STATE_ESN && in->flags & XFRM_STATE_ESN);
}

static void test_up(void **state)
{
	struct espnic_xfrm_sa lo, li, ro, ri;

	(void)state;
	make(&left, LEFT("hw_offload = packet\n interface = eth0\n"), "swordfish");
	make(&right, RIGHT(""), "swordfish");
	initiate();
	lo = state_of(&left.k, XFRM_SA_DIR_OUT);
	li = state_of(&left.k, XFRM_SA_DIR_IN);
	ro = state_of(&right.k, XFRM_SA_DIR_OUT);
	ri = state_of(&right.k, XFRM_SA_DIR_IN);
	mirrored(&lo, &ri);
	mirrored(&ro, &li);
	assert_int_equal(lo.offload, ESPNIC_XFRM_PACKET);
	assert_int_equal(li.ifindex, DEVICE);
	assert_int_equal(ro.offload, ESPNIC_XFRM_SOFTWARE);
	/* its own three with two blocks under each of the two offloaded ones, and what IKE and discovery need of the device */
	assert_int_equal(fake_count(&left.k, true), 7 + BYPASSES);
	assert_int_equal(fake_count(&right.k, true), 3);
	fflush(left.log.out);
	assert_non_null(strstr(left.logged, "event=\"child-up\" conn=\"c\" child=\"net\""));
	drop(&left);
	drop(&right);
}

/* A kernel that refuses leaves nothing, at either end. */
static void test_kernel_refuses(void **state)
{
	(void)state;
	make(&left, LEFT("hw_offload = packet\n interface = eth0\n"), "swordfish");
	make(&right, RIGHT(""), "swordfish");
	left.k.declines_packet = true;
	initiate();
	assert_int_equal(fake_count(&left.k, false), 0);
	assert_int_equal(fake_count(&left.k, true), 0);
	assert_int_equal(left.sas.n, 0);
	fflush(left.log.out);
	assert_non_null(strstr(left.logged, "not offloaded"));
	assert_int_equal(fake_count(&right.k, false), 0);
	assert_int_equal(fake_count(&right.k, true), 0);
	drop(&left);
	drop(&right);
}

static void test_wrong_secret(void **state)
{
	(void)state;
	make(&left, LEFT(""), "swordfish");
	make(&right, RIGHT(""), "codfish");
	initiate();
	assert_int_equal(fake_count(&left.k, false) + fake_count(&right.k, false), 0);
	fflush(left.log.out);
	assert_non_null(strstr(left.logged, "event=\"ike-failed\""));
	drop(&left);
	drop(&right);
}

/* ---- a network's side that has been taken over ---- */

static uint8_t keys[36];

/* The answer to an operation changed by @spoil: its text, "" if it was done. */
static const char *refused(void (*spoil)(struct espnic_ike_kernel_op *op, struct espnic_ike_ts *l, struct espnic_ike_ts *r))
{
	static struct espnic_ipc m;
	struct espnic_ike_ts l = { .family = 4, .port_to = UINT16_MAX, .from = { 10, 1 }, .to = { 10, 1, 255, 255 } };
	struct espnic_ike_ts r = { .family = 4, .port_to = UINT16_MAX, .from = { 10, 2, 3 }, .to = { 10, 2, 3, 255 } };
	struct espnic_ike_kernel_op op = {
		.kind = ESPNIC_IKE_KERNEL_INSTALL, .conn = "c", .conf = &left.store.conns[0].c.conn->children[0], .child_id = 1,
		.reqid = ESPNIC_REQID_CORE, .spi_in = 0x1000, .spi_out = 0x2000, .policies = true, .encr = espnic_ike_alg(ESPNIC_IKE_ENCR, 20, 256),
		.encr_in = keys, .encr_out = keys, .ts_local = &l, .ts_remote = &r, .n_local = 1, .n_remote = 1,
		.local.addr = { 4, { 192, 0, 2, 1 } }, .remote.addr = { 4, { 192, 0, 2, 2 } },
	};
	size_t len;
	int rc;

	if (spoil)
		spoil(&op, &l, &r);
	len = espnic_ipc_put_kernel(message, &op);
	assert_true(len > 0);
	assert_true(espnic_ipc_get(message, len, &m));
	rc = espnic_rights_handle(&left.rights, &m, reply);
	assert_true(rc > 0);
	assert_true(espnic_ipc_get(reply, (size_t)rc, &m));
	return m.done.kernel.text ? m.done.kernel.text : "";
}

#define SPOIL(name, what)                                                                                            \
	static void name(struct espnic_ike_kernel_op *op, struct espnic_ike_ts *l, struct espnic_ike_ts *r)          \
	{                                                                                                            \
		(void)op;                                                                                            \
		(void)l;                                                                                             \
		(void)r;                                                                                             \
		what;                                                                                                \
	}

SPOIL(everything, { memset(r->from, 0, 4); memset(r->to, 255, 4); })
SPOIL(other_side, l->from[0] = 9)
SPOIL(no_selectors, op->n_remote = 0)
SPOIL(other_conn, op->conn = "d")
SPOIL(no_conn, op->conn = NULL)
SPOIL(no_keys, op->encr_out = NULL)
SPOIL(other_peer, op->remote.addr.bytes[3] = 3)
SPOIL(other_mode, op->mode = ESPNIC_IKE_TRANSPORT)
SPOIL(other_reqid, op->reqid = 1)
SPOIL(other_algorithm, op->encr = espnic_ike_alg(ESPNIC_IKE_ENCR, 20, 128))
SPOIL(other_spi, op->kind = ESPNIC_IKE_KERNEL_INSTALL_OUT; op->spi_in = 0x1001)
SPOIL(nothing_there, op->kind = ESPNIC_IKE_KERNEL_QUERY; op->child_id = 7)
SPOIL(moved, op->kind = ESPNIC_IKE_KERNEL_MIGRATE)
SPOIL(moved_away, op->kind = ESPNIC_IKE_KERNEL_MIGRATE; op->remote.addr.bytes[3] = 3)
SPOIL(moved_other, op->kind = ESPNIC_IKE_KERNEL_MIGRATE; op->spi_in = 0x1001)
SPOIL(no_auth, op->encr = espnic_ike_alg(ESPNIC_IKE_ENCR, 12, 256))

/* A delete of child @id; then so many states are there. It names others' SPIs and addresses, which count for nothing. */
static void deleted(uint32_t id, unsigned int left_over)
{
	static struct espnic_ipc m;
	struct espnic_ike_kernel_op op = { .kind = ESPNIC_IKE_KERNEL_DELETE, .conn = "c", .child_id = id, .spi_in = 0x1000,
					   .spi_out = 0x2000, .policies = true };

	assert_true(espnic_ipc_get(message, espnic_ipc_put_kernel(message, &op), &m));
	assert_int_equal(espnic_rights_handle(&left.rights, &m, reply), 0);
	assert_int_equal(fake_count(&left.k, false), left_over);
}

static void test_taken_over(void **state)
{
	(void)state;
	make(&left, LEFT(""), "swordfish");
	assert_string_equal(refused(everything), "selectors outside of the configured ones");
	assert_string_equal(refused(other_side), "selectors outside of the configured ones");
	assert_string_equal(refused(no_selectors), "selectors outside of the configured ones");
	assert_string_equal(refused(other_conn), "no such child is configured");
	assert_string_equal(refused(no_conn), "no such child is configured");
	assert_string_equal(refused(no_keys), "an SA without keys");
	assert_string_equal(refused(no_auth), "an SA without authentication");
	assert_string_equal(refused(other_peer), "a peer outside of the configured ones");
	assert_string_equal(refused(other_mode), "another mode than the configured one");
	assert_string_equal(refused(other_reqid), "a reqid that is not ours");
	assert_string_equal(refused(other_algorithm), "an algorithm that is not configured");
	assert_string_equal(refused(nothing_there), "no such child");
	assert_string_equal(refused(moved), "no such child");
	assert_int_equal(left.k.calls, 0);
	fflush(left.log.out);
	assert_non_null(strstr(left.logged, "event=\"refused\" text=\"conn=c child=net: selectors outside of the configured ones\""));
	assert_string_equal(refused(NULL), "");
	assert_int_equal(fake_count(&left.k, false), 2);
	assert_string_equal(refused(other_spi), "a child of another SPI");
	assert_string_equal(refused(moved_away), "a peer outside of the configured ones");
	assert_string_equal(refused(moved_other), "no such child");
	assert_string_equal(refused(NULL), "no such child, one that is there, or no memory");
	assert_int_equal(fake_count(&left.k, false), 2);
	deleted(2, 2);
	deleted(1, 0);
	drop(&left);
}

/* ---- virtual addresses ---- */

SPOIL(given, l->from[2] = l->to[2] = 0; l->from[3] = l->to[3] = 9)
SPOIL(given_network, l->to[2] = l->to[3] = 0; l->to[3] = 9)
SPOIL(not_given, l->from[2] = l->to[2] = 0; l->from[3] = l->to[3] = 8)
SPOIL(real, memcpy(l->from, "\xc0\x00\x02\x01", 4); memcpy(l->to, l->from, 4))
SPOIL(leased, given(op, l, r); memcpy(r->from, "\x0a\x03\x00\x07", 4); memcpy(r->to, r->from, 4))
SPOIL(not_leased, given(op, l, r); memcpy(r->from, "\x0a\x03\x00\x0a", 4); memcpy(r->to, r->from, 4))
SPOIL(whole_pool, given(op, l, r); memcpy(r->from, "\x0a\x03\x00\x01", 4); memcpy(r->to, "\x0a\x03\x00\x09", 4))

static void put_address(bool add, const char *conn, const char *text)
{
	struct espnic_ike_address_op op = { .add = add, .conn = conn };
	static struct espnic_ipc m;

	assert_int_equal(espnic_ike_addr_parse(&op.addr, text), 0);
	assert_true(espnic_ipc_get(message, espnic_ipc_put_address(message, &op), &m));
	assert_int_equal(espnic_rights_handle(&left.rights, &m, reply), 0);
}

/* "dynamic" is what a peer gave us, or what is in a pool of the peer's connection: nothing that the process on the network makes up. */
static void test_virtual(void **state)
{
	static const char outside[] = "selectors outside of the configured ones";
	struct espnic_store_pool pool = { .conf = { .name = "p", .from = { 4, { 10, 3, 0, 1 } }, .to = { 4, { 10, 3, 0, 9 } } } };
	struct espnic_conf_error err;

	(void)state;
	make(&left, LEFT(""), "swordfish");
	left.store.conns[0].c.conn->n_vips = 1;
	left.store.conns[0].c.conn->children[0].local[0] = (struct espnic_ike_ts){ .dynamic = true, .port_to = UINT16_MAX };
	assert_string_equal(refused(given), outside);
	put_address(true, "d", "10.1.0.9");
	put_address(true, "c", "127.0.0.1");
	assert_int_equal(left.vips.n, 0);
	fflush(left.log.out);
	assert_non_null(strstr(left.logged, "event=\"address\" text=\"conn=d 10.1.0.9: none is configured\""));
	assert_non_null(strstr(left.logged, "event=\"address\" text=\"conn=c 127.0.0.1: no unicast address\""));
	put_address(true, "c", "10.1.0.9");
	put_address(true, "c", "10.1.0.9");
	assert_string_equal(refused(not_given), outside);
	assert_string_equal(refused(given_network), outside);
	assert_string_equal(refused(real), "");
	deleted(1, 0);
	assert_string_equal(refused(given), "");
	deleted(1, 0);
	/* it is there until it has gone as often as it came */
	put_address(false, "c", "10.1.0.9");
	assert_string_equal(refused(given), "");
	deleted(1, 0);
	left.store.conns[0].c.conn->children[0].remote[0] = (struct espnic_ike_ts){ .dynamic = true, .port_to = UINT16_MAX };
	left.store.conns[0].c.conn->n_pools = 1;
	strcpy(left.store.conns[0].c.conn->pools[0], "p");
	assert_string_equal(refused(leased), outside);
	assert_int_equal(espnic_store_load_pool(&left.store, &pool, &err), 0);
	assert_string_equal(refused(not_leased), outside);
	assert_string_equal(refused(whole_pool), outside);
	assert_string_equal(refused(leased), "");
	deleted(1, 0);
	put_address(false, "c", "10.1.0.9");
	put_address(false, "c", "10.1.0.9");
	assert_string_equal(refused(leased), outside);
	drop(&left);
}

/* ---- other addresses ---- */

/* A connection of MOBIKE whose one side, left's, is at home anywhere. */
#define ROAMING(child)                                                                                                    \
	"c {\n remote_addrs = 192.0.2.2\n mobike = yes\n proposals = aes128gcm16-prfsha256-x25519\n"                \
	" local { auth = psk }\n remote { auth = psk }\n children { net {\n esp_proposals = aes256gcm16-esn\n local_ts = "     \
	"10.1.0.0/16\n remote_ts = 10.2.0.0/16\n" child "} } }\n"
#define HOME(child)                                                                                                       \
	"c {\n local_addrs = 192.0.2.2\n mobike = yes\n proposals = aes128gcm16-prfsha256-x25519\n"                 \
	" local { auth = psk }\n remote { auth = psk }\n children { net {\n esp_proposals = aes256gcm16-esn\n local_ts = "     \
	"10.2.0.0/16\n remote_ts = 10.1.0.0/16\n" child "} } }\n"

/* Left begins at 192.0.2.1, which then is 198.51.100.1. */
static void roam(const char *child, const char *at_home)
{
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_INITIATE };

	make(&left, child, "swordfish");
	make(&right, at_home, "swordfish");
	left.k.moves_offloaded = right.k.moves_offloaded = false;
	in.initiate.conn = "c";
	in.initiate.child = "net";
	in.initiate.local = (struct espnic_ike_addr){ 4, { 192, 0, 2, 1 } };
	step(&left, &in);
	settle();
	memset(&in, 0, sizeof(in));
	in.kind = ESPNIC_IKE_IN_ADDRESS;
	in.address.gone = (struct espnic_ike_addr){ 4, { 192, 0, 2, 1 } };
	in.address.fresh = (struct espnic_ike_addr){ 4, { 198, 51, 100, 1 } };
	step(&left, &in);
	settle();
}

static bool at(const struct espnic_addr *addr, const char *want)
{
	char text[ESPNIC_ADDR_TEXT];

	return !strcmp(espnic_addr_text(addr, text, sizeof(text)), want);
}

static void look_up(void *ctx, struct espnic_sa *sa)
{
	*(struct espnic_sa **)ctx = sa;
}

static void test_moved(void **state)
{
	struct espnic_sa *sa = NULL;
	struct espnic_xfrm_sa lo, ri;

	(void)state;
	roam(ROAMING(""), HOME(""));
	lo = state_of(&left.k, XFRM_SA_DIR_OUT);
	ri = state_of(&right.k, XFRM_SA_DIR_IN);
	mirrored(&lo, &ri);
	assert_true(at(&lo.src, "198.51.100.1"));
	assert_int_equal(fake_count(&left.k, false) + fake_count(&right.k, false), 4);
	espnic_sas_each(&left.sas, look_up, &sa);
	assert_non_null(sa);
	assert_string_equal(sa->moved, "with its keys and numbers");
	assert_int_equal(sa->local.addr.bytes[0], 198);
	fflush(left.log.out);
	assert_null(strstr(left.logged, "child-rekeyed"));
	drop(&left);
	drop(&right);
}

/* Linux moves nothing that is offloaded: a new one takes its place, with a word of why. */
static void test_made_anew(void **state)
{
	struct espnic_sa *sa = NULL;
	struct espnic_xfrm_sa lo, ri;

	(void)state;
	roam(ROAMING("hw_offload = packet\n interface = eth0\n"), HOME(""));
	lo = state_of(&left.k, XFRM_SA_DIR_OUT);
	ri = state_of(&right.k, XFRM_SA_DIR_IN);
	mirrored(&lo, &ri);
	assert_true(at(&lo.src, "198.51.100.1"));
	assert_int_equal(lo.offload, ESPNIC_XFRM_PACKET);
	assert_int_equal(fake_count(&left.k, false) + fake_count(&right.k, false), 4);
	espnic_sas_each(&left.sas, look_up, &sa);
	assert_non_null(sa);
	assert_non_null(sa->moved);
	assert_memory_equal(sa->moved, "made anew: state esp spi 0x", 27);
	assert_non_null(strstr(sa->moved, "Type doesn't support offload"));
	fflush(left.log.out);
	assert_non_null(strstr(left.logged, "not_moved state esp spi"));
	assert_non_null(strstr(left.logged, "child-rekeyed"));
	drop(&left);
	drop(&right);
}

/* ---- policies that more than one child has ---- */

static void end_one(struct peer *p, uint32_t ike_id, uint32_t child_id)
{
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_TERMINATE, .terminate = { .ike_id = ike_id, .child_id = child_id } };

	step(p, &in);
	settle();
}

static unsigned int pairs(const struct peer *p)
{
	return fake_count(&p->k, false) / 2;
}

/* Two children of one IKE SA with the same selectors: the policies are there until both have gone, whichever goes first. */
static void test_doubled(void **state)
{
	(void)state;
	for (uint32_t first = 1; first <= 2; first++) {
		make(&left, LEFT("hw_offload = packet\n interface = eth0\n"), "swordfish");
		make(&right, RIGHT(""), "swordfish");
		initiate();
		initiate();
		assert_int_equal(pairs(&left), 2);
		end_one(&left, 0, first);
		assert_int_equal(pairs(&left), 1);
		assert_int_equal(pairs(&right), 1);
		assert_int_equal(fake_count(&left.k, true), 7 + BYPASSES);
		assert_int_equal(fake_count(&right.k, true), 3);
		end_one(&left, 0, 3 - first);
		assert_int_equal(pairs(&left) + pairs(&right), 0);
		assert_int_equal(fake_count(&left.k, true), BYPASSES);
		assert_int_equal(fake_count(&right.k, true), 0);
		drop(&left);
		drop(&right);
	}
}

/* The same of two IKE SAs, as they come when both sides begin at once. */
static void test_of_two_sas(void **state)
{
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_INITIATE, .initiate = { .conn = "c", .child = "net" } };

	(void)state;
	for (uint32_t first = 1; first <= 2; first++) {
		make(&left, LEFT(""), "swordfish");
		make(&right, RIGHT("hw_offload = packet\n interface = eth0\n"), "swordfish");
		step(&left, &in);
		step(&right, &in);
		settle();
		assert_int_equal(pairs(&left), 2);
		end_one(&left, first, 0);
		assert_int_equal(pairs(&left), 1);
		assert_int_equal(fake_count(&left.k, true), 3);
		assert_int_equal(fake_count(&right.k, true), 7 + BYPASSES);
		end_one(&right, 3 - first, 0);
		end_one(&right, first, 0);
		assert_int_equal(pairs(&left) + pairs(&right), 0);
		assert_int_equal(fake_count(&left.k, true), 0);
		assert_int_equal(fake_count(&right.k, true), BYPASSES);
		drop(&left);
		drop(&right);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_up),
		cmocka_unit_test(test_doubled),
		cmocka_unit_test(test_of_two_sas),
		cmocka_unit_test(test_kernel_refuses),
		cmocka_unit_test(test_wrong_secret),
		cmocka_unit_test(test_taken_over),
		cmocka_unit_test(test_virtual),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_made_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
