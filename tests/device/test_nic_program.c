// SPDX-License-Identifier: BSD-2-Clause
/* espnic-device as a program: its flags, what it prints, its control socket, how it ends. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <json-c/json.h>

#include "nic/caps.h"
#include "nic_common.h"

enum { TEXT = 65536, ARGS = 24 };

static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/espnic-test-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char cmd[256];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -f %s/*; rmdir %s", dir, dir);
	return system(cmd);
}

/* Runs the program to its end; its exit status, what it printed in @out (both streams). */
static int run(const char *const *args, char *out)
{
	const char *exe = getenv("ESPNIC_DEVICE");
	const char *argv[ARGS + 2] = { exe && *exe ? exe : "build/libexec/espnic-device" };
	size_t len = 0;
	int fd[2], status;
	ssize_t n;
	pid_t pid;

	for (unsigned int i = 0; i < ARGS && args[i]; i++)
		argv[i + 1] = args[i];
	assert_int_equal(pipe(fd), 0);
	pid = fork();
	if (!pid) {
		dup2(fd[1], 1);
		dup2(fd[1], 2);
		close(fd[0]);
		close(fd[1]);
		alarm(20);
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(fd[1]);
	while (len < TEXT - 1 && (n = read(fd[0], out + len, TEXT - 1 - len)) > 0)
		len += (size_t)n;
	out[len] = '\0';
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static const char *in_dir(const char *name)
{
	static char path[4][128];
	static unsigned int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

static void bad_usage_is_one_clear_line(void **state)
{
	static const struct {
		const char *args[6];
		const char *says;
	} cases[] = {
		{ { NULL }, "--socket PATH is missing" },
		{ { "--socket", "/x" }, "--wire SPEC is missing" },
		{ { "--socket" }, "--socket needs a value" },
		{ { "--bogus" }, "--bogus: no such option" },
		{ { "--socket", "/x", "--wire", "loopback", "stray" }, "stray" },
		{ { "--queues", "0" }, "--queues: \"0\" is no number from 1 to 16" },
		{ { "--queues", "17" }, "from 1 to 16" },
		{ { "--queues", "4x" }, "--queues" },
		{ { "--queues", "-1" }, "--queues" },
		{ { "--workers", "99999999999999999999" }, "--workers" },
		{ { "--mac", "01:00:00:00:00:00" }, "--mac" },
		{ { "--mac", "02:00:00:00:00" }, "--mac" },
		{ { "--mac", "02:00:00:00:00:00:00" }, "--mac" },
		{ { "--mac", "00:00:00:00:00:00" }, "--mac" },
		{ { "--socket", "/x", "--wire", "loopback", "--engine", "warp" },
		  "--engine: \"warp\" is none of" },
		{ { "--hide-caps", "DORMANT,WARP" }, "--hide-caps: \"WARP\" is no capability" },
		{ { "--hide-caps", "DORM" }, "--hide-caps: \"DORM\" is no capability" },
		{ { "--hide-caps", "DORMANT," }, "--hide-caps: \"\" is no capability" },
		{ { "--hide-caps", "" }, "--hide-caps: \"\" is no capability" },
		{ { "--hide-caps", "TFC" }, "--hide-caps: the device has no \"TFC\" to hide" },
	};
	static char out[TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *args[8] = { NULL };

		memcpy(args, cases[i].args, sizeof(cases[i].args));
		assert_int_equal(run(args, out), 2);
		if (!strstr(out, cases[i].says) || strchr(out, '\n') != out + strlen(out) - 1)
			fail_msg("case %zu says: %s", i, out);
	}
}

static void what_cannot_be_opened(void **state)
{
	const struct {
		const char *socket, *wire, *flag, *value;
	} cases[] = {
		{ "/nowhere/at/all", "loopback", NULL, NULL },
		{ in_dir("s"), "carrier-pigeon", NULL, NULL },
		{ in_dir("s"), "pcap:/nowhere/at/all", NULL, NULL },
		{ in_dir("s"), "loopback", "--pcap", "/nowhere/at/all" },
		{ in_dir("s"), "loopback", "--control", "/nowhere/at/all" },
	};
	static char out[TEXT];
	struct stat st;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *args[] = { "--socket",    cases[i].socket, "--wire", cases[i].wire,
				       cases[i].flag, cases[i].value,  NULL };

		assert_int_equal(run(args, out), 1);
		if (strncmp(out, "espnic-device: ", 15) ||
		    strchr(out, '\n') != out + strlen(out) - 1)
			fail_msg("case %zu says: %s", i, out);
	}
	/* Nothing is left behind. */
	assert_true(stat(in_dir("s"), &st));
}

static void help_and_version(void **state)
{
	static char out[TEXT];
	char version[32];

	(void)state;
	assert_int_equal(run((const char *[]){ "--help", NULL }, out), 0);
	assert_non_null(strstr(out, "--socket PATH"));
	assert_int_equal(run((const char *[]){ "--version", NULL }, out), 0);
	snprintf(version, sizeof(version), "interface %d.%d", ESPNIC_VERSION_MAJOR_VALUE,
		 ESPNIC_VERSION_MINOR_VALUE);
	assert_non_null(strstr(out, version));
}

static int dial(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(a.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

/* Sends @line and reads one JSON object. */
static struct json_object *ask(int fd, const char *line)
{
	static char buf[TEXT];
	struct json_object *o;
	size_t len = 0;
	ssize_t n;

	assert_int_equal(write(fd, line, strlen(line)), strlen(line));
	while (!len || buf[len - 1] != '\n') {
		n = read(fd, buf + len, sizeof(buf) - 1 - len);
		assert_true(n > 0);
		len += (size_t)n;
	}
	buf[len] = '\0';
	o = json_tokener_parse(buf);
	assert_non_null(o);
	return o;
}

static int64_t number(struct json_object *o, const char *a, const char *b)
{
	struct json_object *x = json_object_object_get(o, a);

	if (b)
		x = json_object_object_get(x, b);
	assert_non_null(x);
	return json_object_get_int64(x);
}

static void control_socket(void **state)
{
	const char *path = in_dir("control"), *rec = in_dir("rec.pcapng");
	const char *args[] = { "--wire", "loopback", "--control", path, "--pcap",
			       rec,      "--queues", "2",         NULL };
	struct espnic_proc *p = espnic_proc_start(args);
	struct espnic_drv *d;
	struct json_object *o;
	struct nic_flow f = { .payload = 100 };
	char again[TEXT], longline[1000];
	uint8_t frame[300];
	struct nic n;
	struct stat st;
	int fd;

	(void)state;
	assert_non_null(p);
	d = espnic_drv_open(p->socket);
	assert_non_null(d);
	assert_int_equal(espnic_drv_start(d, NULL, 0, 1, NIC_LOG2, nic_mac), 0);
	n = (struct nic){ p, d };
	nic_echo(&n, 0, frame, nic_build(frame, &f).len, 1, NULL, NULL);

	fd = dial(path);
	o = ask(fd, "stats\n");
	assert_int_equal(number(o, "counters", "tx_frames"), 1);
	assert_int_equal(number(o, "counters", "rx_delivered"), 1);
	assert_int_equal(number(o, "counters", "tx_bypass"), 1);
	assert_int_equal(json_object_object_length(json_object_object_get(o, "counters")),
			 ESPNIC_COUNTER_COUNT);
	assert_int_equal(number(o, "sas", NULL), 0);
	assert_string_equal(json_object_get_string(json_object_object_get(o, "core")), "native");
	assert_int_equal(json_object_array_length(json_object_object_get(o, "queues")), 2);
	json_object_put(o);
	o = ask(fd, "health\r\n");
	assert_true(json_object_get_boolean(json_object_object_get(o, "ready")));
	assert_string_equal(json_object_get_string(json_object_object_get(o, "fatal")), "none");
	json_object_put(o);
	o = ask(fd, "keys\n");
	assert_non_null(json_object_object_get(o, "error"));
	json_object_put(o);
	memset(longline, 'x', sizeof(longline));
	strcpy(longline + sizeof(longline) - 2, "\n");
	o = ask(fd, longline);
	assert_non_null(json_object_object_get(o, "error"));
	json_object_put(o);
	/* Many clients, silent ones among them. */
	for (unsigned int i = 0; i < 20; i++)
		dial(path);
	o = ask(fd, "health\n");
	json_object_put(o);

	/* Both sockets are in use: a second device says so and touches nothing. */
	assert_int_equal(
		run((const char *[]){ "--socket", p->socket, "--wire", "loopback", NULL }, again),
		1);
	assert_non_null(strstr(again, p->socket));
	assert_int_equal(run((const char *[]){ "--socket", in_dir("s"), "--wire", "loopback",
					       "--control", path, NULL },
			     again),
			 1);
	assert_non_null(strstr(again, "in use"));
	o = ask(fd, "health\n");
	json_object_put(o);
	close(fd);

	espnic_drv_close(d);
	assert_int_equal(espnic_proc_stop(p), 0);
	assert_true(stat(path, &st)); /* gone */
	assert_int_equal(stat(rec, &st), 0);
	assert_true(st.st_size > 2 * 100);
}

/* What is hidden is in no register, and what would need it is refused. */
static void hidden_capabilities(void **state)
{
	struct espnic_proc *p = espnic_proc_start((const char *[]){
		"--wire", "loopback", "--hide-caps", "RSS,REVIVE", "--hide-caps", "AES_CBC", NULL });
	struct espnic_cmd_rss_set rss = { .flags = ESPNIC_CMD_RSS_SET_L4 };
	struct espnic_drv *d;

	(void)state;
	assert_non_null(p);
	d = espnic_drv_open(p->socket);
	assert_non_null(d);
	assert_int_equal(espnic_drv_start(d, NULL, 0, 1, NIC_LOG2, nic_mac), 0);
	assert_int_equal(espnic_client_reg_read(d->c, ESPNIC_REG_CAP_OFFLOAD),
			 espnic_caps_offered.offload & ~ESPNIC_CAP_OFFLOAD_RSS);
	assert_int_equal(espnic_client_reg_read(d->c, ESPNIC_REG_CAP_IPSEC),
			 espnic_caps_offered.ipsec & ~ESPNIC_CAP_IPSEC_REVIVE);
	assert_int_equal(espnic_client_reg_read(d->c, ESPNIC_REG_CAP_TRANSFORMS),
			 espnic_caps_offered.transforms & ~ESPNIC_CAP_TRANSFORMS_AES_CBC);
	assert_int_equal(espnic_drv_cmd(d, ESPNIC_OPCODE_RSS_SET, &rss, sizeof(rss), NULL, 0, NULL),
			 ESPNIC_CMD_STATUS_UNSUPPORTED);
	espnic_drv_close(d);
	assert_int_equal(espnic_proc_stop(p), 0);
}

static void clients_come_and_go(void **state)
{
	struct espnic_proc *p = espnic_proc_start((const char *[]){ "--wire", "loopback", NULL });

	(void)state;
	assert_non_null(p);
	for (unsigned int i = 0; i < 10; i++) {
		struct espnic_drv *d = espnic_drv_open(p->socket);
		struct nic n = { p, d };
		uint8_t frame[300];
		struct nic_flow f = { .payload = 10 * i };

		assert_non_null(d);
		assert_int_equal(espnic_drv_start(d, NULL, 0, 2, NIC_LOG2, nic_mac), 0);
		assert_int_equal(espnic_drv_counter(d, ESPNIC_COUNTER_TX_PACKETS), 0);
		/* Whatever queue the hash chooses. */
		assert_int_equal(espnic_drv_queue_destroy(d, 1), 0);
		nic_echo(&n, 0, frame, nic_build(frame, &f).len, 1, NULL, NULL);
		espnic_drv_close(d);
	}
	/* A stop in the middle of traffic. */
	{
		struct espnic_drv *d = espnic_drv_open(p->socket);
		static uint8_t big[60000];
		struct nic_flow f = { .tcp = true, .payload = 50000 };
		struct nic_layout at = nic_build(big, &f);
		struct espnic_tx_desc t = {
			.flags = ESPNIC_TX_DESC_TSO,
			.mss = 10,
			.hdr_len = (uint16_t)at.payload,
		};

		assert_non_null(d);
		assert_int_equal(espnic_drv_start(d, NULL, 0, 1, NIC_LOG2, nic_mac), 0);
		for (unsigned int i = 0; i < 100; i++)
			espnic_drv_tx_frame(d, 0, big, at.len, 2, &t);
		assert_int_equal(espnic_proc_stop(p), 0);
		espnic_drv_close(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_usage_is_one_clear_line),
		cmocka_unit_test_setup_teardown(what_cannot_be_opened, make_dir, remove_dir),
		cmocka_unit_test(help_and_version),
		cmocka_unit_test_setup_teardown(control_socket, make_dir, remove_dir),
		cmocka_unit_test(hidden_capabilities),
		cmocka_unit_test(clients_come_and_go),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
