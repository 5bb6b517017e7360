// SPDX-License-Identifier: BSD-2-Clause
/* Two cores whose addresses change while they are up, by MOBIKE and by NATs; and IKE SAs that begin without a child. */
#include "pair.h"

static const struct espnic_ike_addr new_home = { 4, { 192, 0, 2, 77 } }, newer_home = { 4, { 192, 0, 2, 78 } };

static void all_traffic(struct espnic_ike_conn *conn)
{
	struct espnic_ike_ts all = { .family = 4, .port_to = 65535, .to = { 255, 255, 255, 255 } };

	conn->children[0].local[0] = conn->children[0].remote[0] = all;
}

static void mobile(struct espnic_ike_conn *conn, void *ctx)
{
	all_traffic(conn);
	conn->mobike = !ctx;
	/* Whoever is waited for may come from anywhere. */
	if (strcmp((char *)conn->auth_local.id.data, "right.example") == 0)
		conn->n_remote = 0;
}

static void meet(void *ctx_left, void *ctx_right)
{
	pair_meet(mobile, ctx_left, ctx_right);
	pair_expect(1);
}

static void address(int who, const struct espnic_ike_addr *gone, const struct espnic_ike_addr *fresh)
{
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_ADDRESS };

	if (gone)
		in.address.gone = *gone;
	if (fresh) {
		in.address.fresh = *fresh;
		p.host[who].at.addr = *fresh;
	}
	peers_step(&p, who, &in);
}

/* Both kernels send to where the other is. */
static void expect_moved(const struct espnic_ike_addr *home)
{
	assert_true(espnic_ike_addr_equal(&p.host[LEFT].ksa[0].local.addr, home));
	assert_true(espnic_ike_addr_equal(&p.host[RIGHT].ksa[0].remote.addr, home));
	assert_int_equal(p.host[LEFT].n_ksa, 1);
	assert_int_equal(p.host[RIGHT].n_ksa, 1);
	assert_true(peers_agree(&p));
}

static void moves(void **state)
{
	struct espnic_ike_addr home = p.host[LEFT].at.addr;

	(void)state;
	meet(NULL, NULL);
	assert_false(p.host[LEFT].ksa[0].encap);
	address(LEFT, &home, &new_home);
	peers_run(&p, MINUTE);
	expect_moved(&new_home);
	assert_int_equal(p.host[LEFT].moves, 1);
	assert_int_equal(p.host[RIGHT].moves, 1);
	/* It is the same SA, and goes on: from either side, and after its IKE SA is another. */
	for (int who = LEFT; who <= RIGHT; who++) {
		peers_expire(&p, who, 0);
		peers_run(&p, MINUTE);
		expect_moved(&new_home);
	}
	/* First gone, then another one. */
	address(LEFT, &new_home, NULL);
	peers_run(&p, SECOND);
	assert_int_equal(p.host[LEFT].moves, 1);
	address(LEFT, NULL, &newer_home);
	peers_run(&p, MINUTE);
	expect_moved(&newer_home);
	/* An address that comes besides is no reason to go. */
	address(LEFT, NULL, &home);
	peers_run(&p, MINUTE);
	assert_int_equal(p.host[LEFT].moves, 2);
}

/* Behind a NAT after it moved, and out again: with encapsulation and without. */
static void into_nat(void **state)
{
	struct espnic_ike_endpoint seen = { { 4, { 203, 0, 113, 9 } }, 40000 };
	struct espnic_ike_addr home = p.host[LEFT].at.addr;

	(void)state;
	meet(NULL, NULL);
	p.host[LEFT].seen = seen;
	address(LEFT, &home, &new_home);
	peers_run(&p, MINUTE);
	assert_true(p.host[LEFT].ksa[0].encap);
	assert_true(p.host[RIGHT].ksa[0].encap);
	assert_int_equal(p.host[RIGHT].ksa[0].remote.port, 40001);
	memset(&p.host[LEFT].seen, 0, sizeof(seen));
	address(LEFT, &new_home, &home);
	peers_run(&p, MINUTE);
	expect_moved(&home);
	assert_false(p.host[LEFT].ksa[0].encap);
	assert_false(p.host[RIGHT].ksa[0].encap);
}

