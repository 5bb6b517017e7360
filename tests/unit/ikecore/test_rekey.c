// SPDX-License-Identifier: BSD-2-Clause
/*
 * Children and IKE SAs replaced, by one side and by both at once, on good wires and bad ones. The property that counts is looked at after
 * each step: what a host sends arrives at an SA the other has.
 */
#include "pair.h"

static void with_pfs(struct espnic_ike_conn *conn, void *ctx)
{
	char err[ESPNIC_IKE_TEXT];

	assert_int_equal(espnic_ike_proposal_parse(conn->children[0].proposals, ESPNIC_IKE_PROPOSALS, ESPNIC_IKE_PROTO_ESP, ctx, err), 1);
}

static void connect_peers(void (*change)(struct espnic_ike_conn *conn, void *ctx), void *ctx)
{
	pair_meet(change, ctx, ctx);
	pair_expect(1);
	p.watch = true;
}

static uint32_t spi(int who)
{
	return p.host[who].ksa[0].spi_in;
}

static void child(void **state)
{
	uint32_t before;

	(void)state;
	for (int who = LEFT; who <= RIGHT; who++) {
		pair_again(1);
		connect_peers(NULL, NULL);
		before = spi(LEFT);
		peers_expire(&p, who, 0);
		peers_run(&p, MINUTE);
		pair_expect(1);
		assert_int_not_equal(spi(LEFT), before);
		assert_int_equal(p.host[who].events[ESPNIC_IKE_EV_CHILD_REKEYED], 1);
		assert_int_equal(p.host[!who].events[ESPNIC_IKE_EV_CHILD_REKEYED], 1);
	}
}

static void child_with_pfs(void **state)
{
	(void)state;
	connect_peers(with_pfs, "aes128gcm16-x25519-ecp256");
	peers_expire(&p, LEFT, 0);
	peers_run(&p, MINUTE);
	pair_expect(1);
	peers_expire(&p, RIGHT, 0);
	peers_run(&p, MINUTE);
	pair_expect(1);
}

static void child_other_group(void **state)
{
	(void)state;
	pair_meet(with_pfs, "aes128gcm16-x25519-ecp256", "aes128gcm16-ecp256");
	p.watch = true;
	peers_expire(&p, LEFT, 0);
	peers_run(&p, MINUTE);
	pair_expect(1);
	assert_int_equal(espnic_ike_counters(p.host[RIGHT].ike)->ke_invalid, 1);
	assert_int_equal(p.host[LEFT].events[ESPNIC_IKE_EV_CHILD_REKEYED], 1);
}

/* Both sides at once, one a little later, by each lag and seed: the seed decides whose nonce is the lowest. */
static void child_collision(void **state)
{
	unsigned int collisions = 0;

	(void)state;
	for (unsigned int seed = 0; seed < 20; seed++) {
		for (unsigned int lag = 0; lag <= 60; lag += 5) {
			pair_again(seed);
			connect_peers(NULL, NULL);
			peers_expire(&p, LEFT, 0);
			peers_wait(&p, lag);
			peers_expire(&p, RIGHT, 0);
			peers_run(&p, MINUTE);
			peers_wait(&p, MINUTE);
			pair_expect(1);
			collisions += (unsigned int)espnic_ike_counters(p.host[LEFT].ike)->collisions;
		}
	}
	assert_true(collisions > 20);
}

static void one_minute(struct espnic_ike_conn *conn, void *ctx)
{
	conn->rekey_ms = MINUTE;
	conn->over_ms = MINUTE;
	if (ctx)
		conn->rand_ms = *(uint64_t *)ctx;
}

