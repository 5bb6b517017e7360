// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fuzz target: two cores on a virtual clock, and a wire, a kernel and users that do what the input says.
 *
 * Input: a byte of the seed, one of what both are configured to do (enum options), then bytes, each an act or the fate of the
 * next datagram.
 *
 * At the end the wire is good again; then both must come to rest with SAs that fit, whatever went before, and must be able to begin anew.
 */
#include <stdlib.h>
#include <string.h>

#include "unit/ikecore/peers.h"

enum { INPUT_MAX = 256, SECOND = 1000, MINUTE = 60 * SECOND };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p;
	size_t left;
};

static uint8_t next(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->p++;
}

/* 0-7: passes; 8: lost; 9: twice; 10: late; 11: a byte of it changed; 12: cut short. */
static bool fate(struct peers *p, struct peers_item *item, void *ctx)
{
	struct input *in = ctx;
	uint8_t what = next(in) % 13;

	switch (what) {
	case 8:
		return false;
	case 9:
		p->copy = true;
		break;
	case 10:
		item->at += next(in) * 20u;
		break;
	case 11:
		item->data[(size_t)next(in) * item->len / 256] ^= next(in);
		break;
	case 12:
		item->len -= (size_t)next(in) * item->len / 256;
		break;
	default:
		break;
	}
	return true;
}

enum options { MOBIKE = 1, MORE_KEYS = 2, CHILDLESS = 4, PPK = 8, VIRTUAL = 16 };

static void more_keys(struct espnic_ike_conn *conn)
{
	char err[ESPNIC_IKE_TEXT];

	if (espnic_ike_proposal_parse(conn->proposals, 1, ESPNIC_IKE_PROTO_IKE, "aes128gcm16-prfsha256-x25519-ke1_ecp256-ke2_mlkem512", err) != 1 ||
	    espnic_ike_proposal_parse(conn->children[0].proposals, 1, ESPNIC_IKE_PROTO_ESP, "aes128gcm16-x25519-ke1_ecp256", err) != 1)
		abort();
}

/* The left one names a PPK and asks for an address; whether the right one has the PPK is another bit of the options. */
static void left_and_right(struct espnic_ike_conn *conn, uint8_t options)
{
	bool left = strcmp((char *)conn->auth_local.id.data, "left.example") == 0;

	if (options & PPK && left) {
		conn->ppk_id.type = ESPNIC_IKE_ID_KEY;
		conn->ppk_id.len = 2;
		memcpy(conn->ppk_id.data, "it", 2);
	}
	if (!(options & VIRTUAL))
		return;
	conn->n_vips = left;
	conn->vips[0].family = 4;
	conn->n_pools = !left;
	strcpy(conn->pools[0], "pool");
}

static void lively(struct espnic_ike_conn *conn, void *ctx)
{
	uint8_t options = *(uint8_t *)ctx;

	conn->mobike = options & MOBIKE;
	conn->childless = options & CHILDLESS ? ESPNIC_IKE_CHILDLESS_PREFER : ESPNIC_IKE_CHILDLESS_ALLOW;
	if (options & MORE_KEYS)
		more_keys(conn);
	left_and_right(conn, options);
	if (options & MOBIKE && strcmp((char *)conn->auth_local.id.data, "right.example") == 0)
		conn->n_remote = 0;
	conn->rekey_ms = 3 * MINUTE;
	conn->over_ms = 3 * MINUTE;
	conn->dpd_ms = 30 * SECOND;
	conn->children[0].rekey_ms = MINUTE;
	conn->children[0].life_ms = 2 * MINUTE;
}

/* The left one moves within its network; the right one hears of others that do. */
static void go(struct peers *p, int who, uint8_t n)
{
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_ADDRESS, .address = { p->host[LEFT].at.addr, { 4, { 192, 0, 2, n | 16 } } } };

	if (who == RIGHT) {
		in.kind = ESPNIC_IKE_IN_MAPPING;
		in.mapping.spi = p->host[RIGHT].n_ksa ? p->host[RIGHT].ksa[0].spi_in : n;
		in.mapping.remote = (struct espnic_ike_endpoint){ { 4, { 192, 0, 2, n } }, 4500 };
	} else {
		p->host[LEFT].at.addr = in.address.fresh;
	}
	peers_step(p, who, &in);
}

static void act(struct peers *p, struct input *in, uint8_t options)
{
	uint8_t what = next(in), n = next(in);
	int who = what & 1;

	if (what & 0x80 && options & MOBIKE) {
		go(p, who, n);
		return;
	}
	switch (what >> 1 & 7) {
	case 0:
		peers_initiate(p, who, NULL);
		break;
	case 1:
		peers_initiate(p, who, "more");
		break;
	case 2:
		peers_expire(p, who, n % 4);
		break;
	case 3:
		peers_terminate(p, who, 0, 1u + n % 8);
		break;
	case 4:
		peers_terminate(p, who, 1u + n % 8, 0);
		break;
	case 5:
		p->host[who].fail_install = n % 4;
		break;
	case 6:
		peers_wait(p, n);
		break;
	default:
		peers_wait(p, (uint64_t)n * SECOND);
	}
}

static void rest(struct peers *p)
{
	p->wire = NULL;
	p->host[LEFT].fail_install = p->host[RIGHT].fail_install = 0;
	peers_wait(p, 10 * MINUTE);
	peers_run(p, MINUTE);
	if (!peers_agree(p))
		abort();
	for (int who = LEFT; who <= RIGHT; who++)
		if (espnic_ike_counters(p->host[who].ike)->half_open || p->host[who].policies > p->host[who].n_ksa)
			abort();
	peers_terminate(p, LEFT, 0, 0);
	peers_terminate(p, RIGHT, 0, 0);
	peers_wait(p, MINUTE);
	for (int who = LEFT; who <= RIGHT; who++)
		if (espnic_ike_counters(p->host[who].ike)->sas || p->host[who].n_ksa || p->host[who].policies || p->host[who].addresses)
			abort();
	peers_initiate(p, LEFT, NULL);
	peers_run(p, 10 * SECOND);
	if (p->host[LEFT].n_ksa != 1 || p->host[RIGHT].n_ksa != 1 || !peers_agree(p))
		abort();
}

/* Two addresses: SAs that take one another's place may have one each. */
static void secrets_and_pool(struct peers *p, uint8_t options)
{
	const struct espnic_ike_pool_conf pool = { .name = "pool", .from = { 4, { 10, 3, 0, 1 } }, .to = { 4, { 10, 3, 0, 2 } } };
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_PPKS, .ppks.any = true };
	char err[ESPNIC_IKE_TEXT];

	p->host[LEFT].ppk = p->host[RIGHT].ppk = "a secret that nobody guesses";
	p->host[LEFT].ppk_id = "it";
	p->host[RIGHT].ppk_id = options & 0x80 ? "it" : "another";
	if (options & PPK)
		peers_step(p, RIGHT, &in);
	if (espnic_ike_pool_load(p->host[RIGHT].ike, &pool, err) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct peers p;
	struct input in = { data, size };
	uint8_t options;

	if (size > INPUT_MAX)
		return 0;
	peers_init(&p, next(&in), NULL);
	options = next(&in);
	secrets_and_pool(&p, options);
	peers_conn(&p, LEFT, lively, &options);
	peers_conn(&p, RIGHT, lively, &options);
	p.wire = fate;
	p.ctx = &in;
	while (in.left)
		act(&p, &in, options);
	rest(&p);
	peers_free(&p);
	return 0;
}
