// SPDX-License-Identifier: BSD-2-Clause
/* Additional key exchanges between two cores: IKE_INTERMEDIATE, IKE_FOLLOWUP_KE, ML-KEM. */
#include "pair.h"

enum { MID = 43, FOLLOWUP = 44 };

struct suites {
	const char *ike, *esp;
	uint64_t rekey_ms;
};

static void with_suites(struct espnic_ike_conn *conn, void *ctx)
{
	const struct suites *s = ctx;

	pair_proposals(conn, s->ike, s->esp);
	conn->rekey_ms = s->rekey_ms;
}

static void meet(struct suites *left, struct suites *right, unsigned int seed)
{
	pair_again(seed);
	pair_meet(with_suites, left, right);
}

static void suites(void **state)
{
	static struct {
		struct suites s;
		unsigned int messages;	/* of the initiator, until it is up */
	} all[] = {
		{ { "aes128gcm16-prfsha256-x25519-ke1_mlkem512", "aes128gcm16", 0 }, 3 },
		{ { "aes256gcm16-prfsha384-x25519-ke1_mlkem768", "aes256gcm16-esn", 0 }, 3 },
		{ { "aes256-sha512-ecp521-ke1_mlkem1024-ke2_modp2048", "aes128gcm16", 0 }, 5 },
		{ { "chacha20poly1305-prfsha256-ecp256-ke3_x25519-ke7_ecp384", "aes128gcm16", 0 }, 4 },
		{ { "aes128gcm16-prfsha512-mlkem512", "aes128gcm16", 0 }, 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		meet(&all[i].s, &all[i].s, (unsigned int)i);
		pair_expect(1);
		assert_int_equal(p.sent[LEFT], all[i].messages);
	}
}

/* What both have: an additional key exchange only if both do. */
static void negotiated(void **state)
{
	static struct {
		const char *left, *right;
		unsigned int keys;	/* of SAs: each additional key exchange makes new ones */
	} all[] = {
		{ "aes128gcm16-prfsha256-x25519-ke1_mlkem512-ke1_none", "aes128gcm16-prfsha256-x25519", 1 },
		{ "aes128gcm16-prfsha256-x25519", "aes128gcm16-prfsha256-x25519-ke1_ecp256-ke1_none", 1 },
		{ "aes128gcm16-prfsha256-x25519-ke1_mlkem512-ke1_none", "aes128gcm16-prfsha256-x25519-ke1_mlkem512", 2 },
		{ "aes128gcm16-prfsha256-x25519-ke1_mlkem512", "aes128gcm16-prfsha256-x25519", 0 },
		{ "aes128gcm16-prfsha256-x25519", "aes128gcm16-prfsha256-x25519-ke1_mlkem512", 0 },
		{ "aes128gcm16-prfsha256-x25519-ke1_mlkem512", "aes128gcm16-prfsha256-x25519-ke1_mlkem768", 0 },
		/* The same method twice is none. */
		{ "aes128gcm16-prfsha256-x25519-ke1_x25519", "aes128gcm16-prfsha256-x25519-ke1_x25519", 0 },
		{ "aes128gcm16-prfsha256-x25519-ke1_x25519-ke1_ecp256", "aes128gcm16-prfsha256-x25519-ke1_x25519-ke1_ecp256", 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct suites left = { all[i].left, "aes128gcm16", 0 }, right = { all[i].right, "aes128gcm16", 0 };

		meet(&left, &right, (unsigned int)i);
		if (all[i].keys) {
			pair_expect(1);
			assert_int_equal(p.sent[LEFT], 1 + all[i].keys);
		} else {
			assert_string_equal(p.host[LEFT].text, "refused by NO_PROPOSAL_CHOSEN (14)");
			assert_int_equal(p.host[LEFT].n_ksa + p.host[RIGHT].n_ksa, 0);
		}
	}
}

struct harm {
	uint8_t exchange;
	bool response, done;
	unsigned int lose;		/* of 100 */
};

/* Losses, or one whole exchange that never gets through. */
static bool harmful(struct peers *peers, struct peers_item *item, void *ctx)
{
	struct harm *h = ctx;

	if (h->lose)
		return peers_random(peers) % 100 >= h->lose;
	return item->data[EXCHANGE_AT] != h->exchange || !!(item->data[FLAGS_AT] & RESPONSE) != h->response;
}

static struct suites hybrid = { "aes128gcm16-prfsha256-x25519-ke1_mlkem768-ke2_ecp256",
				"aes128gcm16-x25519-ke1_mlkem768-ke2_ecp256", 0 };

static void losses(void **state)
{
	struct harm h = { .lose = 30 };

	(void)state;
	for (unsigned int seed = 0; seed < 10; seed++) {
		pair_again(seed);
		p.wire = harmful;
		p.ctx = &h;
		peers_conn(&p, LEFT, with_suites, &hybrid);
		peers_conn(&p, RIGHT, with_suites, &hybrid);
		peers_initiate(&p, LEFT, NULL);
		peers_wait(&p, 3 * MINUTE);
		p.wire = NULL;
		if (!p.host[LEFT].n_ksa)
			continue;
		pair_expect(1);
		peers_expire(&p, (int)(seed & 1), 0);
		peers_run(&p, MINUTE);
		pair_expect(1);
	}
}

static void never_through(void **state)
{
	struct harm h = { .exchange = MID };

	(void)state;
	for (int response = 0; response < 2; response++) {
		pair_again(1);
		h.response = response;
		p.wire = harmful;
		p.ctx = &h;
		peers_conn(&p, LEFT, with_suites, &hybrid);
		peers_conn(&p, RIGHT, with_suites, &hybrid);
		peers_initiate(&p, LEFT, NULL);
		peers_wait(&p, 5 * MINUTE);
		assert_string_equal(p.host[LEFT].text, "timeout the peer does not answer");
		for (int who = LEFT; who <= RIGHT; who++) {
			assert_int_equal(espnic_ike_counters(p.host[who].ike)->sas, 0);
			assert_int_equal(espnic_ike_counters(p.host[who].ike)->half_open, 0);
		}
	}
}

static void children(void **state)
{
	(void)state;
	for (int who = LEFT; who <= RIGHT; who++) {
		meet(&hybrid, &hybrid, 3);
		p.watch = true;
		p.sent[LEFT] = p.sent[RIGHT] = 0;
		peers_expire(&p, who, 0);
		peers_run(&p, MINUTE);
		pair_expect(1);
		assert_int_equal(p.host[LEFT].events[ESPNIC_IKE_EV_CHILD_REKEYED], 1);
		/* CREATE_CHILD_SA, two more (one in fragments), and the Delete. */
		assert_true(p.sent[who] >= 4);
		/* A child that is new has them too. */
		peers_initiate(&p, who, "more");
		peers_run(&p, MINUTE);
		assert_int_equal(p.host[LEFT].n_ksa, 2);
		assert_true(peers_agree(&p));
	}
}

/* One side does not go on: the other forgets, and nothing stays behind. */
static void given_up(void **state)
{
	struct harm h = { .exchange = FOLLOWUP };

	(void)state;
	for (int response = 0; response < 2; response++) {
		meet(&hybrid, &hybrid, 4);
		h.response = response;
		p.wire = harmful;
		p.ctx = &h;
		peers_expire(&p, LEFT, 0);
		peers_wait(&p, 5 * MINUTE);
		assert_int_equal(espnic_ike_counters(p.host[LEFT].ike)->children, 0);
		assert_int_equal(espnic_ike_counters(p.host[RIGHT].ike)->children, 1);
		p.wire = NULL;
		peers_terminate(&p, RIGHT, 0, 0);
		peers_wait(&p, 5 * MINUTE);
		assert_int_equal(p.host[LEFT].n_ksa + p.host[RIGHT].n_ksa + p.host[LEFT].policies + p.host[RIGHT].policies, 0);
		assert_int_equal(espnic_ike_counters(p.host[RIGHT].ike)->sas, 0);
	}
}

static void ike(void **state)
{
	struct suites lively = hybrid;

	(void)state;
	for (int who = LEFT; who <= RIGHT; who++) {
		lively.rekey_ms = MINUTE;
		meet(who == LEFT ? &lively : &hybrid, who == LEFT ? &hybrid : &lively, 5);
		p.watch = true;
		peers_wait(&p, 5 * MINUTE);
		assert_true(p.host[who].events[ESPNIC_IKE_EV_IKE_REKEYED] >= 4);
		pair_expect(1);
		peers_expire(&p, !who, 0);
		peers_run(&p, SECOND);
		pair_expect(1);
	}
}

static void collisions(void **state)
{
	unsigned int n = 0;

	(void)state;
	for (unsigned int seed = 0; seed < 8; seed++) {
		for (unsigned int lag = 0; lag <= 80; lag += 10) {
			meet(&hybrid, &hybrid, seed);
			p.watch = true;
			peers_expire(&p, LEFT, 0);
			peers_wait(&p, lag);
			peers_expire(&p, RIGHT, 0);
			peers_run(&p, MINUTE);
			peers_wait(&p, MINUTE);
			pair_expect(1);
			n += (unsigned int)espnic_ike_counters(p.host[LEFT].ike)->collisions;
		}
	}
	assert_true(n > 8);
}

static void ike_collisions(void **state)
{
	struct suites lively = hybrid;
	unsigned int n = 0;

	(void)state;
	lively.rekey_ms = MINUTE;
	for (unsigned int seed = 0; seed < 8; seed++) {
		meet(&lively, &lively, seed);
		p.watch = true;
		p.latency = 5 + seed * 5;
		peers_wait(&p, MINUTE + 40 * SECOND);
		pair_expect(1);
		assert_int_equal(p.host[LEFT].events[ESPNIC_IKE_EV_IKE_DOWN], 0);
		n += (unsigned int)espnic_ike_counters(p.host[LEFT].ike)->collisions;
	}
	assert_true(n > 2);
}

static void words(void **state)
{
	static const struct {
		enum espnic_ike_protocol protocol;
		const char *text, *err;
	} bad[] = {
		{ ESPNIC_IKE_PROTO_IKE, "aes128gcm16-prfsha256-x25519-ke8_ecp256",
		  "proposal `aes128gcm16-prfsha256-x25519-ke8_ecp256': `ke8_ecp256' is not supported" },
		{ ESPNIC_IKE_PROTO_IKE, "aes128gcm16-prfsha256-x25519-ke1_sha256",
		  "proposal `aes128gcm16-prfsha256-x25519-ke1_sha256': `ke1_sha256' is not for this protocol" },
		{ ESPNIC_IKE_PROTO_IKE, "aes128gcm16-prfsha256-ke1_x25519",
		  "proposal `aes128gcm16-prfsha256-ke1_x25519': additional key exchanges need a first one (such as x25519)" },
		{ ESPNIC_IKE_PROTO_ESP, "aes128gcm16-ke1_mlkem768",
		  "proposal `aes128gcm16-ke1_mlkem768': additional key exchanges need a first one (such as x25519)" },
	};
	struct espnic_ike_proposal proposal;
	char err[ESPNIC_IKE_TEXT], text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(espnic_ike_proposal_parse(&proposal, 1, bad[i].protocol, bad[i].text, err), -22);
		assert_string_equal(err, bad[i].err);
	}
	assert_int_equal(espnic_ike_proposal_parse(&proposal, 1, ESPNIC_IKE_PROTO_IKE, hybrid.ike, err), 1);
	assert_string_equal(espnic_ike_proposal_text(&proposal, text, sizeof(text)), hybrid.ike);
	assert_int_equal(espnic_ike_proposal_parse(&proposal, 1, ESPNIC_IKE_PROTO_ESP, "aes128gcm16-x25519-ke2_none-noesn", err), 1);
	assert_string_equal(espnic_ike_proposal_text(&proposal, text, sizeof(text)), "aes128gcm16-x25519-ke2_none-noesn");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(suites), TEST(negotiated), TEST(losses), TEST(never_through), TEST(children), TEST(given_up), TEST(ike),
		TEST(collisions), TEST(ike_collisions), TEST(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