static void ike(void **state)
{
	(void)state;
	for (int who = LEFT; who <= RIGHT; who++) {
		pair_again(1);
		peers_conn(&p, who, one_minute, NULL);
		peers_conn(&p, !who, NULL, NULL);
		peers_initiate(&p, LEFT, NULL);
		peers_run(&p, SECOND);
		p.watch = true;
		peers_wait(&p, MINUTE + SECOND);
		assert_int_equal(p.host[who].events[ESPNIC_IKE_EV_IKE_REKEYED], 1);
		pair_expect(1);
		/* The child goes on: a rekey of the IKE SA touches no kernel. */
		assert_int_equal(p.host[who].kernel_ops, 1);
		peers_wait(&p, 10 * MINUTE);
		assert_true(p.host[who].events[ESPNIC_IKE_EV_IKE_REKEYED] >= 9);
		pair_expect(1);
		peers_expire(&p, !who, 0);
		peers_run(&p, SECOND);
		pair_expect(1);
	}
}

static void ike_collision(void **state)
{
	uint64_t spread[] = { 0, 20, 60, 200 };
	unsigned int collisions = 0;

	(void)state;
	for (unsigned int seed = 0; seed < 20; seed++) {
		for (size_t i = 0; i < sizeof(spread) / sizeof(spread[0]); i++) {
			pair_again(seed);
			p.latency = 40;
			connect_peers(one_minute, &spread[i]);
			peers_wait(&p, MINUTE + 40 * SECOND);
			pair_expect(1);
			assert_true(p.host[LEFT].events[ESPNIC_IKE_EV_IKE_REKEYED] >= 1);
			assert_int_equal(p.host[LEFT].events[ESPNIC_IKE_EV_IKE_DOWN], 0);
			collisions += (unsigned int)espnic_ike_counters(p.host[LEFT].ike)->collisions;
		}
	}
	assert_true(collisions > 20);
}

/* A child and the IKE SA at once. */
static void mixed_collision(void **state)
{
	(void)state;
	for (unsigned int lag = 0; lag <= 80; lag += 5) {
		for (int who = LEFT; who <= RIGHT; who++) {
			pair_again(lag);
			peers_conn(&p, LEFT, one_minute, NULL);
			peers_conn(&p, RIGHT, NULL, NULL);
			peers_initiate(&p, LEFT, NULL);
			peers_run(&p, SECOND);
			p.watch = true;
			peers_wait(&p, MINUTE - SECOND + lag);
			peers_expire(&p, who, 0);
			peers_wait(&p, 30 * SECOND);
			pair_expect(1);
		}
	}
}

/* Both close at once, and one closes what the other replaces. */
static void delete_collisions(void **state)
{
	(void)state;
	for (unsigned int lag = 0; lag <= 40; lag += 5) {
		pair_again(lag);
		connect_peers(NULL, NULL);
		p.watch = false;
		peers_terminate(&p, LEFT, 0, p.host[LEFT].ksa[0].child_id);
		peers_wait(&p, lag);
		peers_expire(&p, RIGHT, 0);
		peers_wait(&p, MINUTE);
		/* Gone, or the one that replaced it: the same on both sides. */
		assert_int_equal(p.host[LEFT].n_ksa, p.host[RIGHT].n_ksa);
		assert_int_equal(p.host[LEFT].policies, p.host[LEFT].n_ksa);
		assert_int_equal(p.host[RIGHT].policies, p.host[RIGHT].n_ksa);
		assert_true(peers_agree(&p));
		peers_terminate(&p, LEFT, 0, 0);
		peers_terminate(&p, RIGHT, 0, 0);
		peers_wait(&p, MINUTE);
		assert_int_equal(espnic_ike_counters(p.host[LEFT].ike)->sas, 0);
		assert_int_equal(espnic_ike_counters(p.host[RIGHT].ike)->sas, 0);
		assert_int_equal(p.host[LEFT].policies + p.host[RIGHT].policies, 0);
	}
}

struct badness {
	unsigned int lose, twice, late, damage;	/* of 100 */
};

static bool bad_wire(struct peers *peers, struct peers_item *item, void *ctx)
{
	const struct badness *b = ctx;

	if (peers_random(peers) % 100 < b->lose)
		return false;
	if (peers_random(peers) % 100 < b->late)
		item->at += peers_random(peers) % 3000;
	if (peers_random(peers) % 100 < b->damage)
		item->data[peers_random(peers) % item->len] ^= (uint8_t)(1u << peers_random(peers) % 8);
	peers->copy = peers_random(peers) % 100 < b->twice;
	return true;
}

