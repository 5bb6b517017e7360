// SPDX-License-Identifier: BSD-2-Clause
/*
 * Messages between the two processes: there and back, and from a network's side that has been taken over: cut anywhere,
 * any byte changed, words and counts that are none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "main/ipc.h"

static uint8_t buf[ESPNIC_IPC_MESSAGE];
static struct espnic_ipc got;

static struct espnic_ike_child_conf conf = { .name = "net" };
static uint8_t keys[4][ESPNIC_IKE_INTEG_KEY];
static struct espnic_ike_ts ts[2] = {
	{ .family = 4, .proto = 6, .port_from = 80, .port_to = 90, .from = { 10, 1, 0, 0 }, .to = { 10, 1, 255, 255 } },
	{ .family = 6, .port_to = 65535, .from = { 0x20 }, .to = { 0x3f } },
};

static struct espnic_ike_kernel_op kernel_op(void)
{
	struct espnic_ike_kernel_op op = {
		.kind = ESPNIC_IKE_KERNEL_INSTALL, .token = 1ULL << 40, .ike_id = 1, .child_id = 2, .conn = "home", .conf = &conf,
		.reqid = 3, .seq = 4, .spi_in = 5, .spi_out = 6, .mode = ESPNIC_IKE_TRANSPORT, .esn = true, .policies = true,
		.encr_in = keys[0], .encr_out = keys[1], .integ_in = keys[2], .integ_out = keys[3], .ts_local = ts,
		.ts_remote = ts + 1, .n_local = 2, .n_remote = 1, .soft_bytes = 7, .soft_packets = 8,
	};
	int i;

	for (i = 0; i < 4; i++)
		memset(keys[i], 0x10 + i, sizeof(keys[i]));
	op.encr = espnic_ike_alg(ESPNIC_IKE_ENCR, 12, 128);
	op.integ = espnic_ike_alg(ESPNIC_IKE_INTEG, 12, 0);
	assert_non_null(op.encr);
	assert_non_null(op.integ);
	op.local.addr = (struct espnic_ike_addr){ 4, { 192, 0, 2, 1 } };
	op.local.port = 4500;
	op.remote.addr.family = 6;
	return op;
}

static void test_kernel(void **state)
{
	struct espnic_ike_kernel_op op = kernel_op(), *back = &got.kernel;
	size_t len = espnic_ipc_put_kernel(buf, &op);

	(void)state;
	assert_true(len > 0);
	assert_true(espnic_ipc_get(buf, len, &got));
	assert_int_equal(got.type, ESPNIC_IPC_KERNEL);
	assert_int_equal(back->kind, op.kind);
	assert_int_equal(back->mode, op.mode);
	assert_int_equal(back->token, op.token);
	assert_string_equal(back->conn, "home");
	assert_string_equal(got.child, "net");
	assert_null(back->conf);
	assert_true(back->esn && back->policies && !back->encap && !back->initiator);
	assert_int_equal(back->spi_out, 6);
	assert_memory_equal(&back->local, &op.local, sizeof(op.local));
	assert_ptr_equal(back->encr, op.encr);
	assert_ptr_equal(back->integ, op.integ);
	assert_memory_equal(back->encr_in, keys[0], 16);
	assert_memory_equal(back->encr_out, keys[1], 16);
	assert_memory_equal(back->integ_in, keys[2], op.integ->out);
	assert_memory_equal(back->integ_out, keys[3], op.integ->out);
	assert_int_equal(back->n_local, 2);
	assert_memory_equal(back->ts_local, ts, sizeof(ts));
	assert_memory_equal(back->ts_remote, ts + 1, sizeof(ts[1]));
	assert_int_equal(back->soft_packets, 8);

	/* a delete has no keys and no algorithms */
	op.kind = ESPNIC_IKE_KERNEL_DELETE;
	op.encr = op.integ = NULL;
	op.encr_in = op.encr_out = op.integ_in = op.integ_out = NULL;
	len = espnic_ipc_put_kernel(buf, &op);
	assert_true(espnic_ipc_get(buf, len, &got));
	assert_null(back->encr);
	assert_null(back->encr_in);
}

