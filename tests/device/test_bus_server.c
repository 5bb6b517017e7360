// SPDX-License-Identifier: BSD-2-Clause
/* The server's socket, and clients that come one after the other. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "bus_toy.h"
#include "vfu_client.h"

static struct espnic_toy toy;

static int setup(void **state)
{
	(void)state;
	return espnic_toy_start(&toy);
}

static int teardown(void **state)
{
	(void)state;
	return espnic_toy_stop(&toy);
}

/* espnic_vfu_new() must fail, with one line that has @word in it. */
static void refused(const char *path, unsigned int vectors, const char *word)
{
	char err[256] = "";
	struct espnic_vfu *v =
		espnic_vfu_new(path, &espnic_toy_ops, &toy, vectors, err, sizeof(err));

	if (v)
		fail_msg("%s was taken", path);
	if (!strstr(err, word) || strchr(err, '\n'))
		fail_msg("%s: '%s' has no '%s' or is no single line", path, err, word);
}

static void test_bad_arguments(void **state)
{
	char long_path[200];

	(void)state;
	memset(long_path, 'a', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = 0;
	refused(toy.path, 0, "vectors");
	refused(toy.path, 18, "vectors");
	refused("", 17, "empty");
	refused(long_path, 17, "longer");
	refused("/nonexistent/nic.sock", 17, "No such file");
}

static void test_socket_in_use(void **state)
{
	struct espnic_client *c;

	(void)state;
	refused(toy.path, 17, "in use");
	/* With a client too, and the first server is not disturbed. */
	c = espnic_client_new(toy.path);
	assert_non_null(c);
	refused(toy.path, 17, "in use");
	espnic_client_reg_write(c, 0x1c, 5);
	assert_int_equal(espnic_client_reg_read(c, 0x1c), 5);
	espnic_client_free(c);
}

static void test_stale_socket(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct espnic_vfu *v;
	char err[256] = "";
	struct stat st;
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/stale", toy.dir);
	assert_int_equal(bind(s, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(s); /* the file stays, as after a crash */
	v = espnic_vfu_new(sun.sun_path, &espnic_toy_ops, &toy, 17, err, sizeof(err));
	if (!v)
		fail_msg("%s", err);
	espnic_vfu_free(v);
	assert_int_equal(stat(sun.sun_path, &st), -1);
	assert_int_equal(errno, ENOENT);
}

static void test_other_file(void **state)
{
	char path[128];
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/file", toy.dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	refused(path, 17, "no socket");
	/* Nobody's file is removed. */
	assert_int_equal(unlink(path), 0);
}

static void test_free_leaves_anothers_socket(void **state)
{
	struct espnic_vfu *a, *b;
	char path[128], err[256];
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/two", toy.dir);
	a = espnic_vfu_new(path, &espnic_toy_ops, &toy, 17, err, sizeof(err));
	assert_non_null(a);
	unlink(path);
	b = espnic_vfu_new(path, &espnic_toy_ops, &toy, 17, err, sizeof(err));
	assert_non_null(b);
	espnic_vfu_free(a);
	assert_int_equal(stat(path, &st), 0);
	espnic_vfu_free(b);
}

static void test_next_client(void **state)
{
	int ev = eventfd(0, EFD_NONBLOCK);
	struct espnic_client *c;

	(void)state;
	for (unsigned int i = 1; i <= 5; i++) {
		c = espnic_client_new(toy.path);
		assert_non_null(c);
		/* Nothing of the one before is left. */
		assert_int_equal(espnic_client_reg_read(c, 0x1c), 0);
		assert_int_equal(espnic_client_cfg_read(c, 4, 2), 0);
		assert_int_equal(espnic_client_map(c, 0x1000, -1, 0, 0x1000, 3), 0);
		espnic_client_reg_write(c, 0x1c, i);
		assert_int_equal(espnic_client_bus_master(c, true), 0);
		assert_int_equal(espnic_client_set_irqs(c, 0, 1, &ev), 0);
		espnic_client_free(c);
		assert_true(espnic_toy_wait(&toy.resets, i));
	}
	/* Its eventfd has been let go. */
	c = espnic_client_new(toy.path);
	espnic_vfu_bus_ops.irq(toy.vfu, 0);
	assert_int_equal(espnic_eventfd_wait(ev, 0), 0);
	espnic_client_free(c);
	close(ev);
}

static void test_second_client_is_refused(void **state)
{
	struct espnic_client *c = espnic_client_new(toy.path);
	int s;

	(void)state;
	assert_non_null(c);
	s = espnic_raw_dial(toy.path);
	assert_true(s >= 0);
	assert_int_equal(espnic_raw_version(s), -ECONNRESET);
	close(s);
	espnic_client_reg_write(c, 0x1c, 8);
	assert_int_equal(espnic_client_reg_read(c, 0x1c), 8);
	assert_int_equal(toy.resets, 0);
	espnic_client_free(c);
}

static void test_stop(void **state)
{
	struct espnic_client *c = espnic_client_new(toy.path);
	char path[sizeof(toy.path)];
	struct stat st;

	(void)state;
	assert_non_null(c);
	strcpy(path, toy.path);
	assert_int_equal(espnic_toy_stop(&toy), 0);
	/* The client sees it, the file is gone, and the function was told. */
	assert_int_equal(espnic_client_reg_read(c, 0x1c), 0xffffffff);
	while (espnic_client_alive(c))
		usleep(200);
	assert_int_equal(stat(path, &st), -1);
	assert_int_equal(toy.resets, 1);
	espnic_client_free(c);
	/* For the teardown. */
	assert_int_equal(espnic_toy_start(&toy), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_bad_arguments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_socket_in_use, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_free_leaves_anothers_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(test_next_client, setup, teardown),
		cmocka_unit_test_setup_teardown(test_second_client_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop, setup, teardown),
	};

	return cmocka_run_group_tests_name("bus_server", tests, NULL, NULL);
}
