// SPDX-License-Identifier: BSD-2-Clause
/* IKE_SA_INIT and IKE_AUTH between two cores. */
#include "pair.h"

enum { ROUND = 1500 };
enum { SA_INIT = 34 }; /* exchange */

struct suites {
	const char *ike, *esp;
};

static void with_suites(struct espnic_ike_conn *conn, void *ctx)
{
	const struct suites *s = ctx;

	pair_proposals(conn, s->ike, s->esp);
}

static void up(void **state)
{
	(void)state;
	pair_meet(NULL, NULL, NULL);
	pair_expect(1);
	assert_int_equal(p.sent[LEFT], 2);
	assert_int_equal(p.sent[RIGHT], 2);
	assert_int_equal(p.host[LEFT].events[ESPNIC_IKE_EV_CHILD_UP], 1);
	assert_int_equal(p.host[RIGHT].events[ESPNIC_IKE_EV_IKE_UP], 1);
	assert_false(p.host[LEFT].ksa[0].encap);
}

/* Every algorithm of the registry at least once. */
static void all_suites(void **state)
{
	static struct suites suites[] = {
		{ "aes256gcm16-prfsha384-ecp384", "aes256gcm16-noesn" }, { "aes192gcm12-prfsha512-ecp256", "aes128gcm12-esn" },
		{ "aes128gcm8-prfsha256-ecp521", "aes256gcm8" }, { "chacha20poly1305-prfsha256-modp2048", "chacha20poly1305" },
		{ "aes128-sha256-modp3072", "aes128-sha256" }, { "aes192-sha384-modp4096", "aes192-sha384-esn" },
		{ "aes256-sha512-x25519", "aes256-sha512-noesn" }, { "default", "default" },
	};

	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		pair_again(i);
		pair_meet(with_suites, &suites[i], &suites[i]);
		pair_expect(1);
	}
	(void)state;
}

static void other_group(void **state)
{
	static struct suites left = { "aes128gcm16-prfsha256-x25519-ecp384", "aes128gcm16" };
	static struct suites right = { "aes128gcm16-prfsha256-ecp384", "aes128gcm16" };

	pair_meet(with_suites, &left, &right);
	pair_expect(1);
	assert_int_equal(p.sent[LEFT], 3);
	assert_int_equal(espnic_ike_counters(p.host[RIGHT].ike)->ke_invalid, 1);
	(void)state;
}

static void no_proposal(void **state)
{
	static struct suites left = { "aes128gcm16-prfsha256-x25519", "aes128gcm16" };
	static struct suites right = { "aes256gcm16-prfsha256-x25519", "aes128gcm16" };

	pair_meet(with_suites, &left, &right);
	pair_expect_nothing();
	assert_string_equal(p.host[LEFT].text, "refused by NO_PROPOSAL_CHOSEN (14)");
	assert_string_equal(p.host[RIGHT].text, "no_proposal of IKE_SA_INIT is configured");
	(void)state;
}

static void no_child_proposal(void **state)
{
	static struct suites left = { "aes128gcm16-prfsha256-x25519", "aes128gcm16" };
	static struct suites right = { "aes128gcm16-prfsha256-x25519", "aes256gcm16" };

	pair_meet(with_suites, &left, &right);
	/* The IKE SA stands: RFC 7296 1.2. */
	pair_expect(0);
	assert_string_equal(p.host[LEFT].text, "refused by NO_PROPOSAL_CHOSEN (14)");
	(void)state;
}

static void wrong_secret(void **state)
{
	(void)state;
	p.host[LEFT].psk = "another secret";
	peers_conns(&p);
	peers_initiate(&p, LEFT, NULL);
	peers_wait(&p, MINUTE);
	pair_expect_nothing();
	assert_string_equal(p.host[LEFT].text, "refused by AUTHENTICATION_FAILED (24)");
	assert_string_equal(p.host[RIGHT].text, "auth_failed the peer's AUTH is wrong");
	assert_int_equal(p.host[RIGHT].kernel_ops, 0);
}

/* A responder that knows the initiator's secret for another but itself: only the initiator can tell. */
static void wrong_responder(void **state)
{
	(void)state;
	peers_conns(&p);
	peers_initiate(&p, LEFT, NULL);
	peers_run(&p, 15);	/* up to its IKE_AUTH, whose own AUTH was made by then */
	peers_run(&p, 10);
	p.host[LEFT].psk = "another secret";
	peers_wait(&p, MINUTE);
	pair_expect_nothing();
	assert_string_equal(p.host[LEFT].text, "auth_failed the peer's AUTH is wrong");
	assert_int_equal(p.host[LEFT].kernel_ops, 0);
}