static struct espnic_ike_id left = { 2, 4, "left" }, right = { 2, 5, "right" };

static struct espnic_ike_key_op key_op(enum espnic_ike_key_kind kind)
{
	struct espnic_ike_key_op op = {
		.kind = kind, .token = 9, .octets = (const uint8_t *)"signed", .len = 6,
	};

	if (kind == ESPNIC_IKE_KEY_PSK) {
		op.local = &left;
		op.remote = &right;
		op.prf = espnic_ike_alg(ESPNIC_IKE_PRF, 5, 0);
		assert_non_null(op.prf);
	} else if (kind == ESPNIC_IKE_KEY_PPK) {
		op = (struct espnic_ike_key_op){ .kind = kind, .token = 9, .ppk_id = &left, .prf = espnic_ike_alg(ESPNIC_IKE_PRF, 6, 0),
						 .sk = { keys[0], keys[1], keys[2] } };
		assert_non_null(op.prf);
	} else {
		op.keyid = keys[0];
		op.scheme = ESPNIC_IKE_ED25519;
	}
	return op;
}

static void test_key(void **state)
{
	struct espnic_ike_key_op op = key_op(ESPNIC_IKE_KEY_PSK), *back = &got.key;
	size_t len = espnic_ipc_put_key(buf, &op);

	(void)state;
	assert_true(espnic_ipc_get(buf, len, &got));
	assert_int_equal(got.type, ESPNIC_IPC_KEY);
	assert_int_equal(back->local->len, 4);
	assert_memory_equal(back->remote->data, "right", 5);
	assert_ptr_equal(back->prf, op.prf);
	assert_int_equal(back->len, 6);
	assert_memory_equal(back->octets, "signed", 6);
	op = key_op(ESPNIC_IKE_KEY_SIGN);
	len = espnic_ipc_put_key(buf, &op);
	assert_true(espnic_ipc_get(buf, len, &got));
	assert_memory_equal(back->keyid, keys[0], ESPNIC_IKE_KEYID);
	assert_int_equal(back->scheme, ESPNIC_IKE_ED25519);
	/* what a kind needs must be there, and no more than there is room for */
	op.keyid = NULL;
	assert_int_equal(espnic_ipc_put_key(buf, &op), 0);
	op = key_op(ESPNIC_IKE_KEY_PSK);
	op.remote = NULL;
	assert_int_equal(espnic_ipc_put_key(buf, &op), 0);
	op = key_op(ESPNIC_IKE_KEY_PSK);
	op.len = ESPNIC_IPC_OCTETS + 1;
	assert_int_equal(espnic_ipc_put_key(buf, &op), 0);
	op = key_op(ESPNIC_IKE_KEY_PPK);
	assert_true(espnic_ipc_get(buf, espnic_ipc_put_key(buf, &op), &got));
	assert_memory_equal(back->ppk_id->data, "left", 4);
	for (int i = 0; i < ESPNIC_IKE_PPK_KEYS; i++)
		assert_memory_equal(back->sk[i], keys[i], op.prf->out);
	op.sk[ESPNIC_IKE_PPK_PR] = NULL;
	assert_int_equal(espnic_ipc_put_key(buf, &op), 0);
	op = key_op(ESPNIC_IKE_KEY_PPK);
	op.prf = NULL;
	assert_int_equal(espnic_ipc_put_key(buf, &op), 0);
	op = key_op(ESPNIC_IKE_KEY_PPK);
	op.ppk_id = NULL;
	assert_int_equal(espnic_ipc_put_key(buf, &op), 0);
}

