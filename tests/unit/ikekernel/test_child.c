// SPDX-License-Identifier: BSD-2-Clause
/*
 * The core's kernel operations as states and policies: selectors as prefixes and masks, offload and what is less than it, each call
 * failing in turn, rekeying, and nothing left after a delete.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake_kernel.h"
#include "kernel/child.h"

enum { DEVICE = 3 };

/* ---- selectors ---- */

/* "10.1.0.0-10.1.255.255 6 443 443" */
static struct espnic_ike_ts ts_of(const char *text)
{
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
	struct espnic_ike_ts ts = { 0 };
	unsigned int proto = 0, p = 0, q = UINT16_MAX;
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	assert_true(sscanf(text, "%45[^-]-%45s %u %u %u", from, to, &proto, &p, &q) >= 2);
	ts.family = family == AF_INET ? 4 : 6;
	ts.proto = (uint8_t)proto;
	ts.port_from = (uint16_t)p;
	ts.port_to = (uint16_t)q;
	assert_int_equal(inet_pton(family, from, ts.from), 1);
	assert_int_equal(inet_pton(family, to, ts.to), 1);
	return ts;
}

static void selectors_are(const char *local, const char *remote, const char *want)
{
	static struct espnic_xfrm_selector out[ESPNIC_CHILD_SELECTORS];
	struct espnic_ike_ts l = ts_of(local), r = ts_of(remote);
	char text[ESPNIC_XFRM_TEXT] = "", said[2048] = "", a[ESPNIC_ADDR_TEXT], b[ESPNIC_ADDR_TEXT];
	int n = espnic_child_selectors(&l, 1, &r, 1, out, text), i;

	for (i = 0; i < n; i++)
		snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s>%s %u %u/%x %u/%x; ",
			 espnic_prefix_text(&out[i].src, a, sizeof(a)), espnic_prefix_text(&out[i].dst, b, sizeof(b)),
			 out[i].proto, out[i].sport, out[i].sport_mask, out[i].dport, out[i].dport_mask);
	assert_string_equal(n < 0 ? text : said, want);
}

#define ANY4 "0.0.0.0-255.255.255.255"

static void test_selectors(void **state)
{
	(void)state;
	selectors_are(ANY4, "10.1.0.0-10.1.255.255", "0.0.0.0/0>10.1.0.0/16 0 0/0 0/0; ");
	selectors_are("10.0.0.5-10.0.0.5", "255.255.255.255-255.255.255.255", "10.0.0.5/32>255.255.255.255/32 0 0/0 0/0; ");
	selectors_are("10.0.0.5-10.0.0.8", "10.0.0.1-10.0.0.1",
		      "10.0.0.5/32>10.0.0.1/32 0 0/0 0/0; 10.0.0.6/31>10.0.0.1/32 0 0/0 0/0; 10.0.0.8/32>10.0.0.1/32 0 0/0 0/0; ");
	selectors_are("255.255.255.254-255.255.255.255", ANY4, "255.255.255.254/31>0.0.0.0/0 0 0/0 0/0; ");
	selectors_are("::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
		      "::/0>2001:db8::/32 0 0/0 0/0; ");
	selectors_are(ANY4 " 6", ANY4 " 6 443 443", "0.0.0.0/0>0.0.0.0/0 6 0/0 443/ffff; ");
	selectors_are(ANY4, ANY4 " 17 1000 1003", "0.0.0.0/0>0.0.0.0/0 17 0/0 1000/fffc; ");
	selectors_are(ANY4, ANY4 " 17 1 4",
		      "0.0.0.0/0>0.0.0.0/0 17 0/0 1/ffff; 0.0.0.0/0>0.0.0.0/0 17 0/0 2/fffe; 0.0.0.0/0>0.0.0.0/0 17 0/0 4/ffff; ");
	selectors_are(ANY4, ANY4 " 6 32768 65535", "0.0.0.0/0>0.0.0.0/0 6 0/0 32768/8000; ");
	/* ICMP: type 8 of any code, type 3 code 4 */
	selectors_are(ANY4 " 1 2048 2303", ANY4 " 1", "0.0.0.0/0>0.0.0.0/0 1 8/ffff 0/0; ");
	selectors_are(ANY4, ANY4 " 1 772 772", "0.0.0.0/0>0.0.0.0/0 1 3/ffff 4/ffff; ");
	selectors_are(ANY4, ANY4 " 1 0 1024", "a range of ICMP types can't be had");
	selectors_are(ANY4, "::-::", "the traffic selectors meet no packet");
	selectors_are(ANY4 " 6", ANY4 " 17", "the traffic selectors meet no packet");
	selectors_are(ANY4 " 6 65535 0", ANY4, "OPAQUE ports can't be had");
	selectors_are("10.0.0.9-10.0.0.1", ANY4, "the traffic selectors would take too many policies: use prefixes");
	selectors_are("10.0.0.1-10.255.255.254", ANY4, "the traffic selectors would take too many policies: use prefixes");
}

