// SPDX-License-Identifier: BSD-2-Clause
/* Policies that stand without an SA: traps, shunts, what IKE needs of a device; and what a daemon that died has left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_kernel.h"
#include "kernel/bypass.h"
#include "kernel/sweep.h"
#include "main/standing.h"

enum {
	DEVICE = 7,
	BYPASSES = 18, /* four of UDP and five of ICMPv6, each way */
	TRAP = 2, /* a policy each way */
	BLOCKS = 4, /* under offloaded ones, two each */
};

static struct fake_kernel k;
static struct espnic_xfrm x;
static struct espnic_log quiet;
static struct espnic_sas sas;
static struct espnic_standing s;
static struct espnic_ike_child_conf child;
static struct espnic_ike_conn conn;
static bool there;

static uint32_t device(const struct espnic_ike_child_conf *conf, const struct espnic_ike_addr *local,
		       const struct espnic_ike_addr *remote)
{
	(void)local;
	(void)remote;
	return conf->offload != ESPNIC_IKE_OFFLOAD_NO && there ? DEVICE : 0;
}

static int begin(void **state)
{
	(void)state;
	memset(&k, 0, sizeof(k));
	x = fake_kernel_open(&k);
	quiet.out = fopen("/dev/null", "w");
	there = true;
	s = (struct espnic_standing){ .xfrm = &x, .log = &quiet, .sas = &sas, .ports = { 500, 4500 }, .device_of = device };
	child = (struct espnic_ike_child_conf){ .name = "net", .mode = ESPNIC_IKE_TRANSPORT, .n_local = 1, .n_remote = 1,
						.offload = ESPNIC_IKE_OFFLOAD_PACKET, .reqid = ESPNIC_REQID_FIXED + 1, .policies = true };
	child.local[0] = child.remote[0] = (struct espnic_ike_ts){ .dynamic = true, .port_to = 65535 };
	conn = (struct espnic_ike_conn){ .name = "home", .n_local = 1, .n_remote = 1, .children = &child, .n_children = 1 };
	conn.local[0] = (struct espnic_ike_net){ { 4, { 192, 0, 2, 1 } }, 32 };
	conn.remote[0] = (struct espnic_ike_net){ { 4, { 192, 0, 2, 2 } }, 32 };
	return 0;
}

static int end(void **state)
{
	(void)state;
	espnic_standing_end(&s);
	espnic_sas_free(&sas);
	fclose(quiet.out);
	return 0;
}

static void test_trap(void **state)
{
	char err[ESPNIC_XFRM_TEXT];
	struct espnic_trap *t;

	(void)state;
	assert_int_equal(espnic_standing_trap(&s, &conn, &child, err), 0);
	assert_int_equal(fake_count(&k, true), BYPASSES + TRAP + BLOCKS);
	assert_int_equal(fake_count(&k, false), 0);
	assert_non_null(espnic_standing_reqid(&s, child.reqid));
	assert_null(espnic_standing_reqid(&s, child.reqid + 1));
	/* the same again changes nothing, another offload all */
	assert_int_equal(espnic_standing_trap(&s, &conn, &child, err), 0);
	assert_int_equal(fake_count(&k, true), BYPASSES + TRAP + BLOCKS);
	child.offload = ESPNIC_IKE_OFFLOAD_NO;
	assert_int_equal(espnic_standing_trap(&s, &conn, &child, err), 0);
	assert_int_equal(fake_count(&k, true), BYPASSES + TRAP);
	t = espnic_standing_find(&s, "home", "net");
	assert_non_null(t);
	assert_true(t->stands && t->offload == ESPNIC_IKE_OFFLOAD_NO);
	assert_int_equal(espnic_standing_remove(&s, "home", NULL), 1);
	assert_int_equal(fake_count(&k, true), BYPASSES);
	espnic_standing_end(&s);
	assert_int_equal(fake_count(&k, true), 0);
}

/* A device that is not there, and comes, goes and comes again. */
static void test_device(void **state)
{
	char err[ESPNIC_XFRM_TEXT];

	(void)state;
	there = false;
	assert_int_equal(espnic_standing_trap(&s, &conn, &child, err), -1);
	assert_string_equal(err, "no device to offload to");
	assert_int_equal(fake_count(&k, true), 0);
	there = true;
	espnic_standing_again(&s);
	assert_int_equal(fake_count(&k, true), BYPASSES + TRAP + BLOCKS);
	/* Linux takes what was offloaded; blocks stay */
	memset(&k, 0, sizeof(k));
	espnic_standing_lost(&s, DEVICE);
	assert_false(espnic_standing_find(&s, "home", "net")->stands);
	espnic_standing_again(&s);
	assert_int_equal(fake_count(&k, true), BYPASSES + TRAP + BLOCKS);
}