static void test_done_and_events(void **state)
{
	static char long_text[2 * ESPNIC_IKE_TEXT];
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_KERNEL };
	struct espnic_ike_event e = { .kind = ESPNIC_IKE_EV_CHILD_UP, .ike_id = 3, .conn = "home", .text = "offload=packet" };
	size_t len;

	(void)state;
	in.kernel.token = 5;
	in.kernel.status = ESPNIC_IKE_KERNEL_EXISTS;
	in.kernel.offload = ESPNIC_IKE_OFFLOAD_PACKET;
	in.kernel.text = "File exists";
	len = espnic_ipc_put_done(buf, &in);
	assert_true(espnic_ipc_get(buf, len, &got));
	assert_int_equal(got.done.kind, ESPNIC_IKE_IN_KERNEL);
	assert_int_equal(got.done.kernel.status, ESPNIC_IKE_KERNEL_EXISTS);
	assert_string_equal(got.done.kernel.text, "File exists");
	memset(&in, 0, sizeof(in));
	in.kind = ESPNIC_IKE_IN_KEY;
	in.key.ok = true;
	in.key.data = keys[1];
	in.key.len = 32;
	len = espnic_ipc_put_done(buf, &in);
	assert_true(espnic_ipc_get(buf, len, &got));
	assert_true(got.done.key.ok);
	assert_memory_equal(got.done.key.data, keys[1], 32);
	assert_null(got.done.key.text);
	len = espnic_ipc_put_event(buf, &e);
	assert_true(espnic_ipc_get(buf, len, &got));
	assert_string_equal(got.event.conn, "home");
	assert_null(got.event.child);
	assert_string_equal(got.event.text, "offload=packet");
	/* too long a text is cut */
	memset(long_text, 'x', sizeof(long_text) - 1);
	e.text = long_text;
	assert_true(espnic_ipc_get(buf, espnic_ipc_put_event(buf, &e), &got));
	assert_int_equal(strlen(got.event.text), ESPNIC_IKE_TEXT - 1);
}

/* ---- the other way, and looking in ---- */

static struct espnic_ike_id someone = { ESPNIC_IKE_ID_FQDN, 4, "left" };

static const struct espnic_ike_addr vips[2] = { { 4, { 10, 3, 0, 1 } }, { 6, { 0x20, 1 } } };

static struct espnic_ike_sa_info sa_info(void)
{
	struct espnic_ike_sa_info sa = { .id = 7, .conn = "home", .state = ESPNIC_IKE_ESTABLISHED, .initiator = true, .spi_i = 1ULL << 63,
					 .spi_r = 2, .local_id = &someone, .nat_remote = true, .ppk = true, .vips = vips, .n_vips = 2, .since_ms = 5, .n_children = 1 };

	sa.local.addr = (struct espnic_ike_addr){ 4, { 192, 0, 2, 1 } };
	sa.encr = espnic_ike_alg(ESPNIC_IKE_ENCR, 20, 256);
	sa.ke = espnic_ike_alg(ESPNIC_IKE_KE, 31, 0);
	return sa;
}

static struct espnic_ike_child_info child_info(void)
{
	return (struct espnic_ike_child_info){ .id = 8, .reqid = 9, .spi_in = 10, .spi_out = 11, .name = "net",
					       .state = ESPNIC_IKE_CHILD_INSTALLED, .offload = ESPNIC_IKE_OFFLOAD_PACKET,
					       .offload_text = "why", .esn = true, .encr = espnic_ike_alg(ESPNIC_IKE_ENCR, 20, 128),
					       .ts_local = ts, .ts_remote = ts, .n_local = 2, .n_remote = 1, .life_ms = 12 };
}

