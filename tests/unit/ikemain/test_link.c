// SPDX-License-Identifier: BSD-2-Clause
/* The link between the processes: in order however slow the other end, dead when that has gone; and the table of children. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "main/link.h"
#include "main/sas.h"

enum { MESSAGES = 2000, BYTES = 1000 };

static void pair(struct espnic_link link[2])
{
	int fd[2], i;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fd), 0);
	for (i = 0; i < 2; i++)
		link[i] = (struct espnic_link){ .fd = fd[i] };
}

static void drop(struct espnic_link link[2])
{
	int i;

	for (i = 0; i < 2; i++) {
		espnic_link_drop(&link[i]);
		close(link[i].fd);
	}
}

/* More than the socket takes: the rest waits, and comes in its order. */
static void test_backlog(void **state)
{
	struct espnic_link link[2];
	uint8_t buf[BYTES];
	uint32_t i, n, want = 0;

	(void)state;
	pair(link);
	for (i = 0; i < MESSAGES; i++) {
		memset(buf, 0, sizeof(buf));
		memcpy(buf, &i, sizeof(i));
		espnic_link_send(&link[0], buf, sizeof(buf));
	}
	assert_true(link[0].waiting > 0 && !link[0].dead);
	assert_int_equal(espnic_link_events(&link[0]), POLLIN | POLLOUT);
	/* room again: what comes now still goes behind what waits */
	for (; want < 10; want++)
		assert_int_equal(espnic_link_receive(&link[1], buf, sizeof(buf)), sizeof(buf));
	memcpy(buf, &i, sizeof(i));
	espnic_link_send(&link[0], buf, sizeof(buf));
	while (want <= MESSAGES) {
		if (!espnic_link_receive(&link[1], buf, sizeof(buf))) {
			assert_false(link[1].dead);
			espnic_link_flush(&link[0]);
			continue;
		}
		memcpy(&n, buf, sizeof(n));
		assert_int_equal(n, want++);
	}
	assert_int_equal(link[0].waiting, 0);
	assert_int_equal(espnic_link_events(&link[0]), POLLIN);
	drop(link);
}

static void test_dead(void **state)
{
	struct espnic_link link[2];
	static uint8_t buf[BYTES];
	size_t sent = 0;

	(void)state;
	/* an end that takes nothing */
	pair(link);
	while (!link[0].dead && sent < 2 * (size_t)ESPNIC_LINK_BACKLOG) {
		espnic_link_send(&link[0], buf, sizeof(buf));
		sent += sizeof(buf);
	}
	assert_true(link[0].dead);
	assert_true(link[0].waiting <= ESPNIC_LINK_BACKLOG);
	drop(link);
	/* a message that could not be made */
	pair(link);
	espnic_link_send(&link[0], buf, 0);
	assert_true(link[0].dead);
	drop(link);
	/* one longer than there is room for is not cut */
	pair(link);
	espnic_link_send(&link[0], buf, sizeof(buf));
	assert_int_equal(espnic_link_receive(&link[1], buf, sizeof(buf) - 1), 0);
	assert_true(link[1].dead);
	drop(link);
	/* an end that has gone, while something waits */
	pair(link);
	espnic_link_send(&link[0], buf, 10);
	close(link[0].fd);
	assert_int_equal(espnic_link_receive(&link[1], buf, sizeof(buf)), 10);
	assert_false(link[1].dead);
	assert_int_equal(espnic_link_receive(&link[1], buf, sizeof(buf)), 0);
	assert_true(link[1].dead);
	link[0].fd = -1;
	drop(link);
}

/* ---- children ---- */

enum { CHILDREN = 1000, LONE = 4 };

static struct espnic_ike_child_conf conf[2] = { { .name = "net" }, { .name = "other" } };
static struct espnic_ike_ts ts = { .family = 4, .port_to = 65535, .from = { 10 }, .to = { 10 } };