static void no_secret(void **state)
{
	(void)state;
	p.host[RIGHT].psk = NULL;
	peers_conns(&p);
	peers_initiate(&p, LEFT, NULL);
	peers_wait(&p, MINUTE);
	pair_expect_nothing();
	assert_string_equal(p.host[RIGHT].text, "auth_failed there is no secret for this peer");
}

static void other_id(struct espnic_ike_conn *conn, void *ctx)
{
	char err[ESPNIC_IKE_TEXT];

	assert_int_equal(espnic_ike_id_parse(&conn->auth_remote.id, ctx, err), 0);
}

static void wrong_id(void **state)
{
	(void)state;
	peers_conn(&p, LEFT, NULL, NULL);
	peers_conn(&p, RIGHT, other_id, "someone.else");
	peers_initiate(&p, LEFT, NULL);
	peers_wait(&p, MINUTE);
	pair_expect_nothing();
	assert_string_equal(p.host[RIGHT].text, "auth_failed no connection for this identity");
	peers_free(&p);
	/* The initiator's own check: IDr is not sent for a pattern. */
	peers_init(&p, 1, NULL);
	peers_conn(&p, LEFT, other_id, "*.org");
	peers_conn(&p, RIGHT, NULL, NULL);
	peers_initiate(&p, LEFT, NULL);
	peers_wait(&p, MINUTE);
	pair_expect_nothing();
	assert_string_equal(p.host[LEFT].text, "auth_failed the peer has another identity or method than is configured");
}

static void wildcard_id(void **state)
{
	(void)state;
	pair_meet(other_id, "*.example", "%any");
	pair_expect(1);
}

static void ask_cookies(struct espnic_ike_settings *set)
{
	set->cookie_threshold = 0;
}

static void cookies(void **state)
{
	(void)state;
	peers_free(&p);
	peers_init(&p, 1, ask_cookies);
	peers_conns(&p);
	peers_initiate(&p, LEFT, NULL);
	peers_run(&p, 35);
	/* No state for whom no cookie has come back from. */
	assert_int_equal(espnic_ike_counters(p.host[RIGHT].ike)->rx_cookie_asked, 1);
	assert_int_equal(espnic_ike_counters(p.host[RIGHT].ike)->rx_cookie_bad, 0);
	peers_run(&p, MINUTE);
	pair_expect(1);
	assert_int_equal(p.sent[LEFT], 3);
}

static bool all_twice(struct peers *peers, struct peers_item *item, void *ctx)
{
	(void)item;
	(void)ctx;
	peers->copy = true;
	return true;
}

/* Each answer that asks for another request comes twice: one is made, with the public value of the first if the group is the same (2.6). */
static void asked_twice(void **state)
{
	static struct suites left = { "aes128gcm16-prfsha256-x25519-ecp384", "aes128gcm16" };
	static struct suites right = { "aes128gcm16-prfsha256-ecp384", "aes128gcm16" };

	(void)state;
	peers_free(&p);
	peers_init(&p, 1, ask_cookies);
	p.wire = all_twice;
	peers_conn(&p, LEFT, with_suites, &left);
	peers_conn(&p, RIGHT, with_suites, &right);
	peers_initiate(&p, LEFT, NULL);
	peers_run(&p, MINUTE);
	pair_expect(1);
	/* without, with a cookie, of the other group, and IKE_AUTH */
	assert_int_equal(p.sent[LEFT], 4);
}

static void few_of_an_address(struct espnic_ike_settings *set)
{
	set->half_open_addr = 2;
}

/* Of every exchange the last datagram is lost: nobody gets beyond IKE_SA_INIT. */
static bool no_auth(struct peers *peers, struct peers_item *item, void *ctx)
{
	(void)peers;
	(void)ctx;
	return item->data[EXCHANGE_AT] == SA_INIT;
}

/* Cookies prove an address, which may have eight then and no more; who has another is not concerned. */
static void one_address(void **state)
{
	static const unsigned int first = 2, all = 8;
	const struct espnic_ike_counters *count;

	(void)state;
	peers_free(&p);
	peers_init(&p, 1, few_of_an_address);
	p.wire = no_auth;
	peers_conns(&p);
	count = espnic_ike_counters(p.host[RIGHT].ike);
	for (unsigned int i = 1; i <= all + 2; i++) {
		peers_initiate(&p, LEFT, NULL);
		peers_run(&p, 100);
		peers_terminate(&p, LEFT, 0, 0);
		peers_run(&p, 100);
		assert_int_equal(count->half_open, i < all ? i : all);
	}
	assert_int_equal(count->rx_cookie_asked, all - first);
	assert_int_equal(count->rx_half_open, 2);
	p.wire = NULL;
	p.host[LEFT].at.addr.bytes[3]++;
	peers_conns(&p);
	peers_initiate(&p, LEFT, NULL);
	peers_run(&p, 1000);
	assert_int_equal(peers_sas(&p, RIGHT, ESPNIC_IKE_ESTABLISHED), 1);
}