/* ---- operations ---- */

static struct espnic_ike_child_conf conf;
static struct espnic_ike_ts local_ts, remote_ts;
static uint8_t key_in[36], key_out[36];

static struct espnic_ike_kernel_op operation(enum espnic_ike_kernel_kind kind, enum espnic_ike_offload offload)
{
	struct espnic_ike_kernel_op op = {
		.kind = kind, .conf = &conf, .reqid = 7, .spi_in = 0x1001, .spi_out = 0x2001, .mode = ESPNIC_IKE_TUNNEL,
		.esn = true, .policies = true, .encr = espnic_ike_alg(ESPNIC_IKE_ENCR, 20, 256), .encr_in = key_in,
		.encr_out = key_out, .ts_local = &local_ts, .ts_remote = &remote_ts, .n_local = 1, .n_remote = 1,
	};

	assert_non_null(op.encr);
	memset(&conf, 0, sizeof(conf));
	conf.offload = offload;
	conf.replay_window = 128;
	conf.policies = conf.copy_df = conf.copy_ecn = true;
	conf.copy_dscp = 1;
	conf.life_packets = 1000;
	local_ts = ts_of("10.1.0.0-10.1.255.255");
	remote_ts = ts_of("10.2.0.0-10.2.255.255");
	memset(key_in, 1, sizeof(key_in));
	memset(key_out, 2, sizeof(key_out));
	assert_int_equal(espnic_ike_addr_parse(&op.local.addr, "192.0.2.1"), 0);
	assert_int_equal(espnic_ike_addr_parse(&op.remote.addr, "192.0.2.2"), 0);
	return op;
}

static struct espnic_child_result run(struct fake_kernel *k, const struct espnic_ike_kernel_op *op, uint32_t ifindex)
{
	struct espnic_xfrm x = fake_kernel_open(k);
	struct espnic_child_result r;

	espnic_child_run(&x, op, ifindex, &r);
	return r;
}

static void counts(const struct fake_kernel *k, unsigned int states, unsigned int policies)
{
	assert_int_equal(fake_count(k, false), states);
	assert_int_equal(fake_count(k, true), policies);
}

static struct espnic_xfrm_sa state_of(struct fake_kernel *k, uint32_t spi)
{
	struct espnic_xfrm_sa sa;

	assert_non_null(fake_state(k, spi));
	assert_true(espnic_xfrm_get_sa(fake_state(k, spi), &sa));
	return sa;
}

