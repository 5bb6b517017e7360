// SPDX-License-Identifier: BSD-2-Clause
/* Lines of the log, both forms of them, and what a service manager is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "main/log.h"
#include "main/notify.h"

static uint64_t noon(void)
{
	return 1234567890;
}

/* What a line says of @e, or, if that is NULL, of a note of @text. */
static char *logged(enum espnic_log_form form, const struct espnic_ike_event *e, const char *text)
{
	struct espnic_log log = { .form = form, .now = noon };
	char *said = NULL;
	size_t len;

	log.out = open_memstream(&said, &len);
	assert_non_null(log.out);
	if (e)
		espnic_log_event(&log, e);
	else
		espnic_log_note(&log, "config", "%s", text);
	fclose(log.out);
	return said;
}

static void says(enum espnic_log_form form, const struct espnic_ike_event *e, const char *text, const char *want)
{
	char *said = logged(form, e, text);

	assert_string_equal(said, want);
	free(said);
}

static void test_events(void **state)
{
	struct espnic_ike_event e = {
		.kind = ESPNIC_IKE_EV_CHILD_REKEYED, .ike_id = 1, .child_id = 3, .old_id = 2, .conn = "home", .child = "net",
		.text = "offload=packet",
	};

	(void)state;
	assert_int_equal(espnic_ike_addr_parse(&e.remote.addr, "2001:db8::2"), 0);
	e.remote.port = 4500;
	says(ESPNIC_LOG_TEXT, &e, NULL,
	     "time=1234567890 event=\"child-rekeyed\" conn=\"home\" child=\"net\" ike=1 child-id=3 old=2 "
	     "remote=\"[2001:db8::2]:4500\" text=\"offload=packet\"\n");
	says(ESPNIC_LOG_JSON, &e, NULL,
	     "{\"time\":1234567890,\"event\":\"child-rekeyed\",\"conn\":\"home\",\"child\":\"net\",\"ike\":1,\"child-id\":3,\"old\":2,"
	     "\"remote\":\"[2001:db8::2]:4500\",\"text\":\"offload=packet\"}\n");
	e = (struct espnic_ike_event){ .kind = ESPNIC_IKE_EV_PEER };
	says(ESPNIC_LOG_TEXT, &e, NULL, "time=1234567890 event=\"peer\"\n");
}

static uint64_t clock_s = 1;

static uint64_t at(void)
{
	return clock_s;
}

static unsigned int lines_of(const char *said)
{
	unsigned int n = 0;

	for (; *said; said++)
		n += *said == '\n';
	return n;
}

/* What comes in a second beyond the limit is counted, and told of with the next line. */
static void test_limit(void **state)
{
	struct espnic_ike_event e = { .kind = ESPNIC_IKE_EV_CHILD_UP };
	struct espnic_log_limit limit = { .seconds = at };
	struct espnic_log log = { .limit = &limit };
	char *said = NULL;
	unsigned int i;
	size_t len;

	(void)state;
	log.out = open_memstream(&said, &len);
	for (i = 0; i < ESPNIC_LOG_PER_SECOND + 7; i++)
		espnic_log_event(&log, &e);
	assert_int_equal(lines_of(said), ESPNIC_LOG_PER_SECOND);
	/* the daemon's own words are none of a peer's */
	espnic_log_note(&log, "config", "loaded");
	assert_int_equal(lines_of(said), ESPNIC_LOG_PER_SECOND + 1);
	clock_s++;
	espnic_log_event(&log, &e);
	espnic_log_event(&log, &e);
	assert_int_equal(lines_of(said), ESPNIC_LOG_PER_SECOND + 4);
	assert_non_null(strstr(said, "event=\"held-back\" text=\"7 events more than 200 in a second\"\nevent=\"child-up\"\nevent=\"child-up\"\n"));
	fclose(log.out);
	free(said);
}

/* What a peer wrote can neither end a line nor a value. */
static void test_forgery(void **state)
{
	static const char hostile[] = "a\nevent=\"ike-up\" \\ \x1b[31m \x7f \xc3\xa9\t";
	char all[256], *said;
	struct json_object *o, *v;
	int i;

	(void)state;
	says(ESPNIC_LOG_TEXT, NULL, hostile,
	     "time=1234567890 event=\"config\" text=\"a\\u000aevent=\\\"ike-up\\\" \\\\ \\u001b[31m \\u007f \\u00c3\\u00a9\\u0009\"\n");
	for (i = 1; i < 256; i++)
		all[i - 1] = (char)i;
	all[255] = 0;
	said = logged(ESPNIC_LOG_JSON, NULL, all);
	assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
	o = json_tokener_parse(said);
	assert_non_null(o);
	assert_true(json_object_object_get_ex(o, "text", &v));
	/* the upper half comes back as characters of two bytes each */
	assert_int_equal(json_object_get_string_len(v), 127 + 2 * 128);
	json_object_put(o);
	free(said);
}

static void test_notify(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "\0espnic-notify" };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct espnic_notify n;
	char buf[160], pid[16];
	ssize_t len;

	(void)state;
	snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "espnic-notify-%d", getpid());
	assert_int_equal(bind(fd, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
								    strlen(a.sun_path + 1))), 0);
	unsetenv("NOTIFY_SOCKET");
	espnic_notify_open(&n);
	assert_int_equal(n.fd, -1);
	espnic_notify_say(&n, "READY=1");
	snprintf(buf, sizeof(buf), "@%s", a.sun_path + 1);
	setenv("NOTIFY_SOCKET", buf, 1);
	setenv("WATCHDOG_USEC", "20000000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	espnic_notify_open(&n);
	assert_true(n.fd >= 0);
	assert_int_equal(n.watchdog_ms, 0);
	espnic_notify_close(&n);
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("WATCHDOG_PID", pid, 1);
	espnic_notify_open(&n);
	assert_int_equal(n.watchdog_ms, 10000);
	espnic_notify_say(&n, "READY=1\nSTATUS=1 connection");
	len = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	assert_int_equal(len, 27);
	assert_memory_equal(buf, "READY=1\nSTATUS=1 connection", 27);
	espnic_notify_close(&n);
	/* a manager that isn't there, and names that are none */
	setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
	espnic_notify_open(&n);
	assert_int_equal(n.fd, -1);
	setenv("NOTIFY_SOCKET", "relative", 1);
	espnic_notify_open(&n);
	assert_int_equal(n.fd, -1);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_forgery),
		cmocka_unit_test(test_notify),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