/* Any call that fails leaves nothing of what it was about. */
static void test_failures(void **state)
{
	char err[ESPNIC_XFRM_TEXT];
	unsigned int call, calls;

	(void)state;
	assert_int_equal(espnic_standing_trap(&s, &conn, &child, err), 0);
	calls = k.calls;
	assert_true(calls > BYPASSES);
	espnic_standing_end(&s);
	k.fail_errno = 12;
	for (call = 1; call <= calls; call++) {
		k.calls = 0;
		k.fail_call = call;
		if (!espnic_standing_trap(&s, &conn, &child, err))
			fail_msg("call %u", call);
		k.fail_call = 0;
		espnic_standing_end(&s);
		assert_int_equal(fake_count(&k, true), 0);
	}
}

static void test_up(void **state)
{
	struct espnic_ike_kernel_op op = { .conn = "home", .conf = &child, .child_id = 1, .ts_local = child.local, .ts_remote = child.remote,
					   .n_local = 1, .n_remote = 1 };
	char err[ESPNIC_XFRM_TEXT];

	(void)state;
	espnic_sas_add(&sas, &op)->policies = true;
	/* its policies are those of the SA that is up: not touched, and not taken away */
	assert_int_equal(espnic_standing_trap(&s, &conn, &child, err), 0);
	assert_int_equal(k.calls, 0);
	assert_int_equal(espnic_standing_remove(&s, "home", "net"), 1);
	assert_int_equal(k.calls, 0);
}

static void test_shunts(void **state)
{
	struct espnic_conf_shunt shunt = { .conf = child, .drop = true };
	char err[ESPNIC_XFRM_TEXT];

	(void)state;
	assert_int_equal(espnic_standing_shunt(&s, "home", &shunt, err), -1);
	assert_string_equal(err, "what passes or is dropped needs selectors that are addresses, not 'dynamic'");
	shunt.conf.local[0] = shunt.conf.remote[0] = (struct espnic_ike_ts){ .family = 4, .port_to = 65535, .from = { 10 }, .to = { 10, 255, 255, 255 } };
	shunt.conf.offload = ESPNIC_IKE_OFFLOAD_NO;
	assert_int_equal(espnic_standing_shunt(&s, "home", &shunt, err), 0);
	assert_int_equal(fake_count(&k, true), 3);
	/* offloaded, in the device it names alone; a block underneath */
	snprintf(shunt.conf.device, sizeof(shunt.conf.device), "eth0");
	shunt.conf.offload = ESPNIC_IKE_OFFLOAD_PACKET;
	assert_int_equal(espnic_standing_shunt(&s, "home", &shunt, err), 0);
	assert_int_equal(fake_count(&k, true), BYPASSES + 3 + BLOCKS);
	shunt.drop = false;
	espnic_standing_remove(&s, "home", NULL);
	assert_int_equal(espnic_standing_shunt(&s, "home", &shunt, err), 0);
	assert_int_equal(fake_count(&k, true), BYPASSES + 3);
}

static void test_refusals(void **state)
{
	char err[ESPNIC_XFRM_TEXT];

	(void)state;
	conn.n_remote = 0;
	assert_int_equal(espnic_standing_trap(&s, &conn, &child, err), -1);
	assert_string_equal(err, "a trap needs the peer's one address (remote_addrs)");
	assert_int_equal(k.calls, 0);
}

/* What is ours goes, what is not stays. */
static void test_sweep(void **state)
{
	struct espnic_xfrm_sa ours = { .src = { AF_INET, { 192, 0, 2, 1 } }, .dst = { AF_INET, { 192, 0, 2, 2 } }, .proto = IPPROTO_ESP,
				       .mode = XFRM_MODE_TUNNEL, .dir = XFRM_SA_DIR_OUT, .spi = 0x1000, .reqid = ESPNIC_REQID_CORE,
				       .cpu = ESPNIC_XFRM_NO_CPU, .aead = { "rfc4106(gcm(aes))", 128, 20, { 1 } } };
	struct espnic_xfrm_sa other = ours;
	char text[ESPNIC_XFRM_TEXT];
	unsigned int n;

	(void)state;
	assert_int_equal(espnic_standing_trap(&s, &conn, &child, text), 0);
	other.spi = 0x2000;
	other.reqid = 1;
	assert_int_equal(espnic_xfrm_add_sa(&x, &ours, text), 0);
	assert_int_equal(espnic_xfrm_add_sa(&x, &other, text), 0);
	assert_int_equal(espnic_sweep(&x, ESPNIC_REQID_OURS, ESPNIC_REQID_SHIFT, &n, text), 0);
	assert_int_equal(n, 1 + BYPASSES + TRAP + BLOCKS);
	assert_int_equal(fake_count(&k, true), 0);
	assert_int_equal(fake_count(&k, false), 1);
	assert_non_null(fake_state(&k, 0x2000));
	assert_int_equal(espnic_xfrm_del_sa(&x, &other, text), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_trap, begin, end),	    cmocka_unit_test_setup_teardown(test_device, begin, end),
		cmocka_unit_test_setup_teardown(test_failures, begin, end), cmocka_unit_test_setup_teardown(test_up, begin, end),
		cmocka_unit_test_setup_teardown(test_shunts, begin, end),   cmocka_unit_test_setup_teardown(test_refusals, begin, end),
		cmocka_unit_test_setup_teardown(test_sweep, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