static void test_install(void **state)
{
	struct espnic_ike_kernel_op op = operation(ESPNIC_IKE_KERNEL_INSTALL, ESPNIC_IKE_OFFLOAD_PACKET);
	static struct fake_kernel k;
	struct espnic_child_result r;
	struct espnic_xfrm_sa sa;
	char text[ESPNIC_ADDR_TEXT];

	(void)state;
	memset(&k, 0, sizeof(k));
	r = run(&k, &op, DEVICE);
	assert_string_equal(r.text, "");
	assert_int_equal(r.status, ESPNIC_IKE_KERNEL_OK);
	assert_int_equal(r.offload, ESPNIC_IKE_OFFLOAD_PACKET);
	/* in, fwd, out; two blocks under in and out */
	counts(&k, 2, 7);
	sa = state_of(&k, 0x1001);
	assert_string_equal(espnic_addr_text(&sa.dst, text, sizeof(text)), "192.0.2.1");
	assert_int_equal(sa.dir, XFRM_SA_DIR_IN);
	assert_int_equal(sa.replay_window, 128);
	assert_int_equal(sa.offload, ESPNIC_XFRM_PACKET);
	assert_int_equal(sa.ifindex, DEVICE);
	assert_string_equal(sa.aead.alg, "rfc4106(gcm(aes))");
	assert_int_equal(sa.aead.len, 36);
	assert_int_equal(sa.aead.bytes[35], 1);
	assert_int_equal(sa.life.hard_packets, 1000);
	sa = state_of(&k, 0x2001);
	assert_int_equal(sa.dir, XFRM_SA_DIR_OUT);
	assert_int_equal(sa.replay_window, 0);
	assert_int_equal(sa.aead.bytes[0], 2);
	/* the same again: its SPI is taken, and what stands stays */
	r = run(&k, &op, DEVICE);
	assert_int_equal(r.status, ESPNIC_IKE_KERNEL_EXISTS);
	counts(&k, 2, 7);
	op.kind = ESPNIC_IKE_KERNEL_DELETE;
	r = run(&k, &op, DEVICE);
	assert_int_equal(r.status, ESPNIC_IKE_KERNEL_OK);
	counts(&k, 0, 0);
	/* gone already */
	assert_int_equal(run(&k, &op, DEVICE).status, ESPNIC_IKE_KERNEL_OK);
}

static void test_each_call_fails(void **state)
{
	struct espnic_ike_kernel_op op = operation(ESPNIC_IKE_KERNEL_INSTALL, ESPNIC_IKE_OFFLOAD_PACKET);
	static struct fake_kernel k;
	struct espnic_child_result r = { .status = ESPNIC_IKE_KERNEL_FAILED };
	unsigned int n;

	(void)state;
	for (n = 1; r.status != ESPNIC_IKE_KERNEL_OK; n++) {
		memset(&k, 0, sizeof(k));
		k.fail_call = n;
		k.fail_errno = EINVAL;
		k.words = "espnic: no";
		r = run(&k, &op, DEVICE);
		if (r.status == ESPNIC_IKE_KERNEL_OK)
			break;
		counts(&k, 0, 0);
		assert_non_null(strstr(r.text, "Invalid argument: espnic: no"));
	}
	/* 9 things put in, 7 of them looked up before, 9 read back */
	assert_true(n > 25);
}