static void lively(struct espnic_ike_conn *conn, void *ctx)
{
	(void)ctx;
	conn->rekey_ms = 3 * MINUTE;
	conn->over_ms = 3 * MINUTE;
	conn->rand_ms = 5 * SECOND;
	conn->dpd_ms = 30 * SECOND;
	conn->children[0].rekey_ms = MINUTE;
	conn->children[0].life_ms = 2 * MINUTE;
	conn->children[0].rand_ms = 2 * SECOND;
	conn->children[0].dpd = ESPNIC_IKE_START;
	conn->children[0].close = ESPNIC_IKE_START;
}

/*
 * An hour on a bad wire with everything in motion, then ten minutes on a good one: both sides must be of
 * one mind again. What can't be lost by a bad wire alone is looked at all the time: no damaged message does anything.
 */
static void bad_hour(struct badness b, unsigned int seed)
{
	pair_again(seed);
	peers_conn(&p, LEFT, lively, NULL);
	peers_conn(&p, RIGHT, lively, NULL);
	p.wire = bad_wire;
	p.ctx = &b;
	peers_initiate(&p, LEFT, NULL);
	for (unsigned int i = 0; i < 60; i++) {
		peers_wait(&p, MINUTE);
		if (peers_random(&p) % 4 == 0)
			peers_expire(&p, (int)(peers_random(&p) % 2), 0);
		if (!peers_sas(&p, LEFT, ESPNIC_IKE_ESTABLISHED) && !peers_sas(&p, LEFT, ESPNIC_IKE_CONNECTING))
			peers_initiate(&p, LEFT, NULL);
	}
	p.wire = NULL;
	peers_wait(&p, 10 * MINUTE);
	if (!peers_sas(&p, LEFT, ESPNIC_IKE_ESTABLISHED))
		peers_initiate(&p, LEFT, NULL);
	peers_wait(&p, 10 * SECOND);
	assert_true(peers_agree(&p));
	for (int who = LEFT; who <= RIGHT; who++) {
		assert_true(p.host[who].n_ksa >= 1);
		assert_int_equal(peers_sas(&p, who, ESPNIC_IKE_ESTABLISHED), peers_sas(&p, !who, ESPNIC_IKE_ESTABLISHED));
	}
}

