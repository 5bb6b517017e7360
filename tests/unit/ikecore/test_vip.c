// SPDX-License-Identifier: BSD-2-Clause
/* Virtual addresses between two cores: asked for, given out of pools, in the selectors, on the host, given back. */
#include "pair.h"

#include "core/vip.h"

static const struct espnic_ike_addr any4 = { .family = 4 }, any6 = { .family = 6 };

/* What the left one is and asks for, and how the right one is set up. */
struct setting {
	const char *id;			/* of the left one; NULL: as ever */
	const struct espnic_ike_addr *asks[ESPNIC_IKE_VIPS];
	const char *pools[2];
	enum espnic_ike_childless childless;
	const char *remote_ts;		/* of the right one: a network that the address is in; NULL: dynamic */
};

static struct espnic_ike_addr addr(const char *text)
{
	struct espnic_ike_addr a;

	assert_int_equal(espnic_ike_addr_parse(&a, text), 0);
	return a;
}

static void load(const char *name, const char *from, const char *to, const char *dns)
{
	struct espnic_ike_pool_conf c = { .from = addr(from), .to = addr(to), .n_dns = 1, .dns[0] = addr(dns) };
	char err[ESPNIC_IKE_TEXT];

	snprintf(c.name, sizeof(c.name), "%s", name);
	assert_int_equal(espnic_ike_pool_load(p.host[RIGHT].ike, &c, err), 0);
}

static void pools(void)
{
	load("four", "10.3.0.1", "10.3.0.2", "10.1.0.53");
	load("six", "2001:db8:3::1", "2001:db8:3::ff", "2001:db8::53");
}

static void asking(struct espnic_ike_conn *conn, void *ctx)
{
	const struct setting *s = ctx;
	char err[ESPNIC_IKE_TEXT];

	if (s->id)
		assert_int_equal(espnic_ike_id_parse(&conn->auth_local.id, s->id, err), 0);
	for (unsigned int i = 0; i < ESPNIC_IKE_VIPS && s->asks[i]; i++)
		conn->vips[conn->n_vips++] = *s->asks[i];
	conn->childless = s->childless;
	conn->rekey_ms = HOUR;
}

static void giving(struct espnic_ike_conn *conn, void *ctx)
{
	const struct setting *s = ctx;
	struct espnic_ike_ts *ts = &conn->children[0].remote[0];

	memset(&conn->auth_remote.id, 0, sizeof(conn->auth_remote.id));
	for (unsigned int i = 0; i < 2 && s->pools[i]; i++)
		snprintf(conn->pools[conn->n_pools++], ESPNIC_IKE_NAME, "%s", s->pools[i]);
	conn->rekey_ms = 0;
	if (!s->remote_ts)
		return;
	*ts = (struct espnic_ike_ts){ .family = 4, .port_to = 65535 };
	memcpy(ts->from, addr(s->remote_ts).bytes, 4);
	memcpy(ts->to, ts->from, 4);
	ts->to[3] = 255;
}

static void meet(const struct setting *s)
{
	peers_conn(&p, LEFT, asking, (void *)s);
	peers_conn(&p, RIGHT, giving, (void *)s);
	peers_initiate(&p, LEFT, NULL);
	peers_run(&p, MINUTE);
}

/* The one child has @want as the left one's selectors, on both sides; NULL ends them. */
struct wanted {
	int who;
	const char *const *vip;
};

static bool look(void *ctx, const struct espnic_ike_sa_info *sa)
{
	const struct wanted *w = ctx;
	const struct espnic_ike_child_info *c = &sa->children[0];
	const struct espnic_ike_ts *ts = w->who == LEFT ? c->ts_local : c->ts_remote;
	unsigned int n = w->who == LEFT ? c->n_local : c->n_remote, i;

	if (sa->state != ESPNIC_IKE_ESTABLISHED)
		return true;
	assert_int_equal(sa->n_children, 1);
	for (i = 0; w->vip[i]; i++) {
		struct espnic_ike_addr a = addr(w->vip[i]);

		assert_true(i < n && i < sa->n_vips);
		assert_int_equal(ts[i].family, a.family);
		assert_memory_equal(ts[i].from, a.bytes, sizeof(a.bytes));
		assert_memory_equal(ts[i].to, a.bytes, sizeof(a.bytes));
		assert_true(espnic_ike_addr_equal(&sa->vips[i], &a));
	}
	assert_int_equal(n, i);
	assert_int_equal(sa->n_vips, i);
	assert_int_equal(sa->vips_own, w->who == LEFT);
	return true;
}