/* auto: packet, else crypto, else software; the reason is kept. The others have what was asked for, or nothing. */
static void test_less_than_asked(void **state)
{
	struct espnic_ike_kernel_op op = operation(ESPNIC_IKE_KERNEL_INSTALL, ESPNIC_IKE_OFFLOAD_AUTO);
	static struct fake_kernel k;
	struct espnic_child_result r;

	(void)state;
	memset(&k, 0, sizeof(k));
	r = run(&k, &op, DEVICE);
	assert_int_equal(r.offload, ESPNIC_IKE_OFFLOAD_PACKET);
	assert_string_equal(r.text, "");

	memset(&k, 0, sizeof(k));
	k.declines_packet = true;
	r = run(&k, &op, DEVICE);
	assert_int_equal(r.status, ESPNIC_IKE_KERNEL_OK);
	assert_int_equal(r.offload, ESPNIC_IKE_OFFLOAD_CRYPTO);
	assert_non_null(strstr(r.text, "not offloaded"));
	counts(&k, 2, 3);
	assert_int_equal(state_of(&k, 0x1001).offload, ESPNIC_XFRM_CRYPTO);

	k.declines_crypto = true;
	memset(k.object, 0, sizeof(k.object));
	k.declines_words = "espnic: esp-hw-offload of this interface is off";
	r = run(&k, &op, DEVICE);
	assert_int_equal(r.status, ESPNIC_IKE_KERNEL_OK);
	assert_int_equal(r.offload, ESPNIC_IKE_OFFLOAD_NO);
	assert_string_equal(r.text, "state esp spi 0x00001001 192.0.2.2 -> 192.0.2.1: not offloaded: "
				    "espnic: esp-hw-offload of this interface is off");
	counts(&k, 2, 3);

	memset(k.object, 0, sizeof(k.object));
	r = run(&k, &op, 0);
	assert_int_equal(r.offload, ESPNIC_IKE_OFFLOAD_NO);
	assert_string_equal(r.text, "no device of that address can offload");

	memset(k.object, 0, sizeof(k.object));
	conf.offload = ESPNIC_IKE_OFFLOAD_CRYPTO;
	r = run(&k, &op, DEVICE);
	assert_int_equal(r.status, ESPNIC_IKE_KERNEL_FAILED);
	counts(&k, 0, 0);
	r = run(&k, &op, 0);
	assert_int_equal(r.status, ESPNIC_IKE_KERNEL_FAILED);
	assert_string_equal(r.text, "no device to offload to");
}

/* A rekeying: the new inbound state first, the outbound one later, of the same offload; policies stay. */
static void test_rekey(void **state)
{
	struct espnic_ike_kernel_op op = operation(ESPNIC_IKE_KERNEL_INSTALL, ESPNIC_IKE_OFFLOAD_AUTO), next;
	static struct fake_kernel k;

	(void)state;
	memset(&k, 0, sizeof(k));
	assert_int_equal(run(&k, &op, DEVICE).status, ESPNIC_IKE_KERNEL_OK);
	next = op;
	next.policies = false;
	next.spi_in = 0x1002;
	next.spi_out = 0x2002;
	next.kind = ESPNIC_IKE_KERNEL_INSTALL_IN;
	assert_int_equal(run(&k, &next, DEVICE).status, ESPNIC_IKE_KERNEL_OK);
	counts(&k, 3, 7);
	assert_null(fake_state(&k, 0x2002));
	next.kind = ESPNIC_IKE_KERNEL_INSTALL_OUT;
	assert_int_equal(run(&k, &next, DEVICE).status, ESPNIC_IKE_KERNEL_OK);
	assert_int_equal(state_of(&k, 0x2002).offload, ESPNIC_XFRM_PACKET);
	counts(&k, 4, 7);
	/* the old one goes without the policies, that the new one has now */
	op.kind = ESPNIC_IKE_KERNEL_DELETE;
	op.policies = false;
	assert_int_equal(run(&k, &op, DEVICE).status, ESPNIC_IKE_KERNEL_OK);
	counts(&k, 2, 7);
	next.kind = ESPNIC_IKE_KERNEL_DELETE;
	next.policies = true;
	assert_int_equal(run(&k, &next, DEVICE).status, ESPNIC_IKE_KERNEL_OK);
	counts(&k, 0, 0);
}

/* ---- other addresses ---- */

static struct espnic_child_move move_of(const struct espnic_ike_kernel_op *op, enum espnic_ike_offload has)
{
	struct espnic_child_move m = { .was = *op, .to = *op, .offload = has };

	m.was.kind = m.to.kind = ESPNIC_IKE_KERNEL_MIGRATE;
	/* what stands is known without its keys */
	m.was.encr = m.to.encr = NULL;
	if (has != ESPNIC_IKE_OFFLOAD_NO)
		m.was_ifindex = m.ifindex = DEVICE;
	assert_int_equal(espnic_ike_addr_parse(&m.to.local.addr, "198.51.100.7"), 0);
	return m;
}

