// SPDX-License-Identifier: BSD-2-Clause
/* Postquantum preshared keys (RFC 8784) between two cores: who demands what, who has which, and what is made of it. */
#include "pair.h"

#include "pki.h"

#define PPK "a long secret that no quantum computer guesses"
#define NONE "no_ppk ppk_required is set, and the peer has none (RFC 8784)"
#define REFUSED "refused by AUTHENTICATION_FAILED (24)"
#define NOT_HERE "no_ppk the peer demands one that is not here (RFC 8784)"
#define NOT_USED "no_ppk ppk_required is set, and the peer uses none that is here (RFC 8784)"
#define WRONG "auth_failed the peer's AUTH is wrong"

struct side {
	const char *ppk, *id;		/* what is there; NULL: nothing */
	const char *names;		/* what the connection names; NULL: nothing */
	bool required;
};

/* How both prove who they are, and make their keys. */
struct way {
	const char *ike;
	bool sign;
};

struct loading {
	const struct side *side;
	const struct way *way;
	int who;
};

static int forget(void **state)
{
	(void)state;
	pki_forget();
	return 0;
}

static void with_keys(struct espnic_ike_conn *conn, int who)
{
	conn->auth_local.method = conn->auth_remote.method = ESPNIC_IKE_AUTH_PUBKEY;
	conn->send_cert = ESPNIC_IKE_CERT_ALWAYS;
	p.host[who].key = pki_key("P-256", (unsigned int)who);
	pki_load_key(p.host[who].ike, pki_key("P-256", (unsigned int)who), conn->auth_local.keyid[0]);
	pki_load_key(p.host[who].ike, pki_key("P-256", (unsigned int)!who), conn->auth_remote.keyid[0]);
	conn->auth_local.n_keyids = conn->auth_remote.n_keyids = 1;
}

static void with_side(struct espnic_ike_conn *conn, void *ctx)
{
	const struct loading *l = ctx;
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_PPKS, .ppks.any = l->side->ppk };
	char err[ESPNIC_IKE_TEXT];

	if (l->side->names)
		assert_int_equal(espnic_ike_id_parse(&conn->ppk_id, l->side->names, err), 0);
	conn->ppk_required = l->side->required;
	conn->rekey_ms = 10 * MINUTE;
	pair_proposals(conn, l->way->ike, NULL);
	if (l->way->sign)
		with_keys(conn, l->who);
	p.host[l->who].ppk = l->side->ppk;
	p.host[l->who].ppk_id = l->side->id;
	peers_step(&p, l->who, &in);
}

static void meet(const struct side *left, const struct side *right, const struct way *way)
{
	struct loading l = { left, way, LEFT }, r = { right, way, RIGHT };

	pair_meet(with_side, &l, &r);
}

static bool look(void *ctx, const struct espnic_ike_sa_info *sa)
{
	*(bool *)ctx = sa->ppk;
	return true;
}

static bool used(int who)
{
	bool ppk = false;

	espnic_ike_list(p.host[who].ike, look, &ppk);
	return ppk;
}

/* Each line of RFC 8784's two tables, and the secrets that differ. */
static const struct {
	struct side left, right;
	bool up, used;
	const char *left_text, *right_text;
} all[] = {
	{ { PPK, "it", "it", false }, { PPK, "it", NULL, false }, true, true, "", "" },
	{ { PPK, "it", "it", true }, { PPK, "it", NULL, false }, true, true, "", "" },
	{ { PPK, "it", "it", false }, { PPK, "it", NULL, true }, true, true, "", "" },
	{ { PPK, "it", "it", true }, { PPK, "it", "it", true }, true, true, "", "" },
	/* USE_PPK has no answer */
	{ { PPK, "it", "it", false }, { NULL, NULL, NULL, false }, true, false, "", "" },
	{ { PPK, "it", "it", true }, { NULL, NULL, NULL, false }, false, false, NONE, "" },
	{ { PPK, "it", "it", false }, { NULL, NULL, NULL, true }, false, false, REFUSED, NOT_USED },
	/* it has one, by which the other has none */
	{ { PPK, "it", "it", false }, { PPK, "other", NULL, false }, true, false, "", "" },
	{ { PPK, "it", "it", true }, { PPK, "other", NULL, false }, false, false, REFUSED, NOT_HERE },
	{ { PPK, "it", "it", false }, { PPK, "other", NULL, true }, false, false, REFUSED, NOT_USED },
	/* none is asked for */
	{ { PPK, "it", NULL, false }, { PPK, "it", NULL, false }, true, false, "", "" },
	{ { PPK, "it", NULL, false }, { PPK, "it", NULL, true }, false, false, REFUSED, NOT_USED },
	{ { PPK, "it", NULL, true }, { PPK, "it", NULL, false }, false, false, "no_ppk ppk_required is set, and there is no ppk_id to begin with", "" },
	/* the one that is named is not there */
	{ { NULL, NULL, "it", false }, { PPK, "it", NULL, false }, true, false, "", "" },
	{ { NULL, NULL, "it", true }, { PPK, "it", NULL, false }, false, false, "no_ppk there is no such key", "" },
	{ { NULL, NULL, "it", false }, { PPK, "it", NULL, true }, false, false, REFUSED, NOT_USED },
	{ { PPK, "it", "it", false }, { PPK "?", "it", NULL, false }, false, false, REFUSED, WRONG },
};

