// SPDX-License-Identifier: BSD-2-Clause
/* Virtual addresses and their routes on a real kernel, in a network namespace of the test's own: they come, are seen, and go. */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/address.h"
#include "kernel/watch.h"
#include "main/routes.h"
#include "main/vips.h"

enum { LOOPBACK = 1 };

static bool alone;

static int setup(void **state)
{
	(void)state;
	alone = !unshare(CLONE_NEWNET) || !unshare(CLONE_NEWUSER | CLONE_NEWNET);
	return 0;
}

static struct espnic_ike_addr addr(const char *text)
{
	struct espnic_ike_addr a;

	assert_int_equal(espnic_ike_addr_parse(&a, text), 0);
	return a;
}

static void test_set(void **state)
{
	static const char *const texts[] = { "10.3.0.1", "2001:db8:3::1" };

	(void)state;
	if (!alone)
		skip();
	for (unsigned int i = 0; i < 2; i++) {
		struct espnic_ike_addr a = addr(texts[i]);

		assert_int_equal(espnic_owner(&a), 0);
		assert_int_equal(espnic_address_set(LOOPBACK, &a, true), 0);
		assert_int_equal(espnic_owner(&a), LOOPBACK);
		assert_int_equal(espnic_address_set(LOOPBACK, &a, true), -EEXIST);
		assert_int_equal(espnic_address_set(LOOPBACK, &a, false), 0);
		assert_int_equal(espnic_owner(&a), 0);
		assert_int_equal(espnic_address_set(LOOPBACK, &a, false), -EADDRNOTAVAIL);
		assert_int_equal(espnic_address_set(99, &a, true), -ENODEV);
	}
}

static const char *say(struct espnic_vips *s, bool add, const char *conn, const char *vip)
{
	struct espnic_ike_address_op op = { .add = add, .conn = conn, .addr = addr(vip), .local = addr("192.0.2.1"), .remote = addr("192.0.2.2") };

	return espnic_vips_set(s, &op);
}

static void test_vips(void **state)
{
	struct espnic_ike_addr vip = addr("10.3.0.1"), home = addr("192.0.2.1");
	static struct espnic_vips s = { .set = espnic_address_set };

	(void)state;
	if (!alone)
		skip();
	assert_string_equal(say(&s, true, "c", "10.3.0.1"), "no interface leads to the peer");
	assert_int_equal(s.n, 0);
	assert_int_equal(espnic_address_set(LOOPBACK, &home, true), 0);
	assert_null(say(&s, true, "c", "10.3.0.1"));
	assert_null(say(&s, true, "c", "10.3.0.1"));
	assert_int_equal(espnic_owner(&vip), LOOPBACK);
	assert_true(espnic_vips_has(&s, "c", &vip));
	assert_false(espnic_vips_has(&s, "d", &vip));
	/* of two connections it is there for as long as one has it */
	assert_null(say(&s, true, "d", "10.3.0.1"));
	assert_null(say(&s, false, "c", "10.3.0.1"));
	assert_true(espnic_vips_has(&s, "c", &vip));
	assert_null(say(&s, false, "c", "10.3.0.1"));
	assert_false(espnic_vips_has(&s, "c", &vip));
	assert_int_equal(espnic_owner(&vip), LOOPBACK);
	assert_null(say(&s, false, "d", "10.3.0.1"));
	assert_int_equal(espnic_owner(&vip), 0);
	/* what the host has by itself it keeps */
	assert_null(say(&s, true, "c", "192.0.2.1"));
	assert_null(say(&s, false, "c", "192.0.2.1"));
	assert_int_equal(espnic_owner(&home), LOOPBACK);
	/* and at the end they all go */
	assert_null(say(&s, true, "c", "10.3.0.1"));
	assert_null(say(&s, true, "c", "2001:db8::1"));
	assert_int_equal(s.n, 2);
	espnic_vips_end(&s);
	assert_int_equal(espnic_owner(&vip), 0);
	assert_string_equal(say(&s, true, "c", "224.0.0.1"), "no unicast address");
}

/* ---- routes ---- */

static struct espnic_ike_ts net(const char *from, const char *to)
{
	struct espnic_ike_addr first = addr(from), last = addr(to);
	struct espnic_ike_ts ts = { .family = first.family, .port_to = UINT16_MAX };

	memcpy(ts.from, first.bytes, sizeof(ts.from));
	memcpy(ts.to, last.bytes, sizeof(ts.to));
	return ts;
}

/* By which source do packets to @dst leave? */
static void expect_source(const char *dst, const char *src)
{
	struct espnic_ike_addr to = addr(dst), want = addr(src);
	struct espnic_route way;

	assert_true(espnic_route(&to, NULL, &way));
	assert_true(espnic_ike_addr_equal(&way.local, &want));
}