static void test_looking_in(void **state)
{
	const struct espnic_ike_counters n = { .ike_up = 3, .sas = 4 };
	struct espnic_ike_child_info child = child_info();
	struct espnic_ike_sa_info sa = sa_info();

	(void)state;
	assert_true(espnic_ipc_get(buf, espnic_ipc_put_sa(buf, &sa), &got));
	assert_int_equal(got.type, ESPNIC_IPC_SA);
	assert_string_equal(got.sa.conn, "home");
	assert_true(got.sa.initiator && got.sa.nat_remote && !got.sa.nat_local && got.sa.ppk);
	assert_int_equal(got.sa.n_vips, 2);
	assert_memory_equal(got.sa.vips, vips, sizeof(vips));
	assert_int_equal(got.sa.spi_i, 1ULL << 63);
	assert_memory_equal(got.sa.local_id, &someone, sizeof(someone));
	assert_null(got.sa.remote_id);
	assert_ptr_equal(got.sa.encr, sa.encr);
	assert_ptr_equal(got.sa.ke, sa.ke);
	assert_null(got.sa.prf);
	assert_int_equal(got.sa.n_children, 1);
	assert_true(espnic_ipc_get(buf, espnic_ipc_put_child(buf, &child), &got));
	assert_string_equal(got.info.name, "net");
	assert_string_equal(got.info.offload_text, "why");
	assert_int_equal(got.info.offload, ESPNIC_IKE_OFFLOAD_PACKET);
	assert_memory_equal(got.info.ts_local, ts, sizeof(ts));
	assert_int_equal(got.info.life_ms, 12);
	assert_true(espnic_ipc_get(buf, espnic_ipc_put_counters(buf, &n), &got));
	assert_memory_equal(&got.counters, &n, sizeof(n));
}

static const struct espnic_ike_address_op address_op = {
	.add = true, .conn = "home", .addr = { 4, { 10, 3, 0, 1 } }, .local = { 4, { 192, 0, 2, 1 } }, .remote = { 4, { 192, 0, 2, 2 } },
};

static void test_addresses(void **state)
{
	const struct espnic_ike_pool_conf pool = { .name = "p", .from = { 4, { 10, 3, 0, 1 } }, .to = { 4, { 10, 3, 0, 9 } } };
	const struct espnic_ike_pool_info info = { 9, 3, 1 };
	struct espnic_ike_address_op op = address_op;

	(void)state;
	assert_true(espnic_ipc_get(buf, espnic_ipc_put_address(buf, &op), &got));
	assert_int_equal(got.type, ESPNIC_IPC_ADDRESS);
	assert_true(got.address.add);
	assert_string_equal(got.address.conn, "home");
	assert_memory_equal(&got.address.remote, &op.remote, sizeof(op.remote));
	op.conn = NULL;
	assert_int_equal(espnic_ipc_put_address(buf, &op), 0);
	assert_true(espnic_ipc_get(buf, espnic_ipc_put_pool(buf, 3, &pool), &got));
	assert_int_equal(got.seq, 3);
	assert_memory_equal(&got.pool, &pool, sizeof(pool));
	assert_true(espnic_ipc_get(buf, espnic_ipc_put_pool_info(buf, &info), &got));
	assert_memory_equal(&got.pool_info, &info, sizeof(info));
	assert_true(espnic_ipc_get(buf, espnic_ipc_put_request(buf, ESPNIC_IPC_POOL_LOOK, 4, "p"), &got));
	assert_string_equal(got.conn, "p");
	assert_false(espnic_ipc_get(buf, espnic_ipc_put_request(buf, ESPNIC_IPC_POOL_UNLOAD, 4, NULL), &got));
}