/* Without MOBIKE, or where it is not ours to say, nothing moves. */
static void stays(void **state)
{
	struct espnic_ike_addr left = p.host[LEFT].at.addr, right = p.host[RIGHT].at.addr;
	static int no;

	(void)state;
	meet(NULL, &no);
	address(LEFT, &left, &new_home);
	peers_run(&p, MINUTE);
	assert_int_equal(p.host[LEFT].moves + p.host[RIGHT].moves, 0);
	pair_again(1);
	meet(NULL, NULL);
	address(RIGHT, &right, &new_home);
	peers_run(&p, MINUTE);
	assert_int_equal(p.host[LEFT].moves + p.host[RIGHT].moves, 0);
}

/* The kernel can't move an SA: another takes its place. */
static void cannot_move(void **state)
{
	struct espnic_ike_addr home = p.host[LEFT].at.addr;

	(void)state;
	for (int who = LEFT; who <= RIGHT; who++) {
		pair_again(1);
		meet(NULL, NULL);
		p.host[who].fail_moves = true;
		address(LEFT, &home, &new_home);
		peers_run(&p, MINUTE);
		expect_moved(&new_home);
		assert_int_equal(p.host[who].events[ESPNIC_IKE_EV_CHILD_REKEYED], 1);
	}
}

enum { INFORMATIONAL = 37 };

/* What the peer at the new address answers to COOKIE2 is lost: the children stay where they were. */
static bool no_answer(struct peers *peers, struct peers_item *item, void *ctx)
{
	(void)peers;
	(void)ctx;
	return item->to == LEFT || item->data[EXCHANGE_AT] != INFORMATIONAL || !(item->data[FLAGS_AT] & RESPONSE);
}

static void unchecked(void **state)
{
	struct espnic_ike_addr home = p.host[LEFT].at.addr;

	(void)state;
	meet(NULL, NULL);
	p.wire = no_answer;
	address(LEFT, &home, &new_home);
	peers_run(&p, SECOND);
	assert_int_equal(p.host[LEFT].moves, 1);
	assert_int_equal(p.host[RIGHT].moves, 0);
	p.wire = NULL;
	peers_wait(&p, 10 * SECOND);
	assert_int_equal(p.host[RIGHT].moves, 1);
	expect_moved(&new_home);
}

/* A NAT maps anew: told by an authentic message, or by the kernel. */
static void remapped(void **state)
{
	struct espnic_ike_endpoint seen = { { 4, { 203, 0, 113, 9 } }, 40000 };
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_MAPPING };
	static int no;

	(void)state;
	p.host[LEFT].seen = seen;
	meet(&no, &no);
	assert_int_equal(p.host[RIGHT].ksa[0].remote.port, 40001);
	p.host[LEFT].seen.port = 50000;
	peers_expire(&p, LEFT, 0);
	peers_run(&p, MINUTE);
	assert_int_equal(p.host[RIGHT].moves, 1);
	assert_int_equal(p.host[RIGHT].ksa[0].remote.port, 50001);
	assert_true(peers_agree(&p));
	p.host[LEFT].seen.port = 60000;
	in.mapping.spi = p.host[RIGHT].ksa[0].spi_in;
	in.mapping.remote = (struct espnic_ike_endpoint){ seen.addr, 60001 };
	peers_step(&p, RIGHT, &in);
	peers_run(&p, SECOND);
	assert_int_equal(p.host[RIGHT].moves, 2);
	assert_int_equal(p.host[RIGHT].ksa[0].remote.port, 60001);
	/* And our own messages go there too. */
	peers_expire(&p, RIGHT, 0);
	peers_run(&p, MINUTE);
	assert_int_equal(p.host[RIGHT].events[ESPNIC_IKE_EV_CHILD_REKEYED], 2);
	assert_true(peers_agree(&p));
	/* Who is behind the NAT keeps the mapping alive; the other has nothing to keep. */
	p.host[LEFT].keepalives = p.host[RIGHT].keepalives = 0;
	peers_wait(&p, 2 * MINUTE);
	assert_in_range(p.host[LEFT].keepalives, 5, 7);
	assert_int_equal(p.host[RIGHT].keepalives, 0);
}

