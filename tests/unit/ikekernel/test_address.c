// SPDX-License-Identifier: BSD-2-Clause
/* Virtual addresses on a real kernel, in a network namespace of the test's own: they come, are seen, and go. */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/address.h"
#include "kernel/watch.h"
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

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_set), cmocka_unit_test(test_vips) };

	return cmocka_run_group_tests(tests, setup, NULL);
}