static void expect_vips(const char *const *vip)
{
	unsigned int n = 0;

	pair_expect(1);
	for (int who = LEFT; who <= RIGHT; who++) {
		struct wanted w = { who, vip };

		espnic_ike_list(p.host[who].ike, look, &w);
	}
	while (vip[n])
		n++;
	assert_int_equal(p.host[LEFT].addresses, n);
	assert_int_equal(p.host[RIGHT].addresses, 0);
}

static struct espnic_ike_pool_info info(const char *name)
{
	struct espnic_ike_pool_info i;

	assert_true(espnic_ike_pool_info(p.host[RIGHT].ike, name, &i));
	return i;
}

static void one(void **state)
{
	static const struct setting s = { .asks = { &any4 }, .pools = { "six", "four" } };
	static const char *const vip[] = { "10.3.0.1", NULL };

	(void)state;
	pools();
	meet(&s);
	expect_vips(vip);
	assert_string_equal(p.host[LEFT].note, "vip address=10.3.0.1 dns=10.1.0.53");
	/* and so it stays, whoever replaces what */
	for (int who = LEFT; who <= RIGHT; who++) {
		peers_expire(&p, who, 0);
		peers_run(&p, MINUTE);
		expect_vips(vip);
	}
	peers_wait(&p, HOUR);
	assert_true(p.host[LEFT].events[ESPNIC_IKE_EV_IKE_REKEYED] > 0);
	expect_vips(vip);
	assert_int_equal(info("four").online, 1);
	peers_terminate(&p, LEFT, 0, 0);
	peers_run(&p, MINUTE);
	pair_expect_nothing();
	assert_int_equal(p.host[LEFT].addresses, 0);
	assert_int_equal(info("four").online, 0);
	assert_int_equal(info("four").offline, 1);
	/* back again: the same, though another is free */
	peers_initiate(&p, LEFT, NULL);
	peers_run(&p, MINUTE);
	expect_vips(vip);
}

static void both(void **state)
{
	static const struct setting s = { .asks = { &any6, &any4 }, .pools = { "four", "six" } };
	static const char *const vip[] = { "2001:db8:3::1", "10.3.0.1", NULL }, *const theirs[] = { "10.3.0.1", "2001:db8:3::1", NULL };
	struct wanted l = { LEFT, vip }, r = { RIGHT, theirs };

	(void)state;
	pools();
	meet(&s);
	pair_expect(1);
	espnic_ike_list(p.host[LEFT].ike, look, &l);
	espnic_ike_list(p.host[RIGHT].ike, look, &r);
	assert_int_equal(p.host[LEFT].addresses, 2);
	assert_int_equal(info("four").online + info("six").online, 2);
}

/* What was asked for is what there is, if nobody has it. */
static void wishes(void **state)
{
	static struct espnic_ike_addr wish;
	static const struct setting s = { .asks = { &wish }, .pools = { "four" } };
	static const char *const second[] = { "10.3.0.2", NULL }, *const first[] = { "10.3.0.1", NULL };

	(void)state;
	pools();
	wish = addr("10.3.0.2");
	meet(&s);
	expect_vips(second);
	pair_again(2);
	pools();
	wish = addr("10.4.0.2");
	meet(&s);
	expect_vips(first);
}

/* The peer means more by its selectors than our address: ours count. */
static void wider(void **state)
{
	static const struct setting s = { .asks = { &any4 }, .pools = { "four" }, .remote_ts = "10.3.0.0" };
	const struct espnic_ike_addr a = addr("10.3.0.1");

	(void)state;
	pools();
	meet(&s);
	pair_expect(1);
	assert_memory_equal(p.host[LEFT].ksa[0].ts_local.from, a.bytes, 4);
	assert_memory_equal(p.host[LEFT].ksa[0].ts_local.to, a.bytes, 4);
}

/* Another peer gets another; when all are gone there is none; one that was given back goes to whoever had it, or to the next. */
static void runs_out(void **state)
{
	static struct setting s = { .asks = { &any4 }, .pools = { "four" } };
	static const char *const ids[] = { "a.example", "b.example", "c.example" };
	unsigned int up = 0;

	(void)state;
	pools();
	for (unsigned int i = 0; i < 3; i++) {
		s.id = ids[i];
		meet(&s);
		up += i < 2;
		assert_int_equal(info("four").online, up);
		assert_int_equal(p.host[LEFT].addresses, up);
	}
	assert_string_equal(p.host[LEFT].text, "no_vip refused by INTERNAL_ADDRESS_FAILURE (36)");
	assert_string_equal(p.host[RIGHT].text, "no_vip there is no pool with an address left");
	assert_int_equal(p.host[RIGHT].n_ksa, 2);
	peers_terminate(&p, LEFT, 1, 0);
	peers_run(&p, MINUTE);
	assert_int_equal(info("four").offline, 1);
	meet(&s);
	assert_int_equal(info("four").online, 2);
	assert_int_equal(info("four").offline, 0);
	assert_true(espnic_ike_addr_equal(&p.host[LEFT].vip, &(struct espnic_ike_addr){ 4, { 10, 3, 0, 1 } }));
}