/* Of every two datagrams of a side the second arrives. */
static bool first_lost(struct peers *peers, struct peers_item *item, void *ctx)
{
	unsigned int *seen = ctx;

	(void)peers;
	return seen[item->to]++ % 2;
}

static void losses(void **state)
{
	unsigned int seen[2] = { 0, 0 };

	(void)state;
	p.wire = first_lost;
	p.ctx = seen;
	peers_conns(&p);
	peers_initiate(&p, LEFT, NULL);
	peers_wait(&p, MINUTE);
	pair_expect(1);
	assert_true(espnic_ike_counters(p.host[LEFT].ike)->tx_retransmits >= 2);
	assert_true(espnic_ike_counters(p.host[RIGHT].ike)->rx_retransmits >= 1);
}

static void nobody(void **state)
{
	(void)state;
	p.wire = pair_all_lost;
	peers_conns(&p);
	peers_initiate(&p, LEFT, NULL);
	peers_wait(&p, 10 * MINUTE);
	pair_expect_nothing();
	assert_string_equal(p.host[LEFT].text, "timeout the peer does not answer");
	assert_int_equal(p.sent[LEFT], 1 + p.host[LEFT].set.retransmit_tries);
}

static void all_traffic(struct espnic_ike_conn *conn, void *ctx)
{
	const struct espnic_ike_addr *peer = ctx;
	struct espnic_ike_ts all = { .family = 4, .port_to = 65535, .to = { 255, 255, 255, 255 } };

	conn->children[0].local[0] = conn->children[0].remote[0] = all;
	if (peer)
		conn->remote[0].addr = *peer;
}

static void nat(void **state)
{
	struct espnic_ike_endpoint seen = { { 4, { 203, 0, 113, 9 } }, 40000 };

	(void)state;
	p.host[LEFT].seen = seen;
	pair_meet(all_traffic, NULL, &seen.addr);
	pair_expect(1);
	assert_true(p.host[LEFT].ksa[0].encap);
	/* The responder has followed to the mapped port. */
	peers_expire(&p, RIGHT, 0);
	peers_run(&p, MINUTE);
	pair_expect(1);
	assert_int_equal(p.host[RIGHT].events[ESPNIC_IKE_EV_CHILD_REKEYED], 1);
}

static void small_packets(struct espnic_ike_settings *set)
{
	set->fragment_size = 130;
}

static bool pieces(struct peers *peers, struct peers_item *item, void *ctx)
{
	enum { NEXT = 16, SKF = 53, IKE_AUTH = 35 };
	unsigned int *n = ctx;

	if (item->data[NEXT + 2] != IKE_AUTH)
		return true;
	assert_int_equal(item->data[NEXT], SKF);
	assert_true(item->len <= 130 - 28);
	(*n)++;
	/* Some are lost, some come late and some twice. */
	item->at += peers_random(peers) % 100;
	peers->copy = *n % 3 == 0;
	return peers_random(peers) % 5 != 0;
}

static void fragments(void **state)
{
	unsigned int n = 0;

	(void)state;
	peers_free(&p);
	peers_init(&p, 1, small_packets);
	p.wire = pieces;
	p.ctx = &n;
	peers_conns(&p);
	peers_initiate(&p, LEFT, NULL);
	peers_wait(&p, MINUTE);
	pair_expect(1);
	assert_true(n >= 6);
	assert_true(espnic_ike_counters(p.host[RIGHT].ike)->rx_fragments >= 3);
	assert_int_equal(espnic_ike_counters(p.host[RIGHT].ike)->rx_fragment_bad, 0);
	assert_int_equal(espnic_ike_counters(p.host[RIGHT].ike)->rx_integrity, 0);
}

static void no_fragments(struct espnic_ike_conn *conn, void *ctx)
{
	(void)ctx;
	conn->fragmentation = ESPNIC_IKE_USE_NO;
}

static void without_fragments(void **state)
{
	(void)state;
	peers_free(&p);
	peers_init(&p, 1, small_packets);
	peers_conn(&p, LEFT, no_fragments, NULL);
	peers_conn(&p, RIGHT, NULL, NULL);
	peers_initiate(&p, LEFT, NULL);
	peers_run(&p, MINUTE);
	pair_expect(1);
	assert_int_equal(espnic_ike_counters(p.host[RIGHT].ike)->rx_fragments, 0);
}