/* A way to 192.0.2.2, of which no address is the host's */
static void a_network(void)
{
	assert_int_equal(system("ip link set lo up && ip address replace 192.0.2.1/32 dev lo && ip route replace default dev lo src 192.0.2.1"), 0);
}

static struct espnic_ike_ts all[2], some[2];
static struct espnic_sa to_all = { .conn = "c", .mode = ESPNIC_IKE_TUNNEL, .ts = all, .n_local = 1, .n_remote = 1 };
static struct espnic_sa to_some = { .conn = "c", .mode = ESPNIC_IKE_TUNNEL, .ts = some, .n_local = 1, .n_remote = 1 };

static void children(void)
{
	all[0] = some[0] = net("10.3.0.1", "10.3.0.1");
	all[1] = net("0.0.0.0", "255.255.255.255");
	some[1] = net("10.9.0.0", "10.9.255.255");
	to_all.local.addr = to_some.local.addr = addr("192.0.2.1");
	to_all.remote.addr = to_some.remote.addr = addr("192.0.2.2");
}

static struct espnic_vips vips;
static struct espnic_routes routes;

static void begin(void)
{
	if (!alone)
		skip();
	vips = (struct espnic_vips){ .set = espnic_address_set };
	routes = (struct espnic_routes){ .kernel = true };
	a_network();
	children();
}

static void test_routes(void **state)
{
	struct espnic_ike_addr vip = addr("10.3.0.1");

	(void)state;
	begin();
	/* without a virtual address there is nothing to do */
	assert_null(espnic_routes_set(&routes, &vips, &to_some, true));
	assert_int_equal(routes.n, 0);
	assert_null(say(&vips, true, "c", "10.3.0.1"));
	expect_source("10.9.0.1", "192.0.2.1");
	assert_null(espnic_routes_set(&routes, &vips, &to_some, true));
	expect_source("10.9.0.1", "10.3.0.1");
	expect_source("10.8.0.1", "192.0.2.1");
	/* its successor has the same one, which stays until both have gone */
	assert_null(espnic_routes_set(&routes, &vips, &to_some, true));
	assert_null(espnic_routes_set(&routes, &vips, &to_some, false));
	expect_source("10.9.0.1", "10.3.0.1");
	/* everything, but for the peer itself */
	assert_null(espnic_routes_set(&routes, &vips, &to_all, true));
	expect_source("10.8.0.1", "10.3.0.1");
	expect_source("192.0.2.2", "192.0.2.1");
	assert_null(espnic_routes_set(&routes, &vips, &to_all, false));
	expect_source("10.8.0.1", "192.0.2.1");
	expect_source("10.9.0.1", "10.3.0.1");
	/* address and route went with the interface: they come with the child that is made anew */
	assert_int_equal(espnic_address_set(LOOPBACK, &vip, false), 0);
	assert_int_equal(system("ip link set lo down"), 0);
	a_network();
	expect_source("10.9.0.1", "192.0.2.1");
	assert_null(espnic_routes_set(&routes, &vips, &to_some, true));
	expect_source("10.9.0.1", "10.3.0.1");
	assert_null(espnic_routes_set(&routes, &vips, &to_some, false));
	assert_null(espnic_routes_set(&routes, &vips, &to_some, false));
	assert_int_equal(routes.n, 0);
	expect_source("10.9.0.1", "192.0.2.1");
	assert_int_not_equal(system("ip rule | grep -q 'lookup 220'"), 0);
	espnic_vips_end(&vips);
}

/* A daemon that was killed leaves address, routes and rule; the next one knows them from the host's own. */
static void test_sweep(void **state)
{
	(void)state;
	begin();
	assert_null(say(&vips, true, "c", "10.3.0.1"));
	assert_null(espnic_routes_set(&routes, &vips, &to_all, true));
	assert_null(espnic_routes_set(&routes, &vips, &to_some, true));
	assert_int_equal(system("ip route add 10.7.0.0/16 dev lo table 220 && ip address add 10.7.0.1/32 dev lo"), 0);
	assert_int_equal(espnic_own_routes_sweep(), 0);
	assert_int_equal(espnic_addresses_sweep(), 0);
	assert_int_equal(system("test \"$(ip route show table 220 | wc -l)\" = 1"), 0);
	assert_int_equal(system("ip address show | grep -q 10.7.0.1"), 0);
	assert_int_not_equal(system("ip address show | grep -q 10.3.0.1"), 0);
	assert_int_not_equal(system("ip rule | grep -q 'lookup 220'"), 0);
	/* and again there is nothing to be swept */
	assert_int_equal(espnic_own_routes_sweep(), 0);
	assert_int_equal(espnic_addresses_sweep(), 0);
	expect_source("10.9.0.1", "192.0.2.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_vips),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_sweep),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