static void refusals(void **state)
{
	static const struct {
		struct setting s;
		const char *left;
	} all[] = {
		{ { .asks = { &any4 } }, "no_vip refused by INTERNAL_ADDRESS_FAILURE (36)" },
		{ { .asks = { &any4 }, .pools = { "six" } }, "no_vip refused by INTERNAL_ADDRESS_FAILURE (36)" },
		{ { .asks = { &any4 }, .pools = { "none" } }, "no_vip refused by INTERNAL_ADDRESS_FAILURE (36)" },
		{ { .pools = { "four" } }, "refused by FAILED_CP_REQUIRED (37)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		pair_again(i);
		pools();
		meet(&all[i].s);
		assert_string_equal(p.host[LEFT].text, all[i].left);
		assert_int_equal(p.host[LEFT].n_ksa + p.host[RIGHT].n_ksa, 0);
		assert_int_equal(p.host[LEFT].addresses, 0);
		assert_int_equal(info("four").online, 0);
	}
}

/* The address comes with the IKE SA, and the child later. */
static void childless(void **state)
{
	static const struct setting s = { .asks = { &any4 }, .pools = { "four" }, .childless = ESPNIC_IKE_CHILDLESS_PREFER };
	static const char *const vip[] = { "10.3.0.1", NULL };

	(void)state;
	pools();
	meet(&s);
	assert_int_equal(p.sent[LEFT], 3);
	expect_vips(vip);
}

static bool lost(struct peers *peers, struct peers_item *item, void *ctx)
{
	(void)peers;
	(void)item;
	(void)ctx;
	return false;
}

/* A peer that is gone has no address for ever, nor has one whose kernel would not have its child. */
static void ends(void **state)
{
	static const struct setting s = { .asks = { &any4 }, .pools = { "four" } };

	(void)state;
	pools();
	meet(&s);
	p.wire = lost;
	peers_terminate(&p, LEFT, 0, 0);
	peers_terminate(&p, RIGHT, 0, 0);
	peers_wait(&p, 10 * MINUTE);
	assert_int_equal(p.host[LEFT].addresses, 0);
	assert_int_equal(info("four").online, 0);
	pair_again(2);
	pools();
	p.host[LEFT].fail_install = 1;
	meet(&s);
	assert_int_equal(p.host[LEFT].n_ksa + p.host[RIGHT].n_ksa, 0);
	peers_terminate(&p, LEFT, 0, 0);
	peers_run(&p, MINUTE);
	assert_int_equal(p.host[LEFT].addresses, 0);
	assert_int_equal(info("four").online, 0);
}

static struct espnic_ike_id id_of(const char *text)
{
	struct espnic_ike_id id;
	char err[ESPNIC_IKE_TEXT];

	assert_int_equal(espnic_ike_id_parse(&id, text, err), 0);
	return id;
}

static void pool_rules(void **state)
{
	struct espnic_ike *ike = p.host[RIGHT].ike;
	struct espnic_ike_id a = id_of("a.example"), b = id_of("b.example"), c = id_of("c.example");
	struct espnic_ike_addr wish = addr("10.3.0.1"), none = { 0 };
	struct espnic_ike_lease *l[3];
	struct espnic_ike_pool *pool;

	(void)state;
	load("four", "10.3.0.255", "10.3.1.1", "10.1.0.53");
	pool = espnic_ike_pool_find(ike, "four");
	assert_int_equal(info("four").size, 3);
	l[0] = espnic_ike_lease_take(ike, pool, &a, &wish);
	l[1] = espnic_ike_lease_take(ike, pool, &a, &none);
	l[2] = espnic_ike_lease_take(ike, pool, &b, &none);
	for (unsigned int i = 0; i < 3; i++) {
		struct espnic_ike_addr at = espnic_ike_lease_addr(l[i]);
		static const char *const want[] = { "10.3.0.255", "10.3.1.0", "10.3.1.1" }, *text;
		char out[64];

		text = espnic_ike_addr_text(&at, out, sizeof(out));
		assert_string_equal(text, want[i]);
	}
	assert_null(espnic_ike_lease_take(ike, pool, &c, &none));
	/* of those that are free the oldest goes to a stranger, whatever it wishes for, and its own to whoever had one */
	espnic_ike_lease_back(l[1]);
	espnic_ike_lease_back(l[2]);
	wish = addr("10.3.1.1");
	assert_ptr_equal(espnic_ike_lease_take(ike, pool, &c, &wish), l[1]);
	assert_ptr_equal(espnic_ike_lease_take(ike, pool, &b, &none), l[2]);
	assert_null(espnic_ike_lease_take(ike, pool, &b, &none));
	assert_int_equal(espnic_ike_pool_unload(ike, "four"), -16);
	for (unsigned int i = 0; i < 3; i++)
		espnic_ike_lease_back(l[i]);
	assert_int_equal(espnic_ike_pool_unload(ike, "four"), 0);
	assert_int_equal(espnic_ike_pool_unload(ike, "four"), -2);
	/* IPv6 beyond what a number holds */
	load("six", "2001:db8::ffff:ffff:ffff:ffff", "2001:db8:0:1::2", "2001:db8::53");
	pool = espnic_ike_pool_find(ike, "six");
	l[0] = espnic_ike_lease_take(ike, pool, &a, &none);
	wish = addr("2001:db8::ffff:ffff:ffff:ffff");
	none = espnic_ike_lease_addr(l[0]);
	assert_true(espnic_ike_addr_equal(&none, &wish));
	espnic_ike_lease_back(l[0]);
}

static void pool_refused(void **state)
{
	static const struct {
		const char *name, *from, *to, *why;
	} bad[] = {
		{ "", "10.3.0.1", "10.3.0.2", "pool `': a name of 1 to 63 bytes is needed" },
		{ "x", "10.3.0.2", "10.3.0.1", "pool `x': its addresses are no range of unicast addresses" },
		{ "x", "10.3.0.1", "2001:db8::1", "pool `x': its addresses are no range of unicast addresses" },
		{ "x", "127.0.0.1", "127.0.0.2", "pool `x': its addresses are no range of unicast addresses" },
		{ "x", "fe80::1", "fe80::2", "pool `x': its addresses are no range of unicast addresses" },
		{ "four", "10.3.0.1", "10.3.0.3", "pool `four': it has other addresses, and some of those before are in use" },
	};
	static const struct setting s = { .asks = { &any4 }, .pools = { "four" } };
	char err[ESPNIC_IKE_TEXT];

	(void)state;
	pools();
	meet(&s);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct espnic_ike_pool_conf c = { .from = addr(bad[i].from), .to = addr(bad[i].to) };

		snprintf(c.name, sizeof(c.name), "%s", bad[i].name);
		assert_int_equal(espnic_ike_pool_load(p.host[RIGHT].ike, &c, err), -22);
		assert_string_equal(err, bad[i].why);
	}
	/* the same addresses and other servers */
	load("four", "10.3.0.1", "10.3.0.2", "10.1.0.54");
	assert_int_equal(info("four").online, 1);
}

