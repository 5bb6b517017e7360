// SPDX-License-Identifier: BSD-2-Clause
/* Version negotiation: what is read out of a client's JSON, and what is answered. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vfio-user/server.h"
#include "vfio-user/vfu.h"

static const struct espnic_fn_ops no_ops;

struct version_case {
	const char *json; /* NULL: none is sent */
	int want; /* 0 or -errno */
	const char *answer;
	uint32_t max_xfer;
};

#define MIB 1048576u
#define DEEP16 "[[[[[[[[[[[[[[["
#define DEEP16_END "]]]]]]]]]]]]]]]"

static const struct version_case cases[] = {
	/* QEMU 11.1's */
	{ "{\"capabilities\": {\"pgsizes\": 4096, \"max_msg_fds\": 16, \"max_dma_maps\": 65535, "
	  "\"max_data_xfer_size\": 1048576, \"migration\": {\"max_bitmap_size\": 268435456, "
	  "\"pgsize\": 4096}, "
	  "\"write_multiple\": true}}",
	  0,
	  "{\"capabilities\":{\"max_msg_fds\":16,\"max_data_xfer_size\":1048576,\"pgsizes\":4096,"
	  "\"max_dma_maps\":4096}}",
	  MIB },
	{ NULL, 0, NULL, MIB },
	{ "{}", 0, "{\"capabilities\":{}}", MIB },
	{ " \t\n{ } ", 0, "{\"capabilities\":{}}", MIB },
	{ "{\"capabilities\":{\"max_data_xfer_size\" : 4096}}", 0,
	  "{\"capabilities\":{\"max_data_xfer_size\":1048576}}", 4096 },
	{ "{\"capabilities\":{\"max_data_xfer_size\":1}}", 0,
	  "{\"capabilities\":{\"max_data_xfer_size\":1048576}}", 1 },
	{ "{\"capabilities\":{\"max_data_xfer_size\":18446744073709551615}}", 0,
	  "{\"capabilities\":{\"max_data_xfer_size\":1048576}}", MIB },
	/* A name in a value, an escaped quote, a name that begins alike: not the number. */
	{ "{\"a\":\"max_data_xfer_size\",\"b\":7}", 0, "{\"capabilities\":{}}", MIB },
	{ "{\"a\\\"max_data_xfer_size\":7}", 0, "{\"capabilities\":{}}", MIB },
	{ "{\"max_data_xfer_size2\":7}", 0, "{\"capabilities\":{}}", MIB },
	/* Refused. */
	{ "", -EINVAL, NULL, 0 },
	{ "7", -EINVAL, NULL, 0 },
	{ "[]", -EINVAL, NULL, 0 },
	{ "{", -EINVAL, NULL, 0 },
	{ "}", -EINVAL, NULL, 0 },
	{ "{}}", -EINVAL, NULL, 0 },
	{ "{\"a", -EINVAL, NULL, 0 },
	{ "{\"a\\", -EINVAL, NULL, 0 },
	{ "{\"max_data_xfer_size\":0}", -EINVAL, NULL, 0 },
	{ "{\"max_data_xfer_size\":-1}", -EINVAL, NULL, 0 },
	{ "{\"max_data_xfer_size\":true}", -EINVAL, NULL, 0 },
	{ "{\"max_data_xfer_size\":", -EINVAL, NULL, 0 },
	{ "{\"max_data_xfer_size\":18446744073709551616}", -EINVAL, NULL, 0 },
	{ "{\"max_data_xfer_size\":99999999999999999999999999}", -EINVAL, NULL, 0 },
	{ "{" DEEP16 DEEP16_END "}", 0, "{\"capabilities\":{}}", MIB },
	{ "{[" DEEP16 DEEP16_END "]}", -EINVAL, NULL, 0 },
};

static struct espnic_vfu *vfu;

static int setup(void **state)
{
	(void)state;
	vfu = espnic_vfu_alloc(&no_ops, NULL, 17);
	return vfu ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	espnic_vfu_free(vfu);
	return 0;
}

/* Negotiate with @len bytes of @json. The handler's result. */
static int negotiate(uint16_t major, const char *json, size_t len)
{
	struct espnic_vfu_version v = { .major = major, .minor = 3 };

	vfu->negotiated = false;
	memcpy(vfu->rx.body, &v, sizeof(v));
	if (len)
		memcpy(vfu->rx.body + sizeof(v), json, len);
	return espnic_vfu_do_version(vfu, sizeof(v) + len);
}

static void test_json(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct version_case *c = &cases[i];
		const uint8_t *reply = espnic_vfu_payload(vfu);
		size_t len = c->json ? strlen(c->json) + 1 : 0;
		int got = negotiate(0, c->json, len);

		if (c->want) {
			if (got != c->want || vfu->negotiated)
				fail_msg("%s: %d", c->json, got);
			continue;
		}
		if (got < 4 || !vfu->negotiated || vfu->dma_msg.max_xfer != c->max_xfer)
			fail_msg("%s: %d, transfers of %u", c->json, got, vfu->dma_msg.max_xfer);
		assert_int_equal(reply[0] | reply[1] | reply[2] | reply[3], 0); /* 0.0 */
		if (c->answer) {
			assert_string_equal((const char *)reply + 4, c->answer);
			assert_int_equal(got, 4 + strlen(c->answer) + 1);
		} else {
			assert_int_equal(got, 4);
		}
		/* QEMU reads the reply into the buffer of its request. */
		if (i == 0)
			assert_true((size_t)got <= 4 + len);
	}
}

static void test_framing(void **state)
{
	char big[5000];

	(void)state;
	assert_int_equal(negotiate(1, "{}", 3), -EINVAL);
	assert_int_equal(negotiate(0, "{}", 2), -EINVAL); /* not terminated */
	memset(big, ' ', sizeof(big));
	big[0] = '{';
	big[4094] = '}';
	big[4095] = 0;
	assert_true(negotiate(0, big, 4096) > 0);
	big[4095] = ' ';
	big[4096] = 0;
	assert_int_equal(negotiate(0, big, 4097), -EINVAL);
	assert_true(negotiate(0, "{}", 3) > 0);
	/* Once. */
	assert_int_equal(espnic_vfu_do_version(vfu, 7), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_json, setup, teardown),
		cmocka_unit_test_setup_teardown(test_framing, setup, teardown),
	};

	return cmocka_run_group_tests_name("version", tests, NULL, NULL);
}