static void test_requests(void **state)
{
	static const uint8_t keyid[ESPNIC_IKE_KEYID] = { 1, 2, 3 };
	static struct espnic_ike_conn conn = { .name = "home", .n_children = 1 };
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_INITIATE };

	(void)state;
	conn.children = &conf;
	assert_true(espnic_ipc_get(buf, espnic_ipc_put_conn(buf, &conn), &got));
	assert_string_equal(got.conf.name, "home");
	assert_null(got.conf.children);
	assert_true(espnic_ipc_get(buf, espnic_ipc_put_child_conf(buf, &conf), &got));
	assert_string_equal(got.child_conf.name, "net");
	assert_true(espnic_ipc_get(buf, espnic_ipc_put_request(buf, ESPNIC_IPC_UNLOAD, 5, "home"), &got));
	assert_int_equal(got.seq, 5);
	assert_string_equal(got.conn, "home");
	assert_false(espnic_ipc_get(buf, espnic_ipc_put_request(buf, ESPNIC_IPC_UNLOAD, 5, NULL), &got));
	assert_true(espnic_ipc_get(buf, espnic_ipc_put_cert(buf, 6, ESPNIC_IKE_CERT_CRL, keys[0], 30), &got));
	assert_int_equal(got.cert.kind, ESPNIC_IKE_CERT_CRL);
	assert_int_equal(got.cert.len, 30);
	assert_int_equal(espnic_ipc_put_cert(buf, 6, ESPNIC_IKE_CERT_CRL, keys[0], ESPNIC_IPC_OCTETS + 1), 0);
	assert_true(espnic_ipc_get(buf, espnic_ipc_put_result(buf, 7, "no", keyid), &got));
	assert_true(!got.result.ok && got.seq == 7);
	assert_string_equal(got.text, "no");
	assert_memory_equal(got.keyid, keyid, sizeof(keyid));
	in.initiate.conn = "home";
	assert_true(espnic_ipc_get(buf, espnic_ipc_put_input(buf, &in), &got));
	assert_string_equal(got.input.initiate.conn, "home");
	assert_null(got.input.initiate.child);
	/* what peers and answers are for does not come this way */
	in.kind = ESPNIC_IKE_IN_KERNEL;
	assert_int_equal(espnic_ipc_put_input(buf, &in), 0);
	in = (struct espnic_ike_input){ .kind = ESPNIC_IKE_IN_EXPIRE, .expire = { .spi = 0x1000, .hard = true } };
	assert_true(espnic_ipc_get(buf, espnic_ipc_put_input(buf, &in), &got));
	assert_true(got.input.expire.hard && got.input.expire.spi == 0x1000);
	in = (struct espnic_ike_input){ .kind = ESPNIC_IKE_IN_PPKS, .ppks.any = true };
	assert_true(espnic_ipc_get(buf, espnic_ipc_put_input(buf, &in), &got));
	assert_true(got.input.ppks.any);
	in = (struct espnic_ike_input){ .kind = ESPNIC_IKE_IN_REKEY, .rekey.ike_id = 7 };
	assert_true(espnic_ipc_get(buf, espnic_ipc_put_input(buf, &in), &got));
	assert_true(got.input.kind == ESPNIC_IKE_IN_REKEY && got.input.rekey.ike_id == 7);
}

/* In memory of just its size: a reader that goes past it is caught by the sanitizer. */
static bool taken(const uint8_t *message, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	bool ok;

	assert_non_null(copy);
	memcpy(copy, message, len);
	ok = espnic_ipc_get(copy, len, &got);
	free(copy);
	return ok;
}

/* Whatever comes out is within its limits. */
static void sane(void)
{
	if (got.type == ESPNIC_IPC_KERNEL) {
		assert_true(got.kernel.n_local <= ESPNIC_IKE_TS && got.kernel.n_remote <= ESPNIC_IKE_TS);
		assert_true(got.kernel.kind <= ESPNIC_IKE_KERNEL_QUERY && got.kernel.mode <= ESPNIC_IKE_TRANSPORT);
		assert_true(!got.kernel.conn || strlen(got.kernel.conn) < ESPNIC_IKE_NAME);
	} else if (got.type == ESPNIC_IPC_KEY) {
		assert_true(got.key.len <= ESPNIC_IPC_OCTETS);
		assert_true(!got.key.local || got.key.local->len <= ESPNIC_IKE_ID);
		assert_true(got.key.kind <= ESPNIC_IKE_KEY_PPK && (!got.key.ppk_id || got.key.ppk_id->len <= ESPNIC_IKE_ID));
	} else if (got.type == ESPNIC_IPC_SA) {
		assert_true(got.sa.n_vips <= ESPNIC_IKE_VIPS);
		assert_true(got.sa.n_children <= ESPNIC_IKE_CHILDREN && got.sa.state <= ESPNIC_IKE_DELETING);
		assert_true(!got.sa.remote_id || got.sa.remote_id->len <= ESPNIC_IKE_ID);
	} else if (got.type == ESPNIC_IPC_CHILD) {
		assert_true(got.info.n_local <= ESPNIC_IKE_TS && got.info.n_remote <= ESPNIC_IKE_TS);
		assert_true(got.info.state <= ESPNIC_IKE_CHILD_DELETING && got.info.offload <= ESPNIC_IKE_OFFLOAD_PACKET);
	}
}

