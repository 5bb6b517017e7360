// SPDX-License-Identifier: BSD-2-Clause
/* Changes to the kernel's tables as one: each call failing in turn leaves what was there before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "fake_kernel.h"
#include "kernel/commit.h"

static struct espnic_xfrm_sa make_sa(uint32_t spi, enum espnic_xfrm_offload offload)
{
	struct espnic_xfrm_sa sa = {
		.proto = IPPROTO_ESP,
		.mode = XFRM_MODE_TRANSPORT,
		.dir = spi & 1 ? XFRM_SA_DIR_IN : XFRM_SA_DIR_OUT,
		.spi = spi,
		.reqid = 1,
		.aead = { .alg = "rfc4106(gcm(aes))", .icv_bits = 128, .len = 20 },
		.cpu = ESPNIC_XFRM_NO_CPU,
		.offload = offload,
		.ifindex = offload ? 2 : 0,
	};

	assert_true(espnic_addr_parse("192.0.2.1", &sa.src));
	assert_true(espnic_addr_parse("192.0.2.2", &sa.dst));
	memset(sa.aead.bytes, (int)spi, 20);
	return sa;
}

static struct espnic_xfrm_policy make_policy(uint8_t dir, uint32_t priority, enum espnic_xfrm_offload offload)
{
	struct espnic_xfrm_policy p = {
		.dir = dir,
		.priority = priority,
		.n_tmpls = 1,
		.tmpl[0] = { .proto = IPPROTO_ESP, .family = AF_INET, .reqid = 1 },
		.offload = offload,
		.ifindex = offload ? 2 : 0,
	};

	assert_true(espnic_prefix_parse("192.0.2.1", &p.sel.src));
	assert_true(espnic_prefix_parse("192.0.2.2", &p.sel.dst));
	return p;
}

/* What stands before: a state and two policies, to be deleted and replaced. */
struct scene {
	struct fake_kernel before, k;
	struct espnic_xfrm_sa old, in, out;
	struct espnic_xfrm_policy p_old, p_new, p_gone, p_add;
	struct espnic_xfrm_op ops[7];
};

static struct scene scene;

static void set_scene(enum espnic_xfrm_offload offload)
{
	struct espnic_xfrm x = fake_kernel_open(&scene.k);
	char text[ESPNIC_XFRM_TEXT];

	memset(&scene, 0, sizeof(scene));
	scene.old = make_sa(0x1000, ESPNIC_XFRM_SOFTWARE);
	/* it has sent and received */
	scene.old.oseq = 77;
	scene.old.flags = XFRM_STATE_ESN;
	scene.in = make_sa(0x1001, offload);
	scene.out = make_sa(0x1002, offload);
	scene.p_old = make_policy(XFRM_POLICY_OUT, 5, ESPNIC_XFRM_SOFTWARE);
	scene.p_new = make_policy(XFRM_POLICY_OUT, 6, offload == ESPNIC_XFRM_PACKET ? offload : 0);
	scene.p_gone = make_policy(XFRM_POLICY_FWD, 5, ESPNIC_XFRM_SOFTWARE);
	scene.p_add = make_policy(XFRM_POLICY_IN, 6, offload == ESPNIC_XFRM_PACKET ? offload : 0);
	assert_int_equal(espnic_xfrm_add_sa(&x, &scene.old, text), 0);
	assert_int_equal(espnic_xfrm_set_policy(&x, XFRM_MSG_NEWPOLICY, &scene.p_old, text), 0);
	assert_int_equal(espnic_xfrm_set_policy(&x, XFRM_MSG_NEWPOLICY, &scene.p_gone, text), 0);
	scene.k.calls = 0;
	scene.before = scene.k;
	scene.ops[0] = (struct espnic_xfrm_op){ .kind = ESPNIC_XFRM_ADD_SA, .sa = &scene.in };
	scene.ops[1] = (struct espnic_xfrm_op){ .kind = ESPNIC_XFRM_DEL_SA, .sa = &scene.old };
	scene.ops[2] = (struct espnic_xfrm_op){ .kind = ESPNIC_XFRM_ADD_SA, .sa = &scene.out };
	scene.ops[3] = (struct espnic_xfrm_op){ .kind = ESPNIC_XFRM_SET_POLICY, .policy = &scene.p_new };
	scene.ops[4] = (struct espnic_xfrm_op){ .kind = ESPNIC_XFRM_ADD_POLICY, .policy = &scene.p_add };
	scene.ops[5] = (struct espnic_xfrm_op){ .kind = ESPNIC_XFRM_DEL_POLICY, .policy = &scene.p_gone };
	/* gone already, as anything may be that is deleted */
	scene.ops[6] = (struct espnic_xfrm_op){ .kind = ESPNIC_XFRM_DEL_POLICY, .policy = &scene.p_gone };
}

static int commit(char *text)
{
	struct espnic_xfrm x = fake_kernel_open(&scene.k);

	return espnic_xfrm_commit(&x, scene.ops, 7, text);
}

static void stands(void)
{
	assert_int_equal(fake_count(&scene.k, false), 2);
	assert_int_equal(fake_count(&scene.k, true), 2);
	assert_null(fake_state(&scene.k, 0x1000));
	assert_non_null(fake_state(&scene.k, 0x1001));
	assert_non_null(fake_state(&scene.k, 0x1002));
}