static void bad_hours(void **state)
{
	static const struct badness kinds[] = {
		{ .lose = 20 }, { .twice = 50 }, { .late = 50 }, { .damage = 30 }, { .lose = 10, .twice = 20, .late = 20, .damage = 10 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (unsigned int seed = 0; seed < 4; seed++)
			bad_hour(kinds[i], seed);
}

/* Doubled and late datagrams alone are no reason for a hole. */
static void no_hole_by_doubles(void **state)
{
	struct badness b = { .twice = 100 };

	(void)state;
	peers_conn(&p, LEFT, lively, NULL);
	peers_conn(&p, RIGHT, lively, NULL);
	peers_initiate(&p, LEFT, NULL);
	peers_run(&p, SECOND);
	p.watch = true;
	p.wire = bad_wire;
	p.ctx = &b;
	peers_wait(&p, HOUR);
	assert_false(p.hole);
	assert_true(p.host[LEFT].events[ESPNIC_IKE_EV_CHILD_REKEYED] > 50);
}

static void dead_peer(void **state)
{
	(void)state;
	connect_peers(lively, NULL);
	p.watch = false;
	p.wire = bad_wire;
	p.ctx = &(struct badness){ .lose = 100 };
	peers_wait(&p, 2 * MINUTE);
	assert_true(espnic_ike_counters(p.host[LEFT].ike)->peers_dead >= 1);
	assert_int_equal(p.host[LEFT].n_ksa, 0);
	assert_int_equal(p.host[LEFT].policies, 0);
	/* dpd = start: it tries again, and comes back when the wire does. */
	p.wire = NULL;
	peers_initiate(&p, LEFT, NULL);
	peers_wait(&p, 3 * MINUTE);
	assert_true(p.host[LEFT].n_ksa >= 1);
	assert_true(peers_agree(&p));
}

/* Each kernel operation of a rekey fails in turn, on each side: what stands stands whole, and nothing stays behind. */
static void kernel_refuses(void **state)
{
	(void)state;
	for (int fails = LEFT; fails <= RIGHT; fails++) {
		for (unsigned int n = 1; n <= 2; n++) {
			pair_again(1);
			connect_peers(lively, NULL);
			p.watch = false;
			p.host[fails].fail_install = n;
			peers_expire(&p, LEFT, 0);
			peers_run(&p, SECOND);
			peers_wait(&p, 5 * MINUTE);
			assert_true(peers_agree(&p));
			for (int who = LEFT; who <= RIGHT; who++)
				assert_int_equal(p.host[who].policies, p.host[who].n_ksa);
			peers_terminate(&p, LEFT, 0, 0);
			peers_wait(&p, SECOND);
			assert_int_equal(p.host[LEFT].n_ksa, 0);
			assert_int_equal(p.host[LEFT].policies, 0);
		}
	}
}

/* A kernel that refuses once is asked again, though nothing else makes the child be rekeyed: it has a limit of bytes alone. */
static void kernel_refuses_once(void **state)
{
	uint32_t before;

	(void)state;
	for (int fails = LEFT; fails <= RIGHT; fails++) {
		pair_again(1);
		connect_peers(NULL, NULL);
		before = spi(LEFT);
		p.host[fails].fail_install = 1;
		peers_expire(&p, LEFT, 0);
		peers_wait(&p, MINUTE);
		pair_expect(1);
		assert_int_not_equal(spi(LEFT), before);
		assert_int_equal(p.host[LEFT].bare + p.host[RIGHT].bare, 0);
	}
}

/* At its hard limit a child carries nothing more, and its policies stop what it would until the next one is there. */
static void used_up(void **state)
{
	uint32_t before;

	(void)state;
	for (int who = LEFT; who <= RIGHT; who++) {
		pair_again(1);
		connect_peers(NULL, NULL);
		before = spi(LEFT);
		peers_use_up(&p, who, 0);
		peers_wait(&p, MINUTE);
		pair_expect(1);
		assert_int_not_equal(spi(LEFT), before);
		assert_int_equal(p.host[who].bare, 0);
	}
}

/* But it does not stay for ever. */
static void used_up_alone(void **state)
{
	(void)state;
	connect_peers(NULL, NULL);
	p.watch = false;
	p.wire = pair_all_lost;
	peers_use_up(&p, LEFT, 0);
	peers_wait(&p, 10 * MINUTE);
	assert_int_equal(p.host[LEFT].n_ksa, 0);
	assert_int_equal(p.host[LEFT].policies, 0);
}

/* The peer has forgotten the child (CHILD_SA_NOT_FOUND): another comes, and the policies are there all the time. */
static void forgotten(void **state)
{
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_TERMINATE, .terminate = { .child = "net", .force = true } };
	uint32_t before;

	(void)state;
	for (unsigned int refused = 0; refused < 2; refused++) {
		pair_again(1);
		connect_peers(NULL, NULL);
		before = spi(LEFT);
		p.watch = false;
		peers_step(&p, RIGHT, &in);
		peers_expire(&p, LEFT, 0);
		p.host[RIGHT].fail_install = refused;
		peers_run(&p, MINUTE);
		pair_expect(!refused);
		assert_true(refused || spi(LEFT) != before);
		assert_int_equal(p.host[LEFT].bare, refused);
		assert_int_equal(p.host[LEFT].policies, !refused);
	}
}

/* A peer that begins anew says so (INITIAL_CONTACT): what was goes when the new child is there. */
static void begun_anew(void **state)
{
	char err[ESPNIC_IKE_TEXT];

	(void)state;
	connect_peers(NULL, NULL);
	p.watch = false;
	espnic_ike_free(p.host[LEFT].ike);
	p.host[LEFT].ike = espnic_ike_new(&p.host[LEFT].set, err);
	p.host[LEFT].n_ksa = p.host[LEFT].policies = 0;
	peers_conn(&p, LEFT, NULL, NULL);
	peers_initiate(&p, LEFT, NULL);
	peers_run(&p, MINUTE);
	pair_expect(1);
	assert_int_equal(p.host[RIGHT].policies, 1);
	assert_int_equal(p.host[RIGHT].bare, 0);
}

/* Random numbers of one host, whose next nonces begin as they are told to. */
struct dice {
	uint64_t seed;
	uint8_t first[2];
	unsigned int n;			/* of them that are left */
};

static struct dice dice[2];
static unsigned int dices;

static void throw(void *ctx, uint8_t *out, size_t len)
{
	struct dice *d = ctx;

	for (size_t i = 0; i < len; i++) {
		d->seed = d->seed * 6364136223846793005u + 1442695040888963407u;
		out[i] = (uint8_t)(d->seed >> 56);
	}
	if (len == ESPNIC_IKE_NONCE && d->n)
		out[0] = d->first[2 - d->n--];
}

static void with_dice(struct espnic_ike_settings *set)
{
	set->random = throw;
	set->ctx = &dice[dices++ % 2];
}

/* First bytes of the nonces of a collision: left's and right's own, then each other's answers; whose exchange has the lowest of all. */
static const struct {
	uint8_t left_i, right_i, left_r, right_r;
	int loser;
} orders[] = {
	{ 0x10, 0x80, 0x90, 0xa0, LEFT },  { 0x80, 0x10, 0x90, 0xa0, RIGHT }, { 0x80, 0x90, 0x10, 0xa0, RIGHT },
	{ 0x80, 0x90, 0xa0, 0x10, LEFT },  { 0x20, 0x80, 0x10, 0x90, RIGHT }, { 0x80, 0x20, 0x90, 0x10, LEFT },
	{ 0x90, 0x80, 0xa0, 0x10, LEFT },  { 0x90, 0x80, 0x10, 0xa0, RIGHT },
};

static void next_nonces(size_t i)
{
	for (int who = LEFT; who <= RIGHT; who++) {
		dice[who].n = 2;
		dice[who].first[0] = who == LEFT ? orders[i].left_i : orders[i].right_i;
		dice[who].first[1] = who == LEFT ? orders[i].left_r : orders[i].right_r;
	}
}

/* RFC 7296 2.8.1: of both exchanges the one with the lowest of the four nonces goes, whoever sent that nonce. */
static void lowest_of_four(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		peers_free(&p);
		memset(dice, 0, sizeof(dice));
		dice[RIGHT].seed = 1;
		dices = 0;
		peers_init(&p, 1, with_dice);
		connect_peers(NULL, NULL);
		next_nonces(i);
		peers_expire(&p, LEFT, 0);
		peers_expire(&p, RIGHT, 0);
		peers_run(&p, MINUTE);
		pair_expect(1);
		assert_int_equal(espnic_ike_counters(p.host[LEFT].ike)->collisions, 1);
		assert_int_equal(p.host[orders[i].loser].ksa[0].initiator, false);
		assert_int_equal(p.host[!orders[i].loser].ksa[0].initiator, true);
	}
}