static struct espnic_sa *add(struct espnic_sas *s, uint32_t id)
{
	const struct espnic_ike_kernel_op op = { .conn = "home", .conf = &conf[id % 2], .child_id = id, .spi_in = 0x1000 + id,
						 .reqid = id == LONE ? 2 : 1,
						 .ts_local = &ts, .ts_remote = &ts, .n_local = 1, .n_remote = 1,
						 .local.addr.family = 4, .remote.addr.family = 4 };

	return espnic_sas_add(s, &op);
}

static void forget(void *ctx, struct espnic_sa *sa)
{
	espnic_sas_del(ctx, sa);
}

static void test_children(void **state)
{
	struct espnic_sas s = { 0 };
	struct espnic_ike_kernel_op op;
	uint32_t i;

	(void)state;
	assert_null(espnic_sas_find(&s, 1));
	for (i = 1; i <= CHILDREN; i++)
		assert_non_null(add(&s, i));
	assert_null(add(&s, 7));
	assert_null(add(&s, 0));
	assert_int_equal(s.n, CHILDREN);
	for (i = 1; i <= CHILDREN; i++)
		assert_int_equal(espnic_sas_find(&s, i)->spi_in, 0x1000 + i);
	/* all of one child share its configuration, which stays as it was */
	assert_ptr_equal(espnic_sas_find(&s, 2)->conf, espnic_sas_find(&s, 4)->conf);
	assert_ptr_not_equal(espnic_sas_find(&s, 2)->conf, espnic_sas_find(&s, 3)->conf);
	conf[0].replay_window = 64;
	op = espnic_sas_op(espnic_sas_find(&s, 2), ESPNIC_IKE_KERNEL_DELETE);
	assert_int_equal(op.conf->replay_window, 0);
	assert_memory_equal(op.ts_remote, &ts, sizeof(ts));
	/* policies are shared by those of the same selectors and marks, of whatever reqid, as long as their device is there */
	assert_null(espnic_sas_other(&s, espnic_sas_find(&s, 2)));
	espnic_sas_find(&s, LONE)->policies = true;
	assert_ptr_equal(espnic_sas_other(&s, espnic_sas_find(&s, 2)), espnic_sas_find(&s, LONE));
	assert_null(espnic_sas_other(&s, espnic_sas_find(&s, LONE)));
	espnic_sas_find(&s, LONE)->lost = true;
	assert_null(espnic_sas_other(&s, espnic_sas_find(&s, 2)));
	espnic_sas_find(&s, LONE)->lost = false;
	espnic_sas_find(&s, LONE)->conf->conf.mark_out.mask = 1;
	assert_null(espnic_sas_other(&s, espnic_sas_find(&s, 3)));
	espnic_sas_find(&s, LONE)->conf->conf.mark_out.mask = 0;
	assert_true(espnic_sas_up(&s, "home", "net"));
	assert_false(espnic_sas_up(&s, "home", "other"));
	/* policies that a next one takes over are out of date when their device forgot them, or they are of other addresses */
	op.child_id = CHILDREN + 1;
	op.reqid = 2;
	assert_false(espnic_sas_stale(&s, &op));
	espnic_sas_find(&s, LONE)->lost = true;
	assert_true(espnic_sas_stale(&s, &op));
	espnic_sas_find(&s, LONE)->lost = false;
	op.local.addr.bytes[0] = 1;
	assert_true(espnic_sas_stale(&s, &op));
	op.reqid = 3;
	assert_false(espnic_sas_stale(&s, &op));
	/* of one that is gone nothing is found any more */
	op.reqid = 2;
	assert_true(espnic_sas_stale(&s, &op));
	espnic_sas_del(&s, espnic_sas_find(&s, LONE));
	assert_false(espnic_sas_stale(&s, &op));
	assert_null(espnic_sas_other(&s, espnic_sas_find(&s, 2)));
	espnic_sas_each(&s, forget, &s);
	assert_int_equal(s.n, 0);
	assert_null(s.confs);
	assert_non_null(add(&s, 1));
	espnic_sas_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backlog),
		cmocka_unit_test(test_dead),
		cmocka_unit_test(test_children),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