static struct espnic_child_result moved(struct fake_kernel *k, const struct espnic_child_move *m)
{
	struct espnic_xfrm x = fake_kernel_open(k);
	struct espnic_child_result r;

	espnic_child_move(&x, m, &r);
	return r;
}

/* The addresses of templates, "" of policies without. */
static const char *templates(const struct fake_kernel *k)
{
	static char out[1024];
	char src[ESPNIC_ADDR_TEXT], dst[ESPNIC_ADDR_TEXT];
	struct espnic_xfrm_policy p;
	int i;

	out[0] = 0;
	for (i = 0; i < FAKE_OBJECTS; i++) {
		if (!k->object[i].used || !k->object[i].policy || !espnic_xfrm_get_policy((const struct nlmsghdr *)k->object[i].msg, &p) || !p.n_tmpls)
			continue;
		snprintf(out + strlen(out), sizeof(out) - strlen(out), "%u %s>%s; ", p.dir, espnic_addr_text(&p.tmpl[0].src, src, sizeof(src)),
			 espnic_addr_text(&p.tmpl[0].dst, dst, sizeof(dst)));
	}
	return out;
}

static void test_move(void **state)
{
	struct espnic_ike_kernel_op op = operation(ESPNIC_IKE_KERNEL_INSTALL, ESPNIC_IKE_OFFLOAD_NO);
	static struct fake_kernel k, before;
	struct espnic_child_move m;
	struct espnic_child_result r;
	struct espnic_xfrm_sa sa;
	char text[ESPNIC_ADDR_TEXT];
	unsigned int n;

	(void)state;
	memset(&k, 0, sizeof(k));
	assert_int_equal(run(&k, &op, 0).status, ESPNIC_IKE_KERNEL_OK);
	assert_string_equal(templates(&k), "0 192.0.2.2>192.0.2.1; 2 192.0.2.2>192.0.2.1; 1 192.0.2.1>192.0.2.2; ");
	m = move_of(&op, ESPNIC_IKE_OFFLOAD_NO);
	/* a NAT comes in between, too */
	m.to.encap = true;
	m.to.local.port = m.to.remote.port = 4500;
	before = k;
	r.status = ESPNIC_IKE_KERNEL_FAILED;
	for (n = 1; r.status != ESPNIC_IKE_KERNEL_OK; n++) {
		k = before;
		k.calls = 0;
		k.fail_call = n;
		k.fail_errno = ENOMEM;
		k.words = "no room";
		r = moved(&k, &m);
		if (r.status == ESPNIC_IKE_KERNEL_OK)
			break;
		assert_non_null(strstr(r.text, "no room"));
		assert_true(fake_same(&k, &before));
	}
	/* two states, three policies looked up and set, five read back */
	assert_int_equal(n, 2 + 2 * 3 + 5 + 1);
	k.fail_call = 0;
	assert_string_equal(r.text, "");
	counts(&k, 2, 3);
	sa = state_of(&k, 0x1001);
	assert_string_equal(espnic_addr_text(&sa.dst, text, sizeof(text)), "198.51.100.7");
	assert_int_equal(sa.encap_dport, 4500);
	assert_int_equal(sa.life.hard_packets, 1000);
	assert_int_equal(sa.aead.bytes[0], 1);
	sa = state_of(&k, 0x2001);
	assert_string_equal(espnic_addr_text(&sa.src, text, sizeof(text)), "198.51.100.7");
	assert_string_equal(templates(&k), "0 192.0.2.2>198.51.100.7; 2 192.0.2.2>198.51.100.7; 1 198.51.100.7>192.0.2.2; ");
	/* back, out of the NAT, as it was; a rekeying has not brought the outbound state yet */
	r = moved(&k, &(struct espnic_child_move){ .was = m.to, .to = m.was });
	assert_string_equal(r.text, "");
	assert_int_equal(state_of(&k, 0x1001).encap_type, 0);
	assert_true(fake_same(&k, &before));
	m.was.spi_out = m.to.spi_out = 0;
	assert_int_equal(moved(&k, &m).status, ESPNIC_IKE_KERNEL_OK);
	sa = state_of(&k, 0x2001);
	assert_string_equal(espnic_addr_text(&sa.src, text, sizeof(text)), "192.0.2.1");
}