static bool read_cp(const char *bytes, size_t len, struct espnic_ike_cp *cp)
{
	uint8_t *copy = malloc(len);
	bool ok;

	memcpy(copy, bytes, len);
	ok = espnic_ike_cp_read(cp, (struct espnic_ike_chunk){ copy, len });
	free(copy);
	return ok;
}

static void payloads(void **state)
{
	static const char good[] = "\x02\0\0\0" "\0\x01\0\x04\x0a\x03\0\x01" "\x80\x03\0\x04\x0a\x01\0\x35" "\x70\0\0\x02xx" "\0\x08\0\0" "\0\x01\0\x04\x0a\x03\0\x02";
	struct espnic_ike_cp cp;

	(void)state;
	assert_true(read_cp(good, sizeof(good) - 1, &cp));
	assert_int_equal(cp.type, 2);
	assert_true(cp.asked[0] && cp.asked[1]);
	assert_int_equal(cp.addr[0].bytes[3], 1);
	assert_int_equal(cp.addr[1].family, 0);
	assert_int_equal(cp.n_dns, 1);
	for (size_t len = 1; len < sizeof(good) - 1; len++) {
		bool whole = len == 4 || len == 12 || len == 20 || len == 26 || len == 30;

		assert_int_equal(read_cp(good, len, &cp), whole);
	}
	/* an address of another length is one that is not named */
	assert_true(read_cp("\x01\0\0\0\0\x01\0\x03xyz", 11, &cp));
	assert_true(cp.asked[0] && !cp.addr[0].family);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one), TEST(both), TEST(wishes), TEST(wider), TEST(runs_out), TEST(refusals), TEST(childless), TEST(ends),
		TEST(pool_rules), TEST(pool_refused), TEST(payloads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
