// SPDX-License-Identifier: BSD-2-Clause
/* Capabilities by what an engine takes: all of body ref's, and of one that takes little that little. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "espnic_regs.h"
#include "nic/caps.h"

enum {
	CRYPTO = ESPNIC_CAP_IPSEC_CRYPTO | ESPNIC_CAP_IPSEC_ESP_GSO | ESPNIC_CAP_IPSEC_ESP_CSUM |
		 ESPNIC_CAP_IPSEC_CRYPTO_UDP_ENCAP | ESPNIC_CAP_IPSEC_CRYPTO_NONCE,
};

static unsigned int there;	/* SAs that are made and not deleted */

/* Packet offload with AES-GCM, of 16 bytes of ICV, and GMAC. */
static enum espnic_verdict little_add(const struct espnic_sa_params *p, struct espnic_sa **sa, const char **why)
{
	static struct espnic_sa_info one;

	assert_null(why);
	*sa = NULL;
	if (p->offload != ESPNIC_OFFLOAD_PACKET || p->icv_len != 16 ||
	    (p->enc != ESPNIC_ENC_AES_GCM && p->enc != ESPNIC_ENC_AES_GMAC))
		return ESPNIC_UNSUPPORTED;
	there++;
	*sa = (struct espnic_sa *)&one;
	return ESPNIC_OK;
}

static void little_del(struct espnic_sa *sa)
{
	assert_non_null(sa);
	there--;
}

/* All that is offered is asked for: nothing of it is hidden, and what was before stays. */
static void test_all(void **state)
{
	struct espnic_caps hidden = { .ipsec = ESPNIC_CAP_IPSEC_ESN };

	(void)state;
	espnic_caps_hide_lacking(&hidden, espnic_engine_get("ref", NULL));
	assert_int_equal(hidden.offload, 0);
	assert_int_equal(hidden.ipsec, ESPNIC_CAP_IPSEC_ESN);
	assert_int_equal(hidden.transforms, 0);
}

static void test_little(void **state)
{
	static const struct espnic_engine_ops little = { .name = "little", .sa_add = little_add, .sa_del = little_del };
	struct espnic_caps hidden = { 0 };

	(void)state;
	espnic_caps_hide_lacking(&hidden, &little);
	assert_int_equal(there, 0);
	assert_int_equal(hidden.offload, 0);
	assert_int_equal(hidden.ipsec, CRYPTO);
	/* Each bit that is told of is asked for: one without an SA of its own would stay. */
	assert_int_equal(espnic_caps_offered.transforms & ~hidden.transforms,
			 ESPNIC_CAP_TRANSFORMS_AES_GCM_128 | ESPNIC_CAP_TRANSFORMS_AES_GCM_192 | ESPNIC_CAP_TRANSFORMS_AES_GCM_256 |
				 ESPNIC_CAP_TRANSFORMS_AES_GMAC | ESPNIC_CAP_TRANSFORMS_ICV_16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_little),
	};

	return cmocka_run_group_tests_name("caps", tests, NULL, NULL);
}
