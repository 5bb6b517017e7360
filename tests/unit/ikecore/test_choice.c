// SPDX-License-Identifier: BSD-2-Clause
/* A responder with several connections that fit: which one a peer gets, and whose children. */
#include "pair.h"

/* How the right one's second connection differs from the first. */
struct other {
	const char *local_id, *remote_id;	/* NULL: no differently */
	bool sign, ppk, pools;
	uint8_t net;			/* its children's network: 10.@net.0.0/16; the first's is 10.1.0.0/16 */
};

static struct espnic_ike_ts network(uint8_t net)
{
	return (struct espnic_ike_ts){ .family = 4, .port_to = 65535, .from = { 10, net }, .to = { 10, net, 255, 255 } };
}

static void asks(struct espnic_ike_conn *conn, void *ctx)
{
	conn->children[0].remote[0] = network(*(uint8_t *)ctx);
	conn->children[1].local[0].proto = 0;
	conn->children[1].remote[0] = network(1);
}

static void first(struct espnic_ike_conn *conn, void *ctx)
{
	(void)ctx;
	conn->children[0].local[0] = network(1);
	conn->n_children = 1;
}

static void second(struct espnic_ike_conn *conn, void *ctx)
{
	const struct other *o = ctx;
	char err[ESPNIC_IKE_TEXT];

	snprintf(conn->name, sizeof(conn->name), "other");
	conn->children[0].local[0] = network(o->net);
	conn->n_children = 1;
	if (o->local_id)
		assert_int_equal(espnic_ike_id_parse(&conn->auth_local.id, o->local_id, err), 0);
	if (o->remote_id)
		assert_int_equal(espnic_ike_id_parse(&conn->auth_remote.id, o->remote_id, err), 0);
	if (o->sign)
		conn->auth_remote.method = ESPNIC_IKE_AUTH_PUBKEY;
	conn->ppk_required = o->ppk;
	conn->n_pools = o->pools;
}

static void meet(const struct other *o)
{
	static uint8_t two = 2;

	peers_conn(&p, LEFT, asks, &two);
	peers_conn(&p, RIGHT, first, NULL);
	peers_conn(&p, RIGHT, second, (void *)o);
	peers_initiate(&p, LEFT, NULL);
	peers_run(&p, MINUTE);
}

static bool of(void *ctx, const struct espnic_ike_sa_info *sa)
{
	assert_string_equal(sa->conn, ctx);
	return true;
}

/* The child is the second's, and so is the IKE SA; the next child is the first's again. */
static void by_selectors(void **state)
{
	static const struct other o = { .net = 2 };

	(void)state;
	meet(&o);
	pair_expect(1);
	espnic_ike_list(p.host[RIGHT].ike, of, "other");
	assert_int_equal(p.host[RIGHT].ksa[0].ts_local.from[1], 2);
	peers_initiate(&p, LEFT, "more");
	peers_run(&p, MINUTE);
	pair_expect(2);
	assert_int_equal(p.host[RIGHT].ksa[1].ts_local.from[1], 1);
	/* each is replaced by one of its own connection */
	for (unsigned int i = 0; i < 2; i++) {
		peers_expire(&p, LEFT, i);
		peers_run(&p, MINUTE);
		pair_expect(2);
	}
	peers_terminate(&p, LEFT, 0, 0);
	peers_run(&p, MINUTE);
	pair_expect_nothing();
}

/* It would not have been this peer's, or not for this proof. */
static void not_for_it(void **state)
{
	static const struct other all[] = {
		{ .net = 3 },
		{ .net = 2, .remote_id = "somebody.else" },
		{ .net = 2, .local_id = "another.right" },
		{ .net = 2, .sign = true },
		{ .net = 2, .ppk = true },
		{ .net = 2, .pools = true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		pair_again(i);
		meet(&all[i]);
		assert_string_equal(p.host[LEFT].text, "refused by TS_UNACCEPTABLE (38)");
		assert_string_equal(p.host[RIGHT].text, "child_refused TS_UNACCEPTABLE");
		assert_int_equal(p.host[LEFT].n_ksa + p.host[RIGHT].n_ksa, 0);
	}
}

/* The later one it is: its identity matches more closely; or, of two that match alike, it is for this method. */
static void the_later(void **state)
{
	static const struct other before[] = {
		{ .net = 2, .remote_id = "*.example" },
		{ .net = 1, .sign = true },
	};
	static uint8_t one = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		pair_again(i);
		peers_conn(&p, LEFT, asks, &one);
		peers_conn(&p, RIGHT, second, (void *)&before[i]);
		peers_conn(&p, RIGHT, first, NULL);
		peers_initiate(&p, LEFT, NULL);
		peers_run(&p, MINUTE);
		pair_expect(1);
		espnic_ike_list(p.host[RIGHT].ike, of, "both");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(by_selectors), TEST(not_for_it), TEST(the_later) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
