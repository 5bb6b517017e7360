// SPDX-License-Identifier: BSD-2-Clause
#include "pair.h"

struct peers p;

int pair_setup(void **state)
{
	(void)state;
	peers_init(&p, 1, NULL);
	return 0;
}

int pair_teardown(void **state)
{
	(void)state;
	peers_free(&p);
	return 0;
}

void pair_again(uint64_t seed)
{
	peers_free(&p);
	peers_init(&p, seed, NULL);
}

void pair_meet(void (*change)(struct espnic_ike_conn *conn, void *ctx), void *left, void *right)
{
	peers_conn(&p, LEFT, change, left);
	peers_conn(&p, RIGHT, change, right);
	peers_initiate(&p, LEFT, NULL);
	peers_run(&p, MINUTE);
}

void pair_expect(unsigned int children)
{
	for (int who = LEFT; who <= RIGHT; who++) {
		const struct espnic_ike_counters *c = espnic_ike_counters(p.host[who].ike);

		assert_int_equal(peers_sas(&p, who, ESPNIC_IKE_ESTABLISHED), 1);
		assert_int_equal(c->sas, 1);
		assert_int_equal(c->half_open, 0);
		assert_int_equal(c->children, children);
		assert_int_equal(p.host[who].n_ksa, children);
		assert_int_equal(p.host[who].policies, children);
		for (unsigned int i = 0; i < children; i++)
			assert_int_not_equal(p.host[who].ksa[i].spi_out, 0);
	}
	assert_true(peers_agree(&p));
	assert_false(p.hole);
}

void pair_expect_nothing(void)
{
	for (int who = LEFT; who <= RIGHT; who++) {
		assert_int_equal(espnic_ike_counters(p.host[who].ike)->sas, 0);
		assert_int_equal(espnic_ike_counters(p.host[who].ike)->half_open, 0);
		assert_int_equal(p.host[who].n_ksa, 0);
		assert_int_equal(p.host[who].policies, 0);
	}
}

void pair_proposals(struct espnic_ike_conn *conn, const char *ike, const char *esp)
{
	char err[ESPNIC_IKE_TEXT];
	int n;

	n = espnic_ike_proposal_parse(conn->proposals, ESPNIC_IKE_PROPOSALS, ESPNIC_IKE_PROTO_IKE, ike, err);
	assert_true(n > 0);
	conn->n_proposals = (uint8_t)n;
	if (!esp)
		return;
	n = espnic_ike_proposal_parse(conn->children[0].proposals, ESPNIC_IKE_PROPOSALS, ESPNIC_IKE_PROTO_ESP, esp, err);
	assert_true(n > 0);
	conn->children[0].n_proposals = (uint8_t)n;
}

bool pair_all_lost(struct peers *peers, struct peers_item *item, void *ctx)
{
	(void)peers;
	(void)item;
	(void)ctx;
	return false;
}