static void encap(struct espnic_ike_conn *conn, void *ctx)
{
	(void)ctx;
	conn->encap = true;
}

static void forced_encap(void **state)
{
	(void)state;
	peers_conn(&p, LEFT, encap, NULL);
	peers_conn(&p, RIGHT, NULL, NULL);
	peers_initiate(&p, LEFT, NULL);
	peers_run(&p, MINUTE);
	pair_expect(1);
	assert_true(p.host[LEFT].ksa[0].encap);
	assert_true(p.host[RIGHT].ksa[0].encap);
}

static void transport_mode(struct espnic_ike_conn *conn, void *ctx)
{
	(void)ctx;
	conn->children[0].mode = ESPNIC_IKE_TRANSPORT;
}

static void transport(void **state)
{
	(void)state;
	pair_meet(transport_mode, NULL, NULL);
	pair_expect(1);
	assert_int_equal(p.host[LEFT].ksa[0].mode, ESPNIC_IKE_TRANSPORT);
	assert_int_equal(p.host[RIGHT].ksa[0].mode, ESPNIC_IKE_TRANSPORT);
}

/* Each install of either side fails in turn: nothing half stands. */
static void kernel_refuses(void **state)
{
	(void)state;
	for (int who = LEFT; who <= RIGHT; who++) {
		pair_again(1);
		peers_conns(&p);
		p.host[who].fail_install = 1;
		peers_initiate(&p, LEFT, NULL);
		peers_run(&p, MINUTE);
		pair_expect(0);
		assert_string_equal(p.host[who].text, "kernel no room");
	}
}

static void both_at_once(void **state)
{
	(void)state;
	peers_conns(&p);
	peers_initiate(&p, LEFT, NULL);
	peers_initiate(&p, RIGHT, NULL);
	peers_wait(&p, MINUTE);
	assert_true(peers_agree(&p));
	assert_true(peers_sas(&p, LEFT, ESPNIC_IKE_ESTABLISHED) == peers_sas(&p, RIGHT, ESPNIC_IKE_ESTABLISHED));
	assert_true(peers_sas(&p, LEFT, ESPNIC_IKE_ESTABLISHED) >= 1);
}

static void more_children(void **state)
{
	(void)state;
	pair_meet(NULL, NULL, NULL);
	peers_initiate(&p, RIGHT, "more");
	peers_run(&p, MINUTE);
	pair_expect(2);
	peers_initiate(&p, LEFT, "none");
	assert_string_equal(p.host[LEFT].text, "unknown no such connection or child");
}

static void terminated(void **state)
{
	(void)state;
	pair_meet(NULL, NULL, NULL);
	peers_initiate(&p, LEFT, "more");
	peers_run(&p, MINUTE);
	pair_expect(2);
	peers_terminate(&p, RIGHT, 0, p.host[RIGHT].ksa[0].child_id);
	peers_run(&p, MINUTE);
	pair_expect(1);
	peers_terminate(&p, LEFT, 1, 0);
	peers_run(&p, MINUTE);
	pair_expect_nothing();
	assert_int_equal(p.host[RIGHT].events[ESPNIC_IKE_EV_IKE_DOWN], 1);
}

static void unloadable(void **state)
{
	struct espnic_ike_conn *c = peers_conn_make(&p, LEFT);
	char err[ESPNIC_IKE_TEXT];

	c->reauth_ms = 1;
	assert_int_equal(espnic_ike_conn_load(p.host[LEFT].ike, c, err), -22);
	assert_string_equal(err, "connection `both': reauthentication is not supported (reauth_time = 0)");
	c->reauth_ms = 0;
	c->children[1].n_remote = 0;
	assert_int_equal(espnic_ike_conn_load(p.host[LEFT].ike, c, err), -22);
	assert_string_equal(err, "connection `both', child more: no traffic selectors, or too many");
	c->free(c);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(up), TEST(all_suites), TEST(other_group), TEST(no_proposal), TEST(no_child_proposal), TEST(wrong_secret),
		TEST(wrong_responder), TEST(no_secret), TEST(wrong_id), TEST(wildcard_id), TEST(cookies), TEST(asked_twice), TEST(one_address), TEST(losses), TEST(nobody),
		TEST(nat), TEST(forced_encap), TEST(transport), TEST(kernel_refuses), TEST(both_at_once), TEST(more_children),
		TEST(terminated), TEST(unloadable), TEST(fragments), TEST(without_fragments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