static bool is_initiator(void *ctx, const struct espnic_ike_sa_info *sa)
{
	*(bool *)ctx = sa->initiator;
	return true;
}

static void lowest_of_four_ike(void **state)
{
	uint64_t none = 0;
	bool initiator;

	(void)state;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		peers_free(&p);
		memset(dice, 0, sizeof(dice));
		dice[RIGHT].seed = 1;
		dices = 0;
		peers_init(&p, 1, with_dice);
		connect_peers(one_minute, &none);
		p.latency = 40;		/* longer than between the ends of the handshake */
		next_nonces(i);
		peers_wait(&p, MINUTE + 40 * SECOND);
		pair_expect(1);
		assert_true(espnic_ike_counters(p.host[LEFT].ike)->collisions >= 1);
		espnic_ike_list(p.host[orders[i].loser].ike, is_initiator, &initiator);
		assert_false(initiator);
	}
}

/* The kernel has an SA of that SPI already: another SPI, by whichever way it goes. */
static void spi_taken(void **state)
{
	(void)state;
	for (int taken = LEFT; taken <= RIGHT; taken++) {
		for (int who = LEFT; who <= RIGHT; who++) {
			pair_again(1);
			connect_peers(lively, NULL);
			p.watch = false;
			p.host[taken].exists_install = 1;
			peers_expire(&p, who, 0);
			peers_run(&p, SECOND);
			peers_wait(&p, 15 * SECOND);
			p.watch = true;
			pair_expect(1);
			assert_int_equal(p.host[LEFT].events[ESPNIC_IKE_EV_CHILD_REKEYED], 1);
			/* A responder has told nobody yet. */
			assert_int_equal(p.host[taken].events[ESPNIC_IKE_EV_CHILD_FAILED], taken == who);
		}
	}
}