/* No NAT, no following: a source that is another one is an attacker's, or a mistake. */
static void not_followed(void **state)
{
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_MAPPING };
	static int no;

	(void)state;
	meet(&no, &no);
	in.mapping.spi = p.host[RIGHT].ksa[0].spi_in;
	in.mapping.remote = (struct espnic_ike_endpoint){ new_home, 4500 };
	peers_step(&p, RIGHT, &in);
	peers_run(&p, SECOND);
	assert_int_equal(p.host[RIGHT].moves, 0);
}

static void behind_nat_mode(struct espnic_ike_conn *conn, void *ctx)
{
	(void)ctx;
	conn->children[0].mode = ESPNIC_IKE_TRANSPORT;
	if (strcmp((char *)conn->auth_local.id.data, "right.example") == 0)
		conn->n_remote = 0;
}

/* What each host's packets have is what its selectors have: its own address, and that of the peer as it sees it. */
static bool selectors(void *ctx, const struct espnic_ike_sa_info *sa)
{
	int who = *(int *)ctx;
	const struct espnic_ike_addr *seen = p.host[!who].seen.addr.family ? &p.host[!who].seen.addr : &p.host[!who].at.addr;

	assert_int_equal(sa->n_children, 1);
	assert_memory_equal(sa->children[0].ts_local[0].from, p.host[who].at.addr.bytes, 4);
	assert_memory_equal(sa->children[0].ts_local[0].to, p.host[who].at.addr.bytes, 4);
	assert_memory_equal(sa->children[0].ts_remote[0].from, seen->bytes, 4);
	assert_memory_equal(sa->children[0].ts_remote[0].to, seen->bytes, 4);
	return true;
}

static void transport_behind_nat(void **state)
{
	struct espnic_ike_endpoint seen = { { 4, { 203, 0, 113, 9 } }, 40000 };

	(void)state;
	p.host[LEFT].seen = seen;
	pair_meet(behind_nat_mode, NULL, NULL);
	/* And so it stays, whoever replaces it: the one behind the NAT is the responder then. */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(p.host[LEFT].n_ksa, 1);
		assert_int_equal(p.host[RIGHT].n_ksa, 1);
		assert_int_equal(p.host[RIGHT].ksa[0].mode, ESPNIC_IKE_TRANSPORT);
		assert_true(p.host[RIGHT].ksa[0].encap);
		assert_true(peers_agree(&p));
		for (int who = LEFT; who <= RIGHT; who++)
			espnic_ike_list(p.host[who].ike, selectors, &who);
		peers_expire(&p, i ? LEFT : RIGHT, 0);
		peers_run(&p, MINUTE);
	}
	assert_int_equal(p.host[LEFT].events[ESPNIC_IKE_EV_CHILD_REKEYED], 3);
}

static void childless(struct espnic_ike_conn *conn, void *ctx)
{
	conn->childless = *(enum espnic_ike_childless *)ctx;
}

static void without_child(void **state)
{
	enum espnic_ike_childless force = ESPNIC_IKE_CHILDLESS_FORCE, prefer = ESPNIC_IKE_CHILDLESS_PREFER,
				  never = ESPNIC_IKE_CHILDLESS_NEVER, allow = ESPNIC_IKE_CHILDLESS_ALLOW;
	const struct {
		enum espnic_ike_childless *left, *right;
		unsigned int sent;	/* by the initiator until its child is up; 0: it never is */
		const char *text;
	} all[] = {
		{ &allow, &allow, 2, "" },   { &prefer, &allow, 3, "" }, { &force, &allow, 3, "" }, { &force, &force, 3, "" },
		{ &prefer, &never, 2, "" },  { &never, &allow, 2, "" },
		{ &force, &never, 0, "childless the peer has no IKE SAs without a child (RFC 6023)" },
		{ &never, &force, 0, "refused by NO_ADDITIONAL_SAS (35)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		pair_again(1);
		pair_meet(childless, all[i].left, all[i].right);
		assert_int_equal(p.host[LEFT].n_ksa, !!all[i].sent);
		assert_int_equal(p.host[RIGHT].n_ksa, !!all[i].sent);
		assert_string_equal(p.host[LEFT].text, all[i].text);
		if (all[i].sent)
			assert_int_equal(p.sent[LEFT], all[i].sent);
		assert_true(peers_agree(&p));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(moves), TEST(into_nat), TEST(stays), TEST(cannot_move), TEST(unchecked), TEST(remapped), TEST(not_followed),
		TEST(transport_behind_nat), TEST(without_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