static void hostile(size_t len)
{
	static uint8_t message[ESPNIC_IPC_MESSAGE];
	static const uint8_t values[] = { 0x00, 0x01, 0x02, 0x7f, 0x80, 0xff };
	size_t i, v;

	assert_true(len > 0 && len < 4096);
	memcpy(message, buf, len);
	message[len] = 0;
	assert_true(taken(message, len));
	assert_false(taken(message, len + 1));
	for (i = 0; i < len; i++)
		assert_false(taken(message, i));
	for (i = 0; i < len; i++) {
		for (v = 0; v < sizeof(values); v++) {
			uint8_t was = message[i];

			message[i] = values[v];
			if (taken(message, len))
				sane();
			message[i] = was;
		}
	}
}

static void test_hostile(void **state)
{
	struct espnic_ike_kernel_op op = kernel_op();
	struct espnic_ike_key_op psk = key_op(ESPNIC_IKE_KEY_PSK), sign = key_op(ESPNIC_IKE_KEY_SIGN), ppk = key_op(ESPNIC_IKE_KEY_PPK);
	struct espnic_ike_event e = { .kind = ESPNIC_IKE_EV_NOTE, .conn = "home", .text = "x" };
	struct espnic_ike_child_info child = child_info();
	struct espnic_ike_sa_info sa = sa_info();

	(void)state;
	hostile(espnic_ipc_put_kernel(buf, &op));
	hostile(espnic_ipc_put_key(buf, &psk));
	hostile(espnic_ipc_put_key(buf, &sign));
	hostile(espnic_ipc_put_key(buf, &ppk));
	hostile(espnic_ipc_put_address(buf, &address_op));
	hostile(espnic_ipc_put_event(buf, &e));
	hostile(espnic_ipc_put_sa(buf, &sa));
	hostile(espnic_ipc_put_child(buf, &child));
	hostile(espnic_ipc_put_result(buf, 1, "no", NULL));
}

/* A name that ends before its length, an algorithm nobody has, a bool of 2. */
static void test_words(void **state)
{
	struct espnic_ike_event e = { .kind = ESPNIC_IKE_EV_NOTE, .conn = "home" };
	struct espnic_ike_input in = { .kind = ESPNIC_IKE_IN_KEY };
	struct espnic_ike_kernel_op op = kernel_op();
	char name[ESPNIC_IKE_NAME + 1];
	size_t len = espnic_ipc_put_event(buf, &e);
	uint8_t *at;

	(void)state;
	at = memmem(buf, len, "home", 4);
	assert_non_null(at);
	at[2] = 0;
	assert_false(espnic_ipc_get(buf, len, &got));
	memset(name, 'n', sizeof(name));
	name[ESPNIC_IKE_NAME] = 0;
	e.conn = name;
	assert_int_equal(espnic_ipc_put_event(buf, &e), 0);
	len = espnic_ipc_put_done(buf, &in);
	buf[4 + 8] = 2;
	assert_false(espnic_ipc_get(buf, len, &got));
	/* "dynamic" is of configurations */
	ts[0].family = 0;
	assert_int_equal(espnic_ipc_put_kernel(buf, &op), 0);
	ts[0].family = 4;
	op.n_local = ESPNIC_IKE_TS + 1;
	assert_int_equal(espnic_ipc_put_kernel(buf, &op), 0);
	memset(buf, 0xff, 64);
	assert_false(espnic_ipc_get(buf, 64, &got));
	assert_false(espnic_ipc_get(buf, 0, &got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel),	cmocka_unit_test(test_key),   cmocka_unit_test(test_done_and_events),
		cmocka_unit_test(test_hostile), cmocka_unit_test(test_words), cmocka_unit_test(test_looking_in),
		cmocka_unit_test(test_requests), cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