/* New ports alone: the policies, which have none, are left alone. */
static void test_move_ports(void **state)
{
	struct espnic_ike_kernel_op op = operation(ESPNIC_IKE_KERNEL_INSTALL, ESPNIC_IKE_OFFLOAD_NO);
	static struct fake_kernel k;
	struct espnic_child_move m;

	(void)state;
	memset(&k, 0, sizeof(k));
	op.encap = true;
	op.remote.port = 1111;
	assert_int_equal(run(&k, &op, 0).status, ESPNIC_IKE_KERNEL_OK);
	m = move_of(&op, ESPNIC_IKE_OFFLOAD_NO);
	m.to.local = op.local;
	m.to.remote.port = 2222;
	k.calls = 0;
	assert_int_equal(moved(&k, &m).status, ESPNIC_IKE_KERNEL_OK);
	assert_int_equal(k.calls, 4);
	assert_int_equal(state_of(&k, 0x1001).encap_sport, 2222);
	assert_int_equal(state_of(&k, 0x2001).encap_dport, 2222);
}

/* What is offloaded stays offloaded, or where it was. */
static void test_move_offloaded(void **state)
{
	struct espnic_ike_kernel_op op = operation(ESPNIC_IKE_KERNEL_INSTALL, ESPNIC_IKE_OFFLOAD_PACKET);
	static struct fake_kernel k, before;
	struct espnic_child_move m;
	struct espnic_child_result r;

	(void)state;
	memset(&k, 0, sizeof(k));
	assert_int_equal(run(&k, &op, DEVICE).status, ESPNIC_IKE_KERNEL_OK);
	before = k;
	m = move_of(&op, ESPNIC_IKE_OFFLOAD_PACKET);
	r = moved(&k, &m);
	assert_int_equal(r.status, ESPNIC_IKE_KERNEL_FAILED);
	assert_string_equal(r.text, "state esp spi 0x00001001 192.0.2.2 -> 198.51.100.7: Invalid argument: Type doesn't support offload");
	assert_true(fake_same(&k, &before));
	k.never_moves = true;
	r = moved(&k, &m);
	assert_string_equal(r.text, "state esp spi 0x00001001 192.0.2.2 -> 198.51.100.7: Invalid argument: the kernel says no more (before "
				    "Linux 7.2 it can't move states)");
	assert_true(fake_same(&k, &before));
	k.never_moves = false;
	k.moves_offloaded = true;
	m.ifindex = DEVICE + 1;
	r = moved(&k, &m);
	assert_string_equal(r.text, "");
	assert_int_equal(r.offload, ESPNIC_IKE_OFFLOAD_PACKET);
	assert_int_equal(state_of(&k, 0x1001).offload, ESPNIC_XFRM_PACKET);
	assert_int_equal(state_of(&k, 0x2001).ifindex, DEVICE + 1);
	counts(&k, 2, 7);
	assert_string_equal(templates(&k), "0 192.0.2.2>198.51.100.7; 2 192.0.2.2>198.51.100.7; 1 198.51.100.7>192.0.2.2; ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_selectors),	cmocka_unit_test(test_install),
		cmocka_unit_test(test_each_call_fails), cmocka_unit_test(test_less_than_asked),
		cmocka_unit_test(test_rekey),		cmocka_unit_test(test_move),
		cmocka_unit_test(test_move_ports),	cmocka_unit_test(test_move_offloaded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