/* The same for the first child; and a kernel that always says so is asked no more than a few times. */
static void first_spi_taken(void **state)
{
	(void)state;
	for (unsigned int times = 1; times <= 100; times += 99) {
		for (int taken = LEFT; taken <= RIGHT; taken++) {
			pair_again(1);
			p.host[taken].exists_install = times;
			peers_conns(&p);
			peers_initiate(&p, LEFT, NULL);
			peers_run(&p, SECOND);
			peers_wait(&p, 20 * SECOND);
			assert_int_equal(p.host[LEFT].n_ksa, times == 1);
			assert_int_equal(p.host[RIGHT].n_ksa, times == 1);
			assert_int_equal(p.host[LEFT].policies, times == 1);
			assert_true(p.host[taken].kernel_ops < 20);
			assert_true(peers_agree(&p));
		}
	}
}

static bool number_of(void *ctx, const struct espnic_ike_sa_info *sa)
{
	*(uint32_t *)ctx = sa->id;
	return false;
}

/* When its user wants it, and not by a number that nobody has. */
static void ike_on_demand(void **state)
{
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_REKEY };

	(void)state;
	for (int who = LEFT; who <= RIGHT; who++) {
		pair_again(1);
		connect_peers(NULL, NULL);
		espnic_ike_list(p.host[who].ike, number_of, &in.rekey.ike_id);
		in.rekey.ike_id += 1000;
		peers_step(&p, who, &in);
		peers_run(&p, MINUTE);
		assert_int_equal(p.host[who].events[ESPNIC_IKE_EV_IKE_REKEYED], 0);
		in.rekey.ike_id -= 1000;
		peers_step(&p, who, &in);
		peers_run(&p, MINUTE);
		pair_expect(1);
		assert_int_equal(p.host[who].events[ESPNIC_IKE_EV_IKE_REKEYED], 1);
		assert_int_equal(p.host[!who].events[ESPNIC_IKE_EV_IKE_REKEYED], 1);
		/* the old one's number is nobody's now */
		peers_step(&p, who, &in);
		peers_run(&p, MINUTE);
		assert_int_equal(p.host[who].events[ESPNIC_IKE_EV_IKE_REKEYED], 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(child), TEST(child_with_pfs), TEST(child_other_group), TEST(child_collision), TEST(ike), TEST(ike_collision),
		TEST(mixed_collision), TEST(delete_collisions), TEST(bad_hours), TEST(no_hole_by_doubles), TEST(dead_peer),
		TEST(kernel_refuses), TEST(kernel_refuses_once), TEST(used_up), TEST(used_up_alone),
		TEST(forgotten), TEST(begun_anew), TEST(lowest_of_four), TEST(lowest_of_four_ike), TEST(spi_taken), TEST(first_spi_taken),
		TEST(ike_on_demand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
