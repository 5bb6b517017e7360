// SPDX-License-Identifier: BSD-2-Clause
/* The internet checksum against the definition of RFC 1071, and the verdict on received packets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nic/csum.h"

/* RFC 1071 section 4.1, word by word. */
static uint16_t by_the_book(const uint8_t *p, uint32_t len)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < len; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void rfc1071_example(void **state)
{
	/* RFC 1071 section 3: the sum is ddf2. */
	static const uint8_t data[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };

	(void)state;
	assert_int_equal(espnic_csum_finish(espnic_csum_partial(data, sizeof(data), 0)),
			 (uint16_t)~0xddf2);
}

static void all_lengths_and_places(void **state)
{
	static uint8_t buf[10000];

	(void)state;
	srand(3);
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)rand();
	for (uint32_t off = 0; off < 9; off++)
		for (uint32_t len = 0; len < 9900; len += len < 130 ? 1 : 331)
			assert_int_equal(espnic_csum_finish(espnic_csum_partial(buf + off, len, 0)),
					 by_the_book(buf + off, len));
	/* Carries everywhere. */
	memset(buf, 0xff, sizeof(buf));
	for (uint32_t len = 0; len < 9900; len += 7)
		assert_int_equal(espnic_csum_finish(espnic_csum_partial(buf, len, 0)),
				 by_the_book(buf, len));
}

static void parts_add_up(void **state)
{
	uint8_t buf[2000];

	(void)state;
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)(i * 251 + 13);
	for (uint32_t cut = 0; cut <= sizeof(buf); cut += 2) {
		uint32_t sum = espnic_csum_partial(buf, cut, 0);

		sum = espnic_csum_partial(buf + cut, sizeof(buf) - cut, sum);
		assert_int_equal(espnic_csum_finish(sum), by_the_book(buf, sizeof(buf)));
	}
}

/* An IPv4 UDP packet of RFC 768 with 4 bytes of payload; the checksum is right. */
static const uint8_t udp4[] = {
	0x45, 0, 0, 32, 0,    0,    0,    0,    64,   17,   0,    0,    192, 0,   2,   1,
	192,  0, 2, 2,  0x12, 0x34, 0x00, 0x35, 0x00, 0x0c, 0x00, 0x00, 'a', 'b', 'c', 'd',
};

static enum espnic_csum_verdict verdict(const uint8_t *p, uint32_t len)
{
	struct espnic_ip ip;

	assert_true(espnic_ip_parse(p, len, &ip));
	return espnic_csum_verify(p, &ip);
}

static void verdicts(void **state)
{
	uint8_t p[64];
	uint32_t sum;

	(void)state;
	memcpy(p, udp4, sizeof(udp4));
	assert_int_equal(verdict(p, sizeof(udp4)), ESPNIC_CSUM_UNKNOWN); /* none: RFC 768 */
	sum = espnic_csum_pseudo(p, ESPNIC_IPV4, 17, 12);
	sum = espnic_csum_partial(p + 20, 12, sum);
	espnic_put16(p + 26, espnic_csum_finish_l4(sum));
	assert_int_equal(verdict(p, sizeof(udp4)), ESPNIC_CSUM_GOOD);
	p[31] ^= 1;
	assert_int_equal(verdict(p, sizeof(udp4)), ESPNIC_CSUM_BAD);
	p[31] ^= 1;
	/* Bytes behind the UDP length, as Ethernet padding, don't count. */
	p[3] = 40;
	memset(p + 32, 0xee, 8);
	assert_int_equal(verdict(p, 40), ESPNIC_CSUM_GOOD);
	/* A UDP length that lies. */
	p[25] = 21;
	assert_int_equal(verdict(p, 40), ESPNIC_CSUM_UNKNOWN);
	p[25] = 7;
	assert_int_equal(verdict(p, 40), ESPNIC_CSUM_UNKNOWN);
	p[25] = 12;
	/* Fragments are not judged, nor is what is neither TCP nor UDP, nor half a TCP header. */
	p[6] = 0x20;
	assert_int_equal(verdict(p, 40), ESPNIC_CSUM_UNKNOWN);
	p[6] = 0;
	p[9] = 1;
	assert_int_equal(verdict(p, 40), ESPNIC_CSUM_UNKNOWN);
	p[9] = 6;
	p[3] = 39;
	assert_int_equal(verdict(p, 40), ESPNIC_CSUM_UNKNOWN);
}

static void zero_is_never_written(void **state)
{
	(void)state;
	assert_int_equal(espnic_csum_finish(0xffff), 0);
	assert_int_equal(espnic_csum_finish_l4(0xffff), 0xffff);
	assert_int_equal(espnic_csum_finish_l4(0x1fffe), 0xffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc1071_example),       cmocka_unit_test(all_lengths_and_places),
		cmocka_unit_test(parts_add_up),          cmocka_unit_test(verdicts),
		cmocka_unit_test(zero_is_never_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