static void test_all(void **state)
{
	char text[ESPNIC_XFRM_TEXT];

	(void)state;
	set_scene(ESPNIC_XFRM_PACKET);
	assert_int_equal(commit(text), 0);
	stands();
	assert_int_equal(scene.ops[0].got, ESPNIC_XFRM_PACKET);
	assert_int_equal(scene.ops[3].got, ESPNIC_XFRM_PACKET);
	assert_string_equal(scene.ops[0].note, "");
}

static void test_each_call_fails(void **state)
{
	char text[ESPNIC_XFRM_TEXT];
	unsigned int n;
	int rc;

	(void)state;
	for (n = 1;; n++) {
		set_scene(ESPNIC_XFRM_PACKET);
		scene.k.fail_call = n;
		scene.k.fail_errno = ENOSPC;
		scene.k.words = "espnic: full";
		rc = commit(text);
		if (scene.k.calls < n)
			break;
		assert_int_equal(rc, -ENOSPC);
		assert_true(fake_same(&scene.before, &scene.k));
		assert_non_null(strstr(text, "No space left on device: espnic: full"));
		assert_null(strstr(text, "could not undo"));
	}
	assert_int_equal(rc, 0);
	/* 7 changes, 4 things saved, 5 read back */
	assert_true(n > 14);
}

/* A kernel that is gone altogether: what could not be undone is named. */
static void test_all_calls_fail(void **state)
{
	char text[ESPNIC_XFRM_TEXT];

	(void)state;
	set_scene(ESPNIC_XFRM_PACKET);
	scene.k.fail_from = 2;
	scene.k.fail_errno = EIO;
	assert_int_equal(commit(text), -EIO);
	assert_string_equal(text, "state esp spi 0x00001000 192.0.2.1 -> 192.0.2.2: Input/output error; "
				  "could not undo state esp spi 0x00001001 192.0.2.1 -> 192.0.2.2: Input/output error");
}

static void test_errors_named(void **state)
{
	char text[ESPNIC_XFRM_TEXT];

	(void)state;
	set_scene(ESPNIC_XFRM_PACKET);
	scene.k.fail_call = 1;
	scene.k.fail_errno = EINVAL;
	scene.k.words = "XFRM if_id is not supported in RX path";
	assert_int_equal(commit(text), -EINVAL);
	assert_string_equal(text, "state esp spi 0x00001001 192.0.2.1 -> 192.0.2.2: Invalid argument: "
				  "XFRM if_id is not supported in RX path");
	set_scene(ESPNIC_XFRM_PACKET);
	scene.k.fail_call = 6;
	scene.k.fail_errno = EINVAL;
	assert_int_equal(commit(text), -EINVAL);
	assert_string_equal(text, "policy out 192.0.2.1/32 -> 192.0.2.2/32: Invalid argument");
}

/* Linux takes a crypto state without offload, and returns success. */
static void test_silent_fallback(void **state)
{
	char text[ESPNIC_XFRM_TEXT];

	(void)state;
	set_scene(ESPNIC_XFRM_CRYPTO);
	scene.k.declines_crypto = true;
	assert_int_equal(commit(text), -EOPNOTSUPP);
	assert_string_equal(text, "state esp spi 0x00001001 192.0.2.1 -> 192.0.2.2: not offloaded: "
				  "the driver left offload out and gave no reason");
	assert_true(fake_same(&scene.before, &scene.k));

	set_scene(ESPNIC_XFRM_CRYPTO);
	scene.k.declines_crypto = true;
	scene.k.declines_words = "espnic: only ESP can be offloaded";
	assert_int_equal(commit(text), -EOPNOTSUPP);
	assert_string_equal(text, "state esp spi 0x00001001 192.0.2.1 -> 192.0.2.2: not offloaded: "
				  "espnic: only ESP can be offloaded");

	set_scene(ESPNIC_XFRM_CRYPTO);
	scene.k.declines_crypto = true;
	scene.k.declines_words = "espnic: only ESP can be offloaded";
	scene.ops[0].software_will_do = true;
	scene.ops[2].software_will_do = true;
	assert_int_equal(commit(text), 0);
	stands();
	assert_int_equal(scene.ops[0].got, ESPNIC_XFRM_SOFTWARE);
	assert_string_equal(scene.ops[0].note, "espnic: only ESP can be offloaded");
}

static void test_policy_not_offloaded(void **state)
{
	char text[ESPNIC_XFRM_TEXT];

	(void)state;
	set_scene(ESPNIC_XFRM_PACKET);
	scene.k.declines_packet = true;
	scene.ops[0].software_will_do = true;
	scene.ops[2].software_will_do = true;
	assert_int_equal(commit(text), -EOPNOTSUPP);
	assert_string_equal(text, "policy out 192.0.2.1/32 -> 192.0.2.2/32: not offloaded: "
				  "the driver left offload out and gave no reason");
	assert_true(fake_same(&scene.before, &scene.k));
}

static void test_exists(void **state)
{
	char text[ESPNIC_XFRM_TEXT];

	(void)state;
	set_scene(ESPNIC_XFRM_SOFTWARE);
	scene.in.spi = 0x1000;
	assert_int_equal(commit(text), -EEXIST);
	assert_true(fake_same(&scene.before, &scene.k));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_each_call_fails),
		cmocka_unit_test(test_all_calls_fail),
		cmocka_unit_test(test_errors_named),
		cmocka_unit_test(test_silent_fallback),
		cmocka_unit_test(test_policy_not_offloaded),
		cmocka_unit_test(test_exists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