static const struct way ways[] = {
	{ "aes128gcm16-prfsha256-x25519", false }, { "aes256-sha512-x25519", true }, { "aes256gcm16-prfsha384-x25519-ke1_ecp256", false },
};

static void tables(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) * sizeof(ways) / sizeof(ways[0]); i++) {
		size_t line = i / (sizeof(ways) / sizeof(ways[0]));

		pair_again(i);
		meet(&all[line].left, &all[line].right, &ways[i % (sizeof(ways) / sizeof(ways[0]))]);
		assert_string_equal(p.host[LEFT].text, all[line].left_text);
		assert_string_equal(p.host[RIGHT].text, all[line].right_text);
		if (!all[line].up) {
			peers_wait(&p, MINUTE);
			pair_expect_nothing();
			continue;
		}
		pair_expect(1);
		assert_int_equal(used(LEFT), all[line].used);
		assert_int_equal(used(RIGHT), all[line].used);
	}
}

/* It stays in the keys of all that comes after. */
static void afterwards(void **state)
{
	static const struct side both = { PPK, "it", "it", true };

	(void)state;
	meet(&both, &both, &ways[0]);
	for (int who = LEFT; who <= RIGHT; who++) {
		peers_expire(&p, who, 0);
		peers_run(&p, MINUTE);
		pair_expect(1);
	}
	peers_wait(&p, 10 * MINUTE);
	assert_true(p.host[LEFT].events[ESPNIC_IKE_EV_IKE_REKEYED] > 0);
	assert_true(used(LEFT) && used(RIGHT));
	peers_expire(&p, LEFT, 0);
	peers_run(&p, MINUTE);
	pair_expect(1);
}

/* Each of the three keys is made of it: SK_d shows in the child, SK_pi and SK_pr in AUTH. */
static void every_key(void **state)
{
	static const struct side both = { PPK, "it", "it", true };
	static struct loading l = { &both, &ways[0], LEFT }, r = { &both, &ways[0], RIGHT };

	(void)state;
	for (unsigned int bad = 1; bad <= ESPNIC_IKE_PPK_KEYS; bad++) {
		pair_again(bad);
		p.host[LEFT].bad_ppk = bad;
		pair_meet(with_side, &l, &r);
		assert_int_equal(p.host[LEFT].n_ksa, bad == 1 + ESPNIC_IKE_PPK_D);
		assert_true(bad != 1 + ESPNIC_IKE_PPK_D || !peers_agree(&p));
		assert_string_equal(p.host[RIGHT].text, bad == 1 + ESPNIC_IKE_PPK_PI ? WRONG : "");
		assert_string_equal(p.host[LEFT].text, bad == 1 + ESPNIC_IKE_PPK_PI ? REFUSED : bad == 1 + ESPNIC_IKE_PPK_PR ? WRONG : "");
	}
}

/* HMAC-SHA-256 of the key and an octet of 1, by the PPK: another program's numbers. */
static void known_answer(void **state)
{
	static const uint8_t expect[3][32] = {
		{ 0xdc, 0x68, 0xbe, 0xa3, 0xb5, 0xa7, 0xcd, 0xa3, 0xa3, 0x48, 0x63, 0x44, 0x0b, 0x32, 0x97, 0x7c,
		  0x8d, 0xf0, 0x19, 0x8c, 0xbf, 0x1e, 0xb3, 0x2b, 0x01, 0x5d, 0x48, 0x44, 0x1f, 0x6e, 0x35, 0x7e },
		{ 0x70, 0xe9, 0x53, 0xd4, 0x51, 0x78, 0x6b, 0x3f, 0xa9, 0x70, 0x62, 0x6e, 0x9d, 0x00, 0x1a, 0x60,
		  0x57, 0xa0, 0x74, 0x26, 0x58, 0xcf, 0x42, 0xb3, 0x43, 0x9d, 0xff, 0xa1, 0xd2, 0xa6, 0x58, 0xce },
		{ 0x4c, 0x9d, 0x17, 0x9d, 0xd5, 0x07, 0x0e, 0x67, 0x3c, 0xcf, 0x2c, 0xa7, 0x14, 0x2a, 0xa6, 0x8a,
		  0x1a, 0xf7, 0x17, 0xbc, 0xb6, 0x3d, 0x19, 0xb1, 0x19, 0x3c, 0xb8, 0x1b, 0x95, 0x23, 0x3e, 0x1f },
	};
	const struct espnic_ike_alg *prf = espnic_ike_alg(ESPNIC_IKE_PRF, 5, 0);
	uint8_t sk[3][32], out[ESPNIC_IKE_PPK_KEYS * ESPNIC_IKE_MAC];
	const uint8_t *keys[3] = { sk[0], sk[1], sk[2] };

	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		memset(sk[i], 1 + (int)i, sizeof(sk[i]));
	assert_int_equal(espnic_ike_ppk_mix(prf, (const uint8_t *)PPK, sizeof(PPK) - 1, keys, out), sizeof(expect));
	assert_memory_equal(out, expect, sizeof(expect));
	assert_int_equal(espnic_ike_ppk_mix(prf, (const uint8_t *)PPK, 0, keys, out), -22);
	assert_int_equal(espnic_ike_ppk_mix(espnic_ike_alg(ESPNIC_IKE_KE, 31, 0), (const uint8_t *)PPK, 1, keys, out), -22);
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(tables), TEST(afterwards), TEST(every_key), TEST(known_answer) };

	return cmocka_run_group_tests(tests, NULL, forget);
}
